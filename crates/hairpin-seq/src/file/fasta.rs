//! FASTA: a header line `>id description`, then the sequence on any number of lines.
//!
//! Files are read record by record, plain or compressed (gzip with the feature `gzip`, zstd with the feature `zstd`; known by
//! their first bytes). Every error says in which record, line and column it stands.
//!
//! ```
//! use hairpin_seq::{Dna, ReadOptions, fasta};
//!
//! let text = b">probe_1 set A\nACGT\nAC\n>probe_2\nGGA\nTNA\n";
//! let mut reader = fasta::Reader::<Dna>::new(&text[..], ReadOptions::default())?;
//!
//! let record = reader.next().unwrap()?;
//! assert_eq!((record.id.as_str(), record.description.as_str()), ("probe_1", "set A"));
//! assert_eq!(record.seq.to_string(), "ACGTAC");
//!
//! let error = reader.next().unwrap().unwrap_err();
//! assert!(error.to_string().starts_with(
//!     "input, record 2 (probe_2), line 6, column 2: position 5: 'N' is an ambiguity code"
//! ));
//! assert!(reader.next().is_none()); // nothing is read after an error
//! # Ok::<(), hairpin_seq::SeqError>(())
//! ```
//!
//! What is refused besides symbols: a file that does not start with `>`, a header without an id, text that is not UTF-8, a lone
//! carriage return, spaces inside a sequence, `;` comments, and what [`ReadOptions`] says.

use std::borrow::Borrow;
use std::fmt;
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::path::Path;

use super::records::Records;
use super::write::{self, check_header};
use crate::{Alphabet, ReadOptions, Seq, SeqError};

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record<A: Alphabet> {
    /// What follows the `>`, up to the first space or tab.
    pub id: String,
    /// The rest of the header; empty when there is none.
    pub description: String,
    /// The sequence.
    pub seq: Seq<A>,
}

/// Reads records one by one; an iterator that ends at the end of the file or after the first error.
pub struct Reader<A> {
    records: Records,
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
            alphabet: PhantomData,
        }
    }

    /// Reads the next record into one that there is, whose memory is used again: `false`, and the record as it was, at the end of
    /// the file and after an error. The quickest way through a file of short records.
    ///
    /// ```
    /// use hairpin_seq::{Dna, ReadOptions, fasta};
    ///
    /// let mut reader = fasta::Reader::<Dna>::new(&b">a\nACGT\n>b\nGG\nC\n"[..], ReadOptions::default())?;
    /// let mut record = fasta::Record::default();
    /// let mut bases = 0;
    /// while reader.read(&mut record)? {
    ///     bases += record.seq.len();
    /// }
    /// assert_eq!(bases, 7);
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SeqError::InFile`], [`SeqError::BadRecord`], [`SeqError::RecordTooLong`], [`SeqError::DuplicateId`] and
    /// [`SeqError::Read`].
    pub fn read(&mut self, record: &mut Record<A>) -> Result<bool, SeqError> {
        let more = self.advance()?;
        if more {
            let Record {
                id,
                description,
                seq,
            } = record;
            self.records.replace(id, description, seq);
        }
        Ok(more)
    }

    fn advance(&mut self) -> Result<bool, SeqError> {
        self.records.advance(|records| {
            if !records.header(b'>')? {
                return Ok(false);
            }
            records.symbol_lines::<A>(b'>')?;
            records.check_filled()?;
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
            })),
            Err(error) => Some(Err(error)),
        }
    }
}

impl<A: Alphabet> fmt::Debug for Reader<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("fasta::Reader")
            .field("alphabet", &A::NAME)
            .finish_non_exhaustive()
    }
}

/// Writes records to a file, with `width` symbols on a line (0: each sequence on one line); the file appears whole or not at
/// all.
///
/// ```
/// use hairpin_seq::{Dna, ReadOptions, fasta};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("out.fa");
/// let record = fasta::Record {
///     id: "a".to_owned(),
///     description: "seven bases".to_owned(),
///     seq: "GATTACA".parse()?,
/// };
/// fasta::write(&path, 4, [&record])?;
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), ">a seven bases\nGATT\nACA\n");
/// let back = fasta::Reader::<Dna>::open(&path, ReadOptions::default())?.next().unwrap()?;
/// assert_eq!(back, record);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
///
/// # Errors
///
/// [`SeqError::Unwritable`] for a record that would not be read back: an id that is empty or has a space in it, a line end in
/// its header, an empty sequence. [`SeqError::Write`] when the disk says no. In both cases a file that was there stays as it
/// was.
pub fn write<A: Alphabet>(
    path: impl AsRef<Path>,
    width: usize,
    records: impl IntoIterator<Item = impl Borrow<Record<A>>>,
) -> Result<(), SeqError> {
    write::atomically(path.as_ref(), |file| write_to(file, width, records))
}

/// Writes records anywhere; otherwise as [`write`](fn@write).
///
/// # Errors
///
/// As [`write`](fn@write); what was written before stays written.
pub fn write_to<A: Alphabet>(
    mut out: impl Write,
    width: usize,
    records: impl IntoIterator<Item = impl Borrow<Record<A>>>,
) -> Result<(), SeqError> {
    let width = if width == 0 { usize::MAX } else { width };
    let mut text = Vec::new();
    for (number, record) in (1..).zip(records) {
        let record = record.borrow();
        check_header(number, &record.id, &record.description, record.seq.len())?;
        text.clear();
        write::header(&mut text, b'>', &record.id, &record.description);
        let symbols = record.seq.to_string();
        for line in symbols.as_bytes().chunks(width) {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        out.write_all(&text)
            .map_err(|error| write::error(None, &error))?;
    }
    out.flush().map_err(|error| write::error(None, &error))
}
