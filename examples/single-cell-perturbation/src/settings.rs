//! The configuration of the program: what `configs/default.toml` lists.

use crate::splits::Kind;
use anyhow::{Context, Result, ensure};
use hairpin::models::{
    AutoencoderConfig, EncodingHead, EncodingNetConfig, LatentRegressorConfig,
    PerturbationTransformerConfig,
};
use hairpin::targets::category::{Smoothing, TargetStatistic};
use hairpin::targets::completion::{Completion, PairKernel};
use hairpin::targets::metrics::{Metric, Over};
use hairpin::train::{FitConfig, Monitor, OptimizerConfig, OptimizerKind, Regression, config};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) split: SplitConfig,
    pub(crate) model: ModelConfig,
    pub(crate) blend: BlendConfig,
    pub(crate) net: EncodingNetConfig,
    pub(crate) encoding: EncodingConfig,
    pub(crate) transformer: PerturbationTransformerConfig,
    pub(crate) autoencoder: AutoencoderConfig,
    pub(crate) latent: LatentRegressorConfig,
    pub(crate) objective: Regression,
    pub(crate) fit: FitConfig,
}

/// How pairs are held out to judge by.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SplitConfig {
    pub(crate) kind: Kind,
    /// Cell types with few rows; none: those to predict.
    pub(crate) cell_types: Vec<String>,
    /// Parts of the compounds, or of the rows.
    pub(crate) folds: usize,
    /// Of them, how many are held out in turn; with 0 the model is not judged.
    pub(crate) rounds: usize,
}

/// Which model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelConfig {
    pub(crate) kind: ModelKind,
    /// Rows by which the networks of the references choose their epoch.
    pub(crate) valid_share: f64,
    /// Of reference B: the first columns of what is decoded are taken for the genes, as published, although one-hots stand there.
    pub(crate) shifted_decoder: bool,
}

/// Which model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ModelKind {
    Blend,
    Transformer,
    Autoencoder,
}

impl ModelKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Blend => "blend",
            Self::Transformer => "transformer",
            Self::Autoencoder => "autoencoder",
        }
    }
}

/// The default model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlendConfig {
    /// Folds within the rows to learn from, by which a completion is chosen and weights are learned.
    pub(crate) folds: usize,
    /// How often rows are dealt into folds.
    pub(crate) repeats: usize,
    /// A network for each, and each seed.
    pub(crate) heads: Vec<EncodingHead>,
    /// Networks of each head, which differ by their seed; the median of their answers counts.
    pub(crate) seeds: usize,
    /// Components that networks answer.
    pub(crate) rank: usize,
    /// Standard deviation of what is added to what networks read in training.
    pub(crate) noise: f32,
    /// How much a pair that is asked about counts in training, with what the completion says of it; 0: networks see measured pairs alone.
    pub(crate) pseudo_labels: f32,
    /// Settings of the completion, of which the folds choose one.
    pub(crate) candidates: Vec<Completion>,
}

impl BlendConfig {
    /// The head of each network, those of one head side by side.
    pub(crate) fn networks(&self) -> impl Iterator<Item = EncodingHead> + '_ {
        let heads = self.heads.iter();
        heads.flat_map(|&head| std::iter::repeat_n(head, self.seeds))
    }
}

/// What is said of a cell type and of a compound.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EncodingConfig {
    pub(crate) statistics: Vec<TargetStatistic>,
    /// How many rows that look like all rows each category is drawn towards; below 0: by empirical Bayes.
    pub(crate) smooth_rows: f64,
    /// Folds of the cross-fit.
    pub(crate) folds: usize,
    /// Components of the genes that statistics are of; 0: the genes themselves.
    pub(crate) rank: usize,
}

impl EncodingConfig {
    pub(crate) fn smoothing(&self) -> Smoothing {
        match self.smooth_rows {
            m if m < 0.0 => Smoothing::Auto,
            m => Smoothing::Rows { m },
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            split: SplitConfig {
                kind: Kind::LikeTest,
                cell_types: Vec::new(),
                folds: 4,
                rounds: 4,
            },
            model: ModelConfig {
                kind: ModelKind::Blend,
                valid_share: 0.1,
                shifted_decoder: false,
            },
            blend: BlendConfig {
                folds: 4,
                repeats: 2,
                heads: vec![
                    EncodingHead::Dense,
                    EncodingHead::Gru,
                    EncodingHead::Convolution,
                ],
                seeds: 1,
                rank: 64,
                noise: 0.1,
                pseudo_labels: 0.0,
                candidates: candidates(),
            },
            net: EncodingNetConfig::new(1, 1),
            encoding: EncodingConfig {
                statistics: vec![TargetStatistic::Mean, TargetStatistic::StandardDeviation],
                smooth_rows: 1.0,
                folds: 10,
                rank: 32,
            },
            transformer: PerturbationTransformerConfig::new(1, 1, vec![1], 1),
            autoencoder: AutoencoderConfig::new(1, 1),
            latent: LatentRegressorConfig::new(1),
            objective: Regression {
                score: Metric::Rmse,
                over: Over::Rows,
                ..Regression::default()
            },
            fit: FitConfig {
                epochs: 25,
                batch_size: 64,
                learning_rate: 2e-3,
                monitor: Monitor::Last,
                optimizer: OptimizerConfig {
                    kind: OptimizerKind::Adamw,
                    weight_decay: 0.01,
                    ..OptimizerConfig::default()
                },
                ..FitConfig::default()
            },
        }
    }
}

/// For weak responses, where what a compound does to all cell types and strong directions of the genes are all there is to go by, and for
/// strong ones, where compounds that do alike elsewhere tell more.
fn candidates() -> Vec<Completion> {
    let kernel = |constant, first, second, pair, profile, profile_within| PairKernel {
        constant,
        first,
        second,
        pair,
        profile,
        profile_within,
    };
    let weak = kernel(0.06, 0.3, 1.0, 0.3, 0.0, 0.0);
    let mixed = kernel(0.06, 0.3, 0.8, 0.3, 0.2, 0.1);
    let strong = kernel(0.1, 0.1, 0.1, 0.0, 0.8, 0.8);
    let settings = [
        (weak, 6.0, 1.5),
        (mixed, 6.0, 1.5),
        (mixed, 2.0, 1.5),
        (strong, 0.4, 1.45),
        (strong, 1.0, 1.45),
    ];
    let candidates = settings.map(|(kernel, strength, power)| Completion {
        kernel,
        strength,
        power,
        ..Completion::default()
    });
    candidates.to_vec()
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

    fn checked(self, path: &Path) -> Result<Self> {
        self.check()
            .with_context(|| format!("{}: correct the value", path.display()))
    }

    fn check(self) -> Result<Self> {
        self.net.validate()?;
        self.transformer.validate()?;
        self.autoencoder.validate()?;
        self.latent.validate()?;
        self.fit.validate()?;
        for (name, found, least) in [
            ("split.folds", self.split.folds, 2),
            ("encoding.folds", self.encoding.folds, 2),
            ("blend.folds", self.blend.folds, 2),
            ("blend.repeats", self.blend.repeats, 1),
            ("blend.seeds", self.blend.seeds, 1),
            ("blend.rank", self.blend.rank, 1),
            ("number of blend.candidates", self.blend.candidates.len(), 1),
        ] {
            ensure!(
                found >= least,
                "{name} is {found}, expected at least {least}"
            );
        }
        let share = self.model.valid_share;
        ensure!(
            share > 0.0 && share < 1.0,
            "model.valid_share is {share}, expected above 0, below 1"
        );
        let weight = self.blend.pseudo_labels;
        ensure!(
            weight >= 0.0 && weight.is_finite(),
            "blend.pseudo_labels is {weight}, expected a weight, 0 or more"
        );
        ensure!(
            !self.encoding.statistics.is_empty(),
            "encoding.statistics is empty, expected at least one, such as \"mean\""
        );
        ensure!(
            self.encoding.smooth_rows.is_finite(),
            "encoding.smooth_rows is {}, expected a number",
            self.encoding.smooth_rows
        );
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
        let read: Settings = config::layered(&Settings::default(), text, path).unwrap();
        assert_eq!(read.to_toml().unwrap(), resolved);
        fn keys(table: &toml::Table, parent: &str, found: &mut Vec<String>) {
            for (key, value) in table {
                let key = format!("{parent}.{key}");
                match value {
                    toml::Value::Table(inner) => keys(inner, &key, found),
                    _ => found.push(key),
                }
            }
        }
        let plain = |text: &str| {
            let mut found = Vec::new();
            keys(&text.parse().unwrap(), "", &mut found);
            found.sort();
            found
        };
        assert_eq!(plain(text), plain(&resolved));
    }

    #[test]
    fn the_other_files_are_valid() {
        for name in ["transformer.toml", "autoencoder.toml", "tiny.toml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("configs")
                .join(name);
            assert_eq!(Settings::load(Some(&path), Some(3)).unwrap().fit.seed, 3);
        }
    }
}
