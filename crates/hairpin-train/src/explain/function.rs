//! A model as a function of its encoded batch.

use crate::TrainError;
use crate::predict::check_shortest;
use burn::tensor::Tensor;
use hairpin_models::{Model, SequenceInput};
use hairpin_nn::zero_padded;
use std::sync::Arc;

/// The function that a model of sequences is in evaluation, of a batch of strings with these `lengths`.
///
/// It takes the batch, or any number of copies of it one after another, as [`IntegratedGradients`](super::IntegratedGradients) asks for.
/// What stands at padded positions is replaced by zeros, so that no output depends on it and its gradient is 0.
///
/// The model's training flags are off and its weights constants, wherever it lives: gradients by the input are those of the network that
/// predicts, and nothing is kept for gradients by the weights.
///
/// # Errors
///
/// [`TrainError::TooShort`] for the first length that the model cannot read.
///
/// # Panics
///
/// The function does when a length is greater than the batch's, or as the model does.
pub fn as_function<M: Model<Input = SequenceInput>>(
    model: &M,
    lengths: &[usize],
) -> Result<impl Fn([Tensor<3>; 1]) -> Tensor<2> + use<M>, TrainError> {
    check_shortest(model, lengths.len(), |row| lengths[row])?;
    let model = model.valid();
    let lengths = lengths.to_vec();
    Ok(move |[x]: [Tensor<3>; 1]| {
        let rows = x.dims()[0];
        let lengths: Arc<[usize]> = lengths.iter().copied().cycle().take(rows).collect();
        let x = zero_padded(x, &lengths);
        model.forward(SequenceInput::new(x, lengths))
    })
}
