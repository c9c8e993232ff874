//! The cells of a two-way table that nobody measured: what a compound does to a cell type, all genes at once.
//!
//! [`Completion`] is kernel ridge regression on pairs of categories, solved along the principal directions of the columns, each with a
//! strength of its own. What a row's two categories have in common with another's is a [`PairKernel`].

mod kernel;
mod serial;

use faer::Mat;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::control::{eigen, product};
use crate::metrics::Comparison;
use crate::split::Fold;
use crate::{Categories, TargetError, TargetMatrix};

pub use kernel::PairKernel;
use kernel::Pairs;
use serial::Raw;

/// Predicts rows of a pair of categories from rows of other pairs.
///
/// ```text
/// Y = U √E V                            E: eigenvalues e_1 ≥ e_2 ≥ ... of Y Yᵀ, the first `rank` of them
/// λ_k = strength (ē / e_k)^power        ē: mean eigenvalue, so that strong directions of the columns are shrunk less
/// a_k = (K + λ_k I)⁻¹ (U √E)_k          K: the kernel between training rows
/// y*  = Σ_k (k*ᵀ a_k) V_k               k*: the kernel between the new row and those
/// ```
///
/// It is the mean of a Gaussian process whose covariance is a product of one between rows and one between columns, the latter that of the
/// training rows themselves: genes that go together are predicted together, and a direction along which nothing but noise varies is
/// hardly followed at all. With `power` 0 all columns have one strength, which is plain kernel ridge regression. Bonilla, Chai and Williams (2007),
/// *Multi-task Gaussian process prediction*; Stegle et al. (2011), *Efficient inference in matrix-variate Gaussian models with iid
/// observation noise*. That `λ_k` grows as a power of `1 / e_k` is our choice; a process with white noise has the power 1.
///
/// | setting | default | meaning | range |
/// |---|---|---|---|
/// | `kernel` | see there | what two rows have in common | |
/// | `strength` | 6 | shrinkage of a direction of mean variance | above 0 |
/// | `power` | 1.5 | how much less directions of more variance are shrunk | 0 or more |
/// | `rank` | 1024 | how many directions are kept; along others the prediction is 0 | 1 or more |
///
/// The prior is 0, no effect, which is what differential expression is a difference from; of targets of another kind take the means off first,
/// as a [`Recipe`](crate::Recipe) does. A gap is filled with the column's mean over the measured rows of the same first category, or over all.
/// A category that was not among the training rows has nothing in common with them, so that a row of it stays with what its other category
/// says. All in `f64`, on one thread; components are kept as `f32`.
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::completion::Completion;
/// use ndarray::array;
///
/// let cells = ["T", "T", "B", "B", "NK", "NK"];
/// let drugs = ["a", "b", "a", "b", "a", "c"];
/// let names = vec!["gene 1".to_string(), "gene 2".to_string()];
/// let train = TargetMatrix::new(array![[2., 1.], [-2., -1.], [2., 1.], [-2., -1.], [2., 1.], [0., 0.]], names)?;
/// let fitted = Completion { strength: 0.1, ..Completion::default() }.fit(&cells, &drugs, &train)?;
/// let predicted = fitted.predict(&["NK"], &["b"])?;
/// assert!(predicted.values()[[0, 0]] < -1.0);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Completion {
    /// What two rows have in common.
    pub kernel: PairKernel,
    /// Shrinkage of a direction of mean variance, `λ`.
    pub strength: f64,
    /// How much less directions of more variance are shrunk.
    pub power: f64,
    /// How many directions are kept.
    pub rank: usize,
}

impl Default for Completion {
    fn default() -> Self {
        Self {
            kernel: PairKernel::default(),
            strength: 6.0,
            power: 1.5,
            rank: 1024,
        }
    }
}

impl Completion {
    fn check(&self) -> Result<(), TargetError> {
        self.kernel.check()?;
        let refused = |setting, value, expected| {
            Err(TargetError::Setting {
                what: "completion",
                setting,
                value,
                expected,
            })
        };
        if !(self.strength > 0.0 && self.strength.is_finite()) {
            return refused("strength", self.strength, "a finite number above 0");
        }
        if !(self.power >= 0.0 && self.power.is_finite()) {
            return refused("power", self.power, "a finite number, 0 or more");
        }
        if self.rank == 0 {
            return refused("rank", 0.0, "1 or more");
        }
        Ok(())
    }

    /// Fits rows whose categories are `first` and `second`, such as cell types and compounds.
    ///
    /// # Errors
    ///
    /// If there are no rows, not one category of each kind per row, a column has no measured value, or a setting is out of range.
    pub fn fit<S: AsRef<str>>(
        &self,
        first: &[S],
        second: &[S],
        train: &TargetMatrix,
    ) -> Result<FittedCompletion, TargetError> {
        self.check()?;
        check_rows(first, second, train.n_rows())?;
        if train.n_rows() == 0 {
            return Err(TargetError::NoRows {
                what: "the matrix of training targets",
            });
        }
        let (of_first, of_second) = (Categories::of(first), Categories::of(second));
        let pairs = codes(&of_first, &of_second, first, second);
        let filled = filled(train, &pairs, of_first.len())?;
        let principal = Principal::of(&filled, self.rank)?;
        let pairs = Pairs::new(pairs, (of_first.len(), of_second.len()), &principal.scores);
        let weights = self.solve(&pairs, &principal)?;
        Ok(FittedCompletion {
            settings: *self,
            first: of_first,
            second: of_second,
            pairs,
            weights,
            components: principal.components,
            names: train.names().to_vec(),
        })
    }

    /// The weights of the training rows, `[n_rows, rank]`.
    fn solve(&self, pairs: &Pairs, principal: &Principal) -> Result<Array2<f64>, TargetError> {
        let n = pairs.len();
        let kernel = pairs.gram(&self.kernel);
        let (values, vectors) = eigen(&kernel, "the eigendecomposition of a kernel")?;
        let mut rotated = product(vectors.transpose(), principal.scores.as_ref());
        for (k, variance) in principal.variances.iter().enumerate() {
            let strength = self.strength * (principal.mean_variance / variance).powf(self.power);
            for (i, value) in values.iter().enumerate() {
                // Rounding may leave a value just below 0.
                rotated[(i, k)] /= value.max(0.0) + strength;
            }
        }
        let weights = product(vectors.as_ref(), rotated.as_ref());
        let finite = (0..n).all(|i| (0..weights.ncols()).all(|k| weights[(i, k)].is_finite()));
        if !finite {
            return Err(TargetError::Undefined {
                what: "the weights of a completion",
            });
        }
        Ok(Array2::from_shape_fn((n, weights.ncols()), |(i, k)| {
            weights[(i, k)]
        }))
    }

    /// The MRRMSE of each candidate when it predicts the tested rows of each fold from the other rows: the mean over all tested rows.
    ///
    /// [`split::pair_folds`](crate::split::pair_folds) makes folds that are like a task with few rows of some categories.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), or if no fold tests a measured value.
    pub fn validate<S: AsRef<str>>(
        candidates: &[Self],
        first: &[S],
        second: &[S],
        train: &TargetMatrix,
        folds: &[Fold],
    ) -> Result<Vec<f64>, TargetError> {
        check_rows(first, second, train.n_rows())?;
        let names = |all: &[S], rows: &[usize]| -> Vec<String> {
            rows.iter()
                .map(|&row| all[row].as_ref().to_owned())
                .collect()
        };
        let mut sums = vec![(0.0, 0); candidates.len()];
        for fold in folds {
            let (fitted_to, tested) = (train.select(&fold.train)?, train.select(&fold.test)?);
            let rows =
                [&fold.train, &fold.test].map(|rows| (names(first, rows), names(second, rows)));
            for (candidate, (sum, count)) in candidates.iter().zip(&mut sums) {
                let fitted = candidate.fit(&rows[0].0, &rows[0].1, &fitted_to)?;
                let predicted = fitted.predict(&rows[1].0, &rows[1].1)?;
                let comparison = Comparison::new(&predicted, &tested)?;
                if let Some(error) = comparison.mrrmse() {
                    *sum += error * tested.n_rows() as f64;
                    *count += tested.n_rows();
                }
            }
        }
        let mean = |(sum, count): (f64, usize)| match count {
            0 => Err(TargetError::Undefined {
                what: "the error of a completion",
            }),
            count => Ok(sum / count as f64),
        };
        sums.into_iter().map(mean).collect()
    }
}

/// A [`Completion`] that has seen its training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct FittedCompletion {
    settings: Completion,
    first: Categories,
    second: Categories,
    pairs: Pairs,
    /// `[n_rows, rank]`
    weights: Array2<f64>,
    /// `[rank, n_columns]`
    components: Array2<f32>,
    names: Vec<String>,
}

impl FittedCompletion {
    /// What it was fitted with.
    pub fn settings(&self) -> Completion {
        self.settings
    }

    /// The first categories of the training rows.
    pub fn first(&self) -> &Categories {
        &self.first
    }

    /// The second categories of the training rows.
    pub fn second(&self) -> &Categories {
        &self.second
    }

    /// The rows of pairs, in the columns it was fitted to.
    ///
    /// # Errors
    ///
    /// If there are not as many second categories as first, or a prediction is not finite.
    pub fn predict<S: AsRef<str>>(
        &self,
        first: &[S],
        second: &[S],
    ) -> Result<TargetMatrix, TargetError> {
        check_rows(first, second, first.len())?;
        let asked = codes(&self.first, &self.second, first, second);
        let kernel = self.pairs.against(&self.settings.kernel, &asked);
        let scores = kernel.dot(&self.weights).mapv(|score| score as f32);
        TargetMatrix::new(scores.dot(&self.components), self.names.clone())
    }
}

/// The numbers of a row's two categories; none of one that is not known.
type Codes = (Option<usize>, Option<usize>);

fn codes<S: AsRef<str>>(
    of_first: &Categories,
    of_second: &Categories,
    first: &[S],
    second: &[S],
) -> Vec<Codes> {
    let code = |of: &Categories, name: &S| of.index(name.as_ref());
    let rows = first.iter().zip(second);
    rows.map(|(a, b)| (code(of_first, a), code(of_second, b)))
        .collect()
}

fn check_rows<S>(first: &[S], second: &[S], expected: usize) -> Result<(), TargetError> {
    let lists = [("first categories", first), ("second categories", second)];
    for (what, list) in lists {
        if list.len() != expected {
            return Err(TargetError::Length {
                what,
                expected,
                found: list.len(),
            });
        }
    }
    Ok(())
}

/// The rows with their gaps filled.
fn filled(train: &TargetMatrix, pairs: &[Codes], n_first: usize) -> Result<Mat<f64>, TargetError> {
    let (n, columns) = train.values().dim();
    let mut filled = Mat::zeros(n, columns);
    let (mut sums, mut counts) = (vec![0.0; n_first], vec![0.0; n_first]);
    for column in 0..columns {
        sums.fill(0.0);
        counts.fill(0.0);
        let values = train.values().column(column);
        let measured = train.measured().column(column);
        for ((value, _), (first, _)) in values
            .iter()
            .zip(measured)
            .zip(pairs)
            .filter(|((_, m), _)| **m)
        {
            if let Some(first) = *first {
                sums[first] += f64::from(*value);
                counts[first] += 1.0;
            }
        }
        let count: f64 = counts.iter().sum();
        if count == 0.0 {
            return Err(TargetError::EmptyColumn {
                name: train.names()[column].clone(),
            });
        }
        let overall = sums.iter().sum::<f64>() / count;
        for (row, (first, _)) in pairs.iter().enumerate() {
            let of_first = first.filter(|&first| counts[first] > 0.0);
            filled[(row, column)] = match (measured[row], of_first) {
                (true, _) => f64::from(values[row]),
                (false, Some(first)) => sums[first] / counts[first],
                (false, None) => overall,
            };
        }
    }
    Ok(filled)
}

/// The principal directions of rows.
struct Principal {
    /// `U √E`, `[n_rows, rank]`.
    scores: Mat<f64>,
    /// The eigenvalues of the kept directions, descending, all above 0.
    variances: Vec<f64>,
    /// The mean of all eigenvalues, kept or not.
    mean_variance: f64,
    /// `V`, `[rank, n_columns]`.
    components: Array2<f32>,
}

impl Principal {
    fn of(rows: &Mat<f64>, rank: usize) -> Result<Self, TargetError> {
        let n = rows.nrows();
        let gram = product(rows.as_ref(), rows.transpose());
        let (values, vectors) = eigen(&gram, "the principal directions of a completion")?;
        let largest = values.iter().copied().fold(0.0, f64::max);
        // What rounding leaves of directions without spread is none.
        let least = largest * f64::EPSILON * n.max(rows.ncols()) as f64;
        let kept = (0..n).rev().filter(|&k| values[k] > least).take(rank);
        let kept: Vec<usize> = kept.collect();
        let variances: Vec<f64> = kept.iter().map(|&k| values[k]).collect();
        let directions = Mat::from_fn(n, kept.len(), |row, k| vectors[(row, kept[k])]);
        let components = product(directions.transpose(), rows.as_ref());
        let root = |k: usize| variances[k].sqrt();
        Ok(Self {
            scores: Mat::from_fn(n, kept.len(), |row, k| directions[(row, k)] * root(k)),
            components: Array2::from_shape_fn((kept.len(), rows.ncols()), |(k, column)| {
                (components[(k, column)] / root(k)) as f32
            }),
            mean_variance: values.iter().map(|value| value.max(0.0)).sum::<f64>() / n as f64,
            variances,
        })
    }
}
