//! [`Run`]: all that changes in a training, step by step and epoch by epoch.

use super::feed::{Feed, Order};
use super::gradient::{Change, global_norm};
use super::parallel::{Making, Work};
use super::rank::Rank;
use super::resume::Saved;
use super::session::AnyDataset;
use super::{Examples, FitConfig, Kept, LossScale, Precision, Session};
use crate::average::Average;
use crate::checkpoint::Position;
use crate::history::{Epoch, History};
use crate::order::backend_seed;
use crate::predict::predict_rows;
use crate::progress::Meter;
use crate::schedule::{Monitor, Schedule};
use crate::{
    Dataset, Evaluation, Objective, Outputs, TargetBatch, TensorBoard, TrainError, events,
};
use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use hairpin_models::Model;
use std::time::{Instant, SystemTime};

/// All that changes from step to step.
pub(super) struct Run<'a, M, O> {
    pub(super) config: &'a FitConfig,
    pub(super) objective: &'a O,
    pub(super) rank: Rank,
    pub(super) model: M,
    pub(super) optimizer: ModuleOptimizer,
    pub(super) schedule: Schedule,
    pub(super) average: Average<M>,
    pub(super) best: Vec<Kept<M>>,
    pub(super) history: History,
    pub(super) position: Position,
}

impl<M: Module, O> Run<'_, M, O> {
    /// The rest of the epoch at hand.
    pub(super) fn epoch<D, Y>(
        &mut self,
        order: &Order<'_>,
        feed: &mut Feed<M::Input>,
        train: Examples<'_, D, O::Target>,
        session: &mut Session<'_>,
        saved: &mut Saved,
        meter: &mut Meter,
    ) -> Result<(), TrainError>
    where
        M: Model<Y>,
        M::Input: Send,
        O: Objective<Y> + Sync,
        O::Target: Sync,
        D: Dataset + ?Sized,
        Y: Outputs,
    {
        let earlier = self.position.seconds;
        let started = Instant::now();
        let groups = order.batches.len().div_ceil(self.config.accumulate);
        for group in self.position.batch / self.config.accumulate..groups {
            if session.stop.requested() {
                self.save(session, saved)?;
                return Err(TrainError::Interrupted {
                    epoch: order.epoch,
                    epochs: self.config.epochs,
                    path: session.run.path().to_owned(),
                });
            }
            if saved.is_older_than(session.checkpoint_every) {
                self.save(session, saved)?;
            }
            let first = group * self.config.accumulate;
            let last = (first + self.config.accumulate).min(order.batches.len());
            let mut sum = GradientsAccumulator::new();
            let copies = order.placed.copies(&self.model);
            let making = Making {
                objective: self.objective,
                precision: self.config.precision,
                scale: self.position.loss_scale.scale(),
            };
            for round in (first..last).step_by(order.placed.count()) {
                let batches = round..(round + order.placed.count()).min(last);
                let mut work = Vec::with_capacity(batches.len());
                for batch in batches.clone() {
                    // The thread that prepares batches panicked, and this one will when it joins it.
                    let Some(input) = feed.next() else {
                        return Ok(());
                    };
                    if let Some(error) = train.inputs.failure() {
                        return Err(error);
                    }
                    work.push(Work {
                        input,
                        target: TargetBatch {
                            target: train.targets,
                            rows: &order.batches[batch],
                            weights: train.weights,
                        },
                        device: order.placed.device_of(batch),
                        // What the layers draw, dropout, is a function of the batch.
                        seed: backend_seed(self.config.seed, order.epoch, batch),
                    });
                }
                let done = making.on_all(&self.model, &copies, work);
                for (batch, (value, grads)) in batches.zip(done) {
                    let Some(grads) = grads else {
                        return Err(TrainError::Diverged {
                            epoch: order.epoch,
                            batch: batch + 1,
                            loss: value,
                        });
                    };
                    let rows = &order.batches[batch];
                    let weight = match train.weights {
                        None => rows.len() as f64,
                        Some(weights) => rows.iter().map(|&row| f64::from(weights[row])).sum(),
                    };
                    self.position.loss += f64::from(value) * weight;
                    self.position.rows += weight;
                    sum.accumulate(&self.model, grads);
                    meter.batch(f64::from(value));
                }
            }
            let norm = self.step(sum.grads(), last - first);
            if !norm.is_finite() && !self.position.loss_scale.back_off() {
                return Err(TrainError::Diverged {
                    epoch: order.epoch,
                    batch: last,
                    loss: norm as f32,
                });
            }
            self.average.step(order.epoch, &self.model);
            self.position.batch = last;
            self.position.seconds = earlier + started.elapsed().as_secs_f64();
        }
        Ok(())
    }

    /// One step down a gradient that is the sum over `count` batches, unless it is no number; its norm before it was clipped to one.
    fn step(&mut self, mut grads: GradientsParams, count: usize) -> f64 {
        let parts = count as f64 * self.position.loss_scale.scale();
        if parts != 1.0 {
            Change::Scale(1.0 / parts).apply(&self.model, &mut grads);
        }
        if self.config.max_gradient_value > 0.0 {
            Change::Clamp(self.config.max_gradient_value).apply(&self.model, &mut grads);
        }
        let norm = global_norm(&self.model, &grads);
        let limit = self.config.max_gradient_norm;
        if limit > 0.0 && norm > limit {
            Change::Scale(limit / norm).apply(&self.model, &mut grads);
        }
        let rate = self.schedule.rate();
        if self.position.steps == 0 {
            self.position.rate = rate;
        }
        if norm.is_finite() {
            self.model = self.optimizer.step(rate, self.model.clone(), grads);
            self.position.norm += norm;
            self.position.loss_scale.went_well(self.config.precision);
        }
        self.schedule.advance();
        self.position.steps += 1;
        norm
    }

    /// Judges the epoch, keeps its weights if they are among the best, and turns to the next.
    pub(super) fn end_epoch<Y>(
        &mut self,
        valid: Examples<'_, AnyDataset<'_, M::Input>, O::Target>,
        batch_size: usize,
        steps: usize,
        session: &Session<'_>,
    ) -> Result<(Epoch, String), TrainError>
    where
        M: Model<Y>,
        O: Objective<Y>,
        Y: Outputs,
    {
        let started = Instant::now();
        let Position { epoch, .. } = self.position;
        self.average.end_epoch(epoch, &self.model);
        // A copy of its own: models that are cloned share their running statistics.
        let model = match &self.average.model {
            Some(average) => average.valid(),
            None => self.model.valid(),
        };
        let predictions = predict_rows(
            &model,
            self.objective,
            valid.inputs,
            batch_size,
            None,
            session.device,
        )?;
        let Evaluation { loss, score } = self.objective.evaluate(&predictions, valid.targets)?;
        let (watched, lower_is_better) = match self.schedule.monitor() {
            // The configuration refuses a plateau of the last epochs.
            Monitor::Loss | Monitor::Last => (loss, true),
            Monitor::Score => (score, self.rank.lower_scores_are_better()),
        };
        let before = self.schedule.rate();
        if self.schedule.end_epoch(watched, lower_is_better) {
            events::plateau(epoch, before, self.schedule.rate());
        }
        let mut entry = Epoch {
            epoch,
            train_loss: self.position.loss / self.position.rows,
            valid_loss: loss,
            valid_score: score,
            learning_rate: self.position.rate,
            gradient_norm: self.position.norm / steps as f64,
            seconds: self.position.seconds + started.elapsed().as_secs_f64(),
            best: false,
        };
        entry.best = self.rank.is_best(&entry, &self.history);
        let line = line(&entry, self.config.epochs, &self.history.score_name);
        self.history.epochs.push(entry.clone());
        self.best.push(Kept { epoch, model });
        self.best = self
            .rank
            .sorted(std::mem::take(&mut self.best), &self.history);
        self.best.truncate(self.config.keep_best);
        let Position {
            waited, loss_scale, ..
        } = self.position;
        self.position = Position::start_of(epoch + 1, waited, loss_scale);
        session.run.append_log(&line)?;
        Ok((entry, line))
    }

    /// The run's event file; of a run that goes on, a new one, in whose favour what an earlier one has from here on is passed over.
    pub(super) fn board(&self, session: &Session<'_>) -> Result<TensorBoard, TrainError> {
        let now = SystemTime::now();
        let mut board = TensorBoard::create(&session.run.file(TensorBoard::FOLDER), now)?;
        if session.resume {
            board.resume_at(self.position.epoch as u64, now)?;
        }
        Ok(board)
    }
}

impl Position {
    pub(super) fn start(precision: Precision) -> Self {
        Self::start_of(1, 0.0, LossScale::start(precision))
    }

    fn start_of(epoch: usize, waited: f64, loss_scale: LossScale) -> Self {
        Self {
            epoch,
            batch: 0,
            loss: 0.0,
            rows: 0.0,
            norm: 0.0,
            steps: 0,
            rate: 0.0,
            seconds: 0.0,
            waited,
            loss_scale,
        }
    }
}

fn line(epoch: &Epoch, epochs: usize, score_name: &str) -> String {
    format!(
        "epoch {:>3}/{epochs}  train loss {:.4}  valid loss {:.4}  valid {score_name} {:.4}  rate {:.2e}  {:.2} s{}",
        epoch.epoch,
        epoch.train_loss,
        epoch.valid_loss,
        epoch.valid_score,
        epoch.learning_rate,
        epoch.seconds,
        if epoch.best { "  best so far" } else { "" }
    )
}

pub(super) fn write_scalars(
    board: &mut TensorBoard,
    score_name: &str,
    epoch: &Epoch,
) -> Result<(), TrainError> {
    let score = format!("valid/{score_name}");
    for (tag, value) in [
        ("train/loss", epoch.train_loss),
        ("valid/loss", epoch.valid_loss),
        (&score, epoch.valid_score),
        ("learning_rate", epoch.learning_rate),
        ("gradient_norm", epoch.gradient_norm),
    ] {
        board.scalar(tag, epoch.epoch as u64, SystemTime::now(), value)?;
    }
    Ok(())
}
