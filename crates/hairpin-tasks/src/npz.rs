//! NumPy's `.npz`: a zip whose entry `NAME.npy` is the array `NAME`, read within bounds.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use ndarray_npy::NpzWriter;
use zip::ZipArchive;

use crate::npy::{self, Element};
use crate::{Place, TaskError, file};

/// Text of four bytes a character shrinks to a fourteenth, padded text further; a zip bomb to a thousandth.
const MAX_RATIO: u64 = 200;

/// Below this an array may shrink as it likes.
const SMALL: u64 = 1 << 24;

/// An open npz.
#[derive(Debug)]
pub(crate) struct Npz {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
}

impl Npz {
    /// Opens a file and reads the zip's directory; `remedy` is what to do if the file does not exist.
    pub(crate) fn open(path: &Path, remedy: impl FnOnce() -> String) -> Result<Self, TaskError> {
        let (mut file, _) = file::open(path, remedy)?;
        let mut start = Vec::new();
        let looked = file
            .by_ref()
            .take(6)
            .read_to_end(&mut start)
            .and_then(|_| file.seek(SeekFrom::Start(0)));
        looked.map_err(|source| TaskError::Read {
            path: path.to_owned(),
            source,
        })?;
        if !start.starts_with(b"PK") {
            return Err(TaskError::Format {
                path: path.to_owned(),
                expected: "an npz file",
                found: match start.as_slice() {
                    b"\x93NUMPY" => "it is a single array (npy)",
                    _ => "it does not start as a zip does",
                },
                remedy: "write the arrays together with numpy.savez",
            });
        }
        match ZipArchive::new(BufReader::new(file)) {
            Ok(zip) => Ok(Self {
                path: path.to_owned(),
                zip,
            }),
            Err(source) => Err(TaskError::Damaged {
                place: Place::new(path),
                reason: "the zip's directory at the end of the file is missing or broken"
                    .to_owned(),
                source: Some(Box::new(source)),
            }),
        }
    }

    /// Where an array is, for errors.
    pub(crate) fn place(&self, array: &str) -> Place {
        Place::new(&self.path).array(array)
    }

    /// Reads a one-dimensional array.
    pub(crate) fn column<T: Element>(&mut self, array: &'static str) -> Result<Vec<T>, TaskError> {
        npy::read_column(&self.content(array)?, &self.place(array))
    }

    /// Reads a two-dimensional array.
    pub(crate) fn matrix<T: Element>(
        &mut self,
        array: &'static str,
    ) -> Result<Array2<T>, TaskError> {
        npy::read_matrix(&self.content(array)?, &self.place(array))
    }

    /// The bytes of an array's `.npy`.
    fn content(&mut self, array: &'static str) -> Result<Vec<u8>, TaskError> {
        let place = self.place(array);
        let Some(index) = self.zip.index_for_name(&format!("{array}.npy")) else {
            let names = self.zip.file_names();
            let mut found: Vec<String> = names
                .map(|name| name.strip_suffix(".npy").unwrap_or(name).to_owned())
                .collect();
            found.sort_unstable();
            return Err(TaskError::MissingArray {
                path: self.path.clone(),
                array,
                found,
            });
        };
        let damaged = |reason: &str, source| TaskError::Damaged {
            place: place.clone(),
            reason: reason.to_owned(),
            source: Some(source),
        };
        let entry = self
            .zip
            .by_index(index)
            .map_err(|error| damaged("its zip entry cannot be opened", error.into()))?;
        let size = entry.size();
        npy::check_bytes(&place, size)?;
        if size > SMALL && size / MAX_RATIO > entry.compressed_size() {
            return Err(TaskError::TooLarge {
                place,
                found: format!("{size} bytes packed into {}", entry.compressed_size()),
                limit: format!("{MAX_RATIO} to 1 for arrays above {SMALL} bytes"),
            });
        }
        let mut content = Vec::new();
        // One byte more than announced, so that an entry longer than it says is noticed; the reader also checks the CRC.
        entry
            .take(size + 1)
            .read_to_end(&mut content)
            .map_err(|error| damaged("its zip entry cannot be unpacked", error.into()))?;
        if content.len() as u64 != size {
            return Err(TaskError::Damaged {
                place,
                reason: format!(
                    "the zip announces {size} bytes and unpacks to {} or more",
                    content.len()
                ),
                source: None,
            });
        }
        Ok(content)
    }
}

/// Writes an npz of what `add` adds, whole or not at all.
pub(crate) fn write(
    path: &Path,
    add: impl FnOnce(&mut NpzWriter<Cursor<Vec<u8>>>) -> Result<(), ndarray_npy::WriteNpzError>,
) -> Result<(), TaskError> {
    let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
    let content = add(&mut npz).and_then(|()| npz.finish());
    let content = content.map_err(|error| TaskError::Write {
        path: path.to_owned(),
        source: std::io::Error::other(error),
    })?;
    file::write(path, content.get_ref())
}
