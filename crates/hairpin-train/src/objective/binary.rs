//! [`BinaryClassification`]: columns of yes and no, of which some may not have been measured.

use super::regression::check_columns;
use super::score::{self, check_shape, score};
use super::weighted::{weighted_mean, without_absent};
use super::{Evaluation, Objective, TargetBatch};
use burn::tensor::{Tensor, TensorData, activation};
use hairpin_targets::metrics::{Direction, Metric, Over};
use hairpin_targets::{TargetError, TargetMatrix};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Columns of yes (1) and no (0), each for itself: sigmoid, binary cross-entropy (natural logarithm).
///
/// ```text
/// loss = Σ s_i m_ij (-a_j y_ij ln p_ij - (1 - y_ij) ln(1 - p_ij)) / Σ s_i m_ij,   p = 1 / (1 + exp(-outputs))
/// ```
///
/// with row weights `s` and the mask `m` of what was measured. PyTorch's `BCEWithLogitsLoss`.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `pos_weight` | none | `a`, how much a yes counts against a no, column by column; none is 1 each | one per column, above 0 |
/// | `score` | `auroc` | what chooses the best weights | a metric of probabilities |
/// | `over` | `columns` | whether the score is a mean over columns or rows, or of all entries at once | |
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_train::{BinaryClassification, Objective};
/// use ndarray::array;
///
/// let bound = TargetMatrix::from_nan(array![[1.0], [0.0], [f32::NAN]], vec!["HNRNPA1".into()])?;
/// let objective = BinaryClassification::default();
/// objective.check(&bound)?;
/// let found = objective.evaluate(&array![[0.75], [0.5], [0.0]], &bound)?;
/// assert!((found.loss - (-(0.75_f64.ln()) - 0.5_f64.ln()) / 2.0).abs() < 1e-12);
/// assert_eq!(found.score, 1.0);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BinaryClassification {
    /// How much a yes counts against a no, column by column.
    pub pos_weight: Option<Vec<f32>>,
    /// What chooses the best weights.
    pub score: Metric,
    /// What the score is a mean over.
    pub over: Over,
}

impl Default for BinaryClassification {
    fn default() -> Self {
        Self {
            pos_weight: None,
            score: Metric::Auroc,
            over: Over::Columns,
        }
    }
}

impl Objective for BinaryClassification {
    type Target = TargetMatrix;

    fn rows(&self, target: &TargetMatrix) -> usize {
        target.n_rows()
    }

    fn n_outputs(&self, target: &TargetMatrix) -> usize {
        target.n_columns()
    }

    /// What was measured is 0 or 1, every column has something measured, one of them both, and `pos_weight` is in its range.
    fn check(&self, target: &TargetMatrix) -> Result<(), TargetError> {
        if let Some(weights) = &self.pos_weight {
            if weights.len() != target.n_columns() {
                return Err(TargetError::Length {
                    what: "pos_weight of the binary classification",
                    expected: target.n_columns(),
                    found: weights.len(),
                });
            }
            if let Some(&weight) = weights.iter().find(|&&w| !(w > 0.0 && w.is_finite())) {
                return Err(TargetError::Setting {
                    what: "binary classification",
                    setting: "pos_weight",
                    value: f64::from(weight),
                    expected: "a finite number above 0 for every column",
                });
            }
        }
        for ((row, column), &value) in target.values().indexed_iter() {
            // What was not measured is 0.
            if value != 0.0 && value != 1.0 {
                return Err(TargetError::NotBinary {
                    row,
                    name: target.names()[column].clone(),
                    value,
                });
            }
        }
        check_columns(target, false)
    }

    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, TargetMatrix>) -> Tensor<1> {
        let device = outputs.device();
        let (y, weights) = batch.tensors(&device);
        let x = without_absent(outputs, weights.as_ref());
        // -ln p = softplus(-x), and -ln(1 - p) = x + softplus(-x).
        let surprise = activation::softplus(-x.clone(), 1.0);
        let no = (-y.clone() + 1.0) * x;
        let share = match &self.pos_weight {
            None => surprise,
            Some(pos) => {
                let data = TensorData::new(pos.clone(), [1, pos.len()]);
                let pos = Tensor::<2>::from_data(data, &device);
                surprise * (y * (pos - 1.0) + 1.0)
            }
        };
        weighted_mean(no + share, weights.as_ref())
    }

    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        activation::sigmoid(outputs)
    }

    /// Probabilities are kept off 0 and 1 by 2⁻²³ in the loss, so that one confident mistake costs 15.9 and not infinity.
    fn evaluate(
        &self,
        predictions: &Array2<f32>,
        target: &TargetMatrix,
    ) -> Result<Evaluation, TargetError> {
        check_shape(predictions, target.values().dim())?;
        let epsilon = f64::from(f32::EPSILON);
        let (mut sum, mut n) = (0.0, 0usize);
        for ((row, column), &measured) in target.measured().indexed_iter() {
            if !measured {
                continue;
            }
            let p = f64::from(predictions[[row, column]]).clamp(epsilon, 1.0 - epsilon);
            sum += if target.values()[[row, column]] == 1.0 {
                let weights = self.pos_weight.as_ref();
                weights.map_or(1.0, |weights| f64::from(weights[column])) * -p.ln()
            } else {
                -(-p).ln_1p()
            };
            n += 1;
        }
        Ok(Evaluation {
            loss: sum / n.max(1) as f64,
            score: score(predictions, target, self.score, self.over)?,
        })
    }

    fn score_name(&self) -> &str {
        score::name(self.score, self.over)
    }

    fn direction(&self) -> Direction {
        self.score.direction()
    }
}
