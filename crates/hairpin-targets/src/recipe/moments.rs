//! Mean and variance of every column, in one pass over memory.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::stage::{Stage, block_rows, column_blocks};
use super::step::{FittedStep, Refusal, Way};

/// Number of measured values of a column, their mean, and the sum of the squared differences from it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub(super) n: f64,
    pub(super) mean: f64,
    squares: f64,
}

impl Moments {
    /// Variance with `n` below the fraction line.
    pub(super) fn variance(&self) -> f64 {
        if self.n > 0.0 {
            self.squares / self.n
        } else {
            0.0
        }
    }

    /// Whether the variance is nothing but rounding. The bound is that of a mean of `n` equal values, (n mean ε)²
    /// (Chan, Golub and LeVeque 1983, doi:10.1080/00031305.1983.10483115).
    pub(super) fn is_constant(&self) -> bool {
        self.variance() <= (self.n * self.mean * f64::EPSILON).powi(2)
    }

    /// The moments of two sets of values together, by the same authors' pairwise update.
    fn and(self, other: Self) -> Self {
        if other.n == 0.0 {
            return self;
        }
        let n = self.n + other.n;
        let delta = other.mean - self.mean;
        Self {
            n,
            mean: self.mean + delta * (other.n / n),
            squares: self.squares + other.squares + delta * delta * (self.n * other.n / n),
        }
    }
}

/// Rows whose moments one thread sums up; fixed, so that the sums do not depend on the number of threads.
const CHUNK_ROWS: usize = 2048;

/// Blocks of a thread's rows that are summed up together: joining moments costs two divisions a column.
const BLOCKS: usize = 4;

/// The moments of every column after the steps, over the given rows.
pub(super) fn moments(
    stage: &Stage<'_>,
    steps: &[FittedStep],
    rows: &[usize],
) -> Result<Vec<Moments>, Refusal> {
    let n_columns = stage.n_columns();
    let tiles: Vec<(usize, usize, &[usize])> = rows
        .chunks(CHUNK_ROWS)
        .flat_map(|rows| column_blocks(n_columns).map(move |(first, width)| (first, width, rows)))
        .collect();
    let found: Vec<Result<Vec<Moments>, Refusal>> = tiles
        .par_iter()
        .map(|&(first, width, rows)| {
            let mut all = vec![Moments::default(); width];
            let mut sums = Sums::new(width);
            if let Some(values) = stage.plain_values().filter(|_| steps.is_empty()) {
                stage.arch().dispatch(AddPlain {
                    sums: &mut sums,
                    all: &mut all,
                    values,
                    n_columns,
                    rows,
                    first,
                });
                return Ok(all);
            }
            let mut values = Vec::new();
            for rows in rows.chunks(BLOCKS * block_rows(width)) {
                values.resize(rows.len() * width, 0.0);
                stage.load((steps, Way::Forward), rows, (first, width), &mut values)?;
                stage.arch().dispatch(Add {
                    sums: &mut sums,
                    all: &mut all,
                    values: &values,
                    complete: stage.is_complete(),
                });
            }
            Ok(all)
        })
        .collect();
    let mut all = vec![Moments::default(); n_columns];
    for (&(first, ..), found) in tiles.iter().zip(found) {
        for (all, found) in all[first..].iter_mut().zip(found?) {
            *all = all.and(found);
        }
    }
    Ok(all)
}

/// Sums over a block that lies in the cache.
struct Sums {
    n: Vec<f64>,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

/// [`Sums::add_to`], compiled for each kind of vector.
struct Add<'a> {
    sums: &'a mut Sums,
    all: &'a mut [Moments],
    values: &'a [f64],
    complete: bool,
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // Two loops without the other's branch.
        if self.complete {
            self.sums.add_to(self.all, self.values, true);
        } else {
            self.sums.add_to(self.all, self.values, false);
        }
    }
}

/// The moments of values as they are in the matrix, all of them measured: nothing is copied, and `f32` becomes `f64` on the way into
/// a sum.
struct AddPlain<'a> {
    sums: &'a mut Sums,
    all: &'a mut [Moments],
    values: &'a [f32],
    n_columns: usize,
    rows: &'a [usize],
    first: usize,
}

impl WithSimd for AddPlain<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.all.len();
        let Sums { n, mean, squares } = self.sums;
        for rows in self.rows.chunks(BLOCKS * block_rows(width)) {
            let row = |row: usize| {
                let start = row * self.n_columns + self.first;
                &self.values[start..start + width]
            };
            // Four rows at once: a sum is fetched and stored once for four values.
            let (fours, rest) = rows.as_chunks::<4>();
            mean.fill(0.0);
            for &four in fours {
                let [a, b, c, d] = four.map(row);
                for ((((sum, &a), &b), &c), &d) in mean.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    *sum += (f64::from(a) + f64::from(b)) + (f64::from(c) + f64::from(d));
                }
            }
            for &one in rest {
                for (sum, &value) in mean.iter_mut().zip(row(one)) {
                    *sum += f64::from(value);
                }
            }
            n.fill(rows.len() as f64);
            for mean in mean.iter_mut() {
                *mean /= rows.len() as f64;
            }
            squares.fill(0.0);
            for &four in fours {
                let [a, b, c, d] = four.map(row);
                let sums = squares.iter_mut().zip(mean.iter());
                for (((((sum, &mean), &a), &b), &c), &d) in sums.zip(a).zip(b).zip(c).zip(d) {
                    let a = (f64::from(a) - mean) * (f64::from(a) - mean);
                    let b = (f64::from(b) - mean) * (f64::from(b) - mean);
                    let c = (f64::from(c) - mean) * (f64::from(c) - mean);
                    let d = (f64::from(d) - mean) * (f64::from(d) - mean);
                    *sum += (a + b) + (c + d);
                }
            }
            for &one in rest {
                let sums = squares.iter_mut().zip(mean.iter());
                for ((sum, &mean), &value) in sums.zip(row(one)) {
                    let difference = f64::from(value) - mean;
                    *sum += difference * difference;
                }
            }
            join(self.all, n, mean, squares);
        }
    }
}

/// Adds the moments of a block to those of what was before it.
#[inline(always)]
fn join(all: &mut [Moments], n: &[f64], mean: &[f64], squares: &[f64]) {
    for (((all, &n), &mean), &squares) in all.iter_mut().zip(n).zip(mean).zip(squares) {
        *all = all.and(Moments { n, mean, squares });
    }
}

impl Sums {
    fn new(width: usize) -> Self {
        Self {
            n: vec![0.0; width],
            mean: vec![0.0; width],
            squares: vec![0.0; width],
        }
    }

    /// Adds the moments of a block: the mean first, then the squares about it, both from the cache.
    #[inline(always)]
    fn add_to(&mut self, all: &mut [Moments], values: &[f64], complete: bool) {
        let width = all.len();
        self.mean.fill(0.0);
        self.squares.fill(0.0);
        if complete {
            self.n.fill((values.len() / width) as f64);
            for row in values.chunks_exact(width) {
                for (sum, value) in self.mean.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        } else {
            self.n.fill(0.0);
            for row in values.chunks_exact(width) {
                for ((sum, n), &value) in self.mean.iter_mut().zip(&mut self.n).zip(row) {
                    let missing = value.is_nan();
                    *sum += if missing { 0.0 } else { value };
                    *n += if missing { 0.0 } else { 1.0 };
                }
            }
        }
        for (mean, &n) in self.mean.iter_mut().zip(&self.n) {
            *mean /= f64::max(n, 1.0);
        }
        for row in values.chunks_exact(width) {
            for ((sum, mean), &value) in self.squares.iter_mut().zip(&self.mean).zip(row) {
                let difference = value - mean;
                let square = difference * difference;
                // A missing value is NaN; the comparison costs as much as the sum, so only where there may be one.
                *sum += if !complete && square.is_nan() {
                    0.0
                } else {
                    square
                };
            }
        }
        join(all, &self.n, &self.mean, &self.squares);
    }
}
