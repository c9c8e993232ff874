//! The control that adds up many small decision trees.

mod bins;
mod tree;

use ndarray::Array2;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::regressor::{Regressor, check_finite, check_rows};
use crate::{Fractions, Groups, TargetError, TargetMatrix, split};
use bins::Binned;
use tree::{Grower, Tree};

/// Gradient-boosted regression trees on features: the strongest general control of numbers, for its weighing of features one given
/// another.
///
/// ```text
/// F_0 = mean of y
/// F_t(x) = F_(t-1)(x) + η tree_t(x)         tree_t is fitted to the residuals y - F_(t-1), which are the gradient of squared error
/// leaf    = G / (n + λ)                     G the sum of the n residuals in it
/// gain    = G_l² / (n_l + λ) + G_r² / (n_r + λ) - G² / (n + λ)
/// ```
///
/// Each feature is cut into bins once, a split is sought between bins, and the leaf with the largest gain is split next, until there are
/// `leaves`. Of equal gains the first feature and the lowest bin count. The trees are grown on a part of the rows and of the features,
/// drawn anew for each, and their number is the one at which the error on rows set aside is least. Columns are fitted one by one,
/// each to the rows where it was measured. Sums are in `f64` and in the order of the rows: the same trees at any number of threads.
///
/// Friedman (2001), *Greedy function approximation: a gradient boosting machine*,
/// [doi:10.1214/aos/1013203451](https://doi.org/10.1214/aos/1013203451); stochastic: Friedman (2002),
/// [doi:10.1016/S0167-9473(01)00065-2](https://doi.org/10.1016/S0167-9473(01)00065-2); histograms and growth by leaf: Ke et al. (2017),
/// *LightGBM*.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `rounds` | 500 | most trees | 1 or more |
/// | `learning_rate` | 0.05 | `η`, what a tree contributes | above 0 to 1 |
/// | `leaves` | 15 | most leaves of a tree | 2 or more |
/// | `depth` | 6 | most splits on the way to a leaf | 1 or more |
/// | `leaf_rows` | 10 | fewest rows in a leaf | 1 or more |
/// | `l2` | 1.0 | `λ`, rows of residual 0 added to each leaf | 0 or more |
/// | `rows` | 0.8 | share of the rows that a tree sees | above 0 to 1 |
/// | `features` | 0.3 | share of the features that a tree sees | above 0 to 1 |
/// | `bins` | 64 | most bins of a feature | 2 to 256 |
/// | `valid` | 0.15 | share of the rows set aside to find the number of trees; 0: always `rounds` | 0 to below 1 |
/// | `patience` | 40 | trees without a lower error before no more are grown | 1 or more |
/// | `seed` | 0 | of rows set aside, rows and features drawn | any |
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::control::{BoostedTrees, Regressor};
/// use ndarray::Array2;
///
/// // Exclusive or, which no weighted sum can learn.
/// let features = Array2::from_shape_fn((400, 2), |(row, column)| (row >> column & 1) as f32);
/// let truth = features.rows().into_iter().map(|x| f32::from(x[0] != x[1])).collect();
/// let truth = TargetMatrix::new(Array2::from_shape_vec((400, 1), truth)?, vec!["bound".to_string()])?;
/// let control = BoostedTrees { features: 1.0, ..BoostedTrees::default() }.fit(&features, &truth)?;
/// let predicted = control.predict(&ndarray::array![[0., 1.], [1., 1.]])?;
/// assert!(predicted.values()[[0, 0]] > 0.95 && predicted.values()[[1, 0]] < 0.05);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoostedTrees {
    /// Most trees.
    pub rounds: usize,
    /// What a tree contributes.
    pub learning_rate: f64,
    /// Most leaves of a tree.
    pub leaves: usize,
    /// Most splits on the way to a leaf.
    pub depth: usize,
    /// Fewest rows in a leaf.
    pub leaf_rows: usize,
    /// Rows of residual 0 added to each leaf.
    pub l2: f64,
    /// Share of the rows that a tree sees.
    pub rows: f64,
    /// Share of the features that a tree sees.
    pub features: f64,
    /// Most bins of a feature.
    pub bins: usize,
    /// Share of the rows set aside to find the number of trees.
    pub valid: f64,
    /// Trees without a lower error before no more are grown.
    pub patience: usize,
    /// Seed of everything that is drawn.
    pub seed: u64,
}

impl Default for BoostedTrees {
    fn default() -> Self {
        Self {
            rounds: 500,
            learning_rate: 0.05,
            leaves: 15,
            depth: 6,
            leaf_rows: 10,
            l2: 1.0,
            rows: 0.8,
            features: 0.3,
            bins: 64,
            valid: 0.15,
            patience: 40,
            seed: 0,
        }
    }
}

impl BoostedTrees {
    fn check(&self) -> Result<(), TargetError> {
        let share = |value: f64| value > 0.0 && value <= 1.0;
        let checks = [
            ("rounds", self.rounds as f64, self.rounds >= 1, "1 or more"),
            (
                "learning_rate",
                self.learning_rate,
                share(self.learning_rate),
                "a number above 0, up to 1",
            ),
            ("leaves", self.leaves as f64, self.leaves >= 2, "2 or more"),
            ("depth", self.depth as f64, self.depth >= 1, "1 or more"),
            (
                "leaf_rows",
                self.leaf_rows as f64,
                self.leaf_rows >= 1,
                "1 or more",
            ),
            (
                "l2",
                self.l2,
                self.l2 >= 0.0 && self.l2.is_finite(),
                "a finite number of 0 or more",
            ),
            (
                "rows",
                self.rows,
                share(self.rows),
                "a number above 0, up to 1",
            ),
            (
                "features",
                self.features,
                share(self.features),
                "a number above 0, up to 1",
            ),
            (
                "bins",
                self.bins as f64,
                (2..=256).contains(&self.bins),
                "2 to 256",
            ),
            (
                "valid",
                self.valid,
                (0.0..1.0).contains(&self.valid),
                "a number from 0, below 1",
            ),
            (
                "patience",
                self.patience as f64,
                self.patience >= 1,
                "1 or more",
            ),
        ];
        match checks.into_iter().find(|&(_, _, good, _)| !good) {
            None => Ok(()),
            Some((setting, value, _, expected)) => Err(TargetError::Setting {
                what: "boosted trees",
                setting,
                value,
                expected,
            }),
        }
    }

    /// Grows the trees; the rows set aside are drawn one by one.
    ///
    /// # Shapes
    ///
    /// - `features`: `[n_rows, n_features]`
    /// - `targets`: `[n_rows, n_columns]`
    ///
    /// # Errors
    ///
    /// If a setting is out of its range, there is not one row of targets per row of features, a feature is not finite, or a column has no
    /// measured value.
    pub fn fit(
        &self,
        features: &Array2<f32>,
        targets: &TargetMatrix,
    ) -> Result<FittedBoostedTrees, TargetError> {
        self.fit_rows(features, targets, None)
    }

    /// Grows the trees; the rows set aside are whole groups, so that the number of trees is right for groups that were not seen. Where
    /// all rows are of one group, none is set aside.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and if there is not one group per row.
    pub fn fit_grouped(
        &self,
        features: &Array2<f32>,
        targets: &TargetMatrix,
        groups: &Groups,
    ) -> Result<FittedBoostedTrees, TargetError> {
        if groups.len() != targets.n_rows() {
            return Err(TargetError::Length {
                what: "groups of the training rows",
                expected: targets.n_rows(),
                found: groups.len(),
            });
        }
        self.fit_rows(features, targets, Some(groups))
    }

    fn fit_rows(
        &self,
        features: &Array2<f32>,
        targets: &TargetMatrix,
        groups: Option<&Groups>,
    ) -> Result<FittedBoostedTrees, TargetError> {
        self.check()?;
        check_rows("rows of features", features.nrows(), targets)?;
        check_finite(features)?;
        let columns = (0..targets.n_columns()).map(|column| {
            let measured = targets.measured().column(column);
            let rows: Vec<usize> = (0..measured.len()).filter(|&row| measured[row]).collect();
            if rows.is_empty() {
                return Err(TargetError::EmptyColumn {
                    name: targets.names()[column].clone(),
                });
            }
            let (train, valid) = self.set_aside(&rows, groups)?;
            let binned = Binned::new(features, &train, self.bins);
            let truth = |row: usize| f64::from(targets.values()[[row, column]]);
            Ok(self.boost(features, &binned, &train, &valid, truth, column as u64))
        });
        Ok(FittedBoostedTrees {
            columns: columns.collect::<Result<_, _>>()?,
            n_features: features.ncols(),
            names: targets.names().to_vec(),
        })
    }

    /// The rows to grow on and those to stop by.
    fn set_aside(
        &self,
        rows: &[usize],
        groups: Option<&Groups>,
    ) -> Result<(Vec<usize>, Vec<usize>), TargetError> {
        let fractions = Fractions {
            train: 1.0 - self.valid,
            valid: self.valid,
            test: 0.0,
        };
        let few = (rows.len() as f64 * self.valid).round() < 1.0;
        let groups = groups.map(|groups| Groups::by(rows.iter().map(|&row| groups.of_rows()[row])));
        let alone = groups.as_ref().is_some_and(|groups| groups.n_groups() < 2);
        if few || alone {
            return Ok((rows.to_vec(), Vec::new()));
        }
        let parts = match groups {
            Some(groups) => split::grouped(&groups, fractions, self.seed)?,
            None => split::random(rows.len(), fractions, self.seed)?,
        };
        let pick = |part: &[usize]| part.iter().map(|&i| rows[i]).collect();
        Ok((pick(&parts.train), pick(&parts.valid)))
    }

    fn boost(
        &self,
        features: &Array2<f32>,
        binned: &Binned,
        train: &[usize],
        valid: &[usize],
        truth: impl Fn(usize) -> f64,
        stream: u64,
    ) -> Boosted {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream);
        let start = train.iter().map(|&row| truth(row)).sum::<f64>() / train.len() as f64;
        let mut residuals: Vec<f64> = train.iter().map(|&row| truth(row) - start).collect();
        let mut left: Vec<f64> = valid.iter().map(|&row| truth(row) - start).collect();
        let mut trees: Vec<Tree> = Vec::new();
        let squares = |residuals: &[f64]| residuals.iter().map(|r| r * r).sum::<f64>();
        let mut best = (squares(&left), 0);
        while trees.len() < self.rounds && binned.n_features() > 0 {
            let rows = draw(&mut rng, train.len(), self.rows);
            let chosen = draw(&mut rng, binned.n_features(), self.features);
            let tree = Grower::new(self, binned, &residuals, &chosen).grow(rows);
            for (row, residual) in residuals.iter_mut().enumerate() {
                *residual -= tree.of_bins(|feature| binned.bin(feature, row));
            }
            for (residual, &row) in left.iter_mut().zip(valid) {
                *residual -= tree.of_values(|feature| features[[row, feature]]);
            }
            trees.push(tree);
            let error = squares(&left);
            if valid.is_empty() || error < best.0 {
                best = (error, trees.len());
            } else if trees.len() - best.1 >= self.patience {
                break;
            }
        }
        trees.truncate(best.1);
        Boosted { start, trees }
    }
}

/// Some of `0..n`, ascending, at least one.
fn draw(rng: &mut ChaCha8Rng, n: usize, share: f64) -> Vec<u32> {
    let amount = ((n as f64 * share).round() as usize).clamp(1, n);
    let mut drawn: Vec<u32> = if amount == n {
        (0..n as u32).collect()
    } else {
        index::sample(rng, n, amount)
            .into_iter()
            .map(|i| i as u32)
            .collect()
    };
    drawn.sort_unstable();
    drawn
}

/// The trees of one column.
#[derive(Clone, Debug, PartialEq)]
struct Boosted {
    start: f64,
    trees: Vec<Tree>,
}

/// [`BoostedTrees`] that have seen their training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedBoostedTrees {
    columns: Vec<Boosted>,
    n_features: usize,
    names: Vec<String>,
}

impl FittedBoostedTrees {
    /// How many trees each column has.
    pub fn n_trees(&self) -> Vec<usize> {
        self.columns
            .iter()
            .map(|column| column.trees.len())
            .collect()
    }

    /// How much the splits of each feature lowered the squared error, summed over the trees: `[n_features, n_columns]`.
    pub fn gains(&self) -> Array2<f64> {
        let mut gains = Array2::zeros((self.n_features, self.columns.len()));
        for (column, boosted) in self.columns.iter().enumerate() {
            for tree in &boosted.trees {
                for (feature, gain) in tree.gains() {
                    gains[[feature, column]] += gain;
                }
            }
        }
        gains
    }
}

impl Regressor<Array2<f32>> for FittedBoostedTrees {
    fn name(&self) -> String {
        "boosted trees".to_owned()
    }

    fn predict(&self, rows: &Array2<f32>) -> Result<TargetMatrix, TargetError> {
        let expected = (rows.nrows(), self.n_features);
        if rows.dim() != expected {
            return Err(TargetError::Shape {
                what: "the matrix of features",
                expected,
                found: rows.dim(),
            });
        }
        check_finite(rows)?;
        let of_row = |row: usize| -> Vec<f32> {
            let columns = self.columns.iter().map(|column| {
                let trees = column.trees.iter();
                let trees = trees.map(|tree| tree.of_values(|feature| rows[[row, feature]]));
                (column.start + trees.sum::<f64>()) as f32
            });
            columns.collect()
        };
        let answers: Vec<Vec<f32>> = (0..rows.nrows()).into_par_iter().map(of_row).collect();
        let shape = (rows.nrows(), self.columns.len());
        let values = Array2::from_shape_fn(shape, |(row, column)| answers[row][column]);
        TargetMatrix::new(values, self.names.clone())
    }
}
