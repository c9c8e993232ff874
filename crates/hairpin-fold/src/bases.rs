//! A molecule as the recursions read it: one small number per base, with nothing before its first and after its last.

use crate::FoldError;

/// Bases `N A C G U`, in the order of the energy tables.
pub(crate) const N_CODES: usize = 5;
/// No pair, then `CG GC GU UG AU UA`.
pub(crate) const N_TYPES: usize = 7;
/// A pair type with two neighbours.
pub(crate) const N_CORNERS: usize = N_TYPES * N_CODES * N_CODES;

/// Fewest unpaired bases in a hairpin loop.
pub(crate) const MIN_HAIRPIN: usize = 3;
/// Most unpaired bases in a bulge or an internal loop that the recursions look at, as in ViennaRNA.
pub(crate) const MAX_INTERNAL: usize = 30;

/// The pair type of two bases, `[5' base][3' base]`; 0 for those that do not pair.
const PAIR: [[u8; N_CODES]; N_CODES] = [
    [0, 0, 0, 0, 0],
    [0, 0, 0, 0, 5],
    [0, 0, 0, 1, 0],
    [0, 0, 2, 0, 3],
    [0, 6, 0, 4, 0],
];

/// The codes of a molecule, numbered from 1. Positions 0 and `n + 1` exist and hold the code of N.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bases {
    codes: Vec<u8>,
}

impl Bases {
    /// Reads `A C G U T N` into this buffer; positions in errors count from 1.
    pub(crate) fn read(&mut self, seq: &[u8]) -> Result<(), FoldError> {
        if seq.is_empty() {
            return Err(FoldError::Empty);
        }
        self.codes.clear();
        self.codes.push(0);
        for (index, &byte) in seq.iter().enumerate() {
            self.codes.push(match byte {
                b'A' => 1,
                b'C' => 2,
                b'G' => 3,
                b'U' | b'T' => 4,
                b'N' => 0,
                _ => {
                    return Err(FoldError::Letter {
                        position: index + 1,
                        found: char::from(byte),
                    });
                }
            });
        }
        self.codes.push(0);
        Ok(())
    }

    pub(crate) fn parse(seq: &[u8]) -> Result<Self, FoldError> {
        let mut bases = Self::default();
        bases.read(seq)?;
        Ok(bases)
    }

    pub(crate) fn len(&self) -> usize {
        self.codes.len().saturating_sub(2)
    }

    #[inline(always)]
    pub(crate) fn code(&self, position: usize) -> usize {
        usize::from(self.codes[position])
    }

    #[inline(always)]
    pub(crate) fn pair_type(&self, i: usize, j: usize) -> usize {
        usize::from(PAIR[self.code(i)][self.code(j)])
    }

    /// The pair `i < j` seen from inside the loop it closes: its type and the bases `i + 1`, `j - 1`.
    #[inline(always)]
    pub(crate) fn closing(&self, i: usize, j: usize) -> usize {
        corner(self.pair_type(i, j), self.code(i + 1), self.code(j - 1))
    }

    /// The pair `p < q` seen from the loop around it: the type of `(q, p)` and the bases `q + 1`, `p - 1`.
    #[inline(always)]
    pub(crate) fn entering(&self, p: usize, q: usize) -> usize {
        corner(self.pair_type(q, p), self.code(q + 1), self.code(p - 1))
    }

    /// The codes of `from..=to`, as a number in base 5 with a leading 1.
    pub(crate) fn word(&self, from: usize, to: usize) -> u64 {
        word(&self.codes[from..=to])
    }
}

/// Codes as a number in base 5 with a leading 1, so that words of different lengths differ. At most 20 codes are kept apart.
pub(crate) fn word(codes: &[u8]) -> u64 {
    codes.iter().fold(1, |word: u64, &code| {
        word.wrapping_mul(N_CODES as u64)
            .wrapping_add(u64::from(code))
    })
}

/// Index of a pair type with its two neighbours.
#[inline(always)]
pub(crate) fn corner(pair: usize, first: usize, second: usize) -> usize {
    (pair * N_CODES + first) * N_CODES + second
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_letters_and_refuses_others_with_their_position() {
        let bases = Bases::parse(b"ACGUTN").unwrap();
        let codes: Vec<usize> = (0..=7).map(|k| bases.code(k)).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 4, 0, 0]);
        assert!(matches!(Bases::parse(b""), Err(FoldError::Empty)));
        assert!(matches!(
            Bases::parse(b"ACgU"),
            Err(FoldError::Letter {
                position: 3,
                found: 'g'
            })
        ));
    }

    #[test]
    fn six_pairs_and_no_others() {
        let bases = Bases::parse(b"CGUANACG").unwrap();
        let pairs: usize = (1..=4)
            .flat_map(|i| (1..=4).map(move |j| (i, j)))
            .filter(|&(i, j)| bases.pair_type(i, j) > 0)
            .count();
        assert_eq!(pairs, 6);
        assert!((1..=8).all(|k| bases.pair_type(5, k) == 0));
        // G-U: closing (2, 3) has no room, but corners are plain arithmetic.
        assert_eq!(bases.pair_type(2, 3), 3);
        assert_eq!(bases.entering(2, 3), corner(4, 1, 2));
    }
}
