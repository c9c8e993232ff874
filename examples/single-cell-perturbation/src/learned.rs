//! The models: learned from rows, kept in a run, asked about pairs.

use crate::blend::{self, Joined, Part};
use crate::encoding::{Encoder, one_hot};
use crate::pairs::{Names, Pairs, Rows};
use crate::settings::{ModelKind, Settings};
use anyhow::{Context, Result, ensure};
use hairpin::models::{
    Autoencoder, EncodingNet, LatentRegressor, Model, ModelError, PerturbationTransformer,
};
use hairpin::targets::{Fractions, TargetMatrix, split};
use hairpin::train::history::History;
use hairpin::train::manifest;
use hairpin::train::{
    Bundle, Device, Examples, Fitted, Progress, RunDir, Session, Stop, Vectors, fit, predict,
};
use ndarray::{Array2, Axis, concatenate, s};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a model is learned.
pub(crate) struct Place<'a> {
    /// The folder that it is kept in.
    pub(crate) run: RunDir,
    pub(crate) device: &'a Device,
    /// That share its work.
    pub(crate) replicas: &'a [Device],
    /// The configuration, as it is kept beside the weights.
    pub(crate) config_toml: String,
    /// The data's hash: a run is resumed only with the same.
    pub(crate) data: &'a str,
    pub(crate) resume: bool,
    pub(crate) stop: &'a Stop,
}

/// What came of learning.
pub(crate) struct Lesson {
    pub(crate) learned: Learned,
    /// Epochs of the network, of models that are one.
    pub(crate) history: Option<History>,
    /// Parts of a blend.
    pub(crate) parts: Vec<Part>,
}

/// A model that has learned.
pub(crate) enum Learned {
    Blend {
        known: Box<Known<Joined>>,
        nets: Vec<EncodingNet>,
    },
    Transformer {
        known: Box<Known<Encoder>>,
        model: Box<PerturbationTransformer>,
    },
    Autoencoder {
        known: Box<Known<Names>>,
        model: Box<(Autoencoder, LatentRegressor)>,
    },
}

/// What a model knows beside its weights, kept in `targets.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known<E> {
    /// The data's hash.
    data: String,
    genes: Vec<String>,
    pub(crate) encoder: E,
}

impl Learned {
    /// Learns from these rows what is to be said of `asked`, and keeps it.
    pub(crate) fn learn(
        settings: &Settings,
        rows: &Rows,
        asked: &Pairs,
        place: &Place<'_>,
    ) -> Result<Lesson> {
        if place.resume
            && let Some(found) = Self::finished(settings, place)?
        {
            return Ok(found);
        }
        let genes = rows.targets.names().to_vec();
        let data = place.data.to_owned();
        let (name, toml) = (settings.model.kind.name(), place.config_toml.clone());
        let lesson = |learned, history, parts| Lesson {
            learned,
            history,
            parts,
        };
        Ok(match settings.model.kind {
            ModelKind::Blend => {
                let (encoder, nets, parts) = blend::learn(settings, rows, asked, place)?;
                let known = Box::new(Known {
                    data,
                    encoder,
                    genes,
                });
                let bundle = Bundle::of(name, toml, serde_json::to_value(&*known)?, &nets)?;
                keep(place, bundle)?;
                lesson(Self::Blend { known, nets }, None, parts)
            }
            ModelKind::Transformer => {
                let (encoder, features) =
                    Encoder::fit(&settings.encoding, rows, settings.fit.seed)?;
                let fitted = one(
                    settings,
                    &place.run,
                    place,
                    &features,
                    &rows.targets,
                    |device| transformer(settings, &encoder, genes.len(), device),
                )?;
                let known = Box::new(Known {
                    data,
                    encoder,
                    genes,
                });
                let bundle = Bundle::of(name, toml, serde_json::to_value(&*known)?, &fitted.model)?;
                keep(place, bundle)?;
                let model = Box::new(fitted.model);
                lesson(
                    Self::Transformer { known, model },
                    Some(fitted.history),
                    Vec::new(),
                )
            }
            ModelKind::Autoencoder => {
                let encoder = Names::of(&rows.pairs);
                let conditions = one_hot(&encoder, &rows.pairs);
                let features = with_conditions(&conditions, &rows.targets)?;
                let shape = (conditions.ncols(), genes.len());
                let folder = |name: &str| RunDir::create(place.run.file(name));
                let first = one(
                    settings,
                    &folder("autoencoder")?,
                    place,
                    features.values(),
                    &features,
                    |device| Ok(networks(settings, shape, device)?.0),
                )?;
                let inputs = Vectors::new(features.values().clone());
                let codes = answer(settings, &first.model.encoder, &inputs, place.device)?;
                let names = (0..codes.ncols()).map(|own| format!("code {own}"));
                let codes = TargetMatrix::new(codes, names.collect())?;
                let second = one(
                    settings,
                    &folder("latent")?,
                    place,
                    &conditions,
                    &codes,
                    |device| Ok(networks(settings, shape, device)?.1),
                )?;
                let known = Box::new(Known {
                    data,
                    encoder,
                    genes,
                });
                let model = Box::new((first.model, second.model));
                let bundle = Bundle::of(name, toml, serde_json::to_value(&*known)?, &*model)?;
                keep(place, bundle)?;
                lesson(
                    Self::Autoencoder { known, model },
                    Some(second.history),
                    Vec::new(),
                )
            }
        })
    }

    /// What an earlier run of the same kind left in the folder.
    fn finished(settings: &Settings, place: &Place<'_>) -> Result<Option<Lesson>> {
        if !place.run.file(RunDir::BUNDLE).is_file() {
            return Ok(None);
        }
        let bundle = Bundle::load(&place.run, settings.model.kind.name())?;
        let data = bundle.targets.get("data").and_then(|own| own.as_str());
        // The manifest behind it may be of a later build.
        let (own, _) = manifest::split(&bundle.config_toml, &place.run.file(RunDir::RUN))?;
        ensure!(
            own == settings.to_toml()? && data == Some(place.data),
            "{}: was learned with another configuration or other data; leave --resume out to learn again, or choose another folder",
            place.run.path().display()
        );
        let history = match place.run.file(RunDir::METRICS).is_file() {
            false => None,
            true => {
                let csv = place.run.read(RunDir::METRICS, 1 << 24)?;
                Some(History::from_csv(&String::from_utf8_lossy(&csv))?)
            }
        };
        Ok(Some(Lesson {
            learned: Self::load(settings, &place.run, place.device)?,
            history,
            parts: Vec::new(),
        }))
    }

    /// What a run learned.
    pub(crate) fn load(settings: &Settings, run: &RunDir, device: &Device) -> Result<Self> {
        let bundle = Bundle::load(run, settings.model.kind.name())?;
        let not_ours = || {
            let path = run.file(RunDir::TARGETS);
            format!("{}: is not what this model learns", path.display())
        };
        let targets = bundle.targets.clone();
        Ok(match settings.model.kind {
            ModelKind::Blend => {
                let known: Known<Joined> =
                    serde_json::from_value(targets).with_context(not_ours)?;
                let nets = bundle.into_model(known.fresh(settings, device)?)?;
                Self::Blend {
                    known: Box::new(known),
                    nets,
                }
            }
            ModelKind::Transformer => {
                let known: Box<Known<Encoder>> =
                    serde_json::from_value(targets).with_context(not_ours)?;
                let fresh = transformer(settings, &known.encoder, known.genes.len(), device)?;
                let model = Box::new(bundle.into_model(fresh)?);
                Self::Transformer { known, model }
            }
            ModelKind::Autoencoder => {
                let known: Box<Known<Names>> =
                    serde_json::from_value(targets).with_context(not_ours)?;
                let conditions = known.encoder.cell_types.len() + known.encoder.compounds.len();
                let fresh = networks(settings, (conditions, known.genes.len()), device)?;
                let model = Box::new(bundle.into_model(fresh)?);
                Self::Autoencoder { known, model }
            }
        })
    }

    /// What was learned from.
    pub(crate) fn names(&self) -> &Names {
        match self {
            Self::Blend { known, .. } => &known.encoder.names,
            Self::Transformer { known, .. } => known.encoder.names(),
            Self::Autoencoder { known, .. } => &known.encoder,
        }
    }

    /// The response of every gene to each pair.
    pub(crate) fn answer(
        &self,
        settings: &Settings,
        pairs: &Pairs,
        device: &Device,
    ) -> Result<TargetMatrix> {
        let (values, genes) = match self {
            Self::Blend { known, nets } => return known.joined(settings, nets, pairs, device),
            Self::Transformer { known, model } => {
                let inputs = Vectors::new(known.encoder.encode(pairs)?);
                (answer(settings, &**model, &inputs, device)?, &known.genes)
            }
            Self::Autoencoder { known, model } => {
                let (autoencoder, latent) = &**model;
                let inputs = Vectors::new(one_hot(&known.encoder, pairs));
                let codes = Vectors::new(answer(settings, latent, &inputs, device)?);
                let decoded = answer(settings, &autoencoder.decoder, &codes, device)?;
                let genes = match settings.model.shifted_decoder {
                    true => 0..known.genes.len(),
                    false => autoencoder.gene_columns(),
                };
                (decoded.slice(s![.., genes]).to_owned(), &known.genes)
            }
        };
        Ok(TargetMatrix::new(values, genes.clone())?)
    }
}

fn transformer(
    settings: &Settings,
    encoder: &Encoder,
    genes: usize,
    device: &Device,
) -> Result<PerturbationTransformer, ModelError> {
    let mut config = settings.transformer.clone();
    config.n_cell_types = encoder.names().cell_types.len();
    config.n_compounds = encoder.names().compounds.len();
    config.statistics = encoder.widths();
    config.n_genes = genes;
    config.init(device)
}

fn networks(
    settings: &Settings,
    (conditions, genes): (usize, usize),
    device: &Device,
) -> Result<(Autoencoder, LatentRegressor), ModelError> {
    let (mut first, mut second) = (settings.autoencoder.clone(), settings.latent.clone());
    first.n_conditions = conditions;
    first.n_genes = genes;
    second.n_conditions = conditions;
    second.d_latent = first.d_latent;
    Ok((first.init(device)?, second.init(device)?))
}

/// Conditions and genes side by side, as an autoencoder reads and answers them; what was not measured is read as 0 and not asked for.
fn with_conditions(conditions: &Array2<f32>, targets: &TargetMatrix) -> Result<TargetMatrix> {
    let values = concatenate(Axis(1), &[conditions.view(), targets.values().view()])?;
    let known = Array2::from_elem(conditions.dim(), true);
    let measured = concatenate(Axis(1), &[known.view(), targets.measured().view()])?;
    let conditions = (0..conditions.ncols()).map(|own| format!("condition {own}"));
    let names = conditions.chain(targets.names().iter().cloned()).collect();
    Ok(TargetMatrix::with_mask(values, measured, names)?)
}

/// Trains one network, some rows aside to choose its epoch by.
fn one<M: Model<Input = FeatureInput>>(
    settings: &Settings,
    folder: &RunDir,
    place: &Place<'_>,
    features: &Array2<f32>,
    targets: &TargetMatrix,
    build: impl FnOnce(&Device) -> Result<M, ModelError>,
) -> Result<Fitted<M>> {
    let valid = settings.model.valid_share;
    let fractions = Fractions {
        train: 1.0 - valid,
        valid,
        test: 0.0,
    };
    let parts = split::random(features.nrows(), fractions, settings.fit.seed)?;
    ensure!(
        !parts.valid.is_empty() && !parts.train.is_empty(),
        "{} rows are too few to choose an epoch by some of them; raise model.valid_share or give more rows",
        features.nrows()
    );
    let dataset = |rows: &[usize]| Vectors::new(features.select(Axis(0), rows));
    let (train, valid) = (dataset(&parts.train), dataset(&parts.valid));
    let of_train = targets.select(&parts.train)?;
    let of_valid = targets.select(&parts.valid)?;
    let (on_train, on_valid) = (
        Examples::new(&train, &of_train),
        Examples::new(&valid, &of_valid),
    );
    self::train(settings, folder, place, on_train, on_valid, build)
}

/// Inputs with their targets.
type Learnable<'a> = Examples<'a, Vectors, TargetMatrix>;

/// Trains one network in a folder of its own.
pub(crate) fn train<M: Model<Input = FeatureInput>>(
    settings: &Settings,
    folder: &RunDir,
    place: &Place<'_>,
    examples: Learnable<'_>,
    valid: Learnable<'_>,
    build: impl FnOnce(&Device) -> Result<M, ModelError>,
) -> Result<Fitted<M>> {
    // The networks of a blend are many and short.
    let alone = settings.model.kind != ModelKind::Blend;
    let fitted = fit(
        build,
        &settings.objective,
        examples,
        valid,
        &settings.fit,
        Session {
            origin: vec![
                ("configuration".into(), settings.to_toml()?),
                ("data".into(), place.data.to_owned()),
            ],
            resume: place.resume && folder.has_checkpoint()?,
            checkpoint_every: match alone {
                true => Duration::from_secs(10),
                false => Duration::MAX,
            },
            progress: match alone {
                true => Progress::Bar,
                false => Progress::Hidden,
            },
            stop: place.stop.clone(),
            replicas: place.replicas.to_vec(),
            ..Session::new(folder, place.device)
        },
    )?;
    Ok(fitted)
}

/// What networks of rows read.
type FeatureInput = <Vectors as hairpin::train::Dataset>::Input;

/// Answers about all rows in one batch: of a network whose samples attend to each other the answer is about all of them together.
pub(crate) fn answer<M: Model<Input = FeatureInput>>(
    settings: &Settings,
    model: &M,
    inputs: &Vectors,
    device: &Device,
) -> Result<Array2<f32>> {
    Ok(predict(
        model,
        &settings.objective,
        inputs,
        usize::MAX,
        device,
    )?)
}

/// Keeps what was learned in the run's folder.
fn keep(place: &Place<'_>, bundle: Bundle) -> Result<()> {
    bundle.save(&place.run)?;
    place.run.clear_checkpoint()?;
    Ok(())
}
