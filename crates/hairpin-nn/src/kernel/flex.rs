//! Hands tensors that live on Burn's flex backend to the fused kernels, with a backward step of their own.

use super::buffer::Buffer;
use super::rows::Forward;
use super::{Recurrence, gru, lstm};
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
    GradientCheckpointingStrategy, ops::FloatTensorOps,
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
    let sizes = Sizes {
        cell,
        batch,
        length,
        d_hidden,
        directions,
        d_input,
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
            let mut read = match cell {
                Cell::Lstm => vec![plain(inputs.x), plain(inputs.weight_ih)],
                Cell::Gru | Cell::GruResetBefore => vec![plain(inputs.gates())],
            };
            read.extend([
                plain(inputs.weight_hh),
                plain(inputs.bias),
                plain(inputs.state),
            ]);
            let done = compute(sizes, &read, &inputs.lengths, false);
            return (
                Tensor::from_primitive::<Flex>(tensor(done.output, &sizes.output_dims())),
                Tensor::from_primitive::<Flex>(tensor(done.state, &sizes.state_dims())),
            );
        }
        Some(strategy @ GradientCheckpointingStrategy::Disabled) => {
            tracked::<NoCheckpointing>(inputs, sizes, strategy)
        }
        Some(strategy @ GradientCheckpointingStrategy::Balanced) => {
            tracked::<BalancedCheckpointing>(inputs, sizes, strategy)
        }
    };
    let split = sizes.output_dims().iter().product::<usize>();
    let end = packed.dims()[0];
    (
        packed.clone().slice(0..split).reshape(sizes.output_dims()),
        packed.slice(split..end).reshape(sizes.state_dims()),
    )
}
/// What is computed, on how much.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    cell: Cell,
    batch: usize,
    length: usize,
    d_hidden: usize,
    directions: usize,
    d_input: usize,
}

impl Sizes {
    fn output_dims(&self) -> [usize; 3] {
        [self.batch, self.length, self.directions * self.d_hidden]
    }

    fn state_dims(&self) -> [usize; 4] {
        let parts = if self.cell == Cell::Lstm { 2 } else { 1 };
        [parts, self.directions, self.batch, self.d_hidden]
    }

    fn lstm(&self) -> lstm::Shape {
        lstm::Shape {
            batch: self.batch,
            length: self.length,
            d_hidden: self.d_hidden,
            directions: self.directions,
        }
    }

    fn gru(&self) -> gru::Shape {
        gru::Shape {
            batch: self.batch,
            length: self.length,
            d_hidden: self.d_hidden,
            directions: self.directions,
        }
    }

    fn reset(&self) -> gru::Reset {
        match self.cell {
            Cell::GruResetBefore => gru::Reset::Before,
            Cell::Lstm | Cell::Gru => gru::Reset::After,
        }
    }
}

/// Runs the kernel: an LSTM's on `[x, weight_ih, weight_hh, bias, state]`, a GRU's on `[gates, weight_hh, bias, state]`.
fn compute(sizes: Sizes, read: &[FlexTensor], lengths: &[usize], save: bool) -> Forward {
    let read: Vec<FlexTensor> = read.iter().map(FlexTensor::to_contiguous).collect();
    let read: Vec<&[f32]> = read.iter().map(floats).collect();
    let (input, rest) = read.split_at(read.len() - 3);
    let [weight_hh, bias, state] = [rest[0], rest[1], rest[2]];
    match sizes.cell {
        Cell::Lstm => {
            let inputs = lstm::Inputs {
                x: input[0],
                weight_ih: input[1],
                bias,
                weight_hh,
                state,
                lengths,
            };
            lstm::forward(sizes.lstm(), inputs, save)
        }
        Cell::Gru | Cell::GruResetBefore => {
            let inputs = gru::Inputs {
                gates: input[0],
                bias,
                weight_hh,
                state,
                lengths,
                reset: sizes.reset(),
            };
            gru::forward(sizes.gru(), inputs, save)
        }
    }
}

/// The differentiable way, for tensors of one checkpointing strategy.
fn tracked<C: CheckpointStrategy>(
    inputs: Recurrence,
    sizes: Sizes,
    strategy: GradientCheckpointingStrategy,
) -> Tensor<1>
where
    DispatchTensor: DispatchKindConversion<Autodiff<Flex, C>>,
{
    let gates = (sizes.cell != Cell::Lstm).then(|| inputs.gates());
    let weight_hh = lift::<3, C>(inputs.weight_hh, strategy);
    let bias = lift::<1, C>(inputs.bias, strategy);
    let state = lift::<4, C>(inputs.state, strategy);
    match gates {
        Some(gates) => {
            let gates = lift::<3, C>(gates, strategy);
            node::<C, 4>([gates, weight_hh, bias, state], sizes, inputs.lengths)
        }
        None => {
            let x = lift::<3, C>(inputs.x, strategy);
            let weight_ih = lift::<2, C>(inputs.weight_ih, strategy);
            node::<C, 5>(
                [x, weight_ih, weight_hh, bias, state],
                sizes,
                inputs.lengths,
            )
        }
    }
}

/// One node whose output packs the output and the final state, since a node has one float output.
fn node<C: CheckpointStrategy, const N: usize>(
    operands: [Differentiable<C>; N],
    sizes: Sizes,
    lengths: Arc<[usize]>,
) -> Tensor<1>
where
    DispatchTensor: DispatchKindConversion<Autodiff<Flex, C>>,
{
    let parents = operands.each_ref().map(|operand| operand.node());
    let read = operands.map(|operand| operand.into_primitive());
    let pack = |mut output: Vec<f32>, state: &[f32]| {
        output.extend_from_slice(state);
        let length = output.len();
        tensor(output, &[length])
    };
    let prepared = RecurrenceBackward.prepare::<C>(parents);
    let packed = match prepared.compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let done = compute(sizes, &read, &lengths, true);
            let packed = pack(done.output, &done.state);
            let kept = Kept {
                sizes,
                lengths,
                input: match sizes.cell {
                    Cell::Lstm => read[..2].to_vec(),
                    Cell::Gru | Cell::GruResetBefore => Vec::new(),
                },
                weight_hh: read[N - 3].clone(),
                state: read[N - 1].clone(),
                packed: packed.clone(),
                saved: Arc::new(done.saved),
            };
            prepared.finish(kept, packed)
        }
        OpsKind::UnTracked(prepared) => {
            let done = compute(sizes, &read, &lengths, false);
            prepared.finish(pack(done.output, &done.state))
        }
    };
    Tensor::from_primitive::<Autodiff<Flex, C>>(packed)
}

/// What the backward step keeps: some floats per hidden unit and step, the output, and the small inputs.
#[derive(Clone)]
struct Kept {
    sizes: Sizes,
    lengths: Arc<[usize]>,
    /// An LSTM's input and its weights; the input's gates of a GRU are not needed any more.
    input: Vec<FlexTensor>,
    weight_hh: FlexTensor,
    state: FlexTensor,
    packed: FlexTensor,
    saved: Arc<Vec<Buffer>>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept")
            .field("sizes", &self.sizes)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct RecurrenceBackward;

impl<const N: usize> Backward<Flex, N> for RecurrenceBackward {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let sizes = ops.state.sizes;
        let d_packed = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (d, directions) = (sizes.d_hidden, sizes.directions);
        let width = sizes.cell.gates() * d;
        let needs_x = ops.parents[0].is_some();
        let done = differentiate(&ops.state, floats(&d_packed), needs_x);
        let mut gradients = done.input;
        gradients.extend([
            tensor(done.weight_hh, &[directions, d, width]),
            tensor(done.bias, &[directions * 4 * d]),
            tensor(done.state, &sizes.state_dims()),
        ]);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = parent {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// Gradients of a recurrence's inputs.
struct Differentiated {
    /// An LSTM's: of the input, empty unless asked for, and its weights. A GRU's: of the input's gates, `[batch_size, length,
    /// directions * gates * d_hidden]`.
    input: Vec<FlexTensor>,
    /// `[directions, d_hidden, gates * d_hidden]`.
    weight_hh: Vec<f32>,
    bias: Vec<f32>,
    state: Vec<f32>,
}

/// Runs the kernel's backward pass; `d_packed` is the gradient of output and final state.
fn differentiate(kept: &Kept, d_packed: &[f32], needs_x: bool) -> Differentiated {
    let sizes = kept.sizes;
    let (d, directions) = (sizes.d_hidden, sizes.directions);
    let rows = sizes.batch * sizes.length;
    let split = rows * directions * d;
    let (d_output, d_state) = d_packed.split_at(split);
    let (weights, initial) = (kept.weight_hh.to_contiguous(), kept.state.to_contiguous());
    let output = &floats(&kept.packed)[..split];
    match sizes.cell {
        Cell::Lstm => {
            let input = kept.input.iter().map(FlexTensor::to_contiguous);
            let input: Vec<FlexTensor> = input.collect();
            let inputs = lstm::BackwardInputs {
                x: floats(&input[0]),
                weight_ih: floats(&input[1]),
                weight_hh: floats(&weights),
                state: floats(&initial),
                lengths: &kept.lengths,
                output,
                saved: &kept.saved,
                d_output,
                d_state,
                needs_x,
            };
            let done = lstm::backward(sizes.lstm(), inputs);
            let length = if needs_x { sizes.length } else { 0 };
            Differentiated {
                input: vec![
                    tensor(done.x, &[sizes.batch, length, sizes.d_input]),
                    tensor(done.weight_ih, &[sizes.d_input, directions * 4 * d]),
                ],
                weight_hh: done.weight_hh,
                bias: done.bias,
                state: done.state,
            }
        }
        Cell::Gru | Cell::GruResetBefore => {
            let done = gru::backward(
                sizes.gru(),
                gru::BackwardInputs {
                    weight_hh: floats(&weights),
                    state: floats(&initial),
                    lengths: &kept.lengths,
                    reset: sizes.reset(),
                    output,
                    saved: &kept.saved,
                    d_output,
                    d_state,
                },
            );
            let gates = tensor(done.gates, &[rows, directions * 3 * d]);
            let previous = tensor(done.previous, &[rows, directions * d]);
            let candidate = tensor(done.candidate, &[rows, directions * d]);
            // As `gru::Backward` says: reset and update as an LSTM's gates, the candidate with a factor of its own.
            let weight_hh = {
                let own = |direction: usize| {
                    let part = |of: &FlexTensor| of.narrow(1, direction * d, d);
                    let of_gates = |from: usize, width: usize| {
                        gates.narrow(1, (direction * 3 + from) * d, width * d)
                    };
                    let first = product(&part(&previous), &of_gates(0, 2));
                    let second = match sizes.reset() {
                        gru::Reset::After => product(&part(&previous), &part(&candidate)),
                        gru::Reset::Before => product(&part(&candidate), &of_gates(2, 1)),
                    };
                    let pairs = first.chunks_exact(2 * d).zip(second.chunks_exact(d));
                    pairs
                        .flat_map(|(a, b)| [a, b].concat())
                        .collect::<Vec<f32>>()
                };
                (0..directions).flat_map(own).collect()
            };
            let gates = gates.reshape([sizes.batch, sizes.length, directions * 3 * d].into());
            Differentiated {
                input: vec![gates],
                weight_hh,
                bias: done.bias,
                state: done.state,
            }
        }
    }
}

/// `leftᵀ right`, row-major.
fn product(left: &FlexTensor, right: &FlexTensor) -> Vec<f32> {
    let product = Flex::float_matmul(left.transpose(0, 1), right.clone());
    floats(&product.to_contiguous()).to_vec()
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
