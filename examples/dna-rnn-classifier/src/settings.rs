//! The configuration of the program: what `configs/default.toml` lists.

use anyhow::{Context, Result};
use hairpin::models::SequenceLstmConfig;
use hairpin::seq::{Ambiguous, Case, Policy};
use hairpin::tasks::rnn_dna::N_CLASSES;
use hairpin::train::{FitConfig, config, manifest};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) data: DataConfig,
    pub(crate) model: SequenceLstmConfig,
    pub(crate) fit: FitConfig,
}

/// What to do with symbols other than `A C G T`.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataConfig {
    /// Read lower case as upper case.
    pub(crate) fold_case: bool,
    /// Read ambiguity codes as unknown.
    pub(crate) allow_ambiguous: bool,
    /// Shortest random window that training sees; 0 shows whole strings.
    pub(crate) min_crop: usize,
}

impl DataConfig {
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            case: Case::fold_if(self.fold_case),
            ambiguous: Ambiguous::unknown_if(self.allow_ambiguous),
            ..Policy::default()
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: DataConfig::default(),
            model: SequenceLstmConfig::new(4, N_CLASSES),
            fit: FitConfig::default(),
        }
    }
}

impl Settings {
    /// The defaults under the file, under the command line; checked before any device is touched.
    pub(crate) fn load(file: Option<&Path>, seed: Option<u64>) -> Result<Self> {
        let mut settings = match file {
            None => Self::default(),
            Some(path) => config::load::<Self>(&Self::default(), path)?.checked(path)?,
        };
        if let Some(seed) = seed {
            settings.fit.seed = seed;
        }
        Ok(settings)
    }

    /// The defaults under the text of a file, a run's `run.toml` among them.
    pub(crate) fn from_toml(text: &str, path: &Path) -> Result<Self> {
        let (text, _) = manifest::split(text, path)?;
        config::layered::<Self>(&Self::default(), &text, path)?.checked(path)
    }

    fn checked(self, path: &Path) -> Result<Self> {
        self.check()
            .with_context(|| format!("{}: correct the value", path.display()))
    }

    fn check(self) -> Result<Self> {
        self.model.validate()?;
        self.fit.validate()?;
        for (name, found, expected) in [
            ("d_input", self.model.d_input, 4),
            ("n_outputs", self.model.n_outputs, N_CLASSES),
        ] {
            anyhow::ensure!(
                found == expected,
                "model.{name} is {found}, expected {expected}: this task's strings have 4 bases and 5 classes"
            );
        }
        Ok(self)
    }

    /// The resolved configuration.
    pub(crate) fn to_toml(&self) -> Result<String> {
        Ok(config::to_toml(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_the_default_and_lists_every_key() {
        let text = include_str!("../configs/default.toml");
        let path = Path::new("configs/default.toml");
        let resolved = Settings::default().to_toml().unwrap();
        let read = config::layered(&Settings::default(), text, path).unwrap();
        assert_eq!(read.to_toml().unwrap(), resolved);
        let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
        let keys = |text: &str| text.lines().filter_map(key).collect::<Vec<_>>();
        assert_eq!(keys(text), keys(&resolved));
    }

    #[test]
    fn the_other_files_are_valid() {
        for name in ["reference.toml", "tiny.toml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("configs")
                .join(name);
            Settings::load(Some(&path), Some(3)).unwrap();
        }
    }
}
