//! Sizes of an ESM-2, as published beside its weights or read off them.

use super::names::Names;
use crate::ModelError;
use burn::config::Config;
use burn::tensor::TensorData;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Hyper-parameters of an [`Esm2`](super::Esm2).
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_model` | required | hidden features | a multiple of `2 n_heads`, up to 16384 |
/// | `n_layers` | required | transformer layers | 1 to 256 |
/// | `n_heads` | required | attention heads | 1 to 1024 |
/// | `d_ff` | required | features of the feed-forward block's inner layer | 1 to 65536 |
/// | `n_tokens` | 33 | tokens of the vocabulary | above every token below, up to 1024 |
/// | `pad_token` | 1 | token that fills a batch | |
/// | `mask_token` | 32 | token of a residue that is to be guessed | |
/// | `token_dropout` | `true` | rescales for the share of masks, at inference too | |
/// | `max_positions` | 1026 | longest input with `<cls>` and `<eos>`, two of which the published models do not use | 8 to 1048576 |
/// | `norm_epsilon` | 1e-5 | of the layer norms | above 0 |
/// | `rotary_base` | 10000 | of the rotary frequencies, where the weights have none | above 1 |
///
/// | published as | `d_model` | `n_layers` | `n_heads` | `d_ff` | parameters |
/// |---|---|---|---|---|---|
/// | `esm2_t6_8M_UR50D` | 320 | 6 | 20 | 1280 | 7.4 M |
/// | `esm2_t12_35M_UR50D` | 480 | 12 | 20 | 1920 | 33 M |
/// | `esm2_t30_150M_UR50D` | 640 | 30 | 20 | 2560 | 148 M |
/// | `esm2_t33_650M_UR50D` | 1280 | 33 | 20 | 5120 | 649 M |
/// | `esm2_t36_3B_UR50D` | 2560 | 36 | 40 | 10240 | 2.8 G |
/// | `esm2_t48_15B_UR50D` | 5120 | 48 | 40 | 20480 | 15 G |
#[derive(Config, Debug, PartialEq)]
pub struct Esm2Config {
    /// Hidden features.
    pub d_model: usize,
    /// Transformer layers.
    pub n_layers: usize,
    /// Attention heads.
    pub n_heads: usize,
    /// Features of the feed-forward block's inner layer.
    pub d_ff: usize,
    /// Tokens of the vocabulary.
    #[config(default = 33)]
    pub n_tokens: usize,
    /// Token that fills a batch.
    #[config(default = 1)]
    pub pad_token: i64,
    /// Token of a residue that is to be guessed.
    #[config(default = 32)]
    pub mask_token: i64,
    /// Whether the embedding is rescaled for the share of masks.
    #[config(default = true)]
    pub token_dropout: bool,
    /// Longest input, with `<cls>`, `<eos>` and two positions that the published models do not use.
    #[config(default = 1026)]
    pub max_positions: usize,
    /// Of the layer norms.
    #[config(default = 1e-5)]
    pub norm_epsilon: f64,
    /// Of the rotary frequencies, where the weights have none.
    #[config(default = 10_000.0)]
    pub rotary_base: f64,
}

/// What is read of Hugging Face's `config.json`.
#[derive(Deserialize)]
struct Published {
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    pad_token_id: i64,
    mask_token_id: i64,
    max_position_embeddings: usize,
    layer_norm_eps: f64,
    position_embedding_type: String,
    #[serde(default)]
    emb_layer_norm_before: Option<bool>,
    #[serde(default)]
    token_dropout: bool,
    #[serde(default)]
    is_folding_model: bool,
    #[serde(default)]
    rope_theta: Option<f64>,
}

impl Esm2Config {
    /// The settings of Hugging Face's `config.json`, given its text.
    ///
    /// ```
    /// use hairpin_models::esm2::Esm2Config;
    ///
    /// let json = r#"{"model_type": "esm", "hidden_size": 320, "num_hidden_layers": 6, "num_attention_heads": 20,
    ///     "intermediate_size": 1280, "vocab_size": 33, "pad_token_id": 1, "mask_token_id": 32, "token_dropout": true,
    ///     "max_position_embeddings": 1026, "layer_norm_eps": 1e-05, "position_embedding_type": "rotary"}"#;
    /// assert_eq!(Esm2Config::from_json(json)?, Esm2Config::new(320, 6, 20, 1280));
    /// # Ok::<(), hairpin_models::ModelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ModelError::Json`] when it is no such file; [`ModelError::OutOfRange`] when it is of a model that is not an ESM-2 (positions
    /// that are learned, a norm before the layers: ESM-1), or as [`validate`](Self::validate).
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let published: Published =
            serde_json::from_str(text).map_err(|error| ModelError::Json {
                line: error.line(),
                column: error.column(),
                reason: error.to_string(),
            })?;
        let not = |name, found: &dyn std::fmt::Display, expected| ModelError::OutOfRange {
            name,
            found: found.to_string(),
            expected,
        };
        if published.model_type != "esm" {
            return Err(not("model_type", &published.model_type, "esm"));
        }
        if published.position_embedding_type != "rotary" {
            let found = &published.position_embedding_type;
            return Err(not("position_embedding_type", found, "rotary, as of ESM-2"));
        }
        if published.emb_layer_norm_before == Some(true) {
            return Err(not("emb_layer_norm_before", &true, "false, as of ESM-2"));
        }
        if published.is_folding_model {
            return Err(not("is_folding_model", &true, "false: a language model"));
        }
        let config = Self::new(
            published.hidden_size,
            published.num_hidden_layers,
            published.num_attention_heads,
            published.intermediate_size,
        )
        .with_n_tokens(published.vocab_size)
        .with_pad_token(published.pad_token_id)
        .with_mask_token(published.mask_token_id)
        .with_token_dropout(published.token_dropout)
        .with_max_positions(published.max_position_embeddings)
        .with_norm_epsilon(published.layer_norm_eps)
        .with_rotary_base(published.rope_theta.unwrap_or(10_000.0));
        config.validate()?;
        Ok(config)
    }

    /// The settings of published weights without a `config.json`, such as fair-esm's: sizes are read off the shapes, the number of heads
    /// off the rotary frequencies, and the rest is ESM-2's.
    ///
    /// # Errors
    ///
    /// [`ModelError::MissingTensor`] when there is no embedding, no layer, or no rotary frequencies; [`ModelError::TensorShape`] and
    /// [`validate`](Self::validate)'s when they make no model.
    pub fn from_weights(tensors: &BTreeMap<String, TensorData>) -> Result<Self, ModelError> {
        let names = Names::of(|name| tensors.contains_key(name));
        let matrix = |name: String| match tensors.get(&name).map(|t| t.shape().to_vec()) {
            Some(dims) if dims.len() == 2 => Ok([dims[0], dims[1]]),
            Some(found) => Err(ModelError::TensorShape {
                name,
                found,
                expected: vec![0, 0],
            }),
            None => Err(ModelError::MissingTensor {
                name,
                expected: Vec::new(),
            }),
        };
        let [n_tokens, d_model] = matrix(names.embedding())?;
        let [d_ff, _] = matrix(names.layer(0).inner("weight"))?;
        let n_layers = (1..=MAX_LAYERS)
            .find(|&layer| !tensors.contains_key(&names.layer(layer).inner("weight")))
            .unwrap_or(MAX_LAYERS);
        let rotary = names.rotary(tensors);
        let (name, half) = rotary.first().ok_or_else(|| ModelError::MissingTensor {
            name: names.layer(0).rotary(),
            expected: Vec::new(),
        })?;
        let d_head = match half.shape().as_slice() {
            &[half] if half > 0 => half.saturating_mul(2),
            other => {
                return Err(ModelError::TensorShape {
                    name: (*name).clone(),
                    found: other.to_vec(),
                    expected: vec![0],
                });
            }
        };
        let config = Self::new(d_model, n_layers, d_model / d_head, d_ff).with_n_tokens(n_tokens);
        config.validate()?;
        Ok(config)
    }

    /// Checks every hyper-parameter's range.
    ///
    /// # Errors
    ///
    /// [`ModelError::OutOfRange`] for the first that is outside.
    pub fn validate(&self) -> Result<(), ModelError> {
        let ranges = [
            ("d_model", self.d_model, 2..=16_384, "2 to 16384"),
            ("n_layers", self.n_layers, 1..=MAX_LAYERS, "1 to 256"),
            ("n_heads", self.n_heads, 1..=1024, "1 to 1024"),
            ("d_ff", self.d_ff, 1..=65_536, "1 to 65536"),
            ("n_tokens", self.n_tokens, 3..=1024, "3 to 1024"),
            (
                "max_positions",
                self.max_positions,
                8..=1 << 20,
                "8 to 1048576",
            ),
        ];
        let wrong = |name, found: &dyn std::fmt::Display, expected| {
            Err(ModelError::OutOfRange {
                name,
                found: found.to_string(),
                expected,
            })
        };
        for (name, found, range, expected) in ranges {
            if !range.contains(&found) {
                return wrong(name, &found, expected);
            }
        }
        if !self.d_model.is_multiple_of(2 * self.n_heads) {
            let expected = "a multiple of 2 n_heads, so that the rotary halves are whole";
            return wrong("d_model", &self.d_model, expected);
        }
        for (name, token) in [
            ("pad_token", self.pad_token),
            ("mask_token", self.mask_token),
        ] {
            if usize::try_from(token).map_or(true, |token| token >= self.n_tokens) {
                return wrong(name, &token, "a token, below n_tokens");
            }
        }
        if !(self.norm_epsilon > 0.0 && self.norm_epsilon < 1.0) {
            return wrong("norm_epsilon", &self.norm_epsilon, "above 0, below 1");
        }
        if !(self.rotary_base > 1.0 && self.rotary_base.is_finite()) {
            return wrong("rotary_base", &self.rotary_base, "a number above 1");
        }
        Ok(())
    }

    /// Residues that are read in one piece: 1,022 of the published models, which with `<cls>` and `<eos>` were trained on 1,024 tokens.
    pub fn max_residues(&self) -> usize {
        self.max_positions.saturating_sub(4).max(1)
    }

    /// Features of a head.
    pub fn d_head(&self) -> usize {
        self.d_model / self.n_heads.max(1)
    }
}

const MAX_LAYERS: usize = 256;
