//! Operations of our own on tensors that live on Burn's flex backend, each with a backward step of its own.

use crate::precision;
use burn::backend::autodiff::{
    checkpoint::{
        base::Checkpointer,
        strategy::{BalancedCheckpointing, CheckpointStrategy, NoCheckpointing},
    },
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{
    Autodiff, BackendTypes, DispatchDevice, DispatchKindConversion, DispatchTensor, Flex,
    GradientCheckpointingStrategy, TensorMetadata,
};
use burn::tensor::{DType, Tensor, TensorData};
use burn_flex::FlexTensor;
use std::fmt::Debug;
use std::sync::Arc;

/// A function of `N` tensors, on plain slices of contiguous values.
pub(crate) trait Operation<const N: usize>: Debug + Clone + Send + 'static {
    /// What forward keeps for backward beside its inputs and its output.
    type Saved: Send + Sync + 'static;

    /// Shape of the output.
    fn dims(&self) -> Vec<usize>;

    /// Which inputs, and whether the output, backward reads: nothing else stays in memory.
    fn reads(&self) -> ([bool; N], bool);

    /// The output, and what backward needs, if it is asked for.
    fn forward(&self, inputs: [&[f32]; N], save: bool) -> (Vec<f32>, Option<Self::Saved>);

    /// Gradients of the inputs, given that of the output; what is not needed may stay empty.
    fn backward(
        &self,
        kept: Kept<'_, Self::Saved, N>,
        d_output: &[f32],
        needs: [bool; N],
    ) -> [Vec<f32>; N];
}

/// What backward finds again of forward.
pub(crate) struct Kept<'a, S, const N: usize> {
    /// Empty where [`Operation::reads`] did not ask for it.
    pub(crate) inputs: [&'a [f32]; N],
    /// Likewise.
    pub(crate) output: &'a [f32],
    pub(crate) saved: &'a S,
}

/// A tensor of any rank.
pub(crate) enum Operand {
    One(Tensor<1>),
    Two(Tensor<2>),
    Three(Tensor<3>),
    Four(Tensor<4>),
}

/// Does the same to a tensor of any rank.
macro_rules! any_rank {
    ($operand:expr, $tensor:ident => $body:expr) => {
        match $operand {
            Operand::One($tensor) => $body,
            Operand::Two($tensor) => $body,
            Operand::Three($tensor) => $body,
            Operand::Four($tensor) => $body,
        }
    };
}

macro_rules! operand_from {
    ($($rank:literal $variant:ident),*) => {$(
        impl From<Tensor<$rank>> for Operand {
            fn from(tensor: Tensor<$rank>) -> Self {
                Self::$variant(tensor)
            }
        }
        impl From<&Tensor<$rank>> for Operand {
            fn from(tensor: &Tensor<$rank>) -> Self {
                Self::$variant(tensor.clone())
            }
        }
    )*};
}

operand_from!(1 One, 2 Two, 3 Three, 4 Four);

impl Operand {
    fn strategy(&self) -> Option<GradientCheckpointingStrategy> {
        any_rank!(self, tensor => tensor.gradient_checkpointing_strategy())
    }

    fn plain(self) -> FlexTensor {
        any_rank!(self, tensor => tensor.try_into_primitive::<Flex>())
            .expect("an operation on flex was given a tensor on flex")
            .to_contiguous()
    }

    /// As a tensor of the graph under `strategy`; a constant is lifted onto it.
    fn lifted<C: CheckpointStrategy>(
        self,
        strategy: GradientCheckpointingStrategy,
    ) -> Differentiable<C>
    where
        DispatchTensor: DispatchKindConversion<Autodiff<Flex, C>>,
    {
        any_rank!(self, tensor => {
            let tensor = if tensor.is_autodiff() {
                tensor
            } else {
                tensor
                    .autodiff()
                    .with_gradient_checkpointing_strategy(strategy)
            };
            tensor.try_into_primitive::<Autodiff<Flex, C>>()
        })
        .expect("the tensors of one operation share a checkpointing strategy")
    }
}

/// Whether a tensor is one that [`run`] takes: `f32` on flex, differentiable or not, where no lower type is asked for.
pub(crate) fn on_flex<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32
        && !precision::asked()
        && matches!(
            tensor.device().without_autodiff().as_dispatch(),
            DispatchDevice::Flex(_)
        )
}

/// Runs an operation.
///
/// # Panics
///
/// When a tensor is not on flex, see [`on_flex`], two tensors are differentiable under different checkpointing strategies, or
/// the output's rank is not `D`.
pub(crate) fn run<O: Operation<N>, const N: usize, const D: usize>(
    operation: O,
    inputs: [Operand; N],
) -> Tensor<D> {
    let strategies = inputs.each_ref().map(Operand::strategy);
    match strategies.into_iter().flatten().next() {
        None => {
            let read = inputs.map(Operand::plain);
            let (output, _) = operation.forward(read.each_ref().map(floats), false);
            Tensor::from_primitive::<Flex>(tensor(output, &operation.dims()))
        }
        Some(strategy @ GradientCheckpointingStrategy::Disabled) => {
            tracked::<O, NoCheckpointing, N, D>(operation, inputs, strategy)
        }
        Some(strategy @ GradientCheckpointingStrategy::Balanced) => {
            tracked::<O, BalancedCheckpointing, N, D>(operation, inputs, strategy)
        }
    }
}

/// The differentiable way, for tensors of one checkpointing strategy.
fn tracked<O: Operation<N>, C: CheckpointStrategy, const N: usize, const D: usize>(
    operation: O,
    inputs: [Operand; N],
    strategy: GradientCheckpointingStrategy,
) -> Tensor<D>
where
    DispatchTensor: DispatchKindConversion<Autodiff<Flex, C>>,
{
    let inputs = inputs.map(|input| input.lifted::<C>(strategy));
    let parents = inputs.each_ref().map(|input| input.node());
    let read = inputs.map(|input| input.into_primitive().to_contiguous());
    let forward = |save| {
        let (output, saved) = operation.forward(read.each_ref().map(floats), save);
        (tensor(output, &operation.dims()), saved)
    };
    let prepared = Node(operation.clone()).prepare::<C>(parents);
    let output = match prepared.compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let (output, saved) = forward(true);
            let (inputs, own) = operation.reads();
            let mut index = 0;
            let state = State {
                dims: read.each_ref().map(|input| input.shape().to_vec()),
                inputs: read.map(|input| {
                    index += 1;
                    inputs[index - 1].then_some(input)
                }),
                output: own.then(|| output.clone()),
                saved: Arc::new(saved.expect("an operation saves what it is asked to")),
            };
            prepared.finish(state, output)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(forward(false).0),
    };
    Tensor::from_primitive::<Autodiff<Flex, C>>(output)
}

/// What stays in memory between forward and backward.
struct State<S, const N: usize> {
    dims: [Vec<usize>; N],
    inputs: [Option<FlexTensor>; N],
    output: Option<FlexTensor>,
    saved: Arc<S>,
}

impl<S, const N: usize> Clone for State<S, N> {
    fn clone(&self) -> Self {
        Self {
            dims: self.dims.clone(),
            inputs: self.inputs.clone(),
            output: self.output.clone(),
            saved: self.saved.clone(),
        }
    }
}

impl<S, const N: usize> Debug for State<S, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("dims", &self.dims)
            .finish_non_exhaustive()
    }
}

/// An operation's place in the graph.
#[derive(Debug)]
struct Node<O>(O);

impl<O: Operation<N>, const N: usize> Backward<Flex, N> for Node<O> {
    type State = State<O::Saved, N>;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let state = ops.state;
        let d_output = grads.consume::<Flex>(&ops.node).to_contiguous();
        let needs = ops.parents.each_ref().map(Option::is_some);
        let kept = Kept {
            inputs: state.inputs.each_ref().map(optional),
            output: optional(&state.output),
            saved: &*state.saved,
        };
        let gradients = self.0.backward(kept, floats(&d_output), needs);
        let gradients = gradients.into_iter().zip(state.dims);
        for (parent, (gradient, dims)) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = parent {
                grads.register::<Flex>(node.id, tensor(gradient, &dims));
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
        .expect("an operation was given a contiguous f32 tensor")
}

fn optional(tensor: &Option<FlexTensor>) -> &[f32] {
    tensor.as_ref().map_or(&[], floats)
}

/// A tensor of a graph.
type Differentiable<C> = <Autodiff<Flex, C> as BackendTypes>::FloatTensorPrimitive;
