//! Functions of many numbers at a time, as plain loops that the compiler turns into vector instructions: [`run`] compiles the loop it
//! is given for every instruction set and picks the machine's. Operations are those of IEEE 754, never fused, so that a loop gives
//! the same on every machine.

use rayon::prelude::*;

/// Floats from which a loop is worth a second thread.
const GRAIN: usize = 1 << 14;

/// Partial sums of a reduction: enough for the widest vectors. Fixed, so that sums do not depend on the machine.
const LANES: usize = 32;

/// Runs a loop with the machine's vector instructions. It must be `#[inline(always)]`, and so must be what it calls.
#[inline(always)]
pub(super) fn run<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Rows of `width` values for one task, of `rows`.
pub(super) fn rows_per_task(rows: usize, width: usize) -> usize {
    GRAIN.div_ceil(width.max(1)).clamp(1, rows.max(1))
}

/// Calls `work` with the first row's index and the values of some rows of `out`, on all threads.
pub(super) fn for_rows(
    out: &mut [f32],
    width: usize,
    work: impl Fn(usize, &mut [f32]) + Send + Sync,
) {
    if out.is_empty() {
        return;
    }
    let rows = rows_per_task(out.len() / width, width);
    out.par_chunks_mut(rows * width)
        .enumerate()
        .for_each(|(task, out)| work(task * rows, out));
}

/// As [`for_rows`], with the same rows of two matrices of one width.
pub(super) fn for_two_rows(
    one: &mut [f32],
    two: &mut [f32],
    width: usize,
    work: impl Fn(usize, &mut [f32], &mut [f32]) + Send + Sync,
) {
    if one.is_empty() {
        return;
    }
    let rows = rows_per_task(one.len() / width, width);
    one.par_chunks_mut(rows * width)
        .zip(two.par_chunks_mut(rows * width))
        .enumerate()
        .for_each(|(task, (one, two))| work(task * rows, one, two));
}

/// `exp(x)`: relative error below 2e-7; 0 below -87, `exp(88)` above 88; NaN stays NaN.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding 1.5 · 2^23 rounds to the nearest integer and leaves it in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let small = x < -87.0;
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if small { 0.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    // Taylor's series on |r| <= ln 2 / 2.
    let mut p = 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if small { 0.0 } else { p * power }
}

/// `1 / (1 + exp(-x))`: absolute error below 1.5e-7; NaN stays NaN.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `tanh(x)`: absolute error below 2e-7; NaN stays NaN.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// The normal distribution's `(Φ(x), φ(x))`; absolute error of Φ below 2e-7.
///
/// Abramowitz & Stegun 1964, 7.1.26, whose exponential is φ's.
#[inline(always)]
pub(super) fn normal(x: f32) -> (f32, f32) {
    const INVERSE_SQRT_2PI: f32 = 0.398_942_3;
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let mut p = 1.061_405_4;
    p = p * t - 1.453_152_1;
    p = p * t + 1.421_413_8;
    p = p * t - 0.284_496_74;
    p = p * t + 0.254_829_6;
    let gauss = exp(-0.5 * x * x);
    let tail = 0.5 * p * t * gauss;
    let cumulative = if x < 0.0 { tail } else { 1.0 - tail };
    (cumulative, INVERSE_SQRT_2PI * gauss)
}

/// `Σ f(index)` over `0..count`, in an order of its own.
#[inline(always)]
pub(super) fn sum(count: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let whole = count - count % LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += f(start + lane);
        }
    }
    for index in whole..count {
        lanes[index - whole] += f(index);
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    lanes[0]
}

/// The greatest value; minus infinity of none.
#[inline(always)]
pub(super) fn greatest(values: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, value);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = larger(*lane, value);
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, larger)
}

/// Adds the columns' sums of `values`, rows of `sums.len()`, to `sums`.
pub(super) fn add_columns(values: &[f32], sums: &mut [f32]) {
    /// Columns of a task.
    const COLUMNS: usize = 64;
    let width = sums.len();
    sums.par_chunks_mut(COLUMNS)
        .enumerate()
        .for_each(|(task, sums)| {
            run(
                #[inline(always)]
                || {
                    for row in values.chunks_exact(width) {
                        let row = &row[task * COLUMNS..][..sums.len()];
                        for (sum, value) in sums.iter_mut().zip(row) {
                            *sum += value;
                        }
                    }
                },
            );
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_standard_library() {
        for i in -120_000..=87_999 {
            let x = i as f32 * 1e-3;
            let (found, exact) = (f64::from(exp(x)), f64::from(x).exp());
            let bound = if x < -87.0 { 2e-38 } else { 2.5e-7 * exact };
            assert!((found - exact).abs() <= bound, "exp({x}) is {found}");
        }
        assert!(exp(f32::NAN).is_nan());
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert!(exp(f32::INFINITY).is_finite());
    }

    #[test]
    fn sigmoid_and_tanh_agree_with_the_standard_library() {
        for i in -100_000..=100_000 {
            let x = i as f32 * 1e-3;
            let exact = f64::from(x);
            let error = |found: f32, exact: f64| (f64::from(found) - exact).abs();
            assert!(
                error(sigmoid(x), 1.0 / (1.0 + (-exact).exp())) < 1.5e-7,
                "{x}"
            );
            assert!(error(tanh(x), exact.tanh()) < 2.5e-7, "{x}");
        }
        for (x, low) in [(f32::INFINITY, 1.0), (f32::NEG_INFINITY, 0.0)] {
            assert!((sigmoid(x) - low).abs() < 1e-30);
            assert_eq!(tanh(x), 2.0 * low - 1.0);
        }
        assert!(sigmoid(f32::NAN).is_nan() && tanh(f32::NAN).is_nan());
    }

    #[test]
    fn the_normal_distribution_agrees_with_its_integral() {
        // Φ by Simpson's rule from 0, in f64.
        let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let (mut integral, step) = (0.5, 1e-3);
        for i in 0..9_000 {
            let x = f64::from(i) * step;
            let (cumulative, own_density) = normal(x as f32);
            assert!((f64::from(cumulative) - integral).abs() < 2.5e-7, "{x}");
            assert!((f64::from(own_density) - density(x)).abs() < 2e-7, "{x}");
            assert!((f64::from(normal(-x as f32).0) - (1.0 - integral)).abs() < 2.5e-7);
            integral +=
                step / 6.0 * (density(x) + 4.0 * density(x + step / 2.0) + density(x + step));
        }
        assert!(normal(f32::NAN).0.is_nan());
        assert_eq!(normal(f32::INFINITY).0, 1.0);
        assert_eq!(normal(f32::NEG_INFINITY).0, 0.0);
    }

    #[test]
    fn reductions_see_every_value_once() {
        for count in [0, 1, 31, 32, 33, 100] {
            let values: Vec<f32> = (0..count).map(|i| i as f32).collect();
            assert_eq!(sum(count, |i| values[i]), values.iter().sum::<f32>());
            let last = values.last().copied().unwrap_or(f32::NEG_INFINITY);
            assert_eq!(greatest(&values), last);
        }
        let mut sums = vec![1.0; 130];
        add_columns(&vec![0.5; 130 * 7], &mut sums);
        assert_eq!(sums, vec![4.5; 130]);
    }
}
