//! The chores of the workspace, as `cargo xtask NAME`: what CI runs, and the checks that no other tool makes.
//!
//! Standard library only, so that it builds in seconds and never waits for Burn.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program reports by printing; the libraries never do"
)]

mod ci;
mod features;
mod fixtures;
mod layers;
mod manifest;
mod prints;
mod sha256;
mod workspace;

use std::process::ExitCode;

const HELP: &str = "\
The chores of the hairpin workspace.

Usage: cargo xtask <COMMAND>

Commands:
  ci [--skip NAME]...   every check, in order, until one fails; --skip leaves a step out, and may be repeated
  layers                no crate depends on one that its layer forbids, and no library prints
  features              the main command and the tests build the same packages with the same features
  fixtures [--write]    fixtures/SHA256SUMS agrees with the files; --write makes it anew from them
  help                  this text
";

/// Why a command did not succeed.
enum Failure {
    /// The command line was not understood: exit status 2.
    Usage(String),
    /// A check found something: exit status 1.
    Check(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(Failure::Check(message)) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let Some((command, rest)) = arguments.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    let root = workspace::root();
    match command.as_str() {
        "ci" => {
            let skipped = ci::parse_skips(rest).map_err(Failure::Usage)?;
            ci::run(&root, &skipped).map_err(Failure::Check)
        }
        "layers" => {
            refuse_arguments(command, rest)?;
            report(layers::check(&root))
        }
        "features" => {
            refuse_arguments(command, rest)?;
            report(features::check(&root))
        }
        "fixtures" => match rest {
            [] => report(fixtures::check(&root)),
            [flag] if flag == "--write" => report(fixtures::write(&root)),
            _ => Err(Failure::Usage(
                "`fixtures` takes `--write` or nothing".to_owned(),
            )),
        },
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Failure::Usage(format!("no command `{other}`"))),
    }
}

fn refuse_arguments(command: &str, rest: &[String]) -> Result<(), Failure> {
    match rest.first() {
        None => Ok(()),
        Some(argument) => Err(Failure::Usage(format!(
            "`{command}` takes no argument, found `{argument}`"
        ))),
    }
}

/// Prints what a check says of itself when all is well.
fn report(outcome: Result<String, String>) -> Result<(), Failure> {
    println!("{}", outcome.map_err(Failure::Check)?);
    Ok(())
}
