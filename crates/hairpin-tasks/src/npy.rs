//! NumPy arrays of one or two dimensions, with the header checked before anything is believed.
//!
//! `ndarray-npy` decodes the elements. It allocates what the header announces and reads the header as any Python literal, nested
//! as deeply as the file likes, so a header from a stranger is first read here: three keys, no nesting, and as many bytes of
//! data as there are. Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::error::Error;
use std::io::Read;
use std::path::Path;

use ndarray::{Array1, Array2};
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement};

use crate::ucs4::{BadCharacter, Text};
use crate::{Place, TaskError, file};

/// No array of any task comes near this; it bounds what a file can make us allocate.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// A row costs far more memory than its bytes in the file when strings are short.
const MAX_ROWS: u64 = 10_000_000;

/// NumPy's own limit on a header (`max_header_size`).
const MAX_HEADER: usize = 10_000;

const MAGIC: &[u8] = b"\x93NUMPY";

/// An element type and how its dtype is called.
pub(crate) trait Element: ReadableElement {
    /// The dtype, for the error.
    const EXPECTED: &'static str;
    /// How to convert to it, for the error.
    const REMEDY: &'static str;
    /// Bytes of one element if the dtype is the right one.
    fn width(dtype: &str) -> Option<u64>;
}

impl Element for i64 {
    const EXPECTED: &'static str = "`<i8` (int64)";
    const REMEDY: &'static str = "convert it with .astype('int64') and save it again";

    fn width(dtype: &str) -> Option<u64> {
        matches!(dtype, "<i8" | ">i8").then_some(8)
    }
}

impl Element for u16 {
    const EXPECTED: &'static str = "`<u2` (uint16)";
    const REMEDY: &'static str = "convert it with .astype('uint16') and save it again";

    fn width(dtype: &str) -> Option<u64> {
        matches!(dtype, "<u2" | ">u2").then_some(2)
    }
}

impl Element for f32 {
    const EXPECTED: &'static str = "`<f4` (float32)";
    const REMEDY: &'static str = "convert it with .astype('float32') and save it again";

    fn width(dtype: &str) -> Option<u64> {
        matches!(dtype, "<f4" | ">f4").then_some(4)
    }
}

impl Element for Text {
    const EXPECTED: &'static str = "`<Un` (text of at most n characters)";
    const REMEDY: &'static str = "convert it with .astype('U') and save it again";

    fn width(dtype: &str) -> Option<u64> {
        Text::characters(dtype).map(|n| 4 * n as u64)
    }
}

/// Reads a `.npy` file of one dimension; `remedy` is what to do if it does not exist.
pub(crate) fn read_file<T: Element>(path: &Path, remedy: &str) -> Result<Vec<T>, TaskError> {
    read_column(&content(path, remedy)?, &Place::new(path))
}

/// The bytes of a `.npy` file.
pub(crate) fn content(path: &Path, remedy: &str) -> Result<Vec<u8>, TaskError> {
    let place = Place::new(path);
    let (mut file, bytes) = file::open(path, || remedy.to_owned())?;
    check_bytes(&place, bytes)?;
    let mut content = Vec::new();
    let read = file.by_ref().take(MAX_BYTES).read_to_end(&mut content);
    read.map_err(|source| TaskError::Read {
        path: path.to_owned(),
        source,
    })?;
    if !content.starts_with(MAGIC) {
        return Err(TaskError::Format {
            path: path.to_owned(),
            expected: "an npy file",
            found: match content.starts_with(b"PK") {
                true => "it is a zip, probably an npz",
                false => "it does not start as NumPy's files do",
            },
            remedy: "write the array alone with numpy.save",
        });
    }
    Ok(content)
}

/// Refuses a size that nothing honest has.
pub(crate) fn check_bytes(place: &Place, bytes: u64) -> Result<(), TaskError> {
    match bytes > MAX_BYTES {
        true => Err(TaskError::TooLarge {
            place: place.clone(),
            found: format!("{bytes} bytes"),
            limit: format!("{MAX_BYTES} bytes"),
        }),
        false => Ok(()),
    }
}

/// Decodes the content of a `.npy` file as a column of `T`.
pub(crate) fn read_column<T: Element>(content: &[u8], place: &Place) -> Result<Vec<T>, TaskError> {
    let shape = check::<T>(content, place)?;
    let &[rows] = shape.as_slice() else {
        return Err(TaskError::Rank {
            place: place.clone(),
            shape,
        });
    };
    check_rows(rows, place)?;
    match Array1::<T>::read_npy(content) {
        // The layout of one dimension is the same in C and in Fortran order.
        Ok(array) => Ok(array.into_raw_vec_and_offset().0),
        Err(error) => Err(undecodable(error, place)),
    }
}

/// Decodes the content of a `.npy` file as a matrix of `T`.
pub(crate) fn read_matrix<T: Element>(
    content: &[u8],
    place: &Place,
) -> Result<Array2<T>, TaskError> {
    let shape = check::<T>(content, place)?;
    let &[rows, columns] = shape.as_slice() else {
        let shape: Vec<String> = shape.iter().map(u64::to_string).collect();
        return Err(TaskError::Field {
            place: place.clone(),
            found: format!("shape ({})", shape.join(", ")),
            expected: "two dimensions".to_owned(),
            remedy: "choose the right array, or reshape it",
        });
    };
    check_rows(rows, place)?;
    check_rows(columns, place)?;
    Array2::<T>::read_npy(content).map_err(|error| undecodable(error, place))
}

fn check_rows(rows: u64, place: &Place) -> Result<(), TaskError> {
    if rows == 0 {
        return Err(TaskError::NoRows {
            place: place.clone(),
        });
    }
    if rows > MAX_ROWS {
        return Err(TaskError::TooLarge {
            place: place.clone(),
            found: format!("{rows} rows"),
            limit: format!("{MAX_ROWS} rows"),
        });
    }
    Ok(())
}

/// Holds the header against the type asked for and the bytes there are; gives the shape.
fn check<T: Element>(content: &[u8], place: &Place) -> Result<Vec<u64>, TaskError> {
    let header = Header::parse(content).map_err(|reason| TaskError::Damaged {
        place: place.clone(),
        reason,
        source: None,
    })?;
    let width = T::width(&header.dtype).ok_or_else(|| TaskError::Dtype {
        place: place.clone(),
        found: header.dtype.clone(),
        expected: T::EXPECTED,
        remedy: T::REMEDY,
    })?;
    // Too large a product is more than any file holds.
    let declared = header
        .shape
        .iter()
        .try_fold(u128::from(width), |product, &n| {
            product.checked_mul(u128::from(n))
        })
        .unwrap_or(u128::MAX);
    let stored = (content.len() - header.data_start) as u64;
    if declared != u128::from(stored) {
        return Err(TaskError::Size {
            place: place.clone(),
            declared,
            stored,
        });
    }
    Ok(header.shape)
}

fn undecodable(error: ReadNpyError, place: &Place) -> TaskError {
    let damaged = |source: Box<dyn Error + Send + Sync>| TaskError::Damaged {
        place: place.clone(),
        reason: "the array cannot be decoded".to_owned(),
        source: Some(source),
    };
    match error {
        ReadNpyError::ParseData(source) => match source.downcast::<BadCharacter>() {
            Ok(bad) => TaskError::Character {
                place: place.clone(),
                row: bad.row,
                position: bad.position,
                code: bad.code,
            },
            Err(source) => damaged(source),
        },
        other => damaged(Box::new(other)),
    }
}

/// What the header of a `.npy` file says.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    /// The dtype as NumPy writes it, such as `<i8`.
    dtype: String,
    shape: Vec<u64>,
    /// Where the elements begin.
    data_start: usize,
}

impl Header {
    fn parse(content: &[u8]) -> Result<Self, String> {
        let cut_short = || "the array's header is cut short".to_owned();
        let rest = content
            .strip_prefix(MAGIC)
            .ok_or("the array does not start as NumPy's files do")?;
        let (length_bytes, rest) = match rest {
            [1, 0, rest @ ..] => (2, rest),
            [2 | 3, 0, rest @ ..] => (4, rest),
            [major, minor, ..] => return Err(format!("npy format {major}.{minor} is not known")),
            _ => return Err(cut_short()),
        };
        let (length, rest) = rest.split_at_checked(length_bytes).ok_or_else(cut_short)?;
        let length = length
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        if length > MAX_HEADER {
            return Err(format!(
                "the array's header announces {length} bytes of text, more than NumPy's limit of {MAX_HEADER}"
            ));
        }
        let text = rest.get(..length).ok_or_else(cut_short)?;
        let text = std::str::from_utf8(text).map_err(|_| "the array's header is not text")?;
        let (dtype, shape) = Dictionary(text)
            .read()
            .ok_or("the array's header is not a dictionary of `descr` (a plain dtype), `fortran_order` and `shape`")?;
        Ok(Self {
            dtype,
            shape,
            data_start: MAGIC.len() + 2 + length_bytes + length,
        })
    }
}

/// The header's dictionary, read from the front; every method returns `None` where the text is anything else.
struct Dictionary<'a>(&'a str);

impl<'a> Dictionary<'a> {
    fn read(mut self) -> Option<(String, Vec<u64>)> {
        let (mut dtype, mut fortran_order, mut shape) = (None, None, None);
        self.symbol("{")?;
        while self.symbol("}").is_none() {
            let key = self.quoted()?;
            self.symbol(":")?;
            // A key that comes twice is refused: two readers could each believe another one.
            let fresh = match key {
                "descr" => dtype.replace(self.quoted()?).is_none(),
                "fortran_order" => fortran_order.replace(self.boolean()?).is_none(),
                "shape" => shape.replace(self.numbers()?).is_none(),
                _ => false,
            };
            if !fresh || (self.symbol(",").is_none() && !self.0.trim_start().starts_with('}')) {
                return None;
            }
        }
        fortran_order?;
        let ends = self.0.trim_matches(' ') == "\n";
        ends.then_some((dtype?.to_owned(), shape?))
    }

    fn symbol(&mut self, symbol: &str) -> Option<()> {
        self.0 = self.0.trim_start_matches(' ').strip_prefix(symbol)?;
        Some(())
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start_matches(' ');
        let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (inside, rest) = text[1..].split_once(quote)?;
        self.0 = rest;
        // Escapes and control characters have no place in a dtype or a key.
        let plain = inside.chars().all(|c| c.is_ascii_graphic() && c != '\\');
        plain.then_some(inside)
    }

    fn boolean(&mut self) -> Option<bool> {
        match self.symbol("True") {
            Some(()) => Some(true),
            None => self.symbol("False").map(|()| false),
        }
    }

    /// A tuple of numbers: `()`, `(4,)`, `(4, 2)`.
    fn numbers(&mut self) -> Option<Vec<u64>> {
        let mut numbers = Vec::new();
        self.symbol("(")?;
        while self.symbol(")").is_none() {
            let text = self.0.trim_start_matches(' ');
            let end = text.find(|c: char| !c.is_ascii_digit())?;
            numbers.push(text[..end].parse().ok()?);
            self.0 = &text[end..];
            if self.symbol(",").is_none()
                && (numbers.len() == 1 || !self.0.trim_start_matches(' ').starts_with(')'))
            {
                return None;
            }
        }
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(String, Vec<u64>)> {
        Dictionary(text).read()
    }

    #[test]
    fn the_dictionary_is_read_however_it_is_spaced_and_ordered() {
        let read = |dtype: &str, shape: &[u64]| Some((dtype.to_owned(), shape.to_vec()));
        for text in [
            "{'descr': '<i8', 'fortran_order': False, 'shape': (400,), }           \n",
            "{'descr':'<i8','fortran_order':True,'shape':(400,)}\n",
            "{\"shape\": ( 400 , ), \"descr\": \"<i8\", \"fortran_order\": False}\n",
        ] {
            assert_eq!(parse(text), read("<i8", &[400]), "{text}");
        }
        let text = "{'descr': '<U7', 'fortran_order': False, 'shape': (4, 2 )}\n";
        assert_eq!(parse(text), read("<U7", &[4, 2]));
        let text = "{'descr': '<U7', 'fortran_order': False, 'shape': ()}\n";
        assert_eq!(parse(text), read("<U7", &[]));
    }

    #[test]
    fn everything_else_is_no_dictionary() {
        for text in [
            "",
            "{}\n",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (400,)}", // no newline
            "{'descr': '<i8', 'fortran_order': False, 'shape': (400,)} x\n",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (400)}\n",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (-4,)}\n",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (4 2)}\n",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999999999999,)}\n",
            "{'descr': '<i8', 'fortran_order': 0, 'shape': (400,)}\n",
            "{'descr': '<i8', 'shape': (400,)}\n",
            "{'descr': '<i8' 'fortran_order': False, 'shape': (400,)}\n",
            "{'descr': '<i8', 'descr': '<i8', 'fortran_order': False, 'shape': (400,)}\n",
            "{'descr': '<\\x69', 'fortran_order': False, 'shape': (400,)}\n",
            "{'descr': [('a', '<i8')], 'fortran_order': False, 'shape': (400,)}\n",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (400,), 'more': ()}\n",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_header_of_any_version_says_where_the_data_start() {
        let text = "{'descr': '<i8', 'fortran_order': False, 'shape': (1,)}\n";
        let length = text.len() as u8;
        let v1 = [MAGIC, &[1, 0, length, 0], text.as_bytes(), &[9; 8]].concat();
        assert_eq!(Header::parse(&v1).unwrap().data_start, v1.len() - 8);
        let v3 = [MAGIC, &[3, 0, length, 0, 0, 0], text.as_bytes(), &[9; 8]].concat();
        assert_eq!(Header::parse(&v3).unwrap().data_start, v3.len() - 8);

        let v9 = [MAGIC, &[9, 7, length, 0], text.as_bytes()].concat();
        assert_eq!(
            Header::parse(&v9),
            Err("npy format 9.7 is not known".to_owned())
        );
        let long = [MAGIC, &[2, 0, 255, 255, 255, 255], text.as_bytes()].concat();
        assert!(Header::parse(&long).unwrap_err().contains("4294967295"));
    }
}
