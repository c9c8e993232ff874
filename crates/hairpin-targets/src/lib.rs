//! What a network is asked for, and how well it answers: targets, splits, metrics with intervals, and simple controls.
//!
//! The labels of some sequences, split so that every part has each class in proportion; a control fitted to the training
//! rows; and how often it is right on rows it has not seen:
//!
//! ```
//! use hairpin_seq::{Dna, Seq};
//! use hairpin_targets::control::{Classifier, MarkovChain};
//! use hairpin_targets::{ClassLabels, Fractions, metrics, split};
//!
//! // Three classes of twenty sequences: repeats of AC, of AAC and of ACC, from one to ten of them.
//! let mut seqs: Vec<Seq<Dna>> = Vec::new();
//! for motif in ["AC", "AAC", "ACC"] {
//!     for i in 0..20 {
//!         seqs.push(motif.repeat(1 + i / 2).parse()?);
//!     }
//! }
//! let labels = ClassLabels::new([[0; 20], [1; 20], [2; 20]].concat(), 3)?;
//!
//! // Split before you fit.
//! let fractions = Fractions { train: 0.6, valid: 0.0, test: 0.4 };
//! let split = split::stratified(&labels, fractions, 7)?;
//! let rows = |rows: &[usize]| rows.iter().map(|&row| seqs[row].clone()).collect::<Vec<_>>();
//! let (train, train_labels) = (rows(&split.train), labels.select(&split.train)?);
//! let (test, test_labels) = (rows(&split.test), labels.select(&split.test)?);
//! assert_eq!(test_labels.counts(), [8, 8, 8]);
//!
//! // The control every model is held against.
//! let control = MarkovChain::new(1).fit(&train, &train_labels)?;
//! let accuracy = metrics::accuracy(&control.predict(&test), &test_labels, 0.95)?;
//! assert_eq!(
//!     format!("{}: {accuracy:.3}", control.name()),
//!     "Markov chain of order 1: 1.000 (95 % interval 0.862 to 1.000)"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! - [`TargetMatrix`]: numbers to predict, examples by tasks, with a mask for what was not measured, ids and standard errors
//! - [`mod@recipe`]: logs, clipping, scaling, ranks to normal, truncated SVD: fitted to training rows, applied, inverted
//! - [`ClassLabels`]: one class per example; [`most_likely`]: from probabilities back to classes
//! - [`category`]: one-hot and cross-fitted target encoding of cell types, compounds, experiments
//! - [`mod@split`]: random, stratified, group-disjoint, similarity-disjoint and joint splits and folds from a seed, and the
//!   [`LeakageReport`] of any split
//! - [`mod@similarity`]: clusters and nearest neighbours of sequences; [`duplicates`]: what to drop, and why
//! - [`metrics`]: accuracy, confusion matrix and cross-entropy, with intervals
//! - [`control`]: majority class, nearest k-mer centroid, Markov chain per class; averages, nearest neighbours, ridge, boosted trees
//! - `completion` (feature `linalg`): the cells of a two-way table that nobody measured, all columns at once
//! - [`mod@blend`]: several models' predictions joined into one, by weights learned out of fold
//!
//! # What it does not do
//!
//! It reads no task's files, knows no tensor and no device, and trains no network. Everything that is random comes from a
//! seed and is the same on every machine.

pub mod blend;
pub mod category;
#[cfg(feature = "linalg")]
pub mod completion;
pub mod control;
pub mod duplicates;
mod error;
mod groups;
mod matrix;
pub mod metrics;
mod normal;
pub mod recipe;
pub mod similarity;
pub mod split;

pub use category::{Categories, ClassLabels, most_likely};
pub use error::TargetError;
pub use groups::Groups;
pub use matrix::TargetMatrix;
pub use recipe::{FittedRecipe, FittedStep, Recipe, Scaling, Step, SvdMissing, UnseenGroup};

pub use split::{Folds, Fractions, LeakageReport, Split};
