//! Outputs, loss and every gradient against the same network in PyTorch: see `fixtures/make/golden_sequence_lstm.py`.

use crate::agreement::{TOLERANCE, data, values};
use burn::module::{Module, Param, RunningState};
use burn::nn::loss::{CrossEntropyLossConfig, MseLoss, Reduction};
use burn::tensor::{Device, Int, Tensor, TensorData};
use hairpin_golden::{Golden, assert_close};
use hairpin_models::{Model, Norm, Pooling, SequenceInput, SequenceLstm, SequenceLstmConfig};

fn transposed(golden: &Golden, name: &str) -> TensorData {
    let matrix = golden.f32(name);
    let [rows, columns] = matrix.shape[..] else {
        panic!("{name} is not a matrix")
    };
    let values: Vec<f32> = (0..columns)
        .flat_map(|c| (0..rows).map(move |r| r * columns + c))
        .map(|at| matrix.values[at])
        .collect();
    TensorData::new(values, [columns, rows])
}

/// Torch's `[d_output, d_input, kernel]` with its dimensions reversed, as ours are.
fn kernel(golden: &Golden, name: &str) -> TensorData {
    let tensor = Tensor::<3>::from_data(data(golden, name), &Device::flex());
    tensor.permute([2, 1, 0]).into_data()
}

/// Torch's two directions in the layer's layout; `prefix` is empty or `grad.`.
fn recurrence(golden: &Golden, prefix: &str) -> [TensorData; 3] {
    let name = |part: &str, direction: &str| format!("{prefix}lstm.{part}_l0{direction}");
    let device = Device::flex();
    let tensor = |data: TensorData| Tensor::<2>::from_data(data, &device);
    let both = |part: &str| {
        ["", "_reverse"].map(|direction| tensor(transposed(golden, &name(part, direction))))
    };
    let ih = Tensor::cat(both("weight_ih").to_vec(), 1);
    let hh: Tensor<3> = Tensor::stack(both("weight_hh").to_vec(), 0);
    let bias = ["", "_reverse"].map(|direction| {
        let ih = Tensor::<1>::from_data(data(golden, &name("bias_ih", direction)), &device);
        let hh = Tensor::<1>::from_data(data(golden, &name("bias_hh", direction)), &device);
        // Ours is the sum of torch's two, whose gradient is that of either.
        if prefix.is_empty() { ih + hh } else { hh }
    });
    let bias = Tensor::cat(bias.to_vec(), 0);
    [ih.into_data(), hh.into_data(), bias.into_data()]
}

fn network(golden: &Golden, device: &Device) -> SequenceLstm {
    let config = golden.config();
    let number = |value: &serde_json::Value| value.as_u64().unwrap_or(0) as usize;
    let conv = &config["conv"];
    let settings = SequenceLstmConfig::new(4, number(&config["n_outputs"]))
        .with_conv_channels(number(&conv["channels"]))
        .with_conv_kernel(conv["kernel_size"].as_u64().unwrap_or(1) as usize)
        .with_conv_pool(conv["pool"].as_u64().unwrap_or(1) as usize)
        .with_d_hidden(number(&config["d_hidden"]))
        .with_d_dense(number(&config["d_dense"]))
        .with_pooling(match config["pooling"].as_str().unwrap() {
            "last" => Pooling::Last,
            "mean" => Pooling::Mean,
            "max" => Pooling::Max,
            "mean_max" => Pooling::MeanMax,
            other => panic!("pooling {other}"),
        })
        .with_norm(match config["norm"].as_str().unwrap() {
            "batch" => Norm::Batch,
            "layer" => Norm::Layer,
            "none" => Norm::None,
            other => panic!("norm {other}"),
        });
    let mut model = settings.init(device).unwrap();
    if let Some(front) = &mut model.front {
        front.conv.weight = Param::from_data(kernel(golden, "conv.weight"), device);
        front.conv.bias = Param::from_data(data(golden, "conv.bias"), device);
    }
    let [ih, hh, bias] = recurrence(golden, "");
    model.lstm.layers[0].weight_ih = Param::from_data(ih, device);
    model.lstm.layers[0].weight_hh = Param::from_data(hh, device);
    model.lstm.layers[0].bias = Param::from_data(bias, device);
    if let Some(norm) = &mut model.batch_norm {
        norm.gamma = Param::from_data(data(golden, "norm.weight"), device);
        norm.beta = Param::from_data(data(golden, "norm.bias"), device);
        let plain = device.clone().without_autodiff();
        let state = |name| RunningState::new(Tensor::from_data(data(golden, name), &plain));
        norm.running_mean = state("norm.running_mean");
        norm.running_var = state("norm.running_var");
    }
    if let Some(norm) = &mut model.layer_norm {
        norm.gamma = Param::from_data(data(golden, "norm.weight"), device);
        norm.beta = Some(Param::from_data(data(golden, "norm.bias"), device));
    }
    model.dense.weight = Param::from_data(transposed(golden, "dense.weight"), device);
    model.dense.bias = Some(Param::from_data(data(golden, "dense.bias"), device));
    model.output.weight = Param::from_data(transposed(golden, "output.weight"), device);
    model.output.bias = Some(Param::from_data(data(golden, "output.bias"), device));
    model
}

fn check(file: &str) {
    let golden = Golden::load("hairpin-models", file);
    let plain = Device::flex();
    let device = plain.clone().autodiff();
    let lengths = golden.i64("lengths").values;
    let lengths: Vec<usize> = lengths.into_iter().map(|n| n as usize).collect();
    let same = |name: &str, found: Vec<f32>| {
        let expected = golden.f32(name).values;
        assert_close(&format!("{file} {name}"), &expected, &found, TOLERANCE);
    };
    let model = network(&golden, &device);

    let x = Tensor::<3>::from_data(data(&golden, "x"), &plain);
    let predicted = model
        .valid()
        .forward(SequenceInput::new(x, lengths.clone()));
    same("eval.logits", values(predicted));

    let x = Tensor::<3>::from_data(data(&golden, "x"), &device).require_grad();
    let logits = model.forward(SequenceInput::new(x.clone(), lengths.clone()));
    same("train.logits", values(logits.clone()));
    let loss = if golden.names().any(|name| name == "labels") {
        let labels = TensorData::from(golden.i64("labels").values.as_slice());
        let labels = Tensor::<1, Int>::from_data(labels, &device);
        CrossEntropyLossConfig::new()
            .init(&device)
            .forward(logits, labels)
    } else {
        let targets = Tensor::<2>::from_data(data(&golden, "targets"), &device);
        MseLoss::new().forward(logits, targets, Reduction::Mean)
    };
    same("loss", values(loss.clone()));
    let grads = loss.backward();

    // Beyond a string's end torch's convolution reads the padding as input; ours knows that it is none.
    let expected = golden.f32("grad.x");
    let found = values(x.grad(&grads).unwrap());
    let (length, channels) = (expected.shape[1], expected.shape[2]);
    for (row, &own) in lengths.iter().enumerate() {
        let at = row * length * channels..(row * length + own) * channels;
        let name = format!("{file} grad.x row {row}");
        assert_close(&name, &expected.values[at.clone()], &found[at], TOLERANCE);
    }

    let [ih, hh, bias] = recurrence(&golden, "grad.");
    let close = |name: &str, expected: TensorData, found: Vec<f32>| {
        let expected = expected.try_into_vec::<f32>().unwrap();
        assert_close(&format!("{file} grad.{name}"), &expected, &found, TOLERANCE);
    };
    let lstm = &model.lstm.layers[0];
    close(
        "lstm.weight_ih",
        ih,
        values(lstm.weight_ih.grad(&grads).unwrap()),
    );
    close(
        "lstm.weight_hh",
        hh,
        values(lstm.weight_hh.grad(&grads).unwrap()),
    );
    close("lstm.bias", bias, values(lstm.bias.grad(&grads).unwrap()));
    if let Some(front) = &model.front {
        close(
            "conv.weight",
            kernel(&golden, "grad.conv.weight"),
            values(front.conv.weight.grad(&grads).unwrap()),
        );
        let bias = values(front.conv.bias.grad(&grads).unwrap());
        same("grad.conv.bias", bias);
    }
    if let Some(norm) = &model.batch_norm {
        same("grad.norm.weight", values(norm.gamma.grad(&grads).unwrap()));
        same("grad.norm.bias", values(norm.beta.grad(&grads).unwrap()));
    }
    if let Some(norm) = &model.layer_norm {
        same("grad.norm.weight", values(norm.gamma.grad(&grads).unwrap()));
        let beta = norm.beta.as_ref().unwrap();
        same("grad.norm.bias", values(beta.grad(&grads).unwrap()));
    }
    for (name, layer) in [("dense", &model.dense), ("output", &model.output)] {
        let weight = values(layer.weight.grad(&grads).unwrap());
        let expected = transposed(&golden, &format!("grad.{name}.weight"));
        close(&format!("{name}.weight"), expected, weight);
        let bias = values(layer.bias.as_ref().unwrap().grad(&grads).unwrap());
        same(&format!("grad.{name}.bias"), bias);
    }
}

macro_rules! golden {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            check(concat!(stringify!($name), ".safetensors"));
        }
    )*};
}

golden!(
    sequence_lstm_reference,
    sequence_lstm_mean_layer,
    sequence_lstm_conv_mean_max,
    sequence_lstm_max_none,
);
