//! The moments of every column in one pass over the rows.

use rayon::prelude::*;

use super::metric::Needs;
use super::moments::Moments;
use super::pairs::Pairs;

/// Columns that are summed side by side, in registers.
const LANES: usize = 8;
/// Rows that stay in the first cache while all columns of them are summed.
const TILE: usize = 16;
/// Entries that one task sums. It depends on nothing but the shape, so the sums do not depend on the number of threads.
const TASK: usize = 1 << 18;

/// Two row-major matrices of `n_columns`, the mask of what counts, and a weight per row.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) predicted: &'a [f32],
    pub(super) truth: &'a [f32],
    pub(super) measured: Option<&'a [bool]>,
    pub(super) weights: Option<&'a [f64]>,
    pub(super) n_columns: usize,
}

impl<'a> Table<'a> {
    pub(super) fn n_rows(&self) -> usize {
        self.truth.len().checked_div(self.n_columns).unwrap_or(0)
    }

    fn rows(&self, first: usize, last: usize) -> Self {
        let entries = first * self.n_columns..last * self.n_columns;
        Self {
            predicted: &self.predicted[entries.clone()],
            truth: &self.truth[entries.clone()],
            measured: self.measured.map(|measured| &measured[entries]),
            weights: self.weights.map(|weights| &weights[first..last]),
            n_columns: self.n_columns,
        }
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    pub(super) fn counts(&self, row: usize, column: usize) -> bool {
        self.measured
            .is_none_or(|measured| measured[row * self.n_columns + column])
    }

    /// What counts of one column, as numbers of their own.
    pub(super) fn column(&self, column: usize) -> Pairs<'static> {
        let mut weights = self.weights.map(|_| Vec::new());
        let (mut predicted, mut truth) = (Vec::new(), Vec::new());
        for row in 0..self.n_rows() {
            let weight = self.weight(row);
            if weight > 0.0 && self.counts(row, column) {
                predicted.push(f64::from(self.predicted[row * self.n_columns + column]));
                truth.push(f64::from(self.truth[row * self.n_columns + column]));
                if let Some(weights) = &mut weights {
                    weights.push(weight);
                }
            }
        }
        Pairs::owned(predicted, truth, weights)
    }

    /// What counts of one row; the row's weight does not matter within it.
    pub(super) fn row(&self, row: usize) -> Pairs<'static> {
        let counted = (0..self.n_columns).filter(|&column| self.counts(row, column));
        let at = |column| row * self.n_columns + column;
        let (predicted, truth) = counted
            .map(|c| {
                (
                    f64::from(self.predicted[at(c)]),
                    f64::from(self.truth[at(c)]),
                )
            })
            .unzip();
        Pairs::owned(predicted, truth, None)
    }

    /// Everything that counts, row by row.
    pub(super) fn pooled(&self) -> Pairs<'static> {
        let mut weights = self.weights.map(|_| Vec::new());
        let (mut predicted, mut truth) = (Vec::new(), Vec::new());
        for row in 0..self.n_rows() {
            let weight = self.weight(row);
            if weight == 0.0 {
                continue;
            }
            let pairs = self.row(row);
            predicted.extend_from_slice(&pairs.predicted);
            truth.extend_from_slice(&pairs.truth);
            if let Some(weights) = &mut weights {
                weights.resize(truth.len(), weight);
            }
        }
        Pairs::owned(predicted, truth, weights)
    }
}

/// Sums of one block of columns, relative to `x0` and `y0`.
#[derive(Clone, Default)]
struct Block {
    weight: [f64; LANES],
    x: [f64; LANES],
    y: [f64; LANES],
    xx: [f64; LANES],
    yy: [f64; LANES],
    xy: [f64; LANES],
    squares: [f64; LANES],
    absolutes: [f64; LANES],
}

/// The moments of each column.
///
/// Sums are taken relative to the first value of each column that counts: a constant column has a spread of exactly 0,
/// and a mean far from 0 costs no digits. Where that first value is itself so far out that it does, the column is
/// computed again in two passes.
pub(super) fn column_moments(table: Table, needs: Needs) -> Vec<Moments> {
    let (n_rows, n_columns) = (table.n_rows(), table.n_columns);
    let origin = origin(&table);
    let rows_per_task = (TASK / n_columns.max(1)).max(4 * TILE);
    let starts: Vec<usize> = (0..n_rows).step_by(rows_per_task).collect();
    let parts: Vec<Vec<Block>> = starts
        .into_par_iter()
        .map(|start| {
            let rows = table.rows(start, (start + rows_per_task).min(n_rows));
            match needs {
                Needs::Deviations => sum::<true, false>(rows, &origin),
                Needs::Products => sum::<false, true>(rows, &origin),
                Needs::Both => sum::<true, true>(rows, &origin),
            }
        })
        .collect();
    (0..n_columns)
        .map(|column| {
            let total = |of: fn(&Block) -> &[f64; LANES]| -> f64 {
                let parts = parts.iter();
                parts
                    .map(|part| of(&part[column / LANES])[column % LANES])
                    .sum()
            };
            let weight = total(|block| &block.weight);
            let mut moments = Moments {
                weight,
                squares: total(|block| &block.squares),
                absolutes: total(|block| &block.absolutes),
                ..Moments::default()
            };
            if weight > 0.0 && needs != Needs::Deviations {
                let (x, y) = (total(|block| &block.x), total(|block| &block.y));
                let (xx, yy) = (total(|block| &block.xx), total(|block| &block.yy));
                moments.mean_x = f64::from(origin.x[column]) + x / weight;
                moments.mean_y = f64::from(origin.y[column]) + y / weight;
                moments.xx = xx - x * x / weight;
                moments.yy = yy - y * y / weight;
                moments.xy = total(|block| &block.xy) - x * y / weight;
                let lost = |spread: f64, sum: f64| sum > 0.0 && spread < 1e-3 * sum;
                if lost(moments.xx, xx) || lost(moments.yy, yy) {
                    return Moments::of(&table.column(column));
                }
            }
            moments
        })
        .collect()
}

/// The first prediction and truth of each column that count, padded to whole blocks.
struct Origin {
    x: Vec<f32>,
    y: Vec<f32>,
}

fn origin(table: &Table) -> Origin {
    let width = table.n_columns.div_ceil(LANES) * LANES;
    let mut origin = Origin {
        x: vec![0.0; width],
        y: vec![0.0; width],
    };
    let mut open: Vec<usize> = (0..table.n_columns).collect();
    for row in 0..table.n_rows() {
        if open.is_empty() {
            break;
        }
        if table.weight(row) == 0.0 {
            continue;
        }
        open.retain(|&column| {
            let counts = table.counts(row, column);
            if counts {
                origin.x[column] = table.predicted[row * table.n_columns + column];
                origin.y[column] = table.truth[row * table.n_columns + column];
            }
            !counts
        });
    }
    origin
}

/// The sums of some rows, block by block of columns.
fn sum<const DEVIATIONS: bool, const PRODUCTS: bool>(table: Table, origin: &Origin) -> Vec<Block> {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let n = table.n_columns;
            let mut blocks = vec![Block::default(); n.div_ceil(LANES)];
            let n_rows = table.n_rows();
            let complete = table
                .measured
                .is_none_or(|measured| measured.iter().all(|&m| m));
            for first in (0..n_rows).step_by(TILE) {
                let tile = table.rows(first, (first + TILE).min(n_rows));
                for (b, block) in blocks.iter_mut().enumerate() {
                    let (x0, y0) = (lanes(&origin.x, b * LANES), lanes(&origin.y, b * LANES));
                    if complete && (b + 1) * LANES <= n {
                        tile_block::<DEVIATIONS, PRODUCTS, true>(&tile, b * LANES, x0, y0, block);
                    } else {
                        tile_block::<DEVIATIONS, PRODUCTS, false>(&tile, b * LANES, x0, y0, block);
                    }
                }
            }
            blocks
        },
    )
}

#[inline(always)]
fn lanes(values: &[f32], at: usize) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    lanes.copy_from_slice(&values[at..at + LANES]);
    lanes
}

/// Adds a tile of rows to one block of columns.
#[inline(always)]
fn tile_block<const DEVIATIONS: bool, const PRODUCTS: bool, const WHOLE: bool>(
    tile: &Table,
    at: usize,
    x0: [f32; LANES],
    y0: [f32; LANES],
    block: &mut Block,
) {
    let n = tile.n_columns;
    let mut sums = block.clone();
    for row in 0..tile.n_rows() {
        let weight = tile.weight(row);
        let start = row * n + at;
        let (x, y, w) = if WHOLE {
            let x = lanes(tile.predicted, start);
            (x, lanes(tile.truth, start), [weight; LANES])
        } else {
            // Beyond the last column and where nothing was measured: the origin, with a weight of 0.
            let (mut x, mut y, mut w) = (x0, y0, [0.0; LANES]);
            for lane in 0..LANES.min(n - at) {
                if tile.counts(row, at + lane) {
                    x[lane] = tile.predicted[start + lane];
                    y[lane] = tile.truth[start + lane];
                    w[lane] = weight;
                }
            }
            (x, y, w)
        };
        for lane in 0..LANES {
            let (xl, yl) = (f64::from(x[lane]), f64::from(y[lane]));
            sums.weight[lane] += w[lane];
            if PRODUCTS {
                let (dx, dy) = (xl - f64::from(x0[lane]), yl - f64::from(y0[lane]));
                let (wx, wy) = (w[lane] * dx, w[lane] * dy);
                sums.x[lane] += wx;
                sums.y[lane] += wy;
                sums.xx[lane] += wx * dx;
                sums.yy[lane] += wy * dy;
                sums.xy[lane] += wx * dy;
            }
            if DEVIATIONS {
                let d = xl - yl;
                sums.squares[lane] += w[lane] * d * d;
                sums.absolutes[lane] += w[lane] * d.abs();
            }
        }
    }
    *block = sums;
}
