//! What holds for every target encoding: above all that no row sees its own target.

use hairpin_targets::category::{FittedTargetEncoding, Smoothing, TargetEncoding, TargetStatistic};
use hairpin_targets::{TargetError, TargetMatrix};
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;

const STATISTICS: [TargetStatistic; 4] = [
    TargetStatistic::Mean,
    TargetStatistic::StandardDeviation,
    TargetStatistic::Quantile(0.25),
    TargetStatistic::Quantile(0.9),
];

#[derive(Debug, Clone)]
struct Case {
    categories: Vec<String>,
    folds: Vec<usize>,
    values: Vec<Option<f32>>,
    smoothing: Smoothing,
}

/// Rows 0 and 1 are complete and in different folds, so that there is always something to learn from.
fn cases() -> impl Strategy<Value = Case> {
    let row = (
        0usize..5,
        0usize..3,
        prop::array::uniform2(prop::option::weighted(0.8, -10f32..10.0)),
    );
    let smoothing = prop_oneof![
        Just(Smoothing::Auto),
        (0.0f64..5.0).prop_map(|m| Smoothing::Rows { m })
    ];
    (prop::collection::vec(row, 2..30), smoothing).prop_map(|(mut rows, smoothing)| {
        for (fold, row) in rows.iter_mut().take(2).enumerate() {
            row.1 = fold;
            row.2 = row.2.map(|value| value.or(Some(1.5)));
        }
        Case {
            categories: rows.iter().map(|row| format!("cell {}", row.0)).collect(),
            folds: rows.iter().map(|row| row.1).collect(),
            values: rows.iter().flat_map(|row| row.2).collect(),
            smoothing,
        }
    })
}

impl Case {
    fn targets(&self) -> TargetMatrix {
        let values = Array2::from_shape_fn((self.folds.len(), 2), |(row, column)| {
            self.values[2 * row + column].unwrap_or(f32::NAN)
        });
        TargetMatrix::from_nan(values, vec!["a".into(), "b".into()]).unwrap()
    }

    fn encoding(&self) -> TargetEncoding {
        TargetEncoding::new()
            .with_smoothing(self.smoothing)
            .with_statistics(STATISTICS.to_vec())
    }

    /// The definition, column by column, row by row.
    fn naive(&self, row: usize, column: usize) -> [f64; 4] {
        let others = |same: bool| -> Vec<f64> {
            (0..self.folds.len())
                .filter(|&other| self.folds[other] != self.folds[row])
                .filter(|&other| !same || self.categories[other] == self.categories[row])
                .filter_map(|other| self.values[2 * other + column].map(f64::from))
                .collect()
        };
        let (own, all) = (others(true), others(false));
        let n = own.len() as f64;
        let prior = all.len() as f64;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let variance = |values: &[f64]| {
            let centre = mean(values);
            values
                .iter()
                .map(|value| (value - centre).powi(2))
                .sum::<f64>()
                / values.len() as f64
        };
        let quantile = |values: &[f64], q: f64| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            let h = (sorted.len() - 1) as f64 * q;
            let (low, high) = (sorted[h.floor() as usize], sorted[h.ceil() as usize]);
            low + (high - low) * h.fract()
        };
        assert!(prior > 0.0);
        let of = |values: &[f64]| {
            [
                mean(values),
                variance(values).sqrt(),
                quantile(values, 0.25),
                quantile(values, 0.9),
            ]
        };
        let all_statistics = of(&all);
        if own.is_empty() {
            return all_statistics;
        }
        let weight = match self.smoothing {
            Smoothing::Rows { m } => n / (n + m),
            _ => n * variance(&all) / (n * variance(&all) + variance(&own)),
        };
        let weight = if weight.is_nan() { 0.0 } else { weight };
        let own_statistics = of(&own);
        std::array::from_fn(|at| weight * own_statistics[at] + (1.0 - weight) * all_statistics[at])
    }
}

proptest! {
    #[test]
    fn a_row_never_sees_the_targets_of_its_fold(case in cases(), row in any::<prop::sample::Index>(), new in -1e6f32..1e6) {
        let row = row.index(case.folds.len());
        let before = case.encoding().cross_fit(&case.categories, &case.targets(), &case.folds).unwrap();
        let mut changed = case.clone();
        for other in 0..case.folds.len() {
            // Its own target, and that of every row that is held out with it.
            if case.folds[other] == case.folds[row] {
                changed.values[2 * other] = changed.values[2 * other].map(|value| value + new);
                changed.values[2 * other + 1] = None;
            }
        }
        // The other folds must still have something to learn from: rows 0 and 1 are in two folds, one of them changed.
        match changed.encoding().cross_fit(&case.categories, &changed.targets(), &case.folds) {
            Ok(after) => prop_assert_eq!(before.index_axis(Axis(0), row), after.index_axis(Axis(0), row)),
            Err(error) => {
                let nothing = matches!(error, TargetError::NothingMeasured { .. });
                prop_assert!(nothing, "{}", error);
            }
        }
    }

    #[test]
    fn it_is_the_definition(case in cases()) {
        let found = case.encoding().cross_fit(&case.categories, &case.targets(), &case.folds).unwrap();
        for ((row, statistic, column), &found) in found.indexed_iter() {
            let expected = case.naive(row, column)[statistic];
            prop_assert!((f64::from(found) - expected).abs() < 1e-5, "row {}: {} {}", row, found, expected);
        }
    }

    #[test]
    fn holding_out_one_row_at_a_time_is_fitting_to_the_others(case in cases()) {
        let targets = case.targets();
        let folds: Vec<usize> = (0..case.folds.len()).collect();
        let Ok(crossed) = case.encoding().cross_fit(&case.categories, &targets, &folds) else { return Ok(()) };
        for row in folds {
            let rows: Vec<usize> = (0..case.folds.len()).filter(|&other| other != row).collect();
            let others: Vec<&String> = rows.iter().map(|&row| &case.categories[row]).collect();
            let fitted = case.encoding().fit(&others, &targets.select(&rows).unwrap()).unwrap();
            let encoded = fitted.encode(&case.categories[row..=row]).unwrap();
            for (found, expected) in crossed.index_axis(Axis(0), row).iter().zip(&encoded) {
                prop_assert!((found - expected).abs() < 1e-5);
            }
            let json = serde_json::to_string(&fitted).unwrap();
            prop_assert_eq!(serde_json::from_str::<FittedTargetEncoding>(&json).unwrap(), fitted);
        }
    }
}

/// Donors in whole folds: the cross-fitted mean of a compound does not move with any target of the same donor.
#[test]
fn folds_of_whole_groups_keep_groups_apart() {
    let compounds = ["x", "x", "x", "y", "y", "x"];
    let donors = [1, 1, 2, 2, 3, 3];
    let targets = |donor_1: f32| {
        let values = array![[donor_1], [donor_1 + 1.0], [4.0], [5.0], [6.0], [8.0]];
        TargetMatrix::new(values, vec!["gene".into()]).unwrap()
    };
    let encode = |donor_1| {
        TargetEncoding::new()
            .with_smoothing(Smoothing::Rows { m: 0.0 })
            .cross_fit(&compounds, &targets(donor_1), &donors)
            .unwrap()
    };
    let (before, after) = (encode(1.0), encode(100.0));
    for row in 0..2 {
        assert_eq!(before[[row, 0, 0]], 6.0);
        assert_eq!(after[[row, 0, 0]], 6.0);
    }
    assert_ne!(before[[2, 0, 0]], after[[2, 0, 0]]);
}

#[test]
fn a_wide_matrix_is_the_same_at_any_number_of_threads_and_by_column() {
    let values = Array2::from_shape_fn((23, 300), |(row, column)| {
        ((row * 37 + column * 11) % 101) as f32
    });
    let names: Vec<String> = (0..300).map(|column| format!("{column}")).collect();
    let targets = TargetMatrix::new(values, names).unwrap();
    let categories: Vec<String> = (0..23).map(|row| format!("{}", row % 4)).collect();
    let folds: Vec<usize> = (0..23).map(|row| row % 5).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            TargetEncoding::new()
                .cross_fit(&categories, &targets, &folds)
                .unwrap()
        })
    };
    let all = run(1);
    assert_eq!(all, run(3));
    for column in [0, 63, 64, 299] {
        let one = targets.select_columns(&[column]).unwrap();
        let one = TargetEncoding::new()
            .cross_fit(&categories, &one, &folds)
            .unwrap();
        assert_eq!(one.index_axis(Axis(2), 0), all.index_axis(Axis(2), column));
    }
}

#[test]
fn what_cannot_be_encoded_is_refused() {
    let targets = TargetMatrix::from_nan(
        array![[1.0, f32::NAN], [2.0, 5.0]],
        vec!["a".into(), "b".into()],
    )
    .unwrap();
    let encoding = TargetEncoding::new();
    let refused = |error: TargetError| error.to_string();
    assert!(refused(encoding.fit(&["x"], &targets).unwrap_err()).contains("expected 2, found 1"));
    assert!(
        refused(encoding.cross_fit(&["x", "y"], &targets, &[0]).unwrap_err())
            .contains("folds of the rows")
    );
    assert!(
        refused(
            encoding
                .cross_fit(&["x", "y"], &targets, &[4, 4])
                .unwrap_err()
        )
        .contains("held out by fold 4")
    );
    assert!(
        refused(
            encoding
                .cross_fit(&["x", "y"], &targets, &[0, 1])
                .unwrap_err()
        )
        .contains("column \"b\" has no measured value")
    );
    let fitted = encoding
        .clone()
        .with_unseen_refused(true)
        .fit(&["x", "y"], &targets)
        .unwrap();
    assert!(
        refused(fitted.encode(&["x", "z"]).unwrap_err())
            .contains("row 1: \"z\" is not among the 2")
    );
    for (statistic, smoothing) in [
        (TargetStatistic::Quantile(1.5), Smoothing::Auto),
        (TargetStatistic::Mean, Smoothing::Rows { m: f64::NAN }),
    ] {
        let encoding = TargetEncoding::new()
            .with_statistics(vec![statistic])
            .with_smoothing(smoothing);
        assert!(matches!(
            encoding.fit(&["x", "y"], &targets),
            Err(TargetError::Setting { .. })
        ));
    }
    let json = serde_json::to_string(&fitted)
        .unwrap()
        .replace("[\"a\",\"b\"]", "[\"a\"]");
    assert!(
        serde_json::from_str::<FittedTargetEncoding>(&json)
            .unwrap_err()
            .to_string()
            .contains("expected a table")
    );
}
