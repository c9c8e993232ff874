//! Layer norm over the last dimension, alone and of a residual sum whose second part is dropped out.

use super::buffer::Buffer;
use super::dropout::Dropout;
use super::op::{Kept, Operation};
use super::vector;
use rayon::prelude::*;

/// Sizes and settings of a norm.
#[derive(Debug, Clone)]
pub(crate) struct Norm {
    pub(crate) width: usize,
    pub(crate) epsilon: f32,
    /// Of the output.
    pub(crate) dims: Vec<usize>,
}

/// Mean and inverse standard deviation of each row, `[rows, 2]`.
type Moments = Vec<f32>;

impl Norm {
    fn rows(&self) -> usize {
        self.dims.iter().product::<usize>() / self.width.max(1)
    }

    /// Normalises `row` in place, and returns its moments.
    #[inline(always)]
    fn normalise(&self, row: &mut [f32], gamma: &[f32], beta: &[f32]) -> [f32; 2] {
        let count = row.len();
        let mean = vector::sum(
            count,
            #[inline(always)]
            |i| row[i],
        ) / count as f32;
        let square = vector::sum(
            count,
            #[inline(always)]
            |i| {
                let apart = row[i] - mean;
                apart * apart
            },
        );
        let inverse = 1.0 / (square / count as f32 + self.epsilon).sqrt();
        for ((value, gamma), beta) in row.iter_mut().zip(gamma).zip(beta) {
            *value = (*value - mean) * inverse * gamma + beta;
        }
        [mean, inverse]
    }

    /// Normalises every row of `values` in place.
    fn forward(&self, values: &mut [f32], gamma: &[f32], beta: &[f32]) -> Moments {
        let width = self.width;
        let rows = vector::rows_per_task(self.rows(), width);
        let mut moments = vec![0f32; self.rows() * 2];
        values
            .par_chunks_mut(rows * width)
            .zip(moments.par_chunks_mut(rows * 2))
            .for_each(|(values, moments)| {
                vector::run(
                    #[inline(always)]
                    || {
                        let rows = values.chunks_exact_mut(width);
                        for (row, moments) in rows.zip(moments.chunks_exact_mut(2)) {
                            moments.copy_from_slice(&self.normalise(row, gamma, beta));
                        }
                    },
                );
            });
        moments
    }

    /// Gradients of what was normalised, of gamma and of beta.
    fn backward(
        &self,
        values: &[f32],
        moments: &Moments,
        gamma: &[f32],
        d_output: &[f32],
    ) -> [Vec<f32>; 3] {
        let width = self.width;
        let rows = vector::rows_per_task(self.rows(), width);
        let mut d_values = vec![0f32; values.len()];
        let tasks = self.rows().div_ceil(rows);
        // Each task's share of the gradients of gamma and beta.
        let mut parts = vec![0f32; tasks * 2 * width];
        d_values
            .par_chunks_mut(rows * width)
            .zip(parts.par_chunks_mut(2 * width))
            .enumerate()
            .for_each(|(task, (d_values, parts))| {
                let first = task * rows;
                vector::run(
                    #[inline(always)]
                    || {
                        let (d_gamma, d_beta) = parts.split_at_mut(width);
                        for (row, d_values) in d_values.chunks_exact_mut(width).enumerate() {
                            let at = (first + row) * width;
                            let values = &values[at..at + width];
                            let d = &d_output[at..at + width];
                            let [mean, inverse] =
                                [moments[(first + row) * 2], moments[(first + row) * 2 + 1]];
                            let gamma = &gamma[..width];
                            let plain = vector::sum(
                                width,
                                #[inline(always)]
                                |i| d[i] * gamma[i],
                            );
                            let along = vector::sum(
                                width,
                                #[inline(always)]
                                |i| d[i] * gamma[i] * (values[i] - mean) * inverse,
                            );
                            let (plain, along) = (plain / width as f32, along / width as f32);
                            for i in 0..width {
                                let normal = (values[i] - mean) * inverse;
                                d_values[i] = inverse * (d[i] * gamma[i] - plain - normal * along);
                                d_gamma[i] += d[i] * normal;
                                d_beta[i] += d[i];
                            }
                        }
                    },
                );
            });
        let mut sums = vec![0f32; 2 * width];
        vector::add_columns(&parts, &mut sums);
        let d_beta = sums.split_off(width);
        [d_values, sums, d_beta]
    }
}

/// `[x, gamma, beta]` to the norm of `x`.
#[derive(Debug, Clone)]
pub(crate) struct LayerNorm(pub(crate) Norm);

impl Operation<3> for LayerNorm {
    type Saved = Moments;

    fn dims(&self) -> Vec<usize> {
        self.0.dims.clone()
    }

    fn reads(&self) -> ([bool; 3], bool) {
        ([true, true, false], false)
    }

    fn forward(&self, [x, gamma, beta]: [&[f32]; 3], save: bool) -> (Vec<f32>, Option<Moments>) {
        let mut output = x.to_vec();
        let moments = self.0.forward(&mut output, gamma, beta);
        (output, save.then_some(moments))
    }

    fn backward(&self, kept: Kept<'_, Moments, 3>, d: &[f32], _: [bool; 3]) -> [Vec<f32>; 3] {
        let [x, gamma, _] = kept.inputs;
        self.0.backward(x, kept.saved, gamma, d)
    }
}

/// `x + dropout(y)`, into `sum`.
fn add(dropout: Option<Dropout>, width: usize, x: &[f32], y: &[f32], sum: &mut [f32]) {
    vector::for_rows(sum, width, |first, sum| {
        let at = first * width;
        let (x, y) = (&x[at..][..sum.len()], &y[at..][..sum.len()]);
        vector::run(
            #[inline(always)]
            || match dropout {
                None => {
                    for ((sum, x), y) in sum.iter_mut().zip(x).zip(y) {
                        *sum = x + y;
                    }
                }
                Some(dropout) => {
                    let factors = dropout.row(at as u64);
                    for (index, ((sum, x), y)) in sum.iter_mut().zip(x).zip(y).enumerate() {
                        *sum = x + y * factors.factor(index);
                    }
                }
            },
        );
    });
}

/// The gradient of `dropout(y)` becomes that of `y`.
fn drop_gradient(dropout: Option<Dropout>, width: usize, d: &mut [f32]) {
    if let Some(dropout) = dropout {
        vector::for_rows(d, width, |first, d| {
            vector::run(
                #[inline(always)]
                || {
                    let factors = dropout.row((first * width) as u64);
                    for (index, d) in d.iter_mut().enumerate() {
                        *d *= factors.factor(index);
                    }
                },
            );
        });
    }
}

/// `[x, y, gamma, beta]` to the norm of `x + dropout(y)`.
#[derive(Debug, Clone)]
pub(crate) struct AddNorm {
    pub(crate) norm: Norm,
    pub(crate) dropout: Option<Dropout>,
}

impl Operation<4> for AddNorm {
    /// The sums, and their moments.
    type Saved = (Buffer, Moments);

    fn dims(&self) -> Vec<usize> {
        self.norm.dims.clone()
    }

    fn reads(&self) -> ([bool; 4], bool) {
        ([false, false, true, false], false)
    }

    fn forward(
        &self,
        [x, y, gamma, beta]: [&[f32]; 4],
        save: bool,
    ) -> (Vec<f32>, Option<Self::Saved>) {
        let mut output = vec![0f32; x.len()];
        add(self.dropout, self.norm.width, x, y, &mut output);
        let mut sums = Buffer::with_capacity(if save { output.len() } else { 0 });
        if save {
            sums.extend(&output);
        }
        let moments = self.norm.forward(&mut output, gamma, beta);
        (output, save.then_some((sums, moments)))
    }

    fn backward(
        &self,
        kept: Kept<'_, Self::Saved, 4>,
        d: &[f32],
        needs: [bool; 4],
    ) -> [Vec<f32>; 4] {
        let (sums, moments) = kept.saved;
        let gamma = kept.inputs[2];
        let [d_x, d_gamma, d_beta] = self.norm.backward(sums.get(), moments, gamma, d);
        let mut d_y = if needs[1] { d_x.clone() } else { Vec::new() };
        drop_gradient(self.dropout, self.norm.width, &mut d_y);
        [d_x, d_y, d_gamma, d_beta]
    }
}

/// `[x, y]` to `x + dropout(y)`.
#[derive(Debug, Clone)]
pub(crate) struct Add {
    pub(crate) width: usize,
    pub(crate) dropout: Option<Dropout>,
    /// Of the output.
    pub(crate) dims: Vec<usize>,
}

impl Operation<2> for Add {
    type Saved = ();

    fn dims(&self) -> Vec<usize> {
        self.dims.clone()
    }

    fn reads(&self) -> ([bool; 2], bool) {
        ([false; 2], false)
    }

    fn forward(&self, [x, y]: [&[f32]; 2], save: bool) -> (Vec<f32>, Option<()>) {
        let mut output = vec![0f32; x.len()];
        add(self.dropout, self.width, x, y, &mut output);
        (output, save.then_some(()))
    }

    fn backward(&self, _: Kept<'_, (), 2>, d: &[f32], needs: [bool; 2]) -> [Vec<f32>; 2] {
        let [d_x, mut d_y] = needs.map(|needed| if needed { d.to_vec() } else { Vec::new() });
        drop_gradient(self.dropout, self.width, &mut d_y);
        [d_x, d_y]
    }
}
