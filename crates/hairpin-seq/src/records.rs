//! What FASTA and FASTQ have in common: options, limits, and a place for every error.
//!
//! The parsing is needletail's, the fastest of those compared (docs/BENCHMARKS.md). It takes a record of any size, any bytes
//! and any id; what this module adds is the refusing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use memchr::{memchr, memchr2};
use needletail::errors::{ParseError, ParseErrorKind};
use needletail::parser::{FastxReader, SequenceRecord};

use crate::stream::{Guard, Stop, read_error};
use crate::{Alphabet, Place, Policy, Seq, SeqError};

/// How FASTA and FASTQ files are read.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `policy` | strict | what becomes of ambiguity codes and lower case |
/// | `max_record_bytes` | 2^28 (256 MiB) | the largest record, header and line ends included; the longest human chromosome fits |
/// | `unique_ids` | `false` | whether a second record with the same id is an error; needs memory for all ids |
/// | `allow_empty` | `false` | whether an empty file, and a record with an empty sequence, is accepted; a header as the last line never is |
///
/// A record also has at most `max_record_bytes / 16` lines beyond its first two million or so. Memory stays below five times
/// `max_record_bytes`, whatever the file holds; a file of small records needs a few hundred kilobytes.
///
/// ```
/// use hairpin_seq::{Ambiguous, Case, Policy, ReadOptions};
///
/// // A genome: soft-masked, with N.
/// let policy = Policy { ambiguous: Ambiguous::Unknown, case: Case::Fold, ..Policy::default() };
/// let options = ReadOptions { policy, unique_ids: true, ..ReadOptions::default() };
/// assert_eq!(options.max_record_bytes, 1 << 28);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// What becomes of symbols that are not the alphabet's.
    pub policy: Policy,
    /// The largest record that is read.
    pub max_record_bytes: u64,
    /// Whether two records with one id are refused.
    pub unique_ids: bool,
    /// Whether a file without records, and a record without a sequence, is accepted.
    pub allow_empty: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            max_record_bytes: 1 << 28,
            unique_ids: false,
            allow_empty: false,
        }
    }
}

/// The records of one file, one after the other, until the end or the first error.
pub(crate) struct Records<P> {
    parser: P,
    guard: Guard,
    path: Option<PathBuf>,
    options: ReadOptions,
    /// How many records have been read.
    count: u64,
    /// The number of the first record with each id, when ids must be unique.
    ids: HashMap<String, u64>,
    finished: bool,
    /// A record's sequence without its line ends.
    joined: Vec<u8>,
}

/// The parts that both formats have.
pub(crate) struct Parts<A> {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) seq: Seq<A>,
}

/// The record at hand, for errors; a [`Place`] is made only when there is one.
pub(crate) struct Context<'a> {
    path: Option<&'a Path>,
    number: u64,
    /// The header, once its id is known to be one.
    header: Option<&'a str>,
    /// The line of the header.
    line: u64,
    options: &'a ReadOptions,
}

impl Context<'_> {
    /// The place of a character `columns` after the start of a line `lines` below the header.
    pub(crate) fn place(&self, lines: usize, columns: usize) -> Box<Place> {
        Box::new(Place {
            path: self.path.map(Path::to_owned),
            record: Some(self.number),
            id: self.header.map(|header| split(header).0.to_owned()),
            line: Some(self.line + lines as u64),
            column: Some(columns as u64 + 1),
        })
    }

    /// A [`SeqError::BadRecord`] at a place as [`place`](Self::place) takes it.
    pub(crate) fn bad(
        &self,
        lines: usize,
        columns: usize,
        problem: impl Into<String>,
        remedy: &'static str,
    ) -> SeqError {
        SeqError::BadRecord {
            place: self.place(lines, columns),
            problem: problem.into(),
            remedy,
        }
    }
}

impl<P: FastxReader> Records<P> {
    pub(crate) fn new(
        parser: P,
        guard: Guard,
        path: Option<PathBuf>,
        options: ReadOptions,
    ) -> Self {
        Self {
            parser,
            guard,
            path,
            options,
            count: 0,
            ids: HashMap::new(),
            finished: false,
            joined: Vec::new(),
        }
    }

    /// The next record, made by `finish` of the common parts and what the format adds.
    pub(crate) fn next<A: Alphabet, T>(
        &mut self,
        finish: impl FnOnce(Parts<A>, &SequenceRecord<'_>, &Context<'_>) -> Result<T, SeqError>,
    ) -> Option<Result<T, SeqError>> {
        if self.finished {
            return None;
        }
        let result = self.read(finish).transpose();
        self.finished = !matches!(result, Some(Ok(_)));
        result
    }

    fn read<A: Alphabet, T>(
        &mut self,
        finish: impl FnOnce(Parts<A>, &SequenceRecord<'_>, &Context<'_>) -> Result<T, SeqError>,
    ) -> Result<Option<T>, SeqError> {
        self.guard.grant();
        let number = self.count + 1;
        let record = match self.parser.next() {
            Some(Ok(record)) => record,
            Some(Err(error)) => return Err(self.explain(number, Some(error))),
            None => {
                // A source that failed may look to the parser as one that ended.
                let empty = number == 1 && !self.options.allow_empty;
                return match self.guard.stopped() {
                    Some(stop) => Err(self.stop_error(number, stop)),
                    None if empty => Err(self.explain(number, None)),
                    None => Ok(None),
                };
            }
        };
        let mut context = Context {
            path: self.path.as_deref(),
            number,
            header: None,
            line: record.start_line_number(),
            options: &self.options,
        };
        if record.all().len() as u64 > self.options.max_record_bytes {
            return Err(SeqError::RecordTooLong {
                place: context.place(0, 0),
                limit: self.options.max_record_bytes,
            });
        }
        let header = header(record.id(), &context)?;
        context.header = Some(header);
        let (id, description) = split(header);
        if self.options.unique_ids
            && let Some(first) = self.ids.insert(id.to_owned(), number)
        {
            return Err(SeqError::DuplicateId {
                place: context.place(0, 1),
                id: id.to_owned(),
                first,
            });
        }
        let seq = sequence(record.raw_seq(), &mut self.joined, &context)?;
        let parts = Parts {
            id: id.to_owned(),
            description: description.to_owned(),
            seq,
        };
        let finished = finish(parts, &record, &context)?;
        self.count = number;
        Ok(Some(finished))
    }

    /// The parser's error as ours; without one the file is empty.
    fn explain(&self, number: u64, error: Option<ParseError>) -> SeqError {
        if let Some(stop) = self.guard.stopped() {
            return self.stop_error(number, stop);
        }
        let path = self.path.clone();
        let Some(error) = error else {
            return SeqError::BadRecord {
                place: Box::new(Place {
                    path,
                    ..Place::default()
                }),
                problem: "there is no record: the file is empty".to_owned(),
                remedy: "fetch it again, or read with ReadOptions { allow_empty: true, .. }",
            };
        };
        let remedy = match error.kind {
            ParseErrorKind::InvalidStart => {
                "a FASTA record starts with > and a FASTQ record, of four lines, with @: check that this is such a file"
            }
            ParseErrorKind::InvalidSeparator => {
                "the third line of a FASTQ record starts with +: sequences over several lines are not read"
            }
            ParseErrorKind::UnequalLengths => {
                "a FASTQ record has one quality character for each base"
            }
            _ => "the file seems to be cut short: fetch it again",
        };
        SeqError::BadRecord {
            place: Box::new(Place {
                path,
                record: Some(number),
                id: error.position.id,
                line: Some(error.position.line.max(1)),
                column: None,
            }),
            // Nothing but the end of a file comes without words.
            problem: match error.msg.is_empty() {
                true => "the file ends inside a record".to_owned(),
                false => error.msg,
            },
            remedy,
        }
    }

    fn stop_error(&self, number: u64, stop: Stop) -> SeqError {
        let place = Place {
            path: self.path.clone(),
            record: Some(number),
            ..Place::default()
        };
        match stop {
            Stop::TooLong => SeqError::RecordTooLong {
                place: Box::new(place),
                limit: self.options.max_record_bytes,
            },
            Stop::Failed(error) => read_error(place, &error),
        }
    }
}

/// The id, up to the first space or tab, and the description, which is the rest.
fn split(header: &str) -> (&str, &str) {
    match memchr2(b' ', b'\t', header.as_bytes()) {
        Some(end) => (&header[..end], &header[end + 1..]),
        None => (header, ""),
    }
}

/// A header line with an id.
fn header<'a>(line: &'a [u8], context: &Context<'_>) -> Result<&'a str, SeqError> {
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(error) => {
            let before = String::from_utf8_lossy(&line[..error.valid_up_to()]);
            return Err(context.bad(
                0,
                1 + before.chars().count(),
                "the header is not UTF-8",
                "convert the file to UTF-8",
            ));
        }
    };
    if matches!(text.as_bytes().first(), None | Some(b' ' | b'\t')) {
        return Err(context.bad(
            0,
            1,
            "the header has no id",
            "write one directly after the > or @",
        ));
    }
    Ok(text)
}

/// Reads the lines of a sequence as one text.
fn sequence<A: Alphabet>(
    raw: &[u8],
    joined: &mut Vec<u8>,
    context: &Context<'_>,
) -> Result<Seq<A>, SeqError> {
    let bytes = match memchr(b'\n', raw) {
        None => without_return(raw),
        Some(_) => {
            joined.clear();
            for line in Lines(raw) {
                joined.extend_from_slice(line);
            }
            joined.as_slice()
        }
    };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let (line, column) = locate(raw, error.valid_up_to());
            return Err(context.bad(
                line + 1,
                column,
                "the sequence is not UTF-8",
                "it holds a byte that is no letter: check that the file is text, and not damaged",
            ));
        }
    };
    if text.is_empty() && !context.options.allow_empty {
        return Err(context.bad(
            0,
            0,
            "the sequence is empty",
            "remove the record, or read with ReadOptions { allow_empty: true, .. }",
        ));
    }
    Seq::parse(text, context.options.policy).map_err(|source| {
        let character = match source {
            SeqError::AmbiguousSymbol { position, .. }
            | SeqError::LowerCase { position, .. }
            | SeqError::ForeignSymbol { position, .. } => position - 1,
            _ => 0,
        };
        let offset = text
            .char_indices()
            .nth(character)
            .map_or(text.len(), |(offset, _)| offset);
        let (line, column) = locate(raw, offset);
        SeqError::InFile {
            place: context.place(line + 1, column),
            source: Box::new(source),
        }
    })
}

/// Where the byte `offset` of the joined lines stands: lines below the first, and characters after the start of its line.
fn locate(raw: &[u8], mut offset: usize) -> (usize, usize) {
    for (number, line) in Lines(raw).enumerate() {
        if offset < line.len() {
            let before = String::from_utf8_lossy(&line[..offset]);
            return (number, before.chars().count());
        }
        offset -= line.len();
    }
    (0, 0)
}

/// The lines of a text without their ends, `\n` or `\r\n`.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (line, rest) = match memchr(b'\n', self.0) {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        Some(without_return(line))
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
