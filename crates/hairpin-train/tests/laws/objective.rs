//! What holds of every loss: what weighs nothing is not there, a common factor of the weights changes nothing, a batch is the split.

use burn::tensor::{Device, Tensor, TensorData};
use hairpin_targets::metrics::{Direction, Metric, Over};
use hairpin_targets::{ClassLabels, TargetError, TargetMatrix};
use hairpin_train::{
    BinaryClassification, Classification, GaussianRegression, InfoNce, Loss, LossTerm, Objective,
    Regression, TargetBatch, Variance,
};
use ndarray::{Array2, array};
use proptest::prelude::*;

const TERMS: [&str; 8] = [
    "mse",
    "mae",
    "huber(0.5)",
    "log_cosh",
    "pearson",
    "mcrmse",
    "mrrmse",
    "0.2 * huber(1.0) + 0.8 * pearson",
];

fn losses() -> impl Iterator<Item = Loss> {
    TERMS.into_iter().map(|text| text.parse().unwrap())
}

fn tensor(values: &Array2<f32>) -> Tensor<2> {
    let shape = [values.nrows(), values.ncols()];
    let data = TensorData::new(values.iter().copied().collect::<Vec<f32>>(), shape);
    Tensor::from_data(data, &Device::flex().autodiff())
}

fn vector<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

/// A loss and its gradient with respect to the outputs.
fn forward(
    loss: &Loss,
    x: &Array2<f32>,
    y: &Array2<f32>,
    w: Option<&Array2<f32>>,
) -> (f32, Array2<f32>) {
    let outputs = tensor(x).require_grad();
    let value = loss.forward(outputs.clone(), tensor(y), w.map(tensor));
    let gradients = value.clone().backward();
    let gradient = vector(outputs.grad(&gradients).unwrap());
    (
        value.into_scalar::<f32>(),
        Array2::from_shape_vec(x.dim(), gradient).unwrap(),
    )
}

fn close(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-5 + 1e-4 * b.abs()
}

fn all_close(a: &Array2<f32>, b: &Array2<f32>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(&a, &b)| close(a, b))
}

const ROWS: usize = 8;
const COLUMNS: usize = 3;

fn matrix(low: f32, high: f32) -> impl Strategy<Value = Array2<f32>> {
    prop::collection::vec(low..high, ROWS * COLUMNS)
        .prop_map(|values| Array2::from_shape_vec((ROWS, COLUMNS), values).unwrap())
}

fn mask() -> impl Strategy<Value = Array2<bool>> {
    prop::collection::vec(prop::bool::weighted(0.7), ROWS * COLUMNS)
        .prop_map(|values| Array2::from_shape_vec((ROWS, COLUMNS), values).unwrap())
}

fn masked(weights: &Array2<f32>, measured: &Array2<bool>) -> Array2<f32> {
    ndarray::Zip::from(weights)
        .and(measured)
        .map_collect(|&weight, &measured| if measured { weight } else { 0.0 })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn on_tensors_and_over_a_split_it_is_one_loss(
        x in matrix(-3.0, 3.0), y in matrix(-3.0, 3.0), w in matrix(0.1, 2.0), measured in mask(),
    ) {
        let w = masked(&w, &measured);
        for loss in losses() {
            for weights in [None, Some(&w)] {
                let (found, _) = forward(&loss, &x, &y, weights);
                let expected = loss.value(x.view(), y.view(), weights.map(|w| w.view())) as f32;
                prop_assert!(close(found, expected), "{loss}: {found} and {expected}");
            }
        }
    }

    #[test]
    fn what_weighs_nothing_may_be_anything(
        x in matrix(-3.0, 3.0), y in matrix(-3.0, 3.0), w in matrix(0.1, 2.0), measured in mask(),
        poison in prop::sample::select(vec![f32::NAN, f32::INFINITY, 1e30, -7.0]),
    ) {
        let w = masked(&w, &measured);
        let poisoned = |values: &Array2<f32>| ndarray::Zip::from(values)
            .and(&measured)
            .map_collect(|&value, &measured| if measured { value } else { poison });
        for loss in losses() {
            let clean = forward(&loss, &x, &y, Some(&w));
            prop_assert_eq!(&forward(&loss, &x, &poisoned(&y), Some(&w)), &clean);
            prop_assert_eq!(&forward(&loss, &poisoned(&x), &y, Some(&w)), &clean);
            for (&gradient, &measured) in clean.1.iter().zip(&measured) {
                prop_assert!(gradient.is_finite() && (measured || gradient == 0.0), "{loss}");
            }
            let whole = loss.value(poisoned(&x).view(), poisoned(&y).view(), Some(w.view()));
            prop_assert!(close(whole as f32, clean.0));
        }
    }

    #[test]
    fn a_row_of_weight_0_is_dropped_and_one_of_2_is_there_twice(
        x in matrix(-3.0, 3.0), y in matrix(-3.0, 3.0), times in prop::collection::vec(0usize..3, ROWS),
    ) {
        prop_assume!(times.iter().sum::<usize>() > 1);
        let w = Array2::from_shape_fn((ROWS, COLUMNS), |(row, _)| times[row] as f32);
        let drawn: Vec<usize> = (0..ROWS).flat_map(|row| vec![row; times[row]]).collect();
        // A correlation asks for two rows, and one row twice is two.
        prop_assume!(times.iter().filter(|&&times| times > 0).count() > 1);
        let take = |values: &Array2<f32>| values.select(ndarray::Axis(0), &drawn);
        for loss in losses() {
            let (weighted, _) = forward(&loss, &x, &y, Some(&w));
            let (repeated, _) = forward(&loss, &take(&x), &take(&y), None);
            prop_assert!(close(weighted, repeated), "{loss}: {weighted} and {repeated}");
        }
    }

    #[test]
    fn a_common_factor_of_the_weights_changes_nothing(
        x in matrix(-3.0, 3.0), y in matrix(-3.0, 3.0), w in matrix(0.1, 2.0), measured in mask(), factor in 0.01f32..100.0,
    ) {
        let w = masked(&w, &measured);
        for loss in losses() {
            let (own, gradient) = forward(&loss, &x, &y, Some(&w));
            let (scaled, of_scaled) = forward(&loss, &x, &y, Some(&(&w * factor)));
            prop_assert!(close(own, scaled), "{loss}: {own} and {scaled}");
            prop_assert!(all_close(&gradient, &of_scaled), "{loss}");
        }
        let ones = Array2::ones((ROWS, COLUMNS));
        for loss in losses() {
            let (plain, gradient) = forward(&loss, &x, &y, None);
            let (weighted, of_weighted) = forward(&loss, &x, &y, Some(&ones));
            prop_assert!(close(plain, weighted) && all_close(&gradient, &of_weighted), "{loss}");
        }
    }

    #[test]
    fn correlation_knows_neither_unit_nor_origin(
        x in matrix(-3.0, 3.0), y in matrix(-3.0, 3.0), scale in 0.5f32..20.0, shift in -5.0f32..5.0,
    ) {
        let pearson: Loss = "pearson".parse().unwrap();
        let (own, _) = forward(&pearson, &x, &y, None);
        for (a, b) in [(&x * scale + shift, y.clone()), (x.clone(), &y * scale + shift)] {
            let (moved, _) = forward(&pearson, &a, &b, None);
            prop_assert!((own - moved).abs() < 1e-4, "{own} and {moved}");
        }
        let (against, _) = forward(&pearson, &(&x * -scale), &y, None);
        prop_assert!((own + against - 2.0).abs() < 1e-4);
    }

    #[test]
    fn a_loss_is_its_text(
        terms in prop::collection::vec((prop_oneof![Just(1.0), 0.0f64..1e6, 1e-300..1e-290f64], 0usize..7, 1e-6f64..1e6), 1..=16),
    ) {
        let terms = terms.into_iter().map(|(weight, term, delta)| (weight, match term {
            0 => LossTerm::Mse,
            1 => LossTerm::Mae,
            2 => LossTerm::Huber { delta },
            3 => LossTerm::LogCosh,
            4 => LossTerm::Pearson,
            5 => LossTerm::Mcrmse,
            _ => LossTerm::Mrrmse,
        }));
        let Ok(loss) = Loss::new(terms) else { return Ok(()) };
        prop_assert_eq!(loss.to_string().parse::<Loss>().unwrap(), loss.clone());
        let json = serde_json::to_string(&loss).unwrap();
        prop_assert_eq!(serde_json::from_str::<Loss>(&json).unwrap(), loss);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-+*(). 0-9a-zé_]{0,40}") {
        if let Ok(loss) = text.parse::<Loss>() {
            prop_assert_eq!(loss.to_string().parse::<Loss>().unwrap(), loss);
        }
    }
}

#[test]
fn nothing_measured_is_a_loss_of_0_without_gradient() {
    let (x, y) = (
        array![[1.0, f32::NAN], [3.0, 4.0]],
        array![[0.0, 1.0], [f32::NAN, 2.0]],
    );
    for loss in losses() {
        let (value, gradient) = forward(&loss, &x, &y, Some(&Array2::zeros((2, 2))));
        assert_eq!((value, gradient), (0.0, Array2::zeros((2, 2))), "{loss}");
    }
}

#[test]
fn a_perfect_fit_and_constant_columns_have_finite_gradients() {
    let y = array![[1.0, 2.0], [1.5, 2.0], [-1.0, 2.0]];
    for loss in losses() {
        let (value, gradient) = forward(&loss, &y, &y, None);
        assert!(gradient.iter().all(|g| g.is_finite()), "{loss}: {gradient}");
        // Of the two columns one correlates fully, the other with nothing.
        let expected = match loss.to_string().as_str() {
            "pearson" => 0.5,
            "0.2 * huber(1.0) + 0.8 * pearson" => 0.4,
            _ => 0.0,
        };
        assert!((value - expected).abs() < 1e-6, "{loss}: {value}");
    }
    let (value, gradient) = forward(
        &"pearson".parse().unwrap(),
        &array![[3.0], [3.0], [3.0]],
        &array![[1.0], [2.0], [3.0]],
        None,
    );
    assert!(value == 1.0 && gradient.iter().all(|g| g.is_finite()));
    // Downhill is towards the targets.
    assert!(gradient[[0, 0]] > 0.0 && gradient[[2, 0]] < 0.0);
}

#[test]
fn far_off_outputs_have_finite_losses() {
    let (x, y) = (array![[1e4], [-1e4], [0.0]], array![[0.0], [0.0], [1.0]]);
    for loss in losses() {
        let (value, gradient) = forward(&loss, &x, &y, None);
        assert!(
            value.is_finite() && gradient.iter().all(|g| g.is_finite()),
            "{loss}"
        );
    }
}

#[test]
fn a_text_that_is_no_loss_is_refused_at_its_place() {
    let refused = |text: &str| text.parse::<Loss>().unwrap_err().to_string();
    let names = "one of `mse`, `mae`, `huber(1.0)`, `log_cosh`, `pearson`, `mcrmse`, `mrrmse`";
    let term = format!("a weight from 0 to 1e6 and `*`, or {names}");
    for (text, position, expected, found) in [
        ("", 1, term.as_str(), "the end"),
        ("hubber(1.0)", 1, &term, "`hubber`"),
        ("mse + ", 7, &term, "the end"),
        ("mse mae", 5, "`+` or the end", "`mae`"),
        ("0.5 mse", 5, "`*`", "`mse`"),
        ("-0.5 * mse", 1, "a number from 0 to 1e6", "`-0.5`"),
        ("1e7 * mse", 1, "a number from 0 to 1e6", "`1e7`"),
        ("nan * mse", 1, &term, "`nan`"),
        ("0.5 * 0.5 * mse", 7, names, "`0.5`"),
        ("mse + huber", 12, "`(` and the delta of `huber`", "the end"),
        ("huber(0)", 7, "a number from 1e-6 to 1e6", "`0`"),
        ("huber(-1)", 7, "a number from 1e-6 to 1e6", "`-1`"),
        ("huber(inf)", 7, "a number from 1e-6 to 1e6", "`inf`"),
        ("huber(1.0", 10, "`)`", "the end"),
        ("é", 1, &term, "`é`"),
        ("mse + é + mae", 7, &term, "`é`"),
    ] {
        assert_eq!(
            refused(text),
            format!(
                "the loss, character {position}: expected {expected}, found {found}; \
                 write it as in `0.2 * huber(1.0) + 0.8 * pearson`"
            ),
            "{text}"
        );
    }
    assert!(refused(&"mse + ".repeat(17)).contains("character 97: expected at most 16 terms"));
    assert!(refused(&" ".repeat(2000)).contains("expected at most 1024 bytes, found 2000 bytes"));
    assert_eq!(
        refused("0 * mse"),
        "the weight of the loss is 0 in every term, expected one above 0; correct the loss"
    );
    assert_eq!(
        Loss::new([(f64::NAN, LossTerm::Mse)])
            .unwrap_err()
            .to_string(),
        "the weight of the loss is NaN, expected a number from 0 to 1e6; correct the loss"
    );
    assert!(Loss::new([(1.0, LossTerm::Huber { delta: 0.0 })]).is_err());
    assert!(Loss::new([]).is_err() && Loss::new([(1.0, LossTerm::Mse); 17]).is_err());
}

#[test]
fn objectives_are_read_from_a_configuration() {
    let read: Regression = toml::from_str(
        "loss = \"0.2*huber(1)+0.8*pearson\"\nscore = \"spearman\"\nover = \"rows\"\n",
    )
    .unwrap();
    assert_eq!(read.loss.to_string(), "0.2 * huber(1.0) + 0.8 * pearson");
    assert_eq!((read.score, read.over), (Metric::Spearman, Over::Rows));
    let error = toml::from_str::<Regression>("loss = \"mes\"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("character 1: expected a weight"), "{error}");
    assert!(toml::from_str::<Regression>("losss = \"mse\"").is_err());
    let text = toml::to_string(&GaussianRegression::default()).unwrap();
    assert_eq!(
        toml::from_str::<GaussianRegression>(&text).unwrap(),
        GaussianRegression::default()
    );
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|column| format!("t{column}")).collect()
}

/// A batch of some rows has the loss of those rows alone, in their order, each with its own weight.
fn rows_are_looked_up<O: Objective<Target = TargetMatrix>>(objective: &O, target: &TargetMatrix) {
    let (rows, weights) = ([3, 0, 2], [0.5, 7.0, 2.0, 1.0]);
    let selected = target.select(&rows).unwrap();
    let x = Array2::from_shape_fn((3, objective.n_outputs(target)), |(row, column)| {
        (row as f32 - column as f32) * 0.3
    });
    let of_batch = TargetBatch {
        target,
        rows: &rows,
        weights: Some(&weights),
    };
    let alone = TargetBatch {
        target: &selected,
        rows: &[0, 1, 2],
        weights: Some(&[1.0, 0.5, 2.0]),
    };
    let loss = |batch| objective.loss(tensor(&x), batch).into_scalar::<f32>();
    assert_eq!(loss(of_batch), loss(alone));
    let ones = TargetBatch {
        weights: Some(&[1.0; 4]),
        ..of_batch
    };
    assert_eq!(
        loss(ones),
        loss(TargetBatch {
            weights: None,
            ..of_batch
        })
    );
}

#[test]
fn a_batch_looks_its_rows_up() {
    let values = array![[0.0, 1.0], [1.0, f32::NAN], [1.0, 0.0], [f32::NAN, 1.0]];
    let errors = array![[0.1, 0.2], [0.3, 0.4], [f32::NAN, 0.5], [0.6, 0.7]];
    let target = TargetMatrix::from_nan(values, names(2)).unwrap();
    let target = target.with_standard_errors(errors).unwrap();
    rows_are_looked_up(&Regression::default(), &target);
    rows_are_looked_up(&BinaryClassification::default(), &target);
    rows_are_looked_up(&GaussianRegression::default(), &target);
    let known = Variance::Known {
        floor: 0.2,
        unknown: 1.0,
    };
    rows_are_looked_up(
        &GaussianRegression {
            variance: known,
            ..GaussianRegression::default()
        },
        &target,
    );
}

#[test]
fn the_score_is_of_what_the_truth_allows() {
    let truth = array![[1.0, 5.0, 1.0], [2.0, 5.0, 2.0], [3.0, 5.0, f32::NAN]];
    let truth = TargetMatrix::from_nan(truth, names(3)).unwrap();
    let score = |objective: &Regression, predictions: &Array2<f32>| {
        objective.evaluate(predictions, &truth).unwrap().score
    };
    let pearson = Regression::default();
    // Column 0 fits, 1 cannot be scored by a correlation, 2 is constant in the predictions.
    let predictions = array![[1.0, 9.0, 4.0], [2.0, 8.0, 4.0], [3.0, 7.0, 5.0]];
    assert!((score(&pearson, &predictions) - 0.5).abs() < 1e-12);
    let rmse = Regression {
        score: Metric::Rmse,
        ..Regression::default()
    };
    let expected = (((16.0 + 9.0 + 4.0) / 3.0_f64).sqrt() + ((9.0 + 4.0) / 2.0_f64).sqrt()) / 3.0;
    assert!((score(&rmse, &predictions) - expected).abs() < 1e-6);
    assert_eq!(
        (rmse.score_name(), rmse.direction()),
        ("MCRMSE", Direction::LowerIsBetter)
    );
    assert_eq!(
        (pearson.score_name(), pearson.direction()),
        ("Pearson", Direction::HigherIsBetter)
    );
    let by_rows = Regression {
        over: Over::Rows,
        ..rmse
    };
    assert_eq!(by_rows.score_name(), "MRRMSE");
    let expected = ((25.0 / 3.0_f64).sqrt() + (13.0 / 3.0_f64).sqrt() + 2.0_f64.sqrt()) / 3.0;
    assert!((score(&by_rows, &predictions) - expected).abs() < 1e-6);
    // NaN where nothing was measured is nothing; where something was, it is no score.
    let mut unmeasured = predictions.clone();
    unmeasured[[2, 2]] = f32::NAN;
    assert_eq!(score(&pearson, &unmeasured), score(&pearson, &predictions));
    let mut missing = predictions.clone();
    missing[[0, 0]] = f32::NAN;
    let found = pearson.evaluate(&missing, &truth).unwrap();
    assert!(found.score.is_nan() && found.loss.is_nan());
    let narrow = pearson.evaluate(&Array2::zeros((3, 2)), &truth);
    assert!(matches!(narrow, Err(TargetError::Shape { .. })));
}

#[test]
fn targets_that_teach_nothing_are_refused() {
    let matrix = |values| TargetMatrix::from_nan(values, names(2)).unwrap();
    let some = matrix(array![[1.0, 5.0], [2.0, 5.0]]);
    let none = matrix(array![[3.0, 5.0], [3.0, 5.0]]);
    let unmeasured = matrix(array![[1.0, f32::NAN], [2.0, f32::NAN]]);
    let mse = Regression::default();
    let with_pearson = Regression {
        loss: "mse + pearson".parse().unwrap(),
        ..Regression::default()
    };
    mse.check(&some).unwrap();
    let refused = with_pearson.check(&some).unwrap_err().to_string();
    assert_eq!(
        refused,
        "column \"t1\": all measured values are equal, so there is nothing to predict; leave the column out"
    );
    assert!(matches!(mse.check(&none), Err(TargetError::Constant { name }) if name == "t0"));
    assert!(matches!(
        mse.check(&unmeasured),
        Err(TargetError::NothingMeasured { name, .. }) if name == "t1"
    ));
    let empty = some.select(&[]).unwrap();
    assert!(matches!(mse.check(&empty), Err(TargetError::NoRows { .. })));

    let binary = BinaryClassification::default();
    assert!(matches!(
        binary.check(&some),
        Err(TargetError::NotBinary {
            row: 0,
            value: 5.0,
            ..
        })
    ));
    let bits = matrix(array![[0.0, 1.0], [1.0, 1.0]]);
    binary.check(&bits).unwrap();
    for pos_weight in [vec![1.0], vec![1.0, 0.0], vec![1.0, f32::NAN]] {
        let objective = BinaryClassification {
            pos_weight: Some(pos_weight),
            ..binary.clone()
        };
        assert!(objective.check(&bits).is_err());
    }

    let known = Variance::Known {
        floor: 0.1,
        unknown: 1.0,
    };
    for (variance, ok) in [
        (known, false),
        (Variance::Learned { floor: 0.0 }, false),
        (Variance::Learned { floor: f64::NAN }, false),
        (Variance::Learned { floor: 1e-6 }, true),
    ] {
        let objective = GaussianRegression {
            variance,
            ..GaussianRegression::default()
        };
        assert_eq!(objective.check(&some).is_ok(), ok, "{variance:?}");
    }
}

#[test]
fn settings_of_a_classification_are_held_to_their_ranges() {
    let labels = ClassLabels::new(vec![1, 0, 1], 3).unwrap();
    let plain = Classification::default();
    plain.check(&labels).unwrap();
    for (smoothing, gamma, weights, ok) in [
        (0.1, 2.0, Some(vec![1.0, 2.0, 0.0]), true),
        (1.0, 0.0, None, false),
        (-0.1, 0.0, None, false),
        (f64::NAN, 0.0, None, false),
        (0.0, -1.0, None, false),
        (0.0, f64::INFINITY, None, false),
        (0.0, 0.0, Some(vec![1.0, 1.0]), false),
        (0.0, 0.0, Some(vec![1.0, -1.0, 1.0]), false),
        (0.0, 0.0, Some(vec![1.0, f32::NAN, 1.0]), false),
        (0.0, 0.0, Some(vec![0.0, 0.0, 1.0]), false),
    ] {
        let objective = Classification {
            label_smoothing: smoothing,
            class_weights: weights,
            focal_gamma: gamma,
        };
        assert_eq!(objective.check(&labels).is_ok(), ok, "{objective:?}");
    }
    let nobody = ClassLabels::new(vec![], 3).unwrap();
    assert!(matches!(
        plain.check(&nobody),
        Err(TargetError::NoRows { .. })
    ));
}

#[test]
fn balanced_classes_count_alike_and_rows_one_on_average() {
    let labels = ClassLabels::new(vec![2, 0, 2, 2, 0, 2, 2], 4).unwrap();
    let balanced = Classification::default().balanced(&labels);
    balanced.check(&labels).unwrap();
    let weights = balanced.class_weights.unwrap();
    let total = |class: usize| weights[class] * labels.counts()[class] as f32;
    assert_eq!((weights[1], weights[3]), (0.0, 0.0));
    assert!(close(total(0), 3.5) && close(total(2), 3.5));
}

#[test]
fn classes_are_scored_as_on_paper() {
    let labels = ClassLabels::new(vec![1, 0, 0], 2).unwrap();
    // Probabilities 3/4, 1/2 and 1/4 of the true class.
    let logits = array![[0.0, 3f32.ln()], [0.0, 0.0], [0.0, 3f32.ln()]];
    let expected = -((0.75f64).ln() + (0.5f64).ln() + (0.25f64).ln()) / 3.0;
    let objective = Classification::default();
    let rows = [0, 1, 2];
    let batch = TargetBatch {
        target: &labels,
        rows: &rows,
        weights: None,
    };
    let loss = objective.loss(tensor(&logits), batch).into_scalar::<f32>();
    assert!((f64::from(loss) - expected).abs() < 1e-6);
    let predictions = vector(objective.activate(tensor(&logits)));
    let predictions = Array2::from_shape_vec((3, 2), predictions).unwrap();
    let found = objective.evaluate(&predictions, &labels).unwrap();
    assert!((found.loss - expected).abs() < 1e-6);
    // Row 1 is a tie, which goes to the lower class: right.
    assert_eq!(found.score, 2.0 / 3.0);
    // A certain mistake has a finite loss.
    let wrong = objective
        .evaluate(&array![[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], &labels)
        .unwrap();
    assert!(wrong.loss.is_finite() && wrong.loss > 5.0);
}

#[test]
fn a_row_of_classes_without_weight_is_not_there() {
    let labels = ClassLabels::new(vec![1, 0, 2], 3).unwrap();
    let mut logits = array![[0.5, 1.0, -1.0], [0.0, 0.25, 0.5], [1.0, 2.0, 3.0]];
    let focal = Classification {
        label_smoothing: 0.1,
        class_weights: Some(vec![1.0, 2.0, 3.0]),
        focal_gamma: 2.0,
    };
    for objective in [Classification::default(), focal] {
        logits[[1, 1]] = f32::NAN;
        let x = tensor(&logits).require_grad();
        let rows = [0, 1, 2];
        let batch = TargetBatch {
            target: &labels,
            rows: &rows,
            weights: Some(&[2.0, 0.0, 2.0]),
        };
        let loss = objective.loss(x.clone(), batch);
        let kept = logits.select(ndarray::Axis(0), &[0, 2]);
        let rows = [0, 2];
        let batch = TargetBatch {
            target: &labels,
            rows: &rows,
            weights: None,
        };
        let alone = objective.loss(tensor(&kept), batch).into_scalar::<f32>();
        assert!(close(loss.clone().into_scalar::<f32>(), alone));
        let gradients = loss.backward();
        let gradient = vector(x.grad(&gradients).unwrap());
        assert!(gradient.iter().all(|g| g.is_finite()) && gradient[3..6] == [0.0; 3]);
        let batch = TargetBatch {
            weights: Some(&[0.0; 3]),
            ..batch
        };
        assert_eq!(
            objective.loss(tensor(&kept), batch).into_scalar::<f32>(),
            0.0
        );
    }
}

#[test]
fn pairs_are_told_apart_in_both_directions() {
    let device = Device::flex();
    for temperature in [0.0, 0.001, 1.5, f64::NAN] {
        assert!(InfoNce::new(temperature, &device).is_err());
    }
    let module = InfoNce::new(InfoNce::TEMPERATURE, &device).unwrap();
    assert!((module.temperature() - 0.07).abs() < 1e-7);
    let matrix = array![[0.9, 0.1, 0.2], [0.0, 0.8, 0.3], [0.1, 0.2, 0.7]];
    let loss = |matrix: &Array2<f32>, weights: Option<[f32; 3]>| {
        let weights = weights.map(|weights| Tensor::from_data(weights, &device));
        let values = tensor(matrix).inner();
        module.forward(values, weights).into_scalar::<f32>()
    };
    let own = loss(&matrix, None);
    assert!(close(loss(&matrix.t().to_owned(), None), own));
    assert!(close(loss(&matrix, Some([3.0; 3])), own));
    assert_eq!(loss(&matrix, Some([0.0; 3])), 0.0);
    // All alike: as likely one as another.
    let alike = loss(&Array2::from_elem((3, 3), 0.5), None);
    assert!(close(alike, 3f32.ln()));
}
