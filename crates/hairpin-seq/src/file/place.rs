//! A place in a file, for errors.

use std::fmt;
use std::path::PathBuf;

/// A place in a file of records: what is known of it.
///
/// ```
/// use hairpin_seq::Place;
///
/// let place = Place {
///     path: Some("probes.fa".into()),
///     record: Some(3),
///     id: Some("RBP_17".to_owned()),
///     line: Some(8),
///     column: Some(41),
/// };
/// assert_eq!(place.to_string(), "probes.fa, record 3 (RBP_17), line 8, column 41");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file; `None` for a stream.
    pub path: Option<PathBuf>,
    /// The record's number, from 1.
    pub record: Option<u64>,
    /// The record's id.
    pub id: Option<String>,
    /// The line in the file, unpacked if it is compressed, from 1.
    pub line: Option<u64>,
    /// The column in the line, in characters from 1.
    pub column: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}", path.display())?,
            None => f.write_str("input")?,
        }
        if let Some(record) = self.record {
            write!(f, ", record {record}")?;
        }
        if let Some(id) = &self.id {
            // An id comes from the file: control characters must not reach a terminal, nor a megabyte a log.
            let shown: String = id.chars().take(60).flat_map(char::escape_debug).collect();
            write!(f, " ({shown})")?;
        }
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        Ok(())
    }
}
