//! Batches prepared on a thread of their own, so that the network does not wait for them.

use super::parallel::Placed;
use crate::Dataset;
use crate::order::batch_rng;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Batches that may be ready before they are asked for.
const AHEAD: usize = 2;

/// One epoch's batches.
pub(super) struct Order<'a> {
    pub(super) batches: &'a [Vec<usize>],
    /// Which device takes which.
    pub(super) placed: &'a Placed,
    /// The first that is wanted.
    pub(super) first: usize,
    pub(super) seed: u64,
    pub(super) epoch: usize,
}

/// Where an epoch's batches come from, in order.
pub(super) struct Feed<I> {
    receiver: Receiver<I>,
    waited: Duration,
}

impl<I> Feed<I> {
    /// The next batch; `None` after the last.
    pub(super) fn next(&mut self) -> Option<I> {
        let asked = Instant::now();
        let batch = self.receiver.recv().ok();
        self.waited += asked.elapsed();
        batch
    }

    /// Time spent waiting for batches.
    pub(super) fn waited(&self) -> Duration {
        self.waited
    }
}

/// Calls `consume` with a feed of the epoch's batches, each on the one of the devices that takes it. What `consume` leaves is not
/// prepared.
pub(super) fn feed<D, R>(
    inputs: &D,
    order: &Order<'_>,
    consume: impl FnOnce(&mut Feed<D::Input>) -> R,
) -> R
where
    D: Dataset + Sync + ?Sized,
    D::Input: Send,
{
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || {
            for (index, rows) in order.batches.iter().enumerate().skip(order.first) {
                let mut rng = batch_rng(order.seed, order.epoch, index);
                let batch = inputs.batch(rows, Some(&mut rng), order.placed.device_of(index));
                // Nobody listens any more: the epoch was left.
                if sender.send(batch).is_err() {
                    return;
                }
            }
        });
        consume(&mut Feed {
            receiver,
            waited: Duration::ZERO,
        })
    })
}
