//! [`Objective`]: what a model is trained for and judged by.

mod binary;
mod classification;
mod contrastive;
mod gaussian;
mod info_nce;
mod loss;
mod position;
mod position_targets;
mod regression;
mod sampled;
mod score;
mod target_batch;
mod weighted;

pub use binary::BinaryClassification;
pub use classification::Classification;
pub use contrastive::{Contrastive, ContrastiveTowers};
pub use gaussian::{GaussianRegression, Variance};
pub use info_nce::InfoNce;
pub use loss::{Loss, LossTerm};
pub use position::PositionRegression;
pub use position_targets::PositionTargets;
pub use regression::Regression;
pub use sampled::Sampled;
pub use target_batch::TargetBatch;

use crate::{Outputs, TrainError};
use burn::tensor::Tensor;
use hairpin_targets::TargetError;
use hairpin_targets::metrics::Direction;

/// What raw outputs mean: the loss that training lowers, the predictions they become, the score that chooses the best weights.
///
/// Of a model that answers once per example, or with `Y = Tensor<3>` at every position: see [`Outputs`] for the shapes.
pub trait Objective<Y: Outputs = Tensor<2>> {
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

    /// Refuses examples with fewer positions than the target speaks of; `lengths` are the least that training or validation sees.
    ///
    /// # Errors
    ///
    /// The first that is too short.
    fn check_lengths(&self, _target: &Self::Target, _lengths: &[usize]) -> Result<(), TrainError> {
        Ok(())
    }

    /// Mean loss of a batch, from raw outputs of its rows. One element.
    fn loss(&self, outputs: Y, batch: TargetBatch<'_, Self::Target>) -> Tensor<1>;

    /// Predictions from raw outputs, of the same shape.
    fn activate(&self, outputs: Y) -> Y;

    /// Loss and score of predictions over a whole split, never averaged over batches.
    ///
    /// # Errors
    ///
    /// When predictions and target do not fit together.
    fn evaluate(
        &self,
        predictions: &Y::Predictions,
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
