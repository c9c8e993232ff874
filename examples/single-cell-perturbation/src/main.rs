//! What a compound does to every gene of a cell type, for pairs that nobody measured.

mod blend;
mod cli;
mod controls;
mod encoding;
mod figures;
mod job;
mod judgement;
mod learned;
mod outcome;
mod pairs;
mod settings;
mod splits;

use anyhow::Result;
use clap::Parser;
use cli::{Cli, Command, EvaluateArgs, PredictArgs};
use hairpin::tasks::perturbation;
use hairpin::train::RunDir;
use job::Job;
use learned::Learned;
use pairs::Pairs;
use settings::Settings;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The simulated experiment of the repository, and the truth about the pairs to predict.
const FIXTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/tasks/perturbation"
);

/// The system's gives large buffers back to the kernel at every step (`docs/BENCHMARKS.md`, "Task times").
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sigpipe::reset();
    let done = match Cli::parse().command {
        Command::Train(args) => Job::start(&args.common).and_then(|job| job.train(&args)),
        Command::CompareSplits(args) => Job::start(&args.common).and_then(|job| job.compare(&args)),
        Command::Predict(args) => predict(&args),
        Command::Evaluate(args) => evaluate(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The pairs to learn from: `de_train.parquet`, or `de_train.h5ad` where only that is.
fn train_file(data: Option<&PathBuf>) -> PathBuf {
    let official = data_file(data, perturbation::TRAIN);
    let of_anndata = data_file(data, perturbation::TRAIN_H5AD);
    match !official.exists() && of_anndata.exists() {
        true => of_anndata,
        false => official,
    }
}

/// A file of the official name in the folder of the data, or the fixture's.
fn data_file(data: Option<&PathBuf>, name: &str) -> PathBuf {
    match data {
        Some(folder) => folder.join(name),
        None => Path::new(FIXTURE).join(name),
    }
}

fn predict(args: &PredictArgs) -> Result<()> {
    let run = RunDir::open(&args.run)?;
    let device = args.device.device()?;
    let settings = Settings::load(Some(&run.file(RunDir::RUN)), None)?;
    let learned = Learned::load(&settings, &run, &device)?;
    let test = perturbation::read_test(&data_file(args.data.as_ref(), perturbation::TEST))?;
    let pairs = Pairs::of_test(&test);
    if let Some(warning) = pairs.unseen_in(learned.names()) {
        eprintln!("warning: {warning}");
    }
    let answer = learned.answer(&settings, &pairs, &device)?;
    let out = match &args.out {
        Some(out) => out.clone(),
        None => run.file(perturbation::SUBMISSION),
    };
    pairs::write(&out, &test.ids, &answer)?;
    if args.json {
        let found = serde_json::json!({ "predictions": test.ids.len(), "file": out });
        println!("{found}");
    } else {
        println!("{} predictions in {}", test.ids.len(), out.display());
    }
    Ok(())
}

fn evaluate(args: &EvaluateArgs) -> Result<()> {
    let run = RunDir::open(&args.run)?;
    let test = data_file(args.data.as_ref(), perturbation::TEST);
    let test = test
        .exists()
        .then(|| perturbation::read_test(&test))
        .transpose()?;
    let submission = run.file(perturbation::SUBMISSION);
    let score = perturbation::score(&submission, &args.labels, test.as_ref())?;
    if args.json {
        let metrics: serde_json::Map<_, _> = score
            .metrics
            .iter()
            .map(|(metric, estimate)| (metric.name().to_owned(), serde_json::json!(estimate)))
            .collect();
        let found = serde_json::json!({
            "mrrmse": score.mrrmse,
            "zeros": score.zeros,
            "ratio": score.ratio(),
            "rows": metrics,
        });
        println!("{found}");
    } else {
        println!("{score}");
    }
    Ok(())
}
