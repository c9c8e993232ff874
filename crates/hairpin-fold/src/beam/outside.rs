//! From right to left: the reverse pass over what was kept.
//!
//! With values relative to the exterior before them, the adjoint of a value times that value is the probability that the interval occurs, and every
//! factor of the inside pass is the factor of its reverse.

use super::Beam;
use super::columns::{Columns, Dense, trail};
use super::interior::{Kind, interior, kind};
use crate::bases::{Bases, MAX_INTERNAL};
use crate::recursion::Sum;
use crate::{FineContext, Folder, SparseEnsemble};

/// Probabilities of unpaired bases in loops of one kind, as differences.
struct Flow(Vec<f64>);

impl Flow {
    /// Bases `from..to`.
    #[inline(always)]
    fn add(&mut self, from: usize, to: usize, probability: f64) {
        self.0[from] += probability;
        self.0[to] -= probability;
    }
}

impl Folder {
    /// The probabilities, after the columns were filled.
    pub(super) fn beam_outside(
        &self,
        bases: &Bases,
        beam: &Beam,
        columns: &mut Columns,
    ) -> SparseEnsemble {
        let n = bases.len();
        let lookup = &self.sum;
        let unpaired = lookup.multi_unpaired;
        let mut contexts = vec![[0.0; FineContext::COUNT]; n];
        let mut flows = [(); 4].map(|()| Flow(vec![0.0; n + 2]));
        let [hairpins, bulges, internals, multis] = &mut flows;
        let mut pairs = Vec::new();
        let (mut dense, mut both) = (Dense::new(n), Dense::new(n));
        let mut steps_left = Vec::new();
        let mut lefts = Vec::new();
        // The probability that no pair reaches over the end of base k.
        let mut free = vec![0.0; n + 1];
        free[n] = 1.0;
        let Columns { of, steps } = columns;
        for j in (1..=n).rev() {
            let (done, rest) = of.split_at_mut(j);
            let column = &mut rest[0];
            let step = steps[j];
            contexts[j - 1][FineContext::Exterior as usize] = free[j] * step;
            free[j - 1] += free[j] * step;
            let mut multi_here = 0.0;

            dense.fill(&column.multi);
            for state in &mut done[j - 1].multi {
                let bar = unpaired * step * dense.at(state.first());
                state.bar += bar;
                multi_here += state.value * bar;
            }
            for state in &mut column.pairs {
                let i = state.first();
                state.bar += lookup.multi(bases, i, j) * dense.at(i);
            }
            both.fill(&column.two);
            for state in &mut done[j - 1].two {
                let bar = unpaired * step * both.at(state.first());
                state.bar += bar;
                multi_here += state.value * bar;
            }
            multis.add(j, j + 1, multi_here);
            // Of the sums that went to both.
            for state in &column.multi {
                both.add(state.first(), state.bar);
            }
            for state in &mut column.pairs {
                let i = state.first();
                let branch = lookup.multi(bases, i, j);
                let mut sum = 0.0;
                for before in &mut done[i - 1].multi {
                    let bar = branch * both.at(before.first());
                    before.bar += state.value * bar;
                    sum += before.value * bar;
                }
                state.bar += sum;
            }
            both.clear(&column.two);
            both.clear(&column.multi);
            dense.clear(&column.multi);

            // Products of steps from k = j - index to j.
            lefts.clear();
            let mut product = 1.0;
            for k in (j.saturating_sub(beam.reach() + 1).max(1)..=j).rev() {
                product *= steps[k];
                lefts.push(product);
            }
            for state in &mut column.pairs {
                let i = state.first();
                let exterior = lookup.exterior(bases, i, j) * free[j];
                free[i - 1] += state.value * exterior;
                state.bar += exterior;
                let bar = state.bar;
                let probability = state.value * bar;
                if bar == 0.0 {
                    continue;
                }
                if probability >= beam.cutoff {
                    pairs.push((i, j, probability));
                }
                for k in [i, j] {
                    contexts[k - 1][FineContext::Stem as usize] += probability;
                }
                let outer = bases.closing(i, j);
                if let Some(&factor) = lefts.get(j - i) {
                    let long = |length| self.long_hairpin(length);
                    let hairpin = lookup.hairpin::<Sum>(bases, i, j, outer, long);
                    hairpins.add(i + 1, j, hairpin * factor * bar);
                }
                let mut before = [1.0; MAX_INTERNAL + 1];
                let mut product = 1.0;
                for (left, factor) in before.iter_mut().enumerate() {
                    if i + left >= j {
                        break;
                    }
                    product *= steps[i + left];
                    *factor = product;
                }
                let mut right_factor = bar * step;
                for right in 0..=MAX_INTERNAL.min(j - 2) {
                    let q = j - 1 - right;
                    if q <= i {
                        break;
                    }
                    let inner_pairs = &mut done[q].pairs;
                    let from = inner_pairs.partition_point(|inner| inner.first() <= i);
                    for inner in &mut inner_pairs[from..] {
                        let p = inner.first();
                        let left = p - i - 1;
                        if left + right > MAX_INTERNAL {
                            break;
                        }
                        let corners = (outer, bases.entering(p, q));
                        let back =
                            right_factor * before[left] * interior(lookup, corners, left, right);
                        inner.bar += back;
                        let probability = inner.value * back;
                        let flow = match kind(left, right) {
                            Kind::Stack => continue,
                            Kind::Bulge => &mut *bulges,
                            Kind::Internal => &mut *internals,
                        };
                        flow.add(i + 1, p, probability);
                        flow.add(q + 1, j, probability);
                    }
                    right_factor *= steps[q];
                }
            }
            dense.fill(&column.pairs);
            let before = &mut done[j - 1].two;
            trail(before, steps, unpaired, beam.reach(), &mut steps_left);
            let mut carried = 0.0;
            for at in (0..steps_left.len()).rev() {
                let left = steps_left[at];
                let (i, mut bar) = (left.base, carried);
                if bases.pair_type(i, j) > 0 {
                    bar += lookup.multi_closing[bases.closing(i, j)] * step * dense.at(i);
                }
                let back = steps[i] * bar;
                if let Some(two) = left.two {
                    before[two].bar += back;
                }
                carried = 0.0;
                // The sum of the base to the right, unless it began anew.
                let right = at.checked_sub(1).map(|at| steps_left[at]);
                if let Some(right) = right.filter(|right| right.base == i + 1) {
                    carried = unpaired * back;
                    multis.add(right.base, right.base + 1, right.sum * carried);
                }
            }
            dense.clear(&column.pairs);
            *column = super::columns::Column::default();
        }
        let channels = [
            FineContext::Hairpin,
            FineContext::Bulge,
            FineContext::Internal,
            FineContext::Multiloop,
        ];
        for (flow, channel) in flows.iter().zip(channels) {
            let mut sum = 0.0;
            for (context, x) in contexts.iter_mut().zip(&flow.0[1..]) {
                sum += x;
                // Rounding leaves some 1e-17 below zero.
                context[channel as usize] = f64::max(sum, 0.0);
            }
        }
        pairs.sort_unstable_by_key(|pair| (pair.0, pair.1));
        SparseEnsemble { pairs, contexts }
    }
}
