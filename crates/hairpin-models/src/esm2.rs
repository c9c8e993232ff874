//! [`Esm2`]: the protein language models ESM-2, as published.
//!
//! ```
//! use burn::tensor::{Device, Int, Tensor};
//! use hairpin_models::esm2::{EmbedConfig, Esm2Config};
//!
//! let device = Device::flex();
//! // Of published weights: Esm2Config::from_json(&std::fs::read_to_string("config.json")?)?, then
//! // Esm2::from_weights(&config, hairpin_nn::weights::read("model.safetensors")?, &device)?
//! let model = Esm2Config::new(32, 2, 4, 64).init(&device)?;
//!
//! // <cls> M K L <eos>, as hairpin-seq's Esm2Tokens writes them.
//! let tokens = Tensor::<2, Int>::from_data([[0_i64, 20, 15, 4, 2]], &device);
//! assert_eq!(model.forward(tokens).dims(), [1, 5, 32]);
//!
//! // One vector per protein.
//! let proteins = [vec![0, 20, 15, 4, 2], vec![0, 20, 2]];
//! let vectors = model.embed(&proteins, &EmbedConfig::new(), |_, _| ())?;
//! assert_eq!(vectors.shape().as_slice(), [2, 32]);
//! # Ok::<(), hairpin_models::ModelError>(())
//! ```

mod config;
mod embed;
mod names;
mod on_disk;
mod published;

pub use config::Esm2Config;
pub use embed::EmbedConfig;
pub use on_disk::Esm2OnDisk;

use crate::ModelError;
use burn::module::{Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, Initializer};
use burn::tensor::{Bool, Device, Int, Tensor};
use hairpin_nn::{
    Activation, Dense, DenseConfig, EncoderInput, LayerNorm, LayerNormConfig, NormPlace, Rotary,
    TransformerEncoder, TransformerEncoderConfig,
};

/// The share of residues that training masked: 15 %, of which 80 % became `<mask>`.
const MASKED_IN_TRAINING: f64 = 0.15 * 0.8;

impl Esm2Config {
    /// A model with random weights and a head; published ones come by [`Esm2::from_weights`].
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<Esm2, ModelError> {
        self.validate()?;
        let d = self.d_model;
        let norm = || {
            LayerNormConfig::new(d)
                .with_epsilon(self.norm_epsilon)
                .init(device)
        };
        let mut encoder = TransformerEncoderConfig::new(d, self.n_heads, self.d_ff, self.n_layers)
            .with_dropout(0.0)
            .with_norm(NormPlace::Pre)
            .init(device);
        for layer in &mut encoder.layers {
            layer.norm_attention = norm();
            layer.norm_feed_forward = norm();
        }
        encoder.norm = Some(norm());
        Ok(Esm2 {
            embedding: EmbeddingConfig::new(self.n_tokens, d).init(device),
            encoder,
            head: Some(LanguageHead {
                dense: DenseConfig::new(d, d)
                    .with_activation(Activation::Gelu)
                    .init(device),
                norm: norm(),
                bias: Initializer::Zeros.init([self.n_tokens], device),
            }),
            frequencies: Rotary::frequencies(self.d_head(), self.rotary_base),
            config: self.clone(),
        })
    }
}

/// A protein language model (Lin et al. 2023, doi:10.1126/science.ade2574): tokens to a state for each, and to the residues it expects
/// there.
///
/// ```text
/// x = E[tokens], rows of <mask> zero, times (1 - 0.12) / (1 - share of <mask>), zero where padded
/// x = x + attention(norm(x)), positions by rotation;    x = x + W_2 gelu(W_1 norm(x) + b_1) + b_2      each layer
/// states = norm(x)
/// logits = E norm(gelu(W states + b)) + c                                                              the head
/// ```
///
/// The tokens are `<cls> residues <eos>`, padded on the right with [`Esm2Config::pad_token`]; `hairpin_seq::Esm2Tokens` writes them.
/// Padding and the other rows of a batch change nothing but rounding. The factor 0.88 belongs to the model without any mask, too: its
/// training masked 12 % of the residues.
///
/// States and logits are those of Hugging Face's `EsmForMaskedLM`: `docs/PARITY.md`. There are no contacts and no attention maps of its
/// own; [`TransformerEncoder::attention_weights`] has the latter.
#[derive(Module, Debug)]
pub struct Esm2 {
    /// `E`, `[n_tokens, d_model]`.
    pub embedding: Embedding,
    /// The layers, with the norm after the last.
    pub encoder: TransformerEncoder,
    /// Where the weights have one.
    pub head: Option<LanguageHead>,
    /// Rotary frequencies: the weights' own, or those of the configuration.
    #[module(skip)]
    frequencies: Vec<f32>,
    #[module(skip)]
    config: Esm2Config,
}

/// From states to logits, with the embedding as the decoder.
#[derive(Module, Debug)]
pub struct LanguageHead {
    /// `W`, `b`, with GELU.
    pub dense: Dense,
    /// The norm after it.
    pub norm: LayerNorm,
    /// `c`, `[n_tokens]`.
    pub bias: Param<Tensor<1>>,
}

impl Esm2 {
    /// The sizes.
    pub fn config(&self) -> &Esm2Config {
        &self.config
    }

    /// The states after the last norm: Hugging Face's `last_hidden_state`.
    ///
    /// # Shapes
    ///
    /// `[batch_size, length]` -> `[batch_size, length, d_model]`
    ///
    /// # Panics
    ///
    /// When a token is not below `n_tokens`.
    pub fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        self.states(tokens, self.config.n_layers, |_| ())
    }

    /// The states of every layer: the embedding, what each layer makes of it, the last one after the last norm. These are Hugging Face's
    /// `hidden_states` and fair-esm's `representations`.
    ///
    /// # Shapes
    ///
    /// `[batch_size, length]` -> `n_layers + 1` times `[batch_size, length, d_model]`
    ///
    /// # Panics
    ///
    /// When a token is not below `n_tokens`.
    pub fn hidden_states(&self, tokens: Tensor<2, Int>) -> Vec<Tensor<3>> {
        let n_layers = self.config.n_layers;
        let mut all = Vec::with_capacity(n_layers + 1);
        let last = self.states(tokens, n_layers, |x| all.push(x.clone()));
        all.push(last);
        all
    }

    /// Logits of the tokens at each position, given the states of [`forward`](Self::forward); nothing of a model without a head.
    ///
    /// # Shapes
    ///
    /// `[batch_size, length, d_model]` -> `[batch_size, length, n_tokens]`
    ///
    /// # Panics
    ///
    /// When the last dimension is not `d_model`.
    pub fn logits(&self, states: Tensor<3>) -> Option<Tensor<3>> {
        let head = self.head.as_ref()?;
        let [batch, length, d_model] = states.dims();
        let x = head.norm.forward(head.dense.forward(states));
        let decoder = self.embedding.weight.val().transpose();
        let [_, n_tokens] = decoder.dims();
        let logits = x.reshape([batch * length, d_model]).matmul(decoder);
        Some((logits + head.bias.val().unsqueeze()).reshape([batch, length, n_tokens]))
    }

    /// The states after layer `layer`, 0 for the embedding; `see` is shown those before it.
    fn states(
        &self,
        tokens: Tensor<2, Int>,
        layer: usize,
        mut see: impl FnMut(&Tensor<3>),
    ) -> Tensor<3> {
        let [_, length] = tokens.dims();
        let mask_pad = self.mask_pad(&tokens);
        let mut x = self.embedded(tokens);
        let rotary = Rotary::new(&self.frequencies, length);
        for own in &self.encoder.layers[..layer] {
            see(&x);
            let input = EncoderInput::new(x)
                .with_mask_pad(mask_pad.clone())
                .with_rotary(rotary.clone());
            x = own.forward(input);
        }
        match &self.encoder.norm {
            Some(norm) if layer == self.config.n_layers => norm.forward(x),
            _ => x,
        }
    }

    /// Where tokens are padding.
    fn mask_pad(&self, tokens: &Tensor<2, Int>) -> Tensor<2, Bool> {
        tokens.clone().equal_elem(self.config.pad_token)
    }

    /// What the first layer reads.
    fn embedded(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let [batch, length] = tokens.dims();
        let column = |x: Tensor<2>| x.reshape([batch, length, 1]);
        let real = tokens.clone().not_equal_elem(self.config.pad_token).float();
        let mut x = self.embedding.forward(tokens.clone());
        if self.config.token_dropout {
            let seen = tokens
                .clone()
                .not_equal_elem(self.config.mask_token)
                .float();
            let masked = tokens.equal_elem(self.config.mask_token).float();
            // A row of padding alone has no share.
            let share = masked.sum_dim(1) / real.clone().sum_dim(1).clamp_min(1.0);
            let scale = (share.neg() + 1.0).recip() * (1.0 - MASKED_IN_TRAINING);
            x = x * column(seen) * scale.reshape([batch, 1, 1]);
        }
        x * column(real)
    }
}
