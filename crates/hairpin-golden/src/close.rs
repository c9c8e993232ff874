/// How far a value may lie from the expected one.
///
/// ```text
/// |found - expected| <= absolute + relative * |expected|
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Allowed whatever the size of the expected value; it decides near zero.
    pub absolute: f32,
    /// Allowed as a part of the expected value; it decides for large ones.
    pub relative: f32,
}

impl Tolerance {
    /// The error in units of what is allowed: above 1 is a failure. Equal values have none, whatever is allowed;
    /// a NaN on either side is infinitely wrong.
    fn strain(self, expected: f32, found: f32) -> f64 {
        if expected == found {
            return 0.0;
        }
        let error = (f64::from(found) - f64::from(expected)).abs();
        let allowed =
            f64::from(self.absolute) + f64::from(self.relative) * f64::from(expected).abs();
        let strain = error / allowed;
        // An infinite value beside another one gives inf / inf = NaN too.
        if strain.is_nan() {
            f64::INFINITY
        } else {
            strain
        }
    }
}

/// Panics unless every value of `found` lies within `tolerance` of its neighbour in `expected`.
///
/// ```
/// use hairpin_golden::{Tolerance, assert_close};
///
/// let tolerance = Tolerance { absolute: 1e-6, relative: 1e-3 };
/// assert_close("loss", &[100.0, 0.0], &[100.05, 1e-7], tolerance);
/// ```
///
/// # Panics
///
/// If the lengths differ, if a value is NaN, or if a value is out of tolerance. The message has `name` and, for the value that
/// oversteps its tolerance most, the index (row-major), both values, the absolute and the relative error:
///
/// ```should_panic
/// # use hairpin_golden::{Tolerance, assert_close};
/// # let tolerance = Tolerance { absolute: 1e-6, relative: 1e-3 };
/// // logits: 1 of 2 values out of tolerance; worst at index 1: expected 2, found 2.5,
/// // absolute error 5e-1 (allowed 1e-6), relative error 2.5e-1 (allowed 1e-3)
/// assert_close("logits", &[1.0, 2.0], &[1.0, 2.5], tolerance);
/// ```
#[track_caller]
pub fn assert_close(name: &str, expected: &[f32], found: &[f32], tolerance: Tolerance) {
    assert!(
        expected.len() == found.len(),
        "{name}: expected {} values, found {}",
        expected.len(),
        found.len()
    );
    let strain = |index: usize| tolerance.strain(expected[index], found[index]);
    let Some(worst) = (0..expected.len()).max_by(|&a, &b| strain(a).total_cmp(&strain(b))) else {
        return;
    };
    if strain(worst) > 1.0 {
        let failed = (0..expected.len()).filter(|&i| strain(i) > 1.0).count();
        let error = (f64::from(found[worst]) - f64::from(expected[worst])).abs();
        panic!(
            "{name}: {failed} of {} values out of tolerance; worst at index {worst}: expected {}, found {}, \
             absolute error {error:e} (allowed {:e}), relative error {:e} (allowed {:e})",
            expected.len(),
            expected[worst],
            found[worst],
            tolerance.absolute,
            error / f64::from(expected[worst]).abs(),
            tolerance.relative,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::tests::panic_message;

    const TOLERANCE: Tolerance = Tolerance {
        absolute: 0.25,
        relative: 0.5,
    };

    fn failure(expected: &[f32], found: &[f32]) -> String {
        panic_message(|| assert_close("gates", expected, found, TOLERANCE))
    }

    #[test]
    fn accepts_up_to_and_including_the_bound() {
        // 0.25 + 0.5 * 4 = 2.25, exact in binary.
        assert_close("gates", &[4.0, -4.0], &[6.25, -6.25], TOLERANCE);
        assert_close("gates", &[4.0, 0.0], &[1.75, 0.25], TOLERANCE);
        assert_close("gates", &[], &[], TOLERANCE);
    }

    #[test]
    fn refuses_the_next_number_beyond_the_bound() {
        for (expected, bound) in [(4.0f32, 6.25f32), (-4.0, -6.25), (0.0, 0.25), (0.0, -0.25)] {
            assert_close("gates", &[expected], &[bound], TOLERANCE);
            // One bit more in magnitude.
            failure(&[expected], &[f32::from_bits(bound.to_bits() + 1)]);
        }
    }

    #[test]
    fn the_bound_is_relative_to_the_expected_value_not_to_the_found_one() {
        assert_close("gates", &[8.0], &[4.0], TOLERANCE);
        failure(&[4.0], &[8.0]);
    }

    #[test]
    fn names_the_worst_value_by_its_own_allowance() {
        // Index 1 is further off in absolute terms, but within its allowance of 50.25.
        let message = failure(&[1.0, 100.0, 2.0, 0.5], &[2.0, 140.0, 8.0, 0.5]);
        assert_eq!(
            message,
            "gates: 2 of 4 values out of tolerance; worst at index 2: expected 2, found 8, \
             absolute error 6e0 (allowed 2.5e-1), relative error 3e0 (allowed 5e-1)"
        );
    }

    #[test]
    fn nan_is_never_close_and_is_the_worst() {
        assert!(failure(&[0.0, 1.0, 2.0], &[9.0, f32::NAN, 2.0]).contains("index 1"));
        assert!(failure(&[f32::NAN], &[f32::NAN]).contains("expected NaN, found NaN"));
        assert!(failure(&[f32::NAN], &[0.0]).contains("expected NaN, found 0"));
    }

    #[test]
    fn infinity_is_close_to_itself_alone() {
        assert_close("gates", &[f32::INFINITY], &[f32::INFINITY], TOLERANCE);
        failure(&[f32::INFINITY], &[f32::NEG_INFINITY]);
        failure(&[f32::INFINITY], &[f32::MAX]);
        failure(&[f32::MAX], &[f32::INFINITY]);
    }

    #[test]
    fn no_tolerance_asks_for_equality() {
        let none = Tolerance {
            absolute: 0.0,
            relative: 0.0,
        };
        assert_close("gates", &[0.0, 1.5], &[-0.0, 1.5], none);
        let next = f32::from_bits(1.5f32.to_bits() + 1);
        panic_message(|| assert_close("gates", &[1.5], &[next], none));
    }

    #[test]
    fn refuses_another_number_of_values() {
        assert_eq!(
            failure(&[1.0, 2.0], &[1.0]),
            "gates: expected 2 values, found 1"
        );
        failure(&[], &[1.0]);
    }
}
