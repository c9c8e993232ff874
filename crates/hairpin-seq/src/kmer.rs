//! k-mers: every window of k bases as one number, and how often each occurs.

use std::iter::FusedIterator;
use std::slice;

use crate::encode::check_out;
use crate::{Encode, Nucleotide, Seq, SeqError};

/// The longest k-mer: a row of 4^12 counts is 64 MiB of `f32`.
pub(crate) const MAX_K: usize = 12;

/// The indices of the k-mers of a sequence, from left to right; windows that hold an unknown base are skipped.
///
/// The index is the k-mer read as a number in base 4, first base most significant, with the codes as digits:
///
/// ```text
/// index(s) = sum over i in 0..k of code(s[i]) * 4^(k - 1 - i)         0 <= index < 4^k
/// ```
///
/// so that the order of the indices is the alphabetical order of the k-mers (`AA AC AG AT CA ...`).
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
/// When `k` is not in `1..=12`. A `k` that comes from a file is checked by [`KmerCounts::new`].
pub fn kmers<A: Nucleotide>(seq: &Seq<A>, k: usize) -> Kmers<'_> {
    assert!(
        (1..=MAX_K).contains(&k),
        "kmers: k is {k}, expected 1 to {MAX_K}"
    );
    Kmers {
        codes: seq.codes().iter(),
        k,
        mask: (1 << (2 * k)) - 1,
        index: 0,
        known: 0,
    }
}

/// The iterator that [`kmers`] returns.
#[derive(Clone, Debug)]
pub struct Kmers<'a> {
    codes: slice::Iter<'a, u8>,
    k: usize,
    mask: usize,
    /// The last k known bases as a number; older bases are shifted out.
    index: usize,
    /// How many known bases have been read without a break.
    known: usize,
}

impl Iterator for Kmers<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        for &code in &mut self.codes {
            if code < 4 {
                self.index = ((self.index << 2) | usize::from(code)) & self.mask;
                self.known += 1;
            } else {
                self.known = 0;
            }
            if self.known >= self.k {
                return Some(self.index);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.codes.len()))
    }
}

impl FusedIterator for Kmers<'_> {}

/// How often each k-mer occurs: one position with `4^k` channels, in the order of [`kmers`].
///
/// Windows overlap: a sequence of `len` known bases has `len - k + 1` of them. Windows that hold an unknown base are not counted,
/// and a sequence without any window gives zeros. The strand is taken as it is: a k-mer and its reverse complement are two
/// channels.
///
/// | option | default | meaning | range |
/// |---|---|---|---|
/// | `k` | required | bases in a window | 1 to 12 |
/// | `frequencies` | `false` | divide by the number of windows counted, so that the row sums to 1 | |
///
/// Counts grow with the sequence, frequencies do not. A count above 2^24 is rounded to the nearest `f32`.
///
/// ```
/// use hairpin_seq::{Dna, Encode, KmerCounts, Seq};
///
/// let seq: Seq<Dna> = "AACA".parse()?;
/// assert_eq!(KmerCounts::new(1)?.encode(&seq), [3., 1., 0., 0.]);
/// assert_eq!(KmerCounts::new(1)?.with_frequencies(true).encode(&seq), [0.75, 0.25, 0., 0.]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KmerCounts {
    k: usize,
    frequencies: bool,
}

impl KmerCounts {
    /// Counts of k-mers.
    ///
    /// # Errors
    ///
    /// [`SeqError::KmerLength`] when `k` is not in `1..=12`.
    pub fn new(k: usize) -> Result<Self, SeqError> {
        if (1..=MAX_K).contains(&k) {
            Ok(Self {
                k,
                frequencies: false,
            })
        } else {
            Err(SeqError::KmerLength { k })
        }
    }

    /// Whether the counts are divided by the number of windows counted.
    pub fn with_frequencies(self, frequencies: bool) -> Self {
        Self {
            frequencies,
            ..self
        }
    }
}

impl<A: Nucleotide> Encode<A> for KmerCounts {
    fn channels(&self) -> usize {
        1 << (2 * self.k)
    }

    fn positions(&self, _len: usize) -> usize {
        1
    }

    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        check_out("KmerCounts", out.len(), 1, Encode::<A>::channels(self));
        // An f32 that counts by ones sticks at 2^24, which a chromosome passes.
        let mut counts = vec![0_usize; out.len()];
        for index in kmers(seq, self.k) {
            counts[index] += 1;
        }
        let windows: usize = counts.iter().sum();
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
