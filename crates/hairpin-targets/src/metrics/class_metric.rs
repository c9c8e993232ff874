//! The metrics of probabilities of classes, each by name.

use std::borrow::Cow;
use std::fmt;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, Difference};
use super::comparison::Scores;
use super::confusion::{accuracy, balanced_accuracy, f_beta, mcc, mean, tally};
use super::cross_entropy::losses;
use super::metric::{Direction, Metric};
use super::pairs::Pairs;
use super::probability::{Binning, calibration_error};
use crate::{ClassLabels, TargetError, most_likely};

/// A metric of probabilities of classes against the true class of each row.
///
/// `p_k` is the probability of class `k`, `y_k` is 1 for the true class and 0 for the others.
///
/// | metric | formula | range | better | source |
/// |---|---|---|---|---|
/// | [`Accuracy`](Self::Accuracy) | share of rows whose most likely class is right | 0 to 1 | higher | |
/// | [`BalancedAccuracy`](Self::BalancedAccuracy) | mean recall over the classes in the truth | 0 to 1 | higher | Brodersen et al. (2010), [doi:10.1109/ICPR.2010.764](https://doi.org/10.1109/ICPR.2010.764) |
/// | [`MacroF1`](Self::MacroF1) | mean over classes of `2 TP / (2 TP + FP + FN)`, without those in neither truth nor predictions | 0 to 1 | higher | van Rijsbergen (1979) |
/// | [`Mcc`](Self::Mcc) | see [`Confusion::mcc`](super::Confusion::mcc) | -1 to 1 | higher | Gorodkin (2004), [doi:10.1016/j.compbiolchem.2004.09.006](https://doi.org/10.1016/j.compbiolchem.2004.09.006) |
/// | [`LogLoss`](Self::LogLoss) | mean of `-ln p_true`, see [`cross_entropy`](super::cross_entropy) | 0 to 15.95 | lower | Good (1952) |
/// | [`Brier`](Self::Brier) | mean of `Σ_k (p_k - y_k)²` | 0 to 2 | lower | Brier (1950) |
/// | [`Auroc`](Self::Auroc) | mean over classes of [`Metric::Auroc`] of `p_k` against `y_k` | 0 to 1 | higher | Provost and Domingos (2000) |
/// | [`AveragePrecision`](Self::AveragePrecision) | mean over classes of [`Metric::AveragePrecision`] of `p_k` against `y_k` | 0 to 1 | higher | |
/// | [`CalibrationError`](Self::CalibrationError) | [`Metric::CalibrationError`] of the largest `p_k` against whether it is right | 0 to 1 | lower | Guo et al. (2017), [arXiv:1706.04599](https://arxiv.org/abs/1706.04599) |
///
/// Undefined, `None`: weights that add up to 0; [`Mcc`](Self::Mcc) of truths or predictions all of one class;
/// [`Auroc`](Self::Auroc) and [`AveragePrecision`](Self::AveragePrecision) if one class has no value, being in no row's truth
/// or in every row's ([`one_vs_rest`] tells which).
///
/// ```
/// use hairpin_targets::{ClassLabels, metrics::ClassMetric};
/// use ndarray::array;
///
/// let truth = ClassLabels::new(vec![0, 1, 1], 2)?;
/// let probabilities = array![[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]];
/// let evaluate = |metric: ClassMetric| metric.evaluate(&probabilities, &truth, None);
/// assert_eq!(evaluate(ClassMetric::Brier)?, Some(0.25));
/// assert_eq!(evaluate(ClassMetric::BalancedAccuracy)?, Some(0.75));
/// assert_eq!(evaluate(ClassMetric::Auroc)?, Some(1.0));
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClassMetric {
    /// Share of rows labelled right.
    Accuracy,
    /// Mean recall of the classes.
    BalancedAccuracy,
    /// Mean F1 of the classes.
    MacroF1,
    /// Matthews' correlation coefficient.
    Mcc,
    /// Cross-entropy, in nats.
    LogLoss,
    /// Squared distance from certainty of the truth.
    Brier,
    /// Mean area under the ROC curve, one class against the rest.
    Auroc,
    /// Mean average precision, one class against the rest.
    AveragePrecision,
    /// Expected calibration error of the most likely class.
    CalibrationError {
        /// Number of bins; 15 are usual.
        bins: usize,
        /// How the rows are dealt into them.
        binning: Binning,
    },
}

impl ClassMetric {
    /// Every metric, the calibration error with 15 bins of equal width.
    pub const ALL: [Self; 9] = [
        Self::Accuracy,
        Self::BalancedAccuracy,
        Self::MacroF1,
        Self::Mcc,
        Self::LogLoss,
        Self::Brier,
        Self::Auroc,
        Self::AveragePrecision,
        Self::CalibrationError {
            bins: 15,
            binning: Binning::EqualWidth,
        },
    ];

    /// What a table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced accuracy",
            Self::MacroF1 => "macro F1",
            Self::Mcc => "MCC",
            Self::LogLoss => "cross-entropy",
            Self::Brier => "Brier",
            Self::Auroc => "macro AUROC",
            Self::AveragePrecision => "macro average precision",
            Self::CalibrationError { bins, binning } => {
                Metric::CalibrationError { bins, binning }.name()
            }
        }
    }

    /// Whether more of it is better.
    pub fn direction(self) -> Direction {
        match self {
            Self::LogLoss | Self::Brier | Self::CalibrationError { .. } => Direction::LowerIsBetter,
            _ => Direction::HigherIsBetter,
        }
    }

    /// The least and the greatest value it can have.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Mcc => (-1.0, 1.0),
            Self::LogLoss => Metric::LogLoss.range(),
            Self::Brier => (0.0, 2.0),
            _ => (0.0, 1.0),
        }
    }

    /// The metric, with a weight per row if there are any: 2 counts as the row twice, 0 as absent. `None` where undefined.
    ///
    /// # Shapes
    ///
    /// - `probabilities`: `[n_rows, n_classes]`, each row adding up to 1 within 0.001
    /// - `truth`, `weights`: `n_rows`
    ///
    /// # Errors
    ///
    /// If the shapes do not match, there are no rows, an entry is not a probability, a row does not add up to 1, or a
    /// weight is negative or not finite.
    pub fn evaluate(
        self,
        probabilities: &Array2<f32>,
        truth: &ClassLabels,
        weights: Option<&[f64]>,
    ) -> Result<Option<f64>, TargetError> {
        let losses = losses(probabilities, truth)?;
        check_weights(weights, truth.len())?;
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let over_rows = |values: Vec<f64>| {
            let values = values.into_iter().enumerate();
            mean(values.map(|(row, value)| (Some(value), weight(row))))
        };
        let predicted = most_likely(probabilities)?;
        let tally = tally(&predicted, truth, weights);
        let strict = |scores: Scores| (scores.undefined() == 0).then(|| scores.mean())?;
        Ok(match self {
            Self::Accuracy => accuracy(&tally),
            Self::BalancedAccuracy => balanced_accuracy(&tally),
            Self::MacroF1 => mean(f_beta(&tally, 1.0).into_iter().map(|f1| (f1, 1.0))),
            Self::Mcc => mcc(&tally),
            Self::LogLoss => over_rows(losses),
            Self::Brier => {
                let rows = probabilities.rows().into_iter().zip(truth.labels());
                let square = |value: f64| value * value;
                let distance = rows.map(|(row, &label)| {
                    let entries = row.iter().enumerate();
                    entries
                        .map(|(class, &p)| {
                            square(f64::from(p) - f64::from(u8::from(class == label)))
                        })
                        .sum()
                });
                over_rows(distance.collect())
            }
            Self::Auroc => strict(one_vs_rest(Metric::Auroc, probabilities, truth, weights)?),
            Self::AveragePrecision => {
                let metric = Metric::AveragePrecision;
                strict(one_vs_rest(metric, probabilities, truth, weights)?)
            }
            Self::CalibrationError { bins, binning } => {
                let rows = predicted.iter().enumerate();
                let confidence = rows.map(|(row, &class)| f64::from(probabilities[[row, class]]));
                let pairs = predicted.iter().zip(truth.labels());
                let right = pairs.map(|(a, b)| f64::from(u8::from(a == b)));
                let pairs = Pairs::new(
                    Cow::Owned(confidence.collect()),
                    Cow::Owned(right.collect()),
                    weights,
                );
                calibration_error(&pairs, bins, binning)
            }
        })
    }
}

impl ClassMetric {
    /// Two classifiers' values on the same rows and their difference `a - b` with its interval, on the same resamples.
    ///
    /// # Shapes
    ///
    /// - `a`, `b`: `[n_rows, n_classes]`
    /// - `truth`: `n_rows`
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Self::evaluate) and [`Bootstrap::compare`].
    ///
    /// ```
    /// use hairpin_targets::{ClassLabels, metrics::{Bootstrap, ClassMetric}};
    /// use ndarray::array;
    ///
    /// let truth = ClassLabels::new(vec![0, 1, 1, 0], 2)?;
    /// let a = array![[0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.6, 0.4]];
    /// let b = array![[0.7, 0.3], [0.6, 0.4], [0.2, 0.8], [0.4, 0.6]];
    /// let found = ClassMetric::Accuracy.compare(&a, &b, &truth, Bootstrap::default())?;
    /// assert_eq!((found.a, found.b, found.difference.value), (1.0, 0.5, 0.5));
    /// assert!(found.difference.low >= 0.0);
    /// # Ok::<(), hairpin_targets::TargetError>(())
    /// ```
    pub fn compare(
        self,
        a: &Array2<f32>,
        b: &Array2<f32>,
        truth: &ClassLabels,
        bootstrap: Bootstrap,
    ) -> Result<Difference, TargetError> {
        // Whatever is wrong with the matrices is said before they are resampled.
        for probabilities in [a, b] {
            self.evaluate(probabilities, truth, None)?;
        }
        let on = |probabilities: &Array2<f32>, rows: &[usize]| {
            let mut counts = vec![0.0; truth.len()];
            for &row in rows {
                counts[row] += 1.0;
            }
            let value = self.evaluate(probabilities, truth, Some(&counts));
            value.ok().flatten()
        };
        bootstrap.compare(
            truth.len(),
            None,
            self.direction(),
            |rows| on(a, rows),
            |rows| on(b, rows),
        )
    }
}

impl fmt::Display for ClassMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A metric of each class against the rest: of the class's column of scores against 1 for its rows and 0 for the others.
///
/// The scores need not be probabilities, unless the metric wants them to be.
///
/// # Shapes
///
/// - `scores`: `[n_rows, n_classes]`
/// - `truth`, `weights`: `n_rows`
///
/// # Errors
///
/// If the shapes do not match, or a weight is negative or not finite.
///
/// ```
/// use hairpin_targets::{ClassLabels, metrics::{Metric, one_vs_rest}};
/// use ndarray::array;
///
/// let truth = ClassLabels::new(vec![0, 1, 1], 3)?;
/// let scores = array![[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.4, 0.2, 0.4]];
/// let auroc = one_vs_rest(Metric::Auroc, &scores, &truth, None)?;
/// assert_eq!(auroc.values(), [Some(1.0), Some(0.5), None]); // no row is of class 2
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn one_vs_rest(
    metric: Metric,
    scores: &Array2<f32>,
    truth: &ClassLabels,
    weights: Option<&[f64]>,
) -> Result<Scores, TargetError> {
    let expected = (truth.len(), truth.n_classes());
    if scores.dim() != expected {
        return Err(TargetError::Shape {
            what: "the matrix of scores",
            expected,
            found: scores.dim(),
        });
    }
    check_weights(weights, truth.len())?;
    let of_class = |class| {
        let column = scores.column(class);
        let predicted = column.iter().map(|&score| f64::from(score)).collect();
        let labels = truth.labels().iter();
        let is_class = labels
            .map(|&label| f64::from(u8::from(label == class)))
            .collect();
        metric.of_pairs(&Pairs::new(
            Cow::Owned(predicted),
            Cow::Owned(is_class),
            weights,
        ))
    };
    Ok(Scores::unweighted(
        (0..truth.n_classes()).map(of_class).collect(),
    ))
}

/// Refuses weights that are not one finite number of 0 or more per row.
pub(super) fn check_weights(weights: Option<&[f64]>, n_rows: usize) -> Result<(), TargetError> {
    let Some(weights) = weights else {
        return Ok(());
    };
    if weights.len() != n_rows {
        return Err(TargetError::Length {
            what: "weights of the rows",
            expected: n_rows,
            found: weights.len(),
        });
    }
    let mut entries = weights.iter().enumerate();
    match entries.find(|(_, w)| !(w.is_finite() && **w >= 0.0)) {
        Some((row, &value)) => Err(TargetError::Weight { row, value }),
        None => Ok(()),
    }
}
