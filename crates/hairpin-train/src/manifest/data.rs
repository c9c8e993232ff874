//! A data file by name, size and hash.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::error::TrainError;

/// One file that a run learned from or predicted.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Its name without the folder, which may differ where the run is made again.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its content, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl DataFile {
    /// Reads a file once, piece by piece, so that one larger than the memory can be recorded.
    ///
    /// # Errors
    ///
    /// [`DataFile`](TrainError::DataFile) for a file that is not there, is a folder, a pipe or a device, or cannot be read.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let refused = |source| TrainError::DataFile {
            path: path.into(),
            source,
        };
        // Before opening, because opening a pipe waits for someone to write into it.
        if !fs::metadata(path).map_err(refused)?.is_file() {
            let what = "expected a file, found a folder, a pipe or a device";
            return Err(refused(io::Error::new(io::ErrorKind::InvalidInput, what)));
        }
        let mut file = File::open(path).map_err(refused)?;
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut piece = vec![0; 1 << 16];
        loop {
            match file.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => {
                    hash.update(&piece[..count]);
                    bytes += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(refused(error)),
            }
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            bytes,
            sha256: hex(&hash.finalize()),
        })
    }

    /// Whether the file at `path` has this size and hash; the name does not matter.
    ///
    /// # Errors
    ///
    /// [`DataDiffers`](TrainError::DataDiffers), and what [`read`](Self::read) refuses.
    pub fn verify(&self, path: &Path) -> Result<(), TrainError> {
        let differs = |what, expected: String, found: String| {
            Err(TrainError::DataDiffers {
                path: path.into(),
                what,
                expected,
                found,
            })
        };
        let size = |found: u64| differs("size in bytes", self.bytes.to_string(), found.to_string());
        // A file of another size need not be read.
        match fs::metadata(path) {
            Ok(found) if found.is_file() && found.len() != self.bytes => return size(found.len()),
            _ => {}
        }
        let found = Self::read(path)?;
        if found.bytes != self.bytes {
            return size(found.bytes);
        }
        if found.sha256 != self.sha256 {
            return differs("SHA-256", self.sha256.clone(), found.sha256);
        }
        Ok(())
    }
}

/// Whether `text` is a hash as we write it.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}
