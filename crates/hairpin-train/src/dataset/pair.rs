//! [`PairDataset`]: two kinds of things of which every pair is an example, without ever listing the pairs.

use super::Dataset;
use crate::TrainError;
use burn::tensor::Device;
pub use hairpin_models::PairInput;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Which columns of a target matrix a batch of training sees: a sample for every batch, the same for whoever asks.
///
/// The sample is drawn from the seed and the batch's rows, so the dataset that prepares the inputs and the objective that looks up
/// the targets draw the same one without speaking to each other, a resumed run repeats it, and the next epoch, whose batches are
/// others, draws others.
///
/// ```
/// use hairpin_train::ColumnSample;
///
/// let sample = ColumnSample::new(200, 8, 1);
/// let columns = sample.draw(&[17, 4, 25]);
/// assert_eq!(columns.len(), 8);
/// assert!(columns.is_sorted() && columns.iter().all(|&column| column < 200));
/// assert_eq!(columns, sample.draw(&[17, 4, 25]));
/// assert_ne!(columns, sample.draw(&[17, 25, 4]));
/// let by_first_row = sample.by_first_row();
/// assert_eq!(by_first_row.draw(&[17, 4, 25]), by_first_row.draw(&[17, 8]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSample {
    n_columns: usize,
    size: usize,
    seed: u64,
    by_first_row: bool,
}

impl ColumnSample {
    /// Samples of `size` of `n_columns` columns, or of all where there are fewer; at least one where there is any.
    pub fn new(n_columns: usize, size: usize, seed: u64) -> Self {
        Self {
            n_columns,
            size: size.max(1).min(n_columns),
            seed,
            by_first_row: false,
        }
    }

    /// Samples that follow from the seed and the first row of a batch alone, so that its other rows can be chosen for them.
    pub fn by_first_row(self) -> Self {
        Self {
            by_first_row: true,
            ..self
        }
    }

    pub(super) fn is_by_first_row(&self) -> bool {
        self.by_first_row
    }

    /// Number of columns of a sample.
    pub fn size(&self) -> usize {
        self.size
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// Number of columns that samples are drawn from.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The sample of a batch of these rows, in ascending order, none twice.
    pub fn draw(&self, rows: &[usize]) -> Vec<usize> {
        if self.size == self.n_columns {
            return (0..self.n_columns).collect();
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let naming = match self.by_first_row {
            true => &rows[..rows.len().min(1)],
            false => rows,
        };
        rng.set_stream(digest(naming));
        let mut columns = index::sample(&mut rng, self.n_columns, self.size).into_vec();
        columns.sort_unstable();
        columns
    }
}

/// FNV-1a over the bytes of the rows.
fn digest(rows: &[usize]) -> u64 {
    let bytes = rows.iter().flat_map(|&row| (row as u64).to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Pairs of a left (a protein) and a right (a probe), for a model of two towers.
///
/// The targets are a [`TargetMatrix`](hairpin_targets::TargetMatrix) `[n_right, n_left]`, mask and all. Rows of the dataset are the
/// rights. In training a batch of `r` of them meets the [`ColumnSample`] of `l` lefts, so that the two towers read `l + r` inputs for
/// `l r` pairs, and the model's outputs are `[r, l]`, column by column those of the sample: the objective is
/// [`Sampled`](crate::Sampled) with the same sample. In prediction a batch meets all lefts, in order, and outputs are `[r, n_left]`: so
/// validation may be about other lefts than training, held-out proteins.
///
/// The product of the two is never listed: with 200 proteins and 120,000 probes that would be 24 million pairs.
///
/// [`length`](Dataset::length) is that of the right; lefts are padded to their longest.
///
/// ```
/// use burn::tensor::Device;
/// use hairpin_seq::{OneHot, Protein, Rna, Seq};
/// use hairpin_train::{ColumnSample, Dataset, PairDataset, SequenceDataset};
///
/// let proteins: Vec<Seq<Protein>> = vec!["MKV".parse()?, "MAAR".parse()?, "MW".parse()?];
/// let probes: Vec<Seq<Rna>> = vec!["ACGU".parse()?, "GAUUACA".parse()?];
/// let proteins = SequenceDataset::new(&proteins, OneHot::default());
/// let probes = SequenceDataset::new(&probes, OneHot::default());
/// let pairs = PairDataset::new(&proteins, &probes, ColumnSample::new(3, 2, 1));
/// let block = pairs.batch(&[1, 0], None, &Device::flex());
/// assert_eq!(block.columns, [0, 1, 2]);
/// assert_eq!((block.left.x.dims()[0], block.right.x.dims()[0]), (3, 2));
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Debug)]
pub struct PairDataset<'a, L, R> {
    left: &'a L,
    right: &'a R,
    sample: ColumnSample,
}

impl<L, R> Clone for PairDataset<'_, L, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L, R> Copy for PairDataset<'_, L, R> {}

impl<'a, L: Dataset, R: Dataset> PairDataset<'a, L, R> {
    /// Every left with every right.
    ///
    /// # Panics
    ///
    /// If the sample is not of as many columns as there are lefts.
    pub fn new(left: &'a L, right: &'a R, sample: ColumnSample) -> Self {
        assert!(
            sample.n_columns == left.len(),
            "n_columns: the sample has {}, expected {} as there are lefts",
            sample.n_columns,
            left.len()
        );
        Self {
            left,
            right,
            sample,
        }
    }
}

impl<L: Dataset, R: Dataset> Dataset for PairDataset<'_, L, R> {
    type Input = PairInput<L::Input, R::Input>;

    fn len(&self) -> usize {
        self.right.len()
    }

    fn length(&self, row: usize) -> usize {
        self.right.length(row)
    }

    fn shortest(&self, row: usize) -> usize {
        self.right.shortest(row)
    }

    fn n_outputs(&self) -> Option<usize> {
        Some(self.left.len())
    }

    fn batch(
        &self,
        rows: &[usize],
        mut augment: Option<&mut ChaCha8Rng>,
        device: &Device,
    ) -> Self::Input {
        let columns: Vec<usize> = match augment {
            Some(_) => self.sample.draw(rows),
            None => (0..self.left.len()).collect(),
        };
        PairInput {
            left: self.left.batch(&columns, augment.as_deref_mut(), device),
            right: self.right.batch(rows, augment, device),
            columns,
        }
    }

    fn failure(&self) -> Option<TrainError> {
        self.left.failure().or_else(|| self.right.failure())
    }
}
