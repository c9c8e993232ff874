//! [`AnnotatedSequences`]: sequences with what was computed of each of their positions before.

use super::Dataset;
use crate::TrainError;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_models::SequenceInput;
use hairpin_seq::{Alphabet, Encode, OneHot, Seq};
use rand_chacha::ChaCha8Rng;

/// One-hot sequences, and behind the letters channels that were computed of each position before: the loop contexts of RNA, for example.
///
/// ```text
/// batch[row, position] = one-hot letter | channels
/// ```
///
/// ```
/// use burn::tensor::Device;
/// use hairpin_seq::{Rna, Seq};
/// use hairpin_train::{AnnotatedSequences, Dataset};
///
/// let probes: Vec<Seq<Rna>> = vec!["GC".parse()?, "A".parse()?];
/// // [n_sequences, length, channels]: whether a base is paired.
/// let paired = [0.25, 0.75, 0.5, 0.0];
/// let dataset = AnnotatedSequences::new(&probes, &paired, 2, 1)?;
/// let batch = dataset.batch(&[1, 0], None, &Device::flex());
/// assert_eq!(batch.x.dims(), [2, 2, 5]);
/// assert_eq!(batch.x.into_data().try_into_vec::<f32>()?[..5], [1.0, 0.0, 0.0, 0.0, 0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AnnotatedSequences<'a, A: Alphabet> {
    sequences: &'a [Seq<A>],
    /// `[n_sequences, length, channels]`.
    values: &'a [f32],
    length: usize,
    channels: usize,
}

impl<A: Alphabet> Clone for AnnotatedSequences<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Alphabet> Copy for AnnotatedSequences<'_, A> {}

impl<'a, A: Alphabet> AnnotatedSequences<'a, A> {
    /// Sequences of at most `length` positions with `values` `[n_sequences, length, channels]`, of which only those of the positions that
    /// a sequence has are read. Without channels there are the letters alone.
    ///
    /// # Errors
    ///
    /// [`TrainError::Example`] for the first sequence that is longer.
    ///
    /// # Panics
    ///
    /// When there is another number of values.
    pub fn new(
        sequences: &'a [Seq<A>],
        values: &'a [f32],
        length: usize,
        channels: usize,
    ) -> Result<Self, TrainError> {
        assert!(
            values.len() == sequences.len() * length * channels,
            "AnnotatedSequences: {} values, expected n_sequences x length x channels = {} x {length} x {channels}",
            values.len(),
            sequences.len()
        );
        if let Some(row) = sequences.iter().position(|own| own.len() > length) {
            return Err(TrainError::Example {
                row,
                what: "positions",
                expected: format!("at most {length}"),
                found: sequences[row].len().to_string(),
            });
        }
        Ok(Self {
            sequences,
            values,
            length,
            channels,
        })
    }

    /// Channels of a position: those of the letters and those behind them.
    pub fn channels(&self) -> usize {
        A::SYMBOLS.len() + self.channels
    }
}

impl<A: Alphabet> Dataset for AnnotatedSequences<'_, A> {
    type Input = SequenceInput;

    fn len(&self) -> usize {
        self.sequences.len()
    }

    fn length(&self, row: usize) -> usize {
        self.sequences[row].len()
    }

    fn batch(&self, rows: &[usize], _: Option<&mut ChaCha8Rng>, device: &Device) -> SequenceInput {
        let (letters, width) = (A::SYMBOLS.len(), self.channels());
        let lengths: Vec<usize> = rows.iter().map(|&row| self.length(row)).collect();
        let length = lengths.iter().copied().max().unwrap_or(0);
        let mut x = vec![0f32; rows.len() * length * width];
        let mut one_hot = vec![0f32; length * letters];
        for ((&row, &own), out) in rows
            .iter()
            .zip(&lengths)
            .zip(x.chunks_exact_mut((length * width).max(1)))
        {
            let one_hot = &mut one_hot[..own * letters];
            OneHot::default().encode_into(&self.sequences[row], one_hot);
            let first = row * self.length * self.channels;
            let values = &self.values[first..first + own * self.channels];
            for (position, out) in out.chunks_exact_mut(width).take(own).enumerate() {
                out[..letters].copy_from_slice(&one_hot[position * letters..][..letters]);
                let channels = &values[position * self.channels..][..self.channels];
                out[letters..].copy_from_slice(channels);
            }
        }
        let x = Tensor::from_data(TensorData::new(x, [rows.len(), length, width]), device);
        SequenceInput::new(x, lengths)
    }
}
