//! The recurrences themselves: `lstm` and `gru` on plain slices, with `rows` and `product` that both share, `flex` that hands Burn's
//! CPU tensors to them, `plain` in tensor operations for every other backend.

use crate::Cell;
use burn::tensor::Tensor;
use std::sync::Arc;

#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "flex")]
mod gates;
#[cfg(feature = "flex")]
mod gru;
#[cfg(feature = "flex")]
mod lstm;
mod plain;
#[cfg(feature = "flex")]
mod product;
#[cfg(feature = "flex")]
mod rows;

/// What a recurrence reads once the product with the input is done.
#[derive(Clone)]
pub(crate) struct Recurrence {
    /// `x W_ih`, `[batch_size, length, directions * gates * d_hidden]`.
    pub(crate) gates: Tensor<3>,
    /// `W_hh`, `[directions, d_hidden, gates * d_hidden]`.
    pub(crate) weight_hh: Tensor<3>,
    /// `b`, `[directions * 4 * d_hidden]`.
    pub(crate) bias: Tensor<1>,
    /// Initial hidden and, of an LSTM, cell: `[parts, directions, batch_size, d_hidden]`.
    pub(crate) state: Tensor<4>,
    /// Steps of each row, `1..=length`.
    pub(crate) lengths: Arc<[usize]>,
}

/// Output `[batch_size, length, directions * d_hidden]`, zero beyond each row's length, and final state
/// `[parts, directions, batch_size, d_hidden]`.
pub(crate) fn run(cell: Cell, inputs: Recurrence) -> (Tensor<3>, Tensor<4>) {
    #[cfg(feature = "flex")]
    if flex::can_run(&inputs) {
        return flex::run(cell, inputs);
    }
    plain::run(cell, inputs)
}

#[cfg(all(test, feature = "flex"))]
mod tests;
