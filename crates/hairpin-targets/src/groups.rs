//! Rows that belong together: patients, genes, compounds, families of sequences.

use std::collections::HashMap;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

/// One group per row, numbered from 0 in the order in which the groups first appear.
///
/// ```
/// use hairpin_targets::Groups;
///
/// let genes = Groups::by(["CD13", "CD15", "CD13", "HPRT1"]);
/// assert_eq!(genes.of_rows(), [0, 1, 0, 2]);
/// assert_eq!(genes.sizes(), [2, 1, 1]);
/// assert_eq!(genes.members(), [vec![0, 2], vec![1], vec![3]]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<usize>", into = "Vec<usize>")]
pub struct Groups {
    of_rows: Vec<usize>,
    n_groups: usize,
}

impl Groups {
    /// Groups the rows that have the same key.
    pub fn by<K: Hash + Eq>(keys: impl IntoIterator<Item = K>) -> Self {
        let mut numbers = HashMap::new();
        let of_rows = keys
            .into_iter()
            .map(|key| {
                let next = numbers.len();
                *numbers.entry(key).or_insert(next)
            })
            .collect();
        Self {
            of_rows,
            n_groups: numbers.len(),
        }
    }

    /// The group of each row.
    pub fn of_rows(&self) -> &[usize] {
        &self.of_rows
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.of_rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.of_rows.is_empty()
    }

    /// Number of groups; none is empty.
    pub fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// Rows of each group.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.n_groups];
        for &group in &self.of_rows {
            sizes[group] += 1;
        }
        sizes
    }

    /// The rows of each group, ascending.
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.n_groups];
        for (row, &group) in self.of_rows.iter().enumerate() {
            members[group].push(row);
        }
        members
    }
}

/// Any numbers will do; they are numbered anew.
impl From<Vec<usize>> for Groups {
    fn from(numbers: Vec<usize>) -> Self {
        Self::by(numbers)
    }
}

impl From<Groups> for Vec<usize> {
    fn from(groups: Groups) -> Self {
        groups.of_rows
    }
}
