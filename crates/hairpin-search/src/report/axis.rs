//! Where values stand along an axis, and its labels.

use super::html::number;
use crate::Value;
use crate::sampler::{scaled_bounds, to_scaled};
use crate::space::Domain;

/// A range of places with labels at some of them.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) ticks: Vec<(f64, String)>,
    /// Whether places are decimal logarithms.
    pub(super) log: bool,
}

/// Beyond this the width of an axis could overflow.
const LARGEST: f64 = 1e100;

impl Axis {
    /// An axis of values: logarithmic where they are positive and span more than two decades.
    pub(super) fn of_values(values: &[f64]) -> Self {
        let drawable = values.iter().copied().filter(|value| value.abs() < LARGEST);
        let low = drawable.clone().fold(f64::INFINITY, f64::min);
        let high = drawable.fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return Self::linear(0.0, 1.0);
        }
        if low > 1.0 / LARGEST && high > 100.0 * low {
            Self::decades(low.log10(), high.log10())
        } else {
            Self::linear(low, high)
        }
    }

    /// An axis of numbers from 0.
    pub(super) fn counts(most: usize) -> Self {
        Self::linear(0.0, most as f64)
    }

    /// An axis of a parameter; a logarithmic one in decades.
    pub(super) fn of_domain(domain: &Domain) -> Self {
        let (low, high, log) = match domain {
            Domain::Float { low, high, log } => (*low, *high, *log),
            Domain::Int { low, high, log } => (*low as f64, *high as f64, *log),
            Domain::Categorical { choices } => {
                let (start, end) = scaled_bounds(domain);
                let names = choices.iter().enumerate();
                let ticks = names.map(|(i, choice)| (i as f64, shortened(&choice.to_string())));
                return Self {
                    start: start - 0.5,
                    end: end - 0.5,
                    ticks: ticks.collect(),
                    log: false,
                };
            }
        };
        if log {
            Self::decades(low.log10(), high.log10())
        } else {
            Self::linear(low, high)
        }
    }

    /// Where a value of the objective stands; `None` if it cannot be drawn.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let place = if self.log { value.log10() } else { value };
        (place.is_finite() && place.abs() < LARGEST).then_some(place)
    }

    /// Where a value of a parameter stands.
    pub(super) fn place_param(&self, domain: &Domain, value: &Value) -> Option<f64> {
        match (domain, value) {
            (Domain::Categorical { .. }, value) => to_scaled(domain, value),
            (_, Value::Float(value)) => self.place(*value),
            (_, Value::Int(value)) => self.place(*value as f64),
            _ => None,
        }
    }

    /// The share of the way from start to end.
    pub(super) fn share(&self, place: f64) -> f64 {
        ((place - self.start) / (self.end - self.start)).clamp(0.0, 1.0)
    }

    fn linear(low: f64, high: f64) -> Self {
        let (low, high) = widened(low, high, 0.1 * low.abs());
        let step = nice_step((high - low) / 5.0);
        let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
        // A step is a fifth of the axis or more: there are few of them, whatever rounding does.
        let ticks = (first..=last).take(12);
        let ticks = ticks.map(|i| i as f64 * step).map(|at| (at, number(at)));
        let ticks = ticks.collect();
        Self::with_margin(low, high, ticks, false)
    }

    fn decades(low: f64, high: f64) -> Self {
        let (low, high) = widened(low, high, 0.25);
        let every = (((high - low) / 5.0).ceil() as usize).max(1);
        let whole = (low.ceil() as i64..=high.floor() as i64).step_by(every);
        let mut ticks: Vec<(f64, String)> =
            whole.map(|decade| (decade as f64, power(decade))).collect();
        if ticks.len() < 2 {
            ticks = [low, high].map(|at| (at, number(10_f64.powf(at)))).to_vec();
        }
        Self::with_margin(low, high, ticks, true)
    }

    fn with_margin(low: f64, high: f64, ticks: Vec<(f64, String)>, log: bool) -> Self {
        let margin = 0.03 * (high - low);
        let (start, end) = (low - margin, high + margin);
        Self {
            start,
            end,
            ticks,
            log,
        }
    }
}

/// A range of no width around its value.
fn widened(low: f64, high: f64, by: f64) -> (f64, f64) {
    if high - low > 1e-9 * low.abs().max(high.abs()) && high > low {
        return (low, high);
    }
    let by = if by > 0.0 { by } else { 0.5 };
    (low - by, high + by)
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn nice_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|nice| *nice >= step * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

fn power(decade: i64) -> String {
    if (-3..=4).contains(&decade) {
        number(10_f64.powi(decade as i32))
    } else {
        format!("1e{decade}")
    }
}

/// A name that has its place under a tick.
pub(super) fn shortened(name: &str) -> String {
    const MOST: usize = 14;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    let start: String = name.chars().take(MOST - 1).collect();
    start + "\u{2026}"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_axis_has_room_and_labels() {
        let series: [&[f64]; 10] = [
            &[],
            &[0.0],
            &[5.0, 5.0],
            &[-3.0, 1e-300],
            &[1e-9, 1e9],
            &[1e200, 1.0],
            &[-1e99, 1e99],
            &[0.123, 0.124],
            &[5e-324, 1.0],
            &[1e15, 1e15 + 1.0],
        ];
        for values in series {
            let axis = Axis::of_values(values);
            assert!(axis.start < axis.end, "{values:?}: {axis:?}");
            assert!((1..=13).contains(&axis.ticks.len()), "{values:?}: {axis:?}");
            for place in values.iter().filter_map(|&value| axis.place(value)) {
                assert!((0.0..=1.0).contains(&axis.share(place)));
            }
        }
        assert!(Axis::of_values(&[0.01, 2.0]).log);
        assert!(!Axis::of_values(&[0.0, 2.0]).log);
    }

    #[test]
    fn choices_stand_side_by_side() {
        let domain = Domain::Categorical {
            choices: vec!["a".into(), "a name that is too long".into()],
        };
        let axis = Axis::of_domain(&domain);
        assert_eq!(axis.share(0.0), 0.25);
        assert_eq!(axis.ticks[1].1, "a name that i\u{2026}");
    }
}
