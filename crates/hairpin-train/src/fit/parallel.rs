//! One step on several devices: each takes its share of the step's batches through a copy of the network.

use super::Precision;
use crate::{Objective, Outputs, TargetBatch};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use hairpin_models::Model;

/// Where the batches of a run go.
pub(super) struct Placed {
    /// Differentiable; never empty.
    devices: Vec<Device>,
    /// Batches of a step.
    accumulate: usize,
}

impl Placed {
    pub(super) fn new(first: &Device, others: &[Device], accumulate: usize) -> Self {
        let devices = std::iter::once(first).chain(others);
        Self {
            devices: devices.map(|device| device.clone().autodiff()).collect(),
            accumulate,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.devices.len()
    }

    /// Which device takes a batch of the epoch: within a step they take turns.
    pub(super) fn device_of(&self, batch: usize) -> &Device {
        &self.devices[batch % self.accumulate % self.devices.len()]
    }

    /// The network on every device but the first.
    pub(super) fn copies<M: Module>(&self, model: &M) -> Vec<M> {
        let others = self.devices[1..].iter();
        others.map(|device| model.clone().fork(device)).collect()
    }
}

/// A batch on its way through a network.
pub(super) struct Work<'a, I, T: ?Sized> {
    pub(super) input: I,
    pub(super) target: TargetBatch<'a, T>,
    pub(super) device: &'a Device,
    /// Of what the layers draw.
    pub(super) seed: u64,
}

/// How a loss is made and what it is multiplied by before its gradients are taken.
pub(super) struct Making<'a, O> {
    pub(super) objective: &'a O,
    pub(super) precision: Precision,
    pub(super) scale: f64,
}

impl<O> Making<'_, O> {
    /// A batch's loss, and unless it is no number the gradients of `scale` times it.
    fn gradients<M, Y>(
        &self,
        model: &M,
        work: Work<'_, M::Input, O::Target>,
    ) -> (f32, Option<GradientsParams>)
    where
        M: Model<Y>,
        O: Objective<Y>,
        Y: Outputs,
    {
        work.device.seed(work.seed);
        let output = self.precision.run(|| model.forward(work.input));
        let loss = self.objective.loss(output, work.target);
        let value = loss.clone().into_scalar::<f32>();
        if !value.is_finite() {
            return (value, None);
        }
        let loss = match self.scale == 1.0 {
            true => loss,
            false => loss * self.scale,
        };
        let gradients = GradientsParams::from_grads(loss.backward(), model);
        (value, Some(gradients))
    }

    /// The same for a batch on every device at a time, in their order; all gradients end on the first.
    pub(super) fn on_all<M, Y>(
        &self,
        model: &M,
        copies: &[M],
        work: Vec<Work<'_, M::Input, O::Target>>,
    ) -> Vec<(f32, Option<GradientsParams>)>
    where
        M: Model<Y>,
        M::Input: Send,
        O: Objective<Y> + Sync,
        O::Target: Sync,
        Y: Outputs,
    {
        let mut work = work.into_iter();
        let Some(own) = work.next() else {
            return Vec::new();
        };
        let home = own.device.clone().without_autodiff();
        std::thread::scope(|scope| {
            let others: Vec<_> = work
                .zip(copies)
                .map(|(work, copy)| {
                    // A handle of its own: a module can be sent, not shared.
                    let copy = copy.clone();
                    scope.spawn(move || self.gradients(&copy, work))
                })
                .collect();
            let mut done = vec![self.gradients(model, own)];
            for other in others {
                let (value, gradients) = match other.join() {
                    Ok(done) => done,
                    Err(panic) => std::panic::resume_unwind(panic),
                };
                let gradients = gradients.map(|gradients| gradients.to_device(&home, model));
                done.push((value, gradients));
            }
            done
        })
    }
}
