//! Noise on channels.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::SeqError;

/// Adds independent Gaussian noise of mean 0 to row-major `[positions, channels]` values.
///
/// ```
/// use hairpin_seq::augment::{GaussianNoise, row_rng};
///
/// let mut rows = [1.0, 0.0, 0.0, 1.0];
/// let noise = GaussianNoise::per_channel(vec![0.1, 0.0])?; // the second channel stays as it is
/// noise.add_to(&mut rows, &mut row_rng(7, 0, 0));
/// assert_ne!(rows[0], 1.0);
/// assert_eq!([rows[1], rows[3]], [0.0, 1.0]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianNoise {
    std: Vec<f32>,
}

impl GaussianNoise {
    /// The same standard deviation in every channel.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when it is negative or not finite.
    pub fn new(std: f32) -> Result<Self, SeqError> {
        Self::per_channel(vec![std])
    }

    /// One standard deviation for each channel; 0 leaves a channel as it is.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when there is no channel, or one is negative or not finite.
    pub fn per_channel(std: Vec<f32>) -> Result<Self, SeqError> {
        let wrong = |found: String| SeqError::Setting {
            name: "the standard deviation of GaussianNoise",
            value: found,
            expected: "0 or more in every channel",
        };
        if std.is_empty() {
            return Err(wrong("without a channel".to_owned()));
        }
        match std.iter().find(|s| !(s.is_finite() && **s >= 0.0)) {
            Some(s) => Err(wrong(s.to_string())),
            None => Ok(Self { std }),
        }
    }

    /// Adds noise to every value.
    ///
    /// # Panics
    ///
    /// When `rows.len()` is not a multiple of the channels.
    pub fn add_to(&self, rows: &mut [f32], rng: &mut ChaCha8Rng) {
        let channels = self.std.len();
        assert!(
            rows.len().is_multiple_of(channels),
            "GaussianNoise: rows has {} values, expected a multiple of channels {channels}",
            rows.len()
        );
        for row in rows.chunks_exact_mut(channels) {
            for (value, std) in row.iter_mut().zip(&self.std) {
                let noise: f32 = rng.sample(StandardNormal);
                *value += std * noise;
            }
        }
    }
}
