//! Everything that can be wrong with a task's files, with the place and the remedy.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use hairpin_seq::SeqError;
use hairpin_targets::TargetError;

/// Why a task's file was not read, written or scored.
///
/// The message names the file, the array inside it and the row (from 0, as NumPy shows it), what was found, what was expected
/// and what to do; a lower error that knows more is the [`source`](Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The file does not exist.
    #[error("{}: no such file; {remedy}", path.display())]
    Missing {
        /// The path asked for.
        path: PathBuf,
        /// Where to get the file, or what writes it.
        remedy: String,
    },

    /// The operating system refused to open or read the file.
    #[error("{}: cannot be read; check that you may read the file and every folder above it", path.display())]
    Read {
        /// The path asked for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// The path is a directory, a pipe or a device.
    #[error("{}: is {found}, expected a file; give the path of the file itself", path.display())]
    NotAFile {
        /// The path asked for.
        path: PathBuf,
        /// What is there instead.
        found: &'static str,
    },

    /// The file has no bytes.
    #[error("{}: the file is empty (0 bytes); copy or make it again", path.display())]
    EmptyFile {
        /// The empty file.
        path: PathBuf,
    },

    /// The file is of another kind.
    #[error("{}: not {expected}: {found}; {remedy}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// `an npz file`, `an npy file` or `CSV`.
        expected: &'static str,
        /// What its first bytes look like.
        found: &'static str,
        /// How to make a file of the right kind.
        remedy: &'static str,
    },

    /// The file is of the right kind but broken.
    #[error("{place}: {reason}; the file is damaged or cut short: copy or make it again")]
    Damaged {
        /// Where.
        place: Place,
        /// What does not fit.
        reason: String,
        /// What the decoder said, if it was asked.
        source: Option<Box<dyn Error + Send + Sync + 'static>>,
    },

    /// The npz lacks an array.
    #[error(
        "{}: no array `{array}`; the file has {}; save it under that name with numpy.savez",
        path.display(), list(.found)
    )]
    MissingArray {
        /// The npz.
        path: PathBuf,
        /// The array asked for.
        array: &'static str,
        /// The arrays there are.
        found: Vec<String>,
    },

    /// The array holds another type of element.
    #[error("{place}: dtype is `{}`, expected {expected}; {remedy}", .found.escape_debug())]
    Dtype {
        /// Where.
        place: Place,
        /// The dtype, as NumPy writes it.
        found: String,
        /// The dtype there should be.
        expected: &'static str,
        /// How to convert it in NumPy.
        remedy: &'static str,
    },

    /// The array is not one-dimensional.
    #[error("{place}: shape is {}, expected one dimension; flatten it with .ravel() or choose the right array", tuple(.shape))]
    Rank {
        /// Where.
        place: Place,
        /// The array's shape.
        shape: Vec<u64>,
    },

    /// The array's header announces more or fewer bytes than there are.
    #[error(
        "{place}: the header announces {declared} bytes of data, the file holds {stored}; \
         the file is damaged, cut short or forged: copy or make it again"
    )]
    Size {
        /// Where.
        place: Place,
        /// Bytes announced, or as many as fit a `u128`.
        declared: u128,
        /// Bytes there are.
        stored: u64,
    },

    /// The array is larger than any data set of this task could be.
    #[error(
        "{place}: {found}, more than the limit of {limit}; if the data are real, split the file"
    )]
    TooLarge {
        /// Where.
        place: Place,
        /// What is too large, with its size.
        found: String,
        /// The limit that was passed.
        limit: String,
    },

    /// The array has no rows.
    #[error("{place}: no rows; at least one is needed")]
    NoRows {
        /// Where.
        place: Place,
    },

    /// Two arrays that belong together have different lengths.
    #[error(
        "{first} has {first_rows} rows, but {second} has {second_rows}; both need one row per sequence"
    )]
    RowCounts {
        /// One array.
        first: Place,
        /// Its rows.
        first_rows: usize,
        /// The array that belongs to it.
        second: Place,
        /// Its rows.
        second_rows: usize,
    },

    /// A label names no class.
    #[error(
        "{place}, row {row} (from 0): label {value} is not a class; allowed are 0..={}: correct the row or leave it out",
        .n_classes.saturating_sub(1)
    )]
    Label {
        /// Where.
        place: Place,
        /// The row, from 0.
        row: usize,
        /// The label found.
        value: i64,
        /// How many classes there are.
        n_classes: usize,
    },

    /// A string has no characters.
    #[error("{place}, row {row} (from 0): the string is empty; leave the row out or fill it in")]
    EmptySequence {
        /// Where.
        place: Place,
        /// The row, from 0.
        row: usize,
    },

    /// A string holds a number that is no Unicode character.
    #[error(
        "{place}, row {row} (from 0), position {position}: {code:#x} is not a Unicode character; \
         the file is damaged or its byte order is wrong: make it again"
    )]
    Character {
        /// Where.
        place: Place,
        /// The row, from 0.
        row: usize,
        /// The position in the string, from 1.
        position: usize,
        /// The number found.
        code: u32,
    },

    /// A string is not a sequence of the alphabet under the policy; the source says the position, the symbol and the policy.
    #[error(
        "{place}, row {row} (from 0): the sequence is refused; correct it or read with a more lenient policy"
    )]
    Sequence {
        /// Where.
        place: Place,
        /// The row, from 0.
        row: usize,
        /// Position, symbol and remedy.
        source: Box<SeqError>,
    },

    /// A structure or its loop types are not what they must be; the source says the position and the symbol.
    #[error("{place}: the structure is refused; correct it or leave the molecule out")]
    Structure {
        /// Where.
        place: Place,
        /// Position, symbol and remedy.
        source: Box<SeqError>,
    },

    /// The table lacks a column.
    #[error(
        "{place}: no column `{}`; the header has {}; rename one or choose another column",
        .column.escape_debug(), list_columns(.found)
    )]
    MissingColumn {
        /// The header.
        place: Place,
        /// The column asked for.
        column: String,
        /// The columns there are.
        found: Vec<String>,
    },

    /// Two columns of the table have the same name.
    #[error(
        "{place}: columns {first} and {second} are both named `{}`; rename one of them",
        .name.escape_debug()
    )]
    DuplicateColumn {
        /// The header.
        place: Place,
        /// The name that occurs twice.
        name: String,
        /// The first column of that name, from 1.
        first: usize,
        /// The second column of that name, from 1.
        second: usize,
    },

    /// A line of the table, or a field in it, is not what it must be.
    #[error("{place}: {found}, expected {expected}; {remedy}")]
    Field {
        /// Where.
        place: Place,
        /// What there is.
        found: String,
        /// What there should be.
        expected: String,
        /// What to do.
        remedy: &'static str,
    },

    /// Two rows have the same id.
    #[error(
        "{place}: `{id}` is also the id of line {first}; ids must differ: rename or remove one of the two rows"
    )]
    DuplicateId {
        /// Where it occurs again.
        place: Place,
        /// The id, escaped and cut off.
        id: String,
        /// The line where it occurs first.
        first: u64,
    },

    /// All rows have the same target, so that there is nothing to learn.
    #[error(
        "{place}: all {rows} targets are {value}, expected at least two different ones; choose another column"
    )]
    ConstantTarget {
        /// Where.
        place: Place,
        /// The one value.
        value: f32,
        /// How many rows there are.
        rows: usize,
    },

    /// A letter of a sequence is not one of its alphabet.
    #[error("{place}, position {position}: `{}` is no letter of {alphabet}; {remedy}", .letter.escape_debug())]
    Letter {
        /// Where.
        place: Place,
        /// The position in the sequence, in characters from 1.
        position: usize,
        /// The letter.
        letter: char,
        /// The alphabet, and how it was chosen.
        alphabet: String,
        /// What to do.
        remedy: &'static str,
    },

    /// Some sequences are DNA and some are RNA.
    #[error(
        "{place}: T first in line {t_line}, U first in line {u_line}, expected DNA or RNA; \
         write T or U throughout, or name the alphabet and read with Counterpart::Convert"
    )]
    MixedAlphabets {
        /// The column.
        place: Place,
        /// The first line with a T.
        t_line: u64,
        /// The first line with a U.
        u_line: u64,
    },

    /// A sequence to predict is longer than all that were trained on.
    #[error(
        "{place}: {length} letters, but no training sequence has more than {longest}; {count} sequences of the file are \
         longer than that; cut them, train on longer ones, or allow it"
    )]
    LongerThanTraining {
        /// The longest sequence.
        place: Place,
        /// Its length.
        length: usize,
        /// The length of the longest training sequence.
        longest: usize,
        /// How many are longer than that.
        count: usize,
    },

    /// Two tables that belong together have not the same ids.
    #[error("{place}: no row of {} has the id `{id}`; both files need the same ids", .other.display())]
    UnmatchedId {
        /// Where the id stands.
        place: Place,
        /// The id, escaped and cut off.
        id: String,
        /// The file that lacks it.
        other: Box<PathBuf>,
    },

    /// A metric or a label list refused what the file holds.
    #[error("{place}: cannot be used as targets")]
    Targets {
        /// Where.
        place: Place,
        /// What was refused.
        source: Box<TargetError>,
    },

    /// The path that was to be a folder is something else.
    #[error("{}: is {found}, expected a folder, or nothing; give another path", path.display())]
    NotAFolder {
        /// The path asked for.
        path: PathBuf,
        /// What is there instead.
        found: &'static str,
    },

    /// A folder of results holds something that is none.
    #[error(
        "{}: holds `{}`, which is not one of the files to be written there; give a new or an empty folder",
        path.display(), shorten(.found)
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// The name of what is there.
        found: String,
    },

    /// A file was not written; what was there before is unchanged.
    #[error(
        "{}: cannot be written, an earlier file is unchanged; \
         check that the folder exists, that you may write to it and that the disk is not full",
        path.display()
    )]
    Write {
        /// The path asked for.
        path: PathBuf,
        /// What the operating system or the encoder said.
        source: io::Error,
    },
}

/// A file and a place in it: the start of every message.
///
/// ```
/// use hairpin_tasks::Place;
///
/// assert_eq!(Place::new("data.npz").array("val_y").to_string(), "data.npz, array `val_y`");
/// assert_eq!(Place::new("prediction.npy").to_string(), "prediction.npy");
/// assert_eq!(Place::new("train.csv").line(7).column("target").to_string(), "train.csv, line 7, column `target`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Where in it, if that is known; boxed, so that an error stays small.
    pub within: Option<Box<Within>>,
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Within {
    /// The array's key in an npz.
    pub array: Option<String>,
    /// The line of a text, from 1, a table's header being one.
    pub line: Option<u64>,
    /// The name of a table's column.
    pub column: Option<String>,
}

impl Place {
    /// A whole file.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            within: None,
        }
    }

    /// An array in this file.
    pub fn array(self, key: &str) -> Self {
        self.with(|within| within.array = Some(key.to_owned()))
    }

    /// A line in this file.
    pub fn line(self, number: u64) -> Self {
        self.with(|within| within.line = Some(number))
    }

    /// A column of this table.
    pub fn column(self, name: &str) -> Self {
        self.with(|within| within.column = Some(name.to_owned()))
    }

    fn with(mut self, change: impl FnOnce(&mut Within)) -> Self {
        change(self.within.get_or_insert_default());
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        let Some(within) = &self.within else {
            return Ok(());
        };
        if let Some(array) = &within.array {
            write!(f, ", array `{array}`")?;
        }
        if let Some(line) = within.line {
            write!(f, ", line {line}")?;
        }
        match &within.column {
            Some(column) => write!(f, ", column `{}`", shorten(column)),
            None => Ok(()),
        }
    }
}

/// Text of a file as a message may show it: control characters must not reach a terminal, nor a megabyte a log.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

/// A shape as Python writes it: `(4,)`, `(4, 2)`.
fn tuple(shape: &[u64]) -> String {
    match shape {
        [one] => format!("({one},)"),
        many => {
            let numbers: Vec<String> = many.iter().map(u64::to_string).collect();
            format!("({})", numbers.join(", "))
        }
    }
}

/// The names of the arrays in a file.
fn list(found: &[String]) -> String {
    names("no arrays at all", found)
}

/// The names of the columns of a table.
fn list_columns(found: &[String]) -> String {
    names("no columns at all", found)
}

/// Names that come from a file, escaped and cut off.
fn names(none: &str, found: &[String]) -> String {
    const SHOWN: usize = 12;
    if found.is_empty() {
        return none.to_owned();
    }
    let mut names: Vec<String> = found
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{}`", shorten(name)))
        .collect();
    if found.len() > SHOWN {
        names.push(format!("and {} more", found.len() - SHOWN));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_written_as_python_writes_them() {
        assert_eq!(tuple(&[]), "()");
        assert_eq!(tuple(&[4]), "(4,)");
        assert_eq!(tuple(&[4, 2]), "(4, 2)");
    }

    #[test]
    fn text_of_a_file_is_escaped_and_cut_off() {
        assert_eq!(shorten("a\u{1b}[2J"), r"a\u{1b}[2J");
        assert_eq!(shorten(&"a".repeat(60)), "a".repeat(60));
        assert_eq!(shorten(&"a".repeat(61)), format!("{}...", "a".repeat(60)));
    }

    #[test]
    fn a_list_of_names_is_escaped_and_cut_off() {
        assert_eq!(list(&[]), "no arrays at all");
        assert_eq!(list(&["a\u{1b}[2J".to_owned()]), r"`a\u{1b}[2J`");
        let many: Vec<String> = (0..15).map(|i| i.to_string()).collect();
        assert!(list(&many).ends_with("`11`, and 3 more"));
    }
}
