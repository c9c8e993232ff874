//! [`Vectors`]: a row of numbers for each example, in memory.

use super::Dataset;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_seq::augment::GaussianNoise;
use ndarray::{Array2, Axis};
use rand_chacha::ChaCha8Rng;

/// Rows of features `[n_rows, n_features]` in memory, as batches `[batch_size, n_features]`; [`NpyMatrix`](crate::NpyMatrix) is the same
/// on disk.
///
/// ```
/// use burn::tensor::Device;
/// use hairpin_train::{Dataset, Vectors};
/// use ndarray::array;
///
/// let proteins = Vectors::new(array![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
/// let batch = proteins.batch(&[1, 0], None, &Device::flex());
/// assert_eq!(batch.into_data().try_into_vec::<f32>()?, [3.0, 4.0, 5.0, 0.0, 1.0, 2.0]);
/// # Ok::<(), burn::tensor::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    rows: Array2<f32>,
    noise: Option<GaussianNoise>,
}

impl Vectors {
    /// The rows as they are.
    pub fn new(rows: Array2<f32>) -> Self {
        Self { rows, noise: None }
    }

    /// Adds noise to what training sees, and to what an augmented prediction does.
    pub fn with_noise(mut self, noise: GaussianNoise) -> Self {
        self.noise = Some(noise);
        self
    }

    /// The rows, `[n_rows, n_features]`.
    pub fn rows(&self) -> &Array2<f32> {
        &self.rows
    }
}

impl Dataset for Vectors {
    type Input = Tensor<2>;

    fn len(&self) -> usize {
        self.rows.nrows()
    }

    fn length(&self, _row: usize) -> usize {
        1
    }

    fn batch(
        &self,
        rows: &[usize],
        augment: Option<&mut ChaCha8Rng>,
        device: &Device,
    ) -> Tensor<2> {
        let mut values: Vec<f32> = self
            .rows
            .select(Axis(0), rows)
            .into_iter()
            .collect();
        if let (Some(noise), Some(rng)) = (&self.noise, augment) {
            noise.add_to(&mut values, rng);
        }
        Tensor::from_data(
            TensorData::new(values, [rows.len(), self.rows.ncols()]),
            device,
        )
    }
}
