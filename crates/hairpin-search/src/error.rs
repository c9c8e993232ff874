//! What can be wrong with a space, a table of trials, and the asking of a search.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::Value;

/// Everything that `hairpin-search` refuses.
///
/// A message says what was expected, what was found and what to do. What comes from a file begins with its path, line and
/// column, which are counted from 1; trials are counted from 0.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The text of a space is not TOML.
    #[error("{at}{reason}; correct the TOML there")]
    Syntax {
        /// Where the mistake is.
        at: Place,
        /// What the TOML parser said.
        reason: String,
    },
    /// A parameter of a TOML space has a key that nothing reads, misses one, or holds one of another type.
    #[error("{at}parameter `{param}`: {reason}")]
    Key {
        /// Where the key is.
        at: Place,
        /// The parameter.
        param: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// A space without parameters.
    #[error("{at}the space has no parameters: expected at least one")]
    NoParams {
        /// Which space.
        at: Place,
    },
    /// A name that no table could hold.
    #[error("{at}`{}` cannot be the name of a parameter: expected text without control characters, and no empty part between dots", param.escape_debug())]
    Name {
        /// Where the parameter is.
        at: Place,
        /// The name.
        param: String,
    },
    /// Two parameters of one name.
    #[error("{at}there are two parameters `{param}`: rename one of them")]
    Duplicate {
        /// Where the second one is.
        at: Place,
        /// The name.
        param: String,
    },
    /// A parameter has the name of a group of others.
    #[error("{at}parameter `{param}` is also the group of `{inside}`: rename one of them")]
    Group {
        /// Where the parameter is.
        at: Place,
        /// The parameter.
        param: String,
        /// The parameter inside it.
        inside: String,
    },
    /// The lower bound lies above the upper one.
    #[error("{at}parameter `{param}` has low {low} above high {high}: exchange them")]
    LowAboveHigh {
        /// Where the parameter is.
        at: Place,
        /// The parameter.
        param: String,
        /// Its lower bound.
        low: Value,
        /// Its upper bound.
        high: Value,
    },
    /// A bound, or the distance of the two, is not a finite number.
    #[error(
        "{at}parameter `{param}` goes from {low} to {high}: expected finite bounds whose distance is finite too"
    )]
    NotFinite {
        /// Where the parameter is.
        at: Place,
        /// The parameter.
        param: String,
        /// Its lower bound.
        low: Value,
        /// Its upper bound.
        high: Value,
    },
    /// An integer bound that a float does not hold exactly.
    #[error(
        "{at}parameter `{param}` goes from {low} to {high}: expected bounds between -2^53 and 2^53"
    )]
    TooWide {
        /// Where the parameter is.
        at: Place,
        /// The parameter.
        param: String,
        /// Its lower bound.
        low: Value,
        /// Its upper bound.
        high: Value,
    },
    /// A logarithmic scale that reaches zero.
    #[error(
        "{at}parameter `{param}` is on a logarithmic scale from {low}: expected a lower bound above 0, or a linear scale"
    )]
    LogOfZero {
        /// Where the parameter is.
        at: Place,
        /// The parameter.
        param: String,
        /// Its lower bound.
        low: Value,
    },
    /// A categorical parameter without choices.
    #[error("{at}parameter `{param}` has no choices: expected at least one")]
    NoChoices {
        /// Where the parameter is.
        at: Place,
        /// The parameter.
        param: String,
    },
    /// A choice that a table could not hold, or that reads like another one.
    #[error("{at}parameter `{param}` has the choice `{}`: {reason}", choice.to_string().escape_debug())]
    Choice {
        /// Where the parameter is.
        at: Place,
        /// The parameter.
        param: String,
        /// The choice.
        choice: Value,
        /// Why it is refused.
        reason: &'static str,
    },
    /// `when` was called before any parameter.
    #[error(
        "a condition on `{parent}` stands before the first parameter: call `when` after the parameter that it is for"
    )]
    WhenAlone {
        /// The parameter that the condition looks at.
        parent: String,
    },
    /// A condition on a parameter that the space does not have.
    #[error("{at}parameter `{param}` depends on `{parent}`, which the space does not have{}", did_you_mean(.suggestion.as_deref()))]
    UnknownParent {
        /// Where the parameter is.
        at: Place,
        /// The parameter.
        param: String,
        /// What it depends on.
        parent: String,
        /// The parameter whose name is most like it.
        suggestion: Option<String>,
    },
    /// Parameters that depend on each other in a circle.
    #[error("{at}parameter `{param}` depends on itself, through {}: one of them must be unconditional", names(.through))]
    Cycle {
        /// Where the parameter is.
        at: Place,
        /// The parameter.
        param: String,
        /// What it depends on, one after the other, to itself again.
        through: Vec<String>,
    },
    /// A condition that can never hold, or that looks at a float.
    #[error("{at}parameter `{param}` depends on `{parent}`: {reason}")]
    Condition {
        /// Where the parameter is.
        at: Place,
        /// The parameter.
        param: String,
        /// What it depends on.
        parent: String,
        /// Why the condition is refused.
        reason: String,
    },

    /// A trial was asked for a parameter that it does not have.
    #[error(
        "the trial has no parameter `{param}`: the space does not have it, or its condition does not hold"
    )]
    NotActive {
        /// The parameter asked for.
        param: String,
    },
    /// A trial was asked for a parameter as another type.
    #[error("parameter `{param}` is {value}, expected {expected}")]
    Type {
        /// The parameter asked for.
        param: String,
        /// Its value.
        value: Value,
        /// The type asked for, with its article.
        expected: &'static str,
    },
    /// A setting of a sampler or a pruner is out of its range.
    #[error("{setting} is {found}: expected {expected}")]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// Text that is no range of trials.
    #[error("`{}` is not a range of trials: expected `START..END`, such as `40..60` for the trials 40 to 59", text.escape_debug())]
    Range {
        /// The text.
        text: String,
    },
    /// A trial was told to a study that did not ask it, or that knows its outcome already.
    #[error(
        "trial {trial} is not running in this study: tell each trial once, to the study that it was asked from"
    )]
    NotRunning {
        /// Number of the trial.
        trial: usize,
    },

    /// The operating system refused to read a file.
    #[error("{}: cannot read the file; check that it exists and that you may read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system refused to write a file.
    #[error("{}: cannot {what}; check that you may write there and that the disk has space", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is larger than any space or table.
    #[error("{}: has more than {cap} bytes; this is another file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes it may have.
        cap: u64,
    },
    /// Another process writes the same table.
    #[error("{}: another process writes this table; wait for it, or give this one a table of its own and merge them", path.display())]
    InUse {
        /// The table.
        path: PathBuf,
    },
    /// A file that is no table of trials of this space.
    #[error("{}, line 1: the columns are `{found}`, expected `{expected}`; this table belongs to another space, or is none", path.display())]
    Columns {
        /// The table.
        path: PathBuf,
        /// The header that the space gives.
        expected: String,
        /// The header that was found.
        found: String,
    },
    /// A row of a table cannot be read.
    #[error("{at}{reason}; restore the table, or remove the row to run its trial again")]
    Row {
        /// Where the row is.
        at: Place,
        /// What was expected and what was found.
        reason: String,
    },
    /// A row of another study.
    #[error(
        "{at}the row belongs to the study `{found}`, expected `{expected}`: goal, seed and space must be the same; use a table of its own"
    )]
    OtherStudy {
        /// Where the row is.
        at: Place,
        /// The study that was expected: goal, seed and digest of the space.
        expected: String,
        /// The study of the row.
        found: String,
    },
    /// A trial stands in one table twice.
    #[error(
        "{at}trial {trial} stands in the table already, in line {first}; remove one of the rows"
    )]
    Twice {
        /// Where the second row is.
        at: Place,
        /// Number of the trial.
        trial: usize,
        /// Line of the first row.
        first: usize,
    },
    /// Two tables tell different things of one trial.
    #[error("{at}trial {trial} differs from {}, line {}; keep the table that is right", other.path.display(), other.line)]
    Conflict {
        /// Where the second row is.
        at: Place,
        /// Number of the trial.
        trial: usize,
        /// Where the first row is.
        other: Place,
    },
    /// Too few complete trials to say anything of their parameters.
    #[error(
        "{found} complete trials, expected at least {expected}: run more before asking for importances"
    )]
    TooFew {
        /// Trials that are needed.
        expected: usize,
        /// Trials that there are.
        found: usize,
    },
    /// Nothing was given to merge.
    #[error("no tables to merge: expected at least one")]
    NoTables,
}

/// A place in a file; empty for what was written in code.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Line from 1, or 0 for what was written in code.
    pub line: usize,
    /// Character of the line from 1, or 0 for the whole line.
    pub column: usize,
}

impl fmt::Display for Place {
    /// `space.toml, line 3, column 5: `, or nothing for what was written in code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.as_os_str().is_empty() {
            return Ok(());
        }
        write!(f, "{}", self.path.display())?;
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ", column {}", self.column)?;
        }
        f.write_str(": ")
    }
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(
        || ": name one of its parameters".to_owned(),
        |name| format!("; did you mean `{name}`?"),
    )
}

fn names(through: &[String]) -> String {
    let quoted: Vec<String> = through.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
