//! Integrated gradients.

use super::gradient::{differentiate, evaluate};
use super::refused;
use crate::TrainError;
use burn::tensor::{Tensor, TensorData};
use std::array::from_fn;

/// Where on the path gradients are taken, and how much each counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quadrature {
    /// Points at equal distances, both ends among them, the ends counting half. The error falls with the square of the number of steps.
    Trapezoid,
    /// The roots of the Legendre polynomial, which integrate every polynomial of degree `2 steps - 1` exactly: on a smooth network by far the
    /// closer one.
    #[default]
    GaussLegendre,
}

impl Quadrature {
    /// Points in 0..=1 with their weights, which add up to 1.
    ///
    /// Captum (0.9) gives the trapezoid rule of `n` points weights that add up to `(n - 1) / n`; here the rule is the textbook's.
    ///
    /// # Errors
    ///
    /// [`TrainError::Explanation`] when `steps` is not 1 to 4096, or below 2 for the trapezoid rule.
    ///
    /// ```
    /// use hairpin_train::explain::Quadrature;
    ///
    /// assert_eq!(Quadrature::Trapezoid.nodes(3)?, [(0.0, 0.25), (0.5, 0.5), (1.0, 0.25)]);
    /// let cubed: f64 = Quadrature::GaussLegendre.nodes(2)?.iter().map(|(at, weight)| weight * at.powi(3)).sum();
    /// assert!((cubed - 0.25).abs() < 1e-15);
    /// # Ok::<(), hairpin_train::TrainError>(())
    /// ```
    pub fn nodes(self, steps: usize) -> Result<Vec<(f64, f64)>, TrainError> {
        let least = match self {
            Self::Trapezoid => 2,
            Self::GaussLegendre => 1,
        };
        if !(least..=MOST_STEPS).contains(&steps) {
            return Err(refused("steps", steps, format!("{least} to {MOST_STEPS}")));
        }
        Ok(match self {
            Self::Trapezoid => {
                let intervals = (steps - 1) as f64;
                let weight = |step| {
                    if step == 0 || step == steps - 1 {
                        0.5
                    } else {
                        1.0
                    }
                };
                (0..steps)
                    .map(|step| (step as f64 / intervals, weight(step) / intervals))
                    .collect()
            }
            Self::GaussLegendre => (0..steps).map(|root| legendre(steps, root)).collect(),
        })
    }
}

const MOST_STEPS: usize = 4096;

/// The `root`-th root of the Legendre polynomial of degree `n` and its weight, moved from -1..1 to 0..1, in rising order.
fn legendre(n: usize, root: usize) -> (f64, f64) {
    let degree = n as f64;
    // Close enough that Newton's method finds this root and no other.
    let mut x = -((root as f64 + 0.75) / (degree + 0.5) * std::f64::consts::PI).cos();
    let mut slope = 1.0;
    for _ in 0..100 {
        let (mut before, mut value) = (1.0, x);
        for k in 2..=n {
            let k = k as f64;
            (before, value) = (
                value,
                ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k,
            );
        }
        slope = degree * (x * value - before) / (x * x - 1.0);
        let step = value / slope;
        x -= step;
        if step.abs() < 1e-15 {
            break;
        }
    }
    (0.5 * (1.0 + x), 1.0 / ((1.0 - x * x) * slope * slope))
}

/// Integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365): the gradients along the straight line from a baseline to the input,
///
/// ```text
/// a[i, c] = (x - x')[i, c] ∫₀¹ ∂f/∂x[i, c] (x' + α (x - x')) dα
/// Σ a = f(x) - f(x')
/// ```
///
/// With several baselines the attributions are averaged over them, as expected gradients do (Erion et al. 2021, arXiv:1906.10670); their sum
/// is then `f(x)` less the mean of `f(x')`.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `steps` | 50 | points on the path | 1 (trapezoid: 2) to 4096 |
/// | `quadrature` | Gauss-Legendre | where they lie and how much they count | |
/// | `batch_size` | 256 | rows that go through the network at once: as many points of the path as fit, at least one | 1.. |
///
/// Agrees with Captum: `docs/PARITY.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntegratedGradients {
    /// Points on the path.
    pub steps: usize,
    /// Where they lie and how much they count.
    pub quadrature: Quadrature,
    /// Rows that go through the network at once.
    pub batch_size: usize,
}

impl Default for IntegratedGradients {
    fn default() -> Self {
        Self {
            steps: 50,
            quadrature: Quadrature::default(),
            batch_size: 256,
        }
    }
}

/// What [`IntegratedGradients::attribute`] found.
#[derive(Debug, Clone)]
pub struct Integrated<const N: usize> {
    /// What each value of each input contributes, in the shapes of the inputs, without autodiff.
    pub attributions: [Tensor<3>; N],
    /// `f(x)` of every row.
    pub outputs: Vec<f64>,
    /// `f(x')` of every row, the mean over the baselines.
    pub baseline_outputs: Vec<f64>,
    /// The sum of a row's attributions less `f(x) - f(x')`: 0 but for the finite number of steps and rounding. Where it is not small beside
    /// `f(x) - f(x')`, take more steps.
    pub residual: Vec<f64>,
}

impl IntegratedGradients {
    /// Attributes column `output` of `f` to the values of its inputs.
    ///
    /// `f` is called with any number of copies of the batch, one after another: row `r` of what it gets is row `r % batch_size` of the
    /// inputs. It must treat rows alone, as a network in evaluation does; [`as_function`](super::as_function) makes one of a model.
    ///
    /// # Shapes
    ///
    /// inputs `[batch_size, length, channels]`, each with lengths and channels of its own; of each baseline the same, or `[1, length,
    /// channels]` for all rows
    ///
    /// # Errors
    ///
    /// [`TrainError::Explanation`] when a setting is out of range, there is no baseline, or `f` has no column `output`;
    /// [`TrainError::NoRows`] for an empty batch.
    ///
    /// # Panics
    ///
    /// When shapes of inputs and baselines do not match, or `f` gives another number of rows than it got.
    pub fn attribute<const N: usize>(
        &self,
        f: impl Fn([Tensor<3>; N]) -> Tensor<2>,
        inputs: [Tensor<3>; N],
        baselines: &[[Tensor<3>; N]],
        output: usize,
    ) -> Result<Integrated<N>, TrainError> {
        let nodes = self.quadrature.nodes(self.steps)?;
        if self.batch_size == 0 {
            return Err(refused("batch_size", 0, "at least 1"));
        }
        if baselines.is_empty() {
            return Err(refused("baselines", "empty", "at least one"));
        }
        let rows = inputs.first().map_or(0, |x| x.dims()[0]);
        if rows == 0 {
            return Err(TrainError::NoRows { part: "explained" });
        }
        let inputs = inputs.map(Tensor::inner);
        for x in &inputs {
            assert_eq!(x.dims()[0], rows, "IntegratedGradients: batch_size");
        }
        let outputs = evaluate(&f, inputs.clone(), output)?;
        let mut baseline_outputs = vec![0.0; rows];
        let mut attributions = inputs.clone().map(|x| x.zeros_like());
        let share = 1.0 / baselines.len() as f64;
        for baseline in baselines {
            let start: [Tensor<3>; N] = from_fn(|n| start(&baseline[n], &inputs[n]));
            let found = evaluate(&f, start.clone(), output)?;
            for (mean, found) in baseline_outputs.iter_mut().zip(found) {
                *mean += share * found;
            }
            let way: [Tensor<3>; N] = from_fn(|n| inputs[n].clone() - start[n].clone());
            let mut slopes = inputs.clone().map(|x| x.zeros_like());
            for nodes in nodes.chunks((self.batch_size / rows).max(1)) {
                let points = from_fn(|n| {
                    let point =
                        |&(at, _): &(f64, f64)| start[n].clone() + way[n].clone().mul_scalar(at);
                    Tensor::cat(nodes.iter().map(point).collect(), 0)
                });
                let mut found = differentiate(&f, points, output)?.into_iter();
                slopes = slopes.map(|sum| {
                    let slope = found.next().expect("a slope for each input");
                    sum + weighted_sum(slope, nodes, rows)
                });
            }
            attributions =
                from_fn(|n| attributions[n].clone() + way[n].clone() * slopes[n].clone() * share);
        }
        let mut residual: Vec<f64> = outputs
            .iter()
            .zip(&baseline_outputs)
            .map(|(output, baseline)| baseline - output)
            .collect();
        for attribution in &attributions {
            let values: Vec<f32> = attribution.clone().into_data().iter::<f32>().collect();
            if values.is_empty() {
                continue;
            }
            for (residual, row) in residual.iter_mut().zip(values.chunks(values.len() / rows)) {
                *residual += row.iter().copied().map(f64::from).sum::<f64>();
            }
        }
        Ok(Integrated {
            attributions,
            outputs,
            baseline_outputs,
            residual,
        })
    }
}

/// A baseline for every row of `x`.
fn start(baseline: &Tensor<3>, x: &Tensor<3>) -> Tensor<3> {
    let [rows, length, channels] = baseline.dims();
    let [expected, ..] = x.dims();
    assert!(
        [1, expected].contains(&rows) && x.dims()[1..] == [length, channels],
        "IntegratedGradients: a baseline is {:?}, expected {:?} or one row of it",
        baseline.dims(),
        x.dims()
    );
    baseline.clone().inner().expand(x.dims())
}

/// The sum over the copies of a batch, each times its node's weight.
fn weighted_sum(slopes: Tensor<3>, nodes: &[(f64, f64)], rows: usize) -> Tensor<3> {
    let [_, length, channels] = slopes.dims();
    let weights: Vec<f32> = nodes.iter().map(|&(_, weight)| weight as f32).collect();
    let weights = TensorData::new(weights, [nodes.len(), 1]);
    let weights = Tensor::<2>::from_data(weights, &slopes.device());
    (slopes.reshape([nodes.len(), rows * length * channels]) * weights)
        .sum_dim(0)
        .reshape([rows, length, channels])
}
