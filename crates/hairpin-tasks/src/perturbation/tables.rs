//! A flat table out of a Parquet file, column by column.

use std::fs::File;
use std::path::Path;

use bytes::Bytes;
use ndarray::Array2;
use parquet::basic::{LogicalType, Type};
use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use parquet::schema::types::ColumnDescriptor;
use rayon::prelude::*;

use super::genes::{MOST_TEXT, MOST_TEXTS, check_size, whole};
use super::pages::Pages;
use crate::error::shorten;
use crate::{Place, TaskError};

/// How many columns are unpacked before they are laid into the matrix: enough for every thread, and few enough to stay in the cache.
const BLOCK: usize = 256;

/// An open table whose footer was read.
pub(super) struct ParquetTable {
    place: Place,
    content: Bytes,
    metadata: ParquetMetaData,
    names: Vec<String>,
    n_rows: usize,
}

impl ParquetTable {
    pub(super) fn open(path: &Path, file: File, length: u64) -> Result<Self, TaskError> {
        let place = Place::new(path);
        let content = whole(path, file, length)?;
        if !content.ends_with(b"PAR1") {
            return Err(TaskError::Damaged {
                place,
                reason: "its footer is missing: a Parquet file ends with PAR1".to_owned(),
                source: None,
            });
        }
        let content = Bytes::from(content);
        // Of no use here, and there may be twenty thousand columns of them.
        let skip = || ParquetStatisticsPolicy::SkipAll;
        let options = ParquetMetaDataOptions::new()
            .with_column_stats_policy(skip())
            .with_encoding_stats_policy(skip())
            .with_size_stats_policy(skip());
        let metadata = ParquetMetaDataReader::new()
            .with_metadata_options(Some(options))
            .parse_and_finish(&content);
        let metadata = metadata
            .map_err(|source| damaged(place.clone(), "its footer cannot be read", source))?;
        let table = Self {
            names: names(&metadata, &place)?,
            n_rows: n_rows(&metadata, &place)?,
            place,
            content,
            metadata,
        };
        let bytes = table.content.len();
        check_size(&table.place, table.n_rows, table.names.len(), bytes)?;
        Ok(table)
    }

    /// The names of the columns, each once.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The file.
    pub(super) fn file(&self) -> &Place {
        &self.place
    }

    fn description(&self, column: usize) -> &ColumnDescriptor {
        self.metadata.file_metadata().schema_descr().columns()[column].as_ref()
    }

    /// A describing column as text: texts, integers or yes and no.
    pub(super) fn texts(&self, column: usize) -> Result<Vec<Option<String>>, TaskError> {
        let mut texts = vec![None; self.n_rows];
        let place = self.place.clone().column(&self.names[column]);
        match self.description(column).physical_type() {
            Type::BYTE_ARRAY => {
                let mut total = 0;
                self.each::<ByteArrayType>(column, |row, value: &ByteArray| {
                    let place = || place.clone().row(row as u64);
                    total += value.len();
                    if value.len() > MOST_TEXT || total > MOST_TEXTS {
                        return Err(TaskError::TooLarge {
                            place: place(),
                            found: format!(
                                "a text of {} bytes, {total} with those above it",
                                value.len()
                            ),
                            limit: format!("{MOST_TEXT}, {MOST_TEXTS} in all"),
                        });
                    }
                    match std::str::from_utf8(value.data()) {
                        Ok(text) => texts[row] = Some(text.to_owned()),
                        Err(_) => return Err(wrong(place(), "bytes that are no text", "UTF-8")),
                    }
                    Ok(())
                })?;
            }
            Type::BOOLEAN => self.each::<BoolType>(column, |row, value| {
                texts[row] = Some(value.to_string());
                Ok(())
            })?,
            Type::INT32 => self.each::<Int32Type>(column, |row, value| {
                texts[row] = Some(value.to_string());
                Ok(())
            })?,
            Type::INT64 => self.each::<Int64Type>(column, |row, value| {
                texts[row] = Some(value.to_string());
                Ok(())
            })?,
            other => return Err(wrong(place, &format!("a column of {other}"), "text")),
        }
        Ok(texts)
    }

    /// Columns of numbers as a matrix, `[n_rows, columns]`, NaN where there is none.
    pub(super) fn numbers(&self, columns: &[usize]) -> Result<Array2<f32>, TaskError> {
        let (rows, width) = (self.n_rows, columns.len());
        let mut values = Array2::zeros((rows, width));
        if rows == 0 || width == 0 {
            return Ok(values);
        }
        let Some(flat) = values.as_slice_mut() else {
            return Ok(values);
        };
        let mut block = vec![f32::NAN; BLOCK.min(width) * rows];
        for (start, columns) in (0..width).step_by(BLOCK).zip(columns.chunks(BLOCK)) {
            let part = &mut block[..columns.len() * rows];
            let unpacked = columns.par_iter().zip(part.par_chunks_mut(rows));
            unpacked.try_for_each(|(&column, values)| self.number(column, values))?;
            // Of rows of several kilobytes each, a few at a time, so that what is read of the block is read again from the cache.
            flat.par_chunks_mut(width)
                .enumerate()
                .for_each(|(row, line)| {
                    for (value, column) in line[start..].iter_mut().zip(part.chunks(rows)) {
                        *value = column[row];
                    }
                });
        }
        Ok(values)
    }

    /// A column of numbers, into `values`.
    fn number(&self, column: usize, values: &mut [f32]) -> Result<(), TaskError> {
        values.fill(f32::NAN);
        let description = self.description(column);
        let place = || self.place.clone().column(&self.names[column]);
        const EXPECTED: &str = "a column of floats or integers";
        let unsigned = match description.logical_type_ref() {
            None => false,
            Some(LogicalType::Integer(kind)) => !kind.is_signed,
            Some(LogicalType::String | LogicalType::Enum | LogicalType::Json) => {
                return Err(wrong(place(), "a column of text", EXPECTED));
            }
            Some(other) => return Err(wrong(place(), &format!("a column of {other:?}"), EXPECTED)),
        };
        let mut keep = |row: usize, value: f64| {
            let narrow = value as f32;
            if narrow.is_infinite() {
                let found = format!("{value:e}");
                let expected = format!(
                    "a finite number from {:e} to {:e}, or null",
                    f32::MIN,
                    f32::MAX
                );
                return Err(wrong(place().row(row as u64), &found, &expected));
            }
            values[row] = narrow;
            Ok(())
        };
        match description.physical_type() {
            Type::FLOAT => self.each::<FloatType>(column, |row, &value| keep(row, value.into())),
            Type::DOUBLE => self.each::<DoubleType>(column, |row, &value| keep(row, value)),
            Type::INT32 if unsigned => {
                self.each::<Int32Type>(column, |row, &value| keep(row, (value as u32).into()))
            }
            Type::INT32 => self.each::<Int32Type>(column, |row, &value| keep(row, value.into())),
            Type::INT64 if unsigned => {
                self.each::<Int64Type>(column, |row, &value| keep(row, value as u64 as f64))
            }
            Type::INT64 => self.each::<Int64Type>(column, |row, &value| keep(row, value as f64)),
            Type::BYTE_ARRAY => Err(wrong(place(), "a column of text", EXPECTED)),
            other => Err(wrong(place(), &format!("a column of {other}"), EXPECTED)),
        }
    }

    /// Hands out every value of a column that is not null, with its row.
    fn each<T: DataType>(
        &self,
        column: usize,
        mut keep: impl FnMut(usize, &T::T) -> Result<(), TaskError>,
    ) -> Result<(), TaskError> {
        let place = || self.place.clone().column(&self.names[column]);
        let broken = |source| damaged(place(), "the column cannot be read", source);
        let descriptions = self.metadata.file_metadata().schema_descr().columns();
        let present = descriptions[column].max_def_level();
        let mut first = 0;
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        for group in self.metadata.row_groups() {
            let rows = group.num_rows() as usize;
            let pages = Pages::new(&self.content, group.column(column), rows).map_err(broken)?;
            let reader = get_column_reader(descriptions[column].clone(), Box::new(pages));
            let mut reader: ColumnReaderImpl<T> = get_typed_column_reader(reader);
            values.clear();
            levels.clear();
            let read = reader.read_records(rows, Some(&mut levels), None, &mut values);
            let (read, ..) = read.map_err(broken)?;
            if read != rows {
                let reason =
                    format!("the column has {read} of the {rows} values that the footer promises");
                return Err(TaskError::Damaged {
                    place: place(),
                    reason,
                    source: None,
                });
            }
            if present == 0 {
                for (row, value) in values.iter().enumerate() {
                    keep(first + row, value)?;
                }
            } else {
                let given = levels
                    .iter()
                    .enumerate()
                    .filter(|(_, level)| **level == present);
                for ((row, _), value) in given.zip(&values) {
                    keep(first + row, value)?;
                }
            }
            first += rows;
        }
        Ok(())
    }
}

/// The names of the columns of a flat table.
fn names(metadata: &ParquetMetaData, place: &Place) -> Result<Vec<String>, TaskError> {
    let mut names: Vec<String> = Vec::new();
    let mut first = std::collections::HashMap::new();
    for (index, column) in metadata
        .file_metadata()
        .schema_descr()
        .columns()
        .iter()
        .enumerate()
    {
        let [name] = column.path().parts() else {
            let name = column.path().string();
            return Err(wrong(
                place.clone().column(&name),
                "a column of lists or structures",
                "a flat table",
            ));
        };
        if column.max_rep_level() > 0 {
            return Err(wrong(
                place.clone().column(name),
                "a column of lists",
                "a flat table",
            ));
        }
        if let Some(before) = first.insert(name.clone(), index) {
            return Err(TaskError::DuplicateColumn {
                place: place.clone(),
                name: shorten(name),
                first: before + 1,
                second: index + 1,
            });
        }
        names.push(name.clone());
    }
    Ok(names)
}

/// The number of rows, the same in the footer and in its row groups.
fn n_rows(metadata: &ParquetMetaData, place: &Place) -> Result<usize, TaskError> {
    let promised = metadata.file_metadata().num_rows();
    let columns = metadata.file_metadata().schema_descr().num_columns();
    let mut rows = Some(0_i64);
    for group in metadata.row_groups() {
        let whole = group.num_rows() >= 0 && group.columns().len() == columns;
        rows = rows
            .filter(|_| whole)
            .and_then(|rows| rows.checked_add(group.num_rows()));
    }
    match usize::try_from(promised) {
        Ok(count) if rows == Some(promised) => Ok(count),
        _ => Err(TaskError::Damaged {
            place: place.clone(),
            reason: format!(
                "its footer promises {promised} rows of {columns} columns, its row groups others"
            ),
            source: None,
        }),
    }
}

fn damaged(place: Place, reason: &str, source: ParquetError) -> TaskError {
    TaskError::Damaged {
        place,
        reason: reason.to_owned(),
        source: Some(Box::new(source)),
    }
}

fn wrong(place: Place, found: &str, expected: &str) -> TaskError {
    TaskError::Field {
        place,
        found: found.to_owned(),
        expected: expected.to_owned(),
        remedy: "correct the file; a column that is no gene must be left out",
    }
}
