//! Product of the few rows of a task with weights that were packed once: the heart of a recurrent step.
//!
//! A tile of rows times vectors is kept in registers while the inner dimension runs. Every element is summed in the order of the
//! inner dimension, whatever the tile: a row's result does not depend on the rows beside it.
//!
//! Vectors are never handed to a closure here or in the kernels: a closure is a function without the vector instructions of its
//! caller, and where it is not inlined, every operation in it becomes a call.

use crate::kernel::buffer::Buffer;
use pulp::{Simd, bytemuck::cast_slice};
use std::ops::Range;

/// Vectors of a tile at most.
const WIDE: usize = 4;

/// The vector of `slice[start..end]`, zero beyond.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, slice: &[f32], start: usize, end: usize) -> S::f32s {
    if start + S::F32_LANES <= end {
        let (head, _) = S::as_simd_f32s(&slice[start..start + S::F32_LANES]);
        head[0]
    } else {
        simd.partial_load_f32s(&slice[start..end])
    }
}

/// Writes a vector to `slice[start..end]`, as much of it as there is room for.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, slice: &mut [f32], start: usize, end: usize, value: S::f32s) {
    if start + S::F32_LANES <= end {
        let (head, _) = S::as_mut_simd_f32s(&mut slice[start..start + S::F32_LANES]);
        head[0] = value;
    } else {
        simd.partial_store_f32s(&mut slice[start..end], value);
    }
}

/// Rows of a tile: as many as the registers hold beside four vectors of weights.
#[inline(always)]
pub(super) fn tile_rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 4 } else { 2 }
}

/// A matrix `[inner, blocks * lanes]`, zero-padded, as `[tile of vectors][inner][vectors of the tile]`: a product reads it from
/// front to back.
pub(super) struct Packed<S: Simd> {
    values: Buffer,
    inner: usize,
    blocks: usize,
    /// Vectors of a tile; the last tiles of a transposed matrix may have less.
    tile: usize,
    simd: S,
}

impl<S: Simd> Packed<S> {
    /// Some columns of a matrix whose rows begin `stride` apart, transposed: they are the inner dimension.
    #[inline(always)]
    pub(super) fn transposed(
        simd: S,
        (matrix, stride): (&[f32], usize),
        columns: impl Iterator<Item = usize> + Clone,
    ) -> Self {
        let d = matrix.len().div_ceil(stride);
        let inner = columns.clone().count();
        let mut packed = Self::with_capacity(simd, inner, d.div_ceil(S::F32_LANES), WIDE);
        let mut column = vec![0f32; d];
        for tile in tiles(packed.blocks) {
            let units = tile.start * S::F32_LANES..d.min(tile.end * S::F32_LANES);
            for n in columns.clone() {
                for k in units.clone() {
                    column[k] = matrix[k * stride + n];
                }
                for block in tile.clone() {
                    let value = load(simd, &column, block * S::F32_LANES, d);
                    packed.push(value);
                }
            }
        }
        packed
    }

    /// Some gates of a matrix `[inner, gates, d_hidden]` whose rows begin `stride` apart, a tile for each vector of hidden units.
    #[inline(always)]
    pub(super) fn by_unit(
        simd: S,
        (matrix, stride): (&[f32], usize),
        d: usize,
        gates: &[usize],
    ) -> Self {
        let inner = matrix.len().div_ceil(stride);
        let blocks = d.div_ceil(S::F32_LANES) * gates.len();
        let mut packed = Self::with_capacity(simd, inner, blocks, gates.len());
        for start in (0..d).step_by(S::F32_LANES) {
            for row in matrix.chunks(stride) {
                for gate in gates {
                    packed.push(load(simd, &row[gate * d..][..d], start, d));
                }
            }
        }
        packed
    }

    /// Writes the first row of tile `index` to `out`.
    #[inline(always)]
    pub(super) fn copy_tile(&self, index: usize, out: &mut [f32]) {
        let vectors = self.vectors(index * self.tile..(index + 1) * self.tile);
        let (out, _) = S::as_mut_simd_f32s(&mut out[..self.tile * S::F32_LANES]);
        out.copy_from_slice(&vectors[..self.tile]);
    }

    fn with_capacity(simd: S, inner: usize, blocks: usize, tile: usize) -> Self {
        Self {
            values: Buffer::with_capacity(inner * blocks * S::F32_LANES),
            inner,
            blocks,
            tile,
            simd,
        }
    }

    #[inline(always)]
    fn push(&mut self, value: S::f32s) {
        self.values.extend(cast_slice(&[value]));
    }

    /// The vectors of `tile`.
    #[inline(always)]
    fn vectors(&self, tile: Range<usize>) -> &[S::f32s] {
        let (vectors, _) = S::as_simd_f32s(self.values.get());
        &vectors[tile.start * self.inner..tile.end * self.inner]
    }

    /// Adds `left · self` to `out`, row by row. Row `r` of `left` is `left[r * left_stride..]`, of `out` `out[r * out_stride..]`.
    #[inline(always)]
    pub(super) fn add_product(
        &self,
        rows: usize,
        (left, left_stride): (&[f32], usize),
        (out, out_stride): (&mut [f32], usize),
    ) {
        for tile in tiles(self.blocks) {
            let out = (&mut out[tile.start * S::F32_LANES..], out_stride);
            self.add(tile, rows, (left, left_stride), out);
        }
    }

    /// As [`Self::add_product`], of the vectors of tile `index` alone.
    #[inline(always)]
    pub(super) fn add_tile(
        &self,
        index: usize,
        rows: usize,
        left: (&[f32], usize),
        out: (&mut [f32], usize),
    ) {
        self.add(index * self.tile..(index + 1) * self.tile, rows, left, out);
    }

    #[inline(always)]
    fn add(
        &self,
        tile: Range<usize>,
        rows: usize,
        (left, left_stride): (&[f32], usize),
        (out, out_stride): (&mut [f32], usize),
    ) {
        let weights = self.vectors(tile.clone());
        let mut row = 0;
        while row < rows {
            let left = (&left[row * left_stride..], left_stride);
            let out = (&mut out[row * out_stride..], out_stride);
            row += match (tile_rows::<S>().min(rows - row), tile.len()) {
                (4, WIDE) => self.run::<4, WIDE>(weights, left, out),
                (4, 3) => self.run::<4, 3>(weights, left, out),
                (4, 2) => self.run::<4, 2>(weights, left, out),
                (4, _) => self.run::<4, 1>(weights, left, out),
                (2..4, WIDE) => self.run::<2, WIDE>(weights, left, out),
                (2..4, 3) => self.run::<2, 3>(weights, left, out),
                (2..4, 2) => self.run::<2, 2>(weights, left, out),
                (2..4, _) => self.run::<2, 1>(weights, left, out),
                (_, WIDE) => self.run::<1, WIDE>(weights, left, out),
                (_, 3) => self.run::<1, 3>(weights, left, out),
                (_, 2) => self.run::<1, 2>(weights, left, out),
                _ => self.run::<1, 1>(weights, left, out),
            };
        }
    }

    /// `R` rows times `V` vectors; returns `R`.
    #[inline(always)]
    fn run<const R: usize, const V: usize>(
        &self,
        weights: &[S::f32s],
        (left, left_stride): (&[f32], usize),
        (out, out_stride): (&mut [f32], usize),
    ) -> usize {
        let (simd, inner) = (self.simd, self.inner);
        let (weights, _) = weights.as_chunks::<V>();
        let weights = &weights[..inner];
        let mut rows: [&[f32]; R] = [&[]; R];
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for r in 0..R {
            rows[r] = &left[r * left_stride..][..inner];
            let (from, _) = S::as_simd_f32s(&out[r * out_stride..][..V * S::F32_LANES]);
            sums[r].copy_from_slice(from);
        }
        for k in 0..inner {
            for r in 0..R {
                let x = simd.splat_f32s(rows[r][k]);
                for v in 0..V {
                    sums[r][v] = simd.mul_add_e_f32s(weights[k][v], x, sums[r][v]);
                }
            }
        }
        for r in 0..R {
            let (to, _) = S::as_mut_simd_f32s(&mut out[r * out_stride..][..V * S::F32_LANES]);
            to.copy_from_slice(&sums[r]);
        }
        R
    }
}

/// `0..blocks` in tiles of [`WIDE`] vectors, then 2, then 1.
fn tiles(blocks: usize) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let width = match blocks - start {
            0 => return None,
            1 => 1,
            2 | 3 => 2,
            _ => WIDE,
        };
        start += width;
        Some(start - width..start)
    })
}
