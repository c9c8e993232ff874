//! What is to be trained, on what and where: from the command line, or from the files of the run that is replayed.

use crate::settings::Settings;
use crate::{FIXTURE, MODEL, TrainArgs};
use anyhow::{Context, Result, bail};
use hairpin::train::manifest::{Launch, Manifest, Replay, git_commit};
use hairpin::train::{Bundle, Devices, RunDir};
use std::path::{Path, PathBuf};

/// All that decides a training.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) device: Devices,
    /// The data file; of the repository's own when none is named.
    pub(crate) data: PathBuf,
    /// The folder of the new run.
    pub(crate) folder: PathBuf,
    replay: Option<(PathBuf, Replay)>,
}

impl Plan {
    pub(crate) fn of(args: &TrainArgs) -> Result<Self> {
        let Some(replayed) = &args.replay else {
            return Ok(Self {
                settings: Settings::load(args.config.as_deref(), args.seed)?,
                device: args.device.clone(),
                data: args.data.clone().unwrap_or_else(|| FIXTURE.into()),
                folder: args.run.clone().unwrap_or_else(|| DEFAULT_RUN.into()),
                replay: None,
            });
        };
        let run = RunDir::open(replayed)?;
        let replay = Replay::of(&run, PROGRAM)?;
        let path = run.file(RunDir::RUN);
        let [data] = replay.data.as_slice() else {
            let found = replay.data.len();
            bail!("{}: names {found} data files, expected 1", path.display());
        };
        Ok(Self {
            settings: Settings::from_toml(&replay.config_toml, &path)?,
            device: replay.manifest.device.parse()?,
            data: data.clone(),
            folder: Replay::folder(replayed, args.run.as_deref())?,
            replay: Some((replayed.clone(), replay)),
        })
    }

    /// Where the data lie, from whatever folder one looks.
    pub(crate) fn absolute_data(&self) -> Result<PathBuf> {
        let found = self.data.canonicalize();
        found.with_context(|| format!("{}: cannot be found", self.data.display()))
    }

    /// What the result depends on beside the configuration. Says on stderr in what a replay is unlike its run.
    pub(crate) fn manifest(&self) -> Result<Manifest> {
        let manifest = Manifest {
            git_commit: git_commit(Path::new(".")),
            seed: self.settings.fit.seed,
            ..Manifest::new(PROGRAM, env!("CARGO_PKG_VERSION"))
        }
        .on(&self.device)
        .with_data(&[self.absolute_data()?])?;
        let Some((_, replay)) = &self.replay else {
            return Ok(manifest);
        };
        for change in replay.manifest.changes(&manifest) {
            eprintln!("note: {change}; the replay may end with other bytes");
        }
        // The same file under another name is the same.
        Ok(Manifest {
            data: replay.manifest.data.clone(),
            ..manifest
        })
    }

    /// This start of the program.
    pub(crate) fn launch(&self) -> Result<Launch> {
        Ok(Launch::now(
            std::env::args().collect(),
            &[self.absolute_data()?],
        ))
    }

    /// Of a replay, says on stderr whether the bundle is that of the run.
    pub(crate) fn compare(&self, bundle: &Bundle) -> Result<()> {
        let Some((replayed, _)) = &self.replay else {
            return Ok(());
        };
        let before = Bundle::load(&RunDir::open(replayed)?, MODEL)?;
        let differ: Vec<&str> = [
            (RunDir::RUN, before.config_toml == bundle.config_toml),
            (RunDir::TARGETS, before.targets == bundle.targets),
            (RunDir::MODEL, before.weights == bundle.weights),
        ]
        .into_iter()
        .filter_map(|(name, same)| (!same).then_some(name))
        .collect();
        let replayed = replayed.display();
        match differ.as_slice() {
            [] => eprintln!("replay: the bundle has the same bytes as that of {replayed}"),
            names => eprintln!("replay: unlike that of {replayed}: {}", names.join(", ")),
        }
        Ok(())
    }
}

const PROGRAM: &str = env!("CARGO_PKG_NAME");
/// Where a run goes that nobody named.
const DEFAULT_RUN: &str = "runs/dna-rnn-classifier";
