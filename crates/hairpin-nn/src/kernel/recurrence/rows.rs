//! The rows of one task, their order, and where a step stands in a string.
//!
//! A task owns a few rows of the batch and walks both directions alone: there is no synchronisation inside, and since the rows of a
//! task are fixed, results do not depend on the number of threads. Rows are visited longest first: the rows still running at a step are
//! a prefix, and a padded position is never computed at all.

use super::pass::{Inputs, Shape};

/// Rows of one task. Fixed, so that the same rows meet in one task at any number of threads.
pub(super) const TASK_ROWS: usize = 8;

/// Rows of some steps whose products with the input, or for the weights' gradient, are computed together: enough for a product of
/// full speed, few enough for the cache.
pub(super) const AHEAD: usize = 64;

/// The rows of one task. A row is named by its slot: its rank from the longest to the shortest, ties as they stand.
pub(super) struct Rows<'a> {
    shape: Shape,
    inputs: Inputs<'a>,
    /// The first row's index in the batch.
    first: usize,
    /// Steps of each row.
    lengths: &'a [usize],
    /// Row of each slot.
    order: Vec<usize>,
}

impl<'a> Rows<'a> {
    /// Of task `index`, whose rows have these lengths.
    pub(super) fn new(
        shape: Shape,
        inputs: Inputs<'a>,
        index: usize,
        lengths: &'a [usize],
    ) -> Self {
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
        Self {
            shape,
            inputs,
            first: index * TASK_ROWS,
            lengths,
            order,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.lengths.len()
    }

    /// Steps of all rows together.
    pub(super) fn steps(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// Steps of the longest.
    pub(super) fn longest(&self) -> usize {
        self.order.first().map_or(0, |&row| self.lengths[row])
    }

    /// How many have a step `step`.
    #[inline(always)]
    pub(super) fn running(&self, step: usize) -> usize {
        let ended = self
            .order
            .iter()
            .rev()
            .take_while(|&&row| self.lengths[row] <= step);
        self.order.len() - ended.count()
    }

    /// Index in `[rows, length]` of what a step reads: the reverse direction starts at the row's own last position.
    #[inline(always)]
    pub(super) fn position(&self, direction: usize, step: usize, slot: usize) -> usize {
        let row = self.order[slot];
        let own = self.lengths[row];
        row * self.shape.length + if direction == 0 { step } else { own - 1 - step }
    }

    /// Index in `[rows, length, directions]` of what a step writes.
    #[inline(always)]
    pub(super) fn place(&self, direction: usize, step: usize, slot: usize) -> usize {
        self.position(direction, step, slot) * self.shape.directions + direction
    }

    /// What a step reads, `[d_input]`.
    #[inline(always)]
    pub(super) fn x(&self, direction: usize, step: usize, slot: usize) -> &'a [f32] {
        let at = self.first * self.shape.length + self.position(direction, step, slot);
        &self.inputs.x[at * self.shape.d_input..][..self.shape.d_input]
    }

    /// Copies what the steps from `step` on read to `to`, `[AHEAD, d_input]`, whole steps only; returns how many rows that are.
    #[inline(always)]
    pub(super) fn copy_ahead(&self, direction: usize, step: usize, to: &mut [f32]) -> usize {
        let d_input = self.shape.d_input;
        let mut rows = 0;
        for step in step..self.longest() {
            let active = self.running(step);
            if rows + active > AHEAD {
                break;
            }
            for slot in 0..active {
                to[(rows + slot) * d_input..][..d_input]
                    .copy_from_slice(self.x(direction, step, slot));
            }
            rows += active;
        }
        rows
    }

    /// One part of a row's own in a packed state, such as the initial one, `[d_hidden]`.
    #[inline(always)]
    pub(super) fn of_state<'b>(
        &self,
        state: &'b [f32],
        part: usize,
        direction: usize,
        slot: usize,
    ) -> &'b [f32] {
        let row = self.first + self.order[slot];
        &state[self.shape.state_row(part, direction, row)..][..self.shape.d_hidden]
    }

    /// A row's own in the task's states `[rows, directions, parts, d_hidden]`, all parts.
    #[inline(always)]
    pub(super) fn own_state<'b>(
        &self,
        states: &'b mut [f32],
        direction: usize,
        slot: usize,
    ) -> &'b mut [f32] {
        let own = self.shape.parts() * self.shape.d_hidden;
        &mut states[(self.order[slot] * self.shape.directions + direction) * own..][..own]
    }
}

/// Sums the tasks' parts of a gradient, in the order of the tasks.
pub(super) fn sum_parts<'a>(
    length: usize,
    parts: impl IntoIterator<Item = &'a Vec<f32>>,
) -> Vec<f32> {
    let mut total = vec![0f32; length];
    for part in parts {
        for (sum, value) in total.iter_mut().zip(part) {
            *sum += value;
        }
    }
    total
}
