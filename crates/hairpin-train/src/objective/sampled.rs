//! [`Sampled`]: an objective of which a batch sees a sample of the columns.

use super::{Evaluation, Objective, TargetBatch};
use crate::ColumnSample;
use burn::tensor::Tensor;
use hairpin_targets::metrics::Direction;
use hairpin_targets::{TargetError, TargetMatrix};
use ndarray::Array2;

/// An objective on the blocks of a [`PairDataset`](crate::PairDataset): in training a batch's outputs are those of the sampled
/// columns, in prediction those of all.
///
/// What an objective is set to column by column, as [`pos_weight`](crate::BinaryClassification::pos_weight), does not fit a sample of
/// them, and is refused by [`check`](Objective::check).
///
/// ```
/// use hairpin_train::{ColumnSample, Regression, Sampled};
///
/// // 8 of 200 proteins meet each batch of probes; give the same sample to the dataset.
/// let objective = Sampled { objective: Regression::default(), sample: ColumnSample::new(200, 8, 1) };
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled<O> {
    /// Of all columns.
    pub objective: O,
    /// The same that the dataset has.
    pub sample: ColumnSample,
}

impl<O: Objective<Target = TargetMatrix>> Objective for Sampled<O> {
    type Target = TargetMatrix;

    fn rows(&self, target: &TargetMatrix) -> usize {
        self.objective.rows(target)
    }

    fn n_outputs(&self, target: &TargetMatrix) -> usize {
        self.objective.n_outputs(target)
    }

    /// The sample is of the target's columns, and the objective is content with the target and has no setting by column.
    fn check(&self, target: &TargetMatrix) -> Result<(), TargetError> {
        if self.sample.n_columns() != target.n_columns() {
            return Err(TargetError::Length {
                what: "columns that are sampled",
                expected: target.n_columns(),
                found: self.sample.n_columns(),
            });
        }
        self.objective.check(target)?;
        // A setting by column fits the whole and not a part of it.
        if target.n_columns() > 1
            && let Err(error @ TargetError::Length { .. }) =
                self.objective.check(&target.select_columns(&[0])?)
        {
            return Err(error);
        }
        Ok(())
    }

    /// # Panics
    ///
    /// If a row does not exist, or the sample is not of the target's columns.
    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, TargetMatrix>) -> Tensor<1> {
        let columns = self.sample.draw(batch.rows);
        let block = batch.target.select(batch.rows);
        let block = block.and_then(|block| block.select_columns(&columns));
        let block = block.unwrap_or_else(|error| panic!("rows, columns: {error}"));
        let rows: Vec<usize> = (0..batch.rows.len()).collect();
        let weights = batch.weights.map(|_| {
            let weights = batch.rows.iter().map(|&row| batch.weight(row));
            weights.collect::<Vec<f32>>()
        });
        let of_block = TargetBatch {
            target: &block,
            rows: &rows,
            weights: weights.as_deref(),
        };
        self.objective.loss(outputs, of_block)
    }

    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        self.objective.activate(outputs)
    }

    fn evaluate(
        &self,
        predictions: &Array2<f32>,
        target: &TargetMatrix,
    ) -> Result<Evaluation, TargetError> {
        self.objective.evaluate(predictions, target)
    }

    fn score_name(&self) -> &str {
        self.objective.score_name()
    }

    fn direction(&self) -> Direction {
        self.objective.direction()
    }
}
