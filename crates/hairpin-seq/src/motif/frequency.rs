//! The distribution of the symbols at every position.

use super::background::{Background, unit_sum};
use super::rows::Rows;
use super::scoring::ScoringMatrix;
use crate::{Alphabet, Dna, Nucleotide, Rna, SeqError};

/// The probability of each symbol at each position: `[width, symbols]`, every row adding up to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct FrequencyMatrix<A> {
    pub(super) rows: Rows<A>,
}

impl<A: Alphabet> FrequencyMatrix<A> {
    /// Takes frequencies in rows, one row per position, one value per symbol in the order of the codes.
    ///
    /// Rows are scaled to add up to 1, which mends the rounding of a file; those within 1e-9 of it are kept bit for bit.
    ///
    /// # Errors
    ///
    /// [`SeqError::MotifShape`] when there is no row or a row is cut short, [`SeqError::MotifValue`] for a value that is not between 0
    /// and 1 (with the same allowance), [`SeqError::MotifSum`] when a row is more than 0.01 away from a sum of 1.
    pub fn new(frequencies: Vec<f64>) -> Result<Self, SeqError> {
        let accept = |f| (0.0..=1.01).contains(&f);
        let rows = Rows::<A>::new(frequencies, "frequency", "a number from 0 to 1", accept)?;
        let mut values = Vec::with_capacity(rows.values().len());
        for (index, row) in rows.iter().enumerate() {
            values.extend(unit_sum(row, index + 1)?);
        }
        let rows = Rows::from_checked(values);
        Ok(Self { rows })
    }

    /// The number of positions.
    pub fn width(&self) -> usize {
        self.rows.width()
    }

    /// All frequencies, row after row.
    pub fn values(&self) -> &[f64] {
        self.rows.values()
    }

    /// The frequencies of one position, from 0.
    ///
    /// # Panics
    ///
    /// When `position` is not below [`width`](Self::width), as slices do.
    pub fn row(&self, position: usize) -> &[f64] {
        self.rows.row(position)
    }

    /// Mixes the background in, so that nothing is impossible any more: `(1 - share) * f + share * b`.
    ///
    /// For frequencies without counts, such as those of a MEME file; `pseudocount / (sites + pseudocount)` is the share that
    /// [`CountMatrix::to_frequencies`](super::CountMatrix::to_frequencies) would have mixed in.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when `share` is not between 0 and 1.
    pub fn smooth(&self, share: f64, background: &Background<A>) -> Result<Self, SeqError> {
        if !(0.0..=1.0).contains(&share) {
            return Err(SeqError::Setting {
                name: "share of the background",
                value: share.to_string(),
                expected: "a number from 0 to 1",
            });
        }
        let mix = |row: &[f64]| -> Vec<f64> {
            let pairs = row.iter().zip(background.frequencies());
            pairs.map(|(f, b)| (1.0 - share) * f + share * b).collect()
        };
        Self::new(self.rows.iter().flat_map(mix).collect())
    }

    /// Log odds against the background, `log2(f / b)` in bits; what never occurs scores minus infinity.
    pub fn to_scoring(&self, background: &Background<A>) -> ScoringMatrix<A> {
        let odds = |row: &[f64]| -> Vec<f64> {
            let pairs = row.iter().zip(background.frequencies());
            pairs.map(|(f, b)| (f / b).log2()).collect()
        };
        let scores = self.rows.iter().flat_map(odds).collect();
        ScoringMatrix::from_checked(Rows::from_checked(scores), background.clone())
    }
}

impl<A: Nucleotide> FrequencyMatrix<A> {
    /// The motif as it stands on the other strand.
    pub fn reverse_complement(&self) -> Self {
        Self {
            rows: self.rows.reverse_complement(),
        }
    }
}

impl FrequencyMatrix<Dna> {
    /// The same motif in RNA: U for T.
    pub fn transcribe(&self) -> FrequencyMatrix<Rna> {
        FrequencyMatrix {
            rows: self.rows.with_alphabet(),
        }
    }
}

impl FrequencyMatrix<Rna> {
    /// The same motif in DNA: T for U.
    pub fn reverse_transcribe(&self) -> FrequencyMatrix<Dna> {
        FrequencyMatrix {
            rows: self.rows.with_alphabet(),
        }
    }
}
