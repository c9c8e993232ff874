//! How good probabilities of a yes are: their surprise, their squared error, their calibration.

use serde::{Deserialize, Serialize};

use super::moments::ratio;
use super::pairs::Pairs;
use super::rank::ranks;

/// How probabilities are dealt into the bins of a calibration error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binning {
    /// Bins of equal width: `p` falls into bin `floor(p * bins)`, and 1 into the last.
    #[default]
    EqualWidth,
    /// Bins of equal mass: a row falls into bin `floor(q * bins)`, with `q` the share of rows below it plus half of
    /// the share tied with it, so that equal probabilities share a bin whatever the order of the rows.
    EqualMass,
}

/// The mean of `-ln` of the probability given to what happened, kept off 0 and 1 by 2⁻²³.
pub(super) fn log_loss(pairs: &Pairs) -> Option<f64> {
    if !pairs.is_binary() || !pairs.is_probability() {
        return None;
    }
    let epsilon = f64::from(f32::EPSILON);
    let loss = |p: f64, y: f64| -> f64 {
        let right = if y == 1.0 { p } else { 1.0 - p };
        -right.clamp(epsilon, 1.0 - epsilon).ln()
    };
    ratio(pairs.sum(loss), pairs.total())
}

pub(super) fn brier(pairs: &Pairs) -> Option<f64> {
    if !pairs.is_binary() || !pairs.is_probability() {
        return None;
    }
    ratio(pairs.sum(|p, y| (p - y) * (p - y)), pairs.total())
}

/// The mean over the rows of how far their bin's mean probability lies from its share of ones.
pub(super) fn calibration_error(pairs: &Pairs, bins: usize, binning: Binning) -> Option<f64> {
    if bins == 0 || !pairs.is_binary() || !pairs.is_probability() {
        return None;
    }
    let total = pairs.total();
    let bin = |share: f64| ((share * bins as f64) as usize).min(bins - 1);
    let places: Vec<usize> = match binning {
        Binning::EqualWidth => pairs.predicted.iter().map(|&p| bin(p)).collect(),
        Binning::EqualMass => ranks(&pairs.predicted, |i| pairs.weight(i))
            .iter()
            .map(|rank| bin((rank - 0.5) / total))
            .collect(),
    };
    // Sorted by bin, not one slot per bin: `bins` may come from a file.
    let mut gaps: Vec<(usize, f64)> = places
        .into_iter()
        .zip(pairs.iter())
        .map(|(place, (p, y, w))| (place, w * (p - y)))
        .collect();
    gaps.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let sum: f64 = gaps
        .chunk_by(|a, b| a.0 == b.0)
        .map(|gaps| gaps.iter().map(|gap| gap.1).sum::<f64>().abs())
        .sum();
    ratio(sum, total)
}
