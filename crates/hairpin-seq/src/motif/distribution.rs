//! How often a score is reached by chance: p-values of scores, and scores of p-values.

use super::scoring::ScoringMatrix;
use crate::{Alphabet, SeqError};

/// The most grid points a distribution may have: 64 MiB of probabilities.
const MAX_POINTS: f64 = (1 << 23) as f64;

/// The distribution of a motif's score over random windows, whose symbols are drawn from the matrix's background one by one.
///
/// Every score of the matrix is rounded to a multiple of `step`, and the distribution of the sum is then exact (Staden 1989,
/// doi:10.1093/bioinformatics/5.2.89):
///
/// ```text
/// P[0](0) = 1        P[i + 1](x + round(score[i, s] / step)) += P[i](x) * b[s]
/// ```
///
/// It is the true distribution when all scores are multiples of the step; otherwise [`bounds`](Self::bounds) says between what the true
/// p-value lies. What scores minus infinity never reaches any threshold.
///
/// ```
/// use hairpin_seq::motif::{Background, FrequencyMatrix, ScoreDistribution};
/// use hairpin_seq::Dna;
///
/// // A or C, then G: two windows of sixteen reach the best score.
/// let motif = FrequencyMatrix::<Dna>::new(vec![0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0])?;
/// let distribution = ScoreDistribution::new(&motif.to_scoring(&Background::uniform()), 0.001)?;
/// assert_eq!(distribution.p_value(3.0), 2.0 / 16.0);
/// assert_eq!(distribution.p_value(3.1), 0.0);
/// assert!((distribution.threshold(0.2)? - 3.0).abs() < 0.001);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ScoreDistribution {
    step: f64,
    width: usize,
    /// The lowest finite score, in steps.
    lowest: f64,
    /// The probability of each grid point or more, from `lowest` up.
    survival: Vec<f64>,
}

impl ScoreDistribution {
    /// Computes the distribution on a grid of `step` bits; 0.001 suits most matrices.
    ///
    /// Time and memory grow with the range of the scores divided by the step.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when the step is not above 0, or so small that the grid would have more than 2^23 points.
    pub fn new<A: Alphabet>(scores: &ScoringMatrix<A>, step: f64) -> Result<Self, SeqError> {
        let refuse = || SeqError::Setting {
            name: "step of the score grid",
            value: step.to_string(),
            expected: "a number of bits above 0 that cuts the range of the scores into 2^23 points at most",
        };
        if !(step > 0.0 && step.is_finite()) {
            return Err(refuse());
        }
        let (mut lowest, mut points) = (0.0, 1.0);
        for row in scores.rows() {
            let (low, high) = range(row, step);
            lowest += low;
            points += high - low;
        }
        // A quotient that overflowed is no number any more.
        if points.is_nan() || points > MAX_POINTS {
            return Err(refuse());
        }
        let mut now = vec![0.0; points as usize];
        let mut next = now.clone();
        now[0] = 1.0;
        let mut filled = 1;
        for row in scores.rows() {
            let (low, high) = range(row, step);
            let grown = filled + (high - low) as usize;
            next[..grown].fill(0.0);
            for (&score, &b) in row.iter().zip(scores.background().frequencies()) {
                if score > f64::NEG_INFINITY {
                    let shift = ((score / step).round() - low) as usize;
                    for (to, from) in next[shift..shift + filled].iter_mut().zip(&now) {
                        *to += from * b;
                    }
                }
            }
            filled = grown;
            std::mem::swap(&mut now, &mut next);
        }
        // From the top, so that small tails keep their digits.
        let mut sum = 0.0;
        for probability in now.iter_mut().rev() {
            sum += *probability;
            *probability = sum.min(1.0);
        }
        Ok(Self {
            step,
            width: scores.width(),
            lowest,
            survival: now,
        })
    }

    /// The probability that a random window scores at least `score`; 0 above the best score, and for NaN.
    pub fn p_value(&self, score: f64) -> f64 {
        let point = (score / self.step).round() - self.lowest;
        if point <= 0.0 {
            return self.survival[0];
        }
        if point < self.survival.len() as f64 {
            return self.survival[point as usize];
        }
        0.0
    }

    /// The lowest and the highest that the true p-value of `score` can be, given that rounding moved no window's score by more
    /// than `width * step / 2`.
    pub fn bounds(&self, score: f64) -> (f64, f64) {
        // Half a step more for the score itself, whose place between two points is lost.
        let slack = (self.width as f64 + 1.0) * self.step / 2.0;
        (self.p_value(score + slack), self.p_value(score - slack))
    }

    /// The lowest score with a p-value of `p_value` at most, so that `score >= threshold` is as rare as asked for.
    ///
    /// It lies half a step below its grid point, where rounding turns, so that [`p_value`](Self::p_value) of it is the p-value it
    /// stands for and no sum of the point itself is lost to rounding. When even the best score is less rare, the threshold lies above
    /// it and nothing is found.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when `p_value` is not above 0 and at most 1.
    pub fn threshold(&self, p_value: f64) -> Result<f64, SeqError> {
        if !(p_value > 0.0 && p_value <= 1.0) {
            return Err(SeqError::Setting {
                name: "p-value",
                value: p_value.to_string(),
                expected: "a number above 0, at most 1",
            });
        }
        let point = self.survival.partition_point(|&tail| tail > p_value);
        Ok((self.lowest + point as f64 - 0.5) * self.step)
    }
}

/// The lowest and highest finite score of a row, in steps; zeros when there is none.
fn range(row: &[f64], step: f64) -> (f64, f64) {
    let finite = row.iter().filter(|score| score.is_finite());
    let steps = finite.map(|score| (score / step).round());
    steps
        .map(|s| (s, s))
        .reduce(|(low, high), (s, _)| (low.min(s), high.max(s)))
        .unwrap_or((0.0, 0.0))
}
