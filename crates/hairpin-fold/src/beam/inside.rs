//! From left to right: the intervals that end with each base, and the exterior before it.
//!
//! ```text
//! B[i,j]  = hairpin(i,j) + sum over (p,q) of interior(i,j,p,q) B[p,q]
//!           + closing(i,j) sum over k > i of unpaired(i+1..k-1) M2[k,j-1]
//! L[k,j]  = sum over i of M[k,i-1] B[i,j] branch(i,j)
//! M2[k,j] = M2[k,j-1] unpaired(j) + L[k,j]
//! M[k,j]  = M[k,j-1] unpaired(j) + L[k,j] + B[k,j] branch(k,j)
//! C[j]    = C[j-1] + sum over i of C[i-1] B[i,j] exterior(i,j)
//! ```

use super::Beam;
use super::columns::{Columns, Gather, State, trail};
use super::interior::interior;
use crate::bases::{Bases, MAX_INTERNAL, MIN_HAIRPIN};
use crate::recursion::{Lookup, Sum};
use crate::{FoldError, Folder};

/// Stacks that [`promise`] looks ahead; longer helices are kept without it.
const AHEAD: usize = 8;

/// The most that stacked pairs around `(i, j)` can bring it, at the cost of the bases before `i` that they take from the exterior. A helix is worth little at
/// its first pair, where it competes with everything else that ends there.
fn promise(lookup: &Lookup<f64>, bases: &Bases, steps: &[f64], i: usize, j: usize) -> f64 {
    let (mut most, mut product) = (1.0_f64, 1.0);
    for k in 0..AHEAD.min(i - 1).min(bases.len() - j) {
        let (p, q) = (i - k, j + k);
        if bases.pair_type(p - 1, q + 1) == 0 {
            break;
        }
        let corners = (bases.closing(p - 1, q + 1), bases.entering(p, q));
        product *= steps[p - 1] * interior(lookup, corners, 0, 0);
        most = most.max(product);
    }
    most
}

impl Folder {
    /// Fills the columns; gives `ln C[n]`.
    pub(super) fn beam_inside(
        &self,
        bases: &Bases,
        beam: &Beam,
        columns: &mut Columns,
    ) -> Result<f64, FoldError> {
        let n = bases.len();
        let lookup = &self.sum;
        let unpaired = lookup.multi_unpaired;
        let mut gather = Gather::new(n);
        let mut steps_left = Vec::new();
        let mut log_z = 0.0;
        let range = |states: &[State]| {
            if states.iter().all(|state| state.value.is_finite()) {
                Ok(())
            } else {
                Err(FoldError::Range { length: n })
            }
        };
        for j in 1..=n {
            let Columns { of, steps } = &mut *columns;
            let (done, rest) = of.split_at_mut(j);
            let column = &mut rest[0];

            // Relative to C[j-1] until C[j] is known.
            let mut factor = 1.0;
            for i in (j.saturating_sub(beam.reach() + 1).max(1)..j).rev() {
                factor *= steps[i];
                if j - i > MIN_HAIRPIN && bases.pair_type(i, j) > 0 {
                    let hairpin =
                        lookup.hairpin::<Sum>(bases, i, j, bases.closing(i, j), |length| {
                            self.long_hairpin(length)
                        });
                    gather.add(i, hairpin * factor);
                }
            }
            let mut right_factor = 1.0;
            for right in 0..=MAX_INTERNAL.min(j.saturating_sub(2)) {
                let q = j - 1 - right;
                if bases.code(j) == 0 {
                    break;
                }
                for state in &done[q].pairs {
                    let p = state.first();
                    let inner = bases.entering(p, q);
                    let mut value = state.value * right_factor;
                    for left in 0..=(MAX_INTERNAL - right).min(p.saturating_sub(2)) {
                        let i = p - 1 - left;
                        if p == 1 {
                            break;
                        }
                        value *= steps[i];
                        if bases.pair_type(i, j) > 0 {
                            let outer = bases.closing(i, j);
                            gather.add(i, value * interior(lookup, (outer, inner), left, right));
                        }
                    }
                }
                right_factor *= steps[q];
            }
            let before = &done[j - 1].two;
            trail(before, steps, unpaired, beam.reach(), &mut steps_left);
            for left in &steps_left {
                let i = left.base;
                if bases.pair_type(i, j) > 0 {
                    gather.add(i, left.sum * lookup.multi_closing[bases.closing(i, j)]);
                }
            }
            column.pairs = gather.take(beam.width, |i| promise(lookup, bases, steps, i, j));
            range(&column.pairs)?;
            let growth = 1.0
                + (column.pairs.iter())
                    .map(|state| state.value * lookup.exterior(bases, state.first(), j))
                    .sum::<f64>();
            if !growth.is_finite() {
                return Err(FoldError::Range { length: n });
            }
            log_z += growth.ln();
            let step = 1.0 / growth;
            steps[j] = step;
            column
                .pairs
                .iter_mut()
                .for_each(|state| state.value *= step);

            for state in &column.pairs {
                let i = state.first();
                let branch = state.value * lookup.multi(bases, i, j);
                for before in &done[i - 1].multi {
                    gather.add(before.first(), before.value * branch);
                }
            }
            let last = gather.take(usize::MAX, |_| 1.0);
            for state in &last {
                gather.add(state.first(), state.value);
            }
            for state in &done[j - 1].two {
                gather.add(state.first(), state.value * unpaired * step);
            }
            column.two = gather.take(beam.multi_width(), |_| 1.0);
            range(&column.two)?;

            for state in &last {
                gather.add(state.first(), state.value);
            }
            for state in &done[j - 1].multi {
                gather.add(state.first(), state.value * unpaired * step);
            }
            for state in &column.pairs {
                let i = state.first();
                gather.add(i, state.value * lookup.multi(bases, i, j));
            }
            column.multi = gather.take(beam.multi_width(), |_| 1.0);
            range(&column.multi)?;
        }
        Ok(log_z)
    }

    /// A hairpin of a length beyond the tables.
    pub(super) fn long_hairpin(&self, length: usize) -> f64 {
        let energy = self.energy();
        (-energy.summed.hairpin_length(length) / energy.kt).exp()
    }
}
