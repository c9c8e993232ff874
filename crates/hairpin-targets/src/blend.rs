//! Several models' predictions joined into one.
//!
//! Fit a [`Blend`] to out-of-fold predictions, which no member has seen the truth of, and apply it to the members' predictions of new
//! rows:
//!
//! ```
//! use hairpin_targets::TargetMatrix;
//! use hairpin_targets::blend::{Blend, HillClimbing, spread};
//! use hairpin_targets::metrics::{Metric, Over};
//! use ndarray::{Array2, array};
//!
//! let column = |values: Array2<f32>| TargetMatrix::new(values, vec!["rate".to_string()]);
//! let truth = column(array![[1.], [2.], [3.], [4.]])?;
//! // Two members whose errors cancel, and a bad one.
//! let members = [
//!     column(array![[2.], [1.], [4.], [3.]])?,
//!     column(array![[0.], [3.], [2.], [5.]])?,
//!     column(array![[4.], [4.], [0.], [0.]])?,
//! ];
//! let settings = HillClimbing::new(Metric::Mse, Over::Pooled);
//! let blend = Blend::HillClimbing(HillClimbing { bags: 1, share: 1.0, ..settings }).fit(&members, &truth)?;
//! assert_eq!(blend.weights().unwrap(), [0.5, 0.5, 0.0]);
//! assert_eq!(blend.apply(&members)?.values(), truth.values());
//! assert_eq!(spread(&members[..2])?[[0, 0]], 2_f32.sqrt()); // how far they disagree on the first row
//! # Ok::<(), hairpin_targets::TargetError>(())
//! ```

mod hill_climbing;
mod nnls;

use ndarray::{Array2, Zip};
use serde::{Deserialize, Serialize};

use crate::metrics::{Comparison, median};
use crate::{TargetError, TargetMatrix};

pub use hill_climbing::HillClimbing;

/// How predictions are joined.
///
/// | blend | weights | learned from the truth |
/// |---|---|---|
/// | [`Mean`](Self::Mean) | equal | nothing |
/// | [`Median`](Self::Median) | none: the middle one at each entry | nothing |
/// | [`NonNegative`](Self::NonNegative) | least squares, none below 0 | a weight each; they correct the scale, too |
/// | [`HillClimbing`](Self::HillClimbing) | 0 or more, adding up to 1 | which members serve a metric |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Blend {
    /// The mean of the members.
    Mean,
    /// The median of the members at each entry; one that is far off does no harm.
    Median,
    /// Non-negative least squares over all that was measured:
    ///
    /// ```text
    /// minimise over w ≥ 0   Σ (Σ_k w_k x_k - y)²
    /// ```
    ///
    /// The weights need not add up to 1. Stacking: Breiman (1996), *Stacked regressions*,
    /// [doi:10.1007/BF00117832](https://doi.org/10.1007/BF00117832); solved as Lawson and Hanson (1974), *Solving least squares problems*,
    /// chapter 23, [doi:10.1137/1.9781611971217](https://doi.org/10.1137/1.9781611971217).
    NonNegative,
    /// The members that serve a metric best, added one by one.
    HillClimbing(HillClimbing),
}

impl Blend {
    /// Learns the weights of the members from their predictions of rows that they were not fitted to.
    ///
    /// # Shapes
    ///
    /// - each of `members` and `truth`: `[n_rows, n_columns]`
    ///
    /// # Errors
    ///
    /// If there are no members, one has another shape or other columns than the truth or lacks what was measured there, nothing was
    /// measured, a setting is out of its range, or the metric is undefined for every member.
    pub fn fit(
        &self,
        members: &[TargetMatrix],
        truth: &TargetMatrix,
    ) -> Result<FittedBlend, TargetError> {
        check_members(members.len(), 1)?;
        for member in members {
            Comparison::new(member, truth)?;
        }
        let equal = vec![1.0 / members.len() as f64; members.len()];
        let weights = match self {
            Self::Mean => Some(equal),
            Self::Median => None,
            Self::NonNegative => Some(least_squares(members, truth)?),
            Self::HillClimbing(settings) => Some(settings.weights(members, truth)?),
        };
        Ok(FittedBlend {
            members: members.len(),
            weights,
            names: truth.names().to_vec(),
        })
    }
}

fn least_squares(members: &[TargetMatrix], truth: &TargetMatrix) -> Result<Vec<f64>, TargetError> {
    let measured = |values: &Array2<f32>| -> Vec<f64> {
        let entries = values.iter().zip(truth.measured());
        let entries = entries.filter(|&(_, &measured)| measured);
        entries.map(|(&value, _)| f64::from(value)).collect()
    };
    let y = measured(truth.values());
    if y.is_empty() {
        return Err(TargetError::NoRows {
            what: "the truth of a blend",
        });
    }
    let columns = members.iter().map(|member| measured(member.values()));
    Ok(nnls::solve(columns.collect(), y))
}

fn check_members(found: usize, least: usize) -> Result<(), TargetError> {
    if found >= least {
        return Ok(());
    }
    Err(TargetError::Setting {
        what: "a blend",
        setting: "number of members",
        value: found as f64,
        expected: if least == 1 { "1 or more" } else { "2 or more" },
    })
}

/// A [`Blend`] that has seen out-of-fold predictions and their truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct FittedBlend {
    members: usize,
    /// None for the median.
    weights: Option<Vec<f64>>,
    names: Vec<String>,
}

impl FittedBlend {
    /// The weight of each member, 0 or more; none for the median.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Joins the members' predictions of any rows, the members in the order they were fitted in.
    ///
    /// An entry that a member does not predict is not predicted.
    ///
    /// # Errors
    ///
    /// If there are more or fewer members than it was fitted to, or they have not the same rows or other columns than the truth had.
    pub fn apply(&self, members: &[TargetMatrix]) -> Result<TargetMatrix, TargetError> {
        if members.len() != self.members {
            return Err(TargetError::Length {
                what: "members of a blend",
                expected: self.members,
                found: members.len(),
            });
        }
        let shape = (members[0].n_rows(), self.names.len());
        let measured = common_mask(members, shape)?;
        for member in members {
            let mut names = member.names().iter().zip(&self.names).enumerate();
            if let Some((column, (found, expected))) = names.find(|(_, (a, b))| a != b) {
                return Err(TargetError::ColumnName {
                    column,
                    expected: expected.clone(),
                    found: found.clone(),
                });
            }
        }
        let values = match &self.weights {
            Some(weights) => weighted(members, weights, shape),
            None => Array2::from_shape_fn(shape, |at| {
                let mut all: Vec<f64> = members.iter().map(|m| f64::from(m.values()[at])).collect();
                median(&mut all).unwrap_or_default() as f32
            }),
        };
        let joined = TargetMatrix::with_mask(values, measured, self.names.clone())?;
        match members[0].row_ids() {
            Some(ids) => joined.with_row_ids(ids.to_vec()),
            None => Ok(joined),
        }
    }
}

fn weighted(members: &[TargetMatrix], weights: &[f64], shape: (usize, usize)) -> Array2<f32> {
    let mut sum = Array2::<f64>::zeros(shape);
    for (member, &weight) in members.iter().zip(weights) {
        Zip::from(&mut sum)
            .and(member.values())
            .for_each(|sum, &value| *sum += weight * f64::from(value));
    }
    sum.mapv(|value| value as f32)
}

/// What all members predict.
fn common_mask(
    members: &[TargetMatrix],
    shape: (usize, usize),
) -> Result<Array2<bool>, TargetError> {
    let mut mask = Array2::from_elem(shape, true);
    for member in members {
        if member.values().dim() != shape {
            return Err(TargetError::Shape {
                what: "the predictions of a member of a blend",
                expected: shape,
                found: member.values().dim(),
            });
        }
        mask.zip_mut_with(member.measured(), |mask, &given| *mask &= given);
    }
    Ok(mask)
}

/// How far the members disagree at each entry, as a measure of uncertainty: their standard deviation, by `k - 1`.
///
/// It ranks predictions by how sure they are; it is no interval. Lakshminarayanan et al. (2017), *Simple and scalable predictive uncertainty
/// estimation using deep ensembles*, [arXiv:1612.01474](https://arxiv.org/abs/1612.01474). NaN where a member does not predict.
///
/// # Shapes
///
/// - result: `[n_rows, n_columns]`, in the unit of the targets
///
/// # Errors
///
/// If there are fewer than 2 members, or they differ in shape.
pub fn spread(members: &[TargetMatrix]) -> Result<Array2<f32>, TargetError> {
    check_members(members.len(), 2)?;
    let shape = members[0].values().dim();
    let mask = common_mask(members, shape)?;
    Ok(Array2::from_shape_fn(shape, |at| {
        if !mask[at] {
            return f32::NAN;
        }
        let values = members.iter().map(|member| f64::from(member.values()[at]));
        let k = members.len() as f64;
        let mean = values.clone().sum::<f64>() / k;
        let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
        (squares / (k - 1.0)).sqrt() as f32
    }))
}

/// A fitted blend as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    members: usize,
    weights: Option<Vec<f64>>,
    names: Vec<String>,
}

impl From<FittedBlend> for Parts {
    fn from(blend: FittedBlend) -> Self {
        Self {
            members: blend.members,
            weights: blend.weights,
            names: blend.names,
        }
    }
}

impl TryFrom<Parts> for FittedBlend {
    type Error = TargetError;

    fn try_from(parts: Parts) -> Result<Self, TargetError> {
        check_members(parts.members, 1)?;
        if let Some(weights) = &parts.weights {
            if weights.len() != parts.members {
                return Err(TargetError::Length {
                    what: "weights of a blend",
                    expected: parts.members,
                    found: weights.len(),
                });
            }
            let bad = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0));
            if let Some(member) = bad {
                return Err(TargetError::Setting {
                    what: "a blend",
                    setting: "weight of a member",
                    value: weights[member],
                    expected: "a finite number of 0 or more",
                });
            }
        }
        Ok(Self {
            members: parts.members,
            weights: parts.weights,
            names: parts.names,
        })
    }
}
