//! Scores by bins of another number, such as how near the nearest training protein is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::bootstrap::Bootstrap;
use super::estimate::Estimate;
use super::median;
use crate::TargetError;

/// The scores of one bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The least number that belongs to it.
    pub from: f64,
    /// Below this; the last bin has its end in it.
    pub to: f64,
    /// How many scores are in it.
    pub rows: usize,
    /// Their median with its bootstrap interval; none if there is no score.
    pub median: Option<Estimate>,
}

impl fmt::Display for Bin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}: ", self.from, self.to)?;
        match &self.median {
            Some(median) => write!(f, "{median:.3}, {} rows", self.rows),
            None => write!(f, "no rows"),
        }
    }
}

/// The median score in each bin of `by`; rows without a score, or outside the bins, are left out.
///
/// Bin `i` is `edges[i] <= by < edges[i + 1]`; the last one has its upper edge in it.
///
/// # Errors
///
/// If there is not one score per number, there are fewer than two edges, they do not ascend, or a setting of the bootstrap is out of range.
///
/// ```
/// use hairpin_targets::metrics::{Bootstrap, binned};
///
/// let scores = [Some(0.9), Some(0.7), Some(0.2), None, Some(0.1)];
/// let identity = [1.0, 0.8, 0.25, 0.5, 0.2];
/// let bins = binned(&scores, &identity, &[0.0, 0.3, 0.7, 1.0], Bootstrap::default())?;
/// assert_eq!(bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(), [2, 0, 2]);
/// assert!((bins[0].median.unwrap().value - 0.15).abs() < 1e-12 && bins[1].median.is_none());
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn binned(
    scores: &[Option<f64>],
    by: &[f64],
    edges: &[f64],
    bootstrap: Bootstrap,
) -> Result<Vec<Bin>, TargetError> {
    if scores.len() != by.len() {
        return Err(TargetError::Length {
            what: "numbers to bin the scores by",
            expected: scores.len(),
            found: by.len(),
        });
    }
    if edges.len() < 2 {
        return Err(TargetError::NoBins);
    }
    if let Some(pair) = edges
        .windows(2)
        .find(|pair| pair[0].partial_cmp(&pair[1]) != Some(std::cmp::Ordering::Less))
    {
        return Err(TargetError::Setting {
            what: "bins",
            setting: "an edge",
            value: pair[1],
            expected: "larger than the one before it",
        });
    }
    let last = edges.len() - 2;
    let bin = |(at, edge): (usize, &[f64])| {
        let (from, to) = (edge[0], edge[1]);
        let inside = |value: f64| from <= value && (value < to || at == last && value == to);
        let rows = scores.iter().zip(by).filter(|&(_, &value)| inside(value));
        let values: Vec<f64> = rows.filter_map(|(score, _)| *score).collect();
        let drawn =
            |rows: &[usize]| median(&mut rows.iter().map(|&row| values[row]).collect::<Vec<_>>());
        Ok(Bin {
            from,
            to,
            rows: values.len(),
            median: match values.is_empty() {
                true => None,
                false => Some(bootstrap.estimate(values.len(), None, drawn)?),
            },
        })
    };
    edges.windows(2).enumerate().map(bin).collect()
}
