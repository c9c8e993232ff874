//! The control that embeds proteins and their profiles together.

use ndarray::Array2;

use super::mixture::{Directions, Profiles, gram};
use super::regressor::Regressor;
use super::spectrum::{Spectrum, check_share};
use crate::{TargetError, TargetMatrix};

/// A low-rank embedding of features and profiles together, from which the profile of a row is read whose features alone are known: after
/// JPLE, *joint protein-ligand embedding*.
///
/// ```text
/// X   = [w F / ‖F‖, Y / ‖Y‖]        F: features of length 1 about their mean; Y: profiles about their mean; Frobenius norms
/// X   ≈ U S Vᵀ                       the first components, Vᵀ = [V_Fᵀ, V_Yᵀ]
/// z   = argmin_z ‖f - z V_Fᵀ‖² + λ ‖z‖²
/// y   = mean + ‖Y‖ z V_Yᵀ                                  decoded globally
/// y   = mean + Σ_i c_i y_i,  c_i ~ max(0, cos(z, u_i S))   decoded locally, from the nearest training rows
/// ```
///
/// Sasse et al., *Reconstructing the sequence specificities of RNA-binding proteins across eukaryotes*, bioRxiv 2022
/// (doi:10.1101/2022.10.15.512378), where features are gapped k-mers of the RNA-binding regions and profiles are z-scores of
/// 7-mers; theirs chooses between the two ways to decode by the distance to the nearest training protein, here it is asked for. Only
/// products of rows are ever formed, so that profiles may be long. What was not measured counts as the column's mean.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `share` | 0.95 | share of the variance that the components kept have | above 0, at most 1 |
/// | `feature_weight` | 1 | `w`, the weight of features against profiles | above 0 |
/// | `strength` | 1e-3 | `λ` | 0 or more |
/// | `neighbours` | none | decoded locally, from so many; else globally | 1 to the training rows |
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::control::{JointEmbedding, Regressor};
/// use ndarray::array;
///
/// let features = array![[3., 0., 0.], [0., 2., 0.], [0., 0., 1.]];
/// let names = vec!["probe 1".to_string(), "probe 2".to_string()];
/// let profiles = TargetMatrix::new(array![[4., 0.], [0., 2.], [0., 0.]], names)?;
/// let control = JointEmbedding { share: 1.0, strength: 0.0, ..JointEmbedding::default() }.fit(&features, &profiles)?;
/// // Half the first, half the second.
/// let predicted = control.predict(&array![[1., 0., 0.], [0., 5., 0.]])?;
/// assert!((predicted.values()[[0, 0]] - 4.).abs() < 1e-4 && (predicted.values()[[1, 1]] - 2.).abs() < 1e-4);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JointEmbedding {
    /// Share of the variance that the components kept have.
    pub share: f64,
    /// Weight of the features against the profiles.
    pub feature_weight: f64,
    /// Strength of the penalty on the place of a row that is asked for.
    pub strength: f64,
    /// Decoded from so many training rows, or globally.
    pub neighbours: Option<usize>,
}

impl Default for JointEmbedding {
    fn default() -> Self {
        Self {
            share: 0.95,
            feature_weight: 1.0,
            strength: 1e-3,
            neighbours: None,
        }
    }
}

const WHAT: &str = "joint embedding";

impl JointEmbedding {
    /// Embeds the training rows.
    ///
    /// # Shapes
    ///
    /// - `features`: `[n_rows, n_features]`
    /// - `profiles`: `[n_rows, n_columns]`
    ///
    /// # Errors
    ///
    /// If there is not one profile per row of features, a feature is not finite, a column has no measured value, all rows have the same
    /// features or the same profile, or a setting is out of range.
    pub fn fit(
        &self,
        features: &Array2<f32>,
        profiles: &TargetMatrix,
    ) -> Result<FittedJointEmbedding, TargetError> {
        check_share(WHAT, self.share)?;
        let settings = [
            (
                "feature weight",
                self.feature_weight,
                self.feature_weight > 0.0,
            ),
            ("strength", self.strength, self.strength >= 0.0),
        ];
        for (setting, value, allowed) in settings {
            if !(allowed && value.is_finite()) {
                return Err(TargetError::Setting {
                    what: WHAT,
                    setting,
                    value,
                    expected: "a finite number, above 0 or, for the strength, 0",
                });
            }
        }
        let profiles = Profiles::new(features.nrows(), profiles)?;
        if let Some(k) = self.neighbours
            && !(1..=features.nrows()).contains(&k)
        {
            return Err(TargetError::Neighbours {
                k,
                n_rows: features.nrows(),
            });
        }
        let directions = Directions::new(features)?;
        let (mut of_features, mut of_profiles) = (directions.gram(), gram(profiles.centred()));
        // The trace of XXᵀ is the square of the Frobenius norm.
        let norms = [&of_features, &of_profiles].map(|gram| gram.diag().sum());
        if norms.iter().any(|norm| !(*norm > 0.0 && norm.is_finite())) {
            return Err(TargetError::Undefined {
                what: "a joint embedding of rows that are all the same",
            });
        }
        let scale = self.feature_weight * self.feature_weight / norms[0];
        of_features *= scale;
        of_profiles /= norms[1];
        let joint = Spectrum::of(&(&of_features + &of_profiles))?.keep_share(self.share);
        // U S⁻¹: the components of a row are its products with the training rows, times this.
        let singular: Vec<f64> = joint.values.iter().map(|value| value.sqrt()).collect();
        let mut unit = joint.vectors.clone();
        for (mut column, s) in unit.columns_mut().into_iter().zip(&singular) {
            column /= *s;
        }
        // V_Fᵀ V_F + λ, inverted by its eigenvectors.
        let of_v = unit.t().dot(&of_features.dot(&unit));
        let inner = Spectrum::of(&of_v)?;
        let mut scaled = inner.vectors.clone();
        for (mut column, value) in scaled.columns_mut().into_iter().zip(&inner.values) {
            column /= value + self.strength;
        }
        let inverse = scaled.dot(&inner.vectors.t());
        let places = joint.vectors * ndarray::ArrayView1::from(&singular);
        Ok(FittedJointEmbedding {
            settings: *self,
            to_place: unit.dot(&inverse) * scale,
            to_weights: unit.t().to_owned(),
            places,
            directions,
            profiles,
        })
    }
}

/// A [`JointEmbedding`] that has seen its training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedJointEmbedding {
    settings: JointEmbedding,
    directions: Directions,
    profiles: Profiles,
    /// From products with the training features to a place, `[n_rows, rank]`.
    to_place: Array2<f64>,
    /// From a place to weights of the training profiles, `[rank, n_rows]`.
    to_weights: Array2<f64>,
    /// Of the training rows, `[n_rows, rank]`.
    places: Array2<f64>,
}

impl FittedJointEmbedding {
    /// Number of components kept.
    pub fn rank(&self) -> usize {
        self.to_weights.nrows()
    }

    /// Where rows are in the embedding, by their features alone: `[n, rank]`.
    ///
    /// # Errors
    ///
    /// If there is another number of features than were trained on, or one is not finite.
    pub fn embed(&self, features: &Array2<f32>) -> Result<Array2<f64>, TargetError> {
        Ok(self.directions.products(features)?.dot(&self.to_place))
    }

    /// Weights of the `k` nearest training rows by cosine.
    fn local(&self, places: &Array2<f64>, k: usize) -> Array2<f64> {
        let mut weights = Array2::zeros((places.nrows(), self.places.nrows()));
        for (place, mut weights) in places.rows().into_iter().zip(weights.rows_mut()) {
            let length = place.dot(&place).sqrt();
            let cosine = |row: usize| {
                let other = self.places.row(row);
                let lengths = length * other.dot(&other).sqrt();
                if lengths > 0.0 {
                    place.dot(&other) / lengths
                } else {
                    0.0
                }
            };
            let mut nearest: Vec<(f64, usize)> = (0..self.places.nrows())
                .map(|row| (cosine(row), row))
                .collect();
            nearest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            nearest.truncate(k);
            let total: f64 = nearest.iter().map(|(cosine, _)| cosine.max(0.0)).sum();
            for (cosine, row) in nearest.into_iter().filter(|(cosine, _)| *cosine > 0.0) {
                weights[row] = cosine / total;
            }
        }
        weights
    }
}

impl Regressor<Array2<f32>> for FittedJointEmbedding {
    fn name(&self) -> String {
        let way = match self.settings.neighbours {
            Some(1) => "the nearest".to_owned(),
            Some(k) => format!("the {k} nearest"),
            None => "all".to_owned(),
        };
        format!("joint embedding, rank {}, decoded from {way}", self.rank())
    }

    fn predict(&self, features: &Array2<f32>) -> Result<TargetMatrix, TargetError> {
        let places = self.embed(features)?;
        let weights = match self.settings.neighbours {
            Some(k) => self.local(&places, k),
            None => places.dot(&self.to_weights),
        };
        self.profiles.mix(&weights)
    }
}
