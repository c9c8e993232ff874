//! Probabilities of a long molecule: the pairs that matter, and the loops of all bases.

use crate::context::{self, FineContext, LoopContext};

/// Probabilities of the pairs that are likely enough to be kept, and of the loops of all bases.
///
/// [`Folder::windows`](crate::Folder::windows) makes it of means over windows, [`Folder::beam`](crate::Folder::beam) of the whole molecule.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseEnsemble {
    /// In order of both positions.
    pub(crate) pairs: Vec<(usize, usize, f64)>,
    pub(crate) contexts: Vec<[f64; FineContext::COUNT]>,
}

impl SparseEnsemble {
    /// Number of bases.
    pub fn len(&self) -> usize {
        self.contexts.len()
    }

    /// Never: an empty molecule is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The probability of the pair of `i` and `j`, in either order, from 1; 0 for a pair that was not kept.
    ///
    /// # Panics
    ///
    /// If a position is 0 or beyond the last.
    pub fn pair_probability(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.min(j), i.max(j));
        assert!(
            i > 0 && j <= self.len(),
            "positions {i} and {j} of {} bases",
            self.len()
        );
        (self.pairs)
            .binary_search_by_key(&(i, j), |pair| (pair.0, pair.1))
            .map_or(0.0, |at| self.pairs[at].2)
    }

    /// The pairs that were kept, `(i, j, probability)` with `i < j`, in order.
    pub fn pairs(&self) -> &[(usize, usize, f64)] {
        &self.pairs
    }

    /// The probabilities of the [`LoopContext`]s of one base, from 1. They sum to 1.
    ///
    /// # Panics
    ///
    /// If the position is 0 or beyond the last.
    pub fn context(&self, position: usize) -> [f64; LoopContext::COUNT] {
        context::coarse(self.fine_context(position))
    }

    /// The probabilities of the [`FineContext`]s of one base, from 1. They sum to 1.
    ///
    /// # Panics
    ///
    /// If the position is 0 or beyond the last.
    pub fn fine_context(&self, position: usize) -> [f64; FineContext::COUNT] {
        context::check(position, self.len());
        self.contexts[position - 1]
    }

    /// Writes the [`LoopContext`] probabilities of all bases.
    ///
    /// # Shapes
    ///
    /// `out`: `[length, 5]`, row-major.
    ///
    /// # Panics
    ///
    /// If `out` has another size.
    pub fn contexts_into(&self, out: &mut [f32]) {
        context::write(self.len(), out, |position| self.context(position));
    }
}
