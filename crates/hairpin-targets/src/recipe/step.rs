//! What each step learned, and what it does with a block of values.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::normal;
use super::stage::Block;
use super::{SvdMissing, UnseenGroup};

/// Which way a block goes through the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Forward,
    Backward,
}

/// A value that a step cannot take.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) step: &'static str,
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) value: f64,
    pub(super) expected: &'static str,
}

/// A [`Step`](super::Step) with what it learned; lists hold one number per column unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum FittedStep {
    /// `ln(1 + x)`.
    Log1p,
    /// `sign(x) ln(1 + |x|)`.
    SignedLog,
    /// `min(max(x, low), high)`.
    Clip {
        /// The quantiles that the bounds are, if they are quantiles.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quantiles: Option<[f64; 2]>,
        /// Lower bounds.
        low: Vec<f64>,
        /// Upper bounds.
        high: Vec<f64>,
    },
    /// `(x - centre) / scale`.
    Scale {
        /// How centre and scale were found.
        by: Scaling,
        /// What becomes 0.
        centre: Vec<f64>,
        /// What becomes 1 above it; 1 in constant columns.
        scale: Vec<f64>,
        /// The columns that are constant in the training rows.
        constant: Vec<usize>,
    },
    /// `(x - mean) / standard deviation` of the group that a row is of.
    ScaleByGroup {
        /// What happens to a group that the training rows do not have.
        unseen: UnseenGroup,
        /// Mean by group, then that of all training rows.
        centre: Vec<Vec<f64>>,
        /// Standard deviation by group, then that of all training rows; 1 where constant.
        scale: Vec<Vec<f64>>,
        /// Group and column where the training values are constant, or only one.
        constant: Vec<[usize; 2]>,
        /// Group and column without a training value, where the numbers of all rows stand in.
        pooled: Vec<[usize; 2]>,
    },
    /// `Φ⁻¹(F(x))`.
    QuantileToNormal {
        /// Quantiles of each column, ascending, equally far apart from 0 to 1.
        quantiles: Vec<Vec<f64>>,
    },
    /// `V x`.
    TruncatedSvd {
        /// What happens to a value that was not measured.
        missing: SvdMissing,
        /// Right singular vectors, one list per vector.
        components: Vec<Vec<f64>>,
        /// Singular values, one per vector, descending.
        singular_values: Vec<f64>,
        /// Variance of the training rows' scores, one per vector.
        explained_variance: Vec<f64>,
        /// The same as a share of the summed variance of the columns, one per vector.
        explained_variance_ratio: Vec<f64>,
        /// What stands in for a value that was not measured.
        column_mean: Vec<f64>,
    },
}

/// How [`FittedStep::Scale`] found centre and scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scaling {
    /// Mean and standard deviation.
    ZScore,
    /// Minimum and range, to an interval.
    MinMax,
    /// Median and interquartile range.
    Robust,
}

impl FittedStep {
    /// Applies the step to a block. A truncated SVD is not for blocks: it needs whole rows.
    #[inline(always)]
    pub(super) fn forward(&self, block: &mut Block<'_>) -> Result<(), Refusal> {
        match self {
            Self::Log1p => {
                if let Some(at) = block.values.iter().position(|&value| value <= -1.0) {
                    return Err(Refusal {
                        step: "log1p",
                        row: block.rows[at / block.n_columns],
                        column: block.first_column + at % block.n_columns,
                        value: block.values[at],
                        expected: "a number above -1",
                    });
                }
                block
                    .values
                    .iter_mut()
                    .for_each(|value| *value = value.ln_1p());
            }
            Self::SignedLog => {
                for value in block.values.iter_mut() {
                    *value = value.abs().ln_1p().copysign(*value);
                }
            }
            Self::Clip { low, high, .. } => {
                let (low, high) = (block.of(low), block.of(high));
                for row in block.values.chunks_exact_mut(block.n_columns) {
                    for ((value, &low), &high) in row.iter_mut().zip(low).zip(high) {
                        // Two selections that let NaN through, which `max` and `min` would not.
                        let raised = if *value < low { low } else { *value };
                        *value = if raised > high { high } else { raised };
                    }
                }
            }
            Self::Scale { centre, scale, .. } => {
                let factor: Vec<f64> = block.of(scale).iter().map(|scale| 1.0 / scale).collect();
                let centre = block.of(centre);
                for row in block.values.chunks_exact_mut(block.n_columns) {
                    for ((value, centre), factor) in row.iter_mut().zip(centre).zip(&factor) {
                        *value = (*value - centre) * factor;
                    }
                }
            }
            Self::ScaleByGroup { centre, scale, .. } => {
                block.rows_by_group(centre, scale, |value, centre, scale| {
                    (value - centre) / scale
                });
            }
            Self::QuantileToNormal { quantiles } => {
                block.by_column(quantiles, normal::to_normal);
            }
            Self::TruncatedSvd { .. } => unreachable!("an SVD is applied to whole rows"),
        }
        Ok(())
    }

    /// Undoes the step in a block.
    #[inline(always)]
    pub(super) fn backward(&self, block: &mut Block<'_>) {
        match self {
            Self::Log1p => block
                .values
                .iter_mut()
                .for_each(|value| *value = value.exp_m1()),
            Self::SignedLog => {
                for value in block.values.iter_mut() {
                    *value = value.abs().exp_m1().copysign(*value);
                }
            }
            Self::Clip { .. } => {}
            Self::Scale { centre, scale, .. } => {
                let (centre, scale) = (block.of(centre), block.of(scale));
                for row in block.values.chunks_exact_mut(block.n_columns) {
                    for ((value, centre), scale) in row.iter_mut().zip(centre).zip(scale) {
                        *value = *value * scale + centre;
                    }
                }
            }
            Self::ScaleByGroup { centre, scale, .. } => {
                block.rows_by_group(centre, scale, |value, centre, scale| value * scale + centre);
            }
            Self::QuantileToNormal { quantiles } => {
                block.by_column(quantiles, normal::from_normal);
            }
            Self::TruncatedSvd { .. } => unreachable!("an SVD is inverted on whole rows"),
        }
    }

    /// What a small error of a value is multiplied by.
    pub(super) fn slope(&self, block: &Block<'_>, offset: usize, way: Way) -> f64 {
        let value = block.values[offset];
        let column = block.first_column + offset;
        match (self, way) {
            (Self::Log1p, Way::Forward) => 1.0 / (1.0 + value),
            (Self::SignedLog, Way::Forward) => 1.0 / (1.0 + value.abs()),
            (Self::Log1p, Way::Backward) => value.exp(),
            (Self::SignedLog, Way::Backward) => value.abs().exp(),
            (Self::Scale { scale, .. }, Way::Forward) => 1.0 / scale[column],
            (Self::Scale { scale, .. }, Way::Backward) => scale[column],
            (Self::ScaleByGroup { scale, .. }, way) => {
                let scale = scale[block.group(0, scale.len())][column];
                if way == Way::Forward {
                    1.0 / scale
                } else {
                    scale
                }
            }
            // A value at the bound keeps its error; the others have none to follow (see `keeps_errors`).
            _ => 1.0,
        }
    }

    /// Whether standard errors can follow.
    pub(super) fn keeps_errors(&self) -> bool {
        !matches!(
            self,
            Self::QuantileToNormal { .. } | Self::TruncatedSvd { .. }
        )
    }

    /// Whether columns stay what they are, so that the mask does, too.
    pub(super) fn keeps_shape(&self) -> bool {
        !matches!(self, Self::TruncatedSvd { .. })
    }

    /// Columns after the step, of `n_columns` before it.
    pub(super) fn width(&self, n_columns: usize) -> usize {
        match self {
            Self::TruncatedSvd { components, .. } => components.len(),
            _ => n_columns,
        }
    }

    /// What is wrong with a step that was read, for a matrix of `n_columns` and so many groups.
    pub(super) fn problem(&self, n_columns: usize, n_groups: Option<usize>) -> Option<String> {
        let list = |what: &str, list: &[f64]| {
            if list.len() != n_columns {
                return Some(format!(
                    "{what}: expected {n_columns} numbers, found {}",
                    list.len()
                ));
            }
            let at = list.iter().position(|number| !number.is_finite())?;
            Some(format!(
                "{what} of column {at}: expected a finite number, found {}",
                list[at]
            ))
        };
        let positive = |what: &str, numbers: &[f64]| {
            let at = numbers.iter().position(|&number| number <= 0.0)?;
            Some(format!(
                "{what} of column {at}: expected a number above 0, found {}",
                numbers[at]
            ))
        };
        match self {
            Self::Log1p | Self::SignedLog => None,
            Self::Clip { low, high, .. } => {
                list("low", low).or_else(|| list("high", high)).or_else(|| {
                    let at = low.iter().zip(high).position(|(low, high)| low > high)?;
                    Some(format!(
                        "column {at}: low is {}, above high, {}",
                        low[at], high[at]
                    ))
                })
            }
            Self::Scale {
                centre,
                scale,
                constant,
                ..
            } => list("centre", centre)
                .or_else(|| list("scale", scale))
                .or_else(|| positive("scale", scale))
                .or_else(|| {
                    let column = constant.iter().find(|&&column| column >= n_columns)?;
                    Some(format!("constant: there is no column {column}"))
                }),
            Self::ScaleByGroup {
                centre,
                scale,
                constant,
                pooled,
                ..
            } => {
                let Some(n_groups) = n_groups else {
                    return Some("a z-score by group, but no list of groups".to_string());
                };
                if centre.len() != n_groups + 1 || scale.len() != n_groups + 1 {
                    return Some(format!(
                        "centre and scale: expected {} lists, one per group and one of all rows, found {} and {}",
                        n_groups + 1,
                        centre.len(),
                        scale.len()
                    ));
                }
                centre
                    .iter()
                    .find_map(|centre| list("centre", centre))
                    .or_else(|| {
                        scale.iter().find_map(|scale| {
                            list("scale", scale).or_else(|| positive("scale", scale))
                        })
                    })
                    .or_else(|| {
                        let [group, column] = constant
                            .iter()
                            .chain(pooled)
                            .find(|[group, column]| *group > n_groups || *column >= n_columns)?;
                        Some(format!("there is no column {column} of group {group}"))
                    })
            }
            Self::QuantileToNormal { quantiles } => {
                if quantiles.len() != n_columns {
                    return Some(format!(
                        "quantiles: expected {n_columns} lists, found {}",
                        quantiles.len()
                    ));
                }
                let at = quantiles.iter().position(|quantiles| {
                    quantiles.is_empty()
                        || quantiles.iter().any(|quantile| !quantile.is_finite())
                        || !quantiles.is_sorted()
                })?;
                Some(format!(
                    "quantiles of column {at}: expected finite numbers, ascending"
                ))
            }
            Self::TruncatedSvd {
                components,
                singular_values,
                explained_variance,
                explained_variance_ratio,
                column_mean,
                ..
            } => {
                let rank = components.len();
                if rank == 0
                    || [
                        singular_values,
                        explained_variance,
                        explained_variance_ratio,
                    ]
                    .iter()
                    .any(|list| list.len() != rank)
                {
                    return Some(
                        "expected as many singular values and variances as components, at least 1"
                            .to_string(),
                    );
                }
                let numbers = singular_values
                    .iter()
                    .chain(explained_variance)
                    .chain(explained_variance_ratio);
                if numbers.into_iter().any(|number| !number.is_finite()) {
                    return Some("a singular value or variance is not finite".to_string());
                }
                components
                    .iter()
                    .find_map(|component| list("component", component))
                    .or_else(|| list("column_mean", column_mean))
            }
        }
    }
}

impl Block<'_> {
    /// The part of a list that is of this block's columns.
    fn of<'a>(&self, list: &'a [f64]) -> &'a [f64] {
        &list[self.first_column..self.first_column + self.n_columns]
    }

    /// The group of a row of this block; the last list is that of all rows.
    fn group(&self, row: usize, n_lists: usize) -> usize {
        self.groups
            .map_or(n_lists - 1, |groups| groups[self.rows[row]])
    }

    fn rows_by_group(
        &mut self,
        centre: &[Vec<f64>],
        scale: &[Vec<f64>],
        with: impl Fn(f64, f64, f64) -> f64,
    ) {
        for row in 0..self.rows.len() {
            let group = self.group(row, centre.len());
            let (centre, scale) = (self.of(&centre[group]), self.of(&scale[group]));
            let values = &mut self.values[row * self.n_columns..(row + 1) * self.n_columns];
            for ((value, &centre), &scale) in values.iter_mut().zip(centre).zip(scale) {
                *value = with(*value, centre, scale);
            }
        }
    }

    fn by_column(&mut self, quantiles: &[Vec<f64>], with: fn(f64, &[f64]) -> f64) {
        let quantiles = &quantiles[self.first_column..];
        for row in self.values.chunks_exact_mut(self.n_columns) {
            for (value, quantiles) in row.iter_mut().zip(quantiles) {
                *value = with(*value, quantiles);
            }
        }
    }
}

/// Lists of equal length as the rows of an array.
pub(super) fn rows(lists: &[Vec<f64>], n_columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((lists.len(), n_columns), |(row, column)| lists[row][column])
}
