//! The kernel against the equations written out in `f64` and their finite differences, on one lane and on many.

use super::backward::{self, Backward};
use super::forward;
use super::*;
use crate::kernel::rows::Forward;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A case with values for all that a recurrence reads, and the weights of a loss `Σ output g_output + Σ state g_state`.
struct Case {
    shape: Shape,
    lengths: Vec<usize>,
    x: Vec<f32>,
    weight_ih: Vec<f32>,
    weight_hh: Vec<f32>,
    bias: Vec<f32>,
    state: Vec<f32>,
    g_output: Vec<f32>,
    g_state: Vec<f32>,
}

/// `x`, `weight_ih`, `weight_hh`, `bias`, `state`.
type Values = [Vec<f64>; 5];

const NAMES: [&str; 5] = ["x", "weight_ih", "weight_hh", "bias", "state"];

impl Case {
    fn new(
        batch: usize,
        length: usize,
        d_input: usize,
        d_hidden: usize,
        directions: usize,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(13);
        let shape = Shape {
            batch,
            length,
            d_hidden,
            directions,
        };
        let mut uniform = |count: usize, bound: f32| -> Vec<f32> {
            (0..count)
                .map(|_| ((rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0) * bound)
                .collect()
        };
        let columns = GATES * d_hidden;
        Self {
            shape,
            lengths: (0..batch)
                .map(|row| 1 + (row * 7 + length - 1) % length)
                .collect(),
            x: uniform(batch * length * d_input, 1.0),
            weight_ih: uniform(d_input * directions * columns, 0.8),
            weight_hh: uniform(
                directions * d_hidden * columns,
                (d_hidden as f32).powf(-0.5),
            ),
            bias: uniform(directions * columns, 0.5),
            state: uniform(shape.state(), 1.0),
            g_output: uniform(batch * shape.output(), 1.0),
            g_state: uniform(shape.state(), 1.0),
        }
    }

    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            x: &self.x,
            weight_ih: &self.weight_ih,
            bias: &self.bias,
            weight_hh: &self.weight_hh,
            state: &self.state,
            lengths: &self.lengths,
        }
    }

    fn backward_inputs<'a>(&'a self, done: &'a Forward) -> BackwardInputs<'a> {
        BackwardInputs {
            x: &self.x,
            weight_ih: &self.weight_ih,
            weight_hh: &self.weight_hh,
            state: &self.state,
            lengths: &self.lengths,
            output: &done.output,
            saved: &done.saved,
            d_output: &self.g_output,
            d_state: &self.g_state,
            needs_x: true,
        }
    }

    fn values(&self) -> Values {
        [
            &self.x,
            &self.weight_ih,
            &self.weight_hh,
            &self.bias,
            &self.state,
        ]
        .map(|values| values.iter().map(|&v| f64::from(v)).collect())
    }

    /// Output and final state by the equations, in `f64`.
    fn exact(&self, [x, weight_ih, weight_hh, bias, state]: &Values) -> (Vec<f64>, Vec<f64>) {
        let Shape {
            length,
            d_hidden: d,
            directions,
            ..
        } = self.shape;
        let d_input = self.x.len() / (self.shape.batch * length);
        let mut output = vec![0.0; self.g_output.len()];
        let mut finals = vec![0.0; self.g_state.len()];
        let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
        for (row, &own) in self.lengths.iter().enumerate() {
            for direction in 0..directions {
                let part = |part| self.shape.state_row(part, direction, row);
                let mut h = state[part(0)..][..d].to_vec();
                let mut c = state[part(1)..][..d].to_vec();
                for step in 0..own {
                    let at = row * length + if direction == 0 { step } else { own - 1 - step };
                    let gate = |gate: usize, unit: usize| {
                        let column = gate * d + unit;
                        let mut sum = bias[direction * GATES * d + column];
                        for (k, h) in h.iter().enumerate() {
                            sum += h * weight_hh[(direction * d + k) * GATES * d + column];
                        }
                        for k in 0..d_input {
                            let weight = (k * directions + direction) * GATES * d + column;
                            sum += x[at * d_input + k] * weight_ih[weight];
                        }
                        sum
                    };
                    let units = 0..d;
                    let (next_c, next_h): (Vec<f64>, Vec<f64>) = units
                        .map(|unit| {
                            let c = sigmoid(gate(1, unit)) * c[unit]
                                + sigmoid(gate(0, unit)) * gate(2, unit).tanh();
                            (c, sigmoid(gate(3, unit)) * c.tanh())
                        })
                        .unzip();
                    (c, h) = (next_c, next_h);
                    output[(at * directions + direction) * d..][..d].copy_from_slice(&h);
                }
                finals[part(0)..][..d].copy_from_slice(&h);
                finals[part(1)..][..d].copy_from_slice(&c);
            }
        }
        (output, finals)
    }

    fn loss(&self, values: &Values) -> f64 {
        let (output, finals) = self.exact(values);
        let dot =
            |a: &[f64], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum() };
        dot(&output, &self.g_output) + dot(&finals, &self.g_state)
    }
}

fn gradients(back: Backward) -> [Vec<f32>; 5] {
    [
        back.x,
        back.weight_ih,
        back.weight_hh,
        back.bias,
        back.state,
    ]
}

/// A narrow and a wide input, sizes below, at and beyond a vector, and more rows than a task has.
fn cases() -> impl Iterator<Item = Case> {
    let sizes = [
        (1, 1, 1, 1, 1),
        (2, 5, 3, 4, 2),
        (3, 4, 9, 17, 1),
        (9, 3, 10, 3, 2),
    ];
    sizes
        .into_iter()
        .map(|(batch, length, d_input, d_hidden, directions)| {
            Case::new(batch, length, d_input, d_hidden, directions)
        })
}

#[test]
fn forward_equals_the_equations() {
    for case in cases() {
        let (output, finals) = case.exact(&case.values());
        let done = forward(case.shape, case.inputs(), false);
        for (found, expected) in [(done.output, output), (done.state, finals)] {
            for (found, expected) in found.iter().zip(expected) {
                let error = (f64::from(*found) - expected).abs();
                assert!(
                    error < 2e-6,
                    "{:?}: {found}, expected {expected}",
                    case.shape
                );
            }
        }
    }
}

#[test]
fn gradients_equal_finite_differences() {
    const STEP: f64 = 1e-5;
    for case in cases() {
        let done = forward(case.shape, case.inputs(), true);
        let back = backward(case.shape, case.backward_inputs(&done));
        let mut values = case.values();
        for (part, found) in gradients(back).iter().enumerate() {
            assert_eq!(found.len(), values[part].len(), "{}", NAMES[part]);
            for (index, &found) in found.iter().enumerate() {
                let here = values[part][index];
                values[part][index] = here + STEP;
                let above = case.loss(&values);
                values[part][index] = here - STEP;
                let below = case.loss(&values);
                values[part][index] = here;
                let expected = (above - below) / (2.0 * STEP);
                assert!(
                    (f64::from(found) - expected).abs() < 2e-5 * expected.abs().max(1.0),
                    "{:?}: d {}[{index}] is {found}, expected {expected}",
                    case.shape,
                    NAMES[part]
                );
            }
        }
    }
}

#[test]
fn one_lane_gives_what_many_give() {
    use pulp::{Scalar, WithSimd};
    for case in cases() {
        let many = forward(case.shape, case.inputs(), true);
        let one = forward::All {
            shape: case.shape,
            inputs: case.inputs(),
            save: true,
        };
        let one = one.with_simd(Scalar::new());
        let of_many = gradients(backward(case.shape, case.backward_inputs(&many)));
        let of_one = backward::All {
            shape: case.shape,
            inputs: case.backward_inputs(&one),
        };
        let of_one = gradients(of_one.with_simd(Scalar::new()));
        let close = |a: &[f32], b: &[f32], what: &str| {
            assert_eq!(a.len(), b.len(), "{what}");
            for (a, b) in a.iter().zip(b) {
                let bound = 1e-5 * a.abs().max(1.0);
                assert!(
                    (a - b).abs() < bound,
                    "{:?}: {what}: {a} and {b}",
                    case.shape
                );
            }
        };
        close(&one.output, &many.output, "output");
        close(&one.state, &many.state, "state");
        for ((one, many), name) in of_one.iter().zip(&of_many).zip(NAMES) {
            close(one, many, name);
        }
    }
}

#[test]
fn without_need_there_is_no_gradient_of_the_input() {
    for case in cases() {
        let done = forward(case.shape, case.inputs(), true);
        let all = backward(case.shape, case.backward_inputs(&done));
        let inputs = BackwardInputs {
            needs_x: false,
            ..case.backward_inputs(&done)
        };
        let some = backward(case.shape, inputs);
        assert!(some.x.is_empty());
        assert_eq!(gradients(some)[1..], gradients(all)[1..]);
    }
}

#[test]
fn long_extreme_input_stays_finite() {
    for (d_input, value) in [(2, 1e30), (2, -1e30), (12, 50.0), (12, f32::MAX)] {
        let mut case = Case::new(2, 3000, d_input, 5, 2);
        case.lengths.fill(3000);
        case.x.fill(value);
        let done = forward(case.shape, case.inputs(), true);
        let back = backward(case.shape, case.backward_inputs(&done));
        // A product of such numbers may itself overflow to infinity, which a gate saturates at.
        assert!(done.output.iter().chain(&done.state).all(|v| v.is_finite()));
        if value.abs() < 1e6 {
            assert!(gradients(back).iter().flatten().all(|v| v.is_finite()));
        }
    }
}
