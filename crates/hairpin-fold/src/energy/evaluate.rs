//! The energy of a structure, loop by loop.

use super::Energy;
use crate::bases::{Bases, MIN_HAIRPIN};
use crate::{FoldError, Structure};

/// What kind of loop a pair closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoopKind {
    /// Outside of all pairs.
    Exterior,
    /// No pair inside.
    Hairpin,
    /// One pair inside, directly stacked.
    Stack,
    /// One pair inside, unpaired bases on one side.
    Bulge,
    /// One pair inside, unpaired bases on both sides.
    Internal,
    /// Two or more pairs inside.
    Multi,
}

/// One loop and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// What it is.
    pub kind: LoopKind,
    /// The pair that closes it, from 1; none for the exterior.
    pub closing: Option<(usize, usize)>,
    /// The pairs directly inside of it.
    pub branches: Vec<(usize, usize)>,
    /// Its energy in dcal/mol.
    pub dcal: i32,
}

/// The energy of a structure and of every loop in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    loops: Vec<Loop>,
}

impl Evaluation {
    /// The loops: the exterior first, then by the 5' base of the closing pair.
    pub fn loops(&self) -> &[Loop] {
        &self.loops
    }

    /// The energy of the structure in dcal/mol (1/100 kcal/mol).
    pub fn dcal(&self) -> i32 {
        self.loops.iter().map(|one| one.dcal).sum()
    }

    /// The energy of the structure in kcal/mol.
    pub fn kcal(&self) -> f64 {
        f64::from(self.dcal()) / 100.0
    }
}

impl Energy {
    /// The energy of `structure` on `seq`.
    ///
    /// # Errors
    ///
    /// As for any sequence ([`FoldError::Empty`], [`FoldError::Letter`]); [`FoldError::Length`] if the structure has another length;
    /// [`FoldError::NoPair`] if it pairs bases other than AU, CG, GU, or leaves fewer than three bases in a hairpin.
    pub fn evaluate(&self, seq: &[u8], structure: &Structure) -> Result<Evaluation, FoldError> {
        self.evaluate_bases(&Bases::parse(seq)?, structure)
    }

    pub(crate) fn evaluate_bases(
        &self,
        bases: &Bases,
        structure: &Structure,
    ) -> Result<Evaluation, FoldError> {
        if structure.len() != bases.len() {
            return Err(FoldError::Length {
                what: "the structure",
                expected: bases.len(),
                found: structure.len(),
            });
        }
        let mut loops = vec![self.exterior(bases, structure)];
        for (i, j) in structure.pairs() {
            let refuse = |reason| Err(FoldError::NoPair { i, j, reason });
            if bases.pair_type(i, j) == 0 {
                return refuse("only AU, CG and GU do");
            }
            if j - i <= MIN_HAIRPIN {
                return refuse("a hairpin has three bases at least");
            }
            loops.push(self.closed_by(bases, structure, i, j));
        }
        Ok(Evaluation { loops })
    }

    fn exterior(&self, bases: &Bases, structure: &Structure) -> Loop {
        let branches = branches(structure, 1, bases.len());
        let dcal = (branches.iter())
            .map(|&(p, q)| self.whole.exterior(bases, p, q))
            .sum();
        Loop {
            kind: LoopKind::Exterior,
            closing: None,
            branches,
            dcal,
        }
    }

    fn closed_by(&self, bases: &Bases, structure: &Structure, i: usize, j: usize) -> Loop {
        let branches = branches(structure, i + 1, j - 1);
        let (kind, dcal) = match branches[..] {
            [] => (LoopKind::Hairpin, self.whole.hairpin(bases, i, j)),
            [(p, q)] => {
                let kind = match (p - i - 1, j - q - 1) {
                    (0, 0) => LoopKind::Stack,
                    (0, _) | (_, 0) => LoopKind::Bulge,
                    _ => LoopKind::Internal,
                };
                (kind, self.whole.interior(bases, i, j, p, q))
            }
            _ => {
                let unpaired = (j - i - 1) - branches.iter().map(|(p, q)| q - p + 1).sum::<usize>();
                let branching: i32 = (branches.iter())
                    .map(|&(p, q)| {
                        let (five, three) = (bases.code(p - 1), bases.code(q + 1));
                        self.whole.multi_branch(bases.pair_type(p, q), five, three)
                    })
                    .sum();
                let closing = self.whole.multi_closing(bases, i, j);
                let unpaired = self.whole.tables.ml_unpaired * unpaired as i32;
                (LoopKind::Multi, closing + branching + unpaired)
            }
        };
        Loop {
            kind,
            closing: Some((i, j)),
            branches,
            dcal,
        }
    }
}

/// The outermost pairs within `from..=to`.
fn branches(structure: &Structure, from: usize, to: usize) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut position = from;
    while position <= to {
        match structure.partner(position) {
            Some(partner) => {
                found.push((position, partner));
                position = partner + 1;
            }
            None => position += 1,
        }
    }
    found
}
