//! Writing record files: whole or not at all, and only what can be read back.

use std::io::{self, BufWriter};
use std::path::Path;

use atomic_write_file::AtomicWriteFile;

use crate::SeqError;

pub(crate) fn error(path: Option<&Path>, error: &io::Error) -> SeqError {
    SeqError::Write {
        path: path.map(Path::to_owned),
        kind: error.kind(),
        message: error.to_string(),
    }
}

/// Writes a file under a temporary name and gives it its own when all of it is on the disk.
pub(crate) fn atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<AtomicWriteFile>) -> Result<(), SeqError>,
) -> Result<(), SeqError> {
    let failed = |found: io::Error| error(Some(path), &found);
    let mut file = BufWriter::new(AtomicWriteFile::open(path).map_err(failed)?);
    write(&mut file).map_err(|found| match found {
        SeqError::Write { kind, message, .. } => SeqError::Write {
            path: Some(path.to_owned()),
            kind,
            message,
        },
        other => other,
    })?;
    let file = file
        .into_inner()
        .map_err(|found| error(Some(path), found.error()))?;
    file.commit().map_err(failed)
}

/// Refuses a record whose header or sequence would not be read back as it is.
pub(crate) fn check_header(
    record: u64,
    id: &str,
    description: &str,
    len: usize,
) -> Result<(), SeqError> {
    let problem = if id.is_empty() {
        "its id is empty"
    } else if id.contains([' ', '\t', '\n', '\r']) {
        "its id has a space, a tab or a line end in it; move that part to the description"
    } else if description.contains(['\n', '\r']) {
        "its description has a line end in it"
    } else if len == 0 {
        "its sequence is empty"
    } else {
        return Ok(());
    };
    Err(SeqError::Unwritable {
        record,
        id: id.to_owned(),
        problem,
    })
}

/// Appends a header line.
pub(crate) fn header(text: &mut Vec<u8>, start: u8, id: &str, description: &str) {
    text.push(start);
    text.extend_from_slice(id.as_bytes());
    if !description.is_empty() {
        text.push(b' ');
        text.extend_from_slice(description.as_bytes());
    }
    text.push(b'\n');
}
