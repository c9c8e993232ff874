//! Folding in windows: what a long molecule does locally, averaged over all windows that look at it.

mod stretch;
mod sums;

use rayon::prelude::*;

use crate::bases::Bases;
use crate::partition::fits_unscaled;
use crate::{FoldError, Folder, SparseEnsemble, Workspace};
use sums::Sums;

/// Windows along a molecule: how long they are, how far apart two bases of a pair may be, and which pairs are kept.
///
/// | what | meaning | range |
/// |---|---|---|
/// | `size` | bases of a window, `W` of RNAplfold; a shorter molecule is one window | from 1 |
/// | `span` | most bases from one end of a pair to the other, both counted, `L` of RNAplfold | 1 to `size` |
/// | `cutoff` | pairs of a lower mean probability are left out; 1e-5 if not set | 0 to 1 |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    size: usize,
    span: usize,
    cutoff: f64,
}

impl Window {
    /// Windows of `size` bases in which a pair spans `span` bases at most.
    ///
    /// # Errors
    ///
    /// [`FoldError::Window`] if one of them is 0, or `span` greater than `size`.
    pub fn new(size: usize, span: usize) -> Result<Self, FoldError> {
        let refuse = |reason| Err(FoldError::Window { size, span, reason });
        if size == 0 || span == 0 {
            return refuse("both need one base at least");
        }
        if span > size {
            return refuse("a pair has to fit into a window");
        }
        Ok(Self {
            size,
            span,
            cutoff: 1e-5,
        })
    }

    /// Keeping pairs from another mean probability on.
    ///
    /// # Errors
    ///
    /// [`FoldError::Cutoff`] outside of 0 to 1.
    pub fn with_cutoff(mut self, cutoff: f64) -> Result<Self, FoldError> {
        if !(0.0..=1.0).contains(&cutoff) {
            return Err(FoldError::Cutoff { value: cutoff });
        }
        self.cutoff = cutoff;
        Ok(self)
    }

    /// Bases of a window.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Bases that a pair may span.
    pub fn span(&self) -> usize {
        self.span
    }

    /// Mean probability from which a pair is kept.
    pub fn cutoff(&self) -> f64 {
        self.cutoff
    }
}

/// Stretches in flight at once: what bounds the memory of their results.
const GROUP: usize = 64;

impl Folder {
    /// Folds every window of a molecule and averages: a pair's probability over all windows that contain both its bases, a base's
    /// [`LoopContext`](crate::LoopContext) probabilities over all windows that contain it (RNAplfold: Bernhart, Hofacker & Stadler 2006,
    /// doi:10.1093/bioinformatics/btk014). A window sees the bases beside it as dangling ends and nothing else of them.
    ///
    /// Neighbouring windows share their recursions, so that time grows with the length of the molecule times `size` squared, and memory, beyond the
    /// result, with `size` squared. All threads of the current rayon pool take part; their number changes no bit.
    ///
    /// ```
    /// use hairpin_fold::{Folder, LoopContext, Settings, Window};
    ///
    /// let folder = Folder::turner_2004(Settings::default())?;
    /// let seq = b"GGGGAAAACCCC".repeat(500); // 6,000 bases
    /// let local = folder.windows(&seq, &Window::new(80, 40)?)?;
    /// assert!(local.pair_probability(3_001, 3_012) > 0.4);
    /// assert!(local.context(3_006)[LoopContext::Hairpin as usize] > 0.4);
    /// assert_eq!(local.pair_probability(1, 6_000), 0.0);
    /// # Ok::<(), hairpin_fold::FoldError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FoldError::Empty`], [`FoldError::Letter`], and [`FoldError::TooLong`] or [`FoldError::Range`] for windows that are too long.
    pub fn windows(&self, seq: &[u8], window: &Window) -> Result<SparseEnsemble, FoldError> {
        let bases = Bases::parse(seq)?;
        let n = bases.len();
        let size = window.size.min(n);
        let count = n - size + 1;
        let together = self.windows_together(size);
        self.check_memory((size + together - 1).min(n), 5 * 8 + 2 + 13)?;

        let mut sums = Sums::new(n, size, window.cutoff);
        let firsts: Vec<usize> = (1..=count).step_by(together).collect();
        for group in firsts.chunks(GROUP) {
            let shares: Vec<_> = group
                .par_iter()
                .map_init(Workspace::default, |workspace, &first| {
                    let last = (first + together - 1).min(count);
                    self.stretch(workspace, seq, &bases, first..=last, size, window.span)
                })
                .collect();
            // In the order of the molecule, whichever came first.
            for share in shares {
                sums.add(share?);
            }
        }
        Ok(sums.finish())
    }

    /// Windows that share one recursion: as many as nothing has to be scaled for, else one for every two bases of a window.
    fn windows_together(&self, size: usize) -> usize {
        let most = size.max(16);
        let unscaled = (most / 4..=most)
            .rev()
            .find(|more| fits_unscaled(self.energy(), size + more));
        unscaled.unwrap_or(size / 2).max(1)
    }
}
