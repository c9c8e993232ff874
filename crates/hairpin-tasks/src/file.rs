//! Opening a file that a user named, and writing one so that a failure leaves the old one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;

use crate::TaskError;

/// The file of this name in a folder or, if there is none and `NAME.gz` is there, that one; the readers of text take either.
pub fn plain_or_gzip(folder: &Path, name: &str) -> PathBuf {
    let plain = folder.join(name);
    let packed = folder.join(format!("{name}.gz"));
    match !plain.exists() && packed.exists() {
        true => packed,
        false => plain,
    }
}

/// Opens a file for reading and tells its size; `remedy` is what to do if it does not exist.
///
/// What is not a regular file is refused before it is opened: opening a pipe would wait for a writer.
pub(crate) fn open(path: &Path, remedy: impl FnOnce() -> String) -> Result<(File, u64), TaskError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(source) => return Err(refused(path, source, remedy)),
    };
    if !metadata.is_file() {
        return Err(TaskError::NotAFile {
            path: path.to_owned(),
            found: if metadata.is_dir() {
                "a directory"
            } else {
                "a pipe or device"
            },
        });
    }
    if metadata.len() == 0 {
        return Err(TaskError::EmptyFile {
            path: path.to_owned(),
        });
    }
    match File::open(path) {
        Ok(file) => Ok((file, metadata.len())),
        Err(source) => Err(refused(path, source, remedy)),
    }
}

fn refused(path: &Path, source: io::Error, remedy: impl FnOnce() -> String) -> TaskError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => TaskError::Missing {
            path,
            remedy: remedy(),
        },
        _ => TaskError::Read { path, source },
    }
}

/// Writes a whole file under a temporary name, syncs it and renames it; on an error the old file stays as it was.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), TaskError> {
    let attempt = || -> io::Result<()> {
        let mut file = AtomicWriteFile::open(path)?;
        file.write_all(content)?;
        file.commit()
    };
    attempt().map_err(|source| TaskError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    // A file without permissions is no obstacle to root, under whom tests often run, so the refusal itself is made here.
    #[test]
    fn a_refusal_by_the_system_keeps_its_reason() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = refused(Path::new("data.npz"), denied, || unreachable!());
        assert_eq!(
            error.to_string(),
            "data.npz: cannot be read; check that you may read the file and every folder above it"
        );
        assert!(error.source().unwrap().to_string().contains("permission"));
    }
}
