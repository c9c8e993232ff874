//! Laws of models that answer at every position: their objective, their dataset, and what the loop makes of them.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use hairpin_models::{Model, PerBase, PerBaseConfig, PerBaseInput};
use hairpin_seq::augment::GaussianNoise;
use hairpin_targets::Folds;
use hairpin_train::explain::{IntegratedGradients, of_example};
use hairpin_train::{
    Dataset, Device, Examples, FitConfig, Objective, OptimizerConfig, OptimizerKind,
    PerBaseDataset, PerBaseFeatures, PositionRegression, PositionTargets, RunDir, Session,
    TargetBatch, TrainError, fit, out_of_fold, predict, predict_augmented,
};
use ndarray::{Array2, Array3, array, s};
use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

fn names(columns: usize) -> Vec<String> {
    (0..columns).map(|column| format!("c{column}")).collect()
}

fn random(rng: &mut ChaCha8Rng, rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_simple_fn((rows, columns), || rng.random_range(-1.0f32..1.0))
}

/// Answers as the padded outputs of a batch; what stands in padding is not zero.
fn padded(answers: &[&Array2<f32>], length: usize, device: &Device) -> Tensor<3> {
    let columns = answers[0].ncols();
    let mut all = Vec::new();
    for own in answers {
        all.extend(own.iter());
        all.resize(all.len() + (length - own.nrows()) * columns, f32::NAN);
    }
    Tensor::from_data(
        TensorData::new(all, [answers.len(), length, columns]),
        device,
    )
}

fn scalar(loss: Tensor<1>) -> f64 {
    f64::from(loss.into_scalar::<f32>())
}

/// MCRMSE with weights, as it is written on paper.
fn mcrmse(triples: &[(f32, f32, f32)], columns: usize) -> f64 {
    let of = |column: usize| {
        let own = triples.iter().skip(column).step_by(columns);
        let (sum, total) = own.fold((0.0, 0.0), |(sum, total), &(x, y, w)| {
            let d = f64::from(x) - f64::from(y);
            (sum + f64::from(w) * d * d, total + f64::from(w))
        });
        (sum / total).sqrt()
    };
    (0..columns).map(of).sum::<f64>() / columns as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The first positions are those of shorter lists of values and weights.
    #[test]
    fn the_first_positions_are_as_if_no_others_had_been_scored(seed in 0u64..1000, first in 0usize..7) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let scored: Vec<usize> = (0..4).map(|_| rng.random_range(0..6)).collect();
        let values: Vec<_> = scored.iter().map(|&n| random(&mut rng, n, 2)).collect();
        let weights: Vec<_> = scored.iter().map(|&n| random(&mut rng, n, 2).mapv(f32::abs)).collect();
        let of = |values: &[Array2<f32>], weights: &[Array2<f32>]| {
            PositionTargets::new(values, names(2)).unwrap().with_weights(weights).unwrap()
        };
        let cut = |own: &[Array2<f32>]| -> Vec<Array2<f32>> {
            own.iter().map(|own| own.slice(s![..own.nrows().min(first), ..]).to_owned()).collect()
        };
        let found = of(&values, &weights).first(first);
        let expected = of(&cut(&values), &cut(&weights));
        prop_assert_eq!(found.matrix().values(), expected.matrix().values());
        prop_assert_eq!(found.weights(), expected.weights());
        for (row, &scored) in scored.iter().enumerate() {
            prop_assert_eq!(found.scored(row), scored.min(first));
        }
    }

    /// Padding, unscored positions and the rows' order have no part in the loss, and a batch of all rows has the loss of the split.
    #[test]
    fn the_loss_is_that_of_the_scored_values(seed in 0u64..1000, extra in 0usize..4) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let lengths: Vec<usize> = (0..5).map(|_| rng.random_range(1..9)).collect();
        let scored: Vec<usize> = lengths.iter().map(|&n| rng.random_range(1..=n)).collect();
        let answers: Vec<_> = lengths.iter().map(|&n| random(&mut rng, n, 2)).collect();
        let targets: Vec<_> = scored.iter().map(|&n| random(&mut rng, n, 2)).collect();
        let weights: Vec<_> = scored.iter().map(|&n| random(&mut rng, n, 2).mapv(|w| w + 1.1)).collect();
        let of_rows = [1.0f32, 0.5, 2.0, 3.0, 0.25];
        let triples: Vec<(f32, f32, f32)> = (0..5).flat_map(|row| {
            let (x, y, w) = (&answers[row], &targets[row], &weights[row]);
            let own: Vec<_> = y.indexed_iter().map(|(at, &y)| (x[at], y, w[at] * of_rows[row])).collect();
            own
        }).collect();
        let known = PositionTargets::new(&targets, names(2)).unwrap().with_weights(&weights).unwrap();
        let objective = PositionRegression::default();
        let device = Device::flex();
        let rows = [3, 0, 4, 2, 1];
        let batch = TargetBatch { target: &known, rows: &rows, weights: Some(&of_rows) };
        let own: Vec<&Array2<f32>> = rows.iter().map(|&row| &answers[row]).collect();
        let found = scalar(objective.loss(padded(&own, 9 + extra, &device), batch));
        prop_assert!((found - mcrmse(&triples, 2)).abs() < 1e-5);

        let whole = objective.evaluate(&answers, &known).unwrap();
        let batch = TargetBatch { weights: None, ..batch };
        let found = scalar(objective.loss(padded(&own, 9, &device), batch));
        prop_assert!((found - whole.loss).abs() < 1e-5);
        let plain: Vec<_> = triples.iter().map(|&(x, y, _)| (x, y, 1.0)).collect();
        prop_assert!((whole.score - mcrmse(&plain, 2)).abs() < 1e-6);
    }
}

#[test]
fn what_is_not_scored_has_no_gradient() {
    let device = Device::flex().autodiff();
    let targets = [array![[1.0f32], [f32::NAN]], array![[0.5], [0.0], [2.0]]];
    let known = PositionTargets::new(&targets, names(1)).unwrap();
    let known = known
        .with_weights(&[array![[1.0], [9.0]], array![[1.0], [0.0], [1.0]]])
        .unwrap();
    let outputs = Tensor::<3>::ones([2, 4, 1], &device) * 5.0;
    let outputs = outputs.require_grad();
    let batch = TargetBatch {
        target: &known,
        rows: &[1, 0],
        weights: None,
    };
    let loss = PositionRegression::default().loss(outputs.clone(), batch);
    let grads = loss.backward();
    let slope = outputs.grad(&grads).unwrap().into_data();
    let slope = slope.try_into_vec::<f32>().unwrap();
    let moved: Vec<bool> = slope.iter().map(|&own| own != 0.0).collect();
    assert_eq!(moved, [true, false, true, false, true, false, false, false]);
}

#[test]
fn some_columns_are_scored_and_folds_keep_their_values() {
    let truth = [array![[0.0f32, 10.0]], array![[0.0, 0.0], [2.0, 1.0]]];
    let known = PositionTargets::new(&truth, names(2)).unwrap();
    let objective = PositionRegression {
        score_columns: vec!["c0".into()],
        ..Default::default()
    };
    let found = vec![array![[1.0f32, 0.0]], array![[1.0, 0.0], [3.0, 0.0]]];
    assert_eq!(objective.evaluate(&found, &known).unwrap().score, 1.0);
    let fold = known.select(&[1, 1, 0]).unwrap();
    assert_eq!((fold.n_rows(), fold.scored(0), fold.scored(2)), (3, 2, 1));
    let column = fold.matrix().values().column(0).to_vec();
    assert_eq!(column, [0.0, 2.0, 0.0, 2.0, 0.0]);
    assert!(known.select(&[2]).is_err());
    let other = PositionRegression {
        score_columns: vec!["c7".into()],
        ..Default::default()
    };
    let error = other.check(&known).unwrap_err().to_string();
    assert!(error.contains("\"c7\""), "{error}");
}

#[test]
fn molecules_and_targets_stand_below_others_with_their_weights() {
    let a = PositionTargets::new(&[array![[1.0f32, f32::NAN]]], names(2)).unwrap();
    let b = PositionTargets::new(&[array![[3.0f32, 4.0], [5.0, 6.0]]], names(2)).unwrap();
    let b = b.with_weights(&[array![[0.5, 0.25], [0.0, 1.0]]]).unwrap();
    let both = a.followed_by(&b).unwrap();
    assert_eq!((both.n_rows(), both.scored(0), both.scored(1)), (2, 1, 2));
    let expected = array![[1.0, 0.0], [0.5, 0.25], [0.0, 1.0]];
    assert_eq!(both.weights(), expected);
    let again = both.select(&[1]).unwrap();
    assert_eq!(again.matrix().values(), b.matrix().values());
    assert_eq!(again.weights(), b.weights());
    let narrow = PositionTargets::new(&[array![[1.0f32]]], names(1)).unwrap();
    assert!(a.followed_by(&narrow).is_err());

    let first = PerBaseDataset::new(vec![molecule(3, 0.0)]).unwrap();
    let other = PerBaseDataset::new(vec![molecule(5, 7.0), molecule(2, 0.0)]).unwrap();
    let joined = first.clone().followed_by(other).unwrap();
    assert_eq!((joined.len(), joined.length(1)), (3, 5));
    assert_eq!(joined.molecules()[1].x[[0, 0]], 7.0);
    let plain = PerBaseDataset::new(vec![PerBaseFeatures::new(Array2::zeros((3, 2)))]).unwrap();
    assert!(first.followed_by(plain).is_err());
}

#[test]
fn what_does_not_fit_is_refused_by_example() {
    let of = |error: TrainError| match error {
        TrainError::Example { row, what, .. } => (row, what),
        other => panic!("{other}"),
    };
    let good = array![[1.0f32], [2.0]];
    let targets = |second| PositionTargets::new(&[good.clone(), second], names(1));
    let error = targets(array![[1.0f32, 2.0]]).unwrap_err();
    assert_eq!(of(error), (1, "number of target columns"));
    assert!(targets(array![[f32::INFINITY]]).is_err());
    let known = targets(array![[1.0f32]]).unwrap();
    let weighted = |second| known.clone().with_weights(&[good.clone(), second]);
    let error = weighted(good.clone()).unwrap_err();
    assert_eq!(of(error), (1, "shape of the weights"));
    let error = weighted(array![[-1.0f32]]).unwrap_err();
    assert_eq!(of(error), (1, "weight of a value"));
    assert!(known.stack(std::slice::from_ref(&good)).is_err());
    assert!(known.stack(&[array![[1.0f32]], good.clone()]).is_err());
    let error = PositionRegression::default().check_lengths(&known, &[1, 5]);
    assert_eq!(of(error.unwrap_err()), (0, "number of scored positions"));

    let features = |length, pairs| {
        PerBaseFeatures::new(Array2::zeros((length, 3)))
            .with_pairs(Array3::zeros((pairs, length, length)))
    };
    let dataset = |second| PerBaseDataset::new(vec![features(4, 2), second]);
    let wider = PerBaseFeatures::new(Array2::zeros((4, 2)));
    assert_eq!(
        of(dataset(wider).unwrap_err()),
        (1, "shape of the features")
    );
    let error = dataset(features(5, 1)).unwrap_err();
    assert_eq!(of(error), (1, "shape of the pairs"));
    let mut bad = Array2::zeros((4, 3));
    bad[[3, 1]] = f32::NAN;
    let bad = PerBaseFeatures::new(bad).with_pairs(Array3::zeros((2, 4, 4)));
    assert_eq!(of(dataset(bad).unwrap_err()), (1, "value of a feature"));
    let dataset = dataset(features(5, 2)).unwrap();
    let other = vec![vec![], vec![features(6, 2)]];
    let error = dataset.clone().with_alternatives(other).unwrap_err();
    assert_eq!(of(error), (1, "shape of the features"));
    assert!(dataset.clone().with_alternatives(vec![]).is_err());
    assert!(dataset.with_reversal(1.5).is_err());
    assert!(PerBaseDataset::new(vec![]).is_err());
}

/// A molecule whose features are all different, under a structure that adds `shift` to them.
fn molecule(length: usize, shift: f32) -> PerBaseFeatures {
    let x = Array2::from_shape_fn((length, 2), |(i, c)| shift + (i * 2 + c) as f32);
    let pairs = Array3::from_shape_fn((1, length, length), |(_, i, j)| {
        shift + (i * 100 + j) as f32
    });
    PerBaseFeatures::new(x).with_pairs(pairs)
}

#[test]
fn training_sees_alternatives_from_either_end_and_prediction_the_molecule() {
    let device = Device::flex();
    let dataset = PerBaseDataset::new(vec![molecule(3, 0.0), molecule(5, 0.0)])
        .unwrap()
        .with_alternatives(vec![vec![molecule(3, 1000.0)], vec![]])
        .unwrap()
        .with_reversal(0.5)
        .unwrap();
    assert_eq!((dataset.channels(), dataset.n_pairs()), (2, 1));
    let mut seen = std::collections::BTreeSet::new();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for draw in 0..60 {
        let augment = (draw > 0).then_some(&mut rng);
        let batch = dataset.batch(&[1, 0], augment, &device);
        let x = batch.x.into_data().try_into_vec::<f32>().unwrap();
        let pairs = batch.pairs.unwrap().into_data();
        let pairs = pairs.try_into_vec::<f32>().unwrap();
        let turned = batch.reversed.as_ref().is_some_and(|rows| rows[1]);
        let shift = x[10 + usize::from(turned) * 4].min(x[10 + usize::from(!turned) * 4]);
        for i in 0..5 {
            let from = |i: usize| if turned { 2 - i } else { i };
            for c in 0..2 {
                let expected = if i < 3 {
                    shift + (from(i) * 2 + c) as f32
                } else {
                    0.0
                };
                assert_eq!(x[10 + i * 2 + c], expected);
            }
            for j in 0..5 {
                let inside = i < 3 && j < 3;
                let expected = if inside {
                    shift + (from(i) * 100 + from(j)) as f32
                } else {
                    0.0
                };
                assert_eq!(pairs[25 + i * 5 + j], expected);
            }
        }
        if draw == 0 {
            assert_eq!((shift, batch.reversed), (0.0, None));
        } else {
            seen.insert((shift as usize, turned));
        }
    }
    assert_eq!(seen.len(), 4, "{seen:?}");

    let noisy = dataset
        .select(&[1])
        .with_noise(GaussianNoise::new(0.1).unwrap());
    let values = |seed: Option<u64>| {
        let mut rng = seed.map(ChaCha8Rng::seed_from_u64);
        let batch = noisy.batch(&[0], rng.as_mut(), &device);
        batch.x.into_data().try_into_vec::<f32>().unwrap()
    };
    assert_eq!(values(Some(4)), values(Some(4)));
    assert!(values(Some(4)).iter().all(|value| value.fract() != 0.0));
    assert!(values(None).iter().all(|value| value.fract() == 0.0));

    // Whole positions are hidden, about as many as were asked for, and pairs and predictions are as they were.
    let plain = PerBaseDataset::new(vec![molecule(400, 1.0)]).unwrap();
    let masked = plain.clone().with_masking(0.25).unwrap();
    let both = |own: &PerBaseDataset, rng: Option<&mut ChaCha8Rng>| {
        let batch = own.batch(&[0], rng, &device);
        let read = |data: burn::tensor::TensorData| data.try_into_vec::<f32>().unwrap();
        (
            read(batch.x.into_data()),
            read(batch.pairs.unwrap().into_data()),
        )
    };
    let (x, pairs) = both(&masked, Some(&mut rng));
    let (all, all_pairs) = both(&plain, None);
    let hidden = x
        .chunks(2)
        .zip(all.chunks(2))
        .filter(|(seen, own)| seen != own);
    let hidden: Vec<_> = hidden.map(|(seen, _)| seen).collect();
    assert!(hidden.iter().all(|seen| **seen == [0.0, 0.0]));
    assert!((60..140).contains(&hidden.len()), "{}", hidden.len());
    assert_eq!(pairs, all_pairs);
    assert_eq!(both(&masked, None).0, all);
    assert!(plain.with_masking(1.5).is_err());
}

/// Molecules whose value at a position is its own feature plus twice that of the position it pairs with.
fn paired(rows: usize, seed: u64) -> (PerBaseDataset, PositionTargets) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut molecules, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let length = 2 * rng.random_range(4..8);
        let x = random(&mut rng, length, 1);
        // A hairpin: the first pairs with the last.
        let partner = |i: usize| length - 1 - i;
        let pairs = Array3::from_shape_fn((1, length, length), |(_, i, j)| {
            f32::from(u8::from(partner(i) == j))
        });
        let y = Array2::from_shape_fn((length - 2, 1), |(i, _)| {
            x[[i, 0]] + 2.0 * x[[partner(i), 0]]
        });
        molecules.push(PerBaseFeatures::new(x).with_pairs(pairs));
        targets.push(y);
    }
    (
        PerBaseDataset::new(molecules).unwrap(),
        PositionTargets::new(&targets, vec!["y".into()]).unwrap(),
    )
}

fn model(device: &Device) -> Result<PerBase, hairpin_models::ModelError> {
    PerBaseConfig::new(1, 1)
        .with_d_model(16)
        .with_conv_kernel(1)
        .with_dilations(vec![1])
        .with_attention_layers(1)
        .with_n_heads(2)
        .with_d_ff(16)
        .with_n_pairs(1)
        .with_recurrent_layers(0)
        .with_dropout(0.0)
        .init(device)
}

#[test]
fn the_loop_learns_who_pairs_with_whom_and_predicts_without_padding() {
    let device = Device::flex();
    let (train, known) = paired(96, 1);
    let (valid, truth) = paired(24, 2);
    let objective = PositionRegression::default();
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path()).unwrap();
    let config = FitConfig {
        epochs: 60,
        batch_size: 16,
        learning_rate: 0.01,
        optimizer: OptimizerConfig {
            kind: OptimizerKind::Adam,
            ..Default::default()
        },
        ..Default::default()
    };
    let train = train.with_reversal(0.5).unwrap();
    let examples = Examples::new(&train, &known);
    let validation = Examples::new(&valid, &truth);
    let session = Session::new(&run, &device);
    let fitted = fit(model, &objective, examples, validation, &config, session).unwrap();
    let all = |batch| predict(&fitted.model, &objective, &valid, batch, &device).unwrap();
    let found = all(7);
    let score = objective.evaluate(&found, &truth).unwrap().score;
    let spread = truth.matrix().values().std(0.0);
    assert!(
        f64::from(spread) > 1.0 && score < 0.35,
        "MCRMSE {score}, spread {spread}"
    );
    for (row, (own, alone)) in found.iter().zip(all(1)).enumerate() {
        assert_eq!(own.dim(), (valid.length(row), 1));
        assert!((own - &alone).iter().all(|d| d.abs() < 1e-4));
    }

    // Either direction is the same to this network, so that only rounding is left of the spread.
    let mixed = valid.clone().with_reversal(0.5).unwrap();
    let (mean, spread) =
        predict_augmented(&fitted.model, &objective, &mixed, 5, (4, 1), &device).unwrap();
    for (own, (mean, spread)) in found.iter().zip(mean.iter().zip(&spread)) {
        assert!((own - mean).iter().all(|d| d.abs() < 1e-4));
        assert!(spread.iter().all(|own| *own < 1e-4));
    }

    // A target at a position that a molecule does not have is refused before anything is trained.
    let long: Vec<Array2<f32>> = (0..96)
        .map(|row| Array2::from_elem((40, 1), row as f32))
        .collect();
    let long = PositionTargets::new(&long, vec!["y".into()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path()).unwrap();
    let session = Session::new(&run, &device);
    let examples = Examples::new(&train, &long);
    let error = fit(model, &objective, examples, validation, &config, session).unwrap_err();
    assert!(
        matches!(error, TrainError::Example { row: 0, .. }),
        "{error}"
    );
}

#[test]
fn an_answer_at_a_position_is_attributed_to_the_positions_it_depends_on() {
    let device = Device::flex();
    let (dataset, _) = paired(1, 4);
    let net = PerBaseConfig::new(1, 2)
        .with_d_model(8)
        .with_conv_kernel(3)
        .with_dilations(vec![2])
        .with_recurrent_layers(0)
        .init(&device)
        .unwrap()
        .valid();
    let batch = dataset.batch(&[0], None, &device);
    let (lengths, position) = (batch.lengths.clone(), 4);
    let at_position = |[x]: [Tensor<3>; 1]| {
        let rows = x.dims()[0];
        let lengths: Vec<usize> = lengths.iter().copied().cycle().take(rows).collect();
        let answers = net.forward(PerBaseInput::new(x, lengths));
        answers.narrow(1, position, 1).squeeze_dim::<2>(1)
    };
    let zeros = [[batch.x.zeros_like()]];
    let found = IntegratedGradients::default()
        .attribute(at_position, [batch.x], &zeros, 1)
        .unwrap();
    let values = of_example(&found.attributions[0], 0, dataset.length(0)).unwrap();
    // A convolution with taps two apart reads three positions.
    for (at, own) in values.outer_iter().enumerate() {
        assert!([2, 4, 6].contains(&at) || own.iter().all(|value| *value == 0.0));
    }
    let change = found.outputs[0] - found.baseline_outputs[0];
    assert!(change.abs() > 1e-4);
    assert!((f64::from(values.sum()) - change).abs() < 0.05 * change.abs().max(0.1));
}

#[test]
fn folds_of_molecules_are_put_together_again() {
    let device = Device::flex();
    let (dataset, known) = paired(9, 3);
    let objective = PositionRegression::default();
    let net = model(&device).unwrap();
    let whole = predict(&net, &objective, &dataset, 4, &device).unwrap();
    let folds = Folds::random(9, 3, 2, 5).unwrap();
    let found = out_of_fold(&folds, &[1, 2], |fold, _seed| {
        let part = dataset.select(&fold.test);
        assert_eq!(known.select(&fold.test).unwrap().n_rows(), fold.test.len());
        predict(&net, &objective, &part, 4, &device)
    })
    .unwrap();
    assert_eq!(found.by_seed.len(), 2);
    for (own, expected) in found.mean().iter().zip(&whole) {
        assert_eq!(own.dim(), expected.dim());
        assert!((own - expected).iter().all(|d| d.abs() < 1e-5));
    }
    let stacked = known.stack(&found.mean()).unwrap();
    assert_eq!(stacked.nrows(), known.matrix().n_rows());
    assert_eq!(
        stacked.slice(s![..1, ..]),
        found.mean()[0].slice(s![..1, ..])
    );
    // A differentiable model gives the same answers.
    let batch = dataset.batch(&[0], None, &device);
    assert_eq!(net.forward(batch).dims()[0], 1);
}
