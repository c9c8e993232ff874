//! The sequences of a table, as text until their alphabet is known.

use hairpin_seq::{Alphabet, Policy, Seq};

use crate::{Place, TaskError};

/// The sequences of a table, in its order, with the lines they stand in.
///
/// None is empty. Any text may be in it: [`detect`](super::detect) says which alphabet fits, [`parse`](Self::parse) reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequences {
    /// File and column.
    place: Place,
    texts: Vec<String>,
    lines: Vec<u64>,
}

impl Sequences {
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            texts: Vec::new(),
            lines: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, text: &str, line: u64) {
        self.texts.push(text.to_owned());
        self.lines.push(line);
    }

    /// The sequences as they are written.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The length of the longest, in characters.
    pub fn longest(&self) -> usize {
        self.texts
            .iter()
            .map(|text| length(text))
            .max()
            .unwrap_or(0)
    }

    /// File, line and column of a row, for errors.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn place(&self, row: usize) -> Place {
        self.place.clone().line(self.lines[row])
    }

    /// The line of a row, from 1.
    pub(super) fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    /// File and column.
    pub(super) fn column(&self) -> &Place {
        &self.place
    }

    /// The sequences in an alphabet; `policy` says what to do with ambiguity codes, lower case, gaps, and U in DNA or T in RNA.
    ///
    /// # Errors
    ///
    /// If a sequence has a symbol that the policy refuses, or only gaps that it drops; the error names line, column, position and
    /// symbol.
    pub fn parse<A: Alphabet>(&self, policy: Policy) -> Result<Vec<Seq<A>>, TaskError> {
        let sequence = |(row, text): (usize, &String)| {
            let seq = Seq::parse(text, policy).map_err(|source| TaskError::Sequence {
                place: self.place(row),
                row,
                source: Box::new(source),
            })?;
            if seq.is_empty() {
                return Err(TaskError::EmptySequence {
                    place: self.place(row),
                    row,
                });
            }
            Ok(seq)
        };
        self.texts.iter().enumerate().map(sequence).collect()
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Whether no test sequence is longer than the longest training sequence, which a model of fixed length needs, and one of any length
/// was not trained for.
///
/// # Errors
///
/// [`LongerThanTraining`](TaskError::LongerThanTraining) with the longest test sequence. Whoever allows it prints the error as a
/// warning.
///
/// ```
/// use hairpin_tasks::sequence_csv::{self, Columns};
///
/// # let fixtures = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tasks/sequence-csv"));
/// let train = sequence_csv::read_train(&fixtures.join("train.csv"), &Columns::default())?;
/// let test = sequence_csv::read_test(&fixtures.join("test.csv"), &Columns::default())?;
/// if let Err(note) = sequence_csv::check_lengths(&train.sequences, &test.sequences) {
///     eprintln!("warning: {note}");
/// }
/// # Ok::<(), hairpin_tasks::TaskError>(())
/// ```
pub fn check_lengths(train: &Sequences, test: &Sequences) -> Result<(), TaskError> {
    let longest = train.longest();
    let longer = test.texts.iter().enumerate();
    let longer = longer.map(|(row, text)| (length(text), row));
    let longer: Vec<(usize, usize)> = longer.filter(|&(length, _)| length > longest).collect();
    // Of equals the first.
    let Some(&(length, row)) = longer.iter().max_by_key(|&&(length, row)| (length, !row)) else {
        return Ok(());
    };
    Err(TaskError::LongerThanTraining {
        place: test.place(row),
        length,
        longest,
        count: longer.len(),
    })
}
