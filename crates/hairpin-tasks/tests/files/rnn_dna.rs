//! The DNA class challenge from file to score.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{chain, column, labels, npy, texts};
use hairpin_seq::{Dna, Policy, Seq};
use hairpin_targets::ClassLabels;
use hairpin_targets::metrics::Estimate;
use hairpin_tasks::manifest::Identity;
use hairpin_tasks::rnn_dna::{self, Labelled, MANIFEST, Train};
use proptest::prelude::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/tasks/rnn-dna")
        .join(name)
}

fn lengths(sequences: &[Seq<Dna>]) -> (usize, usize) {
    let lengths: Vec<usize> = sequences.iter().map(Seq::len).collect();
    (
        lengths.len(),
        if lengths.iter().all(|&length| length == lengths[0]) {
            lengths[0]
        } else {
            0
        },
    )
}

#[test]
fn the_simulated_file_is_the_one_in_the_manifest_and_reads() {
    let path = fixture("rnn-dna-simulated.npz");
    assert_eq!(
        MANIFEST.verify(&path).unwrap(),
        Identity::Known(&MANIFEST.files[1])
    );
    let truth = MANIFEST.verify(&fixture("test-labels.npy")).unwrap();
    assert_eq!(truth, Identity::Known(&MANIFEST.files[2]));

    let task = rnn_dna::read_train(&path, Policy::default()).unwrap();
    assert_eq!(lengths(&task.train.sequences), (400, 400));
    assert_eq!(lengths(&task.valid.sequences), (100, 1_200));
    assert_eq!(task.train.labels.counts(), [80; 5]);
    assert_eq!(task.valid.labels.counts(), [20; 5]);
    let test = rnn_dna::read_test(&path, Policy::default()).unwrap();
    assert_eq!(lengths(&test), (100, 2_000));
}

#[test]
fn the_real_file_has_the_shapes_of_the_challenge() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/rnn-dna/rnn-challenge-data.npz");
    if !path.exists() {
        println!("skipped: no ../shared");
        return;
    }
    assert_eq!(
        MANIFEST.verify(&path).unwrap(),
        Identity::Known(&MANIFEST.files[0])
    );
    let task = rnn_dna::read_train(&path, Policy::default()).unwrap();
    assert_eq!(lengths(&task.train.sequences), (400, 400));
    assert_eq!(lengths(&task.valid.sequences), (100, 1_200));
    assert_eq!(task.train.labels.counts(), [80; 5]);
    assert_eq!(task.valid.labels.counts(), [20; 5]);
    let test = rnn_dna::read_test(&path, Policy::default()).unwrap();
    assert_eq!(lengths(&test), (250, 2_000));
}

fn part(max: usize) -> impl Strategy<Value = Vec<(Seq<Dna>, usize)>> {
    let sequence =
        prop::collection::vec(0u8..4, 1..12).prop_map(|codes| Seq::from_codes(codes).unwrap());
    prop::collection::vec((sequence, 0usize..5), 1..max)
}

fn labelled(rows: Vec<(Seq<Dna>, usize)>) -> Labelled {
    let (sequences, classes) = rows.into_iter().unzip();
    Labelled {
        sequences,
        labels: ClassLabels::new(classes, 5).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn data_that_are_written_are_read(train in part(6), valid in part(4), test in part(4)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.npz");
        let task = Train { train: labelled(train), valid: labelled(valid) };
        let test = labelled(test).sequences;
        rnn_dna::write_data(&path, &task, &test).unwrap();
        prop_assert_eq!(rnn_dna::read_train(&path, Policy::default()).unwrap(), task);
        prop_assert_eq!(rnn_dna::read_test(&path, Policy::default()).unwrap(), test);
    }

    #[test]
    fn the_score_of_a_submission_is_the_share_of_equal_rows(rows in prop::collection::vec((0usize..5, 0usize..5), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let (submission, truth) = (folder.path().join("prediction.npy"), folder.path().join("truth.npy"));
        let (predicted, true_labels): (Vec<usize>, Vec<usize>) = rows.iter().copied().unzip();
        rnn_dna::write_submission(&submission, &predicted).unwrap();
        rnn_dna::write_submission(&truth, &true_labels).unwrap();
        let score = rnn_dna::score(&submission, &truth).unwrap();
        let equal = rows.iter().filter(|(a, b)| a == b).count();
        let Estimate { value, low, high, .. } = score.accuracy;
        prop_assert_eq!(value, equal as f64 / rows.len() as f64);
        prop_assert!(low <= value && value <= high);
        prop_assert_eq!(score.confusion.counts().diag().sum(), equal);
        prop_assert_eq!(score.confusion.counts().sum(), rows.len());
    }
}

#[test]
fn a_submission_is_one_dimension_of_int64_as_numpy_loads_it() {
    // numpy.save writes the same 152 bytes but for `, }` at the dictionary's end; numpy.load takes both.
    let header = format!(
        "{:<117}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (3,)}"
    );
    let data = labels(&[3, 0, 4]).split_off(labels(&[]).len());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(rnn_dna::SUBMISSION);
    rnn_dna::write_submission(&path, &[3, 0, 4]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), npy(&header, &data));
}

#[test]
fn an_earlier_good_submission_survives_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(rnn_dna::SUBMISSION);
    rnn_dna::write_submission(&path, &[1, 2]).unwrap();
    let good = fs::read(&path).unwrap();

    let error = rnn_dna::write_submission(&path, &[1, 7]).unwrap_err();
    assert!(
        chain(&error).contains("prediction.npy, row 1 (from 0): label 7 is not a class"),
        "{error}"
    );
    let error = rnn_dna::write_submission(&path, &[]).unwrap_err();
    assert!(
        chain(&error).ends_with("prediction.npy: no rows; at least one is needed"),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), good);

    let truth = ClassLabels::new(vec![0], 5).unwrap();
    let part = Labelled {
        sequences: vec!["ACGT".parse().unwrap()],
        labels: truth,
    };
    let mut task = Train {
        train: part.clone(),
        valid: part,
    };
    let test = task.train.sequences.clone();
    task.valid.sequences.clear();
    assert!(rnn_dna::write_data(&path, &task, &test).is_err());
    assert_eq!(fs::read(&path).unwrap(), good);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file stays behind");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    for path in [
        folder.path().join("nowhere/prediction.npy"),
        file.join("prediction.npy"),
        taken,
    ] {
        let error = chain(&rnn_dna::write_submission(&path, &[1]).unwrap_err());
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        assert!(
            error.contains(
                "cannot be written, an earlier file is unchanged; check that the folder exists"
            ),
            "{error}"
        );
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "in the way");
}

#[test]
fn own_data_that_do_not_fit_are_refused_with_the_array() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.npz");
    let good = Labelled {
        sequences: vec!["ACGT".parse().unwrap()],
        labels: ClassLabels::new(vec![4], 5).unwrap(),
    };
    let refusal = |train: &Labelled, test: &[Seq<Dna>]| {
        let task = Train {
            train: train.clone(),
            valid: good.clone(),
        };
        chain(&rnn_dna::write_data(&path, &task, test).unwrap_err())
    };
    let test = &good.sequences;
    let two = Labelled {
        sequences: [&test[..], &test[..]].concat(),
        ..good.clone()
    };
    assert!(refusal(&two, test).contains("array `data_x` has 2 rows, but"));
    let empty = Labelled {
        sequences: vec!["".parse().unwrap()],
        ..good.clone()
    };
    assert!(refusal(&empty, test).contains("array `data_x`, row 0 (from 0): the string is empty"));
    let six = Labelled {
        labels: ClassLabels::new(vec![5], 6).unwrap(),
        ..good.clone()
    };
    assert!(refusal(&six, test).contains("array `data_y`, row 0 (from 0): label 5 is not a class"));
    assert!(refusal(&good, &[]).contains("array `test_x`: no rows"));
    assert!(!path.exists());
}

#[test]
fn a_submission_that_cannot_be_scored_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prediction.npy");
    let truth = fixture("test-labels.npy");
    let says = |content: &[u8], parts: &[&str]| {
        fs::write(&path, content).unwrap();
        let error = chain(&rnn_dna::score(&path, &truth).unwrap_err());
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    };
    says(b"", &["the file is empty (0 bytes)"]);
    says(
        &labels(&[1, 2]),
        &[
            " has 2 rows, but ",
            "test-labels.npy has 100; both need one row per sequence",
        ],
    );
    says(
        &labels(&[1, 9]),
        &["row 1 (from 0): label 9 is not a class; allowed are 0..=4"],
    );
    says(
        &column("<f4", 2, &[0; 8]),
        &["dtype is `<f4`, expected `<i8` (int64)", ".astype('int64')"],
    );
    says(
        &texts(&["0", "1"]),
        &["dtype is `<U1`, expected `<i8` (int64)"],
    );
    says(
        &labels(&[1, 2])[..70],
        &["announces 16 bytes of data, the file holds"],
    );
    says(
        &labels(&[1, 2])[..30],
        &["the array's header is cut short", "copy or make it again"],
    );
    says(
        b"0\n1\n",
        &[
            "not an npy file: it does not start as NumPy's files do",
            "numpy.save",
        ],
    );
    says(
        &fs::read(fixture("rnn-dna-simulated.npz")).unwrap(),
        &["it is a zip, probably an npz", "numpy.save"],
    );

    fs::remove_file(&path).unwrap();
    let error = rnn_dna::score(&path, &truth).unwrap_err().to_string();
    assert!(
        error.contains("no such file; write it with rnn_dna::write_submission"),
        "{error}"
    );
}

#[test]
fn the_truth_scores_one_and_a_rotation_of_it_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prediction.npy");
    let truth = fixture("test-labels.npy");
    assert_eq!(rnn_dna::score(&truth, &truth).unwrap().accuracy.value, 1.0);

    let content = fs::read(&truth).unwrap();
    let wrong: Vec<usize> = content[128..]
        .chunks(8)
        .map(|bytes| (usize::from(bytes[0]) + 1) % 5)
        .collect();
    rnn_dna::write_submission(&path, &wrong).unwrap();
    let score = rnn_dna::score(&path, &truth).unwrap();
    assert_eq!(score.accuracy.value, 0.0);
    assert_eq!(score.confusion.counts()[[4, 0]], 20);
}
