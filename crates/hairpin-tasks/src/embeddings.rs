//! A vector for each of some sequences, such as a language model's of proteins: an npy with a JSON beside it that says whose they are.
//!
//! `proteins.npy` is `[n, width]` of float32, as NumPy reads and writes it; `proteins.npy.json` has the ids of the rows, the
//! model, the hash of its weights and the hash of the npy, so that the two cannot be mixed up.
//!
//! ```
//! use hairpin_seq::{Protein, Seq};
//! use hairpin_tasks::embeddings::{Embeddings, sequence_id};
//! use ndarray::array;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("proteins.npy");
//! let proteins: Vec<Seq<Protein>> = vec!["MKV".parse()?, "MPL".parse()?];
//! let ids: Vec<String> = proteins.iter().map(sequence_id).collect();
//! let vectors = array![[0.5, 1.0, -1.0], [0.25, 0.0, 2.0]]; // a language model would be better
//! Embeddings::new(ids.clone(), vectors, "counts", "none")?.write(&path)?;
//!
//! let read = Embeddings::read(&path)?;
//! read.check(&path, 3, "none")?;
//! let turned = read.rows(&path, &[ids[1].clone(), ids[0].clone()])?;
//! assert_eq!(turned.row(0).to_vec(), [0.25, 0.0, 2.0]);
//! let error = read.check(&path, 320, "none").unwrap_err();
//! assert!(error.to_string().contains("vectors of 3 numbers, expected 320"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ResidueEmbeddings`] are a vector for each residue: the npy is `[residues of all sequences, width]`, and the JSON also has the number of
//! residues of each id.

mod residues;

pub use residues::ResidueEmbeddings;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use hairpin_seq::{Alphabet, Seq};
use ndarray::Array2;
use ndarray_npy::WriteNpyExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::shorten;
use crate::{Place, TaskError, file, npy};

const REMEDY: &str =
    "write embeddings with hairpin's `embed`, which makes both the npy and the .npy.json beside it";

/// The most bytes of the JSON: ids of 10 million rows.
const MOST_JSON: u64 = 1 << 30;

/// Vectors with what they belong to.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings(Table);

/// What vectors of sequences and of residues share: the two files and what is checked of them.
#[derive(Clone, Debug, PartialEq)]
struct Table {
    /// Of the sequences, each once.
    ids: Vec<String>,
    vectors: Array2<f32>,
    model: String,
    weights: String,
}

/// What stands beside the npy.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    model: String,
    weights_sha256: String,
    width: usize,
    npy_sha256: String,
    ids: Vec<String>,
    /// Rows of each id, where they are of residues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    residues: Option<Vec<usize>>,
}

impl Embeddings {
    /// Vectors `[n, width]` of `n` ids, made by a model with weights of this hash; for features that need no weights, say so there.
    ///
    /// # Errors
    ///
    /// If there is no row or no column, not one id per row, an id occurs twice, or a value is NaN or infinite.
    pub fn new(
        ids: Vec<String>,
        vectors: Array2<f32>,
        model: &str,
        weights: &str,
    ) -> Result<Self, TaskError> {
        let table = Table::new(ids, vectors, model, weights);
        Self::checked(table, &Place::new("embeddings"))
    }

    /// The rows' ids, each once.
    pub fn ids(&self) -> &[String] {
        &self.0.ids
    }

    /// `[n, width]`.
    pub fn vectors(&self) -> &Array2<f32> {
        &self.0.vectors
    }

    /// Which model made them.
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// The SHA-256 of the weights that made them.
    pub fn weights(&self) -> &str {
        &self.0.weights
    }

    /// Reads an npy and the JSON beside it.
    ///
    /// # Errors
    ///
    /// If one of the two is missing, damaged or not of its format, they do not belong together, or as [`new`](Self::new).
    pub fn read(path: &Path) -> Result<Self, TaskError> {
        let (table, residues) = Table::read(path)?;
        if residues.is_some() {
            return Err(TaskError::Field {
                place: Place::new(beside(path)),
                found: "a vector for each residue".to_owned(),
                expected: "one for each sequence".to_owned(),
                remedy: "embed without `--per-residue`",
            });
        }
        Self::checked(table, &Place::new(path))
    }

    /// Writes the npy, then the JSON beside it, each whole or not at all; between the two nothing can be read that does not fit.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), TaskError> {
        self.0.write(path, None)
    }

    /// Whether they are of the width and the weights that a model was trained with; `path` is named in the error.
    ///
    /// # Errors
    ///
    /// If one of the two is another.
    pub fn check(&self, path: &Path, width: usize, weights: &str) -> Result<(), TaskError> {
        self.0.check(path, width, weights)
    }

    /// The vectors of these ids, in their order; `path` is named in the error.
    ///
    /// # Errors
    ///
    /// If an id has no vector.
    pub fn rows(&self, path: &Path, ids: &[String]) -> Result<Array2<f32>, TaskError> {
        let Table {
            ids: all, vectors, ..
        } = &self.0;
        let of_id: HashMap<&str, usize> = all.iter().map(String::as_str).zip(0..).collect();
        let mut rows = Array2::zeros((ids.len(), vectors.ncols()));
        for (row, (mut to, id)) in rows.rows_mut().into_iter().zip(ids).enumerate() {
            let Some(&from) = of_id.get(id.as_str()) else {
                return Err(missing(path, id, row));
            };
            to.assign(&vectors.row(from));
        }
        Ok(rows)
    }

    fn checked(table: Table, place: &Place) -> Result<Self, TaskError> {
        let (ids, rows) = (table.ids.len(), table.vectors.nrows());
        if ids != rows {
            return Err(refused(
                place,
                format!("{ids} ids of {rows} vectors"),
                "as many",
            ));
        }
        table.validate(place)?;
        Ok(Self(table))
    }
}

fn refused(place: &Place, found: String, expected: &str) -> TaskError {
    TaskError::Field {
        place: place.clone(),
        found,
        expected: expected.to_owned(),
        remedy: REMEDY,
    }
}

impl Table {
    fn new(ids: Vec<String>, vectors: Array2<f32>, model: &str, weights: &str) -> Self {
        Self {
            ids,
            vectors,
            model: model.to_owned(),
            weights: weights.to_owned(),
        }
    }

    /// The array of an npy and what the JSON beside it says, which fit each other; with the residues of each id where it has those.
    fn read(path: &Path) -> Result<(Self, Option<Vec<usize>>), TaskError> {
        let content = npy::content(path, REMEDY)?;
        let vectors = npy::read_matrix::<f32>(&content, &Place::new(path))?;
        let beside = beside(path);
        let (source, bytes) = file::open(&beside, || REMEDY.to_owned())?;
        if bytes > MOST_JSON {
            return Err(TaskError::TooLarge {
                place: Place::new(&beside),
                found: format!("{bytes} bytes"),
                limit: format!("{MOST_JSON} bytes"),
            });
        }
        let source = std::io::BufReader::new(source);
        let description: Description =
            serde_json::from_reader(source).map_err(|error| TaskError::Field {
                place: Place::new(&beside).line(error.line() as u64),
                found: error.to_string(),
                expected: "model, weights_sha256, width, npy_sha256 and ids".to_owned(),
                remedy: REMEDY,
            })?;
        let mismatch = |found: String, expected: String| TaskError::Field {
            place: Place::new(&beside),
            found,
            expected,
            remedy: "take both files from one run",
        };
        let hash = sha256(&content);
        if hash != description.npy_sha256 {
            return Err(mismatch(
                format!("hash {} of the npy", shorten(&description.npy_sha256)),
                format!("{hash}, which it has"),
            ));
        }
        let (rows, width) = vectors.dim();
        let (described, of_what) = match &description.residues {
            None => (Some(description.ids.len()), "ids"),
            Some(residues) => {
                if residues.len() != description.ids.len() {
                    return Err(mismatch(
                        format!("residues of {} ids", residues.len()),
                        format!("{}, the number of ids", description.ids.len()),
                    ));
                }
                let sum = residues
                    .iter()
                    .try_fold(0usize, |sum, &own| sum.checked_add(own));
                (sum, "residues")
            }
        };
        if (described, description.width) != (Some(rows), width) {
            let described = described.map_or("too many".to_owned(), |own| own.to_string());
            return Err(mismatch(
                format!("{described} {of_what} and width {}", description.width),
                format!("{rows} and {width}, the shape of the npy"),
            ));
        }
        let table = Self {
            ids: description.ids,
            vectors,
            model: description.model,
            weights: description.weights_sha256,
        };
        Ok((table, description.residues))
    }

    fn write(&self, path: &Path, residues: Option<&[usize]>) -> Result<(), TaskError> {
        let failed = |source| TaskError::Write {
            path: path.to_owned(),
            source,
        };
        let mut content = Vec::new();
        self.vectors
            .write_npy(&mut content)
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let description = Description {
            model: self.model.clone(),
            weights_sha256: self.weights.clone(),
            width: self.vectors.ncols(),
            npy_sha256: sha256(&content),
            ids: self.ids.clone(),
            residues: residues.map(<[usize]>::to_vec),
        };
        let text = serde_json::to_vec_pretty(&description)
            .map_err(|error| failed(std::io::Error::other(error)))?;
        file::write(path, &content)?;
        file::write(&beside(path), &text)
    }

    /// Whether they are of the width and the weights that a model was trained with.
    fn check(&self, path: &Path, width: usize, weights: &str) -> Result<(), TaskError> {
        let refused = |found: String, expected: String| TaskError::Field {
            place: Place::new(path),
            found,
            expected: format!("{expected}, as the model was trained with"),
            remedy: "embed the proteins again with the model's own language model",
        };
        let found = self.vectors.ncols();
        if found != width {
            return Err(refused(
                format!("vectors of {found} numbers"),
                width.to_string(),
            ));
        }
        if self.weights != weights {
            return Err(refused(
                format!(
                    "weights {} of {}",
                    shorten(&self.weights),
                    shorten(&self.model)
                ),
                format!("weights {}", shorten(weights)),
            ));
        }
        Ok(())
    }

    /// Something is there, every id once, every value a number.
    fn validate(&self, place: &Place) -> Result<(), TaskError> {
        if self.vectors.is_empty() {
            return Err(TaskError::NoRows {
                place: place.clone(),
            });
        }
        let mut first = HashMap::new();
        for (row, id) in self.ids.iter().enumerate() {
            if let Some(before) = first.insert(id, row) {
                let id = shorten(id);
                let found = format!("the id `{id}` in rows {before} and {row} (from 0)");
                return Err(refused(place, found, "each once"));
            }
        }
        let mut values = self.vectors.indexed_iter();
        match values.find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some(((row, column), value)) => {
                let found = format!("{value} in row {row}, column {column} (from 0)");
                Err(refused(place, found, "finite numbers"))
            }
        }
    }
}

/// That an id has no vector.
fn missing(path: &Path, id: &str, row: usize) -> TaskError {
    TaskError::Field {
        place: Place::new(path),
        found: format!(
            "no vector of `{}`, sequence {} of those asked for",
            shorten(id),
            row + 1
        ),
        expected: "one for every sequence".to_owned(),
        remedy: "embed these sequences, with the same model",
    }
}

/// A name for a sequence that has none: the first 16 hexadecimal digits of the SHA-256 of its letters.
///
/// ```
/// use hairpin_seq::{Protein, Seq};
/// use hairpin_tasks::embeddings::sequence_id;
///
/// // printf MKV | sha256sum
/// assert_eq!(sequence_id(&"MKV".parse::<Seq<Protein>>()?), "06101e170c22fd1e");
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub fn sequence_id<A: Alphabet>(seq: &Seq<A>) -> String {
    let mut id = sha256(seq.to_string().as_bytes());
    id.truncate(16);
    id
}

fn sha256(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `X.npy.json` for `X.npy`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    PathBuf::from(name)
}
