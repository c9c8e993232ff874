//! The terms of a loss over a whole split, in `f64`, as they are written on paper.

use super::{LossTerm, PEARSON_EPSILON};
use ndarray::{ArrayView1, ArrayView2, Axis};

pub(super) fn value(
    terms: &[(f64, LossTerm)],
    outputs: ArrayView2<'_, f32>,
    targets: ArrayView2<'_, f32>,
    weights: Option<ArrayView2<'_, f32>>,
) -> f64 {
    let shape = outputs.dim();
    for (name, found) in [
        ("targets", targets.dim()),
        ("weights", weights.map_or(shape, |weights| weights.dim())),
    ] {
        assert!(
            found == shape,
            "{name}: [rows, columns] are {found:?}, expected {shape:?} as of outputs"
        );
    }
    let elements = Elements {
        outputs,
        targets,
        weights,
    };
    let used = terms.iter().filter(|&&(weight, _)| weight > 0.0);
    used.map(|&(weight, term)| weight * elements.loss(term))
        .sum()
}

#[derive(Clone, Copy)]
struct Elements<'a> {
    outputs: ArrayView2<'a, f32>,
    targets: ArrayView2<'a, f32>,
    weights: Option<ArrayView2<'a, f32>>,
}

impl<'a> Elements<'a> {
    fn loss(&self, term: LossTerm) -> f64 {
        match term {
            LossTerm::Mse => self.mean_of(|d| d * d),
            LossTerm::Mae => self.mean_of(f64::abs),
            LossTerm::Huber { delta } => self.mean_of(|d| {
                if d.abs() <= delta {
                    d * d / 2.0
                } else {
                    delta * (d.abs() - delta / 2.0)
                }
            }),
            LossTerm::LogCosh => self.mean_of(log_cosh),
            LossTerm::Pearson => mean(self.lines(Axis(0)).filter_map(|column| {
                let values: Vec<_> = column.collect();
                let r = correlation(&values)?;
                Some((1.0 - r, 1.0))
            })),
            LossTerm::Mcrmse => mean(self.lines(Axis(0)).filter_map(|column| {
                let values: Vec<_> = column.collect();
                (!values.is_empty()).then(|| (root_mean_square(&values), 1.0))
            })),
            LossTerm::Mrrmse => mean(self.lines(Axis(1)).filter_map(|row| {
                let values: Vec<_> = row.collect();
                let weight = mean(values.iter().map(|value| (value.weight, 1.0)));
                (!values.is_empty()).then(|| (root_mean_square(&values), weight))
            })),
        }
    }

    fn mean_of(&self, loss: impl Fn(f64) -> f64) -> f64 {
        let losses = self.lines(Axis(1)).flatten();
        mean(losses.map(|value| (loss(value.output - value.target), value.weight)))
    }

    /// The columns (axis 0) or rows (axis 1), without what weighs nothing.
    fn lines(self, axis: Axis) -> impl Iterator<Item = impl Iterator<Item = Value> + use<'a>> {
        let across = Axis(1 - axis.index());
        (0..self.outputs.len_of(across)).map(move |index| {
            let line = |view: ArrayView2<'a, f32>| -> ArrayView1<'a, f32> {
                view.index_axis_move(across, index)
            };
            let weights = self.weights.map(line);
            let values = line(self.outputs).into_iter().zip(line(self.targets));
            values
                .enumerate()
                .map(move |(place, (&output, &target))| Value {
                    output: output.into(),
                    target: target.into(),
                    weight: weights.map_or(1.0, |weights| weights[place].into()),
                })
                .filter(|value| value.weight != 0.0)
        })
    }
}

#[derive(Clone, Copy)]
struct Value {
    output: f64,
    target: f64,
    weight: f64,
}

/// The weighted mean of `(value, weight)`; 0 of nothing.
fn mean(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, total) = values.fold((0.0, 0.0), |(sum, total), (value, weight)| {
        (sum + weight * value, total + weight)
    });
    if total == 0.0 { 0.0 } else { sum / total }
}

fn log_cosh(d: f64) -> f64 {
    d.abs() + (-2.0 * d.abs()).exp().ln_1p() - std::f64::consts::LN_2
}

fn root_mean_square(values: &[Value]) -> f64 {
    let squares = values
        .iter()
        .map(|value| ((value.output - value.target).powi(2), value.weight));
    mean(squares).sqrt()
}

/// `None` of fewer than two values.
fn correlation(values: &[Value]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let of = |f: &dyn Fn(&Value) -> f64| mean(values.iter().map(|value| (f(value), value.weight)));
    let (x, y) = (of(&|value| value.output), of(&|value| value.target));
    let covariance = of(&|value| (value.output - x) * (value.target - y));
    let x_variance = of(&|value| (value.output - x).powi(2)) + PEARSON_EPSILON;
    let y_variance = of(&|value| (value.target - y).powi(2));
    Some(if y_variance == 0.0 {
        0.0
    } else {
        covariance / (x_variance * y_variance).sqrt()
    })
}
