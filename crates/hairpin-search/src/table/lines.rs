//! The lines of a table as cells, before they are trials.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::row;
use crate::{FinishedTrial, Place, SearchError, Space};

/// One row with the two cells that every row has.
pub(super) struct Row {
    pub(super) study: String,
    pub(super) trial: usize,
    pub(super) cells: Vec<String>,
    pub(super) line: usize,
}

/// The whole lines of a table.
pub(super) struct Lines {
    path: PathBuf,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// Bytes up to the last line break; what follows is torn.
    pub(super) whole_bytes: usize,
}

impl Lines {
    /// Divides a table into cells. A file without a line, as a kill may leave it, has no rows.
    pub(super) fn parse(
        bytes: &[u8],
        path: &Path,
        expected: Option<&[String]>,
    ) -> Result<Self, SearchError> {
        let whole_bytes = bytes
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |last| last + 1);
        let mut lines = Self {
            path: path.to_owned(),
            columns: Vec::new(),
            rows: Vec::new(),
            whole_bytes,
        };
        if whole_bytes == 0 {
            // A torn header is ours to replace; anything else is somebody's file.
            let header = expected.map(header_line);
            if header.is_none_or(|header| header.starts_with(bytes)) {
                return Ok(lines);
            }
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(if whole_bytes == 0 {
                bytes
            } else {
                &bytes[..whole_bytes]
            });
        let mut seen = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(|error| {
                let line = error.position().map_or(0, csv::Position::line);
                lines.refused(line as usize, format!("the row cannot be read: {error}"))
            })?;
            let line = record.position().map_or(0, csv::Position::line) as usize;
            let cells: Vec<String> = record.iter().map(str::to_owned).collect();
            if lines.columns.is_empty() {
                lines.columns = lines.header(cells, expected)?;
                continue;
            }
            let row = lines.row(cells, line)?;
            if let Some(first) = seen.insert(row.trial, line) {
                return Err(SearchError::Twice {
                    at: lines.place(&row),
                    trial: row.trial,
                    first,
                });
            }
            lines.rows.push(row);
        }
        Ok(lines)
    }

    fn header(
        &self,
        found: Vec<String>,
        expected: Option<&[String]>,
    ) -> Result<Vec<String>, SearchError> {
        let fits = match expected {
            Some(expected) => found == expected,
            None => row::is_table(&found),
        };
        if fits {
            return Ok(found);
        }
        // Cut, because the first line of another file may be all of it.
        let shown: String = found.join(",").chars().take(200).collect();
        Err(SearchError::Columns {
            path: self.path.clone(),
            expected: expected.map_or_else(row::any_columns, |columns| columns.join(",")),
            found: shown,
        })
    }

    fn row(&self, cells: Vec<String>, line: usize) -> Result<Row, SearchError> {
        if cells.len() != self.columns.len() {
            let reason = format!(
                "the row has {} cells, expected {}",
                cells.len(),
                self.columns.len()
            );
            return Err(self.refused(line, reason));
        }
        let trial = cells[1].parse().map_err(|_| {
            let reason = format!(
                "`trial` is `{}`: expected a number from 0",
                cells[1].escape_debug()
            );
            self.refused(line, reason)
        })?;
        Ok(Row {
            study: cells[0].clone(),
            trial,
            cells,
            line,
        })
    }

    /// The rows as trials of a space.
    pub(super) fn trials(&self, space: &Space) -> Result<Vec<FinishedTrial>, SearchError> {
        self.rows
            .iter()
            .map(|row| {
                row::trial(space, row.trial, &row.cells)
                    .map_err(|reason| self.refused(row.line, reason))
            })
            .collect()
    }

    pub(super) fn place(&self, row: &Row) -> Place {
        self.at(row.line)
    }

    fn at(&self, line: usize) -> Place {
        Place {
            path: self.path.clone(),
            line,
            column: 0,
        }
    }

    fn refused(&self, line: usize, reason: String) -> SearchError {
        SearchError::Row {
            at: self.at(line),
            reason,
        }
    }
}

/// The first line of a table, with its line break.
pub(super) fn header_line(columns: &[String]) -> Vec<u8> {
    csv_line(columns)
}

/// Cells as one line of CSV. Writing to memory does not fail.
pub(super) fn csv_line<C: AsRef<[u8]>>(cells: &[C]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.write_record(cells);
    debug_assert!(written.is_ok());
    writer.into_inner().unwrap_or_default()
}
