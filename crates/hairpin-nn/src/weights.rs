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
use safetensors::SafeTensors;
use safetensors::tensor::{SafeTensorError, TensorView};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

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
    let path = path.as_ref();
    let file = |source| WeightsError::File {
        path: path.to_owned(),
        what: "read",
        source,
    };
    let mut start = Vec::new();
    let opened = File::open(path).map_err(file)?;
    opened.take(9).read_to_end(&mut start).map_err(file)?;
    // A safetensors file begins with the length of its header, eight bytes, and the header with a brace.
    if start.get(8) == Some(&b'{') {
        read_safetensors(path, &std::fs::read(path).map_err(file)?)
    } else if start.starts_with(b"PK") || start.starts_with(&[0x80]) {
        read_pytorch(path)
    } else {
        // Neither; say what is wrong in the words of the format that the name promises.
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("pt" | "pth" | "bin" | "ckpt") => read_pytorch(path),
            _ => read_safetensors(path, &start),
        }
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

fn read_safetensors(
    path: &Path,
    bytes: &[u8],
) -> Result<BTreeMap<String, TensorData>, WeightsError> {
    let file = SafeTensors::deserialize(bytes).map_err(|source| WeightsError::Safetensors {
        path: path.to_owned(),
        source,
    })?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        let dtype = TYPES.iter().find(|(theirs, _)| *theirs == view.dtype());
        let dtype = dtype
            .map(|&(_, ours)| ours)
            .ok_or_else(|| WeightsError::Type {
                path: path.to_owned(),
                name: name.to_owned(),
                found: format!("{:?}", view.dtype()),
            })?;
        let data = TensorData::from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), dtype);
        tensors.insert(name.to_owned(), as_f32(data));
    }
    Ok(tensors)
}

fn read_pytorch(path: &Path) -> Result<BTreeMap<String, TensorData>, WeightsError> {
    use pytorch_reader::DType as Theirs;
    let reader = PytorchReader::new(path).map_err(|source| WeightsError::Pytorch {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let mut tensors = BTreeMap::new();
    for (name, tensor) in reader.tensors() {
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
        let bytes = tensor.read().map_err(|source| WeightsError::File {
            path: path.to_owned(),
            what: "read",
            source,
        })?;
        let data = TensorData::from_bytes_vec(bytes, tensor.shape().to_vec(), dtype);
        tensors.insert(name.clone(), as_f32(data));
    }
    Ok(tensors)
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
