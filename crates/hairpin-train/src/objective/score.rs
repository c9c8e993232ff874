//! The score of a matrix of predictions, as it chooses the best weights.

use hairpin_targets::metrics::{Comparison, Metric, Over};
use hairpin_targets::{TargetError, TargetMatrix};
use ndarray::Array2;

/// The mean of the metric over columns or rows, or the metric of all entries at once; NaN where it has no value or a prediction of
/// something measured is not finite.
///
/// A column that the truth leaves without a value (nothing measured, or constant for a correlation) is not in the mean. One that the
/// predictions leave without, being constant, counts 0, as no correlation: left out, a model would be the better for it.
pub(super) fn score(
    predictions: &Array2<f32>,
    truth: &TargetMatrix,
    metric: Metric,
    over: Over,
) -> Result<f64, TargetError> {
    check_shape(predictions, truth.values().dim())?;
    if !all_finite(predictions, truth) {
        return Ok(f64::NAN);
    }
    let predicted = TargetMatrix::with_mask(
        predictions.clone(),
        truth.measured().clone(),
        truth.names().to_vec(),
    )?;
    let perfect = Comparison::new(truth, truth)?;
    let found = Comparison::new(&predicted, truth)?;
    let (found, perfect) = match over {
        Over::Columns => (found.columns(metric), perfect.columns(metric)),
        Over::Rows => (found.rows(metric), perfect.rows(metric)),
        Over::Pooled => {
            let best = perfect.pooled(metric);
            return Ok(best.map_or(f64::NAN, |_| found.pooled(metric).unwrap_or(0.0)));
        }
    };
    let scores: Vec<f64> = found
        .values()
        .iter()
        .zip(perfect.values())
        .filter(|(_, best)| best.is_some())
        .map(|(found, _)| found.unwrap_or(0.0))
        .collect();
    Ok(scores.iter().sum::<f64>() / scores.len() as f64)
}

/// What a table calls it.
pub(super) fn name(metric: Metric, over: Over) -> &'static str {
    match (metric, over) {
        (Metric::Rmse, Over::Columns) => "MCRMSE",
        (Metric::Rmse, Over::Rows) => "MRRMSE",
        _ => metric.name(),
    }
}

/// Refuses predictions of another shape.
pub(super) fn check_shape(
    predictions: &Array2<f32>,
    expected: (usize, usize),
) -> Result<(), TargetError> {
    if predictions.dim() == expected {
        return Ok(());
    }
    Err(TargetError::Shape {
        what: "the matrix of predictions",
        expected,
        found: predictions.dim(),
    })
}

fn all_finite(predictions: &Array2<f32>, truth: &TargetMatrix) -> bool {
    let mut pairs = predictions.iter().zip(truth.measured());
    pairs.all(|(value, measured)| value.is_finite() || !measured)
}
