//! All structures within an energy band above the least.

use std::collections::BTreeMap;

use crate::choices::{Choice, Choices, Part};
use crate::energy::INFINITE;
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
            choices: Choices {
                bases: &workspace.bases,
                energy: self.energy(),
                pairs: &workspace.pairs,
                weights: resolved.as_ref().map(|_| &workspace.least_weights),
                state: &workspace.least,
            },
            most: least.saturating_add(band),
        };
        Ok(search.run(least, limit.min(room.max(1))))
    }
}

/// Pairs that are chosen, and parts that are not. Its energy is the least that any choice of them gives, so that it stands for one structure at least,
/// and no two of them for the same.
#[derive(Clone, Debug)]
struct Partial {
    structure: Structure,
    parts: Vec<Part>,
}

struct Search<'a> {
    choices: Choices<'a>,
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
            structure: Structure::open(self.choices.bases.len()),
            parts: vec![Part::Suffix(1)],
        };
        waiting.insert((least, serial), first);
        let mut choices: Vec<Choice> = Vec::new();
        while let Some(((dcal, _), mut partial)) = waiting.pop_first() {
            // As many as there is room for in the answer.
            let room = limit - found.len() - 1;
            while let Some(part) = partial.parts.pop() {
                choices.clear();
                let value = self.choices.of(part, self.most - dcal, &mut choices);
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
}
