//! Layers that [Burn](https://burn.dev) lacks or runs slowly on a CPU: LSTM and GRU layers that know the length of each string,
//! attention and transformer encoders, convolutions, dense layers and norms, with the masks and poolings of padded batches.
//!
//! | | |
//! |---|---|
//! | [`Recurrent`] | LSTM and GRU, stacked, in both directions, with lengths |
//! | [`MultiHeadAttention`], [`TransformerEncoder`] | with padding masks and a bias on the scores; no score matrix in memory |
//! | [`Rotary`] | rotary position embedding for attention |
//! | [`Conv1d`] | dilated and strided, on `[batch_size, length, channels]`, "same" under dilation |
//! | [`Dense`], [`FeedForward`] | product, bias, [`Activation`] and dropout in one operation |
//! | [`LayerNorm`], [`residual`], [`MaskedBatchNorm`] | of a residual sum; of the positions that are not padded |
//! | [`masked_mean`], [`masked_max`], [`AttentionPool`] | a string as one vector |
//! | [`Adam`] | a step in one pass |
//! | [`products_in`] | matrix products in `bf16` or `f16` between tensors of `f32` |
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use hairpin_nn::{RecurrentConfig, RecurrentInput};
//!
//! let device = Device::flex();
//! let layer = RecurrentConfig::new(4, 64).with_bidirectional(true).init(&device);
//! // Two one-hot strings of 400 and 250 nt in one padded batch.
//! let x = Tensor::<3>::zeros([2, 400, 4], &device);
//! let out = layer.forward(RecurrentInput::new(x).with_lengths(vec![400, 250]));
//! assert_eq!(out.output.dims(), [2, 400, 128]);
//! assert_eq!(out.state.hidden.dims(), [2, 2, 64]);
//! ```
//!
//! The layout is `[batch_size, length, channels]` everywhere. The crate picks no device. Its feature `flex` (default) compiles the
//! fused kernels, which are used wherever tensors live on Burn's flex backend; other backends run the same layer in tensor
//! operations.
//!
//! # From `burn::nn::Lstm` in three lines
//!
//! ```
//! use burn::nn::LstmConfig;
//! use burn::tensor::{Device, Tensor};
//! use hairpin_nn::{Recurrent, RecurrentInput};
//!
//! # let device = Device::flex();
//! # let x = Tensor::<3>::zeros([2, 9, 4], &device);
//! # let lstm = LstmConfig::new(4, 8, true).init(&device); // trained, or read from a record
//! // let (output, state) = lstm.forward(x, None);
//! let layer = Recurrent::try_from(&lstm)?; // the same weights
//! let out = layer.forward(RecurrentInput::new(x)); // out.output, out.state.hidden, out.state.cell
//! # assert_eq!(out.output.dims(), [2, 9, 8]);
//! # Ok::<(), hairpin_nn::ConvertError>(())
//! ```
//!
//! `BiLstm`, `Gru` and `BiGru` come over in the same way. The output is Burn's to rounding; an option that this layer lacks (clipping,
//! coupled gates, other activations) is refused by its name. A new layer is `RecurrentConfig::new(d_input, d_hidden)` in the place
//! of `LstmConfig::new(d_input, d_hidden, true)`, with [`with_bidirectional`](RecurrentConfig::with_bidirectional),
//! [`with_cell`](RecurrentConfig::with_cell) and [`with_layers`](RecurrentConfig::with_layers).
//!
//! # Weights of PyTorch and Keras
//!
//! A state dict comes in by its names, and goes out by them; [`Recurrent::from_keras`] takes Keras's kernels. The tables at
//! [`RecurrentLayer`] and [`Cell`] say which gate is where. With the feature `weights` (default) the module
//! [`weights`](https://docs.rs/hairpin-nn/latest/hairpin_nn/weights/) reads and writes the files.
//!
//! ```
//! use burn::tensor::{Device, TensorData};
//! use hairpin_nn::Recurrent;
//! use std::collections::BTreeMap;
//!
//! // Or weights::under(&weights::read("model.pt")?, "encoder.lstm.")
//! let tensors: BTreeMap<String, TensorData> = [
//!     ("weight_ih_l0", vec![12, 4]),
//!     ("weight_hh_l0", vec![12, 3]),
//!     ("bias_ih_l0", vec![12]),
//!     ("bias_hh_l0", vec![12]),
//! ]
//! .map(|(name, dims)| (name.to_owned(), TensorData::zeros::<f32, _>(dims)))
//! .into();
//! let layer = Recurrent::from_pytorch(&tensors, &Device::flex())?;
//! assert_eq!(layer.d_output(), 3);
//! # Ok::<(), hairpin_nn::ConvertError>(())
//! ```
//!
//! What it does not do: it has no kernel for GPUs, where every layer runs in tensor operations; embeddings are in `burn::nn`.

mod activation;
mod adam;
mod attention;
#[cfg(all(test, feature = "flex"))]
mod check;
mod conv;
mod convert;
mod dropout;
mod feed_forward;
mod kernel;
mod mask;
mod norm;
mod pool;
mod precision;
mod recurrent;
mod rotary;
mod transformer;
#[cfg(feature = "weights")]
pub mod weights;

pub use activation::Activation;
pub use adam::{Adam, AdamConfig};
pub use attention::{AttentionInput, MultiHeadAttention, MultiHeadAttentionConfig};
pub use conv::{Conv1d, Conv1dConfig, Padding};
pub use convert::{ConvertError, KerasWeights};
pub use feed_forward::{Dense, DenseConfig, FeedForward, FeedForwardConfig};
pub use mask::{mask_pad, masked_max, masked_mean, zero_padded};
pub use norm::{LayerNorm, LayerNormConfig, MaskedBatchNorm, MaskedBatchNormConfig, residual};
pub use pool::{AttentionPool, AttentionPoolConfig};
pub use precision::products_in;
pub use recurrent::{
    Cell, Recurrent, RecurrentConfig, RecurrentInput, RecurrentLayer, RecurrentOutput,
    RecurrentState,
};
pub use rotary::Rotary;
pub use transformer::{
    EncoderInput, NormPlace, TransformerEncoder, TransformerEncoderConfig, TransformerEncoderLayer,
};
