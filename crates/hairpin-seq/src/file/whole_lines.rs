//! Lines that hold nothing but bases, of which a file has millions: read without looking at a byte twice.

use crate::read::{LANES, four_symbols, kept_bits};
use crate::{Alphabet, Case};

/// Whole lines that were read.
pub(super) struct WholeLines {
    pub(super) lines: u64,
    /// Their bytes, line ends included.
    pub(super) bytes: usize,
    /// Their symbols.
    pub(super) codes: usize,
}

/// Writes the codes of the lines at the front of a text, up to the first that has no end or holds anything but the symbols of an
/// alphabet of four. Line ends are found among the bytes that are no symbols: nothing is looked at twice.
///
/// `out` has room for as many codes as the text has bytes.
pub(super) fn read_lines<A: Alphabet>(text: &[u8], case: Case, out: &mut [u8]) -> WholeLines {
    let mut whole = WholeLines {
        lines: 0,
        bytes: 0,
        codes: 0,
    };
    if A::SYMBOLS.len() != 4 {
        return whole;
    }
    let keep = kept_bits(case);
    let (mut at, mut written) = (0, 0);
    while let (Some(block), Some(room)) = (
        text[at..].first_chunk(),
        out.get_mut(written..).and_then(<[u8]>::first_chunk_mut),
    ) {
        let odd = u128::from_le_bytes(four_symbols::<A>(block, keep, room));
        if odd == 0 {
            at += LANES;
            written += LANES;
            continue;
        }
        let symbols = odd.trailing_zeros() as usize / 8;
        at += symbols;
        written += symbols;
        at += match text[at..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => break,
        };
        whole = WholeLines {
            lines: whole.lines + 1,
            bytes: at,
            codes: written,
        };
    }
    whole
}
