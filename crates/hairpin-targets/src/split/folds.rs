//! k-fold cross-validation: every row is tested once.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::grouped::place;
use crate::{ClassLabels, Groups, TargetError};

/// The folds of one or several repeats of a k-fold cross-validation.
///
/// In each repeat every row is in the test rows of exactly one fold, and in the training rows of the others.
///
/// | made by | what holds |
/// |---|---|
/// | [`random`](Self::random) | sizes of folds differ by at most 1 |
/// | [`stratified`](Self::stratified) | sizes of folds, and each class's rows in them, differ by at most 1 |
/// | [`grouped`](Self::grouped) | no group on both sides; largest groups first, each to the smallest fold |
/// | [`leave_one_group_out`](Self::leave_one_group_out) | one fold per group |
///
/// For sequences that are similar group them with [`similarity::clusters`](crate::similarity::clusters), or use
/// [`similar_folds`](super::similar_folds). Stratify a number through [`quantile_bins`](super::quantile_bins).
///
/// ```
/// use hairpin_targets::{Folds, Groups};
///
/// let folds = Folds::random(10, 5, 2, 7)?; // two repeats of five folds
/// assert_eq!(folds.iter().count(), 10);
/// for fold in folds.iter() {
///     assert_eq!((fold.train.len(), fold.test.len()), (8, 2));
/// }
///
/// let cell_lines = Groups::by(["A549", "K562", "A549"]);
/// let folds = Folds::leave_one_group_out(&cell_lines)?;
/// assert_eq!(folds.fold(0, 0).test, [0, 2]);
/// assert_eq!(folds.fold(0, 0).train, [1]);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Folds {
    n_folds: usize,
    /// The fold that tests each row, by repeat.
    repeats: Vec<Vec<usize>>,
}

/// One fold: the rows to fit to and the rows to test, both ascending, together every row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Which repeat, from 0.
    pub repeat: usize,
    /// Which fold of it, from 0.
    pub fold: usize,
    /// Rows to fit to.
    pub train: Vec<usize>,
    /// Rows to test.
    pub test: Vec<usize>,
}

impl Folds {
    /// Folds of `n` rows at random.
    ///
    /// # Errors
    ///
    /// If there are fewer than 2 folds, more folds than rows, or no repeat.
    pub fn random(
        n: usize,
        n_folds: usize,
        repeats: usize,
        seed: u64,
    ) -> Result<Self, TargetError> {
        Self::deal(&[(0..n).collect()], n_folds, repeats, seed)
    }

    /// Folds with each class in proportion.
    ///
    /// A class with fewer rows than there are folds is missing from some of them.
    ///
    /// # Errors
    ///
    /// As for [`random`](Self::random).
    pub fn stratified(
        labels: &ClassLabels,
        n_folds: usize,
        repeats: usize,
        seed: u64,
    ) -> Result<Self, TargetError> {
        let mut classes = vec![Vec::new(); labels.n_classes()];
        for (row, &label) in labels.labels().iter().enumerate() {
            classes[label].push(row);
        }
        Self::deal(&classes, n_folds, repeats, seed)
    }

    /// Folds with whole groups in them: the largest first, each into the smallest fold so far, as scikit-learn's `GroupKFold`; groups
    /// of one size are shuffled by the seed.
    ///
    /// # Errors
    ///
    /// As for [`random`](Self::random), and if there are fewer groups than folds.
    pub fn grouped(
        groups: &Groups,
        n_folds: usize,
        repeats: usize,
        seed: u64,
    ) -> Result<Self, TargetError> {
        check(groups.len(), n_folds, repeats)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let shares = vec![1.0 / n_folds as f64; n_folds];
        let repeats = (0..repeats)
            .map(|_| {
                let fold_of = place(groups, &shares, &mut rng)?;
                Ok(groups
                    .of_rows()
                    .iter()
                    .map(|&group| fold_of[group])
                    .collect())
            })
            .collect::<Result<_, TargetError>>()?;
        Ok(Self { n_folds, repeats })
    }

    /// One fold per group, in the order of the groups, once.
    ///
    /// # Errors
    ///
    /// If there are fewer than 2 groups.
    pub fn leave_one_group_out(groups: &Groups) -> Result<Self, TargetError> {
        check(groups.len(), groups.n_groups(), 1)?;
        Ok(Self {
            n_folds: groups.n_groups(),
            repeats: vec![groups.of_rows().to_vec()],
        })
    }

    /// Deals the shuffled rows of one class after the other to the folds in turn.
    fn deal(
        classes: &[Vec<usize>],
        n_folds: usize,
        repeats: usize,
        seed: u64,
    ) -> Result<Self, TargetError> {
        let n = classes.iter().map(Vec::len).sum();
        check(n, n_folds, repeats)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let repeats = (0..repeats)
            .map(|_| {
                let mut fold_of = vec![0; n];
                let mut dealt = 0;
                for class in classes {
                    let mut rows = class.clone();
                    rows.shuffle(&mut rng);
                    for row in rows {
                        fold_of[row] = dealt % n_folds;
                        dealt += 1;
                    }
                }
                fold_of
            })
            .collect();
        Ok(Self { n_folds, repeats })
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.repeats.first().map_or(0, Vec::len)
    }

    /// Number of folds of a repeat.
    pub fn n_folds(&self) -> usize {
        self.n_folds
    }

    /// Number of repeats.
    pub fn n_repeats(&self) -> usize {
        self.repeats.len()
    }

    /// The fold that tests each row.
    ///
    /// # Panics
    ///
    /// If there is no such repeat.
    pub fn of_rows(&self, repeat: usize) -> &[usize] {
        &self.repeats[repeat]
    }

    /// One fold of one repeat.
    ///
    /// # Panics
    ///
    /// If there is no such repeat or fold.
    pub fn fold(&self, repeat: usize, fold: usize) -> Fold {
        assert!(
            fold < self.n_folds,
            "fold {fold} of {} was asked for",
            self.n_folds
        );
        let (test, train) = (0..self.n_rows()).partition(|&row| self.repeats[repeat][row] == fold);
        Fold {
            repeat,
            fold,
            train,
            test,
        }
    }

    /// All folds of the first repeat, then of the second, and so on.
    pub fn iter(&self) -> impl Iterator<Item = Fold> + '_ {
        (0..self.n_repeats())
            .flat_map(move |repeat| (0..self.n_folds).map(move |fold| self.fold(repeat, fold)))
    }
}

fn check(n: usize, n_folds: usize, repeats: usize) -> Result<(), TargetError> {
    if !(2..=n).contains(&n_folds) {
        return Err(TargetError::Folds { n_folds, rows: n });
    }
    if repeats == 0 {
        return Err(TargetError::NoRepeats);
    }
    Ok(())
}

/// The serialised form, checked on its way in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    n_folds: usize,
    repeats: Vec<Vec<usize>>,
}

impl TryFrom<Raw> for Folds {
    type Error = TargetError;

    fn try_from(Raw { n_folds, repeats }: Raw) -> Result<Self, TargetError> {
        let rows = repeats.first().map_or(0, Vec::len);
        check(rows, n_folds, repeats.len())?;
        for fold_of in &repeats {
            if fold_of.len() != rows {
                return Err(TargetError::Length {
                    what: "the rows of a repeat of the folds",
                    expected: rows,
                    found: fold_of.len(),
                });
            }
            let mut tested = vec![false; n_folds];
            for (row, &fold) in fold_of.iter().enumerate() {
                *tested.get_mut(fold).ok_or(TargetError::Label {
                    what: "folds",
                    row,
                    label: fold,
                    n_classes: n_folds,
                })? = true;
            }
            if let Some(fold) = tested.iter().position(|&tested| !tested) {
                return Err(TargetError::EmptyFold { fold });
            }
        }
        Ok(Self { n_folds, repeats })
    }
}
