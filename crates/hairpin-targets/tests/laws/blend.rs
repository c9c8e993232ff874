//! Laws of blends, and scipy's non-negative least squares beside ours; `fixtures/make/golden_blend.py` made the values.

use hairpin_golden::golden_json;

use hairpin_targets::blend::{Blend, FittedBlend, HillClimbing, spread};
use hairpin_targets::metrics::{Comparison, Direction, Metric, Over};
use hairpin_targets::{TargetError, TargetMatrix};
use ndarray::{Array2, array};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

fn matrix(values: Array2<f32>) -> TargetMatrix {
    let names = (0..values.ncols()).map(|i| format!("column {i}"));
    TargetMatrix::new(values, names.collect()).unwrap()
}

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    unique: bool,
    members: Vec<Vec<f32>>,
    truth: Vec<f32>,
    weights: Vec<f64>,
    left: f64,
}

#[test]
fn scipy_finds_the_same_least_squares() {
    let golden: Golden = golden_json("hairpin-targets", "blend.json");
    assert_eq!(golden.cases.len(), 12);
    for case in golden.cases {
        let column = |values: &[f32]| {
            matrix(Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap())
        };
        let members: Vec<TargetMatrix> = case.members.iter().map(|m| column(m)).collect();
        let blend = Blend::NonNegative
            .fit(&members, &column(&case.truth))
            .unwrap();
        let weights = blend.weights().unwrap();
        let left = (0..case.truth.len()).map(|row| {
            let joined: f64 = case
                .members
                .iter()
                .zip(weights)
                .map(|(m, w)| w * f64::from(m[row]))
                .sum();
            (joined - f64::from(case.truth[row])).powi(2)
        });
        let left = left.sum::<f64>().sqrt();
        assert!(
            (left - case.left).abs() < 1e-10,
            "{}: {left}, scipy {}",
            case.name,
            case.left
        );
        if case.unique {
            for (ours, theirs) in weights.iter().zip(&case.weights) {
                assert!(
                    (ours - theirs).abs() < 1e-9,
                    "{}: {weights:?}, scipy {:?}",
                    case.name,
                    case.weights
                );
            }
        }
    }
}

/// Members that are the truth with noise, the truth with gaps.
fn drawn() -> impl Strategy<Value = (Vec<TargetMatrix>, TargetMatrix, u64)> {
    (6usize..20, 1usize..4, 2usize..6, any::<u64>()).prop_map(|(rows, columns, k, seed)| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |scale: f32| {
            Array2::from_shape_simple_fn((rows, columns), || scale * (rng.random::<f32>() - 0.5))
        };
        let truth = draw(4.0);
        let members = (0..k)
            .map(|member| matrix(&truth + &draw(1.0 + member as f32)))
            .collect();
        let names = (0..columns).map(|i| format!("column {i}")).collect();
        let measured = Array2::from_shape_fn((rows, columns), |(row, column)| {
            row < 3 || (row + column) % 5 > 0
        });
        (
            members,
            TargetMatrix::with_mask(truth, measured, names).unwrap(),
            seed,
        )
    })
}

fn climbing(metric: Metric, seed: u64) -> HillClimbing {
    HillClimbing {
        steps: 12,
        bags: 4,
        seed,
        ..HillClimbing::new(metric, Over::Pooled)
    }
}

fn score(predicted: &TargetMatrix, truth: &TargetMatrix, metric: Metric) -> f64 {
    let score = Comparison::new(predicted, truth)
        .unwrap()
        .score(metric, Over::Pooled)
        .unwrap();
    match metric.direction() {
        Direction::HigherIsBetter => score,
        Direction::LowerIsBetter => -score,
    }
}

fn all(seed: u64) -> [Blend; 4] {
    [
        Blend::Mean,
        Blend::Median,
        Blend::NonNegative,
        Blend::HillClimbing(climbing(Metric::Rmse, seed)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn climbing_is_never_worse_than_the_best_member((members, truth, seed) in drawn(), which in 0usize..4) {
        let metric = [Metric::Rmse, Metric::Pearson, Metric::Spearman, Metric::R2][which];
        let blend = Blend::HillClimbing(climbing(metric, seed)).fit(&members, &truth).unwrap();
        let joined = score(&blend.apply(&members).unwrap(), &truth, metric);
        for member in &members {
            prop_assert!(joined >= score(member, &truth, metric) - 1e-6);
        }
        let weights = blend.weights().unwrap();
        prop_assert!(weights.iter().all(|&w| w >= 0.0));
        prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn least_squares_is_never_worse_than_any_weighting((members, truth, _) in drawn(), share in 0.0f32..1.0) {
        let joined = Blend::NonNegative.fit(&members, &truth).unwrap();
        prop_assert!(joined.weights().unwrap().iter().all(|&w| w >= 0.0));
        let joined = score(&joined.apply(&members).unwrap(), &truth, Metric::Mse);
        let (a, b) = (members[0].values(), members[1].values());
        let other = matrix(a * share + b * (1.0 - share));
        prop_assert!(joined >= score(&other, &truth, Metric::Mse) - 1e-6);
    }

    #[test]
    fn members_in_another_order_have_their_weights_in_it((members, truth, seed) in drawn(), shift in 1usize..5) {
        let shift = shift % members.len();
        let mut turned = members.clone();
        turned.rotate_left(shift);
        for blend in all(seed) {
            let (plain, other) = (blend.fit(&members, &truth).unwrap(), blend.fit(&turned, &truth).unwrap());
            if let Some(weights) = plain.weights() {
                let mut weights = weights.to_vec();
                weights.rotate_left(shift);
                for (a, b) in weights.iter().zip(other.weights().unwrap()) {
                    prop_assert!((a - b).abs() < 1e-9, "{blend:?}: {weights:?} {other:?}");
                }
            }
            let (a, b) = (plain.apply(&members).unwrap(), other.apply(&turned).unwrap());
            for (a, b) in a.values().iter().zip(b.values()) {
                prop_assert!((a - b).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn a_blend_of_one_is_that_one((members, truth, seed) in drawn()) {
        let one = &members[..1];
        for blend in [Blend::Mean, Blend::Median, Blend::HillClimbing(climbing(Metric::Mae, seed))] {
            let joined = blend.fit(one, &truth).unwrap().apply(one).unwrap();
            prop_assert_eq!(joined.values(), members[0].values());
        }
    }

    #[test]
    fn what_is_stored_is_read_again((members, truth, seed) in drawn()) {
        for blend in all(seed) {
            let text = serde_json::to_string(&blend).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Blend>(&text).unwrap(), &blend);
            let fitted = blend.fit(&members, &truth).unwrap();
            let text = serde_json::to_string(&fitted).unwrap();
            prop_assert_eq!(serde_json::from_str::<FittedBlend>(&text).unwrap(), fitted);
        }
    }

    #[test]
    fn the_spread_moves_with_the_scale_and_not_with_the_place((members, _, _) in drawn()) {
        let plain = spread(&members).unwrap();
        let moved: Vec<TargetMatrix> = members.iter().map(|m| matrix(m.values() * 2.0 + 8.0)).collect();
        for (a, b) in plain.iter().zip(&spread(&moved).unwrap()) {
            prop_assert!((2.0 * a - b).abs() < 1e-4);
        }
        let same = vec![members[0].clone(), members[0].clone()];
        prop_assert!(spread(&same).unwrap().iter().all(|&s| s == 0.0));
    }
}

#[test]
fn mean_and_median_by_hand() {
    let members = [array![[1.], [2.]], array![[2.], [2.]], array![[9.], [5.]]].map(matrix);
    let truth = matrix(array![[1.], [2.]]);
    let joined = |blend: Blend| {
        blend
            .fit(&members, &truth)
            .unwrap()
            .apply(&members)
            .unwrap()
    };
    assert_eq!(joined(Blend::Mean).values(), array![[4.0], [3.0]]);
    assert_eq!(joined(Blend::Median).values(), array![[2.0], [2.0]]);
    // Deviations -3, -2, 5: √(38 / 2).
    assert_eq!(spread(&members).unwrap()[[0, 0]], 19_f32.sqrt());
}

#[test]
fn a_climb_by_hand() {
    // Errors 3 and -1: alone 9 and 1; one to three weights cancel them.
    let members = [array![[13.], [23.]], array![[9.], [19.]]].map(matrix);
    let truth = matrix(array![[10.], [20.]]);
    let settings = HillClimbing {
        bags: 1,
        share: 1.0,
        steps: 8,
        ..HillClimbing::new(Metric::Mse, Over::Pooled)
    };
    let blend = Blend::HillClimbing(settings).fit(&members, &truth).unwrap();
    assert_eq!(blend.weights().unwrap(), [0.25, 0.75]);
    // With two steps the mean of both (error 1) is no better than the second alone (error 1), which came first.
    let short = Blend::HillClimbing(HillClimbing {
        steps: 2,
        ..settings
    })
    .fit(&members, &truth)
    .unwrap();
    assert_eq!(short.weights().unwrap(), [0.0, 1.0]);
}

#[test]
fn what_a_member_does_not_predict_is_not_predicted() {
    let names = || vec!["column 0".to_owned()];
    let gap = TargetMatrix::from_nan(array![[1.], [f32::NAN]], names()).unwrap();
    let whole = matrix(array![[3.], [4.]]);
    let truth = TargetMatrix::from_nan(array![[2.], [f32::NAN]], names()).unwrap();
    let members = [gap, whole.clone()];
    let blend = Blend::Mean.fit(&members, &truth).unwrap();
    let joined = blend.apply(&members).unwrap();
    assert_eq!(joined.values()[[0, 0]], 2.0);
    assert!(!joined.measured()[[1, 0]]);
    assert!(spread(&members).unwrap()[[1, 0]].is_nan());
    // Where the truth is known, every member must predict.
    assert!(matches!(
        Blend::Mean.fit(&members, &whole),
        Err(TargetError::NotPredicted { row: 1, .. })
    ));
    let with_ids = members[1]
        .clone()
        .with_row_ids(vec!["a".to_owned(), "b".to_owned()])
        .unwrap();
    let joined = blend.apply(&[with_ids, whole]).unwrap();
    assert_eq!(joined.row_ids().unwrap(), ["a", "b"]);
}

#[test]
fn what_cannot_be_is_refused() {
    let (one, other) = (matrix(array![[1.], [2.]]), matrix(array![[1., 2.]]));
    assert!(matches!(
        Blend::Mean.fit(&[], &one),
        Err(TargetError::Setting { .. })
    ));
    assert!(matches!(
        Blend::Mean.fit(std::slice::from_ref(&other), &one),
        Err(TargetError::Shape { .. })
    ));
    let nothing =
        TargetMatrix::from_nan(array![[f32::NAN], [f32::NAN]], vec!["column 0".to_owned()])
            .unwrap();
    let members = [one.clone(), one.clone()];
    assert!(matches!(
        Blend::NonNegative.fit(&members, &nothing),
        Err(TargetError::NoRows { .. })
    ));
    let pearson = HillClimbing::new(Metric::Pearson, Over::Pooled);
    let flat = [matrix(array![[1.], [1.]])];
    assert!(matches!(
        Blend::HillClimbing(pearson).fit(&flat, &one),
        Err(TargetError::Undefined { .. })
    ));
    for bad in [
        HillClimbing {
            steps: 0,
            ..pearson
        },
        HillClimbing {
            bags: 10_001,
            ..pearson
        },
        HillClimbing {
            share: f64::NAN,
            ..pearson
        },
    ] {
        assert!(matches!(
            Blend::HillClimbing(bad).fit(&members, &one),
            Err(TargetError::Setting { .. })
        ));
    }
    let blend = Blend::Mean.fit(&members, &one).unwrap();
    assert!(matches!(
        blend.apply(&members[..1]),
        Err(TargetError::Length { .. })
    ));
    assert!(matches!(
        blend.apply(&[one.clone(), other]),
        Err(TargetError::Shape { .. })
    ));
    let renamed = TargetMatrix::new(array![[1.], [2.]], vec!["x".to_owned()]).unwrap();
    assert!(matches!(
        blend.apply(&[one.clone(), renamed]),
        Err(TargetError::ColumnName { .. })
    ));
    assert!(matches!(spread(&[one]), Err(TargetError::Setting { .. })));
    for broken in [
        r#"{"members": 0, "weights": null, "names": []}"#,
        r#"{"members": 2, "weights": [1.0], "names": []}"#,
        r#"{"members": 2, "weights": [1.0, -0.5], "names": []}"#,
    ] {
        assert!(
            serde_json::from_str::<FittedBlend>(broken).is_err(),
            "{broken}"
        );
    }
}
