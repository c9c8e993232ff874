//! Lines and fields of a motif file, each of which knows where it stands.

use crate::{Alphabet, SeqError};

/// A matrix with the names its file gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Motif<M> {
    /// The identifier; empty where the file has none.
    pub id: String,
    /// A second name, such as the protein's.
    pub name: Option<String>,
    /// The matrix.
    pub matrix: M,
}

/// The lines of a text that are left, from the next one on.
#[derive(Clone)]
pub(super) struct Text<'a> {
    format: &'static str,
    rest: &'a str,
    /// How many lines have been read.
    read: usize,
}

/// One line, without its end.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    format: &'static str,
    number: usize,
    pub(super) text: &'a str,
}

/// A word of a line.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    line: Line<'a>,
    /// Where it starts, in bytes from 0.
    start: usize,
    pub(super) text: &'a str,
}

impl<'a> Text<'a> {
    pub(super) fn new(format: &'static str, text: &'a str) -> Self {
        Self {
            format,
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            read: 0,
        }
    }

    pub(super) fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (text, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        self.read += 1;
        Some(Line {
            format: self.format,
            number: self.read,
            text: text.strip_suffix('\r').unwrap_or(text),
        })
    }

    pub(super) fn peek(&self) -> Option<Line<'a>> {
        self.clone().next()
    }

    /// The next line that is not blank.
    pub(super) fn next_filled(&mut self) -> Option<Line<'a>> {
        loop {
            let line = self.next()?;
            if !line.text.trim().is_empty() {
                return Some(line);
            }
        }
    }

    /// The text ended where something was expected.
    pub(super) fn ended(&self, expected: impl Into<String>) -> SeqError {
        SeqError::MotifText {
            format: self.format,
            line: self.read + 1,
            column: 1,
            expected: expected.into(),
            found: "the end of the text".to_owned(),
        }
    }
}

impl<'a> Line<'a> {
    pub(super) fn fields(self) -> impl Iterator<Item = Field<'a>> {
        self.split(|c| c.is_ascii_whitespace())
    }

    /// The words between what `is_gap` accepts.
    pub(super) fn split(self, is_gap: impl Fn(char) -> bool) -> impl Iterator<Item = Field<'a>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = at + self.text[at..].find(|c| !is_gap(c))?;
            let length = self.text[start..].find(&is_gap);
            at = length.map_or(self.text.len(), |length| start + length);
            Some(Field {
                line: self,
                start,
                text: &self.text[start..at],
            })
        })
    }

    /// Something else was expected in this line.
    pub(super) fn refuse(self, expected: impl Into<String>) -> SeqError {
        self.refuse_at(0, expected, self.text)
    }

    /// The line ended where something was expected.
    pub(super) fn ended(self, expected: impl Into<String>) -> SeqError {
        let mut error = self.refuse_at(self.text.len(), expected, "");
        if let SeqError::MotifText { found, .. } = &mut error {
            "the end of the line".clone_into(found);
        }
        error
    }

    fn refuse_at(self, start: usize, expected: impl Into<String>, found: &str) -> SeqError {
        let mut shown: String = found.chars().take(40).collect();
        if shown.len() < found.len() {
            shown.push('…');
        }
        SeqError::MotifText {
            format: self.format,
            line: self.number,
            column: self.text[..start].chars().count() + 1,
            expected: expected.into(),
            found: format!("{shown:?}"),
        }
    }
}

impl Field<'_> {
    pub(super) fn refuse(self, expected: impl Into<String>) -> SeqError {
        self.line.refuse_at(self.start, expected, self.text)
    }

    /// A number from 0 to `most`.
    pub(super) fn number(self, what: &str, most: f64) -> Result<f64, SeqError> {
        let number = self.text.parse().ok();
        number
            .filter(|number| (0.0..=most).contains(number))
            .ok_or_else(|| self.refuse(format!("{what}: a number from 0 to {most}")))
    }
}

/// Reads exactly one number per field into `values`.
pub(super) fn read_row<'a, A: Alphabet>(
    line: Line<'a>,
    mut fields: impl Iterator<Item = Field<'a>>,
    what: &'static str,
    most: f64,
    values: &mut Vec<f64>,
) -> Result<(), SeqError> {
    let expected = || format!("{} of {}", what, symbols::<A>());
    let from = values.len();
    for &symbol in A::SYMBOLS {
        let Some(field) = fields.next() else {
            return Err(line.ended(expected()));
        };
        values.push(field.number(&format!("{what} of {}", char::from(symbol)), most)?);
    }
    if let Some(field) = fields.next() {
        return Err(field.refuse(format!("the end of the line after the {}", expected())));
    }
    let sum: f64 = values[from..].iter().sum();
    if most <= FREQUENCY && (sum - 1.0).abs() > 0.01 {
        let expected = "frequencies that add up to 1 (within 0.01)";
        return Err(line.refuse(format!("{expected}, not {sum:.4}")));
    }
    Ok(())
}

/// The largest frequency, with an allowance for rounding, and the largest count that a matrix takes.
pub(super) const FREQUENCY: f64 = 1.01;
pub(super) const COUNT: f64 = 1e15;

/// Refuses a header that does not name the symbols in their order, and says which alphabet it names instead.
pub(super) fn check_symbols<A: Alphabet>(field: Field<'_>) -> Result<(), SeqError> {
    let symbols = symbols::<A>();
    if field.text.eq_ignore_ascii_case(&symbols) {
        return Ok(());
    }
    let remedy = match (field.text.to_ascii_uppercase().as_str(), A::NAME) {
        ("ACGT", "RNA") => "; the motifs are DNA: read them as Dna and transcribe",
        ("ACGU", "DNA") => "; the motifs are RNA: read them as Rna and reverse transcribe",
        _ => "",
    };
    Err(field.refuse(format!("the {} symbols {symbols}{remedy}", A::NAME)))
}

pub(super) fn symbols<A: Alphabet>() -> String {
    A::SYMBOLS.iter().copied().map(char::from).collect()
}
