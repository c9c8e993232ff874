//! [`predict`]: a model over any number of examples, in their order.

use crate::order::batches_by_length;
use crate::{Dataset, Objective, Outputs, Predictions, TrainError};
use burn::tensor::Device;
use hairpin_models::Model;
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;

/// Predictions in the order of the examples, whatever the batches were: `[n_examples, n_outputs]`, or of a model that answers at every
/// position a matrix `[positions, n_outputs]` for each example ([`Outputs`]).
///
/// `model` must be in evaluation ([`Module::valid`](burn::module::Module::valid)) and on `device`, without autodiff: a
/// differentiable forward pass would keep every batch in memory.
///
/// # Errors
///
/// [`TrainError::TooShort`] for the first example that the model cannot read.
///
/// # Panics
///
/// When `batch_size` is 0.
pub fn predict<M, D, O, Y>(
    model: &M,
    objective: &O,
    inputs: &D,
    batch_size: usize,
    device: &Device,
) -> Result<Y::Predictions, TrainError>
where
    M: Model<Y>,
    D: Dataset<Input = M::Input>,
    O: Objective<Y>,
    Y: Outputs,
{
    predict_rows(model, objective, inputs, batch_size, None, device)
}

/// [`predict`], of augmented examples if there is something to draw from. One function for every kind of dataset.
pub(crate) fn predict_rows<M, O, Y>(
    model: &M,
    objective: &O,
    inputs: &dyn Dataset<Input = M::Input>,
    batch_size: usize,
    mut augment: Option<&mut ChaCha8Rng>,
    device: &Device,
) -> Result<Y::Predictions, TrainError>
where
    M: Model<Y>,
    O: Objective<Y>,
    Y: Outputs,
{
    match augment {
        None => check_shortest(model, inputs.len(), |row| inputs.length(row))?,
        Some(_) => check_shortest(model, inputs.len(), |row| inputs.shortest(row))?,
    }
    let lengths = lengths_of(inputs);
    let mut predictions = vec![Array2::zeros((0, 0)); inputs.len()];
    for rows in batches_by_length(&lengths, batch_size) {
        let input = inputs.batch(&rows, augment.as_deref_mut(), device);
        if let Some(error) = inputs.failure() {
            return Err(error);
        }
        let own: Vec<usize> = rows.iter().map(|&row| lengths[row]).collect();
        let found = objective.activate(model.forward(input)).rows(&own);
        for (row, found) in rows.into_iter().zip(found) {
            predictions[row] = found;
        }
    }
    let n_outputs = inputs.n_outputs().unwrap_or_else(|| model.n_outputs());
    Ok(Y::Predictions::from_rows(predictions, n_outputs))
}

/// Refuses examples that the model cannot read, as [`predict`] does: before a long training rather than after.
///
/// # Errors
///
/// [`TrainError::TooShort`] for the first.
pub fn check_lengths<M: Model<Y>, D: Dataset, Y>(model: &M, inputs: &D) -> Result<(), TrainError> {
    check_shortest(model, inputs.len(), |row| inputs.length(row))
}

/// Positions of every example.
pub(crate) fn lengths_of<D: Dataset + ?Sized>(inputs: &D) -> Vec<usize> {
    (0..inputs.len()).map(|row| inputs.length(row)).collect()
}

/// Positions of the shortest version of every example that training may see.
pub(crate) fn shortest_of<D: Dataset + ?Sized>(inputs: &D) -> Vec<usize> {
    (0..inputs.len()).map(|row| inputs.shortest(row)).collect()
}

pub(crate) fn check_shortest<M: Model<Y>, Y>(
    model: &M,
    rows: usize,
    length: impl Fn(usize) -> usize,
) -> Result<(), TrainError> {
    let minimum = model.min_length();
    for row in 0..rows {
        let length = length(row);
        if length < minimum {
            return Err(TrainError::TooShort {
                row,
                length,
                minimum,
            });
        }
    }
    Ok(())
}
