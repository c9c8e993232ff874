//! The partition function: the ensemble of all structures, each with the weight `exp(-E / kT)`.

mod outside;
mod scale;

pub(crate) use outside::{Outside, OutsideState};
pub(crate) use scale::{fits_unscaled, logarithms};

use crate::context;
use crate::recursion::Weights;
use crate::{Energy, FineContext, LoopContext, Workspace};

/// The Boltzmann ensemble of one molecule. It lies in the [`Workspace`] until the next molecule is folded there.
///
/// ```
/// use hairpin_fold::{Folder, LoopContext, Settings, Workspace};
///
/// let folder = Folder::turner_2004(Settings::default())?;
/// let mut workspace = Workspace::default();
/// let ensemble = folder.ensemble(&mut workspace, b"GGGGAAAACCCC")?;
/// let contexts = ensemble.context(6);
/// assert!(contexts[LoopContext::Hairpin as usize] > 0.99);
/// assert!((contexts.iter().sum::<f64>() - 1.0).abs() < 1e-12);
/// # Ok::<(), hairpin_fold::FoldError>(())
/// ```
#[derive(Debug)]
pub struct Ensemble<'w> {
    pub(crate) workspace: &'w Workspace,
    pub(crate) log_z: f64,
    /// In dcal/mol.
    pub(crate) kt: f64,
    pub(crate) energy: &'w Energy,
    /// Whether the workspace's weights count.
    pub(crate) weighted: bool,
}

impl Ensemble<'_> {
    /// Number of bases.
    pub fn len(&self) -> usize {
        self.workspace.bases.len()
    }

    /// Never: an empty molecule is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The factors of single bases, if there are any.
    pub(crate) fn weights(&self) -> Option<&Weights<f64>> {
        self.weighted.then_some(&self.workspace.sum_weights)
    }

    /// The ensemble free energy `-kT ln Z`, in kcal/mol.
    pub fn free_energy(&self) -> f64 {
        -self.kt * self.log_z / 100.0
    }

    /// The natural logarithm of the partition function.
    pub fn log_partition(&self) -> f64 {
        self.log_z
    }

    /// The probability of the pair of `i` and `j`, in either order, from 1.
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
        (self.workspace.pairs.number(i, j))
            .map_or(0.0, |number| self.workspace.outside.probabilities[number])
    }

    /// All pairs that can form, `(i, j, probability)` with `i < j`, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let pairs = &self.workspace.pairs;
        (1..=self.len()).flat_map(move |i| {
            (pairs.row(i)).map(move |number| {
                (
                    i,
                    pairs.partner(number),
                    self.workspace.outside.probabilities[number],
                )
            })
        })
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
        let flows = &self.workspace.outside.flows;
        [
            flows.paired[position],
            flows.hairpin[position],
            flows.bulge[position],
            flows.internal[position],
            flows.multi[position],
            flows.exterior[position],
        ]
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
