//! What one loop costs: the rules of the model, table by table. Slow and plain; the recursions use tables made from these rules.

use std::ops::Add;

use super::tables::{LENGTHS, Tables};
use crate::bases::{Bases, MIN_HAIRPIN, N_CODES, N_TYPES, corner};

/// Energies that the rules can add.
pub(crate) trait Amount: Copy + Add<Output = Self> + PartialOrd + Default {
    /// A term that a logarithm gives.
    fn of_logarithm(value: f64) -> Self;
    /// `self` for each of `count`.
    fn times(self, count: usize) -> Self;
}

impl Amount for i32 {
    fn of_logarithm(value: f64) -> Self {
        value as Self
    }

    fn times(self, count: usize) -> Self {
        self * count as Self
    }
}

impl Amount for f64 {
    fn of_logarithm(value: f64) -> Self {
        value
    }

    fn times(self, count: usize) -> Self {
        self * count as Self
    }
}

/// The rules with the tables of one temperature.
#[derive(Clone, Debug)]
pub(crate) struct LoopModel<T> {
    pub(crate) tables: Tables<T>,
    pub(crate) ninio_max: T,
    pub(crate) log_factor: f64,
}

impl<T: Amount> LoopModel<T> {
    /// An entry by length, continued with a logarithm.
    fn by_length(&self, table: &[T], length: usize) -> T {
        let last = LENGTHS - 1;
        if length <= last {
            table[length]
        } else {
            table[last] + T::of_logarithm(self.log_factor * (length as f64 / last as f64).ln())
        }
    }

    /// Bulges and hairpins have no term for their closing AU or GU pair elsewhere.
    pub(crate) fn terminal(&self, pair: usize) -> T {
        if pair > 2 {
            self.tables.terminal_au
        } else {
            T::default()
        }
    }

    /// A hairpin of `length` bases whose length alone counts.
    pub(crate) fn hairpin_length(&self, length: usize) -> T {
        self.by_length(&self.tables.hairpin, length)
    }

    /// The energy of its own that the hairpin of `(i, j)` has, if any.
    pub(crate) fn special_hairpin(&self, bases: &Bases, i: usize, j: usize) -> Option<T> {
        if !matches!(j - i - 1, 3 | 4 | 6) {
            return None;
        }
        let special = &self.tables.special;
        let at = special.binary_search_by_key(&bases.word(i, j), |entry| entry.0);
        at.ok().map(|at| special[at].1)
    }

    /// The hairpin that `(i, j)` closes.
    pub(crate) fn hairpin(&self, bases: &Bases, i: usize, j: usize) -> T {
        if let Some(energy) = self.special_hairpin(bases, i, j) {
            return energy;
        }
        let length = j - i - 1;
        let by_length = self.hairpin_length(length);
        if length == MIN_HAIRPIN {
            by_length + self.terminal(bases.pair_type(i, j))
        } else {
            by_length + self.tables.mismatch_hairpin[bases.closing(i, j)]
        }
    }

    /// An internal loop of `left` and `right` bases as far as lengths decide.
    pub(crate) fn internal_length(&self, left: usize, right: usize) -> T {
        let asymmetry = self.tables.ninio.times(left.abs_diff(right));
        let asymmetry = if asymmetry < self.ninio_max {
            asymmetry
        } else {
            self.ninio_max
        };
        self.by_length(&self.tables.internal, left + right) + asymmetry
    }

    /// A bulge of `length` bases as far as the length decides.
    pub(crate) fn bulge_length(&self, length: usize) -> T {
        self.by_length(&self.tables.bulge, length)
    }

    /// The stack, bulge or internal loop between `(i, j)` and `(p, q)`.
    pub(crate) fn interior(&self, bases: &Bases, i: usize, j: usize, p: usize, q: usize) -> T {
        let t = &self.tables;
        let (outer, inner) = (bases.pair_type(i, j), bases.pair_type(q, p));
        let (left, right) = (p - i - 1, j - q - 1);
        let pairs = outer * N_TYPES + inner;
        let (a, b) = (bases.code(i + 1), bases.code(j - 1)); // inside of (i, j)
        let (c, d) = (bases.code(p - 1), bases.code(q + 1)); // outside of (p, q)
        let mismatches = |table: &[T]| table[corner(outer, a, b)] + table[corner(inner, d, c)];
        match (left.min(right), left.max(right)) {
            (0, 0) => t.stack[pairs],
            (0, 1) => t.bulge[1] + t.stack[pairs],
            (0, length) => self.bulge_length(length) + self.terminal(outer) + self.terminal(inner),
            (1, 1) => t.int11[(pairs * N_CODES + a) * N_CODES + b],
            (1, 2) if left == 1 => t.int21[((pairs * N_CODES + a) * N_CODES + d) * N_CODES + b],
            (1, 2) => {
                let pairs = inner * N_TYPES + outer;
                t.int21[((pairs * N_CODES + d) * N_CODES + a) * N_CODES + c]
            }
            (1, _) => self.internal_length(left, right) + mismatches(&t.mismatch_internal_1n),
            (2, 2) => t.int22[(((pairs * N_CODES + a) * N_CODES + c) * N_CODES + d) * N_CODES + b],
            (2, 3) => self.internal_length(left, right) + mismatches(&t.mismatch_internal_23),
            _ => self.internal_length(left, right) + mismatches(&t.mismatch_internal),
        }
    }

    /// A branch of type `pair` in a multiloop, between the bases `five` and `three`.
    pub(crate) fn multi_branch(&self, pair: usize, five: usize, three: usize) -> T {
        self.tables.mismatch_multi[corner(pair, five, three)]
            + self.terminal(pair)
            + self.tables.ml_branch
    }

    /// The pair `(i, j)` as the one that closes a multiloop, with the cost of the loop itself.
    pub(crate) fn multi_closing(&self, bases: &Bases, i: usize, j: usize) -> T {
        let pair = bases.pair_type(j, i);
        self.multi_branch(pair, bases.code(j - 1), bases.code(i + 1)) + self.tables.ml_closing
    }

    /// A branch of type `pair` outside of all pairs, between its neighbours where it has them.
    pub(crate) fn exterior_branch(
        &self,
        pair: usize,
        five: Option<usize>,
        three: Option<usize>,
    ) -> T {
        let t = &self.tables;
        let dangle = match (five, three) {
            (Some(five), Some(three)) => t.mismatch_exterior[corner(pair, five, three)],
            (Some(five), None) => t.dangle5[pair * N_CODES + five],
            (None, Some(three)) => t.dangle3[pair * N_CODES + three],
            (None, None) => T::default(),
        };
        dangle + self.terminal(pair)
    }

    /// The pair `(i, j)` outside of all pairs.
    pub(crate) fn exterior(&self, bases: &Bases, i: usize, j: usize) -> T {
        let five = (i > 1).then(|| bases.code(i - 1));
        let three = (j < bases.len()).then(|| bases.code(j + 1));
        self.exterior_branch(bases.pair_type(i, j), five, three)
    }
}
