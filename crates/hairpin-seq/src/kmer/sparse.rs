//! The k-mers that occur, sorted, and how often each does.

use super::counts::check_symmetric;
use super::{Pattern, canonical, canonical_words, spaced_words, words};
use crate::{Nucleotide, Seq, SeqError};

/// The words of the k-mers that occur, in ascending order, with their counts: for k to 32, where a row with a place for every k-mer
/// would not fit.
///
/// ```
/// use hairpin_seq::kmer::{Pattern, SparseKmerCounts, word_seq};
/// use hairpin_seq::{Dna, Seq};
///
/// let seq: Seq<Dna> = "GATTACAGATTACA".parse()?;
/// let counts = SparseKmerCounts::of(&seq, Pattern::contiguous(5)?, false)?;
/// assert_eq!((counts.len(), counts.windows()), (7, 10));
///
/// let twice: Vec<String> = counts
///     .iter()
///     .filter(|&(_, count)| count == 2)
///     .map(|(word, _)| word_seq::<Dna>(word, 5).to_string())
///     .collect();
/// assert_eq!(twice, ["ATTAC", "GATTA", "TTACA"]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseKmerCounts {
    words: Vec<u64>,
    counts: Vec<u64>,
}

impl SparseKmerCounts {
    /// The k-mers that `pattern` picks from the windows of a sequence; with `canonical`, a k-mer and its reverse complement are counted
    /// together, under the smaller of their words.
    ///
    /// Windows with an unknown base at a position that counts are skipped.
    ///
    /// # Errors
    ///
    /// [`SeqError::AsymmetricPattern`] when `canonical` is asked for and the strands would see different positions.
    pub fn of<A: Nucleotide>(
        seq: &Seq<A>,
        pattern: Pattern,
        canonical: bool,
    ) -> Result<Self, SeqError> {
        check_symmetric(&pattern, canonical)?;
        let mut all = Vec::with_capacity((seq.len() + 1).saturating_sub(pattern.span()));
        each_word(seq.codes(), pattern, canonical, |word| all.push(word));
        all.sort_unstable();
        let (words, counts) = all
            .chunk_by(|a, b| a == b)
            .map(|run| (run[0], run.len() as u64))
            .unzip();
        Ok(Self { words, counts })
    }

    /// How many different words occur.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether no word occurs.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words, ascending.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The counts, in the order of the words; none is 0.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Word and count, words ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, u64)> {
        self.words.iter().copied().zip(self.counts.iter().copied())
    }

    /// How often a word occurs.
    pub fn count(&self, word: u64) -> u64 {
        self.words
            .binary_search(&word)
            .map_or(0, |place| self.counts[place])
    }

    /// How many windows were counted: the sum of the counts.
    pub fn windows(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Calls `f` with the word of every window, by the cheapest iterator.
pub(super) fn each_word(codes: &[u8], pattern: Pattern, both: bool, f: impl FnMut(u64)) {
    let k = pattern.weight();
    let codes = codes.iter().copied();
    match (pattern.span() == k, both) {
        (true, false) => words(codes, k).for_each(f),
        (true, true) => canonical_words(codes, k).for_each(f),
        (false, false) => spaced_words(codes, pattern).for_each(f),
        (false, true) => spaced_words(codes, pattern)
            .map(|word| canonical(word, k))
            .for_each(f),
    }
}
