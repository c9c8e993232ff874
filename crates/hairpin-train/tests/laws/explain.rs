//! What the explanations promise, whatever the network.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_models::{Model, Norm, Pooling, SequenceInput, SequenceLstm, SequenceLstmConfig};
use hairpin_nn::{Conv1d, Conv1dConfig, EncoderInput, TransformerEncoderConfig, mask_pad};
use hairpin_seq::motif::{Background, read_meme};
use hairpin_seq::{Dna, Encode, KmerCounts, OneHot, Protein, Rna, Seq};
use hairpin_train::explain::{
    AttributionLogo, Baseline, FilterSettings, HeatMap, IntegratedGradients, Quadrature,
    as_function, attention_map, filter_motifs, filters_to_meme, gradient, input_x_gradient,
    mutagenesis, mutagenesis_of_model, of_example, rollout, saliency, to_csv,
};
use hairpin_train::{Dataset, SequenceDataset, TrainError};
use ndarray::{Array2, arr2};
use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Weights from a seed: Burn's own generator is shared by all tests.
struct Fill(ChaCha8Rng);

impl ModuleMapper for Fill {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|old| {
            let count = old.dims().iter().product();
            // Of one dimension are biases, scales and variances.
            let low = if D == 1 { 0.1 } else { -0.9 };
            let values: Vec<f32> = (0..count).map(|_| self.0.random_range(low..0.9)).collect();
            let new = Tensor::from_data(TensorData::new(values, old.dims()), &old.device());
            if old.is_require_grad() {
                new.require_grad()
            } else {
                new
            }
        })
    }
}

fn filled<M: Module>(model: M, seed: u64) -> M {
    model.map(&mut Fill(ChaCha8Rng::seed_from_u64(seed)))
}

fn lstm(config: SequenceLstmConfig, device: &Device) -> SequenceLstm {
    let config = config
        .with_d_hidden(5)
        .with_d_dense(6)
        .with_conv_channels(6);
    filled(config.init(device).unwrap(), 7)
}

fn batch(texts: &[&str], device: &Device) -> (Vec<Seq<Dna>>, SequenceInput) {
    let sequences: Vec<Seq<Dna>> = texts.iter().map(|text| text.parse().unwrap()).collect();
    let rows: Vec<usize> = (0..texts.len()).collect();
    let input = SequenceDataset::new(&sequences, OneHot::default()).batch(&rows, None, device);
    (sequences, input)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance,
            "[{index}]: {found}, expected {expected}"
        );
    }
}

const TEXTS: [&str; 3] = ["GATTACAGATTACA", "ACGTACGT", "TTTGGGCCCAAAT"];

// Gradients.

#[test]
fn gradients_are_those_of_the_network_in_evaluation() {
    // On the device of training, with dropout and batch norm, as it comes out of a training loop.
    let training = Device::flex().autodiff();
    let config = SequenceLstmConfig::new(4, 2)
        .with_dropout(0.5)
        .with_norm(Norm::Batch);
    let model = lstm(config.with_pooling(Pooling::Last), &training);
    let (_, input) = batch(&TEXTS, &training);
    let f = as_function(&model, &input.lengths).unwrap();
    let before = values(f([input.x.clone().inner()]));
    let found = gradient(&f, [input.x.clone()], 1).unwrap();
    let again = gradient(&f, [input.x.clone()], 1).unwrap();
    assert_eq!(
        values(found[0].clone()),
        values(again[0].clone()),
        "something is dropped at random"
    );
    assert_eq!(
        before,
        values(f([input.x.clone().inner()])),
        "statistics moved"
    );
    assert!(!found[0].is_autodiff());

    // The slopes by finite differences of the network that predicts. Kinks of ReLU and of the maximum may lie between two points.
    let valid = model.valid();
    let x = values(input.x.clone());
    let at = |x: Vec<f32>| {
        let x = Tensor::from_data(TensorData::new(x, input.x.dims()), &Device::flex());
        values(valid.forward(SequenceInput::new(x, input.lengths.clone())))
    };
    let slopes = values(found[0].clone());
    let per_row = x.len() / 3;
    let mut wrong = 0;
    for index in 0..x.len() {
        let (row, position) = (index / per_row, index % per_row / 4);
        if position >= input.lengths[row] {
            assert_eq!(slopes[index], 0.0, "a slope in the padding");
            continue;
        }
        let moved = |step: f32| {
            let mut x = x.clone();
            x[index] += step;
            at(x)[row * 2 + 1]
        };
        let expected = (moved(5e-3) - moved(-5e-3)) / 1e-2;
        wrong += usize::from((expected - slopes[index]).abs() > 2e-3 + 0.02 * expected.abs());
    }
    assert!(wrong * 20 < x.len(), "{wrong} of {} slopes differ", x.len());
    assert!(
        slopes.iter().any(|slope| slope.abs() > 1e-2),
        "nothing depends on anything"
    );

    // The model itself still trains.
    let loss = model.forward(input).sum();
    assert!(loss.is_tracked());
    loss.backward();
}

#[test]
fn neither_padding_nor_other_rows_change_an_explanation() {
    let device = Device::flex();
    let model = lstm(SequenceLstmConfig::new(4, 1), &device);
    let (_, together) = batch(&TEXTS, &device);
    let explain = |input: &SequenceInput| {
        let f = as_function(&model, &input.lengths).unwrap();
        let zeros = [[input.x.zeros_like()]];
        let integrated = IntegratedGradients {
            steps: 7,
            ..Default::default()
        }
        .attribute(&f, [input.x.clone()], &zeros, 0)
        .unwrap();
        let [integrated] = integrated.attributions;
        let [saliency] = saliency(&f, [input.x.clone()], 0).unwrap();
        [integrated, saliency]
    };
    let all = explain(&together);
    for (row, text) in TEXTS.iter().enumerate() {
        let (_, alone) = batch(&[text], &device);
        for (all, alone) in all.iter().zip(explain(&alone)) {
            let found = of_example(all, row, text.len()).unwrap();
            close(found.as_slice().unwrap(), &values(alone), 1e-5);
            let padded = of_example(all, row, 14).unwrap();
            assert!(
                padded
                    .rows()
                    .into_iter()
                    .skip(text.len())
                    .flatten()
                    .all(|&value| value == 0.0)
            );
        }
    }
    // What stands in the padding does not matter either.
    let noisy = together.x.clone()
        + (together.x.zeros_like() + 3.0)
            * mask_pad(&together.lengths, 14, &device)
                .float()
                .unsqueeze_dim::<3>(2);
    let noisy = SequenceInput::new(noisy, together.lengths.clone());
    assert_eq!(values(explain(&noisy)[1].clone()), values(all[1].clone()));
}

#[test]
fn integrated_gradients_of_a_linear_function_are_input_times_gradient() {
    let device = Device::flex();
    let weights = Tensor::<3>::from_data([[[0.5, -2.0], [1.5, 0.25]]], &device);
    let f =
        |[x]: [Tensor<3>; 1]| (x * weights.clone()).sum_dim(2).sum_dim(1).reshape([-1, 1]) + 3.0;
    let x = Tensor::<3>::from_data(
        [[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [-1.0, 8.0]]],
        &device,
    );
    let [slopes] = gradient(f, [x.clone()], 0).unwrap();
    assert_eq!(values(slopes), [0.5, -2.0, 1.5, 0.25, 0.5, -2.0, 1.5, 0.25]);
    let [products] = input_x_gradient(f, [x.clone()], 0).unwrap();
    for (quadrature, steps) in [
        (Quadrature::Trapezoid, 2),
        (Quadrature::GaussLegendre, 1),
        (Quadrature::GaussLegendre, 9),
    ] {
        let settings = IntegratedGradients {
            steps,
            quadrature,
            batch_size: 3,
        };
        let found = settings
            .attribute(f, [x.clone()], &[[x.zeros_like()]], 0)
            .unwrap();
        close(
            &values(found.attributions[0].clone()),
            &values(products.clone()),
            1e-5,
        );
        assert!(found.residual.iter().all(|left| left.abs() < 1e-5));
        assert_eq!(found.baseline_outputs, [3.0, 3.0]);
    }
}

#[test]
fn the_residual_falls_with_the_steps() {
    let device = Device::flex();
    let model = lstm(SequenceLstmConfig::new(4, 1).with_conv_channels(0), &device);
    let (_, input) = batch(&TEXTS, &device);
    let f = as_function(&model, &input.lengths).unwrap();
    for quadrature in [Quadrature::Trapezoid, Quadrature::GaussLegendre] {
        let left: Vec<f64> = [2, 8, 64, 256]
            .map(|steps| {
                let settings = IntegratedGradients {
                    steps,
                    quadrature,
                    batch_size: 64,
                };
                let zeros = [[input.x.zeros_like()]];
                let found = settings
                    .attribute(&f, [input.x.clone()], &zeros, 0)
                    .unwrap();
                let total: f64 = (0..3)
                    .map(|row| (found.outputs[row] - found.baseline_outputs[row]).abs())
                    .sum();
                assert!(total > 0.1, "nothing to explain");
                found.residual.iter().map(|left| left.abs()).sum::<f64>() / total
            })
            .into();
        assert!(
            left[1] < left[0] && left[2] < left[1],
            "{quadrature:?}: {left:?}"
        );
        assert!(left[3] < 1e-2, "{quadrature:?}: {left:?}");
    }
}

#[test]
fn several_baselines_are_averaged() {
    let device = Device::flex();
    let model = lstm(SequenceLstmConfig::new(4, 1), &device);
    let (sequences, input) = batch(&TEXTS, &device);
    let f = as_function(&model, &input.lengths).unwrap();
    let shuffles = Baseline::DinucleotideShuffles { count: 3, seed: 5 };
    let baselines = shuffles
        .of_sequences(&sequences, &OneHot::default(), &device)
        .unwrap();
    let settings = IntegratedGradients {
        steps: 16,
        ..Default::default()
    };
    let run = |baselines: &[[Tensor<3>; 1]]| {
        settings
            .attribute(&f, [input.x.clone()], baselines, 0)
            .unwrap()
    };
    let all = run(&baselines);
    let mut mean = vec![0.0; values(input.x.clone()).len()];
    for baseline in &baselines {
        let one = run(std::slice::from_ref(baseline));
        for (mean, value) in mean.iter_mut().zip(values(one.attributions[0].clone())) {
            *mean += value / 3.0;
        }
    }
    close(&values(all.attributions[0].clone()), &mean, 1e-5);
    for row in 0..3 {
        let own: f32 = of_example(&all.attributions[0], row, 14).unwrap().sum();
        let left = f64::from(own) - (all.outputs[row] - all.baseline_outputs[row]);
        assert!((left - all.residual[row]).abs() < 1e-4);
    }
}

#[test]
fn baselines_are_what_they_say() {
    let device = Device::flex();
    let (sequences, input) = batch(&TEXTS, &device);
    let encoder = OneHot::default();
    let [[zeros]] = Baseline::Zeros
        .of_sequences(&sequences, &encoder, &device)
        .unwrap()
        .try_into()
        .unwrap();
    assert!(values(zeros).iter().all(|&value| value == 0.0));
    let [[mean]] = Baseline::MeanComposition
        .of_sequences(&sequences, &encoder, &device)
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(mean.dims(), input.x.dims());
    let second = of_example(&mean, 1, 14).unwrap();
    assert_eq!(second.row(7).to_vec(), [0.25; 4]);
    assert_eq!(second.row(8).to_vec(), [0.0; 4], "padding");

    let pairs = KmerCounts::new(2).unwrap();
    let shuffles = |seed| {
        Baseline::DinucleotideShuffles { count: 4, seed }
            .of_sequences(&sequences, &encoder, &device)
            .unwrap()
    };
    assert_eq!(shuffles(1).len(), 4);
    for (one, again) in shuffles(1).into_iter().zip(shuffles(1)) {
        assert_eq!(values(one[0].clone()), values(again[0].clone()));
        for (row, sequence) in sequences.iter().enumerate() {
            let rows = of_example(&one[0], row, sequence.len()).unwrap();
            let code = |row: ndarray::ArrayView1<'_, f32>| {
                row.iter().position(|&value| value == 1.0).unwrap() as u8
            };
            let shuffled =
                Seq::<Dna>::from_codes(rows.rows().into_iter().map(code).collect()).unwrap();
            assert_eq!(pairs.encode(&shuffled), pairs.encode(sequence));
        }
    }
    let of = |seed| {
        shuffles(seed)
            .into_iter()
            .flat_map(|[x]| values(x))
            .collect::<Vec<f32>>()
    };
    assert_ne!(of(1), of(2));
    let none = Baseline::DinucleotideShuffles { count: 0, seed: 1 };
    assert!(none.of_sequences(&sequences, &encoder, &device).is_err());
}

#[test]
fn what_the_output_does_not_depend_on_gets_zeros() {
    let device = Device::flex();
    let x = Tensor::<3>::ones([2, 3, 4], &device);
    let other = Tensor::<3>::ones([2, 5, 1], &device);
    let [own, none] = gradient(
        |[a, _]: [Tensor<3>; 2]| a.sum_dim(2).sum_dim(1).reshape([2, 1]),
        [x.clone(), other],
        0,
    )
    .unwrap();
    assert!(values(own).iter().all(|&value| value == 1.0));
    assert_eq!(none.dims(), [2, 5, 1]);
    assert!(values(none).iter().all(|&value| value == 0.0));
    let constant = |[x]: [Tensor<3>; 1]| Tensor::<2>::ones([2, 1], &x.device().without_autodiff());
    let [none] = gradient(constant, [x], 0).unwrap();
    assert!(values(none).iter().all(|&value| value == 0.0));
}

#[test]
fn settings_out_of_range_are_refused() {
    let device = Device::flex();
    let model = lstm(SequenceLstmConfig::new(4, 2), &device);
    let (sequences, input) = batch(&TEXTS, &device);
    let f = as_function(&model, &input.lengths).unwrap();
    let message = |error: TrainError| error.to_string();
    assert_eq!(
        message(saliency(&f, [input.x.clone()], 2).unwrap_err()),
        "explanation: `output` is 2, expected a column of the 2 outputs, counted from 0; correct it"
    );
    let zeros = [[input.x.zeros_like()]];
    let run = |settings: IntegratedGradients, baselines: &[[Tensor<3>; 1]], output| {
        settings
            .attribute(&f, [input.x.clone()], baselines, output)
            .map(|_| ())
            .map_err(message)
    };
    let good = IntegratedGradients {
        steps: 2,
        ..Default::default()
    };
    assert_eq!(run(good, &zeros, 1), Ok(()));
    let one = IntegratedGradients {
        quadrature: Quadrature::Trapezoid,
        steps: 1,
        ..good
    };
    assert!(
        run(one, &zeros, 1)
            .unwrap_err()
            .contains("`steps` is 1, expected 2 to 4096")
    );
    assert!(
        run(
            IntegratedGradients {
                steps: usize::MAX,
                ..good
            },
            &zeros,
            1
        )
        .is_err()
    );
    assert!(
        run(
            IntegratedGradients {
                batch_size: 0,
                ..good
            },
            &zeros,
            1
        )
        .is_err()
    );
    assert!(
        run(good, &[], 1)
            .unwrap_err()
            .contains("`baselines` is empty")
    );
    assert!(run(good, &zeros, 9).is_err());
    // conv_pool is 3.
    let short: Seq<Dna> = "AC".parse().unwrap();
    let too_short = as_function(&model, &[5, 2]).err();
    assert!(matches!(
        too_short,
        Some(TrainError::TooShort {
            row: 1,
            length: 2,
            minimum: 3
        })
    ));
    let ism = |sequence, output, batch_size| {
        mutagenesis_of_model(
            &model,
            sequence,
            &OneHot::default(),
            output,
            batch_size,
            &device,
        )
    };
    assert!(matches!(
        ism(&short, 0, 4),
        Err(TrainError::TooShort { .. })
    ));
    assert!(ism(&sequences[0], 2, 4).is_err());
    assert!(ism(&sequences[0], 1, 0).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nodes_integrate_polynomials(steps in 2usize..60, degree in 0usize..40) {
        let exact = 1.0 / (degree + 1) as f64;
        let sum = |quadrature: Quadrature| -> f64 {
            quadrature.nodes(steps).unwrap().iter().map(|(at, weight)| weight * at.powi(degree as i32)).sum()
        };
        if degree < 2 {
            prop_assert!((sum(Quadrature::Trapezoid) - exact).abs() < 1e-13);
        }
        if degree < 2 * steps {
            prop_assert!((sum(Quadrature::GaussLegendre) - exact).abs() < 1e-13);
        }
    }

    // Mutagenesis.

    #[test]
    fn mutagenesis_is_one_change_at_a_time(codes in prop::collection::vec(0u8..=20, 0..9), batch_size in 1usize..50) {
        // Any function of the whole sequence; 20 is the unknown residue.
        let score = |seq: &Seq<Protein>| {
            let sum = (1u64..).zip(seq.codes()).map(|(place, &code)| place * place * u64::from(code) * 7919).sum::<u64>();
            (sum % 1009) as f32
        };
        let sequence = Seq::<Protein>::from_codes(codes.clone()).unwrap();
        let mut most = 0;
        let found = mutagenesis(&sequence, batch_size, |sequences| {
            most = most.max(sequences.len());
            sequences.iter().map(score).collect()
        })
        .unwrap();
        prop_assert!(most <= batch_size);
        prop_assert_eq!(found.reference(), score(&sequence));
        prop_assert_eq!(found.differences().dim(), (codes.len(), 20));
        for position in 0..codes.len() {
            for code in 0..20u8 {
                let mut changed = codes.clone();
                changed[position] = code;
                let expected = score(&Seq::from_codes(changed).unwrap()) - score(&sequence);
                prop_assert_eq!(found.differences()[(position, usize::from(code))], expected);
            }
        }
    }
}

#[test]
fn mutagenesis_of_a_network_is_its_predictions() {
    let device = Device::flex().autodiff();
    let model = lstm(SequenceLstmConfig::new(4, 3).with_dropout(0.5), &device);
    let sequence: Seq<Dna> = Seq::from_codes(vec![2, 0, 3, 4, 0, 1, 0]).unwrap();
    let found = mutagenesis_of_model(&model, &sequence, &OneHot::default(), 2, 5, &device).unwrap();
    let valid = model.valid();
    let predict = |sequence: &Seq<Dna>| {
        let sequences = [sequence.clone()];
        let inputs = SequenceDataset::new(&sequences, OneHot::default());
        values(valid.forward(inputs.batch(&[0], None, &Device::flex())))[2]
    };
    let reference = predict(&sequence);
    close(&[found.reference()], &[reference], 1e-6);
    let mut greatest = 0f32;
    for ((position, code), &difference) in found.differences().indexed_iter() {
        let mut codes = sequence.codes().to_vec();
        codes[position] = code as u8;
        let expected = predict(&Seq::from_codes(codes).unwrap()) - reference;
        close(&[difference], &[expected], 2e-6);
        greatest = greatest.max(difference.abs());
    }
    assert!(greatest > 1e-3, "nothing depends on anything");
    assert_eq!(found.differences()[(0, 2)], 0.0, "the symbol that is there");

    let importance = found.importance();
    let lost: f32 = found.differences().row(0).sum() / -3.0;
    assert_eq!(importance.row(0).to_vec(), [0.0, 0.0, lost, 0.0]);
    assert_eq!(importance.row(3).to_vec(), [0.0; 4], "unknown");
    let svg = found.svg(Some("<ism>".into())).unwrap();
    assert!(svg.contains("&lt;ism&gt;") && svg.matches("fill=\"#").count() == 7 * 4 + 10);
}

// Attention.

#[test]
fn attention_maps_and_rollout() {
    let device = Device::flex();
    let encoder = filled(TransformerEncoderConfig::new(4, 2, 8, 2).init(&device), 3);
    let (_, input) = batch(&["ACGTA", "GCA"], &device);
    let read = EncoderInput::new(input.x).with_mask_pad(mask_pad(&[5, 3], 5, &device));
    let weights = encoder.attention_weights(read);
    let first = attention_map(&weights[0], 1, Some(0), 3).unwrap();
    let second = attention_map(&weights[0], 1, Some(1), 3).unwrap();
    let mean = attention_map(&weights[0], 1, None, 3).unwrap();
    assert_ne!(first, second);
    close(
        mean.as_slice().unwrap(),
        ((first + second) / 2.0).as_slice().unwrap(),
        1e-6,
    );
    for row in mean.rows() {
        assert!((row.sum() - 1.0).abs() < 1e-5);
    }
    for wrong in [
        attention_map(&weights[0], 2, None, 3),
        attention_map(&weights[0], 0, Some(2), 3),
        attention_map(&weights[0], 0, None, 6),
    ] {
        assert!(matches!(wrong, Err(TrainError::Explanation { .. })));
    }

    let found = of_example(&rollout(&weights).unwrap(), 1, 5).unwrap();
    // By hand, on the three positions that are there.
    let layer = |weights: &Tensor<4>| {
        (attention_map(weights, 1, None, 3).unwrap() + Array2::<f32>::eye(3)) / 2.0
    };
    let expected = layer(&weights[1]).dot(&layer(&weights[0]));
    for ((row, column), &expected) in expected.indexed_iter() {
        assert!((found[(row, column)] - expected).abs() < 1e-6);
    }
    assert_eq!(found[(0, 3)], 0.0, "padding is read by nobody");
    assert!(rollout(&[]).is_err());
}

// Filters.

/// Three filters of width 3 over DNA: one looks for GAT, one is never above 0, one answers 1 to every A in the middle.
fn filters(device: &Device) -> Conv1d {
    let mut weight = [[[0f32; 3]; 4]; 3];
    for (tap, code) in [2, 0, 3].into_iter().enumerate() {
        weight[tap][code][0] = 1.0;
    }
    weight[1][0][2] = 1.0;
    let mut conv = Conv1dConfig::new(4, 3, 3).init(device);
    conv.weight = Param::from_tensor(Tensor::from_data(weight, device));
    conv.bias = Param::from_tensor(Tensor::from_data([0.0, -1.0, 0.0], device));
    conv
}

#[test]
fn filters_become_the_motifs_they_look_for() {
    let device = Device::flex();
    let sequences: Vec<Seq<Dna>> = ["CCGATCC", "GACGAT", "AT", "GATTNGAN"]
        .iter()
        .map(|text| {
            text.parse().unwrap_or_else(|_| {
                let code = |c: char| "ACGT".find(c).unwrap_or(4) as u8;
                Seq::from_codes(text.chars().map(code).collect()).unwrap()
            })
        })
        .collect();
    let conv = filters(&device);
    for batch_size in [1, 100] {
        let settings = FilterSettings {
            threshold: 0.9,
            batch_size,
        };
        let found =
            filter_motifs(&conv, &sequences, &OneHot::default(), settings, &device).unwrap();
        // GAT once in each but the third.
        assert_eq!((found[0].maximum, found[0].sites), (3.0, 3));
        let counts = found[0].counts.as_ref().unwrap();
        assert_eq!(
            counts.values(),
            [0., 0., 3., 0., 3., 0., 0., 0., 0., 0., 0., 3.]
        );
        assert_eq!(
            (found[1].maximum, found[1].sites, &found[1].counts),
            (-1.0, 0, &None)
        );
        // An A that has both neighbours: in GAT three times, in GAC once, in GAN once; never one at an end.
        let counts = found[2].counts.as_ref().unwrap();
        assert_eq!(found[2].sites, 5);
        assert_eq!(counts.row(0), [0., 0., 5., 0.]);
        assert_eq!(counts.row(1), [5., 0., 0., 0.]);
        assert_eq!(counts.row(2), [0., 1., 0., 3.], "unknown is not counted");
    }
    // From two of three on, GA and AT count as well: GAC, GAN, and CAT or the like where they are.
    let settings = FilterSettings {
        threshold: 0.6,
        ..FilterSettings::default()
    };
    let found = filter_motifs(&conv, &sequences, &OneHot::default(), settings, &device).unwrap();
    assert_eq!(found[0].sites, 5);

    let background = Background::uniform();
    let text = filters_to_meme(&found, 0.0, &background).unwrap();
    let meme = read_meme::<Dna>(&text).unwrap();
    assert_eq!(meme.motifs.len(), 2);
    assert_eq!(meme.motifs[0].id, "filter_0");
    assert!(filters_to_meme(&found, -1.0, &background).is_err());

    for settings in [
        FilterSettings {
            threshold: 1.0,
            ..settings
        },
        FilterSettings {
            threshold: f32::NAN,
            ..settings
        },
        FilterSettings {
            batch_size: 0,
            ..settings
        },
    ] {
        assert!(filter_motifs(&conv, &sequences, &OneHot::default(), settings, &device).is_err());
    }
    assert!(
        filter_motifs(
            &conv,
            &sequences[..0],
            &OneHot::default(),
            settings,
            &device
        )
        .is_err()
    );
    let kmers = KmerCounts::new(1).unwrap();
    assert!(filter_motifs(&conv, &sequences, &kmers, settings, &device).is_err());
}

#[test]
fn a_network_that_looks_for_one_motif_is_explained_by_it() {
    // max over places of relu(matches of GAT - 2): 1 where GAT is, else 0. The bias is not a weight of the input.
    let device = Device::flex();
    let conv = filters(&device);
    let f = |[x]: [Tensor<3>; 1]| {
        let matches = conv.forward(x).slice_dim(2, 0..1);
        let found = burn::tensor::activation::relu(matches - 2.0).max_dim(1);
        found.reshape([-1, 1])
    };
    let (sequences, input) = batch(&["CCGATCC"], &device);
    let changes = mutagenesis(&sequences[0], 10, |sequences| {
        let rows: Vec<usize> = (0..sequences.len()).collect();
        let inputs = SequenceDataset::new(sequences, OneHot::default());
        values(f([inputs.batch(&rows, None, &device).x]))
    })
    .unwrap();
    assert_eq!(changes.reference(), 1.0);
    let settings = IntegratedGradients {
        steps: 600,
        ..Default::default()
    };
    let found = settings
        .attribute(f, [input.x.clone()], &[[input.x.zeros_like()]], 0)
        .unwrap();
    assert!(found.residual[0].abs() < 5e-3);
    let shares = of_example(&found.attributions[0], 0, 7).unwrap();
    for (position, &own) in sequences[0].codes().iter().enumerate() {
        let in_motif = (2..5).contains(&position);
        for code in 0..4 {
            let there = code == usize::from(own);
            let expected = if in_motif && !there { -1.0 } else { 0.0 };
            assert_eq!(changes.differences()[(position, code)], expected);
            // The slope is 1 on the last third of the way, where each of the three symbols has it.
            let expected = if in_motif && there { 1.0 / 3.0 } else { 0.0 };
            assert!((shares[(position, code)] - expected).abs() < 2e-3);
        }
        let expected = if in_motif { 1.0 } else { 0.0 };
        assert_eq!(changes.importance()[(position, usize::from(own))], expected);
    }
}

// Drawings and tables.

#[test]
fn a_logo_has_positive_letters_above_its_axis_and_negative_ones_below() {
    let found = arr2(&[[2.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, f32::NAN], [0.0; 4]]);
    let logo = AttributionLogo {
        height: 120.0,
        ..AttributionLogo::default()
    };
    let svg = logo.svg::<Rna>(found.view()).unwrap();
    // Of 4 units 3 are above: the axis is at 8 + 90.
    let letters: Vec<(f64, f64)> = svg
        .lines()
        .filter_map(|line| line.strip_prefix("<path transform=\"matrix("))
        .map(|line| {
            let numbers: Vec<f64> = line
                .split(')')
                .next()
                .unwrap()
                .split(' ')
                .map(|part| part.parse().unwrap())
                .collect();
            let [_, _, _, scale, _, y] = numbers[..] else {
                panic!("{line}")
            };
            (y, y + 100.0 * scale)
        })
        .collect();
    assert_eq!(letters, [(68.0, 98.0), (8.0, 68.0), (98.0, 128.0)]);
    let nothing = logo.svg::<Rna>(Array2::zeros((2, 4)).view()).unwrap();
    assert!(!nothing.contains("NaN") && !nothing.contains("<path transform"));
    let empty = logo.svg::<Rna>(Array2::zeros((0, 4)).view()).unwrap();
    assert!(empty.ends_with("</svg>\n"));
    assert!(logo.svg::<Protein>(found.view()).is_err());
    assert!(logo.svg::<Dna>(Array2::zeros((4097, 4)).view()).is_err());
    for height in [0.0, f64::NAN, f64::INFINITY] {
        assert!(
            AttributionLogo {
                height,
                ..logo.clone()
            }
            .svg::<Dna>(found.view())
            .is_err()
        );
    }
}

#[test]
fn drawings_take_any_text_and_bound_their_size() {
    let title = Some(format!("a<b>&\"\u{0}\u{ffff}{}", "x".repeat(100_000)));
    let one = Array2::zeros((1, 4));
    let logo = AttributionLogo {
        title: title.clone(),
        ..AttributionLogo::default()
    };
    let map = HeatMap {
        title,
        rows: vec!["\u{1b}<script>".repeat(1000)],
        columns: (0..4).map(|column| format!("<{column}>")).collect(),
        ..HeatMap::default()
    };
    for svg in [
        logo.svg::<Dna>(one.view()).unwrap(),
        map.svg(one.view()).unwrap(),
    ] {
        assert!(svg.len() < 10_000);
        assert!(svg.contains("a&lt;b&gt;&amp;&quot;"));
        assert!(!svg.contains(['\u{0}', '\u{1b}', '\u{ffff}']) && !svg.contains("<script"));
    }
    assert!(
        map.svg(Array2::zeros((2, 4)).view()).is_err(),
        "one name for two rows"
    );
    let map = HeatMap::default();
    assert!(map.svg(Array2::zeros((0, 4)).view()).is_err());
    assert!(map.svg(Array2::zeros((257, 256)).view()).is_err());
    assert!(HeatMap { cell: -1.0, ..map }.svg(one.view()).is_err());
}

#[test]
fn heat_maps_are_white_at_zero_and_symmetric() {
    let svg = HeatMap::default()
        .svg(arr2(&[[2.0, 0.0], [-2.0, f32::NAN]]).view())
        .unwrap();
    let fills: Vec<&str> = svg
        .lines()
        .filter(|line| line.starts_with("<rect"))
        .collect();
    for (line, colour) in fills
        .iter()
        .zip(["#b2182b", "#ffffff", "#2166ac", "#999999"])
    {
        assert!(line.contains(colour), "{line}");
    }
    assert!(svg.contains(">2.000<") && svg.contains(">-2.000<"));
    let weights = HeatMap::default().svg(arr2(&[[0.0, 0.5]]).view()).unwrap();
    assert!(weights.contains(">0.5000<") && weights.contains(">0<"));
}

#[test]
fn tables_read_back_as_the_same_numbers() {
    let sequence: Seq<Dna> = Seq::from_codes(vec![0, 4]).unwrap();
    let numbers = arr2(&[[0.1f32, -1e-30, 3e7, 1.0 / 3.0], [0.0; 4]]);
    let csv = to_csv(&sequence, numbers.view()).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "position,symbol,A,C,G,T");
    assert!(lines[2].starts_with("2,N,"));
    let back: Vec<f32> = lines[1]
        .split(',')
        .skip(2)
        .map(|cell| cell.parse().unwrap())
        .collect();
    assert_eq!(back, numbers.row(0).to_vec());
    assert!(to_csv(&sequence, arr2(&[[0.0; 4]]).view()).is_err());
    assert!(of_example(&Tensor::<3>::zeros([1, 2, 4], &Device::flex()), 1, 2).is_err());
}
