//! [`OptimizerConfig`]: how gradients change weights, in groups of parameters.

use crate::TrainError;
use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{LearningRate, LionConfig, ModuleOptimizer, Optimizer, SgdConfig};
use burn::tensor::{Device, Tensor};
use hairpin_nn::AdamConfig;
use serde::{Deserialize, Serialize};

/// The rule by which a gradient `g` changes a weight `w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Stochastic gradient descent, with momentum if `momentum` is above 0 (Sutskever et al. 2013): `v = momentum v + g`,
    /// `w = w - rate v`.
    Sgd,
    /// Adam (Kingma & Ba 2015, arXiv:1412.6980); weight decay is added to the gradient.
    Adam,
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101).
    Adamw,
    /// The sign of an interpolated momentum (Chen et al. 2023, arXiv:2302.06675); decoupled weight decay. Wants a learning rate 3 to 10
    /// times lower than Adam's.
    Lion,
}

/// Hyper-parameters of the optimizer. Each kind agrees with PyTorch's (Lion with its paper's): `docs/PARITY.md`.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `kind` | `adam` | `sgd`, `adam`, `adamw`, `lion` | |
/// | `beta_1` | 0.9 | of Adam and Lion: how much of the mean of gradients stays at a step | 0 up to, not including, 1 |
/// | `beta_2` | 0.999 | of Adam: how much of the mean of their squares; of Lion (whose paper has 0.99): of the momentum | 0 up to, not including, 1 |
/// | `epsilon` | 1e-8 | of Adam: added to the root | above 0 |
/// | `momentum` | 0.9 | of `sgd` | 0 up to, not including, 1 |
/// | `nesterov` | `false` | of `sgd`: look ahead | |
/// | `weight_decay` | 0.0 | `sgd`, `adam`: times the weight, added to the gradient; `adamw`, `lion`: times the rate, share of the weight taken away | 0.. |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// The rule.
    pub kind: OptimizerKind,
    /// How much of the mean of gradients stays at a step.
    pub beta_1: f64,
    /// How much of the mean of their squares stays at a step.
    pub beta_2: f64,
    /// Added to the root.
    pub epsilon: f64,
    /// Of stochastic gradient descent.
    pub momentum: f64,
    /// Whether momentum looks ahead.
    pub nesterov: bool,
    /// What draws every weight towards 0.
    pub weight_decay: f64,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Adam,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            momentum: 0.9,
            nesterov: false,
            weight_decay: 0.0,
        }
    }
}

/// What is different for some parameters: those whose path matches. Of several groups that match, the last holds.
///
/// ```
/// use hairpin_train::ParameterGroup;
///
/// // In TOML: [[fit.groups]] path = "^lstm\\." l2 = 1e-4
/// let recurrence = ParameterGroup { l2: 1e-4, ..ParameterGroup::new(r"^lstm\.") };
/// // No weight decay on biases and normalisations.
/// let shifts = ParameterGroup { weight_decay: Some(0.0), ..ParameterGroup::new(r"(bias|gamma|beta)$") };
/// # let _ = (recurrence, shifts);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterGroup {
    /// A regular expression over paths such as `lstm.forward.w_hh`, `dense.weight`, `layer_norm.gamma`.
    pub path: String,
    /// Times the learning rate; 0 freezes.
    #[serde(default = "one")]
    pub rate_factor: f64,
    /// In place of the optimizer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// `l1 Σ|w|` is added to the loss: its gradient is, after clipping; the loss shown is without.
    #[serde(default)]
    pub l1: f64,
    /// `l2 Σ w²` (Keras's; PyTorch's weight decay is twice that), in the same way.
    #[serde(default)]
    pub l2: f64,
}

fn one() -> f64 {
    1.0
}

impl ParameterGroup {
    /// The parameters whose path matches, with nothing different yet.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            rate_factor: 1.0,
            weight_decay: None,
            l1: 0.0,
            l2: 0.0,
        }
    }
}

impl OptimizerConfig {
    pub(crate) fn validate(&self) -> Result<(), TrainError> {
        for (name, found) in [
            ("optimizer.beta_1", self.beta_1),
            ("optimizer.beta_2", self.beta_2),
            ("optimizer.momentum", self.momentum),
        ] {
            if !(0.0..1.0).contains(&found) {
                return Err(refuse(name, found, "0 up to, not including, 1"));
            }
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return Err(refuse("optimizer.epsilon", self.epsilon, "above 0"));
        }
        check_positive("optimizer.weight_decay", self.weight_decay)?;
        if self.nesterov && self.momentum == 0.0 {
            return Err(refuse(
                "optimizer.momentum",
                self.momentum,
                "above 0 with `nesterov`",
            ));
        }
        Ok(())
    }

    /// The optimizer of `model`.
    ///
    /// # Errors
    ///
    /// A group whose path is no regular expression, or that no parameter matches: a misspelt path is not to do nothing.
    pub(crate) fn build<M: Module>(
        &self,
        groups: &[ParameterGroup],
        model: &M,
    ) -> Result<ModuleOptimizer, TrainError> {
        let mut paths = Paths::default();
        model.visit(&mut paths);
        self.build_for(groups, &paths)
    }

    /// The rest of [`Self::build`], compiled once for every model.
    fn build_for(
        &self,
        groups: &[ParameterGroup],
        paths: &Paths,
    ) -> Result<ModuleOptimizer, TrainError> {
        let all = self.rule(&ParameterGroup::new(""));
        let mut optimizer = match all {
            Rule::Sgd(rule) => ModuleOptimizer::from(rule),
            Rule::Adam(rule) => ModuleOptimizer::from(rule),
            Rule::Lion(rule) => ModuleOptimizer::from(rule),
        };
        for group in groups {
            for (name, found) in [
                ("groups.rate_factor", group.rate_factor),
                ("groups.weight_decay", group.weight_decay.unwrap_or(0.0)),
                ("groups.l1", group.l1),
                ("groups.l2", group.l2),
            ] {
                check_positive(name, found)?;
            }
            let members = ParamGroup::from_regex(&group.path).map_err(|error| {
                refuse(
                    "groups.path",
                    &group.path,
                    format!("a regular expression: {error:?}"),
                )
            })?;
            let matched = |(id, path): &(ParamId, String)| members.matches(id, Some(path));
            if !paths.found.iter().any(matched) {
                let names: Vec<&str> = paths.found.iter().map(|(_, path)| path.as_str()).collect();
                return Err(refuse(
                    "groups.path",
                    &group.path,
                    format!(
                        "to match one of this model's parameters: {}",
                        names.join(", ")
                    ),
                ));
            }
            optimizer = match self.rule(group) {
                Rule::Sgd(rule) => optimizer.with_group(members, rule, None),
                Rule::Adam(rule) => optimizer.with_group(members, rule, None),
                Rule::Lion(rule) => optimizer.with_group(members, rule, None),
            };
        }
        Ok(optimizer)
    }

    fn rule(&self, group: &ParameterGroup) -> Rule {
        let decay = group.weight_decay.unwrap_or(self.weight_decay);
        // Coupled decay is a gradient like that of l2, whose factor is twice the other's.
        let (coupled, decoupled) = match self.kind {
            OptimizerKind::Sgd | OptimizerKind::Adam => (decay, 0.0),
            OptimizerKind::Adamw | OptimizerKind::Lion => (0.0, decay),
        };
        let (rate_factor, l1, l2) = (group.rate_factor, group.l1, 2.0 * group.l2 + coupled);
        match self.kind {
            OptimizerKind::Sgd => Rule::Sgd(Penalised {
                rule: SgdConfig::new()
                    .with_momentum((self.momentum > 0.0).then_some(MomentumConfig {
                        momentum: self.momentum,
                        dampening: 0.0,
                        nesterov: self.nesterov,
                    }))
                    .build(),
                rate_factor,
                l1,
                l2,
            }),
            OptimizerKind::Adam | OptimizerKind::Adamw => Rule::Adam(Penalised {
                rule: AdamConfig::new()
                    .with_beta_1(self.beta_1)
                    .with_beta_2(self.beta_2)
                    .with_epsilon(self.epsilon)
                    .with_weight_decay(decoupled)
                    .build(),
                rate_factor,
                l1,
                l2,
            }),
            OptimizerKind::Lion => Rule::Lion(Penalised {
                rule: LionConfig::new()
                    .with_beta_1(self.beta_1 as f32)
                    .with_beta_2(self.beta_2 as f32)
                    .with_weight_decay(decoupled as f32)
                    .build(),
                rate_factor,
                l1,
                l2,
            }),
        }
    }
}

enum Rule {
    Sgd(Penalised<burn::optim::Sgd>),
    Adam(Penalised<hairpin_nn::Adam>),
    Lion(Penalised<burn::optim::Lion>),
}

/// A rule with a group's own rate and penalties.
#[derive(Clone)]
struct Penalised<O> {
    rule: O,
    rate_factor: f64,
    l1: f64,
    /// Gradient per weight.
    l2: f64,
}

impl<O: Optimizer> Optimizer for Penalised<O> {
    type State<const D: usize> = O::State<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        weight: Tensor<D>,
        mut gradient: Tensor<D>,
        state: Option<O::State<D>>,
    ) -> (Tensor<D>, Option<O::State<D>>) {
        if self.rate_factor == 0.0 {
            return (weight, state);
        }
        if self.l2 > 0.0 {
            gradient = gradient + weight.clone() * self.l2;
        }
        if self.l1 > 0.0 {
            gradient = gradient + weight.clone().sign() * self.l1;
        }
        self.rule
            .step(rate * self.rate_factor, weight, gradient, state)
    }

    fn to_device<const D: usize>(state: O::State<D>, device: &Device) -> O::State<D> {
        O::to_device(state, device)
    }
}

/// The paths of a model's parameters, running statistics too.
#[derive(Default)]
struct Paths {
    here: Vec<String>,
    found: Vec<(ParamId, String)>,
}

impl ModuleVisitor for Paths {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.here.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.here.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push((param.id, self.here.join(".")));
    }
}

fn check_positive(name: &'static str, found: f64) -> Result<(), TrainError> {
    match found >= 0.0 && found.is_finite() {
        true => Ok(()),
        false => Err(refuse(name, found, "0 or a positive number")),
    }
}

fn refuse(
    name: &'static str,
    found: impl ToString,
    expected: impl Into<std::borrow::Cow<'static, str>>,
) -> TrainError {
    TrainError::FitConfig {
        name,
        found: found.to_string(),
        expected: expected.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::optim::GradientsParams;
    use burn::tensor::TensorData;
    use hairpin_golden::golden_json;

    #[derive(Module, Debug)]
    struct Net {
        weight: Param<Tensor<2>>,
        bias: Param<Tensor<1>>,
    }

    fn values(case: &serde_json::Value) -> [Vec<f32>; 2] {
        serde_json::from_value(case.clone()).unwrap()
    }

    fn tensors([weight, bias]: [Vec<f32>; 2]) -> (Tensor<2>, Tensor<1>) {
        let device = Device::flex();
        (
            Tensor::from_data(TensorData::new(weight, [3, 2]), &device),
            Tensor::from_data(TensorData::new(bias, [2]), &device),
        )
    }

    fn net(values: [Vec<f32>; 2]) -> Net {
        let (weight, bias) = tensors(values);
        let net = Net {
            weight: Param::from_tensor(weight),
            bias: Param::from_tensor(bias),
        };
        net.train()
    }

    #[test]
    fn every_rule_takes_pytorchs_steps() {
        let golden: serde_json::Value = golden_json("hairpin-train", "optimizers.json");
        let gradients = golden["gradients"].as_array().unwrap();
        let cases = golden["optimizers"].as_array().unwrap();
        assert_eq!((cases.len(), gradients.len()), (9, 10));
        for case in cases {
            let mut config = serde_json::to_value(OptimizerConfig::default()).unwrap();
            for (key, value) in case["config"].as_object().unwrap() {
                config[key] = value.clone();
            }
            let config: OptimizerConfig = serde_json::from_value(config).unwrap();
            config.validate().unwrap();
            let groups: Vec<ParameterGroup> =
                serde_json::from_value(case["groups"].clone()).unwrap();
            let mut model = net(values(&golden["start"]));
            let mut optimizer = config.build(&groups, &model).unwrap();
            let rate = case["rate"].as_f64().unwrap();
            for (step, (gradient, expected)) in gradients
                .iter()
                .zip(case["steps"].as_array().unwrap())
                .enumerate()
            {
                let (weight, bias) = tensors(values(gradient));
                let mut grads = GradientsParams::new();
                grads.register(model.weight.id, weight);
                grads.register(model.bias.id, bias);
                model = optimizer.step(rate, model, grads);
                let found = [
                    model
                        .weight
                        .val()
                        .into_data()
                        .try_into_vec::<f32>()
                        .unwrap(),
                    model
                        .bias
                        .val()
                        .inner()
                        .into_data()
                        .try_into_vec::<f32>()
                        .unwrap(),
                ];
                for (found, expected) in found.concat().iter().zip(values(expected).concat()) {
                    assert!(
                        (found - expected).abs() < 2e-6,
                        "{} step {step}: {found} {expected}",
                        case["name"]
                    );
                }
            }
        }
    }

    #[test]
    fn a_group_that_means_nothing_is_refused() {
        let model = net([vec![0.0; 6], vec![0.0; 2]]);
        let build = |group| {
            let config = OptimizerConfig::default();
            config
                .build(&[group], &model)
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(build(ParameterGroup::new("^weight$")), None);
        let misspelt = build(ParameterGroup::new("wieght")).unwrap();
        assert!(
            misspelt.contains("`fit.groups.path` is wieght"),
            "{misspelt}"
        );
        assert!(misspelt.contains("weight, bias"), "{misspelt}");
        assert!(build(ParameterGroup::new("(")).is_some());
        let negative = ParameterGroup {
            l1: -1.0,
            ..ParameterGroup::new("weight")
        };
        assert!(build(negative).unwrap().contains("groups.l1"));
    }
}
