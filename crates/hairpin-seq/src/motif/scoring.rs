//! Log odds of the symbols at every position.

use super::background::Background;
use super::frequency::FrequencyMatrix;
use super::rows::Rows;
use crate::{Alphabet, Nucleotide, Seq, SeqError};

/// The score of each symbol at each position, `[width, symbols]`, in bits: a position weight matrix.
///
/// ```text
/// score(window) = sum over i of log2(f[i, window[i]] / b[window[i]])
/// ```
///
/// A score may be minus infinity, where a symbol never occurs. A window over an unknown position has no score.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoringMatrix<A> {
    rows: Rows<A>,
    background: Background<A>,
}

impl<A: Alphabet> ScoringMatrix<A> {
    /// Takes scores as another program made them, with the background they were made against.
    ///
    /// # Errors
    ///
    /// [`SeqError::MotifShape`] when there is no row or a row is cut short, [`SeqError::MotifValue`] for a score that is neither within
    /// ±1e6 bits nor minus infinity.
    pub fn new(scores: Vec<f64>, background: Background<A>) -> Result<Self, SeqError> {
        // Within the limit a sum of `f32` stays far from overflow, which the scanner relies on.
        let accept = |score: f64| score.abs() <= 1e6 || score == f64::NEG_INFINITY;
        let expected = "bits within ±1e6, or minus infinity for what never occurs";
        let rows = Rows::new(scores, "score", expected, accept)?;
        Ok(Self { rows, background })
    }

    pub(super) fn from_checked(rows: Rows<A>, background: Background<A>) -> Self {
        Self { rows, background }
    }

    /// The number of positions.
    pub fn width(&self) -> usize {
        self.rows.width()
    }

    /// All scores, row after row.
    pub fn values(&self) -> &[f64] {
        self.rows.values()
    }

    /// The scores of one position, from 0.
    ///
    /// # Panics
    ///
    /// When `position` is not below [`width`](Self::width), as slices do.
    pub fn row(&self, position: usize) -> &[f64] {
        self.rows.row(position)
    }

    /// What the scores were made against.
    pub fn background(&self) -> &Background<A> {
        &self.background
    }

    /// The highest score of any window.
    pub fn max_score(&self) -> f64 {
        let highest = |row: &[f64]| row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.rows.iter().map(highest).sum()
    }

    /// The lowest score of any window; minus infinity when some symbol never occurs somewhere.
    pub fn min_score(&self) -> f64 {
        let lowest = |row: &[f64]| row.iter().copied().fold(f64::INFINITY, f64::min);
        self.rows.iter().map(lowest).sum()
    }

    /// The score of the window that starts at `position` (from 0); `None` past the end and over unknown positions.
    pub fn score_at(&self, seq: &Seq<A>, position: usize) -> Option<f64> {
        let end = position.checked_add(self.width())?;
        self.score_codes(seq.codes().get(position..end)?)
    }

    /// The sum over one window, from left to right; `None` when a code is unknown.
    pub(super) fn score_codes(&self, window: &[u8]) -> Option<f64> {
        let mut score = 0.0;
        for (row, &code) in self.rows.iter().zip(window) {
            score += row.get(usize::from(code))?;
        }
        Some(score)
    }

    pub(super) fn rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.rows.iter()
    }

    /// Back to frequencies: `b * 2^score`, scaled to add up to 1.
    ///
    /// # Errors
    ///
    /// [`SeqError::MotifSum`] when every symbol of a position scores minus infinity.
    pub fn to_frequencies(&self) -> Result<FrequencyMatrix<A>, SeqError> {
        let mut frequencies = Vec::with_capacity(self.rows.values().len());
        for (index, row) in self.rows.iter().enumerate() {
            // Relative to the highest score, so that no power overflows.
            let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if top == f64::NEG_INFINITY {
                return Err(SeqError::MotifSum {
                    position: index + 1,
                    sum: "0".to_owned(),
                });
            }
            let pairs = row.iter().zip(self.background.frequencies());
            let odds: Vec<f64> = pairs.map(|(s, b)| b * (s - top).exp2()).collect();
            let total: f64 = odds.iter().sum();
            frequencies.extend(odds.iter().map(|value| value / total));
        }
        FrequencyMatrix::new(frequencies)
    }
}

impl<A: Nucleotide> ScoringMatrix<A> {
    /// The scores for finding the motif on the other strand: a window scores as its reverse complement did.
    ///
    /// The background is complemented with them.
    pub fn reverse_complement(&self) -> Self {
        let mut frequencies = self.background.frequencies().to_vec();
        frequencies.reverse();
        Self {
            rows: self.rows.reverse_complement(),
            background: Background::from_checked(frequencies),
        }
    }
}
