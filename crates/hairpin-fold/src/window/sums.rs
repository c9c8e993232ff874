//! Averages over windows.

use super::stretch::Share;
use crate::{FineContext, SparseEnsemble};

/// The sums, as windows come in.
pub(super) struct Sums {
    size: usize,
    cutoff: f64,
    /// Pairs that later windows may add to, with sums.
    open: Vec<(usize, usize, f64)>,
    /// Those that are done, and sums of contexts.
    local: SparseEnsemble,
}

impl Sums {
    pub(super) fn new(n: usize, size: usize, cutoff: f64) -> Self {
        Self {
            size,
            cutoff,
            open: Vec::new(),
            local: SparseEnsemble {
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

    pub(super) fn finish(mut self) -> SparseEnsemble {
        let open = std::mem::take(&mut self.open);
        open.into_iter().for_each(|pair| self.keep(pair));
        for position in 1..=self.local.len() {
            let windows = self.windows(position, position);
            (self.local.contexts[position - 1].iter_mut()).for_each(|sum| *sum /= windows);
        }
        self.local
    }
}
