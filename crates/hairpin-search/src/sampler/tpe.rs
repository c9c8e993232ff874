//! The tree-structured Parzen estimator.

use ::tpe::{TpeOptimizer, TpeOptimizerBuilder, categorical_range, histogram_estimator, range};
use serde::{Deserialize, Serialize};

use super::{fill, from_scaled, random, rng, scaled_bounds, to_scaled, uniform};
use crate::space::{Domain, Param};
use crate::trial::ranked;
use crate::{Direction, FinishedTrial, Params, SearchError, Space, TrialState, Value};

/// Tree-structured Parzen estimator ([Bergstra et al. 2011]).
///
/// The finished trials are divided into a few good ones and the others. For each parameter alone, one density `l(x)` is fitted
/// to the values of the good trials and one, `g(x)`, to those of the others; of some candidates that are drawn from `l`, the one
/// with the largest
///
/// ```text
/// l(x) / g(x)
/// ```
///
/// is tried, which is where the expected improvement is largest. The first trials are random. Densities are those of the crate
/// [`tpe`](https://docs.rs/tpe): truncated normal distributions around the values, each as wide as the gap to its neighbour,
/// and counts for choices. Its optimiser holds one parameter on a range; scales, integers, conditions, pruned and failed trials
/// are arranged here.
///
/// The order of the trials is: complete ones by value; then pruned ones, those that came further first; then failed ones, so
/// that a region that diverges is left. Good ones are the first `gamma` of those that did not fail, at most `most_good`. A trial
/// that does not have a parameter does not speak for or against its values.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `startup` | 10 | random trials before the first estimate; failed ones do not count | any |
/// | `gamma` | 0.1 | share of good trials, rounded up | above 0, below 1 |
/// | `most_good` | 25 | most good trials | from 1 |
/// | `candidates` | 24 | draws of which the best is taken | 1 to 10,000 |
///
/// The defaults are those of Optuna 5; like its own, they treat each parameter for itself.
///
/// [Bergstra et al. 2011]: https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tpe {
    /// Random trials before the first estimate.
    pub startup: usize,
    /// Share of the trials that are good.
    pub gamma: f64,
    /// Most good trials.
    pub most_good: usize,
    /// Draws of which the best is taken.
    pub candidates: usize,
}

impl Default for Tpe {
    fn default() -> Self {
        Self {
            startup: 10,
            gamma: 0.1,
            most_good: 25,
            candidates: 24,
        }
    }
}

impl Tpe {
    pub(super) fn check(&self) -> Result<(), SearchError> {
        if !(self.gamma > 0.0 && self.gamma < 1.0) {
            return Err(SearchError::Setting {
                setting: "gamma of TPE",
                expected: "a number above 0 and below 1",
                found: self.gamma.to_string(),
            });
        }
        for (setting, value, most, expected) in [
            ("most_good of TPE", self.most_good, usize::MAX, "at least 1"),
            (
                "candidates of TPE",
                self.candidates,
                10_000,
                "from 1 to 10000",
            ),
        ] {
            if !(1..=most).contains(&value) {
                return Err(SearchError::Setting {
                    setting,
                    expected,
                    found: value.to_string(),
                });
            }
        }
        Ok(())
    }

    pub(super) fn draw(
        &self,
        space: &Space,
        seed: u64,
        number: usize,
        direction: Direction,
        finished: &[FinishedTrial],
    ) -> Params {
        let with_value = finished
            .iter()
            .filter(|trial| trial.state != TrialState::Failed)
            .count();
        if with_value < self.startup.max(1) {
            return random(space, seed, number);
        }
        let ranked = ranked(direction, finished);
        let good = (self.gamma * with_value as f64).ceil() as usize;
        let good = good.min(self.most_good).max(1);
        // The crate takes a share of all trials and rounds up: this one gives `good`.
        let share = (good as f64 - 0.5) / ranked.len() as f64;
        fill(space, |param| {
            let mut rng = rng(seed, number, &param.name, "tpe");
            // A domain of one value leaves nothing to estimate.
            self.optimiser(param, share, &ranked)
                .and_then(|mut optimiser| optimiser.ask(&mut rng).ok())
                .map_or_else(
                    || uniform(&param.domain, &mut rng),
                    |x| from_scaled(&param.domain, x),
                )
        })
    }

    /// The crate's optimiser of one parameter, told of all trials, or nothing for a domain of one value.
    fn optimiser(
        &self,
        param: &Param,
        share: f64,
        ranked: &[&FinishedTrial],
    ) -> Option<TpeOptimizer> {
        let (start, end) = scaled_bounds(&param.domain);
        let mut builder = TpeOptimizerBuilder::new();
        builder.gamma(share).candidates(self.candidates);
        let mut optimiser = match &param.domain {
            Domain::Categorical { choices } => {
                let range = categorical_range(choices.len()).ok()?;
                builder.build(histogram_estimator(), range).ok()?
            }
            // The crate's ranges do not hold their end, ours do.
            _ if start < end => {
                let range = range(start, end.next_up()).ok()?;
                builder.build(::tpe::parzen_estimator(), range).ok()?
            }
            _ => return None,
        };
        for (rank, trial) in ranked.iter().enumerate() {
            let of = |value: &Value| to_scaled(&param.domain, value);
            // Not a number means: this trial does not have the parameter.
            let x = trial.params.get(&param.name).and_then(of);
            let x = x.map_or(f64::NAN, |x| x.clamp(start, end));
            optimiser.tell(x, rank as f64).ok()?;
        }
        Some(optimiser)
    }
}
