//! The standard normal distribution, for intervals.

use std::f64::consts::PI;

/// The standard normal distribution function `Φ(z)`.
///
/// Marsaglia's series (2004), *Evaluating the normal distribution*, doi:10.18637/jss.v011.i04:
/// `Φ(z) = 1/2 + φ(z) (z + z³/3 + z⁵/(3·5) + ...)`; beyond 38 standard deviations it is 0 or 1 in an `f64`.
pub(super) fn normal_cdf(z: f64) -> f64 {
    if z.abs() > 38.0 {
        return if z > 0.0 { 1.0 } else { 0.0 };
    }
    (0.5 + density(z) * series(z)).clamp(0.0, 1.0)
}

/// The standard normal quantile of `p`, for 0 < p < 1.
pub(super) fn normal_quantile(p: f64) -> f64 {
    if p < 0.5 {
        -upper_quantile(1.0 - p)
    } else {
        upper_quantile(p)
    }
}

/// The quantile of `p`, for 0.5 <= p < 1.
///
/// Newton's method from 0: the distribution function is concave above 0, so the steps approach from below and never
/// overshoot.
fn upper_quantile(p: f64) -> f64 {
    let mut z = 0.0_f64;
    loop {
        let density = density(z);
        let step = (p - 0.5 - density * series(z)) / density;
        if step <= 1e-14 * z.max(1e-300) {
            return z;
        }
        z += step;
    }
}

fn density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / (2.0 * PI).sqrt()
}

/// `z + z³/3 + z⁵/(3·5) + ...`
fn series(z: f64) -> f64 {
    let (mut sum, mut term, mut odd) = (0.0, z, 1.0);
    while sum + term != sum {
        sum += term;
        odd += 2.0;
        term *= z * z / odd;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_tables() {
        for (p, z) in [
            (0.5, 0.0),
            (0.841_344_746_068_542_9, 1.0),
            (0.975, 1.959_963_984_540_054),
            (0.995, 2.575_829_303_548_901),
            (0.999_999, 4.753_424_308_822_899),
        ] {
            for (p, z, tolerance) in [(p, z, 1e-10), (1.0 - p, -z, 1e-10)] {
                let found = normal_quantile(p);
                assert!(
                    (found - z).abs() < tolerance,
                    "p {p}: found {found}, expected {z}"
                );
                assert!((normal_cdf(z) - p).abs() < 1e-14, "z {z}");
            }
        }
        assert_eq!((normal_cdf(-60.0), normal_cdf(60.0)), (0.0, 1.0));
    }
}
