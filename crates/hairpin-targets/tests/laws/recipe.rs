//! What holds for every recipe, whatever the numbers.

use hairpin_targets::{
    FittedRecipe, FittedStep, Recipe, Step, SvdMissing, TargetError, TargetMatrix, UnseenGroup,
};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn names(n: usize) -> Vec<String> {
    (0..n).map(|column| format!("gene {column}")).collect()
}

/// Values that differ in scale by column, a constant column, missing values; every column has a measured one.
fn matrices() -> impl Strategy<Value = TargetMatrix> {
    (2usize..30, 1usize..7, any::<u64>())
        .prop_map(|(rows, columns, seed)| drawn(rows, columns, seed, 20))
}

/// Draws a matrix of which so many per cent are missing.
fn drawn(rows: usize, columns: usize, seed: u64, missing: u64) -> TargetMatrix {
    let mut state = seed;
    let mut next = move || {
        // Knuth's MMIX generator: enough to fill a matrix.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let values = Array2::from_shape_fn((rows, columns), |(row, column)| {
        let value = (next() % 2000) as f32 / 1000.0 - 1.0;
        let present = next() % 100 >= missing || row == 0;
        match column {
            _ if !present => f32::NAN,
            2 => 7.5,
            _ => value * 10f32.powi(column as i32 % 6 - 2) + column as f32,
        }
    });
    TargetMatrix::from_nan(values, names(columns)).unwrap()
}

fn exact_steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::SignedLog),
        Just(Step::ZScore),
        Just(Step::Robust),
        Just(Step::MinMax {
            low: -1.0,
            high: 3.0
        }),
        Just(Step::Clip {
            low: -1e9,
            high: 1e9
        }),
        Just(Step::ClipQuantile {
            low: 0.0,
            high: 1.0
        }),
    ];
    prop::collection::vec(step, 0..4)
}

/// Nearer than `tolerance` times the largest value of the column, or 1.
fn assert_near(found: &TargetMatrix, expected: &TargetMatrix, tolerance: f32) {
    assert_eq!(found.measured(), expected.measured());
    assert_eq!(found.names(), expected.names());
    for (at, &found) in found.values().indexed_iter() {
        let size = |column| {
            expected
                .values()
                .column(column)
                .fold(1f32, |size, v| size.max(v.abs()))
        };
        let (size, expected) = (size(at.1), expected.values()[at]);
        assert!(
            (found - expected).abs() <= tolerance * size,
            "{at:?}: found {found}, expected {expected}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn invert_undoes_apply(train in matrices(), steps in exact_steps()) {
        let fitted = Recipe(steps).fit(&train).unwrap();
        let back = fitted.invert(&fitted.apply(&train).unwrap()).unwrap();
        // What lies in between is rounded to f32, too.
        assert_near(&back, &train, 2e-5);
    }

    #[test]
    fn steps_in_one_recipe_are_steps_one_by_one(train in matrices(), steps in exact_steps()) {
        let fused = Recipe(steps.clone()).fit(&train).unwrap().apply(&train).unwrap();
        let mut stepwise = train;
        for step in steps {
            stepwise = Recipe(vec![step]).fit(&stepwise).unwrap().apply(&stepwise).unwrap();
        }
        assert_near(&fused, &stepwise, 2e-4);
    }

    #[test]
    fn a_row_is_transformed_by_itself(train in matrices(), steps in exact_steps(), row in any::<prop::sample::Index>()) {
        let row = row.index(train.n_rows());
        let fitted = Recipe(steps).fit(&train).unwrap();
        let alone = fitted.apply(&train.select(&[row]).unwrap()).unwrap();
        let all = fitted.apply(&train).unwrap();
        prop_assert_eq!(alone, all.select(&[row]).unwrap());
        prop_assert_eq!(fitted.apply_owned(train).unwrap(), all);
    }

    #[test]
    fn z_scores_have_mean_0_and_variance_1(train in matrices()) {
        let fitted = Recipe(vec![Step::ZScore]).fit(&train).unwrap();
        let FittedStep::Scale { constant, .. } = &fitted.steps()[0] else { unreachable!() };
        let scaled = fitted.apply(&train).unwrap().to_nan();
        for (column, values) in scaled.columns().into_iter().enumerate() {
            let values: Vec<f64> = values.iter().filter(|v| !v.is_nan()).map(|&v| f64::from(v)).collect();
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
            let expected = if constant.contains(&column) { 0.0 } else { 1.0 };
            prop_assert!(mean.abs() < 1e-5, "{}", mean);
            prop_assert!((variance - expected).abs() < 1e-4, "{}", variance);
        }
    }

    #[test]
    fn to_normal_keeps_the_order_and_comes_back(train in matrices(), n_quantiles in 2usize..40) {
        let fitted = Recipe(vec![Step::QuantileToNormal { n_quantiles }]).fit(&train).unwrap();
        let normal = fitted.apply(&train).unwrap();
        for (a, b) in [(0, 1), (1, 0)] {
            for column in 0..train.n_columns() {
                if train.measured()[[a, column]] && train.measured()[[b, column]]
                    && train.values()[[a, column]] < train.values()[[b, column]] {
                    prop_assert!(normal.values()[[a, column]] <= normal.values()[[b, column]]);
                }
            }
        }
        let back = fitted.invert(&normal).unwrap();
        for column in 0..train.n_columns() {
            let span = train.values().column(column).iter().fold(0f32, |span, v| span.max(v.abs()));
            for row in 0..train.n_rows() {
                let difference = back.values()[[row, column]] - train.values()[[row, column]];
                prop_assert!(difference.abs() <= 1e-4 * span.max(1e-2), "{} of {}", difference, span);
            }
        }
    }

    #[test]
    fn what_was_fitted_is_read_again(train in matrices(), steps in exact_steps()) {
        let recipe = Recipe(steps);
        let fitted = recipe.fit(&train).unwrap();
        let json = serde_json::to_string(&fitted).unwrap();
        prop_assert_eq!(&serde_json::from_str::<FittedRecipe>(&json).unwrap(), &fitted);
        let text = toml::to_string(&fitted).unwrap();
        prop_assert_eq!(toml::from_str::<FittedRecipe>(&text).unwrap(), fitted);
        let json = serde_json::to_string(&recipe).unwrap();
        prop_assert_eq!(serde_json::from_str::<Recipe>(&json).unwrap(), recipe);
    }

    #[test]
    fn an_svd_projects(rows in 2usize..20, columns in 2usize..20, seed: u64) {
        let train = drawn(rows, columns, seed, 0);
        let rank = 1 + seed as usize % (rows.min(columns) - 1).max(1);
        let step = Step::TruncatedSvd { rank, missing: SvdMissing::Refuse };
        let Ok(fitted) = Recipe(vec![step]).fit(&train) else { return Ok(()) };
        let FittedStep::TruncatedSvd { components, singular_values, explained_variance_ratio, .. } = &fitted.steps()[0]
            else { unreachable!() };
        for (at, a) in components.iter().enumerate() {
            for (other, b) in components.iter().enumerate() {
                let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                let expected = if at == other { 1.0 } else { 0.0 };
                // Where a singular value is rounding, its vector is any.
                if singular_values[at].min(singular_values[other]) > 1e-6 * singular_values[0] {
                    prop_assert!((product - expected).abs() < 1e-6);
                }
            }
        }
        prop_assert!(singular_values.is_sorted_by(|a, b| a >= b));
        prop_assert!(explained_variance_ratio.iter().sum::<f64>() < 1.0 + 1e-9);
        let once = fitted.invert(&fitted.apply(&train).unwrap()).unwrap();
        let twice = fitted.invert(&fitted.apply(&once).unwrap()).unwrap();
        let size = train.values().iter().fold(1f32, |size, v| size.max(v.abs()));
        for (a, b) in once.values().iter().zip(twice.values()) {
            prop_assert!((a - b).abs() < 1e-5 * size);
        }
    }
}

#[test]
fn an_svd_of_rank_two_data_comes_back_exactly() {
    let train = Array2::from_shape_fn((9, 30), |(row, column)| {
        row as f32 * (column % 5) as f32 + (row * row % 7) as f32 * (column % 3) as f32
    });
    let train = TargetMatrix::new(train, names(30)).unwrap();
    let step = Step::TruncatedSvd {
        rank: 2,
        missing: SvdMissing::Refuse,
    };
    let fitted = Recipe(vec![Step::SignedLog, Step::ZScore, step.clone()]).fit(&train);
    assert_eq!(fitted.unwrap().output_names(), ["svd 1", "svd 2"]);

    let fitted = Recipe(vec![step, Step::ZScore]).fit(&train).unwrap();
    let scores = fitted.apply(&train).unwrap();
    assert_eq!(scores.names(), ["svd 1", "svd 2"]);
    assert_near(&fitted.invert(&scores).unwrap(), &train, 1e-5);
    let text = fitted.describe();
    assert!(
        text.contains("truncated SVD from 30 columns to 2, which explain 100.0 %"),
        "{text}"
    );
}

#[test]
fn an_svd_refuses_or_fills_what_is_missing() {
    let train = TargetMatrix::from_nan(
        array![[1.0, 2.0, f32::NAN], [2.0, 1.0, 4.0], [0.0, 3.0, 6.0]],
        names(3),
    )
    .unwrap();
    let svd = |missing| Recipe(vec![Step::TruncatedSvd { rank: 3, missing }]).fit(&train);
    let error = svd(SvdMissing::Refuse).unwrap_err();
    assert!(matches!(&error, TargetError::SvdMissing { row: 0, name } if name == "gene 2"));
    let fitted = svd(SvdMissing::ColumnMean).unwrap();
    let back = fitted.invert(&fitted.apply(&train).unwrap()).unwrap();
    assert!(back.measured().iter().all(|&measured| measured));
    assert!((back.values()[[0, 2]] - 5.0).abs() < 1e-5);
    assert!(svd_of_rank_four(&train).to_string().contains("rank is 4"));
}

fn svd_of_rank_four(train: &TargetMatrix) -> TargetError {
    let missing = SvdMissing::ColumnMean;
    Recipe(vec![Step::TruncatedSvd { rank: 4, missing }])
        .fit(train)
        .unwrap_err()
}

#[test]
fn the_same_bytes_at_any_number_of_threads() {
    let train = drawn(5000, 70, 3, 10);
    let recipe = Recipe(vec![
        Step::SignedLog,
        Step::ClipQuantile {
            low: 0.01,
            high: 0.99,
        },
        Step::ZScore,
        Step::TruncatedSvd {
            rank: 5,
            missing: SvdMissing::ColumnMean,
        },
        Step::Robust,
    ]);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let fitted = recipe.fit(&train).unwrap();
            let applied = fitted.apply(&train).unwrap();
            (fitted, applied)
        })
    };
    let (one, other) = (run(1), run(3));
    assert_eq!(one.0, other.0);
    assert_eq!(one.1, other.1);
}

#[test]
fn each_group_by_itself_and_the_unseen_by_all() {
    let values = array![[1.0, 5.0], [3.0, f32::NAN], [10.0, 7.0], [10.0, 9.0]];
    let train = TargetMatrix::from_nan(values, names(2)).unwrap();
    let groups = ["x", "x", "y", "y"];
    let recipe = |unseen| Recipe(vec![Step::ZScoreByGroup { unseen }]);
    assert!(matches!(
        recipe(UnseenGroup::Pooled).fit(&train),
        Err(TargetError::GroupsNeeded { .. })
    ));
    assert!(
        recipe(UnseenGroup::Pooled)
            .fit_by_group(&train, &groups[..2])
            .is_err()
    );

    let fitted = recipe(UnseenGroup::Pooled)
        .fit_by_group(&train, &groups)
        .unwrap();
    assert!(matches!(
        fitted.apply(&train),
        Err(TargetError::GroupsNeeded { .. })
    ));
    let scaled = fitted.apply_by_group(&train, &groups).unwrap();
    assert_eq!(scaled.to_nan().column(0).to_vec(), [-1.0, 1.0, 0.0, 0.0]);
    assert_eq!(scaled.values().column(1).to_vec(), [0.0, 0.0, -1.0, 1.0]);
    assert_near(
        &fitted.invert_by_group(&scaled, &groups).unwrap(),
        &train,
        1e-6,
    );

    // Column 1 of all rows: mean 7, standard deviation √(8/3).
    let new = TargetMatrix::new(array![[6.0, 9.0]], names(2)).unwrap();
    let scaled = fitted.apply_by_group(&new, &["z"]).unwrap();
    assert!((scaled.values()[[0, 1]] - 2.0 / (8f32 / 3.0).sqrt()).abs() < 1e-6);
    assert_near(
        &fitted.invert_by_group(&scaled, &["z"]).unwrap(),
        &new,
        1e-6,
    );

    let json = serde_json::to_string(&fitted).unwrap();
    assert_eq!(serde_json::from_str::<FittedRecipe>(&json).unwrap(), fitted);
    let text = fitted.describe();
    assert!(
        text.contains(
            "z-score by group of 2 groups; a group not seen takes the numbers of all rows"
        ),
        "{text}"
    );
    assert!(text.contains("\n   y: mean 8 to 10 (middle 10)"), "{text}");
}

#[test]
fn a_group_without_a_value_takes_the_numbers_of_all_rows() {
    let train = TargetMatrix::from_nan(array![[1.0], [5.0], [f32::NAN]], names(1)).unwrap();
    let recipe = Recipe(vec![Step::ZScoreByGroup {
        unseen: UnseenGroup::Refuse,
    }]);
    let fitted = recipe.fit_by_group(&train, &["x", "x", "y"]).unwrap();
    let new = TargetMatrix::new(array![[5.0]], names(1)).unwrap();
    assert_eq!(
        fitted.apply_by_group(&new, &["y"]).unwrap().values(),
        array![[1.0]]
    );
}

#[test]
fn standard_errors_follow_the_slope() {
    let train = TargetMatrix::new(array![[0.5, 2.0], [3.0, 4.0], [8.0, 9.0]], names(2)).unwrap();
    let recipe = Recipe(vec![
        Step::Log1p,
        Step::Clip {
            low: -10.0,
            high: 10.0,
        },
        Step::ZScore,
        Step::SignedLog,
        Step::MinMax {
            low: 0.0,
            high: 1.0,
        },
    ]);
    let fitted = recipe.fit(&train).unwrap();
    let step = 1e-2;
    let with_errors = train
        .clone()
        .with_standard_errors(Array2::from_elem((3, 2), step))
        .unwrap();
    let applied = fitted.apply(&with_errors).unwrap();
    let errors = applied.standard_errors().unwrap();
    let moved = |by: f32| {
        let moved = TargetMatrix::new(train.values() + by, names(2)).unwrap();
        fitted.apply(&moved).unwrap().into_arrays().0
    };
    let slope = (moved(step) - moved(-step)) / (2.0 * step);
    for (at, &error) in errors.indexed_iter() {
        assert!(
            (error / step - slope[at]).abs() < 2e-3 * slope[at],
            "{at:?}"
        );
    }
    let back = fitted.invert(&applied).unwrap();
    for &error in back.standard_errors().unwrap() {
        assert!((error - step).abs() < 1e-5);
    }
    let normal = Recipe(vec![Step::QuantileToNormal { n_quantiles: 3 }]);
    let normal = normal
        .fit(&with_errors)
        .unwrap()
        .apply(&with_errors)
        .unwrap();
    assert!(normal.standard_errors().is_none());
}

#[test]
fn an_unknown_error_stays_unknown() {
    let matrix = TargetMatrix::new(array![[1.0], [2.0]], names(1))
        .unwrap()
        .with_row_ids(vec!["a".into(), "b".into()])
        .unwrap()
        .with_standard_errors(array![[0.5], [f32::NAN]])
        .unwrap();
    let scaled = Recipe(vec![Step::ZScore])
        .fit(&matrix)
        .unwrap()
        .apply(&matrix)
        .unwrap();
    assert_eq!(scaled.row_ids().unwrap(), ["a", "b"]);
    let errors = scaled.standard_errors().unwrap();
    assert_eq!(errors[[0, 0]], 1.0);
    assert!(errors[[1, 0]].is_nan());
}

#[test]
fn what_cannot_be_done_is_refused_with_its_place() {
    let train = TargetMatrix::new(array![[0.0, 1.0], [1.0, -2.0]], names(2)).unwrap();
    let refused =
        |steps: Vec<Step>, train: &TargetMatrix| Recipe(steps).fit(train).unwrap_err().to_string();
    assert_eq!(
        refused(vec![Step::Log1p], &train),
        "log1p: row 1, column \"gene 1\" is -2, expected a number above -1"
    );
    assert!(refused(vec![Step::Log1p, Step::ZScore], &train).starts_with("log1p: row 1"));
    assert!(
        refused(
            vec![Step::Clip {
                low: 2.0,
                high: 1.0
            }],
            &train
        )
        .contains("low is 2")
    );
    assert!(
        refused(
            vec![Step::ClipQuantile {
                low: 0.5,
                high: 1.5
            }],
            &train
        )
        .contains("high is 1.5")
    );
    assert!(
        refused(
            vec![Step::MinMax {
                low: 1.0,
                high: 1.0
            }],
            &train
        )
        .contains("high is 1")
    );
    assert!(
        refused(vec![Step::QuantileToNormal { n_quantiles: 1 }], &train)
            .contains("n_quantiles is 1")
    );
    assert!(refused(vec![Step::ZScore], &train.select(&[]).unwrap()).contains("is empty"));
    let unmeasured = TargetMatrix::from_nan(array![[1.0, f32::NAN]], names(2)).unwrap();
    assert!(refused(vec![Step::ZScore], &unmeasured).contains("\"gene 1\" has no measured value"));

    let fitted = Recipe(vec![Step::SignedLog]).fit(&train).unwrap();
    let huge = TargetMatrix::new(array![[1.0, 100.0]], names(2)).unwrap();
    let error = fitted.invert(&huge).unwrap_err().to_string();
    assert!(
        error.contains("row 0, column \"gene 1\"") && error.contains("32-bit"),
        "{error}"
    );
    let swapped = train.select_columns(&[1, 0]).unwrap();
    assert!(matches!(
        fitted.apply(&swapped),
        Err(TargetError::RecipeColumn { column: 0, .. })
    ));
    assert!(fitted.apply(&train.select_columns(&[0]).unwrap()).is_err());
}

#[test]
fn a_broken_file_is_refused() {
    let read = |json: &str| {
        serde_json::from_str::<FittedRecipe>(json)
            .unwrap_err()
            .to_string()
    };
    let with = |steps: &str| format!(r#"{{"n_rows":3,"columns":["a","b"],"steps":[{steps}]}}"#);
    let scale = |centre: &str, scale: &str| {
        with(&format!(
            r#"{{"step":"scale","by":"z_score","centre":{centre},"scale":{scale},"constant":[]}}"#
        ))
    };
    let good = serde_json::from_str::<FittedRecipe>(&scale("[0.0,0.0]", "[1.0,1.0]"));
    assert!(good.is_ok());
    assert!(
        read(&scale("[0.0]", "[1.0,1.0]"))
            .contains("step 1 that was read is broken: centre: expected 2 numbers")
    );
    assert!(read(&scale("[0.0,0.0]", "[1.0,0.0]")).contains("scale of column 1"));
    let clip = r#"{"step":"clip","low":[1.0,1.0],"high":[2.0,0.0]}"#;
    assert!(read(&with(clip)).contains("column 1: low is 1, above high, 0"));
    let normal = r#"{"step":"quantile_to_normal","quantiles":[[0.0,1.0],[1.0,0.0]]}"#;
    assert!(read(&with(normal)).contains("quantiles of column 1"));
    let group = r#"{"step":"scale_by_group","unseen":"refuse","centre":[],"scale":[],"constant":[],"pooled":[]}"#;
    assert!(read(&with(group)).contains("no list of groups"));
    let svd = r#"{"step":"truncated_svd","missing":"refuse","components":[[1.0]],"singular_values":[1.0],
        "explained_variance":[1.0],"explained_variance_ratio":[1.0],"column_mean":[0.0,0.0]}"#;
    assert!(read(&with(svd)).contains("component: expected 2 numbers, found 1"));
    assert!(read(&with(r#"{"step":"z_sore"}"#)).contains("z_sore"));
    assert!(read(r#"{"n_rows":3,"columns":["a","a"],"steps":[]}"#).contains("both named"));
}
