//! What holds for every fold, by enumeration and against ViennaRNA: one program for all of it, which is linked once.

mod beam;
mod consensus_oracle;
mod constraints_oracle;
mod draw;
mod ensemble;
mod enumeration;
mod every_structure;
mod fold;
mod long_runs;
mod loop_letters;
mod oracle;
mod windows;
