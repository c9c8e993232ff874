//! The control that learns which k-mers of a protein go with which k-mers of a probe.

use hairpin_seq::{Encode, KmerCounts, Nucleotide, Seq};
use ndarray::Array2;

use super::mixture::{Directions, Profiles, gram};
use super::regressor::Regressor;
use super::spectrum::{Spectrum, check_share};
use crate::{TargetError, TargetMatrix};

/// A bilinear regression of profiles on the k-mers of probes and the features of proteins.
///
/// ```text
/// minimise over W   ‖Y D W Fᵀ - Y Yᵀ‖² + λ ‖W‖²       Y: profiles [proteins, probes] about their mean
///                                                      D: k-mer counts of the probes, F: features of the proteins
/// t = Y D W f                                          products of the unknown profile with the training profiles
/// y = mean + Yᵀ (Y Yᵀ)⁺ t                              the shortest profile that has these products
/// ```
///
/// Pelossof et al., *Affinity regression predicts the recognition code of nucleic acid-binding proteins*, Nature Biotechnology 2015
/// (doi:10.1038/nbt.3343), who multiply both sides by the profiles as is done here, and solve for `W` by elastic net; with squares
/// alone there is a closed form in the singular vectors of both sides, so that nothing is iterated. Features are brought to length
/// 1 and centred. `λ` is `strength` times the largest eigenvalue of the two sides' product; the pseudo-inverse keeps the directions
/// that have `share` of the profiles' variance.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `k` | required | length of the probes' k-mers | 1 to 6 |
/// | `strength` | 1e-3 | penalty on the weights, relative | above 0 |
/// | `share` | 0.95 | share of the profiles' variance that is kept | above 0, at most 1 |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AffinityRegression {
    /// Length of the probes' k-mers.
    pub k: usize,
    /// Penalty on the weights.
    pub strength: f64,
    /// Share of the variance of the profiles.
    pub share: f64,
}

const WHAT: &str = "affinity regression";

impl AffinityRegression {
    /// With k-mers of this length, and the other settings as usual.
    pub fn new(k: usize) -> Self {
        Self {
            k,
            strength: 1e-3,
            share: 0.95,
        }
    }

    /// Fits the weights.
    ///
    /// # Shapes
    ///
    /// - `features`: `[n_rows, n_features]`, of the proteins
    /// - `profiles`: `[n_rows, probes.len()]`
    ///
    /// # Errors
    ///
    /// If there is not one profile per row of features or one column per probe, a feature is not finite, a column has no measured value,
    /// all rows have the same features or profile, or a setting is out of range.
    pub fn fit<A: Nucleotide>(
        &self,
        probes: &[Seq<A>],
        features: &Array2<f32>,
        profiles: &TargetMatrix,
    ) -> Result<FittedAffinityRegression, TargetError> {
        check_share(WHAT, self.share)?;
        if !(self.strength > 0.0 && self.strength.is_finite()) {
            return Err(TargetError::Setting {
                what: WHAT,
                setting: "strength",
                value: self.strength,
                expected: "a finite number above 0",
            });
        }
        if !(1..=6).contains(&self.k) {
            return Err(TargetError::Setting {
                what: WHAT,
                setting: "k",
                value: self.k as f64,
                expected: "1 to 6",
            });
        }
        if probes.len() != profiles.n_columns() {
            return Err(TargetError::Length {
                what: "probes of the profiles' columns",
                expected: profiles.n_columns(),
                found: probes.len(),
            });
        }
        let profiles = Profiles::new(features.nrows(), profiles)?;
        let directions = Directions::new(features)?;
        let of_profiles = gram(profiles.centred());
        let left = on_kmers(&profiles, probes, &KmerCounts::new(self.k)?);
        let left = Spectrum::of(&left.dot(&left.t()))?;
        let right = Spectrum::of(&directions.gram())?;
        let kept = Spectrum::of(&of_profiles)?.keep_share(self.share);
        let (Some(&most_left), Some(&most_right)) = (left.values.first(), right.values.first())
        else {
            return Err(TargetError::Undefined {
                what: "an affinity regression of rows that are all the same",
            });
        };
        let strength = self.strength * most_left * most_right;
        // M = a b (Uaᵀ T Ub) / (a b + λ), with a, b the eigenvalues of the two sides; t = Ua M b⁻¹ Ubᵀ (F f).
        let mut inner = left.vectors.t().dot(&of_profiles.dot(&right.vectors));
        for ((i, j), value) in inner.indexed_iter_mut() {
            let (a, b) = (left.values[i], right.values[j]);
            *value *= a / (a * b + strength);
        }
        let products = right.vectors.dot(&inner.t()).dot(&left.vectors.t());
        let mut inverse = kept.vectors.clone();
        for (mut column, value) in inverse.columns_mut().into_iter().zip(&kept.values) {
            column /= *value;
        }
        Ok(FittedAffinityRegression {
            settings: *self,
            to_weights: products.dot(&inverse).dot(&kept.vectors.t()),
            directions,
            profiles,
        })
    }
}

/// `Y D`, `[n_rows, 4^k]`: how much of each profile stands on each k-mer.
fn on_kmers<A: Nucleotide>(
    profiles: &Profiles,
    probes: &[Seq<A>],
    encoder: &KmerCounts,
) -> Array2<f64> {
    let channels = Encode::<A>::channels(encoder);
    let mut counts = vec![0.0; channels];
    let mut sums = Array2::zeros((channels, profiles.centred().nrows()));
    for (probe, values) in probes.iter().zip(profiles.centred().columns()) {
        encoder.encode_into(probe, &mut counts);
        for (mut sums, &count) in sums.rows_mut().into_iter().zip(&counts) {
            if count > 0.0 {
                for (sum, &value) in sums.iter_mut().zip(values) {
                    *sum += f64::from(count) * f64::from(value);
                }
            }
        }
    }
    sums.reversed_axes()
}

/// An [`AffinityRegression`] that has seen its training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedAffinityRegression {
    settings: AffinityRegression,
    directions: Directions,
    profiles: Profiles,
    /// From products with the training features to weights of the training profiles, `[n_rows, n_rows]`.
    to_weights: Array2<f64>,
}

impl Regressor<Array2<f32>> for FittedAffinityRegression {
    fn name(&self) -> String {
        format!(
            "affinity regression on {}-mers of the probes, strength {}",
            self.settings.k, self.settings.strength
        )
    }

    fn predict(&self, features: &Array2<f32>) -> Result<TargetMatrix, TargetError> {
        let products = self.directions.products(features)?;
        self.profiles.mix(&products.dot(&self.to_weights))
    }
}
