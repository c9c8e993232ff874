//! The share of rows labelled right, with Wilson's score interval.

use super::check_predicted;
use super::estimate::{Estimate, Interval, check_level};
use crate::normal;
use crate::{ClassLabels, TargetError};

/// The share of rows labelled right, 0 to 1, with Wilson's score interval.
///
/// With `p` the share right of `n` rows and `z` the normal quantile of `(1 + level) / 2`:
///
/// ```text
/// centre = (p + z²/2n) / (1 + z²/n)
/// half   = z sqrt(p (1 - p)/n + z²/4n²) / (1 + z²/n)
/// ```
///
/// Unlike the textbook interval it is right for all rows right: 100 of 100 leaves room down to 0.963.
/// Wilson (1927), *Probable inference, the law of succession, and statistical inference*,
/// [doi:10.1080/01621459.1927.10502953](https://doi.org/10.1080/01621459.1927.10502953).
///
/// # Errors
///
/// If there is not one prediction per true label, there are no rows, a predicted class does not exist, or `level` is
/// not between 0 and 1.
///
/// ```
/// use hairpin_targets::{ClassLabels, metrics};
///
/// let truth = ClassLabels::new(vec![0, 1, 1, 2], 3)?;
/// let accuracy = metrics::accuracy(&[0, 1, 2, 2], &truth, 0.95)?;
/// assert_eq!(accuracy.value, 0.75);
/// assert_eq!(format!("{accuracy:.2}"), "0.75 (95 % interval 0.30 to 0.95)");
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn accuracy(
    predicted: &[usize],
    truth: &ClassLabels,
    level: f64,
) -> Result<Estimate, TargetError> {
    check_predicted(predicted, truth)?;
    check_level(level)?;
    let right = predicted.iter().zip(truth.labels()).filter(|(a, b)| a == b);
    let (value, low, high) = wilson(right.count() as f64, truth.len() as f64, level);
    Ok(Estimate {
        value,
        low,
        high,
        level,
        method: Interval::Wilson,
    })
}

/// The proportion `right / n` and the ends of its score interval.
fn wilson(right: f64, n: f64, level: f64) -> (f64, f64, f64) {
    let p = right / n;
    let z = normal::quantile((1.0 + level) / 2.0);
    let z2n = z * z / n;
    let centre = (p + z2n / 2.0) / (1.0 + z2n);
    let half = (z2n * (p * (1.0 - p) + z2n / 4.0)).sqrt() / (1.0 + z2n);
    // Rounding must not put the value itself, 0 or 1, outside its interval.
    (
        p,
        (centre - half).clamp(0.0, p),
        (centre + half).clamp(p, 1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_levels_next_to_zero_and_one_have_quantiles_too() {
        let truth = ClassLabels::new(vec![0, 1], 2).unwrap();
        for level in [f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0] {
            let found = accuracy(&[0, 0], &truth, level).unwrap();
            assert!(
                0.0 <= found.low && found.low <= 0.5 && 0.5 <= found.high && found.high <= 1.0,
                "{found}"
            );
        }
    }

    #[test]
    fn all_right_still_leaves_room() {
        // p = 1: high = 1 and low = n / (n + z²).
        let (value, low, high) = wilson(100.0, 100.0, 0.95);
        let z = 1.959_963_984_540_054_f64;
        assert_eq!((value, high), (1.0, 1.0));
        assert!((low - 100.0 / (100.0 + z * z)).abs() < 1e-12);
    }

    #[test]
    fn none_and_all_lie_at_the_end_of_their_interval() {
        for n in 1..=300 {
            for level in [0.5, 0.9, 0.95, 0.99] {
                assert_eq!(wilson(0.0, f64::from(n), level).1, 0.0);
                assert_eq!(wilson(f64::from(n), f64::from(n), level).2, 1.0);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let truth = ClassLabels::new(vec![0, 1], 2).unwrap();
        let none = ClassLabels::new(vec![], 2).unwrap();
        assert!(matches!(
            accuracy(&[0], &truth, 0.95),
            Err(TargetError::Length { .. })
        ));
        assert!(matches!(
            accuracy(&[0, 2], &truth, 0.95),
            Err(TargetError::Label {
                row: 1,
                label: 2,
                ..
            })
        ));
        assert!(matches!(
            accuracy(&[], &none, 0.95),
            Err(TargetError::NoRows { .. })
        ));
        assert!(matches!(
            accuracy(&[0, 1], &truth, 95.0),
            Err(TargetError::Level { .. })
        ));
    }

    proptest! {
        /// The ends are the proportions `q` at which the score test just rejects: |p - q| = z sqrt(q (1 - q) / n).
        #[test]
        fn the_ends_solve_the_score_equation(n in 1u32..500, share in 0.0f64..=1.0, level in 0.5f64..0.999) {
            let n = f64::from(n);
            let (p, low, high) = wilson((share * n).round(), n, level);
            let z = normal::quantile((1.0 + level) / 2.0);
            for end in [low, high] {
                let score = (p - end).powi(2) - z * z * end * (1.0 - end) / n;
                prop_assert!(score.abs() < 1e-12, "{score}");
            }
            prop_assert!(0.0 <= low && low <= p && p <= high && high <= 1.0 && low < high);
        }

        #[test]
        fn what_is_right_and_what_is_wrong_mirror_each_other(n in 1u32..500, share in 0.0f64..=1.0) {
            let (n, right) = (f64::from(n), (share * f64::from(n)).round());
            let (_, low, high) = wilson(right, n, 0.95);
            let (_, mirror_low, mirror_high) = wilson(n - right, n, 0.95);
            prop_assert!((low - (1.0 - mirror_high)).abs() < 1e-12);
            prop_assert!((high - (1.0 - mirror_low)).abs() < 1e-12);
        }
    }
}
