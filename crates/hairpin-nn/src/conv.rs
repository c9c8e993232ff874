//! Convolution over the positions of `[batch_size, length, channels]`.

use crate::feed_forward::uniform;
use crate::mask::zero_padded;
use crate::precision::product;
use burn::config::Config;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::ops::Range;

#[cfg(feature = "flex")]
use crate::kernel::{conv, op};

/// Zeros around a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// As many as give one output position per `stride` input positions, half of them in front, under any dilation:
    /// `(kernel - 1) · dilation` at stride 1. An odd one comes last, as in PyTorch and TensorFlow.
    Same,
    /// None: the kernel stays inside the string.
    Valid,
    /// So many in front and behind.
    Explicit(usize, usize),
}

/// Hyper-parameters of a [`Conv1d`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_input` | required | channels in | 1.. |
/// | `d_output` | required | channels out | 1.. |
/// | `kernel` | required | taps | 1.. |
/// | `stride` | 1 | positions from one output to the next | 1.. |
/// | `dilation` | 1 | positions from one tap to the next | 1.. |
/// | `padding` | `same` | zeros around the string | |
#[derive(Config, Debug)]
pub struct Conv1dConfig {
    /// Channels in.
    pub d_input: usize,
    /// Channels out.
    pub d_output: usize,
    /// Taps.
    pub kernel: usize,
    /// Positions from one output to the next.
    #[config(default = 1)]
    pub stride: usize,
    /// Positions from one tap to the next.
    #[config(default = 1)]
    pub dilation: usize,
    /// Zeros around the string.
    #[config(default = "Padding::Same")]
    pub padding: Padding,
}

impl Conv1dConfig {
    /// A layer with weights and bias drawn from `U(-b, b)`, `b = 1 / sqrt(d_input · kernel)`, as PyTorch's.
    ///
    /// # Panics
    ///
    /// When a size is 0.
    pub fn init(&self, device: &Device) -> Conv1d {
        assert!(
            self.stride > 0 && self.dilation > 0,
            "Conv1dConfig: stride and dilation must be at least 1"
        );
        let fan_in = self.d_input * self.kernel;
        let size = [self.kernel, self.d_input, self.d_output];
        Conv1d {
            weight: uniform(size, fan_in, device),
            bias: uniform([self.d_output], fan_in, device),
            stride: self.stride,
            dilation: self.dilation,
            padding: self.padding,
        }
    }
}

/// Convolution,
///
/// ```text
/// y[t] = b + Σ_k x[t · stride + k · dilation - padding] W[k]
/// ```
///
/// where `x` is zero outside of the string. As everywhere in deep learning it is a correlation: the kernel is not reversed.
///
/// Of a padded batch [`forward_strings`](Self::forward_strings) gives what each string alone gives.
///
/// On Burn's `flex` backend it is one product per tap, read from `x` in place; the windows are never copied. Burn's own takes
/// `[batch_size, channels, length]`, and its `Same` ignores the dilation.
#[derive(Module, Debug)]
pub struct Conv1d {
    /// `W`, `[kernel, d_input, d_output]`: PyTorch's `[d_output, d_input, kernel]` with its dimensions reversed.
    pub weight: Param<Tensor<3>>,
    /// `b`, `[d_output]`.
    pub bias: Param<Tensor<1>>,
    stride: usize,
    dilation: usize,
    #[module(skip)]
    padding: Padding,
}

impl Conv1d {
    /// Positions of the output of a string of `length`, and zeros in front and behind.
    fn sizes(&self, length: usize) -> (usize, usize, usize) {
        let span = (self.weight.dims()[0] - 1) * self.dilation + 1;
        let (before, behind) = match self.padding {
            Padding::Valid => (0, 0),
            Padding::Explicit(before, behind) => (before, behind),
            Padding::Same => {
                let output = length.div_ceil(self.stride);
                let all = (output.saturating_sub(1) * self.stride + span).saturating_sub(length);
                (all / 2, all - all / 2)
            }
        };
        let room = length + before + behind;
        let output = match room >= span && length > 0 {
            true => (room - span) / self.stride + 1,
            false => 0,
        };
        (output, before, behind)
    }

    /// Which positions of a row of `length` positions the output at `position` reads; those outside of `0..length` are padding.
    pub fn window(&self, position: usize, length: usize) -> Range<isize> {
        let (_, before, _) = self.sizes(length);
        let start = (position * self.stride) as isize - before as isize;
        let span = (self.weight.dims()[0] - 1) * self.dilation + 1;
        start..start + span as isize
    }

    /// Applies the layer.
    ///
    /// # Shapes
    ///
    /// `[batch_size, length, d_input]` -> `[batch_size, length_output, d_output]`; `length_output` is `length` with
    /// [`Padding::Same`] at stride 1, and 0 where the kernel does not fit.
    ///
    /// # Panics
    ///
    /// When the last dimension is not `d_input`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, length, _] = x.dims();
        self.apply(x, &vec![length; batch])
    }

    /// Applies the layer to each string of a padded batch alone: behind its end nothing is read, whatever stands there, and zeros are
    /// written. On `flex` what is padded costs nothing.
    ///
    /// # Shapes
    ///
    /// `[batch_size, length, d_input]` with lengths `[batch_size]` -> `[batch_size, length, d_output]`
    ///
    /// # Panics
    ///
    /// When the layer does not keep the length ([`Padding::Same`] at stride 1 does), there is not one length for each string, one is larger
    /// than `length`, or the last dimension is not `d_input`.
    pub fn forward_strings(&self, x: Tensor<3>, lengths: &[usize]) -> Tensor<3> {
        let [batch, length, _] = x.dims();
        assert!(
            self.stride == 1 && self.padding == Padding::Same,
            "Conv1d: only a layer that keeps the length takes lengths"
        );
        assert!(
            lengths.len() == batch && lengths.iter().all(|&own| own <= length),
            "Conv1d: lengths {lengths:?} of a batch of {batch} strings of at most {length}"
        );
        self.apply(x, lengths)
    }

    fn apply(&self, x: Tensor<3>, lengths: &[usize]) -> Tensor<3> {
        let [batch, length, d_input] = x.dims();
        let [kernel, expected, d_output] = self.weight.dims();
        assert_eq!(
            d_input, expected,
            "Conv1d: the input's d_input is {d_input}, the layer's is {expected}"
        );
        let (length_output, before, _) = self.sizes(length);
        if batch == 0 || length_output == 0 {
            return Tensor::zeros([batch, length_output, d_output], &x.device());
        }
        #[cfg(feature = "flex")]
        if op::on_flex(&x) && op::on_flex(&self.weight.val()) {
            let operation = conv::Conv {
                batch,
                length,
                lengths: lengths.to_vec(),
                length_output,
                d_input,
                d_output,
                kernel,
                stride: self.stride,
                dilation: self.dilation,
                padding: before,
            };
            let inputs = [x.into(), self.weight.val().into(), self.bias.val().into()];
            return op::run::<_, 3, 3>(operation, inputs);
        }
        self.plain(x, lengths)
    }

    fn plain(&self, x: Tensor<3>, lengths: &[usize]) -> Tensor<3> {
        let [_, length, _] = x.dims();
        match lengths.iter().all(|&own| own == length) {
            true => self.plain_of_whole(x),
            false => zero_padded(self.plain_of_whole(zero_padded(x, lengths)), lengths),
        }
    }

    fn plain_of_whole(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, length, d_input] = x.dims();
        let [kernel, _, d_output] = self.weight.dims();
        let (length_output, before, behind) = self.sizes(length);
        // Zeros behind also for the last stride, whose rest is cut off again.
        let device = x.device();
        let zeros = |count| Tensor::<3>::zeros([batch, count, d_input], &device);
        let x = Tensor::cat(vec![zeros(before), x, zeros(behind + self.stride)], 1);
        let mut output: Tensor<2> = self.bias.val().unsqueeze();
        output = output.expand([batch * length_output, d_output]);
        for tap in 0..kernel {
            let from = tap * self.dilation;
            let reach = length_output * self.stride;
            let x = x.clone().slice([0..batch, from..from + reach]);
            let x = x
                .reshape([batch, length_output, self.stride * d_input])
                .slice([0..batch, 0..length_output, 0..d_input])
                .reshape([batch * length_output, d_input]);
            let weight = self.weight.val().slice_dim(0, tap..tap + 1);
            output = output + product(x, weight.reshape([d_input, d_output]));
        }
        output.reshape([batch, length_output, d_output])
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::check::{assert_same, random};
    use burn::tensor::TensorData;

    #[test]
    fn fast_and_plain_agree_in_values_and_gradients() {
        let device = Device::flex().autodiff();
        for (length, kernel, stride, dilation, padding) in [
            (1, 1, 1, 1, Padding::Same),
            (9, 3, 1, 1, Padding::Same),
            (9, 4, 1, 3, Padding::Same),
            (300, 3, 1, 2, Padding::Same),
            (3, 9, 1, 2, Padding::Same),
            (10, 3, 2, 2, Padding::Same),
            (11, 5, 3, 1, Padding::Valid),
            (12, 3, 2, 1, Padding::Explicit(4, 1)),
            (2, 2, 1, 1, Padding::Explicit(0, 7)),
        ] {
            for (batch, d_input, d_output) in [(1, 1, 1), (19, 5, 4), (2, 130, 70)] {
                let layer = Conv1dConfig::new(d_input, d_output, kernel)
                    .with_stride(stride)
                    .with_dilation(dilation)
                    .with_padding(padding)
                    .init(&device);
                let parameters = |grads: &_| {
                    let weight = layer.weight.val().grad(grads).unwrap();
                    let bias = layer.bias.val().grad(grads).unwrap();
                    vec![weight.into_data(), bias.into_data()]
                };
                let x = random([batch, length, d_input], 1, &device);
                let plain = |x| layer.plain_of_whole(x);
                assert_same(x, |x| layer.forward(x), plain, parameters);
            }
        }
    }

    #[test]
    fn strings_of_a_padded_batch_agree_in_values_and_gradients_and_with_each_alone() {
        let device = Device::flex().autodiff();
        let lengths = [7, 40, 0, 1, 41, 23, 40, 12, 5, 41, 30];
        for (kernel, dilation) in [(1, 1), (5, 1), (4, 3), (13, 4)] {
            for (d_input, d_output) in [(3, 5), (120, 130)] {
                let layer = Conv1dConfig::new(d_input, d_output, kernel)
                    .with_dilation(dilation)
                    .init(&device);
                let parameters = |grads: &_| {
                    let weight = layer.weight.val().grad(grads).unwrap();
                    let bias = layer.bias.val().grad(grads).unwrap();
                    vec![weight.into_data(), bias.into_data()]
                };
                let x = random([lengths.len(), 41, d_input], 1, &device);
                let fast = |x| layer.forward_strings(x, &lengths);
                assert_same(x.clone(), fast, |x| layer.plain(x, &lengths), parameters);

                let all = fast(x.clone()).inner();
                for (row, &length) in lengths.iter().enumerate() {
                    let one = x.clone().inner().slice([row..row + 1, 0..length]);
                    let own = all.clone().slice([row..row + 1, 0..length]);
                    let layer = layer.clone().valid();
                    let apart = (own - layer.forward(one)).abs().into_data();
                    assert!(apart.iter::<f32>().all(|apart| apart < 1e-5));
                    let rest = all.clone().slice([row..row + 1, length..41]);
                    assert!(rest.into_data().iter::<f32>().all(|value| value == 0.0));
                }
            }
        }
    }

    #[test]
    fn the_same_padding_keeps_the_length_under_dilation() {
        let device = Device::flex();
        for (kernel, dilation) in [(2, 1), (5, 4), (9, 2), (13, 4)] {
            for length in [1, 2, 7, 41] {
                let layer = Conv1dConfig::new(2, 3, kernel).with_dilation(dilation);
                let output = layer
                    .init(&device)
                    .forward(random([2, length, 2], 1, &device));
                assert_eq!(output.dims(), [2, length, 3]);
            }
        }
    }

    #[test]
    fn an_output_depends_on_its_window_alone() {
        let device = Device::flex();
        for (kernel, stride, dilation, padding) in [
            (4, 1, 1, Padding::Same),
            (3, 2, 1, Padding::Same),
            (3, 3, 2, Padding::Valid),
            (2, 2, 3, Padding::Explicit(4, 1)),
        ] {
            let layer = Conv1dConfig::new(1, 1, kernel)
                .with_stride(stride)
                .with_dilation(dilation)
                .with_padding(padding)
                .init(&device);
            let length = 11;
            let outputs = |moved: Option<usize>| {
                let mut x = vec![0.0f32; length];
                if let Some(moved) = moved {
                    x[moved] = 1.0;
                }
                let x = TensorData::new(x, [1, length, 1]);
                let y = layer.forward(Tensor::from_data(x, &device));
                y.into_data().iter::<f32>().collect::<Vec<f32>>()
            };
            let rest = outputs(None);
            for moved in 0..length {
                for (position, (new, old)) in outputs(Some(moved)).iter().zip(&rest).enumerate() {
                    let window = layer.window(position, length);
                    let read = window
                        .clone()
                        .step_by(dilation)
                        .any(|at| at == moved as isize);
                    assert_eq!(new != old, read, "{padding:?}: {position} reads {window:?}");
                }
            }
        }
    }

    #[test]
    fn a_kernel_that_does_not_fit_gives_nothing() {
        let device = Device::flex();
        let layer = Conv1dConfig::new(2, 3, 5).with_padding(Padding::Valid);
        let output = layer
            .init(&device)
            .forward(Tensor::zeros([2, 4, 2], &device));
        assert_eq!(output.dims(), [2, 0, 3]);
    }
}
