//! The kernel against the equations written out in `f64`, and the laws it must keep.

use super::*;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A case with values for all that a recurrence reads, and the weights of a loss `Σ output g_output + Σ state g_state`.
#[derive(Clone)]
struct Case {
    shape: Shape,
    reset: Reset,
    lengths: Vec<usize>,
    gates: Vec<f32>,
    bias: Vec<f32>,
    weight_hh: Vec<f32>,
    state: Vec<f32>,
    g_output: Vec<f32>,
    g_state: Vec<f32>,
}

fn uniform(rng: &mut ChaCha8Rng, count: usize, bound: f32) -> Vec<f32> {
    (0..count)
        .map(|_| ((rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0) * bound)
        .collect()
}

impl Case {
    fn new(shape: Shape, reset: Reset, ragged: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let Shape {
            batch,
            length,
            d_hidden: d,
            directions,
        } = shape;
        let own = |rng: &mut ChaCha8Rng| match ragged {
            true => 1 + rng.next_u32() as usize % length,
            false => length,
        };
        Self {
            shape,
            reset,
            lengths: (0..batch).map(|_| own(&mut rng)).collect(),
            gates: uniform(&mut rng, batch * shape.gates(), 1.5),
            bias: uniform(&mut rng, directions * BIASES * d, 1.0),
            weight_hh: uniform(&mut rng, directions * d * GATES * d, (d as f32).powf(-0.5)),
            state: uniform(&mut rng, shape.state(), 1.0),
            g_output: uniform(&mut rng, batch * shape.output(), 1.0),
            g_state: uniform(&mut rng, shape.state(), 1.0),
        }
    }

    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            gates: &self.gates,
            bias: &self.bias,
            weight_hh: &self.weight_hh,
            state: &self.state,
            lengths: &self.lengths,
            reset: self.reset,
        }
    }

    fn backward_inputs<'a>(&'a self, forward: &'a Forward) -> BackwardInputs<'a> {
        BackwardInputs {
            weight_hh: &self.weight_hh,
            state: &self.state,
            lengths: &self.lengths,
            reset: self.reset,
            output: &forward.output,
            saved: &forward.saved,
            d_output: &self.g_output,
            d_state: &self.g_state,
        }
    }

    /// Output, state, and the gradients of gates, bias, `W_hh` and initial state.
    fn gather(&self, done: Forward, back: Backward) -> [Vec<f32>; 6] {
        let weight_hh = self.d_weight_hh(&back);
        [
            done.output,
            done.state,
            back.gates,
            back.bias,
            weight_hh,
            back.state,
        ]
    }

    fn all(&self) -> [Vec<f32>; 6] {
        let done = forward(self.shape, self.inputs(), true);
        let back = backward(self.shape, self.backward_inputs(&done));
        self.gather(done, back)
    }

    /// The gradient of `W_hh` as [`Backward`] says to make it.
    fn d_weight_hh(&self, back: &Backward) -> Vec<f32> {
        let (d, directions) = (self.shape.d_hidden, self.shape.directions);
        let mut total = vec![0f64; self.weight_hh.len()];
        for place in 0..self.shape.batch * self.shape.length * directions {
            let own = &back.gates[place * GATES * d..][..GATES * d];
            let previous = &back.previous[place * d..][..d];
            let candidate = &back.candidate[place * d..][..d];
            let (left, right) = match self.reset {
                Reset::After => (previous, candidate),
                Reset::Before => (candidate, &own[2 * d..]),
            };
            let total = &mut total[place % directions * d * GATES * d..][..d * GATES * d];
            for (k, row) in total.chunks_exact_mut(GATES * d).enumerate() {
                for (n, sum) in row.iter_mut().enumerate() {
                    let product = match n / d {
                        2 => left[k] * right[n - 2 * d],
                        _ => previous[k] * own[n],
                    };
                    *sum += f64::from(product);
                }
            }
        }
        total.into_iter().map(|v| v as f32).collect()
    }

    /// The case as `f64`, to be changed by finite differences.
    fn exact(&self) -> Exact<'_> {
        let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect();
        Exact {
            case: self,
            values: [&self.gates, &self.bias, &self.weight_hh, &self.state].map(|v| wide(v)),
        }
    }

    /// One row alone, at its own length.
    fn alone(&self, row: usize) -> Self {
        let Shape {
            batch,
            d_hidden,
            directions,
            ..
        } = self.shape;
        let own = self.lengths[row];
        let cut = |values: &[f32], per_position: usize| {
            values[row * self.shape.length * per_position..][..own * per_position].to_vec()
        };
        let state = |values: &[f32]| {
            (0..directions)
                .flat_map(|direction| &values[(direction * batch + row) * d_hidden..][..d_hidden])
                .copied()
                .collect()
        };
        Self {
            shape: Shape {
                batch: 1,
                length: own,
                ..self.shape
            },
            lengths: vec![own],
            gates: cut(&self.gates, directions * GATES * d_hidden),
            g_output: cut(&self.g_output, directions * d_hidden),
            state: state(&self.state),
            g_state: state(&self.g_state),
            ..self.clone()
        }
    }
}

/// The equations of the module's head, one unit at a time.
struct Exact<'a> {
    case: &'a Case,
    /// Gates, bias, `W_hh`, initial state.
    values: [Vec<f64>; 4],
}

impl Exact<'_> {
    fn run(&self) -> (Vec<f64>, Vec<f64>) {
        let [gates, bias, weight_hh, state] = &self.values;
        let shape = self.case.shape;
        let (d, directions) = (shape.d_hidden, shape.directions);
        let mut output = vec![0f64; shape.batch * shape.output()];
        let mut last = state.clone();
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        for row in 0..shape.batch {
            for direction in 0..directions {
                let at = (direction * shape.batch + row) * d;
                let mut h = last[at..at + d].to_vec();
                let own = self.case.lengths[row];
                for step in 0..own {
                    let position = if direction == 0 { step } else { own - 1 - step };
                    let place = (row * shape.length + position) * directions + direction;
                    let x = |gate: usize, u: usize| gates[(place * GATES + gate) * d + u];
                    let b = |index: usize, u: usize| bias[(direction * BIASES + index) * d + u];
                    let product = |left: &[f64], gate: usize, u: usize| -> f64 {
                        let column = |k: usize| ((direction * d + k) * GATES + gate) * d + u;
                        (0..d).map(|k| left[k] * weight_hh[column(k)]).sum()
                    };
                    let gate = |gate: usize| -> Vec<f64> {
                        (0..d)
                            .map(|u| sigmoid(x(gate, u) + product(&h, gate, u) + b(gate, u)))
                            .collect()
                    };
                    let (r, z) = (gate(0), gate(1));
                    let scaled: Vec<f64> = r.iter().zip(&h).map(|(r, h)| r * h).collect();
                    let n = |u: usize| match self.case.reset {
                        Reset::After => x(2, u) + b(2, u) + r[u] * (product(&h, 2, u) + b(3, u)),
                        Reset::Before => x(2, u) + b(2, u) + product(&scaled, 2, u),
                    };
                    h = (0..d)
                        .map(|u| (1.0 - z[u]) * n(u).tanh() + z[u] * h[u])
                        .collect();
                    output[place * d..(place + 1) * d].copy_from_slice(&h);
                }
                last[at..at + d].copy_from_slice(&h);
            }
        }
        (output, last)
    }

    fn loss(&self) -> f64 {
        let (output, state) = self.run();
        let dot = |values: &[f64], weights: &[f32]| -> f64 {
            values
                .iter()
                .zip(weights)
                .map(|(v, &w)| v * f64::from(w))
                .sum()
        };
        dot(&output, &self.case.g_output) + dot(&state, &self.case.g_state)
    }

    /// The derivative of the loss by one value.
    fn slope(&mut self, part: usize, index: usize) -> f64 {
        let step = 1e-5;
        let value = self.values[part][index];
        self.values[part][index] = value + step;
        let above = self.loss();
        self.values[part][index] = value - step;
        let below = self.loss();
        self.values[part][index] = value;
        (above - below) / (2.0 * step)
    }
}

/// Every variant, direction and raggedness of some sizes.
fn cases(sizes: &[(usize, usize, usize)]) -> Vec<Case> {
    let mut cases = Vec::new();
    for &(batch, length, d_hidden) in sizes {
        for directions in [1, 2] {
            for reset in [Reset::After, Reset::Before] {
                for ragged in [false, true] {
                    let shape = Shape {
                        batch,
                        length,
                        d_hidden,
                        directions,
                    };
                    cases.push(Case::new(shape, reset, ragged));
                }
            }
        }
    }
    cases
}

const SIZES: [(usize, usize, usize); 9] = [
    (1, 1, 1),
    (1, 7, 3),
    (2, 2, 16),
    (3, 5, 17),
    (5, 6, 33),
    (6, 4, 64),
    (7, 3, 48),
    (8, 3, 129),
    (9, 7, 16),
];

#[test]
fn forward_equals_the_equations() {
    for case in cases(&SIZES) {
        let (output, state) = case.exact().run();
        let done = forward(case.shape, case.inputs(), false);
        assert!(done.saved.is_empty());
        for (name, exact, found) in [
            ("output", output, done.output),
            ("state", state, done.state),
        ] {
            assert_eq!(exact.len(), found.len());
            for (index, (e, &f)) in exact.iter().zip(&found).enumerate() {
                let error = (e - f64::from(f)).abs();
                assert!(
                    error < 2e-6,
                    "{:?} {:?}: {name}[{index}] is {f}, expected {e}",
                    case.shape,
                    case.reset
                );
            }
        }
    }
}

#[test]
fn gradients_equal_finite_differences() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for case in cases(&SIZES) {
        let [_, _, found @ ..] = case.all();
        let mut exact = case.exact();
        for (part, (name, found)) in ["gates", "bias", "weight_hh", "state"]
            .iter()
            .zip(&found)
            .enumerate()
        {
            assert_eq!(found.len(), exact.values[part].len());
            for _ in 0..(100 / case.shape.d_hidden).clamp(1, 12) {
                let index = rng.next_u32() as usize % found.len();
                let expected = exact.slope(part, index);
                let error = (expected - f64::from(found[index])).abs();
                assert!(
                    error < 2e-5 * expected.abs().max(1.0),
                    "{:?} {:?}: d {name}[{index}] is {}, expected {expected}",
                    case.shape,
                    case.reset,
                    found[index],
                );
            }
        }
    }
}

#[test]
fn one_lane_gives_what_many_give() {
    for case in cases(&SIZES[..5]) {
        let simd = pulp::Scalar::new();
        let done = simd.vectorize(ForwardAll {
            shape: case.shape,
            inputs: case.inputs(),
            save: true,
        });
        let back = simd.vectorize(BackwardAll {
            shape: case.shape,
            inputs: case.backward_inputs(&done),
        });
        let found = case.gather(done, back);
        for (part, (expected, found)) in case.all().iter().zip(&found).enumerate() {
            for (e, f) in expected.iter().zip(found) {
                let close = (e - f).abs() <= 1e-5 * e.abs().max(1.0);
                assert!(
                    close,
                    "{:?} {:?}: part {part}: {f}, expected {e}",
                    case.shape, case.reset
                );
            }
        }
    }
}

#[test]
fn a_padded_row_gives_exactly_what_it_gives_alone() {
    for case in cases(&[(11, 9, 20), (5, 6, 33)]) {
        let d_width = case.shape.directions * case.shape.d_hidden;
        let [output, state, d_gates, _, _, d_state] = case.all();
        for (row, &own) in case.lengths.iter().enumerate() {
            let [alone_output, alone_state, alone_gates, _, _, alone_d_state] =
                case.alone(row).all();
            let mut padded = output[row * case.shape.output()..][..case.shape.output()].to_vec();
            assert!(padded[own * d_width..].iter().all(|&v| v == 0.0));
            padded.truncate(own * d_width);
            assert_eq!(padded, alone_output);
            let mut padded = d_gates[row * case.shape.gates()..][..case.shape.gates()].to_vec();
            assert!(padded[own * GATES * d_width..].iter().all(|&v| v == 0.0));
            padded.truncate(own * GATES * d_width);
            assert_eq!(padded, alone_gates);
            for direction in 0..case.shape.directions {
                let d = case.shape.d_hidden;
                let at = (direction * case.shape.batch + row) * d;
                assert_eq!(state[at..at + d], alone_state[direction * d..][..d]);
                assert_eq!(d_state[at..at + d], alone_d_state[direction * d..][..d]);
            }
        }
    }
}

#[test]
fn what_lies_beyond_a_row_is_not_read() {
    for mut case in cases(&[(6, 8, 9)]) {
        let clean = case.all();
        let (gates, output) = (case.shape.gates(), case.shape.output());
        for (row, &own) in case.lengths.iter().enumerate() {
            let start = own * gates / case.shape.length;
            case.gates[row * gates..][start..gates].fill(f32::NAN);
            let start = own * output / case.shape.length;
            case.g_output[row * output..][start..output].fill(f32::NAN);
        }
        assert_eq!(clean, case.all());
    }
}

#[test]
fn nan_in_one_row_stays_in_that_row() {
    for mut case in cases(&[(6, 8, 9)]) {
        let [clean, _, clean_d_gates, ..] = case.all();
        let (gates, output) = (case.shape.gates(), case.shape.output());
        case.gates[2 * gates..3 * gates].fill(f32::NAN);
        let [dirty, _, dirty_d_gates, ..] = case.all();
        for row in (0..6).filter(|&row| row != 2) {
            assert_eq!(
                clean[row * output..][..output],
                dirty[row * output..][..output]
            );
            assert_eq!(
                clean_d_gates[row * gates..][..gates],
                dirty_d_gates[row * gates..][..gates]
            );
        }
        assert!(dirty[2 * output].is_nan());
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    for case in cases(&[(21, 17, 40)]) {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| case.all())
        };
        assert_eq!(with(1), with(3));
    }
}

#[test]
fn an_unread_bias_has_no_gradient() {
    for case in cases(&[(3, 4, 5)]) {
        let [_, _, _, d_bias, ..] = case.all();
        for bias in d_bias.chunks_exact(BIASES * 5) {
            let unread = bias[15..].iter().all(|&v| v == 0.0);
            assert_eq!(unread, case.reset == Reset::Before);
        }
    }
}

#[test]
fn long_extreme_input_stays_finite() {
    for mut case in cases(&[(2, 300, 5)]) {
        case.gates.fill(1e4);
        for (index, value) in case.weight_hh.iter_mut().enumerate() {
            *value = if index % 2 == 0 { 50.0 } else { -50.0 };
        }
        assert!(case.all().iter().flatten().all(|v| v.is_finite()));
    }
}
