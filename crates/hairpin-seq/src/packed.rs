//! Four bases in a byte.

use std::fmt;
use std::marker::PhantomData;

use crate::{Nucleotide, OneHot, Seq};

/// The bases in one word.
const PER_WORD: usize = 32;

/// A nucleotide sequence with two bits per base: a quarter of the memory of [`Seq`], and encoded straight to one-hot rows.
///
/// Base `i` is bits `2 (i % 32)` and `2 (i % 32) + 1` of word `i / 32`, its code as in the alphabet; the bits behind the last base
/// are 0. Two bits hold no fifth value: unknown bases are kept as code 0 with a bit each in a side mask, which a sequence without any
/// does not have.
///
/// ```
/// use hairpin_seq::{Ambiguous, Dna, OneHot, Packed, Policy, Seq};
///
/// let seq = Seq::<Dna>::parse("GATN", Policy { ambiguous: Ambiguous::Unknown, ..Policy::default() })?;
/// let packed = Packed::from(&seq);
/// assert_eq!(packed.words(), [0b00_11_00_10]);
/// assert_eq!(packed.to_seq(), seq);
///
/// let mut rows = [0.0; 16];
/// packed.encode_into(OneHot::default(), &mut rows);
/// assert_eq!(rows[..4], [0., 0., 1., 0.]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Packed<A> {
    words: Vec<u64>,
    /// Bit `i % 64` of word `i / 64` for position `i`; empty when nothing is unknown.
    unknown: Vec<u64>,
    len: usize,
    alphabet: PhantomData<A>,
}

impl<A: Nucleotide> From<&Seq<A>> for Packed<A> {
    fn from(seq: &Seq<A>) -> Self {
        let codes = seq.codes();
        let mut any = 0;
        let words = codes
            .chunks(PER_WORD)
            .map(|codes| {
                codes.iter().rev().fold(0, |word, &code| {
                    any |= code;
                    // The unknown code, 4, has its two lower bits clear.
                    (word << 2) | u64::from(code & 3)
                })
            })
            .collect();
        let mark = |codes: &[u8]| {
            codes
                .iter()
                .rev()
                .fold(0, |word, &code| (word << 1) | u64::from(code >> 2))
        };
        let unknown = if any > 3 {
            codes.chunks(64).map(mark).collect()
        } else {
            Vec::new()
        };
        Self {
            words,
            unknown,
            len: codes.len(),
            alphabet: PhantomData,
        }
    }
}

impl<A: Nucleotide> Packed<A> {
    /// The number of positions, unknown ones included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no position at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether any base is unknown.
    pub fn has_unknown(&self) -> bool {
        !self.unknown.is_empty()
    }

    /// The packed bases, 32 in a word; unknown ones are 0 there.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The bytes on the heap that the bases and the mask take.
    pub fn heap_bytes(&self) -> usize {
        (self.words.len() + self.unknown.len()) * size_of::<u64>()
    }

    /// The code of a position, or `None` behind the end.
    pub fn code(&self, position: usize) -> Option<u8> {
        if position >= self.len {
            return None;
        }
        Some(if self.is_unknown(position) {
            Seq::<A>::UNKNOWN_CODE
        } else {
            (self.words[position / PER_WORD] >> (2 * (position % PER_WORD)) & 3) as u8
        })
    }

    /// The same sequence, a byte for each base.
    pub fn to_seq(&self) -> Seq<A> {
        let mut codes = vec![0; self.len];
        for (&word, codes) in self.words.iter().zip(codes.chunks_mut(PER_WORD)) {
            unpack(word, codes);
        }
        self.for_each_unknown(|position| codes[position] = Seq::<A>::UNKNOWN_CODE);
        Seq::from_checked(codes)
    }

    /// Writes the one-hot rows over all of `out`, row-major `[length, 4]`; the same as encoding [`to_seq`](Self::to_seq), without
    /// making it.
    ///
    /// # Panics
    ///
    /// When `out.len()` is not `length * 4`.
    pub fn encode_into(&self, one_hot: OneHot, out: &mut [f32]) {
        crate::encode::check_out("Packed", out.len(), self.len, 4);
        let mut codes = [0; PER_WORD];
        for (index, (&word, rows)) in self
            .words
            .iter()
            .zip(out.chunks_mut(4 * PER_WORD))
            .enumerate()
        {
            let codes = &mut codes[..rows.len() / 4];
            unpack(word, codes);
            let first = index * PER_WORD;
            if let Some(mask) = self.unknown.get(first / 64) {
                for (offset, code) in codes.iter_mut().enumerate() {
                    *code |= ((mask >> (first % 64 + offset) & 1) << 2) as u8;
                }
            }
            one_hot.write_rows::<A, f32>(codes, rows);
        }
    }

    fn is_unknown(&self, position: usize) -> bool {
        self.unknown
            .get(position / 64)
            .is_some_and(|mask| mask >> (position % 64) & 1 == 1)
    }

    fn for_each_unknown(&self, mut found: impl FnMut(usize)) {
        for (index, &mask) in self.unknown.iter().enumerate() {
            let mut mask = mask;
            while mask != 0 {
                found(index * 64 + mask.trailing_zeros() as usize);
                mask &= mask - 1;
            }
        }
    }
}

/// The codes in a word, as many as there is room for.
fn unpack(word: u64, codes: &mut [u8]) {
    for (shift, code) in (0..64).step_by(2).zip(codes) {
        *code = (word >> shift & 3) as u8;
    }
}

/// `Packed<DNA>("ACGT")`.
impl<A: Nucleotide> fmt::Debug for Packed<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed<{}>(\"{}\")", A::NAME, self.to_seq())
    }
}
