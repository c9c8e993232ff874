//! What holds of datasets, objectives, steps and attributions, and their agreement with PyTorch, Captum and NumPy: one program for all
//! of it, which is linked once. Nothing here depends on what Burn's generator, which belongs to the process, draws.

mod dataset;
mod explain;
mod golden_explain;
mod golden_losses;
mod objective;
mod optimisation;
mod position;
