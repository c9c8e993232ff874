//! What a layer applies to each of its values.

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

#[cfg(feature = "flex")]
use crate::kernel::{activation::Activate, op};

/// What a layer applies to each value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x`.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x Φ(x)`, exact and not by tanh, as PyTorch's default (Hendrycks & Gimpel 2016, arXiv:1606.08415).
    Gelu,
    /// `tanh(x)`.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl Activation {
    /// Applies the function; on Burn's `flex` backend (feature `flex`) on all threads, and in one pass.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use hairpin_nn::Activation;
    ///
    /// let x = Tensor::<1>::from_floats([-1.0, 0.0, 1.0], &Device::flex());
    /// let y: Vec<f32> = Activation::Tanh.forward(x).into_data().iter().collect();
    /// assert!((y[2] - 1f32.tanh()).abs() < 1e-6);
    /// ```
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        #[cfg(feature = "flex")]
        if self != Self::Identity && op::on_flex(&x) {
            let dims = x.dims();
            let flat = x.reshape([dims.iter().product::<usize>()]);
            let operation = Activate {
                activation: self,
                dims: flat.dims().to_vec(),
            };
            return op::run::<_, 1, 1>(operation, [flat.into()]).reshape(dims);
        }
        self.plain(x)
    }

    pub(crate) fn plain<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Identity => x,
            Self::Relu => activation::relu(x),
            Self::Gelu => activation::gelu(x),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => activation::sigmoid(x),
        }
    }

    /// Every one.
    #[cfg(all(test, feature = "flex"))]
    pub(crate) const ALL: [Self; 5] = [
        Self::Identity,
        Self::Relu,
        Self::Gelu,
        Self::Tanh,
        Self::Sigmoid,
    ];
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::check::{assert_same, random};
    use burn::tensor::Device;

    #[test]
    fn fast_and_plain_agree_in_values_and_gradients() {
        let device = Device::flex().autodiff();
        for dims in [[1, 1, 1], [3, 7, 5], [40, 41, 64]] {
            for function in Activation::ALL {
                let x = random(dims, 1, &device) * 6.0;
                assert_same(
                    x,
                    |x| function.forward(x),
                    |x| function.plain(x),
                    |_| vec![],
                );
            }
        }
    }

    #[test]
    fn nothing_of_nothing() {
        let x = Tensor::<2>::zeros([0, 4], &Device::flex());
        assert_eq!(Activation::Gelu.forward(x).dims(), [0, 4]);
    }
}
