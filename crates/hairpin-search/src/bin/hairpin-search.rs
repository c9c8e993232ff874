//! What a search over several machines needs around it; `hairpin-search --help` says how.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hairpin_search::{SearchError, Space, best, merge, report, table};

/// Joins tables of trials, shows them on a page, names the best one.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Join the tables of array tasks into one, sorted by trial; tables that contradict each other are refused
    Merge {
        /// The tables
        #[arg(required = true)]
        tables: Vec<PathBuf>,
        /// Where the joined table goes
        #[arg(long, short)]
        out: PathBuf,
    },
    /// Write a search as one HTML page
    Report {
        /// The table of trials
        table: PathBuf,
        /// The space in TOML
        #[arg(long)]
        space: PathBuf,
        /// Where the page goes
        #[arg(long, short)]
        out: PathBuf,
        /// Headline of the page
        #[arg(long, default_value = "Hyper-parameter search")]
        title: String,
    },
    /// Print the parameters of the best complete trial as TOML
    Best {
        /// The table of trials
        table: PathBuf,
        /// The space in TOML
        #[arg(long)]
        space: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(below) = source {
                // Writing to a string does not fail.
                let _ = write!(text, ": {below}");
                source = below.source();
            }
            // A message that cannot be written is nobody's loss.
            let _ = writeln!(io::stderr(), "hairpin-search: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Merge { tables, out } => {
            let n = merge(&tables, &out)?;
            writeln!(io::stdout(), "{n} trials in {}", out.display())?;
        }
        Command::Report {
            table,
            space,
            out,
            title,
        } => {
            let space = Space::read(&space)?;
            let page = report::html(&title, &space, &table::read(&table, &space)?);
            fs::write(&out, page).map_err(|source| SearchError::Write {
                path: out,
                what: "write the page",
                source,
            })?;
        }
        Command::Best { table, space } => {
            let space = Space::read(&space)?;
            let trials = table::read(&table, &space)?;
            let best = best(trials.direction, &trials.trials)
                .ok_or_else(|| format!("{}: no trial is complete", table.display()))?;
            let mut out = io::stdout();
            if let Some(value) = best.value {
                writeln!(out, "# trial {}, value {value}", best.number)?;
            }
            write!(out, "{}", best.params.to_toml())?;
        }
    }
    Ok(())
}
