//! The configuration of the program: what `configs/default.toml` lists.

use anyhow::{Context, Result, ensure};
use hairpin::models::TwoTowerConfig;
use hairpin::seq::{Ambiguous, Case, Policy};
use hairpin::targets::metrics::{Metric, Over};
use hairpin::targets::{Recipe, Step};
use hairpin::tasks::rnacompete::{Missing, Reading, Stray};
use hairpin::train::{
    AverageConfig, AverageKind, FitConfig, OptimizerConfig, OptimizerKind, ParameterGroup,
    PoolShares, Regression, ScheduleConfig, ScheduleKind, config,
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) data: DataConfig,
    pub(crate) proteins: ProteinConfig,
    pub(crate) model: TwoTowerConfig,
    pub(crate) objective: Regression,
    pub(crate) contrast: ContrastConfig,
    pub(crate) fit: FitConfig,
    pub(crate) ensemble: EnsembleConfig,
}

/// Which networks answer together.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnsembleConfig {
    /// How many, the second with the seed after the first's, and so on; the answer is their mean.
    pub(crate) networks: usize,
}

/// What is read, and how it is divided.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataConfig {
    /// Read lower case as upper case.
    pub(crate) fold_case: bool,
    /// Read codes for several letters as unknown.
    pub(crate) allow_ambiguous: bool,
    /// Take digits, blanks and a final `*` out of proteins.
    pub(crate) repair_proteins: bool,
    /// Take NaN cells as not measured.
    pub(crate) allow_missing: bool,
    /// Show the network the probabilities of each base's loop context.
    pub(crate) structure: bool,
    /// Proteins (with `--seen`: probes) held out of everything.
    pub(crate) test_share: f64,
    /// Share of the others that chooses the epoch; 0: the held-out ones do.
    pub(crate) valid_share: f64,
    /// Probes to learn from, drawn at random; 0 for all.
    pub(crate) probes: usize,
    /// Probes by which an epoch is judged.
    pub(crate) valid_probes: usize,
    /// Probes by which the network and the controls are judged; 0 for all.
    pub(crate) test_probes: usize,
    /// Add to predictions what measurements of other proteins say of each probe beyond the network; not with `--seen`.
    pub(crate) probe_effects: bool,
    /// Whether the bundle is of a network that learned from all proteins, after one was judged.
    pub(crate) retrain: bool,
    /// What is done to the intensities of each protein.
    pub(crate) recipe: Recipe,
}

/// How a protein becomes a vector, where no embeddings are given, and what training sees of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProteinConfig {
    /// What stands for a protein.
    pub(crate) reads: Reads,
    /// Positions apart up to which properties of residues are compared.
    pub(crate) lags: usize,
    /// Residues before and behind each that are seen with it, where residues are read.
    pub(crate) window: usize,
    /// Features of a residue that attention weighs.
    pub(crate) d_residue: usize,
    /// Temperature of the nearness to each training protein; 0: not shown.
    pub(crate) neighbours: f64,
    /// How often training sees a protein by its neighbours alone.
    pub(crate) hide_self: f64,
    /// Standard deviation of noise on the z-scored vectors in training.
    pub(crate) noise: f64,
    /// Proteins that meet a batch of probes; 0 for all.
    pub(crate) per_batch: usize,
}

/// What stands for a protein where no embeddings are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reads {
    /// The training proteins that are like it: it is placed at their mean.
    Kin,
    /// Features of its sequence and, behind them, how near it is to each training protein.
    Features,
    /// Its residues, by attention, inside domains where those are given.
    Residues,
}

/// A contrastive term beside the loss.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContrastConfig {
    /// Of the term; 0 leaves it out.
    pub(crate) weight: f64,
    /// Standard deviations from which on a protein and a probe belong together.
    pub(crate) least: f64,
    /// The first temperature; it is learned.
    pub(crate) temperature: f64,
    /// Shares of the pools that blocks are drawn from; all 0: every probe comes once an epoch.
    pub(crate) pools: PoolShares,
}

impl DataConfig {
    /// What to do with letters that are not plain.
    pub(crate) fn reading(&self) -> Reading {
        let policy = |policy: Policy| Policy {
            case: Case::fold_if(self.fold_case),
            ambiguous: Ambiguous::unknown_if(self.allow_ambiguous),
            ..policy
        };
        let strict = Reading::default();
        Reading {
            proteins: policy(strict.proteins),
            probes: policy(strict.probes),
            stray: if self.repair_proteins {
                Stray::Repair
            } else {
                Stray::Refuse
            },
            missing: if self.allow_missing {
                Missing::Mask
            } else {
                Missing::Refuse
            },
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: DataConfig {
                fold_case: false,
                allow_ambiguous: false,
                repair_proteins: false,
                allow_missing: false,
                structure: true,
                test_share: 0.25,
                valid_share: 0.15,
                probes: 0,
                valid_probes: 4000,
                test_probes: 0,
                probe_effects: true,
                retrain: true,
                recipe: Recipe(vec![
                    Step::Log1p,
                    Step::ClipQuantile {
                        low: 0.0,
                        high: 0.995,
                    },
                    Step::ZScore,
                ]),
            },
            proteins: ProteinConfig {
                reads: Reads::Kin,
                lags: 8,
                window: 5,
                d_residue: 64,
                neighbours: 0.03,
                hide_self: 0.0,
                noise: 0.0,
                per_batch: 0,
            },
            model: TwoTowerConfig::new(1, 1)
                .with_d_protein_hidden(128)
                .with_d_model(64)
                .with_n_layers(1)
                .with_d_ff(128)
                .with_rank(128)
                .with_dropout(0.1),
            objective: Regression {
                loss: "0.2 * huber(1.0) + 0.8 * pearson"
                    .parse()
                    .expect("a loss that is tested"),
                score: Metric::Pearson,
                over: Over::ColumnMedian,
            },
            contrast: ContrastConfig {
                weight: 0.0,
                least: 2.0,
                temperature: 0.07,
                pools: PoolShares::NONE,
            },
            fit: FitConfig {
                epochs: 20,
                batch_size: 64,
                learning_rate: 3e-3,
                optimizer: OptimizerConfig {
                    kind: OptimizerKind::Adamw,
                    weight_decay: 0.01,
                    ..OptimizerConfig::default()
                },
                schedule: ScheduleConfig {
                    kind: ScheduleKind::Cosine,
                    warmup_epochs: 1,
                    ..ScheduleConfig::default()
                },
                average: AverageConfig {
                    kind: AverageKind::Ema,
                    decay: 0.999,
                    ..AverageConfig::default()
                },
                groups: vec![ParameterGroup {
                    rate_factor: 3.0,
                    ..ParameterGroup::new(r"^(towers\.)?protein\.")
                }],
                ..FitConfig::default()
            },
            ensemble: EnsembleConfig { networks: 1 },
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
            proteins,
            contrast,
            ensemble,
            ..
        } = &self;
        ensure!(
            (1..=100).contains(&ensemble.networks),
            "ensemble.networks is {}, expected 1 to 100",
            ensemble.networks
        );
        ensure!(
            (0.0..=1e3).contains(&contrast.weight),
            "contrast.weight is {}, expected 0 to 1000",
            contrast.weight
        );
        ensure!(
            (0.01..=1.0).contains(&contrast.temperature),
            "contrast.temperature is {}, expected 0.01 to 1",
            contrast.temperature
        );
        if contrast.pools != PoolShares::NONE {
            contrast.pools.validate().context("contrast.pools")?;
        }
        ensure!(
            data.test_share > 0.0 && data.test_share < 1.0,
            "data.test_share is {}, expected above 0, below 1",
            data.test_share
        );
        ensure!(
            data.valid_share >= 0.0 && data.valid_share < 1.0,
            "data.valid_share is {}, expected 0 up to, not including, 1",
            data.valid_share
        );
        ensure!(
            data.valid_probes >= 2,
            "data.valid_probes is {}, expected at least 2: one probe correlates with nothing",
            data.valid_probes
        );
        for (name, found) in [
            ("data.probes", data.probes),
            ("data.test_probes", data.test_probes),
        ] {
            ensure!(found != 1, "{name} is 1, expected 0 for all, or at least 2");
        }
        ensure!(
            (0.0..=10.0).contains(&proteins.noise),
            "proteins.noise is {}, expected 0 to 10",
            proteins.noise
        );
        ensure!(
            proteins.neighbours == 0.0 || (1e-3..=10.0).contains(&proteins.neighbours),
            "proteins.neighbours is {}, expected 0, or 0.001 to 10",
            proteins.neighbours
        );
        ensure!(
            proteins.neighbours > 0.0 || proteins.reads != Reads::Kin,
            "proteins.neighbours is 0, and proteins.reads = \"kin\" needs a temperature: give one, or read \"features\""
        );
        ensure!(
            proteins.window <= 50,
            "proteins.window is {}, expected at most 50",
            proteins.window
        );
        ensure!(
            (1..=16_384).contains(&proteins.d_residue),
            "proteins.d_residue is {}, expected 1 to 16384",
            proteins.d_residue
        );
        ensure!(
            contrast.weight == 0.0 || proteins.reads != Reads::Residues,
            "contrast.weight is {}, and proteins.reads = \"residues\" has no contrastive variant: set it to 0",
            contrast.weight
        );
        ensure!(
            (0.0..=1.0).contains(&proteins.hide_self),
            "proteins.hide_self is {}, expected 0 to 1",
            proteins.hide_self
        );
        ensure!(
            proteins.lags <= 1000,
            "proteins.lags is {}, expected at most 1000",
            proteins.lags
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
        let read = Settings::default().under(text, path).unwrap();
        assert_eq!(read.to_toml().unwrap(), resolved);
        let keys = |text: &str| {
            let key = |line: &str| line.split_once(" = ").map(|(key, _)| key.trim().to_owned());
            let mut keys: Vec<String> = text.lines().filter_map(key).collect();
            // Recipe and groups are written as tables in the one and in line in the other.
            keys.retain(|key| {
                ![
                    "recipe",
                    "step",
                    "low",
                    "high",
                    "{ step",
                    "groups",
                    "path",
                    "rate_factor",
                    "l1",
                    "l2",
                    "{ path",
                ]
                .contains(&key.as_str())
            });
            keys.sort();
            keys
        };
        assert_eq!(keys(text), keys(&resolved));
    }

    #[test]
    fn the_other_files_are_valid() {
        for name in ["reference.toml", "contrastive.toml", "tiny.toml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("configs")
                .join(name);
            Settings::load(Some(&path), Some(3)).unwrap();
        }
    }

    #[test]
    fn a_value_out_of_range_is_named() {
        for (text, name) in [
            ("data.test_share = 1.0", "data.test_share"),
            ("data.valid_probes = 1", "data.valid_probes"),
            ("ensemble.networks = 0", "ensemble.networks"),
            ("proteins.noise = -1.0", "proteins.noise"),
            ("proteins.neighbours = 0.0", "proteins.neighbours"),
            ("model.d_model = 63", "model.d_model"),
        ] {
            let error = Settings::default().under(text, Path::new("own.toml"));
            let error = format!("{:#}", error.unwrap_err());
            assert!(
                error.contains(name) && error.contains("own.toml"),
                "{error}"
            );
        }
    }
}
