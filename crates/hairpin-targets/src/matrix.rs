//! The target matrix: examples by tasks, with a mask for what was not measured.

mod serial;

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{Array2, Axis, Zip};
use serde::{Deserialize, Serialize};

use crate::TargetError;
use serial::Rows;

/// Values to predict, or predicted: rows are examples, columns are tasks (proteins, genes, conditions, classes).
///
/// # Shapes
///
/// - values: `[n_rows, n_columns]`, in the unit of the task
/// - measured: `[n_rows, n_columns]`, `true` where the value was measured
/// - standard errors, if any: `[n_rows, n_columns]`, in the unit of the task
/// - row ids, if any: `n_rows` names, each once
///
/// A measured value is finite. What was not measured is stored as 0, whatever stood there, so that a NaN beneath the mask
/// cannot leak into a product with it. Serialised, a row is a list of numbers with `null` for what was not measured.
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use ndarray::array;
///
/// let names = vec!["HNRNPA1".to_string(), "PTBP1".to_string()];
/// let targets = TargetMatrix::from_nan(array![[0.5, f32::NAN], [1.5, 2.0]], names)?
///     .with_row_ids(vec!["probe 1".to_string(), "probe 2".to_string()])?
///     .with_standard_errors(array![[0.5, f32::NAN], [0.25, f32::NAN]])?;
/// assert_eq!(targets.values(), array![[0.5, 0.0], [1.5, 2.0]]);
/// assert!(!targets.measured()[[0, 1]]);
/// // 1 / se², no error taken to be below 0.3; an unknown one as 1; what was not measured weighs nothing.
/// assert_eq!(targets.weights(0.3, 1.0)?, array![[4.0, 0.0], [1.0 / (0.3 * 0.3), 1.0]]);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Rows", into = "Rows")]
pub struct TargetMatrix {
    values: Array2<f32>,
    mask: Mask,
    names: Vec<String>,
    row_ids: Option<Vec<String>>,
    /// NaN where the error is not known or the value not measured.
    standard_errors: Option<Array2<f32>>,
}

/// Which values were measured; shared by what is made of a matrix, since a transform leaves it as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mask {
    measured: Arc<Array2<bool>>,
    is_complete: bool,
}

impl Mask {
    fn new(measured: Array2<bool>) -> Self {
        Self {
            is_complete: measured.iter().all(|&measured| measured),
            measured: Arc::new(measured),
        }
    }

    /// Everything was measured.
    pub(crate) fn complete(shape: (usize, usize)) -> Self {
        Self {
            measured: Arc::new(Array2::from_elem(shape, true)),
            is_complete: true,
        }
    }

    /// Whether everything was measured.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    fn select(&self, axis: Axis, indices: &[usize]) -> Self {
        Self::new(self.measured.select(axis, indices))
    }
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
        if let Some((first, second)) = repeated(&names) {
            return Err(TargetError::DuplicateName {
                name: names[first].clone(),
                first,
                second,
            });
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
        Ok(Self::from_parts(values, Mask::new(measured), names, None))
    }

    /// A matrix in which NaN stands for what was not measured, as in most files; [`to_nan`](Self::to_nan) is the way back.
    ///
    /// # Errors
    ///
    /// If there is not one name per column, a name occurs twice, or a value is infinite.
    pub fn from_nan(values: Array2<f32>, names: Vec<String>) -> Result<Self, TargetError> {
        let measured = values.mapv(|value| !value.is_nan());
        Self::with_mask(values, measured, names)
    }

    /// Parts that are known to be in order: finite values, 0 where not measured, names that differ.
    pub(crate) fn from_parts(
        values: Array2<f32>,
        mask: Mask,
        names: Vec<String>,
        row_ids: Option<Vec<String>>,
    ) -> Self {
        Self {
            values,
            mask,
            names,
            row_ids,
            standard_errors: None,
        }
    }

    /// The same matrix with an id for every row: a probe, a cell type and compound, an accession.
    ///
    /// # Errors
    ///
    /// If there is not one id per row, or an id occurs twice.
    pub fn with_row_ids(mut self, row_ids: Vec<String>) -> Result<Self, TargetError> {
        if row_ids.len() != self.n_rows() {
            return Err(TargetError::Length {
                what: "ids of the rows",
                expected: self.n_rows(),
                found: row_ids.len(),
            });
        }
        if let Some((first, second)) = repeated(&row_ids) {
            return Err(TargetError::DuplicateRowId {
                id: row_ids[first].clone(),
                first,
                second,
            });
        }
        self.row_ids = Some(row_ids);
        Ok(self)
    }

    /// The same matrix with the standard error of each value, NaN where it is not known.
    ///
    /// What stands beneath the mask does not count. An error of exactly 0 says that the value is exact;
    /// [`weights`](Self::weights) holds it against its floor.
    ///
    /// # Errors
    ///
    /// If the errors have another shape than the values, or the error of a measured value is negative or infinite.
    pub fn with_standard_errors(
        mut self,
        mut standard_errors: Array2<f32>,
    ) -> Result<Self, TargetError> {
        if standard_errors.dim() != self.values.dim() {
            return Err(TargetError::Shape {
                what: "the standard errors",
                expected: self.values.dim(),
                found: standard_errors.dim(),
            });
        }
        for ((row, column), error) in standard_errors.indexed_iter_mut() {
            if !self.mask.measured[[row, column]] {
                *error = f32::NAN;
            } else if *error < 0.0 || error.is_infinite() {
                return Err(TargetError::StandardError {
                    row,
                    name: self.names[column].clone(),
                    value: *error,
                });
            }
        }
        self.standard_errors = Some(standard_errors);
        Ok(self)
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

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|found| found == name)
    }

    /// Ids of the rows, each once, if they have any.
    pub fn row_ids(&self) -> Option<&[String]> {
        self.row_ids.as_deref()
    }

    /// Values, `[n_rows, n_columns]`; 0 where not measured.
    pub fn values(&self) -> &Array2<f32> {
        &self.values
    }

    /// Mask, `[n_rows, n_columns]`: `true` where the value was measured.
    pub fn measured(&self) -> &Array2<bool> {
        &self.mask.measured
    }

    pub(crate) fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The memory of the values, to write others into and give to [`with_values`](Self::with_values).
    pub(crate) fn take_values(&mut self) -> Array2<f32> {
        std::mem::take(&mut self.values)
    }

    /// With other values of the same shape, known to be finite where measured and 0 elsewhere.
    pub(crate) fn with_values(self, values: Array2<f32>) -> Self {
        Self { values, ..self }
    }

    /// Standard errors, `[n_rows, n_columns]`, NaN where not known or not measured; none if none are known.
    pub fn standard_errors(&self) -> Option<&Array2<f32>> {
        self.standard_errors.as_ref()
    }

    /// A weight for each value, `[n_rows, n_columns]`: 0 where not measured, otherwise from its standard error.
    ///
    /// ```text
    /// weight = 1 / max(se, floor)²        se = unknown where the standard error is not known
    /// ```
    ///
    /// The floor keeps a value whose error was underestimated from outweighing all others. With standard errors that
    /// are right these are the weights of the estimate of least variance (Aitken 1936,
    /// [doi:10.1017/S0370164600014346](https://doi.org/10.1017/S0370164600014346)).
    ///
    /// # Errors
    ///
    /// If `floor` or `unknown` is not a finite number above 0.
    pub fn weights(&self, floor: f32, unknown: f32) -> Result<Array2<f32>, TargetError> {
        for (setting, value) in [("floor", floor), ("unknown", unknown)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(TargetError::Setting {
                    what: "weights from standard errors",
                    setting,
                    value: f64::from(value),
                    expected: "a finite number above 0",
                });
            }
        }
        let weight = |measured: bool, error: f32| {
            if !measured {
                return 0.0;
            }
            let error = if error.is_nan() { unknown } else { error };
            1.0 / (error.max(floor) * error.max(floor))
        };
        Ok(match &self.standard_errors {
            Some(errors) => Zip::from(self.measured())
                .and(errors)
                .map_collect(|&measured, &error| weight(measured, error)),
            None => self.measured().mapv(|measured| weight(measured, f32::NAN)),
        })
    }

    /// The values with NaN for what was not measured, `[n_rows, n_columns]`.
    pub fn to_nan(&self) -> Array2<f32> {
        Zip::from(&self.values)
            .and(self.measured())
            .map_collect(|&value, &measured| if measured { value } else { f32::NAN })
    }

    /// The values, 0 where not measured, and the mask.
    pub fn into_arrays(self) -> (Array2<f32>, Array2<bool>) {
        (self.values, Arc::unwrap_or_clone(self.mask.measured))
    }

    /// Rows as columns: columns are named by the ids of the rows, or `row 0`, `row 1`, ...; the names become the ids.
    ///
    /// Standard errors come with it. A matrix of probes by proteins, as files have it, becomes one of a profile per protein, as
    /// controls of proteins take it.
    ///
    /// ```
    /// use hairpin_targets::TargetMatrix;
    /// use ndarray::array;
    ///
    /// let by_probe = TargetMatrix::new(array![[1., 2.], [3., 4.], [5., 6.]], vec!["RBP1".to_string(), "RBP2".to_string()])?;
    /// let by_protein = by_probe.transposed();
    /// assert_eq!(by_protein.values(), array![[1., 3., 5.], [2., 4., 6.]]);
    /// assert_eq!(by_protein.row_ids(), Some(&["RBP1".to_string(), "RBP2".to_string()][..]));
    /// assert_eq!(by_protein.names()[2], "row 2");
    /// # Ok::<(), hairpin_targets::TargetError>(())
    /// ```
    pub fn transposed(&self) -> Self {
        let names = match &self.row_ids {
            Some(ids) => ids.clone(),
            None => (0..self.n_rows()).map(|row| format!("row {row}")).collect(),
        };
        // In the order of its own rows, not a view turned round.
        let turned = |matrix: &Array2<f32>| matrix.t().as_standard_layout().into_owned();
        let measured = self.mask.measured.t().as_standard_layout().into_owned();
        Self {
            standard_errors: self.standard_errors.as_ref().map(turned),
            ..Self::from_parts(
                turned(&self.values),
                Mask::new(measured),
                names,
                Some(self.names.clone()),
            )
        }
    }

    /// The given rows in the given order, such as the training rows of a [`Split`](crate::Split).
    ///
    /// A row that is given twice, as in a bootstrap sample, is there twice, and the ids of the rows, which would no
    /// longer tell them apart, are left out.
    ///
    /// # Errors
    ///
    /// If a row does not exist.
    pub fn select(&self, rows: &[usize]) -> Result<Self, TargetError> {
        check_rows(rows, self.n_rows())?;
        let row_ids = self.row_ids.as_ref().and_then(|ids| {
            let mut seen = vec![false; self.n_rows()];
            let once = rows
                .iter()
                .all(|&row| !std::mem::replace(&mut seen[row], true));
            once.then(|| rows.iter().map(|&row| ids[row].clone()).collect())
        });
        Ok(Self {
            values: self.values.select(Axis(0), rows),
            mask: self.mask.select(Axis(0), rows),
            names: self.names.clone(),
            row_ids,
            standard_errors: self
                .standard_errors
                .as_ref()
                .map(|errors| errors.select(Axis(0), rows)),
        })
    }

    /// The given columns in the given order; [`column`](Self::column) finds one by its name.
    ///
    /// # Errors
    ///
    /// If a column does not exist or is given twice.
    pub fn select_columns(&self, columns: &[usize]) -> Result<Self, TargetError> {
        let n_columns = self.n_columns();
        if let Some(&column) = columns.iter().find(|&&column| column >= n_columns) {
            return Err(TargetError::Column { column, n_columns });
        }
        if let Some((first, second)) = repeated(columns) {
            return Err(TargetError::DuplicateName {
                name: self.names[columns[first]].clone(),
                first,
                second,
            });
        }
        Ok(Self {
            values: self.values.select(Axis(1), columns),
            mask: self.mask.select(Axis(1), columns),
            names: columns
                .iter()
                .map(|&column| self.names[column].clone())
                .collect(),
            row_ids: self.row_ids.clone(),
            standard_errors: self
                .standard_errors
                .as_ref()
                .map(|errors| errors.select(Axis(1), columns)),
        })
    }
}

/// Standard errors that are unknown in both are equal, so that a matrix equals itself.
impl PartialEq for TargetMatrix {
    fn eq(&self, other: &Self) -> bool {
        let errors_agree = match (&self.standard_errors, &other.standard_errors) {
            (Some(ours), Some(theirs)) => {
                ours.dim() == theirs.dim()
                    && ours
                        .iter()
                        .zip(theirs)
                        .all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
            }
            (None, None) => true,
            _ => false,
        };
        errors_agree
            && self.values == other.values
            && self.mask == other.mask
            && self.names == other.names
            && self.row_ids == other.row_ids
    }
}

/// Refuses rows that do not exist.
pub(crate) fn check_rows(rows: &[usize], n_rows: usize) -> Result<(), TargetError> {
    match rows.iter().find(|&&row| row >= n_rows) {
        Some(&row) => Err(TargetError::Row { row, n_rows }),
        None => Ok(()),
    }
}

/// Where the first entry that occurs a second time stands, both times.
pub(crate) fn repeated<T: Eq + std::hash::Hash>(entries: &[T]) -> Option<(usize, usize)> {
    let mut seen = HashMap::with_capacity(entries.len());
    entries
        .iter()
        .enumerate()
        .find_map(|(second, entry)| seen.insert(entry, second).map(|first| (first, second)))
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

    #[test]
    fn row_ids_and_standard_errors_are_checked() {
        let matrix = TargetMatrix::new(Array2::ones((2, 1)), names(1)).unwrap();
        let ids = |ids: [&str; 2]| ids.map(str::to_string).to_vec();
        assert_eq!(
            matrix
                .clone()
                .with_row_ids(ids(["a", "a"]))
                .unwrap_err()
                .to_string(),
            "rows 0 and 1 both have the id \"a\": give every row its own id"
        );
        assert!(matrix.clone().with_row_ids(vec![]).is_err());
        assert!(matches!(
            matrix.clone().with_standard_errors(array![[0.1], [-0.1]]),
            Err(TargetError::StandardError { row: 1, .. })
        ));
        assert!(
            matrix
                .clone()
                .with_standard_errors(Array2::ones((1, 2)))
                .is_err()
        );
        assert!(matrix.weights(0.0, 1.0).is_err());
        assert!(matrix.weights(0.1, f32::NAN).is_err());
        assert_eq!(matrix.weights(0.1, 0.5).unwrap(), array![[4.0], [4.0]]);
        // An exact value weighs as much as the floor lets it.
        let exact = matrix
            .with_standard_errors(array![[0.0], [f32::NAN]])
            .unwrap();
        assert_eq!(exact.weights(0.5, 1.0).unwrap(), array![[4.0], [1.0]]);
    }

    #[test]
    fn a_selection_carries_ids_and_errors_along() {
        let matrix = TargetMatrix::new(array![[1.0, 2.0], [3.0, 4.0]], names(2))
            .unwrap()
            .with_row_ids(vec!["x".into(), "y".into()])
            .unwrap()
            .with_standard_errors(array![[0.1, 0.2], [0.3, 0.4]])
            .unwrap();
        let swapped = matrix
            .select(&[1, 0])
            .unwrap()
            .select_columns(&[1, 0])
            .unwrap();
        assert_eq!(swapped.values(), array![[4.0, 3.0], [2.0, 1.0]]);
        assert_eq!(
            swapped.standard_errors().unwrap(),
            array![[0.4, 0.3], [0.2, 0.1]]
        );
        assert_eq!(swapped.row_ids().unwrap(), ["y", "x"]);
        assert_eq!(swapped.column("task 0"), Some(1));
        assert_eq!(matrix.select(&[1, 1]).unwrap().row_ids(), None);
        assert!(matches!(
            matrix.select_columns(&[2]),
            Err(TargetError::Column { column: 2, .. })
        ));
        assert!(matches!(
            matrix.select_columns(&[1, 1]),
            Err(TargetError::DuplicateName { .. })
        ));
    }

    #[test]
    fn files_with_and_without_ids_and_errors_are_read() {
        let old = r#"{"names":["a","b"],"rows":[[1.0,null],[2.0,3.0]]}"#;
        let matrix: TargetMatrix = serde_json::from_str(old).unwrap();
        assert_eq!(serde_json::to_string(&matrix).unwrap(), old);

        let new = r#"{"names":["a","b"],"rows":[[1.0,null],[2.0,3.0]],"row_ids":["x","y"],"standard_errors":[[0.5,null],[null,0.25]]}"#;
        let matrix: TargetMatrix = serde_json::from_str(new).unwrap();
        assert_eq!(matrix.row_ids().unwrap(), ["x", "y"]);
        assert_eq!(matrix.standard_errors().unwrap()[[1, 1]], 0.25);
        assert_eq!(serde_json::to_string(&matrix).unwrap(), new);

        let ragged =
            r#"{"names":["a"],"rows":[[1.0]],"row_ids":["x"],"standard_errors":[[0.5,0.5]]}"#;
        assert!(serde_json::from_str::<TargetMatrix>(ragged).is_err());
        let ragged = r#"{"names":["a"],"rows":[[1.0]],"standard_errors":[]}"#;
        assert!(serde_json::from_str::<TargetMatrix>(ragged).is_err());
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
            prop_assert_eq!(serde_json::from_str::<TargetMatrix>(&json).unwrap(), matrix.clone());
            prop_assert_eq!(TargetMatrix::from_nan(matrix.to_nan(), names(columns)).unwrap(), matrix);
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
