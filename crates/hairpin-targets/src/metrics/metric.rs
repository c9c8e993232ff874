//! The metrics of predicted against true numbers, each by name.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::moments::{Moments, ratio};
use super::pairs::Pairs;
use super::probability::{self, Binning};
use super::{detection, rank};

/// A metric of predictions `x` against truths `y`, with `n` rows, means `x̄`, `ȳ` and weights of 1.
///
/// | metric | formula | range | better | source |
/// |---|---|---|---|---|
/// | [`Mse`](Self::Mse) | `Σ(x - y)² / n` | 0 to ∞ | lower | |
/// | [`Rmse`](Self::Rmse) | `√(Σ(x - y)² / n)` | 0 to ∞ | lower | |
/// | [`Mae`](Self::Mae) | `Σ\|x - y\| / n` | 0 to ∞ | lower | |
/// | [`MedianAe`](Self::MedianAe) | median of `\|x - y\|` | 0 to ∞ | lower | |
/// | [`R2`](Self::R2) | `1 - Σ(x - y)² / Σ(y - ȳ)²` | -∞ to 1 | higher | Wright (1921) |
/// | [`Pearson`](Self::Pearson) | `Σ(x - x̄)(y - ȳ) / √(Σ(x - x̄)² Σ(y - ȳ)²)` | -1 to 1 | higher | Pearson (1895), [doi:10.1098/rspl.1895.0041](https://doi.org/10.1098/rspl.1895.0041) |
/// | [`Spearman`](Self::Spearman) | Pearson of the ranks, ties averaged | -1 to 1 | higher | Spearman (1904), [doi:10.2307/1412159](https://doi.org/10.2307/1412159) |
/// | [`Kendall`](Self::Kendall) | tau-b: `(C - D) / √((C + D + X)(C + D + Y))`, pairs of rows in the same order, in the other, tied in `y` only, in `x` only | -1 to 1 | higher | Kendall (1945), [doi:10.1093/biomet/33.3.239](https://doi.org/10.1093/biomet/33.3.239) |
/// | [`Concordance`](Self::Concordance) | `2 Σ(x - x̄)(y - ȳ) / (Σ(x - x̄)² + Σ(y - ȳ)² + n (x̄ - ȳ)²)` | -1 to 1 | higher | Lin (1989), [doi:10.2307/2532051](https://doi.org/10.2307/2532051) |
/// | [`ConcordanceIndex`](Self::ConcordanceIndex) | share of the pairs of rows with `y` apart that `x` orders the same way, ties in `x` counting half | 0 to 1 | higher | Harrell et al. (1982), [doi:10.1001/jama.1982.03320430047030](https://doi.org/10.1001/jama.1982.03320430047030), nothing censored |
/// | [`Cosine`](Self::Cosine) | `Σxy / √(Σx² Σy²)` | -1 to 1 | higher | |
/// | [`Auroc`](Self::Auroc) | probability that `x` of a one is above `x` of a zero, ties counting half | 0 to 1 | higher | Hanley and McNeil (1982), [doi:10.1148/radiology.143.1.7063747](https://doi.org/10.1148/radiology.143.1.7063747) |
/// | [`AveragePrecision`](Self::AveragePrecision) | `Σ (R_k - R_(k-1)) P_k` down the distinct `x`: area under the precision-recall curve in steps | 0 to 1 | higher | Davis and Goadrich (2006), [doi:10.1145/1143844.1143874](https://doi.org/10.1145/1143844.1143874) |
/// | [`LogLoss`](Self::LogLoss) | `-Σ ln(x if y else 1 - x) / n`, the probability kept from 2⁻²³ to 1 - 2⁻²³ | 0 to 15.95 | lower | Good (1952) |
/// | [`Brier`](Self::Brier) | `Σ(x - y)² / n` | 0 to 1 | lower | Brier (1950), [doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2](https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2) |
/// | [`CalibrationError`](Self::CalibrationError) | `Σ over bins of \|Σx - Σy\| / n` | 0 to 1 | lower | Naeini et al. (2015), [doi:10.1609/aaai.v29i1.9602](https://doi.org/10.1609/aaai.v29i1.9602) |
///
/// **Undefined.** A metric without a value is `None`, never a number that could be averaged: no rows, or weights that
/// add up to 0; a value that is not finite; a constant `y` in [`R2`](Self::R2), a constant side in a correlation, a side
/// of zeros in [`Cosine`](Self::Cosine), no pair apart in [`ConcordanceIndex`](Self::ConcordanceIndex); from
/// [`Auroc`](Self::Auroc) down, a truth that is neither 0 nor 1; no zero or no one in [`Auroc`](Self::Auroc), no one in
/// [`AveragePrecision`](Self::AveragePrecision); from [`LogLoss`](Self::LogLoss) down, a prediction outside 0 to 1.
///
/// **Weighted.** One law for all: a row of weight 2 counts as that row twice, and a row of weight 0 as absent.
///
/// ```
/// use hairpin_targets::metrics::{Direction, Metric};
///
/// let (predicted, truth) = ([1.0, 2.0, 4.0], [1.0, 2.0, 3.0]);
/// assert_eq!(Metric::Mae.evaluate(&predicted, &truth), Some(1.0 / 3.0));
/// assert_eq!(Metric::Spearman.evaluate(&predicted, &truth), Some(1.0));
/// assert_eq!(Metric::Pearson.evaluate(&[0.5, 0.5, 0.5], &truth), None); // says the same of every row
/// assert_eq!(Metric::Mae.evaluate_weighted(&predicted, &truth, &[1.0, 0.0, 3.0]), Some(0.75));
/// assert_eq!(Metric::Mae.direction(), Direction::LowerIsBetter);
/// assert_eq!(Metric::Spearman.to_string(), "Spearman");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// Mean squared error.
    Mse,
    /// Root mean squared error.
    Rmse,
    /// Mean absolute error.
    Mae,
    /// Median absolute error.
    MedianAe,
    /// Coefficient of determination.
    R2,
    /// Pearson's correlation.
    Pearson,
    /// Spearman's rank correlation.
    Spearman,
    /// Kendall's tau-b.
    Kendall,
    /// Lin's concordance correlation coefficient.
    Concordance,
    /// Harrell's C.
    ConcordanceIndex,
    /// Cosine of the angle between predictions and truth.
    Cosine,
    /// Area under the receiver operating characteristic; truths are 0 or 1.
    Auroc,
    /// Average precision, the area under the precision-recall curve; truths are 0 or 1.
    AveragePrecision,
    /// Cross-entropy in nats; truths are 0 or 1, predictions probabilities of 1.
    LogLoss,
    /// Brier score; truths are 0 or 1, predictions probabilities of 1.
    Brier,
    /// Expected calibration error; truths are 0 or 1, predictions probabilities of 1.
    CalibrationError {
        /// Number of bins; 15 are usual.
        bins: usize,
        /// How the rows are dealt into them.
        binning: Binning,
    },
}

/// Whether more of a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A larger value is better.
    HigherIsBetter,
    /// A smaller value is better.
    LowerIsBetter,
}

impl Direction {
    /// Whether `a` is better than `b`; nothing is better than an equal or than NaN.
    pub fn is_better(self, a: f64, b: f64) -> bool {
        match self {
            Self::HigherIsBetter => a > b,
            Self::LowerIsBetter => a < b,
        }
    }
}

impl Metric {
    /// Every metric, the calibration error with 15 bins of equal width.
    pub const ALL: [Self; 16] = [
        Self::Mse,
        Self::Rmse,
        Self::Mae,
        Self::MedianAe,
        Self::R2,
        Self::Pearson,
        Self::Spearman,
        Self::Kendall,
        Self::Concordance,
        Self::ConcordanceIndex,
        Self::Cosine,
        Self::Auroc,
        Self::AveragePrecision,
        Self::LogLoss,
        Self::Brier,
        Self::CalibrationError {
            bins: 15,
            binning: Binning::EqualWidth,
        },
    ];

    /// What a table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mse => "MSE",
            Self::Rmse => "RMSE",
            Self::Mae => "MAE",
            Self::MedianAe => "median AE",
            Self::R2 => "R2",
            Self::Pearson => "Pearson",
            Self::Spearman => "Spearman",
            Self::Kendall => "Kendall tau-b",
            Self::Concordance => "concordance",
            Self::ConcordanceIndex => "C index",
            Self::Cosine => "cosine",
            Self::Auroc => "AUROC",
            Self::AveragePrecision => "average precision",
            Self::LogLoss => "log loss",
            Self::Brier => "Brier",
            Self::CalibrationError {
                binning: Binning::EqualWidth,
                ..
            } => "calibration error",
            Self::CalibrationError {
                binning: Binning::EqualMass,
                ..
            } => "calibration error (equal mass)",
        }
    }

    /// Whether more of it is better.
    pub fn direction(self) -> Direction {
        match self {
            Self::Mse | Self::Rmse | Self::Mae | Self::MedianAe => Direction::LowerIsBetter,
            Self::LogLoss | Self::Brier | Self::CalibrationError { .. } => Direction::LowerIsBetter,
            _ => Direction::HigherIsBetter,
        }
    }

    /// The least and the greatest value it can have; infinite where there is none.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Mse | Self::Rmse | Self::Mae | Self::MedianAe => (0.0, f64::INFINITY),
            Self::R2 => (f64::NEG_INFINITY, 1.0),
            Self::Pearson | Self::Spearman | Self::Kendall => (-1.0, 1.0),
            Self::Concordance | Self::Cosine => (-1.0, 1.0),
            Self::LogLoss => (0.0, -f64::from(f32::EPSILON).ln()),
            _ => (0.0, 1.0),
        }
    }

    /// The metric of `predicted` against `truth`, `f32` or `f64`, one prediction per truth; `None` where undefined.
    ///
    /// # Panics
    ///
    /// If the two have different lengths.
    pub fn evaluate<T: Copy + Into<f64>>(self, predicted: &[T], truth: &[T]) -> Option<f64> {
        self.of_slices(predicted, truth, None)
    }

    /// The same with a weight per row, each finite and not below 0; `None` if one is not.
    ///
    /// # Panics
    ///
    /// If the three have different lengths.
    pub fn evaluate_weighted<T: Copy + Into<f64>>(
        self,
        predicted: &[T],
        truth: &[T],
        weights: &[f64],
    ) -> Option<f64> {
        assert!(
            weights.len() == truth.len(),
            "weights: {} of them for {} truths",
            weights.len(),
            truth.len()
        );
        let valid = weights.iter().all(|&w| w >= 0.0 && w.is_finite());
        valid.then(|| self.of_slices(predicted, truth, Some(weights)))?
    }

    fn of_slices<T: Copy + Into<f64>>(
        self,
        predicted: &[T],
        truth: &[T],
        weights: Option<&[f64]>,
    ) -> Option<f64> {
        assert!(
            predicted.len() == truth.len(),
            "predicted: {} of them for {} truths",
            predicted.len(),
            truth.len()
        );
        let wide = |values: &[T]| Cow::Owned(values.iter().map(|&v| v.into()).collect());
        self.of_pairs(&Pairs::new(wide(predicted), wide(truth), weights))
    }

    pub(super) fn of_pairs(self, pairs: &Pairs) -> Option<f64> {
        match self {
            Self::MedianAe => median_absolute(pairs),
            Self::Spearman => rank::spearman(pairs),
            Self::Kendall => rank::kendall(pairs),
            Self::ConcordanceIndex => rank::concordance_index(pairs),
            Self::Auroc => detection::auroc(pairs),
            Self::AveragePrecision => detection::average_precision(pairs),
            Self::LogLoss => probability::log_loss(pairs),
            Self::Brier => probability::brier(pairs),
            Self::CalibrationError { bins, binning } => {
                probability::calibration_error(pairs, bins, binning)
            }
            _ => self.of_moments(&Moments::of(pairs)),
        }
    }

    /// What of the [`Moments`] the metric needs; `None` if it is not computed from them.
    pub(super) fn moments(self) -> Option<Needs> {
        match self {
            Self::Mse | Self::Rmse | Self::Mae => Some(Needs::Deviations),
            Self::R2 => Some(Needs::Both),
            Self::Pearson | Self::Concordance | Self::Cosine => Some(Needs::Products),
            _ => None,
        }
    }

    /// The metric from the sums that [`moments`](Self::moments) names.
    pub(super) fn of_moments(self, moments: &Moments) -> Option<f64> {
        match self {
            Self::Mse => moments.mse(),
            Self::Rmse => moments.mse().map(f64::sqrt),
            Self::Mae => moments.mae(),
            Self::R2 => moments.r2(),
            Self::Pearson => moments.pearson(),
            Self::Concordance => moments.concordance(),
            Self::Cosine => moments.cosine(),
            _ => None,
        }
    }
}

/// Which sums of [`Moments`] a metric needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Deviations,
    Products,
    Both,
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The middle of the absolute errors, or the mean of the two middle ones.
fn median_absolute(pairs: &Pairs) -> Option<f64> {
    if !pairs.all_finite() {
        return None;
    }
    if pairs.weights().is_none() {
        let mut errors: Vec<f64> = pairs.iter().map(|(x, y, _)| (x - y).abs()).collect();
        return median(&mut errors);
    }
    let mut errors: Vec<(f64, f64)> = pairs.iter().map(|(x, y, w)| ((x - y).abs(), w)).collect();
    weighted_median(&mut errors)
}

/// The middle value, or the mean of the two middle ones; `None` if there are none. The values are reordered.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let (below, &mut middle, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return Some(middle);
    }
    let before = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(f64::midpoint(before, middle))
}

/// The value below which half of the weight lies; where that is between two values, their mean.
pub(super) fn weighted_median(values: &mut [(f64, f64)]) -> Option<f64> {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = values.iter().map(|&(_, w)| w).sum();
    ratio(total, total)?;
    let mut below = 0.0;
    for (i, &(value, weight)) in values.iter().enumerate() {
        below += weight;
        if 2.0 * below > total {
            return Some(value);
        }
        if 2.0 * below == total {
            let next = values[i + 1..].iter().find(|&&(_, w)| w > 0.0);
            return Some(next.map_or(value, |&(next, _)| (value + next) / 2.0));
        }
    }
    None
}
