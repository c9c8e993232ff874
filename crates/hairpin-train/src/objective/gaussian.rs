//! [`GaussianRegression`]: numbers with a variance, learned or known.

use super::regression::check_columns;
use super::score::{self, check_shape, score};
use super::weighted::{weighted_mean, without_absent};
use super::{Evaluation, Objective, TargetBatch};
use burn::tensor::{Tensor, TensorData, activation};
use hairpin_targets::metrics::{Direction, Metric, Over};
use hairpin_targets::{TargetError, TargetMatrix};
use ndarray::{Array2, s};
use serde::{Deserialize, Serialize};

/// Where the variance of a target comes from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Variance {
    /// The model says it: outputs `[means, raw variances]`, `variance = ln(1 + exp(raw)) + floor` (Lakshminarayanan et al. 2017,
    /// [arXiv:1612.01474](https://arxiv.org/abs/1612.01474)).
    Learned {
        /// The least variance, in the square of the target's unit; above 0.
        floor: f64,
    },
    /// The squared [standard error](TargetMatrix::standard_errors) of each value, `max(se, floor)²`.
    Known {
        /// The least standard error, in the target's unit; above 0.
        floor: f64,
        /// What stands for a standard error that is not known; above 0.
        unknown: f64,
    },
}

/// Numbers under Gaussian noise: negative log-likelihood in nats per value.
///
/// ```text
/// loss = Σ s_i m_ij ½ (ln 2π + ln v_ij + (μ_ij - y_ij)² / v_ij) / Σ s_i m_ij
/// ```
///
/// with row weights `s`, the mask `m` of what was measured and the [variance](Variance) `v` (Nix & Weigend 1994,
/// [doi:10.1109/ICNN.1994.374138](https://doi.org/10.1109/ICNN.1994.374138)). PyTorch's `GaussianNLLLoss(full=True)`.
///
/// | name | default | meaning |
/// |---|---|---|
/// | `variance` | learned, floor 1e-6 | where the variance comes from |
/// | `score` | `pearson` | what chooses the best weights, of the means |
/// | `over` | `columns` | whether the score is a mean over columns or rows, or of all entries at once |
///
/// # Shapes
///
/// With a learned variance outputs and predictions are `[rows, 2 n_columns]`: first all means, then all variances, raw in the
/// outputs and in the square of the target's unit in the predictions. With a known one both are `[rows, n_columns]`.
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_train::{GaussianRegression, Objective};
/// use ndarray::array;
///
/// let truth = TargetMatrix::new(array![[1.0], [3.0]], vec!["ln k".into()])?;
/// let objective = GaussianRegression::default();
/// assert_eq!(objective.n_outputs(&truth), 2);
/// let found = objective.evaluate(&array![[1.0, 1.0], [2.0, 4.0]], &truth)?; // a mean and its variance
/// let expected = (2.0 * (2.0 * std::f64::consts::PI).ln() + 4.0_f64.ln() + 0.25) / 4.0;
/// assert!((found.loss - expected).abs() < 1e-12);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianRegression {
    /// Where the variance comes from.
    pub variance: Variance,
    /// What chooses the best weights.
    pub score: Metric,
    /// What the score is a mean over.
    pub over: Over,
}

impl Default for GaussianRegression {
    fn default() -> Self {
        Self {
            variance: Variance::Learned { floor: 1e-6 },
            score: Metric::Pearson,
            over: Over::Columns,
        }
    }
}

/// `ln 2π`.
const LN_2_PI: f64 = 1.837_877_066_409_345_5;

impl GaussianRegression {
    /// The variance of one value by its standard error; NaN is one that is not known.
    fn known(standard_error: f32, floor: f64, unknown: f64) -> f64 {
        let error = if standard_error.is_nan() {
            unknown
        } else {
            f64::from(standard_error)
        };
        error.max(floor).powi(2)
    }
}

impl Objective for GaussianRegression {
    type Target = TargetMatrix;

    fn rows(&self, target: &TargetMatrix) -> usize {
        target.n_rows()
    }

    fn n_outputs(&self, target: &TargetMatrix) -> usize {
        match self.variance {
            Variance::Learned { .. } => 2 * target.n_columns(),
            Variance::Known { .. } => target.n_columns(),
        }
    }

    /// Settings are in their ranges, standard errors are there where they are needed, every column has something measured and one of
    /// them varies.
    fn check(&self, target: &TargetMatrix) -> Result<(), TargetError> {
        let settings = match self.variance {
            Variance::Learned { floor } => [("floor", floor), ("floor", floor)],
            Variance::Known { floor, unknown } => [("floor", floor), ("unknown", unknown)],
        };
        for (setting, value) in settings {
            // Its square, and the reciprocal of that, are still numbers in f32.
            if !(1e-12..=1e12).contains(&value) {
                return Err(TargetError::Setting {
                    what: "the variance of a Gaussian regression",
                    setting,
                    value,
                    expected: "a number from 1e-12 to 1e12",
                });
            }
        }
        if matches!(self.variance, Variance::Known { .. }) && target.standard_errors().is_none() {
            return Err(TargetError::NoStandardErrors);
        }
        check_columns(target, false)
    }

    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, TargetMatrix>) -> Tensor<1> {
        let device = outputs.device();
        let columns = batch.target.n_columns();
        let (y, weights) = batch.tensors(&device);
        let (means, variance) = match self.variance {
            Variance::Learned { floor } => {
                let raw = outputs.clone().narrow(1, columns, columns);
                let raw = without_absent(raw, weights.as_ref());
                let variance = activation::softplus(raw, 1.0) + floor;
                (outputs.narrow(1, 0, columns), variance)
            }
            Variance::Known { floor, unknown } => {
                let mut known = Vec::with_capacity(batch.rows.len() * columns);
                for &row in batch.rows {
                    match batch.target.standard_errors() {
                        Some(errors) => known.extend(
                            errors
                                .row(row)
                                .iter()
                                .map(|&error| Self::known(error, floor, unknown) as f32),
                        ),
                        None => {
                            let variance = Self::known(f32::NAN, floor, unknown) as f32;
                            known.extend(std::iter::repeat_n(variance, columns));
                        }
                    }
                }
                let known = TensorData::new(known, [batch.rows.len(), columns]);
                (outputs, Tensor::from_data(known, &device))
            }
        };
        let difference = without_absent(means, weights.as_ref()) - y;
        let losses = (variance.clone().log() + difference.square() / variance + LN_2_PI) * 0.5;
        weighted_mean(losses, weights.as_ref())
    }

    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        match self.variance {
            Variance::Known { .. } => outputs,
            Variance::Learned { floor } => {
                let columns = outputs.dims()[1] / 2;
                let raw = outputs.clone().narrow(1, columns, columns);
                let variance = activation::softplus(raw, 1.0) + floor;
                Tensor::cat(vec![outputs.narrow(1, 0, columns), variance], 1)
            }
        }
    }

    fn evaluate(
        &self,
        predictions: &Array2<f32>,
        target: &TargetMatrix,
    ) -> Result<Evaluation, TargetError> {
        check_shape(predictions, (target.n_rows(), self.n_outputs(target)))?;
        let columns = target.n_columns();
        let (mut sum, mut n) = (0.0, 0usize);
        for ((row, column), &measured) in target.measured().indexed_iter() {
            if !measured {
                continue;
            }
            let variance = match self.variance {
                Variance::Learned { .. } => f64::from(predictions[[row, columns + column]]),
                Variance::Known { floor, unknown } => {
                    let errors = target.standard_errors();
                    let error = errors.map_or(f32::NAN, |errors| errors[[row, column]]);
                    Self::known(error, floor, unknown)
                }
            };
            let difference =
                f64::from(predictions[[row, column]]) - f64::from(target.values()[[row, column]]);
            sum += (LN_2_PI + variance.ln() + difference * difference / variance) / 2.0;
            n += 1;
        }
        let means = predictions.slice(s![.., ..columns]).to_owned();
        Ok(Evaluation {
            loss: sum / n.max(1) as f64,
            score: score(&means, target, self.score, self.over)?,
        })
    }

    fn score_name(&self) -> &str {
        score::name(self.score, self.over)
    }

    fn direction(&self) -> Direction {
        self.score.direction()
    }
}
