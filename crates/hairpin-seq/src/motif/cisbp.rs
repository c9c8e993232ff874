//! The text files of CIS-BP and CISBP-RNA.

use super::frequency::FrequencyMatrix;
use super::text::{FREQUENCY, Motif, Text, read_row, symbols};
use crate::{Alphabet, SeqError};

/// Reads CIS-BP's text: the file of one matrix, which holds no names, or the file of many, whose matrices follow their names.
///
/// ```text
/// RBP        T13838                 (TF in CIS-BP)
/// RBP Name   A1CF                   becomes the name
/// Motif      M001_0.6               becomes the identifier
/// Pos        A      C      G      U
/// 1          0.39   0.10   0.10   0.41
/// 2          0.01   0.01   0.01   0.97
/// ```
///
/// # Errors
///
/// [`SeqError::MotifText`] where the columns are not the symbols of `A` in their order, rows are not numbered 1, 2, 3 and so on, a row does not hold one
/// frequency per symbol adding up to 1, or a matrix has no row, as the files of matrices that CIS-BP may not give away do.
///
/// ```
/// use hairpin_seq::Rna;
/// use hairpin_seq::motif::read_cisbp;
///
/// let motifs = read_cisbp::<Rna>("Pos\tA\tC\tG\tU\n1\t0.5\t0\t0.5\t0\n2\t0\t0\t0\t1\n")?;
/// assert_eq!(motifs[0].matrix.consensus().to_string(), "AU");
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub fn read_cisbp<A: Alphabet>(text: &str) -> Result<Vec<Motif<FrequencyMatrix<A>>>, SeqError> {
    let mut text = Text::new("CIS-BP", text);
    let mut motifs = Vec::new();
    let (mut id, mut name) = (None, None);
    while let Some(line) = text.next_filled() {
        let Some(key) = line.fields().next() else {
            continue;
        };
        if key.text != "Pos" {
            let Some((key, value)) = line.text.split_once('\t') else {
                return Err(
                    line.refuse("a name and its value with a tab between them, or the line Pos")
                );
            };
            let value = value.trim();
            match key.trim() {
                "Motif" => id = Some(value.to_owned()),
                "TF Name" | "RBP Name" => name = Some(value.to_owned()),
                key if key.starts_with(|c: char| c.is_ascii_digit()) => {
                    return Err(line.refuse("the line Pos before the rows of a matrix"));
                }
                _ => {}
            }
            continue;
        }
        let found: String = line.fields().skip(1).map(|field| field.text).collect();
        if !found.eq_ignore_ascii_case(&symbols::<A>()) {
            return Err(line.refuse(format!(
                "Pos and the {} symbols {}",
                A::NAME,
                symbols::<A>()
            )));
        }
        let mut values = Vec::new();
        let mut rows = 0;
        while let Some(row) = text.peek() {
            let Some(number) = row.fields().next() else {
                break;
            };
            if !number.text.starts_with(|c: char| c.is_ascii_digit()) {
                break;
            }
            text.next();
            rows += 1;
            if number.text.parse() != Ok(rows) {
                return Err(number.refuse(format!("position {rows}")));
            }
            read_row::<A>(
                row,
                row.fields().skip(1),
                "the frequency",
                FREQUENCY,
                &mut values,
            )?;
        }
        let matrix = FrequencyMatrix::new(values).map_err(|_| match text.peek() {
            Some(line) => line.refuse("position 1 of the matrix"),
            None => text.ended("position 1 of the matrix"),
        })?;
        motifs.push(Motif {
            id: id.take().unwrap_or_default(),
            name: name.take(),
            matrix,
        });
    }
    if motifs.is_empty() || id.is_some() {
        return Err(text.ended("the line Pos and a matrix"));
    }
    Ok(motifs)
}
