//! The program as its users run it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hairpin_search::{Budget, Space, Study, StudyConfig, TrialRange};

fn program(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hairpin-search"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// One array task: a range of trials into a table of its own.
fn task(space: &Space, table: &Path, trials: &str) {
    let study = Study::open(space.clone(), StudyConfig::default(), table).unwrap();
    let trials: TrialRange = trials.parse().unwrap();
    let objective = |trial: &hairpin_search::Trial| crate::functions::network(trial.params());
    study.run(Budget::range(trials), objective).unwrap();
}

#[test]
fn array_tasks_merged_are_one_search() {
    let folder = tempfile::tempdir().unwrap();
    let space = crate::functions::network_space();
    fs::write(folder.path().join("space.toml"), space.to_toml()).unwrap();
    for (name, trials) in [
        ("b.csv", "8..12"),
        ("a.csv", "0..8"),
        ("whole.csv", "0..12"),
    ] {
        task(&space, &folder.path().join(name), trials);
    }
    let output = program(
        folder.path(),
        &["merge", "--out", "all.csv", "b.csv", "a.csv"],
    );
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stdout), "12 trials in all.csv\n");
    assert_eq!(
        fs::read_to_string(folder.path().join("all.csv")).unwrap(),
        fs::read_to_string(folder.path().join("whole.csv")).unwrap()
    );

    let arguments = ["best", "--space", "space.toml", "all.csv"];
    let best = text(&program(folder.path(), &arguments).stdout);
    assert!(best.starts_with("# trial "), "{best}");
    assert!(best.contains("\nlearning_rate = "), "{best}");

    let arguments = [
        "report",
        "--space",
        "space.toml",
        "--out",
        "page.html",
        "--title",
        "A & B",
        "all.csv",
    ];
    assert!(program(folder.path(), &arguments).status.success());
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.contains("<h1>A &amp; B</h1>"));
}

#[test]
fn what_is_refused_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let space = crate::functions::network_space();
    task(&space, &folder.path().join("a.csv"), "0..2");
    let rows = fs::read_to_string(folder.path().join("a.csv")).unwrap();
    let other = rows.replace(",complete,", ",pruned,");
    fs::write(folder.path().join("b.csv"), other).unwrap();
    let output = program(
        folder.path(),
        &["merge", "--out", "all.csv", "a.csv", "b.csv"],
    );
    assert!(!output.status.success());
    assert_eq!(
        text(&output.stderr),
        "hairpin-search: b.csv, line 2: trial 0 differs from a.csv, line 2; keep the table that is right\n"
    );
    assert!(!folder.path().join("all.csv").exists());

    let output = program(folder.path(), &["best", "--space", "none.toml", "a.csv"]);
    assert!(text(&output.stderr).starts_with("hairpin-search: none.toml: cannot read the file"));
    assert!(text(&output.stderr).contains("No such file"));
}
