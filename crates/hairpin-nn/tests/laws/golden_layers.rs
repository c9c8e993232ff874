//! Attention, encoder, convolution, norms and dense layers against PyTorch, in values and all gradients: see
//! `fixtures/make/golden_layers.py`. The encoder's weights come in through `TransformerEncoder::from_pytorch`.

use crate::agreement::TOLERANCE;
use burn::module::Param;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use hairpin_golden::{Golden, assert_close};
use hairpin_nn::{
    Activation, AttentionInput, Conv1dConfig, Dense, DenseConfig, EncoderInput, LayerNormConfig,
    MaskedBatchNormConfig, MultiHeadAttentionConfig, NormPlace, Padding, TransformerEncoder,
    TransformerEncoderConfig, mask_pad,
};
use std::collections::BTreeMap;

/// A golden file, on a device.
struct Case {
    golden: Golden,
    file: String,
    device: Device,
}

impl Case {
    fn load(file: &str) -> Self {
        Self {
            golden: Golden::load("hairpin-nn", &format!("{file}.safetensors")),
            file: file.to_owned(),
            device: Device::flex().autodiff(),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.golden.names().any(|other| other == name)
    }

    fn data(&self, name: &str) -> TensorData {
        let found = self.golden.f32(name);
        TensorData::new(found.values, found.shape)
    }

    fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        Tensor::from_data(self.data(name), &self.device)
    }

    fn parameter<const D: usize>(&self, name: &str) -> Param<Tensor<D>> {
        Param::from_tensor(self.tensor(name))
    }

    fn transposed(&self, name: &str) -> Param<Tensor<2>> {
        Param::from_tensor(self.tensor::<2>(name).transpose().detach())
    }

    fn lengths(&self) -> Vec<usize> {
        let lengths = self.golden.i64("lengths").values;
        lengths.into_iter().map(|own| own as usize).collect()
    }

    fn dense(&self, dense: &mut Dense, weight: &str, bias: &str) {
        dense.weight = self.transposed(weight);
        dense.bias = self.parameter(bias);
    }

    /// Checks the output and returns the gradients of the golden loss. What stands at padded positions is not compared.
    fn check<const D: usize>(&self, output: Tensor<D>) -> Gradients {
        let weights: Tensor<D> = self.tensor("g_output");
        let expected: Tensor<D> = self.tensor("output");
        let output = match self.has("lengths") && D == 3 && expected.dims()[1] > 0 {
            true => output.mask_fill(expected.clone().equal_elem(0.0), 0.0),
            false => output,
        };
        self.same("output", output.clone());
        (output * weights).sum().backward()
    }

    fn same<const D: usize>(&self, name: &str, found: Tensor<D>) {
        let found = found.into_data().try_into_vec::<f32>().unwrap();
        let what = format!("{} {name}", self.file);
        assert_close(&what, &self.golden.f32(name).values, &found, TOLERANCE);
    }

    fn same_gradient<const D: usize>(&self, name: &str, of: &Tensor<D>, grads: &Gradients) {
        self.same(&format!("grad.{name}"), of.grad(grads).unwrap());
    }

    /// Of a matrix that is stored transposed.
    fn same_transposed(&self, name: &str, of: &Param<Tensor<2>>, grads: &Gradients) {
        let gradient = of.val().grad(grads).unwrap().transpose();
        self.same(&format!("grad.{name}"), gradient);
    }
}

#[test]
fn encoders() {
    for (file, activation, norm) in [
        ("encoder_post", Activation::Gelu, NormPlace::Post),
        ("encoder_post_bias", Activation::Relu, NormPlace::Post),
        ("encoder_pre", Activation::Relu, NormPlace::Pre),
        ("encoder_pre_bias", Activation::Gelu, NormPlace::Pre),
    ] {
        let case = Case::load(file);
        let tensors: BTreeMap<String, TensorData> = case
            .golden
            .names()
            .filter(|name| name.starts_with("layers.") || name.starts_with("norm."))
            .map(|name| (name.to_owned(), case.data(name)))
            .collect();
        let config = TransformerEncoderConfig::new(12, 3, 19, 2)
            .with_activation(activation)
            .with_norm(norm)
            .with_dropout(0.0);
        let encoder = TransformerEncoder::from_pytorch(&tensors, &config, &case.device).unwrap();
        assert_eq!(encoder.to_pytorch(), tensors, "{file}");

        let x: Tensor<3> = case.tensor("x").require_grad();
        let length = x.dims()[1];
        let mask = mask_pad(&case.lengths(), length, &case.device);
        let mut input = EncoderInput::new(x.clone()).with_mask_pad(mask);
        let bias = case
            .has("bias")
            .then(|| case.tensor::<4>("bias").require_grad());
        if let Some(bias) = &bias {
            input = input.with_bias(bias.clone());
        }
        let grads = case.check(encoder.forward(input));
        case.same_gradient("x", &x, &grads);
        if let Some(bias) = &bias {
            case.same_gradient("bias", bias, &grads);
        }
        for (index, layer) in encoder.layers.iter().enumerate() {
            for (name, separator, dense) in [
                ("self_attn.in_proj", "_", &layer.attention.input),
                ("self_attn.out_proj", ".", &layer.attention.output),
                ("linear1", ".", &layer.feed_forward.inner),
                ("linear2", ".", &layer.feed_forward.outer),
            ] {
                let name = format!("layers.{index}.{name}{separator}");
                case.same_transposed(&format!("{name}weight"), &dense.weight, &grads);
                case.same_gradient(&format!("{name}bias"), &dense.bias.val(), &grads);
            }
            for (name, norm) in [
                ("norm1", &layer.norm_attention),
                ("norm2", &layer.norm_feed_forward),
            ] {
                let name = format!("layers.{index}.{name}");
                case.same_gradient(&format!("{name}.weight"), &norm.gamma.val(), &grads);
                case.same_gradient(&format!("{name}.bias"), &norm.beta.val(), &grads);
            }
        }
    }
}

#[test]
fn attention_over_a_context() {
    for file in ["attention_plain", "attention_bias"] {
        let case = Case::load(file);
        let mut layer = MultiHeadAttentionConfig::new(10, 2).init(&case.device);
        case.dense(&mut layer.input, "in_proj_weight", "in_proj_bias");
        case.dense(&mut layer.output, "out_proj.weight", "out_proj.bias");
        let x: Tensor<3> = case.tensor("x").require_grad();
        let context: Tensor<3> = case.tensor("context").require_grad();
        let mut input = AttentionInput::new(x.clone())
            .with_context(context.clone())
            .with_mask_pad(mask_pad(&case.lengths(), 9, &case.device));
        let bias = case
            .has("bias")
            .then(|| case.tensor::<4>("bias").require_grad());
        if let Some(bias) = &bias {
            input = input.with_bias(bias.clone());
        }
        let grads = case.check(layer.forward(input));
        case.same_gradient("x", &x, &grads);
        case.same_gradient("context", &context, &grads);
        if let Some(bias) = &bias {
            case.same_gradient("bias", bias, &grads);
        }
        for (name, dense) in [("in_proj_", &layer.input), ("out_proj.", &layer.output)] {
            case.same_transposed(&format!("{name}weight"), &dense.weight, &grads);
            case.same_gradient(&format!("{name}bias"), &dense.bias.val(), &grads);
        }
    }
}

#[test]
fn convolutions() {
    for file in ["conv_dilated", "conv_strided", "conv_valid"] {
        let case = Case::load(file);
        let sizes = case.golden.i64("sizes").values;
        let [kernel, stride, dilation, pad] = [0, 1, 2, 3].map(|i| sizes[i] as usize);
        let mut layer = Conv1dConfig::new(5, 7, kernel)
            .with_stride(stride)
            .with_dilation(dilation)
            .with_padding(Padding::Explicit(pad, pad))
            .init(&case.device);
        let weight = case.tensor::<3>("weight").swap_dims(0, 2).detach();
        layer.weight = Param::from_tensor(weight);
        layer.bias = case.parameter("bias");
        let x: Tensor<3> = case.tensor("x").require_grad();
        let grads = case.check(layer.forward(x.clone()));
        case.same_gradient("x", &x, &grads);
        case.same_gradient("bias", &layer.bias.val(), &grads);
        let weight = layer.weight.val().grad(&grads).unwrap().swap_dims(0, 2);
        case.same("grad.weight", weight);
    }
}

#[test]
fn dense_layers() {
    for (file, activation) in [
        ("dense_gelu", Activation::Gelu),
        ("dense_relu", Activation::Relu),
        ("dense_identity", Activation::Identity),
    ] {
        let case = Case::load(file);
        let mut layer = DenseConfig::new(5, 8)
            .with_activation(activation)
            .init(&case.device);
        case.dense(&mut layer, "weight", "bias");
        let x: Tensor<2> = case.tensor("x").require_grad();
        let grads = case.check(layer.forward(x.clone()));
        case.same_gradient("x", &x, &grads);
        case.same_transposed("weight", &layer.weight, &grads);
        case.same_gradient("bias", &layer.bias.val(), &grads);
    }
}

#[test]
fn norms() {
    let case = Case::load("layer_norm");
    let mut norm = LayerNormConfig::new(13).init(&case.device);
    norm.gamma = case.parameter("weight");
    norm.beta = case.parameter("bias");
    let x: Tensor<2> = case.tensor("x").require_grad();
    let grads = case.check(norm.forward(x.clone()));
    case.same_gradient("x", &x, &grads);
    case.same_gradient("weight", &norm.gamma.val(), &grads);
    case.same_gradient("bias", &norm.beta.val(), &grads);

    let case = Case::load("batch_norm");
    let mut norm = MaskedBatchNormConfig::new(6).init(&case.device);
    norm.gamma = case.parameter("weight");
    norm.beta = case.parameter("bias");
    let x: Tensor<3> = case.tensor("x").require_grad();
    let mask = mask_pad(&case.lengths(), 7, &case.device);
    let grads = case.check(norm.forward(x.clone(), Some(mask)));
    case.same_gradient("x", &x, &grads);
    case.same_gradient("weight", &norm.gamma.val(), &grads);
    case.same_gradient("bias", &norm.beta.val(), &grads);
    case.same("running_mean", norm.running_mean.value_sync());
    case.same("running_var", norm.running_var.value_sync());
}
