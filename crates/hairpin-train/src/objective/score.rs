//! The score of a matrix of predictions, as it chooses the best weights.

use hairpin_targets::metrics::{Comparison, Metric, Over};
use hairpin_targets::{TargetError, TargetMatrix};
use ndarray::Array2;

/// The mean of the metric over columns or rows, its median over columns, or the metric of all entries at once; NaN where it has no value or a prediction of
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
    let found = Comparison::new(&predicted, truth)?;
    let perfect = Comparison::new(truth, truth)?;
    // What the truth predicts of itself is asked only where something has no value.
    let scores = |found: &[Option<f64>], perfect: &dyn Fn() -> Vec<Option<f64>>| {
        let complete: Option<Vec<f64>> = found.iter().copied().collect();
        complete.unwrap_or_else(|| {
            let both = found.iter().zip(perfect());
            both.filter(|(_, best)| best.is_some())
                .map(|(found, _)| found.unwrap_or(0.0))
                .collect()
        })
    };
    let mut scores = match over {
        Over::Columns | Over::ColumnMedian => scores(found.columns(metric).values(), &|| {
            perfect.columns(metric).values().to_vec()
        }),
        Over::Rows => scores(found.rows(metric).values(), &|| {
            perfect.rows(metric).values().to_vec()
        }),
        Over::Pooled => scores(&[found.pooled(metric)], &|| vec![perfect.pooled(metric)]),
    };
    if over == Over::ColumnMedian {
        return Ok(median(&mut scores));
    }
    Ok(scores.iter().sum::<f64>() / scores.len() as f64)
}

/// The middle value, or the mean of the two in the middle; NaN of none.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => f64::NAN,
        (n, middle) if n % 2 == 1 => values[middle],
        (_, middle) => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// What a table calls it.
pub(super) fn name(metric: Metric, over: Over) -> &'static str {
    match (metric, over) {
        (Metric::Rmse, Over::Columns) => "MCRMSE",
        (Metric::Rmse, Over::Rows) => "MRRMSE",
        (Metric::Pearson, Over::ColumnMedian) => "median Pearson",
        (Metric::Spearman, Over::ColumnMedian) => "median Spearman",
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

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, s};

    fn truth(values: Array2<f32>) -> TargetMatrix {
        let names = (0..values.ncols()).map(|column| column.to_string());
        TargetMatrix::new(values, names.collect()).unwrap()
    }

    /// Pearson's correlations of the columns: 1, -1, 0.5, and 0 of a constant.
    fn both() -> (Array2<f32>, Array2<f32>) {
        let predicted = array![
            [0.0, 2.0, 1.0, 7.0],
            [1.0, 1.0, 3.0, 7.0],
            [2.0, 0.0, 2.0, 7.0]
        ];
        let measured = array![
            [0.0, 0.0, 1.0, 0.0],
            [1.0, 1.0, 2.0, 1.0],
            [2.0, 2.0, 3.0, 5.0]
        ];
        (predicted, measured)
    }

    fn median_of(predicted: &Array2<f32>, measured: Array2<f32>) -> f64 {
        let truth = truth(measured);
        score(predicted, &truth, Metric::Pearson, Over::ColumnMedian).unwrap()
    }

    #[test]
    fn the_median_of_columns_is_the_middle_or_between_the_two_in_the_middle() {
        let (predicted, measured) = both();
        let part = |n: usize| {
            let own = s![.., ..n];
            median_of(
                &predicted.slice(own).to_owned(),
                measured.slice(own).to_owned(),
            )
        };
        // 1; 1 and -1; 1, -1, 0.5; 1, -1, 0.5, 0.
        for (n, expected) in [(1, 1.0), (2, 0.0), (3, 0.5), (4, 0.25)] {
            assert!((part(n) - expected).abs() < 1e-6, "{n}: {}", part(n));
        }
        let mean = score(&predicted, &truth(measured), Metric::Pearson, Over::Columns);
        assert!((mean.unwrap() - 0.125).abs() < 1e-6);
        assert_eq!(name(Metric::Pearson, Over::ColumnMedian), "median Pearson");
    }

    #[test]
    fn a_column_without_a_value_is_left_out_by_the_truth_and_zero_by_the_prediction() {
        let (predicted, mut measured) = both();
        measured.column_mut(1).fill(3.0);
        // 1, 0.5 and 0 are left.
        assert!((median_of(&predicted, measured) - 0.5).abs() < 1e-6);
        let constant = array![[1.0], [1.0], [1.0]];
        let own = array![[0.0], [1.0], [2.0]];
        assert_eq!(median_of(&constant, own.clone()), 0.0);
        assert!(median_of(&own, constant).is_nan());
        let mut lost = own.clone();
        lost[[1, 0]] = f32::NAN;
        assert!(median_of(&lost, own).is_nan());
    }

    #[test]
    fn predictions_of_another_shape_are_refused() {
        let (predicted, measured) = both();
        let two_rows = predicted.slice(s![..2, ..]).to_owned();
        let found = score(
            &two_rows,
            &truth(measured),
            Metric::Pearson,
            Over::ColumnMedian,
        );
        assert!(matches!(found, Err(TargetError::Shape { .. })));
    }
}
