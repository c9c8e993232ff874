//! [`LatentRegressor`]: conditions to the codes of an autoencoder.

use super::{AttentionOver, check_dropout, check_sizes, encode_rows, refused, size, width};
use crate::{Model, ModelError};
use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use hairpin_nn::{Activation, Dense, DenseConfig, TransformerEncoder, TransformerEncoderConfig};

/// Hyper-parameters of a [`LatentRegressor`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `n_conditions` | required | columns of a row: one-hot cell type and compound | 1 to 1048576 |
/// | `d_latent` | 128 | values of a code | 1 to 16384 |
/// | `attention` | `within_sample` | what attends to what: `within_sample`, `across_samples` | |
/// | `d_hidden` | 256 | units of the hidden layers, features of attention | a multiple of `n_heads`, up to 16384 |
/// | `n_heads` | 16 | attention heads | 1 to 16384 |
/// | `d_ff` | 512 | units of the encoder layer's inner layer | 1 to 16384 |
/// | `dropout` | 0.3 | share of hidden values that training drops, in the encoder layer, too | 0 up to, not including, 1 |
#[derive(Config, Debug)]
pub struct LatentRegressorConfig {
    /// Columns of a row.
    pub n_conditions: usize,
    /// Values of a code.
    #[config(default = 128)]
    pub d_latent: usize,
    /// What attends to what.
    #[config(default = "AttentionOver::WithinSample")]
    pub attention: AttentionOver,
    /// Units of the hidden layers.
    #[config(default = 256)]
    pub d_hidden: usize,
    /// Attention heads.
    #[config(default = 16)]
    pub n_heads: usize,
    /// Units of the encoder layer's inner layer.
    #[config(default = 512)]
    pub d_ff: usize,
    /// Share that training drops.
    #[config(default = 0.3)]
    pub dropout: f64,
}

impl LatentRegressorConfig {
    /// Checks every hyper-parameter's range.
    ///
    /// # Errors
    ///
    /// [`ModelError::OutOfRange`] for the first that is outside.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes([
            width("n_conditions", self.n_conditions),
            size("d_latent", self.d_latent),
            size("d_hidden", self.d_hidden),
            size("n_heads", self.n_heads),
            size("d_ff", self.d_ff),
        ])?;
        if !self.d_hidden.is_multiple_of(self.n_heads) {
            return Err(refused("d_hidden", self.d_hidden, "a multiple of n_heads"));
        }
        check_dropout("dropout", self.dropout)
    }

    /// A network with PyTorch's default initialisation.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<LatentRegressor, ModelError> {
        self.validate()?;
        let d = self.d_hidden;
        let hidden = |from| {
            DenseConfig::new(from, d)
                .with_activation(Activation::Relu)
                .with_dropout(self.dropout)
                .init(device)
        };
        Ok(LatentRegressor {
            hidden: vec![hidden(self.n_conditions), hidden(d)],
            encoder: TransformerEncoderConfig::new(d, self.n_heads, self.d_ff, 1)
                .with_dropout(self.dropout)
                .with_activation(Activation::Relu)
                .init(device),
            output: DenseConfig::new(d, self.d_latent).init(device),
            attention: self.attention,
        })
    }
}

/// Conditions to codes, which an [`Autoencoder`](super::Autoencoder) decodes to genes.
///
/// ```text
/// h = f(W_2 f(W_1 x + b_1) + b_2)          f = dropout ∘ ReLU
/// code = W_3 encoder(h) + b_3              one layer, post-norm, ReLU
/// ```
///
/// Within a sample the encoder sees one position, whose attention is its own value: the layer is then a residual network. That is what is
/// left of it once the samples of a batch no longer attend to each other, see [`AttentionOver`]. Agrees with the same network in PyTorch,
/// forward and gradients: `docs/PARITY.md`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_models::{LatentRegressorConfig, Model};
///
/// let device = Device::flex();
/// let model = LatentRegressorConfig::new(152).init(&device)?;
/// assert_eq!(model.forward(Tensor::zeros([3, 152], &device)).dims(), [3, 128]);
/// # Ok::<(), hairpin_models::ModelError>(())
/// ```
#[derive(Module, Debug)]
pub struct LatentRegressor {
    /// `W_1`, `W_2`.
    pub hidden: Vec<Dense>,
    /// The encoder layer.
    pub encoder: TransformerEncoder,
    /// `W_3`.
    pub output: Dense,
    #[module(skip)]
    attention: AttentionOver,
}

impl Model for LatentRegressor {
    type Input = Tensor<2>;

    /// # Shapes
    ///
    /// `[batch_size, n_conditions]` -> `[batch_size, d_latent]`
    ///
    /// # Panics
    ///
    /// When the last dimension is not `n_conditions`.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let h = self.hidden.iter().fold(x, |x, layer| layer.forward(x));
        self.output
            .forward(encode_rows(&self.encoder, h, self.attention))
    }

    fn n_outputs(&self) -> usize {
        self.output.weight.dims()[1]
    }

    fn min_length(&self) -> usize {
        1
    }
}
