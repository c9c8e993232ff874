//! The recurrences: `pass` on plain slices, through `lstm` or `gru`, with `rows`, `product` and `outer` that both share; `flex` that
//! hands Burn's CPU tensors to it, `plain` in tensor operations for every other backend.

use crate::Cell;
use crate::precision::product;
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
#[cfg(feature = "flex")]
mod outer;
#[cfg(feature = "flex")]
mod pass;
mod plain;
#[cfg(feature = "flex")]
mod product;
#[cfg(feature = "flex")]
mod rows;

/// What a recurrence reads.
#[derive(Clone)]
pub(crate) struct Recurrence {
    /// `[batch_size, length, d_input]`, zero beyond each row's length.
    pub(crate) x: Tensor<3>,
    /// `W_ih`, `[d_input, directions * gates * d_hidden]`.
    pub(crate) weight_ih: Tensor<2>,
    /// `W_hh`, `[directions, d_hidden, gates * d_hidden]`.
    pub(crate) weight_hh: Tensor<3>,
    /// `b`, `[directions * 4 * d_hidden]`.
    pub(crate) bias: Tensor<1>,
    /// Initial hidden and, of an LSTM, cell: `[parts, directions, batch_size, d_hidden]`.
    pub(crate) state: Tensor<4>,
    /// Steps of each row, `1..=length`.
    pub(crate) lengths: Arc<[usize]>,
}

impl Recurrence {
    /// `x W_ih` of all positions in one product, `[batch_size, length, directions * gates * d_hidden]`.
    fn gates(&self) -> Tensor<3> {
        let [batch, length, d_input] = self.x.dims();
        let [_, width] = self.weight_ih.dims();
        let x = self.x.clone().reshape([batch * length, d_input]);
        product(x, self.weight_ih.clone()).reshape([batch, length, width])
    }
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
