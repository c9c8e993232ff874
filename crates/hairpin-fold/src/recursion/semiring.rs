//! The two meanings of "sum" and "product" in the recursion, one value at a time and in the lanes of a register.

use pulp::Simd;

use crate::energy::INFINITE;

/// Values with a sum and a product, and how a processor takes several at once.
pub(crate) trait Semiring: Copy + Send + Sync + 'static {
    type Value: Copy + PartialEq + Send + Sync + 'static;
    type Lanes<S: Simd>: Copy;

    /// Leaves a sum unchanged.
    const ZERO: Self::Value;
    /// Leaves a product unchanged.
    const ONE: Self::Value;
    /// A number of values that fills whole registers on every processor.
    const PAD: usize;

    fn plus(a: Self::Value, b: Self::Value) -> Self::Value;
    fn times(a: Self::Value, b: Self::Value) -> Self::Value;
    /// Keeps products of many zeros within range.
    fn cap(a: Self::Value) -> Self::Value;

    fn splat<S: Simd>(simd: S, value: Self::Value) -> Self::Lanes<S>;
    fn times_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    fn plus_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    /// `a b + c`.
    fn fused<S: Simd>(
        simd: S,
        a: Self::Lanes<S>,
        b: Self::Lanes<S>,
        c: Self::Lanes<S>,
    ) -> Self::Lanes<S>;
    /// The sum over all lanes.
    fn gather<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self::Value;
    /// A slice, whose length is a multiple of [`PAD`](Self::PAD), in registers.
    fn lanes<S: Simd>(values: &[Self::Value]) -> &[Self::Lanes<S>];
    fn lanes_mut<S: Simd>(values: &mut [Self::Value]) -> &mut [Self::Lanes<S>];
}

/// Boltzmann factors: the ordinary sum and product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum;

impl Semiring for Sum {
    type Value = f64;
    type Lanes<S: Simd> = S::f64s;

    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    const PAD: usize = 8;

    #[inline(always)]
    fn plus(a: f64, b: f64) -> f64 {
        a + b
    }

    #[inline(always)]
    fn times(a: f64, b: f64) -> f64 {
        a * b
    }

    #[inline(always)]
    fn cap(a: f64) -> f64 {
        a
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: f64) -> S::f64s {
        simd.splat_f64s(value)
    }

    #[inline(always)]
    fn times_lanes<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.mul_f64s(a, b)
    }

    #[inline(always)]
    fn plus_lanes<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.add_f64s(a, b)
    }

    #[inline(always)]
    fn fused<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.mul_add_e_f64s(a, b, c)
    }

    #[inline(always)]
    fn gather<S: Simd>(simd: S, a: S::f64s) -> f64 {
        simd.reduce_sum_f64s(a)
    }

    #[inline(always)]
    fn lanes<S: Simd>(values: &[f64]) -> &[S::f64s] {
        S::as_simd_f64s(values).0
    }

    #[inline(always)]
    fn lanes_mut<S: Simd>(values: &mut [f64]) -> &mut [S::f64s] {
        S::as_mut_simd_f64s(values).0
    }
}

/// Energies in dcal/mol: the minimum is the sum, the sum is the product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Minimum;

impl Semiring for Minimum {
    type Value = i32;
    type Lanes<S: Simd> = S::i32s;

    const ZERO: i32 = INFINITE;
    const ONE: i32 = 0;
    const PAD: usize = 16;

    #[inline(always)]
    fn plus(a: i32, b: i32) -> i32 {
        a.min(b)
    }

    #[inline(always)]
    fn times(a: i32, b: i32) -> i32 {
        a + b
    }

    #[inline(always)]
    fn cap(a: i32) -> i32 {
        a.min(INFINITE)
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: i32) -> S::i32s {
        simd.splat_i32s(value)
    }

    #[inline(always)]
    fn times_lanes<S: Simd>(simd: S, a: S::i32s, b: S::i32s) -> S::i32s {
        simd.add_i32s(a, b)
    }

    #[inline(always)]
    fn plus_lanes<S: Simd>(simd: S, a: S::i32s, b: S::i32s) -> S::i32s {
        simd.min_i32s(a, b)
    }

    #[inline(always)]
    fn fused<S: Simd>(simd: S, a: S::i32s, b: S::i32s, c: S::i32s) -> S::i32s {
        simd.min_i32s(simd.add_i32s(a, b), c)
    }

    #[inline(always)]
    fn gather<S: Simd>(_: S, a: S::i32s) -> i32 {
        let lanes: &[i32] = pulp::bytemuck::cast_slice(std::slice::from_ref(&a));
        lanes
            .iter()
            .fold(Self::ZERO, |least, &lane| least.min(lane))
    }

    #[inline(always)]
    fn lanes<S: Simd>(values: &[i32]) -> &[S::i32s] {
        S::as_simd_i32s(values).0
    }

    #[inline(always)]
    fn lanes_mut<S: Simd>(values: &mut [i32]) -> &mut [S::i32s] {
        S::as_mut_simd_i32s(values).0
    }
}
