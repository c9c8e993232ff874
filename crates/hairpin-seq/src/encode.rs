//! From a sequence to the numbers a network reads.

use crate::{Alphabet, Seq};

/// Writes a sequence as a row-major `[positions, channels]` block of `f32`.
///
/// Encoders write into the caller's buffer, so that a batch is one allocation and one upload; [`PaddedBatch`](crate::PaddedBatch)
/// does that for sequences of any lengths, on all threads:
///
/// ```
/// use hairpin_seq::{Dna, Encode, OneHot, Seq};
///
/// let seq: Seq<Dna> = "AC".parse()?;
/// let mut row = [f32::NAN; 2 * 4];
/// OneHot::default().encode_into(&seq, &mut row);
/// assert_eq!(row, [
///     1., 0., 0., 0., // A
///     0., 1., 0., 0., // C
/// ]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
///
/// An encoder of several alphabets is asked for one of them by name outside generic code:
/// `Encode::<Dna>::channels(&OneHot::default())`. Other number types are written through [`EncodeAs`].
pub trait Encode<A: Alphabet> {
    /// The number of values at each position.
    fn channels(&self) -> usize;

    /// The number of positions that a sequence of `len` symbols is written as.
    fn positions(&self, len: usize) -> usize;

    /// Writes the sequence over all of `out`, row-major `[positions, channels]`; what `out` held does not matter.
    ///
    /// # Panics
    ///
    /// When `out.len()` is not `positions * channels`.
    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]);

    /// The same in a new vector.
    fn encode(&self, seq: &Seq<A>) -> Vec<f32> {
        let mut out = vec![0.0; self.positions(seq.len()) * self.channels()];
        self.encode_into(seq, &mut out);
        out
    }

    /// What stands in a batch behind the end of a sequence: 0, unless the encoder has a token for it.
    fn padding(&self) -> f32 {
        0.0
    }

    /// Writes the sequence over all of `out`, row-major `[channels, length]`, with [`padding`](Self::padding) behind its end: the
    /// layout of a convolution that takes channels first.
    ///
    /// # Panics
    ///
    /// When `out.len()` is not `channels * length`, or the sequence takes more than `length` positions.
    fn encode_channels_first_into(&self, seq: &Seq<A>, length: usize, out: &mut [f32]) {
        let (positions, channels) = (self.positions(seq.len()), self.channels());
        check_channels_first(
            "encode_channels_first_into",
            out.len(),
            positions,
            length,
            channels,
        );
        let mut rows = vec![0.0; positions * channels];
        self.encode_into(seq, &mut rows);
        transpose_into(&rows, positions, length, self.padding(), out);
    }
}

/// Writes a sequence as numbers of the type `T`: `f32` (every [`Encode`]), `u8` (one-hot rows and small vocabularies, a quarter
/// of the memory) or `i64` (tokens, as embeddings index by them).
///
/// A one-hot row that holds fractions in `f32` ([`UnknownRow::Uniform`](crate::UnknownRow::Uniform)) has a 1 at each of the channels
/// in `u8`.
///
/// ```
/// use hairpin_seq::{Dna, EncodeAs, OneHot, Seq};
///
/// let seq: Seq<Dna> = "CA".parse()?;
/// let mut rows = [0_u8; 8];
/// OneHot::default().encode_as_into(&seq, &mut rows);
/// assert_eq!(rows, [0, 1, 0, 0, /* A */ 1, 0, 0, 0]);
///
/// // [channels, length], padded to three positions.
/// let mut columns = [9_u8; 12];
/// OneHot::default().encode_channels_first_as_into(&seq, 3, &mut columns);
/// assert_eq!(columns, [0, 1, 0, /* C */ 1, 0, 0, /* G */ 0, 0, 0, /* T */ 0, 0, 0]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub trait EncodeAs<A: Alphabet, T: Copy>: Encode<A> {
    /// Writes the sequence over all of `out`, row-major `[positions, channels]`.
    ///
    /// # Panics
    ///
    /// When `out.len()` is not `positions * channels`, or a token does not fit into `T`.
    fn encode_as_into(&self, seq: &Seq<A>, out: &mut [T]);

    /// What stands in a batch behind the end of a sequence.
    fn padding_as(&self) -> T;

    /// Writes the sequence over all of `out`, row-major `[channels, length]`, with padding behind its end.
    ///
    /// # Panics
    ///
    /// When `out.len()` is not `channels * length`, the sequence takes more than `length` positions, or a token does not fit into `T`.
    fn encode_channels_first_as_into(&self, seq: &Seq<A>, length: usize, out: &mut [T]) {
        let (positions, channels) = (self.positions(seq.len()), self.channels());
        let padding = self.padding_as();
        check_channels_first(
            "encode_channels_first_as_into",
            out.len(),
            positions,
            length,
            channels,
        );
        let mut rows = vec![padding; positions * channels];
        self.encode_as_into(seq, &mut rows);
        transpose_into(&rows, positions, length, padding, out);
    }
}

impl<A: Alphabet, E: Encode<A> + ?Sized> EncodeAs<A, f32> for E {
    fn encode_as_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        self.encode_into(seq, out);
    }

    fn padding_as(&self) -> f32 {
        self.padding()
    }

    fn encode_channels_first_as_into(&self, seq: &Seq<A>, length: usize, out: &mut [f32]) {
        self.encode_channels_first_into(seq, length, out);
    }
}

/// How much of a large block is filled at once before it is written.
///
/// A fill of some kilobytes takes cache lines without reading what they held, which the stores of an encoder cannot; what is written
/// next finds them in the first-level cache. A block then costs about what filling it costs.
pub(crate) const CLAIM_BYTES: usize = 5 << 10;

/// Panics, naming both dimensions, unless a caller's buffer has the size of the block.
#[track_caller]
pub(crate) fn check_out(encoder: &str, found: usize, positions: usize, channels: usize) {
    assert!(
        found == positions * channels,
        "{encoder}: out has {found} values, expected positions {positions} x channels {channels} = {}",
        positions * channels
    );
}

/// The same for a block with channels first, which may be longer than the sequence.
#[track_caller]
pub(crate) fn check_channels_first(
    encoder: &str,
    found: usize,
    positions: usize,
    length: usize,
    channels: usize,
) {
    assert!(
        positions <= length,
        "{encoder}: the sequence takes {positions} positions, and length is {length}"
    );
    assert!(
        found == channels * length,
        "{encoder}: out has {found} values, expected channels {channels} x length {length} = {}",
        channels * length
    );
}

/// From `[positions, channels]` to `[channels, length]`.
fn transpose_into<T: Copy>(rows: &[T], positions: usize, length: usize, padding: T, out: &mut [T]) {
    let channels = out.len().checked_div(length).unwrap_or(0);
    for (channel, column) in out.chunks_exact_mut(length.max(1)).enumerate() {
        let (written, rest) = column.split_at_mut(positions);
        for (value, row) in written.iter_mut().zip(rows.chunks_exact(channels)) {
            *value = row[channel];
        }
        rest.fill(padding);
    }
}
