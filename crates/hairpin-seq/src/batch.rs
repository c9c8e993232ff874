//! Many sequences as one block of equal rows.

use rayon::prelude::*;

use crate::encode::CLAIM_BYTES;
use crate::{Alphabet, EncodeAs, Seq, SeqError};

/// Whether positions or channels come first in a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `[length, channels]`: what hairpin's models read.
    #[default]
    LengthFirst,
    /// `[channels, length]`: what convolutions of other libraries read.
    ChannelsFirst,
}

/// Writes sequences of any lengths as one block of rows of the same length, on all threads of rayon.
///
/// | option | default | meaning | range |
/// |---|---|---|---|
/// | `length` | required | positions in a row, begin and end tokens included | any |
/// | `layout` | [`LengthFirst`](Layout::LengthFirst) | the order inside a row | |
///
/// The block is `[batch_size, length, channels]` or `[batch_size, channels, length]`. What lies behind the end of a sequence is the
/// encoder's padding: zeros, or its padding token. Nothing is cut: a sequence that does not fit is an error.
///
/// ```
/// use hairpin_seq::{Dna, OneHot, PaddedBatch, Seq, Tokens};
///
/// let seqs: [Seq<Dna>; 2] = ["AC".parse()?, "G".parse()?];
/// let batch = PaddedBatch::new(2);
/// let rows: Vec<f32> = batch.encode(&OneHot::default(), &seqs)?;
/// assert_eq!(rows, [
///     1., 0., 0., 0., /* A */ 0., 1., 0., 0., /* C */
///     0., 0., 1., 0., /* G */ 0., 0., 0., 0., /* padding */
/// ]);
/// assert_eq!(batch.mask(&OneHot::default(), &seqs)?, [false, false, false, true]);
///
/// let tokens: Vec<i64> = batch.encode(&Tokens::new(), &seqs)?;
/// assert_eq!(tokens, [4, 5, 6, 0]);
///
/// let error = PaddedBatch::new(1).encode::<f32, _, _>(&OneHot::default(), &seqs).unwrap_err();
/// assert!(error.to_string().starts_with("sequence 0 takes 2 positions and a row has 1"));
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PaddedBatch {
    length: usize,
    layout: Layout,
}

impl PaddedBatch {
    /// Rows of `length` positions.
    pub fn new(length: usize) -> Self {
        Self {
            length,
            layout: Layout::default(),
        }
    }

    /// The order of positions and channels inside a row.
    pub fn with_layout(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    /// Writes the block over all of `out`; what it held does not matter.
    ///
    /// # Errors
    ///
    /// [`SeqError::TooLong`] names the first sequence that takes more than `length` positions; nothing has been written then.
    ///
    /// # Panics
    ///
    /// When `out.len()` is not `batch_size * length * channels`, or a token does not fit into `T`.
    pub fn encode_into<T, A, E>(
        &self,
        encoder: &E,
        seqs: &[Seq<A>],
        out: &mut [T],
    ) -> Result<(), SeqError>
    where
        T: Copy + Send + Sync,
        A: Alphabet,
        E: EncodeAs<A, T> + Sync,
    {
        self.check_lengths(encoder, seqs)?;
        let (length, channels) = (self.length, encoder.channels());
        let row = length.saturating_mul(channels);
        assert!(
            out.len() == seqs.len().saturating_mul(row),
            "PaddedBatch: out has {} values, expected batch_size {} x length {length} x channels {channels} = {}",
            out.len(),
            seqs.len(),
            seqs.len().saturating_mul(row)
        );
        if row == 0 {
            return Ok(());
        }
        let padding = encoder.padding_as();
        let group = (CLAIM_BYTES / (row * size_of::<T>())).max(1);
        // A task of some hundred kilobytes at least: short rows must not be handed out one by one.
        let groups_per_task = ((1 << 18) / (group * row * size_of::<T>())).max(1);
        out.par_chunks_mut(group * row)
            .zip(seqs.par_chunks(group))
            .with_min_len(groups_per_task)
            .for_each(|(rows, seqs)| {
                if size_of_val(rows) <= CLAIM_BYTES {
                    rows.fill(padding);
                }
                for (row, seq) in rows.chunks_exact_mut(row).zip(seqs) {
                    match self.layout {
                        Layout::LengthFirst => {
                            let used = encoder.positions(seq.len()) * channels;
                            let (written, rest) = row.split_at_mut(used);
                            encoder.encode_as_into(seq, written);
                            rest.fill(padding);
                        }
                        Layout::ChannelsFirst => {
                            encoder.encode_channels_first_as_into(seq, length, row);
                        }
                    }
                }
            });
        Ok(())
    }

    /// The same in a new vector.
    ///
    /// # Errors
    ///
    /// As [`encode_into`](Self::encode_into), and [`SeqError::Setting`] when no memory could hold the block.
    pub fn encode<T, A, E>(&self, encoder: &E, seqs: &[Seq<A>]) -> Result<Vec<T>, SeqError>
    where
        T: Copy + Send + Sync,
        A: Alphabet,
        E: EncodeAs<A, T> + Sync,
    {
        // Checked first, so that a length that is refused allocates nothing.
        self.check_lengths(encoder, seqs)?;
        let size = self
            .length
            .checked_mul(encoder.channels())
            .and_then(|row| row.checked_mul(seqs.len()))
            .filter(|size| {
                size.checked_mul(size_of::<T>())
                    .is_some_and(|b| b <= isize::MAX as usize)
            })
            .ok_or_else(|| SeqError::Setting {
                name: "length",
                value: self.length.to_string(),
                expected: "rows of which a batch fits into memory",
            })?;
        let mut out = vec![encoder.padding_as(); size];
        self.encode_into(encoder, seqs, &mut out)?;
        Ok(out)
    }

    /// Which positions are padding: `[batch_size, length]`, true behind the end of a sequence.
    ///
    /// # Errors
    ///
    /// As [`encode_into`](Self::encode_into).
    pub fn mask<A, E>(&self, encoder: &E, seqs: &[Seq<A>]) -> Result<Vec<bool>, SeqError>
    where
        A: Alphabet,
        E: EncodeAs<A, f32>,
    {
        self.check_lengths(encoder, seqs)?;
        Ok(seqs
            .iter()
            .flat_map(|seq| {
                let used = encoder.positions(seq.len());
                (0..self.length).map(move |position| position >= used)
            })
            .collect())
    }

    fn check_lengths<T, A, E>(&self, encoder: &E, seqs: &[Seq<A>]) -> Result<(), SeqError>
    where
        T: Copy,
        A: Alphabet,
        E: EncodeAs<A, T>,
    {
        for (sequence, seq) in seqs.iter().enumerate() {
            let positions = encoder.positions(seq.len());
            if positions > self.length {
                return Err(SeqError::TooLong {
                    sequence,
                    positions,
                    length: self.length,
                });
            }
        }
        Ok(())
    }
}
