//! OpenVaccine, Kaggle's task of 2020: how fast each base of an RNA degrades.
//!
//! | file | what |
//! |---|---|
//! | `train.json` | JSON lines: RNAs with five measured values, and their errors, for each of the first `seq_scored` bases |
//! | `test.json` | JSON lines: RNAs to predict |
//! | `sample_submission.csv` | the bases to predict, in their order |
//! | [`submission.csv`](SUBMISSION) | the answer: `id_seqpos` and the five [`TARGETS`], a row for every base, scored or not |
//!
//! All are read plain or as gzip. A line of JSON is an object with these fields, and any others are passed over:
//!
//! | field | what | in |
//! |---|---|---|
//! | `id` | the molecule's name | all |
//! | `sequence` | its bases | train, test |
//! | `structure`, `predicted_loop_type` | dot-bracket and bpRNA's letters, as many as bases | train, test |
//! | `seq_length`, `seq_scored` | how many bases there are, and how many of the first were measured | train, test |
//! | `reactivity`, `deg_Mg_pH10`, `deg_pH10`, `deg_Mg_50C`, `deg_50C` | `seq_scored` values each | train, labels |
//! | `reactivity_error`, `deg_error_Mg_pH10`, ... | their standard errors | train |
//! | `signal_to_noise`, `SN_filter` | how well it was measured; 1 if well | train |
//!
//! The score is MCRMSE, the mean over the three [`SCORED`] columns of the root mean squared error over all measured bases. Wayment-Steele et
//! al. (2022), [doi:10.1038/s42256-022-00571-8](https://doi.org/10.1038/s42256-022-00571-8).
//!
//! ```
//! use hairpin_seq::Policy;
//! use hairpin_targets::TargetMatrix;
//! use hairpin_tasks::open_vaccine::{self, TARGETS};
//! use ndarray::Array2;
//!
//! # let fixtures = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tasks/open-vaccine"));
//! # let folder = tempfile::tempdir()?;
//! let train = open_vaccine::read_train(&fixtures.join("train.json.gz"), Policy::default())?;
//! assert_eq!(train.targets[0].values().dim(), (68, TARGETS.len()));
//! let test = open_vaccine::read_test(&fixtures.join("test.json.gz"), Policy::default())?;
//! open_vaccine::check_sample(&fixtures.join("sample_submission.csv.gz"), &test)?;
//!
//! let names = || TARGETS.map(str::to_string).to_vec();
//! let zeros = |molecule: &open_vaccine::Molecule| TargetMatrix::new(Array2::zeros((molecule.sequence.len(), 5)), names());
//! let predicted: Vec<TargetMatrix> = test.iter().map(zeros).collect::<Result<_, _>>()?; // a model would be better
//! open_vaccine::write_submission(&folder.path().join(open_vaccine::SUBMISSION), &test, &predicted)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod rows;
mod score;
mod submission;

use std::path::Path;

use hairpin_seq::structure::{LoopType, Structure};
use hairpin_seq::{Policy, Rna, Seq};
use hairpin_targets::TargetMatrix;

use crate::TaskError;
use rows::Rows;

pub use score::{Score, score};
pub use submission::{Predicted, check_sample, read_submission, write_submission};

/// The columns of values, in the order of the submission.
pub const TARGETS: [&str; 5] = [
    "reactivity",
    "deg_Mg_pH10",
    "deg_pH10",
    "deg_Mg_50C",
    "deg_50C",
];

/// The places among [`TARGETS`] of the columns that count.
pub const SCORED: [usize; 3] = [0, 1, 3];

/// The submission's name.
pub const SUBMISSION: &str = "submission.csv";

/// The longest molecule; none of the competition has more than 130 bases, and no coronavirus has a third of this.
pub const MOST_BASES: usize = 100_000;

/// An RNA with its structure, as the competition gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Molecule {
    /// Its name.
    pub id: String,
    /// Its bases.
    pub sequence: Seq<Rna>,
    /// Its structure, as long as the sequence.
    pub structure: Structure,
    /// The kind of loop of each base, as long as the sequence.
    pub loops: Vec<LoopType>,
    /// How many of the first bases are measured; not more than there are.
    pub seq_scored: usize,
}

/// Molecules with what was measured of them, in the order of the file; all lists have an entry per molecule.
#[derive(Clone, Debug)]
pub struct Train {
    /// The molecules.
    pub molecules: Vec<Molecule>,
    /// `[seq_scored, 5]` values with their standard errors, columns as [`TARGETS`].
    pub targets: Vec<TargetMatrix>,
    /// How well each was measured; the higher the better.
    pub signal_to_noise: Vec<f32>,
    /// Whether it passed the organisers' filter, `SN_filter` = 1.
    pub sn_filter: Vec<bool>,
}

impl Train {
    /// These molecules, in this order.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    pub fn select(&self, rows: &[usize]) -> Self {
        let of = |row: &usize| self.molecules[*row].clone();
        Self {
            molecules: rows.iter().map(of).collect(),
            targets: rows.iter().map(|&row| self.targets[row].clone()).collect(),
            signal_to_noise: rows.iter().map(|&row| self.signal_to_noise[row]).collect(),
            sn_filter: rows.iter().map(|&row| self.sn_filter[row]).collect(),
        }
    }
}

/// True values of molecules.
#[derive(Clone, Debug)]
pub struct Labels {
    /// The molecules' names, each once.
    pub ids: Vec<String>,
    /// `[seq_scored, 5]` values, columns as [`TARGETS`].
    pub targets: Vec<TargetMatrix>,
}

/// Reads the molecules to learn from.
///
/// `policy` says what to do with ambiguity codes such as `N`, with lower case and with T for U; the default refuses them.
///
/// # Errors
///
/// If the file is missing, damaged or no JSON lines, a field is missing or of another kind, an id occurs twice, a sequence or structure is
/// refused, lengths do not fit each other, or a value is not finite; with line and field.
pub fn read_train(path: &Path, policy: Policy) -> Result<Train, TaskError> {
    let mut rows = Rows::open(path)?;
    let mut train = Train {
        molecules: Vec::new(),
        targets: Vec::new(),
        signal_to_noise: Vec::new(),
        sn_filter: Vec::new(),
    };
    while let Some(row) = rows.next()? {
        let molecule = row.molecule(policy)?;
        let (signal_to_noise, sn_filter) = row.quality()?;
        train
            .targets
            .push(row.targets_with_errors(molecule.seq_scored)?);
        train.molecules.push(molecule);
        train.signal_to_noise.push(signal_to_noise);
        train.sn_filter.push(sn_filter);
    }
    rows.check_some()?;
    Ok(train)
}

/// Reads the molecules to predict.
///
/// # Errors
///
/// As [`read_train`], for the fields of a test file.
pub fn read_test(path: &Path, policy: Policy) -> Result<Vec<Molecule>, TaskError> {
    let mut rows = Rows::open(path)?;
    let mut molecules = Vec::new();
    while let Some(row) = rows.next()? {
        molecules.push(row.molecule(policy)?);
    }
    rows.check_some()?;
    Ok(molecules)
}

/// Reads true values: JSON lines with `id` and the five lists, as a training file has them.
///
/// # Errors
///
/// As [`read_train`], for these fields.
pub fn read_labels(path: &Path) -> Result<Labels, TaskError> {
    let mut rows = Rows::open(path)?;
    let mut labels = Labels {
        ids: Vec::new(),
        targets: Vec::new(),
    };
    while let Some(row) = rows.next()? {
        labels.targets.push(row.targets()?);
        labels.ids.push(row.id().to_owned());
    }
    rows.check_some()?;
    Ok(labels)
}
