//! Tables of sequences from file to score, and everything that can be wrong with one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::support::chain;
use hairpin_seq::{Ambiguous, Case, Counterpart, Dna, Gap, Policy, Protein, Rna, Seq};
use hairpin_targets::TargetMatrix;
use hairpin_targets::metrics::Metric;
use hairpin_tasks::TaskError;
use hairpin_tasks::sequence_csv::{self, AlphabetName, Columns, Sequences, Train};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/tasks/sequence-csv")
        .join(name)
}

/// A file of this content, in a folder that lives as long as the first of the two.
fn file(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn train(content: impl AsRef<[u8]>) -> Result<Train, TaskError> {
    let (_folder, path) = file(content.as_ref());
    sequence_csv::read_train(&path, &Columns::default())
}

/// The message without the folder.
fn refusal(content: impl AsRef<[u8]>) -> String {
    let (_folder, path) = file(content.as_ref());
    let error = sequence_csv::read_train(&path, &Columns::default()).unwrap_err();
    message(&error, &path)
}

fn message(error: &TaskError, path: &Path) -> String {
    chain(error).replace(&path.display().to_string(), "t.csv")
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

fn sequences(texts: &[&str]) -> Sequences {
    let rows: Vec<String> = texts.iter().map(|text| format!("{text}\n")).collect();
    let (_folder, path) = file(format!("sequence\n{}", rows.concat()).as_bytes());
    sequence_csv::read_test(&path, &Columns::default())
        .unwrap()
        .sequences
}

fn column(values: &[f32]) -> TargetMatrix {
    let values = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
    TargetMatrix::new(values, vec!["target".to_owned()]).unwrap()
}

const GOOD: &str = "id,sequence,target\na,ACGU,0.5\nb,GG,-1e3\n";

#[test]
fn a_table_is_read_in_its_order() {
    let train = train(GOOD).unwrap();
    assert_eq!(train.ids, ["a", "b"]);
    assert_eq!(train.sequences.texts(), ["ACGU", "GG"]);
    assert_eq!(train.targets.values(), array![[0.5], [-1000.0]]);
    assert_eq!(train.targets.names(), ["target"]);
    assert_eq!(train.targets.row_ids().unwrap(), ["a", "b"]);
    assert_eq!((train.groups, train.kept.len()), (None, 0));
}

#[test]
fn marks_line_ends_blank_lines_and_packing_change_nothing() {
    let same = |content: &[u8]| {
        let read = train(content).unwrap();
        assert_eq!(read.ids, ["a", "b"]);
        assert_eq!(read.sequences.texts(), ["ACGU", "GG"]);
        assert_eq!(read.targets.values(), array![[0.5], [-1000.0]]);
    };
    same(GOOD.replace('\n', "\r\n").as_bytes());
    same(format!("\u{feff}{GOOD}").as_bytes());
    same(format!("\n{}\n\n", GOOD.replace("b,", "\n\r\nb,")).as_bytes());
    same(GOOD.trim_end().as_bytes());
    same(b"x,target,\"sequence\",id\n\"1,2\"\"\", 0.5 ,ACGU,\"a\"\n,-1000,GG,b\n");
    same(&gzip(GOOD.as_bytes()));
    let (head, tail) = GOOD.as_bytes().split_at(20);
    same(&[gzip(head), gzip(tail)].concat());
}

#[test]
fn columns_go_by_their_names() {
    let content = "\
        ,30mer,Target gene,score,drug\n\
        7,ACGT,CD5,1,nodrug\n\
        9,TTTT,NF1,2,\n\
        8,ACGA,CD5,3,PLX_2uM\n";
    let (_folder, path) = file(content.as_bytes());
    let columns = Columns {
        id: Some(String::new()),
        sequence: "30mer".to_owned(),
        target: "score".to_owned(),
        group: Some("Target gene".to_owned()),
        keep: vec!["drug".to_owned(), "Target gene".to_owned()],
    };
    let read = sequence_csv::read_train(&path, &columns).unwrap();
    assert_eq!(read.ids, ["7", "9", "8"]);
    assert_eq!(read.groups.unwrap().of_rows(), [0, 1, 0]);
    assert_eq!(read.kept[0], ["nodrug", "", "PLX_2uM"]);
    assert_eq!(read.kept[1], ["CD5", "NF1", "CD5"]);
    assert_eq!(read.targets.names(), ["score"]);
    // Without a column of ids, rows are numbered.
    let numbered = Columns {
        id: None,
        ..columns
    };
    let read = sequence_csv::read_test(&path, &numbered).unwrap();
    assert_eq!(read.ids, ["0", "1", "2"]);
    assert_eq!(read.groups.unwrap().sizes(), [2, 1]);
}

#[test]
fn a_file_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &Path| {
        let error = sequence_csv::read_train(path, &Columns::default()).unwrap_err();
        message(&error, path)
    };
    assert_eq!(
        read(&folder.path().join("none.csv")),
        "t.csv: no such file; give the path of a CSV file with a header, such as id,sequence,target"
    );
    assert_eq!(
        read(folder.path()),
        "t.csv: is a directory, expected a file; give the path of the file itself"
    );
    assert_eq!(
        refusal(""),
        "t.csv: the file is empty (0 bytes); copy or make it again"
    );
    assert_eq!(
        refusal(b"PK\x03\x04 and so on"),
        "t.csv: not CSV: it is a zip, as .xlsx and .npz are; \
         save it as text in UTF-8"
    );
    assert!(refusal(b"\xff\xfei\0d\0").contains("it is UTF-16 text"));
    assert!(refusal(b"PAR1").contains("it is a parquet file"));
    let packed = gzip(GOOD.as_bytes());
    let cut = refusal(&packed[..packed.len() - 9]);
    assert!(
        cut.contains("the gzip data cannot be unpacked; the file is damaged"),
        "{cut}"
    );
}

#[test]
fn a_table_without_rows_or_columns_is_refused() {
    assert_eq!(refusal("\n\n"), "t.csv: no rows; at least one is needed");
    assert_eq!(
        refusal("id,sequence,target\n"),
        "t.csv: no rows; at least one is needed"
    );
    assert_eq!(
        refusal("id,seq,target\na,A,1\n"),
        "t.csv, line 1: no column `sequence`; the header has `id`, `seq`, `target`; \
         rename one or choose another column"
    );
    assert_eq!(
        refusal("id,sequence,x,target,x\n"),
        "t.csv, line 1: columns 3 and 5 are both named `x`; rename one of them"
    );
    // Columns without names are no harm unless one is asked for.
    assert!(train("id,sequence,target,,\na,A,1,,\nb,A,2,,\n").is_ok());
    let (_folder, path) = file(b",,sequence\na,b,A\n");
    let columns = Columns {
        id: Some(String::new()),
        ..Columns::default()
    };
    let error = sequence_csv::read_test(&path, &columns).unwrap_err();
    assert!(matches!(
        error,
        TaskError::DuplicateColumn {
            first: 1,
            second: 2,
            ..
        }
    ));
    // A test file needs no target, a named column of ids must be there.
    let (_folder, path) = file(b"sequence\nA\n");
    assert!(sequence_csv::read_test(&path, &Columns::default()).is_ok());
    let columns = Columns {
        id: Some("id".to_owned()),
        ..Columns::default()
    };
    assert!(sequence_csv::read_test(&path, &columns).is_err());
}

#[test]
fn a_broken_row_is_refused_with_its_line() {
    let row = |row: &str| refusal(format!("id,sequence,target\na,A,1\n\n{row}\n"));
    assert_eq!(
        row("b,A,1,2"),
        "t.csv, line 4: 4 fields, expected 3 fields as in the header; \
         put text with a comma in it between double quotes, or remove the surplus commas"
    );
    assert!(row("b").starts_with("t.csv, line 4: 1 field, expected 3 fields"));
    let quotes = "expected double quotes around a whole field, and two for each one within; \
                  mend the row; a field cannot hold a line break";
    assert_eq!(
        row("b,\"A,1\nc,A,2"),
        format!("t.csv, line 4: a quote that is not closed at character 3, {quotes}")
    );
    assert_eq!(
        row("b\",A,1"),
        format!("t.csv, line 4: a quote within a field at character 2, {quotes}")
    );
    assert!(row("\"b\" ,A,1").contains("text behind a closing quote at character 4"));
    assert!(row("b,A,1\rc,A,2").contains("a carriage return at character 6"));
    assert_eq!(
        refusal(b"id,sequence,target\na,A\xffC,1\n"),
        "t.csv, line 2: byte 0xff after `a,A`, expected UTF-8 text; save the file as UTF-8"
    );
}

#[test]
fn ids_that_are_missing_or_occur_twice_are_refused() {
    assert_eq!(
        refusal("id,sequence,target\n ,A,1\n"),
        "t.csv, line 2, column `id`: no id, expected a name for the row; \
         fill it in, or number the rows by reading without a column of ids"
    );
    assert_eq!(
        refusal("id,sequence,target\na,A,1\nb,A,2\na,A,3\n"),
        "t.csv, line 4, column `id`: `a` is also the id of line 2; \
         ids must differ: rename or remove one of the two rows"
    );
}

#[test]
fn targets_that_are_no_numbers_or_all_the_same_are_refused() {
    for text in [
        "high",
        "NaN",
        "inf",
        "-infinity",
        "1e39",
        "0,5",
        "1_000",
        "0x1p3",
    ] {
        let found = refusal(format!("id,sequence,target\na,A,1\nb,A,\"{text}\"\n"));
        assert_eq!(
            found,
            format!(
                "t.csv, line 3, column `target`: `{text}`, \
                 expected a finite number from -3.4028235e38 to 3.4028235e38; \
                 correct the number or leave the row out"
            )
        );
    }
    assert!(
        refusal("id,sequence,target\na,A,\n")
            .starts_with("t.csv, line 2, column `target`: an empty field,")
    );
    assert_eq!(
        refusal("id,sequence,target\na,A,1\nb,C,1.0\n"),
        "t.csv, column `target`: all 2 targets are 1, expected at least two different ones; choose another column"
    );
}

#[test]
fn groups_that_are_missing_are_refused() {
    let (_folder, path) = file(b"sequence,gene\nA,x\nA, \n");
    let columns = Columns {
        group: Some("gene".to_owned()),
        ..Columns::default()
    };
    let error = sequence_csv::read_test(&path, &columns).unwrap_err();
    assert_eq!(
        message(&error, &path),
        "t.csv, line 3, column `gene`: no group, expected what the row has in common with others; \
         fill it in; a row that stands alone gets a name of its own"
    );
}

#[test]
fn sequences_that_are_empty_or_hold_foreign_letters_are_refused() {
    assert_eq!(
        refusal("id,sequence,target\na,,1\n"),
        "t.csv, line 2, column `sequence`, row 0 (from 0): the string is empty; leave the row out or fill it in"
    );
    let error = sequences(&["ACGT", "AC7T"])
        .parse::<Dna>(Policy::default())
        .unwrap_err();
    let text = chain(&error);
    assert!(text.contains("line 3, column `sequence`, row 1"), "{text}");
    assert!(text.contains("position 3: '7'"), "{text}");
    // The position is that of the character, and a letter is shown so that a terminal is safe.
    let error = sequence_csv::detect(&sequences(&["ACG", "A\u{e9}\u{1b}"])).unwrap_err();
    assert!(matches!(
        &error,
        TaskError::Letter {
            position: 2,
            letter: '\u{e9}',
            ..
        }
    ));
    let error = sequence_csv::detect(&sequences(&["ACG", "A\u{1b}"]))
        .unwrap_err()
        .to_string();
    assert!(error.ends_with(
        "line 3, column `sequence`, position 2: `\\u{1b}` is no letter of DNA, RNA or protein; \
         correct the sequence or leave the row out"
    ));
    let only_gaps = Policy {
        gap: Gap::Drop,
        ..Policy::default()
    };
    assert!(matches!(
        sequences(&["A", "--"]).parse::<Dna>(only_gaps),
        Err(TaskError::EmptySequence { row: 1, .. })
    ));
}

#[test]
fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
    // 2 GiB of nothing that take no place on the disk.
    let (_folder, path) = file(b"id,sequence,target\na,");
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(2 << 30)
        .unwrap();
    let error = sequence_csv::read_train(&path, &Columns::default()).unwrap_err();
    assert_eq!(
        message(&error, &path),
        "t.csv, line 2: a line of more than 16 MiB, more than the limit of 16777216 bytes; \
         if the data are real, split the file"
    );
}

#[test]
fn the_alphabet_is_that_of_the_letters() {
    let of = |texts: &[&str]| sequence_csv::detect(&sequences(texts)).unwrap().to_string();
    assert_eq!(
        of(&["ACG", "T"]),
        "DNA (2 sequences of the letters A C G T: T and no U)"
    );
    assert_eq!(
        of(&["acgn", "u"]),
        "RNA (2 sequences of the letters A C G N U: U and no T)"
    );
    assert_eq!(
        of(&["ACG-", "A.C"]),
        "DNA (2 sequences of the letters A C G: neither T nor U, taken as DNA)"
    );
    assert_eq!(
        of(&["MKV", "ACDEF"]),
        "protein (2 sequences of the letters A C D E F K M V: E F in no nucleic acid)"
    );
    assert_eq!(
        of(&["MKVHSDWY", "AG"]),
        "protein (2 sequences of the letters A D G H K M S V W Y: fewer than 90 % of them are A, C, G, T, U or N)"
    );
    assert_eq!(
        of(&["ACGTACGTAR"]),
        "DNA (1 sequence of the letters A C G R T: T and no U)"
    );
    // U is an amino acid as well, and then T beside it is no contradiction.
    assert!(of(&["MEUT"]).starts_with("protein"));
    let error = sequence_csv::detect(&sequences(&["ACG", "ACT", "ACU", "T"])).unwrap_err();
    assert!(matches!(
        error,
        TaskError::MixedAlphabets {
            t_line: 3,
            u_line: 4,
            ..
        }
    ));
    assert!(error.to_string().ends_with(
        "column `sequence`: T first in line 3, U first in line 4, expected DNA or RNA; \
         write T or U throughout, or name the alphabet and read with Counterpart::Convert"
    ));
    assert_eq!("DNA".parse(), Ok(AlphabetName::Dna));
    assert!("dnb".parse::<AlphabetName>().is_err());
}

#[test]
fn sequences_to_predict_must_fit_the_alphabet_of_training() {
    let test = sequences(&["ACGU", "ACGT"]);
    let text = chain(&test.parse::<Rna>(Policy::default()).unwrap_err());
    assert!(text.contains("line 3, column `sequence`"), "{text}");
    assert!(text.contains("position 4: 'T'"), "{text}");
    let convert = Policy {
        counterpart: Counterpart::Convert,
        ..Policy::default()
    };
    let read: Vec<String> = test
        .parse::<Rna>(convert)
        .unwrap()
        .iter()
        .map(Seq::to_string)
        .collect();
    assert_eq!(read, ["ACGU", "ACGU"]);
    assert!(test.parse::<Protein>(Policy::default()).is_err());
}

#[test]
fn test_sequences_longer_than_any_training_one_are_noticed() {
    let train = sequences(&["ACGT", "AC"]);
    assert!(sequence_csv::check_lengths(&train, &sequences(&["TTTT", "T"])).is_ok());
    let test = sequences(&["A", "ACGTA", "ACGTAC", "TTTTTT"]);
    let error = sequence_csv::check_lengths(&train, &test)
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with(
            "line 4, column `sequence`: 6 letters, but no training sequence has more than 4; \
         3 sequences of the file are longer than that; cut them, train on longer ones, or allow it"
        ),
        "{error}"
    );
}

#[test]
fn a_submission_has_the_official_header_and_the_order_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(sequence_csv::SUBMISSION);
    let ids = ["b".to_owned(), "a,\"1\"".to_owned()];
    sequence_csv::write_submission(&path, &ids, &column(&[0.1, -1e-20])).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        "id,target\nb,0.1\n\"a,\"\"1\"\"\",-0.00000000000000000001\n"
    );
    // What is refused leaves the file as it was.
    let refused = |ids: &[&str], predicted: &TargetMatrix| {
        let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        let error = sequence_csv::write_submission(&path, &ids, predicted).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        message(&error, &path)
    };
    let remedy = "give the ids of the test file and one prediction for each";
    assert_eq!(
        refused(&["a"], &column(&[1.0, 2.0])),
        format!("t.csv: 2 predictions, expected 1; {remedy}")
    );
    let two = TargetMatrix::new(array![[1.0, 2.0]], vec!["x".to_owned(), "y".to_owned()]).unwrap();
    assert_eq!(
        refused(&["a"], &two),
        format!("t.csv: 2 columns of predictions, expected 1; {remedy}")
    );
    let gap = TargetMatrix::from_nan(array![[f32::NAN]], vec!["target".to_owned()]).unwrap();
    assert_eq!(
        refused(&["a"], &gap),
        format!("t.csv: no prediction in row 0 (from 0), expected a number; {remedy}")
    );
    assert!(
        refused(&["a", "a"], &column(&[1.0, 2.0]))
            .contains("line 3, column `id`: `a` is also the id of line 2")
    );
    assert!(refused(&[""], &column(&[1.0])).contains("line 2, column `id`: no id"));
    assert!(refused(&["a\nb"], &column(&[1.0])).contains("a line break in an id"));
    assert_eq!(
        refused(&[], &column(&[])),
        "t.csv: no rows; at least one is needed"
    );
    let nowhere = folder.path().join("none").join("p.csv");
    let error = sequence_csv::write_submission(&nowhere, &ids, &column(&[1.0, 2.0])).unwrap_err();
    assert!(matches!(error, TaskError::Write { .. }));
}

#[test]
fn a_score_goes_by_ids_and_not_by_order() {
    let folder = tempfile::tempdir().unwrap();
    let (submission, labels) = (folder.path().join("p.csv"), folder.path().join("l.csv"));
    fs::write(&submission, "id,target\na,1\nb,2\nc,4\n").unwrap();
    fs::write(&labels, "name,sequence,rate\nc,A,3\nb,A,2\na,A,1\n").unwrap();
    let columns = Columns {
        id: Some("name".to_owned()),
        target: "rate".to_owned(),
        ..Columns::default()
    };
    let score = sequence_csv::score(&submission, &labels, &columns).unwrap();
    let value = |metric| score.get(metric).unwrap().value;
    assert_eq!(value(Metric::Spearman), 1.0);
    assert_eq!(value(Metric::R2), 0.5); // 1 - 1 / 2
    assert_eq!(
        (value(Metric::Mse), value(Metric::Mae)),
        (1.0 / 3.0, 1.0 / 3.0)
    );
    assert_eq!(score.get(Metric::Rmse), None);
    assert!(
        score
            .to_string()
            .starts_with("3 rows\nSpearman 1.0000 (95 % interval")
    );
    // Predictions that are all the same correlate with nothing.
    fs::write(&submission, "id,target\na,1\nb,1\nc,1\n").unwrap();
    let score = sequence_csv::score(&submission, &labels, &columns).unwrap();
    assert_eq!(score.get(Metric::Pearson), None);
    assert!(score.to_string().contains("Pearson  undefined"));
    // One id too few, on either side.
    fs::write(&submission, "id,target\na,1\nb,1\n").unwrap();
    let error = sequence_csv::score(&submission, &labels, &columns)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("l.csv: no row of") && error.contains("has the id `c`"),
        "{error}"
    );
    fs::write(&submission, "id,target\na,1\nb,1\nc,1\nd,1\n").unwrap();
    let error = sequence_csv::score(&submission, &labels, &columns)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("p.csv: no row of") && error.contains("has the id `d`"),
        "{error}"
    );
}

#[test]
fn the_fixture_is_400_rnas_and_60_others() {
    let columns = Columns::default();
    let train = sequence_csv::read_train(&fixture("train.csv"), &columns).unwrap();
    let test = sequence_csv::read_test(&fixture("test.csv"), &columns).unwrap();
    let truth = sequence_csv::read_labels(&fixture("test-labels.csv"), &columns).unwrap();
    assert_eq!((train.ids.len(), test.ids.len()), (400, 60));
    assert_eq!(truth.row_ids().unwrap(), test.ids);
    assert_eq!(
        (train.sequences.longest(), test.sequences.longest()),
        (107, 107)
    );
    assert_eq!(
        train
            .sequences
            .parse::<Rna>(Policy::default())
            .unwrap()
            .len(),
        400
    );
    assert!(sequence_csv::check_lengths(&train.sequences, &test.sequences).is_ok());
    assert!(!test.ids.iter().any(|id| train.ids.contains(id)));
}

#[test]
fn the_real_tables_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/sequence-csv");
    if !folder.exists() {
        println!("skipped: no ../shared");
        return;
    }
    let rnas = folder.join("openvaccine_k_deg_per_hour.csv");
    let rnas = sequence_csv::read_train(&rnas, &Columns::default()).unwrap();
    assert_eq!((rnas.ids.len(), rnas.sequences.longest()), (1589, 107));
    let columns = Columns {
        id: Some(String::new()),
        sequence: "30mer".to_owned(),
        target: "score_drug_gene_rank".to_owned(),
        group: Some("Target gene".to_owned()),
        ..Columns::default()
    };
    let guides =
        sequence_csv::read_train(&folder.join("azimuth_FC_plus_RES.csv"), &columns).unwrap();
    assert_eq!((guides.ids.len(), guides.sequences.longest()), (5310, 30));
    assert_eq!(
        sequence_csv::detect(&guides.sequences).unwrap().alphabet,
        AlphabetName::Dna
    );
    assert_eq!(
        guides
            .sequences
            .parse::<Dna>(Policy::default())
            .unwrap()
            .len(),
        5310
    );
    println!("{} genes", guides.groups.unwrap().n_groups());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(rows in prop::collection::hash_map("[ -~]*[!-~é]", any::<f32>(), 1..8)) {
        let (ids, values): (Vec<String>, Vec<f32>) = rows.into_iter().unzip();
        let values: Vec<f32> = values.iter().map(|v| if v.is_finite() { *v } else { 0.5 }).collect();
        let (_folder, path) = file(b"");
        sequence_csv::write_submission(&path, &ids, &column(&values)).unwrap();
        let read = sequence_csv::read_labels(&path, &Columns::default()).unwrap();
        prop_assert_eq!(read.row_ids().unwrap(), ids);
        prop_assert_eq!(read.values().as_slice().unwrap(), values);
    }

    #[test]
    fn any_bytes_are_a_table_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60), with_header in any::<bool>()) {
        let content = if with_header { [b"id,sequence,target\n", &bytes[..]].concat() } else { bytes };
        check_any(&content);
    }

    // Mostly of what tables are made of, so that more than the first check is met.
    #[test]
    fn any_text_is_a_table_or_an_error(text in "(([A-F]{1,2}|[0-9]|\"|\"[a-z,]*\"|,|,|\r)*\n){0,5}") {
        check_any(format!("id,sequence,target\n{text}").as_bytes());
    }

    #[test]
    fn a_damaged_table_is_a_table_or_an_error(place in 0usize..40, byte in any::<u8>()) {
        let mut content = GOOD.as_bytes().to_vec();
        let place = place % content.len();
        content[place] = byte;
        check_any(&content);
        let mut packed = gzip(GOOD.as_bytes());
        let place = place % packed.len();
        packed[place] = byte;
        check_any(&packed);
    }
}

/// Reading gives a value that keeps its promises, or an error that names the file.
fn check_any(content: &[u8]) {
    let (_folder, path) = file(content);
    match sequence_csv::read_train(&path, &Columns::default()) {
        Ok(train) => {
            let rows = train.ids.len();
            assert!(rows > 0);
            assert_eq!(
                (train.sequences.len(), train.targets.n_rows()),
                (rows, rows)
            );
            assert!(train.sequences.texts().iter().all(|text| !text.is_empty()));
            let lenient = Policy {
                ambiguous: Ambiguous::Unknown,
                case: Case::Fold,
                gap: Gap::Unknown,
                counterpart: Counterpart::Convert,
            };
            if let Ok(detected) = sequence_csv::detect(&train.sequences) {
                let parsed = match detected.alphabet {
                    AlphabetName::Dna => train.sequences.parse::<Dna>(lenient).map(|s| s.len()),
                    AlphabetName::Rna => train.sequences.parse::<Rna>(lenient).map(|s| s.len()),
                    // A U among amino acids is refused here.
                    AlphabetName::Protein => return,
                };
                assert_eq!(parsed.unwrap(), rows);
            }
        }
        Err(error) => assert!(error.to_string().starts_with(&path.display().to_string())),
    }
}
