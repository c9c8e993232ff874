//! Files of records: FASTA and FASTQ, and the place of what is wrong in one.
//!
//! A file goes through three steps, each a file here: [`source`] unpacks it, [`lines`] finds the line ends, [`records`] turns lines into
//! ids and codes, from the buffer and without a copy between.

#[cfg(feature = "fasta")]
pub mod fasta;
#[cfg(feature = "fasta")]
pub mod fastq;
#[cfg(feature = "fasta")]
mod lines;
mod place;
#[cfg(feature = "fasta")]
mod records;
#[cfg(feature = "fasta")]
mod source;
#[cfg(feature = "fasta")]
mod whole_lines;
#[cfg(feature = "fasta")]
mod write;

pub use place::Place;
#[cfg(feature = "fasta")]
pub use records::ReadOptions;
