//! Nucleic acids with the codes for several bases kept apart.

use crate::NucleicAcid;
use crate::{Alphabet, Dna, Rna, Seq};

/// DNA with the IUPAC codes kept: `A C G T`, then `R Y S W K M B D H V`; `N` is the unknown base.
///
/// | code | symbol | bases | pairs with |
/// |---|---|---|---|
/// | 0 to 3 | `A C G T` | itself | `T G C A` |
/// | 4 | `R` | A G (purine) | `Y` |
/// | 5 | `Y` | C T (pyrimidine) | `R` |
/// | 6 | `S` | C G (strong) | `S` |
/// | 7 | `W` | A T (weak) | `W` |
/// | 8 | `K` | G T (keto) | `M` |
/// | 9 | `M` | A C (amino) | `K` |
/// | 10 | `B` | C G T (not A) | `V` |
/// | 11 | `D` | A G T (not C) | `H` |
/// | 12 | `H` | A C T (not G) | `D` |
/// | 13 | `V` | A C G (not T) | `B` |
/// | unknown | `N` | any | `N` |
///
/// IUPAC-IUB nomenclature for incompletely specified bases, recommendations 1984 (doi:10.1093/nar/13.9.3021).
///
/// A one-hot row has four channels. The three ways to treat `R`:
///
/// | wish | alphabet | policy | [`UnknownRow`](crate::UnknownRow) |
/// |---|---|---|---|
/// | refuse it | [`Dna`] | default | |
/// | zeros | [`Dna`] | [`Ambiguous::Unknown`](crate::Ambiguous::Unknown) | `Zeros` |
/// | uniform over its bases | [`IupacDna`] | `Ambiguous::Unknown` for `N`, default for the others | `Uniform` |
///
/// ```
/// use hairpin_seq::{Encode, IupacDna, OneHot, Seq, UnknownRow};
///
/// let seq: Seq<IupacDna> = "AR".parse()?;
/// let uniform = OneHot { unknown: UnknownRow::Uniform };
/// assert_eq!(uniform.encode(&seq), [1., 0., 0., 0., /* A or G */ 0.5, 0., 0.5, 0.]);
/// assert_eq!(seq.reverse_complement().to_string(), "YT");
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IupacDna;

/// RNA with the IUPAC codes kept: as [`IupacDna`], with `U` for `T`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IupacRna;

/// The bases of the codes from 4 on, in the order of `SYMBOLS`.
const MEMBERS: [&[u8]; 10] = [
    &[0, 2],
    &[1, 3],
    &[1, 2],
    &[0, 3],
    &[2, 3],
    &[0, 1],
    &[1, 2, 3],
    &[0, 2, 3],
    &[0, 1, 3],
    &[0, 1, 2],
];

/// The partner of each code, unknown last.
const PARTNERS: [u8; 15] = [3, 2, 1, 0, 5, 4, 6, 7, 9, 8, 13, 12, 11, 10, 14];

fn stands_for(code: u8) -> Option<&'static [u8]> {
    let index = usize::from(code).checked_sub(4)?;
    MEMBERS.get(index).copied()
}

fn partner(code: u8) -> u8 {
    PARTNERS.get(usize::from(code)).copied().unwrap_or(code)
}

impl Alphabet for IupacDna {
    const NAME: &'static str = "IUPAC DNA";
    const SYMBOLS: &'static [u8] = b"ACGTRYSWKMBDHV";
    const UNKNOWN: u8 = b'N';
    const CHANNELS: usize = 4;

    fn stands_for(code: u8) -> Option<&'static [u8]> {
        stands_for(code)
    }

    fn counterpart(symbol: u8) -> Option<u8> {
        Dna::counterpart(symbol)
    }

    fn is_ambiguous(symbol: u8) -> bool {
        symbol == b'N'
    }
}

impl Alphabet for IupacRna {
    const NAME: &'static str = "IUPAC RNA";
    const SYMBOLS: &'static [u8] = b"ACGURYSWKMBDHV";
    const UNKNOWN: u8 = b'N';
    const CHANNELS: usize = 4;

    fn stands_for(code: u8) -> Option<&'static [u8]> {
        stands_for(code)
    }

    fn counterpart(symbol: u8) -> Option<u8> {
        Rna::counterpart(symbol)
    }

    fn is_ambiguous(symbol: u8) -> bool {
        symbol == b'N'
    }
}

impl NucleicAcid for IupacDna {
    fn complement(code: u8) -> u8 {
        partner(code)
    }
}

impl NucleicAcid for IupacRna {
    fn complement(code: u8) -> u8 {
        partner(code)
    }
}

impl Seq<IupacDna> {
    /// The RNA with the same sequence: U for T.
    pub fn transcribe(&self) -> Seq<IupacRna> {
        self.with_letters(|symbol| if symbol == b'T' { b'U' } else { symbol })
    }

    /// The same sequence with every code for several bases unknown.
    ///
    /// ```
    /// use hairpin_seq::{IupacDna, Seq};
    ///
    /// assert_eq!("GARY".parse::<Seq<IupacDna>>()?.without_codes().to_string(), "GANN");
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    pub fn without_codes(&self) -> Seq<Dna> {
        self.with_letters(|symbol| symbol)
    }
}

impl Seq<IupacRna> {
    /// The DNA with the same sequence: T for U; the inverse of transcription.
    pub fn reverse_transcribe(&self) -> Seq<IupacDna> {
        self.with_letters(|symbol| if symbol == b'U' { b'T' } else { symbol })
    }

    /// The same sequence with every code for several bases unknown.
    pub fn without_codes(&self) -> Seq<Rna> {
        self.with_letters(|symbol| symbol)
    }
}

/// Nothing is lost: a base is a base, unknown is unknown.
impl From<&Seq<Dna>> for Seq<IupacDna> {
    fn from(seq: &Seq<Dna>) -> Self {
        seq.with_letters(|symbol| symbol)
    }
}

/// Nothing is lost: a base is a base, unknown is unknown.
impl From<&Seq<Rna>> for Seq<IupacRna> {
    fn from(seq: &Seq<Rna>) -> Self {
        seq.with_letters(|symbol| symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partner_of_a_code_stands_for_the_partners_of_its_bases() {
        for code in 4..14 {
            let mut expected: Vec<u8> = stands_for(code)
                .unwrap_or_default()
                .iter()
                .map(|base| 3 - base)
                .collect();
            expected.sort_unstable();
            assert_eq!(stands_for(partner(code)), Some(&expected[..]));
            assert_eq!(partner(partner(code)), code);
        }
        assert_eq!(partner(14), 14);
    }
}
