//! One channel per symbol.

use crate::encode::check_out;
use crate::{Alphabet, Encode, Seq};

/// One-hot rows: `[length, channels]`, channel `c` of a position is 1 where its symbol has code `c`, 0 elsewhere.
///
/// | alphabet | channels | order |
/// |---|---|---|
/// | [`Dna`](crate::Dna) | 4 | `A C G T` |
/// | [`Rna`](crate::Rna) | 4 | `A C G U` |
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
    /// The row of an unknown position.
    pub unknown: UnknownRow,
}

/// What [`OneHot`] writes for an unknown position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UnknownRow {
    /// 0 in every channel: the position says nothing. It looks like zero padding, which only a mask tells apart.
    #[default]
    Zeros,
    /// `1 / channels` in every channel: any symbol, with equal probability.
    Uniform,
}

impl<A: Alphabet> Encode<A> for OneHot {
    fn channels(&self) -> usize {
        A::SYMBOLS.len()
    }

    fn positions(&self, len: usize) -> usize {
        len
    }

    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        let channels = A::SYMBOLS.len();
        check_out("OneHot", out.len(), seq.len(), channels);
        let unknown = match self.unknown {
            UnknownRow::Zeros => 0.0,
            UnknownRow::Uniform => 1.0 / channels as f32,
        };
        for (row, &code) in out.chunks_exact_mut(channels).zip(seq.codes()) {
            row.fill(0.0);
            match row.get_mut(usize::from(code)) {
                Some(value) => *value = 1.0,
                None => row.fill(unknown),
            }
        }
    }
}
