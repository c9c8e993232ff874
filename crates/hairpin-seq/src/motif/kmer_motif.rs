//! A motif from scored k-mers.

use super::count::CountMatrix;
use crate::{Alphabet, Seq, SeqError};

/// Makes a motif of the k-mers with the highest scores, as RNAcompete does of 7-mer Z-scores (Ray et al. 2013,
/// doi:10.1038/nature12311): the best ones are laid along the very best without gaps, and add up with their scores as weights.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `top` | 10 | how many k-mers are used; those with a score of 0 or less never are |
/// | `max_shift` | 2 | by how many positions one may be moved against the best |
/// | `min_matches` | 4 | how many symbols must then agree with the best, or the k-mer is left out |
/// | `min_coverage` | 0.5 | the share of the total weight that a position needs to belong to the motif |
///
/// Each k-mer takes the shift with most agreements; of equals the smaller shift, to the right before to the left. Where one does not reach,
/// its weight is shared evenly by all symbols.
///
/// ```
/// use hairpin_seq::motif::{Background, KmerMotif};
/// use hairpin_seq::{Rna, Seq};
///
/// let scored = [("UGCAUGU", 9.0), ("GCAUGUA", 6.0), ("UUGCAUG", 6.0), ("AAAAAAA", 0.1)];
/// let kmers = scored.iter().map(|(kmer, score)| Ok((kmer.parse::<Seq<Rna>>()?, *score)));
/// let kmers = kmers.collect::<Result<Vec<_>, hairpin_seq::SeqError>>()?;
/// let counts = KmerMotif::default().fit(&kmers)?;
/// let motif = counts.to_frequencies(0.0, &Background::uniform())?;
/// assert_eq!(motif.consensus().to_string(), "UGCAUGU");
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KmerMotif {
    /// How many k-mers are used.
    pub top: usize,
    /// By how many positions one may be moved against the best.
    pub max_shift: usize,
    /// How many symbols must agree with the best.
    pub min_matches: usize,
    /// The share of the total weight that a position needs.
    pub min_coverage: f64,
}

impl Default for KmerMotif {
    fn default() -> Self {
        Self {
            top: 10,
            max_shift: 2,
            min_matches: 4,
            min_coverage: 0.5,
        }
    }
}

impl KmerMotif {
    /// The weighted counts, from k-mers of one length in any order; of equal scores the one given first.
    ///
    /// # Errors
    ///
    /// [`SeqError::MotifShape`] when lengths differ or no k-mer has a score above 0; [`SeqError::Setting`] for a score that is NaN or infinite, and for a `min_coverage`
    /// that is not between 0 and 1.
    pub fn fit<A: Alphabet>(&self, kmers: &[(Seq<A>, f64)]) -> Result<CountMatrix<A>, SeqError> {
        if !(0.0..=1.0).contains(&self.min_coverage) {
            return Err(SeqError::Setting {
                name: "minimum coverage",
                value: self.min_coverage.to_string(),
                expected: "a number from 0 to 1",
            });
        }
        let mut ranked: Vec<(&[u8], f64)> = Vec::with_capacity(kmers.len());
        for (kmer, score) in kmers {
            // The limit keeps sums finite.
            if score.is_nan() || score.abs() > 1e9 {
                return Err(SeqError::Setting {
                    name: "score of a k-mer",
                    value: score.to_string(),
                    expected: "a number within ±1e9",
                });
            }
            ranked.push((kmer.codes(), *score));
        }
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked.truncate(self.top);
        ranked.retain(|(_, score)| *score > 0.0);
        let Some(&(best, _)) = ranked.first().filter(|(best, _)| !best.is_empty()) else {
            return Err(SeqError::MotifShape {
                expected: "k-mers with scores above 0".to_owned(),
                found: format!("none among {}", kmers.len()),
            });
        };
        let k = best.len();
        if let Some((kmer, _)) = kmers.iter().find(|(kmer, _)| kmer.len() != k) {
            return Err(SeqError::MotifShape {
                expected: format!("k-mers of one length, the best has {k}"),
                found: format!("{kmer} of {}", kmer.len()),
            });
        }
        let reach = self.max_shift.min(k - 1);
        let n = A::SYMBOLS.len();
        let mut counts = vec![0.0; (k + 2 * reach) * n];
        let mut coverage = vec![0.0; k + 2 * reach];
        let mut total = 0.0;
        for (index, &(kmer, weight)) in ranked.iter().enumerate() {
            let (start, matches) = lay(best, kmer, reach);
            if index > 0 && matches < self.min_matches {
                continue;
            }
            total += weight;
            for (i, &code) in kmer.iter().enumerate() {
                if usize::from(code) < n {
                    counts[(start + i) * n + usize::from(code)] += weight;
                    coverage[start + i] += weight;
                }
            }
        }
        let covered = |position: &usize| coverage[*position] >= self.min_coverage * total;
        let positions = reach..reach + k;
        // The positions of the best k-mer and what hangs over on either side, as far as it is covered without a break.
        let before = (0..positions.start).rev().take_while(covered).last();
        let after = (positions.end..counts.len() / n).take_while(covered).last();
        let first = before.unwrap_or(positions.start);
        let last = after.unwrap_or(positions.end - 1);
        let mut kept = Vec::with_capacity((last + 1 - first) * n);
        for position in first..=last {
            let missing = (total - coverage[position]).max(0.0) / n as f64;
            kept.extend(
                counts[position * n..][..n]
                    .iter()
                    .map(|count| count + missing),
            );
        }
        CountMatrix::new(kept)
    }
}

/// Where a k-mer starts along the best one, which starts at `reach`, and how many known symbols then agree.
fn lay(best: &[u8], kmer: &[u8], reach: usize) -> (usize, usize) {
    let matches = |start: usize| {
        // Both are looked at from the later start on.
        let (skip_best, skip_kmer) = (start.saturating_sub(reach), reach.saturating_sub(start));
        let pairs = best[skip_best..].iter().zip(&kmer[skip_kmer..]);
        pairs.filter(|(a, b)| a == b).count()
    };
    let mut found = (reach, matches(reach));
    for shift in 1..=reach {
        for start in [reach + shift, reach - shift] {
            let agree = matches(start);
            if agree > found.1 {
                found = (start, agree);
            }
        }
    }
    found
}
