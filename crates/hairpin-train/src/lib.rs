//! Train, checkpoint, predict and report: one loop for every hairpin model, on [Burn](https://burn.dev).
//!
//! ```
//! use hairpin_models::SequenceLstmConfig;
//! use hairpin_seq::{Dna, OneHot, Seq};
//! use hairpin_targets::{ClassLabels, most_likely};
//! use hairpin_train::{
//!     Classification, DeviceKind, Examples, FitConfig, RunDir, SequenceDataset, Session, fit, predict,
//! };
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().join("run");
//! // Class 0 repeats AC, class 1 repeats GT.
//! let text = |row: usize| if row % 2 == 0 { "ACACACACACAC" } else { "GTGTGTGTGTGT" };
//! let sequences = (0..16).map(|row| text(row).parse()).collect::<Result<Vec<Seq<Dna>>, _>>()?;
//! let labels = ClassLabels::new((0..16).map(|row| row % 2).collect(), 2)?;
//! let inputs = SequenceDataset::new(&sequences, OneHot::default());
//! let examples = Examples::new(&inputs, &labels);
//!
//! let model = SequenceLstmConfig::new(4, 2).with_d_hidden(8);
//! let config = FitConfig { epochs: 30, batch_size: 4, learning_rate: 0.02, ..FitConfig::default() };
//! let device = DeviceKind::Flex.device()?;
//! let fitted = fit(
//!     |device| model.init(device),
//!     &Classification::default(),
//!     examples, // to learn from
//!     examples, // to choose the best epoch by: held-out rows in real life
//!     &config,
//!     Session::new(&RunDir::create(&folder)?, &device),
//! )?;
//! let probabilities = predict(&fitted.model, &Classification::default(), &inputs, 4, &device)?;
//! assert_eq!(most_likely(&probabilities)?, labels.labels());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What [`fit`] promises: rows of like length meet in a batch; the weights of the best epoch are returned; every draw comes from the
//! seed; a run that is asked to [stop](Stop) leaves a checkpoint from which it ends with the same bytes; a loss that is no longer a
//! number is an error. A run is a folder that only [`RunDir`] knows; a [`Bundle`] in it loads whole or is refused.
//!
//! | module | what is there |
//! |---|---|
//! | here | [`fit`], [`predict`], datasets, objectives, devices, runs and bundles |
//! | [`config`] | a TOML file laid over defaults, unknown keys refused by line and column |
//! | [`events`] | what happens in a run, as `tracing` events |
//! | [`explain`] | why a model says what it says: mutagenesis, gradients, attention, filters; logos and heat maps |
//! | [`history`] | the epochs of a run, as CSV both ways |
//! | [`manifest`] | what a run was made with, so that it can be made again |
//! | [`report`] | one self-contained HTML file with curves, tables and confusion matrices |
//!
//! Device: `DeviceKind` is the only place that names backends; each is a cargo feature (`flex`, `ndarray`, `vulkan`, `cuda`).
//!
//! What it does not do: it reads no task's files (`hairpin-tasks`), and searches no hyper-parameters (`hairpin-search`, whose trials
//! are calls of [`fit`] that [`Session::watch`] ends early).

mod average;
mod bundle;
mod checkpoint;
pub mod config;
mod dataset;
mod device;
mod digest;
mod ensemble;
mod error;
pub mod events;
pub mod explain;
mod fit;
pub mod history;
pub mod manifest;
mod objective;
mod optimizer;
mod order;
mod outputs;
mod pair_vectors;
mod predict;
mod progress;
mod rate_finder;
pub mod report;
mod run_dir;
mod schedule;
mod tensorboard;
mod weights;

pub use average::{AverageConfig, AverageKind};
pub use bundle::Bundle;
pub use burn::tensor::{Device, FloatDType};
pub use dataset::{
    AnnotatedSequences, ColumnSample, Dataset, NpyMatrix, NpyRows, NpySequences, PairDataset,
    PairInput, PairPools, PerBaseDataset, PerBaseFeatures, Pool, PoolShares, SequenceDataset,
    Vectors,
};
pub use device::{DeviceKind, Devices};
pub use ensemble::{
    Ensemble, Member, OutOfFold, out_of_fold, predict_augmented, with_pseudo_labels,
};
pub use error::TrainError;
pub use fit::{Ended, Examples, FitConfig, Fitted, Kept, Precision, Session, Stop, Watch, fit};
pub use objective::{
    BinaryClassification, Classification, Contrastive, ContrastiveTowers, Evaluation,
    GaussianRegression, InfoNce, Loss, LossTerm, Objective, PositionRegression, PositionTargets,
    Regression, Sampled, TargetBatch, Variance,
};
pub use optimizer::{OptimizerConfig, OptimizerKind, ParameterGroup};
pub use order::{BatchSampler, balanced_odds};
pub use outputs::{Outputs, Predictions};
pub use pair_vectors::PairVectors;
pub use predict::{check_lengths, predict};
pub use progress::{Meter, Progress};
pub use rate_finder::find_learning_rate;
pub use run_dir::RunDir;
pub use schedule::{Monitor, ScheduleConfig, ScheduleKind};
pub use tensorboard::TensorBoard;
