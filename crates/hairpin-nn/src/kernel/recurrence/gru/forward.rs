//! Forward: the input's products some steps ahead, the state's step by step, one vector of hidden units after another.

use super::{GATES, Reset, SUMS};
use crate::kernel::buffer::Buffer;
use crate::kernel::recurrence::gates::{sigmoid, tanh};
use crate::kernel::recurrence::pass::{self, BIASES, Inputs, Shape};
use crate::kernel::recurrence::product::{Packed, load, store};
use crate::kernel::recurrence::rows::{AHEAD, Rows, TASK_ROWS};
use pulp::{Simd, bytemuck::cast_slice};
use rayon::prelude::*;

/// The forward pass.
pub(in crate::kernel::recurrence) struct Forward<'a> {
    pub(in crate::kernel::recurrence) shape: Shape,
    pub(in crate::kernel::recurrence) inputs: Inputs<'a>,
    pub(in crate::kernel::recurrence) save: bool,
}

/// Weights of one direction, each tile the gates of one vector of hidden units.
struct Weights<S: Simd> {
    /// `W_ih` of r, z, n.
    input: Packed<S>,
    /// `W_hh` of what the state adds before the reset: n, r, z, or r, z.
    hidden: Packed<S>,
    /// `U_n` where the reset comes first.
    candidate: Option<Packed<S>>,
    /// `c_n`, `b_r`, `b_z`, `b_n`.
    bias: Packed<S>,
}

impl pulp::WithSimd for Forward<'_> {
    type Output = pass::Forward;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> pass::Forward {
        let Self {
            shape,
            inputs,
            save,
        } = self;
        let (d, columns) = (shape.d_hidden, shape.columns());
        let reset = Reset::of(shape.cell);
        let mut weights = Vec::with_capacity(shape.directions);
        for direction in 0..shape.directions {
            let weight_hh = (
                &inputs.weight_hh[direction * d * columns..][..d * columns],
                columns,
            );
            let weight_ih = (
                &inputs.weight_ih[direction * columns..],
                shape.directions * columns,
            );
            let bias = &inputs.bias[direction * BIASES * d..][..BIASES * d];
            weights.push(Weights {
                input: Packed::by_unit(simd, weight_ih, d, &[0, 1, 2]),
                hidden: match reset {
                    Reset::After => Packed::by_unit(simd, weight_hh, d, &[2, 0, 1]),
                    Reset::Before => Packed::by_unit(simd, weight_hh, d, &[0, 1]),
                },
                candidate: match reset {
                    Reset::After => None,
                    Reset::Before => Some(Packed::by_unit(simd, weight_hh, d, &[2])),
                },
                bias: Packed::by_unit(simd, (bias, BIASES * d), d, &[3, 0, 1, 2]),
            });
        }
        let mut packed = vec![0f32; shape.batch * shape.output() + shape.state()];
        let (output, _) = packed.split_at_mut(shape.batch * shape.output());
        let tasks: Vec<Task<'_, S>> = output
            .chunks_mut(TASK_ROWS * shape.output())
            .zip(inputs.lengths.chunks(TASK_ROWS))
            .enumerate()
            .map(|(index, (output, lengths))| Task {
                simd,
                shape,
                reset,
                weights: &weights,
                state: inputs.state,
                rows: Rows::new(shape, inputs, index, lengths),
                output,
                save,
            })
            .collect();
        let done = tasks.into_par_iter().map(|task| simd.vectorize(task));
        let done = done.collect();
        pass::Forward::collect(shape, packed, done, save)
    }
}

struct Task<'a, S: Simd> {
    simd: S,
    shape: Shape,
    reset: Reset,
    /// By direction.
    weights: &'a [Weights<S>],
    /// Initial state.
    state: &'a [f32],
    rows: Rows<'a>,
    output: &'a mut [f32],
    save: bool,
}

/// What a task carries from step to step.
struct Walk {
    /// `[rows, width]`.
    hidden: Vec<f32>,
    /// The hidden state that a step makes while it reads the one before, `[rows, width]`.
    next: Vec<f32>,
    /// `r h`, where the reset comes first, `[rows, width]`.
    scaled: Vec<f32>,
    /// What stands before the activation functions, of some steps, `[AHEAD, blocks, SUMS, lanes]`.
    sums: Buffer,
    /// What these steps read, `[AHEAD, d_input]`.
    ahead: Vec<f32>,
    saved: Buffer,
    /// `d_hidden` in whole vectors.
    width: usize,
}

impl<S: Simd> pulp::NullaryFnOnce for Task<'_, S> {
    /// Final states of the task's rows, `[rows, directions, d_hidden]`, and what is saved of its steps, as vectors
    /// `[direction][step][block][running row][kept]`.
    type Output = (Vec<f32>, Buffer);

    #[inline(always)]
    fn call(mut self) -> (Vec<f32>, Buffer) {
        let shape = self.shape;
        let d = shape.d_hidden;
        let width = d.next_multiple_of(S::F32_LANES);
        let blocks = width / S::F32_LANES;
        let (tile, stride) = (SUMS * S::F32_LANES, SUMS * width);
        let rows = self.rows.count();
        let kept = shape.directions * self.rows.steps() * width * self.reset.kept();
        let mut walk = Walk {
            hidden: vec![0f32; rows * width],
            next: vec![0f32; rows * width],
            scaled: vec![0f32; rows * width],
            sums: Buffer::zeros(AHEAD * stride),
            ahead: vec![0f32; AHEAD * shape.d_input],
            saved: Buffer::with_capacity(if self.save { kept } else { 0 }),
            width,
        };
        let mut finals = vec![0f32; rows * shape.directions * d];
        for direction in 0..shape.directions {
            for slot in 0..rows {
                let from = self.rows.of_state(self.state, 0, direction, slot);
                walk.hidden[slot * width..][..d].copy_from_slice(from);
            }
            let weights = &self.weights[direction];
            // Rows of `sums` that were made ahead, and how many of them are used up.
            let (mut made, mut used) = (0, 0);
            for step in 0..self.rows.longest() {
                let active = self.rows.running(step);
                if used == made {
                    (made, used) = (self.make_ahead(direction, step, &mut walk), 0);
                }
                let sums = used * stride;
                for block in 0..blocks {
                    let from = sums + block * tile;
                    let left = (&walk.hidden[..], width);
                    let first = from + self.first_of_hidden() * S::F32_LANES;
                    let out = (&mut walk.sums.get_mut()[first..], stride);
                    weights.hidden.add_tile(block, active, left, out);
                    for slot in 0..active {
                        match self.reset {
                            Reset::After => {
                                let place = self.rows.place(direction, step, slot);
                                self.finish(place, block, slot, from + slot * stride, &mut walk);
                            }
                            Reset::Before => {
                                self.scale(block, slot, from + slot * stride, &mut walk);
                            }
                        }
                    }
                }
                if let Some(candidate) = &weights.candidate {
                    for block in 0..blocks {
                        let from = sums + block * tile;
                        let left = (&walk.scaled[..], width);
                        let last = from + (SUMS - 1) * S::F32_LANES;
                        let out = (&mut walk.sums.get_mut()[last..], stride);
                        candidate.add_tile(block, active, left, out);
                        for slot in 0..active {
                            let place = self.rows.place(direction, step, slot);
                            self.finish(place, block, slot, from + slot * stride, &mut walk);
                        }
                    }
                }
                used += active;
                std::mem::swap(&mut walk.hidden, &mut walk.next);
                for slot in self.rows.running(step + 1)..active {
                    let last = self.rows.own_state(&mut finals, direction, slot);
                    last.copy_from_slice(&walk.hidden[slot * width..][..d]);
                }
            }
        }
        (finals, walk.saved)
    }
}

impl<S: Simd> Task<'_, S> {
    /// The first of the sums that the product with the state adds to.
    fn first_of_hidden(&self) -> usize {
        match self.reset {
            Reset::After => 0,
            Reset::Before => 1,
        }
    }

    /// Puts the biases and `x W_ih` of the steps from `step` on into the sums, as many as there is room for; returns how many rows
    /// that are.
    #[inline(always)]
    fn make_ahead(&self, direction: usize, step: usize, walk: &mut Walk) -> usize {
        let weights = &self.weights[direction];
        let rows = self.rows.copy_ahead(direction, step, &mut walk.ahead);
        let stride = SUMS * walk.width;
        let sums = walk.sums.get_mut();
        for block in 0..walk.width / S::F32_LANES {
            let sums = &mut sums[block * SUMS * S::F32_LANES..];
            for row in 0..rows {
                weights.bias.copy_tile(block, &mut sums[row * stride..]);
            }
            let left = (&walk.ahead[..], self.shape.d_input);
            let out = (&mut sums[(SUMS - GATES) * S::F32_LANES..], stride);
            weights.input.add_tile(block, rows, left, out);
        }
        rows
    }

    /// Puts r in the place of its sum, and `r h` aside.
    #[inline(always)]
    fn scale(&self, block: usize, slot: usize, sums: usize, walk: &mut Walk) {
        let simd = self.simd;
        let start = block * S::F32_LANES;
        let row = slot * walk.width..(slot + 1) * walk.width;
        let (sums, _) =
            S::as_mut_simd_f32s(&mut walk.sums.get_mut()[sums..][..SUMS * S::F32_LANES]);
        let r = sigmoid(simd, sums[1]);
        sums[1] = r;
        let h = load(simd, &walk.hidden[row.clone()], start, walk.width);
        let scaled = simd.mul_f32s(r, h);
        store(simd, &mut walk.scaled[row], start, walk.width, scaled);
    }

    /// Gates and hidden state of one row and vector of hidden units, whose sums begin at `sums`.
    #[inline(always)]
    fn finish(&mut self, place: usize, block: usize, slot: usize, sums: usize, walk: &mut Walk) {
        let (simd, d) = (self.simd, self.shape.d_hidden);
        let width = walk.width;
        let start = block * S::F32_LANES;
        let row = slot * width..(slot + 1) * width;
        let (sums, _) = S::as_simd_f32s(&walk.sums.get()[sums..][..SUMS * S::F32_LANES]);
        let z = sigmoid(simd, sums[2]);
        let (r, n) = match self.reset {
            Reset::After => {
                let r = sigmoid(simd, sums[1]);
                (r, tanh(simd, simd.mul_add_e_f32s(r, sums[0], sums[3])))
            }
            Reset::Before => (sums[1], tanh(simd, sums[3])),
        };
        let before = load(simd, &walk.hidden[row.clone()], start, width);
        // (1 - z) n + z h
        let h = simd.mul_add_e_f32s(z, simd.sub_f32s(before, n), n);
        store(simd, &mut walk.next[row], start, width, h);
        store(simd, &mut self.output[place * d..][..d], start, d, h);
        if self.save {
            let kept = [r, z, n, sums[0]];
            walk.saved.extend(cast_slice(&kept[..self.reset.kept()]));
        }
    }
}
