//! [`InfoNce`]: two towers that are to agree on which belong together.

use super::weighted::weighted_mean;
use crate::TrainError;
use burn::module::{Module, Param};
use burn::tensor::{Bool, Device, Tensor, activation};

/// Contrastive loss of pairs against all other pairs of the batch, in both directions, with a learned temperature.
///
/// ```text
/// loss = ½ (Σ_i w_i (-ln softmax_j(κ S_ij))_i + Σ_i w_i (-ln softmax_j(κ S_ji))_i) / Σ_i w_i,   κ = exp(log_scale) = 1 / temperature
/// ```
///
/// van den Oord et al. (2018), [arXiv:1807.03748](https://arxiv.org/abs/1807.03748); symmetric, and with the scale `κ` learned in
/// its logarithm and kept from 1 to 100, as CLIP has it (Radford et al. 2021,
/// [arXiv:2103.00020](https://arxiv.org/abs/2103.00020)). CLIP's programs put the parameter back after each step; here the loss
/// clamps what it uses and hands the gradient through, so that no step needs a hook and a scale at its bound finds its way back.
///
/// It is a module: make it part of the model, so that the optimiser sees `log_scale`.
///
/// ```
/// use burn::tensor::Tensor;
/// use hairpin_train::{Device, InfoNce};
///
/// let device = Device::flex();
/// let similarity = Tensor::<2>::from_data([[1.0, 0.0], [0.0, 1.0]], &device);
/// let loss = InfoNce::new(0.5, &device)?.forward(similarity, None).into_scalar::<f32>();
/// assert!((loss - (1.0 + (-2.0_f32).exp()).ln()).abs() < 1e-6);
/// # Ok::<(), hairpin_train::TrainError>(())
/// ```
#[derive(Module, Debug)]
pub struct InfoNce {
    log_scale: Param<Tensor<1>>,
}

/// The least and the greatest scale, in logarithms: 1 and 100.
const LOG_SCALE: (f64, f64) = (0.0, 4.605_170_185_988_092);

/// What stands for the similarity of a pair that is not there.
const NOWHERE: f32 = -1e30;

impl InfoNce {
    /// CLIP's first temperature.
    pub const TEMPERATURE: f64 = 0.07;

    /// Starts at the given temperature, usually [`TEMPERATURE`](Self::TEMPERATURE).
    ///
    /// # Errors
    ///
    /// [`TrainError::LossSetting`] if it is not a number from 0.01 to 1.
    pub fn new(temperature: f64, device: &Device) -> Result<Self, TrainError> {
        if !(0.01..=1.0).contains(&temperature) {
            return Err(TrainError::LossSetting {
                setting: "temperature",
                found: temperature.to_string(),
                expected: "a number from 0.01 to 1",
            });
        }
        let log_scale = Tensor::from_data([-temperature.ln() as f32], device);
        Ok(Self {
            log_scale: Param::from_tensor(log_scale),
        })
    }

    /// The temperature as the loss uses it.
    pub fn temperature(&self) -> f64 {
        let log_scale = f64::from(self.log_scale.val().into_scalar::<f32>());
        (-log_scale.clamp(LOG_SCALE.0, LOG_SCALE.1)).exp()
    }

    /// The loss of a batch of pairs. One element; 0 where no pair has a weight.
    ///
    /// A pair of weight 0 is not there, neither as a pair nor for the others to be told from.
    ///
    /// # Shapes
    ///
    /// - `similarity`: `[n, n]`, usually cosines; row `i` and column `i` belong together
    /// - `weights`: `[n]`, finite and not below 0, none 1 each
    ///
    /// # Panics
    ///
    /// If the matrix is not square, or there is not one weight for each pair.
    pub fn forward(&self, similarity: Tensor<2>, weights: Option<Tensor<1>>) -> Tensor<1> {
        let [n, columns] = similarity.dims();
        assert!(columns == n, "similarity: [n, n] is [{n}, {columns}]");
        let similarity = match &weights {
            // What stands there may be anything, and nothing of it is to reach the scale's gradient.
            Some(weights) => similarity.mask_fill(absent(weights, n), 0.0),
            None => similarity,
        };
        Self::of_logits(self.logits(similarity), weights)
    }

    /// Similarities over the temperature, of any shape.
    ///
    /// # Shapes
    ///
    /// `[r, l]` -> `[r, l]`
    pub fn logits(&self, similarity: Tensor<2>) -> Tensor<2> {
        let own = self.log_scale.val();
        let clamped = own.clone().detach().clamp(LOG_SCALE.0, LOG_SCALE.1);
        let scale = (own.clone() + (clamped - own.detach()))
            .exp()
            .reshape([1, 1]);
        similarity * scale
    }

    /// The loss of a batch of pairs from its [logits](Self::logits), as [`forward`](Self::forward).
    ///
    /// # Shapes
    ///
    /// - `logits`: `[n, n]`; row `i` and column `i` belong together
    /// - `weights`: `[n]`, finite and not below 0, none 1 each
    ///
    /// # Panics
    ///
    /// If the matrix is not square, or there is not one weight for each pair.
    pub fn of_logits(logits: Tensor<2>, weights: Option<Tensor<1>>) -> Tensor<1> {
        let [n, columns] = logits.dims();
        assert!(columns == n, "logits: [n, n] is [{n}, {columns}]");
        let Some(weights) = weights else {
            return (matched(logits.clone(), None) + matched(logits.transpose(), None)) * 0.5;
        };
        // After the similarities the logits, which nothing may be confused with.
        let logits = logits.mask_fill(absent(&weights, n), NOWHERE);
        let weights = weights.reshape([n, 1]);
        let forth = matched(logits.clone(), Some(&weights));
        (forth + matched(logits.transpose(), Some(&weights))) * 0.5
    }
}

/// Where the row or the column has no weight, `[n, n]`.
fn absent(weights: &Tensor<1>, n: usize) -> Tensor<2, Bool> {
    assert!(
        weights.dims() == [n],
        "weights: [n] is {:?}, expected [{n}]",
        weights.dims()
    );
    let absent = weights.clone().equal_elem(0.0);
    let row: Tensor<2, Bool> = absent.clone().reshape([n, 1]).expand([n, n]);
    let column: Tensor<2, Bool> = absent.reshape([1, n]).expand([n, n]);
    row.bool_or(column)
}

/// The mean surprise of the diagonal among its rows.
fn matched(logits: Tensor<2>, weights: Option<&Tensor<2>>) -> Tensor<1> {
    let [n, _] = logits.dims();
    let device = logits.device();
    let places = Tensor::arange(0..n as i64, &device).reshape([n, 1]);
    let surprise = -activation::log_softmax(logits, 1).gather(1, places);
    weighted_mean(surprise, weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_beyond_its_bound_is_clamped_and_finds_its_way_back() {
        let device = Device::flex().autodiff();
        for (log_scale, temperature) in [(7.0f32, 0.01), (-3.0, 1.0)] {
            let module = InfoNce {
                log_scale: Param::from_data([log_scale], &device),
            };
            assert!((module.temperature() - temperature).abs() < 1e-9);
            // A wrong pair is the most alike, so that a smaller scale is better.
            let similarity = Tensor::<2>::from_data([[0.0, 0.1], [0.0, 0.0]], &device);
            let bound = InfoNce::new(temperature, &device).unwrap();
            let expected = bound.forward(similarity.clone(), None).into_scalar::<f32>();
            let loss = module.forward(similarity, None);
            assert!((loss.clone().into_scalar::<f32>() - expected).abs() < 1e-5);
            let gradients = loss.backward();
            let slope = module.log_scale.val().grad(&gradients).unwrap();
            assert!(slope.into_scalar::<f32>() > 0.0);
        }
    }
}
