//! How different the structures of an ensemble are.

use crate::{Ensemble, FoldError, Structure};

impl Ensemble<'_> {
    /// The mean base-pair distance of two structures of the ensemble, its diversity
    ///
    /// ```text
    /// D = sum over i < j of 2 p[i,j] (1 - p[i,j])
    /// ```
    ///
    /// The distance of two structures is the number of pairs that one of them has and the other has not
    /// (Freyhult, Gardner and Moulton 2005, doi:10.1186/1471-2105-6-241).
    pub fn diversity(&self) -> f64 {
        self.pairs().map(|(_, _, p)| 2.0 * p * (1.0 - p)).sum()
    }

    /// The mean base-pair distance from `structure` to a structure of the ensemble
    ///
    /// ```text
    /// d(S) = sum over pairs of S of (1 - p[i,j]) + sum over all other pairs of p[i,j]
    /// ```
    ///
    /// [`centroid`](Self::centroid) has the least.
    ///
    /// # Errors
    ///
    /// [`FoldError::Length`] if the structure has another length.
    pub fn expected_distance(&self, structure: &Structure) -> Result<f64, FoldError> {
        self.check_length(structure)?;
        let all: f64 = self.pairs().map(|(_, _, p)| p).sum();
        let own = (structure.pairs()).map(|(i, j)| 1.0 - 2.0 * self.pair_probability(i, j));
        Ok((all + own.sum::<f64>()).max(0.0))
    }

    /// The entropy of what every base does, in bits (Huynen, Gutell and Konings 1997, doi:10.1006/jmbi.1997.0889)
    ///
    /// ```text
    /// S[i] = - q[i] log2 q[i] - sum over j of p[i,j] log2 p[i,j],    q[i] = 1 - sum over j of p[i,j]
    /// ```
    ///
    /// # Shapes
    ///
    /// `[length]`; base 1 at index 0.
    ///
    /// ```
    /// use hairpin_fold::{Folder, Settings, Workspace};
    ///
    /// let folder = Folder::turner_2004(Settings::default())?;
    /// let mut workspace = Workspace::default();
    /// let entropy = folder.ensemble(&mut workspace, b"GGCAUCGAAAGAUGCC")?.positional_entropy();
    /// assert!(entropy[7] < 0.01 && entropy[0] > entropy[7]); // the first pair frays, the loop is sure
    /// # Ok::<(), hairpin_fold::FoldError>(())
    /// ```
    pub fn positional_entropy(&self) -> Vec<f64> {
        let term = |p: f64| if p > 0.0 { -p * p.log2() } else { 0.0 };
        let mut entropy: Vec<f64> = self.unpaired().into_iter().map(term).collect();
        for (i, j, p) in self.pairs() {
            entropy[i - 1] += term(p);
            entropy[j - 1] += term(p);
        }
        // A probability of 1 and a little gives a little below zero.
        entropy.iter_mut().for_each(|s| *s = s.max(0.0));
        entropy
    }

    /// The probability of every base to be unpaired, base 1 at index 0.
    pub(crate) fn unpaired(&self) -> Vec<f64> {
        let paired = &self.workspace.outside.flows.paired;
        (1..=self.len())
            .map(|k| (1.0 - paired[k]).max(0.0))
            .collect()
    }

    pub(crate) fn check_length(&self, structure: &Structure) -> Result<(), FoldError> {
        if structure.len() == self.len() {
            return Ok(());
        }
        Err(FoldError::Length {
            what: "the structure",
            expected: self.len(),
            found: structure.len(),
        })
    }
}
