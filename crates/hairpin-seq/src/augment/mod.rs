//! Augmentation: the same sequence again, changed by chance in a way the target survives.
//!
//! An [`Augment`] is one step; an [`Augmenter`] applies a list of them in order, with a random stream of its own for every
//! `(seed, epoch, row)`, so that a row is changed in the same way whichever thread or batch it falls into.
//!
//! | step | what happens | length | alphabet |
//! |---|---|---|---|
//! | [`Reverse`] | read backwards, with probability p | kept | any |
//! | [`ReverseComplement`] | the other strand, with probability p | kept | nucleotides |
//! | [`Crop`] | a random or the central window | the window's, or kept when shorter | any |
//! | [`Jitter`] | shifted by a few positions | kept | any |
//! | [`Mutate`] | symbols replaced by other ones | kept | any |
//! | [`Insert`] | random symbols between the others | grows | any |
//! | [`Delete`] | symbols left out | shrinks | any |
//! | [`Shuffle`] | a random order, symbol counts kept | kept | any |
//! | [`ShuffleDinucleotides`] | a random order, counts of neighbours kept | kept | any |
//!
//! On rows of numbers work [`GaussianNoise`] (channels) and [`Mixup`] (two rows and their targets).
//!
//! ```
//! use hairpin_seq::augment::{Augmenter, Crop, Jitter, Mutate, Padding, ReverseComplement};
//! use hairpin_seq::{Dna, Seq};
//!
//! let augmenter = Augmenter::<Dna>::new(7)
//!     .then(Crop::random(8))
//!     .then(Jitter::new(2, Padding::Unknown))
//!     .then(ReverseComplement::new(0.5)?)
//!     .then(Mutate::new(0.05)?);
//! let seq: Seq<Dna> = "GATTACAGATTACA".parse()?;
//!
//! let once = augmenter.apply(&seq, 0, 3); // epoch 0, row 3
//! assert_eq!(once, augmenter.apply(&seq, 0, 3));
//! assert_eq!(once.seq.len(), 8);
//!
//! // Per-base targets follow their bases; what was padded gets the fill value.
//! let reactivity: Vec<f32> = (0..14).map(|i| i as f32).collect();
//! let moved = once.origin.carry(&reactivity, 1, f32::NAN);
//! assert_eq!(moved.len(), 8);
//! # Ok::<(), hairpin_seq::SeqError>(())
//! ```

mod edit;
mod mixup;
mod noise;
mod origin;
mod shuffle;
mod strand;
mod window;

pub use edit::{Delete, Insert, Mutate};
pub use mixup::{MixedPair, Mixup};
pub use noise::GaussianNoise;
pub use origin::Origin;
pub use shuffle::{Shuffle, ShuffleDinucleotides};
pub use strand::{Reverse, ReverseComplement};
pub use window::{Crop, Jitter, Padding};

use std::fmt;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{Alphabet, Seq, SeqError};

/// One random change of a sequence.
///
/// A step of your own is one function; it must draw from `rng` alone, so that the same seed gives the same result.
pub trait Augment<A: Alphabet> {
    /// The changed sequence, and where its positions came from.
    fn augment(&self, seq: &Seq<A>, rng: &mut ChaCha8Rng) -> Augmented<A>;
}

/// A changed sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Augmented<A: Alphabet> {
    /// The sequence after the change.
    pub seq: Seq<A>,
    /// Where each of its positions stood before.
    pub origin: Origin,
}

/// Steps in order, with one random stream for each row of each epoch.
///
/// The stream is ChaCha with 8 rounds under the key `(seed, epoch, row)`: streams of different rows are independent, and none
/// depends on which rows were changed before.
pub struct Augmenter<A: Alphabet> {
    seed: u64,
    steps: Vec<Box<dyn Augment<A> + Send + Sync>>,
}

impl<A: Alphabet> Augmenter<A> {
    /// No step yet: rows stay as they are.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            steps: Vec::new(),
        }
    }

    /// Adds a step after the others.
    pub fn then(mut self, step: impl Augment<A> + Send + Sync + 'static) -> Self {
        self.steps.push(Box::new(step));
        self
    }

    /// Row `row` as it is seen in `epoch`; the origin is over all steps.
    pub fn apply(&self, seq: &Seq<A>, epoch: u64, row: u64) -> Augmented<A> {
        let mut rng = row_rng(self.seed, epoch, row);
        let mut steps = self.steps.iter();
        let Some(first) = steps.next() else {
            return Augmented {
                seq: seq.clone(),
                origin: Origin::identity(seq.len()),
            };
        };
        steps.fold(first.augment(seq, &mut rng), |before, step| {
            let after = step.augment(&before.seq, &mut rng);
            Augmented {
                origin: before.origin.then(&after.origin),
                seq: after.seq,
            }
        })
    }
}

impl<A: Alphabet> fmt::Debug for Augmenter<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Augmenter")
            .field("seed", &self.seed)
            .field("steps", &self.steps.len())
            .finish()
    }
}

/// The random stream of a row in an epoch, for what is drawn outside an [`Augmenter`], such as noise.
///
/// For pairs of a batch ([`Mixup`]), pass the number of the batch as the row.
pub fn row_rng(seed: u64, epoch: u64, row: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (place, part) in key.chunks_exact_mut(8).zip([seed, epoch, row]) {
        place.copy_from_slice(&part.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// A sequence of the symbols at `order`, each of which came from there.
fn reordered<A: Alphabet>(seq: &Seq<A>, order: impl Iterator<Item = usize>) -> Augmented<A> {
    let origin: Vec<_> = order.map(Some).collect();
    let codes = origin.iter().flatten().map(|&i| seq.codes()[i]).collect();
    Augmented {
        seq: Seq::from_checked(codes),
        origin: Origin::new(origin),
    }
}

/// Accepts a probability or rate.
fn probability(name: &'static str, value: f64) -> Result<f64, SeqError> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(SeqError::Setting {
            name,
            value: value.to_string(),
            expected: "0 to 1",
        })
    }
}
