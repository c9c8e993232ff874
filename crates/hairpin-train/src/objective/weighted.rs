//! Means in which every element has a weight, and what weighs nothing has no effect.

use burn::tensor::Tensor;

/// `Σ w l / Σ w` over all elements, 0 where all weights are; without weights the plain mean.
pub(super) fn weighted_mean<const D: usize>(
    values: Tensor<D>,
    weights: Option<&Tensor<D>>,
) -> Tensor<1> {
    match weights {
        None => values.mean(),
        Some(weights) => divide((values * weights.clone()).sum(), weights.clone().sum()),
    }
}

/// The same along one dimension, which stays with length 1.
pub(super) fn weighted_mean_dim<const D: usize>(
    values: Tensor<D>,
    weights: Option<&Tensor<D>>,
    dim: usize,
) -> Tensor<D> {
    match weights {
        None => values.mean_dim(dim),
        Some(weights) => divide(
            (values * weights.clone()).sum_dim(dim),
            weights.clone().sum_dim(dim),
        ),
    }
}

/// `sum / total`, and `sum` where the total is 0: nothing was added up there.
pub(super) fn divide<const D: usize>(sum: Tensor<D>, total: Tensor<D>) -> Tensor<D> {
    let nothing = total.clone().equal_elem(0.0);
    sum / total.mask_fill(nothing, 1.0)
}

/// Zero wherever the weight is zero, whatever stood there: a NaN times 0 would still be NaN, forwards and backwards.
pub(super) fn without_absent<const D: usize>(
    values: Tensor<D>,
    weights: Option<&Tensor<D>>,
) -> Tensor<D> {
    match weights {
        None => values,
        Some(weights) => values.mask_fill(weights.clone().equal_elem(0.0), 0.0),
    }
}
