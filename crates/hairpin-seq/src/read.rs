//! From text to codes: whole blocks at once, and symbol by symbol where a block holds anything but the alphabet's symbols.

use crate::{Alphabet, Ambiguous, Case, Counterpart, Gap, Policy, Seq, SeqError};

/// The bytes classified before it is known whether any was odd: they stay in the first-level cache for the second look.
const BLOCK: usize = 4096;

/// A byte that has not been looked at yet; no alphabet of letters has so many codes.
const NOT_YET: u8 = u8::MAX;

/// The codes of a text.
pub(crate) fn codes<A: Alphabet>(text: &str, policy: Policy) -> Result<Vec<u8>, SeqError> {
    let mut codes = vec![0; text.len()];
    let written = read_into::<A>(text.as_bytes(), policy, &mut codes)
        .map_err(|refused| refused.error::<A>(0))?;
    codes.truncate(written);
    Ok(codes)
}

/// Writes the codes of a text into the front of `out`, which is as long or longer, and says how many they are: one for each byte,
/// without the gaps that the policy drops.
#[inline]
pub(crate) fn read_into<A: Alphabet>(
    text: &[u8],
    policy: Policy,
    out: &mut [u8],
) -> Result<usize, Refused> {
    let mut written = 0;
    for (index, block) in text.chunks(BLOCK).enumerate() {
        let out = &mut out[written..written + block.len()];
        written += match known_symbols::<A>(block, policy.case, out) {
            true => block.len(),
            false => read_slowly::<A>(block, policy, out).map_err(|refused| Refused {
                index: index * BLOCK + refused.index,
                symbol: first_character(&text[index * BLOCK + refused.index..]),
                ..refused
            })?,
        };
    }
    Ok(written)
}

/// As [`read_into`], for a block with anything in it.
fn read_slowly<A: Alphabet>(
    block: &[u8],
    policy: Policy,
    out: &mut [u8],
) -> Result<usize, Refused> {
    let mut memory = [NOT_YET; 256];
    let mut written = 0;
    for (index, &byte) in block.iter().enumerate() {
        if policy.gap == Gap::Drop && is_gap(byte) {
            continue;
        }
        let seen = &mut memory[usize::from(byte)];
        if *seen == NOT_YET {
            *seen = read_byte::<A>(byte, policy).map_err(|refusal| Refused {
                index,
                symbol: None,
                refusal,
            })?;
        }
        out[written] = *seen;
        written += 1;
    }
    Ok(written)
}

/// The bytes that are compared with the symbols at a time: a register of any processor.
pub(crate) const LANES: usize = 16;

/// Writes the codes of a block, and says whether every byte was a symbol; where it was not, `out` is to be written again.
#[inline]
fn known_symbols<A: Alphabet>(block: &[u8], case: Case, out: &mut [u8]) -> bool {
    let keep = kept_bits(case);
    if A::SYMBOLS.len() != 4 || block.len() < LANES {
        let places = const { &places::<A>() };
        let mut all = true;
        for (out, &byte) in out.iter_mut().zip(block) {
            *out = places[usize::from(byte & keep)];
            all &= *out != NOT_YET;
        }
        return all;
    }
    let (blocks, _) = block.as_chunks::<LANES>();
    let (outs, _) = out.as_chunks_mut::<LANES>();
    let mut odd = 0;
    for (block, out) in blocks.iter().zip(outs) {
        odd |= any(four_symbols::<A>(block, keep, out));
    }
    // The end again as a whole, which overlaps what is done: a rest byte by byte would take as long as a line.
    if let (Some(block), Some(out)) = (block.last_chunk(), out.last_chunk_mut()) {
        odd |= any(four_symbols::<A>(block, keep, out));
    }
    odd == 0
}

#[inline(always)]
fn any(odd: [u8; LANES]) -> u8 {
    odd.iter().fold(0, |any, odd| any | odd)
}

/// The bits of a letter that are compared: without this one a letter is upper case, and nothing else becomes a letter.
pub(crate) fn kept_bits(case: Case) -> u8 {
    match case {
        Case::Refuse => 0xff,
        Case::Fold => !0x20,
    }
}

/// The codes of one register of an alphabet of four, and a 1 for each byte that is no symbol; numbers and constants, so that the
/// compiler does use a register.
#[inline(always)]
pub(crate) fn four_symbols<A: Alphabet>(
    block: &[u8; LANES],
    keep: u8,
    out: &mut [u8; LANES],
) -> [u8; LANES] {
    let mut odd = [0; LANES];
    for ((out, odd), byte) in out.iter_mut().zip(&mut odd).zip(block) {
        let is = |code: usize| u8::from(byte & keep == A::SYMBOLS[code]);
        let (first, second, third, fourth) = (is(0), is(1), is(2), is(3));
        *out = (second | fourth) | (third | fourth) << 1;
        *odd = 1 ^ (first | second | third | fourth);
    }
    odd
}

/// The place of every byte in the alphabet.
const fn places<A: Alphabet>() -> [u8; 256] {
    let mut places = [NOT_YET; 256];
    let mut code = 0;
    while code < A::SYMBOLS.len() {
        places[A::SYMBOLS[code] as usize] = code as u8;
        code += 1;
    }
    places
}

fn is_gap(byte: u8) -> bool {
    byte == b'-' || byte == b'.'
}

/// What could not be read; all before it were single bytes.
pub(crate) struct Refused {
    /// Where it starts.
    pub(crate) index: usize,
    /// The character; `None` where the bytes are not UTF-8.
    pub(crate) symbol: Option<char>,
    refusal: Refusal,
}

/// Why a byte was refused.
enum Refusal {
    Ambiguous,
    LowerCase,
    Foreign,
}

/// The character that the bytes start with, if they are UTF-8.
#[cold]
fn first_character(bytes: &[u8]) -> Option<char> {
    let head = &bytes[..bytes.len().min(4)];
    let chunk = head.utf8_chunks().next()?;
    chunk.valid().chars().next()
}

fn read_byte<A: Alphabet>(byte: u8, policy: Policy) -> Result<u8, Refusal> {
    if is_gap(byte) && policy.gap == Gap::Unknown {
        return Ok(Seq::<A>::UNKNOWN_CODE);
    }
    let upper = byte.to_ascii_uppercase();
    let own = match A::counterpart(upper) {
        Some(own) if policy.counterpart == Counterpart::Convert => own,
        _ => upper,
    };
    let code = A::code(own);
    if code.is_none() && !A::is_ambiguous(own) {
        return Err(Refusal::Foreign);
    }
    if upper != byte && policy.case == Case::Refuse {
        return Err(Refusal::LowerCase);
    }
    match (code, policy.ambiguous) {
        (Some(code), _) => Ok(code),
        (None, Ambiguous::Unknown) => Ok(Seq::<A>::UNKNOWN_CODE),
        (None, Ambiguous::Refuse) => Err(Refusal::Ambiguous),
    }
}

impl Refused {
    /// The error, after `before` characters that stood before the text.
    #[cold]
    pub(crate) fn error<A: Alphabet>(&self, before: usize) -> SeqError {
        let position = before + self.index + 1;
        let alphabet = A::NAME;
        let symbol = self.symbol.unwrap_or(char::REPLACEMENT_CHARACTER);
        match self.refusal {
            Refusal::Ambiguous => SeqError::AmbiguousSymbol {
                position,
                symbol,
                alphabet,
            },
            Refusal::LowerCase => SeqError::LowerCase {
                position,
                symbol,
                alphabet,
            },
            Refusal::Foreign => SeqError::ForeignSymbol {
                position,
                symbol,
                alphabet,
                symbols: String::from_utf8_lossy(A::SYMBOLS).into_owned(),
            },
        }
    }
}
