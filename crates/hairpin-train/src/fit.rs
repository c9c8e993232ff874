//! [`fit`]: the training loop.

mod config;
mod feed;
mod gradient;
mod rank;

pub use config::FitConfig;

use crate::average::Average;
use crate::checkpoint::{self, Checkpoint, Position, State};
use crate::history::{Epoch, History};
use crate::order::{backend_seed, epoch_rng, shuffled_batches};
use crate::predict::{check_lengths, check_shortest, predict};
use crate::progress::Meter;
use crate::schedule::{Monitor, Schedule};
use crate::weights::{load_weights, record};
use crate::{
    Dataset, Evaluation, Objective, Progress, RunDir, TargetBatch, TensorBoard, TrainError, events,
};
use burn::module::{ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Bytes, Device, Tensor};
use feed::{Feed, Order, feed};
use gradient::Change;
pub(crate) use gradient::global_norm;
use hairpin_models::{Model, ModelError};
use rank::Rank;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Inputs with what is known of them, row by row.
#[derive(Debug)]
pub struct Examples<'a, D: ?Sized, T: ?Sized> {
    /// What the model reads.
    pub inputs: &'a D,
    /// What it is to say.
    pub targets: &'a T,
    /// How much each row's loss counts; none: as much as every other.
    pub weights: Option<&'a [f32]>,
    /// How often each row is drawn, in proportion, with replacement; none: once an epoch. Of no effect on validation rows.
    pub odds: Option<&'a [f64]>,
}

impl<'a, D: ?Sized, T: ?Sized> Examples<'a, D, T> {
    /// Rows that count alike and are drawn once an epoch.
    pub fn new(inputs: &'a D, targets: &'a T) -> Self {
        Self {
            inputs,
            targets,
            weights: None,
            odds: None,
        }
    }

    /// Rows whose loss counts differently: by signal-to-noise, say.
    pub fn with_weights(mut self, weights: &'a [f32]) -> Self {
        self.weights = Some(weights);
        self
    }

    /// Rows that are drawn differently often: by [`balanced_odds`](crate::balanced_odds), say.
    pub fn with_odds(mut self, odds: &'a [f64]) -> Self {
        self.odds = Some(odds);
        self
    }
}

// References are copied whatever they refer to; a derived `Copy` would ask it of `D` and `T`.
impl<D: ?Sized, T: ?Sized> Clone for Examples<'_, D, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: ?Sized, T: ?Sized> Copy for Examples<'_, D, T> {}

/// Asks a training run to stop; cheap to clone, safe to raise from a signal handler's thread.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether anybody asked.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where and how a run takes place.
pub struct Session<'a> {
    /// Its folder: checkpoints, `metrics.csv`, `train.log`.
    pub run: &'a RunDir,
    /// Its device, without autodiff.
    pub device: &'a Device,
    /// What it is started with, by name (the model's configuration, the data's hash): a run is resumed only with the same. The
    /// training configuration and the number of rows are always compared.
    pub origin: Vec<(String, String)>,
    /// Go on from the checkpoint in the folder.
    pub resume: bool,
    /// How much work a crash may cost; a [`Stop`] costs nothing, whatever this is. [`Duration::MAX`] writes a checkpoint only then.
    pub checkpoint_every: Duration,
    /// Where to show how far it is.
    pub progress: Progress,
    /// Who may stop it.
    pub stop: Stop,
    /// Also write the epochs as TensorBoard's event files, in the folder `tensorboard/` of the run.
    pub tensorboard: bool,
    /// Is shown every epoch; with [`ControlFlow::Break`] the training ends there as if it had been the last. It is not asked about the
    /// epochs before a checkpoint that a run goes on from.
    pub watch: Option<&'a mut dyn FnMut(&Epoch) -> ControlFlow<()>>,
}

impl<'a> Session<'a> {
    /// A new run without a progress bar, with a checkpoint every 10 seconds.
    pub fn new(run: &'a RunDir, device: &'a Device) -> Self {
        Self {
            run,
            device,
            origin: Vec::new(),
            resume: false,
            checkpoint_every: Duration::from_secs(10),
            progress: Progress::Hidden,
            stop: Stop::default(),
            tensorboard: false,
            watch: None,
        }
    }
}

/// Why a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// After the last epoch.
    Epochs,
    /// After `patience` epochs without a better one.
    Patience,
    /// [`Session::watch`] ended it.
    Watch,
}

/// The weights of one of the best epochs.
#[derive(Debug, Clone)]
pub struct Kept<M> {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The model, in evaluation, without autodiff.
    pub model: M,
}

/// The outcome of a run.
#[derive(Debug, Clone)]
pub struct Fitted<M> {
    /// The model with its best weights, in evaluation, without autodiff.
    pub model: M,
    /// The best epochs, `keep_best` of them at most, the best first: members of an ensemble.
    pub best: Vec<Kept<M>>,
    /// Every epoch.
    pub history: History,
    /// Why it ended.
    pub ended: Ended,
    /// Share of the training's time during which the network waited for its batches.
    pub waited: f64,
}

/// Trains a model and returns it with the weights of its best epoch: by [`FitConfig::monitor`] the one of the best validation score,
/// among equals of the lowest validation loss, or the one of the lowest validation loss. With [`FitConfig::average`] the weights that
/// are judged and returned are the average's.
///
/// Every random draw is a function of the seed, the epoch's number and the batch's, so a run that was stopped or killed at any moment and
/// resumed ends with the same bytes as one that was not (on devices that promise as much: [`DeviceKind`](crate::DeviceKind)).
/// Burn's generator, which the first weights and dropout are drawn from, belongs to the process: of two runs at the same time in one
/// process neither is reproducible.
///
/// A checkpoint holds all of a run after some step: weights, averages, optimizer, schedule, the best weights, the position in the epoch.
/// One is written every [`Session::checkpoint_every`] and when a [`Stop`] is requested. The last stays when training is over, so
/// that what follows may fail and be repeated with `resume`: call [`RunDir::clear_checkpoint`] when all is written. Batches are prepared
/// on a thread of their own.
///
/// `build` draws the first weights on the device it is given.
///
/// # Errors
///
/// A configuration out of range, rows that do not fit together, a device or folder that fails, a checkpoint that is in the way or
/// of another run; [`TrainError::Diverged`] when the loss is no longer a number; [`TrainError::Interrupted`] after a [`Stop`].
pub fn fit<M, D, O>(
    build: impl FnOnce(&Device) -> Result<M, ModelError>,
    objective: &O,
    train: Examples<'_, D, O::Target>,
    valid: Examples<'_, D, O::Target>,
    config: &FitConfig,
    mut session: Session<'_>,
) -> Result<Fitted<M>, TrainError>
where
    M: Model,
    M::Input: Send,
    D: Dataset<Input = M::Input> + Sync,
    O: Objective,
{
    config.validate()?;
    check_rows("training", objective, &train)?;
    check_rows("validation", objective, &valid)?;
    session
        .origin
        .push(("training configuration".to_owned(), format!("{config:?}")));
    session.origin.push((
        "number of rows".to_owned(),
        format!("{} and {}", train.inputs.len(), valid.inputs.len()),
    ));
    objective.check(train.targets)?;
    let differentiable = session.device.clone().autodiff();
    differentiable.seed(config.seed);
    let model = build(&differentiable)?;
    // Burn draws a parameter when it is first used: draw all now, in order, while the seed is the one that was set.
    model.visit(&mut Draw);
    for examples in [&train, &valid] {
        let (outputs, expected) = (model.n_outputs(), objective.n_outputs(examples.targets));
        if outputs != expected {
            return Err(TrainError::OutputsDiffer { outputs, expected });
        }
    }
    check_shortest(&model, train.inputs.len(), |row| train.inputs.shortest(row))?;
    check_lengths(&model, valid.inputs)?;

    let lengths: Vec<usize> = (0..train.inputs.len())
        .map(|row| train.inputs.length(row))
        .collect();
    let batch_size = config.batch_size.min(lengths.len());
    let batches = lengths.len().div_ceil(batch_size);
    let steps = batches.div_ceil(config.accumulate);
    let mut run = Run {
        config,
        objective,
        rank: Rank::new(config.monitor, objective.direction()),
        optimizer: config.optimizer.build(&config.groups, &model)?,
        schedule: Schedule::new(&config.schedule, config.learning_rate, config.epochs, steps),
        average: Average::new(&config.average),
        best: Vec::new(),
        history: History {
            score_name: objective.score_name().to_owned(),
            epochs: Vec::new(),
        },
        position: Position::default(),
        model,
    };
    let mut saved = Saved {
        at: Instant::now(),
        step: None,
    };
    let found = checkpoint::found(session.run)?;
    match (session.resume, found.first()) {
        (true, Some(_)) => {
            run = run.resume(&found, &session)?;
            saved.step = Some(run.schedule.steps_taken());
        }
        (true, None) => {
            return Err(TrainError::NoCheckpoint {
                path: session.run.file(RunDir::CHECKPOINT),
            });
        }
        (false, Some(path)) => {
            return Err(TrainError::CheckpointInTheWay { path: path.clone() });
        }
        (false, None) => {}
    }

    let done = run.history.epochs.len();
    events::run_started(
        session.run.path(),
        &format!("{:?}", session.device),
        config.seed,
        config.epochs,
        done,
    );
    let mut board = match session.tensorboard {
        true => Some(run.board(&session)?),
        false => None,
    };
    let progress = std::mem::replace(&mut session.progress, Progress::Hidden);
    let mut meter = progress.start(config.epochs, batches, done);
    let mut ended = Ended::Epochs;
    let mut shown = Instant::now();
    let began = Instant::now();
    let mut waited = Duration::ZERO;
    while run.position.epoch <= config.epochs {
        if run.rank.waited(&run.history, config.patience) {
            ended = Ended::Patience;
            events::stopped(
                run.history.epochs.len(),
                "no better epoch for as long as `patience`",
            );
            break;
        }
        let epoch = run.position.epoch;
        let order = shuffled_batches(
            &lengths,
            train.odds,
            batch_size,
            &mut epoch_rng(config.seed, epoch),
        );
        let order = Order {
            batches: &order,
            first: run.position.batch,
            seed: config.seed,
            epoch,
        };
        let done = feed(train.inputs, &order, &differentiable, |batches| {
            let done = run.epoch(&order, batches, train, &mut session, &mut saved, &mut meter);
            waited += batches.waited();
            done
        });
        if let Err(error) = done {
            meter.finish(match error {
                TrainError::Interrupted { epoch, .. } => {
                    events::stopped(epoch - 1, "it was asked to");
                    "stopped"
                }
                TrainError::Diverged { epoch, batch, loss } => {
                    events::diverged(epoch, batch, f64::from(loss));
                    "diverged"
                }
                _ => "failed",
            });
            return Err(error);
        }
        let (entry, line) = run.end_epoch(valid, batch_size, steps, &session)?;
        meter.epoch(&line, entry.best);
        events::epoch_ended(&run.history.score_name, &entry);
        if entry.best {
            events::new_best(epoch, &run.history.score_name, entry.valid_score);
        }
        if let Some(board) = &mut board {
            write_scalars(board, &run.history.score_name, &entry)?;
        }
        if let Some(watch) = &mut session.watch
            && watch(&entry).is_break()
        {
            ended = Ended::Watch;
            events::stopped(epoch, "whoever watches it ended it");
            break;
        }
        // A file that is synced takes longer than an epoch of a small network.
        if shown.elapsed() >= SHOWN_EVERY {
            let csv = run.history.to_csv();
            session.run.write(&checkpoint::metrics(), csv.as_bytes())?;
            shown = Instant::now();
        }
        if saved.at.elapsed() >= session.checkpoint_every {
            run.save(&session, &mut saved)?;
        }
    }
    if session.checkpoint_every < Duration::MAX {
        run.save(&session, &mut saved)?;
    }
    session
        .run
        .write(RunDir::METRICS, run.history.to_csv().as_bytes())?;
    meter.finish("trained");
    let model = run
        .best
        .first()
        .map_or_else(|| run.model.valid(), |best| best.model.clone());
    Ok(Fitted {
        model,
        best: run.best,
        history: run.history,
        ended,
        waited: waited.as_secs_f64() / began.elapsed().as_secs_f64().max(f64::MIN_POSITIVE),
    })
}

/// How often the table of a run in progress is written.
const SHOWN_EVERY: Duration = Duration::from_secs(1);

/// Refuses rows that do not fit together or cannot be learnt from.
fn check_rows<D: Dataset + ?Sized, O: Objective>(
    part: &'static str,
    objective: &O,
    examples: &Examples<'_, D, O::Target>,
) -> Result<(), TrainError> {
    let (inputs, targets) = (examples.inputs.len(), objective.rows(examples.targets));
    if inputs != targets {
        return Err(TrainError::RowsDiffer { inputs, targets });
    }
    if inputs == 0 {
        return Err(TrainError::NoRows { part });
    }
    let weights = examples.weights.map(|weights| {
        let usable = weights.iter().all(|own| *own >= 0.0 && own.is_finite());
        (
            "weights",
            weights.len(),
            usable && weights.iter().any(|own| *own > 0.0),
        )
    });
    let odds = examples.odds.map(|odds| {
        let usable = odds.iter().all(|own| *own >= 0.0 && own.is_finite());
        ("odds", odds.len(), usable && odds.iter().sum::<f64>() > 0.0)
    });
    for (what, found, usable) in [weights, odds].into_iter().flatten() {
        if found != inputs || !usable {
            return Err(TrainError::RowWeights {
                part,
                what,
                rows: inputs,
                found,
            });
        }
    }
    Ok(())
}

struct Saved {
    at: Instant,
    step: Option<usize>,
}

impl Default for Position {
    fn default() -> Self {
        Self::start_of(1, 0.0)
    }
}

impl Position {
    fn start_of(epoch: usize, waited: f64) -> Self {
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
        }
    }
}

/// All that changes from step to step.
struct Run<'a, M, O> {
    config: &'a FitConfig,
    objective: &'a O,
    rank: Rank,
    model: M,
    optimizer: ModuleOptimizer,
    schedule: Schedule,
    average: Average<M>,
    best: Vec<Kept<M>>,
    history: History,
    position: Position,
}

impl<M: Model, O: Objective> Run<'_, M, O> {
    /// The rest of the epoch at hand.
    fn epoch<D: Dataset>(
        &mut self,
        order: &Order<'_>,
        feed: &mut Feed<M::Input>,
        train: Examples<'_, D, O::Target>,
        session: &mut Session<'_>,
        saved: &mut Saved,
        meter: &mut Meter,
    ) -> Result<(), TrainError> {
        let device = session.device.clone().autodiff();
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
            if saved.at.elapsed() >= session.checkpoint_every {
                self.save(session, saved)?;
            }
            let first = group * self.config.accumulate;
            let last = (first + self.config.accumulate).min(order.batches.len());
            let mut sum = GradientsAccumulator::new();
            for batch in first..last {
                let rows = &order.batches[batch];
                // The thread that prepares batches panicked, and this one will when it joins it.
                let Some(input) = feed.next() else {
                    return Ok(());
                };
                if let Some(error) = train.inputs.failure() {
                    return Err(error);
                }
                // What the layers draw, dropout, is a function of the batch.
                device.seed(backend_seed(self.config.seed, order.epoch, batch));
                let loss = self.objective.loss(
                    self.model.forward(input),
                    TargetBatch {
                        target: train.targets,
                        rows,
                        weights: train.weights,
                    },
                );
                let value = loss.clone().into_scalar::<f32>();
                if !value.is_finite() {
                    return Err(TrainError::Diverged {
                        epoch: order.epoch,
                        batch: batch + 1,
                        loss: value,
                    });
                }
                let weight = match train.weights {
                    None => rows.len() as f64,
                    Some(weights) => rows.iter().map(|&row| f64::from(weights[row])).sum(),
                };
                self.position.loss += f64::from(value) * weight;
                self.position.rows += weight;
                let grads = GradientsParams::from_grads(loss.backward(), &self.model);
                sum.accumulate(&self.model, grads);
                meter.batch(f64::from(value));
            }
            let norm = self.step(sum.grads(), last - first);
            if !norm.is_finite() {
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

    /// One step down a gradient that is the sum over `count` batches; its norm before it was clipped to one.
    fn step(&mut self, mut grads: GradientsParams, count: usize) -> f64 {
        if count > 1 {
            Change::Scale(1.0 / count as f64).apply(&self.model, &mut grads);
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
        self.model = self.optimizer.step(rate, self.model.clone(), grads);
        self.schedule.advance();
        self.position.norm += norm;
        self.position.steps += 1;
        norm
    }

    /// Judges the epoch, keeps its weights if they are among the best, and turns to the next.
    fn end_epoch<D: Dataset<Input = M::Input>>(
        &mut self,
        valid: Examples<'_, D, O::Target>,
        batch_size: usize,
        steps: usize,
        session: &Session<'_>,
    ) -> Result<(Epoch, String), TrainError> {
        let started = Instant::now();
        let Position { epoch, .. } = self.position;
        self.average.end_epoch(epoch, &self.model);
        // A copy of its own: models that are cloned share their running statistics.
        let model = match &self.average.model {
            Some(average) => average.valid(),
            None => self.model.valid(),
        };
        let predictions = predict(
            &model,
            self.objective,
            valid.inputs,
            batch_size,
            session.device,
        )?;
        let Evaluation { loss, score } = self.objective.evaluate(&predictions, valid.targets)?;
        let (watched, lower_is_better) = match self.schedule.monitor() {
            Monitor::Loss => (loss, true),
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
        self.position = Position::start_of(epoch + 1, self.position.waited);
        session.run.append_log(&line)?;
        Ok((entry, line))
    }

    /// Writes a checkpoint, unless the last one written is of the same step.
    fn save(&self, session: &Session<'_>, saved: &mut Saved) -> Result<(), TrainError> {
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
            (MODEL.to_owned(), record(&self.model, &path)?),
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
        *saved = Saved {
            at: Instant::now(),
            step: Some(step),
        };
        events::checkpoint_written(&path, self.position.epoch, self.position.batch);
        Ok(())
    }

    /// The run's event file; of a run that goes on, a new one, in whose favour what an earlier one has from here on is passed over.
    fn board(&self, session: &Session<'_>) -> Result<TensorBoard, TrainError> {
        let now = SystemTime::now();
        let mut board = TensorBoard::create(&session.run.file(TensorBoard::FOLDER), now)?;
        if session.resume {
            board.resume_at(self.position.epoch as u64, now)?;
        }
        Ok(board)
    }

    /// Goes on from the newest checkpoint that is whole.
    fn resume(
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

fn write_scalars(
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

struct Draw;

impl ModuleVisitor for Draw {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let _ = param.val();
    }
}
