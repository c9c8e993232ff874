//! Counts of the symbols at every position of aligned sites.

use super::background::{Background, check_pseudocount};
use super::frequency::FrequencyMatrix;
use super::rows::Rows;
use crate::{Alphabet, Dna, Nucleotide, Rna, Seq, SeqError};

/// How often each symbol was seen at each position: `[width, symbols]`, weights allowed.
///
/// It has no scores: [`to_frequencies`](Self::to_frequencies) comes first.
#[derive(Clone, Debug, PartialEq)]
pub struct CountMatrix<A> {
    rows: Rows<A>,
}

impl<A: Alphabet> CountMatrix<A> {
    /// Takes counts in rows, one row per position, one value per symbol in the order of the codes.
    ///
    /// # Errors
    ///
    /// [`SeqError::MotifShape`] when there is no row or a row is cut short, [`SeqError::MotifValue`] for a count that is negative or not
    /// finite.
    pub fn new(counts: Vec<f64>) -> Result<Self, SeqError> {
        // The limit keeps sums of any number of counts finite.
        let accept = |count| (0.0..=1e15).contains(&count);
        let rows = Rows::new(counts, "count", "a number from 0 to 1e15", accept)?;
        Ok(Self { rows })
    }

    /// Counts aligned sites of equal length; unknown positions are not counted.
    ///
    /// # Errors
    ///
    /// [`SeqError::MotifShape`] when there is no site, a site is empty, or lengths differ.
    pub fn from_seqs<'a>(sites: impl IntoIterator<Item = &'a Seq<A>>) -> Result<Self, SeqError> {
        let n = A::SYMBOLS.len();
        let mut counts = Vec::new();
        for (index, site) in sites.into_iter().enumerate() {
            if index == 0 {
                counts = vec![0.0; site.len() * n];
            }
            if site.len() * n != counts.len() || site.is_empty() {
                return Err(SeqError::MotifShape {
                    expected: format!("sites of one length, the first has {}", counts.len() / n),
                    found: format!("{} positions in site {}", site.len(), index + 1),
                });
            }
            for (row, &code) in counts.chunks_exact_mut(n).zip(site.codes()) {
                if let Some(count) = row.get_mut(usize::from(code)) {
                    *count += 1.0;
                }
            }
        }
        Self::new(counts)
    }

    /// The number of positions.
    pub fn width(&self) -> usize {
        self.rows.width()
    }

    /// All counts, row after row.
    pub fn values(&self) -> &[f64] {
        self.rows.values()
    }

    /// The counts of one position, from 0.
    ///
    /// # Panics
    ///
    /// When `position` is not below [`width`](Self::width), as slices do.
    pub fn row(&self, position: usize) -> &[f64] {
        self.rows.row(position)
    }

    /// The largest sum of a row: the number of sites, when nothing was unknown.
    pub fn sites(&self) -> f64 {
        let sums = self.rows.iter().map(|row| row.iter().sum::<f64>());
        sums.fold(0.0, f64::max)
    }

    /// Frequencies, with `pseudocount` further sites of background added to every position:
    ///
    /// ```text
    /// f[i, s] = (c[i, s] + pseudocount * b[s]) / (sum over t of c[i, t] + pseudocount)
    /// ```
    ///
    /// A pseudocount of 1 to a few keeps a symbol that was not seen from being impossible; 0 adds nothing.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] for a negative pseudocount, [`SeqError::MotifSum`] for a position without any count when the
    /// pseudocount is 0.
    pub fn to_frequencies(
        &self,
        pseudocount: f64,
        background: &Background<A>,
    ) -> Result<FrequencyMatrix<A>, SeqError> {
        check_pseudocount(pseudocount)?;
        let mut frequencies = Vec::with_capacity(self.rows.values().len());
        for (index, row) in self.rows.iter().enumerate() {
            let total = row.iter().sum::<f64>() + pseudocount;
            if total <= 0.0 {
                return Err(SeqError::MotifSum {
                    position: index + 1,
                    sum: "0".to_owned(),
                });
            }
            let pairs = row.iter().zip(background.frequencies());
            frequencies.extend(pairs.map(|(count, b)| (count + pseudocount * b) / total));
        }
        FrequencyMatrix::new(frequencies)
    }
}

impl<A: Nucleotide> CountMatrix<A> {
    /// The counts of the other strand.
    pub fn reverse_complement(&self) -> Self {
        Self {
            rows: self.rows.reverse_complement(),
        }
    }
}

impl CountMatrix<Dna> {
    /// The same motif in RNA: U for T.
    pub fn transcribe(&self) -> CountMatrix<Rna> {
        CountMatrix {
            rows: self.rows.with_alphabet(),
        }
    }
}

impl CountMatrix<Rna> {
    /// The same motif in DNA: T for U.
    pub fn reverse_transcribe(&self) -> CountMatrix<Dna> {
        CountMatrix {
            rows: self.rows.with_alphabet(),
        }
    }
}
