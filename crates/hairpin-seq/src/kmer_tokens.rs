//! One integer per window of k bases, for a learned embedding of k-mers.

use crate::encode::check_out;
use crate::value::{TokenValue, check_vocabulary};
use crate::{Encode, EncodeAs, Nucleotide, Seq, SeqError, Tokens};

/// The longest window: `4^12 + 4` tokens are more than an `f32` tells apart.
pub(crate) const MAX_TOKEN_K: usize = 11;

/// Tokens of k-mers: the special tokens of [`Tokens`], then every k-mer in alphabetical order.
///
/// ```text
/// token(s) = 4 + sum over i in 0..k of code(s[i]) * 4^(k - 1 - i)         vocabulary 4^k + 4
/// ```
///
/// | option | default | meaning | range |
/// |---|---|---|---|
/// | `k` | required | bases in a window | 1 to 11 |
/// | `stride` | 1 | bases from one window to the next: 1 overlaps, `k` does not | 1 and more |
/// | `begin` | `false` | write [`Tokens::BEGIN`] first | |
/// | `end` | `false` | write [`Tokens::END`] last | |
///
/// A window that holds an unknown base is [`Tokens::UNKNOWN`]. There are `(len - k) / stride + 1` windows, none in a sequence shorter
/// than `k`; bases behind the last whole window are not written. Overlapping windows are the tokens of DNABERT
/// (doi:10.1093/bioinformatics/btab083), windows side by side those of the Nucleotide Transformer (doi:10.1038/s41592-024-02523-z), each
/// in a numbering of its own.
///
/// ```
/// use hairpin_seq::{Dna, Encode, KmerTokens, Seq};
///
/// let seq: Seq<Dna> = "ACGTA".parse()?;
/// assert_eq!(KmerTokens::new(2)?.encode(&seq), [5., 10., 15., 16.]); // AC CG GT TA
/// assert_eq!(KmerTokens::new(2)?.with_stride(2)?.encode(&seq), [5., 15.]); // AC GT
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KmerTokens {
    k: usize,
    stride: usize,
    begin: bool,
    end: bool,
}

impl KmerTokens {
    /// The token of the first k-mer.
    const FIRST: u32 = 4;

    /// Overlapping windows of `k` bases.
    ///
    /// # Errors
    ///
    /// [`SeqError::KmerTokenLength`] when `k` is not in `1..=11`.
    pub fn new(k: usize) -> Result<Self, SeqError> {
        if !(1..=MAX_TOKEN_K).contains(&k) {
            return Err(SeqError::KmerTokenLength { k });
        }
        Ok(Self {
            k,
            stride: 1,
            begin: false,
            end: false,
        })
    }

    /// The bases from the start of one window to the start of the next.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when `stride` is 0.
    pub fn with_stride(self, stride: usize) -> Result<Self, SeqError> {
        if stride == 0 {
            return Err(SeqError::Setting {
                name: "stride",
                value: stride.to_string(),
                expected: "1 or more",
            });
        }
        Ok(Self { stride, ..self })
    }

    /// Whether [`Tokens::BEGIN`] is written first.
    pub fn with_begin(self, begin: bool) -> Self {
        Self { begin, ..self }
    }

    /// Whether [`Tokens::END`] is written last.
    pub fn with_end(self, end: bool) -> Self {
        Self { end, ..self }
    }

    /// How many different tokens there are, the special ones included: `4^k + 4`.
    pub fn vocabulary_size(&self) -> usize {
        (1 << (2 * self.k)) + Self::FIRST as usize
    }

    fn windows(&self, len: usize) -> usize {
        match len.checked_sub(self.k) {
            Some(rest) => rest / self.stride + 1,
            None => 0,
        }
    }

    fn write<A: Nucleotide, T: TokenValue>(&self, seq: &Seq<A>, out: &mut [T]) {
        check_vocabulary::<T>("KmerTokens", self.vocabulary_size());
        let positions = Encode::<A>::positions(self, seq.len());
        check_out("KmerTokens", out.len(), positions, 1);
        let (begin, rest) = out.split_at_mut(usize::from(self.begin));
        begin.fill(T::from_token(Tokens::BEGIN as u32));
        let (windows, end) = rest.split_at_mut(self.windows(seq.len()));
        let mask = (1_u32 << (2 * self.k)) - 1;
        // The last k bases as a number, and how many bases were known without a break.
        let (mut index, mut known) = (0, 0);
        let mut windows = windows.iter_mut();
        let mut until_window = self.k;
        for &code in seq.codes() {
            index = (index << 2 | u32::from(code & 3)) & mask;
            known = if code < 4 { known + 1 } else { 0 };
            until_window -= 1;
            if until_window == 0 {
                until_window = self.stride;
                if let Some(value) = windows.next() {
                    let known = known >= self.k;
                    let unknown = Tokens::UNKNOWN as u32;
                    *value = T::from_token(if known { Self::FIRST + index } else { unknown });
                }
            }
        }
        end.fill(T::from_token(Tokens::END as u32));
    }
}

impl<A: Nucleotide> Encode<A> for KmerTokens {
    fn channels(&self) -> usize {
        1
    }

    fn positions(&self, len: usize) -> usize {
        usize::from(self.begin) + self.windows(len) + usize::from(self.end)
    }

    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        self.write(seq, out);
    }
}

/// For k up to 3: `4^3 + 4` is the largest vocabulary that fits.
impl<A: Nucleotide> EncodeAs<A, u8> for KmerTokens {
    fn encode_as_into(&self, seq: &Seq<A>, out: &mut [u8]) {
        self.write(seq, out);
    }

    fn padding_as(&self) -> u8 {
        Tokens::PADDING as u8
    }
}

impl<A: Nucleotide> EncodeAs<A, i64> for KmerTokens {
    fn encode_as_into(&self, seq: &Seq<A>, out: &mut [i64]) {
        self.write(seq, out);
    }

    fn padding_as(&self) -> i64 {
        Tokens::PADDING
    }
}
