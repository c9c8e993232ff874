//! A parameter as trees see it.

use crate::sampler::{scaled_bounds, to_scaled};
use crate::space::{Domain, Param};
use crate::{Params, Space};

/// A parameter over all rows, with the measure of its values.
pub(super) enum Feature {
    /// A number between 0 and 1 on its scale, uniform; where the parameter is not active, it is `-inactive / 2`.
    Number {
        values: Vec<f64>,
        /// The length of the piece below 0 that stands for not being active.
        inactive: f64,
        /// For an integer: where the value `k` stands, by which cuts are placed between integers.
        steps: Option<Steps>,
    },
    /// One of several values, each with its probability; the last stands for not being active.
    Choice {
        values: Vec<usize>,
        weights: Vec<f64>,
    },
}

/// The scale of an integer.
pub(super) struct Steps {
    low: f64,
    start: f64,
    width: f64,
    log: bool,
}

impl Feature {
    pub(super) fn new(space: &Space, index: usize, rows: &[&Params]) -> Self {
        let param = &space.params()[index];
        let active = probability(space, param);
        let value = |row: &Params| {
            row.get(&param.name)
                .and_then(|v| to_scaled(&param.domain, v))
        };
        let (start, end) = scaled_bounds(&param.domain);
        if let Domain::Categorical { choices } = &param.domain {
            let mut weights = vec![active / choices.len() as f64; choices.len()];
            weights.push(1.0 - active);
            let of = |row: &&Params| value(row).map_or(choices.len(), |index| index as usize);
            let values = rows.iter().map(of).collect();
            return Self::Choice { values, weights };
        }
        // A range of one value has no width.
        let width = if end > start { end - start } else { 1.0 };
        let inactive = (1.0 - active) / active;
        let of = |row: &&Params| value(row).map_or(-inactive / 2.0, |x| (x - start) / width);
        let steps = match param.domain {
            Domain::Int { low, log, .. } => Some(Steps {
                low: low as f64,
                start,
                width,
                log,
            }),
            _ => None,
        };
        let values = rows.iter().map(of).collect();
        Self::Number {
            values,
            inactive,
            steps,
        }
    }
}

impl Steps {
    /// The place half a step above an integer that is in the middle of two others.
    pub(super) fn cut(&self, below: f64, above: f64) -> f64 {
        let integer = |place: f64| {
            let x = self.start + place * self.width;
            (if self.log { libm::exp(x) } else { x }).round()
        };
        let middle = ((integer(below) + integer(above)) / 2.0)
            .floor()
            .max(self.low)
            + 0.5;
        let x = if self.log { libm::log(middle) } else { middle };
        (x - self.start) / self.width
    }
}

/// How likely a parameter is part of a random trial.
fn probability(space: &Space, param: &Param) -> f64 {
    let (mut param, mut all) = (param, 1.0);
    // As many conditions above each other as parameters at most: a space has no circles.
    while let Some(condition) = &param.when {
        let Some(parent) = space.param(&condition.param) else {
            break;
        };
        let (start, end) = scaled_bounds(&parent.domain);
        all *= match &parent.domain {
            Domain::Categorical { choices } => {
                let holds = choices
                    .iter()
                    .filter(|&choice| condition.is.contains(choice));
                holds.count() as f64 / choices.len() as f64
            }
            Domain::Int { log, .. } => {
                let mut is: Vec<f64> = condition
                    .is
                    .iter()
                    .filter_map(|value| match value {
                        crate::Value::Int(value) => Some(*value as f64),
                        _ => None,
                    })
                    .collect();
                is.sort_by(f64::total_cmp);
                is.dedup();
                let width = |k: &f64| {
                    if *log {
                        libm::log(k + 0.5) - libm::log(k - 0.5)
                    } else {
                        1.0
                    }
                };
                is.iter().map(width).sum::<f64>() / (end - start)
            }
            Domain::Float { .. } => 1.0,
        };
        param = parent;
    }
    // A condition that always holds may come out a little above.
    all.min(1.0)
}
