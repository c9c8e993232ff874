//! The terms of a loss on tensors, so that gradients come from Burn.

use super::{LossTerm, PEARSON_EPSILON};
use crate::objective::weighted::{weighted_mean, weighted_mean_dim, without_absent};
use burn::tensor::{Tensor, activation};

/// Outputs and targets, both 0 where the weight is.
pub(super) struct Elements {
    outputs: Tensor<2>,
    targets: Tensor<2>,
    weights: Option<Tensor<2>>,
}

impl Elements {
    pub(super) fn new(outputs: Tensor<2>, targets: Tensor<2>, weights: Option<Tensor<2>>) -> Self {
        let shape = outputs.dims();
        assert!(
            targets.dims() == shape,
            "targets: [rows, columns] are {:?}, expected {shape:?} as of outputs",
            targets.dims()
        );
        if let Some(weights) = &weights {
            assert!(
                weights.dims() == shape,
                "weights: [rows, columns] are {:?}, expected {shape:?} as of outputs",
                weights.dims()
            );
        }
        Self {
            outputs: without_absent(outputs, weights.as_ref()),
            targets: without_absent(targets, weights.as_ref()),
            weights,
        }
    }

    /// Mean loss of one term. One element.
    pub(super) fn loss(&self, term: LossTerm) -> Tensor<1> {
        match term {
            LossTerm::Mse => self.mean(self.difference().square()),
            LossTerm::Mae => self.mean(self.difference().abs()),
            LossTerm::Huber { delta } => {
                // With c = min(|d|, delta) both branches are c (|d| - c / 2), gradient included.
                let distance = self.difference().abs();
                let inner = distance.clone().clamp_max(delta);
                self.mean(inner.clone() * (distance - inner * 0.5))
            }
            LossTerm::LogCosh => {
                // ln cosh d = |d| + ln(1 + exp(-2|d|)) - ln 2, in which nothing overflows.
                let distance = self.difference().abs();
                let tail = activation::softplus(distance.clone() * -2.0, 1.0);
                self.mean(distance + tail - std::f64::consts::LN_2)
            }
            LossTerm::Pearson => self.pearson(),
            LossTerm::Mcrmse => {
                let present = self.weights.as_ref().map(|weights| {
                    let any = weights.clone().sum_dim(0).greater_elem(0.0);
                    any.float()
                });
                weighted_mean(self.root_mean_square(0), present.as_ref())
            }
            LossTerm::Mrrmse => {
                let row_weights = self.weights.as_ref().map(|weights| {
                    let present = weights.clone().greater_elem(0.0).float();
                    weighted_mean_dim(weights.clone(), Some(&present), 1)
                });
                weighted_mean(self.root_mean_square(1), row_weights.as_ref())
            }
        }
    }

    fn difference(&self) -> Tensor<2> {
        self.outputs.clone() - self.targets.clone()
    }

    fn mean(&self, losses: Tensor<2>) -> Tensor<1> {
        weighted_mean(losses, self.weights.as_ref())
    }

    fn mean_dim(&self, values: Tensor<2>, dim: usize) -> Tensor<2> {
        weighted_mean_dim(values, self.weights.as_ref(), dim)
    }

    fn root_mean_square(&self, dim: usize) -> Tensor<2> {
        let mean = self.mean_dim(self.difference().square(), dim);
        // The root's slope at 0 is infinite, and infinity times the 0 behind it NaN.
        let zero = mean.clone().equal_elem(0.0);
        mean.mask_fill(zero.clone(), 1.0)
            .sqrt()
            .mask_fill(zero, 0.0)
    }

    fn pearson(&self) -> Tensor<1> {
        let centred = |values: &Tensor<2>| {
            let mean = self.mean_dim(values.clone(), 0);
            values.clone() - mean
        };
        let (x, y) = (centred(&self.outputs), centred(&self.targets));
        let x_spread = (self.mean_dim(x.clone().square(), 0) + PEARSON_EPSILON).sqrt();
        let y_variance = self.mean_dim(y.clone().square(), 0);
        let constant = y_variance.clone().equal_elem(0.0);
        let y = y / y_variance.mask_fill(constant, 1.0).sqrt();
        let r = self.mean_dim(x * y, 0) / x_spread;
        let usable = match &self.weights {
            None if self.outputs.dims()[0] < 2 => r.clone().zeros_like(),
            None => r.clone().ones_like(),
            Some(weights) => {
                let present = weights.clone().greater_elem(0.0).float();
                present.sum_dim(0).greater_elem(1.5).float()
            }
        };
        weighted_mean(-r + 1.0, Some(&usable))
    }
}
