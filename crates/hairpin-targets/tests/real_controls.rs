//! What the controls of numbers reach on the two real tables of sequences, for a model to be held against; skipped where ../shared
//! is absent.
//!
//! ```sh
//! cargo test --release --workspace --test real_controls -- --ignored --nocapture
//! ```
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use hairpin_seq::align::edit_identity;
use hairpin_seq::{Dna, Nucleotide, Rna, Seq};
use hairpin_targets::control::{
    BoostedKmers, BoostedTrees, ColumnAverage, LinearKmers, NeighbourKmers, Neighbours, Regressor,
    Strength,
};
use hairpin_targets::metrics::{Bootstrap, Comparison, Metric, Over};
use hairpin_targets::similarity::{Similarity, clusters};
use hairpin_targets::{Folds, Groups, TargetMatrix};
use ndarray::Array2;

/// The rows of a table without quotes, in columns by their names.
fn table(name: &str, columns: &[&str]) -> Option<Vec<Vec<String>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/sequence-csv")
        .join(name);
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: no ../shared");
        return None;
    };
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name: &&str| header.iter().position(|column| column == name).unwrap();
    let places: Vec<usize> = columns.iter().map(place).collect();
    let rows = lines.map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        places.iter().map(|&at| fields[at].to_owned()).collect()
    });
    Some(rows.collect())
}

fn column(values: Vec<f32>) -> TargetMatrix {
    let values = Array2::from_shape_vec((values.len(), 1), values).unwrap();
    TargetMatrix::new(values, vec!["target".to_owned()]).unwrap()
}

type Fit<'a, A> = &'a dyn Fn(&[Seq<A>], &TargetMatrix, &Groups) -> Box<dyn Regressor<[Seq<A>]>>;

/// Prints what a control reaches out of fold.
fn report<A: Nucleotide>(seqs: &[Seq<A>], targets: &TargetMatrix, groups: &Groups, fit: Fit<A>) {
    let folds = Folds::grouped(groups, 5, 1, 7).unwrap();
    let start = Instant::now();
    let mut predicted = vec![0.0; seqs.len()];
    let mut name = String::new();
    for fold in folds.iter() {
        let pick = |rows: &[usize]| {
            rows.iter()
                .map(|&row| seqs[row].clone())
                .collect::<Vec<_>>()
        };
        let of_train = Groups::by(fold.train.iter().map(|&row| groups.of_rows()[row]));
        let fitted = fit(
            &pick(&fold.train),
            &targets.select(&fold.train).unwrap(),
            &of_train,
        );
        let answers = fitted.predict(&pick(&fold.test)[..]).unwrap();
        for (&row, &value) in fold.test.iter().zip(answers.values()) {
            predicted[row] = value;
        }
        name = fitted.name();
    }
    let seconds = start.elapsed().as_secs_f64();
    let predicted = column(predicted);
    let comparison = Comparison::new(&predicted, targets).unwrap();
    let estimate = |metric| {
        let groups = Some(groups.of_rows());
        let estimate = comparison.estimate(metric, Over::Pooled, Bootstrap::default(), groups);
        estimate.map_or("undefined".to_owned(), |estimate| format!("{estimate:.3}"))
    };
    println!(
        "| {name} | {} | {} | {seconds:.1} s |",
        estimate(Metric::Spearman),
        estimate(Metric::R2)
    );
}

fn report_all<A: Nucleotide>(seqs: &[Seq<A>], targets: &TargetMatrix, groups: &Groups) {
    println!(
        "{} sequences in {} groups, the largest of {}",
        seqs.len(),
        groups.n_groups(),
        groups.sizes().into_iter().max().unwrap()
    );
    println!("| control | Spearman | R2 | fit and predict |\n|---|---|---|---|");
    report(seqs, targets, groups, &|_, y, _| {
        Box::new(ColumnAverage::MEAN.fit(y).unwrap())
    });
    for (neighbours, k) in [(5, 4), (10, 4), (20, 5)] {
        report(seqs, targets, groups, &|x, y, _| {
            let neighbours = Neighbours::new(neighbours).with_distance_weights();
            Box::new(NeighbourKmers::new(neighbours, k).fit(x, y).unwrap())
        });
    }
    report(seqs, targets, groups, &|x, y, _| {
        let neighbours = Neighbours::new(20).with_distance_weights();
        let distance = |a: &Seq<A>, b: &Seq<A>| 1.0 - edit_identity(a, b);
        Box::new(neighbours.fit(x.to_vec(), y, distance).unwrap())
    });
    let grid: Vec<f64> = (-6..=2).map(|e| 10_f64.powi(e)).collect();
    for k in [2, 3, 4, 5] {
        report(seqs, targets, groups, &|x, y, _| {
            let ridge = LinearKmers::new(k, Strength::LeaveOneOut(grid.clone()));
            Box::new(ridge.fit(x, y).unwrap())
        });
    }
    for k in [3, 4, 5] {
        report(seqs, targets, groups, &|x, y, groups| {
            let trees = BoostedKmers::new(k, BoostedTrees::default());
            Box::new(trees.fit_grouped(x, y, groups).unwrap())
        });
    }
}

#[test]
#[ignore = "a minute in release mode; prints a table"]
fn degradation_rates_of_rnas() {
    let Some(rows) = table("openvaccine_k_deg_per_hour.csv", &["sequence", "target"]) else {
        return;
    };
    let seqs: Vec<Seq<Rna>> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    let targets = column(rows.iter().map(|row| row[1].parse().unwrap()).collect());
    let groups = clusters(&seqs, &Similarity::edit(0.8)).unwrap();
    report_all(&seqs, &targets, &groups);
}

#[test]
#[ignore = "minutes in release mode; prints a table"]
fn activities_of_crispr_guides() {
    let columns = ["30mer", "score_drug_gene_rank", "Target gene"];
    let Some(rows) = table("azimuth_FC_plus_RES.csv", &columns) else {
        return;
    };
    let seqs: Vec<Seq<Dna>> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    let targets = column(rows.iter().map(|row| row[1].parse().unwrap()).collect());
    let genes = Groups::by(rows.iter().map(|row| row[2].clone()));
    report_all(&seqs, &targets, &genes);
}
