//! Norms of the last dimension: layer norm, also of a residual sum, and batch norm that ignores padding.

use crate::dropout;
use burn::config::Config;
use burn::module::{Flag, Module, Param, RunningState};
use burn::nn::{Dropout, Initializer};
use burn::tensor::{Bool, Device, Tensor};

#[cfg(feature = "flex")]
use crate::kernel::{norm, op};

/// Hyper-parameters of a [`LayerNorm`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_model` | required | features of the last dimension | 1.. |
/// | `epsilon` | 1e-5 | added to the variance | above 0 |
#[derive(Config, Debug)]
pub struct LayerNormConfig {
    /// Features of the last dimension.
    pub d_model: usize,
    /// Added to the variance.
    #[config(default = 1e-5)]
    pub epsilon: f64,
}

impl LayerNormConfig {
    /// A norm that starts with gamma 1 and beta 0.
    pub fn init(&self, device: &Device) -> LayerNorm {
        LayerNorm {
            gamma: Initializer::Ones.init([self.d_model], device),
            beta: Initializer::Zeros.init([self.d_model], device),
            epsilon: self.epsilon,
        }
    }
}

/// Layer norm (Ba, Kiros & Hinton 2016, arXiv:1607.06450) over the last dimension,
///
/// ```text
/// y = (x - mean x) / sqrt(var x + epsilon) · gamma + beta,     var with 1 / d_model
/// ```
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[d_model]`, PyTorch's `weight`.
    pub gamma: Param<Tensor<1>>,
    /// `[d_model]`, PyTorch's `bias`.
    pub beta: Param<Tensor<1>>,
    epsilon: f64,
}

impl LayerNorm {
    /// The norm of `x`.
    ///
    /// # Shapes
    ///
    /// `[..., d_model]` -> `[..., d_model]`
    ///
    /// # Panics
    ///
    /// When the last dimension is not `d_model`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let dims = x.dims();
        let x = self.rows(x);
        #[cfg(feature = "flex")]
        if op::on_flex(&x) && op::on_flex(&self.gamma.val()) {
            let operation = norm::LayerNorm(self.settings(&x));
            let inputs = [x.into(), self.gamma.val().into(), self.beta.val().into()];
            return op::run::<_, 3, 2>(operation, inputs).reshape(dims);
        }
        self.plain(x).reshape(dims)
    }

    /// The norm of the residual sum `x + dropout(y)`, in one operation.
    ///
    /// # Shapes
    ///
    /// `[..., d_model]` twice -> `[..., d_model]`
    ///
    /// # Panics
    ///
    /// When the shapes differ, or the last dimension is not `d_model`.
    pub fn forward_sum<const D: usize>(
        &self,
        x: Tensor<D>,
        y: Tensor<D>,
        dropout: &Dropout,
    ) -> Tensor<D> {
        let dims = x.dims();
        assert_eq!(dims, y.dims(), "LayerNorm: the two parts of a sum");
        let (x, y) = (self.rows(x), self.rows(y));
        #[cfg(feature = "flex")]
        if op::on_flex(&x) && op::on_flex(&y) && op::on_flex(&self.gamma.val()) {
            let operation = norm::AddNorm {
                norm: self.settings(&x),
                dropout: dropout::draw(dropout, &y),
            };
            let inputs = [
                x.into(),
                y.into(),
                self.gamma.val().into(),
                self.beta.val().into(),
            ];
            return op::run::<_, 4, 2>(operation, inputs).reshape(dims);
        }
        self.plain(x + dropout.forward(y)).reshape(dims)
    }

    #[cfg(feature = "flex")]
    fn settings(&self, x: &Tensor<2>) -> norm::Norm {
        norm::Norm {
            width: x.dims()[1],
            epsilon: self.epsilon as f32,
            dims: x.dims().to_vec(),
        }
    }

    fn rows<const D: usize>(&self, x: Tensor<D>) -> Tensor<2> {
        let (dims, [expected]) = (x.dims(), self.gamma.dims());
        assert_eq!(
            dims[D - 1],
            expected,
            "LayerNorm: the last dimension of {dims:?}, the layer's is {expected}"
        );
        x.reshape([dims[..D - 1].iter().product::<usize>(), expected])
    }

    pub(crate) fn plain(&self, x: Tensor<2>) -> Tensor<2> {
        let apart = x.clone() - x.mean_dim(1);
        let variance = (apart.clone() * apart.clone()).mean_dim(1);
        apart / (variance + self.epsilon).sqrt() * self.gamma.val().unsqueeze()
            + self.beta.val().unsqueeze()
    }
}

/// `x + dropout(y)` in one operation.
///
/// # Shapes
///
/// `[..., any]` twice -> `[..., any]`
///
/// # Panics
///
/// When the shapes differ.
pub fn residual<const D: usize>(x: Tensor<D>, y: Tensor<D>, dropout: &Dropout) -> Tensor<D> {
    let dims = x.dims();
    assert_eq!(dims, y.dims(), "residual: the two parts of a sum");
    #[cfg(feature = "flex")]
    if op::on_flex(&x) && op::on_flex(&y) {
        let width = dims[D - 1];
        let rows = dims[..D - 1].iter().product::<usize>();
        let operation = norm::Add {
            width,
            dropout: dropout::draw(dropout, &y),
            dims: vec![rows, width],
        };
        let inputs = [
            x.reshape([rows, width]).into(),
            y.reshape([rows, width]).into(),
        ];
        return op::run::<_, 2, 2>(operation, inputs).reshape(dims);
    }
    x + dropout.forward(y)
}

/// Hyper-parameters of a [`MaskedBatchNorm`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `channels` | required | channels | 1.. |
/// | `epsilon` | 1e-5 | added to the variance | above 0 |
/// | `momentum` | 0.1 | share of a batch in the running statistics | 0 to 1 |
#[derive(Config, Debug)]
pub struct MaskedBatchNormConfig {
    /// Channels.
    pub channels: usize,
    /// Added to the variance.
    #[config(default = 1e-5)]
    pub epsilon: f64,
    /// Share of a batch in the running statistics.
    #[config(default = 0.1)]
    pub momentum: f64,
}

impl MaskedBatchNormConfig {
    /// A norm that starts with gamma 1, beta 0, running mean 0 and running variance 1.
    pub fn init(&self, device: &Device) -> MaskedBatchNorm {
        MaskedBatchNorm {
            gamma: Initializer::Ones.init([self.channels], device),
            beta: Initializer::Zeros.init([self.channels], device),
            running_mean: RunningState::new(Tensor::zeros([self.channels], device)),
            running_var: RunningState::new(Tensor::ones([self.channels], device)),
            training: Param::from_bool(true),
            momentum: self.momentum,
            epsilon: self.epsilon,
        }
    }
}

/// Batch norm (Ioffe & Szegedy 2015, arXiv:1502.03167) of `[batch_size, length, channels]` whose statistics are those of the positions
/// that are not padded: a batch with more padding gives the same.
///
/// Training normalises with the batch's mean and variance (with `1 / n`) and moves the running ones towards them (the variance with
/// `1 / (n - 1)`, as PyTorch does and Burn's own does not); elsewhere the running ones are used. The result is zero where padded.
#[derive(Module, Debug)]
pub struct MaskedBatchNorm {
    /// `[channels]`, PyTorch's `weight`.
    pub gamma: Param<Tensor<1>>,
    /// `[channels]`, PyTorch's `bias`.
    pub beta: Param<Tensor<1>>,
    /// `[channels]`.
    pub running_mean: RunningState<Tensor<1>>,
    /// `[channels]`.
    pub running_var: RunningState<Tensor<1>>,
    training: Param<Flag>,
    momentum: f64,
    epsilon: f64,
}

impl MaskedBatchNorm {
    /// Normalises a batch.
    ///
    /// # Shapes
    ///
    /// `[batch_size, length, channels]`, mask `[batch_size, length]`, true where padded -> `[batch_size, length, channels]`
    ///
    /// # Panics
    ///
    /// When a shape does not match.
    pub fn forward(&self, x: Tensor<3>, mask_pad: Option<Tensor<2, Bool>>) -> Tensor<3> {
        let [batch, length, channels] = x.dims();
        assert_eq!(
            [channels],
            self.gamma.dims(),
            "MaskedBatchNorm: channels of the input and of the layer"
        );
        let mask = mask_pad.map(|mask| {
            assert_eq!(mask.dims(), [batch, length], "MaskedBatchNorm: mask_pad");
            mask.reshape([batch * length, 1])
                .expand([batch * length, channels])
        });
        let x = x.reshape([batch * length, channels]);
        let without = |x: Tensor<2>| match &mask {
            Some(mask) => x.mask_fill(mask.clone(), 0.0),
            None => x,
        };
        let (mean, variance) = if x.device().is_autodiff() && self.training.is_enabled() {
            let count: Tensor<2> = without(Tensor::ones_like(&x)).sum_dim(0).clamp_min(1.0);
            let mean = without(x.clone()).sum_dim(0) / count.clone();
            let apart = without(x.clone() - mean.clone());
            let squares = (apart.clone() * apart).sum_dim(0);
            let unbiased = squares.clone() / (count.clone() - 1.0).clamp_min(1.0);
            self.remember(&self.running_mean, mean.clone());
            self.remember(&self.running_var, unbiased);
            (mean, squares / count)
        } else {
            (
                self.running_mean.value().unsqueeze(),
                self.running_var.value().unsqueeze(),
            )
        };
        let normal = (x - mean) / (variance + self.epsilon).sqrt();
        without(normal * self.gamma.val().unsqueeze() + self.beta.val().unsqueeze())
            .reshape([batch, length, channels])
    }

    fn remember(&self, running: &RunningState<Tensor<1>>, now: Tensor<2>) {
        let now = now.detach().squeeze_dim::<1>(0);
        let before = running.value_sync();
        let now = Tensor::from_data(now.into_data(), &before.device());
        running.update(before * (1.0 - self.momentum) + now * self.momentum);
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::check::{assert_same, close, random};
    use burn::nn::DropoutConfig;

    fn norm(width: usize, device: &Device) -> LayerNorm {
        let mut norm = LayerNormConfig::new(width).init(device);
        norm.gamma = Param::from_tensor(random([width], 8, device));
        norm.beta = Param::from_tensor(random([width], 9, device));
        norm
    }

    #[test]
    fn fast_and_plain_agree_in_values_and_gradients() {
        let device = Device::flex().autodiff();
        for (rows, width) in [(1, 1), (5, 7), (300, 256), (129, 33)] {
            let norm = norm(width, &device);
            let parameters = |grads: &_| {
                let gamma = norm.gamma.val().grad(grads).unwrap();
                let beta = norm.beta.val().grad(grads).unwrap();
                vec![gamma.into_data(), beta.into_data()]
            };
            let x = random([rows, width], 1, &device);
            assert_same(
                x.clone(),
                |x| norm.forward(x),
                |x| norm.plain(x),
                parameters,
            );
            let none = DropoutConfig::new(0.0).init();
            let y = random([rows, width], 2, &device);
            let fast = |y| norm.forward_sum(x.clone(), y, &none);
            let plain = |y| norm.plain(x.clone() + y);
            assert_same(y.clone(), fast, plain, parameters);
            let fast = |x| norm.forward_sum(x, y.clone(), &none);
            assert_same(x.clone(), fast, |x| norm.plain(x + y.clone()), parameters);
            let fast = |y| residual(x.clone(), y, &none);
            assert_same(y.clone(), fast, |y| x.clone() + y, |_| Vec::new());
        }
    }

    #[test]
    fn the_second_part_of_a_sum_is_dropped_alike_forward_and_backward() {
        let device = Device::flex().autodiff();
        let dropout = DropoutConfig::new(0.3).init();
        let x: Tensor<2> = random([40, 30], 1, &device);
        let y: Tensor<2> = random([40, 30], 2, &device).require_grad();
        let sum = residual(x.clone(), y.clone(), &dropout);
        let factors = sum.clone().detach().not_equal(x).float() / 0.7;
        let weights = random([40, 30], 3, &device);
        let grads = (sum * weights.clone()).sum().backward();
        let found = y.grad(&grads).unwrap();
        let expected = (factors * weights).without_autodiff();
        close("gradient", found.into_data(), expected.into_data());
    }

    #[test]
    fn more_padding_changes_nothing_in_a_batch_norm() {
        let device = Device::flex().autodiff();
        let x: Tensor<3> = random([3, 5, 4], 1, &device);
        let norm = MaskedBatchNormConfig::new(4).init(&device);
        let alone = norm.forward(x.clone(), None);
        let running = norm.running_mean.value_sync();
        let padded = Tensor::cat(vec![x, random([3, 2, 4], 2, &device) * 100.0], 1);
        let mask = crate::mask_pad(&[5; 3], 7, &device);
        let again = MaskedBatchNormConfig::new(4).init(&device);
        let found = again.forward(padded, Some(mask));
        let own = found.clone().slice([0..3, 0..5]);
        close("values", own.into_data(), alone.into_data());
        let found_running = again.running_mean.value_sync();
        close("mean", found_running.into_data(), running.into_data());
        let beyond = found.slice([0..3, 5..7]).abs().max().into_scalar::<f32>();
        assert_eq!(beyond, 0.0);
    }
}
