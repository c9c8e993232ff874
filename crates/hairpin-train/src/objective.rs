//! [`Objective`]: what a model is trained for and judged by.

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Int, Tensor, TensorData, activation};
use hairpin_targets::metrics::{Direction, accuracy};
use hairpin_targets::{ClassLabels, TargetError, most_likely};
use ndarray::Array2;

/// What raw outputs mean: the loss that training lowers, the predictions they become, the score that chooses the best weights.
pub trait Objective {
    /// What is known of the examples.
    type Target: ?Sized;

    /// Number of examples of a target.
    fn rows(&self, target: &Self::Target) -> usize;

    /// Number of outputs that a model of this target has.
    fn n_outputs(&self, target: &Self::Target) -> usize;

    /// Mean loss of a batch, from its raw outputs `[batch_size, n_outputs]`. One element.
    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, Self::Target>) -> Tensor<1>;

    /// Predictions from raw outputs, both `[batch_size, n_outputs]`.
    fn activate(&self, outputs: Tensor<2>) -> Tensor<2>;

    /// Loss and score of predictions `[n_examples, n_outputs]` over a whole split, never averaged over batches.
    ///
    /// # Errors
    ///
    /// When predictions and target do not fit together.
    fn evaluate(
        &self,
        predictions: &Array2<f32>,
        target: &Self::Target,
    ) -> Result<Evaluation, TargetError>;

    /// The score's name in tables and files.
    fn score_name(&self) -> &str;

    /// Whether more of the score is better.
    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }
}

/// The rows of a batch and what is known of them.
#[derive(Debug)]
pub struct TargetBatch<'a, T: ?Sized> {
    /// What is known of all examples.
    pub target: &'a T,
    /// The batch's rows of it.
    pub rows: &'a [usize],
    /// How much each row of the target counts.
    pub weights: Option<&'a [f32]>,
}

/// How good predictions are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Mean loss.
    pub loss: f64,
    /// The objective's score; higher is better.
    pub score: f64,
}

/// One class of several: softmax, cross-entropy (natural logarithm), judged by accuracy.
///
/// ```text
/// loss = -1/n Σ_i ln p_i[label_i],   p_i = softmax(outputs_i)
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Classification;

impl Objective for Classification {
    type Target = ClassLabels;

    fn rows(&self, target: &ClassLabels) -> usize {
        target.len()
    }

    fn n_outputs(&self, target: &ClassLabels) -> usize {
        target.n_classes()
    }

    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, ClassLabels>) -> Tensor<1> {
        let TargetBatch { target, rows, .. } = batch;
        let device = outputs.device();
        let labels: Vec<i64> = rows
            .iter()
            .map(|&row| target.labels()[row] as i64)
            .collect();
        let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [rows.len()]), &device);
        CrossEntropyLossConfig::new()
            .init(&device)
            .forward(outputs, labels)
    }

    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        activation::softmax(outputs, 1)
    }

    fn evaluate(
        &self,
        predictions: &Array2<f32>,
        target: &ClassLabels,
    ) -> Result<Evaluation, TargetError> {
        let score = accuracy(&most_likely(predictions)?, target, 0.95)?.value;
        let loss: f64 = predictions
            .outer_iter()
            .zip(target.labels())
            .map(|(row, &label)| {
                let probability = row.get(label).copied().unwrap_or(0.0);
                -f64::from(probability.max(f32::EPSILON)).ln()
            })
            .sum();
        Ok(Evaluation {
            loss: loss / target.len() as f64,
            score,
        })
    }

    fn score_name(&self) -> &str {
        "accuracy"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ndarray::array;

    #[test]
    fn loss_and_evaluation_are_the_ones_on_paper() {
        let labels = ClassLabels::new(vec![1, 0, 0], 2).unwrap();
        // Probabilities 3/4, 1/2 and 1/4 of the true class.
        let logits = [[0.0, 3f32.ln()], [0.0, 0.0], [0.0, 3f32.ln()]];
        let expected = -((0.75f64).ln() + (0.5f64).ln() + (0.25f64).ln()) / 3.0;
        let outputs = Tensor::<2>::from_data(logits, &Device::flex());
        let loss = Classification.loss(
            outputs.clone(),
            TargetBatch {
                target: &labels,
                rows: &[0, 1, 2],
                weights: None,
            },
        );
        assert!((f64::from(loss.into_scalar::<f32>()) - expected).abs() < 1e-6);
        let predictions = Classification.activate(outputs);
        let predictions = predictions.into_data().try_into_vec::<f32>().unwrap();
        let predictions = Array2::from_shape_vec((3, 2), predictions).unwrap();
        let found = Classification.evaluate(&predictions, &labels).unwrap();
        assert!((found.loss - expected).abs() < 1e-6);
        // Row 1 is a tie, which goes to the lower class: right.
        assert_eq!(found.score, 2.0 / 3.0);
    }

    #[test]
    fn a_certain_mistake_has_a_finite_loss() {
        let labels = ClassLabels::new(vec![0], 2).unwrap();
        let found = Classification
            .evaluate(&array![[0.0, 1.0]], &labels)
            .unwrap();
        assert!(found.loss.is_finite() && found.loss > 15.0);
    }
}
