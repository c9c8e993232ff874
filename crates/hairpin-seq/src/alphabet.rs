//! Alphabets: which symbols a sequence may hold, and the number each one is stored as.

use std::fmt::Debug;
use std::hash::Hash;

/// The symbols of one kind of sequence, in the order of their codes.
///
/// The code of a symbol is its place in [`SYMBOLS`](Self::SYMBOLS) and the channel of that symbol in a one-hot row. A code has
/// a meaning only together with its alphabet: to move between alphabets, go through the symbols.
///
/// An alphabet of your own is four items; the others have defaults. Its symbols are distinct upper-case ASCII letters, and neither
/// [`UNKNOWN`](Self::UNKNOWN) nor a letter that [`is_ambiguous`](Self::is_ambiguous) is one of them.
///
/// ```
/// use hairpin_seq::{Alphabet, Dna, Protein, Rna};
///
/// assert_eq!(Dna::code(b'T'), Some(3));
/// assert_eq!(Rna::code(b'U'), Some(3));
/// assert_eq!(Dna::code(b'U'), None); // a symbol of another alphabet
/// assert_eq!(Dna::code(b'a'), None); // lower case is the policy's business
/// assert_eq!(Protein::code(b'C'), Some(1)); // Dna::code(b'C') is also 1: codes of two alphabets never mix
/// ```
pub trait Alphabet:
    Copy + Clone + Debug + Default + PartialEq + Eq + Hash + Send + Sync + 'static
{
    /// The name used in messages, such as `DNA`.
    const NAME: &'static str;

    /// The symbols, upper case; a symbol's index is its code.
    const SYMBOLS: &'static [u8];

    /// The symbol written for an unknown position: `N` for nucleotides, `X` for proteins.
    const UNKNOWN: u8;

    /// The channels of a one-hot row: how many symbols stand for themselves. They come first in [`SYMBOLS`](Self::SYMBOLS); any
    /// further ones are codes for several of them ([`stands_for`](Self::stands_for)).
    const CHANNELS: usize = Self::SYMBOLS.len();

    /// The channels that a code stands for when it is a symbol for several, such as [`IupacDna`](crate::IupacDna)'s `R`, a purine;
    /// `None` for the symbols that stand for themselves and for the unknown code.
    fn stands_for(_code: u8) -> Option<&'static [u8]> {
        None
    }

    /// The symbol of this alphabet that takes the place of a symbol of its sister alphabet: `T` for `U` in DNA, `U` for `T` in
    /// RNA. [`Counterpart::Convert`](crate::Counterpart::Convert) reads by it.
    fn counterpart(_symbol: u8) -> Option<u8> {
        None
    }

    /// Whether an upper-case symbol is an ambiguity code of this alphabet: a letter that stands for several symbols.
    ///
    /// [`UNKNOWN`](Self::UNKNOWN) is one of them.
    fn is_ambiguous(symbol: u8) -> bool;

    /// The code of an upper-case symbol: `0..SYMBOLS.len()`, or `None` for anything else, ambiguity codes and lower case included.
    fn code(symbol: u8) -> Option<u8> {
        Self::SYMBOLS
            .iter()
            .position(|&s| s == symbol)
            .and_then(|index| u8::try_from(index).ok())
    }
}

/// An alphabet of four bases, ordered so that the complement of code `c` is `3 - c`.
pub trait Nucleotide: Alphabet {}

/// An alphabet of nucleic acids: four bases, perhaps followed by codes that stand for several of them.
///
/// Every [`Nucleotide`] is one; [`IupacDna`](crate::IupacDna) and [`IupacRna`](crate::IupacRna) are the others.
pub trait NucleicAcid: Alphabet {
    /// The code that pairs with `code`; the unknown code pairs with itself.
    fn complement(code: u8) -> u8;
}

impl<A: Nucleotide> NucleicAcid for A {
    #[inline]
    fn complement(code: u8) -> u8 {
        // 3 - c for a base, c for unknown (4), without a branch.
        code ^ (3 >> ((code >> 1) & 2))
    }
}

/// Ambiguity codes of nucleic acids: IUPAC-IUB nomenclature for incompletely specified bases, recommendations 1984
/// (doi:10.1093/nar/13.9.3021).
const AMBIGUOUS_BASES: &[u8] = b"NRYSWKMBDHV";

/// DNA: `A C G T` are codes 0, 1, 2, 3; an unknown base is `N`.
///
/// Ambiguity codes: `N R Y S W K M B D H V`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dna;

impl Alphabet for Dna {
    const NAME: &'static str = "DNA";
    const SYMBOLS: &'static [u8] = b"ACGT";
    const UNKNOWN: u8 = b'N';

    fn counterpart(symbol: u8) -> Option<u8> {
        (symbol == b'U').then_some(b'T')
    }

    fn is_ambiguous(symbol: u8) -> bool {
        AMBIGUOUS_BASES.contains(&symbol)
    }
}

impl Nucleotide for Dna {}

/// RNA: `A C G U` are codes 0, 1, 2, 3; an unknown base is `N`.
///
/// Ambiguity codes: `N R Y S W K M B D H V`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rna;

impl Alphabet for Rna {
    const NAME: &'static str = "RNA";
    const SYMBOLS: &'static [u8] = b"ACGU";
    const UNKNOWN: u8 = b'N';

    fn counterpart(symbol: u8) -> Option<u8> {
        (symbol == b'T').then_some(b'U')
    }

    fn is_ambiguous(symbol: u8) -> bool {
        AMBIGUOUS_BASES.contains(&symbol)
    }
}

impl Nucleotide for Rna {}

/// Protein: the 20 standard amino acids in the order of their one-letter codes, `ACDEFGHIKLMNPQRSTVWY`; an unknown residue is
/// `X`.
///
/// Ambiguity codes: `X`, `B` (D or N), `Z` (E or Q), `J` (I or L). Selenocysteine `U`, pyrrolysine `O` and the stop `*` are
/// precise symbols outside the twenty and are always refused; write `X` for a residue you want to keep as unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Protein;

impl Alphabet for Protein {
    const NAME: &'static str = "protein";
    const SYMBOLS: &'static [u8] = b"ACDEFGHIKLMNPQRSTVWY";
    const UNKNOWN: u8 = b'X';

    fn is_ambiguous(symbol: u8) -> bool {
        b"XBZJ".contains(&symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IupacDna, IupacRna};

    fn obeys_the_laws<A: Alphabet>() {
        for (code, &symbol) in A::SYMBOLS.iter().enumerate() {
            assert_eq!(A::code(symbol).map(usize::from), Some(code));
            assert_eq!(A::code(symbol.to_ascii_lowercase()), None);
        }
        assert!(A::is_ambiguous(A::UNKNOWN));
        for byte in 0..=u8::MAX {
            assert!(!(A::is_ambiguous(byte) && A::code(byte).is_some()));
        }
        let known = (0..=u8::MAX).filter(|&b| A::code(b).is_some()).count();
        assert_eq!(known, A::SYMBOLS.len());
    }

    #[test]
    fn codes_are_places_and_ambiguity_codes_have_none() {
        obeys_the_laws::<Dna>();
        obeys_the_laws::<Rna>();
        obeys_the_laws::<Protein>();
        obeys_the_laws::<IupacDna>();
        obeys_the_laws::<IupacRna>();
    }

    #[test]
    fn codes_for_several_symbols_follow_the_symbols() {
        fn check<A: Alphabet>() {
            for code in 0..A::SYMBOLS.len() {
                let members = A::stands_for(code as u8);
                assert_eq!(members.is_none(), code < A::CHANNELS, "{} {code}", A::NAME);
                for &member in members.unwrap_or_default() {
                    assert!(usize::from(member) < A::CHANNELS);
                }
            }
            assert_eq!(A::stands_for(A::SYMBOLS.len() as u8), None);
        }
        check::<Dna>();
        check::<Protein>();
        check::<IupacDna>();
        check::<IupacRna>();
    }

    #[test]
    fn the_ambiguity_codes_are_those_of_iupac() {
        let codes = |is_ambiguous: fn(u8) -> bool| -> String {
            (0..=u8::MAX)
                .filter(|&byte| is_ambiguous(byte))
                .map(char::from)
                .collect()
        };
        assert_eq!(codes(Dna::is_ambiguous), "BDHKMNRSVWY");
        assert_eq!(codes(Rna::is_ambiguous), "BDHKMNRSVWY");
        assert_eq!(codes(Protein::is_ambiguous), "BJXZ");
    }

    #[test]
    fn complement_of_code_c_is_three_minus_c() {
        for (base, partner) in [(b'A', b'T'), (b'C', b'G'), (b'G', b'C'), (b'T', b'A')] {
            assert_eq!(Dna::code(base).map(|c| 3 - c), Dna::code(partner));
        }
        for (base, partner) in [(b'A', b'U'), (b'C', b'G'), (b'G', b'C'), (b'U', b'A')] {
            assert_eq!(Rna::code(base).map(|c| 3 - c), Rna::code(partner));
        }
    }
}
