//! p-values of motif similarity against a set of targets.

use super::compare::{ColumnScore, Overlap, Strand, check_min_overlap, overlaps};
use super::frequency::FrequencyMatrix;
use super::rows::Rows;
use crate::{Alphabet, Nucleotide, SeqError};

/// The most probabilities that a search holds: 512 MiB.
const MAX_POINTS: f64 = (1 << 26) as f64;

/// What happens to the query's positions that no position of the target lies along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unaligned {
    /// They score what they score with half of all target positions: every score is taken relative to the median of its query
    /// position, so that 0 is what is not aligned (Tanaka et al. 2011, doi:10.1093/bioinformatics/btr257). The best offset is the one
    /// with the highest score, and its p-value that of the highest score over all offsets. What the Tomtom of the MEME suite does
    /// unless told otherwise.
    #[default]
    Median,
    /// They are left out: every offset has its own p-value, the best offset is the one with the lowest, corrected for the number of
    /// offsets (Gupta et al. 2007).
    LeftOut,
}

/// A target as a query found it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Which target, counted from 0 in the order they were given.
    pub target: usize,
    /// The probability that a random target of this width matches as well at its best offset (and strand).
    pub p_value: f64,
    /// How many targets match as well by chance: the p-value times the number of targets.
    pub e_value: f64,
    /// The false discovery rate when this match and all better ones are kept (Benjamini and Hochberg 1995).
    pub q_value: f64,
    /// Where the target starts along the query; negative when it starts before.
    pub offset: isize,
    /// How many positions overlap.
    pub overlap: usize,
    /// [`Strand::Reverse`] when the target matched as its reverse complement.
    pub strand: Strand,
}

/// Searches a set of motifs for those like a query, as Tomtom does (Gupta et al. 2007, doi:10.1186/gb-2007-8-2-r24).
///
/// The null model draws every target position from all positions of all targets:
///
/// ```text
/// column null   P(score of query position i = x)  = share of all target positions that score x with it
/// offset null   P(sum over query positions i..j)  = convolution of the column nulls of i..j
/// LeftOut       p = 1 - (1 - min over offsets of p[offset])^offsets
/// Median        p = 1 - product over offsets of (1 - P(offset's score >= the best score))
/// both strands  p = 1 - (1 - lower of the two)^2, and both strands' positions in the column null
/// ```
///
/// so that the p-values depend on the set: with fewer than about 50 targets they are rough. Scores are rounded to `bins` steps over
/// their range (100 unless told otherwise).
///
/// ```
/// use hairpin_seq::motif::{Background, CountMatrix, Tomtom};
/// use hairpin_seq::{Rna, Seq};
///
/// let motif = |text: &str| {
///     let site: Seq<Rna> = text.parse()?;
///     CountMatrix::from_seqs([&site])?.to_frequencies(0.1, &Background::uniform())
/// };
/// let targets = ["UGUAAAUA", "GCAUGCA", "UUUUUUU", "ACUAACA", "CGCGGAGG", "GAAGGAA"].map(motif);
/// let targets = targets.into_iter().collect::<Result<Vec<_>, hairpin_seq::SeqError>>()?;
/// let found = Tomtom::new(&targets)?.search(&motif("GCAUG")?)?;
/// assert_eq!((found[0].target, found[0].offset, found[0].overlap), (1, 0, 5));
/// assert!(found[0].p_value < 0.01 && found[1].p_value > 0.1);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tomtom<A> {
    targets: Vec<Target<A>>,
    n_targets: usize,
    column: ColumnScore,
    unaligned: Unaligned,
    min_overlap: usize,
    bins: usize,
}

/// One strand of one target.
#[derive(Clone, Debug)]
struct Target<A> {
    index: usize,
    strand: Strand,
    rows: Rows<A>,
}

impl<A: Alphabet> Tomtom<A> {
    /// Searches these targets as they are given.
    ///
    /// # Errors
    ///
    /// [`SeqError::MotifShape`] when there is none.
    pub fn new(targets: &[FrequencyMatrix<A>]) -> Result<Self, SeqError> {
        Self::with_strands(targets, |rows| vec![(Strand::Forward, rows.clone())])
    }

    fn with_strands(
        targets: &[FrequencyMatrix<A>],
        strands: impl Fn(&Rows<A>) -> Vec<(Strand, Rows<A>)>,
    ) -> Result<Self, SeqError> {
        if targets.is_empty() {
            return Err(SeqError::MotifShape {
                expected: "at least one target motif".to_owned(),
                found: "none".to_owned(),
            });
        }
        let n_targets = targets.len();
        let targets = targets.iter().enumerate().flat_map(|(index, target)| {
            let target = strands(&target.rows).into_iter();
            target.map(move |(strand, rows)| Target {
                index,
                strand,
                rows,
            })
        });
        Ok(Self {
            targets: targets.collect(),
            n_targets,
            column: ColumnScore::Euclidean,
            unaligned: Unaligned::default(),
            min_overlap: 1,
            bins: 100,
        })
    }

    /// Compares positions by `column`; unless told, by Euclidean distance.
    pub fn column(mut self, column: ColumnScore) -> Self {
        self.column = column;
        self
    }

    /// What becomes of positions that do not overlap; unless told, [`Unaligned::Median`].
    pub fn unaligned(mut self, unaligned: Unaligned) -> Self {
        self.unaligned = unaligned;
        self
    }

    /// Considers overlaps of at least this many positions, or of the whole shorter motif where it has fewer; unless told, 1.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] for 0.
    pub fn min_overlap(mut self, positions: usize) -> Result<Self, SeqError> {
        check_min_overlap(positions)?;
        self.min_overlap = positions;
        Ok(self)
    }

    /// Rounds the score of two positions to this many steps.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when it is not from 10 to 10,000.
    pub fn bins(mut self, bins: usize) -> Result<Self, SeqError> {
        if !(10..=10_000).contains(&bins) {
            return Err(SeqError::Setting {
                name: "number of score bins",
                value: bins.to_string(),
                expected: "a number from 10 to 10,000",
            });
        }
        self.bins = bins;
        Ok(self)
    }

    /// One match for every target, best first; of equal p-values the one given first.
    ///
    /// # Errors
    ///
    /// [`SeqError::MotifShape`] when query and targets are so wide that the distributions would take more than 512 MiB: at 100 bins,
    /// when both have more than about 150 positions.
    pub fn search(&self, query: &FrequencyMatrix<A>) -> Result<Vec<Match>, SeqError> {
        let widest = self.targets.iter().map(|target| target.rows.width());
        let widest = widest.max().unwrap_or(0).min(query.width());
        let points =
            |length: usize| (query.width() - length + 1) as f64 * (length * self.bins) as f64;
        let points: f64 = (1..=widest).map(points).sum();
        if points + (query.width() as f64).powi(2) > MAX_POINTS {
            return Err(SeqError::MotifShape {
                expected: "a narrower query, or fewer score bins".to_owned(),
                found: format!(
                    "{} positions against {widest}, {} bins",
                    query.width(),
                    self.bins
                ),
            });
        }
        let null = Null::new(self, &query.rows, widest);
        let mut best: Vec<Option<Match>> = vec![None; self.n_targets];
        let mut start = 0;
        let strands = self.targets.len() / self.n_targets;
        for target in &self.targets {
            let found = self.place(&null, start, target);
            start += target.rows.width();
            let slot = &mut best[target.index];
            if slot.is_none_or(|best| found.p_value < best.p_value) {
                *slot = Some(found);
            }
        }
        let mut matches: Vec<Match> = best.into_iter().flatten().collect();
        for found in &mut matches {
            found.p_value = at_least_one(found.p_value, strands);
        }
        matches.sort_by(|a, b| a.p_value.total_cmp(&b.p_value));
        let n = matches.len() as f64;
        let mut lowest = 1.0_f64;
        for (rank, found) in matches.iter_mut().enumerate().rev() {
            found.e_value = found.p_value * n;
            lowest = lowest.min(found.e_value / (rank + 1) as f64);
            found.q_value = lowest;
        }
        Ok(matches)
    }

    /// The best offset of one target, whose first position is `start` among all target positions.
    fn place(&self, null: &Null, start: usize, target: &Target<A>) -> Match {
        let places = || overlaps(null.width, target.rows.width(), self.min_overlap);
        let mut found = Match {
            target: target.index,
            p_value: 1.0,
            e_value: 0.0,
            q_value: 0.0,
            offset: 0,
            overlap: 0,
            strand: target.strand,
        };
        let (mut best, mut count) = (f64::INFINITY, 0);
        for at in places() {
            let score = null.score(at, start);
            // Lower is better in both: a negated score, or a p-value.
            let rank = match self.unaligned {
                Unaligned::Median => -null.above_zero(at, score),
                Unaligned::LeftOut => null.tail(at, score),
            };
            if rank < best || rank == best && at.overlap > found.overlap {
                best = rank;
                found.offset = at.in_first as isize - at.in_second as isize;
                found.overlap = at.overlap;
            }
            count += 1;
        }
        found.p_value = match self.unaligned {
            Unaligned::LeftOut => at_least_one(best, count),
            Unaligned::Median => {
                let none = places().map(|at| {
                    let score = null.steps_for(at, -best);
                    (-null.tail(at, score)).ln_1p()
                });
                -none.sum::<f64>().exp_m1()
            }
        };
        found
    }
}

impl<A: Nucleotide> Tomtom<A> {
    /// Searches these targets on both strands.
    ///
    /// # Errors
    ///
    /// [`SeqError::MotifShape`] when there is none.
    pub fn both_strands(targets: &[FrequencyMatrix<A>]) -> Result<Self, SeqError> {
        Self::with_strands(targets, |rows| {
            vec![
                (Strand::Forward, rows.clone()),
                (Strand::Reverse, rows.reverse_complement()),
            ]
        })
    }
}

/// The probability that one of `n` independent events of probability `p` happens, for the smallest `p`, too.
fn at_least_one(p: f64, n: usize) -> f64 {
    -(n as f64 * (-p).ln_1p()).exp_m1()
}

/// A query against all target positions: scores in steps from 0 up, and the distributions of their sums.
struct Null {
    width: usize,
    n_columns: usize,
    /// `[query position, target position]`, in steps.
    scores: Vec<usize>,
    /// The step that means "not aligned": the median, which is zero where medians are subtracted.
    zero: f64,
    /// For each run of query positions, by first and length, the probability of each sum or more.
    tails: Vec<Vec<f64>>,
}

impl Null {
    fn new<A: Alphabet>(tomtom: &Tomtom<A>, query: &Rows<A>, widest: usize) -> Self {
        let columns: Vec<&[f64]> = tomtom.targets.iter().flat_map(|t| t.rows.iter()).collect();
        let (width, n_columns) = (query.width(), columns.len());
        let mut raw = Vec::with_capacity(width * n_columns);
        for row in query.iter() {
            let from = raw.len();
            raw.extend(columns.iter().map(|column| tomtom.column.of(row, column)));
            if tomtom.unaligned == Unaligned::Median {
                let middle = median(&raw[from..]);
                raw[from..].iter_mut().for_each(|score| *score -= middle);
            }
        }
        let low = raw.iter().copied().fold(f64::INFINITY, f64::min);
        let high = raw.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Where all score alike, any scale will do.
        let scale = tomtom.bins as f64 / (high - low).max(1e-9);
        let steps = |score: &f64| ((score - low) * scale).round() as usize;
        let scores: Vec<usize> = raw.iter().map(steps).collect();

        let column_null = |i: usize| {
            let mut null = vec![0.0; tomtom.bins + 1];
            for &score in &scores[i * n_columns..][..n_columns] {
                null[score] += 1.0 / n_columns as f64;
            }
            null
        };
        let columns: Vec<Vec<f64>> = (0..width).map(column_null).collect();
        let mut tails = vec![Vec::new(); width * width];
        for first in 0..width {
            let mut sum = vec![1.0];
            for length in 1..=widest.min(width - first) {
                sum = convolve(&sum, &columns[first + length - 1]);
                tails[first * width + length - 1] = tail_sums(&sum);
            }
        }
        Self {
            width,
            n_columns,
            scores,
            zero: -low * scale,
            tails,
        }
    }

    /// The sum of the steps of an overlap.
    fn score(&self, at: Overlap, start: usize) -> usize {
        let pairs = (0..at.overlap)
            .map(|i| self.scores[(at.in_first + i) * self.n_columns + start + at.in_second + i]);
        pairs.sum()
    }

    /// The sum with the median as zero, comparable between overlaps.
    fn above_zero(&self, at: Overlap, score: usize) -> f64 {
        score as f64 - self.zero * at.overlap as f64
    }

    /// The steps that an overlap needs to reach a sum above zero.
    fn steps_for(&self, at: Overlap, score: f64) -> usize {
        // Less what rounding may have added.
        (score + self.zero * at.overlap as f64 - 1e-6)
            .ceil()
            .max(0.0) as usize
    }

    /// The probability that the positions of an overlap reach this sum.
    fn tail(&self, at: Overlap, score: usize) -> f64 {
        let tail = &self.tails[at.in_first * self.width + at.overlap - 1];
        tail.get(score).copied().unwrap_or(0.0)
    }
}

fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; a.len() + b.len() - 1];
    for (i, &x) in a.iter().enumerate().filter(|(_, x)| **x > 0.0) {
        for (to, y) in sum[i..].iter_mut().zip(b) {
            *to += x * y;
        }
    }
    sum
}

fn tail_sums(probabilities: &[f64]) -> Vec<f64> {
    let mut tails = probabilities.to_vec();
    let mut sum = 0.0;
    for tail in tails.iter_mut().rev() {
        sum += *tail;
        *tail = sum.min(1.0);
    }
    tails
}

/// The middle value, or the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[half - 1], sorted[half])
    } else {
        sorted[half]
    }
}
