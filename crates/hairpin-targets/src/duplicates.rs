//! Duplicates: clusters of items that are the same or nearly so, which of them to keep, and a table of what was dropped and why.
//!
//! | clusters of | by |
//! |---|---|
//! | equal things | [`Groups::by`] |
//! | similar sequences | [`similarity::clusters`](crate::similarity::clusters) |
//! | anything with a similarity, such as motifs | [`linked`] |
//!
//! A search for duplicates learns from the rows it sees: give it the training rows, or say that it saw all.
//!
//! ```
//! use hairpin_seq::{Protein, Seq};
//! use hairpin_targets::Groups;
//! use hairpin_targets::duplicates::{Keep, deduplicate};
//!
//! let proteins = ["MKV", "MPL", "MKV", "MKV"];
//! let found = deduplicate(&Groups::by(proteins), Keep::First, "identical sequence")?;
//! assert_eq!(found.kept, [0, 1]);
//! assert_eq!(found.dropped[1].to_string(), "row 3 dropped for row 0: identical sequence (cluster 0 of 3 rows, first row kept)");
//! # Ok::<(), hairpin_targets::TargetError>(())
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::similarity::Components;
use crate::{Groups, TargetError};

/// How similarity within a cluster is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Linkage {
    /// Connected components: every item is similar to at least one other of its cluster.
    Single,
    /// Two clusters are joined while the mean similarity between their items reaches the threshold, the most similar first (UPGMA).
    Average,
}

/// Clusters items by a similarity that is symmetric, any number, larger for more similar.
///
/// Average linkage is that of `kodama`: all `n (n - 1) / 2` similarities are kept, 8 bytes each. An exact tie of mean similarities is joined
/// in an order that depends on the order of the items.
///
/// # Errors
///
/// If the threshold, or the similarity of a pair, is NaN or infinite.
///
/// ```
/// use hairpin_targets::duplicates::{Linkage, linked};
///
/// let at = [0.0_f64, 1.0, 2.0, 9.0];
/// let similarity = |a: usize, b: usize| -(at[a] - at[b]).abs();
/// assert_eq!(linked(4, similarity, -1.0, Linkage::Single)?.of_rows(), [0, 0, 0, 1]);
/// // 2 is 1 from 1, and 2 from 0: 1.5 on average.
/// assert_eq!(linked(4, similarity, -1.0, Linkage::Average)?.n_groups(), 3);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn linked(
    n: usize,
    similarity: impl Fn(usize, usize) -> f64,
    threshold: f64,
    linkage: Linkage,
) -> Result<Groups, TargetError> {
    if !threshold.is_finite() {
        return Err(TargetError::BadThreshold { threshold });
    }
    let checked = |first, second| match similarity(first, second) {
        value if value.is_finite() => Ok(value),
        value => Err(TargetError::BadSimilarity {
            first,
            second,
            value,
        }),
    };
    let pairs = (0..n).flat_map(|first| (first + 1..n).map(move |second| (first, second)));
    let mut components = Components::new(n);
    match linkage {
        Linkage::Single => {
            for (first, second) in pairs {
                if checked(first, second)? >= threshold {
                    components.join(first, second);
                }
            }
        }
        Linkage::Average => {
            // A distance, which kodama asks for, is the similarity with its sign turned: a mean of those is the mean turned.
            let mut distances = pairs
                .map(|(first, second)| Ok(-checked(first, second)?))
                .collect::<Result<Vec<_>, TargetError>>()?;
            if n > 1 {
                join_averages(&mut distances, n, -threshold, &mut components);
            }
        }
    }
    Ok(Groups::by(components.roots()))
}

/// Joins what average linkage joins at `cut` or below.
fn join_averages(distances: &mut [f64], n: usize, cut: f64, components: &mut Components) {
    // A mean of equal numbers may be off by a rounding error.
    let cut = cut + 1e-12 * cut.abs().max(1.0);
    let tree = kodama::linkage(distances, n, kodama::Method::Average);
    // Node n + i is what step i joins; any item of a node stands for it.
    let mut items: Vec<usize> = (0..n).collect();
    for step in tree.steps() {
        let (first, second) = (items[step.cluster1], items[step.cluster2]);
        items.push(first);
        if step.dissimilarity <= cut {
            components.join(first, second);
        }
    }
}

/// Which row of a cluster is kept; of equals the first.
#[derive(Clone, Copy)]
pub enum Keep<'a> {
    /// The first row.
    First,
    /// The longest, by the length of every row.
    Longest(&'a [usize]),
    /// The one with most measured values, by the number of them in every row.
    MostMeasured(&'a [usize]),
    /// The medoid: the row with the largest sum of similarities to the others of its cluster.
    Medoid(&'a dyn Fn(usize, usize) -> f64),
}

impl Keep<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::First => "first row kept",
            Self::Longest(_) => "longest row kept",
            Self::MostMeasured(_) => "row with most values kept",
            Self::Medoid(_) => "medoid kept",
        }
    }
}

impl fmt::Debug for Keep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One line of the table of what was dropped; flat, so that it can be written as CSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The row dropped.
    pub row: usize,
    /// The row of its cluster that is kept.
    pub kept: usize,
    /// The cluster, as its [`Groups`] number it.
    pub cluster: usize,
    /// Rows of the cluster, the kept one included.
    pub cluster_rows: usize,
    /// What makes a cluster of them.
    pub reason: String,
    /// By which rule the other was kept.
    pub rule: String,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "row {} dropped for row {}: {} (cluster {} of {} rows, {})",
            self.row, self.kept, self.reason, self.cluster, self.cluster_rows, self.rule
        )
    }
}

/// What is left of rows without their duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deduplicated {
    /// One row of each cluster, ascending.
    pub kept: Vec<usize>,
    /// The others, ascending, and why.
    pub dropped: Vec<Dropped>,
    /// Clusters of more than one row.
    pub clusters: usize,
}

/// `200 rows: 176 kept, 24 dropped in 13 clusters`.
impl fmt::Display for Deduplicated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rows: {} kept, {} dropped in {} clusters",
            self.kept.len() + self.dropped.len(),
            self.kept.len(),
            self.dropped.len(),
            self.clusters
        )
    }
}

/// Keeps one row of each cluster; `reason` says what makes a cluster, such as "identical sequence".
///
/// # Errors
///
/// If the rule's list has another length than there are rows, or a similarity is NaN or infinite.
pub fn deduplicate(
    clusters: &Groups,
    keep: Keep<'_>,
    reason: &str,
) -> Result<Deduplicated, TargetError> {
    if let Keep::Longest(values) | Keep::MostMeasured(values) = keep
        && values.len() != clusters.len()
    {
        return Err(TargetError::Length {
            what: "values to choose the row to keep by",
            expected: clusters.len(),
            found: values.len(),
        });
    }
    let mut found = Deduplicated::default();
    for (cluster, rows) in clusters.members().iter().enumerate() {
        let kept = match keep {
            Keep::First => rows[0],
            Keep::Longest(values) | Keep::MostMeasured(values) => {
                first_largest(rows, |row| Ok(values[row]))?
            }
            Keep::Medoid(similarity) => first_largest(rows, |row| sum(row, rows, similarity))?,
        };
        found.kept.push(kept);
        found.clusters += usize::from(rows.len() > 1);
        for &row in rows.iter().filter(|&&row| row != kept) {
            found.dropped.push(Dropped {
                row,
                kept,
                cluster,
                cluster_rows: rows.len(),
                reason: reason.to_owned(),
                rule: keep.name().to_owned(),
            });
        }
    }
    found.kept.sort_unstable();
    found.dropped.sort_unstable_by_key(|dropped| dropped.row);
    Ok(found)
}

fn first_largest<T: PartialOrd>(
    rows: &[usize],
    value: impl Fn(usize) -> Result<T, TargetError>,
) -> Result<usize, TargetError> {
    let mut best = (rows[0], value(rows[0])?);
    for &row in &rows[1..] {
        let value = value(row)?;
        if value > best.1 {
            best = (row, value);
        }
    }
    Ok(best.0)
}

/// The similarities of a row to the others of its cluster, added up.
fn sum(
    first: usize,
    rows: &[usize],
    similarity: &dyn Fn(usize, usize) -> f64,
) -> Result<f64, TargetError> {
    let mut sum = 0.0;
    for &second in rows.iter().filter(|&&row| row != first) {
        let value = similarity(first, second);
        if !value.is_finite() {
            return Err(TargetError::BadSimilarity {
                first,
                second,
                value,
            });
        }
        sum += value;
    }
    Ok(sum)
}
