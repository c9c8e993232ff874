//! Several encodings of the same positions side by side.

use std::fmt;

use crate::encode::check_out;
use crate::{Alphabet, Encode, Seq};

/// Stacked channels: the rows of several encoders side by side, and behind them any channels the caller has per position.
///
/// ```text
/// out[p] = first encoder's row p | second encoder's row p | ... | caller's row p | ...
/// ```
///
/// All encoders must write a sequence as the same number of positions. As an [`Encode`] it writes the encoders alone;
/// [`encode_with_into`](Self::encode_with_into) adds what belongs to one sequence: a structure, reactivities, conservation.
///
/// ```
/// use hairpin_seq::{Channels, Encode, OneHot, RelativePosition, Rna, Seq, Stacked};
///
/// let seq: Seq<Rna> = "GC".parse()?;
/// let stacked = Stacked::new(OneHot::default()).with(RelativePosition::default());
/// assert_eq!(stacked.encode(&seq), [0., 0., 1., 0., 0., /* C */ 0., 1., 0., 0., 1.]);
///
/// // With the probability that each base is paired.
/// let paired = Channels { values: &[0.25, 0.75], channels: 1 };
/// let mut rows = [0.0; 2 * 6];
/// stacked.encode_with_into(&seq, &[paired], &mut rows);
/// assert_eq!(rows, [0., 0., 1., 0., 0., 0.25, /* C */ 0., 1., 0., 0., 1., 0.75]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub struct Stacked<A> {
    encoders: Vec<Box<dyn Encode<A> + Send + Sync>>,
}

/// A caller's channels for the positions of one sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channels<'a> {
    /// Row-major `[positions, channels]`.
    pub values: &'a [f32],
    /// The values at each position.
    pub channels: usize,
}

impl<A: Alphabet> Stacked<A> {
    /// The rows of one encoder.
    pub fn new(encoder: impl Encode<A> + Send + Sync + 'static) -> Self {
        Self {
            encoders: vec![Box::new(encoder)],
        }
    }

    /// Adds the rows of another on the right.
    pub fn with(mut self, encoder: impl Encode<A> + Send + Sync + 'static) -> Self {
        self.encoders.push(Box::new(encoder));
        self
    }

    /// Writes the encoders' rows, then the caller's, over all of `out`: row-major `[positions, channels]`, where channels are those of
    /// the encoders and of `more` together.
    ///
    /// # Panics
    ///
    /// When `out` or the values of one of `more` have another size, or the encoders do not agree on the number of positions.
    pub fn encode_with_into(&self, seq: &Seq<A>, more: &[Channels<'_>], out: &mut [f32]) {
        let positions = self.positions(seq.len());
        let given: usize = more.iter().map(|block| block.channels).sum();
        let width = self.channels() + given;
        check_out("Stacked", out.len(), positions, width);
        let mut rows = Vec::new();
        let mut start = 0;
        for (index, encoder) in self.encoders.iter().enumerate() {
            let (found, channels) = (encoder.positions(seq.len()), encoder.channels());
            assert!(
                found == positions,
                "Stacked: encoder {index} writes {found} positions, the first writes {positions}"
            );
            rows.resize(positions * channels, 0.0);
            encoder.encode_into(seq, &mut rows);
            place(&rows, channels, start, width, out);
            start += channels;
        }
        for block in more {
            check_out(
                "Stacked: channels given",
                block.values.len(),
                positions,
                block.channels,
            );
            place(block.values, block.channels, start, width, out);
            start += block.channels;
        }
    }
}

/// Copies rows of `channels` values into columns `start..` of rows of `width` values.
fn place(rows: &[f32], channels: usize, start: usize, width: usize, out: &mut [f32]) {
    if channels == 0 {
        return;
    }
    for (row, out) in rows.chunks_exact(channels).zip(out.chunks_exact_mut(width)) {
        out[start..start + channels].copy_from_slice(row);
    }
}

impl<A: Alphabet> Encode<A> for Stacked<A> {
    fn channels(&self) -> usize {
        self.encoders.iter().map(|encoder| encoder.channels()).sum()
    }

    fn positions(&self, len: usize) -> usize {
        self.encoders
            .first()
            .map_or(len, |encoder| encoder.positions(len))
    }

    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        self.encode_with_into(seq, &[], out);
    }
}

impl<A: Alphabet> fmt::Debug for Stacked<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channels: Vec<usize> = self
            .encoders
            .iter()
            .map(|encoder| encoder.channels())
            .collect();
        f.debug_struct("Stacked")
            .field("channels", &channels)
            .finish()
    }
}
