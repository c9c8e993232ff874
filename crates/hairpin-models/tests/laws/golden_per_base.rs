//! The network agrees with PyTorch's: outputs, loss and every gradient.

use crate::agreement::{TOLERANCE, data, values};
use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use hairpin_golden::{Golden, assert_close};
use hairpin_models::{Cell, Model, Norm, PerBase, PerBaseConfig, PerBaseInput};
use hairpin_nn::{Recurrent, TransformerEncoder};
use std::collections::BTreeMap;

fn has(golden: &Golden, name: &str) -> bool {
    golden.names().any(|other| other == name)
}

/// Torch's tensor with its dimensions in reverse, as matrices and kernels are in ours.
fn turned<const D: usize>(golden: &Golden, name: &str) -> TensorData {
    let tensor = Tensor::<D>::from_data(data(golden, name), &Device::flex());
    let axes: [isize; D] = std::array::from_fn(|axis| (D - 1 - axis) as isize);
    tensor.permute(axes).into_data()
}

/// What torch calls `prefix...`, by the rest of the name.
fn under(golden: &Golden, prefix: &str) -> BTreeMap<String, TensorData> {
    let named = golden.names().filter_map(|name| {
        let own = name.strip_prefix(prefix)?;
        Some((own.to_owned(), data(golden, name)))
    });
    named.collect()
}

fn config(golden: &Golden) -> PerBaseConfig {
    let config = golden.config();
    let number = |name: &str| config[name].as_u64().unwrap() as usize;
    let dilations = config["dilations"].as_array().unwrap();
    PerBaseConfig::new(golden.f32("x").shape[2], number("n_outputs"))
        .with_d_model(number("d_model"))
        .with_conv_kernel(number("kernel"))
        .with_dilations(
            dilations
                .iter()
                .map(|own| own.as_u64().unwrap() as usize)
                .collect(),
        )
        .with_norm(match config["norm"].as_str().unwrap() {
            "batch" => Norm::Batch,
            _ => Norm::Layer,
        })
        .with_attention_layers(number("attention_layers"))
        .with_n_heads(number("n_heads"))
        .with_d_ff(number("d_ff"))
        .with_n_pairs(number("n_pairs"))
        .with_recurrent_layers(number("recurrent_layers"))
        .with_cell(match config["cell"].as_str().unwrap() {
            "lstm" => Cell::Lstm,
            _ => Cell::Gru,
        })
        .with_d_hidden(number("d_hidden"))
        .with_bidirectional(config["bidirectional"].as_bool().unwrap())
        .with_dropout(0.0)
}

/// The network with torch's weights, or with torch's gradients in their places (`prefix` is empty or `grad.`).
fn network(golden: &Golden, prefix: &str, device: &Device) -> PerBase {
    let config = config(golden);
    let mut model = config.init(device).unwrap();
    let name = |own: String| format!("{prefix}{own}");
    for (index, block) in model.convs.iter_mut().enumerate() {
        let conv = |part| name(format!("convs.{index}.{part}"));
        let norm = |part| data(golden, &name(format!("norms.{index}.{part}")));
        block.conv.weight = Param::from_data(turned::<3>(golden, &conv("weight")), device);
        block.conv.bias = Param::from_data(data(golden, &conv("bias")), device);
        if let Some(own) = &mut block.batch_norm {
            own.gamma = Param::from_data(norm("weight"), device);
            own.beta = Param::from_data(norm("bias"), device);
            if prefix.is_empty() {
                let plain = device.clone().without_autodiff();
                let state = |part| RunningState::new(Tensor::from_data(norm(part), &plain));
                own.running_mean = state("running_mean");
                own.running_var = state("running_var");
            }
        }
        if let Some(own) = &mut block.layer_norm {
            own.gamma = Param::from_data(norm("weight"), device);
            own.beta = Param::from_data(norm("bias"), device);
        }
    }
    if let Some(attention) = &mut model.attention {
        let weights = under(golden, &name("encoder.".into()));
        attention.encoder =
            TransformerEncoder::from_pytorch(&weights, &config.encoder(), device).unwrap();
        attention.pair_weight = Some(Param::from_data(
            data(golden, &name("pair_weight".into())),
            device,
        ));
    }
    let mut weights = under(golden, &name("rnn.".into()));
    if !prefix.is_empty() {
        // The gradient of a sum of two biases is that of either; a GRU's bias after the product stands for itself.
        for (name, own) in &mut weights {
            if name.starts_with("bias_hh") {
                let mut of_both = own.clone().try_into_vec::<f32>().unwrap();
                let added = match config.cell {
                    Cell::Lstm => of_both.len(),
                    _ => 2 * config.d_hidden,
                };
                of_both[..added].fill(0.0);
                *own = TensorData::new(of_both, own.shape().clone());
            }
        }
    }
    model.recurrence = Some(Recurrent::from_pytorch(&weights, device).unwrap());
    model.output.weight =
        Param::from_data(turned::<2>(golden, &name("output.weight".into())), device);
    model.output.bias = Param::from_data(data(golden, &name("output.bias".into())), device);
    model
}

/// Parameters by a name each.
fn parameters(model: &PerBase) -> Vec<(String, Parameter<'_>)> {
    let mut all = Vec::new();
    for (index, block) in model.convs.iter().enumerate() {
        let mut add = |part: &str, own| all.push((format!("convs.{index}.{part}"), own));
        add("weight", Parameter::Kernel(&block.conv.weight));
        add("bias", Parameter::Vector(&block.conv.bias));
        if let Some(norm) = &block.batch_norm {
            add("gamma", Parameter::Vector(&norm.gamma));
            add("beta", Parameter::Vector(&norm.beta));
        }
        if let Some(norm) = &block.layer_norm {
            add("gamma", Parameter::Vector(&norm.gamma));
            add("beta", Parameter::Vector(&norm.beta));
        }
    }
    let mut add = |part: String, own| all.push((part, own));
    if let Some(attention) = &model.attention {
        let pair_weight = attention.pair_weight.as_ref().unwrap();
        add("pair_weight".into(), Parameter::Matrix(pair_weight));
        for (index, layer) in attention.encoder.layers.iter().enumerate() {
            for (name, dense) in [
                ("input", &layer.attention.input),
                ("output", &layer.attention.output),
                ("inner", &layer.feed_forward.inner),
                ("outer", &layer.feed_forward.outer),
            ] {
                let name = format!("encoder.{index}.{name}");
                add(format!("{name}.weight"), Parameter::Matrix(&dense.weight));
                add(format!("{name}.bias"), Parameter::Vector(&dense.bias));
            }
            for norm in [&layer.norm_attention, &layer.norm_feed_forward] {
                add(
                    format!("encoder.{index}.gamma"),
                    Parameter::Vector(&norm.gamma),
                );
                add(
                    format!("encoder.{index}.beta"),
                    Parameter::Vector(&norm.beta),
                );
            }
        }
        let last = attention.encoder.norm.as_ref().unwrap();
        add("encoder.gamma".into(), Parameter::Vector(&last.gamma));
        add("encoder.beta".into(), Parameter::Vector(&last.beta));
    }
    for (index, layer) in model.recurrence.as_ref().unwrap().layers.iter().enumerate() {
        add(
            format!("rnn.{index}.ih"),
            Parameter::Matrix(&layer.weight_ih),
        );
        add(
            format!("rnn.{index}.hh"),
            Parameter::Kernel(&layer.weight_hh),
        );
        add(format!("rnn.{index}.bias"), Parameter::Vector(&layer.bias));
    }
    add(
        "output.weight".into(),
        Parameter::Matrix(&model.output.weight),
    );
    add("output.bias".into(), Parameter::Vector(&model.output.bias));
    all
}

enum Parameter<'a> {
    Vector(&'a Param<Tensor<1>>),
    Matrix(&'a Param<Tensor<2>>),
    Kernel(&'a Param<Tensor<3>>),
}

impl Parameter<'_> {
    fn values(&self) -> Vec<f32> {
        match self {
            Self::Vector(own) => values(own.val()),
            Self::Matrix(own) => values(own.val()),
            Self::Kernel(own) => values(own.val()),
        }
    }

    fn gradient(&self, grads: &Gradients) -> Vec<f32> {
        match self {
            Self::Vector(own) => values(own.val().grad(grads).unwrap()),
            Self::Matrix(own) => values(own.val().grad(grads).unwrap()),
            Self::Kernel(own) => values(own.val().grad(grads).unwrap()),
        }
    }
}

fn check(file: &str) {
    let golden = Golden::load("hairpin-models", file);
    let plain = Device::flex();
    let device = plain.clone().autodiff();
    let lengths = golden.i64("lengths").values;
    let lengths: Vec<usize> = lengths.into_iter().map(|n| n as usize).collect();
    let model = network(&golden, "", &device);
    // Beyond a molecule's end nothing is defined.
    let inside = |name: &str, found: Vec<f32>| {
        let expected = golden.f32(name);
        let (length, channels) = (expected.shape[1], expected.shape[2]);
        for (row, &own) in lengths.iter().enumerate() {
            let at = row * length * channels..(row * length + own) * channels;
            let name = format!("{file} {name} row {row}");
            assert_close(&name, &expected.values[at.clone()], &found[at], TOLERANCE);
        }
    };
    let tensor = |name: &str, device: &Device| Tensor::<3>::from_data(data(&golden, name), device);
    let pairs = |device: &Device| {
        has(&golden, "pairs").then(|| Tensor::<4>::from_data(data(&golden, "pairs"), device))
    };

    let mut input = PerBaseInput::new(tensor("x", &plain), lengths.clone());
    input.pairs = pairs(&plain);
    inside("eval.outputs", values(model.valid().forward(input)));

    let x = tensor("x", &device).require_grad();
    let mut input = PerBaseInput::new(x.clone(), lengths.clone());
    input.pairs = pairs(&device).map(Tensor::require_grad);
    let of_pairs = input.pairs.clone();
    let outputs = model.forward(input);
    inside("train.outputs", values(outputs.clone()));
    let weights = tensor("weights", &device);
    let distance = outputs - tensor("targets", &device);
    let loss = (distance.square() * weights.clone()).sum() / weights.sum();
    let same = |name: &str, expected: &[f32], found: Vec<f32>| {
        assert_close(&format!("{file} {name}"), expected, &found, TOLERANCE);
    };
    same("loss", &golden.f32("loss").values, values(loss.clone()));
    let grads = loss.backward();
    inside("grad.x", values(x.grad(&grads).unwrap()));
    if let Some(pairs) = of_pairs {
        let found = values(pairs.grad(&grads).unwrap());
        same("grad.pairs", &golden.f32("grad.pairs").values, found);
    }
    let expected = network(&golden, "grad.", &plain);
    let expected = parameters(&expected);
    let found = parameters(&model);
    assert_eq!(found.len(), expected.len());
    for ((name, found), (_, expected)) in found.iter().zip(&expected) {
        let name = format!("grad of {name}");
        same(&name, &expected.values(), found.gradient(&grads));
    }
}

#[test]
fn per_base_reference() {
    check("per_base_reference.safetensors");
}

#[test]
fn per_base_pairs() {
    check("per_base_pairs.safetensors");
}
