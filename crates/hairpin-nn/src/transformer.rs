//! Transformer encoders from the fused layers.

mod convert;

use crate::activation::Activation;
use crate::attention::{AttentionInput, MultiHeadAttention, MultiHeadAttentionConfig};
use crate::feed_forward::{FeedForward, FeedForwardConfig};
use crate::norm::{LayerNorm, LayerNormConfig, residual};
use crate::rotary::Rotary;
use burn::config::Config;
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Bool, Device, Tensor};
use serde::{Deserialize, Serialize};

/// Where a layer's norms stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormPlace {
    /// After each residual sum: `x = norm(x + f(x))`, the original, PyTorch's default (`norm_first=False`).
    Post,
    /// Before each block: `x = x + f(norm(x))`, easier to train when deep (Xiong et al. 2020, arXiv:2002.04745;
    /// `norm_first=True`). The last sum is normalised once more, as by PyTorch's `TransformerEncoder(norm=...)`.
    Pre,
}

/// Hyper-parameters of a [`TransformerEncoder`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_model` | required | features per position | a multiple of `n_heads` |
/// | `n_heads` | required | heads | 1.. |
/// | `d_ff` | required | features of the feed-forward block's inner layer | 1.. |
/// | `n_layers` | required | layers | 1.. |
/// | `dropout` | 0.1 | share of attention weights, inner values and each block's result that training drops | 0 up to, not including, 1 |
/// | `activation` | `gelu` | of the feed-forward block | |
/// | `norm` | `post` | where the norms stand | |
#[derive(Config, Debug)]
pub struct TransformerEncoderConfig {
    /// Features per position.
    pub d_model: usize,
    /// Heads.
    pub n_heads: usize,
    /// Features of the feed-forward block's inner layer.
    pub d_ff: usize,
    /// Layers.
    pub n_layers: usize,
    /// Share of attention weights, inner values and each block's result that training drops.
    #[config(default = 0.1)]
    pub dropout: f64,
    /// Of the feed-forward block.
    #[config(default = "Activation::Gelu")]
    pub activation: Activation,
    /// Where the norms stand.
    #[config(default = "NormPlace::Post")]
    pub norm: NormPlace,
}

impl TransformerEncoderConfig {
    /// An encoder with fresh weights.
    ///
    /// # Panics
    ///
    /// When a size is 0, `d_model` is not a multiple of `n_heads`, or `dropout` outside 0..1.
    pub fn init(&self, device: &Device) -> TransformerEncoder {
        let norm = || LayerNormConfig::new(self.d_model).init(device);
        let layer = |_| TransformerEncoderLayer {
            attention: MultiHeadAttentionConfig::new(self.d_model, self.n_heads)
                .with_dropout(self.dropout)
                .init(device),
            feed_forward: FeedForwardConfig::new(self.d_model, self.d_ff)
                .with_activation(self.activation)
                .with_dropout(self.dropout)
                .init(device),
            norm_attention: norm(),
            norm_feed_forward: norm(),
            dropout: DropoutConfig::new(self.dropout).init(),
            norm: self.norm,
        };
        TransformerEncoder {
            layers: (0..self.n_layers).map(layer).collect(),
            norm: (self.norm == NormPlace::Pre).then(norm),
        }
    }
}

/// One layer: attention, then the feed-forward block, each with a residual sum and a norm.
#[derive(Module, Debug)]
pub struct TransformerEncoderLayer {
    /// Attention of the positions to each other.
    pub attention: MultiHeadAttention,
    /// The position-wise block.
    pub feed_forward: FeedForward,
    /// The norm that belongs to attention: PyTorch's `norm1` (Burn's own encoder calls its `norm_2`).
    pub norm_attention: LayerNorm,
    /// The norm that belongs to the feed-forward block: PyTorch's `norm2` (Burn's `norm_1`).
    pub norm_feed_forward: LayerNorm,
    dropout: Dropout,
    #[module(skip)]
    norm: NormPlace,
}

/// Transformer encoder (Vaswani et al. 2017, arXiv:1706.03762), with the layers and the weights of PyTorch's
/// `nn.TransformerEncoder`.
///
/// On Burn's `flex` backend a layer is five operations, each with its own backward pass; see `docs/BENCHMARKS.md`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_nn::{EncoderInput, TransformerEncoderConfig, mask_pad};
///
/// let device = Device::flex();
/// let encoder = TransformerEncoderConfig::new(32, 4, 64, 2).init(&device);
/// let x = Tensor::<3>::ones([2, 41, 32], &device);
/// let input = EncoderInput::new(x).with_mask_pad(mask_pad(&[41, 30], 41, &device));
/// assert_eq!(encoder.forward(input).dims(), [2, 41, 32]);
/// ```
#[derive(Module, Debug)]
pub struct TransformerEncoder {
    /// The layers, the first of which reads the input.
    pub layers: Vec<TransformerEncoderLayer>,
    /// After the last, with [`NormPlace::Pre`].
    pub norm: Option<LayerNorm>,
}

/// A padded batch with what the encoder is to know of it.
#[derive(Debug, Clone)]
pub struct EncoderInput {
    x: Tensor<3>,
    mask_pad: Option<Tensor<2, Bool>>,
    bias: Option<Tensor<4>>,
    rotary: Option<Rotary>,
}

impl EncoderInput {
    /// `x`, `[batch_size, length, d_model]`.
    pub fn new(x: Tensor<3>) -> Self {
        Self {
            x,
            mask_pad: None,
            bias: None,
            rotary: None,
        }
    }

    /// Which positions are padded, `[batch_size, length]`, true where they are.
    pub fn with_mask_pad(mut self, mask_pad: Tensor<2, Bool>) -> Self {
        self.mask_pad = Some(mask_pad);
        self
    }

    /// Added to every layer's scores, `[batch_size or 1, n_heads or 1, length, length]`.
    pub fn with_bias(mut self, bias: Tensor<4>) -> Self {
        self.bias = Some(bias);
        self
    }

    /// By which every layer's queries and keys are turned.
    pub fn with_rotary(mut self, rotary: Rotary) -> Self {
        self.rotary = Some(rotary);
        self
    }

    /// What attention is to read of it, with `x` in the place of its own.
    fn attention(self, x: Tensor<3>) -> AttentionInput {
        let mut input = AttentionInput::new(x);
        if let Some(mask_pad) = self.mask_pad {
            input = input.with_mask_pad(mask_pad);
        }
        if let Some(bias) = self.bias {
            input = input.with_bias(bias);
        }
        if let Some(rotary) = self.rotary {
            input = input.with_rotary(rotary);
        }
        input
    }
}

impl TransformerEncoder {
    /// Applies the layers. What stands at padded positions is not defined, and does not reach the others.
    ///
    /// # Shapes
    ///
    /// As [`EncoderInput`] says -> `[batch_size, length, d_model]`
    ///
    /// # Panics
    ///
    /// When a shape does not match.
    pub fn forward(&self, mut input: EncoderInput) -> Tensor<3> {
        for layer in &self.layers {
            input.x = layer.forward(input.clone());
        }
        match &self.norm {
            Some(norm) => norm.forward(input.x),
            None => input.x,
        }
    }
}

impl TransformerEncoder {
    /// How much each position attends to each other one in every layer, the first of which reads the input: see
    /// [`MultiHeadAttention::weights`]. What stands in the rows of padded positions is not defined.
    ///
    /// # Shapes
    ///
    /// As [`EncoderInput`] says -> for each layer `[batch_size, n_heads, length, length]`
    ///
    /// # Panics
    ///
    /// When a shape does not match.
    pub fn attention_weights(&self, mut input: EncoderInput) -> Vec<Tensor<4>> {
        let mut weights = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            weights.push(layer.attention_weights(input.clone()));
            input.x = layer.forward(input.clone());
        }
        weights
    }
}

impl TransformerEncoderLayer {
    /// How much each position attends to each other one; see [`TransformerEncoder::attention_weights`].
    pub fn attention_weights(&self, input: EncoderInput) -> Tensor<4> {
        let x = match self.norm {
            NormPlace::Post => input.x.clone(),
            NormPlace::Pre => self.norm_attention.forward(input.x.clone()),
        };
        self.attention.weights(input.attention(x))
    }

    /// Applies the layer; see [`TransformerEncoder::forward`].
    pub fn forward(&self, input: EncoderInput) -> Tensor<3> {
        let x = input.x.clone();
        let attend = |x: Tensor<3>| self.attention.forward(input.attention(x));
        match self.norm {
            NormPlace::Post => {
                let y = attend(x.clone());
                let x = self.norm_attention.forward_sum(x, y, &self.dropout);
                let y = self.feed_forward.forward(x.clone());
                self.norm_feed_forward.forward_sum(x, y, &self.dropout)
            }
            NormPlace::Pre => {
                let y = attend(self.norm_attention.forward(x.clone()));
                let x = residual(x, y, &self.dropout);
                let y = self.norm_feed_forward.forward(x.clone());
                let y = self.feed_forward.forward(y);
                residual(x, y, &self.dropout)
            }
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::check::{close, drawn, random};
    use crate::{AdamConfig, mask_pad};
    use burn::optim::GradientsParams;

    #[test]
    fn padding_changes_no_string() {
        let device = Device::flex();
        for norm in [NormPlace::Post, NormPlace::Pre] {
            let encoder = TransformerEncoderConfig::new(8, 2, 16, 2)
                .with_norm(norm)
                .init(&device);
            let x: Tensor<3> = random([1, 5, 8], 1, &device);
            let alone = encoder.forward(EncoderInput::new(x.clone()));
            let padded = Tensor::cat(vec![x, random([1, 4, 8], 2, &device) * 9.0], 1);
            let input = EncoderInput::new(padded).with_mask_pad(mask_pad(&[5], 9, &device));
            let found = encoder.forward(input).slice([0..1, 0..5]);
            close("encoder", found.into_data(), alone.into_data());
        }
    }

    impl TransformerEncoder {
        /// Without dropout, in tensor operations alone.
        fn plain(&self, mut x: Tensor<3>, mask_pad: &Tensor<2, Bool>) -> Tensor<3> {
            let [batch, length, d] = x.dims();
            let flat = |x: Tensor<3>| x.reshape([batch * length, d]);
            let back = |x: Tensor<2>| x.reshape([batch, length, d]);
            for layer in &self.layers {
                let attend = |x: Tensor<3>| {
                    let input = AttentionInput::new(x).with_mask_pad(mask_pad.clone());
                    let heads = layer.attention.plain(input);
                    layer.attention.output.plain(flat(heads))
                };
                let (first, second) = (&layer.norm_attention, &layer.norm_feed_forward);
                x = back(match layer.norm {
                    NormPlace::Post => {
                        let y = first.plain(flat(x.clone()) + attend(x));
                        second.plain(y.clone() + layer.feed_forward.plain(y))
                    }
                    NormPlace::Pre => {
                        let y = flat(x.clone()) + attend(back(first.plain(flat(x))));
                        y.clone() + layer.feed_forward.plain(second.plain(y))
                    }
                });
            }
            match &self.norm {
                Some(norm) => back(norm.plain(flat(x))),
                None => x,
            }
        }
    }

    #[test]
    fn losses_of_the_fast_and_the_plain_path_coincide_over_200_steps() {
        let device = Device::flex().autodiff();
        for norm in [NormPlace::Post, NormPlace::Pre] {
            let start = TransformerEncoderConfig::new(8, 2, 16, 2)
                .with_norm(norm)
                .with_dropout(0.0)
                .init(&device);
            // From some weights training is so sensitive that rounding alone parts the curves: these are always the same ones.
            let start = drawn(start, 4000);
            let x: Tensor<3> = random([6, 9, 8], 1, &device);
            let wanted: Tensor<3> = random([6, 9, 8], 2, &device);
            let mask = mask_pad(&[9, 3, 7, 1, 9, 5], 9, &device);
            let train = |fast: bool| -> Vec<f32> {
                let mut encoder = start.clone();
                let mut optimizer = AdamConfig::new().init();
                let step = |_| {
                    let y = match fast {
                        true => {
                            let input = EncoderInput::new(x.clone());
                            encoder.forward(input.with_mask_pad(mask.clone()))
                        }
                        false => encoder.plain(x.clone(), &mask),
                    };
                    let padded = mask.clone().unsqueeze_dim::<3>(2).expand(y.dims());
                    let apart = (y - wanted.clone()).mask_fill(padded, 0.0);
                    let loss = apart.square().mean();
                    let grads = GradientsParams::from_grads(loss.backward(), &encoder);
                    encoder = optimizer.step(1e-3, encoder.clone(), grads);
                    loss.into_scalar::<f32>()
                };
                (0..200).map(step).collect()
            };
            let (fast, plain) = (train(true), train(false));
            assert!(plain[199] < 0.7 * plain[0], "nothing was learned");
            for (step, (fast, plain)) in fast.iter().zip(&plain).enumerate() {
                assert!(
                    (fast - plain).abs() < 1e-4,
                    "{norm:?}, step {step}: {fast} and {plain}"
                );
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_byte_of_a_training_step() {
        let device = Device::flex().autodiff();
        let encoder = TransformerEncoderConfig::new(48, 4, 96, 2)
            .with_dropout(0.0)
            .init(&device);
        let x: Tensor<3> = random([30, 21, 48], 1, &device);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| {
                let y = encoder.forward(EncoderInput::new(x.clone()));
                let grads = (y.clone() * y.clone()).sum().backward();
                let weight = &encoder.layers[0].feed_forward.inner.weight;
                let gradient = weight.val().grad(&grads).unwrap();
                (y.into_data(), gradient.into_data())
            })
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}
