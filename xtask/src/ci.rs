//! What CI runs, and in which order.
//!
//! Cheap checks come first, then the tests, then clippy and rustdoc. The last two only need the metadata of the
//! dependencies, which they share with each other; all three share the build scripts and macros, because all three use
//! the release profile. So Burn is compiled once, by the README's own test command.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{features, fixtures, layers};

struct Step {
    name: &'static str,
    action: Action,
}

enum Action {
    /// A cargo command with the environment it wants.
    Cargo(
        &'static [&'static str],
        &'static [(&'static str, &'static str)],
    ),
    /// A check of this program.
    Own(fn(&Path) -> Result<String, String>),
    /// A tool that need not be there: its package, its program and its arguments.
    Optional(&'static str, &'static str, &'static [&'static str]),
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        action: Action::Cargo(&["fmt", "--all", "--check"], &[]),
    },
    Step {
        name: "layers",
        action: Action::Own(layers::check),
    },
    Step {
        name: "fixtures",
        action: Action::Own(fixtures::check),
    },
    Step {
        name: "features",
        action: Action::Own(features::check),
    },
    Step {
        name: "typos",
        action: Action::Optional("typos-cli", "typos", &[]),
    },
    Step {
        name: "taplo",
        action: Action::Optional("taplo-cli", "taplo", &["fmt", "--check"]),
    },
    // Advisories are left out: a new one must not turn an old commit red.
    Step {
        name: "deny",
        action: Action::Optional(
            "cargo-deny",
            "cargo-deny",
            &["check", "bans", "licenses", "sources"],
        ),
    },
    Step {
        name: "test",
        action: Action::Cargo(&["test", "--release", "--workspace"], &[]),
    },
    Step {
        name: "clippy",
        action: Action::Cargo(
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--release",
                "--",
                "-D",
                "warnings",
            ],
            &[],
        ),
    },
    Step {
        name: "doc",
        action: Action::Cargo(
            &["doc", "--workspace", "--no-deps", "--release"],
            &[("RUSTDOCFLAGS", "-D warnings")],
        ),
    },
    // Behind a feature that would compile Burn anew if the workspace had it; this crate knows no Burn.
    Step {
        name: "h5ad",
        action: Action::Cargo(
            &[
                "test",
                "--release",
                "--package",
                "hairpin-tasks",
                "--features",
                "h5ad",
            ],
            &[],
        ),
    },
];

/// The names of `--skip NAME`, repeated.
pub(crate) fn parse_skips(arguments: &[String]) -> Result<Vec<&'static str>, String> {
    let mut skipped = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument != "--skip" {
            return Err(format!("`ci` takes `--skip NAME`, found `{argument}`"));
        }
        let name = arguments
            .next()
            .ok_or("`--skip` needs the name of a step")?;
        let step = STEPS.iter().find(|step| step.name == name).ok_or_else(|| {
            let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            format!("no step `{name}`: the steps are {}", names.join(", "))
        })?;
        skipped.push(step.name);
    }
    Ok(skipped)
}

/// Runs the steps at `root` until one fails.
pub(crate) fn run(root: &Path, skipped: &[&str]) -> Result<(), String> {
    let begin = Instant::now();
    let mut summary = String::new();
    let mut left_out = 0;
    for (index, step) in STEPS.iter().enumerate() {
        let place = format!("[{}/{}] {}", index + 1, STEPS.len(), step.name);
        let command_line = step.action.command_line(step.name);
        println!("\n{place}: {command_line}");
        let step_begin = Instant::now();
        let outcome = if skipped.contains(&step.name) {
            Outcome::Skipped("skipped: as asked".to_owned())
        } else {
            step.action.run(root)
        };
        let time = seconds(step_begin.elapsed());
        match outcome {
            Outcome::Passed => {
                println!("{place}: passed in {time}");
                let _ = writeln!(summary, "  {:<10}{time:>10}", step.name);
            }
            Outcome::Skipped(why) => {
                println!("{why}");
                let _ = writeln!(summary, "  {:<10}{:>10}  {why}", step.name, "-");
                left_out += 1;
            }
            Outcome::Failed(why) => {
                eprintln!("{why}");
                return Err(format!(
                    "\nci: failed at `{}` after {time}; to repeat it alone: {command_line}",
                    step.name
                ));
            }
        }
    }
    let ran = STEPS.len() - left_out;
    let time = seconds(begin.elapsed());
    println!("\n{summary}\nci: all green in {time}: {ran} steps passed, {left_out} skipped");
    Ok(())
}

enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

impl Action {
    fn run(&self, root: &Path) -> Outcome {
        match self {
            Self::Own(check) => match check(root) {
                Ok(message) => {
                    println!("{message}");
                    Outcome::Passed
                }
                Err(message) => Outcome::Failed(message),
            },
            Self::Cargo(arguments, environment) => wait_for(
                Command::new("cargo")
                    .args(*arguments)
                    .envs(environment.iter().copied())
                    .current_dir(root),
            ),
            Self::Optional(package, program, arguments) => {
                if is_installed(program) {
                    wait_for(Command::new(program).args(*arguments).current_dir(root))
                } else {
                    Outcome::Skipped(format!("skipped: {package} not installed"))
                }
            }
        }
    }

    /// The step as a person would type it.
    fn command_line(&self, name: &str) -> String {
        match self {
            Self::Own(_) => format!("cargo xtask {name}"),
            Self::Cargo(arguments, environment) => {
                let mut line = String::new();
                for (variable, value) in *environment {
                    let _ = write!(line, "{variable}=\"{value}\" ");
                }
                line + "cargo " + &arguments.join(" ")
            }
            Self::Optional(_, program, arguments) => [&[*program], *arguments].concat().join(" "),
        }
    }
}

fn wait_for(command: &mut Command) -> Outcome {
    match command.status() {
        Ok(status) if status.success() => Outcome::Passed,
        Ok(status) => Outcome::Failed(status.to_string()),
        Err(source) => Outcome::Failed(format!(
            "{}: cannot start it: {source}",
            command.get_program().display()
        )),
    }
}

fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skips(arguments: &[&str]) -> Result<Vec<&'static str>, String> {
        parse_skips(&arguments.iter().map(|&a| a.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn skips_are_names_of_steps() {
        assert_eq!(
            skips(&["--skip", "test", "--skip", "doc"]),
            Ok(vec!["test", "doc"])
        );
        assert_eq!(skips(&[]), Ok(vec![]));
        assert!(
            skips(&["--skip", "tests"])
                .unwrap_err()
                .contains("the steps are fmt, layers,")
        );
        assert!(skips(&["--skip"]).is_err());
        assert!(skips(&["--fast"]).is_err());
    }

    #[test]
    fn a_tool_that_is_not_installed_is_skipped_by_its_package_name() {
        let action = Action::Optional("cargo-nowhere", "hairpin-no-such-program", &[]);
        let Outcome::Skipped(why) = action.run(Path::new(".")) else {
            panic!("it cannot have run")
        };
        assert_eq!(why, "skipped: cargo-nowhere not installed");
    }

    #[test]
    fn a_command_is_shown_as_a_person_would_type_it() {
        let shown: Vec<_> = STEPS
            .iter()
            .map(|step| step.action.command_line(step.name))
            .collect();
        assert!(shown.contains(&"cargo test --release --workspace".to_owned()));
        assert!(shown.contains(&"cargo xtask layers".to_owned()));
        assert!(shown.contains(
            &"RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps --release".to_owned()
        ));
        assert!(shown.contains(&"cargo-deny check bans licenses sources".to_owned()));
    }
}
