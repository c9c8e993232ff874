//! Checkpoints of a [`Run`], and the way back from one.

use super::run::Run;
use super::{Kept, Session};
use crate::checkpoint::{self, Checkpoint, State};
use crate::history::History;
use crate::weights::{load_weights, record};
use crate::{RunDir, TrainError, events};
use burn::module::Module;
use burn::tensor::Bytes;
use std::path::Path;
use std::time::{Duration, Instant};

/// The last checkpoint.
pub(super) struct Saved {
    at: Instant,
    step: Option<usize>,
}

impl Saved {
    /// None yet.
    pub(super) fn nothing() -> Self {
        Self {
            at: Instant::now(),
            step: None,
        }
    }

    /// One of just now, of this step.
    pub(super) fn step(step: usize) -> Self {
        Self {
            at: Instant::now(),
            step: Some(step),
        }
    }

    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        self.at.elapsed() >= age
    }
}

impl<M: Module, O> Run<'_, M, O> {
    /// Writes a checkpoint, unless the last one written is of the same step.
    pub(super) fn save(&self, session: &Session<'_>, saved: &mut Saved) -> Result<(), TrainError> {
        let step = self.schedule.steps_taken();
        if saved.step == Some(step) {
            return Ok(());
        }
        let path = session.run.file(RunDir::CHECKPOINT);
        let optimizer = self
            .optimizer
            .into_bytes()
            .map_err(|error| TrainError::Weights {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        let mut parts = vec![
            // In evaluation: running statistics are brought up to date by that alone.
            (MODEL.to_owned(), record(&self.model.valid(), &path)?),
            (OPTIMIZER.to_owned(), optimizer.to_vec()),
        ];
        if let Some(average) = &self.average.model {
            parts.push((AVERAGE.to_owned(), record(average, &path)?));
        }
        for (place, kept) in self.best.iter().enumerate() {
            parts.push((best_name(place), record(&kept.model, &path)?));
        }
        checkpoint::save(
            session.run,
            Checkpoint {
                state: State {
                    format: State::FORMAT,
                    hairpin: env!("CARGO_PKG_VERSION").to_owned(),
                    step,
                    position: self.position.clone(),
                    schedule: self.schedule.clone(),
                    averaged: self.average.count,
                    best: self.best.iter().map(|kept| kept.epoch).collect(),
                    history_csv: self.history.to_csv(),
                    origin: session.origin.clone(),
                    hashes: Vec::new(),
                },
                parts,
            },
        )?;
        *saved = Saved::step(step);
        events::checkpoint_written(&path, self.position.epoch, self.position.batch);
        Ok(())
    }

    /// Goes on from the newest checkpoint that is whole.
    pub(super) fn resume(
        self,
        found: &[std::path::PathBuf],
        session: &Session<'_>,
    ) -> Result<Self, TrainError> {
        let mut refused = None;
        for folder in found {
            match checkpoint::load(folder) {
                Ok(checkpoint) => return self.go_on(checkpoint, folder, session),
                // The one before leads to the same end.
                Err(error @ TrainError::CheckpointBroken { .. }) => {
                    session
                        .run
                        .append_log(&format!("passed over a checkpoint: {error}"))?;
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or(TrainError::NoCheckpoint {
            path: session.run.file(RunDir::CHECKPOINT),
        }))
    }

    fn go_on(
        mut self,
        checkpoint: Checkpoint,
        folder: &Path,
        session: &Session<'_>,
    ) -> Result<Self, TrainError> {
        let Checkpoint { state, parts } = checkpoint;
        let own = session.origin.iter();
        if let Some((name, _)) = own
            .chain(&state.origin)
            .find(|fact| !(session.origin.contains(fact) && state.origin.contains(fact)))
        {
            return Err(TrainError::CheckpointDiffers {
                path: folder.to_owned(),
                what: name.clone(),
            });
        }
        self.history =
            History::from_csv(&state.history_csv).map_err(|source| TrainError::History {
                path: folder.to_owned(),
                source,
            })?;
        let blank = self.model.valid();
        let mut best: Vec<Option<M>> = vec![None; state.best.len()];
        for (name, bytes) in parts {
            // As many copies as there are parts: models that are cloned share their running statistics.
            let load = |bytes| load_weights(blank.valid(), bytes, folder);
            match name.as_str() {
                MODEL => self.model = load_weights(self.model, bytes, folder)?,
                AVERAGE => self.average.model = Some(load(bytes)?),
                OPTIMIZER => {
                    self.optimizer = self
                        .optimizer
                        .from_bytes(Bytes::from_bytes_vec(bytes))
                        .map_err(|error| TrainError::Weights {
                            path: folder.to_owned(),
                            reason: error.to_string(),
                        })?;
                }
                name => {
                    if let Some(place) = (0..best.len()).find(|&place| best_name(place) == name) {
                        best[place] = Some(load(bytes)?);
                    }
                }
            }
        }
        self.average.count = state.averaged;
        self.schedule = state.schedule;
        self.position = state.position;
        self.best = state
            .best
            .into_iter()
            .zip(best)
            .map(|(epoch, model)| {
                let model = model.ok_or_else(|| TrainError::CheckpointBroken {
                    path: folder.to_owned(),
                    reason: format!("lacks the weights of epoch {epoch}"),
                })?;
                Ok(Kept { epoch, model })
            })
            .collect::<Result<_, TrainError>>()?;
        Ok(self)
    }
}

const MODEL: &str = "model.bpk";
const AVERAGE: &str = "average.bpk";
const OPTIMIZER: &str = "optimizer.bpk";

fn best_name(place: usize) -> String {
    format!("best-{}.bpk", place + 1)
}
