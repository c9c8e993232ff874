//! From short intervals to long ones: all values of the recursion for one molecule.

use pulp::{Simd, WithSimd};

use super::state::first_column;
use super::{LINE, Lookup, Loops, Pairs, Ring, Semiring, State, Weights};
use crate::bases::{Bases, MAX_INTERNAL, N_CODES, N_TYPES};

/// One run of the recursion. Dispatch it on a processor (`pulp::Arch`), or on `pulp::Scalar`.
pub(crate) struct Inside<'a, R: Semiring, L> {
    pub(crate) bases: &'a Bases,
    pub(crate) lookup: &'a Lookup<R::Value>,
    pub(crate) pairs: &'a Pairs,
    /// Factors of single bases, if there are any.
    pub(crate) weights: Option<&'a Weights<R::Value>>,
    pub(crate) state: &'a mut State<R::Value>,
    /// A hairpin of a length beyond the tables.
    pub(crate) long_hairpin: L,
}

impl<R: Semiring, L: Fn(usize) -> R::Value> WithSimd for Inside<'_, R, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.weights {
            None => self.run::<S, false>(simd, &Weights::none()),
            Some(weights) => self.run::<S, true>(simd, weights),
        }
    }
}

/// The largest number of bases on the 5' side that leaves two on the 3' side.
const MOST_LEFT: usize = MAX_INTERNAL - 2;

impl<R: Semiring, L: Fn(usize) -> R::Value> Inside<'_, R, L> {
    #[inline(always)]
    fn run<S: Simd, const WEIGHTED: bool>(self, simd: S, weights: &Weights<R::Value>) {
        let Self {
            bases,
            lookup,
            pairs,
            state,
            long_hairpin,
            ..
        } = self;
        let n = bases.len();
        let empty = Loops {
            hairpin: R::ZERO,
            bulge_left: R::ZERO,
            bulge_right: R::ZERO,
            internal: R::ZERO,
            multi: R::ZERO,
        };
        state.resize::<R>(n, pairs.len(), empty);
        for row in n + 1..n + 6 {
            state.m1.clear_row(row, R::ZERO);
        }
        if WEIGHTED {
            state.scaled.clear();
            state.scaled.resize((MAX_INTERNAL + 1) * LINE, R::ZERO);
            state.z3[n + 1] = R::ONE;
        }
        for i in (1..=n).rev() {
            state.b.clear_row(i, R::ZERO);
            state.entering.clear_row(i, 0);
            for ring in [&mut state.internal, &mut state.one_n, &mut state.bulge] {
                ring.row_mut(i)[i..].fill(R::ZERO);
            }
            // Products over i + 1 ..= i + k.
            let mut left = [R::ONE; MAX_INTERNAL + 1];
            if WEIGHTED {
                for k in 1..=MAX_INTERNAL.min(n - i) {
                    left[k] = R::times(left[k - 1], weights.unpaired[i + k]);
                }
            }
            let row = pairs.row(i);
            if !row.is_empty() {
                if WEIGHTED {
                    for k in 2..=MOST_LEFT {
                        for (out, &x) in (state.scaled[k * LINE..][..LINE].iter_mut())
                            .zip(&lookup.lengths_back[k * LINE..][..LINE])
                        {
                            *out = R::times(x, left[k]);
                        }
                    }
                }
                sum_columns::<R, S>(simd, lookup, state, &left, i, n);
            }
            for number in row {
                let j = pairs.partner(number);
                let outer = bases.closing(i, j);
                let entering = bases.entering(i, j);
                let (outer_type, inner_type) = (outer / 25, entering / 25);
                let mut loops =
                    interior::<R, S, WEIGHTED>(simd, lookup, weights, state, &left, (i, j, outer));

                loops.0.hairpin = lookup.hairpin::<R>(bases, i, j, outer, &long_hairpin);
                if WEIGHTED {
                    let mut product = R::ONE;
                    if j - i - 1 <= MAX_INTERNAL {
                        product = left[j - i - 1];
                    } else {
                        for &x in &weights.unpaired[i + 1..j] {
                            product = R::cap(R::times(product, x));
                        }
                    }
                    loops.0.hairpin = R::times(loops.0.hairpin, product);
                }
                loops.0.multi = R::times(lookup.multi_closing[outer], state.m2_below[j - 1]);
                let (parts, stacked) = loops;
                let bulges = R::plus(parts.bulge_left, parts.bulge_right);
                let interior = R::plus(R::plus(parts.internal, bulges), stacked);
                let mut b = R::plus(R::plus(parts.hairpin, parts.multi), interior);
                if WEIGHTED {
                    b = R::times(b, R::times(weights.paired[i], weights.paired[j]));
                    b = R::cap(b);
                }
                debug_assert!(outer_type > 0 && inner_type > 0);
                state.loops[number] = parts;
                state.b.set(i, j, b);
                state.entering.set(i, j, entering as u8);
                let column = Ring::<R::Value>::column(j);
                state.internal.row_mut(i)[column] = R::times(b, lookup.internal[entering]);
                state.one_n.row_mut(i)[column] = R::times(b, lookup.internal_1n[entering]);
                state.bulge.row_mut(i)[column] = R::times(b, lookup.terminal[inner_type]);
            }
            branches::<R, S, WEIGHTED>(simd, bases, lookup, weights, pairs, state, i);
        }
    }
}

/// For every `q`, the sums over `p` of what lies in one column: bulges on the 5' side, and loops with one base on the 3' side.
#[inline(always)]
fn sum_columns<R: Semiring, S: Simd>(
    simd: S,
    lookup: &Lookup<R::Value>,
    state: &mut State<R::Value>,
    left: &[R::Value; MAX_INTERNAL + 1],
    i: usize,
    n: usize,
) {
    let mut bulge = [R::ZERO; MAX_INTERNAL + 1];
    let mut one_n = [R::ZERO; MAX_INTERNAL + 1];
    for k in 2..=MAX_INTERNAL {
        bulge[k] = R::times(lookup.bulge[k - 2], left[k]);
        one_n[k] = R::times(lookup.one_n[k - 2], left[k]);
    }
    let [bulges, ones] = &mut state.columns;
    let mut column = (i + 7) & !(R::PAD - 1);
    while column <= n {
        // The last row with a pair in these columns.
        let last = (i + 1 + MAX_INTERNAL).min(column + R::PAD - 5).min(n);
        let from = Ring::<R::Value>::column(column);
        let bulges = R::lanes_mut::<S>(&mut bulges[column..column + R::PAD]);
        let ones = R::lanes_mut::<S>(&mut ones[column..column + R::PAD]);
        for (lane, (bulges, ones)) in bulges.iter_mut().zip(ones).enumerate() {
            let mut sum = R::splat(simd, R::ZERO);
            let mut sum_ones = sum;
            for p in i + 3..=last {
                let k = p - i - 1;
                let row = R::lanes::<S>(&state.bulge.row(p)[from..from + R::PAD]);
                sum = R::fused(simd, R::splat(simd, bulge[k]), row[lane], sum);
                let row = R::lanes::<S>(&state.one_n.row(p)[from..from + R::PAD]);
                sum_ones = R::fused(simd, R::splat(simd, one_n[k]), row[lane], sum_ones);
            }
            *bulges = sum;
            *ones = sum_ones;
        }
        column += R::PAD;
    }
}

/// All loops with one pair inside of `(i, j)`: those with unpaired bases in parts, and the stacked pair.
#[inline(always)]
fn interior<R: Semiring, S: Simd, const WEIGHTED: bool>(
    simd: S,
    lookup: &Lookup<R::Value>,
    weights: &Weights<R::Value>,
    state: &State<R::Value>,
    left: &[R::Value; MAX_INTERNAL + 1],
    (i, j, outer): (usize, usize, usize),
) -> (Loops<R::Value>, R::Value) {
    let outer_type = outer / 25;
    let span = j - i;
    // One factor for the bases on both sides of a small loop.
    let sides = |a: usize, b: usize| {
        if !WEIGHTED {
            return R::ONE;
        }
        let right = match b {
            0 => R::ONE,
            1 => weights.unpaired[j - 1],
            _ => weights.before[j * LINE + LINE + 1 - b],
        };
        R::times(left[a], right)
    };
    let small = |a: usize, b: usize, factor: R::Value, value: R::Value| {
        let value = R::times(factor, value);
        if WEIGHTED {
            R::times(value, sides(a, b))
        } else {
            value
        }
    };
    let (b, entering) = (&state.b, &state.entering);
    let inner = |a: usize, c: usize| {
        let (p, q) = (i + 1 + a, j - 1 - c);
        (b.at(p, q), usize::from(entering.at(p, q)))
    };
    let stacks = &lookup.stack[outer_type * N_TYPES..][..N_TYPES];

    let (value, corner) = inner(0, 0);
    let mut stacked = R::times(stacks[corner / 25], value);
    if WEIGHTED {
        stacked = R::times(stacked, weights.stack::<R>(i, j));
    }

    let (value, corner) = inner(1, 0);
    let mut bulge_left = small(1, 0, R::times(lookup.bulge_one, stacks[corner / 25]), value);
    let (value, corner) = inner(0, 1);
    let mut bulge_right = small(0, 1, R::times(lookup.bulge_one, stacks[corner / 25]), value);
    let mut internal = R::ZERO;
    if span >= 8 {
        let (value, corner) = inner(1, 1);
        internal = small(1, 1, lookup.int11[outer * N_TYPES + corner / 25], value);
        let width = N_TYPES * N_CODES;
        let (value, corner) = inner(1, 2);
        internal = R::plus(
            internal,
            small(1, 2, lookup.int21[outer * width + corner / 5], value),
        );
        let (value, corner) = inner(2, 1);
        internal = R::plus(
            internal,
            small(2, 1, lookup.int21[corner * width + outer / 5], value),
        );

        let end = Ring::<R::Value>::column(j - 2);
        let before = if WEIGHTED {
            &weights.before[j * LINE..][..LINE]
        } else {
            &[]
        };
        let terminal = lookup.terminal[outer_type];
        // n bases on the 3' side, none or one on the 5' side.
        let used = (span - 7).next_multiple_of(R::PAD).min(LINE);
        let sum = line::<R, S, WEIGHTED>(
            simd,
            &lookup.bulge_back,
            before,
            &state.bulge.row(i + 1)[..end],
            used,
        );
        bulge_right = R::plus(bulge_right, R::times(terminal, sum));
        bulge_left = R::plus(bulge_left, R::times(terminal, state.columns[0][j - 1]));
        if span >= 10 {
            let used = (span - 8).next_multiple_of(R::PAD).min(LINE);
            let sum = line::<R, S, WEIGHTED>(
                simd,
                &lookup.one_n_back,
                before,
                &state.one_n.row(i + 2)[..end],
                used,
            );
            let sum = if WEIGHTED {
                R::times(sum, left[1])
            } else {
                sum
            };
            let mut column = state.columns[1][j - 2];
            if WEIGHTED {
                column = R::times(column, weights.unpaired[j - 1]);
            }
            let mismatch = lookup.internal_1n[outer];
            internal = R::plus(internal, R::times(mismatch, R::plus(sum, column)));

            let (value, corner) = inner(2, 2);
            internal = R::plus(
                internal,
                small(2, 2, lookup.int22[outer * 175 + corner], value),
            );
            let (value, corner) = inner(2, 3);
            let one = small(2, 3, lookup.internal_23[corner], value);
            let (value, corner) = inner(3, 2);
            let other = small(3, 2, lookup.internal_23[corner], value);
            let mismatch = R::times(lookup.internal_23[outer], lookup.lengths_23);
            internal = R::plus(internal, R::times(mismatch, R::plus(one, other)));

            let table: &[R::Value] = if WEIGHTED {
                &state.scaled
            } else {
                &lookup.lengths_back
            };
            let sum = general::<R, S, WEIGHTED>(simd, table, before, state, (i, span, end));
            internal = R::plus(internal, R::times(lookup.internal[outer], sum));
        }
    }
    (
        Loops {
            hairpin: R::ZERO,
            bulge_left,
            bulge_right,
            internal,
            multi: R::ZERO,
        },
        stacked,
    )
}

/// The dot product of a length table's line with the end of a row.
#[inline(always)]
fn line<R: Semiring, S: Simd, const WEIGHTED: bool>(
    simd: S,
    table: &[R::Value],
    before: &[R::Value],
    row: &[R::Value],
    used: usize,
) -> R::Value {
    let table = R::lanes::<S>(&table[LINE - used..LINE]);
    let row = R::lanes::<S>(&row[row.len() - used..]);
    let mut sum = R::splat(simd, R::ZERO);
    if WEIGHTED {
        let before = R::lanes::<S>(&before[LINE - used..LINE]);
        for ((&x, &y), &w) in table.iter().zip(row).zip(before) {
            sum = R::fused(simd, R::times_lanes(simd, x, w), y, sum);
        }
    } else {
        for (&x, &y) in table.iter().zip(row) {
            sum = R::fused(simd, x, y, sum);
        }
    }
    R::gather(simd, sum)
}

/// The general internal loops: two bases and more on both sides.
#[inline(always)]
fn general<R: Semiring, S: Simd, const WEIGHTED: bool>(
    simd: S,
    table: &[R::Value],
    before: &[R::Value],
    state: &State<R::Value>,
    (i, span, end): (usize, usize, usize),
) -> R::Value {
    let mut sums = [R::splat(simd, R::ZERO); 2];
    for k in 2..=MOST_LEFT.min(span - 8) {
        let used = (span - 7 - k)
            .min(MAX_INTERNAL - 1 - k)
            .next_multiple_of(R::PAD);
        let table = R::lanes::<S>(&table[k * LINE + LINE - used..(k + 1) * LINE]);
        let row = R::lanes::<S>(&state.internal.row(i + 1 + k)[end - used..end]);
        let mut sum = sums[k % 2];
        if WEIGHTED {
            let before = R::lanes::<S>(&before[LINE - used..]);
            for ((&x, &y), &w) in table.iter().zip(row).zip(before) {
                sum = R::fused(simd, R::times_lanes(simd, x, w), y, sum);
            }
        } else {
            for (&x, &y) in table.iter().zip(row) {
                sum = R::fused(simd, x, y, sum);
            }
        }
        sums[k % 2] = sum;
    }
    R::gather(simd, R::plus_lanes(simd, sums[0], sums[1]))
}

/// Row `i` of `M1`, `R`, `M2`, `M`, and `Z3[i]`.
#[inline(always)]
fn branches<R: Semiring, S: Simd, const WEIGHTED: bool>(
    simd: S,
    bases: &Bases,
    lookup: &Lookup<R::Value>,
    weights: &Weights<R::Value>,
    pairs: &Pairs,
    state: &mut State<R::Value>,
    i: usize,
) {
    let n = bases.len();
    let weight = |k: usize| {
        if WEIGHTED {
            weights.unpaired[k]
        } else {
            R::ONE
        }
    };
    let mut z3 = R::times(weight(i), state.z3[i + 1]);
    state.m1.clear_row(i, R::ZERO);
    let (m1, m1_below) = state.m1.row_and_below(i);
    for number in pairs.row(i) {
        let j = pairs.partner(number);
        let b = state.b.at(i, j);
        m1[j] = R::times(b, lookup.multi(bases, i, j));
        let rest = R::times(lookup.exterior(bases, i, j), state.z3[j + 1]);
        z3 = R::plus(z3, R::times(b, rest));
    }
    state.z3[i] = R::cap(z3);
    if let Some(first) = pairs.row(i).next() {
        let first = pairs.partner(first);
        let mut run = R::ZERO;
        if WEIGHTED || lookup.multi_unpaired != R::ONE {
            for j in first..=n {
                run = R::plus(
                    m1[j],
                    R::times(run, R::times(lookup.multi_unpaired, weight(j))),
                );
                m1[j] = run;
            }
        } else {
            for x in &mut m1[first..=n] {
                run = R::plus(*x, run);
                *x = run;
            }
        }
    }

    let start = first_column(i);
    let unpaired = R::splat(simd, R::times(lookup.multi_unpaired, weight(i)));
    let r = R::lanes_mut::<S>(&mut state.r[start..]);
    for (r, &m1) in r.iter_mut().zip(R::lanes::<S>(&m1[start..])) {
        *r = R::fused(simd, unpaired, *r, m1);
    }

    // M2 from M, four rows of M1 at a time: none of them reaches back to the entries of M that the four factors are.
    let m2 = &mut state.m2;
    m2[start..].fill(R::ZERO);
    let width = m2.len();
    let mut u = i + 5;
    while u + 4 <= n {
        let factor = |k: usize| R::plus(m2[u - 1 + k], state.r[u - 1 + k]);
        let factors = [factor(0), factor(1), factor(2), factor(3)];
        if factors != [R::ZERO; 4] {
            let from = (u + 4) & !(R::PAD - 1);
            let row = |k: usize| {
                R::lanes::<S>(&m1_below[(u + k - i - 1) * width + from..(u + k - i) * width])
            };
            let (a, b, c, d) = (row(0), row(1), row(2), row(3));
            let f = [
                R::splat(simd, factors[0]),
                R::splat(simd, factors[1]),
                R::splat(simd, factors[2]),
                R::splat(simd, factors[3]),
            ];
            let out = R::lanes_mut::<S>(&mut m2[from..]);
            for ((((out, &a), &b), &c), &d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                let mut sum = R::fused(simd, f[0], a, *out);
                sum = R::fused(simd, f[1], b, sum);
                sum = R::fused(simd, f[2], c, sum);
                *out = R::fused(simd, f[3], d, sum);
            }
        }
        u += 4;
    }
    let m = R::lanes_mut::<S>(&mut state.m.row_mut(i)[start..]);
    let (m2, r) = (
        R::lanes::<S>(&state.m2[start..]),
        R::lanes::<S>(&state.r[start..]),
    );
    for ((m, &m2), &r) in m.iter_mut().zip(m2).zip(r) {
        *m = R::plus_lanes(simd, m2, r);
    }
    std::mem::swap(&mut state.m2, &mut state.m2_below);
}
