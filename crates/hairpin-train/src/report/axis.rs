//! The range of an axis, its ticks and their labels.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// How values are laid out along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Log,
}

/// One axis: values are placed by [`Axis::place`], which for a logarithmic axis is the decimal logarithm.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) scale: Scale,
    pub(super) start: f64,
    pub(super) end: f64,
    /// Where a label stands, and the label.
    pub(super) ticks: Vec<(f64, String)>,
}

/// Beyond this the width of an axis could overflow.
const LARGEST: f64 = 1e100;
/// Below this a value on a linear axis is 0, so that no step between ticks underflows.
const SMALLEST: f64 = 1e-100;

impl Axis {
    /// An axis of about `ticks` ticks on which all of `values` that can be drawn have their place.
    pub(super) fn new(scale: Scale, ticks: u32, values: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter_map(|value| place(scale, value)) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        // Scores and probabilities stay between 0 and 1, and so does their axis.
        let most = if scale == Scale::Linear && low >= 0.0 && high <= 1.0 {
            1.0
        } else {
            f64::INFINITY
        };
        let narrow = match scale {
            Scale::Linear => high - low <= 1e-9 * low.abs().max(high.abs()),
            // Half a decade always holds a tick.
            Scale::Log => high - low < 0.5,
        };
        if narrow {
            let half = match scale {
                Scale::Linear => 0.1 * low.abs(),
                Scale::Log => 0.25,
            };
            let middle = low + (high - low) / 2.0;
            (low, high) = if middle == 0.0 && scale == Scale::Linear {
                (0.0, 1.0)
            } else {
                (middle - half, (middle + half).min(most))
            };
        }
        let step = nice_step((high - low) / f64::from(ticks));
        if scale == Scale::Linear {
            (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        }
        // A margin keeps a curve along the edge, such as an accuracy of 1, off the frame.
        let margin = 0.03 * (high - low);
        let (start, end) = (low - margin, high + margin);
        let ticks = match scale {
            Scale::Linear => linear_ticks(low, high, step),
            Scale::Log => log_ticks(start, end, ticks),
        };
        Self {
            scale,
            start,
            end,
            ticks,
        }
    }

    /// An axis of epoch numbers.
    pub(super) fn epochs(first: usize, last: usize) -> Self {
        let (low, high) = (first as f64, last.max(first) as f64);
        let margin = if first >= last {
            0.5
        } else {
            0.02 * (high - low)
        };
        let step = nice_step((high - low) / 6.0).max(1.0) as usize;
        // The first epoch has a label of its own unless that would touch the next one.
        let own = step >= 5 && !first.is_multiple_of(step) && step - first % step >= step / 2;
        let multiples = std::iter::successors(first.checked_next_multiple_of(step), |epoch| {
            epoch.checked_add(step)
        });
        let ticks = own
            .then_some(first)
            .into_iter()
            .chain(multiples.take_while(|&epoch| epoch <= last.max(first)));
        Self {
            scale: Scale::Linear,
            start: low - margin,
            end: high + margin,
            ticks: ticks
                .map(|epoch| (epoch as f64, epoch.to_string()))
                .collect(),
        }
    }

    /// Where `value` stands, or `None` if it cannot be drawn.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        place(self.scale, value)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, limit: (i32, i32)) -> i32 {
        let share = (place - self.start) / (self.end - self.start);
        (f64::from(limit.0) + share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Light points are lines between the labelled ones; there are none.
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.ticks.iter().map(|(at, _)| *at).collect()
        }
    }

    fn range(&self) -> Range<f64> {
        self.start..self.end
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, place: &f64) -> String {
        let tick = self.ticks.iter().find(|(at, _)| at == place);
        tick.map_or_else(String::new, |(_, label)| label.clone())
    }
}

fn place(scale: Scale, value: f64) -> Option<f64> {
    if !value.is_finite() || value.abs() > LARGEST {
        return None;
    }
    match scale {
        Scale::Linear => Some(if value.abs() < SMALLEST { 0.0 } else { value }),
        Scale::Log => (value > 0.0).then(|| value.log10()),
    }
}

/// The smallest of 1, 2, 5, 10, ... (and their decimal fractions) that is at least `rough`.
fn nice_step(rough: f64) -> f64 {
    if rough <= 0.0 {
        return 1.0;
    }
    let decade = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|factor| factor * decade);
    // The tolerance absorbs the rounding of the logarithm.
    steps
        .into_iter()
        .find(|step| *step >= rough * (1.0 - 1e-9))
        .unwrap_or(10.0 * decade)
}

/// The multiples of `step` from `start` to `end`.
fn linear_ticks(start: f64, end: f64, step: f64) -> Vec<(f64, String)> {
    let largest = start.abs().max(end.abs());
    let step_exponent = (step.log10() + 1e-9).floor();
    let scientific = largest >= 1e6 || step < 1e-4;
    let first = (start / step).round();
    let count = ((end - start) / step).round() as usize;
    (0..=count)
        // Adding zero turns -0 into 0.
        .map(|index| (first + index as f64) * step + 0.0)
        .map(|tick| {
            let label = if tick == 0.0 {
                "0".to_string()
            } else if scientific {
                let digits = (tick.abs().log10() + 1e-9).floor() - step_exponent;
                format!("{tick:.*e}", digits.clamp(0.0, 15.0) as usize)
            } else {
                format!("{tick:.*}", (-step_exponent).max(0.0) as usize)
            };
            (tick, label)
        })
        .collect()
}

/// Powers of ten from `start` to `end`, with some of their multiples where these are few.
fn log_ticks(start: f64, end: f64, most: u32) -> Vec<(f64, String)> {
    let decades = start.floor() as i32..=end.ceil() as i32;
    // Plain numbers where all of them are short.
    let plain = (-2.5..4.0).contains(&start) && end < 4.0;
    let at = |factor: f64, exponent: i32| {
        let scientific = format!("{factor}e{exponent}");
        // By way of the text, because 3 * 0.1 is not 0.3.
        let label = match scientific.parse::<f64>() {
            Ok(value) if plain => value.to_string(),
            _ => scientific,
        };
        (f64::from(exponent) + factor.log10(), label)
    };
    let inside = |(place, _): &(f64, String)| (start..=end).contains(place);
    if end - start >= 2.0 {
        let every = ((end - start) / f64::from(most)).ceil().max(1.0) as i32;
        let shown = decades.filter(|exponent| exponent.rem_euclid(every) == 0);
        return shown
            .map(|exponent| at(1.0, exponent))
            .filter(inside)
            .collect();
    }
    let mut ticks = Vec::new();
    for factors in [&[1.0, 2.0, 5.0][..], &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0]] {
        ticks = decades
            .clone()
            .flat_map(|exponent| factors.iter().map(move |&factor| at(factor, exponent)))
            .collect();
        ticks.retain(inside);
        if ticks.len() >= 2 {
            break;
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(
            labels(&Axis::new(Scale::Linear, 6, [0.0, 1.0].into_iter())),
            ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            labels(&Axis::new(Scale::Linear, 6, [-1.0, 1.0].into_iter())),
            ["-1.0", "-0.5", "0", "0.5", "1.0"]
        );
        assert_eq!(
            labels(&Axis::new(Scale::Log, 6, [1e-3, 1e-6].into_iter())),
            ["1e-6", "1e-5", "1e-4", "1e-3"]
        );
        assert_eq!(
            labels(&Axis::new(Scale::Log, 6, [3e-4].into_iter())),
            ["2e-4", "5e-4"]
        );
        assert_eq!(
            labels(&Axis::new(Scale::Log, 6, [0.02, 30.0].into_iter())),
            ["0.1", "1", "10"]
        );
        assert_eq!(
            labels(&Axis::new(Scale::Linear, 6, [1.0].into_iter())),
            ["0.90", "0.92", "0.94", "0.96", "0.98", "1.00"]
        );
        assert_eq!(
            labels(&Axis::new(Scale::Linear, 3, [0.0].into_iter())),
            ["0", "0.5", "1.0"]
        );
        assert_eq!(
            labels(&Axis::epochs(1, 60)),
            ["1", "10", "20", "30", "40", "50", "60"]
        );
        assert_eq!(labels(&Axis::epochs(1, 1)), ["1"]);
        assert_eq!(labels(&Axis::epochs(1, 3)), ["1", "2", "3"]);
    }

    #[test]
    fn every_axis_has_a_few_distinct_ticks_inside_it() {
        let series: [&[f64]; 15] = [
            &[],
            &[0.0],
            &[0.7, 0.7],
            &[-3.0],
            &[0.783_147, 0.783_149],
            &[1e15, 1e15 + 2.0],
            &[f64::NAN, f64::INFINITY, 1.0, 2.0],
            &[f64::MAX, f64::MIN],
            &[1e99, -1e99],
            &[1e-12, 3e-12],
            &[1e-9, 1e9],
            &[5e-324, 0.5],
            &[0.0, 5e-324],
            &[0.02, 0.03],
            &[0.25, 0.35],
        ];
        for values in series {
            for scale in [Scale::Linear, Scale::Log] {
                let axis = Axis::new(scale, 6, values.iter().copied());
                assert!(axis.start < axis.end, "{values:?}");
                for place in values.iter().filter_map(|&value| axis.place(value)) {
                    assert!((axis.start..=axis.end).contains(&place), "{values:?}");
                }
                let mut names = labels(&axis);
                assert!(
                    (1..=9).contains(&names.len()),
                    "{values:?} {scale:?}: {names:?}"
                );
                assert!(
                    axis.ticks
                        .iter()
                        .all(|(at, _)| (axis.start..=axis.end).contains(at))
                );
                assert!(names.iter().all(|name| name.len() <= 16), "{names:?}");
                names.dedup();
                assert_eq!(names.len(), axis.ticks.len(), "{values:?}: {names:?}");
            }
        }
        for last in (1..=1000).chain([usize::MAX]) {
            let axis = Axis::epochs(1, last);
            assert!(
                (1..=8).contains(&axis.ticks.len()),
                "{last}: {:?}",
                axis.ticks
            );
        }
    }
}
