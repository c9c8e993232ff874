//! What is known beforehand, further structures, windows, accessibility: each beside the library.

use std::fs;

use hairpin_fold::{Constraints, Deigan, Folder, Settings, Structure, Window, Workspace};
use ndarray::{Array2, Array3};
use ndarray_npy::read_npy;

use super::{FASTA, HEADERS, SEQS, failure, run, stdout, with_input};

const CONSTRAINTS: [&str; 3] = [
    "x((........................................|.........................))x....",
    "xx(..........)<.",
    ".",
];

fn folder() -> Folder {
    Folder::turner_2004(Settings::default()).unwrap()
}

/// The lines of structures, without headers and sequences.
fn structures(text: &str) -> Vec<&str> {
    (text.lines())
        .filter(|line| line.starts_with(['.', '(']))
        .collect()
}

#[test]
fn constraints_from_the_input_and_from_a_file() {
    let temporary = with_input();
    let path = temporary.path();
    let mut inline = String::new();
    for ((header, seq), constraint) in HEADERS.iter().zip(SEQS).zip(CONSTRAINTS) {
        inline += &format!(">{header}\n{seq}\n{constraint}\n");
    }
    // That of the second molecule cannot be met: base 15 is to pair downstream, where only base 16 is.
    fs::write(path.join("bad.fa"), &inline).unwrap();
    let message = failure(path, &["bad.fa", "-C"], 1);
    assert!(
        message.contains("bad.fa, record 2 (hairpin), line 6: no structure meets all constraints"),
        "{message}"
    );
    let inline = inline.replace('<', ".");
    fs::write(path.join("c.fa"), &inline).unwrap();
    fs::write(
        path.join("c.txt"),
        format!(
            "# by hand\n\n{}\n>x\n",
            CONSTRAINTS.join("\n").replace('<', ".")
        ),
    )
    .unwrap();
    let text = stdout(path, &["c.fa", "-C", "--quiet"]);
    assert_eq!(
        stdout(path, &["in.fa", "--constraints=c.txt", "--quiet"]),
        text
    );

    let (folder, mut workspace) = (folder(), Workspace::default());
    let expected: Vec<String> = (SEQS.iter().zip(CONSTRAINTS))
        .map(|(seq, constraint)| {
            let known: Constraints = constraint.replace('<', ".").parse().unwrap();
            let mfe = folder
                .mfe_with(&mut workspace, seq.as_bytes(), &known)
                .unwrap();
            let ensemble = folder
                .ensemble_with(&mut workspace, seq.as_bytes(), &known)
                .unwrap();
            let free = ensemble.free_energy();
            format!("{} ({:.2}) [{free:.6}]", mfe.structure(), mfe.kcal())
        })
        .collect();
    assert_eq!(structures(&text), expected);
    assert!(expected[1].starts_with("..((((....)))).. "));
    assert_ne!(structures(&stdout(path, &["in.fa"])), expected);
}

#[test]
fn reactivities_move_the_structure() {
    let temporary = with_input();
    let path = temporary.path();
    fs::write(path.join("one.fa"), ">h\nGGCAUCGAAAGAUGCC\n").unwrap();
    fs::write(
        path.join("shape.txt"),
        "# position, base, reactivity\n2 G 2.0\n3\tc\t1.5 # high\n4 0.05\n5 t 0\n15 NA\n16 -999\n",
    )
    .unwrap();
    let mut reactivities = [f64::NAN; 16];
    reactivities[1..5].copy_from_slice(&[2.0, 1.5, 0.05, 0.0]);
    let (folder, mut workspace) = (folder(), Workspace::default());
    let mut check = |options: &[&str], deigan: Deigan| {
        let kcal = deigan.energies(&reactivities);
        let known = Constraints::default().with_stacked_kcal(kcal);
        let mfe = folder
            .mfe_with(&mut workspace, SEQS[1].as_bytes(), &known)
            .unwrap();
        let ensemble = folder
            .ensemble_with(&mut workspace, SEQS[1].as_bytes(), &known)
            .unwrap();
        let centroid = ensemble.centroid();
        let loops = folder
            .energy()
            .evaluate(SEQS[1].as_bytes(), &centroid)
            .unwrap()
            .kcal();
        let kcal = loops + known.pseudo_kcal(&centroid).unwrap();
        let expected = [
            format!(
                "{} ({:.2}) [{:.6}]",
                mfe.structure(),
                mfe.kcal(),
                ensemble.free_energy()
            ),
            format!(
                "{centroid} ({kcal:.2}) centroid distance={:.4}",
                ensemble.expected_distance(&centroid).unwrap()
            ),
        ];
        let arguments = [&["one.fa", "--shape", "shape.txt", "--centroid"], options].concat();
        assert_eq!(structures(&stdout(path, &arguments)), expected);
    };
    check(&[], Deigan::default());
    let own = Deigan {
        slope: 2.6,
        intercept: -0.8,
    };
    check(&["--slope", "2.6", "--intercept", "-0.8"], own);

    // Together with constraints.
    fs::write(path.join("c.txt"), "x...............\n").unwrap();
    let both = ["one.fa", "--shape", "shape.txt", "--constraints=c.txt"];
    assert!(structures(&stdout(path, &both))[0].starts_with('.'));
}

#[test]
fn further_structures_and_their_energies() {
    let temporary = with_input();
    let path = temporary.path();
    let options = [
        "in.fa",
        "--centroid",
        "--mea=2",
        "--band",
        "1.5",
        "--samples",
        "20",
        "--seed",
        "5",
        "--quiet",
    ];
    let text = stdout(path, &options);
    assert_eq!(
        stdout(path, &[&options[..], &["--threads", "3"]].concat()),
        text
    );
    let (folder, mut workspace) = (folder(), Workspace::default());
    let mut expected = String::new();
    for (header, seq) in HEADERS.iter().zip(SEQS) {
        let bytes = seq.as_bytes();
        let mfe = folder.mfe(&mut workspace, bytes).unwrap();
        let band = folder
            .suboptimal(&mut workspace, bytes, 1.5, 10_000)
            .unwrap();
        let ensemble = folder.ensemble(&mut workspace, bytes).unwrap();
        expected += &format!(
            ">{header}\n{seq}\n{} ({:.2}) [{:.6}]\n",
            mfe.structure(),
            mfe.kcal(),
            ensemble.free_energy()
        );
        let kcal = |structure: &Structure| {
            folder.energy().evaluate(bytes, structure).unwrap().kcal() + 0.0
        };
        let (centroid, mea) = (ensemble.centroid(), ensemble.mea(2.0).unwrap());
        expected += &format!(
            "{centroid} ({:.2}) centroid distance={:.4}\n{mea} ({:.2}) mea gamma=2 accuracy={:.4}\n",
            kcal(&centroid),
            ensemble.expected_distance(&centroid).unwrap(),
            kcal(&mea),
            ensemble.expected_accuracy(&mea, 2.0).unwrap(),
        );
        for (structure, dcal) in band.structures() {
            expected += &format!("{structure} ({:.2}) band\n", f64::from(*dcal) / 100.0);
        }
        for structure in ensemble.sample(5, 20).unwrap() {
            expected += &format!("{structure} ({:.2}) sample\n", kcal(&structure));
        }
    }
    assert_eq!(text, expected);

    // A band that is cut off says so, even to those who want quiet.
    let output = run(path, &["in.fa", "--band", "4", "--limit", "3", "--quiet"]);
    assert!(output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("in.fa, record 1 (trna), line 1: more than 3 structures in the band"),
        "{message}"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        structures(&text)
            .iter()
            .filter(|line| line.ends_with(" band"))
            .count(),
        3 + 2 + 1
    );
}

#[test]
fn accessibility_as_array_and_as_text() {
    let temporary = with_input();
    let path = temporary.path();
    for file in ["a.npy", "a.tsv"] {
        stdout(path, &["in.fa", "--unpaired", "5", "--accessibility", file]);
    }
    let array: Array2<f32> = read_npy(path.join("a.npy")).unwrap();
    assert_eq!(array.dim(), (3, SEQS[0].len()));
    let (folder, mut workspace) = (folder(), Workspace::default());
    let mut lines = vec!["name\tfirst\tlast\tunpaired".to_owned()];
    for (row, seq) in SEQS.iter().enumerate() {
        let ensemble = folder.ensemble(&mut workspace, seq.as_bytes()).unwrap();
        // One base has no stretch of five.
        let stretches = ensemble.accessibility(5).unwrap_or_default();
        assert_eq!(
            stretches.len(),
            (seq.len() + 1).saturating_sub(5).min(seq.len())
        );
        let name = HEADERS[row].split(' ').next().unwrap();
        for column in 0..SEQS[0].len() {
            let p = stretches.get(column).copied();
            assert_eq!(array[[row, column]], p.unwrap_or(0.0) as f32);
            if let Some(p) = p {
                lines.push(format!("{name}\t{}\t{}\t{p:.9}", column + 1, column + 5));
            }
        }
    }
    let text = fs::read_to_string(path.join("a.tsv")).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn windows_of_long_molecules() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path();
    let long = SEQS[0].repeat(12);
    fs::write(path.join("long.fa"), format!(">long\n{long}\n{FASTA}")).unwrap();
    let options = [
        "long.fa", "--window", "80", "--span", "60", "--cutoff", "0.01",
    ];
    let files = ["--contexts", "c.npy", "--probabilities", "p.tsv"];
    assert_eq!(stdout(path, &[&options[..], &files].concat()), "");
    let contexts: Array3<f32> = read_npy(path.join("c.npy")).unwrap();
    assert_eq!(contexts.dim(), (4, long.len(), 5));
    let window = Window::new(80, 60).unwrap().with_cutoff(0.01).unwrap();
    let found = folder().windows(long.as_bytes(), &window).unwrap();
    for position in 1..=long.len() {
        for (channel, p) in found.context(position).into_iter().enumerate() {
            assert_eq!(contexts[[0, position - 1, channel]], p as f32);
        }
    }
    let text = fs::read_to_string(path.join("p.tsv")).unwrap();
    let pairs: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("long\t"))
        .collect();
    let expected: Vec<String> = (found.pairs().iter())
        .map(|(i, j, p)| format!("long\t{i}\t{j}\t{p:.9}"))
        .collect();
    assert!(pairs == expected && pairs.len() > 100);
}

#[test]
fn says_what_is_wrong_with_the_options() {
    let temporary = with_input();
    let path = temporary.path();
    let file = |name: &str, text: &str| fs::write(path.join(name), text).unwrap();
    let check = |arguments: &[&str], status, what: &str| {
        let message = failure(path, arguments, status);
        assert!(message.contains(what), "{arguments:?}: {message}");
    };
    check(
        &["in.fa", "-C"],
        1,
        "in.fa, record 1 (trna): no line of constraints after the sequence",
    );
    file("c.fa", ">a\nGGGAAACCC\n(((...)))\n");
    check(
        &["c.fa"],
        1,
        "c.fa, record 1 (a), line 3: looks like a line of constraints; -C",
    );
    file("c.txt", ".\n.\n");
    check(
        &["in.fa", "--constraints=c.txt"],
        1,
        "c.txt: 2 lines of constraints for 3 molecules",
    );
    file("c.txt", "# a\n(((..y)))\n");
    check(
        &["c.fa", "-C", "--constraints=c.txt"],
        2,
        "cannot be used multiple times",
    );
    file("one.fa", ">a\nGGGAAACCC\n");
    check(
        &["one.fa", "--constraints=c.txt"],
        1,
        "c.txt, record 1 (a), line 2: position 6: 'y' is no constraint",
    );
    file("c.txt", "(((..\n");
    check(
        &["one.fa", "--constraints=c.txt"],
        1,
        "line 1: position 3: this bracket",
    );
    file("c.txt", "....\n");
    check(
        &["one.fa", "--constraints=c.txt"],
        1,
        "line 1: the constraint has 4 positions, the sequence has 9 bases",
    );
    check(
        &["one.fa", "--constraints=absent.txt"],
        1,
        "absent.txt: cannot be read",
    );

    file("s.txt", "1 0.5\n");
    check(
        &["in.fa", "--shape", "s.txt"],
        1,
        "s.txt: reactivities of one molecule, but",
    );
    for (text, what) in [
        ("", "line 1, column 1: expected lines of a position"),
        (
            "1 0.5\n  x 1\n",
            "line 2, column 3: expected a position from 1 to 9, found \"x\"",
        ),
        (
            "10 1\n",
            "line 1, column 1: expected a position from 1 to 9, found \"10\"",
        ),
        (
            "1 1\n\n1 2\n",
            "line 3, column 1: expected each position once",
        ),
        (
            "2\n",
            "line 1, column 2: expected a reactivity, a number or NA, found the end",
        ),
        ("2 inf\n", "line 1, column 3: expected a reactivity"),
        (
            "2 C 1\n",
            "line 1, column 3: expected 'G', base 2 of a, found \"C\"",
        ),
        (
            "2 G 1 7\n",
            "line 1, column 7: expected the end of the line, found \"7\"",
        ),
    ] {
        file("s.txt", text);
        check(&["one.fa", "--shape", "s.txt"], 1, what);
    }
    file("s.txt", "1 0.5\n");
    check(
        &["one.fa", "--shape", "s.txt", "--slope", "nan"],
        1,
        "position 1: the pseudo-energy is NaN",
    );

    check(&["one.fa", "--mea=0"], 2, "expected a number above 0");
    check(&["one.fa", "--band=-1"], 2, "from 0 up");
    check(
        &["one.fa", "--samples", "0"],
        2,
        "expected a number from 1 to 1000000",
    );
    check(&["one.fa", "--seed", "1"], 2, "--samples");
    check(&["one.fa", "--unpaired", "3"], 2, "--accessibility");
    check(
        &["one.fa", "--window", "8"],
        1,
        "--window writes tables only",
    );
    check(
        &["one.fa", "--window", "8", "--probabilities", "p.npy"],
        1,
        "name a .tsv",
    );
    check(
        &[
            "one.fa",
            "--window",
            "8",
            "--span",
            "9",
            "--contexts",
            "c.tsv",
        ],
        1,
        "a pair has to fit into a window",
    );
    check(
        &["one.fa", "--window", "8", "--centroid"],
        2,
        "cannot be used with",
    );
    assert!(!path.join("c.tsv").exists());
}
