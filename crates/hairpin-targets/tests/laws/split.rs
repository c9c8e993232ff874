//! Laws of splits, folds and leakage reports, and scikit-learn's folds; `fixtures/make/golden_split.py` made the values.

use hairpin_golden::golden_json;

use crate::drawn::family;
use hairpin_seq::{Dna, Seq};
use hairpin_targets::similarity::Similarity;
use hairpin_targets::split::{self, JointSplit};
use hairpin_targets::{ClassLabels, Folds, Fractions, Groups, LeakageReport, Split, TargetError};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    group_folds: Vec<GroupFolds>,
    class_folds: Vec<ClassFolds>,
}

#[derive(Deserialize)]
struct GroupFolds {
    groups: Vec<usize>,
    k: usize,
    sizes: Vec<usize>,
}

#[derive(Deserialize)]
struct ClassFolds {
    labels: Vec<usize>,
    n_classes: usize,
    k: usize,
    counts: Vec<Vec<usize>>,
}

fn golden() -> Golden {
    golden_json("hairpin-targets", "split.json")
}

#[test]
fn group_folds_have_the_sizes_of_scikit_learn() {
    for GroupFolds { groups, k, sizes } in golden().group_folds {
        for seed in 0..5 {
            let folds = Folds::grouped(&Groups::by(groups.clone()), k, 1, seed).unwrap();
            let mut found: Vec<usize> = folds.iter().map(|fold| fold.test.len()).collect();
            found.sort_unstable_by(|a, b| b.cmp(a));
            assert_eq!(found, sizes);
        }
    }
}

#[test]
fn class_folds_have_the_counts_of_scikit_learn() {
    for case in golden().class_folds {
        let labels = ClassLabels::new(case.labels, case.n_classes).unwrap();
        let folds = Folds::stratified(&labels, case.k, 2, 7).unwrap();
        for fold in folds.iter() {
            assert_eq!(
                labels.select(&fold.test).unwrap().counts(),
                case.counts[fold.fold]
            );
        }
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |result: Result<Folds, TargetError>| result.unwrap_err().to_string();
    assert_eq!(
        refused(Folds::random(3, 4, 1, 0)),
        "4 folds of 3 rows: expected 2 or more folds, and at least one row for each"
    );
    assert!(refused(Folds::random(3, 1, 1, 0)).starts_with("1 folds of 3 rows"));
    assert!(refused(Folds::random(3, 3, 0, 0)).starts_with("0 repeats"));
    let two = Groups::by([0, 0, 1, 1]);
    assert_eq!(
        refused(Folds::grouped(&two, 3, 1, 0)),
        "2 groups cannot fill 3 parts: ask for fewer parts, or for smaller groups"
    );
    assert!(Folds::leave_one_group_out(&Groups::by([0, 0])).is_err());
    let parts = Fractions {
        train: 0.8,
        valid: 0.1,
        test: 0.1,
    };
    assert!(split::grouped(&two, parts, 0).is_err());
    assert!(split::quantile_bins(&[1.0, f32::NAN], 2).is_err());
    assert!(split::quantile_bins(&[1.0], 0).is_err());

    // Nine of ten sequences are one cluster: no half of the rows can hold them.
    let seqs: Vec<Seq<Dna>> = (0..10)
        .map(|row| if row == 4 { "CCCC" } else { "AAAA" }.parse().unwrap())
        .collect();
    let half = Fractions {
        train: 0.5,
        valid: 0.0,
        test: 0.5,
    };
    assert_eq!(
        split::similar(&seqs, &Similarity::edit(0.9), half, 0)
            .unwrap_err()
            .to_string(),
        "one cluster of similar sequences has 9 rows, and the largest part has room for 5: \
         raise the threshold, ask for fewer or larger parts, or group by similarity::clusters and split by groups"
    );
    for threshold in [0.0, -1.0, 1.1, f64::NAN] {
        assert!(matches!(
            split::similar(&seqs, &Similarity::edit(threshold), half, 0),
            Err(TargetError::Threshold { .. })
        ));
    }
}

#[test]
fn folds_that_are_none_are_refused() {
    let read = |json| serde_json::from_str::<Folds>(json).map_err(|error| error.to_string());
    assert!(read(r#"{"n_folds":2,"repeats":[[0,1,1],[1,0,1]]}"#).is_ok());
    let refused = |json| read(json).unwrap_err();
    assert!(refused(r#"{"n_folds":2,"repeats":[[0,1,2]]}"#).contains("row 2: label 2"));
    assert!(refused(r#"{"n_folds":2,"repeats":[[0,0,0]]}"#).contains("fold 1 tests no row"));
    assert!(refused(r#"{"n_folds":2,"repeats":[[0,1,1],[0,1]]}"#).contains("expected 3, found 2"));
    assert!(refused(r#"{"n_folds":2,"repeats":[]}"#).contains("2 folds of 0 rows"));
    assert!(refused(r#"{"n_folds":99999999999999,"repeats":[[0]]}"#).contains("folds of 1 rows"));
}

#[test]
fn a_report_reads_aloud() {
    let report = LeakageReport::between(&[0, 1, 2], &[2, 3]);
    assert_eq!(
        report.to_string(),
        "leaks: 1 row on both sides\n\
         training rows                              3\n\
         held-out rows                              2\n\
         rows on both sides                         1\n\
         groups on both sides             not checked\n\
         held-out rows seen in training   not checked\n\
         nearest training row             not checked\n"
    );
    let seqs: Vec<Seq<Dna>> = ["AAAAAAAAAA", "CCCCCCCCCC", "CCCCCCCAAA"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    let report = LeakageReport::between(&[0, 1], &[2])
        .with_sequences(&seqs, &Similarity::edit(0.8))
        .unwrap();
    let text = report.to_string();
    assert!(text.starts_with("no leak found\n"));
    assert!(
        text.contains("\nnearest training row by identity (1 - edit distance / longer length)\n")
    );
    assert!(text.contains("\n  0.7 to 0.8                               1\n"));
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(
        serde_json::from_str::<LeakageReport>(&json).unwrap(),
        report
    );
    assert!(
        LeakageReport::between(&[0], &[9])
            .with_sequences(&seqs, &Similarity::edit(0.8))
            .is_err()
    );
}

fn fractions() -> impl Strategy<Value = Fractions> {
    (1u32..=18, 0u32..=9).prop_filter_map("at most the whole", |(train, valid)| {
        let test = 20u32.checked_sub(train + valid)?;
        Some(Fractions {
            train: f64::from(train) / 20.0,
            valid: f64::from(valid) / 20.0,
            test: f64::from(test) / 20.0,
        })
    })
}

fn parts(split: &Split) -> [&[usize]; 3] {
    [&split.train, &split.valid, &split.test]
}

fn is_complete(split: &Split, n: usize) -> bool {
    let mut rows = parts(split).concat();
    rows.sort_unstable();
    rows == (0..n).collect::<Vec<_>>()
}

/// Makes the same folds each time.
type Make<'a> = Box<dyn Fn() -> Result<Folds, TargetError> + 'a>;

proptest! {
    #[test]
    fn no_group_is_in_two_parts(
        keys in prop::collection::vec(0usize..12, 1..80),
        fractions in fractions(),
        seed: u64,
    ) {
        let groups = Groups::by(keys);
        let wanted = [fractions.train, fractions.valid, fractions.test].iter().filter(|&&share| share > 0.0).count();
        let made = split::grouped(&groups, fractions, seed);
        if groups.n_groups() < wanted {
            prop_assert!(made.is_err());
            return Ok(());
        }
        let split = made.unwrap();
        prop_assert!(is_complete(&split, groups.len()));
        let mut part_of = vec![None; groups.n_groups()];
        for (part, rows) in parts(&split).into_iter().enumerate() {
            for &row in rows {
                let found = part_of[groups.of_rows()[row]].get_or_insert(part);
                prop_assert_eq!(*found, part);
            }
        }
        // No part that shall have rows is empty, and none is too large by more than its last group.
        let largest = groups.sizes().into_iter().max().unwrap() as f64;
        for (rows, share) in parts(&split).into_iter().zip([fractions.train, fractions.valid, fractions.test]) {
            prop_assert_eq!(rows.is_empty(), share == 0.0);
            prop_assert!(rows.len() as f64 <= share * groups.len() as f64 + largest);
        }
        prop_assert_eq!(&split, &split::grouped(&groups, fractions, seed).unwrap());
        let none = LeakageReport::between(&split.train, &split.test).with_groups(&groups).unwrap();
        prop_assert!(!none.leaks());
    }

    #[test]
    fn every_row_is_tested_once_in_each_repeat(
        keys in prop::collection::vec(0usize..9, 2..60),
        k in 2usize..9,
        repeats in 1usize..4,
        seed: u64,
    ) {
        let groups = Groups::by(keys.iter());
        let labels = ClassLabels::new(keys.clone(), 9).unwrap();
        let n = keys.len();
        let make: [(bool, Make<'_>); 4] = [
            (n >= k, Box::new(|| Folds::random(n, k, repeats, seed))),
            (n >= k, Box::new(|| Folds::stratified(&labels, k, repeats, seed))),
            (groups.n_groups() >= k, Box::new(|| Folds::grouped(&groups, k, repeats, seed))),
            (groups.n_groups() >= 2, Box::new(|| Folds::leave_one_group_out(&groups))),
        ];
        for (kind, (possible, make)) in make.iter().enumerate() {
            let made = make();
            prop_assert_eq!(made.is_ok(), *possible);
            let Ok(folds) = made else { continue };
            prop_assert_eq!(&folds, &make().unwrap());
            let mut tested = vec![0; n];
            for fold in folds.iter() {
                fold.test.iter().for_each(|&row| tested[row] += 1);
                prop_assert!(!fold.test.is_empty() && !fold.train.is_empty());
                let report = LeakageReport::between(&fold.train, &fold.test).with_groups(&groups).unwrap();
                prop_assert!(report.shared_rows.is_empty());
                prop_assert!(kind < 2 || !report.leaks());
                if kind < 2 {
                    prop_assert!(fold.test.len() == n / k || fold.test.len() == n.div_ceil(k));
                }
                if kind == 1 {
                    for (found, all) in labels.select(&fold.test).unwrap().counts().into_iter().zip(labels.counts()) {
                        prop_assert!(found == all / k || found == all.div_ceil(k));
                    }
                }
                prop_assert!(is_complete(&fold.into(), n));
            }
            prop_assert_eq!(tested, vec![folds.n_repeats(); n]);
            let json = serde_json::to_string(&folds).unwrap();
            prop_assert_eq!(serde_json::from_str::<Folds>(&json).unwrap(), folds);
        }
    }

    #[test]
    fn bins_are_in_order_and_of_one_size(values in prop::collection::vec(-50i8..50, 1..60), n_bins in 1usize..7) {
        let values: Vec<f32> = values.into_iter().map(f32::from).collect();
        let bins = split::quantile_bins(&values, n_bins).unwrap();
        for (x, a) in values.iter().zip(bins.labels()) {
            for (y, b) in values.iter().zip(bins.labels()) {
                prop_assert!(x > y || a <= b);
                prop_assert!(x != y || a == b);
            }
        }
        let mut distinct = values.clone();
        distinct.sort_by(f32::total_cmp);
        distinct.dedup();
        if distinct.len() == values.len() {
            for count in bins.counts() {
                prop_assert!(count == values.len() / n_bins || count == values.len().div_ceil(n_bins));
            }
        }
    }

    #[test]
    fn a_joint_test_pair_is_new_on_both_sides(
        rows in prop::collection::vec(0usize..8, 8..20),
        columns in prop::collection::vec(0usize..8, 8..20),
        seed: u64,
    ) {
        let (rows, columns) = (Groups::by(rows), Groups::by(columns));
        let thirds = Fractions { train: 0.6, valid: 0.2, test: 0.2 };
        prop_assume!(rows.n_groups() >= 3 && columns.n_groups() >= 3);
        let split = split::joint(&rows, &columns, thirds, thirds, seed).unwrap();
        let pairs: Vec<_> = (0..rows.len()).flat_map(|row| (0..columns.len()).map(move |column| (row, column))).collect();
        let parts = split.pairs(&pairs).unwrap();
        let lists = [&parts.train[..], &parts.valid, &parts.test, &parts.unseen_rows, &parts.unseen_columns, &parts.mixed];
        let mut all = lists.concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..pairs.len()).collect::<Vec<_>>());
        for held_out in [&parts.test, &parts.valid] {
            for &(row, column) in held_out.iter().map(|&pair| &pairs[pair]) {
                for &(seen_row, seen_column) in parts.train.iter().map(|&pair| &pairs[pair]) {
                    prop_assert_ne!(rows.of_rows()[row], rows.of_rows()[seen_row]);
                    prop_assert_ne!(columns.of_rows()[column], columns.of_rows()[seen_column]);
                }
            }
        }
        prop_assert!(split.pairs(&[(0, columns.len())]).is_err());

        // Folds: every pair is tested once.
        let (row_folds, column_folds) = (Folds::grouped(&rows, 3, 1, seed).unwrap(), Folds::grouped(&columns, 2, 1, seed).unwrap());
        let splits: Vec<JointSplit> = split::joint_folds(&row_folds, &column_folds).unwrap();
        let mut tested = vec![0; pairs.len()];
        for split in &splits {
            split.pairs(&pairs).unwrap().test.iter().for_each(|&pair| tested[pair] += 1);
        }
        prop_assert_eq!((splits.len(), tested), (6, vec![1; pairs.len()]));
    }

    #[test]
    fn no_similar_pair_is_across_and_the_report_is_that_of_all_pairs(
        seqs in family(30),
        threshold in 0.5f64..1.0,
        seed: u64,
        k in 1usize..4,
    ) {
        for similarity in [Similarity::edit(threshold), Similarity::kmers(k, threshold)] {
            let (Ok(similar), Ok(random)) = (
                split::similar_folds(&seqs, &similarity, 2, 1, seed),
                Folds::random(seqs.len(), 2, 1, seed),
            ) else { continue };
            let (mut similar, mut random) = (similar.iter(), random.iter());
            for (fold, must_be_clean) in [(similar.next().unwrap(), true), (random.next().unwrap(), false)] {
                let report = LeakageReport::between(&fold.train, &fold.test).with_sequences(&seqs, &similarity).unwrap();
                let mut near = 0;
                let mut equal = Vec::new();
                for (&row, found) in fold.test.iter().zip(report.nearest.as_ref().unwrap()) {
                    let mut best = (usize::MAX, -1.0);
                    for &train_row in &fold.train {
                        let value = similarity.between(&seqs[row], &seqs[train_row]).unwrap();
                        if value > best.1 {
                            best = (train_row, value);
                        }
                    }
                    prop_assert_eq!((found.row, found.train_row, found.similarity), (row, Some(best.0), best.1));
                    near += usize::from(similarity.is_reached_by(best.1));
                    let same = fold.train.iter().find(|&&train_row| seqs[train_row] == seqs[row]);
                    equal.extend(same.map(|&train_row| (row, train_row)));
                }
                prop_assert_eq!(report.too_near(), near);
                prop_assert_eq!(report.leaks(), near > 0);
                prop_assert_eq!(report.exact_duplicates.as_ref(), Some(&equal));
                prop_assert_eq!(report.histogram().unwrap().iter().sum::<usize>(), fold.test.len());
                prop_assert!(!must_be_clean || near == 0);
            }
        }
    }
}
