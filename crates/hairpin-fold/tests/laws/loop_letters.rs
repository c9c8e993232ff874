//! The loops of structures beside bpRNA's letters (Danaee et al. 2018, doi:10.1093/nar/gky285), which OpenVaccine's files bring with them.
//!
//! All loops are the same. bpRNA gives two letters to the bases between helices that no pair encloses, X and M, the latter only where there are three such
//! helices or more, and then not everywhere; by its own definition M has an enclosing pair. Those molecules are the ones that differ.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;
use hairpin_fold::{Energy, LoopKind, Parameters, Settings, Structure};

/// Of every base: `S` in a pair, `H`, `B`, `I`, `M` in a loop, `X` between helices, `E` at the ends; and the number of helices outside of all pairs.
fn letters(energy: &Energy, seq: &str, structure: &Structure) -> (String, usize) {
    let n = structure.len();
    let mut letters = vec![b'S'; n];
    let mut helices = 0;
    let evaluation = energy.evaluate(seq.as_bytes(), structure).unwrap();
    for one in evaluation.loops() {
        let (from, to) = one.closing.map_or((1, n), |(i, j)| (i + 1, j - 1));
        let (first, last) = (one.branches.first(), one.branches.last());
        for position in from..=to {
            if (one.branches.iter()).any(|&(p, q)| (p..=q).contains(&position)) {
                continue;
            }
            letters[position - 1] = match one.kind {
                LoopKind::Stack => panic!("base {position} in a stack"),
                LoopKind::Hairpin => b'H',
                LoopKind::Bulge => b'B',
                LoopKind::Internal => b'I',
                LoopKind::Multi => b'M',
                LoopKind::Exterior => {
                    let between = first.is_some_and(|first| position > first.0)
                        && last.is_some_and(|last| position < last.1);
                    if between { b'X' } else { b'E' }
                }
            };
        }
        if one.kind == LoopKind::Exterior {
            helices = one.branches.len();
        }
    }
    (String::from_utf8(letters).unwrap(), helices)
}

/// Checks that nothing differs but M for X, and gives the numbers of structures whose letters are all the same, and of the others.
fn compare<'a>(rows: impl Iterator<Item = (&'a str, &'a str, &'a str)>) -> (usize, usize) {
    let energy = Energy::new(&Parameters::turner_2004(), &Settings::default()).unwrap();
    let (mut same, mut differ) = (0, 0);
    for (seq, text, theirs) in rows {
        let (ours, helices) = letters(&energy, seq, &text.parse().unwrap());
        if ours == theirs {
            same += 1;
            continue;
        }
        differ += 1;
        assert!(helices >= 3, "{text}\n{ours}\n{theirs}");
        for (position, (ours, theirs)) in ours.bytes().zip(theirs.bytes()).enumerate() {
            let known = ours == theirs || (ours, theirs) == (b'X', b'M');
            assert!(known, "{text}: base {}", position + 1);
        }
    }
    (same, differ)
}

#[test]
fn a_slice_of_openvaccine() {
    let table = include_str!("../../../../fixtures/structure/open_vaccine_loops.tsv");
    let rows: Vec<(String, &str, &str)> = (table.lines().skip(1))
        .map(|line| {
            let mut fields = line.split('\t').skip(1);
            let (text, theirs) = (fields.next().unwrap(), fields.next().unwrap());
            // Which bases they are does not matter to the kinds of loops.
            let seq = text.replace('(', "G").replace(')', "C").replace('.', "A");
            (seq, text, theirs)
        })
        .collect();
    let rows = rows
        .iter()
        .map(|(seq, text, theirs)| (seq.as_str(), *text, *theirs));
    assert_eq!(compare(rows), (33, 7));
}

/// All rows of the challenge.
#[test]
#[allow(clippy::print_stderr, reason = "a skipped check says so")]
fn all_of_openvaccine() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/open-vaccine");
    for (name, expected) in [
        ("train.json.gz", (1747, 350)),
        ("test.json.gz", (3077, 557)),
    ] {
        let Ok(file) = File::open(folder.join(name)) else {
            eprintln!("skipped: no ../shared");
            return;
        };
        let rows: Vec<serde_json::Value> = BufReader::new(GzDecoder::new(file))
            .lines()
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect();
        let rows = rows.iter().map(|row| {
            let text = |key: &str| row[key].as_str().unwrap();
            (
                text("sequence"),
                text("structure"),
                text("predicted_loop_type"),
            )
        });
        assert_eq!(compare(rows), expected, "{name}");
    }
}
