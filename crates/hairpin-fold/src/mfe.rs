//! The structure of least free energy.

use crate::bases::{Bases, MAX_INTERNAL, MIN_HAIRPIN};
use crate::energy::{Energy, INFINITE};
use crate::recursion::{Minimum, Pairs, State, Weights};
use crate::{FoldError, Structure};

/// The structure of least free energy (Zuker and Stiegler 1981, doi:10.1093/nar/9.1.133), and that energy.
///
/// Where several structures share it, this is one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Mfe {
    structure: Structure,
    dcal: i32,
}

impl Mfe {
    pub(crate) fn new(structure: Structure, dcal: i32) -> Self {
        Self { structure, dcal }
    }

    /// The structure.
    pub fn structure(&self) -> &Structure {
        &self.structure
    }

    /// Its energy in dcal/mol (1/100 kcal/mol), with the pseudo-energies if there are any.
    pub fn dcal(&self) -> i32 {
        self.dcal
    }

    /// Its energy in kcal/mol.
    pub fn kcal(&self) -> f64 {
        f64::from(self.dcal) / 100.0
    }
}

/// Reads a structure off the filled arrays: what is still to be explained lies on a stack, and at every step some choice gives exactly the value
/// that stands in the array.
pub(crate) struct Trace<'a> {
    pub(crate) bases: &'a Bases,
    pub(crate) energy: &'a Energy,
    pub(crate) pairs: &'a Pairs,
    pub(crate) weights: Option<&'a Weights<i32>>,
    pub(crate) state: &'a State<i32>,
}

/// A part of the structure whose value is known and whose pairs are not.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// `Z3[i]`.
    Suffix(usize),
    /// `B[i,j]`.
    Pair(usize, usize),
    /// `M1[i,j]`.
    One(usize, usize),
    /// `M[i,j]`.
    Some(usize, usize),
}

impl Trace<'_> {
    pub(crate) fn run(&self) -> Result<Mfe, FoldError> {
        let n = self.bases.len();
        let least = self.state.z3[1];
        if least >= INFINITE / 2 {
            return Err(FoldError::Unsatisfiable);
        }
        let mut structure = Structure::open(n);
        let mut parts = vec![Part::Suffix(1)];
        while let Some(part) = parts.pop() {
            let found = match part {
                Part::Suffix(i) => self.suffix(i, &mut parts),
                Part::Pair(i, j) => {
                    structure.join(i, j);
                    self.pair(i, j, &mut parts)
                }
                Part::One(i, j) => self.one(i, j, &mut parts),
                Part::Some(i, j) => self.some(i, j, &mut parts),
            };
            debug_assert!(found.is_some(), "{part:?} has no explanation");
        }
        Ok(Mfe::new(structure, least))
    }

    fn unpaired(&self, k: usize) -> i32 {
        self.weights.map_or(0, |weights| weights.unpaired[k])
    }

    /// All of `from..=to` unpaired.
    fn open(&self, from: usize, to: usize) -> i32 {
        self.weights.map_or(0, |weights| {
            (weights.unpaired[from..=to].iter()).fold(0, |sum: i32, &x| (sum + x).min(INFINITE))
        })
    }

    fn suffix(&self, i: usize, parts: &mut Vec<Part>) -> Option<()> {
        let (n, z3) = (self.bases.len(), &self.state.z3);
        if i > n {
            return Some(());
        }
        if z3[i] == self.unpaired(i) + z3[i + 1] {
            parts.push(Part::Suffix(i + 1));
            return Some(());
        }
        let number = self.pairs.row(i).find(|&number| {
            let j = self.pairs.partner(number);
            let stem = self.energy.whole.exterior(self.bases, i, j);
            z3[i] == self.state.b.at(i, j) + stem + z3[j + 1]
        })?;
        let j = self.pairs.partner(number);
        parts.extend([Part::Pair(i, j), Part::Suffix(j + 1)]);
        Some(())
    }

    fn pair(&self, i: usize, j: usize, parts: &mut Vec<Part>) -> Option<()> {
        let (whole, state) = (&self.energy.whole, self.state);
        let paired = self
            .weights
            .map_or(0, |weights| weights.paired[i] + weights.paired[j]);
        let value = state.b.at(i, j) - paired;
        if value == whole.hairpin(self.bases, i, j) + self.open(i + 1, j - 1) {
            return Some(());
        }
        for left in 0..=MAX_INTERNAL.min(j - i - 2) {
            let p = i + 1 + left;
            for right in 0..=MAX_INTERNAL - left {
                let Some(q) = (j - 1).checked_sub(right).filter(|&q| q > p + MIN_HAIRPIN) else {
                    break;
                };
                let inner = state.b.at(p, q);
                if inner < INFINITE / 2 {
                    let mut open = self.open(i + 1, p - 1) + self.open(q + 1, j - 1);
                    if left + right == 0 {
                        open = self.weights.map_or(0, |w| w.stack::<Minimum>(i, j));
                    }
                    if value == whole.interior(self.bases, i, j, p, q) + inner + open {
                        parts.push(Part::Pair(p, q));
                        return Some(());
                    }
                }
            }
        }
        let rest = value - whole.multi_closing(self.bases, i, j);
        let u = (i + 2..j).find(|&u| rest == state.m.at(i + 1, u - 1) + state.m1.at(u, j - 1))?;
        parts.extend([Part::Some(i + 1, u - 1), Part::One(u, j - 1)]);
        Some(())
    }

    fn one(&self, i: usize, j: usize, parts: &mut Vec<Part>) -> Option<()> {
        let value = self.state.m1.at(i, j);
        let b = self.state.b.at(i, j);
        if b < INFINITE / 2 {
            let (five, three) = (self.bases.code(i - 1), self.bases.code(j + 1));
            let pair = self.bases.pair_type(i, j);
            if value == b + self.energy.whole.multi_branch(pair, five, three) {
                parts.push(Part::Pair(i, j));
                return Some(());
            }
        }
        let unpaired = self.energy.whole.tables.ml_unpaired + self.unpaired(j);
        (value == self.state.m1.at(i, j - 1) + unpaired).then(|| parts.push(Part::One(i, j - 1)))
    }

    fn some(&self, i: usize, j: usize, parts: &mut Vec<Part>) -> Option<()> {
        let state = self.state;
        let value = state.m.at(i, j);
        let mut open = 0;
        for u in i..j {
            if u > i && value == state.m.at(i, u - 1) + state.m1.at(u, j) {
                parts.extend([Part::Some(i, u - 1), Part::One(u, j)]);
                return Some(());
            }
            if value == open + state.m1.at(u, j) {
                parts.push(Part::One(u, j));
                return Some(());
            }
            open = (open + self.energy.whole.tables.ml_unpaired + self.unpaired(u)).min(INFINITE);
        }
        None
    }
}
