//! What goes into a recurrence and what comes out, on plain slices and of any cell.

use super::rows::sum_parts;
use super::{gru, lstm};
use crate::Cell;
use crate::kernel::buffer::Buffer;

/// Biases per hidden unit: of an LSTM's four gates; `b_r`, `b_z`, `b_n`, `c_n` of a GRU's three.
pub(super) const BIASES: usize = 4;

/// What is computed, on how much.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) cell: Cell,
    pub(crate) batch: usize,
    pub(crate) length: usize,
    pub(crate) d_input: usize,
    pub(crate) d_hidden: usize,
    pub(crate) directions: usize,
}

impl Shape {
    /// Columns of one direction's weights.
    pub(crate) fn columns(&self) -> usize {
        self.cell.gates() * self.d_hidden
    }

    /// Parts of the state: hidden, and a cell where there is one.
    pub(crate) fn parts(&self) -> usize {
        match self.cell {
            Cell::Lstm => 2,
            Cell::Gru | Cell::GruResetBefore => 1,
        }
    }

    /// Floats per example of the output `[length, directions, d_hidden]`.
    pub(crate) fn output(&self) -> usize {
        self.length * self.directions * self.d_hidden
    }

    /// Floats of a packed state `[parts, directions, batch, d_hidden]`.
    pub(crate) fn state(&self) -> usize {
        self.parts() * self.directions * self.batch * self.d_hidden
    }

    /// Offset in a packed state of one row of hidden (0) or cell (1).
    pub(super) fn state_row(&self, part: usize, direction: usize, row: usize) -> usize {
        ((part * self.directions + direction) * self.batch + row) * self.d_hidden
    }

    /// Puts the tasks' states `[rows, directions, parts, d_hidden]` into one `[parts, directions, batch, d_hidden]`.
    fn scatter_states<'a>(&self, tasks: impl Iterator<Item = &'a Vec<f32>>, state: &mut [f32]) {
        let per_row = self.directions * self.parts() * self.d_hidden;
        for (row, values) in tasks
            .flat_map(|task| task.chunks_exact(per_row))
            .enumerate()
        {
            for (index, part) in values.chunks_exact(self.d_hidden).enumerate() {
                let at = self.state_row(index % self.parts(), index / self.parts(), row);
                state[at..at + self.d_hidden].copy_from_slice(part);
            }
        }
    }
}

/// What a recurrence reads.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// `x`, `[batch, length, d_input]`.
    pub(crate) x: &'a [f32],
    /// `W_ih`, `[d_input, directions, gates, d_hidden]`.
    pub(crate) weight_ih: &'a [f32],
    /// `W_hh`, `[directions, d_hidden, gates, d_hidden]`.
    pub(crate) weight_hh: &'a [f32],
    /// `b`, `[directions, 4, d_hidden]`.
    pub(crate) bias: &'a [f32],
    /// Initial state, `[parts, directions, batch, d_hidden]`.
    pub(crate) state: &'a [f32],
    /// Steps of each row, `1..=length`.
    pub(crate) lengths: &'a [usize],
}

/// What the forward pass leaves.
pub(crate) struct Forward {
    /// The output `[batch, length, directions, d_hidden]`, zero beyond each row's length; after it the last state of each row,
    /// `[parts, directions, batch, d_hidden]`.
    pub(crate) packed: Vec<f32>,
    /// What the backward pass needs of each task, in the order of its steps; empty unless asked for.
    pub(crate) saved: Vec<Buffer>,
}

impl Forward {
    /// From the output, with room for the state behind it, and the final states and what is saved of each task.
    pub(super) fn collect(
        shape: Shape,
        mut packed: Vec<f32>,
        tasks: Vec<(Vec<f32>, Buffer)>,
        save: bool,
    ) -> Self {
        let (finals, saved): (Vec<_>, Vec<_>) = tasks.into_iter().unzip();
        let (_, state) = packed.split_at_mut(shape.batch * shape.output());
        shape.scatter_states(finals.iter(), state);
        Self {
            packed,
            saved: if save { saved } else { Vec::new() },
        }
    }
}

/// What the backward pass reads.
#[derive(Clone, Copy)]
pub(crate) struct BackwardInputs<'a> {
    /// What forward read.
    pub(crate) inputs: Inputs<'a>,
    /// Forward's output.
    pub(crate) output: &'a [f32],
    /// Forward's `saved`.
    pub(crate) saved: &'a [Buffer],
    /// Gradient of the output.
    pub(crate) d_output: &'a [f32],
    /// Gradient of the final state.
    pub(crate) d_state: &'a [f32],
    /// Whether the gradient of `x` is asked for.
    pub(crate) needs_x: bool,
}

/// What the backward pass leaves: gradients of the inputs, each in the input's layout.
pub(crate) struct Backward {
    /// Zero beyond each row's length; empty unless asked for.
    pub(crate) x: Vec<f32>,
    pub(crate) weight_ih: Vec<f32>,
    pub(crate) weight_hh: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) state: Vec<f32>,
}

/// What a task contributes to the gradients.
pub(super) struct Gradients {
    /// Of the initial states of its rows, `[rows, directions, parts, d_hidden]`.
    pub(super) initials: Vec<f32>,
    /// `[directions, 4, d_hidden]`.
    pub(super) bias: Vec<f32>,
    /// Of `W_hh`, then `W_ih`, `[directions, d_hidden + d_input, gates, d_hidden]`.
    pub(super) weights: Vec<f32>,
}

impl Gradients {
    pub(super) fn zeros(shape: Shape, rows: usize) -> Self {
        let (d, directions) = (shape.d_hidden, shape.directions);
        Self {
            initials: vec![0f32; rows * directions * shape.parts() * d],
            bias: vec![0f32; directions * BIASES * d],
            weights: vec![0f32; directions * (d + shape.d_input) * shape.columns()],
        }
    }

    /// Of one direction's `W_hh` and `W_ih`.
    pub(super) fn weights_of(
        &mut self,
        shape: Shape,
        direction: usize,
    ) -> (&mut [f32], &mut [f32]) {
        let columns = shape.columns();
        let own = (shape.d_hidden + shape.d_input) * columns;
        self.weights[direction * own..][..own].split_at_mut(shape.d_hidden * columns)
    }
}

impl Backward {
    /// From the gradient of `x`, and what the tasks contribute, in their order.
    pub(super) fn collect(shape: Shape, x: Vec<f32>, tasks: &[Gradients]) -> Self {
        let (d, directions, columns) = (shape.d_hidden, shape.directions, shape.columns());
        let per_direction = (d + shape.d_input) * columns;
        let weights = tasks.iter().map(|task| &task.weights);
        let weights = sum_parts(directions * per_direction, weights);
        let mut weight_hh = Vec::with_capacity(directions * d * columns);
        let mut weight_ih = vec![0f32; shape.d_input * directions * columns];
        for (direction, own) in weights.chunks_exact(per_direction).enumerate() {
            let (of_hidden, of_input) = own.split_at(d * columns);
            weight_hh.extend_from_slice(of_hidden);
            let rows = weight_ih.chunks_exact_mut(directions * columns);
            for (to, from) in rows.zip(of_input.chunks_exact(columns)) {
                to[direction * columns..][..columns].copy_from_slice(from);
            }
        }
        let bias = tasks.iter().map(|task| &task.bias);
        let mut state = vec![0f32; shape.state()];
        shape.scatter_states(tasks.iter().map(|task| &task.initials), &mut state);
        Self {
            x,
            weight_ih,
            weight_hh,
            bias: sum_parts(directions * BIASES * d, bias),
            state,
        }
    }
}

/// Runs the recurrence over all rows and directions.
pub(crate) fn forward(shape: Shape, inputs: Inputs<'_>, save: bool) -> Forward {
    let arch = pulp::Arch::new();
    match shape.cell {
        Cell::Lstm => arch.dispatch(lstm::Forward {
            shape,
            inputs,
            save,
        }),
        Cell::Gru | Cell::GruResetBefore => arch.dispatch(gru::Forward {
            shape,
            inputs,
            save,
        }),
    }
}

/// Back-propagates through time, given what [`forward`] saved and the gradients of its output and final state.
pub(crate) fn backward(shape: Shape, inputs: BackwardInputs<'_>) -> Backward {
    let arch = pulp::Arch::new();
    match shape.cell {
        Cell::Lstm => arch.dispatch(lstm::Backward { shape, inputs }),
        Cell::Gru | Cell::GruResetBefore => arch.dispatch(gru::Backward { shape, inputs }),
    }
}

#[cfg(test)]
mod tests;
