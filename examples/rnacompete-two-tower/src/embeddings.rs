//! Files of proteins' vectors: an array, and beside it what its rows are and with which weights they were made.

use anyhow::{Context, Result, bail, ensure};
use hairpin::seq::{Protein, Seq};
use hairpin::train::{NpyRows, RunDir};
use ndarray::Array2;
use ndarray_npy::WriteNpyExt;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The largest description that is read, in bytes.
const CAP: u64 = 1 << 28;

/// Vectors in the order that was asked for.
#[derive(Debug)]
pub(crate) struct Embeddings {
    pub(crate) vectors: Array2<f32>,
    /// SHA-256 of the weights.
    pub(crate) weights: String,
}

/// `FILE.json`, beside the array.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rows {
    /// SHA-256 of the weights; of several files, one after the other.
    pub(crate) weights: String,
    /// Values of a row.
    pub(crate) width: usize,
    /// The protein of each row.
    pub(crate) proteins: Vec<String>,
}

/// Where the description of an array is.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

/// The array and its description, which must fit each other.
pub(crate) fn open(path: &Path) -> Result<(NpyRows, Rows)> {
    let array = NpyRows::open(path)?;
    let description = beside(path);
    let length = std::fs::metadata(&description)
        .with_context(|| {
            format!(
                "{}: says which proteins the rows of {} are; make both with `embed`",
                description.display(),
                path.display()
            )
        })?
        .len();
    ensure!(
        length <= CAP,
        "{}: has more than 256 MiB",
        description.display()
    );
    let text = std::fs::read_to_string(&description)
        .with_context(|| format!("{}: cannot be read", description.display()))?;
    let rows: Rows = serde_json::from_str(&text).with_context(|| {
        format!(
            "{}: is not what `embed` writes; make it again",
            description.display()
        )
    })?;
    let expected = [rows.proteins.len(), rows.width];
    ensure!(
        array.shape() == expected,
        "{}: is an array of {:?}, expected {expected:?} as {} says; make both again with `embed`",
        path.display(),
        array.shape(),
        description.display()
    );
    Ok((array, rows))
}

/// The vectors of these proteins, wherever in the file they are; `file` is where the proteins were read from, one per line.
pub(crate) fn read(path: &Path, proteins: &[Seq<Protein>], file: &Path) -> Result<Embeddings> {
    let (array, rows) = open(path)?;
    let places: HashMap<&str, usize> = rows.proteins.iter().map(String::as_str).zip(0..).collect();
    let mut wanted = Vec::with_capacity(proteins.len());
    for (line, protein) in (1..).zip(proteins) {
        let place = places.get(protein.to_string().as_str());
        let place = place.with_context(|| {
            format!(
                "{}: has no vector of the protein in line {line} of {}; run `embed` on that file",
                path.display(),
                file.display()
            )
        })?;
        wanted.push(*place);
    }
    let mut values = vec![0.0; wanted.len() * rows.width];
    array.read(&wanted, &mut values)?;
    if let Some(place) = values.iter().position(|value| !value.is_finite()) {
        bail!(
            "{}: row {} holds {}; make it again with `embed`",
            path.display(),
            wanted[place / rows.width] + 1,
            values[place]
        );
    }
    Ok(Embeddings {
        vectors: Array2::from_shape_vec((wanted.len(), rows.width), values)?,
        weights: rows.weights,
    })
}

/// Refuses vectors that were made with other weights than those of the training.
pub(crate) fn same_weights(path: &Path, expected: &str, found: &str) -> Result<()> {
    let short = |hash: &str| hash.chars().take(12).collect::<String>();
    ensure!(
        expected == found,
        "{}: was made with weights {}..., expected {}... as in training; run `embed` with the same weights",
        path.display(),
        short(found),
        short(expected)
    );
    Ok(())
}

/// Writes an array and its description, whole; the description last.
pub(crate) fn write(path: &Path, rows: &Rows, values: &[f32]) -> Result<()> {
    let array = ndarray::ArrayView2::from_shape((rows.proteins.len(), rows.width), values)?;
    let mut bytes = Vec::with_capacity(values.len() * 4 + 128);
    array.write_npy(&mut bytes)?;
    let (folder, name) = place(path)?;
    folder.write(&name, &bytes)?;
    folder.write(&format!("{name}.json"), &serde_json::to_vec_pretty(rows)?)?;
    Ok(())
}

/// The folder of a file, made if missing, and its name there.
pub(crate) fn place(path: &Path) -> Result<(RunDir, String)> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .with_context(|| format!("{}: is no name of a file", path.display()))?;
    ensure!(
        !path.is_dir(),
        "{}: is a folder, expected the name of a file",
        path.display()
    );
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    Ok((RunDir::create(folder)?, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protein_finds_its_row_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.npy");
        let rows = Rows {
            weights: "ab".to_owned(),
            width: 2,
            proteins: vec!["MK".to_owned(), "AR".to_owned(), "W".to_owned()],
        };
        write(&path, &rows, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!(open(&path).unwrap().1, rows);
        let proteins: Vec<Seq<Protein>> = vec!["W".parse().unwrap(), "MK".parse().unwrap()];
        let file = Path::new("rbps.txt");
        let found = read(&path, &proteins, file).unwrap();
        assert_eq!(found.vectors, ndarray::array![[5.0, 6.0], [1.0, 2.0]]);
        let other: Vec<Seq<Protein>> = vec!["W".parse().unwrap(), "MKK".parse().unwrap()];
        let error = read(&path, &other, file).unwrap_err().to_string();
        assert!(error.contains("line 2 of rbps.txt"), "{error}");
        assert!(same_weights(&path, "ab", &found.weights).is_ok());
        assert!(same_weights(&path, "cd", &found.weights).is_err());

        write(&path, &rows, &[1.0, f32::NAN, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let error = read(&path, &proteins, file).unwrap_err().to_string();
        assert!(error.contains("row 1 holds NaN"), "{error}");
        let fewer = Rows { width: 1, ..rows };
        std::fs::write(beside(&path), serde_json::to_vec(&fewer).unwrap()).unwrap();
        let error = read(&path, &proteins, file).unwrap_err().to_string();
        assert!(error.contains("[3, 2]") && error.contains("[3, 1]"), "{error}");
    }
}
