//! Attention of many heads: a block of queries at a time against all keys, so that of the scores `[batch, heads, length, length]` no
//! more is ever in memory than one block per thread. Backward computes them again from each row's logarithm of the sum of exponentials
//! (Dao et al. 2022, arXiv:2205.14135).

use super::dropout::Dropout;
use super::gemm::{Before, Matrix, MatrixMut, Threads, product};
use super::op::{Kept, Operation};
use super::vector;
use rayon::prelude::*;
use std::sync::Arc;

/// Queries of a block.
const BLOCK: usize = 64;

/// Examples whose shares of a common bias's gradient are in memory at once. Fixed, so that the order of additions is.
const GROUP: usize = 8;

/// Sizes and settings.
#[derive(Debug, Clone)]
pub(crate) struct Attention {
    pub(crate) batch: usize,
    pub(crate) queries: usize,
    pub(crate) keys: usize,
    pub(crate) n_heads: usize,
    pub(crate) d_head: usize,
    pub(crate) scale: f32,
    /// Examples and heads of the bias `[batch or 1, n_heads or 1, queries, keys]`, where there is one.
    pub(crate) bias: Option<[usize; 2]>,
    /// True where a key is padded, `[batch, keys]`.
    pub(crate) mask_pad: Option<Arc<[bool]>>,
    pub(crate) dropout: Option<Dropout>,
}

/// One example's queries, keys and values: rows of all heads, some stride apart.
#[derive(Clone, Copy)]
struct Example<'a> {
    index: usize,
    parts: [&'a [f32]; 3],
    stride: usize,
    /// The bias of all examples; empty where there is none.
    bias: &'a [f32],
}

/// Where one example's gradients of queries, keys and values go.
struct Gradients<'a> {
    /// One matrix in which the three lie side by side, or three.
    parts: Vec<&'a mut [f32]>,
    stride: usize,
    /// Its share of the bias's.
    bias: Option<&'a mut [f32]>,
}

impl Attention {
    fn width(&self) -> usize {
        self.n_heads * self.d_head
    }

    fn dims(&self) -> Vec<usize> {
        vec![self.batch, self.queries, self.width()]
    }

    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> {
        let queries = self.queries;
        (0..queries)
            .step_by(BLOCK)
            .map(move |first| (first, BLOCK.min(queries - first)))
    }

    /// Queries, keys or values of a head, from row `first` on.
    fn part<'a>(
        &self,
        example: Example<'a>,
        part: usize,
        head: usize,
        (first, rows): (usize, usize),
    ) -> Matrix<'a> {
        let from = &example.parts[part][first * example.stride + head * self.d_head..];
        Matrix::strided(from, rows, self.d_head, example.stride)
    }

    /// Scores of a block of queries, with bias, minus infinity where masked.
    fn scores(&self, example: Example<'_>, head: usize, block: (usize, usize), scores: &mut [f32]) {
        let (first, rows) = block;
        product(
            MatrixMut::new(scores, rows, self.keys),
            Before::Drop,
            self.scale,
            self.part(example, 0, head, block),
            self.part(example, 1, head, (0, self.keys)).transposed(),
            Threads::One,
        );
        let bias = self.bias.map(|[batch, heads]| {
            let example = if batch == 1 { 0 } else { example.index };
            let head = if heads == 1 { 0 } else { head };
            (example * heads + head) * self.queries * self.keys
        });
        let mask = self.mask(example.index);
        vector::run(
            #[inline(always)]
            || {
                for (row, scores) in scores.chunks_exact_mut(self.keys).enumerate() {
                    if let Some(bias) = bias {
                        let from = bias + (first + row) * self.keys;
                        let bias = &example.bias[from..from + self.keys];
                        for (score, bias) in scores.iter_mut().zip(bias) {
                            *score += bias;
                        }
                    }
                    if let Some(mask) = mask {
                        for (score, &padded) in scores.iter_mut().zip(mask) {
                            *score = if padded { f32::NEG_INFINITY } else { *score };
                        }
                    }
                }
            },
        );
    }

    fn mask(&self, example: usize) -> Option<&[bool]> {
        let mask = self.mask_pad.as_ref();
        mask.map(|mask| &mask[example * self.keys..][..self.keys])
    }

    /// Index of the first weight of a query among all weights, which dropout counts.
    fn first_weight(&self, example: usize, head: usize, query: usize) -> u64 {
        (((example * self.n_heads + head) * self.queries + query) * self.keys) as u64
    }

    /// One example's output `[queries, width]`, and the logarithms of its rows' sums of exponentials `[heads, queries]`, infinite where
    /// no key is left.
    fn forward(&self, example: Example<'_>, output: &mut [f32], logs: &mut [f32]) {
        let mut scratch = vec![0f32; BLOCK.min(self.queries) * self.keys];
        for head in 0..self.n_heads {
            for block in self.blocks() {
                let (first, rows) = block;
                let scores = &mut scratch[..rows * self.keys];
                self.scores(example, head, block, scores);
                let logs = &mut logs[head * self.queries + first..][..rows];
                vector::run(
                    #[inline(always)]
                    || {
                        for (row, scores) in scores.chunks_exact_mut(self.keys).enumerate() {
                            logs[row] = soft_max(scores);
                            if let Some(dropout) = self.dropout {
                                let first = self.first_weight(example.index, head, first + row);
                                let factors = dropout.row(first);
                                for (index, weight) in scores.iter_mut().enumerate() {
                                    *weight *= factors.factor(index);
                                }
                            }
                        }
                    },
                );
                let width = self.width();
                let at = first * width + head * self.d_head;
                product(
                    MatrixMut::strided(&mut output[at..], rows, self.d_head, width),
                    Before::Drop,
                    1.0,
                    Matrix::new(scores, rows, self.keys),
                    self.part(example, 2, head, (0, self.keys)),
                    Threads::One,
                );
            }
        }
    }

    /// One example's gradients, from its own of `output`, `logs` and `d_output`.
    fn backward(
        &self,
        example: Example<'_>,
        [output, logs, d_output]: [&[f32]; 3],
        mut gradients: Gradients<'_>,
    ) {
        let (d_head, width, keys) = (self.d_head, self.width(), self.keys);
        let room = BLOCK.min(self.queries) * keys;
        let mut scratch = vec![0f32; 3 * room];
        let (scratch, dropped) = scratch.split_at_mut(2 * room);
        let (weights, d_weights) = scratch.split_at_mut(room);
        for head in 0..self.n_heads {
            for block in self.blocks() {
                let (first, rows) = block;
                let weights = &mut weights[..rows * keys];
                let d_weights = &mut d_weights[..rows * keys];
                let dropped = &mut dropped[..rows * keys];
                self.scores(example, head, block, weights);
                let at = first * width + head * d_head;
                let d_out = Matrix::strided(&d_output[at..], rows, d_head, width);
                product(
                    MatrixMut::new(d_weights, rows, keys),
                    Before::Drop,
                    1.0,
                    d_out,
                    self.part(example, 2, head, (0, keys)).transposed(),
                    Threads::One,
                );
                vector::run(
                    #[inline(always)]
                    || {
                        for row in 0..rows {
                            let at = row * keys..(row + 1) * keys;
                            let of_row = (first + row) * width + head * d_head;
                            let output = &output[of_row..][..d_head];
                            let d_output = &d_output[of_row..][..d_head];
                            let along = vector::sum(
                                d_head,
                                #[inline(always)]
                                |i| output[i] * d_output[i],
                            );
                            let factors = self.dropout.map(|dropout| {
                                dropout.row(self.first_weight(example.index, head, first + row))
                            });
                            score_gradients(
                                &mut weights[at.clone()],
                                &mut d_weights[at.clone()],
                                &mut dropped[at],
                                logs[head * self.queries + first + row],
                                along,
                                factors,
                            );
                        }
                    },
                );
                // Of the scores, from here on.
                let d_scores = Matrix::new(d_weights, rows, keys);
                let before = match first {
                    0 => Before::Drop,
                    _ => Before::Keep,
                };
                let queries = self.part(example, 0, head, block);
                let all_keys = self.part(example, 1, head, (0, keys));
                let dropped = Matrix::new(dropped, rows, keys);
                let scale = self.scale;
                for (part, from, rows, before, scale, left, right) in [
                    (0, first, rows, Before::Drop, scale, d_scores, all_keys),
                    (1, 0, keys, before, scale, d_scores.transposed(), queries),
                    (2, 0, keys, before, 1.0, dropped.transposed(), d_out),
                ] {
                    let (to, stride) = gradients.of(part, width);
                    let to = &mut to[from * stride + head * d_head..];
                    let to = MatrixMut::strided(to, rows, d_head, stride);
                    product(to, before, scale, left, right, Threads::One);
                }
                if let (Some([_, heads]), Some(bias)) = (self.bias, &mut gradients.bias) {
                    let head = if heads == 1 { 0 } else { head };
                    let bias = &mut bias[(head * self.queries + first) * keys..][..rows * keys];
                    for (bias, d) in bias.iter_mut().zip(&*d_weights) {
                        *bias += d;
                    }
                }
            }
        }
    }

    /// All examples' outputs.
    fn forward_all<'a>(
        &self,
        example: impl Fn(usize) -> Example<'a> + Sync,
        save: bool,
    ) -> (Vec<f32>, Option<Vec<f32>>) {
        let mut output = vec![0f32; self.batch * self.queries * self.width()];
        let mut logs = vec![0f32; self.batch * self.n_heads * self.queries];
        if !output.is_empty() && self.keys > 0 {
            output
                .par_chunks_mut(self.queries * self.width())
                .zip(logs.par_chunks_mut(self.n_heads * self.queries))
                .enumerate()
                .for_each(|(index, (output, logs))| self.forward(example(index), output, logs));
        }
        (output, save.then_some(logs))
    }

    /// All examples' gradients, into `parts`, matrices whose rows are `stride` long; returns the bias's, where it is needed.
    fn backward_all<'a>(
        &self,
        example: impl Fn(usize) -> Example<'a> + Sync,
        [output, logs, d_output]: [&[f32]; 3],
        parts: &mut [Vec<f32>],
        stride: usize,
        needs_bias: bool,
    ) -> Vec<f32> {
        let of_example = |values: &[f32]| values.len() / self.batch.max(1);
        let scores = self.queries * self.keys;
        let [bias_batch, bias_heads] = match needs_bias {
            true => self.bias.unwrap_or([1, 1]),
            false => [0, 0],
        };
        let own_bias = bias_heads * scores;
        let mut d_bias = vec![0f32; bias_batch * own_bias];
        if d_output.is_empty() || self.keys == 0 {
            return d_bias;
        }
        // A bias that all examples share is summed in their order.
        let shared = needs_bias && bias_batch == 1;
        let mut shares = vec![0f32; if shared { GROUP * own_bias } else { 0 }];
        let group = if shared { GROUP } else { self.batch };
        let mut rest: Vec<_> = parts
            .iter_mut()
            .map(|part| {
                let own = of_example(part);
                part.chunks_exact_mut(own)
            })
            .collect();
        for first in (0..self.batch).step_by(group) {
            let count = group.min(self.batch - first);
            let mut bias = match (needs_bias, shared) {
                (false, _) => None,
                (true, true) => {
                    shares.fill(0.0);
                    Some(shares.chunks_exact_mut(own_bias))
                }
                (true, false) => Some(d_bias.chunks_exact_mut(own_bias)),
            };
            let tasks: Vec<(usize, Gradients<'_>)> = (first..first + count)
                .map(|index| {
                    let gradients = Gradients {
                        parts: rest.iter_mut().filter_map(Iterator::next).collect(),
                        stride,
                        bias: bias.as_mut().and_then(Iterator::next),
                    };
                    (index, gradients)
                })
                .collect();
            tasks.into_par_iter().for_each(|(index, gradients)| {
                let own = |values: &'_ [f32]| {
                    let own = of_example(values);
                    index * own..(index + 1) * own
                };
                let read = [
                    &output[own(output)],
                    &logs[own(logs)],
                    &d_output[own(d_output)],
                ];
                self.backward(example(index), read, gradients);
            });
            if shared {
                for share in shares.chunks_exact(own_bias).take(count) {
                    for (sum, share) in d_bias.iter_mut().zip(share) {
                        *sum += share;
                    }
                }
            }
        }
        d_bias
    }
}

impl Gradients<'_> {
    /// Where those of queries (0), keys (1) or values (2) begin, and how far apart their rows are.
    fn of(&mut self, part: usize, width: usize) -> (&mut [f32], usize) {
        let to = match self.parts.len() {
            1 => &mut self.parts[0][part * width..],
            _ => &mut *self.parts[part],
        };
        (to, self.stride)
    }
}

/// Scores become weights; returns the logarithm of the sum of exponentials, infinite where every score is minus infinity, whose weights
/// are zero.
#[inline(always)]
fn soft_max(scores: &mut [f32]) -> f32 {
    let greatest = vector::greatest(scores);
    if greatest == f32::NEG_INFINITY && !scores.iter().any(|score| score.is_nan()) {
        scores.fill(0.0);
        return f32::INFINITY;
    }
    for score in scores.iter_mut() {
        *score = vector::exp(*score - greatest);
    }
    let sum = vector::sum(
        scores.len(),
        #[inline(always)]
        |i| scores[i],
    );
    let inverse = 1.0 / sum;
    for score in scores.iter_mut() {
        *score *= inverse;
    }
    greatest + sum.ln()
}

/// From scores `weights` and the gradients `d_weights` of the dropped-out weights: the dropped-out weights, into `dropped`, and the
/// gradients of the scores, in the place of `d_weights`.
#[inline(always)]
fn score_gradients(
    weights: &mut [f32],
    d_weights: &mut [f32],
    dropped: &mut [f32],
    log: f32,
    along: f32,
    factors: Option<super::dropout::Row>,
) {
    for weight in weights.iter_mut() {
        *weight = vector::exp(*weight - log);
    }
    match factors {
        None => {
            dropped.copy_from_slice(weights);
            for (d, weight) in d_weights.iter_mut().zip(&*weights) {
                *d = weight * (*d - along);
            }
        }
        Some(factors) => {
            let all = d_weights.iter_mut().zip(dropped).zip(&*weights);
            for (index, ((d, dropped), weight)) in all.enumerate() {
                let factor = factors.factor(index);
                *dropped = weight * factor;
                *d = weight * (*d * factor - along);
            }
        }
    }
}

/// `[queries keys values, bias]`, the first `[batch, length, 3 width]`, to `[batch, length, width]`.
#[derive(Debug, Clone)]
pub(crate) struct SelfAttention(pub(crate) Attention);

impl SelfAttention {
    fn example<'a>(&self, index: usize, [all, bias]: [&'a [f32]; 2]) -> Example<'a> {
        let width = self.0.width();
        let own = &all[index * self.0.queries * 3 * width..];
        Example {
            index,
            parts: [own, &own[width..], &own[2 * width..]],
            stride: 3 * width,
            bias,
        }
    }
}

impl Operation<2> for SelfAttention {
    type Saved = Vec<f32>;

    fn dims(&self) -> Vec<usize> {
        self.0.dims()
    }

    fn reads(&self) -> ([bool; 2], bool) {
        ([true, true], true)
    }

    fn forward(&self, inputs: [&[f32]; 2], save: bool) -> (Vec<f32>, Option<Vec<f32>>) {
        self.0
            .forward_all(|index| self.example(index, inputs), save)
    }

    fn backward(
        &self,
        kept: Kept<'_, Vec<f32>, 2>,
        d_output: &[f32],
        needs: [bool; 2],
    ) -> [Vec<f32>; 2] {
        let mut parts = [vec![0f32; kept.inputs[0].len()]];
        let d_bias = self.0.backward_all(
            |index| self.example(index, kept.inputs),
            [kept.output, kept.saved, d_output],
            &mut parts,
            3 * self.0.width(),
            needs[1],
        );
        let [part] = parts;
        [part, d_bias]
    }
}

/// `[queries, keys, values, bias]`, the first three `[batch, length, width]`, to `[batch, length of the queries, width]`.
#[derive(Debug, Clone)]
pub(crate) struct CrossAttention(pub(crate) Attention);

impl CrossAttention {
    fn example<'a>(
        &self,
        index: usize,
        [queries, keys, values, bias]: [&'a [f32]; 4],
    ) -> Example<'a> {
        let width = self.0.width();
        let of_keys = index * self.0.keys * width;
        Example {
            index,
            parts: [
                &queries[index * self.0.queries * width..],
                &keys[of_keys..],
                &values[of_keys..],
            ],
            stride: width,
            bias,
        }
    }
}

impl Operation<4> for CrossAttention {
    type Saved = Vec<f32>;

    fn dims(&self) -> Vec<usize> {
        self.0.dims()
    }

    fn reads(&self) -> ([bool; 4], bool) {
        ([true; 4], true)
    }

    fn forward(&self, inputs: [&[f32]; 4], save: bool) -> (Vec<f32>, Option<Vec<f32>>) {
        self.0
            .forward_all(|index| self.example(index, inputs), save)
    }

    fn backward(
        &self,
        kept: Kept<'_, Vec<f32>, 4>,
        d_output: &[f32],
        needs: [bool; 4],
    ) -> [Vec<f32>; 4] {
        let [queries, keys, values, _] = kept.inputs;
        let mut parts = [queries, keys, values].map(|part| vec![0f32; part.len()]);
        let d_bias = self.0.backward_all(
            |index| self.example(index, kept.inputs),
            [kept.output, kept.saved, d_output],
            &mut parts,
            self.0.width(),
            needs[3],
        );
        let [d_queries, d_keys, d_values] = parts;
        [d_queries, d_keys, d_values, d_bias]
    }
}
