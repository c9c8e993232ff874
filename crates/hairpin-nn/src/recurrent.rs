//! [`Recurrent`]: an LSTM over a padded batch, in one or both directions.

use crate::kernel::{self, Recurrence};
use crate::mask::zero_padded;
use burn::config::Config;
use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor};
use std::sync::Arc;

/// Hyper-parameters of a [`Recurrent`] layer.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_input` | required | features per position | 1.. |
/// | `d_hidden` | required | hidden units per direction | 1.. |
/// | `bidirectional` | `false` | a second recurrence reads each string from its own end | |
/// | `forget_bias` | `0.0` | added to the forget gate's bias at the start; 1 helps to remember (Jozefowicz et al. 2015) | any |
#[derive(Config, Debug)]
pub struct RecurrentConfig {
    /// Features per position.
    pub d_input: usize,
    /// Hidden units per direction.
    pub d_hidden: usize,
    /// Whether a second recurrence reads each string from its own end.
    #[config(default = false)]
    pub bidirectional: bool,
    /// Added to the forget gate's bias at the start.
    #[config(default = 0.0)]
    pub forget_bias: f64,
}

impl RecurrentConfig {
    /// 1, or 2 when bidirectional.
    pub fn directions(&self) -> usize {
        if self.bidirectional { 2 } else { 1 }
    }

    /// A layer with weights and biases drawn from `U(-1/sqrt(d_hidden), 1/sqrt(d_hidden))`, as PyTorch does.
    ///
    /// # Panics
    ///
    /// When `d_input` or `d_hidden` is 0.
    pub fn init(&self, device: &Device) -> Recurrent {
        assert!(
            self.d_input > 0,
            "RecurrentConfig: d_input must be at least 1"
        );
        assert!(
            self.d_hidden > 0,
            "RecurrentConfig: d_hidden must be at least 1"
        );
        let (directions, d_hidden) = (self.directions(), self.d_hidden);
        let width = 4 * d_hidden;
        let bound = 1.0 / (d_hidden as f64).sqrt();
        let uniform = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        let mut layer = Recurrent {
            weight_ih: uniform.init([self.d_input, directions * width], device),
            weight_hh: uniform.init([directions, d_hidden, width], device),
            bias: uniform.init([directions * width], device),
            d_input: self.d_input,
            d_hidden,
            bidirectional: self.bidirectional,
        };
        if self.forget_bias != 0.0 {
            let offset: Vec<f32> = (0..directions * width)
                .map(|index| {
                    let forget = index % width / d_hidden == 1;
                    if forget { self.forget_bias as f32 } else { 0.0 }
                })
                .collect();
            let bias = layer.bias.val();
            let offset = Tensor::from_floats(offset.as_slice(), &bias.device());
            // Detached: a parameter is a leaf of every graph, and not the sum that it started as.
            layer.bias = Param::from_tensor((bias + offset).detach());
        }
        layer
    }
}

/// A long short-term memory layer (Hochreiter & Schmidhuber 1997, [doi:10.1162/neco.1997.9.8.1735]) that knows how long each string of a
/// padded batch is.
///
/// ```text
/// i_t = sigmoid(x_t W_i + h_{t-1} U_i + b_i)        f_t = sigmoid(x_t W_f + h_{t-1} U_f + b_f)
/// g_t = tanh   (x_t W_g + h_{t-1} U_g + b_g)        o_t = sigmoid(x_t W_o + h_{t-1} U_o + b_o)
/// c_t = f_t c_{t-1} + i_t g_t                       h_t = o_t tanh(c_t)
/// ```
///
/// A row of length `n` is computed exactly as if it were alone: the forward recurrence stops at position `n - 1`, the reverse one
/// starts there, and positions from `n` on are zero in the output and get no gradient. Burn's own `nn::Lstm` has no lengths.
///
/// # Layout of the parameters
///
/// Gates are in PyTorch's order `i f g o`, matrices in Burn's `[in, out]`, directions side by side:
///
/// | parameter | shape | PyTorch |
/// |---|---|---|
/// | `weight_ih` | `[d_input, directions * 4 * d_hidden]` | `weight_ih_l0` transposed, then `weight_ih_l0_reverse` transposed |
/// | `weight_hh` | `[directions, d_hidden, 4 * d_hidden]` | `weight_hh_l0` transposed, then its reverse |
/// | `bias` | `[directions * 4 * d_hidden]` | `bias_ih_l0 + bias_hh_l0`, then their reverse |
///
/// There is one bias where PyTorch has two that are always added; Keras, too, has one.
///
/// # Speed
///
/// On Burn's `flex` backend (feature `flex`) the recurrence is one fused kernel with its own backward pass: see
/// `docs/BENCHMARKS.md`. Elsewhere it is plain tensor operations with the same results.
///
/// [doi:10.1162/neco.1997.9.8.1735]: https://doi.org/10.1162/neco.1997.9.8.1735
#[derive(Module, Debug)]
pub struct Recurrent {
    /// `[d_input, directions * 4 * d_hidden]`.
    pub weight_ih: Param<Tensor<2>>,
    /// `[directions, d_hidden, 4 * d_hidden]`.
    pub weight_hh: Param<Tensor<3>>,
    /// `[directions * 4 * d_hidden]`.
    pub bias: Param<Tensor<1>>,
    d_input: usize,
    d_hidden: usize,
    bidirectional: bool,
}

/// A padded batch with what is known of it.
#[derive(Debug, Clone)]
pub struct RecurrentInput {
    x: Tensor<3>,
    lengths: Option<Arc<[usize]>>,
    state: Option<RecurrentState>,
}

impl RecurrentInput {
    /// A batch `[batch_size, length, d_input]` of strings that are all `length` long.
    pub fn new(x: Tensor<3>) -> Self {
        Self {
            x,
            lengths: None,
            state: None,
        }
    }

    /// The true length of each row, `1..=length`; what lies beyond is never read.
    pub fn with_lengths(mut self, lengths: impl Into<Arc<[usize]>>) -> Self {
        self.lengths = Some(lengths.into());
        self
    }

    /// The state to start from instead of zeros.
    pub fn with_state(mut self, state: RecurrentState) -> Self {
        self.state = Some(state);
        self
    }
}

/// Hidden state and cell per direction.
#[derive(Debug, Clone)]
pub struct RecurrentState {
    /// `[directions, batch_size, d_hidden]`.
    pub hidden: Tensor<3>,
    /// `[directions, batch_size, d_hidden]`.
    pub cell: Tensor<3>,
}

/// What a [`Recurrent`] layer returns.
#[derive(Debug, Clone)]
pub struct RecurrentOutput {
    /// `[batch_size, length, directions * d_hidden]`: forward, then reverse; zero beyond each row's length.
    pub output: Tensor<3>,
    /// The state after each row's last step: its last position forward, its first position in reverse.
    pub state: RecurrentState,
}

impl Recurrent {
    /// Hidden units per position of the output: `directions * d_hidden`.
    pub fn d_output(&self) -> usize {
        self.directions() * self.d_hidden
    }

    fn directions(&self) -> usize {
        if self.bidirectional { 2 } else { 1 }
    }

    /// Runs the layer over a batch.
    ///
    /// # Shapes
    ///
    /// - input `[batch_size, length, d_input]`, lengths `[batch_size]`, state `[directions, batch_size, d_hidden]` twice
    /// - output `[batch_size, length, directions * d_hidden]`, state as above
    ///
    /// # Panics
    ///
    /// When a shape does not match, a length is 0 or longer than the batch, or there is no row.
    pub fn forward(&self, input: RecurrentInput) -> RecurrentOutput {
        let [batch, length, d_input] = input.x.dims();
        let (directions, d_hidden) = (self.directions(), self.d_hidden);
        assert_eq!(
            d_input, self.d_input,
            "Recurrent: the input's d_input is {d_input}, the layer's is {}",
            self.d_input
        );
        assert!(
            batch > 0 && length > 0,
            "Recurrent: batch_size ({batch}) and length ({length}) must be at least 1"
        );
        let lengths = input.lengths.unwrap_or_else(|| vec![length; batch].into());
        assert_eq!(
            lengths.len(),
            batch,
            "Recurrent: {} lengths for batch_size {batch}",
            lengths.len()
        );
        for (row, &own) in lengths.iter().enumerate() {
            assert!(
                (1..=length).contains(&own),
                "Recurrent: row {row} has length {own}, expected 1..={length}: leave empty strings out"
            );
        }
        let device = input.x.device();
        let state: Tensor<4> = match input.state {
            None => Tensor::zeros([2, directions, batch, d_hidden], &device),
            Some(state) => {
                for (name, part) in [("hidden", &state.hidden), ("cell", &state.cell)] {
                    assert_eq!(
                        part.dims(),
                        [directions, batch, d_hidden],
                        "Recurrent: the initial {name} must be [directions, batch_size, d_hidden]"
                    );
                }
                Tensor::stack(vec![state.hidden, state.cell], 0)
            }
        };
        // A product with zero is not zero where the padding is NaN.
        let gates = zero_padded(input.x, &lengths)
            .reshape([batch * length, d_input])
            .matmul(self.weight_ih.val())
            .reshape([batch, length, directions * 4 * d_hidden]);
        let (output, state) = kernel::lstm(Recurrence {
            gates,
            weight_hh: self.weight_hh.val(),
            bias: self.bias.val(),
            state,
            lengths,
        });
        let part = |index: usize| {
            state
                .clone()
                .slice(index..index + 1)
                .reshape([directions, batch, d_hidden])
        };
        RecurrentOutput {
            output,
            state: RecurrentState {
                hidden: part(0),
                cell: part(1),
            },
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn the_forget_bias_starts_higher_and_is_learnt_like_any_other() {
        let device = Device::flex().autodiff();
        let config = RecurrentConfig::new(2, 3)
            .with_bidirectional(true)
            .with_forget_bias(10.0);
        let layer = config.init(&device);
        let bias = layer.bias.val().into_data().try_into_vec::<f32>().unwrap();
        for (index, value) in bias.iter().enumerate() {
            let forget = index % 12 / 3 == 1;
            assert_eq!(*value > 5.0, forget, "bias[{index}] is {value}");
        }
        for _ in 0..2 {
            let x = Tensor::<3>::ones([1, 4, 2], &device);
            let grads = layer
                .forward(RecurrentInput::new(x))
                .output
                .sum()
                .backward();
            assert!(layer.bias.val().grad(&grads).is_some());
        }
    }

    #[test]
    #[should_panic(expected = "row 1 has length 0")]
    fn an_empty_string_is_refused_by_its_row() {
        let device = Device::flex();
        let x = Tensor::<3>::ones([2, 4, 2], &device);
        let input = RecurrentInput::new(x).with_lengths(vec![4, 0]);
        RecurrentConfig::new(2, 3).init(&device).forward(input);
    }

    #[test]
    fn what_lies_in_the_padding_reaches_nothing() {
        let device = Device::flex().autodiff();
        let layer = RecurrentConfig::new(2, 3)
            .with_bidirectional(true)
            .init(&device);
        let run = |padding: f32| {
            let mut x = vec![0.5f32; 2 * 4 * 2];
            x[3 * 2..4 * 2].fill(padding);
            let x = burn::tensor::TensorData::new(x, [2, 4, 2]);
            let x = Tensor::<3>::from_data(x, &device).require_grad();
            let out = layer.forward(RecurrentInput::new(x.clone()).with_lengths(vec![3, 4]));
            let grads = out.output.clone().sum().backward();
            let values = |t: Tensor<1>| t.into_data().try_into_vec::<f32>().unwrap();
            [
                values(out.output.inner().reshape([-1])),
                values(x.grad(&grads).unwrap().reshape([-1])),
                values(layer.weight_ih.val().grad(&grads).unwrap().reshape([-1])),
                values(layer.weight_hh.val().grad(&grads).unwrap().reshape([-1])),
                values(layer.bias.val().grad(&grads).unwrap()),
            ]
        };
        assert_eq!(run(0.0), run(f32::NAN));
    }
}
