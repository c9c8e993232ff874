//! Metrics of numbers and of classes, with intervals, and what noise leaves of them.
//!
//! A metric is computed over a whole split, never averaged over batches. Predictions come first, the truth second.
//!
//! - [`Metric`]: numbers against numbers, or scores against zeros and ones; [`ClassMetric`]: probabilities of classes
//!   against [`ClassLabels`]. Their tables give formula, range, direction and source
//! - [`Comparison`]: a [`TargetMatrix`](crate::TargetMatrix) of predictions against the truth by column, by row or pooled,
//!   masked and weighted, MCRMSE and MRRMSE among them
//! - [`Bootstrap`]: intervals of any statistic, and of the difference of two models
//! - [`Replicated`]: the noise ceiling from replicates, [`repeat_correlation`] from repeats; [`binned`]: scores by bins of another
//!   number; [`Conformal`]: prediction intervals
//!
//! A metric that has no value on some rows is `None` there, and counted; it is never averaged as if it were a number.

mod accuracy;
mod binned;
mod bootstrap;
mod class_metric;
mod column_moments;
mod comparison;
mod conformal;
mod confusion;
mod cross_entropy;
mod detection;
mod estimate;
mod metric;
mod moments;
mod noise_ceiling;
mod pairs;
mod probability;
mod rank;

pub use accuracy::accuracy;
pub use binned::{Bin, binned};
pub use bootstrap::{Bootstrap, Difference, Ends};
pub use class_metric::{ClassMetric, one_vs_rest};
pub use comparison::{Comparison, Over, Scores};
pub use conformal::Conformal;
pub use confusion::{Average, ClassScores, Confusion};
pub use cross_entropy::cross_entropy;
pub(crate) use cross_entropy::mean_cross_entropy;
pub use estimate::{Estimate, Interval};
pub(crate) use metric::median;
pub use metric::{Direction, Metric};
pub use noise_ceiling::{NoiseCeiling, Replicated, repeat_correlation, spearman_brown};
pub use probability::Binning;

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
