//! Hands tensors that live on Burn's flex backend to the fused kernels, with a backward step of their own.

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

/// Input channels up to which an LSTM's kernel computes the product with the input itself: beyond, one large product for all
/// positions is faster than a larger product at every step.
const NARROW: usize = 8;

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
    let narrow = cell == Cell::Lstm && d_input <= NARROW;
    let sizes = Sizes {
        cell,
        batch,
        length,
        d_hidden,
        directions,
        d_input: if narrow { d_input } else { 0 },
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
            let mut read = match narrow {
                true => vec![plain(inputs.x), plain(inputs.weight_ih)],
                false => vec![plain(inputs.gates())],
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
    /// Channels of a narrow input; 0 where the input's gates come in.
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

/// Runs the kernel on `[gates, weight_hh, bias, state]`, or, with a narrow input, `[x, weight_ih, weight_hh, bias, state]`.
fn compute(sizes: Sizes, read: &[FlexTensor], lengths: &[usize], save: bool) -> Forward {
    let read: Vec<FlexTensor> = read.iter().map(FlexTensor::to_contiguous).collect();
    let read: Vec<&[f32]> = read.iter().map(floats).collect();
    let (input, rest) = read.split_at(read.len() - 3);
    let [weight_hh, bias, state] = [rest[0], rest[1], rest[2]];
    match sizes.cell {
        Cell::Lstm => {
            let inputs = lstm::Inputs {
                input: match *input {
                    [x, weight_ih] => lstm::Input::Narrow { x, weight_ih },
                    _ => lstm::Input::Gates(input[0]),
                },
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
    let gates = (sizes.d_input == 0).then(|| inputs.gates());
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
            let narrow = (sizes.d_input > 0).then(|| (read[0].clone(), read[1].clone()));
            let kept = Kept {
                sizes,
                lengths,
                narrow,
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
    /// A narrow input and its weights.
    narrow: Option<(FlexTensor, FlexTensor)>,
    weight_hh: FlexTensor,
    state: FlexTensor,
    packed: FlexTensor,
    saved: Arc<Vec<Vec<f32>>>,
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
        let done = differentiate(&ops.state, floats(&d_packed));
        let input_dims = [sizes.batch, sizes.length];
        let mut of_input = match &ops.state.narrow {
            None => {
                let dims = [input_dims[0], input_dims[1], directions * width];
                vec![done.gates.reshape(dims.into())]
            }
            Some((_, weight_ih)) => {
                let x = match &ops.parents[0] {
                    // dx = dgates W_ihᵀ, when anybody asks.
                    Some(_) => {
                        let transposed = weight_ih.transpose(0, 1);
                        let x = Flex::float_matmul(done.gates, transposed).to_contiguous();
                        x.reshape([input_dims[0], input_dims[1], sizes.d_input].into())
                    }
                    None => tensor(Vec::new(), &[0]),
                };
                let dims = [sizes.d_input, directions * width];
                vec![x, tensor(done.weight_ih, &dims)]
            }
        };
        of_input.extend([
            tensor(done.weight_hh, &[directions, d, width]),
            tensor(done.bias, &[directions * 4 * d]),
            tensor(done.state, &sizes.state_dims()),
        ]);
        for (parent, gradient) in ops.parents.into_iter().zip(of_input) {
            if let Some(node) = parent {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// Gradients of a recurrence's inputs.
struct Differentiated {
    /// `[batch_size * length, directions * gates * d_hidden]`.
    gates: FlexTensor,
    /// `[directions, d_hidden, gates * d_hidden]`.
    weight_hh: Vec<f32>,
    /// Of a narrow input's weights, `[d_input, directions * gates * d_hidden]`.
    weight_ih: Vec<f32>,
    bias: Vec<f32>,
    state: Vec<f32>,
}

/// Runs the kernel's backward pass; `d_packed` is the gradient of output and final state.
fn differentiate(kept: &Kept, d_packed: &[f32]) -> Differentiated {
    let sizes = kept.sizes;
    let (d, directions) = (sizes.d_hidden, sizes.directions);
    let rows = sizes.batch * sizes.length;
    let split = rows * directions * d;
    let (d_output, d_state) = d_packed.split_at(split);
    let (weights, initial) = (kept.weight_hh.to_contiguous(), kept.state.to_contiguous());
    let output = &floats(&kept.packed)[..split];
    match sizes.cell {
        Cell::Lstm => {
            let x = kept.narrow.as_ref().map(|(x, _)| x.to_contiguous());
            let done = lstm::backward(
                sizes.lstm(),
                lstm::BackwardInputs {
                    weight_hh: floats(&weights),
                    state: floats(&initial),
                    x: x.as_ref().map_or(&[], floats),
                    lengths: &kept.lengths,
                    output,
                    saved: &kept.saved,
                    d_output,
                    d_state,
                },
            );
            let (left, width) = (d + sizes.d_input, 4 * d);
            let gates = tensor(done.gates, &[rows, directions * width]);
            let previous = tensor(done.previous, &[rows, directions * left]);
            let mut weight_hh = Vec::with_capacity(directions * d * width);
            let mut weight_ih = vec![0f32; sizes.d_input * directions * width];
            for direction in 0..directions {
                // d[W_hh; W_ih] = Σ [h_before x] ⊗ dgates over all rows and steps: one product per direction.
                let own = product(
                    &previous.narrow(1, direction * left, left),
                    &gates.narrow(1, direction * width, width),
                );
                let (of_hidden, of_input) = own.split_at(d * width);
                weight_hh.extend_from_slice(of_hidden);
                let rows = weight_ih.chunks_exact_mut(directions * width);
                for (to, from) in rows.zip(of_input.chunks_exact(width)) {
                    to[direction * width..][..width].copy_from_slice(from);
                }
            }
            Differentiated {
                gates,
                weight_hh,
                weight_ih,
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
            Differentiated {
                gates,
                weight_hh,
                weight_ih: Vec::new(),
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
