//! The truncated singular value decomposition of the training rows.

use ndarray::Array2;

use super::SvdMissing;
use super::step::{FittedStep, rows};
use crate::TargetError;

/// Decomposes the training rows; their scores come with it.
#[cfg(feature = "linalg")]
pub(super) fn fit(
    mut values: Array2<f64>,
    rank: usize,
    missing: SvdMissing,
    names: &[String],
) -> Result<(FittedStep, Array2<f64>), TargetError> {
    use crate::recipe::svd::decompose::{Vectors, decompose};

    let (n_rows, n_columns) = values.dim();
    if rank > n_rows.min(n_columns) {
        return Err(TargetError::Setting {
            what: "truncated SVD",
            setting: "rank",
            value: rank as f64,
            expected: "not more than there are training rows or columns",
        });
    }
    let column_mean = column_means(&values);
    fill(&mut values, missing, &column_mean, names)?;
    let Vectors {
        mut components,
        singular_values,
    } = decompose(&values, rank)?;
    for mut component in components.rows_mut() {
        let largest = component.iter().fold(0.0f64, |largest, &entry| {
            if entry.abs() > largest.abs() {
                entry
            } else {
                largest
            }
        });
        if largest < 0.0 {
            component.mapv_inplace(|entry| -entry);
        }
    }
    let scores = values.dot(&components.t());
    let explained_variance = scores.var_axis(ndarray::Axis(0), 0.0).to_vec();
    // Row by row, as the matrix lies in memory; the means are those of the filled matrix.
    let mut total = 0.0;
    let means = column_means(&values);
    for row in values.rows() {
        total += row
            .iter()
            .zip(&means)
            .map(|(value, mean)| (value - mean) * (value - mean))
            .sum::<f64>();
    }
    total /= n_rows as f64;
    let explained_variance_ratio = explained_variance
        .iter()
        .map(|variance| if total > 0.0 { variance / total } else { 0.0 })
        .collect();
    let components = components
        .rows()
        .into_iter()
        .map(|row| row.to_vec())
        .collect();
    let step = FittedStep::TruncatedSvd {
        missing,
        components,
        singular_values,
        explained_variance,
        explained_variance_ratio,
        column_mean,
    };
    Ok((step, scores))
}

#[cfg(not(feature = "linalg"))]
pub(super) fn fit(
    _: Array2<f64>,
    _: usize,
    _: SvdMissing,
    _: &[String],
) -> Result<(FittedStep, Array2<f64>), TargetError> {
    Err(TargetError::NotBuilt {
        what: "the fit of a truncated SVD",
        feature: "linalg",
    })
}

/// Scores of rows on the vectors.
pub(super) fn forward(
    mut values: Array2<f64>,
    components: &[Vec<f64>],
    missing: SvdMissing,
    column_mean: &[f64],
    names: &[String],
) -> Result<Array2<f64>, TargetError> {
    fill(&mut values, missing, column_mean, names)?;
    Ok(values.dot(&rows(components, column_mean.len()).t()))
}

/// What the scores stand for. A score that is missing has no stand-in.
pub(super) fn backward(
    scores: &Array2<f64>,
    components: &[Vec<f64>],
    names: &[String],
) -> Result<Array2<f64>, TargetError> {
    if let Some((row, column)) = first_missing(scores) {
        return Err(TargetError::SvdMissing {
            row,
            name: names[column].clone(),
        });
    }
    Ok(scores.dot(&rows(components, components[0].len())))
}

fn first_missing(values: &Array2<f64>) -> Option<(usize, usize)> {
    values
        .indexed_iter()
        .find_map(|(at, value)| value.is_nan().then_some(at))
}

/// Puts column means where nothing was measured, or refuses.
fn fill(
    values: &mut Array2<f64>,
    missing: SvdMissing,
    column_mean: &[f64],
    names: &[String],
) -> Result<(), TargetError> {
    let Some((row, column)) = first_missing(values) else {
        return Ok(());
    };
    if missing == SvdMissing::Refuse {
        return Err(TargetError::SvdMissing {
            row,
            name: names[column].clone(),
        });
    }
    for mut row in values.rows_mut() {
        for (value, mean) in row.iter_mut().zip(column_mean) {
            *value = if value.is_nan() { *mean } else { *value };
        }
    }
    Ok(())
}

/// Mean of each column over what was measured, which is at least one value.
#[cfg(feature = "linalg")]
fn column_means(values: &Array2<f64>) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); values.ncols()];
    for row in values.rows() {
        for ((sum, n), &value) in sums.iter_mut().zip(row) {
            if !value.is_nan() {
                *sum += value;
                *n += 1.0;
            }
        }
    }
    sums.into_iter().map(|(sum, n)| sum / n).collect()
}

#[cfg(feature = "linalg")]
mod decompose {
    use faer::diag::Diag;
    use faer::dyn_stack::{MemBuffer, MemStack};
    use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
    use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
    use faer::{Mat, MatRef, Par};
    use ndarray::{Array2, s};

    use crate::TargetError;

    /// Right singular vectors, one per row, and the singular values.
    pub(super) struct Vectors {
        pub(super) components: Array2<f64>,
        pub(super) singular_values: Vec<f64>,
    }

    /// The largest ratio of the first to the last singular value kept for which squaring, as a Gram matrix does, still
    /// leaves eight digits of the last vector.
    const GRAM_RANGE: f64 = 1e4;

    /// The first `rank` right singular vectors of the rows.
    pub(super) fn decompose(values: &Array2<f64>, rank: usize) -> Result<Vectors, TargetError> {
        let (n_rows, n_columns) = values.dim();
        if n_rows.min(n_columns) > 0
            && let Some(vectors) = by_gram(values, rank)?
        {
            return Ok(vectors);
        }
        by_svd(values, rank)
    }

    /// Through the eigenvectors of the smaller of `X Xᵀ` and `Xᵀ X`; none if the singular values lie too far apart.
    fn by_gram(values: &Array2<f64>, rank: usize) -> Result<Option<Vectors>, TargetError> {
        let wide = values.ncols() > values.nrows();
        let gram = if wide {
            values.dot(&values.t())
        } else {
            values.t().dot(values)
        };
        let n = gram.nrows();
        let mut eigenvalues = Diag::<f64>::zeros(n);
        let mut eigenvectors = Mat::<f64>::zeros(n, n);
        let scratch = self_adjoint_evd_scratch::<f64>(
            n,
            ComputeEigenvectors::Yes,
            Par::Seq,
            Default::default(),
        );
        self_adjoint_evd(
            view(&gram),
            eigenvalues.as_mut(),
            Some(eigenvectors.as_mut()),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        )
        .map_err(|_| TargetError::SvdDiverged)?;
        // faer has them ascending.
        let singular_values: Vec<f64> = (0..rank)
            .map(|at| eigenvalues.column_vector()[n - 1 - at].max(0.0).sqrt())
            .collect();
        let (first, last) = (singular_values[0], singular_values[rank - 1]);
        if !(first.is_finite() && last > first / GRAM_RANGE) {
            return Ok(None);
        }
        let vectors = Array2::from_shape_fn((rank, n), |(at, row)| eigenvectors[(row, n - 1 - at)]);
        if !wide {
            return Ok(Some(Vectors {
                components: vectors,
                singular_values,
            }));
        }
        // v = Xᵀ u / σ, of which the length is σ measured once more, without the square.
        let mut components = vectors.dot(values);
        let mut lengths = Vec::with_capacity(rank);
        for mut component in components.rows_mut() {
            let length = component.dot(&component).sqrt();
            component.mapv_inplace(|entry| entry / length);
            lengths.push(length);
        }
        Ok(Some(Vectors {
            components,
            singular_values: lengths,
        }))
    }

    /// Through a thin SVD of the rows themselves.
    fn by_svd(values: &Array2<f64>, rank: usize) -> Result<Vectors, TargetError> {
        let (n_rows, n_columns) = values.dim();
        let size = n_rows.min(n_columns);
        let mut left = Mat::<f64>::zeros(n_rows, size);
        let mut right = Mat::<f64>::zeros(n_columns, size);
        let mut diagonal = Diag::<f64>::zeros(size);
        let thin = ComputeSvdVectors::Thin;
        let scratch =
            svd_scratch::<f64>(n_rows, n_columns, thin, thin, Par::Seq, Default::default());
        svd(
            view(values),
            diagonal.as_mut(),
            Some(left.as_mut()),
            Some(right.as_mut()),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        )
        .map_err(|_| TargetError::SvdDiverged)?;
        let components =
            Array2::from_shape_fn((size, n_columns), |(at, column)| right[(column, at)]);
        Ok(Vectors {
            components: components.slice(s![..rank, ..]).to_owned(),
            singular_values: (0..rank).map(|at| diagonal.column_vector()[at]).collect(),
        })
    }

    fn view(values: &Array2<f64>) -> MatRef<'_, f64> {
        let values_in_order = values.as_slice().expect("a computed array is contiguous");
        MatRef::from_row_major_slice(values_in_order, values.nrows(), values.ncols())
    }
}
