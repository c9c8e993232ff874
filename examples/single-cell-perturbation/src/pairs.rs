//! Pairs of a cell type and a compound, with or without what was measured of them.

use anyhow::Result;
use hairpin::targets::category::Categories;
use hairpin::targets::{Groups, TargetMatrix};
use hairpin::tasks::perturbation::{self, Test, Train, Unseen};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Pairs; both lists have an entry for each.
#[derive(Clone, Debug)]
pub(crate) struct Pairs {
    pub(crate) cell_types: Vec<String>,
    pub(crate) compounds: Vec<String>,
}

impl Pairs {
    pub(crate) fn of_test(test: &Test) -> Self {
        Self {
            cell_types: test.cell_types.clone(),
            compounds: test.compounds.clone(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.cell_types.len()
    }

    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let pick = |list: &[String]| rows.iter().map(|&row| list[row].clone()).collect();
        Self {
            cell_types: pick(&self.cell_types),
            compounds: pick(&self.compounds),
        }
    }

    pub(crate) fn id(&self, row: usize) -> String {
        format!("{}, {}", self.cell_types[row], self.compounds[row])
    }

    /// Rows of one compound, which belong together in every interval.
    pub(crate) fn by_compound(&self) -> Groups {
        Groups::by(&self.compounds)
    }

    /// What is not known of these pairs, in words; none if all is.
    pub(crate) fn unseen_in(&self, names: &Names) -> Option<String> {
        let count = |asked: &[String], known: &Categories| {
            let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
            for name in asked.iter().filter(|name| known.index(name).is_none()) {
                *counts.entry(name).or_default() += 1;
            }
            counts.into_iter().map(|(n, c)| (n.clone(), c)).collect()
        };
        let unseen = Unseen {
            cell_types: count(&self.cell_types, &names.cell_types),
            compounds: count(&self.compounds, &names.compounds),
        };
        (!unseen.is_empty()).then(|| {
            format!("{unseen}; what is not known of such a pair is answered as it is of all rows")
        })
    }
}

/// The cell types and compounds that were learned from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Names {
    pub(crate) cell_types: Categories,
    pub(crate) compounds: Categories,
}

impl Names {
    pub(crate) fn of(pairs: &Pairs) -> Self {
        Self {
            cell_types: Categories::of(&pairs.cell_types),
            compounds: Categories::of(&pairs.compounds),
        }
    }
}

/// Measured pairs.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) pairs: Pairs,
    /// `[rows, genes]`
    pub(crate) targets: TargetMatrix,
}

impl Rows {
    pub(crate) fn of_train(train: Train) -> Self {
        Self {
            pairs: Pairs {
                cell_types: train.cell_types,
                compounds: train.compounds,
            },
            targets: train.targets,
        }
    }

    pub(crate) fn select(&self, rows: &[usize]) -> Result<Self> {
        Ok(Self {
            pairs: self.pairs.select(rows),
            targets: self.targets.select(rows)?,
        })
    }
}

/// Writes a submission in the format that the file's name asks for.
pub(crate) fn write(path: &Path, ids: &[String], answer: &TargetMatrix) -> Result<()> {
    match path.extension().is_some_and(|own| own == "parquet") {
        true => perturbation::write_submission_parquet(path, ids, answer)?,
        false => perturbation::write_submission(path, ids, answer)?,
    }
    Ok(())
}
