//! Predicted and true numbers side by side, with a weight each.

use std::borrow::Cow;

/// `n` predictions, their truth, and their weights; none of weight 0.
#[derive(Clone, Debug)]
pub(super) struct Pairs<'a> {
    pub(super) predicted: Cow<'a, [f64]>,
    pub(super) truth: Cow<'a, [f64]>,
    /// One positive weight per pair, or 1 each.
    weights: Option<Cow<'a, [f64]>>,
}

impl<'a> Pairs<'a> {
    /// Drops the pairs of weight 0, so that they count as absent everywhere.
    pub(super) fn new(
        predicted: Cow<'a, [f64]>,
        truth: Cow<'a, [f64]>,
        weights: Option<&'a [f64]>,
    ) -> Self {
        let keep = match weights {
            Some(weights) if weights.contains(&0.0) => weights,
            _ => {
                return Self {
                    predicted,
                    truth,
                    weights: weights.map(Cow::Borrowed),
                };
            }
        };
        let kept = |values: &[f64]| {
            let pairs = values.iter().zip(keep);
            Cow::Owned(pairs.filter(|&(_, &w)| w != 0.0).map(|(&v, _)| v).collect())
        };
        Self {
            predicted: kept(&predicted),
            truth: kept(&truth),
            weights: Some(kept(keep)),
        }
    }

    /// Pairs of which none has weight 0.
    pub(super) fn owned(
        predicted: Vec<f64>,
        truth: Vec<f64>,
        weights: Option<Vec<f64>>,
    ) -> Pairs<'static> {
        Pairs {
            predicted: Cow::Owned(predicted),
            truth: Cow::Owned(truth),
            weights: weights.map(Cow::Owned),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.truth.len()
    }

    pub(super) fn weight(&self, i: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[i])
    }

    pub(super) fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    pub(super) fn total(&self) -> f64 {
        match &self.weights {
            Some(weights) => weights.iter().sum(),
            None => self.len() as f64,
        }
    }

    pub(super) fn all_finite(&self) -> bool {
        let finite = |values: &[f64]| values.iter().all(|v| v.is_finite());
        finite(&self.predicted) && finite(&self.truth)
    }

    /// Prediction, truth and weight of each pair.
    pub(super) fn iter(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        (0..self.len()).map(|i| (self.predicted[i], self.truth[i], self.weight(i)))
    }

    /// The weighted sum of `f(predicted, truth)`.
    pub(super) fn sum(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        self.iter().map(|(x, y, w)| w * f(x, y)).sum()
    }

    /// Whether every truth is 0 or 1.
    pub(super) fn is_binary(&self) -> bool {
        self.truth.iter().all(|&y| y == 0.0 || y == 1.0)
    }

    /// Whether every prediction is a probability.
    pub(super) fn is_probability(&self) -> bool {
        self.predicted.iter().all(|x| (0.0..=1.0).contains(x))
    }
}
