//! What the task asks for, on its real file. The file has no licence to be passed on: without it these checks say that they were
//! skipped.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;

fn real_file() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/rnn-dna/rnn-challenge-data.npz");
    if !path.exists() {
        println!("skipped: no ../shared");
        return None;
    }
    Some(path)
}

struct Done {
    labels: Vec<u8>,
    valid_accuracy: f64,
    agrees_with_centroid: u64,
    /// Validation accuracy after each epoch.
    curve: Vec<f64>,
}

fn train(data: &Path, config: Option<&Path>, seed: u64) -> Done {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dna-rnn-classifier"));
    command.args(["train", "--json", "--seed", &seed.to_string()]);
    command.arg("--data").arg(data).arg("--run").arg(&run);
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let classifiers = found["classifiers"].as_array().unwrap();
    let metrics = std::fs::read_to_string(run.join("metrics.csv")).unwrap();
    Done {
        labels: std::fs::read(run.join("prediction.npy")).unwrap(),
        valid_accuracy: classifiers.last().unwrap()["valid_accuracy"]["value"]
            .as_f64()
            .unwrap(),
        agrees_with_centroid: classifiers[1]["same_test_labels_as_model"]
            .as_u64()
            .unwrap(),
        curve: metrics
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(3).unwrap().parse().unwrap())
            .collect(),
    }
}

#[test]
fn five_seeds_label_every_validation_string_right_and_agree_on_the_test_strings() {
    let Some(data) = real_file() else { return };
    let runs: Vec<Done> = SEEDS.map(|seed| train(&data, None, seed)).collect();
    for done in &runs {
        assert_eq!(done.valid_accuracy, 1.0);
        assert_eq!(done.agrees_with_centroid, 250);
        assert!(
            done.labels == runs[0].labels,
            "two seeds give different labels"
        );
    }
}

/// Each choice as lines of TOML laid over a configuration: the published reference, or the default.
const CHOICES: [(&str, &str, &[&str]); 20] = [
    ("reference", REFERENCE, &[]),
    (
        "reference, mean pooling",
        REFERENCE,
        &["model.pooling = \"mean\""],
    ),
    (
        "reference, conv front",
        REFERENCE,
        &["model.conv_channels = 16"],
    ),
    ("default", DEFAULT, &[]),
    (
        "default, last state",
        DEFAULT,
        &["model.pooling = \"last\""],
    ),
    (
        "default, max pooling",
        DEFAULT,
        &["model.pooling = \"max\""],
    ),
    (
        "default, mean and max pooling",
        DEFAULT,
        &["model.pooling = \"mean_max\""],
    ),
    ("default, batch norm", DEFAULT, &["model.norm = \"batch\""]),
    ("default, no norm", DEFAULT, &["model.norm = \"none\""]),
    (
        "default, no conv front",
        DEFAULT,
        &["model.conv_channels = 0"],
    ),
    ("default, conv pool 1", DEFAULT, &["model.conv_pool = 1"]),
    ("default, conv pool 4", DEFAULT, &["model.conv_pool = 4"]),
    (
        "default, windows of 100 to 400 nt",
        DEFAULT,
        &["data.min_crop = 100"],
    ),
    (
        "default, no gradient clipping",
        DEFAULT,
        &["fit.max_gradient_norm = 0.0"],
    ),
    (
        "default, constant rate",
        DEFAULT,
        &["fit.schedule = \"constant\""],
    ),
    (
        "default, rate 0.001",
        DEFAULT,
        &["fit.learning_rate = 0.001"],
    ),
    (
        "default, forget bias 1",
        DEFAULT,
        &["model.forget_bias = 1.0"],
    ),
    ("default, dropout 0.2", DEFAULT, &["model.dropout = 0.2"]),
    (
        "default, 16 hidden units",
        DEFAULT,
        &["model.d_hidden = 16"],
    ),
    (
        "default, 64 hidden units",
        DEFAULT,
        &["model.d_hidden = 64"],
    ),
];
const REFERENCE: &str = include_str!("../configs/reference.toml");
const DEFAULT: &str = include_str!("../configs/default.toml");

/// `base` with the values of `changes`, as TOML.
fn changed(base: &str, changes: &[&str]) -> String {
    let mut table: toml::Table = base.parse().unwrap();
    for change in changes {
        let change: toml::Table = change.parse().unwrap();
        for (section, keys) in change {
            let section = table[&section].as_table_mut().unwrap();
            section.extend(keys.as_table().unwrap().clone());
        }
    }
    table.to_string()
}

/// `docs/tasks/dna-rnn-classifier.md` has its table.
#[test]
#[ignore = "half an hour: what each choice does, over five seeds"]
fn what_each_choice_does() {
    let Some(data) = real_file() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("choice.toml");
    println!(
        "| configuration | validation strings right of 100: mean (each seed) | accuracy over the last 10 epochs | \
         test strings on which seeds differ | as the centroid, of 250 |"
    );
    println!("|---|---|---|---|---|");
    for (name, base, changes) in CHOICES {
        std::fs::write(&path, changed(base, changes)).unwrap();
        let runs: Vec<Done> = SEEDS.map(|seed| train(&data, Some(&path), seed)).collect();
        let right: Vec<f64> = runs
            .iter()
            .map(|done| done.valid_accuracy * 100.0)
            .collect();
        let last = runs
            .iter()
            .flat_map(|done| done.curve.iter().rev().take(10));
        let (low, high) = last.fold((1f64, 0f64), |(low, high), &v| (low.min(v), high.max(v)));
        // The labels are the end of the file, eight bytes each.
        let label = |done: &Done, index: usize| {
            let start = done.labels.len() - 250 * 8 + index * 8;
            done.labels[start]
        };
        let differ = (0..250)
            .filter(|&index| {
                runs.iter()
                    .any(|done| label(done, index) != label(&runs[0], index))
            })
            .count();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let agree: Vec<String> = runs
            .iter()
            .map(|done| done.agrees_with_centroid.to_string())
            .collect();
        let each: Vec<String> = right.iter().map(|v| format!("{v:.0}")).collect();
        println!(
            "| {name} | {:.1} ({}) | {low:.2} to {high:.2} | {differ} | {} |",
            mean(&right),
            each.join(", "),
            agree.join(", "),
        );
    }
}
