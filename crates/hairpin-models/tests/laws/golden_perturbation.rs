//! Outputs, loss and every gradient against the same networks in PyTorch: see `fixtures/make/golden_perturbation.py`.

use crate::agreement::{TOLERANCE, data, values};
use burn::module::Param;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use hairpin_golden::{Golden, assert_close};
use hairpin_models::{
    AttentionOver, Autoencoder, AutoencoderConfig, EncodingHead, EncodingNet, EncodingNetConfig,
    LatentRegressor, LatentRegressorConfig, Model, PerturbationTransformer,
    PerturbationTransformerConfig,
};
use hairpin_nn::{Dense, LayerNorm, Recurrent, TransformerEncoder};
use serde::Deserialize;
use serde::de::value::StrDeserializer;
use std::collections::BTreeMap;

/// A parameter of ours.
enum Own<'a> {
    /// The transpose of torch's.
    Matrix(&'a mut Param<Tensor<2>>),
    Vector(&'a mut Param<Tensor<1>>),
    /// Torch's with its dimensions reversed.
    Kernel(&'a mut Param<Tensor<3>>),
    /// Eight tensors of torch's.
    Recurrent(&'a mut Recurrent),
}

type Work<'a> = &'a mut dyn FnMut(&str, Own<'_>);

/// Torch's recurrence, or its gradient, in the layer's layout.
fn recurrent(golden: &Golden, prefix: &str) -> Recurrent {
    let mut tensors = BTreeMap::new();
    for direction in ["", "_reverse"] {
        for part in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] {
            let name = format!("{part}_l0{direction}");
            let mut own = golden.f32(&format!("{prefix}recurrent.{name}"));
            if part == "bias_ih" && !prefix.is_empty() {
                // Ours is the sum of torch's two, whose gradient is that of either; a GRU keeps the two of `n`, its last third, apart.
                let gates = golden.f32("recurrent.weight_ih_l0").shape[0]
                    / golden.f32("recurrent.weight_hh_l0").shape[1];
                let summed = match gates {
                    3 => own.values.len() / 3 * 2,
                    _ => own.values.len(),
                };
                own.values[..summed].fill(0.0);
            }
            tensors.insert(name, TensorData::new(own.values, own.shape));
        }
    }
    Recurrent::from_pytorch(&tensors, &Device::flex()).unwrap()
}

fn parts(layer: &Recurrent) -> [TensorData; 3] {
    let layer = &layer.layers[0];
    [
        layer.weight_ih.val().into_data(),
        layer.weight_hh.val().into_data(),
        layer.bias.val().into_data(),
    ]
}

impl Own<'_> {
    fn load(self, golden: &Golden, name: &str, device: &Device) {
        let plain = Device::flex();
        match self {
            Self::Matrix(own) => {
                let torch = Tensor::<2>::from_data(data(golden, name), &plain);
                *own = Param::from_data(torch.transpose().into_data(), device);
            }
            Self::Vector(own) => *own = Param::from_data(data(golden, name), device),
            Self::Kernel(own) => {
                let torch = Tensor::<3>::from_data(data(golden, name), &plain);
                *own = Param::from_data(torch.permute([2, 1, 0]).into_data(), device);
            }
            Self::Recurrent(own) => {
                let [ih, hh, bias] = parts(&recurrent(golden, ""));
                own.layers[0].weight_ih = Param::from_data(ih, device);
                own.layers[0].weight_hh = Param::from_data(hh, device);
                own.layers[0].bias = Param::from_data(bias, device);
            }
        }
    }

    /// What torch found and what is found here, in one layout.
    fn gradient(self, golden: &Golden, name: &str, grads: &Gradients) -> [Vec<f32>; 2] {
        let expected = || golden.f32(&format!("grad.{name}")).values;
        match self {
            Self::Matrix(own) => [
                expected(),
                values(own.val().grad(grads).unwrap().transpose()),
            ],
            Self::Vector(own) => [expected(), values(own.val().grad(grads).unwrap())],
            Self::Kernel(own) => {
                let found = own.val().grad(grads).unwrap().permute([2, 1, 0]);
                [expected(), values(found)]
            }
            Self::Recurrent(own) => {
                let layer = &own.layers[0];
                let found = [
                    layer.weight_ih.val().grad(grads).unwrap().into_data(),
                    layer.weight_hh.val().grad(grads).unwrap().into_data(),
                    layer.bias.val().grad(grads).unwrap().into_data(),
                ];
                [parts(&recurrent(golden, "grad.")), found].map(|parts| {
                    let parts = parts.map(|part| part.try_into_vec::<f32>().unwrap());
                    parts.concat()
                })
            }
        }
    }
}

fn dense(name: &str, layer: &mut Dense, work: Work<'_>) {
    let separator = if name.ends_with("in_proj") { "_" } else { "." };
    work(
        &format!("{name}{separator}weight"),
        Own::Matrix(&mut layer.weight),
    );
    work(
        &format!("{name}{separator}bias"),
        Own::Vector(&mut layer.bias),
    );
}

fn each_dense(name: &str, layers: &mut [Dense], work: Work<'_>) {
    for (index, layer) in layers.iter_mut().enumerate() {
        dense(&format!("{name}.{index}"), layer, work);
    }
}

fn norm(name: &str, layer: &mut LayerNorm, work: Work<'_>) {
    work(&format!("{name}.weight"), Own::Vector(&mut layer.gamma));
    work(&format!("{name}.bias"), Own::Vector(&mut layer.beta));
}

fn encoder(encoder: &mut TransformerEncoder, work: Work<'_>) {
    for (index, layer) in encoder.layers.iter_mut().enumerate() {
        let name = |part| format!("encoder.layers.{index}.{part}");
        dense(&name("self_attn.in_proj"), &mut layer.attention.input, work);
        let output = &mut layer.attention.output;
        dense(&name("self_attn.out_proj"), output, work);
        dense(&name("linear1"), &mut layer.feed_forward.inner, work);
        dense(&name("linear2"), &mut layer.feed_forward.outer, work);
        norm(&name("norm1"), &mut layer.norm_attention, work);
        norm(&name("norm2"), &mut layer.norm_feed_forward, work);
    }
}

trait Network: Model<Input = Tensor<2>> {
    fn of(golden: &Golden, device: &Device) -> Self;
    fn for_each(&mut self, work: Work<'_>);
}

fn number(golden: &Golden, name: &str) -> usize {
    golden.config()[name].as_u64().unwrap() as usize
}

/// A choice by its name in a configuration.
fn choice<T: for<'a> Deserialize<'a>>(golden: &Golden, name: &str) -> T {
    let config = golden.config();
    let text = config[name].as_str().unwrap();
    let found: Result<T, serde::de::value::Error> = T::deserialize(StrDeserializer::new(text));
    found.unwrap()
}

impl Network for PerturbationTransformer {
    fn of(golden: &Golden, device: &Device) -> Self {
        let config = golden.config();
        let statistics = config["statistics"].as_array().unwrap().iter();
        PerturbationTransformerConfig::new(
            number(golden, "n_cell_types"),
            number(golden, "n_compounds"),
            statistics
                .map(|own| own.as_u64().unwrap() as usize)
                .collect(),
            number(golden, "n_genes"),
        )
        .with_attention(choice::<AttentionOver>(golden, "attention"))
        .with_d_model(number(golden, "d_model"))
        .with_n_layers(number(golden, "n_layers"))
        .with_n_heads(number(golden, "n_heads"))
        .with_d_ff(number(golden, "d_ff"))
        .with_dropout(0.0)
        .init(device)
        .unwrap()
    }

    fn for_each(&mut self, work: Work<'_>) {
        each_dense("blocks", &mut self.blocks, work);
        if let Some(join) = &mut self.join {
            dense("join", join, work);
        }
        norm("norm", &mut self.norm, work);
        encoder(&mut self.encoder, work);
        dense("output", &mut self.output, work);
    }
}

impl Network for Autoencoder {
    fn of(golden: &Golden, device: &Device) -> Self {
        AutoencoderConfig::new(number(golden, "n_conditions"), number(golden, "n_genes"))
            .with_d_hidden(number(golden, "d_hidden"))
            .with_d_latent(number(golden, "d_latent"))
            .with_dropout(0.0)
            .init(device)
            .unwrap()
    }

    fn for_each(&mut self, work: Work<'_>) {
        each_dense("encoder", &mut self.encoder.layers, work);
        each_dense("decoder", &mut self.decoder.layers, work);
    }
}

impl Network for LatentRegressor {
    fn of(golden: &Golden, device: &Device) -> Self {
        LatentRegressorConfig::new(number(golden, "n_conditions"))
            .with_d_latent(number(golden, "d_latent"))
            .with_attention(choice::<AttentionOver>(golden, "attention"))
            .with_d_hidden(number(golden, "d_hidden"))
            .with_n_heads(number(golden, "n_heads"))
            .with_d_ff(number(golden, "d_ff"))
            .with_dropout(0.0)
            .init(device)
            .unwrap()
    }

    fn for_each(&mut self, work: Work<'_>) {
        each_dense("hidden", &mut self.hidden, work);
        encoder(&mut self.encoder, work);
        dense("output", &mut self.output, work);
    }
}

impl Network for EncodingNet {
    fn of(golden: &Golden, device: &Device) -> Self {
        EncodingNetConfig::new(number(golden, "d_input"), number(golden, "n_outputs"))
            .with_head(choice::<EncodingHead>(golden, "head"))
            .with_steps(number(golden, "steps"))
            .with_d_head(number(golden, "d_head"))
            .with_kernel(number(golden, "kernel"))
            .with_d_hidden(number(golden, "d_hidden"))
            .with_dropout(0.0)
            .init(device)
            .unwrap()
    }

    fn for_each(&mut self, work: Work<'_>) {
        if let Some(layer) = &mut self.dense {
            dense("dense", layer, work);
        }
        if let Some(layer) = &mut self.recurrent {
            work("recurrent", Own::Recurrent(layer));
        }
        if let Some(layer) = &mut self.convolution {
            work("conv.weight", Own::Kernel(&mut layer.weight));
            work("conv.bias", Own::Vector(&mut layer.bias));
        }
        dense("hidden", &mut self.hidden, work);
        dense("output", &mut self.output, work);
    }
}

fn check<N: Network>(file: &str) -> (Golden, N) {
    let golden = Golden::load("hairpin-models", file);
    let device = Device::flex().autodiff();
    let mut model = N::of(&golden, &device);
    let mut loaded = 0;
    model.for_each(&mut |name, own| {
        loaded += match own {
            Own::Recurrent(_) => 8,
            _ => 1,
        };
        own.load(&golden, name, &device);
    });
    let gradients = golden.names().filter(|name| name.starts_with("grad."));
    assert_eq!(loaded + 1, gradients.count(), "tensors of {file}");

    let close = |name: &str, expected: &[f32], found: &[f32]| {
        assert_close(&format!("{file} {name}"), expected, found, TOLERANCE);
    };
    let same = |name: &str, found: Vec<f32>| close(name, &golden.f32(name).values, &found);
    let x = Tensor::<2>::from_data(data(&golden, "x"), &device).require_grad();
    let outputs = model.forward(x.clone());
    assert_eq!(outputs.dims()[1], model.n_outputs());
    same("outputs", values(outputs.clone()));
    let targets = Tensor::<2>::from_data(data(&golden, "targets"), &device);
    let loss = (outputs - targets).square().mean();
    same("loss", values(loss.clone()));
    let grads = loss.backward();
    same("grad.x", values(x.grad(&grads).unwrap()));
    model.for_each(&mut |name, own| {
        let [expected, found] = own.gradient(&golden, name, &grads);
        close(&format!("grad.{name}"), &expected, &found);
    });
    (golden, model)
}

#[test]
fn transformer() {
    for name in ["samples", "tokens"] {
        check::<PerturbationTransformer>(&format!("perturbation_transformer_{name}.safetensors"));
    }
}

#[test]
fn autoencoder() {
    let (golden, model) = check::<Autoencoder>("perturbation_autoencoder.safetensors");
    let x = Tensor::<2>::from_data(data(&golden, "x"), &Device::flex());
    let model = burn::module::Module::valid(&model);
    let genes = values(model.genes(model.encode(x)));
    let expected = golden.f32("genes").values;
    assert_close("genes", &expected, &genes, TOLERANCE);
}

#[test]
fn latent_regressor() {
    for name in ["within", "across"] {
        check::<LatentRegressor>(&format!("perturbation_latent_{name}.safetensors"));
    }
}

#[test]
fn encoding_net() {
    for name in ["dense", "lstm", "gru", "convolution"] {
        check::<EncodingNet>(&format!("perturbation_net_{name}.safetensors"));
    }
}
