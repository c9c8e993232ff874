//! [`EncodingNet`]: encoded features to a few numbers, through a small dense, recurrent or convolutional network.

use super::{check_dropout, check_sizes, refused, size, width};
use crate::{Model, ModelError};
use burn::config::Config;
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor};
use hairpin_nn::{
    Activation, Cell, Conv1d, Conv1dConfig, Dense, DenseConfig, Recurrent, RecurrentConfig,
    RecurrentInput,
};
use serde::{Deserialize, Serialize};

/// What reads the features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncodingHead {
    /// A dense layer over all of them.
    Dense,
    /// An LSTM over the steps, in both directions.
    Lstm,
    /// A GRU over the steps, in both directions.
    Gru,
    /// A convolution over the steps.
    Convolution,
}

/// Hyper-parameters of an [`EncodingNet`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_input` | required | features of a row | a multiple of `steps`, up to 1048576 |
/// | `n_outputs` | required | values to predict: components, or genes | 1 to 1048576 |
/// | `head` | `dense` | what reads the features: `dense`, `lstm`, `gru`, `convolution` | |
/// | `steps` | 1 | equal parts that a row is read as, one after the other; not read by `dense` | 1 to 16384 |
/// | `d_head` | 64 | units of a direction of the recurrence, or channels | 1 to 16384; `dense` has `d_hidden` |
/// | `kernel` | 3 | steps that the convolution sees | odd, up to 1023 |
/// | `d_hidden` | 256 | units of the dense layers | 1 to 16384 |
/// | `dropout_input` | 0.0 | share of the features that training drops | 0 up to, not including, 1 |
/// | `dropout` | 0.3 | share of hidden values that training drops | 0 up to, not including, 1 |
#[derive(Config, Debug)]
pub struct EncodingNetConfig {
    /// Features of a row.
    pub d_input: usize,
    /// Values to predict.
    pub n_outputs: usize,
    /// What reads the features.
    #[config(default = "EncodingHead::Dense")]
    pub head: EncodingHead,
    /// Equal parts that a row is read as.
    #[config(default = 1)]
    pub steps: usize,
    /// Units of a direction of the recurrence, or channels.
    #[config(default = 64)]
    pub d_head: usize,
    /// Steps that the convolution sees.
    #[config(default = 3)]
    pub kernel: usize,
    /// Units of the dense layers.
    #[config(default = 256)]
    pub d_hidden: usize,
    /// Share of the features that training drops.
    #[config(default = 0.0)]
    pub dropout_input: f64,
    /// Share of hidden values that training drops.
    #[config(default = 0.3)]
    pub dropout: f64,
}

impl EncodingNetConfig {
    /// Checks every hyper-parameter's range.
    ///
    /// # Errors
    ///
    /// [`ModelError::OutOfRange`] for the first that is outside.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes([
            width("d_input", self.d_input),
            width("n_outputs", self.n_outputs),
            size("steps", self.steps),
            size("d_head", self.d_head),
            ("kernel", self.kernel, 1..=1023, "1 to 1023"),
            size("d_hidden", self.d_hidden),
        ])?;
        if self.kernel.is_multiple_of(2) {
            return Err(refused("kernel", self.kernel, "an odd number"));
        }
        if self.head != EncodingHead::Dense && !self.d_input.is_multiple_of(self.steps) {
            return Err(refused("d_input", self.d_input, "a multiple of steps"));
        }
        check_dropout("dropout_input", self.dropout_input)?;
        check_dropout("dropout", self.dropout)
    }

    /// A network with PyTorch's default initialisation.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<EncodingNet, ModelError> {
        self.validate()?;
        let hidden = |from| {
            DenseConfig::new(from, self.d_hidden)
                .with_activation(Activation::Relu)
                .with_dropout(self.dropout)
                .init(device)
        };
        let d_step = self.d_input / self.steps;
        let recurrence = |cell| {
            RecurrentConfig::new(d_step, self.d_head)
                .with_cell(cell)
                .with_bidirectional(true)
                .init(device)
        };
        let (mut dense, mut recurrent, mut convolution) = (None, None, None);
        let d_read = match self.head {
            EncodingHead::Dense => {
                dense = Some(hidden(self.d_input));
                self.d_hidden
            }
            EncodingHead::Lstm | EncodingHead::Gru => {
                recurrent = Some(recurrence(match self.head {
                    EncodingHead::Lstm => Cell::Lstm,
                    _ => Cell::Gru,
                }));
                2 * self.d_head * self.steps
            }
            EncodingHead::Convolution => {
                let layer = Conv1dConfig::new(d_step, self.d_head, self.kernel);
                convolution = Some(layer.init(device));
                self.d_head * self.steps
            }
        };
        let drop = |share| DropoutConfig::new(share).init();
        Ok(EncodingNet {
            dropout_input: drop(self.dropout_input),
            dense,
            recurrent,
            convolution,
            dropout: drop(self.dropout),
            hidden: hidden(d_read),
            output: DenseConfig::new(self.d_hidden, self.n_outputs).init(device),
            steps: self.steps,
        })
    }
}

/// Features of a row, such as encoded statistics of its cell type and its compound, to a few numbers, such as the leading components of
/// its genes.
///
/// ```text
/// x [batch_size, d_input], of which training drops dropout_input
///   dense         h = f(W_1 x + b_1)                                        f = dropout ∘ ReLU
///   lstm, gru     h = dropout(states of both directions at every step)      x as [batch_size, steps, d_input / steps]
///   convolution   h = dropout(ReLU(convolution(x)))                         likewise
/// y = W_3 f(W_2 h + b_2) + b_3
/// ```
///
/// Small networks of these three kinds, over statistics that are read as the steps of a string, were what the best entries of the
/// Open Problems competition of 2023 averaged. Agrees with the same network in PyTorch, forward and gradients: `docs/PARITY.md`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_models::{EncodingHead, EncodingNetConfig, Model};
///
/// let device = Device::flex();
/// // Mean, standard deviation and two quantiles by cell type and by compound, 32 components of each; 32 components out.
/// let config = EncodingNetConfig::new(8 * 32, 32).with_head(EncodingHead::Gru).with_steps(8);
/// assert_eq!(config.init(&device)?.forward(Tensor::zeros([3, 256], &device)).dims(), [3, 32]);
/// # Ok::<(), hairpin_models::ModelError>(())
/// ```
#[derive(Module, Debug)]
pub struct EncodingNet {
    dropout_input: Dropout,
    /// Present with [`EncodingHead::Dense`]: `W_1`.
    pub dense: Option<Dense>,
    /// Present with [`EncodingHead::Lstm`] and [`EncodingHead::Gru`].
    pub recurrent: Option<Recurrent>,
    /// Present with [`EncodingHead::Convolution`].
    pub convolution: Option<Conv1d>,
    dropout: Dropout,
    /// `W_2`.
    pub hidden: Dense,
    /// `W_3`.
    pub output: Dense,
    steps: usize,
}

impl Model for EncodingNet {
    type Input = Tensor<2>;

    /// # Shapes
    ///
    /// `[batch_size, d_input]` -> `[batch_size, n_outputs]`
    ///
    /// # Panics
    ///
    /// When the last dimension is not `d_input`.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [batch, d_input] = x.dims();
        let x = self.dropout_input.forward(x);
        let h = match &self.dense {
            Some(dense) => dense.forward(x),
            None => {
                assert!(
                    d_input.is_multiple_of(self.steps),
                    "EncodingNet: d_input is {d_input}, expected a multiple of the steps, {}",
                    self.steps
                );
                let x: Tensor<3> = x.reshape([batch, self.steps, d_input / self.steps]);
                let mut h = x;
                if let Some(recurrent) = &self.recurrent {
                    h = recurrent.forward(RecurrentInput::new(h)).output;
                }
                if let Some(convolution) = &self.convolution {
                    h = Activation::Relu.forward(convolution.forward(h));
                }
                let [_, steps, d_head] = h.dims();
                self.dropout.forward(h.reshape([batch, steps * d_head]))
            }
        };
        self.output.forward(self.hidden.forward(h))
    }

    fn n_outputs(&self) -> usize {
        self.output.weight.dims()[1]
    }

    fn min_length(&self) -> usize {
        1
    }
}
