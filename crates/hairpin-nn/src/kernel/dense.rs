//! `dropout(activation(x W + b))`, and two of them as a transformer's feed-forward block, whose inner values are never all in memory
//! at once but for what the backward pass needs.

use super::buffer::Buffer;
use super::dropout::{Dropout, Row};
use super::gemm::{Before, Matrix, MatrixMut, Threads, product};
use super::op::{Kept, Operation};
use super::vector;
use crate::Activation;

/// Values of a block of rows: enough for products of full speed, few enough to be in the cache when they are used again.
const BLOCK: usize = 1 << 21;

/// Rows of a block whose widest matrix has `width` columns.
fn block_rows(width: usize) -> usize {
    (BLOCK / width.max(1)).max(256)
}

/// What stands between a product and the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Between {
    pub(crate) activation: Activation,
    pub(crate) dropout: Option<Dropout>,
}

impl Between {
    /// Whether it is nothing.
    fn is_identity(self) -> bool {
        self.activation == Activation::Identity && self.dropout.is_none()
    }

    /// `values` become `dropout(activation(values))`.
    #[inline(always)]
    fn apply(self, values: &mut [f32], row: Option<Row>) {
        self.activation.apply(values);
        drop_out(values, row);
    }

    /// The gradient `d` of what [`Self::apply`] made of `before` becomes that of `before`.
    #[inline(always)]
    fn differentiate(self, before: &[f32], d: &mut [f32], row: Option<Row>) {
        drop_out(d, row);
        self.activation.differentiate(before, d);
    }

    /// The factors of row `row` of `width` values.
    fn row(self, row: usize, width: usize) -> Option<Row> {
        let dropout = self.dropout.as_ref();
        dropout.map(|dropout| dropout.row((row * width) as u64))
    }
}

#[inline(always)]
fn drop_out(values: &mut [f32], row: Option<Row>) {
    if let Some(row) = row {
        for (index, value) in values.iter_mut().enumerate() {
            *value *= row.factor(index);
        }
    }
}

#[inline(always)]
fn add(values: &mut [f32], more: &[f32]) {
    for (value, more) in values.iter_mut().zip(more) {
        *value += more;
    }
}

/// `[x, weight, bias]` to `[rows, d_out]`.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    pub(crate) d_input: usize,
    pub(crate) d_output: usize,
    pub(crate) between: Between,
    /// Of the output.
    pub(crate) dims: Vec<usize>,
}

impl Dense {
    fn rows(&self) -> usize {
        self.dims.iter().rev().skip(1).product()
    }
}

impl Operation<3> for Dense {
    /// What stands before the activation function, where there is one.
    type Saved = Buffer;

    fn dims(&self) -> Vec<usize> {
        self.dims.clone()
    }

    fn reads(&self) -> ([bool; 3], bool) {
        ([true, true, false], false)
    }

    fn forward(&self, [x, weight, bias]: [&[f32]; 3], save: bool) -> (Vec<f32>, Option<Buffer>) {
        let (d_in, d_out, between) = (self.d_input, self.d_output, self.between);
        let rows = self.rows();
        let saves = save && between.activation != Activation::Identity;
        let mut saved = Buffer::zeros(if saves { rows * d_out } else { 0 });
        let mut output = vec![0f32; rows * d_out];
        let weight = Matrix::new(weight, d_in, d_out);
        let block = block_rows(d_out);
        for first in (0..rows).step_by(block) {
            let count = block.min(rows - first);
            let x = Matrix::new(&x[first * d_in..], count, d_in);
            let at = first * d_out..(first + count) * d_out;
            let output = &mut output[at.clone()];
            if saves {
                let before = &mut saved.get_mut()[at];
                let out = MatrixMut::new(before, count, d_out);
                product(out, Before::Drop, 1.0, x, weight, Threads::All);
                vector::for_rows(before, d_out, |_, before| {
                    vector::run(
                        #[inline(always)]
                        || {
                            before
                                .chunks_exact_mut(d_out)
                                .for_each(|row| add(row, bias))
                        },
                    );
                });
                let before = &*before;
                vector::for_rows(output, d_out, |task, output| {
                    output.copy_from_slice(&before[task * d_out..][..output.len()]);
                    vector::run(
                        #[inline(always)]
                        || {
                            for (row, values) in output.chunks_exact_mut(d_out).enumerate() {
                                between.apply(values, between.row(first + task + row, d_out));
                            }
                        },
                    );
                });
            } else {
                let out = MatrixMut::new(output, count, d_out);
                product(out, Before::Drop, 1.0, x, weight, Threads::All);
                vector::for_rows(output, d_out, |task, output| {
                    vector::run(
                        #[inline(always)]
                        || {
                            for (row, values) in output.chunks_exact_mut(d_out).enumerate() {
                                add(values, bias);
                                between.apply(values, between.row(first + task + row, d_out));
                            }
                        },
                    );
                });
            }
        }
        (output, save.then_some(saved))
    }

    fn backward(
        &self,
        kept: Kept<'_, Buffer, 3>,
        d_output: &[f32],
        needs: [bool; 3],
    ) -> [Vec<f32>; 3] {
        let (d_in, d_out, between) = (self.d_input, self.d_output, self.between);
        let [x, weight, _] = kept.inputs;
        let rows = self.rows();
        let mut d_x = vec![0f32; if needs[0] { rows * d_in } else { 0 }];
        let mut d_weight = vec![0f32; if needs[1] { d_in * d_out } else { 0 }];
        let mut d_bias = vec![0f32; d_out];
        let block = block_rows(d_out);
        let mut scratch = Buffer::zeros(match between.is_identity() {
            true => 0,
            false => block.min(rows) * d_out,
        });
        for first in (0..rows).step_by(block) {
            let count = block.min(rows - first);
            let at = first * d_out..(first + count) * d_out;
            let d_before = if between.is_identity() {
                &d_output[at]
            } else {
                let d = &mut scratch.get_mut()[..count * d_out];
                let saved = kept.saved.get();
                vector::for_rows(d, d_out, |task, d| {
                    let from = (first + task) * d_out;
                    d.copy_from_slice(&d_output[from..from + d.len()]);
                    vector::run(
                        #[inline(always)]
                        || {
                            for (row, d) in d.chunks_exact_mut(d_out).enumerate() {
                                let row = first + task + row;
                                let before = saved.get(row * d_out..).unwrap_or_default();
                                between.differentiate(before, d, between.row(row, d_out));
                            }
                        },
                    );
                });
                &*d
            };
            let d = Matrix::new(d_before, count, d_out);
            if needs[0] {
                let out = MatrixMut::new(&mut d_x[first * d_in..], count, d_in);
                let weight = Matrix::new(weight, d_in, d_out).transposed();
                product(out, Before::Drop, 1.0, d, weight, Threads::All);
            }
            if needs[1] {
                let out = MatrixMut::new(&mut d_weight, d_in, d_out);
                let x = Matrix::new(&x[first * d_in..], count, d_in).transposed();
                product(out, Before::Keep, 1.0, x, d, Threads::All);
            }
            vector::add_columns(d_before, &mut d_bias);
        }
        [d_x, d_weight, d_bias]
    }
}

/// `[x, weight_1, bias_1, weight_2, bias_2]` to `[rows, d_model]`.
#[derive(Debug, Clone)]
pub(crate) struct FeedForward {
    pub(crate) d_model: usize,
    pub(crate) d_ff: usize,
    pub(crate) between: Between,
    /// Of the output.
    pub(crate) dims: Vec<usize>,
}

impl FeedForward {
    fn rows(&self) -> usize {
        self.dims.iter().rev().skip(1).product()
    }
}

impl Operation<5> for FeedForward {
    /// What stands before the activation function.
    type Saved = Buffer;

    fn dims(&self) -> Vec<usize> {
        self.dims.clone()
    }

    fn reads(&self) -> ([bool; 5], bool) {
        ([true, true, false, true, false], false)
    }

    fn forward(
        &self,
        [x, weight_1, bias_1, weight_2, bias_2]: [&[f32]; 5],
        save: bool,
    ) -> (Vec<f32>, Option<Buffer>) {
        let (d, d_ff, between) = (self.d_model, self.d_ff, self.between);
        let rows = self.rows();
        let block = block_rows(d_ff);
        let room = block.min(rows) * d_ff;
        let mut saved = Buffer::zeros(if save { rows * d_ff } else { 0 });
        let mut scratch = Buffer::zeros(room);
        let mut output = vec![0f32; rows * d];
        for first in (0..rows).step_by(block) {
            let count = block.min(rows - first);
            let inner = &mut scratch.get_mut()[..count * d_ff];
            product(
                MatrixMut::new(inner, count, d_ff),
                Before::Drop,
                1.0,
                Matrix::new(&x[first * d..], count, d),
                Matrix::new(weight_1, d, d_ff),
                Threads::All,
            );
            let apply = |task: usize, inner: &mut [f32], mut keep: Option<&mut [f32]>| {
                vector::run(
                    #[inline(always)]
                    || {
                        for (row, values) in inner.chunks_exact_mut(d_ff).enumerate() {
                            add(values, bias_1);
                            if let Some(keep) = &mut keep {
                                keep[row * d_ff..][..d_ff].copy_from_slice(values);
                            }
                            between.apply(values, between.row(first + task + row, d_ff));
                        }
                    },
                );
            };
            if save {
                let keep = &mut saved.get_mut()[first * d_ff..][..count * d_ff];
                vector::for_two_rows(inner, keep, d_ff, |task, inner, keep| {
                    apply(task, inner, Some(keep));
                });
            } else {
                vector::for_rows(inner, d_ff, |task, inner| apply(task, inner, None));
            }
            let output = &mut output[first * d..][..count * d];
            product(
                MatrixMut::new(output, count, d),
                Before::Drop,
                1.0,
                Matrix::new(inner, count, d_ff),
                Matrix::new(weight_2, d_ff, d),
                Threads::All,
            );
            vector::for_rows(output, d, |_, output| {
                vector::run(
                    #[inline(always)]
                    || output.chunks_exact_mut(d).for_each(|row| add(row, bias_2)),
                );
            });
        }
        (output, save.then_some(saved))
    }

    fn backward(
        &self,
        kept: Kept<'_, Buffer, 5>,
        d_output: &[f32],
        needs: [bool; 5],
    ) -> [Vec<f32>; 5] {
        let (d, d_ff, between) = (self.d_model, self.d_ff, self.between);
        let [x, weight_1, _, weight_2, _] = kept.inputs;
        let saved = kept.saved.get();
        let rows = self.rows();
        let block = block_rows(d_ff);
        let room = block.min(rows) * d_ff;
        let (mut inner, mut d_inner) = (Buffer::zeros(room), Buffer::zeros(room));
        let mut d_x = vec![0f32; if needs[0] { rows * d } else { 0 }];
        let (mut d_weight_1, mut d_weight_2) = (vec![0f32; d * d_ff], vec![0f32; d_ff * d]);
        let (mut d_bias_1, mut d_bias_2) = (vec![0f32; d_ff], vec![0f32; d]);
        for first in (0..rows).step_by(block) {
            let count = block.min(rows - first);
            let d_out = &d_output[first * d..][..count * d];
            let d_out_rows = Matrix::new(d_out, count, d);
            let inner = &mut inner.get_mut()[..count * d_ff];
            let d_inner = &mut d_inner.get_mut()[..count * d_ff];
            product(
                MatrixMut::new(d_inner, count, d_ff),
                Before::Drop,
                1.0,
                d_out_rows,
                Matrix::new(weight_2, d_ff, d).transposed(),
                Threads::All,
            );
            vector::for_two_rows(inner, d_inner, d_ff, |task, inner, d_inner| {
                let from = (first + task) * d_ff;
                inner.copy_from_slice(&saved[from..from + inner.len()]);
                vector::run(
                    #[inline(always)]
                    || {
                        let rows = inner
                            .chunks_exact_mut(d_ff)
                            .zip(d_inner.chunks_exact_mut(d_ff));
                        for (row, (inner, d_inner)) in rows.enumerate() {
                            let row = between.row(first + task + row, d_ff);
                            between.differentiate(inner, d_inner, row);
                            between.apply(inner, row);
                        }
                    },
                );
            });
            product(
                MatrixMut::new(&mut d_weight_2, d_ff, d),
                Before::Keep,
                1.0,
                Matrix::new(inner, count, d_ff).transposed(),
                d_out_rows,
                Threads::All,
            );
            let d_inner_rows = Matrix::new(d_inner, count, d_ff);
            product(
                MatrixMut::new(&mut d_weight_1, d, d_ff),
                Before::Keep,
                1.0,
                Matrix::new(&x[first * d..], count, d).transposed(),
                d_inner_rows,
                Threads::All,
            );
            if needs[0] {
                product(
                    MatrixMut::new(&mut d_x[first * d..], count, d),
                    Before::Drop,
                    1.0,
                    d_inner_rows,
                    Matrix::new(weight_1, d, d_ff).transposed(),
                    Threads::All,
                );
            }
            vector::add_columns(d_inner, &mut d_bias_1);
            vector::add_columns(d_out, &mut d_bias_2);
        }
        [d_x, d_weight_1, d_bias_1, d_weight_2, d_bias_2]
    }
}
