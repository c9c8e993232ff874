//! The energy model as the recursion reads it: one multiplication and one look-up for a term.

use crate::bases::{Bases, MAX_INTERNAL, MIN_HAIRPIN, N_CODES, N_CORNERS, N_TYPES, corner};
use crate::energy::{Amount, LoopModel};

use super::Semiring;

/// Width of a line of the length tables: entry `k` (from the front or from the back) is for `k + 2` bases.
pub(crate) const LINE: usize = 32;
/// Hairpins up to this length have an entry of their own.
const HAIRPINS: usize = 512;
/// The type of a pair read from its other base.
const TURNED: [usize; N_TYPES] = [0, 2, 1, 4, 3, 6, 5];

/// Factors of all loops. A corner is a pair type with two neighbours ([`corner`]).
#[derive(Clone, Debug)]
pub(crate) struct Lookup<V> {
    /// `[closing type][inner type]`.
    pub(crate) stack: Vec<V>,
    /// `[closing corner][inner type]`.
    pub(crate) int11: Vec<V>,
    /// `[corner of the pair beside the one base][type and first neighbour of the other pair]`.
    pub(crate) int21: Vec<V>,
    /// `[closing corner][inner corner]`.
    pub(crate) int22: Vec<V>,
    /// By corner: what the closing pair and the inner pair of an internal loop bring.
    pub(crate) internal: Vec<V>,
    pub(crate) internal_1n: Vec<V>,
    pub(crate) internal_23: Vec<V>,
    /// By pair type.
    pub(crate) terminal: Vec<V>,
    pub(crate) bulge_one: V,
    /// The lengths of a 2x3 loop.
    pub(crate) lengths_23: V,
    /// General internal loops: 31 lines by the bases on the one side, in each from the front those on the other side, from two.
    pub(crate) lengths: Vec<V>,
    /// The same with every line turned round.
    pub(crate) lengths_back: Vec<V>,
    /// Bulges of two bases and more, and 1xn loops with three and more, as such lines.
    pub(crate) bulge: Vec<V>,
    pub(crate) bulge_back: Vec<V>,
    pub(crate) one_n: Vec<V>,
    pub(crate) one_n_back: Vec<V>,
    /// By closing corner: the mismatch in a hairpin; and by type for hairpins of three.
    mismatch_hairpin: Vec<V>,
    hairpin: Vec<V>,
    special: Vec<(u64, V)>,
    /// By corner, outside of the pair.
    multi: Vec<V>,
    /// By closing corner.
    pub(crate) multi_closing: Vec<V>,
    pub(crate) multi_unpaired: V,
    /// `[type][5' neighbour or 5][3' neighbour or 5]`.
    exterior: Vec<V>,
}

impl<V: Copy> Lookup<V> {
    /// Tables of `f` of every energy.
    pub(crate) fn new<R, T>(model: &LoopModel<T>, f: impl Fn(T) -> V) -> Self
    where
        R: Semiring<Value = V>,
        T: Amount,
    {
        let t = &model.tables;
        let all = |table: &[T]| table.iter().map(|&x| f(x)).collect::<Vec<V>>();
        let corners = || (0..N_CORNERS).map(|k| (k / 25, k / N_CODES % N_CODES, k % N_CODES));
        let mut int11 = Vec::with_capacity(N_CORNERS * N_TYPES);
        let mut int21 = Vec::with_capacity(N_CORNERS * N_TYPES * N_CODES);
        let mut int22 = Vec::with_capacity(N_CORNERS * N_CORNERS);
        for (outer, a, b) in corners() {
            for inner in 0..N_TYPES {
                let pairs = outer * N_TYPES + inner;
                int11.push(f(t.int11[(pairs * N_CODES + a) * N_CODES + b]));
                for d in 0..N_CODES {
                    int21.push(f(
                        t.int21[((pairs * N_CODES + a) * N_CODES + d) * N_CODES + b]
                    ));
                    for c in 0..N_CODES {
                        int22.push(f(t.int22[(((pairs * N_CODES + a) * N_CODES + c)
                            * N_CODES
                            + d)
                            * N_CODES
                            + b]));
                    }
                }
            }
        }
        let line = |entry: &dyn Fn(usize) -> Option<T>| -> Vec<V> {
            (0..LINE)
                .map(|k| entry(k + 2).map_or(R::ZERO, &f))
                .collect()
        };
        let back = |lines: &[V]| -> Vec<V> {
            lines
                .chunks(LINE)
                .flat_map(|line| line.iter().rev().copied())
                .collect()
        };
        let lengths: Vec<V> = (0..=MAX_INTERNAL)
            .flat_map(|left| {
                line(&|right| {
                    let special = left < 2 || left + right < 6;
                    (!special && left + right <= MAX_INTERNAL)
                        .then(|| model.internal_length(left, right))
                })
            })
            .collect();
        let bulge = line(&|length| (length <= MAX_INTERNAL).then(|| model.bulge_length(length)));
        let one_n = line(&|length| {
            ((3..MAX_INTERNAL).contains(&length)).then(|| model.internal_length(1, length))
        });
        let mut exterior = Vec::with_capacity(N_TYPES * 36);
        for pair in 0..N_TYPES {
            for five in 0..=N_CODES {
                for three in 0..=N_CODES {
                    let known = |code: usize| (code < N_CODES).then_some(code);
                    exterior.push(f(model.exterior_branch(pair, known(five), known(three))));
                }
            }
        }
        Self {
            stack: all(&t.stack),
            int11,
            int21,
            int22,
            internal: all(&t.mismatch_internal),
            internal_1n: all(&t.mismatch_internal_1n),
            internal_23: all(&t.mismatch_internal_23),
            terminal: (0..N_TYPES).map(|pair| f(model.terminal(pair))).collect(),
            bulge_one: f(model.bulge_length(1)),
            lengths_23: f(model.internal_length(2, 3)),
            lengths_back: back(&lengths),
            lengths,
            bulge_back: back(&bulge),
            bulge,
            one_n_back: back(&one_n),
            one_n,
            mismatch_hairpin: all(&t.mismatch_hairpin),
            hairpin: (0..=HAIRPINS)
                .map(|length| f(model.hairpin_length(length)))
                .collect(),
            special: t.special.iter().map(|&(word, x)| (word, f(x))).collect(),
            multi: corners()
                .map(|(pair, five, three)| f(model.multi_branch(pair, five, three)))
                .collect(),
            multi_closing: corners()
                .map(|(pair, a, b)| {
                    let branch = model.multi_branch(TURNED[pair], b, a);
                    f(branch + t.ml_closing)
                })
                .collect(),
            multi_unpaired: f(t.ml_unpaired),
            exterior,
        }
    }

    /// The hairpin that `(i, j)` closes with the corner `outer`; `long` for lengths beyond the tables.
    #[inline(always)]
    pub(crate) fn hairpin<R: Semiring<Value = V>>(
        &self,
        bases: &Bases,
        i: usize,
        j: usize,
        outer: usize,
        long: impl Fn(usize) -> V,
    ) -> V {
        let length = j - i - 1;
        if matches!(length, 3 | 4 | 6)
            && let Ok(at) = self
                .special
                .binary_search_by_key(&bases.word(i, j), |entry| entry.0)
        {
            return self.special[at].1;
        }
        let by_length = if length <= HAIRPINS {
            self.hairpin[length]
        } else {
            long(length)
        };
        if length == MIN_HAIRPIN {
            R::times(by_length, self.terminal[outer / 25])
        } else {
            R::times(by_length, self.mismatch_hairpin[outer])
        }
    }

    /// The pair `(i, j)` as a branch of a multiloop.
    #[inline(always)]
    pub(crate) fn multi(&self, bases: &Bases, i: usize, j: usize) -> V {
        self.multi[corner(bases.pair_type(i, j), bases.code(i - 1), bases.code(j + 1))]
    }

    /// The pair `(i, j)` outside of all pairs.
    #[inline(always)]
    pub(crate) fn exterior(&self, bases: &Bases, i: usize, j: usize) -> V {
        let five = if i > 1 { bases.code(i - 1) } else { N_CODES };
        let three = if j < bases.len() {
            bases.code(j + 1)
        } else {
            N_CODES
        };
        self.exterior[(bases.pair_type(i, j) * 6 + five) * 6 + three]
    }
}
