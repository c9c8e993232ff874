//! Every cell against its equations written out in `f64` and their finite differences, on one lane and on many, and the laws that a
//! recurrence keeps.

use super::*;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A case with values for all that a recurrence reads, and the weights of a loss `Σ output g_output + Σ state g_state`.
#[derive(Clone)]
struct Case {
    shape: Shape,
    lengths: Vec<usize>,
    /// `x`, `weight_ih`, `weight_hh`, `bias`, `state`.
    values: [Vec<f32>; 5],
    g_output: Vec<f32>,
    g_state: Vec<f32>,
}

const NAMES: [&str; 5] = ["x", "weight_ih", "weight_hh", "bias", "state"];

impl Case {
    fn new(shape: Shape, ragged: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(13);
        let Shape {
            batch,
            length,
            d_input,
            d_hidden: d,
            directions,
            ..
        } = shape;
        let own = |rng: &mut ChaCha8Rng| match ragged {
            true => 1 + rng.next_u32() as usize % length,
            false => length,
        };
        let lengths = (0..batch).map(|_| own(&mut rng)).collect();
        let mut uniform = |count: usize, bound: f32| -> Vec<f32> {
            (0..count)
                .map(|_| ((rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0) * bound)
                .collect()
        };
        let columns = directions * shape.columns();
        Self {
            shape,
            lengths,
            values: [
                uniform(batch * length * d_input, 1.0),
                uniform(d_input * columns, 0.8),
                uniform(d * columns, (d as f32).powf(-0.5)),
                uniform(directions * BIASES * d, 0.7),
                uniform(shape.state(), 1.0),
            ],
            g_output: uniform(batch * shape.output(), 1.0),
            g_state: uniform(shape.state(), 1.0),
        }
    }

    fn inputs(&self) -> Inputs<'_> {
        let [x, weight_ih, weight_hh, bias, state] = self.values.each_ref();
        Inputs {
            x,
            weight_ih,
            weight_hh,
            bias,
            state,
            lengths: &self.lengths,
        }
    }

    fn backward_inputs<'a>(&'a self, done: &'a Forward) -> BackwardInputs<'a> {
        BackwardInputs {
            inputs: self.inputs(),
            output: self.split(&done.packed).0,
            saved: &done.saved,
            d_output: &self.g_output,
            d_state: &self.g_state,
            needs_x: true,
        }
    }

    /// Output and state.
    fn split<'a>(&self, packed: &'a [f32]) -> (&'a [f32], &'a [f32]) {
        packed.split_at(self.g_output.len())
    }

    fn all(&self) -> All {
        let done = forward(self.shape, self.inputs(), true);
        let back = backward(self.shape, self.backward_inputs(&done));
        let (output, state) = self.split(&done.packed);
        All {
            gradients: gradients(back),
            output: output.to_vec(),
            state: state.to_vec(),
        }
    }

    fn wide(&self) -> [Vec<f64>; 5] {
        let wide = |values: &Vec<f32>| values.iter().map(|&v| f64::from(v)).collect();
        self.values.each_ref().map(wide)
    }

    /// Output and final state by the equations, one unit at a time.
    fn exact(
        &self,
        [x, weight_ih, weight_hh, bias, state]: &[Vec<f64>; 5],
    ) -> (Vec<f64>, Vec<f64>) {
        let shape = self.shape;
        let (d, d_input, directions) = (shape.d_hidden, shape.d_input, shape.directions);
        let gates = shape.cell.gates();
        let mut output = vec![0.0; self.g_output.len()];
        let mut finals = vec![0.0; self.g_state.len()];
        let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
        for (row, &own) in self.lengths.iter().enumerate() {
            for direction in 0..directions {
                let of_state = |part| shape.state_row(part, direction, row);
                let mut parts: Vec<Vec<f64>> = (0..shape.parts())
                    .map(|part| state[of_state(part)..][..d].to_vec())
                    .collect();
                for step in 0..own {
                    let position = if direction == 0 { step } else { own - 1 - step };
                    let at = row * shape.length + position;
                    let b = |index: usize, u: usize| bias[(direction * BIASES + index) * d + u];
                    let of_x = |gate: usize, u: usize| -> f64 {
                        let weight =
                            |k: usize| ((k * directions + direction) * gates + gate) * d + u;
                        (0..d_input)
                            .map(|k| x[at * d_input + k] * weight_ih[weight(k)])
                            .sum()
                    };
                    let of_h = |h: &[f64], gate: usize, u: usize| -> f64 {
                        let weight = |k: usize| ((direction * d + k) * gates + gate) * d + u;
                        (0..d).map(|k| h[k] * weight_hh[weight(k)]).sum()
                    };
                    let h = &parts[0];
                    let sum = |gate: usize, u: usize| of_x(gate, u) + of_h(h, gate, u) + b(gate, u);
                    let next: Vec<Vec<f64>> = match shape.cell {
                        Cell::Lstm => {
                            let c: Vec<f64> = (0..d)
                                .map(|u| {
                                    sigmoid(sum(1, u)) * parts[1][u]
                                        + sigmoid(sum(0, u)) * sum(2, u).tanh()
                                })
                                .collect();
                            let h = (0..d).map(|u| sigmoid(sum(3, u)) * c[u].tanh()).collect();
                            vec![h, c]
                        }
                        Cell::Gru | Cell::GruResetBefore => {
                            let gate = |g| (0..d).map(|u| sigmoid(sum(g, u))).collect::<Vec<f64>>();
                            let (r, z) = (gate(0), gate(1));
                            let scaled: Vec<f64> = r.iter().zip(h).map(|(r, h)| r * h).collect();
                            let n = |u: usize| {
                                let own = of_x(2, u) + b(2, u);
                                own + match shape.cell {
                                    Cell::Gru => r[u] * (of_h(h, 2, u) + b(3, u)),
                                    _ => of_h(&scaled, 2, u),
                                }
                            };
                            vec![
                                (0..d)
                                    .map(|u| (1.0 - z[u]) * n(u).tanh() + z[u] * h[u])
                                    .collect(),
                            ]
                        }
                    };
                    parts = next;
                    output[(at * directions + direction) * d..][..d].copy_from_slice(&parts[0]);
                }
                for (part, values) in parts.iter().enumerate() {
                    finals[of_state(part)..][..d].copy_from_slice(values);
                }
            }
        }
        (output, finals)
    }

    fn loss(&self, values: &[Vec<f64>; 5]) -> f64 {
        let (output, finals) = self.exact(values);
        let dot =
            |a: &[f64], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum() };
        dot(&output, &self.g_output) + dot(&finals, &self.g_state)
    }

    /// One row alone, at its own length.
    fn alone(&self, row: usize) -> Self {
        let shape = self.shape;
        let own = self.lengths[row];
        let cut = |values: &[f32], per_position: usize| {
            values[row * shape.length * per_position..][..own * per_position].to_vec()
        };
        let mut alone = self.clone();
        alone.shape.batch = 1;
        alone.shape.length = own;
        alone.lengths = vec![own];
        alone.values[0] = cut(&self.values[0], shape.d_input);
        alone.g_output = cut(&self.g_output, shape.directions * shape.d_hidden);
        alone.values[4] = self.of_row(&self.values[4], row);
        alone.g_state = self.of_row(&self.g_state, row);
        alone
    }

    /// A row's own in a packed state.
    fn of_row(&self, state: &[f32], row: usize) -> Vec<f32> {
        state
            .chunks_exact(self.shape.batch * self.shape.d_hidden)
            .flat_map(|part| &part[row * self.shape.d_hidden..][..self.shape.d_hidden])
            .copied()
            .collect()
    }
}

#[derive(Debug, PartialEq)]
struct All {
    output: Vec<f32>,
    state: Vec<f32>,
    /// Of `x`, `weight_ih`, `weight_hh`, `bias`, `state`.
    gradients: [Vec<f32>; 5],
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

/// Every cell, direction and raggedness of some sizes: batch, length, input and hidden units.
fn cases(sizes: &[(usize, usize, usize, usize)]) -> Vec<Case> {
    let mut cases = Vec::new();
    for &(batch, length, d_input, d_hidden) in sizes {
        for cell in [Cell::Lstm, Cell::Gru, Cell::GruResetBefore] {
            for directions in [1, 2] {
                for ragged in [false, true] {
                    let shape = Shape {
                        cell,
                        batch,
                        length,
                        d_input,
                        d_hidden,
                        directions,
                    };
                    cases.push(Case::new(shape, ragged));
                }
            }
        }
    }
    cases
}

/// Narrow and wide inputs; hidden units below, at and beyond a vector; more rows than a task has; more steps than are made ahead.
const SIZES: [(usize, usize, usize, usize); 8] = [
    (1, 1, 1, 1),
    (2, 5, 3, 4),
    (3, 4, 9, 17),
    (9, 3, 10, 3),
    (5, 2, 4, 33),
    (2, 3, 20, 48),
    (8, 2, 5, 129),
    (2, 70, 2, 2),
];

#[test]
fn forward_equals_the_equations() {
    for case in cases(&SIZES) {
        let (output, state) = case.exact(&case.wide());
        let done = forward(case.shape, case.inputs(), false);
        assert!(done.saved.is_empty());
        let exact: Vec<f64> = output.into_iter().chain(state).collect();
        assert_eq!(exact.len(), done.packed.len());
        for (index, (exact, &found)) in exact.iter().zip(&done.packed).enumerate() {
            let error = (exact - f64::from(found)).abs();
            assert!(
                error < 2e-6,
                "{:?}: output and state [{index}] is {found}, expected {exact}",
                case.shape
            );
        }
    }
}

#[test]
fn gradients_equal_finite_differences() {
    const STEP: f64 = 1e-5;
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for case in cases(&SIZES) {
        let all = case.all();
        let mut values = case.wide();
        for (part, found) in all.gradients.iter().enumerate() {
            assert_eq!(found.len(), values[part].len(), "{}", NAMES[part]);
            for _ in 0..(100 / case.shape.d_hidden).clamp(1, 12) {
                let index = rng.next_u32() as usize % found.len();
                let here = values[part][index];
                values[part][index] = here + STEP;
                let above = case.loss(&values);
                values[part][index] = here - STEP;
                let below = case.loss(&values);
                values[part][index] = here;
                let (expected, found) = ((above - below) / (2.0 * STEP), found[index]);
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
    for case in cases(&SIZES[..5]) {
        let (shape, inputs, save) = (case.shape, case.inputs(), true);
        let scalar = Scalar::new();
        let done = match shape.cell {
            Cell::Lstm => lstm::Forward {
                shape,
                inputs,
                save,
            }
            .with_simd(scalar),
            _ => gru::Forward {
                shape,
                inputs,
                save,
            }
            .with_simd(scalar),
        };
        let inputs = case.backward_inputs(&done);
        let back = gradients(match shape.cell {
            Cell::Lstm => lstm::Backward { shape, inputs }.with_simd(scalar),
            _ => gru::Backward { shape, inputs }.with_simd(scalar),
        });
        let close = |one: &[f32], many: &[f32], what: &str| {
            assert_eq!(one.len(), many.len(), "{what}");
            for (one, many) in one.iter().zip(many) {
                assert!(
                    (one - many).abs() < 1e-5 * many.abs().max(1.0),
                    "{shape:?}: {what}: {one} and {many}",
                );
            }
        };
        let many = case.all();
        let (output, state) = case.split(&done.packed);
        close(output, &many.output, "output");
        close(state, &many.state, "state");
        for ((one, many), name) in back.iter().zip(&many.gradients).zip(NAMES) {
            close(one, many, name);
        }
    }
}

#[test]
fn without_need_there_is_no_gradient_of_the_input() {
    for case in cases(&SIZES[..4]) {
        let done = forward(case.shape, case.inputs(), true);
        let inputs = BackwardInputs {
            needs_x: false,
            ..case.backward_inputs(&done)
        };
        let some = backward(case.shape, inputs);
        assert!(some.x.is_empty());
        assert_eq!(gradients(some)[1..], case.all().gradients[1..]);
    }
}

#[test]
fn a_padded_row_gives_exactly_what_it_gives_alone() {
    for case in cases(&[(11, 9, 3, 20), (5, 6, 12, 33)]) {
        let shape = case.shape;
        let all = case.all();
        let [d_x, _, _, _, d_state] = &all.gradients;
        for (row, &own) in case.lengths.iter().enumerate() {
            let alone = case.alone(row).all();
            let [alone_d_x, _, _, _, alone_d_state] = &alone.gradients;
            let same = |padded: &[f32], alone: &[f32], width: usize| {
                let of_row = &padded[row * shape.length * width..][..shape.length * width];
                let (of_row, beyond) = of_row.split_at(own * width);
                assert!(beyond.iter().all(|&v| v == 0.0));
                assert_eq!(of_row, alone);
            };
            same(
                &all.output,
                &alone.output,
                shape.directions * shape.d_hidden,
            );
            same(d_x, alone_d_x, shape.d_input);
            assert_eq!(case.of_row(&all.state, row), alone.state);
            assert_eq!(&case.of_row(d_state, row), alone_d_state);
        }
    }
}

#[test]
fn what_lies_beyond_a_row_is_not_read() {
    for mut case in cases(&[(6, 8, 3, 9), (6, 8, 12, 9)]) {
        let clean = case.all();
        let length = case.shape.length;
        for values in [&mut case.values[0], &mut case.g_output] {
            let width = values.len() / (6 * length);
            for (row, &own) in case.lengths.iter().enumerate() {
                values[(row * length + own) * width..(row + 1) * length * width].fill(f32::NAN);
            }
        }
        assert_eq!(clean, case.all());
    }
}

#[test]
fn nan_in_one_row_stays_in_that_row() {
    for mut case in cases(&[(6, 8, 3, 9), (6, 8, 12, 9)]) {
        let clean = case.all();
        let x = case.values[0].len() / 6;
        let output = case.shape.output();
        case.values[0][2 * x..3 * x].fill(f32::NAN);
        let dirty = case.all();
        for row in (0..6).filter(|&row| row != 2) {
            let of = |all: &All| {
                let output = all.output[row * output..][..output].to_vec();
                (output, all.gradients[0][row * x..][..x].to_vec())
            };
            assert_eq!(of(&clean), of(&dirty));
        }
        assert!(dirty.output[2 * output].is_nan());
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    for case in cases(&[(21, 17, 9, 40)]) {
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
    for case in cases(&[(3, 4, 2, 5)]) {
        for bias in case.all().gradients[3].chunks_exact(BIASES * 5) {
            let unread = bias[15..].iter().all(|&v| v == 0.0);
            assert_eq!(unread, case.shape.cell == Cell::GruResetBefore);
        }
    }
}

#[test]
fn long_extreme_input_stays_finite() {
    for (d_input, value) in [(2, 1e30), (2, -1e30), (12, 50.0), (12, f32::MAX)] {
        for mut case in cases(&[(2, 600, d_input, 5)]) {
            case.values[0].fill(value);
            let all = case.all();
            // A product of such numbers may itself overflow to infinity, which a gate saturates at.
            assert!(all.output.iter().chain(&all.state).all(|v| v.is_finite()));
            if value.abs() < 1e6 {
                assert!(all.gradients.iter().flatten().all(|v| v.is_finite()));
            }
        }
    }
}
