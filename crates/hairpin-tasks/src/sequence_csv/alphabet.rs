//! Which alphabet the sequences of a table are written in.

use std::fmt;
use std::str::FromStr;

use hairpin_seq::{Alphabet, Dna, Protein, Rna};

use super::Sequences;
use crate::TaskError;

/// An alphabet that is known only when the file is read; `match` on it once to go on with `Seq<Dna>`, `Seq<Rna>` or `Seq<Protein>`.
///
/// ```
/// use hairpin_tasks::sequence_csv::AlphabetName;
///
/// assert_eq!("rna".parse(), Ok(AlphabetName::Rna));
/// assert_eq!(AlphabetName::Protein.to_string(), "protein");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlphabetName {
    /// [`Dna`].
    Dna,
    /// [`Rna`].
    Rna,
    /// [`Protein`].
    Protein,
}

impl fmt::Display for AlphabetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Dna => Dna::NAME,
            Self::Rna => Rna::NAME,
            Self::Protein => Protein::NAME,
        })
    }
}

/// In any case.
impl FromStr for AlphabetName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "dna" => Ok(Self::Dna),
            "rna" => Ok(Self::Rna),
            "protein" => Ok(Self::Protein),
            _ => Err(format!(
                "no alphabet `{}`, expected dna, rna or protein",
                crate::error::shorten(text)
            )),
        }
    }
}

/// An alphabet with the reason for it; displays as `RNA (1,589 sequences of the letters A C G U: U and no T)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The alphabet.
    pub alphabet: AlphabetName,
    /// Why it is that one.
    pub reason: String,
}

impl fmt::Display for Detected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.alphabet, self.reason)
    }
}

/// The least share of `A C G T U N` among the letters of nucleic acids, in percent. Of the letters of a protein they are a third.
const MOSTLY: u64 = 90;

/// Letters that stand for several bases; amino acids, too, but for `B`.
const IUPAC: &[u8] = b"RYSWKMBDHV";

/// Finds the alphabet of all sequences by the letters they hold, upper or lower case, gaps aside.
///
/// | letters | alphabet |
/// |---|---|
/// | `A C G T N`, few IUPAC codes | DNA |
/// | the same with `U` for `T` | RNA |
/// | the same with neither | DNA |
/// | the same with both | error: both lines are named |
/// | any other letters of amino acids, or more than a tenth IUPAC codes | protein |
/// | digits, spaces, symbols, `O` | error: line and position are named |
///
/// Which alphabet was meant can only be guessed, so a program shows the answer and lets its user name another. Sequences to predict
/// must fit the alphabet of the training sequences: [`parse`](Sequences::parse) them as that, and what does not fit is an error.
///
/// # Errors
///
/// [`Letter`](TaskError::Letter) and [`MixedAlphabets`](TaskError::MixedAlphabets), as in the table.
///
/// ```
/// use hairpin_tasks::sequence_csv::{self, AlphabetName, Columns};
///
/// # let fixtures = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tasks/sequence-csv"));
/// let train = sequence_csv::read_train(&fixtures.join("train.csv"), &Columns::default())?;
/// let detected = sequence_csv::detect(&train.sequences)?;
/// assert_eq!(detected.alphabet, AlphabetName::Rna);
/// assert_eq!(detected.to_string(), "RNA (400 sequences of the letters A C G U: U and no T)");
/// # Ok::<(), hairpin_tasks::TaskError>(())
/// ```
pub fn detect(sequences: &Sequences) -> Result<Detected, TaskError> {
    let mut counts = [0_u64; 256];
    let mut first_row = [0_usize; 256];
    for (row, text) in sequences.texts().iter().enumerate() {
        for (index, character) in text.chars().enumerate() {
            let letter = match u8::try_from(character) {
                Ok(byte) => byte.to_ascii_uppercase(),
                Err(_) => 0,
            };
            let place = usize::from(letter);
            if counts[place] == 0 && !is_known(letter) {
                return Err(TaskError::Letter {
                    place: sequences.place(row),
                    position: index + 1,
                    letter: character,
                    alphabet: "DNA, RNA or protein".to_owned(),
                    remedy: "correct the sequence or leave the row out",
                });
            }
            if counts[place] == 0 {
                first_row[place] = row;
            }
            counts[place] += 1;
        }
    }
    let seen = |letters: &[u8]| {
        letters
            .iter()
            .any(|&letter| counts[usize::from(letter)] > 0)
    };
    let total = |letters: &[u8]| -> u64 { letters.iter().map(|&l| counts[usize::from(l)]).sum() };
    let letters: Vec<u8> = (b'A'..=b'Z').filter(|&letter| seen(&[letter])).collect();
    let plain = total(b"ACGTUN");
    let foreign: Vec<u8> = letters
        .iter()
        .copied()
        .filter(|letter| !b"ACGTUN".contains(letter) && !IUPAC.contains(letter))
        .collect();
    let described = format!(
        "{} sequence{} of the letters {}",
        thousands(sequences.len()),
        if sequences.len() == 1 { "" } else { "s" },
        spaced(&letters)
    );
    let detected = |alphabet, why: String| {
        Ok(Detected {
            alphabet,
            reason: format!("{described}: {why}"),
        })
    };
    if !foreign.is_empty() {
        let why = format!("{} in no nucleic acid", spaced(&foreign));
        return detected(AlphabetName::Protein, why);
    }
    if plain * 100 < total(&letters) * MOSTLY {
        let why = format!("fewer than {MOSTLY} % of them are A, C, G, T, U or N");
        return detected(AlphabetName::Protein, why);
    }
    match (seen(b"T"), seen(b"U")) {
        (true, true) => {
            let line = |letter: u8| sequences.line(first_row[usize::from(letter)]);
            Err(TaskError::MixedAlphabets {
                place: sequences.column().clone(),
                t_line: line(b'T'),
                u_line: line(b'U'),
            })
        }
        (true, false) => detected(AlphabetName::Dna, "T and no U".to_owned()),
        (false, true) => detected(AlphabetName::Rna, "U and no T".to_owned()),
        (false, false) => detected(
            AlphabetName::Dna,
            "neither T nor U, taken as DNA".to_owned(),
        ),
    }
}

/// Whether an upper-case letter can be in any sequence, gaps included.
fn is_known(letter: u8) -> bool {
    // U is selenocysteine, which the protein alphabet refuses later with a better message.
    letter == b'U'
        || matches!(letter, b'-' | b'.')
        || Dna::is_ambiguous(letter)
        || Protein::code(letter).is_some()
        || Protein::is_ambiguous(letter)
}

fn spaced(letters: &[u8]) -> String {
    let letters: Vec<String> = letters.iter().map(|&l| char::from(l).to_string()).collect();
    letters.join(" ")
}

/// `1589` as `1,589`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
