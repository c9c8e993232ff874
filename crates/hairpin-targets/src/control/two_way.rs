//! The control that adds an effect of one group to an effect of another.

use std::collections::HashMap;

use ndarray::Array2;
use rayon::prelude::*;

use super::regressor::{Regressor, check_rows};
use crate::{TargetError, TargetMatrix};

/// Adds up what each of two groups does, per column: cell type and compound, probe set and protein.
///
/// ```text
/// y_ij = μ + a_i + b_j       by least squares over what was measured, i and j the groups of a row
/// ```
///
/// Effects are centred: each column's `a` and `b` have a mean of 0 over its measured rows, so `μ` is their mean, and a
/// group that was not in the training rows has an effect of 0. Designs may be unbalanced and have gaps. In a connected
/// design (no set of groups shares no row with the rest) each `μ + a_i + b_j` is determined by the data; in another, a sum
/// across the parts is not, and is the one with the smallest effects, scaled by the root of their rows. Solved by conjugate
/// gradients on the normal equations (Hestenes and Stiefel (1952), [doi:10.6028/jres.049.044](https://doi.org/10.6028/jres.049.044)),
/// which need no matrix; a balanced design takes one step. Yates (1933), *The principles of orthogonality and confounding
/// in replicated experiments*, [doi:10.1017/S0021859600007693](https://doi.org/10.1017/S0021859600007693).
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::control::{Regressor, TwoWay};
/// use ndarray::array;
///
/// let train = TargetMatrix::new(array![[1.], [2.], [11.]], vec!["gene".to_string()])?;
/// let control = TwoWay.fit(&train, &[(0, 0), (0, 1), (1, 0)])?;
/// // The pair nobody measured: 11 + 2 - 1.
/// let predicted = control.predict(&[(1, 1)])?;
/// assert!((predicted.values()[[0, 0]] - 12.0).abs() < 1e-5);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TwoWay;

impl TwoWay {
    /// Fits each column, `groups` naming both groups of each row.
    ///
    /// # Errors
    ///
    /// If there is not one pair of groups per row, there are no rows, or a column has no measured value.
    pub fn fit(
        &self,
        train: &TargetMatrix,
        groups: &[(usize, usize)],
    ) -> Result<FittedTwoWay, TargetError> {
        check_rows("groups of the training rows", groups.len(), train)?;
        let first = levels(groups.iter().map(|pair| pair.0));
        let second = levels(groups.iter().map(|pair| pair.1));
        let places: Vec<[usize; 2]> = groups
            .iter()
            .map(|(a, b)| [first[a], first.len() + second[b]])
            .collect();
        let n_levels = first.len() + second.len();
        let columns: Result<Vec<(f64, Vec<f64>)>, TargetError> = (0..train.n_columns())
            .into_par_iter()
            .map(|column| {
                let rows = (0..places.len()).filter(|&row| train.measured()[[row, column]]);
                let (places, values): (Vec<[usize; 2]>, Vec<f64>) = rows
                    .map(|row| (places[row], f64::from(train.values()[[row, column]])))
                    .unzip();
                if values.is_empty() {
                    return Err(TargetError::EmptyColumn {
                        name: train.names()[column].clone(),
                    });
                }
                Ok(least_squares(&places, values, first.len(), n_levels))
            })
            .collect();
        let columns = columns?;
        let effect = |level: usize| columns.iter().map(|column| column.1[level]).collect();
        Ok(FittedTwoWay {
            means: columns.iter().map(|column| column.0).collect(),
            first: first
                .iter()
                .map(|(&group, &i)| (group, effect(i)))
                .collect(),
            second: second
                .iter()
                .map(|(&group, &i)| (group, effect(first.len() + i)))
                .collect(),
            names: train.names().to_vec(),
        })
    }
}

/// Numbers the groups in the order they come in.
fn levels(groups: impl Iterator<Item = usize>) -> HashMap<usize, usize> {
    let mut levels = HashMap::new();
    for group in groups {
        let next = levels.len();
        levels.entry(group).or_insert(next);
    }
    levels
}

/// The mean and the centred effects of all levels, the first `n_first` of one factor, the rest of the other.
fn least_squares(
    places: &[[usize; 2]],
    mut values: Vec<f64>,
    n_first: usize,
    n_levels: usize,
) -> (f64, Vec<f64>) {
    let n = values.len() as f64;
    let mut mean = values.iter().sum::<f64>() / n;
    values.iter_mut().for_each(|value| *value -= mean);
    let mut counts = vec![0.0; n_levels];
    for &[a, b] in places {
        counts[a] += 1.0;
        counts[b] += 1.0;
    }
    // Effects in units of 1 / √rows: the normal equations then have ones on the diagonal.
    let scale: Vec<f64> = counts
        .iter()
        .map(|&count: &f64| {
            if count > 0.0 {
                count.sqrt().recip()
            } else {
                0.0
            }
        })
        .collect();
    let gradient = |residuals: &[f64]| {
        let mut gradient = vec![0.0; n_levels];
        for (&[a, b], residual) in places.iter().zip(residuals) {
            gradient[a] += residual;
            gradient[b] += residual;
        }
        gradient.iter_mut().zip(&scale).for_each(|(g, s)| *g *= s);
        gradient
    };
    let square = |vector: &[f64]| vector.iter().map(|v| v * v).sum::<f64>();
    let enough = square(&values) * 1e-30;
    let mut effects = vec![0.0; n_levels];
    let mut descent = gradient(&values);
    let mut direction = descent.clone();
    let mut norm = square(&descent);
    // In exact arithmetic as many steps as levels suffice; rounding may ask for a few more.
    for _ in 0..4 * n_levels {
        if norm <= enough {
            break;
        }
        let scaled: Vec<f64> = direction.iter().zip(&scale).map(|(d, s)| d * s).collect();
        let moved: Vec<f64> = places.iter().map(|&[a, b]| scaled[a] + scaled[b]).collect();
        let length = square(&moved);
        if length == 0.0 {
            break;
        }
        let step = norm / length;
        effects
            .iter_mut()
            .zip(&scaled)
            .for_each(|(e, d)| *e += step * d);
        values
            .iter_mut()
            .zip(&moved)
            .for_each(|(v, m)| *v -= step * m);
        descent = gradient(&values);
        let next = square(&descent);
        for (d, g) in direction.iter_mut().zip(&descent) {
            *d = g + next / norm * *d;
        }
        norm = next;
    }
    for factor in [0..n_first, n_first..n_levels] {
        let weighted = factor.clone().map(|level| counts[level] * effects[level]);
        let centre = weighted.sum::<f64>() / n;
        mean += centre;
        for level in factor.filter(|&level| counts[level] > 0.0) {
            effects[level] -= centre;
        }
    }
    (mean, effects)
}

/// A [`TwoWay`] that has seen its training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedTwoWay {
    means: Vec<f64>,
    first: HashMap<usize, Vec<f64>>,
    second: HashMap<usize, Vec<f64>>,
    names: Vec<String>,
}

impl Regressor<[(usize, usize)]> for FittedTwoWay {
    fn name(&self) -> String {
        "additive two-way effects".to_string()
    }

    fn predict(&self, rows: &[(usize, usize)]) -> Result<TargetMatrix, TargetError> {
        let mut values = Array2::zeros((rows.len(), self.names.len()));
        for (mut row, (a, b)) in values.rows_mut().into_iter().zip(rows) {
            let (a, b) = (self.first.get(a), self.second.get(b));
            let effect =
                |effects: Option<&Vec<f64>>, column: usize| effects.map_or(0.0, |e| e[column]);
            for (column, value) in row.iter_mut().enumerate() {
                *value = (self.means[column] + effect(a, column) + effect(b, column)) as f32;
            }
        }
        TargetMatrix::new(values, self.names.clone())
    }
}
