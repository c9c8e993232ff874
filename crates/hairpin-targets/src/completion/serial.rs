//! The serialised form of a fitted completion, checked on its way in.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::kernel::Pairs;
use super::{Completion, FittedCompletion};
use crate::matrix::repeated;
use crate::{Categories, TargetError};

/// Matrices as one list per row.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    settings: Completion,
    first: Categories,
    second: Categories,
    /// The numbers of each training row's categories.
    pairs: Vec<(usize, usize)>,
    profiles: Vec<Vec<f64>>,
    weights: Vec<Vec<f64>>,
    components: Vec<Vec<f32>>,
    names: Vec<String>,
}

impl From<FittedCompletion> for Raw {
    fn from(fitted: FittedCompletion) -> Self {
        let pairs = fitted
            .pairs
            .rows
            .iter()
            .filter_map(|&(a, b)| Some((a?, b?)));
        Self {
            settings: fitted.settings,
            pairs: pairs.collect(),
            profiles: lists(&fitted.pairs.profiles),
            weights: lists(&fitted.weights),
            components: lists(&fitted.components),
            first: fitted.first,
            second: fitted.second,
            names: fitted.names,
        }
    }
}

impl TryFrom<Raw> for FittedCompletion {
    type Error = TargetError;

    fn try_from(raw: Raw) -> Result<Self, TargetError> {
        raw.settings.check()?;
        let (n_first, n_second) = (raw.first.len(), raw.second.len());
        if let Some(row) = raw
            .pairs
            .iter()
            .position(|&(a, b)| a >= n_first || b >= n_second)
        {
            let (a, b) = raw.pairs[row];
            return Err(broken(format!(
                "row {row} is of the pair {a}, {b} of {n_first} x {n_second} categories"
            )));
        }
        if let Some((first, second)) = repeated(&raw.names) {
            return Err(broken(format!(
                "columns {first} and {second} are both {:?}",
                raw.names[first]
            )));
        }
        let rank = raw.components.len();
        let pairs = raw.pairs.iter().map(|&(a, b)| (Some(a), Some(b))).collect();
        Ok(Self {
            pairs: Pairs {
                profiles: matrix("profiles", &raw.profiles, n_second, n_second)?,
                rows: pairs,
            },
            weights: matrix("weights", &raw.weights, raw.pairs.len(), rank)?,
            components: matrix("components", &raw.components, rank, raw.names.len())?,
            settings: raw.settings,
            first: raw.first,
            second: raw.second,
            names: raw.names,
        })
    }
}

fn lists<T: Copy>(matrix: &Array2<T>) -> Vec<Vec<T>> {
    matrix.rows().into_iter().map(|row| row.to_vec()).collect()
}

fn matrix<T: Copy + Into<f64>>(
    what: &str,
    rows: &[Vec<T>],
    n_rows: usize,
    n_columns: usize,
) -> Result<Array2<T>, TargetError> {
    let whole = rows.len() == n_rows && rows.iter().all(|row| row.len() == n_columns);
    let finite = |value: &T| -> bool { (*value).into().is_finite() };
    if !whole || !rows.iter().flatten().all(finite) {
        return Err(broken(format!(
            "the {what} are not {n_rows} x {n_columns} finite numbers"
        )));
    }
    Ok(Array2::from_shape_fn((n_rows, n_columns), |(i, j)| {
        rows[i][j]
    }))
}

fn broken(problem: String) -> TargetError {
    TargetError::Broken {
        what: "the completion".to_owned(),
        problem,
    }
}
