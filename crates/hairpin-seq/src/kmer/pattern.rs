//! Which positions of a window count: contiguous, gapped and spaced k-mers.

use std::fmt;
use std::iter::FusedIterator;
use std::str::FromStr;

use super::{MAX_SPAN, MAX_WORD};
use crate::SeqError;

/// The positions of a window that make up the k-mer: `1` counts, `0` may be anything.
///
/// A spaced k-mer ignores chosen positions of its window, so that one changed base does not change every k-mer over it (Ma, Tromp
/// and Li 2002, doi:10.1093/bioinformatics/18.3.440). The word of a window is the word of its `1` positions alone. A window is
/// skipped when one of its `1` positions is unknown; a `0` position may be.
///
/// | pattern | span | weight (k) | |
/// |---|---|---|---|
/// | `1111` | 4 | 4 | contiguous: [`Pattern::contiguous`] |
/// | `1100011` | 7 | 4 | gapped: [`Pattern::gapped`] |
/// | `1101001` | 7 | 4 | spaced: parsed |
///
/// The span is at most 64, the weight at most 32, and the first and last position count.
///
/// ```
/// use hairpin_seq::kmer::{Pattern, spaced_words, word_seq};
/// use hairpin_seq::{Dna, Seq};
///
/// let pattern: Pattern = "1101".parse()?;
/// let seq: Seq<Dna> = "ACGTA".parse()?;
/// let found: Vec<_> = spaced_words(seq.codes().iter().copied(), pattern)
///     .map(|word| word_seq::<Dna>(word, pattern.weight()).to_string())
///     .collect();
/// assert_eq!(found, ["ACT", "CGA"]); // AC.T, CG.A
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// Bit `span - 1 - i` is position i, so that the number read in binary is the text.
    bits: u64,
    span: usize,
}

impl Pattern {
    /// `k` positions in a row.
    ///
    /// # Errors
    ///
    /// [`SeqError::WordLength`] when `k` is not in `1..=32`.
    pub fn contiguous(k: usize) -> Result<Self, SeqError> {
        if (1..=MAX_WORD).contains(&k) {
            Ok(Self {
                bits: u64::MAX >> (64 - k),
                span: k,
            })
        } else {
            Err(SeqError::WordLength { k })
        }
    }

    /// `left` positions, `gap` that may be anything, `right` positions.
    ///
    /// ```
    /// use hairpin_seq::kmer::Pattern;
    ///
    /// assert_eq!(Pattern::gapped(2, 3, 2)?.to_string(), "1100011");
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SeqError::Pattern`] when a side is empty, the sides together are longer than 32 or the whole is longer than 64.
    pub fn gapped(left: usize, gap: usize, right: usize) -> Result<Self, SeqError> {
        let total = left.saturating_add(gap).saturating_add(right);
        if total > MAX_SPAN {
            return Err(refused(
                &format!("{left} + {gap} + {right} positions"),
                "it is longer than 64",
            ));
        }
        format!(
            "{}{}{}",
            "1".repeat(left),
            "0".repeat(gap),
            "1".repeat(right)
        )
        .parse()
    }

    /// The length of the window.
    pub fn span(&self) -> usize {
        self.span
    }

    /// How many positions count: the k of the k-mer.
    pub fn weight(&self) -> usize {
        self.bits.count_ones() as usize
    }

    /// Whether the pattern reads the same from both ends, so that both strands see the same positions.
    pub fn is_symmetric(&self) -> bool {
        self.bits.reverse_bits() >> (64 - self.span) == self.bits
    }

    /// The runs of positions that count, from left to right, as `(offset, length)`.
    pub(crate) fn runs(&self) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for offset in (0..self.span).filter(|i| self.bits >> (self.span - 1 - i) & 1 == 1) {
            match runs.last_mut() {
                Some((start, length)) if *start + *length == offset => *length += 1,
                _ => runs.push((offset, 1)),
            }
        }
        runs
    }
}

fn refused(pattern: &str, reason: &'static str) -> SeqError {
    SeqError::Pattern {
        pattern: pattern.chars().take(MAX_SPAN + 1).collect(),
        reason,
    }
}

impl FromStr for Pattern {
    type Err = SeqError;

    /// Reads `1` and `0`, first position first.
    fn from_str(text: &str) -> Result<Self, SeqError> {
        let symbols = text.as_bytes();
        let reason = if symbols.iter().any(|symbol| !b"01".contains(symbol)) {
            "it has a symbol other than 0 and 1"
        } else if symbols.first() != Some(&b'1') || symbols.last() != Some(&b'1') {
            "its first and last position must be 1"
        } else if symbols.len() > MAX_SPAN {
            "it is longer than 64"
        } else if symbols.iter().filter(|&&symbol| symbol == b'1').count() > MAX_WORD {
            "it has more than 32 positions that count"
        } else {
            let bits = symbols
                .iter()
                .fold(0, |bits, symbol| bits << 1 | u64::from(symbol - b'0'));
            let span = symbols.len();
            return Ok(Self { bits, span });
        };
        Err(refused(text, reason))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:b}", self.bits)) // the first position is 1
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern(\"{self}\")")
    }
}

/// The words of the windows of a sequence of codes under a pattern, from left to right.
///
/// Windows with an unknown base at a position that counts are skipped.
pub fn spaced_words<I: IntoIterator<Item = u8>>(
    codes: I,
    pattern: Pattern,
) -> SpacedWords<I::IntoIter> {
    let bits = |&(offset, length): &(usize, usize)| {
        let shift = 2 * (pattern.span - offset - length);
        (shift as u32, 2 * length as u32)
    };
    SpacedWords {
        codes: codes.into_iter(),
        pattern,
        runs: pattern.runs().iter().map(bits).collect(),
        window: 0,
        unknown: 0,
        read: 0,
    }
}

/// The iterator that [`spaced_words`] returns.
#[derive(Clone, Debug)]
pub struct SpacedWords<I> {
    codes: I,
    pattern: Pattern,
    /// Of each run of the pattern, the shift to its last base and its width, in bits of the window.
    runs: Vec<(u32, u32)>,
    /// The last 64 bases, 2 bits each.
    window: u128,
    /// Which of the last 64 bases are unknown.
    unknown: u64,
    /// How many bases have been read, up to the span.
    read: usize,
}

impl<I: Iterator<Item = u8>> Iterator for SpacedWords<I> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        for code in &mut self.codes {
            self.window = self.window << 2 | u128::from(code & 3);
            self.unknown = self.unknown << 1 | u64::from(code > 3);
            self.read = (self.read + 1).min(self.pattern.span);
            if self.read == self.pattern.span && self.unknown & self.pattern.bits == 0 {
                // A run is at most 32 bases, so its bits fit, and a run of 32 is alone: nothing is shifted by 64.
                let word = self.runs.iter().fold(0_u64, |word, &(shift, width)| {
                    let run = (self.window >> shift) as u64 & (u64::MAX >> (64 - width));
                    word.unbounded_shl(width) | run
                });
                return Some(word);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.codes.size_hint().1)
    }
}

impl<I: FusedIterator<Item = u8>> FusedIterator for SpacedWords<I> {}
