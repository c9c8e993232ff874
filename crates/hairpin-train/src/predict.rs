//! [`predict`]: a model over any number of examples, in their order.

use crate::order::batches_by_length;
use crate::{Dataset, Objective, TrainError};
use burn::tensor::Device;
use hairpin_models::Model;
use ndarray::{Array2, ArrayView1};
use rand_chacha::ChaCha8Rng;

/// Predictions `[n_examples, n_outputs]` in the order of the examples, whatever the batches were.
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
pub fn predict<M, D, O>(
    model: &M,
    objective: &O,
    inputs: &D,
    batch_size: usize,
    device: &Device,
) -> Result<Array2<f32>, TrainError>
where
    M: Model,
    D: Dataset<Input = M::Input>,
    O: Objective,
{
    predict_rows(model, objective, inputs, batch_size, None, device)
}

/// [`predict`], of augmented examples if there is something to draw from.
pub(crate) fn predict_rows<M, D, O>(
    model: &M,
    objective: &O,
    inputs: &D,
    batch_size: usize,
    mut augment: Option<&mut ChaCha8Rng>,
    device: &Device,
) -> Result<Array2<f32>, TrainError>
where
    M: Model,
    D: Dataset<Input = M::Input>,
    O: Objective,
{
    match augment {
        None => check_lengths(model, inputs)?,
        Some(_) => check_shortest(model, inputs.len(), |row| inputs.shortest(row))?,
    }
    let lengths: Vec<usize> = (0..inputs.len()).map(|row| inputs.length(row)).collect();
    let mut predictions = Array2::zeros((inputs.len(), model.n_outputs()));
    for rows in batches_by_length(&lengths, batch_size) {
        let input = inputs.batch(&rows, augment.as_deref_mut(), device);
        if let Some(error) = inputs.failure() {
            return Err(error);
        }
        let outputs = model.forward(input);
        let values = objective
            .activate(outputs)
            .into_data()
            .try_into_vec::<f32>()
            .expect("a model's outputs are f32");
        for (&row, values) in rows.iter().zip(values.chunks_exact(model.n_outputs())) {
            predictions.row_mut(row).assign(&ArrayView1::from(values));
        }
    }
    Ok(predictions)
}

/// Refuses examples that the model cannot read, as [`predict`] does: before a long training rather than after.
///
/// # Errors
///
/// [`TrainError::TooShort`] for the first.
pub fn check_lengths<M: Model, D: Dataset>(model: &M, inputs: &D) -> Result<(), TrainError> {
    check_shortest(model, inputs.len(), |row| inputs.length(row))
}

pub(crate) fn check_shortest<M: Model>(
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
