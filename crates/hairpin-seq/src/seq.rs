//! A sequence over one alphabet, checked once when it is made.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::str::FromStr;

use crate::NucleicAcid;
use crate::{Alphabet, Dna, Policy, Rna, SeqError, read};

/// A sequence over the alphabet `A`, stored as one code per symbol.
///
/// Code `c < A::SYMBOLS.len()` is the symbol `A::SYMBOLS[c]`; [`UNKNOWN_CODE`](Self::UNKNOWN_CODE) is a position whose symbol is
/// not known. Nothing else can be in a `Seq`, so what takes one need not check it again.
///
/// ```
/// use hairpin_seq::{Dna, Seq};
///
/// let seq: Seq<Dna> = "GATTACA".parse()?;
/// assert_eq!(seq.len(), 7);
/// assert_eq!(seq.codes(), [2, 0, 3, 3, 0, 1, 0]);
/// assert_eq!(seq.reverse_complement().to_string(), "TGTAATC");
/// assert_eq!(seq.slice(1..4).to_string(), "ATT");
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Seq<A> {
    codes: Vec<u8>,
    alphabet: PhantomData<A>,
}

impl<A: Alphabet> Seq<A> {
    /// The code of an unknown position: one more than the last symbol's.
    pub const UNKNOWN_CODE: u8 = {
        assert!(
            A::SYMBOLS.len() < 255,
            "an alphabet has fewer than 255 symbols"
        );
        A::SYMBOLS.len() as u8
    };

    /// Reads a sequence, treating what is not a symbol of the alphabet as `policy` says; the empty text is the empty sequence.
    ///
    /// [`str::parse`] is the same with the strict default policy.
    ///
    /// # Errors
    ///
    /// The first symbol that is refused, with its position in characters from 1: [`SeqError::AmbiguousSymbol`],
    /// [`SeqError::LowerCase`] or [`SeqError::ForeignSymbol`]. Any text may be passed; whitespace is not skipped.
    pub fn parse(text: &str, policy: Policy) -> Result<Self, SeqError> {
        read::codes::<A>(text, policy).map(Self::from_checked)
    }

    /// Takes codes as they are: `0..A::SYMBOLS.len()` for symbols, [`UNKNOWN_CODE`](Self::UNKNOWN_CODE) for unknown.
    ///
    /// # Errors
    ///
    /// [`SeqError::CodeOutOfRange`] names the first code that is neither.
    pub fn from_codes(codes: Vec<u8>) -> Result<Self, SeqError> {
        match codes.iter().position(|&code| code > Self::UNKNOWN_CODE) {
            Some(index) => Err(SeqError::CodeOutOfRange {
                position: index + 1,
                code: codes[index],
                unknown: Self::UNKNOWN_CODE,
                alphabet: A::NAME,
            }),
            None => Ok(Self::from_checked(codes)),
        }
    }

    pub(crate) fn from_checked(codes: Vec<u8>) -> Self {
        Self {
            codes,
            alphabet: PhantomData,
        }
    }

    /// Takes other codes into the same memory.
    #[cfg(feature = "fasta")]
    pub(crate) fn set_checked(&mut self, codes: &[u8]) {
        self.codes.clear();
        self.codes.extend_from_slice(codes);
    }

    /// The codes, one per position.
    pub fn codes(&self) -> &[u8] {
        &self.codes
    }

    /// The number of positions, unknown ones included.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there is no position at all.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// How many positions are unknown.
    pub fn count_unknown(&self) -> usize {
        self.codes
            .iter()
            .filter(|&&code| code == Self::UNKNOWN_CODE)
            .count()
    }

    /// A copy of the positions in `range`, counted from 0.
    ///
    /// # Panics
    ///
    /// When the range reaches past the end or starts after its end, as slices do.
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let bounds = (range.start_bound().cloned(), range.end_bound().cloned());
        Self::from_checked(self.codes[bounds].to_vec())
    }
}

impl<A: Alphabet> Seq<A> {
    /// The positions from last to first.
    pub fn reverse(&self) -> Self {
        let mut codes = self.codes.clone();
        codes.reverse();
        Self::from_checked(codes)
    }
}

impl<A: NucleicAcid> Seq<A> {
    /// The pairing base at every position, in the same order; unknown stays unknown.
    pub fn complement(&self) -> Self {
        Self::from_checked(self.codes.iter().map(|&code| A::complement(code)).collect())
    }

    /// The opposite strand, read in its own direction (5' to 3').
    pub fn reverse_complement(&self) -> Self {
        let mut codes = self.complement().codes;
        codes.reverse();
        Self::from_checked(codes)
    }
}

impl Seq<Dna> {
    /// The RNA with the same sequence as this (coding) strand: U for T.
    ///
    /// ```
    /// use hairpin_seq::{Dna, Seq};
    ///
    /// let seq: Seq<Dna> = "GATTACA".parse()?;
    /// assert_eq!(seq.transcribe().to_string(), "GAUUACA");
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    pub fn transcribe(&self) -> Seq<Rna> {
        self.with_letters(|symbol| if symbol == b'T' { b'U' } else { symbol })
    }
}

impl Seq<Rna> {
    /// The DNA (coding) strand with the same sequence: T for U; the inverse of [`Seq::transcribe`].
    pub fn reverse_transcribe(&self) -> Seq<Dna> {
        self.with_letters(|symbol| if symbol == b'U' { b'T' } else { symbol })
    }
}

impl<A: Alphabet> Seq<A> {
    /// The same sequence in another alphabet, symbol by symbol; one without a counterpart becomes unknown.
    pub(crate) fn with_letters<B: Alphabet>(&self, letter: impl Fn(u8) -> u8) -> Seq<B> {
        let translated: Vec<u8> = (0..=Self::UNKNOWN_CODE)
            .map(|code| B::code(letter(symbol::<A>(code))).unwrap_or(Seq::<B>::UNKNOWN_CODE))
            .collect();
        // T and U have the same place: then the codes are copied as they are.
        let same = translated.iter().zip(0_u8..).all(|(&b, a)| b == a);
        Seq::from_checked(if same {
            self.codes.clone()
        } else {
            self.codes
                .iter()
                .map(|&code| translated[usize::from(code)])
                .collect()
        })
    }
}

/// The symbol of a code; any code past the last symbol is unknown.
fn symbol<A: Alphabet>(code: u8) -> u8 {
    A::SYMBOLS
        .get(usize::from(code))
        .copied()
        .unwrap_or(A::UNKNOWN)
}

impl<A: Alphabet> FromStr for Seq<A> {
    type Err = SeqError;

    /// [`Seq::parse`] with the default policy, which refuses all but the alphabet's upper-case symbols.
    fn from_str(text: &str) -> Result<Self, SeqError> {
        Self::parse(text, Policy::default())
    }
}

/// The symbols, upper case, with `A::UNKNOWN` at unknown positions; width and alignment apply.
impl<A: Alphabet> fmt::Display for Seq<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters: Vec<u8> = (0..=Self::UNKNOWN_CODE).map(symbol::<A>).collect();
        let text = self.codes.iter().map(|&code| letters[usize::from(code)]);
        // Letters of an alphabet are ASCII.
        let text = String::from_utf8(text.collect()).map_err(|_| fmt::Error)?;
        f.pad(&text)
    }
}

/// `Seq<DNA>("ACGT")`.
impl<A: Alphabet> fmt::Debug for Seq<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seq<{}>(\"{self}\")", A::NAME)
    }
}
