//! The confusion matrix and what is read off it per class.

use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

use super::check_predicted;
use crate::{ClassLabels, TargetError};

/// How often each class was taken for each other: rows are the truth, columns the predictions.
///
/// # Shapes
///
/// - counts: `[n_classes, n_classes]`
///
/// ```
/// use hairpin_targets::{ClassLabels, metrics::Confusion};
/// use ndarray::array;
///
/// let truth = ClassLabels::new(vec![0, 0, 0, 1], 2)?;
/// let confusion = Confusion::new(&[0, 0, 1, 1], &truth)?;
/// assert_eq!(confusion.counts(), array![[2, 1], [0, 1]]);
/// let scores = confusion.per_class();
/// assert_eq!(scores[1].precision, Some(0.5)); // one of the two called 1 is a 1
/// assert_eq!(scores[1].recall, Some(1.0)); // the only 1 was found
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    counts: Array2<usize>,
}

/// Recall, precision and F1 of one class.
///
/// A ratio whose denominator is 0 is `None`, where scikit-learn writes 0 with a warning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScores {
    /// Rows that truly are of the class.
    pub support: usize,
    /// Share of them that was found, `TP / (TP + FN)`; `None` without such rows.
    pub recall: Option<f64>,
    /// Share of right ones among the rows predicted as the class, `TP / (TP + FP)`; `None` if none was predicted.
    pub precision: Option<f64>,
    /// Harmonic mean of the two, `2 TP / (2 TP + FP + FN)`; `None` if the class is in neither truth nor predictions.
    pub f1: Option<f64>,
}

impl Confusion {
    /// Counts each pair of a true and a predicted class.
    ///
    /// # Errors
    ///
    /// If there is not one prediction per true label, there are no rows, or a predicted class does not exist.
    pub fn new(predicted: &[usize], truth: &ClassLabels) -> Result<Self, TargetError> {
        check_predicted(predicted, truth)?;
        let mut counts = Array2::zeros((truth.n_classes(), truth.n_classes()));
        for (&row, &column) in truth.labels().iter().zip(predicted) {
            counts[[row, column]] += 1;
        }
        Ok(Self { counts })
    }

    /// The counts, `[truth, predicted]`.
    pub fn counts(&self) -> &Array2<usize> {
        &self.counts
    }

    /// Recall, precision and F1 of each class.
    pub fn per_class(&self) -> Vec<ClassScores> {
        (0..self.counts.nrows())
            .map(|class| {
                let hits = self.counts[[class, class]];
                let support = self.counts.row(class).sum();
                let predicted = self.counts.column(class).sum();
                ClassScores {
                    support,
                    recall: ratio(hits, support),
                    precision: ratio(hits, predicted),
                    f1: ratio(2 * hits, support + predicted),
                }
            })
            .collect()
    }

    /// Mean F1 over the classes that are in the truth or in the predictions, each of the same weight.
    pub fn macro_f1(&self) -> f64 {
        let scores: Vec<f64> = self
            .per_class()
            .iter()
            .filter_map(|class| class.f1)
            .collect();
        scores.iter().sum::<f64>() / scores.len() as f64
    }

    /// F-beta of each class: `(1 + β²) TP / ((1 + β²) TP + FP + β² FN)`, 0 to 1, higher is better. Recall counts `β` times
    /// as much as precision (van Rijsbergen (1979), *Information retrieval*). `None` for a class in neither truth nor
    /// predictions.
    pub fn f_beta_per_class(&self, beta: f64) -> Vec<Option<f64>> {
        f_beta(&self.tally(), beta)
    }

    /// F-beta as one number, 0 to 1, higher is better; `None` if no class it is the mean of has a value.
    ///
    /// ```
    /// use hairpin_targets::{ClassLabels, metrics::{Average, Confusion}};
    ///
    /// let truth = ClassLabels::new(vec![0, 0, 0, 1], 2)?;
    /// let confusion = Confusion::new(&[0, 0, 1, 1], &truth)?;
    /// // Class 0: precision 1, recall 2/3. Class 1: precision 1/2, recall 1.
    /// let f2 = confusion.f_beta(2.0, Average::Macro).unwrap();
    /// assert!((f2 - (5.0 / 7.0 + 5.0 / 6.0) / 2.0).abs() < 1e-12);
    /// # Ok::<(), hairpin_targets::TargetError>(())
    /// ```
    pub fn f_beta(&self, beta: f64, average: Average) -> Option<f64> {
        let tally = self.tally();
        let weight: Vec<f64> = match average {
            Average::Micro => return accuracy(&tally),
            Average::Macro => vec![1.0; tally.nrows()],
            Average::Support => tally.rows().into_iter().map(|row| row.sum()).collect(),
        };
        mean(f_beta(&tally, beta).into_iter().zip(weight))
    }

    /// Mean recall over the classes that are in the truth, 0 to 1, higher is better; a guess has 1 over their number.
    /// Brodersen et al. (2010), [doi:10.1109/ICPR.2010.764](https://doi.org/10.1109/ICPR.2010.764).
    pub fn balanced_accuracy(&self) -> f64 {
        balanced_accuracy(&self.tally()).unwrap_or(f64::NAN)
    }

    /// Matthews' correlation coefficient of any number of classes, -1 to 1, higher is better, 0 for guesses.
    ///
    /// With `s` rows, `c` of them right, and `t_k`, `p_k` rows that are, and are predicted as, class `k`:
    ///
    /// ```text
    /// MCC = (c s - Σ p_k t_k) / √((s² - Σ p_k²) (s² - Σ t_k²))
    /// ```
    ///
    /// `None` where truth or predictions are all of one class, where scikit-learn writes 0. Gorodkin (2004), *Comparing two
    /// K-category assignments by a K-category correlation coefficient*,
    /// [doi:10.1016/j.compbiolchem.2004.09.006](https://doi.org/10.1016/j.compbiolchem.2004.09.006).
    pub fn mcc(&self) -> Option<f64> {
        mcc(&self.tally())
    }

    fn tally(&self) -> Array2<f64> {
        self.counts.mapv(|count| count as f64)
    }
}

/// How scores of classes become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// Every class counts the same; classes without a value are left out.
    Macro,
    /// Hits and misses of all classes are added up first. Where each row has one class, F-beta is then the accuracy.
    Micro,
    /// Classes count by their number of true rows.
    Support,
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The weight of the rows of each true class (rows) and predicted class (columns); everything is checked before.
pub(super) fn tally(
    predicted: &[usize],
    truth: &ClassLabels,
    weights: Option<&[f64]>,
) -> Array2<f64> {
    let mut tally = Array2::zeros((truth.n_classes(), truth.n_classes()));
    for (i, (&row, &column)) in truth.labels().iter().zip(predicted).enumerate() {
        tally[[row, column]] += weights.map_or(1.0, |weights| weights[i]);
    }
    tally
}

pub(super) fn accuracy(tally: &Array2<f64>) -> Option<f64> {
    quotient(tally.diag().sum(), tally.sum())
}

pub(super) fn balanced_accuracy(tally: &Array2<f64>) -> Option<f64> {
    let recalls = tally.rows().into_iter().enumerate();
    mean(recalls.map(|(class, row)| (quotient(row[class], row.sum()), 1.0)))
}

pub(super) fn f_beta(tally: &Array2<f64>, beta: f64) -> Vec<Option<f64>> {
    let square = beta * beta;
    (0..tally.nrows())
        .map(|class| {
            let (support, predicted) = (tally.row(class).sum(), tally.column(class).sum());
            quotient(
                (1.0 + square) * tally[[class, class]],
                predicted + square * support,
            )
        })
        .collect()
}

pub(super) fn mcc(tally: &Array2<f64>) -> Option<f64> {
    let (truth, predicted) = (tally.sum_axis(Axis(1)), tally.sum_axis(Axis(0)));
    let total = tally.sum();
    // Of one class alone nothing is apart, whatever rounding leaves of the difference.
    let apart = |sums: &Array1<f64>| {
        let classes = sums.iter().filter(|&&sum| sum > 0.0).count();
        if classes < 2 {
            0.0
        } else {
            total * total - sums.dot(sums)
        }
    };
    let whole = (apart(&truth).max(0.0) * apart(&predicted).max(0.0)).sqrt();
    quotient(tally.diag().sum() * total - truth.dot(&predicted), whole)
}

fn quotient(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// The weighted mean of the values there are.
pub(super) fn mean(values: impl Iterator<Item = (Option<f64>, f64)>) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    for (value, weight) in values {
        if let Some(value) = value {
            sum += weight * value;
            total += weight;
        }
    }
    quotient(sum, total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::accuracy;
    use proptest::prelude::*;

    #[test]
    fn ratios_without_a_denominator_are_none() {
        // Class 1 is never predicted, class 2 is never true, class 3 is neither.
        let truth = ClassLabels::new(vec![0, 0, 1], 4).unwrap();
        let confusion = Confusion::new(&[0, 2, 0], &truth).unwrap();
        let scores = confusion.per_class();
        assert_eq!(scores[0].f1, Some(0.5));
        assert_eq!(
            (scores[1].recall, scores[1].precision, scores[1].f1),
            (Some(0.0), None, Some(0.0))
        );
        assert_eq!(
            (scores[2].recall, scores[2].precision, scores[2].f1),
            (None, Some(0.0), Some(0.0))
        );
        assert_eq!(
            (scores[3].recall, scores[3].precision, scores[3].f1),
            (None, None, None)
        );
        assert_eq!(confusion.macro_f1(), 0.5 / 3.0);
    }

    fn rows() -> impl Strategy<Value = Vec<(usize, usize)>> {
        prop::collection::vec((0usize..4, 0usize..4), 1..60)
    }

    proptest! {
        #[test]
        fn the_diagonal_is_the_accuracy_and_the_rows_are_the_counts(rows in rows()) {
            let (labels, predicted): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            let truth = ClassLabels::new(labels, 4).unwrap();
            let confusion = Confusion::new(&predicted, &truth).unwrap();
            let right = confusion.counts().diag().sum() as f64 / truth.len() as f64;
            prop_assert_eq!(right, accuracy(&predicted, &truth, 0.95).unwrap().value);
            let supports: Vec<usize> = confusion.per_class().iter().map(|class| class.support).collect();
            prop_assert_eq!(supports, truth.counts());
        }

        #[test]
        fn truth_and_predictions_exchanged_exchange_recall_and_precision(rows in rows()) {
            let (labels, predicted): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            let truth = ClassLabels::new(labels.clone(), 4).unwrap();
            let other = ClassLabels::new(predicted.clone(), 4).unwrap();
            let confusion = Confusion::new(&predicted, &truth).unwrap();
            let exchanged = Confusion::new(&labels, &other).unwrap();
            prop_assert_eq!(confusion.counts().t(), exchanged.counts());
            for (a, b) in confusion.per_class().into_iter().zip(exchanged.per_class()) {
                prop_assert_eq!((a.recall, a.precision, a.f1), (b.precision, b.recall, b.f1));
            }
        }
    }
}
