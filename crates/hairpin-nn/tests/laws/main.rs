//! Agreement with PyTorch, Keras and Burn, weight by weight: one program for all of it, which is linked once.

mod agreement;
mod golden_attention_weights;
mod golden_keras;
mod golden_layers;
mod golden_pytorch;
mod switch_from_burn;
mod weight_files;
