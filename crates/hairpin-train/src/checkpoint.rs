//! Checkpoints: the state of a run after a complete epoch, from which it goes on as if it had never stopped.
//!
//! `checkpoint/epoch-0007/` holds `model.bpk`, `best.bpk`, `optimizer.bpk` and `state.json`, which has the hashes of the other three.
//! It is written under another name, synced and renamed, so a folder with that name is complete; older ones are removed after.

use crate::digest::sha256_hex;
use crate::history::History;
use crate::schedule::Schedule;
use crate::{RunDir, TrainError};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const PREFIX: &str = "epoch-";
const PARTIAL: &str = ".partial";
const STATE: &str = "state.json";
/// No part of a checkpoint is larger: what lies there would be another file.
const CAP: u64 = 4 << 30;
const PARTS: [&str; 3] = ["model.bpk", "best.bpk", "optimizer.bpk"];

/// A run after a complete epoch.
#[derive(Clone)]
pub(crate) struct Checkpoint {
    pub(crate) state: State,
    /// Weights, best weights, optimiser: the bytes of [`PARTS`].
    pub(crate) parts: [Vec<u8>; 3],
}

/// What is not a tensor.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub(crate) epoch: usize,
    pub(crate) schedule: Schedule,
    /// `History` as CSV, which keeps what JSON cannot: NaN.
    pub(crate) history_csv: String,
    /// What the run was started with, by name.
    pub(crate) origin: Vec<(String, String)>,
    #[serde(default)]
    hashes: Vec<String>,
}

impl State {
    pub(crate) fn new(
        epoch: usize,
        schedule: Schedule,
        history: &History,
        origin: &[(String, String)],
    ) -> Self {
        Self {
            epoch,
            schedule,
            history_csv: history.to_csv(),
            origin: origin.to_vec(),
            hashes: Vec::new(),
        }
    }
}

/// The epochs of a run in progress, beside its checkpoints: the folder's own `metrics.csv` is of the last run that ended.
pub(crate) fn metrics() -> String {
    format!("{}/{}", RunDir::CHECKPOINT, RunDir::METRICS)
}

/// Number and folder of the last complete checkpoint.
pub(crate) fn latest(run: &RunDir) -> Result<Option<(usize, PathBuf)>, TrainError> {
    let folder = run.file(RunDir::CHECKPOINT);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|source| read_error(&folder, source))?,
    };
    let mut found = None;
    for entry in entries {
        let entry = entry.map_err(|source| read_error(&folder, source))?;
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.parse::<usize>().ok());
        found = found.max(number.map(|number| (number, entry.path())));
    }
    Ok(found)
}

/// Writes a checkpoint and removes those before it.
pub(crate) fn save(run: &RunDir, mut checkpoint: Checkpoint) -> Result<(), TrainError> {
    let folder = run.file(RunDir::CHECKPOINT);
    let name = format!("{PREFIX}{:04}", checkpoint.state.epoch);
    let partial = folder.join(format!("{name}{PARTIAL}"));
    let done = folder.join(&name);
    let attempt = |checkpoint: &mut Checkpoint| -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        remove_if_there(&partial)?;
        fs::create_dir(&partial)?;
        checkpoint.state.hashes = checkpoint
            .parts
            .iter()
            .map(|part| sha256_hex(part))
            .collect();
        for (name, part) in PARTS.iter().zip(&checkpoint.parts) {
            write_synced(&partial.join(name), part)?;
        }
        let state = serde_json::to_vec_pretty(&checkpoint.state)?;
        write_synced(&partial.join(STATE), &state)?;
        sync_folder(&partial)?;
        remove_if_there(&done)?;
        fs::rename(&partial, &done)?;
        sync_folder(&folder)
    };
    attempt(&mut checkpoint).map_err(|source| TrainError::Unwritable {
        path: done.clone(),
        what: "write the checkpoint",
        source,
    })?;
    // What remains of older checkpoints costs room and nothing else.
    for older in own(&folder).filter(|path| *path != done) {
        let _ = fs::remove_dir_all(older);
    }
    Ok(())
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
    let state: State = serde_json::from_slice(&read(STATE)?)
        .map_err(|error| broken(folder.join(STATE), error.to_string()))?;
    let mut parts: [Vec<u8>; 3] = Default::default();
    for (index, (name, part)) in PARTS.iter().zip(&mut parts).enumerate() {
        *part = read(name)?;
        if state.hashes.get(index) != Some(&sha256_hex(part)) {
            let reason = format!("is not the file that {STATE} was written with");
            return Err(broken(folder.join(name), reason));
        }
    }
    Ok(Checkpoint { state, parts })
}

impl RunDir {
    /// Removes the checkpoints: the run is complete and all that follows from it is written.
    ///
    /// # Errors
    ///
    /// [`TrainError::Unwritable`] when they cannot be removed.
    pub fn clear_checkpoint(&self) -> Result<(), TrainError> {
        let folder = self.file(RunDir::CHECKPOINT);
        let attempt = || {
            for path in own(&folder) {
                fs::remove_dir_all(path)?;
            }
            match fs::remove_file(self.file(&metrics())) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
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
