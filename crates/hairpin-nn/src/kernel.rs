//! What runs fast on Burn's flex backend: `op` makes differentiable operations of functions on plain slices, the other modules are
//! these functions, each with what it is in tensor operations, for every other backend.

pub(crate) mod recurrence;

#[cfg(feature = "flex")]
pub(crate) mod activation;
#[cfg(feature = "flex")]
pub(crate) mod adam;
#[cfg(feature = "flex")]
pub(crate) mod attention;
#[cfg(feature = "flex")]
mod buffer;
#[cfg(feature = "flex")]
pub(crate) mod conv;
#[cfg(feature = "flex")]
pub(crate) mod dense;
#[cfg(feature = "flex")]
pub(crate) mod dropout;
#[cfg(feature = "flex")]
mod gemm;
#[cfg(feature = "flex")]
pub(crate) mod norm;
#[cfg(feature = "flex")]
pub(crate) mod op;
#[cfg(feature = "flex")]
pub(crate) mod rotary;
#[cfg(feature = "flex")]
mod vector;
