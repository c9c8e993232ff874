//! A trial while it runs.

use std::sync::Arc;

use super::Shared;
use crate::pruner::Peer;
use crate::{Params, Report};

/// Whether a running trial should go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a trial that goes on after `Stop` is marked as pruned all the same"]
pub enum Verdict {
    /// It is worth its time.
    Continue,
    /// Return the value so far.
    Stop,
}

/// What the study knows of a running trial.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) number: usize,
    pub(super) reports: Vec<Report>,
    /// The pruner said so.
    pub(super) stopped: bool,
    /// The report that was not a finite number.
    pub(super) diverged: Option<Report>,
}

impl Running {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            reports: Vec::new(),
            stopped: false,
            diverged: None,
        }
    }
}

/// A trial that runs. Dropped without having been [told](super::Study::tell), it did not happen.
#[derive(Debug)]
pub struct Trial {
    number: usize,
    params: Params,
    shared: Arc<Shared>,
}

impl Trial {
    pub(super) fn new(number: usize, params: Params, shared: Arc<Shared>) -> Self {
        Self {
            number,
            params,
            shared,
        }
    }

    /// Its number, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// What to try.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Reports the objective after `step` (an epoch, say) and asks whether to go on.
    ///
    /// The steps of a trial ascend; what is reported at a step that is not above the last one is not kept. A value that is NaN
    /// or infinite is a reason to stop: the trial has diverged, and will be marked as failed.
    pub fn report(&self, step: u64, value: f64) -> Verdict {
        let mut state = self.shared.lock();
        let state = &mut *state;
        let Some(i) = state
            .running
            .iter()
            .position(|running| running.number == self.number)
        else {
            // Only `tell` takes a trial from the list, and it takes the trial itself with it.
            return Verdict::Stop;
        };
        let running = &mut state.running[i];
        let report = Report { step, value };
        if !value.is_finite() {
            running.diverged.get_or_insert(report);
        }
        let over = running.stopped || running.diverged.is_some();
        if over || running.reports.last().is_some_and(|last| step <= last.step) {
            return if over {
                Verdict::Stop
            } else {
                Verdict::Continue
            };
        }
        running.reports.push(report);
        let finished = state.finished.iter().map(|trial| Peer {
            number: trial.number,
            reports: &trial.reports,
            state: Some(trial.state),
        });
        let others = state
            .running
            .iter()
            .filter(|other| other.number != self.number);
        let others = others.map(|other| Peer {
            number: other.number,
            reports: &other.reports,
            state: None,
        });
        let peers: Vec<Peer<'_>> = finished.chain(others).collect();
        let config = &self.shared.config;
        let reports = &state.running[i].reports;
        let verdict = config
            .pruner
            .verdict(config.direction, self.number, reports, &peers);
        state.running[i].stopped = verdict == Verdict::Stop;
        verdict
    }

    pub(super) fn is_of(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state
            .running
            .retain(|running| running.number != self.number);
    }
}
