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
//! assert!(error.to_string().starts_with("input, record 2 (read_2), line 5: "));
//! # Ok::<(), hairpin_seq::SeqError>(())
//! ```

use std::borrow::Borrow;
use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use needletail::parser::FastqReader;

use crate::records::{Context, Records};
use crate::stream::{self, Guarded, Source};
use crate::write::{self, check_header};
use crate::{Alphabet, Place, ReadOptions, Seq, SeqError};

/// The character of quality 0.
const ZERO: u8 = b'!';

/// The highest quality that can be written, as `~`.
pub const MAX_QUALITY: u8 = b'~' - ZERO;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    records: Records<FastqReader<Guarded>>,
    alphabet: std::marker::PhantomData<A>,
}

impl<A: Alphabet> Reader<A> {
    /// Opens a file, plain or compressed.
    ///
    /// # Errors
    ///
    /// [`SeqError::Read`] when it cannot be read, [`SeqError::Compressed`] when the feature for its compression is off.
    pub fn open(path: impl AsRef<Path>, options: ReadOptions) -> Result<Self, SeqError> {
        let path = path.as_ref();
        let source = stream::open(path)?;
        Ok(Self::of(source, Some(path.to_owned()), options))
    }

    /// Reads from anywhere, plain or compressed; buffers by itself.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), for the first bytes.
    pub fn new(source: impl Read + Send + 'static, options: ReadOptions) -> Result<Self, SeqError> {
        let source = stream::unpack(Box::new(source), Place::default())?;
        Ok(Self::of(source, None, options))
    }

    fn of(source: Source, path: Option<PathBuf>, options: ReadOptions) -> Self {
        let (guarded, guard) = stream::guard(source, options.max_record_bytes);
        Self {
            records: Records::new(FastqReader::new(guarded), guard, path, options),
            alphabet: std::marker::PhantomData,
        }
    }
}

impl<A: Alphabet> Iterator for Reader<A> {
    type Item = Result<Record<A>, SeqError>;

    /// The next record.
    ///
    /// # Errors
    ///
    /// As a [`fasta::Reader`](crate::fasta::Reader), and [`SeqError::BadRecord`] for qualities that are not one character from
    /// `!` to `~` for each base.
    fn next(&mut self) -> Option<Self::Item> {
        self.records.next(|parts, record, context| {
            let quality = quality(record.qual().unwrap_or_default(), context)?;
            if quality.len() != parts.seq.len() {
                let problem = format!(
                    "{} qualities for {} bases",
                    quality.len(),
                    parts.seq.len()
                );
                let remedy = "a FASTQ record has one quality character for each base; read it without dropping gaps";
                return Err(context.bad(3, 0, problem, remedy));
            }
            Ok(Record {
                id: parts.id,
                description: parts.description,
                seq: parts.seq,
                quality,
            })
        })
    }
}

fn quality(characters: &[u8], context: &Context<'_>) -> Result<Vec<u8>, SeqError> {
    let scores = characters
        .iter()
        .map(|character| character.wrapping_sub(ZERO))
        .collect::<Vec<u8>>();
    match scores.iter().position(|&score| score > MAX_QUALITY) {
        None => Ok(scores),
        Some(column) => {
            let found = char::from(characters[column]);
            let problem = format!("{found:?} is not a quality character");
            Err(context.bad(3, column, problem, "qualities are written ! to ~ (0 to 93)"))
        }
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
