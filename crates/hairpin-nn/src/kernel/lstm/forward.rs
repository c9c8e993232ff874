//! Forward: per step and vector of hidden units the product of the running rows with its four gates' weights, then the gates. One
//! vector's gates run while the next one's product begins.

use super::{GATES, KEPT, Shape, of_direction};
use crate::kernel::buffer::Buffer;
use crate::kernel::gates::{sigmoid, tanh};
use crate::kernel::product::{Packed, load, store};
use crate::kernel::rows::{AHEAD, Forward, TASK_ROWS, longest_first, running};
use pulp::{Simd, bytemuck::cast_slice};
use rayon::prelude::*;

/// Input channels up to which the step's own product takes the input too, as `[h x] [W_hh; W_ih]`: one-hot bases do not deserve a
/// product of their own. A wider input's is made some steps ahead, for as many rows at once as the cache keeps.
const NARROW: usize = 8;

/// What the recurrence reads.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// `x`, `[batch, length, d_input]`.
    pub(crate) x: &'a [f32],
    /// `W_ih`, `[d_input, directions, 4, d_hidden]`.
    pub(crate) weight_ih: &'a [f32],
    /// `b`, `[directions, 4, d_hidden]`.
    pub(crate) bias: &'a [f32],
    /// `W_hh`, `[directions, d_hidden, 4 d_hidden]`.
    pub(crate) weight_hh: &'a [f32],
    /// Initial hidden and cell, `[2, directions, batch, d_hidden]`.
    pub(crate) state: &'a [f32],
    /// Steps of each row, `1..=length`.
    pub(crate) lengths: &'a [usize],
}

/// Runs the recurrence over all rows and directions.
pub(crate) fn forward(shape: Shape, inputs: Inputs<'_>, save: bool) -> Forward {
    pulp::Arch::new().dispatch(All {
        shape,
        inputs,
        save,
    })
}

pub(super) struct All<'a> {
    pub(super) shape: Shape,
    pub(super) inputs: Inputs<'a>,
    pub(super) save: bool,
}

/// Weights of one direction, each tile the four gates of one vector of hidden units.
struct Weights<S: Simd> {
    /// `[W_hh; W_ih]` of a narrow input, `W_hh` of a wide one.
    step: Packed<S>,
    /// `W_ih` of a wide input.
    ahead: Option<Packed<S>>,
    bias: Packed<S>,
}

impl pulp::WithSimd for All<'_> {
    type Output = Forward;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Forward {
        let Self {
            shape,
            inputs,
            save,
        } = self;
        let d = shape.d_hidden;
        let width = d.next_multiple_of(S::F32_LANES);
        let d_input = inputs.x.len() / (shape.batch * shape.length);
        let mut weights = Vec::with_capacity(shape.directions);
        for (direction, weight_hh) in inputs.weight_hh.chunks_exact(GATES * d * d).enumerate() {
            let weight_ih = of_direction(inputs.weight_ih, direction, shape);
            let bias = &inputs.bias[direction * GATES * d..][..GATES * d];
            let mut step = weight_hh.to_vec();
            if d_input <= NARROW {
                // The hidden state is kept in whole vectors, the input behind it.
                step.resize(width * GATES * d, 0.0);
                step.extend_from_slice(&weight_ih);
            }
            weights.push(Weights {
                step: Packed::by_unit(simd, &step, d),
                ahead: match d_input <= NARROW {
                    true => None,
                    false => Some(Packed::by_unit(simd, &weight_ih, d)),
                },
                bias: Packed::by_unit(simd, bias, d),
            });
        }
        let mut output = vec![0f32; shape.batch * shape.output()];
        let tasks: Vec<Task<'_, S>> = output
            .chunks_mut(TASK_ROWS * shape.output())
            .zip(inputs.lengths.chunks(TASK_ROWS))
            .enumerate()
            .map(|(index, (output, lengths))| Task {
                simd,
                shape,
                d_input,
                first_row: index * TASK_ROWS,
                weights: &weights,
                inputs,
                lengths,
                order: longest_first(lengths),
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

struct Task<'a, S: Simd> {
    simd: S,
    shape: Shape,
    d_input: usize,
    first_row: usize,
    /// By direction.
    weights: &'a [Weights<S>],
    inputs: Inputs<'a>,
    lengths: &'a [usize],
    /// Rows from longest to shortest.
    order: Vec<usize>,
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
        let rows = self.lengths.len();
        let steps: usize = self.lengths.iter().sum();
        let kept = shape.directions * steps * width * KEPT;
        let narrow = self.d_input <= NARROW;
        let left = if narrow { width + self.d_input } else { width };
        let mut walk = Walk {
            hidden: vec![0f32; rows * left],
            next: vec![0f32; rows * left],
            cell: vec![0f32; rows * width],
            sums: Buffer::zeros(if narrow {
                rows * tile
            } else {
                AHEAD * blocks * tile
            }),
            ahead: vec![0f32; if narrow { 0 } else { AHEAD * self.d_input }],
            saved: Buffer::with_capacity(if self.save { kept } else { 0 }),
            width,
            left,
        };
        let mut finals = vec![0f32; rows * shape.directions * 2 * d];
        for direction in 0..shape.directions {
            for (slot, &row) in self.order.iter().enumerate() {
                let parts = [(&mut walk.hidden, left), (&mut walk.cell, width)];
                for (part, (values, stride)) in parts.into_iter().enumerate() {
                    let from = shape.state_row(part, direction, self.first_row + row);
                    values[slot * stride..][..d]
                        .copy_from_slice(&self.inputs.state[from..from + d]);
                }
            }
            let weights = &self.weights[direction];
            // Rows of `sums` that were made ahead, and how many of them are used up.
            let (mut made, mut used) = (0, 0);
            for step in 0..self.longest() {
                let active = running(&self.order, self.lengths, step);
                if narrow {
                    for slot in 0..active {
                        let to = &mut walk.hidden[slot * left + width..][..self.d_input];
                        to.copy_from_slice(self.x(direction, step, slot));
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
                        let place = self.place(direction, step, slot);
                        self.finish(place, block, slot, base + slot * stride, &mut walk);
                    }
                }
                used += active;
                std::mem::swap(&mut walk.hidden, &mut walk.next);
                // The rows that end here.
                for slot in running(&self.order, self.lengths, step + 1)..active {
                    let row = self.order[slot];
                    let finals = &mut finals[(row * shape.directions + direction) * 2 * d..];
                    finals[..d].copy_from_slice(&walk.hidden[slot * left..][..d]);
                    finals[d..2 * d].copy_from_slice(&walk.cell[slot * width..][..d]);
                }
            }
        }
        (finals, walk.saved)
    }
}

impl<S: Simd> Task<'_, S> {
    fn longest(&self) -> usize {
        self.order.first().map_or(0, |&row| self.lengths[row])
    }

    /// Index in the task's output `[rows, length, directions]` of a step of the row in `slot`.
    #[inline(always)]
    fn place(&self, direction: usize, step: usize, slot: usize) -> usize {
        let row = self.order[slot];
        self.shape.place(direction, step, row, self.lengths[row])
    }

    /// What a step of the row in `slot` reads.
    #[inline(always)]
    fn x(&self, direction: usize, step: usize, slot: usize) -> &[f32] {
        let row = self.order[slot];
        let own = self.lengths[row];
        let at = self
            .shape
            .position(direction, step, self.first_row + row, own);
        &self.inputs.x[at * self.d_input..][..self.d_input]
    }

    /// Puts `x W_ih + b` of the steps from `step` on into the sums, as many as there is room for; returns how many rows that are.
    #[inline(always)]
    fn make_ahead(&self, direction: usize, step: usize, walk: &mut Walk) -> usize {
        let weights = &self.weights[direction];
        let mut rows = 0;
        for step in step..self.longest() {
            let active = running(&self.order, self.lengths, step);
            if rows + active > AHEAD {
                break;
            }
            for slot in 0..active {
                let to = &mut walk.ahead[(rows + slot) * self.d_input..][..self.d_input];
                to.copy_from_slice(self.x(direction, step, slot));
            }
            rows += active;
        }
        if let Some(ahead) = &weights.ahead {
            let tile = GATES * S::F32_LANES;
            let stride = walk.width * GATES;
            let sums = walk.sums.get_mut();
            for block in 0..walk.width / S::F32_LANES {
                let sums = &mut sums[block * tile..];
                for row in 0..rows {
                    weights.bias.copy_tile(block, &mut sums[row * stride..]);
                }
                ahead.add_tile(block, rows, (&walk.ahead, self.d_input), (sums, stride));
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
