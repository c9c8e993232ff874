//! Rotary position embedding of queries and keys where they lie, side by side with the values.

use super::op::{Kept, Operation};
use super::vector;
use crate::Rotary;

/// Turns the first `parts` of a row's matrices, each of `n_heads` heads; what is beyond them is copied.
#[derive(Debug, Clone)]
pub(crate) struct Rotate {
    pub(crate) rotary: Rotary,
    /// `[batch, length, ...]`.
    pub(crate) dims: [usize; 3],
    /// Heads that are turned: of the queries, or of the queries and the keys.
    pub(crate) heads: usize,
}

impl Rotate {
    /// Turns `values` by `sign` times the angles.
    fn turned(&self, values: &[f32], sign: f32) -> Vec<f32> {
        let [_, length, width] = self.dims;
        let d_head = self.rotary.d_head();
        let mut output = values.to_vec();
        vector::for_rows(&mut output, width, |first, rows| {
            vector::run(
                #[inline(always)]
                || {
                    for (row, values) in rows.chunks_exact_mut(width).enumerate() {
                        let (cos, sin) = self.rotary.at((first + row) % length);
                        let heads = values.chunks_exact_mut(d_head).take(self.heads);
                        for head in heads {
                            turn(head, cos, sin, sign);
                        }
                    }
                },
            );
        });
        output
    }
}

#[inline(always)]
fn turn(head: &mut [f32], cos: &[f32], sin: &[f32], sign: f32) {
    let (first, second) = head.split_at_mut(cos.len());
    let halves = first.iter_mut().zip(second.iter_mut());
    for ((a, b), (cos, sin)) in halves.zip(cos.iter().zip(sin)) {
        let sin = sign * sin;
        let (own_a, own_b) = (*a, *b);
        *a = own_a * cos - own_b * sin;
        *b = own_b * cos + own_a * sin;
    }
}

impl Operation<1> for Rotate {
    type Saved = ();

    fn dims(&self) -> Vec<usize> {
        self.dims.to_vec()
    }

    fn reads(&self) -> ([bool; 1], bool) {
        ([false], false)
    }

    fn forward(&self, [x]: [&[f32]; 1], save: bool) -> (Vec<f32>, Option<()>) {
        (self.turned(x, 1.0), save.then_some(()))
    }

    // The transpose of a rotation turns back.
    fn backward(&self, _: Kept<'_, (), 1>, d_output: &[f32], _: [bool; 1]) -> [Vec<f32>; 1] {
        [self.turned(d_output, -1.0)]
    }
}
