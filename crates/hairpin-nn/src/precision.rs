//! [`products_in`]: products in another type than the tensors around them.

use burn::tensor::{FloatDType, Tensor};
use std::cell::Cell;

thread_local! {
    static PRODUCTS: Cell<Option<FloatDType>> = const { Cell::new(None) };
}

/// Calls `work`, in which the layers of this crate make their matrix products in `dtype`, on this thread: as `torch.autocast` does, where
/// Burn has nothing of the kind. Parameters, what is between the products, and all gradients stay as they are; norms, soft-max and sums
/// are never in the lower type. The backward pass makes its products in the type that the forward pass made them in, wherever it is called.
///
/// On a GPU with tensor cores products in `bf16` take a fraction of the time of those in `f32`. On Burn's flex backend the types are
/// converted back and forth and the fused kernels are left out: slow, and good for seeing what becomes of the numbers.
///
/// ```
/// use burn::tensor::{Device, FloatDType, Tensor};
/// use hairpin_nn::{DenseConfig, products_in};
///
/// let device = Device::flex();
/// let layer = DenseConfig::new(64, 8).init(&device);
/// let x = Tensor::<2>::ones([3, 64], &device);
/// let full = layer.forward(x.clone());
/// let lower = products_in(FloatDType::BF16, || layer.forward(x));
/// assert_eq!(lower.dtype(), full.dtype());
/// let apart = (lower - full).abs().max().into_scalar::<f32>();
/// assert!(apart > 0.0 && apart < 0.05); // bf16 has 8 bits
/// ```
pub fn products_in<R>(dtype: FloatDType, work: impl FnOnce() -> R) -> R {
    let _back = Back(PRODUCTS.replace(Some(dtype)));
    work()
}

/// What held before, also where `work` panicked.
struct Back(Option<FloatDType>);

impl Drop for Back {
    fn drop(&mut self) {
        PRODUCTS.set(self.0);
    }
}

/// Whether products are asked for in another type than `f32`, the one that the fused kernels know.
#[cfg(feature = "flex")]
pub(crate) fn asked() -> bool {
    PRODUCTS.get().is_some_and(|dtype| dtype != FloatDType::F32)
}

/// The product of two tensors, in the type that is asked for.
pub(crate) fn product<const D: usize>(left: Tensor<D>, right: Tensor<D>) -> Tensor<D> {
    match PRODUCTS.get() {
        None => left.matmul(right),
        Some(dtype) => {
            let own = FloatDType::from(left.dtype());
            left.cast(dtype).matmul(right.cast(dtype)).cast(own)
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::check::random;
    use crate::{
        AttentionInput, Cell as Gates, Conv1dConfig, DenseConfig, EncoderInput,
        MultiHeadAttentionConfig, RecurrentConfig, RecurrentInput, TransformerEncoderConfig,
    };
    use burn::module::{Module, ModuleVisitor, Param};
    use burn::tensor::{DType, Device, Gradients};

    /// All gradients, one after the other.
    struct Gather<'a> {
        grads: &'a Gradients,
        found: Vec<f32>,
    }

    impl ModuleVisitor for Gather<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let grad = param.val().grad(self.grads).unwrap();
            assert_eq!(grad.dtype(), DType::F32);
            self.found.extend(grad.into_data().iter::<f32>());
        }
    }

    /// Largest difference as a share of the largest value.
    fn apart(a: &[f32], b: &[f32]) -> f32 {
        let greatest = |values: &mut dyn Iterator<Item = f32>| values.fold(0f32, f32::max);
        let scale = greatest(&mut b.iter().map(|value| value.abs()));
        greatest(&mut a.iter().zip(b).map(|(a, b)| (a - b).abs())) / scale
    }

    /// Output and gradients of a layer in both lower types beside those in `f32`.
    fn check<M: Module>(name: &str, layer: &M, forward: impl Fn(&M) -> Tensor<3>) {
        let all = |dtype| {
            let output = products_in(dtype, || forward(layer));
            assert_eq!(output.dtype(), DType::F32, "{name}");
            let values: Vec<f32> = output.clone().into_data().iter::<f32>().collect();
            let grads = output.square().sum().backward();
            let mut gather = Gather {
                grads: &grads,
                found: Vec::new(),
            };
            layer.visit(&mut gather);
            (values, gather.found)
        };
        let (values, gradients) = all(FloatDType::F32);
        for (dtype, least, most) in [
            (FloatDType::BF16, 1e-4, 0.04),
            (FloatDType::F16, 1e-5, 0.005),
        ] {
            let (lower, of_lower) = all(dtype);
            for (what, share) in [
                ("output", apart(&lower, &values)),
                ("gradient", apart(&of_lower, &gradients)),
            ] {
                assert!(
                    share > least && share < most,
                    "{name}, {dtype:?}, {what}: {share}"
                );
            }
        }
    }

    #[test]
    fn lower_types_stay_close_in_values_and_gradients() {
        let device = Device::flex().autodiff();
        let x: Tensor<3> = random([3, 11, 24], 1, &device);
        check("dense", &DenseConfig::new(24, 16).init(&device), |layer| {
            layer.forward(x.clone())
        });
        let conv = Conv1dConfig::new(24, 16, 5).with_dilation(2).init(&device);
        check("convolution", &conv, |layer| layer.forward(x.clone()));
        let attention = MultiHeadAttentionConfig::new(24, 3).init(&device);
        check("attention", &attention, |layer| {
            layer.forward(AttentionInput::new(x.clone()))
        });
        let encoder = TransformerEncoderConfig::new(24, 3, 48, 2)
            .with_dropout(0.0)
            .init(&device);
        check("encoder", &encoder, |layer| {
            layer.forward(EncoderInput::new(x.clone()))
        });
        for cell in [Gates::Lstm, Gates::Gru] {
            let layer = RecurrentConfig::new(24, 8)
                .with_cell(cell)
                .with_bidirectional(true)
                .init(&device);
            check("recurrence", &layer, |layer| {
                layer
                    .forward(RecurrentInput::new(x.clone()).with_lengths(vec![11, 7, 1]))
                    .output
            });
        }
    }

    #[test]
    fn full_precision_is_what_holds_without_asking_and_again_after_a_panic() {
        let device = Device::flex();
        let layer = DenseConfig::new(8, 8).init(&device);
        let x: Tensor<2> = random([4, 8], 1, &device);
        let plain = layer.forward(x.clone()).into_data();
        let asked = products_in(FloatDType::F32, || layer.forward(x.clone()));
        assert_eq!(asked.into_data(), plain);
        let panicked = std::panic::catch_unwind(|| {
            products_in(FloatDType::BF16, || panic!("as it may"));
        });
        assert!(panicked.is_err());
        assert_eq!(layer.forward(x).into_data(), plain);
    }
}
