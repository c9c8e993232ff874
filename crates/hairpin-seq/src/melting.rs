//! The melting temperature of a DNA duplex.

use crate::{Alphabet, Dna, Seq, SeqError};

/// The gas constant that the parameters were fitted with, in cal / (K mol).
const R: f64 = 1.987;

/// Enthalpy (kcal/mol) and entropy (cal/(K mol)) of the pair of neighbours with codes `[first][second]`, read 5' to 3'.
#[rustfmt::skip]
const STACKS: [[(f64, f64); 4]; 4] = [
    [(-7.9, -22.2), (-8.4, -22.4), (-7.8, -21.0), (-7.2, -20.4)],  // AA AC AG AT
    [(-8.5, -22.7), (-8.0, -19.9), (-10.6, -27.2), (-7.8, -21.0)], // CA CC CG CT
    [(-8.2, -22.2), (-9.8, -24.4), (-8.0, -19.9), (-8.4, -22.4)],  // GA GC GG GT
    [(-7.2, -21.3), (-8.2, -22.2), (-8.5, -22.7), (-7.9, -22.2)],  // TA TC TG TT
];

/// For each end of the duplex.
const END_AT: (f64, f64) = (2.3, 4.1);
const END_GC: (f64, f64) = (0.1, -2.8);

/// For a duplex of one sequence with itself.
const SYMMETRY: (f64, f64) = (0.0, -1.4);

/// The temperature at which half of a perfectly paired DNA duplex has come apart, by nearest neighbours (SantaLucia 1998,
/// doi:10.1073/pnas.95.4.1460, unified parameters and salt correction):
///
/// ```text
/// Tm = 1000 dH / (dS + R ln c) - 273.15                    in degrees Celsius
/// dS = dS(1 M NaCl) + 0.368 (len - 1) ln [Na+]
/// c  = c1 - c2 / 2, c1 the more abundant strand;  c = c1 when the sequence is its own reverse complement
/// [Na+] = Na + K + Tris / 2 + 120 sqrt(Mg - dNTPs)         in mM (von Ahsen et al. 2001, doi:10.1093/clinchem/47.11.1956);
///                                                          without the root where dNTPs bind all the magnesium
/// ```
///
/// | field | default | meaning | unit |
/// |---|---|---|---|
/// | `strand` | 25 | concentration of one strand | nM |
/// | `other_strand` | 25 | concentration of its complement; not used when the sequence is its own | nM |
/// | `sodium` | 50 | Na+ | mM |
/// | `potassium` | 0 | K+ | mM |
/// | `tris` | 0 | Tris buffer | mM |
/// | `magnesium` | 0 | Mg2+ | mM |
/// | `dntps` | 0 | nucleotides, which bind magnesium | mM |
///
/// The model is of short duplexes that melt in two states; beyond some sixty bases it is an extrapolation.
///
/// ```
/// use hairpin_seq::{Dna, MeltingTemperature, Seq};
///
/// let primer: Seq<Dna> = "CGTTCCAAAGATGTGGGCATGAGCTTAC".parse()?;
/// let tm = MeltingTemperature::default().celsius(&primer)?;
/// assert!((tm - 60.32).abs() < 0.01);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeltingTemperature {
    /// Concentration of one strand, nM.
    pub strand: f64,
    /// Concentration of the other strand, nM.
    pub other_strand: f64,
    /// Na+, mM.
    pub sodium: f64,
    /// K+, mM.
    pub potassium: f64,
    /// Tris buffer, mM.
    pub tris: f64,
    /// Mg2+, mM.
    pub magnesium: f64,
    /// Deoxynucleotide triphosphates, mM.
    pub dntps: f64,
}

impl Default for MeltingTemperature {
    fn default() -> Self {
        Self {
            strand: 25.0,
            other_strand: 25.0,
            sodium: 50.0,
            potassium: 0.0,
            tris: 0.0,
            magnesium: 0.0,
            dntps: 0.0,
        }
    }
}

impl MeltingTemperature {
    /// The melting temperature of the sequence with its complement, in degrees Celsius.
    ///
    /// # Errors
    ///
    /// [`SeqError::TooShort`] for fewer than two bases, [`SeqError::UnknownBase`] at the first unknown one, [`SeqError::Setting`] when a
    /// concentration is negative or not finite, or there is no strand or no salt at all.
    pub fn celsius(&self, seq: &Seq<Dna>) -> Result<f64, SeqError> {
        let salt = self.salt()?;
        let codes = seq.codes();
        let (&[first, ..], &[.., last]) = (codes, codes) else {
            return Err(too_short(0));
        };
        if codes.len() < 2 {
            return Err(too_short(codes.len()));
        }
        if let Some(index) = codes
            .iter()
            .position(|&code| usize::from(code) >= Dna::CHANNELS)
        {
            return Err(SeqError::UnknownBase {
                position: index + 1,
                needed_by: "the melting temperature",
            });
        }
        let own_partner = *seq == seq.reverse_complement();
        let strands = self.strand.max(self.other_strand);
        let concentration = if own_partner {
            self.strand
        } else {
            strands - self.strand.min(self.other_strand) / 2.0
        };
        if concentration <= 0.0 {
            return Err(setting("strand", concentration));
        }
        let end = |code| {
            if code == 0 || code == 3 {
                END_AT
            } else {
                END_GC
            }
        };
        let stacks = codes
            .windows(2)
            .map(|pair| STACKS[usize::from(pair[0])][usize::from(pair[1])]);
        let (mut enthalpy, mut entropy) = [end(first), end(last)]
            .into_iter()
            .chain(own_partner.then_some(SYMMETRY))
            .chain(stacks)
            .fold((0.0, 0.0), |sum, term| (sum.0 + term.0, sum.1 + term.1));
        enthalpy *= 1000.0;
        entropy += 0.368 * (codes.len() - 1) as f64 * (salt * 1e-3).ln();
        Ok(enthalpy / (entropy + R * (concentration * 1e-9).ln()) - 273.15)
    }

    /// The sodium that the salts are worth together, in mM.
    fn salt(&self) -> Result<f64, SeqError> {
        for (name, value) in [
            ("strand", self.strand),
            ("other_strand", self.other_strand),
            ("sodium", self.sodium),
            ("potassium", self.potassium),
            ("tris", self.tris),
            ("magnesium", self.magnesium),
            ("dntps", self.dntps),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(setting(name, value));
            }
        }
        let free = (self.magnesium - self.dntps).max(0.0);
        let salt = self.sodium + self.potassium + self.tris / 2.0 + 120.0 * free.sqrt();
        if salt > 0.0 {
            Ok(salt)
        } else {
            Err(setting("salt", salt))
        }
    }
}

fn too_short(length: usize) -> SeqError {
    SeqError::TooShort {
        length,
        least: 2,
        needed_by: "the melting temperature",
    }
}

fn setting(name: &'static str, value: f64) -> SeqError {
    SeqError::Setting {
        name,
        value: value.to_string(),
        expected: "a finite concentration; strand and salt above 0, the others not below",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_read_alike_from_both_strands() {
        for first in 0..4 {
            for second in 0..4 {
                assert_eq!(STACKS[first][second], STACKS[3 - second][3 - first]);
            }
        }
    }

    #[test]
    fn what_cannot_be_computed_is_refused() {
        let celsius = |options: MeltingTemperature, text: &str| {
            let policy = crate::Policy {
                ambiguous: crate::Ambiguous::Unknown,
                ..crate::Policy::default()
            };
            let seq = Seq::parse(text, policy).expect("valid");
            options.celsius(&seq).map_err(|error| error.to_string())
        };
        let default = MeltingTemperature::default();
        let starts = |found: Result<f64, String>, start: &str| {
            assert!(
                found.as_ref().is_err_and(|e| e.starts_with(start)),
                "{found:?}"
            );
        };
        starts(celsius(default, ""), "the sequence has 0 positions");
        starts(celsius(default, "A"), "the sequence has 1 positions");
        starts(celsius(default, "ACN"), "position 3: the base is unknown");
        let sodium = |sodium| MeltingTemperature { sodium, ..default };
        starts(celsius(sodium(0.0), "ACG"), "salt is 0");
        starts(celsius(sodium(f64::NAN), "ACG"), "sodium is NaN");
        starts(celsius(sodium(-1.0), "ACG"), "sodium is -1");
        let strand = |strand| MeltingTemperature {
            strand,
            other_strand: strand,
            ..default
        };
        starts(celsius(strand(0.0), "ACG"), "strand is 0");
    }
}
