//! The ways to explain a value of the minimum recursion: what [`mfe`](crate::mfe) takes the cheapest of and [`suboptimal`](crate::suboptimal) all.

use crate::bases::{Bases, MAX_INTERNAL, MIN_HAIRPIN};
use crate::energy::{Energy, INFINITE};
use crate::recursion::{Minimum, Pairs, State, Weights};

/// A part of the structure whose pairs are still to be chosen; its least energy stands in an array.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// `Z3[i]`.
    Suffix(usize),
    /// `B[i,j]`.
    Pair(usize, usize),
    /// `M1[i,j]`.
    One(usize, usize),
    /// `M[i,j]`.
    Some(usize, usize),
}

/// One way to explain a part: what it costs with the least of everything inside, and the parts that it leaves.
pub(crate) type Choice = (i32, [Option<Part>; 2]);

/// The filled arrays, and what they were filled from.
#[derive(Clone, Copy)]
pub(crate) struct Choices<'a> {
    pub(crate) bases: &'a Bases,
    pub(crate) energy: &'a Energy,
    pub(crate) pairs: &'a Pairs,
    pub(crate) weights: Option<&'a Weights<i32>>,
    pub(crate) state: &'a State<i32>,
}

impl Choices<'_> {
    fn unpaired(&self, k: usize) -> i32 {
        self.weights.map_or(0, |weights| weights.unpaired[k])
    }

    fn multi_unpaired(&self, k: usize) -> i32 {
        self.energy.whole.tables.ml_unpaired + self.unpaired(k)
    }

    /// The value of `part`, and all choices for it that cost at most `slack` more.
    pub(crate) fn of(&self, part: Part, slack: i32, choices: &mut Vec<Choice>) -> i32 {
        let state = self.state;
        let possible = |value: i32| value < INFINITE / 2;
        match part {
            Part::Suffix(i) if i > self.bases.len() => {
                choices.push((0, [None, None]));
                0
            }
            Part::Suffix(i) => {
                let value = state.z3[i];
                let mut add = |cost: i32, parts| {
                    if possible(cost) && cost - value <= slack {
                        choices.push((cost, parts));
                    }
                };
                let open = self.unpaired(i);
                if possible(open) {
                    add(open + state.z3[i + 1], [Some(Part::Suffix(i + 1)), None]);
                }
                for number in self.pairs.row(i) {
                    let j = self.pairs.partner(number);
                    let b = state.b.at(i, j);
                    if possible(b) && possible(state.z3[j + 1]) {
                        let stem = self.energy.whole.exterior(self.bases, i, j);
                        let parts = [Some(Part::Suffix(j + 1)), Some(Part::Pair(i, j))];
                        add(b + stem + state.z3[j + 1], parts);
                    }
                }
                value
            }
            Part::Pair(i, j) => self.closed_by(i, j, slack, choices),
            Part::One(i, j) => {
                let value = state.m1.at(i, j);
                let b = state.b.at(i, j);
                if possible(b) {
                    let (five, three) = (self.bases.code(i - 1), self.bases.code(j + 1));
                    let pair = self.bases.pair_type(i, j);
                    let cost = b + self.energy.whole.multi_branch(pair, five, three);
                    if cost - value <= slack {
                        choices.push((cost, [Some(Part::Pair(i, j)), None]));
                    }
                }
                let (shorter, open) = (state.m1.at(i, j - 1), self.multi_unpaired(j));
                if possible(shorter) && possible(open) && shorter + open - value <= slack {
                    choices.push((shorter + open, [Some(Part::One(i, j - 1)), None]));
                }
                value
            }
            Part::Some(i, j) => {
                let value = state.m.at(i, j);
                let mut open = 0;
                for u in i..j {
                    let one = state.m1.at(u, j);
                    if possible(one) {
                        if u > i {
                            self.split(i, u, j, 0, value + slack, choices);
                        }
                        if possible(open) && open + one - value <= slack {
                            choices.push((open + one, [Some(Part::One(u, j)), None]));
                        }
                    }
                    open = (open + self.multi_unpaired(u)).min(INFINITE);
                }
                value
            }
        }
    }

    /// `M[i,u-1] M1[u,j]`, if it costs at most `most` with `closing`.
    fn split(
        &self,
        i: usize,
        u: usize,
        j: usize,
        closing: i32,
        most: i32,
        choices: &mut Vec<Choice>,
    ) {
        let (some, one) = (self.state.m.at(i, u - 1), self.state.m1.at(u, j));
        let cost = closing + some + one;
        if some < INFINITE / 2 && one < INFINITE / 2 && cost <= most {
            choices.push((cost, [Some(Part::Some(i, u - 1)), Some(Part::One(u, j))]));
        }
    }

    fn closed_by(&self, i: usize, j: usize, slack: i32, choices: &mut Vec<Choice>) -> i32 {
        let (whole, state) = (&self.energy.whole, self.state);
        let paired = self
            .weights
            .map_or(0, |weights| weights.paired[i] + weights.paired[j]);
        let value = state.b.at(i, j);
        let most = value + slack;
        let possible = |value: i32| value < INFINITE / 2;
        let mut open = 0;
        for k in i + 1..j {
            open = (open + self.unpaired(k)).min(INFINITE);
        }
        let hairpin = paired + whole.hairpin(self.bases, i, j) + open;
        if possible(open) && hairpin <= most {
            choices.push((hairpin, [None, None]));
        }
        let mut five = 0;
        for left in 0..=MAX_INTERNAL.min(j - i - 2) {
            let p = i + 1 + left;
            if left > 0 {
                five += self.unpaired(p - 1);
            }
            if !possible(five) {
                break;
            }
            let mut three = 0;
            for right in 0..=MAX_INTERNAL - left {
                let Some(q) = (j - 1).checked_sub(right).filter(|&q| q > p + MIN_HAIRPIN) else {
                    break;
                };
                if right > 0 {
                    three += self.unpaired(q + 1);
                }
                if !possible(three) {
                    break;
                }
                let inner = state.b.at(p, q);
                if possible(inner) {
                    let around = whole.interior(self.bases, i, j, p, q);
                    let mut cost = paired + around + inner + five + three;
                    if left + right == 0 {
                        cost += self.weights.map_or(0, |w| w.stack::<Minimum>(i, j));
                    }
                    if cost <= most {
                        choices.push((cost, [Some(Part::Pair(p, q)), None]));
                    }
                }
            }
        }
        let closing = paired + whole.multi_closing(self.bases, i, j);
        for u in i + 2..j {
            self.split(i + 1, u, j - 1, closing, most, choices);
        }
        value
    }
}
