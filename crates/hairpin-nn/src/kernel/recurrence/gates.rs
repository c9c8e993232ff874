//! Vectorised `exp`, sigmoid and tanh, the transcendental part of a recurrent cell.
//!
//! `exp(x)` is computed as `2^n · exp(r)` with `n = round(x · log2 e)` and `|r| <= ln 2 / 2`, where a Taylor polynomial of degree 7
//! is exact to 6e-9, below half a unit in the last place of an `f32`.

use pulp::Simd;

/// `exp(x)` for `|x| <= 87`; larger magnitudes are clamped, NaN stays NaN.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Adding 1.5 · 2^23 rounds to the nearest integer and leaves it in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const TAYLOR: [f32; 6] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
    let splat = |v| simd.splat_f32s(v);
    // Clamped by comparison and not by min and max, which drop a NaN on some machines.
    let x = simd.select_f32s(simd.greater_than_f32s(x, splat(87.0)), splat(87.0), x);
    let x = simd.select_f32s(simd.less_than_f32s(x, splat(-87.0)), splat(-87.0), x);
    let shifted = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), splat(ROUND));
    let n = simd.sub_f32s(shifted, splat(ROUND));
    let r = simd.mul_add_e_f32s(n, splat(-LN2_HIGH), x);
    let r = simd.mul_add_e_f32s(n, splat(-LN2_LOW), r);
    let mut p = splat(1.0 / 5040.0);
    for coefficient in TAYLOR {
        p = simd.mul_add_e_f32s(p, r, splat(coefficient));
    }
    let p = simd.mul_add_e_f32s(p, r, splat(1.0));
    // 2^n by writing n + 127 into the exponent bits.
    let bits = simd.wrapping_dyn_shl_u32s(
        simd.add_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(127)),
        simd.splat_u32s(23),
    );
    simd.mul_f32s(p, simd.transmute_f32s_u32s(bits))
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub(super) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// `tanh(x) = 2 sigmoid(2x) - 1`, absolute error below 2e-7.
#[inline(always)]
pub(super) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let s = sigmoid(simd, simd.add_f32s(x, x));
    simd.sub_f32s(simd.add_f32s(s, s), simd.splat_f32s(1.0))
}

/// Derivative of a sigmoid, from its value.
#[inline(always)]
pub(super) fn slope<S: Simd>(simd: S, gate: S::f32s) -> S::f32s {
    simd.mul_f32s(gate, simd.sub_f32s(simd.splat_f32s(1.0), gate))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Map<'a>(&'a [f32], fn(f64) -> f64, bool);
    impl pulp::WithSimd for Map<'_> {
        type Output = f64;
        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            let mut worst = 0f64;
            for &x in self.0 {
                let v = simd.splat_f32s(x);
                let y = if self.2 {
                    sigmoid(simd, v)
                } else {
                    tanh(simd, v)
                };
                let mut lanes = [0f32; 64];
                simd.partial_store_f32s(&mut lanes[..S::F32_LANES], y);
                worst = worst.max((f64::from(lanes[0]) - (self.1)(f64::from(x))).abs());
            }
            worst
        }
    }

    fn worst(sigmoid: bool, exact: fn(f64) -> f64) -> f64 {
        let xs: Vec<f32> = (-200_000..=200_000).map(|i| i as f32 * 1e-3).collect();
        pulp::Arch::new().dispatch(Map(&xs, exact, sigmoid))
    }

    #[test]
    fn sigmoid_and_tanh_agree_with_the_standard_library() {
        assert!(worst(true, |x| 1.0 / (1.0 + (-x).exp())) < 1.5e-7);
        assert!(worst(false, f64::tanh) < 2e-7);
    }

    #[test]
    fn nan_and_infinity_keep_their_meaning() {
        for x in [f32::INFINITY, f32::NEG_INFINITY] {
            let exact = |x: f64| 1.0 / (1.0 + (-x).exp());
            assert!(pulp::Arch::new().dispatch(Map(&[x], exact, true)) < 1e-6);
            assert!(pulp::Arch::new().dispatch(Map(&[x], f64::tanh, false)) < 1e-6);
        }
        struct Nan;
        impl pulp::WithSimd for Nan {
            type Output = bool;
            fn with_simd<S: Simd>(self, simd: S) -> bool {
                let mut lanes = [0f32; 64];
                let y = tanh(simd, simd.splat_f32s(f32::NAN));
                simd.partial_store_f32s(&mut lanes[..S::F32_LANES], y);
                lanes[0].is_nan()
            }
        }
        assert!(pulp::Arch::new().dispatch(Nan));
    }
}
