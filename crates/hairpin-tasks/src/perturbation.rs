//! Single-cell perturbation: what a compound does to every gene of a cell type, for pairs that nobody measured.
//!
//! | file | columns | what |
//! |---|---|---|
//! | [`de_train.parquet`](TRAIN) | `cell_type`, `sm_name`, `sm_lincs_id`, `SMILES`, `control`, then genes | a row for each measured pair |
//! | [`id_map.csv`](TEST) | `id,cell_type,sm_name` | the pairs to predict |
//! | [`submission.csv`](SUBMISSION) | `id`, then the genes in the order of training | the answer |
//!
//! Every table may be CSV (plain or gzip), Parquet or, with the feature `h5ad`, AnnData; the first bytes say which. `sm_lincs_id`, `SMILES`
//! and `control` are optional, a column `id` or without a name, or the index that pandas saved, is passed over, and all other columns are
//! genes: their names, their number and their order come from the file. A gene that was not measured for a pair is NaN, null or an empty field.
//!
//! The score is MRRMSE, the mean over rows of the root mean square of a row's errors:
//!
//! ```text
//! MRRMSE = 1/R Σ_i √(1/G Σ_j (y_ij - x_ij)²)        j over the genes measured in row i
//! ```
//!
//! Open Problems, Single-Cell Perturbations (NeurIPS 2023); Szałata et al. (2024), *A benchmark for prediction of transcriptomic responses
//! to chemical perturbations across cell types*.
//!
//! ```
//! use hairpin_targets::control::{GroupAverage, Regressor};
//! use hairpin_targets::{Categories, TargetMatrix};
//! use hairpin_tasks::perturbation;
//!
//! # let fixtures = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tasks/perturbation"));
//! # let folder = tempfile::tempdir()?;
//! let train = perturbation::read_train(&fixtures.join(perturbation::TRAIN))?;
//! let test = perturbation::read_test(&fixtures.join(perturbation::TEST))?;
//! assert!(train.unseen(&test).is_empty());
//!
//! // The mean of each compound; a model would be better.
//! let compounds = Categories::of(&train.compounds);
//! let index = |names: &[String]| names.iter().filter_map(|name| compounds.index(name)).collect::<Vec<_>>();
//! let control = GroupAverage::MEAN.fit(&train.targets, &index(&train.compounds))?;
//! let predicted = control.predict(&index(&test.compounds))?;
//!
//! let submission = folder.path().join(perturbation::SUBMISSION);
//! perturbation::write_submission(&submission, &test.ids, &predicted)?;
//! let score = perturbation::score(&submission, &fixtures.join("labels.csv"), Some(&test))?;
//! assert!(score.ratio() < 1.0); // better than zeros
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is read
//!
//! Parquet of any number of row groups, columns of 32 or 64-bit floats or integers, pages plain or packed with Snappy, Zstandard, gzip or
//! LZ4 (raw). Columns are unpacked in parallel, a block of them at a time, into the one matrix.
//!
//! AnnData's `.h5ad` of anndata 0.8 or later: `obs` has the columns (text, categories, integers, yes and no), the index of `var` the genes, `X` the
//! values, dense or CSR, packed with gzip or not; a file without `X` is read from its layer `clipped_sign_log10_pval`, as the corrected benchmark
//! hands it out.
//!
//! What a footer or header promises is held against the length of the file and against limits (4 GiB of file, 2²⁸ values, 64 MiB a page,
//! 256 MiB a chunk, 64 KiB a text) before memory is taken for it.
//!
//! What is wrong is an error that names the row (from 0; of CSV the line) and the column: pairs that occur twice, text or an infinite value
//! among the genes, genes that occur twice or are missing, no rows, a file that was cut short.

mod genes;
#[cfg(feature = "h5ad")]
mod h5ad;
mod pages;
mod score;
mod submission;
mod tables;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

use hairpin_targets::TargetMatrix;

use crate::error::shorten;
use crate::table::Table;
use crate::{Place, TaskError};
use genes::GeneTable;

pub use score::{METRICS, Score, score};
pub use submission::{
    Labels, read_labels, read_submission, write_submission, write_submission_parquet,
};

/// The name of the pairs to learn from.
pub const TRAIN: &str = "de_train.parquet";

/// The same as AnnData, as the corrected benchmark hands them out.
pub const TRAIN_H5AD: &str = "de_train.h5ad";

/// The name of the pairs to predict.
pub const TEST: &str = "id_map.csv";

/// The submission's name.
pub const SUBMISSION: &str = "submission.csv";

const ID: &str = "id";
const CELL_TYPE: &str = "cell_type";
const COMPOUND: &str = "sm_name";
const LINCS_ID: &str = "sm_lincs_id";
const SMILES: &str = "SMILES";
const CONTROL: &str = "control";

/// The columns that are no genes.
const DESCRIBING: [&str; 6] = [ID, CELL_TYPE, COMPOUND, LINCS_ID, SMILES, CONTROL];

const REMEDY: &str =
    "give the path of a Parquet or CSV file with the columns cell_type, sm_name and the genes";

/// Measured pairs, in the order of the file; all lists have an entry per pair.
#[derive(Clone, Debug)]
pub struct Train {
    /// Cell types.
    pub cell_types: Vec<String>,
    /// Names of the compounds.
    pub compounds: Vec<String>,
    /// The compounds' LINCS ids, empty where there is none; none if the file has no such column.
    pub lincs_ids: Option<Vec<String>>,
    /// The compounds' structures as SMILES, empty where there is none; none if the file has no such column.
    pub smiles: Option<Vec<String>>,
    /// Whether the compound is one of the experiment's positive controls; none if the file does not say.
    pub control: Option<Vec<bool>>,
    /// `[n_pairs, n_genes]` differential expression, such as signed -log10 p.
    pub targets: TargetMatrix,
}

impl Train {
    /// What of the pairs to predict does not occur in these, to be warned of.
    pub fn unseen(&self, test: &Test) -> Unseen {
        Unseen {
            cell_types: unseen(&self.cell_types, &test.cell_types),
            compounds: unseen(&self.compounds, &test.compounds),
        }
    }
}

/// Pairs to predict, in the order of the file; all lists have an entry per pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The pairs' ids, each once.
    pub ids: Vec<String>,
    /// Cell types.
    pub cell_types: Vec<String>,
    /// Names of the compounds.
    pub compounds: Vec<String>,
}

/// Cell types and compounds to predict of which no row was measured, each with its number of pairs to predict, by name.
///
/// ```
/// use hairpin_tasks::perturbation::Unseen;
///
/// let unseen = Unseen { cell_types: vec![("Monocytes".to_string(), 2)], compounds: Vec::new() };
/// assert_eq!(unseen.to_string(), "no measured row of 1 cell type: `Monocytes` (2 pairs to predict)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Cell types.
    pub cell_types: Vec<(String, usize)>,
    /// Compounds.
    pub compounds: Vec<(String, usize)>,
}

impl Unseen {
    /// Whether everything to predict has measured rows.
    pub fn is_empty(&self) -> bool {
        self.cell_types.is_empty() && self.compounds.is_empty()
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        let kinds = [
            ("cell type", &self.cell_types),
            ("compound", &self.compounds),
        ];
        if self.is_empty() {
            return f.write_str("every cell type and compound has a measured row");
        }
        f.write_str("no measured row of ")?;
        for (i, (kind, names)) in kinds.iter().filter(|(_, n)| !n.is_empty()).enumerate() {
            let (and, s) = (if i > 0 { ", and of " } else { "" }, plural(names.len()));
            write!(f, "{and}{} {kind}{s}: ", names.len())?;
            for (place, (name, pairs)) in names.iter().take(SHOWN).enumerate() {
                let comma = if place > 0 { ", " } else { "" };
                write!(
                    f,
                    "{comma}`{}` ({pairs} pair{} to predict)",
                    shorten(name),
                    plural(*pairs)
                )?;
            }
            if names.len() > SHOWN {
                write!(f, " and {} more", names.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn unseen(known: &[String], asked: &[String]) -> Vec<(String, usize)> {
    let known: HashSet<&String> = known.iter().collect();
    let mut counts: HashMap<&String, usize> = HashMap::new();
    for name in asked.iter().filter(|name| !known.contains(name)) {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(n, c)| (n.clone(), c)).collect();
    counts.sort_unstable();
    counts
}

/// Reads the pairs to learn from.
///
/// # Errors
///
/// If the file cannot be read or is not what the [module](self) describes, a pair occurs twice, or there are no rows or no genes.
pub fn read_train(path: &Path) -> Result<Train, TaskError> {
    let mut table = GeneTable::read(path, &DESCRIBING)?;
    table.check_any()?;
    let cell_types = table.names(CELL_TYPE)?;
    let compounds = table.names(COMPOUND)?;
    table.check_pairs(&cell_types, &compounds)?;
    Ok(Train {
        lincs_ids: table.take(LINCS_ID).map(blank),
        smiles: table.take(SMILES).map(blank),
        control: table.flags(CONTROL)?,
        targets: table.into_targets()?,
        cell_types,
        compounds,
    })
}

/// Reads the pairs to predict.
///
/// Cell types and compounds need not be known; [`Train::unseen`] counts those that are not.
///
/// # Errors
///
/// If the file cannot be read or lacks a column, a field is empty, an id or a pair occurs twice, or there are no rows.
pub fn read_test(path: &Path) -> Result<Test, TaskError> {
    const REMEDY: &str = "give the path of a CSV file with the columns id, cell_type and sm_name";
    let mut table = Table::open(path, REMEDY)?;
    let [id, cell_type, compound] = [ID, CELL_TYPE, COMPOUND].map(|name| table.column(name));
    let columns = [id?, cell_type?, compound?];
    let (mut ids, mut pairs) = (HashMap::new(), HashMap::new());
    let mut test = Test {
        ids: Vec::new(),
        cell_types: Vec::new(),
        compounds: Vec::new(),
    };
    while table.next()? {
        if let Some(&empty) = columns.iter().find(|&&at| table.field(at).is_empty()) {
            return Err(no_name(table.place(empty)));
        }
        let [id, cell_type, compound] = columns.map(|at| table.field(at).to_owned());
        if let Some(first) = ids.insert(id.clone(), table.line()) {
            return Err(TaskError::DuplicateId {
                place: table.place(columns[0]),
                id: shorten(&id),
                first,
            });
        }
        if let Some(first) = pairs.insert((cell_type.clone(), compound.clone()), table.line()) {
            return Err(TaskError::DuplicatePair {
                place: table.place(columns[2]),
                pair: pair(&cell_type, &compound),
                first: format!("line {first}"),
            });
        }
        test.ids.push(id);
        test.cell_types.push(cell_type);
        test.compounds.push(compound);
    }
    if test.ids.is_empty() {
        return Err(TaskError::NoRows {
            place: table.file().clone(),
        });
    }
    Ok(test)
}

/// Text with nothing where there is none.
fn blank(texts: Vec<Option<String>>) -> Vec<String> {
    texts.into_iter().map(Option::unwrap_or_default).collect()
}

/// A pair as a message shows it.
fn pair(cell_type: &str, compound: &str) -> String {
    format!("`{}`, `{}`", shorten(cell_type), shorten(compound))
}

fn no_name(place: Place) -> TaskError {
    TaskError::Field {
        place,
        found: "an empty field".to_owned(),
        expected: "a name".to_owned(),
        remedy: "fill it in or leave the row out",
    }
}
