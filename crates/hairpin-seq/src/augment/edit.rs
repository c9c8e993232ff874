//! Replaced, inserted and deleted symbols.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Augment, Augmented, Origin, probability, reordered};
use crate::{Alphabet, Seq, SeqError};

/// Replaces each known symbol, with probability `rate` and independently of the others, by another symbol; every other one has the same
/// probability.
///
/// Unknown positions stay unknown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mutate {
    rate: f64,
}

impl Mutate {
    /// Replaced symbols for each symbol, 0 to 1.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] for any other number.
    pub fn new(rate: f64) -> Result<Self, SeqError> {
        probability("the rate of Mutate", rate).map(|rate| Self { rate })
    }
}

impl<A: Alphabet> Augment<A> for Mutate {
    fn augment(&self, seq: &Seq<A>, rng: &mut ChaCha8Rng) -> Augmented<A> {
        let symbols = A::SYMBOLS.len();
        let replace = |&code: &u8| {
            let place = usize::from(code);
            if place >= symbols || symbols < 2 || !rng.random_bool(self.rate) {
                return code;
            }
            // A step around the circle of symbols that does not come back to the start.
            ((place + rng.random_range(1..symbols)) % symbols) as u8
        };
        Augmented {
            seq: Seq::from_checked(seq.codes().iter().map(replace).collect()),
            origin: Origin::identity(seq.len()),
        }
    }
}

/// Inserts a random symbol into each gap, with probability `rate` and independently of the others; the ends count as gaps, so a sequence of
/// `len` symbols has `len + 1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Insert {
    rate: f64,
}

impl Insert {
    /// Inserted symbols for each gap, 0 to 1.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] for any other number.
    pub fn new(rate: f64) -> Result<Self, SeqError> {
        probability("the rate of Insert", rate).map(|rate| Self { rate })
    }
}

impl<A: Alphabet> Augment<A> for Insert {
    fn augment(&self, seq: &Seq<A>, rng: &mut ChaCha8Rng) -> Augmented<A> {
        let mut codes = Vec::with_capacity(seq.len());
        let mut origin = Vec::with_capacity(seq.len());
        for gap in 0..=seq.len() {
            if rng.random_bool(self.rate) {
                codes.push(rng.random_range(0..Seq::<A>::UNKNOWN_CODE));
                origin.push(None);
            }
            if let Some(&code) = seq.codes().get(gap) {
                codes.push(code);
                origin.push(Some(gap));
            }
        }
        Augmented {
            seq: Seq::from_checked(codes),
            origin: Origin::new(origin),
        }
    }
}

/// Leaves out each position, with probability `rate` and independently of the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delete {
    rate: f64,
}

impl Delete {
    /// Deleted symbols for each symbol, 0 to 1.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] for any other number.
    pub fn new(rate: f64) -> Result<Self, SeqError> {
        probability("the rate of Delete", rate).map(|rate| Self { rate })
    }
}

impl<A: Alphabet> Augment<A> for Delete {
    fn augment(&self, seq: &Seq<A>, rng: &mut ChaCha8Rng) -> Augmented<A> {
        reordered(seq, (0..seq.len()).filter(|_| !rng.random_bool(self.rate)))
    }
}
