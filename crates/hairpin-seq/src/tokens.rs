//! One integer per position, for a learned embedding.

use crate::encode::check_out;
use crate::value::{TokenValue, check_vocabulary};
use crate::{Alphabet, Encode, EncodeAs, Seq};

/// Integer tokens: the four special tokens first, then the symbols in the order of their codes.
///
/// | token | DNA | RNA | protein | meaning |
/// |---|---|---|---|---|
/// | 0 | | | | [`PADDING`](Tokens::PADDING): no position; never written, fill a batch with it |
/// | 1 | `N` | `N` | `X` | [`UNKNOWN`](Tokens::UNKNOWN): a position whose symbol is not known |
/// | 2 | | | | [`BEGIN`](Tokens::BEGIN): before the first symbol |
/// | 3 | | | | [`END`](Tokens::END): after the last symbol |
/// | 4 + code | 4 `A`, 5 `C`, 6 `G`, 7 `T` | 4 `A`, 5 `C`, 6 `G`, 7 `U` | 4 `A` to 23 `Y` | a symbol |
///
/// The table does not depend on the options, so an embedding trained with one choice means the same with another. It is
/// hairpin's own; language models of proteins each have their own table ([`Esm2Tokens`](crate::Esm2Tokens) is ESM-2's). As an
/// [`Encode`] there is one channel, the token as an `f32` (exact); `u8` and `i64` are written through [`EncodeAs`].
///
/// | option | default | meaning |
/// |---|---|---|
/// | `begin` | `false` | write [`BEGIN`](Tokens::BEGIN) first |
/// | `end` | `false` | write [`END`](Tokens::END) last |
///
/// ```
/// use hairpin_seq::{Dna, Encode, Seq, Tokens};
///
/// let seq: Seq<Dna> = "GAT".parse()?;
/// assert_eq!(Tokens::new().encode(&seq), [6., 4., 7.]);
///
/// // A row of a batch, padded to 8 positions.
/// let tokens = Tokens::new().with_begin(true).with_end(true);
/// let mut row = [Tokens::PADDING; 8];
/// let used = Encode::<Dna>::positions(&tokens, seq.len());
/// tokens.encode_tokens_into(&seq, &mut row[..used]);
/// assert_eq!(row, [2, 6, 4, 7, 3, 0, 0, 0]);
///
/// // The embedding needs one row for each token.
/// assert_eq!(Tokens::vocabulary_size::<Dna>(), 8);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tokens {
    begin: bool,
    end: bool,
}

impl Tokens {
    /// The token of a position past the end of a sequence.
    pub const PADDING: i64 = 0;
    /// The token of a position whose symbol is not known.
    pub const UNKNOWN: i64 = 1;
    /// The token before the first symbol.
    pub const BEGIN: i64 = 2;
    /// The token after the last symbol.
    pub const END: i64 = 3;

    /// The token of code 0.
    const FIRST_SYMBOL: i64 = 4;

    /// Tokens of the symbols alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether [`BEGIN`](Self::BEGIN) is written first.
    pub fn with_begin(self, begin: bool) -> Self {
        Self { begin, ..self }
    }

    /// Whether [`END`](Self::END) is written last.
    pub fn with_end(self, end: bool) -> Self {
        Self { end, ..self }
    }

    /// How many different tokens there are for the alphabet `A`, the special ones included.
    pub fn vocabulary_size<A: Alphabet>() -> usize {
        Self::FIRST_SYMBOL as usize + A::SYMBOLS.len()
    }

    /// Writes the tokens over all of `out`, which has one value per position.
    ///
    /// # Panics
    ///
    /// When `out.len()` is not `positions(seq.len())`: the length, plus one for each of begin and end that is asked for.
    pub fn encode_tokens_into<A: Alphabet>(&self, seq: &Seq<A>, out: &mut [i64]) {
        self.write(seq, out);
    }

    /// The sequence behind tokens, as many as there are: special tokens are left out, [`UNKNOWN`](Self::UNKNOWN) and anything that is
    /// no token of `A` becomes unknown.
    ///
    /// ```
    /// use hairpin_seq::{Dna, Tokens};
    ///
    /// let seq = Tokens::decode::<Dna>(&[2, 6, 4, 1, 7, 3, 0, 0]);
    /// assert_eq!(seq.to_string(), "GANT");
    /// ```
    pub fn decode<A: Alphabet>(tokens: &[i64]) -> Seq<A> {
        let special = [Self::PADDING, Self::BEGIN, Self::END];
        let code = |&token: &i64| {
            let code = u8::try_from(token.saturating_sub(Self::FIRST_SYMBOL))
                .unwrap_or(Seq::<A>::UNKNOWN_CODE);
            code.min(Seq::<A>::UNKNOWN_CODE)
        };
        Seq::from_checked(
            tokens
                .iter()
                .filter(|token| !special.contains(token))
                .map(code)
                .collect(),
        )
    }

    fn write<A: Alphabet, T: TokenValue>(&self, seq: &Seq<A>, out: &mut [T]) {
        check_vocabulary::<T>("Tokens", Self::vocabulary_size::<A>());
        check_out(
            "Tokens",
            out.len(),
            Encode::<A>::positions(self, seq.len()),
            1,
        );
        let (begin, rest) = out.split_at_mut(usize::from(self.begin));
        begin.fill(T::from_token(Self::BEGIN as u32));
        let (symbols, end) = rest.split_at_mut(seq.len());
        for (value, &code) in symbols.iter_mut().zip(seq.codes()) {
            *value = T::from_token(if code == Seq::<A>::UNKNOWN_CODE {
                Self::UNKNOWN as u32
            } else {
                Self::FIRST_SYMBOL as u32 + u32::from(code)
            });
        }
        end.fill(T::from_token(Self::END as u32));
    }
}

impl<A: Alphabet> Encode<A> for Tokens {
    fn channels(&self) -> usize {
        1
    }

    fn positions(&self, len: usize) -> usize {
        usize::from(self.begin) + len + usize::from(self.end)
    }

    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        self.write(seq, out);
    }
}

impl<A: Alphabet> EncodeAs<A, u8> for Tokens {
    fn encode_as_into(&self, seq: &Seq<A>, out: &mut [u8]) {
        self.write(seq, out);
    }

    fn padding_as(&self) -> u8 {
        Self::PADDING as u8
    }
}

impl<A: Alphabet> EncodeAs<A, i64> for Tokens {
    fn encode_as_into(&self, seq: &Seq<A>, out: &mut [i64]) {
        self.write(seq, out);
    }

    fn padding_as(&self) -> i64 {
        Self::PADDING
    }
}
