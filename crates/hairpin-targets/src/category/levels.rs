//! The categories that the training rows have.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::TargetError;
use crate::matrix::repeated;

/// The distinct categories of some rows (cell types, compounds, experiments), in ascending order, numbered from 0.
///
/// ```
/// use hairpin_targets::Categories;
///
/// let cells = Categories::of(&["T cell", "B cell", "T cell"]);
/// assert_eq!(cells.names(), ["B cell", "T cell"]);
/// assert_eq!(cells.index("T cell"), Some(1));
/// assert_eq!(cells.index("NK cell"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Categories {
    names: Vec<String>,
    index: HashMap<String, usize>,
}

impl Categories {
    /// The categories that occur.
    pub fn of<S: AsRef<str>>(rows: &[S]) -> Self {
        let mut names: Vec<&str> = rows.iter().map(AsRef::as_ref).collect();
        names.sort_unstable();
        names.dedup();
        Self::from_distinct(names.into_iter().map(str::to_string).collect())
    }

    fn from_distinct(names: Vec<String>) -> Self {
        let index = names.iter().cloned().zip(0..).collect();
        Self { names, index }
    }

    /// The categories in ascending order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of categories.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The number of a category, none if it is not among these.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// The numbers of some rows' categories; those that are not among these become `unseen`, or are refused if that is none.
    pub(crate) fn codes<S: AsRef<str>>(
        &self,
        what: &'static str,
        rows: &[S],
        unseen: Option<usize>,
    ) -> Result<Vec<usize>, TargetError> {
        rows.iter()
            .enumerate()
            .map(|(row, name)| {
                self.index(name.as_ref())
                    .or(unseen)
                    .ok_or_else(|| TargetError::Unseen {
                        what,
                        row,
                        found: name.as_ref().to_string(),
                        n_known: self.len(),
                    })
            })
            .collect()
    }
}

impl From<Categories> for Vec<String> {
    fn from(categories: Categories) -> Self {
        categories.names
    }
}

impl TryFrom<Vec<String>> for Categories {
    type Error = TargetError;

    fn try_from(names: Vec<String>) -> Result<Self, TargetError> {
        if let Some((first, second)) = repeated(&names) {
            return Err(TargetError::Broken {
                what: "the list of categories".to_string(),
                problem: format!("entries {first} and {second} are both {:?}", names[first]),
            });
        }
        Ok(Self::from_distinct(names))
    }
}
