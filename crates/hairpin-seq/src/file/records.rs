//! What FASTA and FASTQ have in common: options, limits, headers, lines of symbols, and a place for every error.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::lines::{Lines, Stop};
use super::source::{self, Source, read_error};
use super::whole_lines::read_lines;
use crate::read::{Refused, read_into};
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
/// Memory stays below five times `max_record_bytes`, whatever the file holds; a file of small records needs a few hundred kilobytes.
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

/// One record after the other, until the end or the first error: the present one, and what is known of those before.
pub(super) struct Records {
    lines: Lines,
    path: Option<PathBuf>,
    options: ReadOptions,
    /// The number of the record, from 1, and the line of its header.
    number: u64,
    line: u64,
    /// Empty until it is read.
    pub(super) id: String,
    pub(super) description: String,
    /// The codes of the sequence are the first `written`; what is behind them is room.
    codes: Vec<u8>,
    written: usize,
    /// How many characters they were read from, dropped gaps included.
    letters: usize,
    /// The number of the first record with each id, when ids must be unique.
    ids: HashMap<String, u64>,
    finished: bool,
}

impl Records {
    pub(super) fn open(path: &Path, options: ReadOptions) -> Result<Self, SeqError> {
        let source = source::open(path)?;
        Ok(Self::of(source, Some(path.to_owned()), options))
    }

    pub(super) fn new(
        source: impl Read + Send + 'static,
        options: ReadOptions,
    ) -> Result<Self, SeqError> {
        let source = source::unpack(Box::new(source), Place::default())?;
        Ok(Self::of(source, None, options))
    }

    fn of(source: Source, path: Option<PathBuf>, options: ReadOptions) -> Self {
        Self {
            lines: Lines::new(source, options.max_record_bytes),
            path,
            options,
            number: 0,
            line: 0,
            id: String::new(),
            description: String::new(),
            codes: Vec::new(),
            written: 0,
            letters: 0,
            ids: HashMap::new(),
            finished: false,
        }
    }

    /// Whether there is one more record, which `read` reads; never after one that could not be read.
    pub(super) fn advance(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<bool, SeqError>,
    ) -> Result<bool, SeqError> {
        if self.finished {
            return Ok(false);
        }
        let result = read(self);
        self.finished = !matches!(result, Ok(true));
        result
    }

    /// The record's sequence.
    pub(super) fn seq<A: Alphabet>(&self) -> Seq<A> {
        Seq::from_checked(self.codes[..self.written].to_vec())
    }

    /// How many codes the sequence has.
    pub(super) fn len(&self) -> usize {
        self.written
    }

    /// How many characters they were read from, dropped gaps included.
    pub(super) fn letters(&self) -> usize {
        self.letters
    }

    /// Puts id, description and sequence in the place of others, whose memory the next record takes.
    pub(super) fn replace<A: Alphabet>(
        &mut self,
        id: &mut String,
        description: &mut String,
        seq: &mut Seq<A>,
    ) {
        std::mem::swap(id, &mut self.id);
        std::mem::swap(description, &mut self.description);
        seq.set_checked(&self.codes[..self.written]);
    }

    /// Starts the next record by its header, if there is one.
    pub(super) fn header(&mut self, marker: u8) -> Result<bool, SeqError> {
        self.number += 1;
        self.line = self.lines.number() + 1;
        self.id.clear();
        self.written = 0;
        self.letters = 0;
        self.lines.start_record();
        match self.peek()? {
            Some(first) if first == marker => (),
            Some(b'\n' | b'\r') => return self.blank_end(marker),
            Some(first) => return Err(self.no_marker(marker, first)),
            None => return self.end(),
        }
        let read = match self.lines.next() {
            Ok(None) => None,
            Ok(Some(line)) if !line.ended => None,
            Ok(Some(line)) => Some(split(&line.text[1..], &mut self.id, &mut self.description)),
            Err(stop) => return Err(self.stopped(stop)),
        };
        // What is wrong with a header at the end of a file is that the file was cut.
        let cut = self.peek()?.is_none();
        let Some(read) = read.filter(|_| !cut) else {
            self.id.clear();
            return Err(self.cut_short());
        };
        if let Err((column, problem, remedy)) = read {
            return Err(self.bad(0, column, problem, remedy));
        }
        if self.options.unique_ids
            && let Some(first) = self.ids.insert(self.id.clone(), self.number)
        {
            return Err(SeqError::DuplicateId {
                place: self.place(0, 1),
                id: self.id.clone(),
                first,
            });
        }
        Ok(true)
    }

    /// Blank lines may end a file, and nothing else.
    #[cold]
    fn blank_end(&mut self, marker: u8) -> Result<bool, SeqError> {
        loop {
            match self.lines.next() {
                Ok(Some(line)) if line.text.is_empty() => (),
                Ok(Some(_)) => return Err(self.no_marker(marker, b'\n')),
                Ok(None) => return self.end(),
                Err(stop) => return Err(self.stopped(stop)),
            }
        }
    }

    /// The end of the file, which is one unless nothing was read.
    fn end(&self) -> Result<bool, SeqError> {
        if self.number > 1 || self.options.allow_empty {
            return Ok(false);
        }
        Err(SeqError::BadRecord {
            place: Box::new(Place {
                path: self.path.clone(),
                ..Place::default()
            }),
            problem: "there is no record: the file is empty".to_owned(),
            remedy: "fetch it again, or read with ReadOptions { allow_empty: true, .. }",
        })
    }

    /// The first byte of the next line.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<Option<u8>, SeqError> {
        self.lines.peek().map_err(|stop| self.stopped(stop))
    }

    /// The next line, read by `read`; the file must not end before it.
    #[inline]
    pub(super) fn line<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T, SeqError> {
        match self.lines.next() {
            Ok(Some(line)) => Ok(read(line.text)),
            Ok(None) => Err(self.cut_short()),
            Err(stop) => Err(self.stopped(stop)),
        }
    }

    /// Adds lines to the codes up to the next record: as many as possible at once, and one by one where there is anything odd.
    pub(super) fn symbol_lines<A: Alphabet>(&mut self, marker: u8) -> Result<(), SeqError> {
        while self.peek()?.is_some_and(|first| first != marker) {
            let text = self.lines.pending();
            let out = room(&mut self.codes, self.written, text.len(), &self.options);
            let whole = read_lines::<A>(text, self.options.policy.case, out);
            self.written += whole.codes;
            self.letters += whole.codes;
            if let Err(stop) = self.lines.skip(whole.lines, whole.bytes) {
                return Err(self.stopped(stop));
            }
            if self.peek()?.is_some_and(|first| first != marker) {
                self.symbols::<A>()?;
            }
        }
        Ok(())
    }

    /// Adds the next line to the codes.
    pub(super) fn symbols<A: Alphabet>(&mut self) -> Result<(), SeqError> {
        let text = match self.lines.next() {
            Ok(Some(line)) => line.text,
            Ok(None) => return Err(self.cut_short()),
            Err(stop) => return Err(self.stopped(stop)),
        };
        let length = text.len();
        let out = room(&mut self.codes, self.written, length, &self.options);
        match read_into::<A>(text, self.options.policy, out) {
            Ok(written) => {
                self.written += written;
                self.letters += length;
                Ok(())
            }
            Err(refused) => Err(self.refused::<A>(&refused)),
        }
    }

    /// Refuses an empty sequence, unless it is asked for.
    pub(super) fn check_filled(&self) -> Result<(), SeqError> {
        if self.letters > 0 || self.options.allow_empty {
            return Ok(());
        }
        Err(self.bad(
            0,
            0,
            "the sequence is empty",
            "remove the record, or read with ReadOptions { allow_empty: true, .. }",
        ))
    }

    #[cold]
    fn refused<A: Alphabet>(&self, refused: &Refused) -> SeqError {
        let line = self.lines.number() - self.line;
        match refused.symbol {
            None => self.bad(
                line,
                refused.index,
                "the sequence is not UTF-8",
                "it holds a byte that is no letter: check that the file is text, and not damaged",
            ),
            Some(_) => SeqError::InFile {
                place: self.place(line, refused.index),
                source: Box::new(refused.error::<A>(self.letters)),
            },
        }
    }

    #[cold]
    fn no_marker(&self, marker: u8, found: u8) -> SeqError {
        self.bad_line(
            0,
            format!(
                "expected {:?}, found {:?}",
                char::from(marker),
                char::from(found)
            ),
            "a FASTA record starts with > and a FASTQ record, of four lines, with @: check that this is such a file",
        )
    }

    #[cold]
    fn cut_short(&self) -> SeqError {
        self.bad_line(
            self.lines.number() - self.line,
            "the file ends inside a record",
            "the file seems to be cut short: fetch it again",
        )
    }

    /// Why there are no more lines.
    #[cold]
    fn stopped(&self, stop: Stop) -> SeqError {
        match stop {
            Stop::TooLong => SeqError::RecordTooLong {
                place: self.place(0, 0),
                limit: self.options.max_record_bytes,
            },
            Stop::Failed(error) => {
                let place = Place {
                    path: self.path.clone(),
                    record: Some(self.number),
                    ..Place::default()
                };
                read_error(place, &error)
            }
        }
    }

    /// The place of a character `columns` after the start of a line `lines` below the header.
    fn place(&self, lines: u64, columns: usize) -> Box<Place> {
        Box::new(Place {
            path: self.path.clone(),
            record: Some(self.number),
            id: (!self.id.is_empty()).then(|| self.id.clone()),
            line: Some(self.line + lines),
            column: Some(columns as u64 + 1),
        })
    }

    /// A [`SeqError::BadRecord`] at a place as [`place`](Self::place) takes it.
    #[cold]
    pub(super) fn bad(
        &self,
        lines: u64,
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

    /// The same for a whole line.
    #[cold]
    pub(super) fn bad_line(
        &self,
        lines: u64,
        problem: impl Into<String>,
        remedy: &'static str,
    ) -> SeqError {
        let mut place = self.place(lines, 0);
        place.column = None;
        SeqError::BadRecord {
            place,
            problem: problem.into(),
            remedy,
        }
    }
}

/// Room for `more` codes behind those that are written. It grows in steps, to the largest record at most if that will do.
fn room<'a>(
    codes: &'a mut Vec<u8>,
    written: usize,
    more: usize,
    options: &ReadOptions,
) -> &'a mut [u8] {
    let needed = written + more;
    if codes.len() < needed {
        let most = usize::try_from(options.max_record_bytes).unwrap_or(usize::MAX);
        let larger = codes.len().saturating_mul(2).min(most).max(needed);
        codes.resize(larger, 0);
    }
    &mut codes[written..]
}

/// What is wrong with a header: how many characters after the start of the line, what, and what to do.
type BadHeader = (usize, &'static str, &'static str);

/// The id, up to the first space or tab, and the description, which is the rest; both stay empty where there is an error.
fn split(header: &[u8], id: &mut String, description: &mut String) -> Result<(), BadHeader> {
    let text = std::str::from_utf8(header).map_err(|error| {
        let before = String::from_utf8_lossy(&header[..error.valid_up_to()]);
        (
            1 + before.chars().count(),
            "the header is not UTF-8",
            "convert the file to UTF-8",
        )
    })?;
    // Ids are short: a call for wide registers would cost more than it saves.
    let (first, rest) = match header.iter().position(|byte| matches!(byte, b' ' | b'\t')) {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, ""),
    };
    if first.is_empty() {
        return Err((
            1,
            "the header has no id",
            "write one directly after the > or @",
        ));
    }
    id.push_str(first);
    description.clear();
    description.push_str(rest);
    Ok(())
}
