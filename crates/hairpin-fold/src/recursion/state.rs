//! The arrays of the recursion, used again from molecule to molecule.

use super::Semiring;

/// Rows that the band of internal loops needs at once.
pub(crate) const RING: usize = 32;
/// Columns to the left and to the right of a row of the band.
const MARGIN: usize = 32;

/// A square of values over `i` and `j`. Row `i` is defined from a few columns before the diagonal to its padded end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grid<V> {
    values: Vec<V>,
    width: usize,
}

/// First column of row `i` that is written: low enough for every read near the diagonal, and at a whole register.
#[inline(always)]
pub(crate) fn first_column(i: usize) -> usize {
    i.saturating_sub(8) & !15
}

/// Columns of a row over `n` bases.
pub(crate) fn width(n: usize) -> usize {
    (n + 2).next_multiple_of(16)
}

impl<V: Copy> Grid<V> {
    /// Room for `n` bases and a few rows more.
    pub(crate) fn resize(&mut self, n: usize, zero: V) {
        self.width = width(n);
        let needed = self.width * (n + 8);
        if self.values.len() < needed {
            // A fresh allocation is left untouched by the system until it is written, a grown one is copied.
            self.values = vec![zero; needed];
        }
    }

    /// Writes zeros into row `i` from its first column on.
    #[inline(always)]
    pub(crate) fn clear_row(&mut self, i: usize, zero: V) {
        self.row_mut(i)[first_column(i)..].fill(zero);
    }

    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> &[V] {
        &self.values[i * self.width..][..self.width]
    }

    #[inline(always)]
    pub(crate) fn row_mut(&mut self, i: usize) -> &mut [V] {
        &mut self.values[i * self.width..][..self.width]
    }

    /// Row `i` to write, and all rows above (smaller) or below (larger) are not reachable meanwhile: the rows from `i + 1` on to read.
    #[inline(always)]
    pub(crate) fn row_and_below(&mut self, i: usize) -> (&mut [V], &[V]) {
        let (head, below) = self.values.split_at_mut((i + 1) * self.width);
        (&mut head[i * self.width..], below)
    }

    #[inline(always)]
    pub(crate) fn at(&self, i: usize, j: usize) -> V {
        self.values[i * self.width + j]
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, i: usize, j: usize, value: V) {
        self.values[i * self.width + j] = value;
    }
}

/// The last 32 rows of a grid, with room on both sides so that a line of a length table never runs out of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ring<V> {
    values: Vec<V>,
    width: usize,
}

impl<V: Copy> Ring<V> {
    pub(crate) fn resize(&mut self, n: usize, zero: V) {
        self.width = width(n) + 2 * MARGIN;
        // Whoever writes a row writes all of it that is ever read.
        if self.values.len() < self.width * RING {
            self.values.resize(self.width * RING, zero);
        }
    }

    /// Row `i`; column `j` is entry `j + 32`.
    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> &[V] {
        &self.values[(i % RING) * self.width..][..self.width]
    }

    #[inline(always)]
    pub(crate) fn row_mut(&mut self, i: usize) -> &mut [V] {
        &mut self.values[(i % RING) * self.width..][..self.width]
    }

    /// Entry of column `j`.
    #[inline(always)]
    pub(crate) fn column(j: usize) -> usize {
        j + MARGIN
    }
}

/// Parts of `B[i,j]` by the loop that the pair closes, without the factors of the two paired bases.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Loops<V> {
    pub(crate) hairpin: V,
    /// Unpaired bases on the 5' side only.
    pub(crate) bulge_left: V,
    pub(crate) bulge_right: V,
    pub(crate) internal: V,
    pub(crate) multi: V,
}

/// What the recursion fills.
#[derive(Clone, Debug, Default)]
pub(crate) struct State<V> {
    pub(crate) b: Grid<V>,
    /// Corners of the pairs seen from outside, 0 where there is no pair.
    pub(crate) entering: Grid<u8>,
    pub(crate) m: Grid<V>,
    pub(crate) m1: Grid<V>,
    /// `Z3[1..=n + 1]`.
    pub(crate) z3: Vec<V>,
    /// By number of the pair.
    pub(crate) loops: Vec<Loops<V>>,
    /// Rows of `B` times what the inner pair of a general internal loop, a 1xn loop and a bulge brings.
    pub(crate) internal: Ring<V>,
    pub(crate) one_n: Ring<V>,
    pub(crate) bulge: Ring<V>,
    /// Scratch: `M2` of this row and of the one below, `R`, and the two sums over columns.
    pub(crate) m2: Vec<V>,
    pub(crate) m2_below: Vec<V>,
    pub(crate) r: Vec<V>,
    pub(crate) columns: [Vec<V>; 2],
    /// Scratch: length tables times the factors of the bases on the 5' side.
    pub(crate) scaled: Vec<V>,
}

impl<V: Copy> State<V> {
    /// Room for `n` bases and `pairs` pairs.
    pub(crate) fn resize<R: Semiring<Value = V>>(
        &mut self,
        n: usize,
        pairs: usize,
        empty: Loops<V>,
    ) {
        for grid in [&mut self.b, &mut self.m, &mut self.m1] {
            grid.resize(n, R::ZERO);
        }
        self.entering.resize(n, 0);
        for ring in [&mut self.internal, &mut self.one_n, &mut self.bulge] {
            ring.resize(n, R::ZERO);
        }
        let [first, second] = &mut self.columns;
        for row in [&mut self.m2, &mut self.m2_below, &mut self.r, first, second] {
            row.clear();
            row.resize(width(n), R::ZERO);
        }
        self.z3.clear();
        self.z3.resize(n + 2, R::ONE);
        self.loops.clear();
        self.loops.resize(pairs, empty);
    }
}
