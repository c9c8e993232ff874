//! Laws of the two towers that hold for any weights.

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_models::{
    Model, ModelError, PairInput, ResidueTowersConfig, SequenceInput, TwoTower, TwoTowerConfig,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

fn random<const D: usize>(dims: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = dims.iter().product();
    let values = (0..count).map(|_| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0);
    Tensor::from_data(TensorData::new(values.collect::<Vec<f32>>(), dims), device)
}

fn small() -> TwoTowerConfig {
    TwoTowerConfig::new(6, 3)
        .with_d_protein_hidden(8)
        .with_d_model(8)
        .with_n_heads(2)
        .with_n_layers(1)
        .with_d_ff(16)
        .with_rank(12)
        .with_max_length(20)
}

fn scores(model: &TwoTower, left: Tensor<2>, x: Tensor<3>, lengths: &[usize]) -> Vec<f32> {
    let input = PairInput {
        columns: (0..left.dims()[0]).collect(),
        left,
        right: SequenceInput::new(x, lengths),
    };
    model.forward(input).into_data().try_into_vec().unwrap()
}

fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found}, {expected}");
    }
}

#[test]
fn padding_and_the_other_members_of_a_block_change_nothing() {
    let device = Device::flex();
    let model = small().init(&device).unwrap();
    let left = random([3, 6], 1, &device);
    let x = random([2, 9, 9], 2, &device);
    let all = scores(&model, left.clone(), x.clone(), &[9, 5]);
    // What lies in the padding, and how long it is.
    let noise = random([2, 11, 9], 3, &device) * 50.0;
    let longer = Tensor::cat(vec![x.clone(), noise], 1);
    close(&scores(&model, left.clone(), longer, &[9, 5]), &all);
    for row in 0..2 {
        for column in 0..3 {
            let own_left = left.clone().slice(column..column + 1);
            let own = x.clone().slice(row..row + 1);
            let found = scores(&model, own_left, own, &[[9, 5][row]]);
            close(&found, &[all[row * 3 + column]]);
        }
    }
}

#[test]
fn a_score_is_a_cosine_times_the_scale() {
    let device = Device::flex();
    let model = small().init(&device).unwrap();
    let proteins = model.proteins(random([4, 6], 1, &device));
    let squares = proteins.clone().square().sum_dim(1).into_data();
    assert!(
        squares
            .iter::<f32>()
            .all(|square| (square - 1.0).abs() < 1e-5)
    );
    let itself = model.scores(proteins.clone(), proteins).into_data();
    let values: Vec<f32> = itself.iter::<f32>().collect();
    for index in 0..4 {
        assert!((values[index * 5] - 1.0).abs() < 1e-5);
    }
    assert!(values.iter().all(|value| value.abs() < 1.0 + 1e-5));
    assert_eq!(model.n_outputs(), 3);
    assert_eq!(model.with_n_proteins(44).n_outputs(), 44);
}

#[test]
fn a_mixture_scores_as_the_mean_of_the_known_proteins() {
    let device = Device::flex();
    let model = small().with_mixture(true).init(&device).unwrap();
    let x = random([5, 9, 9], 2, &device);
    let known = scores(&model, Tensor::eye(6, &device), x.clone(), &[9; 5]);
    let weights = [
        [0.5, 0.25, 0.0, 0.0, 0.0, 0.25],
        [0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
    ];
    let mixed = scores(&model, Tensor::from_data(weights, &device), x, &[9; 5]);
    let means = (0..10).map(|pair| {
        let (row, column) = (pair / 2, pair % 2);
        let own = &known[row * 6..][..6];
        own.iter()
            .zip(weights[column])
            .map(|(score, weight)| score * weight)
            .sum()
    });
    close(&mixed, &means.collect::<Vec<f32>>());
    // Unlike a protein whose vector goes through the tower.
    let through = small()
        .init(&device)
        .unwrap()
        .load_record(model.into_record());
    let x = random([5, 9, 9], 2, &device);
    let others = scores(&through, Tensor::from_data(weights, &device), x, &[9; 5]);
    assert!(
        (others[0] - mixed[0]).abs() > 1e-4,
        "{} {}",
        others[0],
        mixed[0]
    );
    close(&[others[1]], &[mixed[1]]);
}

#[test]
fn a_block_of_eight_rnas_is_learned_by_heart() {
    let device = Device::flex().autodiff();
    device.seed(1);
    let mut model = small().with_dropout(0.0).init(&device).unwrap();
    let targets: Tensor<2> = random([8, 3], 5, &device);
    let mut optimizer = AdamConfig::new().init();
    let mut losses = Vec::new();
    // Other tests draw from the same generator: the first weights are not always the same.
    for _ in 0..250 {
        let input = PairInput {
            left: random([3, 6], 1, &device),
            right: SequenceInput::new(random([8, 9, 9], 2, &device), vec![9; 8]),
            columns: vec![0, 1, 2],
        };
        let loss = (model.forward(input) - targets.clone()).square().mean();
        losses.push(loss.clone().into_scalar::<f32>());
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(0.02, model, grads);
    }
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    assert!(last < first / 4.0, "{first} to {last}");
    assert_eq!(model.valid().n_outputs(), 3);
}

#[test]
fn a_wrong_size_is_named() {
    let wrong = [
        (TwoTowerConfig::new(0, 3), "d_protein"),
        (TwoTowerConfig::new(6, 0), "n_proteins"),
        (small().with_n_heads(3), "d_model"),
        (small().with_n_heads(0), "n_heads"),
        (small().with_kernels(vec![5, 0, 3]), "kernels"),
        (small().with_dilations(vec![1]), "dilations"),
        (small().with_dropout(1.0), "dropout"),
        (small().with_rank(1 << 40), "rank"),
    ];
    for (config, expected) in wrong {
        match config.init(&Device::flex()) {
            Err(ModelError::OutOfRange { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn residues_that_are_padding_or_between_domains_change_nothing() {
    let device = Device::flex();
    let config = ResidueTowersConfig::new(5, small());
    let model = config.init(&device).unwrap();
    let x: Tensor<3> = random([2, 9, 5], 1, &device);
    let proteins = SequenceInput::new(x.clone(), vec![9, 4]);
    let whole = model.residues.forward(&proteins, None);
    assert_eq!(whole.dims(), [2, 6]);
    let values = |found: Tensor<2>| -> Vec<f32> { found.into_data().try_into_vec().unwrap() };
    let weights = values(model.residues.weights(&proteins, None));
    assert!(weights[13..].iter().all(|weight| *weight == 0.0));
    for row in weights.chunks(9) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    // Longer padding, and what lies in it.
    let noise = random([2, 3, 5], 2, &device) * 50.0;
    let longer = Tensor::cat(vec![x.clone(), noise], 1);
    let longer = SequenceInput::new(longer, vec![9, 4]);
    close(
        &values(model.residues.forward(&longer, None)),
        &values(whole),
    );
    // Of a protein of which only the first four are in a domain, the rest may be anything.
    let outside = Tensor::from_data(
        [[false, false, false, false, true, true, true, true, true]; 2],
        &device,
    );
    let inside = model.residues.forward(&proteins, Some(outside));
    let alone = SequenceInput::new(x.slice([0..2, 0..4, 0..5]), vec![4, 4]);
    close(
        &values(inside),
        &values(model.residues.forward(&alone, None)),
    );
    for (wrong, expected) in [
        (ResidueTowersConfig::new(0, small()), "d_residue"),
        (
            ResidueTowersConfig::new(5, small().with_mixture(true)),
            "mixture",
        ),
        (ResidueTowersConfig::new(5, small().with_rank(0)), "rank"),
    ] {
        match wrong.init(&device) {
            Err(ModelError::OutOfRange { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}
