//! k-mer counts hashed into a row of chosen width, for k beyond the dense rows.

use super::Pattern;
use super::counts::check_symmetric;
use super::sparse::each_word;
use crate::encode::check_out;
use crate::{Encode, Nucleotide, Seq, SeqError};

/// How often the k-mers of each bucket occur: one position with `buckets` channels, for k to 32.
///
/// The hashing trick (Weinberger et al. 2009, doi:10.1145/1553374.1553516) without signs: k-mers that fall into one bucket are added.
/// The bucket of a word is
///
/// ```text
/// bucket(word) = floor(mix(word) * buckets / 2^64)
/// ```
///
/// with [`mix`], which is the same on every machine and in every version. Windows are those of [`KmerCounts`](super::KmerCounts), and so
/// are the options.
///
/// ```
/// use hairpin_seq::kmer::HashedKmerCounts;
/// use hairpin_seq::{Dna, Encode, Seq};
///
/// let seq: Seq<Dna> = "ACGTTGCATGCCGATTAGCCGATA".parse()?;
/// let counter = HashedKmerCounts::new(21, 64)?.with_canonical(true)?;
/// let row = counter.encode(&seq);
/// assert_eq!(row.len(), 64);
/// assert_eq!(row.iter().sum::<f32>(), 4.0); // 24 - 21 + 1 windows
/// assert_eq!(row, counter.encode(&seq.reverse_complement()));
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashedKmerCounts {
    pattern: Pattern,
    buckets: usize,
    canonical: bool,
    frequencies: bool,
}

impl HashedKmerCounts {
    /// Counts of k-mers in `buckets` channels.
    ///
    /// # Errors
    ///
    /// [`SeqError::WordLength`] when `k` is not in `1..=32`; [`SeqError::Buckets`] when there is no bucket.
    pub fn new(k: usize, buckets: usize) -> Result<Self, SeqError> {
        Self::spaced(Pattern::contiguous(k)?, buckets)
    }

    /// Counts of the k-mers that a pattern picks from every window.
    ///
    /// # Errors
    ///
    /// [`SeqError::Buckets`] when there is no bucket.
    pub fn spaced(pattern: Pattern, buckets: usize) -> Result<Self, SeqError> {
        if buckets == 0 {
            return Err(SeqError::Buckets);
        }
        Ok(Self {
            pattern,
            buckets,
            canonical: false,
            frequencies: false,
        })
    }

    /// Whether a k-mer and its reverse complement are counted together.
    ///
    /// # Errors
    ///
    /// [`SeqError::AsymmetricPattern`] when the strands would see different positions.
    pub fn with_canonical(self, canonical: bool) -> Result<Self, SeqError> {
        check_symmetric(&self.pattern, canonical)?;
        Ok(Self { canonical, ..self })
    }

    /// Whether the counts are divided by the number of windows counted.
    pub fn with_frequencies(self, frequencies: bool) -> Self {
        Self {
            frequencies,
            ..self
        }
    }

    /// The channel of a word; a canonical counter asks for that of the canonical word.
    pub fn bucket(&self, word: u64) -> usize {
        ((u128::from(mix(word)) * self.buckets as u128) >> 64) as usize
    }
}

/// A bijection of 64-bit words that spreads every bit over all others: SplitMix64's output function, the constants of Stafford's variant
/// 13 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195).
///
/// ```text
/// x ^= x >> 30;  x *= 0xbf58476d1ce4e5b9;  x ^= x >> 27;  x *= 0x94d049bb133111eb;  x ^= x >> 31
/// ```
///
/// after `0x9e3779b97f4a7c15` is added, so that the word of all `A` is not its own hash.
pub fn mix(word: u64) -> u64 {
    let x = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl<A: Nucleotide> Encode<A> for HashedKmerCounts {
    fn channels(&self) -> usize {
        self.buckets
    }

    fn positions(&self, _len: usize) -> usize {
        1
    }

    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        check_out("HashedKmerCounts", out.len(), 1, self.buckets);
        // An f32 that counts by ones sticks at 2^24.
        let mut counts = vec![0_u64; out.len()];
        let mut windows = 0_u64;
        each_word(seq.codes(), self.pattern, self.canonical, |word| {
            counts[self.bucket(word)] += 1;
            windows += 1;
        });
        let unit = if self.frequencies {
            windows.max(1) as f64
        } else {
            1.0
        };
        for (value, count) in out.iter_mut().zip(counts) {
            *value = (count as f64 / unit) as f32;
        }
    }
}
