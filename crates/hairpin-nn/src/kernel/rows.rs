//! What the recurrent kernels share: sizes, the rows of a task, their order, and where a step stands in a string.

use super::buffer::Buffer;

/// Rows of one task. Fixed, so that the same rows meet in one task at any number of threads.
pub(super) const TASK_ROWS: usize = 8;

/// Rows of some steps whose products with the input, or for the weights' gradient, are computed together: enough for a product of
/// full speed, few enough for the cache.
pub(super) const AHEAD: usize = 64;

/// Sizes of a recurrence with `GATES` gates whose state has `PARTS` parts: hidden, and a cell where there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<const GATES: usize, const PARTS: usize> {
    pub(crate) batch: usize,
    pub(crate) length: usize,
    pub(crate) d_hidden: usize,
    pub(crate) directions: usize,
}

impl<const GATES: usize, const PARTS: usize> Shape<GATES, PARTS> {
    /// Floats per example of the input gates `[length, directions, GATES, d_hidden]`.
    pub(super) fn gates(&self) -> usize {
        self.length * self.directions * GATES * self.d_hidden
    }
    /// Floats per example of the output `[length, directions, d_hidden]`.
    pub(crate) fn output(&self) -> usize {
        self.length * self.directions * self.d_hidden
    }
    /// Floats of a packed state `[PARTS, directions, batch, d_hidden]`.
    pub(crate) fn state(&self) -> usize {
        PARTS * self.directions * self.batch * self.d_hidden
    }
    /// Offset in a packed state of one row of hidden (0) or cell (1).
    pub(super) fn state_row(&self, part: usize, direction: usize, row: usize) -> usize {
        ((part * self.directions + direction) * self.batch + row) * self.d_hidden
    }
    /// Index in `[rows, length, directions]` of what step `step` of a row of `own` steps reads: the reverse direction starts at
    /// the row's own last position.
    #[inline(always)]
    pub(super) fn place(&self, direction: usize, step: usize, row: usize, own: usize) -> usize {
        self.position(direction, step, row, own) * self.directions + direction
    }
    /// Index in `[rows, length]` of what step `step` of a row of `own` steps reads.
    #[inline(always)]
    pub(super) fn position(&self, direction: usize, step: usize, row: usize, own: usize) -> usize {
        row * self.length + if direction == 0 { step } else { own - 1 - step }
    }
    /// Puts the tasks' states `[rows, directions, PARTS, d_hidden]` into one `[PARTS, directions, batch, d_hidden]`.
    pub(super) fn scatter_states(&self, tasks: &[impl AsRef<[f32]>]) -> Vec<f32> {
        let mut state = vec![0f32; self.state()];
        let rows = tasks.iter().flat_map(|task| {
            task.as_ref()
                .chunks_exact(self.directions * PARTS * self.d_hidden)
        });
        for (row, values) in rows.enumerate() {
            for (index, part) in values.chunks_exact(self.d_hidden).enumerate() {
                let at = self.state_row(index % PARTS, index / PARTS, row);
                state[at..at + self.d_hidden].copy_from_slice(part);
            }
        }
        state
    }
}

/// What the forward pass of a recurrence leaves.
pub(crate) struct Forward {
    /// `[batch, length, directions, d_hidden]`, zero beyond each row's length.
    pub(crate) output: Vec<f32>,
    /// Last state of each row, `[PARTS, directions, batch, d_hidden]`.
    pub(crate) state: Vec<f32>,
    /// What the backward pass needs of each task, in the order of its steps; empty unless asked for.
    pub(crate) saved: Vec<Buffer>,
}

/// Rows of a task from longest to shortest, stable: the rows still running at a step are a prefix.
pub(super) fn longest_first(lengths: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
    order
}

/// How many rows, longest first, have a step `step`.
#[inline(always)]
pub(super) fn running(order: &[usize], lengths: &[usize], step: usize) -> usize {
    let ended = order.iter().rev().take_while(|&&row| lengths[row] <= step);
    order.len() - ended.count()
}

/// Sums the tasks' parts of a gradient, in the order of the tasks.
pub(super) fn sum_parts(
    length: usize,
    parts: impl IntoIterator<Item = impl AsRef<[f32]>>,
) -> Vec<f32> {
    let mut total = vec![0f32; length];
    for part in parts {
        for (sum, value) in total.iter_mut().zip(part.as_ref()) {
            *sum += value;
        }
    }
    total
}
