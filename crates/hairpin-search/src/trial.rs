//! What a search keeps of a trial.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Params, SearchError};

/// Which values of the objective are good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Small ones, such as losses.
    #[default]
    Minimise,
    /// Large ones, such as correlations.
    Maximise,
}

impl Direction {
    /// The value as one to minimise.
    pub(crate) fn cost(self, value: f64) -> f64 {
        match self {
            Self::Minimise => value,
            Self::Maximise => -value,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minimise => "minimise",
            Self::Maximise => "maximise",
        })
    }
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialState {
    /// It has a value.
    Complete,
    /// The pruner stopped it; its value is the one it had then.
    Pruned,
    /// The objective was an error, or not a finite number.
    Failed,
}

impl fmt::Display for TrialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete",
            Self::Pruned => "pruned",
            Self::Failed => "failed",
        })
    }
}

/// What a running trial said of itself: the objective so far, after some epochs, say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How much was spent: epochs, batches, rows.
    pub step: u64,
    /// The objective at that step; finite.
    pub value: f64,
}

/// A trial whose outcome is known.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedTrial {
    /// Its number, from 0.
    pub number: usize,
    /// What was tried.
    pub params: Params,
    /// How it ended.
    pub state: TrialState,
    /// The objective; `None` if the trial failed.
    pub value: Option<f64>,
    /// What it reported, in ascending steps.
    pub reports: Vec<Report>,
    /// Why it failed; empty otherwise. One line.
    pub message: String,
}

/// The complete trial with the best value, of equals the one with the lowest number.
///
/// A pruned trial was stopped early, so that its value does not compare with those of complete ones.
pub fn best(direction: Direction, trials: &[FinishedTrial]) -> Option<&FinishedTrial> {
    trials
        .iter()
        .filter(|trial| trial.state == TrialState::Complete)
        .filter_map(|trial| Some((direction.cost(trial.value?), trial)))
        .min_by(|(a, left), (b, right)| a.total_cmp(b).then(left.number.cmp(&right.number)))
        .map(|(_, trial)| trial)
}

/// The trials, best first: complete ones by value, then pruned ones by how far they came, then failed ones.
pub(crate) fn ranked(direction: Direction, finished: &[FinishedTrial]) -> Vec<&FinishedTrial> {
    let mut ranked: Vec<&FinishedTrial> = finished.iter().collect();
    let key = |trial: &FinishedTrial| {
        let cost = |value| direction.cost(value);
        let last = trial.reports.last();
        match trial.state {
            TrialState::Complete => (0, 0, trial.value.map_or(f64::INFINITY, cost)),
            TrialState::Pruned => {
                let steps_left = u64::MAX - last.map_or(0, |report| report.step);
                (1, steps_left, trial.value.map_or(f64::INFINITY, cost))
            }
            TrialState::Failed => (2, 0, 0.0),
        }
    };
    ranked.sort_by(|a, b| {
        let ((class, steps, cost), (other_class, other_steps, other_cost)) = (key(a), key(b));
        (class, steps)
            .cmp(&(other_class, other_steps))
            .then(cost.total_cmp(&other_cost))
            .then(a.number.cmp(&b.number))
    });
    ranked
}

/// Numbers of trials, the first included, the last not: `40..60` are the twenty trials 40 to 59.
///
/// ```
/// use hairpin_search::TrialRange;
///
/// let range: TrialRange = "40..60".parse()?;
/// assert_eq!((range.start, range.end), (40, 60));
/// assert!("60..40".parse::<TrialRange>().is_err());
/// # Ok::<(), hairpin_search::SearchError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialRange {
    /// The first trial.
    pub start: usize,
    /// The trial after the last one.
    pub end: usize,
}

impl From<Range<usize>> for TrialRange {
    fn from(range: Range<usize>) -> Self {
        let Range { start, end } = range;
        Self { start, end }
    }
}

impl FromStr for TrialRange {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        // Digits only: the standard library takes `+40` as well.
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits)
        };
        text.split_once("..")
            .and_then(|(start, end)| Some((number(start)?, number(end)?)))
            .filter(|(start, end)| start < end)
            .map(|(start, end)| Self { start, end })
            .ok_or_else(|| SearchError::Range {
                text: text.to_owned(),
            })
    }
}

impl fmt::Display for TrialRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}
