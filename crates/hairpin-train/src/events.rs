//! What happens in a run, as [`tracing`](https://docs.rs/tracing) events that a program may listen to.
//!
//! Nobody hears them unless the program installs a subscriber. All have the target [`TARGET`], a field `event` by which to tell them
//! apart, and fields of their own:
//!
//! | `event` | level | fields |
//! |---|---|---|
//! | `run_started` | info | `run`, `device`, `seed`, `epochs`, `resumed_after` (epochs that were done before; 0 for a new run) |
//! | `epoch_ended` | info | `epoch`, `train_loss`, `valid_loss`, `score_name`, `valid_score`, `learning_rate`, `gradient_norm`, `seconds` |
//! | `new_best` | info | `epoch`, `score_name`, `score` |
//! | `checkpoint_written` | debug | `path`, `epoch`, `batch` (batches of that epoch that are in it) |
//! | `plateau` | info | `epoch`, `learning_rate_before`, `learning_rate` |
//! | `stopped` | info | `epoch` (the last that is complete), `reason` |
//! | `diverged` | error | `epoch`, `batch`, `loss` |
//!
//! Rows and losses are not sent: an event has no more than fits a line. [`fit`](crate::fit) sends these; a program with a loop of its own
//! may send them too.

use std::path::Path;

use tracing::{debug, error, info};

use crate::history::Epoch;

/// The target of every event here, for filters such as `hairpin_train=info`.
pub const TARGET: &str = "hairpin_train";

/// A training begins, or goes on after `resumed_after` complete epochs.
pub fn run_started(run: &Path, device: &str, seed: u64, epochs: usize, resumed_after: usize) {
    info!(
        target: TARGET,
        event = "run_started",
        run = %run.display(),
        device,
        seed,
        epochs,
        resumed_after,
        "run started"
    );
}

/// An epoch is complete and measured.
pub fn epoch_ended(score_name: &str, epoch: &Epoch) {
    info!(
        target: TARGET,
        event = "epoch_ended",
        epoch = epoch.epoch,
        train_loss = epoch.train_loss,
        valid_loss = epoch.valid_loss,
        score_name,
        valid_score = epoch.valid_score,
        learning_rate = epoch.learning_rate,
        gradient_norm = epoch.gradient_norm,
        seconds = epoch.seconds,
        "epoch ended"
    );
}

/// An epoch is better than all before it.
pub fn new_best(epoch: usize, score_name: &str, score: f64) {
    info!(target: TARGET, event = "new_best", epoch, score_name, score, "new best");
}

/// All that going on needs is on the disk.
pub fn checkpoint_written(path: &Path, epoch: usize, batch: usize) {
    debug!(
        target: TARGET,
        event = "checkpoint_written",
        path = %path.display(),
        epoch,
        batch,
        "checkpoint written"
    );
}

/// The learning rate was lowered because the score had not improved.
pub fn plateau(epoch: usize, learning_rate_before: f64, learning_rate: f64) {
    info!(
        target: TARGET,
        event = "plateau",
        epoch,
        learning_rate_before,
        learning_rate,
        "plateau: learning rate lowered"
    );
}

/// The training ended before its last epoch: it was asked to stop, or the score no longer improved.
pub fn stopped(epoch: usize, reason: &str) {
    info!(target: TARGET, event = "stopped", epoch, reason, "stopped");
}

/// The loss is no longer a number.
pub fn diverged(epoch: usize, batch: usize, loss: f64) {
    error!(target: TARGET, event = "diverged", epoch, batch, loss, "diverged");
}
