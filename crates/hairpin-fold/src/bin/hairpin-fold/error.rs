//! What can go wrong outside of the library.

use std::error::Error;
use std::fmt::{self, Write};
use std::io;
use std::path::PathBuf;

use hairpin_fold::FoldError;

/// Where in the input something stands.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) path: String,
    /// From 1.
    pub(crate) record: usize,
    pub(crate) name: String,
    /// From 1.
    pub(crate) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            record,
            name,
            line,
        } = self;
        write!(f, "{path}, record {record} ({name}), line {line}")
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    #[error("{path}: cannot be read")]
    Read { path: String, source: io::Error },
    #[error("{path}: the file is empty; expected FASTA, a '>' with a name and then the sequence")]
    EmptyInput { path: String },
    #[error("{path}: more than {limit_mib} MiB of text; split the file")]
    LargeInput { path: String, limit_mib: u64 },
    #[error("{path}, line 1: expected '>' and the name of a molecule (FASTA), found {found:?}")]
    NoHeader { path: String, found: String },
    #[error("{place}: {source}")]
    Sequence {
        place: Box<Place>,
        source: FoldError,
    },
    #[error(
        "{place}: {length} bases need about {needed_mib} MiB, {limit_mib} MiB are allowed; \
         fold windows of it with --window, or allow more with --memory-limit {needed_mib}"
    )]
    TooLong {
        place: Box<Place>,
        length: usize,
        needed_mib: usize,
        limit_mib: usize,
    },
    #[error("{place}: a second line of constraints; give one, of a symbol for each base")]
    SecondConstraint { place: Box<Place> },
    #[error("{place}: looks like a line of constraints; -C reads it")]
    UnaskedConstraint { place: Box<Place> },
    #[error("{path}: {found} lines of constraints for {expected} molecules; give one for each")]
    ConstraintLines {
        path: String,
        expected: usize,
        found: usize,
    },
    #[error(
        "{path}, record {record} ({name}): no line of constraints after the sequence; '.' for each base asks for nothing"
    )]
    NoConstraint {
        path: String,
        record: usize,
        name: String,
    },
    #[error("{path}: reactivities of one molecule, but the input has {found}; give it alone")]
    ShapeMolecules { path: String, found: usize },
    #[error("{path}, line {line}, column {column}: expected {expected}, found {found}")]
    Shape {
        path: String,
        line: usize,
        column: usize,
        expected: String,
        found: String,
    },
    #[error("--window writes tables only: name one with --contexts or --probabilities")]
    NoTable,
    #[error("{path}: pairs of windows are few and far from each other: name a .tsv")]
    WindowArray { path: PathBuf },
    #[error("{path}: {source}")]
    Parameters { path: String, source: FoldError },
    #[error("{0}")]
    Settings(FoldError),
    #[error("{path}, line {line}: expected numbers apart by spaces or lines, found {found:?}")]
    Value {
        path: String,
        line: usize,
        found: String,
    },
    #[error("the drawing: {0}")]
    Drawing(FoldError),
    #[error("{path}: the folder cannot be made")]
    Folder { path: PathBuf, source: io::Error },
    #[error(
        "{path}: the name must end in .npy (an array) or .tsv (text), which says what to write"
    )]
    Format { path: PathBuf },
    #[error("{path}: named for two outputs; give each its own file")]
    SameFile { path: PathBuf },
    #[error(
        "{path}: is {found}, no regular file; name a new file, or use `--out -` for standard output"
    )]
    NotAFile { path: PathBuf, found: &'static str },
    #[error("{path}: cannot be written")]
    Write { path: PathBuf, source: io::Error },
    #[error("standard output cannot be written")]
    Stdout { source: io::Error },
    #[error("cannot start threads: {0}")]
    Threads(String),
    #[error("cannot listen for Ctrl-C")]
    Signal { source: ctrlc::Error },
    #[error("stopped by Ctrl-C; no file was written")]
    Interrupted,
}

impl ProgramError {
    /// Whether the reader of standard output went away.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Stdout { source } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The status to end with, as a shell would name it: 128 and the number of the signal.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Interrupted => 130,
            _ if self.is_closed_pipe() => 141,
            _ => 1,
        }
    }

    /// The message with those of its sources that it does not hold already.
    pub(crate) fn with_sources(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            let message = error.to_string();
            if !text.contains(&message) {
                // Writing to a string cannot fail.
                let _ = write!(text, ": {message}");
            }
            source = error.source();
        }
        text
    }
}
