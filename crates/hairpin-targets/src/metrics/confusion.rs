//! The confusion matrix and what is read off it per class.

use ndarray::Array2;

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
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
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
