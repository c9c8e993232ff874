//! A factor for every base that is unpaired and for every base that is paired: pseudo-energies, bases that must pair, and the scale that keeps
//! long molecules within the range of a float are one and the same to the recursion.

use super::{LINE, Semiring};

/// Factors of the bases `1..=n`. Position 0 and `n + 1` hold ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weights<V> {
    /// Of an unpaired base.
    pub(crate) unpaired: Vec<V>,
    /// Of a paired one.
    pub(crate) paired: Vec<V>,
    /// Of a paired one, in each stack that it is part of.
    pub(crate) stacked: Vec<V>,
    /// Products of `unpaired` over the `k + 2` bases that end with `j - 1`, from the back of the line of `j`: what the 3' side of an internal loop
    /// closed by `j` brings.
    pub(crate) before: Vec<V>,
    /// The same over the bases that begin with `q + 1`, from the front of the line of `q`.
    pub(crate) after: Vec<V>,
}

impl<V: Copy> Weights<V> {
    /// For a recursion without factors.
    pub(crate) fn none() -> Self {
        Self {
            unpaired: Vec::new(),
            paired: Vec::new(),
            stacked: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    /// Ones for a molecule of `n` bases.
    pub(crate) fn reset<R: Semiring<Value = V>>(&mut self, n: usize) {
        for factors in [&mut self.unpaired, &mut self.paired, &mut self.stacked] {
            factors.clear();
            factors.resize(n + 2, R::ONE);
        }
    }

    /// Of the stack of `(i, j)` on the pair inside of it.
    #[inline(always)]
    pub(crate) fn stack<R: Semiring<Value = V>>(&self, i: usize, j: usize) -> V {
        let stacked = &self.stacked;
        let five = R::times(stacked[i], stacked[i + 1]);
        R::times(five, R::times(stacked[j - 1], stacked[j]))
    }

    /// Fills the products; call it when all factors are set.
    pub(crate) fn multiply<R: Semiring<Value = V>>(&mut self) {
        let positions = self.unpaired.len();
        for lines in [&mut self.before, &mut self.after] {
            lines.clear();
            lines.resize(positions * LINE, R::ZERO);
        }
        for j in 2..positions {
            let line = &mut self.before[j * LINE..][..LINE];
            let mut product = self.unpaired[j - 1];
            for k in 0..LINE.min(j.saturating_sub(2)) {
                product = R::times(product, self.unpaired[j - 2 - k]);
                line[LINE - 1 - k] = product;
            }
        }
        for q in 0..positions - 1 {
            let line = &mut self.after[q * LINE..][..LINE];
            let mut product = self.unpaired[q + 1];
            for k in 0..LINE.min((positions - 1).saturating_sub(q + 2)) {
                product = R::times(product, self.unpaired[q + 2 + k]);
                line[k] = product;
            }
        }
    }
}
