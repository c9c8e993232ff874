//! The LSTM recurrence in tensor operations, for backends without a fused kernel.
//!
//! Time is split by recursive halving: the backward pass of a slice writes a zero tensor of its source's size, so a slice per step
//! would cost the square of the length.

use super::Recurrence;
use burn::tensor::{Int, Tensor, TensorData, activation};

/// See [`super::lstm`].
pub(crate) fn run(inputs: Recurrence) -> (Tensor<3>, Tensor<4>) {
    let [batch, length, _] = inputs.gates.dims();
    let [directions, d_hidden, width] = inputs.weight_hh.dims();
    let device = inputs.gates.device();
    let ragged = inputs.lengths.iter().any(|&n| n < length);
    let gates = inputs.gates + inputs.bias.unsqueeze::<3>();

    let mut outputs = Vec::with_capacity(directions);
    let mut hiddens = Vec::with_capacity(directions);
    let mut cells = Vec::with_capacity(directions);
    for direction in 0..directions {
        let mut own = gates.clone().slice([
            0..batch,
            0..length,
            direction * width..(direction + 1) * width,
        ]);
        let reversed = (direction == 1).then(|| reversal(&inputs.lengths, length, &device));
        if let Some(order) = &reversed {
            own = own.gather(1, order.clone().repeat_dim(2, width));
        }
        let part = |index: usize| -> Tensor<2> {
            inputs
                .state
                .clone()
                .slice([index..index + 1, direction..direction + 1])
                .reshape([batch, d_hidden])
        };
        let mut walk = Walk {
            weight: inputs
                .weight_hh
                .clone()
                .slice(direction..direction + 1)
                .reshape([d_hidden, width]),
            hidden: part(0),
            cell: part(1),
            running: ragged.then(|| running(&inputs.lengths, length, &device)),
            outputs: Vec::with_capacity(length),
        };
        walk.steps(own, 0);
        let mut output: Tensor<3> = Tensor::stack(walk.outputs, 1);
        if let Some(order) = reversed {
            output = output.gather(1, order.repeat_dim(2, d_hidden));
        }
        outputs.push(output);
        hiddens.push(walk.hidden);
        cells.push(walk.cell);
    }
    let mut output = Tensor::cat(outputs, 2);
    if ragged {
        let steps = running(&inputs.lengths, length, &device);
        output = output * Tensor::stack::<3>(steps, 1);
    }
    let hidden: Tensor<3> = Tensor::stack(hiddens, 0);
    let cell: Tensor<3> = Tensor::stack(cells, 0);
    (output, Tensor::stack(vec![hidden, cell], 0))
}

/// The state of one direction on its way through time.
struct Walk {
    weight: Tensor<2>,
    hidden: Tensor<2>,
    cell: Tensor<2>,
    /// One `[batch_size, 1]` per step, 1 where the row still runs; absent when all rows are of full length.
    running: Option<Vec<Tensor<2>>>,
    outputs: Vec<Tensor<2>>,
}

impl Walk {
    /// All steps of `gates` `[batch_size, steps, 4 * d_hidden]`, the first of which is step `start` of the whole.
    fn steps(&mut self, gates: Tensor<3>, start: usize) {
        let [batch, steps, width] = gates.dims();
        if steps > 1 {
            let middle = steps / 2;
            self.steps(gates.clone().slice([0..batch, 0..middle]), start);
            self.steps(gates.slice([0..batch, middle..steps]), start + middle);
            return;
        }
        let gates = gates.reshape([batch, width]) + self.hidden.clone().matmul(self.weight.clone());
        let d_hidden = width / 4;
        let gate = |index: usize| {
            gates
                .clone()
                .slice([0..batch, index * d_hidden..(index + 1) * d_hidden])
        };
        let input = activation::sigmoid(gate(0));
        let forget = activation::sigmoid(gate(1));
        let candidate = gate(2).tanh();
        let output = activation::sigmoid(gate(3));
        let cell = forget * self.cell.clone() + input * candidate;
        let hidden = output * cell.clone().tanh();
        match &self.running {
            None => {
                self.cell = cell;
                self.hidden = hidden;
            }
            Some(running) => {
                // A finished row keeps the state that its last position left.
                let finished = running[start]
                    .clone()
                    .equal_elem(0.0)
                    .expand([batch, d_hidden]);
                self.cell = cell.mask_where(finished.clone(), self.cell.clone());
                self.hidden = hidden.mask_where(finished, self.hidden.clone());
            }
        }
        self.outputs.push(self.hidden.clone());
    }
}

/// For each row the positions `length_of_row - 1, ..., 0`, then the padding in place: `[batch_size, length, 1]`.
fn reversal(lengths: &[usize], length: usize, device: &burn::tensor::Device) -> Tensor<3, Int> {
    let order: Vec<i64> = lengths
        .iter()
        .flat_map(|&own| {
            (0..own)
                .rev()
                .chain(own..length)
                .map(|position| position as i64)
        })
        .collect();
    Tensor::from_data(TensorData::new(order, [lengths.len(), length, 1]), device)
}

/// One `[batch_size, 1]` per step: 1 for rows that still run, 0 for rows that ended.
fn running(lengths: &[usize], length: usize, device: &burn::tensor::Device) -> Vec<Tensor<2>> {
    (0..length)
        .map(|step| {
            let rows: Vec<f32> = lengths
                .iter()
                .map(|&own| if step < own { 1.0 } else { 0.0 })
                .collect();
            Tensor::from_data(TensorData::new(rows, [lengths.len(), 1]), device)
        })
        .collect()
}
