//! Five classes of DNA strings, trained at 400 nt and predicted at 2,000 nt by a recurrent network.

mod explain;
mod outcome;
mod page;
mod plan;
mod settings;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};
use hairpin::models::SequenceLstm;
use hairpin::seq::{Dna, OneHot, Seq};
use hairpin::targets::control::{Classifier, MajorityClass, MarkovChain, NearestCentroid};
use hairpin::targets::most_likely;
use hairpin::tasks::manifest::Identity;
use hairpin::tasks::rnn_dna::{self, MANIFEST, SUBMISSION};
use hairpin::train::{
    Bundle, Classification, Device, DeviceKind, Devices, Examples, Progress, RunDir,
    SequenceDataset, Session, Stop, check_lengths, fit, predict,
};
use outcome::{Judged, Outcome, against_controls};
use plan::Plan;
use settings::Settings;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// The name under which the model is bundled.
const MODEL: &str = "sequence_lstm";

/// The simulated data of the repository, and the truth about its test strings.
const FIXTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/tasks/rnn-dna/rnn-dna-simulated.npz"
);
const FIXTURE_TRUTH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/tasks/rnn-dna/test-labels.npy"
);

/// Shown at the end of `--help`.
const EXAMPLES: &str = "Examples, from the repository's root:
  dna-rnn-classifier train
  dna-rnn-classifier train --data rnn-challenge-data.npz --run runs/challenge --seed 2
  dna-rnn-classifier train --replay runs/challenge
  dna-rnn-classifier predict --run runs/challenge --data rnn-challenge-data.npz --out labels.npy
  dna-rnn-classifier evaluate --run runs/dna-rnn-classifier --labels fixtures/tasks/rnn-dna/test-labels.npy";

/// Classifies DNA strings by a recurrent network that is trained on short ones and asked about long ones.
///
/// The data are one npz file: data_x (n,) <U400 and data_y int64 to train on, val_x and val_y to validate, test_x to label. The answer
/// is prediction.npy, (n,) int64. Progress and logs go to stderr, results to stdout; the exit status is 0 only when all is written.
#[derive(Parser)]
#[command(version, max_term_width = 110, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train, score on the validation strings beside simple controls, label the test strings, write a report
    Train(TrainArgs),
    /// Label the test strings of a file with a trained model
    Predict(PredictArgs),
    /// Score a run's prediction.npy against true labels
    Evaluate(EvaluateArgs),
}

#[derive(Args)]
struct TrainArgs {
    /// The data, an npz file; without it, the repository's simulated data
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// A TOML file laid over the defaults; see configs/default.toml for every key. The run.toml of an earlier run is one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the run: weights, metrics, prediction.npy, report.html [default: runs/dna-rnn-classifier; of a replay,
    /// RUN-replay]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Make an earlier run again: its configuration, seed and device, and its data, which must have the recorded hash
    #[arg(long, value_name = "RUN", conflicts_with_all = ["data", "config", "seed", "device"])]
    replay: Option<PathBuf>,
    /// Seed of the first weights and of every later draw, in place of the configuration's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// flex, ndarray, vulkan, vulkan:INDEX, cuda or cuda:INDEX, one not built in says which feature to build with; several joined by
    /// commas share the batches of each step, of which fit.accumulate has to be as many
    #[arg(long, value_name = "DEVICES", default_value_t)]
    device: Devices,
    /// Go on with a run that was stopped, from its last complete epoch
    #[arg(long)]
    resume: bool,
    /// Also write the epochs as TensorBoard's event files, in tensorboard/ of the run's folder
    #[arg(long)]
    tensorboard: bool,
    /// Print the results as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct PredictArgs {
    /// The folder of a trained run
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// The npz file whose test_x is to be labelled; without it, the repository's simulated data
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Where to write the labels; without it, prediction.npy in the run's folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// flex, ndarray, vulkan, vulkan:INDEX, cuda or cuda:INDEX
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceKind,
    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct EvaluateArgs {
    /// The folder of a run with its prediction.npy
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// The true labels, an npy file of int64
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
}

/// The system's gives large buffers back to the kernel at every step (`docs/BENCHMARKS.md`, "Task times").
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sigpipe::reset();
    let done = match Cli::parse().command {
        Command::Train(args) => train(args),
        Command::Predict(args) => label(args),
        Command::Evaluate(args) => evaluate(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn train(args: TrainArgs) -> Result<()> {
    let started = Instant::now();
    let plan = Plan::of(&args)?;
    let settings = &plan.settings;
    let (device, replicas) = plan.device.open()?;
    let identity = identify(&plan.data)?;
    let data = rnn_dna::read_train(&plan.data, settings.data.policy())?;
    let (train, valid) = (&data.train, &data.valid);
    let test = rnn_dna::read_test(&plan.data, settings.data.policy())?;
    let run = RunDir::create(&plan.folder)?;

    let (x, y) = (&train.sequences, &train.labels);
    let controls: Vec<Box<dyn Classifier<Dna>>> = vec![
        Box::new(MajorityClass.fit(x, y)?),
        Box::new(NearestCentroid::new(2).fit(x, y)?),
        Box::new(MarkovChain::fit_best_order(
            0..=4,
            x,
            y,
            &valid.sequences,
            &valid.labels,
        )?),
    ];
    let own = Path::new(FIXTURE).canonicalize().ok();
    let truth = match own == Some(plan.absolute_data()?) {
        true => Some(rnn_dna::read_labels(Path::new(FIXTURE_TRUTH))?),
        false => None,
    };
    let mut judged = Vec::new();
    for control in controls {
        let on_valid = control.predict_proba(&valid.sequences);
        let on_test = control.predict(&test);
        judged.push(Judged::new(
            control.name(),
            on_valid,
            on_test,
            &valid.labels,
        )?);
    }

    let encode = |sequences| SequenceDataset::new(sequences, OneHot::default());
    let (on_train, on_valid) = (encode(&train.sequences), encode(&valid.sequences));
    let on_train = match settings.data.min_crop {
        0 => on_train,
        crop => on_train.with_min_crop(crop),
    };
    // A test string that is too short is to be known before the training, not after it.
    check_lengths(&settings.model.init(&device)?, &encode(&test))?;
    let manifest = plan.manifest()?.begin(&run, args.resume)?;
    plan.launch()?.record(&run)?;
    let stop =
        Stop::on_ctrl_c(|| eprintln!("stopping after this batch; Ctrl-C again to stop at once"))?;
    let fitted = fit(
        |device| settings.model.init(device),
        &Classification::default(),
        Examples::new(&on_train, &train.labels),
        Examples::new(&on_valid, &valid.labels),
        &settings.fit,
        Session {
            origin: vec![
                ("configuration".into(), settings.to_toml()?),
                ("data file (by SHA-256)".into(), identity.sha256().into()),
                ("device".into(), plan.device.to_string()),
            ],
            resume: args.resume,
            tensorboard: args.tensorboard,
            progress: Progress::Bar,
            stop: stop.clone(),
            replicas,
            ..Session::new(&run, &device)
        },
    )?;

    let run_toml = manifest.append_to(&settings.to_toml()?)?;
    let bundle = Bundle::of(MODEL, run_toml, targets(&identity), &fitted.model)?;
    bundle.save(&run)?;
    ensure!(
        !stop.requested(),
        "stopped after the training; `--resume` does what is left"
    );
    let batch_size = settings.fit.batch_size;
    let proba = predict(
        &fitted.model,
        &Classification::default(),
        &on_valid,
        batch_size,
        &device,
    )?;
    let on_test = labels(&fitted.model, &test, batch_size, &device)?;
    rnn_dna::write_submission(&run.file(SUBMISSION), &on_test)?;
    let explanations = explain::figures(&fitted.model, settings, &data, &proba, &device)?;
    judged.push(Judged::new(
        format!("{MODEL} (the model)"),
        proba,
        on_test,
        &valid.labels,
    )?);

    let (verdict, differences) = against_controls(&judged, &valid.labels)?;
    let outcome = Outcome {
        settings,
        identity: &identity,
        manifest,
        history: fitted.history,
        judged,
        verdict,
        differences,
        leakage: page::leakage(&data)?,
        explanations,
        data: &data,
        truth,
        started,
    };
    outcome.finish(&run, args.json)?;
    plan.compare(&bundle)?;
    Ok(run.clear_checkpoint()?)
}

fn label(args: PredictArgs) -> Result<()> {
    let run = RunDir::open(&args.run)?;
    let device = args.device.device()?;
    let bundle = Bundle::load(&run, MODEL)?;
    let settings = Settings::from_toml(&bundle.config_toml, &run.file(RunDir::RUN))?;
    let path = args.data.as_deref().unwrap_or(Path::new(FIXTURE));
    let identity = identify(path)?;
    // Labels of other strings must not take the place of the run's own without being asked for.
    ensure!(
        args.data.is_some() || bundle.targets == targets(&identity),
        "{}: was trained on another file than the repository's simulated data; add --data FILE",
        run.path().display()
    );
    let test = rnn_dna::read_test(path, settings.data.policy())?;
    let model = bundle.into_model(settings.model.init(&device)?)?;
    let found = labels(&model, &test, settings.fit.batch_size, &device)?;
    let out = args.out.unwrap_or_else(|| run.file(SUBMISSION));
    rnn_dna::write_submission(&out, &found)?;
    if args.json {
        println!(
            "{}",
            serde_json::json!({ "labels": found.len(), "file": out })
        );
    } else {
        println!("{} labels in {}", found.len(), out.display());
    }
    Ok(())
}

fn evaluate(args: EvaluateArgs) -> Result<()> {
    let run = RunDir::open(&args.run)?;
    let score = rnn_dna::score(&run.file(SUBMISSION), &args.labels)?;
    outcome::print_score(&score, args.json)
}

/// The most likely class of each string.
fn labels(
    model: &SequenceLstm,
    sequences: &[Seq<Dna>],
    batch_size: usize,
    device: &Device,
) -> Result<Vec<usize>> {
    let inputs = SequenceDataset::new(sequences, OneHot::default());
    let probabilities = predict(
        model,
        &Classification::default(),
        &inputs,
        batch_size,
        device,
    )?;
    Ok(most_likely(&probabilities)?)
}

/// Which known file this is; one that is not known is welcome, and said to be so.
fn identify(path: &Path) -> Result<Identity> {
    let identity = MANIFEST.verify(path)?;
    if let Identity::Unknown { .. } = &identity {
        eprintln!("note: {identity}");
    }
    Ok(identity)
}

/// What the run learnt its outputs from.
fn targets(identity: &Identity) -> serde_json::Value {
    serde_json::json!({
        "alphabet": "DNA",
        "encoding": "one_hot",
        "n_classes": rnn_dna::N_CLASSES,
        "data_sha256": identity.sha256(),
    })
}
