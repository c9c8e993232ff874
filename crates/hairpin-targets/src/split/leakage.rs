//! What the two sides of a split have in common.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use hairpin_seq::{Alphabet, Seq};
use serde::{Deserialize, Serialize};

use crate::matrix::check_rows;
use crate::similarity::{ROUNDING, Similarity, nearest_of};
use crate::{Groups, TargetError};

/// What training rows and held-out rows of a split have in common; any split, however it was made.
///
/// Each `with_` method checks one thing more. Printed, it is a plain table whose first line says whether the split leaks by what has been
/// checked; what has not been is said too.
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_targets::similarity::Similarity;
/// use hairpin_targets::{Groups, LeakageReport};
///
/// let texts = ["ACGTACGTAC", "ACGTACGTAA", "GGGGGCCCCC", "TTTTTTTTTT"];
/// let seqs: Vec<Seq<Dna>> = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
/// let report = LeakageReport::between(&[0, 3], &[1, 2])
///     .with_groups(&Groups::by(["a", "b", "c", "d"]))?
///     .with_sequences(&seqs, &Similarity::edit(0.8))?;
///
/// assert!(report.leaks());
/// let text = report.to_string();
/// assert!(text.starts_with("leaks: 1 of 2 held-out rows has a training row at 0.8 or more\n"));
/// assert_eq!(report.nearest.as_ref().unwrap()[0].train_row, Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakageReport {
    /// The training rows.
    pub train: Vec<usize>,
    /// The held-out rows: validation or test.
    pub held_out: Vec<usize>,
    /// Rows on both sides, ascending.
    pub shared_rows: Vec<usize>,
    /// Groups on both sides; nothing if groups were not checked.
    pub shared_groups: Option<Vec<SharedGroup>>,
    /// Held-out rows that equal a training row, and the first such training row; nothing if that was not checked.
    pub exact_duplicates: Option<Vec<(usize, usize)>>,
    /// The nearest training row of each held-out row; nothing if that was not checked.
    pub nearest: Option<Vec<HeldOut>>,
    /// What [`nearest`](Self::nearest) is measured by, and the threshold from which on it counts as a leak.
    pub similarity: Option<(String, f64)>,
}

/// A group with rows on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedGroup {
    /// The group, as [`Groups`] numbers it.
    pub group: usize,
    /// Its training rows.
    pub train_rows: usize,
    /// Its held-out rows.
    pub held_out_rows: usize,
}

/// The nearest training row of a held-out row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// The held-out row.
    pub row: usize,
    /// The most similar training row; nothing if none shares enough k-mers with it.
    pub train_row: Option<usize>,
    /// Their similarity, 0 to 1; 0 without a training row.
    pub similarity: f64,
}

impl LeakageReport {
    /// Compares the row numbers alone: no row should be on both sides.
    pub fn between(train: &[usize], held_out: &[usize]) -> Self {
        let mut seen: Vec<usize> = train.to_vec();
        seen.sort_unstable();
        let on_both = |row: &&usize| seen.binary_search(row).is_ok();
        let mut shared_rows: Vec<usize> = held_out.iter().filter(on_both).copied().collect();
        shared_rows.sort_unstable();
        shared_rows.dedup();
        Self {
            train: train.to_vec(),
            held_out: held_out.to_vec(),
            shared_rows,
            shared_groups: None,
            exact_duplicates: None,
            nearest: None,
            similarity: None,
        }
    }

    /// Looks for groups on both sides.
    ///
    /// # Errors
    ///
    /// If a row of the split has no group.
    pub fn with_groups(mut self, groups: &Groups) -> Result<Self, TargetError> {
        self.check_rows(groups.len())?;
        let count = |rows: &[usize]| {
            let mut counts = vec![0; groups.n_groups()];
            for &row in rows {
                counts[groups.of_rows()[row]] += 1;
            }
            counts
        };
        let (train, held_out) = (count(&self.train), count(&self.held_out));
        let shared =
            (0..groups.n_groups()).filter(|&group| train[group] > 0 && held_out[group] > 0);
        self.shared_groups = Some(
            shared
                .map(|group| SharedGroup {
                    group,
                    train_rows: train[group],
                    held_out_rows: held_out[group],
                })
                .collect(),
        );
        Ok(self)
    }

    /// Looks for held-out rows whose key equals a training row's; a key is whatever the network is shown of a row.
    ///
    /// # Errors
    ///
    /// If a row of the split has no key.
    pub fn with_keys<K: Hash + Eq>(mut self, keys: &[K]) -> Result<Self, TargetError> {
        self.check_rows(keys.len())?;
        let mut first = HashMap::new();
        for &row in &self.train {
            let first: &mut usize = first.entry(&keys[row]).or_insert(row);
            *first = row.min(*first);
        }
        let equal = |&row: &usize| first.get(&keys[row]).map(|&train_row| (row, train_row));
        self.exact_duplicates = Some(self.held_out.iter().filter_map(equal).collect());
        Ok(self)
    }

    /// Looks for equal sequences, and for the nearest training row of each held-out row.
    ///
    /// # Errors
    ///
    /// If a row of the split has no sequence, and as for [`nearest`](crate::similarity::nearest).
    pub fn with_sequences<A: Alphabet>(
        self,
        seqs: &[Seq<A>],
        similarity: &Similarity<A>,
    ) -> Result<Self, TargetError> {
        let keys: Vec<&[u8]> = seqs.iter().map(Seq::codes).collect();
        let mut report = self.with_keys(&keys)?;
        let rows = |rows: &[usize]| rows.iter().map(|&row| &seqs[row]).collect::<Vec<_>>();
        let found = nearest_of(&rows(&report.held_out), &rows(&report.train), similarity)?;
        let found = report.held_out.iter().zip(found);
        report.nearest = Some(
            found
                .map(|(&row, nearest)| HeldOut {
                    row,
                    train_row: nearest.map(|nearest| report.train[nearest.reference]),
                    similarity: nearest.map_or(0.0, |nearest| nearest.similarity),
                })
                .collect(),
        );
        report.similarity = Some((similarity.describe(), similarity.threshold()));
        Ok(report)
    }

    fn check_rows(&self, n_rows: usize) -> Result<(), TargetError> {
        check_rows(&self.train, n_rows)?;
        check_rows(&self.held_out, n_rows)
    }

    /// Whether anything that has been checked is on both sides: rows, groups, duplicates, or neighbours that reach the threshold.
    pub fn leaks(&self) -> bool {
        !self.shared_rows.is_empty()
            || self
                .shared_groups
                .as_ref()
                .is_some_and(|groups| !groups.is_empty())
            || self
                .exact_duplicates
                .as_ref()
                .is_some_and(|rows| !rows.is_empty())
            || self.too_near() > 0
    }

    /// How many held-out rows have a training row at the threshold or above.
    pub fn too_near(&self) -> usize {
        let (Some(nearest), Some((_, threshold))) = (&self.nearest, &self.similarity) else {
            return 0;
        };
        let near = |held_out: &&HeldOut| {
            held_out.train_row.is_some() && held_out.similarity >= threshold - ROUNDING
        };
        nearest.iter().filter(near).count()
    }

    /// How many held-out rows have their nearest training row at a similarity in 0 to 0.1, 0.1 to 0.2, ..., 0.9 to 1, each without its upper
    /// end, and at 1: eleven numbers. Nothing if that was not checked.
    pub fn histogram(&self) -> Option<[usize; 11]> {
        let mut counts = [0; 11];
        for held_out in self.nearest.as_ref()? {
            // A report that was read from a file may hold any number.
            counts[(((held_out.similarity + ROUNDING) * 10.0) as usize).min(10)] += 1;
        }
        Some(counts)
    }
}

fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

impl fmt::Display for LeakageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut found = Vec::new();
        let near = self.too_near();
        if let (1.., Some((_, threshold))) = (near, &self.similarity) {
            found.push(format!(
                "{near} of {} held-out rows {} a training row at {threshold} or more",
                self.held_out.len(),
                if near == 1 { "has" } else { "have" },
            ));
        }
        let lists = [
            (self.shared_rows.len(), "row", "rows"),
            (
                self.shared_groups.as_ref().map_or(0, Vec::len),
                "group",
                "groups",
            ),
        ];
        for (n, one, many) in lists {
            if n > 0 {
                found.push(format!("{} on both sides", counted(n, one, many)));
            }
        }
        match self.exact_duplicates.as_ref().map_or(0, Vec::len) {
            0 => {}
            n => found.push(counted(n, "exact duplicate", "exact duplicates")),
        }
        if found.is_empty() {
            writeln!(f, "no leak found")?;
        } else {
            writeln!(f, "leaks: {}", found.join("; "))?;
        }

        let line = |f: &mut fmt::Formatter<'_>, what: &str, value: Option<usize>| match value {
            Some(value) => writeln!(f, "{what:<32} {value:>11}"),
            None => writeln!(f, "{what:<32} {:>11}", "not checked"),
        };
        line(f, "training rows", Some(self.train.len()))?;
        line(f, "held-out rows", Some(self.held_out.len()))?;
        line(f, "rows on both sides", Some(self.shared_rows.len()))?;
        let groups = self.shared_groups.as_ref();
        line(f, "groups on both sides", groups.map(Vec::len))?;
        let duplicates = self.exact_duplicates.as_ref();
        line(
            f,
            "held-out rows seen in training",
            duplicates.map(Vec::len),
        )?;
        match (self.histogram(), &self.similarity) {
            (Some(counts), Some((measure, _))) => {
                writeln!(f, "nearest training row by {measure}")?;
                for (bin, count) in counts.into_iter().enumerate() {
                    let range = match bin {
                        10 => "  1.0".to_owned(),
                        _ => format!("  0.{bin} to {:.1}", (bin + 1) as f64 / 10.0),
                    };
                    line(f, &range, Some(count))?;
                }
                Ok(())
            }
            _ => line(f, "nearest training row", None),
        }
    }
}
