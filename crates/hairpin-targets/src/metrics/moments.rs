//! The sums from which deviations and linear correlations are computed.

use super::pairs::Pairs;

/// Weighted sums over pairs of a prediction `x` and a truth `y`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Moments {
    /// Sum of the weights.
    pub(super) weight: f64,
    pub(super) mean_x: f64,
    pub(super) mean_y: f64,
    /// Sum of `(x - mean_x)²`.
    pub(super) xx: f64,
    /// Sum of `(y - mean_y)²`.
    pub(super) yy: f64,
    /// Sum of `(x - mean_x)(y - mean_y)`.
    pub(super) xy: f64,
    /// Sum of `(x - y)²`.
    pub(super) squares: f64,
    /// Sum of `|x - y|`.
    pub(super) absolutes: f64,
}

impl Moments {
    /// In two passes: the means, then the sums around them.
    ///
    /// Everything is taken relative to the first pair, so that a constant side has a sum of squares of exactly 0.
    pub(super) fn of(pairs: &Pairs) -> Self {
        let (Some(&x0), Some(&y0)) = (pairs.predicted.first(), pairs.truth.first()) else {
            return Self::default();
        };
        let weight = pairs.total();
        let mean_x = pairs.sum(|x, _| x - x0) / weight;
        let mean_y = pairs.sum(|_, y| y - y0) / weight;
        let mut moments = Self {
            weight,
            mean_x: mean_x + x0,
            mean_y: mean_y + y0,
            ..Self::default()
        };
        for (x, y, w) in pairs.iter() {
            let (dx, dy) = (x - x0 - mean_x, y - y0 - mean_y);
            moments.xx += w * dx * dx;
            moments.yy += w * dy * dy;
            moments.xy += w * dx * dy;
            moments.squares += w * (x - y) * (x - y);
            moments.absolutes += w * (x - y).abs();
        }
        moments
    }

    /// The moments of both sets of pairs together. Chan, Golub and LeVeque (1983), doi:10.1080/00031305.1983.10483115.
    pub(super) fn merge(self, other: Self) -> Self {
        if self.weight == 0.0 || other.weight == 0.0 {
            return if self.weight == 0.0 { other } else { self };
        }
        let weight = self.weight + other.weight;
        let (dx, dy) = (other.mean_x - self.mean_x, other.mean_y - self.mean_y);
        let (share, shared) = (other.weight / weight, self.weight * other.weight / weight);
        Self {
            weight,
            mean_x: self.mean_x + share * dx,
            mean_y: self.mean_y + share * dy,
            xx: self.xx + other.xx + shared * dx * dx,
            yy: self.yy + other.yy + shared * dy * dy,
            xy: self.xy + other.xy + shared * dx * dy,
            squares: self.squares + other.squares,
            absolutes: self.absolutes + other.absolutes,
        }
    }

    pub(super) fn mse(&self) -> Option<f64> {
        ratio(self.squares, self.weight)
    }

    pub(super) fn mae(&self) -> Option<f64> {
        ratio(self.absolutes, self.weight)
    }

    pub(super) fn r2(&self) -> Option<f64> {
        Some(1.0 - ratio(self.squares, self.yy)?)
    }

    pub(super) fn pearson(&self) -> Option<f64> {
        Some(ratio(self.xy, geometric_mean(self.xx, self.yy))?.clamp(-1.0, 1.0))
    }

    pub(super) fn concordance(&self) -> Option<f64> {
        let shift = self.mean_x - self.mean_y;
        ratio(
            2.0 * self.xy,
            self.xx + self.yy + self.weight * shift * shift,
        )
    }

    pub(super) fn cosine(&self) -> Option<f64> {
        let xx = self.xx + self.weight * self.mean_x * self.mean_x;
        let yy = self.yy + self.weight * self.mean_y * self.mean_y;
        let xy = self.xy + self.weight * self.mean_x * self.mean_y;
        Some(ratio(xy, geometric_mean(xx, yy))?.clamp(-1.0, 1.0))
    }
}

/// `√(ab)`, which is `a` where the two are equal, also where the product overflows or vanishes.
pub(super) fn geometric_mean(a: f64, b: f64) -> f64 {
    let product = a * b;
    if product.is_normal() {
        product.sqrt()
    } else {
        a.sqrt() * b.sqrt()
    }
}

/// A quotient, unless its denominator is 0 or something in it was not finite.
pub(super) fn ratio(part: f64, whole: f64) -> Option<f64> {
    let ratio = part / whole;
    (whole > 0.0 && ratio.is_finite()).then_some(ratio)
}
