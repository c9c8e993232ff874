//! Trained networks that answer together.

use crate::features::{Encoder, Shown};
use crate::learn::{Learned, MODEL, names};
use crate::settings::Settings;
use anyhow::{Context, Result, ensure};
use hairpin::models::PerBase;
use hairpin::targets::TargetMatrix;
use hairpin::tasks::open_vaccine::TARGETS;
use hairpin::train::{
    Dataset, Device, Ensemble, Member, PerBaseDataset, RunDir, predict, predict_augmented,
};
use ndarray::Array2;
use rayon::prelude::*;

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
            let weights = self.members.iter().map(|(weight, _)| *weight);
            for sum in weighted_sum(weights, &of_members) {
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

/// What these networks say of each molecule, weighted and added up.
pub(crate) fn weighted_sum<'a>(
    weights: impl IntoIterator<Item = f64>,
    answers: impl IntoIterator<Item = &'a Vec<Array2<f32>>>,
) -> Vec<Array2<f32>> {
    let mut sums: Vec<Array2<f32>> = Vec::new();
    for (weight, own) in weights.into_iter().zip(answers) {
        for (place, answer) in own.iter().enumerate() {
            match sums.get_mut(place) {
                None => sums.push(answer * weight as f32),
                Some(sum) => sum.scaled_add(weight as f32, answer),
            }
        }
    }
    sums
}

/// A network's answers; of one that was trained to read molecules from either end, the mean of both ways.
pub(crate) fn both_ways(
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
    const ROOM: usize = 256 * 128 * 128;
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
