//! The default model: a completion of the table of pairs, and small networks over encodings, joined by weights that were learned out of
//! fold.

use crate::encoding::Encoder;
use crate::learned::{Known, Place, answer, train};
use crate::pairs::{Names, Pairs, Rows};
use crate::settings::Settings;
use anyhow::{Context, Result, ensure};
use hairpin::models::{EncodingHead, EncodingNet, ModelError};
use hairpin::seq::augment::GaussianNoise;
use hairpin::targets::blend::{Blend, FittedBlend, HillClimbing};
use hairpin::targets::completion::{Completion, FittedCompletion};
use hairpin::targets::metrics::{Metric, Over};
use hairpin::targets::split::{Fold, pair_folds};
use hairpin::targets::{FittedRecipe, Folds, Groups, Recipe, Step, SvdMissing, TargetMatrix};
use hairpin::train::{Device, Examples, RunDir, Vectors, with_pseudo_labels};
use ndarray::{Array2, Axis, concatenate, s};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the model knows beside the networks' weights.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Joined {
    pub(crate) names: Names,
    completion: FittedCompletion,
    /// What networks read and answer; none without networks.
    reading: Option<Reading>,
    /// Of the completion, then of each network.
    blend: FittedBlend,
    /// The least and the greatest of each gene that was measured.
    bounds: FittedRecipe,
}

/// What networks read and what they answer: leading components of the genes, in units of their size.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    encoder: Encoder,
    components: FittedRecipe,
    scale: f32,
}

/// A part of the model: its name, its MRRMSE out of fold, its weight.
pub(crate) type Part = (String, f64, f64);

/// Learns from rows what is to be said of `asked`, whose place among the rows decides what is held out within.
pub(crate) fn learn(
    settings: &Settings,
    rows: &Rows,
    asked: &Pairs,
    place: &Place<'_>,
) -> Result<(Joined, Vec<EncodingNet>, Vec<Part>)> {
    let own = &settings.blend;
    let (cell_types, compounds) = (&rows.pairs.cell_types, &rows.pairs.compounds);
    let folds = inner_folds(settings, rows, asked)?;
    eprintln!(
        "choosing a completion among {} by {} folds",
        own.candidates.len(),
        folds.len()
    );
    let found = Completion::validate(
        &own.candidates,
        cell_types,
        compounds,
        &rows.targets,
        &folds,
    )?;
    let best = (0..found.len()).min_by(|&a, &b| found[a].total_cmp(&found[b]));
    let completion = own.candidates[best.context("blend.candidates is empty")?];

    // Networks cost more than a completion: they see the folds of the first repeat alone.
    let folds: Vec<&Fold> = folds.iter().filter(|fold| fold.repeat == 0).collect();
    let mut rounds: Vec<(Rows, Vec<TargetMatrix>)> = Vec::with_capacity(folds.len());
    for fold in &folds {
        let (train, held_out) = (rows.select(&fold.train)?, rows.select(&fold.test)?);
        let completed = completion.fit(
            &train.pairs.cell_types,
            &train.pairs.compounds,
            &train.targets,
        )?;
        let completed = completed_rows(&completed, &held_out.pairs)?;
        let mut answers = vec![completed.targets.clone()];
        if !own.heads.is_empty() {
            let folder = format!("networks/fold-{}", fold.fold + 1);
            let (reading, nets) = networks(settings, &train, &completed, place, &folder)?;
            answers.extend(reading.answers(settings, &nets, &held_out.pairs, place.device)?);
        }
        rounds.push((held_out, answers));
    }
    let truth = stacked(rounds.iter().map(|round| &round.0.targets))?;
    let members = rounds.first().map_or(0, |round| round.1.len());
    let members: Vec<TargetMatrix> = (0..members)
        .map(|member| stacked(rounds.iter().map(|round| &round.1[member])))
        .collect::<Result<_>>()?;
    let climbing = HillClimbing {
        bags: 1,
        share: 1.0,
        ..HillClimbing::new(Metric::Rmse, Over::Rows)
    };
    let blend = Blend::HillClimbing(climbing).fit(&members, &truth)?;
    let weights = blend.weights().map(<[f64]>::to_vec).unwrap_or_default();
    let names = std::iter::once(described(&completion)).chain(own.heads.iter().map(|&head| {
        serde_json::to_value(head).map_or(String::new(), |name| {
            format!("network, {}", name.as_str().unwrap_or_default())
        })
    }));
    let mut parts = Vec::with_capacity(members.len());
    for ((name, member), weight) in names.zip(&members).zip(weights) {
        let error = hairpin::targets::metrics::Comparison::new(member, &truth)?.mrrmse();
        parts.push((name, error.unwrap_or(f64::NAN), weight));
    }

    let completion = completion.fit(cell_types, compounds, &rows.targets)?;
    let (reading, nets) = match own.heads.is_empty() {
        true => (None, Vec::new()),
        false => {
            let completed = completed_rows(&completion, asked)?;
            let (reading, nets) = networks(settings, rows, &completed, place, "networks/all")?;
            (Some(reading), nets)
        }
    };
    let joined = Joined {
        names: Names::of(&rows.pairs),
        completion,
        reading,
        blend,
        bounds: Recipe(vec![Step::ClipQuantile {
            low: 0.0,
            high: 1.0,
        }])
        .fit(&rows.targets)?,
    };
    Ok((joined, nets, parts))
}

fn described(completion: &Completion) -> String {
    let kernel = completion.kernel;
    format!(
        "completion: constant {}, first {}, second {}, pair {}, profile {}, within {}, strength {}, power {}",
        kernel.constant,
        kernel.first,
        kernel.second,
        kernel.pair,
        kernel.profile,
        kernel.profile_within,
        completion.strength,
        completion.power
    )
}

/// Folds of the rows that hold out what `asked` is like: compounds of a few cell types, whole compounds, or pairs.
fn inner_folds(settings: &Settings, rows: &Rows, asked: &Pairs) -> Result<Vec<Fold>> {
    let (n_folds, repeats) = (settings.blend.folds, settings.blend.repeats);
    let (pairs, seed) = (&rows.pairs, settings.fit.seed);
    let known = Names::of(pairs);
    let wanted: BTreeSet<&str> = asked.cell_types.iter().map(String::as_str).collect();
    let held: Vec<&str> = wanted
        .into_iter()
        .filter(|name| known.cell_types.index(name).is_some())
        .collect();
    let of_held = pairs.compounds.iter().zip(&pairs.cell_types);
    let of_held: BTreeSet<&String> = of_held
        .filter(|(_, cell_type)| held.contains(&cell_type.as_str()))
        .map(|(compound, _)| compound)
        .collect();
    let unseen = asked
        .compounds
        .iter()
        .filter(|own| known.compounds.index(own).is_none());
    let folds = if 2 * unseen.count() > asked.len() {
        let groups = Groups::by(&pairs.compounds);
        Folds::grouped(&groups, n_folds.min(groups.n_groups()), repeats, seed)
    } else if !held.is_empty() && held.len() < known.cell_types.len() && of_held.len() >= n_folds {
        let (first, second) = (&pairs.cell_types, &pairs.compounds);
        return Ok(pair_folds(first, second, &held, n_folds, repeats, seed)?);
    } else {
        Folds::random(pairs.len(), n_folds.min(pairs.len()), repeats, seed)
    };
    let folds =
        folds.context("too few rows to choose a model by; give more, or lower blend.folds")?;
    Ok(folds.iter().collect())
}

/// Matrices one below the other.
pub(crate) fn stacked<'a>(parts: impl Iterator<Item = &'a TargetMatrix>) -> Result<TargetMatrix> {
    let parts: Vec<&TargetMatrix> = parts.collect();
    let first = parts.first().context("nothing was held out")?;
    let values: Vec<_> = parts.iter().map(|part| part.values().view()).collect();
    let measured: Vec<_> = parts.iter().map(|part| part.measured().view()).collect();
    Ok(TargetMatrix::with_mask(
        concatenate(Axis(0), &values)?,
        concatenate(Axis(0), &measured)?,
        first.names().to_vec(),
    )?)
}

/// Pairs with what a completion says of them.
fn completed_rows(completion: &FittedCompletion, pairs: &Pairs) -> Result<Rows> {
    Ok(Rows {
        targets: completion.predict(&pairs.cell_types, &pairs.compounds)?,
        pairs: pairs.clone(),
    })
}

/// Trains networks of each head, one for each seed; `completed` are the pairs to be asked about, of which pseudo-labels are made if they count.
fn networks(
    settings: &Settings,
    rows: &Rows,
    completed: &Rows,
    place: &Place<'_>,
    folder: &str,
) -> Result<(Reading, Vec<EncodingNet>)> {
    let (encoder, features) = Encoder::fit(&settings.encoding, rows, settings.fit.seed)?;
    let rank = settings
        .blend
        .rank
        .min(rows.pairs.len())
        .min(rows.targets.n_columns());
    let components = Recipe(vec![Step::TruncatedSvd {
        rank,
        missing: SvdMissing::ColumnMean,
    }])
    .fit(&rows.targets)?;
    let found = components.apply(&rows.targets)?;
    let size = found
        .values()
        .iter()
        .map(|own| f64::from(*own).powi(2))
        .sum::<f64>();
    let scale = (size / found.values().len() as f64).sqrt() as f32;
    ensure!(
        scale > 0.0,
        "every measured value is 0: there is nothing to learn"
    );
    let reading = Reading {
        encoder,
        components,
        scale,
    };
    let measured = TargetMatrix::new(found.values() / scale, found.names().to_vec())?;
    let of_measured = Vectors::new(reading.statistics(&features));
    let weight = settings.blend.pseudo_labels;
    let (targets, inputs, weights) = match weight > 0.0 {
        false => (measured.clone(), of_measured.clone(), None),
        true => {
            let said = reading.components.apply(&completed.targets)?;
            let (targets, weights) =
                with_pseudo_labels(&measured, &(said.values() / scale), weight)?;
            let said = reading.statistics(&reading.encoder.encode(&completed.pairs)?);
            let rows = concatenate(Axis(0), &[of_measured.rows().view(), said.view()])?;
            (targets, Vectors::new(rows), Some(weights))
        }
    };
    let noise = GaussianNoise::new(settings.blend.noise)?;
    let mut nets = Vec::new();
    for (number, head) in settings.blend.networks().enumerate() {
        let folder = RunDir::create(place.run.file(&format!("{folder}/{}", number + 1)))?;
        let mut settings = settings.clone();
        settings.fit.seed += (number % settings.blend.seeds) as u64;
        let own = inputs.clone().with_noise(noise.clone());
        let examples = Examples {
            weights: weights.as_deref(),
            ..Examples::new(&own, &targets)
        };
        let build = |device: &Device| reading.network(&settings, head, device);
        let fitted = train(
            &settings,
            &folder,
            place,
            examples,
            Examples::new(&of_measured, &measured),
            build,
        )?;
        folder.clear_checkpoint()?;
        nets.push(fitted.model);
    }
    Ok((reading, nets))
}

impl Reading {
    /// The statistics alone, in units of the components' size.
    fn statistics(&self, features: &Array2<f32>) -> Array2<f32> {
        let widths: usize = self.encoder.widths().iter().sum();
        let from = features.ncols() - widths;
        features.slice(s![.., from..]).mapv(|own| own / self.scale)
    }

    fn network(
        &self,
        settings: &Settings,
        head: EncodingHead,
        device: &Device,
    ) -> Result<EncodingNet, ModelError> {
        let mut config = settings.net.clone();
        config.head = head;
        config.steps = self.encoder.widths().len();
        config.d_input = self.encoder.widths().iter().sum();
        config.n_outputs = self.components.output_names().len();
        config.init(device)
    }

    /// Of each head the median of its networks.
    fn answers(
        &self,
        settings: &Settings,
        nets: &[EncodingNet],
        pairs: &Pairs,
        device: &Device,
    ) -> Result<Vec<TargetMatrix>> {
        let inputs = Vectors::new(self.statistics(&self.encoder.encode(pairs)?));
        let one = |net: &EncodingNet| -> Result<TargetMatrix> {
            let found = answer(settings, net, &inputs, device)? * self.scale;
            let found = TargetMatrix::new(found, self.components.output_names())?;
            Ok(self.components.invert(&found)?)
        };
        let heads = nets.chunks(settings.blend.seeds);
        heads
            .map(|nets| {
                let own: Vec<TargetMatrix> = nets.iter().map(one).collect::<Result<_>>()?;
                Ok(Blend::Median.fit(&own, &own[0])?.apply(&own)?)
            })
            .collect()
    }
}

impl Known<Joined> {
    /// Networks to put weights into.
    pub(crate) fn fresh(&self, settings: &Settings, device: &Device) -> Result<Vec<EncodingNet>> {
        let Some(reading) = &self.encoder.reading else {
            return Ok(Vec::new());
        };
        let heads = settings.blend.networks();
        heads
            .map(|head| Ok(reading.network(settings, head, device)?))
            .collect()
    }

    pub(crate) fn joined(
        &self,
        settings: &Settings,
        nets: &[EncodingNet],
        pairs: &Pairs,
        device: &Device,
    ) -> Result<TargetMatrix> {
        let own = &self.encoder;
        let mut answers = vec![
            own.completion
                .predict(&pairs.cell_types, &pairs.compounds)?,
        ];
        if let Some(reading) = &own.reading {
            answers.extend(reading.answers(settings, nets, pairs, device)?);
        }
        Ok(own.bounds.apply(&own.blend.apply(&answers)?)?)
    }
}
