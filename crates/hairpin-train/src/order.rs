//! The order in which rows are trained on, and the random streams of a run: functions of the seed, the epoch and the batch alone, so
//! that a run can go on from any batch.

use crate::fit::Examples;
use hairpin_targets::ClassLabels;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::fmt::Debug;

/// The stream from which the order of an epoch's rows is drawn.
pub(crate) fn epoch_rng(seed: u64, epoch: usize) -> ChaCha8Rng {
    stream(seed, epoch, 0)
}

/// The stream from which a batch's augmentation is drawn.
pub(crate) fn batch_rng(seed: u64, epoch: usize, batch: usize) -> ChaCha8Rng {
    stream(seed, epoch, 1 + batch as u64)
}

fn stream(seed: u64, epoch: usize, part: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((epoch as u64) << 32) | (part & 0xFFFF_FFFF));
    rng
}

/// The seed of what Burn itself draws in one batch: dropout.
pub(crate) fn backend_seed(seed: u64, epoch: usize, batch: usize) -> u64 {
    // SplitMix64's finaliser: neighbours become strangers.
    let mut z = seed
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(((epoch as u64) << 32) | batch as u64);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What chooses the rows of every batch of training: blocks whose rows belong together, say.
///
/// The counterpart of PyTorch's `batch_sampler`. An epoch has as many batches as without it, the number of rows over `batch_size`.
pub trait BatchSampler: Debug + Sync {
    /// The rows of one batch, `size` of them, in the order in which the dataset and the objective are to see them. All chance comes from `rng`.
    fn batch(&self, size: usize, rng: &mut ChaCha8Rng) -> Vec<usize>;
}

/// The batches of one epoch.
///
/// # Panics
///
/// If a batch sampler draws no row, or one that does not exist.
pub(crate) fn epoch_batches<D: ?Sized, T: ?Sized>(
    examples: &Examples<'_, D, T>,
    lengths: &[usize],
    batch_size: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<Vec<usize>> {
    let Some(sampler) = examples.batch_sampler else {
        return shuffled_batches(lengths, examples.odds, batch_size, rng);
    };
    let batch = |_| {
        let rows = sampler.batch(batch_size, rng);
        assert!(!rows.is_empty(), "BatchSampler: a batch without rows");
        for &row in &rows {
            let n = lengths.len();
            assert!(row < n, "BatchSampler: row is {row}, expected below {n}");
        }
        rows
    };
    (0..lengths.len().div_ceil(batch_size)).map(batch).collect()
}

/// Batches of one pass over a training set: shuffled, yet with like lengths together so that little is padding.
///
/// Rows are shuffled, cut into pools of 16 batches, sorted by length within each pool, cut into batches, and the batches shuffled.
/// When all lengths are equal that is a plain shuffle. The last batch of a pass may be smaller. With `odds`, as many rows as there are
/// are drawn with replacement, each in proportion to its own.
fn shuffled_batches(
    lengths: &[usize],
    odds: Option<&[f64]>,
    batch_size: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<Vec<usize>> {
    /// Batches whose rows are sorted together: enough to save padding, few enough to keep chance in the batches.
    const POOL: usize = 16;
    let mut rows: Vec<usize> = match odds {
        None => (0..lengths.len()).collect(),
        Some(odds) => drawn(odds, rng),
    };
    rows.shuffle(rng);
    let mut batches = Vec::with_capacity(rows.len().div_ceil(batch_size));
    for pool in rows.chunks_mut(batch_size.saturating_mul(POOL)) {
        pool.sort_by_key(|&row| lengths[row]);
        batches.extend(pool.chunks(batch_size).map(<[usize]>::to_vec));
    }
    batches.shuffle(rng);
    batches
}

/// As many rows as there are odds, with replacement.
fn drawn(odds: &[f64], rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut total = 0.0;
    let ends: Vec<f64> = odds
        .iter()
        .map(|own| {
            total += own;
            total
        })
        .collect();
    let row = |_| {
        let at = rng.random::<f64>() * total;
        ends.partition_point(|&end| end <= at).min(odds.len() - 1)
    };
    (0..odds.len()).map(row).collect()
}

/// Odds under which every class is drawn equally often: 1 over the size of a row's class.
///
/// ```
/// use hairpin_targets::ClassLabels;
///
/// let labels = ClassLabels::new(vec![0, 0, 0, 1], 2)?;
/// assert_eq!(hairpin_train::balanced_odds(&labels), [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 1.0]);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn balanced_odds(labels: &ClassLabels) -> Vec<f64> {
    let counts = labels.counts();
    let odds = |&label: &usize| 1.0 / counts[label] as f64;
    labels.labels().iter().map(odds).collect()
}

/// Batches for prediction, longest rows first so that what memory is needed is needed at once.
pub(crate) fn batches_by_length(lengths: &[usize], batch_size: usize) -> Vec<Vec<usize>> {
    let mut rows: Vec<usize> = (0..lengths.len()).collect();
    rows.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
    rows.chunks(batch_size).map(<[usize]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_batch_and_lengths_are_together() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let lengths: Vec<usize> = (0..103).map(|row| 1 + (row * 37) % 50).collect();
        for batches in [
            shuffled_batches(&lengths, None, 8, &mut rng),
            batches_by_length(&lengths, 8),
        ] {
            let mut rows = batches.concat();
            rows.sort_unstable();
            assert_eq!(rows, (0..103).collect::<Vec<_>>());
            assert!(batches.iter().all(|batch| batch.len() <= 8));
            let spread = |batch: &Vec<usize>| {
                let own: Vec<usize> = batch.iter().map(|&row| lengths[row]).collect();
                own.iter().max().unwrap() - own.iter().min().unwrap()
            };
            let mean = batches.iter().map(spread).sum::<usize>() / batches.len();
            assert!(
                mean < 12,
                "lengths within a batch differ by {mean} on average"
            );
        }
    }

    #[test]
    fn a_seed_fixes_the_order_and_another_seed_or_epoch_changes_it() {
        let batches =
            |seed, epoch| shuffled_batches(&[5; 64], None, 8, &mut epoch_rng(seed, epoch));
        assert_eq!(batches(1, 1), batches(1, 1));
        assert_ne!(batches(1, 1), batches(2, 1));
        assert_ne!(batches(1, 1), batches(1, 2));
        assert_ne!(batches(1, 1).concat(), (0..64).collect::<Vec<_>>());
    }

    #[test]
    fn rows_are_drawn_in_proportion_to_their_odds() {
        let odds: Vec<f64> = (0..400).map(|row| f64::from(row % 4)).collect();
        let mut seen = [0usize; 4];
        for epoch in 1..=50 {
            let batches = shuffled_batches(&[1; 400], Some(&odds), 32, &mut epoch_rng(3, epoch));
            assert_eq!(batches.concat().len(), 400);
            batches.concat().iter().for_each(|row| seen[row % 4] += 1);
        }
        assert_eq!(seen[0], 0);
        for (class, &count) in seen.iter().enumerate().skip(1) {
            let expected = 20_000.0 * class as f64 / 6.0;
            // Five standard deviations of a binomial.
            assert!((count as f64 - expected).abs() < 5.0 * expected.sqrt());
        }
    }

    #[test]
    fn a_batch_sampler_chooses_every_batch_of_an_epoch() {
        #[derive(Debug)]
        struct Neighbours;
        impl BatchSampler for Neighbours {
            fn batch(&self, size: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
                let first = rng.random_range(0..20 - size);
                (first..first + size).collect()
            }
        }
        let examples = Examples::new(&(), &()).with_batch_sampler(&Neighbours);
        let batches = |epoch| epoch_batches(&examples, &[5; 20], 6, &mut epoch_rng(1, epoch));
        assert_eq!(batches(1).len(), 4);
        for batch in batches(1) {
            assert_eq!(batch, (batch[0]..batch[0] + 6).collect::<Vec<_>>());
        }
        assert_eq!(batches(1), batches(1));
        assert_ne!(batches(1), batches(2));
    }

    #[test]
    fn streams_differ_from_batch_to_batch() {
        let mut first: Vec<u64> = Vec::new();
        for epoch in 0..3 {
            first.push(epoch_rng(1, epoch).random());
            first.extend((0..3).map(|batch| batch_rng(1, epoch, batch).random::<u64>()));
            first.extend((0..3).map(|batch| backend_seed(1, epoch, batch)));
        }
        let all = first.len();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), all);
    }
}
