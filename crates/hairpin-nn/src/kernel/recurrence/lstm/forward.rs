//! Forward: per step and vector of hidden units the product of the running rows with its four gates' weights, then the gates. One
//! vector's gates run while the next one's product begins.

use super::{GATES, KEPT};
use crate::kernel::buffer::Buffer;
use crate::kernel::recurrence::gates::{sigmoid, tanh};
use crate::kernel::recurrence::pass::{self, Inputs, Shape};
use crate::kernel::recurrence::product::{Packed, load, store};
use crate::kernel::recurrence::rows::{AHEAD, Rows, TASK_ROWS};
use pulp::{Simd, bytemuck::cast_slice};
use rayon::prelude::*;

/// Input channels up to which the step's own product takes the input too, as `[h x] [W_hh; W_ih]`: one-hot bases do not deserve a
/// product of their own. A wider input's is made some steps ahead, for as many rows at once as the cache keeps.
const NARROW: usize = 8;

/// The forward pass.
pub(in crate::kernel::recurrence) struct Forward<'a> {
    pub(in crate::kernel::recurrence) shape: Shape,
    pub(in crate::kernel::recurrence) inputs: Inputs<'a>,
    pub(in crate::kernel::recurrence) save: bool,
}

/// Weights of one direction, each tile the four gates of one vector of hidden units.
struct Weights<S: Simd> {
    /// `[W_hh; W_ih]` of a narrow input, `W_hh` of a wide one.
    step: Packed<S>,
    /// `W_ih` of a wide input.
    ahead: Option<Packed<S>>,
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
        let width = d.next_multiple_of(S::F32_LANES);
        let all = [0, 1, 2, 3];
        let mut weights = Vec::with_capacity(shape.directions);
        for direction in 0..shape.directions {
            let weight_ih = &inputs.weight_ih[direction * columns..];
            let stride = shape.directions * columns;
            let bias = &inputs.bias[direction * columns..][..columns];
            let mut step = inputs.weight_hh[direction * d * columns..][..d * columns].to_vec();
            if shape.d_input <= NARROW {
                // The hidden state is kept in whole vectors, the input behind it.
                step.resize(width * columns, 0.0);
                for row in weight_ih.chunks(stride) {
                    step.extend_from_slice(&row[..columns]);
                }
            }
            weights.push(Weights {
                step: Packed::by_unit(simd, (&step, columns), d, &all),
                ahead: match shape.d_input <= NARROW {
                    true => None,
                    false => Some(Packed::by_unit(simd, (weight_ih, stride), d, &all)),
                },
                bias: Packed::by_unit(simd, (bias, columns), d, &all),
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
    /// By direction.
    weights: &'a [Weights<S>],
    /// Initial hidden and cell.
    state: &'a [f32],
    rows: Rows<'a>,
    output: &'a mut [f32],
    save: bool,
}

/// What a task carries from step to step.
struct Walk {
    /// Hidden state and narrow input, `[rows, left]`.
    hidden: Vec<f32>,
    /// The hidden state that a step makes while it reads the one before, `[rows, left]`.
    next: Vec<f32>,
    /// `[rows, width]`.
    cell: Vec<f32>,
    /// What stands before the activation functions, `[rows, blocks, 4, lanes]`: of some steps of a wide input, of one block of one
    /// step of a narrow one.
    sums: Buffer,
    /// A wide input's rows of some steps, `[rows, d_input]`.
    ahead: Vec<f32>,
    saved: Buffer,
    /// `d_hidden` in whole vectors.
    width: usize,
    /// The inner dimension of a step's product: `width` and the narrow input's.
    left: usize,
}

impl<S: Simd> pulp::NullaryFnOnce for Task<'_, S> {
    /// Final states of the task's rows, `[rows, directions, 2, d_hidden]`, and what is saved of its steps, as vectors
    /// `[direction][step][block][running row][kept]`.
    type Output = (Vec<f32>, Buffer);

    #[inline(always)]
    fn call(mut self) -> (Vec<f32>, Buffer) {
        let shape = self.shape;
        let d = shape.d_hidden;
        let width = d.next_multiple_of(S::F32_LANES);
        let blocks = width / S::F32_LANES;
        let tile = GATES * S::F32_LANES;
        let rows = self.rows.count();
        let kept = shape.directions * self.rows.steps() * width * KEPT;
        let narrow = shape.d_input <= NARROW;
        let left = if narrow { width + shape.d_input } else { width };
        let mut walk = Walk {
            hidden: vec![0f32; rows * left],
            next: vec![0f32; rows * left],
            cell: vec![0f32; rows * width],
            sums: Buffer::zeros(if narrow {
                rows * tile
            } else {
                AHEAD * blocks * tile
            }),
            ahead: vec![0f32; if narrow { 0 } else { AHEAD * shape.d_input }],
            saved: Buffer::with_capacity(if self.save { kept } else { 0 }),
            width,
            left,
        };
        let mut finals = vec![0f32; rows * shape.directions * 2 * d];
        for direction in 0..shape.directions {
            for slot in 0..rows {
                let parts = [(&mut walk.hidden, left), (&mut walk.cell, width)];
                for (part, (values, stride)) in parts.into_iter().enumerate() {
                    let from = self.rows.of_state(self.state, part, direction, slot);
                    values[slot * stride..][..d].copy_from_slice(from);
                }
            }
            let weights = &self.weights[direction];
            // Rows of `sums` that were made ahead, and how many of them are used up.
            let (mut made, mut used) = (0, 0);
            for step in 0..self.rows.longest() {
                let active = self.rows.running(step);
                if narrow {
                    for slot in 0..active {
                        let to = &mut walk.hidden[slot * left + width..][..shape.d_input];
                        to.copy_from_slice(self.rows.x(direction, step, slot));
                    }
                } else if used == made {
                    (made, used) = (self.make_ahead(direction, step, &mut walk), 0);
                }
                for block in 0..blocks {
                    let (base, stride) = match narrow {
                        true => (0, tile),
                        false => (used * blocks * tile + block * tile, blocks * tile),
                    };
                    let sums = &mut walk.sums.get_mut()[base..];
                    if narrow {
                        for slot in 0..active {
                            weights.bias.copy_tile(block, &mut sums[slot * stride..]);
                        }
                    }
                    let hidden = (&walk.hidden[..], left);
                    weights.step.add_tile(block, active, hidden, (sums, stride));
                    for slot in 0..active {
                        let place = self.rows.place(direction, step, slot);
                        self.finish(place, block, slot, base + slot * stride, &mut walk);
                    }
                }
                used += active;
                std::mem::swap(&mut walk.hidden, &mut walk.next);
                // The rows that end here.
                for slot in self.rows.running(step + 1)..active {
                    let last = self.rows.own_state(&mut finals, direction, slot);
                    last[..d].copy_from_slice(&walk.hidden[slot * left..][..d]);
                    last[d..].copy_from_slice(&walk.cell[slot * width..][..d]);
                }
            }
        }
        (finals, walk.saved)
    }
}

impl<S: Simd> Task<'_, S> {
    /// Puts `x W_ih + b` of the steps from `step` on into the sums, as many as there is room for; returns how many rows that are.
    #[inline(always)]
    fn make_ahead(&self, direction: usize, step: usize, walk: &mut Walk) -> usize {
        let weights = &self.weights[direction];
        let rows = self.rows.copy_ahead(direction, step, &mut walk.ahead);
        if let Some(ahead) = &weights.ahead {
            let tile = GATES * S::F32_LANES;
            let stride = walk.width * GATES;
            let sums = walk.sums.get_mut();
            for block in 0..walk.width / S::F32_LANES {
                let sums = &mut sums[block * tile..];
                for row in 0..rows {
                    weights.bias.copy_tile(block, &mut sums[row * stride..]);
                }
                ahead.add_tile(
                    block,
                    rows,
                    (&walk.ahead, self.shape.d_input),
                    (sums, stride),
                );
            }
        }
        rows
    }

    /// Gates, cell and hidden state of one row and vector of hidden units, whose sums begin at `sums`.
    #[inline(always)]
    fn finish(&mut self, place: usize, block: usize, slot: usize, sums: usize, walk: &mut Walk) {
        let (simd, d) = (self.simd, self.shape.d_hidden);
        let width = walk.width;
        let start = block * S::F32_LANES;
        let row = slot * width..(slot + 1) * width;
        let next = &mut walk.next[slot * walk.left..][..width];
        let (sums, _) = S::as_simd_f32s(&walk.sums.get()[sums..][..GATES * S::F32_LANES]);
        let i = sigmoid(simd, sums[0]);
        let f = sigmoid(simd, sums[1]);
        let g = tanh(simd, sums[2]);
        let o = sigmoid(simd, sums[3]);
        let cell = &mut walk.cell[row];
        let c = load(simd, cell, start, width);
        let c = simd.mul_add_e_f32s(f, c, simd.mul_f32s(i, g));
        let h = simd.mul_f32s(o, tanh(simd, c));
        store(simd, cell, start, width, c);
        store(simd, next, start, width, h);
        store(simd, &mut self.output[place * d..][..d], start, d, h);
        if self.save {
            let kept: [S::f32s; KEPT] = [i, f, g, o, c];
            walk.saved.extend(cast_slice(&kept));
        }
    }
}
