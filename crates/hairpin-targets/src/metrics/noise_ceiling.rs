//! How well noise lets anybody predict: correlation held against that of replicates.

use serde::{Deserialize, Serialize};

use super::bootstrap::Bootstrap;
use super::estimate::Estimate;
use super::metric::Metric;
use crate::{Groups, TargetError};

/// The reliability of the mean of `k` replicates, from that of one: `k r / (1 + (k - 1) r)`.
///
/// `reliability` is the correlation of two replicates; at 1 noise is absent, at 0 there is nothing else. Spearman (1910),
/// [doi:10.1111/j.2044-8295.1910.tb00206.x](https://doi.org/10.1111/j.2044-8295.1910.tb00206.x); Brown (1910),
/// [doi:10.1111/j.2044-8295.1910.tb00207.x](https://doi.org/10.1111/j.2044-8295.1910.tb00207.x).
///
/// ```
/// use hairpin_targets::metrics::spearman_brown;
///
/// assert_eq!(spearman_brown(0.5, 2.0), 2.0 / 3.0);
/// ```
pub fn spearman_brown(reliability: f64, k: f64) -> f64 {
    k * reliability / (1.0 + (k - 1.0) * reliability)
}

/// How well what was measured several times agrees with itself: Pearson's correlation of rows of the same group, such as spots with the
/// same probe. The square root is the highest correlation to be expected with one measurement, as [`NoiseCeiling`] has it.
///
/// Each row is paired with the next one of its group, both ways round, so that the order within a pair does not matter. `None` if
/// no group has two rows, or they are all the same.
///
/// # Panics
///
/// If there is not one value per row.
///
/// ```
/// use hairpin_targets::Groups;
/// use hairpin_targets::metrics::repeat_correlation;
///
/// let probes = Groups::by(["ACG", "CCG", "ACG", "GGG", "CCG"]);
/// let found = repeat_correlation(&[1., 5., 2., 9., 6.], &probes).unwrap();
/// // Pairs (1, 2), (2, 1), (5, 6), (6, 5).
/// assert!((found - 15.0 / 17.0).abs() < 1e-12);
/// ```
pub fn repeat_correlation(values: &[f32], repeats: &Groups) -> Option<f64> {
    assert!(
        values.len() == repeats.len(),
        "values: {} of {} rows",
        values.len(),
        repeats.len()
    );
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for rows in repeats.members() {
        for pair in rows.windows(2) {
            let (a, b) = (values[pair[0]], values[pair[1]]);
            first.extend([a, b]);
            second.extend([b, a]);
        }
    }
    Metric::Pearson.evaluate(&first, &second)
}

/// Predictions, the truth they are scored on, and two replicates that tell how noisy it is; one number per row each.
#[derive(Clone, Copy, Debug)]
pub struct Replicated<'a> {
    /// What the model says.
    pub predicted: &'a [f32],
    /// What it is scored on: one replicate, or the mean of several.
    pub truth: &'a [f32],
    /// Two measurements of the same rows, independent of each other.
    pub replicates: [&'a [f32]; 2],
    /// How many such replicates the truth is the mean of: 1 if it is one of them, 2 if it is their mean.
    pub averaged: usize,
}

/// A correlation beside what noise in the truth leaves of a perfect one.
///
/// With `r` the correlation of predictions and truth, `R` that of the replicates, and `k` replicates averaged in the
/// truth:
///
/// ```text
/// reliability   = k R / (1 + (k - 1) R)
/// ceiling       = √reliability
/// disattenuated = r / ceiling
/// ```
///
/// Spearman (1904), *The proof and measurement of association between two things*,
/// [doi:10.2307/1412159](https://doi.org/10.2307/1412159). The disattenuated correlation is not cut at 1: by chance, or by
/// replicates that are noisier than the truth, it may exceed it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoiseCeiling {
    /// Correlation of predictions and truth.
    pub correlation: Estimate,
    /// The highest correlation to be expected of a model that knows all but the noise.
    pub ceiling: Estimate,
    /// The correlation to be expected with a truth free of noise.
    pub disattenuated: Estimate,
}

impl Replicated<'_> {
    /// The ceiling, all three numbers with bootstrap intervals over rows, or over whole groups of rows.
    ///
    /// `metric` is [`Metric::Pearson`] or [`Metric::Spearman`]; the argument of 1904 is about Pearson's. A resample in
    /// which the replicates do not correlate, `R <= 0`, has no ceiling: it is counted as undefined.
    ///
    /// # Errors
    ///
    /// If lengths differ, `averaged` is 0, the replicates do not correlate or a side is constant, or a setting of the
    /// bootstrap is out of range.
    ///
    /// ```
    /// use hairpin_targets::metrics::{Bootstrap, Metric, Replicated};
    ///
    /// // A signal of variance 8.25, and noise of 3 up or down: replicates correlate at 8.25 / 17.25.
    /// let signal = |i: usize| (i % 10) as f32;
    /// let noisy = |every: usize| {
    ///     let noise = move |i: usize| if i / every % 2 == 0 { 3.0 } else { -3.0 };
    ///     (0..400).map(|i| signal(i) + noise(i)).collect::<Vec<f32>>()
    /// };
    /// let (first, second) = (noisy(10), noisy(20));
    /// let predicted: Vec<f32> = (0..400).map(signal).collect();
    /// let found = Replicated {
    ///     predicted: &predicted,
    ///     truth: &first,
    ///     replicates: [&first, &second],
    ///     averaged: 1,
    /// }
    /// .ceiling(Metric::Pearson, Bootstrap::default(), None)?;
    /// // As good as the noise allows.
    /// assert!((found.ceiling.value - (8.25_f64 / 17.25).sqrt()).abs() < 1e-9);
    /// assert!((found.correlation.value - found.ceiling.value).abs() < 1e-9);
    /// assert!((found.disattenuated.value - 1.0).abs() < 1e-9);
    /// # Ok::<(), hairpin_targets::TargetError>(())
    /// ```
    pub fn ceiling(
        &self,
        metric: Metric,
        bootstrap: Bootstrap,
        groups: Option<&[usize]>,
    ) -> Result<NoiseCeiling, TargetError> {
        let n = self.truth.len();
        let [first, second] = self.replicates;
        for (what, found) in [
            ("predictions", self.predicted.len()),
            ("the first replicate", first.len()),
            ("the second replicate", second.len()),
        ] {
            if found != n {
                return Err(TargetError::Length {
                    what,
                    expected: n,
                    found,
                });
            }
        }
        if self.averaged == 0 {
            return Err(TargetError::NoRows {
                what: "the list of replicates averaged in the truth",
            });
        }
        let drawn = |values: &[f32], rows: &[usize]| -> Vec<f32> {
            rows.iter().map(|&row| values[row]).collect()
        };
        let correlation = |rows: &[usize]| {
            metric.evaluate(&drawn(self.predicted, rows), &drawn(self.truth, rows))
        };
        let ceiling = |rows: &[usize]| {
            let reliability = metric.evaluate(&drawn(first, rows), &drawn(second, rows))?;
            (reliability > 0.0).then(|| spearman_brown(reliability, self.averaged as f64).sqrt())
        };
        Ok(NoiseCeiling {
            correlation: bootstrap.estimate(n, groups, correlation)?,
            ceiling: bootstrap.estimate(n, groups, ceiling)?,
            disattenuated: bootstrap
                .estimate(n, groups, |rows| Some(correlation(rows)? / ceiling(rows)?))?,
        })
    }
}
