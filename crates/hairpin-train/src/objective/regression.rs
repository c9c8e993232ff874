//! [`Regression`]: numbers, of which some may not have been measured.

use super::score::{self, check_shape, score};
use super::{Evaluation, Loss, LossTerm, Objective, TargetBatch};
use burn::tensor::Tensor;
use hairpin_targets::metrics::{Direction, Metric, Over};
use hairpin_targets::{TargetError, TargetMatrix};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Numbers, one column of outputs for each column of targets.
///
/// | name | default | meaning |
/// |---|---|---|
/// | `loss` | `mse` | what training lowers, see [`Loss`] |
/// | `score` | `pearson` | what chooses the best weights |
/// | `over` | `columns` | whether the score is a mean over columns or rows, or of all entries at once |
///
/// What was not measured has no part in either. `rmse` over columns is MCRMSE, over rows MRRMSE. A column that cannot be scored by
/// its truth (a constant one by a correlation) is not in the mean; a column of constant predictions has correlation 0.
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_train::{Objective, Regression};
/// use ndarray::array;
///
/// let truth = TargetMatrix::from_nan(array![[1.0], [2.0], [f32::NAN], [4.0]], vec!["ln k".into()])?;
/// let found = Regression::default().evaluate(&array![[1.0], [2.0], [9.0], [3.0]], &truth)?;
/// assert_eq!(found.loss, 1.0 / 3.0);
/// assert!((found.score - 0.981_981).abs() < 1e-6);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Regression {
    /// What training lowers.
    pub loss: Loss,
    /// What chooses the best weights.
    pub score: Metric,
    /// What the score is a mean over.
    pub over: Over,
}

impl Default for Regression {
    fn default() -> Self {
        Self {
            loss: Loss::default(),
            score: Metric::Pearson,
            over: Over::Columns,
        }
    }
}

impl Objective for Regression {
    type Target = TargetMatrix;

    fn rows(&self, target: &TargetMatrix) -> usize {
        target.n_rows()
    }

    fn n_outputs(&self, target: &TargetMatrix) -> usize {
        target.n_columns()
    }

    /// Every column has something measured, and one of them varies; with `pearson` in the loss every one does.
    fn check(&self, target: &TargetMatrix) -> Result<(), TargetError> {
        let terms = self.loss.terms().iter();
        let correlates = terms.clone().any(|term| term.1 == LossTerm::Pearson);
        check_columns(target, correlates)
    }

    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, TargetMatrix>) -> Tensor<1> {
        let (targets, weights) = batch.tensors(&outputs.device());
        self.loss.forward(outputs, targets, weights)
    }

    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        outputs
    }

    fn evaluate(
        &self,
        predictions: &Array2<f32>,
        target: &TargetMatrix,
    ) -> Result<Evaluation, TargetError> {
        check_shape(predictions, target.values().dim())?;
        let measured = target.measured().mapv(|yes| f32::from(u8::from(yes)));
        let (x, y) = (predictions.view(), target.values().view());
        Ok(Evaluation {
            loss: self.loss.value(x, y, Some(measured.view())),
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

/// Refuses a column of which nothing was measured, and columns that do not vary: any of them, or all.
pub(super) fn check_columns(target: &TargetMatrix, all_vary: bool) -> Result<(), TargetError> {
    if target.n_rows() == 0 {
        return Err(TargetError::NoRows {
            what: "the matrix of targets",
        });
    }
    let mut constant = None;
    let mut some_varies = false;
    for (column, name) in target.names().iter().enumerate() {
        let values = target.values().column(column).into_iter();
        let mut values = values
            .zip(target.measured().column(column))
            .filter(|&(_, &measured)| measured)
            .map(|(&value, _)| value);
        let Some(first) = values.next() else {
            return Err(TargetError::NothingMeasured {
                what: "training",
                name: name.clone(),
            });
        };
        if values.any(|value| value != first) {
            some_varies = true;
        } else if constant.is_none() {
            constant = Some(name);
        }
    }
    match constant {
        Some(name) if all_vary || !some_varies => Err(TargetError::Constant { name: name.clone() }),
        _ => Ok(()),
    }
}
