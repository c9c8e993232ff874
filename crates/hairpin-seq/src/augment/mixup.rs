//! Mixtures of two rows.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::Beta;

use crate::SeqError;

/// Mixes every row of a batch with another one, and their targets in the same way (Zhang et al. 2018, arXiv:1710.09412):
///
/// ```text
/// x = lambda * x[first] + (1 - lambda) * x[second]        lambda ~ Beta(alpha, alpha)
/// y = lambda * y[first] + (1 - lambda) * y[second]
/// ```
///
/// The second rows are the first ones in random order, so that every row is used twice; a row may meet itself. Each pair has its own
/// lambda, where the paper's code draws one for the batch.
///
/// | option | default | meaning | range |
/// |---|---|---|---|
/// | `alpha` | required | small: mostly one of the two rows; 1: any mixture; large: half and half | above 0 |
///
/// ```
/// use hairpin_seq::augment::{Mixup, row_rng};
///
/// let (x, y) = ([[1.0, 0.0], [0.0, 1.0]], [[10.0], [20.0]]);
/// for pair in Mixup::new(0.4)?.pairs(2, &mut row_rng(7, 0, 0)) {
///     let (mut mixed, mut target) = ([0.0; 2], [0.0; 1]);
///     pair.mix_into(&x[pair.first], &x[pair.second], &mut mixed);
///     pair.mix_into(&y[pair.first], &y[pair.second], &mut target);
///     assert!((target[0] - (10.0 * mixed[0] + 20.0 * mixed[1])).abs() < 1e-4);
/// }
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixup {
    lambda: Beta<f64>,
}

/// Two rows of a batch and their weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixedPair {
    /// The row with weight `lambda`.
    pub first: usize,
    /// The row with weight `1 - lambda`.
    pub second: usize,
    /// The weight of the first row, 0 to 1.
    pub lambda: f32,
}

impl Mixup {
    /// Weights from Beta(alpha, alpha).
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when `alpha` is not a number above 0.
    pub fn new(alpha: f64) -> Result<Self, SeqError> {
        let wrong = || SeqError::Setting {
            name: "alpha of Mixup",
            value: alpha.to_string(),
            expected: "a number above 0",
        };
        if !alpha.is_finite() {
            return Err(wrong());
        }
        Beta::new(alpha, alpha)
            .map(|lambda| Self { lambda })
            .map_err(|_| wrong())
    }

    /// A pair for each of `n` rows, in the order of the first ones.
    pub fn pairs(&self, n: usize, rng: &mut ChaCha8Rng) -> Vec<MixedPair> {
        let mut partners: Vec<usize> = (0..n).collect();
        partners.shuffle(rng);
        let pair = |(first, second)| MixedPair {
            first,
            second,
            lambda: rng.sample(self.lambda) as f32,
        };
        partners.into_iter().enumerate().map(pair).collect()
    }
}

impl MixedPair {
    /// Writes the mixture of two rows over `out`.
    ///
    /// # Panics
    ///
    /// When the three lengths differ.
    pub fn mix_into(&self, first: &[f32], second: &[f32], out: &mut [f32]) {
        assert!(
            first.len() == out.len() && second.len() == out.len(),
            "MixedPair: first has {} values, second {}, out {}, expected the same",
            first.len(),
            second.len(),
            out.len()
        );
        for ((value, a), b) in out.iter_mut().zip(first).zip(second) {
            *value = self.lambda * a + (1.0 - self.lambda) * b;
        }
    }
}
