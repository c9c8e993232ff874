//! Splits of rows into training, validation and test rows.
//!
//! Split before you fit: whatever learns from data (a transform, a vocabulary, a control) is given the training rows only.
//!
//! | rows that must not be told apart | one split | folds |
//! |---|---|---|
//! | none | [`random`] | [`Folds::random`] |
//! | none, but each class in proportion | [`stratified`], a number through [`quantile_bins`] | [`Folds::stratified`] |
//! | of one group | [`grouped`] | [`Folds::grouped`], [`Folds::leave_one_group_out`] |
//! | similar sequences | [`similar`] | [`similar_folds`] |
//! | pairs that share a row or a column | [`joint`] | [`joint_folds`] |
//!
//! A [`LeakageReport`] says of any split, however made, what its two sides have in common.

mod bins;
mod folds;
mod grouped;
mod joint;
mod leakage;
mod pairs;
mod similar;

pub use bins::quantile_bins;
pub use folds::{Fold, Folds};
pub use grouped::grouped;
pub use joint::{JointPairs, JointSplit, joint, joint_folds};
pub use leakage::{HeldOut, LeakageReport, SharedGroup};
pub use pairs::pair_folds;
pub use similar::{similar, similar_folds};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{ClassLabels, TargetError};

/// Which rows train, which validate, which test: together every row from 0 up, each once.
///
/// [`random`] and [`stratified`] give the rows of each part in ascending order. A split that is read from a file is
/// refused if two parts share a row or a row is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Split {
    /// Rows to fit to.
    pub train: Vec<usize>,
    /// Rows to choose by: early stopping, hyper-parameters.
    pub valid: Vec<usize>,
    /// Rows to report on, once.
    pub test: Vec<usize>,
}

/// What share of the rows each part of a [`Split`] receives; the three add up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fractions {
    /// Share of the training rows, 0 to 1.
    pub train: f64,
    /// Share of the validation rows, 0 to 1.
    pub valid: f64,
    /// Share of the test rows, 0 to 1.
    pub test: f64,
}

/// Splits `n` rows at random.
///
/// Each part has its share of `n` rounded down or up, by largest remainder, ties to `train`, then `valid`. The same
/// arguments give the same split (ChaCha with 8 rounds).
///
/// # Errors
///
/// If a fraction is not between 0 and 1, or they do not add up to 1.
///
/// ```
/// use hairpin_targets::{Fractions, split};
///
/// let fractions = Fractions { train: 0.8, valid: 0.1, test: 0.1 };
/// let split = split::random(250, fractions, 7)?;
/// assert_eq!((split.train.len(), split.valid.len(), split.test.len()), (200, 25, 25));
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn random(n: usize, fractions: Fractions, seed: u64) -> Result<Split, TargetError> {
    deal(vec![(0..n).collect()], fractions, seed)
}

/// Splits labelled rows at random so that every part has each class in proportion.
///
/// Of each class, each part has its share rounded down or up. Within one class that is the method of the largest
/// remainder; what rounding a class took from a part is carried to the next class, so that small classes do not all
/// fall into the same part and the whole of each part is within one row of its share too.
///
/// # Errors
///
/// If a fraction is not between 0 and 1, or they do not add up to 1.
///
/// ```
/// use hairpin_targets::{ClassLabels, Fractions, split};
///
/// let labels = ClassLabels::new([vec![0; 60], vec![1; 20]].concat(), 2)?;
/// let fractions = Fractions { train: 0.8, valid: 0.2, test: 0.0 };
/// let split = split::stratified(&labels, fractions, 7)?;
/// assert_eq!(labels.select(&split.train)?.counts(), [48, 16]);
/// assert_eq!(labels.select(&split.valid)?.counts(), [12, 4]);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub fn stratified(
    labels: &ClassLabels,
    fractions: Fractions,
    seed: u64,
) -> Result<Split, TargetError> {
    let mut rows = vec![Vec::new(); labels.n_classes()];
    for (row, &label) in labels.labels().iter().enumerate() {
        rows[label].push(row);
    }
    deal(rows, fractions, seed)
}

/// Deals the shuffled rows of each class out to the three parts.
fn deal(classes: Vec<Vec<usize>>, fractions: Fractions, seed: u64) -> Result<Split, TargetError> {
    let fractions = fractions.normalised()?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut carried = [0.0; 3];
    let mut split = Split::default();
    for mut rows in classes {
        rows.shuffle(&mut rng);
        let [train, valid, _] = apportion(rows.len(), fractions, &mut carried);
        let (train, rest) = rows.split_at(train);
        let (valid, test) = rest.split_at(valid);
        split.train.extend(train);
        split.valid.extend(valid);
        split.test.extend(test);
    }
    for part in [&mut split.train, &mut split.valid, &mut split.test] {
        part.sort_unstable();
    }
    Ok(split)
}

/// Rounds the shares of `n` rows down or up so that they add up to `n`.
///
/// `carried` is what the parts are still owed from earlier calls. The rows left after rounding down go to the parts that
/// are owed most, one each; a part whose share is whole gets none. By induction no part is ever owed, or ahead by, a
/// whole row.
fn apportion(n: usize, fractions: [f64; 3], carried: &mut [f64; 3]) -> [usize; 3] {
    let shares = fractions.map(|fraction| {
        let share = fraction * n as f64;
        // 0.29 * 100 is 28.999999999999996 in floating point, and means 29.
        let whole = share.round();
        if (share - whole).abs() < 1e-12 * whole.max(1.0) {
            whole
        } else {
            share
        }
    });
    let mut counts = shares.map(|share| share as usize);
    let mut parts = [0, 1, 2];
    for part in parts {
        carried[part] += shares[part] - counts[part] as f64;
    }
    parts.sort_by(|&a, &b| carried[b].total_cmp(&carried[a]));
    let left = n - counts.iter().sum::<usize>();
    let broken = parts.into_iter().filter(|&part| shares[part].fract() > 0.0);
    for part in broken.take(left).collect::<Vec<_>>() {
        counts[part] += 1;
        carried[part] -= 1.0;
    }
    counts
}

impl Split {
    /// The part of each row, 0 train, 1 valid, 2 test, or nothing for a row that a split made by hand leaves out.
    fn parts(&self) -> Vec<Option<u8>> {
        let lists = [&self.train, &self.valid, &self.test];
        let n = lists.iter().flat_map(|rows| rows.iter()).max();
        let mut parts = vec![None; n.map_or(0, |&last| last + 1)];
        for (part, rows) in (0..).zip(lists) {
            for &row in rows {
                parts[row] = Some(part);
            }
        }
        parts
    }
}

/// A fold has no validation rows.
impl From<Fold> for Split {
    fn from(Fold { train, test, .. }: Fold) -> Self {
        Self {
            train,
            valid: Vec::new(),
            test,
        }
    }
}

impl Fractions {
    /// The fractions as an array that adds up to 1 as well as floating point can.
    fn normalised(self) -> Result<[f64; 3], TargetError> {
        let parts = [
            ("train", self.train),
            ("valid", self.valid),
            ("test", self.test),
        ];
        for (part, value) in parts {
            if !(0.0..=1.0).contains(&value) {
                return Err(TargetError::Fraction { part, value });
            }
        }
        let sum = self.train + self.valid + self.test;
        if (sum - 1.0).abs() > 1e-6 {
            return Err(TargetError::FractionSum { sum });
        }
        Ok(parts.map(|(_, value)| value / sum))
    }
}

/// The serialised form, checked on its way in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    train: Vec<usize>,
    valid: Vec<usize>,
    test: Vec<usize>,
}

impl TryFrom<Raw> for Split {
    type Error = TargetError;

    fn try_from(Raw { train, valid, test }: Raw) -> Result<Self, TargetError> {
        let mut rows = [&train[..], &valid, &test].concat();
        rows.sort_unstable();
        for (expected, &row) in rows.iter().enumerate() {
            // The rows before this one are 0..expected, so a smaller row is a repeated one.
            if row < expected {
                return Err(TargetError::SplitRepeats { row });
            }
            if row > expected {
                return Err(TargetError::SplitMisses { row: expected });
            }
        }
        Ok(Self { train, valid, test })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PARTS: Fractions = Fractions {
        train: 0.8,
        valid: 0.1,
        test: 0.1,
    };

    fn fractions() -> impl Strategy<Value = Fractions> {
        (0u32..=20, 0u32..=20).prop_filter_map("at most the whole", |(train, valid)| {
            let test = 20u32.checked_sub(train + valid)?;
            Some(Fractions {
                train: f64::from(train) / 20.0,
                valid: f64::from(valid) / 20.0,
                test: f64::from(test) / 20.0,
            })
        })
    }

    #[test]
    fn largest_remainder_by_hand() {
        // Shares 7.7, 1.65, 1.65: 7 + 1 + 1, and the two rows left go to train and, of equals, to valid.
        let parts = [0.7, 0.15, 0.15];
        assert_eq!(apportion(11, parts, &mut [0.0; 3]), [8, 2, 1]);
    }

    #[test]
    fn a_whole_share_is_not_broken_by_rounding() {
        // 0.29 * 100 and 0.57 * 100 come out a little below 29 and 57, 0.14 * 100 above 14.
        let mut owed = [-0.5, 0.0, 0.5];
        assert_eq!(apportion(100, [0.29, 0.57, 0.14], &mut owed), [29, 57, 14]);
        assert_eq!(owed, [-0.5, 0.0, 0.5]);
    }

    #[test]
    fn ten_classes_of_one_row_are_shared_out() {
        let labels = ClassLabels::new((0..10).collect(), 10).unwrap();
        let split = stratified(&labels, PARTS, 1).unwrap();
        assert_eq!(
            (split.train.len(), split.valid.len(), split.test.len()),
            (8, 1, 1)
        );
    }

    #[test]
    fn another_seed_is_another_split() {
        assert_eq!(
            random(100, PARTS, 1).unwrap(),
            random(100, PARTS, 1).unwrap()
        );
        assert_ne!(
            random(100, PARTS, 1).unwrap(),
            random(100, PARTS, 2).unwrap()
        );
    }

    #[test]
    fn every_row_can_come_into_every_part() {
        let mut seen = [[false; 3]; 10];
        for seed in 0..200 {
            let split = random(10, PARTS, seed).unwrap();
            for (part, rows) in [split.train, split.valid, split.test].iter().enumerate() {
                rows.iter().for_each(|&row| seen[row][part] = true);
            }
        }
        assert_eq!(seen, [[true; 3]; 10]);
    }

    #[test]
    fn bad_fractions_are_refused() {
        let refused = |train, valid, test| {
            random(10, Fractions { train, valid, test }, 0)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(1.2, -0.2, 0.0),
            "the train fraction is 1.2: expected a number from 0 to 1"
        );
        assert!(refused(0.5, f64::NAN, 0.5).starts_with("the valid fraction is NaN"));
        assert_eq!(
            refused(0.5, 0.25, 0.0),
            "the fractions of train, valid and test add up to 0.75: expected 1"
        );
    }

    #[test]
    fn a_file_that_is_no_split_is_refused() {
        let read = |json| serde_json::from_str::<Split>(json).unwrap_err().to_string();
        assert!(
            read(r#"{"train":[0,1],"valid":[1],"test":[2]}"#)
                .contains("row 1 is in the split twice")
        );
        assert!(read(r#"{"train":[0,3],"valid":[1],"test":[]}"#).contains("row 2 is in none of"));
        assert!(read(r#"{"train":[0],"valid":[1],"tset":[]}"#).contains("tset"));
    }

    proptest! {
        #[test]
        fn parts_are_disjoint_complete_and_in_proportion(
            labels in prop::collection::vec(0usize..4, 0..80),
            fractions in fractions(),
            seed: u64,
        ) {
            let labels = ClassLabels::new(labels, 4).unwrap();
            let split = stratified(&labels, fractions, seed).unwrap();

            let parts = [&split.train[..], &split.valid, &split.test];
            let mut rows = parts.concat();
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..labels.len()).collect::<Vec<_>>());

            let shares = [fractions.train, fractions.valid, fractions.test];
            for (rows, share) in parts.into_iter().zip(shares) {
                prop_assert!((rows.len() as f64 - share * labels.len() as f64).abs() < 1.0);
                let of_class = labels.select(rows).unwrap().counts();
                for (found, all) in of_class.into_iter().zip(labels.counts()) {
                    prop_assert!((found as f64 - share * all as f64).abs() < 1.0 - 1e-9);
                }
            }

            prop_assert_eq!(&split, &stratified(&labels, fractions, seed).unwrap());
            let json = serde_json::to_string(&split).unwrap();
            prop_assert_eq!(serde_json::from_str::<Split>(&json).unwrap(), split);
        }

        #[test]
        fn a_random_split_is_disjoint_and_complete(n in 0usize..200, fractions in fractions(), seed: u64) {
            let split = random(n, fractions, seed).unwrap();
            let mut rows = [&split.train[..], &split.valid, &split.test].concat();
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..n).collect::<Vec<_>>());
            prop_assert!((split.train.len() as f64 - fractions.train * n as f64).abs() < 1.0);
        }
    }
}
