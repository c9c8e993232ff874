//! Laws that hold for whatever is drawn, and values that others calculated.

mod blend;
mod completion;
mod control;
mod drawn;
mod encoding;
mod golden_metrics;
mod golden_profile;
mod golden_recipe;
mod golden_regression;
mod metrics;
mod profile;
mod recipe;
mod similarity;
mod split;
mod trees;
