//! [`find_learning_rate`]: a short training under a rising rate, which shows what rate a model takes.

use crate::fit::{check_rows, global_norm};
use crate::order::{backend_seed, batch_rng, epoch_batches, epoch_rng};
use crate::predict::{lengths_of, shortest_of};
use crate::report::RateFinder;
use crate::{Dataset, Examples, FitConfig, Objective, Outputs, TargetBatch, TrainError};
use burn::optim::GradientsParams;
use burn::tensor::Device;
use hairpin_models::{Model, ModelError};
use std::ops::Range;

/// How much of the smoothed loss stays at a step.
const SMOOTH: f64 = 0.9;
/// A smoothed loss this many times the lowest is a divergence.
const DIVERGED: f64 = 4.0;

/// Trains a new model for `steps` steps while the learning rate rises from `rates.start` to `rates.end`, each a constant times the one
/// before, until the loss has diverged (Smith 2017, *Cyclical learning rates*, arXiv:1506.01186).
///
/// The losses are smoothed, `s = (0.9 s + 0.1 loss) / (1 - 0.9ᵗ)`. Suggested is the rate at which they fall most steeply against its
/// logarithm; nothing is where they never fall. [`FitConfig`] gives all but the learning rate and its schedule; nothing is written.
/// [`Report`](crate::report::Report) draws the curve.
///
/// # Errors
///
/// As [`fit`](crate::fit); a range that is not above 0 and rising, or fewer than 10 steps.
pub fn find_learning_rate<M, D, O, Y>(
    build: impl FnOnce(&Device) -> Result<M, ModelError>,
    objective: &O,
    train: Examples<'_, D, O::Target>,
    config: &FitConfig,
    rates: Range<f64>,
    steps: usize,
    device: &Device,
) -> Result<RateFinder, TrainError>
where
    M: Model<Y>,
    D: Dataset<Input = M::Input>,
    O: Objective<Y>,
    Y: Outputs,
{
    config.validate()?;
    let refuse = |name, found: String, expected: &'static str| TrainError::FitConfig {
        name,
        found,
        expected: expected.into(),
    };
    if !(rates.start > 0.0 && rates.start < rates.end && rates.end.is_finite()) {
        let found = format!("{} to {}", rates.start, rates.end);
        return Err(refuse("learning_rate", found, "above 0 and rising"));
    }
    if steps < 10 {
        return Err(refuse("steps", steps.to_string(), "at least 10"));
    }
    check_rows("training", objective, &train)?;
    objective.check(train.targets)?;
    objective.check_lengths(train.targets, &shortest_of(train.inputs))?;
    let differentiable = device.clone().autodiff();
    differentiable.seed(config.seed);
    let mut model = build(&differentiable)?;
    let mut optimizer = config.optimizer.build(&config.groups, &model)?;
    let lengths = lengths_of(train.inputs);
    let batch_size = config.batch_size.min(lengths.len());
    let factor = (rates.end / rates.start).powf(1.0 / (steps - 1) as f64);

    let mut found = RateFinder {
        rates: Vec::new(),
        losses: Vec::new(),
        suggestion: None,
    };
    let (mut epoch, mut order) = (0, Vec::new().into_iter());
    let (mut mean, mut lowest, mut rate) = (0.0, f64::INFINITY, rates.start);
    for step in 0..steps {
        let rows: Vec<usize> = match order.next() {
            Some(rows) => rows,
            None => {
                epoch += 1;
                let mut rng = epoch_rng(config.seed, epoch);
                let batches = epoch_batches(&train, &lengths, batch_size, &mut rng);
                order = batches.into_iter();
                order.next().unwrap_or_default()
            }
        };
        let mut rng = batch_rng(config.seed, epoch, step);
        let input = train.inputs.batch(&rows, Some(&mut rng), &differentiable);
        if let Some(error) = train.inputs.failure() {
            return Err(error);
        }
        differentiable.seed(backend_seed(config.seed, epoch, step));
        let batch = TargetBatch {
            target: train.targets,
            rows: &rows,
            weights: train.weights,
        };
        let loss = objective.loss(model.forward(input), batch);
        let value = f64::from(loss.clone().into_scalar::<f32>());
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        mean = SMOOTH * mean + (1.0 - SMOOTH) * value;
        let smoothed = mean / (1.0 - SMOOTH.powi(step as i32 + 1));
        if !smoothed.is_finite() || !global_norm(&model, &grads).is_finite() {
            break;
        }
        found.rates.push(rate);
        found.losses.push(smoothed);
        lowest = lowest.min(smoothed);
        // A loss may be negative (a correlation's): what counts is how far it rose from where it began.
        let first = found.losses[0];
        if smoothed - lowest > (DIVERGED - 1.0) * (first - lowest).abs().max(1e-3 * first.abs()) {
            break;
        }
        model = optimizer.step(rate, model, grads);
        rate *= factor;
    }
    found.suggestion = steepest(&found.rates, &found.losses);
    Ok(found)
}

/// The rate at which the losses fall most steeply, by slopes over a tenth of the curve.
fn steepest(rates: &[f64], losses: &[f64]) -> Option<f64> {
    let width = (rates.len() / 10).max(1);
    // Beyond the lowest loss the curve is on its way to divergence.
    let lowest = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b]))?;
    let slope = |at: usize| {
        let (from, to) = (at.saturating_sub(width), (at + width).min(losses.len() - 1));
        (losses[to] - losses[from]) / (rates[to].ln() - rates[from].ln())
    };
    let best = (width..lowest).min_by(|&a, &b| slope(a).total_cmp(&slope(b)))?;
    (slope(best) < 0.0).then(|| rates[best])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Regression, SequenceDataset};
    use hairpin_models::SequenceLstmConfig;
    use hairpin_seq::{Dna, OneHot, Seq};
    use hairpin_targets::TargetMatrix;
    use ndarray::Array2;

    #[test]
    fn the_steepest_fall_of_a_drawn_curve() {
        let rates: Vec<f64> = (0..100).map(|step| 1e-5 * 1.1f64.powi(step)).collect();
        let curve = |rate: f64| {
            let at = rate.ln() - 1e-2f64.ln();
            1.0 - at.tanh() + (at - 2.0).max(0.0).powi(2) * 5.0
        };
        let losses: Vec<f64> = rates.iter().map(|&rate| curve(rate)).collect();
        let found = steepest(&rates, &losses).unwrap();
        assert!((5e-3..2e-2).contains(&found), "{found}");
        let rising: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(steepest(&rates, &rising), None);
        assert_eq!(steepest(&[], &[]), None);
    }

    #[test]
    fn a_rate_that_is_too_high_ends_the_curve() {
        let text = |row: usize| ["ACACAC", "GTGTGT"][row % 2];
        let sequences: Vec<Seq<Dna>> = (0..32).map(|row| text(row).parse().unwrap()).collect();
        let values = (0..32).map(|row| (row % 2) as f32).collect();
        let values = Array2::from_shape_vec((32, 1), values).unwrap();
        let targets = TargetMatrix::new(values, vec!["y".into()]).unwrap();
        let inputs = SequenceDataset::new(&sequences, OneHot::default());
        let model = SequenceLstmConfig::new(4, 1).with_d_hidden(8);
        let run = |rates| {
            find_learning_rate(
                |device| model.init(device),
                &Regression::default(),
                Examples::new(&inputs, &targets),
                &FitConfig::default(),
                rates,
                80,
                &Device::flex(),
            )
        };
        let found = run(1e-5..1e3).unwrap();
        assert!(found.rates.len() < 80, "it never diverged");
        let suggestion = found.suggestion.unwrap();
        assert!(suggestion > 1e-5 && suggestion < *found.rates.last().unwrap());
        assert!(run(1.0..0.1).is_err());
    }
}
