//! The lines of a source, each where it lies in one buffer.

use std::io;

use memchr::memchr;

use super::source::Source;

/// The buffer's size until a line is longer: large enough that asking costs nothing, small enough for the second-level cache.
const BUFFER: usize = 64 * 1024;

/// Hands out line by line, and no more bytes than one record may have.
pub(super) struct Lines {
    source: Source,
    buffer: Vec<u8>,
    /// The bytes of the buffer that were read and not yet handed out.
    start: usize,
    end: usize,
    /// No more can be read.
    over: bool,
    /// How many lines were handed out.
    number: u64,
    /// How many bytes of the present record were handed out, and how many may be.
    taken: u64,
    limit: u64,
}

/// A line without its end, which is `\n` or `\r\n`.
pub(super) struct Line<'a> {
    pub(super) text: &'a [u8],
    /// Whether there was an end; only the last line may have none.
    pub(super) ended: bool,
}

/// Why there are no more lines.
pub(super) enum Stop {
    TooLong,
    Failed(io::Error),
}

impl Lines {
    /// Lines of records of at most `limit` bytes, line ends included.
    pub(super) fn new(source: Source, limit: u64) -> Self {
        Self {
            source,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            over: false,
            number: 0,
            taken: 0,
            limit,
        }
    }

    /// The number of the line last handed out, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// From here on the bytes are those of another record.
    pub(super) fn start_record(&mut self) {
        self.taken = 0;
    }

    /// The first byte of the next line, or of its end; `None` at the end of the source.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Stop> {
        if self.start == self.end && !self.over {
            self.fill()?;
        }
        Ok(self.buffer[..self.end].get(self.start).copied())
    }

    /// The next line.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, Stop> {
        let mut searched = 0;
        let (length, ended) = loop {
            let pending = &self.buffer[self.start..self.end];
            if let Some(found) = memchr(b'\n', &pending[searched..]) {
                break (searched + found, true);
            }
            searched = pending.len();
            if self.over {
                break (searched, false);
            }
            if self.taken + searched as u64 > self.limit {
                return Err(Stop::TooLong);
            }
            self.fill()?;
        };
        if length == 0 && !ended {
            return Ok(None);
        }
        let text = self.start..self.start + length;
        let with_end = length + usize::from(ended);
        self.start += with_end;
        self.number += 1;
        self.taken += with_end as u64;
        if self.taken > self.limit {
            return Err(Stop::TooLong);
        }
        let text = &self.buffer[text];
        Ok(Some(Line {
            text: text.strip_suffix(b"\r").unwrap_or(text),
            ended,
        }))
    }

    /// The bytes that were read and not yet handed out: lines, and the start of another.
    pub(super) fn pending(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes whole lines of what is pending as handed out.
    pub(super) fn skip(&mut self, lines: u64, bytes: usize) -> Result<(), Stop> {
        self.number += lines;
        self.start += bytes;
        self.taken += bytes as u64;
        match self.taken > self.limit {
            true => Err(Stop::TooLong),
            false => Ok(()),
        }
    }

    /// Fills the buffer behind what is pending, so that damage within its reach is found before what was made of it is believed.
    #[cold]
    fn fill(&mut self) -> Result<(), Stop> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            // What is pending is within the limit, and so one byte more than that suffices to go on.
            let most =
                usize::try_from(self.limit).map_or(usize::MAX, |limit| limit.saturating_add(1));
            let larger = self.buffer.len().saturating_mul(2).min(most);
            self.buffer.resize(larger.max(self.end + 1), 0);
        }
        while self.end < self.buffer.len() && !self.over {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.over = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(Stop::Failed(error)),
            }
        }
        Ok(())
    }
}
