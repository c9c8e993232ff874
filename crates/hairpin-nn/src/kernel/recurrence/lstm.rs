//! The LSTM recurrence: forward, and backward through time.
//!
//! Nothing as long as the strings is made but the output and, in training, what the backward pass needs: the products with the input
//! and the gradients of the gates live for some steps only, in a task's cache.

mod backward;
mod forward;

pub(super) use backward::Backward;
pub(super) use forward::Forward;

/// Number of gates: input, forget, cell candidate, output (PyTorch's order).
const GATES: usize = 4;

/// Vectors kept for the backward pass per vector of hidden units: the four gates and the cell.
const KEPT: usize = GATES + 1;
