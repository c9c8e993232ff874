//! RNAcompete's files from sequences to score, and everything that can be wrong with one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::chain;
use hairpin_seq::{Ambiguous, Case, Policy};
use hairpin_targets::duplicates::{Keep, deduplicate};
use hairpin_targets::{Groups, TargetMatrix};
use hairpin_tasks::TaskError;
use hairpin_tasks::rnacompete::{
    self, INTENSITIES, Missing, PROBES, PROTEINS, Reading, Stray, Submission, TrainFiles,
};
use ndarray::{Array2, array};
use proptest::prelude::*;
use tempfile::TempDir;

/// A folder with the three training files, one of them exchanged.
fn files(name: &str, content: &[u8]) -> (TempDir, TrainFiles) {
    let folder = tempfile::tempdir().unwrap();
    for (file, good) in [
        (PROTEINS, "MKVLA\nMPLRN\n"),
        (PROBES, "GGAUC\nAAAUU\nGCGCG\n"),
        (INTENSITIES, "1.5 0.25\n0.5 2\n-1 1e1\n"),
    ] {
        let content = if file == name {
            content
        } else {
            good.as_bytes()
        };
        fs::write(folder.path().join(file), content).unwrap();
    }
    let files = TrainFiles::in_folder(folder.path());
    (folder, files)
}

fn lenient() -> Reading {
    let policy = |policy: Policy| Policy {
        ambiguous: Ambiguous::Unknown,
        case: Case::Fold,
        ..policy
    };
    let strict = Reading::default();
    Reading {
        proteins: policy(strict.proteins),
        probes: policy(strict.probes),
        stray: Stray::Repair,
        missing: Missing::Mask,
    }
}

/// Why the files are refused with one of them exchanged, without the folder's name.
fn refusal_as(name: &str, content: &str, reading: Reading) -> String {
    let (folder, files) = files(name, content.as_bytes());
    let error = rnacompete::read_train(&files, reading).unwrap_err();
    chain(&error).replace(&format!("{}/", folder.path().display()), "")
}

fn refusal(name: &str, content: &str) -> String {
    refusal_as(name, content, Reading::default())
}

fn answer(values: Array2<f32>) -> TargetMatrix {
    let names = rnacompete::column_names(values.ncols());
    TargetMatrix::new(values, names).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn the_three_files_are_read_however_their_lines_end() {
    let expected = array![[1.5, 0.25], [0.5, 2.0], [-1.0, 10.0]];
    for (name, content) in [
        (PROTEINS, "MKVLA\r\nMPLRN\r\n"),
        (PROTEINS, "\u{feff}MKVLA\nMPLRN"),
        (PROTEINS, "MKVLA\nMPLRN\n\n\r\n"),
        (PROBES, "GGATC\r\nAAATT\r\nGCGCG\r\n\r\n"),
        (INTENSITIES, "1.5\t0.25\r\n0.5\t2\r\n-1\t1e1\r\n\r\n"),
        (INTENSITIES, " 1.5   0.25\n0.5 2 \n -1 +10."),
    ] {
        let (_folder, files) = files(name, content.as_bytes());
        let train = rnacompete::read_train(&files, Reading::default()).unwrap();
        let proteins: Vec<String> = train.proteins.iter().map(ToString::to_string).collect();
        let probes: Vec<String> = train.probes.iter().map(ToString::to_string).collect();
        assert_eq!(proteins, ["MKVLA", "MPLRN"]);
        assert_eq!(probes, ["GGAUC", "AAAUU", "GCGCG"]);
        assert_eq!(train.intensities.values(), expected);
        assert_eq!(train.intensities.names(), ["RBP1", "RBP2"]);
        let test = rnacompete::read_test(&files.proteins, &files.probes, Reading::default());
        assert_eq!(test.unwrap().probes, train.probes);
    }
}

#[test]
fn a_letter_that_is_none_is_refused_with_line_and_position_or_read_as_asked() {
    let line = |rest: &str| {
        format!(
            "{PROTEINS}, line 2, row 1 (from 0): the sequence is refused; correct it or read with a more lenient policy: {rest}"
        )
    };
    let twenty = "the protein alphabet (ACDEFGHIKLMNPQRSTVWY)";
    for (text, problem) in [
        ("MPXRN", "position 3: 'X' is an ambiguity code".to_owned()),
        ("MpLRN", "position 2: 'p' is lower case".to_owned()),
        (
            "MPURN",
            format!("position 3: 'U' is not a symbol of {twenty}"),
        ),
        (
            "MPLRN*",
            format!("position 6: '*' is not a symbol of {twenty}"),
        ),
        (
            "MP70LRN",
            format!("position 3: '7' is not a symbol of {twenty}"),
        ),
        (
            ">MPLRN",
            format!("position 1: '>' is not a symbol of {twenty}"),
        ),
    ] {
        let found = refusal(PROTEINS, &format!("MKVLA\n{text}\n"));
        assert!(found.starts_with(&line(&problem)), "{found}");
    }
    let read = |text: &str| {
        let (_folder, files) = files(PROTEINS, format!("MKVLA\n{text}\n").as_bytes());
        rnacompete::read_proteins(&files.proteins, lenient()).unwrap()[1].to_string()
    };
    assert_eq!(read("MPXRN"), "MPXRN");
    assert_eq!(read("mPBRN"), "MPXRN");
    assert_eq!(read("MPURNo*"), "MPXRNX");
    // As one line of the RNAcompete table of proteins has it.
    assert_eq!(read("GDIEE708090100110120AVVITD"), "GDIEEAVVITD");
    // What nothing explains stays refused, in its place of the text as it was repaired.
    let found = refusal_as(PROTEINS, "MKVLA\nMP1?RN\n", lenient());
    assert!(
        found.contains("line 2") && found.contains("position 3: '?'"),
        "{found}"
    );
}

#[test]
fn a_probe_is_of_rna_or_dna_and_of_1_to_1000_nt() {
    let found = refusal(PROBES, "GGAUC\nAAANN\nGCGCG\n");
    let expected = format!(
        "{PROBES}, line 2, row 1 (from 0): the sequence is refused; correct it or read with a more lenient policy: position 4: 'N' is an ambiguity code"
    );
    assert!(found.starts_with(&expected), "{found}");
    assert!(refusal(PROBES, "GGAUC\naaauu\n").contains("line 2, row 1 (from 0)"));
    let (_folder, good) = files(PROBES, b"GGAUC\naaant\nGCGCG\n");
    let probes = rnacompete::read_probes(&good.probes, lenient()).unwrap();
    assert_eq!(probes[1].to_string(), "AAANU");

    let length = |n: usize| {
        format!(
            "{PROBES}, line 2: a probe of {n} nt, expected 1 to 1000 nt; correct the line; every other one keeps its number"
        )
    };
    assert_eq!(refusal(PROBES, "GGAUC\n\nGCGCG\n"), length(0));
    assert_eq!(
        refusal(PROBES, &format!("GGAUC\n{}\n", "A".repeat(10_000))),
        length(10_000)
    );
    assert_eq!(
        refusal(PROBES, &format!("GGAUC\n{}\n", "A".repeat(1001))),
        length(1001)
    );
    let (_folder, long) = files(PROBES, format!("G\n{}\nC\n", "A".repeat(1000)).as_bytes());
    assert!(rnacompete::read_train(&long, Reading::default()).is_ok());
    // A gap is nothing where it may be dropped.
    let dropping = Reading {
        probes: Policy {
            gap: hairpin_seq::Gap::Drop,
            ..Reading::default().probes
        },
        ..Reading::default()
    };
    assert_eq!(refusal_as(PROBES, "GGAUC\n--\n", dropping), length(0));
}

#[test]
fn a_file_of_nothing_or_of_another_kind_is_refused() {
    for name in [PROTEINS, PROBES, INTENSITIES] {
        assert_eq!(
            refusal(name, ""),
            format!("{name}: the file is empty (0 bytes); copy or make it again")
        );
        assert_eq!(
            refusal(name, "\n\r\n"),
            format!("{name}: no rows; at least one is needed")
        );
        assert!(
            refusal(name, "PK\u{3}\u{4}x").starts_with(&format!("{name}: not text: it is a zip"))
        );
        let (folder, files) = files(name, b"x");
        fs::remove_file(folder.path().join(name)).unwrap();
        let error = rnacompete::read_train(&files, Reading::default()).unwrap_err();
        assert!(matches!(error, TaskError::Missing { .. }), "{error}");
    }
}

#[test]
fn a_matrix_of_another_size_is_refused() {
    let source = "take the three training files from one source";
    let (folder, short) = files(INTENSITIES, b"1 2\n3 4\n");
    let error = rnacompete::read_train(&short, Reading::default()).unwrap_err();
    let expected =
        format!("{INTENSITIES} has 2 rows, but {PROBES} has 3; both need one row per sequence");
    assert_eq!(
        error
            .to_string()
            .replace(&format!("{}/", folder.path().display()), ""),
        expected
    );
    assert_eq!(
        refusal(INTENSITIES, "1 2\n3 4\n5 6\n7 8\n"),
        format!(
            "{INTENSITIES}, line 4: one line more, expected 3 lines, one for each probe of {PROBES}; {source}"
        )
    );
    for (line, found) in [("3", 1), ("3 4 5", 3)] {
        assert_eq!(
            refusal(INTENSITIES, &format!("1 2\n{line}\n5 6\n")),
            format!(
                "{INTENSITIES}, line 2: {found} numbers, expected 2, one for each protein of {PROTEINS}; {source}"
            )
        );
    }
    assert_eq!(
        refusal(INTENSITIES, "1 2\n\n3 4\n5 6\n"),
        format!("{INTENSITIES}, line 2: a blank line, expected numbers; {source}")
    );
    // Alone, a matrix is as wide as its first line.
    let (folder, alone) = files(INTENSITIES, b"1 2 3\n4 5\n");
    let error = rnacompete::read_intensities(&alone.intensities, Missing::Refuse).unwrap_err();
    assert_eq!(
        error
            .to_string()
            .replace(&format!("{}/", folder.path().display()), ""),
        format!("{INTENSITIES}, line 2: 2 numbers, expected 3 as in line 1; {source}")
    );
}

#[test]
fn a_cell_is_a_finite_number_or_where_it_is_allowed_nan() {
    for (line, column, text) in [
        ("nan 4", 1, "nan"),
        ("3 NaN", 2, "NaN"),
        ("3 NA", 2, "NA"),
        ("3 inf", 2, "inf"),
        ("3 1e99", 2, "1e99"),
        ("3 4,5", 2, "4,5"),
        ("RBP1 RBP2", 1, "RBP1"),
    ] {
        let found = refusal(INTENSITIES, &format!("1 2\n{line}\n5 6\n"));
        let expected =
            format!("{INTENSITIES}, line 2, column `{column}`: `{text}`, expected a finite number");
        assert!(found.starts_with(&expected), "{found}");
        let found = refusal_as(INTENSITIES, "1 2\n3 4\n5 -inf\n", lenient());
        assert!(found.contains("line 3, column `2`: `-inf`"), "{found}");
    }
    for text in ["1 nan\nNA 4\n5 6\n", "1\t\nNaN\t4\n5\t6\n"] {
        let (_folder, gaps) = files(INTENSITIES, text.as_bytes());
        let matrix = rnacompete::read_train(&gaps, lenient())
            .unwrap()
            .intensities;
        assert_eq!(
            matrix.measured(),
            array![[true, false], [false, true], [true, true]]
        );
        assert_eq!(matrix.values(), array![[1.0, 0.0], [0.0, 4.0], [5.0, 6.0]]);
    }
}

#[test]
fn an_answer_is_written_and_read_again_and_scored() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/answer");
    let values = array![[1.0, -2.5], [0.1, 1e-9], [3.0, 123456.79]];
    rnacompete::write_submission(&out, &answer(values)).unwrap();
    assert_eq!(names(&out), ["RBP1.txt", "RBP2.txt"]);
    // Python: "%.8f" % numpy.float32(0.1), and of 123456.79.
    let text = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(text("RBP1.txt"), "1.00000000\n0.10000000\n3.00000000\n");
    assert_eq!(
        text("RBP2.txt"),
        "-2.50000000\n0.00000000\n123456.78906250\n"
    );
    assert_eq!(names(folder.path()), ["new"]);
    let read = rnacompete::read_submission(&out).unwrap();
    assert_eq!(
        read.values(),
        array![[1.0, -2.5], [0.1, 0.0], [3.0, 123456.79]]
    );

    // Of the first protein the order is right, of the second it is turned round. numpy.corrcoef([1, 0.1, 3], [2, 1.1, 5])
    let labels = folder.path().join("labels.txt");
    fs::write(&labels, "2 3\n1.1 2\n5 1\n").unwrap();
    let score = rnacompete::score(&out, &labels).unwrap();
    assert!(
        (score.pearson[0].unwrap() - 0.996_319_92).abs() < 1e-7,
        "{score:?}"
    );
    assert_eq!(score.spearman, [Some(1.0), Some(-1.0)]);
    let mean = (score.pearson[0].unwrap() + score.pearson[1].unwrap()) / 2.0;
    assert!((score.mean.value - mean).abs() < 1e-12 && (score.median.value - mean).abs() < 1e-12);
    assert!(
        score
            .to_string()
            .starts_with("2 proteins, 3 probes\nmedian Pearson ")
    );
    // A cell that was not measured does not count.
    fs::write(&labels, "2 3\nnan 2\n5 1\n").unwrap();
    assert!((rnacompete::score(&out, &labels).unwrap().pearson[0].unwrap() - 1.0).abs() < 1e-12);
    for (text, part) in [
        ("1 2\n3 4\n", "has 2"),
        ("1\n2\n3\n", "files of 2 proteins, expected 1"),
    ] {
        fs::write(&labels, text).unwrap();
        let error = rnacompete::score(&out, &labels).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn earlier_answers_are_replaced_and_other_files_are_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("answer");
    rnacompete::write_submission(&out, &answer(Array2::zeros((2, 3)))).unwrap();
    fs::write(out.join(".hidden"), "").unwrap();
    rnacompete::write_submission(&out, &answer(Array2::ones((2, 2)))).unwrap();
    assert_eq!(names(&out), [".hidden", "RBP1.txt", "RBP2.txt"]);
    assert_eq!(
        fs::read_to_string(out.join("RBP2.txt")).unwrap(),
        "1.00000000\n1.00000000\n"
    );

    for other in ["notes.md", "RBP01.txt", "RBP3.csv"] {
        fs::write(out.join(other), "mine").unwrap();
        let error = Submission::create(&out, 2, 2).unwrap_err();
        assert!(
            matches!(&error, TaskError::Foreign { found, .. } if found == other),
            "{error}"
        );
        assert!(rnacompete::read_submission(&out).is_err());
        fs::remove_file(out.join(other)).unwrap();
    }
    fs::create_dir(out.join("RBP9.txt")).unwrap();
    assert!(Submission::create(&out, 2, 2).is_err());
    assert_eq!(names(&out), [".hidden", "RBP1.txt", "RBP2.txt", "RBP9.txt"]);

    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = Submission::create(&path, 2, 2).unwrap_err();
        assert!(matches!(error, TaskError::NotAFolder { .. }), "{error}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn an_answer_that_is_not_whole_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("answer");
    let begin = || Submission::create(&out, 2, 3).unwrap();
    let mut dropped = begin();
    dropped.write([1.0; 3]).unwrap();
    drop(dropped);
    let mut unfinished = begin();
    unfinished.write([1.0; 3]).unwrap();
    let error = unfinished.finish().unwrap_err().to_string();
    assert!(
        error.contains("predictions of 1 proteins, expected 2"),
        "{error}"
    );
    for (bad, part) in [
        (vec![1.0; 2], "2 predictions in RBP1.txt, expected 3"),
        (vec![1.0; 4], "more than 3 predictions in RBP1.txt"),
        (vec![1.0, f32::NAN, 1.0], "NaN for probe 2 in RBP1.txt"),
        (vec![1.0, 1.0, f32::INFINITY], "inf for probe 3 in RBP1.txt"),
    ] {
        let mut submission = begin();
        let error = submission.write(bad).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert!(submission.write([1.0; 3]).is_err());
    }
    let mut full = begin();
    full.write([1.0; 3]).unwrap();
    full.write([1.0; 3]).unwrap();
    assert!(full.write([1.0; 3]).is_err());
    assert!(full.finish().is_err());
    let gap = TargetMatrix::from_nan(array![[1.0, f32::NAN]], rnacompete::column_names(2)).unwrap();
    let error = rnacompete::write_submission(&out, &gap)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no prediction of protein 2 for probe 1"),
        "{error}"
    );
    assert!(Submission::create(&out, 0, 3).is_err() && Submission::create(&out, 2, 0).is_err());
    assert!(names(folder.path()).is_empty());
}

#[test]
fn an_answer_with_gaps_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("answer");
    let read = || rnacompete::read_submission(&out).unwrap_err();
    assert!(matches!(read(), TaskError::Missing { .. }));
    fs::create_dir(&out).unwrap();
    assert!(matches!(read(), TaskError::NoRows { .. }));
    fs::write(out.join("RBP2.txt"), "1\n2\n").unwrap();
    assert!(matches!(read(), TaskError::Missing { path, .. } if path.ends_with("RBP1.txt")));
    for (text, part) in [
        ("1\n", "RBP2.txt has 2 rows, but "),
        ("1\nx\n", "RBP1.txt, line 2: `x`, expected a finite number"),
        ("1\nnan\n", "RBP1.txt, line 2: `nan`"),
        ("\n1\n2\n", "RBP1.txt, line 1: a blank line"),
        ("\n", "RBP1.txt: no rows"),
    ] {
        fs::write(out.join("RBP1.txt"), text).unwrap();
        let error = read().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_training_proteins_are_176_distinct_ones_and_24_copies_in_13_clusters() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/rnacompete/training_rbps.txt");
    let proteins = rnacompete::read_proteins(&path, Reading::default()).unwrap();
    let clusters = Groups::by(proteins.iter().map(|protein| protein.codes()));
    let found = deduplicate(&clusters, Keep::First, "identical sequence").unwrap();
    assert_eq!(
        found.to_string(),
        "200 rows: 176 kept, 24 dropped in 13 clusters"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_is_sequences_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for name in [PROTEINS, PROBES, INTENSITIES] {
            let (folder, files) = files(name, &bytes);
            for reading in [Reading::default(), lenient()] {
                if let Err(error) = rnacompete::read_train(&files, reading) {
                    prop_assert!(error.to_string().starts_with(&folder.path().display().to_string()));
                }
            }
        }
    }

    #[test]
    fn any_answer_is_read_again_to_eight_decimals(
        (n_probes, values) in (1usize..6).prop_flat_map(|n| (Just(n), prop::collection::vec(-1e3f32..1e3, n * 3)))
    ) {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("answer");
        let values = Array2::from_shape_vec((n_probes, 3), values).unwrap();
        rnacompete::write_submission(&out, &answer(values.clone())).unwrap();
        let read = rnacompete::read_submission(&out).unwrap();
        for (read, written) in read.values().iter().zip(&values) {
            prop_assert!((read - written).abs() <= 6e-9 + written.abs() * f32::EPSILON);
        }
    }
}
