//! The eigenvectors of a symmetric matrix, largest first.

use faer::Mat;
use ndarray::Array2;

use super::ridge::eigen;
use crate::TargetError;

/// Eigenvalues, descending, none below rounding, and their vectors `[n, rank]`.
pub(super) struct Spectrum {
    pub(super) values: Vec<f64>,
    pub(super) vectors: Array2<f64>,
}

impl Spectrum {
    pub(super) fn of(matrix: &Array2<f64>) -> Result<Self, TargetError> {
        let n = matrix.nrows();
        let (values, vectors) = eigen(&Mat::from_fn(n, n, |i, j| {
            (matrix[[i, j]] + matrix[[j, i]]) / 2.0
        }))?;
        let largest = values.iter().copied().fold(0.0, f64::max);
        let least = largest * f64::EPSILON * n as f64;
        let mut kept: Vec<usize> = (0..n).filter(|&i| values[i] > least).collect();
        kept.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        Ok(Self {
            values: kept.iter().map(|&i| values[i]).collect(),
            vectors: Array2::from_shape_fn((n, kept.len()), |(i, j)| vectors[(i, kept[j])]),
        })
    }

    /// The first ones, which have this share of the sum, and at least one.
    pub(super) fn keep_share(self, share: f64) -> Self {
        let total: f64 = self.values.iter().sum();
        let mut sum = 0.0;
        let reached = |value: &f64| {
            sum += value;
            // A sum of all may be off by a rounding error.
            sum >= share * total * (1.0 - 1e-12)
        };
        let rank = self
            .values
            .iter()
            .position(reached)
            .map_or(self.values.len(), |at| at + 1);
        self.keep(rank)
    }

    /// The first ones.
    pub(super) fn keep(mut self, rank: usize) -> Self {
        let rank = rank.min(self.values.len());
        self.values.truncate(rank);
        self.vectors = self.vectors.slice(ndarray::s![.., ..rank]).to_owned();
        self
    }
}

/// Refuses a share that is none.
pub(super) fn check_share(what: &'static str, share: f64) -> Result<(), TargetError> {
    if share > 0.0 && share <= 1.0 {
        return Ok(());
    }
    Err(TargetError::Setting {
        what,
        setting: "share of the variance",
        value: share,
        expected: "above 0 and at most 1",
    })
}
