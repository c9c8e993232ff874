//! [`Dataset`]: examples that become batches, and the order in which they do.

mod annotated;
mod npy;
mod npy_rows;
mod pair;
mod pair_pools;
mod per_base;
mod vectors;

pub use annotated::AnnotatedSequences;
pub use npy::{NpyMatrix, NpySequences};
pub use npy_rows::NpyRows;
pub use pair::{ColumnSample, PairDataset, PairInput};
pub use pair_pools::{PairPools, Pool, PoolShares};
pub use per_base::{PerBaseDataset, PerBaseFeatures};
pub use vectors::Vectors;

use crate::TrainError;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_models::SequenceInput;
use hairpin_seq::augment::GaussianNoise;
use hairpin_seq::{Alphabet, Encode, Seq};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::fmt;
use std::sync::Arc;

/// Examples that a model's batches are made of.
pub trait Dataset {
    /// What the model reads.
    type Input;

    /// Number of examples.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Positions of one example: batches join examples of like length.
    fn length(&self, row: usize) -> usize;

    /// Positions of the shortest version of one example that training may see.
    fn shortest(&self, row: usize) -> usize {
        self.length(row)
    }

    /// Outputs of each example in prediction where they are not the model's but the dataset's: of [pairs](PairDataset), the lefts.
    fn n_outputs(&self) -> Option<usize> {
        None
    }

    /// The batch of `rows`, in that order. With `augment`, each example as training is to see it this time.
    fn batch(
        &self,
        rows: &[usize],
        augment: Option<&mut ChaCha8Rng>,
        device: &Device,
    ) -> Self::Input;

    /// What went wrong while batches were read, if anything did: what the batch holds then means nothing. To be asked after a batch.
    ///
    /// A dataset on disk fills such a batch with NaN, so that whoever does not ask meets a loss that is no number.
    fn failure(&self) -> Option<TrainError> {
        None
    }
}

/// Sequences under an encoding.
///
/// ```
/// use burn::tensor::Device;
/// use hairpin_seq::{Dna, OneHot, Seq};
/// use hairpin_train::{Dataset, SequenceDataset};
///
/// let sequences: Vec<Seq<Dna>> = vec!["ACGT".parse()?, "GATTACA".parse()?];
/// let dataset = SequenceDataset::new(&sequences, OneHot::default());
/// let batch = dataset.batch(&[0, 1], None, &Device::flex());
/// assert_eq!(batch.x.dims(), [2, 7, 4]);
/// assert_eq!(*batch.lengths, [4, 7]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone)]
pub struct SequenceDataset<'a, A: Alphabet, E> {
    sequences: &'a [Seq<A>],
    encoder: E,
    min_crop: Option<usize>,
    change: Option<Change<A>>,
    noise: Option<GaussianNoise>,
}

type Change<A> = Arc<dyn Fn(&Seq<A>, &mut ChaCha8Rng) -> Seq<A> + Send + Sync>;

impl<A: Alphabet, E: fmt::Debug> fmt::Debug for SequenceDataset<'_, A, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SequenceDataset")
            .field("sequences", &self.sequences.len())
            .field("encoder", &self.encoder)
            .field("min_crop", &self.min_crop)
            .field("change", &self.change.is_some())
            .field("noise", &self.noise)
            .finish()
    }
}

impl<'a, A: Alphabet, E: Encode<A>> SequenceDataset<'a, A, E> {
    /// Whole sequences.
    pub fn new(sequences: &'a [Seq<A>], encoder: E) -> Self {
        Self {
            sequences,
            encoder,
            min_crop: None,
            change: None,
            noise: None,
        }
    }

    /// Lets training see, each time, a random window of at least `min_crop` positions instead of the whole sequence; the window's
    /// length and place are uniform. Prediction always sees the whole.
    pub fn with_min_crop(mut self, min_crop: usize) -> Self {
        self.min_crop = Some(min_crop.max(1));
        self
    }

    /// Lets training see, each time, what `change` makes of a sequence, after the window is cut: another strand, a mutation, a
    /// shuffle of [`hairpin_seq::augment`]. It is to give every sequence of a length one of the same length.
    ///
    /// ```
    /// use hairpin_seq::augment::{Augment, ReverseComplement};
    /// use hairpin_seq::{Dna, OneHot, Seq};
    /// use hairpin_train::SequenceDataset;
    ///
    /// let sequences: Vec<Seq<Dna>> = vec!["GATTACA".parse()?];
    /// let either_strand = ReverseComplement::new(0.5)?;
    /// let dataset = SequenceDataset::new(&sequences, OneHot::default())
    ///     .with_change(move |sequence, rng| either_strand.augment(sequence, rng).seq);
    /// # let _ = dataset;
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    pub fn with_change(
        mut self,
        change: impl Fn(&Seq<A>, &mut ChaCha8Rng) -> Seq<A> + Send + Sync + 'static,
    ) -> Self {
        self.change = Some(Arc::new(change));
        self
    }

    /// Adds noise to what training sees, on the positions that a string has and not on padding.
    pub fn with_noise(mut self, noise: GaussianNoise) -> Self {
        self.noise = Some(noise);
        self
    }

    /// What training sees of a sequence this time, if not the sequence itself.
    fn augmented(&self, sequence: &Seq<A>, rng: &mut ChaCha8Rng) -> Option<Seq<A>> {
        let cropped = self.crop(sequence, rng);
        match &self.change {
            Some(change) => Some(change(cropped.as_ref().unwrap_or(sequence), rng)),
            None => cropped,
        }
    }

    fn crop(&self, sequence: &Seq<A>, rng: &mut ChaCha8Rng) -> Option<Seq<A>> {
        let min_crop = self.min_crop?.min(sequence.len());
        let length = rng.random_range(min_crop..=sequence.len());
        let start = rng.random_range(0..=sequence.len() - length);
        Some(sequence.slice(start..start + length))
    }
}

impl<A: Alphabet, E: Encode<A>> Dataset for SequenceDataset<'_, A, E> {
    type Input = SequenceInput;

    fn len(&self) -> usize {
        self.sequences.len()
    }

    fn length(&self, row: usize) -> usize {
        self.encoder.positions(self.sequences[row].len())
    }

    fn shortest(&self, row: usize) -> usize {
        let whole = self.sequences[row].len();
        self.encoder
            .positions(self.min_crop.map_or(whole, |crop| crop.min(whole)))
    }

    fn batch(
        &self,
        rows: &[usize],
        mut augment: Option<&mut ChaCha8Rng>,
        device: &Device,
    ) -> SequenceInput {
        let cropped: Vec<Option<Seq<A>>> = rows
            .iter()
            .map(|&row| {
                let rng = augment.as_deref_mut()?;
                self.augmented(&self.sequences[row], rng)
            })
            .collect();
        let sequences: Vec<&Seq<A>> = rows
            .iter()
            .zip(&cropped)
            .map(|(&row, cropped)| cropped.as_ref().unwrap_or(&self.sequences[row]))
            .collect();
        let lengths: Vec<usize> = sequences
            .iter()
            .map(|sequence| self.encoder.positions(sequence.len()))
            .collect();
        let (channels, length) = (
            self.encoder.channels(),
            lengths.iter().copied().max().unwrap_or(0),
        );
        let mut x = vec![0f32; rows.len() * length * channels];
        for ((sequence, own), out) in sequences
            .iter()
            .zip(&lengths)
            .zip(x.chunks_exact_mut((length * channels).max(1)))
        {
            let out = &mut out[..own * channels];
            self.encoder.encode_into(sequence, out);
            if let (Some(noise), Some(rng)) = (&self.noise, augment.as_deref_mut()) {
                noise.add_to(out, rng);
            }
        }
        let x = Tensor::from_data(TensorData::new(x, [rows.len(), length, channels]), device);
        SequenceInput::new(x, lengths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hairpin_seq::{Dna, OneHot};
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn crops_are_windows_of_the_sequence_and_prediction_sees_the_whole() {
        let sequences: Vec<Seq<Dna>> = vec!["ACGTTGCAAC".parse().unwrap()];
        let dataset = SequenceDataset::new(&sequences, OneHot::default()).with_min_crop(4);
        let device = Device::flex();
        let whole = dataset.batch(&[0], None, &device);
        assert_eq!(*whole.lengths, [10]);
        let whole = whole.x.into_data().try_into_vec::<f32>().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let crop = dataset.batch(&[0], Some(&mut rng), &device);
            let length = crop.lengths[0];
            assert!((4..=10).contains(&length));
            seen.insert(length);
            let crop = crop.x.into_data().try_into_vec::<f32>().unwrap();
            assert!(
                whole
                    .windows(length * 4)
                    .step_by(4)
                    .any(|window| window == crop)
            );
        }
        assert_eq!(seen.len(), 7, "every length from 4 to 10 occurs");
    }

    #[test]
    fn changes_and_noise_are_for_training_and_stay_off_padding() {
        let sequences: Vec<Seq<Dna>> = vec!["ACGTTG".parse().unwrap(), "CCA".parse().unwrap()];
        let plain = SequenceDataset::new(&sequences, OneHot::default());
        let changed = plain
            .clone()
            .with_change(|sequence, _| sequence.reverse_complement())
            .with_noise(GaussianNoise::new(0.01).unwrap());
        let device = Device::flex();
        let values = |dataset: &SequenceDataset<'_, Dna, OneHot>, rng: Option<u64>| {
            let mut rng = rng.map(ChaCha8Rng::seed_from_u64);
            let batch = dataset.batch(&[0, 1], rng.as_mut(), &device);
            batch.x.into_data().try_into_vec::<f32>().unwrap()
        };
        assert_eq!(values(&plain, None), values(&changed, None));
        assert_eq!(values(&changed, Some(1)), values(&changed, Some(1)));
        let seen = values(&changed, Some(1));
        let turned: Vec<Seq<Dna>> = sequences.iter().map(Seq::reverse_complement).collect();
        let expected = values(&SequenceDataset::new(&turned, OneHot::default()), None);
        for (at, (seen, expected)) in seen.iter().zip(expected).enumerate() {
            match at >= 24 + 12 {
                true => assert_eq!(*seen, 0.0, "padding"),
                false => assert!((seen - expected).abs() < 0.06 && *seen != expected),
            }
        }
    }
}
