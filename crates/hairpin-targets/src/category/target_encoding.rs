//! Target encoding: a category as what the targets of its rows look like.

mod statistics;

use ndarray::{Array3, ArrayViewMut3, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Categories;
use crate::{TargetError, TargetMatrix};
use statistics::{Learner, block_columns};

/// Encodes a category as statistics of the targets of its rows, per column, drawn towards those of all rows.
///
/// With `n` rows of the category, `s` a statistic of their targets and `s_all` the same of all rows, in each column:
///
/// ```text
/// encoding = λ s + (1 - λ) s_all
/// λ = n / (n + m)                                    Smoothing::Rows { m }
/// λ = n var_all / (n var_all + var_category)         Smoothing::Auto, empirical Bayes
/// ```
///
/// Micci-Barreca (2001), *A preprocessing scheme for high-cardinality categorical attributes*,
/// [doi:10.1145/507533.507538](https://doi.org/10.1145/507533.507538). For the mean of one complete column this is
/// scikit-learn's `TargetEncoder(target_type="continuous")`. Where `λ` is `0 / 0`, the encoding is `s_all`.
///
/// Training rows are encoded by [`cross_fit`](Self::cross_fit): each row by what the rows of the other folds say, so that
/// no row sees its own target. New rows are encoded by [`fit`](Self::fit) and
/// [`encode`](FittedTargetEncoding::encode). Applying a fit to its own training rows leaks their targets.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | statistics | the mean | what is said of the targets of a category |
/// | smoothing | [`Smoothing::Auto`] | how far it is drawn towards all rows |
/// | unseen_is_refused | `false` | whether a category not seen is refused, instead of encoded as all rows |
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::category::{Smoothing, TargetEncoding};
/// use ndarray::array;
///
/// let cells = ["B", "B", "T", "T"];
/// let genes = TargetMatrix::new(array![[1.0], [3.0], [5.0], [9.0]], vec!["CD4".to_string()])?;
/// let encoding = TargetEncoding::new().with_smoothing(Smoothing::Rows { m: 0.0 });
///
/// // Rows 0 and 2 are held out together, then rows 1 and 3: each is told the target of its neighbour.
/// let train = encoding.cross_fit(&cells, &genes, &[0, 1, 0, 1])?;
/// assert_eq!(train, array![[[3.0]], [[1.0]], [[9.0]], [[5.0]]]);
/// // A new row is told the mean of its cell type, or of all rows.
/// let new = encoding.fit(&cells, &genes)?.encode(&["T", "NK"])?;
/// assert_eq!(new, array![[[7.0]], [[4.5]]]);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetEncoding {
    statistics: Vec<TargetStatistic>,
    smoothing: Smoothing,
    unseen_is_refused: bool,
}

/// A statistic of the targets of a category.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TargetStatistic {
    /// The mean.
    Mean,
    /// The standard deviation, with `n` below the fraction line.
    StandardDeviation,
    /// A quantile, 0 to 1, linear between order statistics.
    Quantile(f64),
}

/// How far the statistics of a category are drawn towards those of all rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Smoothing {
    /// By the variance within the category and that of all rows, in each column; the same `λ` for every statistic.
    Auto,
    /// As if `m` more rows of the category looked like all rows; 0 for none.
    Rows {
        /// How many.
        m: f64,
    },
}

impl Default for TargetEncoding {
    fn default() -> Self {
        Self {
            statistics: vec![TargetStatistic::Mean],
            smoothing: Smoothing::Auto,
            unseen_is_refused: false,
        }
    }
}

impl TargetEncoding {
    /// The mean, smoothed by empirical Bayes.
    pub fn new() -> Self {
        Self::default()
    }

    /// With these statistics, in this order.
    pub fn with_statistics(mut self, statistics: Vec<TargetStatistic>) -> Self {
        self.statistics = statistics;
        self
    }

    /// With this smoothing.
    pub fn with_smoothing(mut self, smoothing: Smoothing) -> Self {
        self.smoothing = smoothing;
        self
    }

    /// Whether [`encode`](FittedTargetEncoding::encode) refuses a category not seen, instead of encoding it as all rows.
    pub fn with_unseen_refused(mut self, refused: bool) -> Self {
        self.unseen_is_refused = refused;
        self
    }

    /// Encodes each training row by what the rows of the other folds say.
    ///
    /// A category that the other folds do not have is encoded as all of their rows. For groups of rows that must not tell
    /// of each other (a donor, a compound), give folds with whole groups in them, as `split::Folds` deals them.
    ///
    /// # Shapes
    ///
    /// - `categories`: one per row
    /// - `targets`: `[n_rows, n_columns]`; what was not measured says nothing
    /// - `fold_of`: for each row the fold that holds it out, any numbers
    /// - result: `[n_rows, n_statistics, n_columns]`
    ///
    /// # Errors
    ///
    /// If the lengths differ, there are no rows, there is only one fold, a setting is out of range, or outside of a fold
    /// nothing was measured in a column.
    pub fn cross_fit<S: AsRef<str>>(
        &self,
        categories: &[S],
        targets: &TargetMatrix,
        fold_of: &[usize],
    ) -> Result<Array3<f32>, TargetError> {
        self.check(categories, targets)?;
        if fold_of.len() != targets.n_rows() {
            return Err(TargetError::Length {
                what: "folds of the rows",
                expected: targets.n_rows(),
                found: fold_of.len(),
            });
        }
        let known = Categories::of(categories);
        let codes = known.codes("target encoding", categories, None)?;
        let mut folds = fold_of.to_vec();
        folds.sort_unstable();
        folds.dedup();
        if let [fold] = folds[..] {
            return Err(TargetError::OneFold { fold });
        }
        let parts: Vec<(Vec<usize>, Vec<usize>)> = folds
            .iter()
            .map(|&fold| (0..targets.n_rows()).partition(|&row| fold_of[row] == fold))
            .collect();
        let shape = (targets.n_rows(), self.statistics.len(), targets.n_columns());
        let mut out = Array3::zeros(shape);
        self.by_columns(&mut out, |first, mut out| {
            let mut learner = Learner::new(self, targets, known.len(), first, out.dim().2);
            for (held_out, others) in &parts {
                learner.learn(&codes, others)?;
                for &row in held_out {
                    learner.encode(codes[row], out.index_axis_mut(Axis(0), row));
                }
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// Learns what all training rows say, to encode new rows.
    ///
    /// # Errors
    ///
    /// If there is not one category per row, there are no rows, a setting is out of range, or nothing was measured in a
    /// column.
    pub fn fit<S: AsRef<str>>(
        &self,
        categories: &[S],
        targets: &TargetMatrix,
    ) -> Result<FittedTargetEncoding, TargetError> {
        self.check(categories, targets)?;
        let known = Categories::of(categories);
        let codes = known.codes("target encoding", categories, None)?;
        let rows: Vec<usize> = (0..targets.n_rows()).collect();
        // One row per category, and one of all rows for what was not seen.
        let shape = (known.len() + 1, self.statistics.len(), targets.n_columns());
        let mut table = Array3::zeros(shape);
        self.by_columns(&mut table, |first, mut table| {
            let mut learner = Learner::new(self, targets, known.len(), first, table.dim().2);
            learner.learn(&codes, &rows)?;
            for (category, out) in table.axis_iter_mut(Axis(0)).enumerate() {
                learner.encode(category, out);
            }
            Ok(())
        })?;
        Ok(FittedTargetEncoding {
            unseen_is_refused: self.unseen_is_refused,
            categories: known,
            columns: targets.names().to_vec(),
            table,
        })
    }

    fn check<S>(&self, categories: &[S], targets: &TargetMatrix) -> Result<(), TargetError> {
        if categories.len() != targets.n_rows() {
            return Err(TargetError::Length {
                what: "categories of the rows",
                expected: targets.n_rows(),
                found: categories.len(),
            });
        }
        if categories.is_empty() {
            return Err(TargetError::NoRows {
                what: "target encoding",
            });
        }
        let refuse = |setting, value, expected| {
            Err(TargetError::Setting {
                what: "target encoding",
                setting,
                value,
                expected,
            })
        };
        for &statistic in &self.statistics {
            match statistic {
                TargetStatistic::Quantile(q) if !(0.0..=1.0).contains(&q) => {
                    return refuse("the quantile", q, "a number from 0 to 1");
                }
                _ => {}
            }
        }
        match self.smoothing {
            Smoothing::Rows { m } if !(m >= 0.0 && m.is_finite()) => {
                refuse("the smoothing's m", m, "a finite number from 0 up")
            }
            _ => Ok(()),
        }
    }

    /// Works on blocks of columns at once: every column stands for itself.
    fn by_columns(
        &self,
        out: &mut Array3<f32>,
        work: impl Fn(usize, ArrayViewMut3<'_, f32>) -> Result<(), TargetError> + Sync,
    ) -> Result<(), TargetError> {
        let width = block_columns();
        let blocks: Vec<ArrayViewMut3<'_, f32>> =
            out.axis_chunks_iter_mut(Axis(2), width).collect();
        let done: Vec<Result<(), TargetError>> = blocks
            .into_par_iter()
            .enumerate()
            .map(|(block, out)| work(block * width, out))
            .collect();
        done.into_iter().collect()
    }
}

/// A [`TargetEncoding`] that has seen its training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct FittedTargetEncoding {
    unseen_is_refused: bool,
    categories: Categories,
    columns: Vec<String>,
    /// `[n_categories + 1, n_statistics, n_columns]`, the last of all rows.
    table: Array3<f32>,
}

impl FittedTargetEncoding {
    /// The categories of the training rows.
    pub fn categories(&self) -> &Categories {
        &self.categories
    }

    /// Names of the target columns.
    pub fn names(&self) -> &[String] {
        &self.columns
    }

    /// Encodes new rows, `[n_rows, n_statistics, n_columns]`.
    ///
    /// # Errors
    ///
    /// If a category was not seen, and that is refused.
    pub fn encode<S: AsRef<str>>(&self, rows: &[S]) -> Result<Array3<f32>, TargetError> {
        let unseen = (!self.unseen_is_refused).then_some(self.categories.len());
        let codes = self.categories.codes("target encoding", rows, unseen)?;
        Ok(self.table.select(Axis(0), &codes))
    }
}

/// The serialised form, checked on its way in.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    unseen_is_refused: bool,
    categories: Categories,
    columns: Vec<String>,
    /// By category, then that of all rows; by statistic; by column.
    table: Vec<Vec<Vec<f32>>>,
}

impl From<FittedTargetEncoding> for Raw {
    fn from(fitted: FittedTargetEncoding) -> Self {
        let lists = |table: &Array3<f32>| {
            table
                .outer_iter()
                .map(|rows| rows.rows().into_iter().map(|row| row.to_vec()).collect())
                .collect()
        };
        Self {
            unseen_is_refused: fitted.unseen_is_refused,
            table: lists(&fitted.table),
            categories: fitted.categories,
            columns: fitted.columns,
        }
    }
}

impl TryFrom<Raw> for FittedTargetEncoding {
    type Error = TargetError;

    fn try_from(raw: Raw) -> Result<Self, TargetError> {
        let n_statistics = raw.table.first().map_or(0, Vec::len);
        let shape = (raw.categories.len() + 1, n_statistics, raw.columns.len());
        let regular = raw.table.len() == shape.0
            && raw.table.iter().all(|rows| rows.len() == shape.1)
            && raw.table.iter().flatten().all(|row| row.len() == shape.2);
        let numbers: Vec<f32> = raw.table.into_iter().flatten().flatten().collect();
        let finite = numbers.iter().all(|number| number.is_finite());
        match Array3::from_shape_vec(shape, numbers) {
            Ok(table) if regular && finite => Ok(Self {
                unseen_is_refused: raw.unseen_is_refused,
                categories: raw.categories,
                columns: raw.columns,
                table,
            }),
            _ => Err(TargetError::Broken {
                what: "the fitted target encoding".to_string(),
                problem: format!(
                    "expected a table of {} categories and all rows, {} statistics and {} columns, all finite",
                    shape.0 - 1,
                    shape.1,
                    shape.2
                ),
            }),
        }
    }
}
