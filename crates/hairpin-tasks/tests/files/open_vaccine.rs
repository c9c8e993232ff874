//! OpenVaccine's files from molecules to score, and everything that can be wrong with one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::chain;
use hairpin_seq::structure::write_loop_types;
use hairpin_seq::{Counterpart, Policy};
use hairpin_targets::TargetMatrix;
use hairpin_tasks::TaskError;
use hairpin_tasks::open_vaccine::{self, Molecule, TARGETS};
use ndarray::Array2;
use proptest::prelude::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/tasks/open-vaccine")
        .join(name)
}

/// A molecule of six bases, three of them measured, with one part of the line exchanged.
fn line(old: &str, new: &str) -> String {
    let values = |names: [&str; 5], value: f32| {
        names
            .map(|name| format!("\"{name}\":[{value},0.5,-0.25]"))
            .join(",")
    };
    let errors = [
        "reactivity_error",
        "deg_error_Mg_pH10",
        "deg_error_pH10",
        "deg_error_Mg_50C",
        "deg_error_50C",
    ];
    let good = format!(
        "{{\"index\":0,\"id\":\"id_a\",\"sequence\":\"GGAAAC\",\"structure\":\".(...)\",\"predicted_loop_type\":\"ESHHHS\",\
         \"signal_to_noise\":6.5,\"SN_filter\":1.0,\"seq_length\":6,\"seq_scored\":3,{},{}}}",
        values(TARGETS, 1.5),
        values(errors, 0.125).replace("-0.25", "0.25")
    );
    assert!(good.contains(old), "{old} is not in {good}");
    good.replacen(old, new, 1)
}

fn file(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn refusal(content: &str) -> String {
    let (_folder, path) = file(content.as_bytes());
    let error = open_vaccine::read_train(&path, Policy::default()).unwrap_err();
    chain(&error).replace(&path.display().to_string(), "t.json")
}

fn matrix(values: Array2<f32>) -> TargetMatrix {
    TargetMatrix::new(values, TARGETS.map(str::to_owned).to_vec()).unwrap()
}

fn of_length(molecule: &Molecule, value: f32) -> TargetMatrix {
    matrix(Array2::from_elem((molecule.sequence.len(), 5), value))
}

#[test]
fn a_molecule_is_read_with_what_was_measured() {
    let two = format!(
        "{}\r\n\n{}",
        line("", ""),
        line("id_a", "id_b").replace("\"SN_filter\":1.0", "\"SN_filter\":0")
    );
    let (_folder, path) = file(two.as_bytes());
    let train = open_vaccine::read_train(&path, Policy::default()).unwrap();
    assert_eq!(train.molecules.len(), 2);
    let molecule = &train.molecules[0];
    assert_eq!((molecule.id.as_str(), molecule.seq_scored), ("id_a", 3));
    assert_eq!(molecule.sequence.to_string(), "GGAAAC");
    assert_eq!(molecule.structure.to_string(), ".(...)");
    assert_eq!(write_loop_types(&molecule.loops), "ESHHHS");
    let targets = &train.targets[1];
    assert_eq!(targets.names(), TARGETS);
    assert_eq!(targets.values().column(4).to_vec(), [1.5, 0.5, -0.25]);
    assert_eq!(
        targets.standard_errors().unwrap().column(0).to_vec(),
        [0.125, 0.5, 0.25]
    );
    assert_eq!(
        (train.signal_to_noise[1], train.sn_filter),
        (6.5, vec![true, false])
    );
    // The same file serves as labels, and without values as a test file.
    assert_eq!(
        open_vaccine::read_labels(&path).unwrap().ids,
        ["id_a", "id_b"]
    );
    assert_eq!(
        open_vaccine::read_test(&path, Policy::default()).unwrap(),
        train.molecules
    );
}

#[test]
fn what_is_wrong_with_a_molecule_is_said_with_line_and_field() {
    let on_line = |old: &str, new: &str| refusal(&line(old, new));
    let remedy = "correct the molecule or leave it out";
    assert_eq!(
        on_line("\"seq_length\":6", "\"seq_length\":7"),
        format!(
            "t.json, line 1, column `seq_length`: length 7, expected 6, the length of the sequence; {remedy}"
        )
    );
    assert_eq!(
        on_line(".(...)", ".(...)."),
        format!(
            "t.json, line 1, column `structure`: length 7, expected 6, the length of the sequence; {remedy}"
        )
    );
    assert_eq!(
        on_line("\"seq_scored\":3", "\"seq_scored\":7"),
        format!(
            "t.json, line 1, column `seq_scored`: 7 bases, expected 6 at most, the length of the sequence; {remedy}"
        )
    );
    let unbalanced = on_line(".(...)", ".((..)");
    assert!(
        unbalanced.starts_with("t.json, line 1, column `structure`: the structure is refused"),
        "{unbalanced}"
    );
    assert!(unbalanced.contains("position"), "{unbalanced}");
    assert!(
        on_line("ESHHHS", "ESH?HS")
            .starts_with("t.json, line 1, column `predicted_loop_type`: the structure is refused")
    );
    for (letter, base) in [('T', "GGAATC"), ('N', "GGAANC")] {
        let found = on_line("GGAAAC", base);
        assert!(
            found.starts_with(
                "t.json, line 1, column `sequence`, row 0 (from 0): the sequence is refused"
            ),
            "{found}"
        );
        assert!(
            found.contains(&format!("position 5: '{letter}'")),
            "{found}"
        );
    }
    assert!(
        on_line("GGAAAC", "").contains("column `sequence`, row 0 (from 0): the string is empty")
    );
    assert_eq!(
        on_line("\"reactivity\":[1.5,0.5,-0.25]", "\"reactivity\":[1.5,0.5]"),
        format!(
            "t.json, line 1, column `reactivity`: 2 values, expected 3, as seq_scored says; {remedy}"
        )
    );
    assert_eq!(
        on_line("\"deg_error_50C\":[0.125,0.5,0.25]", "\"deg_error_50C\":[]"),
        format!(
            "t.json, line 1, column `deg_error_50C`: 0 values, expected 3, as seq_scored says; {remedy}"
        )
    );
    assert!(
        on_line("\"deg_50C\":[1.5", "\"deg_50C\":[1e39")
            .starts_with("t.json, line 1: number out of range at character")
    );
    assert!(
        on_line("\"deg_error_50C\":[0.125", "\"deg_error_50C\":[-1")
            .contains("cannot be used as targets")
    );
    assert_eq!(
        on_line("\"SN_filter\":1.0", "\"SN_filter\":0.5"),
        format!("t.json, line 1, column `SN_filter`: 0.5, expected 0 or 1; {remedy}")
    );
    let json = "expected an object with the fields of a molecule; correct the line, or fetch the file again";
    let nan = on_line("\"reactivity\":[1.5", "\"reactivity\":[NaN");
    assert!(
        nan.starts_with("t.json, line 1: expected value at character") && nan.ends_with(json),
        "{nan}"
    );
    let missing = on_line("\"structure\"", "\"shape\"");
    assert!(
        missing.starts_with("t.json, line 1: missing field `structure` at character"),
        "{missing}"
    );
    assert!(
        on_line("\"seq_scored\":3", "\"seq_scored\":-3")
            .contains("invalid value: integer `-3`, expected usize")
    );
    let cut = line("", "");
    assert!(refusal(&cut[..cut.len() - 9]).contains("EOF while parsing"));
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let twice = format!("{}\n{}\n", line("", ""), line("", ""));
    assert_eq!(
        refusal(&twice),
        "t.json, line 2, column `id`: `id_a` is also the id of line 1; ids must differ: rename or remove one of the two rows"
    );
    assert!(
        refusal(&line("\"id_a\"", "\" \""))
            .contains("column `id`: ` `, expected a name in one line")
    );
    assert!(
        refusal(&format!("[{}]", line("", "")))
            .starts_with("t.json, line 1: a list, expected an object, one molecule a line")
    );
    assert_eq!(refusal("\n\n"), "t.json: no rows; at least one is needed");
    let long = "A".repeat(5_000_000);
    assert_eq!(
        refusal(&line("GGAAAC", &long)),
        "t.json, line 1, column `sequence`: 5000000 bases, more than the limit of 100000; if the data are real, split the file"
    );
    let whole = fs::read(fixture("train.json.gz")).unwrap();
    let (_folder, path) = file(&whole[..whole.len() / 2]);
    let error = open_vaccine::read_train(&path, Policy::default()).unwrap_err();
    assert!(matches!(error, TaskError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("line "), "{error}");
}

#[test]
fn a_policy_may_allow_thymine() {
    let (_folder, path) = file(line("GGAAAC", "GGATAC").as_bytes());
    let convert = Policy {
        counterpart: Counterpart::Convert,
        ..Policy::default()
    };
    let read = open_vaccine::read_test(&path, convert).unwrap();
    assert_eq!(read[0].sequence.to_string(), "GGAUAC");
}

#[test]
fn a_submission_has_a_row_for_every_base() {
    let (folder, path) = file(line("", "").as_bytes());
    let molecules = open_vaccine::read_test(&path, Policy::default()).unwrap();
    let answer = folder.path().join(open_vaccine::SUBMISSION);
    let mut predicted = of_length(&molecules[0], 0.0).values().clone();
    predicted[[5, 1]] = 0.1;
    open_vaccine::write_submission(&answer, &molecules, &[matrix(predicted.clone())]).unwrap();
    let text = fs::read_to_string(&answer).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(
        rows[0],
        "id_seqpos,reactivity,deg_Mg_pH10,deg_pH10,deg_Mg_50C,deg_50C"
    );
    assert_eq!(
        (rows.len(), rows[1], rows[6]),
        (7, "id_a_0,0,0,0,0,0", "id_a_5,0,0.1,0,0,0")
    );
    let read = open_vaccine::read_submission(&answer).unwrap();
    assert_eq!(
        (read.len(), read[0].id.as_str(), read[0].line),
        (1, "id_a", 2)
    );
    assert_eq!(read[0].values.values(), predicted);
    // What is refused leaves the file as it was.
    let refused = |molecules: &[Molecule], predicted: &[TargetMatrix]| {
        let error = open_vaccine::write_submission(&answer, molecules, predicted).unwrap_err();
        assert_eq!(fs::read_to_string(&answer).unwrap(), text);
        error.to_string()
    };
    assert!(refused(&[], &[]).contains("no rows"));
    assert!(refused(&molecules, &[]).contains("predictions of 0 molecules, expected 1"));
    let short = matrix(Array2::zeros((3, 5)));
    assert!(refused(&molecules, &[short]).contains("3 x 5 predictions of `id_a`, expected 6 x 5"));
    let mut names = TARGETS.map(str::to_owned).to_vec();
    names.swap(1, 2);
    let swapped = TargetMatrix::new(Array2::zeros((6, 5)), names).unwrap();
    assert!(refused(&molecules, &[swapped]).contains("the columns reactivity, deg_pH10,"));
    let gap = TargetMatrix::from_nan(
        Array2::from_elem((6, 5), f32::NAN),
        TARGETS.map(str::to_owned).to_vec(),
    );
    assert!(refused(&molecules, &[gap.unwrap()]).contains("a gap in the predictions"));
    let two = [molecules[0].clone(), molecules[0].clone()];
    let twice = refused(&two, &[of_length(&two[0], 0.0), of_length(&two[1], 0.0)]);
    assert!(
        twice.contains("line 8, column `id_seqpos`: `id_a` is also the id of line 2"),
        "{twice}"
    );
}

#[test]
fn a_submission_out_of_order_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.csv");
    let refused = |rows: &str| {
        let rows: String = rows
            .split(' ')
            .map(|id| format!("{id},0,0,0,0,0\n"))
            .collect();
        fs::write(&path, format!("id_seqpos,{}\n{rows}", TARGETS.join(","))).unwrap();
        let error = open_vaccine::read_submission(&path).unwrap_err();
        error
            .to_string()
            .replace(&path.display().to_string(), "s.csv")
    };
    let remedy = "put the bases of a molecule one below the other";
    assert_eq!(
        refused("a_0 a_2"),
        format!(
            "s.csv, line 3, column `id_seqpos`: `a_2`, expected `a_1` or base 0 of another molecule; {remedy}"
        )
    );
    assert_eq!(
        refused("a_0 b_1"),
        format!(
            "s.csv, line 3, column `id_seqpos`: `b_1`, expected `a_1` or base 0 of another molecule; {remedy}"
        )
    );
    assert_eq!(
        refused("a_1"),
        format!(
            "s.csv, line 2, column `id_seqpos`: `a_1`, expected base 0 of a molecule; {remedy}"
        )
    );
    assert!(
        refused("a_0 b_0 a_0").contains("line 4, column `id_seqpos`: `a` is also the id of line 2")
    );
    for id in ["a", "_0", "a_x", "a_-1"] {
        assert!(refused(id).contains("expected ID_POSITION, the position a number from 0"));
    }
    fs::write(&path, "id_seqpos,reactivity\na_0,1\n").unwrap();
    let error = open_vaccine::read_submission(&path).unwrap_err();
    assert!(matches!(error, TaskError::MissingColumn { .. }));
    fs::write(
        &path,
        format!("id_seqpos,{}\na_0,1,2,3,x,5\n", TARGETS.join(",")),
    )
    .unwrap();
    let error = open_vaccine::read_submission(&path)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 2, column `deg_Mg_50C`: `x`, expected a finite number"),
        "{error}"
    );
}

#[test]
fn a_score_by_hand_counts_three_columns_and_measured_bases() {
    let two = format!("{}\n{}\n", line("", ""), line("id_a", "id_b"));
    let (folder, labels) = file(two.as_bytes());
    let train = open_vaccine::read_train(&labels, Policy::default()).unwrap();
    let answer = folder.path().join(open_vaccine::SUBMISSION);
    // Off by 1 in reactivity, 2 in deg_Mg_pH10, 3 in deg_Mg_50C, 100 where it does not count: the mean is 2.
    let mut of_a = Array2::from_elem((6, 5), 100.0);
    for base in 0..3 {
        for (column, error) in [(0, 1.0), (1, -2.0), (3, 3.0)] {
            of_a[[base, column]] = train.targets[0].values()[[base, column]] + error;
        }
    }
    let predicted = [matrix(of_a.clone()), matrix(of_a)];
    open_vaccine::write_submission(&answer, &train.molecules, &predicted).unwrap();
    let score = open_vaccine::score(&answer, &labels).unwrap();
    assert_eq!((score.n_molecules, score.n_bases), (2, 6));
    assert!((score.mcrmse.value - 2.0).abs() < 1e-6, "{score}");
    assert!(
        (score.rmse[3] - 3.0).abs() < 1e-6 && score.rmse[4] > 90.0,
        "{score}"
    );
    assert!(
        score
            .to_string()
            .starts_with("2 molecules, 6 bases\nMCRMSE       2.00000 (95 % interval")
    );
    assert!(
        score
            .to_string()
            .contains("\ndeg_50C      99.41925 (not scored)"),
        "{score}"
    );
    // A labelled molecule that is missing, or too short.
    open_vaccine::write_submission(&answer, &train.molecules[..1], &predicted[..1]).unwrap();
    let error = open_vaccine::score(&answer, &labels)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("t.json: no row of") && error.contains("has the id `id_b`"),
        "{error}"
    );
    let rows = |id: &str, n: usize| {
        (0..n)
            .map(|base| format!("{id}_{base},0,0,0,0,0\n"))
            .collect::<String>()
    };
    fs::write(
        &answer,
        format!(
            "id_seqpos,{}\n{}{}",
            TARGETS.join(","),
            rows("id_a", 2),
            rows("id_b", 6)
        ),
    )
    .unwrap();
    let error = open_vaccine::score(&answer, &labels)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 2: 2 bases of `id_a`, expected 3 or more"),
        "{error}"
    );
}

#[test]
fn the_fixture_fits_its_sample_submission() {
    let train = open_vaccine::read_train(&fixture("train.json.gz"), Policy::default()).unwrap();
    assert_eq!(train.molecules.len(), 24);
    assert!(train.sn_filter.iter().all(|&good| good));
    let test = open_vaccine::read_test(&fixture("test.json.gz"), Policy::default()).unwrap();
    let scored: Vec<(usize, usize)> = test
        .iter()
        .map(|m| (m.sequence.len(), m.seq_scored))
        .collect();
    assert_eq!(scored.iter().filter(|&&pair| pair == (107, 68)).count(), 8);
    assert_eq!(scored.iter().filter(|&&pair| pair == (130, 91)).count(), 8);
    let sample = fixture("sample_submission.csv.gz");
    open_vaccine::check_sample(&sample, &test).unwrap();
    let missing = open_vaccine::check_sample(&sample, &test[1..])
        .unwrap_err()
        .to_string();
    assert!(
        missing.contains("line 2, column `id_seqpos`: no row of the test file has the id"),
        "{missing}"
    );
    let more: Vec<Molecule> = test.iter().chain(&train.molecules[..1]).cloned().collect();
    let more = open_vaccine::check_sample(&sample, &more)
        .unwrap_err()
        .to_string();
    assert!(more.starts_with("the test file: no row of"), "{more}");
    let mut longer = test.clone();
    longer[0].sequence = test
        .iter()
        .map(|m| &m.sequence)
        .find(|s| s.len() != test[0].sequence.len())
        .unwrap()
        .clone();
    let longer = open_vaccine::check_sample(&sample, &longer)
        .unwrap_err()
        .to_string();
    assert!(
        longer.contains("the length of its sequence in the test file"),
        "{longer}"
    );
}

#[test]
fn the_real_files_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/open-vaccine");
    if !folder.exists() {
        println!("skipped: no ../shared");
        return;
    }
    let train = open_vaccine::read_train(&folder.join("train.json.gz"), Policy::default()).unwrap();
    assert_eq!(train.molecules.len(), 2097);
    assert_eq!(train.sn_filter.iter().filter(|&&good| good).count(), 1587);
    let test = open_vaccine::read_test(&folder.join("test.json.gz"), Policy::default()).unwrap();
    assert_eq!(test.len(), 3634);
    let sample = folder.join("sample_submission.csv.gz");
    open_vaccine::check_sample(&sample, &test).unwrap();
    // Molecules and bases are in the order of the test file.
    let sample = open_vaccine::read_submission(&sample).unwrap();
    assert!(sample.iter().map(|p| &p.id).eq(test.iter().map(|m| &m.id)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_line_is_molecules_or_an_error(place in 0usize..2000, byte in any::<u8>()) {
        let mut content = line("", "").into_bytes();
        let place = place % content.len();
        content[place] = byte;
        let (_folder, path) = file(&content);
        match open_vaccine::read_train(&path, Policy::default()) {
            Ok(train) => {
                let molecule = &train.molecules[0];
                assert_eq!(molecule.structure.len(), molecule.sequence.len());
                assert_eq!(molecule.loops.len(), molecule.sequence.len());
                assert_eq!(train.targets[0].n_rows(), molecule.seq_scored);
            }
            Err(error) => assert!(error.to_string().starts_with(&path.display().to_string())),
        }
        let _ = open_vaccine::read_labels(&path);
    }

    #[test]
    fn what_is_written_is_read(rows in prop::collection::vec(prop::collection::vec(-1e6f32..1e6, 5), 6..=6)) {
        let (folder, path) = file(line("", "").as_bytes());
        let molecules = open_vaccine::read_test(&path, Policy::default()).unwrap();
        let answer = folder.path().join("s.csv");
        let values = Array2::from_shape_fn((6, 5), |(base, column)| rows[base][column]);
        open_vaccine::write_submission(&answer, &molecules, &[matrix(values.clone())]).unwrap();
        let read = open_vaccine::read_submission(&answer).unwrap();
        prop_assert_eq!(read[0].values.values(), values);
    }
}
