//! [`NpyRows`]: the rows of an array on disk that is larger than memory.

use crate::TrainError;
use ndarray_npy::npy::header::{Header, Layout};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

/// NumPy's own limit on a header (`max_header_size`), and what stands before it.
const MAX_HEADER: usize = 10_000;
const MAX_PREAMBLE: usize = 12;

/// Deepest nesting of a header's brackets that is read: a dictionary with a tuple has 2.
const MAX_NESTING: usize = 4;

/// The rows of a `.npy` file of `float32` or `float16`, read when they are asked for.
///
/// The file stays on disk: opening it reads the header, and [`read`](Self::read) the rows it is given and nothing else, in the file's
/// order and neighbours at once. Row after row must lie together (C order); numbers are little-endian, as NumPy writes them
/// on every common processor; `float16` becomes `f32` exactly. As many bytes as the header announces must be there.
///
/// ```
/// use hairpin_train::NpyRows;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x.npy");
/// ndarray_npy::write_npy(&path, &ndarray::array![[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]])?;
/// let rows = NpyRows::open(&path)?;
/// assert_eq!(rows.shape(), [3, 2]);
/// let mut found = [0.0; 4];
/// rows.read(&[2, 0], &mut found)?;
/// assert_eq!(found, [5.0, 6.0, 1.0, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NpyRows {
    path: PathBuf,
    file: Mutex<File>,
    shape: Vec<usize>,
    data_start: u64,
    is_half: bool,
    failure: OnceLock<(io::ErrorKind, String)>,
}

impl NpyRows {
    /// Opens the file and checks its header against its length.
    ///
    /// # Errors
    ///
    /// [`TrainError::Read`] if the file cannot be read, [`TrainError::Npy`] if it is not an array as above.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TrainError> {
        let path = path.as_ref().to_owned();
        let unreadable = |source| TrainError::Read {
            path: path.clone(),
            what: "read the array",
            source,
        };
        let mut file = File::open(&path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(TrainError::NotAFile { path });
        }
        let mut start = Vec::new();
        let at_most = (MAX_HEADER + MAX_PREAMBLE) as u64;
        let read = file.by_ref().take(at_most).read_to_end(&mut start);
        read.map_err(unreadable)?;
        let found = match Found::parse(&start) {
            Ok(found) if found.bytes() == Some(u128::from(metadata.len())) => found,
            Ok(found) => {
                return Err(TrainError::Npy {
                    path,
                    found: format!("the file has {} bytes", metadata.len()),
                    expected: match found.bytes() {
                        Some(bytes) => format!("{bytes} bytes for the shape {:?}", found.shape),
                        None => format!("a shape that fits a file, not {:?}", found.shape),
                    },
                });
            }
            Err((found, expected)) => {
                return Err(TrainError::Npy {
                    path,
                    found,
                    expected: expected.to_owned(),
                });
            }
        };
        Ok(Self {
            path,
            file: Mutex::new(file),
            shape: found.shape,
            data_start: found.data_start as u64,
            is_half: found.is_half,
            failure: OnceLock::new(),
        })
    }

    /// Lengths of the array's dimensions, the rows' first: two or three.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.shape[0]
    }

    /// Numbers of one row.
    pub fn row_len(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// Reads the given rows, in their order, into `out`.
    ///
    /// # Errors
    ///
    /// [`TrainError::Read`] if the disk fails or the file has become shorter.
    ///
    /// # Panics
    ///
    /// If a row does not exist, or `out` has not `rows.len() * row_len` places.
    pub fn read(&self, rows: &[usize], out: &mut [f32]) -> Result<(), TrainError> {
        self.read_rows(rows, out)
            .map_err(|source| TrainError::Read {
                path: self.path.clone(),
                what: "read rows of the array",
                source,
            })
    }

    fn read_rows(&self, rows: &[usize], out: &mut [f32]) -> io::Result<()> {
        let (n_rows, row_len) = (self.n_rows(), self.row_len());
        assert!(
            out.len() == rows.len() * row_len,
            "out: {} places for {} rows of {row_len}",
            out.len(),
            rows.len()
        );
        // Along the file, each place once, and rows that lie together in one go.
        let mut places: Vec<(usize, usize)> = rows.iter().copied().zip(0..).collect();
        places.sort_unstable();
        let mut bytes = Vec::new();
        for run in places.chunk_by(|a, b| b.0 - a.0 <= 1) {
            let (first, last) = (run[0].0, run[run.len() - 1].0);
            assert!(last < n_rows, "row {last} of {n_rows}");
            self.read_bytes(first, last - first + 1, &mut bytes)?;
            let width = self.width() * row_len;
            for &(row, place) in run {
                let own = &bytes[(row - first) * width..][..width];
                self.decode(own, &mut out[place * row_len..][..row_len]);
            }
        }
        Ok(())
    }

    fn width(&self) -> usize {
        if self.is_half { 2 } else { 4 }
    }

    fn read_bytes(&self, first: usize, n: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let width = (self.width() * self.row_len()) as u64;
        bytes.resize(n * width as usize, 0);
        // A reader that panicked left nothing but a position behind, which is set here.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.data_start + first as u64 * width))?;
        file.read_exact(bytes)
    }

    fn decode(&self, bytes: &[u8], out: &mut [f32]) {
        if self.is_half {
            let (numbers, _) = bytes.as_chunks();
            for (out, &number) in out.iter_mut().zip(numbers) {
                *out = half(u16::from_le_bytes(number));
            }
        } else {
            let (numbers, _) = bytes.as_chunks();
            for (out, &number) in out.iter_mut().zip(numbers) {
                *out = f32::from_le_bytes(number);
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The rows of a batch; NaN, and the failure kept, if the disk fails.
    pub(super) fn batch(&self, rows: &[usize]) -> Vec<f32> {
        let mut values = vec![0.0; rows.len() * self.row_len()];
        if let Err(error) = self.read_rows(rows, &mut values) {
            values.fill(f32::NAN);
            self.failure
                .get_or_init(|| (error.kind(), error.to_string()));
        }
        values
    }

    /// The first failure of [`batch`](Self::batch).
    pub(super) fn failure(&self) -> Option<TrainError> {
        let (kind, message) = self.failure.get()?;
        Some(TrainError::Read {
            path: self.path.clone(),
            what: "read rows of the array",
            source: io::Error::new(*kind, message.clone()),
        })
    }

    /// Refuses an array of another number of dimensions.
    pub(super) fn check_rank(&self, rank: usize, expected: &str) -> Result<(), TrainError> {
        if self.shape.len() == rank {
            return Ok(());
        }
        Err(TrainError::Npy {
            path: self.path.clone(),
            found: format!("the shape is {:?}", self.shape),
            expected: expected.to_owned(),
        })
    }
}

/// What the head of a file says.
struct Found {
    shape: Vec<usize>,
    data_start: usize,
    is_half: bool,
}

impl Found {
    /// Or what was found instead, and what was expected.
    fn parse(start: &[u8]) -> Result<Self, (String, &'static str)> {
        const ARRAY: &str = "an array that numpy.save wrote";
        let says = |found: &str| (found.to_owned(), ARRAY);
        let Some(rest) = start.strip_prefix(b"\x93NUMPY") else {
            return Err(says("the file does not start as NumPy's do"));
        };
        let (length, preamble) = match rest {
            [1, 0, a, b, ..] => (usize::from(u16::from_le_bytes([*a, *b])), 10),
            [2 | 3, 0, a, b, c, d, ..] => {
                let length = u32::from_le_bytes([*a, *b, *c, *d]);
                (usize::try_from(length).unwrap_or(usize::MAX), 12)
            }
            _ => return Err(says("the format's version is not known")),
        };
        // The reader believes the length and follows brackets as deep as they go.
        if length > MAX_HEADER {
            return Err(says(
                "the header is longer than NumPy's limit of 10000 bytes",
            ));
        }
        let data_start = preamble + length;
        let Some(mut text) = start.get(..data_start) else {
            return Err(says("the header is cut short"));
        };
        let opens = text.iter().filter(|byte| b"([{".contains(byte)).count();
        if opens > MAX_NESTING {
            return Err(says("the header has too many brackets"));
        }
        let header = Header::from_reader(&mut text)
            .map_err(|error| (format!("the header is broken ({error})"), ARRAY))?;
        let dtype = header.type_descriptor.as_string().map(String::as_str);
        let is_half = match dtype {
            Some("<f4") => false,
            Some("<f2") => true,
            _ => {
                let found = format!("the dtype is {}", header.type_descriptor);
                return Err((found, "`<f4` (float32) or `<f2` (float16)"));
            }
        };
        let shape = header.shape;
        if !matches!(shape.len(), 2 | 3) || shape.contains(&0) {
            let found = format!("the shape is {shape:?}");
            return Err((found, "two or three dimensions, none of them empty"));
        }
        if matches!(header.layout, Layout::Fortran) {
            return Err((
                "the array is in Fortran order".to_owned(),
                "C order, as numpy.ascontiguousarray makes it",
            ));
        }
        Ok(Self {
            shape,
            data_start,
            is_half,
        })
    }

    /// Bytes that the whole file has, if that is a number; one row then fits memory's addresses too.
    fn bytes(&self) -> Option<u128> {
        let width = if self.is_half { 2 } else { 4 };
        let data = self
            .shape
            .iter()
            .try_fold(width, |product: u128, &n| product.checked_mul(n as u128))?;
        let total = data.checked_add(self.data_start as u128)?;
        (total <= isize::MAX as u128).then_some(total)
    }
}

/// A half-precision number (IEEE 754 binary16) of these bits.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, bits >> 10 & 0x1f, bits & 0x3ff);
    let magnitude = match exponent {
        // Subnormal: units of 2⁻²⁴, exact in f32.
        0 => f32::from(fraction) * 2f32.powi(-24),
        0x1f => f32::from_bits(0x7f80_0000 | u32::from(fraction) << 13),
        _ => f32::from_bits((u32::from(exponent) + 112) << 23 | u32::from(fraction) << 13),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_the_number_it_stands_for() {
        for bits in 0..=u16::MAX {
            let (sign, exponent) = (bits >> 15, i32::from(bits >> 10 & 0x1f));
            let fraction = f64::from(bits & 0x3ff) / 1024.0;
            let magnitude = match exponent {
                0 => fraction * 2f64.powi(-14),
                31 if fraction == 0.0 => f64::INFINITY,
                31 => f64::NAN,
                _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
            };
            let expected = if sign == 1 { -magnitude } else { magnitude };
            let found = f64::from(half(bits));
            assert!(found == expected || found.is_nan() && expected.is_nan());
            assert_eq!(found.is_sign_negative(), sign == 1);
        }
    }
}
