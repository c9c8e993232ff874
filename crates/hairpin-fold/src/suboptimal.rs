//! All structures within an energy band above the least.

use std::collections::BTreeMap;

use crate::bases::{Bases, MAX_INTERNAL, MIN_HAIRPIN};
use crate::energy::{Energy, INFINITE};
use crate::recursion::{Minimum, Pairs, State, Weights};
use crate::{Constraints, FoldError, Folder, Structure, Workspace};

/// The structures within an energy band, the least energy first; those of the same energy in the order of their dot-bracket text.
#[derive(Clone, Debug, PartialEq)]
pub struct Suboptimal {
    structures: Vec<(Structure, i32)>,
    complete: bool,
}

impl Suboptimal {
    /// The structures, each with its energy in dcal/mol (1/100 kcal/mol), with the pseudo-energies if there are any.
    pub fn structures(&self) -> &[(Structure, i32)] {
        &self.structures
    }

    /// Whether these are all structures of the band. If not, the limit was reached, and these are the ones of least energy; which of several with the
    /// last energy is left open.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

impl Folder {
    /// All structures with an energy of at most the least plus `band_kcal` kcal/mol (Wuchty, Fontana, Hofacker and Schuster 1999,
    /// doi:10.1002/(SICI)1097-0282(199902)49:2<145::AID-BIP4>3.0.CO;2-G), rounded down to 0.01, in order.
    ///
    /// Their number grows exponentially with the band and the length. No more than `limit`, and no more than
    /// [`Settings::memory_limit`](crate::Settings::memory_limit) has room for, are ever held, and [`Suboptimal::is_complete`] says whether that was enough: with
    /// a wide band and a limit, this gives the structures of least energy.
    ///
    /// ```
    /// use hairpin_fold::{Folder, Settings, Workspace};
    ///
    /// let folder = Folder::turner_2004(Settings::default())?;
    /// let mut workspace = Workspace::default();
    /// let found = folder.suboptimal(&mut workspace, b"GGCAUCGAAAGAUGCC", 1.5, 1000)?;
    /// assert!(found.is_complete());
    /// let text: Vec<String> = found.structures().iter().map(|s| format!("{} {}", s.0, s.1)).collect();
    /// assert_eq!(text, ["((((((....)))))) -900"]);
    /// # Ok::<(), hairpin_fold::FoldError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`mfe`](Self::mfe), and [`FoldError::Setting`] if the band is not a finite number from 0 up, or the limit is 0.
    pub fn suboptimal(
        &self,
        workspace: &mut Workspace,
        seq: &[u8],
        band_kcal: f64,
        limit: usize,
    ) -> Result<Suboptimal, FoldError> {
        self.list(workspace, seq, None, band_kcal, limit)
    }

    /// As [`suboptimal`](Self::suboptimal), among the structures that meet the constraints.
    ///
    /// # Errors
    ///
    /// Those of [`suboptimal`](Self::suboptimal) and of [`mfe_with`](Self::mfe_with).
    pub fn suboptimal_with(
        &self,
        workspace: &mut Workspace,
        seq: &[u8],
        constraints: &Constraints,
        band_kcal: f64,
        limit: usize,
    ) -> Result<Suboptimal, FoldError> {
        self.list(workspace, seq, Some(constraints), band_kcal, limit)
    }

    fn list(
        &self,
        workspace: &mut Workspace,
        seq: &[u8],
        constraints: Option<&Constraints>,
        band_kcal: f64,
        limit: usize,
    ) -> Result<Suboptimal, FoldError> {
        if !(band_kcal.is_finite() && band_kcal >= 0.0) {
            return Err(FoldError::Setting {
                name: "the energy band",
                value: band_kcal,
                expected: "give a finite number of kcal/mol from 0 up",
            });
        }
        if limit == 0 {
            return Err(FoldError::Setting {
                name: "the limit of structures",
                value: 0.0,
                expected: "allow one structure at least",
            });
        }
        workspace.bases.read(seq)?;
        let resolved = constraints
            .map(|constraints| constraints.resolve(&workspace.bases))
            .transpose()?;
        let least = self.least(workspace, resolved.as_ref())?.dcal();
        // 1.13 kcal/mol are 113 dcal/mol, whatever the product of the floats is.
        let band = (band_kcal * 100.0 + 1e-6).min(f64::from(INFINITE / 4)) as i32;
        // A structure, as much again for what is unexplained in it, and an entry of the tree.
        let room = self.settings().memory_limit / (20 * seq.len() + 200);
        let search = Search {
            bases: &workspace.bases,
            energy: self.energy(),
            pairs: &workspace.pairs,
            weights: resolved.as_ref().map(|_| &workspace.least_weights),
            state: &workspace.least,
            most: least.saturating_add(band),
        };
        Ok(search.run(least, limit.min(room.max(1))))
    }
}

/// A part of the structure whose pairs are still to be chosen; its least energy stands in an array.
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

/// One way to explain a part: what it costs with the least of everything inside, and the parts that it leaves.
type Choice = (i32, [Option<Part>; 2]);

/// Pairs that are chosen, and parts that are not. Its energy is the least that any choice of them gives, so that it stands for one structure at least,
/// and no two of them for the same.
#[derive(Clone, Debug)]
struct Partial {
    structure: Structure,
    parts: Vec<Part>,
}

struct Search<'a> {
    bases: &'a Bases,
    energy: &'a Energy,
    pairs: &'a Pairs,
    weights: Option<&'a Weights<i32>>,
    state: &'a State<i32>,
    most: i32,
}

impl Search<'_> {
    /// Takes the partial structure of least energy, completes it with the cheapest choices, and keeps the other choices for later.
    fn run(&self, least: i32, limit: usize) -> Suboptimal {
        let mut found = Vec::new();
        let mut complete = true;
        let mut waiting = BTreeMap::new();
        let mut serial = 0_u64;
        let first = Partial {
            structure: Structure::open(self.bases.len()),
            parts: vec![Part::Suffix(1)],
        };
        waiting.insert((least, serial), first);
        let mut choices: Vec<Choice> = Vec::new();
        while let Some(((dcal, _), mut partial)) = waiting.pop_first() {
            // As many as there is room for in the answer.
            let room = limit - found.len() - 1;
            while let Some(part) = partial.parts.pop() {
                choices.clear();
                let value = self.choose(part, self.most - dcal, &mut choices);
                if let Part::Pair(i, j) = part {
                    partial.structure.join(i, j);
                }
                // One of them gives exactly what stands in the array.
                let best = choices.iter().position(|choice| choice.0 == value);
                debug_assert!(best.is_some(), "{part:?} has no explanation");
                for (at, choice) in choices.iter().enumerate() {
                    if Some(at) == best {
                        continue;
                    }
                    serial += 1;
                    let key = (dcal + choice.0 - value, serial);
                    if waiting.len() >= room {
                        complete = false;
                        match waiting.last_entry() {
                            Some(last) if *last.key() > key => last.remove(),
                            _ => continue,
                        };
                    }
                    let mut other = partial.clone();
                    other.parts.extend(choice.1.iter().flatten());
                    waiting.insert(key, other);
                }
                if let Some(best) = best {
                    partial.parts.extend(choices[best].1.iter().flatten());
                }
            }
            found.push((partial.structure, dcal));
        }
        found.sort_by_cached_key(|(structure, dcal)| (*dcal, structure.to_string()));
        Suboptimal {
            structures: found,
            complete,
        }
    }

    fn unpaired(&self, k: usize) -> i32 {
        self.weights.map_or(0, |weights| weights.unpaired[k])
    }

    fn multi_unpaired(&self, k: usize) -> i32 {
        self.energy.whole.tables.ml_unpaired + self.unpaired(k)
    }

    /// The value of `part`, and all choices for it that cost at most `slack` more.
    fn choose(&self, part: Part, slack: i32, choices: &mut Vec<Choice>) -> i32 {
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
            Part::Pair(i, j) => self.choose_loop(i, j, slack, choices),
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
                        if possible(open) && open + one - value <= slack {
                            choices.push((open + one, [Some(Part::One(u, j)), None]));
                        }
                        if u > i {
                            self.split(i, u, j, 0, value + slack, choices);
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

    fn choose_loop(&self, i: usize, j: usize, slack: i32, choices: &mut Vec<Choice>) -> i32 {
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
