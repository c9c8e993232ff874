//! What every model has in common, and the batch that sequence models read.

use burn::module::Module;
use burn::tensor::Tensor;
use std::sync::Arc;

/// A network that maps a batch of inputs to raw outputs: one row for each example, [`Tensor<2>`](Tensor), or one for every position of
/// each, `Tensor<3>`.
pub trait Model<Y = Tensor<2>>: Module {
    /// One batch.
    type Input;

    /// Raw outputs (logits or values) of a batch, `[batch_size, n_outputs]` or `[batch_size, length, n_outputs]`.
    fn forward(&self, input: Self::Input) -> Y;

    /// Number of outputs per example, or per position.
    fn n_outputs(&self) -> usize;

    /// The shortest string, in positions, that the network can read.
    fn min_length(&self) -> usize;
}

/// A padded batch of encoded strings.
#[derive(Debug, Clone)]
pub struct SequenceInput {
    /// `[batch_size, length, channels]`, zero beyond each length.
    pub x: Tensor<3>,
    /// True length of each row.
    pub lengths: Arc<[usize]>,
}

impl SequenceInput {
    /// A batch of strings with their lengths.
    ///
    /// # Panics
    ///
    /// When the number of lengths is not `batch_size`.
    pub fn new(x: Tensor<3>, lengths: impl Into<Arc<[usize]>>) -> Self {
        let lengths = lengths.into();
        assert_eq!(
            x.dims()[0],
            lengths.len(),
            "SequenceInput: {} lengths for batch_size {}",
            lengths.len(),
            x.dims()[0]
        );
        Self { x, lengths }
    }
}
