//! [`AverageConfig`]: averages of the weights along a training.

use crate::TrainError;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Which average of the weights is evaluated, kept and returned in place of the last ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AverageKind {
    /// None: the weights themselves.
    None,
    /// Exponential moving average after every step (Polyak & Juditsky 1992), `a = d a + (1 - d) w` with
    /// `d = min(decay, (1 + t) / (10 + t))` at step `t`, so that the first weights are soon forgotten.
    Ema,
    /// Stochastic weight averaging (Izmailov et al. 2018, arXiv:1803.05407): the mean of the weights at the end of every epoch from
    /// `start_epoch` on.
    Swa,
}

/// Hyper-parameters of the weights' average.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `kind` | `none` | `none`, `ema`, `swa` | |
/// | `decay` | 0.999 | of `ema`: how much of the average stays at a step | 0 up to, not including, 1 |
/// | `start_epoch` | 1 | first epoch that is averaged; before it the weights themselves are evaluated | 1.. |
///
/// Running statistics of batch normalisation are averaged as weights are (PyTorch's `AveragedModel` with `use_buffers`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AverageConfig {
    /// Which average.
    pub kind: AverageKind,
    /// How much of a moving average stays at a step.
    pub decay: f64,
    /// First epoch that is averaged.
    pub start_epoch: usize,
}

impl Default for AverageConfig {
    fn default() -> Self {
        Self {
            kind: AverageKind::None,
            decay: 0.999,
            start_epoch: 1,
        }
    }
}

impl AverageConfig {
    pub(crate) fn validate(&self) -> Result<(), TrainError> {
        if !(0.0..1.0).contains(&self.decay) {
            return Err(TrainError::FitConfig {
                name: "average.decay",
                found: self.decay.to_string(),
                expected: "0 up to, not including, 1".into(),
            });
        }
        if self.start_epoch == 0 {
            return Err(TrainError::FitConfig {
                name: "average.start_epoch",
                found: "0".to_owned(),
                expected: "at least 1".into(),
            });
        }
        Ok(())
    }
}

/// An average of the weights of one model along its training, in evaluation and without autodiff.
#[derive(Clone)]
pub(crate) struct Average<M> {
    config: AverageConfig,
    /// What went into the average: steps or epochs.
    pub(crate) count: u64,
    pub(crate) model: Option<M>,
}

impl<M: Module> Average<M> {
    pub(crate) fn new(config: &AverageConfig) -> Self {
        Self {
            config: config.clone(),
            count: 0,
            model: None,
        }
    }

    /// A step of this epoch was taken; `model` is still in training.
    pub(crate) fn step(&mut self, epoch: usize, model: &M) {
        if self.config.kind == AverageKind::Ema && epoch >= self.config.start_epoch {
            let t = self.count as f64;
            self.take(model, self.config.decay.min((1.0 + t) / (10.0 + t)));
        }
    }

    /// This epoch has ended.
    pub(crate) fn end_epoch(&mut self, epoch: usize, model: &M) {
        if self.config.kind == AverageKind::Swa && epoch >= self.config.start_epoch {
            let n = self.count as f64;
            self.take(model, n / (n + 1.0));
        }
    }

    fn take(&mut self, model: &M, keep: f64) {
        let model = model.valid();
        self.count += 1;
        self.model = Some(match self.model.take() {
            None => model,
            Some(average) => {
                let mut now = Values(GradientsParams::new());
                model.visit(&mut now);
                average.map(&mut Towards { now: now.0, keep })
            }
        });
    }
}

/// The values of a module, by parameter.
struct Values(GradientsParams);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val());
    }
}

struct Towards {
    now: GradientsParams,
    keep: f64,
}

impl ModuleMapper for Towards {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.now.remove::<D>(param.id) {
            Some(now) => {
                let keep = self.keep;
                param.map(|average| average * keep + now * (1.0 - keep))
            }
            None => param,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
    use burn::tensor::Device;

    #[derive(Module, Debug)]
    struct Net {
        dense: Linear,
        norm: BatchNorm,
    }

    /// Of the dense layer, and running means.
    type Weights = (Vec<f32>, Vec<f32>);

    fn weights(model: &Net) -> Weights {
        let read = |tensor: Tensor<1>| tensor.into_data().try_into_vec::<f32>().unwrap();
        (
            read(model.dense.weight.val().inner_or_same().flatten(0, 1)),
            read(model.norm.running_mean.value_sync().inner_or_same()),
        )
    }

    trait InnerOrSame {
        fn inner_or_same(self) -> Self;
    }

    impl<const D: usize> InnerOrSame for Tensor<D> {
        fn inner_or_same(self) -> Self {
            match self.device().is_autodiff() {
                true => self.inner(),
                false => self,
            }
        }
    }

    /// Three versions of a net: a forward pass in training changes running statistics, a map the weights.
    fn along(kind: AverageKind) -> (Vec<Weights>, Average<Net>) {
        struct Add;
        impl ModuleMapper for Add {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                param.map(|value| value + 1.0)
            }
        }
        let device = Device::flex().autodiff();
        let mut model = Net {
            dense: LinearConfig::new(2, 3).init(&device),
            norm: BatchNormConfig::new(3).init(&device),
        };
        let mut average = Average::new(&AverageConfig {
            kind,
            decay: 0.5,
            start_epoch: 2,
        });
        let mut seen = Vec::new();
        for epoch in 1..=4 {
            let x = Tensor::<2>::from_floats([[1.0, 2.0], [3.0, 5.0]], &device);
            let _ = model.norm.forward(model.dense.forward(x)).sum().backward();
            model = model.valid();
            model.dense = model.dense.map(&mut Add);
            model = model.train();
            average.step(epoch, &model);
            average.end_epoch(epoch, &model);
            seen.push(weights(&model.valid()));
        }
        (seen, average)
    }

    #[test]
    fn the_mean_of_epochs_is_that_of_weights_and_running_statistics() {
        let (seen, average) = along(AverageKind::Swa);
        assert_eq!(average.count, 3);
        let (dense, norm) = weights(average.model.as_ref().unwrap());
        for (index, found) in dense.iter().enumerate() {
            let expected = seen[1..].iter().map(|(dense, _)| dense[index]).sum::<f32>() / 3.0;
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        for (index, found) in norm.iter().enumerate() {
            let expected = seen[1..].iter().map(|(_, norm)| norm[index]).sum::<f32>() / 3.0;
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn a_moving_average_forgets_and_a_copy_of_it_stays() {
        let (seen, mut average) = along(AverageKind::Ema);
        // Decays of steps 1 and 2 (the first is a copy): 2/11 and 3/12.
        let expected = |index: usize| {
            let first = seen[1].0[index] * (2.0 / 11.0) + seen[2].0[index] * (9.0 / 11.0);
            first * 0.25 + seen[3].0[index] * 0.75
        };
        let copy = average.model.as_ref().unwrap().valid();
        let (before, statistics) = weights(&copy);
        for (index, found) in before.iter().enumerate() {
            assert!((found - expected(index)).abs() < 1e-5);
        }
        let device = Device::flex().autodiff();
        let other = Net {
            dense: LinearConfig::new(2, 3).init(&device),
            norm: copy.clone().norm.train(),
        };
        let _ = other
            .norm
            .forward(Tensor::<2>::from_floats(
                [[9.0, 2.0, 3.0], [3.0, 5.0, 7.0]],
                &device,
            ))
            .sum()
            .backward();
        average.step(9, &other);
        assert_eq!(weights(&copy), (before, statistics));
    }
}
