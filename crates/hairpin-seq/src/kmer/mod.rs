//! k-mers: every window of k bases as one number, and what is counted and sampled from them.
//!
//! A k-mer is stored as a *word*: its codes as digits in base 4, first base most significant, so that the order of the words is the
//! alphabetical order of the k-mers (`AA AC AG AT CA ...`):
//!
//! ```text
//! word(s) = sum over i in 0..k of code(s[i]) * 4^(k - 1 - i)          0 <= word < 4^k, k <= 32
//! ```
//!
//! | question | answer |
//! |---|---|
//! | which k-mers does a sequence have, in order? | [`words`], [`kmers`] |
//! | the same whichever strand was read? | [`canonical_words`], [`canonical`] |
//! | with positions that do not matter (spaced, gapped)? | [`Pattern`], [`spaced_words`] |
//! | a row of counts with a place for every k-mer (k to 12) | [`KmerCounts`] |
//! | a row of n numbers for any k to 32 | [`HashedKmerCounts`] |
//! | the k-mers that occur and how often, any k to 32 | [`SparseKmerCounts`] |
//! | a few positions that stand for all (feature `minimizers`) | `Sampler`: minimizers and closed syncmers |
//!
//! Every window that needs an unknown base is skipped. Words are made from any iterator of codes, so a packed sequence feeds them as
//! well as [`Seq::codes`](crate::Seq::codes).
//!
//! ```
//! use hairpin_seq::kmer::{canonical_words, word_seq, words};
//! use hairpin_seq::{Dna, Seq};
//!
//! let seq: Seq<Dna> = "ACGTT".parse()?;
//! let codes = seq.codes().iter().copied();
//! let names = |words: Vec<u64>| -> Vec<String> {
//!     words.into_iter().map(|word| word_seq::<Dna>(word, 3).to_string()).collect()
//! };
//! assert_eq!(names(words(codes.clone(), 3).collect()), ["ACG", "CGT", "GTT"]);
//! assert_eq!(names(canonical_words(codes, 3).collect()), ["ACG", "ACG", "AAC"]);
//! # Ok::<(), hairpin_seq::SeqError>(())
//! ```

mod counts;
mod hashed;
#[cfg(feature = "minimizers")]
mod minimizer;
mod pattern;
mod sparse;
mod tally;
mod word;

pub use counts::KmerCounts;
pub use hashed::{HashedKmerCounts, mix};
#[cfg(feature = "minimizers")]
pub use minimizer::Sampler;
pub use pattern::{Pattern, SpacedWords, spaced_words};
pub use sparse::SparseKmerCounts;
pub use word::{
    CanonicalWords, Kmers, Words, canonical, canonical_words, kmers, reverse_complement_word,
    word_seq, words,
};

/// The longest k-mer with a place in a dense row: a row of 4^12 counts is 64 MiB of `f32`.
pub(crate) const MAX_K: usize = 12;

/// The longest k-mer that fits a word: 32 bases of 2 bits.
pub(crate) const MAX_WORD: usize = 32;

/// The longest window of a pattern.
pub(crate) const MAX_SPAN: usize = 64;
