//! Composition, length, and how properties of residues vary along the chain.

use crate::encode::check_out;
use crate::{Encode, Protein, Seq, SeqError};

/// Number of properties.
const PROPERTIES: usize = 5;

/// Number of channels without lags: twenty shares, the length, and the five variances.
const WITHOUT_LAGS: usize = 20 + 1 + PROPERTIES;

/// The properties of the residues `ACDEFGHIKLMNPQRSTVWY`: hydropathy (Kyte and Doolittle 1982, doi:10.1016/0022-2836(82)90515-0), volume in
/// Å³ (Zamyatnin 1972, doi:10.1016/0079-6107(72)90005-3), charge at pH 7, and propensities of helix and strand (Chou and Fasman 1978,
/// doi:10.1146/annurev.bi.47.070178.001343).
#[rustfmt::skip]
const SCALES: [[f64; 20]; PROPERTIES] = [
    [1.8, 2.5, -3.5, -3.5, 2.8, -0.4, -3.2, 4.5, -3.9, 3.8, 1.9, -3.5, -1.6, -3.5, -4.5, -0.8, -0.7, 4.2, -0.9, -1.3],
    [88.6, 108.5, 111.1, 138.4, 189.9, 60.1, 153.2, 166.7, 168.6, 166.7, 162.9, 114.1, 112.7, 143.8, 173.4, 89.0, 116.1, 140.0, 227.8, 193.6],
    [0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 0.1, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [1.42, 0.70, 1.01, 1.51, 1.13, 0.57, 1.00, 1.08, 1.16, 1.21, 1.45, 0.67, 0.57, 1.11, 0.98, 0.77, 0.83, 1.06, 1.08, 0.69],
    [0.83, 1.19, 0.54, 0.37, 1.38, 0.75, 0.87, 1.60, 0.74, 1.30, 1.05, 0.89, 0.55, 1.10, 0.93, 0.75, 1.19, 1.70, 1.37, 1.47],
];

/// Twenty shares of residues, the logarithm of the length, and the auto-covariances of five properties: one position with `26 + 5 lags`
/// channels.
///
/// With `h_i` a property of residue `i`, brought to mean 0 and variance 1 over the twenty residues, and `h` its mean over the protein,
///
/// ```text
/// AC(lag) = 1 / (L - lag) Σ_i (h_i - h) (h_{i + lag} - h)        lag 0, 1, ..., of each property one behind the other
/// ```
///
/// Properties are hydropathy, volume, charge, and propensities of helix and strand. Unknown residues are left out of shares, means and
/// sums; lags that no pair of residues has are 0. Dong, Zhou and Guan, *A new taxonomy-based protein fold recognition approach based
/// on autocross-covariance transformation*, Bioinformatics 2009 (doi:10.1093/bioinformatics/btp500).
///
/// ```
/// use hairpin_seq::protein::PhysicoChemical;
/// use hairpin_seq::{Encode, Protein, Seq};
///
/// let encoder = PhysicoChemical::new(8)?;
/// let seq: Seq<Protein> = "MKKLAVEE".parse()?;
/// let features = encoder.encode(&seq);
/// assert_eq!(features.len(), 26 + 5 * 8);
/// assert_eq!(features[3], 0.25); // two of eight are E
/// assert_eq!(features[20], 8_f32.ln());
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhysicoChemical {
    lags: usize,
}

impl PhysicoChemical {
    /// Auto-covariances up to this lag; 30 are usual, and 0 is the variances alone.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when there are more than 1000.
    pub fn new(lags: usize) -> Result<Self, SeqError> {
        match lags {
            0..=1000 => Ok(Self { lags }),
            _ => Err(SeqError::Setting {
                name: "lags",
                value: lags.to_string(),
                expected: "0 to 1000",
            }),
        }
    }
}

/// A scale with mean 0 and variance 1 over the twenty residues.
fn standard(scale: &[f64; 20]) -> [f64; 20] {
    let mean = scale.iter().sum::<f64>() / 20.0;
    let variance = scale.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 20.0;
    scale.map(|v| (v - mean) / variance.sqrt())
}

impl Encode<Protein> for PhysicoChemical {
    fn channels(&self) -> usize {
        WITHOUT_LAGS + PROPERTIES * self.lags
    }

    fn positions(&self, _: usize) -> usize {
        1
    }

    fn encode_into(&self, seq: &Seq<Protein>, out: &mut [f32]) {
        check_out(
            "PhysicoChemical",
            out.len(),
            1,
            Encode::<Protein>::channels(self),
        );
        out.fill(0.0);
        let codes = seq.codes();
        let known = codes.len() - seq.count_unknown();
        if known == 0 {
            return;
        }
        for &code in codes {
            if let Some(share) = out[..20].get_mut(usize::from(code)) {
                *share += 1.0;
            }
        }
        out[..20]
            .iter_mut()
            .for_each(|share| *share /= known as f32);
        out[20] = (known as f32).ln();
        for (property, covariances) in out[21..].chunks_mut(self.lags + 1).enumerate() {
            let scale = standard(&SCALES[property]);
            let along: Vec<Option<f64>> = codes
                .iter()
                .map(|&code| scale.get(usize::from(code)).copied())
                .collect();
            let mean = along.iter().flatten().sum::<f64>() / known as f64;
            for (lag, covariance) in covariances.iter_mut().enumerate() {
                let pairs = along.iter().zip(along.iter().skip(lag));
                let (mut sum, mut n) = (0.0, 0_u32);
                for (a, b) in pairs.filter_map(|(a, b)| Some(((*a)?, (*b)?))) {
                    sum += (a - mean) * (b - mean);
                    n += 1;
                }
                *covariance = (sum / f64::from(n.max(1))) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn covariances_are_those_computed_on_paper() {
        // Charges +, -, +, -: the mean is 0, and every neighbour has the opposite sign.
        let features = PhysicoChemical::new(2)
            .unwrap()
            .encode(&"KDKD".parse().unwrap());
        let charge = &features[21 + 2 * 3..21 + 3 * 3];
        let scale = standard(&SCALES[2]);
        // K is code 8 and D code 2 of the alphabet.
        let half = (scale[8] - scale[2]) / 2.0;
        for (found, sign) in charge.iter().zip([1.0, -1.0, 1.0]) {
            assert!(
                (f64::from(*found) - sign * half * half).abs() < 1e-5,
                "{charge:?}"
            );
        }
        assert!(PhysicoChemical::new(1001).is_err());
        assert!(
            PhysicoChemical::new(3)
                .unwrap()
                .encode(&Seq::from_codes(vec![20; 4]).unwrap())
                .iter()
                .all(|&v| v == 0.0)
        );
    }

    proptest! {
        #[test]
        fn a_protein_and_its_reverse_have_the_same_features(codes in prop::collection::vec(0_u8..21, 0..40)) {
            let seq: Seq<Protein> = Seq::from_codes(codes).unwrap();
            let encoder = PhysicoChemical::new(5).unwrap();
            for (a, b) in encoder.encode(&seq).iter().zip(encoder.encode(&seq.reverse())) {
                prop_assert!((a - b).abs() < 1e-4 && a.is_finite());
            }
        }

        #[test]
        fn scales_are_standard(property in 0..PROPERTIES) {
            let scale = standard(&SCALES[property]);
            let mean = scale.iter().sum::<f64>() / 20.0;
            let variance = scale.iter().map(|v| v * v).sum::<f64>() / 20.0;
            prop_assert!(mean.abs() < 1e-12 && (variance - 1.0).abs() < 1e-12);
        }
    }
}
