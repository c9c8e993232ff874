//! The mean negative log probability of the truth, with a bootstrap interval.

use ndarray::Array2;

use super::bootstrap::Bootstrap;
use super::estimate::Estimate;
use crate::{ClassLabels, TargetError};

/// How far the probabilities of a row may add up from 1.
const SUM_TOLERANCE: f64 = 1e-3;

/// The mean of `-ln p` over the rows, with `p` the probability given to the true class; in nats, 0 is best.
///
/// `p` is kept between ε and 1 - ε, ε = 2⁻²³ ([`f32::EPSILON`]), so that one confident mistake costs 15.9 and not
/// infinity; this is what scikit-learn's `log_loss` does to 32-bit probabilities. Rows are not normalised. The interval
/// is the one of a [`Bootstrap`] over rows.
///
/// # Shapes
///
/// - `probabilities`: `[n_rows, n_classes]`, each row adding up to 1 within 0.001
/// - `truth`: `n_rows` labels
///
/// # Errors
///
/// If the shapes do not match, there are no rows, an entry is not a probability, a row does not add up to 1, or the
/// bootstrap's settings are out of range.
///
/// ```
/// use hairpin_targets::{ClassLabels, metrics::{Bootstrap, cross_entropy}};
/// use ndarray::array;
///
/// let truth = ClassLabels::new(vec![0, 1], 2)?;
/// let loss = cross_entropy(&array![[0.5, 0.5], [0.75, 0.25]], &truth, Bootstrap::default())?;
/// assert!((loss.value - (2.0_f64.ln() + 4.0_f64.ln()) / 2.0).abs() < 1e-12);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn cross_entropy(
    probabilities: &Array2<f32>,
    truth: &ClassLabels,
    bootstrap: Bootstrap,
) -> Result<Estimate, TargetError> {
    let losses = losses(probabilities, truth)?;
    bootstrap.estimate(losses.len(), None, |rows| {
        Some(mean(rows.iter().map(|&row| losses[row]), rows.len()))
    })
}

/// The cross-entropy without an interval.
pub(crate) fn mean_cross_entropy(
    probabilities: &Array2<f32>,
    truth: &ClassLabels,
) -> Result<f64, TargetError> {
    let losses = losses(probabilities, truth)?;
    Ok(mean(losses.iter().copied(), losses.len()))
}

/// `-ln p` of each row's true class.
pub(super) fn losses(
    probabilities: &Array2<f32>,
    truth: &ClassLabels,
) -> Result<Vec<f64>, TargetError> {
    if truth.is_empty() {
        return Err(TargetError::NoRows {
            what: "the list of true classes",
        });
    }
    let expected = (truth.len(), truth.n_classes());
    if probabilities.dim() != expected {
        return Err(TargetError::Shape {
            what: "the matrix of probabilities",
            expected,
            found: probabilities.dim(),
        });
    }
    let epsilon = f64::from(f32::EPSILON);
    let rows = probabilities.rows().into_iter().zip(truth.labels());
    rows.enumerate()
        .map(|(row, (probabilities, &label))| {
            for (class, &value) in probabilities.iter().enumerate() {
                if !(0.0..=1.0).contains(&value) {
                    return Err(TargetError::Probability { row, class, value });
                }
            }
            let sum = probabilities.iter().copied().map(f64::from).sum::<f64>();
            if (sum - 1.0).abs() > SUM_TOLERANCE {
                return Err(TargetError::ProbabilitySum { row, sum });
            }
            Ok(-f64::from(probabilities[label])
                .clamp(epsilon, 1.0 - epsilon)
                .ln())
        })
        .collect()
}

fn mean(values: impl Iterator<Item = f64>, n: usize) -> f64 {
    values.sum::<f64>() / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    fn truth(labels: &[usize]) -> ClassLabels {
        ClassLabels::new(labels.to_vec(), 2).unwrap()
    }

    #[test]
    fn certainty_is_clipped() {
        let loss = |labels| mean_cross_entropy(&array![[1.0, 0.0]], &truth(labels)).unwrap();
        assert!((loss(&[1]) - 23.0 * 2.0_f64.ln()).abs() < 1e-12);
        assert!((loss(&[0]) - 2.0_f64.powi(-23)).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        let refused = |rows: Array2<f32>| {
            cross_entropy(&rows, &truth(&[0, 1]), Bootstrap::default())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(array![[0.5, 0.5], [0.5, f32::NAN]]),
            "row 1, class 1: NaN is not a probability"
        );
        assert_eq!(
            refused(array![[1.5, -0.5], [0.5, 0.5]]),
            "row 0, class 0: 1.5 is not a probability"
        );
        assert_eq!(
            refused(array![[0.5, 0.5], [0.5, 0.25]]),
            "row 1: the probabilities add up to 0.75, expected 1 (were these logits?)"
        );
        assert_eq!(
            refused(array![[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]),
            "the matrix of probabilities has 2 rows and 3 columns, expected 2 rows and 2 columns"
        );
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let rows = array![[0.5, 0.5]];
        let with = |bootstrap| cross_entropy(&rows, &truth(&[0]), bootstrap);
        let none = Bootstrap {
            resamples: 0,
            ..Bootstrap::default()
        };
        assert!(matches!(with(none), Err(TargetError::NoResamples)));
        let percent = Bootstrap {
            level: 95.0,
            ..Bootstrap::default()
        };
        assert!(matches!(with(percent), Err(TargetError::Level { .. })));
        let empty = cross_entropy(&Array2::zeros((0, 2)), &truth(&[]), Bootstrap::default());
        assert!(matches!(empty, Err(TargetError::NoRows { .. })));
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition_and_lies_in_its_interval(
            rows in prop::collection::vec((0.01f32..0.99, 0usize..2), 2..40),
            seed: u64,
        ) {
            let labels: Vec<usize> = rows.iter().map(|&(_, label)| label).collect();
            let probabilities = Array2::from_shape_fn((rows.len(), 2), |(row, class)| {
                if class == 0 { rows[row].0 } else { 1.0 - rows[row].0 }
            });
            let mut sum = 0.0;
            for (row, &label) in labels.iter().enumerate() {
                sum -= f64::from(probabilities[[row, label]]).ln();
            }
            let bootstrap = Bootstrap { resamples: 200, level: 0.99, seed, ..Bootstrap::default() };
            let found = cross_entropy(&probabilities, &truth(&labels), bootstrap).unwrap();
            prop_assert!((found.value - sum / rows.len() as f64).abs() < 1e-12);
            prop_assert!(found.low <= found.value && found.value <= found.high);
            prop_assert_eq!(found, cross_entropy(&probabilities, &truth(&labels), bootstrap).unwrap());
        }

        #[test]
        fn equal_rows_leave_no_interval(p in 0.1f32..0.9, n in 1usize..20) {
            let probabilities = Array2::from_shape_fn((n, 2), |(_, class)| if class == 0 { p } else { 1.0 - p });
            let bootstrap = Bootstrap { resamples: 100, ..Bootstrap::default() };
            let found = cross_entropy(&probabilities, &truth(&vec![0; n]), bootstrap).unwrap();
            prop_assert!((found.high - found.low).abs() < 1e-12);
        }
    }
}
