//! What predictions are mixed from that are weighted sums of training profiles, and weights from products of features.

use ndarray::{Array2, ArrayView2, Axis, s};

use super::profile::check_width;
use super::regressor::{check_finite, check_rows};
use crate::{TargetError, TargetMatrix};

/// Training profiles about their mean, to be mixed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Profiles {
    /// Of each column, over what was measured.
    mean: Vec<f64>,
    /// `[n_rows, n_columns]`, 0 where not measured.
    centred: Array2<f32>,
    names: Vec<String>,
}

/// Columns that are worked on together, so that they stay in the cache.
const BLOCK: usize = 4096;

impl Profiles {
    pub(super) fn new(n_features: usize, targets: &TargetMatrix) -> Result<Self, TargetError> {
        check_rows("rows of features", n_features, targets)?;
        let measured = targets.measured();
        let mut mean = Vec::with_capacity(targets.n_columns());
        let mut centred = targets.values().clone();
        for (column, mut values) in centred.columns_mut().into_iter().enumerate() {
            let (mut sum, mut n) = (0.0, 0.0);
            for (&value, &given) in values.iter().zip(measured.column(column)) {
                if given {
                    sum += f64::from(value);
                    n += 1.0;
                }
            }
            if n == 0.0 {
                return Err(TargetError::EmptyColumn {
                    name: targets.names()[column].clone(),
                });
            }
            let of_column = sum / n;
            for (value, &given) in values.iter_mut().zip(measured.column(column)) {
                *value = if given {
                    (f64::from(*value) - of_column) as f32
                } else {
                    0.0
                };
            }
            mean.push(of_column);
        }
        Ok(Self {
            mean,
            centred,
            names: targets.names().to_vec(),
        })
    }

    pub(super) fn centred(&self) -> &Array2<f32> {
        &self.centred
    }

    /// The mean and `weights [n, n_rows]` times the profiles.
    pub(super) fn mix(&self, weights: &Array2<f64>) -> Result<TargetMatrix, TargetError> {
        let mut mixed = Array2::zeros((weights.nrows(), self.mean.len()));
        let mut sums = vec![0.0; BLOCK];
        for start in (0..self.mean.len()).step_by(BLOCK) {
            let end = (start + BLOCK).min(self.mean.len());
            for (row, weights) in weights.rows().into_iter().enumerate() {
                let sums = &mut sums[..end - start];
                sums.copy_from_slice(&self.mean[start..end]);
                for (&weight, profile) in weights.iter().zip(self.centred.rows()) {
                    for (sum, &value) in sums.iter_mut().zip(profile.slice(s![start..end])) {
                        *sum += weight * f64::from(value);
                    }
                }
                let mut out = mixed.slice_mut(s![row, start..end]);
                out.iter_mut()
                    .zip(sums)
                    .for_each(|(out, sum)| *out = *sum as f32);
            }
        }
        TargetMatrix::new(mixed, self.names.clone())
    }
}

/// Features brought to length 1 and about their mean over the training rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Directions {
    mean: Vec<f64>,
    /// `[n_rows, n_features]`.
    centred: Array2<f64>,
}

impl Directions {
    pub(super) fn new(features: &Array2<f32>) -> Result<Self, TargetError> {
        check_finite(features)?;
        let mut centred = of_length_one(features.view());
        let mean = match centred.mean_axis(Axis(0)) {
            Some(mean) => mean,
            None => {
                return Err(TargetError::NoRows {
                    what: "the training features",
                });
            }
        };
        centred -= &mean;
        Ok(Self {
            mean: mean.to_vec(),
            centred,
        })
    }

    /// Products of the training rows, `[n_rows, n_rows]`.
    pub(super) fn gram(&self) -> Array2<f64> {
        self.centred.dot(&self.centred.t())
    }

    /// Products of other rows with the training rows, `[n, n_rows]`.
    pub(super) fn products(&self, features: &Array2<f32>) -> Result<Array2<f64>, TargetError> {
        check_width(features, self.mean.len())?;
        let mut other = of_length_one(features.view());
        other -= &ndarray::ArrayView1::from(&self.mean);
        Ok(other.dot(&self.centred.t()))
    }
}

fn of_length_one(features: ArrayView2<'_, f32>) -> Array2<f64> {
    let mut rows = features.mapv(f64::from);
    for mut row in rows.rows_mut() {
        let length = row.dot(&row).sqrt();
        if length > 0.0 {
            row /= length;
        }
    }
    rows
}

/// Products of rows of profiles, in `f64`.
pub(super) fn gram(rows: &Array2<f32>) -> Array2<f64> {
    let mut gram = Array2::zeros((rows.nrows(), rows.nrows()));
    for start in (0..rows.ncols()).step_by(BLOCK) {
        let end = (start + BLOCK).min(rows.ncols());
        let block = rows.slice(s![.., start..end]).mapv(f64::from);
        gram += &block.dot(&block.t());
    }
    gram
}
