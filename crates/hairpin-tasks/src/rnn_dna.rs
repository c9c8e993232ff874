//! The DNA class challenge: strings over A, C, G, T, each of one of five classes.
//!
//! One npz in, one npy out. `n`, `m` and `t` are any numbers of rows, the strings of an array may differ in length:
//!
//! | array | shape, dtype | in the challenge's file | what |
//! |---|---|---|---|
//! | `data_x` | `(n,)`, `<U400` | 400 strings of 400 nt | strings to train on |
//! | `data_y` | `(n,)`, int64 | 80 of each class | their classes, 0 to 4 |
//! | `val_x` | `(m,)`, `<U1200` | 100 strings of 1,200 nt | strings to validate on |
//! | `val_y` | `(m,)`, int64 | 20 of each class | their classes |
//! | `test_x` | `(t,)`, `<U2000` | 250 strings of 2,000 nt | strings to label |
//!
//! The answer is [`prediction.npy`](SUBMISSION): `(t,)` int64, row `i` being the class of `test_x[i]`. The score is accuracy.
//!
//! ```
//! use hairpin_seq::Policy;
//! use hairpin_tasks::rnn_dna;
//!
//! # let fixtures = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tasks/rnn-dna"));
//! # let folder = tempfile::tempdir()?;
//! let file = fixtures.join("rnn-dna-simulated.npz");
//! let task = rnn_dna::read_train(&file, Policy::default())?;
//! assert_eq!(task.train.labels.counts(), [80; rnn_dna::N_CLASSES]);
//! let test = rnn_dna::read_test(&file, Policy::default())?;
//!
//! let always_two = vec![2; test.len()]; // a model would be better
//! let submission = folder.path().join(rnn_dna::SUBMISSION);
//! rnn_dna::write_submission(&submission, &always_two)?;
//! let score = rnn_dna::score(&submission, &fixtures.join("test-labels.npy"))?;
//! assert_eq!(format!("{:.2}", score.accuracy), "0.20 (95 % interval 0.13 to 0.29)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::Path;

use hairpin_seq::{Dna, Policy, Seq};
use hairpin_targets::ClassLabels;
use hairpin_targets::metrics::{Confusion, Estimate, accuracy};
use ndarray::aview1;
use ndarray_npy::WriteNpyExt;

use crate::manifest::{ExpectedFile, Manifest};
use crate::npz::{self, Npz};
use crate::ucs4::{Text, TextColumn};
use crate::{Place, TaskError, file, npy};

/// The number of classes; labels are 0 to 4.
pub const N_CLASSES: usize = 5;

/// The submission's official name.
pub const SUBMISSION: &str = "prediction.npy";

/// The confidence level of [`Score::accuracy`]'s interval.
const LEVEL: f64 = 0.95;

/// The challenge's file and the simulated one of the same format.
pub const MANIFEST: Manifest = Manifest {
    task: "rnn_dna",
    files: &[
        ExpectedFile {
            name: "rnn-challenge-data.npz",
            bytes: 3_124_898,
            sha256: "84fade2fee946ebfccb89c6f47c46391b3ddc9ce75eaaf3c77535d81455ae638",
            origin: "a university course's material without a licence, to be had from the course only",
        },
        ExpectedFile {
            name: "rnn-dna-simulated.npz",
            bytes: 179_749,
            sha256: "8a409656094647602d4c3f582b9f4c0c20f8e4a217f939358c95f709fda5dde1",
            origin: "simulated, in the repository's fixtures/tasks/rnn-dna",
        },
        ExpectedFile {
            name: "test-labels.npy",
            bytes: 928,
            sha256: "495857ab3d1e876e9c5ab04468c48a2d0c5241fe613accf4d86542e42b33a5ca",
            origin: "the truth of the simulated file's test strings, beside it",
        },
    ],
};

/// Strings and their classes, one label per sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The strings, in the file's order.
    pub sequences: Vec<Seq<Dna>>,
    /// Their classes, out of [`N_CLASSES`].
    pub labels: ClassLabels,
}

/// Everything with a label: the parts to train and to validate on, split as the challenge split them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Train {
    /// `data_x` and `data_y`.
    pub train: Labelled,
    /// `val_x` and `val_y`.
    pub valid: Labelled,
}

/// What a submission reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The share of strings labelled right, 0 to 1, with Wilson's 95 % interval.
    pub accuracy: Estimate,
    /// Which class was taken for which.
    pub confusion: Confusion,
}

/// Reads the labelled strings.
///
/// `policy` says what to do with ambiguity codes such as `N` and with lower case; the default refuses both.
///
/// # Errors
///
/// If the file is missing (the error says where to get it), is no npz, is damaged, lacks an array, has one of another dtype or
/// rank, a label outside 0 to 4, an empty string, or a symbol the policy refuses. No file can make it panic, nor allocate
/// more than a small multiple of a gibibyte.
pub fn read_train(path: &Path, policy: Policy) -> Result<Train, TaskError> {
    let mut npz = open(path)?;
    Ok(Train {
        train: read_labelled(&mut npz, "data_x", "data_y", policy)?,
        valid: read_labelled(&mut npz, "val_x", "val_y", policy)?,
    })
}

/// Reads the strings to label, in the order the submission must keep.
///
/// # Errors
///
/// As [`read_train`], for the array `test_x`.
pub fn read_test(path: &Path, policy: Policy) -> Result<Vec<Seq<Dna>>, TaskError> {
    read_sequences(&mut open(path)?, "test_x", policy)
}

/// Writes the classes of `test_x` as the official `prediction.npy`: one dimension, int64, as `numpy.load` reads it.
///
/// The file appears under its name when it is whole; until then, and after an error, an earlier one stays as it was.
///
/// # Errors
///
/// If there are no labels, one is not a class, or the file cannot be written.
pub fn write_submission(path: &Path, labels: &[usize]) -> Result<(), TaskError> {
    let content = label_array(labels, &Place::new(path))?;
    let mut npy = Vec::new();
    let encoded = aview1(&content).write_npy(&mut npy);
    encoded.map_err(|error| TaskError::Write {
        path: path.to_owned(),
        source: std::io::Error::other(error),
    })?;
    file::write(path, &npy)
}

/// Writes data of your own in the challenge's format, so that [`read_train`], [`read_test`] and `numpy.load` read them.
///
/// Unknown positions become `N`, which is read again under a policy that keeps it.
///
/// # Errors
///
/// If a part is empty, has an empty string, more or fewer labels than strings or a label that is no class, or if the file cannot
/// be written; an earlier one then stays as it was.
pub fn write_data(path: &Path, task: &Train, test: &[Seq<Dna>]) -> Result<(), TaskError> {
    let place = |array| Place::new(path).array(array);
    let labels = |part: &Labelled, x, y| {
        check_rows(place(x), part.sequences.len(), place(y), part.labels.len())?;
        label_array(part.labels.labels(), &place(y))
    };
    let texts = |sequences: &[Seq<Dna>], x| {
        check_not_empty(sequences.iter().map(Seq::len), &place(x))?;
        Ok::<Vec<String>, TaskError>(sequences.iter().map(Seq::to_string).collect())
    };
    let data_x = texts(&task.train.sequences, "data_x")?;
    let data_y = labels(&task.train, "data_x", "data_y")?;
    let val_x = texts(&task.valid.sequences, "val_x")?;
    let val_y = labels(&task.valid, "val_x", "val_y")?;
    let test_x = texts(test, "test_x")?;
    npz::write(path, |npz| {
        npz.add_array("data_x", &TextColumn(&data_x))?;
        npz.add_array("data_y", &aview1(&data_y))?;
        npz.add_array("val_x", &TextColumn(&val_x))?;
        npz.add_array("val_y", &aview1(&val_y))?;
        npz.add_array("test_x", &TextColumn(&test_x))
    })
}

/// Reads true labels, an `.npy` file of `(n,)` int64, as [`score`] does.
///
/// # Errors
///
/// When the file cannot be read, is no such array, or holds a label outside `0..N_CLASSES`.
pub fn read_labels(path: &Path) -> Result<ClassLabels, TaskError> {
    read_label_file(path, "give the .npy file of the true labels")
}

/// Compares a submission with the true labels, both `.npy` of one dimension and int64.
///
/// # Errors
///
/// If a file is missing, damaged or of another kind, a label in it is not a class, or their lengths differ.
pub fn score(submission: &Path, labels: &Path) -> Result<Score, TaskError> {
    let predicted = read_label_file(submission, "write it with rnn_dna::write_submission")?;
    let truth = read_labels(labels)?;
    let place = Place::new(labels);
    check_rows(
        Place::new(submission),
        predicted.len(),
        place.clone(),
        truth.len(),
    )?;
    let refused = |source| TaskError::Targets {
        place: place.clone(),
        source: Box::new(source),
    };
    Ok(Score {
        accuracy: accuracy(predicted.labels(), &truth, LEVEL).map_err(refused)?,
        confusion: Confusion::new(predicted.labels(), &truth).map_err(refused)?,
    })
}

fn open(path: &Path) -> Result<Npz, TaskError> {
    Npz::open(path, || MANIFEST.where_to_get())
}

fn read_labelled(
    npz: &mut Npz,
    x: &'static str,
    y: &'static str,
    policy: Policy,
) -> Result<Labelled, TaskError> {
    let labels = classes(npz.column(y)?, &npz.place(y))?;
    let sequences = read_sequences(npz, x, policy)?;
    check_rows(npz.place(x), sequences.len(), npz.place(y), labels.len())?;
    Ok(Labelled { sequences, labels })
}

fn read_sequences(
    npz: &mut Npz,
    array: &'static str,
    policy: Policy,
) -> Result<Vec<Seq<Dna>>, TaskError> {
    let texts: Vec<Text> = npz.column(array)?;
    let place = npz.place(array);
    check_not_empty(texts.iter().map(|text| text.0.len()), &place)?;
    let sequence = |(row, text): (usize, Text)| {
        Seq::parse(&text.0, policy).map_err(|source| TaskError::Sequence {
            place: place.clone(),
            row,
            source: Box::new(source),
        })
    };
    texts.into_iter().enumerate().map(sequence).collect()
}

fn read_label_file(path: &Path, remedy: &str) -> Result<ClassLabels, TaskError> {
    classes(npy::read_file(path, remedy)?, &Place::new(path))
}

/// The file's numbers as classes.
fn classes(values: Vec<i64>, place: &Place) -> Result<ClassLabels, TaskError> {
    let class = |(row, value): (usize, i64)| {
        let class = usize::try_from(value).ok();
        class
            .filter(|&class| class < N_CLASSES)
            .ok_or(TaskError::Label {
                place: place.clone(),
                row,
                value,
                n_classes: N_CLASSES,
            })
    };
    let labels: Result<Vec<usize>, TaskError> = values.into_iter().enumerate().map(class).collect();
    ClassLabels::new(labels?, N_CLASSES).map_err(|source| TaskError::Targets {
        place: place.clone(),
        source: Box::new(source),
    })
}

/// Classes as the file's numbers.
fn label_array(labels: &[usize], place: &Place) -> Result<Vec<i64>, TaskError> {
    let values = labels
        .iter()
        .map(|&label| i64::try_from(label).unwrap_or(i64::MAX));
    let values: Vec<i64> = values.collect();
    if values.is_empty() {
        return Err(TaskError::NoRows {
            place: place.clone(),
        });
    }
    classes(values.clone(), place)?;
    Ok(values)
}

fn check_rows(x: Place, x_rows: usize, y: Place, y_rows: usize) -> Result<(), TaskError> {
    match x_rows == y_rows {
        true => Ok(()),
        false => Err(TaskError::RowCounts {
            first: x,
            first_rows: x_rows,
            second: y,
            second_rows: y_rows,
        }),
    }
}

fn check_not_empty(
    lengths: impl ExactSizeIterator<Item = usize>,
    place: &Place,
) -> Result<(), TaskError> {
    let mut lengths = lengths;
    let place = || place.clone();
    if lengths.len() == 0 {
        return Err(TaskError::NoRows { place: place() });
    }
    match lengths.position(|length| length == 0) {
        Some(row) => Err(TaskError::EmptySequence {
            place: place(),
            row,
        }),
        None => Ok(()),
    }
}
