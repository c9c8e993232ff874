//! The configuration of the program: what `configs/default.toml` lists.

use anyhow::{Context, Result, ensure};
use hairpin::models::{Pooling, SequenceLstmConfig};
use hairpin::search::{
    Direction, Hyperband, MedianRule, Pruner, Sampler, Space, StudyConfig, SuccessiveHalving, Tpe,
};
use hairpin::seq::{Ambiguous, Case, Policy};
use hairpin::targets::metrics::{self, Metric, Over};
use hairpin::targets::{Recipe, Step};
use hairpin::train::{
    AverageConfig, AverageKind, FitConfig, OptimizerConfig, OptimizerKind, Regression, config,
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) data: DataConfig,
    pub(crate) model: SequenceLstmConfig,
    pub(crate) objective: Regression,
    pub(crate) fit: FitConfig,
    pub(crate) search: SearchConfig,
}

/// What is read, and how it is divided.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataConfig {
    /// `auto`, `dna`, `rna` or `protein`.
    pub(crate) alphabet: String,
    /// Read lower case as upper case.
    pub(crate) fold_case: bool,
    /// Read codes for several letters as unknown.
    pub(crate) allow_ambiguous: bool,
    /// Show the network where in its string each letter stands.
    pub(crate) position: bool,
    /// Show the network of RNA the probabilities of each base's loop context.
    pub(crate) structure: bool,
    /// Edit identity from which sequences belong together.
    pub(crate) similarity: f64,
    /// Groups held out of everything.
    pub(crate) test_share: f64,
    /// Groups of the rest that choose epochs and trials.
    pub(crate) valid_share: f64,
    /// What is done to the target.
    pub(crate) recipe: Recipe,
}

/// How settings are looked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchConfig {
    /// Trials; 0 trains once.
    pub(crate) trials: usize,
    /// Time after which no trial begins; 0 for any.
    pub(crate) minutes: f64,
    /// How settings are drawn.
    pub(crate) sampler: SamplerName,
    /// Which trials are stopped early.
    pub(crate) pruner: PrunerName,
    /// Epochs before which no trial is pruned.
    pub(crate) min_epochs: u64,
    /// The best trials, whose mean answers.
    pub(crate) members: usize,
}

/// How settings are drawn.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SamplerName {
    Random,
    Tpe,
}

/// Which trials are stopped early.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PrunerName {
    None,
    Median,
    Halving,
    Hyperband,
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
            data: DataConfig {
                alphabet: "auto".to_owned(),
                fold_case: true,
                allow_ambiguous: false,
                position: true,
                structure: true,
                similarity: 0.8,
                test_share: 0.2,
                valid_share: 0.2,
                recipe: Recipe(vec![Step::ZScore]),
            },
            model: SequenceLstmConfig::new(4, 1)
                .with_conv_channels(32)
                .with_conv_pool(2)
                .with_pooling(Pooling::MeanMax)
                .with_dropout(0.2),
            objective: Regression {
                score: Metric::Spearman,
                over: Over::Pooled,
                ..Regression::default()
            },
            fit: FitConfig {
                epochs: 27,
                optimizer: OptimizerConfig {
                    kind: OptimizerKind::Adamw,
                    weight_decay: 0.01,
                    ..OptimizerConfig::default()
                },
                average: AverageConfig {
                    kind: AverageKind::Ema,
                    decay: 0.99,
                    ..AverageConfig::default()
                },
                ..FitConfig::default()
            },
            search: SearchConfig {
                trials: 30,
                minutes: 0.0,
                sampler: SamplerName::Tpe,
                pruner: PrunerName::Halving,
                min_epochs: 3,
                members: 5,
            },
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

    /// These settings under the text of a file; what a run wrote into its `run.toml` beside the configuration is passed over.
    pub(crate) fn under(&self, text: &str, path: &Path) -> Result<Self> {
        let (text, _) = hairpin::train::manifest::split(text, path)?;
        config::layered::<Self>(self, &text, path)?.checked(path)
    }

    fn checked(self, path: &Path) -> Result<Self> {
        self.check()
            .with_context(|| format!("{}: correct the value", path.display()))
    }

    fn check(self) -> Result<Self> {
        self.model.validate()?;
        self.fit.validate()?;
        let Self {
            data,
            model,
            search,
            ..
        } = &self;
        ensure!(
            model.n_outputs == 1,
            "model.n_outputs is {}, expected 1: a sequence has one number",
            model.n_outputs
        );
        for (name, found) in [
            ("data.test_share", data.test_share),
            ("data.valid_share", data.valid_share),
        ] {
            ensure!(
                found > 0.0 && found < 1.0,
                "{name} is {found}, expected above 0, below 1"
            );
        }
        ensure!(
            (0.0..=1.0).contains(&data.similarity),
            "data.similarity is {}, expected 0 to 1",
            data.similarity
        );
        ensure!(
            search.members > 0,
            "search.members is 0, expected at least 1"
        );
        ensure!(
            search.minutes >= 0.0 && search.minutes.is_finite(),
            "search.minutes is {}, expected 0 or a positive number",
            search.minutes
        );
        ensure!(
            search.min_epochs > 0,
            "search.min_epochs is 0, expected at least 1"
        );
        Ok(self)
    }

    /// The search as `hairpin-search` takes it.
    pub(crate) fn study(&self) -> StudyConfig {
        let SearchConfig {
            sampler,
            pruner,
            min_epochs,
            ..
        } = self.search;
        let max_epochs = (self.fit.epochs as u64).max(min_epochs);
        StudyConfig {
            seed: self.fit.seed,
            direction: match self.objective.score.direction() {
                metrics::Direction::HigherIsBetter => Direction::Maximise,
                metrics::Direction::LowerIsBetter => Direction::Minimise,
            },
            sampler: match sampler {
                SamplerName::Random => Sampler::Random,
                SamplerName::Tpe => Sampler::Tpe(Tpe::default()),
            },
            pruner: match pruner {
                PrunerName::None => Pruner::None,
                PrunerName::Median => Pruner::Median(MedianRule {
                    warm_up: min_epochs,
                    ..MedianRule::default()
                }),
                PrunerName::Halving => Pruner::SuccessiveHalving(SuccessiveHalving {
                    min_step: min_epochs,
                    max_step: Some(max_epochs),
                    ..SuccessiveHalving::default()
                }),
                PrunerName::Hyperband => Pruner::Hyperband(Hyperband {
                    min_step: min_epochs,
                    max_step: max_epochs,
                    ..Hyperband::default()
                }),
            },
        }
    }

    /// The resolved configuration.
    pub(crate) fn to_toml(&self) -> Result<String> {
        Ok(config::to_toml(self)?)
    }
}

/// The space of a file, or the default one; every parameter must be a key of the configuration.
pub(crate) fn space(file: Option<&Path>, settings: &Settings) -> Result<Space> {
    const DEFAULT: &str = include_str!("../configs/space.toml");
    let space = match file {
        Some(path) => Space::read(path)?,
        None => Space::from_toml(DEFAULT, Path::new("configs/space.toml"))?,
    };
    let known = serde_json::to_value(settings)?;
    for param in space.params() {
        let pointer = format!("/{}", param.name.replace('.', "/"));
        ensure!(
            known.pointer(&pointer).is_some() && !param.name.starts_with("data."),
            "the search space has `{}`, which is no key of the configuration that a trial may change: see configs/default.toml",
            param.name
        );
    }
    Ok(space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_the_default_and_lists_every_key() {
        let text = include_str!("../configs/default.toml");
        let path = Path::new("configs/default.toml");
        let resolved = Settings::default().to_toml().unwrap();
        let read = Settings::default().under(text, path).unwrap();
        assert_eq!(read.to_toml().unwrap(), resolved);
        let keys = |text: &str| {
            let key = |line: &str| line.split_once(" = ").map(|(key, _)| key.trim().to_owned());
            let mut keys: Vec<String> = text.lines().filter_map(key).collect();
            keys.sort();
            keys
        };
        // The recipe is written as tables in the one and in line in the other.
        let step = ["recipe", "step", "{ step"].map(str::to_owned);
        let plain = |text: &str| {
            let mut keys = keys(text);
            keys.retain(|key| !step.contains(key));
            keys
        };
        assert_eq!(plain(text), plain(&resolved));
    }

    #[test]
    fn the_other_files_are_valid() {
        for name in ["reference.toml", "tiny.toml", "azimuth.toml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("configs")
                .join(name);
            let settings = Settings::load(Some(&path), Some(3)).unwrap();
            for file in [None, Some(path.with_file_name("reference-space.toml"))] {
                space(file.as_deref(), &settings).unwrap();
            }
        }
    }

    #[test]
    fn a_space_of_unknown_keys_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("space.toml");
        std::fs::write(
            &path,
            "\"fit.rate\" = { type = \"float\", low = 0.1, high = 1.0 }",
        )
        .unwrap();
        let error = space(Some(&path), &Settings::default()).unwrap_err();
        assert!(error.to_string().contains("`fit.rate`"), "{error}");
    }
}
