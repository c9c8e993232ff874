//! Structures drawn from the ensemble.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bases::{MAX_INTERNAL, MIN_HAIRPIN};
use crate::recursion::Sum;
use crate::{Ensemble, FoldError, Structure};

impl Ensemble<'_> {
    /// `n` structures, each drawn independently with the probability `exp(-E / kT) / Z` that it has in the ensemble
    /// (Ding and Lawrence 2003, doi:10.1093/nar/gkg938).
    ///
    /// The same seed gives the same structures, and fewer of them are the first of more.
    ///
    /// ```
    /// use hairpin_fold::{Folder, Settings, Workspace};
    ///
    /// let folder = Folder::turner_2004(Settings::default())?;
    /// let mut workspace = Workspace::default();
    /// let ensemble = folder.ensemble(&mut workspace, b"GGCAUCGAAAGAUGCC")?;
    /// let structures = ensemble.sample(7, 1000)?;
    /// let closed = structures.iter().filter(|s| s.partner(2) == Some(15)).count();
    /// assert!(closed > 990); // its probability is above 0.999
    /// # Ok::<(), hairpin_fold::FoldError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FoldError::Setting`] for no structure at all.
    pub fn sample(&self, seed: u64, n: usize) -> Result<Vec<Structure>, FoldError> {
        if n == 0 {
            return Err(FoldError::Setting {
                name: "the number of samples",
                value: 0.0,
                expected: "ask for one structure at least",
            });
        }
        let mut structures = Vec::new();
        structures.extend(self.samples(seed).take(n));
        Ok(structures)
    }

    /// As [`sample`](Self::sample), one after the other and without an end: for statistics over more structures than memory holds.
    ///
    /// ```
    /// use hairpin_fold::{Folder, Settings, Workspace};
    ///
    /// let folder = Folder::turner_2004(Settings::default())?;
    /// let mut workspace = Workspace::default();
    /// let ensemble = folder.ensemble(&mut workspace, b"GGCAUCGAAAGAUGCC")?;
    /// let pairs: usize = ensemble.samples(7).take(100).map(|s| s.pairs().count()).sum();
    /// assert!((500..=600).contains(&pairs));
    /// # Ok::<(), hairpin_fold::FoldError>(())
    /// ```
    pub fn samples(&self, seed: u64) -> Samples<'_> {
        Samples {
            ensemble: self,
            rng: ChaCha8Rng::seed_from_u64(seed),
            parts: Vec::new(),
        }
    }
}

/// Structures drawn from an [`Ensemble`], without an end. See [`Ensemble::samples`].
#[derive(Clone, Debug)]
pub struct Samples<'e> {
    ensemble: &'e Ensemble<'e>,
    rng: ChaCha8Rng,
    parts: Vec<Part>,
}

/// A part of the structure whose pairs are still to be drawn.
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
    /// `M2[i,j]`.
    Several(usize, usize),
}

/// Goes through weighted choices until their sum passes what was drawn. Rounding may leave a little at the end: then the last possible one counts.
struct Wheel<T> {
    left: f64,
    last: Option<T>,
}

impl<T> Wheel<T> {
    /// Whether the draw falls on this choice.
    fn falls(&mut self, weight: f64, choice: T) -> bool {
        if weight > 0.0 {
            self.last = Some(choice);
            self.left -= weight;
        }
        self.left < 0.0
    }
}

impl Iterator for Samples<'_> {
    type Item = Structure;

    fn next(&mut self) -> Option<Structure> {
        let mut structure = Structure::open(self.ensemble.len());
        self.parts.push(Part::Suffix(1));
        while let Some(part) = self.parts.pop() {
            match part {
                Part::Suffix(i) => self.suffix(i),
                Part::Pair(i, j) => {
                    structure.join(i, j);
                    self.pair(i, j);
                }
                Part::One(i, j) => self.one(i, j),
                Part::Some(i, j) => self.some(i, j),
                Part::Several(i, j) => self.several(i, j),
            }
        }
        Some(structure)
    }
}

impl Samples<'_> {
    fn spin<T>(&mut self, total: f64) -> Wheel<T> {
        Wheel {
            left: self.rng.random::<f64>() * total,
            last: None,
        }
    }

    fn factor(&self, dcal: f64) -> f64 {
        (-dcal / self.ensemble.kt).exp()
    }

    fn unpaired(&self, k: usize) -> f64 {
        self.ensemble.weights().map_or(1.0, |w| w.unpaired[k])
    }

    /// An unpaired base of a multiloop.
    fn multi_unpaired(&self, k: usize) -> f64 {
        self.factor(self.ensemble.energy.summed.tables.ml_unpaired) * self.unpaired(k)
    }

    fn suffix(&mut self, i: usize) {
        let ensemble = self.ensemble;
        let (bases, pairs) = (&ensemble.workspace.bases, &ensemble.workspace.pairs);
        let state = &ensemble.workspace.sum;
        if i > ensemble.len() {
            return;
        }
        let mut wheel = self.spin(state.z3[i]);
        if !wheel.falls(self.unpaired(i) * state.z3[i + 1], None) {
            for number in pairs.row(i) {
                let j = pairs.partner(number);
                let stem = self.factor(ensemble.energy.summed.exterior(bases, i, j));
                if wheel.falls(state.b.at(i, j) * stem * state.z3[j + 1], Some(j)) {
                    break;
                }
            }
        }
        match wheel.last.flatten() {
            None => self.parts.push(Part::Suffix(i + 1)),
            Some(j) => self.parts.extend([Part::Suffix(j + 1), Part::Pair(i, j)]),
        }
    }

    fn pair(&mut self, i: usize, j: usize) {
        let ensemble = self.ensemble;
        let workspace = ensemble.workspace;
        let state = &workspace.sum;
        let Some(number) = workspace.pairs.number(i, j) else {
            return;
        };
        let loops = &state.loops[number];
        let paired = (ensemble.weights()).map_or(1.0, |w| w.paired[i] * w.paired[j]);
        let mut wheel = self.spin(state.b.at(i, j) / paired);
        if wheel.falls(loops.hairpin, None) {
            return;
        }
        if wheel.falls(loops.multi, Some(Part::Several(i + 1, j - 1))) {
            self.parts.push(Part::Several(i + 1, j - 1));
            return;
        }
        let mut five = 1.0;
        'loops: for left in 0..=MAX_INTERNAL.min(j - i - 2) {
            let p = i + 1 + left;
            if left > 0 {
                five *= self.unpaired(p - 1);
            }
            let mut three = 1.0;
            for right in 0..=MAX_INTERNAL - left {
                let Some(q) = (j - 1).checked_sub(right).filter(|&q| q > p + MIN_HAIRPIN) else {
                    break;
                };
                if right > 0 {
                    three *= self.unpaired(q + 1);
                }
                let inner = state.b.at(p, q);
                if inner > 0.0 {
                    let dcal = (ensemble.energy.summed).interior(&workspace.bases, i, j, p, q);
                    let mut weight = self.factor(dcal) * inner * five * three;
                    if left + right == 0 {
                        weight *= ensemble.weights().map_or(1.0, |w| w.stack::<Sum>(i, j));
                    }
                    if wheel.falls(weight, Some(Part::Pair(p, q))) {
                        break 'loops;
                    }
                }
            }
        }
        self.parts.extend(wheel.last.flatten());
    }

    fn one(&mut self, i: usize, mut j: usize) {
        let ensemble = self.ensemble;
        let (bases, state) = (&ensemble.workspace.bases, &ensemble.workspace.sum);
        // The branch ends where the draw says; what remains of it on the 3' side is unpaired.
        loop {
            let b = state.b.at(i, j);
            let shorter = state.m1.at(i, j - 1) * self.multi_unpaired(j);
            if b > 0.0 {
                let (five, three) = (bases.code(i - 1), bases.code(j + 1));
                let pair = bases.pair_type(i, j);
                let branch =
                    b * self.factor(ensemble.energy.summed.multi_branch(pair, five, three));
                let mut wheel = self.spin(branch + shorter);
                if wheel.falls(branch, ()) || shorter <= 0.0 {
                    self.parts.push(Part::Pair(i, j));
                    return;
                }
            }
            j -= 1;
        }
    }

    fn some(&mut self, i: usize, j: usize) {
        let state = &self.ensemble.workspace.sum;
        let mut wheel = self.spin(state.m.at(i, j));
        let mut open = 1.0;
        for u in i..j {
            let one = state.m1.at(u, j);
            if one > 0.0 {
                if wheel.falls(open * one, (u, false)) {
                    break;
                }
                if u > i && wheel.falls(state.m.at(i, u - 1) * one, (u, true)) {
                    break;
                }
            }
            open *= self.multi_unpaired(u);
        }
        if let Some((u, more)) = wheel.last {
            if more {
                self.parts.push(Part::Some(i, u - 1));
            }
            self.parts.push(Part::One(u, j));
        }
    }

    fn several(&mut self, i: usize, j: usize) {
        let state = &self.ensemble.workspace.sum;
        let total = (i + 1..j).map(|u| state.m.at(i, u - 1) * state.m1.at(u, j));
        let mut wheel = self.spin(total.sum());
        for u in i + 1..j {
            if wheel.falls(state.m.at(i, u - 1) * state.m1.at(u, j), u) {
                break;
            }
        }
        if let Some(u) = wheel.last {
            self.parts.extend([Part::Some(i, u - 1), Part::One(u, j)]);
        }
    }
}
