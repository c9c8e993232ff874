//! [`Recurrent`]: LSTM and GRU layers over a padded batch, stacked, in one or both directions.

use crate::kernel::recurrence::{self, Recurrence};
use crate::mask::zero_padded;
use burn::config::Config;
use burn::module::{Initializer, Module, Param};
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a recurrent layer computes at each position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Long short-term memory (Hochreiter & Schmidhuber 1997, [doi:10.1162/neco.1997.9.8.1735]).
    ///
    /// ```text
    /// i = sigmoid(x W_i + h U_i + b_i)        f = sigmoid(x W_f + h U_f + b_f)
    /// g = tanh   (x W_g + h U_g + b_g)        o = sigmoid(x W_o + h U_o + b_o)
    /// c' = f c + i g                          h' = o tanh(c')
    /// ```
    ///
    /// [doi:10.1162/neco.1997.9.8.1735]: https://doi.org/10.1162/neco.1997.9.8.1735
    Lstm,
    /// Gated recurrent unit with the reset gate after the product: PyTorch's, and Keras's default (`reset_after=True`).
    ///
    /// ```text
    /// r = sigmoid(x W_r + h U_r + b_r)        z = sigmoid(x W_z + h U_z + b_z)
    /// n = tanh(x W_n + b_n + r (h U_n + c_n))
    /// h' = (1 - z) n + z h
    /// ```
    Gru,
    /// Gated recurrent unit with the reset gate before the product, as first published (Cho et al. 2014, arXiv:1406.1078) and in Keras
    /// with `reset_after=False`: `n = tanh(x W_n + b_n + (r h) U_n)`.
    GruResetBefore,
}

impl Cell {
    /// Gates of the products with input and state: 4, or 3 of a GRU.
    pub(crate) fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru | Self::GruResetBefore => 3,
        }
    }
}

/// Hyper-parameters of a [`Recurrent`] layer.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_input` | required | features per position | 1.. |
/// | `d_hidden` | required | hidden units per direction | 1.. |
/// | `cell` | `Cell::Lstm` | what is computed at each position | |
/// | `bidirectional` | `false` | a second recurrence reads each string from its own end | |
/// | `layers` | 1 | layers, each reading the one before | 1.. |
/// | `dropout` | 0.0 | share of each layer's output that training drops before the next layer | 0 up to, not including, 1 |
/// | `forget_bias` | 0.0 | added to an LSTM's forget gate at the start; 1 helps to remember (Jozefowicz et al. 2015) | any |
#[derive(Config, Debug)]
pub struct RecurrentConfig {
    /// Features per position.
    pub d_input: usize,
    /// Hidden units per direction.
    pub d_hidden: usize,
    /// What is computed at each position.
    #[config(default = "Cell::Lstm")]
    pub cell: Cell,
    /// Whether a second recurrence reads each string from its own end.
    #[config(default = false)]
    pub bidirectional: bool,
    /// Layers, each reading the one before.
    #[config(default = 1)]
    pub layers: usize,
    /// Share of each layer's output that training drops before the next layer.
    #[config(default = 0.0)]
    pub dropout: f64,
    /// Added to an LSTM's forget gate at the start.
    #[config(default = 0.0)]
    pub forget_bias: f64,
}

impl RecurrentConfig {
    /// 1, or 2 when bidirectional.
    pub fn directions(&self) -> usize {
        if self.bidirectional { 2 } else { 1 }
    }

    /// Layers with weights and biases drawn from `U(-1/sqrt(d_hidden), 1/sqrt(d_hidden))`, as PyTorch does.
    ///
    /// # Panics
    ///
    /// When `d_input`, `d_hidden` or `layers` is 0, or `dropout` outside 0..1.
    pub fn init(&self, device: &Device) -> Recurrent {
        for (name, found) in [
            ("d_input", self.d_input),
            ("d_hidden", self.d_hidden),
            ("layers", self.layers),
        ] {
            assert!(found > 0, "RecurrentConfig: {name} must be at least 1");
        }
        let layers = (0..self.layers)
            .map(|layer| {
                let d_input = if layer == 0 {
                    self.d_input
                } else {
                    self.directions() * self.d_hidden
                };
                self.layer(d_input, device)
            })
            .collect();
        Recurrent {
            layers,
            dropout: DropoutConfig::new(self.dropout).init(),
            cell: self.cell,
            d_hidden: self.d_hidden,
            bidirectional: self.bidirectional,
        }
    }

    fn layer(&self, d_input: usize, device: &Device) -> RecurrentLayer {
        let (directions, d_hidden) = (self.directions(), self.d_hidden);
        let width = self.cell.gates() * d_hidden;
        let bound = 1.0 / (d_hidden as f64).sqrt();
        let uniform = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        let mut layer = RecurrentLayer {
            weight_ih: uniform.init([d_input, directions * width], device),
            weight_hh: uniform.init([directions, d_hidden, width], device),
            bias: uniform.init([directions * 4 * d_hidden], device),
        };
        if self.cell == Cell::Lstm && self.forget_bias != 0.0 {
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

/// The parameters of one layer. Matrices are in Burn's `[in, out]`, directions side by side, gates in PyTorch's order: `i f g o` of an
/// LSTM, `r z n` of a GRU.
///
/// | parameter | shape | PyTorch |
/// |---|---|---|
/// | `weight_ih` | `[d_input, directions * gates * d_hidden]` | `weight_ih_l0` transposed, then `weight_ih_l0_reverse` transposed |
/// | `weight_hh` | `[directions, d_hidden, gates * d_hidden]` | `weight_hh_l0` transposed, then its reverse |
/// | `bias` | `[directions * 4 * d_hidden]` | LSTM: `bias_ih_l0 + bias_hh_l0`; GRU: their sums for `r` and `z`, then `bias_ih`'s and `bias_hh`'s parts for `n`; then the reverse |
///
/// There is one bias where PyTorch has two that are always added. A GRU keeps the two of `n` apart, since the reset gate stands between
/// them; with [`Cell::GruResetBefore`] the last quarter is not read.
#[derive(Module, Debug)]
pub struct RecurrentLayer {
    /// `[d_input, directions * gates * d_hidden]`.
    pub weight_ih: Param<Tensor<2>>,
    /// `[directions, d_hidden, gates * d_hidden]`.
    pub weight_hh: Param<Tensor<3>>,
    /// `[directions * 4 * d_hidden]`.
    pub bias: Param<Tensor<1>>,
}

/// Recurrent layers that know how long each string of a padded batch is; see [`Cell`] for the equations.
///
/// A row of length `n` is computed exactly as if it were alone: the forward recurrence stops at position `n - 1`, the reverse one
/// starts there, and positions from `n` on are zero in the output and get no gradient. Burn's own `nn::Lstm` has no lengths.
///
/// # Speed
///
/// On Burn's `flex` backend (feature `flex`) a layer's recurrence is one fused kernel with its own backward pass: see
/// `docs/BENCHMARKS.md`. Elsewhere it is plain tensor operations with the same results.
#[derive(Module, Debug)]
pub struct Recurrent {
    /// The layers, the first of which reads the input.
    pub layers: Vec<RecurrentLayer>,
    dropout: Dropout,
    #[module(skip)]
    cell: Cell,
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

/// The state between two positions, layer by layer and within a layer forward, then reverse, as PyTorch orders it.
#[derive(Debug, Clone)]
pub struct RecurrentState {
    /// `[layers * directions, batch_size, d_hidden]`.
    pub hidden: Tensor<3>,
    /// `[layers * directions, batch_size, d_hidden]`; an LSTM has one, a GRU has none.
    pub cell: Option<Tensor<3>>,
}

/// What a [`Recurrent`] layer returns.
#[derive(Debug, Clone)]
pub struct RecurrentOutput {
    /// `[batch_size, length, directions * d_hidden]` of the last layer: forward, then reverse; zero beyond each row's length.
    pub output: Tensor<3>,
    /// The state after each row's last step: its last position forward, its first position in reverse.
    pub state: RecurrentState,
}

impl Recurrent {
    /// Hidden units per position of the output: `directions * d_hidden`.
    pub fn d_output(&self) -> usize {
        self.directions() * self.d_hidden
    }

    /// 1, or 2 when bidirectional.
    pub fn directions(&self) -> usize {
        if self.bidirectional { 2 } else { 1 }
    }

    /// Parts of a state: hidden and, of an LSTM, cell.
    fn parts(&self) -> usize {
        match self.cell {
            Cell::Lstm => 2,
            Cell::Gru | Cell::GruResetBefore => 1,
        }
    }

    /// Runs the layers over a batch.
    ///
    /// # Shapes
    ///
    /// - input `[batch_size, length, d_input]`, lengths `[batch_size]`, state `[layers * directions, batch_size, d_hidden]`
    /// - output `[batch_size, length, directions * d_hidden]`, state as above
    ///
    /// # Panics
    ///
    /// When a shape does not match, a length is 0 or longer than the batch, there is no row, or an LSTM's state has no cell.
    pub fn forward(&self, input: RecurrentInput) -> RecurrentOutput {
        let RecurrentInput { x, lengths, state } = input;
        let [batch, length, d_input] = x.dims();
        let expected = self.layers[0].weight_ih.dims()[0];
        assert_eq!(
            d_input, expected,
            "Recurrent: the input's d_input is {d_input}, the layer's is {expected}"
        );
        assert!(
            batch > 0 && length > 0,
            "Recurrent: batch_size ({batch}) and length ({length}) must be at least 1"
        );
        let lengths = lengths.unwrap_or_else(|| vec![length; batch].into());
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
        let state = self.initial(state, batch, &x.device());
        // A product with zero is not zero where the padding is NaN.
        let mut x = zero_padded(x, &lengths);
        let mut finals = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                x = self.dropout.forward(x);
            }
            let (output, last) = recurrence::run(
                self.cell,
                Recurrence {
                    x,
                    weight_ih: layer.weight_ih.val(),
                    weight_hh: layer.weight_hh.val(),
                    bias: layer.bias.val(),
                    state: self.layer_state(&state, index),
                    lengths: lengths.clone(),
                },
            );
            x = output;
            finals.push(last);
        }
        RecurrentOutput {
            output: x,
            state: self.joined(finals),
        }
    }

    /// One position of a string that goes on: the output and the state to pass with the next.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use hairpin_nn::RecurrentConfig;
    ///
    /// let device = Device::flex();
    /// let layer = RecurrentConfig::new(4, 8).init(&device);
    /// let mut state = None;
    /// for _ in 0..3 {
    ///     let (output, next) = layer.step(Tensor::ones([1, 4], &device), state);
    ///     assert_eq!(output.dims(), [1, 8]);
    ///     state = Some(next);
    /// }
    /// ```
    ///
    /// # Shapes
    ///
    /// `[batch_size, d_input]` -> `[batch_size, d_hidden]`
    ///
    /// # Panics
    ///
    /// When the layer is bidirectional, since the reverse direction starts where the string ends; else as [`forward`](Self::forward).
    pub fn step(&self, x: Tensor<2>, state: Option<RecurrentState>) -> (Tensor<2>, RecurrentState) {
        assert!(
            !self.bidirectional,
            "Recurrent: a bidirectional layer cannot run step by step"
        );
        let [batch, d_input] = x.dims();
        let input = RecurrentInput {
            x: x.reshape([batch, 1, d_input]),
            lengths: None,
            state,
        };
        let RecurrentOutput { output, state } = self.forward(input);
        (output.reshape([batch, self.d_hidden]), state)
    }

    /// `[parts, layers * directions, batch_size, d_hidden]`.
    fn initial(&self, state: Option<RecurrentState>, batch: usize, device: &Device) -> Tensor<4> {
        let dims = [self.layers.len() * self.directions(), batch, self.d_hidden];
        let Some(RecurrentState { hidden, cell }) = state else {
            return Tensor::zeros([self.parts(), dims[0], dims[1], dims[2]], device);
        };
        let mut parts = vec![hidden];
        match (self.cell, cell) {
            (Cell::Lstm, Some(cell)) => parts.push(cell),
            (Cell::Lstm, None) => panic!("Recurrent: the initial state of an LSTM needs a cell"),
            (Cell::Gru | Cell::GruResetBefore, _) => {}
        }
        for (name, part) in ["hidden", "cell"].iter().zip(&parts) {
            assert_eq!(
                part.dims(),
                dims,
                "Recurrent: the initial {name} must be [layers * directions, batch_size, d_hidden]"
            );
        }
        Tensor::stack(parts, 0)
    }

    /// `[parts, directions, batch_size, d_hidden]` of one layer.
    fn layer_state(&self, state: &Tensor<4>, layer: usize) -> Tensor<4> {
        if self.layers.len() == 1 {
            return state.clone();
        }
        let directions = self.directions();
        let own = layer * directions..(layer + 1) * directions;
        state.clone().slice([0..self.parts(), own])
    }

    fn joined(&self, finals: Vec<Tensor<4>>) -> RecurrentState {
        let state = Tensor::cat(finals, 1);
        let [_, rows, batch, d_hidden] = state.dims();
        let part = |index: usize| {
            state
                .clone()
                .slice(index..index + 1)
                .reshape([rows, batch, d_hidden])
        };
        RecurrentState {
            hidden: part(0),
            cell: (self.cell == Cell::Lstm).then(|| part(1)),
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
        let bias = layer.layers[0]
            .bias
            .val()
            .into_data()
            .try_into_vec::<f32>()
            .unwrap();
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
            assert!(layer.layers[0].bias.val().grad(&grads).is_some());
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
                values(
                    layer.layers[0]
                        .weight_ih
                        .val()
                        .grad(&grads)
                        .unwrap()
                        .reshape([-1]),
                ),
                values(
                    layer.layers[0]
                        .weight_hh
                        .val()
                        .grad(&grads)
                        .unwrap()
                        .reshape([-1]),
                ),
                values(layer.layers[0].bias.val().grad(&grads).unwrap()),
            ]
        };
        assert_eq!(run(0.0), run(f32::NAN));
    }
}
