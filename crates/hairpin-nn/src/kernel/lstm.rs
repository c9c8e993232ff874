//! The LSTM recurrence on plain slices: forward, and backward through time.
//!
//! With a wide input everything that does not depend on the previous step, `x W_ih`, is one large product outside, and what is left
//! per step is `h W_hh + b` and the gates. A narrow input, such as one-hot bases, is rather taken into the step's own product, as
//! `[h x] [W_hh; W_ih]`: its gates would be many times larger than itself, and are never written. A task owns a few rows of the batch and walks both directions alone: there is no synchronisation
//! inside, and since the rows of a task are fixed, results do not depend on the number of threads.
//!
//! Rows are visited longest first: the rows still running at a step are a prefix, and a padded position is never computed at all. A
//! step is, for one vector of hidden units after the other, the product of the running rows with its four gates' weights, then the
//! gates: one vector's gates run while the next one's product begins. What the backward pass needs is kept in the order of the steps,
//! so that it is read back as one stream.

use super::gates::{sigmoid, slope, tanh};
use super::product::{Aligned, Packed, load, store};
use super::rows::{self, Forward, TASK_ROWS, longest_first, sum_parts};
use pulp::{Simd, bytemuck::cast_slice};
use rayon::prelude::*;

/// Number of gates: input, forget, cell candidate, output (PyTorch's order).
const GATES: usize = 4;

/// Vectors kept for the backward pass per vector of hidden units: the four gates and the cell.
const KEPT: usize = GATES + 1;

/// Sizes of a recurrence; the state is hidden and cell.
pub(crate) type Shape = rows::Shape<GATES, 2>;

/// What the recurrence reads.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// Where the input comes in.
    pub(crate) input: Input<'a>,
    /// `b`, `[directions, 4, d_hidden]`.
    pub(crate) bias: &'a [f32],
    /// `W_hh`, `[directions, d_hidden, 4 d_hidden]`.
    pub(crate) weight_hh: &'a [f32],
    /// Initial hidden and cell, `[2, directions, batch, d_hidden]`.
    pub(crate) state: &'a [f32],
    /// Steps of each row, `1..=length`.
    pub(crate) lengths: &'a [usize],
}

/// The input of a recurrence.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// `x W_ih`, `[batch, length, directions, 4, d_hidden]`.
    Gates(&'a [f32]),
    /// `x` `[batch, length, d_input]`, and `W_ih` `[d_input, directions, 4, d_hidden]`.
    Narrow { x: &'a [f32], weight_ih: &'a [f32] },
}

/// What the backward pass leaves.
pub(crate) struct Backward {
    /// Gradient of the input gates, `[batch, length, directions, 4, d_hidden]`, zero beyond each row's length.
    pub(crate) gates: Vec<f32>,
    /// The hidden state each step started from and the narrow input it read, `[batch, length, directions, d_hidden + d_input]`: the
    /// gradient of `[W_hh; W_ih]` is its transpose times `gates`.
    pub(crate) previous: Vec<f32>,
    /// Gradient of the bias, `[directions, 4, d_hidden]`.
    pub(crate) bias: Vec<f32>,
    /// Gradient of the initial state, `[2, directions, batch, d_hidden]`.
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

/// What the backward pass reads.
#[derive(Clone, Copy)]
pub(crate) struct BackwardInputs<'a> {
    /// `W_hh`, `[directions, d_hidden, 4 d_hidden]`.
    pub(crate) weight_hh: &'a [f32],
    /// Initial hidden and cell, `[2, directions, batch, d_hidden]`.
    pub(crate) state: &'a [f32],
    /// The narrow input `[batch, length, d_input]`; empty where gates came in.
    pub(crate) x: &'a [f32],
    /// Steps of each row.
    pub(crate) lengths: &'a [usize],
    /// Forward's output.
    pub(crate) output: &'a [f32],
    /// Forward's `saved`.
    pub(crate) saved: &'a [Vec<f32>],
    /// Gradient of the output.
    pub(crate) d_output: &'a [f32],
    /// Gradient of the final state.
    pub(crate) d_state: &'a [f32],
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
        let width = d.next_multiple_of(S::F32_LANES);
        let mut weights = Vec::with_capacity(shape.directions);
        for (direction, weight_hh) in inputs.weight_hh.chunks_exact(GATES * d * d).enumerate() {
            let mut rows = weight_hh.to_vec();
            if let Input::Narrow { weight_ih, .. } = inputs.input {
                // The hidden state is kept in whole vectors, the input behind it.
                rows.resize(width * GATES * d, 0.0);
                for row in weight_ih.chunks_exact(shape.directions * GATES * d) {
                    rows.extend_from_slice(&row[direction * GATES * d..][..GATES * d]);
                }
            }
            weights.push(Packed::by_unit(simd, &rows, d));
        }
        let mut output = vec![0f32; shape.batch * shape.output()];
        let tasks: Vec<ForwardTask<'_, S>> = output
            .chunks_mut(TASK_ROWS * shape.output())
            .zip(inputs.lengths.chunks(TASK_ROWS))
            .enumerate()
            .map(|(index, (output, lengths))| ForwardTask {
                simd,
                shape,
                first_row: index * TASK_ROWS,
                weights: &weights,
                inputs,
                lengths,
                output,
                save,
            })
            .collect();
        let done: Vec<(Vec<f32>, Vec<f32>)> = tasks
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
    /// By direction.
    weights: &'a [Packed<S>],
    inputs: Inputs<'a>,
    lengths: &'a [usize],
    output: &'a mut [f32],
    save: bool,
}

impl<S: Simd> pulp::NullaryFnOnce for ForwardTask<'_, S> {
    /// Final states of the task's rows, `[rows, directions, 2, d_hidden]`, and what is saved of its steps, as vectors
    /// `[direction][step][block][running row][kept]`.
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn call(mut self) -> (Vec<f32>, Vec<f32>) {
        let shape = self.shape;
        let d = shape.d_hidden;
        let width = d.next_multiple_of(S::F32_LANES);
        let order = longest_first(self.lengths);
        let rows = order.len();
        let steps: usize = self.lengths.iter().sum();
        let kept = shape.directions * steps * width * KEPT;
        let d_input = match self.inputs.input {
            Input::Gates(_) => 0,
            Input::Narrow { x, .. } => x.len() / (shape.batch * shape.length),
        };
        let left = width + d_input;
        let mut walk = Walk {
            hidden: vec![0f32; rows * left],
            next: vec![0f32; rows * left],
            cell: vec![0f32; rows * width],
            saved: Aligned::with_capacity(if self.save { kept } else { 0 }),
            width,
            left,
        };
        let stride = GATES * S::F32_LANES;
        // One tile of sums per row.
        let mut sums = vec![0f32; rows * stride];
        let mut finals = vec![0f32; rows * shape.directions * 2 * d];
        for direction in 0..shape.directions {
            for (slot, &row) in order.iter().enumerate() {
                let parts = [(&mut walk.hidden, left), (&mut walk.cell, width)];
                for (part, (values, stride)) in parts.into_iter().enumerate() {
                    let from = shape.state_row(part, direction, self.first_row + row);
                    values[slot * stride..][..d]
                        .copy_from_slice(&self.inputs.state[from..from + d]);
                }
            }
            let weights = &self.weights[direction];
            let mut active = rows;
            for step in 0..order.first().map_or(0, |&row| self.lengths[row]) {
                while self.lengths[order[active - 1]] <= step {
                    active -= 1;
                }
                if let Input::Narrow { x, .. } = self.inputs.input {
                    for (slot, &row) in order[..active].iter().enumerate() {
                        let at = shape.position(
                            direction,
                            step,
                            self.first_row + row,
                            self.lengths[row],
                        );
                        walk.hidden[slot * left + width..][..d_input]
                            .copy_from_slice(&x[at * d_input..][..d_input]);
                    }
                }
                for block in 0..width / S::F32_LANES {
                    for (slot, &row) in order[..active].iter().enumerate() {
                        let place = shape.place(direction, step, row, self.lengths[row]);
                        self.start(
                            direction,
                            place,
                            block,
                            &mut sums[slot * stride..][..stride],
                        );
                    }
                    weights.add_tile(block, active, (&walk.hidden, left), (&mut sums, stride));
                    for (slot, &row) in order[..active].iter().enumerate() {
                        let place = shape.place(direction, step, row, self.lengths[row]);
                        self.finish(
                            place,
                            block,
                            slot,
                            &sums[slot * stride..][..stride],
                            &mut walk,
                        );
                    }
                }
                std::mem::swap(&mut walk.hidden, &mut walk.next);
                for (slot, &row) in order[..active].iter().enumerate().rev() {
                    if self.lengths[row] > step + 1 {
                        break;
                    }
                    let finals = &mut finals[(row * shape.directions + direction) * 2 * d..];
                    finals[..d].copy_from_slice(&walk.hidden[slot * left..][..d]);
                    finals[d..2 * d].copy_from_slice(&walk.cell[slot * width..][..d]);
                }
            }
        }
        (finals, walk.saved.into_vec())
    }
}

/// What a task carries from step to step.
struct Walk {
    /// Hidden state and narrow input, `[rows, left]`.
    hidden: Vec<f32>,
    /// The hidden state that a step makes while it reads the one before, `[rows, left]`.
    next: Vec<f32>,
    /// `[rows, width]`.
    cell: Vec<f32>,
    saved: Aligned,
    /// `d_hidden` in whole vectors.
    width: usize,
    /// The inner dimension of a step's product: `width` and the narrow input's.
    left: usize,
}

impl<S: Simd> ForwardTask<'_, S> {
    /// What stands in the sums of one row and vector of hidden units before the product: the bias and the input's gates, if any.
    #[inline(always)]
    fn start(&self, direction: usize, place: usize, block: usize, sums: &mut [f32]) {
        let (simd, d) = (self.simd, self.shape.d_hidden);
        let start = block * S::F32_LANES;
        let bias = &self.inputs.bias[direction * GATES * d..][..GATES * d];
        let (sums, _) = S::as_mut_simd_f32s(sums);
        for gate in 0..GATES {
            sums[gate] = load(simd, &bias[gate * d..][..d], start, d);
        }
        if let Input::Gates(gates) = self.inputs.input {
            let place = place + self.first_row * self.shape.length * self.shape.directions;
            let gates = &gates[place * GATES * d..][..GATES * d];
            for gate in 0..GATES {
                let own = load(simd, &gates[gate * d..][..d], start, d);
                sums[gate] = simd.add_f32s(own, sums[gate]);
            }
        }
    }

    /// Gates, cell and hidden state of one row and vector of hidden units.
    #[inline(always)]
    fn finish(&mut self, place: usize, block: usize, slot: usize, sums: &[f32], walk: &mut Walk) {
        let (simd, d) = (self.simd, self.shape.d_hidden);
        let width = walk.width;
        let start = block * S::F32_LANES;
        let row = slot * width..(slot + 1) * width;
        let next = &mut walk.next[slot * walk.left..][..width];
        let (sums, _) = S::as_simd_f32s(sums);
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
        let mut weights = Vec::with_capacity(shape.directions);
        for weight_hh in inputs.weight_hh.chunks_exact(GATES * d * d) {
            weights.push(Packed::backward(simd, weight_hh, d, 0..GATES));
        }
        let mut gates = vec![0f32; shape.batch * shape.gates()];
        let positions = shape.length * shape.directions;
        let d_input = inputs.x.len() / (shape.batch * shape.length);
        let mut previous = vec![0f32; shape.batch * positions * (d + d_input)];
        let tasks: Vec<BackwardTask<'_, S>> = gates
            .chunks_mut(TASK_ROWS * shape.gates())
            .zip(previous.chunks_mut(TASK_ROWS * positions * (d + d_input)))
            .zip(inputs.lengths.chunks(TASK_ROWS))
            .zip(inputs.output.chunks(TASK_ROWS * shape.output()))
            .zip(inputs.d_output.chunks(TASK_ROWS * shape.output()))
            .zip(inputs.saved)
            .enumerate()
            .map(|(index, parts)| {
                let (((((d_gates, previous), lengths), output), d_output), saved) = parts;
                BackwardTask {
                    simd,
                    shape,
                    first_row: index * TASK_ROWS,
                    weights: &weights,
                    inputs,
                    lengths,
                    output,
                    d_output,
                    saved,
                    d_gates,
                    previous,
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
            bias: sum_parts(shape.directions * GATES * d, biases),
            state: shape.scatter_states(&initials),
        }
    }
}

struct BackwardTask<'a, S: Simd> {
    simd: S,
    shape: Shape,
    first_row: usize,
    /// By direction.
    weights: &'a [Packed<S>],
    inputs: BackwardInputs<'a>,
    lengths: &'a [usize],
    output: &'a [f32],
    d_output: &'a [f32],
    saved: &'a [f32],
    d_gates: &'a mut [f32],
    previous: &'a mut [f32],
}

impl<S: Simd> pulp::NullaryFnOnce for BackwardTask<'_, S> {
    /// Gradients of the initial states of the task's rows, `[rows, directions, 2, d_hidden]`, and its part of the bias's.
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn call(mut self) -> (Vec<f32>, Vec<f32>) {
        let shape = self.shape;
        let d = shape.d_hidden;
        let width = d.next_multiple_of(S::F32_LANES);
        let order = longest_first(self.lengths);
        let rows = order.len();
        let mut initials = vec![0f32; rows * shape.directions * 2 * d];
        let mut d_bias = vec![0f32; shape.directions * GATES * d];
        // Per row: the gradients of hidden and cell that flow from a step to the one before it, and of the gates.
        let mut flow_h = vec![0f32; rows * width];
        let mut flow_c = vec![0f32; rows * width];
        let mut grads = vec![0f32; rows * GATES * d];
        let mut saved = self.saved;
        let per_row = width * KEPT;
        // What was saved last is read first.
        for direction in (0..shape.directions).rev() {
            for (slot, &row) in order.iter().enumerate() {
                for (part, values) in [&mut flow_h, &mut flow_c].into_iter().enumerate() {
                    let from = shape.state_row(part, direction, self.first_row + row);
                    let values = &mut values[slot * width..][..width];
                    values[..d].copy_from_slice(&self.inputs.d_state[from..from + d]);
                    values[d..].fill(0.0);
                }
            }
            let mut active = 0;
            for step in (0..order.first().map_or(0, |&row| self.lengths[row])).rev() {
                while active < rows && self.lengths[order[active]] > step {
                    active += 1;
                }
                let (rest, here) = saved.split_at(saved.len() - active * per_row);
                saved = rest;
                // The rows of the step before begin with those of this one.
                let running = |&&row: &&usize| self.lengths[row] >= step;
                let earlier = match step {
                    0 => &[],
                    _ => &rest[rest.len() - order.iter().take_while(running).count() * per_row..],
                };
                for (slot, &row) in order[..active].iter().enumerate() {
                    let at = At {
                        direction,
                        step,
                        row,
                        slot,
                        saved: here,
                        earlier,
                    };
                    self.cell(
                        at,
                        &mut flow_h[slot * width..][..width],
                        &mut flow_c[slot * width..][..width],
                        &mut grads[slot * GATES * d..][..GATES * d],
                        &mut d_bias[direction * GATES * d..][..GATES * d],
                    );
                }
                self.weights[direction].add_product(
                    active,
                    (&grads, GATES * d),
                    (&mut flow_h, width),
                );
            }
            for (slot, &row) in order.iter().enumerate() {
                let initials = &mut initials[(row * shape.directions + direction) * 2 * d..];
                initials[..d].copy_from_slice(&flow_h[slot * width..][..d]);
                initials[d..2 * d].copy_from_slice(&flow_c[slot * width..][..d]);
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
    slot: usize,
    /// What forward kept of this step.
    saved: &'a [f32],
    /// What it kept of the step before; empty at the first.
    earlier: &'a [f32],
}

impl<S: Simd> BackwardTask<'_, S> {
    /// Gradients of one row's gates and of the cell before, from those of its hidden state and cell; leaves zero in `flow_h`.
    #[inline(always)]
    fn cell(
        &mut self,
        at: At<'_>,
        flow_h: &mut [f32],
        flow_c: &mut [f32],
        grads: &mut [f32],
        d_bias: &mut [f32],
    ) {
        let (shape, simd) = (self.shape, self.simd);
        let (d, width) = (shape.d_hidden, flow_h.len());
        let own = self.lengths[at.row];
        let here = shape.place(at.direction, at.step, at.row, own);
        let initial = |part| {
            let from = shape.state_row(part, at.direction, self.first_row + at.row);
            &self.inputs.state[from..from + d]
        };
        let (initial_c, h_before) = if at.step == 0 {
            (initial(1), initial(0))
        } else {
            let from = shape.place(at.direction, at.step - 1, at.row, own) * d;
            (&[][..], &self.output[from..from + d])
        };
        let at_x = shape.position(at.direction, at.step, self.first_row + at.row, own);
        let d_input = self.inputs.x.len() / (shape.batch * shape.length);
        let previous = &mut self.previous[here * (d + d_input)..][..d + d_input];
        previous[..d].copy_from_slice(h_before);
        previous[d..].copy_from_slice(&self.inputs.x[at_x * d_input..][..d_input]);
        let d_output = &self.d_output[here * d..(here + 1) * d];
        let d_gates = &mut self.d_gates[here * GATES * d..(here + 1) * GATES * d];
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
            for (gate, value) in values.into_iter().enumerate() {
                store(simd, &mut grads[gate * d..][..d], start, d, value);
                store(simd, &mut d_gates[gate * d..][..d], start, d, value);
                let d_bias = &mut d_bias[gate * d..][..d];
                let sum = simd.add_f32s(load(simd, d_bias, start, d), value);
                store(simd, d_bias, start, d, sum);
            }
            store(simd, flow_h, start, width, zero);
            store(simd, flow_c, start, width, simd.mul_f32s(dc, f));
        }
    }
}
