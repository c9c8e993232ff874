//! [`FeatureDataset`]: examples that are rows of numbers.

use super::Dataset;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_seq::augment::GaussianNoise;
use ndarray::{Array2, Axis};
use rand_chacha::ChaCha8Rng;

/// Rows of numbers, such as encoded categories or descriptors, as models read that know of no positions.
///
/// ```
/// use burn::tensor::Device;
/// use hairpin_train::{Dataset, FeatureDataset};
/// use ndarray::array;
///
/// let dataset = FeatureDataset::new(array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
/// let batch = dataset.batch(&[2, 0], None, &Device::flex());
/// assert_eq!(batch.into_data().iter::<f32>().collect::<Vec<_>>(), [5.0, 6.0, 1.0, 2.0]);
/// ```
#[derive(Debug, Clone)]
pub struct FeatureDataset {
    features: Array2<f32>,
    noise: Option<GaussianNoise>,
}

impl FeatureDataset {
    /// The rows of `features`, `[n_examples, n_features]`.
    pub fn new(features: Array2<f32>) -> Self {
        Self {
            features,
            noise: None,
        }
    }

    /// Adds noise to what training sees; a channel is a feature.
    pub fn with_noise(mut self, noise: GaussianNoise) -> Self {
        self.noise = Some(noise);
        self
    }
}

impl Dataset for FeatureDataset {
    type Input = Tensor<2>;

    fn len(&self) -> usize {
        self.features.nrows()
    }

    /// 1: all rows are alike.
    fn length(&self, _: usize) -> usize {
        1
    }

    fn batch(
        &self,
        rows: &[usize],
        augment: Option<&mut ChaCha8Rng>,
        device: &Device,
    ) -> Tensor<2> {
        let own = self.features.select(Axis(0), rows);
        let dims = [rows.len(), own.ncols()];
        let mut values: Vec<f32> = own.iter().copied().collect();
        if let (Some(noise), Some(rng)) = (&self.noise, augment) {
            noise.add_to(&mut values, rng);
        }
        Tensor::from_data(TensorData::new(values, dims), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn noise_is_for_training_and_for_its_features() {
        let features = Array2::from_elem((3, 2), 1.0);
        let noise = GaussianNoise::per_channel(vec![0.0, 0.5]).unwrap();
        let dataset = FeatureDataset::new(features).with_noise(noise);
        let values = |rng: Option<u64>| {
            let mut rng = rng.map(ChaCha8Rng::seed_from_u64);
            let batch = dataset.batch(&[0, 1, 2], rng.as_mut(), &Device::flex());
            batch.into_data().iter::<f32>().collect::<Vec<f32>>()
        };
        assert_eq!(values(None), [1.0; 6]);
        assert_eq!(values(Some(1)), values(Some(1)));
        let seen = values(Some(1));
        for pair in seen.chunks(2) {
            assert_eq!(pair[0], 1.0);
            assert_ne!(pair[1], 1.0);
        }
    }
}
