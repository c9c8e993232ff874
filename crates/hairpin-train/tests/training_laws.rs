//! What `fit` and `predict` promise, on strings whose classes a small network can tell apart in a second.

use burn::tensor::{Device, Tensor};
use hairpin_models::{ModelError, Norm, SequenceLstm, SequenceLstmConfig};
use hairpin_seq::{Dna, OneHot, Seq};
use hairpin_targets::{ClassLabels, TargetError};
use hairpin_train::{
    Classification, Evaluation, Examples, FitConfig, Fitted, Objective, Precision, RunDir,
    SequenceDataset, Session, Stop, TargetBatch, TrainError, fit, predict,
};
use ndarray::Array2;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Strings of lengths 6 to 24; class 0 repeats AC, class 1 repeats GT.
fn strings(count: usize) -> (Vec<Seq<Dna>>, ClassLabels) {
    let text = |row: usize| ["AC", "GT"][row % 2].repeat(3 + (row * 7) % 10);
    let sequences = (0..count).map(|row| text(row).parse().unwrap()).collect();
    let labels = ClassLabels::new((0..count).map(|row| row % 2).collect(), 2).unwrap();
    (sequences, labels)
}

fn build(device: &Device) -> Result<SequenceLstm, ModelError> {
    SequenceLstmConfig::new(4, 2)
        .with_conv_channels(4)
        .with_d_hidden(4)
        .with_d_dense(4)
        .with_dropout(0.2)
        .with_norm(Norm::Batch)
        .init(device)
}

fn config() -> FitConfig {
    FitConfig {
        epochs: 6,
        batch_size: 4,
        learning_rate: 0.01,
        ..FitConfig::default()
    }
}

/// An objective that does something to the outputs of the `n`-th batch of training, counted from 1.
struct At<'a, O, F> {
    inner: &'a O,
    seen: AtomicUsize,
    then: F,
}

impl<O: Objective<Target = ClassLabels>, F: Fn(usize, Tensor<2>) -> Tensor<2> + Sync> Objective
    for At<'_, O, F>
{
    type Target = ClassLabels;
    fn rows(&self, target: &ClassLabels) -> usize {
        self.inner.rows(target)
    }
    fn n_outputs(&self, target: &ClassLabels) -> usize {
        self.inner.n_outputs(target)
    }
    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, ClassLabels>) -> Tensor<1> {
        let seen = 1 + self.seen.fetch_add(1, Ordering::Relaxed);
        self.inner.loss((self.then)(seen, outputs), batch)
    }
    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        self.inner.activate(outputs)
    }
    fn evaluate(
        &self,
        predictions: &Array2<f32>,
        target: &ClassLabels,
    ) -> Result<Evaluation, TargetError> {
        self.inner.evaluate(predictions, target)
    }
    fn score_name(&self) -> &str {
        self.inner.score_name()
    }
}

/// Trains on 16 strings and judges by the same; `then` sees the outputs of every batch of training.
fn train<O: Objective<Target = ClassLabels> + Sync>(
    objective: &O,
    config: &FitConfig,
    run: &RunDir,
    resume: bool,
    stop: &Stop,
    then: impl Fn(usize, Tensor<2>) -> Tensor<2> + Sync,
) -> Result<Fitted<SequenceLstm>, TrainError> {
    let (sequences, labels) = strings(16);
    let inputs = SequenceDataset::new(&sequences, OneHot::default());
    let objective = At {
        inner: objective,
        seen: AtomicUsize::new(0),
        then,
    };
    let examples = Examples::new(&inputs, &labels);
    fit(
        build,
        &objective,
        examples,
        examples,
        config,
        Session {
            origin: vec![("data".into(), "toy".into())],
            resume,
            checkpoint_every: std::time::Duration::ZERO,
            stop: stop.clone(),
            ..Session::new(run, &Device::flex())
        },
    )
}

fn folder() -> (tempfile::TempDir, RunDir) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path().join("run")).unwrap();
    (folder, run)
}

fn probabilities(fitted: &Fitted<SequenceLstm>) -> Array2<f32> {
    let (sequences, _) = strings(16);
    let inputs = SequenceDataset::new(&sequences, OneHot::default());
    predict(
        &fitted.model,
        &Classification::default(),
        &inputs,
        4,
        &Device::flex(),
    )
    .unwrap()
}

/// Burn's generator, which dropout draws from, belongs to the process: one run at a time.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[test]
fn the_returned_weights_are_those_of_the_best_epoch() {
    let _alone = alone();
    let (_folder, run) = folder();
    // A rate this high makes the loss go up and down.
    let config = FitConfig {
        learning_rate: 0.2,
        epochs: 12,
        ..config()
    };
    let fitted = train(
        &Classification::default(),
        &config,
        &run,
        false,
        &Stop::default(),
        |_, x| x,
    )
    .unwrap();
    let best = fitted.history.best().unwrap();
    let (_, labels) = strings(16);
    let found = Classification::default()
        .evaluate(&probabilities(&fitted), &labels)
        .unwrap();
    assert_eq!(
        (found.loss, found.score),
        (best.valid_loss, best.valid_score)
    );
    for epoch in &fitted.history.epochs {
        assert!(
            (epoch.valid_score, -epoch.valid_loss) <= (best.valid_score, -best.valid_loss),
            "epoch {} was better",
            epoch.epoch
        );
    }
}

#[test]
fn products_of_a_lower_type_train_to_nearly_the_same_network() {
    let _alone = alone();
    let (sequences, labels) = strings(16);
    let inputs = SequenceDataset::new(&sequences, OneHot::default());
    let examples = Examples::new(&inputs, &labels);
    let build = |device: &Device| {
        let config = SequenceLstmConfig::new(4, 2)
            .with_conv_channels(4)
            .with_d_hidden(4)
            .with_dropout(0.0)
            .with_norm(Norm::None);
        config.init(device)
    };
    let trained = |precision| {
        let (_folder, run) = folder();
        let config = FitConfig {
            precision,
            ..config()
        };
        let device = Device::flex();
        let session = Session::new(&run, &device);
        let objective = Classification::default();
        fit(build, &objective, examples, examples, &config, session).unwrap()
    };
    let full = trained(Precision::F32);
    for (precision, bound) in [(Precision::Bf16, 0.05), (Precision::F16, 0.005)] {
        let lower = trained(precision);
        let epochs = lower.history.epochs.iter().zip(&full.history.epochs);
        let apart = epochs.map(|(a, b)| (a.train_loss / b.train_loss - 1.0).abs());
        let apart = apart.fold(0.0, f64::max);
        assert!(apart > 0.0 && apart < bound, "{precision:?}: {apart}");
    }
}

#[test]
fn a_step_whose_gradients_are_too_large_for_f16_is_left_out() {
    let _alone = alone();
    let (sequences, labels) = strings(16);
    let inputs = SequenceDataset::new(&sequences, OneHot::default());
    let examples = Examples::new(&inputs, &labels);
    let norms = |precision| {
        let (_folder, run) = folder();
        let objective = At {
            inner: &Classification::default(),
            seen: AtomicUsize::new(0),
            then: |_, x: Tensor<2>| x * 1000.0,
        };
        // Eight steps each; the weights hardly move.
        let config = FitConfig {
            precision,
            batch_size: 2,
            epochs: 8,
            learning_rate: 1e-6,
            ..config()
        };
        let device = Device::flex();
        let session = Session::new(&run, &device);
        let fitted = fit(build, &objective, examples, examples, &config, session).unwrap();
        let epochs = fitted.history.epochs.iter();
        epochs.map(|epoch| epoch.gradient_norm).collect::<Vec<_>>()
    };
    let (half, full) = (norms(Precision::F16), norms(Precision::F32));
    assert!(half[0] < 0.5 * full[0], "{half:?}, {full:?}");
    // Once the loss is scaled by little enough, every step is taken.
    assert!((half[7] / full[7] - 1.0).abs() < 0.05, "{half:?}, {full:?}");
}

#[test]
fn predictions_are_in_the_order_of_the_examples_whatever_the_batches() {
    let device = Device::flex();
    let model = {
        let _alone = alone();
        build(&device).unwrap()
    };
    let (sequences, _) = strings(13);
    let inputs = SequenceDataset::new(&sequences, OneHot::default());
    let one = predict(&model, &Classification::default(), &inputs, 1, &device).unwrap();
    for batch_size in [2, 5, 13, 100] {
        let many = predict(
            &model,
            &Classification::default(),
            &inputs,
            batch_size,
            &device,
        )
        .unwrap();
        for (a, b) in one.iter().zip(&many) {
            assert!((a - b).abs() < 1e-5, "batches of {batch_size}: {a} and {b}");
        }
    }
    let none: Vec<Seq<Dna>> = Vec::new();
    let inputs = SequenceDataset::new(&none, OneHot::default());
    let found = predict(&model, &Classification::default(), &inputs, 4, &device).unwrap();
    assert_eq!(found.dim(), (0, 2));
}

#[test]
fn a_run_that_is_stopped_anywhere_and_resumed_ends_with_the_same_numbers() {
    let _alone = alone();
    let (_folder, run) = folder();
    let whole = train(
        &Classification::default(),
        &config(),
        &run,
        false,
        &Stop::default(),
        |_, x| x,
    )
    .unwrap();
    // 4 batches an epoch: in the first epoch, later, in the middle and at an epoch's end, at the very end.
    for at in [1, 3, 6, 9, 16, 24] {
        let (_folder, run) = folder();
        let stop = Stop::default();
        let asked = stop.clone();
        let error = train(
            &Classification::default(),
            &config(),
            &run,
            false,
            &stop,
            move |batch, x| {
                if batch == at {
                    asked.request();
                }
                x
            },
        );
        let stopped = match error {
            // Asked in the last batch of an epoch, the run stops at the next one's start, and of all at its end.
            Ok(_) => {
                assert_eq!(at, 24);
                continue;
            }
            Err(error) => error,
        };
        assert!(
            matches!(stopped, TrainError::Interrupted { .. }),
            "{stopped}"
        );
        let again = train(
            &Classification::default(),
            &config(),
            &run,
            false,
            &Stop::default(),
            |_, x| x,
        );
        assert!(matches!(again, Err(TrainError::CheckpointInTheWay { .. })));
        let resumed = train(
            &Classification::default(),
            &config(),
            &run,
            true,
            &Stop::default(),
            |_, x| x,
        )
        .unwrap();
        assert_eq!(
            probabilities(&whole),
            probabilities(&resumed),
            "stopped at batch {at}"
        );
        let losses = |fitted: &Fitted<SequenceLstm>| {
            let epochs = fitted.history.epochs.iter();
            epochs
                .map(|e| (e.train_loss, e.valid_loss, e.best))
                .collect::<Vec<_>>()
        };
        assert_eq!(losses(&whole), losses(&resumed));
    }
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let _alone = alone();
    let (_folder, run) = folder();
    let stop = Stop::default();
    let asked = stop.clone();
    let stopped = train(
        &Classification::default(),
        &config(),
        &run,
        false,
        &stop,
        move |batch, x| {
            if batch == 10 {
                asked.request();
            }
            x
        },
    );
    assert!(matches!(
        stopped,
        Err(TrainError::Interrupted { epoch: 3, .. })
    ));
    let again = || {
        let stop = Stop::default();
        let found = train(
            &Classification::default(),
            &config(),
            &run,
            true,
            &stop,
            |_, x| x,
        );
        found.map(|fitted| probabilities(&fitted))
    };
    // The newest, and the one before it, from which a damaged one is made up for.
    let folders =
        ["step-000010", "step-000009"].map(|name| run.file(RunDir::CHECKPOINT).join(name));
    let damage = |folder: &Path, name: &str, bytes: Option<&[u8]>| match bytes {
        Some(bytes) => std::fs::write(folder.join(name), bytes).unwrap(),
        None => std::fs::remove_file(folder.join(name)).unwrap(),
    };
    for name in ["model.bpk", "best-1.bpk", "optimizer.bpk", "state.json"] {
        let own = folders
            .each_ref()
            .map(|folder| std::fs::read(folder.join(name)).unwrap());
        for half in [
            Some(&own[0][..own[0].len() / 2]),
            Some(b""),
            Some(b"{}"),
            None,
        ] {
            for folder in &folders {
                damage(folder, name, half);
            }
            let error = again().unwrap_err();
            if (name, half) == ("state.json", Some(b"{}")) {
                assert!(
                    matches!(error, TrainError::CheckpointFormat { .. }),
                    "{error}"
                );
            } else {
                assert!(
                    matches!(error, TrainError::CheckpointBroken { .. }),
                    "{name}: {error}"
                );
                assert!(error.to_string().contains(name), "{error}");
                assert_eq!(half.is_none(), error.to_string().contains("is missing"));
            }
            for (folder, own) in folders.iter().zip(&own) {
                damage(folder, name, Some(own));
            }
        }
    }
    damage(&folders[0], "model.bpk", Some(b""));
    let whole = {
        let (_folder, run) = self::folder();
        let stop = Stop::default();
        probabilities(
            &train(
                &Classification::default(),
                &config(),
                &run,
                false,
                &stop,
                |_, x| x,
            )
            .unwrap(),
        )
    };
    assert_eq!(again().unwrap(), whole);
    let log = std::fs::read_to_string(run.file(RunDir::LOG)).unwrap();
    assert!(log.contains("passed over a checkpoint"), "{log}");
}

#[test]
fn a_loss_that_is_not_a_number_stops_the_run_and_keeps_what_was_learnt() {
    let _alone = alone();
    let (_folder, run) = folder();
    let error = train(
        &Classification::default(),
        &config(),
        &run,
        false,
        &Stop::default(),
        |batch, input| {
            if batch < 7 {
                return input;
            }
            input * f32::NAN
        },
    )
    .unwrap_err();
    assert!(
        matches!(error, TrainError::Diverged { epoch: 2, batch: 3, loss } if loss.is_nan()),
        "{error}"
    );
    assert!(run.file(RunDir::CHECKPOINT).join("step-000006").is_dir());
}

/// Classification whose score never moves.
struct Level;

impl Objective for Level {
    type Target = ClassLabels;
    fn rows(&self, target: &ClassLabels) -> usize {
        target.len()
    }
    fn n_outputs(&self, target: &ClassLabels) -> usize {
        target.n_classes()
    }
    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, ClassLabels>) -> Tensor<1> {
        Classification::default().loss(outputs, batch)
    }
    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        Classification::default().activate(outputs)
    }
    fn evaluate(&self, _: &Array2<f32>, _: &ClassLabels) -> Result<Evaluation, TargetError> {
        Ok(Evaluation {
            loss: 1.0,
            score: 0.5,
        })
    }
    fn score_name(&self) -> &str {
        "nothing"
    }
}

#[test]
fn patience_ends_a_run_whose_score_does_not_move() {
    let _alone = alone();
    let (_folder, run) = folder();
    let config = FitConfig {
        patience: 3,
        epochs: 20,
        ..config()
    };
    let fitted = train(&Level, &config, &run, false, &Stop::default(), |_, x| x).unwrap();
    assert_eq!(fitted.history.epochs.len(), 4);
    assert_eq!(fitted.history.best().unwrap().epoch, 1);
}

#[test]
fn clipping_bounds_the_step_and_not_the_report() {
    let _alone = alone();
    let trained = |max_gradient_norm, learning_rate| {
        let (_folder, run) = folder();
        let config = FitConfig {
            max_gradient_norm,
            learning_rate,
            epochs: 1,
            ..config()
        };
        let stop = Stop::default();
        let fitted = train(
            &Classification::default(),
            &config,
            &run,
            false,
            &stop,
            |_, x| x,
        )
        .unwrap();
        let norm = fitted.history.epochs[0].gradient_norm;
        (norm, probabilities(&fitted))
    };
    let furthest = |a: &Array2<f32>, b: &Array2<f32>| {
        let distances = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        distances.fold(0f32, f32::max)
    };
    let (_, untrained) = trained(0.0, 1e-12);
    let (norm, free) = trained(0.0, 0.01);
    // Adam's epsilon makes a vanishing gradient a vanishing step.
    let (clipped_norm, clipped) = trained(1e-12, 0.01);
    assert!(norm > 0.01);
    assert!(
        clipped_norm > 0.01,
        "the norm is reported before it is clipped"
    );
    assert_ne!(free, clipped);
    assert!(
        furthest(&untrained, &clipped) < 1e-4,
        "a clipped step moved the weights"
    );
    assert!(furthest(&untrained, &free) > 1e-3);
}

#[test]
fn rows_that_do_not_fit_together_are_refused() {
    let device = Device::flex();
    let (_folder, run) = folder();
    let (sequences, labels) = strings(8);
    let fit_on = |sequences: &[Seq<Dna>], labels: &ClassLabels| {
        let inputs = SequenceDataset::new(sequences, OneHot::default());
        let examples = Examples::new(&inputs, labels);
        let session = Session::new(&run, &device);
        fit(
            build,
            &Classification::default(),
            examples,
            examples,
            &config(),
            session,
        )
        .unwrap_err()
    };
    assert!(matches!(
        fit_on(&sequences[..5], &labels),
        TrainError::RowsDiffer {
            inputs: 5,
            targets: 8
        }
    ));
    let none = ClassLabels::new(Vec::new(), 2).unwrap();
    assert!(matches!(
        fit_on(&[], &none),
        TrainError::NoRows { part: "training" }
    ));
    let short: Vec<Seq<Dna>> = vec!["ACGT".parse().unwrap(), "AC".parse().unwrap()];
    let labels = ClassLabels::new(vec![0, 1], 2).unwrap();
    assert!(matches!(
        fit_on(&short, &labels),
        TrainError::TooShort {
            row: 1,
            length: 2,
            minimum: 3
        }
    ));
}
