//! The folder of one run: which files it holds and how they are written and read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;

use crate::error::TrainError;

/// The folder of one run.
///
/// | file           | constant                           | what it holds                                           |
/// |----------------|------------------------------------|---------------------------------------------------------|
/// | `run.toml`     | [`RUN`](Self::RUN)                 | the resolved configuration and, as its last table, the [`Manifest`] |
/// | `launches.json` | [`Launch::FILE`]                  | when and how the run was started                        |
/// | `targets.json` | [`TARGETS`](Self::TARGETS)         | what was learned about the targets from the training rows |
/// | `split.json`   | [`SPLIT`](Self::SPLIT)             | how the rows were divided, as the program says it        |
/// | `model.bpk`    | [`MODEL`](Self::MODEL)             | the best weights                                        |
/// | `checkpoint/`  | [`CHECKPOINT`](Self::CHECKPOINT)   | while a run is not complete: all that going on from the last whole epoch needs, and its own `metrics.csv` |
/// | `metrics.csv`  | [`METRICS`](Self::METRICS)         | what every epoch of the last whole training measured ([`History`]) |
/// | `train.log`    | [`LOG`](Self::LOG)                 | one line per event                                      |
/// | `report.html`  | [`REPORT`](Self::REPORT)           | the run on one page ([`Report`])                        |
/// | `bundle.json`  | [`BUNDLE`](Self::BUNDLE)           | sizes and hashes of the [`Bundle`]; written last        |
///
/// [`Manifest`]: crate::manifest::Manifest
/// [`Launch::FILE`]: crate::manifest::Launch::FILE
/// [`History`]: crate::history::History
/// [`Report`]: crate::report::Report
/// [`Bundle`]: crate::Bundle
///
/// Files are written to a temporary name, synced and renamed, so that a reader sees the old file or the new one and never
/// half of either; only the log grows in place.
///
/// ```
/// use hairpin_train::RunDir;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("runs/first");
/// let run = RunDir::create(&path)?;
/// run.write(RunDir::RUN, b"seed = 0\n")?;
/// assert_eq!(run.read(RunDir::RUN, 1024)?, b"seed = 0\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// The resolved configuration.
    pub const RUN: &'static str = "run.toml";
    /// What was learned about the targets.
    pub const TARGETS: &'static str = "targets.json";
    /// The rows of each part.
    pub const SPLIT: &'static str = "split.json";
    /// The best weights.
    pub const MODEL: &'static str = "model.bpk";
    /// The folder of the checkpoint.
    pub const CHECKPOINT: &'static str = "checkpoint";
    /// What every epoch measured.
    pub const METRICS: &'static str = "metrics.csv";
    /// One line per event.
    pub const LOG: &'static str = "train.log";
    /// The run on one page.
    pub const REPORT: &'static str = "report.html";
    /// Sizes and hashes of the bundle's files.
    pub const BUNDLE: &'static str = "bundle.json";

    /// The folder at `path`, made with the folders above it if it does not exist.
    ///
    /// A file is written and removed in it, so that a run does not train for an hour before it finds that it may not save.
    ///
    /// # Errors
    ///
    /// [`NotAFolder`](TrainError::NotAFolder) if a file stands in the way, there or further up, and
    /// [`Unwritable`](TrainError::Unwritable) if the folder cannot be made or written in.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, TrainError> {
        let path = path.into();
        // Above the folder, a missing one is no obstacle; the first that exists decides.
        let existing = path
            .ancestors()
            .find(|above| above.symlink_metadata().is_ok());
        if let Some(obstacle) = existing.filter(|above| !above.is_dir()) {
            return Err(TrainError::NotAFolder {
                path: obstacle.into(),
            });
        }
        fs::create_dir_all(&path).map_err(unwritable(&path, "make the folder"))?;
        // The name is a stem only: the file has a random one, and this one never appears.
        AtomicWriteFile::open(path.join("probe"))
            .and_then(|mut probe| {
                probe.write_all(b"probe")?;
                probe.discard()
            })
            .map_err(unwritable(&path, "write in the folder"))?;
        Ok(Self { path })
    }

    /// The folder of an earlier run.
    ///
    /// # Errors
    ///
    /// [`NoRun`](TrainError::NoRun) if there is nothing at `path`, [`NotAFolder`](TrainError::NotAFolder) if there is
    /// something else.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, TrainError> {
        let path = path.into();
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => Ok(Self { path }),
            Ok(_) => Err(TrainError::NotAFolder { path }),
            Err(error) if missing(&error) => Err(TrainError::NoRun { path }),
            Err(error) => Err(unreadable(&path, "look into the folder")(error)),
        }
    }

    /// The folder of a file that is no run's, made if missing, and the file's name there: what a program was asked to write is then
    /// [written](Self::write) whole or not at all, too.
    ///
    /// ```
    /// use hairpin_train::RunDir;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("answers/molecules.csv");
    /// let (place, name) = RunDir::of_file(&path)?;
    /// place.write(&name, b"id,rate\n")?;
    /// assert_eq!(std::fs::read(&path)?, b"id,rate\n");
    /// assert!(RunDir::of_file("..".as_ref()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unwritable`](TrainError::Unwritable) for a path without a name in Unicode, and as [`create`](Self::create).
    pub fn of_file(path: &Path) -> Result<(Self, String), TrainError> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| {
            let what = "the path does not end in the name of a file, in Unicode";
            let source = io::Error::new(io::ErrorKind::InvalidInput, what);
            unwritable(path, "begin the file")(source)
        })?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Ok((Self::create(folder)?, name.to_owned()))
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file of this name is, whether it exists or not.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Replaces the file of this name by these bytes, whole or not at all; folders in the name are made.
    ///
    /// # Errors
    ///
    /// [`Unwritable`](TrainError::Unwritable); the file of before is then still there.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
        self.write_all(&[(name, bytes)])
    }

    /// Replaces several files, in this order: every one is written and synced under a temporary name before the first is
    /// renamed, so that a full disk leaves all of them as they were.
    ///
    /// # Errors
    ///
    /// [`Unwritable`](TrainError::Unwritable).
    pub(crate) fn write_all(&self, files: &[(&str, &[u8])]) -> Result<(), TrainError> {
        let mut staged = Vec::with_capacity(files.len());
        for (name, bytes) in files {
            let path = self.file(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(unwritable(folder, "make the folder"))?;
            }
            let mut file =
                AtomicWriteFile::open(&path).map_err(unwritable(&path, "begin the file"))?;
            file.write_all(bytes)
                .and_then(|()| file.sync_all())
                .map_err(unwritable(&path, "write the file"))?;
            staged.push((path, file));
        }
        for (path, file) in staged {
            file.commit()
                .map_err(unwritable(&path, "put the file in its place"))?;
        }
        Ok(())
    }

    /// The bytes of the file of this name, of which there may be at most `cap`.
    ///
    /// # Errors
    ///
    /// [`Missing`](TrainError::Missing), [`NotAFile`](TrainError::NotAFile), [`TooLarge`](TrainError::TooLarge) and
    /// [`Read`](TrainError::Read).
    pub fn read(&self, name: &str, cap: u64) -> Result<Vec<u8>, TrainError> {
        let path = self.file(name);
        // Before opening, because opening a pipe waits for someone to write into it.
        let found = match fs::metadata(&path) {
            Ok(found) => found,
            Err(error) if missing(&error) => return Err(TrainError::Missing { path }),
            Err(error) => return Err(unreadable(&path, "look at the file")(error)),
        };
        if !found.is_file() {
            return Err(TrainError::NotAFile { path });
        }
        if found.len() > cap {
            let found = found.len();
            return Err(TrainError::TooLarge { path, cap, found });
        }
        let mut bytes = Vec::new();
        File::open(&path)
            // One more than allowed shows a file that grew since it was looked at.
            .and_then(|file| file.take(cap.saturating_add(1)).read_to_end(&mut bytes))
            .map_err(unreadable(&path, "read the file"))?;
        let found = bytes.len() as u64;
        if found > cap {
            return Err(TrainError::TooLarge { path, cap, found });
        }
        Ok(bytes)
    }

    /// Adds one line to the log; line breaks inside it become spaces.
    ///
    /// # Errors
    ///
    /// [`Unwritable`](TrainError::Unwritable).
    pub fn append_log(&self, line: &str) -> Result<(), TrainError> {
        let path = self.file(Self::LOG);
        let line = line.trim_end().replace(['\n', '\r'], " ") + "\n";
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            // In one call, so that lines of two programs do not run into each other.
            .and_then(|mut log| log.write_all(line.as_bytes()))
            .map_err(unwritable(&path, "add a line to the file"))
    }

    /// The names in the folder, sorted.
    pub(crate) fn names(&self) -> Result<Vec<String>, TrainError> {
        let mut names = fs::read_dir(&self.path)
            .and_then(|entries| {
                entries
                    .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                    .collect::<io::Result<Vec<_>>>()
            })
            .map_err(unreadable(&self.path, "list the folder"))?;
        names.sort();
        Ok(names)
    }
}

/// A path below a regular file does not exist either.
fn missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn unwritable(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> TrainError {
    let path = path.into();
    move |source| TrainError::Unwritable { path, what, source }
}

fn unreadable(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> TrainError {
    let path = path.into();
    move |source| TrainError::Read { path, what, source }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn folder() -> (tempfile::TempDir, RunDir) {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path().join("runs/a")).unwrap();
        (folder, run)
    }

    #[test]
    fn create_makes_the_folder_and_leaves_it_empty() {
        let (_folder, run) = folder();
        assert_eq!(run.names().unwrap(), [""; 0]);
        assert_eq!(RunDir::open(run.path()).unwrap(), run);
        run.write(RunDir::RUN, b"kept").unwrap();
        RunDir::create(run.path()).unwrap();
        assert_eq!(run.names().unwrap(), [RunDir::RUN]);
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let (_folder, run) = folder();
        run.write("file", b"").unwrap();
        let file = run.file("file");
        for path in [file.clone(), file.join("run"), file.join("run/of/mine")] {
            let error = RunDir::create(path).unwrap_err();
            assert!(matches!(&error, TrainError::NotAFolder { path } if *path == file));
            assert!(error.to_string().contains("name another folder"), "{error}");
        }
        let error = RunDir::open(&file).unwrap_err();
        assert!(matches!(error, TrainError::NotAFolder { .. }));
        for absent in [run.file("absent"), file.join("below")] {
            let error = RunDir::open(absent).unwrap_err();
            assert!(matches!(error, TrainError::NoRun { .. }), "{error}");
            assert!(error.to_string().contains("train first"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_written_in_is_refused_before_the_run() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let (_folder, run) = folder();
        symlink(run.file("nowhere"), run.file("link")).unwrap();
        let error = RunDir::create(run.file("link")).unwrap_err();
        assert!(matches!(error, TrainError::NotAFolder { .. }), "{error}");

        let locked = RunDir::create(run.file("locked")).unwrap();
        fs::set_permissions(locked.path(), fs::Permissions::from_mode(0o555)).unwrap();
        // Root may write anywhere; there the permission proves nothing.
        if fs::write(locked.file("any"), b"").is_err() {
            for path in [locked.path().to_owned(), locked.file("below")] {
                let error = RunDir::create(path).unwrap_err();
                assert!(matches!(error, TrainError::Unwritable { .. }), "{error}");
                assert!(error.source().is_some());
            }
        }
        fs::set_permissions(locked.path(), fs::Permissions::from_mode(0o755)).unwrap();

        // A folder in which nobody may write, root included.
        let error = RunDir::create("/proc/self/task").unwrap_err();
        assert!(matches!(error, TrainError::Unwritable { .. }), "{error}");
        assert!(error.to_string().contains("may write in"), "{error}");
    }

    #[test]
    fn read_returns_what_write_wrote_and_nothing_else_is_left() {
        let (_folder, run) = folder();
        for bytes in [&b"first, longer"[..], b"second", b""] {
            run.write(RunDir::SPLIT, bytes).unwrap();
            assert_eq!(run.read(RunDir::SPLIT, 64).unwrap(), bytes);
        }
        run.write("checkpoint/state.json", b"{}").unwrap();
        assert_eq!(run.read("checkpoint/state.json", 2).unwrap(), b"{}");
        assert_eq!(run.names().unwrap(), [RunDir::CHECKPOINT, RunDir::SPLIT]);
    }

    #[test]
    fn a_failed_write_leaves_every_file_as_it_was() {
        let (_folder, run) = folder();
        run.write("a", b"old").unwrap();
        // The second name is below a file, so it cannot be begun.
        let error = run
            .write_all(&[("a", b"new"), ("a/b", b"new")])
            .unwrap_err();
        assert!(matches!(error, TrainError::Unwritable { .. }), "{error}");
        assert!(error.source().is_some());
        assert_eq!(run.read("a", 8).unwrap(), b"old");
        assert_eq!(run.names().unwrap(), ["a"]);
    }

    #[test]
    fn read_is_bounded() {
        let (_folder, run) = folder();
        run.write("a", b"12345").unwrap();
        assert_eq!(run.read("a", 5).unwrap(), b"12345");
        assert_eq!(run.read("a", u64::MAX).unwrap(), b"12345");
        let error = run.read("a", 4).unwrap_err();
        assert!(matches!(
            error,
            TrainError::TooLarge {
                cap: 4,
                found: 5,
                ..
            }
        ));
        assert!(
            error
                .to_string()
                .contains("has 5 bytes, expected at most 4"),
            "{error}"
        );
    }

    #[test]
    fn read_names_what_is_not_there() {
        let (_folder, run) = folder();
        run.write("a", b"").unwrap();
        for name in ["b", "a/b"] {
            let error = run.read(name, 1).unwrap_err();
            assert!(matches!(&error, TrainError::Missing { path } if *path == run.file(name)));
        }
        run.write("checkpoint/a", b"").unwrap();
        let error = run.read(RunDir::CHECKPOINT, 1).unwrap_err();
        assert!(matches!(error, TrainError::NotAFile { .. }), "{error}");
    }

    #[test]
    fn the_log_grows_by_one_line_each_time() {
        let (_folder, run) = folder();
        for line in ["one", "two\nand more\n", "", "four"] {
            run.append_log(line).unwrap();
        }
        let log = String::from_utf8(run.read(RunDir::LOG, 1024).unwrap()).unwrap();
        assert_eq!(log, "one\ntwo and more\n\nfour\n");

        fs::remove_file(run.file(RunDir::LOG)).unwrap();
        run.write("train.log/in-the-way", b"").unwrap();
        let error = run.append_log("five").unwrap_err();
        assert!(matches!(error, TrainError::Unwritable { .. }), "{error}");
    }
}
