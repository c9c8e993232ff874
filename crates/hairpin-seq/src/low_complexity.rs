//! Low-complexity regions, found and masked.

use std::ops::Range;

use crate::{Alphabet, Nucleotide, Seq, SeqError, windowed_entropy};

/// Symmetric DUST: the low-complexity intervals of a nucleotide sequence (Morgulis, Gertz, Schäffer, Agarwala 2006,
/// doi:10.1089/cmb.2006.13.1028).
///
/// ```text
/// score(interval) = sum over triplets t of c_t (c_t - 1) / 2  divided by  (number of triplets - 1)
/// ```
///
/// `c_t` is how often the triplet occurs in the interval. An interval of at most `window` bases is *perfect* when its score is above
/// `threshold / 10` and no interval inside it scores higher; what is reported is the union of the perfect intervals. The result does
/// not depend on the strand. An unknown base ends every interval.
///
/// | option | default | meaning | range |
/// |---|---|---|---|
/// | `window` | 64 | the longest interval, in bases | 4 to 1024 |
/// | `threshold` | 20 | ten times the score that is too high | 0 and more |
///
/// ```
/// use hairpin_seq::{Dna, Dust, Seq};
///
/// let seq: Seq<Dna> = "GATCCTGACAAAAAAAAAAAAAAGTCTGACCATC".parse()?;
/// let intervals = Dust::default().intervals(&seq);
/// assert_eq!(intervals, [9..23]);
/// assert_eq!(seq.mask(&intervals).to_string(), "GATCCTGACNNNNNNNNNNNNNNGTCTGACCATC");
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dust {
    window: usize,
    threshold: u32,
}

impl Default for Dust {
    fn default() -> Self {
        Self {
            window: 64,
            threshold: 20,
        }
    }
}

impl Dust {
    /// The longest interval, in bases.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when `window` is not in `4..=1024`: the time grows with it.
    pub fn with_window(self, window: usize) -> Result<Self, SeqError> {
        if (4..=1024).contains(&window) {
            Ok(Self { window, ..self })
        } else {
            Err(SeqError::Setting {
                name: "window",
                value: window.to_string(),
                expected: "4 to 1024",
            })
        }
    }

    /// Ten times the score above which an interval is of low complexity: lower masks more.
    pub fn with_threshold(self, threshold: u32) -> Self {
        Self { threshold, ..self }
    }

    /// The intervals of low complexity, from left to right, counted from 0; none touches the next.
    pub fn intervals<A: Nucleotide>(&self, seq: &Seq<A>) -> Vec<Range<usize>> {
        let mut union = Vec::new();
        let mut start = 0;
        for run in seq.codes().split(|&code| code > 3) {
            self.run_intervals(run, start, &mut union);
            start += run.len() + 1;
        }
        union
    }

    /// The intervals of a run of known bases that starts at `offset`.
    ///
    /// With `best(i, j)` the highest score inside triplets `i..=j`: `best(i, j) = max(score(i, j), best(i + 1, j), best(i, j - 1))`. The
    /// triplet that ends the interval moves right, `i` moves left from it; the last of the three terms is what the step before left.
    fn run_intervals(&self, run: &[u8], offset: usize, union: &mut Vec<Range<usize>>) {
        let triplets: Vec<u8> = run
            .windows(3)
            .map(|t| t[0] << 4 | t[1] << 2 | t[2])
            .collect();
        let longest = self.window - 2;
        // Entry `i % longest` is best(i, j) as a fraction: repeats, and triplets less one.
        let mut best = vec![(0_u64, 1_u64); longest];
        let higher = |a: (u64, u64), b: (u64, u64)| a.0 * b.1 > b.0 * a.1;
        for (j, &last) in triplets.iter().enumerate() {
            let mut counts = [0_u64; 64];
            counts[usize::from(last)] = 1;
            let mut repeats = 0;
            let mut inside = (0, 1);
            best[j % longest] = inside;
            let mut first = None;
            for i in (j.saturating_sub(longest - 1)..j).rev() {
                let count = &mut counts[usize::from(triplets[i])];
                repeats += *count;
                *count += 1;
                let score = (repeats, (j - i) as u64);
                let entry = &mut best[i % longest];
                if higher(*entry, inside) {
                    inside = *entry;
                }
                if !higher(inside, score) {
                    inside = score;
                    if 10 * score.0 > u64::from(self.threshold) * score.1 {
                        first = Some(i);
                    }
                }
                *entry = inside;
            }
            if let Some(i) = first {
                add(union, offset + i..offset + j + 3);
            }
        }
    }
}

/// The stretches of windows whose [entropy](windowed_entropy) is below `bits`: for any alphabet, proteins too.
///
/// Every position of such a window is reported, from left to right; the stretches do not touch. For proteins, SEG's usual trigger is a
/// window of 12 below 2.2 bits (Wootton and Federhen 1993, doi:10.1016/0097-8485(93)85006-X); SEG also extends and trims, which this does
/// not.
///
/// ```
/// use hairpin_seq::{Protein, Seq, low_entropy};
///
/// let seq: Seq<Protein> = "MKVLAWDERTYQQQQQQQQQQQQQQGHIPFSCN".parse()?;
/// let masked = seq.mask(&low_entropy(&seq, 12, 1.0)?);
/// assert_eq!(masked.to_string(), "MKVLAWDERXXXXXXXXXXXXXXXXXXIPFSCN");
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
///
/// # Errors
///
/// [`SeqError::Setting`] when `window` is 0.
pub fn low_entropy<A: Alphabet>(
    seq: &Seq<A>,
    window: usize,
    bits: f64,
) -> Result<Vec<Range<usize>>, SeqError> {
    let mut union = Vec::new();
    for (start, entropy) in windowed_entropy(seq, window)?.into_iter().enumerate() {
        if entropy < bits {
            add(&mut union, start..start + window);
        }
    }
    Ok(union)
}

/// Adds an interval to a union, where intervals come with rising ends.
fn add(union: &mut Vec<Range<usize>>, interval: Range<usize>) {
    let mut interval = interval;
    while let Some(last) = union.last()
        && last.end >= interval.start
    {
        interval = last.start.min(interval.start)..last.end.max(interval.end);
        union.pop();
    }
    union.push(interval);
}

impl<A: Alphabet> Seq<A> {
    /// A copy with every position of the ranges, counted from 0, unknown.
    ///
    /// # Panics
    ///
    /// When a range reaches past the end or starts after its end, as slices do.
    pub fn mask(&self, ranges: &[Range<usize>]) -> Self {
        let mut codes = self.codes().to_vec();
        for range in ranges {
            codes[range.clone()].fill(Self::UNKNOWN_CODE);
        }
        Self::from_checked(codes)
    }
}
