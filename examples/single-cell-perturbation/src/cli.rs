//! The command line.

use clap::{Args, Parser, Subcommand};
use hairpin::train::{DeviceKind, Devices};
use std::path::PathBuf;

/// Shown at the end of `--help`.
const EXAMPLES: &str = "Examples, from the repository's root:
  single-cell-perturbation train
  single-cell-perturbation train --data op3 --run runs/op3
  single-cell-perturbation train --data op3 --config examples/single-cell-perturbation/configs/transformer.toml --run runs/reference
  single-cell-perturbation compare-splits --data op3 --run runs/splits
  single-cell-perturbation predict --run runs/op3 --data op3 --out submission.csv
  single-cell-perturbation evaluate --run runs/single-cell-perturbation --labels fixtures/tasks/perturbation/labels.csv";

/// Predicts what a compound does to every gene of a cell type.
///
/// The model is first judged on pairs held out as the official test holds out its own: compounds of the cell types that are asked about,
/// beside simple controls; then it learns from all rows and answers id_map.csv. Progress and logs go to stderr, results to stdout; the
/// exit status is 0 only when all is written.
#[derive(Parser)]
#[command(version, max_term_width = 110, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Judge the model on held-out pairs beside controls, learn from all rows, answer id_map.csv, write a report
    Train(TrainArgs),
    /// Judge the model and the controls under five ways of holding out, in one table
    CompareSplits(CompareArgs),
    /// Answer an id_map.csv with a trained run
    Predict(PredictArgs),
    /// Score a run's submission.csv against true values
    Evaluate(EvaluateArgs),
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// Folder with de_train.parquet and id_map.csv; without it, a simulated experiment of the repository
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A TOML file laid over the defaults; see configs/default.toml for every key. A run's run.toml is one, too
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of the run
    #[arg(
        long,
        value_name = "DIR",
        default_value = "runs/single-cell-perturbation"
    )]
    pub(crate) run: PathBuf,
    /// Seed of every draw, in place of the configuration's
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// flex, ndarray, vulkan, vulkan:INDEX, cuda or cuda:INDEX, one not built in says which feature to build with; several joined by
    /// commas share the batches of each step, of which fit.accumulate has to be as many
    #[arg(long, value_name = "DEVICES", default_value_t)]
    pub(crate) device: Devices,
    /// Go on with a run that was stopped or killed
    #[arg(long)]
    pub(crate) resume: bool,
    /// Print the results as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) common: RunArgs,
    /// Also write the submission as Parquet
    #[arg(long)]
    pub(crate) parquet: bool,
}

#[derive(Args)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    pub(crate) common: RunArgs,
}

#[derive(Args)]
pub(crate) struct PredictArgs {
    /// The folder of a trained run
    #[arg(long, value_name = "DIR")]
    pub(crate) run: PathBuf,
    /// Folder with id_map.csv; without it, the repository's
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where to write the submission, as Parquet if the name ends so; without it, submission.csv in the run's folder
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
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
    #[arg(long, value_name = "DIR")]
    pub(crate) run: PathBuf,
    /// True values: a table of id, or of cell_type and sm_name, and the genes
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: PathBuf,
    /// Folder with the id_map.csv that was answered, if the true values have pairs and no ids; without it, the repository's
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
