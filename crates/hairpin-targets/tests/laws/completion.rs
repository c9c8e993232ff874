//! Laws of completion, and NumPy's solution beside ours; `fixtures/make/golden_completion.py` made the values.

use hairpin_golden::golden_json;

use hairpin_targets::completion::{Completion, FittedCompletion, PairKernel};
use hairpin_targets::metrics::Comparison;
use hairpin_targets::split::pair_folds;
use hairpin_targets::{TargetError, TargetMatrix};
use ndarray::Array2;
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    settings: Completion,
    first: Vec<String>,
    second: Vec<String>,
    values: Vec<Vec<Option<f32>>>,
    asked: Vec<(String, String)>,
    predicted: Vec<Vec<f32>>,
}

fn matrix(values: Array2<f32>) -> TargetMatrix {
    let names = (0..values.ncols()).map(|i| format!("column {i}"));
    TargetMatrix::from_nan(values, names.collect()).unwrap()
}

fn unzip(pairs: &[(String, String)]) -> (Vec<String>, Vec<String>) {
    pairs.iter().cloned().unzip()
}

#[test]
fn numpy_finds_the_same() {
    let golden: Golden = golden_json("hairpin-targets", "completion.json");
    assert_eq!(golden.cases.len(), 11);
    for case in golden.cases {
        let values = Array2::from_shape_fn((case.values.len(), case.values[0].len()), |(i, j)| {
            case.values[i][j].unwrap_or(f32::NAN)
        });
        let train = matrix(values);
        let fitted = case
            .settings
            .fit(&case.first, &case.second, &train)
            .unwrap();
        let (first, second) = unzip(&case.asked);
        let predicted = fitted.predict(&first, &second).unwrap();
        for ((i, j), value) in predicted.values().indexed_iter() {
            let expected = case.predicted[i][j];
            assert!(
                (value - expected).abs() < 1e-5,
                "{}: row {i}, column {j}: {value}, expected {expected}",
                case.name
            );
        }
    }
}

/// A drawn table: pairs, some left out, and their values.
fn drawn(seed: u64) -> (Vec<String>, Vec<String>, TargetMatrix) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let effects = Array2::from_shape_fn((8, 5), |_| rng.random_range(-2.0..2.0_f32));
    let bases = Array2::from_shape_fn((4, 5), |_| rng.random_range(-1.0..1.0_f32));
    let (mut first, mut second, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for cell in 0..4 {
        for drug in 0..8 {
            if cell < 2 || drug < 4 {
                first.push(format!("cell {cell}"));
                second.push(format!("drug {drug}"));
                values.extend(
                    (0..5).map(|j| {
                        effects[[drug, j]] + bases[[cell, j]] + rng.random_range(-0.3..0.3)
                    }),
                );
            }
        }
    }
    let values = Array2::from_shape_vec((first.len(), 5), values).unwrap();
    (first, second, matrix(values))
}

/// The pairs that were left out.
fn asked() -> (Vec<String>, Vec<String>) {
    let pairs = (2..4)
        .flat_map(|cell| (4..8).map(move |drug| (format!("cell {cell}"), format!("drug {drug}"))));
    pairs.unzip()
}

fn largest_difference(a: &TargetMatrix, b: &TargetMatrix) -> f32 {
    let pairs = a.values().iter().zip(b.values());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_order_of_the_rows_does_not_matter(seed in any::<u64>()) {
        let (first, second, train) = drawn(seed);
        let mut order: Vec<usize> = (0..first.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed ^ 1));
        let pick = |names: &[String]| order.iter().map(|&row| names[row].clone()).collect::<Vec<_>>();
        let (one, other) = asked();
        let a = Completion::default().fit(&first, &second, &train).unwrap().predict(&one, &other).unwrap();
        let shuffled = train.select(&order).unwrap();
        let b = Completion::default().fit(&pick(&first), &pick(&second), &shuffled).unwrap().predict(&one, &other).unwrap();
        prop_assert!(largest_difference(&a, &b) < 1e-4);
    }

    /// Scaling the targets scales the predictions.
    #[test]
    fn targets_may_be_in_any_unit(seed in any::<u64>(), scale in 0.1_f32..10.0) {
        let (first, second, train) = drawn(seed);
        let (one, other) = asked();
        let predict = |train: &TargetMatrix| {
            let fitted = Completion::default().fit(&first, &second, train).unwrap();
            fitted.predict(&one, &other).unwrap()
        };
        let scaled = predict(&matrix(train.values().mapv(|value| value * scale)));
        let expected = matrix(predict(&train).values().mapv(|value| value * scale));
        prop_assert!(largest_difference(&scaled, &expected) < 1e-3 * scale.max(1.0));
    }

    #[test]
    fn saved_and_loaded_it_predicts_the_same(seed in any::<u64>()) {
        let (first, second, train) = drawn(seed);
        let fitted = Completion::default().fit(&first, &second, &train).unwrap();
        let loaded: FittedCompletion = serde_json::from_str(&serde_json::to_string(&fitted).unwrap()).unwrap();
        let (one, other) = asked();
        let (loaded, fitted) = (loaded.predict(&one, &other).unwrap(), fitted.predict(&one, &other).unwrap());
        prop_assert_eq!(loaded.values(), fitted.values());
    }
}

#[test]
fn it_predicts_unmeasured_pairs_better_than_means() {
    // Drawn additively with little noise: true values are near those of an additive model.
    let (first, second, train) = drawn(7);
    let folds = pair_folds(&first, &second, &["cell 2", "cell 3"], 2, 3, 5).unwrap();
    let means = Completion {
        kernel: PairKernel {
            second: 0.0,
            pair: 0.0,
            profile: 0.0,
            profile_within: 0.0,
            ..PairKernel::default()
        },
        ..Completion::default()
    };
    let candidates = [
        means,
        Completion {
            strength: 0.1,
            ..Completion::default()
        },
    ];
    let errors = Completion::validate(&candidates, &first, &second, &train, &folds).unwrap();
    assert!(errors[1] < 0.7 * errors[0], "{errors:?}");
}

#[test]
fn validation_is_the_error_over_the_tested_rows() {
    let (first, second, train) = drawn(3);
    let folds = pair_folds(&first, &second, &["cell 2"], 2, 1, 5).unwrap();
    let settings = Completion::default();
    let mut sum = 0.0;
    for fold in &folds {
        let pick = |names: &[String], rows: &[usize]| {
            rows.iter()
                .map(|&row| names[row].clone())
                .collect::<Vec<_>>()
        };
        let fitted = settings
            .fit(
                &pick(&first, &fold.train),
                &pick(&second, &fold.train),
                &train.select(&fold.train).unwrap(),
            )
            .unwrap();
        let predicted = fitted
            .predict(&pick(&first, &fold.test), &pick(&second, &fold.test))
            .unwrap();
        let truth = train.select(&fold.test).unwrap();
        sum += Comparison::new(&predicted, &truth)
            .unwrap()
            .mrrmse()
            .unwrap()
            * 2.0;
    }
    let error = Completion::validate(&[settings], &first, &second, &train, &folds).unwrap()[0];
    assert!((error - sum / 4.0).abs() < 1e-12);
}

#[test]
fn a_pair_of_strangers_has_the_prior() {
    let (first, second, train) = drawn(1);
    let kernel = PairKernel {
        constant: 0.0,
        ..PairKernel::default()
    };
    let settings = Completion {
        kernel,
        ..Completion::default()
    };
    let fitted = settings.fit(&first, &second, &train).unwrap();
    let predicted = fitted
        .predict(&["plasma cell", "cell 0"], &["water", "water"])
        .unwrap();
    assert!(predicted.values().row(0).iter().all(|&value| value == 0.0));
    assert!(predicted.values().row(1).iter().any(|&value| value != 0.0));
}

#[test]
fn settings_and_lists_out_of_range_are_refused() {
    let (first, second, train) = drawn(1);
    let fit = |settings: Completion| settings.fit(&first, &second, &train).unwrap_err();
    for settings in [
        Completion {
            strength: 0.0,
            ..Completion::default()
        },
        Completion {
            strength: f64::NAN,
            ..Completion::default()
        },
        Completion {
            power: -1.0,
            ..Completion::default()
        },
        Completion {
            rank: 0,
            ..Completion::default()
        },
        Completion {
            kernel: PairKernel {
                profile: -0.5,
                ..PairKernel::default()
            },
            ..Completion::default()
        },
    ] {
        assert!(
            matches!(fit(settings), TargetError::Setting { .. }),
            "{settings:?}"
        );
    }
    let short = Completion::default()
        .fit(&first[1..], &second, &train)
        .unwrap_err();
    assert!(matches!(
        short,
        TargetError::Length {
            what: "first categories",
            ..
        }
    ));
    let none: [&str; 0] = [];
    let empty = TargetMatrix::new(
        Array2::zeros((0, 2)),
        vec!["a".to_string(), "b".to_string()],
    )
    .unwrap();
    assert!(matches!(
        Completion::default().fit(&none, &none, &empty),
        Err(TargetError::NoRows { .. })
    ));
    let gap = matrix(Array2::from_elem((first.len(), 1), f32::NAN));
    assert!(matches!(
        Completion::default().fit(&first, &second, &gap),
        Err(TargetError::EmptyColumn { .. })
    ));
}

#[test]
fn a_broken_file_is_refused() {
    let (first, second, train) = drawn(1);
    let fitted = Completion::default().fit(&first, &second, &train).unwrap();
    let whole = serde_json::to_value(&fitted).unwrap();
    let refused = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = whole.clone();
        change(&mut value);
        serde_json::from_value::<FittedCompletion>(value)
            .unwrap_err()
            .to_string()
    };
    assert!(
        refused(&|v| v["pairs"][3] = serde_json::json!([9, 0]))
            .contains("row 3 is of the pair 9, 0 of 4 x 8 categories")
    );
    assert!(
        refused(&|v| v["weights"][0] = serde_json::json!([1.0]))
            .contains("the weights are not 24 x")
    );
    assert!(refused(&|v| v["settings"]["strength"] = serde_json::json!(-1.0)).contains("strength"));
}

#[test]
fn folds_of_pairs_hold_out_each_pair_once() {
    let (first, second, _) = drawn(1);
    let folds = pair_folds(&first, &second, &["cell 2", "cell 3"], 3, 2, 11).unwrap();
    assert_eq!(folds.len(), 6);
    for repeat in 0..2 {
        let mut tested: Vec<usize> = Vec::new();
        for fold in folds.iter().filter(|fold| fold.repeat == repeat) {
            let drugs = |rows: &[usize]| {
                rows.iter()
                    .filter(|&&row| first[row].as_str() >= "cell 2")
                    .map(|&row| second[row].clone())
                    .collect::<Vec<_>>()
            };
            assert!(
                drugs(&fold.test)
                    .iter()
                    .all(|drug| !drugs(&fold.train).contains(drug))
            );
            assert_eq!(fold.train.len() + fold.test.len(), first.len());
            tested.extend(&fold.test);
        }
        tested.sort_unstable();
        let held: Vec<usize> = (0..first.len())
            .filter(|&row| first[row].as_str() >= "cell 2")
            .collect();
        assert_eq!(tested, held);
    }
    assert_eq!(
        folds,
        pair_folds(&first, &second, &["cell 2", "cell 3"], 3, 2, 11).unwrap()
    );
    assert!(matches!(
        pair_folds(&first, &second, &["cell 2"], 5, 1, 1),
        Err(TargetError::Setting { .. })
    ));
    assert!(matches!(
        pair_folds(&first, &second, &["cell 9"], 2, 1, 1),
        Err(TargetError::Setting { .. })
    ));
    assert!(matches!(
        pair_folds(&first, &second, &["cell 2"], 2, 0, 1),
        Err(TargetError::Setting { .. })
    ));
}
