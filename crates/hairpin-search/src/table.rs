//! The table of trials: a CSV file that survives a kill at any moment.
//!
//! | column | what it holds |
//! |---|---|
//! | `study` | goal, seed and a digest of the space, `minimise:7:9f86d081884c7d65`: rows of different studies never mix |
//! | `trial` | the number of the trial |
//! | `state` | `complete`, `pruned` or `failed` |
//! | `value` | the objective; empty if the trial failed |
//! | `param.NAME` | one column for every parameter; empty where its condition does not hold |
//! | `reports` | what the trial reported, `step=value` with a space between |
//! | `message` | why it failed, in one line |
//!
//! Nothing in it depends on the clock or on the machine. With one worker the same seed gives the same bytes, however often the
//! search was killed and begun again; with several, the rows stand in the order in which trials ended, and [`merge`] sorts them.
//!
//! # How it survives
//!
//! A trial is one line, written with one call at the end of the file and synced before the search goes on. A kill leaves whole
//! lines and at most the beginning of one more, which has no line break: it is cut off when the table is opened again, and its
//! trial runs again with the same parameters. A write that the disk refuses is taken back in the same way. Appending, and not
//! rewriting the file under a temporary name, keeps the cost of a trial the same however many there are. An advisory lock
//! keeps a second process out while the file system has locks.

mod lines;
mod merge;
mod row;

pub use merge::merge;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::study::StudyId;
use crate::{Direction, FinishedTrial, Place, SearchError, Space};
use lines::{Lines, header_line};

/// A million rows have their place in this; what is larger is another file.
const MOST_BYTES: u64 = 1 << 28;

/// All of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Trials {
    /// Which values are good; that of the first row, or to minimise if there is none.
    pub direction: Direction,
    /// The seed of the first row; `None` if there is none.
    pub seed: Option<u64>,
    /// The trials, in the order of the file.
    pub trials: Vec<FinishedTrial>,
}

/// Reads a table without changing it. A torn last line is passed over, so that a table may be read while it grows.
///
/// # Errors
///
/// [`Read`](SearchError::Read) and [`TooLarge`](SearchError::TooLarge) for the file; [`Columns`](SearchError::Columns),
/// [`Row`](SearchError::Row), [`OtherStudy`](SearchError::OtherStudy) and [`Twice`](SearchError::Twice) for what is in it.
pub fn read(path: &Path, space: &Space) -> Result<Trials, SearchError> {
    let bytes = crate::file::read(path, MOST_BYTES)?;
    let lines = Lines::parse(&bytes, path, Some(&row::columns(space)))?;
    let study = match lines.rows.first() {
        Some(first) => Some(
            first
                .study
                .parse::<StudyId>()
                .map_err(|reason| SearchError::Row {
                    at: lines.place(first),
                    reason,
                })?,
        ),
        None => None,
    };
    if let (Some(study), Some(first)) = (&study, lines.rows.first()) {
        let expected = StudyId::new(space, study.direction, study.seed);
        expect_study(&expected.to_string(), &first.study, lines.place(first))?;
    }
    Ok(Trials {
        direction: study
            .as_ref()
            .map_or(Direction::Minimise, |id| id.direction),
        seed: study.map(|id| id.seed),
        trials: lines.trials(space)?,
    })
}

fn expect_study(expected: &str, found: &str, at: Place) -> Result<(), SearchError> {
    if expected == found {
        return Ok(());
    }
    Err(SearchError::OtherStudy {
        at,
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}

/// A table that is open for more rows.
#[derive(Debug)]
pub(crate) struct Table {
    file: Locked,
    path: PathBuf,
    study: String,
    /// Bytes that are whole lines.
    len: u64,
}

impl Table {
    /// Opens the table of a study, or begins it, and cuts off a torn last line.
    pub(crate) fn open(
        path: &Path,
        space: &Space,
        study: &StudyId,
    ) -> Result<(Self, Vec<FinishedTrial>), SearchError> {
        let write = |what| {
            move |source| SearchError::Write {
                path: path.to_owned(),
                what,
                source,
            }
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(write("open the table"))?;
        let mut locked = Locked::new(file, path)?;
        let file = &mut locked.0;
        let mut bytes = Vec::new();
        (&*file)
            .take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| SearchError::Read {
                path: path.to_owned(),
                source,
            })?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(SearchError::TooLarge {
                path: path.to_owned(),
                cap: MOST_BYTES,
            });
        }
        let columns = row::columns(space);
        let lines = Lines::parse(&bytes, path, Some(&columns))?;
        let study = study.to_string();
        for row in &lines.rows {
            expect_study(&study, &row.study, lines.place(row))?;
        }
        let trials = lines.trials(space)?;
        let mut len = lines.whole_bytes as u64;
        if len < bytes.len() as u64 {
            file.set_len(len)
                .map_err(write("cut off the torn last line of the table"))?;
        }
        if len == 0 {
            let header = header_line(&columns);
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.write_all(&header))
                .and_then(|()| file.sync_all())
                .and_then(|()| sync_folder(path))
                .map_err(write("begin the table"))?;
            len = header.len() as u64;
        }
        let table = Self {
            file: locked,
            path: path.to_owned(),
            study,
            len,
        };
        Ok((table, trials))
    }

    /// Adds the row of a trial; after an error the table is as it was.
    pub(crate) fn append(
        &mut self,
        space: &Space,
        trial: &FinishedTrial,
    ) -> Result<(), SearchError> {
        let line = row::line(space, &self.study, trial);
        let file = &mut self.file.0;
        let written = file
            .seek(SeekFrom::Start(self.len))
            .and_then(|_| file.write_all(&line))
            .and_then(|()| file.sync_data());
        if let Err(source) = written {
            // What was written of the line is torn; if this fails too, the next one to open the table cuts it off.
            let _ = file.set_len(self.len);
            return Err(SearchError::Write {
                path: self.path.clone(),
                what: "add a row to the table",
                source,
            });
        }
        self.len += line.len() as u64;
        Ok(())
    }
}

/// A file that other processes are kept out of, where the file system has locks.
#[derive(Debug)]
struct Locked(File);

impl Locked {
    fn new(file: File, path: &Path) -> Result<Self, SearchError> {
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(SearchError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                Ok(Self(file))
            }
            Err(TryLockError::Error(source)) => Err(SearchError::Write {
                path: path.to_owned(),
                what: "lock the table",
                source,
            }),
        }
    }
}

impl Drop for Locked {
    /// Closing alone would keep the lock while a process that is just being started has not closed its copy of the file.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// The name of a new file is on the disk when its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}
