//! The answer: a folder with a text file per protein, a number per probe.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use hairpin_targets::TargetMatrix;
use ndarray::{Array2, ArrayView1};
use tempfile::TempDir;

use super::column_names;
use crate::lines::Lines;
use crate::{Place, TaskError};

const PREFIX: &str = "RBP";
const SUFFIX: &str = ".txt";

/// The name of the file of a protein, counted from 0: `RBP1.txt` for the first.
fn file_name(protein: usize) -> String {
    format!("{PREFIX}{}{SUFFIX}", protein + 1)
}

/// The number of the protein whose file has this name, from 0.
fn protein_of(name: &str) -> Option<usize> {
    let number = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let protein = number.parse::<usize>().ok()?.checked_sub(1)?;
    // `RBP01.txt` and `RBP+1.txt` are not ours.
    (file_name(protein) == name).then_some(protein)
}

/// Writes an answer protein by protein, so that it need never be in memory as a whole.
///
/// The files are written where nobody looks for them and synced; [`finish`](Self::finish) brings them to their place. A folder that did
/// not exist appears with all of them at once. In one that exists, each file is replaced by a whole one, after all have been written;
/// what was answered for further proteins before is taken away. Without `finish`, and after an error, everything is as it was.
///
/// ```
/// use hairpin_tasks::rnacompete::Submission;
///
/// # let folder = tempfile::tempdir()?;
/// # let out = folder.path().join("answer");
/// let mut submission = Submission::create(&out, 2, 3)?;
/// for protein in 0..2 {
///     let predicted = [0.5, -1.25, protein as f32]; // of three probes
///     submission.write(predicted.iter().copied())?;
/// }
/// assert!(!out.exists());
/// submission.finish()?;
/// assert_eq!(std::fs::read_to_string(out.join("RBP1.txt"))?, "0.50000000\n-1.25000000\n0.00000000\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is to be seen before `finish`"]
pub struct Submission {
    folder: PathBuf,
    /// Beside the folder if there is none yet, else inside it: in both cases on the disk on which the files shall stay.
    draft: TempDir,
    exists: bool,
    n_proteins: usize,
    n_probes: usize,
    written: usize,
    broken: bool,
}

impl Submission {
    /// Begins an answer for so many proteins and probes. Folders above `folder` are made if they are missing.
    ///
    /// # Errors
    ///
    /// If there are no proteins or probes, `folder` is no folder, holds anything but earlier answers (hidden files are passed over), or
    /// cannot be written to.
    pub fn create(folder: &Path, n_proteins: usize, n_probes: usize) -> Result<Self, TaskError> {
        if n_proteins == 0 || n_probes == 0 {
            return Err(TaskError::NoRows {
                place: Place::new(folder),
            });
        }
        let exists = check_folder(folder)?;
        let failed = |source| TaskError::Write {
            path: folder.to_owned(),
            source,
        };
        let draft = if exists {
            draft_in(folder).map_err(failed)?
        } else {
            let above = match folder.parent() {
                Some(above) if !above.as_os_str().is_empty() => above,
                _ => Path::new("."),
            };
            fs::create_dir_all(above).map_err(failed)?;
            draft_in(above).map_err(failed)?
        };
        Ok(Self {
            folder: folder.to_owned(),
            draft,
            exists,
            n_proteins,
            n_probes,
            written: 0,
            broken: false,
        })
    }

    /// Writes the predictions of the next protein, one per probe, with eight decimals.
    ///
    /// # Errors
    ///
    /// If there are more or fewer predictions than probes or proteins, one is NaN or infinite, or the disk is full; nothing can be
    /// written or finished after that.
    pub fn write(&mut self, predicted: impl IntoIterator<Item = f32>) -> Result<(), TaskError> {
        let path = self.draft.path().join(file_name(self.written));
        self.write_with(predicted, || {
            let file = File::create_new(&path)?;
            Ok((BufWriter::with_capacity(1 << 16, file), sync))
        })
    }

    /// As [`write`](Self::write), into whatever `open` opens, which is closed by the function that comes with it.
    fn write_with<W: Write>(
        &mut self,
        predicted: impl IntoIterator<Item = f32>,
        open: impl FnOnce() -> io::Result<(W, fn(W) -> io::Result<()>)>,
    ) -> Result<(), TaskError> {
        let was_broken = std::mem::replace(&mut self.broken, true);
        if was_broken || self.written == self.n_proteins {
            return Err(self.refused(
                format!("predictions of one protein after {}", self.written),
                match was_broken {
                    true => "none after an error".to_owned(),
                    false => format!("{} proteins", self.n_proteins),
                },
            ));
        }
        let name = file_name(self.written);
        let failed = |source| TaskError::Write {
            path: self.folder.join(&name),
            source,
        };
        let (mut out, close) = open().map_err(failed)?;
        let mut probes = 0;
        for value in predicted {
            if probes == self.n_probes || !value.is_finite() {
                let found = match value.is_finite() {
                    true => format!("more than {probes} predictions in {name}"),
                    false => format!("{value} for probe {} in {name}", probes + 1),
                };
                let expected = format!("{} finite numbers, one for each probe", self.n_probes);
                return Err(self.refused(found, expected));
            }
            // As C's "%.8f", which writes the exact value of the `f32`, rounded.
            writeln!(out, "{value:.8}").map_err(failed)?;
            probes += 1;
        }
        if probes != self.n_probes {
            let expected = format!("{}, one for each probe", self.n_probes);
            return Err(self.refused(format!("{probes} predictions in {name}"), expected));
        }
        close(out).map_err(failed)?;
        self.written += 1;
        self.broken = false;
        Ok(())
    }

    /// Brings the files to their place.
    ///
    /// # Errors
    ///
    /// If a protein has no predictions yet, an error came before, or the folder has changed meanwhile or cannot be written to.
    pub fn finish(self) -> Result<(), TaskError> {
        if self.broken || self.written != self.n_proteins {
            return Err(self.refused(
                format!("predictions of {} proteins", self.written),
                format!("{}", self.n_proteins),
            ));
        }
        let failed = |source| TaskError::Write {
            path: self.folder.clone(),
            source,
        };
        if self.exists {
            return self.replace().map_err(failed);
        }
        sync_folder(self.draft.path()).map_err(failed)?;
        // A folder that appeared meanwhile is kept unless it is empty: the system refuses to rename over another.
        fs::rename(self.draft.path(), &self.folder).map_err(failed)?;
        // It is there under its name now, so that there is nothing to clean up.
        let _ = self.draft.keep();
        Ok(())
    }

    fn replace(&self) -> io::Result<()> {
        for protein in 0..self.n_proteins {
            let name = file_name(protein);
            fs::rename(self.draft.path().join(&name), self.folder.join(&name))?;
        }
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let protein = entry.file_name().to_str().and_then(protein_of);
            if protein.is_some_and(|protein| protein >= self.n_proteins) {
                fs::remove_file(entry.path())?;
            }
        }
        sync_folder(&self.folder)
    }

    fn refused(&self, found: String, expected: String) -> TaskError {
        TaskError::Field {
            place: Place::new(&self.folder),
            found,
            expected,
            remedy: "give a finite number for every probe, protein by protein; nothing was written",
        }
    }
}

/// Whether the folder is there; refuses what is not, or not only, an earlier answer.
fn check_folder(folder: &Path) -> Result<bool, TaskError> {
    let unreadable = |source| TaskError::Read {
        path: folder.to_owned(),
        source,
    };
    let metadata = match fs::metadata(folder) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        // A part of the path is a file.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(TaskError::NotAFolder {
                path: folder.to_owned(),
                found: "below a file",
            });
        }
        Err(source) => return Err(unreadable(source)),
    };
    if !metadata.is_dir() {
        return Err(TaskError::NotAFolder {
            path: folder.to_owned(),
            found: match metadata.is_file() {
                true => "a file",
                false => "a pipe or device",
            },
        });
    }
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = protein_of(&name).is_some() && entry.file_type().is_ok_and(|t| t.is_file());
        if !ours && !name.starts_with('.') {
            return Err(TaskError::Foreign {
                path: folder.to_owned(),
                found: name.into_owned(),
            });
        }
    }
    Ok(true)
}

/// A hidden folder, taken away again when it is dropped.
fn draft_in(folder: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".hairpin-");
    // A folder for everybody to read, as the user's umask has it, not for this user alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    builder.tempdir_in(folder)
}

fn sync(out: BufWriter<File>) -> io::Result<()> {
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()
}

/// The names in a folder are data of the folder on Unix; elsewhere a folder cannot be opened as a file.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

/// Writes an answer that is in memory: rows are probes, columns proteins, in the order of their files.
///
/// # Errors
///
/// As those of [`Submission`]; also if a prediction is missing.
pub fn write_submission(folder: &Path, predicted: &TargetMatrix) -> Result<(), TaskError> {
    let (n_probes, n_proteins) = predicted.values().dim();
    let mut submission = Submission::create(folder, n_proteins, n_probes)?;
    let gap = predicted
        .measured()
        .indexed_iter()
        .find(|&(_, &given)| !given);
    if let Some(((probe, protein), _)) = gap {
        return Err(submission.refused(
            format!(
                "no prediction of protein {} for probe {}",
                protein + 1,
                probe + 1
            ),
            "a number".to_owned(),
        ));
    }
    for column in predicted.values().columns() {
        submission.write(column.iter().copied())?;
    }
    submission.finish()
}

/// Reads an answer: `[probes, proteins]`, columns named `RBP1`, `RBP2`, ...
///
/// # Errors
///
/// If the folder cannot be read or holds anything else, a number of the proteins' row is left out, files differ in their number of
/// lines, or a line is no finite number; with file and line.
pub fn read_submission(folder: &Path) -> Result<TargetMatrix, TaskError> {
    const REMEDY: &str = "give the folder of an answer, with the files RBP1.txt, RBP2.txt, ...";
    if !check_folder(folder)? {
        return Err(TaskError::Missing {
            path: folder.to_owned(),
            remedy: REMEDY.to_owned(),
        });
    }
    let entries = fs::read_dir(folder).map_err(|source| TaskError::Read {
        path: folder.to_owned(),
        source,
    })?;
    let ours =
        |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str().and_then(protein_of);
    let n_proteins = entries.filter_map(ours).count();
    if n_proteins == 0 {
        return Err(TaskError::NoRows {
            place: Place::new(folder),
        });
    }
    let mut columns: Vec<Vec<f32>> = Vec::new();
    for protein in 0..n_proteins {
        let path = folder.join(file_name(protein));
        let column = read_column(&path, REMEDY)?;
        if let Some(first) = columns.first()
            && first.len() != column.len()
        {
            return Err(TaskError::RowCounts {
                first: Place::new(path),
                first_rows: column.len(),
                second: Place::new(folder.join(file_name(0))),
                second_rows: first.len(),
            });
        }
        columns.push(column);
    }
    let mut values = Array2::zeros((columns[0].len(), n_proteins));
    for (mut to, from) in values.columns_mut().into_iter().zip(&columns) {
        to.assign(&ArrayView1::from(from));
    }
    TargetMatrix::new(values, column_names(n_proteins)).map_err(|source| TaskError::Targets {
        place: Place::new(folder),
        source: Box::new(source),
    })
}

fn read_column(path: &Path, remedy: &str) -> Result<Vec<f32>, TaskError> {
    let mut lines = Lines::open(path, "text", remedy)?;
    let mut column = Vec::new();
    while let Some(line) = lines.next()? {
        let value = line.trim().parse::<f32>().ok().filter(|v| v.is_finite());
        let found = crate::error::shorten(line);
        let expected = column.len() as u64 + 1;
        match value {
            Some(value) if lines.number() == expected => column.push(value),
            Some(_) => {
                return Err(not_a_number(
                    lines.file().clone().line(expected),
                    "a blank line".to_owned(),
                ));
            }
            None => return Err(not_a_number(lines.place(), format!("`{found}`"))),
        }
    }
    match column.is_empty() {
        true => Err(TaskError::NoRows {
            place: Place::new(path),
        }),
        false => Ok(column),
    }
}

fn not_a_number(place: Place, found: String) -> TaskError {
    TaskError::Field {
        place,
        found,
        expected: "a finite number, one per probe".to_owned(),
        remedy: "write it with rnacompete::write_submission",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.min(bytes.len()) {
                0 => Err(io::ErrorKind::StorageFull.into()),
                room => {
                    self.0 -= room;
                    Ok(room)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_disk_that_is_full_in_the_middle_leaves_what_was_there() {
        let above = tempfile::tempdir().unwrap();
        for exists in [false, true] {
            let out = above.path().join("out");
            if exists {
                let old = Array2::from_elem((1, 3), 7.0);
                write_submission(&out, &TargetMatrix::new(old, column_names(3)).unwrap()).unwrap();
            }
            let mut submission = Submission::create(&out, 2, 4).unwrap();
            submission.write([1.0; 4]).unwrap();
            let error = submission
                .write_with([1.0; 4], || Ok((Disk(25), |_| Ok(()))))
                .unwrap_err();
            assert!(matches!(
                &error,
                TaskError::Write { path, source }
                    if path.ends_with("out/RBP2.txt") && source.kind() == io::ErrorKind::StorageFull
            ));
            // It stays refused, even if room is made.
            assert!(submission.write([1.0; 4]).is_err());
            assert!(submission.finish().is_err());
            if exists {
                assert_eq!(names(above.path()), ["out"]);
                assert_eq!(names(&out), ["RBP1.txt", "RBP2.txt", "RBP3.txt"]);
                assert_eq!(
                    fs::read_to_string(out.join("RBP1.txt")).unwrap(),
                    "7.00000000\n"
                );
            } else {
                assert!(names(above.path()).is_empty());
            }
        }
    }

    #[test]
    fn only_names_that_are_written_are_ours() {
        for protein in [0, 9, 1233] {
            assert_eq!(protein_of(&file_name(protein)), Some(protein));
        }
        for name in [
            "RBP0.txt",
            "RBP01.txt",
            "RBP+1.txt",
            "RBP1.csv",
            "RBP.txt",
            "rbp1.txt",
            "RBP1.txt~",
        ] {
            assert_eq!(protein_of(name), None, "{name}");
        }
    }
}
