//! The command line.

use clap::{Args, Parser, Subcommand};
use hairpin::train::{DeviceKind, Devices};
use std::path::PathBuf;

/// Shown at the end of `--help`.
const EXAMPLES: &str = "Examples, from the repository's root:
  open-vaccine-degradation train
  open-vaccine-degradation train --data stanford-covid-vaccine --run runs/open-vaccine
  open-vaccine-degradation train --data stanford-covid-vaccine --config ensemble.toml --run runs/ensemble
  open-vaccine-degradation predict --fasta mrna.fasta --out mrna.csv
  open-vaccine-degradation predict --run runs/open-vaccine --data test.json.gz --out submission.csv
  open-vaccine-degradation evaluate --run runs/open-vaccine --labels labels.json
  open-vaccine-degradation picture --fasta mrna.fasta --out mrna.svg
  open-vaccine-degradation export --run runs/ensemble --out bundle";

/// Predicts for each base of an RNA how reactive it is and how fast it degrades under four conditions.
///
/// The data are Kaggle's OpenVaccine files: train.json, test.json and sample_submission.csv, plain or as gzip. The answer is
/// submission.csv. Without a run of your own, `predict` and `picture` use the trained networks that come with the program. Progress and
/// logs go to stderr, results to stdout; the exit status is 0 only when all is written.
#[derive(Parser)]
#[command(version, max_term_width = 110, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Train, judge on held-out molecules beside controls, predict the test file, write a report
    Train(TrainArgs),
    /// Predict a test file, or any RNAs of a FASTA file
    Predict(PredictArgs),
    /// Score a submission against true values
    Evaluate(EvaluateArgs),
    /// Draw a molecule in the colours of its predicted degradation, and what each mutation would do to a base
    Picture(PictureArgs),
    /// Write the networks of a run, or some of them, in half precision to another folder, to pass on
    Export(ExportArgs),
}

#[derive(Args)]
pub(crate) struct TrainArgs {
    /// Folder with train.json, test.json and sample_submission.csv; without it, 24 molecules of the repository
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A TOML file laid over the defaults; see configs/default.toml for every key. A run's run.toml is one, too
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of the run
    #[arg(
        long,
        value_name = "DIR",
        default_value = "runs/open-vaccine-degradation"
    )]
    pub(crate) run: PathBuf,
    /// Seed of every draw, in place of the configuration's
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// flex, ndarray, vulkan, vulkan:INDEX, cuda or cuda:INDEX, one not built in says which feature to build with; several joined by
    /// commas share the batches of each step, of which fit.accumulate has to be as many
    #[arg(long, value_name = "DEVICES", default_value_t)]
    pub(crate) device: Devices,
    /// Go on with a run that was stopped or killed, or train more folds, seeds or architectures beside the networks that it has
    #[arg(long)]
    pub(crate) resume: bool,
    /// Print the results as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct PredictArgs {
    /// The folder of a trained run; without it, the networks that come with the program
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    /// test.json: the answer is a submission; without it and --fasta, the repository's test file
    #[arg(long, value_name = "FILE", conflicts_with = "fasta")]
    pub(crate) data: Option<PathBuf>,
    /// RNAs of 1 to 4,000 bases, folded inside: the answer is a table of bases, and one of molecules beside it; as Parquet where --out ends
    /// in .parquet
    #[arg(long, value_name = "FILE")]
    pub(crate) fasta: Option<PathBuf>,
    /// Where to write the predictions
    #[arg(long, value_name = "FILE", default_value = "submission.csv")]
    pub(crate) out: PathBuf,
    /// flex, ndarray, vulkan, vulkan:INDEX, cuda or cuda:INDEX
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub(crate) device: DeviceKind,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct EvaluateArgs {
    /// The folder of a run with its submission.csv
    #[arg(long, value_name = "DIR", required_unless_present = "submission")]
    pub(crate) run: Option<PathBuf>,
    /// A submission from anywhere
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    pub(crate) submission: Option<PathBuf>,
    /// The true values: JSON lines with id and the five lists
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: PathBuf,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct PictureArgs {
    /// The folder of a trained run; without it, the networks that come with the program
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    /// RNAs to choose from
    #[arg(long, value_name = "FILE")]
    pub(crate) fasta: PathBuf,
    /// Which of them; without it, the first
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// What the colours show: reactivity, deg_Mg_pH10, deg_pH10, deg_Mg_50C or deg_50C
    #[arg(long, value_name = "COLUMN", default_value = "deg_Mg_pH10")]
    pub(crate) column: String,
    /// A base, from 1: also draw what every single mutation would do to its value, in OUT with -base-N before its ending
    #[arg(long, value_name = "N")]
    pub(crate) base: Option<usize>,
    /// Where to write the drawing
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// flex, ndarray, vulkan, vulkan:INDEX, cuda or cuda:INDEX
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub(crate) device: DeviceKind,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// The folder of a trained run
    #[arg(long, value_name = "DIR")]
    pub(crate) run: PathBuf,
    /// The folder to write, a run that `predict --run` takes
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Names of networks, folders of the run's `members`, with commas between them; their shares are scaled to add up to 1. Without it, all
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) members: Vec<String>,
}
