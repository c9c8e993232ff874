//! From long intervals to short ones: what the rest of the molecule brings to every pair.
//!
//! The adjoint of the inside recursion, `O[i,j] = d Z / d B[i,j] / Z`, so that `B O` is the probability of the pair. Written with a bar for
//! the adjoint of each array:
//!
//! ```text
//! M2'[i,j] = M'[i,j] + O[i-1,j+1] closing(i-1,j+1)
//! M'[i,k]  = sum over j of M2'[i,j] M1[k+1,j]
//! R'[i,j]  = M'[i,j] + unpaired(i-1) R'[i-1,j]
//! M1'[u,j] = R'[u,j] + sum over i of M2'[i,j] M[i,u-1] + unpaired(j+1) M1'[u,j+1]
//! O[p,q]   = Z5[p-1] exterior(p,q) Z3[q+1] / Z + M1'[p,q] branch(p,q) + sum over (i,j) of O[i,j] interior(i,j,p,q)
//! ```

use pulp::{Simd, WithSimd};

use crate::bases::{Bases, MAX_INTERNAL, N_CODES, N_TYPES};
use crate::recursion::{
    Grid, LINE, Lookup, Pairs, Ring, Semiring, State, Sum, Weights, first_column, width,
};

/// The probabilities of loops, gathered as differences: an interval of unpaired bases begins with one loop's share and ends with another's, so that
/// every pair adds to four places, and no loop is looked at base by base.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flows {
    pub(crate) paired: Vec<f64>,
    pub(crate) hairpin: Vec<f64>,
    pub(crate) bulge: Vec<f64>,
    pub(crate) internal: Vec<f64>,
    pub(crate) multi: Vec<f64>,
    pub(crate) exterior: Vec<f64>,
}

impl Flows {
    fn reset(&mut self, n: usize) {
        for flow in [
            &mut self.paired,
            &mut self.hairpin,
            &mut self.bulge,
            &mut self.internal,
            &mut self.multi,
            &mut self.exterior,
        ] {
            flow.clear();
            flow.resize(n + 2, 0.0);
        }
    }

    /// Turns differences into values.
    fn integrate(&mut self) {
        for flow in [
            &mut self.hairpin,
            &mut self.bulge,
            &mut self.internal,
            &mut self.multi,
        ] {
            let mut sum = 0.0;
            for x in flow.iter_mut() {
                sum += *x;
                // Rounding leaves some 1e-17 below zero.
                *x = f64::max(sum, 0.0);
            }
        }
    }
}

/// What the outside recursion fills.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutsideState {
    /// `O` times the factors of the two paired bases.
    pub(crate) o: Grid<f64>,
    /// Corners of the pairs seen from inside, 0 where there is no pair.
    closing: Grid<u8>,
    /// `M2'`.
    pub(crate) m2: Grid<f64>,
    /// `Z5[0..=n]`.
    pub(crate) z5: Vec<f64>,
    /// By number of the pair.
    pub(crate) probabilities: Vec<f64>,
    pub(crate) flows: Flows,
    internal: Ring<f64>,
    one_n: Ring<f64>,
    bulge: Ring<f64>,
    m: Vec<f64>,
    m1: Vec<f64>,
    r: Vec<f64>,
    closed: Vec<f64>,
    columns: [Vec<f64>; 2],
    scaled: Vec<f64>,
}

impl OutsideState {
    fn resize(&mut self, n: usize, pairs: usize) {
        for grid in [&mut self.o, &mut self.m2] {
            grid.resize(n, 0.0);
        }
        self.closing.resize(n, 0);
        for ring in [&mut self.internal, &mut self.one_n, &mut self.bulge] {
            ring.resize(n, 0.0);
        }
        let [first, second] = &mut self.columns;
        for row in [
            &mut self.m,
            &mut self.m1,
            &mut self.r,
            &mut self.closed,
            first,
            second,
        ] {
            row.clear();
            row.resize(width(n), 0.0);
        }
        self.z5.clear();
        self.z5.resize(n + 2, 0.0);
        self.probabilities.clear();
        self.probabilities.resize(pairs, 0.0);
        self.flows.reset(n);
    }
}

/// One run, after [`Inside`](crate::recursion::Inside) has filled `inside`. Gives the logarithm of `Z3[1]`.
pub(crate) struct Outside<'a> {
    pub(crate) bases: &'a Bases,
    pub(crate) lookup: &'a Lookup<f64>,
    pub(crate) pairs: &'a Pairs,
    pub(crate) weights: Option<&'a Weights<f64>>,
    pub(crate) inside: &'a State<f64>,
    /// By number of the pair, what is outside of all pairs around it, where that is not this molecule alone but a sum over windows of it.
    pub(crate) windows: Option<&'a [f64]>,
    pub(crate) state: &'a mut OutsideState,
}

impl WithSimd for Outside<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.weights {
            None => self.run::<S, false>(simd, &Weights::none()),
            Some(weights) => self.run::<S, true>(simd, weights),
        }
    }
}

impl Outside<'_> {
    #[inline(always)]
    fn run<S: Simd, const WEIGHTED: bool>(self, simd: S, weights: &Weights<f64>) {
        let Self {
            bases,
            lookup,
            pairs,
            inside,
            windows,
            state,
            ..
        } = self;
        let n = bases.len();
        state.resize(n, pairs.len());
        if WEIGHTED {
            state.scaled.clear();
            state.scaled.resize((MAX_INTERNAL + 1) * LINE, 0.0);
        }
        let weight = |k: usize| if WEIGHTED { weights.unpaired[k] } else { 1.0 };
        let z = inside.z3[1];
        state.z5[0] = 1.0;
        for p in 1..=n {
            // Z5[p] has its sum over pairs that end with p already.
            state.z5[p] += weight(p) * state.z5[p - 1];
            state.flows.exterior[p] = state.z5[p - 1] * weight(p) * inside.z3[p + 1] / z;
            state.o.clear_row(p, 0.0);
            state.closing.clear_row(p, 0);
            for ring in [&mut state.internal, &mut state.one_n, &mut state.bulge] {
                ring.row_mut(p)[first_column(p)..].fill(0.0);
            }
            closings::<S>(simd, inside, state, p, n);
            let row = pairs.row(p);
            let factor = if p > 1 {
                lookup.multi_unpaired * weight(p - 1)
            } else {
                1.0
            };
            carry::<S>(simd, state, factor, p);
            if row.is_empty() {
                state.closed[first_column(p)..].fill(0.0);
                continue;
            }
            branches::<S>(simd, inside, state, p, n);
            let mut run = 0.0;
            for j in (p + 4..=n).rev() {
                if WEIGHTED {
                    run *= weights.unpaired[j + 1];
                }
                run = state.m1[j] + lookup.multi_unpaired * run;
                state.m1[j] = run;
            }
            let mut left = [1.0; MAX_INTERNAL + 1];
            if WEIGHTED {
                // Products over the bases p - k ..= p - 1.
                for k in 1..=MAX_INTERNAL.min(p - 1) {
                    left[k] = left[k - 1] * weights.unpaired[p - k];
                }
                for k in 2..MAX_INTERNAL - 1 {
                    for (out, &x) in (state.scaled[k * LINE..][..LINE].iter_mut())
                        .zip(&lookup.lengths[k * LINE..][..LINE])
                    {
                        *out = x * left[k];
                    }
                }
            }
            sum_columns::<S>(simd, lookup, state, &left, p, n);
            state.closed[first_column(p)..].fill(0.0);
            for number in row {
                let q = pairs.partner(number);
                let b = inside.b.at(p, q);
                let inner = bases.entering(p, q);
                let around =
                    interior::<S, WEIGHTED>(simd, lookup, weights, state, &left, (p, q, inner, n));
                let multi = lookup.multi(bases, p, q) * state.m1[q];
                let stem = lookup.exterior(bases, p, q);
                let exterior = match windows {
                    None => state.z5[p - 1] * stem * inside.z3[q + 1] / z,
                    Some(windows) => windows[number],
                };
                let sum = exterior
                    + multi
                    + around.stacked
                    + around.bulge_left
                    + around.bulge_right
                    + around.internal;
                let probability = b * sum;
                state.probabilities[number] = probability;
                state.z5[q] += state.z5[p - 1] * b * stem;

                let o = if WEIGHTED {
                    sum * weights.paired[p] * weights.paired[q]
                } else {
                    sum
                };
                let outer = bases.closing(p, q);
                state.o.set(p, q, o);
                state.closing.set(p, q, outer as u8);
                state.closed[q] = o * lookup.multi_closing[outer];
                let column = Ring::<f64>::column(q);
                state.internal.row_mut(p)[column] = o * lookup.internal[outer];
                state.one_n.row_mut(p)[column] = o * lookup.internal_1n[outer];
                state.bulge.row_mut(p)[column] = o * lookup.terminal[outer / 25];

                let loops = &inside.loops[number];
                let flows = &mut state.flows;
                flows.paired[p] += probability;
                flows.paired[q] += probability;
                // The loop that this pair closes: from p + 1 and up to q - 1.
                flows.hairpin[p + 1] += o * loops.hairpin;
                flows.hairpin[q] -= o * loops.hairpin;
                flows.internal[p + 1] += o * loops.internal;
                flows.internal[q] -= o * loops.internal;
                flows.bulge[p + 1] += o * loops.bulge_left;
                flows.bulge[q] -= o * loops.bulge_right;
                flows.multi[p + 1] += o * loops.multi;
                flows.multi[q] -= o * loops.multi;
                // The loop around it: up to p - 1 and from q + 1.
                flows.internal[p] -= b * around.internal;
                flows.internal[q + 1] += b * around.internal;
                flows.bulge[p] -= b * around.bulge_left;
                flows.bulge[q + 1] += b * around.bulge_right;
                flows.multi[p] -= b * multi;
                flows.multi[q + 1] += b * multi;
            }
        }
        state.flows.integrate();
    }
}

/// Row `i` of `M'` and `M2'`, from right to left, four entries at a time: none of the four needs another's `M2'`.
#[inline(always)]
fn closings<S: Simd>(simd: S, inside: &State<f64>, state: &mut OutsideState, i: usize, n: usize) {
    state.m2.clear_row(i, 0.0);
    let m2 = state.m2.row_mut(i);
    state.m[first_column(i)..].fill(0.0);
    if i == 1 {
        return;
    }
    // M2' of the last columns is all from the pair around.
    let mut last = n.saturating_sub(1);
    // Nothing to the right of the last column with a value adds anything.
    while last > i + 4 && state.closed[last + 1] == 0.0 {
        last -= 1;
    }
    let mut k = last;
    while k >= i + 4 {
        let least = (i + 4).max(k.saturating_sub(3));
        let from = (k + 2) & !(Sum::PAD - 1);
        let mut dots = [0.0; 4];
        if from <= last {
            let to = (last + 1).next_multiple_of(Sum::PAD);
            let row = |b: usize| Sum::lanes::<S>(&inside.m1.row(k + 1 - b)[from..to]);
            let shared = Sum::lanes::<S>(&m2[from..to]);
            let (a, b, c, d) = (row(0), row(1), row(2), row(3));
            let zero = simd.splat_f64s(0.0);
            let mut sums = [zero; 4];
            for ((((&x, &a), &b), &c), &d) in shared.iter().zip(a).zip(b).zip(c).zip(d) {
                sums[0] = simd.mul_add_e_f64s(x, a, sums[0]);
                sums[1] = simd.mul_add_e_f64s(x, b, sums[1]);
                sums[2] = simd.mul_add_e_f64s(x, c, sums[2]);
                sums[3] = simd.mul_add_e_f64s(x, d, sums[3]);
            }
            dots[0] = simd.reduce_sum_f64s(sums[0]);
            dots[1] = simd.reduce_sum_f64s(sums[1]);
            dots[2] = simd.reduce_sum_f64s(sums[2]);
            dots[3] = simd.reduce_sum_f64s(sums[3]);
        }
        for at in least..=k {
            state.m[at] = dots[k - at];
            m2[at] = dots[k - at] + state.closed[at + 1];
        }
        k = match k.checked_sub(4) {
            Some(k) => k,
            None => break,
        };
    }
}

/// `R'` of this row, from that of the row above.
#[inline(always)]
fn carry<S: Simd>(simd: S, state: &mut OutsideState, factor: f64, i: usize) {
    let start = first_column(i);
    let factor = simd.splat_f64s(factor);
    let r = Sum::lanes_mut::<S>(&mut state.r[start..]);
    for (r, &m) in r.iter_mut().zip(Sum::lanes::<S>(&state.m[start..])) {
        *r = simd.mul_add_e_f64s(factor, *r, m);
    }
}

/// Row `u` of `M1'` without its recurrence along the row.
#[inline(always)]
fn branches<S: Simd>(simd: S, inside: &State<f64>, state: &mut OutsideState, u: usize, n: usize) {
    let start = first_column(u);
    let OutsideState { m1, r, m2, .. } = state;
    m1[start..].copy_from_slice(&r[start..]);
    let from = (u + 4) & !(Sum::PAD - 1);
    if from > n {
        return;
    }
    let out = Sum::lanes_mut::<S>(&mut m1[from..]);
    let mut i = 1;
    while i + 5 <= u {
        // Rows beyond the last get a factor of zero.
        let factor = |k: usize| {
            if i + k + 5 <= u {
                inside.m.at(i + k, u - 1)
            } else {
                0.0
            }
        };
        let factors = [factor(0), factor(1), factor(2), factor(3)];
        if factors != [0.0; 4] {
            let row = |k: usize| Sum::lanes::<S>(&m2.row((i + k).min(u))[from..]);
            let (a, b, c, d) = (row(0), row(1), row(2), row(3));
            let f = [
                simd.splat_f64s(factors[0]),
                simd.splat_f64s(factors[1]),
                simd.splat_f64s(factors[2]),
                simd.splat_f64s(factors[3]),
            ];
            for ((((out, &a), &b), &c), &d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                let mut sum = simd.mul_add_e_f64s(f[0], a, *out);
                sum = simd.mul_add_e_f64s(f[1], b, sum);
                sum = simd.mul_add_e_f64s(f[2], c, sum);
                *out = simd.mul_add_e_f64s(f[3], d, sum);
            }
        }
        i += 4;
    }
}

/// For every `j`, the sums over `i` of what lies in one column: bulges on the 5' side, and loops with one base on the 3' side.
#[inline(always)]
fn sum_columns<S: Simd>(
    simd: S,
    lookup: &Lookup<f64>,
    state: &mut OutsideState,
    left: &[f64; MAX_INTERNAL + 1],
    p: usize,
    n: usize,
) {
    let most = MAX_INTERNAL.min(p.saturating_sub(2));
    let [bulges, ones] = &mut state.columns;
    let start = (p + 5) & !(Sum::PAD - 1);
    let mut column = start;
    while column <= n {
        let from = Ring::<f64>::column(column);
        let bulges = Sum::lanes_mut::<S>(&mut bulges[column..column + Sum::PAD]);
        let ones = Sum::lanes_mut::<S>(&mut ones[column..column + Sum::PAD]);
        for (lane, (bulges, ones)) in bulges.iter_mut().zip(ones).enumerate() {
            let mut sum = simd.splat_f64s(0.0);
            let mut sum_ones = sum;
            for k in 2..=most {
                let row = Sum::lanes::<S>(&state.bulge.row(p - 1 - k)[from..from + Sum::PAD]);
                let factor = simd.splat_f64s(lookup.bulge[k - 2] * left[k]);
                sum = simd.mul_add_e_f64s(factor, row[lane], sum);
                let row = Sum::lanes::<S>(&state.one_n.row(p - 1 - k)[from..from + Sum::PAD]);
                let factor = simd.splat_f64s(lookup.one_n[k - 2] * left[k]);
                sum_ones = simd.mul_add_e_f64s(factor, row[lane], sum_ones);
            }
            *bulges = sum;
            *ones = sum_ones;
        }
        column += Sum::PAD;
    }
}

/// What the pairs around bring, by the loop between.
#[derive(Default)]
struct Around {
    stacked: f64,
    bulge_left: f64,
    bulge_right: f64,
    internal: f64,
}

/// All loops with `(p, q)` as the one pair inside.
#[inline(always)]
fn interior<S: Simd, const WEIGHTED: bool>(
    simd: S,
    lookup: &Lookup<f64>,
    weights: &Weights<f64>,
    state: &OutsideState,
    left: &[f64; MAX_INTERNAL + 1],
    (p, q, inner, n): (usize, usize, usize, usize),
) -> Around {
    let mut around = Around::default();
    // Bases before p and after q that could be the ends of the pair around.
    let (room_left, room_right) = (p - 1, n - q);
    if room_left == 0 || room_right == 0 {
        return around;
    }
    let inner_type = inner / 25;
    let outer = |a: usize, c: usize| {
        if a < room_left && c < room_right {
            let (i, j) = (p - 1 - a, q + 1 + c);
            (state.o.at(i, j), usize::from(state.closing.at(i, j)))
        } else {
            (0.0, 0)
        }
    };
    let small = |a: usize, b: usize, value: f64| {
        if !WEIGHTED {
            return value;
        }
        let right = match b {
            0 => 1.0,
            1 => weights.unpaired[q + 1],
            _ => weights.after[q * LINE + b - 2],
        };
        value * left[a] * right
    };
    let stack = |corner: usize| lookup.stack[corner / 25 * N_TYPES + inner_type];

    let (value, corner) = outer(0, 0);
    around.stacked = stack(corner) * value;
    if WEIGHTED {
        around.stacked *= weights.stack::<Sum>(p - 1, q + 1);
    }
    let (value, corner) = outer(1, 0);
    around.bulge_left = lookup.bulge_one * stack(corner) * small(1, 0, value);
    let (value, corner) = outer(0, 1);
    around.bulge_right = lookup.bulge_one * stack(corner) * small(0, 1, value);
    let (value, corner) = outer(1, 1);
    around.internal = lookup.int11[corner * N_TYPES + inner_type] * small(1, 1, value);
    let width = N_TYPES * N_CODES;
    let (value, corner) = outer(1, 2);
    around.internal += lookup.int21[corner * width + inner / 5] * small(1, 2, value);
    let (value, corner) = outer(2, 1);
    around.internal += lookup.int21[inner * width + corner / 5] * small(2, 1, value);
    let (value, corner) = outer(2, 2);
    around.internal += lookup.int22[corner * 175 + inner] * small(2, 2, value);
    let mismatch = lookup.internal_23[inner] * lookup.lengths_23;
    let (value, corner) = outer(2, 3);
    let (other, other_corner) = outer(3, 2);
    around.internal += mismatch
        * (lookup.internal_23[corner] * small(2, 3, value)
            + lookup.internal_23[other_corner] * small(3, 2, other));

    let terminal = lookup.terminal[inner_type];
    if room_left >= 3 {
        around.bulge_left += terminal * state.columns[0][q + 1];
    }
    if room_left >= 4 && room_right >= 2 {
        let one = if WEIGHTED {
            weights.unpaired[q + 1]
        } else {
            1.0
        };
        around.internal += lookup.internal_1n[inner] * state.columns[1][q + 2] * one;
    }
    if room_right >= 3 {
        let used = (room_right - 2).next_multiple_of(Sum::PAD).min(LINE);
        let from = Ring::<f64>::column(q + 3);
        let after = if WEIGHTED {
            &weights.after[q * LINE..][..LINE]
        } else {
            &[]
        };
        let sum = line::<S, WEIGHTED>(
            simd,
            &lookup.bulge,
            after,
            &state.bulge.row(p - 1)[from..],
            used,
        );
        around.bulge_right += terminal * sum;
        if room_left >= 2 {
            let sum = line::<S, WEIGHTED>(
                simd,
                &lookup.one_n,
                after,
                &state.one_n.row(p - 2)[from..],
                used,
            );
            let one = if WEIGHTED { left[1] } else { 1.0 };
            around.internal += lookup.internal_1n[inner] * sum * one;
        }
        if room_left >= 3 {
            let table: &[f64] = if WEIGHTED {
                &state.scaled
            } else {
                &lookup.lengths
            };
            let mut sums = [simd.splat_f64s(0.0); 2];
            for k in 2..=(MAX_INTERNAL - 2).min(room_left - 1) {
                let used = used.min((MAX_INTERNAL - 1 - k).next_multiple_of(Sum::PAD));
                let table = Sum::lanes::<S>(&table[k * LINE..][..used]);
                let row = Sum::lanes::<S>(&state.internal.row(p - 1 - k)[from..from + used]);
                let mut sum = sums[k % 2];
                if WEIGHTED {
                    let after = Sum::lanes::<S>(&after[..used]);
                    for ((&x, &y), &w) in table.iter().zip(row).zip(after) {
                        sum = simd.mul_add_e_f64s(simd.mul_f64s(x, w), y, sum);
                    }
                } else {
                    for (&x, &y) in table.iter().zip(row) {
                        sum = simd.mul_add_e_f64s(x, y, sum);
                    }
                }
                sums[k % 2] = sum;
            }
            let sum = simd.reduce_sum_f64s(simd.add_f64s(sums[0], sums[1]));
            around.internal += lookup.internal[inner] * sum;
        }
    }
    around
}

/// The dot product of a length table's line with the start of a row.
#[inline(always)]
fn line<S: Simd, const WEIGHTED: bool>(
    simd: S,
    table: &[f64],
    after: &[f64],
    row: &[f64],
    used: usize,
) -> f64 {
    let table = Sum::lanes::<S>(&table[..used]);
    let row = Sum::lanes::<S>(&row[..used]);
    let mut sum = simd.splat_f64s(0.0);
    if WEIGHTED {
        let after = Sum::lanes::<S>(&after[..used]);
        for ((&x, &y), &w) in table.iter().zip(row).zip(after) {
            sum = simd.mul_add_e_f64s(simd.mul_f64s(x, w), y, sum);
        }
    } else {
        for (&x, &y) in table.iter().zip(row) {
            sum = simd.mul_add_e_f64s(x, y, sum);
        }
    }
    simd.reduce_sum_f64s(sum)
}
