//! The standard normal distribution.

// libm's erfc has all its digits; statrs's has eleven, but its inverse has all.
use libm::erfc;
use statrs::function::erf::erfc_inv;
use std::f64::consts::SQRT_2;

/// The probability that a standard normal variable stays below `z`.
pub(crate) fn probability(z: f64) -> f64 {
    0.5 * erfc(-z / SQRT_2)
}

/// The value below which a standard normal variable stays with probability `p`, for 0 < p < 1; a `p` that was rounded to 1 is the
/// largest number below it.
pub(crate) fn quantile(p: f64) -> f64 {
    -SQRT_2 * erfc_inv(2.0 * p.min(1.0 - f64::EPSILON / 2.0))
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
                let found = quantile(p);
                assert!(
                    (found - z).abs() < tolerance,
                    "p {p}: found {found}, expected {z}"
                );
                assert!((probability(z) - p).abs() < 1e-14, "z {z}");
            }
        }
        assert_eq!((probability(-60.0), probability(60.0)), (0.0, 1.0));
    }
}
