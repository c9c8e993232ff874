//! Classes of a number, to stratify by.

use crate::{ClassLabels, TargetError};

/// Puts each value into one of `n_bins` bins with about as many rows each, so that a split can be stratified by a number.
///
/// With `r` the number of values below it, a value of `n` falls into bin `floor(r * n_bins / n)`; equal values share a bin, so bins may
/// be empty.
///
/// # Errors
///
/// If a value is NaN or `n_bins` is 0.
///
/// ```
/// use hairpin_targets::{Fractions, split};
///
/// let half_lives = [0.1, 7.5, 3.2, 0.4, 9.9, 2.0];
/// let bins = split::quantile_bins(&half_lives, 3)?;
/// assert_eq!(bins.labels(), [0, 2, 1, 0, 2, 1]);
/// let split = split::stratified(&bins, Fractions { train: 0.5, valid: 0.0, test: 0.5 }, 7)?;
/// assert_eq!(bins.select(&split.test)?.counts(), [1, 1, 1]);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn quantile_bins(values: &[f32], n_bins: usize) -> Result<ClassLabels, TargetError> {
    if n_bins == 0 {
        return Err(TargetError::NoBins);
    }
    if let Some(row) = values.iter().position(|value| value.is_nan()) {
        return Err(TargetError::NanValue {
            what: "values to bin",
            row,
        });
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut labels = vec![0; values.len()];
    let mut below = 0;
    for (rank, &row) in order.iter().enumerate() {
        // 0.0 and -0.0 are one value, which total_cmp does not know.
        if rank > 0 && values[row] != values[order[rank - 1]] {
            below = rank;
        }
        labels[row] = (below as u128 * n_bins as u128 / values.len() as u128) as usize;
    }
    ClassLabels::new(labels, n_bins)
}
