//! What the agreements with other libraries share: how close, and tensors out of golden files.

use burn::tensor::{Tensor, TensorData};
use hairpin_golden::{Golden, Tolerance};

pub(crate) const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-4,
};

pub(crate) fn data(golden: &Golden, name: &str) -> TensorData {
    let found = golden.f32(name);
    TensorData::new(found.values, found.shape)
}

pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap()
}
