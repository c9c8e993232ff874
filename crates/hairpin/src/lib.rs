//! Deep learning on biological sequences and cells, on [Burn](https://burn.dev) 0.22: one dependency that holds the hairpin crates.
//!
//! A hairpin is the RNA stem-loop, one strand that folds so that its two ends meet. Files go in at one end, a scored prediction
//! comes out at the other, and the libraries in between are useful alone:
//!
//! | module | crate | what it is for | needs Burn |
//! |---|---|---|---|
//! | [`seq`] | `hairpin-seq` | alphabets, operations, encodings, k-mers, motifs, augmentation, structure strings, FASTA | no |
//! | [`fold`] | `hairpin-fold` | RNA secondary structure: energies, the most stable structure, exact probabilities of pairs and loops | no |
//! | [`search`] | `hairpin-search` | hyper-parameter search: random, TPE, pruning, a table that survives a kill, importance, report | no |
//! | [`targets`] | `hairpin-targets` | labels and target matrices, recipes, splits that do not leak, metrics with intervals, simple controls | no |
//! | [`tasks`] | `hairpin-tasks` | the official files of prediction tasks, read safely and written exactly | no |
//! | [`nn`] | `hairpin-nn` | layers that Burn lacks or runs slowly: LSTM and GRU with lengths, as fused kernels | yes |
//! | [`models`] | `hairpin-models` | networks checked against PyTorch, forward and gradients | yes |
//! | [`train`] | `hairpin-train` | training that resumes and replays, prediction, bundles, explanations, reports | yes |
//!
//! # The way from strings to a judged model
//!
//! **1. Sequences.** An alphabet is a type, so DNA never meets RNA by mistake. What a file may contain besides its symbols is a
//! [policy](seq::Policy), strict unless you say otherwise.
//!
//! ```
//! use hairpin::seq::{Ambiguous, Case, Dna, Policy, Seq};
//!
//! let seq: Seq<Dna> = "GATTACA".parse()?;
//! assert_eq!(seq.reverse_complement().to_string(), "TGTAATC");
//!
//! let error = "GATNACA".parse::<Seq<Dna>>().unwrap_err();
//! assert!(error.to_string().contains("position 4"));
//! let lenient = Policy { ambiguous: Ambiguous::Unknown, case: Case::Fold, ..Policy::default() };
//! assert_eq!(Seq::<Dna>::parse("gatNaca", lenient)?.count_unknown(), 1);
//! # Ok::<(), hairpin::seq::SeqError>(())
//! ```
//!
//! **2. Controls first.** Much of this field is beaten by counting. Here two classes have the same composition and differ in
//! which base follows which, so a k-mer centroid solves what the majority class cannot.
//!
//! ```
//! use hairpin::seq::{Dna, Seq};
//! use hairpin::targets::control::{Classifier, MajorityClass, NearestCentroid};
//! use hairpin::targets::{ClassLabels, Fractions, metrics, split};
//!
//! # fn strings(rows: &[usize]) -> Vec<Seq<Dna>> {
//! #     rows.iter().map(|row| ["ACGT", "TGCA"][row % 2].repeat(4 + row % 3).parse().unwrap()).collect()
//! # }
//! let labels = ClassLabels::new((0..40).map(|row| row % 2).collect(), 2)?;
//! let split = split::stratified(&labels, Fractions { train: 0.6, valid: 0.2, test: 0.2 }, 1)?;
//! let (train, test) = (strings(&split.train), strings(&split.test));
//! let (y, truth) = (labels.select(&split.train)?, labels.select(&split.test)?);
//!
//! let centroid = NearestCentroid::new(2).fit(&train, &y)?;
//! let majority = MajorityClass.fit(&train, &y)?;
//! let found = metrics::accuracy(&centroid.predict(&test), &truth, 0.95)?;
//! assert_eq!(found.value, 1.0);
//! assert_eq!(metrics::accuracy(&majority.predict(&test), &truth, 0.95)?.value, 0.5);
//! // Eight rows are few, and the interval says so.
//! assert_eq!(format!("{found:.2}"), "1.00 (95 % interval 0.68 to 1.00)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **3. A network**, trained, saved and loaded whole. [`train::fit`] returns the weights of the best epoch; a
//! [`Bundle`](train::Bundle) that misses a part is refused.
//!
//! ```
//! use hairpin::models::SequenceLstmConfig;
//! use hairpin::seq::{Dna, OneHot, Seq};
//! use hairpin::targets::{ClassLabels, most_likely};
//! use hairpin::train::{
//!     Bundle, Classification, DeviceKind, Examples, FitConfig, RunDir, SequenceDataset, Session, config, fit, predict,
//! };
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().join("run");
//! # let strings: Vec<Seq<Dna>> = (0..40).map(|row| ["ACGT", "TGCA"][row % 2].repeat(4 + row % 3).parse().unwrap()).collect();
//! # let labels = ClassLabels::new((0..40).map(|row| row % 2).collect(), 2)?;
//! let inputs = SequenceDataset::new(&strings, OneHot::default());
//! let examples = Examples::new(&inputs, &labels);
//! let settings = SequenceLstmConfig::new(4, 2).with_conv_channels(8).with_d_hidden(8);
//! let run = RunDir::create(&folder)?;
//! let device = DeviceKind::Flex.device()?;
//! let fitted = fit(
//!     |device| settings.init(device),
//!     &Classification::default(),
//!     examples,
//!     examples, // held-out rows in real life
//!     &FitConfig { batch_size: 8, learning_rate: 0.02, ..FitConfig::default() },
//!     Session::new(&run, &device),
//! )?;
//! let targets = serde_json::json!({ "classes": ["ACGT", "TGCA"] });
//! Bundle::of("sequence_lstm", config::to_toml(&settings)?, targets, &fitted.model)?.save(&run)?;
//! run.clear_checkpoint()?;
//!
//! let bundle = Bundle::load(&run, "sequence_lstm")?;
//! let settings: SequenceLstmConfig = config::layered(&settings, &bundle.config_toml, &run.file(RunDir::RUN))?;
//! let model = bundle.into_model(settings.init(&device)?)?;
//! let probabilities = predict(&model, &Classification::default(), &inputs, 8, &device)?;
//! assert_eq!(most_likely(&probabilities)?, labels.labels());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **4. Settings**, searched for. A trial is a training that [reports](search::Trial::report) every epoch and is ended where it stands when
//! it is not worth finishing; the table of trials survives a kill.
//!
//! ```
//! use hairpin::models::SequenceLstmConfig;
//! use hairpin::search::{Budget, Pruner, Space, Study, StudyConfig, SuccessiveHalving, Verdict};
//! use hairpin::seq::{Dna, OneHot, Seq};
//! use hairpin::targets::ClassLabels;
//! use hairpin::train::history::Epoch;
//! use hairpin::train::{Classification, DeviceKind, Examples, FitConfig, Monitor, RunDir, SequenceDataset, Session, fit};
//! use std::ops::ControlFlow;
//! use std::time::Duration;
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! # let strings: Vec<Seq<Dna>> = (0..24).map(|row| ["ACGT", "TGCA"][row % 2].repeat(4 + row % 3).parse().unwrap()).collect();
//! # let labels = ClassLabels::new((0..24).map(|row| row % 2).collect(), 2)?;
//! let inputs = SequenceDataset::new(&strings, OneHot::default());
//! let examples = Examples::new(&inputs, &labels); // split in real life
//! let device = DeviceKind::Flex.device()?;
//!
//! let space = Space::builder().log_float("learning_rate", 1e-4..=1e-1).int("d_hidden", 4..=8).build()?;
//! let halving = SuccessiveHalving { max_step: Some(9), ..SuccessiveHalving::default() };
//! let study_config = StudyConfig { seed: 3, pruner: Pruner::SuccessiveHalving(halving), ..StudyConfig::default() };
//! let study = Study::open(space, study_config, &folder.join("trials.csv"))?;
//! study.run(Budget::trials(4), |trial| {
//!     let d_hidden = trial.params().int("d_hidden")? as usize;
//!     let model = SequenceLstmConfig::new(4, 2).with_d_hidden(d_hidden);
//!     let learning_rate = trial.params().float("learning_rate")?;
//!     let config = FitConfig { epochs: 9, batch_size: 8, learning_rate, monitor: Monitor::Loss, ..FitConfig::default() };
//!     let run = RunDir::create(folder.join(format!("trial-{}", trial.number())))?;
//!     let mut lowest = f64::INFINITY;
//!     let mut watch = |epoch: &Epoch| {
//!         lowest = lowest.min(epoch.valid_loss);
//!         match trial.report(epoch.epoch as u64, lowest) {
//!             Verdict::Stop => ControlFlow::Break(()),
//!             _ => ControlFlow::Continue(()),
//!         }
//!     };
//!     let session = Session {
//!         checkpoint_every: Duration::MAX, // a trial is soon repeated
//!         watch: Some(&mut watch),
//!         ..Session::new(&run, &device)
//!     };
//!     fit(|device| model.init(device), &Classification::default(), examples, examples, &config, session)?;
//!     Ok::<_, Box<dyn std::error::Error>>(lowest)
//! })?;
//! let trials = study.trials();
//! assert_eq!(trials.len(), 4);
//! // The whole search did not cost four whole trainings.
//! assert!(trials.iter().map(|trial| trial.reports.len()).sum::<usize>() < 4 * 9);
//! assert!(study.best().expect("a complete trial").value < Some(0.7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `flex` | yes | Burn's pure-Rust CPU backend, and the fused kernels |
//! | `ndarray` | no | the second CPU backend, deprecated upstream |
//! | `vulkan` | no | GPUs through Vulkan |
//! | `cuda` | no | NVIDIA GPUs; its build downloads an LLVM bundle |
//!
//! Features add backends and change no number; a program chooses one at run time with [`train::DeviceKind`].
//!
//! # What it does not do
//!
//! So far one of five planned tasks runs end to end, the DNA class challenge in `examples/dna-rnn-classifier`. Protein language models
//! and the other tasks are planned; `docs/ARCHITECTURE.md` has their places.

pub use hairpin_fold as fold;
pub use hairpin_models as models;
pub use hairpin_nn as nn;
pub use hairpin_search as search;
pub use hairpin_seq as seq;
pub use hairpin_targets as targets;
pub use hairpin_tasks as tasks;
pub use hairpin_train as train;
