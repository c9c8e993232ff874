//! Averages over windows.

use super::stretch::Share;
use crate::{FineContext, LoopContext};

/// Mean probabilities over all windows of a molecule: of its pairs, those that are likely enough to be kept, and of the loops of its bases.
///
/// [`Folder::windows`](crate::Folder::windows) makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalEnsemble {
    /// In order of both positions.
    pairs: Vec<(usize, usize, f64)>,
    contexts: Vec<[f64; FineContext::COUNT]>,
}

impl LocalEnsemble {
    /// Number of bases.
    pub fn len(&self) -> usize {
        self.contexts.len()
    }

    /// Never: an empty molecule is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The mean probability of the pair of `i` and `j`, in either order, from 1, over all windows with both; 0 for a pair that was not kept.
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

    /// The mean probabilities of the [`LoopContext`]s of one base, from 1, over all windows with it. They sum to 1.
    ///
    /// # Panics
    ///
    /// If the position is 0 or beyond the last.
    pub fn context(&self, position: usize) -> [f64; LoopContext::COUNT] {
        let [stem, hairpin, bulge, internal, multi, exterior] = self.fine_context(position);
        [stem, hairpin, bulge + internal, multi, exterior]
    }

    /// The mean probabilities of the [`FineContext`]s of one base, from 1, over all windows with it. They sum to 1.
    ///
    /// # Panics
    ///
    /// If the position is 0 or beyond the last.
    pub fn fine_context(&self, position: usize) -> [f64; FineContext::COUNT] {
        assert!(
            (1..=self.len()).contains(&position),
            "position {position} of {} bases",
            self.len()
        );
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
        let (rows, rest) = out.as_chunks_mut::<{ LoopContext::COUNT }>();
        assert!(
            rows.len() == self.len() && rest.is_empty(),
            "out holds {} numbers, expected length x 5 = {} x 5",
            rows.len() * LoopContext::COUNT + rest.len(),
            self.len()
        );
        for (index, row) in rows.iter_mut().enumerate() {
            *row = self.context(index + 1).map(|p| p as f32);
        }
    }
}

/// The sums, as windows come in.
pub(super) struct Sums {
    size: usize,
    cutoff: f64,
    /// Pairs that later windows may add to, with sums.
    open: Vec<(usize, usize, f64)>,
    /// Those that are done, and sums of contexts.
    local: LocalEnsemble,
}

impl Sums {
    pub(super) fn new(n: usize, size: usize, cutoff: f64) -> Self {
        Self {
            size,
            cutoff,
            open: Vec::new(),
            local: LocalEnsemble {
                pairs: Vec::new(),
                contexts: vec![[0.0; FineContext::COUNT]; n],
            },
        }
    }

    /// Adds windows that come after all others so far.
    pub(super) fn add(&mut self, share: Share) {
        let contexts = self.local.contexts[share.first - 1..].iter_mut();
        for (sums, shares) in contexts.zip(&share.contexts) {
            sums.iter_mut().zip(shares).for_each(|(sum, x)| *sum += x);
        }
        // No window from here on contains a pair that begins before.
        let done = self.open.partition_point(|pair| pair.0 < share.first);
        let mut open = std::mem::take(&mut self.open);
        open.drain(..done).for_each(|pair| self.keep(pair));
        let mut old = open.into_iter().peekable();
        for (i, j, sum) in share.pairs {
            while let Some(pair) = old.next_if(|pair| (pair.0, pair.1) < (i, j)) {
                self.open.push(pair);
            }
            let before = old.next_if(|pair| (pair.0, pair.1) == (i, j));
            self.open
                .push((i, j, before.map_or(0.0, |pair| pair.2) + sum));
        }
        self.open.extend(old);
    }

    /// Windows that contain `i` to `j`.
    fn windows(&self, i: usize, j: usize) -> f64 {
        let last = i.min(self.local.len() - self.size + 1);
        (last + 1 - (j + 1).saturating_sub(self.size).max(1)) as f64
    }

    fn keep(&mut self, (i, j, sum): (usize, usize, f64)) {
        let mean = sum / self.windows(i, j);
        if mean >= self.cutoff {
            self.local.pairs.push((i, j, mean));
        }
    }

    pub(super) fn finish(mut self) -> LocalEnsemble {
        let open = std::mem::take(&mut self.open);
        open.into_iter().for_each(|pair| self.keep(pair));
        for position in 1..=self.local.len() {
            let windows = self.windows(position, position);
            (self.local.contexts[position - 1].iter_mut()).for_each(|sum| *sum /= windows);
        }
        self.local
    }
}
