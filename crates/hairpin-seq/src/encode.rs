//! From a sequence to the numbers a network reads.

use crate::{Alphabet, Seq};

/// Writes a sequence as a row-major `[positions, channels]` block of `f32`.
///
/// Encoders write into the caller's buffer, so that a batch is one allocation and one upload:
///
/// ```
/// use hairpin_seq::{Dna, Encode, OneHot, Seq};
///
/// fn batch<E: Encode<Dna>>(encoder: &E, seqs: &[Seq<Dna>], length: usize) -> Vec<f32> {
///     let row = length * encoder.channels();
///     let mut batch = vec![0.0; seqs.len() * row]; // what is not written stays padding
///     for (seq, row) in seqs.iter().zip(batch.chunks_exact_mut(row)) {
///         let used = encoder.positions(seq.len()) * encoder.channels();
///         encoder.encode_into(seq, &mut row[..used]);
///     }
///     batch
/// }
///
/// let seqs = ["AC".parse()?, "G".parse()?];
/// let batch = batch(&OneHot::default(), &seqs, 2);
/// assert_eq!(batch, [
///     1., 0., 0., 0., /* A */ 0., 1., 0., 0., /* C */
///     0., 0., 1., 0., /* G */ 0., 0., 0., 0., /* padding */
/// ]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
///
/// An encoder of several alphabets is asked for one of them by name outside generic code:
/// `Encode::<Dna>::channels(&OneHot::default())`.
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
}

/// Panics, naming both dimensions, unless a caller's buffer has the size of the block.
#[track_caller]
pub(crate) fn check_out(encoder: &str, found: usize, positions: usize, channels: usize) {
    assert!(
        found == positions * channels,
        "{encoder}: out has {found} values, expected positions {positions} x channels {channels} = {}",
        positions * channels
    );
}
