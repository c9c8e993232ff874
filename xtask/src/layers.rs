//! The layers of docs/ARCHITECTURE.md, enforced: which of our crates may depend on which, where the heavy libraries may
//! appear, and that libraries do not print.

use std::collections::HashMap;
use std::path::Path;

use crate::manifest::{Dependency, Kind, Manifest};
use crate::prints;
use crate::workspace::{self, Member};

/// Each crate with those of ours it may depend on. An edge that is not here is refused.
const LAYERS: &[(&str, &[&str])] = &[
    ("hairpin", BELOW_THE_FACADE),
    ("hairpin-tasks", &["hairpin-targets", "hairpin-seq"]),
    (
        "hairpin-train",
        &[
            "hairpin-models",
            "hairpin-nn",
            "hairpin-targets",
            "hairpin-seq",
        ],
    ),
    ("hairpin-targets", &["hairpin-seq"]),
    ("hairpin-models", &["hairpin-nn"]),
    ("hairpin-seq", &[]),
    ("hairpin-fold", &[]),
    ("hairpin-search", &[]),
    ("hairpin-nn", &[]),
    (GOLDEN, &[]),
    (XTASK, &[]),
];

const BELOW_THE_FACADE: &[&str] = &[
    "hairpin-tasks",
    "hairpin-train",
    "hairpin-targets",
    "hairpin-models",
    "hairpin-seq",
    "hairpin-fold",
    "hairpin-nn",
    "hairpin-search",
];

/// What every package under `examples/` may depend on.
const EXAMPLE: &[&str] = &["hairpin"];

/// Any crate but this one may test against golden files.
const GOLDEN: &str = "hairpin-golden";
const XTASK: &str = "xtask";

/// Heavy libraries with the only crates that may name them. A family is `burn`, `burn-flex`, `burn-...`.
const WALLS: &[(&str, &[&str])] = &[
    ("burn", &["hairpin-nn", "hairpin-models", "hairpin-train"]),
    ("cubecl", &["hairpin-nn", "hairpin-models", "hairpin-train"]),
    ("parquet", &["hairpin-tasks"]),
    ("polars", &["hairpin-tasks"]),
];

/// Checks every member of the workspace at `root`.
pub(crate) fn check(root: &Path) -> Result<String, String> {
    let root_manifest = Manifest::read(&root.join("Cargo.toml"))?;
    let members = workspace::members(root, &root_manifest)?;
    if members.is_empty() {
        return Err("layers: Cargo.toml names no members: nothing was checked".to_owned());
    }
    let mut problems = dependency_problems(&root_manifest, &members);
    for member in members
        .iter()
        .filter(|member| member.folder.starts_with("crates/"))
    {
        problems.extend(prints::problems(root, &member.folder)?);
    }
    if problems.is_empty() {
        return Ok(format!(
            "layers: {} packages, every dependency points down",
            members.len()
        ));
    }
    let count = problems.len();
    let plural = if count == 1 { "" } else { "s" };
    Err(format!(
        "{}\n\nlayers: {count} problem{plural}",
        problems.join("\n")
    ))
}

fn dependency_problems(root_manifest: &Manifest, members: &[Member]) -> Vec<String> {
    let shared_names: HashMap<&str, &str> = root_manifest
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == Kind::Workspace)
        .map(|dependency| (dependency.key.as_str(), package_name(dependency)))
        .collect();
    let mut problems = Vec::new();
    for member in members {
        let name = member.manifest.name.as_str();
        let file = format!("{}/Cargo.toml", member.folder);
        let Some(allowed) = allowed_below(member) else {
            problems.push(format!(
                "{file}: {name} has no layer: name it and what it may depend on in xtask/src/layers.rs and docs/ARCHITECTURE.md"
            ));
            continue;
        };
        for dependency in &member.manifest.dependencies {
            let mut package = package_name(dependency);
            // `key.workspace = true` may inherit a new name from the root manifest.
            if dependency.package.is_none() {
                package = shared_names.get(package).copied().unwrap_or(package);
            }
            if let Some(problem) = problem_with(name, allowed, package, dependency.kind, members) {
                problems.push(format!("{file}:{}: {problem}", dependency.line));
            }
        }
    }
    problems
}

/// What is wrong with the package `name` depending on `package`, if anything.
fn problem_with(
    name: &str,
    allowed: &[&str],
    package: &str,
    kind: Kind,
    members: &[Member],
) -> Option<String> {
    if name == XTASK {
        return Some(format!(
            "{name} depends on {package}, but it may use the standard library only"
        ));
    }
    let ours = LAYERS.iter().any(|&(crate_name, _)| crate_name == package)
        || members.iter().any(|member| member.manifest.name == package);
    let for_its_tests = kind == Kind::Dev && (package == GOLDEN || package == name);
    if ours && !for_its_tests && !allowed.contains(&package) {
        let may = if allowed.is_empty() {
            "none of ours".to_owned()
        } else {
            allowed.join(", ")
        };
        return Some(format!(
            "{name} depends on {package}, but its layer allows {may}"
        ));
    }
    WALLS
        .iter()
        .find(|(family, users)| is_of_family(package, family) && !users.contains(&name))
        .map(|(_, users)| {
            format!(
                "{name} depends on {package}, but only {} may",
                users.join(", ")
            )
        })
}

fn allowed_below(member: &Member) -> Option<&'static [&'static str]> {
    if member.folder.starts_with("examples/") {
        return Some(EXAMPLE);
    }
    LAYERS
        .iter()
        .find(|&&(name, _)| name == member.manifest.name)
        .map(|&(_, allowed)| allowed)
}

fn package_name(dependency: &Dependency) -> &str {
    dependency.package.as_deref().unwrap_or(&dependency.key)
}

fn is_of_family(package: &str, family: &str) -> bool {
    package
        .strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(folder: &str, text: &str) -> Member {
        Member {
            folder: folder.to_owned(),
            manifest: Manifest::parse(text),
        }
    }

    /// The problems of a toy workspace with one package, in `crates/` unless it is an example.
    fn problems(folder: &str, package: &str, tables: &str) -> Vec<String> {
        let shared =
            Manifest::parse("[workspace.dependencies]\nframework = { package = \"burn\" }\n");
        let text = format!("[package]\nname = \"{package}\"\n{tables}");
        dependency_problems(&shared, &[member(&format!("{folder}/{package}"), &text)])
    }

    #[test]
    fn a_dependency_that_points_up_is_refused_with_both_names_and_the_line() {
        let found = problems(
            "crates",
            "hairpin-seq",
            "[dependencies]\nthiserror = \"2\"\nhairpin-train.workspace = true\n",
        );
        assert_eq!(
            found,
            [
                "crates/hairpin-seq/Cargo.toml:5: hairpin-seq depends on hairpin-train, but its layer allows none of ours"
            ]
        );
    }

    #[test]
    fn a_dependency_that_points_sideways_is_refused_in_every_table() {
        for table in [
            "dependencies",
            "dev-dependencies",
            "build-dependencies",
            "target.'cfg(unix)'.dependencies",
        ] {
            let found = problems(
                "crates",
                "hairpin-tasks",
                &format!("[{table}]\nhairpin-train = {{ path = \"..\" }}\n"),
            );
            assert_eq!(found.len(), 1, "[{table}]: {found:?}");
        }
    }

    #[test]
    fn an_example_reaches_the_facade_alone() {
        assert!(
            problems(
                "examples",
                "toy",
                "[dependencies]\nhairpin.workspace = true\n"
            )
            .is_empty()
        );
        assert_eq!(
            problems(
                "examples",
                "toy",
                "[dependencies.hairpin-seq]\nworkspace = true\n"
            )
            .len(),
            1
        );
    }

    #[test]
    fn a_renamed_dependency_is_known_by_its_package() {
        let hidden = "[dependencies]\nquiet = { package = \"hairpin-nn\", path = \"..\" }\n";
        assert_eq!(problems("crates", "hairpin-seq", hidden).len(), 1);
        let inherited = "[dependencies]\nframework.workspace = true\n";
        let found = problems("crates", "hairpin-tasks", inherited);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("depends on burn,"), "{found:?}");
    }

    #[test]
    fn golden_and_the_crate_itself_are_for_tests_only() {
        let tested =
            "[dev-dependencies]\nhairpin-golden.workspace = true\nhairpin-nn = { path = \".\" }\n";
        assert!(problems("crates", "hairpin-nn", tested).is_empty());
        let shipped = "[dependencies]\nhairpin-golden.workspace = true\n";
        assert_eq!(problems("crates", "hairpin-nn", shipped).len(), 1);
    }

    #[test]
    fn heavy_libraries_stay_behind_their_walls() {
        let burn = "[dependencies]\nburn-flex = \"0.22\"\n";
        let polars = "[dependencies]\npolars = { version = \"0.55\", optional = true }\n";
        assert!(problems("crates", "hairpin-nn", burn).is_empty());
        assert_eq!(problems("crates", "hairpin", burn).len(), 1);
        assert_eq!(problems("examples", "toy", burn).len(), 1);
        assert!(problems("crates", "hairpin-tasks", polars).is_empty());
        assert_eq!(problems("crates", "hairpin-train", polars).len(), 1);
        assert!(
            problems(
                "crates",
                "hairpin-tasks",
                "[dependencies]\nburnish = \"1\"\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_crate_without_a_layer_and_a_dependency_of_xtask_are_refused() {
        assert_eq!(problems("crates", "hairpin-new", "").len(), 1);
        assert_eq!(
            problems("xtask", "xtask", "[dev-dependencies]\ntempfile = \"3\"\n").len(),
            1
        );
    }

    /// Every edge of the table leads to a crate that stands after it: what is written there has no cycle.
    #[test]
    fn the_table_of_layers_points_down() {
        for (index, (name, allowed)) in LAYERS.iter().enumerate() {
            for below in *allowed {
                let position = LAYERS.iter().position(|(other, _)| other == below);
                assert!(
                    position.is_some_and(|position| position > index),
                    "{name} -> {below}"
                );
            }
        }
    }
}
