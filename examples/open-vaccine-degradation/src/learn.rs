//! From molecules to networks that answer together: pre-training, a network for each fold and kind, pseudo-labels, a blend.

use crate::features::{Encoded, Encoder, Shown, to_fill_in};
use crate::settings::{EnsembleConfig, Settings};
use anyhow::{Context, Result, ensure};
use hairpin::models::{ModelError, PerBase, PerBaseConfig};
use hairpin::seq::augment::GaussianNoise;
use hairpin::targets::TargetMatrix;
use hairpin::tasks::open_vaccine::{TARGETS, Train};
use hairpin::train::history::History;
use hairpin::train::{
    Bundle, Dataset, Device, Ensemble, Examples, Loss, LossTerm, Member, PerBaseDataset,
    PositionRegression, PositionTargets, Progress, RunDir, Session, Stop, fit, predict,
    predict_augmented,
};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The name under which networks are bundled.
pub(crate) const MODEL: &str = "per_base";

/// Molecules that are encoded and predicted at once.
const CHUNK: usize = 256;

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
        let path = folder.path().display();
        ensure!(
            bundle.config_toml == config,
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

/// One network's settings: an architecture and a seed.
struct Own {
    architecture: String,
    seed: u64,
    settings: Settings,
    /// What its own answers count, with which it is trained again; 0: not.
    pseudo_weight: f32,
}

impl Own {
    /// The second training, on more molecules: as many steps as the first.
    fn again(&self, before: usize, now: usize) -> Self {
        let mut settings = self.settings.clone();
        settings.ensemble.pseudo_weight = self.pseudo_weight;
        settings.fit.epochs = (settings.fit.epochs * before).div_ceil(now);
        Self {
            architecture: self.architecture.clone(),
            settings,
            ..*self
        }
    }
}

/// Trains every kind of network on every fold that is asked for.
pub(crate) fn learn(
    settings: &Settings,
    rows: &Rows,
    test: &PerBaseDataset,
    folds: &[(Vec<usize>, Vec<usize>)],
    learned: &Learned,
    place: &Place<'_>,
) -> Result<Vec<Kind>> {
    let mut kinds = Vec::new();
    for (architecture, model) in settings.architectures()? {
        for &seed in &settings.ensemble.seeds {
            let mut own = Own {
                architecture: architecture.clone(),
                seed,
                settings: settings.clone(),
                pseudo_weight: settings.ensemble.pseudo_weight,
            };
            own.settings.model = model.clone();
            own.settings.fit.seed = seed;
            // Of a network nothing depends on the others: a run may go on with more of them.
            own.settings.ensemble = EnsembleConfig {
                folds: settings.ensemble.folds,
                ..EnsembleConfig::default()
            };
            kinds.push(kind(&own, rows, test, folds, learned, place)?);
        }
    }
    Ok(kinds)
}

fn kind(
    own: &Own,
    rows: &Rows,
    test: &PerBaseDataset,
    folds: &[(Vec<usize>, Vec<usize>)],
    learned: &Learned,
    place: &Place<'_>,
) -> Result<Kind> {
    let name = format!("{}-seed-{}", own.architecture, own.seed);
    let learned = Learned {
        architecture: own.architecture.clone(),
        seed: own.seed,
        ..learned.clone()
    };
    let settings = &own.settings;
    let shared = match settings.pretrain.held_out {
        true => pretrained(own, rows, test, &name, &learned, place)?,
        false => None,
    };
    let mut found = Kind {
        out_of_fold: vec![Array2::zeros((0, 0)); rows.weights.len()],
        predicted: Vec::new(),
        bundles: Vec::new(),
        history: History::default(),
        name: name.clone(),
    };
    for (fold, (train, held_out)) in folds.iter().enumerate() {
        let learned = Learned {
            held_out_fold: fold + 1,
            ..learned.clone()
        };
        let (train, held_out) = (rows.select(train)?, (rows.select(held_out)?, held_out));
        let name = format!("{name}-fold-{}", fold + 1);
        let first = match settings.pretrain.held_out {
            true => shared.clone(),
            false => pretrained(own, &train, test, &name, &learned, place)?,
        };
        eprintln!(
            "{name}: {} molecules, {} held out",
            train.weights.len(),
            held_out.1.len()
        );
        let of_test = |model: &PerBase| both_ways(model, settings, test, place.device);
        let mut trained = one(
            own,
            &train,
            &held_out.0,
            first.as_ref(),
            &name,
            &learned,
            place,
        )?;
        if own.pseudo_weight > 0.0 {
            let alone = train.weights.len();
            let answers = of_test(&trained.model)?;
            let joined = with_own_answers(train, test, &answers, own.pseudo_weight)?;
            let name = format!("{name}-again");
            trained = one(
                &own.again(alone, joined.weights.len()),
                &joined,
                &held_out.0,
                first.as_ref(),
                &name,
                &learned,
                place,
            )?;
        }
        let answers = both_ways(&trained.model, settings, &held_out.0.inputs, place.device)?;
        for (&row, answer) in held_out.1.iter().zip(answers) {
            found.out_of_fold[row] = answer;
        }
        let share = 1.0 / folds.len() as f32;
        for (place, answer) in of_test(&trained.model)?.into_iter().enumerate() {
            match found.predicted.get_mut(place) {
                None => found.predicted.push(answer * share),
                Some(sum) => sum.scaled_add(share, &answer),
            }
        }
        if fold == 0 {
            found.history = trained.history;
        }
        found.bundles.push((name, trained.bundle));
    }
    Ok(found)
}

/// The weights of a network that has learned to fill in hidden bases of all molecules.
fn pretrained(
    own: &Own,
    rows: &Rows,
    test: &PerBaseDataset,
    name: &str,
    learned: &Learned,
    place: &Place<'_>,
) -> Result<Option<Bundle>> {
    let mut settings = own.settings.clone();
    if settings.pretrain.epochs == 0 {
        return Ok(None);
    }
    let folder = place.folder(&format!("{name}-pretrained"))?;
    settings.fit.epochs = settings.pretrain.epochs;
    let all = joined(&rows.inputs, test)?;
    let values: Vec<_> = all.molecules().iter().map(to_fill_in).collect();
    let width = filled_in(&all);
    let targets = PositionTargets::new(&values, (0..width).map(|at| at.to_string()).collect())?;
    settings.model.n_outputs = width;
    let config = hairpin::train::config::to_toml(&settings)?;
    if let Some(bundle) = place.finished(&folder, &config, learned)? {
        return Ok(Some(bundle));
    }
    let hidden = all.clone().with_masking(settings.pretrain.masking)?;
    // Only shown, never chosen by: the last epoch is the result.
    let shown: Vec<usize> = (0..all.len().min(CHUNK)).collect();
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
        place.session(&folder, &config, learned)?,
    )?;
    let bundle = Bundle::of(MODEL, config, serde_json::to_value(learned)?, &fitted.model)?;
    bundle.save(&folder)?;
    folder.clear_checkpoint()?;
    Ok(Some(bundle))
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

struct Trained {
    model: PerBase,
    bundle: Bundle,
    history: History,
}

/// One training in a folder of its own; of a run that goes on, what is there.
fn one(
    own: &Own,
    train: &Rows,
    held_out: &Rows,
    first: Option<&Bundle>,
    name: &str,
    learned: &Learned,
    place: &Place<'_>,
) -> Result<Trained> {
    let settings = &own.settings;
    let folder = place.folder(name)?;
    let config = hairpin::train::config::to_toml(settings)?;
    if let Some(bundle) = place.finished(&folder, &config, learned)? {
        let csv = folder.read(RunDir::METRICS, 1 << 24)?;
        return Ok(Trained {
            model: bundle
                .clone()
                .into_model(settings.model.init(place.device)?)?,
            history: History::from_csv(&String::from_utf8_lossy(&csv))?,
            bundle,
        });
    }
    let mut seen = train
        .inputs
        .clone()
        .with_reversal(settings.augment.reversal)?;
    if settings.augment.noise > 0.0 {
        seen = seen.with_noise(GaussianNoise::new(settings.augment.noise)?);
    }
    let first = match first {
        None => None,
        Some(bundle) => {
            let mut config = settings.model.clone();
            config.n_outputs = filled_in(&train.inputs);
            let model = config.init(&place.device.clone().autodiff())?;
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
        place.session(&folder, &config, learned)?,
    )?;
    let bundle = Bundle::of(MODEL, config, serde_json::to_value(learned)?, &fitted.model)?;
    bundle.save(&folder)?;
    folder.clear_checkpoint()?;
    Ok(Trained {
        model: fitted.model,
        bundle,
        history: fitted.history,
    })
}

/// Molecules to learn from, and below them those to predict with the answers that a network has for them.
fn with_own_answers(
    train: Rows,
    test: &PerBaseDataset,
    answers: &[Array2<f32>],
    weight: f32,
) -> Result<Rows> {
    let targets = train
        .targets
        .followed_by(&PositionTargets::new(answers, names())?)?;
    let mean = train.weights.iter().sum::<f32>() / train.weights.len().max(1) as f32;
    let mut weights = train.weights;
    weights.resize(weights.len() + test.len(), weight * mean);
    Ok(Rows {
        inputs: joined(&train.inputs, test)?,
        targets,
        weights,
    })
}

fn joined(first: &PerBaseDataset, second: &PerBaseDataset) -> Result<PerBaseDataset> {
    Ok(first.clone().followed_by(second.clone())?)
}

/// Trained networks that answer together.
pub(crate) struct Answerer {
    /// Each with its share in the answer.
    members: Vec<(f64, PerBase)>,
    pub(crate) settings: Settings,
    encoder: Encoder,
}

impl Answerer {
    /// The members of a run's folder.
    pub(crate) fn load(run: &RunDir, device: &Device) -> Result<Self> {
        let Ensemble { members } = Ensemble::load(run, MODEL)?;
        let mut loaded = Vec::with_capacity(members.len());
        let mut all: Option<Settings> = None;
        for Member {
            name,
            weight,
            bundle,
        } in members
        {
            let learned: Learned = serde_json::from_value(bundle.targets.clone())
                .with_context(|| format!("member {name}: its targets.json is not one of ours"))?;
            ensure!(
                learned.columns == TARGETS,
                "member {name} predicts {}, expected {}",
                learned.columns.join(", "),
                TARGETS.join(", ")
            );
            let settings = Settings::from_toml(&bundle.config_toml, name.as_ref())?;
            let same = all
                .as_ref()
                .is_none_or(|first| first.features == settings.features);
            ensure!(same, "member {name} reads other features than the first");
            loaded.push((weight, bundle.into_model(settings.model.init(device)?)?));
            all.get_or_insert(settings);
        }
        let settings = all.context("an ensemble has members")?;
        Ok(Self {
            encoder: Encoder::new(settings.features.clone())?,
            members: loaded,
            settings,
        })
    }

    /// Five values for each base of every molecule, `[length, 5]` each.
    pub(crate) fn answer(
        &self,
        molecules: &[Shown<'_>],
        device: &Device,
    ) -> Result<Vec<TargetMatrix>> {
        let mut answers = Vec::with_capacity(molecules.len());
        // Long molecules alone: what is known of their pairs is large.
        for chunk in chunks(molecules) {
            let inputs = PerBaseDataset::new(self.encoder.encode(chunk, 0, 0)?.molecules)?;
            let of_members: Vec<Vec<Array2<f32>>> = self
                .members
                .par_iter()
                .map(|(_, model)| both_ways(model, &self.settings, &inputs, device))
                .collect::<Result<_>>()?;
            let mut sums: Vec<Array2<f32>> = Vec::new();
            for ((weight, _), found) in self.members.iter().zip(of_members) {
                for (place, found) in found.into_iter().enumerate() {
                    match sums.get_mut(place) {
                        None => sums.push(found * *weight as f32),
                        Some(sum) => sum.scaled_add(*weight as f32, &found),
                    }
                }
            }
            for sum in sums {
                answers.push(TargetMatrix::new(sum, names())?);
            }
        }
        Ok(answers)
    }

    /// What folds and encodes as the members were shown it.
    pub(crate) fn encoder(&self) -> &Encoder {
        &self.encoder
    }
}

/// A network's answers; of one that was trained to read molecules from either end, the mean of both ways.
fn both_ways(
    model: &PerBase,
    settings: &Settings,
    inputs: &PerBaseDataset,
    device: &Device,
) -> Result<Vec<Array2<f32>>> {
    let batch = settings.fit.batch_size.min(inputs.len());
    let mut answers = predict(model, &settings.objective, inputs, batch, device)?;
    if settings.augment.reversal > 0.0 {
        let turned = PerBaseDataset::new(inputs.molecules().to_vec())?.with_reversal(1.0)?;
        let once = (1, settings.fit.seed);
        let (other, _) =
            predict_augmented(model, &settings.objective, &turned, batch, once, device)?;
        for (answer, other) in answers.iter_mut().zip(&other) {
            *answer = (&*answer + other) / 2.0;
        }
    }
    Ok(answers)
}

/// Runs of molecules whose pair matrices together are not larger than those of 256 molecules of 128 bases.
fn chunks<'a, 'b>(molecules: &'a [Shown<'b>]) -> Vec<&'a [Shown<'b>]> {
    const ROOM: usize = CHUNK * 128 * 128;
    let (mut chunks, mut start, mut used) = (Vec::new(), 0, 0);
    for (at, molecule) in molecules.iter().enumerate() {
        let own = molecule.sequence.len().pow(2);
        if at > start && used + own > ROOM {
            chunks.push(&molecules[start..at]);
            (start, used) = (at, 0);
        }
        used += own;
    }
    chunks.push(&molecules[start..]);
    chunks
}

/// The first bases of each answer, as many as were scored, one below another.
pub(crate) fn scored(targets: &PositionTargets, answers: &[Array2<f32>]) -> Result<TargetMatrix> {
    Ok(TargetMatrix::new(targets.stack(answers)?, names())?)
}
