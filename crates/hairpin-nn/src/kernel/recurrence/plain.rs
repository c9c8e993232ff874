//! The recurrences in tensor operations, for backends without a fused kernel.
//!
//! Time is split by recursive halving: the backward pass of a slice writes a zero tensor of its source's size, so a slice per step
//! would cost the square of the length.

use super::Recurrence;
use crate::Cell;
use crate::precision::product;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

/// See [`super::run`].
pub(crate) fn run(cell: Cell, inputs: Recurrence) -> (Tensor<3>, Tensor<4>) {
    let gates_of_input = inputs.gates();
    let [batch, length, _] = gates_of_input.dims();
    let [directions, d_hidden, width] = inputs.weight_hh.dims();
    let device = gates_of_input.device();
    let ragged = inputs.lengths.iter().any(|&own| own < length);

    let mut outputs = Vec::with_capacity(directions);
    let mut states = Vec::with_capacity(directions);
    for direction in 0..directions {
        let bias = inputs
            .bias
            .clone()
            .slice(direction * 4 * d_hidden..(direction + 1) * 4 * d_hidden);
        let own = direction * width..(direction + 1) * width;
        let mut gates = gates_of_input.clone().slice([0..batch, 0..length, own])
            + bias.clone().slice(0..width).unsqueeze::<3>();
        let reversed = (direction == 1).then(|| reversal(&inputs.lengths, length, &device));
        if let Some(order) = &reversed {
            gates = gates.gather(1, order.clone().repeat_dim(2, width));
        }
        let parts = inputs.state.dims()[0];
        let part = |index: usize| -> Tensor<2> {
            inputs
                .state
                .clone()
                .slice([index..index + 1, direction..direction + 1])
                .reshape([batch, d_hidden])
        };
        let mut walk = Walk {
            cell,
            weight: inputs
                .weight_hh
                .clone()
                .slice(direction..direction + 1)
                .reshape([d_hidden, width]),
            after: bias.slice(3 * d_hidden..4 * d_hidden).unsqueeze::<2>(),
            state: (0..parts).map(part).collect(),
            running: ragged.then(|| running(&inputs.lengths, length, &device)),
            outputs: Vec::with_capacity(length),
        };
        walk.steps(gates, 0);
        let mut output: Tensor<3> = Tensor::stack(walk.outputs, 1);
        if let Some(order) = reversed {
            output = output.gather(1, order.repeat_dim(2, d_hidden));
        }
        outputs.push(output);
        states.push(Tensor::stack::<3>(walk.state, 0));
    }
    let mut output = Tensor::cat(outputs, 2);
    if ragged {
        let steps = running(&inputs.lengths, length, &device);
        output = output * Tensor::stack::<3>(steps, 1);
    }
    (output, Tensor::stack(states, 1))
}

/// One direction on its way through time.
struct Walk {
    cell: Cell,
    weight: Tensor<2>,
    /// The last quarter of the bias, `[1, d_hidden]`: a GRU adds it after the product.
    after: Tensor<2>,
    /// Hidden, and an LSTM's cell.
    state: Vec<Tensor<2>>,
    /// One `[batch_size, 1]` per step, 1 where the row still runs; absent when all rows are of full length.
    running: Option<Vec<Tensor<2>>>,
    outputs: Vec<Tensor<2>>,
}

impl Walk {
    /// All steps of `gates` `[batch_size, steps, width]`, the first of which is step `start` of the whole.
    fn steps(&mut self, gates: Tensor<3>, start: usize) {
        let [batch, steps, width] = gates.dims();
        if steps > 1 {
            let middle = steps / 2;
            self.steps(gates.clone().slice([0..batch, 0..middle]), start);
            self.steps(gates.slice([0..batch, middle..steps]), start + middle);
            return;
        }
        let gates = gates.reshape([batch, width]);
        let next = match self.cell {
            Cell::Lstm => self.lstm(gates),
            Cell::Gru => self.gru(gates),
            Cell::GruResetBefore => self.gru_reset_before(gates),
        };
        self.state = match &self.running {
            None => next,
            Some(running) => {
                // A finished row keeps the state that its last position left.
                let finished = running[start].clone().equal_elem(0.0);
                let pairs = next.into_iter().zip(&self.state);
                pairs
                    .map(|(next, last)| {
                        let finished = finished.clone().expand(last.dims());
                        next.mask_where(finished, last.clone())
                    })
                    .collect()
            }
        };
        self.outputs.push(self.state[0].clone());
    }

    fn lstm(&self, gates: Tensor<2>) -> Vec<Tensor<2>> {
        let gates = gates + product(self.state[0].clone(), self.weight.clone());
        let [input, forget, candidate, output] = parts(gates);
        let kept = activation::sigmoid(forget) * self.state[1].clone();
        let cell = kept + activation::sigmoid(input) * candidate.tanh();
        let hidden = activation::sigmoid(output) * cell.clone().tanh();
        vec![hidden, cell]
    }

    fn gru(&self, gates: Tensor<2>) -> Vec<Tensor<2>> {
        let hidden = self.state[0].clone();
        let [x_reset, x_update, x_new] = parts(gates);
        let [h_reset, h_update, h_new] = parts(product(hidden.clone(), self.weight.clone()));
        let reset = activation::sigmoid(x_reset + h_reset);
        let update = activation::sigmoid(x_update + h_update);
        let new = (x_new + reset * (h_new + self.after.clone())).tanh();
        vec![new.clone() + update * (hidden - new)]
    }

    fn gru_reset_before(&self, gates: Tensor<2>) -> Vec<Tensor<2>> {
        let hidden = self.state[0].clone();
        let [d_hidden, _] = self.weight.dims();
        let [x_reset, x_update, x_new] = parts(gates);
        let weight = |own| self.weight.clone().slice([0..d_hidden, own]);
        let [h_reset, h_update] = parts(product(hidden.clone(), weight(0..2 * d_hidden)));
        let reset = activation::sigmoid(x_reset + h_reset);
        let update = activation::sigmoid(x_update + h_update);
        let h_new = product(reset * hidden.clone(), weight(2 * d_hidden..3 * d_hidden));
        let new = (x_new + h_new).tanh();
        vec![new.clone() + update * (hidden - new)]
    }
}

/// `N` equal parts of the columns.
fn parts<const N: usize>(gates: Tensor<2>) -> [Tensor<2>; N] {
    let [batch, width] = gates.dims();
    let own = width / N;
    std::array::from_fn(|index| {
        gates
            .clone()
            .slice([0..batch, index * own..(index + 1) * own])
    })
}

/// For each row the positions `length_of_row - 1, ..., 0`, then the padding in place: `[batch_size, length, 1]`.
fn reversal(lengths: &[usize], length: usize, device: &Device) -> Tensor<3, Int> {
    let order: Vec<i64> = lengths
        .iter()
        .flat_map(|&own| (0..own).rev().chain(own..length))
        .map(|position| position as i64)
        .collect();
    Tensor::from_data(TensorData::new(order, [lengths.len(), length, 1]), device)
}

/// One `[batch_size, 1]` per step: 1 for rows that still run, 0 for rows that ended.
fn running(lengths: &[usize], length: usize, device: &Device) -> Vec<Tensor<2>> {
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
