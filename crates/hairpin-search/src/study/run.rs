//! Runs an objective until the budget is spent.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Study, Trial};
use crate::{SearchError, TrialRange};

/// How long a search goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    trials: TrialRange,
    time: Option<Duration>,
}

impl Budget {
    /// Until this many trials are known, those of earlier calls and of the table included.
    pub fn trials(n: usize) -> Self {
        Self::range(0..n)
    }

    /// The trials of a range that are not known yet: one array task of several.
    pub fn range(trials: impl Into<TrialRange>) -> Self {
        Self {
            trials: trials.into(),
            time: None,
        }
    }

    /// As many trials as begin within this time.
    pub fn time(time: Duration) -> Self {
        Self::trials(usize::MAX).within(time)
    }

    /// The same, but no trial begins after this time from the call of [`run`](Study::run). A trial that runs then is waited for.
    pub fn within(self, time: Duration) -> Self {
        let time = Some(time);
        Self { time, ..self }
    }
}

impl Study {
    /// Runs the objective, one trial after the other, until the budget is spent.
    ///
    /// The objective returns its value, or an error that fails the trial. In between it may [`report`](Trial::report), and
    /// returns the value so far when it is told to stop.
    ///
    /// # Errors
    ///
    /// [`Write`](SearchError::Write) if a row cannot be written.
    pub fn run<E: Display>(
        &self,
        budget: Budget,
        mut objective: impl FnMut(&Trial) -> Result<f64, E>,
    ) -> Result<(), SearchError> {
        let begun = Instant::now();
        while let Some(trial) = self.next(budget, begun) {
            let outcome = objective(&trial);
            self.tell(trial, outcome)?;
        }
        Ok(())
    }

    /// Runs the objective in several threads, each with a trial of its own.
    ///
    /// A random search has the same trials as with one worker, in the order in which they end. TPE and pruners look at what is
    /// known at the moment, which depends on how fast the trials are.
    ///
    /// # Errors
    ///
    /// [`Write`](SearchError::Write) if a row cannot be written; the other workers end the trials that they have.
    pub fn run_parallel<E: Display>(
        &self,
        budget: Budget,
        workers: NonZeroUsize,
        objective: impl Fn(&Trial) -> Result<f64, E> + Sync,
    ) -> Result<(), SearchError> {
        let begun = Instant::now();
        let (over, first_error) = (AtomicBool::new(false), Mutex::new(None));
        std::thread::scope(|scope| {
            for _ in 0..workers.get() {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed)
                        && let Some(trial) = self.next(budget, begun)
                    {
                        let outcome = objective(&trial);
                        if let Err(error) = self.tell(trial, outcome) {
                            over.store(true, Ordering::Relaxed);
                            let mut first =
                                first_error.lock().unwrap_or_else(PoisonError::into_inner);
                            first.get_or_insert(error);
                        }
                    }
                });
            }
        });
        let first = first_error.into_inner();
        first
            .unwrap_or_else(PoisonError::into_inner)
            .map_or(Ok(()), Err)
    }

    fn next(&self, budget: Budget, begun: Instant) -> Option<Trial> {
        let in_time = budget.time.is_none_or(|time| begun.elapsed() < time);
        in_time.then(|| self.ask(budget.trials)).flatten()
    }
}
