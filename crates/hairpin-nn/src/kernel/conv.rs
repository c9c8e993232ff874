//! Convolution over positions, `[batch, length, channels]`. Without dilation the window of an output position is one row of memory, and
//! the next window the same row a position further on: one product for each string. With dilation, for each tap of the kernel one
//! product, whose left side is the input itself, some positions further on. The windows are never copied. Behind a string's own end nothing
//! is read, and zeros are written.

use super::gemm::{Before, Matrix, MatrixMut, Threads, product};
use super::op::{Kept, Operation};
use super::vector;
use rayon::prelude::*;
use std::ops::Range;

/// Input channels of a task of the weights' gradient.
const CHANNELS: usize = 64;

/// Positions of a block of the weights' gradient.
const ROWS: usize = 512;

/// Parts of the batch whose gradients of the weights are summed apart: as many at any number of threads, so that the sums are the same.
const PARTS: usize = 8;

/// `[x, weight, bias]`, weight `[kernel, d_input, d_output]`, to `[batch, length_output, d_output]`.
#[derive(Debug, Clone)]
pub(crate) struct Conv {
    pub(crate) batch: usize,
    /// Of the longest string.
    pub(crate) length: usize,
    /// Of each string; others than the longest only where the output is as long as the input.
    pub(crate) lengths: Vec<usize>,
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
    /// Output positions of a string.
    fn outputs(&self, length: usize) -> usize {
        match length == self.length {
            true => self.length_output,
            false => length,
        }
    }

    /// Of the output positions of a string, those for which tap `tap` reads within it.
    fn reach(&self, tap: usize, length: usize) -> Reach {
        // Output t reads t · stride + shift - padding.
        let shift = tap * self.dilation;
        let first = self.padding.saturating_sub(shift).div_ceil(self.stride);
        let end = match (length + self.padding).checked_sub(shift + 1) {
            Some(last) => (last / self.stride + 1).min(self.outputs(length)),
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

    /// What the output positions of one string `x` of `length` read, `[outputs, kernel · d_input]`, of `adjacent` taps. `copy` holds the
    /// string between its zeros if there are any.
    fn windows<'a>(&self, x: &'a [f32], length: usize, copy: &'a mut Vec<f32>) -> Matrix<'a> {
        let outputs = self.outputs(length);
        let positions = match outputs {
            0 => 0,
            outputs => (outputs - 1) * self.stride + self.kernel,
        };
        let mut read = x;
        if self.padding > 0 || positions > length {
            copy.clear();
            copy.resize(self.padding * self.d_input, 0.0);
            copy.extend_from_slice(x);
            copy.resize(copy.len().max(positions * self.d_input), 0.0);
            read = copy;
        }
        let (window, stride) = (self.kernel * self.d_input, self.stride * self.d_input);
        Matrix::strided(read, outputs, window, stride)
    }

    /// A string of the input.
    fn string<'a>(&self, x: &'a [f32], example: usize) -> &'a [f32] {
        &x[example * self.of_input()..][..self.lengths[example] * self.d_input]
    }

    /// What belongs to a string of the output.
    fn answer<'a>(&self, output: &'a [f32], example: usize) -> &'a [f32] {
        let outputs = self.outputs(self.lengths[example]);
        &output[example * self.of_output()..][..outputs * self.d_output]
    }
}

/// Strings of rows of `width` to `[length, strings, width]`, with zeros behind their ends, in the place of what `to` held.
fn by_position(strings: &[&[f32]], length: usize, width: usize, to: &mut Vec<f32>) {
    to.clear();
    to.reserve(strings.len() * length * width);
    for at in (0..length * width).step_by(width.max(1)) {
        for string in strings {
            match string.get(at..at + width) {
                Some(row) => to.extend_from_slice(row),
                None => to.resize(to.len() + width, 0.0),
            }
        }
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
                let length = self.lengths[example];
                let output = &mut output[..self.outputs(length) * self.d_output];
                for row in output.chunks_exact_mut(self.d_output) {
                    row.copy_from_slice(bias);
                }
                let x = self.string(x, example);
                match self.adjacent() {
                    true => self.add_windows(x, length, weight, output, copy),
                    false => self.add_taps(x, length, weight, output),
                }
            });
        (output, save.then_some(()))
    }

    fn backward(&self, kept: Kept<'_, (), 3>, d_output: &[f32], needs: [bool; 3]) -> [Vec<f32>; 3] {
        let [x, weight, _] = kept.inputs;
        let mut d_x = vec![0f32; if needs[0] { x.len() } else { 0 }];
        self.input_gradients(weight, d_output, &mut d_x);
        let mut d_weight = vec![0f32; if needs[1] { weight.len() } else { 0 }];
        if self.adjacent() && weight.len() <= LARGE {
            self.weight_gradients_of_windows(x, d_output, &mut d_weight);
        } else if self.keeps_length() {
            self.weight_gradients_of_blocks(x, d_output, &mut d_weight);
        } else {
            self.weight_gradients_by_example(x, d_output, &mut d_weight);
        }
        let mut d_bias = vec![0f32; self.d_output];
        match self.lengths.iter().all(|&length| length == self.length) {
            true => vector::add_columns(d_output, &mut d_bias),
            false => (0..self.batch)
                .for_each(|row| vector::add_columns(self.answer(d_output, row), &mut d_bias)),
        }
        [d_x, d_weight, d_bias]
    }
}

impl Conv {
    fn add_windows(
        &self,
        x: &[f32],
        length: usize,
        weight: &[f32],
        output: &mut [f32],
        copy: &mut Vec<f32>,
    ) {
        product(
            MatrixMut::new(output, self.outputs(length), self.d_output),
            Before::Keep,
            1.0,
            self.windows(x, length, copy),
            Matrix::new(weight, self.kernel * self.d_input, self.d_output),
            Threads::One,
        );
    }

    fn add_taps(&self, x: &[f32], length: usize, weight: &[f32], output: &mut [f32]) {
        for tap in 0..self.kernel {
            let reach = self.reach(tap, length);
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
        self.sum_of_parts(d_weight, |examples, sum| {
            let mut copy = Vec::new();
            for example in examples {
                let length = self.lengths[example];
                let (x, d_output) = (self.string(x, example), self.answer(d_output, example));
                product(
                    MatrixMut::new(sum, self.kernel * self.d_input, self.d_output),
                    Before::Keep,
                    1.0,
                    self.windows(x, length, &mut copy).transposed(),
                    Matrix::new(d_output, self.outputs(length), self.d_output),
                    Threads::One,
                );
            }
        });
    }

    /// Adds up what `add` makes of the examples of each part of the batch.
    fn sum_of_parts(&self, d_weight: &mut [f32], add: impl Fn(Range<usize>, &mut [f32]) + Sync) {
        if d_weight.is_empty() {
            return;
        }
        let part = self.batch.div_ceil(PARTS).max(1);
        let parts: Vec<Vec<f32>> = (0..self.batch.div_ceil(part))
            .into_par_iter()
            .map(|number| {
                let mut sum = vec![0f32; d_weight.len()];
                let first = number * part;
                add(first..(first + part).min(self.batch), &mut sum);
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

    /// Whether the output has the input's positions.
    fn keeps_length(&self) -> bool {
        self.stride == 1 && self.length_output == self.length
    }

    fn input_gradients(&self, weight: &[f32], d_output: &[f32], d_x: &mut [f32]) {
        let (d_in, d_out) = (self.d_input, self.d_output);
        if d_x.is_empty() || d_in == 0 || d_out == 0 {
            return;
        }
        // Turned once, and not by every product of a few rows.
        let mut turned = vec![0f32; weight.len()];
        turned
            .par_chunks_mut(d_in * d_out)
            .zip(weight.par_chunks(d_in * d_out))
            .for_each(|(turned, tap)| {
                for (column, row) in turned.chunks_exact_mut(d_in).enumerate() {
                    for (to, from) in row.iter_mut().zip(tap.chunks_exact(d_out)) {
                        *to = from[column];
                    }
                }
            });
        d_x.par_chunks_mut(self.of_input().max(1))
            .enumerate()
            .for_each(|(example, d_x)| {
                for tap in 0..self.kernel {
                    let reach = self.reach(tap, self.lengths[example]);
                    if reach.count == 0 {
                        continue;
                    }
                    let to = &mut d_x[reach.from * d_in..];
                    product(
                        MatrixMut::strided(to, reach.count, d_in, self.stride * d_in),
                        Before::Keep,
                        1.0,
                        self.served(d_output, example, &reach),
                        Matrix::new(&turned[tap * d_in * d_out..], d_out, d_in),
                        Threads::One,
                    );
                }
            });
    }

    /// Gradient of the weights where the output is as long as the input: a product for each tap over the strings of a block, laid out with
    /// all of their first positions in front, then all of the second. What a tap reads of all of them is then one run of rows, and no
    /// product is made with what lies behind the end of a block's longest string. Strings of a like length share a block.
    fn weight_gradients_of_blocks(&self, x: &[f32], d_output: &[f32], d_weight: &mut [f32]) {
        let (d_in, d_out) = (self.d_input, self.d_output);
        self.sum_of_parts(d_weight, |examples, sum| {
            let mut examples: Vec<usize> = examples.collect();
            examples.sort_by_key(|&example| self.lengths[example]);
            let (mut of_x, mut of_d) = (Vec::new(), Vec::new());
            while let Some(&longest) = examples.last() {
                let length = self.lengths[longest];
                let strings = (ROWS / length.max(1)).clamp(1, examples.len());
                let own = examples.split_off(examples.len() - strings);
                let of_strings: Vec<&[f32]> = own.iter().map(|&row| self.string(x, row)).collect();
                by_position(&of_strings, length, d_in, &mut of_x);
                let of_answers: Vec<&[f32]> =
                    own.iter().map(|&row| self.answer(d_output, row)).collect();
                by_position(&of_answers, length, d_out, &mut of_d);
                for tap in 0..self.kernel {
                    let Reach { first, count, from } = self.reach(tap, length);
                    if count == 0 {
                        continue;
                    }
                    let (size, rows) = (d_in * d_out, count * strings);
                    product(
                        MatrixMut::new(&mut sum[tap * size..][..size], d_in, d_out),
                        Before::Keep,
                        1.0,
                        Matrix::new(&of_x[from * strings * d_in..], rows, d_in).transposed(),
                        Matrix::new(&of_d[first * strings * d_out..], rows, d_out),
                        Threads::One,
                    );
                }
            }
        });
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
            let reach = self.reach(tap, self.length);
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
