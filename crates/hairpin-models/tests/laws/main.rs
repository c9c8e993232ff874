//! What holds for every network, and its agreement with the same one in PyTorch: one program for all of it, which is linked once.

#[path = "../../../hairpin-nn/tests/laws/agreement.rs"]
mod agreement;
mod esm2;
mod golden_esm2;
mod golden_per_base;
mod golden_perturbation;
mod golden_sequence_lstm;
mod golden_two_tower;
mod per_base;
mod perturbation;
mod sequence_lstm;
mod two_tower;
