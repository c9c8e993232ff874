//! The other direction and the other strand.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Augment, Augmented, Origin, probability, reordered};
use crate::{Alphabet, Nucleotide, Seq, SeqError};

/// Reads the sequence backwards with a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reverse {
    p: f64,
}

impl Reverse {
    /// With probability `p`, 0 to 1.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] for any other number.
    pub fn new(p: f64) -> Result<Self, SeqError> {
        probability("the probability of Reverse", p).map(|p| Self { p })
    }
}

impl<A: Alphabet> Augment<A> for Reverse {
    fn augment(&self, seq: &Seq<A>, rng: &mut ChaCha8Rng) -> Augmented<A> {
        if rng.random_bool(self.p) {
            reordered(seq, (0..seq.len()).rev())
        } else {
            reordered(seq, 0..seq.len())
        }
    }
}

/// Reads the opposite strand with a probability.
///
/// The origin follows the positions; targets that differ between the strands must be exchanged by the caller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReverseComplement {
    p: f64,
}

impl ReverseComplement {
    /// With probability `p`, 0 to 1.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] for any other number.
    pub fn new(p: f64) -> Result<Self, SeqError> {
        probability("the probability of ReverseComplement", p).map(|p| Self { p })
    }
}

impl<A: Nucleotide> Augment<A> for ReverseComplement {
    fn augment(&self, seq: &Seq<A>, rng: &mut ChaCha8Rng) -> Augmented<A> {
        if rng.random_bool(self.p) {
            Augmented {
                seq: seq.reverse_complement(),
                origin: Origin::new((0..seq.len()).rev().map(Some).collect()),
            }
        } else {
            reordered(seq, 0..seq.len())
        }
    }
}
