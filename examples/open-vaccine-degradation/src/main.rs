//! How fast each base of an RNA degrades: convolutions, attention on the structure, a recurrent network.

mod answer;
mod cli;
mod controls;
mod features;
mod job;
mod learn;
mod molecules;
mod outcome;
mod picture;
mod settings;

use answer::Answerer;
use anyhow::{Result, bail, ensure};
use clap::Parser;
use cli::{Cli, Command, EvaluateArgs, ExportArgs, PredictArgs};
use hairpin::tasks::open_vaccine::{SUBMISSION, score, write_submission};
use hairpin::train::{Ensemble, Member, RunDir};
use job::{run_of, test_file};
use learn::MODEL;
use std::process::ExitCode;

/// Molecules of the repository, all of them well measured, and others to predict.
const FIXTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/tasks/open-vaccine"
);

/// The system's gives large buffers back to the kernel at every step (`docs/BENCHMARKS.md`, "Task times").
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sigpipe::reset();
    let done = match Cli::parse().command {
        Command::Train(args) => job::train(&args),
        Command::Predict(args) => predict(&args),
        Command::Evaluate(args) => evaluate(&args),
        Command::Picture(args) => picture::picture(&args),
        Command::Export(args) => export(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn predict(args: &PredictArgs) -> Result<()> {
    let device = args.device.device()?;
    let answerer = Answerer::load(&run_of(args.run.as_deref())?, &device)?;
    let (molecules, ranked) = match &args.fasta {
        Some(path) => {
            let molecules = molecules::read(path, answerer.settings.data.policy(), &answerer)?;
            let answers = molecules::answers(&answerer, &molecules, &device)?;
            let ranked = molecules::write(&args.out, &molecules, &answers)?;
            (molecules, Some(ranked))
        }
        None => {
            let molecules = test_file(args.data.as_deref(), &answerer.settings)?;
            let answers = molecules::answers(&answerer, &molecules, &device)?;
            write_submission(&args.out, &molecules, &answers)?;
            (molecules, None)
        }
    };
    let bases: usize = molecules.iter().map(|own| own.sequence.len()).sum();
    if args.json {
        let json = serde_json::json!({
            "molecules": molecules.len(),
            "bases": bases,
            "file": args.out,
            "ranking": ranked,
        });
        println!("{json}");
        return Ok(());
    }
    println!(
        "{} molecules, {bases} bases in {}",
        molecules.len(),
        args.out.display()
    );
    if let Some(ranked) = ranked {
        println!("ranked in {}", ranked.display());
    }
    Ok(())
}

fn evaluate(args: &EvaluateArgs) -> Result<()> {
    let submission = match (&args.submission, &args.run) {
        (Some(path), _) => path.clone(),
        (None, run) => run.clone().unwrap_or_default().join(SUBMISSION),
    };
    let found = score(&submission, &args.labels)?;
    if args.json {
        let json = serde_json::json!({
            "molecules": found.n_molecules,
            "bases": found.n_bases,
            "mcrmse": found.mcrmse,
            "rmse": found.rmse,
        });
        println!("{json}");
    } else {
        println!("{found}");
    }
    Ok(())
}

fn export(args: &ExportArgs) -> Result<()> {
    let run = RunDir::open(&args.run)?;
    let mut members = Ensemble::load(&run, MODEL)?.members;
    if !args.members.is_empty() {
        let known: Vec<String> = members.iter().map(|own| own.name.clone()).collect();
        if let Some(name) = args.members.iter().find(|name| !known.contains(name)) {
            bail!(
                "--members: {} has no network `{name}`, it has {}",
                args.run.display(),
                known.join(", ")
            );
        }
        members.retain(|own| args.members.contains(&own.name));
    }
    let shares: f64 = members.iter().map(|own| own.weight).sum();
    let halved = |own: Member| {
        Ok(Member {
            weight: own.weight / shares,
            bundle: own.bundle.in_half_precision()?,
            ..own
        })
    };
    let members = members
        .into_iter()
        .map(halved)
        .collect::<Result<Vec<_>>>()?;
    let out = RunDir::create(&args.out)?;
    ensure!(
        out.path().canonicalize()? != run.path().canonicalize()?,
        "--out: {} is the run itself, whose networks would be lost; choose another folder",
        args.out.display()
    );
    let config = run.read(RunDir::RUN, 1 << 20)?;
    let names: Vec<String> = members.iter().map(|own| own.name.clone()).collect();
    Ensemble { members }.save(&out)?;
    out.write(RunDir::RUN, &config)?;
    println!("{} in {}", names.join(", "), args.out.display());
    Ok(())
}
