#![doc = include_str!("../README.md")]

pub use hairpin_models as models;
pub use hairpin_nn as nn;
pub use hairpin_seq as seq;
pub use hairpin_targets as targets;
pub use hairpin_tasks as tasks;
pub use hairpin_train as train;
