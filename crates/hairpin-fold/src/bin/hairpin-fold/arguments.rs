//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

const EXAMPLES: &str = "\
Output:
  Three lines for each molecule: its header, its sequence, and the structure of least free energy in dot-bracket notation with two energies in kcal/mol,
  (minimum free energy) and [free energy of the ensemble].

    >hairpin
    GGCAUCGAAAGAUGCC
    ((((((....)))))) (-9.00) [-9.016154]

  Lower case is read as upper case and T as U. N pairs with nothing.

Examples:
  Structures and energies:
    hairpin-fold molecules.fa
    zcat molecules.fa.gz | hairpin-fold - > structures.txt

  Loop contexts of all probes, as an array for NumPy, on two threads:
    hairpin-fold probes.fa.gz --contexts contexts.npy --out structures.txt --threads 2

  Pair probabilities with the numbers that ViennaRNA gives by default:
    hairpin-fold molecules.fa --smooth --probabilities pairs.tsv

Exit status: 0 when everything is written, 1 for an error, 2 for a bad option, 130 after Ctrl-C, 141 when standard output was closed. In all cases but the first
no file is left behind, and an older one of that name stays as it was.";

/// Exact folding of RNA: minimum free energy, pair probabilities, loop contexts
///
/// Reads molecules in FASTA, folds each with the nearest-neighbour energies of Turner 2004, and writes structures and energies; with the options below also
/// the exact probability of every pair and of every base's kind of loop.
#[derive(Debug, Parser)]
#[command(name = "hairpin-fold", version, after_long_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) fold: Fold,
}

#[derive(Debug, Args)]
pub(crate) struct Fold {
    /// FASTA file, plain or gzip; `-` for standard input
    #[arg(value_name = "FASTA")]
    pub(crate) input: PathBuf,

    /// Where structures and energies go; `-` for standard output
    #[arg(
        long,
        value_name = "FILE",
        default_value = "-",
        help_heading = "Output"
    )]
    pub(crate) out: PathBuf,

    /// Write pair probabilities, as .npy or .tsv
    ///
    /// FILE.npy: float32 [molecules, longest, longest], symmetric, zero beyond a molecule's end. FILE.tsv: one line for each pair i < j, counted from 1, whose
    /// probability is at least --cutoff.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) probabilities: Option<PathBuf>,

    /// Write loop contexts of every base, as .npy or .tsv
    ///
    /// FILE.npy: float32 [molecules, longest, 5], zero beyond a molecule's end. FILE.tsv: one line for each base. The five are paired, hairpin, internal (bulges in
    /// it), multiloop, exterior; they sum to 1.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) contexts: Option<PathBuf>,

    /// Least probability of a pair in a .tsv
    #[arg(long, value_name = "P", default_value_t = 1e-5, value_parser = probability, help_heading = "Output")]
    pub(crate) cutoff: f64,

    /// Degrees Celsius, 0 to 100
    #[arg(
        long,
        value_name = "CELSIUS",
        default_value_t = 37.0,
        allow_negative_numbers = true,
        help_heading = "Model"
    )]
    pub(crate) temperature: f64,

    /// Unpaired neighbours of helices: 0 they count for nothing, 2 both always count
    #[arg(
        long,
        value_enum,
        value_name = "D",
        default_value = "2",
        help_heading = "Model"
    )]
    pub(crate) dangles: DanglesOption,

    /// Sum over ViennaRNA's smoothed energies, its default, instead of the exact ones
    #[arg(long, help_heading = "Model")]
    pub(crate) smooth: bool,

    /// Energies from a ViennaRNA parameter file instead of Turner 2004
    #[arg(long, value_name = "FILE.par", help_heading = "Model")]
    pub(crate) parameters: Option<PathBuf>,

    /// Threads; all processors if left out. The numbers do not depend on it
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Memory that one molecule may need on its thread, in MiB; about 45 bytes times the square of its length
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 4096,
        help_heading = "Running"
    )]
    pub(crate) memory_limit: usize,

    /// No progress on standard error
    #[arg(long, short, help_heading = "Running")]
    pub(crate) quiet: bool,
}

/// [`hairpin_fold::Dangles`] by ViennaRNA's numbers.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DanglesOption {
    #[value(name = "0")]
    None,
    #[value(name = "2")]
    Both,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(p) if (0.0..=1.0).contains(&p) => Ok(p),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}
