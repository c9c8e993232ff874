//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Output:
  Three lines for each molecule: its header, its sequence, and the structure of least free
  energy in dot-bracket notation with two energies in kcal/mol, (minimum free energy) and
  [free energy of the ensemble].

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

  A picture of each structure, and one of measured values:
    hairpin-fold molecules.fa --svg drawings
    hairpin-fold draw GGGGAAAACCCC '((((....))))' --values reactivity.txt --out hairpin.svg

Exit status:
  0 when everything is written, 1 for an error, 2 for a bad option, 130 after Ctrl-C, 141 when
  standard output was closed. In all cases but the first no text or table appears under its
  name, and an older file there stays as it was; drawings that are done stay.";

/// Exact folding of RNA: minimum free energy, pair probabilities, loop contexts
///
/// Reads molecules in FASTA, folds each with the nearest-neighbour energies of Turner 2004, and writes structures and energies; with the options below also
/// the exact probability of every pair and of every base's kind of loop.
#[derive(Debug, Parser)]
#[command(name = "hairpin-fold", version, after_long_help = EXAMPLES, arg_required_else_help = true)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Other>,

    #[command(flatten)]
    pub(crate) fold: Fold,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Other {
    Draw(Draw),
}

/// Draw one structure as SVG, its bases coloured by any value
///
/// Nothing is folded: the structure is the one that is given.
///
/// Example: hairpin-fold draw GGGGAAAACCCC '((((....))))' --values reactivity.txt --title reactivity --out hairpin.svg
#[derive(Debug, Args)]
pub(crate) struct Draw {
    /// The letters of the bases
    pub(crate) sequence: String,

    /// Dot-bracket notation, in quotes
    pub(crate) structure: String,

    /// Numbers, one for each base, apart by spaces or lines; `nan` is drawn grey; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) values: Option<PathBuf>,

    /// What the numbers are, for the legend
    #[arg(long, default_value = "value", requires = "values")]
    pub(crate) title: String,

    /// The numbers at the ends of the scale; those of the smallest and largest value if left out
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], allow_negative_numbers = true, requires = "values")]
    pub(crate) range: Option<Vec<f64>>,

    /// Where the drawing goes; `-` for standard output
    #[arg(long, value_name = "FILE.svg", default_value = "-")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Fold {
    /// FASTA file, plain or gzip; `-` for standard input
    #[arg(value_name = "FASTA", required = true)]
    pub(crate) input: Option<PathBuf>,

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

    /// Draw every molecule's structure of least free energy, bases coloured by their probability to be paired
    ///
    /// The folder is made if it is not there; its files are named NUMBER_NAME.svg after the place in the input and the name there.
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    pub(crate) svg: Option<PathBuf>,

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
