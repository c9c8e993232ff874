//! Weights in the files that others publish: `.safetensors`, and PyTorch's `.pt`, `.pth` and `.bin`.
//!
//! A file becomes a map from names to tensors, which the layers' `from_...` functions take. Floating-point tensors of any width come as
//! `f32`; integers and booleans stay what they are.
//!
//! ```
//! use burn::tensor::Device;
//! use hairpin_nn::{Recurrent, RecurrentConfig, weights};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("model.safetensors");
//! let device = Device::flex();
//! let layer = RecurrentConfig::new(4, 8).init(&device);
//! weights::write_safetensors(&path, &layer.to_pytorch())?;
//!
//! let again = Recurrent::from_pytorch(&weights::read(&path)?, &device)?;
//! assert_eq!(again.to_pytorch(), layer.to_pytorch());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use atomic_write_file::AtomicWriteFile;
use burn::tensor::{DType, TensorData};
use pytorch_reader::{PytorchError, PytorchReader};
use safetensors::tensor::{Metadata, SafeTensorError, TensorView};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of weights that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file cannot be opened, read or written.
    #[error("{}: cannot {what} the file of weights", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `write`.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no safetensors file, or is damaged.
    #[error("{}: not a readable safetensors file; is it whole?", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SafeTensorError,
    },
    /// The file is no PyTorch checkpoint of tensors, or is damaged.
    #[error("{}: not a readable PyTorch checkpoint; is it whole?", path.display())]
    Pytorch {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<PytorchError>,
    },
    /// A tensor's elements are of a type that no layer here takes.
    #[error("{}: tensor `{name}` holds {found}, expected real numbers, integers or booleans", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type.
        found: String,
    },
}

/// All tensors of a file, by name. Which format it is, is read off its first bytes: an archive or a pickle is PyTorch's.
///
/// A checkpoint that nests its weights gives them dotted names, `state_dict.lstm.weight_ih_l0`; [`under`] takes one module's.
/// A pickle is only looked at for tensors, nothing in it is executed.
///
/// # Errors
///
/// [`WeightsError`] names the file, and the tensor if it is about one.
pub fn read(path: impl AsRef<Path>) -> Result<BTreeMap<String, TensorData>, WeightsError> {
    WeightFiles::open(&[path])?.read(|_| true)
}

/// Files of weights, of one model in several files or of one larger than memory: tensors are read when they are asked for.
///
/// ```
/// use burn::tensor::TensorData;
/// use hairpin_nn::weights::{self, WeightFiles};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("model.safetensors");
/// let model = [("layers.0.weight", 12), ("layers.1.weight", 3)]
///     .map(|(name, rows)| (name.to_owned(), TensorData::zeros::<f32, _>([rows, 3])))
///     .into();
/// weights::write_safetensors(&path, &model)?;
///
/// let files = WeightFiles::open(&[&path])?;
/// assert_eq!(files.names().count(), 2);
/// let layer = files.read(|name| name.starts_with("layers.1."))?;
/// assert_eq!(layer["layers.1.weight"].shape().as_slice(), [3, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct WeightFiles {
    tensors: BTreeMap<String, Stored>,
}

/// Where a tensor is.
#[derive(Debug)]
struct Stored {
    path: Arc<Path>,
    shape: Vec<usize>,
    dtype: DType,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Bytes of a safetensors file.
    Bytes { from: u64, count: usize },
    /// In a PyTorch checkpoint.
    Pytorch(Box<pytorch_reader::Tensor>),
}

impl WeightFiles {
    /// Looks which tensors the files hold; of a name that several of them have, the last one's is taken.
    ///
    /// # Errors
    ///
    /// As [`read`].
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self, WeightsError> {
        let mut tensors = BTreeMap::new();
        for path in paths {
            let path: Arc<Path> = path.as_ref().into();
            let file = |source| WeightsError::File {
                path: path.to_path_buf(),
                what: "read",
                source,
            };
            let mut start = Vec::new();
            let opened = File::open(&path).map_err(file)?;
            (&opened).take(9).read_to_end(&mut start).map_err(file)?;
            // A safetensors file begins with the length of its header, eight bytes, and the header with a brace.
            let safetensors = if start.get(8) == Some(&b'{') {
                true
            } else if start.starts_with(b"PK") || start.starts_with(&[0x80]) {
                false
            } else {
                // Neither; say what is wrong in the words of the format that the name promises.
                let ending = path.extension().and_then(|extension| extension.to_str());
                !matches!(ending, Some("pt" | "pth" | "bin" | "ckpt"))
            };
            match safetensors {
                true => safetensors_of(&path, &opened, &mut tensors)?,
                false => pytorch_of(&path, &mut tensors)?,
            }
        }
        Ok(Self { tensors })
    }

    /// The tensors' names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The tensors whose names are wanted.
    ///
    /// # Errors
    ///
    /// When a file has gone, or has become shorter.
    pub fn read(
        &self,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, TensorData>, WeightsError> {
        let mut tensors = BTreeMap::new();
        let mut opened: BTreeMap<&Path, File> = BTreeMap::new();
        for (name, stored) in &self.tensors {
            if !wanted(name) {
                continue;
            }
            let file = |source| WeightsError::File {
                path: stored.path.to_path_buf(),
                what: "read",
                source,
            };
            let bytes = match &stored.place {
                Place::Pytorch(tensor) => tensor.read().map_err(file)?,
                Place::Bytes { from, count } => {
                    let own = match opened.entry(&stored.path) {
                        Entry::Occupied(own) => own.into_mut(),
                        Entry::Vacant(free) => free.insert(File::open(&stored.path).map_err(file)?),
                    };
                    let mut bytes = vec![0; *count];
                    own.seek(SeekFrom::Start(*from)).map_err(file)?;
                    own.read_exact(&mut bytes).map_err(file)?;
                    bytes
                }
            };
            let data = TensorData::from_bytes_vec(bytes, stored.shape.clone(), stored.dtype);
            tensors.insert(name.clone(), as_f32(data));
        }
        Ok(tensors)
    }
}

/// The tensors whose names begin with `prefix`, without it: of a whole model's weights, those of one module.
///
/// ```
/// use burn::tensor::TensorData;
/// use hairpin_nn::weights;
///
/// let model = [("lstm.weight_hh_l0", 12), ("head.weight", 3)]
///     .map(|(name, rows)| (name.to_owned(), TensorData::zeros::<f32, _>([rows, 3])))
///     .into();
/// let lstm = weights::under(&model, "lstm.");
/// assert_eq!(lstm.keys().collect::<Vec<_>>(), ["weight_hh_l0"]);
/// ```
pub fn under(tensors: &BTreeMap<String, TensorData>, prefix: &str) -> BTreeMap<String, TensorData> {
    let own = |(name, data): (&String, &TensorData)| {
        Some((name.strip_prefix(prefix)?.to_owned(), data.clone()))
    };
    tensors.iter().filter_map(own).collect()
}

/// Writes tensors as a safetensors file, which PyTorch, Keras and others read; an earlier file is replaced whole or not at all.
///
/// # Errors
///
/// If the file cannot be written, or a tensor holds something that the format has no name for.
pub fn write_safetensors(
    path: impl AsRef<Path>,
    tensors: &BTreeMap<String, TensorData>,
) -> Result<(), WeightsError> {
    let path = path.as_ref();
    let broken = |source| WeightsError::Safetensors {
        path: path.to_owned(),
        source,
    };
    let mut views = Vec::with_capacity(tensors.len());
    for (name, data) in tensors {
        let dtype = dtype_of(data.dtype()).ok_or_else(|| WeightsError::Type {
            path: path.to_owned(),
            name: name.clone(),
            found: format!("{:?}", data.dtype()),
        })?;
        let view = TensorView::new(dtype, data.shape().to_vec(), data.as_bytes());
        views.push((name, view.map_err(broken)?));
    }
    let bytes = safetensors::serialize(views, None).map_err(broken)?;
    let write = || {
        let mut file = AtomicWriteFile::open(path)?;
        file.write_all(&bytes)?;
        file.commit()
    };
    write().map_err(|source| WeightsError::File {
        path: path.to_owned(),
        what: "write",
        source,
    })
}

/// The tensors of a safetensors file. Its header is checked against the file's length, so that nothing larger than that is ever read.
fn safetensors_of(
    path: &Arc<Path>,
    mut file: &File,
    tensors: &mut BTreeMap<String, Stored>,
) -> Result<(), WeightsError> {
    /// The longest header that the format allows.
    const LONGEST: u64 = 100_000_000;
    let broken = |source| WeightsError::Safetensors {
        path: path.to_path_buf(),
        source,
    };
    let unread = |source| WeightsError::File {
        path: path.to_path_buf(),
        what: "read",
        source,
    };
    let length = file.metadata().map_err(unread)?.len();
    let mut size = [0; 8];
    file.seek(SeekFrom::Start(0)).map_err(unread)?;
    match length < 8 {
        true => return Err(broken(SafeTensorError::HeaderTooSmall)),
        false => file.read_exact(&mut size).map_err(unread)?,
    }
    let size = u64::from_le_bytes(size);
    if size > LONGEST {
        return Err(broken(SafeTensorError::HeaderTooLarge));
    }
    let data = 8 + size;
    if data > length {
        return Err(broken(SafeTensorError::InvalidHeaderLength));
    }
    let mut header = Vec::new();
    file.take(size).read_to_end(&mut header).map_err(unread)?;
    let header = std::str::from_utf8(&header)
        .map_err(|error| broken(SafeTensorError::InvalidHeader(error)))?;
    let header: Metadata = serde_json::from_str(header)
        .map_err(|error| broken(SafeTensorError::InvalidHeaderDeserialization(error)))?;
    let mut end = 0;
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else {
            continue;
        };
        let dtype = TYPES.iter().find(|(theirs, _)| *theirs == info.dtype);
        let dtype = dtype
            .map(|&(_, ours)| ours)
            .ok_or_else(|| WeightsError::Type {
                path: path.to_path_buf(),
                name: name.clone(),
                found: format!("{:?}", info.dtype),
            })?;
        let (from, to) = info.data_offsets;
        let elements = info
            .shape
            .iter()
            .try_fold(1usize, |product, &size| product.checked_mul(size));
        let expected = elements.and_then(|elements| elements.checked_mul(dtype.size()));
        if from != end || to < from || expected != Some(to - from) {
            return Err(broken(SafeTensorError::TensorInvalidInfo));
        }
        end = to;
        let stored = Stored {
            path: path.clone(),
            shape: info.shape.clone(),
            dtype,
            place: Place::Bytes {
                from: data + from as u64,
                count: to - from,
            },
        };
        tensors.insert(name, stored);
    }
    match data + end as u64 == length {
        true => Ok(()),
        false => Err(broken(SafeTensorError::MetadataIncompleteBuffer)),
    }
}

/// The tensors of a PyTorch checkpoint.
fn pytorch_of(
    path: &Arc<Path>,
    tensors: &mut BTreeMap<String, Stored>,
) -> Result<(), WeightsError> {
    use pytorch_reader::DType as Theirs;
    let reader = PytorchReader::new(path).map_err(|source| WeightsError::Pytorch {
        path: path.to_path_buf(),
        source: Box::new(source),
    })?;
    for (name, tensor) in reader.into_tensors() {
        let dtype = match tensor.dtype() {
            Theirs::F64 => DType::F64,
            Theirs::F32 => DType::F32,
            Theirs::F16 => DType::F16,
            Theirs::BF16 => DType::BF16,
            Theirs::I64 => DType::I64,
            Theirs::I32 => DType::I32,
            Theirs::I16 => DType::I16,
            Theirs::I8 => DType::I8,
            Theirs::U64 => DType::U64,
            Theirs::U32 => DType::U32,
            Theirs::U16 => DType::U16,
            Theirs::U8 | Theirs::Bool => DType::U8,
        };
        let stored = Stored {
            path: path.clone(),
            shape: tensor.shape().to_vec(),
            dtype,
            place: Place::Pytorch(Box::new(tensor)),
        };
        tensors.insert(name, stored);
    }
    Ok(())
}

/// The types that both sides have; a boolean is read as a `u8` of 0 or 1.
const TYPES: [(safetensors::Dtype, DType); 13] = {
    use safetensors::Dtype as Theirs;
    [
        (Theirs::F64, DType::F64),
        (Theirs::F32, DType::F32),
        (Theirs::F16, DType::F16),
        (Theirs::BF16, DType::BF16),
        (Theirs::I64, DType::I64),
        (Theirs::I32, DType::I32),
        (Theirs::I16, DType::I16),
        (Theirs::I8, DType::I8),
        (Theirs::U64, DType::U64),
        (Theirs::U32, DType::U32),
        (Theirs::U16, DType::U16),
        (Theirs::U8, DType::U8),
        (Theirs::BOOL, DType::U8),
    ]
};

fn dtype_of(dtype: DType) -> Option<safetensors::Dtype> {
    let same = TYPES.iter().find(|(_, ours)| *ours == dtype);
    same.map(|&(theirs, _)| theirs)
}

fn as_f32(data: TensorData) -> TensorData {
    match data.dtype() {
        DType::F64 | DType::F16 | DType::BF16 => data.convert_dtype(DType::F32),
        _ => data,
    }
}
