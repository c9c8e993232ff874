//! [`PeptideFeatures`]: a protein as a vector that needs no trained weights.

use crate::encode::check_out;
use crate::{Encode, Protein, Seq, SeqError};

/// Three residues that count, in windows of three to five.
const PATTERNS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 1, 3],
    [0, 2, 3],
    [0, 1, 4],
    [0, 2, 4],
    [0, 3, 4],
];

/// In the order of the codes, `ACDEFGHIKLMNPQRSTVWY`: hydropathy.
const HYDROPATHY: [f32; 20] = [
    1.8, 2.5, -3.5, -3.5, 2.8, -0.4, -3.2, 4.5, -3.9, 3.8, 1.9, -3.5, -1.6, -3.5, -4.5, -0.8, -0.7,
    4.2, -0.9, -1.3,
];

/// Volume in cubic angstroms.
const VOLUME: [f32; 20] = [
    88.6, 108.5, 111.1, 138.4, 189.9, 60.1, 153.2, 166.7, 168.6, 166.7, 162.9, 114.1, 112.7, 143.8,
    173.4, 89.0, 116.1, 140.0, 227.8, 193.6,
];

/// Charge at pH 7.
const CHARGE: [f32; 20] = [
    0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 0.1, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0,
    0.0,
];

/// F, W and Y, which stack on bases.
const AROMATIC: [usize; 3] = [4, 18, 19];

/// Composition, physico-chemical means and gapped 3-mers of a protein, without any trained weights.
///
/// | channels | what |
/// |---|---|
/// | 20 | share of each residue |
/// | 6 | `ln(1 + length)`; mean hydropathy (Kyte & Doolittle 1982, [doi:10.1016/0022-2836(82)90515-0](https://doi.org/10.1016/0022-2836(82)90515-0)); mean charge; share of charged residues; mean volume in 100 Å³ (Zamyatnin 1972, [doi:10.1016/0079-6107(72)90005-3](https://doi.org/10.1016/0079-6107(72)90005-3)); share of F, W, Y |
/// | as many as asked for | 3-mers with up to two gaps, hashed |
///
/// Gapped k-mers stand for a protein in affinity regression and JPLE, which predict what an RNA-binding protein binds from those that were
/// measured (Pelossof et al. 2015, [doi:10.1038/nbt.3343](https://doi.org/10.1038/nbt.3343)). Here a 3-mer is three residues in a window
/// of three to five, in six patterns; each of the 48,000 is a bucket with a sign, both drawn by a hash, so that inner products are kept on
/// average (Weinberger et al. 2009, [arXiv:0902.2206](https://arxiv.org/abs/0902.2206)). Buckets hold square roots of counts and have length 1
/// together. Unknown residues are left out; a window with one that counts is skipped.
///
/// ```
/// use hairpin_seq::{Encode, PeptideFeatures, Protein, Seq};
///
/// let features = PeptideFeatures::new(256)?;
/// let seq: Seq<Protein> = "MKVLAARGG".parse()?;
/// let vector = features.encode(&seq);
/// assert_eq!(vector.len(), features.channels());
/// assert_eq!(vector[0], 2.0 / 9.0); // A
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeptideFeatures {
    buckets: usize,
}

impl PeptideFeatures {
    /// Channels before the buckets.
    const MEANS: usize = 26;

    /// With so many buckets of gapped 3-mers, 0 for none.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] for more than 65,536.
    pub fn new(buckets: usize) -> Result<Self, SeqError> {
        match buckets {
            0..=65_536 => Ok(Self { buckets }),
            _ => Err(SeqError::Setting {
                name: "the buckets of PeptideFeatures",
                value: buckets.to_string(),
                expected: "0 to 65536",
            }),
        }
    }
}

impl Encode<Protein> for PeptideFeatures {
    fn channels(&self) -> usize {
        Self::MEANS + self.buckets
    }

    fn positions(&self, _len: usize) -> usize {
        1
    }

    fn encode_into(&self, seq: &Seq<Protein>, out: &mut [f32]) {
        check_out("PeptideFeatures", out.len(), 1, self.channels());
        out.fill(0.0);
        let (means, buckets) = out.split_at_mut(Self::MEANS);
        let known = || seq.codes().iter().map(|&code| usize::from(code));
        let known = || known().filter(|&code| code < 20);
        let count = known().count().max(1) as f32;
        let mean = |scale: &dyn Fn(usize) -> f32| known().map(scale).sum::<f32>() / count;
        for code in known() {
            means[code] += 1.0 / count;
        }
        means[20] = (seq.len() as f32).ln_1p();
        means[21] = mean(&|code| HYDROPATHY[code]);
        means[22] = mean(&|code| CHARGE[code]);
        means[23] = mean(&|code| f32::from(u8::from(CHARGE[code].abs() > 0.5)));
        means[24] = mean(&|code| VOLUME[code] / 100.0);
        means[25] = mean(&|code| f32::from(u8::from(AROMATIC.contains(&code))));
        if buckets.is_empty() {
            return;
        }
        let mut words: Vec<u64> = Vec::with_capacity(seq.len() * PATTERNS.len());
        for (pattern, places) in (0_u64..).zip(PATTERNS) {
            for window in seq.codes().windows(places[2] + 1) {
                let residues = places.map(|place| u64::from(window[place]));
                if residues.iter().all(|&residue| residue < 20) {
                    let word = residues.iter().fold(pattern, |word, own| word * 20 + own);
                    words.push(word);
                }
            }
        }
        words.sort_unstable();
        for alike in words.chunk_by(|a, b| a == b) {
            let hash = scattered(alike[0]);
            let value = (alike.len() as f32).sqrt();
            let bucket = (hash >> 1) % buckets.len() as u64;
            buckets[bucket as usize] += if hash & 1 == 0 { value } else { -value };
        }
        let length = buckets.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            buckets.iter_mut().for_each(|value| *value /= length);
        }
    }
}

/// SplitMix64's finaliser (Steele et al. 2014, doi:10.1145/2660193.2660195): neighbours become strangers.
fn scattered(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ambiguous, Policy};

    fn of(text: &str) -> Vec<f32> {
        let policy = Policy {
            ambiguous: Ambiguous::Unknown,
            ..Policy::default()
        };
        let seq: Seq<Protein> = Seq::parse(text, policy).unwrap();
        PeptideFeatures::new(4096).unwrap().encode(&seq)
    }

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a[26..].iter().zip(&b[26..]).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn means_are_those_on_paper() {
        let found = of("RRDFX");
        let expected = [
            6_f32.ln(),
            (-4.5 - 4.5 - 3.5 + 2.8) / 4.0,
            0.25,
            0.75,
            (173.4 + 173.4 + 111.1 + 189.9) / 400.0,
            0.25,
        ];
        for (found, expected) in found[20..26].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        assert_eq!((found[14], found[2], found[0]), (0.5, 0.25, 0.0));
        assert_eq!(of("")[..26], [0.0; 26]);
    }

    #[test]
    fn what_is_alike_is_near_and_what_is_not_is_far() {
        let one = "MKVLAARGGSKNYQDWFPETHICRLMVKSAGDENQYTW";
        let near = one.replace("NYQ", "NFQ");
        let far: String = one.chars().rev().collect();
        assert!((cosine(&of(one), &of(one)) - 1.0).abs() < 1e-5);
        assert!(cosine(&of(one), &of(&near)) > 0.6);
        assert!(cosine(&of(one), &of(&far)).abs() < 0.2);
        // One change touches windows over it only; a residue that is unknown skips them.
        assert_eq!(of("MKX")[26..].iter().filter(|v| **v != 0.0).count(), 0);
        // A 3-mer in each of the two patterns that fit four residues, and 111 twice.
        assert_eq!(of("MKVL")[26..].iter().filter(|v| **v != 0.0).count(), 4);
    }
}
