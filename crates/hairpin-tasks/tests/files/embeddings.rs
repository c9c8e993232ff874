//! Vectors of sequences, with the width, ids and weights they must have.

use std::fs;
use std::path::{Path, PathBuf};

use hairpin_tasks::TaskError;
use hairpin_tasks::embeddings::{Embeddings, ResidueEmbeddings};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn ids(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn good() -> Embeddings {
    let vectors = array![[0.5, 1.0, -1.0], [0.25, 0.0, 2.0]];
    Embeddings::new(ids(&["a", "b"]), vectors, "ESM-2 8M", "abc123").unwrap()
}

fn written() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proteins.npy");
    good().write(&path).unwrap();
    (folder, path)
}

fn json(path: &Path) -> PathBuf {
    path.with_extension("npy.json")
}

#[test]
fn vectors_are_written_with_what_they_belong_to_and_read_again() {
    let (_folder, path) = written();
    let read = Embeddings::read(&path).unwrap();
    assert_eq!(read, good());
    assert_eq!((read.model(), read.weights()), ("ESM-2 8M", "abc123"));
    assert_eq!(read.ids(), ["a", "b"]);
    let rows = read.rows(&path, &ids(&["b", "a", "b"])).unwrap();
    assert_eq!(
        rows,
        array![[0.25, 0.0, 2.0], [0.5, 1.0, -1.0], [0.25, 0.0, 2.0]]
    );
    // As numpy.save writes it, which any NumPy reads.
    let start = fs::read(&path).unwrap();
    assert!(start.starts_with(b"\x93NUMPY\x01\x00"));
}

#[test]
fn another_width_other_weights_and_other_ids_are_refused() {
    let (_folder, path) = written();
    let read = Embeddings::read(&path).unwrap();
    read.check(&path, 3, "abc123").unwrap();
    let error = read.check(&path, 1280, "abc123").unwrap_err().to_string();
    let expected = "proteins.npy: vectors of 3 numbers, expected 1280, as the model was trained with; \
                    embed the proteins again with the model's own language model";
    assert!(error.ends_with(expected), "{error}");
    let error = read.check(&path, 3, "def").unwrap_err().to_string();
    assert!(
        error.contains("weights abc123 of ESM-2 8M, expected weights def"),
        "{error}"
    );
    let error = read.rows(&path, &ids(&["a", "c"])).unwrap_err().to_string();
    assert!(
        error.contains("proteins.npy: no vector of `c`, sequence 2 of those asked for"),
        "{error}"
    );
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let refusal = |path: &Path| Embeddings::read(path).unwrap_err().to_string();
    let (_folder, path) = written();
    let text = fs::read_to_string(json(&path)).unwrap();
    for (old, new, part) in [
        (
            "\"width\": 3",
            "\"width\": 4",
            "2 ids and width 4, expected 2 and 3",
        ),
        ("\"b\"", "\"b\", \"c\"", "3 ids and width 3"),
        ("\"b\"", "\"a\"", "the id `a` in rows 0 and 1"),
        ("\"width\"", "\"breadth\"", "unknown field `breadth`"),
        ("{", "", "proteins.npy.json, line 2"),
    ] {
        assert!(text.contains(old));
        fs::write(json(&path), text.replacen(old, new, 1)).unwrap();
        let error = refusal(&path);
        assert!(error.contains(part), "{error}");
    }
    fs::write(json(&path), &text).unwrap();
    let other = Embeddings::new(ids(&["a", "b"]), Array2::ones((2, 3)), "", "").unwrap();
    let elsewhere = path.with_file_name("other.npy");
    other.write(&elsewhere).unwrap();
    fs::copy(&elsewhere, &path).unwrap();
    let error = refusal(&path);
    assert!(
        error.contains("of the npy, expected ") && error.contains("from one run"),
        "{error}"
    );
    fs::remove_file(json(&path)).unwrap();
    assert!(matches!(
        Embeddings::read(&path),
        Err(TaskError::Missing { .. })
    ));
    fs::remove_file(&path).unwrap();
    assert!(
        refusal(&path)
            .contains("proteins.npy: no such file; write embeddings with hairpin's `embed`")
    );
}

#[test]
fn an_array_of_another_kind_is_refused() {
    use crate::support::{column, npy};
    let (_folder, path) = written();
    let header = |dtype: &str, shape: &str| {
        format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}")
    };
    for (content, part) in [
        (
            column("<f4", 2, &[0; 8]),
            "shape (2), expected two dimensions",
        ),
        (
            npy(&header("<f8", "(1, 1)"), &[0; 8]),
            "dtype is `<f8`, expected `<f4` (float32)",
        ),
        (
            npy(&header("<f4", "(2, 3)"), &[0; 20]),
            "announces 24 bytes of data, the file holds 20",
        ),
        (
            npy(
                &header("<f4", "(9999999999999999999, 9999999999999999999)"),
                &[],
            ),
            "the file holds 0",
        ),
        (npy(&header("<f4", "(0, 3)"), &[]), "no rows"),
        (npy(&header("<f4", "(3, 0)"), &[]), "no rows"),
        (b"PK".to_vec(), "it is a zip, probably an npz"),
    ] {
        fs::write(&path, content).unwrap();
        let error = Embeddings::read(&path).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_is_no_embedding_is_not_made() {
    let new = |names: &[&str], vectors| {
        Embeddings::new(ids(names), vectors, "", "")
            .unwrap_err()
            .to_string()
    };
    assert!(new(&["a"], Array2::zeros((2, 1))).contains("1 ids of 2 vectors"));
    assert!(new(&["a", "a"], Array2::zeros((2, 1))).contains("the id `a` in rows 0 and 1"));
    assert!(new(&["a"], array![[0.0, f32::NAN]]).contains("NaN in row 0, column 1"));
    assert!(new(&[], Array2::zeros((0, 1))).contains("no rows"));
}

fn of_residues() -> ResidueEmbeddings {
    let vectors = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
    ResidueEmbeddings::new(ids(&["a", "b"]), vec![1, 2], vectors, "ESM-2 8M", "abc123").unwrap()
}

#[test]
fn vectors_of_residues_come_back_sequence_by_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proteins.npy");
    of_residues().write(&path).unwrap();
    let read = ResidueEmbeddings::read(&path).unwrap();
    assert_eq!(read, of_residues());
    assert_eq!((read.model(), read.weights()), ("ESM-2 8M", "abc123"));
    let all: Vec<_> = read.iter().map(|(id, own)| (id, own.nrows())).collect();
    assert_eq!(all, [("a", 1), ("b", 2)]);
    let asked = |id: &str, residues| read.of(&path, &[(id.to_owned(), residues)]);
    assert_eq!(asked("b", 2).unwrap(), [array![[3.0, 4.0], [5.0, 6.0]]]);
    let error = asked("b", 3).unwrap_err().to_string();
    let expected = "proteins.npy: 2 vectors of `b`, expected 3, one for each residue of sequence 1";
    assert!(error.contains(expected), "{error}");
    let error = asked("c", 3).unwrap_err().to_string();
    assert!(error.contains("no vector of `c`"), "{error}");
    read.check(&path, 2, "abc123").unwrap();
    assert!(read.check(&path, 3, "abc123").is_err());
    assert!(read.check(&path, 2, "def").is_err());
}

#[test]
fn vectors_of_residues_and_of_sequences_are_not_mixed_up() {
    let (_folder, path) = written();
    let error = ResidueEmbeddings::read(&path).unwrap_err().to_string();
    assert!(error.contains("embed with `--per-residue`"), "{error}");
    of_residues().write(&path).unwrap();
    let error = Embeddings::read(&path).unwrap_err().to_string();
    assert!(error.contains("embed without `--per-residue`"), "{error}");
    let text = fs::read_to_string(json(&path)).unwrap();
    let of_b = "1,\n    2\n";
    for (new, part) in [
        ("1,\n    3\n", "4 residues and width 2, expected 3 and 2"),
        ("3\n", "residues of 1 ids, expected 2"),
        ("3,\n    0\n", "no residue of `b`"),
        ("1,\n    18446744073709551615\n", "too many residues"),
        ("1,\n    -2\n", "invalid value"),
    ] {
        assert!(text.contains(of_b), "{text}");
        fs::write(json(&path), text.replace(of_b, new)).unwrap();
        let error = ResidueEmbeddings::read(&path).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_is_no_embedding_of_residues_is_not_made() {
    let new = |names: &[&str], residues: &[usize], vectors| {
        ResidueEmbeddings::new(ids(names), residues.to_vec(), vectors, "", "")
            .unwrap_err()
            .to_string()
    };
    let two = Array2::zeros((2, 1));
    assert!(new(&["a"], &[1], two.clone()).contains("1 sequences of 1 residues, 2 vectors"));
    assert!(new(&["a", "b"], &[2], two.clone()).contains("2 ids and 1 sequences"));
    assert!(new(&["a", "b"], &[2, usize::MAX], two.clone()).contains("residues, 2 vectors"));
    assert!(new(&["a", "a"], &[1, 1], two).contains("the id `a` in rows 0 and 1"));
    assert!(new(&["a"], &[1], array![[f32::INFINITY]]).contains("inf in row 0"));
    assert!(new(&[], &[], Array2::zeros((0, 1))).contains("no rows"));
}

proptest! {
    #[test]
    fn every_bit_comes_back((rows, values) in (1usize..5).prop_flat_map(|rows| (Just(rows), prop::collection::vec(prop::num::f32::NORMAL, rows * 3)))) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        let vectors = Array2::from_shape_vec((rows, 3), values).unwrap();
        let names: Vec<String> = (0..rows).map(|row| format!("\"{row}\"\n")).collect();
        let embeddings = Embeddings::new(names, vectors, "m", "w").unwrap();
        embeddings.write(&path).unwrap();
        prop_assert_eq!(Embeddings::read(&path).unwrap(), embeddings);
    }
}
