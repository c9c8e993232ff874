//! Clusters against all pairs, duplicates, scipy's linkage (`fixtures/make/golden_split.py` made the values), and real sequences.

use hairpin_golden::{fixture, golden_json};

use crate::drawn::family;
use hairpin_seq::align::{Aligner, Ends, Per, Scoring};
use hairpin_seq::{Alphabet, Dna, Protein, Seq};
use hairpin_targets::duplicates::{Dropped, Keep, Linkage, deduplicate, linked};
use hairpin_targets::similarity::{Nearest, Similarity, between_all, clusters, nearest};
use hairpin_targets::{Groups, LeakageReport, split};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    linkage: Vec<Clusters>,
}

#[derive(Deserialize)]
struct Clusters {
    n: usize,
    threshold: f64,
    similarities: Vec<f64>,
    average: Vec<usize>,
    single: Vec<usize>,
}

#[test]
fn linkage_is_that_of_scipy() {
    let golden: Golden = golden_json("hairpin-targets", "split.json");
    for Clusters {
        n,
        threshold,
        similarities,
        average,
        single,
    } in golden.linkage
    {
        let similarity = |a: usize, b: usize| similarities[a * (2 * n - a - 1) / 2 + b - a - 1];
        for (linkage, expected) in [(Linkage::Average, average), (Linkage::Single, single)] {
            let found = linked(n, similarity, threshold, linkage).unwrap();
            assert_eq!(found, Groups::by(expected));
        }
    }
}

/// Every way to measure how alike two sequences are.
fn measures() -> [Similarity<Dna>; 3] {
    let aligner = Aligner::new(Scoring::uniform(1, -1, 2, 1)).with_ends(Ends::Free);
    [
        Similarity::edit(0.5),
        Similarity::kmers(3, 0.5),
        Similarity::aligned(aligner, Per::Shorter, 0.5),
    ]
}

#[test]
fn all_pairs_of_nothing_are_no_pairs() {
    let two: [Seq<Dna>; 2] = ["ACGT".parse().unwrap(), "ACGA".parse().unwrap()];
    for similarity in measures() {
        assert_eq!(between_all(&two, &[], &similarity).unwrap().dim(), (2, 0));
        assert_eq!(between_all(&[], &two, &similarity).unwrap().dim(), (0, 2));
    }
    // 3 of 4 letters are alike, by edit distance and in the alignment; of three 3-mers they share one.
    let expected = [0.75, 1.0 / 3.0, 0.75];
    for (similarity, expected) in measures().iter().zip(expected) {
        let found = between_all(&two, &two, similarity).unwrap();
        assert!((found[[0, 1]] - expected).abs() < 1e-12, "{found}");
    }
    let refused = between_all(&two, &two, &Similarity::kmers(99, 0.5));
    assert!(refused.is_err());
}

proptest! {
    #[test]
    fn all_pairs_are_each_pair_and_hold_the_nearest(
        queries in proptest::collection::vec("[ACGT]{4,12}", 1..6),
        references in proptest::collection::vec("[ACGT]{4,12}", 1..6),
    ) {
        let parse = |texts: &[String]| -> Vec<Seq<Dna>> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let (queries, references) = (parse(&queries), parse(&references));
        for similarity in measures() {
            let found = between_all(&queries, &references, &similarity).unwrap();
            let best = nearest(&queries, &references, &similarity).unwrap();
            for (row, query) in queries.iter().enumerate() {
                for (column, reference) in references.iter().enumerate() {
                    let alone = similarity.between(query, reference).unwrap();
                    prop_assert_eq!(found[[row, column]], alone);
                }
                let Some(Nearest { reference, similarity }) = best[row] else {
                    panic!("there are references");
                };
                let highest = found.row(row).fold(0.0, |a, b| f64::max(a, *b));
                prop_assert!((found[[row, reference]] - highest).abs() < 1e-12);
                prop_assert!((similarity - highest).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn what_is_no_similarity_is_refused() {
    for linkage in [Linkage::Average, Linkage::Single] {
        assert_eq!(linked(0, |_, _| 0.0, 0.5, linkage).unwrap().len(), 0);
        assert_eq!(linked(1, |_, _| 0.0, 0.5, linkage).unwrap().of_rows(), [0]);
        assert_eq!(
            linked(3, |_, b| if b == 2 { f64::NAN } else { 0.0 }, 0.5, linkage)
                .unwrap_err()
                .to_string(),
            "the similarity of items 0 and 2 is NaN: expected a finite number"
        );
        assert!(linked(3, |_, _| 0.0, f64::NAN, linkage).is_err());
    }
    let groups = Groups::by([0, 0]);
    assert!(deduplicate(&groups, Keep::Longest(&[1]), "").is_err());
    assert!(deduplicate(&groups, Keep::Medoid(&|_, _| f64::NAN), "").is_err());
}

#[test]
fn each_rule_keeps_its_own_row() {
    let groups = Groups::by(["a", "b", "a", "a", "b"]);
    let at = [0.0_f64, 0.0, 5.0, 1.0, 0.0];
    let near = |a: usize, b: usize| -(at[a] - at[b]).abs();
    let kept = |keep| deduplicate(&groups, keep, "same letter").unwrap().kept;
    assert_eq!(kept(Keep::First), [0, 1]);
    assert_eq!(kept(Keep::Longest(&[3, 5, 9, 9, 6])), [2, 4]);
    assert_eq!(kept(Keep::MostMeasured(&[1, 1, 0, 2, 1])), [1, 3]);
    assert_eq!(kept(Keep::Medoid(&near)), [1, 3]);

    let found = deduplicate(&groups, Keep::Longest(&[3, 5, 9, 9, 6]), "same letter").unwrap();
    assert_eq!(found.to_string(), "5 rows: 2 kept, 3 dropped in 2 clusters");
    assert_eq!(
        found.dropped[1],
        Dropped {
            row: 1,
            kept: 4,
            cluster: 1,
            cluster_rows: 2,
            reason: "same letter".into(),
            rule: "longest row kept".into(),
        }
    );
}

/// 200 proteins of the RNAcompete course.
#[test]
fn training_proteins_are_176_and_24_repeats_of_13() {
    let text = fixture("rnacompete/training_rbps.txt");
    let proteins: Vec<Seq<Protein>> = text.lines().map(|line| line.parse().unwrap()).collect();
    let groups = Groups::by(proteins.iter().map(Seq::codes));
    let found = deduplicate(&groups, Keep::First, "identical sequence").unwrap();
    assert_eq!(
        found.to_string(),
        "200 rows: 176 kept, 24 dropped in 13 clusters"
    );
    for dropped in &found.dropped {
        assert_eq!(proteins[dropped.row], proteins[dropped.kept]);
        assert!(dropped.kept < dropped.row);
    }
    let mut kept: Vec<&[u8]> = found
        .kept
        .iter()
        .map(|&row| proteins[row].codes())
        .collect();
    kept.sort_unstable();
    kept.dedup();
    assert_eq!(kept.len(), 176);

    // The same by identity 1, whatever it is measured by.
    assert_eq!(clusters(&proteins, &Similarity::edit(1.0)).unwrap(), groups);
    // A random split leaks, and the report says how often; one by clusters does not.
    let similarity = Similarity::edit(0.9);
    let folds = hairpin_targets::Folds::random(200, 5, 1, 1)
        .unwrap()
        .fold(0, 0);
    let report = LeakageReport::between(&folds.train, &folds.test)
        .with_groups(&groups)
        .unwrap()
        .with_sequences(&proteins, &similarity)
        .unwrap();
    assert!(
        report.leaks()
            && report
                .exact_duplicates
                .as_ref()
                .is_some_and(|rows| rows.len() > 3)
    );
    let folds = split::similar_folds(&proteins, &similarity, 5, 1, 1)
        .unwrap()
        .fold(0, 0);
    let report = LeakageReport::between(&folds.train, &folds.test)
        .with_groups(&groups)
        .unwrap()
        .with_sequences(&proteins, &similarity)
        .unwrap();
    assert!(!report.leaks(), "{report}");
}

/// Connected components of all pairs at the threshold.
fn by_all_pairs<A: Alphabet>(seqs: &[Seq<A>], similarity: &Similarity<A>) -> Groups {
    let mut group: Vec<usize> = (0..seqs.len()).collect();
    for a in 0..seqs.len() {
        for b in 0..a {
            if similarity.is_reached_by(similarity.between(&seqs[a], &seqs[b]).unwrap()) {
                let (from, to) = (group[a], group[b]);
                group
                    .iter_mut()
                    .filter(|group| **group == from)
                    .for_each(|group| *group = to);
            }
        }
    }
    Groups::by(group)
}

/// A threshold, round ones among them: at these rounding decides.
fn threshold() -> impl Strategy<Value = f64> {
    prop_oneof![(1u8..=20).prop_map(|n| f64::from(n) / 20.0), 0.01f64..1.0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn clusters_are_those_of_all_pairs(seqs in family(25), threshold in threshold(), k in 1usize..6) {
        for similarity in [Similarity::edit(threshold), Similarity::kmers(k, threshold)] {
            let expected = by_all_pairs(&seqs, &similarity);
            prop_assert_eq!(clusters(&seqs, &similarity).unwrap(), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What all sequences share, as those of a library do their ends, is cut into other pieces.
    #[test]
    fn clusters_in_a_library_are_those_of_all_pairs(seqs in family(25), threshold in threshold(), ends in 1usize..25) {
        let end: Vec<u8> = (0..ends).map(|position| (position * 7 % 11 % 4) as u8).collect();
        let between = |seq: &Seq<Dna>| Seq::from_codes([&end, seq.codes(), &end].concat()).unwrap();
        let seqs: Vec<Seq<Dna>> = seqs.iter().map(between).collect();
        let similarity = Similarity::edit(threshold);
        let expected = by_all_pairs(&seqs, &similarity);
        prop_assert_eq!(clusters(&seqs, &similarity).unwrap(), expected);
    }

    #[test]
    fn aligned_clusters_are_those_of_all_pairs_that_share_seeds(seqs in family(12), threshold in threshold(), free: bool, shared in 0usize..4) {
        let aligner = Aligner::new(Scoring::<Dna>::uniform(1, -1, 1, 1)).with_ends(if free { Ends::Free } else { Ends::Global });
        let per = if free { Per::Shorter } else { Per::Columns };
        let all = Similarity::aligned(aligner, per, threshold);
        let seeded = all.clone().with_seeds(3, shared);
        let found = clusters(&seqs, &seeded).unwrap();
        let expected = by_all_pairs(&seqs, &all);
        if shared == 0 {
            prop_assert_eq!(&found, &expected);
        }
        prop_assert!(found.n_groups() >= expected.n_groups());
        for (query, found) in seqs.iter().zip(nearest(&seqs, &seqs[1..], &all).unwrap()) {
            let values: Vec<f64> = seqs[1..].iter().map(|seq| all.between(query, seq).unwrap()).collect();
            let best = values.iter().copied().fold(0.0, f64::max);
            let found = found.unwrap();
            prop_assert_eq!(found.similarity, best);
            prop_assert_eq!(Some(found.reference), values.iter().position(|&value| value == best));
        }
    }

    #[test]
    fn the_number_of_threads_does_not_matter(seqs in family(200), threshold in 0.5f64..1.0) {
        for similarity in [Similarity::edit(threshold), Similarity::kmers(3, threshold)] {
            let with = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| clusters(&seqs, &similarity).unwrap())
            };
            prop_assert_eq!(with(1), with(3));
        }
    }

    #[test]
    fn one_row_of_each_cluster_is_kept(keys in prop::collection::vec(0u8..9, 0..50), values in prop::collection::vec(0usize..5, 50)) {
        let groups = Groups::by(&keys);
        let values = &values[..keys.len()];
        for keep in [Keep::First, Keep::Longest(values), Keep::Medoid(&|a, b| -(values[a].abs_diff(values[b]) as f64))] {
            let found = deduplicate(&groups, keep, "").unwrap();
            let clusters: Vec<usize> = found.kept.iter().map(|&row| groups.of_rows()[row]).collect();
            prop_assert_eq!(Groups::by(clusters).n_groups(), groups.n_groups());
            prop_assert_eq!(found.kept.len(), groups.n_groups());
            let mut rows: Vec<usize> = found.dropped.iter().map(|dropped| dropped.row).chain(found.kept.clone()).collect();
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..keys.len()).collect::<Vec<_>>());
            for dropped in &found.dropped {
                prop_assert_eq!(keys[dropped.row], keys[dropped.kept]);
                prop_assert!(found.kept.contains(&dropped.kept));
            }
        }
    }
}
