//! The control that is a weighted sum of features.

use std::collections::HashMap;

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use ndarray::Array2;

use super::regressor::{Regressor, check_finite, check_rows};
use crate::metrics::{Comparison, Metric};
use crate::{TargetError, TargetMatrix};

/// Linear regression with a penalty on the squares of its weights, all columns at once, in closed form.
///
/// ```text
/// minimise over W, c   Σ_i ‖y_i - W x_i - c‖² + λ ‖W‖²        c, the intercept, is free
/// ```
///
/// `λ` is the [`Strength`]. Features are centred, not scaled. One eigendecomposition of `XᵀX` or `XXᵀ`, whichever is
/// smaller, serves all strengths and columns. Columns with gaps are fitted to the rows where they were measured, those of
/// equal gaps together. All in `f64`, on one thread. Hoerl and Kennard (1970), *Ridge regression*,
/// [doi:10.1080/00401706.1970.10488634](https://doi.org/10.1080/00401706.1970.10488634).
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::control::{Regressor, Ridge, Strength};
/// use ndarray::array;
///
/// let features = array![[-1.], [0.], [1.]];
/// let targets = TargetMatrix::new(array![[0.], [2.], [4.]], vec!["intensity".to_string()])?;
/// // Σxy / (Σx² + λ) = 4 / (2 + 2), and the intercept is the mean.
/// let control = Ridge::new(Strength::Fixed(2.0)).fit(&features, &targets)?;
/// assert!((control.predict(&array![[3.]])?.values()[[0, 0]] - 5.0).abs() < 1e-6);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ridge {
    strength: Strength,
}

/// The penalty `λ` of a [`Ridge`], or how it is chosen: one for all columns, by the sum of their squared errors, of equals
/// the first. Every `λ` is finite and above 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Strength {
    /// This one.
    Fixed(f64),
    /// The best of these in predicting each training row from the others, which takes no refitting: with `H` the matrix
    /// that makes predictions of training targets, the error left out is `(y_i - x_i) / (1 - H_ii)`. Allen (1974),
    /// [doi:10.1080/00401706.1974.10489157](https://doi.org/10.1080/00401706.1974.10489157).
    LeaveOneOut(Vec<f64>),
    /// The same with `H_ii` replaced by their mean. Golub, Heath and Wahba (1979),
    /// [doi:10.1080/00401706.1979.10489751](https://doi.org/10.1080/00401706.1979.10489751).
    GeneralisedCrossValidation(Vec<f64>),
}

impl Strength {
    fn candidates(&self) -> Result<&[f64], TargetError> {
        let candidates = match self {
            Self::Fixed(strength) => std::slice::from_ref(strength),
            Self::LeaveOneOut(grid) | Self::GeneralisedCrossValidation(grid) => grid,
        };
        check_strengths(candidates)?;
        Ok(candidates)
    }
}

fn check_strengths(grid: &[f64]) -> Result<(), TargetError> {
    let bad = grid.iter().find(|s| !(s.is_finite() && **s > 0.0));
    match bad.or(grid.is_empty().then_some(&f64::NAN)) {
        Some(&value) => Err(TargetError::Strength { value }),
        None => Ok(()),
    }
}

impl Ridge {
    /// Ridge regression of this strength; checked by [`fit`](Self::fit).
    pub fn new(strength: Strength) -> Self {
        Self { strength }
    }

    /// Fits weights and intercepts.
    ///
    /// # Shapes
    ///
    /// - `features`: `[n_rows, n_features]`
    /// - `targets`: `[n_rows, n_columns]`
    ///
    /// # Errors
    ///
    /// If there is not one row of targets per row of features, a feature is not finite, a column has no measured value, or
    /// a strength is out of range.
    pub fn fit(
        &self,
        features: &Array2<f32>,
        targets: &TargetMatrix,
    ) -> Result<FittedRidge, TargetError> {
        let candidates = self.strength.candidates()?;
        let parts = Part::all(features, targets)?;
        let mut best = (candidates[0], f64::INFINITY);
        if candidates.len() > 1 {
            let leave_one_out = matches!(self.strength, Strength::LeaveOneOut(_));
            for &strength in candidates {
                let errors = parts.iter().map(|part| part.error(strength, leave_one_out));
                let error = errors.sum::<f64>();
                if error < best.1 {
                    best = (strength, error);
                }
            }
        }
        Ok(FittedRidge::new(best.0, &parts, features.ncols(), targets))
    }

    /// Fits with the strength of `grid` that is best on validation rows, by mean squared error over all that was measured.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and if the validation rows have other columns.
    pub fn fit_validated(
        grid: &[f64],
        features: &Array2<f32>,
        targets: &TargetMatrix,
        valid_features: &Array2<f32>,
        valid_targets: &TargetMatrix,
    ) -> Result<FittedRidge, TargetError> {
        check_strengths(grid)?;
        let parts = Part::all(features, targets)?;
        let mut best: Option<(f64, FittedRidge)> = None;
        for &strength in grid {
            let fitted = FittedRidge::new(strength, &parts, features.ncols(), targets);
            let predicted = fitted.predict(valid_features)?;
            let error = Comparison::new(&predicted, valid_targets)?
                .pooled(Metric::Mse)
                .ok_or(TargetError::Undefined {
                    what: "the error of a ridge regression",
                })?;
            if best.as_ref().is_none_or(|(least, _)| error < *least) {
                best = Some((error, fitted));
            }
        }
        best.map(|(_, fitted)| fitted)
            .ok_or(TargetError::Strength { value: f64::NAN })
    }
}

/// The columns of equal gaps, decomposed: centred features are `U √D Vᵀ` on the rows where they were measured.
struct Part {
    columns: Vec<usize>,
    feature_means: Vec<f64>,
    target_means: Vec<f64>,
    /// `[rows, rank]`.
    u: Mat<f64>,
    /// `rank` eigenvalues, all above 0.
    d: Vec<f64>,
    /// `[features, rank]`.
    v: Mat<f64>,
    /// Centred targets, `[rows, columns]`.
    targets: Mat<f64>,
    /// `Uᵀ targets`.
    projected: Mat<f64>,
}

fn product(a: MatRef<f64>, b: MatRef<f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    // On one thread, so that the sums are the same on any number of them.
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

fn centre(matrix: &mut Mat<f64>) -> Vec<f64> {
    let n = matrix.nrows() as f64;
    (0..matrix.ncols())
        .map(|column| {
            let column = matrix.col_mut(column);
            let mean = column.as_ref().iter().sum::<f64>() / n;
            column.iter_mut().for_each(|value| *value -= mean);
            mean
        })
        .collect()
}

impl Part {
    fn all(features: &Array2<f32>, targets: &TargetMatrix) -> Result<Vec<Self>, TargetError> {
        check_rows("rows of features", features.nrows(), targets)?;
        check_finite(features)?;
        // In the order of their first columns.
        let mut place: HashMap<Vec<bool>, usize> = HashMap::new();
        let mut columns_of: Vec<Vec<usize>> = Vec::new();
        for (column, measured) in targets.measured().columns().into_iter().enumerate() {
            if !measured.iter().any(|&m| m) {
                return Err(TargetError::EmptyColumn {
                    name: targets.names()[column].clone(),
                });
            }
            let part = *place.entry(measured.to_vec()).or_insert(columns_of.len());
            if part == columns_of.len() {
                columns_of.push(Vec::new());
            }
            columns_of[part].push(column);
        }
        columns_of
            .into_iter()
            .map(|columns| Self::new(columns, features, targets))
            .collect()
    }

    fn new(
        columns: Vec<usize>,
        features: &Array2<f32>,
        targets: &TargetMatrix,
    ) -> Result<Self, TargetError> {
        let measured = targets.measured().column(columns[0]);
        let rows: Vec<usize> = (0..measured.len()).filter(|&row| measured[row]).collect();
        let (n, p) = (rows.len(), features.ncols());
        let mut x = Mat::from_fn(n, p, |i, j| f64::from(features[[rows[i], j]]));
        let mut y = Mat::from_fn(n, columns.len(), |i, j| {
            f64::from(targets.values()[[rows[i], columns[j]]])
        });
        let (feature_means, target_means) = (centre(&mut x), centre(&mut y));
        let primal = p <= n;
        let gram = if primal {
            product(x.transpose(), x.as_ref())
        } else {
            product(x.as_ref(), x.transpose())
        };
        let (values, vectors) = eigen(&gram)?;
        // What rounding leaves of directions without spread is no feature.
        let largest = values.iter().copied().fold(0.0, f64::max);
        let least = largest * f64::EPSILON * n.max(p) as f64;
        let kept: Vec<usize> = (0..values.len()).filter(|&i| values[i] > least).collect();
        let d: Vec<f64> = kept.iter().map(|&i| values[i]).collect();
        let of_gram = Mat::from_fn(gram.nrows(), kept.len(), |i, j| vectors[(i, kept[j])]);
        // The factor of the other side, its columns brought to length 1.
        let mut other = if primal {
            product(x.as_ref(), of_gram.as_ref())
        } else {
            product(x.transpose(), of_gram.as_ref())
        };
        for (column, value) in d.iter().enumerate() {
            let root = value.sqrt();
            other.col_mut(column).iter_mut().for_each(|v| *v /= root);
        }
        let (u, v) = if primal {
            (other, of_gram)
        } else {
            (of_gram, other)
        };
        Ok(Self {
            columns,
            feature_means,
            target_means,
            projected: product(u.transpose(), y.as_ref()),
            u,
            d,
            v,
            targets: y,
        })
    }

    /// `Uᵀ targets`, each direction times `factor` of its eigenvalue.
    fn shrunk(&self, factor: impl Fn(f64) -> f64) -> Mat<f64> {
        let (rank, columns) = (self.projected.nrows(), self.projected.ncols());
        Mat::from_fn(rank, columns, |i, j| {
            factor(self.d[i]) * self.projected[(i, j)]
        })
    }

    /// The sum of squared errors in cross-validation.
    fn error(&self, strength: f64, leave_one_out: bool) -> f64 {
        let share = |d: f64| d / (d + strength);
        let fitted = product(self.u.as_ref(), self.shrunk(share).as_ref());
        let n = self.u.nrows();
        let mut leverage: Vec<f64> = (0..n)
            .map(|row| {
                let directions = self.d.iter().enumerate();
                let own = directions.map(|(j, &d)| share(d) * self.u[(row, j)].powi(2));
                1.0 / n as f64 + own.sum::<f64>()
            })
            .collect();
        if !leave_one_out {
            let mean = leverage.iter().sum::<f64>() / n as f64;
            leverage.fill(mean);
        }
        let mut error = 0.0;
        for column in 0..fitted.ncols() {
            for (row, leverage) in leverage.iter().enumerate() {
                let residual = self.targets[(row, column)] - fitted[(row, column)];
                error += (residual / (1.0 - leverage)).powi(2);
            }
        }
        if error.is_nan() { f64::INFINITY } else { error }
    }
}

/// Eigenvalues and eigenvectors of a symmetric matrix.
pub(super) fn eigen(matrix: &Mat<f64>) -> Result<(Vec<f64>, Mat<f64>), TargetError> {
    let n = matrix.nrows();
    let (mut values, mut vectors) = (Diag::zeros(n), Mat::zeros(n, n));
    let (with, settings) = (ComputeEigenvectors::Yes, Default::default());
    let scratch = self_adjoint_evd_scratch::<f64>(n, with, Par::Seq, settings);
    self_adjoint_evd(
        matrix.as_ref(),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        settings,
    )
    .map_err(|_| TargetError::Undefined {
        what: "the eigendecomposition of a ridge regression",
    })?;
    Ok((values.column_vector().iter().copied().collect(), vectors))
}

/// A [`Ridge`] that has seen its training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedRidge {
    strength: f64,
    weights: Array2<f64>,
    intercepts: Vec<f64>,
    names: Vec<String>,
}

impl FittedRidge {
    fn new(strength: f64, parts: &[Part], n_features: usize, targets: &TargetMatrix) -> Self {
        let mut weights = Array2::zeros((n_features, targets.n_columns()));
        let mut intercepts = vec![0.0; targets.n_columns()];
        for part in parts {
            let shrunk = part.shrunk(|d| d.sqrt() / (d + strength));
            let solved = product(part.v.as_ref(), shrunk.as_ref());
            for (j, &column) in part.columns.iter().enumerate() {
                let mut at_means = 0.0;
                for (feature, mean) in part.feature_means.iter().enumerate() {
                    weights[[feature, column]] = solved[(feature, j)];
                    at_means += mean * solved[(feature, j)];
                }
                intercepts[column] = part.target_means[j] - at_means;
            }
        }
        Self {
            strength,
            weights,
            intercepts,
            names: targets.names().to_vec(),
        }
    }

    /// The strength it was fitted with.
    pub fn strength(&self) -> f64 {
        self.strength
    }

    /// The weight of each feature in each column, `[n_features, n_columns]`.
    pub fn weights(&self) -> &Array2<f64> {
        &self.weights
    }

    /// What each column is where all features are 0.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }
}

impl Regressor<Array2<f32>> for FittedRidge {
    fn name(&self) -> String {
        format!("ridge of strength {}", self.strength)
    }

    fn predict(&self, rows: &Array2<f32>) -> Result<TargetMatrix, TargetError> {
        let expected = (rows.nrows(), self.weights.nrows());
        if rows.dim() != expected {
            return Err(TargetError::Shape {
                what: "the matrix of features",
                expected,
                found: rows.dim(),
            });
        }
        check_finite(rows)?;
        let mut values = rows.mapv(f64::from).dot(&self.weights);
        for mut row in values.rows_mut() {
            for (value, intercept) in row.iter_mut().zip(&self.intercepts) {
                *value += intercept;
            }
        }
        TargetMatrix::new(values.mapv(|value| value as f32), self.names.clone())
    }
}
