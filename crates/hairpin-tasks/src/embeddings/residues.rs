//! [`ResidueEmbeddings`]: a vector for each residue of some sequences.

use super::{Table, beside, missing, refused};
use crate::error::shorten;
use crate::{Place, TaskError};
use ndarray::{Array2, ArrayView2, s};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

/// A vector for each residue of some sequences, one sequence below another.
///
/// In Python `np.split(np.load("proteins.npy"), np.cumsum(residues)[:-1])` with the `residues` of `proteins.npy.json`.
///
/// ```
/// use hairpin_tasks::embeddings::ResidueEmbeddings;
/// use ndarray::array;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("proteins.npy");
/// // MKV and MP, two numbers for each residue.
/// let ids = vec!["a".to_owned(), "b".to_owned()];
/// let vectors = array![[1., 0.], [0., 1.], [1., 1.], [1., 0.], [0.5, 0.]];
/// ResidueEmbeddings::new(ids, vec![3, 2], vectors, "some", "none")?.write(&path)?;
///
/// let read = ResidueEmbeddings::read(&path)?;
/// let found = read.of(&path, &[("b".to_owned(), 2)])?;
/// assert_eq!(found[0], array![[1., 0.], [0.5, 0.]]);
/// assert!(read.of(&path, &[("b".to_owned(), 4)]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ResidueEmbeddings {
    table: Table,
    /// Rows of each id.
    residues: Vec<usize>,
}

impl ResidueEmbeddings {
    /// Vectors `[residues of all sequences, width]` of ids with so many residues each, made by a model with weights of this hash.
    ///
    /// # Errors
    ///
    /// If there is no vector or no column, the residues are not as many as the vectors, a sequence has none, an id occurs twice, or a value
    /// is NaN or infinite.
    pub fn new(
        ids: Vec<String>,
        residues: Vec<usize>,
        vectors: Array2<f32>,
        model: &str,
        weights: &str,
    ) -> Result<Self, TaskError> {
        let table = Table::new(ids, vectors, model, weights);
        Self { table, residues }.checked(&Place::new("embeddings"))
    }

    /// The sequences' ids, each once.
    pub fn ids(&self) -> &[String] {
        &self.table.ids
    }

    /// Values of a vector.
    pub fn width(&self) -> usize {
        self.table.vectors.ncols()
    }

    /// Which model made them.
    pub fn model(&self) -> &str {
        &self.table.model
    }

    /// The SHA-256 of the weights that made them.
    pub fn weights(&self) -> &str {
        &self.table.weights
    }

    /// Every id with the vectors of its residues, `[residues, width]`, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ArrayView2<'_, f32>)> {
        let rows = |(id, range)| (id, self.table.vectors.slice(s![range, ..]));
        self.table
            .ids
            .iter()
            .map(String::as_str)
            .zip(self.ranges())
            .map(rows)
    }

    /// Reads an npy and the JSON beside it.
    ///
    /// # Errors
    ///
    /// If one of the two is missing, damaged or not of its format, they do not belong together, they are of whole sequences, or as
    /// [`new`](Self::new).
    pub fn read(path: &Path) -> Result<Self, TaskError> {
        let (table, residues) = Table::read(path)?;
        let Some(residues) = residues else {
            return Err(TaskError::Field {
                place: Place::new(beside(path)),
                found: "a vector for each sequence".to_owned(),
                expected: "one for each residue".to_owned(),
                remedy: "embed with `--per-residue`",
            });
        };
        Self { table, residues }.checked(&Place::new(path))
    }

    /// Writes the npy, then the JSON beside it, each whole or not at all; between the two nothing can be read that does not fit.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), TaskError> {
        self.table.write(path, Some(&self.residues))
    }

    /// Whether they are of the width and the weights that a model was trained with; `path` is named in the error.
    ///
    /// # Errors
    ///
    /// If one of the two is another.
    pub fn check(&self, path: &Path, width: usize, weights: &str) -> Result<(), TaskError> {
        self.table.check(path, width, weights)
    }

    /// The vectors of these ids, `[residues, width]` each, in their order; each id comes with its number of residues. `path` is named in the
    /// error.
    ///
    /// # Errors
    ///
    /// If an id has no vectors, or another number of them.
    pub fn of(&self, path: &Path, ids: &[(String, usize)]) -> Result<Vec<Array2<f32>>, TaskError> {
        let ranges = self.ids().iter().map(String::as_str).zip(self.ranges());
        let ranges: HashMap<&str, Range<usize>> = ranges.collect();
        let find = |(row, (id, residues)): (usize, &(String, usize))| {
            let range = ranges.get(id.as_str());
            let range = range.ok_or_else(|| missing(path, id, row))?;
            if range.len() != *residues {
                return Err(TaskError::Field {
                    place: Place::new(path),
                    found: format!("{} vectors of `{}`", range.len(), shorten(id)),
                    expected: format!("{residues}, one for each residue of sequence {}", row + 1),
                    remedy: "embed these sequences, with the same model",
                });
            }
            Ok(self.table.vectors.slice(s![range.clone(), ..]).to_owned())
        };
        ids.iter().enumerate().map(find).collect()
    }

    /// The rows of each sequence.
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        self.residues.iter().scan(0, |end, &residues| {
            let start = *end;
            *end += residues;
            Some(start..*end)
        })
    }

    fn checked(self, place: &Place) -> Result<Self, TaskError> {
        let sum = self.residues.iter().copied().fold(0, usize::saturating_add);
        let (ids, rows) = (self.table.ids.len(), self.table.vectors.nrows());
        if ids != self.residues.len() || sum != rows {
            let sequences = self.residues.len();
            let found =
                format!("{ids} ids and {sequences} sequences of {sum} residues, {rows} vectors");
            return Err(refused(
                place,
                found,
                "as many ids as sequences, as many vectors as residues",
            ));
        }
        if let Some(row) = self.residues.iter().position(|&own| own == 0) {
            let found = format!("no residue of `{}`", shorten(&self.table.ids[row]));
            return Err(refused(place, found, "at least one of each"));
        }
        self.table.validate(place)?;
        Ok(self)
    }
}
