//! Saliency, input x gradient and integrated gradients against Captum, for networks of one and of two inputs: see
//! `fixtures/make/golden_explain.py`.

use burn::tensor::{Device, Tensor, TensorData, activation};
use hairpin_golden::{Golden, Tolerance, assert_close};
use hairpin_nn::{Conv1d, Conv1dConfig};
use hairpin_train::explain::{IntegratedGradients, Quadrature, input_x_gradient, saliency};

const STEPS: usize = 20;
const TARGET: usize = 1;
const TOLERANCE: Tolerance = Tolerance {
    absolute: 5e-7,
    relative: 1e-6,
};

struct Case {
    golden: Golden,
    device: Device,
}

impl Case {
    fn load(file: &str) -> Self {
        let golden = Golden::load("hairpin-train", file);
        let details = &golden.provenance().details;
        assert_eq!(details["steps"], STEPS.to_string());
        assert_eq!(details["target"], TARGET.to_string());
        Self {
            golden,
            device: Device::flex(),
        }
    }

    fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        let found = self.golden.f32(name);
        Tensor::from_data(TensorData::new(found.values, found.shape), &self.device)
    }

    fn conv(&self, name: &str) -> Conv1d {
        let weight: Tensor<3> = self.tensor(&format!("{name}.weight"));
        let [d_output, d_input, kernel] = weight.dims();
        let mut conv = Conv1dConfig::new(d_input, d_output, kernel).init(&self.device);
        conv.weight = burn::module::Param::from_tensor(weight.permute([2, 1, 0]));
        conv.bias = burn::module::Param::from_tensor(self.tensor(&format!("{name}.bias")));
        conv
    }

    fn dense(&self, name: &str, x: Tensor<2>) -> Tensor<2> {
        let weight: Tensor<2> = self.tensor(&format!("{name}.weight"));
        let bias: Tensor<1> = self.tensor(&format!("{name}.bias"));
        x.matmul(weight.transpose()) + bias.unsqueeze()
    }

    fn same<const D: usize>(&self, name: &str, found: Tensor<D>, factor: f32) {
        assert!(!found.is_autodiff(), "{name} is on a graph");
        let found: Vec<f32> = found.into_data().iter::<f32>().collect();
        let expected: Vec<f32> = self
            .golden
            .f32(name)
            .values
            .iter()
            .map(|value| value * factor)
            .collect();
        assert_close(name, &expected, &found, TOLERANCE);
    }

    /// Every method, on the inputs of these names.
    fn check<const N: usize>(
        &self,
        f: impl Fn([Tensor<3>; N]) -> Tensor<2> + Copy,
        names: [&str; N],
    ) {
        let inputs = names.map(|name| self.tensor::<3>(name));
        self.same("output", f(inputs.clone()), 1.0);
        for (method, found) in [
            ("saliency", saliency(f, inputs.clone(), TARGET).unwrap()),
            (
                "input_x_gradient",
                input_x_gradient(f, inputs.clone(), TARGET).unwrap(),
            ),
        ] {
            for (name, found) in names.iter().zip(found) {
                self.same(&format!("{method}.{name}"), found, 1.0);
            }
        }
        for (start, baseline) in [
            ("zeros", inputs.clone().map(|x| x.zeros_like())),
            (
                "own",
                names.map(|name| self.tensor(&format!("baseline.{name}"))),
            ),
        ] {
            for (rule, quadrature, factor) in [
                // Captum's weights add up to (n - 1) / n.
                (
                    "trapezoid",
                    Quadrature::Trapezoid,
                    STEPS as f32 / (STEPS - 1) as f32,
                ),
                ("gauss", Quadrature::GaussLegendre, 1.0),
            ] {
                // 3 rows: 1 and 6 points of the path at once, and all of them.
                for batch_size in [1, 20, 1000] {
                    let settings = IntegratedGradients {
                        steps: STEPS,
                        quadrature,
                        batch_size,
                    };
                    let found = settings
                        .attribute(f, inputs.clone(), std::slice::from_ref(&baseline), TARGET)
                        .unwrap();
                    for (name, attribution) in names.iter().zip(found.attributions) {
                        self.same(&format!("{rule}.{start}.{name}"), attribution, factor);
                    }
                    // Captum's residual is of its own weights: it says something of ours only where both add up to 1.
                    if quadrature == Quadrature::GaussLegendre {
                        let delta = self.golden.f32(&format!("gauss.{start}.delta")).values;
                        for (expected, found) in delta.iter().zip(&found.residual) {
                            assert!((f64::from(*expected) - found).abs() < 5e-6, "{found}");
                        }
                    }
                }
            }
        }
    }
}

/// Convolution, GELU, mean over positions.
fn pooled(conv: &Conv1d, x: Tensor<3>) -> Tensor<2> {
    let [batch, ..] = x.dims();
    let x = activation::gelu(conv.forward(x)).mean_dim(1);
    let channels = x.dims()[2];
    x.reshape([batch, channels])
}

#[test]
fn one_input() {
    let case = Case::load("explain_one.safetensors");
    let conv = case.conv("conv");
    let f =
        |[x]: [Tensor<3>; 1]| case.dense("output", case.dense("dense", pooled(&conv, x)).tanh());
    case.check(f, ["x"]);
}

#[test]
fn two_inputs() {
    let case = Case::load("explain_two.safetensors");
    let (conv_a, conv_b) = (case.conv("conv_a"), case.conv("conv_b"));
    let f = |[a, b]: [Tensor<3>; 2]| case.dense("output", pooled(&conv_a, a) * pooled(&conv_b, b));
    case.check(f, ["a", "b"]);
}
