//! [`SequenceLstm`]: a string in, a vector out, through a recurrent layer.

use crate::{Model, ModelError, SequenceInput};
use burn::config::Config;
use burn::module::Module;
use burn::nn::{
    BatchNorm, BatchNormConfig, Dropout, DropoutConfig, LayerNorm, LayerNormConfig, Linear,
    LinearConfig, Relu,
};
use burn::tensor::{Device, Tensor, s};
use hairpin_nn::{
    Conv1d, Conv1dConfig, Recurrent, RecurrentConfig, RecurrentInput, masked_max, masked_mean,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How the states of all positions become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The last state of each direction: what was read first has the longest way to go.
    Last,
    /// Mean over positions: does not grow with the length.
    Mean,
    /// Maximum over positions.
    Max,
    /// Mean and maximum side by side.
    MeanMax,
}

/// How the pooled vector is normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// By the statistics of the batch; at prediction, by their running mean (Ioffe & Szegedy 2015, arXiv:1502.03167).
    Batch,
    /// By the example's own statistics, the same at training and prediction (Ba et al. 2016, arXiv:1607.06450).
    Layer,
    /// Not at all.
    None,
}

/// Hyper-parameters of a [`SequenceLstm`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_input` | required | channels of the encoding, 4 for one-hot nucleotides | 1 to 16384 |
/// | `n_outputs` | required | classes, or values to regress | 1 to 16384 |
/// | `conv_channels` | 16 | channels of the convolution in front; 0 leaves it and the pooling out | 0 to 16384 |
/// | `conv_kernel` | 5 | positions the convolution sees | odd, up to 16383 |
/// | `conv_pool` | 3 | positions that one maximum joins: the recurrence gets as many times shorter | 1 to 16384 |
/// | `d_hidden` | 32 | hidden units per direction | 1 to 16384 |
/// | `layers` | 1 | recurrent layers, each reading the one before, with `dropout` in between | 1 to 16 |
/// | `bidirectional` | `true` | a second recurrence reads each string from its end | |
/// | `forget_bias` | 0.0 | added to the forget gate's bias at the start | |
/// | `pooling` | `mean` | how positions become one vector: `last`, `mean`, `max`, `mean_max` | |
/// | `norm` | `layer` | normalisation of the pooled vector: `batch`, `layer`, `none` | |
/// | `dropout` | 0.0 | share of the pooled vector, and of what goes from layer to layer, that training drops | 0 up to, not including, 1 |
/// | `d_dense` | 32 | units of the dense layer before the output | 1 to 16384 |
///
/// The defaults are what was found to hold its accuracy on strings five times longer than those it was trained on:
/// `docs/tasks/dna-rnn-classifier.md` has what each choice did.
#[derive(Config, Debug)]
pub struct SequenceLstmConfig {
    /// Channels of the encoding.
    pub d_input: usize,
    /// Classes, or values to regress.
    pub n_outputs: usize,
    /// Channels of the convolution in front; 0 leaves it out.
    #[config(default = 16)]
    pub conv_channels: usize,
    /// Positions the convolution sees, an odd number.
    #[config(default = 5)]
    pub conv_kernel: usize,
    /// Positions that one maximum joins.
    #[config(default = 3)]
    pub conv_pool: usize,
    /// Hidden units per direction.
    #[config(default = 32)]
    pub d_hidden: usize,
    /// Recurrent layers.
    #[config(default = 1)]
    pub layers: usize,
    /// Whether a second recurrence reads each string from its end.
    #[config(default = true)]
    pub bidirectional: bool,
    /// Added to the forget gate's bias at the start.
    #[config(default = 0.0)]
    pub forget_bias: f64,
    /// How positions become one vector.
    #[config(default = "Pooling::Mean")]
    pub pooling: Pooling,
    /// Normalisation of the pooled vector.
    #[config(default = "Norm::Layer")]
    pub norm: Norm,
    /// Share of the pooled vector, and of what goes from layer to layer, that training drops.
    #[config(default = 0.0)]
    pub dropout: f64,
    /// Units of the dense layer before the output.
    #[config(default = 32)]
    pub d_dense: usize,
}

/// Largest size of anything: a wrong digit in a configuration is to be an error and not an allocation that ends the program.
const MAX_SIZE: usize = 16_384;

impl SequenceLstmConfig {
    /// Checks every hyper-parameter's range.
    ///
    /// # Errors
    ///
    /// [`ModelError::OutOfRange`] for the first that is outside.
    pub fn validate(&self) -> Result<(), ModelError> {
        let positive = [
            ("d_input", self.d_input),
            ("n_outputs", self.n_outputs),
            ("conv_pool", self.conv_pool),
            ("d_hidden", self.d_hidden),
            ("d_dense", self.d_dense),
            ("layers", self.layers),
        ];
        for (name, found) in positive {
            if found == 0 {
                return Err(out_of_range(name, found, "at least 1"));
            }
        }
        let sizes = [
            ("conv_channels", self.conv_channels),
            ("conv_kernel", self.conv_kernel),
        ];
        for (name, found) in positive.into_iter().chain(sizes) {
            if found > MAX_SIZE {
                return Err(out_of_range(name, found, "at most 16384"));
            }
        }
        if self.layers > 16 {
            return Err(out_of_range("layers", self.layers, "at most 16"));
        }
        if self.conv_kernel.is_multiple_of(2) {
            return Err(out_of_range(
                "conv_kernel",
                self.conv_kernel,
                "an odd number, so that padding keeps the length",
            ));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(out_of_range(
                "dropout",
                self.dropout,
                "0 up to, not including, 1",
            ));
        }
        if !self.forget_bias.is_finite() {
            return Err(out_of_range(
                "forget_bias",
                self.forget_bias,
                "a finite number",
            ));
        }
        Ok(())
    }

    /// A network with PyTorch's default initialisation: uniform within `1 / sqrt(fan_in)`, `1 / sqrt(d_hidden)` in the recurrence.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<SequenceLstm, ModelError> {
        self.validate()?;
        let front = (self.conv_channels > 0).then(|| ConvFront {
            conv: Conv1dConfig::new(self.d_input, self.conv_channels, self.conv_kernel)
                .init(device),
            window: self.conv_pool,
        });
        let d_recurrent = if front.is_some() {
            self.conv_channels
        } else {
            self.d_input
        };
        let lstm = RecurrentConfig::new(d_recurrent, self.d_hidden)
            .with_layers(self.layers)
            .with_dropout(self.dropout)
            .with_bidirectional(self.bidirectional)
            .with_forget_bias(self.forget_bias)
            .init(device);
        let d_pooled = match self.pooling {
            Pooling::MeanMax => 2 * lstm.d_output(),
            Pooling::Last | Pooling::Mean | Pooling::Max => lstm.d_output(),
        };
        Ok(SequenceLstm {
            front,
            lstm,
            batch_norm: (self.norm == Norm::Batch)
                .then(|| BatchNormConfig::new(d_pooled).init(device)),
            layer_norm: (self.norm == Norm::Layer)
                .then(|| LayerNormConfig::new(d_pooled).init(device)),
            dropout: DropoutConfig::new(self.dropout).init(),
            dense: LinearConfig::new(d_pooled, self.d_dense).init(device),
            output: LinearConfig::new(self.d_dense, self.n_outputs).init(device),
            pooling: self.pooling,
        })
    }
}

fn out_of_range(
    name: &'static str,
    found: impl std::fmt::Display,
    expected: &'static str,
) -> ModelError {
    ModelError::OutOfRange {
        name,
        found: found.to_string(),
        expected,
    }
}

/// Convolution, ReLU, maximum over windows: `[batch_size, length, d_input]` -> `[batch_size, length / window, conv_channels]`.
#[derive(Module, Debug)]
pub struct ConvFront {
    /// The convolution, length kept by zero padding.
    pub conv: Conv1d,
    window: usize,
}

impl ConvFront {
    /// Pooled features and their lengths; a window that a string fills only in part is dropped, as PyTorch's pooling does.
    fn forward(&self, input: SequenceInput) -> SequenceInput {
        let [batch, length, _] = input.x.dims();
        let x = self.conv.forward_strings(input.x, &input.lengths);
        let window = self.window;
        assert!(
            length >= window && input.lengths.iter().all(|&own| own >= window),
            "SequenceLstm: a string is shorter than conv_pool ({window}); batch_size {batch}, length {length}"
        );
        let [_, _, channels] = x.dims();
        let pooled = length / window;
        let x = x
            .slice([0..batch, 0..pooled * window])
            .reshape([batch, pooled, window, channels])
            .max_dim(2)
            .reshape([batch, pooled, channels]);
        // The greatest of what ReLU leaves is what it leaves of the greatest.
        let x = Relu::new().forward(x);
        let lengths: Arc<[usize]> = input.lengths.iter().map(|&own| own / window).collect();
        SequenceInput { x, lengths }
    }
}

/// A string to a vector: optional convolution, LSTM, pooling over positions, normalisation, a dense layer, raw outputs.
///
/// ```text
/// x [batch_size, length, d_input]
///   -> convolution, ReLU, maximum      [batch_size, length / conv_pool, conv_channels]   (conv_channels > 0)
///   -> LSTM, `layers` of them           [batch_size, length, directions * d_hidden]
///   -> pooling over each string        [batch_size, directions * d_hidden]               (twice that for mean_max)
///   -> normalisation, dropout
///   -> dense, ReLU                     [batch_size, d_dense]
///   -> output                          [batch_size, n_outputs]
/// ```
///
/// With class labels the outputs are logits, with values they are predictions: the objective decides. Padding changes no output.
/// Agrees with the same network in PyTorch, forward and gradients: `docs/PARITY.md`.
#[derive(Module, Debug)]
pub struct SequenceLstm {
    /// Convolution and pooling in front.
    pub front: Option<ConvFront>,
    /// The recurrence.
    pub lstm: Recurrent,
    /// Present with [`Norm::Batch`].
    pub batch_norm: Option<BatchNorm>,
    /// Present with [`Norm::Layer`].
    pub layer_norm: Option<LayerNorm>,
    dropout: Dropout,
    /// The dense layer.
    pub dense: Linear,
    /// The output layer.
    pub output: Linear,
    #[module(skip)]
    pooling: Pooling,
}

impl Model for SequenceLstm {
    type Input = SequenceInput;

    /// # Shapes
    ///
    /// `[batch_size, length, d_input]` with lengths `[batch_size]` -> `[batch_size, n_outputs]`
    ///
    /// # Panics
    ///
    /// When the channels are not `d_input` or a string is shorter than [`min_length`](Model::min_length).
    fn forward(&self, input: SequenceInput) -> Tensor<2> {
        let SequenceInput { x, lengths } = match &self.front {
            Some(front) => front.forward(input),
            None => input,
        };
        let batch = x.dims()[0];
        let states = self
            .lstm
            .forward(RecurrentInput::new(x).with_lengths(lengths.clone()));
        let x = match self.pooling {
            // Of the last layer; the states of the others come first.
            Pooling::Last => states
                .state
                .hidden
                .slice(s![-(self.lstm.directions() as isize)..])
                .swap_dims(0, 1)
                .reshape([batch, self.lstm.d_output()]),
            Pooling::Mean => masked_mean(states.output, &lengths),
            Pooling::Max => masked_max(states.output, &lengths),
            Pooling::MeanMax => Tensor::cat(
                vec![
                    masked_mean(states.output.clone(), &lengths),
                    masked_max(states.output, &lengths),
                ],
                1,
            ),
        };
        let x = match &self.batch_norm {
            Some(norm) => norm.forward(x),
            None => x,
        };
        let x = match &self.layer_norm {
            Some(norm) => norm.forward(x),
            None => x,
        };
        let x = self.dense.forward(self.dropout.forward(x));
        self.output.forward(Relu::new().forward(x))
    }

    fn n_outputs(&self) -> usize {
        self.output.weight.dims()[1]
    }

    fn min_length(&self) -> usize {
        self.front.as_ref().map_or(1, |front| front.window)
    }
}
