//! How often k residues stand in a row, or nearly in a row.

use crate::encode::check_out;
use crate::kmer::Pattern;
use crate::{Encode, Protein, Seq, SeqError};

/// The most channels of an encoder.
const MOST_CHANNELS: usize = 1 << 22;

/// The seven classes of [`Residues::Seven`], by the code of a residue (`ACDEFGHIKLMNPQRSTVWY`).
const SEVEN: [usize; 20] = [0, 6, 5, 5, 1, 0, 3, 1, 4, 1, 2, 3, 1, 3, 4, 2, 2, 0, 3, 2];

/// What tells residues apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Residues {
    /// Every residue is a class of its own.
    #[default]
    Twenty,
    /// Seven classes by dipole and volume of the side chain: `AGV`, `FILP`, `MSTY`, `HNQW`, `KR`, `DE`, `C`. Shen et al.,
    /// *Predicting protein-protein interactions based only on sequences information*, PNAS 2007 (doi:10.1073/pnas.0607879104).
    Seven,
}

impl Residues {
    fn classes(self) -> usize {
        match self {
            Self::Twenty => 20,
            Self::Seven => 7,
        }
    }

    /// The class of a residue; none of an unknown one.
    fn class(self, code: u8) -> Option<usize> {
        let seven = SEVEN.get(usize::from(code))?;
        Some(match self {
            Self::Twenty => usize::from(code),
            Self::Seven => *seven,
        })
    }
}

/// How often the residues at the positions of each [`Pattern`] occur together: one position with `classes^weight` channels for each
/// pattern, one behind the other, those of a pattern in the order of the classes.
///
/// A window with an unknown residue at a position that counts is left out. Kuang et al., *Profile-based string kernels for remote homology
/// detection*, J. Bioinform. Comput. Biol. 2005 (doi:10.1142/S021972000500120X), has gaps in k-mers of proteins; JPLE (Sasse
/// et al., bioRxiv 2022.10.15.512378) compares RNA-binding proteins by them.
///
/// | option | default | meaning |
/// |---|---|---|
/// | `residues` | required | [`Residues`] |
/// | `patterns` | required; [`triples`](Self::triples): `111`, `1101`, `1011` | the windows |
/// | `frequencies` | `false` | divide by the number of windows counted, each pattern for itself |
///
/// ```
/// use hairpin_seq::protein::{GappedKmers, Residues};
/// use hairpin_seq::{Encode, Protein, Seq};
///
/// let kmers = GappedKmers::new(Residues::Twenty, &["11".parse()?, "101".parse()?])?;
/// let seq: Seq<Protein> = "ACAC".parse()?;
/// let counts = kmers.encode(&seq);
/// assert_eq!(counts.len(), 2 * 20 * 20);
/// assert_eq!((counts[1], counts[20]), (2., 1.)); // AC, CA
/// assert_eq!((counts[400], counts[421]), (1., 1.)); // A.A, C.C
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GappedKmers {
    residues: Residues,
    /// The offsets that count in each pattern, and the pattern's span.
    patterns: Vec<(Vec<usize>, usize)>,
    channels: usize,
    frequencies: bool,
}

impl GappedKmers {
    /// Counts by these patterns.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when there is no pattern, or the channels would be more than 2^22.
    pub fn new(residues: Residues, patterns: &[Pattern]) -> Result<Self, SeqError> {
        let mut channels = 0_usize;
        let mut offsets = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            let more = u32::try_from(pattern.weight())
                .ok()
                .and_then(|weight| residues.classes().checked_pow(weight));
            channels = channels.saturating_add(more.unwrap_or(usize::MAX));
            let runs = pattern.runs().into_iter();
            let positions = runs.flat_map(|(start, length)| start..start + length);
            offsets.push((positions.collect(), pattern.span()));
        }
        if channels == 0 || channels > MOST_CHANNELS {
            return Err(SeqError::Setting {
                name: "channels of gapped k-mers",
                value: channels.to_string(),
                expected: "1 to 4194304; choose patterns with fewer positions that count, or seven classes of residues",
            });
        }
        Ok(Self {
            residues,
            patterns: offsets,
            channels,
            frequencies: false,
        })
    }

    /// Three residues in four or fewer positions: `111`, `1101`, `1011`; 24,000 channels, or 1,029 of seven classes.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn triples(residues: Residues) -> Self {
        let classes = residues.classes();
        Self {
            residues,
            patterns: vec![(vec![0, 1, 2], 3), (vec![0, 1, 3], 4), (vec![0, 2, 3], 4)],
            channels: 3 * classes * classes * classes,
            frequencies: false,
        }
    }

    /// Whether counts are divided by the number of windows counted, each pattern for itself.
    pub fn with_frequencies(self, frequencies: bool) -> Self {
        Self {
            frequencies,
            ..self
        }
    }
}

impl Encode<Protein> for GappedKmers {
    fn channels(&self) -> usize {
        self.channels
    }

    fn positions(&self, _: usize) -> usize {
        1
    }

    fn encode_into(&self, seq: &Seq<Protein>, out: &mut [f32]) {
        check_out("GappedKmers", out.len(), 1, self.channels);
        out.fill(0.0);
        let classes = self.residues.classes();
        let of_residues: Vec<Option<usize>> = seq
            .codes()
            .iter()
            .map(|&code| self.residues.class(code))
            .collect();
        let mut rest = out;
        for (offsets, span) in &self.patterns {
            let (counts, behind) = rest.split_at_mut(classes.pow(offsets.len() as u32));
            rest = behind;
            let mut windows = 0_u32;
            for window in of_residues.windows(*span) {
                let word = offsets
                    .iter()
                    .try_fold(0, |word, &offset| Some(word * classes + window[offset]?));
                if let Some(word) = word {
                    counts[word] += 1.0;
                    windows += 1;
                }
            }
            if self.frequencies && windows > 0 {
                counts.iter_mut().for_each(|count| *count /= windows as f32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Alphabet;
    use proptest::prelude::*;

    fn protein() -> impl Strategy<Value = Seq<Protein>> {
        prop::collection::vec(0_u8..21, 0..30).prop_map(|codes| Seq::from_codes(codes).unwrap())
    }

    #[test]
    fn the_seven_classes_are_those_of_the_paper() {
        for (class, members) in ["AGV", "FILP", "MSTY", "HNQW", "KR", "DE", "C"]
            .iter()
            .enumerate()
        {
            for residue in members.bytes() {
                let code = Protein::code(residue).unwrap();
                assert_eq!(
                    Residues::Seven.class(code),
                    Some(class),
                    "{}",
                    residue as char
                );
            }
        }
        assert_eq!(Residues::Seven.class(Seq::<Protein>::UNKNOWN_CODE), None);
    }

    #[test]
    fn the_usual_patterns_are_three_residues_with_at_most_one_gap() {
        for residues in [Residues::Twenty, Residues::Seven] {
            let patterns = ["111", "1101", "1011"].map(|text| text.parse().unwrap());
            assert_eq!(
                GappedKmers::triples(residues),
                GappedKmers::new(residues, &patterns).unwrap()
            );
        }
    }

    #[test]
    fn too_many_channels_are_refused() {
        let wide: Pattern = "111111".parse().unwrap();
        assert!(GappedKmers::new(Residues::Seven, &[wide]).is_ok());
        for patterns in [vec![], vec![wide]] {
            let error = GappedKmers::new(Residues::Twenty, &patterns).unwrap_err();
            assert!(matches!(error, SeqError::Setting { .. }));
        }
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_search_by_hand(seq in protein(), a in 0_usize..20, b in 0_usize..20) {
            let kmers = GappedKmers::new(Residues::Twenty, &["1001".parse().unwrap()]).unwrap();
            let codes = seq.codes();
            let found = (3..codes.len()).filter(|&i| (codes[i - 3], codes[i]) == (a as u8, b as u8)).count();
            prop_assert_eq!(kmers.encode(&seq)[a * 20 + b], found as f32);
        }

        #[test]
        fn seven_classes_are_sums_of_the_twenty(seq in protein()) {
            let pattern: [Pattern; 1] = ["101".parse().unwrap()];
            let twenty = GappedKmers::new(Residues::Twenty, &pattern).unwrap().encode(&seq);
            let mut joined = vec![0.0; 49];
            for (word, count) in twenty.iter().enumerate() {
                joined[SEVEN[word / 20] * 7 + SEVEN[word % 20]] += count;
            }
            prop_assert_eq!(GappedKmers::new(Residues::Seven, &pattern).unwrap().encode(&seq), joined);
        }

        #[test]
        fn frequencies_add_up_to_one_for_each_pattern(seq in protein()) {
            let kmers = GappedKmers::triples(Residues::Seven);
            let counts = kmers.encode(&seq);
            let frequencies = kmers.with_frequencies(true).encode(&seq);
            for (counts, frequencies) in counts.chunks(343).zip(frequencies.chunks(343)) {
                let total: f32 = counts.iter().sum();
                let sum: f32 = frequencies.iter().sum();
                let expected = f32::from(u8::from(total > 0.0));
                prop_assert!((sum - expected).abs() < 1e-5);
            }
        }
    }
}
