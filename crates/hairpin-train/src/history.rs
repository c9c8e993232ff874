//! What every epoch of a training run measured, and the CSV file it is kept in.
//!
//! ```text
//! epoch,train_loss,valid_loss,valid_accuracy,learning_rate,gradient_norm,seconds,best
//! 1,1.5823,1.4011,0.42,0.001,0.83,2.4,true
//! 2,1.2307,1.1902,0.61,0.001,0.79,2.3,true
//! ```

use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What one epoch measured.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Epoch {
    /// Number of the epoch; the first is 1.
    pub epoch: usize,
    /// Mean loss over the training rows, as trained on (with dropout and augmentation).
    pub train_loss: f64,
    /// Mean loss over the validation rows.
    pub valid_loss: f64,
    /// Score over the validation rows; [`History::score_name`] says which.
    pub valid_score: f64,
    /// Learning rate of this epoch's first step.
    pub learning_rate: f64,
    /// Norm of the gradient over all parameters.
    pub gradient_norm: f64,
    /// Wall-clock time of the epoch in seconds.
    pub seconds: f64,
    /// Whether this epoch was better than every one before it.
    pub best: bool,
}

/// The epochs of one run, in order.
///
/// The CSV form keeps NaN and infinite losses, so a run that diverged can be read back; JSON cannot hold them.
///
/// ```
/// use hairpin_train::history::{Epoch, History};
///
/// let history = History {
///     score_name: "accuracy".into(),
///     epochs: vec![Epoch {
///         epoch: 1,
///         train_loss: 1.5,
///         valid_loss: 1.25,
///         valid_score: 0.5,
///         learning_rate: 0.001,
///         gradient_norm: 0.75,
///         seconds: 2.0,
///         best: true,
///     }],
/// };
/// let csv = history.to_csv();
/// assert_eq!(csv.lines().nth(1), Some("1,1.5,1.25,0.5,0.001,0.75,2.0,true"));
/// assert_eq!(History::from_csv(&csv)?, history);
/// # Ok::<(), hairpin_train::history::HistoryError>(())
/// ```
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Name of the validation score, such as `accuracy`.
    pub score_name: String,
    /// The epochs, oldest first.
    pub epochs: Vec<Epoch>,
}

/// Text that is not a history: where, what was expected there and what was found.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}, column {column}: expected {expected}, found {found}")]
#[non_exhaustive]
pub struct HistoryError {
    /// Line of the text; the first is 1.
    pub line: usize,
    /// Field of the line; the first is 1.
    pub column: usize,
    /// What belongs there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

/// The columns on either side of the validation score, whose name depends on the task.
const BEFORE_SCORE: [&str; 3] = ["epoch", "train_loss", "valid_loss"];
const AFTER_SCORE: [&str; 4] = ["learning_rate", "gradient_norm", "seconds", "best"];
const SCORE_PREFIX: &str = "valid_";
const COLUMNS: usize = BEFORE_SCORE.len() + 1 + AFTER_SCORE.len();

impl History {
    /// The best epoch: the last one marked as better than every one before it.
    pub fn best(&self) -> Option<&Epoch> {
        self.epochs.iter().rev().find(|epoch| epoch.best)
    }

    /// The history as CSV. Numbers have as many digits as reading them back exactly needs; a line break in the name of
    /// the score becomes a space.
    pub fn to_csv(&self) -> String {
        let score = format!(
            "{SCORE_PREFIX}{}",
            self.score_name.replace(['\n', '\r'], " ")
        );
        let header: Vec<&str> = BEFORE_SCORE
            .into_iter()
            .chain([score.as_str()])
            .chain(AFTER_SCORE)
            .collect();
        let mut csv = header
            .iter()
            .map(|name| quote(name))
            .collect::<Vec<_>>()
            .join(",");
        csv.push('\n');
        for e in &self.epochs {
            // Debug, not Display: it writes 1e-300 as such and 1 as 1.0, and both read back to the same bits.
            let _ = writeln!(
                csv,
                "{},{:?},{:?},{:?},{:?},{:?},{:?},{}",
                e.epoch,
                e.train_loss,
                e.valid_loss,
                e.valid_score,
                e.learning_rate,
                e.gradient_norm,
                e.seconds,
                e.best
            );
        }
        csv
    }

    /// Reads what [`to_csv`](Self::to_csv) wrote.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] for a column that is missing, unknown or too many, a field that is not a number (or, in `best`,
    /// not `true` or `false`), and an epoch that does not come after the one before it.
    pub fn from_csv(text: &str) -> Result<Self, HistoryError> {
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line));
        let (_, header) = lines.next().unwrap_or((1, ""));
        let score_name = read_header(&unquote(header))?;
        let mut epochs: Vec<Epoch> = Vec::new();
        for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let row = Row {
                number,
                fields: line.split(',').collect(),
            };
            row.check_width()?;
            let epoch = Epoch {
                epoch: row.read(0, "the number of an epoch")?,
                train_loss: row.read(1, "a number")?,
                valid_loss: row.read(2, "a number")?,
                valid_score: row.read(3, "a number")?,
                learning_rate: row.read(4, "a number")?,
                gradient_norm: row.read(5, "a number")?,
                seconds: row.read(6, "a number")?,
                best: row.read(7, "true or false")?,
            };
            let last = epochs.last().map_or(0, |last| last.epoch);
            if epoch.epoch <= last {
                return Err(row.error(0, &format!("an epoch after {last}")));
            }
            epochs.push(epoch);
        }
        Ok(Self { score_name, epochs })
    }
}

/// One line below the header.
struct Row<'a> {
    number: usize,
    fields: Vec<&'a str>,
}

impl Row<'_> {
    fn check_width(&self) -> Result<(), HistoryError> {
        if self.fields.len() == COLUMNS {
            return Ok(());
        }
        Err(HistoryError {
            line: self.number,
            column: self.fields.len().min(COLUMNS + 1),
            expected: format!("{COLUMNS} columns"),
            found: format!("{} columns", self.fields.len()),
        })
    }

    fn read<T: FromStr>(&self, index: usize, expected: &str) -> Result<T, HistoryError> {
        self.fields[index]
            .trim()
            .parse()
            .map_err(|_| self.error(index, expected))
    }

    fn error(&self, index: usize, expected: &str) -> HistoryError {
        HistoryError {
            line: self.number,
            column: index + 1,
            expected: expected.into(),
            found: format!("`{}`", self.fields[index]),
        }
    }
}

/// Checks the header and gives the name of the score.
fn read_header(fields: &[String]) -> Result<String, HistoryError> {
    let error = |index: usize, expected: String| HistoryError {
        line: 1,
        column: index + 1,
        expected,
        found: fields.get(index).map_or_else(
            || "the end of the line".into(),
            |field| format!("`{field}`"),
        ),
    };
    let fixed = (0..)
        .zip(BEFORE_SCORE)
        .chain((BEFORE_SCORE.len() + 1..).zip(AFTER_SCORE));
    for (index, name) in fixed {
        if fields.get(index).map(String::as_str) != Some(name) {
            return Err(error(index, format!("the column `{name}`")));
        }
    }
    if fields.len() > COLUMNS {
        return Err(error(COLUMNS, "the end of the line".into()));
    }
    let score = BEFORE_SCORE.len();
    match fields[score].strip_prefix(SCORE_PREFIX) {
        Some(name) => Ok(name.into()),
        None => Err(error(
            score,
            format!("a column whose name starts with `{SCORE_PREFIX}`"),
        )),
    }
}

/// A field as CSV writes it: in quotes where it holds a comma or a quote.
fn quote(field: &str) -> String {
    if field.contains([',', '"']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.into()
    }
}

/// The fields of a line in which some may be in quotes.
fn unquote(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut symbols = line.chars().peekable();
    while let Some(symbol) = symbols.next() {
        let Some(field) = fields.last_mut() else {
            break;
        };
        match symbol {
            '"' if quoted && symbols.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => field.push(other),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: usize, loss: f64) -> Epoch {
        Epoch {
            epoch,
            train_loss: loss,
            valid_loss: loss / 3.0,
            valid_score: 1.0 - loss,
            learning_rate: 1e-3,
            gradient_norm: loss.sqrt(),
            seconds: 0.1,
            best: epoch % 2 == 1,
        }
    }

    fn history(score_name: &str, epochs: Vec<Epoch>) -> History {
        History {
            score_name: score_name.into(),
            epochs,
        }
    }

    #[test]
    fn reads_back_what_it_wrote_to_the_last_bit() {
        let losses = [
            0.1,
            1.0 / 3.0,
            f64::MIN_POSITIVE,
            5e-324,
            f64::MAX,
            -0.0,
            1e-7,
            123_456_789.123,
            f64::INFINITY,
        ];
        for score_name in ["accuracy", "", "pearson, mean", "the \"best\"", "été"] {
            let epochs = (1..).zip(losses).map(|(number, loss)| Epoch {
                gradient_norm: 0.5,
                ..epoch(number, loss)
            });
            let before = history(score_name, epochs.collect());
            let after = History::from_csv(&before.to_csv()).unwrap();
            assert_eq!(after, before);
            for (a, b) in after.epochs.iter().zip(&before.epochs) {
                assert_eq!(a.train_loss.to_bits(), b.train_loss.to_bits());
            }
        }
        let empty = history("accuracy", vec![]);
        assert_eq!(History::from_csv(&empty.to_csv()), Ok(empty));
    }

    #[test]
    fn keeps_a_loss_that_is_not_a_number() {
        let diverged = history("accuracy", vec![epoch(1, f64::NAN)]);
        let read = History::from_csv(&diverged.to_csv()).unwrap();
        assert!(read.epochs[0].train_loss.is_nan());
        assert_eq!(read.epochs[0].learning_rate, 1e-3);
    }

    #[test]
    fn best_is_the_last_improvement() {
        assert_eq!(history("accuracy", vec![]).best(), None);
        let run = history(
            "accuracy",
            (1..=6).map(|number| epoch(number, 0.5)).collect(),
        );
        assert_eq!(run.best().map(|best| best.epoch), Some(5));
    }

    #[test]
    fn accepts_the_line_ends_of_other_systems() {
        let run = history("accuracy", vec![epoch(1, 0.5), epoch(2, 0.25)]);
        assert_eq!(
            History::from_csv(&run.to_csv().replace('\n', "\r\n")),
            Ok(run)
        );
    }

    #[test]
    fn says_where_the_text_is_wrong() {
        let good = history("accuracy", vec![epoch(1, 0.5), epoch(2, 0.25)]).to_csv();
        let message = |text: &str| History::from_csv(text).unwrap_err().to_string();
        assert_eq!(
            message(""),
            "line 1, column 1: expected the column `epoch`, found ``"
        );
        assert_eq!(
            message(&good.replace(",seconds", ",minutes")),
            "line 1, column 7: expected the column `seconds`, found `minutes`"
        );
        assert_eq!(
            message(&good.replace("valid_accuracy", "accuracy")),
            "line 1, column 4: expected a column whose name starts with `valid_`, found `accuracy`"
        );
        assert_eq!(
            message(&good.replace(",best\n", "\n")),
            "line 1, column 8: expected the column `best`, found the end of the line"
        );
        assert_eq!(
            message(&good.replace(",best\n", ",best,more\n")),
            "line 1, column 9: expected the end of the line, found `more`"
        );
        assert_eq!(
            message(&good.replace("0.25", "0,25")),
            "line 3, column 9: expected 8 columns, found 9 columns"
        );
        assert_eq!(
            message(&good.replace("\n2,0.25", "\n2,abc")),
            "line 3, column 2: expected a number, found `abc`"
        );
        assert_eq!(
            message(&good.replace("\n2,", "\n1,")),
            "line 3, column 1: expected an epoch after 1, found `1`"
        );
        assert_eq!(
            message(&good.replace("\n1,", "\n0,")),
            "line 2, column 1: expected an epoch after 0, found `0`"
        );
        assert_eq!(
            message(&good.replace("false", "maybe")),
            "line 3, column 8: expected true or false, found `maybe`"
        );
        let cut = &good[..good.len() - 12];
        assert!(
            message(cut).starts_with("line 3, column "),
            "{}",
            message(cut)
        );
    }
}
