//! Where in the sequence a position stands, as channels.

use crate::encode::check_out;
use crate::{Alphabet, Encode, Seq, SeqError};

/// The sine and cosine position encoding of the transformer (Vaswani et al. 2017, arXiv:1706.03762):
///
/// ```text
/// out[p, 2i]     = sin(p / base^(2i / channels))
/// out[p, 2i + 1] = cos(p / base^(2i / channels))         p from 0, i from 0
/// ```
///
/// | option | default | meaning | range |
/// |---|---|---|---|
/// | `channels` | required | sines and cosines together | even, 2 and more |
/// | `base` | 10000 | the longest wave is `2 pi base` positions | finite, more than 1 |
///
/// Computed in `f64` and rounded.
///
/// ```
/// use hairpin_seq::{Dna, Encode, Seq, Sinusoidal};
///
/// let seq: Seq<Dna> = "AC".parse()?;
/// let rows = Sinusoidal::new(2)?.encode(&seq);
/// assert_eq!(rows, [0., 1., 1_f64.sin() as f32, 1_f64.cos() as f32]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sinusoidal {
    channels: usize,
    base: f64,
}

impl Sinusoidal {
    /// Waves of 1 to 10000 radians per position.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when `channels` is 0 or odd.
    pub fn new(channels: usize) -> Result<Self, SeqError> {
        if channels == 0 || !channels.is_multiple_of(2) {
            return Err(SeqError::Setting {
                name: "channels",
                value: channels.to_string(),
                expected: "an even number, 2 or more",
            });
        }
        Ok(Self {
            channels,
            base: 10_000.0,
        })
    }

    /// How much longer the longest wave is than the shortest.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when `base` is not finite and more than 1.
    pub fn with_base(self, base: f64) -> Result<Self, SeqError> {
        if base.is_finite() && base > 1.0 {
            Ok(Self { base, ..self })
        } else {
            Err(SeqError::Setting {
                name: "base",
                value: base.to_string(),
                expected: "a finite number above 1",
            })
        }
    }
}

impl<A: Alphabet> Encode<A> for Sinusoidal {
    fn channels(&self) -> usize {
        self.channels
    }

    fn positions(&self, len: usize) -> usize {
        len
    }

    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        check_out("Sinusoidal", out.len(), seq.len(), self.channels);
        let frequencies: Vec<f64> = (0..self.channels / 2)
            .map(|i| self.base.powf(-2.0 * i as f64 / self.channels as f64))
            .collect();
        for (position, row) in out.chunks_exact_mut(self.channels).enumerate() {
            let (pairs, _) = row.as_chunks_mut::<2>();
            for (pair, frequency) in pairs.iter_mut().zip(&frequencies) {
                let (sin, cos) = (position as f64 * frequency).sin_cos();
                *pair = [sin as f32, cos as f32];
            }
        }
    }
}

/// The distance from a landmark as a share of the sequence's length: one channel.
///
/// ```text
/// out[p] = (p - landmark) / max(len - 1, 1)
/// ```
///
/// ```
/// use hairpin_seq::{Dna, Encode, Landmark, RelativePosition, Seq};
///
/// let seq: Seq<Dna> = "ACG".parse()?;
/// let from = |landmark| RelativePosition { landmark }.encode(&seq);
/// assert_eq!(from(Landmark::Start), [0., 0.5, 1.]);
/// assert_eq!(from(Landmark::Centre), [-0.5, 0., 0.5]);
/// assert_eq!(from(Landmark::End), [-1., -0.5, 0.]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RelativePosition {
    /// What is at 0.
    pub landmark: Landmark,
}

/// A position that every sequence has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Landmark {
    /// The first position: values from 0 to 1.
    #[default]
    Start,
    /// The middle, between two positions when their number is even: values from -1/2 to 1/2.
    Centre,
    /// The last position: values from -1 to 0.
    End,
}

impl<A: Alphabet> Encode<A> for RelativePosition {
    fn channels(&self) -> usize {
        1
    }

    fn positions(&self, len: usize) -> usize {
        len
    }

    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        check_out("RelativePosition", out.len(), seq.len(), 1);
        let last = seq.len().saturating_sub(1) as f64;
        let landmark = match self.landmark {
            Landmark::Start => 0.0,
            Landmark::Centre => last / 2.0,
            Landmark::End => last,
        };
        for (position, value) in out.iter_mut().enumerate() {
            *value = ((position as f64 - landmark) / last.max(1.0)) as f32;
        }
    }
}
