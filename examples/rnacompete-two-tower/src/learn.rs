//! From proteins, probes and intensities to a trained network, and back from a run's folder.

use crate::data::{Material, Side};
use crate::pools;
use crate::proteins::{self, ProteinVectors, Source};
use crate::settings::{ContrastConfig, Reads, Settings};
use crate::structure::Structure;
use anyhow::{Context, Result, ensure};
use hairpin::models::{ModelError, TwoTower, TwoTowerConfig};
use hairpin::seq::augment::GaussianNoise;
use hairpin::seq::{Rna, Seq};
use hairpin::targets::{FittedRecipe, TargetMatrix};
use hairpin::tasks::rnacompete::Test;
use hairpin::train::history::History;
use hairpin::train::{
    AnnotatedSequences, Bundle, ColumnSample, Contrastive, ContrastiveTowers, Device, Examples,
    InfoNce, PairDataset, PairVectors, Progress, RunDir, Sampled, Session, Stop, Vectors, fit,
};
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

/// The name under which a network is bundled.
pub(crate) const MODEL: &str = "two_tower";

/// Probes that go through the tower at once where nothing is learned.
const BATCH: usize = 512;

/// Standard deviation of the noise on proteins' vectors that predictions may be averaged over.
const NOISE: f32 = 0.01;

/// What was learned beside the weights, kept in `targets.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Learned {
    pub(crate) proteins: ProteinVectors,
    /// The transform of the training proteins' intensities: predictions are in its unit.
    intensities: FittedRecipe,
    /// Channels of each base beside its letter.
    d_structure: usize,
}

/// Where and how.
pub(crate) struct Place<'a> {
    pub(crate) run: &'a RunDir,
    /// Where the bundle goes.
    pub(crate) bundle: &'a RunDir,
    pub(crate) device: &'a Device,
    /// That share its work.
    pub(crate) replicas: &'a [Device],
    /// What a run may only be resumed with.
    pub(crate) origin: Vec<(String, String)>,
    pub(crate) resume: bool,
    pub(crate) tensorboard: bool,
    pub(crate) stop: &'a Stop,
}

/// One side of a division as the network reads it.
pub(crate) struct Rows {
    /// `[proteins, width]`, as the network reads them.
    vectors: Array2<f32>,
    /// The same by their neighbours alone.
    without_themselves: Option<Array2<f32>>,
    probes: Vec<Seq<Rna>>,
    structure: Vec<f32>,
    length: usize,
    channels: usize,
}

impl Rows {
    /// `raw` are the vectors of all proteins as they come from their source.
    pub(crate) fn new(
        material: &Material,
        structure: &Structure,
        (vectors, raw): (&ProteinVectors, &Array2<f32>),
        side: &Side,
    ) -> Result<Self> {
        let probes = side.probes.iter().map(|&row| material.probes[row].clone());
        let raw = raw.select(Axis(0), &side.proteins);
        let proteins = material.sequences(&side.proteins);
        Ok(Self {
            without_themselves: vectors
                .read_without_themselves(raw.clone(), proteins.as_deref())?,
            vectors: vectors.read(raw, proteins.as_deref())?,
            probes: probes.collect(),
            structure: structure.select(&side.probes),
            length: structure.length,
            channels: structure.channels,
        })
    }

    /// One of the probes.
    pub(crate) fn probe(&self, row: usize) -> &Seq<Rna> {
        &self.probes[row]
    }

    /// What the network says of one of the proteins and other probes, folded for it.
    pub(crate) fn scores(
        &self,
        model: &TwoTower,
        protein: usize,
        probes: &[Seq<Rna>],
        device: &Device,
    ) -> Result<Vec<f32>> {
        let structure = match self.channels {
            0 => Structure::none(probes),
            _ => Structure::fold(probes)?,
        };
        let (length, channels) = (structure.length, structure.channels);
        let probes = AnnotatedSequences::new(probes, &structure.values, length, channels)?;
        let protein = Vectors::new(self.vectors.select(Axis(0), &[protein]));
        let pairs = PairVectors::new(model, &protein, &probes, BATCH, device, |_, _| ())?;
        Ok(pairs.scores(0..1).into_iter().collect())
    }

    fn probes(&self) -> Result<AnnotatedSequences<'_, Rna>> {
        let (structure, length) = (&self.structure, self.length);
        Ok(AnnotatedSequences::new(
            &self.probes,
            structure,
            length,
            self.channels,
        )?)
    }
}

/// Raw vectors of all proteins of a material: embeddings if given, or what the settings say, or each its own place.
pub(crate) fn vectors(
    material: &Material,
    embeddings: Option<(Array2<f32>, String)>,
    settings: &Settings,
) -> Result<(Source, Array2<f32>)> {
    let n = material.intensities.n_columns();
    Ok(match (embeddings, &material.proteins) {
        (Some((vectors, weights)), _) => (Source::Embeddings { weights }, vectors),
        (None, Some(_)) if settings.proteins.reads == Reads::Kin => {
            (Source::Kin, proteins::nothing(n))
        }
        (None, Some(sequences)) => {
            let lags = settings.proteins.lags;
            (
                Source::Peptides { lags },
                proteins::peptides(sequences, lags)?,
            )
        }
        (None, None) => (Source::Columns, proteins::columns(n)),
    })
}

/// Trains on one side, with the epoch chosen by another, and leaves the bundle in the run's folder.
pub(crate) fn learn(
    settings: &Settings,
    (learn, on_learn): (&Rows, &TargetMatrix),
    (choose, on_choose): (&Rows, &TargetMatrix),
    learned: &Learned,
    config_toml: String,
    place: &Place<'_>,
) -> Result<(TwoTower, History)> {
    let seed = settings.fit.seed;
    let all = on_learn.n_columns();
    let per_batch = match settings.proteins.per_batch {
        0 => all,
        some => some,
    };
    let sample = ColumnSample::new(all, per_batch, seed);
    let mut left = Vectors::new(learn.vectors.clone());
    if let Some(alone) = &learn.without_themselves {
        left = left.with_alternatives(alone.clone(), settings.proteins.hide_self)?;
    }
    if settings.proteins.noise > 0.0 {
        left = left.with_noise(GaussianNoise::new(settings.proteins.noise as f32)?);
    }
    let right = learn.probes()?;
    let choosing = on_choose.n_columns();
    let (choose_left, choose_right) = (Vectors::new(choose.vectors.clone()), choose.probes()?);
    let on_train = PairDataset::new(&left, &right, sample);
    let every = ColumnSample::new(choosing, choosing, seed);
    let on_valid = PairDataset::new(&choose_left, &choose_right, every);
    let odds = pools::odds(on_learn, settings.contrast.pools);
    let mut examples = Examples::new(&on_train, on_learn);
    if let Some(odds) = &odds {
        examples = examples.with_odds(odds);
    }
    let session = Session {
        origin: place.origin.clone(),
        resume: place.resume,
        progress: Progress::Bar,
        stop: place.stop.clone(),
        tensorboard: place.tensorboard,
        replicas: place.replicas.to_vec(),
        ..Session::new(place.run, place.device)
    };
    let network = settings.network(learned, all);
    let ContrastConfig {
        weight,
        least,
        temperature,
        ..
    } = settings.contrast;
    let (model, history) = if weight == 0.0 {
        let objective = Sampled {
            objective: settings.objective.clone(),
            sample,
        };
        let fitted = fit(
            |device| network.init(device),
            &objective,
            examples,
            Examples::new(&on_valid, on_choose),
            &settings.fit,
            session,
        )?;
        (fitted.model, fitted.history)
    } else {
        let objective = Sampled {
            objective: Contrastive {
                objective: settings.objective.clone(),
                weight,
                least: least as f32,
            },
            sample,
        };
        let fitted = fit(
            |device| {
                Ok(ContrastiveTowers {
                    towers: network.init(device)?,
                    contrast: InfoNce::new(temperature, device).map_err(|_| {
                        ModelError::OutOfRange {
                            name: "temperature",
                            found: temperature.to_string(),
                            expected: "0.01 to 1",
                        }
                    })?,
                })
            },
            &objective,
            examples,
            Examples::new(&on_valid, on_choose),
            &settings.fit,
            session,
        )?;
        (fitted.model.towers, fitted.history)
    };
    let learned = serde_json::to_value(learned)?;
    Bundle::of(MODEL, config_toml, learned, &model)?.save(place.bundle)?;
    Ok((model, history))
}

impl Learned {
    /// What is learned of the training side before any network is.
    pub(crate) fn new(
        proteins: ProteinVectors,
        intensities: FittedRecipe,
        structure: &Structure,
    ) -> Self {
        Self {
            proteins,
            intensities,
            d_structure: structure.channels,
        }
    }
}

impl Settings {
    /// The network of these settings for what it is shown.
    fn network(&self, learned: &Learned, n_proteins: usize) -> TwoTowerConfig {
        let mut config = self.model.clone();
        config.d_protein = learned.proteins.width();
        config.n_proteins = n_proteins;
        config.d_structure = learned.d_structure;
        config.mixture = learned.proteins.source == Source::Kin;
        config
    }
}

/// A trained network with all that predicting needs.
pub(crate) struct Trained {
    pub(crate) model: TwoTower,
    pub(crate) settings: Settings,
    pub(crate) learned: Learned,
}

impl Trained {
    /// From a run's folder.
    pub(crate) fn load(run: &RunDir, device: &Device) -> Result<Self> {
        let bundle = Bundle::load(run, MODEL)?;
        let settings = Settings::default().under(&bundle.config_toml, &run.file(RunDir::RUN))?;
        let learned: Learned =
            serde_json::from_value(bundle.targets.clone()).with_context(|| {
                format!(
                    "{}: is not one of ours; train again",
                    run.file(RunDir::TARGETS).display()
                )
            })?;
        let n_proteins = learned.intensities.output_names().len();
        let model = settings.network(&learned, n_proteins).init(device)?;
        Ok(Self {
            model: bundle.into_model(model)?,
            settings,
            learned,
        })
    }

    /// The proteins' and the probes' vectors in the head's space; `average` noisy readings of each protein's vector in the place of one.
    pub(crate) fn pairs(
        &self,
        (vectors, test): (Array2<f32>, &Test),
        structure: &Structure,
        average: usize,
        device: &Device,
        progress: impl FnMut(usize, usize),
    ) -> Result<PairVectors> {
        let probes = &test.probes;
        let (longest, limit) = (structure.length, self.settings.model.max_length);
        if longest > limit {
            let row = probes.iter().position(|probe| probe.len() > limit);
            let row = row.unwrap_or_default();
            ensure!(
                false,
                "probe {} has {} nt, and the network reads at most {limit} (model.max_length)",
                row + 1,
                probes[row].len()
            );
        }
        let vectors = self.learned.proteins.read(vectors, Some(&test.proteins))?;
        let proteins = Vectors::new(vectors);
        let channels = structure.channels;
        let probes = AnnotatedSequences::new(probes, &structure.values, longest, channels)?;
        let pairs = PairVectors::new(&self.model, &proteins, &probes, BATCH, device, progress)?;
        if average == 0 {
            return Ok(pairs);
        }
        let noisy = proteins.with_noise(GaussianNoise::new(NOISE)?);
        let seed = self.settings.fit.seed;
        Ok(pairs.with_averaged_proteins(&self.model, &noisy, average, seed, device)?)
    }
}

/// What the network says of every pair of a side, `[probes, proteins]`.
pub(crate) fn answer(
    model: &TwoTower,
    rows: &Rows,
    names: Vec<String>,
    device: &Device,
) -> Result<TargetMatrix> {
    let (left, right) = (Vectors::new(rows.vectors.clone()), rows.probes()?);
    let pairs = PairVectors::new(model, &left, &right, BATCH, device, |_, _| ())?;
    let scores = pairs.scores(0..pairs.n_proteins());
    Ok(TargetMatrix::new(scores, names)?)
}
