//! What the reactivities of a SHAPE experiment say of pairs.

/// Pseudo-energies from SHAPE reactivities (Deigan, Li, Mathews and Weeks 2009, doi:10.1073/pnas.0806929106)
///
/// ```text
/// dG(i) = slope ln(reactivity(i) + 1) + intercept     kcal/mol, for each stack that base i is part of
/// ```
///
/// so that a base that reacts little is the sooner paired, and one that reacts much the less. Both numbers belong to reactivities scaled as usual, where most lie
/// from 0 to 2.
///
/// | what | meaning | default, of Hajdin et al. 2013, doi:10.1073/pnas.1219988110, and of RNAfold |
/// |---|---|---|
/// | `slope` | kcal/mol; `m` | 1.8 |
/// | `intercept` | kcal/mol; `b` | -0.6 |
///
/// ```
/// use hairpin_fold::{Constraints, Deigan, Folder, Settings, Workspace};
///
/// let seq = b"GGCAUCGAAAGAUGCC";
/// let reactivities = [f64::NAN, 2.0, 2.0, 0.1, 0.0, 0.0, 0.9, 1.2, 1.1, 0.8, 0.0, 0.1, 0.0, 1.9, 2.2, -999.0];
/// let constraints = Constraints::default().with_stacked_kcal(Deigan::default().energies(&reactivities));
/// let folder = Folder::turner_2004(Settings::default())?;
/// let mfe = folder.mfe_with(&mut Workspace::default(), seq, &constraints)?;
/// assert_eq!(mfe.structure().to_string(), "..((((....))))..");
/// # Ok::<(), hairpin_fold::FoldError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deigan {
    /// `m`, in kcal/mol.
    pub slope: f64,
    /// `b`, in kcal/mol.
    pub intercept: f64,
}

impl Default for Deigan {
    fn default() -> Self {
        Self {
            slope: 1.8,
            intercept: -0.6,
        }
    }
}

impl Deigan {
    /// The pseudo-energy of one base, in kcal/mol. A negative reactivity (-999 in many files) and NaN say that it was not measured: 0.
    pub fn kcal(&self, reactivity: f64) -> f64 {
        if reactivity >= 0.0 {
            self.slope * reactivity.ln_1p() + self.intercept
        } else {
            0.0
        }
    }

    /// The pseudo-energies of all bases, for [`Constraints::with_stacked_kcal`](crate::Constraints::with_stacked_kcal), which refuses infinite ones.
    pub fn energies(&self, reactivities: &[f64]) -> Vec<f64> {
        reactivities.iter().map(|&x| self.kcal(x)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_equation() {
        let default = Deigan::default();
        assert_eq!(default.kcal(0.0), -0.6);
        let one = std::f64::consts::E - 1.0;
        assert!((default.kcal(one) - 1.2).abs() < 1e-12);
        assert_eq!([-999.0, -0.1, f64::NAN].map(|x| default.kcal(x)), [0.0; 3]);
        let own = Deigan {
            slope: 2.6,
            intercept: -0.8,
        };
        let energies = own.energies(&[0.0, one, -1.0]);
        assert!((energies[1] - 1.8).abs() < 1e-12);
        assert_eq!((energies[0], energies[2]), (-0.8, 0.0));
    }
}
