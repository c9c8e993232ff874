//! FASTQ: records of four lines, `@id description`, sequence, `+`, and one quality character for each base.
//!
//! Qualities are Phred scores written as the characters from `!` (0) to `~` (93): the Sanger variant, which is the only one
//! sequencers still write (Cock et al. 2010, doi:10.1093/nar/gkp1137). Reading is otherwise as in [`fasta`](crate::fasta);
//! sequences over several lines are refused.
//!
//! ```
//! use hairpin_seq::{Dna, ReadOptions, fastq};
//!
//! let text = b"@read_1\nACGT\n+\nII!~\n@read_2\nACGT\n+\nIII\n";
//! let mut reader = fastq::Reader::<Dna>::new(&text[..], ReadOptions::default())?;
//!
//! let record = reader.next().unwrap()?;
//! assert_eq!(record.seq.to_string(), "ACGT");
//! assert_eq!(record.quality, [40, 40, 0, 93]);
//! assert_eq!(fastq::error_probability(record.quality[0]), 1e-4);
//!
//! let error = reader.next().unwrap().unwrap_err();
//! assert!(error.to_string().starts_with(
//!     "input, record 2 (read_2), line 8, column 1: 3 qualities for 4 bases"
//! ));
//! # Ok::<(), hairpin_seq::SeqError>(())
//! ```

use std::borrow::Borrow;
use std::fmt;
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::path::Path;

use super::records::Records;
use super::write::{self, check_header};
use crate::{Alphabet, ReadOptions, Seq, SeqError};

/// The character of quality 0.
const ZERO: u8 = b'!';

/// The highest quality that can be written, as `~`.
pub const MAX_QUALITY: u8 = b'~' - ZERO;

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record<A: Alphabet> {
    /// What follows the `@`, up to the first space or tab.
    pub id: String,
    /// The rest of the header; empty when there is none.
    pub description: String,
    /// The sequence.
    pub seq: Seq<A>,
    /// The Phred score of each base, 0 to [`MAX_QUALITY`]; as long as the sequence.
    pub quality: Vec<u8>,
}

/// The probability that a base with this Phred score is wrong, `10^(-score / 10)`.
pub fn error_probability(quality: u8) -> f64 {
    10_f64.powf(-f64::from(quality) / 10.0)
}

/// Reads records one by one; an iterator that ends at the end of the file or after the first error.
pub struct Reader<A> {
    records: Records,
    quality: Vec<u8>,
    alphabet: PhantomData<A>,
}

impl<A: Alphabet> Reader<A> {
    /// Opens a file, plain or compressed.
    ///
    /// # Errors
    ///
    /// [`SeqError::Read`] when it cannot be read, [`SeqError::Compressed`] when the feature for its compression is off.
    pub fn open(path: impl AsRef<Path>, options: ReadOptions) -> Result<Self, SeqError> {
        Records::open(path.as_ref(), options).map(Self::of)
    }

    /// Reads from anywhere, plain or compressed; buffers by itself.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), for the first bytes.
    pub fn new(source: impl Read + Send + 'static, options: ReadOptions) -> Result<Self, SeqError> {
        Records::new(source, options).map(Self::of)
    }

    fn of(records: Records) -> Self {
        Self {
            records,
            quality: Vec::new(),
            alphabet: PhantomData,
        }
    }

    /// Reads the next record into one that there is, as [`fasta::Reader::read`](crate::fasta::Reader::read) does.
    ///
    /// # Errors
    ///
    /// As there, and [`SeqError::BadRecord`] for qualities that are not one character from `!` to `~` for each base.
    pub fn read(&mut self, record: &mut Record<A>) -> Result<bool, SeqError> {
        let more = self.advance()?;
        if more {
            let Record {
                id,
                description,
                seq,
                quality,
            } = record;
            self.records.replace(id, description, seq);
            std::mem::swap(quality, &mut self.quality);
        }
        Ok(more)
    }

    fn advance(&mut self) -> Result<bool, SeqError> {
        let Self {
            records, quality, ..
        } = self;
        records.advance(|records| {
            if !records.header(b'@')? {
                return Ok(false);
            }
            records.symbols::<A>()?;
            records.check_filled()?;
            if let Some(found) = records.line(not_plus)? {
                return Err(records.bad_line(
                    2,
                    format!("expected '+', found {found}"),
                    "the third line of a FASTQ record starts with +: sequences over several lines are not read",
                ));
            }
            if let Some((column, found)) = records.line(|line| read_quality(line, quality))? {
                return Err(records.bad(
                    3,
                    column,
                    format!("{found:?} is not a quality character"),
                    "qualities are written ! to ~ (0 to 93)",
                ));
            }
            let (scores, letters, bases) = (quality.len(), records.letters(), records.len());
            if scores != letters || scores != bases {
                let count = if scores == letters { bases } else { letters };
                return Err(records.bad(
                    3,
                    0,
                    format!("{scores} qualities for {count} bases"),
                    "a FASTQ record has one quality character for each base; read it without dropping gaps",
                ));
            }
            Ok(true)
        })
    }
}

impl<A: Alphabet> Iterator for Reader<A> {
    type Item = Result<Record<A>, SeqError>;

    /// The next record.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(false) => None,
            Ok(true) => Some(Ok(Record {
                id: self.records.id.clone(),
                description: self.records.description.clone(),
                seq: self.records.seq(),
                quality: self.quality.clone(),
            })),
            Err(error) => Some(Err(error)),
        }
    }
}

/// Reads the scores of a line; or finds the first character that is none, and its column from 0.
fn read_quality(line: &[u8], scores: &mut Vec<u8>) -> Option<(usize, char)> {
    scores.clear();
    scores.extend(line.iter().map(|character| character.wrapping_sub(ZERO)));
    // All at once, and one by one when there is something to find.
    let highest = scores.iter().fold(0, |highest, &score| score.max(highest));
    if highest <= MAX_QUALITY {
        return None;
    }
    let column = scores.iter().position(|&score| score > MAX_QUALITY)?;
    Some((column, char::from(line[column])))
}

/// What stands where a `+` should.
fn not_plus(line: &[u8]) -> Option<String> {
    match line.first() {
        Some(b'+') => None,
        Some(&other) => Some(format!("{:?}", char::from(other))),
        None => Some("an empty line".to_owned()),
    }
}
impl<A: Alphabet> fmt::Debug for Reader<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("fastq::Reader")
            .field("alphabet", &A::NAME)
            .finish_non_exhaustive()
    }
}

/// Writes records to a file that appears whole or not at all.
///
/// # Errors
///
/// As [`fasta::write`](fn@crate::fasta::write); [`SeqError::Unwritable`] also for qualities that are not one for each base,
/// from 0 to [`MAX_QUALITY`].
pub fn write<A: Alphabet>(
    path: impl AsRef<Path>,
    records: impl IntoIterator<Item = impl Borrow<Record<A>>>,
) -> Result<(), SeqError> {
    write::atomically(path.as_ref(), |file| write_to(file, records))
}

/// Writes records anywhere; otherwise as [`write`](fn@write).
///
/// # Errors
///
/// As [`write`](fn@write); what was written before stays written.
pub fn write_to<A: Alphabet>(
    mut out: impl Write,
    records: impl IntoIterator<Item = impl Borrow<Record<A>>>,
) -> Result<(), SeqError> {
    let mut text = Vec::new();
    for (number, record) in (1..).zip(records) {
        let record = record.borrow();
        check_header(number, &record.id, &record.description, record.seq.len())?;
        let unwritable = |problem| SeqError::Unwritable {
            record: number,
            id: record.id.clone(),
            problem,
        };
        if record.quality.len() != record.seq.len() {
            return Err(unwritable("there is not one quality for each base"));
        }
        if record.quality.iter().any(|&score| score > MAX_QUALITY) {
            return Err(unwritable("a quality is above 93"));
        }
        text.clear();
        write::header(&mut text, b'@', &record.id, &record.description);
        text.extend_from_slice(record.seq.to_string().as_bytes());
        text.extend_from_slice(b"\n+\n");
        text.extend(record.quality.iter().map(|score| score + ZERO));
        text.push(b'\n');
        out.write_all(&text)
            .map_err(|error| write::error(None, &error))?;
    }
    out.flush().map_err(|error| write::error(None, &error))
}
