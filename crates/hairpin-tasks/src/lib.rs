//! The official files of five prediction tasks, read safely and written exactly.
//!
//! Every task is a module with the same four functions: `read_train` and `read_test` turn the official files into plain
//! sequences and targets, `write_submission` writes the official answer, and `score` compares one with the truth. What they need
//! to know about a file in advance (its size, its hash, where to get it) is the task's [`manifest`].
//!
//! ```
//! use hairpin_seq::Policy;
//! use hairpin_tasks::{TaskError, rnn_dna};
//!
//! let error = rnn_dna::read_train("rnn-challenge-data.npz".as_ref(), Policy::default()).unwrap_err();
//! assert!(matches!(error, TaskError::Missing { .. }));
//! println!("{error}"); // rnn-challenge-data.npz: no such file; files of the task rnn_dna are ...
//! ```
//!
//! The DNA class challenge ([`rnn_dna`]), any CSV of sequences with a number each ([`sequence_csv`]), RNA degradation
//! ([`open_vaccine`]), RNA-binding proteins ([`rnacompete`]) and, with the feature `parquet`, perturbed cells (`perturbation`).
//!
//! Files come from strangers: whatever is in them, reading gives a value or a [`TaskError`] that names the file, the place in
//! it and the remedy; it does not panic, and it does not allocate what a header merely promises. Writing leaves either the
//! new file or the old one.
//!
//! What it does not do: download anything, guess what a broken row meant, fit or train. Encodings are in `hairpin-seq`,
//! splits and metrics in `hairpin-targets`.

mod columns;
pub mod embeddings;
mod error;
mod file;
mod lines;
pub mod manifest;
mod npy;
mod npz;
pub mod open_vaccine;
#[cfg(feature = "parquet")]
pub mod perturbation;
pub mod rnacompete;
pub mod rnn_dna;
pub mod sequence_csv;
mod table;
mod ucs4;

pub use columns::{Column, write_columns};
pub use error::{Place, TaskError, Within};
pub use file::plain_or_gzip;
