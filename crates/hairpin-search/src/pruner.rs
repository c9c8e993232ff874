//! Which trials are not worth finishing.

mod halving;
mod hyperband;
mod median;

pub use halving::SuccessiveHalving;
pub use hyperband::Hyperband;
pub use median::MedianRule;

use serde::{Deserialize, Serialize};

use crate::{Direction, Report, SearchError, TrialState, Verdict};

/// Which trials are stopped early, asked after each [report](crate::Trial::report).
///
/// A pruner looks at the reports of the trial and at those of the others, and at nothing else.
///
/// ```
/// use hairpin_search::{Direction, Peer, Pruner, Report, SuccessiveHalving, TrialState, Verdict};
///
/// let pruner = Pruner::SuccessiveHalving(SuccessiveHalving { min_step: 1, ..SuccessiveHalving::default() });
/// let good = [Report { step: 1, value: 0.2 }];
/// let others = [Peer { number: 0, reports: &good, state: Some(TrialState::Complete) }];
/// let verdict = |value| pruner.verdict(Direction::Minimise, 1, &[Report { step: 1, value }], &others);
/// assert_eq!(verdict(0.1), Verdict::Continue);
/// assert_eq!(verdict(0.3), Verdict::Stop);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Pruner {
    /// No trial is stopped.
    #[default]
    None,
    /// Those worse than the median of the complete trials.
    Median(MedianRule),
    /// At each rung, all but the best share.
    SuccessiveHalving(SuccessiveHalving),
    /// Successive halving in several brackets, from hasty to patient.
    Hyperband(Hyperband),
}

/// Another trial, as a pruner sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peer<'a> {
    /// Its number.
    pub number: usize,
    /// What it reported, in ascending steps.
    pub reports: &'a [Report],
    /// How it ended; `None` while it runs.
    pub state: Option<TrialState>,
}

impl Pruner {
    /// Whether trial `number` should go on after the last of its reports.
    ///
    /// `others` are all other trials, in any order. A trial without reports goes on.
    pub fn verdict(
        &self,
        direction: Direction,
        number: usize,
        reports: &[Report],
        others: &[Peer<'_>],
    ) -> Verdict {
        let stop = match self {
            Self::None => false,
            Self::Median(rule) => rule.stops(direction, reports, others),
            Self::SuccessiveHalving(halving) => {
                halving.stops(direction, reports, others.iter().map(|peer| peer.reports))
            }
            Self::Hyperband(hyperband) => hyperband.stops(direction, number, reports, others),
        };
        if stop {
            Verdict::Stop
        } else {
            Verdict::Continue
        }
    }

    /// Refuses settings that are out of their range.
    pub(crate) fn check(&self) -> Result<(), SearchError> {
        match self {
            Self::None | Self::Median(_) => Ok(()),
            Self::SuccessiveHalving(halving) => halving.check(),
            Self::Hyperband(hyperband) => hyperband.check(),
        }
    }
}

fn at_least(
    setting: &'static str,
    least: u64,
    expected: &'static str,
    found: u64,
) -> Result<(), SearchError> {
    if found >= least {
        return Ok(());
    }
    Err(SearchError::Setting {
        setting,
        expected,
        found: found.to_string(),
    })
}
