//! The bytes of a file: unpacked as they are asked for, and no more of them than one record may take.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Place, SeqError};

/// A source of plain text.
pub(crate) type Source = Box<dyn Read + Send>;

/// Opens a file and unpacks it by its first bytes.
pub(crate) fn open(path: &Path) -> Result<Source, SeqError> {
    let place = || Place {
        path: Some(path.to_owned()),
        ..Place::default()
    };
    let file = File::open(path).map_err(|error| read_error(place(), &error))?;
    unpack(Box::new(file), place())
}

/// Unpacks a source by its first bytes; what is not known to be compressed is passed on as it is.
pub(crate) fn unpack(mut packed: Source, place: Place) -> Result<Source, SeqError> {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
    let mut head = Vec::with_capacity(ZSTD.len());
    packed
        .by_ref()
        .take(ZSTD.len() as u64)
        .read_to_end(&mut head)
        .map_err(|error| read_error(place.clone(), &error))?;
    let format = match head.as_slice() {
        head if head.starts_with(GZIP) => Some("gzip"),
        head if head.starts_with(ZSTD) => Some("zstd"),
        _ => None,
    };
    let whole: Source = Box::new(Cursor::new(head).chain(packed));
    match format {
        None => Ok(whole),
        #[cfg(feature = "gzip")]
        Some("gzip") => {
            // Several members in a row are one file: bgzip and `cat a.gz b.gz` make them.
            let buffered = io::BufReader::with_capacity(PACKED_BUFFER, whole);
            Ok(Box::new(flate2::bufread::MultiGzDecoder::new(buffered)))
        }
        #[cfg(feature = "zstd")]
        Some("zstd") => Ok(Box::new(frames::Frames::new(whole))),
        Some(format) => Err(SeqError::Compressed {
            place: Box::new(place),
            format,
        }),
    }
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
const PACKED_BUFFER: usize = 64 * 1024;

pub(crate) fn read_error(place: Place, error: &io::Error) -> SeqError {
    let message = match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::UnexpectedEof => {
            format!("the compressed data end too early ({error}): fetch the file again")
        }
        _ => error.to_string(),
    };
    SeqError::Read {
        place: Box::new(place),
        kind: error.kind(),
        message,
    }
}

#[cfg(feature = "zstd")]
mod frames {
    use std::io::{self, BufRead, BufReader, Read};

    use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
    use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

    use super::{PACKED_BUFFER, Source};

    /// All frames of a zstd file, one after the other, each with its checksum compared.
    pub(super) struct Frames {
        packed: BufReader<Source>,
        decoder: FrameDecoder,
        state: State,
    }

    #[derive(Clone, Copy)]
    enum State {
        Between,
        Inside,
        Over,
    }

    impl Frames {
        pub(super) fn new(packed: Source) -> Self {
            Self {
                packed: BufReader::with_capacity(PACKED_BUFFER, packed),
                decoder: FrameDecoder::new(),
                state: State::Between,
            }
        }

        /// Starts the next frame that holds data; `Over` at the end of the file.
        fn next_frame(&mut self) -> io::Result<State> {
            loop {
                if self.packed.fill_buf()?.is_empty() {
                    return Ok(State::Over);
                }
                match self.decoder.init(&mut self.packed) {
                    Ok(()) => return Ok(State::Inside),
                    Err(FrameDecoderError::ReadFrameHeaderError(
                        ReadFrameHeaderError::SkipFrame { length, .. },
                    )) => {
                        let length = u64::from(length);
                        let mut rest = self.packed.by_ref().take(length);
                        if io::copy(&mut rest, &mut io::sink())? < length {
                            return Err(io::ErrorKind::UnexpectedEof.into());
                        }
                    }
                    Err(error) => return Err(damaged(&error)),
                }
            }
        }

        /// Unpacks some bytes of the present frame; none at its end.
        fn read_frame(&mut self, out: &mut [u8]) -> io::Result<usize> {
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| damaged(&error))?;
            }
            let read = self.decoder.read(out)?;
            if read == 0
                && let Some(stored) = self.decoder.get_checksum_from_data()
                && self.decoder.get_calculated_checksum() != Some(stored)
            {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the checksum of a zstd frame does not match: fetch the file again",
                ));
            }
            Ok(read)
        }
    }

    fn damaged(error: &FrameDecoderError) -> io::Error {
        let message =
            format!("the zstd data are damaged or cut short ({error}): fetch the file again");
        io::Error::new(io::ErrorKind::InvalidData, message)
    }

    impl Read for Frames {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            while !out.is_empty() {
                // After an error nothing more is read.
                match std::mem::replace(&mut self.state, State::Over) {
                    State::Over => break,
                    State::Between => self.state = self.next_frame()?,
                    State::Inside => {
                        let read = self.read_frame(out)?;
                        if read > 0 {
                            self.state = State::Inside;
                            return Ok(read);
                        }
                        self.state = State::Between;
                    }
                }
            }
            Ok(0)
        }
    }
}

/// What one record may still take of the source, shared by the parser's reader and the record loop.
#[derive(Debug)]
struct Allowance {
    bytes: u64,
    lines: u64,
    /// Bytes handed out for the present record.
    taken: u64,
    exceeded: bool,
    /// The error that ended reading; the parser passes on only its text.
    failed: Option<(io::ErrorKind, String)>,
}

/// A source that stops with an error when one record takes more than it may.
pub(crate) struct Guarded {
    source: Source,
    allowance: Arc<Mutex<Allowance>>,
}

/// The other end of a [`Guarded`].
pub(crate) struct Guard {
    limit: u64,
    allowance: Arc<Mutex<Allowance>>,
}

/// Lines are not counted before this many bytes of a record: few records are so long.
const LINES_COUNT_FROM: u64 = 1 << 20;

/// Why a source stopped.
pub(crate) enum Stop {
    TooLong,
    Failed(io::Error),
}

pub(crate) fn guard(source: Source, limit: u64) -> (Guarded, Guard) {
    let allowance = Arc::new(Mutex::new(Allowance {
        bytes: 0,
        lines: 0,
        taken: 0,
        exceeded: false,
        failed: None,
    }));
    let guarded = Guarded {
        source,
        allowance: Arc::clone(&allowance),
    };
    (guarded, Guard { limit, allowance })
}

/// A poisoned lock holds numbers that are as good as any.
fn lock(allowance: &Mutex<Allowance>) -> MutexGuard<'_, Allowance> {
    allowance.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Guard {
    /// Grants what the next record may take.
    ///
    /// While it looks for the end of a record the parser fills its buffer, which it doubles up to 8 MiB and then enlarges by
    /// 8 MiB: a record within the limit never needs more than this. Of every line it remembers the place (8 bytes), so lines
    /// are limited too.
    pub(crate) fn grant(&self) {
        let mut allowance = lock(&self.allowance);
        allowance.bytes = self.limit.saturating_mul(2).saturating_add(1 << 24);
        allowance.lines = self.limit / 16 + (1 << 20);
        allowance.taken = 0;
    }

    /// Why the source stopped, if it did.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        let mut allowance = lock(&self.allowance);
        if allowance.exceeded {
            return Some(Stop::TooLong);
        }
        let (kind, message) = allowance.failed.take()?;
        Some(Stop::Failed(io::Error::new(kind, message)))
    }
}

impl Read for Guarded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut allowance = lock(&self.allowance);
        let most = usize::try_from(allowance.bytes).unwrap_or(usize::MAX);
        if most == 0 || allowance.lines == 0 {
            allowance.exceeded = true;
            return Err(io::Error::other("the record is too long"));
        }
        let wanted = out.len().min(most);
        match self.source.read(&mut out[..wanted]) {
            Ok(read) => {
                if allowance.taken > LINES_COUNT_FROM {
                    let lines = memchr::memchr_iter(b'\n', &out[..read]).count();
                    allowance.lines = allowance.lines.saturating_sub(lines as u64);
                }
                allowance.bytes -= read as u64;
                allowance.taken += read as u64;
                Ok(read)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted {
                    allowance.failed = Some((error.kind(), error.to_string()));
                }
                Err(error)
            }
        }
    }
}
