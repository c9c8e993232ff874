//! The vocabulary of the ESM-2 protein language models.

use crate::encode::check_out;
use crate::value::TokenValue;
use crate::{Encode, EncodeAs, Protein, Seq};

/// The symbols of tokens 4 to 30.
const SYMBOLS: &[u8] = b"LAGVSERTIDPKQNFYMHWCXBUZO.-";

/// The token of each code of [`Protein`], unknown last.
const CODES: [u8; 21] = {
    let letters = *b"ACDEFGHIKLMNPQRSTVWYX";
    let mut tokens = [0; 21];
    let mut code = 0;
    while code < letters.len() {
        tokens[code] = token(letters[code]);
        code += 1;
    }
    tokens
};

/// The token of a byte of text.
const fn token(symbol: u8) -> u8 {
    let mut index = 0;
    while index < SYMBOLS.len() {
        if SYMBOLS[index] == symbol {
            return 4 + index as u8;
        }
        index += 1;
    }
    Esm2Tokens::UNKNOWN as u8
}

/// The tokens of ESM-2 (doi:10.1126/science.ade2574): `<cls> sequence <eos>`, the same numbers as its published vocabulary.
///
/// | token | symbol |
/// |---|---|
/// | 0 | [`BEGIN`](Self::BEGIN), `<cls>` |
/// | 1 | [`PADDING`](Self::PADDING), `<pad>`: fills a batch |
/// | 2 | [`END`](Self::END), `<eos>` |
/// | 3 | [`UNKNOWN`](Self::UNKNOWN), `<unk>` |
/// | 4 to 23 | `L A G V S E R T I D P K Q N F Y M H W C` |
/// | 24 to 28 | `X B U Z O` |
/// | 29, 30 | `.` `-` |
/// | 31 | `<null_1>`, which nothing writes |
/// | 32 | [`MASK`](Self::MASK), `<mask>`: written by the caller over a position to be guessed |
///
/// The unknown residue of [`Protein`] is `X`, token 24. [`Protein`] does not hold `B Z U O` and gaps apart, and ESM-2 does: what is to be
/// tokenised exactly as ESM-2 would, is written from its text by [`encode_text`](Self::encode_text). There is no case folding and no
/// policy: any other character, lower case and `J` too, is `<unk>`.
///
/// ```
/// use hairpin_seq::{Encode, Esm2Tokens, Protein, Seq};
///
/// let seq: Seq<Protein> = "MKL".parse()?;
/// assert_eq!(Esm2Tokens.encode(&seq), [0., 20., 15., 4., 2.]);
/// assert_eq!(Esm2Tokens.encode_text("MUJx"), [0, 20, 26, 3, 3, 2]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Esm2Tokens;

impl Esm2Tokens {
    /// `<cls>`, before the first residue.
    pub const BEGIN: i64 = 0;
    /// `<pad>`, a position past the end of a sequence.
    pub const PADDING: i64 = 1;
    /// `<eos>`, after the last residue.
    pub const END: i64 = 2;
    /// `<unk>`, a character that is not in the vocabulary.
    pub const UNKNOWN: i64 = 3;
    /// `<mask>`, a position whose residue is to be guessed.
    pub const MASK: i64 = 32;
    /// How many tokens there are: the rows of the embedding.
    pub const VOCABULARY_SIZE: usize = 33;

    /// The tokens of a text, one per character, between [`BEGIN`](Self::BEGIN) and [`END`](Self::END).
    pub fn encode_text(&self, text: &str) -> Vec<i64> {
        let symbol = |symbol| u8::try_from(symbol).map_or(Self::UNKNOWN, |s| i64::from(token(s)));
        let mut tokens = Vec::with_capacity(text.len() + 2);
        tokens.push(Self::BEGIN);
        tokens.extend(text.chars().map(symbol));
        tokens.push(Self::END);
        tokens
    }

    fn write<T: TokenValue>(self, seq: &Seq<Protein>, out: &mut [T]) {
        check_out("Esm2Tokens", out.len(), self.positions(seq.len()), 1);
        if let [begin, symbols @ .., end] = out {
            *begin = T::from_token(Self::BEGIN as u32);
            for (value, &code) in symbols.iter_mut().zip(seq.codes()) {
                *value = T::from_token(u32::from(CODES[usize::from(code)]));
            }
            *end = T::from_token(Self::END as u32);
        }
    }
}

impl Encode<Protein> for Esm2Tokens {
    fn channels(&self) -> usize {
        1
    }

    fn positions(&self, len: usize) -> usize {
        len + 2
    }

    fn encode_into(&self, seq: &Seq<Protein>, out: &mut [f32]) {
        self.write(seq, out);
    }

    fn padding(&self) -> f32 {
        Self::PADDING as f32
    }
}

impl EncodeAs<Protein, u8> for Esm2Tokens {
    fn encode_as_into(&self, seq: &Seq<Protein>, out: &mut [u8]) {
        self.write(seq, out);
    }

    fn padding_as(&self) -> u8 {
        Self::PADDING as u8
    }
}

impl EncodeAs<Protein, i64> for Esm2Tokens {
    fn encode_as_into(&self, seq: &Seq<Protein>, out: &mut [i64]) {
        self.write(seq, out);
    }

    fn padding_as(&self) -> i64 {
        Self::PADDING
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ambiguous, Policy};

    #[test]
    fn the_published_order() {
        // <cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>
        let tokens = Esm2Tokens.encode_text("LAGVSERTIDPKQNFYMHWCXBUZO.-");
        assert_eq!(tokens[1..28], Vec::from_iter(4..31)[..]);
        assert_eq!(Esm2Tokens.encode_text(""), [0, 2]);
        assert_eq!(Esm2Tokens.encode_text("lJ*é\u{14c}"), [0, 3, 3, 3, 3, 3, 2]);
    }

    #[test]
    fn a_protein_has_the_tokens_of_its_text() {
        let text = "ACDEFGHIKLMNPQRSTVWYX";
        let policy = Policy {
            ambiguous: Ambiguous::Unknown,
            ..Policy::default()
        };
        let seq = Seq::parse(text, policy).expect("valid");
        let mut tokens = vec![0_i64; 23];
        Esm2Tokens.encode_as_into(&seq, &mut tokens);
        assert_eq!(tokens, Esm2Tokens.encode_text(text));
    }
}
