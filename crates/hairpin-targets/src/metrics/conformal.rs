//! Intervals of predictions that hold their promise without knowing the model.

use serde::{Deserialize, Serialize};

use super::comparison::{Comparison, Scores};
use super::estimate::check_level;
use crate::TargetError;

/// Split-conformal prediction intervals, a half-width per column.
///
/// Of `n` calibration rows, which the model was not fitted to, with residuals `|y - x|` sorted ascending:
///
/// ```text
/// half_width  = the residual of rank ceil((n + 1) level), infinite if that exceeds n
/// interval(x) = x - half_width to x + half_width
/// ```
///
/// If calibration rows and a new row are exchangeable, the new truth lies in its interval with a probability of at least
/// `level`, and of at most `level + 1 / (n + 1)` if no residuals tie, whatever the model. That is an average over rows: an
/// interval may be too wide for easy rows and too narrow for hard ones. Lei et al. (2018), *Distribution-free predictive
/// inference for regression*, [doi:10.1080/01621459.2017.1307116](https://doi.org/10.1080/01621459.2017.1307116).
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::metrics::{Comparison, Conformal};
/// use ndarray::Array2;
///
/// let names = || vec!["log intensity".to_string()];
/// let predicted = TargetMatrix::new(Array2::zeros((9, 1)), names())?;
/// let truth = TargetMatrix::new(Array2::from_shape_fn((9, 1), |(row, _)| row as f32), names())?;
/// let conformal = Conformal::calibrate(&Comparison::new(&predicted, &truth)?, 0.8)?;
/// // The residual of rank ceil(10 * 0.8) = 8 of 0, 1, .., 8.
/// assert_eq!(conformal.interval(0, 2.5), (2.5 - 7.0, 2.5 + 7.0));
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    level: f64,
    half_widths: Vec<HalfWidth>,
}

/// JSON has no infinity: a half-width that is one is left out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct HalfWidth(Option<f64>);

impl Conformal {
    /// Learns the half-widths from calibration rows: what was measured of each column, row weights left aside.
    ///
    /// # Errors
    ///
    /// If `level` is not between 0 and 1.
    pub fn calibrate(calibration: &Comparison, level: f64) -> Result<Self, TargetError> {
        check_level(level)?;
        let half_width = |column| {
            let mut residuals = calibration.residuals(column);
            residuals.iter_mut().for_each(|r| *r = r.abs());
            residuals.sort_unstable_by(f64::total_cmp);
            HalfWidth(residuals.get(rank(residuals.len(), level) - 1).copied())
        };
        Ok(Self {
            level,
            half_widths: (0..calibration.n_columns()).map(half_width).collect(),
        })
    }

    /// The probability with which an interval holds the truth, at least.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// Half the width of the intervals of a column; infinite if the calibration rows are too few for the level.
    ///
    /// # Panics
    ///
    /// If the column does not exist.
    pub fn half_width(&self, column: usize) -> f64 {
        self.half_widths[column].0.unwrap_or(f64::INFINITY)
    }

    /// The interval around a prediction.
    ///
    /// # Panics
    ///
    /// If the column does not exist.
    pub fn interval(&self, column: usize, predicted: f32) -> (f64, f64) {
        let half = self.half_width(column);
        (f64::from(predicted) - half, f64::from(predicted) + half)
    }

    /// The share of measured truths of each column that lie in their interval: on test rows about the level, or more.
    ///
    /// # Errors
    ///
    /// If there is another number of columns.
    pub fn coverage(&self, test: &Comparison) -> Result<Scores, TargetError> {
        if test.n_columns() != self.half_widths.len() {
            return Err(TargetError::Length {
                what: "columns with conformal intervals",
                expected: self.half_widths.len(),
                found: test.n_columns(),
            });
        }
        let share = |column| {
            let residuals = test.residuals(column);
            let half = self.half_width(column);
            let inside = residuals.iter().filter(|r| r.abs() <= half).count();
            (!residuals.is_empty()).then(|| inside as f64 / residuals.len() as f64)
        };
        Ok(Scores::unweighted(
            (0..test.n_columns()).map(share).collect(),
        ))
    }
}

/// `ceil((n + 1) level)`, from 1 up; 0.9 of 10 is 9, whatever rounding makes of the product.
fn rank(n: usize, level: f64) -> usize {
    let exact = (n + 1) as f64 * level;
    let nearest = exact.round();
    let rank = if (exact - nearest).abs() < 1e-9 * nearest {
        nearest
    } else {
        exact.ceil()
    };
    (rank as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_by_hand() {
        for (n, level, expected) in [
            (9, 0.9, 9),
            (8, 0.9, 9),
            (10, 0.9, 10),
            (99, 0.95, 95),
            (999, 0.3, 300),
            (1, 0.01, 1),
        ] {
            assert_eq!(rank(n, level), expected, "{n} {level}");
        }
    }
}
