//! Where a window is cut, and shifts.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Augment, Augmented, Origin, reordered};
use crate::{Alphabet, Seq};

/// Cuts a window of a fixed length; a sequence that is not longer is kept whole, for the caller to pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    length: usize,
    random: bool,
}

impl Crop {
    /// A window at a random place, every place with the same probability: for training.
    pub fn random(length: usize) -> Self {
        Self {
            length,
            random: true,
        }
    }

    /// The central window, the left one of two: for evaluation. Nothing is drawn.
    pub fn centred(length: usize) -> Self {
        Self {
            length,
            random: false,
        }
    }
}

impl<A: Alphabet> Augment<A> for Crop {
    fn augment(&self, seq: &Seq<A>, rng: &mut ChaCha8Rng) -> Augmented<A> {
        let room = seq.len().saturating_sub(self.length);
        let start = match room {
            0 => 0,
            _ if self.random => rng.random_range(0..=room),
            _ => room / 2,
        };
        reordered(seq, start..start + self.length.min(seq.len()))
    }
}

/// Shifts the sequence by up to `max` positions to either side, every shift with the same probability; the length is kept.
///
/// What leaves at one end is lost, or comes in at the other with [`Padding::Circular`]. A shift is never longer than the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    max: usize,
    padding: Padding,
}

/// What [`Jitter`] writes where nothing was shifted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// The unknown symbol.
    #[default]
    Unknown,
    /// The symbols that left at the other end, which keep their origin.
    Circular,
    /// Symbols drawn with equal probability.
    Random,
}

impl Jitter {
    /// Shifts from `-max` to `max`.
    pub fn new(max: usize, padding: Padding) -> Self {
        Self { max, padding }
    }
}

impl<A: Alphabet> Augment<A> for Jitter {
    fn augment(&self, seq: &Seq<A>, rng: &mut ChaCha8Rng) -> Augmented<A> {
        let len = seq.len();
        let max = self.max.min(len);
        // Position i comes from i + shift - max.
        let shift = rng.random_range(0..=2 * max);
        if self.padding == Padding::Circular {
            return reordered(seq, (0..len).map(|i| (i + len + shift - max) % len));
        }
        let from = |i: usize| (i + shift).checked_sub(max).filter(|&from| from < len);
        let origin: Vec<_> = (0..len).map(from).collect();
        let code = |from: &Option<usize>| match (from, self.padding) {
            (Some(i), _) => seq.codes()[*i],
            (None, Padding::Random) => rng.random_range(0..Seq::<A>::UNKNOWN_CODE),
            (None, _) => Seq::<A>::UNKNOWN_CODE,
        };
        Augmented {
            seq: Seq::from_checked(origin.iter().map(code).collect()),
            origin: Origin::new(origin),
        }
    }
}
