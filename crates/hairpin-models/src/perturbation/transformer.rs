//! [`PerturbationTransformer`]: names and target encodings to all genes, through a transformer encoder.

use super::{AttentionOver, check_dropout, check_sizes, encode_rows, refused, size, width};
use crate::{Model, ModelError};
use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use hairpin_nn::{
    Dense, DenseConfig, EncoderInput, LayerNorm, LayerNormConfig, TransformerEncoder,
    TransformerEncoderConfig,
};

/// Hyper-parameters of a [`PerturbationTransformer`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `n_cell_types` | required | cell types, each a column of the one-hot block | 1 to 1048576 |
/// | `n_compounds` | required | compounds, each a column | 1 to 1048576 |
/// | `statistics` | required | values of each target encoding: a mean of every gene by cell type, by compound, ... | 1 to 64 numbers of 1 to 1048576 |
/// | `n_genes` | required | values to predict | 1 to 1048576 |
/// | `attention` | `within_sample` | what attends to what: `within_sample`, `across_samples` | |
/// | `d_model` | 128 | features | a multiple of `n_heads`, up to 16384 |
/// | `n_layers` | 6 | transformer layers | 0 to 64 |
/// | `n_heads` | 8 | attention heads | 1 to 16384 |
/// | `d_ff` | 2048 | units of a layer's inner layer | 1 to 16384 |
/// | `dropout` | 0.3 | share of attention weights, inner values and each block's result that training drops | 0 up to, not including, 1 |
#[derive(Config, Debug)]
pub struct PerturbationTransformerConfig {
    /// Cell types.
    pub n_cell_types: usize,
    /// Compounds.
    pub n_compounds: usize,
    /// Values of each target encoding.
    pub statistics: Vec<usize>,
    /// Values to predict.
    pub n_genes: usize,
    /// What attends to what.
    #[config(default = "AttentionOver::WithinSample")]
    pub attention: AttentionOver,
    /// Features.
    #[config(default = 128)]
    pub d_model: usize,
    /// Transformer layers.
    #[config(default = 6)]
    pub n_layers: usize,
    /// Attention heads.
    #[config(default = 8)]
    pub n_heads: usize,
    /// Units of a layer's inner layer.
    #[config(default = 2048)]
    pub d_ff: usize,
    /// Share that training drops.
    #[config(default = 0.3)]
    pub dropout: f64,
}

impl PerturbationTransformerConfig {
    /// Checks every hyper-parameter's range.
    ///
    /// # Errors
    ///
    /// [`ModelError::OutOfRange`] for the first that is outside.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_sizes([
            width("n_cell_types", self.n_cell_types),
            width("n_compounds", self.n_compounds),
            width("n_genes", self.n_genes),
            size("d_model", self.d_model),
            ("n_layers", self.n_layers, 0..=64, "at most 64"),
            size("n_heads", self.n_heads),
            size("d_ff", self.d_ff),
        ])?;
        let few = (1..=64).contains(&self.statistics.len());
        if !few
            || self
                .statistics
                .iter()
                .any(|&own| check_sizes([width("", own)]).is_err())
        {
            let found = format!("{:?}", self.statistics);
            return Err(refused(
                "statistics",
                found,
                "1 to 64 numbers of 1 to 1048576",
            ));
        }
        if !self.d_model.is_multiple_of(self.n_heads) {
            return Err(refused("d_model", self.d_model, "a multiple of n_heads"));
        }
        check_dropout("dropout", self.dropout)
    }

    /// Values of a row of the input: both one-hot blocks and the statistics.
    pub fn d_input(&self) -> usize {
        self.n_cell_types + self.n_compounds + self.statistics.iter().sum::<usize>()
    }

    /// A network with PyTorch's default initialisation.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<PerturbationTransformer, ModelError> {
        self.validate()?;
        let d = self.d_model;
        let (cell_types, compounds) = (self.n_cell_types, self.n_compounds);
        let widths = match self.attention {
            AttentionOver::WithinSample => {
                [&[cell_types, compounds][..], &self.statistics].concat()
            }
            AttentionOver::AcrossSamples => {
                vec![cell_types + compounds, self.statistics.iter().sum()]
            }
        };
        let across = self.attention == AttentionOver::AcrossSamples;
        Ok(PerturbationTransformer {
            blocks: widths
                .into_iter()
                .map(|own| DenseConfig::new(own, d).init(device))
                .collect(),
            join: across.then(|| DenseConfig::new(2 * d, d).init(device)),
            norm: LayerNormConfig::new(d).init(device),
            encoder: TransformerEncoderConfig::new(d, self.n_heads, self.d_ff, self.n_layers)
                .with_dropout(self.dropout)
                .init(device),
            output: DenseConfig::new(d, self.n_genes).init(device),
        })
    }
}

/// A cell type, a compound and the target encodings of both to the response of every gene.
///
/// ```text
/// x = [one-hot cell type | one-hot compound | statistic 1 | statistic 2 | ...]
///
/// within a sample (default): a token for each part of x, each through its own linear layer
///     t_p = W_p x_p + b_p,   z = norm(t),   h = norm(encoder(z)),   y = W mean_p(h_p) + b
///
/// across samples, as published: two blocks of d_model, joined; the batch is one string
///     z = norm(W_j [W_s x_one_hot + b_s | W_e x_statistics + b_e] + b_j),   h = norm(encoder(z)),   y = W h + b
/// ```
///
/// The norm before the encoder (post-norm, GELU; Vaswani et al. 2017, arXiv:1706.03762) and the one after it are the same, with the same
/// weights, as published. [`AttentionOver`] says what is wrong with attention across samples. Nor is a row's own target ever part of its
/// statistics: that is up to the caller, who cross-fits them. Agrees with the same network in PyTorch, forward and gradients:
/// `docs/PARITY.md`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_models::{Model, PerturbationTransformerConfig};
///
/// let device = Device::flex();
/// // 6 cell types, 146 compounds, the mean of 200 genes by cell type and by compound.
/// let config = PerturbationTransformerConfig::new(6, 146, vec![200, 200], 200).with_n_layers(2);
/// let model = config.init(&device)?;
/// let rows = Tensor::zeros([3, config.d_input()], &device);
/// assert_eq!(model.forward(rows).dims(), [3, 200]);
/// # Ok::<(), hairpin_models::ModelError>(())
/// ```
#[derive(Module, Debug)]
pub struct PerturbationTransformer {
    /// `W_p`, `b_p` of each token; across samples those of the one-hot block and of the statistics.
    pub blocks: Vec<Dense>,
    /// `W_j`, `b_j`, present across samples.
    pub join: Option<Dense>,
    /// Before and after the encoder.
    pub norm: LayerNorm,
    /// The transformer.
    pub encoder: TransformerEncoder,
    /// `W`, `b`.
    pub output: Dense,
}

impl Model for PerturbationTransformer {
    type Input = Tensor<2>;

    /// # Shapes
    ///
    /// `[batch_size, d_input]` -> `[batch_size, n_genes]`
    ///
    /// # Panics
    ///
    /// When the last dimension is not [`d_input`](PerturbationTransformerConfig::d_input).
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [_, found] = x.dims();
        let widths = self.blocks.iter().map(|block| block.weight.dims()[0]);
        let d_input: usize = widths.clone().sum();
        assert_eq!(found, d_input, "PerturbationTransformer: d_input");
        let mut from = 0;
        let mut parts = Vec::with_capacity(self.blocks.len());
        for (block, own) in self.blocks.iter().zip(widths) {
            parts.push(block.forward(x.clone().slice_dim(1, from..from + own)));
            from += own;
        }
        let y = match &self.join {
            Some(join) => {
                let z = self.norm.forward(join.forward(Tensor::cat(parts, 1)));
                let h = encode_rows(&self.encoder, z, AttentionOver::AcrossSamples);
                self.norm.forward(h)
            }
            None => {
                let z: Tensor<3> = self.norm.forward(Tensor::stack(parts, 1));
                let h = self.encoder.forward(EncoderInput::new(z));
                self.norm.forward(h).mean_dim(1).squeeze_dim::<2>(1)
            }
        };
        self.output.forward(y)
    }

    fn n_outputs(&self) -> usize {
        self.output.weight.dims()[1]
    }

    fn min_length(&self) -> usize {
        1
    }
}
