//! Where and how a run takes place, on what, and what comes out.

use crate::error::TrainError;
use crate::history::{Epoch, History};
use crate::{BatchSampler, Dataset, Progress, RunDir};
use burn::tensor::Device;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
    /// What chooses the rows of every batch, in the place of odds; none: they are shuffled. Of no effect on validation rows.
    pub batch_sampler: Option<&'a dyn BatchSampler>,
}

impl<'a, D: ?Sized, T: ?Sized> Examples<'a, D, T> {
    /// Rows that count alike and are drawn once an epoch.
    pub fn new(inputs: &'a D, targets: &'a T) -> Self {
        Self {
            inputs,
            targets,
            weights: None,
            odds: None,
            batch_sampler: None,
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

    /// Rows that are drawn batch by batch: as [`PairPools`](crate::PairPools) has them, say.
    pub fn with_batch_sampler(mut self, sampler: &'a dyn BatchSampler) -> Self {
        self.batch_sampler = Some(sampler);
        self
    }
}

/// A dataset of whatever kind.
pub(super) type AnyDataset<'a, I> = dyn Dataset<Input = I> + Sync + 'a;

impl<'a, D: Dataset + Sync, T: ?Sized> Examples<'a, D, T> {
    /// The same examples, their dataset's kind forgotten.
    pub(super) fn of_any_kind(self) -> Examples<'a, AnyDataset<'a, D::Input>, T> {
        Examples {
            inputs: self.inputs,
            targets: self.targets,
            weights: self.weights,
            odds: self.odds,
            batch_sampler: self.batch_sampler,
        }
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
    /// One that the first Ctrl-C raises, after which `notice` is called, to tell who waits; the second ends the program at once with exit
    /// status 130. A program asks for it once, before it trains.
    ///
    /// # Errors
    ///
    /// [`TrainError::Signal`] when Ctrl-C cannot be listened for, as when the program does so already.
    pub fn on_ctrl_c(notice: impl Fn() + Send + 'static) -> Result<Self, TrainError> {
        let stop = Self::default();
        let asked = stop.clone();
        ctrlc::set_handler(move || {
            if asked.requested() {
                std::process::exit(130);
            }
            asked.request();
            notice();
        })
        .map_err(|source| TrainError::Signal { source })?;
        Ok(stop)
    }

    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether anybody asked.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Is shown every epoch and says whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(&Epoch) -> ControlFlow<()>;

/// Where and how a run takes place.
pub struct Session<'a> {
    /// Its folder: checkpoints, `metrics.csv`, `train.log`.
    pub run: &'a RunDir,
    /// Its device, without autodiff.
    pub device: &'a Device,
    /// Further devices, each of which takes its share of the batches of a step: [`FitConfig::accumulate`](super::FitConfig) of them, at
    /// least one for every device. The gradients are those of the same batches on one device, one after the other.
    pub replicas: Vec<Device>,
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
    pub watch: Option<Watch<'a>>,
}

impl<'a> Session<'a> {
    /// A new run without a progress bar, with a checkpoint every 10 seconds.
    pub fn new(run: &'a RunDir, device: &'a Device) -> Self {
        Self {
            run,
            device,
            replicas: Vec::new(),
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
