//! The configuration of the program: what `configs/default.toml` lists.

use anyhow::{Context, Result, ensure};
use hairpin::models::PerBaseConfig;
use hairpin::seq::{Ambiguous, Case, Counterpart, Policy};
use hairpin::targets::blend::{Blend, HillClimbing};
use hairpin::tasks::open_vaccine::{SCORED, TARGETS};
use hairpin::train::{
    AverageConfig, AverageKind, FitConfig, Monitor, OptimizerConfig, OptimizerKind,
    PositionRegression, PositionTargets, config,
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) data: DataConfig,
    pub(crate) features: FeatureConfig,
    pub(crate) model: PerBaseConfig,
    pub(crate) objective: PositionRegression,
    pub(crate) weights: WeightConfig,
    pub(crate) augment: AugmentConfig,
    pub(crate) pretrain: PretrainConfig,
    pub(crate) fit: FitConfig,
    pub(crate) ensemble: EnsembleConfig,
}

/// What is read, and how it is divided.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataConfig {
    /// Read lower case as upper case.
    pub(crate) fold_case: bool,
    /// Read T as U.
    pub(crate) convert_t: bool,
    /// Read N and other codes as unknown.
    pub(crate) allow_ambiguous: bool,
    /// Edit identity from which molecules belong together.
    pub(crate) similarity: f64,
    /// Learn from molecules that failed the organisers' filter, too; they are never judged by.
    pub(crate) poor_rows: bool,
    /// Learn from the first so many measured bases of each molecule; 0: from all. What is held out is judged by all.
    pub(crate) learn_bases: usize,
}

/// What the network reads beside the bases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeatureConfig {
    /// The given structure: opens, closes, unpaired.
    pub(crate) structure: bool,
    /// Its loop types.
    pub(crate) loops: bool,
    /// Probabilities of the five loop contexts and of the likeliest pair, in the ensemble.
    pub(crate) contexts: bool,
    /// For each pair of bases: the probability that they pair, how near they are in the structure and in the sequence.
    pub(crate) pairs: bool,
}

/// How much each value counts in the loss.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WeightConfig {
    /// A molecule by `ln(1 + signal to noise)`.
    pub(crate) signal_to_noise: bool,
    /// A value by `1 / (1 + (error / this)²)`; 0 does not look at errors.
    pub(crate) error_scale: f32,
}

/// What training changes about the molecules it sees.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AugmentConfig {
    /// Share of molecules that are read from their end.
    pub(crate) reversal: f64,
    /// Standard deviation of noise on every feature.
    pub(crate) noise: f32,
    /// Structures drawn from each molecule's ensemble, shown in turn with the given one.
    pub(crate) structures: usize,
}

/// Learning to fill in hidden bases, on all molecules, before anything is said of their degradation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PretrainConfig {
    /// Epochs; 0 does without.
    pub(crate) epochs: usize,
    /// Share of bases that are hidden.
    pub(crate) masking: f64,
    /// Also of the molecules that are held out: their sequences and structures, never their values. Without, each fold is pre-trained alone.
    pub(crate) held_out: bool,
}

/// Which networks answer together.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnsembleConfig {
    /// Folds, disjoint by similarity.
    pub(crate) folds: usize,
    /// How many of them are held out in turn, one network for each.
    pub(crate) train_folds: usize,
    /// A network for each seed.
    pub(crate) seeds: Vec<u64>,
    /// A network for each, `model` with other settings; none is `model` itself.
    pub(crate) architectures: Vec<Architecture>,
    /// Trains each network again with the mean of what its fold's networks say of the molecules to predict, which counts so much; 0 does not.
    pub(crate) pseudo_weight: f32,
    /// How kinds of networks (architecture x seed) are joined.
    pub(crate) blend: BlendName,
}

/// Another architecture.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Architecture {
    /// Its name, of letters, digits, `-` and `_`.
    pub(crate) name: String,
    /// Its settings where they differ from `[model]`.
    pub(crate) model: serde_json::Map<String, serde_json::Value>,
}

/// How networks are joined.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BlendName {
    Mean,
    HillClimbing,
}

impl DataConfig {
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            case: Case::fold_if(self.fold_case),
            ambiguous: Ambiguous::unknown_if(self.allow_ambiguous),
            counterpart: match self.convert_t {
                true => Counterpart::Convert,
                false => Counterpart::Refuse,
            },
            ..Policy::default()
        }
    }

    /// What is learned from.
    pub(crate) fn shown(&self, targets: PositionTargets) -> PositionTargets {
        match self.learn_bases {
            0 => targets,
            bases => targets.first(bases),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let scored = SCORED.map(|column| TARGETS[column].to_owned());
        Self {
            data: DataConfig {
                fold_case: false,
                convert_t: false,
                allow_ambiguous: false,
                similarity: 0.75,
                poor_rows: true,
                learn_bases: 0,
            },
            features: FeatureConfig {
                structure: true,
                loops: true,
                contexts: true,
                pairs: true,
            },
            model: PerBaseConfig::new(20, TARGETS.len())
                .with_d_model(96)
                .with_dilations(vec![1, 2, 4])
                .with_attention_layers(2)
                .with_d_ff(192)
                .with_n_pairs(3)
                .with_cell(hairpin::nn::Cell::Lstm)
                .with_recurrent_layers(2)
                .with_d_hidden(96)
                .with_dropout(0.2),
            objective: PositionRegression {
                score_columns: scored.to_vec(),
                ..PositionRegression::default()
            },
            weights: WeightConfig {
                signal_to_noise: true,
                error_scale: 0.3,
            },
            augment: AugmentConfig {
                reversal: 0.5,
                noise: 0.0,
                structures: 0,
            },
            pretrain: PretrainConfig {
                epochs: 10,
                masking: 0.15,
                held_out: true,
            },
            fit: FitConfig {
                epochs: 40,
                learning_rate: 2e-3,
                monitor: Monitor::Last,
                optimizer: OptimizerConfig {
                    kind: OptimizerKind::Adamw,
                    weight_decay: 0.01,
                    ..OptimizerConfig::default()
                },
                average: AverageConfig {
                    kind: AverageKind::Ema,
                    decay: 0.995,
                    ..AverageConfig::default()
                },
                ..FitConfig::default()
            },
            ensemble: EnsembleConfig::default(),
        }
    }
}

impl Default for EnsembleConfig {
    fn default() -> Self {
        Self {
            folds: 5,
            train_folds: 1,
            seeds: vec![1],
            architectures: Vec::new(),
            pseudo_weight: 0.0,
            blend: BlendName::HillClimbing,
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
            settings.ensemble.seeds = vec![seed];
        }
        Ok(settings)
    }

    /// The defaults under the text of a bundle's configuration.
    pub(crate) fn from_toml(text: &str, path: &Path) -> Result<Self> {
        config::layered::<Self>(&Self::default(), text, path)?.checked(path)
    }

    /// The text of a network's configuration as it would be written now: keys that came later are at their defaults, which do as was done
    /// before there were such keys. Not checked: a network that fills in has more outputs than values.
    pub(crate) fn resolved(text: &str, path: &Path) -> Result<String> {
        config::layered::<Self>(&Self::default(), text, path)?.to_toml()
    }

    fn checked(self, path: &Path) -> Result<Self> {
        self.check()
            .with_context(|| format!("{}: correct the value", path.display()))
    }

    fn check(mut self) -> Result<Self> {
        self.fit.validate()?;
        ensure!(
            (0.0..=1.0).contains(&self.data.similarity),
            "data.similarity is {}, expected 0 to 1",
            self.data.similarity
        );
        let EnsembleConfig {
            folds, train_folds, ..
        } = self.ensemble;
        ensure!(folds >= 2, "ensemble.folds is {folds}, expected at least 2");
        ensure!(
            (1..=folds).contains(&train_folds),
            "ensemble.train_folds is {train_folds}, expected 1 to {folds}, the number of folds"
        );
        ensure!(
            !self.ensemble.seeds.is_empty(),
            "ensemble.seeds is empty, expected one seed at least"
        );
        for (name, value) in [
            ("weights.error_scale", self.weights.error_scale),
            ("ensemble.pseudo_weight", self.ensemble.pseudo_weight),
            ("augment.noise", self.augment.noise),
        ] {
            ensure!(
                value >= 0.0 && value.is_finite(),
                "{name} is {value}, expected 0 or a positive number"
            );
        }
        for (name, value) in [
            ("augment.reversal", self.augment.reversal),
            ("pretrain.masking", self.pretrain.masking),
        ] {
            ensure!(
                (0.0..=1.0).contains(&value),
                "{name} is {value}, expected 0 to 1"
            );
        }
        ensure!(
            self.model.n_outputs == TARGETS.len(),
            "model.n_outputs is {}, expected {}: this task has five values a base",
            self.model.n_outputs,
            TARGETS.len()
        );
        let attends = self.model.attention_layers > 0 && self.features.pairs;
        self.model.d_input = self.features.channels();
        self.model.n_pairs = if attends { FeatureConfig::PAIRS } else { 0 };
        self.model.validate()?;
        let mut names = std::collections::HashSet::new();
        for (name, model) in self.architectures()? {
            let plain = |symbol: char| symbol.is_ascii_alphanumeric() || "-_".contains(symbol);
            ensure!(
                !name.is_empty() && name.chars().all(plain) && names.insert(name.clone()),
                "ensemble.architectures: `{name}` is no name of its own, of letters, digits, `-` and `_`"
            );
            model.validate()?;
        }
        Ok(self)
    }

    /// The architectures to train, by name.
    pub(crate) fn architectures(&self) -> Result<Vec<(String, PerBaseConfig)>> {
        let own = &self.ensemble.architectures;
        if own.is_empty() {
            return Ok(vec![("model".to_owned(), self.model.clone())]);
        }
        let of = |architecture: &Architecture| {
            let path = format!("ensemble.architectures, `{}`", architecture.name);
            let text = config::to_toml(&architecture.model)?;
            let mut model: PerBaseConfig = config::layered(&self.model, &text, Path::new(&path))?;
            if model.attention_layers == 0 {
                model.n_pairs = 0;
            }
            Ok((architecture.name.clone(), model))
        };
        own.iter().map(of).collect()
    }

    /// How kinds of networks are joined.
    pub(crate) fn blend(&self) -> Blend {
        match self.ensemble.blend {
            BlendName::Mean => Blend::Mean,
            BlendName::HillClimbing => {
                Blend::HillClimbing(HillClimbing::new(self.objective.score, self.objective.over))
            }
        }
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
        let read = Settings::from_toml(text, path).unwrap();
        assert_eq!(read.to_toml().unwrap(), resolved);
        let key = |line: &str| line.split_once(" = ").map(|(key, _)| key.trim().to_owned());
        let keys = |text: &str| text.lines().filter_map(key).collect::<Vec<_>>();
        assert_eq!(keys(text), keys(&resolved));
    }

    #[test]
    fn a_configuration_from_before_a_key_says_the_same() {
        let now = Settings::default().to_toml().unwrap();
        let key = "learn_bases = 0\n";
        assert!(now.contains(key));
        let read = |text: &str| Settings::resolved(text, Path::new("run.toml")).unwrap();
        assert_eq!(read(&now.replace(key, "")), now);
        assert_ne!(read(&now.replace(key, "learn_bases = 40\n")), now);
    }

    #[test]
    fn only_the_first_bases_are_shown_where_that_is_asked_for() {
        let values = [
            ndarray::Array2::zeros((3, 1)),
            ndarray::Array2::zeros((5, 1)),
        ];
        let targets = PositionTargets::new(&values, vec!["reactivity".to_owned()]).unwrap();
        let scored = |learn_bases: usize| {
            let own = DataConfig {
                learn_bases,
                ..Settings::default().data
            };
            let shown = own.shown(targets.clone());
            (shown.scored(0), shown.scored(1))
        };
        assert_eq!(scored(0), (3, 5));
        assert_eq!(scored(4), (3, 4));
    }

    #[test]
    fn the_other_files_are_valid() {
        for name in ["reference.toml", "ensemble.toml", "tiny.toml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("configs")
                .join(name);
            let settings = Settings::load(Some(&path), Some(3)).unwrap();
            assert_eq!(settings.fit.seed, 3);
        }
    }

    #[test]
    fn architectures_lie_over_the_model_and_wrong_ones_are_refused() {
        let of = |text: &str| Settings::from_toml(text, Path::new("own.toml"));
        let text = "[[ensemble.architectures]]\nname = \"plain\"\nmodel = { attention_layers = 0, d_hidden = 48 }";
        let settings = of(text).unwrap();
        let (name, model) = settings.architectures().unwrap().remove(0);
        assert_eq!(
            (name.as_str(), model.d_hidden, model.n_pairs),
            ("plain", 48, 0)
        );
        assert_eq!(model.d_model, settings.model.d_model);
        for (wrong, part) in [
            (text.replace("d_hidden", "hidden"), "hidden"),
            (text.replace("plain", "a/b"), "a/b"),
            ("ensemble.train_folds = 9".to_owned(), "train_folds"),
            ("model.n_outputs = 3".to_owned(), "n_outputs"),
            ("augment.reversal = 1.5".to_owned(), "augment.reversal"),
        ] {
            let error = format!("{:#}", of(&wrong).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }
}
