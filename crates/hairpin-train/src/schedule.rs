//! [`Schedule`]: the learning rate over a run.

use crate::FitConfig;
use serde::{Deserialize, Serialize};

/// How the learning rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Stays.
    Constant,
    /// Falls along half a cosine that would reach 0 one step after the last (Loshchilov & Hutter 2017, arXiv:1608.03983).
    Cosine,
    /// Is multiplied by `plateau_factor` when the validation loss has not improved for `plateau_patience` epochs, down to
    /// `min_learning_rate`: Keras's `ReduceLROnPlateau`, with an improvement of any size (PyTorch's waits one epoch longer).
    Plateau,
}

/// The learning rate of a run in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Schedule {
    kind: ScheduleKind,
    base: f64,
    minimum: f64,
    factor: f64,
    patience: usize,
    warmup: usize,
    steps: usize,
    /// Steps taken.
    step: usize,
    /// What the plateaus have made of the base rate.
    scale: f64,
    best_loss: Option<f64>,
    waited: usize,
}

impl Schedule {
    pub(crate) fn new(config: &FitConfig, batches: usize) -> Self {
        Self {
            kind: config.schedule,
            base: config.learning_rate,
            minimum: config.min_learning_rate,
            factor: config.plateau_factor,
            patience: config.plateau_patience,
            warmup: config.warmup_epochs.saturating_mul(batches),
            steps: config.epochs.saturating_mul(batches),
            step: 0,
            scale: 1.0,
            best_loss: None,
            waited: 0,
        }
    }

    /// The rate of the step to come, counted from 0: with a warm-up of `w` steps, `min(1, (step + 1) / w)` times the schedule's.
    pub(crate) fn rate(&self) -> f64 {
        let warm = if self.warmup == 0 {
            1.0
        } else {
            (((self.step + 1) as f64) / self.warmup as f64).min(1.0)
        };
        let rate = match self.kind {
            ScheduleKind::Constant => self.base,
            ScheduleKind::Cosine => {
                let done = self.step as f64 / self.steps.max(1) as f64;
                self.base * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
            ScheduleKind::Plateau => (self.base * self.scale).max(self.minimum.min(self.base)),
        };
        rate * warm
    }

    /// A step was taken.
    pub(crate) fn advance(&mut self) {
        self.step += 1;
    }

    /// An epoch ended with this validation loss.
    pub(crate) fn end_epoch(&mut self, valid_loss: f64) {
        if !valid_loss.is_nan() && self.best_loss.is_none_or(|best| valid_loss < best) {
            self.best_loss = Some(valid_loss);
            self.waited = 0;
            return;
        }
        self.waited += 1;
        if self.waited >= self.patience {
            self.scale *= self.factor;
            self.waited = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(schedule: ScheduleKind) -> FitConfig {
        FitConfig {
            schedule,
            epochs: 4,
            learning_rate: 1e-2,
            warmup_epochs: 0,
            plateau_factor: 0.2,
            plateau_patience: 2,
            min_learning_rate: 1e-3,
            ..FitConfig::default()
        }
    }

    #[test]
    fn cosine_starts_at_the_rate_is_half_in_the_middle_and_ends_low() {
        let mut schedule = Schedule::new(&config(ScheduleKind::Cosine), 10);
        assert_eq!(schedule.rate(), 1e-2);
        (0..20).for_each(|_| schedule.advance());
        assert!((schedule.rate() - 5e-3).abs() < 1e-12);
        (0..19).for_each(|_| schedule.advance());
        assert!(schedule.rate() > 0.0 && schedule.rate() < 1e-4);
    }

    #[test]
    fn warm_up_rises_linearly() {
        let config = FitConfig {
            warmup_epochs: 1,
            ..config(ScheduleKind::Constant)
        };
        let mut schedule = Schedule::new(&config, 4);
        let rates: Vec<f64> = (0..5)
            .map(|_| {
                let rate = schedule.rate();
                schedule.advance();
                rate
            })
            .collect();
        assert_eq!(rates, [2.5e-3, 5e-3, 7.5e-3, 1e-2, 1e-2]);
    }

    #[test]
    fn plateaus_lower_the_rate_to_the_floor() {
        let mut schedule = Schedule::new(&config(ScheduleKind::Plateau), 1);
        let rates: Vec<f64> = [1.0, 0.9, 0.9, 0.95, 0.8, 0.8, 0.8, 0.8, 0.8]
            .into_iter()
            .map(|loss| {
                schedule.end_epoch(loss);
                schedule.rate()
            })
            .collect();
        let expected = [1e-2, 1e-2, 1e-2, 2e-3, 2e-3, 2e-3, 1e-3, 1e-3, 1e-3];
        for (found, expected) in rates.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{rates:?}");
        }
    }

    #[test]
    fn a_loss_that_is_not_a_number_is_no_improvement() {
        for losses in [[1.0, f64::NAN, f64::NAN], [f64::NAN, f64::NAN, 1.0]] {
            let mut schedule = Schedule::new(&config(ScheduleKind::Plateau), 1);
            losses.into_iter().for_each(|loss| schedule.end_epoch(loss));
            assert!(schedule.rate() < 1e-2, "{losses:?}");
            assert_eq!(schedule.best_loss, Some(1.0));
        }
    }
}
