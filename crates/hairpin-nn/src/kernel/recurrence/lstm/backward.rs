//! Backward through time: what forward saved is read back as one stream, and the gradient of the weights is summed on the way.

use super::{GATES, KEPT};
use crate::kernel::recurrence::gates::{slope, tanh};
use crate::kernel::recurrence::outer::OuterSum;
use crate::kernel::recurrence::pass::{self, BackwardInputs, Gradients, Shape};
use crate::kernel::recurrence::product::{Packed, load, store};
use crate::kernel::recurrence::rows::{AHEAD, Rows, TASK_ROWS};
use pulp::Simd;
use rayon::prelude::*;

/// The backward pass.
pub(in crate::kernel::recurrence) struct Backward<'a> {
    pub(in crate::kernel::recurrence) shape: Shape,
    pub(in crate::kernel::recurrence) inputs: BackwardInputs<'a>,
}

/// Transposed weights of one direction.
struct Weights<S: Simd> {
    hidden: Packed<S>,
    /// Where the gradient of `x` is asked for.
    input: Option<Packed<S>>,
}

impl pulp::WithSimd for Backward<'_> {
    type Output = pass::Backward;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> pass::Backward {
        let Self { shape, inputs } = self;
        let (d, columns) = (shape.d_hidden, shape.columns());
        let mut weights = Vec::with_capacity(shape.directions);
        for direction in 0..shape.directions {
            let weight_hh = &inputs.inputs.weight_hh[direction * d * columns..][..d * columns];
            let weight_ih = (
                &inputs.inputs.weight_ih[direction * columns..],
                shape.directions * columns,
            );
            weights.push(Weights {
                hidden: Packed::transposed(simd, (weight_hh, columns), 0..columns),
                input: match inputs.needs_x {
                    true => Some(Packed::transposed(simd, weight_ih, 0..columns)),
                    false => None,
                },
            });
        }
        let x = if inputs.needs_x {
            shape.length * shape.d_input
        } else {
            0
        };
        let mut d_x = vec![0f32; shape.batch * x];
        let mut d_x_of = d_x.chunks_mut((TASK_ROWS * x).max(1));
        let tasks: Vec<Task<'_, S>> = inputs
            .inputs
            .lengths
            .chunks(TASK_ROWS)
            .zip(inputs.output.chunks(TASK_ROWS * shape.output()))
            .zip(inputs.d_output.chunks(TASK_ROWS * shape.output()))
            .zip(inputs.saved)
            .enumerate()
            .map(|(index, (((lengths, output), d_output), saved))| Task {
                simd,
                shape,
                weights: &weights,
                inputs,
                rows: Rows::new(shape, inputs.inputs, index, lengths),
                output,
                d_output,
                saved: saved.get(),
                d_x: d_x_of.next().unwrap_or_default(),
            })
            .collect();
        let done = tasks.into_par_iter().map(|task| simd.vectorize(task));
        let done: Vec<Gradients> = done.collect();
        pass::Backward::collect(shape, d_x, &done)
    }
}

struct Task<'a, S: Simd> {
    simd: S,
    shape: Shape,
    /// By direction.
    weights: &'a [Weights<S>],
    inputs: BackwardInputs<'a>,
    rows: Rows<'a>,
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
    outer: OuterSum<S, GATES>,
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
        let rows = self.rows.count();
        let d_left = d + shape.d_input;
        let d_x = if self.inputs.needs_x {
            shape.d_input
        } else {
            0
        };
        let mut done = Gradients::zeros(shape, rows);
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
            for slot in 0..rows {
                let parts = [&mut walk.hidden, &mut walk.cell];
                for (part, values) in parts.into_iter().enumerate() {
                    let from = self
                        .rows
                        .of_state(self.inputs.d_state, part, direction, slot);
                    let values = &mut values[slot * width..][..width];
                    values[..d].copy_from_slice(from);
                    values[d..].fill(0.0);
                }
            }
            for step in (0..self.rows.longest()).rev() {
                let active = self.rows.running(step);
                let (rest, here) = saved.split_at(saved.len() - active * per_row);
                saved = rest;
                let earlier = match step {
                    0 => &[],
                    _ => {
                        let before = self.rows.running(step - 1);
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
            for slot in 0..rows {
                let initial = self.rows.own_state(&mut done.initials, direction, slot);
                initial[..d].copy_from_slice(&walk.hidden[slot * width..][..d]);
                initial[d..].copy_from_slice(&walk.cell[slot * width..][..d]);
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
        let (rows, d_input) = (walk.places.len(), self.shape.d_input);
        walk.outer.add();
        if let Some(weights) = &self.weights[direction].input {
            let width = d_input.next_multiple_of(S::F32_LANES);
            walk.x.fill(0.0);
            let gates = (&walk.gates[..], GATES * self.shape.d_hidden);
            weights.add_product(rows, gates, (&mut walk.x, width));
            for (&place, from) in walk.places.iter().zip(walk.x.chunks_exact(width)) {
                let to = &mut self.d_x[place * d_input..][..d_input];
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
        let simd = self.simd;
        let (d, width) = (self.shape.d_hidden, walk.width);
        let (direction, step, slot) = (at.direction, at.step, at.slot);
        let here = self.rows.place(direction, step, slot);
        let (initial_c, h_before) = if step == 0 {
            let initial = self.inputs.inputs.state;
            (
                self.rows.of_state(initial, 1, direction, slot),
                self.rows.of_state(initial, 0, direction, slot),
            )
        } else {
            let from = self.rows.place(direction, step - 1, slot) * d;
            (&[][..], &self.output[from..from + d])
        };
        let gates = &mut walk.gates[walk.places.len() * GATES * d..][..GATES * d];
        walk.places.push(self.rows.position(direction, step, slot));
        let (left, mut right) = walk.outer.next();
        left[..d].copy_from_slice(h_before);
        left[d..].copy_from_slice(self.rows.x(direction, step, slot));
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
