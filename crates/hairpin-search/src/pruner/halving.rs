//! Asynchronous successive halving.

use serde::{Deserialize, Serialize};

use super::at_least;
use crate::{Direction, Report, SearchError};

/// Asynchronous successive halving, ASHA ([Li et al. 2020]).
///
/// Trials climb rungs. Rung `k` stands at the step
///
/// ```text
/// min_step * factor^(rate + k),   k = 0, 1, 2, ...
/// ```
///
/// and a trial is measured there by its first report at or above that step. It goes on if its value is among the best
/// `floor(n / factor)`, at least one, of the `n` values that this rung has so far, its own included; of equal values all go on.
/// Nothing waits for a rung to fill.
///
/// The paper pauses a trial at a rung and may promote it later, when more have arrived. Here a trial is told at once whether to
/// go on, and does not come back: this is the stopping form, as in Optuna and Ray Tune. So the first trials of a rung go on
/// although later ones might have beaten them.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `min_step` | 1 | the step of the first rung at rate 0 | from 1 |
/// | `factor` | 3 | one in so many goes on; the paper's reduction factor | from 2 |
/// | `max_step` | none | the last step of a whole trial; no rung stands there or above | from 1 |
/// | `rate` | 0 | rungs that are left out below; the paper's early-stopping rate | any |
///
/// Name `max_step`: without it, a trial that ends on a rung may be marked as pruned by its last report.
///
/// [Li et al. 2020]: https://arxiv.org/abs/1810.05934
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SuccessiveHalving {
    /// The step of the first rung at rate 0.
    pub min_step: u64,
    /// One in so many goes on.
    pub factor: u64,
    /// The last step of a whole trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_step: Option<u64>,
    /// Rungs that are left out below.
    pub rate: u32,
}

impl Default for SuccessiveHalving {
    fn default() -> Self {
        Self {
            min_step: 1,
            factor: 3,
            max_step: None,
            rate: 0,
        }
    }
}

impl SuccessiveHalving {
    pub(super) fn check(&self) -> Result<(), SearchError> {
        at_least(
            "min_step of successive halving",
            1,
            "at least 1",
            self.min_step,
        )?;
        at_least(
            "max_step of successive halving",
            1,
            "at least 1",
            self.max_step.unwrap_or(u64::MAX),
        )?;
        at_least("factor of successive halving", 2, "at least 2", self.factor)
    }

    pub(super) fn stops<'a>(
        &self,
        direction: Direction,
        reports: &[Report],
        others: impl Iterator<Item = &'a [Report]> + Clone,
    ) -> bool {
        let Some((last, before)) = reports.split_last() else {
            return false;
        };
        let reached = before.last().map_or(0, |report| report.step);
        // A report may pass several rungs at once: it is measured at each.
        self.rungs()
            .skip_while(|&rung| rung <= reached)
            .take_while(|&rung| rung <= last.step && self.max_step.is_none_or(|most| rung < most))
            .any(|rung| {
                let cost = direction.cost(last.value);
                let (mut n, mut better) = (1, 0);
                for value in others.clone().filter_map(|reports| at_rung(reports, rung)) {
                    n += 1;
                    better += u64::from(direction.cost(value) < cost);
                }
                better >= (n / self.factor.max(2)).max(1)
            })
    }

    /// The steps of the rungs, ascending, as far as 64 bits go.
    fn rungs(&self) -> impl Iterator<Item = u64> {
        let factor = self.factor.max(2);
        let first = factor
            .checked_pow(self.rate)
            .and_then(|scale| self.min_step.max(1).checked_mul(scale));
        std::iter::successors(first, move |rung| rung.checked_mul(factor))
    }
}

/// The value by which a trial is measured at a rung, if it came so far.
fn at_rung(reports: &[Report], rung: u64) -> Option<f64> {
    let first = reports.partition_point(|report| report.step < rung);
    reports.get(first).map(|report| report.value)
}
