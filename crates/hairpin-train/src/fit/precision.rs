//! [`Precision`]: the type in which a network's products are made, and what keeps small gradients of `f16` alive.

use burn::tensor::{Device, FloatDType};
use hairpin_nn::products_in;
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// The type in which the layers of `hairpin-nn` make their matrix products, forward and backward. Parameters, optimizer, norms,
/// soft-max and loss are `f32` whatever it is ([`products_in`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 24 bits: everywhere.
    #[default]
    F32,
    /// 8 bits, the range of `f32`: for GPUs with tensor cores.
    Bf16,
    /// 11 bits, up to 65,504. The loss is multiplied before the backward pass so that small gradients do not vanish, and the gradients
    /// divided after it: by 65,536 at first, by half of that after a step whose gradients were too large, which is left out, by twice
    /// that after 2,000 good steps (Micikevicius et al. 2018, arXiv:1710.03740).
    F16,
}

impl Precision {
    /// Whether a device can.
    pub(super) fn check(self, device: &Device) -> Result<(), TrainError> {
        match self.dtype() {
            Some(dtype) if !device.supports_dtype(dtype) => Err(TrainError::Device {
                name: format!("{device:?}"),
                reason: format!("it cannot calculate in {dtype:?}: set `precision` to \"f32\""),
            }),
            _ => Ok(()),
        }
    }

    fn dtype(self) -> Option<FloatDType> {
        match self {
            Self::F32 => None,
            Self::Bf16 => Some(FloatDType::BF16),
            Self::F16 => Some(FloatDType::F16),
        }
    }

    /// Calls `forward` so that its products are made in this type.
    pub(super) fn run<R>(self, forward: impl FnOnce() -> R) -> R {
        match self.dtype() {
            None => forward(),
            Some(dtype) => products_in(dtype, forward),
        }
    }
}

/// What a loss is multiplied by before its gradients are taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LossScale {
    scale: f64,
    /// Since it was changed.
    good_steps: u32,
}

impl LossScale {
    pub(super) fn start(precision: Precision) -> Self {
        let scale = match precision {
            Precision::F32 | Precision::Bf16 => 1.0,
            Precision::F16 => 65_536.0,
        };
        Self {
            scale,
            good_steps: 0,
        }
    }

    pub(super) fn scale(self) -> f64 {
        self.scale
    }

    /// After a step whose gradients were too large; whether a smaller scale is left to try.
    pub(super) fn back_off(&mut self) -> bool {
        self.good_steps = 0;
        let left = self.scale > 1.0;
        self.scale = (self.scale / 2.0).max(1.0);
        left
    }

    /// After any other step.
    pub(super) fn went_well(&mut self, precision: Precision) {
        self.good_steps += 1;
        if precision == Precision::F16 && self.good_steps >= 2_000 {
            self.scale *= 2.0;
            self.good_steps = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_halves_after_a_bad_step_and_doubles_after_two_thousand_good_ones() {
        let mut scale = LossScale::start(Precision::F16);
        assert!(scale.back_off());
        assert_eq!(scale.scale(), 32_768.0);
        for _ in 0..1_999 {
            scale.went_well(Precision::F16);
        }
        assert_eq!(scale.scale(), 32_768.0);
        scale.went_well(Precision::F16);
        assert_eq!(scale.scale(), 65_536.0);
        while scale.back_off() {}
        assert_eq!(scale.scale(), 1.0);
        let mut one = LossScale::start(Precision::F32);
        for _ in 0..5_000 {
            one.went_well(Precision::F32);
        }
        assert!(one.scale() == 1.0 && !one.back_off());
    }
}
