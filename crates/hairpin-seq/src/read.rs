//! From text to codes: whole blocks at once, and symbol by symbol where a block holds anything but the alphabet's symbols.

use crate::{Alphabet, Ambiguous, Case, Counterpart, Gap, Policy, Seq, SeqError};

/// The bytes classified before it is known whether any was odd: they stay in the first-level cache for the second look.
const BLOCK: usize = 4096;

/// A byte that has not been looked at yet; no alphabet of letters has so many codes.
const NOT_YET: u8 = u8::MAX;

/// The codes of a text.
pub(crate) fn codes<A: Alphabet>(text: &str, policy: Policy) -> Result<Vec<u8>, SeqError> {
    let mut codes = vec![0; text.len()];
    let mut written = 0;
    let mut memory = None;
    for (index, block) in text.as_bytes().chunks(BLOCK).enumerate() {
        let out = &mut codes[written..written + block.len()];
        if known_symbols::<A>(block, policy.case, out) {
            written += block.len();
            continue;
        }
        let memory = memory.get_or_insert([NOT_YET; 256]);
        for (offset, &byte) in block.iter().enumerate() {
            if policy.gap == Gap::Drop && is_gap(byte) {
                continue;
            }
            let seen = &mut memory[usize::from(byte)];
            if *seen == NOT_YET {
                *seen = match read_byte::<A>(byte, policy) {
                    Ok(code) => code,
                    Err(refusal) => {
                        return Err(error::<A>(text, index * BLOCK + offset, refusal));
                    }
                };
            }
            codes[written] = *seen;
            written += 1;
        }
    }
    codes.truncate(written);
    Ok(codes)
}

/// Writes the codes of a block, and says whether every byte was a symbol; where it was not, `out` is to be written again.
///
/// Without a branch in the loop, so that the compiler does sixteen bytes and more at once.
fn known_symbols<A: Alphabet>(block: &[u8], case: Case, out: &mut [u8]) -> bool {
    // Clearing this bit makes a letter upper case, and makes no letter of anything that was none.
    let keep = match case {
        Case::Refuse => 0xff,
        Case::Fold => !0x20,
    };
    let mut all = true;
    if let &[a, c, g, t] = A::SYMBOLS {
        for (out, &byte) in out.iter_mut().zip(block) {
            let byte = byte & keep;
            let (is_a, is_c, is_g, is_t) = (byte == a, byte == c, byte == g, byte == t);
            *out = u8::from(is_c | is_t) | (u8::from(is_g | is_t) << 1);
            all &= is_a | is_c | is_g | is_t;
        }
    } else {
        let places = const { &places::<A>() };
        for (out, &byte) in out.iter_mut().zip(block) {
            *out = places[usize::from(byte & keep)];
            all &= *out != NOT_YET;
        }
    }
    all
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

/// Why a byte was refused.
enum Refusal {
    Ambiguous,
    LowerCase,
    Foreign,
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

/// The refusal of the character that starts at `index`, where all before it were single bytes.
#[cold]
fn error<A: Alphabet>(text: &str, index: usize, refusal: Refusal) -> SeqError {
    let position = index + 1;
    let alphabet = A::NAME;
    let symbol = text[index..].chars().next().unwrap_or_default();
    match refusal {
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
