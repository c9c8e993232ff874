//! The matrix of intensities: a line per probe, a number per protein.

use std::path::Path;

use hairpin_targets::TargetMatrix;
use ndarray::Array2;

use super::column_names;
use crate::error::shorten;
use crate::lines::Lines;
use crate::{Place, TaskError};

/// The most text of a matrix, unpacked: 240,000 probes by 244 proteins with 25 characters each have 1.5 GB.
const MOST_MATRIX: u64 = 1 << 32;

const REMEDY: &str = "give the path of a text file with a line per probe and a number per protein";

/// What becomes of a cell that says NaN (`nan`, `NaN`, `NA`, or, in a file with tabs, nothing).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Missing {
    /// An error that names line and column.
    #[default]
    Refuse,
    /// Not measured: masked in the [`TargetMatrix`].
    Mask,
}

/// Reads a matrix of intensities of any size, columns named `RBP1`, `RBP2`, ...
///
/// Numbers are separated by blanks or, if the first line has a tab, by single tabs. Memory is that of the matrix and of one line.
///
/// # Errors
///
/// If the file cannot be read, has no line, a line is blank and others follow, lines differ in how many numbers they have, or a cell is
/// no finite number and not masked by `missing`; with line and column.
pub fn read_intensities(path: &Path, missing: Missing) -> Result<TargetMatrix, TaskError> {
    read(path, None, None, missing)
}

/// The same, with a line for each of the probes and a number for each of the proteins of two other files.
pub(super) fn read_for(
    path: &Path,
    probes: (&Path, usize),
    proteins: (&Path, usize),
    missing: Missing,
) -> Result<TargetMatrix, TaskError> {
    read(path, Some(probes), Some(proteins), missing)
}

fn read(
    path: &Path,
    probes: Option<(&Path, usize)>,
    proteins: Option<(&Path, usize)>,
    missing: Missing,
) -> Result<TargetMatrix, TaskError> {
    let mut lines = Lines::open_up_to(path, MOST_MATRIX, "text", REMEDY)?;
    let mut cells = Cells {
        missing,
        tabs: false,
        width: proteins.map(|(_, width)| width),
        values: Vec::new(),
    };
    let mut rows: usize = 0;
    while let Some(line) = lines.next()? {
        if rows == 0 {
            cells.tabs = line.contains('\t');
        }
        let read = cells.push(line);
        let number = lines.number();
        if number != rows as u64 + 1 {
            let place = lines.file().clone().line(rows as u64 + 1);
            return Err(cell_error(place, "a blank line".to_owned(), "numbers"));
        }
        let found = match read {
            Ok(found) => found,
            Err((column, text)) => {
                let place = lines.place().column(&(column + 1).to_string());
                return Err(cell_error(
                    place,
                    text,
                    "a finite number; what was not measured is NaN, where that is allowed",
                ));
            }
        };
        if let Some(width) = cells.width
            && width != found
        {
            let expected = match proteins {
                Some((file, _)) => format!("{width}, one for each protein of {}", file.display()),
                None => format!("{width} as in line 1"),
            };
            return Err(cell_error(
                lines.place(),
                format!("{found} numbers"),
                &expected,
            ));
        }
        cells.width = Some(found);
        rows += 1;
        // Much too long a matrix is given up before it fills the memory.
        if let Some((file, expected)) = probes
            && rows > expected
        {
            let place = lines.place();
            let expected = format!("{expected} lines, one for each probe of {}", file.display());
            return Err(cell_error(place, "one line more".to_owned(), &expected));
        }
    }
    let place = lines.file().clone();
    if rows == 0 {
        return Err(TaskError::NoRows { place });
    }
    if let Some((file, expected)) = probes
        && rows != expected
    {
        return Err(TaskError::RowCounts {
            first: place,
            first_rows: rows,
            second: Place::new(file),
            second_rows: expected,
        });
    }
    let width = cells.values.len() / rows;
    let refused = |source: Box<hairpin_targets::TargetError>| TaskError::Targets {
        place: Place::new(path),
        source,
    };
    let values = Array2::from_shape_vec((rows, width), cells.values).map_err(|error| {
        TaskError::Damaged {
            place: Place::new(path),
            reason: "the numbers make no matrix".to_owned(),
            source: Some(Box::new(error)),
        }
    })?;
    TargetMatrix::from_nan(values, column_names(width)).map_err(|source| refused(Box::new(source)))
}

fn cell_error(place: Place, found: String, expected: &str) -> TaskError {
    TaskError::Field {
        place,
        found,
        expected: expected.to_owned(),
        remedy: "take the three training files from one source",
    }
}

/// The cells read so far, NaN where not measured.
struct Cells {
    missing: Missing,
    tabs: bool,
    width: Option<usize>,
    values: Vec<f32>,
}

impl Cells {
    /// Adds the cells of a line; tells how many there are, or which one is refused.
    fn push(&mut self, line: &str) -> Result<usize, (usize, String)> {
        match self.tabs {
            true => self.push_all(line.split('\t').map(str::trim)),
            false => self.push_all(line.split_ascii_whitespace()),
        }
    }

    fn push_all<'a>(
        &mut self,
        cells: impl Iterator<Item = &'a str>,
    ) -> Result<usize, (usize, String)> {
        let mut found = 0;
        for text in cells {
            // What goes beyond the width is counted, not kept.
            if self.width.is_none_or(|width| found < width) {
                match self.cell(text) {
                    Some(value) => self.values.push(value),
                    None => return Err((found, format!("`{}`", shorten(text)))),
                }
            }
            found += 1;
        }
        Ok(found)
    }

    fn cell(&self, text: &str) -> Option<f32> {
        let value = match text {
            "" | "NA" => f32::NAN,
            text => text.parse::<f32>().ok()?,
        };
        match self.missing {
            Missing::Mask => (!value.is_infinite()).then_some(value),
            Missing::Refuse => value.is_finite().then_some(value),
        }
    }
}
