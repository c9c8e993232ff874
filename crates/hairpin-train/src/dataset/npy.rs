//! [`NpyMatrix`] and [`NpySequences`]: datasets over the rows of an array on disk.

use super::{Dataset, NpyRows};
use crate::TrainError;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_models::SequenceInput;
use rand_chacha::ChaCha8Rng;

/// Rows of features `[n_rows, n_features]` from a file, as batches `[batch_size, n_features]`.
///
/// Where a batch cannot be read it is NaN, and [`failure`](Dataset::failure) says why.
#[derive(Debug)]
pub struct NpyMatrix {
    rows: NpyRows,
}

impl NpyMatrix {
    /// A dataset over an array of two dimensions.
    ///
    /// # Errors
    ///
    /// [`TrainError::Npy`] if it has three.
    pub fn new(rows: NpyRows) -> Result<Self, TrainError> {
        rows.check_rank(2, "two dimensions, [rows, features]")?;
        Ok(Self { rows })
    }
}

impl Dataset for NpyMatrix {
    type Input = Tensor<2>;

    fn len(&self) -> usize {
        self.rows.n_rows()
    }

    fn length(&self, _row: usize) -> usize {
        1
    }

    fn batch(&self, rows: &[usize], _: Option<&mut ChaCha8Rng>, device: &Device) -> Tensor<2> {
        let shape = [rows.len(), self.rows.row_len()];
        Tensor::from_data(TensorData::new(self.rows.batch(rows), shape), device)
    }

    fn failure(&self) -> Option<TrainError> {
        self.rows.failure()
    }
}

/// Encoded sequences `[n_rows, length, channels]` from a file, such as embeddings that a language model made beforehand.
///
/// Where a batch cannot be read it is NaN, and [`failure`](Dataset::failure) says why.
#[derive(Debug)]
pub struct NpySequences {
    rows: NpyRows,
    lengths: Option<Vec<usize>>,
}

impl NpySequences {
    /// A dataset over an array of three dimensions, every sequence as long as the array.
    ///
    /// # Errors
    ///
    /// [`TrainError::Npy`] if it has two.
    pub fn new(rows: NpyRows) -> Result<Self, TrainError> {
        rows.check_rank(3, "three dimensions, [rows, positions, channels]")?;
        Ok(Self {
            rows,
            lengths: None,
        })
    }

    /// With the true length of each sequence; what lies beyond is padding and counts as zero, whatever the file has there.
    ///
    /// # Errors
    ///
    /// [`TrainError::Npy`] if there is not one length for each row, or one is 0 or greater than the array's.
    pub fn with_lengths(self, lengths: Vec<usize>) -> Result<Self, TrainError> {
        let (n_rows, longest) = (self.rows.n_rows(), self.rows.shape()[1]);
        let wrong = |found, expected| {
            Err(TrainError::Npy {
                path: self.rows.path().to_owned(),
                found,
                expected,
            })
        };
        if lengths.len() != n_rows {
            let expected = format!("{n_rows}, one for each row");
            return wrong(format!("there are {} lengths", lengths.len()), expected);
        }
        let mut each = lengths.iter().enumerate();
        if let Some((row, length)) = each.find(|&(_, length)| !(1..=longest).contains(length)) {
            let expected = format!("1 to {longest}");
            return wrong(format!("the length of row {row} is {length}"), expected);
        }
        Ok(Self {
            lengths: Some(lengths),
            ..self
        })
    }
}

impl Dataset for NpySequences {
    type Input = SequenceInput;

    fn len(&self) -> usize {
        self.rows.n_rows()
    }

    fn length(&self, row: usize) -> usize {
        let lengths = self.lengths.as_ref();
        lengths.map_or(self.rows.shape()[1], |lengths| lengths[row])
    }

    fn batch(&self, rows: &[usize], _: Option<&mut ChaCha8Rng>, device: &Device) -> SequenceInput {
        let (stored, channels) = (self.rows.shape()[1], self.rows.shape()[2]);
        let lengths: Vec<usize> = rows.iter().map(|&row| self.length(row)).collect();
        let length = lengths.iter().copied().max().unwrap_or(0);
        let mut x = self.rows.batch(rows);
        if self.lengths.is_some() {
            let all = std::mem::take(&mut x);
            x = vec![0.0; rows.len() * length * channels];
            let both = all.chunks_exact(stored * channels);
            let both = both.zip(x.chunks_exact_mut(length * channels));
            for ((from, to), own) in both.zip(&lengths) {
                to[..own * channels].copy_from_slice(&from[..own * channels]);
            }
        }
        let x = Tensor::from_data(TensorData::new(x, [rows.len(), length, channels]), device);
        SequenceInput::new(x, lengths)
    }

    fn failure(&self) -> Option<TrainError> {
        self.rows.failure()
    }
}
