//! What runs fast on Burn's flex backend: `op` makes differentiable operations of functions on plain slices, the other modules are
//! these functions, each with what it is in tensor operations, for every other backend.

pub(crate) mod recurrence;

#[cfg(feature = "flex")]
mod buffer;
#[cfg(feature = "flex")]
mod op;
