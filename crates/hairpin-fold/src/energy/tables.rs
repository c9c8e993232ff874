//! The numbers of the model: energies at 37 degrees, enthalpies, or what follows from them at another temperature.

use crate::bases::{N_CODES, N_CORNERS, N_TYPES};

/// Lengths up to which loops have an entry of their own.
pub(crate) const LENGTHS: usize = 31;

/// All tables of the model, over pair types (0 is none) and bases (0 is N). The last index runs fastest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tables<T> {
    /// `[closing pair][inner pair, read from its 3' base]`.
    pub(crate) stack: Vec<T>,
    /// `[pair][3' neighbour of its 5' base][5' neighbour of its 3' base]`, and so are the next three.
    pub(crate) mismatch_hairpin: Vec<T>,
    pub(crate) mismatch_internal: Vec<T>,
    pub(crate) mismatch_internal_1n: Vec<T>,
    pub(crate) mismatch_internal_23: Vec<T>,
    /// `[pair][5' neighbour][3' neighbour]`, outside of the pair.
    pub(crate) mismatch_multi: Vec<T>,
    pub(crate) mismatch_exterior: Vec<T>,
    pub(crate) dangle5: Vec<T>,
    pub(crate) dangle3: Vec<T>,
    /// `[closing][inner][i + 1][j - 1]`.
    pub(crate) int11: Vec<T>,
    /// `[closing][inner][i + 1][q + 1][j - 1]`, one base on the 5' side.
    pub(crate) int21: Vec<T>,
    /// `[closing][inner][i + 1][p - 1][q + 1][j - 1]`.
    pub(crate) int22: Vec<T>,
    /// By unpaired bases.
    pub(crate) hairpin: Vec<T>,
    pub(crate) bulge: Vec<T>,
    pub(crate) internal: Vec<T>,
    pub(crate) ml_unpaired: T,
    pub(crate) ml_closing: T,
    pub(crate) ml_branch: T,
    pub(crate) ninio: T,
    pub(crate) terminal_au: T,
    /// Hairpins with an energy of their own: their bases from pair to pair as a word, sorted.
    pub(crate) special: Vec<(u64, T)>,
}

/// What kind of term an entry is, as temperatures and smoothing treat them differently.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    /// Kept as it is.
    Plain,
    /// A dangling base or a mismatch outside of a pair: absent without dangles, never above zero.
    Dangling,
}

/// Sizes of the tables, with how many pair types and bases each runs over.
pub(crate) const STACK: usize = N_TYPES * N_TYPES;
pub(crate) const DANGLE: usize = N_TYPES * N_CODES;
pub(crate) const INT11: usize = STACK * 25;
pub(crate) const INT21: usize = STACK * 125;
pub(crate) const INT22: usize = STACK * 625;
pub(crate) const MISMATCH: usize = N_CORNERS;

impl<T: Copy> Tables<T> {
    /// Entry by entry, `f` of this table's and the other's.
    pub(crate) fn combine<U: Copy>(&self, other: &Self, f: impl Fn(Term, T, T) -> U) -> Tables<U> {
        let all =
            |term: Term, a: &[T], b: &[T]| a.iter().zip(b).map(|(&a, &b)| f(term, a, b)).collect();
        let plain = |a: &[T], b: &[T]| all(Term::Plain, a, b);
        let dangling = |a: &[T], b: &[T]| all(Term::Dangling, a, b);
        let one = |a, b| f(Term::Plain, a, b);
        Tables {
            stack: plain(&self.stack, &other.stack),
            mismatch_hairpin: plain(&self.mismatch_hairpin, &other.mismatch_hairpin),
            mismatch_internal: plain(&self.mismatch_internal, &other.mismatch_internal),
            mismatch_internal_1n: plain(&self.mismatch_internal_1n, &other.mismatch_internal_1n),
            mismatch_internal_23: plain(&self.mismatch_internal_23, &other.mismatch_internal_23),
            mismatch_multi: dangling(&self.mismatch_multi, &other.mismatch_multi),
            mismatch_exterior: dangling(&self.mismatch_exterior, &other.mismatch_exterior),
            dangle5: dangling(&self.dangle5, &other.dangle5),
            dangle3: dangling(&self.dangle3, &other.dangle3),
            int11: plain(&self.int11, &other.int11),
            int21: plain(&self.int21, &other.int21),
            int22: plain(&self.int22, &other.int22),
            hairpin: plain(&self.hairpin, &other.hairpin),
            bulge: plain(&self.bulge, &other.bulge),
            internal: plain(&self.internal, &other.internal),
            ml_unpaired: one(self.ml_unpaired, other.ml_unpaired),
            ml_closing: one(self.ml_closing, other.ml_closing),
            ml_branch: one(self.ml_branch, other.ml_branch),
            ninio: one(self.ninio, other.ninio),
            terminal_au: one(self.terminal_au, other.terminal_au),
            special: (self.special.iter().zip(&other.special))
                .map(|(&(word, a), &(_, b))| (word, one(a, b)))
                .collect(),
        }
    }
}
