//! Holds the main command and the test command to one set of features, so that Burn is compiled once for both.
//!
//! Cargo unifies the features of all packages that it builds together. A test that switches on one more feature of a crate low
//! in the tree therefore makes the test command compile that crate, and everything above it, a second time. Our own crates count: they
//! are a good part of the build.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The package that `cargo run --release` builds.
const MAIN: &str = "dna-rnn-classifier";

const MAIN_TREE: &[&str] = &["--package", MAIN, "--edges", "normal,build"];
const TEST_TREE: &[&str] = &["--workspace", "--edges", "normal,build,dev"];

/// Packages as `name vVERSION`, each with the sets of features that it is built with: mostly one, two when a build script or a
/// macro also uses it.
type Packages<'a> = BTreeMap<&'a str, BTreeSet<BTreeSet<&'a str>>>;

/// Compares what the two commands build.
pub(crate) fn check(root: &Path) -> Result<String, String> {
    let (main, tests) = (tree(root, MAIN_TREE)?, tree(root, TEST_TREE)?);
    let (main, tests) = (parse(&main)?, parse(&tests)?);
    if main.is_empty() {
        return Err(format!(
            "features: {MAIN} has no dependencies: nothing was checked"
        ));
    }
    let problems = compare(&main, &tests);
    if problems.is_empty() {
        return Ok(format!(
            "features: {} packages of the main command, the tests build each with the same features",
            main.len()
        ));
    }
    let count = problems.len();
    let plural = if count == 1 { "" } else { "s" };
    Err(format!(
        "{}\n\nfeatures: the tests compile {count} package{plural} of the main command again, with all that depends on them. Add each \
         with its missing features, or the package that the tests use and that switches them on, to \
         examples/{MAIN}/Cargo.toml, beside the two that are there (the comment there says why).",
        problems.join("\n")
    ))
}

/// One line `name vVERSION [FEATURE,FEATURE]` for each package that a command builds on this system.
fn tree(root: &Path, selection: &[&str]) -> Result<String, String> {
    let mut command = Command::new("cargo");
    command
        .args(["tree", "--locked", "--quiet"])
        .args(selection)
        .args(["--prefix", "none", "--format", "{p} [{f}]"])
        .current_dir(root);
    let output = command
        .output()
        .map_err(|source| format!("features: cannot start cargo: {source}"))?;
    if !output.status.success() {
        return Err(format!(
            "features: `cargo tree {}`: {}\n{}",
            selection.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        ));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| "features: cargo tree wrote something that is not UTF-8".to_owned())
}

/// The packages of a tree.
fn parse(tree: &str) -> Result<Packages<'_>, String> {
    let mut packages = Packages::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        // A package that was listed before ends in ` (*)`.
        let entry = line.strip_suffix(" (*)").unwrap_or(line);
        let (package, features) = entry
            .strip_suffix(']')
            .and_then(|entry| entry.rsplit_once(" ["))
            .ok_or_else(|| format!("features: cannot understand cargo tree: `{line}`"))?;
        let features = features.split(',').filter(|feature| !feature.is_empty());
        packages
            .entry(package)
            .or_default()
            .insert(features.collect());
    }
    Ok(packages)
}

/// Each set of features in `main` with which `tests` does not build the same package.
///
/// The other way round is no problem: a set that only the tests need leaves what the main command has built in use.
fn compare(main: &Packages, tests: &Packages) -> Vec<String> {
    let none = BTreeSet::new();
    let mut problems = Vec::new();
    for (package, in_main) in main {
        let in_tests = tests.get(package).unwrap_or(&none);
        for features in in_main.difference(in_tests) {
            let tests_have: Vec<String> = in_tests.iter().map(shown).collect();
            let missing: BTreeSet<&str> = in_tests.iter().flatten().copied().collect();
            let missing: Vec<&str> = missing.difference(features).copied().collect();
            problems.push(format!(
                "{package}: the main command builds it with {}, the tests with {}; missing: {}",
                shown(features),
                tests_have.join(" and "),
                missing.join(", ")
            ));
        }
    }
    problems
}

fn shown(features: &BTreeSet<&str>) -> String {
    let features: Vec<&str> = features.iter().copied().collect();
    format!("[{}]", features.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "\
toy v0.1.0 (/home/me/toy) [default]
burn v0.22.1 [flex,std]
syn v2.0.1 [full]
derive v1.0.0 (proc-macro) []
syn v2.0.1 [full,visit] (*)
toy-nn v0.1.0 (/home/me/toy/crates/nn) [flex]
burn v0.22.1 [flex,std] (*)
";

    fn problems(main: &str, tests: &str) -> Vec<String> {
        compare(&parse(main).unwrap(), &parse(tests).unwrap())
    }

    #[test]
    fn a_feature_that_only_the_tests_switch_on_is_named() {
        let tests = MAIN.replace("[flex,std]", "[flex,serde,std]");
        assert_eq!(
            problems(MAIN, &tests),
            [
                "burn v0.22.1: the main command builds it with [flex,std], the tests with [flex,serde,std]; missing: serde"
            ]
        );
        let tests = MAIN.replace("(proc-macro) []", "(proc-macro) [std]");
        assert_eq!(
            problems(MAIN, &tests),
            [
                "derive v1.0.0 (proc-macro): the main command builds it with [], the tests with [std]; missing: std"
            ]
        );
    }

    #[test]
    fn more_packages_and_another_order_are_no_difference() {
        let tests = format!("proptest v1.12.0 [std]\n\n{MAIN}").replace("flex,std", "std,flex");
        assert!(problems(MAIN, &tests).is_empty());
    }

    #[test]
    fn a_package_built_in_two_ways_is_compared_in_both() {
        let one_changed = MAIN.replace("[full,visit]", "[full,fold]");
        assert_eq!(
            problems(MAIN, &one_changed),
            [
                "syn v2.0.1: the main command builds it with [full,visit], the tests with [fold,full] and [full]; missing: fold"
            ]
        );
        let a_third = format!("{MAIN}syn v2.0.1 [extra]\n");
        assert!(problems(MAIN, &a_third).is_empty());
    }

    #[test]
    fn a_tree_of_another_form_is_refused() {
        let error = parse("burn v0.22.1\n").unwrap_err();
        assert!(error.ends_with("`burn v0.22.1`"), "{error}");
    }
}
