//! One channel per symbol.

use crate::encode::{CLAIM_BYTES, check_channels_first, check_out};
use crate::value::{RowsOfFour, Value};
use crate::{Alphabet, Encode, EncodeAs, Seq};

/// One-hot rows: `[length, channels]`, channel `c` of a position is 1 where its symbol has code `c`, 0 elsewhere.
///
/// | alphabet | channels | order |
/// |---|---|---|
/// | [`Dna`](crate::Dna), [`IupacDna`](crate::IupacDna) | 4 | `A C G T` |
/// | [`Rna`](crate::Rna), [`IupacRna`](crate::IupacRna) | 4 | `A C G U` |
/// | [`Protein`](crate::Protein) | 20 | `A C D E F G H I K L M N P Q R S T V W Y` |
///
/// ```
/// use hairpin_seq::{Ambiguous, Dna, Encode, OneHot, Policy, Seq, UnknownRow};
///
/// let seq = Seq::<Dna>::parse("GN", Policy { ambiguous: Ambiguous::Unknown, ..Policy::default() })?;
/// assert_eq!(OneHot::default().encode(&seq), [0., 0., 1., 0., 0., 0., 0., 0.]);
///
/// let uniform = OneHot { unknown: UnknownRow::Uniform };
/// assert_eq!(uniform.encode(&seq), [0., 0., 1., 0., 0.25, 0.25, 0.25, 0.25]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OneHot {
    /// The row of an unknown position, and of a code for several symbols.
    pub unknown: UnknownRow,
}

/// What [`OneHot`] writes for an unknown position, and for a symbol that [stands for](Alphabet::stands_for) several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UnknownRow {
    /// 0 in every channel: the position says nothing. It looks like zero padding, which only a mask tells apart.
    #[default]
    Zeros,
    /// Equal probability for every symbol it may be: `1 / channels` in every channel where nothing is known, `1 / n` in the
    /// channels of a code for `n` symbols. In `u8` each of them is 1.
    Uniform,
}

impl OneHot {
    /// What a code has in a channel.
    #[inline]
    fn value<A: Alphabet, T: Value>(self, code: u8, channel: usize) -> T {
        if usize::from(code) < A::CHANNELS {
            return if usize::from(code) == channel {
                T::ONE
            } else {
                T::ZERO
            };
        }
        match (self.unknown, A::stands_for(code)) {
            (UnknownRow::Zeros, _) => T::ZERO,
            (UnknownRow::Uniform, None) => T::share(A::CHANNELS),
            (UnknownRow::Uniform, Some(members)) if members.contains(&(channel as u8)) => {
                T::share(members.len())
            }
            (UnknownRow::Uniform, Some(_)) => T::ZERO,
        }
    }

    /// `[length, channels]`.
    pub(crate) fn write_rows<A: Alphabet, T: Value>(self, codes: &[u8], out: &mut [T]) {
        check_out("OneHot", out.len(), codes.len(), A::CHANNELS);
        if A::SYMBOLS.len() == 4 && A::CHANNELS == 4 {
            let rows = &T::ROWS_OF_FOUR[usize::from(self.unknown == UnknownRow::Uniform)];
            if size_of_val(out) <= CLAIM_BYTES {
                return copy_rows(rows, codes, out);
            }
            let positions = CLAIM_BYTES / (4 * size_of::<T>());
            for (codes, out) in codes.chunks(positions).zip(out.chunks_mut(4 * positions)) {
                out.fill(T::ZERO);
                copy_rows(rows, codes, out);
            }
            return;
        }
        for (row, &code) in out.chunks_exact_mut(A::CHANNELS).zip(codes) {
            row.fill(T::ZERO);
            match row.get_mut(usize::from(code)) {
                Some(value) => *value = T::ONE,
                None if self.unknown == UnknownRow::Zeros => {}
                None => {
                    for (channel, value) in row.iter_mut().enumerate() {
                        *value = self.value::<A, T>(code, channel);
                    }
                }
            }
        }
    }

    /// `[channels, length]`, zeros behind the end.
    fn write_columns<A: Alphabet, T: Value>(self, codes: &[u8], length: usize, out: &mut [T]) {
        check_channels_first("OneHot", out.len(), codes.len(), length, A::CHANNELS);
        for (channel, column) in out.chunks_exact_mut(length.max(1)).enumerate() {
            let (written, rest) = column.split_at_mut(codes.len());
            if A::SYMBOLS.len() == A::CHANNELS {
                let own = channel as u8;
                let unknown = self.value::<A, T>(Seq::<A>::UNKNOWN_CODE, channel);
                for (value, &code) in written.iter_mut().zip(codes) {
                    let known = if code == own { T::ONE } else { T::ZERO };
                    *value = if code == Seq::<A>::UNKNOWN_CODE {
                        unknown
                    } else {
                        known
                    };
                }
            } else {
                for (value, &code) in written.iter_mut().zip(codes) {
                    *value = self.value::<A, T>(code, channel);
                }
            }
            rest.fill(T::ZERO);
        }
    }
}

/// The row of each code, four positions at a time.
#[inline]
fn copy_rows<T: Value>(rows: &RowsOfFour<T>, codes: &[u8], out: &mut [T]) {
    let row = |code: u8| rows[usize::from(code & 7)];
    let (fours, rest) = codes.as_chunks::<4>();
    let (out, _) = out.as_chunks_mut::<4>();
    let (out_fours, out_rest) = out.as_chunks_mut::<4>();
    for (out, codes) in out_fours.iter_mut().zip(fours) {
        *out = [row(codes[0]), row(codes[1]), row(codes[2]), row(codes[3])];
    }
    for (out, &code) in out_rest.iter_mut().zip(rest) {
        *out = row(code);
    }
}

impl<A: Alphabet> Encode<A> for OneHot {
    fn channels(&self) -> usize {
        A::CHANNELS
    }

    fn positions(&self, len: usize) -> usize {
        len
    }

    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        self.write_rows::<A, f32>(seq.codes(), out);
    }

    fn encode_channels_first_into(&self, seq: &Seq<A>, length: usize, out: &mut [f32]) {
        self.write_columns::<A, f32>(seq.codes(), length, out);
    }
}

impl<A: Alphabet> EncodeAs<A, u8> for OneHot {
    fn encode_as_into(&self, seq: &Seq<A>, out: &mut [u8]) {
        self.write_rows::<A, u8>(seq.codes(), out);
    }

    fn padding_as(&self) -> u8 {
        0
    }

    fn encode_channels_first_as_into(&self, seq: &Seq<A>, length: usize, out: &mut [u8]) {
        self.write_columns::<A, u8>(seq.codes(), length, out);
    }
}
