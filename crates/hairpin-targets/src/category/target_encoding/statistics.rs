//! What the targets of each category look like, for a block of columns.

use ndarray::ArrayViewMut2;

use super::{Smoothing, TargetEncoding, TargetStatistic};
use crate::recipe::quantiles_of;
use crate::{TargetError, TargetMatrix};

/// Columns of a block: with some hundreds of categories their sums stay in the second cache.
pub(super) fn block_columns() -> usize {
    64
}

/// Sums of a block of columns by category; the last category is all rows. Lists hold `[n_categories + 1, width]`.
pub(super) struct Learner<'a> {
    encoding: &'a TargetEncoding,
    targets: &'a TargetMatrix,
    first: usize,
    width: usize,
    n: Vec<f64>,
    mean: Vec<f64>,
    variance: Vec<f64>,
    /// `[n_categories + 1, width]` for each quantile among the statistics.
    quantiles: Vec<Vec<f64>>,
    weight: Vec<f64>,
}

impl<'a> Learner<'a> {
    pub(super) fn new(
        encoding: &'a TargetEncoding,
        targets: &'a TargetMatrix,
        n_categories: usize,
        first: usize,
        width: usize,
    ) -> Self {
        let zeros = vec![0.0; (n_categories + 1) * width];
        Self {
            encoding,
            targets,
            first,
            width,
            n: zeros.clone(),
            mean: zeros.clone(),
            variance: zeros.clone(),
            quantiles: Vec::new(),
            weight: zeros,
        }
    }

    /// Learns from the given rows, and forgets what it learned before.
    pub(super) fn learn(&mut self, codes: &[usize], rows: &[usize]) -> Result<(), TargetError> {
        let all = self.n.len() - self.width;
        self.n.fill(0.0);
        self.mean.fill(0.0);
        self.variance.fill(0.0);
        self.each(codes, rows, |learner, at, value, measured| {
            learner.n[at] += measured;
            learner.mean[at] += value * measured;
        });
        fold_into_last(&mut self.n, self.width);
        fold_into_last(&mut self.mean, self.width);
        if let Some(column) = self.n[all..].iter().position(|&n| n == 0.0) {
            return Err(TargetError::NothingMeasured {
                what: "target encoding",
                name: self.targets.names()[self.first + column].clone(),
            });
        }
        for (mean, &n) in self.mean.iter_mut().zip(&self.n) {
            *mean /= f64::max(n, 1.0);
        }
        if self.encoding.needs_variance() {
            self.learn_variance(codes, rows);
        }
        self.learn_quantiles(codes, rows);
        self.weigh();
        Ok(())
    }

    /// Calls `with` for each value with the place of its category and column, and 1 where measured or 0.
    fn each(&mut self, codes: &[usize], rows: &[usize], with: impl Fn(&mut Self, usize, f64, f64)) {
        let columns = self.first..self.first + self.width;
        let targets = self.targets;
        for &row in rows {
            let start = codes[row] * self.width;
            let values = targets.values().row(row);
            let measured = targets.measured().row(row);
            for (offset, column) in columns.clone().enumerate() {
                let measured = f64::from(u8::from(measured[column]));
                with(self, start + offset, f64::from(values[column]), measured);
            }
        }
    }

    fn learn_variance(&mut self, codes: &[usize], rows: &[usize]) {
        let all = self.n.len() - self.width;
        self.each(codes, rows, |learner, at, value, measured| {
            let within = value - learner.mean[at];
            learner.variance[at] += within * within * measured;
        });
        // The sum of squares of all rows is that within categories and that between them.
        for at in 0..all {
            let total = all + at % self.width;
            let between = self.mean[at] - self.mean[total];
            self.variance[total] += self.variance[at] + self.n[at] * between * between;
        }
        for (variance, &n) in self.variance.iter_mut().zip(&self.n) {
            *variance /= f64::max(n, 1.0);
        }
    }

    fn learn_quantiles(&mut self, codes: &[usize], rows: &[usize]) {
        let asked: Vec<f64> = self
            .encoding
            .statistics
            .iter()
            .filter_map(|statistic| match statistic {
                TargetStatistic::Quantile(q) => Some(*q),
                _ => None,
            })
            .collect();
        if asked.is_empty() {
            return;
        }
        let n_lists = self.n.len() / self.width;
        let mut of_category = vec![Vec::new(); n_lists];
        for &row in rows {
            of_category[codes[row]].push(row);
        }
        of_category[n_lists - 1] = rows.to_vec();
        self.quantiles = vec![vec![0.0; self.n.len()]; asked.len()];
        let mut values = Vec::new();
        for (category, rows) in of_category.iter().enumerate() {
            for offset in 0..self.width {
                let column = self.first + offset;
                values.clear();
                values.extend(
                    rows.iter()
                        .filter(|&&row| self.targets.measured()[[row, column]])
                        .map(|&row| f64::from(self.targets.values()[[row, column]])),
                );
                for (quantiles, &q) in self.quantiles.iter_mut().zip(&asked) {
                    if let [quantile] = quantiles_of(&mut values, &[q])[..] {
                        quantiles[category * self.width + offset] = quantile;
                    }
                }
            }
        }
    }

    /// The weight λ of each category against all rows.
    fn weigh(&mut self) {
        let all = self.n.len() - self.width;
        for at in 0..self.n.len() {
            let n = self.n[at];
            let weight = match self.encoding.smoothing {
                Smoothing::Rows { m } => n / (n + m),
                Smoothing::Auto => {
                    let prior = self.variance[all + at % self.width] * n;
                    prior / (prior + self.variance[at])
                }
            };
            // No row and no smoothing, or no variance at all: 0 / 0, and all rows it is.
            self.weight[at] = if weight.is_nan() { 0.0 } else { weight };
        }
    }

    /// Writes the statistics of a category, `[n_statistics, width]`.
    pub(super) fn encode(&self, category: usize, mut out: ArrayViewMut2<'_, f32>) {
        let all = self.n.len() - self.width;
        let start = category * self.width;
        let mut quantiles = self.quantiles.iter();
        for (mut out, statistic) in out.rows_mut().into_iter().zip(&self.encoding.statistics) {
            let list = match statistic {
                TargetStatistic::Mean => &self.mean,
                TargetStatistic::StandardDeviation => &self.variance,
                TargetStatistic::Quantile(_) => match quantiles.next() {
                    Some(list) => list,
                    None => continue,
                },
            };
            let root = *statistic == TargetStatistic::StandardDeviation;
            for (offset, out) in out.iter_mut().enumerate() {
                let (mut own, mut prior) = (list[start + offset], list[all + offset]);
                if root {
                    (own, prior) = (own.sqrt(), prior.sqrt());
                }
                let weight = self.weight[start + offset];
                *out = (weight * own + (1.0 - weight) * prior) as f32;
            }
        }
    }
}

/// Adds what the categories hold to what all rows hold, the last of the lists.
fn fold_into_last(lists: &mut [f64], width: usize) {
    let (categories, last) = lists.split_at_mut(lists.len() - width);
    for list in categories.chunks_exact(width) {
        for (last, number) in last.iter_mut().zip(list) {
            *last += number;
        }
    }
}

impl TargetEncoding {
    /// Whether the variance within categories is asked for.
    fn needs_variance(&self) -> bool {
        self.smoothing == Smoothing::Auto
            || self
                .statistics
                .contains(&TargetStatistic::StandardDeviation)
    }
}
