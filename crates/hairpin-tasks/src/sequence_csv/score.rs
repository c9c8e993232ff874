//! Predictions held against the truth.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use hairpin_targets::TargetMatrix;
use hairpin_targets::metrics::{Bootstrap, Comparison, Estimate, Metric, Over};

use super::{Columns, TARGET, read_labels};
use crate::error::shorten;
use crate::{Place, TaskError};

/// What a [`Score`] holds, in this order.
pub const METRICS: [Metric; 5] = [
    Metric::Spearman,
    Metric::Pearson,
    Metric::R2,
    Metric::Mse,
    Metric::Mae,
];

/// What a submission reached; displays as a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Number of rows.
    pub n_rows: usize,
    /// Each of [`METRICS`] with its bootstrap interval over rows; `None` where it has no value, as a correlation with predictions
    /// that are all the same.
    pub metrics: [(Metric, Option<Estimate>); METRICS.len()],
}

impl Score {
    /// One of [`METRICS`].
    pub fn get(&self, metric: Metric) -> Option<Estimate> {
        let found = self.metrics.iter().find(|(m, _)| *m == metric);
        found.and_then(|(_, estimate)| *estimate)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.n_rows)?;
        for (metric, estimate) in &self.metrics {
            match estimate {
                Some(estimate) => write!(f, "\n{metric:<8} {estimate:.4}")?,
                None => write!(f, "\n{metric:<8} undefined")?,
            }
        }
        Ok(())
    }
}

/// Compares a submission with the truth, row by row of the same id, in whatever order.
///
/// `columns` are those of `labels`: the column of ids and that of targets. The submission has `id,target`.
///
/// # Errors
///
/// If a file cannot be read or is not what the [module](super) describes, or the two have not the same ids.
pub fn score(submission: &Path, labels: &Path, columns: &Columns) -> Result<Score, TaskError> {
    let predicted = read_labels(submission, &Columns::default())?;
    let truth = read_labels(labels, columns)?;
    let place = Place::new(submission);
    let refused = |source| TaskError::Targets {
        place: place.clone(),
        source: Box::new(source),
    };
    let (ids, true_ids) = (row_ids(&predicted), row_ids(&truth));
    // The truth in the order of the predictions.
    let order = positions(ids, &place, true_ids, labels)?;
    positions(true_ids, &Place::new(labels), ids, submission)?;
    let truth = truth.select(&order).map_err(refused)?;
    // The names of the columns may differ.
    let truth =
        TargetMatrix::new(truth.values().clone(), vec![TARGET.to_owned()]).map_err(refused)?;
    let comparison = Comparison::new(&predicted, &truth).map_err(refused)?;
    let estimate = |metric: Metric| {
        if comparison.pooled(metric).is_none() {
            return Ok((metric, None));
        }
        let estimate = comparison.estimate(metric, Over::Pooled, Bootstrap::default(), None);
        estimate
            .map(|estimate| (metric, Some(estimate)))
            .map_err(refused)
    };
    let [a, b, c, d, e] = METRICS.map(estimate);
    Ok(Score {
        n_rows: truth.n_rows(),
        metrics: [a?, b?, c?, d?, e?],
    })
}

fn row_ids(targets: &TargetMatrix) -> &[String] {
    targets.row_ids().unwrap_or_default()
}

/// For each of `ids` the row of `others` that has the same.
fn positions(
    ids: &[String],
    place: &Place,
    others: &[String],
    other: &Path,
) -> Result<Vec<usize>, TaskError> {
    let rows: HashMap<&String, usize> = others.iter().zip(0..).collect();
    let row = |id: &String| {
        rows.get(id).copied().ok_or_else(|| TaskError::UnmatchedId {
            place: place.clone(),
            id: shorten(id),
            other: Box::new(other.to_owned()),
        })
    };
    ids.iter().map(row).collect()
}
