//! Hands tensors that live on Burn's flex backend to the fused kernel, with its own backward step.

use super::Recurrence;
use super::lstm::{self, BackwardInputs, Inputs, Shape};
use burn::backend::autodiff::{
    checkpoint::{
        base::Checkpointer,
        strategy::{BalancedCheckpointing, CheckpointStrategy, NoCheckpointing},
    },
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{
    Autodiff, DispatchDevice, DispatchKindConversion, DispatchTensor, Flex,
    GradientCheckpointingStrategy, ops::FloatTensorOps,
};
use burn::tensor::{DType, Tensor, TensorData};
use burn_flex::FlexTensor;
use std::sync::Arc;

/// Whether the fused kernel can take these tensors: all `f32` on flex, differentiable or not.
pub(crate) fn can_run(inputs: &Recurrence) -> bool {
    fn on_flex<const D: usize>(tensor: &Tensor<D>) -> bool {
        tensor.dtype() == DType::F32
            && matches!(
                tensor.device().without_autodiff().as_dispatch(),
                DispatchDevice::Flex(_)
            )
    }
    on_flex(&inputs.gates)
        && on_flex(&inputs.weight_hh)
        && on_flex(&inputs.bias)
        && on_flex(&inputs.state)
}

/// Output `[batch_size, length, directions * d_hidden]` and final state `[2, directions, batch_size, d_hidden]`.
///
/// # Panics
///
/// When a tensor is not on flex, see [`can_run`], or two tensors are differentiable under different checkpointing strategies.
pub(crate) fn run(inputs: Recurrence) -> (Tensor<3>, Tensor<4>) {
    let shape = shape(&inputs);
    let strategies = [
        inputs.gates.gradient_checkpointing_strategy(),
        inputs.weight_hh.gradient_checkpointing_strategy(),
        inputs.bias.gradient_checkpointing_strategy(),
        inputs.state.gradient_checkpointing_strategy(),
    ];
    let packed = match strategies.into_iter().flatten().next() {
        None => {
            let done = compute(
                shape,
                &[
                    plain(inputs.gates),
                    plain(inputs.weight_hh),
                    plain(inputs.bias),
                    plain(inputs.state),
                ],
                &inputs.lengths,
                false,
            );
            let output = tensor(done.output, &output_dims(shape));
            let state = tensor(done.state, &state_dims(shape));
            return (
                Tensor::from_primitive::<Flex>(output),
                Tensor::from_primitive::<Flex>(state),
            );
        }
        Some(strategy @ GradientCheckpointingStrategy::Disabled) => {
            tracked::<NoCheckpointing>(inputs, shape, strategy)
        }
        Some(strategy @ GradientCheckpointingStrategy::Balanced) => {
            tracked::<BalancedCheckpointing>(inputs, shape, strategy)
        }
    };
    let split = shape.batch * shape.output();
    let output = packed.clone().slice(0..split);
    let state = packed.slice(split..split + shape.state());
    (
        output.reshape(output_dims(shape)),
        state.reshape(state_dims(shape)),
    )
}

/// The differentiable way: one node with four parents whose output packs the output and the final state, since a node has one
/// float output.
fn tracked<C: CheckpointStrategy>(
    inputs: Recurrence,
    shape: Shape,
    strategy: GradientCheckpointingStrategy,
) -> Tensor<1>
where
    DispatchTensor: DispatchKindConversion<Autodiff<Flex, C>>,
{
    let gates = lift::<3, C>(inputs.gates, strategy);
    let weight_hh = lift::<3, C>(inputs.weight_hh, strategy);
    let bias = lift::<1, C>(inputs.bias, strategy);
    let state = lift::<4, C>(inputs.state, strategy);
    let parents = [gates.node(), weight_hh.node(), bias.node(), state.node()];
    let read = [gates, weight_hh, bias, state].map(|t| t.into_primitive());
    let pack = |done: lstm::Forward| {
        let mut values = done.output;
        values.extend_from_slice(&done.state);
        let length = values.len();
        tensor(values, &[length])
    };
    let packed = match LstmBackward
        .prepare::<C>(parents)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prepared) => {
            let mut done = compute(shape, &read, &inputs.lengths, true);
            let saved = std::mem::take(&mut done.saved);
            let packed = pack(done);
            let [_, weight_hh, _, state] = read;
            let kept = Kept {
                shape,
                lengths: inputs.lengths,
                weight_hh,
                state,
                packed: packed.clone(),
                saved: Arc::from(saved),
            };
            prepared.finish(kept, packed)
        }
        OpsKind::UnTracked(prepared) => {
            prepared.finish(pack(compute(shape, &read, &inputs.lengths, false)))
        }
    };
    Tensor::from_primitive::<Autodiff<Flex, C>>(packed)
}

/// What the backward step keeps: five floats per hidden unit and step, the output, and the small inputs.
#[derive(Clone)]
struct Kept {
    shape: Shape,
    lengths: Arc<[usize]>,
    weight_hh: FlexTensor,
    state: FlexTensor,
    packed: FlexTensor,
    saved: Arc<[f32]>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct LstmBackward;

impl Backward<Flex, 4> for LstmBackward {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [gates, weight_hh, bias, state] = ops.parents;
        let kept = ops.state;
        let shape = kept.shape;
        let d_packed = grads.consume::<Flex>(&ops.node).to_contiguous();
        let split = shape.batch * shape.output();
        let (d_output, d_state) = floats(&d_packed).split_at(split);
        let weights = kept.weight_hh.to_contiguous();
        let initial = kept.state.to_contiguous();
        let done = lstm::backward(
            shape,
            BackwardInputs {
                weight_hh: floats(&weights),
                state: floats(&initial),
                lengths: &kept.lengths,
                output: &floats(&kept.packed)[..split],
                saved: &kept.saved,
                d_output,
                d_state,
            },
        );
        let d = shape.d_hidden;
        let (rows, directions) = (shape.batch * shape.length, shape.directions);
        let d_gates = tensor(done.gates, &[rows, directions * 4 * d]);
        if let Some(node) = weight_hh {
            let previous = tensor(done.previous, &[rows, directions * d]);
            let mut values = Vec::with_capacity(directions * 4 * d * d);
            for direction in 0..directions {
                // dW_hh = Σ h_before ⊗ dgates over all rows and steps: one product per direction.
                let product = Flex::float_matmul(
                    previous.narrow(1, direction * d, d).transpose(0, 1),
                    d_gates.narrow(1, direction * 4 * d, 4 * d),
                );
                values.extend_from_slice(floats(&product.to_contiguous()));
            }
            grads.register::<Flex>(node.id, tensor(values, &[directions, d, 4 * d]));
        }
        if let Some(node) = gates {
            let dims = [shape.batch, shape.length, directions * 4 * d];
            grads.register::<Flex>(node.id, d_gates.reshape(dims.into()));
        }
        if let Some(node) = bias {
            grads.register::<Flex>(node.id, tensor(done.bias, &[directions * 4 * d]));
        }
        if let Some(node) = state {
            grads.register::<Flex>(node.id, tensor(done.state, &state_dims(shape)));
        }
    }
}

/// Runs the kernel on `[gates, weight_hh, bias, state]`.
fn compute(shape: Shape, read: &[FlexTensor; 4], lengths: &[usize], save: bool) -> lstm::Forward {
    let [gates, weight_hh, bias, state] = read.each_ref().map(FlexTensor::to_contiguous);
    lstm::forward(
        shape,
        Inputs {
            gates: floats(&gates),
            weight_hh: floats(&weight_hh),
            bias: floats(&bias),
            state: floats(&state),
            lengths,
        },
        save,
    )
}

fn shape(inputs: &Recurrence) -> Shape {
    let [batch, length, _] = inputs.gates.dims();
    let [directions, d_hidden, _] = inputs.weight_hh.dims();
    Shape {
        batch,
        length,
        d_hidden,
        directions,
    }
}

fn output_dims(shape: Shape) -> [usize; 3] {
    [shape.batch, shape.length, shape.directions * shape.d_hidden]
}

fn state_dims(shape: Shape) -> [usize; 4] {
    [2, shape.directions, shape.batch, shape.d_hidden]
}

fn tensor(values: Vec<f32>, dims: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, dims.to_vec()))
}

/// The values of a contiguous tensor.
fn floats(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice::<f32>()
        .expect("the recurrence was given a contiguous f32 tensor")
}

fn plain<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor
        .try_into_primitive::<Flex>()
        .expect("the recurrence was given a tensor on flex")
}

/// A tensor of the graph under `strategy`; a constant is lifted onto it.
fn lift<const D: usize, C: CheckpointStrategy>(
    tensor: Tensor<D>,
    strategy: GradientCheckpointingStrategy,
) -> <Autodiff<Flex, C> as burn::backend::BackendTypes>::FloatTensorPrimitive
where
    DispatchTensor: DispatchKindConversion<Autodiff<Flex, C>>,
{
    let tensor = if tensor.is_autodiff() {
        tensor
    } else {
        tensor
            .autodiff()
            .with_gradient_checkpointing_strategy(strategy)
    };
    tensor
        .try_into_primitive::<Autodiff<Flex, C>>()
        .expect("the tensors of one recurrence share a checkpointing strategy")
}
