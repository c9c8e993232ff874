//! [`ScheduleConfig`]: the learning rate over a run.

use crate::TrainError;
use serde::{Deserialize, Serialize};

/// How the learning rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Stays.
    Constant,
    /// Is multiplied by `factor` every `step_epochs` epochs.
    Step,
    /// Is multiplied by `factor` every epoch.
    Exponential,
    /// Falls along half a cosine from the rate to `min_rate`, which it would reach one step after the last; with `cycle_epochs`, again and
    /// again from the top (Loshchilov & Hutter 2017, arXiv:1608.03983).
    Cosine,
    /// Rises from a 25th of the rate to all of it over `peak_at` of the run and falls to a 250,000th, along half cosines (Smith & Topin
    /// 2018, arXiv:1708.07120; PyTorch's `OneCycleLR`).
    OneCycle,
    /// Is multiplied by `factor` when what [`Monitor`](crate::Monitor) watches has not improved for `patience` epochs, down to `min_rate`:
    /// Keras's `ReduceLROnPlateau`, with an improvement of any size (PyTorch's waits one epoch longer).
    Plateau,
}

/// Hyper-parameters of the learning rate's schedule. Each agrees with PyTorch's: `docs/PARITY.md`.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `kind` | `cosine` | `constant`, `step`, `exponential`, `cosine`, `one_cycle`, `plateau` | |
/// | `warmup_epochs` | 1 | epochs over which the rate rises from 0, before what the schedule makes of it; not for `one_cycle` | 0.. |
/// | `factor` | 0.2 | what `step`, `exponential` and `plateau` multiply the rate by | above 0, up to 1 |
/// | `step_epochs` | 10 | of `step` | 1.. |
/// | `cycle_epochs` | 0 | of `cosine`: epochs of the first cycle; 0: one cycle, the whole run | 0.. |
/// | `cycle_growth` | 1.0 | of `cosine`: how many times longer each cycle is than the one before | 1.. |
/// | `peak_at` | 0.3 | of `one_cycle`: share of the run after which the rate is highest | above 0, below 1 |
/// | `patience` | 15 | of `plateau`: epochs without improvement until the rate falls | 1.. |
/// | `cooldown` | 0 | of `plateau`: epochs after a fall that are not counted | 0.. |
/// | `monitor` | `loss` | of `plateau`: `loss` or `score` on the validation rows | |
/// | `min_rate` | 1e-6 | floor of `plateau`; `cosine` ends there | 0.. |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    /// How the rate changes.
    pub kind: ScheduleKind,
    /// Epochs over which the rate rises from 0.
    pub warmup_epochs: usize,
    /// What the rate is multiplied by.
    pub factor: f64,
    /// Epochs between two steps.
    pub step_epochs: usize,
    /// Epochs of the first cosine; 0 for the whole run.
    pub cycle_epochs: usize,
    /// How many times longer each cosine is than the one before.
    pub cycle_growth: f64,
    /// Share of the run after which one cycle's rate is highest.
    pub peak_at: f64,
    /// Epochs without improvement that make a plateau.
    pub patience: usize,
    /// Epochs after a fall that are not counted.
    pub cooldown: usize,
    /// What a plateau is a plateau of.
    pub monitor: Monitor,
    /// The lowest rate.
    pub min_rate: f64,
}

/// What decides that an epoch was better than another: on the validation rows, over the whole split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// The loss: lower is better.
    Loss,
    /// The objective's score, in its own direction; of equal scores the lower loss.
    Score,
    /// Nothing: a later epoch is better than an earlier one, so that the validation rows have no part in the model and may judge it. For
    /// schedules that end where a run ends; a plateau cannot watch it.
    Last,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            kind: ScheduleKind::Cosine,
            warmup_epochs: 1,
            factor: 0.2,
            step_epochs: 10,
            cycle_epochs: 0,
            cycle_growth: 1.0,
            peak_at: 0.3,
            patience: 15,
            cooldown: 0,
            monitor: Monitor::Loss,
            min_rate: 1e-6,
        }
    }
}

impl ScheduleConfig {
    pub(crate) fn validate(&self) -> Result<(), TrainError> {
        let refuse = |name, found: String, expected: &'static str| {
            Err(TrainError::FitConfig {
                name,
                found,
                expected: expected.into(),
            })
        };
        for (name, found) in [
            ("schedule.step_epochs", self.step_epochs),
            ("schedule.patience", self.patience),
        ] {
            if found == 0 {
                return refuse(name, found.to_string(), "at least 1");
            }
        }
        if self.monitor == Monitor::Last {
            return refuse("schedule.monitor", "last".to_owned(), "loss or score");
        }
        if !(self.factor > 0.0 && self.factor <= 1.0) {
            return refuse(
                "schedule.factor",
                self.factor.to_string(),
                "above 0, up to 1",
            );
        }
        if !(self.cycle_growth >= 1.0 && self.cycle_growth.is_finite()) {
            return refuse(
                "schedule.cycle_growth",
                self.cycle_growth.to_string(),
                "1 or more",
            );
        }
        if !(self.peak_at > 0.0 && self.peak_at < 1.0) {
            return refuse(
                "schedule.peak_at",
                self.peak_at.to_string(),
                "above 0, below 1",
            );
        }
        if !(self.min_rate >= 0.0 && self.min_rate.is_finite()) {
            return refuse(
                "schedule.min_rate",
                self.min_rate.to_string(),
                "0 or a positive number",
            );
        }
        Ok(())
    }
}

/// The learning rate of a run in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Schedule {
    config: ScheduleConfig,
    base: f64,
    /// Steps of an epoch, and epochs of the run.
    steps: usize,
    epochs: usize,
    /// Steps taken.
    step: usize,
    /// What the plateaus have made of the base rate.
    scale: f64,
    best: Option<f64>,
    waited: usize,
    cooling: usize,
}

impl Schedule {
    /// Of `epochs` epochs of `steps` steps each.
    pub(crate) fn new(config: &ScheduleConfig, base: f64, epochs: usize, steps: usize) -> Self {
        Self {
            config: config.clone(),
            base,
            steps: steps.max(1),
            epochs,
            step: 0,
            scale: 1.0,
            best: None,
            waited: 0,
            cooling: 0,
        }
    }

    /// The rate of the step to come, counted from 0: with a warm-up of `w` steps, `min(1, (step + 1) / w)` times the schedule's.
    pub(crate) fn rate(&self) -> f64 {
        let config = &self.config;
        let epoch = self.step / self.steps;
        let floor = config.min_rate.min(self.base);
        let rate = match config.kind {
            ScheduleKind::Constant => self.base,
            ScheduleKind::Step => {
                self.base * config.factor.powf((epoch / config.step_epochs) as f64)
            }
            ScheduleKind::Exponential => self.base * config.factor.powf(epoch as f64),
            ScheduleKind::Cosine => between(self.base, floor, self.cycle()),
            ScheduleKind::OneCycle => return self.one_cycle(),
            ScheduleKind::Plateau => (self.base * self.scale).max(floor),
        };
        let warmup = config.warmup_epochs.saturating_mul(self.steps);
        match warmup {
            0 => rate,
            _ => rate * ((self.step + 1) as f64 / warmup as f64).min(1.0),
        }
    }

    /// How far the cosine at hand is, 0 to 1.
    fn cycle(&self) -> f64 {
        let step = self.step as f64;
        let whole = (self.epochs * self.steps).max(1) as f64;
        let first = match self.config.cycle_epochs {
            0 => return (step / whole).min(1.0),
            epochs => (epochs * self.steps) as f64,
        };
        let growth = self.config.cycle_growth;
        if growth == 1.0 {
            return (step % first) / first;
        }
        let (mut start, mut length) = (0.0, first);
        while step >= start + length {
            start += length;
            length *= growth;
        }
        (step - start) / length
    }

    fn one_cycle(&self) -> f64 {
        let last = (self.epochs * self.steps).max(2) as f64 - 1.0;
        let peak = (self.config.peak_at * (last + 1.0) - 1.0).max(0.0);
        let step = (self.step as f64).min(last);
        let (low, end) = (self.base / 25.0, self.base / 25e4);
        match step <= peak && peak > 0.0 {
            true => between(low, self.base, step / peak),
            false => between(self.base, end, (step - peak) / (last - peak)),
        }
    }

    /// A step was taken.
    pub(crate) fn advance(&mut self) {
        self.step += 1;
    }

    /// Steps taken.
    pub(crate) fn steps_taken(&self) -> usize {
        self.step
    }

    /// An epoch ended; `lower_is_better` of what is monitored. Whether the rate fell.
    pub(crate) fn end_epoch(&mut self, found: f64, lower_is_better: bool) -> bool {
        let better = |best: f64| match lower_is_better {
            true => found < best,
            false => found > best,
        };
        let improved = !found.is_nan() && self.best.is_none_or(better);
        if improved {
            self.best = Some(found);
            self.waited = 0;
        }
        if self.cooling > 0 {
            self.cooling -= 1;
            self.waited = 0;
            return false;
        }
        if improved {
            return false;
        }
        self.waited += 1;
        if self.waited < self.config.patience {
            return false;
        }
        self.scale *= self.config.factor;
        self.waited = 0;
        self.cooling = self.config.cooldown;
        self.config.kind == ScheduleKind::Plateau
    }

    pub(crate) fn monitor(&self) -> Monitor {
        self.config.monitor
    }
}

/// From `from` to `to` along half a cosine.
fn between(from: f64, to: f64, done: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hairpin_golden::golden_json;

    fn config(kind: ScheduleKind) -> ScheduleConfig {
        ScheduleConfig {
            kind,
            warmup_epochs: 0,
            factor: 0.2,
            patience: 2,
            min_rate: 0.0,
            ..ScheduleConfig::default()
        }
    }

    fn rates(config: &ScheduleConfig, epochs: usize, steps: usize) -> Vec<f64> {
        let mut schedule = Schedule::new(config, 1e-2, epochs, steps);
        let rate = |_| {
            let rate = schedule.rate();
            schedule.advance();
            rate
        };
        (0..epochs * steps).map(rate).collect()
    }

    #[test]
    fn every_schedule_is_that_of_pytorch() {
        let golden: serde_json::Value = golden_json("hairpin-train", "schedules.json");
        let cases = golden["schedules"].as_array().unwrap();
        assert_eq!(cases.len(), 7);
        for case in cases {
            let config: ScheduleConfig = serde_json::from_value({
                let mut all = serde_json::to_value(config(ScheduleKind::Constant)).unwrap();
                for (key, value) in case["config"].as_object().unwrap() {
                    all[key] = value.clone();
                }
                all
            })
            .unwrap();
            let number = |key: &str| case[key].as_u64().unwrap() as usize;
            let (epochs, steps) = (number("epochs"), number("steps"));
            let expected: Vec<f64> = serde_json::from_value(case["rates"].clone()).unwrap();
            let found = match case.get("losses") {
                None => rates(&config, epochs, steps),
                Some(losses) => {
                    let losses: Vec<f64> = serde_json::from_value(losses.clone()).unwrap();
                    let mut schedule = Schedule::new(&config, 1e-2, epochs, 1);
                    let after = |loss: f64| {
                        schedule.end_epoch(loss, true);
                        schedule.rate()
                    };
                    losses.into_iter().map(after).collect()
                }
            };
            assert_eq!(found.len(), expected.len());
            for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!(
                    (found - expected).abs() < 1e-9,
                    "{} step {step}: {found} {expected}",
                    case["name"]
                );
            }
        }
    }

    #[test]
    fn cosine_starts_at_the_rate_is_half_in_the_middle_and_ends_low() {
        let rates = rates(&config(ScheduleKind::Cosine), 4, 10);
        assert_eq!(rates[0], 1e-2);
        assert!((rates[20] - 5e-3).abs() < 1e-12);
        assert!(rates[39] > 0.0 && rates[39] < 1e-4);
    }

    #[test]
    fn warm_up_rises_linearly() {
        let config = ScheduleConfig {
            warmup_epochs: 1,
            ..config(ScheduleKind::Constant)
        };
        assert_eq!(
            rates(&config, 2, 4)[..5],
            [2.5e-3, 5e-3, 7.5e-3, 1e-2, 1e-2]
        );
    }

    #[test]
    fn plateaus_lower_the_rate_to_the_floor() {
        let config = ScheduleConfig {
            min_rate: 1e-3,
            ..config(ScheduleKind::Plateau)
        };
        for lower_is_better in [true, false] {
            let mut schedule = Schedule::new(&config, 1e-2, 9, 1);
            let rates: Vec<f64> = [1.0, 0.9, 0.9, 0.95, 0.8, 0.8, 0.8, 0.8, 0.8]
                .into_iter()
                .map(|loss| {
                    let found = if lower_is_better { loss } else { -loss };
                    schedule.end_epoch(found, lower_is_better);
                    schedule.rate()
                })
                .collect();
            let expected = [1e-2, 1e-2, 1e-2, 2e-3, 2e-3, 2e-3, 1e-3, 1e-3, 1e-3];
            for (found, expected) in rates.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{rates:?}");
            }
        }
    }

    #[test]
    fn a_loss_that_is_not_a_number_is_no_improvement() {
        for losses in [[1.0, f64::NAN, f64::NAN], [f64::NAN, f64::NAN, 1.0]] {
            let mut schedule = Schedule::new(&config(ScheduleKind::Plateau), 1e-2, 4, 1);
            losses.into_iter().for_each(|loss| {
                schedule.end_epoch(loss, true);
            });
            assert!(schedule.rate() < 1e-2, "{losses:?}");
            assert_eq!(schedule.best, Some(1.0));
        }
    }
}
