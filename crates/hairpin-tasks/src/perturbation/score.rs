//! Predictions held against the truth.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use hairpin_targets::TargetMatrix;
use hairpin_targets::control::{Constant, Regressor};
use hairpin_targets::metrics::{Bootstrap, Comparison, Estimate, Metric, Over};

use super::{Labels, Test, pair, read_labels, read_submission};
use crate::error::shorten;
use crate::{Place, TaskError};

/// What a [`Score`] holds beside the MRRMSE, in this order, each the mean over rows.
pub const METRICS: [Metric; 3] = [Metric::Pearson, Metric::Cosine, Metric::Spearman];

/// What a submission reached; displays as a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Number of rows.
    pub n_rows: usize,
    /// Number of genes.
    pub n_genes: usize,
    /// Number of values that count: those that were measured.
    pub n_values: usize,
    /// Mean over rows of the root mean squared error, with its bootstrap interval over rows.
    pub mrrmse: Estimate,
    /// The MRRMSE of predicting 0 everywhere.
    pub zeros: f64,
    /// Each of [`METRICS`] with its bootstrap interval over rows; `None` where it has no value, as a correlation with rows of zeros.
    pub metrics: [(Metric, Option<Estimate>); METRICS.len()],
}

impl Score {
    /// The MRRMSE in units of that of zeros; what is measured in other units can be compared in this one.
    pub fn ratio(&self) -> f64 {
        self.mrrmse.value / self.zeros
    }

    /// One of [`METRICS`].
    pub fn get(&self, metric: Metric) -> Option<Estimate> {
        let found = self.metrics.iter().find(|(m, _)| *m == metric);
        found.and_then(|(_, estimate)| *estimate)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rows x {} genes, {} values measured",
            self.n_rows, self.n_genes, self.n_values
        )?;
        writeln!(f, "MRRMSE         {:.4}", self.mrrmse)?;
        write!(
            f,
            "zeros' MRRMSE  {:.4}, ratio {:.4}",
            self.zeros,
            self.ratio()
        )?;
        for (metric, estimate) in &self.metrics {
            let name = format!("row {metric}");
            match estimate {
                Some(estimate) => write!(f, "\n{name:<14} {estimate:.4}")?,
                None => write!(f, "\n{name:<14} undefined")?,
            }
        }
        Ok(())
    }
}

/// Compares a submission with the truth, rows matched by id or by pair and genes by name, each in whatever order.
///
/// Where one of the two files has only ids and the other only pairs, `test` says which is which. Genes of the submission that the truth
/// lacks do not count; nor do values that were not measured.
///
/// # Errors
///
/// If a file cannot be read or is not what the [module](super) describes, the two have not the same rows, or a gene of the truth is missing
/// from the submission.
pub fn score(submission: &Path, labels: &Path, test: Option<&Test>) -> Result<Score, TaskError> {
    let predicted = read_submission(submission)?;
    let truth = read_labels(labels)?;
    let place = Place::new(submission);
    let refused = |source| TaskError::Targets {
        place: place.clone(),
        source: Box::new(source),
    };
    let (rows, true_rows) = keys(&predicted, &truth, test, submission, labels)?;
    // The predictions in the order of the truth.
    let order = positions(&true_rows, labels, &rows, submission)?;
    positions(&rows, submission, &true_rows, labels)?;
    let genes = genes(
        predicted.targets.names(),
        submission,
        truth.targets.names(),
        labels,
    )?;
    let predicted = predicted
        .targets
        .select(&order)
        .and_then(|rows| rows.select_columns(&genes));
    let predicted = predicted.map_err(refused)?;
    measure(&predicted, &truth.targets).map_err(refused)
}

fn measure(
    predicted: &TargetMatrix,
    truth: &TargetMatrix,
) -> Result<Score, hairpin_targets::TargetError> {
    let comparison = Comparison::new(predicted, truth)?;
    let zeros = Constant::ZERO
        .fit(truth)
        .predict(&vec![0_usize; truth.n_rows()])?;
    let estimate =
        |metric: Metric| comparison.estimate(metric, Over::Rows, Bootstrap::default(), None);
    let defined = |metric: Metric| {
        let defined = comparison.rows(metric).defined() > 0;
        let estimate = defined.then(|| estimate(metric)).transpose();
        estimate.map(|estimate| (metric, estimate))
    };
    let [pearson, cosine, spearman] = METRICS.map(defined);
    Ok(Score {
        n_rows: truth.n_rows(),
        n_genes: truth.n_columns(),
        n_values: truth
            .measured()
            .iter()
            .filter(|&&measured| measured)
            .count(),
        mrrmse: estimate(Metric::Rmse)?,
        zeros: Comparison::new(&zeros, truth)?.mrrmse().unwrap_or(f64::NAN),
        metrics: [pearson?, cosine?, spearman?],
    })
}

/// What a row is known by: an id, or a cell type and a compound.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Id(String),
    Pair(String, String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "the id `{}`", shorten(id)),
            Self::Pair(cell_type, compound) => write!(f, "the pair {}", pair(cell_type, compound)),
        }
    }
}

/// The rows of both tables by the same kind of key.
fn keys(
    predicted: &Labels,
    truth: &Labels,
    test: Option<&Test>,
    submission: &Path,
    labels: &Path,
) -> Result<(Vec<Key>, Vec<Key>), TaskError> {
    if let (Some(ids), Some(true_ids)) = (&predicted.ids, &truth.ids) {
        let keys = |ids: &[String]| ids.iter().cloned().map(Key::Id).collect();
        return Ok((keys(ids), keys(true_ids)));
    }
    Ok((
        by_pair(predicted, test, submission)?,
        by_pair(truth, test, labels)?,
    ))
}

fn by_pair(table: &Labels, test: Option<&Test>, path: &Path) -> Result<Vec<Key>, TaskError> {
    if let Some(pairs) = &table.pairs {
        let keys = pairs.iter().cloned().map(|(a, b)| Key::Pair(a, b));
        return Ok(keys.collect());
    }
    let place = || Place::new(path).column(super::ID);
    let Some(test) = test else {
        return Err(TaskError::Field {
            place: place(),
            found: "rows known by id alone".to_owned(),
            expected: "the columns cell_type and sm_name, since the other file has no ids"
                .to_owned(),
            remedy: "give the id_map.csv that says which pair an id is",
        });
    };
    let pairs = test
        .cell_types
        .iter()
        .cloned()
        .zip(test.compounds.iter().cloned());
    let pairs = pairs.map(|(cell_type, compound)| Key::Pair(cell_type, compound));
    let pairs: HashMap<&String, Key> = test.ids.iter().zip(pairs).collect();
    let find = |id: &String| {
        pairs.get(id).cloned().ok_or_else(|| TaskError::Field {
            place: place(),
            found: format!("`{}`", shorten(id)),
            expected: "an id of id_map.csv".to_owned(),
            remedy: "score the submission with the pairs that it was made for",
        })
    };
    table.ids.iter().flatten().map(find).collect()
}

/// For each of `keys` the row of `others` that has the same.
fn positions(
    keys: &[Key],
    path: &Path,
    others: &[Key],
    other: &Path,
) -> Result<Vec<usize>, TaskError> {
    let rows: HashMap<&Key, usize> = others.iter().zip(0..).collect();
    let row = |key: &Key| {
        rows.get(key).copied().ok_or_else(|| TaskError::Field {
            place: Place::new(path),
            found: key.to_string(),
            expected: format!("the rows of {}, which has no such row", other.display()),
            remedy: "both files need the same rows",
        })
    };
    keys.iter().map(row).collect()
}

/// For each gene of the truth the column of the submission that has the same name.
fn genes(
    names: &[String],
    submission: &Path,
    true_names: &[String],
    labels: &Path,
) -> Result<Vec<usize>, TaskError> {
    let columns: HashMap<&String, usize> = names.iter().zip(0..).collect();
    let found: Vec<Option<usize>> = true_names
        .iter()
        .map(|name| columns.get(name).copied())
        .collect();
    let missing = found.iter().filter(|column| column.is_none()).count();
    if let Some(first) = found.iter().position(Option::is_none) {
        let others = match missing {
            1 => String::new(),
            more => format!(" and of {} more", more - 1),
        };
        return Err(TaskError::Field {
            place: Place::new(submission),
            found: format!(
                "no column of the gene `{}`{others}",
                shorten(&true_names[first])
            ),
            expected: format!("the {} genes of {}", true_names.len(), labels.display()),
            remedy: "predict every gene of the training file",
        });
    }
    Ok(found.into_iter().flatten().collect())
}
