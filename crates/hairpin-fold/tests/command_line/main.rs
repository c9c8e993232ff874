//! The program as its users run it.

mod options;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use hairpin_fold::{Boltzmann, Dangles, Folder, Settings, Workspace};
use ndarray::Array3;
use ndarray_npy::read_npy;
use tempfile::TempDir;

const FASTA: &str = ">trna Saccharomyces\nGCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUC\ncugugttcgatccacagaattcgcACCA\n>hairpin\nGGCAUCGAAAGAUGCC\n>one\nN\n";
const SEQS: [&str; 3] = [
    "GCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUCCUGUGUUCGAUCCACAGAAUUCGCACCA",
    "GGCAUCGAAAGAUGCC",
    "N",
];
const HEADERS: [&str; 3] = ["trna Saccharomyces", "hairpin", "one"];

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hairpin-fold"));
    command.current_dir(folder).args(arguments);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().unwrap()
}

/// Standard output of a run that succeeds.
fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The message of a run that fails with this status.
fn failure(folder: &Path, arguments: &[&str], status: i32) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn with_input() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.fa"), FASTA).unwrap();
    folder
}

/// What the program should print, from the library.
fn expected(settings: Settings) -> String {
    let folder = Folder::turner_2004(settings).unwrap();
    let mut workspace = Workspace::default();
    let mut text = String::new();
    for (header, seq) in HEADERS.iter().zip(SEQS) {
        let mfe = folder.mfe(&mut workspace, seq.as_bytes()).unwrap();
        let ensemble = folder.ensemble(&mut workspace, seq.as_bytes()).unwrap();
        text += &format!(
            ">{header}\n{seq}\n{} ({:.2}) [{:.6}]\n",
            mfe.structure(),
            mfe.kcal(),
            ensemble.free_energy()
        );
    }
    text
}

fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn prints_what_the_library_says_with_every_option() {
    let folder = with_input();
    let plain = Settings::default();
    let cases: [(&[&str], Settings); 5] = [
        (&[], plain.clone()),
        (
            &["--temperature", "25.5"],
            plain.clone().with_temperature(25.5),
        ),
        (
            &["--dangles", "0"],
            plain.clone().with_dangles(Dangles::None),
        ),
        (
            &["--smooth"],
            plain.clone().with_boltzmann(Boltzmann::Smoothed),
        ),
        (&["--threads", "3", "--quiet"], plain),
    ];
    for (options, settings) in cases {
        let arguments = [&["in.fa"], options].concat();
        assert_eq!(
            stdout(folder.path(), &arguments),
            expected(settings),
            "{options:?}"
        );
    }
}

#[test]
fn reads_gzip_and_standard_input_and_writes_a_file() {
    let folder = with_input();
    let expected = expected(Settings::default());
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(FASTA.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    fs::write(folder.path().join("in.fa.gz"), &packed).unwrap();
    assert_eq!(stdout(folder.path(), &["in.fa.gz"]), expected);

    let mut child = program(folder.path(), &["-", "--out", "out.txt"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&packed).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .starts_with("folded 3 molecules in ")
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("out.txt")).unwrap(),
        expected
    );
}

#[test]
fn writes_probabilities_and_contexts_as_arrays_and_as_text() {
    let folder = with_input();
    let at = |name: &str| folder.path().join(name);
    for ending in ["npy", "tsv"] {
        let (pairs, contexts) = (format!("p.{ending}"), format!("c.{ending}"));
        let arguments = ["in.fa", "--probabilities", &pairs, "--contexts", &contexts];
        stdout(folder.path(), &arguments);
    }
    let pairs: Array3<f32> = read_npy(at("p.npy")).unwrap();
    let contexts: Array3<f32> = read_npy(at("c.npy")).unwrap();
    let (pair_text, context_text) = (
        fs::read_to_string(at("p.tsv")).unwrap(),
        fs::read_to_string(at("c.tsv")).unwrap(),
    );
    let longest = SEQS[0].len();
    assert_eq!(pairs.dim(), (3, longest, longest));
    assert_eq!(contexts.dim(), (3, longest, 5));

    let model = Folder::turner_2004(Settings::default()).unwrap();
    let mut workspace = Workspace::default();
    let mut pair_lines = vec!["name\ti\tj\tprobability".to_owned()];
    let mut context_lines =
        vec!["name\tposition\tbase\tpaired\thairpin\tinternal\tmultiloop\texterior".to_owned()];
    for (row, seq) in SEQS.iter().enumerate() {
        let name = HEADERS[row].split(' ').next().unwrap();
        let ensemble = model.ensemble(&mut workspace, seq.as_bytes()).unwrap();
        for i in 1..=longest {
            for j in 1..=longest {
                let inside = i.max(j) <= seq.len();
                let p = if inside {
                    ensemble.pair_probability(i, j)
                } else {
                    0.0
                };
                assert_eq!(pairs[[row, i - 1, j - 1]], p as f32, "{row} {i} {j}");
                if i < j && p >= 1e-5 {
                    pair_lines.push(format!("{name}\t{i}\t{j}\t{p:.9}"));
                }
            }
            let inside = i <= seq.len();
            let context = if inside {
                ensemble.context(i)
            } else {
                [0.0; 5]
            };
            for (channel, p) in context.into_iter().enumerate() {
                assert_eq!(contexts[[row, i - 1, channel]], p as f32);
            }
            if inside {
                let base = &seq[i - 1..i];
                let p = context.map(|p| format!("{p:.9}")).join("\t");
                context_lines.push(format!("{name}\t{i}\t{base}\t{p}"));
            }
        }
    }
    assert_eq!(pair_text.lines().collect::<Vec<_>>(), pair_lines);
    assert_eq!(context_text.lines().collect::<Vec<_>>(), context_lines);

    let arguments = ["in.fa", "--probabilities", "few.tsv", "--cutoff", "0.9"];
    stdout(folder.path(), &arguments);
    let few = fs::read_to_string(at("few.tsv")).unwrap();
    assert!(few.lines().count() > 1 && few.lines().count() < pair_lines.len());
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..60)
        .map(|k| format!(">{k}\n{}\n", &SEQS[0][k % 30..]))
        .collect();
    fs::write(folder.path().join("in.fa"), text).unwrap();
    let files = |threads: &str| {
        let arguments = [
            "in.fa",
            "--threads",
            threads,
            "--contexts",
            "c.npy",
            "--probabilities",
            "p.tsv",
        ];
        let text = stdout(folder.path(), &arguments);
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        (text, read("c.npy"), read("p.tsv"))
    };
    assert_eq!(files("1"), files("4"));
}

#[test]
fn says_what_is_wrong_with_the_input() {
    let folder = with_input();
    let file = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let error = |arguments: &[&str]| failure(folder.path(), arguments, 1);

    file("empty.fa", b"");
    assert!(error(&["empty.fa"]).contains("empty.fa: the file is empty; expected FASTA"));
    file("bare.fa", b"GGGGAAAACCCC\n");
    assert!(error(&["bare.fa"]).contains("bare.fa, line 1: expected '>'"));
    file("letter.fa", b">a\nACGU\n>b\nACGU\nACXU\n");
    let message = error(&["letter.fa"]);
    assert!(
        message.contains("letter.fa, record 2 (b), line 5: position 7: 'X' is no RNA base"),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1, "{message}");
    file("no_bases.fa", b">a\n>b\nA\n");
    assert!(error(&["no_bases.fa"]).contains("record 1 (a), line 1: the sequence is empty"));
    let message = error(&["absent.fa"]);
    assert!(message.contains("absent.fa: cannot be read: "), "{message}");

    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(FASTA.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    for cut in [3, packed.len() / 2, packed.len() - 1] {
        file("cut.fa.gz", &packed[..cut]);
        let message = error(&["cut.fa.gz"]);
        assert!(message.contains("cut.fa.gz: cannot be read: "), "{message}");
    }

    let long = format!(">long\n{}\n", "GCAU".repeat(3000));
    file("long.fa", long.as_bytes());
    let message = error(&["long.fa", "--memory-limit", "100"]);
    assert!(
        message.contains("long.fa, record 1 (long), line 1: 12000 bases need about"),
        "{message}"
    );
    assert!(
        message.contains("allow more with --memory-limit "),
        "{message}"
    );
    assert!(!message.contains("Settings"), "{message}");

    file(
        "bad.par",
        b"## RNAfold parameter file v2.0\n\n# stack\n1 2 x\n",
    );
    let message = error(&["in.fa", "--parameters", "bad.par"]);
    assert!(message.contains("bad.par: line 4, column 5"), "{message}");
    let message = error(&["in.fa", "--temperature", "-3"]);
    assert!(
        message.contains("-3 degrees Celsius: choose one from 0 to 100"),
        "{message}"
    );
}

#[test]
fn says_what_is_wrong_with_the_command_and_leaves_no_file() {
    let folder = with_input();
    fs::write(folder.path().join("old.txt"), "old").unwrap();
    let before = names(&folder);
    let status = |arguments: &[&str], status, what: &str| {
        let message = failure(folder.path(), arguments, status);
        assert!(message.contains(what), "{message}");
    };
    status(&["in.fa", "--treads", "2"], 2, "--treads");
    status(&["in.fa", "--threads", "0"], 2, "--threads");
    status(&["in.fa", "--dangles", "1"], 2, "[possible values: 0, 2]");
    status(
        &["in.fa", "--cutoff", "2"],
        2,
        "expected a number from 0 to 1",
    );
    status(&[], 2, "Usage");
    status(
        &["in.fa", "--contexts", "c.csv"],
        1,
        "c.csv: the name must end in .npy (an array) or .tsv",
    );
    status(
        &["in.fa", "--contexts", "a.tsv", "--out", "a.tsv"],
        1,
        "a.tsv: named for two outputs",
    );
    status(
        &["in.fa", "--out", "no/such/folder.txt"],
        1,
        "folder.txt: cannot be written: ",
    );
    status(
        &["in.fa", "--out", "."],
        1,
        "is a directory, no regular file",
    );
    // The last record is bad: nothing is written, and the old file stays.
    fs::write(folder.path().join("in.fa"), format!("{FASTA}>bad\n?\n")).unwrap();
    status(
        &["in.fa", "--out", "old.txt", "--contexts", "c.npy"],
        1,
        "record 4 (bad)",
    );
    assert_eq!(names(&folder), before);
    assert_eq!(
        fs::read_to_string(folder.path().join("old.txt")).unwrap(),
        "old"
    );
}

#[cfg(unix)]
#[test]
fn a_device_is_not_replaced_by_a_file() {
    let folder = with_input();
    let message = failure(folder.path(), &["in.fa", "--out", "/dev/null"], 1);
    assert!(message.contains("a pipe or device"), "{message}");
}

#[test]
fn help_has_examples_and_the_version_is_the_crates() {
    let folder = tempfile::tempdir().unwrap();
    let help = stdout(folder.path(), &["--help"]);
    for word in ["Examples:", "--probabilities", "kcal/mol", "Exit status"] {
        assert!(help.contains(word), "{help}");
    }
    assert_eq!(
        stdout(folder.path(), &["--version"]).trim(),
        concat!("hairpin-fold ", env!("CARGO_PKG_VERSION"))
    );
}

/// More than a pipe holds: whoever has written it knows that the program reads.
fn many_molecules() -> String {
    format!(">m\n{}\n", SEQS[0]).repeat(2000)
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.fa"), FASTA).unwrap();
    let call = ["in.fa", "--contexts", "c.tsv", "--quiet"];
    let output = hairpin_golden::unread(&mut program(folder.path(), &call));
    assert_eq!(output.status.code(), Some(141), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    assert_eq!(names(&folder), ["in.fa"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = program(
        folder.path(),
        &["-", "--out", "out.txt", "--contexts", "c.npy"],
    )
    .stdin(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(many_molecules().as_bytes()).unwrap();
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(
        line.contains("stopping after the molecules at hand"),
        "{line}"
    );
    drop(stdin);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("stopped by Ctrl-C"), "{rest}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(names(&folder).is_empty());
}

#[test]
fn draws_what_it_folds_and_what_it_is_given() {
    let folder = with_input();
    stdout(folder.path(), &["in.fa", "--svg", "drawings"]);
    let drawing =
        |name: &str| fs::read_to_string(folder.path().join("drawings").join(name)).unwrap();
    assert_eq!(
        drawing("1_trna.svg").matches("<circle ").count(),
        SEQS[0].len()
    );
    let hairpin = drawing("2_hairpin.svg");
    assert!(hairpin.contains("hairpin: probability of being paired"));
    assert_eq!(hairpin.matches("<line ").count(), 6);
    assert!(drawing("3_one.svg").contains("<title>N1: 0</title>"));

    fs::write(folder.path().join("values.txt"), "0 1 2 nan\n-4.5\n").unwrap();
    let given = ["draw", "GAAAC", "(...)"];
    let values = ["--values", "values.txt", "--title", "a<b"];
    let svg = stdout(folder.path(), &[&given[..], &values].concat());
    assert!(
        svg.contains("a&lt;b") && svg.contains("<title>C5: -4.5</title>"),
        "{svg}"
    );
    let range = ["--range", "-1", "7", "--out", "one.svg"];
    stdout(folder.path(), &[&given[..], &values, &range].concat());
    let ranged = fs::read_to_string(folder.path().join("one.svg")).unwrap();
    assert!(
        ranged.contains(">-1.00</text>") && ranged.contains(">7.00</text>"),
        "{ranged}"
    );

    let error = |arguments: &[&str]| failure(folder.path(), arguments, 1);
    assert!(error(&["draw", "GAAAC", "(..."]).contains("position 1: this bracket has no partner"));
    assert!(
        error(&["draw", "GAAAC", "...."])
            .contains("the structure has 4 positions, the sequence has 5 bases")
    );
    fs::write(folder.path().join("bad.txt"), "1 2\n3 x\n").unwrap();
    let message = error(&["draw", "GAAAC", "(...)", "--values", "bad.txt"]);
    assert!(
        message.contains("bad.txt, line 2: expected numbers"),
        "{message}"
    );
    let message = error(&[&given[..], &values, &["--range", "2", "1"]].concat());
    assert!(message.contains("colours from 2 to 1"), "{message}");
    fs::write(folder.path().join("taken"), "").unwrap();
    assert!(error(&["in.fa", "--svg", "taken"]).contains("taken: the folder cannot be made"));
}
