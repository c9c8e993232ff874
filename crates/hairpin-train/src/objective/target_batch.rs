//! [`TargetBatch`]: what is known of the rows of a batch.

use burn::tensor::{Device, Tensor, TensorData};
use hairpin_targets::TargetMatrix;

/// The rows of a batch and what is known of them.
#[derive(Debug)]
pub struct TargetBatch<'a, T: ?Sized> {
    /// What is known of all examples.
    pub target: &'a T,
    /// Rows of the target, in the batch's order.
    pub rows: &'a [usize],
    /// How much each row of the target counts: of every row, not of the batch's alone; none is 1 each. Finite and not below 0.
    pub weights: Option<&'a [f32]>,
}

// References are copied whatever they refer to; a derived `Copy` would ask it of `T`.
impl<T: ?Sized> Clone for TargetBatch<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for TargetBatch<'_, T> {}

impl<T: ?Sized> TargetBatch<'_, T> {
    /// How much a row of the target counts.
    pub fn weight(&self, row: usize) -> f32 {
        self.weights.map_or(1.0, |weights| weights[row])
    }
}

impl TargetBatch<'_, TargetMatrix> {
    /// Values of the batch and the weight of each, `[batch_size, n_columns]`: 0 for what was not measured. No weights if all are 1.
    pub(super) fn tensors(&self, device: &Device) -> (Tensor<2>, Option<Tensor<2>>) {
        let shape = [self.rows.len(), self.target.n_columns()];
        let mut values = Vec::with_capacity(shape[0] * shape[1]);
        let mut weights = Vec::with_capacity(shape[0] * shape[1]);
        for &row in self.rows {
            let weight = self.weight(row);
            values.extend(self.target.values().row(row));
            let measured = self.target.measured().row(row);
            weights.extend(measured.iter().map(|&yes| if yes { weight } else { 0.0 }));
        }
        let all_alike = weights.iter().all(|&weight| weight == 1.0);
        let upload = |values| Tensor::from_data(TensorData::new(values, shape), device);
        (upload(values), (!all_alike).then(|| upload(weights)))
    }
}
