//! A table of pairs by genes, out of CSV or Parquet: describing columns as text, all others as one matrix.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use hairpin_targets::TargetMatrix;
use ndarray::Array2;

#[cfg(feature = "h5ad")]
use super::h5ad::H5ad;
use super::{REMEDY, no_name, pair, tables};
use crate::error::shorten;
use crate::table::Table;
use crate::{Place, TaskError, file};

/// The most values of a table; more than a thousand cell types by a thousand compounds by all human genes would not be a file to load whole.
pub(super) const MOST_VALUES: usize = 1 << 28;

/// The longest file that is read whole.
const MOST_FILE: u64 = 1 << 32;

/// The most values for a byte of file: a column of one value takes a hundred bytes however many rows it has, and a small file may promise many.
const MOST_PER_BYTE: usize = 1 << 10;

/// The longest text of a describing column.
pub(super) const MOST_TEXT: usize = 1 << 16;

/// The most text of a describing column.
pub(super) const MOST_TEXTS: usize = 1 << 28;

/// The first bytes of an HDF5 file.
const HDF5: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// A table as it was read.
pub(super) struct GeneTable {
    file: Place,
    /// The lines of the rows of a CSV; none of a Parquet file, whose rows are counted from 0.
    lines: Option<Vec<u64>>,
    /// The describing columns that were found.
    texts: HashMap<String, Vec<Option<String>>>,
    /// Names of the gene columns.
    genes: Vec<String>,
    /// `[n_rows, n_genes]`, NaN where not measured, nothing infinite.
    values: Array2<f32>,
}

impl GeneTable {
    /// Reads a table whose columns of the names `describing` are no genes.
    pub(super) fn read(path: &Path, describing: &[&str]) -> Result<Self, TaskError> {
        let (mut opened, length) = file::open(path, || REMEDY.to_owned())?;
        let mut head = Vec::new();
        let read = opened.by_ref().take(8).read_to_end(&mut head);
        read.map_err(|source| TaskError::Read {
            path: path.to_owned(),
            source,
        })?;
        if head.starts_with(b"PAR1") {
            let table = tables::ParquetTable::open(path, opened, length)?;
            return Self::from_parquet(&table, describing);
        }
        if head == HDF5 {
            #[cfg(feature = "h5ad")]
            return Self::from_h5ad(&H5ad::open(path, opened, length)?, describing);
            #[cfg(not(feature = "h5ad"))]
            return Err(TaskError::Format {
                path: path.to_owned(),
                expected: "a Parquet or CSV file",
                found: "the first bytes are those of HDF5",
                remedy: "build with the feature h5ad to read AnnData, or save it with pandas.DataFrame.to_parquet",
            });
        }
        Self::from_csv(Table::open(path, REMEDY)?, describing)
    }

    fn from_parquet(table: &tables::ParquetTable, describing: &[&str]) -> Result<Self, TaskError> {
        let (mut texts, mut genes, mut columns) = (HashMap::new(), Vec::new(), Vec::new());
        for (column, name) in table.names().iter().enumerate() {
            if describing.contains(&name.as_str()) {
                texts.insert(name.clone(), table.texts(column)?);
            } else if !is_index(name) {
                genes.push(name.clone());
                columns.push(column);
            }
        }
        Ok(Self {
            file: table.file().clone(),
            lines: None,
            texts,
            genes,
            values: table.numbers(&columns)?,
        })
    }

    #[cfg(feature = "h5ad")]
    fn from_h5ad(table: &H5ad, describing: &[&str]) -> Result<Self, TaskError> {
        let mut texts = HashMap::new();
        for name in describing {
            if let Some(column) = table.column(name)? {
                texts.insert((*name).to_owned(), column);
            }
        }
        let values = table.numbers()?;
        let lengths = texts.values().map(Vec::len);
        let other = lengths
            .chain([table.n_rows()?])
            .find(|rows| *rows != values.nrows());
        if other.is_some() || values.ncols() != table.genes().len() {
            return Err(TaskError::Damaged {
                place: table.file().clone(),
                reason: format!(
                    "a matrix of {} x {}, but {} rows of obs and {} of var",
                    values.nrows(),
                    values.ncols(),
                    other.unwrap_or(values.nrows()),
                    table.genes().len()
                ),
                source: None,
            });
        }
        Ok(Self {
            file: table.file().clone(),
            lines: None,
            texts,
            genes: table.genes().to_vec(),
            values,
        })
    }

    fn from_csv(mut table: Table, describing: &[&str]) -> Result<Self, TaskError> {
        let file = table.file().clone();
        let mut described: Vec<(usize, String, Vec<Option<String>>)> = Vec::new();
        let (mut genes, mut columns) = (Vec::new(), Vec::new());
        for (column, name) in table.header().iter().enumerate() {
            if describing.contains(&name.as_str()) {
                described.push((column, name.clone(), Vec::new()));
            } else if !is_index(name) {
                genes.push(name.clone());
                columns.push(column);
            }
        }
        let (mut lines, mut values) = (Vec::new(), Vec::new());
        while table.next()? {
            if values.len() + columns.len() > MOST_VALUES {
                return Err(too_large(file, lines.len() + 1, columns.len()));
            }
            lines.push(table.line());
            for (column, _, texts) in &mut described {
                let text = table.field(*column);
                texts.push((!text.is_empty()).then(|| text.to_owned()));
            }
            for &column in &columns {
                values.push(number(&table, column)?);
            }
        }
        let shape = (lines.len(), columns.len());
        Ok(Self {
            values: Array2::from_shape_vec(shape, values).map_err(|source| TaskError::Damaged {
                place: file.clone(),
                reason: "rows of different length".to_owned(),
                source: Some(Box::new(source)),
            })?,
            file,
            lines: Some(lines),
            texts: described.into_iter().map(|(_, n, t)| (n, t)).collect(),
            genes,
        })
    }

    /// Refuses a table without rows or without genes.
    pub(super) fn check_any(&self) -> Result<(), TaskError> {
        if self.values.nrows() == 0 {
            return Err(TaskError::NoRows {
                place: self.file.clone(),
            });
        }
        if self.genes.is_empty() {
            return Err(TaskError::Field {
                place: self.file.clone(),
                found: "no gene".to_owned(),
                expected: "a column of numbers for each gene".to_owned(),
                remedy: "choose the file that has the genes as columns",
            });
        }
        Ok(())
    }

    /// Whether there is such a describing column.
    pub(super) fn has(&self, column: &str) -> bool {
        self.texts.contains_key(column)
    }

    /// Where a row is.
    pub(super) fn place(&self, row: usize) -> Place {
        match self.lines.as_ref().and_then(|lines| lines.get(row)) {
            Some(&line) => self.file.clone().line(line),
            None => self.file.clone().row(row as u64),
        }
    }

    /// The place of a row within its file.
    fn row(&self, row: usize) -> String {
        match self.lines.as_ref().and_then(|lines| lines.get(row)) {
            Some(line) => format!("line {line}"),
            None => format!("row {row} (from 0)"),
        }
    }

    /// A describing column, if there is one.
    pub(super) fn take(&mut self, column: &str) -> Option<Vec<Option<String>>> {
        self.texts.remove(column)
    }

    /// A describing column that must be there and full.
    pub(super) fn names(&mut self, column: &str) -> Result<Vec<String>, TaskError> {
        let Some(texts) = self.take(column) else {
            let mut found: Vec<String> = self.texts.keys().cloned().collect();
            found.sort_unstable();
            found.extend(self.genes.iter().cloned());
            return Err(TaskError::MissingColumn {
                place: self.file.clone(),
                column: column.to_owned(),
                found,
            });
        };
        let full = texts.into_iter().enumerate().map(|(row, text)| {
            let text = text.filter(|text| !text.trim().is_empty());
            text.ok_or_else(|| no_name(self.place(row).column(column)))
        });
        full.collect()
    }

    /// A describing column of yes and no, if there is one.
    pub(super) fn flags(&mut self, column: &str) -> Result<Option<Vec<bool>>, TaskError> {
        let Some(texts) = self.take(column) else {
            return Ok(None);
        };
        let flag = |(row, text): (usize, Option<String>)| match text.as_deref() {
            Some("true" | "True" | "TRUE" | "1") => Ok(true),
            None | Some("false" | "False" | "FALSE" | "0") => Ok(false),
            Some(other) => Err(TaskError::Field {
                place: self.place(row).column(column),
                found: format!("`{}`", shorten(other)),
                expected: "True or False".to_owned(),
                remedy: "correct it, or leave the column out",
            }),
        };
        texts
            .into_iter()
            .enumerate()
            .map(flag)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Refuses an id that occurs twice.
    pub(super) fn check_ids(&self, ids: &[String]) -> Result<(), TaskError> {
        let mut first = HashMap::new();
        for (row, id) in ids.iter().enumerate() {
            if let Some(before) = first.insert(id, row) {
                return Err(TaskError::Field {
                    place: self.place(row).column(super::ID),
                    found: format!(
                        "`{}`, which is also the id of {}",
                        shorten(id),
                        self.row(before)
                    ),
                    expected: "ids that differ".to_owned(),
                    remedy: "rename or remove one of the two rows",
                });
            }
        }
        Ok(())
    }

    /// Refuses a pair that occurs twice.
    pub(super) fn check_pairs(
        &self,
        cell_types: &[String],
        compounds: &[String],
    ) -> Result<(), TaskError> {
        let mut first = HashMap::new();
        for (row, (cell_type, compound)) in cell_types.iter().zip(compounds).enumerate() {
            if let Some(before) = first.insert((cell_type, compound), row) {
                return Err(TaskError::DuplicatePair {
                    place: self.place(row),
                    pair: pair(cell_type, compound),
                    first: self.row(before),
                });
            }
        }
        Ok(())
    }

    /// Refuses a value that is not there.
    pub(super) fn check_complete(&self) -> Result<(), TaskError> {
        let missing = self.values.indexed_iter().find(|(_, value)| value.is_nan());
        match missing {
            Some(((row, gene), _)) => Err(TaskError::Field {
                place: self.place(row).column(&self.genes[gene]),
                found: "no value".to_owned(),
                expected: "a finite number".to_owned(),
                remedy: "a submission needs a number for every gene: write it with perturbation::write_submission",
            }),
            None => Ok(()),
        }
    }

    /// The genes.
    pub(super) fn into_targets(self) -> Result<TargetMatrix, TaskError> {
        TargetMatrix::from_nan(self.values, self.genes).map_err(|source| TaskError::Targets {
            place: self.file,
            source: Box::new(source),
        })
    }
}

/// A whole file in memory.
pub(super) fn whole(path: &Path, mut file: File, length: u64) -> Result<Vec<u8>, TaskError> {
    if length > MOST_FILE {
        return Err(TaskError::TooLarge {
            place: Place::new(path),
            found: format!("{length} bytes"),
            limit: format!("{MOST_FILE} bytes"),
        });
    }
    let mut content = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| {
        content.reserve_exact(length as usize);
        file.take(length).read_to_end(&mut content)
    });
    read.map_err(|source| TaskError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(content)
}

/// Refuses more values than a table may have, or than a file of so many `bytes` can be believed to hold.
pub(super) fn check_size(
    place: &Place,
    rows: usize,
    columns: usize,
    bytes: usize,
) -> Result<(), TaskError> {
    let values = rows.saturating_mul(columns);
    if values > MOST_VALUES {
        return Err(too_large(place.clone(), rows, columns));
    }
    if values > bytes.saturating_mul(MOST_PER_BYTE) {
        return Err(TaskError::TooLarge {
            place: place.clone(),
            found: format!("{rows} rows of {columns} columns in {bytes} bytes"),
            limit: format!("{MOST_PER_BYTE} values for each byte"),
        });
    }
    Ok(())
}

fn too_large(place: Place, rows: usize, genes: usize) -> TaskError {
    TaskError::TooLarge {
        place,
        found: format!("{rows} rows of {genes} genes or more"),
        limit: format!("{MOST_VALUES} values"),
    }
}

/// A column that numbers the rows: without a name, or as pandas saves its index.
fn is_index(name: &str) -> bool {
    name.is_empty() || name.starts_with("__index_level_")
}

/// A field of the present row as a number, NaN where there is none.
fn number(table: &Table, column: usize) -> Result<f32, TaskError> {
    let text = table.field(column).trim();
    let missing = matches!(text, "" | "nan" | "NaN" | "NAN" | "NA" | "null");
    match text.parse::<f32>() {
        _ if missing => Ok(f32::NAN),
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(TaskError::Field {
            place: table.place(column),
            found: format!("`{}`", shorten(text)),
            expected: format!(
                "a finite number from {:e} to {:e}, or nothing",
                f32::MIN,
                f32::MAX
            ),
            remedy: "correct the value; a column that is no gene must be left out",
        }),
    }
}
