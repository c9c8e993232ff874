//! Recipes and target encoding against scikit-learn and NumPy; `fixtures/make/golden_recipe.py` made the values.

use hairpin_golden::golden_json;
use std::collections::BTreeMap;

use hairpin_targets::category::{Smoothing, TargetEncoding};
use hairpin_targets::{FittedStep, Recipe, Step, SvdMissing, TargetMatrix};
use ndarray::{Array2, Axis};
use serde::Deserialize;

type Table = Vec<Vec<Option<f64>>>;

#[derive(Deserialize)]
struct Golden {
    train: Table,
    new: Table,
    scalers: BTreeMap<String, Scaler>,
    clip: [Vec<f64>; 2],
    normal: BTreeMap<usize, Normal>,
    svd: BTreeMap<String, Svd>,
    encoding: Encoding,
}

#[derive(Deserialize)]
struct Scaler {
    centre: Option<Vec<f64>>,
    scale: Option<Vec<f64>>,
    new: Table,
}

#[derive(Deserialize)]
struct Normal {
    new: Table,
    train: Table,
    inverse: Table,
}

#[derive(Deserialize)]
struct Svd {
    values: Table,
    components: Vec<Vec<f64>>,
    singular_values: Vec<f64>,
    scores: Option<Table>,
    explained_variance: Option<Vec<f64>>,
    explained_variance_ratio: Option<Vec<f64>>,
}

#[derive(Deserialize)]
struct Encoding {
    categories: Vec<String>,
    folds: Vec<usize>,
    targets: Table,
    asked: Vec<String>,
    cases: Vec<EncodingCase>,
}

#[derive(Deserialize)]
struct EncodingCase {
    smooth: Option<f64>,
    crossed: Table,
    fitted: Table,
}

fn golden() -> Golden {
    golden_json("hairpin-targets", "recipe.json")
}

fn matrix(table: &Table) -> TargetMatrix {
    let shape = (table.len(), table[0].len());
    let values = Array2::from_shape_fn(shape, |(r, c)| table[r][c].map_or(f32::NAN, |v| v as f32));
    let names = (0..shape.1).map(|column| format!("column {column}"));
    TargetMatrix::from_nan(values, names.collect()).unwrap()
}

/// Within a few roundings to `f32`, relative to the value or to 1.
fn assert_table(what: &str, found: &TargetMatrix, expected: &Table) {
    assert_eq!(found.n_rows(), expected.len());
    for (row, expected) in expected.iter().enumerate() {
        for (column, expected) in expected.iter().enumerate() {
            assert_eq!(found.measured()[[row, column]], expected.is_some());
            let Some(expected) = expected else { continue };
            let found = f64::from(found.values()[[row, column]]);
            assert!(
                (found - expected).abs() <= 2e-7 * expected.abs().max(1.0),
                "{what}, row {row}, column {column}: found {found}, expected {expected}"
            );
        }
    }
}

fn assert_list(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance * expected.abs().max(1.0),
            "{what} {at}: found {found}, expected {expected}"
        );
    }
}

#[test]
fn scalers() {
    let golden = golden();
    let (train, new) = (matrix(&golden.train), matrix(&golden.new));
    for (name, step) in [
        ("standard", Step::ZScore),
        (
            "min_max",
            Step::MinMax {
                low: -1.0,
                high: 2.0,
            },
        ),
        ("robust", Step::Robust),
    ] {
        let expected = &golden.scalers[name];
        let fitted = Recipe(vec![step]).fit(&train).unwrap();
        let FittedStep::Scale {
            centre,
            scale,
            constant,
            ..
        } = &fitted.steps()[0]
        else {
            panic!("{name} is a scaling");
        };
        assert_eq!(constant, &[2], "{name}");
        for (found, expected) in [(centre, &expected.centre), (scale, &expected.scale)] {
            if let Some(expected) = expected {
                assert_list(name, found, expected, 1e-13);
            }
        }
        assert_table(name, &fitted.apply(&new).unwrap(), &expected.new);
    }
}

#[test]
fn clip_at_quantiles() {
    let golden = golden();
    let step = Step::ClipQuantile {
        low: 0.1,
        high: 0.85,
    };
    let fitted = Recipe(vec![step]).fit(&matrix(&golden.train)).unwrap();
    let FittedStep::Clip { low, high, .. } = &fitted.steps()[0] else {
        panic!("a clip");
    };
    assert_list("low", low, &golden.clip[0], 1e-15);
    assert_list("high", high, &golden.clip[1], 1e-15);
}

#[test]
fn quantile_to_normal() {
    let golden = golden();
    let (train, new) = (matrix(&golden.train), matrix(&golden.new));
    for (n_quantiles, expected) in golden.normal {
        let fitted = Recipe(vec![Step::QuantileToNormal { n_quantiles }])
            .fit(&train)
            .unwrap();
        let what = format!("{n_quantiles} quantiles");
        assert_table(&what, &fitted.apply(&new).unwrap(), &expected.new);
        assert_table(&what, &fitted.apply(&train).unwrap(), &expected.train);
        let z = Array2::from_shape_fn((13, train.n_columns()), |(row, _)| row as f32 - 6.0);
        let z = TargetMatrix::new(z, train.names().to_vec()).unwrap();
        assert_table(&what, &fitted.invert(&z).unwrap(), &expected.inverse);
    }
}

#[test]
fn truncated_svd() {
    for (name, expected) in golden().svd {
        let values = matrix(&expected.values);
        let rank = expected.components.len();
        let missing = SvdMissing::Refuse;
        let fitted = Recipe(vec![Step::TruncatedSvd { rank, missing }])
            .fit(&values)
            .unwrap();
        let FittedStep::TruncatedSvd {
            components,
            singular_values,
            explained_variance,
            explained_variance_ratio,
            ..
        } = &fitted.steps()[0]
        else {
            panic!("an SVD");
        };
        assert_list(&name, singular_values, &expected.singular_values, 1e-12);
        for (found, expected) in components.iter().zip(&expected.components) {
            assert_list(&name, found, expected, 1e-9);
        }
        if let Some(scores) = &expected.scores {
            assert_table(&name, &fitted.apply(&values).unwrap(), scores);
        }
        for (found, expected) in [
            (explained_variance, expected.explained_variance),
            (explained_variance_ratio, expected.explained_variance_ratio),
        ] {
            if let Some(expected) = expected {
                assert_list(&name, found, &expected, 1e-12);
            }
        }
    }
}

#[test]
fn target_encoding() {
    let golden = golden().encoding;
    let targets = matrix(&golden.targets);
    for case in golden.cases {
        let smoothing = case
            .smooth
            .map_or(Smoothing::Auto, |m| Smoothing::Rows { m });
        let encoding = TargetEncoding::new().with_smoothing(smoothing);
        let crossed = encoding
            .cross_fit(&golden.categories, &targets, &golden.folds)
            .unwrap();
        let fitted = encoding.fit(&golden.categories, &targets).unwrap();
        let encoded = fitted.encode(&golden.asked).unwrap();
        for (found, expected) in [(crossed, &case.crossed), (encoded, &case.fitted)] {
            let found = found.index_axis_move(Axis(1), 0);
            let found = TargetMatrix::new(found, targets.names().to_vec()).unwrap();
            assert_table(&format!("{smoothing:?}"), &found, expected);
        }
    }
}
