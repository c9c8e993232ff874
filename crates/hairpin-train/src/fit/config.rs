//! [`FitConfig`]: the hyper-parameters of a training run.

use super::Precision;
use crate::TrainError;
use crate::average::AverageConfig;
use crate::optimizer::{OptimizerConfig, ParameterGroup};
use crate::schedule::{Monitor, ScheduleConfig};
use serde::{Deserialize, Serialize};

/// Hyper-parameters of a training run.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `epochs` | 20 | passes over the training rows, at most | 1.. |
/// | `batch_size` | 32 | rows per batch | 1.. |
/// | `accumulate` | 1 | batches whose gradients are averaged into one step | 1.. |
/// | `learning_rate` | 0.005 | the optimizer's step size | above 0, up to 1 |
/// | `monitor` | `score` | what makes an epoch the best and early stopping wait: `score`, `loss`, or `last`, which is nothing: the last epoch's weights are the model's | |
/// | `patience` | 0 | epochs without a better one after which training stops; 0 never stops early | 0.. |
/// | `keep_best` | 1 | how many of the best epochs' weights are kept, the best of them returned as the model | 1 to 100 |
/// | `max_gradient_norm` | 1.0 | the gradient of all parameters together is scaled down to this norm (Pascanu et al. 2013, arXiv:1211.5063); 0 leaves it | 0.. |
/// | `max_gradient_value` | 0.0 | every value of the gradient is brought into plus or minus this, before its norm is; 0 leaves it | 0.. |
/// | `precision` | `f32` | the type of the products: [`Precision`] | |
/// | `seed` | 1 | of the first weights, the order of rows, dropout and augmentation | |
/// | `optimizer` | | the rule of a step: [`OptimizerConfig`] | |
/// | `schedule` | | the learning rate over the run: [`ScheduleConfig`] | |
/// | `average` | | averages of the weights: [`AverageConfig`] | |
/// | `groups` | none | what is different for some parameters: [`ParameterGroup`] | |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitConfig {
    /// Passes over the training rows, at most.
    pub epochs: usize,
    /// Rows per batch.
    pub batch_size: usize,
    /// Batches per step.
    pub accumulate: usize,
    /// The optimizer's step size.
    pub learning_rate: f64,
    /// What makes an epoch the best.
    pub monitor: Monitor,
    /// Epochs without a better one after which training stops; 0 never stops early.
    pub patience: usize,
    /// How many of the best epochs' weights are kept.
    pub keep_best: usize,
    /// Largest norm of the whole gradient; 0 leaves it as it is.
    pub max_gradient_norm: f64,
    /// Largest absolute value in the gradient; 0 leaves it as it is.
    pub max_gradient_value: f64,
    /// The type of the products.
    #[serde(default)]
    pub precision: Precision,
    /// Of the first weights, the order of rows, dropout and augmentation.
    pub seed: u64,
    /// The rule of a step.
    pub optimizer: OptimizerConfig,
    /// The learning rate over the run.
    pub schedule: ScheduleConfig,
    /// Averages of the weights.
    pub average: AverageConfig,
    /// What is different for some parameters.
    pub groups: Vec<ParameterGroup>,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch_size: 32,
            accumulate: 1,
            learning_rate: 5e-3,
            monitor: Monitor::Score,
            patience: 0,
            keep_best: 1,
            max_gradient_norm: 1.0,
            max_gradient_value: 0.0,
            precision: Precision::F32,
            seed: 1,
            optimizer: OptimizerConfig::default(),
            schedule: ScheduleConfig::default(),
            average: AverageConfig::default(),
            groups: Vec::new(),
        }
    }
}

impl FitConfig {
    /// Checks every hyper-parameter's range.
    ///
    /// # Errors
    ///
    /// [`TrainError::FitConfig`] for the first that is outside.
    pub fn validate(&self) -> Result<(), TrainError> {
        let refuse = |name, found: String, expected: &'static str| {
            Err(TrainError::FitConfig {
                name,
                found,
                expected: expected.into(),
            })
        };
        for (name, found) in [
            ("epochs", self.epochs),
            ("batch_size", self.batch_size),
            ("accumulate", self.accumulate),
            ("keep_best", self.keep_best),
        ] {
            if found == 0 {
                return refuse(name, found.to_string(), "at least 1");
            }
        }
        if self.keep_best > 100 {
            return refuse("keep_best", self.keep_best.to_string(), "at most 100");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return refuse(
                "learning_rate",
                self.learning_rate.to_string(),
                "above 0, up to 1",
            );
        }
        for (name, found) in [
            ("max_gradient_norm", self.max_gradient_norm),
            ("max_gradient_value", self.max_gradient_value),
        ] {
            if !(found >= 0.0 && found.is_finite()) {
                return refuse(name, found.to_string(), "0 or a positive number");
            }
        }
        self.optimizer.validate()?;
        self.schedule.validate()?;
        self.average.validate()
    }
}
