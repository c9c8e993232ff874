//! Features cut into bins.

use ndarray::Array2;
use rayon::prelude::*;

/// The features of the training rows that differ between rows, as numbers of bins.
pub(super) struct Binned {
    features: Vec<Feature>,
}

/// A feature, cut at thresholds: a value is in the first bin whose threshold is not below it, or in the last one.
struct Feature {
    /// Its column among all features.
    column: usize,
    /// One fewer than bins, ascending.
    thresholds: Vec<f32>,
    /// The bin of each row.
    bins: Vec<u8>,
}

impl Binned {
    pub(super) fn new(features: &Array2<f32>, rows: &[usize], most: usize) -> Self {
        let feature = |column: usize| {
            let values: Vec<f32> = rows.iter().map(|&row| features[[row, column]]).collect();
            let thresholds = thresholds(values.clone(), most);
            if thresholds.is_empty() {
                return None;
            }
            let bin = |value: &f32| thresholds.partition_point(|t| t < value) as u8;
            Some(Feature {
                column,
                bins: values.iter().map(bin).collect(),
                thresholds,
            })
        };
        let columns = (0..features.ncols()).into_par_iter();
        Self {
            features: columns.filter_map(feature).collect(),
        }
    }

    pub(super) fn n_features(&self) -> usize {
        self.features.len()
    }

    pub(super) fn n_bins(&self, feature: usize) -> usize {
        self.features[feature].thresholds.len() + 1
    }

    pub(super) fn bins(&self, feature: usize) -> &[u8] {
        &self.features[feature].bins
    }

    pub(super) fn bin(&self, feature: usize, row: usize) -> u8 {
        self.features[feature].bins[row]
    }

    pub(super) fn column(&self, feature: usize) -> usize {
        self.features[feature].column
    }

    pub(super) fn threshold(&self, feature: usize, bin: u8) -> f32 {
        self.features[feature].thresholds[usize::from(bin)]
    }
}

/// Between all distinct values if they are no more than `most`, else at quantiles; none if all values are the same.
fn thresholds(mut values: Vec<f32>, most: usize) -> Vec<f32> {
    values.sort_unstable_by(f32::total_cmp);
    let n = values.len();
    let distinct = 1 + values.windows(2).filter(|pair| pair[0] < pair[1]).count();
    let cut_at = |i: usize| (values[i - 1] < values[i]).then(|| between(values[i - 1], values[i]));
    let mut cuts: Vec<f32> = if distinct <= most {
        (1..n).filter_map(cut_at).collect()
    } else {
        // Where equal values lie across a quantile, they go to the left; the largest, which have nothing to their right, to the right.
        let quantiles = (1..most).map(|bin| (bin * n).div_ceil(most));
        let beside = quantiles.map(|i| {
            let end = i + values[i..].partition_point(|&v| v <= values[i - 1]);
            match end < n {
                true => end,
                false => values.partition_point(|&v| v < values[i - 1]),
            }
        });
        beside.filter(|&i| i > 0).filter_map(cut_at).collect()
    };
    cuts.dedup();
    cuts
}

/// A number that is not below `a` and is below `b`.
fn between(a: f32, b: f32) -> f32 {
    let middle = f32::midpoint(a, b);
    if middle < b { middle } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_values_have_a_bin_each() {
        assert_eq!(thresholds(vec![3.0, 1.0, 1.0, 2.0], 4), [1.5, 2.5]);
        assert_eq!(thresholds(vec![1.0, 1.0], 4), [0.0; 0]);
        // -0 and 0 are the same value.
        assert_eq!(thresholds(vec![0.0, -0.0], 4), [0.0; 0]);
        let next = 1.0 + f32::EPSILON;
        assert_eq!(thresholds(vec![1.0, next], 4), [1.0]);
    }

    #[test]
    fn many_values_have_about_equally_many_rows_in_a_bin() {
        let values: Vec<f32> = (0..100).map(|v| v as f32).collect();
        assert_eq!(thresholds(values, 4), [24.5, 49.5, 74.5]);
        // Most are the same: a bin for them, and few for the rest.
        let mut values = vec![0.0; 90];
        values.extend((1..=10).map(|v| v as f32));
        assert_eq!(thresholds(values, 4), [0.5]);
        // The same when most are the largest.
        assert_eq!(thresholds(vec![2.0, 0.0, 2.0, 2.0, -1.0], 2), [1.0]);
    }

    proptest! {
        #[test]
        fn bins_are_in_the_order_of_values(values in prop::collection::vec(-5i8..5, 2..40), most in 2usize..6) {
            let features = Array2::from_shape_fn((values.len(), 1), |(row, _)| f32::from(values[row]) / 3.0);
            let rows: Vec<usize> = (0..values.len()).collect();
            let binned = Binned::new(&features, &rows, most);
            let distinct: std::collections::BTreeSet<i8> = values.iter().copied().collect();
            prop_assert_eq!(binned.n_features(), usize::from(distinct.len() > 1));
            if distinct.len() > 1 {
                prop_assert!((1..=most).contains(&binned.n_bins(0)));
                for (i, a) in values.iter().enumerate() {
                    for (j, b) in values.iter().enumerate() {
                        prop_assert!(a > b || binned.bin(0, i) <= binned.bin(0, j));
                    }
                    let bin = binned.bin(0, i);
                    if usize::from(bin) + 1 < binned.n_bins(0) {
                        prop_assert!(features[[i, 0]] <= binned.threshold(0, bin));
                    }
                }
            }
        }
    }
}
