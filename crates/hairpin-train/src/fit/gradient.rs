//! Gradients between the loss and the optimizer: their norm, and what brings them within limits.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Euclidean norm of all gradients together, as `torch.nn.utils.clip_grad_norm_` takes it.
pub(crate) fn global_norm<M: Module>(model: &M, grads: &GradientsParams) -> f64 {
    let mut visitor = SumOfSquares { grads, sum: None };
    model.visit(&mut visitor);
    visitor
        .sum
        .map_or(0.0, |sum| f64::from(sum.into_scalar::<f32>()).sqrt())
}

struct SumOfSquares<'a> {
    grads: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for SumOfSquares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.get::<D>(param.id) {
            let own = grad.square().sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + own,
                None => own,
            });
        }
    }
}

/// What is done to every gradient.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// Brought into plus or minus this.
    Clamp(f64),
    /// Multiplied by this.
    Scale(f64),
}

impl Change {
    pub(super) fn apply<M: Module>(self, model: &M, grads: &mut GradientsParams) {
        model.visit(&mut Changed {
            grads,
            change: self,
        });
    }
}

struct Changed<'a> {
    grads: &'a mut GradientsParams,
    change: Change,
}

impl ModuleVisitor for Changed<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.remove::<D>(param.id) {
            let grad = match self.change {
                Change::Clamp(limit) => grad.clamp(-limit, limit),
                Change::Scale(factor) => grad * factor,
            };
            self.grads.register(param.id, grad);
        }
    }
}
