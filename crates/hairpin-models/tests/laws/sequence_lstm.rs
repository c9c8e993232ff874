//! Laws of the network: padding and batch change nothing, eight rows are learnt by heart, weights survive a file.

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamConfig, GradientsParams};
use burn::store::ModuleRecord;
use burn::tensor::{Device, Int, Tensor, TensorData};
use hairpin_models::{Model, ModelError, Norm, Pooling, SequenceInput, SequenceLstmConfig};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One-hot strings of the given lengths in a batch `width` long.
fn strings(lengths: &[usize], width: usize, device: &Device) -> SequenceInput {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut x = vec![0f32; lengths.len() * width * 4];
    for (row, &own) in lengths.iter().enumerate() {
        for position in 0..own {
            x[(row * width + position) * 4 + rng.next_u32() as usize % 4] = 1.0;
        }
    }
    let x = Tensor::from_data(TensorData::new(x, [lengths.len(), width, 4]), device);
    SequenceInput::new(x, lengths.to_vec())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap()
}

fn variants() -> impl Iterator<Item = SequenceLstmConfig> {
    [Pooling::Last, Pooling::Mean, Pooling::Max, Pooling::MeanMax]
        .into_iter()
        .flat_map(|pooling| {
            [0, 6].map(|conv| {
                SequenceLstmConfig::new(4, 5)
                    .with_conv_channels(conv)
                    .with_d_hidden(7)
                    .with_pooling(pooling)
            })
        })
}

#[test]
fn the_last_state_is_that_of_the_last_layer() {
    let device = Device::flex();
    let config = SequenceLstmConfig::new(4, 2)
        .with_conv_channels(0)
        .with_d_hidden(3)
        .with_layers(2)
        .with_norm(Norm::None)
        .with_pooling(Pooling::Last);
    let model = config.init(&device).unwrap();
    let input = || strings(&[9, 4], 9, &device);
    let before = values(model.forward(input()));
    // The first layer's last states do not reach the output; the last layer's do.
    for (layer, moved) in [(0, false), (1, true)] {
        let hidden = hairpin_nn::RecurrentInput::new(input().x).with_lengths(vec![9, 4]);
        let states = model.lstm.forward(hidden).state.hidden;
        let pooled = states.slice(burn::tensor::s![2 * layer..2 * layer + 2]);
        let pooled = pooled.swap_dims(0, 1).reshape([2, 6]);
        let x = burn::tensor::activation::relu(model.dense.forward(pooled));
        let by_hand = values(model.output.forward(x));
        assert_eq!(by_hand == before, moved);
    }
}

#[test]
fn padding_and_company_change_no_output() {
    let device = Device::flex();
    let lengths = [9, 30, 3, 17];
    for config in variants() {
        let model = config.init(&device).unwrap();
        let together = values(model.forward(strings(&lengths, 30, &device)));
        let wider = values(model.forward(strings(&lengths, 41, &device)));
        for (a, b) in together.iter().zip(&wider) {
            assert!((a - b).abs() < 1e-5, "{config:?}: {a} and {b}");
        }
        let batch = strings(&lengths, 30, &device);
        for (row, &own) in lengths.iter().enumerate() {
            let x = batch.x.clone().slice([row..row + 1, 0..own]);
            let alone = values(model.forward(SequenceInput::new(x, vec![own])));
            for (a, b) in together[row * 5..(row + 1) * 5].iter().zip(&alone) {
                assert!((a - b).abs() < 1e-5, "{config:?}, row {row}: {a} and {b}");
            }
        }
    }
}

#[test]
fn eight_rows_are_learnt_by_heart() {
    let device = Device::flex().autodiff();
    for norm in [Norm::Layer, Norm::Batch] {
        device.seed(1);
        let config = SequenceLstmConfig::new(4, 5).with_norm(norm);
        let mut model = config.init(&device).unwrap();
        let mut optimizer = AdamConfig::new().init();
        let batch = strings(&[24; 8], 24, &device);
        let labels = [0i64, 1, 2, 3, 4, 0, 1, 2];
        let labels = Tensor::<1, Int>::from_data(TensorData::from(labels), &device);
        let objective = CrossEntropyLossConfig::new().init(&device);
        let mut last = f32::INFINITY;
        for _ in 0..150 {
            let loss = objective.forward(model.forward(batch.clone()), labels.clone());
            last = loss.clone().into_scalar::<f32>();
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            model = optimizer.step(1e-2, model, grads);
        }
        assert!(last < 0.05, "{norm:?}: the loss stayed at {last}");
    }
}

#[test]
fn weights_and_running_statistics_survive_as_bytes_bit_by_bit() {
    let device = Device::flex();
    let config = SequenceLstmConfig::new(4, 5).with_norm(Norm::Batch);
    let model = config.init(&device.clone().autodiff()).unwrap();
    // A pass in training moves the running statistics away from where every model starts.
    let _ = model.forward(strings(&[12, 20, 16], 20, &device.clone().autodiff()));
    let model = model.valid();
    let batch = strings(&[12, 20], 20, &device);
    let expected = values(model.forward(batch.clone()));
    let bytes = model.into_record().into_bytes().unwrap();
    let record = ModuleRecord::from_bytes(bytes).unwrap();
    let other = config.init(&device).unwrap();
    assert_ne!(expected, values(other.forward(batch.clone())));
    assert_eq!(expected, values(other.load_record(record).forward(batch)));
}

#[test]
fn a_configuration_out_of_range_is_refused_by_name() {
    let base = || SequenceLstmConfig::new(4, 5);
    for (config, name) in [
        (SequenceLstmConfig::new(0, 5), "d_input"),
        (base().with_d_hidden(0), "d_hidden"),
        (base().with_d_hidden(320_000), "d_hidden"),
        (base().with_conv_kernel(4), "conv_kernel"),
        (base().with_conv_pool(0), "conv_pool"),
        (base().with_dropout(1.0), "dropout"),
        (base().with_forget_bias(f64::NAN), "forget_bias"),
    ] {
        let error = config.init(&Device::flex()).unwrap_err();
        assert!(matches!(error, ModelError::OutOfRange { .. }));
        assert!(error.to_string().contains(name), "{error}");
    }
}
