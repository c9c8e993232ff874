//! The bytes of a file, unpacked as they are asked for.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use crate::{Place, SeqError};

/// A source of plain text.
pub(super) type Source = Box<dyn Read + Send>;

/// Opens a file and unpacks it by its first bytes.
pub(super) fn open(path: &Path) -> Result<Source, SeqError> {
    let place = || Place {
        path: Some(path.to_owned()),
        ..Place::default()
    };
    let file = File::open(path).map_err(|error| read_error(place(), &error))?;
    unpack(Box::new(file), place())
}

/// Unpacks a source by its first bytes; what is not known to be compressed is passed on as it is.
pub(super) fn unpack(mut packed: Source, place: Place) -> Result<Source, SeqError> {
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

pub(super) fn read_error(place: Place, error: &io::Error) -> SeqError {
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
