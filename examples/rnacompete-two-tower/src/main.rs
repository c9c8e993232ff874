//! How strongly RNA-binding proteins bind RNA probes, for proteins never seen before, from their amino-acid sequence.

mod cli;
mod controls;
mod data;
mod effects;
mod embed;
mod job;
mod judge;
mod learn;
mod motifs;
mod mutants;
mod networks;
mod predict;
mod proteins;
mod residues;
mod rows;
mod settings;
mod structure;
mod trained;

use anyhow::{Context, Result};
use clap::Parser;
use cli::{Cli, Command, EvaluateArgs, PrepareArgs, StructureArgs};
use hairpin::tasks::rnacompete::{self, Reading, read_probes};
use hairpin::train::RunDir;
use std::process::ExitCode;
use structure::Structure;

/// Simulated intensities of real proteins and probes, in the official format.
const FIXTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/tasks/rnacompete"
);

/// The system's gives large buffers back to the kernel at every step (`docs/BENCHMARKS.md`, "Task times").
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sigpipe::reset();
    let cli = Cli::parse();
    let done = match (cli.command, cli.predict) {
        (Some(Command::Train(args)), _) => job::train(&args),
        (Some(Command::Predict(args)), _) | (None, Some(args)) => predict::predict(&args),
        (Some(Command::Evaluate(args)), _) => evaluate(&args),
        (Some(Command::Embed(args)), _) => embed::embed(&args),
        (Some(Command::Structure(args)), _) => fold(&args),
        (Some(Command::Prepare(args)), _) => prepare(&args),
        (None, None) => Err(anyhow::anyhow!("nothing to do: see --help")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn evaluate(args: &EvaluateArgs) -> Result<()> {
    let score = rnacompete::score(&args.answer, &args.labels)?;
    if args.json {
        let found = serde_json::json!({
            "probes": score.n_probes,
            "median_pearson": score.median,
            "mean_pearson": score.mean,
            "pearson": score.pearson,
            "spearman": score.spearman,
        });
        println!("{found}");
    } else {
        println!("{score}");
    }
    Ok(())
}

fn fold(args: &StructureArgs) -> Result<()> {
    let probes = read_probes(&args.probes, Reading::default())?;
    let (folder, name) = RunDir::of_file(&args.out)?;
    let found = Structure::fold(&probes).with_context(|| args.probes.display().to_string())?;
    folder.write(&name, &found.to_npy(probes.len())?)?;
    let shape = [probes.len(), found.length, found.channels];
    if args.json {
        println!(
            "{}",
            serde_json::json!({ "shape": shape, "file": args.out })
        );
    } else {
        println!("{shape:?} in {}", args.out.display());
    }
    Ok(())
}

fn prepare(args: &PrepareArgs) -> Result<()> {
    let found = rnacompete::prepare(&args.source, &args.out, args.set)?;
    let columns = found.columns.iter().map(|(experiment, construct)| {
        serde_json::json!({
            "experiment": experiment.name,
            "family": experiment.family,
            "repeat_correlation": experiment.repeat_correlation,
            "gene": construct.gene,
            "construct": construct.experiment,
            "repaired_line": construct.repaired,
        })
    });
    let columns: Vec<serde_json::Value> = columns.collect();
    let left_out: Vec<&str> = found.left_out.iter().map(|own| own.name.as_str()).collect();
    if args.json {
        let found = serde_json::json!({
            "probes": found.n_probes,
            "columns": columns,
            "left_out": left_out,
            "folder": args.out,
        });
        println!("{found}");
        return Ok(());
    }
    for (number, (experiment, construct)) in (1..).zip(&found.columns) {
        println!(
            "RBP{number}  {}  inferred {}, given {} ({})",
            experiment.name, experiment.family, construct.gene, construct.experiment
        );
    }
    if !left_out.is_empty() {
        println!("left out: {}", left_out.join(", "));
    }
    println!(
        "{} probes x {} proteins in {}",
        found.n_probes,
        found.columns.len(),
        args.out.display()
    );
    Ok(())
}
