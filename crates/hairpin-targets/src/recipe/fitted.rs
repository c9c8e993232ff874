//! A recipe that has seen its training rows.

use serde::{Deserialize, Serialize};

use super::moments::{Moments, moments};
use super::quantiles::quantiles;
use super::stage::Stage;
use super::step::{FittedStep, Refusal, Scaling, Way};
use super::{Recipe, Step, UnseenGroup, svd};
use crate::category::Categories;
use crate::matrix::Mask;
use crate::{TargetError, TargetMatrix};

/// A [`Recipe`] with what it learned from the training rows: the only type that can transform.
///
/// Serialised, it is a list of named steps with their numbers, and it is checked when it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct FittedRecipe {
    n_rows: usize,
    columns: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Categories>,
    steps: Vec<FittedStep>,
}

/// No groups, for the methods that take none.
const NO_GROUPS: Option<&[&str]> = None;

impl Recipe {
    /// Learns from the training rows, and from nothing else.
    ///
    /// # Errors
    ///
    /// If a setting is out of range, there are no rows, a column of which something is to be learned has no measured
    /// value, a value is not one that a step takes, a step needs groups or a feature, or the SVD does not converge.
    pub fn fit(&self, train: &TargetMatrix) -> Result<FittedRecipe, TargetError> {
        self.fit_rows(train, NO_GROUPS)
    }

    /// [`fit`](Self::fit) with the group of each row, for [`Step::ZScoreByGroup`].
    ///
    /// ```
    /// use hairpin_targets::{Recipe, Step, TargetMatrix, UnseenGroup};
    /// use ndarray::array;
    ///
    /// let train = TargetMatrix::new(array![[1.0], [3.0], [10.0], [30.0]], vec!["A".to_string()])?;
    /// let recipe = Recipe(vec![Step::ZScoreByGroup { unseen: UnseenGroup::Refuse }]);
    /// let fitted = recipe.fit_by_group(&train, &["B cell", "B cell", "T cell", "T cell"])?;
    ///
    /// let new = TargetMatrix::new(array![[4.0], [40.0]], vec!["A".to_string()])?;
    /// let scaled = fitted.apply_by_group(&new, &["B cell", "T cell"])?;
    /// assert_eq!(scaled.values(), array![[2.0], [2.0]]);
    /// assert_eq!(
    ///     fitted.apply_by_group(&new, &["B cell", "NK cell"]).unwrap_err().to_string(),
    ///     "z-score by group, row 1: \"NK cell\" is not among the 2 of the training rows"
    /// );
    /// # Ok::<(), hairpin_targets::TargetError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and if there is not one group per row.
    pub fn fit_by_group<S: AsRef<str>>(
        &self,
        train: &TargetMatrix,
        groups: &[S],
    ) -> Result<FittedRecipe, TargetError> {
        self.fit_rows(train, Some(groups))
    }

    fn fit_rows<S: AsRef<str>>(
        &self,
        train: &TargetMatrix,
        groups: Option<&[S]>,
    ) -> Result<FittedRecipe, TargetError> {
        self.0.iter().try_for_each(Step::check)?;
        if self.0.iter().any(Step::learns) {
            check_training(train)?;
        }
        let mut fitted = FittedRecipe {
            n_rows: train.n_rows(),
            columns: train.names().to_vec(),
            groups: groups.map(Categories::of),
            steps: Vec::with_capacity(self.0.len()),
        };
        let codes = match (&fitted.groups, groups) {
            (Some(categories), Some(groups)) => {
                check_groups(groups, train.n_rows())?;
                Some(categories.codes("groups", groups, None)?)
            }
            _ => None,
        };
        let mut stage = Stage::new(train, codes.as_deref());
        let mut names = train.names().to_vec();
        let mut from = 0;
        for step in &self.0 {
            let done = &fitted.steps[from..];
            let error = |refusal: Refusal| refusal.into_error(&names);
            let learned = match *step {
                Step::Log1p => FittedStep::Log1p,
                Step::SignedLog => FittedStep::SignedLog,
                Step::Clip { low, high } => FittedStep::Clip {
                    quantiles: None,
                    low: vec![low; names.len()],
                    high: vec![high; names.len()],
                },
                Step::ClipQuantile { low, high } => {
                    let found = quantiles(&stage, done, &[low, high]).map_err(error)?;
                    FittedStep::Clip {
                        quantiles: Some([low, high]),
                        low: found.iter().map(|found| found[0]).collect(),
                        high: found.iter().map(|found| found[1]).collect(),
                    }
                }
                Step::ZScore => {
                    let rows: Vec<usize> = (0..stage.n_rows()).collect();
                    let found = moments(&stage, done, &rows).map_err(error)?;
                    let deviations = found.iter().map(|found| (found.mean, deviation(found)));
                    scale(Scaling::ZScore, deviations)
                }
                Step::ZScoreByGroup { unseen } => {
                    let n_groups = fitted
                        .groups
                        .as_ref()
                        .ok_or(TargetError::GroupsNeeded { step: step.name() })?
                        .len();
                    fit_by_group(&stage, done, unseen, n_groups).map_err(error)?
                }
                Step::MinMax { low, high } => {
                    let found = quantiles(&stage, done, &[0.0, 1.0]).map_err(error)?;
                    min_max(&found, low, high)
                }
                Step::Robust => {
                    let found = quantiles(&stage, done, &[0.25, 0.5, 0.75]).map_err(error)?;
                    let ranges = found.iter().map(|found| (found[1], found[2] - found[0]));
                    scale(Scaling::Robust, ranges)
                }
                Step::QuantileToNormal { n_quantiles } => {
                    let last = n_quantiles.min(train.n_rows()).max(1) - 1;
                    let at: Vec<f64> = (0..=last).map(|i| i as f64 / last.max(1) as f64).collect();
                    let quantiles = quantiles(&stage, done, &at).map_err(error)?;
                    FittedStep::QuantileToNormal { quantiles }
                }
                Step::TruncatedSvd { rank, missing } => {
                    let values = stage.to_f64((done, Way::Forward)).map_err(error)?;
                    let (svd, scores) = svd::fit(values, rank, missing, &names)?;
                    stage = Stage::from_scores(scores, stage.groups());
                    names = svd_names(rank);
                    from = fitted.steps.len() + 1;
                    svd
                }
            };
            fitted.steps.push(learned);
        }
        // A step that does not take every value is tried on the training rows: what cannot be applied to them is refused now.
        if self.0.iter().any(Step::refuses) {
            stage
                .map::<u8>((&fitted.steps[from..], Way::Forward), |_, _, _, _| Ok(()))
                .map_err(|refusal| refusal.into_error(&names))?;
        }
        Ok(fitted)
    }
}

impl FittedRecipe {
    /// Number of training rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Names of the columns that go in.
    pub fn names(&self) -> &[String] {
        &self.columns
    }

    /// Names of the columns that come out: the same, or `svd 1`, `svd 2`, ... after a truncated SVD.
    pub fn output_names(&self) -> Vec<String> {
        self.steps
            .iter()
            .rev()
            .find_map(|step| match step {
                FittedStep::TruncatedSvd { components, .. } => Some(svd_names(components.len())),
                _ => None,
            })
            .unwrap_or_else(|| self.columns.clone())
    }

    /// The steps with what they learned.
    pub fn steps(&self) -> &[FittedStep] {
        &self.steps
    }

    /// The groups of the training rows, if it was fitted by group.
    pub fn groups(&self) -> Option<&Categories> {
        self.groups.as_ref()
    }

    /// Transforms rows, new ones or those of the training.
    ///
    /// # Shapes
    ///
    /// - `targets`: `[n_rows, n_columns]`, with the [`names`](Self::names) of the training matrix
    /// - result: `[n_rows, n_columns]`, or `[n_rows, rank]` after a truncated SVD
    ///
    /// # Errors
    ///
    /// If the columns are others, a value is not one that a step takes, or a step needs groups.
    pub fn apply(&self, targets: &TargetMatrix) -> Result<TargetMatrix, TargetError> {
        self.apply_rows(targets, NO_GROUPS)
    }

    /// [`apply`](Self::apply) that writes into the memory of the matrix, which saves as much again and the time to get it.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    pub fn apply_owned(&self, mut targets: TargetMatrix) -> Result<TargetMatrix, TargetError> {
        let in_order = targets.values().is_standard_layout();
        if !in_order
            || !self.steps.iter().all(FittedStep::keeps_shape)
            || targets.standard_errors().is_some()
        {
            return self.apply(&targets);
        }
        check_columns(&self.columns, targets.names())?;
        self.codes(NO_GROUPS, targets.n_rows())?;
        let mut values = targets.take_values();
        let stage = Stage::without_values(&targets, values.dim());
        if let Some(values) = values.as_slice_mut() {
            stage
                .overwrite((&self.steps, Way::Forward), values)
                .map_err(|refusal| refusal.into_error(targets.names()))?;
        }
        drop(stage);
        Ok(targets.with_values(values))
    }

    /// [`apply`](Self::apply) with the group of each row.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply), and if there is not one group per row, or an unseen one is refused.
    pub fn apply_by_group<S: AsRef<str>>(
        &self,
        targets: &TargetMatrix,
        groups: &[S],
    ) -> Result<TargetMatrix, TargetError> {
        self.apply_rows(targets, Some(groups))
    }

    /// Brings predictions back into the unit of the task.
    ///
    /// # Shapes
    ///
    /// - `transformed`: `[n_rows, n_columns or rank]`, with the [`output_names`](Self::output_names)
    /// - result: `[n_rows, n_columns]`
    ///
    /// # Errors
    ///
    /// If the columns are others, a result is too large for an `f32`, or a step needs groups.
    pub fn invert(&self, transformed: &TargetMatrix) -> Result<TargetMatrix, TargetError> {
        self.invert_rows(transformed, NO_GROUPS)
    }

    /// [`invert`](Self::invert) with the group of each row.
    ///
    /// # Errors
    ///
    /// As [`invert`](Self::invert), and if there is not one group per row, or an unseen one is refused.
    pub fn invert_by_group<S: AsRef<str>>(
        &self,
        transformed: &TargetMatrix,
        groups: &[S],
    ) -> Result<TargetMatrix, TargetError> {
        self.invert_rows(transformed, Some(groups))
    }

    fn apply_rows<S: AsRef<str>>(
        &self,
        targets: &TargetMatrix,
        groups: Option<&[S]>,
    ) -> Result<TargetMatrix, TargetError> {
        check_columns(&self.columns, targets.names())?;
        let codes = self.codes(groups, targets.n_rows())?;
        let mut stage = Stage::new(targets, codes.as_deref());
        let mut names = targets.names().to_vec();
        let mut from = 0;
        for (at, step) in self.steps.iter().enumerate() {
            if let FittedStep::TruncatedSvd {
                components,
                missing,
                column_mean,
                ..
            } = step
            {
                let values = stage
                    .to_f64((&self.steps[from..at], Way::Forward))
                    .map_err(|refusal| refusal.into_error(&names))?;
                let scores = svd::forward(values, components, *missing, column_mean, &names)?;
                stage = Stage::from_scores(scores, stage.groups());
                names = svd_names(components.len());
                from = at + 1;
            }
        }
        self.finish(stage, (&self.steps[from..], Way::Forward), names, targets)
    }

    fn invert_rows<S: AsRef<str>>(
        &self,
        transformed: &TargetMatrix,
        groups: Option<&[S]>,
    ) -> Result<TargetMatrix, TargetError> {
        let mut names = self.output_names();
        check_columns(&names, transformed.names())?;
        let codes = self.codes(groups, transformed.n_rows())?;
        let mut stage = Stage::new(transformed, codes.as_deref());
        let mut upto = self.steps.len();
        for (at, step) in self.steps.iter().enumerate().rev() {
            if let FittedStep::TruncatedSvd { components, .. } = step {
                let scores = stage
                    .to_f64((&self.steps[at + 1..upto], Way::Backward))
                    .map_err(|refusal| refusal.into_error(&names))?;
                let width = components[0].len();
                let values = svd::backward(&scores, components, &names)?;
                stage = Stage::from_scores(values, stage.groups());
                let is_svd = |step: &FittedStep| matches!(step, FittedStep::TruncatedSvd { .. });
                names = if self.steps[..at].iter().any(is_svd) {
                    svd_names(width)
                } else {
                    self.columns.clone()
                };
                upto = at;
            }
        }
        self.finish(
            stage,
            (&self.steps[..upto], Way::Backward),
            names,
            transformed,
        )
    }

    /// Takes the last steps and puts the matrix together.
    fn finish(
        &self,
        stage: Stage<'_>,
        steps: (&[FittedStep], Way),
        names: Vec<String>,
        source: &TargetMatrix,
    ) -> Result<TargetMatrix, TargetError> {
        let values = stage
            .to_f32(steps)
            .map_err(|refusal| refusal.into_error(&names))?;
        let errors = match source.standard_errors() {
            Some(errors) if self.steps.iter().all(FittedStep::keeps_errors) => Some(
                stage
                    .errors(steps, errors)
                    .map_err(|refusal| refusal.into_error(&names))?,
            ),
            _ => None,
        };
        let row_ids = source.row_ids().map(<[String]>::to_vec);
        // Steps by column leave the mask as it is; after an SVD everything counts as measured.
        let mask = if self.steps.iter().all(FittedStep::keeps_shape) {
            source.mask().clone()
        } else {
            Mask::complete(values.dim())
        };
        let matrix = TargetMatrix::from_parts(values, mask, names, row_ids);
        match errors {
            Some(errors) => matrix.with_standard_errors(errors),
            None => Ok(matrix),
        }
    }

    /// The groups of new rows as numbers; those not seen come after the others, where the numbers of all rows stand.
    fn codes<S: AsRef<str>>(
        &self,
        groups: Option<&[S]>,
        n_rows: usize,
    ) -> Result<Option<Vec<usize>>, TargetError> {
        let mut policies = self.steps.iter().filter_map(|step| match step {
            FittedStep::ScaleByGroup { unseen, .. } => Some(*unseen),
            _ => None,
        });
        let Some(first) = policies.next() else {
            return Ok(None);
        };
        let step = "z-score by group";
        let (Some(groups), Some(known)) = (groups, &self.groups) else {
            return Err(TargetError::GroupsNeeded { step });
        };
        check_groups(groups, n_rows)?;
        let refuse = first == UnseenGroup::Refuse || policies.any(|p| p == UnseenGroup::Refuse);
        let unseen = (!refuse).then_some(known.len());
        known.codes(step, groups, unseen).map(Some)
    }
}

/// Names of the scores of an SVD.
fn svd_names(rank: usize) -> Vec<String> {
    (1..=rank).map(|vector| format!("svd {vector}")).collect()
}

fn check_training(train: &TargetMatrix) -> Result<(), TargetError> {
    if train.n_rows() == 0 {
        return Err(TargetError::NoRows {
            what: "the training matrix of a recipe",
        });
    }
    let mut measured = vec![false; train.n_columns()];
    for row in train.measured().rows() {
        for (any, &measured) in measured.iter_mut().zip(row) {
            *any |= measured;
        }
        if measured.iter().all(|&any| any) {
            return Ok(());
        }
    }
    match measured.iter().position(|&any| !any) {
        Some(column) => Err(TargetError::NothingMeasured {
            what: "recipe",
            name: train.names()[column].clone(),
        }),
        None => Ok(()),
    }
}

fn check_groups<S>(groups: &[S], n_rows: usize) -> Result<(), TargetError> {
    if groups.len() == n_rows {
        return Ok(());
    }
    Err(TargetError::Length {
        what: "groups of the rows",
        expected: n_rows,
        found: groups.len(),
    })
}

fn check_columns(expected: &[String], found: &[String]) -> Result<(), TargetError> {
    if expected.len() != found.len() {
        return Err(TargetError::Length {
            what: "columns of the matrix that a recipe was given",
            expected: expected.len(),
            found: found.len(),
        });
    }
    match (0..found.len()).find(|&column| expected[column] != found[column]) {
        Some(column) => Err(TargetError::RecipeColumn {
            column,
            expected: expected[column].clone(),
            found: found[column].clone(),
        }),
        None => Ok(()),
    }
}

/// The standard deviation, 0 where it is nothing but rounding.
fn deviation(moments: &Moments) -> f64 {
    if moments.is_constant() {
        0.0
    } else {
        moments.variance().sqrt()
    }
}

/// From centre and scale, of which the latter is 0 where a column is constant.
fn scale(by: Scaling, found: impl Iterator<Item = (f64, f64)>) -> FittedStep {
    let (centre, mut scale): (Vec<f64>, Vec<f64>) = found.unzip();
    let constant = ones_for_zeros(&mut scale);
    FittedStep::Scale {
        by,
        centre,
        scale,
        constant,
    }
}

/// Puts 1 where a scale is 0, and tells where.
fn ones_for_zeros(scale: &mut [f64]) -> Vec<usize> {
    let mut constant = Vec::new();
    for (column, scale) in scale.iter_mut().enumerate() {
        // A scale that is not above 0 by a normal number has an inverse that is not finite.
        if *scale < f64::MIN_POSITIVE {
            *scale = 1.0;
            constant.push(column);
        }
    }
    constant
}

fn min_max(found: &[Vec<f64>], low: f64, high: f64) -> FittedStep {
    let mut ranges: Vec<f64> = found.iter().map(|ends| ends[1] - ends[0]).collect();
    let constant = ones_for_zeros(&mut ranges);
    let scale: Vec<f64> = ranges.iter().map(|range| range / (high - low)).collect();
    let centre = found
        .iter()
        .zip(&scale)
        .map(|(ends, scale)| ends[0] - low * scale)
        .collect();
    FittedStep::Scale {
        by: Scaling::MinMax,
        centre,
        scale,
        constant,
    }
}

fn fit_by_group(
    stage: &Stage<'_>,
    steps: &[FittedStep],
    unseen: UnseenGroup,
    n_groups: usize,
) -> Result<FittedStep, Refusal> {
    let mut rows = vec![Vec::new(); n_groups];
    for (row, &group) in stage.groups().unwrap_or_default().iter().enumerate() {
        rows[group].push(row);
    }
    rows.push((0..stage.n_rows()).collect());
    let found = rows
        .iter()
        .map(|rows| moments(stage, steps, rows))
        .collect::<Result<Vec<_>, _>>()?;
    let all = &found[n_groups];
    let (mut centre, mut scale) = (Vec::new(), Vec::new());
    let (mut constant, mut pooled) = (Vec::new(), Vec::new());
    for (group, found) in found.iter().enumerate() {
        let moments = found
            .iter()
            .zip(all)
            .enumerate()
            .map(|(column, (own, all))| {
                if own.n == 0.0 {
                    pooled.push([group, column]);
                    return all;
                }
                own
            });
        let (means, mut deviations): (Vec<f64>, Vec<f64>) =
            moments.map(|found| (found.mean, deviation(found))).unzip();
        let columns = ones_for_zeros(&mut deviations);
        constant.extend(columns.into_iter().map(|column| [group, column]));
        centre.push(means);
        scale.push(deviations);
    }
    Ok(FittedStep::ScaleByGroup {
        unseen,
        centre,
        scale,
        constant,
        pooled,
    })
}

/// The serialised form, checked on its way in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    n_rows: usize,
    columns: Vec<String>,
    #[serde(default)]
    groups: Option<Categories>,
    steps: Vec<FittedStep>,
}

impl TryFrom<Raw> for FittedRecipe {
    type Error = TargetError;

    fn try_from(raw: Raw) -> Result<Self, TargetError> {
        let Raw {
            n_rows,
            columns,
            groups,
            steps,
        } = raw;
        if let Some((first, second)) = crate::matrix::repeated(&columns) {
            return Err(TargetError::DuplicateName {
                name: columns[first].clone(),
                first,
                second,
            });
        }
        let mut width = columns.len();
        for (at, step) in steps.iter().enumerate() {
            if let Some(problem) = step.problem(width, groups.as_ref().map(Categories::len)) {
                return Err(TargetError::Broken {
                    what: format!("the fitted recipe, step {}", at + 1),
                    problem,
                });
            }
            width = step.width(width);
        }
        Ok(Self {
            n_rows,
            columns,
            groups,
            steps,
        })
    }
}
