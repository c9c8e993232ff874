//! The configuration of the program: what `configs/default.toml` lists.

use crate::splits::Kind;
use anyhow::{Context, Result, ensure};
use hairpin::models::{AutoencoderConfig, LatentRegressorConfig, PerturbationTransformerConfig};
use hairpin::targets::category::{Smoothing, TargetStatistic};
use hairpin::targets::metrics::{Metric, Over};
use hairpin::train::{FitConfig, Monitor, Regression, config};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) split: SplitConfig,
    pub(crate) model: ModelConfig,
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
    /// Of them, how many are held out in turn.
    pub(crate) rounds: usize,
}

/// Which model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelConfig {
    pub(crate) kind: ModelKind,
    /// Rows by which the networks of the references choose their epoch.
    pub(crate) valid_share: f64,
}

/// Which model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ModelKind {
    Transformer,
    Autoencoder,
}

impl ModelKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Transformer => "transformer",
            Self::Autoencoder => "autoencoder",
        }
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
                kind: ModelKind::Transformer,
                valid_share: 0.1,
            },
            encoding: EncodingConfig {
                statistics: vec![TargetStatistic::Mean],
                smooth_rows: 1.0,
                folds: 10,
                rank: 0,
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
                monitor: Monitor::Loss,
                ..FitConfig::default()
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

    fn checked(self, path: &Path) -> Result<Self> {
        self.check()
            .with_context(|| format!("{}: correct the value", path.display()))
    }

    fn check(self) -> Result<Self> {
        self.transformer.validate()?;
        self.autoencoder.validate()?;
        self.latent.validate()?;
        self.fit.validate()?;
        for (name, found, least) in [
            ("split.folds", self.split.folds, 2),
            ("split.rounds", self.split.rounds, 1),
            ("encoding.folds", self.encoding.folds, 2),
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
