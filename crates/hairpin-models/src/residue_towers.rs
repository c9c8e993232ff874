//! [`ResidueTowers`]: two towers of which the protein's reads residues, and says which of them it looked at.

use crate::{Model, ModelError, PairInput, SequenceInput, TwoTower, TwoTowerConfig};
use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor};
use hairpin_nn::{
    Activation, AttentionPool, AttentionPoolConfig, Dense, DenseConfig, LayerNorm, LayerNormConfig,
    mask_pad,
};

/// Hyper-parameters of [`ResidueTowers`].
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_residue` | required | channels of a residue: 20 one-hot, 320 to 5120 of ESM-2 | 1 to 65536 |
/// | `towers` | required | of both towers; its `d_protein` is the number of features of a residue that attention weighs | |
#[derive(Config, Debug)]
pub struct ResidueTowersConfig {
    /// Channels of a residue.
    pub d_residue: usize,
    /// Of both towers.
    pub towers: TwoTowerConfig,
}

impl ResidueTowersConfig {
    /// Checks every hyper-parameter's range.
    ///
    /// # Errors
    ///
    /// [`ModelError::OutOfRange`] for the first that is outside: also for a [`mixture`](TwoTowerConfig::mixture), which reads no residues.
    pub fn validate(&self) -> Result<(), ModelError> {
        if !(1..=65_536).contains(&self.d_residue) {
            return Err(ModelError::OutOfRange {
                name: "d_residue",
                found: self.d_residue.to_string(),
                expected: "1 to 65536",
            });
        }
        if self.towers.mixture {
            return Err(ModelError::OutOfRange {
                name: "mixture",
                found: "true".to_owned(),
                expected: "false where residues are read",
            });
        }
        self.towers.validate()
    }

    /// A model with fresh weights.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<ResidueTowers, ModelError> {
        self.validate()?;
        let d = self.towers.d_protein;
        Ok(ResidueTowers {
            residues: ResiduePool {
                dense: DenseConfig::new(self.d_residue, d)
                    .with_activation(Activation::Gelu)
                    .with_dropout(self.towers.dropout)
                    .init(device),
                norm: LayerNormConfig::new(d).init(device),
                pool: AttentionPoolConfig::new(d, d).init(device),
            },
            towers: self.towers.init(device)?,
        })
    }
}

/// [`TwoTower`] with the vector of a protein made of its residues:
///
/// ```text
/// h_t = norm(gelu(W x_t + b)),   p = Σ_t a_t h_t,   a = softmax_t(w · (tanh(V h_t) ⊙ sigmoid(U h_t)))
/// ```
///
/// over the residues that are there and, where domains are known, inside them. The weights `a` say which residues the answer was read
/// from ([`ResiduePool::weights`]). The pool is that of Ilse, Tomczak and Welling 2018 (arXiv:1802.04712). Agrees with the same network in
/// PyTorch, forward and gradients: `docs/PARITY.md`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_models::{Model, PairInput, ResidueTowersConfig, SequenceInput, TwoTowerConfig};
///
/// let device = Device::flex();
/// let towers = TwoTowerConfig::new(16, 2).with_d_model(8).with_n_heads(2);
/// let model = ResidueTowersConfig::new(20, towers).init(&device)?;
/// let proteins = SequenceInput::new(Tensor::ones([2, 90, 20], &device), vec![90, 71]);
/// let rnas = SequenceInput::new(Tensor::ones([3, 41, 9], &device), vec![41, 30, 38]);
/// assert_eq!(model.residues.weights(&proteins, None).dims(), [2, 90]);
/// let block = PairInput { left: proteins, right: rnas, columns: vec![0, 1] };
/// assert_eq!(model.forward(block).dims(), [3, 2]);
/// # Ok::<(), hairpin_models::ModelError>(())
/// ```
#[derive(Module, Debug)]
pub struct ResidueTowers {
    /// Residues to a vector.
    pub residues: ResiduePool,
    /// Of that vector and of the RNAs.
    pub towers: TwoTower,
}

/// `[proteins, length, d_residue]` -> `[proteins, d_protein]`.
#[derive(Module, Debug)]
pub struct ResiduePool {
    /// `W`, `b`, with GELU and dropout.
    pub dense: Dense,
    /// After it.
    pub norm: LayerNorm,
    /// Of the residues.
    pub pool: AttentionPool,
}

impl ResiduePool {
    /// A vector for each protein. With `outside`, `[proteins, length]`, the residues where it is true are passed over: those between domains.
    ///
    /// # Shapes
    ///
    /// `[proteins, length, d_residue]` with lengths `[proteins]` -> `[proteins, d_protein]`
    ///
    /// # Panics
    ///
    /// When the channels are not `d_residue`, or `outside` has another shape.
    pub fn forward(&self, input: &SequenceInput, outside: Option<Tensor<2, Bool>>) -> Tensor<2> {
        let (hidden, mask) = self.read(input, outside);
        self.pool.forward(hidden, Some(mask))
    }

    /// How much of the vector comes from each residue: they add up to 1, and are 0 where nothing is or is read.
    ///
    /// # Shapes
    ///
    /// `[proteins, length, d_residue]` with lengths `[proteins]` -> `[proteins, length]`
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn weights(&self, input: &SequenceInput, outside: Option<Tensor<2, Bool>>) -> Tensor<2> {
        let (hidden, mask) = self.read(input, outside);
        self.pool.weights(hidden, Some(mask))
    }

    fn read(
        &self,
        input: &SequenceInput,
        outside: Option<Tensor<2, Bool>>,
    ) -> (Tensor<3>, Tensor<2, Bool>) {
        let [proteins, length, channels] = input.x.dims();
        let expected = self.dense.weight.dims()[0];
        assert_eq!(channels, expected, "ResiduePool: channels of the residues");
        let mut mask = mask_pad(&input.lengths, length, &input.x.device());
        if let Some(outside) = outside {
            assert_eq!(outside.dims(), [proteins, length], "ResiduePool: outside");
            mask = mask.bool_or(outside);
        }
        let hidden = self.dense.forward(input.x.clone());
        (self.norm.forward(hidden), mask)
    }
}

impl Model for ResidueTowers {
    type Input = PairInput<SequenceInput, SequenceInput>;

    /// # Shapes
    ///
    /// Proteins `[l, residues, d_residue]` and RNAs `[r, length, 4 + d_structure]` -> `[r, l]`
    ///
    /// # Panics
    ///
    /// As [`ResiduePool::forward`] and [`TwoTower::rnas`].
    fn forward(&self, input: Self::Input) -> Tensor<2> {
        let vectors = self.residues.forward(&input.left, None);
        let towers = &self.towers;
        towers.scores(towers.rnas(input.right), towers.proteins(vectors))
    }

    fn n_outputs(&self) -> usize {
        self.towers.n_outputs()
    }

    fn min_length(&self) -> usize {
        self.towers.min_length()
    }
}
