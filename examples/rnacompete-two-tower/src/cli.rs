//! The command line.

use clap::{Args, Parser, Subcommand};
use hairpin::tasks::rnacompete::ProbeSet;
use hairpin::train::{DeviceKind, Devices};
use std::path::PathBuf;

/// Shown at the end of `--help`.
const EXAMPLES: &str = "Examples, from the repository's root:
  rnacompete-two-tower train
  rnacompete-two-tower answer/ test_RBPs2.txt test_seqs.txt
  rnacompete-two-tower train --data course/ --embeddings esm2.npy --config reference.toml --run runs/esm2
  rnacompete-two-tower train --seen --data experiments/ --run runs/seen
  rnacompete-two-tower predict answer/ test_RBPs2.txt test_seqs.txt --run runs/esm2 --embeddings test.npy
  rnacompete-two-tower evaluate answer/ --labels test_data.txt";

/// Predicts how strongly RNA-binding proteins bind RNA probes, also proteins never seen before, from their amino-acid sequence.
///
/// A protein and a probe go through a tower each and meet in one product. Proteins are held out of training to judge the network beside
/// simple controls. Progress and logs go to stderr, results to stdout; the exit status is 0 only when all is written.
#[derive(Parser)]
#[command(
    version,
    max_term_width = 110,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Without a subcommand: predict
    #[command(flatten)]
    pub(crate) predict: Option<PredictArgs>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Train on the official files, judge on held-out proteins (or probes) beside controls, write a report
    Train(TrainArgs),
    /// Predict every pair of the proteins and probes of two files, a text file per protein
    Predict(PredictArgs),
    /// Score a folder of predictions against measured intensities
    Evaluate(EvaluateArgs),
    /// Make a vector of every protein with the published weights of an ESM-2 model
    Embed(EmbedArgs),
    /// Write the loop-context probabilities of every base of every probe
    Structure(StructureArgs),
    /// Make the official files from published tables
    Prepare(PrepareArgs),
}

#[derive(Args)]
pub(crate) struct TrainArgs {
    /// The folder with training_RBPs2.txt, training_seqs.txt and training_data2.txt (with --seen also the published tables, as
    /// `prepare` reads them); without it, the repository's simulated ones
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Vectors of the training proteins, as `embed` writes them (with proteins.reads = "residues" as `embed --per-residue` does); without them,
    /// features that need no weights
    #[arg(long, value_name = "FILE", conflicts_with = "seen")]
    pub(crate) embeddings: Option<PathBuf>,
    /// Where the RNA-binding domains of the training proteins are: a line of ranges per protein, such as 12-88,101-176, or - for all of it;
    /// needs proteins.reads = "residues"
    #[arg(long, value_name = "FILE", conflicts_with = "seen")]
    pub(crate) domains: Option<PathBuf>,
    /// Hold out probes instead of proteins: how well proteins that were measured are known. Proteins are then known by their column
    #[arg(long)]
    pub(crate) seen: bool,
    /// A TOML file laid over the defaults; see configs/default.toml for every key. A run's run.toml is one, too
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of the run
    #[arg(long, value_name = "DIR", default_value = DEFAULT_RUN)]
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
    /// Also write TensorBoard's event files
    #[arg(long)]
    pub(crate) tensorboard: bool,
    /// Print the results as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a run goes, and where `predict` looks for it.
const DEFAULT_RUN: &str = "runs/rnacompete-two-tower";

#[derive(Args)]
pub(crate) struct PredictArgs {
    /// The folder of the answer, made if missing: RBP1.txt, RBP2.txt, ...
    #[arg(value_name = "OUT_DIR")]
    pub(crate) out: PathBuf,
    /// One amino-acid sequence per line
    #[arg(value_name = "RBP_FILE")]
    pub(crate) proteins: PathBuf,
    /// One probe per line; T is read as U
    #[arg(value_name = "RNA_FILE")]
    pub(crate) probes: PathBuf,
    /// The folder of a trained run
    #[arg(long, value_name = "DIR", default_value = DEFAULT_RUN)]
    pub(crate) run: PathBuf,
    /// Vectors of these proteins, as `embed` writes them (--per-residue, if those of training were), for a run that was trained with such
    #[arg(long, value_name = "FILE")]
    pub(crate) embeddings: Option<PathBuf>,
    /// Where the domains of these proteins are, for a run that reads residues; without it they are read whole
    #[arg(long, value_name = "FILE")]
    pub(crate) domains: Option<PathBuf>,
    /// Average over so many noisy readings of each protein's vector (normal, 0.01); 0 reads it once, as it is
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) average: usize,
    /// flex, ndarray, vulkan, vulkan:INDEX, cuda or cuda:INDEX
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub(crate) device: DeviceKind,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct EvaluateArgs {
    /// A folder of predictions: RBP1.txt, RBP2.txt, ...
    #[arg(value_name = "DIR")]
    pub(crate) answer: PathBuf,
    /// The measured intensities: a line per probe, a number per protein
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: PathBuf,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct EmbedArgs {
    /// One amino-acid sequence per line
    #[arg(value_name = "RBP_FILE")]
    pub(crate) proteins: PathBuf,
    /// The vectors, .npy; beside it goes FILE.json with the proteins' and the weights' hashes. Those it holds are kept
    #[arg(value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The folder with an ESM-2 model's config.json and its weights (model.safetensors, sharded or not, or .pt)
    #[arg(long, value_name = "DIR")]
    pub(crate) weights: Option<PathBuf>,
    /// Tokens that are in memory at once
    #[arg(long, value_name = "N", default_value_t = 4096)]
    pub(crate) tokens: usize,
    /// Read the weights one layer after the other, each for many proteins: for a model that is larger than memory. Needs its config.json
    #[arg(long)]
    pub(crate) layer_by_layer: bool,
    /// Write a vector for each residue, for proteins.reads = "residues", in the place of their mean for each protein
    #[arg(long, conflicts_with = "layer_by_layer")]
    pub(crate) per_residue: bool,
    /// Make the matrix products in bf16: several times as fast on GPUs with tensor cores, slow on a CPU, vectors good to two digits
    #[arg(long)]
    pub(crate) bf16: bool,
    /// flex, ndarray, vulkan, vulkan:INDEX, cuda or cuda:INDEX
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub(crate) device: DeviceKind,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct StructureArgs {
    /// One probe per line; T is read as U
    #[arg(value_name = "RNA_FILE")]
    pub(crate) probes: PathBuf,
    /// The probabilities, .npy: [probes, longest probe, 5] of paired, hairpin, internal or bulge, multiloop, exterior
    #[arg(value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct PrepareArgs {
    /// The folder with the published tables
    #[arg(value_name = "SOURCE_DIR")]
    pub(crate) source: PathBuf,
    /// The folder of the official files, made if missing
    #[arg(value_name = "OUT_DIR")]
    pub(crate) out: PathBuf,
    /// One half of the probes, SetA or SetB; without it all of them
    #[arg(long, value_name = "SET")]
    pub(crate) set: Option<ProbeSet>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_three_arguments_need_no_subcommand() {
        Cli::command().debug_assert();
        let bare = ["p", "out", "rbps.txt", "rnas.txt", "--run", "r"];
        let named = ["p", "predict", "out", "rbps.txt", "rnas.txt", "--run", "r"];
        let bare = Cli::try_parse_from(bare).unwrap();
        let named = Cli::try_parse_from(named).unwrap();
        assert!(bare.command.is_none());
        let Some(Command::Predict(named)) = named.command else {
            panic!("predict is a subcommand");
        };
        let bare = bare.predict.unwrap();
        assert_eq!(
            (&bare.out, &bare.proteins, &bare.probes, &bare.run),
            (&named.out, &named.proteins, &named.probes, &named.run)
        );
        assert!(Cli::try_parse_from(["p", "out", "rbps.txt"]).is_err());
        assert!(Cli::try_parse_from(["p"]).is_err());
    }
}
