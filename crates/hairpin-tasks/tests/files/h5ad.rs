//! Perturbation out of AnnData's HDF5, as `fixtures/make/golden_h5ad.py` wrote it, whole and damaged.

use std::fs;
use std::path::{Path, PathBuf};

use hairpin_tasks::TaskError;
use hairpin_tasks::perturbation::{self, Train};
use ndarray::Array2;
use proptest::prelude::*;

use crate::support::chain;

const NAMES: [&str; 3] = ["dense", "csr", "layer"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!(
        "../../fixtures/golden/hairpin-tasks/perturbation_{name}.h5ad"
    ))
}

fn train(content: &[u8]) -> Result<Train, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    fs::write(&path, content).unwrap();
    let start = format!("{}/", folder.path().display());
    perturbation::read_train(&path).map_err(|error| chain(&error).replace(&start, ""))
}

/// Puts `new` for every `old`, which is as long.
fn replaced(content: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut content = content.to_vec();
    let places: Vec<usize> = (0..content.len() - old.len())
        .filter(|&at| content[at..].starts_with(old))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        content[at..at + new.len()].copy_from_slice(new);
    }
    content
}

#[test]
fn every_way_of_storing_gives_the_same_table() {
    // The value of pair i and gene j, as the script says.
    let value = |(i, j): (usize, usize)| match (i + j) % 2 {
        _ if (i, j) == (1, 1) => f32::NAN,
        0 => 2.0 * i as f32 - 3.0 * j as f32 + 0.25,
        _ => 0.0,
    };
    let expected = Array2::from_shape_fn((6, 4), value);
    for name in NAMES {
        let train = perturbation::read_train(&golden(name)).unwrap();
        let cells = [
            "NK cells", "NK cells", "T cells", "T cells", "B cells", "B cells",
        ];
        assert_eq!(train.cell_types, cells, "{name}");
        assert_eq!(train.compounds, ["Aspirin", "Caffeine"].repeat(3), "{name}");
        assert_eq!(
            train.targets.names(),
            ["A1BG", "A1BG-AS1", "A2M", "Ärm"],
            "{name}"
        );
        let found = train.targets.to_nan();
        let same = |(a, b): (&f32, &f32)| a == b || (a.is_nan() && b.is_nan());
        assert!(found.iter().zip(&expected).all(same), "{name}: {found}");
        let smiles = train.smiles.unwrap();
        let empty: Vec<usize> = (0..6).filter(|&row| smiles[row].is_empty()).collect();
        let missing: &[usize] = match name {
            "dense" => &[],
            "csr" => &[2],
            _ => &[5],
        };
        assert_eq!(empty, missing, "{name}");
        assert_eq!(smiles[1], "CN1C=NC2=C1C(=O)N(C)C(=O)N2C", "{name}");
        let control = (name == "csr").then(|| [false, true].repeat(3));
        assert_eq!(train.control, control, "{name}");
        assert_eq!(train.lincs_ids, None, "{name}");
    }
}

#[test]
fn what_is_missing_or_of_another_kind_is_named() {
    let read = |name| fs::read(golden(name)).unwrap();
    let (dense, csr, layer) = (read("dense"), read("csr"), read("layer"));
    let refusal = |content: &[u8], old: &str, new: &str| {
        train(&replaced(content, old.as_bytes(), new.as_bytes())).unwrap_err()
    };
    assert!(
        refusal(&dense, "cell_type", "cell-type")
            .starts_with("t: no column `cell_type`; the header has"),
    );
    assert!(refusal(&csr, "csr_matrix", "csc_matrix").starts_with(
        "t, column `X`: an encoding `csc_matrix`, expected a dense matrix or a csr_matrix; write it again with anndata 0.8 or later"
    ));
    assert!(
        refusal(&layer, "clipped_sign_log10_pval", "another_sign_log10_pval").starts_with(
            "t: no matrix, expected `X`, or a layer `clipped_sign_log10_pval`; set adata.X"
        )
    );
    assert!(
        refusal(&layer, "T cells", "B cells")
            .starts_with("t, row 4 (from 0): the pair `B cells`, `Aspirin` is also in row 2")
    );
    // The last value, 10 - 6 + 0.25.
    let infinite = replaced(
        &layer,
        &4.25_f64.to_ne_bytes(),
        &f64::NEG_INFINITY.to_ne_bytes(),
    );
    let refused = train(&infinite).unwrap_err();
    assert!(
        refused.starts_with("t, row ") && refused.contains("-inf, expected a finite number"),
        "{refused}"
    );
}

#[test]
fn a_sparse_matrix_must_fit() {
    let csr = fs::read(golden("csr")).unwrap();
    let integers =
        |values: &[i32]| -> Vec<u8> { values.iter().flat_map(|own| own.to_le_bytes()).collect() };
    // Two of six rows' columns, 0 2 and 1 3, of the twelve values.
    let (old, starts) = (integers(&[0, 2, 1, 3]), integers(&[0, 2, 4, 6]));
    for (new, part) in [
        (integers(&[0, 4, 1, 3]), "has a value of gene 4 of 4"),
        (integers(&[0, -1, 1, 3]), "has a value of gene"),
        (integers(&[2, 2, 1, 3]), "has two values of gene 2"),
    ] {
        let refused = train(&replaced(&csr, &old, &new)).unwrap_err();
        assert!(refused.starts_with("t, column `X`: row "), "{refused}");
        assert!(
            refused.contains(part) && refused.contains("damaged"),
            "{refused}"
        );
    }
    for new in [integers(&[0, 4, 2, 6]), integers(&[1, 2, 4, 6])] {
        let refused = train(&replaced(&csr, &starts, &new)).unwrap_err();
        assert!(
            refused.starts_with("t, column `X`: the starts of its rows do not fit"),
            "{refused}"
        );
    }
    // The shape, of 64-bit integers: more rows, more columns, more than any file.
    let sizes = |rows: i64, columns: i64| [rows.to_le_bytes(), columns.to_le_bytes()].concat();
    for (new, part) in [
        (sizes(7, 4), "the starts of its rows do not fit"),
        (
            sizes(6, 5),
            "a matrix of 6 x 5, but 6 rows of obs and 4 of var",
        ),
        (sizes(6, 1 << 40), "6 rows of 1099511627776 genes or more"),
        (sizes(6, 40_000_000), "values for each byte"),
        (sizes(-6, 4), "more than the limit"),
    ] {
        let refused = train(&replaced(&csr, &sizes(6, 4), &new)).unwrap_err();
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn a_file_cut_short_is_damaged() {
    for name in NAMES {
        let whole = fs::read(golden(name)).unwrap();
        for length in [9, 100, 1000, whole.len() / 2, whole.len() - 1] {
            let refused = train(&whole[..length]).unwrap_err();
            assert!(refused.starts_with("t"), "{refused}");
            assert!(
                refused.contains("damaged") || refused.contains("expected"),
                "{refused}"
            );
        }
    }
}

#[test]
fn labels_may_be_of_anndata_too() {
    let labels = perturbation::read_labels(&golden("dense")).unwrap();
    assert_eq!((labels.ids, labels.targets.n_rows()), (None, 6));
    let missing = perturbation::read_train(Path::new("de_train.h5ad")).unwrap_err();
    assert!(matches!(missing, TaskError::Missing { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Flips and cuts: reading gives a table or an error that names the file, and does not panic.
    #[test]
    fn damage_is_an_error(
        which in 0_usize..3,
        flips in prop::collection::vec((0.0..1.0, any::<u8>()), 1..40),
        cut in 0.5_f64..2.0,
    ) {
        let mut content = fs::read(golden(NAMES[which])).unwrap();
        for (place, byte) in flips {
            let place: f64 = place;
            let place = (place * content.len() as f64) as usize;
            content[place] = byte;
        }
        content.truncate((cut * content.len() as f64) as usize);
        match train(&content) {
            Ok(train) => prop_assert_eq!(train.cell_types.len(), train.targets.n_rows()),
            Err(error) => prop_assert!(error.starts_with('t'), "{}", error),
        }
    }
}
