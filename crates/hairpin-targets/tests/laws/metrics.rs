//! Laws of the metrics: the naive loop, weights as repetitions, masks as dropping, order, threads, coverage.

use hairpin_targets::TargetMatrix;
use hairpin_targets::metrics::{
    Binning, Bootstrap, Comparison, Conformal, Ends, Metric, Over, Replicated, spearman_brown,
};
use ndarray::Array2;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Every metric, and the one that `ALL` leaves out.
fn all() -> Vec<Metric> {
    let mut all = Metric::ALL.to_vec();
    all.push(Metric::CalibrationError {
        bins: 4,
        binning: Binning::EqualMass,
    });
    all
}

/// Whether a metric takes zeros and ones as truth.
fn is_binary(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Auroc
            | Metric::AveragePrecision
            | Metric::LogLoss
            | Metric::Brier
            | Metric::CalibrationError { .. }
    )
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        _ => a == b,
    }
}

/// Predictions from 0 to 1 with ties, truths with ties, weights of 0 to 3.
fn rows() -> impl Strategy<Value = Vec<(f64, f64, usize)>> {
    prop::collection::vec(
        ((0u32..=20), (0u32..12), 0usize..4)
            .prop_map(|(x, y, w)| (f64::from(x) / 20.0, f64::from(y), w)),
        1..40,
    )
}

fn columns(rows: &[(f64, f64, usize)], metric: Metric) -> (Vec<f64>, Vec<f64>) {
    rows.iter()
        .map(|&(x, y, _)| {
            let y = if is_binary(metric) {
                f64::from(y > 5.0)
            } else {
                y
            };
            (x, y)
        })
        .unzip()
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("column {i}")).collect()
}

fn gaussian(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

/// Predictions and truths in some columns, with gaps.
fn matrices() -> impl Strategy<Value = (TargetMatrix, TargetMatrix, Vec<f64>)> {
    (1usize..30, 1usize..20, any::<u64>(), 0.0f64..0.5).prop_map(|(n, m, seed, gaps)| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |scale: f64| {
            Array2::from_shape_simple_fn((n, m), || (gaussian(&mut rng) * scale + 100.0) as f32)
        };
        let (predicted, truth) = (draw(1.0), draw(3.0));
        let measured = Array2::from_shape_simple_fn((n, m), || rng.random::<f64>() >= gaps);
        let weights = (0..n)
            .map(|_| f64::from(rng.random_range(0..4u32)))
            .collect();
        (
            TargetMatrix::new(predicted, names(m)).unwrap(),
            TargetMatrix::with_mask(truth, measured, names(m)).unwrap(),
            weights,
        )
    })
}

proptest! {
    #[test]
    fn a_weight_is_a_number_of_rows(rows in rows()) {
        for metric in all() {
            let (x, y) = columns(&rows, metric);
            let weights: Vec<f64> = rows.iter().map(|row| row.2 as f64).collect();
            let repeat = |values: &[f64]| -> Vec<f64> {
                values.iter().zip(&rows).flat_map(|(&v, row)| vec![v; row.2]).collect()
            };
            let weighted = metric.evaluate_weighted(&x, &y, &weights);
            let repeated = metric.evaluate(&repeat(&x), &repeat(&y));
            prop_assert!(close(weighted, repeated), "{metric}: {weighted:?} {repeated:?}");
        }
    }

    #[test]
    fn values_lie_in_the_range_and_do_not_depend_on_the_order(rows in rows(), seed: u64) {
        let mut shuffled = rows.clone();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, rng.random_range(0..=i));
        }
        for metric in all() {
            let (x, y) = columns(&rows, metric);
            let value = metric.evaluate(&x, &y);
            if let Some(value) = value {
                let (low, high) = metric.range();
                prop_assert!(low <= value && value <= high, "{metric}: {value}");
            }
            let (x, y) = columns(&shuffled, metric);
            prop_assert!(close(value, metric.evaluate(&x, &y)), "{metric}");
        }
    }

    #[test]
    fn rank_metrics_are_what_all_pairs_say(rows in rows()) {
        let (x, y) = columns(&rows, Metric::Kendall);
        let (_, ones) = columns(&rows, Metric::Auroc);
        let (mut same, mut other, mut half, mut apart_x, mut apart_y) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let (mut above, mut pairs) = (0.0, 0.0);
        for i in 0..rows.len() {
            for j in 0..rows.len() {
                let order = (x[i] - x[j]) * (y[i] - y[j]);
                same += f64::from(order > 0.0);
                other += f64::from(order < 0.0);
                half += f64::from(x[i] == x[j] && y[i] != y[j]);
                apart_x += f64::from(x[i] != x[j]);
                apart_y += f64::from(y[i] != y[j]);
                if ones[i] > ones[j] {
                    pairs += 1.0;
                    above += if x[i] == x[j] { 0.5 } else { f64::from(x[i] > x[j]) };
                }
            }
        }
        let ratio = |a: f64, b: f64| (b > 0.0).then(|| a / b);
        let root = f64::sqrt(apart_x) * f64::sqrt(apart_y);
        prop_assert!(close(Metric::Kendall.evaluate(&x, &y), ratio(same - other, root)));
        let c = ratio(same + half / 2.0, apart_y);
        prop_assert!(close(Metric::ConcordanceIndex.evaluate(&x, &y), c));
        prop_assert!(close(Metric::Auroc.evaluate(&x, &ones), ratio(above, pairs)));
        // One against zero is order against order.
        prop_assert!(close(
            Metric::Auroc.evaluate(&x, &ones),
            Metric::ConcordanceIndex.evaluate(&x, &ones)
        ));
    }

    #[test]
    fn correlation_forgets_scale_and_shift(rows in rows(), scale in 0.01f64..100.0, shift in -1e3f64..1e3) {
        let (x, y) = columns(&rows, Metric::Pearson);
        let moved: Vec<f64> = x.iter().map(|x| scale * x + shift).collect();
        let cubed: Vec<f64> = x.iter().map(|x| x.powi(3)).collect();
        prop_assert!(close(Metric::Pearson.evaluate(&x, &y), Metric::Pearson.evaluate(&moved, &y)));
        for metric in [Metric::Spearman, Metric::Kendall] {
            prop_assert!(close(metric.evaluate(&x, &y), metric.evaluate(&cubed, &y)));
        }
        let turned: Vec<f64> = x.iter().map(|x| -x).collect();
        for metric in [Metric::Pearson, Metric::Spearman, Metric::Kendall, Metric::Cosine] {
            let value = metric.evaluate(&turned, &y).map(|value| -value);
            prop_assert!(close(metric.evaluate(&x, &y), value), "{metric}");
        }
    }

    #[test]
    fn columns_rows_and_all_are_what_was_measured_of_them((predicted, truth, weights) in matrices()) {
        let plain = Comparison::new(&predicted, &truth).unwrap();
        let weighted = plain.clone().with_weights(&weights).unwrap();
        let (n, m) = truth.values().dim();
        let pick = |entries: &[(usize, usize)]| -> (Vec<f32>, Vec<f32>, Vec<f64>) {
            let mut picked = (vec![], vec![], vec![]);
            for &(row, column) in entries.iter().filter(|&&at| truth.measured()[at]) {
                picked.0.push(predicted.values()[[row, column]]);
                picked.1.push(truth.values()[[row, column]]);
                picked.2.push(weights[row]);
            }
            picked
        };
        for metric in Metric::ALL {
            let (of_columns, of_rows) = (plain.columns(metric), plain.rows(metric));
            let of_weighted = weighted.columns(metric);
            for column in 0..m {
                let entries: Vec<_> = (0..n).map(|row| (row, column)).collect();
                let (x, y, w) = pick(&entries);
                prop_assert!(close(of_columns.values()[column], metric.evaluate(&x, &y)), "{metric}");
                let expected = metric.evaluate_weighted(&x, &y, &w);
                prop_assert!(close(of_weighted.values()[column], expected), "{metric}");
            }
            for row in 0..n {
                let entries: Vec<_> = (0..m).map(|column| (row, column)).collect();
                let (x, y, _) = pick(&entries);
                prop_assert!(close(of_rows.values()[row], metric.evaluate(&x, &y)), "{metric}");
            }
            let entries: Vec<_> = (0..n * m).map(|i| (i / m, i % m)).collect();
            let (x, y, w) = pick(&entries);
            prop_assert!(close(plain.pooled(metric), metric.evaluate(&x, &y)), "{metric}");
            prop_assert!(close(weighted.pooled(metric), metric.evaluate_weighted(&x, &y, &w)), "{metric}");
            prop_assert_eq!(of_columns.defined() + of_columns.undefined(), m);
        }
    }

    #[test]
    fn columns_stored_first_are_the_same((predicted, truth, _) in matrices()) {
        let by_columns = |matrix: &TargetMatrix| {
            let turned = matrix.values().t().as_standard_layout().into_owned().reversed_axes();
            TargetMatrix::with_mask(turned, matrix.measured().clone(), matrix.names().to_vec()).unwrap()
        };
        let turned = (by_columns(&predicted), by_columns(&truth));
        let (a, b) = (Comparison::new(&predicted, &truth).unwrap(), Comparison::new(&turned.0, &turned.1).unwrap());
        prop_assert_eq!(a.columns(Metric::Pearson), b.columns(Metric::Pearson));
        prop_assert_eq!(a.mrrmse(), b.mrrmse());
    }

    #[test]
    fn two_models_exchanged_exchange_the_sign((predicted, truth, _) in matrices(), seed: u64) {
        prop_assume!(truth.measured().iter().any(|&m| m));
        let other = TargetMatrix::new(predicted.values().mapv(|v| v - 0.25), names(truth.n_columns())).unwrap();
        let a = Comparison::new(&predicted, &truth).unwrap();
        let b = Comparison::new(&other, &truth).unwrap();
        let bootstrap = Bootstrap { resamples: 50, seed, ..Bootstrap::default() };
        let compare = |a: &Comparison, b: &Comparison| a.compare(b, Metric::Mae, Over::Columns, bootstrap, None).unwrap();
        let (ab, ba) = (compare(&a, &b), compare(&b, &a));
        prop_assert!((ab.difference.value + ba.difference.value).abs() < 1e-12);
        prop_assert!((ab.difference.low + ba.difference.high).abs() < 1e-12);
        prop_assert!((ab.share_a_better + ba.share_a_better - 1.0).abs() < 1e-12);
        let same = compare(&a, &a);
        prop_assert_eq!((same.difference.low, same.difference.high, same.share_a_better), (0.0, 0.0, 0.5));
    }
}

#[test]
fn an_outlier_in_the_first_row_costs_no_digits() {
    let n = 5000;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut draw = || Array2::from_shape_simple_fn((n, 9), || gaussian(&mut rng) as f32);
    let (mut x, mut y) = (draw(), draw());
    (x[[0, 3]], y[[0, 3]]) = (1e9, -1e9);
    let (predicted, truth) = (
        TargetMatrix::new(x.clone(), names(9)).unwrap(),
        TargetMatrix::new(y.clone(), names(9)).unwrap(),
    );
    // An origin that weighs next to nothing, and lies 10⁹ standard deviations from the rest.
    let mut weights = vec![1.0; n];
    weights[0] = 1e-12;
    let comparison = Comparison::new(&predicted, &truth).unwrap();
    for metric in [Metric::Pearson, Metric::R2, Metric::Concordance] {
        let (xs, ys) = (x.column(3).to_vec(), y.column(3).to_vec());
        let found = comparison.columns(metric).values()[3].unwrap();
        let expected = metric.evaluate(&xs, &ys).unwrap();
        assert!(
            (found - expected).abs() < 1e-11,
            "{metric}: {found} {expected}"
        );
        let weighted = comparison.clone().with_weights(&weights).unwrap();
        let found = weighted.columns(metric).values()[3].unwrap();
        let expected = metric.evaluate_weighted(&xs, &ys, &weights).unwrap();
        assert!(
            (found - expected).abs() < 1e-9,
            "{metric}: {found} {expected}"
        );
    }
}

#[test]
fn a_constant_column_is_undefined_however_far_from_zero() {
    for constant in [0.1f32, 1e6, -3.3e-5] {
        let x = Array2::from_shape_fn((1000, 1), |(row, _)| (row as f32).sin());
        let truth = TargetMatrix::new(Array2::from_elem((1000, 1), constant), names(1)).unwrap();
        let predicted = TargetMatrix::new(x, names(1)).unwrap();
        let comparison = Comparison::new(&predicted, &truth).unwrap();
        for metric in [
            Metric::Pearson,
            Metric::Spearman,
            Metric::Kendall,
            Metric::R2,
        ] {
            let scores = comparison.columns(metric);
            assert_eq!((scores.undefined(), scores.mean()), (1, None), "{metric}");
            assert_eq!(comparison.pooled(metric), None, "{metric}");
        }
    }
}

#[test]
fn the_same_bytes_at_any_number_of_threads() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut draw = || Array2::from_shape_simple_fn((3000, 17), || gaussian(&mut rng) as f32);
    let (x, y) = (draw(), draw());
    let predicted = TargetMatrix::new(&x + &y, names(17)).unwrap();
    let truth = TargetMatrix::new(y, names(17)).unwrap();
    let run = || {
        let comparison = Comparison::new(&predicted, &truth).unwrap();
        let bootstrap = Bootstrap {
            resamples: 40,
            ends: Ends::Bca,
            ..Bootstrap::default()
        };
        let groups: Vec<usize> = (0..3000).map(|row| row / 30).collect();
        let estimate = comparison
            .estimate(Metric::Pearson, Over::Columns, bootstrap, Some(&groups))
            .unwrap();
        (
            comparison.columns(Metric::R2),
            comparison.pooled(Metric::Pearson),
            estimate,
        )
    };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(run)
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(5));
}

#[test]
fn bootstrap_intervals_hold_the_truth_as_often_as_they_say() {
    // The mean of 40 rows in 20 pairs of equal ones: groups drawn whole see 20 draws, single rows believe in 40.
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let groups: Vec<usize> = (0..40).map(|row| row / 2).collect();
    let (mut whole, mut single, mut bca) = (0, 0, 0);
    let trials = 250;
    for seed in 0..trials {
        let draws: Vec<f64> = (0..20).map(|_| gaussian(&mut rng)).collect();
        let mean = |rows: &[usize]| {
            Some(rows.iter().map(|&row| draws[row / 2]).sum::<f64>() / rows.len() as f64)
        };
        let bootstrap = Bootstrap {
            resamples: 200,
            level: 0.9,
            seed,
            ..Bootstrap::default()
        };
        let holds = |bootstrap: Bootstrap, groups| {
            let estimate = bootstrap.estimate(40, groups, mean).unwrap();
            usize::from(estimate.low <= 0.0 && 0.0 <= estimate.high)
        };
        whole += holds(bootstrap, Some(&groups[..]));
        single += holds(bootstrap, None);
        let corrected = Bootstrap {
            ends: Ends::Bca,
            ..bootstrap
        };
        bca += holds(corrected, Some(&groups));
    }
    let share = |held: usize| held as f64 / trials as f64;
    // Standard error 0.019; a bootstrap of 20 draws is a little narrow, one of pairs torn apart is by √2.
    assert!((0.83..0.94).contains(&share(whole)), "{}", share(whole));
    assert!((0.83..0.94).contains(&share(bca)), "{}", share(bca));
    assert!(share(single) < 0.82, "{}", share(single));
}

#[test]
fn conformal_intervals_cover_as_often_as_they_say() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for (n, level) in [(9, 0.8), (30, 0.9), (57, 0.5)] {
        let (trials, mut covered) = (1500, 0);
        let skewed = |rng: &mut ChaCha8Rng| gaussian(rng).exp() as f32;
        for _ in 0..trials {
            let predicted = TargetMatrix::new(Array2::zeros((n, 1)), names(1)).unwrap();
            let truth = Array2::from_shape_simple_fn((n, 1), || skewed(&mut rng));
            let truth = TargetMatrix::new(truth, names(1)).unwrap();
            let calibration = Comparison::new(&predicted, &truth).unwrap();
            let conformal = Conformal::calibrate(&calibration, level).unwrap();
            let (low, high) = conformal.interval(0, 0.0);
            let new = f64::from(skewed(&mut rng));
            covered += usize::from(low <= new && new <= high);
        }
        let (share, spare) = (
            f64::from(covered as u32) / f64::from(trials),
            1.0 / (n + 1) as f64,
        );
        let error = 4.0 * (level * (1.0 - level) / f64::from(trials)).sqrt();
        assert!(
            level - error < share && share < level + spare + error,
            "{n} {level}: {share}"
        );
    }
}

#[test]
fn too_few_calibration_rows_give_infinite_intervals() {
    let zeros = TargetMatrix::new(Array2::zeros((8, 1)), names(1)).unwrap();
    let comparison = Comparison::new(&zeros, &zeros).unwrap();
    let conformal = Conformal::calibrate(&comparison, 0.8).unwrap();
    assert_eq!(conformal.half_width(0), 0.0);
    let conformal = Conformal::calibrate(&comparison, 0.95).unwrap();
    assert_eq!(conformal.half_width(0), f64::INFINITY);
    assert_eq!(conformal.coverage(&comparison).unwrap().mean(), Some(1.0));
    let json = serde_json::to_string(&conformal).unwrap();
    assert_eq!(serde_json::from_str::<Conformal>(&json).unwrap(), conformal);
}

#[test]
fn the_noise_ceiling_of_a_known_noise() {
    // Signal and noise of equal variance: replicates correlate at 1/2, one of them with the signal at √(1/2), and their
    // mean, of reliability 2/3, at √(2/3).
    assert!((spearman_brown(0.5, 2.0) - 2.0 / 3.0).abs() < 1e-15);
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let (n, trials) = (400, 20);
    for (averaged, expected) in [(1, 0.5f64.sqrt()), (2, (2.0f64 / 3.0).sqrt())] {
        let (mut ceiling, mut disattenuated, mut held) = (0.0, 0.0, 0);
        for seed in 0..trials {
            let signal: Vec<f64> = (0..n).map(|_| gaussian(&mut rng)).collect();
            let mut measure = || -> Vec<f32> {
                let noisy = signal.iter().map(|s| (s + gaussian(&mut rng)) as f32);
                noisy.collect()
            };
            let (first, second) = (measure(), measure());
            let mean = first.iter().zip(&second).map(|(a, b)| (a + b) / 2.0);
            let mean: Vec<f32> = mean.collect();
            let predicted: Vec<f32> = signal.iter().map(|&s| s as f32).collect();
            let replicated = Replicated {
                predicted: &predicted,
                truth: if averaged == 1 { &first } else { &mean },
                replicates: [&first, &second],
                averaged,
            };
            let bootstrap = Bootstrap {
                resamples: 60,
                seed,
                ..Bootstrap::default()
            };
            let found = replicated
                .ceiling(Metric::Pearson, bootstrap, None)
                .unwrap();
            let ratio = found.correlation.value / found.ceiling.value;
            assert!((found.disattenuated.value - ratio).abs() < 1e-12);
            ceiling += found.ceiling.value / trials as f64;
            disattenuated += ratio / trials as f64;
            held += u64::from(found.disattenuated.low < 1.0 && 1.0 < found.disattenuated.high);
        }
        // Of one trial the ceiling has a standard error of 0.027, and the quotient of 0.034: of 20, a fourth and less.
        assert!((ceiling - expected).abs() < 0.025, "{ceiling} {expected}");
        assert!((disattenuated - 1.0).abs() < 0.03, "{disattenuated}");
        assert!(held >= 15, "{held} of {trials}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let truth = TargetMatrix::new(Array2::zeros((2, 2)), names(2)).unwrap();
    let mut measured = Array2::from_elem((2, 2), true);
    measured[[1, 0]] = false;
    let gap = TargetMatrix::with_mask(Array2::zeros((2, 2)), measured, names(2)).unwrap();
    let message = |predicted: &TargetMatrix, truth: &TargetMatrix| {
        Comparison::new(predicted, truth).unwrap_err().to_string()
    };
    assert_eq!(
        message(&gap, &truth),
        "row 1, column \"column 0\": the truth was measured, but there is no prediction"
    );
    assert!(Comparison::new(&truth, &gap).is_ok());
    let other = TargetMatrix::new(
        Array2::zeros((2, 2)),
        vec!["column 0".into(), "gene".into()],
    );
    assert_eq!(
        message(&other.unwrap(), &truth),
        "column 1 is named \"gene\" in the predictions and \"column 1\" in the truth"
    );
    let one = truth.select(&[0]).unwrap();
    assert!(message(&one, &truth).starts_with("the matrix of predictions has 1 rows"));
    let comparison = Comparison::new(&truth, &truth).unwrap();
    let weights = comparison.clone().with_weights(&[1.0, -1.0]).unwrap_err();
    assert_eq!(
        weights.to_string(),
        "row 1: the weight is -1, expected a finite number of 0 or more"
    );
    let bootstrap = Bootstrap::default();
    let undefined = comparison.estimate(Metric::Pearson, Over::Columns, bootstrap, None);
    assert!(undefined.unwrap_err().to_string().contains("undefined"));
    let many = Bootstrap {
        resamples: usize::MAX,
        ..bootstrap
    };
    let refused = comparison.estimate(Metric::Mse, Over::Columns, many, None);
    assert!(refused.unwrap_err().to_string().contains("at most 1000000"));
}
