//! From molecules to networks that answer together: pre-training, a network for each fold and kind, pseudo-labels, a blend.

use crate::answer::{both_ways, weighted_sum};
use crate::features::{Encoded, Encoder, Shown, to_fill_in};
use crate::settings::{EnsembleConfig, Settings};
use anyhow::{Context, Result, ensure};
use hairpin::models::{ModelError, PerBase, PerBaseConfig};
use hairpin::seq::augment::GaussianNoise;
use hairpin::targets::TargetMatrix;
use hairpin::tasks::open_vaccine::{TARGETS, Train};
use hairpin::train::history::History;
use hairpin::train::{
    Bundle, Dataset, Device, Examples, Loss, LossTerm, PerBaseDataset, PositionRegression,
    PositionTargets, Progress, RunDir, Session, Stop, fit,
};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The name under which networks are bundled.
pub(crate) const MODEL: &str = "per_base";

/// Molecules by which pre-training shows how far it is.
const SHOWN: usize = 256;

/// Molecules with their five values, ready for a network.
pub(crate) struct Rows {
    pub(crate) inputs: PerBaseDataset,
    pub(crate) targets: PositionTargets,
    /// How much each molecule counts.
    pub(crate) weights: Vec<f32>,
}

impl Rows {
    /// Folds and encodes the molecules to learn from.
    pub(crate) fn of(train: &Train, settings: &Settings) -> Result<Self> {
        let encoder = Encoder::new(settings.features.clone())?;
        let shown: Vec<Shown<'_>> = train.molecules.iter().map(Shown::from).collect();
        let samples = settings.augment.structures;
        let Encoded {
            molecules,
            alternatives,
        } = encoder.encode(&shown, samples, settings.fit.seed)?;
        let values: Vec<_> = train.targets.iter().map(TargetMatrix::to_nan).collect();
        let mut targets = PositionTargets::new(&values, names())?;
        let scale = settings.weights.error_scale;
        if scale > 0.0 {
            let weight = |error: f32| match error.is_finite() {
                true => 1.0 / (1.0 + (error / scale).powi(2)),
                false => 0.0,
            };
            let of = |targets: &TargetMatrix| match targets.standard_errors() {
                Some(errors) => errors.mapv(weight),
                None => Array2::ones(targets.values().dim()),
            };
            let weights: Vec<_> = train.targets.iter().map(of).collect();
            targets = targets.with_weights(&weights)?;
        }
        let weight = |&quality: &f32| match settings.weights.signal_to_noise {
            true => (1.0 + quality.max(0.0)).ln(),
            false => 1.0,
        };
        Ok(Self {
            inputs: PerBaseDataset::new(molecules)?.with_alternatives(alternatives)?,
            targets,
            weights: train.signal_to_noise.iter().map(weight).collect(),
        })
    }

    fn select(&self, rows: &[usize]) -> Result<Self> {
        Ok(Self {
            inputs: self.inputs.select(rows),
            targets: self.targets.select(rows)?,
            weights: rows.iter().map(|&row| self.weights[row]).collect(),
        })
    }

    /// These, and below them other molecules with answers that networks have for them, which count as much as `weight` times the mean.
    fn and(self, others: &PerBaseDataset, answers: &[Array2<f32>], weight: f32) -> Result<Self> {
        let answers = PositionTargets::new(answers, names())?;
        let mean = self.weights.iter().sum::<f32>() / self.weights.len().max(1) as f32;
        let mut weights = self.weights;
        weights.resize(weights.len() + others.len(), weight * mean);
        Ok(Self {
            inputs: joined(&self.inputs, others)?,
            targets: self.targets.followed_by(&answers)?,
            weights,
        })
    }
}

/// The names of the values.
pub(crate) fn names() -> Vec<String> {
    TARGETS.map(str::to_owned).to_vec()
}

/// Where and how.
pub(crate) struct Place<'a> {
    pub(crate) run: &'a RunDir,
    pub(crate) device: &'a Device,
    /// That share its work.
    pub(crate) replicas: &'a [Device],
    pub(crate) device_name: String,
    pub(crate) resume: bool,
    pub(crate) stop: &'a Stop,
}

impl Place<'_> {
    fn session<'b>(
        &'b self,
        folder: &'b RunDir,
        config: &str,
        learned: &Learned,
    ) -> Result<Session<'b>> {
        let data = serde_json::to_string(&learned.by_any_commit())?;
        Ok(Session {
            origin: vec![
                ("device".to_owned(), self.device_name.clone()),
                ("configuration of the network".to_owned(), config.to_owned()),
                ("data and folds".to_owned(), data),
            ],
            resume: self.resume && folder.has_checkpoint()?,
            checkpoint_every: std::time::Duration::from_secs(60),
            progress: Progress::Bar,
            stop: self.stop.clone(),
            replicas: self.replicas.to_vec(),
            ..Session::new(folder, self.device)
        })
    }

    /// The network of a training of this configuration, on this data, that a run that goes on finds finished.
    fn finished(&self, folder: &RunDir, config: &str, learned: &Learned) -> Result<Option<Bundle>> {
        if !self.resume || !folder.file(RunDir::BUNDLE).exists() {
            return Ok(None);
        }
        let bundle = Bundle::load(folder, MODEL)?;
        let path = folder.path().display().to_string();
        ensure!(
            Settings::resolved(&bundle.config_toml, path.as_ref())? == config,
            "{path}: this network was trained with other settings; resume with those, or choose another folder for the run"
        );
        let found: Learned = serde_json::from_value(bundle.targets.clone())
            .with_context(|| format!("{path}: the targets.json is not one of ours"))?;
        ensure!(
            found.by_any_commit() == learned.by_any_commit(),
            "{path}: this network was trained on other data or folds; resume with those files and that seed, or choose another folder for the run"
        );
        Ok(Some(bundle))
    }

    /// The folder of a training.
    fn folder(&self, name: &str) -> Result<RunDir> {
        Ok(RunDir::create(self.run.file("trainings").join(name))?)
    }
}

/// What a member's `targets.json` says of where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Learned {
    pub(crate) columns: Vec<String>,
    pub(crate) architecture: String,
    pub(crate) seed: u64,
    /// The fold that it has not seen, from 1; 0 where it has seen no labels.
    pub(crate) held_out_fold: usize,
    /// Of the division into folds.
    #[serde(default)]
    pub(crate) division_seed: Option<u64>,
    pub(crate) data_sha256: String,
    /// Of the molecules to predict, from which pre-training learns.
    #[serde(default)]
    pub(crate) test_sha256: Option<String>,
    /// The kinds of networks whose answers for the molecules to predict it has learned, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) taught_by: Vec<String>,
    pub(crate) git_commit: Option<String>,
}

impl Learned {
    /// The same, whichever commit of the program trained it: a run may go on with another.
    fn by_any_commit(&self) -> Self {
        Self {
            git_commit: None,
            ..self.clone()
        }
    }
}

/// Networks of one architecture and seed, one for each fold.
pub(crate) struct Kind {
    pub(crate) name: String,
    /// Of each molecule to learn from, by the network that has not seen it; empty where every one has.
    pub(crate) out_of_fold: Vec<Array2<f32>>,
    /// The mean over the folds' networks, for each molecule to predict.
    pub(crate) predicted: Vec<Array2<f32>>,
    pub(crate) bundles: Vec<(String, Bundle)>,
    pub(crate) history: History,
}

/// A network's settings: an architecture and a seed.
struct Own {
    architecture: String,
    settings: Settings,
}

impl Own {
    fn name(&self) -> String {
        format!("{}-seed-{}", self.architecture, self.settings.fit.seed)
    }

    /// Of the second training, on more molecules: as many steps as the first.
    fn again(&self, pseudo_weight: f32, before: usize, now: usize) -> Self {
        let mut settings = self.settings.clone();
        settings.ensemble.pseudo_weight = pseudo_weight;
        settings.fit.epochs = (settings.fit.epochs * before).div_ceil(now);
        Self {
            architecture: self.architecture.clone(),
            settings,
        }
    }
}

/// A network of one fold.
struct Trained {
    name: String,
    model: PerBase,
    bundle: Bundle,
    history: History,
    /// What it had learned before it was shown a value.
    pretrained: Option<Bundle>,
}

/// What there is to learn.
pub(crate) struct Lesson<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) rows: &'a Rows,
    /// The molecules to predict.
    pub(crate) test: &'a PerBaseDataset,
    /// The rows to learn from and those held out.
    pub(crate) folds: &'a [(Vec<usize>, Vec<usize>)],
    pub(crate) learned: Learned,
    pub(crate) place: Place<'a>,
}

impl Lesson<'_> {
    /// Trains every kind of network on every fold; where that is asked for, once more with their answers for the molecules to predict.
    pub(crate) fn learn(&self) -> Result<Vec<Kind>> {
        let kinds = self.kinds()?;
        let mut networks = Vec::with_capacity(kinds.len());
        for own in &kinds {
            networks.push(self.networks(own)?);
        }
        if self.settings.ensemble.pseudo_weight > 0.0 {
            networks = self.taught(&kinds, networks)?;
        }
        kinds
            .iter()
            .zip(networks)
            .map(|(own, networks)| self.kind(own, networks))
            .collect()
    }

    /// The settings of each architecture and seed.
    fn kinds(&self) -> Result<Vec<Own>> {
        let mut kinds = Vec::new();
        for (architecture, model) in self.settings.architectures()? {
            for &seed in &self.settings.ensemble.seeds {
                let mut settings = self.settings.clone();
                settings.model = model.clone();
                settings.fit.seed = seed;
                // Of a network nothing depends on the others: a run may go on with more of them.
                settings.ensemble = EnsembleConfig {
                    folds: settings.ensemble.folds,
                    ..EnsembleConfig::default()
                };
                kinds.push(Own {
                    architecture: architecture.clone(),
                    settings,
                });
            }
        }
        Ok(kinds)
    }

    fn learned(&self, own: &Own, held_out_fold: usize) -> Learned {
        Learned {
            architecture: own.architecture.clone(),
            seed: own.settings.fit.seed,
            held_out_fold,
            ..self.learned.clone()
        }
    }

    /// The rows that a fold's network learns from.
    fn to_learn(&self, fold: usize) -> Result<Rows> {
        let rows = self.rows.select(&self.folds[fold].0)?;
        Ok(Rows {
            targets: self.settings.data.shown(rows.targets),
            ..rows
        })
    }

    /// A network for each fold.
    fn networks(&self, own: &Own) -> Result<Vec<Trained>> {
        let name = own.name();
        let shared = match own.settings.pretrain.held_out {
            true => self.pretrained(own, self.rows, &name, &self.learned(own, 0))?,
            false => None,
        };
        let mut networks = Vec::with_capacity(self.folds.len());
        for fold in 0..self.folds.len() {
            let learned = self.learned(own, fold + 1);
            let train = self.to_learn(fold)?;
            let name = format!("{name}-fold-{}", fold + 1);
            let first = match own.settings.pretrain.held_out {
                true => shared.clone(),
                false => self.pretrained(own, &train, &name, &learned)?,
            };
            let trained = match self.finished(own, &name, &learned, first.clone())? {
                Some(trained) => trained,
                None => self.network(own, &train, &name, &learned, first)?,
            };
            networks.push(trained);
        }
        Ok(networks)
    }

    /// Each network trained again, with the mean of what its fold's networks say of the molecules to predict. Of held-out molecules none of
    /// them has seen the values.
    fn taught(&self, kinds: &[Own], networks: Vec<Vec<Trained>>) -> Result<Vec<Vec<Trained>>> {
        let weight = self.settings.ensemble.pseudo_weight;
        let by: Vec<String> = kinds.iter().map(Own::name).collect();
        let mut taught: Vec<Vec<Trained>> = kinds.iter().map(|_| Vec::new()).collect();
        for fold in 0..self.folds.len() {
            let alone = self.folds[fold].0.len();
            let mut train: Option<Rows> = None;
            for (kind, own) in kinds.iter().enumerate() {
                let before = &networks[kind][fold];
                let again = own.again(weight, alone, alone + self.test.len());
                let name = format!("{}-again-by-{}", before.name, by.len());
                let learned = Learned {
                    taught_by: by.clone(),
                    ..self.learned(own, fold + 1)
                };
                let first = before.pretrained.clone();
                let found = self.finished(&again, &name, &learned, first.clone())?;
                if let Some(found) = found {
                    taught[kind].push(found);
                    continue;
                }
                let train = match train {
                    Some(ref train) => train,
                    None => {
                        let teachers: Vec<_> = networks.iter().map(|own| &own[fold]).collect();
                        let answers = self.mean_of_test(&teachers)?;
                        train.insert(self.to_learn(fold)?.and(self.test, &answers, weight)?)
                    }
                };
                taught[kind].push(self.network(&again, train, &name, &learned, first)?);
            }
        }
        Ok(taught)
    }

    /// What one kind's networks say.
    fn kind(&self, own: &Own, networks: Vec<Trained>) -> Result<Kind> {
        let mut out_of_fold = vec![Array2::zeros((0, 0)); self.rows.weights.len()];
        for ((_, held_out), trained) in self.folds.iter().zip(&networks) {
            let asked = self.rows.inputs.select(held_out);
            let answers = both_ways(&trained.model, self.settings, &asked, self.place.device)?;
            for (&row, answer) in held_out.iter().zip(answers) {
                out_of_fold[row] = answer;
            }
        }
        Ok(Kind {
            name: own.name(),
            out_of_fold,
            predicted: self.mean_of_test(&networks.iter().collect::<Vec<_>>())?,
            history: networks[0].history.clone(),
            bundles: networks
                .into_iter()
                .map(|own| (own.name, own.bundle))
                .collect(),
        })
    }

    /// The mean of what these networks say of the molecules to predict.
    fn mean_of_test(&self, networks: &[&Trained]) -> Result<Vec<Array2<f32>>> {
        let all: Vec<Vec<Array2<f32>>> = networks
            .par_iter()
            .map(|own| both_ways(&own.model, self.settings, self.test, self.place.device))
            .collect::<Result<_>>()?;
        let share = 1.0 / networks.len() as f64;
        Ok(weighted_sum(std::iter::repeat(share), &all))
    }

    /// The weights of a network that has learned to fill in hidden bases of these molecules and those to predict.
    fn pretrained(
        &self,
        own: &Own,
        rows: &Rows,
        name: &str,
        learned: &Learned,
    ) -> Result<Option<Bundle>> {
        let mut settings = own.settings.clone();
        if settings.pretrain.epochs == 0 {
            return Ok(None);
        }
        let folder = self.place.folder(&format!("{name}-pretrained"))?;
        settings.fit.epochs = settings.pretrain.epochs;
        // No value has a part in it.
        settings.data.learn_bases = 0;
        let width = filled_in(&rows.inputs);
        settings.model.n_outputs = width;
        let config = settings.to_toml()?;
        if let Some(bundle) = self.place.finished(&folder, &config, learned)? {
            return Ok(Some(bundle));
        }
        let all = joined(&rows.inputs, self.test)?;
        let values: Vec<_> = all.molecules().iter().map(to_fill_in).collect();
        let targets = PositionTargets::new(&values, (0..width).map(|at| at.to_string()).collect())?;
        let hidden = all.clone().with_masking(settings.pretrain.masking)?;
        // Only shown, never chosen by: the last epoch is the result.
        let shown: Vec<usize> = (0..all.len().min(SHOWN)).collect();
        eprintln!(
            "{name}: learning to fill in hidden bases of {} molecules",
            all.len()
        );
        let fitted = fit(
            |device| settings.model.init(device),
            &PositionRegression {
                loss: Loss::new([(1.0, LossTerm::Mse)])?,
                ..PositionRegression::default()
            },
            Examples::new(&hidden, &targets),
            Examples::new(&all.select(&shown), &targets.select(&shown)?),
            &settings.fit,
            self.place.session(&folder, &config, learned)?,
        )?;
        Ok(Some(keep(&fitted.model, config, learned, &folder)?))
    }

    /// The network of that name, where a run that goes on has trained it.
    fn finished(
        &self,
        own: &Own,
        name: &str,
        learned: &Learned,
        pretrained: Option<Bundle>,
    ) -> Result<Option<Trained>> {
        let folder = self.place.folder(name)?;
        let config = own.settings.to_toml()?;
        let Some(bundle) = self.place.finished(&folder, &config, learned)? else {
            return Ok(None);
        };
        let csv = folder.read(RunDir::METRICS, 1 << 24)?;
        let model = own.settings.model.init(self.place.device)?;
        Ok(Some(Trained {
            name: name.to_owned(),
            model: bundle.clone().into_model(model)?,
            history: History::from_csv(&String::from_utf8_lossy(&csv))?,
            bundle,
            pretrained,
        }))
    }

    /// One training in a folder of its own.
    fn network(
        &self,
        own: &Own,
        train: &Rows,
        name: &str,
        learned: &Learned,
        pretrained: Option<Bundle>,
    ) -> Result<Trained> {
        let Own { settings, .. } = own;
        let folder = self.place.folder(name)?;
        let config = settings.to_toml()?;
        let held_out = self.rows.select(&self.folds[learned.held_out_fold - 1].1)?;
        eprintln!(
            "{name}: {} molecules, {} held out",
            train.weights.len(),
            held_out.weights.len()
        );
        let mut seen = train
            .inputs
            .clone()
            .with_reversal(settings.augment.reversal)?;
        if settings.augment.noise > 0.0 {
            seen = seen.with_noise(GaussianNoise::new(settings.augment.noise)?);
        }
        let first = match &pretrained {
            None => None,
            Some(bundle) => {
                let mut config = settings.model.clone();
                config.n_outputs = filled_in(&train.inputs);
                let model = config.init(&self.place.device.clone().autodiff())?;
                Some(bundle.clone().into_model(model)?)
            }
        };
        let fitted = fit(
            |device| match first {
                None => settings.model.init(device),
                Some(first) => begun(first, &settings.model, device),
            },
            &settings.objective,
            Examples::new(&seen, &train.targets).with_weights(&train.weights),
            Examples::new(&held_out.inputs, &held_out.targets),
            &settings.fit,
            self.place.session(&folder, &config, learned)?,
        )?;
        let bundle = keep(&fitted.model, config, learned, &folder)?;
        Ok(Trained {
            name: name.to_owned(),
            model: fitted.model,
            bundle,
            history: fitted.history,
            pretrained,
        })
    }
}

/// Writes a finished network to the folder of its training.
fn keep(model: &PerBase, config: String, learned: &Learned, folder: &RunDir) -> Result<Bundle> {
    let bundle = Bundle::of(MODEL, config, serde_json::to_value(learned)?, model)?;
    bundle.save(folder)?;
    folder.clear_checkpoint()?;
    Ok(bundle)
}

/// Channels that are to be filled in.
fn filled_in(inputs: &PerBaseDataset) -> usize {
    inputs
        .molecules()
        .first()
        .map_or(0, |first| to_fill_in(first).ncols())
}

/// A network that has learned to fill in, with another last layer.
fn begun(first: PerBase, config: &PerBaseConfig, device: &Device) -> Result<PerBase, ModelError> {
    let mut model = first;
    model.output = config.init(device)?.output;
    Ok(model)
}

fn joined(first: &PerBaseDataset, second: &PerBaseDataset) -> Result<PerBaseDataset> {
    Ok(first.clone().followed_by(second.clone())?)
}

/// The first bases of each answer, as many as were scored, one below another.
pub(crate) fn scored(targets: &PositionTargets, answers: &[Array2<f32>]) -> Result<TargetMatrix> {
    Ok(TargetMatrix::new(targets.stack(answers)?, names())?)
}
