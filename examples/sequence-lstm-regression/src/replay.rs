//! A run that is made again: the command, the configuration and the files that it had, into another folder.

use crate::cli::{Cli, Command, ReplayArgs, RunArgs};
use crate::job::OUT_OF_FOLD;
use crate::learn::MODEL;
use anyhow::{Context, Result, bail};
use clap::Parser;
use hairpin::tasks::sequence_csv::SUBMISSION;
use hairpin::train::manifest::{Launch, Replay};
use hairpin::train::{Ensemble, RunDir};
use std::path::PathBuf;

/// What to do again, and the run that it is compared with.
pub(crate) struct Again {
    pub(crate) command: Command,
    before: RunDir,
    folder: PathBuf,
}

impl Again {
    pub(crate) fn of(args: &ReplayArgs) -> Result<Self> {
        let before = RunDir::open(&args.replayed)?;
        let replay = Replay::of(&before, env!("CARGO_PKG_NAME"))?;
        let folder = Replay::folder(&args.replayed, args.run.as_deref())?;
        let launches = || before.file(Launch::FILE).display().to_string();
        let cli = Cli::try_parse_from(&replay.command).with_context(launches)?;
        let mut files = replay.data.into_iter();
        let mut common = |common: &mut RunArgs| {
            // Without `--data` or `--space` the run took what comes with the program, and so does the replay.
            let data = files.next();
            common.data = common.data.take().and(data);
            common.space = common.space.take().and_then(|_| files.next());
            common.config = Some(before.file(RunDir::RUN));
            common.seed = None;
            common.resume = false;
            common.replayed = Some(replay.manifest.clone());
        };
        let mut command = cli.command;
        match &mut command {
            Command::Train(args) => {
                common(&mut args.common);
                args.test = args.test.take().and_then(|_| files.next());
                args.run = folder.clone();
            }
            Command::CrossValidate(args) => {
                common(&mut args.common);
                args.run = folder.clone();
            }
            _ => bail!("{}: neither `train` nor `cross-validate`", launches()),
        }
        Ok(Self {
            command,
            before,
            folder,
        })
    }

    /// Says on stderr whether both runs ended with the same bytes.
    pub(crate) fn compare(&self) -> Result<()> {
        let now = RunDir::open(&self.folder)?;
        let mut differ = Vec::new();
        for name in [SUBMISSION, OUT_OF_FOLD] {
            let bytes = |run: &RunDir| std::fs::read(run.file(name)).ok();
            if bytes(&self.before) != bytes(&now) {
                differ.push(name);
            }
        }
        let file = Ensemble::FILE;
        if self.before.file(file).exists()
            && Ensemble::load(&self.before, MODEL)? != Ensemble::load(&now, MODEL)?
        {
            differ.push(file);
        }
        let before = self.before.path().display();
        match differ.as_slice() {
            [] => eprintln!("replay: the same bytes as {before}"),
            names => eprintln!("replay: unlike {before}: {}", names.join(", ")),
        }
        Ok(())
    }
}
