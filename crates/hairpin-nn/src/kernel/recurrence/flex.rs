//! The recurrence as an operation on flex.

use super::Recurrence;
use super::pass::{self, Inputs, Shape};
use crate::Cell;
use crate::kernel::buffer::Buffer;
use crate::kernel::op::{self, Kept, Operation};
use burn::tensor::Tensor;
use std::sync::Arc;

/// Whether the kernel can take these tensors.
pub(super) fn can_run(inputs: &Recurrence) -> bool {
    op::on_flex(&inputs.x)
        && op::on_flex(&inputs.weight_ih)
        && op::on_flex(&inputs.weight_hh)
        && op::on_flex(&inputs.bias)
        && op::on_flex(&inputs.state)
}

/// See [`super::run`].
pub(super) fn run(cell: Cell, inputs: Recurrence) -> (Tensor<3>, Tensor<4>) {
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
    let operation = Recur {
        shape,
        lengths: inputs.lengths,
    };
    let packed: Tensor<1> = op::run(
        operation,
        [
            inputs.x.into(),
            inputs.weight_ih.into(),
            inputs.weight_hh.into(),
            inputs.bias.into(),
            inputs.state.into(),
        ],
    );
    let split = batch * shape.output();
    let end = split + shape.state();
    (
        packed
            .clone()
            .slice(0..split)
            .reshape([batch, length, directions * d_hidden]),
        packed
            .slice(split..end)
            .reshape([shape.parts(), directions, batch, d_hidden]),
    )
}

/// `[x, weight_ih, weight_hh, bias, state]` to the output and the final state, packed into one tensor, since an operation has one
/// output.
#[derive(Debug, Clone)]
struct Recur {
    shape: Shape,
    lengths: Arc<[usize]>,
}

impl Recur {
    fn inputs<'a>(&'a self, [x, weight_ih, weight_hh, bias, state]: [&'a [f32]; 5]) -> Inputs<'a> {
        Inputs {
            x,
            weight_ih,
            weight_hh,
            bias,
            state,
            lengths: &self.lengths,
        }
    }
}

impl Operation<5> for Recur {
    type Saved = Vec<Buffer>;

    fn dims(&self) -> Vec<usize> {
        vec![self.shape.batch * self.shape.output() + self.shape.state()]
    }

    fn reads(&self) -> ([bool; 5], bool) {
        ([true, true, true, false, true], true)
    }

    fn forward(&self, inputs: [&[f32]; 5], save: bool) -> (Vec<f32>, Option<Vec<Buffer>>) {
        let done = pass::forward(self.shape, self.inputs(inputs), save);
        (done.packed, save.then_some(done.saved))
    }

    fn backward(
        &self,
        kept: Kept<'_, Vec<Buffer>, 5>,
        d_output: &[f32],
        needs: [bool; 5],
    ) -> [Vec<f32>; 5] {
        let split = self.shape.batch * self.shape.output();
        let (d_output, d_state) = d_output.split_at(split);
        let done = pass::backward(
            self.shape,
            pass::BackwardInputs {
                inputs: self.inputs(kept.inputs),
                output: &kept.output[..split],
                saved: kept.saved,
                d_output,
                d_state,
                needs_x: needs[0],
            },
        );
        [
            done.x,
            done.weight_ih,
            done.weight_hh,
            done.bias,
            done.state,
        ]
    }
}
