//! A sequence over one alphabet, checked once when it is made.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::str::FromStr;

use crate::{Alphabet, Ambiguous, Case, Dna, Nucleotide, Policy, Rna, SeqError};

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
#[derive(Clone, PartialEq, Eq, Hash)]
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

    /// Reads a sequence, treating ambiguity codes and lower case as `policy` says; the empty text is the empty sequence.
    ///
    /// [`str::parse`] is the same with the strict default policy.
    ///
    /// # Errors
    ///
    /// The first symbol that is refused, with its position in characters from 1: [`SeqError::AmbiguousSymbol`],
    /// [`SeqError::LowerCase`] or [`SeqError::ForeignSymbol`]. Any text may be passed; whitespace is not skipped.
    pub fn parse(text: &str, policy: Policy) -> Result<Self, SeqError> {
        let mut codes = Vec::with_capacity(text.len());
        for (index, symbol) in text.chars().enumerate() {
            codes.push(read_symbol::<A>(symbol, index + 1, policy)?);
        }
        Ok(Self::from_checked(codes))
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

impl<A: Nucleotide> Seq<A> {
    /// The pairing base at every position, in the same order; unknown stays unknown.
    pub fn complement(&self) -> Self {
        Self::from_checked(self.codes.iter().map(|&code| complement(code)).collect())
    }

    /// The opposite strand, read in its own direction (5' to 3').
    pub fn reverse_complement(&self) -> Self {
        Self::from_checked(
            self.codes
                .iter()
                .rev()
                .map(|&code| complement(code))
                .collect(),
        )
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
    fn with_letters<B: Alphabet>(&self, letter: impl Fn(u8) -> u8) -> Seq<B> {
        let code =
            |code: &u8| B::code(letter(symbol::<A>(*code))).unwrap_or(Seq::<B>::UNKNOWN_CODE);
        Seq::from_checked(self.codes.iter().map(code).collect())
    }
}

/// The symbol of a code; any code past the last symbol is unknown.
fn symbol<A: Alphabet>(code: u8) -> u8 {
    A::SYMBOLS
        .get(usize::from(code))
        .copied()
        .unwrap_or(A::UNKNOWN)
}

fn complement(code: u8) -> u8 {
    if code < 4 { 3 - code } else { code }
}

fn read_symbol<A: Alphabet>(symbol: char, position: usize, policy: Policy) -> Result<u8, SeqError> {
    let foreign = || SeqError::ForeignSymbol {
        position,
        symbol,
        alphabet: A::NAME,
        symbols: String::from_utf8_lossy(A::SYMBOLS).into_owned(),
    };
    // A wider character must not be cut to a byte that happens to be a symbol.
    let byte = u8::try_from(symbol).map_err(|_| foreign())?;
    if let Some(code) = A::code(byte) {
        return Ok(code);
    }
    let upper = byte.to_ascii_uppercase();
    let code = A::code(upper);
    if code.is_none() && !A::is_ambiguous(upper) {
        return Err(foreign());
    }
    if upper != byte && policy.case == Case::Refuse {
        return Err(SeqError::LowerCase {
            position,
            symbol,
            alphabet: A::NAME,
        });
    }
    match (code, policy.ambiguous) {
        (Some(code), _) => Ok(code),
        (None, Ambiguous::Unknown) => Ok(Seq::<A>::UNKNOWN_CODE),
        (None, Ambiguous::Refuse) => Err(SeqError::AmbiguousSymbol {
            position,
            symbol,
            alphabet: A::NAME,
        }),
    }
}

impl<A: Alphabet> FromStr for Seq<A> {
    type Err = SeqError;

    /// [`Seq::parse`] with the default policy, which refuses ambiguity codes and lower case.
    fn from_str(text: &str) -> Result<Self, SeqError> {
        Self::parse(text, Policy::default())
    }
}

/// The symbols, upper case, with `A::UNKNOWN` at unknown positions; width and alignment apply.
impl<A: Alphabet> fmt::Display for Seq<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self
            .codes
            .iter()
            .map(|&code| char::from(symbol::<A>(code)))
            .collect();
        f.pad(&text)
    }
}

/// `Seq<DNA>("ACGT")`.
impl<A: Alphabet> fmt::Debug for Seq<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seq<{}>(\"{self}\")", A::NAME)
    }
}
