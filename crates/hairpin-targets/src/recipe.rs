//! Transforms of targets that are fitted to training rows, applied to any rows, and inverted on predictions.
//!
//! A [`Recipe`] is a list of [`Step`]s, as a settings file holds it. [`Recipe::fit`] learns from the training rows and
//! gives a [`FittedRecipe`], the only type that can [`apply`](FittedRecipe::apply) and
//! [`invert`](FittedRecipe::invert): what was not fitted cannot transform. The fitted recipe is saved beside the weights
//! of the model.
//!
//! ```
//! use hairpin_targets::{FittedRecipe, Recipe, Step, TargetMatrix};
//! use ndarray::array;
//!
//! let names = || vec!["k_deg".to_string(), "reactivity".to_string()];
//! let train = TargetMatrix::new(array![[0.0, 1.0], [1.0, 2.0], [3.0, 3.0], [7.0, 6.0]], names())?;
//! let test = TargetMatrix::new(array![[15.0, 2.0]], names())?;
//!
//! let recipe = Recipe(vec![Step::Log1p, Step::ZScore]);
//! let fitted = recipe.fit(&train)?;
//! let scaled = fitted.apply(&test)?;
//! // log2(16) = 4 stands 2.5 above the training mean of 1.5, of a standard deviation of √1.25.
//! assert!((scaled.values()[[0, 0]] - 2.5 / 1.25f32.sqrt()).abs() < 1e-6);
//! assert_eq!(fitted.invert(&scaled)?.values(), test.values());
//!
//! // What was learned travels with the weights.
//! let json = serde_json::to_string(&fitted)?;
//! assert_eq!(serde_json::from_str::<FittedRecipe>(&json)?, fitted);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What every step keeps to
//!
//! | | |
//! |---|---|
//! | numbers | calculated in `f64`, stored as `f32`; the steps are fused, so nothing is rounded between them |
//! | not measured | passes through, is not learned from, and stays masked; for [`Step::TruncatedSvd`] see [`SvdMissing`] |
//! | constant columns | are shifted but not scaled (a scale of 1), and named by [`FittedRecipe::describe`] |
//! | standard errors | follow to first order (the error times the slope) through every step but [`Step::QuantileToNormal`] and [`Step::TruncatedSvd`], which drop them; they weigh nothing in the fit |
//! | row ids | are kept |
//! | threads | the same bytes at any number of them |
//!
//! Every step can be inverted. The inverse is exact, up to rounding, but for [`Step::Clip`] and [`Step::ClipQuantile`]
//! (what was cut off stays at the bound), [`Step::QuantileToNormal`] (what lay outside of the training range comes back as
//! its end, ties and few quantiles are interpolated) and [`Step::TruncatedSvd`] (the projection onto the kept subspace).

mod describe;
mod fitted;
mod moments;
mod normal;
mod quantiles;
mod stage;
mod step;
mod svd;

pub use fitted::FittedRecipe;
pub(crate) use quantiles::of_values as quantiles_of;
pub use step::{FittedStep, Scaling};

use serde::{Deserialize, Serialize};

use crate::TargetError;

/// Steps in the order in which they are applied.
///
/// ```
/// use hairpin_targets::{Recipe, Step};
///
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     recipe: Recipe,
/// }
/// let settings: Settings = toml::from_str(
///     r#"
///     recipe = [{ step = "clip_quantile", low = 0.001, high = 0.999 }, { step = "z_score" }]
///     "#,
/// )?;
/// let steps = vec![Step::ClipQuantile { low: 0.001, high: 0.999 }, Step::ZScore];
/// assert_eq!(settings.recipe, Recipe(steps));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recipe(pub Vec<Step>);

/// One transform of a [`Recipe`]; `x` is a value, the rest is learned per column from the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Step {
    /// `ln(1 + x)` for values above -1, such as counts; learns nothing. A value of -1 or below is refused.
    Log1p,
    /// `sign(x) ln(1 + |x|)` for values of either sign with long tails; learns nothing.
    SignedLog,
    /// `min(max(x, low), high)` with bounds that are given; learns nothing.
    Clip {
        /// Lower bound.
        low: f64,
        /// Upper bound, not below the lower one.
        high: f64,
    },
    /// `min(max(x, q_low), q_high)` with quantiles of each column, linear between order statistics (NumPy's default,
    /// definition 7 of Hyndman and Fan 1996, [doi:10.2307/2684934](https://doi.org/10.2307/2684934)).
    ClipQuantile {
        /// Lower quantile, 0 to 1.
        low: f64,
        /// Upper quantile, not below the lower one.
        high: f64,
    },
    /// `(x - mean) / standard deviation`, the latter with `n` below the fraction line, as scikit-learn's `StandardScaler`.
    ZScore,
    /// [`ZScore`](Self::ZScore) with the mean and standard deviation of the group that a row is of: a cell type, a plate, an
    /// experiment.
    ///
    /// The groups come with the rows: [`Recipe::fit_by_group`], [`FittedRecipe::apply_by_group`],
    /// [`FittedRecipe::invert_by_group`]. A column of which a group has no measured value takes the numbers of all
    /// training rows there.
    ZScoreByGroup {
        /// What to do with a group that the training rows do not have.
        unseen: UnseenGroup,
    },
    /// `low + (high - low) (x - min) / (max - min)`, as scikit-learn's `MinMaxScaler`. New values may fall outside.
    MinMax {
        /// What the smallest training value becomes, usually 0.
        low: f64,
        /// What the largest training value becomes, usually 1; above `low`.
        high: f64,
    },
    /// `(x - median) / (third quartile - first quartile)`, as scikit-learn's `RobustScaler`.
    Robust,
    /// `Φ⁻¹(F(x))`: to a standard normal distribution by rank, where `F` interpolates linearly between `n_quantiles`
    /// quantiles of the column, equally far apart.
    ///
    /// As scikit-learn's `QuantileTransformer(output_distribution="normal", subsample=None)`: where quantiles are tied, `F`
    /// is the middle of what it could be; the result is held to ±5.1993, which is where `F` lies within 1e-7 of 0 or 1.
    QuantileToNormal {
        /// Number of quantiles, 2 or more, usually 1000; not more are taken than there are training rows.
        n_quantiles: usize,
    },
    /// `V x`: the scores of a row on the first `rank` right singular vectors of the training matrix. Needs the feature
    /// `linalg` to be fitted, not to be applied.
    ///
    /// Columns become `svd 1` to `svd {rank}`. As scikit-learn's `TruncatedSVD`, nothing is centred, and of each vector
    /// the entry of largest size is positive, which fixes the sign. The inverse is `Vᵀ`, exact for what lies in the
    /// subspace. Vectors are found through the smaller of the two Gram matrices where the singular values kept lie within
    /// 1e4 of each other, otherwise by a thin SVD, which is slower but keeps every digit.
    TruncatedSvd {
        /// Number of vectors, from 1 to the lesser of training rows and columns.
        rank: usize,
        /// What to do with a value that was not measured.
        missing: SvdMissing,
    },
}

/// What [`Step::ZScoreByGroup`] does with a group that the training rows do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnseenGroup {
    /// Refuses it, with its row.
    Refuse,
    /// Takes the mean and standard deviation of all training rows.
    Pooled,
}

/// What [`Step::TruncatedSvd`] does with a value that was not measured: its result mixes all columns, so that a mask
/// cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SvdMissing {
    /// Refuses it, with its row and column.
    Refuse,
    /// Takes the mean of the column over the training rows. Scores, and what is inverted from them, count as measured.
    ColumnMean,
}

impl Step {
    /// The name of the step as its errors and [`FittedRecipe::describe`] give it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Log1p => "log1p",
            Self::SignedLog => "signed log",
            Self::Clip { .. } => "clip",
            Self::ClipQuantile { .. } => "clip at quantiles",
            Self::ZScore => "z-score",
            Self::ZScoreByGroup { .. } => "z-score by group",
            Self::MinMax { .. } => "min-max",
            Self::Robust => "robust scaling",
            Self::QuantileToNormal { .. } => "quantile to normal",
            Self::TruncatedSvd { .. } => "truncated SVD",
        }
    }

    /// Whether the step learns something from the values.
    fn learns(&self) -> bool {
        !matches!(self, Self::Log1p | Self::SignedLog | Self::Clip { .. })
    }

    /// Whether there are finite values that the step does not take.
    fn refuses(&self) -> bool {
        matches!(self, Self::Log1p)
    }

    /// Refuses settings out of range.
    fn check(&self) -> Result<(), TargetError> {
        let refuse = |setting, value, expected| {
            Err(TargetError::Setting {
                what: self.name(),
                setting,
                value,
                expected,
            })
        };
        match *self {
            Self::Clip { low, high } if !low.is_finite() || low > high => {
                refuse("low", low, "a finite number, not above high")
            }
            Self::Clip { high, .. } if !high.is_finite() => {
                refuse("high", high, "a finite number, not below low")
            }
            Self::ClipQuantile { low, high } if !(0.0..=1.0).contains(&low) || low > high => {
                refuse("low", low, "a number from 0 to 1, not above high")
            }
            Self::ClipQuantile { high, .. } if !(0.0..=1.0).contains(&high) => {
                refuse("high", high, "a number from 0 to 1, not below low")
            }
            Self::MinMax { low, .. } if !low.is_finite() => {
                refuse("low", low, "a finite number, below high")
            }
            Self::MinMax { low, high }
                if !high.is_finite() || high <= low || !(high - low).is_finite() =>
            {
                refuse("high", high, "a finite number, above low")
            }
            Self::QuantileToNormal { n_quantiles } if n_quantiles < 2 => {
                refuse("n_quantiles", n_quantiles as f64, "2 or more")
            }
            Self::TruncatedSvd { rank: 0, .. } => refuse("rank", 0.0, "1 or more"),
            _ => Ok(()),
        }
    }
}
