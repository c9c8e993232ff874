//! The program from outside: what it writes, what it refuses, and that it can be stopped.

use hairpin::seq::Policy;
use hairpin::tasks::rnn_dna;
use hairpin_golden::{Program, text};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: Program = Program::new(
    env!("CARGO_BIN_EXE_dna-rnn-classifier"),
    env!("CARGO_MANIFEST_DIR"),
);

const FIXTURE: &str = "../../fixtures/tasks/rnn-dna/rnn-dna-simulated.npz";

/// A run with the tiny configuration.
fn trained(folder: &Path, more: &[&str]) -> String {
    let arguments = [
        "train",
        "--config",
        "configs/tiny.toml",
        "--run",
        text(folder),
    ];
    PROGRAM.succeeds(&[&arguments[..], more].concat())
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    (folder, run)
}

#[test]
fn a_run_leaves_its_files_and_its_table() {
    let (_folder, run) = temporary();
    let stdout = trained(&run, &[]);
    for row in [
        "majority class",
        "nearest centroid",
        "Markov chain",
        "sequence_lstm",
    ] {
        assert!(stdout.contains(row), "no {row:?} in {stdout}");
    }
    for name in [
        "run.toml",
        "targets.json",
        "split.json",
        "model.bpk",
        "bundle.json",
        "metrics.csv",
        "train.log",
        "prediction.npy",
        "report.html",
        "launches.json",
    ] {
        assert!(run.join(name).metadata().unwrap().len() > 0, "{name}");
    }
    assert!(
        !run.join("checkpoint").exists(),
        "a finished run has no checkpoint"
    );
    let metrics = std::fs::read_to_string(run.join("metrics.csv")).unwrap();
    assert_eq!(
        metrics.lines().count(),
        3,
        "a header and two epochs: {metrics}"
    );
    let npy = std::fs::read(run.join("prediction.npy")).unwrap();
    let header = String::from_utf8_lossy(&npy[10..128]);
    assert!(
        header.contains("'<i8'") && header.contains("(100,)"),
        "{header}"
    );
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    for part in [
        "class=\"verdict ",
        "<h2>Data</h2>",
        "rnn-dna-simulated.npz",
        "<h2>Split</h2>",
        "training and validation strings: ",
        "held-out rows seen in training",
        "agreement on the test strings",
        "model minus this",
        "Class named, validation strings: reliability",
        "largest errors",
        "logit of its class 4: integrated gradients",
        "residual",
        "bits over",
        "d_hidden = 8",
        "conv_pool = 3",
        "<h2>Manifest</h2>",
        "SHA-256 8a409656094647602d4c3f582b9f4c0c20f8e4a217f939358c95f709fda5dde1",
        "tiny.toml",
    ] {
        assert!(report.contains(part), "no {part:?} in the report");
    }
    // The page's first statement is the one on stdout.
    let verdict = stdout.lines().next().unwrap();
    assert!(verdict.contains(" in accuracy: "), "{verdict}");
    let escaped = verdict.replace('\'', "&#39;");
    assert!(
        report.find(&escaped) < report.find("<h2>Data</h2>"),
        "{verdict}"
    );
    let split = std::fs::read(run.join("split.json")).unwrap();
    let split: serde_json::Value = serde_json::from_slice(&split).unwrap();
    assert_eq!(split["leakage"]["exact_duplicates"], serde_json::json!([]));
    assert!(!run.join("tensorboard").exists(), "nobody asked for it");
}

#[test]
fn tensorboard_files_are_written_on_request() {
    let (_folder, run) = temporary();
    trained(&run, &["--tensorboard"]);
    let events: Vec<_> = std::fs::read_dir(run.join("tensorboard"))
        .unwrap()
        .collect();
    assert_eq!(events.len(), 1);
    let bytes = std::fs::read(events[0].as_ref().unwrap().path()).unwrap();
    for tag in ["train/loss", "valid/loss", "valid/accuracy"] {
        let found = bytes
            .windows(tag.len())
            .filter(|part| *part == tag.as_bytes());
        assert_eq!(found.count(), 2, "{tag} once in each epoch");
    }
}

/// What a bundle is made of, and the answer.
const BUNDLE: [&str; 5] = [
    "run.toml",
    "targets.json",
    "model.bpk",
    "bundle.json",
    "prediction.npy",
];

fn bytes_of(run: &Path) -> [Vec<u8>; 5] {
    BUNDLE.map(|name| std::fs::read(run.join(name)).unwrap())
}

#[test]
fn one_command_repeats_a_run_to_the_last_byte() {
    let (folder, run) = temporary();
    let data = folder.path().join("own.npz");
    std::fs::copy(FIXTURE, &data).unwrap();
    // Nothing of it is a default: the files of the run are all that the replay has.
    let own = ["--seed", "11", "--data", text(&data)];
    trained(&run, &own);
    let output = PROGRAM.run(&["train", "--replay", text(&run)]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(
        stderr.contains("replay: the bundle has the same bytes"),
        "{stderr}"
    );
    assert!(!stderr.contains("may end with other bytes"), "{stderr}");
    let replay = folder.path().join("run-replay");
    assert!(bytes_of(&run) == bytes_of(&replay));
    let text_of = |name: &str| std::fs::read_to_string(replay.join(name)).unwrap();
    assert!(text_of("run.toml").contains("\n[manifest]\n"));
    assert!(text_of("launches.json").contains("--replay"));

    // A replay is a run: it can be replayed, and its configuration is one.
    let third = folder.path().join("third");
    PROGRAM.succeeds(&["train", "--replay", text(&replay), "--run", text(&third)]);
    assert!(bytes_of(&run) == bytes_of(&third));
    let config = run.join("run.toml");
    let fourth = folder.path().join("fourth");
    let by_config = ["train", "--config", text(&config), "--run", text(&fourth)];
    PROGRAM.succeeds(&[&by_config[..], &["--data", text(&data)]].concat());
    assert!(bytes_of(&run) == bytes_of(&fourth));

    // Other data under the same name are not the run's.
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
    let train = rnn_dna::read_train(&fixture, Policy::default()).unwrap();
    let test = rnn_dna::read_test(&fixture, Policy::default()).unwrap();
    rnn_dna::write_data(&data, &train, &test[1..]).unwrap();
    let again = ["train", "--replay", text(&run), "--run", text(&third)];
    PROGRAM.refuses(&again, &["own.npz", "as recorded in the manifest"]);
    std::fs::remove_file(&data).unwrap();
    PROGRAM.refuses(&again, &["own.npz"]);
    assert!(
        bytes_of(&run) == bytes_of(&third),
        "a refused replay writes nothing"
    );
}

#[test]
fn a_replay_takes_everything_from_the_run_and_never_overwrites_it() {
    let (folder, run) = temporary();
    let replay = ["train", "--replay", text(&run)];
    PROGRAM.refuses(&replay, &["no such folder", "train first"]);
    std::fs::create_dir(&run).unwrap();
    PROGRAM.refuses(&replay, &["run.toml"]);
    trained(&run, &[]);
    PROGRAM.refuses(
        &[&replay[..], &["--run", text(&run)]].concat(),
        &["name another folder with --run"],
    );
    for more in [
        ["--seed", "2"],
        ["--data", "x"],
        ["--config", "x"],
        ["--device", "flex"],
    ] {
        let output = PROGRAM.run(&[&replay[..], &more[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}");
    }
    // A run that was made by something else: said, and the bytes are not promised.
    let toml = std::fs::read_to_string(run.join("run.toml")).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let older = toml.replace("program_version = \"", "program_version = \"0.0.");
    for name in ["targets.json", "model.bpk", "bundle.json", "launches.json"] {
        std::fs::copy(run.join(name), elsewhere.join(name)).unwrap();
    }
    std::fs::write(elsewhere.join("run.toml"), &older).unwrap();
    let output = PROGRAM.run(&["train", "--replay", text(&elsewhere)]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("note: program version was 0.0."),
        "{stderr}"
    );
    // Its files do not belong together, which is not passed over in silence.
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("run.toml") && stderr.contains("SHA-256")
            || stderr.contains("size in bytes"),
        "{stderr}"
    );
    let other = older.replace("program = \"dna-rnn-classifier\"", "program = \"other\"");
    std::fs::write(elsewhere.join("run.toml"), other).unwrap();
    PROGRAM.refuses(
        &["train", "--replay", text(&elsewhere)],
        &["a run of other", "expected one of dna-rnn-classifier"],
    );
    let bare = toml.split("\n[manifest]").next().unwrap();
    std::fs::write(elsewhere.join("run.toml"), bare).unwrap();
    PROGRAM.refuses(
        &["train", "--replay", text(&elsewhere)],
        &["no record of how the run was made"],
    );
}

#[test]
fn predict_gives_what_train_gave_and_evaluate_scores_it() {
    let (folder, run) = temporary();
    trained(&run, &[]);
    let out = folder.path().join("again.npy");
    PROGRAM.succeeds(&["predict", "--run", text(&run), "--out", text(&out)]);
    assert_eq!(
        std::fs::read(run.join("prediction.npy")).unwrap(),
        std::fs::read(&out).unwrap()
    );
    let truth = "../../fixtures/tasks/rnn-dna/test-labels.npy";
    let found = PROGRAM.succeeds(&["evaluate", "--run", text(&run), "--labels", truth, "--json"]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let accuracy = found["accuracy"]["value"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&accuracy));
    let shown = PROGRAM.succeeds(&["evaluate", "--run", text(&run), "--labels", truth]);
    assert!(
        shown.contains(&format!("accuracy {accuracy:.3}")),
        "{shown}"
    );
}

#[test]
fn a_seed_fixes_every_byte_at_any_number_of_threads() {
    let (folder, _) = temporary();
    let bytes = |name: &str, seed: &str, threads: &str| {
        let run = folder.path().join(name);
        let done = PROGRAM
            .command()
            .env("RAYON_NUM_THREADS", threads)
            .args([
                "train",
                "--config",
                "configs/tiny.toml",
                "--seed",
                seed,
                "--run",
                text(&run),
            ])
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        ["prediction.npy", "model.bpk"].map(|file| std::fs::read(run.join(file)).unwrap())
    };
    let one = bytes("one", "7", "1");
    assert!(
        one == bytes("two", "7", "2"),
        "two threads change the bytes"
    );
    assert!(
        one[1] != bytes("three", "8", "2")[1],
        "another seed changes nothing"
    );
}

#[test]
fn json_is_one_object_on_stdout() {
    let (_folder, run) = temporary();
    let found: serde_json::Value = serde_json::from_str(&trained(&run, &["--json"])).unwrap();
    assert_eq!(found["epochs"], 2);
    assert_eq!(found["classifiers"].as_array().unwrap().len(), 4);
}

#[test]
fn a_configuration_is_refused_by_line_and_key() {
    let (folder, run) = temporary();
    let config = folder.path().join("own.toml");
    let refuse = |toml: &str, parts: &[&str]| {
        std::fs::write(&config, toml).unwrap();
        let arguments = ["train", "--config", text(&config), "--run", text(&run)];
        PROGRAM.refuses(&arguments, &[parts, &["own.toml"]].concat());
        assert!(
            !run.exists(),
            "nothing is made before the configuration is checked"
        );
    };
    refuse(
        "[model]\nd_hiden = 3\n",
        &["line 2, column 1", "model.d_hiden", "model.d_hidden"],
    );
    refuse(
        "[fit]\n\nepochs = \"many\"\n",
        &["line 3", "fit.epochs", "an integer"],
    );
    refuse(
        "[model]\npooling = \"median\"\n",
        &["line 2", "model.pooling", "mean_max"],
    );
    refuse("[fit\n", &["line 1"]);
}

#[test]
fn a_value_out_of_range_is_refused_by_name() {
    let (folder, run) = temporary();
    let config = folder.path().join("own.toml");
    for (toml, part) in [
        ("[model]\nconv_kernel = 4\n", "conv_kernel"),
        ("[model]\nn_outputs = 6\n", "n_outputs"),
        ("[fit]\nbatch_size = 0\n", "batch_size"),
        ("[fit]\nlearning_rate = -1.0\n", "learning_rate"),
    ] {
        std::fs::write(&config, toml).unwrap();
        PROGRAM.refuses(
            &["train", "--config", text(&config), "--run", text(&run)],
            &[part],
        );
    }
    PROGRAM.refuses(
        &["train", "--config", "no-such.toml", "--run", text(&run)],
        &["no-such.toml"],
    );
}

#[test]
fn data_that_are_not_there_say_where_to_get_them() {
    let (_folder, run) = temporary();
    PROGRAM.refuses(
        &["train", "--data", "no-such.npz", "--run", text(&run)],
        &["no-such.npz", "rnn-challenge-data.npz"],
    );
}

#[test]
fn broken_data_are_refused_with_their_place_before_anything_is_written() {
    let (folder, run) = temporary();
    let whole = std::fs::read("../../fixtures/tasks/rnn-dna/rnn-dna-simulated.npz").unwrap();
    let data = folder.path().join("own.npz");
    for broken in [&whole[..whole.len() / 2], b"", b"not a zip at all"] {
        std::fs::write(&data, broken).unwrap();
        PROGRAM.refuses(
            &["train", "--data", text(&data), "--run", text(&run)],
            &["own.npz"],
        );
        assert!(!run.exists());
    }
}

#[test]
fn windows_shorter_than_the_network_can_read_are_refused() {
    let (folder, run) = temporary();
    let config = folder.path().join("own.toml");
    std::fs::write(&config, "[data]\nmin_crop = 2\n").unwrap();
    PROGRAM.refuses(
        &["train", "--config", text(&config), "--run", text(&run)],
        &["2 positions", "at least 3"],
    );
    std::fs::write(
        &config,
        "[fit]\nepochs = 1\nbatch_size = 1152921504606846976\n",
    )
    .unwrap();
    PROGRAM.succeeds(&["train", "--config", text(&config), "--run", text(&run)]);
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let (folder, _) = temporary();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let below = file.join("run");
    PROGRAM.refuses(&["train", "--run", text(&file)], &["file", "not a folder"]);
    PROGRAM.refuses(
        &["train", "--run", text(&below)],
        &["file: is not a folder", "name another"],
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "in the way");
}

#[test]
fn a_device_that_was_not_built_in_says_how_to_build_it() {
    let (_folder, run) = temporary();
    if cfg!(not(feature = "cuda")) {
        PROGRAM.refuses(
            &["train", "--device", "cuda:0", "--run", text(&run)],
            &["--features cuda"],
        );
    }
    let output = PROGRAM
        .command()
        .args(["train", "--device", "gpu"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("expected flex"));
}

#[test]
fn labels_of_other_data_never_replace_a_runs_own_unasked() {
    let (folder, run) = temporary();
    let data = folder.path().join("own.npz");
    // The same strings in a file of another hash.
    let fixture = Path::new("../../fixtures/tasks/rnn-dna/rnn-dna-simulated.npz");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture);
    let train = rnn_dna::read_train(&fixture, Policy::default()).unwrap();
    let test = rnn_dna::read_test(&fixture, Policy::default()).unwrap();
    rnn_dna::write_data(&data, &train, &test[1..]).unwrap();
    trained(&run, &["--data", text(&data)]);
    let labels = std::fs::read(run.join("prediction.npy")).unwrap();
    PROGRAM.refuses(&["predict", "--run", text(&run)], &["--data FILE"]);
    assert_eq!(labels, std::fs::read(run.join("prediction.npy")).unwrap());
    PROGRAM.succeeds(&["predict", "--run", text(&run), "--data", text(&data)]);
}

#[test]
fn a_bundle_is_loaded_whole_or_refused_and_earlier_labels_survive() {
    let (folder, run) = temporary();
    let predict = ["predict", "--run", text(&run)];
    PROGRAM.refuses(&predict, &["no such folder", "train first"]);
    trained(&run, &[]);
    let labels = std::fs::read(run.join("prediction.npy")).unwrap();
    let other = folder.path().join("other");
    trained(&other, &["--seed", "9"]);

    let weights = run.join("model.bpk");
    let own = std::fs::read(&weights).unwrap();
    std::fs::copy(other.join("model.bpk"), &weights).unwrap();
    PROGRAM.refuses(&predict, &["model.bpk", "SHA-256", "train again"]);
    std::fs::write(&weights, &own[..own.len() / 2]).unwrap();
    PROGRAM.refuses(&predict, &["model.bpk", "size in bytes"]);
    std::fs::remove_file(&weights).unwrap();
    PROGRAM.refuses(&predict, &["model.bpk", "no such file"]);
    std::fs::write(&weights, own).unwrap();
    std::fs::remove_file(run.join("bundle.json")).unwrap();
    PROGRAM.refuses(&predict, &["bundle.json", "train first"]);
    assert_eq!(labels, std::fs::read(run.join("prediction.npy")).unwrap());
}

/// Starts a long run, sends it an interrupt in the middle of an epoch after the second, and lets it end.
#[cfg(unix)]
fn interrupted(config: &Path, folder: &Path) -> Output {
    let child = PROGRAM
        .command()
        .args(["train", "--config", text(config), "--run", text(folder)])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let metrics = folder.join("checkpoint/metrics.csv");
    let epochs = || std::fs::read_to_string(&metrics).map_or(0, |text| text.lines().count());
    let started = std::time::Instant::now();
    while epochs() < 3 && started.elapsed().as_secs() < 120 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let killed = Command::new("sh")
        .args(["-c", &format!("kill -INT {}", child.id())])
        .status()
        .unwrap();
    assert!(killed.success());
    child.wait_with_output().unwrap()
}

#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_and_resumed_ends_as_if_it_had_not_been() {
    let (folder, run) = temporary();
    let config = folder.path().join("long.toml");
    // Dropout, batch normalisation and random windows: all that a careless resume would lose.
    let toml = "[model]\nconv_channels = 8\nd_hidden = 8\nd_dense = 8\nnorm = \"batch\"\ndropout = 0.2\n\
                [fit]\nepochs = 25\n[data]\nmin_crop = 100\n";
    std::fs::write(&config, toml).unwrap();

    let output = interrupted(&config, &run);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("--resume"), "{stderr}");
    assert!(run.join("checkpoint").exists());
    assert!(!run.join("prediction.npy").exists());

    // Built anew since, as it were: the run keeps the manifest it began with.
    let manifest = run.join("checkpoint/manifest.toml");
    let begun = std::fs::read_to_string(&manifest).unwrap();
    let version = "program_version = \"";
    std::fs::write(&manifest, begun.replace(version, &format!("{version}0.0."))).unwrap();

    // Somebody else's file among the checkpoints is left alone.
    std::fs::write(run.join("checkpoint/notes.txt"), "mine").unwrap();
    let train = ["train", "--config", text(&config), "--run", text(&run)];
    PROGRAM.refuses(
        &train,
        &["checkpoint of a run that was stopped", "--resume"],
    );
    PROGRAM.refuses(
        &[&train[..], &["--resume", "--seed", "2"]].concat(),
        &["another configuration"],
    );
    PROGRAM.succeeds(&[&train[..], &["--resume"]].concat());
    assert_eq!(
        std::fs::read_dir(run.join("checkpoint")).unwrap().count(),
        1
    );
    let cleared = std::fs::read_dir(run.join("checkpoint"))
        .unwrap()
        .next()
        .unwrap();
    assert_eq!(cleared.unwrap().file_name(), "notes.txt");
    PROGRAM.refuses(&[&train[..], &["--resume"]].concat(), &["no checkpoint"]);

    let run_toml = std::fs::read_to_string(run.join("run.toml")).unwrap();
    assert!(run_toml.contains(&format!("{version}0.0.")), "{run_toml}");
    let launches = std::fs::read(run.join("launches.json")).unwrap();
    let launches: serde_json::Value = serde_json::from_slice(&launches).unwrap();
    let resumed = |launch: &serde_json::Value| {
        let command = launch["command"].as_array().unwrap();
        command.iter().any(|word| word == "--resume")
    };
    let launches = launches.as_array().unwrap();
    assert!(!resumed(&launches[0]) && launches[1..].iter().all(resumed));

    let whole = folder.path().join("whole");
    PROGRAM.succeeds(&["train", "--config", text(&config), "--run", text(&whole)]);

    // Stopped again in the folder of a finished run, a training leaves all of that run as it was.
    let files = [
        "prediction.npy",
        "model.bpk",
        "bundle.json",
        "metrics.csv",
        "report.html",
    ];
    let before = files.map(|name| std::fs::read(whole.join(name)).unwrap());
    assert_eq!(interrupted(&config, &whole).status.code(), Some(1));
    assert!(before == files.map(|name| std::fs::read(whole.join(name)).unwrap()));
    for name in ["prediction.npy", "model.bpk"] {
        let [resumed, whole] = [&run, &whole].map(|run| std::fs::read(run.join(name)).unwrap());
        assert!(resumed == whole, "{name} differs");
    }
    let scores = |run: &Path| {
        let text = std::fs::read_to_string(run.join("metrics.csv")).unwrap();
        let columns = |line: &str| line.split(',').take(6).collect::<Vec<_>>().join(",");
        text.lines().map(columns).collect::<Vec<_>>()
    };
    assert_eq!(scores(&run), scores(&whole));
}
