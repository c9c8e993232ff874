//! A program seen from outside.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A built program and the folder that it is started in.
///
/// ```
/// use hairpin_golden::Program;
///
/// const SHELL: Program = Program::new("sh", env!("CARGO_MANIFEST_DIR"));
/// assert_eq!(SHELL.succeeds(&["-c", "echo 3"]), "3\n");
/// SHELL.refuses(&["-c", "echo no such file >&2; exit 1"], &["no such"]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Program {
    path: &'static str,
    folder: &'static str,
}

impl Program {
    /// The program at `path`, such as `env!("CARGO_BIN_EXE_...")`, started in `folder`.
    pub const fn new(path: &'static str, folder: &'static str) -> Self {
        Self { path, folder }
    }

    /// A call without arguments, to add some to.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.path);
        command.current_dir(self.folder);
        command
    }

    /// What a call wrote and ended with.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command().args(arguments).output();
        output.unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }

    /// The standard output of a call that must succeed.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[track_caller]
    pub fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        String::from_utf8(output.stdout).expect("the output is text")
    }

    /// Makes a call that must fail with exit status 1 and say all of `parts`, on stderr alone and without a panic.
    ///
    /// # Panics
    ///
    /// When it does anything else.
    #[track_caller]
    pub fn refuses(&self, arguments: &[&str], parts: &[&str]) {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{arguments:?} printed a result");
        assert!(!stderr.contains("panicked"), "{stderr}");
        for part in parts {
            let found = stderr.contains(part);
            assert!(found, "{arguments:?}: no {part:?} in {stderr}");
        }
    }
}

/// What a call wrote to stderr and ended with, of whose standard output nobody reads anything.
///
/// # Panics
///
/// When the program cannot be started.
pub fn unread(command: &mut Command) -> Output {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    drop(child.stdout.take());
    child.wait_with_output().expect("the program ends")
}

/// A path as an argument.
///
/// # Panics
///
/// When it is not UTF-8.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}
