//! How often each k-mer occurs, with a place for every k-mer.

use super::tally::{tally, tally_long};
use super::word::{canonical, reverse_complement_word};
use super::{MAX_K, Pattern};
use crate::encode::check_out;
use crate::{Encode, Nucleotide, Seq, SeqError};

/// The number of ones up to which an `f32` counts exactly.
const MAX_EXACT: usize = 1 << 24;

/// How often each k-mer occurs: one position with `4^k` channels, in the order of [`kmers`](crate::kmers()).
///
/// Windows overlap: a sequence of `len` known bases has `len - k + 1` of them. Windows that hold an unknown base are not counted,
/// and a sequence without any window gives zeros. The strand is taken as it is, so that a k-mer and its reverse complement are two
/// channels, unless `canonical` makes them one.
///
/// | option | default | meaning | range |
/// |---|---|---|---|
/// | `k` or `pattern` | required | bases in a window; or which of them count | 1 to 12, or a [`Pattern`] of that weight |
/// | `canonical` | `false` | count a k-mer and its reverse complement together | |
/// | `frequencies` | `false` | divide by the number of windows counted, so that the row sums to 1 | |
///
/// Counts grow with the sequence, frequencies do not. A count above 2^24 is rounded to the nearest `f32`;
/// [`count_into`](Self::count_into) is exact.
///
/// The canonical row has no holes: its channels are the k-mers that do not come after their reverse complement, in alphabetical
/// order ([`words`](Self::words) lists them):
///
/// ```text
/// channels = 4^k / 2 for odd k,    (4^k + 4^(k/2)) / 2 for even k, which has k-mers that are their own reverse complement
/// ```
///
/// ```
/// use hairpin_seq::{Dna, Encode, KmerCounts, Seq};
///
/// let seq: Seq<Dna> = "AACA".parse()?;
/// assert_eq!(KmerCounts::new(1)?.encode(&seq), [3., 1., 0., 0.]);
/// assert_eq!(KmerCounts::new(1)?.with_frequencies(true).encode(&seq), [0.75, 0.25, 0., 0.]);
///
/// // A and T are one channel, C and G the other.
/// let canonical = KmerCounts::new(1)?.with_canonical(true)?;
/// assert_eq!(canonical.encode(&seq.reverse_complement()), [3., 1.]);
///
/// // The first and third base of every window of three.
/// let spaced = KmerCounts::spaced("101".parse()?)?;
/// assert_eq!(spaced.encode(&seq)[..2], [1., 1.]); // A.A, A.C
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KmerCounts {
    pattern: Pattern,
    canonical: bool,
    frequencies: bool,
}

impl KmerCounts {
    /// Counts of k-mers.
    ///
    /// # Errors
    ///
    /// [`SeqError::KmerLength`] when `k` is not in `1..=12`.
    pub fn new(k: usize) -> Result<Self, SeqError> {
        Self::spaced(Pattern::contiguous(k).map_err(|_| SeqError::KmerLength { k })?)
    }

    /// Counts of the k-mers that a pattern picks from every window.
    ///
    /// # Errors
    ///
    /// [`SeqError::KmerLength`] when the pattern's weight is above 12.
    pub fn spaced(pattern: Pattern) -> Result<Self, SeqError> {
        let k = pattern.weight();
        if k > MAX_K {
            return Err(SeqError::KmerLength { k });
        }
        Ok(Self {
            pattern,
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

    /// The number of channels.
    pub fn channels(&self) -> usize {
        let k = self.pattern.weight();
        let all = 1 << (2 * k);
        match (self.canonical, k % 2) {
            (false, _) => all,
            (true, 1) => all / 2,
            (true, _) => (all + (1 << k)) / 2,
        }
    }

    /// The word of every channel, in order; [`word_seq`](super::word_seq) spells it.
    ///
    /// ```
    /// use hairpin_seq::{Dna, KmerCounts, kmer::word_seq};
    ///
    /// let counter = KmerCounts::new(2)?.with_canonical(true)?;
    /// let names: Vec<String> = counter.words().map(|word| word_seq::<Dna>(word, 2).to_string()).collect();
    /// assert_eq!(names, ["AA", "AC", "AG", "AT", "CA", "CC", "CG", "GA", "GC", "TA"]);
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    pub fn words(&self) -> impl Iterator<Item = u64> + use<> {
        let (k, both) = (self.pattern.weight(), self.canonical);
        (0..1 << (2 * k)).filter(move |&word| !both || word == canonical(word, k))
    }

    /// Writes the exact counts over all of `out`; what `out` held does not matter. `frequencies` does not apply.
    ///
    /// # Panics
    ///
    /// When `out.len()` is not the number of channels.
    pub fn count_into<A: Nucleotide>(&self, seq: &Seq<A>, out: &mut [u64]) {
        check_out("KmerCounts", out.len(), 1, self.channels());
        if self.canonical {
            let mut counts = vec![0; 1 << (2 * self.pattern.weight())];
            self.count_strand(seq.codes(), &mut counts);
            self.join_strands(&counts, out);
        } else {
            out.fill(0);
            self.count_strand(seq.codes(), out);
        }
    }

    /// Adds the k-mers as they are to `counts`.
    fn count_strand(&self, codes: &[u8], counts: &mut [u64]) {
        // Further tables have to be cleared and added up, which a short sequence does not pay back.
        if codes.len() < 4 * counts.len() {
            tally(codes, &self.pattern, counts);
        } else {
            tally_long(codes, &self.pattern, counts);
        }
    }

    /// Adds the count of each k-mer to that of its reverse complement.
    fn join_strands<C: Copy + std::ops::Add<Output = C>>(&self, counts: &[C], out: &mut [C]) {
        let k = self.pattern.weight();
        let mut out = out.iter_mut();
        for (word, &count) in counts.iter().enumerate() {
            let reverse = reverse_complement_word(word as u64, k) as usize;
            if word > reverse {
                continue;
            }
            if let Some(value) = out.next() {
                *value = if word == reverse {
                    count
                } else {
                    count + counts[reverse]
                };
            }
        }
    }
}

/// Refuses a pattern that cannot be canonical.
pub(super) fn check_symmetric(pattern: &Pattern, canonical: bool) -> Result<(), SeqError> {
    if canonical && !pattern.is_symmetric() {
        return Err(SeqError::AsymmetricPattern {
            pattern: pattern.to_string(),
        });
    }
    Ok(())
}

impl<A: Nucleotide> Encode<A> for KmerCounts {
    fn channels(&self) -> usize {
        self.channels()
    }

    fn positions(&self, _len: usize) -> usize {
        1
    }

    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        check_out("KmerCounts", out.len(), 1, self.channels());
        let codes = seq.codes();
        if codes.len() >= (4 * out.len()).min(MAX_EXACT) {
            let mut counts = vec![0; out.len()];
            self.count_into(seq, &mut counts);
            let unit = self.unit(counts.iter().sum());
            for (value, count) in out.iter_mut().zip(counts) {
                *value = (count as f64 / unit) as f32;
            }
            return;
        }
        // A short sequence is counted where the row is wanted.
        if self.canonical {
            let mut counts = vec![0.0; 1 << (2 * self.pattern.weight())];
            tally(codes, &self.pattern, &mut counts);
            self.join_strands(&counts, out);
        } else {
            out.fill(0.0);
            tally(codes, &self.pattern, out);
        }
        if self.frequencies {
            let unit = self.unit(out.iter().map(|&count| count as u64).sum());
            for value in out {
                *value = (f64::from(*value) / unit) as f32;
            }
        }
    }
}

impl KmerCounts {
    /// What a count is divided by.
    fn unit(&self, windows: u64) -> f64 {
        if self.frequencies {
            windows.max(1) as f64
        } else {
            1.0
        }
    }
}
