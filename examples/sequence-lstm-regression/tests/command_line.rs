//! The program from outside: what it writes, what it refuses, and that it can be stopped.

use hairpin_golden::{Program, text};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const PROGRAM: Program = Program::new(
    env!("CARGO_BIN_EXE_sequence-lstm-regression"),
    env!("CARGO_MANIFEST_DIR"),
);

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    (folder, run)
}

fn tiny<'a>(run: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let arguments = ["train", "--config", "configs/tiny.toml", "--run", text(run)];
    [&arguments[..], more].concat()
}

/// Sixty strings of A and C, whose number is their share of A.
fn table(rows: usize) -> String {
    let mut text = "id,sequence,target\n".to_owned();
    for row in 0..rows {
        let a = 4 + row % 12;
        let mut sequence = "A".repeat(a) + &"C".repeat(16 - a);
        sequence.insert_str(row % 7, "GT");
        let _ = writeln!(text, "r{row},{sequence},{}", a as f32 / 16.0);
    }
    text
}

#[test]
fn a_run_leaves_its_files_and_predicts_again_what_it_predicted() {
    let (folder, run) = temporary();
    let stdout = PROGRAM.succeeds(&tiny(&run, &["--tensorboard"]));
    for row in [
        "sequence_lstm",
        "column mean",
        "nearest neighbours",
        "linear on 4-mers",
        "boosted trees",
        "(the model)",
    ] {
        assert!(stdout.contains(row), "no {row:?} in {stdout}");
    }
    for name in [
        "run.toml",
        "split.json",
        "ensemble.json",
        "trials.csv",
        "search.html",
        "launches.json",
        "filters.meme",
        "predictions.csv",
        "predictions-spread.csv",
        "report.html",
        "trials/trial-000/tensorboard",
    ] {
        assert!(run.join(name).exists(), "{name}");
    }
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    for part in [
        "Spearman",
        "search.html",
        "SHA-256",
        "held out",
        "edit identity",
    ] {
        assert!(report.contains(part), "no {part:?} in the report");
    }

    // In the order of the test file, with all of its ids.
    let test = include_str!("../../../fixtures/tasks/sequence-csv/test.csv");
    let first = |line: &str| line.split(',').next().unwrap().to_owned();
    let predictions = std::fs::read_to_string(run.join("predictions.csv")).unwrap();
    let ids = |text: &str| text.lines().skip(1).map(first).collect::<Vec<_>>();
    assert_eq!(ids(&predictions), ids(test));
    let values: Vec<f32> = predictions
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(values.iter().any(|value| *value != values[0]));

    let out = folder.path().join("again.csv");
    PROGRAM.succeeds(&["predict", "--run", text(&run), "--out", text(&out)]);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), predictions);
    let labels = "../../fixtures/tasks/sequence-csv/test-labels.csv";
    let score = PROGRAM.succeeds(&[
        "evaluate",
        "--run",
        text(&run),
        "--labels",
        labels,
        "--json",
    ]);
    let score: serde_json::Value = serde_json::from_str(&score).unwrap();
    assert!(
        score["Spearman"]["value"].as_f64().unwrap().abs() <= 1.0,
        "{score}"
    );

    PROGRAM.refuses(&tiny(&run, &[]), &["trials.csv", "--resume"]);
    // The run's own files make the same run.
    let output = PROGRAM.run(&["replay", text(&run)]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("replay: the same bytes"), "{stderr}");
    let again = folder.path().join("run-replay");
    let bytes = |run: &Path, name| std::fs::read(run.join(name)).unwrap();
    for name in ["predictions.csv", "ensemble.json", "run.toml", "split.json"] {
        assert_eq!(bytes(&run, name), bytes(&again, name), "{name}");
    }
    PROGRAM.refuses(&["replay", text(&run)], &["run-replay", "trials.csv"]);
    PROGRAM.refuses(
        &["replay", text(&run), "--run", text(&run)],
        &["the run to be replayed"],
    );
}

#[test]
fn a_cross_validation_is_made_again_from_its_files_wherever_one_stands() {
    let (folder, run) = temporary();
    let write = |name: &str, content: &str| std::fs::write(folder.path().join(name), content);
    write("data.csv", &table(60).replacen("target", "rate", 1)).unwrap();
    write(
        "own.toml",
        "data.similarity = 0.0\nfit.epochs = 2\n[search]\ntrials = 2\nmin_epochs = 1\nmembers = 1\n\
         [model]\nconv_channels = 8\nd_hidden = 8\nd_dense = 8\n",
    )
    .unwrap();
    write(
        "space.toml",
        "\"fit.learning_rate\" = { type = \"log-float\", low = 1e-3, high = 2e-2 }\n",
    )
    .unwrap();
    let made = PROGRAM
        .command()
        .current_dir(folder.path())
        .args("cross-validate --data data.csv --target rate --folds 2 --config own.toml --space space.toml --run run".split(' '))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{stderr}");
    // The configuration is the run's own by now.
    std::fs::remove_file(folder.path().join("own.toml")).unwrap();
    let output = PROGRAM.run(&["replay", text(&run)]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("replay: the same bytes"), "{stderr}");
    write("space.toml", "").unwrap();
    let third = folder.path().join("third");
    PROGRAM.refuses(
        &["replay", text(&run), "--run", text(&third)],
        &["space.toml", "recorded in the manifest"],
    );
}

#[test]
fn a_search_that_is_killed_goes_on_and_ends_alike() {
    let (folder, run) = temporary();
    let data = folder.path().join("data.csv");
    std::fs::write(&data, table(90)).unwrap();
    let config = folder.path().join("own.toml");
    let settings = "data.similarity = 0.0\nfit.epochs = 4\n[search]\ntrials = 6\nmin_epochs = 1\nmembers = 2\n\
                    [model]\nconv_channels = 8\nd_hidden = 8\nd_dense = 8\n";
    std::fs::write(&config, settings).unwrap();
    let arguments = |run: &Path| {
        let fixed = [
            "train",
            "--data",
            text(&data),
            "--config",
            text(&config),
            "--run",
        ];
        let mut all: Vec<String> = fixed.iter().map(|&own| own.to_owned()).collect();
        all.push(text(run).to_owned());
        all
    };
    let whole = folder.path().join("whole");
    assert!(
        PROGRAM
            .command()
            .args(arguments(&whole))
            .output()
            .unwrap()
            .status
            .success()
    );
    let mut killed = 0;
    loop {
        let mut child = PROGRAM
            .command()
            .args(arguments(&run))
            .arg("--resume")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(60 + 90 * killed));
        if child
            .try_wait()
            .unwrap()
            .is_some_and(|status| status.success())
        {
            break;
        }
        if killed < 8 {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        killed += 1;
        if status.success() {
            break;
        }
    }
    for name in ["trials.csv", "ensemble.json", "run.toml", "split.json"] {
        let bytes = |run: &Path| std::fs::read(run.join(name)).unwrap();
        assert_eq!(bytes(&run), bytes(&whole), "{name}, killed {killed} times");
    }
}

#[test]
fn a_trial_that_diverges_has_failed_and_the_search_goes_on() {
    let (folder, run) = temporary();
    let space = folder.path().join("space.toml");
    std::fs::write(
        &space,
        "\"fit.learning_rate\" = { type = \"categorical\", choices = [0.01, 1.0] }\n\
         \"fit.max_gradient_norm\" = { type = \"categorical\", choices = [0.0, 0.0] }\n",
    )
    .unwrap();
    // Choices that occur twice are refused: the message says where.
    PROGRAM.refuses(
        &tiny(&run, &["--space", text(&space)]),
        &["space.toml", "line"],
    );
    std::fs::write(
        &space,
        "\"fit.learning_rate\" = { type = \"categorical\", choices = [1e-7, 1.0] }\n",
    )
    .unwrap();
    let config = folder.path().join("own.toml");
    let settings = "[fit]\nepochs = 3\nmax_gradient_norm = 0.0\n[fit.optimizer]\nkind = \"sgd\"\nmomentum = 0.99\n\
                    [model]\nconv_channels = 8\nd_hidden = 8\n[objective]\nloss = \"mse\"\n\
                    [data]\nrecipe = []\nsimilarity = 0.0\n[search]\ntrials = 6\npruner = \"none\"\nsampler = \"random\"\nmembers = 1\n";
    std::fs::write(&config, settings).unwrap();
    let data = folder.path().join("data.csv");
    // Numbers this large make the loss infinite under a high rate.
    let scaled: String = table(60)
        .lines()
        .map(|line| match line.rsplit_once(',') {
            Some((head, tail)) if tail != "target" => {
                format!("{head},{}\n", tail.parse::<f32>().unwrap() * 1e3)
            }
            _ => format!("{line}\n"),
        })
        .collect();
    std::fs::write(&data, scaled).unwrap();
    let output = run_with(&[
        "train",
        "--data",
        text(&data),
        "--config",
        text(&config),
        "--space",
        text(&space),
        "--run",
        text(&run),
    ]);
    let trials = std::fs::read_to_string(run.join("trials.csv")).unwrap();
    assert!(trials.lines().count() > 2, "{trials}");
    for state in ["failed", "complete"] {
        assert!(trials.contains(state), "{trials}\n{output}");
    }
    assert!(run.join("ensemble.json").exists());
}

fn run_with(arguments: &[&str]) -> String {
    let output = PROGRAM.run(arguments);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let (folder, run) = temporary();
    let data = folder.path().join("data.csv");
    let train = |content: &str, parts: &[&str]| {
        std::fs::write(&data, content).unwrap();
        let arguments = tiny(&run, &["--data", text(&data)]);
        PROGRAM.refuses(&arguments, &[&["data.csv"], parts].concat());
    };
    let good = table(30);
    train(&good.replace("r7,", "r6,"), &["r6"]);
    train(&good.replace("r7,", ","), &["line 9"]);
    train(&good.replacen("0.25", "high", 1), &["line 2", "high"]);
    train(&good.replacen("0.25", "NaN", 1), &["line 2", "NaN"]);
    train(&good.replacen("0.25", "inf", 1), &["line 2", "inf"]);
    train(
        &good.replace("GTAAAACCCCCCCCCCCC", ""),
        &["line 2", "empty"],
    );
    train(&good.replace("GTAAAA", "GTA!AA"), &["line 2", "!"]);
    train("id,sequence,target\n", &["no"]);
    train("id,sequence\na,ACGT\n", &["target"]);
    let constant: String = good
        .lines()
        .map(|line| match line.rsplit_once(',') {
            Some((head, tail)) if tail != "target" => format!("{head},0.5\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    train(&constant, &["0.5", "different"]);

    // A test sequence longer than any training sequence, unless allowed.
    let (ok, test) = (folder.path().join("ok.csv"), folder.path().join("test.csv"));
    std::fs::write(&ok, table(60)).unwrap();
    std::fs::write(&test, format!("id,sequence\nx,{}\n", "ACGT".repeat(30))).unwrap();
    let config = folder.path().join("own.toml");
    std::fs::write(
        &config,
        "data.similarity = 0.0\nfit.epochs = 1\n[search]\ntrials = 0\n",
    )
    .unwrap();
    let fixed = [
        "train",
        "--data",
        text(&ok),
        "--test",
        text(&test),
        "--config",
        text(&config),
        "--run",
        text(&run),
    ];
    PROGRAM.refuses(&fixed, &["test.csv", "--allow-longer"]);
    PROGRAM.succeeds(&[&fixed[..], &["--allow-longer"]].concat());
    let predictions = std::fs::read_to_string(run.join("predictions.csv")).unwrap();
    assert_eq!(predictions.lines().count(), 2);

    // Settings and spaces.
    let space = folder.path().join("space.toml");
    std::fs::write(
        &space,
        "\"model.dropout\" = { type = \"float\", low = 0.5, high = 0.1 }",
    )
    .unwrap();
    let other = folder.path().join("other");
    PROGRAM.refuses(
        &tiny(&other, &["--space", text(&space)]),
        &["space.toml", "line 1", "low 0.5", "high 0.1"],
    );
    std::fs::write(&config, "[search]\ntrails = 3\n").unwrap();
    PROGRAM.refuses(
        &["train", "--config", text(&config), "--run", text(&other)],
        &["own.toml", "line 2", "search.trials"],
    );
    PROGRAM.refuses(
        &["predict", "--run", text(&folder.path().join("nowhere"))],
        &["no such folder"],
    );
}

#[test]
fn folds_are_judged_together() {
    let (folder, run) = temporary();
    let config = folder.path().join("own.toml");
    std::fs::write(
        &config,
        "fit.epochs = 2\n[search]\ntrials = 0\n[model]\nconv_channels = 8\nd_hidden = 8\n",
    )
    .unwrap();
    let stdout = PROGRAM.succeeds(&[
        "cross-validate",
        "--folds",
        "3",
        "--config",
        text(&config),
        "--run",
        text(&run),
        "--json",
    ]);
    let found: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(found["predictors"].as_array().unwrap().len(), 5);
    assert!(found["verdict"].as_str().unwrap().contains("sequence_lstm"));
    let predictions = std::fs::read_to_string(run.join("out-of-fold.csv")).unwrap();
    assert_eq!(predictions.lines().count(), 401);
    assert!(run.join("report.html").exists());
}
