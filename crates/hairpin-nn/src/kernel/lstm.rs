//! The LSTM recurrence on plain slices: forward, and backward through time.
//!
//! Everything that does not depend on the previous step, `x W_ih`, is one large product outside. What is left per step is
//! `h W_hh + b` and the gates. A task owns a few rows of the batch and walks both directions alone: there is no synchronisation
//! inside, and since the rows of a task are fixed, results do not depend on the number of threads.
//!
//! Within a task four gate vectors times a few rows are kept in registers over the whole product, so that gates are applied
//! before anything is written. Rows are visited longest first: the rows still running at a step are a prefix, and a padded
//! position is never computed at all.

use super::gates::{sigmoid, tanh};
use pulp::Simd;
use rayon::prelude::*;

/// Rows of one task. Fixed, so that the same rows meet in one task at any number of threads.
const TASK_ROWS: usize = 8;

/// Number of gates: input, forget, cell candidate, output (PyTorch's order).
const GATES: usize = 4;

/// Sizes of a recurrence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) batch: usize,
    pub(crate) length: usize,
    pub(crate) d_hidden: usize,
    pub(crate) directions: usize,
}

impl Shape {
    /// Floats per example of the input gates `[length, directions, 4, d_hidden]`.
    fn gates(&self) -> usize {
        self.length * self.directions * GATES * self.d_hidden
    }
    /// Floats per example of the output `[length, directions, d_hidden]`.
    pub(crate) fn output(&self) -> usize {
        self.length * self.directions * self.d_hidden
    }
    /// Floats per example of what backward keeps `[length, directions, 5, d_hidden]`: the four gates and the cell.
    fn saved(&self) -> usize {
        self.length * self.directions * (GATES + 1) * self.d_hidden
    }
    /// Floats of a packed state `[2, directions, batch, d_hidden]`: hidden, then cell.
    pub(crate) fn state(&self) -> usize {
        2 * self.directions * self.batch * self.d_hidden
    }
    /// Offset in a packed state of one row of hidden (0) or cell (1).
    fn state_row(&self, part: usize, direction: usize, row: usize) -> usize {
        ((part * self.directions + direction) * self.batch + row) * self.d_hidden
    }
}

/// What the recurrence reads.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// `x W_ih`, `[batch, length, directions, 4, d_hidden]`.
    pub(crate) gates: &'a [f32],
    /// `b`, `[directions, 4, d_hidden]`.
    pub(crate) bias: &'a [f32],
    /// `W_hh`, `[directions, d_hidden, 4 d_hidden]`.
    pub(crate) weight_hh: &'a [f32],
    /// Initial hidden and cell, `[2, directions, batch, d_hidden]`.
    pub(crate) state: &'a [f32],
    /// Steps of each row, `1..=length`.
    pub(crate) lengths: &'a [usize],
}

/// What the forward pass leaves.
pub(crate) struct Forward {
    /// `[batch, length, directions, d_hidden]`, zero beyond each row's length.
    pub(crate) output: Vec<f32>,
    /// Last hidden and cell of each row, `[2, directions, batch, d_hidden]`.
    pub(crate) state: Vec<f32>,
    /// Gates and cells for the backward pass; empty unless asked for.
    pub(crate) saved: Vec<f32>,
}

/// What the backward pass leaves.
pub(crate) struct Backward {
    /// Gradient of the input gates, `[batch, length, directions, 4, d_hidden]`, zero beyond each row's length.
    pub(crate) gates: Vec<f32>,
    /// The hidden state each step started from, `[batch, length, directions, d_hidden]`: `dW_hh` is its transpose times `gates`.
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
    /// Steps of each row.
    pub(crate) lengths: &'a [usize],
    /// Forward's output.
    pub(crate) output: &'a [f32],
    /// Forward's `saved`.
    pub(crate) saved: &'a [f32],
    /// Gradient of the output.
    pub(crate) d_output: &'a [f32],
    /// Gradient of the final state.
    pub(crate) d_state: &'a [f32],
}

/// Position in the string that step `step` of a row reads: the reverse direction starts at the row's own last position.
#[inline(always)]
fn position(direction: usize, step: usize, length: usize) -> usize {
    if direction == 0 {
        step
    } else {
        length - 1 - step
    }
}

/// Rows of a task from longest to shortest, stable.
fn longest_first(lengths: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
    order
}

#[inline(always)]
fn load<S: Simd>(simd: S, slice: &[f32], start: usize, end: usize) -> S::f32s {
    if start + S::F32_LANES <= end {
        let (head, _) = S::as_simd_f32s(&slice[start..start + S::F32_LANES]);
        head[0]
    } else {
        simd.partial_load_f32s(&slice[start..end])
    }
}

#[inline(always)]
fn store<S: Simd>(simd: S, slice: &mut [f32], start: usize, end: usize, value: S::f32s) {
    if start + S::F32_LANES <= end {
        let (head, _) = S::as_mut_simd_f32s(&mut slice[start..start + S::F32_LANES]);
        head[0] = value;
    } else {
        simd.partial_store_f32s(&mut slice[start..end], value);
    }
}

/// Rows that share one pass over the weights: as many as the registers hold beside four gate vectors.
#[inline(always)]
fn block_rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 4 } else { 2 }
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
        let weights = pack_forward(simd, shape, inputs.weight_hh);
        let mut output = vec![0f32; shape.batch * shape.output()];
        let mut saved = vec![0f32; if save { shape.batch * shape.saved() } else { 0 }];
        let mut saved_chunks = saved.chunks_mut((TASK_ROWS * shape.saved()).max(1));
        let tasks: Vec<ForwardTask<'_, S>> = output
            .chunks_mut(TASK_ROWS * shape.output())
            .zip(inputs.gates.chunks(TASK_ROWS * shape.gates()))
            .enumerate()
            .map(|(index, (output, gates))| ForwardTask {
                simd,
                shape,
                first_row: index * TASK_ROWS,
                weights: &weights,
                bias: inputs.bias,
                state: inputs.state,
                lengths: &inputs.lengths
                    [index * TASK_ROWS..shape.batch.min((index + 1) * TASK_ROWS)],
                gates,
                output,
                saved: saved_chunks.next(),
            })
            .collect();
        let finals: Vec<Vec<f32>> = tasks
            .into_par_iter()
            .map(|task| simd.vectorize(task))
            .collect();
        let mut state = vec![0f32; shape.state()];
        scatter_states(shape, &finals, &mut state);
        Forward {
            output,
            state,
            saved,
        }
    }
}

/// Puts the tasks' states `[rows, directions, 2, d_hidden]` into one `[2, directions, batch, d_hidden]`.
fn scatter_states(shape: Shape, tasks: &[Vec<f32>], state: &mut [f32]) {
    let rows = tasks
        .iter()
        .flat_map(|task| task.chunks_exact(shape.directions * 2 * shape.d_hidden));
    for (row, values) in rows.enumerate() {
        for (index, part) in values.chunks_exact(shape.d_hidden).enumerate() {
            let at = shape.state_row(index % 2, index / 2, row);
            state[at..at + shape.d_hidden].copy_from_slice(part);
        }
    }
}

/// `W_hh` by direction, block of hidden units, input unit, gate: `[directions][blocks][d_hidden][4]` vectors, zero-padded.
#[inline(always)]
fn pack_forward<S: Simd>(simd: S, shape: Shape, weight_hh: &[f32]) -> Vec<S::f32s> {
    let d = shape.d_hidden;
    let mut packed = Vec::with_capacity(shape.directions * d.div_ceil(S::F32_LANES) * d * GATES);
    for direction in weight_hh.chunks_exact(d * GATES * d) {
        for start in (0..d).step_by(S::F32_LANES) {
            for row in direction.chunks_exact(GATES * d) {
                for gate in row.chunks_exact(d) {
                    packed.push(load(simd, gate, start, d));
                }
            }
        }
    }
    packed
}

/// `W_hh` transposed, by direction and block of input units: `[directions][blocks][4 d_hidden]` vectors, zero-padded.
#[inline(always)]
fn pack_backward<S: Simd>(simd: S, shape: Shape, weight_hh: &[f32]) -> Vec<S::f32s> {
    let d = shape.d_hidden;
    let mut packed = Vec::with_capacity(shape.directions * d.div_ceil(S::F32_LANES) * d * GATES);
    let mut column = vec![0f32; d];
    for direction in weight_hh.chunks_exact(d * GATES * d) {
        for start in (0..d).step_by(S::F32_LANES) {
            for n in 0..GATES * d {
                let end = d.min(start + S::F32_LANES);
                for (k, value) in column.iter_mut().enumerate().take(end).skip(start) {
                    *value = direction[k * GATES * d + n];
                }
                packed.push(load(simd, &column, start, d));
            }
        }
    }
    packed
}

struct ForwardTask<'a, S: Simd> {
    simd: S,
    shape: Shape,
    first_row: usize,
    weights: &'a [S::f32s],
    bias: &'a [f32],
    state: &'a [f32],
    lengths: &'a [usize],
    gates: &'a [f32],
    output: &'a mut [f32],
    saved: Option<&'a mut [f32]>,
}

impl<S: Simd> pulp::NullaryFnOnce for ForwardTask<'_, S> {
    /// Final states of the task's rows, `[rows, directions, 2, d_hidden]`.
    type Output = Vec<f32>;

    #[inline(always)]
    fn call(mut self) -> Vec<f32> {
        let (shape, simd) = (self.shape, self.simd);
        let d = shape.d_hidden;
        let blocks = d.div_ceil(S::F32_LANES);
        let width = blocks * S::F32_LANES;
        let order = longest_first(self.lengths);
        let rows = order.len();
        let mut finals = vec![0f32; rows * shape.directions * 2 * d];
        let mut hidden = vec![0f32; rows * width];
        let mut next = vec![0f32; rows * width];
        let mut cell = vec![simd.splat_f32s(0.0); rows * blocks];
        for direction in 0..shape.directions {
            for (slot, &row) in order.iter().enumerate() {
                let h0 = shape.state_row(0, direction, self.first_row + row);
                let c0 = shape.state_row(1, direction, self.first_row + row);
                hidden[slot * width..slot * width + d].copy_from_slice(&self.state[h0..h0 + d]);
                for block in 0..blocks {
                    cell[slot * blocks + block] =
                        load(simd, &self.state[c0..c0 + d], block * S::F32_LANES, d);
                }
            }
            let weights = &self.weights[direction * blocks * d * GATES..][..blocks * d * GATES];
            let mut active = rows;
            for step in 0..order.first().map_or(0, |&row| self.lengths[row]) {
                while self.lengths[order[active - 1]] <= step {
                    active -= 1;
                }
                for (block, weights) in weights.chunks_exact(d * GATES).enumerate() {
                    let mut slot = 0;
                    while slot < active {
                        let step = Step {
                            direction,
                            step,
                            block,
                            blocks,
                            order: &order,
                            slot,
                        };
                        if block_rows::<S>() == 4 && slot + 4 <= active {
                            self.block::<4>(step, weights, &hidden, &mut next, &mut cell);
                            slot += 4;
                        } else if slot + 2 <= active {
                            self.block::<2>(step, weights, &hidden, &mut next, &mut cell);
                            slot += 2;
                        } else {
                            self.block::<1>(step, weights, &hidden, &mut next, &mut cell);
                            slot += 1;
                        }
                    }
                }
                std::mem::swap(&mut hidden, &mut next);
                for slot in (0..active).rev() {
                    let row = order[slot];
                    if self.lengths[row] > step + 1 {
                        break;
                    }
                    let at = (row * shape.directions + direction) * 2 * d;
                    finals[at..at + d].copy_from_slice(&hidden[slot * width..slot * width + d]);
                    for block in 0..blocks {
                        let value = cell[slot * blocks + block];
                        store(
                            simd,
                            &mut finals[at + d..at + 2 * d],
                            block * S::F32_LANES,
                            d,
                            value,
                        );
                    }
                }
            }
        }
        finals
    }
}

/// Where a block of rows stands.
#[derive(Clone, Copy)]
struct Step<'a> {
    direction: usize,
    step: usize,
    block: usize,
    blocks: usize,
    order: &'a [usize],
    slot: usize,
}

impl<S: Simd> ForwardTask<'_, S> {
    /// One step of `R` rows for one vector of hidden units.
    #[inline(always)]
    fn block<const R: usize>(
        &mut self,
        at: Step<'_>,
        weights: &[S::f32s],
        hidden: &[f32],
        next: &mut [f32],
        cell: &mut [S::f32s],
    ) {
        let (shape, simd) = (self.shape, self.simd);
        let d = shape.d_hidden;
        let width = at.blocks * S::F32_LANES;
        let start = at.block * S::F32_LANES;
        let place: [usize; R] = std::array::from_fn(|r| {
            let row = at.order[at.slot + r];
            (row * shape.length + position(at.direction, at.step, self.lengths[row]))
                * shape.directions
                + at.direction
        });
        let mut acc: [[S::f32s; GATES]; R] = std::array::from_fn(|r| {
            let gates = &self.gates[place[r] * GATES * d..][..GATES * d];
            let bias = &self.bias[at.direction * GATES * d..][..GATES * d];
            std::array::from_fn(|g| {
                simd.add_f32s(
                    load(simd, &gates[g * d..(g + 1) * d], start, d),
                    load(simd, &bias[g * d..(g + 1) * d], start, d),
                )
            })
        });
        let h: [&[f32]; R] = std::array::from_fn(|r| &hidden[(at.slot + r) * width..][..d]);
        for (k, w) in weights.chunks_exact(GATES).enumerate().take(d) {
            for r in 0..R {
                let hk = simd.splat_f32s(h[r][k]);
                for g in 0..GATES {
                    acc[r][g] = simd.mul_add_e_f32s(w[g], hk, acc[r][g]);
                }
            }
        }
        for r in 0..R {
            let slot = at.slot + r;
            let i = sigmoid(simd, acc[r][0]);
            let f = sigmoid(simd, acc[r][1]);
            let g = tanh(simd, acc[r][2]);
            let o = sigmoid(simd, acc[r][3]);
            let c = &mut cell[slot * at.blocks + at.block];
            *c = simd.mul_add_e_f32s(f, *c, simd.mul_f32s(i, g));
            let h = simd.mul_f32s(o, tanh(simd, *c));
            store(
                simd,
                &mut next[slot * width..(slot + 1) * width],
                start,
                width,
                h,
            );
            store(simd, &mut self.output[place[r] * d..][..d], start, d, h);
            if let Some(saved) = &mut self.saved {
                let saved = &mut saved[place[r] * (GATES + 1) * d..][..(GATES + 1) * d];
                for (index, value) in [i, f, g, o, *c].into_iter().enumerate() {
                    store(
                        simd,
                        &mut saved[index * d..(index + 1) * d],
                        start,
                        d,
                        value,
                    );
                }
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
        let weights = pack_backward(simd, shape, inputs.weight_hh);
        let mut gates = vec![0f32; shape.batch * shape.gates()];
        let mut previous = vec![0f32; shape.batch * shape.output()];
        let tasks: Vec<BackwardTask<'_, S>> = gates
            .chunks_mut(TASK_ROWS * shape.gates())
            .zip(previous.chunks_mut(TASK_ROWS * shape.output()))
            .enumerate()
            .map(|(index, (d_gates, previous))| {
                let first_row = index * TASK_ROWS;
                let rows = first_row..shape.batch.min(first_row + TASK_ROWS);
                BackwardTask {
                    simd,
                    shape,
                    first_row,
                    weights: &weights,
                    lengths: &inputs.lengths[rows.clone()],
                    output: &inputs.output[rows.start * shape.output()..rows.end * shape.output()],
                    saved: &inputs.saved[rows.start * shape.saved()..rows.end * shape.saved()],
                    d_output: &inputs.d_output
                        [rows.start * shape.output()..rows.end * shape.output()],
                    inputs,
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
        let mut state = vec![0f32; shape.state()];
        scatter_states(shape, &initials, &mut state);
        let mut bias = vec![0f32; shape.directions * GATES * shape.d_hidden];
        for part in biases {
            for (sum, value) in bias.iter_mut().zip(part) {
                *sum += value;
            }
        }
        Backward {
            gates,
            previous,
            bias,
            state,
        }
    }
}

struct BackwardTask<'a, S: Simd> {
    simd: S,
    shape: Shape,
    first_row: usize,
    weights: &'a [S::f32s],
    inputs: BackwardInputs<'a>,
    lengths: &'a [usize],
    output: &'a [f32],
    saved: &'a [f32],
    d_output: &'a [f32],
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
        let mut d_bias = vec![0f32; shape.directions * GATES * d];
        let order = longest_first(self.lengths);
        let rows = order.len();
        // Gradients of hidden and cell that flow from a step to the one before it, `[rows, directions, 2, d_hidden]`.
        let mut flow = vec![0f32; rows * shape.directions * 2 * d];
        for row in 0..rows {
            for direction in 0..shape.directions {
                for part in 0..2 {
                    let from = shape.state_row(part, direction, self.first_row + row);
                    let to = ((row * shape.directions + direction) * 2 + part) * d;
                    flow[to..to + d].copy_from_slice(&self.inputs.d_state[from..from + d]);
                }
            }
        }
        let per_direction = d.div_ceil(S::F32_LANES) * GATES * d;
        for direction in 0..shape.directions {
            let weights = &self.weights[direction * per_direction..][..per_direction];
            let mut active = 0;
            for step in (0..order.first().map_or(0, |&row| self.lengths[row])).rev() {
                while active < rows && self.lengths[order[active]] > step {
                    active += 1;
                }
                for &row in &order[..active] {
                    self.cell(
                        direction,
                        step,
                        row,
                        &mut flow,
                        &mut d_bias[direction * GATES * d..][..GATES * d],
                    );
                }
                let mut slot = 0;
                while slot < active {
                    if block_rows::<S>() == 4 && slot + 4 <= active {
                        self.recur::<4>(direction, step, &order[slot..], weights, &mut flow);
                        slot += 4;
                    } else if slot + 2 <= active {
                        self.recur::<2>(direction, step, &order[slot..], weights, &mut flow);
                        slot += 2;
                    } else {
                        self.recur::<1>(direction, step, &order[slot..], weights, &mut flow);
                        slot += 1;
                    }
                }
            }
        }
        (flow, d_bias)
    }
}

impl<S: Simd> BackwardTask<'_, S> {
    /// Gradients of one row's gates and of the cell before, from those of its hidden state and cell.
    #[inline(always)]
    fn cell(
        &mut self,
        direction: usize,
        step: usize,
        row: usize,
        flow: &mut [f32],
        d_bias: &mut [f32],
    ) {
        let (shape, simd) = (self.shape, self.simd);
        let d = shape.d_hidden;
        let place = |step| {
            (row * shape.length + position(direction, step, self.lengths[row])) * shape.directions
                + direction
        };
        let here = place(step);
        let saved = &self.saved[here * (GATES + 1) * d..][..(GATES + 1) * d];
        let (h_before, c_before) = if step == 0 {
            let h0 = shape.state_row(0, direction, self.first_row + row);
            let c0 = shape.state_row(1, direction, self.first_row + row);
            (
                &self.inputs.state[h0..h0 + d],
                &self.inputs.state[c0..c0 + d],
            )
        } else {
            let before = place(step - 1);
            (
                &self.output[before * d..(before + 1) * d],
                &self.saved[(before * (GATES + 1) + GATES) * d..][..d],
            )
        };
        self.previous[here * d..(here + 1) * d].copy_from_slice(h_before);
        let d_output = &self.d_output[here * d..(here + 1) * d];
        let d_gates = &mut self.d_gates[here * GATES * d..(here + 1) * GATES * d];
        let flow = &mut flow[(row * shape.directions + direction) * 2 * d..][..2 * d];
        let (flow_h, flow_c) = flow.split_at_mut(d);
        let one = simd.splat_f32s(1.0);
        for start in (0..d).step_by(S::F32_LANES) {
            let part = |index: usize| load(simd, &saved[index * d..(index + 1) * d], start, d);
            let (i, f, g, o) = (part(0), part(1), part(2), part(3));
            let c = tanh(simd, part(4));
            let dh = simd.add_f32s(load(simd, d_output, start, d), load(simd, flow_h, start, d));
            // dc = flow + dh · o · (1 - tanh² c)
            let through = simd.mul_f32s(
                simd.mul_f32s(dh, o),
                simd.sub_f32s(one, simd.mul_f32s(c, c)),
            );
            let dc = simd.add_f32s(load(simd, flow_c, start, d), through);
            let slope = |gate| simd.mul_f32s(gate, simd.sub_f32s(one, gate));
            let c_before = load(simd, c_before, start, d);
            let grads = [
                simd.mul_f32s(simd.mul_f32s(dc, g), slope(i)),
                simd.mul_f32s(simd.mul_f32s(dc, c_before), slope(f)),
                simd.mul_f32s(
                    simd.mul_f32s(dc, i),
                    simd.sub_f32s(one, simd.mul_f32s(g, g)),
                ),
                simd.mul_f32s(simd.mul_f32s(dh, c), slope(o)),
            ];
            for (gate, value) in grads.into_iter().enumerate() {
                store(
                    simd,
                    &mut d_gates[gate * d..(gate + 1) * d],
                    start,
                    d,
                    value,
                );
                let d_bias = &mut d_bias[gate * d..(gate + 1) * d];
                let sum = simd.add_f32s(load(simd, d_bias, start, d), value);
                store(simd, d_bias, start, d, sum);
            }
            store(simd, flow_c, start, d, simd.mul_f32s(dc, f));
        }
    }

    /// `dh_before = dgates W_hhᵀ` for `R` rows.
    #[inline(always)]
    fn recur<const R: usize>(
        &self,
        direction: usize,
        step: usize,
        order: &[usize],
        weights: &[S::f32s],
        flow: &mut [f32],
    ) {
        /// Vectors of hidden units that share one pass over the gate gradients.
        const WIDE: usize = 4;
        let (shape, simd) = (self.shape, self.simd);
        let d = shape.d_hidden;
        let d_gates: [&[f32]; R] = std::array::from_fn(|r| {
            let row = order[r];
            let place = (row * shape.length + position(direction, step, self.lengths[row]))
                * shape.directions
                + direction;
            &self.d_gates[place * GATES * d..][..GATES * d]
        });
        let mut write = |r: usize, block: usize, value: S::f32s| {
            let at = (order[r] * shape.directions + direction) * 2 * d;
            store(simd, &mut flow[at..at + d], block * S::F32_LANES, d, value);
        };
        let column = GATES * d;
        let mut groups = weights.chunks_exact(WIDE * column);
        for (group, weights) in groups.by_ref().enumerate() {
            let w: [&[S::f32s]; WIDE] = std::array::from_fn(|v| &weights[v * column..][..column]);
            let mut acc = [[simd.splat_f32s(0.0); WIDE]; R];
            for n in 0..column {
                for r in 0..R {
                    let gradient = simd.splat_f32s(d_gates[r][n]);
                    for v in 0..WIDE {
                        acc[r][v] = simd.mul_add_e_f32s(w[v][n], gradient, acc[r][v]);
                    }
                }
            }
            for (r, acc) in acc.into_iter().enumerate() {
                for (v, value) in acc.into_iter().enumerate() {
                    write(r, group * WIDE + v, value);
                }
            }
        }
        let done = weights.len() / (WIDE * column) * WIDE;
        for (block, w) in groups.remainder().chunks_exact(column).enumerate() {
            let mut acc = [simd.splat_f32s(0.0); R];
            for (n, &w) in w.iter().enumerate() {
                for r in 0..R {
                    acc[r] = simd.mul_add_e_f32s(w, simd.splat_f32s(d_gates[r][n]), acc[r]);
                }
            }
            for (r, value) in acc.into_iter().enumerate() {
                write(r, done + block, value);
            }
        }
    }
}
