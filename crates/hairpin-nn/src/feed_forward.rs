//! Dense layers that are one operation with what follows them.

use crate::activation::Activation;
use crate::dropout;
use crate::precision::product;
use burn::config::Config;
use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear};
use burn::tensor::{Device, Tensor};

#[cfg(feature = "flex")]
use crate::kernel::{dense, op};

/// Hyper-parameters of a [`Dense`] layer.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_input` | required | features in | 1.. |
/// | `d_output` | required | features out | 1.. |
/// | `activation` | `identity` | applied to each value | |
/// | `dropout` | 0.0 | share of the result that training drops | 0 up to, not including, 1 |
#[derive(Config, Debug)]
pub struct DenseConfig {
    /// Features in.
    pub d_input: usize,
    /// Features out.
    pub d_output: usize,
    /// Applied to each value.
    #[config(default = "Activation::Identity")]
    pub activation: Activation,
    /// Share of the result that training drops.
    #[config(default = 0.0)]
    pub dropout: f64,
}

impl DenseConfig {
    /// A layer with weights and bias drawn from `U(-1/sqrt(d_input), 1/sqrt(d_input))`, as PyTorch's `nn.Linear`.
    ///
    /// # Panics
    ///
    /// When a size is 0, or `dropout` outside 0..1.
    pub fn init(&self, device: &Device) -> Dense {
        Dense {
            weight: uniform([self.d_input, self.d_output], self.d_input, device),
            bias: uniform([self.d_output], self.d_input, device),
            dropout: DropoutConfig::new(self.dropout).init(),
            activation: self.activation,
        }
    }
}

/// `U(-1/sqrt(fan_in), 1/sqrt(fan_in))`.
pub(crate) fn uniform<const D: usize>(
    shape: [usize; D],
    fan_in: usize,
    device: &Device,
) -> Param<Tensor<D>> {
    assert!(
        shape.iter().all(|&size| size > 0),
        "the sizes of a layer are {shape:?}, expected at least 1"
    );
    let bound = 1.0 / (fan_in as f64).sqrt();
    Initializer::Uniform {
        min: -bound,
        max: bound,
    }
    .init(shape, device)
}

/// `dropout(activation(x W + b))` in one operation.
///
/// On Burn's `flex` backend (feature `flex`) the activation and the dropout are applied to a block of rows while it is in the cache, and
/// what is dropped is drawn again for the backward pass from a seed, instead of being stored.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_nn::{Activation, DenseConfig};
///
/// let device = Device::flex();
/// let layer = DenseConfig::new(4, 16).with_activation(Activation::Gelu).init(&device);
/// assert_eq!(layer.forward(Tensor::<3>::ones([2, 9, 4], &device)).dims(), [2, 9, 16]);
/// ```
#[derive(Module, Debug)]
pub struct Dense {
    /// `W`, `[d_input, d_output]`, the transpose of PyTorch's.
    pub weight: Param<Tensor<2>>,
    /// `b`, `[d_output]`.
    pub bias: Param<Tensor<1>>,
    dropout: Dropout,
    #[module(skip)]
    activation: Activation,
}

impl From<Linear> for Dense {
    /// The same weights, without activation or dropout; a missing bias becomes one of zeros.
    fn from(linear: Linear) -> Self {
        let [_, d_output] = linear.weight.dims();
        let bias = linear.bias.unwrap_or_else(|| {
            Initializer::Zeros.init([d_output], &linear.weight.device().without_autodiff())
        });
        Self {
            weight: linear.weight,
            bias,
            dropout: DropoutConfig::new(0.0).init(),
            activation: Activation::Identity,
        }
    }
}

impl Dense {
    /// Applies the layer.
    ///
    /// # Shapes
    ///
    /// `[..., d_input]` -> `[..., d_output]`
    ///
    /// # Panics
    ///
    /// When the last dimension is not `d_input`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mut dims = x.dims();
        let (x, [_, d_output]) = (rows(x, self.weight.dims()[0], "Dense"), self.weight.dims());
        dims[D - 1] = d_output;
        #[cfg(feature = "flex")]
        if op::on_flex(&x) && op::on_flex(&self.weight.val()) {
            let [count, d_input] = x.dims();
            let operation = dense::Dense {
                d_input,
                d_output,
                between: dense::Between {
                    activation: self.activation,
                    dropout: dropout::draw(&self.dropout, &x),
                },
                dims: vec![count, d_output],
            };
            let inputs = [x.into(), self.weight.val().into(), self.bias.val().into()];
            return op::run::<_, 3, 2>(operation, inputs).reshape(dims);
        }
        self.plain(x).reshape(dims)
    }

    pub(crate) fn plain(&self, x: Tensor<2>) -> Tensor<2> {
        let x = product(x, self.weight.val()) + self.bias.val().unsqueeze();
        self.dropout.forward(self.activation.plain(x))
    }
}

/// All dimensions but the last as one.
fn rows<const D: usize>(x: Tensor<D>, expected: usize, layer: &str) -> Tensor<2> {
    let dims = x.dims();
    let found = dims[D - 1];
    assert_eq!(
        found, expected,
        "{layer}: the last dimension of {dims:?} is {found}, the layer's is {expected}"
    );
    let count = dims[..D - 1].iter().product::<usize>();
    x.reshape([count, found])
}

/// Hyper-parameters of a [`FeedForward`] block.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_model` | required | features in and out | 1.. |
/// | `d_ff` | required | features in between | 1.. |
/// | `activation` | `gelu` | applied to each value in between | |
/// | `dropout` | 0.0 | share of the values in between that training drops | 0 up to, not including, 1 |
#[derive(Config, Debug)]
pub struct FeedForwardConfig {
    /// Features in and out.
    pub d_model: usize,
    /// Features in between.
    pub d_ff: usize,
    /// Applied to each value in between.
    #[config(default = "Activation::Gelu")]
    pub activation: Activation,
    /// Share of the values in between that training drops.
    #[config(default = 0.0)]
    pub dropout: f64,
}

impl FeedForwardConfig {
    /// A block whose two layers start as [`DenseConfig::init`] says.
    ///
    /// # Panics
    ///
    /// When a size is 0, or `dropout` outside 0..1.
    pub fn init(&self, device: &Device) -> FeedForward {
        FeedForward {
            inner: DenseConfig::new(self.d_model, self.d_ff)
                .with_activation(self.activation)
                .with_dropout(self.dropout)
                .init(device),
            outer: DenseConfig::new(self.d_ff, self.d_model).init(device),
        }
    }
}

/// The position-wise feed-forward block of a transformer, `dropout(activation(x W_1 + b_1)) W_2 + b_2`
/// (Vaswani et al. 2017, arXiv:1706.03762), in one operation.
///
/// On Burn's `flex` backend the values in between are made for a block of rows at a time; training keeps what stands before the
/// activation, and nothing else of their size.
#[derive(Module, Debug)]
pub struct FeedForward {
    /// `W_1`, `b_1`, with activation and dropout.
    pub inner: Dense,
    /// `W_2`, `b_2`.
    pub outer: Dense,
}

impl FeedForward {
    /// Applies the block.
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
        let x = rows(x, self.inner.weight.dims()[0], "FeedForward");
        #[cfg(feature = "flex")]
        if op::on_flex(&x) && op::on_flex(&self.inner.weight.val()) {
            let [d_model, d_ff] = self.inner.weight.dims();
            let operation = dense::FeedForward {
                d_model,
                d_ff,
                between: dense::Between {
                    activation: self.inner.activation,
                    dropout: dropout::draw(&self.inner.dropout, &x),
                },
                dims: x.dims().to_vec(),
            };
            let inputs = [
                x.into(),
                self.inner.weight.val().into(),
                self.inner.bias.val().into(),
                self.outer.weight.val().into(),
                self.outer.bias.val().into(),
            ];
            return op::run::<_, 5, 2>(operation, inputs).reshape(dims);
        }
        self.plain(x).reshape(dims)
    }

    pub(crate) fn plain(&self, x: Tensor<2>) -> Tensor<2> {
        self.outer.plain(self.inner.plain(x))
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::check::{assert_same, random};

    #[test]
    fn fast_and_plain_agree_in_values_and_gradients() {
        let device = Device::flex().autodiff();
        for (rows, d_in, d_out) in [(1, 1, 1), (7, 5, 3), (300, 40, 17), (2500, 12, 900)] {
            for activation in Activation::ALL {
                let layer = DenseConfig::new(d_in, d_out)
                    .with_activation(activation)
                    .init(&device);
                let parameters = |grads: &_| {
                    let weight = layer.weight.val().grad(grads).unwrap();
                    let bias = layer.bias.val().grad(grads).unwrap();
                    vec![weight.into_data(), bias.into_data()]
                };
                let x = random([rows, d_in], 1, &device);
                assert_same(x, |x| layer.forward(x), |x| layer.plain(x), parameters);
            }
        }
    }

    #[test]
    fn fast_and_plain_blocks_agree_in_values_and_gradients() {
        let device = Device::flex().autodiff();
        for (rows, d_model, d_ff) in [(1, 1, 1), (9, 4, 7), (700, 24, 4100)] {
            for activation in [Activation::Relu, Activation::Gelu] {
                let block = FeedForwardConfig::new(d_model, d_ff)
                    .with_activation(activation)
                    .init(&device);
                let parameters = |grads: &_| {
                    let of = |layer: &Dense| {
                        let weight = layer.weight.val().grad(grads).unwrap();
                        let bias = layer.bias.val().grad(grads).unwrap();
                        [weight.into_data(), bias.into_data()]
                    };
                    [of(&block.inner), of(&block.outer)].concat()
                };
                let x = random([rows, d_model], 2, &device);
                assert_same(x, |x| block.forward(x), |x| block.plain(x), parameters);
            }
        }
    }

    #[test]
    fn what_is_dropped_forward_is_dropped_backward() {
        let device = Device::flex().autodiff();
        device.seed(3);
        let layer = DenseConfig::new(6, 50).with_dropout(0.4).init(&device);
        let x: Tensor<2> = random([30, 6], 3, &device);
        let dropped = layer.forward(x.clone());
        let kept = dropped.clone().detach().not_equal_elem(0.0).float() / 0.6;
        let expected = layer.plain_without_dropout(x) * kept;
        let error = (dropped.clone() - expected.clone())
            .abs()
            .max()
            .into_scalar::<f32>();
        assert!(error < 1e-5, "{error}");
        let weights: Tensor<2> = random([30, 50], 4, &device);
        let gradient = |y: Tensor<2>| {
            let grads = (y * weights.clone()).sum().backward();
            layer.weight.val().grad(&grads).unwrap()
        };
        let error = (gradient(dropped) - gradient(expected)).abs().max();
        assert!(error.into_scalar::<f32>() < 1e-4);
    }

    #[test]
    fn without_training_nothing_is_dropped() {
        let device = Device::flex();
        let layer = DenseConfig::new(6, 5).with_dropout(0.4).init(&device);
        let x: Tensor<2> = random([30, 6], 3, &device);
        let (a, b) = (layer.forward(x.clone()), layer.forward(x));
        assert_eq!(a.into_data(), b.into_data());
    }

    impl Dense {
        fn plain_without_dropout(&self, x: Tensor<2>) -> Tensor<2> {
            let x = product(x, self.weight.val()) + self.bias.val().unsqueeze();
            self.activation.plain(x)
        }
    }
}
