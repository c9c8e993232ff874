//! Predictions held against the truth, column by column, row by row, or all at once.

use std::borrow::Cow;

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, Difference};
use super::class_metric::check_weights;
use super::column_moments::{Table, column_moments};
use super::confusion;
use super::estimate::Estimate;
use super::metric::{Metric, weighted_median};
use super::moments::Moments;
use crate::{TargetError, TargetMatrix};

/// What a metric is computed within.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Each column by itself; the score is the mean over the columns.
    Columns,
    /// Each column by itself; the score is the median over the columns.
    ColumnMedian,
    /// Each row by itself; the score is the mean over the rows.
    Rows,
    /// All entries at once.
    Pooled,
}

/// A matrix of predictions beside the truth, over a whole split.
///
/// Only what was measured in the truth counts; a prediction that is missing there is refused rather than skipped.
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::metrics::{Comparison, Metric};
/// use ndarray::array;
///
/// let names = || vec!["CD4".to_string(), "CD8".to_string()];
/// let truth = TargetMatrix::new(array![[0., 5.], [1., 5.], [2., 5.]], names())?;
/// let predicted = TargetMatrix::new(array![[0., 1.], [1., 2.], [3., 3.]], names())?;
/// let comparison = Comparison::new(&predicted, &truth)?;
///
/// let pearson = comparison.columns(Metric::Pearson);
/// assert_eq!(pearson.values()[1], None); // 5, 5, 5 correlates with nothing
/// assert_eq!((pearson.defined(), pearson.undefined()), (1, 1));
/// assert_eq!(pearson.mean(), pearson.values()[0]);
/// // The mean over columns of their RMSE: (√(1/3) + √(29/3)) / 2.
/// assert!((comparison.mcrmse().unwrap() - 1.843_24).abs() < 1e-5);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    predicted: Cow<'a, [f32]>,
    truth: Cow<'a, [f32]>,
    /// What was measured of the truth; none where all was.
    measured: Option<Cow<'a, [bool]>>,
    weights: Option<Vec<f64>>,
    shape: (usize, usize),
}

impl<'a> Comparison<'a> {
    /// Holds predictions against the truth of the same rows and columns.
    ///
    /// # Errors
    ///
    /// If the two have different shapes or column names, or a prediction is missing where the truth was measured.
    pub fn new(predicted: &'a TargetMatrix, truth: &'a TargetMatrix) -> Result<Self, TargetError> {
        let shape = truth.values().dim();
        if predicted.values().dim() != shape {
            return Err(TargetError::Shape {
                what: "the matrix of predictions",
                expected: shape,
                found: predicted.values().dim(),
            });
        }
        let mut names = predicted.names().iter().zip(truth.names()).enumerate();
        if let Some((column, (found, expected))) = names.find(|(_, (a, b))| a != b) {
            return Err(TargetError::ColumnName {
                column,
                expected: expected.clone(),
                found: found.clone(),
            });
        }
        let (given, measured) = (row_major(predicted.measured()), row_major(truth.measured()));
        let complete = !measured.contains(&false);
        let missing = given.contains(&false).then(|| {
            let mut entries = measured.iter().zip(given.iter());
            entries.position(|(&measured, &given)| measured & !given)
        });
        if let Some(place) = missing.flatten() {
            return Err(TargetError::NotPredicted {
                row: place / shape.1,
                name: truth.names()[place % shape.1].clone(),
            });
        }
        Ok(Self {
            predicted: row_major(predicted.values()),
            truth: row_major(truth.values()),
            measured: (!complete).then_some(measured),
            weights: None,
            shape,
        })
    }

    /// Gives each row a weight: 2 counts as the row twice, 0 as absent.
    ///
    /// Within a row the weights do not matter, so over [`Over::Rows`] they weight the mean.
    ///
    /// # Errors
    ///
    /// If there is not one weight per row, or one is negative or not finite.
    pub fn with_weights(self, weights: &[f64]) -> Result<Self, TargetError> {
        check_weights(Some(weights), self.shape.0)?;
        Ok(Self {
            weights: Some(weights.to_vec()),
            ..self
        })
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.shape.0
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.shape.1
    }

    /// The metric of each column.
    pub fn columns(&self, metric: Metric) -> Scores {
        Scores {
            values: columns_of(self.table(self.weights.as_deref()), metric),
            weights: None,
        }
    }

    /// The metric of each row.
    pub fn rows(&self, metric: Metric) -> Scores {
        let table = self.table(None);
        let rows = (0..self.shape.0).into_par_iter();
        Scores {
            values: rows.map(|row| metric.of_pairs(&table.row(row))).collect(),
            weights: self.weights.clone(),
        }
    }

    /// The metric of all entries at once.
    pub fn pooled(&self, metric: Metric) -> Option<f64> {
        pooled_of(self.table(self.weights.as_deref()), metric)
    }

    /// The metric as one number: [`Scores::mean`] over columns or rows, [`Scores::median`] over columns, or [`pooled`](Self::pooled).
    pub fn score(&self, metric: Metric, over: Over) -> Option<f64> {
        match over {
            Over::Columns => self.columns(metric).mean(),
            Over::ColumnMedian => self.columns(metric).median(),
            Over::Rows => self.rows(metric).mean(),
            Over::Pooled => self.pooled(metric),
        }
    }

    /// Mean columnwise root mean squared error, the score of OpenVaccine: the mean over columns of `√(Σ(x - y)² / n)`.
    pub fn mcrmse(&self) -> Option<f64> {
        self.score(Metric::Rmse, Over::Columns)
    }

    /// Mean rowwise root mean squared error, the score of Open Problems' single-cell perturbations: the mean over rows
    /// of `√(Σ(x - y)² / m)`, `m` columns.
    pub fn mrrmse(&self) -> Option<f64> {
        self.score(Metric::Rmse, Over::Rows)
    }

    /// The score with its bootstrap interval over rows, or over whole groups of rows, `groups` naming each row's.
    ///
    /// Columns without a value in a resample are left out of its mean, as [`Scores::mean`] does.
    ///
    /// # Errors
    ///
    /// If the score is undefined, the bootstrap's settings are out of range, or there is not one group per row.
    pub fn estimate(
        &self,
        metric: Metric,
        over: Over,
        bootstrap: Bootstrap,
        groups: Option<&[usize]>,
    ) -> Result<Estimate, TargetError> {
        let statistic = self.statistic(metric, over);
        bootstrap.estimate(self.shape.0, groups, statistic)
    }

    /// The score of `self` minus that of `other`, a second model's predictions of the same rows, with the bootstrap
    /// interval of the difference: both are computed on the same resamples.
    ///
    /// # Errors
    ///
    /// As [`estimate`](Self::estimate), and if the two have different numbers of rows.
    pub fn compare(
        &self,
        other: &Comparison,
        metric: Metric,
        over: Over,
        bootstrap: Bootstrap,
        groups: Option<&[usize]>,
    ) -> Result<Difference, TargetError> {
        if self.shape != other.shape {
            return Err(TargetError::Shape {
                what: "the other model's matrix of predictions",
                expected: self.shape,
                found: other.shape,
            });
        }
        let (a, b) = (self.statistic(metric, over), other.statistic(metric, over));
        bootstrap.compare(self.shape.0, groups, metric.direction(), a, b)
    }

    /// The score as a function of the rows drawn, some of them more than once.
    fn statistic(
        &self,
        metric: Metric,
        over: Over,
    ) -> impl Fn(&[usize]) -> Option<f64> + Sync + use<'_> {
        // A row's metric does not depend on the other rows.
        let rows = (over == Over::Rows).then(|| self.rows(metric).values);
        move |drawn: &[usize]| {
            let mut weights = vec![0.0; self.shape.0];
            for &row in drawn {
                weights[row] += self.weights.as_ref().map_or(1.0, |weights| weights[row]);
            }
            match (over, &rows) {
                (Over::Rows, Some(rows)) => mean(rows, Some(&weights)),
                (Over::Pooled, _) => pooled_of(self.table(Some(&weights)), metric),
                (Over::ColumnMedian, _) => {
                    let columns = columns_of(self.table(Some(&weights)), metric);
                    Scores::unweighted(columns).median()
                }
                _ => mean(&columns_of(self.table(Some(&weights)), metric), None),
            }
        }
    }

    fn table<'b>(&'b self, weights: Option<&'b [f64]>) -> Table<'b> {
        Table {
            predicted: &self.predicted,
            truth: &self.truth,
            measured: self.measured.as_deref(),
            weights,
            n_columns: self.shape.1,
        }
    }

    /// Signed errors, truth minus prediction, of what was measured of a column.
    pub(super) fn residuals(&self, column: usize) -> Vec<f64> {
        let pairs = self.table(None).column(column);
        pairs.iter().map(|(x, y, _)| y - x).collect()
    }
}

/// The entries row by row, copied only if they are stored otherwise.
fn row_major<T: Copy>(matrix: &Array2<T>) -> Cow<'_, [T]> {
    match matrix.as_slice() {
        Some(entries) => Cow::Borrowed(entries),
        None => Cow::Owned(matrix.iter().copied().collect()),
    }
}

fn columns_of(table: Table, metric: Metric) -> Vec<Option<f64>> {
    match metric.moments() {
        Some(needs) => column_moments(table, needs)
            .iter()
            .map(|moments| metric.of_moments(moments))
            .collect(),
        None => (0..table.n_columns)
            .into_par_iter()
            .map(|column| metric.of_pairs(&table.column(column)))
            .collect(),
    }
}

fn pooled_of(table: Table, metric: Metric) -> Option<f64> {
    match metric.moments() {
        Some(needs) => {
            let columns = column_moments(table, needs);
            let all = columns.into_iter().reduce(Moments::merge)?;
            metric.of_moments(&all)
        }
        None => metric.of_pairs(&table.pooled()),
    }
}

/// A metric of each column, or of each row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    values: Vec<Option<f64>>,
    /// Weights of the rows, if the scores are of rows.
    weights: Option<Vec<f64>>,
}

impl Scores {
    pub(super) fn unweighted(values: Vec<Option<f64>>) -> Self {
        Self {
            values,
            weights: None,
        }
    }

    /// One value per column or row; `None` where the metric is undefined.
    pub fn values(&self) -> &[Option<f64>] {
        &self.values
    }

    /// How many have a value.
    pub fn defined(&self) -> usize {
        self.values.iter().flatten().count()
    }

    /// How many have none. Report it beside [`mean`](Self::mean), which leaves them out.
    pub fn undefined(&self) -> usize {
        self.values.len() - self.defined()
    }

    /// The mean over those that have a value, rows by their weight; `None` if none has.
    pub fn mean(&self) -> Option<f64> {
        mean(&self.values, self.weights.as_deref())
    }

    /// The median over those that have a value, rows by their weight; `None` if none has.
    pub fn median(&self) -> Option<f64> {
        let weight = |i: usize| self.weights.as_ref().map_or(1.0, |weights| weights[i]);
        let values = self.values.iter().enumerate();
        let mut defined: Vec<(f64, f64)> = values
            .filter_map(|(i, v)| Some(((*v)?, weight(i))))
            .collect();
        weighted_median(&mut defined)
    }
}

/// The mean of the values there are, by their weight.
fn mean(values: &[Option<f64>], weights: Option<&[f64]>) -> Option<f64> {
    let weight = |i: usize| weights.map_or(1.0, |weights| weights[i]);
    let values = values.iter().enumerate();
    confusion::mean(values.map(|(i, &value)| (value, weight(i))))
}
