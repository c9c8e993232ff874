//! The GRU recurrence, forward, and backward through time, in both of its variants.
//!
//! ```text
//! r  = sigmoid(x W_r + h U_r + b_r)      z  = sigmoid(x W_z + h U_z + b_z)      h' = (1 - z) n + z h
//! n  = tanh(x W_n + b_n + r (h U_n + c_n))      reset after the product: PyTorch, cuDNN, Keras since 2.0
//! n  = tanh(x W_n + b_n + (r h) U_n)            reset before the product: Cho et al. 2014
//! ```
//!
//! As in `lstm`, nothing as long as the strings is made but the output and what the backward pass needs. What stands before the
//! activation functions are four vectors for each vector of hidden units,
//!
//! ```text
//! [h U_n + c_n,  x W_r + h U_r + b_r,  x W_z + h U_z + b_z,  x W_n + b_n]
//! ```
//!
//! in this order, so that what a product adds to lies side by side: the state's to the first three, the input's to the last three.
//! Where the reset comes before the product, the first is not used, and `(r h) U_n` is added to the last.

mod backward;
mod forward;

pub(super) use backward::Backward;
pub(super) use forward::Forward;

use crate::Cell;

/// Number of gates: reset, update, candidate (PyTorch's order `r z n`).
const GATES: usize = 3;

/// Vectors before the activation functions, as the module's head lists them.
const SUMS: usize = 4;

/// Where the reset gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reset {
    /// It scales `h U_n + c_n`.
    After,
    /// It scales `h` before the product with `U_n`; `c_n` is not read.
    Before,
}

impl Reset {
    fn of(cell: Cell) -> Self {
        match cell {
            Cell::GruResetBefore => Self::Before,
            Cell::Lstm | Cell::Gru => Self::After,
        }
    }

    /// Vectors kept for the backward pass per vector of hidden units: r, z, n, and `h U_n + c_n` where it is scaled.
    fn kept(self) -> usize {
        match self {
            Self::After => 4,
            Self::Before => 3,
        }
    }
}
