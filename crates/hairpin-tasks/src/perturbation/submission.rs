//! The submission, and the tables that are read like one.

use std::fmt::Write as _;
use std::iter;
use std::path::Path;

use hairpin_targets::TargetMatrix;
use rayon::prelude::*;

use super::genes::GeneTable;
use super::{CELL_TYPE, COMPOUND, DESCRIBING, ID};
use crate::columns::{self, Column};
use crate::error::shorten;
use crate::{Place, TaskError, file};

/// Values of genes, of rows that are known by an id, by cell type and compound, or by both.
#[derive(Clone, Debug)]
pub struct Labels {
    /// The rows' ids, each once, if the file has them.
    pub ids: Option<Vec<String>>,
    /// The rows' cell types and compounds, each pair once, if the file has them.
    pub pairs: Option<Vec<(String, String)>>,
    /// `[n_rows, n_genes]`
    pub targets: TargetMatrix,
}

/// Reads true values: a table of `id`, or of `cell_type` and `sm_name`, and the genes; what was not measured may be missing.
///
/// # Errors
///
/// As [`read_train`](super::read_train), and if the table has neither ids nor pairs.
pub fn read_labels(path: &Path) -> Result<Labels, TaskError> {
    let table = GeneTable::read(path, &DESCRIBING)?;
    labels(table)
}

/// Reads a submission: as [`read_labels`], and every value must be there.
///
/// # Errors
///
/// As [`read_labels`], and if a value is missing.
pub fn read_submission(path: &Path) -> Result<Labels, TaskError> {
    let table = GeneTable::read(path, &DESCRIBING)?;
    table.check_complete()?;
    labels(table)
}

fn labels(mut table: GeneTable) -> Result<Labels, TaskError> {
    table.check_any()?;
    let ids = table.has(ID).then(|| table.names(ID)).transpose()?;
    if let Some(ids) = &ids {
        table.check_ids(ids)?;
    }
    let named = [CELL_TYPE, COMPOUND].iter().any(|name| table.has(name));
    let pairs = if named || ids.is_none() {
        let cell_types = table.names(CELL_TYPE)?;
        let compounds = table.names(COMPOUND)?;
        table.check_pairs(&cell_types, &compounds)?;
        Some(cell_types.into_iter().zip(compounds).collect())
    } else {
        None
    };
    Ok(Labels {
        ids,
        pairs,
        targets: table.into_targets()?,
    })
}

/// Writes predictions as the competition takes them: `id` and the genes, rows and columns in the order given.
///
/// Numbers are written so that they are read again as the same `f32`. The file appears under its name when it is whole; until then, and
/// after an error, an earlier one stays as it was.
///
/// # Errors
///
/// If there are no rows, not one id per row, an id is empty or occurs twice, a prediction is missing, or the file cannot be written.
pub fn write_submission(
    path: &Path,
    ids: &[String],
    predicted: &TargetMatrix,
) -> Result<(), TaskError> {
    check(path, ids, predicted)?;
    let mut header = csv::Writer::from_writer(Vec::new());
    let names = predicted.names().iter().map(String::as_str);
    let written = header.write_record(iter::once(ID).chain(names));
    written.map_err(|source| failed(path, source.into()))?;
    let header = header
        .into_inner()
        .map_err(|e| failed(path, e.into_error()))?;
    let rows: Result<Vec<Vec<u8>>, TaskError> = ids
        .par_iter()
        .enumerate()
        .map(|(row, id)| {
            let mut line = field(id);
            for value in predicted.values().row(row) {
                // To a string, which takes everything.
                let _ = write!(line, ",{value}");
            }
            line.push('\n');
            Ok(line.into_bytes())
        })
        .collect();
    let mut content = header;
    content.reserve_exact(
        rows.as_ref()
            .map_or(0, |rows| rows.iter().map(Vec::len).sum()),
    );
    rows?.iter().for_each(|row| content.extend_from_slice(row));
    file::write(path, &content)
}

/// Writes predictions as Parquet: a column of text `id` and a column of 32-bit floats per gene, one row group, packed with Snappy.
///
/// # Errors
///
/// As [`write_submission`].
pub fn write_submission_parquet(
    path: &Path,
    ids: &[String],
    predicted: &TargetMatrix,
) -> Result<(), TaskError> {
    check(path, ids, predicted)?;
    let genes = predicted.names().iter().zip(predicted.values().columns());
    let genes = genes.map(|(name, values)| (name.as_str(), Column::Float(values.to_vec())));
    let columns: Vec<_> = iter::once((ID, Column::Text(ids.to_vec())))
        .chain(genes)
        .collect();
    let content = columns::parquet(&columns).map_err(|source| failed(path, source))?;
    file::write(path, &content)
}

fn check(path: &Path, ids: &[String], predicted: &TargetMatrix) -> Result<(), TaskError> {
    let place = || Place::new(path);
    let refused = |place: Place, found: String, expected: String| {
        Err(TaskError::Field {
            place,
            found,
            expected,
            remedy: "give the ids of the test file and a prediction of every gene for each",
        })
    };
    if ids.is_empty() {
        return Err(TaskError::NoRows { place: place() });
    }
    let (rows, genes) = predicted.values().dim();
    if rows != ids.len() || genes == 0 {
        let found = format!("{rows} x {genes} predictions");
        return refused(
            place(),
            found,
            format!("{} rows of one gene or more", ids.len()),
        );
    }
    if let Some(name) = predicted
        .names()
        .iter()
        .find(|name| DESCRIBING.contains(&name.as_str()) || name.is_empty())
    {
        let found = format!("a gene of the name `{name}`");
        return refused(place(), found, "names that describe no row".to_owned());
    }
    let missing = predicted
        .measured()
        .indexed_iter()
        .find(|(_, given)| !**given);
    if let Some(((row, gene), _)) = missing {
        let place = place().row(row as u64).column(&predicted.names()[gene]);
        return refused(place, "no prediction".to_owned(), "a number".to_owned());
    }
    let mut lines = std::collections::HashMap::new();
    for (id, line) in ids.iter().zip(2..) {
        let place = || place().line(line).column(ID);
        if id.trim().is_empty() || id.contains(['\n', '\r']) {
            return refused(
                place(),
                format!("`{}`", shorten(id)),
                "an id in one line".to_owned(),
            );
        }
        if let Some(first) = lines.insert(id, line) {
            let id = shorten(id);
            return Err(TaskError::DuplicateId {
                place: place(),
                id,
                first,
            });
        }
    }
    Ok(())
}

/// A field of CSV, in quotes where it needs them.
fn field(text: &str) -> String {
    if text.contains([',', '"']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

fn failed(path: &Path, source: std::io::Error) -> TaskError {
    TaskError::Write {
        path: path.to_owned(),
        source,
    }
}
