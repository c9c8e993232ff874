//! Every way a data file can be broken, made in a temporary folder: the error names the file, the place and the remedy.

use std::fs;
use std::path::PathBuf;

use crate::support::{arrays, chain, column, labels, npy, npz, texts, write_with};
use hairpin_seq::{Ambiguous, Case, Policy};
use hairpin_tasks::{TaskError, rnn_dna};
use tempfile::TempDir;

struct Broken {
    _folder: TempDir,
    path: PathBuf,
}

impl Broken {
    /// A file `data.npz` of these bytes.
    fn file(content: &[u8]) -> Self {
        let broken = Self::array("data_x", None);
        fs::write(&broken.path, content).unwrap();
        broken
    }

    /// The valid data set with one array exchanged or taken out.
    fn array(name: &str, content: Option<Vec<u8>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.npz");
        write_with(&path, name, content);
        Self {
            _folder: folder,
            path,
        }
    }

    fn error(&self) -> TaskError {
        rnn_dna::read_train(&self.path, Policy::default()).unwrap_err()
    }

    /// The message names the file and holds each of these, in this order.
    #[track_caller]
    fn says(&self, parts: &[&str]) {
        let text = chain(&self.error());
        let mut rest = text
            .strip_prefix(&self.path.display().to_string())
            .unwrap_or_else(|| panic!("no path: {text}"));
        for part in parts {
            let at = rest
                .find(part)
                .unwrap_or_else(|| panic!("{part:?} is not in {text:?}, or too early"));
            rest = &rest[at + part.len()..];
        }
    }
}

#[test]
fn the_unbroken_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.npz");
    fs::write(&path, npz(&arrays())).unwrap();
    let task = rnn_dna::read_train(&path, Policy::default()).unwrap();
    let strings: Vec<String> = task
        .train
        .sequences
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(strings, ["ACGT", "GGCA", "TTTT"]);
    assert_eq!(task.train.labels.labels(), [0, 4, 2]);
    assert_eq!(task.valid.labels.labels(), [1, 3]);
    assert_eq!(
        rnn_dna::read_test(&path, Policy::default()).unwrap()[1].to_string(),
        "GATTACAGAT"
    );
}

#[test]
fn a_missing_file_says_where_to_get_it() {
    let broken = Broken::file(b"x");
    fs::remove_file(&broken.path).unwrap();
    broken.says(&[
        ": no such file; ",
        "rnn-challenge-data.npz (3124898 bytes): ",
        "course",
        "rnn-dna-simulated.npz",
    ]);
}

#[test]
fn an_empty_file() {
    Broken::file(b"").says(&["the file is empty (0 bytes)", "copy or make it again"]);
}

#[test]
fn a_directory() {
    let broken = Broken::file(b"x");
    fs::remove_file(&broken.path).unwrap();
    fs::create_dir(&broken.path).unwrap();
    broken.says(&[
        "is a directory, expected a file",
        "give the path of the file",
    ]);
}

#[cfg(unix)]
#[test]
fn a_device_is_refused_before_it_is_opened() {
    let broken = Broken::file(b"x");
    fs::remove_file(&broken.path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &broken.path).unwrap();
    broken.says(&["is a pipe or device, expected a file"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let broken = Broken::file(&npz(&arrays()));
    fs::set_permissions(&broken.path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&broken.path).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    broken.says(&[
        "cannot be read",
        "check that you may read the file",
        "ermission denied",
    ]);
}

#[test]
fn not_a_zip() {
    Broken::file(b"data_x,data_y\nACGT,0\n").says(&[
        "not an npz file: it does not start as a zip does",
        "numpy.savez",
    ]);
    Broken::file(&labels(&[1]))
        .says(&["not an npz file: it is a single array (npy)", "numpy.savez"]);
}

#[test]
fn a_truncated_npz() {
    let whole = npz(&arrays());
    for length in [3, whole.len() / 2, whole.len() - 1] {
        Broken::file(&whole[..length]).says(&[
            "the zip's directory at the end of the file is missing",
            "copy or make it again",
        ]);
    }
}

#[test]
fn bytes_flipped_inside_an_array_fail_its_checksum() {
    let mut whole = npz(&arrays());
    let name = whole
        .windows(10)
        .position(|window| window == b"data_x.npy")
        .unwrap();
    whole[name + 40] ^= 0x10;
    Broken::file(&whole).says(&[", array `data_x`: ", "copy or make it again"]);
}

#[test]
fn a_missing_array_lists_those_there_are() {
    Broken::array("val_y", None).says(&[
        ": no array `val_y`; the file has `data_x`, `data_y`, `test_x`, `val_x`;",
        "numpy.savez",
    ]);
    Broken::file(&npz(&[])).says(&["the file has no arrays at all"]);
}

#[test]
fn a_wrong_dtype_says_found_expected_and_how_to_convert() {
    let doubles = column("<f8", 3, &[0; 24]);
    Broken::array("data_y", Some(doubles)).says(&[
        ", array `data_y`: dtype is `<f8`, expected `<i8` (int64)",
        ".astype('int64')",
    ]);
    let bytes = column("|S4", 3, b"ACGTGGCATTTT");
    Broken::array("data_x", Some(bytes)).says(&[
        ", array `data_x`: dtype is `|S4`, expected `<Un`",
        ".astype('U')",
    ]);
    // An object array is a pickle, which runs code when Python loads it: here it is only a wrong dtype.
    let objects = column("|O", 3, b"\x80\x03cos\nsystem\n");
    Broken::array("data_x", Some(objects))
        .says(&[", array `data_x`: dtype is `|O`, expected `<Un`"]);
    let structured = npy(
        "{'descr': [('x', '<i8')], 'fortran_order': False, 'shape': (3,), }",
        &[0; 24],
    );
    Broken::array("data_y", Some(structured)).says(&[
        ", array `data_y`: ",
        "not a dictionary of `descr` (a plain dtype)",
    ]);
}

#[test]
fn a_wrong_rank_says_the_shape() {
    let matrix = npy(
        "{'descr': '<i8', 'fortran_order': False, 'shape': (3, 1), }",
        &[0; 24],
    );
    Broken::array("data_y", Some(matrix)).says(&[
        ", array `data_y`: shape is (3, 1), expected one dimension",
        ".ravel()",
    ]);
    let scalar = npy(
        "{'descr': '<U4', 'fortran_order': False, 'shape': (), }",
        &[0; 16],
    );
    Broken::array("data_x", Some(scalar))
        .says(&[", array `data_x`: shape is (), expected one dimension"]);
}

#[test]
fn fortran_order_means_nothing_in_one_dimension() {
    let data: Vec<u8> = [3i64, 1, 4]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let fortran = npy(
        "{'descr': '<i8', 'fortran_order': True, 'shape': (3,), }",
        &data,
    );
    let broken = Broken::array("data_y", Some(fortran));
    let task = rnn_dna::read_train(&broken.path, Policy::default()).unwrap();
    assert_eq!(task.train.labels.labels(), [3, 1, 4]);
}

#[test]
fn big_endian_is_read_too() {
    let text: Vec<u8> = "ACGTGGCATTTT"
        .chars()
        .flat_map(|c| u32::from(c).to_be_bytes())
        .collect();
    let broken = Broken::array("data_x", Some(column(">U4", 3, &text)));
    let task = rnn_dna::read_train(&broken.path, Policy::default()).unwrap();
    assert_eq!(task.train.sequences[1].to_string(), "GGCA");
    let data: Vec<u8> = [3i64, 1, 4]
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect();
    let broken = Broken::array("data_y", Some(column(">i8", 3, &data)));
    let task = rnn_dna::read_train(&broken.path, Policy::default()).unwrap();
    assert_eq!(task.train.labels.labels(), [3, 1, 4]);
    // The same bytes under the other order are no characters at all.
    Broken::array("data_x", Some(column("<U4", 3, &text))).says(&[
        ", array `data_x`, row 0 (from 0), position 1: 0x41000000 is not a Unicode character",
        "byte order",
    ]);
}

#[test]
fn labels_and_strings_of_different_lengths() {
    Broken::array("data_y", Some(labels(&[0, 1]))).says(&[
        ", array `data_x` has 3 rows, but ",
        ", array `data_y` has 2",
        "one row per sequence",
    ]);
}

#[test]
fn a_label_that_is_no_class() {
    Broken::array("data_y", Some(labels(&[0, 7, 2]))).says(&[
        ", array `data_y`, row 1 (from 0): label 7 is not a class; allowed are 0..=4",
        "correct the row or leave it out",
    ]);
    Broken::array("val_y", Some(labels(&[0, -1])))
        .says(&[", array `val_y`, row 1 (from 0): label -1 is not a class"]);
    Broken::array("val_y", Some(labels(&[i64::MIN, 0])))
        .says(&["row 0 (from 0): label -9223372036854775808"]);
}

#[test]
fn an_ambiguous_symbol_is_refused_or_kept_by_policy() {
    let broken = Broken::array("data_x", Some(texts(&["ACGT", "ACNT", "TTTT"])));
    broken.says(&[
        ", array `data_x`, row 1 (from 0): ",
        "policy",
        "position 3: 'N'",
        "Ambiguous::Unknown",
    ]);
    let policy = Policy {
        ambiguous: Ambiguous::Unknown,
        ..Policy::default()
    };
    let task = rnn_dna::read_train(&broken.path, policy).unwrap();
    assert_eq!(task.train.sequences[1].count_unknown(), 1);
}

#[test]
fn lower_case_is_refused_or_folded_by_policy() {
    let broken = Broken::array("val_x", Some(texts(&["ACGT", "ACGTg"])));
    broken.says(&[
        ", array `val_x`, row 1 (from 0): ",
        "policy",
        "position 5: 'g' is lower case",
        "Case::Fold",
    ]);
    let policy = Policy {
        case: Case::Fold,
        ..Policy::default()
    };
    let task = rnn_dna::read_train(&broken.path, policy).unwrap();
    assert_eq!(task.valid.sequences[1].to_string(), "ACGTG");
}

#[test]
fn an_empty_string() {
    Broken::array("data_x", Some(texts(&["ACGT", "TTTT", ""]))).says(&[
        ", array `data_x`, row 2 (from 0): the string is empty",
        "leave the row out",
    ]);
}

#[test]
fn an_array_without_rows() {
    Broken::array("data_x", Some(texts(&[]))).says(&[", array `data_x`: no rows"]);
}

#[test]
fn ten_gigabytes_announced_in_a_file_of_a_kilobyte() {
    let promise = column("<U1000", 2_500_000, b"ACGT");
    let broken = Broken::array("data_x", Some(promise));
    assert!(fs::metadata(&broken.path).unwrap().len() < 2_000);
    broken.says(&[
        ", array `data_x`: the header announces 10000000000 bytes of data, the file holds 4",
        "make it again",
    ]);
}

#[test]
fn sizes_that_overflow_or_cost_no_bytes() {
    let most = usize::MAX;
    Broken::array("data_y", Some(column("<i8", most, &[])))
        .says(&["announces 147573952589676412920 bytes"]);
    Broken::array("data_x", Some(column("<U4294967295", most, &[])))
        .says(&["array `data_x`: the header announces"]);
    Broken::array("data_x", Some(column("<U0", most, &[]))).says(&["dtype is `<U0`"]);
    Broken::array("data_y", Some(column("<i8", 2, &[0; 24])))
        .says(&["announces 16 bytes of data, the file holds 24"]);
}

#[test]
fn a_header_nested_a_thousand_times_overflows_no_stack() {
    let deep = "(".repeat(4_000);
    let header = npy(
        &format!("{{'descr': '<i8', 'fortran_order': False, 'shape': {deep}"),
        &[],
    );
    Broken::array("data_y", Some(header))
        .says(&[", array `data_y`: the array's header is not a dictionary"]);
    let long = npy(&" ".repeat(60_000), &[]);
    Broken::array("data_y", Some(long))
        .says(&["announces 60001 bytes of text, more than NumPy's limit of 10000"]);
}

#[test]
fn a_zip_bomb_is_not_unpacked() {
    let zeros = column("<U1", 17 << 18, &vec![0; 17 << 20]);
    let broken = Broken::array("data_x", Some(zeros));
    assert!(fs::metadata(&broken.path).unwrap().len() < 50_000);
    broken.says(&[
        ", array `data_x`: 178",
        "bytes packed into 1",
        "limit of 200 to 1",
        "split the file",
    ]);
}

#[test]
fn a_zip_directory_that_lies_about_a_size() {
    // The unpacked size stands in the directory entry 24 bytes after its signature, and in the local header 22 after its own.
    let lie = |size: u32| {
        let mut whole = npz(&arrays());
        for (signature, offset) in [(b"PK\x03\x04", 22), (b"PK\x01\x02", 24)] {
            let at = whole
                .windows(4)
                .position(|window| window == signature)
                .unwrap();
            whole[at + offset..at + offset + 4].copy_from_slice(&size.to_le_bytes());
        }
        Broken::file(&whole)
    };
    lie(4_000_000_000)
        .says(&[", array `data_x`: 4000000000 bytes, more than the limit of 1073741824 bytes"]);
    lie(1_000_000).says(&[
        ", array `data_x`: the zip announces 1000000 bytes and unpacks to 1",
        "make it again",
    ]);
    lie(20).says(&[", array `data_x`: ", "make it again"]);
}
