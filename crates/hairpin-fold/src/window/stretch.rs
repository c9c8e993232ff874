//! Some windows that follow each other, folded together.
//!
//! Whatever lies inside of a pair is the same in every window that contains it, so that one inside recursion serves them all. What lies outside of all
//! pairs differs. With `F` and `G` over all structures of the bases from the window's start to `k`, and from `k` to its end `e`:
//!
//! ```text
//! F[k] = unpaired(k) F[k-1] + sum over p of F[p-1] B[p,k] exterior(p,k)
//! G[k] = unpaired(k) G[k+1] + sum over q of B[k,q] exterior(k,q) G[q+1]
//! X[p,q] = sum over windows of F[p-1] exterior(p,q) G[q+1] / F[e]
//! ```
//!
//! The outside recursion is linear, so that begun with the sum `X` it ends with sums over windows.

use std::ops::RangeInclusive;

use crate::bases::Bases;
use crate::constraints::Resolved;
use crate::partition::{Outside, fits_unscaled, logarithms};
use crate::recursion::{Inside, Sum};
use crate::{FineContext, FoldError, Folder, Workspace};

/// What some windows add to the sums over all windows.
pub(super) struct Share {
    /// The first window, by its first base.
    pub(super) first: usize,
    /// Positions in the molecule and the sum of probabilities, in order.
    pub(super) pairs: Vec<(usize, usize, f64)>,
    /// From the first base of the first window on.
    pub(super) contexts: Vec<[f64; FineContext::COUNT]>,
}

impl Folder {
    /// The windows that begin with the bases `firsts`.
    pub(super) fn stretch(
        &self,
        workspace: &mut Workspace,
        seq: &[u8],
        whole: &Bases,
        firsts: RangeInclusive<usize>,
        size: usize,
        span: usize,
    ) -> Result<Share, FoldError> {
        let (first, windows) = (*firsts.start(), firsts.count());
        let before = first - 1;
        workspace
            .bases
            .read(&seq[before..before + windows - 1 + size])?;
        let n = workspace.bases.len();
        let weighted = self.scale(workspace, span)?;
        let pairs = &mut workspace.pairs;
        pairs.list(&workspace.bases, |i, j| j - i < span);
        let pairs = &workspace.pairs;
        let weights = weighted.then_some(&workspace.sum_weights);
        let energy = self.energy();
        self.dispatch(Inside::<Sum, _> {
            bases: &workspace.bases,
            lookup: &self.sum,
            pairs,
            weights,
            state: &mut workspace.sum,
            long_hairpin: |length| (-energy.summed.hairpin_length(length) / energy.kt).exp(),
        });

        // The bases beside a window are those of the molecule.
        let mut stems = vec![0.0; pairs.len()];
        let mut branches = vec![0.0; pairs.len()];
        for p in 1..=n {
            for number in pairs.row(p) {
                let q = pairs.partner(number);
                stems[number] = self.sum.exterior(whole, before + p, before + q);
                branches[number] = stems[number] * workspace.sum.b.at(p, q);
            }
        }
        let weight = |k: usize| weights.map_or(1.0, |weights| weights.unpaired[k]);
        let mut around = vec![0.0; pairs.len()];
        let mut exterior = vec![0.0; n + 2];
        let (mut f, mut g) = (vec![0.0; n + 2], vec![0.0; n + 3]);
        for start in 1..=windows {
            let end = start + size - 1;
            let inside = |&number: &usize| pairs.partner(number) <= end;
            f[start - 1] = 1.0;
            f[start..=end].fill(0.0);
            for p in start..=end {
                // F[p] has its sum over pairs that end with p already.
                f[p] += weight(p) * f[p - 1];
                for number in pairs.row(p).take_while(inside) {
                    f[pairs.partner(number)] += f[p - 1] * branches[number];
                }
            }
            let z = f[end];
            if !(z.is_finite() && z > 0.0) {
                return Err(FoldError::Range { length: size });
            }
            g[end + 1] = 1.0;
            for p in (start..=end).rev() {
                let share = f[p - 1] / z;
                exterior[p] += share * weight(p) * g[p + 1];
                let mut sum = weight(p) * g[p + 1];
                for number in pairs.row(p).take_while(inside) {
                    let right = g[pairs.partner(number) + 1];
                    sum += branches[number] * right;
                    around[number] += share * stems[number] * right;
                }
                g[p] = sum;
            }
        }

        self.dispatch(Outside {
            bases: &workspace.bases,
            lookup: &self.sum,
            pairs,
            weights,
            inside: &workspace.sum,
            windows: Some(&around),
            state: &mut workspace.outside,
        });
        let outside = &workspace.outside;
        let flows = &outside.flows;
        Ok(Share {
            first,
            pairs: (1..=n)
                .flat_map(|i| pairs.row(i).map(move |number| (i, number)))
                .map(|(i, number)| {
                    let j = before + pairs.partner(number);
                    (before + i, j, outside.probabilities[number])
                })
                .collect(),
            contexts: (1..=n)
                .map(|k| {
                    [
                        flows.paired[k],
                        flows.hairpin[k],
                        flows.bulge[k],
                        flows.internal[k],
                        flows.multi[k],
                        exterior[k],
                    ]
                })
                .collect(),
        })
    }

    /// Fills the weights that keep a stretch within the range of a float, if it needs any.
    fn scale(&self, workspace: &mut Workspace, span: usize) -> Result<bool, FoldError> {
        let n = workspace.bases.len();
        let energy = self.energy();
        if fits_unscaled(energy, n) {
            return Ok(false);
        }
        let stable = self.least(workspace, Some(&Resolved::within(n, span)))?;
        let loops = energy.evaluate_bases(&workspace.bases, stable.structure())?;
        let scale = logarithms(energy, n, &loops);
        let weights = &mut workspace.sum_weights;
        weights.reset::<Sum>(n);
        for (k, scale) in scale.iter().enumerate().skip(1).take(n) {
            weights.unpaired[k] = (-scale).exp();
            weights.paired[k] = weights.unpaired[k];
        }
        weights.multiply::<Sum>();
        Ok(true)
    }
}
