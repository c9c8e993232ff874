//! Hyper-parameters of a [`PerBase`].

use super::{ConvBlock, PairAttention, PerBase};
use crate::{ModelError, Norm};
use burn::config::Config;
use burn::nn::{DropoutConfig, Initializer};
use burn::tensor::Device;
use hairpin_nn::{
    Cell, Conv1dConfig, DenseConfig, LayerNormConfig, MaskedBatchNormConfig, NormPlace,
    RecurrentConfig, TransformerEncoderConfig,
};

/// Hyper-parameters of a [`PerBase`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_input` | required | features of a position | 1 to 16384 |
/// | `n_outputs` | required | values at a position | 1 to 16384 |
/// | `d_model` | 64 | channels of convolutions and attention | 1 to 16384, a multiple of `n_heads` with attention |
/// | `conv_kernel` | 5 | positions a convolution sees | odd, up to 16383 |
/// | `dilations` | 1, 2, 4 | one convolution for each: positions from one that it sees to the next | 1 to 32 of 1 to 4096 |
/// | `norm` | `batch` | of each convolution: `batch` (without padding), `layer`, `none` | |
/// | `attention_layers` | 0 | layers of attention | 0 to 64 |
/// | `n_heads` | 4 | heads of attention | 1 to 1024 |
/// | `d_ff` | 128 | inner features of the block after attention | 1 to 16384 |
/// | `n_pairs` | 0 | kinds of pair matrices that bias attention | 0 to 1024; 0 without attention |
/// | `recurrent_layers` | 1 | recurrent layers | 0 to 16 |
/// | `cell` | `lstm` | what they are: `lstm`, `gru`, `gru_reset_before` | |
/// | `d_hidden` | 64 | hidden units per direction | 1 to 16384 |
/// | `bidirectional` | `true` | whether a second recurrence reads from the end | |
/// | `dropout` | 0.1 | share that training drops after each convolution, in attention, between recurrent layers and before the last layer | 0 up to, not including, 1 |
#[derive(Config, Debug)]
pub struct PerBaseConfig {
    /// Features of a position.
    pub d_input: usize,
    /// Values at a position.
    pub n_outputs: usize,
    /// Channels of convolutions and attention.
    #[config(default = 64)]
    pub d_model: usize,
    /// Positions a convolution sees, an odd number.
    #[config(default = 5)]
    pub conv_kernel: usize,
    /// One convolution for each: positions from one that it sees to the next.
    #[config(default = "vec![1, 2, 4]")]
    pub dilations: Vec<usize>,
    /// Of each convolution.
    #[config(default = "Norm::Batch")]
    pub norm: Norm,
    /// Layers of attention.
    #[config(default = 0)]
    pub attention_layers: usize,
    /// Heads of attention.
    #[config(default = 4)]
    pub n_heads: usize,
    /// Inner features of the block after attention.
    #[config(default = 128)]
    pub d_ff: usize,
    /// Kinds of pair matrices that bias attention.
    #[config(default = 0)]
    pub n_pairs: usize,
    /// Recurrent layers.
    #[config(default = 1)]
    pub recurrent_layers: usize,
    /// What they are.
    #[config(default = "Cell::Lstm")]
    pub cell: Cell,
    /// Hidden units per direction.
    #[config(default = 64)]
    pub d_hidden: usize,
    /// Whether a second recurrence reads from the end.
    #[config(default = true)]
    pub bidirectional: bool,
    /// Share that training drops.
    #[config(default = 0.1)]
    pub dropout: f64,
}

/// Largest size of anything: a wrong digit in a configuration is to be an error and not an allocation that ends the program.
const MAX_SIZE: usize = 16_384;

impl PerBaseConfig {
    /// Checks every hyper-parameter's range.
    ///
    /// # Errors
    ///
    /// [`ModelError::OutOfRange`] for the first that is outside.
    pub fn validate(&self) -> Result<(), ModelError> {
        let counts = [
            ("d_input", self.d_input, 1, MAX_SIZE, "1 to 16384"),
            ("n_outputs", self.n_outputs, 1, MAX_SIZE, "1 to 16384"),
            ("d_model", self.d_model, 1, MAX_SIZE, "1 to 16384"),
            ("conv_kernel", self.conv_kernel, 1, MAX_SIZE, "1 to 16383"),
            ("n_heads", self.n_heads, 1, 1024, "1 to 1024"),
            ("d_ff", self.d_ff, 1, MAX_SIZE, "1 to 16384"),
            ("attention_layers", self.attention_layers, 0, 64, "0 to 64"),
            ("n_pairs", self.n_pairs, 0, 1024, "0 to 1024"),
            ("recurrent_layers", self.recurrent_layers, 0, 16, "0 to 16"),
            ("d_hidden", self.d_hidden, 1, MAX_SIZE, "1 to 16384"),
        ];
        for (name, found, least, most, expected) in counts {
            if !(least..=most).contains(&found) {
                return Err(refused(name, found, expected));
            }
        }
        if self.conv_kernel.is_multiple_of(2) {
            let expected = "an odd number, so that a position is in the middle of its window";
            return Err(refused("conv_kernel", self.conv_kernel, expected));
        }
        let in_range = self.dilations.iter().all(|own| (1..=4096).contains(own));
        if !(1..=32).contains(&self.dilations.len()) || !in_range {
            let found = format!("{:?}", self.dilations);
            return Err(refused(
                "dilations",
                found,
                "1 to 32 numbers from 1 to 4096",
            ));
        }
        if self.attention_layers > 0 && !self.d_model.is_multiple_of(self.n_heads) {
            return Err(refused("d_model", self.d_model, "a multiple of n_heads"));
        }
        if self.attention_layers == 0 && self.n_pairs > 0 {
            let expected = "0 without attention_layers, which alone read pairs";
            return Err(refused("n_pairs", self.n_pairs, expected));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let expected = "0 up to, not including, 1";
            return Err(refused("dropout", self.dropout, expected));
        }
        Ok(())
    }

    /// A network with PyTorch's default initialisation, and `n_pairs` weights within `1 / sqrt(n_pairs)`.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<PerBase, ModelError> {
        self.validate()?;
        let dropout = || DropoutConfig::new(self.dropout).init();
        let block = |(layer, &dilation): (usize, &usize)| ConvBlock {
            conv: Conv1dConfig::new(
                if layer == 0 {
                    self.d_input
                } else {
                    self.d_model
                },
                self.d_model,
                self.conv_kernel,
            )
            .with_dilation(dilation)
            .init(device),
            batch_norm: (self.norm == Norm::Batch)
                .then(|| MaskedBatchNormConfig::new(self.d_model).init(device)),
            layer_norm: (self.norm == Norm::Layer)
                .then(|| LayerNormConfig::new(self.d_model).init(device)),
            dropout: dropout(),
            residual: layer > 0,
        };
        let attention = || PairAttention {
            pair_weight: (self.n_pairs > 0).then(|| {
                let bound = 1.0 / (self.n_pairs as f64).sqrt();
                Initializer::Uniform {
                    min: -bound,
                    max: bound,
                }
                .init([self.n_pairs, self.n_heads], device)
            }),
            encoder: self.encoder().init(device),
        };
        let recurrence = || {
            RecurrentConfig::new(self.d_model, self.d_hidden)
                .with_cell(self.cell)
                .with_layers(self.recurrent_layers)
                .with_bidirectional(self.bidirectional)
                .with_dropout(self.dropout)
                .init(device)
        };
        let convs = self.dilations.iter().enumerate().map(block).collect();
        let attention = (self.attention_layers > 0).then(attention);
        let recurrence = (self.recurrent_layers > 0).then(recurrence);
        let d_last = recurrence
            .as_ref()
            .map_or(self.d_model, |own| own.d_output());
        Ok(PerBase {
            convs,
            attention,
            recurrence,
            dropout: dropout(),
            output: DenseConfig::new(d_last, self.n_outputs).init(device),
        })
    }

    /// The encoder's own hyper-parameters: what reads its weights from PyTorch needs to know them.
    pub fn encoder(&self) -> TransformerEncoderConfig {
        let (heads, d_ff) = (self.n_heads, self.d_ff);
        TransformerEncoderConfig::new(self.d_model, heads, d_ff, self.attention_layers)
            .with_dropout(self.dropout)
            .with_norm(NormPlace::Pre)
    }
}

fn refused(
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
