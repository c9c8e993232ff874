//! [`Objective`]: what a model is trained for and judged by.

mod binary;
mod classification;
mod gaussian;
mod info_nce;
mod loss;
mod regression;
mod sampled;
mod score;
mod target_batch;
mod weighted;

pub use binary::BinaryClassification;
pub use classification::Classification;
pub use gaussian::{GaussianRegression, Variance};
pub use info_nce::InfoNce;
pub use loss::{Loss, LossTerm};
pub use regression::Regression;
pub use sampled::Sampled;
pub use target_batch::TargetBatch;

use burn::tensor::Tensor;
use hairpin_targets::TargetError;
use hairpin_targets::metrics::Direction;
use ndarray::Array2;

/// What raw outputs mean: the loss that training lowers, the predictions they become, the score that chooses the best weights.
pub trait Objective {
    /// What is known of the examples.
    type Target: ?Sized;

    /// Number of examples of a target.
    fn rows(&self, target: &Self::Target) -> usize;

    /// Number of outputs that a model of this target has.
    fn n_outputs(&self, target: &Self::Target) -> usize;

    /// Refuses settings and targets that cannot be learned from, before anything is trained; asked of the training targets.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    fn check(&self, _target: &Self::Target) -> Result<(), TargetError> {
        Ok(())
    }

    /// Mean loss of a batch, from raw outputs `[batch_size, n_outputs]` of its rows. One element.
    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, Self::Target>) -> Tensor<1>;

    /// Predictions from raw outputs, both `[batch_size, n_outputs]`.
    fn activate(&self, outputs: Tensor<2>) -> Tensor<2>;

    /// Loss and score of predictions `[n_examples, n_outputs]` over a whole split, never averaged over batches.
    ///
    /// # Errors
    ///
    /// When predictions and target do not fit together.
    fn evaluate(
        &self,
        predictions: &Array2<f32>,
        target: &Self::Target,
    ) -> Result<Evaluation, TargetError>;

    /// The score's name in tables and files.
    fn score_name(&self) -> &str;

    /// Whether a higher or a lower score is better.
    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }
}

/// How good predictions are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Mean loss; NaN where a prediction is.
    pub loss: f64,
    /// The objective's score, better in its [`direction`](Objective::direction); NaN where it has no value.
    pub score: f64,
}
