//! The lines of a text file, plain or gzip, one at a time and none longer than a limit.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::error::shorten;
use crate::{Place, TaskError, file};

/// The longest line: a chromosome fits, and a file without line ends is refused before it fills the memory.
pub(crate) const MOST_LINE: usize = 1 << 24;

/// The most text of a file, unpacked: a gigabyte of zeros is a megabyte of gzip.
pub(crate) const MOST_BYTES: u64 = 1 << 30;

/// Hands out line by line as UTF-8.
pub(crate) struct Lines {
    source: Box<dyn BufRead>,
    place: Place,
    line: Vec<u8>,
    number: u64,
    bytes: u64,
    most_bytes: u64,
}

impl Lines {
    /// Opens a file and unpacks it if its first bytes are those of gzip.
    ///
    /// `expected` says what kind of text it must be.
    pub(crate) fn open(
        path: &Path,
        expected: &'static str,
        remedy: &str,
    ) -> Result<Self, TaskError> {
        Self::open_up_to(path, MOST_BYTES, expected, remedy)
    }

    /// Opens a file that may have another number of bytes of text, unpacked, than most.
    pub(crate) fn open_up_to(
        path: &Path,
        most_bytes: u64,
        expected: &'static str,
        remedy: &str,
    ) -> Result<Self, TaskError> {
        let (file, _) = file::open(path, || remedy.to_owned())?;
        let mut packed = BufReader::new(file);
        let head = packed.fill_buf().map_err(|source| TaskError::Read {
            path: path.to_owned(),
            source,
        })?;
        let other = match head {
            [b'P', b'K', 3, 4, ..] => Some("it is a zip, as .xlsx and .npz are"),
            [b'P', b'A', b'R', b'1', ..] => Some("it is a parquet file"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("it is UTF-16 text"),
            _ => None,
        };
        if let Some(found) = other {
            return Err(TaskError::Format {
                path: path.to_owned(),
                expected,
                found,
                remedy: "save it as text in UTF-8",
            });
        }
        let source: Box<dyn BufRead> = if head.starts_with(&[0x1f, 0x8b]) {
            // Several members in a row are one file: bgzip and `cat a.gz b.gz` make them.
            Box::new(BufReader::new(MultiGzDecoder::new(packed)))
        } else {
            Box::new(packed)
        };
        Ok(Self {
            most_bytes,
            ..Self::new(source, path)
        })
    }

    fn new(source: Box<dyn BufRead>, path: &Path) -> Self {
        Self {
            source,
            place: Place::new(path),
            line: Vec::new(),
            number: 0,
            bytes: 0,
            most_bytes: MOST_BYTES,
        }
    }

    /// The file.
    pub(crate) fn file(&self) -> &Place {
        &self.place
    }

    /// Where the line is that was last handed out.
    pub(crate) fn place(&self) -> Place {
        self.place.clone().line(self.number)
    }

    /// The number of the line last handed out, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next line that is not blank, without its end, which is `\n` or `\r\n`, and without a byte order mark.
    pub(crate) fn next(&mut self) -> Result<Option<&str>, TaskError> {
        loop {
            self.line.clear();
            let mut bounded = self.source.by_ref().take(MOST_LINE as u64 + 1);
            let read = bounded.read_until(b'\n', &mut self.line);
            self.number += 1;
            let read = read.map_err(|source| self.unreadable(source))?;
            if read == 0 {
                return Ok(None);
            }
            self.bytes += read as u64;
            self.check_size()?;
            if self.line.ends_with(b"\n") {
                self.line.pop();
            }
            if self.line.ends_with(b"\r") {
                self.line.pop();
            }
            if self.number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
                self.line.drain(..3);
            }
            if !self.line.is_empty() {
                break;
            }
        }
        match std::str::from_utf8(&self.line) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                let start = String::from_utf8_lossy(&self.line[..error.valid_up_to()]);
                Err(TaskError::Field {
                    place: self.place(),
                    found: format!(
                        "byte {:#04x} after `{}`",
                        self.line[error.valid_up_to()],
                        shorten(&start)
                    ),
                    expected: "UTF-8 text".to_owned(),
                    remedy: "save the file as UTF-8",
                })
            }
        }
    }

    fn check_size(&self) -> Result<(), TaskError> {
        let (found, limit) = if self.line.len() > MOST_LINE {
            ("a line", MOST_LINE as u64)
        } else if self.bytes > self.most_bytes {
            ("text", self.most_bytes)
        } else {
            return Ok(());
        };
        Err(TaskError::TooLarge {
            place: self.place(),
            found: format!("{found} of more than {} MiB", limit >> 20),
            limit: format!("{limit} bytes"),
        })
    }

    fn unreadable(&self, source: io::Error) -> TaskError {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        if matches!(source.kind(), InvalidData | InvalidInput | UnexpectedEof) {
            return TaskError::Damaged {
                place: self.place(),
                reason: "the gzip data cannot be unpacked".to_owned(),
                source: Some(Box::new(source)),
            };
        }
        TaskError::Read {
            path: self.place.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text without an end, which counts how much of it was asked for.
    struct Endless(std::rc::Rc<std::cell::Cell<usize>>);

    impl Read for Endless {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            out.fill(b'A');
            self.0.set(self.0.get() + out.len());
            Ok(out.len())
        }
    }

    #[test]
    fn a_line_without_an_end_is_given_up_at_the_limit() {
        let asked = std::rc::Rc::default();
        let endless = Endless(std::rc::Rc::clone(&asked));
        let mut lines = Lines::new(Box::new(BufReader::new(endless)), Path::new("long.csv"));
        let error = lines.next().unwrap_err().to_string();
        assert_eq!(
            error,
            "long.csv, line 1: a line of more than 16 MiB, more than the limit of 16777216 bytes; \
             if the data are real, split the file"
        );
        assert!(asked.get() <= MOST_LINE + 64 * 1024, "{} read", asked.get());
        assert!(lines.line.capacity() <= 4 * MOST_LINE);
    }

    #[test]
    fn lines_lose_ends_and_the_mark_and_blank_ones_are_passed_over() {
        let text = "\u{feff}a\r\n\r\n\nb\u{feff}\nc";
        let mut lines = Lines::new(Box::new(text.as_bytes()), Path::new("x.csv"));
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let line = line.to_owned();
            found.push((lines.number(), line));
        }
        let expected = [(1, "a"), (4, "b\u{feff}"), (5, "c")];
        assert_eq!(found, expected.map(|(n, line)| (n, line.to_owned())));
    }
}
