//! Classes to predict, and categories as numbers that a model can take.
//!
//! [`ClassLabels`] are targets. [`OneHot`] and [`TargetEncoding`] turn what is known of a row (its cell type, its compound)
//! into inputs; both see the training rows first, and say what they do with a category that those do not have.

mod levels;
mod one_hot;
mod target_encoding;

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

use crate::TargetError;
use crate::matrix::check_rows;
pub use levels::Categories;
pub use one_hot::{FittedOneHot, OneHot, UnseenCategory};
pub use target_encoding::{FittedTargetEncoding, Smoothing, TargetEncoding, TargetStatistic};

/// One class per example: integers from 0 to `n_classes` exclusive.
///
/// The number of classes is said, not guessed from the labels: a validation set may lack a class.
///
/// ```
/// use hairpin_targets::ClassLabels;
///
/// let labels = ClassLabels::new(vec![2, 0, 2], 3)?;
/// assert_eq!(labels.counts(), [1, 0, 2]);
/// assert_eq!(
///     ClassLabels::new(vec![0, 7], 5).unwrap_err().to_string(),
///     "labels, row 1: label 7 is not one of the 5 classes (0 to 5 exclusive)"
/// );
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct ClassLabels {
    labels: Vec<usize>,
    n_classes: usize,
}

impl ClassLabels {
    /// Labels of `n_classes` classes.
    ///
    /// # Errors
    ///
    /// If a label is `n_classes` or more.
    pub fn new(labels: Vec<usize>, n_classes: usize) -> Result<Self, TargetError> {
        check_labels("labels", &labels, n_classes)?;
        Ok(Self { labels, n_classes })
    }

    /// The labels, one per example.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Examples of each class, `n_classes` numbers.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.n_classes];
        for &label in &self.labels {
            counts[label] += 1;
        }
        counts
    }

    /// The labels of the given rows in the given order, such as the training rows of a [`Split`](crate::Split).
    ///
    /// # Errors
    ///
    /// If a row does not exist.
    pub fn select(&self, rows: &[usize]) -> Result<Self, TargetError> {
        check_rows(rows, self.len())?;
        Ok(Self {
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            n_classes: self.n_classes,
        })
    }
}

/// Refuses labels that name no class.
pub(crate) fn check_labels(
    what: &'static str,
    labels: &[usize],
    n_classes: usize,
) -> Result<(), TargetError> {
    match labels.iter().position(|&label| label >= n_classes) {
        Some(row) => Err(TargetError::Label {
            what,
            row,
            label: labels[row],
            n_classes,
        }),
        None => Ok(()),
    }
}

/// The most likely class of each row of probabilities or logits; ties go to the lowest class.
///
/// # Shapes
///
/// - `predictions`: `[n_rows, n_classes]`
/// - result: `n_rows` classes
///
/// # Errors
///
/// If a prediction is NaN, or there are rows but no classes.
///
/// ```
/// use hairpin_targets::most_likely;
/// use ndarray::array;
///
/// assert_eq!(most_likely(&array![[0.1, 0.7, 0.2], [0.4, 0.2, 0.4]])?, [1, 0]);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn most_likely(predictions: &Array2<f32>) -> Result<Vec<usize>, TargetError> {
    if predictions.nrows() > 0 && predictions.ncols() == 0 {
        return Err(TargetError::Shape {
            what: "the predictions",
            expected: (predictions.nrows(), 1),
            found: predictions.dim(),
        });
    }
    if let Some(((row, class), _)) = predictions.indexed_iter().find(|(_, value)| value.is_nan()) {
        return Err(TargetError::NanPrediction { row, class });
    }
    Ok(predictions.rows().into_iter().map(argmax).collect())
}

/// Index of the largest value; the first of equals. NaN never wins.
pub(crate) fn argmax(row: ArrayView1<'_, f32>) -> usize {
    let mut best = 0;
    for (class, &value) in row.iter().enumerate() {
        // `row[best]` may be a NaN in first place, which compares with nothing.
        if value > row[best] || (row[best].is_nan() && !value.is_nan()) {
            best = class;
        }
    }
    best
}

/// The serialised form, checked on its way in.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    labels: Vec<usize>,
    n_classes: usize,
}

impl From<ClassLabels> for Raw {
    fn from(ClassLabels { labels, n_classes }: ClassLabels) -> Self {
        Self { labels, n_classes }
    }
}

impl TryFrom<Raw> for ClassLabels {
    type Error = TargetError;

    fn try_from(Raw { labels, n_classes }: Raw) -> Result<Self, TargetError> {
        Self::new(labels, n_classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_label_of_seven_is_refused_in_a_file_too() {
        let json = r#"{"labels":[0,4,7],"n_classes":5}"#;
        let error = serde_json::from_str::<ClassLabels>(json).unwrap_err();
        assert!(error.to_string().contains("row 2: label 7"), "{error}");
        let json = r#"{"labels":[0,4,2],"n_classes":5}"#;
        let labels: ClassLabels = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&labels).unwrap(), json);
    }

    #[test]
    fn selection_keeps_the_order_asked_for_and_the_classes() {
        let labels = ClassLabels::new(vec![3, 1, 0], 5).unwrap();
        let selected = labels.select(&[2, 0, 2]).unwrap();
        assert_eq!(selected, ClassLabels::new(vec![0, 3, 0], 5).unwrap());
        assert!(matches!(
            labels.select(&[3]),
            Err(TargetError::Row { row: 3, n_rows: 3 })
        ));
    }

    #[test]
    fn ties_go_to_the_lowest_class_and_nan_is_refused() {
        assert_eq!(most_likely(&array![[-2.0, -1.0, -1.0]]).unwrap(), [1]);
        assert_eq!(most_likely(&Array2::zeros((0, 3))).unwrap(), [0; 0]);
        assert!(most_likely(&Array2::zeros((2, 0))).is_err());
        assert!(matches!(
            most_likely(&array![[0.5, 0.5], [0.5, f32::NAN]]),
            Err(TargetError::NanPrediction { row: 1, class: 1 })
        ));
        assert_eq!(argmax(array![f32::NAN, -1.0, f32::NAN].view()), 1);
    }
}
