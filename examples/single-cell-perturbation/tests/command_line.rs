//! The program from outside: what it writes, what it refuses, and that it can be gone on with.

use hairpin_golden::{Program, text};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const PROGRAM: Program = Program::new(
    env!("CARGO_BIN_EXE_single-cell-perturbation"),
    env!("CARGO_MANIFEST_DIR"),
);

const FIXTURE: &str = "../../fixtures/tasks/perturbation";

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    (folder, run)
}

fn tiny<'a>(run: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let arguments = ["train", "--config", "configs/tiny.toml", "--run", text(run)];
    [&arguments[..], more].concat()
}

fn bytes(run: &Path, name: &str) -> Vec<u8> {
    std::fs::read(run.join(name)).unwrap()
}

/// Ids in the first column.
fn ids(table: &str) -> Vec<&str> {
    let rows = table.lines().skip(1);
    rows.map(|line| line.split(',').next().unwrap()).collect()
}

#[test]
fn a_run_leaves_its_files_and_predicts_again_what_it_predicted() {
    let (folder, run) = temporary();
    let stdout = PROGRAM.succeeds(&tiny(&run, &["--parquet"]));
    for row in [
        "zeros",
        "mean per gene",
        "mean per cell type",
        "mean per compound",
        "additive",
        "ridge on one-hots",
        "blend (the model)",
    ] {
        assert!(stdout.contains(row), "no {row:?} in {stdout}");
    }
    for name in [
        "run.toml",
        "split.json",
        "bundle.json",
        "model.bpk",
        "targets.json",
        "launches.json",
        "submission.csv",
        "submission.parquet",
        "report.html",
        "held-out/round-1/bundle.json",
    ] {
        assert!(run.join(name).exists(), "{name}");
    }
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    for part in [
        "B cells",
        "MRRMSE",
        "SHA-256",
        "Error by gene",
        "genes that answer most",
        "rings are answers",
        "held out of both",
    ] {
        assert!(report.contains(part), "no {part:?} in the report");
    }

    // The official order of rows and genes.
    let submission = std::fs::read_to_string(run.join("submission.csv")).unwrap();
    let test = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(FIXTURE)
            .join("id_map.csv"),
    );
    assert_eq!(ids(&submission), ids(&test.unwrap()));
    assert!(submission.starts_with("id,GENE001,GENE002,"));

    let out = folder.path().join("again.csv");
    PROGRAM.succeeds(&["predict", "--run", text(&run), "--out", text(&out)]);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), submission);
    let parquet = folder.path().join("again.parquet");
    PROGRAM.succeeds(&["predict", "--run", text(&run), "--out", text(&parquet)]);
    assert_eq!(
        std::fs::read(&parquet).unwrap(),
        bytes(&run, "submission.parquet")
    );
    let labels = format!("{FIXTURE}/labels.csv");
    let score = PROGRAM.succeeds(&[
        "evaluate",
        "--run",
        text(&run),
        "--labels",
        &labels,
        "--json",
    ]);
    let score: serde_json::Value = serde_json::from_str(&score).unwrap();
    assert!(score["ratio"].as_f64().unwrap() > 0.0, "{score}");
    assert!(
        score["rows"]["Pearson"]["value"].as_f64().is_some(),
        "{score}"
    );

    // The run's own configuration makes the same run.
    let again = folder.path().join("replayed");
    let config = run.join("run.toml");
    PROGRAM.succeeds(&["train", "--config", text(&config), "--run", text(&again)]);
    for name in [
        "submission.csv",
        "run.toml",
        "split.json",
        "model.bpk",
        "targets.json",
    ] {
        assert!(bytes(&run, name) == bytes(&again, name), "{name}");
    }
    // One that was killed between a round and the end goes on, and ends alike.
    std::fs::remove_file(again.join("bundle.json")).unwrap();
    std::fs::remove_file(again.join("submission.csv")).unwrap();
    let resumed = tiny(&again, &["--resume"]);
    PROGRAM.succeeds(&resumed);
    for name in ["submission.csv", "model.bpk"] {
        assert!(bytes(&run, name) == bytes(&again, name), "{name}");
    }
    PROGRAM.refuses(
        &tiny(&again, &["--resume", "--seed", "9"]),
        &["another configuration", "round-1"],
    );
}

#[test]
fn both_references_run_and_answer() {
    let (folder, _) = temporary();
    let config = folder.path().join("own.toml");
    for (name, settings) in [
        (
            "across",
            "model.kind = \"transformer\"\n[transformer]\nattention = \"across_samples\"\nd_model = 16\nn_layers = 1\nn_heads = 2\nd_ff = 16\n",
        ),
        (
            "autoencoder",
            "model.kind = \"autoencoder\"\n[autoencoder]\nd_hidden = 32\nd_latent = 8\n[latent]\nd_hidden = 32\nn_heads = 4\nd_ff = 16\n",
        ),
    ] {
        let fixed = "[split]\nfolds = 3\nrounds = 1\n[fit]\nepochs = 3\n";
        std::fs::write(&config, format!("{settings}{fixed}")).unwrap();
        let run = folder.path().join(name);
        PROGRAM.succeeds(&["train", "--config", text(&config), "--run", text(&run)]);
        let submission = bytes(&run, "submission.csv");
        let out = folder.path().join("again.csv");
        PROGRAM.succeeds(&["predict", "--run", text(&run), "--out", text(&out)]);
        assert!(submission == std::fs::read(&out).unwrap(), "{name}");
    }
    // As published, the decoder is read from its first column on: the same network, other columns.
    let published = folder.path().join("published");
    let settings = std::fs::read_to_string(&config).unwrap();
    let settings = format!("model.shifted_decoder = true\n{settings}");
    std::fs::write(&config, settings).unwrap();
    PROGRAM.succeeds(&[
        "train",
        "--config",
        text(&config),
        "--run",
        text(&published),
    ]);
    let run = folder.path().join("autoencoder");
    assert!(bytes(&run, "model.bpk") == bytes(&published, "model.bpk"));
    assert!(bytes(&run, "submission.csv") != bytes(&published, "submission.csv"));
}

#[test]
fn pseudo_labels_reach_the_networks_and_leave_the_completion() {
    let (folder, _) = temporary();
    let config = folder.path().join("own.toml");
    let learned = |name: &str, weight: &str| {
        let settings = format!(
            "split.rounds = 0\nencoding.rank = 8\nnet.d_hidden = 8\nfit.epochs = 2\n\
             blend = {{ folds = 2, repeats = 1, rank = 8, heads = [\"dense\"], pseudo_labels = {weight} }}\n"
        );
        std::fs::write(&config, settings).unwrap();
        let run = folder.path().join(name);
        PROGRAM.succeeds(&["train", "--config", text(&config), "--run", text(&run)]);
        let known: serde_json::Value =
            serde_json::from_slice(&bytes(&run, "targets.json")).unwrap();
        (
            bytes(&run, "model.bpk"),
            known["encoder"]["completion"].clone(),
        )
    };
    let (without, with) = (learned("without", "0.0"), learned("with", "0.5"));
    assert!(without.0 != with.0);
    assert_eq!(without.1, with.1);
    assert!(without.1.is_object());
}

#[test]
fn every_way_of_holding_out_is_in_one_table() {
    let (_folder, run) = temporary();
    let arguments = [
        "compare-splits",
        "--config",
        "configs/tiny.toml",
        "--run",
        text(&run),
    ];
    let stdout = PROGRAM.succeeds(&arguments);
    for column in [
        "like the test",
        "other cell type",
        "random",
        "compound",
        "joint",
    ] {
        assert!(stdout.contains(column), "no {column:?} in {stdout}");
    }
    let found: serde_json::Value = serde_json::from_slice(&bytes(&run, "splits.json")).unwrap();
    assert_eq!(found.as_object().unwrap().len(), 5);
}

/// Four cell types, the last two with few rows, twelve compounds and six genes, as CSV; and the pairs to predict.
fn experiment() -> (String, String) {
    let (mut train, mut test) = (
        "cell_type,sm_name,SMILES,G1,G2,G3,G4,G5,G6\n".to_owned(),
        "id,cell_type,sm_name\n".to_owned(),
    );
    let mut id = 0;
    for (number, cell_type) in ["NK", "T", "B", "Myeloid"].iter().enumerate() {
        for compound in 0..12 {
            if number < 2 || compound < 5 {
                let _ = write!(train, "{cell_type},drug {compound},CCO");
                for gene in 0..6 {
                    let value =
                        (compound as f32 * 0.37 + gene as f32).sin() * 2.0 + number as f32 * 0.1;
                    let _ = write!(train, ",{value:.3}");
                }
                train.push('\n');
            } else {
                let _ = writeln!(test, "{id},{cell_type},drug {compound}");
                id += 1;
            }
        }
    }
    (train, test)
}

fn written(folder: &Path, train: &[u8], test: &str) -> PathBuf {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).unwrap();
    // The first bytes say what a file is, not its name.
    std::fs::write(data.join("de_train.parquet"), train).unwrap();
    std::fs::write(data.join("id_map.csv"), test).unwrap();
    data
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let (folder, run) = temporary();
    let (train, test) = experiment();
    let refuse = |train: &[u8], test: &str, parts: &[&str]| {
        let data = written(folder.path(), train, test);
        PROGRAM.refuses(&tiny(&run, &["--data", text(&data)]), parts);
        assert!(!run.exists(), "nothing is made before the data are read");
    };
    let bad = |train: &str, parts: &[&str]| {
        refuse(
            train.as_bytes(),
            &test,
            &[&["de_train.parquet"], parts].concat(),
        );
    };
    // Twice the same pair; infinite; a text among the genes; the same gene twice; no genes; no rows; no names.
    bad(&train.replace("NK,drug 1,", "NK,drug 0,"), &["drug 0"]);
    bad(&train.replacen("1.683", "inf", 1), &["inf"]);
    bad(&train.replacen("1.683", "high", 1), &["high"]);
    bad(&train.replace("G3", "G2"), &["G2"]);
    let names: String = train
        .lines()
        .map(|line| line.splitn(4, ',').take(3).collect::<Vec<_>>().join(",") + "\n")
        .collect();
    bad(&names, &["gene"]);
    bad(train.lines().next().unwrap(), &["no"]);
    bad(
        &train.replace("sm_name", "compound"),
        &["`compound`", "no gene"],
    );
    // The pairs to predict.
    let bad = |test: &str, parts: &[&str]| {
        refuse(train.as_bytes(), test, &[&["id_map.csv"], parts].concat());
    };
    bad(&test.replace("1,B,drug 6", "1,B,drug 5"), &["drug 5"]);
    bad(&test.replace("1,B,drug 6", "0,B,drug 6"), &["id"]);
    bad("id,cell_type,sm_name\n", &["no"]);
    // A Parquet file that was cut in its footer.
    let whole = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(FIXTURE)
        .join("de_train.parquet");
    let whole = std::fs::read(whole).unwrap();
    for length in [whole.len() - 4, whole.len() - 300, whole.len() / 2] {
        refuse(&whole[..length], &test, &["de_train.parquet"]);
    }
    // AnnData is looked for, and read where that was built in.
    std::fs::remove_file(folder.path().join("data/de_train.parquet")).unwrap();
    let anndata = folder.path().join("data/de_train.h5ad");
    std::fs::write(&anndata, b"\x89HDF\r\n\x1a\n and nothing behind it").unwrap();
    let data = folder.path().join("data");
    PROGRAM.refuses(&tiny(&run, &["--data", text(&data)]), &["de_train.h5ad"]);
    let data = folder.path().join("nowhere");
    PROGRAM.refuses(
        &tiny(&run, &["--data", text(&data)]),
        &["nowhere", "de_train.parquet"],
    );
}

#[test]
fn what_was_not_seen_is_answered_and_warned_of() {
    let (folder, run) = temporary();
    let (train, test) = experiment();
    // No row of a cell type, none of two compounds, and values that are missing.
    let test = test.replace("0,B,drug 5", "0,Platelets,drug 5")
        + "90,B,new 1\n91,Myeloid,new 1\n92,Platelets,new 2\n";
    let train = train.replacen("1.683", "", 1).replacen("1.819", "NaN", 1);
    let data = written(folder.path(), train.as_bytes(), &test);
    let output = PROGRAM.run(&tiny(&run, &["--data", text(&data), "--json"]));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    for part in [
        "1 cell type: `Platelets` (2 pairs",
        "2 compounds: `new 1` (2 pairs",
        "`new 2` (1 pair ",
    ] {
        assert!(stderr.contains(part), "no {part:?} in {stderr}");
    }
    let submission = std::fs::read_to_string(run.join("submission.csv")).unwrap();
    assert_eq!(ids(&submission).len(), ids(&test).len());
    assert!(!submission.contains("NaN"));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
    // Prediction warns as well.
    let out = folder.path().join("again.csv");
    let again = [
        "predict",
        "--run",
        text(&run),
        "--data",
        text(&data),
        "--out",
        text(&out),
    ];
    let output = PROGRAM.run(&again);
    assert!(String::from_utf8_lossy(&output.stderr).contains("Platelets"));
    assert_eq!(std::fs::read_to_string(&out).unwrap(), submission);
}

#[test]
fn genes_of_the_truth_may_stand_in_another_order_but_none_may_lack() {
    let (folder, run) = temporary();
    let (train, test) = experiment();
    let data = written(folder.path(), train.as_bytes(), &test);
    PROGRAM.succeeds(&tiny(&run, &["--data", text(&data)]));
    let labels = folder.path().join("labels.csv");
    let mut rows = [
        "id,G1,G2,G3,G4,G5,G6".to_owned(),
        "id,G4,G1,G2,G3,G6,G5".to_owned(),
    ];
    for id in ids(&test) {
        let value = id.parse::<f32>().unwrap();
        let [a, b] = &mut rows;
        let _ = write!(a, "\n{id},1,{value},3,-1,0,2");
        let _ = write!(b, "\n{id},-1,1,{value},3,2,0");
    }
    let [first, second] = rows.map(|content| {
        std::fs::write(&labels, content + "\n").unwrap();
        PROGRAM.succeeds(&["evaluate", "--run", text(&run), "--labels", text(&labels)])
    });
    assert_eq!(first, second);
    let content = std::fs::read_to_string(&labels)
        .unwrap()
        .replace("G6", "G7");
    std::fs::write(&labels, content).unwrap();
    PROGRAM.refuses(
        &["evaluate", "--run", text(&run), "--labels", text(&labels)],
        &["G7"],
    );
}

#[test]
fn a_setting_that_cannot_be_is_refused_by_name() {
    let (folder, run) = temporary();
    let config = folder.path().join("own.toml");
    for (toml, parts) in [
        ("[split]\nfold = 3\n", ["line 2", "split.fold"]),
        ("[split]\nfolds = 1\n", ["own.toml", "split.folds is 1"]),
        ("[split]\nkind = \"by_moon\"\n", ["own.toml", "like_test"]),
        (
            "[model]\nvalid_share = 1.0\n",
            ["own.toml", "model.valid_share"],
        ),
        (
            "[encoding]\nstatistics = []\n",
            ["own.toml", "encoding.statistics"],
        ),
        ("[transformer]\nn_heads = 3\n", ["own.toml", "d_model"]),
        (
            "[blend]\npseudo_labels = -1.0\n",
            ["own.toml", "blend.pseudo_labels"],
        ),
    ] {
        std::fs::write(&config, toml).unwrap();
        PROGRAM.refuses(
            &["train", "--config", text(&config), "--run", text(&run)],
            &parts,
        );
        assert!(!run.exists());
    }
    std::fs::write(&config, "split.cell_types = [\"Platelets\"]\n").unwrap();
    PROGRAM.refuses(
        &["train", "--config", text(&config), "--run", text(&run)],
        &["Platelets", "B cells"],
    );
}
