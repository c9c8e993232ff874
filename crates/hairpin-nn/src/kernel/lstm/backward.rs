//! Backward through time: what forward saved is read back as one stream, and the gradient of the weights is summed on the way.

use super::{GATES, KEPT, Shape, of_direction};
use crate::kernel::buffer::Buffer;
use crate::kernel::gates::{slope, tanh};
use crate::kernel::outer::OuterSum;
use crate::kernel::product::{Packed, load, store};
use crate::kernel::rows::{AHEAD, TASK_ROWS, longest_first, running, sum_parts};
use pulp::Simd;
use rayon::prelude::*;

/// What the backward pass reads.
#[derive(Clone, Copy)]
pub(crate) struct BackwardInputs<'a> {
    /// `x`, `[batch, length, d_input]`.
    pub(crate) x: &'a [f32],
    /// `W_ih`, `[d_input, directions, 4, d_hidden]`.
    pub(crate) weight_ih: &'a [f32],
    /// `W_hh`, `[directions, d_hidden, 4 d_hidden]`.
    pub(crate) weight_hh: &'a [f32],
    /// Initial hidden and cell, `[2, directions, batch, d_hidden]`.
    pub(crate) state: &'a [f32],
    /// Steps of each row.
    pub(crate) lengths: &'a [usize],
    /// Forward's output.
    pub(crate) output: &'a [f32],
    /// Forward's `saved`.
    pub(crate) saved: &'a [Buffer],
    /// Gradient of the output.
    pub(crate) d_output: &'a [f32],
    /// Gradient of the final state.
    pub(crate) d_state: &'a [f32],
    /// Whether the gradient of `x` is asked for.
    pub(crate) needs_x: bool,
}

/// What the backward pass leaves: gradients of the inputs, each in the input's layout.
pub(crate) struct Backward {
    /// Zero beyond each row's length; empty unless asked for.
    pub(crate) x: Vec<f32>,
    pub(crate) weight_ih: Vec<f32>,
    pub(crate) weight_hh: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) state: Vec<f32>,
}

/// Back-propagates through time, given what [`forward`](super::forward()) saved and the gradients of its output and final state.
pub(crate) fn backward(shape: Shape, inputs: BackwardInputs<'_>) -> Backward {
    pulp::Arch::new().dispatch(All { shape, inputs })
}

pub(super) struct All<'a> {
    pub(super) shape: Shape,
    pub(super) inputs: BackwardInputs<'a>,
}

/// Transposed weights of one direction.
struct Weights<S: Simd> {
    hidden: Packed<S>,
    /// Where the gradient of `x` is asked for.
    input: Option<Packed<S>>,
}

impl pulp::WithSimd for All<'_> {
    type Output = Backward;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Backward {
        let Self { shape, inputs } = self;
        let (d, directions) = (shape.d_hidden, shape.directions);
        let columns = GATES * d;
        let d_input = inputs.x.len() / (shape.batch * shape.length);
        let mut weights = Vec::with_capacity(directions);
        for (direction, weight_hh) in inputs.weight_hh.chunks_exact(columns * d).enumerate() {
            weights.push(Weights {
                hidden: Packed::transposed(simd, weight_hh, columns, 0..columns),
                input: match inputs.needs_x {
                    true => {
                        let own = of_direction(inputs.weight_ih, direction, shape);
                        Some(Packed::transposed(simd, &own, columns, 0..columns))
                    }
                    false => None,
                },
            });
        }
        let x = if inputs.needs_x {
            shape.length * d_input
        } else {
            0
        };
        let mut d_x = vec![0f32; shape.batch * x];
        let mut d_x_of = d_x.chunks_mut((TASK_ROWS * x).max(1));
        let tasks: Vec<Task<'_, S>> = inputs
            .lengths
            .chunks(TASK_ROWS)
            .zip(inputs.output.chunks(TASK_ROWS * shape.output()))
            .zip(inputs.d_output.chunks(TASK_ROWS * shape.output()))
            .zip(inputs.saved)
            .enumerate()
            .map(|(index, (((lengths, output), d_output), saved))| Task {
                simd,
                shape,
                d_input,
                first_row: index * TASK_ROWS,
                weights: &weights,
                inputs,
                lengths,
                order: longest_first(lengths),
                output,
                d_output,
                saved: saved.get(),
                d_x: d_x_of.next().unwrap_or_default(),
            })
            .collect();
        let done: Vec<Gradients> = tasks
            .into_par_iter()
            .map(|task| simd.vectorize(task))
            .collect();
        let weights = done.iter().map(|task| &task.weights);
        let weights = sum_parts(directions * (d + d_input) * columns, weights);
        let mut weight_hh = Vec::with_capacity(directions * d * columns);
        let mut weight_ih = vec![0f32; d_input * directions * columns];
        for (direction, own) in weights.chunks_exact((d + d_input) * columns).enumerate() {
            let (of_hidden, of_input) = own.split_at(d * columns);
            weight_hh.extend_from_slice(of_hidden);
            let rows = weight_ih.chunks_exact_mut(directions * columns);
            for (to, from) in rows.zip(of_input.chunks_exact(columns)) {
                to[direction * columns..][..columns].copy_from_slice(from);
            }
        }
        let initials: Vec<&[f32]> = done.iter().map(|task| &task.initials[..]).collect();
        Backward {
            x: d_x,
            weight_ih,
            weight_hh,
            bias: sum_parts(directions * columns, done.iter().map(|task| &task.bias)),
            state: shape.scatter_states(&initials),
        }
    }
}

/// What a task contributes to the gradients.
struct Gradients {
    /// Of the initial states of its rows, `[rows, directions, 2, d_hidden]`.
    initials: Vec<f32>,
    /// `[directions, 4, d_hidden]`.
    bias: Vec<f32>,
    /// Of `[W_hh; W_ih]`, `[directions, d_hidden + d_input, 4, d_hidden]`.
    weights: Vec<f32>,
}

struct Task<'a, S: Simd> {
    simd: S,
    shape: Shape,
    d_input: usize,
    first_row: usize,
    /// By direction.
    weights: &'a [Weights<S>],
    inputs: BackwardInputs<'a>,
    lengths: &'a [usize],
    /// Rows from longest to shortest.
    order: Vec<usize>,
    output: &'a [f32],
    d_output: &'a [f32],
    saved: &'a [f32],
    d_x: &'a mut [f32],
}

/// What a task carries from step to step.
struct Walk<S: Simd> {
    /// Gradient of the hidden state that flows from a step to the one before it, `[rows, width]`.
    hidden: Vec<f32>,
    /// Gradient of the cell, likewise.
    cell: Vec<f32>,
    /// Gradients of the gates of the rows put aside, `[AHEAD, 4, d_hidden]`.
    gates: Vec<f32>,
    /// Where in `[rows, length]` the rows put aside belong.
    places: Vec<usize>,
    /// Gradients of their inputs, `[AHEAD, d_input in whole vectors]`.
    x: Vec<f32>,
    /// Gradient of the weights.
    outer: OuterSum<S>,
    /// `d_hidden` in whole vectors.
    width: usize,
}

impl<S: Simd> pulp::NullaryFnOnce for Task<'_, S> {
    type Output = Gradients;

    #[inline(always)]
    fn call(mut self) -> Gradients {
        let shape = self.shape;
        let d = shape.d_hidden;
        let width = d.next_multiple_of(S::F32_LANES);
        let rows = self.lengths.len();
        let d_left = d + self.d_input;
        let d_x = if self.inputs.needs_x { self.d_input } else { 0 };
        let mut done = Gradients {
            initials: vec![0f32; rows * shape.directions * 2 * d],
            bias: vec![0f32; shape.directions * GATES * d],
            weights: vec![0f32; shape.directions * d_left * GATES * d],
        };
        let mut walk = Walk {
            hidden: vec![0f32; rows * width],
            cell: vec![0f32; rows * width],
            gates: vec![0f32; AHEAD * GATES * d],
            places: Vec::with_capacity(AHEAD),
            x: vec![0f32; AHEAD * d_x.next_multiple_of(S::F32_LANES)],
            outer: OuterSum::new(self.simd, d_left, width / S::F32_LANES),
            width,
        };
        let mut saved = self.saved;
        let per_row = width * KEPT;
        // What was saved last is read first.
        for direction in (0..shape.directions).rev() {
            for (slot, &row) in self.order.iter().enumerate() {
                let parts = [&mut walk.hidden, &mut walk.cell];
                for (part, values) in parts.into_iter().enumerate() {
                    let from = shape.state_row(part, direction, self.first_row + row);
                    let values = &mut values[slot * width..][..width];
                    values[..d].copy_from_slice(&self.inputs.d_state[from..from + d]);
                    values[d..].fill(0.0);
                }
            }
            let longest = self.order.first().map_or(0, |&row| self.lengths[row]);
            for step in (0..longest).rev() {
                let active = running(&self.order, self.lengths, step);
                let (rest, here) = saved.split_at(saved.len() - active * per_row);
                saved = rest;
                let earlier = match step {
                    0 => &[],
                    _ => {
                        let before = running(&self.order, self.lengths, step - 1);
                        &rest[rest.len() - before * per_row..]
                    }
                };
                if walk.places.len() + active > AHEAD {
                    self.add_aside(direction, &mut walk);
                }
                let first = walk.places.len();
                for slot in 0..active {
                    let at = At {
                        direction,
                        step,
                        slot,
                        saved: here,
                        earlier,
                    };
                    let bias = &mut done.bias[direction * GATES * d..][..GATES * d];
                    self.cell(at, &mut walk, bias);
                }
                let gates = (&walk.gates[first * GATES * d..], GATES * d);
                let hidden = (&mut walk.hidden[..], width);
                self.weights[direction]
                    .hidden
                    .add_product(active, gates, hidden);
            }
            self.add_aside(direction, &mut walk);
            let own = d_left * GATES * d;
            walk.outer
                .take(d, &mut done.weights[direction * own..][..own]);
            for (slot, &row) in self.order.iter().enumerate() {
                let initials = &mut done.initials[(row * shape.directions + direction) * 2 * d..];
                initials[..d].copy_from_slice(&walk.hidden[slot * width..][..d]);
                initials[d..2 * d].copy_from_slice(&walk.cell[slot * width..][..d]);
            }
        }
        done
    }
}

/// Where one row stands on the way back.
#[derive(Clone, Copy)]
struct At<'a> {
    direction: usize,
    step: usize,
    slot: usize,
    /// What forward kept of this step.
    saved: &'a [f32],
    /// What it kept of the step before; empty at the first.
    earlier: &'a [f32],
}

impl<S: Simd> Task<'_, S> {
    /// Adds the rows put aside to the gradients of weights and input.
    #[inline(always)]
    fn add_aside(&mut self, direction: usize, walk: &mut Walk<S>) {
        let rows = walk.places.len();
        walk.outer.add();
        if let Some(weights) = &self.weights[direction].input {
            let width = self.d_input.next_multiple_of(S::F32_LANES);
            walk.x.fill(0.0);
            let gates = (&walk.gates[..], GATES * self.shape.d_hidden);
            weights.add_product(rows, gates, (&mut walk.x, width));
            for (&place, from) in walk.places.iter().zip(walk.x.chunks_exact(width)) {
                let to = &mut self.d_x[place * self.d_input..][..self.d_input];
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            }
        }
        walk.places.clear();
    }

    /// Gradients of one row's gates and of the cell before, from those of its hidden state and cell; leaves zero in the hidden
    /// state's.
    #[inline(always)]
    fn cell(&self, at: At<'_>, walk: &mut Walk<S>, d_bias: &mut [f32]) {
        let (shape, simd) = (self.shape, self.simd);
        let (d, width) = (shape.d_hidden, walk.width);
        let row = self.order[at.slot];
        let own = self.lengths[row];
        let here = shape.place(at.direction, at.step, row, own);
        let initial = |part| {
            let from = shape.state_row(part, at.direction, self.first_row + row);
            &self.inputs.state[from..from + d]
        };
        let (initial_c, h_before) = if at.step == 0 {
            (initial(1), initial(0))
        } else {
            let from = shape.place(at.direction, at.step - 1, row, own) * d;
            (&[][..], &self.output[from..from + d])
        };
        let gates = &mut walk.gates[walk.places.len() * GATES * d..][..GATES * d];
        walk.places
            .push(shape.position(at.direction, at.step, row, own));
        let at_x = shape.position(at.direction, at.step, self.first_row + row, own);
        let (left, mut right) = walk.outer.next();
        left[..d].copy_from_slice(h_before);
        left[d..].copy_from_slice(&self.inputs.x[at_x * self.d_input..][..self.d_input]);
        let flow_h = &mut walk.hidden[at.slot * width..][..width];
        let flow_c = &mut walk.cell[at.slot * width..][..width];
        let d_output = &self.d_output[here * d..(here + 1) * d];
        let (saved, _) = S::as_simd_f32s(at.saved);
        let (earlier, _) = S::as_simd_f32s(at.earlier);
        let blocks = width / S::F32_LANES;
        let running = saved.len() / (blocks * KEPT);
        let earlier_running = earlier.len() / (blocks * KEPT);
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        for block in 0..blocks {
            let start = block * S::F32_LANES;
            let saved = &saved[(block * running + at.slot) * KEPT..][..KEPT];
            let (i, f, g, o) = (saved[0], saved[1], saved[2], saved[3]);
            let c = tanh(simd, saved[4]);
            let c_before = if at.step == 0 {
                load(simd, initial_c, start, d)
            } else {
                earlier[(block * earlier_running + at.slot) * KEPT + GATES]
            };
            let dh = simd.add_f32s(
                load(simd, d_output, start, d),
                load(simd, flow_h, start, width),
            );
            // dc = flow + dh · o · (1 - tanh² c)
            let through = simd.mul_f32s(
                simd.mul_f32s(dh, o),
                simd.sub_f32s(one, simd.mul_f32s(c, c)),
            );
            let dc = simd.add_f32s(load(simd, flow_c, start, width), through);
            let values = [
                simd.mul_f32s(simd.mul_f32s(dc, g), slope(simd, i)),
                simd.mul_f32s(simd.mul_f32s(dc, c_before), slope(simd, f)),
                simd.mul_f32s(
                    simd.mul_f32s(dc, i),
                    simd.sub_f32s(one, simd.mul_f32s(g, g)),
                ),
                simd.mul_f32s(simd.mul_f32s(dh, c), slope(simd, o)),
            ];
            right.set(block, values);
            for (gate, value) in values.into_iter().enumerate() {
                store(simd, &mut gates[gate * d..][..d], start, d, value);
                let d_bias = &mut d_bias[gate * d..][..d];
                let sum = simd.add_f32s(load(simd, d_bias, start, d), value);
                store(simd, d_bias, start, d, sum);
            }
            store(simd, flow_h, start, width, zero);
            store(simd, flow_c, start, width, simd.mul_f32s(dc, f));
        }
    }
}
