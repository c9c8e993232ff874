//! How much a motif says, in bits.

use super::background::Background;
use super::frequency::FrequencyMatrix;
use crate::Alphabet;

impl<A: Alphabet> FrequencyMatrix<A> {
    /// The information content of every position against a background, in bits:
    ///
    /// ```text
    /// R[i] = sum over s of f[i, s] * log2(f[i, s] / b[s])        with 0 * log 0 = 0
    /// ```
    ///
    /// Against the uniform background it is `log2(symbols)` less the entropy, at most 2 bits for a base (Schneider et al. 1986,
    /// doi:10.1016/0022-2836(86)90165-8). [`small_sample_correction`] says how much of it a few sites show by chance.
    ///
    /// ```
    /// use hairpin_seq::motif::{Background, FrequencyMatrix};
    /// use hairpin_seq::Dna;
    ///
    /// let motif = FrequencyMatrix::<Dna>::new(vec![1.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0])?;
    /// assert_eq!(motif.information(&Background::uniform()), [2.0, 1.0]);
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    pub fn information(&self, background: &Background<A>) -> Vec<f64> {
        let of_row = |row: &[f64]| {
            let pairs = row.iter().zip(background.frequencies());
            let terms = pairs.filter(|(f, _)| **f > 0.0);
            terms.map(|(f, b)| f * (f / b).log2()).sum()
        };
        self.rows.iter().map(of_row).collect()
    }

    /// The sum of [`information`](Self::information) over the positions, in bits.
    pub fn total_information(&self, background: &Background<A>) -> f64 {
        self.information(background).iter().sum()
    }
}

/// The information that `sites` random sites show at a position on average although there is none, in bits, by the
/// approximation of Schneider et al. (1986, doi:10.1016/0022-2836(86)90165-8); subtract it from every position:
///
/// ```text
/// e(n) = (symbols - 1) / (2 * ln 2 * n)
/// ```
///
/// It is infinite for no site.
pub fn small_sample_correction<A: Alphabet>(sites: f64) -> f64 {
    (A::SYMBOLS.len() as f64 - 1.0) / (2.0 * std::f64::consts::LN_2 * sites)
}
