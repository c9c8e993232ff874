//! Which epoch is better.

use super::Kept;
use crate::history::{Epoch, History};
use crate::schedule::Monitor;
use hairpin_targets::metrics::Direction;
use std::cmp::Ordering;

/// The order of epochs: by score and then loss, by loss, or in time. What is no number is worse than whatever is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rank {
    monitor: Monitor,
    direction: Direction,
}

impl Rank {
    pub(super) fn new(monitor: Monitor, direction: Direction) -> Self {
        Self { monitor, direction }
    }

    pub(super) fn lower_scores_are_better(self) -> bool {
        self.direction == Direction::LowerIsBetter
    }

    /// `Less` when `a` is better.
    fn compare(self, a: &Epoch, b: &Epoch) -> Ordering {
        let lower = |a: f64, b: f64| match (a.is_nan(), b.is_nan()) {
            (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (a, b) => a.cmp(&b),
        };
        let loss = lower(a.valid_loss, b.valid_loss);
        let score = match self.lower_scores_are_better() {
            true => lower(a.valid_score, b.valid_score),
            false => lower(-a.valid_score, -b.valid_score),
        };
        match self.monitor {
            Monitor::Loss => loss,
            Monitor::Score => score.then(loss),
            Monitor::Last => b.epoch.cmp(&a.epoch),
        }
    }

    /// Whether `epoch` is better than every one before it.
    pub(super) fn is_best(self, epoch: &Epoch, before: &History) -> bool {
        let mut before = before.epochs.iter();
        before.all(|other| self.compare(epoch, other).is_lt())
    }

    /// The kept epochs, best first; of equals the earlier.
    pub(super) fn sorted<M>(self, mut kept: Vec<Kept<M>>, history: &History) -> Vec<Kept<M>> {
        let entry = |kept: &Kept<M>| &history.epochs[kept.epoch - 1];
        kept.sort_by(|a, b| self.compare(entry(a), entry(b)).then(a.epoch.cmp(&b.epoch)));
        kept
    }

    /// Whether the last epoch with a better monitored value than all before it is `patience` epochs old: of equal scores a lower loss
    /// makes an epoch the best, but is not worth waiting for.
    pub(super) fn waited(self, history: &History, patience: usize) -> bool {
        let value = |epoch: &Epoch| match (self.monitor, self.lower_scores_are_better()) {
            (Monitor::Loss, _) => -epoch.valid_loss,
            (Monitor::Score, true) => -epoch.valid_score,
            (Monitor::Score, false) => epoch.valid_score,
            (Monitor::Last, _) => epoch.epoch as f64,
        };
        let mut best = f64::NEG_INFINITY;
        let mut since = 0;
        for epoch in &history.epochs {
            since += 1;
            if value(epoch) > best {
                best = value(epoch);
                since = 0;
            }
        }
        patience > 0 && since >= patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(valid_loss: f64, valid_score: f64) -> Epoch {
        Epoch {
            epoch: 1,
            train_loss: 0.0,
            valid_loss,
            valid_score,
            learning_rate: 0.0,
            gradient_norm: 0.0,
            seconds: 0.0,
            best: false,
        }
    }

    #[test]
    fn scores_in_their_direction_and_then_losses() {
        let rank = |monitor, direction| Rank::new(monitor, direction);
        let (a, b) = (epoch(1.0, 0.5), epoch(2.0, 0.6));
        let by = |rank: Rank| rank.compare(&a, &b);
        assert_eq!(
            by(rank(Monitor::Score, Direction::HigherIsBetter)),
            Ordering::Greater
        );
        assert_eq!(
            by(rank(Monitor::Score, Direction::LowerIsBetter)),
            Ordering::Less
        );
        assert_eq!(
            by(rank(Monitor::Loss, Direction::HigherIsBetter)),
            Ordering::Less
        );
        let rank = rank(Monitor::Score, Direction::HigherIsBetter);
        assert!(rank.compare(&epoch(1.0, 0.5), &epoch(1.1, 0.5)).is_lt());
        assert!(
            rank.compare(&epoch(1.0, 0.1), &epoch(1.0, f64::NAN))
                .is_lt()
        );
        assert!(
            rank.compare(&epoch(9.0, 0.1), &epoch(f64::NAN, 0.1))
                .is_lt()
        );
    }

    #[test]
    fn patience_counts_from_the_last_better_value() {
        let rank = Rank::new(Monitor::Score, Direction::LowerIsBetter);
        let history = |scores: &[f64]| History {
            score_name: String::new(),
            epochs: scores.iter().map(|&score| epoch(0.0, score)).collect(),
        };
        assert!(!rank.waited(&history(&[3.0, 2.0, 2.5, 2.0]), 3));
        assert!(rank.waited(&history(&[3.0, 2.0, 2.5, 2.0]), 2));
        assert!(!rank.waited(&history(&[3.0, 2.0, 2.5, 1.0]), 1));
        assert!(!rank.waited(&history(&[3.0; 50]), 0));
    }

    #[test]
    fn the_last_epoch_is_the_best_whatever_it_scored() {
        let rank = Rank::new(Monitor::Last, Direction::HigherIsBetter);
        let at = |number, score| Epoch {
            epoch: number,
            ..epoch(0.0, score)
        };
        let history = History {
            score_name: String::new(),
            epochs: vec![at(1, 0.9), at(2, f64::NAN)],
        };
        assert!(rank.is_best(&at(3, 0.1), &history));
        assert!(!rank.waited(&history, 1));
    }
}
