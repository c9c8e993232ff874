//! [`TwoTower`]: how strongly each protein binds each RNA, from a vector of the one and the string of the other.

use crate::{Model, ModelError, SequenceInput};
use burn::config::Config;
use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use hairpin_nn::{
    Activation, AttentionPool, AttentionPoolConfig, Conv1d, Conv1dConfig, Dense, DenseConfig,
    EncoderInput, LayerNorm, LayerNormConfig, TransformerEncoder, TransformerEncoderConfig,
    mask_pad,
};

/// One block of pairs: every right with every left.
#[derive(Debug, Clone)]
pub struct PairInput<L, R> {
    /// The lefts, which are columns of the target matrix.
    pub left: L,
    /// The rights, which are its rows.
    pub right: R,
    /// The columns that the lefts are.
    pub columns: Vec<usize>,
}

/// Hyper-parameters of a [`TwoTower`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_protein` | required | values of a protein's vector: 5120 of the largest ESM-2 | 1 to 65536 |
/// | `n_proteins` | required | proteins that prediction is about, columns of its result | 1 to 1048576 |
/// | `d_structure` | 5 | channels behind the four nucleotides: the shares of paired, hairpin, internal, multiloop, exterior; 0 leaves them out | 0 to 16384 |
/// | `d_protein_hidden` | 512 | units of the protein tower's hidden layer | 1 to 16384 |
/// | `d_model` | 256 | features of both towers | a multiple of `n_heads`, up to 16384 |
/// | `kernels` | 5, 9, 13 | positions that each convolution sees | 1 to 1023, at most 16 of them |
/// | `dilations` | 1, 2, 4 | positions from one tap to the next, of each | 1 to 1023 |
/// | `n_layers` | 2 | transformer layers | 0 to 64 |
/// | `n_heads` | 4 | attention heads | 1.. |
/// | `d_ff` | 1024 | units of the transformer's inner layer | 1 to 65536 |
/// | `rank` | 512 | components in which a protein and an RNA are compared | 1 to 16384 |
/// | `max_length` | 64 | longest RNA: positions are learned | 1 to 16384 |
/// | `dropout` | 0.3 | share of hidden values that training drops | 0 up to, not including, 1 |
/// | `mixture` | false | a protein's vector says how much it is like each of `d_protein` known proteins, and it is placed at their mean | |
#[derive(Config, Debug)]
pub struct TwoTowerConfig {
    /// Values of a protein's vector.
    pub d_protein: usize,
    /// Proteins that prediction is about.
    pub n_proteins: usize,
    /// Channels behind the four nucleotides.
    #[config(default = 5)]
    pub d_structure: usize,
    /// Units of the protein tower's hidden layer.
    #[config(default = 512)]
    pub d_protein_hidden: usize,
    /// Features of both towers.
    #[config(default = 256)]
    pub d_model: usize,
    /// Positions that each convolution sees.
    #[config(default = "vec![5, 9, 13]")]
    pub kernels: Vec<usize>,
    /// Positions from one tap to the next, of each convolution.
    #[config(default = "vec![1, 2, 4]")]
    pub dilations: Vec<usize>,
    /// Transformer layers.
    #[config(default = 2)]
    pub n_layers: usize,
    /// Attention heads.
    #[config(default = 4)]
    pub n_heads: usize,
    /// Units of the transformer's inner layer.
    #[config(default = 1024)]
    pub d_ff: usize,
    /// Components in which a protein and an RNA are compared.
    #[config(default = 512)]
    pub rank: usize,
    /// Longest RNA.
    #[config(default = 64)]
    pub max_length: usize,
    /// Share of hidden values that training drops.
    #[config(default = 0.3)]
    pub dropout: f64,
    /// Whether a protein is the weighted mean of known ones.
    #[config(default = false)]
    pub mixture: bool,
}

/// Channels of a one-hot nucleotide.
const NUCLEOTIDES: usize = 4;

impl TwoTowerConfig {
    /// Checks every hyper-parameter's range.
    ///
    /// # Errors
    ///
    /// [`ModelError::OutOfRange`] for the first that is outside.
    pub fn validate(&self) -> Result<(), ModelError> {
        let wrong = |name, found: &dyn std::fmt::Debug, expected| {
            Err(ModelError::OutOfRange {
                name,
                found: format!("{found:?}"),
                expected,
            })
        };
        let sizes = [
            ("d_protein", self.d_protein, 1..=65_536, "1 to 65536"),
            ("n_proteins", self.n_proteins, 1..=1 << 20, "1 to 1048576"),
            ("d_structure", self.d_structure, 0..=16_384, "at most 16384"),
            (
                "d_protein_hidden",
                self.d_protein_hidden,
                1..=16_384,
                "1 to 16384",
            ),
            ("d_model", self.d_model, 1..=16_384, "1 to 16384"),
            ("n_layers", self.n_layers, 0..=64, "at most 64"),
            ("n_heads", self.n_heads, 1..=16_384, "1 to 16384"),
            ("d_ff", self.d_ff, 1..=65_536, "1 to 65536"),
            ("rank", self.rank, 1..=16_384, "1 to 16384"),
            ("max_length", self.max_length, 1..=16_384, "1 to 16384"),
        ];
        for (name, found, range, expected) in sizes {
            if !range.contains(&found) {
                return wrong(name, &found, expected);
            }
        }
        if !self.d_model.is_multiple_of(self.n_heads) {
            return wrong("d_model", &self.d_model, "a multiple of n_heads");
        }
        for (name, all) in [("kernels", &self.kernels), ("dilations", &self.dilations)] {
            if all.len() > 16 || all.iter().any(|size| !(1..=1023).contains(size)) {
                return wrong(name, all, "at most 16 numbers of 1 to 1023");
            }
        }
        if self.kernels.len() != self.dilations.len() {
            return wrong("dilations", &self.dilations, "one for each of the kernels");
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return wrong("dropout", &self.dropout, "0 up to, not including, 1");
        }
        Ok(())
    }

    /// A model with fresh weights.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<TwoTower, ModelError> {
        self.validate()?;
        let (d, dropout) = (self.d_model, self.dropout);
        let norm = || LayerNormConfig::new(d).init(device);
        let to_rank = || DenseConfig::new(d, self.rank).init(device);
        let convolutions = self.kernels.iter().zip(&self.dilations);
        Ok(TwoTower {
            protein: ProteinTower {
                inner: DenseConfig::new(self.d_protein, self.d_protein_hidden)
                    .with_activation(Activation::Gelu)
                    .with_dropout(dropout)
                    .init(device),
                outer: DenseConfig::new(self.d_protein_hidden, d).init(device),
                norm: norm(),
            },
            rna: RnaTower {
                nucleotides: LinearConfig::new(NUCLEOTIDES, d)
                    .with_bias(false)
                    .init(device),
                positions: Initializer::Normal {
                    mean: 0.0,
                    std: 0.02,
                }
                .init([self.max_length, d], device),
                structure: (self.d_structure > 0).then(|| StructureChannels {
                    dense: DenseConfig::new(self.d_structure, d)
                        .with_activation(Activation::Gelu)
                        .init(device),
                    norm: norm(),
                }),
                convolutions: convolutions
                    .map(|(&kernel, &dilation)| Convolution {
                        conv: Conv1dConfig::new(d, d, kernel)
                            .with_dilation(dilation)
                            .init(device),
                        norm: norm(),
                        dropout: DropoutConfig::new(dropout).init(),
                    })
                    .collect(),
                encoder: TransformerEncoderConfig::new(d, self.n_heads, self.d_ff, self.n_layers)
                    .with_dropout(dropout)
                    .init(device),
                pool: AttentionPoolConfig::new(d, d).init(device),
                norm: norm(),
            },
            head: PairHead {
                protein: to_rank(),
                gate: to_rank(),
                rna: to_rank(),
                scale: Initializer::Ones.init([1], device),
                bias: Initializer::Zeros.init([1], device),
            },
            n_proteins: self.n_proteins,
            mixture: self.mixture,
        })
    }
}

/// A protein's vector and an RNA's string to how strongly the one binds the other, through a tower for each.
///
/// ```text
/// protein  z = norm(W_2 gelu(W_1 p + b_1) + b_2)
/// RNA      x = E[nucleotide] + position + norm(gelu(W_s structure + b_s))
///          x = norm(x + gelu(convolution(x)))               for each kernel, dilated, length kept
///          y = norm(pool(encoder(x)))                       transformer (post-norm), gated attention pooling
/// head     a = sigmoid(G z + g) ⊙ (P z + q),   b = R y + r,   score = s cos(a, b) + c
/// ```
///
/// A pair costs one product of `rank` components: each protein and each RNA goes through its tower once
/// ([`proteins`](Self::proteins), [`rnas`](Self::rnas), [`scores`](Self::scores)), also in [`forward`](Model::forward), which reads a
/// block of pairs. The towers and the head are those of low-rank bilinear pooling (Kim et al. 2017, arXiv:1610.04325) with a gate, and a
/// cosine in the place of the sum. Agrees with the same network in PyTorch, forward and gradients: `docs/PARITY.md`.
///
/// With [`mixture`](TwoTowerConfig::mixture) the vector `w` of a protein holds a weight for each of `d_protein` known proteins, by similarity
/// for example, and its place is theirs: `Σ_k w_k a_k / |a_k|` in the place of `a / |a|`, `a_k` the known one's, whose `p` is one-hot. As the
/// score is linear in the place, that of a protein never seen is the weighted mean of its kin's scores, each cleaned of the noise of its
/// measurement by the network; kernel regression on what was measured itself (Nadaraya 1964, doi:10.1137/1109020) would keep the noise.
///
/// Proteins are mean vectors of [`esm2`](crate::esm2), z-scored by the training proteins' statistics. An RNA's channels are one-hot
/// `A C G U`, zeros where unknown, and behind them `d_structure` of its structure. Padding changes no output.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_models::{Model, PairInput, SequenceInput, TwoTowerConfig};
///
/// let device = Device::flex();
/// let model = TwoTowerConfig::new(320, 3).with_d_model(32).with_rank(16).init(&device)?;
/// let block = PairInput {
///     left: Tensor::zeros([3, 320], &device),
///     right: SequenceInput::new(Tensor::zeros([2, 41, 9], &device), vec![41, 30]),
///     columns: vec![0, 1, 2],
/// };
/// assert_eq!(model.forward(block).dims(), [2, 3]);
/// # Ok::<(), hairpin_models::ModelError>(())
/// ```
#[derive(Module, Debug)]
pub struct TwoTower {
    /// Of the proteins.
    pub protein: ProteinTower,
    /// Of the RNAs.
    pub rna: RnaTower,
    /// Where they meet.
    pub head: PairHead,
    n_proteins: usize,
    mixture: bool,
}

/// `[proteins, d_protein]` -> `[proteins, d_model]`.
#[derive(Module, Debug)]
pub struct ProteinTower {
    /// `W_1`, `b_1`, with GELU and dropout.
    pub inner: Dense,
    /// `W_2`, `b_2`.
    pub outer: Dense,
    /// After both.
    pub norm: LayerNorm,
}

/// `[rnas, length, 4 + d_structure]` -> `[rnas, d_model]`.
#[derive(Module, Debug)]
pub struct RnaTower {
    /// `E`, `[4, d_model]`.
    pub nucleotides: Linear,
    /// Of each position, `[max_length, d_model]`.
    pub positions: Param<Tensor<2>>,
    /// Where there are structure channels.
    pub structure: Option<StructureChannels>,
    /// One after the other.
    pub convolutions: Vec<Convolution>,
    /// The transformer.
    pub encoder: TransformerEncoder,
    /// Of its positions.
    pub pool: AttentionPool,
    /// After it.
    pub norm: LayerNorm,
}

/// `[rnas, length, d_structure]` -> `[rnas, length, d_model]`.
#[derive(Module, Debug)]
pub struct StructureChannels {
    /// `W_s`, `b_s`, with GELU.
    pub dense: Dense,
    /// After it.
    pub norm: LayerNorm,
}

/// A dilated convolution with a residual sum and a norm.
#[derive(Module, Debug)]
pub struct Convolution {
    /// Keeps the length.
    pub conv: Conv1d,
    /// Of the sum.
    pub norm: LayerNorm,
    dropout: Dropout,
}

/// The gated cosine of a protein and an RNA.
#[derive(Module, Debug)]
pub struct PairHead {
    /// `P`, `q`.
    pub protein: Dense,
    /// `G`, `g`.
    pub gate: Dense,
    /// `R`, `r`.
    pub rna: Dense,
    /// `s`.
    pub scale: Param<Tensor<1>>,
    /// `c`.
    pub bias: Param<Tensor<1>>,
}

impl TwoTower {
    /// The proteins in the head's space, of length 1; with [`mixture`](TwoTowerConfig::mixture) means of such.
    ///
    /// # Shapes
    ///
    /// `[proteins, d_protein]` -> `[proteins, rank]`
    ///
    /// # Panics
    ///
    /// When the last dimension is not `d_protein`.
    pub fn proteins(&self, x: Tensor<2>) -> Tensor<2> {
        if !self.mixture {
            return self.places(x);
        }
        let known = Tensor::eye(self.protein.inner.weight.dims()[0], &x.device());
        x.matmul(self.places(known))
    }

    fn places(&self, x: Tensor<2>) -> Tensor<2> {
        let tower = &self.protein;
        let z = tower.outer.forward(tower.inner.forward(x));
        let z = tower.norm.forward(z);
        let gate = Activation::Sigmoid.forward(self.head.gate.forward(z.clone()));
        of_length_one(gate * self.head.protein.forward(z))
    }

    /// The RNAs in the head's space, of length 1.
    ///
    /// # Shapes
    ///
    /// `[rnas, length, 4 + d_structure]` with lengths `[rnas]` -> `[rnas, rank]`
    ///
    /// # Panics
    ///
    /// When the channels are not `4 + d_structure`, or the batch is longer than `max_length`.
    pub fn rnas(&self, input: SequenceInput) -> Tensor<2> {
        of_length_one(self.head.rna.forward(self.rna.forward(input)))
    }

    /// The score of every pair.
    ///
    /// # Shapes
    ///
    /// `[rnas, rank]`, `[proteins, rank]` -> `[rnas, proteins]`
    pub fn scores(&self, rnas: Tensor<2>, proteins: Tensor<2>) -> Tensor<2> {
        let cosines = rnas.matmul(proteins.transpose());
        cosines * self.head.scale.val().unsqueeze() + self.head.bias.val().unsqueeze()
    }

    /// The same weights for another number of proteins in prediction: those that were held out, all of them.
    pub fn with_n_proteins(mut self, n_proteins: usize) -> Self {
        self.n_proteins = n_proteins;
        self
    }
}

impl RnaTower {
    fn forward(&self, input: SequenceInput) -> Tensor<2> {
        let SequenceInput { x, lengths } = input;
        let [batch, length, channels] = x.dims();
        let [max_length, _] = self.positions.dims();
        let d_structure = self
            .structure
            .as_ref()
            .map_or(0, |structure| structure.dense.weight.dims()[0]);
        assert_eq!(
            channels,
            NUCLEOTIDES + d_structure,
            "TwoTower: channels of the RNAs"
        );
        assert!(
            length <= max_length,
            "TwoTower: the RNAs' length is {length}, max_length {max_length}"
        );
        let part = |from: usize, to: usize| x.clone().slice([0..batch, 0..length, from..to]);
        let positions = self.positions.val().slice(0..length);
        let mut y = self.nucleotides.forward(part(0, NUCLEOTIDES)) + positions.unsqueeze();
        if let Some(structure) = &self.structure {
            let dense = structure.dense.forward(part(NUCLEOTIDES, channels));
            y = y + structure.norm.forward(dense);
        }
        for layer in &self.convolutions {
            let felt = layer.conv.forward_strings(y.clone(), &lengths);
            let felt = Activation::Gelu.forward(felt);
            y = layer.norm.forward_sum(y, felt, &layer.dropout);
        }
        let mask = mask_pad(&lengths, length, &y.device());
        let y = self
            .encoder
            .forward(EncoderInput::new(y).with_mask_pad(mask.clone()));
        self.norm.forward(self.pool.forward(y, Some(mask)))
    }
}

impl Model for TwoTower {
    type Input = PairInput<Tensor<2>, SequenceInput>;

    /// # Shapes
    ///
    /// Proteins `[l, d_protein]` and RNAs `[r, length, 4 + d_structure]` -> `[r, l]`
    ///
    /// # Panics
    ///
    /// As [`proteins`](TwoTower::proteins) and [`rnas`](TwoTower::rnas).
    fn forward(&self, input: Self::Input) -> Tensor<2> {
        self.scores(self.rnas(input.right), self.proteins(input.left))
    }

    /// Proteins of a prediction; a block of training has as many as were sampled.
    fn n_outputs(&self) -> usize {
        self.n_proteins
    }

    fn min_length(&self) -> usize {
        1
    }
}

/// Rows over their lengths; one of zeros stays what it is and has a gradient.
fn of_length_one(x: Tensor<2>) -> Tensor<2> {
    let length = (x.clone().square().sum_dim(1) + 1e-12).sqrt();
    x / length
}
