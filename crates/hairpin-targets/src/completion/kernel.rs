//! What two pairs of categories have in common.

use faer::Mat;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::Codes;
use crate::TargetError;
use crate::control::product;

/// The share of all second categories that must have been measured in a first category for its rows to count towards profiles.
const COVERAGE: f64 = 0.9;

/// The covariance of two rows `(a, b)` and `(a', b')`, a sum of products.
///
/// ```text
/// k = constant + first [a = a'] + second [b = b'] + pair [a = a'][b = b'] + profile B_bb' + profile_within [a = a'] B_bb'
/// B_bb' = S_bb' / mean_c S_cc              S_bb' = Σ_a d_ab · d_ab' / √(n_b n_b')
/// ```
///
/// `d_ab`, a part of the profile of the second category `b`, is its row less the mean of the rows of `a`; the sum is over those `n_b` first
/// categories that have `b`, out of those in which at least 90 % of the second ones were measured (out of all if none is): what a compound
/// does to each cell type where nearly every compound was tried. It lets a compound that was not tried in a cell type borrow from those that
/// were and that do alike elsewhere.
///
/// | setting | default | what it explains | range |
/// |---|---|---|---|
/// | `constant` | 0.06 | what all rows share | 0 or more |
/// | `first` | 0.3 | what all rows of a first category share | 0 or more |
/// | `second` | 0.8 | what all rows of a second category share | 0 or more |
/// | `pair` | 0.3 | what is of this pair alone | 0 or more |
/// | `profile` | 0.2 | what second categories of like profiles share | 0 or more |
/// | `profile_within` | 0.1 | the same within a first category | 0 or more |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairKernel {
    /// What all rows share.
    pub constant: f64,
    /// What all rows of a first category share.
    pub first: f64,
    /// What all rows of a second category share.
    pub second: f64,
    /// What is of this pair alone.
    pub pair: f64,
    /// What second categories of like profiles share.
    pub profile: f64,
    /// What second categories of like profiles share within a first category.
    pub profile_within: f64,
}

impl Default for PairKernel {
    fn default() -> Self {
        Self {
            constant: 0.06,
            first: 0.3,
            second: 0.8,
            pair: 0.3,
            profile: 0.2,
            profile_within: 0.1,
        }
    }
}

impl PairKernel {
    pub(super) fn check(&self) -> Result<(), TargetError> {
        let settings = [
            ("constant", self.constant),
            ("first", self.first),
            ("second", self.second),
            ("pair", self.pair),
            ("profile", self.profile),
            ("profile_within", self.profile_within),
        ];
        match settings
            .iter()
            .find(|(_, value)| !(*value >= 0.0 && value.is_finite()))
        {
            Some(&(setting, value)) => Err(TargetError::Setting {
                what: "kernel of pairs",
                setting,
                value,
                expected: "a finite number, 0 or more",
            }),
            None => Ok(()),
        }
    }

    fn of(&self, same_first: bool, same_second: bool, profiles: f64) -> f64 {
        let when = |same: bool, value: f64| if same { value } else { 0.0 };
        self.constant
            + when(same_first, self.first + self.profile_within * profiles)
            + when(same_second, self.second)
            + when(same_first && same_second, self.pair)
            + self.profile * profiles
    }
}

/// The pairs of the training rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pairs {
    pub(super) rows: Vec<Codes>,
    /// `B`, `[n_second, n_second]`.
    pub(super) profiles: Array2<f64>,
}

impl Pairs {
    /// Pairs with the profiles of `scores`, `[n_rows, rank]`.
    pub(super) fn new(rows: Vec<Codes>, levels: (usize, usize), scores: &Mat<f64>) -> Self {
        Self {
            profiles: profiles(&rows, levels, scores),
            rows,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    fn between(&self, kernel: &PairKernel, a: Codes, b: Codes) -> f64 {
        let same = |x: Option<usize>, y: Option<usize>| x.is_some() && x == y;
        let profiles = match (a.1, b.1) {
            (Some(x), Some(y)) => self.profiles[[x, y]],
            _ => 0.0,
        };
        kernel.of(same(a.0, b.0), same(a.1, b.1), profiles)
    }

    /// The kernel between the training rows.
    pub(super) fn gram(&self, kernel: &PairKernel) -> Mat<f64> {
        let rows = &self.rows;
        Mat::from_fn(rows.len(), rows.len(), |i, j| {
            self.between(kernel, rows[i], rows[j])
        })
    }

    /// The kernel between other rows and the training rows, `[asked, n_rows]`.
    pub(super) fn against(&self, kernel: &PairKernel, asked: &[Codes]) -> Array2<f64> {
        Array2::from_shape_fn((asked.len(), self.rows.len()), |(i, j)| {
            self.between(kernel, asked[i], self.rows[j])
        })
    }
}

fn profiles(rows: &[Codes], levels: (usize, usize), scores: &Mat<f64>) -> Array2<f64> {
    let (n_first, n_second) = levels;
    let rank = scores.ncols();
    let mut tried = vec![vec![false; n_second]; n_first];
    let (mut means, mut counts) = (Mat::<f64>::zeros(n_first, rank), vec![0.0; n_first]);
    let known = || {
        rows.iter()
            .enumerate()
            .filter_map(|(row, pair)| Some((row, pair.0?, pair.1?)))
    };
    for (row, first, second) in known() {
        tried[first][second] = true;
        counts[first] += 1.0;
        (0..rank).for_each(|k| means[(first, k)] += scores[(row, k)]);
    }
    let share = |first: usize| tried[first].iter().filter(|&&t| t).count() as f64 / n_second as f64;
    let covered: Vec<bool> = (0..n_first).map(|first| share(first) >= COVERAGE).collect();
    let none = !covered.contains(&true);
    let mut products = Mat::<f64>::zeros(n_second, n_second);
    let mut counts_of = vec![0.0_f64; n_second];
    for cell in (0..n_first).filter(|&first| none || covered[first]) {
        let mut own = Mat::<f64>::zeros(n_second, rank);
        let mut repeats = vec![0.0_f64; n_second];
        for (row, _, second) in known().filter(|&(_, first, _)| first == cell) {
            repeats[second] += 1.0;
            for k in 0..rank {
                own[(second, k)] += scores[(row, k)] - means[(cell, k)] / counts[cell];
            }
        }
        // A pair of several rows counts with their mean.
        for (second, &repeats) in repeats.iter().enumerate().filter(|(_, n)| **n > 0.0) {
            counts_of[second] += 1.0;
            (0..rank).for_each(|k| own[(second, k)] /= repeats);
        }
        products += product(own.as_ref(), own.transpose());
    }
    let size = |b: usize| counts_of[b].max(1.0);
    let mean = (0..n_second)
        .map(|b| products[(b, b)] / size(b))
        .sum::<f64>()
        / n_second as f64;
    let scale = if mean > 0.0 { mean.recip() } else { 0.0 };
    Array2::from_shape_fn((n_second, n_second), |(a, b)| {
        products[(a, b)] * scale / (size(a) * size(b)).sqrt()
    })
}
