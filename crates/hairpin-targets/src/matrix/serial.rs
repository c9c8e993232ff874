//! The serialised form of a target matrix, checked on its way in.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::TargetMatrix;
use crate::TargetError;

/// One list per row, without a value where nothing was measured.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rows {
    names: Vec<String>,
    rows: Vec<Vec<Option<f32>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    row_ids: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    standard_errors: Option<Vec<Vec<Option<f32>>>>,
}

impl From<TargetMatrix> for Rows {
    fn from(matrix: TargetMatrix) -> Self {
        let lists = |values: &Array2<f32>| -> Vec<Vec<Option<f32>>> {
            values
                .rows()
                .into_iter()
                .map(|row| {
                    row.iter()
                        .map(|&value| (!value.is_nan()).then_some(value))
                        .collect()
                })
                .collect()
        };
        Self {
            rows: lists(&matrix.to_nan()),
            standard_errors: matrix.standard_errors.as_ref().map(lists),
            names: matrix.names,
            row_ids: matrix.row_ids,
        }
    }
}

impl TryFrom<Rows> for TargetMatrix {
    type Error = TargetError;

    fn try_from(rows: Rows) -> Result<Self, TargetError> {
        let n_columns = rows.names.len();
        let values = array("values of a row", &rows.rows, n_columns)?;
        // Not `from_nan`: a format that can write NaN must not pass one off as a value.
        let measured = Array2::from_shape_fn(values.dim(), |(row, column)| {
            rows.rows[row][column].is_some()
        });
        let mut matrix = Self::with_mask(values, measured, rows.names)?;
        if let Some(row_ids) = rows.row_ids {
            matrix = matrix.with_row_ids(row_ids)?;
        }
        if let Some(errors) = rows.standard_errors {
            let errors = array("standard errors of a row", &errors, n_columns)?;
            matrix = matrix.with_standard_errors(errors)?;
        }
        Ok(matrix)
    }
}

/// The lists as an array, NaN where one has no value.
fn array(
    what: &'static str,
    rows: &[Vec<Option<f32>>],
    n_columns: usize,
) -> Result<Array2<f32>, TargetError> {
    if let Some(row) = rows.iter().find(|row| row.len() != n_columns) {
        return Err(TargetError::Length {
            what,
            expected: n_columns,
            found: row.len(),
        });
    }
    Ok(Array2::from_shape_fn(
        (rows.len(), n_columns),
        |(row, column)| rows[row][column].unwrap_or(f32::NAN),
    ))
}
