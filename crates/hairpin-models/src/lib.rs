//! A zoo of sequence models on [Burn](https://burn.dev), each checked against PyTorch: [`SequenceLstm`], one string to one vector of
//! outputs; [`PerBase`], an answer at every position; [`TwoTower`], a protein and an RNA to their score; [`PerturbationTransformer`],
//! [`Autoencoder`] with [`LatentRegressor`] and [`EncodingNet`], a cell type and a compound to the response of every gene; [`esm2`], the
//! protein language models with their published weights.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use hairpin_models::{Model, Pooling, SequenceInput, SequenceLstmConfig};
//!
//! let device = Device::flex();
//! // Five classes of one-hot DNA; the same network with one output is a regressor.
//! let model = SequenceLstmConfig::new(4, 5)
//!     .with_d_hidden(32)
//!     .with_pooling(Pooling::Mean)
//!     .init(&device)?;
//! let batch = SequenceInput::new(Tensor::zeros([2, 400, 4], &device), vec![400, 250]);
//! assert_eq!(model.forward(batch).dims(), [2, 5]);
//! # Ok::<(), hairpin_models::ModelError>(())
//! ```
//!
//! A model knows tensors only: it never reads a file, draws a batch or picks a device. Its outputs are raw (logits, values); the
//! objective it is trained with turns them into probabilities. Layout is `[batch_size, length, channels]`.
//!
//! What it does not do: training and prediction over many batches are in `hairpin-train`.

pub mod esm2;

mod error;
mod model;
mod per_base;
mod perturbation;
mod residue_towers;
mod sequence_lstm;
mod two_tower;

pub use error::ModelError;
pub use hairpin_nn::Cell;
pub use model::{Model, SequenceInput};
pub use per_base::{ConvBlock, PairAttention, PerBase, PerBaseConfig, PerBaseInput};
pub use perturbation::{
    AttentionOver, Autoencoder, AutoencoderConfig, Coder, EncodingHead, EncodingNet,
    EncodingNetConfig, LatentRegressor, LatentRegressorConfig, PerturbationTransformer,
    PerturbationTransformerConfig,
};
pub use residue_towers::{ResiduePool, ResidueTowers, ResidueTowersConfig};
pub use sequence_lstm::{ConvFront, Norm, Pooling, SequenceLstm, SequenceLstmConfig};
pub use two_tower::{
    Convolution, PairHead, PairInput, ProteinTower, RnaTower, StructureChannels, TwoTower,
    TwoTowerConfig,
};
