//! The crate from outside: real files, broken files and damaged files, as a program meets them.

mod broken_npz;
mod damage;
mod embeddings;
#[cfg(feature = "h5ad")]
mod h5ad;
mod open_vaccine;
#[cfg(feature = "parquet")]
mod perturbation;
mod rnacompete;
mod rnacompete_tables;
mod rnn_dna;
mod sequence_csv;
mod support;
