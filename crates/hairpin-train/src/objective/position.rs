//! [`PositionRegression`]: numbers at every position.

use super::position_targets::PositionTargets;
use super::regression::check_columns;
use super::score::{self, score};
use super::{Evaluation, Loss, LossTerm, Objective, TargetBatch};
use crate::TrainError;
use burn::tensor::Tensor;
use hairpin_targets::TargetError;
use hairpin_targets::metrics::{Direction, Metric, Over};
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

/// Numbers at the scored positions of each example, one column of outputs for each column of targets.
///
/// | name | default | meaning |
/// |---|---|---|
/// | `loss` | `mcrmse` | what training lowers, see [`Loss`] |
/// | `score` | `rmse` | what chooses the best weights |
/// | `over` | `columns` | whether the score is a mean over columns or rows, or of all entries at once |
/// | `score_columns` | all | names of the columns that are scored: others are learnt for the company's sake |
///
/// The scored positions of a batch, or of a whole split, are the rows of the [loss](LossTerm) and the score: every scored position counts
/// alike, and an example with more of them counts for more. The loss weighs each value by the weight that its target has and by its
/// example's; the score does not.
///
/// ```
/// use hairpin_train::{Objective, PositionRegression, PositionTargets};
/// use ndarray::array;
///
/// let names = vec!["reactivity".into(), "deg_50C".into()];
/// let truth = PositionTargets::new(&[array![[1.0, 0.0]], array![[2.0, 0.0], [0.0, 3.0]]], names)?;
/// // The second molecule has a position that nobody scored.
/// let found = vec![array![[1.0, 0.0]], array![[5.0, 0.0], [0.0, 0.0], [9.0, 9.0]]];
/// let evaluation = PositionRegression::default().evaluate(&found, &truth)?;
/// let root_mean_square = (9.0f64 / 3.0).sqrt(); // of either column
/// assert!((evaluation.score - root_mean_square).abs() < 1e-9); // MCRMSE
/// # Ok::<(), hairpin_train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PositionRegression {
    /// What training lowers.
    pub loss: Loss,
    /// What chooses the best weights.
    pub score: Metric,
    /// What the score is a mean over.
    pub over: Over,
    /// Names of the columns that are scored; none is all.
    pub score_columns: Vec<String>,
}

impl Default for PositionRegression {
    fn default() -> Self {
        Self {
            loss: Loss::of(LossTerm::Mcrmse),
            score: Metric::Rmse,
            over: Over::Columns,
            score_columns: Vec::new(),
        }
    }
}

impl PositionRegression {
    fn scored_columns(&self, target: &PositionTargets) -> Result<Vec<usize>, TargetError> {
        let matrix = target.matrix();
        if self.score_columns.is_empty() {
            return Ok((0..matrix.n_columns()).collect());
        }
        let columns = self.score_columns.iter().map(|name| {
            matrix.column(name).ok_or_else(|| TargetError::NoColumn {
                what: "score_columns of the objective",
                name: name.clone(),
            })
        });
        columns.collect()
    }
}

impl Objective<Tensor<3>> for PositionRegression {
    type Target = PositionTargets;

    fn rows(&self, target: &PositionTargets) -> usize {
        target.n_rows()
    }

    fn n_outputs(&self, target: &PositionTargets) -> usize {
        target.n_columns()
    }

    /// The scored columns are there, every column has something measured, and one of them varies; with `pearson` in the loss every one
    /// does.
    fn check(&self, target: &PositionTargets) -> Result<(), TargetError> {
        self.scored_columns(target)?;
        let terms = self.loss.terms().iter();
        let correlates = terms.clone().any(|term| term.1 == LossTerm::Pearson);
        check_columns(target.matrix(), correlates)
    }

    fn check_lengths(&self, target: &PositionTargets, lengths: &[usize]) -> Result<(), TrainError> {
        for (row, &length) in lengths.iter().enumerate() {
            let scored = target.scored(row);
            if scored > length {
                return Err(TrainError::Example {
                    row,
                    what: "number of scored positions",
                    found: scored.to_string(),
                    expected: format!("at most {length}, as the example has positions"),
                });
            }
        }
        Ok(())
    }

    fn loss(&self, outputs: Tensor<3>, batch: TargetBatch<'_, PositionTargets>) -> Tensor<1> {
        let [outputs, targets, weights] = batch.scored(outputs);
        self.loss.forward(outputs, targets, Some(weights))
    }

    fn activate(&self, outputs: Tensor<3>) -> Tensor<3> {
        outputs
    }

    fn evaluate(
        &self,
        predictions: &Vec<Array2<f32>>,
        target: &PositionTargets,
    ) -> Result<Evaluation, TargetError> {
        let found = target.stack(predictions)?;
        let (x, y) = (found.view(), target.matrix().values().view());
        let columns = self.scored_columns(target)?;
        let scored = found.select(Axis(1), &columns);
        let truth = target.matrix().select_columns(&columns)?;
        Ok(Evaluation {
            loss: self.loss.value(x, y, Some(target.weights().view())),
            score: score(&scored, &truth, self.score, self.over)?,
        })
    }

    fn score_name(&self) -> &str {
        score::name(self.score, self.over)
    }

    fn direction(&self) -> Direction {
        self.score.direction()
    }
}
