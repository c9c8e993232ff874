//! Hyper-parameter search for any function that has settings and a value.
//!
//! ```
//! use hairpin_search::{Budget, Pruner, Sampler, Space, Study, StudyConfig, SuccessiveHalving, Tpe, Verdict};
//!
//! let space = Space::builder()
//!     .log_float("learning_rate", 1e-4..=1.0)
//!     .categorical("momentum", [true, false])
//!     .float("beta", 0.0..=0.99)
//!     .when("momentum", [true])
//!     .build()?;
//! let config = StudyConfig {
//!     seed: 7,
//!     sampler: Sampler::Tpe(Tpe::default()),
//!     pruner: Pruner::SuccessiveHalving(SuccessiveHalving {
//!         min_step: 3,
//!         max_step: Some(27),
//!         ..SuccessiveHalving::default()
//!     }),
//!     ..StudyConfig::default()
//! };
//! # let folder = tempfile::tempdir().unwrap();
//! # let table = folder.path().join("trials.csv");
//! let study = Study::open(space, config, &table)?; // goes on where it was killed
//! study.run(Budget::trials(40), |trial| {
//!     let rate = trial.params().float("learning_rate")?;
//!     let beta = trial.params().float("beta").unwrap_or(0.0);
//!     // Gradient descent on 2 x^2: beyond some learning rate it diverges, and the trial is marked as failed.
//!     let (mut x, mut velocity) = (1.0, 0.0);
//!     for step in 1..=27 {
//!         velocity = beta * velocity - rate * 4.0 * x;
//!         x += velocity;
//!         if trial.report(step, 2.0 * x * x) == Verdict::Stop {
//!             break;
//!         }
//!     }
//!     Ok::<_, hairpin_search::SearchError>(2.0 * x * x)
//! })?;
//! assert!(study.best().expect("a complete trial").value < Some(1e-3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it is for |
//! |---|---|
//! | [`space`] | the parameters, in code or from TOML, with conditions |
//! | [`sampler`] | what to try next: random, TPE |
//! | [`pruner`] | what not to finish: median rule, successive halving, Hyperband |
//! | [`study`] | ask and tell, or a whole search with a budget and workers |
//! | [`importance()`] | how much of the variance each parameter explains |
//! | [`report`] | the search on one HTML page |
//! | [`table`] | the trials as a CSV file that survives a kill; joins those of array tasks |
//!
//! # What it does not do
//!
//! It starts no processes and talks to no scheduler: a search over many machines is a range of trials for each and one
//! [`table::merge`]. It has one objective, and no constraints but ranges and conditions. Values are floats of 64 bits; a trial
//! that is stopped does not come back.
//!
//! # What is not ours
//!
//! The densities of TPE are those of the crate `tpe` (MIT, one dependency); CSV is read and written by `csv`, drawings are made by
//! `plotters`. The crate `optimizer` (MIT) has samplers, pruners and a journal, but its random numbers depend on how many were drawn
//! before, so that a trial is no function of its number, and its spaces have no conditions. Of the forests, that of `fanova` (MIT)
//! takes choices and integers for floats between the smallest and the largest, which halves the weight of the first and the last,
//! and has no answer where the objective is constant; `smartcore` does not show its trees, `linfa-trees` classifies. So
//! [`importance()`] has its own.

mod error;
mod file;
mod importance;
pub mod pruner;
pub mod report;
pub mod sampler;
pub mod space;
pub mod study;
pub mod table;
mod trial;
mod value;

pub use error::{Place, SearchError};
pub use importance::{Importance, ImportanceConfig, importance};
pub use pruner::{Hyperband, MedianRule, Peer, Pruner, SuccessiveHalving};
pub use sampler::{Sampler, Tpe};
pub use space::{Condition, Domain, Param, Space, SpaceBuilder};
pub use study::{Budget, Study, StudyConfig, Trial, Verdict};
pub use table::{Trials, merge};
pub use trial::{Direction, FinishedTrial, Report, TrialRange, TrialState, best};
pub use value::{Params, Value};
