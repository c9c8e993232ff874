//! Orders, ranks, and what is counted from them.

use super::moments::{Moments, geometric_mean, ratio};
use super::pairs::Pairs;
use std::borrow::Cow;

/// The indices of the values in ascending order; equal values in the order they come in.
pub(super) fn order(values: &[f64]) -> Vec<u32> {
    assert!(
        u32::try_from(values.len()).is_ok(),
        "values: more than 2^32"
    );
    // Numbers that fit 32 bits, as those of a TargetMatrix do, share one word with their index.
    if values.iter().all(|&v| f64::from(v as f32) == v) {
        let mut keys: Vec<u64> = values
            .iter()
            .zip(0u64..)
            .map(|(&v, i)| {
                let bits = (v as f32 + 0.0).to_bits();
                let key = bits ^ (((bits as i32 >> 31) as u32) | (1 << 31));
                (u64::from(key) << 32) | i
            })
            .collect();
        keys.sort_unstable();
        keys.into_iter().map(|key| key as u32).collect()
    } else {
        let mut keys: Vec<(u64, u32)> = values
            .iter()
            .zip(0u32..)
            .map(|(&v, i)| {
                let bits = (v + 0.0).to_bits();
                (bits ^ (((bits as i64 >> 63) as u64) | (1 << 63)), i)
            })
            .collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, i)| i).collect()
    }
}

/// The order cut into runs of equal values.
pub(super) fn runs<'a>(values: &'a [f64], order: &'a [u32]) -> impl Iterator<Item = &'a [u32]> {
    order.chunk_by(|&a, &b| values[a as usize] == values[b as usize])
}

/// The rank of each value from 1 up, ties averaged; a value of weight `w` counts as `w` equal values.
pub(super) fn ranks(values: &[f64], weight: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0.0;
    for run in runs(values, &order(values)) {
        let tied: f64 = run.iter().map(|&i| weight(i as usize)).sum();
        for &i in run {
            ranks[i as usize] = below + (tied + 1.0) / 2.0;
        }
        below += tied;
    }
    ranks
}

/// Pearson's correlation of the ranks.
pub(super) fn spearman(pairs: &Pairs) -> Option<f64> {
    if !pairs.all_finite() {
        return None;
    }
    let rank = |values: &[f64]| Cow::Owned(ranks(values, |i| pairs.weight(i)));
    let ranks = Pairs::new(rank(&pairs.predicted), rank(&pairs.truth), pairs.weights());
    Moments::of(&ranks).pearson()
}

/// Pairs of pairs, by how predictions and truth order them; each counts with the product of its weights, and twice.
struct Concordance {
    /// Of different truth and different prediction, in the same order.
    concordant: f64,
    /// Of different truth and different prediction, in the other order.
    discordant: f64,
    /// Of different prediction.
    apart_predicted: f64,
    /// Of different truth.
    apart_truth: f64,
}

impl Concordance {
    /// In `O(n log n)`: along ascending predictions, a Fenwick tree over the ranks of the truth holds the weight of what
    /// came before. Knight (1966), doi:10.1080/01621459.1966.10480879, sorts by merging instead.
    fn count(pairs: &Pairs) -> Self {
        let n = pairs.len();
        let by_truth = order(&pairs.truth);
        let mut place = vec![0u32; n];
        let (mut levels, mut tied_truth) = (0, 0.0);
        for run in runs(&pairs.truth, &by_truth) {
            let mut weight = 0.0;
            for &i in run {
                place[i as usize] = levels;
                weight += pairs.weight(i as usize);
            }
            tied_truth += weight * weight;
            levels += 1;
        }
        let by_predicted = order(&pairs.predicted);
        let mut tree = Fenwick::new(levels as usize);
        let (mut seen, mut tied_predicted) = (0.0, 0.0);
        let (mut concordant, mut discordant) = (0.0, 0.0);
        let mut levels_predicted = 0;
        for run in runs(&pairs.predicted, &by_predicted) {
            for &i in run {
                let (below, at) = tree.below_and_at(place[i as usize] as usize);
                let w = pairs.weight(i as usize);
                concordant += w * below;
                discordant += w * (seen - below - at);
            }
            let mut weight = 0.0;
            for &i in run {
                let w = pairs.weight(i as usize);
                tree.add(place[i as usize] as usize, w);
                weight += w;
            }
            tied_predicted += weight * weight;
            seen += weight;
            levels_predicted += 1;
        }
        // Of a constant side nothing is apart, whatever rounding leaves of the difference.
        let apart = |tied: f64, levels: u32| {
            if levels < 2 { 0.0 } else { seen * seen - tied }
        };
        Self {
            concordant: 2.0 * concordant,
            discordant: 2.0 * discordant,
            apart_predicted: apart(tied_predicted, levels_predicted),
            apart_truth: apart(tied_truth, levels),
        }
    }
}

/// Prefix sums that can be added to.
struct Fenwick {
    sums: Vec<f64>,
    values: Vec<f64>,
}

impl Fenwick {
    fn new(n: usize) -> Self {
        Self {
            sums: vec![0.0; n + 1],
            values: vec![0.0; n],
        }
    }

    fn add(&mut self, place: usize, weight: f64) {
        self.values[place] += weight;
        let mut i = place + 1;
        while i < self.sums.len() {
            self.sums[i] += weight;
            i += i & i.wrapping_neg();
        }
    }

    fn below_and_at(&self, place: usize) -> (f64, f64) {
        let (mut i, mut below) = (place, 0.0);
        while i > 0 {
            below += self.sums[i];
            i &= i - 1;
        }
        (below, self.values[place])
    }
}

/// Kendall's tau-b.
pub(super) fn kendall(pairs: &Pairs) -> Option<f64> {
    if !pairs.all_finite() {
        return None;
    }
    let count = Concordance::count(pairs);
    let whole = geometric_mean(count.apart_predicted, count.apart_truth);
    Some(ratio(count.concordant - count.discordant, whole)?.clamp(-1.0, 1.0))
}

/// The share of pairs of different truth that the predictions order right, a tie counting half.
pub(super) fn concordance_index(pairs: &Pairs) -> Option<f64> {
    if !pairs.all_finite() {
        return None;
    }
    let count = Concordance::count(pairs);
    let half = (count.apart_truth - count.concordant - count.discordant) / 2.0;
    Some(ratio(count.concordant + half, count.apart_truth)?.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank() {
        assert_eq!(
            ranks(&[3.0, -0.0, 3.0, 0.0, -7.5], |_| 1.0),
            [4.5, 2.5, 4.5, 2.5, 1.0]
        );
        // 0.1 does not fit 32 bits.
        assert_eq!(ranks(&[0.1, -0.1, 0.1], |_| 1.0), [2.5, 1.0, 2.5]);
    }

    #[test]
    fn a_weight_of_two_is_two_values() {
        assert_eq!(ranks(&[5.0, 1.0], |i| [2.0, 1.0][i]), [2.5, 1.0]);
    }
}
