//! The LSTM recurrence on plain slices: forward, and backward through time.
//!
//! A task owns a few rows of the batch and walks both directions alone: there is no synchronisation inside, and since the rows of a
//! task are fixed, results do not depend on the number of threads. Rows are visited longest first: the rows still running at a step are
//! a prefix, and a padded position is never computed at all.
//!
//! Nothing as long as the strings is made but the output and, in training, what the backward pass needs: the products with the input
//! and the gradients of the gates live for some steps only, in a task's cache.

mod backward;
mod forward;

pub(crate) use backward::{BackwardInputs, backward};
pub(crate) use forward::{Inputs, forward};

use super::rows;

/// Number of gates: input, forget, cell candidate, output (PyTorch's order).
const GATES: usize = 4;

/// Vectors kept for the backward pass per vector of hidden units: the four gates and the cell.
const KEPT: usize = GATES + 1;

/// Sizes of a recurrence; the state is hidden and cell.
pub(crate) type Shape = rows::Shape<GATES, 2>;

/// The columns of one direction of a matrix `[rows, directions, 4 d_hidden]`.
fn of_direction(matrix: &[f32], direction: usize, shape: Shape) -> Vec<f32> {
    let columns = GATES * shape.d_hidden;
    let rows = matrix.chunks_exact(shape.directions * columns);
    rows.flat_map(|row| &row[direction * columns..][..columns])
        .copied()
        .collect()
}

#[cfg(test)]
mod tests;
