//! [`Vectors`]: a row of numbers for each example, in memory.

use super::Dataset;
use crate::TrainError;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_seq::augment::GaussianNoise;
use ndarray::Array2;
use rand::RngExt;
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
    alternatives: Option<(Array2<f32>, f64)>,
    noise: Option<GaussianNoise>,
}

impl Vectors {
    /// The rows as they are.
    pub fn new(rows: Array2<f32>) -> Self {
        Self {
            rows,
            alternatives: None,
            noise: None,
        }
    }

    /// Lets training see, with this probability each time, the row of `alternatives` instead: what is known of an example by others alone,
    /// for instance.
    ///
    /// # Errors
    ///
    /// [`TrainError::Augmentation`] when it is no probability.
    ///
    /// # Panics
    ///
    /// When the alternatives have another shape.
    pub fn with_alternatives(
        mut self,
        alternatives: Array2<f32>,
        probability: f64,
    ) -> Result<Self, TrainError> {
        assert!(
            alternatives.dim() == self.rows.dim(),
            "Vectors: alternatives are {:?}, expected {:?}",
            alternatives.dim(),
            self.rows.dim()
        );
        if !(0.0..=1.0).contains(&probability) {
            return Err(TrainError::Augmentation {
                name: "probability of an alternative",
                found: probability.to_string(),
                expected: "a number from 0 to 1",
            });
        }
        self.alternatives = Some((alternatives, probability));
        Ok(self)
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
        mut augment: Option<&mut ChaCha8Rng>,
        device: &Device,
    ) -> Tensor<2> {
        let mut values = Vec::with_capacity(rows.len() * self.rows.ncols());
        for &row in rows {
            let seen = match (&self.alternatives, augment.as_deref_mut()) {
                (Some((others, probability)), Some(rng)) => match rng.random_bool(*probability) {
                    true => others,
                    false => &self.rows,
                },
                _ => &self.rows,
            };
            values.extend(seen.row(row));
        }
        if let (Some(noise), Some(rng)) = (&self.noise, augment) {
            noise.add_to(&mut values, rng);
        }
        Tensor::from_data(
            TensorData::new(values, [rows.len(), self.rows.ncols()]),
            device,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn training_sees_alternatives_and_noise_and_prediction_the_rows() {
        let rows = Array2::from_shape_fn((3, 2), |(row, value)| (row * 2 + value) as f32);
        let others = rows.mapv(|value| value + 100.0);
        let device = Device::flex();
        let values = |dataset: &Vectors, rng: Option<&mut ChaCha8Rng>| {
            let batch = dataset.batch(&[2, 0], rng, &device);
            batch.into_data().try_into_vec::<f32>().unwrap()
        };
        let own = Vectors::new(rows);
        let both = own.clone().with_alternatives(others.clone(), 0.5).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut seen = [0, 0];
        for _ in 0..200 {
            let found = values(&both, Some(&mut rng));
            assert!([4.0, 104.0].contains(&found[0]) && found[1] == found[0] + 1.0);
            seen[usize::from(found[0] > 50.0)] += 1;
        }
        assert!(seen.iter().all(|count| *count > 70), "{seen:?}");
        assert_eq!(values(&both, None), [4.0, 5.0, 0.0, 1.0]);
        assert!(own.clone().with_alternatives(others, 1.5).is_err());
        let noisy = own.with_noise(GaussianNoise::new(0.1).unwrap());
        let found = values(&noisy, Some(&mut rng));
        assert!(found[0] != 4.0 && (found[0] - 4.0).abs() < 1.0);
        assert_eq!(values(&noisy, None), [4.0, 5.0, 0.0, 1.0]);
    }
}
