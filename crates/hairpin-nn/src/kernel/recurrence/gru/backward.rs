//! Backward through time: what forward saved is read back as one stream, and the gradient of the weights is summed on the way.

use super::{GATES, Reset, SUMS};
use crate::kernel::recurrence::gates::slope;
use crate::kernel::recurrence::outer::OuterSum;
use crate::kernel::recurrence::pass::{self, BIASES, BackwardInputs, Gradients, Shape};
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
    /// Of what the state adds before the reset: n, r, z, or r, z.
    hidden: Packed<S>,
    /// `U_n` where the reset comes first.
    candidate: Option<Packed<S>>,
    /// Where the gradient of `x` is asked for.
    input: Option<Packed<S>>,
}

impl pulp::WithSimd for Backward<'_> {
    type Output = pass::Backward;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> pass::Backward {
        let Self { shape, inputs } = self;
        let (d, columns) = (shape.d_hidden, shape.columns());
        let reset = Reset::of(shape.cell);
        let mut weights = Vec::with_capacity(shape.directions);
        for direction in 0..shape.directions {
            let weight_hh = &inputs.inputs.weight_hh[direction * d * columns..][..d * columns];
            let weight_hh = (weight_hh, columns);
            let weight_ih = (
                &inputs.inputs.weight_ih[direction * columns..],
                shape.directions * columns,
            );
            let (first, then) = (0..2 * d, 2 * d..columns);
            weights.push(Weights {
                hidden: match reset {
                    Reset::After => {
                        Packed::transposed(simd, weight_hh, then.clone().chain(first.clone()))
                    }
                    Reset::Before => Packed::transposed(simd, weight_hh, first.clone()),
                },
                candidate: match reset {
                    Reset::After => None,
                    Reset::Before => Some(Packed::transposed(simd, weight_hh, then)),
                },
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
                reset,
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
    reset: Reset,
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
    flow: Vec<f32>,
    /// Gradient of `r h`, where the reset comes first, `[rows, width]`.
    d_scaled: Vec<f32>,
    /// Gradients of the sums of the rows put aside, `[AHEAD, SUMS, d_hidden]`.
    sums: Vec<f32>,
    /// Where in `[rows, length]` the rows put aside belong.
    places: Vec<usize>,
    /// Gradients of their inputs, `[AHEAD, d_input in whole vectors]`.
    x: Vec<f32>,
    /// Gradient of `W_hh`.
    of_hidden: OuterSum<S, GATES>,
    /// Gradient of `W_ih`.
    of_input: OuterSum<S, GATES>,
    /// `d_hidden` in whole vectors.
    width: usize,
}

impl<S: Simd> pulp::NullaryFnOnce for Task<'_, S> {
    type Output = Gradients;

    #[inline(always)]
    fn call(mut self) -> Gradients {
        let (shape, simd) = (self.shape, self.simd);
        let d = shape.d_hidden;
        let width = d.next_multiple_of(S::F32_LANES);
        let blocks = width / S::F32_LANES;
        let rows = self.rows.count();
        let d_x = if self.inputs.needs_x {
            shape.d_input
        } else {
            0
        };
        let mut done = Gradients::zeros(shape, rows);
        let mut walk = Walk {
            flow: vec![0f32; rows * width],
            d_scaled: vec![0f32; rows * width],
            sums: vec![0f32; AHEAD * SUMS * d],
            places: Vec::with_capacity(AHEAD),
            x: vec![0f32; AHEAD * d_x.next_multiple_of(S::F32_LANES)],
            of_hidden: OuterSum::new(simd, d, blocks),
            of_input: OuterSum::new(simd, shape.d_input, blocks),
            width,
        };
        // Where the reset comes first, a row has two left sides: h and r h.
        let room = match self.reset {
            Reset::After => AHEAD,
            Reset::Before => AHEAD / 2,
        };
        let mut saved = self.saved;
        // What was saved last is read first.
        for direction in (0..shape.directions).rev() {
            for slot in 0..rows {
                let from = self.rows.of_state(self.inputs.d_state, 0, direction, slot);
                let flow = &mut walk.flow[slot * width..][..width];
                flow[..d].copy_from_slice(from);
                flow[d..].fill(0.0);
            }
            let weights = &self.weights[direction];
            let bias = &mut done.bias[direction * BIASES * d..][..BIASES * d];
            for step in (0..self.rows.longest()).rev() {
                let active = self.rows.running(step);
                let (rest, here) = saved.split_at(saved.len() - active * width * self.reset.kept());
                saved = rest;
                if walk.places.len() + active > room {
                    self.add_aside(direction, &mut walk);
                }
                let first = walk.places.len() * SUMS * d;
                for slot in 0..active {
                    let at = At {
                        direction,
                        step,
                        slot,
                        sums: first + slot * SUMS * d,
                        active,
                        saved: here,
                    };
                    self.update(at, &mut walk);
                }
                if let Some(candidate) = &weights.candidate {
                    walk.d_scaled.fill(0.0);
                    let of_n = (&walk.sums[first + (SUMS - 1) * d..], SUMS * d);
                    candidate.add_product(active, of_n, (&mut walk.d_scaled, width));
                }
                for slot in 0..active {
                    let at = At {
                        direction,
                        step,
                        slot,
                        sums: first + slot * SUMS * d,
                        active,
                        saved: here,
                    };
                    self.reset(at, &mut walk, bias);
                }
                let of_hidden = match self.reset {
                    Reset::After => first,
                    Reset::Before => first + d,
                };
                let sums = (&walk.sums[of_hidden..], SUMS * d);
                weights
                    .hidden
                    .add_product(active, sums, (&mut walk.flow, width));
            }
            self.add_aside(direction, &mut walk);
            let (of_hidden, of_input) = done.weights_of(shape, direction);
            walk.of_hidden.take(d, of_hidden);
            walk.of_input.take(d, of_input);
            for slot in 0..rows {
                let initial = self.rows.own_state(&mut done.initials, direction, slot);
                initial.copy_from_slice(&walk.flow[slot * width..][..d]);
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
    /// Where the gradients of its sums begin.
    sums: usize,
    /// Rows that have this step.
    active: usize,
    /// What forward kept of this step.
    saved: &'a [f32],
}

impl<S: Simd> Task<'_, S> {
    /// Adds the rows put aside to the gradients of weights and input.
    #[inline(always)]
    fn add_aside(&mut self, direction: usize, walk: &mut Walk<S>) {
        let (d, d_input) = (self.shape.d_hidden, self.shape.d_input);
        let rows = walk.places.len();
        walk.of_hidden.add();
        walk.of_input.add();
        if let Some(weights) = &self.weights[direction].input {
            let width = d_input.next_multiple_of(S::F32_LANES);
            walk.x.fill(0.0);
            let sums = (&walk.sums[(SUMS - GATES) * d..], SUMS * d);
            weights.add_product(rows, sums, (&mut walk.x, width));
            for (&place, from) in walk.places.iter().zip(walk.x.chunks_exact(width)) {
                let to = &mut self.d_x[place * d_input..][..d_input];
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            }
        }
        walk.places.clear();
    }

    /// The hidden state that a row's step started from.
    #[inline(always)]
    fn before(&self, at: At<'_>) -> &[f32] {
        let d = self.shape.d_hidden;
        if at.step == 0 {
            self.rows
                .of_state(self.inputs.inputs.state, 0, at.direction, at.slot)
        } else {
            let from = self.rows.place(at.direction, at.step - 1, at.slot);
            &self.output[from * d..(from + 1) * d]
        }
    }

    /// From the gradient of the new hidden state: those of the sums of z and n, and what passes through z to the state before.
    #[inline(always)]
    fn update(&self, at: At<'_>, walk: &mut Walk<S>) {
        let simd = self.simd;
        let (d, width) = (self.shape.d_hidden, walk.width);
        let before = self.before(at);
        let here = self.rows.place(at.direction, at.step, at.slot);
        let d_output = &self.d_output[here * d..(here + 1) * d];
        let flow = &mut walk.flow[at.slot * width..][..width];
        let (_, of_z_n) = walk.sums[at.sums..][..SUMS * d].split_at_mut(2 * d);
        let (of_z, of_n) = of_z_n.split_at_mut(d);
        let (saved, _) = S::as_simd_f32s(at.saved);
        let kept = self.reset.kept();
        let one = simd.splat_f32s(1.0);
        for block in 0..width / S::F32_LANES {
            let start = block * S::F32_LANES;
            let saved = &saved[(block * at.active + at.slot) * kept..][..kept];
            let (z, n) = (saved[1], saved[2]);
            let h = load(simd, before, start, d);
            let d_h = simd.add_f32s(
                load(simd, d_output, start, d),
                load(simd, flow, start, width),
            );
            let d_n = simd.mul_f32s(d_h, simd.sub_f32s(one, z));
            let d_n = simd.mul_f32s(d_n, simd.sub_f32s(one, simd.mul_f32s(n, n)));
            let d_z = simd.mul_f32s(d_h, simd.sub_f32s(h, n));
            store(simd, of_z, start, d, simd.mul_f32s(d_z, slope(simd, z)));
            store(simd, of_n, start, d, d_n);
            store(simd, flow, start, width, simd.mul_f32s(d_h, z));
        }
    }

    /// The gradients of the remaining sums, and the row's share of those of bias and weights.
    #[inline(always)]
    fn reset(&self, at: At<'_>, walk: &mut Walk<S>, d_bias: &mut [f32]) {
        let simd = self.simd;
        let (d, width) = (self.shape.d_hidden, walk.width);
        let before = self.before(at);
        walk.places
            .push(self.rows.position(at.direction, at.step, at.slot));
        let flow = &mut walk.flow[at.slot * width..][..width];
        let d_scaled = &walk.d_scaled[at.slot * width..][..width];
        let (of_c_r, of_z_n) = walk.sums[at.sums..][..SUMS * d].split_at_mut(2 * d);
        let (of_c, of_r) = of_c_r.split_at_mut(d);
        let (of_z, of_n) = of_z_n.split_at(d);
        let (left, mut of_hidden) = walk.of_hidden.next();
        left.copy_from_slice(before);
        let (left, mut of_input) = walk.of_input.next();
        left.copy_from_slice(self.rows.x(at.direction, at.step, at.slot));
        let (saved, _) = S::as_simd_f32s(at.saved);
        let kept = self.reset.kept();
        let blocks = width / S::F32_LANES;
        for block in 0..blocks {
            let start = block * S::F32_LANES;
            let saved = &saved[(block * at.active + at.slot) * kept..][..kept];
            let r = saved[0];
            let d_z = load(simd, of_z, start, d);
            let d_n = load(simd, of_n, start, d);
            let (d_r, d_c) = match self.reset {
                Reset::After => (simd.mul_f32s(d_n, saved[3]), simd.mul_f32s(d_n, r)),
                Reset::Before => {
                    let d_rh = load(simd, d_scaled, start, width);
                    let passed = load(simd, flow, start, width);
                    let passed = simd.mul_add_e_f32s(d_rh, r, passed);
                    store(simd, flow, start, width, passed);
                    let d_r = simd.mul_f32s(d_rh, load(simd, before, start, d));
                    (d_r, simd.splat_f32s(0.0))
                }
            };
            let d_r = simd.mul_f32s(d_r, slope(simd, r));
            store(simd, of_c, start, d, d_c);
            store(simd, of_r, start, d, d_r);
            of_hidden.set(block, [d_r, d_z, d_c]);
            of_input.set(block, [d_r, d_z, d_n]);
            for (bias, value) in [d_r, d_z, d_n, d_c].into_iter().enumerate() {
                let d_bias = &mut d_bias[bias * d..][..d];
                let sum = simd.add_f32s(load(simd, d_bias, start, d), value);
                store(simd, d_bias, start, d, sum);
            }
        }
        if self.reset == Reset::Before {
            let (left, mut of_hidden) = walk.of_hidden.next();
            let zero = simd.splat_f32s(0.0);
            for block in 0..blocks {
                let start = block * S::F32_LANES;
                let r = saved[(block * at.active + at.slot) * kept];
                let scaled = simd.mul_f32s(r, load(simd, before, start, d));
                store(simd, left, start, d, scaled);
                of_hidden.set(block, [zero, zero, load(simd, of_n, start, d)]);
            }
        }
    }
}
