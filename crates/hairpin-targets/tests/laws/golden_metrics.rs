//! Metrics and the nearest centroid against scikit-learn and scipy; `fixtures/make/golden_metrics.py` made the values.

use hairpin_golden::golden_json;
use std::collections::BTreeMap;

use hairpin_seq::{Dna, Seq};
use hairpin_targets::control::{Classifier, NearestCentroid};
use hairpin_targets::metrics::{Bootstrap, Confusion, accuracy, cross_entropy};
use hairpin_targets::{ClassLabels, most_likely};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    wilson: Vec<Wilson>,
    classification: Classification,
    nearest_centroid: Centroid,
}

#[derive(Deserialize)]
struct Wilson {
    right: usize,
    n: usize,
    level: f64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Classification {
    n_classes: usize,
    truth: Vec<usize>,
    probabilities: Vec<Vec<f32>>,
    predicted: Vec<usize>,
    accuracy: f64,
    confusion: Vec<Vec<usize>>,
    precision: Vec<Option<f64>>,
    recall: Vec<Option<f64>>,
    f1: Vec<Option<f64>>,
    support: Vec<usize>,
    macro_f1: f64,
    log_loss: f64,
    bootstrap: Interval,
}

#[derive(Deserialize)]
struct Interval {
    level: f64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Centroid {
    train: Vec<String>,
    labels: Vec<usize>,
    asked: Vec<String>,
    predicted: BTreeMap<usize, Vec<usize>>,
}

fn golden() -> Golden {
    golden_json("hairpin-targets", "metrics.json")
}

fn assert_close(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}: found {found}, expected {expected} within {tolerance}"
    );
}

#[test]
fn wilson_interval() {
    for case in golden().wilson {
        let truth = ClassLabels::new(vec![1; case.n], 2).unwrap();
        let mut predicted = vec![0; case.n];
        predicted[..case.right].fill(1);
        let found = accuracy(&predicted, &truth, case.level).unwrap();
        let what = format!("{} of {} at {}", case.right, case.n, case.level);
        assert_close(&what, found.low, case.low, 1e-12);
        assert_close(&what, found.high, case.high, 1e-12);
    }
}

#[test]
fn accuracy_confusion_and_scores() {
    let golden = golden().classification;
    let truth = ClassLabels::new(golden.truth, golden.n_classes).unwrap();
    let predicted = golden.predicted;
    assert_eq!(
        accuracy(&predicted, &truth, 0.95).unwrap().value,
        golden.accuracy
    );

    let confusion = Confusion::new(&predicted, &truth).unwrap();
    let rows: Vec<Vec<usize>> = confusion
        .counts()
        .rows()
        .into_iter()
        .map(|row| row.to_vec())
        .collect();
    assert_eq!(rows, golden.confusion);

    let close = |what: &str, found: Option<f64>, expected: Option<f64>| match (found, expected) {
        (Some(found), Some(expected)) => assert_close(what, found, expected, 1e-15),
        _ => assert_eq!(found, expected, "{what}"),
    };
    let scores = confusion.per_class();
    assert_eq!(scores.len(), golden.n_classes);
    for (class, scores) in scores.into_iter().enumerate() {
        assert_eq!(scores.support, golden.support[class]);
        close("precision", scores.precision, golden.precision[class]);
        close("recall", scores.recall, golden.recall[class]);
        close("f1", scores.f1, golden.f1[class]);
    }
    assert_close("macro F1", confusion.macro_f1(), golden.macro_f1, 1e-15);
}

#[test]
fn cross_entropy_and_its_interval() {
    let golden = golden().classification;
    let truth = ClassLabels::new(golden.truth, golden.n_classes).unwrap();
    let probabilities = Array2::from_shape_fn((truth.len(), golden.n_classes), |(row, class)| {
        golden.probabilities[row][class]
    });
    assert_eq!(most_likely(&probabilities).unwrap(), golden.predicted);

    let bootstrap = Bootstrap {
        resamples: 10_000,
        level: golden.bootstrap.level,
        seed: 1,
        ..Bootstrap::default()
    };
    let found = cross_entropy(&probabilities, &truth, bootstrap).unwrap();
    // scikit-learn sums 32-bit logarithms.
    assert_close("log loss", found.value, golden.log_loss, 1e-6);
    // Other random draws: the error of an end is about sqrt(0.05 * 0.95 / 10000) / 0.103 = 0.021 standard deviations of the
    // mean, 0.6 % of the interval's width of 3.3 of them.
    let tolerance = 0.03 * (golden.bootstrap.high - golden.bootstrap.low);
    assert_close("low", found.low, golden.bootstrap.low, tolerance);
    assert_close("high", found.high, golden.bootstrap.high, tolerance);
}

#[test]
fn nearest_centroid_of_kmer_frequencies() {
    let golden = golden().nearest_centroid;
    let parse = |texts: &[String]| -> Vec<Seq<Dna>> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    let labels = ClassLabels::new(golden.labels, 3).unwrap();
    assert_eq!(
        golden.predicted.keys().copied().collect::<Vec<_>>(),
        [1, 2, 3]
    );
    for (k, expected) in golden.predicted {
        let control = NearestCentroid::new(k)
            .fit(&parse(&golden.train), &labels)
            .unwrap();
        assert_eq!(control.predict(&parse(&golden.asked)), expected, "k = {k}");
    }
}
