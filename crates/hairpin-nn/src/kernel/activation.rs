//! What a layer applies to each value, with its derivative.

use super::op::{Kept, Operation};
use super::vector;
use crate::Activation;

impl Activation {
    /// `values` become what the function makes of them.
    #[inline(always)]
    pub(super) fn apply(self, values: &mut [f32]) {
        match self {
            Self::Identity => {}
            Self::Relu => each(values, |x| if x < 0.0 { 0.0 } else { x }),
            Self::Gelu => each(values, |x| x * vector::normal(x).0),
            Self::Tanh => each(values, vector::tanh),
            Self::Sigmoid => each(values, vector::sigmoid),
        }
    }

    /// The gradient `d` of what [`Self::apply`] made of `before` becomes that of `before`.
    #[inline(always)]
    pub(super) fn differentiate(self, before: &[f32], d: &mut [f32]) {
        match self {
            Self::Identity => {}
            Self::Relu => with(before, d, |x, d| if x > 0.0 { d } else { 0.0 }),
            Self::Gelu => with(before, d, |x, d| {
                let (cumulative, density) = vector::normal(x);
                d * (cumulative + x * density)
            }),
            Self::Tanh => with(before, d, |x, d| {
                let y = vector::tanh(x);
                d * (1.0 - y * y)
            }),
            Self::Sigmoid => with(before, d, |x, d| {
                let y = vector::sigmoid(x);
                d * y * (1.0 - y)
            }),
        }
    }
}

#[inline(always)]
fn each(values: &mut [f32], f: impl Fn(f32) -> f32) {
    for value in values {
        *value = f(*value);
    }
}

#[inline(always)]
fn with(before: &[f32], d: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    for (d, &before) in d.iter_mut().zip(before) {
        *d = f(before, *d);
    }
}

/// A function of each value, by itself.
#[derive(Debug, Clone)]
pub(crate) struct Activate {
    pub(crate) activation: Activation,
    pub(crate) dims: Vec<usize>,
}

impl Operation<1> for Activate {
    type Saved = ();

    fn dims(&self) -> Vec<usize> {
        self.dims.clone()
    }

    fn reads(&self) -> ([bool; 1], bool) {
        ([true], false)
    }

    fn forward(&self, [x]: [&[f32]; 1], save: bool) -> (Vec<f32>, Option<()>) {
        let mut output = x.to_vec();
        vector::for_rows(&mut output, 1, |_, values| {
            vector::run(
                #[inline(always)]
                || self.activation.apply(values),
            );
        });
        (output, save.then_some(()))
    }

    fn backward(&self, kept: Kept<'_, (), 1>, d_output: &[f32], _: [bool; 1]) -> [Vec<f32>; 1] {
        let [x] = kept.inputs;
        let mut d_x = d_output.to_vec();
        vector::for_rows(&mut d_x, 1, |first, d| {
            vector::run(
                #[inline(always)]
                || self.activation.differentiate(&x[first..][..d.len()], d),
            );
        });
        [d_x]
    }
}
