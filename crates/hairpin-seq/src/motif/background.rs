//! How often each symbol occurs where there is no motif.

use std::marker::PhantomData;

use crate::{Alphabet, Seq, SeqError};

/// A probability for every symbol of the alphabet, none of them zero, adding up to 1.
///
/// ```
/// use hairpin_seq::motif::Background;
/// use hairpin_seq::{Dna, Seq};
///
/// assert_eq!(Background::<Dna>::uniform().frequencies(), [0.25; 4]);
/// let seq: Seq<Dna> = "GGGCAT".parse()?;
/// assert_eq!(Background::from_seqs([&seq], 0.5)?.frequencies(), [1.5 / 8., 1.5 / 8., 3.5 / 8., 1.5 / 8.]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Background<A> {
    frequencies: Vec<f64>,
    alphabet: PhantomData<A>,
}

impl<A: Alphabet> Background<A> {
    /// Every symbol alike.
    pub fn uniform() -> Self {
        let n = A::SYMBOLS.len();
        Self::from_checked(vec![1.0 / n as f64; n])
    }

    /// Takes one frequency per symbol, in the order of the codes, and scales them to add up to exactly 1.
    ///
    /// # Errors
    ///
    /// [`SeqError::MotifShape`] for another number of values, [`SeqError::MotifValue`] for one that is not above zero and finite,
    /// [`SeqError::MotifSum`] when they are more than 0.01 away from a sum of 1.
    pub fn new(frequencies: &[f64]) -> Result<Self, SeqError> {
        let n = A::SYMBOLS.len();
        if frequencies.len() != n {
            return Err(SeqError::MotifShape {
                expected: format!("{n} background frequencies, one per {} symbol", A::NAME),
                found: format!("{} values", frequencies.len()),
            });
        }
        if let Some(code) = frequencies
            .iter()
            .position(|&f| !(f > 0.0 && f.is_finite()))
        {
            return Err(SeqError::MotifValue {
                what: "background frequency",
                position: code + 1,
                symbol: char::from(A::SYMBOLS[code]),
                value: frequencies[code].to_string(),
                expected: "a number above 0: a symbol that never occurs has no log odds",
            });
        }
        Ok(Self::from_checked(unit_sum(frequencies, 0)?))
    }

    /// Counts the symbols of the sequences, adding `pseudocount` to each; unknown positions are not counted.
    ///
    /// # Errors
    ///
    /// [`SeqError::MotifValue`] when a symbol is never seen and has no pseudocount; [`SeqError::Setting`] for a pseudocount that is
    /// negative or not finite.
    pub fn from_seqs<'a>(
        seqs: impl IntoIterator<Item = &'a Seq<A>>,
        pseudocount: f64,
    ) -> Result<Self, SeqError> {
        check_pseudocount(pseudocount)?;
        let mut counts = vec![0_u64; A::SYMBOLS.len() + 1];
        for seq in seqs {
            for &code in seq.codes() {
                counts[usize::from(code)] += 1;
            }
        }
        let counts = counts[..A::SYMBOLS.len()].iter();
        let counts: Vec<f64> = counts.map(|&count| count as f64 + pseudocount).collect();
        let total = counts.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let shares: Vec<f64> = counts.iter().map(|count| count / total).collect();
        Self::new(&shares)
    }

    pub(super) fn from_checked(frequencies: Vec<f64>) -> Self {
        Self {
            frequencies,
            alphabet: PhantomData,
        }
    }

    /// The frequencies, in the order of the codes.
    pub fn frequencies(&self) -> &[f64] {
        &self.frequencies
    }
}

/// Scales values that add up to 1 give or take the rounding of a file, and leaves alone those that do so already, so that what
/// was written is read back bit for bit. `position` counts from 1; 0 is the background.
pub(super) fn unit_sum(values: &[f64], position: usize) -> Result<Vec<f64>, SeqError> {
    let sum: f64 = values.iter().sum();
    if (sum - 1.0).abs() > 0.01 {
        return Err(SeqError::MotifSum {
            position,
            sum: format!("{sum:.6}"),
        });
    }
    let scale = if (sum - 1.0).abs() < 1e-9 { 1.0 } else { sum };
    Ok(values.iter().map(|value| value / scale).collect())
}

pub(super) fn check_pseudocount(pseudocount: f64) -> Result<(), SeqError> {
    if pseudocount >= 0.0 && pseudocount.is_finite() {
        return Ok(());
    }
    Err(SeqError::Setting {
        name: "pseudocount",
        value: pseudocount.to_string(),
        expected: "a number from 0 up",
    })
}
