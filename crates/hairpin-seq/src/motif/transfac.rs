//! TRANSFAC's count matrices.

use super::count::CountMatrix;
use super::text::{COUNT, Line, Motif, Text, read_row, symbols};
use crate::{Alphabet, SeqError};

/// Reads TRANSFAC records, one or many: `AC` (or else `ID`) is the identifier, `NA` (or else `ID`) the name.
///
/// ```text
/// AC M00001
/// NA MyoD
/// P0      A      C      G      T
/// 01      1      2      2      0      S
/// 02      2      1      2      0      R
/// XX
/// //
/// ```
///
/// The column of consensus letters may be missing. Other lines are passed over.
///
/// # Errors
///
/// [`SeqError::MotifText`] where the columns of `P0` are not the symbols of `A` in their order, rows are not numbered 1, 2, 3 and so on, a count is
/// no number from 0 up, or a record has no matrix or no closing `//`.
///
/// ```
/// use hairpin_seq::Dna;
/// use hairpin_seq::motif::read_transfac;
///
/// let motifs = read_transfac::<Dna>("AC M1\nNA toy\nP0 A C G T\n01 1 2 2 0 S\n02 0 0 5 0 G\n//\n")?;
/// assert_eq!((motifs[0].id.as_str(), motifs[0].matrix.width()), ("M1", 2));
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub fn read_transfac<A: Alphabet>(text: &str) -> Result<Vec<Motif<CountMatrix<A>>>, SeqError> {
    let mut text = Text::new("TRANSFAC", text);
    let mut motifs = Vec::new();
    let mut record = Record::default();
    while let Some(line) = text.next_filled() {
        let mut fields = line.fields();
        let Some(key) = fields.next() else {
            continue;
        };
        let value = || line.text.trim_start()[key.text.len()..].trim().to_owned();
        match key.text {
            "AC" => record.accession = Some(value()),
            "ID" => record.id = Some(value()),
            "NA" => record.name = Some(value()),
            "P0" | "PO" => {
                let found: String = fields.map(|field| field.text).collect();
                if !found.eq_ignore_ascii_case(&symbols::<A>()) {
                    let expected = format!("the {} symbols {}", A::NAME, symbols::<A>());
                    return Err(line.refuse(expected));
                }
                if record.matrix.is_some() {
                    return Err(line.refuse("one matrix in a record, then //"));
                }
                record.matrix = Some(read_matrix(line, &mut text)?);
            }
            "//" => {
                // The version of a whole file stands in a record without a matrix.
                let closed = std::mem::take(&mut record);
                if let Some(matrix) = closed.matrix {
                    let id = closed.accession.clone().or_else(|| closed.id.clone());
                    motifs.push(Motif {
                        id: id.unwrap_or_default(),
                        name: closed.name.or(closed.accession.and(closed.id)),
                        matrix,
                    });
                } else if closed.accession.is_some() || closed.id.is_some() {
                    return Err(
                        line.refuse("a matrix, from the line P0 on, before the end of the record")
                    );
                }
            }
            _ => {}
        }
    }
    if record.accession.is_some() || record.id.is_some() || record.matrix.is_some() {
        return Err(text.ended("the rest of the record and //"));
    }
    if motifs.is_empty() {
        return Err(text.ended("a record with a matrix"));
    }
    Ok(motifs)
}

/// What has been read of a record.
struct Record<A> {
    accession: Option<String>,
    id: Option<String>,
    name: Option<String>,
    matrix: Option<CountMatrix<A>>,
}

impl<A> Default for Record<A> {
    fn default() -> Self {
        Self {
            accession: None,
            id: None,
            name: None,
            matrix: None,
        }
    }
}

/// The numbered rows below `P0`.
fn read_matrix<'a, A: Alphabet>(
    header: Line<'a>,
    text: &mut Text<'a>,
) -> Result<CountMatrix<A>, SeqError> {
    let mut values = Vec::new();
    let mut rows = 0;
    while let Some(line) = text.peek() {
        let Some(number) = line.fields().next() else {
            break;
        };
        if !number.text.starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        text.next();
        rows += 1;
        if number.text.parse() != Ok(rows) {
            return Err(number.refuse(format!("row number {rows}")));
        }
        // The consensus letter comes after the counts.
        let has_letter = line.fields().count() == A::SYMBOLS.len() + 2;
        let last = line.fields().last().filter(|_| has_letter);
        if let Some(letter) = last.filter(|f| !f.text.chars().all(char::is_alphabetic)) {
            return Err(letter.refuse("a consensus letter, or the end of the line"));
        }
        let counts = line.fields().skip(1);
        let counts = counts.take(if has_letter {
            A::SYMBOLS.len()
        } else {
            usize::MAX
        });
        read_row::<A>(line, counts, "the count", COUNT, &mut values)?;
    }
    if rows == 0 {
        return Err(match text.peek() {
            Some(line) => line.refuse("row number 1 of the matrix"),
            None => text.ended("row number 1 of the matrix"),
        });
    }
    CountMatrix::new(values).map_err(|_| header.refuse("a matrix of counts"))
}
