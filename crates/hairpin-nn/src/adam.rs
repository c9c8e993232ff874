//! Adam with one pass over a parameter instead of a tensor operation for each sign in its equations.

use burn::config::Config;
use burn::optim::{AdamState, AdaptiveMomentumState, LearningRate, ModuleOptimizer, Optimizer};
use burn::tensor::{Device, Tensor};

#[cfg(feature = "flex")]
use crate::kernel::{adam, op};

/// Hyper-parameters of [`Adam`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `beta_1` | 0.9 | how much of the mean of gradients stays at a step | 0 up to, not including, 1 |
/// | `beta_2` | 0.999 | how much of the mean of their squares | 0 up to, not including, 1 |
/// | `epsilon` | 1e-8 | added to the root | above 0 |
/// | `weight_decay` | 0.0 | share of a weight, times the learning rate, taken away at a step | 0.. |
#[derive(Config, Debug)]
pub struct AdamConfig {
    /// How much of the mean of gradients stays at a step.
    #[config(default = 0.9)]
    pub beta_1: f64,
    /// How much of the mean of their squares stays at a step.
    #[config(default = 0.999)]
    pub beta_2: f64,
    /// Added to the root.
    #[config(default = 1e-8)]
    pub epsilon: f64,
    /// Share of a weight, times the learning rate, taken away at a step.
    #[config(default = 0.0)]
    pub weight_decay: f64,
}

impl AdamConfig {
    /// The optimizer of one group of parameters.
    pub fn build(&self) -> Adam {
        Adam {
            config: self.clone(),
        }
    }

    /// The optimizer of a whole module.
    pub fn init(&self) -> ModuleOptimizer {
        ModuleOptimizer::from(self.build())
    }
}

/// Adam (Kingma & Ba 2015, arXiv:1412.6980) with decoupled weight decay (AdamW: Loshchilov & Hutter 2019, arXiv:1711.05101):
///
/// ```text
/// m = β₁ m + (1 - β₁) g        v = β₂ v + (1 - β₂) g²
/// w = w - lr (weight_decay w + m / (1 - β₁ᵗ) / (sqrt(v / (1 - β₂ᵗ)) + ε))
/// ```
///
/// as PyTorch's `AdamW`, and with no weight decay its `Adam`. Burn's own makes a tensor for each operation of these equations, on one
/// thread; on the `flex` backend this one reads and writes each value once, on all of them. What it remembers of a parameter is
/// Burn's [`AdamState`], so that a record of one can go on with the other.
///
/// ```
/// use burn::optim::GradientsParams;
/// use burn::tensor::{Device, Tensor};
/// use hairpin_nn::{AdamConfig, DenseConfig};
///
/// let device = Device::flex().autodiff();
/// let layer = DenseConfig::new(3, 2).init(&device);
/// let mut optimizer = AdamConfig::new().init();
/// let loss = layer.forward(Tensor::<2>::ones([4, 3], &device)).square().sum();
/// let gradients = GradientsParams::from_grads(loss.backward(), &layer);
/// let layer = optimizer.step(1e-3, layer, gradients);
/// # let _ = layer;
/// ```
#[derive(Debug, Clone)]
pub struct Adam {
    config: AdamConfig,
}

impl Optimizer for Adam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        weight: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamState<D>>,
    ) -> (Tensor<D>, Option<AdamState<D>>) {
        let (steps, mean, square) = match state {
            Some(AdamState { momentum }) => (momentum.time, momentum.moment_1, momentum.moment_2),
            None => (0, weight.zeros_like(), weight.zeros_like()),
        };
        let steps = steps + 1;
        let t = i32::try_from(steps).unwrap_or(i32::MAX);
        let AdamConfig {
            beta_1,
            beta_2,
            epsilon,
            weight_decay,
        } = self.config;
        let step = Step {
            beta_1,
            beta_2,
            epsilon,
            keep: 1.0 - learning_rate * weight_decay,
            rate: learning_rate / (1.0 - beta_1.powi(t)),
            root: 1.0 / (1.0 - beta_2.powi(t)).sqrt(),
        };
        let all = [weight, gradient, mean, square];
        #[cfg(feature = "flex")]
        let [weight, mean, square] = match all.iter().all(op::on_flex) {
            true => adam::step(&step, all),
            false => step.plain(all),
        };
        #[cfg(not(feature = "flex"))]
        let [weight, mean, square] = step.plain(all);
        let momentum = AdaptiveMomentumState::new(steps, mean, square);
        (weight, Some(AdamState::new(momentum)))
    }

    fn to_device<const D: usize>(mut state: AdamState<D>, device: &Device) -> AdamState<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}

/// The numbers of one step.
pub(crate) struct Step {
    pub(crate) beta_1: f64,
    pub(crate) beta_2: f64,
    pub(crate) epsilon: f64,
    /// What a weight is multiplied with first.
    pub(crate) keep: f64,
    /// The learning rate over `1 - β₁ᵗ`.
    pub(crate) rate: f64,
    /// 1 over the root of `1 - β₂ᵗ`.
    pub(crate) root: f64,
}

impl Step {
    /// Weight, mean and square after the step, from weight, gradient, mean and square before it.
    fn plain<const D: usize>(&self, all: [Tensor<D>; 4]) -> [Tensor<D>; 3] {
        let [weight, gradient, mean, square] = all;
        let mean = mean * self.beta_1 + gradient.clone() * (1.0 - self.beta_1);
        let square = square * self.beta_2 + gradient.square() * (1.0 - self.beta_2);
        let change = mean.clone() * self.rate / (square.clone().sqrt() * self.root + self.epsilon);
        [weight * self.keep - change, mean, square]
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::check::{close, random};

    #[test]
    fn fast_and_plain_steps_agree() {
        let device = Device::flex();
        let step = Step {
            beta_1: 0.9,
            beta_2: 0.99,
            epsilon: 1e-8,
            keep: 0.999,
            rate: 0.01,
            root: 1.5,
        };
        for size in [1, 7, 40_000] {
            let all: [Tensor<1>; 4] = [1, 2, 3, 4].map(|seed| {
                let values = random([size], seed, &device);
                if seed == 4 { values.square() } else { values }
            });
            let before = all.each_ref().map(|tensor| tensor.clone().into_data());
            let found = adam::step(&step, all.clone());
            for (found, expected) in found.into_iter().zip(step.plain(all.clone())) {
                close("step", found.into_data(), expected.into_data());
            }
            // Tensors that others hold are not written to.
            assert_eq!(all.map(Tensor::into_data), before);
        }
    }

    #[test]
    fn the_first_steps_are_pytorchs() {
        // torch.optim.AdamW([1.0, -2.0, 0.5], lr=0.1, weight_decay=0.01), gradients [0.5, -1.0, 0.0] at every step, in float64.
        const EXPECTED: [[f64; 3]; 3] = [
            [0.899_000_002, -1.898_000_001, 0.499_5],
            [0.798_101_004_0, -1.796_102_002_0, 0.499_000_5],
            [0.697_302_905_0, -1.694_305_901_0, 0.498_501_499_5],
        ];
        let device = Device::flex();
        let adam = AdamConfig::new().with_weight_decay(0.01).build();
        let gradient = Tensor::<1>::from_floats([0.5, -1.0, 0.0], &device);
        let mut weight = Tensor::<1>::from_floats([1.0, -2.0, 0.5], &device);
        let mut state = None;
        for expected in EXPECTED {
            (weight, state) = adam.step(0.1, weight, gradient.clone(), state);
            let found: Vec<f32> = weight.clone().into_data().iter::<f32>().collect();
            for (found, expected) in found.into_iter().zip(expected) {
                assert!(
                    (f64::from(found) - expected).abs() < 1e-6,
                    "{found}, expected {expected}"
                );
            }
        }
    }
}
