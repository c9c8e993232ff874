//! Laws of the network: padding, company and direction change nothing, eight rows are learnt by heart, weights survive a file.

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::store::ModuleRecord;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_models::{Cell, Model, ModelError, Norm, PerBaseConfig, PerBaseInput};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const CHANNELS: usize = 5;

fn number(rng: &mut ChaCha8Rng) -> f32 {
    rng.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0
}

/// A molecule's features `[length, 5]` and two symmetric pair matrices `[2, length, length]`.
#[derive(Clone)]
struct Molecule {
    length: usize,
    x: Vec<f32>,
    pairs: Vec<f32>,
}

impl Molecule {
    fn draw(length: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let x = (0..length * CHANNELS).map(|_| number(&mut rng)).collect();
        let pairs = (0..2 * length * length).map(|_| number(&mut rng)).collect();
        Self { length, x, pairs }
    }

    fn reversed(&self) -> Self {
        let x = self.x.chunks(CHANNELS).rev().flatten().copied().collect();
        let matrices = self.pairs.chunks(self.length * self.length);
        let pairs = matrices.flat_map(|own| own.iter().rev().copied()).collect();
        Self {
            length: self.length,
            x,
            pairs,
        }
    }
}

/// A batch `width` long; what stands in padding is not zero.
fn batch(molecules: &[Molecule], width: usize, with_pairs: bool, device: &Device) -> PerBaseInput {
    let rows = molecules.len();
    let mut x = vec![7f32; rows * width * CHANNELS];
    let mut pairs = vec![-3f32; rows * 2 * width * width];
    for (row, own) in molecules.iter().enumerate() {
        let at = row * width * CHANNELS;
        x[at..at + own.x.len()].copy_from_slice(&own.x);
        for line in 0..2 * own.length {
            let (kind, line) = (line / own.length, line % own.length);
            let from = (kind * own.length + line) * own.length;
            let to = ((row * 2 + kind) * width + line) * width;
            pairs[to..to + own.length].copy_from_slice(&own.pairs[from..from + own.length]);
        }
    }
    let lengths: Vec<usize> = molecules.iter().map(|own| own.length).collect();
    let x = Tensor::from_data(TensorData::new(x, [rows, width, CHANNELS]), device);
    let input = PerBaseInput::new(x, lengths);
    if !with_pairs {
        return input;
    }
    let pairs = TensorData::new(pairs, [rows, 2, width, width]);
    input.with_pairs(Tensor::from_data(pairs, device))
}

/// The answers of each row.
fn answers(outputs: Tensor<3>, molecules: &[Molecule]) -> Vec<Vec<f32>> {
    let [_, width, outputs_per] = outputs.dims();
    let values = outputs.into_data().try_into_vec::<f32>().unwrap();
    let rows = values.chunks(width * outputs_per).zip(molecules);
    rows.map(|(own, molecule)| own[..molecule.length * outputs_per].to_vec())
        .collect()
}

fn close(a: &[f32], b: &[f32], what: &str) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() < 1e-5, "{what}: {a} and {b}");
    }
}

fn variants() -> [PerBaseConfig; 4] {
    let base = || {
        PerBaseConfig::new(CHANNELS, 3)
            .with_d_model(8)
            .with_d_hidden(6)
            .with_d_ff(12)
            .with_n_heads(2)
    };
    [
        base(),
        base().with_norm(Norm::Layer).with_cell(Cell::Gru),
        base().with_attention_layers(1).with_n_pairs(2),
        base()
            .with_norm(Norm::None)
            .with_attention_layers(2)
            .with_recurrent_layers(0),
    ]
}

fn molecules() -> Vec<Molecule> {
    [9, 21, 1, 16]
        .iter()
        .zip(1..)
        .map(|(&length, seed)| Molecule::draw(length, seed))
        .collect()
}

#[test]
fn padding_and_company_change_no_answer() {
    let device = Device::flex();
    let molecules = molecules();
    for config in variants() {
        let model = config.init(&device).unwrap();
        let pairs = config.n_pairs > 0;
        let all = |width| {
            answers(
                model.forward(batch(&molecules, width, pairs, &device)),
                &molecules,
            )
        };
        let together = all(21);
        for (row, wider) in all(30).iter().enumerate() {
            close(&together[row], wider, "wider");
            let own = std::slice::from_ref(&molecules[row]);
            let alone = model.forward(batch(own, own[0].length, pairs, &device));
            close(&together[row], &answers(alone, own)[0], "alone");
        }
    }
}

#[test]
fn padding_changes_no_statistic_of_training() {
    let device = Device::flex().autodiff();
    let config = variants()[0].clone().with_dropout(0.0);
    let molecules = molecules();
    let first = config.init(&device).unwrap().into_record();
    let first = first.into_bytes().unwrap();
    let found = [21, 33].map(|width| {
        let record = ModuleRecord::from_bytes(first.clone()).unwrap();
        let model = config.init(&device).unwrap().load_record(record);
        let outputs = model.forward(batch(&molecules, width, false, &device));
        let norm = model.convs[0].batch_norm.as_ref().unwrap();
        let mean = norm.running_mean.value().into_data();
        (
            answers(outputs, &molecules),
            mean.try_into_vec::<f32>().unwrap(),
        )
    });
    close(&found[0].0.concat(), &found[1].0.concat(), "answers");
    close(&found[0].1, &found[1].1, "running mean");
}

#[test]
fn a_row_read_in_reverse_is_answered_in_its_own_order() {
    let device = Device::flex();
    let config = variants()[2].clone();
    let model = config.init(&device).unwrap();
    let forward = molecules();
    let mut mixed = forward.clone();
    mixed[0] = forward[0].reversed();
    mixed[3] = forward[3].reversed();
    let plain = batch(&mixed, 21, true, &device);
    let flags = vec![true, false, false, true];
    let found = answers(model.forward(plain.clone().with_reversed(flags)), &mixed);
    let as_read = answers(model.forward(plain), &mixed);
    for (row, (found, read)) in found.iter().zip(&as_read).enumerate() {
        let expected: Vec<f32> = match row {
            0 | 3 => read.chunks(3).rev().flatten().copied().collect(),
            _ => read.clone(),
        };
        assert_eq!(*found, expected, "row {row}");
    }
    // Without a recurrence or a convolution's width the network has no direction: the answers are those of the row itself.
    let blind = config.with_conv_kernel(1).with_recurrent_layers(0);
    let model = blind.init(&device).unwrap();
    let flags = vec![true, false, false, true];
    let found = model.forward(batch(&mixed, 21, true, &device).with_reversed(flags));
    let expected = model.forward(batch(&forward, 21, true, &device));
    close(
        &answers(found, &mixed).concat(),
        &answers(expected, &forward).concat(),
        "no direction",
    );
}

#[test]
fn pairs_reach_the_answers() {
    let device = Device::flex();
    let model = variants()[2].init(&device).unwrap();
    let molecules = molecules();
    let input = batch(&molecules, 21, true, &device);
    let found = answers(model.forward(input.clone()), &molecules);
    let mut other = input;
    other.pairs = other.pairs.map(|pairs| pairs * 2.0);
    let moved = answers(model.forward(other), &molecules);
    assert_ne!(found[0], moved[0]);
    // With a single position there is nothing to attend to but itself.
    assert_eq!(found[2], moved[2]);
}

#[test]
fn eight_rows_are_learnt_by_heart() {
    let device = Device::flex().autodiff();
    let molecules: Vec<Molecule> = (0..8)
        .map(|row| Molecule::draw(6 + row, row as u64))
        .collect();
    for config in variants() {
        device.seed(1);
        let config = config.with_d_model(24).with_d_hidden(24).with_dropout(0.0);
        let mut model = config.init(&device).unwrap();
        let mut optimizer = AdamConfig::new().init();
        let input = batch(&molecules, 13, config.n_pairs > 0, &device);
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let targets: Vec<f32> = (0..8 * 13 * 3).map(|_| number(&mut rng)).collect();
        let targets = Tensor::<3>::from_data(TensorData::new(targets, [8, 13, 3]), &device);
        let lengths = input.lengths.clone();
        let total = lengths.iter().sum::<usize>() as f64 * 3.0;
        let mut last = f32::INFINITY;
        for _ in 0..300 {
            let distance = model.forward(input.clone()) - targets.clone();
            let loss = hairpin_nn::zero_padded(distance, &lengths).square().sum() / total;
            last = loss.clone().into_scalar::<f32>();
            if last < 0.02 {
                break;
            }
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            model = optimizer.step(1e-2, model, grads);
        }
        assert!(last < 0.02, "{config:?}: the loss stayed at {last}");
    }
}

#[test]
fn weights_and_running_statistics_survive_as_bytes_bit_by_bit() {
    let device = Device::flex();
    let differentiable = device.clone().autodiff();
    let molecules = molecules();
    for config in variants() {
        let pairs = config.n_pairs > 0;
        let model = config.init(&differentiable).unwrap();
        // A pass in training moves the running statistics away from where every model starts.
        let _ = model.forward(batch(&molecules, 21, pairs, &differentiable));
        let model = model.valid();
        let input = || batch(&molecules, 21, pairs, &device);
        let expected = answers(model.forward(input()), &molecules);
        let bytes = model.into_record().into_bytes().unwrap();
        let record = ModuleRecord::from_bytes(bytes).unwrap();
        let other = config.init(&device).unwrap();
        assert_ne!(expected, answers(other.forward(input()), &molecules));
        let other = other.load_record(record);
        assert_eq!(expected, answers(other.forward(input()), &molecules));
    }
}

#[test]
fn a_configuration_out_of_range_is_refused_by_name() {
    let base = || PerBaseConfig::new(4, 5);
    for (config, name) in [
        (PerBaseConfig::new(0, 5), "d_input"),
        (base().with_d_hidden(320_000), "d_hidden"),
        (base().with_conv_kernel(4), "conv_kernel"),
        (base().with_dilations(vec![]), "dilations"),
        (base().with_dilations(vec![1, 0]), "dilations"),
        (base().with_n_pairs(1), "n_pairs"),
        (base().with_attention_layers(1).with_n_heads(7), "d_model"),
        (base().with_recurrent_layers(17), "recurrent_layers"),
        (base().with_dropout(f64::NAN), "dropout"),
    ] {
        let error = config.init(&Device::flex()).unwrap_err();
        assert!(matches!(error, ModelError::OutOfRange { .. }));
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
#[should_panic(expected = "n_pairs of the input is 0, expected 2")]
fn pairs_that_are_missing_are_named() {
    let device = Device::flex();
    let model = variants()[2].init(&device).unwrap();
    model.forward(batch(&molecules(), 21, false, &device));
}
