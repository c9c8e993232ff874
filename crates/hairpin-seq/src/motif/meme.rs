//! The minimal motif format of the MEME suite.

use std::fmt::Write as _;

use super::background::Background;
use super::frequency::FrequencyMatrix;
use super::text::{FREQUENCY, Field, Line, Motif, Text, check_symbols, read_row, symbols};
use crate::{Alphabet, SeqError};

/// What a file in MEME format holds, as far as it concerns motifs.
#[derive(Clone, Debug, PartialEq)]
pub struct Meme<A> {
    /// The background of the file; uniform where it names none.
    pub background: Background<A>,
    /// The motifs in the order of the file.
    pub motifs: Vec<Motif<FrequencyMatrix<A>>>,
}

/// Reads the [minimal MEME format](https://meme-suite.org/meme/doc/meme-format.html), version 4 and later; what MEME itself writes around it is
/// passed over, and so are log-odds matrices, `nsites`, `E` and `URL`.
///
/// A file without an `ALPHABET` line holds DNA. A custom alphabet is accepted when its core symbols are those of `A` in their order.
///
/// # Errors
///
/// [`SeqError::MotifText`] where the text is no MEME file, is of another alphabet, has no motif, ends within a matrix, or holds a row that is
/// not one frequency per symbol adding up to 1.
///
/// ```
/// use hairpin_seq::Rna;
/// use hairpin_seq::motif::{read_meme, write_meme};
///
/// let text = "MEME version 4\n\nALPHABET= ACGU\n\nMOTIF M046_0.6 QKI\n\
///             letter-probability matrix: alength= 4 w= 2\n 1 0 0 0\n 0.5 0.25 0 0.25\n";
/// let meme = read_meme::<Rna>(text)?;
/// assert_eq!(meme.motifs[0].name.as_deref(), Some("QKI"));
/// assert_eq!(meme.motifs[0].matrix.row(1), [0.5, 0.25, 0.0, 0.25]);
/// assert_eq!(read_meme::<Rna>(&write_meme(&meme)?)?, meme);
///
/// let cut = text.strip_suffix(" 0.5 0.25 0 0.25\n").unwrap_or_default();
/// assert_eq!(
///     read_meme::<Rna>(cut).unwrap_err().to_string(),
///     "MEME text, line 8, column 1: expected row 2 of 2 of motif M046_0.6, found the end of the text"
/// );
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub fn read_meme<A: Alphabet>(text: &str) -> Result<Meme<A>, SeqError> {
    let mut text = Text::new("MEME", text);
    let first = text.next_filled();
    let first = first.ok_or_else(|| text.ended("the line \"MEME version 4\" (or later)"))?;
    check_version(first)?;
    let mut background = None;
    let mut motifs = Vec::new();
    let mut alphabet = None;
    let mut open: Option<(String, Option<String>, Line<'_>)> = None;
    while let Some(line) = text.next() {
        let mut fields = line.fields();
        let Some(keyword) = fields.next() else {
            continue;
        };
        if keyword.text == "ALPHABET" || keyword.text.starts_with("ALPHABET=") {
            read_alphabet::<A>(line, &mut text)?;
            alphabet = Some(());
        } else if line
            .text
            .trim_start()
            .starts_with("Background letter frequencies")
        {
            background = Some(read_background(line, &mut text)?);
        } else if keyword.text == "MOTIF" {
            if alphabet.is_none() && symbols::<A>() != "ACGT" {
                return Err(line.refuse(format!(
                    "the line \"ALPHABET= {}\" before the first motif: without it a file holds DNA",
                    symbols::<A>()
                )));
            }
            if let Some((id, _, line)) = open {
                return Err(line.refuse(format!("a letter-probability matrix for motif {id}")));
            }
            let id = fields
                .next()
                .ok_or_else(|| line.ended("the motif's identifier"))?;
            let name = fields.next().map(|field| field.text.to_owned());
            open = Some((id.text.to_owned(), name, line));
        } else if keyword.text == "letter-probability" {
            let Some((id, name, _)) = open.take() else {
                return Err(line.refuse("a MOTIF line before its matrix"));
            };
            let matrix = read_matrix(&id, line, &mut text)?;
            motifs.push(Motif { id, name, matrix });
        }
    }
    if let Some((id, ..)) = open {
        return Err(text.ended(format!("a letter-probability matrix for motif {id}")));
    }
    if motifs.is_empty() {
        return Err(text.ended("a line \"MOTIF identifier\""));
    }
    Ok(Meme {
        background: background.unwrap_or_else(Background::uniform),
        motifs,
    })
}

fn check_version(line: Line<'_>) -> Result<(), SeqError> {
    let mut fields = line.fields();
    let found = (fields.next(), fields.next(), fields.next());
    let expected = "\"MEME version 4\" (or later)";
    let (Some(meme), Some(word), Some(version)) = found else {
        return Err(line.refuse(expected));
    };
    if (meme.text, word.text) != ("MEME", "version") {
        return Err(line.refuse(expected));
    }
    let major = version
        .text
        .split('.')
        .next()
        .and_then(|v| v.parse::<u32>().ok());
    if major.is_some_and(|major| major >= 4) {
        return Ok(());
    }
    Err(version.refuse("version 4 or later"))
}

/// `ALPHABET= ACGT`, or a block of symbol lines up to `END ALPHABET`.
fn read_alphabet<'a, A: Alphabet>(line: Line<'a>, text: &mut Text<'a>) -> Result<(), SeqError> {
    if line.text.contains('=') {
        let mut named = line.split(|c| c.is_ascii_whitespace() || c == '=').skip(1);
        let named = named.next();
        return check_symbols::<A>(named.ok_or_else(|| line.ended("the symbols"))?);
    }
    // Core symbols have a line each; with `=` a line defines an ambiguity code, with `~` two complements.
    let mut core: Vec<(char, Field<'a>)> = Vec::new();
    loop {
        let symbol = text.next_filled();
        let symbol = symbol.ok_or_else(|| text.ended("END ALPHABET"))?;
        let mut fields = symbol.fields();
        let Some(field) = fields.next() else {
            continue;
        };
        if field.text == "END" {
            break;
        }
        let words: Vec<&str> = symbol.fields().map(|f| f.text).take(8).collect();
        if words.contains(&"=") {
            continue;
        }
        core.extend(field.text.chars().next().map(|c| (c, field)));
        if let Some(at) = words.iter().position(|&word| word == "~") {
            let partner = symbol.fields().nth(at + 1);
            core.extend(partner.and_then(|f| f.text.chars().next().map(|c| (c, f))));
        }
        if core.len() > A::SYMBOLS.len() {
            return Err(field.refuse(format!("the {} symbols {}", A::NAME, symbols::<A>())));
        }
    }
    core.sort_by_key(|(symbol, _)| *symbol);
    let mut wanted = symbols::<A>().chars().collect::<Vec<_>>();
    wanted.sort_unstable();
    match core.iter().map(|(symbol, _)| *symbol).eq(wanted) {
        true => Ok(()),
        false => Err(line.refuse(format!("the {} symbols {}", A::NAME, symbols::<A>()))),
    }
}

/// `A 0.25 C 0.25 ...` over as many lines as it takes.
fn read_background<'a, A: Alphabet>(
    line: Line<'a>,
    text: &mut Text<'a>,
) -> Result<Background<A>, SeqError> {
    let mut frequencies = Vec::with_capacity(A::SYMBOLS.len());
    let mut last = line;
    while frequencies.len() < A::SYMBOLS.len() {
        let Some(line) = text.next_filled() else {
            return Err(text.ended("the background frequencies"));
        };
        last = line;
        let mut fields = line.fields();
        while let Some(symbol) = fields.next() {
            let Some(&expected) = A::SYMBOLS.get(frequencies.len()) else {
                return Err(symbol.refuse("the end of the background frequencies"));
            };
            let expected = char::from(expected).to_string();
            if !symbol.text.eq_ignore_ascii_case(&expected) {
                return Err(symbol.refuse(format!("{expected} and its background frequency")));
            }
            let Some(field) = fields.next() else {
                return Err(line.ended(format!("the background frequency of {expected}")));
            };
            frequencies.push(field.number("a background frequency", FREQUENCY)?);
        }
    }
    Background::new(&frequencies)
        .map_err(|_| last.refuse("background frequencies above 0 that add up to 1 (within 0.01)"))
}

/// The rows below `letter-probability matrix: alength= 4 w= 7 nsites= 20 E= 0`.
fn read_matrix<'a, A: Alphabet>(
    id: &str,
    header: Line<'a>,
    text: &mut Text<'a>,
) -> Result<FrequencyMatrix<A>, SeqError> {
    let width = header_number(header, "w")?;
    if let Some(length) = header_number(header, "alength")?
        && length != A::SYMBOLS.len()
    {
        let n = A::SYMBOLS.len();
        return Err(header.refuse(format!("alength= {n}, the {} {} symbols", n, A::NAME)));
    }
    // The claimed width reserves nothing: a row is stored when it is there.
    let mut values = Vec::new();
    let mut rows = 0;
    while width.is_none_or(|width| rows < width) {
        let line = if width.is_some() {
            text.next_filled()
        } else {
            text.next()
        };
        let expected = || match width {
            Some(width) => format!("row {} of {width} of motif {id}", rows + 1),
            None => format!("the first row of motif {id}"),
        };
        let Some(line) = line else {
            if width.is_some() || rows == 0 {
                return Err(text.ended(expected()));
            }
            break;
        };
        let first = line.fields().next();
        if first.is_none_or(|field| field.text.parse::<f64>().is_err()) {
            if width.is_some() || rows == 0 {
                return Err(line.refuse(expected()));
            }
            break;
        }
        read_row::<A>(line, line.fields(), "the frequency", FREQUENCY, &mut values)?;
        rows += 1;
        if width.is_none() {
            // Without a width the matrix ends where the next line is none of its rows; leave that line.
            let more = text.peek().and_then(|next| next.fields().next());
            if more.is_none_or(|field| field.text.parse::<f64>().is_err()) {
                break;
            }
        }
    }
    FrequencyMatrix::new(values)
        .map_err(|_| header.refuse(format!("at least one row in motif {id}")))
}

/// The whole number after `key=` in a header, if the key is there.
fn header_number(header: Line<'_>, key: &str) -> Result<Option<usize>, SeqError> {
    let mut words = header.split(|c| c.is_ascii_whitespace() || c == '=');
    if words.find(|word| word.text == key).is_none() {
        return Ok(None);
    }
    let Some(value) = words.next() else {
        return Err(header.ended(format!("a whole number after {key}=")));
    };
    let number = value.text.parse().ok().filter(|&number: &usize| number > 0);
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(value.refuse(format!("a whole number from 1 up for {key}"))),
    }
}

/// Writes the minimal MEME format, with as many digits as [`read_meme`] needs to read the same bits.
///
/// # Errors
///
/// [`SeqError::Setting`] for an identifier or a name that is empty or has spaces or line ends in it, which the format cannot hold.
pub fn write_meme<A: Alphabet>(meme: &Meme<A>) -> Result<String, SeqError> {
    let n = A::SYMBOLS.len();
    let mut text = format!("MEME version 4\n\nALPHABET= {}\n\n", symbols::<A>());
    if A::NAME == "DNA" {
        text.push_str("strands: + -\n\n");
    }
    text.push_str("Background letter frequencies\n");
    let pairs = A::SYMBOLS.iter().zip(meme.background.frequencies());
    let pairs: Vec<String> = pairs
        .map(|(&s, f)| format!("{} {f}", char::from(s)))
        .collect();
    text.push_str(&pairs.join(" "));
    text.push('\n');
    for motif in &meme.motifs {
        for name in std::iter::once(&motif.id).chain(&motif.name) {
            if name.is_empty() || name.contains(char::is_whitespace) {
                return Err(SeqError::Setting {
                    name: "name of a motif",
                    value: format!("{name:?}"),
                    expected: "a word without spaces",
                });
            }
        }
        let name = motif
            .name
            .iter()
            .fold(String::new(), |_, name| format!(" {name}"));
        let width = motif.matrix.width();
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\nMOTIF {}{name}\nletter-probability matrix: alength= {n} w= {width}\n",
            motif.id
        );
        for row in motif.matrix.values().chunks_exact(n) {
            let row: Vec<String> = row.iter().map(f64::to_string).collect();
            let _ = writeln!(text, " {}", row.join(" "));
        }
    }
    Ok(text)
}
