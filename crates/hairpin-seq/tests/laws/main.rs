//! Laws that hold for whatever is drawn, and values that others calculated.

mod align;
mod augment;
mod encoding;
mod files;
mod golden_motif;
mod golden_operations;
mod kmer;
mod minimizer;
mod motif;
mod motif_files;
mod sequence;
mod sketch;
mod structure;
