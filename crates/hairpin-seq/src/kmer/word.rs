//! A k-mer as a number, and the iterators that roll along a sequence.

use std::iter::{Copied, FusedIterator};
use std::slice;

use super::{MAX_K, MAX_WORD};
use crate::{Nucleotide, Seq};

/// The words of the k-mers of a sequence of codes, from left to right; windows that hold an unknown base are skipped.
///
/// A code of 4 or more is unknown. Codes come from [`Seq::codes`] or from anything else that yields them.
///
/// ```
/// use hairpin_seq::kmer::words;
///
/// // A C N G T T
/// assert_eq!(words([0, 1, 4, 2, 3, 3], 2).collect::<Vec<_>>(), [1, 11, 15]); // AC, GT, TT
/// ```
///
/// # Panics
///
/// When `k` is not in `1..=32`.
pub fn words<I: IntoIterator<Item = u8>>(codes: I, k: usize) -> Words<I::IntoIter> {
    check_k("words", k, MAX_WORD);
    Words {
        codes: codes.into_iter(),
        k,
        mask: word_mask(k),
        word: 0,
        known: 0,
    }
}

/// The iterator that [`words`] returns.
#[derive(Clone, Debug)]
pub struct Words<I> {
    codes: I,
    k: usize,
    mask: u64,
    /// The last k known bases; older bases are shifted out.
    word: u64,
    /// How many known bases have been read without a break.
    known: usize,
}

impl<I: Iterator<Item = u8>> Iterator for Words<I> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        for code in &mut self.codes {
            if code < 4 {
                self.word = ((self.word << 2) | u64::from(code)) & self.mask;
                self.known += 1;
            } else {
                self.known = 0;
            }
            if self.known >= self.k {
                return Some(self.word);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.codes.size_hint().1)
    }
}

impl<I: FusedIterator<Item = u8>> FusedIterator for Words<I> {}

/// The canonical words of the k-mers of a sequence of codes: of a k-mer and its reverse complement the one that comes first in the
/// alphabet.
///
/// A sequence and its reverse complement give the same words, in opposite order. Windows that hold an unknown base are skipped.
///
/// ```
/// use hairpin_seq::kmer::canonical_words;
///
/// // T T C and G A A: TT and AA are one, TC and GA are one.
/// assert_eq!(canonical_words([3, 3, 1], 2).collect::<Vec<_>>(), [0, 8]);
/// assert_eq!(canonical_words([2, 0, 0], 2).collect::<Vec<_>>(), [8, 0]);
/// ```
///
/// # Panics
///
/// When `k` is not in `1..=32`.
pub fn canonical_words<I: IntoIterator<Item = u8>>(
    codes: I,
    k: usize,
) -> CanonicalWords<I::IntoIter> {
    check_k("canonical_words", k, MAX_WORD);
    CanonicalWords {
        codes: codes.into_iter(),
        k,
        mask: word_mask(k),
        forward: 0,
        reverse: 0,
        known: 0,
    }
}

/// The iterator that [`canonical_words`] returns.
#[derive(Clone, Debug)]
pub struct CanonicalWords<I> {
    codes: I,
    k: usize,
    mask: u64,
    forward: u64,
    /// The reverse complement of `forward`, rolled beside it.
    reverse: u64,
    known: usize,
}

impl<I: Iterator<Item = u8>> Iterator for CanonicalWords<I> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        for code in &mut self.codes {
            if code < 4 {
                let code = u64::from(code);
                self.forward = ((self.forward << 2) | code) & self.mask;
                self.reverse = (self.reverse >> 2) | ((3 - code) << (2 * (self.k - 1)));
                self.known += 1;
            } else {
                self.known = 0;
            }
            if self.known >= self.k {
                return Some(self.forward.min(self.reverse));
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.codes.size_hint().1)
    }
}

impl<I: FusedIterator<Item = u8>> FusedIterator for CanonicalWords<I> {}

/// The indices of the k-mers of a sequence, from left to right: [`words`] as places in a dense row.
///
/// Windows that hold an unknown base are skipped.
///
/// ```
/// use hairpin_seq::{Dna, Seq, kmers};
///
/// let seq: Seq<Dna> = "ACGT".parse()?;
/// let dinucleotides: Vec<usize> = kmers(&seq, 2).collect();
/// assert_eq!(dinucleotides, [1, 6, 11]); // AC = 0*4+1, CG = 1*4+2, GT = 2*4+3
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
///
/// # Panics
///
/// When `k` is not in `1..=12`. A `k` that comes from a file is checked by [`KmerCounts::new`](crate::KmerCounts::new).
pub fn kmers<A: Nucleotide>(seq: &Seq<A>, k: usize) -> Kmers<'_> {
    check_k("kmers", k, MAX_K);
    Kmers {
        words: words(seq.codes().iter().copied(), k),
    }
}

/// The iterator that [`kmers`] returns.
#[derive(Clone, Debug)]
pub struct Kmers<'a> {
    words: Words<Copied<slice::Iter<'a, u8>>>,
}

impl Iterator for Kmers<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.words.next().map(|word| word as usize) // below 4^12
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.words.size_hint()
    }
}

impl FusedIterator for Kmers<'_> {}

/// The word of the reverse complement of a k-mer.
///
/// ```
/// use hairpin_seq::kmer::reverse_complement_word;
///
/// assert_eq!(reverse_complement_word(0b00_01, 2), 0b10_11); // AC, GT
/// ```
///
/// # Panics
///
/// When `k` is not in `1..=32`.
pub fn reverse_complement_word(word: u64, k: usize) -> u64 {
    check_k("reverse_complement_word", k, MAX_WORD);
    // The complement of a code is its bitwise not. Reversing all bits also swaps the two of each base: swap them back.
    const LOW: u64 = 0x5555_5555_5555_5555;
    let reversed = (!word).reverse_bits();
    (((reversed >> 1) & LOW) | ((reversed & LOW) << 1)) >> (64 - 2 * k)
}

/// The word that stands for a k-mer and its reverse complement: the smaller of the two.
///
/// # Panics
///
/// When `k` is not in `1..=32`.
pub fn canonical(word: u64, k: usize) -> u64 {
    word.min(reverse_complement_word(word, k))
}

/// The k-mer of a word, as a sequence; bits above the k-mer are ignored.
///
/// ```
/// use hairpin_seq::{Rna, kmer::word_seq};
///
/// assert_eq!(word_seq::<Rna>(11, 2).to_string(), "GU");
/// ```
///
/// # Panics
///
/// When `k` is not in `1..=32`.
pub fn word_seq<A: Nucleotide>(word: u64, k: usize) -> Seq<A> {
    check_k("word_seq", k, MAX_WORD);
    let code = |place: usize| (word >> (2 * place)) as u8 & 3;
    Seq::from_checked((0..k).rev().map(code).collect())
}

/// The bits of a word of k bases.
pub(crate) fn word_mask(k: usize) -> u64 {
    u64::MAX >> (64 - 2 * k)
}

#[track_caller]
fn check_k(name: &str, k: usize, max: usize) {
    assert!(
        (1..=max).contains(&k),
        "{name}: k is {k}, expected 1 to {max}"
    );
}
