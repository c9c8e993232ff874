//! [`Dataset`]: examples that become batches, and the order in which they do.

mod npy;
mod npy_rows;
mod pair;

pub use npy::{NpyMatrix, NpySequences};
pub use npy_rows::NpyRows;
pub use pair::{ColumnSample, PairDataset, PairInput};

use crate::TrainError;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_models::SequenceInput;
use hairpin_seq::{Alphabet, Encode, Seq};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

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
#[derive(Debug, Clone)]
pub struct SequenceDataset<'a, A: Alphabet, E> {
    sequences: &'a [Seq<A>],
    encoder: E,
    min_crop: Option<usize>,
}

impl<'a, A: Alphabet, E: Encode<A>> SequenceDataset<'a, A, E> {
    /// Whole sequences.
    pub fn new(sequences: &'a [Seq<A>], encoder: E) -> Self {
        Self {
            sequences,
            encoder,
            min_crop: None,
        }
    }

    /// Lets training see, each time, a random window of at least `min_crop` positions instead of the whole sequence; the window's
    /// length and place are uniform. Prediction always sees the whole.
    pub fn with_min_crop(mut self, min_crop: usize) -> Self {
        self.min_crop = Some(min_crop.max(1));
        self
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
                self.crop(&self.sequences[row], rng)
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
            self.encoder
                .encode_into(sequence, &mut out[..own * channels]);
        }
        let x = Tensor::from_data(TensorData::new(x, [rows.len(), length, channels]), device);
        SequenceInput::new(x, lengths)
    }
}

/// Batches of one pass over a training set: shuffled, yet with like lengths together so that little is padding.
///
/// Rows are shuffled, cut into pools of 16 batches, sorted by length within each pool, cut into batches, and the batches shuffled.
/// When all lengths are equal that is a plain shuffle. The last batch of a pass may be smaller.
pub(crate) fn shuffled_batches(
    lengths: &[usize],
    batch_size: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<Vec<usize>> {
    /// Batches whose rows are sorted together: enough to save padding, few enough to keep chance in the batches.
    const POOL: usize = 16;
    let mut rows: Vec<usize> = (0..lengths.len()).collect();
    rows.shuffle(rng);
    let mut batches = Vec::with_capacity(lengths.len().div_ceil(batch_size));
    for pool in rows.chunks_mut(batch_size.saturating_mul(POOL)) {
        pool.sort_by_key(|&row| lengths[row]);
        batches.extend(pool.chunks(batch_size).map(<[usize]>::to_vec));
    }
    batches.shuffle(rng);
    batches
}

/// Batches for prediction, longest rows first so that what memory is needed is needed at once.
pub(crate) fn batches_by_length(lengths: &[usize], batch_size: usize) -> Vec<Vec<usize>> {
    let mut rows: Vec<usize> = (0..lengths.len()).collect();
    rows.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
    rows.chunks(batch_size).map(<[usize]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hairpin_seq::{Dna, OneHot};
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn every_row_is_in_one_batch_and_lengths_are_together() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let lengths: Vec<usize> = (0..103).map(|row| 1 + (row * 37) % 50).collect();
        for batches in [
            shuffled_batches(&lengths, 8, &mut rng),
            batches_by_length(&lengths, 8),
        ] {
            let mut rows = batches.concat();
            rows.sort_unstable();
            assert_eq!(rows, (0..103).collect::<Vec<_>>());
            assert!(batches.iter().all(|batch| batch.len() <= 8));
            let spread = |batch: &Vec<usize>| {
                let own: Vec<usize> = batch.iter().map(|&row| lengths[row]).collect();
                own.iter().max().unwrap() - own.iter().min().unwrap()
            };
            let mean = batches.iter().map(spread).sum::<usize>() / batches.len();
            assert!(
                mean < 12,
                "lengths within a batch differ by {mean} on average"
            );
        }
    }

    #[test]
    fn a_seed_fixes_the_order_and_another_changes_it() {
        let batches = |seed| shuffled_batches(&[5; 64], 8, &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(batches(1), batches(1));
        assert_ne!(batches(1), batches(2));
        assert_ne!(batches(1).concat(), (0..64).collect::<Vec<_>>());
    }

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
}
