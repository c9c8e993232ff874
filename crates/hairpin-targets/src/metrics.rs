//! Classification metrics, with intervals.
//!
//! A metric is computed over a whole split, never averaged over batches. Predictions come first, the truth second.

mod accuracy;
mod confusion;
mod cross_entropy;
mod estimate;

pub use accuracy::accuracy;
pub use confusion::{ClassScores, Confusion};
pub(crate) use cross_entropy::mean_cross_entropy;
pub use cross_entropy::{Bootstrap, cross_entropy};
pub use estimate::{Estimate, Interval};

use crate::category::check_labels;
use crate::{ClassLabels, TargetError};

/// Refuses predicted classes that do not belong to the truth.
fn check_predicted(predicted: &[usize], truth: &ClassLabels) -> Result<(), TargetError> {
    if predicted.len() != truth.len() {
        return Err(TargetError::Length {
            what: "predicted classes",
            expected: truth.len(),
            found: predicted.len(),
        });
    }
    if truth.is_empty() {
        return Err(TargetError::NoRows {
            what: "the list of true classes",
        });
    }
    check_labels("predicted classes", predicted, truth.n_classes())
}
