//! Any table of sequences with a number each: one CSV to learn from, one to predict.
//!
//! | file | columns | what |
//! |---|---|---|
//! | `train.csv` | `id,sequence,target` | sequences with their targets |
//! | `test.csv` | `id,sequence` | sequences to predict |
//! | [`predictions.csv`](SUBMISSION) | `id,target` | the answer, in the order of `test.csv` |
//!
//! [`Columns`] names other columns; further ones may stand anywhere and are passed over. Without a column `id` a row's id is its
//! number, from 0.
//!
//! ```
//! use hairpin_seq::{Policy, Rna};
//! use hairpin_targets::TargetMatrix;
//! use hairpin_targets::metrics::Metric;
//! use hairpin_tasks::sequence_csv::{self, AlphabetName, Columns};
//! use ndarray::Array2;
//!
//! # let fixtures = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tasks/sequence-csv"));
//! # let folder = tempfile::tempdir()?;
//! let columns = Columns::default();
//! let train = sequence_csv::read_train(&fixtures.join("train.csv"), &columns)?;
//! assert_eq!(sequence_csv::detect(&train.sequences)?.alphabet, AlphabetName::Rna);
//! let seqs = train.sequences.parse::<Rna>(Policy::default())?;
//!
//! let test = sequence_csv::read_test(&fixtures.join("test.csv"), &columns)?;
//! let uracil = |text: &String| text.matches('U').count() as f32; // a model would be better
//! let counts = test.sequences.texts().iter().map(uracil).collect();
//! let predicted = TargetMatrix::new(Array2::from_shape_vec((test.ids.len(), 1), counts)?, vec!["target".to_string()])?;
//! let submission = folder.path().join(sequence_csv::SUBMISSION);
//! sequence_csv::write_submission(&submission, &test.ids, &predicted)?;
//!
//! let score = sequence_csv::score(&submission, &fixtures.join("test-labels.csv"), &columns)?;
//! let spearman = score.get(Metric::Spearman).unwrap();
//! assert_eq!(format!("{spearman:.2}"), "0.47 (95 % interval 0.23 to 0.66)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is read
//!
//! UTF-8 text, plain or gzip, with or without a byte order mark, lines ending in `\n` or `\r\n`, blank ones passed over. Fields are
//! separated by commas; a field in double quotes may hold commas and, written twice, quotes, but no line break. A line has at most
//! 16 MiB, a file 1 GiB of text: reading takes no more memory than a small multiple of what the rows hold and four of the longest
//! line allowed, whatever the file.
//!
//! What is wrong is an error that names line and column: ids that are missing or occur twice; targets that are text, NaN, infinite,
//! empty or all the same; empty sequences; rows with another number of fields than the header; columns that are missing or occur twice.

mod alphabet;
mod score;
mod sequences;

use std::collections::HashMap;
use std::path::Path;

use hairpin_targets::{Groups, TargetMatrix};
use ndarray::Array2;

pub use alphabet::{AlphabetName, Detected, detect};
pub use score::{METRICS, Score, score};
pub use sequences::{Sequences, check_lengths};

use crate::error::shorten;
use crate::table::{Table, number};
use crate::{Place, TaskError, file};

/// The submission's name.
pub const SUBMISSION: &str = "predictions.csv";

/// The column of ids when no other is named.
const ID: &str = "id";

/// The column of targets of a submission.
const TARGET: &str = "target";

const REMEDY: &str = "give the path of a CSV file with a header, such as id,sequence,target";

/// The names of the columns.
///
/// | name | default | meaning |
/// |---|---|---|
/// | `id` | none | the rows' names; none: the column `id` if there is one, else the row's number from 0 |
/// | `sequence` | `sequence` | the sequences |
/// | `target` | `target` | the numbers to predict |
/// | `group` | none | what rows that belong together have in common, such as a gene |
/// | `keep` | none | further columns, as text |
///
/// ```
/// use hairpin_tasks::sequence_csv::Columns;
///
/// // The CRISPR guides of Azimuth, whose first column has no name.
/// let columns = Columns {
///     id: Some(String::new()),
///     sequence: "30mer".to_string(),
///     target: "score_drug_gene_rank".to_string(),
///     group: Some("Target gene".to_string()),
///     ..Columns::default()
/// };
/// # let _ = columns;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Ids.
    pub id: Option<String>,
    /// Sequences.
    pub sequence: String,
    /// Targets.
    pub target: String,
    /// Groups, if wanted.
    pub group: Option<String>,
    /// Further columns that are wanted as text.
    pub keep: Vec<String>,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            id: None,
            sequence: "sequence".to_owned(),
            target: TARGET.to_owned(),
            group: None,
            keep: Vec::new(),
        }
    }
}

/// Sequences with targets, in the order of the file.
#[derive(Clone, Debug)]
pub struct Train {
    /// The rows' names, each once; those of the targets' rows, too.
    pub ids: Vec<String>,
    /// The sequences.
    pub sequences: Sequences,
    /// The targets, one column of the name in the file.
    pub targets: TargetMatrix,
    /// The rows that belong together, if [`Columns::group`] was named.
    pub groups: Option<Groups>,
    /// The columns of [`Columns::keep`], in that order.
    pub kept: Vec<Vec<String>>,
}

/// Sequences to predict, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The rows' names, each once.
    pub ids: Vec<String>,
    /// The sequences.
    pub sequences: Sequences,
    /// The rows that belong together, if [`Columns::group`] was named.
    pub groups: Option<Groups>,
    /// The columns of [`Columns::keep`], in that order.
    pub kept: Vec<Vec<String>>,
}

/// Reads sequences with their targets.
///
/// # Errors
///
/// If the file cannot be read or is not what the [module](self) describes, or all targets are the same.
pub fn read_train(path: &Path, columns: &Columns) -> Result<Train, TaskError> {
    let rows = read(
        path,
        columns,
        Some(&columns.sequence),
        Some(&columns.target),
    )?;
    let place = || rows.file.clone().column(&columns.target);
    if let Some(&value) = rows.targets.first()
        && rows.targets.iter().all(|&target| target == value)
    {
        return Err(TaskError::ConstantTarget {
            place: place(),
            value,
            rows: rows.targets.len(),
        });
    }
    let targets = matrix(rows.targets, &columns.target, &rows.ids, &place())?;
    Ok(Train {
        ids: rows.ids,
        sequences: rows.sequences,
        targets,
        groups: rows.groups,
        kept: rows.kept,
    })
}

/// Reads sequences to predict; a column of targets is passed over.
///
/// # Errors
///
/// If the file cannot be read or is not what the [module](self) describes.
pub fn read_test(path: &Path, columns: &Columns) -> Result<Test, TaskError> {
    let rows = read(path, columns, Some(&columns.sequence), None)?;
    Ok(Test {
        ids: rows.ids,
        sequences: rows.sequences,
        groups: rows.groups,
        kept: rows.kept,
    })
}

/// Reads targets alone, such as the truth of a test file, with the ids as ids of the rows.
///
/// # Errors
///
/// If the file cannot be read or is not what the [module](self) describes; sequences and groups are not needed here.
pub fn read_labels(path: &Path, columns: &Columns) -> Result<TargetMatrix, TaskError> {
    let only = Columns {
        id: columns.id.clone(),
        ..Columns::default()
    };
    let rows = read(path, &only, None, Some(&columns.target))?;
    let place = rows.file.column(&columns.target);
    matrix(rows.targets, &columns.target, &rows.ids, &place)
}

/// Writes predictions as `id,target`, in the order given, which is that of the test file.
///
/// Numbers are written so that they are read again as the same `f32`. The file appears under its name when it is whole; until then, and
/// after an error, an earlier one stays as it was.
///
/// # Errors
///
/// If there are no rows, not one id per row, an id is empty or occurs twice, there is not one column, a prediction is missing, or the file
/// cannot be written.
pub fn write_submission(
    path: &Path,
    ids: &[String],
    predicted: &TargetMatrix,
) -> Result<(), TaskError> {
    let place = || Place::new(path);
    let refused = |what: String, expected: &str| {
        Err(TaskError::Field {
            place: place(),
            found: what,
            expected: expected.to_owned(),
            remedy: "give the ids of the test file and one prediction for each",
        })
    };
    if ids.is_empty() {
        return Err(TaskError::NoRows { place: place() });
    }
    let (rows, columns) = predicted.values().dim();
    if rows != ids.len() {
        return refused(format!("{rows} predictions"), &format!("{}", ids.len()));
    }
    if columns != 1 {
        return refused(format!("{columns} columns of predictions"), "1");
    }
    if let Some(row) = predicted.measured().iter().position(|&given| !given) {
        return refused(format!("no prediction in row {row} (from 0)"), "a number");
    }
    let mut known = Ids::default();
    let mut csv = csv::Writer::from_writer(Vec::new());
    let failed = |source: csv::Error| TaskError::Write {
        path: path.to_owned(),
        source: source.into(),
    };
    csv.write_record([ID, TARGET]).map_err(failed)?;
    for (index, (id, value)) in ids.iter().zip(predicted.values()).enumerate() {
        let line = index as u64 + 2;
        known.add(id, line, || place().line(line).column(ID))?;
        csv.write_record([id, &value.to_string()]).map_err(failed)?;
    }
    let content = csv.into_inner().map_err(|error| TaskError::Write {
        path: path.to_owned(),
        source: error.into_error(),
    })?;
    file::write(path, &content)
}

/// Ids with the lines in which they stand.
#[derive(Default)]
struct Ids(HashMap<String, u64>);

impl Ids {
    fn add(&mut self, id: &str, line: u64, place: impl Fn() -> Place) -> Result<(), TaskError> {
        if id.trim().is_empty() {
            return Err(TaskError::Field {
                place: place(),
                found: "no id".to_owned(),
                expected: "a name for the row".to_owned(),
                remedy: "fill it in, or number the rows by reading without a column of ids",
            });
        }
        if id.contains(['\n', '\r']) {
            return Err(TaskError::Field {
                place: place(),
                found: "a line break in an id".to_owned(),
                expected: "a name in one line".to_owned(),
                remedy: "take it out",
            });
        }
        match self.0.insert(id.to_owned(), line) {
            None => Ok(()),
            Some(first) => Err(TaskError::DuplicateId {
                place: place(),
                id: shorten(id),
                first,
            }),
        }
    }
}

/// What was asked for of a table.
struct Rows {
    file: Place,
    ids: Vec<String>,
    sequences: Sequences,
    targets: Vec<f32>,
    groups: Option<Groups>,
    kept: Vec<Vec<String>>,
}

fn read(
    path: &Path,
    columns: &Columns,
    sequence: Option<&str>,
    target: Option<&str>,
) -> Result<Rows, TaskError> {
    let mut table = Table::open(path, REMEDY)?;
    let needed = |name: Option<&str>| name.map(|name| table.column(name)).transpose();
    let id = match &columns.id {
        Some(name) => Some(table.column(name)?),
        None => table.find(ID)?,
    };
    let (sequence_at, target_at) = (needed(sequence)?, needed(target)?);
    let group_at = needed(columns.group.as_deref())?;
    let kept_at = columns.keep.iter().map(|name| table.column(name));
    let kept_at: Vec<usize> = kept_at.collect::<Result<_, _>>()?;

    let file = table.file().clone();
    let mut known = Ids::default();
    let mut groups = Vec::new();
    let mut rows = Rows {
        sequences: Sequences::new(file.clone().column(sequence.unwrap_or_default())),
        file,
        ids: Vec::new(),
        targets: Vec::new(),
        groups: None,
        kept: vec![Vec::new(); kept_at.len()],
    };
    while table.next()? {
        let row = rows.ids.len();
        if let Some(at) = id {
            known.add(table.field(at), table.line(), || table.place(at))?;
            rows.ids.push(table.field(at).to_owned());
        } else {
            rows.ids.push(row.to_string());
        }
        if let Some(at) = sequence_at {
            let text = table.field(at);
            if text.is_empty() {
                return Err(TaskError::EmptySequence {
                    place: table.place(at),
                    row,
                });
            }
            rows.sequences.push(text, table.line());
        }
        if let Some(at) = target_at {
            rows.targets.push(number(&table, at)?);
        }
        if let Some(at) = group_at {
            if table.field(at).trim().is_empty() {
                return Err(TaskError::Field {
                    place: table.place(at),
                    found: "no group".to_owned(),
                    expected: "what the row has in common with others".to_owned(),
                    remedy: "fill it in; a row that stands alone gets a name of its own",
                });
            }
            groups.push(table.field(at).to_owned());
        }
        for (kept, &at) in rows.kept.iter_mut().zip(&kept_at) {
            kept.push(table.field(at).to_owned());
        }
    }
    if rows.ids.is_empty() {
        return Err(TaskError::NoRows { place: rows.file });
    }
    rows.groups = group_at.map(|_| Groups::by(groups));
    Ok(rows)
}

/// Targets as a matrix of one column.
fn matrix(
    targets: Vec<f32>,
    name: &str,
    ids: &[String],
    place: &Place,
) -> Result<TargetMatrix, TaskError> {
    let mut values = Array2::zeros((targets.len(), 1));
    values.column_mut(0).assign(&ndarray::aview1(&targets));
    TargetMatrix::new(values, vec![name.to_owned()])
        .and_then(|matrix| matrix.with_row_ids(ids.to_vec()))
        .map_err(|source| TaskError::Targets {
            place: place.clone(),
            source: Box::new(source),
        })
}
