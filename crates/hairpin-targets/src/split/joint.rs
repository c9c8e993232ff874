//! Splits of pairs, unseen on both sides.

use serde::{Deserialize, Serialize};

use super::{Folds, Fractions, Split, grouped};
use crate::{Groups, TargetError};

/// A split of rows and a split of columns at once, for examples that are pairs: probe and protein, cell line and compound.
///
/// A pair is a training pair if its row and its column are both training ones; it is a test pair if both are test ones, so that
/// nothing of it has been seen. All others are mixed: half seen, they belong neither in training nor in the score, but can be
/// reported apart.
///
/// | row \ column | train | valid | test |
/// |---|---|---|---|
/// | train | `train` | `mixed` | `unseen_columns` |
/// | valid | `mixed` | `valid` | `mixed` |
/// | test | `unseen_rows` | `mixed` | `test` |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JointSplit {
    /// The parts of the rows.
    pub rows: Split,
    /// The parts of the columns.
    pub columns: Split,
}

/// Pairs by the part of a [`JointSplit`] they fall into, as indices into the list of pairs, ascending; each pair is in one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JointPairs {
    /// Seen row, seen column.
    pub train: Vec<usize>,
    /// Validation row, validation column.
    pub valid: Vec<usize>,
    /// Unseen row, unseen column.
    pub test: Vec<usize>,
    /// Test row, training column.
    pub unseen_rows: Vec<usize>,
    /// Training row, test column.
    pub unseen_columns: Vec<usize>,
    /// Validation on one side only.
    pub mixed: Vec<usize>,
}

/// Splits rows and columns, whole groups each, into a [`JointSplit`].
///
/// Of all pairs, `train * train` of the two fractions train and `test * test` test: with 0.8 and 0.2 on both sides, 64 % and 4 %.
///
/// # Errors
///
/// As for [`grouped`], for the rows and for the columns.
///
/// ```
/// use hairpin_targets::{Fractions, Groups, split};
///
/// // 10 cell lines, 20 compounds of 5 scaffolds; two fifths of the rows and of the columns unseen.
/// let (lines, scaffolds) = (Groups::by(0..10), Groups::by((0..20).map(|i| i / 4)));
/// let parts = Fractions { train: 0.6, valid: 0.0, test: 0.4 };
/// let split = split::joint(&lines, &scaffolds, parts, parts, 7)?;
///
/// let pairs: Vec<_> = (0..10).flat_map(|row| (0..20).map(move |column| (row, column))).collect();
/// let sorted = split.pairs(&pairs)?;
/// assert_eq!((sorted.train.len(), sorted.test.len()), (6 * 12, 4 * 8));
/// assert_eq!((sorted.unseen_rows.len(), sorted.unseen_columns.len()), (4 * 12, 6 * 8));
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn joint(
    row_groups: &Groups,
    column_groups: &Groups,
    row_fractions: Fractions,
    column_fractions: Fractions,
    seed: u64,
) -> Result<JointSplit, TargetError> {
    Ok(JointSplit {
        rows: grouped(row_groups, row_fractions, seed)?,
        // Another stream than the rows': equal groups on both sides must not be split alike.
        columns: grouped(column_groups, column_fractions, !seed)?,
    })
}

/// Every fold of the rows with every fold of the columns, repeat by repeat: each pair of a row and a column is tested once.
///
/// # Errors
///
/// If the two have different numbers of repeats.
pub fn joint_folds(rows: &Folds, columns: &Folds) -> Result<Vec<JointSplit>, TargetError> {
    if rows.n_repeats() != columns.n_repeats() {
        return Err(TargetError::Length {
            what: "repeats of the columns' folds",
            expected: rows.n_repeats(),
            found: columns.n_repeats(),
        });
    }
    let mut splits = Vec::new();
    for repeat in 0..rows.n_repeats() {
        for row_fold in 0..rows.n_folds() {
            let rows: Split = rows.fold(repeat, row_fold).into();
            for column_fold in 0..columns.n_folds() {
                splits.push(JointSplit {
                    rows: rows.clone(),
                    columns: columns.fold(repeat, column_fold).into(),
                });
            }
        }
    }
    Ok(splits)
}

impl JointSplit {
    /// Sorts pairs of a row and a column into the parts they fall into.
    ///
    /// # Errors
    ///
    /// If a pair names a row or a column that is not in the split.
    pub fn pairs(&self, pairs: &[(usize, usize)]) -> Result<JointPairs, TargetError> {
        let (rows, columns) = (self.rows.parts(), self.columns.parts());
        let part = |parts: &[Option<u8>], index: usize| {
            let part = parts.get(index).copied().flatten();
            part.ok_or(TargetError::SplitMisses { row: index })
        };
        let mut sorted = JointPairs::default();
        for (index, &(row, column)) in pairs.iter().enumerate() {
            match (part(&rows, row)?, part(&columns, column)?) {
                (0, 0) => &mut sorted.train,
                (1, 1) => &mut sorted.valid,
                (2, 2) => &mut sorted.test,
                (2, 0) => &mut sorted.unseen_rows,
                (0, 2) => &mut sorted.unseen_columns,
                _ => &mut sorted.mixed,
            }
            .push(index);
        }
        Ok(sorted)
    }
}
