//! Scores, loss and every gradient against the same network in PyTorch: see `fixtures/make/golden_two_tower.py`.

use crate::agreement::{TOLERANCE, data, values};
use burn::module::Param;
use burn::tensor::{Device, Gradients, Tensor};
use hairpin_golden::{Golden, assert_close};
use hairpin_models::{
    Model, PairInput, ResiduePool, ResidueTowersConfig, SequenceInput, TwoTower, TwoTowerConfig,
};
use hairpin_nn::{Dense, LayerNorm};

/// A parameter of ours.
enum Own<'a> {
    /// The transpose of torch's.
    Matrix(&'a mut Param<Tensor<2>>),
    Table(&'a mut Param<Tensor<2>>),
    Vector(&'a mut Param<Tensor<1>>),
    /// Torch's with its dimensions reversed.
    Kernel(&'a mut Param<Tensor<3>>),
}

impl Own<'_> {
    fn load(self, golden: &Golden, name: &str, device: &Device) {
        let plain = Device::flex();
        let data = data(golden, name);
        match self {
            Self::Matrix(own) => {
                let data = Tensor::<2>::from_data(data, &plain).transpose().into_data();
                *own = Param::from_data(data, device);
            }
            Self::Table(own) => *own = Param::from_data(data, device),
            Self::Vector(own) => *own = Param::from_data(data, device),
            Self::Kernel(own) => {
                let torch = Tensor::<3>::from_data(data, &plain);
                *own = Param::from_data(torch.permute([2, 1, 0]).into_data(), device);
            }
        }
    }

    /// In torch's layout.
    fn gradient(self, grads: &Gradients) -> Vec<f32> {
        match self {
            Self::Matrix(own) => values(own.val().grad(grads).unwrap().transpose()),
            Self::Table(own) => values(own.val().grad(grads).unwrap()),
            Self::Vector(own) => values(own.val().grad(grads).unwrap()),
            Self::Kernel(own) => values(own.val().grad(grads).unwrap().permute([2, 1, 0])),
        }
    }
}

fn for_each(model: &mut TwoTower, work: &mut dyn FnMut(&str, Own<'_>)) {
    let mut dense = |name: &str, separator: &str, layer: &mut Dense| {
        let name = format!("{name}{separator}");
        work(&format!("{name}weight"), Own::Matrix(&mut layer.weight));
        work(&format!("{name}bias"), Own::Vector(&mut layer.bias));
    };
    let TwoTower {
        protein, rna, head, ..
    } = model;
    dense("protein.inner", ".", &mut protein.inner);
    dense("protein.outer", ".", &mut protein.outer);
    dense("rna.pool.hidden", ".", &mut rna.pool.hidden);
    dense("rna.pool.gate", ".", rna.pool.gate.as_mut().unwrap());
    dense("rna.pool.score", ".", &mut rna.pool.score);
    dense("head.protein", ".", &mut head.protein);
    dense("head.gate", ".", &mut head.gate);
    dense("head.rna", ".", &mut head.rna);
    if let Some(structure) = &mut rna.structure {
        dense("rna.structure", ".", &mut structure.dense);
    }
    for (index, layer) in rna.encoder.layers.iter_mut().enumerate() {
        let name = |part| format!("rna.encoder.layers.{index}.{part}");
        dense(&name("self_attn.in_proj"), "_", &mut layer.attention.input);
        dense(
            &name("self_attn.out_proj"),
            ".",
            &mut layer.attention.output,
        );
        dense(&name("linear1"), ".", &mut layer.feed_forward.inner);
        dense(&name("linear2"), ".", &mut layer.feed_forward.outer);
    }
    let mut norm = |name: &str, layer: &mut LayerNorm| {
        work(&format!("{name}.weight"), Own::Vector(&mut layer.gamma));
        work(&format!("{name}.bias"), Own::Vector(&mut layer.beta));
    };
    norm("protein.norm", &mut protein.norm);
    norm("rna.norm", &mut rna.norm);
    if let Some(structure) = &mut rna.structure {
        norm("rna.structure_norm", &mut structure.norm);
    }
    for (index, layer) in rna.encoder.layers.iter_mut().enumerate() {
        let name = |part| format!("rna.encoder.layers.{index}.{part}");
        norm(&name("norm1"), &mut layer.norm_attention);
        norm(&name("norm2"), &mut layer.norm_feed_forward);
    }
    for (index, layer) in rna.convolutions.iter_mut().enumerate() {
        norm(&format!("rna.convolutions.{index}.norm"), &mut layer.norm);
    }
    for (index, layer) in rna.convolutions.iter_mut().enumerate() {
        let name = |part| format!("rna.convolutions.{index}.conv.{part}");
        work(&name("weight"), Own::Kernel(&mut layer.conv.weight));
        work(&name("bias"), Own::Vector(&mut layer.conv.bias));
    }
    let nucleotides = &mut rna.nucleotides.weight;
    work("rna.nucleotides.weight", Own::Matrix(nucleotides));
    work("rna.positions", Own::Table(&mut rna.positions));
    work("head.scale", Own::Vector(&mut head.scale));
    work("head.bias", Own::Vector(&mut head.bias));
}

fn for_each_of_residues(pool: &mut ResiduePool, work: &mut dyn FnMut(&str, Own<'_>)) {
    let layers = [
        ("dense", &mut pool.dense),
        ("pool.hidden", &mut pool.pool.hidden),
        ("pool.gate", pool.pool.gate.as_mut().unwrap()),
        ("pool.score", &mut pool.pool.score),
    ];
    for (name, layer) in layers {
        work(
            &format!("residues.{name}.weight"),
            Own::Matrix(&mut layer.weight),
        );
        work(
            &format!("residues.{name}.bias"),
            Own::Vector(&mut layer.bias),
        );
    }
    work("residues.norm.weight", Own::Vector(&mut pool.norm.gamma));
    work("residues.norm.bias", Own::Vector(&mut pool.norm.beta));
}

fn config(golden: &Golden) -> TwoTowerConfig {
    let config = golden.config();
    let number = |name: &str| config[name].as_u64().unwrap() as usize;
    let numbers = |name: &str| -> Vec<usize> {
        let all = config[name].as_array().unwrap().iter();
        all.map(|value| value.as_u64().unwrap() as usize).collect()
    };
    TwoTowerConfig::new(number("d_protein"), number("n_proteins"))
        .with_d_structure(number("d_structure"))
        .with_d_protein_hidden(number("d_protein_hidden"))
        .with_d_model(number("d_model"))
        .with_kernels(numbers("kernels"))
        .with_dilations(numbers("dilations"))
        .with_n_layers(number("n_layers"))
        .with_n_heads(number("n_heads"))
        .with_d_ff(number("d_ff"))
        .with_rank(number("rank"))
        .with_max_length(number("max_length"))
        .with_dropout(0.0)
}

fn rnas(golden: &Golden, device: &Device) -> SequenceInput {
    let x = Tensor::from_data(data(golden, "x"), device);
    SequenceInput::new(x, lengths(golden, "lengths"))
}

fn lengths(golden: &Golden, name: &str) -> Vec<usize> {
    let lengths = golden.i64(name).values.into_iter();
    lengths.map(|n| n as usize).collect()
}

/// The gradients of the loss, after scores and loss were compared.
fn compared(
    golden: &Golden,
    scores: Tensor<2>,
    device: &Device,
    same: &impl Fn(&str, Vec<f32>),
) -> Gradients {
    same("scores", values(scores.clone()));
    let targets = Tensor::<2>::from_data(data(golden, "targets"), device);
    let loss = (scores - targets).square().mean();
    same("loss", values(loss.clone()));
    loss.backward()
}

fn check(file: &str) {
    let golden = Golden::load("hairpin-models", file);
    let device = Device::flex().autodiff();
    let mut model = config(&golden).init(&device).unwrap();
    let mut loaded = 0;
    for_each(&mut model, &mut |name, own| {
        own.load(&golden, name, &device);
        loaded += 1;
    });
    let gradients = golden.names().filter(|name| name.starts_with("grad."));
    assert_eq!(loaded + 1, gradients.count());

    let proteins = Tensor::<2>::from_data(data(&golden, "proteins"), &device).require_grad();
    let input = PairInput {
        left: proteins.clone(),
        right: rnas(&golden, &device),
        columns: (0..model.n_outputs()).collect(),
    };
    let same = |name: &str, found: Vec<f32>| {
        let expected = golden.f32(name).values;
        assert_close(&format!("{file} {name}"), &expected, &found, TOLERANCE);
    };
    let grads = compared(&golden, model.forward(input), &device, &same);
    same("grad.proteins", values(proteins.grad(&grads).unwrap()));
    for_each(&mut model, &mut |name, own| {
        same(&format!("grad.{name}"), own.gradient(&grads));
    });
}

#[test]
fn two_tower_structure() {
    check("two_tower_structure.safetensors");
}

#[test]
fn two_tower_plain() {
    check("two_tower_plain.safetensors");
}

#[test]
fn two_tower_residues() {
    let file = "two_tower_residues.safetensors";
    let golden = Golden::load("hairpin-models", file);
    let device = Device::flex().autodiff();
    let d_residue = golden.config()["d_residue"].as_u64().unwrap() as usize;
    let config = ResidueTowersConfig::new(d_residue, config(&golden));
    let mut model = config.init(&device).unwrap();
    let mut loaded = 0;
    let mut load = |name: &str, own: Own<'_>| {
        own.load(&golden, name, &device);
        loaded += 1;
    };
    for_each(&mut model.towers, &mut load);
    for_each_of_residues(&mut model.residues, &mut load);
    let gradients = golden.names().filter(|name| name.starts_with("grad."));
    assert_eq!(loaded + 1, gradients.count());

    let proteins = Tensor::<3>::from_data(data(&golden, "proteins"), &device).require_grad();
    let left = SequenceInput::new(proteins.clone(), lengths(&golden, "protein_lengths"));
    let same = |name: &str, found: Vec<f32>| {
        let expected = golden.f32(name).values;
        assert_close(&format!("{file} {name}"), &expected, &found, TOLERANCE);
    };
    same("weights", values(model.residues.weights(&left, None)));
    let input = PairInput {
        left,
        right: rnas(&golden, &device),
        columns: (0..model.n_outputs()).collect(),
    };
    let grads = compared(&golden, model.forward(input), &device, &same);
    same("grad.proteins", values(proteins.grad(&grads).unwrap()));
    let mut compare =
        |name: &str, own: Own<'_>| same(&format!("grad.{name}"), own.gradient(&grads));
    for_each(&mut model.towers, &mut compare);
    for_each_of_residues(&mut model.residues, &mut compare);
}
