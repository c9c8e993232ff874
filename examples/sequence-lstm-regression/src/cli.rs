//! The command line.

use clap::{Args, Parser, Subcommand};
use hairpin::tasks::sequence_csv::Columns;
use hairpin::train::manifest::Manifest;
use hairpin::train::{DeviceKind, Devices};
use std::path::PathBuf;

/// Shown at the end of `--help`.
const EXAMPLES: &str = "Examples, from the repository's root:
  sequence-lstm-regression train
  sequence-lstm-regression train --data guides.csv --sequence 30mer --target score --group 'Target gene' --config azimuth.toml
  sequence-lstm-regression cross-validate --data rates.csv --run runs/rates-cv
  sequence-lstm-regression predict --run runs/sequence-lstm-regression --data test.csv --out predictions.csv
  sequence-lstm-regression replay runs/rates-cv
  sequence-lstm-regression evaluate --run runs/sequence-lstm-regression --labels fixtures/tasks/sequence-csv/test-labels.csv";

/// Predicts a number from a sequence: any CSV with the columns id, sequence, target.
///
/// Rows are divided by similarity (or by a column of groups) into rows to learn from, rows that choose, and held-out rows by which the
/// network and simple controls are judged. A search tunes the network; the best trials answer together. Progress and logs go to
/// stderr, results to stdout; the exit status is 0 only when all is written.
#[derive(Parser)]
#[command(version, max_term_width = 110, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Search, train, judge on held-out rows beside controls, predict the test file, write a report
    Train(TrainArgs),
    /// Do all of that once for each of k folds, the search too, and judge by the rows of all folds together
    CrossValidate(CrossValidateArgs),
    /// Predict the sequences of a file with a trained run
    Predict(PredictArgs),
    /// Score a run's predictions.csv against true targets
    Evaluate(EvaluateArgs),
    /// Make a run again, from its files alone, and say whether it ended with the same bytes
    Replay(ReplayArgs),
}

#[derive(Args, Clone)]
pub(crate) struct ColumnArgs {
    /// Column of ids; without it `id` if there is one, else the row's number
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id: Option<String>,
    /// Column of sequences
    #[arg(long, value_name = "COLUMN", default_value = "sequence")]
    pub(crate) sequence: String,
    /// Column of numbers to predict
    #[arg(long, value_name = "COLUMN", default_value = "target")]
    pub(crate) target: String,
    /// Column of what belongs together, such as a gene: rows of one group stay on one side of a split
    #[arg(long, value_name = "COLUMN")]
    pub(crate) group: Option<String>,
}

impl ColumnArgs {
    pub(crate) fn columns(&self) -> Columns {
        Columns {
            id: self.id.clone(),
            sequence: self.sequence.clone(),
            target: self.target.clone(),
            group: self.group.clone(),
            ..Columns::default()
        }
    }
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// The CSV to learn from; without it, 400 RNAs of the repository and their degradation rates
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) columns: ColumnArgs,
    /// A TOML file laid over the defaults; see configs/default.toml for every key. A run's run.toml is one, too
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A TOML file with the space of the search; see configs/space.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) space: Option<PathBuf>,
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
    /// Also write TensorBoard's event files
    #[arg(long)]
    pub(crate) tensorboard: bool,
    /// Print the results as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// How the run was made that is made again.
    #[arg(skip)]
    pub(crate) replayed: Option<Manifest>,
}

#[derive(Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) common: RunArgs,
    /// The CSV to predict; its predictions are the run's predictions.csv
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
    /// Accept test sequences longer than every training sequence
    #[arg(long)]
    pub(crate) allow_longer: bool,
    /// The folder of the run
    #[arg(
        long,
        value_name = "DIR",
        default_value = "runs/sequence-lstm-regression"
    )]
    pub(crate) run: PathBuf,
}

#[derive(Args)]
pub(crate) struct CrossValidateArgs {
    #[command(flatten)]
    pub(crate) common: RunArgs,
    /// Number of folds
    #[arg(long, value_name = "K", default_value_t = 5)]
    pub(crate) folds: usize,
    /// The folder of the run
    #[arg(
        long,
        value_name = "DIR",
        default_value = "runs/sequence-lstm-regression-cv"
    )]
    pub(crate) run: PathBuf,
}

#[derive(Args)]
pub(crate) struct PredictArgs {
    /// The folder of a trained run
    #[arg(long, value_name = "DIR")]
    pub(crate) run: PathBuf,
    /// The CSV to predict; without it, the repository's test file
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) columns: ColumnArgs,
    /// Where to write the predictions; without it, predictions.csv in the run's folder
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
    /// The folder of a run with its predictions.csv
    #[arg(long, value_name = "DIR")]
    pub(crate) run: PathBuf,
    /// The true targets, a CSV with ids
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: PathBuf,
    #[command(flatten)]
    pub(crate) columns: ColumnArgs,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ReplayArgs {
    /// The folder of a run of train or cross-validate, with its run.toml and launches.json
    pub(crate) replayed: PathBuf,
    /// The folder of the new run; without it, RUN-replay
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
}
