//! How alike two motifs are, over all ways to lay one along the other.

use super::frequency::FrequencyMatrix;
use super::rows::Rows;
use crate::{Alphabet, Nucleotide, SeqError};

/// On which strand a motif was found or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strand {
    /// As given.
    Forward,
    /// Reverse complement.
    Reverse,
}

/// How alike two positions are; more is more alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColumnScore {
    /// Pearson's correlation of the two distributions, -1 to 1; 0 where one of them is uniform (Pietrokovski 1996,
    /// doi:10.1093/nar/24.19.3836).
    #[default]
    Pearson,
    /// `1 - d / sqrt(2)` of the Euclidean distance `d`, 0 to 1 (Choi et al. 2004, doi:10.1093/nar/gkh1004).
    Euclidean,
    /// `2 - d^2`, 0 to 2 (Sandelin and Wasserman 2004, doi:10.1016/j.jmb.2004.02.048).
    SandelinWasserman,
}

impl ColumnScore {
    /// The score of two rows of frequencies.
    pub(super) fn of(self, a: &[f64], b: &[f64]) -> f64 {
        let squares = || a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
        match self {
            Self::Euclidean => 1.0 - (squares() / 2.0).sqrt(),
            Self::SandelinWasserman => 2.0 - squares(),
            Self::Pearson => {
                // Rows add up to 1, so both means are one over the number of symbols.
                let mean = 1.0 / a.len() as f64;
                let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
                for (x, y) in a.iter().zip(b) {
                    ab += (x - mean) * (y - mean);
                    aa += (x - mean) * (x - mean);
                    bb += (y - mean) * (y - mean);
                }
                // Below this a row is uniform but for rounding.
                if aa.min(bb) < 1e-18 {
                    return 0.0;
                }
                (ab / (aa * bb).sqrt()).clamp(-1.0, 1.0)
            }
        }
    }
}

/// What the sum over the overlapping positions is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Share {
    /// The number of positions that overlap: a short motif within a long one is as good as the long one itself.
    #[default]
    Overlap,
    /// The number of positions that either motif covers: what hangs over counts as 0. Suits clustering.
    Span,
}

/// The best way to lay one motif along another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// The mean score of the positions, as [`Share`] says.
    pub score: f64,
    /// Where the second motif starts along the first, counted from the first one's start; negative when it starts before.
    pub offset: isize,
    /// How many positions overlap.
    pub overlap: usize,
    /// [`Strand::Reverse`] when the second motif was reverse complemented.
    pub strand: Strand,
}

/// Compares motifs over all offsets.
///
/// ```
/// use hairpin_seq::motif::{Background, Comparison, CountMatrix};
/// use hairpin_seq::{Dna, Seq};
///
/// let motif = |text: &str| {
///     let site: Seq<Dna> = text.parse()?;
///     CountMatrix::from_seqs([&site])?.to_frequencies(0.0, &Background::uniform())
/// };
/// let (long, short) = (motif("TTGACGTCA")?, motif("GACG")?);
/// let best = Comparison::default().min_overlap(4)?.compare(&long, &short);
/// assert_eq!((best.score, best.offset, best.overlap), (1.0, 2, 4));
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    column: ColumnScore,
    min_overlap: usize,
    share: Share,
}

/// Pearson's correlation over overlaps of 4 and more.
impl Default for Comparison {
    fn default() -> Self {
        Self {
            column: ColumnScore::default(),
            min_overlap: 4,
            share: Share::default(),
        }
    }
}

impl Comparison {
    /// Compares positions by `column`.
    pub fn column(mut self, column: ColumnScore) -> Self {
        self.column = column;
        self
    }

    /// Divides by what `share` says.
    pub fn share(mut self, share: Share) -> Self {
        self.share = share;
        self
    }

    /// Considers overlaps of at least this many positions, or of the whole shorter motif where it has fewer.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] for 0.
    pub fn min_overlap(mut self, positions: usize) -> Result<Self, SeqError> {
        check_min_overlap(positions)?;
        self.min_overlap = positions;
        Ok(self)
    }

    /// The best alignment of `b` along `a`; of equals the longest overlap, then the first offset.
    ///
    /// The score does not depend on which of the two comes first.
    pub fn compare<A: Alphabet>(
        &self,
        a: &FrequencyMatrix<A>,
        b: &FrequencyMatrix<A>,
    ) -> Alignment {
        self.best(&a.rows, &b.rows, Strand::Forward)
    }

    /// The better of [`compare`](Self::compare) with `b` and with its reverse complement; `b` itself when both are as good.
    pub fn compare_both_strands<A: Nucleotide>(
        &self,
        a: &FrequencyMatrix<A>,
        b: &FrequencyMatrix<A>,
    ) -> Alignment {
        let forward = self.best(&a.rows, &b.rows, Strand::Forward);
        let reverse = self.best(&a.rows, &b.rows.reverse_complement(), Strand::Reverse);
        if reverse.score > forward.score {
            reverse
        } else {
            forward
        }
    }

    fn best<A: Alphabet>(&self, a: &Rows<A>, b: &Rows<A>, strand: Strand) -> Alignment {
        let alignments = overlaps(a.width(), b.width(), self.min_overlap).map(|at| {
            let pairs = (0..at.overlap).map(|i| (a.row(at.in_first + i), b.row(at.in_second + i)));
            let sum: f64 = pairs.map(|(x, y)| self.column.of(x, y)).sum();
            let positions = match self.share {
                Share::Overlap => at.overlap,
                Share::Span => a.width() + b.width() - at.overlap,
            };
            Alignment {
                score: sum / positions as f64,
                offset: at.in_first as isize - at.in_second as isize,
                overlap: at.overlap,
                strand,
            }
        });
        let none = Alignment {
            score: f64::NEG_INFINITY,
            offset: 0,
            overlap: 0,
            strand,
        };
        alignments.fold(none, |best, next| {
            let order = next.score.total_cmp(&best.score);
            if order.then(next.overlap.cmp(&best.overlap)).is_gt() {
                next
            } else {
                best
            }
        })
    }
}

pub(super) fn check_min_overlap(positions: usize) -> Result<(), SeqError> {
    if positions > 0 {
        return Ok(());
    }
    Err(SeqError::Setting {
        name: "minimum overlap",
        value: "0".to_owned(),
        expected: "at least 1 position",
    })
}

/// Where the overlap of two motifs starts in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overlap {
    pub(super) in_first: usize,
    pub(super) in_second: usize,
    pub(super) overlap: usize,
}

/// All ways to lay the second motif along the first with the least overlap asked for, from left to right.
pub(super) fn overlaps(
    first: usize,
    second: usize,
    min_overlap: usize,
) -> impl Iterator<Item = Overlap> {
    let least = min_overlap.min(first).min(second);
    (1..first + second).filter_map(move |end| {
        // `end` is where the second motif ends along the first.
        let in_first = end.saturating_sub(second);
        let overlap = end.min(first) - in_first;
        (overlap >= least).then_some(Overlap {
            in_first,
            in_second: second.saturating_sub(end),
            overlap,
        })
    })
}
