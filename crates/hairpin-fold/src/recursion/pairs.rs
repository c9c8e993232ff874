//! The pairs that a molecule can form.

use crate::bases::{Bases, MIN_HAIRPIN};

/// All pairs `(i, j)` that may form, by `i` and then by `j`; a pair's place in this list is its number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pairs {
    starts: Vec<usize>,
    partners: Vec<u32>,
}

impl Pairs {
    /// Lists the pairs of `bases` that `allowed` lets through.
    pub(crate) fn list(&mut self, bases: &Bases, allowed: impl Fn(usize, usize) -> bool) {
        let n = bases.len();
        self.starts.clear();
        self.partners.clear();
        self.starts.push(0);
        for i in 1..=n {
            self.starts.push(self.partners.len());
            for j in i + MIN_HAIRPIN + 1..=n {
                if bases.pair_type(i, j) > 0 && allowed(i, j) {
                    self.partners.push(j as u32);
                }
            }
        }
        self.starts.push(self.partners.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.partners.len()
    }

    /// The numbers of the pairs that begin with `i`.
    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> std::ops::Range<usize> {
        self.starts[i]..self.starts[i + 1]
    }

    /// The 3' base of a pair.
    #[inline(always)]
    pub(crate) fn partner(&self, number: usize) -> usize {
        self.partners[number] as usize
    }

    /// The number of the pair `(i, j)`.
    pub(crate) fn number(&self, i: usize, j: usize) -> Option<usize> {
        let row = self.row(i);
        let at = self.partners[row.clone()].binary_search(&(j as u32)).ok()?;
        Some(row.start + at)
    }
}
