//! A sum of outer products, the gradient of a recurrence's weights, collected while the steps are walked back.
//!
//! The rows of some steps are put aside, as many as the cache keeps, and then added in one product: the gates' gradients of a whole
//! batch are never in memory together. Every element is summed in the order of the rows.

use super::rows::AHEAD;
use crate::kernel::buffer::Buffer;
use pulp::Simd;

/// `Σ leftᵀ right` of rows `left` `[d_left]` and `right` `[blocks, GATES, lanes]`.
pub(super) struct OuterSum<S: Simd, const GATES: usize> {
    simd: S,
    d_left: usize,
    /// `[AHEAD, d_left]`.
    left: Vec<f32>,
    /// `[blocks, AHEAD, GATES, lanes]`.
    right: Buffer,
    /// `[blocks, d_left, GATES, lanes]`.
    sums: Buffer,
    /// Rows put aside.
    used: usize,
}

/// Where the right side of a row goes.
pub(super) struct RightRow<'a, S: Simd, const GATES: usize> {
    vectors: &'a mut [S::f32s],
    row: usize,
}

impl<S: Simd, const GATES: usize> RightRow<'_, S, GATES> {
    /// Sets the vectors of a block.
    #[inline(always)]
    pub(super) fn set(&mut self, block: usize, vectors: [S::f32s; GATES]) {
        self.vectors[(block * AHEAD + self.row) * GATES..][..GATES].copy_from_slice(&vectors);
    }
}

impl<S: Simd, const GATES: usize> OuterSum<S, GATES> {
    #[inline(always)]
    pub(super) fn new(simd: S, d_left: usize, blocks: usize) -> Self {
        let block = GATES * S::F32_LANES;
        Self {
            simd,
            d_left,
            left: vec![0.0; AHEAD * d_left],
            right: Buffer::zeros(blocks * AHEAD * block),
            sums: Buffer::zeros(blocks * d_left * block),
            used: 0,
        }
    }

    /// The two sides of the next row put aside, to be overwritten; there is room for [`AHEAD`] before [`Self::add`].
    #[inline(always)]
    pub(super) fn next(&mut self) -> (&mut [f32], RightRow<'_, S, GATES>) {
        let row = self.used;
        self.used += 1;
        let (vectors, _) = S::as_mut_simd_f32s(self.right.get_mut());
        let left = &mut self.left[row * self.d_left..][..self.d_left];
        (left, RightRow { vectors, row })
    }

    /// Writes the sum as `[d_left, GATES, d]`, and begins anew.
    #[inline(always)]
    pub(super) fn take(&mut self, d: usize, out: &mut [f32]) {
        let lanes = S::F32_LANES;
        for (row, out) in out.chunks_exact_mut(GATES * d).enumerate() {
            for (gate, out) in out.chunks_exact_mut(d).enumerate() {
                for (block, out) in out.chunks_mut(lanes).enumerate() {
                    let from = ((block * self.d_left + row) * GATES + gate) * lanes;
                    out.copy_from_slice(&self.sums.get()[from..][..out.len()]);
                }
            }
        }
        self.sums.get_mut().fill(0.0);
    }

    /// Adds the rows that were put aside.
    #[inline(always)]
    pub(super) fn add(&mut self) {
        let (simd, d_left) = (self.simd, self.d_left);
        let (right, _) = S::as_simd_f32s(self.right.get());
        let (sums, _) = S::as_mut_simd_f32s(self.sums.get_mut());
        let blocks = right.chunks_exact(AHEAD * GATES);
        for (right, sums) in blocks.zip(sums.chunks_exact_mut(d_left * GATES)) {
            let (right, _) = right[..self.used * GATES].as_chunks::<GATES>();
            let (sums, _) = sums.as_chunks_mut::<GATES>();
            let mut row = 0;
            while row < d_left {
                let left = (&self.left[row..], d_left);
                let sums = &mut sums[row..];
                row += match (S::REGISTER_COUNT >= 32, d_left - row) {
                    (true, 6..) => outer::<S, 6, GATES>(simd, left, right, sums),
                    (true, 4..) => outer::<S, 4, GATES>(simd, left, right, sums),
                    (_, 2..) => outer::<S, 2, GATES>(simd, left, right, sums),
                    _ => outer::<S, 1, GATES>(simd, left, right, sums),
                };
            }
        }
        self.used = 0;
    }
}

/// Adds the first `R` of each row of `left`, that begin `stride` apart, times the vectors beside; returns `R`.
#[inline(always)]
fn outer<S: Simd, const R: usize, const GATES: usize>(
    simd: S,
    (left, stride): (&[f32], usize),
    right: &[[S::f32s; GATES]],
    sums: &mut [[S::f32s; GATES]],
) -> usize {
    let mut own = [[simd.splat_f32s(0.0); GATES]; R];
    own.copy_from_slice(&sums[..R]);
    for (row, right) in right.iter().enumerate() {
        let left = &left[row * stride..][..R];
        for r in 0..R {
            let x = simd.splat_f32s(left[r]);
            for gate in 0..GATES {
                own[r][gate] = simd.mul_add_e_f32s(right[gate], x, own[r][gate]);
            }
        }
    }
    sums[..R].copy_from_slice(&own);
    R
}
