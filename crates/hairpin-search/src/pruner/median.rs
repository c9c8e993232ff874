//! The median rule.

use serde::{Deserialize, Serialize};

use super::Peer;
use crate::{Direction, Report, TrialState};

/// The median stopping rule ([Golovin et al. 2017], section 3.2.2).
///
/// A trial is stopped at step `s` if the best value that it has reported is worse than the median of the running averages
///
/// ```text
/// mean of the values that trial i reported up to step s
/// ```
///
/// of the complete trials. Trials that reported nothing up to `s` do not count; of an even number the median is the mean of the
/// two in the middle.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `startup` | 5 | complete trials before the first is stopped | any; 0 means 1 |
/// | `warm_up` | 0 | steps before which no trial is stopped | any |
///
/// [Golovin et al. 2017]: https://doi.org/10.1145/3097983.3098043
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MedianRule {
    /// Complete trials before the first is stopped.
    pub startup: usize,
    /// Steps before which no trial is stopped.
    pub warm_up: u64,
}

impl Default for MedianRule {
    fn default() -> Self {
        Self {
            startup: 5,
            warm_up: 0,
        }
    }
}

impl MedianRule {
    pub(super) fn stops(
        &self,
        direction: Direction,
        reports: &[Report],
        others: &[Peer<'_>],
    ) -> bool {
        let Some(step) = reports.last().map(|last| last.step) else {
            return false;
        };
        if step < self.warm_up {
            return false;
        }
        let cost = |report: &Report| direction.cost(report.value);
        let best = reports.iter().map(cost).fold(f64::INFINITY, f64::min);
        let mut averages: Vec<f64> = others
            .iter()
            .filter(|peer| peer.state == Some(TrialState::Complete))
            .filter_map(|peer| {
                let n = peer.reports.partition_point(|report| report.step <= step);
                let sum: f64 = peer.reports[..n].iter().map(cost).sum();
                (n > 0).then(|| sum / n as f64)
            })
            .collect();
        if averages.len() < self.startup.max(1) {
            return false;
        }
        averages.sort_by(f64::total_cmp);
        let middle = averages.len() / 2;
        let median = if averages.len().is_multiple_of(2) {
            (averages[middle - 1] + averages[middle]) / 2.0
        } else {
            averages[middle]
        };
        best > median
    }
}
