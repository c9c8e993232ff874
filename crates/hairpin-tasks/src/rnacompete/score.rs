//! An answer held against what was measured.

use std::fmt;
use std::path::Path;

use hairpin_targets::TargetMatrix;
use hairpin_targets::metrics::{Bootstrap, Comparison, Estimate, Metric};

use super::{Missing, read_intensities, read_submission};
use crate::{Place, TaskError};

/// What an answer reached; displays as a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Number of probes.
    pub n_probes: usize,
    /// Pearson's correlation over the probes, of each protein; `None` where it has no value, as with predictions that are all the same.
    pub pearson: Vec<Option<f64>>,
    /// Spearman's, of each protein.
    pub spearman: Vec<Option<f64>>,
    /// The median of [`pearson`](Self::pearson) over the proteins that have one, with its bootstrap interval over proteins.
    pub median: Estimate,
    /// The mean, likewise.
    pub mean: Estimate,
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let undefined = self.pearson.iter().filter(|value| value.is_none()).count();
        write!(
            f,
            "{} proteins, {} probes",
            self.pearson.len(),
            self.n_probes
        )?;
        write!(f, "\nmedian Pearson {:.4}", self.median)?;
        write!(f, "\nmean Pearson   {:.4}", self.mean)?;
        if undefined > 0 {
            write!(
                f,
                "\n{undefined} proteins without a correlation are left out of both"
            )?;
        }
        write!(f, "\nprotein  Pearson  Spearman")?;
        for (protein, pair) in self.pearson.iter().zip(&self.spearman).enumerate() {
            let text =
                |value: &Option<f64>| value.map_or("undefined".to_owned(), |v| format!("{v:.4}"));
            write!(
                f,
                "\n{:<7}  {:>7}  {:>8}",
                format!("RBP{}", protein + 1),
                text(pair.0),
                text(pair.1)
            )?;
        }
        Ok(())
    }
}

/// Compares an answer with a matrix of measured intensities, in the format of a training file; NaN cells do not count.
///
/// ```text
/// score = median over proteins of Pearson(predicted intensities, measured intensities) over probes
/// ```
///
/// # Errors
///
/// If either cannot be read, they differ in probes or proteins, or no protein has a correlation.
pub fn score(submission: &Path, intensities: &Path) -> Result<Score, TaskError> {
    let predicted = read_submission(submission)?;
    let truth = read_intensities(intensities, Missing::Mask)?;
    if predicted.n_rows() != truth.n_rows() {
        return Err(TaskError::RowCounts {
            first: Place::new(submission),
            first_rows: predicted.n_rows(),
            second: Place::new(intensities),
            second_rows: truth.n_rows(),
        });
    }
    if predicted.n_columns() != truth.n_columns() {
        return Err(TaskError::Field {
            place: Place::new(submission),
            found: format!("files of {} proteins", predicted.n_columns()),
            expected: format!("{}, as {} has", truth.n_columns(), intensities.display()),
            remedy: "compare an answer with the intensities of the same proteins",
        });
    }
    of(&predicted, &truth).map_err(|source| TaskError::Targets {
        place: Place::new(submission),
        source: Box::new(source),
    })
}

fn of(
    predicted: &TargetMatrix,
    truth: &TargetMatrix,
) -> Result<Score, hairpin_targets::TargetError> {
    let comparison = Comparison::new(predicted, truth)?;
    let pearson = comparison.columns(Metric::Pearson);
    let defined: Vec<f64> = pearson.values().iter().flatten().copied().collect();
    let median = |rows: &[usize]| {
        let mut drawn: Vec<f64> = rows.iter().map(|&row| defined[row]).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let middle = drawn.len() / 2;
        let upper = *drawn.get(middle)?;
        Some(match drawn.len() % 2 {
            0 => (drawn[middle - 1] + upper) / 2.0,
            _ => upper,
        })
    };
    let mean = |rows: &[usize]| {
        Some(rows.iter().map(|&row| defined[row]).sum::<f64>() / rows.len() as f64)
    };
    let bootstrap = Bootstrap::default();
    Ok(Score {
        n_probes: truth.n_rows(),
        spearman: comparison.columns(Metric::Spearman).values().to_vec(),
        median: bootstrap.estimate(defined.len(), None, median)?,
        mean: bootstrap.estimate(defined.len(), None, mean)?,
        pearson: pearson.values().to_vec(),
    })
}
