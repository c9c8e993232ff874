//! [`fit`]: the training loop.

mod config;
mod feed;
mod gradient;
mod parallel;
mod precision;
mod rank;
mod resume;
mod run;
mod session;

pub use config::FitConfig;
pub(crate) use gradient::global_norm;
pub(crate) use precision::LossScale;
pub use precision::Precision;
pub use session::{Ended, Examples, Fitted, Kept, Session, Stop, Watch};

use crate::average::Average;
use crate::checkpoint::{self, Position};
use crate::history::History;
use crate::order::{epoch_batches, epoch_rng};
use crate::predict::{check_shortest, lengths_of, shortest_of};
use crate::schedule::Schedule;
use crate::{Dataset, Objective, Outputs, Progress, RunDir, TrainError, events};
use burn::module::{ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use feed::{Order, feed};
use hairpin_models::{Model, ModelError};
use parallel::Placed;
use rank::Rank;
use resume::Saved;
use run::{Run, write_scalars};
use session::AnyDataset;
use std::time::{Duration, Instant};

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
pub fn fit<M, D, O, Y>(
    build: impl FnOnce(&Device) -> Result<M, ModelError>,
    objective: &O,
    train: Examples<'_, D, O::Target>,
    valid: Examples<'_, D, O::Target>,
    config: &FitConfig,
    session: Session<'_>,
) -> Result<Fitted<M>, TrainError>
where
    M: Model<Y>,
    M::Input: Send,
    D: Dataset<Input = M::Input> + Sync,
    O: Objective<Y> + Sync,
    O::Target: Sync,
    Y: Outputs,
{
    let (train, valid) = (train.of_any_kind(), valid.of_any_kind());
    fit_any(Box::new(build), objective, train, valid, config, session)
}

/// How a model begins.
type Build<'a, M> = Box<dyn FnOnce(&Device) -> Result<M, ModelError> + 'a>;

/// [`fit`], compiled once for every kind of dataset and every way to begin.
fn fit_any<M, O, Y>(
    build: Build<'_, M>,
    objective: &O,
    train: Examples<'_, AnyDataset<'_, M::Input>, O::Target>,
    valid: Examples<'_, AnyDataset<'_, M::Input>, O::Target>,
    config: &FitConfig,
    mut session: Session<'_>,
) -> Result<Fitted<M>, TrainError>
where
    M: Model<Y>,
    M::Input: Send,
    O: Objective<Y> + Sync,
    O::Target: Sync,
    Y: Outputs,
{
    config.validate()?;
    let devices = 1 + session.replicas.len();
    if config.accumulate < devices {
        return Err(TrainError::FitConfig {
            name: "accumulate",
            found: config.accumulate.to_string(),
            expected: format!("at least {devices}: a batch for each of the devices").into(),
        });
    }
    for device in std::iter::once(session.device).chain(&session.replicas) {
        config.precision.check(device)?;
    }
    let placed = Placed::new(session.device, &session.replicas, config.accumulate);
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
        let own = examples.inputs.n_outputs();
        let outputs = own.unwrap_or_else(|| model.n_outputs());
        let expected = objective.n_outputs(examples.targets);
        if outputs != expected {
            return Err(TrainError::OutputsDiffer { outputs, expected });
        }
    }
    check_shortest(&model, train.inputs.len(), |row| train.inputs.shortest(row))?;
    check_shortest(&model, valid.inputs.len(), |row| valid.inputs.length(row))?;
    objective.check_lengths(train.targets, &shortest_of(train.inputs))?;
    objective.check_lengths(valid.targets, &lengths_of(valid.inputs))?;

    let lengths = lengths_of(train.inputs);
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
        position: Position::start(config.precision),
        model,
    };
    let mut saved = Saved::nothing();
    let found = checkpoint::found(session.run)?;
    match (session.resume, found.first()) {
        (true, Some(_)) => {
            run = run.resume(&found, &session)?;
            saved = Saved::step(run.schedule.steps_taken());
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
        let mut rng = epoch_rng(config.seed, epoch);
        let order = epoch_batches(&train, &lengths, batch_size, &mut rng);
        let order = Order {
            batches: &order,
            placed: &placed,
            first: run.position.batch,
            seed: config.seed,
            epoch,
        };
        let done = feed(train.inputs, &order, |batches| {
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
        if saved.is_older_than(session.checkpoint_every) {
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
pub(crate) fn check_rows<D: Dataset + ?Sized, O: Objective<Y>, Y: Outputs>(
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

struct Draw;

impl ModuleVisitor for Draw {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let _ = param.val();
    }
}
