//! The program from outside: what it writes, what it refuses, and what it says of a molecule.

use hairpin_golden::{Program, text};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const PROGRAM: Program = Program::new(
    env!("CARGO_BIN_EXE_open-vaccine-degradation"),
    env!("CARGO_MANIFEST_DIR"),
);

const FIXTURE: &str = "../../fixtures/tasks/open-vaccine";

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    (folder, run)
}

fn tiny<'a>(run: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let arguments = ["train", "--config", "configs/tiny.toml", "--run", text(run)];
    [&arguments[..], more].concat()
}

fn unpacked(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(FIXTURE)
        .join(name);
    let mut file = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut file, &mut text).unwrap();
    text
}

#[test]
fn a_run_leaves_its_files_and_predicts_again_what_it_predicted() {
    let (folder, run) = temporary();
    let stdout = PROGRAM.succeeds(&tiny(&run, &[]));
    for row in [
        "zeros",
        "mean of each column",
        "mean of base and loop type",
        "ridge on 12 bases",
        "model-seed-2",
        "(the model)",
    ] {
        assert!(stdout.contains(row), "no {row:?} in {stdout}");
    }
    for name in ["run.toml", "split.json", "ensemble.json", "launches.json"] {
        assert!(run.join(name).exists(), "{name}");
    }
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    for part in [
        "MCRMSE",
        "Error by loop type",
        "edit identity",
        "SHA-256",
        "nearest to the truth",
    ] {
        assert!(report.contains(part), "no {part:?} in the report");
    }

    // A row for every base of the official sample, in its order.
    let submission = std::fs::read_to_string(run.join("submission.csv")).unwrap();
    let first = |line: &str| line.split(',').next().unwrap().to_owned();
    let ids = |text: &str| text.lines().map(first).collect::<Vec<_>>();
    assert_eq!(ids(&submission), ids(&unpacked("sample_submission.csv.gz")));

    // The members that were saved say what the training said, but for the order in which shares are added.
    let out = folder.path().join("again.csv");
    PROGRAM.succeeds(&["predict", "--run", text(&run), "--out", text(&out)]);
    let values = |text: &str| -> Vec<f32> {
        let lines = text.lines().skip(1);
        lines
            .flat_map(|line| {
                line.split(',')
                    .skip(1)
                    .map(|v| v.parse::<f32>().unwrap())
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    let (before, after) = (
        values(&submission),
        values(&std::fs::read_to_string(&out).unwrap()),
    );
    assert_eq!(before.len(), after.len());
    let apart = before.iter().zip(&after).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-4);

    // In half precision the same networks say nearly the same.
    let (small, half) = (folder.path().join("small"), folder.path().join("half.csv"));
    PROGRAM.succeeds(&["export", "--run", text(&run), "--out", text(&small)]);
    PROGRAM.succeeds(&["predict", "--run", text(&small), "--out", text(&half)]);
    let half = values(&std::fs::read_to_string(&half).unwrap());
    let apart = half.iter().zip(&after).map(|(a, b)| (a - b).abs());
    let apart = apart.fold(0.0, f32::max);
    assert!(apart > 0.0 && apart < 0.01, "{apart}");
    let call = ["export", "--run", text(&run), "--out", text(&run)];
    PROGRAM.refuses(&call, &["--out", "is the run itself"]);
    let names: Vec<String> = std::fs::read_dir(small.join("members"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let one = folder.path().join("one");
    let export = |name: &str| {
        let call = ["export", "--run", text(&run), "--out", text(&one)];
        [&call[..], &["--members", name]]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let call: Vec<String> = export(&names[0]);
    PROGRAM.succeeds(&call.iter().map(String::as_str).collect::<Vec<_>>());
    let list = std::fs::read_to_string(one.join("ensemble.json")).unwrap();
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["members"].as_array().unwrap().len(), 1);
    assert_eq!(list["members"][0]["weight"], 1.0);
    let call: Vec<String> = export("nobody");
    PROGRAM.refuses(
        &call.iter().map(String::as_str).collect::<Vec<_>>(),
        &["nobody", &names[0]],
    );

    // The training file has the lists of a file of labels.
    let labels = text(Path::new(FIXTURE)).to_owned() + "/train.json.gz";
    let sub = folder.path().join("train.csv");
    PROGRAM.succeeds(&[
        "predict",
        "--run",
        text(&run),
        "--data",
        &labels,
        "--out",
        text(&sub),
    ]);
    let arguments = [
        "evaluate",
        "--submission",
        text(&sub),
        "--labels",
        &labels,
        "--json",
    ];
    let score: serde_json::Value = serde_json::from_str(&PROGRAM.succeeds(&arguments)).unwrap();
    assert_eq!(score["molecules"], 24);
    assert!(score["mcrmse"]["value"].as_f64().unwrap() > 0.0, "{score}");

    PROGRAM.refuses(&tiny(&run, &[]), &["trainings", "--resume"]);
    let other = folder.path().join("other.toml");
    let tiny_text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/tiny.toml"));
    let tiny_text = tiny_text.unwrap();
    let clipped = tiny_text.replace(
        "fit.epochs = 2",
        "fit.epochs = 2\nfit.max_gradient_norm = 2.0",
    );
    std::fs::write(&other, clipped).unwrap();
    let go_on = [
        "train",
        "--config",
        text(&other),
        "--run",
        text(&run),
        "--resume",
    ];
    PROGRAM.refuses(&go_on, &["other settings", "model-seed-1"]);
    PROGRAM.refuses(
        &tiny(&run, &["--resume", "--seed", "2"]),
        &["other data or folds", "model-seed-2"],
    );
    // A run that goes on finds every network trained, and says the same.
    let again = PROGRAM.succeeds(&tiny(&run, &["--resume", "--json"]));
    assert!(again.contains("verdict"), "{again}");
    assert_eq!(
        std::fs::read_to_string(run.join("submission.csv")).unwrap(),
        submission
    );
    // Or goes on with another network beside those; where networks teach each other, with one more that teaches.
    let more = tiny_text.replace("seeds = [1, 2]", "seeds = [1, 2, 3]");
    std::fs::write(&other, more).unwrap();
    let before = std::fs::metadata(run.join("trainings/model-seed-1-fold-1/model.bpk"));
    PROGRAM.succeeds(&go_on);
    for name in [
        "model-seed-3-fold-2",
        "model-seed-1-fold-1-again-by-2",
        "model-seed-1-fold-1-again-by-3",
    ] {
        let path = run.join("trainings").join(name).join("targets.json");
        let targets = std::fs::read_to_string(path).unwrap();
        let targets: serde_json::Value = serde_json::from_str(&targets).unwrap();
        let teachers = targets["taught_by"].as_array().map_or(0, Vec::len);
        let by = name.rsplit_once("-by-").map_or("0", |(_, by)| by);
        assert_eq!(teachers.to_string(), by, "{name}");
    }
    let after = std::fs::metadata(run.join("trainings/model-seed-1-fold-1/model.bpk"));
    assert_eq!(
        before.unwrap().modified().unwrap(),
        after.unwrap().modified().unwrap()
    );
}

#[test]
fn a_run_that_is_killed_goes_on_and_ends_alike() {
    let (folder, whole) = temporary();
    PROGRAM.succeeds(&tiny(&whole, &[]));
    let run = folder.path().join("killed");
    let mut killed = 0;
    loop {
        let mut child = PROGRAM
            .command()
            .args(tiny(&run, &["--resume"]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(150 + 60 * killed));
        let over = child.try_wait().unwrap().is_some();
        if !over && killed < 6 {
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            continue;
        }
        assert!(child.wait().unwrap().success());
        break;
    }
    assert!(killed > 0, "the run was over before it could be killed");
    let bytes = |run: &Path, name: &str| std::fs::read(run.join(name)).unwrap();
    for name in ["submission.csv", "ensemble.json", "run.toml", "split.json"] {
        assert_eq!(bytes(&whole, name), bytes(&run, name), "{name}");
    }
}

#[test]
fn any_rna_is_folded_predicted_and_ranked_by_the_network_that_comes_along() {
    let (folder, out) = temporary();
    let fasta = folder.path().join("mrna.fasta");
    let long = "GGGAAAUCCGACUUCGGUCGAAACC".repeat(8);
    std::fs::write(
        &fasta,
        format!(">short a hairpin\nGGGGAAAACCCC\n>long\n{long}\n"),
    )
    .unwrap();
    let out = out.with_extension("csv");
    PROGRAM.succeeds(&["predict", "--fasta", text(&fasta), "--out", text(&out)]);
    let bases = std::fs::read_to_string(&out).unwrap();
    assert_eq!(bases.lines().count(), 1 + 12 + 200);
    assert!(
        bases.starts_with("id,position,base,structure,loop_type,reactivity,"),
        "{bases}"
    );
    assert!(
        bases.lines().nth(1).unwrap().starts_with("short,1,G,(,S,"),
        "{bases}"
    );
    let ranked = std::fs::read_to_string(folder.path().join("run-molecules.csv")).unwrap();
    let lines: Vec<&str> = ranked.lines().collect();
    assert_eq!(lines.len(), 3, "{ranked}");
    // A molecule of sixteen times as many bases falls apart sooner.
    assert!(
        lines[1].starts_with("1,short,12,") && lines[1].ends_with(",1"),
        "{ranked}"
    );
    assert!(lines[2].starts_with("2,long,200,"), "{ranked}");
    let packed = folder.path().join("new/run.parquet");
    PROGRAM.succeeds(&["predict", "--fasta", text(&fasta), "--out", text(&packed)]);
    for name in ["run.parquet", "run-molecules.parquet"] {
        let bytes = std::fs::read(packed.with_file_name(name)).unwrap();
        assert!(
            bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"),
            "{name}"
        );
    }

    let svg = folder.path().join("long.svg");
    let arguments = [
        "picture",
        "--fasta",
        text(&fasta),
        "--id",
        "short",
        "--base",
        "6",
        "--out",
        text(&svg),
    ];
    PROGRAM.succeeds(&arguments);
    for name in ["long.svg", "long-base-6.svg"] {
        let drawing = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(drawing.starts_with("<svg"), "{name}");
    }
    PROGRAM.refuses(
        &[
            "picture",
            "--fasta",
            text(&fasta),
            "--id",
            "none",
            "--out",
            text(&svg),
        ],
        &["mrna.fasta", "`none`"],
    );
    PROGRAM.refuses(
        &[
            "picture",
            "--fasta",
            text(&fasta),
            "--base",
            "13",
            "--out",
            text(&svg),
        ],
        &["--base is 13", "1 to 12"],
    );

    for (content, parts) in [
        (">a\nGGGTAAACCC\n", &["mrna.fasta", "line 2", "T"][..]),
        (">a\nGGGNAAACCC\n", &["mrna.fasta", "line 2", "N"]),
        (">a\nGGG\n>a\nCCC\n", &["mrna.fasta", "line 3", "\"a\""]),
        ("", &["mrna.fasta"]),
    ] {
        std::fs::write(&fasta, content).unwrap();
        PROGRAM.refuses(
            &["predict", "--fasta", text(&fasta), "--out", text(&out)],
            parts,
        );
    }
    std::fs::write(&fasta, format!(">giant\n{}\n", "A".repeat(4001))).unwrap();
    let arguments = ["predict", "--fasta", text(&fasta), "--out", text(&out)];
    PROGRAM.refuses(&arguments, &["mrna.fasta", "`giant`", "4001", "4000"]);
    std::fs::write(&fasta, format!(">giant\n{}\n", "ACGU".repeat(1_250_000))).unwrap();
    PROGRAM.refuses(&arguments, &["mrna.fasta"]);
}

#[test]
fn broken_files_are_refused_with_line_and_field() {
    let (folder, run) = temporary();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let good = |name: &str| unpacked(&format!("{name}.gz"));
    let (train, test, sample) = (
        good("train.json"),
        good("test.json"),
        good("sample_submission.csv"),
    );
    let write = |name: &str, content: &str| std::fs::write(data.join(name), content).unwrap();
    let refused = |parts: &[&str]| PROGRAM.refuses(&tiny(&run, &["--data", text(&data)]), parts);
    refused(&["train.json", "no such file"]);
    write("train.json", &train);
    write("test.json", &test);
    refused(&["sample_submission.csv", "no such file"]);
    write("sample_submission.csv", &sample);

    let second = |from: &str, to: &str| {
        let mut lines: Vec<String> = train.lines().map(str::to_owned).collect();
        let changed = lines[1].replacen(from, to, 1);
        assert_ne!(changed, lines[1], "{from}");
        lines[1] = changed;
        lines.join("\n")
    };
    let with_field = |name: &str, value: &dyn Fn(&mut serde_json::Value)| {
        let mut lines: Vec<String> = train.lines().map(str::to_owned).collect();
        let mut row: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
        value(&mut row[name]);
        lines[1] = row.to_string();
        lines.join("\n")
    };
    let letters = |name: &str, change: &dyn Fn(String) -> String| {
        with_field(name, &|value| {
            *value = change(value.as_str().unwrap().to_owned()).into()
        })
    };
    for (content, field) in [
        (
            letters("structure", &|own| own.replacen('(', ".", 1)),
            "structure",
        ),
        (letters("structure", &|own| own + "."), "structure"),
        (
            letters("sequence", &|own| own.replacen('U', "T", 1)),
            "sequence",
        ),
        (
            letters("sequence", &|own| own.replacen('A', "N", 1)),
            "sequence",
        ),
        (
            with_field("seq_scored", &|value| *value = 900.into()),
            "seq_scored",
        ),
        (
            with_field("deg_50C", &|value| {
                value.as_array_mut().unwrap().pop();
            }),
            "deg_50C",
        ),
        (second("\"reactivity\":[", "\"reactivity\":[NaN,"), "line 2"),
    ] {
        write("train.json", &content);
        refused(&["train.json", "line 2", field]);
    }
    let twice = format!("{}\n{}", train.trim_end(), train.lines().next().unwrap());
    write("train.json", &twice);
    refused(&["train.json", "line 25", "id"]);

    write("train.json", &train);
    write(
        "test.json",
        &test.lines().skip(1).collect::<Vec<_>>().join("\n"),
    );
    refused(&["sample_submission.csv"]);
    write("test.json", &test);

    let packed = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(FIXTURE)
        .join("train.json.gz");
    let packed = std::fs::read(packed).unwrap();
    std::fs::remove_file(data.join("train.json")).unwrap();
    std::fs::write(data.join("train.json.gz"), &packed[..packed.len() / 2]).unwrap();
    refused(&["train.json.gz"]);
    assert!(!run.exists(), "a folder was left");
}
