//! A table with a header: its columns by name, its rows by line.

use std::path::Path;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::error::shorten;
use crate::lines::Lines;
use crate::{Place, TaskError};

/// An open table whose header was read.
pub(crate) struct Table {
    lines: Lines,
    header: Vec<String>,
    header_place: Place,
    fields: Fields,
}

impl Table {
    /// A table whose columns are separated by commas.
    pub(crate) fn open(path: &Path, remedy: &str) -> Result<Self, TaskError> {
        Self::open_separated(path, ',', remedy)
    }

    /// A table whose columns are separated by this ASCII character.
    pub(crate) fn open_separated(
        path: &Path,
        separator: char,
        remedy: &str,
    ) -> Result<Self, TaskError> {
        let mut lines = Lines::open(path, "CSV", remedy)?;
        let mut fields = Fields::new(separator);
        if !fields.next(&mut lines)? {
            return Err(TaskError::NoRows {
                place: lines.file().clone(),
            });
        }
        let table = Self {
            header: (0..fields.len())
                .map(|i| fields.get(i).to_owned())
                .collect(),
            header_place: lines.place(),
            lines,
            fields,
        };
        table.check_names()?;
        Ok(table)
    }

    /// Columns without a name may be several, as a spreadsheet leaves them behind the last.
    fn check_names(&self) -> Result<(), TaskError> {
        let mut first = std::collections::HashMap::new();
        for (index, name) in self.header.iter().enumerate() {
            let before = *first.entry(name).or_insert(index);
            if before != index && !name.is_empty() {
                return Err(self.twice(name, before, index));
            }
        }
        Ok(())
    }

    fn twice(&self, name: &str, first: usize, second: usize) -> TaskError {
        TaskError::DuplicateColumn {
            place: self.header_place.clone(),
            name: shorten(name),
            first: first + 1,
            second: second + 1,
        }
    }

    /// The number of a column, if there is one of this name.
    pub(crate) fn find(&self, name: &str) -> Result<Option<usize>, TaskError> {
        let mut found = self.header.iter().enumerate().filter(|(_, n)| *n == name);
        match (found.next(), found.next()) {
            (Some((first, _)), Some((second, _))) => Err(self.twice(name, first, second)),
            (first, _) => Ok(first.map(|(index, _)| index)),
        }
    }

    /// The number of a column that must be there.
    pub(crate) fn column(&self, name: &str) -> Result<usize, TaskError> {
        self.find(name)?.ok_or_else(|| TaskError::MissingColumn {
            place: self.header_place.clone(),
            column: name.to_owned(),
            found: self.header.clone(),
        })
    }

    /// Goes to the next row; false at the end of the file.
    pub(crate) fn next(&mut self) -> Result<bool, TaskError> {
        if !self.fields.next(&mut self.lines)? {
            return Ok(false);
        }
        if self.fields.len() == self.header.len() {
            return Ok(true);
        }
        Err(TaskError::Field {
            place: self.lines.place(),
            found: count(self.fields.len()),
            expected: format!("{} as in the header", count(self.header.len())),
            remedy: "put text with a comma in it between double quotes, or remove the surplus commas",
        })
    }

    /// A field of the present row.
    pub(crate) fn field(&self, column: usize) -> &str {
        self.fields.get(column)
    }

    /// The line of the present row, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.lines.number()
    }

    /// The file.
    pub(crate) fn file(&self) -> &Place {
        self.lines.file()
    }

    /// Where a field of the present row is.
    pub(crate) fn place(&self, column: usize) -> Place {
        self.lines.place().column(&self.header[column])
    }
}

/// A field of the present row as a finite number.
pub(crate) fn number(table: &Table, at: usize) -> Result<f32, TaskError> {
    let text = table.field(at).trim();
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(TaskError::Field {
            place: table.place(at),
            found: match text {
                "" => "an empty field".to_owned(),
                text => format!("`{}`", shorten(text)),
            },
            expected: format!("a finite number from {:e} to {:e}", f32::MIN, f32::MAX),
            remedy: "correct the number or leave the row out",
        }),
    }
}

fn count(fields: usize) -> String {
    let s = if fields == 1 { "" } else { "s" };
    format!("{fields} field{s}")
}

/// The fields of a line, one behind the other.
///
/// Parsed by the core of the crate `csv`, whose own reader lets a record grow without bound.
struct Fields {
    reader: Reader,
    separator: char,
    line: Vec<u8>,
    text: String,
    ends: Vec<usize>,
}

impl Fields {
    fn new(separator: char) -> Self {
        Self {
            reader: ReaderBuilder::new().delimiter(separator as u8).build(),
            separator,
            line: Vec::new(),
            text: String::new(),
            ends: Vec::new(),
        }
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, field: usize) -> &str {
        let start = field.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[field]]
    }

    /// Goes to the next line; false at the end of the file.
    fn next(&mut self, lines: &mut Lines) -> Result<bool, TaskError> {
        let Some(line) = lines.next()? else {
            return Ok(false);
        };
        let broken = match quotes(line, self.separator) {
            Err((character, found)) => format!("{found} at character {character}"),
            Ok(()) if self.split(line) => return Ok(true),
            Ok(()) => "a row that is no CSV".to_owned(),
        };
        Err(TaskError::Field {
            place: lines.place(),
            found: broken,
            expected: "double quotes around a whole field, and two for each one within".to_owned(),
            remedy: "mend the row; a field cannot hold a line break",
        })
    }

    fn split(&mut self, line: &str) -> bool {
        self.line.clear();
        self.line.extend_from_slice(line.as_bytes());
        self.line.push(b'\n');
        // Never more bytes than the line has, nor more fields than separators and one.
        let mut text = std::mem::take(&mut self.text).into_bytes();
        text.resize(self.line.len(), 0);
        let separators = line.chars().filter(|&c| c == self.separator).count();
        self.ends.resize(separators + 1, 0);
        self.reader.reset();
        let (result, _, bytes, fields) =
            self.reader
                .read_record(&self.line, &mut text, &mut self.ends);
        text.truncate(bytes);
        self.ends.truncate(fields);
        match (String::from_utf8(text), result) {
            (Ok(text), ReadRecordResult::Record) => {
                self.text = text;
                true
            }
            _ => false,
        }
    }
}

/// Refuses what the parser would guess at: quotes that do not enclose a field. The character is counted from 1.
///
/// A row is one line here, so that a quote forgotten in line 7 is an error of line 7 and does not swallow the rest of the file.
fn quotes(line: &str, separator: char) -> Result<(), (usize, &'static str)> {
    #[derive(Clone, Copy)]
    enum At {
        Start,
        Plain,
        Quoted { since: usize },
        Closed,
    }
    let mut at = At::Start;
    for (index, character) in line.chars().enumerate() {
        at = match (at, character) {
            (At::Start, '"') => At::Quoted { since: index + 1 },
            // Two quotes within a quoted field are one of its characters.
            (At::Closed, '"') => At::Quoted { since: index + 1 },
            (At::Quoted { .. }, '"') => At::Closed,
            (At::Quoted { since }, _) => At::Quoted { since },
            (At::Plain, '"') => return Err((index + 1, "a quote within a field")),
            (_, other) if other == separator => At::Start,
            (_, '\r') => return Err((index + 1, "a carriage return")),
            (At::Closed, _) => return Err((index + 1, "text behind a closing quote")),
            (At::Start | At::Plain, _) => At::Plain,
        };
    }
    match at {
        At::Quoted { since } => Err((since, "a quote that is not closed")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_enclose_whole_fields() {
        for sound in ["", "a,b", r#""a,b","","x""y",z"#, r#""""""#] {
            assert_eq!(quotes(sound, ','), Ok(()), "{sound}");
        }
        assert_eq!(quotes("\"a,b\"\t\"c\"", '\t'), Ok(()));
        assert_eq!(
            quotes(r#"a,"b"#, ','),
            Err((3, "a quote that is not closed"))
        );
        assert_eq!(quotes(r#"a"b,c"#, ','), Err((2, "a quote within a field")));
        assert_eq!(
            quotes(r#""a"b"#, ','),
            Err((4, "text behind a closing quote"))
        );
        assert_eq!(quotes("a\rb", ','), Err((2, "a carriage return")));
    }
}
