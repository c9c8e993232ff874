//! A string to a number, from any CSV of sequences, by a recurrent network that a search tunes.

mod cli;
mod controls;
mod encoding;
mod job;
mod learn;
mod outcome;
mod replay;
mod settings;

use anyhow::Result;
use clap::Parser;
use cli::{Cli, Command, CrossValidateArgs, EvaluateArgs, PredictArgs, ReplayArgs, TrainArgs};
use hairpin::seq::{Alphabet, Dna, Protein, Rna};
use hairpin::tasks::sequence_csv::{self, AlphabetName, SUBMISSION, read_test, write_submission};
use hairpin::train::RunDir;
use job::Job;
use learn::Answerer;
use replay::Again;
use settings::Settings;
use std::path::Path;
use std::process::ExitCode;

/// The RNAs of the repository, and the truth about those to predict.
const FIXTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/tasks/sequence-csv"
);

/// The system's gives large buffers back to the kernel at every step (`docs/BENCHMARKS.md`, "Task times").
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sigpipe::reset();
    let done = match Cli::parse().command {
        Command::Train(args) => train(&args),
        Command::CrossValidate(args) => cross_validate(&args),
        Command::Predict(args) => predict(&args),
        Command::Evaluate(args) => evaluate(&args),
        Command::Replay(args) => replay(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn train(args: &TrainArgs) -> Result<()> {
    let job = Job::start(&args.common, args.test.as_ref(), &args.run)?;
    match job.alphabet {
        AlphabetName::Dna => job.train::<Dna>(args),
        AlphabetName::Rna => job.train::<Rna>(args),
        AlphabetName::Protein => job.train::<Protein>(args),
    }
}

fn cross_validate(args: &CrossValidateArgs) -> Result<()> {
    let job = Job::start(&args.common, None, &args.run)?;
    match job.alphabet {
        AlphabetName::Dna => job.cross_validate::<Dna>(args),
        AlphabetName::Rna => job.cross_validate::<Rna>(args),
        AlphabetName::Protein => job.cross_validate::<Protein>(args),
    }
}

fn replay(args: &ReplayArgs) -> Result<()> {
    let again = Again::of(args)?;
    match &again.command {
        Command::Train(args) => train(args)?,
        Command::CrossValidate(args) => cross_validate(args)?,
        _ => {}
    }
    again.compare()
}

fn predict(args: &PredictArgs) -> Result<()> {
    let run = RunDir::open(&args.run)?;
    let device = args.device.device()?;
    let name = Answerer::alphabet(&run)?;
    match name.parse().map_err(anyhow::Error::msg)? {
        AlphabetName::Dna => predict_as::<Dna>(args, &run, &device),
        AlphabetName::Rna => predict_as::<Rna>(args, &run, &device),
        AlphabetName::Protein => predict_as::<Protein>(args, &run, &device),
    }
}

fn predict_as<A: Alphabet>(
    args: &PredictArgs,
    run: &RunDir,
    device: &hairpin::train::Device,
) -> Result<()> {
    let settings = Settings::load(Some(&run.file(RunDir::RUN)), None)?;
    let answerer = Answerer::load::<A>(run, device)?;
    let path = match &args.data {
        Some(path) => path.clone(),
        None => Path::new(FIXTURE).join("test.csv"),
    };
    let test = read_test(&path, &args.columns.columns())?;
    let sequences = test.sequences.parse::<A>(settings.data.policy())?;
    let (answer, _) = answerer.answer(&sequences, device)?;
    let out = match &args.out {
        Some(out) => out.clone(),
        None => run.file(SUBMISSION),
    };
    write_submission(&out, &test.ids, &answer)?;
    if args.json {
        println!(
            "{}",
            serde_json::json!({ "predictions": sequences.len(), "file": out })
        );
    } else {
        println!("{} predictions in {}", sequences.len(), out.display());
    }
    Ok(())
}

fn evaluate(args: &EvaluateArgs) -> Result<()> {
    let run = RunDir::open(&args.run)?;
    let columns = args.columns.columns();
    let score = sequence_csv::score(&run.file(SUBMISSION), &args.labels, &columns)?;
    let found = sequence_csv::METRICS.map(|metric| (metric, score.get(metric)));
    if args.json {
        let object: serde_json::Map<_, _> = found
            .into_iter()
            .map(|(metric, estimate)| (metric.name().to_owned(), serde_json::json!(estimate)))
            .collect();
        println!("{}", serde_json::Value::Object(object));
        return Ok(());
    }
    for (metric, estimate) in found {
        match estimate {
            Some(estimate) => println!("{:<10} {estimate:.3}", metric.to_string()),
            None => println!("{:<10} undefined", metric.to_string()),
        }
    }
    Ok(())
}
