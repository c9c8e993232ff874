//! The weights of a model as bytes, and back.

use crate::TrainError;
use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, DType, Shape, f16};
use burn_pack::{Reader, Tensor, Writer};
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
    let numbered = rewritten(recorded, |number, name, dtype, shape, bytes| {
        Ok(Tensor::new(name, dtype, shape, Some(number), bytes))
    });
    numbered.map_err(|error| refused(error, path))
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
        // Those in half precision become what the model holds.
        .and_then(|record| model.try_load_record(record.cast_to_module_dtype()))
        .map_err(|error| refused(error, path))
}

/// Weights in half precision: half as many bytes, three digits.
///
/// # Errors
///
/// [`TrainError::Weights`] when one is too large for it, or the bytes are not weights.
pub(crate) fn halved(bytes: Vec<u8>, path: &Path) -> Result<Vec<u8>, TrainError> {
    let mut too_large = None;
    let half = rewritten(bytes, |number, name, dtype, shape, bytes| {
        if dtype != DType::F32 {
            return Ok(Tensor::new(name, dtype, shape, Some(number), bytes));
        }
        let halves = bytes.chunks_exact(4).flat_map(|own| {
            let value = f32::from_le_bytes([own[0], own[1], own[2], own[3]]);
            let half = f16::from_f32(value);
            if value.is_finite() && !half.is_finite() {
                too_large = Some((name.clone(), value));
            }
            half.to_le_bytes()
        });
        let halves = Bytes::from_bytes_vec(halves.collect());
        Ok(Tensor::new(name, DType::F16, shape, Some(number), halves))
    });
    let half = half.map_err(|error| refused(error, path))?;
    match too_large {
        None => Ok(half),
        Some((name, value)) => Err(refused(
            format!("{name} holds {value}, which half precision cannot: at most 65504"),
            path,
        )),
    }
}

/// Every tensor of some weights made anew, numbered from 1 in their order.
fn rewritten(
    bytes: Vec<u8>,
    mut tensor: impl FnMut(u64, String, DType, Shape, Bytes) -> Result<Tensor, burn_pack::Error>,
) -> Result<Vec<u8>, burn_pack::Error> {
    let tensors = Reader::from_bytes(Bytes::from_bytes_vec(bytes))?.into_tensors()?;
    let made = tensors.into_iter().zip(1..).map(|(own, number)| {
        let (name, dtype, shape, _, bytes) = own.into_parts()?;
        tensor(number, name, dtype, shape, bytes)
    });
    let made = made.collect::<Result<Vec<_>, _>>()?;
    Ok(Writer::new(made).into_bytes()?.to_vec())
}

fn refused(error: impl ToString, path: &Path) -> TrainError {
    TrainError::Weights {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::{Device, Tensor};

    #[test]
    fn half_precision_is_half_as_large_and_reads_back_nearly_alike() {
        let device = Device::flex();
        let model: Linear = LinearConfig::new(64, 32).init(&device);
        let path = Path::new("model.bpk");
        let full = weights_of(&model, path).unwrap();
        let half = halved(full.clone(), path).unwrap();
        assert!(
            half.len() * 10 < full.len() * 6,
            "{} {}",
            half.len(),
            full.len()
        );
        let read = load_weights(LinearConfig::new(64, 32).init(&device), half, path).unwrap();
        assert_eq!(read.weight.val().dtype(), DType::F32);
        let (found, expected) = (read.weight.val(), model.weight.val());
        let apart = ((found - expected.clone()) / expected).abs().max();
        let apart: f32 = apart.into_scalar();
        assert!(apart > 0.0 && apart <= 2f32.powi(-11), "{apart}");

        let mut large = model;
        let values = Tensor::<1>::full([32], 1e5, &device);
        large.bias = Some(burn::module::Param::from_tensor(values));
        let error = halved(weights_of(&large, path).unwrap(), path).unwrap_err();
        assert!(error.to_string().contains("bias") && error.to_string().contains("65504"));
        assert!(halved(b"no weights".to_vec(), path).is_err());
    }
}
