//! Similarity-disjoint folds of real sequences; skipped where ../shared is absent.
#![allow(clippy::print_stderr)]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Instant;

use flate2::read::GzDecoder;
use hairpin_seq::{Rna, Seq};
use hairpin_targets::similarity::{Similarity, clusters};
use hairpin_targets::{Folds, LeakageReport, TargetError, split};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    sequence: String,
}

/// The lines of a compressed file in ../shared/data.
fn lines(path: &str) -> Option<impl Iterator<Item = String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(path);
    let Ok(file) = File::open(path) else {
        eprintln!("skipped: no ../shared");
        return None;
    };
    Some(
        BufReader::new(GzDecoder::new(file))
            .lines()
            .map(Result::unwrap),
    )
}

/// The 2,097 RNAs of OpenVaccine, 107 nt each.
#[test]
fn open_vaccine_in_five_folds() {
    let Some(lines) = lines("open-vaccine/train.json.gz") else {
        return;
    };
    let seqs: Vec<Seq<Rna>> = lines
        .map(|line| {
            serde_json::from_str::<Row>(&line)
                .unwrap()
                .sequence
                .parse()
                .unwrap()
        })
        .collect();
    assert_eq!(seqs.len(), 2097);
    let similarity = Similarity::edit(0.8);
    let start = Instant::now();
    let groups = clusters(&seqs, &similarity).unwrap();
    let mut sizes = groups.sizes();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    eprintln!(
        "{} clusters at 80 % identity in {:?}, the largest {:?}",
        groups.n_groups(),
        start.elapsed(),
        &sizes[..8]
    );

    // As many as rapidfuzz and scipy find among all pairs.
    assert_eq!(groups.n_groups(), 698);
    assert_eq!(sizes[0], 109);

    let start = Instant::now();
    let folds = split::similar_folds(&seqs, &similarity, 5, 1, 7);
    let folds = match folds {
        Err(TargetError::ClusterTooLarge { rows, room }) => {
            panic!("{rows} rows in one, room for {room}")
        }
        folds => folds.unwrap(),
    };
    for fold in folds.iter() {
        let report = LeakageReport::between(&fold.train, &fold.test)
            .with_groups(&groups)
            .unwrap()
            .with_sequences(&seqs, &similarity)
            .unwrap();
        assert!(!report.leaks(), "{report}");
    }
    eprintln!("folds and reports in {:?}", start.elapsed());
    let random = Folds::random(seqs.len(), 5, 1, 7).unwrap().fold(0, 0);
    let report = LeakageReport::between(&random.train, &random.test)
        .with_sequences(&seqs, &similarity)
        .unwrap();
    eprintln!("{report}");
    assert_eq!(report.too_near(), 318);
}

/// 120,000 RNAcompete probes of 30 to 41 nt: minutes in the dev profile.
#[test]
#[ignore = "slow: run it in release"]
fn probes_in_clusters() {
    let Some(lines) = lines("rnacompete/probes.tsv.gz") else {
        return;
    };
    let seqs: Vec<Seq<Rna>> = lines
        .skip(1)
        .filter_map(|line| {
            line.strip_suffix("\tSetA")
                .map(|text| text.parse().unwrap())
        })
        .take(120_000)
        .collect();
    for (name, similarity) in [
        ("identity 0.95", Similarity::edit(0.95)),
        ("Jaccard of 8-mers 0.3", Similarity::kmers(8, 0.3)),
        ("identity 0.9", Similarity::edit(0.9)),
        ("identity 0.85", Similarity::edit(0.85)),
        ("identity 0.8", Similarity::edit(0.8)),
    ] {
        let start = Instant::now();
        let groups = clusters(&seqs, &similarity).unwrap();
        let mut sizes = groups.sizes();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        eprintln!(
            "{} probes, {name}: {} clusters in {:?}, the largest {:?}",
            seqs.len(),
            groups.n_groups(),
            start.elapsed(),
            &sizes[..5]
        );
        assert_eq!(groups.len(), seqs.len());
    }
    let similarity = Similarity::edit(0.8);
    let fold = Folds::random(seqs.len(), 5, 1, 7).unwrap().fold(0, 0);
    let start = Instant::now();
    let report = LeakageReport::between(&fold.train, &fold.test)
        .with_sequences(&seqs, &similarity)
        .unwrap();
    eprintln!("report in {:?}\n{report}", start.elapsed());
}
