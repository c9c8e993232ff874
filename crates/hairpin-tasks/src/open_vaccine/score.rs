//! A submission held against the truth.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use hairpin_targets::TargetMatrix;
use hairpin_targets::metrics::{Bootstrap, Comparison, Estimate, Metric, Over};
use ndarray::Array2;

use super::{SCORED, TARGETS, read_labels, read_submission};
use crate::error::shorten;
use crate::{Place, TaskError};

/// What a submission reached; displays as a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// How many molecules have labels.
    pub n_molecules: usize,
    /// How many bases of them were measured.
    pub n_bases: usize,
    /// The official score, over the [`SCORED`] columns, with its bootstrap interval over molecules.
    pub mcrmse: Estimate,
    /// The root mean squared error of each of [`TARGETS`].
    pub rmse: [f64; 5],
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} molecules, {} bases", self.n_molecules, self.n_bases)?;
        write!(f, "\n{:<12} {:.5}", "MCRMSE", self.mcrmse)?;
        for (column, (name, rmse)) in TARGETS.iter().zip(self.rmse).enumerate() {
            let note = if SCORED.contains(&column) {
                ""
            } else {
                " (not scored)"
            };
            write!(f, "\n{name:<12} {rmse:.5}{note}")?;
        }
        Ok(())
    }
}

/// Scores a submission by the molecules that have labels; others may be in it.
///
/// ```text
/// MCRMSE = 1/3 Σ over scored columns of √(Σ over measured bases of all molecules (x - y)² / n)
/// ```
///
/// # Errors
///
/// If a file cannot be read, a labelled molecule is not in the submission, or has fewer bases there than were measured.
pub fn score(submission: &Path, labels: &Path) -> Result<Score, TaskError> {
    let predicted = read_submission(submission)?;
    let labels_read = read_labels(labels)?;
    let of_id: HashMap<&str, usize> = predicted
        .iter()
        .zip(0..)
        .map(|(p, i)| (p.id.as_str(), i))
        .collect();
    let (mut answers, mut truths, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for (molecule, (id, truth)) in labels_read.ids.iter().zip(&labels_read.targets).enumerate() {
        let Some(&at) = of_id.get(id.as_str()) else {
            return Err(TaskError::UnmatchedId {
                place: Place::new(labels),
                id: shorten(id),
                other: Box::new(submission.to_owned()),
            });
        };
        let answer = &predicted[at];
        if answer.values.n_rows() < truth.n_rows() {
            return Err(TaskError::Field {
                place: Place::new(submission).line(answer.line),
                found: format!("{} bases of `{}`", answer.values.n_rows(), shorten(id)),
                expected: format!("{} or more, as many as were measured", truth.n_rows()),
                remedy: "predict every base of the molecule",
            });
        }
        answers.extend(answer.values.values().iter().take(truth.values().len()));
        truths.extend(truth.values().iter());
        groups.extend(std::iter::repeat_n(molecule, truth.n_rows()));
    }
    let refused = |source| TaskError::Targets {
        place: Place::new(submission),
        source: Box::new(source),
    };
    let all: Vec<usize> = (0..TARGETS.len()).collect();
    let matrix = |values: &[f32], columns: &[usize]| {
        let shape = (values.len() / TARGETS.len(), columns.len());
        let names = columns.iter().map(|&column| TARGETS[column].to_owned());
        let values =
            Array2::from_shape_fn(shape, |(base, c)| values[base * TARGETS.len() + columns[c]]);
        TargetMatrix::new(values, names.collect()).map_err(refused)
    };
    let (x, y) = (matrix(&answers, &SCORED)?, matrix(&truths, &SCORED)?);
    let mcrmse = Comparison::new(&x, &y)
        .and_then(|scored| {
            scored.estimate(
                Metric::Rmse,
                Over::Columns,
                Bootstrap::default(),
                Some(&groups),
            )
        })
        .map_err(refused)?;
    let (x, y) = (matrix(&answers, &all)?, matrix(&truths, &all)?);
    let columns = Comparison::new(&x, &y)
        .map_err(refused)?
        .columns(Metric::Rmse);
    let mut rmse = [f64::NAN; 5];
    for (rmse, value) in rmse.iter_mut().zip(columns.values()) {
        *rmse = value.unwrap_or(f64::NAN);
    }
    Ok(Score {
        n_molecules: labels_read.ids.len(),
        n_bases: y.n_rows(),
        mcrmse,
        rmse,
    })
}
