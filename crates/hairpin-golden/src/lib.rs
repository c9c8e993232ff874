//! Reads the reference values that another program computed, and compares ours with them: a test's ruler, never published. It also
//! calls our own [programs](Program) as a person would.
//!
//! A golden file is a safetensors file under `fixtures/golden/<crate>/`, made by a script in `fixtures/make/` and committed.
//! It must say which tool, version, seed and script made it, or it is refused: a number nobody can make again proves nothing.
//!
//! ```
//! use hairpin_golden::{Golden, Tolerance, assert_close};
//!
//! let golden = Golden::load("hairpin-nn", "lstm_uni_ragged.safetensors");
//! assert_eq!(golden.provenance().tool, "PyTorch");
//!
//! let lengths = golden.i64("lengths");
//! let expected = golden.f32("output");
//! assert_eq!(expected.shape[0], lengths.values.len());
//!
//! let found = expected.values.clone(); // in a real test: our layer's answer to golden.f32("x")
//! let tolerance = Tolerance { absolute: 1e-6, relative: 1e-5 };
//! assert_close("output", &expected.values, &found, tolerance);
//! ```
//!
//! What is not tensors lies there as JSON: [`golden_json`].
//!
//! As everything here is for tests, nothing returns a `Result`: what is wrong panics, and the message says where to look.
//! It does not make golden files, does not reshape, and knows no tensor library: values are plain vectors, row-major.

mod close;
mod fixture;
mod golden;
mod program;

pub use close::{Tolerance, assert_close};
pub use fixture::{fixture, golden_json};
pub use golden::{Golden, Provenance, Tensor};
pub use program::{Program, text, unread};
