//! Metrics of numbers and the controls that predict them against scikit-learn, scipy and NumPy;
//! `fixtures/make/golden_metrics_regression.py` made the values.

use hairpin_golden::golden_json;
use std::collections::BTreeMap;

use hairpin_targets::control::{Neighbours, Regressor, Ridge, Strength, TwoWay, euclidean};
use hairpin_targets::metrics::{Average, Binning, ClassMetric, Confusion, Metric};
use hairpin_targets::{ClassLabels, TargetMatrix, most_likely};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    numbers: Vec<Case>,
    binary: Vec<Case>,
    classes: Classes,
    ridge: Vec<RidgeCase>,
    neighbours: NeighbourCases,
    two_way: TwoWayCase,
}

#[derive(Deserialize)]
struct Case {
    predicted: Vec<f64>,
    truth: Vec<f64>,
    weights: Vec<f64>,
    plain: BTreeMap<String, f64>,
    weighted: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Classes {
    n_classes: usize,
    truth: Vec<usize>,
    probabilities: Vec<Vec<f32>>,
    weights: Vec<f64>,
    plain: BTreeMap<String, f64>,
    weighted: BTreeMap<String, f64>,
    f_beta: Vec<FBeta>,
}

#[derive(Deserialize)]
struct FBeta {
    beta: f64,
    per_class: Vec<f64>,
    averages: [f64; 3],
}

#[derive(Deserialize)]
struct RidgeCase {
    features: Vec<Vec<f32>>,
    targets: Vec<Vec<f32>>,
    asked: Vec<Vec<f32>>,
    fixed: Vec<Fixed>,
    grid: Vec<f64>,
    chosen: f64,
}

#[derive(Deserialize)]
struct Fixed {
    strength: f64,
    predicted: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct NeighbourCases {
    train: Vec<Vec<f32>>,
    asked: Vec<Vec<f32>>,
    targets: Vec<Vec<f32>>,
    labels: Vec<usize>,
    cases: Vec<NeighbourCase>,
}

#[derive(Deserialize)]
struct NeighbourCase {
    k: usize,
    by_distance: bool,
    predicted: Vec<Vec<f64>>,
    probabilities: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct TwoWayCase {
    groups: Vec<(usize, usize)>,
    targets: Vec<Vec<Option<f32>>>,
    asked: Vec<(usize, usize)>,
    predicted: Vec<Vec<f64>>,
}

fn golden() -> Golden {
    golden_json("hairpin-targets", "metrics_regression.json")
}

fn assert_close(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1.0),
        "{what}: found {found}, expected {expected} within {tolerance}"
    );
}

fn matrix<T: Copy>(rows: &[Vec<T>]) -> Array2<T> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| {
        rows[row][column]
    })
}

fn targets(rows: &[Vec<f32>]) -> TargetMatrix {
    let names = (0..rows[0].len()).map(|i| format!("column {i}"));
    TargetMatrix::new(matrix(rows), names.collect()).unwrap()
}

fn assert_matrix(what: &str, found: &Array2<f32>, expected: &[Vec<f64>], tolerance: f64) {
    assert_eq!(found.dim(), (expected.len(), expected[0].len()));
    for ((row, column), &value) in found.indexed_iter() {
        let what = format!("{what}, row {row}, column {column}");
        assert_close(&what, f64::from(value), expected[row][column], tolerance);
    }
}

/// A metric by the name it has in a report.
fn metric(name: &str) -> Metric {
    match name {
        "calibration_error" | "calibration_error_equal_mass" => Metric::CalibrationError {
            bins: 10,
            binning: if name == "calibration_error" {
                Binning::EqualWidth
            } else {
                Binning::EqualMass
            },
        },
        name => serde_json::from_str(&format!("{name:?}")).unwrap(),
    }
}

#[test]
fn metrics_of_numbers_and_of_scores() {
    let golden = golden();
    let mut seen = 0;
    for (kind, cases) in [("numbers", golden.numbers), ("binary", golden.binary)] {
        for (i, case) in cases.iter().enumerate() {
            for (name, &expected) in &case.plain {
                let found = metric(name).evaluate(&case.predicted, &case.truth);
                // scikit-learn's equal mass and ours put the edges between the same rows.
                assert_close(
                    &format!("{kind} {i} {name}"),
                    found.unwrap(),
                    expected,
                    1e-10,
                );
                seen += 1;
            }
            for (name, &expected) in &case.weighted {
                let found =
                    metric(name).evaluate_weighted(&case.predicted, &case.truth, &case.weights);
                assert_close(
                    &format!("{kind} {i} {name}, weighted"),
                    found.unwrap(),
                    expected,
                    1e-10,
                );
            }
        }
    }
    assert_eq!(seen, 6 * 11 + 3 * 5 + 1 + 1);
}

#[test]
fn metrics_of_classes() {
    let golden = golden().classes;
    let truth = ClassLabels::new(golden.truth, golden.n_classes).unwrap();
    let probabilities = matrix(&golden.probabilities);
    let sides = [
        (None, golden.plain),
        (Some(&golden.weights[..]), golden.weighted),
    ];
    for (weights, expected) in sides {
        assert_eq!(expected.len(), ClassMetric::ALL.len());
        for (name, expected) in expected {
            let metric = match name.as_str() {
                "calibration_error" => ClassMetric::CalibrationError {
                    bins: 10,
                    binning: Binning::EqualWidth,
                },
                name => serde_json::from_str(&format!("{name:?}")).unwrap(),
            };
            let found = metric.evaluate(&probabilities, &truth, weights).unwrap();
            assert_close(&name, found.unwrap(), expected, 1e-12);
        }
    }
    let confusion = Confusion::new(&most_likely(&probabilities).unwrap(), &truth).unwrap();
    for case in golden.f_beta {
        let averages = [Average::Macro, Average::Micro, Average::Support];
        for (average, expected) in averages.into_iter().zip(case.averages) {
            let found = confusion.f_beta(case.beta, average).unwrap();
            assert_close("F-beta", found, expected, 1e-12);
        }
        let found = confusion.f_beta_per_class(case.beta);
        for (found, &expected) in found.into_iter().zip(&case.per_class) {
            assert_close("F-beta of a class", found.unwrap(), expected, 1e-12);
        }
    }
}

#[test]
fn ridge_regression() {
    for case in golden().ridge {
        let (features, targets) = (matrix(&case.features), targets(&case.targets));
        for fixed in &case.fixed {
            let control = Ridge::new(Strength::Fixed(fixed.strength))
                .fit(&features, &targets)
                .unwrap();
            let predicted = control.predict(&matrix(&case.asked)).unwrap();
            assert_matrix("ridge", predicted.values(), &fixed.predicted, 1e-5);
        }
        let control = Ridge::new(Strength::LeaveOneOut(case.grid))
            .fit(&features, &targets)
            .unwrap();
        assert_eq!(control.strength(), case.chosen);
    }
}

#[test]
fn nearest_neighbours() {
    let golden = golden().neighbours;
    let targets = targets(&golden.targets);
    let labels = ClassLabels::new(golden.labels, 3).unwrap();
    let distance = |a: &Vec<f32>, b: &Vec<f32>| euclidean(a, b);
    for case in golden.cases {
        let mut settings = Neighbours::new(case.k);
        if case.by_distance {
            settings = settings.with_distance_weights();
        }
        let control = settings
            .fit(golden.train.clone(), &targets, distance)
            .unwrap();
        let predicted = control.predict(&golden.asked).unwrap();
        assert_matrix(
            &Regressor::name(&control),
            predicted.values(),
            &case.predicted,
            1e-6,
        );
        let classes = settings
            .fit_classes(golden.train.clone(), &labels, distance)
            .unwrap();
        let probabilities = classes.predict_proba(&golden.asked);
        assert_matrix("probability", &probabilities, &case.probabilities, 1e-6);
    }
}

#[test]
fn additive_effects_of_an_unbalanced_design() {
    let golden = golden().two_way;
    let entries = matrix(&golden.targets);
    let targets = TargetMatrix::with_mask(
        entries.mapv(Option::unwrap_or_default),
        entries.mapv(|entry| entry.is_some()),
        (0..3).map(|i| format!("gene {i}")).collect(),
    )
    .unwrap();
    let control = TwoWay.fit(&targets, &golden.groups).unwrap();
    let predicted = control.predict(&golden.asked).unwrap();
    // 32-bit predictions of up to 15 in size.
    assert_matrix("two-way", predicted.values(), &golden.predicted, 1e-6);
}
