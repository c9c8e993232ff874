//! The GRU recurrence on plain slices: forward, and backward through time, in both of its variants.
//!
//! ```text
//! r  = sigmoid(x W_r + h U_r + b_r)      z  = sigmoid(x W_z + h U_z + b_z)      h' = (1 - z) n + z h
//! n  = tanh(x W_n + b_n + r (h U_n + c_n))      reset after the product: PyTorch, cuDNN, Keras since 2.0
//! n  = tanh(x W_n + b_n + (r h) U_n)            reset before the product: Cho et al. 2014
//! ```
//!
//! As in `lstm`, `x W_ih` is one large product outside, a task owns a few rows of the batch and walks both directions alone, and
//! rows are visited longest first. A step is [`Packed::add_product`] over the running rows, then the gates.

use super::buffer::Buffer;
use super::gates::{sigmoid, slope, tanh};
use super::product::{Packed, load, store};
use super::rows::{self, Forward, TASK_ROWS, longest_first, sum_parts};
use pulp::{Simd, bytemuck::cast_slice};
use rayon::prelude::*;

/// Number of gates: reset, update, candidate (PyTorch's order `r z n`).
const GATES: usize = 3;

/// Biases per hidden unit: `b_r`, `b_z`, `b_n`, `c_n`.
const BIASES: usize = 4;

/// Sizes of a recurrence; the state is the hidden state alone.
pub(crate) type Shape = rows::Shape<GATES, 1>;

/// Where the reset gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reset {
    /// It scales `h U_n + c_n`.
    After,
    /// It scales `h` before the product with `U_n`; `c_n` is not read.
    Before,
}

impl Reset {
    /// Vectors kept for the backward pass per vector of hidden units: r, z, n, and `h U_n + c_n` where it is scaled.
    fn kept(self) -> usize {
        match self {
            Reset::After => 4,
            Reset::Before => 3,
        }
    }
}

/// What the recurrence reads.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// `x W_ih`, `[batch, length, directions, 3, d_hidden]`.
    pub(crate) gates: &'a [f32],
    /// `b_r`, `b_z` (each the sum of an input's and a recurrent bias), `b_n`, `c_n`: `[directions, 4, d_hidden]`.
    pub(crate) bias: &'a [f32],
    /// `W_hh`, `[directions, d_hidden, 3 d_hidden]`.
    pub(crate) weight_hh: &'a [f32],
    /// Initial hidden state, `[directions, batch, d_hidden]`.
    pub(crate) state: &'a [f32],
    /// Steps of each row, `1..=length`.
    pub(crate) lengths: &'a [usize],
    /// The variant.
    pub(crate) reset: Reset,
}

/// What the backward pass reads.
#[derive(Clone, Copy)]
pub(crate) struct BackwardInputs<'a> {
    /// `W_hh`, `[directions, d_hidden, 3 d_hidden]`.
    pub(crate) weight_hh: &'a [f32],
    /// Initial hidden state, `[directions, batch, d_hidden]`.
    pub(crate) state: &'a [f32],
    /// Steps of each row.
    pub(crate) lengths: &'a [usize],
    /// The variant.
    pub(crate) reset: Reset,
    /// Forward's output.
    pub(crate) output: &'a [f32],
    /// Forward's `saved`.
    pub(crate) saved: &'a [Buffer],
    /// Gradient of the output.
    pub(crate) d_output: &'a [f32],
    /// Gradient of the final state.
    pub(crate) d_state: &'a [f32],
}

/// What the backward pass leaves; all of it zero beyond each row's length.
///
/// With `g = gates`, `p = previous`, `q = candidate`, sums over all rows and positions, the gradient of `W_hh`'s three gates is
/// `Σ p ⊗ g_r`, `Σ p ⊗ g_z`, and for the candidate `Σ p ⊗ q` ([`Reset::After`]) or `Σ q ⊗ g_n` ([`Reset::Before`]).
pub(crate) struct Backward {
    /// Gradient of the input gates, `[batch, length, directions, 3, d_hidden]`.
    pub(crate) gates: Vec<f32>,
    /// The hidden state each step started from, `[batch, length, directions, d_hidden]`.
    pub(crate) previous: Vec<f32>,
    /// Of the candidate's recurrent product, `[batch, length, directions, d_hidden]`: its gradient `r g_n` ([`Reset::After`]), its
    /// left factor `r h` ([`Reset::Before`]).
    pub(crate) candidate: Vec<f32>,
    /// Gradient of the bias, `[directions, 4, d_hidden]`; that of an unread `c_n` is zero.
    pub(crate) bias: Vec<f32>,
    /// Gradient of the initial state, `[directions, batch, d_hidden]`.
    pub(crate) state: Vec<f32>,
}

/// Runs the recurrence over all rows and directions.
pub(crate) fn forward(shape: Shape, inputs: Inputs<'_>, save: bool) -> Forward {
    pulp::Arch::new().dispatch(ForwardAll {
        shape,
        inputs,
        save,
    })
}

/// Back-propagates through time, given what [`forward`] saved and the gradients of its output and final state.
pub(crate) fn backward(shape: Shape, inputs: BackwardInputs<'_>) -> Backward {
    pulp::Arch::new().dispatch(BackwardAll { shape, inputs })
}

struct ForwardAll<'a> {
    shape: Shape,
    inputs: Inputs<'a>,
    save: bool,
}

impl pulp::WithSimd for ForwardAll<'_> {
    type Output = Forward;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Forward {
        let Self {
            shape,
            inputs,
            save,
        } = self;
        let d = shape.d_hidden;
        let weights: Vec<Vec<Packed<S>>> = inputs
            .weight_hh
            .chunks_exact(GATES * d * d)
            .map(|weight_hh| match inputs.reset {
                Reset::After => vec![Packed::forward(simd, weight_hh, d, 0..GATES)],
                Reset::Before => vec![
                    Packed::forward(simd, weight_hh, d, 0..2),
                    Packed::forward(simd, weight_hh, d, 2..GATES),
                ],
            })
            .collect();
        let mut output = vec![0f32; shape.batch * shape.output()];
        let tasks: Vec<ForwardTask<'_, S>> = output
            .chunks_mut(TASK_ROWS * shape.output())
            .zip(inputs.gates.chunks(TASK_ROWS * shape.gates()))
            .zip(inputs.lengths.chunks(TASK_ROWS))
            .enumerate()
            .map(|(index, ((output, gates), lengths))| ForwardTask {
                simd,
                shape,
                first_row: index * TASK_ROWS,
                weights: &weights,
                inputs,
                lengths,
                gates,
                output,
                save,
            })
            .collect();
        let done: Vec<(Vec<f32>, Buffer)> = tasks
            .into_par_iter()
            .map(|task| simd.vectorize(task))
            .collect();
        let (finals, saved): (Vec<_>, Vec<_>) = done.into_iter().unzip();
        Forward {
            output,
            state: shape.scatter_states(&finals),
            saved: if save { saved } else { Vec::new() },
        }
    }
}

struct ForwardTask<'a, S: Simd> {
    simd: S,
    shape: Shape,
    first_row: usize,
    /// By direction: one matrix of all gates, or two, the second the candidate's.
    weights: &'a [Vec<Packed<S>>],
    inputs: Inputs<'a>,
    lengths: &'a [usize],
    gates: &'a [f32],
    output: &'a mut [f32],
    save: bool,
}

impl<S: Simd> pulp::NullaryFnOnce for ForwardTask<'_, S> {
    /// Final states of the task's rows, `[rows, directions, d_hidden]`, and what is saved of its steps, as vectors
    /// `[direction][step][running row][block][kept]`.
    type Output = (Vec<f32>, Buffer);

    #[inline(always)]
    fn call(mut self) -> (Vec<f32>, Buffer) {
        let shape = self.shape;
        let d = shape.d_hidden;
        let width = d.next_multiple_of(S::F32_LANES);
        let order = longest_first(self.lengths);
        let rows = order.len();
        let steps: usize = self.lengths.iter().sum();
        let kept = shape.directions * steps * width * self.inputs.reset.kept();
        let mut saved = Buffer::with_capacity(if self.save { kept } else { 0 });
        let mut finals = vec![0f32; rows * shape.directions * d];
        let mut hidden = vec![0f32; rows * width];
        let mut scaled = vec![0f32; rows * width];
        // Per row: r, z and what is added up for n.
        let mut sums = vec![0f32; rows * GATES * width];
        for direction in 0..shape.directions {
            for (hidden, &row) in hidden.chunks_exact_mut(width).zip(&order) {
                let from = shape.state_row(0, direction, self.first_row + row);
                hidden[..d].copy_from_slice(&self.inputs.state[from..from + d]);
            }
            let weights = &self.weights[direction];
            let mut active = rows;
            for step in 0..order.first().map_or(0, |&row| self.lengths[row]) {
                while self.lengths[order[active - 1]] <= step {
                    active -= 1;
                }
                let stride = GATES * width;
                for (sums, &row) in sums.chunks_exact_mut(stride).zip(&order[..active]) {
                    self.start(
                        direction,
                        shape.place(direction, step, row, self.lengths[row]),
                        sums,
                    );
                }
                weights[0].add_product(active, (&hidden, width), (&mut sums, stride));
                if let Some(candidate) = weights.get(1) {
                    for slot in 0..active {
                        let at = slot * width..(slot + 1) * width;
                        self.scale(
                            &sums[slot * stride..][..width],
                            &hidden[at.clone()],
                            &mut scaled[at],
                        );
                    }
                    candidate.add_product(
                        active,
                        (&scaled, width),
                        (&mut sums[2 * width..], stride),
                    );
                }
                for (slot, &row) in order[..active].iter().enumerate() {
                    let own = self.lengths[row];
                    let place = shape.place(direction, step, row, own);
                    let hidden = &mut hidden[slot * width..][..width];
                    self.finish(
                        direction,
                        place,
                        &sums[slot * stride..][..stride],
                        hidden,
                        &mut saved,
                    );
                    if step + 1 == own {
                        finals[(row * shape.directions + direction) * d..][..d]
                            .copy_from_slice(&hidden[..d]);
                    }
                }
            }
        }
        (finals, saved)
    }
}

impl<S: Simd> ForwardTask<'_, S> {
    /// What stands in the sums before the products: `x W + b` of r and z, and `c_n` or `x W_n + b_n`.
    #[inline(always)]
    fn start(&self, direction: usize, place: usize, sums: &mut [f32]) {
        let (simd, d) = (self.simd, self.shape.d_hidden);
        let width = sums.len() / GATES;
        let gates = &self.gates[place * GATES * d..][..GATES * d];
        let bias = &self.inputs.bias[direction * BIASES * d..][..BIASES * d];
        for start in (0..d).step_by(S::F32_LANES) {
            for gate in 0..GATES {
                let value = if gate == 2 && self.inputs.reset == Reset::After {
                    load(simd, &bias[3 * d..], start, d)
                } else {
                    simd.add_f32s(
                        load(simd, &gates[gate * d..][..d], start, d),
                        load(simd, &bias[gate * d..][..d], start, d),
                    )
                };
                store(
                    simd,
                    &mut sums[gate * width..][..width],
                    start,
                    width,
                    value,
                );
            }
        }
    }

    /// `r h`, from the sums of r.
    #[inline(always)]
    fn scale(&self, sums: &[f32], hidden: &[f32], scaled: &mut [f32]) {
        let (simd, width) = (self.simd, hidden.len());
        for start in (0..width).step_by(S::F32_LANES) {
            let r = sigmoid(simd, load(simd, sums, start, width));
            let value = simd.mul_f32s(r, load(simd, hidden, start, width));
            store(simd, scaled, start, width, value);
        }
    }

    /// Gates and new hidden state of one row.
    #[inline(always)]
    fn finish(
        &mut self,
        direction: usize,
        place: usize,
        sums: &[f32],
        hidden: &mut [f32],
        saved: &mut Buffer,
    ) {
        let (simd, d) = (self.simd, self.shape.d_hidden);
        let width = hidden.len();
        let x_n = &self.gates[(place * GATES + 2) * d..][..d];
        let b_n = &self.inputs.bias[(direction * BIASES + 2) * d..][..d];
        let output = &mut self.output[place * d..][..d];
        for start in (0..d).step_by(S::F32_LANES) {
            let r = sigmoid(simd, load(simd, &sums[..width], start, width));
            let z = sigmoid(simd, load(simd, &sums[width..2 * width], start, width));
            let sum = load(simd, &sums[2 * width..3 * width], start, width);
            let n = match self.inputs.reset {
                Reset::After => {
                    let x = simd.add_f32s(load(simd, x_n, start, d), load(simd, b_n, start, d));
                    tanh(simd, simd.mul_add_e_f32s(r, sum, x))
                }
                Reset::Before => tanh(simd, sum),
            };
            let before = load(simd, hidden, start, width);
            // (1 - z) n + z h
            let h = simd.mul_add_e_f32s(z, simd.sub_f32s(before, n), n);
            store(simd, hidden, start, width, h);
            store(simd, output, start, d, h);
            if self.save {
                let kept = self.inputs.reset.kept();
                saved.extend(cast_slice(&[r, z, n, sum][..kept]));
            }
        }
    }
}

struct BackwardAll<'a> {
    shape: Shape,
    inputs: BackwardInputs<'a>,
}

impl pulp::WithSimd for BackwardAll<'_> {
    type Output = Backward;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Backward {
        let Self { shape, inputs } = self;
        let d = shape.d_hidden;
        let weights: Vec<Vec<Packed<S>>> = inputs
            .weight_hh
            .chunks_exact(GATES * d * d)
            .map(|weight_hh| match inputs.reset {
                Reset::After => vec![Packed::transposed(simd, weight_hh, GATES * d, 0..GATES * d)],
                Reset::Before => vec![
                    Packed::transposed(simd, weight_hh, GATES * d, 0..2 * d),
                    Packed::transposed(simd, weight_hh, GATES * d, 2 * d..GATES * d),
                ],
            })
            .collect();
        let mut gates = vec![0f32; shape.batch * shape.gates()];
        let mut previous = vec![0f32; shape.batch * shape.output()];
        let mut candidate = vec![0f32; shape.batch * shape.output()];
        let tasks: Vec<BackwardTask<'_, S>> = gates
            .chunks_mut(TASK_ROWS * shape.gates())
            .zip(previous.chunks_mut(TASK_ROWS * shape.output()))
            .zip(candidate.chunks_mut(TASK_ROWS * shape.output()))
            .zip(inputs.lengths.chunks(TASK_ROWS))
            .zip(inputs.output.chunks(TASK_ROWS * shape.output()))
            .zip(inputs.d_output.chunks(TASK_ROWS * shape.output()))
            .zip(inputs.saved)
            .enumerate()
            .map(|(index, parts)| {
                let ((((((d_gates, previous), candidate), lengths), output), d_output), saved) =
                    parts;
                BackwardTask {
                    simd,
                    shape,
                    first_row: index * TASK_ROWS,
                    weights: &weights,
                    inputs,
                    lengths,
                    output,
                    d_output,
                    saved: saved.get(),
                    d_gates,
                    previous,
                    candidate,
                }
            })
            .collect();
        let done: Vec<(Vec<f32>, Vec<f32>)> = tasks
            .into_par_iter()
            .map(|task| simd.vectorize(task))
            .collect();
        let (initials, biases): (Vec<_>, Vec<_>) = done.into_iter().unzip();
        Backward {
            gates,
            previous,
            candidate,
            bias: sum_parts(shape.directions * BIASES * d, biases),
            state: shape.scatter_states(&initials),
        }
    }
}

struct BackwardTask<'a, S: Simd> {
    simd: S,
    shape: Shape,
    first_row: usize,
    /// By direction: one matrix of all gates, or two, the second the candidate's.
    weights: &'a [Vec<Packed<S>>],
    inputs: BackwardInputs<'a>,
    lengths: &'a [usize],
    output: &'a [f32],
    d_output: &'a [f32],
    saved: &'a [f32],
    d_gates: &'a mut [f32],
    previous: &'a mut [f32],
    candidate: &'a mut [f32],
}

impl<S: Simd> pulp::NullaryFnOnce for BackwardTask<'_, S> {
    /// Gradients of the initial states of the task's rows, `[rows, directions, d_hidden]`, and its part of the bias's.
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn call(mut self) -> (Vec<f32>, Vec<f32>) {
        let shape = self.shape;
        let d = shape.d_hidden;
        let width = d.next_multiple_of(S::F32_LANES);
        let order = longest_first(self.lengths);
        let rows = order.len();
        let mut initials = vec![0f32; rows * shape.directions * d];
        let mut d_bias = vec![0f32; shape.directions * BIASES * d];
        // Per row: the gradient that flows from a step to the one before it, of `r h`, and of what the products with W_hh gave.
        let mut flow = vec![0f32; rows * width];
        let mut d_scaled = vec![0f32; rows * width];
        let mut grads = vec![0f32; rows * GATES * d];
        let mut saved = self.saved;
        // What was saved last is read first.
        for direction in (0..shape.directions).rev() {
            let d_bias = &mut d_bias[direction * BIASES * d..][..BIASES * d];
            for (flow, &row) in flow.chunks_exact_mut(width).zip(&order) {
                let from = shape.state_row(0, direction, self.first_row + row);
                flow[..d].copy_from_slice(&self.inputs.d_state[from..from + d]);
                flow[d..].fill(0.0);
            }
            let weights = &self.weights[direction];
            let mut active = 0;
            for step in (0..order.first().map_or(0, |&row| self.lengths[row])).rev() {
                while active < rows && self.lengths[order[active]] > step {
                    active += 1;
                }
                let per_row = width * self.inputs.reset.kept();
                let (rest, here) = saved.split_at(saved.len() - active * per_row);
                saved = rest;
                d_scaled.fill(0.0);
                for (slot, &row) in order[..active].iter().enumerate() {
                    let at = At {
                        direction,
                        step,
                        row,
                        saved: &here[slot * per_row..][..per_row],
                    };
                    let flow = &mut flow[slot * width..][..width];
                    self.update(at, flow, &mut grads[slot * GATES * d..][..GATES * d]);
                }
                if let Some(candidate) = weights.get(1) {
                    candidate.add_product(
                        active,
                        (&grads[2 * d..], GATES * d),
                        (&mut d_scaled, width),
                    );
                }
                for (slot, &row) in order[..active].iter().enumerate() {
                    let at = At {
                        direction,
                        step,
                        row,
                        saved: &here[slot * per_row..][..per_row],
                    };
                    self.reset(
                        at,
                        &d_scaled[slot * width..][..width],
                        &mut flow[slot * width..][..width],
                        &mut grads[slot * GATES * d..][..GATES * d],
                        d_bias,
                    );
                }
                weights[0].add_product(active, (&grads, GATES * d), (&mut flow, width));
            }
            for (flow, &row) in flow.chunks_exact(width).zip(&order) {
                initials[(row * shape.directions + direction) * d..][..d]
                    .copy_from_slice(&flow[..d]);
            }
        }
        (initials, d_bias)
    }
}

/// Where one row stands on the way back.
#[derive(Clone, Copy)]
struct At<'a> {
    direction: usize,
    step: usize,
    row: usize,
    /// What forward kept of this row and step.
    saved: &'a [f32],
}

impl<S: Simd> BackwardTask<'_, S> {
    fn place(&self, at: At<'_>) -> usize {
        self.shape
            .place(at.direction, at.step, at.row, self.lengths[at.row])
    }

    /// From the gradient of the new hidden state: those of the sums of z and n, and what passes through z to the state before.
    #[inline(always)]
    fn update(&mut self, at: At<'_>, flow: &mut [f32], grads: &mut [f32]) {
        let (shape, simd) = (self.shape, self.simd);
        let (d, width) = (shape.d_hidden, flow.len());
        let here = self.place(at);
        let before = if at.step == 0 {
            let from = shape.state_row(0, at.direction, self.first_row + at.row);
            &self.inputs.state[from..from + d]
        } else {
            let from = self.place(At {
                step: at.step - 1,
                ..at
            });
            &self.output[from * d..(from + 1) * d]
        };
        let previous = &mut self.previous[here * d..(here + 1) * d];
        let d_output = &self.d_output[here * d..(here + 1) * d];
        let (saved, _) = S::as_simd_f32s(at.saved);
        let one = simd.splat_f32s(1.0);
        let blocks = (0..d).step_by(S::F32_LANES);
        for (start, saved) in blocks.zip(saved.chunks_exact(self.inputs.reset.kept())) {
            let (z, n) = (saved[1], saved[2]);
            let h = load(simd, before, start, d);
            store(simd, previous, start, d, h);
            let d_h = simd.add_f32s(
                load(simd, d_output, start, d),
                load(simd, flow, start, width),
            );
            let d_n = simd.mul_f32s(d_h, simd.sub_f32s(one, z));
            let d_n = simd.mul_f32s(d_n, simd.sub_f32s(one, simd.mul_f32s(n, n)));
            let d_z = simd.mul_f32s(d_h, simd.sub_f32s(h, n));
            let d_z = simd.mul_f32s(d_z, slope(simd, z));
            store(simd, &mut grads[d..2 * d], start, d, d_z);
            store(simd, &mut grads[2 * d..], start, d, d_n);
            store(simd, flow, start, width, simd.mul_f32s(d_h, z));
        }
    }

    /// The gradient of the sum of r; writes all gradients of the row's gates, and leaves in `grads` those of the products with
    /// `W_hh`.
    #[inline(always)]
    fn reset(
        &mut self,
        at: At<'_>,
        d_scaled: &[f32],
        flow: &mut [f32],
        grads: &mut [f32],
        d_bias: &mut [f32],
    ) {
        let simd = self.simd;
        let (d, width) = (self.shape.d_hidden, flow.len());
        let here = self.place(at);
        let previous = &self.previous[here * d..(here + 1) * d];
        let candidate = &mut self.candidate[here * d..(here + 1) * d];
        let d_gates = &mut self.d_gates[here * GATES * d..(here + 1) * GATES * d];
        let (saved, _) = S::as_simd_f32s(at.saved);
        let blocks = (0..d).step_by(S::F32_LANES);
        for (start, saved) in blocks.zip(saved.chunks_exact(self.inputs.reset.kept())) {
            let r = saved[0];
            let d_z = load(simd, &grads[d..2 * d], start, d);
            let d_n = load(simd, &grads[2 * d..], start, d);
            let (d_r, of_candidate, d_c) = match self.inputs.reset {
                Reset::After => {
                    let d_sum = simd.mul_f32s(d_n, r);
                    store(simd, &mut grads[2 * d..], start, d, d_sum);
                    (simd.mul_f32s(d_n, saved[3]), d_sum, d_sum)
                }
                Reset::Before => {
                    let h = load(simd, previous, start, d);
                    let d_rh = load(simd, d_scaled, start, width);
                    let passed = load(simd, flow, start, width);
                    store(
                        simd,
                        flow,
                        start,
                        width,
                        simd.mul_add_e_f32s(d_rh, r, passed),
                    );
                    let d_r = simd.mul_f32s(d_rh, h);
                    (d_r, simd.mul_f32s(r, h), simd.splat_f32s(0.0))
                }
            };
            let d_r = simd.mul_f32s(d_r, slope(simd, r));
            store(simd, &mut grads[..d], start, d, d_r);
            store(simd, candidate, start, d, of_candidate);
            for (gate, value) in [d_r, d_z, d_n].into_iter().enumerate() {
                store(simd, &mut d_gates[gate * d..][..d], start, d, value);
            }
            for (bias, value) in [d_r, d_z, d_n, d_c].into_iter().enumerate() {
                let d_bias = &mut d_bias[bias * d..][..d];
                let sum = simd.add_f32s(load(simd, d_bias, start, d), value);
                store(simd, d_bias, start, d, sum);
            }
        }
    }
}

#[cfg(test)]
mod tests;
