//! How well scores tell ones from zeros: the areas under the ROC and the precision-recall curve.

use super::moments::ratio;
use super::pairs::Pairs;
use super::rank::{order, runs};

/// Zeros and ones of each score, from the highest score to the lowest: `(weight of the zeros, weight of the ones)`.
fn levels(pairs: &Pairs) -> Option<Vec<(f64, f64)>> {
    if !pairs.is_binary() || !pairs.all_finite() {
        return None;
    }
    let order = order(&pairs.predicted);
    let mut levels: Vec<(f64, f64)> = runs(&pairs.predicted, &order)
        .map(|run| {
            run.iter().fold((0.0, 0.0), |(zeros, ones), &i| {
                let w = pairs.weight(i as usize);
                if pairs.truth[i as usize] == 1.0 {
                    (zeros, ones + w)
                } else {
                    (zeros + w, ones)
                }
            })
        })
        .collect();
    levels.reverse();
    Some(levels)
}

/// The probability that a one scores above a zero, ties counting half.
pub(super) fn auroc(pairs: &Pairs) -> Option<f64> {
    let (mut zeros, mut ones, mut area) = (0.0, 0.0, 0.0);
    for (more_zeros, more_ones) in levels(pairs)? {
        area += more_zeros * (ones + more_ones / 2.0);
        zeros += more_zeros;
        ones += more_ones;
    }
    ratio(area, zeros * ones).map(|area| area.min(1.0))
}

/// The mean over the ones of the precision down to their score.
pub(super) fn average_precision(pairs: &Pairs) -> Option<f64> {
    let (mut zeros, mut ones, mut sum) = (0.0, 0.0, 0.0);
    for (more_zeros, more_ones) in levels(pairs)? {
        zeros += more_zeros;
        ones += more_ones;
        sum += more_ones * (ones / (zeros + ones));
    }
    ratio(sum, ones).map(|precision| precision.min(1.0))
}
