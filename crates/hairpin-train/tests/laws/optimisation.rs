//! What holds of the steps of `fit`, on networks so small that every step can be computed on paper.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_models::{Model, ModelError};
use hairpin_targets::metrics::{Metric, Over};
use hairpin_targets::{TargetError, TargetMatrix};
use hairpin_train::history::Epoch;
use hairpin_train::{
    AverageConfig, AverageKind, Dataset, Ended, Evaluation, Examples, FitConfig, Fitted, Monitor,
    Objective, OptimizerConfig, OptimizerKind, ParameterGroup, Regression, RunDir, ScheduleConfig,
    ScheduleKind, Session, TargetBatch, Watch, fit,
};
use ndarray::Array2;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `y = x w + b`.
#[derive(Module, Debug)]
struct Line {
    slope: Param<Tensor<2>>,
    shift: Param<Tensor<1>>,
}

impl Line {
    fn at(slope: &[f32], shift: f32, device: &Device) -> Self {
        let slope = TensorData::new(slope.to_vec(), [slope.len(), 1]);
        Self {
            slope: Param::from_tensor(Tensor::from_data(slope, device)),
            shift: Param::from_tensor(Tensor::from_data([shift], device)),
        }
    }

    fn slope(&self) -> Vec<f32> {
        self.slope.val().into_data().try_into_vec().unwrap()
    }

    fn shift(&self) -> f32 {
        self.shift.val().into_scalar()
    }
}

impl Model for Line {
    type Input = Tensor<2>;

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.slope.val()) + self.shift.val().unsqueeze()
    }

    fn n_outputs(&self) -> usize {
        1
    }

    fn min_length(&self) -> usize {
        1
    }
}

/// Rows of numbers.
struct Rows(Array2<f32>);

impl Dataset for Rows {
    type Input = Tensor<2>;

    fn len(&self) -> usize {
        self.0.nrows()
    }

    fn length(&self, _: usize) -> usize {
        self.0.ncols()
    }

    fn batch(&self, rows: &[usize], _: Option<&mut ChaCha8Rng>, device: &Device) -> Tensor<2> {
        let values: Vec<f32> = rows
            .iter()
            .flat_map(|&row| self.0.row(row))
            .copied()
            .collect();
        Tensor::from_data(
            TensorData::new(values, [rows.len(), self.0.ncols()]),
            device,
        )
    }
}

fn rows(columns: usize, values: &[f32]) -> Rows {
    let shape = (values.len() / columns, columns);
    Rows(Array2::from_shape_vec(shape, values.to_vec()).unwrap())
}

fn truth(values: &[f32]) -> TargetMatrix {
    let values = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
    TargetMatrix::new(values, vec!["y".into()]).unwrap()
}

/// Mean squared error, and its root as the score. Targets need not vary.
struct Squared(Regression);

impl Squared {
    fn new() -> Self {
        Self(Regression {
            score: Metric::Rmse,
            over: Over::Columns,
            ..Regression::default()
        })
    }
}

impl Objective for Squared {
    type Target = TargetMatrix;
    fn rows(&self, target: &TargetMatrix) -> usize {
        self.0.rows(target)
    }
    fn n_outputs(&self, target: &TargetMatrix) -> usize {
        self.0.n_outputs(target)
    }
    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, TargetMatrix>) -> Tensor<1> {
        self.0.loss(outputs, batch)
    }
    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        outputs
    }
    fn evaluate(&self, found: &Array2<f32>, y: &TargetMatrix) -> Result<Evaluation, TargetError> {
        self.0.evaluate(found, y)
    }
    fn score_name(&self) -> &str {
        self.0.score_name()
    }
    fn direction(&self) -> hairpin_targets::metrics::Direction {
        self.0.direction()
    }
}

/// Plain gradient descent at a constant rate; the best epoch is that of the lowest loss.
fn descent(epochs: usize, learning_rate: f64) -> FitConfig {
    FitConfig {
        epochs,
        batch_size: 1000,
        learning_rate,
        monitor: Monitor::Loss,
        max_gradient_norm: 0.0,
        optimizer: OptimizerConfig {
            kind: OptimizerKind::Sgd,
            momentum: 0.0,
            ..OptimizerConfig::default()
        },
        schedule: ScheduleConfig {
            kind: ScheduleKind::Constant,
            warmup_epochs: 0,
            ..ScheduleConfig::default()
        },
        ..FitConfig::default()
    }
}

fn train<O: Objective<Target = TargetMatrix> + Sync>(
    start: (&[f32], f32),
    objective: &O,
    train: Examples<'_, Rows, TargetMatrix>,
    config: &FitConfig,
    watch: Option<Watch<'_>>,
) -> Fitted<Line> {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path()).unwrap();
    let device = Device::flex();
    let build = |device: &Device| Ok::<_, ModelError>(Line::at(start.0, start.1, device));
    let valid = Examples::new(train.inputs, train.targets);
    // A closure of this function: what a session borrows lives as long as its folder.
    let mut watch = watch;
    let mut watch = |epoch: &Epoch| match &mut watch {
        Some(watch) => watch(epoch),
        None => ControlFlow::Continue(()),
    };
    let session = Session {
        watch: Some(&mut watch),
        ..Session::new(&run, &device)
    };
    let fitted = fit(build, objective, train, valid, config, session).unwrap();
    assert!((0.0..=1.0).contains(&fitted.waited), "{}", fitted.waited);
    fitted
}

fn close(found: f32, expected: f64) {
    let bound = 1e-5 * expected.abs().max(1.0);
    assert!(
        (f64::from(found) - expected).abs() < bound,
        "{found}, expected {expected}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn k_batches_accumulated_are_one_batch_k_times_as_large(
        values in proptest::collection::vec(-2.0f32..2.0, 24), k in 2usize..=4, seed: u64,
    ) {
        let (x, y) = (rows(1, &values[..12]), truth(&values[12..]));
        let end = |batch_size, accumulate| {
            let config = FitConfig { batch_size, accumulate, seed, ..descent(5, 0.05) };
            train((&[0.5], 0.1), &Squared::new(), Examples::new(&x, &y), &config, None)
        };
        // Whatever the order of rows, the parts of an epoch are all of them.
        let (whole, parts) = (end(12, 1), end(12 / k, k));
        close(parts.model.slope()[0], f64::from(whole.model.slope()[0]));
        close(parts.model.shift(), f64::from(whole.model.shift()));
        for (a, b) in parts.history.epochs.iter().zip(&whole.history.epochs) {
            close(a.train_loss as f32, b.train_loss);
            close(a.gradient_norm as f32, b.gradient_norm);
        }
    }

    #[test]
    fn rows_of_weight_0_are_as_good_as_absent(
        values in proptest::collection::vec(-2.0f32..2.0, 20),
        mut weights in proptest::collection::vec(prop_oneof![Just(0.0f32), 0.5f32..2.0], 10),
    ) {
        weights[0] = 1.0;
        let (x, y) = (rows(1, &values[..10]), truth(&values[10..]));
        let kept: Vec<usize> = (0..10).filter(|&row| weights[row] > 0.0).collect();
        let of = |list: &[f32]| kept.iter().map(|&row| list[row]).collect::<Vec<_>>();
        let (few_x, few_y) = (rows(1, &of(&values[..10])), truth(&of(&values[10..])));
        let few_weights = of(&weights);
        let all = Examples::new(&x, &y).with_weights(&weights);
        let few = Examples::new(&few_x, &few_y).with_weights(&few_weights);
        // The weights of the last epoch: the best is chosen on the rows, which differ.
        let config = FitConfig { keep_best: 6, ..descent(6, 0.05) };
        let end = |examples| {
            let fitted = train((&[0.5], 0.1), &Squared::new(), examples, &config, None);
            let last = fitted.best.iter().find(|kept| kept.epoch == 6).unwrap();
            (last.model.slope()[0], last.model.shift())
        };
        let (all, few) = (end(all), end(few));
        close(all.0, f64::from(few.0));
        close(all.1, f64::from(few.1));
    }
}

/// `w²` from 1, of which every step of gradient descent takes the same share: `w = (1 - 2 rate)^t`.
fn on_a_parabola(epochs: usize, average: AverageConfig) -> f32 {
    let (x, y) = (rows(1, &[1.0]), truth(&[0.0]));
    let config = FitConfig {
        average,
        groups: vec![ParameterGroup {
            rate_factor: 0.0,
            ..ParameterGroup::new("shift")
        }],
        ..descent(epochs, 0.1)
    };
    let fitted = train(
        (&[1.0], 0.0),
        &Squared::new(),
        Examples::new(&x, &y),
        &config,
        None,
    );
    assert_eq!(fitted.model.shift(), 0.0);
    fitted.model.slope()[0]
}

#[test]
fn averages_of_weights_on_a_parabola_are_those_of_the_formula() {
    let w = |t: i32| 0.8f64.powi(t);
    let average = |kind, start_epoch| AverageConfig {
        kind,
        decay: 0.6,
        start_epoch,
    };
    close(on_a_parabola(7, average(AverageKind::None, 1)), w(7));
    close(
        on_a_parabola(7, average(AverageKind::Swa, 4)),
        (w(4) + w(5) + w(6) + w(7)) / 4.0,
    );
    // Before its first epoch there is no average.
    close(on_a_parabola(3, average(AverageKind::Swa, 4)), w(3));
    let mut ema = w(2);
    for t in 3..=8 {
        let n = f64::from(t - 2);
        let keep = 0.6f64.min((1.0 + n) / (10.0 + n));
        ema = keep * ema + (1.0 - keep) * w(t);
    }
    close(on_a_parabola(8, average(AverageKind::Ema, 2)), ema);
}

#[test]
fn one_clipped_step_is_the_one_on_paper() {
    // One row x = (3, 4), y = 0 and w = (1, 1): the loss is 49, its gradient 2 (w x) x = (42, 56).
    let (x, y) = (rows(2, &[3.0, 4.0]), truth(&[0.0]));
    let step = |max_gradient_value, max_gradient_norm| {
        let config = FitConfig {
            max_gradient_value,
            max_gradient_norm,
            groups: vec![ParameterGroup {
                rate_factor: 0.0,
                ..ParameterGroup::new("shift")
            }],
            ..descent(1, 0.01)
        };
        let fitted = train(
            (&[1.0, 1.0], 0.0),
            &Squared::new(),
            Examples::new(&x, &y),
            &config,
            None,
        );
        let first = &fitted.history.epochs[0];
        assert_eq!(first.train_loss, 49.0);
        (fitted.model.slope(), first.gradient_norm)
    };
    // The shift has a gradient too, of 14, though it is frozen: it counts in the norm.
    let norm = |a: f64, b: f64, c: f64| (a * a + b * b + c * c).sqrt();
    let (free, found) = step(0.0, 0.0);
    close(free[0], 1.0 - 0.42);
    close(free[1], 1.0 - 0.56);
    close(found as f32, norm(42.0, 56.0, 14.0));
    let (by_value, found) = step(45.0, 0.0);
    close(by_value[0], 1.0 - 0.42);
    close(by_value[1], 1.0 - 0.45);
    close(found as f32, norm(42.0, 45.0, 14.0));
    // First by value, then by norm.
    let (by_both, found) = step(45.0, 10.0);
    let scale = 10.0 / norm(42.0, 45.0, 14.0);
    close(by_both[0], 1.0 - 0.42 * scale);
    close(by_both[1], 1.0 - 0.45 * scale);
    close(found as f32, norm(42.0, 45.0, 14.0));
    // A limit that is not reached changes nothing.
    assert_eq!(step(60.0, 1000.0), step(0.0, 0.0));
}

#[test]
fn a_group_of_rate_0_keeps_its_bytes_and_the_others_learn() {
    let (x, y) = (rows(1, &[1.0, 2.0, 3.0]), truth(&[2.0, 4.0, 7.0]));
    for kind in [
        OptimizerKind::Sgd,
        OptimizerKind::Adam,
        OptimizerKind::Adamw,
        OptimizerKind::Lion,
    ] {
        let frozen = |path: &str| {
            let config = FitConfig {
                optimizer: OptimizerConfig {
                    kind,
                    weight_decay: 0.1,
                    ..OptimizerConfig::default()
                },
                groups: vec![ParameterGroup {
                    rate_factor: 0.0,
                    ..ParameterGroup::new(path)
                }],
                ..descent(8, 0.01)
            };
            let fitted = train(
                (&[0.3], 0.7),
                &Squared::new(),
                Examples::new(&x, &y),
                &config,
                None,
            );
            (fitted.model.slope()[0], fitted.model.shift())
        };
        let (slope, shift) = frozen("^shift$");
        assert!(shift == 0.7 && slope != 0.3, "{kind:?}: {slope}, {shift}");
        let (slope, shift) = frozen("^slope$");
        assert!(shift != 0.7 && slope == 0.3, "{kind:?}: {slope}, {shift}");
    }
}

#[test]
fn several_devices_take_the_steps_of_one() {
    // Seven rows in batches of two: steps of three batches and of one.
    let x = rows(1, &[0.5, -1.0, 2.0, 0.1, -0.7, 1.5, 3.0]);
    let y = truth(&[1.0, 0.2, -0.4, 0.9, 0.0, 2.0, -1.0]);
    let config = FitConfig {
        batch_size: 2,
        accumulate: 3,
        ..descent(4, 0.05)
    };
    let train = |others: usize| {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path()).unwrap();
        let device = Device::flex();
        let session = Session {
            replicas: vec![Device::flex(); others],
            ..Session::new(&run, &device)
        };
        let build = |device: &Device| Ok::<_, ModelError>(Line::at(&[0.3], 0.1, device));
        let examples = Examples::new(&x, &y);
        fit(build, &Squared::new(), examples, examples, &config, session)
    };
    let one = train(0).unwrap();
    for others in [1, 2] {
        let many = train(others).unwrap();
        assert_eq!(many.model.slope(), one.model.slope(), "{others} more");
        assert_eq!(many.model.shift(), one.model.shift(), "{others} more");
        for (many, one) in many.history.epochs.iter().zip(&one.history.epochs) {
            assert_eq!(many.train_loss, one.train_loss, "{others} more");
        }
    }
    let refused = train(3).unwrap_err().to_string();
    assert!(
        refused.contains("accumulate") && refused.contains("at least 4"),
        "{refused}"
    );
}

/// Epochs whose losses and scores are written down.
struct Script<'a> {
    epochs: &'a [(f64, f64)],
    next: AtomicUsize,
}

impl Objective for Script<'_> {
    type Target = TargetMatrix;
    fn rows(&self, target: &TargetMatrix) -> usize {
        target.n_rows()
    }
    fn n_outputs(&self, _: &TargetMatrix) -> usize {
        1
    }
    fn loss(&self, outputs: Tensor<2>, _: TargetBatch<'_, TargetMatrix>) -> Tensor<1> {
        outputs.mean()
    }
    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        outputs
    }
    fn evaluate(&self, _: &Array2<f32>, _: &TargetMatrix) -> Result<Evaluation, TargetError> {
        let (loss, score) = self.epochs[self.next.fetch_add(1, Ordering::Relaxed)];
        Ok(Evaluation { loss, score })
    }
    fn score_name(&self) -> &str {
        "script"
    }
}

/// Runs the script: how it ended, after how many epochs, and which it kept, best first.
fn scripted(
    epochs: &[(f64, f64)],
    change: impl Fn(&mut FitConfig),
    watch: Option<Watch<'_>>,
) -> (Ended, usize, Vec<usize>) {
    let (x, y) = (rows(1, &[1.0, 2.0]), truth(&[0.0, 0.0]));
    let mut config = descent(epochs.len(), 0.01);
    change(&mut config);
    let script = Script {
        epochs,
        next: AtomicUsize::new(0),
    };
    let start = (&[1.0][..], 0.0);
    let fitted = train(start, &script, Examples::new(&x, &y), &config, watch);
    // The loss is linear: each epoch's weights say which epoch's they are.
    for kept in &fitted.best {
        close(kept.model.shift(), -0.01 * kept.epoch as f64);
    }
    assert_eq!(fitted.model.shift(), fitted.best[0].model.shift());
    let kept = fitted.best.iter().map(|kept| kept.epoch).collect();
    (fitted.ended, fitted.history.epochs.len(), kept)
}

const NAN: f64 = f64::NAN;
/// Losses fall until epoch 5, scores rise until epoch 2.
const EPOCHS: [(f64, f64); 9] = [
    (5.0, 0.5),
    (4.0, 0.9),
    (3.0, 0.7),
    (NAN, NAN),
    (1.0, 0.9),
    (2.0, 0.8),
    (2.5, 0.1),
    (1.0, 0.2),
    (9.0, 0.3),
];

#[test]
fn early_stopping_waits_for_what_is_monitored() {
    let stopped = |monitor, patience| {
        let (ended, epochs, _) = scripted(
            &EPOCHS,
            |config| (config.monitor, config.patience) = (monitor, patience),
            None,
        );
        (ended, epochs)
    };
    assert_eq!(stopped(Monitor::Loss, 0), (Ended::Epochs, 9));
    assert_eq!(stopped(Monitor::Score, 0), (Ended::Epochs, 9));
    // Epoch 8 is as good as epoch 5 and no better.
    assert_eq!(stopped(Monitor::Loss, 3), (Ended::Patience, 8));
    assert_eq!(stopped(Monitor::Loss, 1), (Ended::Patience, 4));
    assert_eq!(stopped(Monitor::Score, 3), (Ended::Patience, 5));
    assert_eq!(stopped(Monitor::Score, 8), (Ended::Epochs, 9));
}

#[test]
fn the_best_epochs_are_kept_in_order() {
    let kept = |monitor, keep_best| {
        scripted(
            &EPOCHS,
            |config| (config.monitor, config.keep_best) = (monitor, keep_best),
            None,
        )
        .2
    };
    // Of equals the earlier; an epoch that has no number comes last.
    assert_eq!(kept(Monitor::Loss, 1), [5]);
    assert_eq!(kept(Monitor::Loss, 4), [5, 8, 6, 7]);
    assert_eq!(kept(Monitor::Loss, 100), [5, 8, 6, 7, 3, 2, 1, 9, 4]);
    // Of equal scores the lower loss.
    assert_eq!(kept(Monitor::Score, 1), [5]);
    assert_eq!(kept(Monitor::Score, 3), [5, 2, 6]);
    assert_eq!(kept(Monitor::Score, 9), [5, 2, 6, 3, 1, 9, 8, 7, 4]);
}

#[test]
fn whoever_watches_sees_every_epoch_and_ends_the_run() {
    let mut seen = Vec::new();
    let mut watch = |epoch: &Epoch| {
        seen.push((epoch.epoch, epoch.valid_loss));
        match epoch.epoch {
            3 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    let found = scripted(&EPOCHS, |_| (), Some(&mut watch));
    assert_eq!(found, (Ended::Watch, 3, vec![3]));
    assert_eq!(seen, [(1, 5.0), (2, 4.0), (3, 3.0)]);
}
