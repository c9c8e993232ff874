//! Pooling over positions with weights that are learned.

use crate::activation::Activation;
use crate::feed_forward::{Dense, DenseConfig};
use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor, activation};

/// Hyper-parameters of an [`AttentionPool`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_model` | required | features per position | 1.. |
/// | `d_hidden` | required | features of the score's hidden layer | 1.. |
/// | `gated` | `true` | whether a sigmoid gate stands beside the tanh | |
#[derive(Config, Debug)]
pub struct AttentionPoolConfig {
    /// Features per position.
    pub d_model: usize,
    /// Features of the score's hidden layer.
    pub d_hidden: usize,
    /// Whether a sigmoid gate stands beside the tanh.
    #[config(default = true)]
    pub gated: bool,
}

impl AttentionPoolConfig {
    /// A pool whose layers start as [`DenseConfig::init`] says.
    ///
    /// # Panics
    ///
    /// When a size is 0.
    pub fn init(&self, device: &Device) -> AttentionPool {
        let hidden = DenseConfig::new(self.d_model, self.d_hidden);
        AttentionPool {
            hidden: hidden.init(device),
            gate: self.gated.then(|| hidden.init(device)),
            score: DenseConfig::new(self.d_hidden, 1).init(device),
        }
    }
}

/// The mean of the positions, weighted by what each of them says of itself (Ilse, Tomczak & Welling 2018, arXiv:1802.04712):
///
/// ```text
/// y = Σ_t a_t x_t,   a = softmax_t(w · (tanh(V x_t) ⊙ sigmoid(U x_t)))
/// ```
///
/// over the positions that are not padded; without `gated` the sigmoid is left out. A string of padding alone gives zeros.
#[derive(Module, Debug)]
pub struct AttentionPool {
    /// `V`.
    pub hidden: Dense,
    /// `U`.
    pub gate: Option<Dense>,
    /// `w`.
    pub score: Dense,
}

impl AttentionPool {
    /// Pools a batch.
    ///
    /// # Shapes
    ///
    /// `[batch_size, length, d_model]`, mask `[batch_size, length]`, true where padded -> `[batch_size, d_model]`
    ///
    /// # Panics
    ///
    /// When a shape does not match.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use hairpin_nn::{AttentionPoolConfig, mask_pad};
    ///
    /// let device = Device::flex();
    /// let pool = AttentionPoolConfig::new(8, 4).init(&device);
    /// let x = Tensor::<3>::ones([2, 5, 8], &device);
    /// assert_eq!(pool.forward(x, Some(mask_pad(&[5, 2], 5, &device))).dims(), [2, 8]);
    /// ```
    pub fn forward(&self, x: Tensor<3>, mask_pad: Option<Tensor<2, Bool>>) -> Tensor<2> {
        let [batch, length, d_model] = x.dims();
        self.weights(x.clone(), mask_pad)
            .reshape([batch, 1, length])
            .matmul(x)
            .reshape([batch, d_model])
    }

    /// The weights `a`: how much of the result comes from each position. They add up to 1; where padded, and of padding alone, they are 0.
    ///
    /// # Shapes
    ///
    /// `[batch_size, length, d_model]`, mask `[batch_size, length]`, true where padded -> `[batch_size, length]`
    ///
    /// # Panics
    ///
    /// When a shape does not match.
    pub fn weights(&self, x: Tensor<3>, mask_pad: Option<Tensor<2, Bool>>) -> Tensor<2> {
        let [batch, length, _] = x.dims();
        let mut hidden = Activation::Tanh.forward(self.hidden.forward(x.clone()));
        if let Some(gate) = &self.gate {
            hidden = hidden * Activation::Sigmoid.forward(gate.forward(x));
        }
        let scores = self.score.forward(hidden).reshape([batch, length]);
        match mask_pad {
            None => activation::softmax(scores, 1),
            Some(mask) => {
                assert_eq!(mask.dims(), [batch, length], "AttentionPool: mask_pad");
                activation::softmax(scores.mask_fill(mask.clone(), -1e30), 1).mask_fill(mask, 0.0)
            }
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::check::{close, random};
    use crate::mask_pad;

    #[test]
    fn padding_does_not_change_the_pool() {
        let device = Device::flex();
        for gated in [false, true] {
            let pool = AttentionPoolConfig::new(6, 3)
                .with_gated(gated)
                .init(&device);
            let x: Tensor<3> = random([2, 4, 6], 1, &device);
            let alone = pool.forward(x.clone(), None);
            let padded = Tensor::cat(vec![x, random([2, 3, 6], 2, &device) * 9.0], 1);
            let found = pool.forward(padded, Some(mask_pad(&[4, 4], 7, &device)));
            close("pool", found.into_data(), alone.into_data());
        }
    }

    #[test]
    fn weights_sum_to_one_and_padding_alone_gives_zeros() {
        let device = Device::flex();
        let pool = AttentionPoolConfig::new(3, 2).init(&device);
        let x = Tensor::<3>::ones([2, 5, 3], &device);
        let found = pool.forward(x, Some(mask_pad(&[3, 0], 5, &device)));
        let found: Vec<f32> = found.into_data().iter::<f32>().collect();
        for (found, expected) in found.iter().zip([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-6);
        }
        // Of equal positions each weighs the same.
        let x = Tensor::<3>::ones([2, 5, 3], &device);
        let weights = pool.weights(x, Some(mask_pad(&[4, 0], 5, &device)));
        let weights: Vec<f32> = weights.into_data().iter::<f32>().collect();
        assert!(
            weights[..4]
                .iter()
                .all(|weight| (weight - 0.25).abs() < 1e-6)
        );
        assert!(weights[4..].iter().all(|weight| *weight == 0.0));
    }
}
