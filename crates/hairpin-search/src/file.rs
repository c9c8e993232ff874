//! Reading and replacing whole files.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use atomic_write_file::AtomicWriteFile;

use crate::SearchError;

/// The bytes of a file, of which there may be at most `cap`.
pub(crate) fn read(path: &Path, cap: u64) -> Result<Vec<u8>, SearchError> {
    let mut bytes = Vec::new();
    File::open(path)
        // One more than allowed tells a file that is too large from one that is just full.
        .and_then(|file| file.take(cap.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|source| SearchError::Read {
            path: path.to_owned(),
            source,
        })?;
    if bytes.len() as u64 > cap {
        return Err(SearchError::TooLarge {
            path: path.to_owned(),
            cap,
        });
    }
    Ok(bytes)
}

/// Replaces a file by these bytes, whole or not at all: temporary name, sync, rename.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), SearchError> {
    AtomicWriteFile::open(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            file.commit()
        })
        .map_err(|source| SearchError::Write {
            path: path.to_owned(),
            what: "replace the file",
            source,
        })
}
