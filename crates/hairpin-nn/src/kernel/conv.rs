//! Convolution over positions, `[batch, length, channels]`. Without dilation the window of an output position is one row of memory, and
//! the next window the same row a position further on: one product for each string. With dilation, for each tap of the kernel one
//! product, whose left side is the input itself, some positions further on. The windows are never copied.

use super::gemm::{Before, Matrix, MatrixMut, Threads, product};
use super::op::{Kept, Operation};
use super::vector;
use rayon::prelude::*;

/// Input channels of a task of the weights' gradient.
const CHANNELS: usize = 64;

/// Positions of a block of the weights' gradient.
const ROWS: usize = 512;

/// Parts of the batch whose gradients of the weights are summed apart: as many at any number of threads, so that the sums are the same.
const PARTS: usize = 8;

/// `[x, weight, bias]`, weight `[kernel, d_input, d_output]`, to `[batch, length_output, d_output]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conv {
    pub(crate) batch: usize,
    pub(crate) length: usize,
    pub(crate) length_output: usize,
    pub(crate) d_input: usize,
    pub(crate) d_output: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    /// Zeros in front.
    pub(crate) padding: usize,
}

/// Weights above which their gradient is summed over many strings at a time.
const LARGE: usize = 1 << 16;

/// Where a tap of the kernel reads.
struct Reach {
    /// The first output position it serves.
    first: usize,
    /// How many it serves.
    count: usize,
    /// The input position it reads for the first.
    from: usize,
}

impl Conv {
    /// Of output positions, those for which tap `tap` reads within the input.
    fn reach(&self, tap: usize) -> Reach {
        // Output t reads t · stride + shift - padding.
        let shift = tap * self.dilation;
        let first = self.padding.saturating_sub(shift).div_ceil(self.stride);
        let end = match (self.length + self.padding).checked_sub(shift + 1) {
            Some(last) => (last / self.stride + 1).min(self.length_output),
            None => 0,
        };
        let count = end.saturating_sub(first);
        Reach {
            first,
            count,
            from: match count {
                0 => 0,
                _ => first * self.stride + shift - self.padding,
            },
        }
    }

    fn tap<'a>(&self, weight: &'a [f32], tap: usize) -> Matrix<'a> {
        let size = self.d_input * self.d_output;
        Matrix::new(&weight[tap * size..][..size], self.d_input, self.d_output)
    }

    /// The rows of an example's output that a tap serves.
    fn served<'a>(&self, output: &'a [f32], example: usize, reach: &Reach) -> Matrix<'a> {
        let from = example * self.of_output() + reach.first * self.d_output;
        Matrix::new(&output[from..], reach.count, self.d_output)
    }

    fn of_input(&self) -> usize {
        self.length * self.d_input
    }

    fn of_output(&self) -> usize {
        self.length_output * self.d_output
    }

    /// Whether the taps of an output position read one position after the other.
    fn adjacent(&self) -> bool {
        self.dilation == 1 || self.kernel == 1
    }

    /// What the output positions of one string read, `[length_output, kernel · d_input]`, of `adjacent` taps. `copy` holds the string
    /// between its zeros if there are any.
    fn windows<'a>(&self, x: &'a [f32], copy: &'a mut Vec<f32>) -> Matrix<'a> {
        let positions = match self.length_output {
            0 => 0,
            outputs => (outputs - 1) * self.stride + self.kernel,
        };
        let mut read = x;
        if self.padding > 0 || positions > self.length {
            copy.clear();
            copy.resize(self.padding * self.d_input, 0.0);
            copy.extend_from_slice(x);
            copy.resize(copy.len().max(positions * self.d_input), 0.0);
            read = copy;
        }
        let (window, stride) = (self.kernel * self.d_input, self.stride * self.d_input);
        Matrix::strided(read, self.length_output, window, stride)
    }
}

impl Operation<3> for Conv {
    type Saved = ();

    fn dims(&self) -> Vec<usize> {
        vec![self.batch, self.length_output, self.d_output]
    }

    fn reads(&self) -> ([bool; 3], bool) {
        ([true, true, false], false)
    }

    fn forward(&self, [x, weight, bias]: [&[f32]; 3], save: bool) -> (Vec<f32>, Option<()>) {
        let mut output = vec![0f32; self.batch * self.of_output()];
        output
            .par_chunks_mut(self.of_output().max(1))
            .enumerate()
            .for_each_init(Vec::new, |copy, (example, output)| {
                for row in output.chunks_exact_mut(self.d_output) {
                    row.copy_from_slice(bias);
                }
                let x = &x[example * self.of_input()..][..self.of_input()];
                match self.adjacent() {
                    true => self.add_windows(x, weight, output, copy),
                    false => self.add_taps(x, weight, output),
                }
            });
        (output, save.then_some(()))
    }

    fn backward(&self, kept: Kept<'_, (), 3>, d_output: &[f32], needs: [bool; 3]) -> [Vec<f32>; 3] {
        let [x, weight, _] = kept.inputs;
        let (d_in, d_out) = (self.d_input, self.d_output);
        let mut d_x = vec![0f32; if needs[0] { x.len() } else { 0 }];
        d_x.par_chunks_mut(self.of_input().max(1))
            .enumerate()
            .for_each(|(example, d_x)| {
                for tap in 0..self.kernel {
                    let reach = self.reach(tap);
                    if reach.count == 0 {
                        continue;
                    }
                    let to = &mut d_x[reach.from * d_in..];
                    product(
                        MatrixMut::strided(to, reach.count, d_in, self.stride * d_in),
                        Before::Keep,
                        1.0,
                        self.served(d_output, example, &reach),
                        self.tap(weight, tap).transposed(),
                        Threads::One,
                    );
                }
            });
        let mut d_weight = vec![0f32; if needs[1] { weight.len() } else { 0 }];
        if self.adjacent() && weight.len() <= LARGE {
            self.weight_gradients_of_windows(x, d_output, &mut d_weight);
        } else if self.stride == 1 && self.length_output == self.length {
            self.weight_gradients_of_blocks(x, d_output, &mut d_weight);
        } else {
            self.weight_gradients_by_example(x, d_output, &mut d_weight);
        }
        let mut d_bias = vec![0f32; d_out];
        vector::add_columns(d_output, &mut d_bias);
        [d_x, d_weight, d_bias]
    }
}

impl Conv {
    fn add_windows(&self, x: &[f32], weight: &[f32], output: &mut [f32], copy: &mut Vec<f32>) {
        product(
            MatrixMut::new(output, self.length_output, self.d_output),
            Before::Keep,
            1.0,
            self.windows(x, copy),
            Matrix::new(weight, self.kernel * self.d_input, self.d_output),
            Threads::One,
        );
    }

    fn add_taps(&self, x: &[f32], weight: &[f32], output: &mut [f32]) {
        for tap in 0..self.kernel {
            let reach = self.reach(tap);
            if reach.count == 0 {
                continue;
            }
            product(
                MatrixMut::new(
                    &mut output[reach.first * self.d_output..],
                    reach.count,
                    self.d_output,
                ),
                Before::Keep,
                1.0,
                Matrix::strided(
                    &x[reach.from * self.d_input..],
                    reach.count,
                    self.d_input,
                    self.stride * self.d_input,
                ),
                self.tap(weight, tap),
                Threads::One,
            );
        }
    }

    /// Gradient of the weights of adjacent taps: a product for each example.
    fn weight_gradients_of_windows(&self, x: &[f32], d_output: &[f32], d_weight: &mut [f32]) {
        self.sum_of_parts(x, d_output, d_weight, |x, d_output, sum| {
            let mut copy = Vec::new();
            let examples = x.chunks(self.of_input());
            for (x, d_output) in examples.zip(d_output.chunks(self.of_output())) {
                product(
                    MatrixMut::new(sum, self.kernel * self.d_input, self.d_output),
                    Before::Keep,
                    1.0,
                    self.windows(x, &mut copy).transposed(),
                    Matrix::new(d_output, self.length_output, self.d_output),
                    Threads::One,
                );
            }
        });
    }

    /// Adds up what `add` makes of each part of the batch.
    fn sum_of_parts(
        &self,
        x: &[f32],
        d_output: &[f32],
        d_weight: &mut [f32],
        add: impl Fn(&[f32], &[f32], &mut [f32]) + Sync,
    ) {
        if d_weight.is_empty() || x.is_empty() || d_output.is_empty() {
            return;
        }
        let part = self.batch.div_ceil(PARTS).max(1);
        let parts: Vec<Vec<f32>> = x
            .par_chunks(part * self.of_input())
            .zip(d_output.par_chunks(part * self.of_output()))
            .map(|(x, d_output)| {
                let mut sum = vec![0f32; d_weight.len()];
                add(x, d_output, &mut sum);
                sum
            })
            .collect();
        d_weight
            .par_chunks_mut(self.d_output)
            .enumerate()
            .for_each(|(row, sums)| {
                for part in &parts {
                    let own = &part[row * self.d_output..][..sums.len()];
                    sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
                }
            });
    }

    /// Gradient of the weights where the output is as long as the input: a product for each tap over the examples of a block. Output
    /// position `t` of every example reads input position `t + shift`, so that the rows of all of them are the same `shift` apart. Rows
    /// that would read from a neighbour are zeros in a copy of the output's gradient; the further a tap reaches, the more they are,
    /// so that two copies serve all taps.
    fn weight_gradients_of_blocks(&self, x: &[f32], d_output: &[f32], d_weight: &mut [f32]) {
        self.sum_of_parts(x, d_output, d_weight, |x, d_output, sum| {
            let mut copy = Vec::new();
            let block = (ROWS / self.length).max(1);
            let d_outputs = d_output.chunks(block * self.of_output());
            for (x, d_output) in x.chunks(block * self.of_input()).zip(d_outputs) {
                self.add_weight_gradients(x, d_output, &mut copy, sum);
            }
        });
    }

    /// Of one block.
    fn add_weight_gradients(
        &self,
        x: &[f32],
        d_output: &[f32],
        copy: &mut Vec<f32>,
        d_weight: &mut [f32],
    ) {
        let (d_in, d_out, length) = (self.d_input, self.d_output, self.length);
        let rows = x.len() / d_in;
        let shift = |tap: usize| (tap * self.dilation) as isize - self.padding as isize;
        let (ahead, behind): (Vec<usize>, Vec<usize>) =
            (0..self.kernel).partition(|&tap| shift(tap) >= 0);
        // Both from the least shift to the greatest.
        for taps in [ahead, behind.into_iter().rev().collect()] {
            copy.clear();
            copy.extend_from_slice(d_output);
            for tap in taps {
                let shift = shift(tap);
                let apart = shift.unsigned_abs();
                if apart >= length {
                    continue;
                }
                for example in copy.chunks_exact_mut(length * d_out) {
                    match shift >= 0 {
                        true => example[(length - apart) * d_out..].fill(0.0),
                        false => example[..apart * d_out].fill(0.0),
                    }
                }
                // The first row of each, so that both have as many.
                let (of_x, of_d) = match shift >= 0 {
                    true => (apart, 0),
                    false => (0, apart),
                };
                let size = d_in * d_out;
                product(
                    MatrixMut::new(&mut d_weight[tap * size..][..size], d_in, d_out),
                    Before::Keep,
                    1.0,
                    Matrix::new(&x[of_x * d_in..], rows - apart, d_in).transposed(),
                    Matrix::new(&copy[of_d * d_out..], rows - apart, d_out),
                    Threads::One,
                );
            }
        }
    }

    /// Gradient of the weights in any other case: a product for each tap and example.
    fn weight_gradients_by_example(&self, x: &[f32], d_output: &[f32], d_weight: &mut [f32]) {
        let (d_in, d_out) = (self.d_input, self.d_output);
        let tasks: Vec<(usize, usize, &mut [f32])> = d_weight
            .chunks_mut(d_in * d_out)
            .enumerate()
            .flat_map(|(tap, d_weight)| {
                let blocks = d_weight.chunks_mut(CHANNELS * d_out).enumerate();
                blocks.map(move |(block, d_weight)| (tap, block * CHANNELS, d_weight))
            })
            .collect();
        tasks.into_par_iter().for_each(|(tap, channel, d_weight)| {
            let reach = self.reach(tap);
            if reach.count == 0 {
                return;
            }
            let channels = d_weight.len() / d_out;
            for example in 0..self.batch {
                let from = example * self.of_input() + reach.from * d_in + channel;
                let x = Matrix::strided(&x[from..], reach.count, channels, self.stride * d_in);
                product(
                    MatrixMut::new(d_weight, channels, d_out),
                    Before::Keep,
                    1.0,
                    x.transposed(),
                    self.served(d_output, example, &reach),
                    Threads::One,
                );
            }
        });
    }
}
