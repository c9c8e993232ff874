//! The Snakemake workflow of `docs/search.md`, where Snakemake is installed.

use std::fs;
use std::path::Path;
use std::process::Command;

const SPACE: &str = r#"
learning_rate = { type = "log-float", low = 1e-5, high = 1e-1 }
dropout = { type = "float", low = 0.0, high = 0.5 }
layers = { type = "int", low = 1, high = 3 }
units = { type = "log-int", low = 16, high = 256 }
cell = { type = "categorical", choices = ["lstm", "gru"] }
reset_dropout = { type = "float", low = 0.0, high = 0.5, when = { param = "cell", is = "gru" } }
"#;

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_page_shows_the_workflow_that_is_run() {
    let page = fs::read_to_string(package().join("../../docs/search.md")).unwrap();
    let workflow = fs::read_to_string(package().join("examples/Snakefile")).unwrap();
    assert!(page.contains(&format!("```python\n{workflow}```\n")));
    assert!(page.contains(SPACE.trim()));
}

#[test]
fn the_workflow_shares_a_search_out_and_joins_it() {
    // Built beside the tests when all of a package is.
    let tests = std::env::current_exe().unwrap();
    let examples = tests.parent().unwrap().parent().unwrap().join("examples");
    let snakemake = Command::new("snakemake").arg("--version").output();
    if snakemake.is_err() || !examples.join("search").exists() {
        eprintln!("skipped: no snakemake, or no example beside the tests");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    fs::write(file("space.toml"), SPACE).unwrap();
    fs::copy(package().join("examples/Snakefile"), file("Snakefile")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_hairpin-search"));
    // The programs of the workflow by name, without a change of the environment of the tests.
    let path = format!(
        "PATH={}:{}:$PATH exec snakemake --cores 2",
        examples.display(),
        program.parent().unwrap().display()
    );
    let output = Command::new("sh")
        .args(["-c", &path])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let whole = Command::new(examples.join("search"))
        .args([
            "--space",
            "space.toml",
            "--trials",
            "0..200",
            "--table",
            "whole.csv",
        ])
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(whole.success());
    // Which trials are pruned depends on those beside them; what is tried does not.
    let tried = |name: &str| -> Vec<String> {
        let text = fs::read_to_string(file(name)).unwrap();
        let cells = |line: &str| {
            let cells: Vec<&str> = line.split(',').collect();
            [&cells[..2], &cells[4..10]].concat().join(",")
        };
        text.lines().map(cells).collect()
    };
    assert_eq!(tried("trials.csv"), tried("whole.csv"));
    assert_eq!(tried("trials.csv").len(), 201);
    assert!(
        fs::read_to_string(file("best.toml"))
            .unwrap()
            .contains("learning_rate = ")
    );
    assert!(
        fs::read_to_string(file("search.html"))
            .unwrap()
            .ends_with("</html>\n")
    );
}
