//! Checkpoints: the state of a run after some step, from which it goes on as if it had never stopped.
//!
//! `checkpoint/step-000042/` holds one file for each part (`model.bpk`, `optimizer.bpk`, `best-1.bpk`, ..., `average.bpk`) and
//! `state.json`, which has the parts' hashes. It is written under another name, synced and renamed, so a folder with that name is complete.
//! The two newest stay: should the last one be damaged, the one before it leads to the same end.

use crate::RunDir;
use crate::TrainError;
use crate::digest::sha256_hex;
use crate::fit::LossScale;
use crate::schedule::Schedule;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const PREFIX: &str = "step-";
const PARTIAL: &str = ".partial";
const STATE: &str = "state.json";
/// No part of a checkpoint is larger: what lies there would be another file.
const CAP: u64 = 4 << 30;
/// Another layout is refused.
const FORMAT: u32 = 3;
/// How many stay.
const KEPT: usize = 2;

/// A run after some step.
pub(crate) struct Checkpoint {
    pub(crate) state: State,
    /// Names and bytes of the tensors' files.
    pub(crate) parts: Vec<(String, Vec<u8>)>,
}

/// What is not a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub(crate) format: u32,
    pub(crate) hairpin: String,
    /// Steps taken.
    pub(crate) step: usize,
    pub(crate) position: Position,
    pub(crate) schedule: Schedule,
    /// How many weights went into the average.
    pub(crate) averaged: u64,
    /// The epochs whose weights are kept, best first.
    pub(crate) best: Vec<usize>,
    /// `History` as CSV, which keeps what JSON cannot: NaN.
    pub(crate) history_csv: String,
    /// What the run was started with, by name.
    pub(crate) origin: Vec<(String, String)>,
    pub(crate) hashes: Vec<(String, String)>,
}

/// Where in its epochs a run is, and what the epoch at hand has summed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// The epoch at hand, counted from 1.
    pub(crate) epoch: usize,
    /// Its batches that are done.
    pub(crate) batch: usize,
    /// Sum of losses over its rows.
    pub(crate) loss: f64,
    /// Weight of its rows.
    pub(crate) rows: f64,
    /// Sum of gradient norms over its steps.
    pub(crate) norm: f64,
    pub(crate) steps: usize,
    /// Rate of its first step.
    pub(crate) rate: f64,
    pub(crate) seconds: f64,
    /// Of the whole run.
    pub(crate) waited: f64,
    pub(crate) loss_scale: LossScale,
}

impl State {
    pub(crate) const FORMAT: u32 = FORMAT;
}

/// The epochs of a run in progress, beside its checkpoints: the folder's own `metrics.csv` is of the last run that ended.
pub(crate) fn metrics() -> String {
    format!("{}/{}", RunDir::CHECKPOINT, RunDir::METRICS)
}

/// The manifest that a run in progress began with: the folder's own `run.toml` is of the last run that ended.
pub(crate) fn manifest() -> String {
    format!("{}/manifest.toml", RunDir::CHECKPOINT)
}

/// Folders of the complete checkpoints, newest first.
pub(crate) fn found(run: &RunDir) -> Result<Vec<PathBuf>, TrainError> {
    let folder = run.file(RunDir::CHECKPOINT);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|source| read_error(&folder, source))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| read_error(&folder, source))?;
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.parse::<usize>().ok());
        found.extend(number.map(|number| (number, entry.path())));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// Writes a checkpoint and removes those before the last.
pub(crate) fn save(run: &RunDir, mut checkpoint: Checkpoint) -> Result<(), TrainError> {
    let folder = run.file(RunDir::CHECKPOINT);
    let name = format!("{PREFIX}{:06}", checkpoint.state.step);
    let partial = folder.join(format!("{name}{PARTIAL}"));
    let done = folder.join(&name);
    let attempt = |checkpoint: &mut Checkpoint| -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        remove_if_there(&partial)?;
        fs::create_dir(&partial)?;
        let parts = checkpoint.parts.iter();
        checkpoint.state.hashes = parts
            .map(|(name, bytes)| (name.clone(), sha256_hex(bytes)))
            .collect();
        for (name, bytes) in &checkpoint.parts {
            write_synced(&partial.join(name), bytes)?;
        }
        let state = serde_json::to_vec_pretty(&checkpoint.state)?;
        write_synced(&partial.join(STATE), &state)?;
        sync_folder(&partial)?;
        remove_if_there(&done)?;
        fs::rename(&partial, &done)?;
        sync_folder(&folder)
    };
    attempt(&mut checkpoint).map_err(|source| {
        // Half a checkpoint is of no use, and its room may be what is missing.
        let _ = remove_if_there(&partial);
        TrainError::Unwritable {
            path: done.clone(),
            what: "write the checkpoint",
            source,
        }
    })?;
    // What remains of older checkpoints costs room and nothing else.
    let kept: Vec<PathBuf> = found(run)?.into_iter().take(KEPT).collect();
    let own: Vec<PathBuf> = own(&folder).collect();
    for older in own.into_iter().filter(|path| !kept.contains(path)) {
        let _ = discard(&older);
    }
    Ok(())
}

/// Removes a checkpoint. It loses its name first: what is left of one when the program is killed here is not taken for a whole one.
fn discard(checkpoint: &Path) -> io::Result<()> {
    let name = checkpoint.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(PARTIAL) {
        return fs::remove_dir_all(checkpoint);
    }
    let partial = checkpoint.with_file_name(format!("{name}{PARTIAL}"));
    remove_if_there(&partial)?;
    fs::rename(checkpoint, &partial)?;
    fs::remove_dir_all(partial)
}

/// The checkpoints, complete or not, in the folder; what else lies there is somebody's and stays.
fn own(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_prefix(PREFIX));
        let number = number.map(|number| number.strip_suffix(PARTIAL).unwrap_or(number));
        number.is_some_and(|number| number.parse::<usize>().is_ok())
    })
}

/// Read before the rest: another format may have other keys.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: u32,
    #[serde(default)]
    hairpin: String,
}

/// Reads a checkpoint and checks it against its hashes.
pub(crate) fn load(folder: &Path) -> Result<Checkpoint, TrainError> {
    let broken = |path: PathBuf, reason: String| TrainError::CheckpointBroken { path, reason };
    let read = |name: &str| {
        let path = folder.join(name);
        let attempt = || {
            let file = File::open(&path)?;
            let mut bytes = Vec::new();
            file.take(CAP).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        attempt().map_err(|source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => broken(path.clone(), "is missing".to_owned()),
            _ => read_error(&path, source),
        })
    };
    let text = read(STATE)?;
    let unlike = |error: serde_json::Error| broken(folder.join(STATE), error.to_string());
    let head: Head = serde_json::from_slice(&text).map_err(unlike)?;
    if head.format != FORMAT {
        return Err(TrainError::CheckpointFormat {
            path: folder.to_owned(),
            expected: FORMAT,
            found: head.format,
            hairpin: head.hairpin,
        });
    }
    let state: State = serde_json::from_slice(&text).map_err(unlike)?;
    let mut parts = Vec::with_capacity(state.hashes.len());
    for (name, hash) in &state.hashes {
        // A name from a file must not lead out of the folder.
        let plain = |symbol: char| symbol.is_ascii_alphanumeric() || "-_.".contains(symbol);
        if !name.chars().all(plain) || name.starts_with('.') {
            return Err(broken(
                folder.join(STATE),
                format!("names the part `{name}`"),
            ));
        }
        let bytes = read(name)?;
        if *hash != sha256_hex(&bytes) {
            let reason = format!("is not the file that {STATE} was written with");
            return Err(broken(folder.join(name), reason));
        }
        parts.push((name.clone(), bytes));
    }
    Ok(Checkpoint { state, parts })
}

impl RunDir {
    /// Whether there is a whole checkpoint to resume from: not, if a run was killed before or while it wrote its first.
    ///
    /// # Errors
    ///
    /// [`TrainError::Read`] when the folder of the checkpoints cannot be read.
    pub fn has_checkpoint(&self) -> Result<bool, TrainError> {
        Ok(!found(self)?.is_empty())
    }

    /// Removes the checkpoints: the run is complete and all that follows from it is written.
    ///
    /// # Errors
    ///
    /// [`TrainError::Unwritable`] when they cannot be removed.
    pub fn clear_checkpoint(&self) -> Result<(), TrainError> {
        let folder = self.file(RunDir::CHECKPOINT);
        let attempt = || {
            for path in own(&folder).collect::<Vec<_>>() {
                discard(&path)?;
            }
            for name in [metrics(), manifest()] {
                match fs::remove_file(self.file(&name)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            // Not empty: it holds what is not ours.
            let _ = fs::remove_dir(&folder);
            Ok(())
        };
        attempt().map_err(|source| TrainError::Unwritable {
            path: folder.clone(),
            what: "remove the checkpoints of the finished run",
            source,
        })
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The names in a folder are on disk when the folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn read_error(path: &Path, source: io::Error) -> TrainError {
    TrainError::Read {
        path: path.to_owned(),
        what: "read the checkpoint",
        source,
    }
}
