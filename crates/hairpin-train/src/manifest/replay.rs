//! A run that is made again.

use std::path::{Path, PathBuf};

use super::launch::Launch;
use super::{Manifest, split};
use crate::checkpoint;
use crate::error::TrainError;
use crate::run_dir::RunDir;

/// What `run.toml` may have, as a bundle's may.
const CAP: u64 = 16 << 20;

/// All that a run's files say about how to make it again.
///
/// ```
/// use hairpin_train::RunDir;
/// use hairpin_train::manifest::{DataFile, Launch, Manifest, Replay};
///
/// # let folder = tempfile::tempdir()?;
/// # let (path, data) = (folder.path().join("run"), folder.path().join("train.csv"));
/// # std::fs::write(&data, "id,sequence,target\n")?;
/// let run = RunDir::create(path)?;
/// let manifest = Manifest { data: vec![DataFile::read(&data)?], ..Manifest::new("tune", "0.1.0") };
/// run.write(RunDir::RUN, manifest.append_to("[fit]\nepochs = 60\n")?.as_bytes())?;
/// Launch { data: vec![data.clone()], ..Launch::default() }.record(&run)?;
///
/// let replay = Replay::of(&run, "tune")?;
/// assert_eq!(replay.config_toml, "[fit]\nepochs = 60\n");
/// assert_eq!(replay.data, [data.clone()]);
///
/// // Another content under the same name is not what the run was made with.
/// std::fs::write(&data, "id,sequence,value\n")?;
/// assert!(Replay::of(&run, "tune").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The resolved configuration, without the manifest.
    pub config_toml: String,
    /// Seed, device, versions.
    pub manifest: Manifest,
    /// Where the data lie, in the manifest's order; their sizes and hashes are the recorded ones.
    pub data: Vec<PathBuf>,
    /// The command line of the launch that had them, the program first.
    pub command: Vec<String>,
}

impl Replay {
    /// Reads `run.toml` and `launches.json` of a run of this program, and the data wherever the latest launch that had the same left
    /// them.
    ///
    /// # Errors
    ///
    /// [`NoManifest`](TrainError::NoManifest) for a run without a manifest or a launch,
    /// [`OtherProgram`](TrainError::OtherProgram), what [`split`] and [`Manifest::verify_data`] refuse (of the latest launch), and what
    /// [`RunDir::read`] refuses.
    pub fn of(run: &RunDir, program: &str) -> Result<Self, TrainError> {
        let path = run.file(RunDir::RUN);
        let (config_toml, manifest) = split(&text(run, RunDir::RUN)?, &path)?;
        let Some(manifest) = manifest else {
            return Err(TrainError::NoManifest { path });
        };
        if manifest.program != program {
            return Err(TrainError::OtherProgram {
                path,
                found: manifest.program,
                expected: program.to_owned(),
            });
        }
        let mut refused = None;
        // The folder may have been trained into again, with other data, and that run stopped.
        for launch in Launch::all(run)?.into_iter().rev() {
            match manifest.verify_data(&launch.data) {
                Ok(()) => {
                    return Ok(Self {
                        config_toml,
                        manifest,
                        data: launch.data,
                        command: launch.command,
                    });
                }
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
        }
        Err(refused.unwrap_or(TrainError::NoManifest {
            path: run.file(Launch::FILE),
        }))
    }

    /// Where the replay of a run goes: to the folder that was asked for or, without one, to `RUN-replay` beside it.
    ///
    /// # Errors
    ///
    /// [`ReplayOntoItself`](TrainError::ReplayOntoItself).
    pub fn folder(run: &Path, asked: Option<&Path>) -> Result<PathBuf, TrainError> {
        let folder = match asked {
            Some(folder) => folder.to_owned(),
            None => {
                let mut name = run.file_name().unwrap_or("run".as_ref()).to_owned();
                name.push("-replay");
                run.with_file_name(name)
            }
        };
        let place = |path: &Path| path.canonicalize().ok();
        match folder.exists() && place(&folder) == place(run) {
            true => Err(TrainError::ReplayOntoItself { path: folder }),
            false => Ok(folder),
        }
    }
}

impl Manifest {
    /// The manifest that the training in this folder is made with: this one or, of a run that goes on, the one it began with, whatever
    /// has been committed or built since. Call it before [`fit`](crate::fit).
    ///
    /// It is kept beside the checkpoints until [`RunDir::clear_checkpoint`]; an earlier run's `run.toml` stays as it is.
    ///
    /// # Errors
    ///
    /// [`CheckpointInTheWay`](TrainError::CheckpointInTheWay) and [`NoCheckpoint`](TrainError::NoCheckpoint) as `fit` would, what
    /// [`split`] refuses, and what [`RunDir::read`] and [`RunDir::write`] refuse.
    pub fn begin(self, run: &RunDir, resume: bool) -> Result<Self, TrainError> {
        let name = checkpoint::manifest();
        match (resume, checkpoint::found(run)?.first()) {
            (true, None) => Err(TrainError::NoCheckpoint {
                path: run.file(RunDir::CHECKPOINT),
            }),
            (false, Some(path)) => Err(TrainError::CheckpointInTheWay { path: path.clone() }),
            (false, None) => {
                run.write(&name, self.append_to("")?.as_bytes())?;
                Ok(self)
            }
            (true, Some(_)) => match text(run, &name) {
                Ok(text) => Ok(split(&text, &run.file(&name))?.1.unwrap_or(self)),
                // The run was begun by a program that keeps none.
                Err(TrainError::Missing { .. }) => Ok(self),
                Err(error) => Err(error),
            },
        }
    }
}

fn text(run: &RunDir, name: &str) -> Result<String, TrainError> {
    String::from_utf8(run.read(name, CAP)?).map_err(|error| TrainError::BundleContent {
        path: run.file(name),
        reason: error.utf8_error().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::DataFile;
    use super::*;

    fn folder() -> (tempfile::TempDir, RunDir) {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path().join("run")).unwrap();
        (folder, run)
    }

    #[test]
    fn the_latest_launch_whose_data_are_the_recorded_ones_is_taken() {
        let (folder, run) = folder();
        let path = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let (own, other) = (path("a", "own"), path("b", "other"));
        let manifest = Manifest {
            data: vec![DataFile::read(&own).unwrap()],
            ..Manifest::new("p", "1")
        };
        let text = manifest.append_to("x = 1\n").unwrap();
        run.write(RunDir::RUN, text.as_bytes()).unwrap();
        let error = Replay::of(&run, "p").unwrap_err().to_string();
        assert!(error.contains("launches.json"), "{error}");
        for data in [&own, &other] {
            let launch = Launch {
                data: vec![data.clone()],
                ..Launch::default()
            };
            launch.record(&run).unwrap();
        }
        let found = Replay::of(&run, "p").unwrap();
        assert_eq!((found.manifest, found.data), (manifest, vec![own.clone()]));
        // Moved away: the refusal is about where the data were looked for last.
        std::fs::remove_file(own).unwrap();
        let error = Replay::of(&run, "p").unwrap_err();
        assert!(
            matches!(&error, TrainError::DataDiffers { path, .. } if *path == other),
            "{error}"
        );
        run.write(RunDir::RUN, b"x = 1\n").unwrap();
        let error = Replay::of(&run, "p").unwrap_err();
        assert!(matches!(error, TrainError::NoManifest { .. }), "{error}");
        assert!(error.to_string().contains("run.toml"), "{error}");
    }

    #[test]
    fn a_run_that_goes_on_keeps_the_manifest_it_began_with() {
        let (_folder, run) = folder();
        let of = |device: &str| Manifest {
            device: device.into(),
            ..Manifest::new("p", "1")
        };
        let error = of("a").begin(&run, true).unwrap_err();
        assert!(matches!(error, TrainError::NoCheckpoint { .. }), "{error}");
        assert_eq!(of("a").begin(&run, false).unwrap(), of("a"));
        // Killed before its first checkpoint, a run is begun again.
        assert_eq!(of("b").begin(&run, false).unwrap(), of("b"));
        run.write("checkpoint/step-000001/state.json", b"{}")
            .unwrap();
        let error = of("c").begin(&run, false).unwrap_err();
        assert!(
            matches!(error, TrainError::CheckpointInTheWay { .. }),
            "{error}"
        );
        assert_eq!(of("c").begin(&run, true).unwrap(), of("b"));
        run.clear_checkpoint().unwrap();
        assert!(!run.file(RunDir::CHECKPOINT).exists());
    }
}
