//! [`PerBase`]: an answer at every position, from features of positions and of pairs of them.

mod config;
mod input;

pub use config::PerBaseConfig;
pub use input::PerBaseInput;

use crate::Model;
use burn::module::{Module, Param};
use burn::nn::Dropout;
use burn::tensor::{Bool, Tensor};
use hairpin_nn::{
    Activation, Conv1d, Dense, EncoderInput, LayerNorm, MaskedBatchNorm, Recurrent, RecurrentInput,
    TransformerEncoder, mask_pad,
};

/// A convolution of the stack: `dropout(ReLU(norm(conv(x))))`, added to `x` but for the first.
#[derive(Module, Debug)]
pub struct ConvBlock {
    /// The convolution, length kept under any dilation.
    pub conv: Conv1d,
    /// Present with [`Norm::Batch`](crate::Norm::Batch): statistics of the positions that are not padded.
    pub batch_norm: Option<MaskedBatchNorm>,
    /// Present with [`Norm::Layer`](crate::Norm::Layer).
    pub layer_norm: Option<LayerNorm>,
    dropout: Dropout,
    residual: bool,
}

impl ConvBlock {
    fn forward(&self, x: Tensor<3>, lengths: &[usize], mask: Option<Tensor<2, Bool>>) -> Tensor<3> {
        let mut y = self.conv.forward_strings(x.clone(), lengths);
        if let Some(norm) = &self.batch_norm {
            y = norm.forward(y, mask);
        }
        if let Some(norm) = &self.layer_norm {
            y = norm.forward(y);
        }
        let y = self.dropout.forward(Activation::Relu.forward(y));
        if self.residual { x + y } else { y }
    }
}

/// Attention of positions to each other, with what is known of each pair.
#[derive(Module, Debug)]
pub struct PairAttention {
    /// `[n_pairs, n_heads]`: how much each head's scores rise with each kind of pair.
    pub pair_weight: Option<Param<Tensor<2>>>,
    /// The layers, all of which see the same bias.
    pub encoder: TransformerEncoder,
}

impl PairAttention {
    /// What is added to the scores of each head, `[batch_size, n_heads, length, length]`: `Σ_k w[k, head] pairs[k]`.
    ///
    /// # Panics
    ///
    /// When there are pairs where none are expected, none where some are, or another number of kinds.
    pub fn bias(&self, pairs: Option<&Tensor<4>>) -> Option<Tensor<4>> {
        let (weight, pairs) = match (&self.pair_weight, pairs) {
            (None, None) => return None,
            (Some(weight), Some(pairs)) => (weight.val(), pairs.clone()),
            (weight, pairs) => panic!(
                "PerBase: n_pairs of the input is {}, expected {}",
                pairs.map_or(0, |pairs| pairs.dims()[1]),
                weight.as_ref().map_or(0, |weight| weight.dims()[0])
            ),
        };
        let ([batch, kinds, rows, columns], [expected, heads]) = (pairs.dims(), weight.dims());
        assert_eq!(
            kinds, expected,
            "PerBase: n_pairs of the input and of the model"
        );
        let pairs = pairs.reshape([batch, kinds, rows * columns]);
        let weight: Tensor<3> = weight
            .transpose()
            .reshape([1, heads, kinds])
            .expand([batch, heads, kinds]);
        Some(weight.matmul(pairs).reshape([batch, heads, rows, columns]))
    }
}

/// Features of positions to answers at positions: convolutions, attention that knows of pairs, a recurrence, a dense layer.
///
/// ```text
/// x [batch_size, length, d_input]
///   -> convolutions, one for each dilation     [batch_size, length, d_model]
///        y = dropout(ReLU(norm(conv(x)))); the first gives y, each other x + y
///   -> attention_layers of attention           [batch_size, length, d_model]
///        scores q kᵀ / √d + Σ_k w[k, head] pairs[k]
///   -> recurrent_layers of LSTM or GRU         [batch_size, length, directions · d_hidden]
///   -> dropout, dense                          [batch_size, length, n_outputs]
/// ```
///
/// The last layer is linear: its outputs are real numbers, as reactivities and rates of degradation are. Dilated residual convolutions see
/// far with few layers (van den Oord et al. 2016, arXiv:1609.03499; Yu & Koltun 2016, arXiv:1511.07122); the bias makes of attention a
/// network on the graph of the structure, after the winners of OpenVaccine (Wayment-Steele et al. 2022, doi:10.1038/s42256-022-00571-8) and
/// Graphormer (Ying et al. 2021, arXiv:2106.05234).
///
/// Padding changes no answer. Answers at padded positions mean nothing. Rows that the input holds in [reverse](PerBaseInput::reversed) are
/// answered in their own order. Agrees with the same network in PyTorch, forward and gradients: `docs/PARITY.md`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_models::{Model, PerBaseConfig, PerBaseInput};
///
/// let device = Device::flex();
/// // 14 features of a base and 2 of a pair (its probability, how near the two are in the structure), 5 values to predict.
/// let model = PerBaseConfig::new(14, 5).with_attention_layers(1).with_n_pairs(2).init(&device)?;
/// let batch = PerBaseInput::new(Tensor::zeros([3, 107, 14], &device), vec![107, 68, 30])
///     .with_pairs(Tensor::zeros([3, 2, 107, 107], &device));
/// assert_eq!(model.forward(batch).dims(), [3, 107, 5]);
/// # Ok::<(), hairpin_models::ModelError>(())
/// ```
#[derive(Module, Debug)]
pub struct PerBase {
    /// The convolutions.
    pub convs: Vec<ConvBlock>,
    /// Present with `attention_layers`.
    pub attention: Option<PairAttention>,
    /// Present with `recurrent_layers`.
    pub recurrence: Option<Recurrent>,
    dropout: Dropout,
    /// The linear layer at each position.
    pub output: Dense,
}

impl Model<Tensor<3>> for PerBase {
    type Input = PerBaseInput;

    /// # Shapes
    ///
    /// As [`PerBaseInput`] says -> `[batch_size, length, n_outputs]`
    ///
    /// # Panics
    ///
    /// When the channels are not `d_input`, or the pair matrices not `n_pairs`.
    fn forward(&self, input: PerBaseInput) -> Tensor<3> {
        let lengths = &input.lengths;
        let [_, length, _] = input.x.dims();
        let mask = lengths
            .iter()
            .any(|&own| own < length)
            .then(|| mask_pad(lengths, length, &input.x.device()));
        let mut x = input.x.clone();
        for block in &self.convs {
            x = block.forward(x, lengths, mask.clone());
        }
        if let Some(attention) = &self.attention {
            let mut batch = EncoderInput::new(x);
            if let Some(bias) = attention.bias(input.pairs.as_ref()) {
                batch = batch.with_bias(bias);
            }
            if let Some(mask) = mask {
                batch = batch.with_mask_pad(mask);
            }
            x = attention.encoder.forward(batch);
        }
        if let Some(recurrence) = &self.recurrence {
            let batch = RecurrentInput::new(x).with_lengths(lengths.clone());
            x = recurrence.forward(batch).output;
        }
        input.in_order(self.output.forward(self.dropout.forward(x)))
    }

    fn n_outputs(&self) -> usize {
        self.output.weight.dims()[1]
    }

    fn min_length(&self) -> usize {
        1
    }
}
