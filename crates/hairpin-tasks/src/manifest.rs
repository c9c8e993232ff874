//! The files a task expects: names, sizes, hashes, and where to get them.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{TaskError, file};

/// One known file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedFile {
    /// Its usual name; a user may rename it.
    pub name: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its content, 64 lower-case hexadecimal digits.
    pub sha256: &'static str,
    /// Where to get it.
    pub origin: &'static str,
}

/// The known files of one task.
///
/// ```
/// use hairpin_tasks::manifest::Identity;
/// use hairpin_tasks::rnn_dna;
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tasks/rnn-dna/rnn-dna-simulated.npz");
/// match rnn_dna::MANIFEST.verify(path.as_ref())? {
///     Identity::Known(file) => assert_eq!(file.name, "rnn-dna-simulated.npz"),
///     unknown => eprintln!("warning: {unknown}"), // your own data: allowed, but say so beside the score
/// }
/// # Ok::<(), hairpin_tasks::TaskError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The task's name.
    pub task: &'static str,
    /// Every file that has been seen and checked.
    pub files: &'static [ExpectedFile],
}

/// Whether a file is one of the known ones.
#[must_use = "an unknown file is worth a warning beside the score"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Bit for bit this file.
    Known(&'static ExpectedFile),
    /// Another file: not an error, since users may bring their own data in the format. It displays as a warning.
    Unknown {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// The SHA-256 of its content.
        sha256: String,
        /// The manifest that does not know it.
        manifest: Manifest,
    },
}

impl Identity {
    /// The SHA-256 of the file's content, lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        match self {
            Self::Known(file) => file.sha256,
            Self::Unknown { sha256, .. } => sha256,
        }
    }
}

impl Manifest {
    /// Reads the whole file once and compares its hash with the known ones.
    ///
    /// # Errors
    ///
    /// Only if the file cannot be read; if it does not exist, the error says where to get one.
    pub fn verify(&self, path: &Path) -> Result<Identity, TaskError> {
        let (mut file, _) = file::open(path, || self.where_to_get())?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        let mut bytes = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    hash.update(&buffer[..n]);
                    bytes += n as u64;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(TaskError::Read {
                        path: path.to_owned(),
                        source,
                    });
                }
            }
        }
        let sha256: String = hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let known = |file: &&ExpectedFile| file.bytes == bytes && file.sha256 == sha256;
        Ok(match self.files.iter().find(known) {
            Some(file) => Identity::Known(file),
            None => Identity::Unknown {
                path: path.to_owned(),
                bytes,
                sha256,
                manifest: *self,
            },
        })
    }

    /// One sentence for the error about a missing file: every known file and its origin.
    pub fn where_to_get(&self) -> String {
        let files: Vec<String> = self
            .files
            .iter()
            .map(|file| format!("{} ({} bytes): {}", file.name, file.bytes, file.origin))
            .collect();
        format!("files of the task {} are {}", self.task, files.join("; "))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identity::Known(file) => {
                write!(f, "{} ({} bytes, {})", file.name, file.bytes, file.origin)
            }
            Identity::Unknown {
                path,
                bytes,
                sha256,
                manifest,
            } => {
                let known: Vec<&str> = manifest.files.iter().map(|file| file.name).collect();
                write!(
                    f,
                    "{} ({bytes} bytes, sha256 {sha256}) is none of the known files of the task {} ({}); \
                     it is read as data of your own, and its score compares with no published one",
                    path.display(),
                    manifest.task,
                    known.join(", ")
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SHA-256 of "abc": FIPS 180-2, appendix B.1.
    const ABC: Manifest = Manifest {
        task: "abc",
        files: &[ExpectedFile {
            name: "abc.txt",
            bytes: 3,
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            origin: "type it",
        }],
    };

    #[test]
    fn a_known_file_is_known_by_its_content_and_another_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("renamed.txt");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(ABC.verify(&path).unwrap(), Identity::Known(&ABC.files[0]));

        std::fs::write(&path, "abd").unwrap();
        let other = ABC.verify(&path).unwrap();
        assert!(matches!(other, Identity::Unknown { bytes: 3, .. }));
        let text = other.to_string();
        for part in [
            "renamed.txt (3 bytes, sha256 a52d159f",
            "abc.txt",
            "task abc",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_missing_file_says_where_to_get_it() {
        let error = ABC.verify(Path::new("nowhere/abc.txt")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "nowhere/abc.txt: no such file; files of the task abc are abc.txt (3 bytes): type it"
        );
    }
}
