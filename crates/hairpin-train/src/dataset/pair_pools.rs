//! [`PairPools`]: blocks of pairs that are drawn by how high their targets are.

use super::pair::ColumnSample;
use crate::{BatchSampler, TrainError};
use hairpin_targets::TargetMatrix;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Where the targets of a block's pairs lie in those of their column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// In the highest tenth.
    High,
    /// From the median up to that.
    Mid,
    /// Below the median.
    Low,
    /// Below the median, though in the highest tenth of another column of the block, a competitor.
    Hard,
}

/// Shares of an epoch's blocks that are drawn from each pool.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolShares {
    /// Of [`Pool::High`].
    pub high: f64,
    /// Of [`Pool::Mid`].
    pub mid: f64,
    /// Of [`Pool::Low`].
    pub low: f64,
    /// Of [`Pool::Hard`].
    pub hard: f64,
}

impl PoolShares {
    /// No pools.
    pub const NONE: Self = Self {
        high: 0.0,
        mid: 0.0,
        low: 0.0,
        hard: 0.0,
    };

    /// Whether they are shares.
    ///
    /// # Errors
    ///
    /// [`TrainError::Pools`] when one is not from 0 to 1, or they do not add up to 1.
    pub fn validate(&self) -> Result<(), TrainError> {
        let all = [self.high, self.mid, self.low, self.hard];
        let shares = all.iter().all(|share| (0.0..=1.0).contains(share));
        match shares && (all.iter().sum::<f64>() - 1.0).abs() < 1e-6 {
            true => Ok(()),
            false => Err(self.refused("shares from 0 to 1 that add up to 1")),
        }
    }

    fn refused(&self, expected: &'static str) -> TrainError {
        let Self {
            high,
            mid,
            low,
            hard,
        } = self;
        TrainError::Pools {
            found: format!("high {high}, mid {mid}, low {low}, hard {hard}"),
            expected,
        }
    }
}

/// The measured values of a column that its pools begin at.
#[derive(Debug, Clone, Copy)]
struct Quantiles {
    median: f32,
    ninth_decile: f32,
}

/// Draws the blocks of a [`PairDataset`](super::PairDataset): each from one pool, each of its rows for one of its columns.
///
/// A block's first row is drawn from all. It names the block: the [`ColumnSample`], which must be one
/// [by first row](ColumnSample::by_first_row), and the pool follow from it and the seed, so that the dataset, the objective and this
/// draw the same ones without speaking to each other. Every other row is drawn for one of the block's columns in turn, from those whose
/// target in that column lies in the pool, so that a square block has a pair of its pool in every column. No row is twice in a block; where
/// the pool has none that is not there yet, any row stands in.
///
/// A [`Contrastive`](crate::Contrastive) objective that knows the pools tells pairs apart in the blocks of [`Pool::High`] alone: in the others
/// nothing binds.
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_train::{BatchSampler, ColumnSample, PairPools, PoolShares};
/// use ndarray::Array2;
/// use rand_chacha::ChaCha8Rng;
/// use rand_chacha::rand_core::SeedableRng;
///
/// let names = (0..8).map(|protein| format!("protein {protein}"));
/// let values = Array2::from_shape_fn((400, 8), |(probe, protein)| ((probe * 7 + protein * 31) % 400) as f32);
/// let targets = TargetMatrix::new(values, names.collect())?;
/// let sample = ColumnSample::new(8, 4, 1).by_first_row();
/// let pools = PairPools::new(&targets, sample, PoolShares { high: 1.0, ..PoolShares::NONE })?;
/// let block = pools.batch(4, &mut ChaCha8Rng::seed_from_u64(1));
/// let columns = sample.draw(&block);
/// // The highest tenth of 0 to 399.
/// assert!((1..4).all(|place| targets.values()[[block[place], columns[place]]] >= 359.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PairPools<'a> {
    targets: &'a TargetMatrix,
    sample: ColumnSample,
    shares: PoolShares,
    columns: Vec<Quantiles>,
}

impl<'a> PairPools<'a> {
    /// Draws that are tried before any row stands in.
    const TRIES: usize = 1000;

    /// Pools of these targets, `[n_right, n_left]`.
    ///
    /// # Errors
    ///
    /// [`TrainError::Pools`] when the shares are not shares, or hard pairs are asked for and a block has a single column.
    ///
    /// # Panics
    ///
    /// If the sample is not of the target's columns, or not [by first row](ColumnSample::by_first_row).
    pub fn new(
        targets: &'a TargetMatrix,
        sample: ColumnSample,
        shares: PoolShares,
    ) -> Result<Self, TrainError> {
        assert!(
            sample.n_columns() == targets.n_columns(),
            "n_columns: the sample has {}, the targets {}",
            sample.n_columns(),
            targets.n_columns()
        );
        assert!(
            sample.is_by_first_row(),
            "sample: expected one by first row"
        );
        shares.validate()?;
        if shares.hard > 0.0 && sample.size() < 2 {
            return Err(
                shares.refused("no hard pairs where a block has one column: nothing competes")
            );
        }
        let columns = (0..targets.n_columns()).map(|column| quantiles(targets, column));
        Ok(Self {
            targets,
            sample,
            shares,
            columns: columns.collect(),
        })
    }

    /// The pool of the block of these rows.
    ///
    /// # Panics
    ///
    /// If there is no row.
    pub fn pool(&self, rows: &[usize]) -> Pool {
        let mut rng = ChaCha8Rng::seed_from_u64(self.sample.seed());
        // Another stream than the one of the sample of columns.
        rng.set_stream(!(rows[0] as u64));
        let mut at = rng.random::<f64>();
        for (share, pool) in [
            (self.shares.high, Pool::High),
            (self.shares.mid, Pool::Mid),
            (self.shares.low, Pool::Low),
        ] {
            if at < share {
                return pool;
            }
            at -= share;
        }
        // Rounding may leave a little where hard pairs have no share.
        match self.shares.hard > 0.0 {
            true => Pool::Hard,
            false => Pool::High,
        }
    }

    /// Whether a row's target in a column lies in a pool; `competitor` is another column.
    fn is_in(&self, pool: Pool, row: usize, column: usize, competitor: usize) -> bool {
        let value = |column: usize| {
            let at = [row, column];
            self.targets.measured()[at].then(|| self.targets.values()[at])
        };
        let Some(own) = value(column) else {
            return false;
        };
        let Quantiles {
            median,
            ninth_decile,
        } = self.columns[column];
        match pool {
            Pool::High => own >= ninth_decile,
            Pool::Mid => own >= median && own < ninth_decile,
            Pool::Low => own < median,
            Pool::Hard => {
                let its = self.columns[competitor].ninth_decile;
                own < median && value(competitor).is_some_and(|value| value >= its)
            }
        }
    }
}

impl BatchSampler for PairPools<'_> {
    fn batch(&self, size: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let n = self.targets.n_rows();
        let size = size.min(n);
        let mut block = vec![rng.random_range(0..n)];
        let columns = self.sample.draw(&block);
        let pool = self.pool(&block);
        let mut seen = HashSet::from([block[0]]);
        while block.len() < size {
            let place = block.len() % columns.len();
            let mut row = None;
            for _ in 0..Self::TRIES {
                let other = match columns.len() {
                    1 => 0,
                    many => (place + rng.random_range(1..many)) % many,
                };
                let tried = rng.random_range(0..n);
                if !seen.contains(&tried) && self.is_in(pool, tried, columns[place], columns[other])
                {
                    row = Some(tried);
                    break;
                }
            }
            let row = row.unwrap_or_else(|| {
                let from = rng.random_range(0..n);
                let mut around = (from..n).chain(0..from);
                around.find(|row| !seen.contains(row)).unwrap_or(from)
            });
            seen.insert(row);
            block.push(row);
        }
        block
    }
}

/// Of what was measured in a column; of a column without measurements nothing lies anywhere.
fn quantiles(targets: &TargetMatrix, column: usize) -> Quantiles {
    let (values, measured) = (targets.values(), targets.measured());
    let known = values
        .column(column)
        .into_iter()
        .zip(measured.column(column));
    let mut known: Vec<f32> = known.filter(|own| *own.1).map(|own| *own.0).collect();
    let mut at = |tenths: usize| match known.len() {
        0 => f32::INFINITY,
        n => {
            *known
                .select_nth_unstable_by((n * tenths / 10).min(n - 1), f32::total_cmp)
                .1
        }
    };
    Quantiles {
        median: at(5),
        ninth_decile: at(9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    const N: usize = 500;

    fn targets() -> TargetMatrix {
        // Every column a permutation of 0 to 499; a few cells not measured.
        let value = |(row, column): (usize, usize)| match (row + column) % 50 {
            0 => f32::NAN,
            _ => ((row * 37 + column * 173) % N) as f32,
        };
        let names = (0..12).map(|column| format!("p{column}"));
        TargetMatrix::from_nan(Array2::from_shape_fn((N, 12), value), names.collect()).unwrap()
    }

    #[test]
    fn every_block_has_its_pairs_and_every_pool_its_share() {
        let targets = targets();
        let sample = ColumnSample::new(12, 6, 3).by_first_row();
        let shares = PoolShares {
            high: 0.6,
            mid: 0.15,
            low: 0.15,
            hard: 0.1,
        };
        let pools = PairPools::new(&targets, sample, shares).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut counts = [0usize; 4];
        for _ in 0..2000 {
            let block = pools.batch(6, &mut rng);
            let columns = sample.draw(&block);
            let pool = pools.pool(&block);
            counts[pool as usize] += 1;
            let mut distinct = block.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), 6);
            for place in 1..6 {
                let own = targets.values()[[block[place], columns[place]]];
                // 10 of 500 are not measured: a quantile may be that far from its place.
                let fits = match pool {
                    Pool::High => own >= 435.0,
                    Pool::Mid => (235.0..465.0).contains(&own),
                    Pool::Low => own < 265.0,
                    Pool::Hard => {
                        let competitors = columns.iter().filter(|&&c| c != columns[place]);
                        let highest = competitors
                            .map(|&column| targets.values()[[block[place], column]])
                            .fold(0.0, f32::max);
                        own < 265.0 && highest >= 435.0
                    }
                };
                assert!(fits, "{own} is not {pool:?}");
                assert!(targets.measured()[[block[place], columns[place]]]);
            }
        }
        for (count, share) in counts.into_iter().zip([0.6, 0.15, 0.15, 0.1]) {
            let expected = 2000.0 * share;
            // 500 first rows name the pools, each with its own.
            let deviation = 4.0 * 2000.0 * (share * (1.0 - share) / N as f64).sqrt();
            assert!((count as f64 - expected).abs() < deviation, "{counts:?}");
        }
    }

    #[test]
    fn an_empty_pool_and_a_small_matrix_are_filled_up() {
        let values = Array2::zeros((5, 2));
        let targets = TargetMatrix::new(values, vec!["a".into(), "b".into()]).unwrap();
        let sample = ColumnSample::new(2, 2, 1).by_first_row();
        let low = PoolShares {
            low: 1.0,
            ..PoolShares::NONE
        };
        let pools = PairPools::new(&targets, sample, low).unwrap();
        let mut block = pools.batch(64, &mut ChaCha8Rng::seed_from_u64(1));
        block.sort_unstable();
        assert_eq!(block, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        let targets = targets();
        let found = |size, shares| {
            let sample = ColumnSample::new(12, size, 1).by_first_row();
            PairPools::new(&targets, sample, shares)
                .unwrap_err()
                .to_string()
        };
        let shares = |high, hard| PoolShares {
            high,
            hard,
            ..PoolShares::NONE
        };
        assert!(found(4, PoolShares::NONE).contains("add up to 1"));
        assert!(found(4, shares(1.5, -0.5)).contains("high 1.5"));
        assert!(found(4, shares(f64::NAN, 1.0)).contains("high NaN"));
        assert!(found(1, shares(0.5, 0.5)).contains("nothing competes"));
    }
}
