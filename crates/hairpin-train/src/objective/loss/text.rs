//! A loss as text, both ways.

use super::{Loss, LossTerm};
use crate::TrainError;
use std::fmt;
use std::str::FromStr;

/// Longest text that is read; the longest that is written is shorter.
const MAX_BYTES: usize = 1024;

pub(super) const WEIGHT: &str = "a number from 0 to 1e6";
pub(super) const DELTA: &str = "a number from 1e-6 to 1e6";
const NAMES: &str = "one of `mse`, `mae`, `huber(1.0)`, `log_cosh`, `pearson`, `mcrmse`, `mrrmse`";
const TERM: &str = "a weight from 0 to 1e6 and `*`, or one of `mse`, `mae`, `huber(1.0)`, `log_cosh`, `pearson`, `mcrmse`, `mrrmse`";

/// Beyond these limits nothing would be left of the other terms in `f32`.
pub(super) fn is_weight(value: f64) -> bool {
    (0.0..=1e6).contains(&value)
}

pub(super) fn is_delta(value: f64) -> bool {
    (1e-6..=1e6).contains(&value)
}

impl fmt::Display for LossTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mse => f.write_str("mse"),
            Self::Mae => f.write_str("mae"),
            Self::Huber { delta } => write!(f, "huber({delta:?})"),
            Self::LogCosh => f.write_str("log_cosh"),
            Self::Pearson => f.write_str("pearson"),
            Self::Mcrmse => f.write_str("mcrmse"),
            Self::Mrrmse => f.write_str("mrrmse"),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (weight, term)) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(" + ")?;
            }
            if *weight != 1.0 {
                write!(f, "{weight:?} * ")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}

impl From<Loss> for String {
    fn from(loss: Loss) -> Self {
        loss.to_string()
    }
}

impl TryFrom<String> for Loss {
    type Error = TrainError;

    fn try_from(text: String) -> Result<Self, TrainError> {
        text.parse()
    }
}

impl FromStr for Loss {
    type Err = TrainError;

    /// Reads a sum of losses.
    ///
    /// # Errors
    ///
    /// [`TrainError::LossText`] where the text is not one, [`TrainError::LossSetting`] where all weights are 0.
    fn from_str(text: &str) -> Result<Self, TrainError> {
        if text.len() > MAX_BYTES {
            return Err(TrainError::LossText {
                position: 1,
                expected: "at most 1024 bytes",
                found: format!("{} bytes", text.len()),
            });
        }
        let mut scanner = Scanner { text, at: 0 };
        let mut terms = Vec::new();
        loop {
            scanner.skip_space();
            if terms.len() == Self::MAX_TERMS {
                return Err(scanner.wrong("at most 16 terms"));
            }
            terms.push(scanner.term()?);
            scanner.skip_space();
            if scanner.rest().is_empty() {
                return Self::new(terms);
            }
            scanner.sign('+', "`+` or the end")?;
        }
    }
}

/// Where in a text one reads.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// What was found here is not what was expected.
    fn wrong(&self, expected: &'static str) -> TrainError {
        let found = match self.rest().chars().next() {
            None => "the end".to_owned(),
            Some(_) => {
                let length = match self.word().len().max(self.number_text().len()) {
                    0 => 1,
                    length => length,
                };
                let token: String = self.rest().chars().take(length.min(24)).collect();
                format!("`{}`", token.escape_debug())
            }
        };
        TrainError::LossText {
            position: self.text[..self.at].chars().count() + 1,
            expected,
            found,
        }
    }

    fn sign(&mut self, sign: char, expected: &'static str) -> Result<(), TrainError> {
        self.skip_space();
        if !self.rest().starts_with(sign) {
            return Err(self.wrong(expected));
        }
        self.at += sign.len_utf8();
        Ok(())
    }

    /// The name that begins here, or nothing.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return "";
        }
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        &rest[..end.unwrap_or(rest.len())]
    }

    /// What looks like a number here, or nothing.
    fn number_text(&self) -> &'a str {
        let bytes = self.rest().as_bytes();
        let mut end = usize::from(bytes.first() == Some(&b'-'));
        if !bytes
            .get(end)
            .is_some_and(|b| b.is_ascii_digit() || *b == b'.')
        {
            return "";
        }
        while let Some(byte) = bytes.get(end) {
            let of_exponent = matches!(byte, b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E');
            if !(byte.is_ascii_alphanumeric() || *byte == b'.' || of_exponent) {
                break;
            }
            end += 1;
        }
        &self.rest()[..end]
    }

    fn number(
        &mut self,
        expected: &'static str,
        allowed: impl Fn(f64) -> bool,
    ) -> Result<f64, TrainError> {
        self.skip_space();
        let text = self.number_text();
        match text.parse() {
            Ok(value) if allowed(value) => {
                self.at += text.len();
                Ok(value)
            }
            _ => Err(self.wrong(expected)),
        }
    }

    fn term(&mut self) -> Result<(f64, LossTerm), TrainError> {
        self.skip_space();
        if self.number_text().is_empty() {
            return Ok((1.0, self.name(TERM)?));
        }
        let weight = self.number(WEIGHT, is_weight)?;
        self.sign('*', "`*`")?;
        Ok((weight, self.name(NAMES)?))
    }

    fn name(&mut self, expected: &'static str) -> Result<LossTerm, TrainError> {
        self.skip_space();
        let word = self.word();
        let term = match word {
            "mse" => LossTerm::Mse,
            "mae" => LossTerm::Mae,
            "huber" => LossTerm::Huber { delta: 1.0 },
            "log_cosh" => LossTerm::LogCosh,
            "pearson" => LossTerm::Pearson,
            "mcrmse" => LossTerm::Mcrmse,
            "mrrmse" => LossTerm::Mrrmse,
            _ => return Err(self.wrong(expected)),
        };
        self.at += word.len();
        let LossTerm::Huber { .. } = term else {
            return Ok(term);
        };
        self.sign('(', "`(` and the delta of `huber`")?;
        let delta = self.number(DELTA, is_delta)?;
        self.sign(')', "`)`")?;
        Ok(LossTerm::Huber { delta })
    }
}
