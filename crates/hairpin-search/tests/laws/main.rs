//! What holds for every search, by any number of draws, and from outside: one program for all of it, which is linked once.

mod command_line;
mod functions;
mod golden_search;
mod importance;
mod kill;
mod pruner;
mod report;
mod sampler;
mod snakemake;
mod space;
mod study;
