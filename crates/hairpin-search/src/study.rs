//! A search: asks for trials, learns their outcomes, keeps them in a table.

mod id;
mod run;
mod running;

pub(crate) use id::StudyId;
pub use run::Budget;
pub use running::{Trial, Verdict};

use std::fmt::Display;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::table::Table;
use crate::{
    Direction, FinishedTrial, Pruner, Sampler, SearchError, Space, TrialRange, TrialState,
};
use running::Running;

/// How a search is done.
///
/// | name | default | meaning |
/// |---|---|---|
/// | `seed` | 0 | what all trials are drawn from |
/// | `direction` | `minimise` | which values of the objective are good |
/// | `sampler` | random | how parameters are chosen |
/// | `pruner` | none | which trials are stopped early |
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudyConfig {
    /// What all trials are drawn from.
    pub seed: u64,
    /// Which values of the objective are good.
    pub direction: Direction,
    /// How parameters are chosen.
    pub sampler: Sampler,
    /// Which trials are stopped early.
    pub pruner: Pruner,
}

/// A search.
///
/// [`run`](Self::run) calls an objective until the [`Budget`] is spent. A value that is NaN or infinite, or an error, marks the
/// trial as failed and the search goes on; a panic is a fault of the program and passes through.
///
/// ```
/// use hairpin_search::{Budget, Sampler, Space, Study, StudyConfig, Tpe};
///
/// let space = Space::builder().float("x", -5.0..=5.0).categorical("sign", [1, -1]).build()?;
/// let config = StudyConfig { seed: 1, sampler: Sampler::Tpe(Tpe::default()), ..StudyConfig::default() };
/// let study = Study::new(space, config)?;
/// study.run(Budget::trials(60), |trial| {
///     let (x, sign) = (trial.params().float("x")?, trial.params().int("sign")?);
///     Ok::<_, hairpin_search::SearchError>((x - 2.0).powi(2) + sign as f64)
/// })?;
/// let best = study.best().expect("a trial");
/// assert!((best.params.float("x")? - 2.0).abs() < 0.5);
/// assert_eq!(best.params.int("sign")?, -1);
/// # Ok::<(), hairpin_search::SearchError>(())
/// ```
///
/// [`ask`](Self::ask) and [`tell`](Self::tell) are for a program that has its own loop:
///
/// ```
/// use hairpin_search::{Space, Study, StudyConfig};
///
/// let space = Space::builder().int("k", 1..=9).build()?;
/// let study = Study::new(space, StudyConfig::default())?;
/// while let Some(trial) = study.ask(0..5) {
///     let outcome = Ok::<_, String>(trial.params().int("k")? as f64);
///     study.tell(trial, outcome)?;
/// }
/// assert_eq!(study.trials().len(), 5);
/// # Ok::<(), hairpin_search::SearchError>(())
/// ```
#[derive(Debug)]
pub struct Study {
    shared: Arc<Shared>,
}

/// What a study shares with its running trials.
#[derive(Debug)]
struct Shared {
    space: Space,
    config: StudyConfig,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    finished: Vec<FinishedTrial>,
    running: Vec<Running>,
    table: Option<Table>,
}

impl Shared {
    /// A panic elsewhere leaves the state whole: nothing that can panic happens half-way through a change.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Study {
    /// A search that is kept in memory.
    ///
    /// # Errors
    ///
    /// [`Setting`](SearchError::Setting) for a setting out of its range.
    pub fn new(space: Space, config: StudyConfig) -> Result<Self, SearchError> {
        Self::with(space, config, State::default())
    }

    /// A search that is kept in a [table](crate::table): a new one, or one that goes on where it was killed.
    ///
    /// The table must be of the same space, seed and direction; sampler and pruner may have changed, but then the search is no
    /// longer the one that they alone would give. The table is locked until the study and its trials are dropped.
    ///
    /// # Errors
    ///
    /// [`Setting`](SearchError::Setting) for a setting out of its range; for the table those of
    /// [`table::read`](crate::table::read), [`InUse`](SearchError::InUse) and [`Write`](SearchError::Write).
    pub fn open(space: Space, config: StudyConfig, path: &Path) -> Result<Self, SearchError> {
        let study = Self::new(space, config)?;
        let shared = &study.shared;
        let id = StudyId::new(&shared.space, config.direction, config.seed);
        let (table, finished) = Table::open(path, &shared.space, &id)?;
        *shared.lock() = State {
            finished,
            running: Vec::new(),
            table: Some(table),
        };
        Ok(study)
    }

    fn with(space: Space, config: StudyConfig, state: State) -> Result<Self, SearchError> {
        config.sampler.check()?;
        config.pruner.check()?;
        let state = Mutex::new(state);
        let shared = Arc::new(Shared {
            space,
            config,
            state,
        });
        Ok(Self { shared })
    }

    /// The space.
    pub fn space(&self) -> &Space {
        &self.shared.space
    }

    /// How the search is done.
    pub fn config(&self) -> &StudyConfig {
        &self.shared.config
    }

    /// The trials whose outcome is known, in the order in which they ended.
    pub fn trials(&self) -> Vec<FinishedTrial> {
        self.shared.lock().finished.clone()
    }

    /// The complete trial with the best value so far.
    pub fn best(&self) -> Option<FinishedTrial> {
        let state = self.shared.lock();
        crate::best(self.shared.config.direction, &state.finished).cloned()
    }

    /// The first trial of a range that is neither known nor running, or `None` if there is none.
    ///
    /// A trial that is dropped without being told is given out again.
    pub fn ask(&self, trials: impl Into<TrialRange>) -> Option<Trial> {
        let TrialRange { start, end } = trials.into();
        let mut state = self.shared.lock();
        let mut taken: Vec<usize> = state
            .finished
            .iter()
            .map(|trial| trial.number)
            .chain(state.running.iter().map(|trial| trial.number))
            .filter(|number| (start..end).contains(number))
            .collect();
        taken.sort_unstable();
        let gap = taken
            .iter()
            .zip(start..)
            .find(|(taken, next)| *taken != next);
        let number = gap.map_or(start + taken.len(), |(_, next)| next);
        if number >= end {
            return None;
        }
        let StudyConfig {
            seed,
            direction,
            sampler,
            ..
        } = self.shared.config;
        let space = &self.shared.space;
        let params = sampler.draw(space, seed, number, direction, &state.finished);
        state.running.push(Running::new(number));
        Some(Trial::new(number, params, Arc::clone(&self.shared)))
    }

    /// Takes the outcome of a trial and writes its row.
    ///
    /// The trial is failed if the outcome is an error or not a finite number or if it reported one, pruned if it was told to
    /// stop, and complete otherwise.
    ///
    /// # Errors
    ///
    /// [`NotRunning`](SearchError::NotRunning) for a trial of another study, [`Write`](SearchError::Write) if the row cannot be
    /// written; the trial is then not known, and asked for again.
    pub fn tell<E: Display>(
        &self,
        trial: Trial,
        outcome: Result<f64, E>,
    ) -> Result<FinishedTrial, SearchError> {
        let number = trial.number();
        let mut state = self.shared.lock();
        let position = state
            .running
            .iter()
            .position(|running| running.number == number);
        let position = position
            .filter(|_| trial.is_of(&self.shared))
            .ok_or(SearchError::NotRunning { trial: number })?;
        let running = state.running.swap_remove(position);
        let (state_of, value, message) = match (running.diverged, outcome) {
            (Some(report), _) => {
                let message = format!("reported {} at step {}", report.value, report.step);
                (TrialState::Failed, None, message)
            }
            (None, Ok(value)) if value.is_finite() => {
                let state = if running.stopped {
                    TrialState::Pruned
                } else {
                    TrialState::Complete
                };
                (state, Some(value), String::new())
            }
            (None, Ok(value)) => {
                let message = format!("the objective is {value}");
                (TrialState::Failed, None, message)
            }
            (None, Err(error)) => (TrialState::Failed, None, one_line(&error)),
        };
        let finished = FinishedTrial {
            number,
            params: trial.params().clone(),
            state: state_of,
            value,
            reports: running.reports,
            message,
        };
        if let Some(table) = &mut state.table {
            table.append(&self.shared.space, &finished)?;
        }
        state.finished.push(finished.clone());
        // The trial's drop looks for itself among the running ones.
        drop(state);
        Ok(finished)
    }
}

/// Most characters of a message that a table keeps.
const LONGEST_MESSAGE: usize = 1000;

/// An error as a row of a table holds it: without control characters, and not endless.
fn one_line(error: &impl Display) -> String {
    let text = error.to_string();
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let text: String = plain.take(LONGEST_MESSAGE).collect();
    let text = text.trim();
    if text.is_empty() {
        "the objective was an error without a message".to_owned()
    } else {
        text.to_owned()
    }
}
