//! Folds that hold out pairs of categories the way a task with few rows of some categories does.

use std::collections::HashSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::Fold;
use crate::{Categories, TargetError};

/// Folds that test some second categories in all of the first categories `held`, and train on every other row.
///
/// It imitates a task whose rows to predict are of a few first categories (cell types) in which only some second categories (compounds) were
/// measured: in each repeat the second categories that occur in `held` are dealt at random into `n_folds` parts, and each fold tests one part.
/// Rows of other first categories are always trained on; rows of the tested second categories remain known there.
///
/// ```
/// use hairpin_targets::split::pair_folds;
///
/// let cells = ["T", "T", "T", "B", "B", "NK", "NK"];
/// let drugs = ["a", "b", "c", "a", "b", "a", "b"];
/// for fold in pair_folds(&cells, &drugs, &["B", "NK"], 2, 1, 7)? {
///     // One drug in both cell types.
///     assert_eq!(fold.test.len(), 2);
///     assert_eq!(drugs[fold.test[0]], drugs[fold.test[1]]);
///     assert_eq!(fold.train.len(), 5);
/// }
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
///
/// # Errors
///
/// If there is not one category of each kind per row, fewer than 2 folds or no repeat is asked for, or fewer second categories than folds occur
/// in `held`.
pub fn pair_folds<S: AsRef<str>>(
    first: &[S],
    second: &[S],
    held: &[&str],
    n_folds: usize,
    n_repeats: usize,
    seed: u64,
) -> Result<Vec<Fold>, TargetError> {
    if first.len() != second.len() {
        return Err(TargetError::Length {
            what: "second categories",
            expected: first.len(),
            found: second.len(),
        });
    }
    let held: HashSet<&str> = held.iter().copied().collect();
    let among: Vec<bool> = first
        .iter()
        .map(|name| held.contains(name.as_ref()))
        .collect();
    let occurring: Vec<&str> = second
        .iter()
        .zip(&among)
        .filter(|(_, among)| **among)
        .map(|(name, _)| name.as_ref())
        .collect();
    let categories = Categories::of(&occurring);
    let refused = |setting, value, expected| {
        Err(TargetError::Setting {
            what: "folds of pairs",
            setting,
            value,
            expected,
        })
    };
    if n_folds < 2 || n_folds > categories.len() {
        return refused(
            "n_folds",
            n_folds as f64,
            "2 or more, and not more than second categories occur in the first ones held out",
        );
    }
    if n_repeats == 0 {
        return refused("n_repeats", 0.0, "1 or more");
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut folds = Vec::new();
    for repeat in 0..n_repeats {
        // The part of each second category.
        let mut part: Vec<usize> = (0..categories.len()).map(|i| i % n_folds).collect();
        part.shuffle(&mut rng);
        for fold in 0..n_folds {
            let tests = |row: usize| {
                let category = categories.index(second[row].as_ref());
                among[row] && category.is_some_and(|category| part[category] == fold)
            };
            let (test, train) = (0..first.len()).partition(|&row| tests(row));
            folds.push(Fold {
                repeat,
                fold,
                train,
                test,
            });
        }
    }
    Ok(folds)
}
