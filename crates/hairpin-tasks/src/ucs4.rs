//! NumPy's unicode strings, `<Un`: every string is `n` numbers of four bytes, padded with zeros at its end.

use std::io::{self, Read, Write};

use ndarray_npy::npy::header::{Header, Layout};
use ndarray_npy::{ReadDataError, ReadableElement, WriteNpyError, WriteNpyExt};
use py_literal::Value;

/// One string of an array of dtype `<Un` or `>Un`, read at any `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl Text {
    /// The `n` of `<Un` or `>Un`; `None` for another dtype, and for `<U0`, whose rows would cost memory but no bytes.
    pub(crate) fn characters(dtype: &str) -> Option<u32> {
        let digits = dtype.strip_prefix(['<', '>'])?.strip_prefix('U')?;
        // `parse` would take a plus sign.
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|&n| plain && n > 0)
    }
}

/// A number that is no Unicode character: a surrogate, beyond U+10FFFF, or read in the wrong byte order.
#[derive(Debug, thiserror::Error)]
#[error("row {row} (from 0), position {position}: {code:#x} is not a Unicode character")]
pub(crate) struct BadCharacter {
    /// From 0.
    pub(crate) row: usize,
    /// From 1.
    pub(crate) position: usize,
    /// The number found.
    pub(crate) code: u32,
}

impl ReadableElement for Text {
    fn read_to_end_exact_vec<R: Read>(
        mut reader: R,
        dtype: &Value,
        len: usize,
    ) -> Result<Vec<Self>, ReadDataError> {
        let wrong = || ReadDataError::WrongDescriptor(dtype.clone());
        let name = dtype.as_string().ok_or_else(wrong)?;
        let number = match name.starts_with('>') {
            true => u32::from_be_bytes,
            false => u32::from_le_bytes,
        };
        let width = 4 * u64::from(Self::characters(name).ok_or_else(wrong)?);
        let mut texts = Vec::new();
        let mut bytes = Vec::new();
        // `len` and `width` come from the header: memory is taken only for bytes that arrive.
        for row in 0..len {
            bytes.clear();
            reader.by_ref().take(width).read_to_end(&mut bytes)?;
            if bytes.len() as u64 != width {
                return Err(ReadDataError::MissingData);
            }
            texts.push(decode(&bytes, number, row)?);
        }
        match io::copy(&mut reader, &mut io::sink())? {
            0 => Ok(texts),
            extra => Err(ReadDataError::ExtraBytes(extra as usize)),
        }
    }
}

/// One row, without the zeros at its end; NumPy keeps those inside, and so do we.
fn decode(bytes: &[u8], number: fn([u8; 4]) -> u32, row: usize) -> Result<Text, ReadDataError> {
    let (codes, _) = bytes.as_chunks::<4>();
    let end = codes.iter().rposition(|code| *code != [0; 4]);
    let codes = &codes[..end.map_or(0, |last| last + 1)];
    let character = |(index, code): (usize, &[u8; 4])| {
        let code = number(*code);
        char::from_u32(code).ok_or(BadCharacter {
            row,
            position: index + 1,
            code,
        })
    };
    let text: Result<String, BadCharacter> = codes.iter().enumerate().map(character).collect();
    text.map(Text)
        .map_err(|bad| ReadDataError::ParseData(Box::new(bad)))
}

/// Strings to be written as one `<Un` array, `n` being the longest one's characters.
///
/// [`ndarray_npy::WritableElement`] cannot say this: its dtype belongs to the type, and `n` is known only from the values.
pub(crate) struct TextColumn<'a>(pub(crate) &'a [String]);

impl WriteNpyExt for TextColumn<'_> {
    fn write_npy<W: Write>(&self, mut writer: W) -> Result<(), WriteNpyError> {
        let counts = self.0.iter().map(|text| text.chars().count());
        // NumPy has no `<U0` either: numpy.array(['']) is `<U1`.
        let characters = counts.max().unwrap_or(0).max(1);
        Header {
            type_descriptor: Value::String(format!("<U{characters}")),
            layout: Layout::Standard,
            shape: vec![self.0.len()],
        }
        .write(&mut writer)?;
        for text in self.0 {
            let padding = std::iter::repeat('\0');
            let row: Vec<u8> = text
                .chars()
                .chain(padding)
                .take(characters)
                .flat_map(|c| u32::from(c).to_le_bytes())
                .collect();
            writer.write_all(&row).map_err(WriteNpyError::from)?;
        }
        writer.flush().map_err(|error: io::Error| error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;
    use ndarray_npy::{ReadNpyError, ReadNpyExt};
    use proptest::prelude::*;

    fn read(content: &[u8]) -> Result<Vec<String>, ReadNpyError> {
        let array = Array1::<Text>::read_npy(content)?;
        Ok(array.into_iter().map(|text| text.0).collect())
    }

    fn data(dtype: &str, content: &[u8], len: usize) -> Result<Vec<Text>, ReadDataError> {
        Text::read_to_end_exact_vec(content, &Value::String(dtype.to_owned()), len)
    }

    // What numpy 2.4 writes for numpy.array(['GA', 'T']), after the 128 bytes of header.
    const GA_T: [u8; 16] = *b"G\0\0\0A\0\0\0T\0\0\0\0\0\0\0";

    #[test]
    fn both_byte_orders_are_read_and_padding_is_dropped() {
        let expected = vec![Text("GA".to_owned()), Text("T".to_owned())];
        assert_eq!(data("<U2", &GA_T, 2).unwrap(), expected);
        let mut big = GA_T;
        big.chunks_exact_mut(4).for_each(|code| code.reverse());
        assert_eq!(data(">U2", &big, 2).unwrap(), expected);
        assert_eq!(data("<U4", &GA_T, 1).unwrap()[0].0, "GAT");
    }

    #[test]
    fn a_zero_inside_stays_as_in_numpy() {
        let inside = *b"G\0\0\0\0\0\0\0T\0\0\0\0\0\0\0";
        assert_eq!(data("<U4", &inside, 1).unwrap()[0].0, "G\0T");
    }

    #[test]
    fn a_number_that_is_no_character_is_named() {
        let error = data(">U2", &GA_T, 2).unwrap_err().to_string();
        assert!(
            error.ends_with("row 0 (from 0), position 1: 0x47000000 is not a Unicode character"),
            "{error}"
        );
    }

    #[test]
    fn too_little_too_much_and_other_types_are_refused() {
        use ReadDataError::{ExtraBytes, MissingData, WrongDescriptor};
        assert!(matches!(data("<U2", &GA_T, 3), Err(MissingData)));
        assert!(matches!(data("<U2", &GA_T, usize::MAX), Err(MissingData)));
        assert!(matches!(data("<U2", &GA_T, 1), Err(ExtraBytes(8))));
        for dtype in ["<U0", "<U", "<U+2", "U2", "|S2", "<i8", "<U99999999999"] {
            let result = data(dtype, &GA_T, 2);
            assert!(matches!(result, Err(WrongDescriptor(_))), "{dtype}");
        }
    }

    #[test]
    fn a_column_of_empty_strings_is_one_character_wide() {
        let mut content = Vec::new();
        TextColumn(&[String::new()])
            .write_npy(&mut content)
            .unwrap();
        assert!(content[..128].windows(4).any(|window| window == b"<U1'"));
        assert_eq!(read(&content).unwrap(), [""]);
    }

    proptest! {
        // A zero at the end of a string is NumPy's padding, the one thing the format cannot hold.
        #[test]
        fn what_is_written_is_read(texts in prop::collection::vec("(.{0,8}[^\0])?", 1..6)) {
            let mut content = Vec::new();
            TextColumn(&texts).write_npy(&mut content).unwrap();
            prop_assert_eq!(read(&content).unwrap(), texts);
        }
    }
}
