//! Hands tensors that live on Burn's flex backend to the fused kernels, with a backward step of their own.

use super::Recurrence;
use super::buffer::Buffer;
use super::pass::{self, Forward, Shape};
use crate::Cell;
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
    GradientCheckpointingStrategy,
};
use burn::tensor::{DType, Tensor, TensorData};
use burn_flex::FlexTensor;
use std::sync::Arc;

/// Whether the fused kernels can take these tensors: all `f32` on flex, differentiable or not.
pub(crate) fn can_run(inputs: &Recurrence) -> bool {
    fn on_flex<const D: usize>(tensor: &Tensor<D>) -> bool {
        tensor.dtype() == DType::F32
            && matches!(
                tensor.device().without_autodiff().as_dispatch(),
                DispatchDevice::Flex(_)
            )
    }
    on_flex(&inputs.x)
        && on_flex(&inputs.weight_ih)
        && on_flex(&inputs.weight_hh)
        && on_flex(&inputs.bias)
        && on_flex(&inputs.state)
}

/// See [`super::run`].
///
/// # Panics
///
/// When a tensor is not on flex, see [`can_run`], or two tensors are differentiable under different checkpointing strategies.
pub(crate) fn run(cell: Cell, inputs: Recurrence) -> (Tensor<3>, Tensor<4>) {
    let [batch, length, d_input] = inputs.x.dims();
    let [directions, d_hidden, _] = inputs.weight_hh.dims();
    let shape = Shape {
        cell,
        batch,
        length,
        d_input,
        d_hidden,
        directions,
    };
    let strategies = [
        inputs.x.gradient_checkpointing_strategy(),
        inputs.weight_ih.gradient_checkpointing_strategy(),
        inputs.weight_hh.gradient_checkpointing_strategy(),
        inputs.bias.gradient_checkpointing_strategy(),
        inputs.state.gradient_checkpointing_strategy(),
    ];
    let packed = match strategies.into_iter().flatten().next() {
        None => {
            let read = [
                plain(inputs.x),
                plain(inputs.weight_ih),
                plain(inputs.weight_hh),
                plain(inputs.bias),
                plain(inputs.state),
            ];
            let read = read.each_ref().map(FlexTensor::to_contiguous);
            let done = pass::forward(shape, operands(&read, &inputs.lengths), false);
            return (
                Tensor::from_primitive::<Flex>(tensor(done.output, &output_dims(shape))),
                Tensor::from_primitive::<Flex>(tensor(done.state, &state_dims(shape))),
            );
        }
        Some(strategy @ GradientCheckpointingStrategy::Disabled) => {
            tracked::<NoCheckpointing>(inputs, shape, strategy)
        }
        Some(strategy @ GradientCheckpointingStrategy::Balanced) => {
            tracked::<BalancedCheckpointing>(inputs, shape, strategy)
        }
    };
    let split = output_dims(shape).iter().product::<usize>();
    let end = packed.dims()[0];
    (
        packed.clone().slice(0..split).reshape(output_dims(shape)),
        packed.slice(split..end).reshape(state_dims(shape)),
    )
}

fn output_dims(shape: Shape) -> [usize; 3] {
    [shape.batch, shape.length, shape.directions * shape.d_hidden]
}

fn state_dims(shape: Shape) -> [usize; 4] {
    [shape.parts(), shape.directions, shape.batch, shape.d_hidden]
}

/// What a pass reads of contiguous `[x, weight_ih, weight_hh, bias, state]`.
fn operands<'a>(read: &'a [FlexTensor; 5], lengths: &'a [usize]) -> pass::Inputs<'a> {
    let [x, weight_ih, weight_hh, bias, state] = read.each_ref().map(floats);
    pass::Inputs {
        x,
        weight_ih,
        weight_hh,
        bias,
        state,
        lengths,
    }
}

/// The differentiable way, for tensors of one checkpointing strategy: one node whose output packs the output and the final state,
/// since a node has one float output.
fn tracked<C: CheckpointStrategy>(
    inputs: Recurrence,
    shape: Shape,
    strategy: GradientCheckpointingStrategy,
) -> Tensor<1>
where
    DispatchTensor: DispatchKindConversion<Autodiff<Flex, C>>,
{
    let parts = [
        lift::<3, C>(inputs.x, strategy),
        lift::<2, C>(inputs.weight_ih, strategy),
        lift::<3, C>(inputs.weight_hh, strategy),
        lift::<1, C>(inputs.bias, strategy),
        lift::<4, C>(inputs.state, strategy),
    ];
    let lengths = inputs.lengths;
    let parents = parts.each_ref().map(|operand| operand.node());
    let read = parts.map(|operand| operand.into_primitive().to_contiguous());
    let forward = |save| {
        let Forward {
            mut output,
            state,
            saved,
        } = pass::forward(shape, operands(&read, &lengths), save);
        output.extend_from_slice(&state);
        let length = output.len();
        (tensor(output, &[length]), saved)
    };
    let prepared = RecurrenceBackward.prepare::<C>(parents);
    let packed = match prepared.compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let (packed, saved) = forward(true);
            let kept = Kept {
                shape,
                lengths: lengths.clone(),
                read: read.clone(),
                packed: packed.clone(),
                saved: Arc::new(saved),
            };
            prepared.finish(kept, packed)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(forward(false).0),
    };
    Tensor::from_primitive::<Autodiff<Flex, C>>(packed)
}

/// What the backward step keeps: some floats per hidden unit and step, the output, and the inputs.
#[derive(Clone)]
struct Kept {
    shape: Shape,
    lengths: Arc<[usize]>,
    /// `[x, weight_ih, weight_hh, bias, state]`, contiguous.
    read: [FlexTensor; 5],
    packed: FlexTensor,
    saved: Arc<Vec<Buffer>>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct RecurrenceBackward;

impl Backward<Flex, 5> for RecurrenceBackward {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let kept = &ops.state;
        let shape = kept.shape;
        let d_packed = grads.consume::<Flex>(&ops.node).to_contiguous();
        let split = shape.batch * shape.output();
        let (d_output, d_state) = floats(&d_packed).split_at(split);
        let needs_x = ops.parents[0].is_some();
        let done = pass::backward(
            shape,
            pass::BackwardInputs {
                inputs: operands(&kept.read, &kept.lengths),
                output: &floats(&kept.packed)[..split],
                saved: &kept.saved,
                d_output,
                d_state,
                needs_x,
            },
        );
        let length = if needs_x { shape.length } else { 0 };
        let (d, directions, columns) = (shape.d_hidden, shape.directions, shape.columns());
        let gradients = [
            tensor(done.x, &[shape.batch, length, shape.d_input]),
            tensor(done.weight_ih, &[shape.d_input, directions * columns]),
            tensor(done.weight_hh, &[directions, d, columns]),
            tensor(done.bias, &[directions * pass::BIASES * d]),
            tensor(done.state, &state_dims(shape)),
        ];
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = parent {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
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

/// A tensor of a graph.
type Differentiable<C> = <Autodiff<Flex, C> as burn::backend::BackendTypes>::FloatTensorPrimitive;

/// A tensor of the graph under `strategy`; a constant is lifted onto it.
fn lift<const D: usize, C: CheckpointStrategy>(
    tensor: Tensor<D>,
    strategy: GradientCheckpointingStrategy,
) -> Differentiable<C>
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
