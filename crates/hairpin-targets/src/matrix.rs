//! The target matrix: examples by tasks, with a mask for what was not measured.

use std::collections::HashMap;

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::TargetError;

/// Values to predict, or predicted: rows are examples, columns are tasks (proteins, genes, conditions, classes).
///
/// # Shapes
///
/// - values: `[n_rows, n_columns]`, in the unit of the task
/// - measured: `[n_rows, n_columns]`, `true` where the value was measured
///
/// A measured value is finite. What was not measured is stored as 0, whatever stood there, so that a NaN beneath the mask
/// cannot leak into a product with it. Serialised, a row is a list of numbers with `null` for what was not measured.
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use ndarray::array;
///
/// let names = vec!["HNRNPA1".to_string(), "PTBP1".to_string()];
/// let intensities = array![[0.5, f32::NAN], [1.5, 2.0]];
/// let measured = intensities.mapv(|value| !value.is_nan());
/// let targets = TargetMatrix::with_mask(intensities, measured, names)?;
/// assert_eq!(targets.values(), array![[0.5, 0.0], [1.5, 2.0]]);
/// assert!(!targets.measured()[[0, 1]]);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Rows", into = "Rows")]
pub struct TargetMatrix {
    values: Array2<f32>,
    measured: Array2<bool>,
    names: Vec<String>,
}

impl TargetMatrix {
    /// A matrix in which everything was measured.
    ///
    /// # Errors
    ///
    /// If there is not one name per column, a name occurs twice, or a value is not finite.
    pub fn new(values: Array2<f32>, names: Vec<String>) -> Result<Self, TargetError> {
        let measured = Array2::from_elem(values.dim(), true);
        Self::with_mask(values, measured, names)
    }

    /// A matrix of which only the values under a `true` of `measured` count.
    ///
    /// # Errors
    ///
    /// If the mask has another shape than the values, there is not one name per column, a name occurs twice, or a
    /// measured value is not finite.
    pub fn with_mask(
        mut values: Array2<f32>,
        measured: Array2<bool>,
        names: Vec<String>,
    ) -> Result<Self, TargetError> {
        if measured.dim() != values.dim() {
            return Err(TargetError::Shape {
                what: "the mask of what was measured",
                expected: values.dim(),
                found: measured.dim(),
            });
        }
        if names.len() != values.ncols() {
            return Err(TargetError::Length {
                what: "names of the columns",
                expected: values.ncols(),
                found: names.len(),
            });
        }
        let mut seen = HashMap::with_capacity(names.len());
        for (second, name) in names.iter().enumerate() {
            if let Some(first) = seen.insert(name, second) {
                return Err(TargetError::DuplicateName {
                    name: name.clone(),
                    first,
                    second,
                });
            }
        }
        for ((row, column), value) in values.indexed_iter_mut() {
            if !measured[[row, column]] {
                *value = 0.0;
            } else if !value.is_finite() {
                return Err(TargetError::NotFinite {
                    row,
                    name: names[column].clone(),
                    value: *value,
                });
            }
        }
        Ok(Self {
            values,
            measured,
            names,
        })
    }

    /// Number of examples.
    pub fn n_rows(&self) -> usize {
        self.values.nrows()
    }

    /// Number of tasks.
    pub fn n_columns(&self) -> usize {
        self.values.ncols()
    }

    /// Names of the columns, each once.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Values, `[n_rows, n_columns]`; 0 where not measured.
    pub fn values(&self) -> &Array2<f32> {
        &self.values
    }

    /// Mask, `[n_rows, n_columns]`: `true` where the value was measured.
    pub fn measured(&self) -> &Array2<bool> {
        &self.measured
    }

    /// The given rows in the given order, such as the training rows of a [`Split`](crate::Split).
    ///
    /// # Errors
    ///
    /// If a row does not exist.
    pub fn select(&self, rows: &[usize]) -> Result<Self, TargetError> {
        check_rows(rows, self.n_rows())?;
        Ok(Self {
            values: self.values.select(Axis(0), rows),
            measured: self.measured.select(Axis(0), rows),
            names: self.names.clone(),
        })
    }
}

/// Refuses rows that do not exist.
pub(crate) fn check_rows(rows: &[usize], n_rows: usize) -> Result<(), TargetError> {
    match rows.iter().find(|&&row| row >= n_rows) {
        Some(&row) => Err(TargetError::Row { row, n_rows }),
        None => Ok(()),
    }
}

/// The serialised form: one list per row, without a value where nothing was measured.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    names: Vec<String>,
    rows: Vec<Vec<Option<f32>>>,
}

impl From<TargetMatrix> for Rows {
    fn from(matrix: TargetMatrix) -> Self {
        let rows = matrix
            .values
            .rows()
            .into_iter()
            .zip(matrix.measured.rows())
            .map(|(values, measured)| {
                values
                    .iter()
                    .zip(measured)
                    .map(|(&value, &measured)| measured.then_some(value))
                    .collect()
            })
            .collect();
        Self {
            names: matrix.names,
            rows,
        }
    }
}

impl TryFrom<Rows> for TargetMatrix {
    type Error = TargetError;

    fn try_from(Rows { names, rows }: Rows) -> Result<Self, TargetError> {
        if let Some(row) = rows.iter().find(|row| row.len() != names.len()) {
            return Err(TargetError::Length {
                what: "values of a row",
                expected: names.len(),
                found: row.len(),
            });
        }
        let shape = (rows.len(), names.len());
        let entries = Array2::from_shape_fn(shape, |(row, column)| rows[row][column]);
        Self::with_mask(
            entries.mapv(Option::unwrap_or_default),
            entries.mapv(|entry| entry.is_some()),
            names,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("task {i}")).collect()
    }

    #[test]
    fn refuses_what_does_not_fit_together() {
        let message = |result: Result<TargetMatrix, TargetError>| result.unwrap_err().to_string();
        assert_eq!(
            message(TargetMatrix::new(Array2::zeros((2, 3)), names(2))),
            "names of the columns: expected 3, found 2"
        );
        assert_eq!(
            message(TargetMatrix::with_mask(
                Array2::zeros((2, 3)),
                Array2::from_elem((3, 2), true),
                names(3)
            )),
            "the mask of what was measured has 3 rows and 2 columns, expected 2 rows and 3 columns"
        );
        let twice = vec!["a".to_string(), "b".to_string(), "a".to_string()];
        assert_eq!(
            message(TargetMatrix::new(Array2::zeros((1, 3)), twice)),
            "columns 0 and 2 are both named \"a\": give every column its own name"
        );
    }

    #[test]
    fn a_measured_nan_is_refused_with_its_place() {
        let values = array![[0.0, 1.0], [2.0, f32::NAN]];
        let error = TargetMatrix::new(values, names(2)).unwrap_err();
        assert!(matches!(error, TargetError::NotFinite { row: 1, .. }));
        assert!(
            error
                .to_string()
                .starts_with("row 1, column \"task 1\": the value is NaN")
        );
    }

    #[test]
    fn a_row_that_does_not_exist_is_refused() {
        let matrix = TargetMatrix::new(Array2::zeros((2, 1)), names(1)).unwrap();
        assert!(matches!(
            matrix.select(&[0, 2]),
            Err(TargetError::Row { row: 2, n_rows: 2 })
        ));
    }

    #[test]
    fn a_ragged_file_is_refused() {
        let json = r#"{"names":["a","b"],"rows":[[1.0,null],[2.0]]}"#;
        let error = serde_json::from_str::<TargetMatrix>(json).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("values of a row: expected 2, found 1"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(
            entries in prop::collection::vec(prop::option::of(-1e6f32..1e6), 12),
            columns in 1usize..=4,
        ) {
            let entries = Array2::from_shape_fn((12 / columns, columns), |(r, c)| entries[r * columns + c]);
            let matrix = TargetMatrix::with_mask(
                entries.mapv(|entry| entry.unwrap_or(f32::NAN)),
                entries.mapv(|entry| entry.is_some()),
                names(columns),
            ).unwrap();
            let json = serde_json::to_string(&matrix).unwrap();
            prop_assert_eq!(serde_json::from_str::<TargetMatrix>(&json).unwrap(), matrix);
        }

        #[test]
        fn selecting_twice_is_selecting_the_selection(
            first in prop::collection::vec(0usize..6, 1..8),
            second in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let values = Array2::from_shape_fn((6, 2), |(r, c)| (10 * r + c) as f32);
            let matrix = TargetMatrix::new(values, names(2)).unwrap();
            let second: Vec<usize> = second.iter().map(|index| index.index(first.len())).collect();
            let composed: Vec<usize> = second.iter().map(|&row| first[row]).collect();
            prop_assert_eq!(
                matrix.select(&first).unwrap().select(&second).unwrap(),
                matrix.select(&composed).unwrap()
            );
        }
    }
}
