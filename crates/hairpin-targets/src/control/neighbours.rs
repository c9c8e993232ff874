//! The controls that answer as the nearest training rows do.

use hairpin_seq::{Alphabet, Seq};
use ndarray::Array2;
use rayon::prelude::*;

use super::regressor::{Regressor, check_rows};
use super::{Classifier, argmax};
use crate::{ClassLabels, TargetError, TargetMatrix};

/// Answers with the mean of the `k` nearest training rows, over any distance.
///
/// ```text
/// predicted(x) = Σ over the k nearest i of w_i y_i / Σ w_i       w = 1, or 1 / distance(x, x_i)
/// ```
///
/// Of equally near rows the first ones count. With weights of `1 / distance`, rows at distance 0 leave no weight to the
/// others. Where a column was not measured in a training row, the next nearest ones that have it stand in. A distance that
/// is NaN is farther than any. Cover and Hart (1967), *Nearest neighbor pattern classification*,
/// [doi:10.1109/TIT.1967.1053964](https://doi.org/10.1109/TIT.1967.1053964).
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `k` | required | neighbours that are asked | 1 to the number of training rows |
/// | `by_distance` | false | weights of 1 / distance | |
///
/// The distance is a closure, so rows can be features (with [`euclidean`]), sequences, or numbers of rows of a distance
/// matrix that was computed before:
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::control::{Neighbours, Regressor};
/// use ndarray::array;
///
/// let train = TargetMatrix::new(array![[1.], [2.], [9.]], vec!["intensity".to_string()])?;
/// let distances = array![[0., 1., 4., 2.], [1., 0., 3., 1.], [4., 3., 0., 2.], [2., 1., 2., 0.]];
/// let control = Neighbours::new(2)
///     .with_distance_weights()
///     .fit(vec![0, 1, 2], &train, |&a: &usize, &b| distances[[a, b]])?;
/// // Row 3 is 2, 1 and 2 from the others: (2 / 1 + 1 / 2) / (1 + 1 / 2).
/// assert_eq!(control.predict(&[3])?.values()[[0, 0]], 5.0 / 3.0);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbours {
    k: usize,
    by_distance: bool,
}

/// The Euclidean distance of two rows of features.
///
/// # Panics
///
/// If the rows have different lengths.
pub fn euclidean(a: &[f32], b: &[f32]) -> f64 {
    assert!(
        a.len() == b.len(),
        "features: {} in one row, {} in the other",
        a.len(),
        b.len()
    );
    let differences = a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b));
    differences.map(|d| d * d).sum::<f64>().sqrt()
}

impl Neighbours {
    /// Asks the `k` nearest rows; `k` is checked by [`fit`](Self::fit).
    pub fn new(k: usize) -> Self {
        Self {
            k,
            by_distance: false,
        }
    }

    /// Near rows count more than far ones, by 1 / distance.
    pub fn with_distance_weights(self) -> Self {
        Self {
            by_distance: true,
            ..self
        }
    }

    /// Keeps the training rows and their targets.
    ///
    /// # Errors
    ///
    /// If there is not one row of targets per row, `k` is 0 or more than there are rows, or a column has no measured
    /// value.
    pub fn fit<X, D: Fn(&X, &X) -> f64>(
        &self,
        train: Vec<X>,
        targets: &TargetMatrix,
        distance: D,
    ) -> Result<FittedNeighbours<X, D>, TargetError> {
        check_rows("training rows", train.len(), targets)?;
        self.check_k(train.len())?;
        let columns = targets
            .measured()
            .columns()
            .into_iter()
            .zip(targets.names());
        for (measured, name) in columns {
            if !measured.iter().any(|&m| m) {
                return Err(TargetError::EmptyColumn { name: name.clone() });
            }
        }
        Ok(FittedNeighbours {
            settings: *self,
            complete: targets.measured().iter().all(|&m| m),
            train,
            targets: targets.clone(),
            distance,
        })
    }

    /// Keeps the training rows and their classes.
    ///
    /// # Errors
    ///
    /// If there is not one label per row, or `k` is 0 or more than there are rows.
    pub fn fit_classes<X, D: Fn(&X, &X) -> f64>(
        &self,
        train: Vec<X>,
        labels: &ClassLabels,
        distance: D,
    ) -> Result<FittedNeighbourClasses<X, D>, TargetError> {
        if train.len() != labels.len() {
            return Err(TargetError::Length {
                what: "labels of the training rows",
                expected: train.len(),
                found: labels.len(),
            });
        }
        self.check_k(train.len())?;
        Ok(FittedNeighbourClasses {
            settings: *self,
            train,
            labels: labels.clone(),
            distance,
        })
    }

    fn check_k(&self, n_rows: usize) -> Result<(), TargetError> {
        if (1..=n_rows).contains(&self.k) {
            Ok(())
        } else {
            Err(TargetError::Neighbours { k: self.k, n_rows })
        }
    }

    fn name(&self) -> String {
        let weights = if self.by_distance {
            ", weighted by distance"
        } else {
            ""
        };
        let s = if self.k == 1 { "" } else { "s" };
        format!("{} nearest neighbour{s}{weights}", self.k)
    }

    /// The `n` nearest rows, nearest first: `(distance, row)`.
    fn nearest<X>(
        &self,
        row: &X,
        train: &[X],
        distance: impl Fn(&X, &X) -> f64,
        n: usize,
    ) -> Vec<(f64, usize)> {
        let distances = train.iter().enumerate();
        let mut all: Vec<(f64, usize)> = distances
            .map(|(i, other)| (distance(row, other), i))
            .map(|(d, i)| (if d.is_nan() { f64::INFINITY } else { d }, i))
            .collect();
        let by_distance =
            |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if n < all.len() {
            all.select_nth_unstable_by(n, by_distance);
            all.truncate(n);
        }
        all.sort_unstable_by(by_distance);
        all
    }

    /// The weights of neighbours at these distances, none negative, adding up to 1.
    fn weights(&self, distances: &[f64]) -> Vec<f64> {
        let weigh = |weight: &dyn Fn(f64) -> f64| -> Vec<f64> {
            distances.iter().map(|&d| weight(d)).collect()
        };
        let mut weights = if !self.by_distance {
            weigh(&|_| 1.0)
        } else if distances.contains(&0.0) {
            weigh(&|d| if d == 0.0 { 1.0 } else { 0.0 })
        } else {
            // Relative to the nearest, so that tiny distances do not overflow.
            let least = distances.iter().copied().fold(f64::INFINITY, f64::min);
            weigh(&|d| if least.is_finite() { least / d } else { 1.0 })
        };
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        weights
    }
}

/// [`Neighbours`] that have seen their training rows and targets.
#[derive(Clone, Debug)]
pub struct FittedNeighbours<X, D> {
    settings: Neighbours,
    train: Vec<X>,
    targets: TargetMatrix,
    /// Whether all targets were measured.
    complete: bool,
    distance: D,
}

impl<X: Sync, D: Fn(&X, &X) -> f64 + Sync> FittedNeighbours<X, D> {
    fn row(&self, row: &X) -> Vec<f32> {
        let (settings, values) = (&self.settings, self.targets.values());
        let n = if self.complete {
            settings.k
        } else {
            self.train.len()
        };
        let nearest = settings.nearest(row, &self.train, &self.distance, n);
        let mean = |nearest: &[(f64, usize)], weights: &[f64], column: usize| -> f32 {
            let neighbours = nearest.iter().zip(weights);
            let terms = neighbours.map(|(&(_, i), weight)| weight * f64::from(values[[i, column]]));
            terms.sum::<f64>() as f32
        };
        let weights = |nearest: &[(f64, usize)]| {
            let distances: Vec<f64> = nearest.iter().map(|&(distance, _)| distance).collect();
            settings.weights(&distances)
        };
        let columns = 0..self.targets.n_columns();
        if self.complete {
            let weights = weights(&nearest);
            return columns
                .map(|column| mean(&nearest, &weights, column))
                .collect();
        }
        let measured = self.targets.measured();
        columns
            .map(|column| {
                let having = nearest.iter().filter(|&&(_, i)| measured[[i, column]]);
                let having: Vec<(f64, usize)> = having.take(settings.k).copied().collect();
                mean(&having, &weights(&having), column)
            })
            .collect()
    }
}

impl<X: Sync, D: Fn(&X, &X) -> f64 + Sync> Regressor<[X]> for FittedNeighbours<X, D> {
    fn name(&self) -> String {
        self.settings.name()
    }

    fn predict(&self, rows: &[X]) -> Result<TargetMatrix, TargetError> {
        let answers: Vec<Vec<f32>> = rows.par_iter().map(|row| self.row(row)).collect();
        let shape = (rows.len(), self.targets.n_columns());
        let values = Array2::from_shape_fn(shape, |(row, column)| answers[row][column]);
        TargetMatrix::new(values, self.targets.names().to_vec())
    }
}

/// [`Neighbours`] that have seen their training rows and classes; a [`Classifier`] where the rows are sequences.
#[derive(Clone, Debug)]
pub struct FittedNeighbourClasses<X, D> {
    settings: Neighbours,
    train: Vec<X>,
    labels: ClassLabels,
    distance: D,
}

impl<X: Sync, D: Fn(&X, &X) -> f64 + Sync> FittedNeighbourClasses<X, D> {
    /// The share of each class among the neighbours of each row, by their weight.
    ///
    /// # Shapes
    ///
    /// - result: `[rows.len(), n_classes]`, each row adding up to 1
    pub fn predict_proba(&self, rows: &[X]) -> Array2<f32> {
        let n_classes = self.labels.n_classes();
        let shares = |row: &X| {
            let (settings, k) = (&self.settings, self.settings.k);
            let nearest = settings.nearest(row, &self.train, &self.distance, k);
            let distances: Vec<f64> = nearest.iter().map(|&(distance, _)| distance).collect();
            let mut shares = vec![0.0; n_classes];
            for (&(_, i), weight) in nearest.iter().zip(settings.weights(&distances)) {
                shares[self.labels.labels()[i]] += weight;
            }
            shares
        };
        let answers: Vec<Vec<f64>> = rows.par_iter().map(shares).collect();
        Array2::from_shape_fn((rows.len(), n_classes), |(row, class)| {
            answers[row][class].min(1.0) as f32
        })
    }

    /// The class of most neighbours of each row, by their weight; ties go to the lowest class.
    pub fn predict(&self, rows: &[X]) -> Vec<usize> {
        let probabilities = self.predict_proba(rows);
        probabilities.rows().into_iter().map(argmax).collect()
    }
}

impl<A, D> Classifier<A> for FittedNeighbourClasses<Seq<A>, D>
where
    A: Alphabet,
    Seq<A>: Sync,
    D: Fn(&Seq<A>, &Seq<A>) -> f64 + Sync,
{
    fn name(&self) -> String {
        self.settings.name()
    }

    fn predict_proba(&self, seqs: &[Seq<A>]) -> Array2<f32> {
        self.predict_proba(seqs)
    }
}
