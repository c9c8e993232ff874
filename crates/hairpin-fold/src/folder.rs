//! The model that folds, and the memory it folds in.

use pulp::{Arch, Scalar, WithSimd};

use crate::FoldError;
use crate::bases::Bases;
use crate::choices::Choices;
use crate::constraints::{Constraints, Resolved};
use crate::energy::{Energy, INFINITE, Parameters, Settings};
use crate::mfe::{Mfe, trace};
use crate::partition::{Ensemble, Outside, OutsideState, fits_unscaled, logarithms};
use crate::recursion::{Inside, Lookup, Minimum, Pairs, Semiring, State, Sum, Weights, width};

/// Folds molecules: one set of energies, and the tables that the recursions read, made once.
///
/// A folder is shared between threads; each thread has its own [`Workspace`].
///
/// ```
/// use hairpin_fold::{Folder, Settings, Workspace};
///
/// let folder = Folder::turner_2004(Settings::default())?;
/// let mut workspace = Workspace::default();
/// let mfe = folder.mfe(&mut workspace, b"GGCAUCGAAAGAUGCC")?;
/// assert_eq!((mfe.structure().to_string().as_str(), mfe.kcal()), ("((((((....))))))", -9.0));
///
/// let ensemble = folder.ensemble(&mut workspace, b"GGCAUCGAAAGAUGCC")?;
/// assert!(ensemble.free_energy() < mfe.kcal());
/// assert!(ensemble.pair_probability(2, 15) > 0.99);
/// # Ok::<(), hairpin_fold::FoldError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Folder {
    settings: Settings,
    energy: Energy,
    least: Lookup<i32>,
    pub(crate) sum: Lookup<f64>,
    /// Without the registers of this processor, for the test that they change nothing.
    scalar: bool,
}

/// Memory of the recursions. It grows to the longest molecule it has seen and is used again for the next.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    pub(crate) bases: Bases,
    pub(crate) pairs: Pairs,
    pub(crate) least: State<i32>,
    pub(crate) least_weights: Weights<i32>,
    pub(crate) sum: State<f64>,
    pub(crate) sum_weights: Weights<f64>,
    pub(crate) outside: OutsideState,
}

impl Folder {
    /// With any parameters.
    ///
    /// # Errors
    ///
    /// [`FoldError::Temperature`] below 0 or above 100 degrees Celsius.
    pub fn new(parameters: &Parameters, settings: Settings) -> Result<Self, FoldError> {
        let energy = Energy::new(parameters, &settings)?;
        let kt = energy.kt;
        Ok(Self {
            least: Lookup::new::<Minimum, _>(&energy.whole, |dcal| dcal),
            sum: Lookup::new::<Sum, _>(&energy.summed, |dcal| (-dcal / kt).exp()),
            energy,
            settings,
            scalar: false,
        })
    }

    /// With the parameters that come with the crate.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn turner_2004(settings: Settings) -> Result<Self, FoldError> {
        Self::new(&Parameters::turner_2004(), settings)
    }

    /// The energies it folds with.
    pub fn energy(&self) -> &Energy {
        &self.energy
    }

    /// What it was asked for.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The structure of least free energy.
    ///
    /// # Errors
    ///
    /// [`FoldError::Empty`], [`FoldError::Letter`], [`FoldError::TooLong`].
    pub fn mfe(&self, workspace: &mut Workspace, seq: &[u8]) -> Result<Mfe, FoldError> {
        workspace.bases.read(seq)?;
        self.least(workspace, None)
    }

    /// The structure of least free energy among those that meet the constraints.
    ///
    /// # Errors
    ///
    /// Those of [`mfe`](Self::mfe), and for constraints that cannot be met [`FoldError::NoPair`], [`FoldError::Constraint`],
    /// [`FoldError::Unsatisfiable`], [`FoldError::Length`] or [`FoldError::NotFinite`].
    pub fn mfe_with(
        &self,
        workspace: &mut Workspace,
        seq: &[u8],
        constraints: &Constraints,
    ) -> Result<Mfe, FoldError> {
        workspace.bases.read(seq)?;
        let resolved = constraints.resolve(&workspace.bases)?;
        self.least(workspace, Some(&resolved))
    }

    /// The ensemble of all structures: free energy, probabilities of pairs and of loops.
    ///
    /// # Errors
    ///
    /// [`FoldError::Empty`], [`FoldError::Letter`], [`FoldError::TooLong`].
    pub fn ensemble<'w>(
        &'w self,
        workspace: &'w mut Workspace,
        seq: &[u8],
    ) -> Result<Ensemble<'w>, FoldError> {
        workspace.bases.read(seq)?;
        self.sum(workspace, None)
    }

    /// The ensemble of the structures that meet the constraints.
    ///
    /// # Errors
    ///
    /// Those of [`ensemble`](Self::ensemble) and of [`mfe_with`](Self::mfe_with).
    pub fn ensemble_with<'w>(
        &'w self,
        workspace: &'w mut Workspace,
        seq: &[u8],
        constraints: &Constraints,
    ) -> Result<Ensemble<'w>, FoldError> {
        workspace.bases.read(seq)?;
        let resolved = constraints.resolve(&workspace.bases)?;
        self.sum(workspace, Some(&resolved))
    }

    pub(crate) fn dispatch(&self, recursion: impl WithSimd<Output = ()>) {
        if self.scalar {
            recursion.with_simd(Scalar);
        } else {
            Arch::new().dispatch(recursion);
        }
    }

    pub(crate) fn check_memory(&self, n: usize, bytes_per_entry: usize) -> Result<(), FoldError> {
        let needed = width(n).saturating_mul(n).saturating_mul(bytes_per_entry);
        if needed <= self.settings.memory_limit {
            return Ok(());
        }
        Err(FoldError::TooLong {
            length: n,
            needed_mib: needed >> 20,
            limit_mib: self.settings.memory_limit >> 20,
        })
    }

    fn list_pairs(workspace: &mut Workspace, resolved: Option<&Resolved>) {
        match resolved {
            None => workspace.pairs.list(&workspace.bases, |_, _| true),
            Some(resolved) => workspace
                .pairs
                .list(&workspace.bases, |i, j| resolved.allows(i, j)),
        }
    }

    pub(crate) fn least(
        &self,
        workspace: &mut Workspace,
        resolved: Option<&Resolved>,
    ) -> Result<Mfe, FoldError> {
        let n = workspace.bases.len();
        self.check_memory(n, 13)?;
        Self::list_pairs(workspace, resolved);
        if let Some(resolved) = resolved {
            let weights = &mut workspace.least_weights;
            weights.reset::<Minimum>(n);
            for k in 1..=n {
                weights.unpaired[k] = if resolved.must_pair(k) {
                    Minimum::ZERO
                } else {
                    resolved.unpaired_dcal(k).round() as i32
                };
                weights.paired[k] = resolved.paired_dcal(k).round() as i32;
                weights.stacked[k] = resolved.stacked_dcal(k).round() as i32;
            }
            weights.multiply::<Minimum>();
        }
        let weights = resolved.map(|_| &workspace.least_weights);
        let whole = &self.energy.whole;
        self.dispatch(Inside::<Minimum, _> {
            bases: &workspace.bases,
            lookup: &self.least,
            pairs: &workspace.pairs,
            weights,
            state: &mut workspace.least,
            long_hairpin: |length| whole.hairpin_length(length),
        });
        trace(&Choices {
            bases: &workspace.bases,
            energy: &self.energy,
            pairs: &workspace.pairs,
            weights,
            state: &workspace.least,
        })
    }

    fn sum<'w>(
        &'w self,
        workspace: &'w mut Workspace,
        resolved: Option<&Resolved>,
    ) -> Result<Ensemble<'w>, FoldError> {
        let n = workspace.bases.len();
        self.check_memory(n, 5 * 8 + 2 + 13)?;
        let kt = self.energy.kt;
        let scale = if fits_unscaled(&self.energy, n) && resolved.is_none() {
            None
        } else {
            let stable = self.least(workspace, resolved)?;
            let loops = self
                .energy
                .evaluate_bases(&workspace.bases, stable.structure())?;
            let mut scale = logarithms(&self.energy, n, &loops);
            if let Some(resolved) = resolved {
                let pseudo = resolved.pseudo_dcal(stable.structure());
                for (scale, dcal) in scale[1..].iter_mut().zip(pseudo) {
                    *scale -= dcal / kt;
                }
            }
            Some(scale)
        };
        Self::list_pairs(workspace, resolved);
        let mut log_scale = 0.0;
        if let Some(scale) = &scale {
            let weights = &mut workspace.sum_weights;
            weights.reset::<Sum>(n);
            for (k, &scale) in scale.iter().enumerate().take(n + 1).skip(1) {
                let unpaired = resolved.map_or(0.0, |resolved| resolved.unpaired_dcal(k));
                let paired = resolved.map_or(0.0, |resolved| resolved.paired_dcal(k));
                let must_pair = resolved.is_some_and(|resolved| resolved.must_pair(k));
                weights.unpaired[k] = if must_pair {
                    0.0
                } else {
                    (-unpaired / kt - scale).exp()
                };
                let stacked = resolved.map_or(0.0, |resolved| resolved.stacked_dcal(k));
                weights.paired[k] = (-paired / kt - scale).exp();
                weights.stacked[k] = (-stacked / kt).exp();
                log_scale += scale;
            }
            weights.multiply::<Sum>();
        }
        let weights = scale.as_ref().map(|_| &workspace.sum_weights);
        let summed = &self.energy.summed;
        self.dispatch(Inside::<Sum, _> {
            bases: &workspace.bases,
            lookup: &self.sum,
            pairs: &workspace.pairs,
            weights,
            state: &mut workspace.sum,
            long_hairpin: |length| (-summed.hairpin_length(length) / kt).exp(),
        });
        let z = workspace.sum.z3[1];
        if !(z.is_finite() && z > 0.0) {
            return Err(FoldError::Range { length: n });
        }
        self.dispatch(Outside {
            bases: &workspace.bases,
            lookup: &self.sum,
            pairs: &workspace.pairs,
            weights,
            inside: &workspace.sum,
            windows: None,
            state: &mut workspace.outside,
        });
        Ok(Ensemble {
            workspace,
            log_z: z.ln() + log_scale,
            kt,
            energy: &self.energy,
            weighted: scale.is_some(),
        })
    }
}

const _: () = assert!(INFINITE < i32::MAX / 100);

#[cfg(test)]
mod tests {
    use super::*;

    /// A molecule in which everything occurs, of any length.
    fn molecule(n: usize) -> Vec<u8> {
        let mut x = 12345_u64;
        let mut next = || {
            x = x
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            b"GCAUGCNGCAU"[(x >> 33) as usize % 11]
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn registers_change_nothing() {
        let folder = Folder::turner_2004(Settings::default()).unwrap();
        let scalar = Folder {
            scalar: true,
            ..folder.clone()
        };
        let (mut a, mut b) = (Workspace::default(), Workspace::default());
        for n in [1, 5, 9, 17, 40, 41, 107, 150, 230] {
            let seq = molecule(n);
            assert_eq!(
                folder.mfe(&mut a, &seq).unwrap(),
                scalar.mfe(&mut b, &seq).unwrap()
            );
            for constraints in [
                None,
                Some(Constraints::default().with_unpaired_kcal(vec![0.1; n])),
            ] {
                let resolved =
                    constraints.map(|constraints| constraints.resolve(&a.bases).unwrap());
                let fast = folder.sum(&mut a, resolved.as_ref()).unwrap();
                let slow = scalar.sum(&mut b, resolved.as_ref()).unwrap();
                assert!((fast.log_z - slow.log_z).abs() < 1e-12 * slow.log_z.abs().max(1.0));
                for (x, y) in fast.pairs().zip(slow.pairs()) {
                    assert!(
                        x.0 == y.0 && x.1 == y.1 && (x.2 - y.2).abs() < 1e-12,
                        "{x:?} {y:?}"
                    );
                }
                for position in 1..=n {
                    let (x, y) = (fast.fine_context(position), slow.fine_context(position));
                    assert!(
                        x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-12),
                        "{x:?} {y:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_workspace_forgets_the_molecule_before() {
        let folder = Folder::turner_2004(Settings::default()).unwrap();
        let mut used = Workspace::default();
        for n in [60, 33, 200, 12, 107, 1, 64] {
            let seq = molecule(n);
            let mut fresh = Workspace::default();
            assert_eq!(
                folder.mfe(&mut used, &seq).unwrap(),
                folder.mfe(&mut fresh, &seq).unwrap()
            );
            let again = folder.ensemble(&mut used, &seq).unwrap();
            let first = folder.ensemble(&mut fresh, &seq).unwrap();
            assert_eq!(again.log_z, first.log_z);
            assert!(again.pairs().eq(first.pairs()));
            assert!((1..=n).all(|k| again.fine_context(k) == first.fine_context(k)));
        }
    }
}
