//! [`fit`]: the training loop.

use crate::checkpoint::{self, Checkpoint, State};
use crate::dataset::shuffled_batches;
use crate::history::{Epoch, History};
use crate::predict::{check_lengths, check_shortest, predict};
use crate::schedule::{Schedule, ScheduleKind};
use crate::weights::{load_weights, record};
use crate::{Dataset, Evaluation, Objective, Progress, RunDir, TargetBatch, TrainError};
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Bytes, Device, Tensor};
use hairpin_models::{Model, ModelError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Hyper-parameters of a training run.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `epochs` | 20 | passes over the training rows, at most | 1.. |
/// | `batch_size` | 32 | rows per step | 1.. |
/// | `learning_rate` | 0.005 | Adam's step size (Kingma & Ba 2015, arXiv:1412.6980; betas 0.9 and 0.999, epsilon 1e-8) | above 0, up to 1 |
/// | `schedule` | `cosine` | how the rate changes: `constant`, `cosine`, `plateau` | |
/// | `warmup_epochs` | 1 | epochs over which the rate rises from 0, before what the schedule makes of it | 0.. |
/// | `plateau_factor` | 0.2 | what `plateau` multiplies the rate by | above 0, below 1 |
/// | `plateau_patience` | 15 | epochs without a lower validation loss until it does | 1.. |
/// | `min_learning_rate` | 1e-6 | floor of `plateau` | 0.. |
/// | `patience` | 0 | epochs without a higher validation score after which training stops; 0 never stops early | 0.. |
/// | `max_gradient_norm` | 1.0 | the gradient of all parameters together is scaled down to this norm (Pascanu et al. 2013, arXiv:1211.5063); 0 leaves it | 0.. |
/// | `seed` | 1 | of the first weights, the order of rows, dropout and windows | |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitConfig {
    /// Passes over the training rows, at most.
    pub epochs: usize,
    /// Rows per step.
    pub batch_size: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// How the rate changes.
    pub schedule: ScheduleKind,
    /// Epochs over which the rate rises from 0.
    pub warmup_epochs: usize,
    /// What a plateau multiplies the rate by.
    pub plateau_factor: f64,
    /// Epochs without a lower validation loss that make a plateau.
    pub plateau_patience: usize,
    /// Floor of the plateau schedule.
    pub min_learning_rate: f64,
    /// Epochs without a higher validation score after which training stops; 0 never stops early.
    pub patience: usize,
    /// Largest norm of the whole gradient; 0 leaves it as it is.
    pub max_gradient_norm: f64,
    /// Of the first weights, the order of rows, dropout and windows.
    pub seed: u64,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch_size: 32,
            learning_rate: 5e-3,
            schedule: ScheduleKind::Cosine,
            warmup_epochs: 1,
            plateau_factor: 0.2,
            plateau_patience: 15,
            min_learning_rate: 1e-6,
            patience: 0,
            max_gradient_norm: 1.0,
            seed: 1,
        }
    }
}

impl FitConfig {
    /// Checks every hyper-parameter's range.
    ///
    /// # Errors
    ///
    /// [`TrainError::FitConfig`] for the first that is outside.
    pub fn validate(&self) -> Result<(), TrainError> {
        let refuse = |name, found: String, expected| {
            Err(TrainError::FitConfig {
                name,
                found,
                expected,
            })
        };
        for (name, found) in [
            ("epochs", self.epochs),
            ("batch_size", self.batch_size),
            ("plateau_patience", self.plateau_patience),
        ] {
            if found == 0 {
                return refuse(name, found.to_string(), "at least 1");
            }
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return refuse(
                "learning_rate",
                self.learning_rate.to_string(),
                "above 0, up to 1",
            );
        }
        if !(self.plateau_factor > 0.0 && self.plateau_factor < 1.0) {
            return refuse(
                "plateau_factor",
                self.plateau_factor.to_string(),
                "above 0, below 1",
            );
        }
        for (name, found) in [
            ("min_learning_rate", self.min_learning_rate),
            ("max_gradient_norm", self.max_gradient_norm),
        ] {
            if !(found >= 0.0 && found.is_finite()) {
                return refuse(name, found.to_string(), "0 or a positive number");
            }
        }
        Ok(())
    }
}

/// Inputs with what is known of them, row by row.
#[derive(Debug)]
pub struct Examples<'a, D, T: ?Sized> {
    /// What the model reads.
    pub inputs: &'a D,
    /// What it is to say.
    pub targets: &'a T,
}

// Two references are copied whatever they refer to; a derived `Copy` would ask it of `D` and `T`.
impl<D, T: ?Sized> Clone for Examples<'_, D, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D, T: ?Sized> Copy for Examples<'_, D, T> {}

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
    /// How much work a crash may cost; a [`Stop`] costs the epoch it falls in, whatever this is.
    pub checkpoint_every: Duration,
    /// Where to show how far it is.
    pub progress: Progress,
    /// Who may stop it.
    pub stop: Stop,
}

/// The outcome of a run.
#[derive(Debug, Clone)]
pub struct Fitted<M> {
    /// The model with its best weights, in evaluation, without autodiff.
    pub model: M,
    /// Every epoch.
    pub history: History,
}

/// Trains a model and returns it with the weights of its best epoch: the one of the highest validation score, and among equals of
/// the lowest validation loss.
///
/// Every random draw is taken from the seed and the epoch's number, so a run that was stopped and resumed ends with the same
/// bytes as one that was not (on devices that promise as much: [`DeviceKind`](crate::DeviceKind)). Burn's generator, which the first
/// weights and dropout are drawn from, belongs to the process: of two runs at the same time in one process neither is reproducible.
///
/// The checkpoint holds the last complete epoch; a run that is asked to stop in the middle of one loses that one alone. The last
/// checkpoint stays when training is over, so that what follows may fail and be repeated with `resume`: call
/// [`RunDir::clear_checkpoint`] when all is written.
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
    D: Dataset<Input = M::Input>,
    O: Objective,
{
    config.validate()?;
    for (part, examples) in [("training", &train), ("validation", &valid)] {
        let (inputs, targets) = (examples.inputs.len(), objective.rows(examples.targets));
        if inputs != targets {
            return Err(TrainError::RowsDiffer { inputs, targets });
        }
        if inputs == 0 {
            return Err(TrainError::NoRows { part });
        }
    }
    session
        .origin
        .push(("training configuration".to_owned(), format!("{config:?}")));
    session.origin.push((
        "number of rows".to_owned(),
        format!("{} and {}", train.inputs.len(), valid.inputs.len()),
    ));
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

    let batch_size = config.batch_size.min(train.inputs.len());
    let lengths: Vec<usize> = (0..train.inputs.len())
        .map(|row| train.inputs.length(row))
        .collect();
    let batches = lengths.len().div_ceil(batch_size);
    let mut loop_ = Loop {
        best: model.valid(),
        model,
        optimizer: AdamConfig::new().with_epsilon(1e-8).init(),
        schedule: Schedule::new(config, batches),
        history: History {
            score_name: objective.score_name().to_owned(),
            epochs: Vec::new(),
        },
    };
    let found = checkpoint::latest(session.run)?;
    match (session.resume, found) {
        (true, Some((_, folder))) => {
            loop_ = loop_.resume(&folder, &session)?;
        }
        (true, None) => {
            return Err(TrainError::NoCheckpoint {
                path: session.run.file(RunDir::CHECKPOINT),
            });
        }
        (false, Some((epoch, path))) => {
            return Err(TrainError::CheckpointInTheWay { path, epoch });
        }
        (false, None) => {}
    }

    let done = loop_.history.epochs.len();
    let progress = std::mem::replace(&mut session.progress, Progress::Hidden);
    let mut meter = progress.start(config.epochs, batches, done);
    let mut saved = Saved {
        at: Instant::now(),
        epoch: session.resume.then_some(done),
    };
    for epoch in done + 1..=config.epochs {
        if loop_.waited(config.patience) {
            break;
        }
        let before = loop_.snapshot();
        let started = Instant::now();
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        rng.set_stream(epoch as u64);
        // Dropout draws from the backend's own generator.
        differentiable.seed(config.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ epoch as u64);
        let (mut train_loss, mut norm, mut rows_seen) = (0.0, 0.0, 0);
        let rate = loop_.schedule.rate();
        for (index, rows) in shuffled_batches(&lengths, batch_size, &mut rng)
            .into_iter()
            .enumerate()
        {
            if session.stop.requested() {
                before.save_if_newer(&session, &mut saved, epoch - 1)?;
                meter.finish("stopped");
                return Err(TrainError::Interrupted {
                    epoch,
                    epochs: config.epochs,
                    path: session.run.path().to_owned(),
                });
            }
            let input = train.inputs.batch(&rows, Some(&mut rng), &differentiable);
            let batch = TargetBatch {
                target: train.targets,
                rows: &rows,
                weights: None,
            };
            let loss = objective.loss(loop_.model.forward(input), batch);
            let value = loss.clone().into_scalar::<f32>();
            if !value.is_finite() {
                before.save_if_newer(&session, &mut saved, epoch - 1)?;
                meter.finish("diverged");
                return Err(TrainError::Diverged {
                    epoch,
                    batch: index + 1,
                    loss: value,
                });
            }
            norm += loop_.step(loss, config.max_gradient_norm);
            train_loss += f64::from(value) * rows.len() as f64;
            rows_seen += rows.len();
            meter.batch(f64::from(value));
        }
        let snapshot = loop_.model.valid();
        let predictions = predict(
            &snapshot,
            objective,
            valid.inputs,
            batch_size,
            session.device,
        )?;
        let Evaluation { loss, score } = objective.evaluate(&predictions, valid.targets)?;
        loop_.schedule.end_epoch(loss);
        let better = loop_.history.best().is_none_or(|best| {
            // Whatever is a number is better than what is none.
            best.valid_score.is_nan() && !score.is_nan()
                || score > best.valid_score
                || score == best.valid_score && (best.valid_loss.is_nan() || loss < best.valid_loss)
        });
        if better {
            loop_.best = snapshot;
        }
        let entry = Epoch {
            epoch,
            train_loss: train_loss / rows_seen as f64,
            valid_loss: loss,
            valid_score: score,
            learning_rate: rate,
            gradient_norm: norm / batches as f64,
            seconds: started.elapsed().as_secs_f64(),
            best: better,
        };
        let line = line(&entry, config.epochs, objective.score_name());
        loop_.history.epochs.push(entry);
        session
            .run
            .write(&checkpoint::metrics(), loop_.history.to_csv().as_bytes())?;
        session.run.append_log(&line)?;
        meter.epoch(&line, better);
        if saved.at.elapsed() >= session.checkpoint_every {
            loop_.save_if_newer(&session, &mut saved, epoch)?;
        }
    }
    let trained = loop_.history.epochs.len();
    loop_.save_if_newer(&session, &mut saved, trained)?;
    session
        .run
        .write(RunDir::METRICS, loop_.history.to_csv().as_bytes())?;
    meter.finish("trained");
    Ok(Fitted {
        model: loop_.best,
        history: loop_.history,
    })
}

struct Saved {
    at: Instant,
    epoch: Option<usize>,
}

/// All that changes from epoch to epoch.
struct Loop<M> {
    model: M,
    best: M,
    optimizer: ModuleOptimizer,
    schedule: Schedule,
    history: History,
}

impl<M: Model> Loop<M> {
    /// The loop as it is now. A clone of a model shares its running statistics with it, so the copy is taken in evaluation.
    fn snapshot(&self) -> Self {
        Self {
            model: self.model.valid(),
            best: self.best.clone(),
            optimizer: self.optimizer.clone(),
            schedule: self.schedule.clone(),
            history: self.history.clone(),
        }
    }

    /// One step down the gradient of `loss`; the norm of the whole gradient before it was clipped.
    fn step(&mut self, loss: Tensor<1>, max_norm: f64) -> f64 {
        let mut grads = GradientsParams::from_grads(loss.backward(), &self.model);
        let norm = global_norm(&self.model, &grads);
        if max_norm > 0.0 && norm > max_norm {
            let mut scale = Scale {
                grads: &mut grads,
                factor: max_norm / norm,
            };
            self.model.visit(&mut scale);
        }
        let model = self.model.clone();
        self.model = self.optimizer.step(self.schedule.rate(), model, grads);
        self.schedule.advance();
        norm
    }

    /// Whether the best score is `patience` epochs old.
    fn waited(&self, patience: usize) -> bool {
        let mut best = f64::NEG_INFINITY;
        let mut since = 0;
        for epoch in &self.history.epochs {
            since += 1;
            if epoch.valid_score > best {
                best = epoch.valid_score;
                since = 0;
            }
        }
        patience > 0 && since >= patience
    }

    /// Writes a checkpoint of `epoch`, unless the last one written is of it.
    fn save_if_newer(
        &self,
        session: &Session<'_>,
        saved: &mut Saved,
        epoch: usize,
    ) -> Result<(), TrainError> {
        if saved.epoch == Some(epoch) {
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
        checkpoint::save(
            session.run,
            Checkpoint {
                state: State::new(epoch, self.schedule.clone(), &self.history, &session.origin),
                parts: [
                    record(&self.model, &path)?,
                    record(&self.best, &path)?,
                    optimizer.to_vec(),
                ],
            },
        )?;
        *saved = Saved {
            at: Instant::now(),
            epoch: Some(epoch),
        };
        Ok(())
    }

    fn resume(self, folder: &std::path::Path, session: &Session<'_>) -> Result<Self, TrainError> {
        let Checkpoint { state, parts } = checkpoint::load(folder)?;
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
        let [model, best, optimizer] = parts;
        let history =
            History::from_csv(&state.history_csv).map_err(|source| TrainError::History {
                path: folder.to_owned(),
                source,
            })?;
        Ok(Self {
            model: load_weights(self.model, model, folder)?,
            best: load_weights(self.best, best, folder)?,
            optimizer: self
                .optimizer
                .from_bytes(Bytes::from_bytes_vec(optimizer))
                .map_err(|error| TrainError::Weights {
                    path: folder.to_owned(),
                    reason: error.to_string(),
                })?,
            schedule: state.schedule,
            history,
        })
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

struct Draw;

impl ModuleVisitor for Draw {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let _ = param.val();
    }
}

/// Euclidean norm of all gradients together, as `torch.nn.utils.clip_grad_norm_` takes it.
fn global_norm<M: Module>(model: &M, grads: &GradientsParams) -> f64 {
    struct SumOfSquares<'a> {
        grads: &'a GradientsParams,
        sum: Option<Tensor<1>>,
    }
    impl ModuleVisitor for SumOfSquares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.grads.get::<D>(param.id) {
                let own = grad.square().sum();
                self.sum = Some(match self.sum.take() {
                    Some(sum) => sum + own,
                    None => own,
                });
            }
        }
    }
    let mut visitor = SumOfSquares { grads, sum: None };
    model.visit(&mut visitor);
    visitor
        .sum
        .map_or(0.0, |sum| f64::from(sum.into_scalar::<f32>()).sqrt())
}

struct Scale<'a> {
    grads: &'a mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.remove::<D>(param.id) {
            self.grads.register(param.id, grad * self.factor);
        }
    }
}
