//! The weights of a model as bytes, and back.

use crate::TrainError;
use burn::module::Module;
use burn::store::{ModuleRecord, RecordError};
use burn::tensor::Bytes;
use burn_pack::{Reader, Writer};
use std::path::Path;

/// A model's weights and running statistics, in Burn's own format (`.bpk`). `path` is where they will go, for the error.
///
/// Equal weights give equal bytes: tensors are numbered in the model's order, where Burn gives parameters random identities.
///
/// # Errors
///
/// [`TrainError::Weights`] when they cannot be recorded.
pub(crate) fn weights_of<M: Module>(model: &M, path: &Path) -> Result<Vec<u8>, TrainError> {
    let recorded = record(model, path)?;
    let number = || {
        let tensors = Reader::from_bytes(Bytes::from_bytes_vec(recorded))?.into_tensors()?;
        let numbered = tensors.into_iter().zip(1..).map(|(tensor, number)| {
            let (name, dtype, shape, _, bytes) = tensor.into_parts()?;
            Ok(burn_pack::Tensor::new(
                name,
                dtype,
                shape,
                Some(number),
                bytes,
            ))
        });
        Writer::new(numbered.collect::<Result<Vec<_>, burn_pack::Error>>()?).into_bytes()
    };
    let bytes = number().map_err(|error| refused(error.into(), path))?;
    Ok(bytes.to_vec())
}

/// As [`weights_of`], with the parameters' identities, which the optimiser's state is kept by.
pub(crate) fn record<M: Module>(model: &M, path: &Path) -> Result<Vec<u8>, TrainError> {
    let bytes = model.clone().into_record().into_bytes();
    Ok(bytes.map_err(|error| refused(error, path))?.to_vec())
}

/// Puts weights into a model of the same configuration; `path` is where they were read, for the error.
///
/// # Errors
///
/// [`TrainError::Weights`] when the bytes are not weights, or are those of another configuration.
pub(crate) fn load_weights<M: Module>(
    model: M,
    bytes: Vec<u8>,
    path: &Path,
) -> Result<M, TrainError> {
    let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes));
    record
        .and_then(|record| model.try_load_record(record))
        .map_err(|error| refused(error, path))
}

fn refused(error: RecordError, path: &Path) -> TrainError {
    TrainError::Weights {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
