//! [`Classification`]: one class of several.

use super::score::check_shape;
use super::weighted::{divide, without_absent};
use super::{Evaluation, Objective, TargetBatch};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use hairpin_targets::metrics::accuracy;
use hairpin_targets::{ClassLabels, TargetError, most_likely};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// One class of several: softmax, cross-entropy (natural logarithm), judged by accuracy.
///
/// ```text
/// loss = Σ_i s_i Σ_c q_ic w_c (1 - p_ic)^γ (-ln p_ic) / Σ_i s_i w_label(i)
/// p_i  = softmax(outputs_i)
/// q_ic = (1 - ε) [c = label(i)] + ε / K        K classes, row weights s
/// ```
///
/// | name | default | meaning | range | source |
/// |---|---|---|---|---|
/// | `label_smoothing` | 0 | `ε`, the part of the truth that is spread over all classes | 0 up to below 1 | Szegedy et al. (2016), [arXiv:1512.00567](https://arxiv.org/abs/1512.00567) |
/// | `class_weights` | none | `w`, how much each class counts; none is 1 each | one per class, 0 up, not all 0 | |
/// | `focal_gamma` | 0 | `γ`, above 0 what is right already counts less | 0 up to 100 | Lin et al. (2017), [arXiv:1708.02002](https://arxiv.org/abs/1708.02002) |
///
/// With `γ = 0` it is PyTorch's `CrossEntropyLoss`. A row of weight 0 is as one that is not there.
///
/// ```
/// use hairpin_targets::ClassLabels;
/// use hairpin_train::{Classification, Objective};
///
/// let labels = ClassLabels::new(vec![0, 0, 0, 1], 2)?;
/// let smoothed = Classification { label_smoothing: 0.1, ..Classification::default() };
/// let rare_counts_more = smoothed.balanced(&labels);
/// assert_eq!(rare_counts_more.class_weights, Some(vec![2.0 / 3.0, 2.0]));
/// rare_counts_more.check(&labels)?;
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Classification {
    /// The part of the truth that is spread over all classes.
    pub label_smoothing: f64,
    /// How much each class counts.
    pub class_weights: Option<Vec<f32>>,
    /// Above 0, what is right already counts less.
    pub focal_gamma: f64,
}

/// The least `1 - p` in a focal loss: the power's slope at 0 is infinite for exponents below 1.
const LEAST_MISS: f64 = 1e-7;

impl Classification {
    /// The same with class weights under which every class of these labels, the training rows', counts alike in all: `n / (k n_c)`
    /// for the `n_c` rows of class `c`, `k` classes with rows. A class without rows has weight 0.
    pub fn balanced(self, labels: &ClassLabels) -> Self {
        let counts = labels.counts();
        let present = counts.iter().filter(|&&count| count > 0).count();
        let weight = |&count: &usize| match count {
            0 => 0.0,
            _ => (labels.len() as f64 / (present as f64 * count as f64)) as f32,
        };
        Self {
            class_weights: Some(counts.iter().map(weight).collect()),
            ..self
        }
    }

    fn class_weight(&self, class: usize) -> f64 {
        let weights = self.class_weights.as_ref();
        weights.map_or(1.0, |weights| f64::from(weights[class]))
    }

    /// `w_c (1 - p)^γ (-ln p)` of all classes, from `ln p`, `[batch_size, n_classes]`.
    fn surprise(&self, log_p: Tensor<2>) -> Tensor<2> {
        let mut loss = -log_p.clone();
        if self.focal_gamma > 0.0 {
            let miss = (-log_p.exp() + 1.0).clamp_min(LEAST_MISS);
            loss = loss * miss.powf_scalar(self.focal_gamma);
        }
        match &self.class_weights {
            None => loss,
            Some(weights) => {
                let data = TensorData::new(weights.clone(), [1, weights.len()]);
                let weights = Tensor::<2>::from_data(data, &loss.device());
                loss * weights
            }
        }
    }

    /// The weight of each row of a batch and the same times that of its class; none if all are 1.
    fn weights(
        &self,
        batch: TargetBatch<'_, ClassLabels>,
        device: &Device,
    ) -> Option<(Tensor<2>, Tensor<2>)> {
        if batch.weights.is_none() && self.class_weights.is_none() {
            return None;
        }
        let own: Vec<f32> = batch.rows.iter().map(|&row| batch.weight(row)).collect();
        let labels = batch.rows.iter().map(|&row| batch.target.labels()[row]);
        let of_class = own
            .iter()
            .zip(labels)
            .map(|(weight, label)| weight * self.class_weight(label) as f32)
            .collect();
        let upload = |values: Vec<f32>| {
            Tensor::from_data(TensorData::new(values, [batch.rows.len(), 1]), device)
        };
        Some((upload(own), upload(of_class)))
    }
}

impl Objective for Classification {
    type Target = ClassLabels;

    fn rows(&self, target: &ClassLabels) -> usize {
        target.len()
    }

    fn n_outputs(&self, target: &ClassLabels) -> usize {
        target.n_classes()
    }

    /// The settings are in their ranges, and a class that has rows has a weight above 0.
    fn check(&self, target: &ClassLabels) -> Result<(), TargetError> {
        let refuse = |setting, value, expected| {
            Err(TargetError::Setting {
                what: "classification",
                setting,
                value,
                expected,
            })
        };
        if !(0.0..1.0).contains(&self.label_smoothing) {
            let expected = "a number from 0 up to below 1";
            return refuse("label_smoothing", self.label_smoothing, expected);
        }
        if !(0.0..=100.0).contains(&self.focal_gamma) {
            return refuse("focal_gamma", self.focal_gamma, "a number from 0 to 100");
        }
        if target.is_empty() {
            return Err(TargetError::NoRows {
                what: "the list of labels",
            });
        }
        let Some(weights) = &self.class_weights else {
            return Ok(());
        };
        if weights.len() != target.n_classes() {
            return Err(TargetError::Length {
                what: "class_weights of the classification",
                expected: target.n_classes(),
                found: weights.len(),
            });
        }
        if let Some(&weight) = weights.iter().find(|&&w| !(w >= 0.0 && w.is_finite())) {
            let expected = "a finite number of 0 or more for every class";
            return refuse("class_weights", f64::from(weight), expected);
        }
        let counts = target.counts();
        if weights
            .iter()
            .zip(&counts)
            .all(|(&w, &n)| w == 0.0 || n == 0)
        {
            return refuse(
                "class_weights",
                0.0,
                "one above 0 for a class that has rows",
            );
        }
        Ok(())
    }

    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, ClassLabels>) -> Tensor<1> {
        let (device, shape) = (outputs.device(), [batch.rows.len(), 1]);
        let labels = batch
            .rows
            .iter()
            .map(|&row| batch.target.labels()[row] as i64);
        let labels = TensorData::new(labels.collect::<Vec<i64>>(), shape);
        let labels = Tensor::<2, Int>::from_data(labels, &device);
        let weights = self.weights(batch, &device);
        let outputs = match &weights {
            None => outputs,
            Some((own, _)) => {
                let own = own.clone().repeat_dim(1, batch.target.n_classes());
                without_absent(outputs, Some(&own))
            }
        };
        let surprise = self.surprise(activation::log_softmax(outputs, 1));
        let mut loss = surprise.clone().gather(1, labels);
        if self.label_smoothing > 0.0 {
            let spread = surprise.mean_dim(1) * self.label_smoothing;
            loss = loss * (1.0 - self.label_smoothing) + spread;
        }
        match weights {
            None => loss.mean(),
            // The class's weight is in the numerator already.
            Some((own, of_class)) => divide((loss * own).sum(), of_class.sum()),
        }
    }

    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        activation::softmax(outputs, 1)
    }

    fn evaluate(
        &self,
        predictions: &Array2<f32>,
        target: &ClassLabels,
    ) -> Result<Evaluation, TargetError> {
        check_shape(predictions, (target.len(), target.n_classes()))?;
        let score = accuracy(&most_likely(predictions)?, target, 0.95)?.value;
        let (mut sum, mut total) = (0.0, 0.0);
        let smooth = self.label_smoothing;
        for (row, &label) in predictions.outer_iter().zip(target.labels()) {
            let surprise = |class: usize| {
                // So that one confident mistake costs 15.9 and not infinity.
                let p = f64::from(row[class].max(f32::EPSILON));
                let miss = (1.0 - p).max(LEAST_MISS);
                self.class_weight(class) * miss.powf(self.focal_gamma) * -p.ln()
            };
            sum += (1.0 - smooth) * surprise(label);
            if smooth > 0.0 {
                let all: f64 = (0..row.len()).map(surprise).sum();
                sum += smooth * all / row.len() as f64;
            }
            total += self.class_weight(label);
        }
        Ok(Evaluation {
            loss: if total > 0.0 { sum / total } else { 0.0 },
            score,
        })
    }

    fn score_name(&self) -> &str {
        "accuracy"
    }
}
