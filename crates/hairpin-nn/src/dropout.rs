//! When a layer drops values, and from which seed.

use burn::nn::Dropout;
use burn::tensor::{Distribution, Tensor};

#[cfg(feature = "flex")]
use crate::kernel::dropout;

/// What to drop now from values on the device of `x`: nothing outside of training. The seed comes from the device's own generator.
#[cfg(feature = "flex")]
pub(crate) fn draw<const D: usize>(layer: &Dropout, x: &Tensor<D>) -> Option<dropout::Dropout> {
    let device = x.device();
    if layer.prob == 0.0 || !device.is_autodiff() || !layer.training.is_enabled() {
        return None;
    }
    let device = device.without_autodiff();
    let drawn = Tensor::<1>::random([2], Distribution::Default, &device).into_data();
    // 24 bits of each, all that a uniform f32 has.
    let bits = drawn
        .iter::<f32>()
        .map(|value| (value * 16_777_216.0) as u64);
    dropout::Dropout::new(layer.prob, bits.fold(0, |seed, bits| (seed << 24) | bits))
}
