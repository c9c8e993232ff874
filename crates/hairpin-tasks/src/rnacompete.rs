//! RNAcompete: how strongly RNA-binding proteins (RBPs), given by their amino-acid sequences, bind each of some 120,000 RNA probes.
//!
//! | file | what |
//! |---|---|
//! | [`training_RBPs2.txt`](PROTEINS) | the training proteins, one amino-acid sequence per line |
//! | [`training_seqs.txt`](PROBES) | the probes, 30 to 41 nt, one per line |
//! | [`training_data2.txt`](INTENSITIES) | the measured intensities: a line per probe, a number per protein |
//! | `RBP1.txt`, `RBP2.txt`, ... | the answer: a file per protein to predict, in their order; in it a number per probe, in theirs |
//!
//! Ray et al., *A compendium of RNA-binding motifs for decoding gene regulation*, Nature 2013 (doi:10.1038/nature12311).
//!
//! ```
//! use hairpin_tasks::rnacompete::{self, Reading, TrainFiles};
//! use hairpin_targets::TargetMatrix;
//! use ndarray::Array2;
//!
//! # let folder = tempfile::tempdir()?;
//! # let at = |name: &str| folder.path().join(name);
//! # std::fs::write(at("training_RBPs2.txt"), "MKVLA\r\nMPLRN\r\n")?;
//! # std::fs::write(at("training_seqs.txt"), "GGAUC\nAAAUU\nGCGCG\n")?;
//! # std::fs::write(at("training_data2.txt"), "1.5 0.25\n0.5 2\n1 1\n")?;
//! let train = rnacompete::read_train(&TrainFiles::in_folder(folder.path()), Reading::default())?;
//! assert_eq!((train.probes.len(), train.proteins.len()), train.intensities.values().dim());
//!
//! let test = rnacompete::read_test(&at("training_RBPs2.txt"), &at("training_seqs.txt"), Reading::default())?;
//! let guess = |(probe, protein)| probe as f32 - 0.5 * protein as f32; // a model would be better
//! let predicted = Array2::from_shape_fn((test.probes.len(), test.proteins.len()), guess);
//! let predicted = TargetMatrix::new(predicted, rnacompete::column_names(test.proteins.len()))?;
//! rnacompete::write_submission(&at("answer"), &predicted)?;
//! assert_eq!(std::fs::read_to_string(at("answer/RBP2.txt"))?, "-0.50000000\n0.50000000\n1.50000000\n");
//!
//! let score = rnacompete::score(&at("answer"), &at("training_data2.txt"))?;
//! assert_eq!(score.pearson.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is read
//!
//! Plain text or gzip in UTF-8, lines ending in `\n` or `\r\n`. Lines count: a blank one is refused unless nothing follows it, because
//! what comes after would belong to another protein or probe. What is wrong is an error that names file and line:
//! a letter that [`Reading`] refuses; a probe of 0 or more than [`MOST_PROBE`] nt; a matrix with another number of lines
//! than probes or of numbers than proteins; a cell that is no number, infinite or, unless [`Missing::Mask`] is chosen, NaN.

mod domains;
mod intensities;
mod score;
mod sequences;
mod submission;
mod tables;

use std::path::{Path, PathBuf};

use hairpin_seq::{Counterpart, Policy, Protein, Rna, Seq};
use hairpin_targets::TargetMatrix;

use crate::manifest::{ExpectedFile, Manifest};
use crate::{TaskError, plain_or_gzip};

pub use domains::read_domains;
pub use intensities::{Missing, read_intensities};
pub use score::{Score, score};
pub use sequences::{Stray, read_probes, read_proteins};
pub use submission::{Submission, read_submission, write_submission};
pub use tables::{
    Construct, Experiment, Prepared, ProbeSet, Tables, prepare, prepare_experiment,
    read_constructs, read_experiment, read_tables,
};

/// The training proteins' usual name.
pub const PROTEINS: &str = "training_RBPs2.txt";

/// The probes' usual name.
pub const PROBES: &str = "training_seqs.txt";

/// The intensities' usual name.
pub const INTENSITIES: &str = "training_data2.txt";

/// The course's proteins, and the simulated files of the same format.
pub const MANIFEST: Manifest = Manifest {
    task: "rnacompete",
    files: &[
        ExpectedFile {
            name: "training_RBPs2.txt",
            bytes: 59_808,
            sha256: "eebf674c66488b55380d4467d94e3f3bca26153e72ba9a698923d61204ff7c9b",
            origin: "the 200 training proteins of a university course, in the repository's fixtures/rnacompete; its matrix is to be had from the course only",
        },
        ExpectedFile {
            name: "training_RBPs2.txt",
            bytes: 6_317,
            sha256: "346b6106c9820c809e50a192480cc2d307bcdaeb6ca2c5f787017583646020ff",
            origin: "24 of the proteins, in the repository's fixtures/tasks/rnacompete",
        },
        ExpectedFile {
            name: "training_seqs.txt",
            bytes: 14_949,
            sha256: "c03c6973ed69b2cd529acb851be9200558473611bae453b59932343667ef1ed9",
            origin: "366 of the probes, in the repository's fixtures/tasks/rnacompete",
        },
        ExpectedFile {
            name: "training_data2.txt",
            bytes: 57_600,
            sha256: "ee5240a803e3182211d0306bd002d88f8bdcb97139c088bf9f03024d708a0ba6",
            origin: "intensities that are simulated, in the repository's fixtures/tasks/rnacompete",
        },
        ExpectedFile {
            name: "test_RBPs2.txt",
            bytes: 1_169,
            sha256: "4d9fd1c01e75b1349772f934b0718149b809a79cc574d9a3651529fcbae7ee1b",
            origin: "6 proteins to predict, in the repository's fixtures/tasks/rnacompete",
        },
        ExpectedFile {
            name: "test_data2.txt",
            bytes: 14_400,
            sha256: "9da40e8f926d1cda2117c91383678a574e621583c784b583fa474eca594d122c",
            origin: "their intensities, which are simulated, in the repository's fixtures/tasks/rnacompete",
        },
    ],
};

/// The longest probe, in nt; those of RNAcompete have 30 to 41.
pub const MOST_PROBE: usize = 1000;

/// The longest protein, in residues; titin has 35,000.
pub const MOST_PROTEIN: usize = 100_000;

/// The three training files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainFiles {
    /// [`PROTEINS`].
    pub proteins: PathBuf,
    /// [`PROBES`].
    pub probes: PathBuf,
    /// [`INTENSITIES`].
    pub intensities: PathBuf,
}

impl TrainFiles {
    /// The files of the usual names in a folder; one that is not there may be there as gzip, `NAME.gz`.
    pub fn in_folder(folder: &Path) -> Self {
        let file = |name| plain_or_gzip(folder, name);
        Self {
            proteins: file(PROTEINS),
            probes: file(PROBES),
            intensities: file(INTENSITIES),
        }
    }
}

/// What to do with what is not plain in a file; the default refuses it, except that a T in a probe is read as U.
///
/// | field | default | what it decides |
/// |---|---|---|
/// | `proteins` | all refused | `X`, `B`, `Z`, `J`, lower case and gaps in proteins |
/// | `stray` | [`Stray::Refuse`] | digits, blanks, a final `*`, `U` and `O` in proteins |
/// | `probes` | T is U, the rest refused | `N` and other ambiguity codes, lower case and gaps in probes |
/// | `missing` | [`Missing::Refuse`] | NaN cells of the matrix |
///
/// ```
/// use hairpin_seq::{Ambiguous, Case, Policy};
/// use hairpin_tasks::rnacompete::{Missing, Reading, Stray};
///
/// let strict = Reading::default();
/// let lenient = Reading {
///     proteins: Policy { ambiguous: Ambiguous::Unknown, case: Case::Fold, ..strict.proteins },
///     probes: Policy { ambiguous: Ambiguous::Unknown, case: Case::Fold, ..strict.probes },
///     stray: Stray::Repair,
///     missing: Missing::Mask,
/// };
/// # let _ = lenient;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Letters of proteins.
    pub proteins: Policy,
    /// Other characters of proteins.
    pub stray: Stray,
    /// Letters of probes.
    pub probes: Policy,
    /// Cells of the matrix.
    pub missing: Missing,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            proteins: Policy::default(),
            stray: Stray::Refuse,
            probes: Policy {
                counterpart: Counterpart::Convert,
                ..Policy::default()
            },
            missing: Missing::Refuse,
        }
    }
}

/// Proteins, probes and what was measured of every pair.
#[derive(Clone, Debug)]
pub struct Train {
    /// The proteins, in the order of their file.
    pub proteins: Vec<Seq<Protein>>,
    /// The probes, in the order of their file.
    pub probes: Vec<Seq<Rna>>,
    /// `[probes, proteins]` intensities; the columns are named by [`column_names`].
    pub intensities: TargetMatrix,
}

/// Proteins and probes to predict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The proteins, in the order of their file, which is that of the answer's files.
    pub proteins: Vec<Seq<Protein>>,
    /// The probes, in the order of their file, which is that of the lines of the answer.
    pub probes: Vec<Seq<Rna>>,
}

/// The names of the columns of a matrix of intensities: `RBP1`, `RBP2`, ...
pub fn column_names(n_proteins: usize) -> Vec<String> {
    (1..=n_proteins)
        .map(|number| format!("RBP{number}"))
        .collect()
}

/// Reads the training files.
///
/// # Errors
///
/// If a file cannot be read or is not what the [module](self) describes.
pub fn read_train(files: &TrainFiles, reading: Reading) -> Result<Train, TaskError> {
    let proteins = read_proteins(&files.proteins, reading)?;
    let probes = read_probes(&files.probes, reading)?;
    let intensities = intensities::read_for(
        &files.intensities,
        (&files.probes, probes.len()),
        (&files.proteins, proteins.len()),
        reading.missing,
    )?;
    Ok(Train {
        proteins,
        probes,
        intensities,
    })
}

/// Reads the proteins and the probes to predict.
///
/// # Errors
///
/// If a file cannot be read or is not what the [module](self) describes.
pub fn read_test(proteins: &Path, probes: &Path, reading: Reading) -> Result<Test, TaskError> {
    Ok(Test {
        proteins: read_proteins(proteins, reading)?,
        probes: read_probes(probes, reading)?,
    })
}
