//! [`Autoencoder`]: conditions and genes through a narrow middle and back.

use super::{check_dropout, check_sizes, size, width};
use crate::{Model, ModelError};
use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use hairpin_nn::{Activation, Dense, DenseConfig};
use std::ops::Range;

/// Hyper-parameters of an [`Autoencoder`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `n_conditions` | required | columns in front of the genes: one-hot cell type and compound; 0 for none | 0 to 1048576 |
/// | `n_genes` | required | genes | 1 to 1048576 |
/// | `d_hidden` | 256 | units of the two hidden layers of each half | 1 to 16384 |
/// | `d_latent` | 128 | values of a code | 1 to 16384 |
/// | `dropout` | 0.3 | share of hidden values that training drops | 0 up to, not including, 1 |
#[derive(Config, Debug)]
pub struct AutoencoderConfig {
    /// Columns in front of the genes.
    pub n_conditions: usize,
    /// Genes.
    pub n_genes: usize,
    /// Units of the two hidden layers of each half.
    #[config(default = 256)]
    pub d_hidden: usize,
    /// Values of a code.
    #[config(default = 128)]
    pub d_latent: usize,
    /// Share of hidden values that training drops.
    #[config(default = 0.3)]
    pub dropout: f64,
}

impl AutoencoderConfig {
    /// Checks every hyper-parameter's range.
    ///
    /// # Errors
    ///
    /// [`ModelError::OutOfRange`] for the first that is outside.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes([
            (
                "n_conditions",
                self.n_conditions,
                0..=super::MAX_WIDTH,
                "at most 1048576",
            ),
            width("n_genes", self.n_genes),
            size("d_hidden", self.d_hidden),
            size("d_latent", self.d_latent),
        ])?;
        check_dropout("dropout", self.dropout)
    }

    /// Values of a row: conditions and genes.
    pub fn d_features(&self) -> usize {
        self.n_conditions + self.n_genes
    }

    /// A network with PyTorch's default initialisation.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<Autoencoder, ModelError> {
        self.validate()?;
        let hidden = |from, to| {
            DenseConfig::new(from, to)
                .with_activation(Activation::Relu)
                .with_dropout(self.dropout)
                .init(device)
        };
        let (d, latent, features) = (self.d_hidden, self.d_latent, self.d_features());
        let linear = |from, to| DenseConfig::new(from, to).init(device);
        Ok(Autoencoder {
            encoder: Coder {
                layers: vec![hidden(features, d), hidden(d, d), linear(d, latent)],
            },
            decoder: Coder {
                layers: vec![hidden(latent, d), hidden(d, d), linear(d, features)],
            },
            n_conditions: self.n_conditions,
        })
    }
}

/// Rows of conditions and genes to short codes, and codes back to rows.
///
/// ```text
/// r = [one-hot cell type | one-hot compound | genes]         n_conditions + n_genes
/// code      = W_3 f(W_2 f(W_1 r + b_1) + b_2) + b_3          f = dropout ∘ ReLU
/// decoded r = W_6 f(W_5 f(W_4 code + b_4) + b_5) + b_6
/// ```
///
/// The *genes* of what is decoded are its last `n_genes` columns, [`gene_columns`](Self::gene_columns): a published pipeline takes the
/// first `n_genes` instead, so that it submits its 152 one-hot columns as genes and every gene under the name of another.
///
/// Agrees with the same network in PyTorch, forward and gradients: `docs/PARITY.md`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_models::AutoencoderConfig;
///
/// let device = Device::flex();
/// let model = AutoencoderConfig::new(152, 500).with_d_latent(16).init(&device)?;
/// let codes = model.encode(Tensor::zeros([3, 652], &device));
/// assert_eq!(codes.dims(), [3, 16]);
/// assert_eq!(model.genes(codes).dims(), [3, 500]);
/// assert_eq!(model.gene_columns(), 152..652);
/// # Ok::<(), hairpin_models::ModelError>(())
/// ```
#[derive(Module, Debug)]
pub struct Autoencoder {
    /// `W_1`, `W_2`, `W_3`.
    pub encoder: Coder,
    /// `W_4`, `W_5`, `W_6`.
    pub decoder: Coder,
    n_conditions: usize,
}

/// One half of an [`Autoencoder`], which can be asked by itself: rows to codes, or codes to rows.
#[derive(Module, Debug)]
pub struct Coder {
    /// Two with ReLU and dropout, and a linear one.
    pub layers: Vec<Dense>,
}

impl Autoencoder {
    /// The codes of rows.
    ///
    /// # Shapes
    ///
    /// `[batch_size, n_conditions + n_genes]` -> `[batch_size, d_latent]`
    ///
    /// # Panics
    ///
    /// When the last dimension is another.
    pub fn encode(&self, rows: Tensor<2>) -> Tensor<2> {
        self.encoder.forward(rows)
    }

    /// The rows that codes stand for.
    ///
    /// # Shapes
    ///
    /// `[batch_size, d_latent]` -> `[batch_size, n_conditions + n_genes]`
    ///
    /// # Panics
    ///
    /// When the last dimension is another.
    pub fn decode(&self, codes: Tensor<2>) -> Tensor<2> {
        self.decoder.forward(codes)
    }

    /// The genes that codes stand for.
    ///
    /// # Shapes
    ///
    /// `[batch_size, d_latent]` -> `[batch_size, n_genes]`
    ///
    /// # Panics
    ///
    /// As [`decode`](Self::decode).
    pub fn genes(&self, codes: Tensor<2>) -> Tensor<2> {
        self.decode(codes).slice_dim(1, self.gene_columns())
    }

    /// Which columns of a row are genes.
    pub fn gene_columns(&self) -> Range<usize> {
        self.n_conditions..self.n_outputs()
    }
}

impl Model for Coder {
    type Input = Tensor<2>;

    /// # Shapes
    ///
    /// `[batch_size, d_input]` -> `[batch_size, d_output]`
    ///
    /// # Panics
    ///
    /// When the last dimension is not that of the first layer.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.layers.iter().fold(x, |x, layer| layer.forward(x))
    }

    fn n_outputs(&self) -> usize {
        self.layers.last().map_or(0, |last| last.weight.dims()[1])
    }

    fn min_length(&self) -> usize {
        1
    }
}

impl Model for Autoencoder {
    type Input = Tensor<2>;

    /// # Shapes
    ///
    /// `[batch_size, n_conditions + n_genes]` -> the same
    ///
    /// # Panics
    ///
    /// As [`encode`](Autoencoder::encode).
    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        self.decode(self.encode(rows))
    }

    fn n_outputs(&self) -> usize {
        self.decoder.n_outputs()
    }

    fn min_length(&self) -> usize {
        1
    }
}
