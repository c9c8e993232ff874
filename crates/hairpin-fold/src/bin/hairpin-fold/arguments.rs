//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Output:
  Three lines for each molecule: its header, its sequence, and the structure of least free
  energy in dot-bracket notation with two energies in kcal/mol, (minimum free energy) and
  [free energy of the ensemble]. With --centroid, --mea, --band and --samples, a line for each
  further structure: its energy, which one it is, and how good.

    >hairpin
    GGCAUCGAAAGAUGCC
    ((((((....)))))) (-9.00) [-9.016148]
    ((((((....)))))) (-9.00) centroid distance=0.0263
    ((((((....)))))) (-9.00) mea gamma=1 accuracy=15.9475
    .(((((....))))). (-6.70) sample

  Lower case is read as upper case and T as U. N pairs with nothing. Energies have the
  pseudo-energies in them, if there are any.

Constraints, one symbol for each base, all of them binding:
  .  free             |  paired with any base       (  )  paired with each other
  x  unpaired         <  paired with a later base   >     paired with an earlier base

    >hairpin
    GGCAUCGAAAGAUGCC
    xx(..........)..

Reactivities, one base on each line, its position from 1 and its reactivity, or between them its
letter, which is checked. A base without a line, or with -999 or NA, was not measured.

    1 0.02
    2 G 0.11
    # a comment
    4 NA

Examples:
  Structures and energies:
    hairpin-fold molecules.fa
    zcat molecules.fa.gz | hairpin-fold - > structures.txt

  Loop contexts of all probes, as an array for NumPy, on two threads:
    hairpin-fold probes.fa.gz --contexts contexts.npy --out structures.txt --threads 2

  Pair probabilities with the numbers that ViennaRNA gives by default:
    hairpin-fold molecules.fa --smooth --probabilities pairs.tsv

  What is known beforehand: constraints in the FASTA file, in a file of their own, and SHAPE:
    hairpin-fold constrained.fa -C
    hairpin-fold molecules.fa --constraints=constraints.txt
    hairpin-fold molecule.fa --shape reactivities.txt --centroid

  A thousand structures of the ensemble, all within 2 kcal/mol, windows of a long molecule:
    hairpin-fold molecule.fa --samples 1000 --seed 7
    hairpin-fold molecule.fa --band 2
    hairpin-fold genome.fa --window 150 --span 100 --contexts contexts.tsv

  How open every site of 8 bases is:
    hairpin-fold molecules.fa --unpaired 8 --accessibility sites.tsv

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

    /// Write the probability of every stretch of --unpaired bases to be wholly unpaired, as .npy or .tsv
    ///
    /// FILE.npy: float32 [molecules, longest], by the stretch's first base, zero where no stretch begins. FILE.tsv: one line for each stretch.
    #[arg(
        long,
        value_name = "FILE",
        requires = "unpaired",
        help_heading = "Output"
    )]
    pub(crate) accessibility: Option<PathBuf>,

    /// Bases of a stretch for --accessibility
    #[arg(
        long,
        value_name = "U",
        requires = "accessibility",
        help_heading = "Output"
    )]
    pub(crate) unpaired: Option<NonZeroUsize>,

    /// Least probability of a pair in a .tsv
    #[arg(long, value_name = "P", default_value_t = 1e-5, value_parser = probability, help_heading = "Output")]
    pub(crate) cutoff: f64,

    /// Also the centroid: all pairs with a probability above 1/2; with its mean distance to the ensemble
    #[arg(long, help_heading = "Further structures")]
    pub(crate) centroid: bool,

    /// Also the structure of maximum expected accuracy; the larger GAMMA, the more pairs [default: 1]
    #[arg(
        long,
        value_name = "GAMMA",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        value_parser = gamma,
        help_heading = "Further structures"
    )]
    pub(crate) mea: Option<f64>,

    /// Also all structures at most KCAL kcal/mol above the least free energy, in order
    #[arg(long, value_name = "KCAL", value_parser = band, help_heading = "Further structures")]
    pub(crate) band: Option<f64>,

    /// Structures of the band, at most; if there are more, the lowest, and a warning
    #[arg(
        long,
        value_name = "N",
        default_value = "10000",
        value_parser = count,
        requires = "band",
        help_heading = "Further structures"
    )]
    pub(crate) limit: usize,

    /// Also N structures drawn from the ensemble, each as often as its probability says
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Further structures")]
    pub(crate) samples: Option<usize>,

    /// Seed of the samples, anew for each molecule, so that its samples do not depend on the others
    #[arg(
        long,
        value_name = "SEED",
        default_value_t = 0,
        requires = "samples",
        help_heading = "Further structures"
    )]
    pub(crate) seed: u64,

    /// Constraints: from the line after each sequence, or one line for each molecule in FILE
    ///
    /// See below for the symbols. In FILE, lines that are empty or begin with '#' or '>' are skipped.
    #[arg(
        long,
        short = 'C',
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        help_heading = "Known beforehand"
    )]
    pub(crate) constraints: Option<Option<PathBuf>>,

    /// SHAPE reactivities of the one molecule in the input
    ///
    /// See below for the format. A base gets slope ln(reactivity + 1) + intercept kcal/mol in each stack that it is part of (Deigan et al. 2009).
    #[arg(long, value_name = "FILE", help_heading = "Known beforehand")]
    pub(crate) shape: Option<PathBuf>,

    /// Slope of the pseudo-energies of --shape, kcal/mol
    #[arg(
        long,
        value_name = "M",
        default_value_t = 1.8,
        allow_negative_numbers = true,
        requires = "shape",
        help_heading = "Known beforehand"
    )]
    pub(crate) slope: f64,

    /// Intercept of the pseudo-energies of --shape, kcal/mol
    #[arg(
        long,
        value_name = "B",
        default_value_t = -0.6,
        allow_negative_numbers = true,
        requires = "shape",
        help_heading = "Known beforehand"
    )]
    pub(crate) intercept: f64,

    /// Fold windows of W bases and average over them, for long molecules; writes tables and no structures
    ///
    /// --contexts as .npy or .tsv, --probabilities as .tsv, as RNAplfold: means over all windows that contain the base, or both bases.
    #[arg(
        long,
        value_name = "W",
        conflicts_with_all = ["out", "svg", "accessibility", "centroid", "mea", "band", "samples", "constraints", "shape"],
        help_heading = "Windows"
    )]
    pub(crate) window: Option<usize>,

    /// Bases that a pair may span within a window; W if left out
    #[arg(long, value_name = "L", requires = "window", help_heading = "Windows")]
    pub(crate) span: Option<usize>,

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

fn gamma(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(gamma) if gamma > 0.0 && f64::is_finite(gamma) => Ok(gamma),
        _ => Err("expected a number above 0".to_owned()),
    }
}

fn band(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(kcal) if kcal >= 0.0 && f64::is_finite(kcal) => Ok(kcal),
        _ => Err("expected a number of kcal/mol from 0 up".to_owned()),
    }
}

/// Of structures that are held in memory.
fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=1_000_000).contains(&count) => Ok(count),
        _ => Err("expected a number from 1 to 1000000".to_owned()),
    }
}
