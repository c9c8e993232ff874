//! A column's way to the standard normal distribution by rank, and back.

use crate::normal::{probability, quantile};

/// How near to 0 or 1 a probability may come before it is taken to be at the end, as in scikit-learn.
const THRESHOLD: f64 = 1e-7;
/// Where the result ends: minus the quantile at `THRESHOLD - f64::EPSILON`.
const END: f64 = 5.199_337_582_605_575;

/// `Φ⁻¹(F(x))`, `F` from quantiles that are equally far apart.
pub(super) fn to_normal(x: f64, quantiles: &[f64]) -> f64 {
    if x.is_nan() {
        return x;
    }
    let (first, last) = (quantiles[0], quantiles[quantiles.len() - 1]);
    // The lower end last, as in scikit-learn: a constant column goes to the lower end.
    let p = if x - THRESHOLD < first {
        0.0
    } else if x + THRESHOLD > last {
        1.0
    } else {
        // Where quantiles are tied, the middle between the first and the last of them.
        let below = quantiles.partition_point(|&quantile| quantile < x);
        let upto = quantiles.partition_point(|&quantile| quantile <= x);
        let step = 1.0 / (quantiles.len() - 1) as f64;
        if upto > below {
            0.5 * (below as f64 + (upto - 1) as f64) * step
        } else {
            let (a, b) = (quantiles[below - 1], quantiles[below]);
            ((below - 1) as f64 + (x - a) / (b - a)) * step
        }
    };
    if p <= 0.0 {
        -END
    } else if p >= 1.0 {
        END
    } else {
        quantile(p).clamp(-END, END)
    }
}

/// `F⁻¹(Φ(z))`.
pub(super) fn from_normal(z: f64, quantiles: &[f64]) -> f64 {
    if z.is_nan() {
        return z;
    }
    let p = probability(z);
    let last = quantiles.len() - 1;
    if p - THRESHOLD < 0.0 {
        return quantiles[0];
    }
    if p + THRESHOLD > 1.0 {
        return quantiles[last];
    }
    let h = p * last as f64;
    let below = (h as usize).min(last);
    let above = (below + 1).min(last);
    quantiles[below] + (quantiles[above] - quantiles[below]) * (h - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution() {
        assert_eq!(probability(0.0), 0.5);
        assert!((quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
        assert!((quantile(THRESHOLD - f64::EPSILON) + END).abs() < 1e-9);
        for step in 1..100 {
            let p = f64::from(step) / 100.0;
            assert!((probability(quantile(p)) - p).abs() < 1e-14, "{p}");
        }
    }

    #[test]
    fn ties_go_to_the_middle_and_the_ends_to_the_ends() {
        let quantiles = [0.0, 1.0, 1.0, 1.0, 4.0];
        assert!(to_normal(1.0, &quantiles).abs() < 1e-15);
        assert!((to_normal(2.5, &quantiles) - quantile(0.875)).abs() < 1e-15);
        assert_eq!(to_normal(-3.0, &quantiles), to_normal(0.0, &quantiles));
        assert_eq!(to_normal(9.0, &quantiles), -to_normal(0.0, &quantiles));
        assert_eq!(from_normal(-9.0, &quantiles), 0.0);
        assert_eq!(from_normal(9.0, &quantiles), 4.0);
        assert!(to_normal(f64::NAN, &quantiles).is_nan());
        assert!(to_normal(7.0, &[7.0]).is_finite());
        assert_eq!(from_normal(0.3, &[7.0]), 7.0);
    }
}
