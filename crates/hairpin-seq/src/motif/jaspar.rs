//! JASPAR's count matrices.

use super::count::CountMatrix;
use super::text::{COUNT, Motif, Text};
use crate::{Alphabet, SeqError};

/// Reads JASPAR's count matrices, one or many: the 2014+ format and the raw one, which has no letters.
///
/// ```text
/// >MA0004.1 Arnt                     >MA0004.1 Arnt
/// A  [ 4 19  0  0  0  0 ]             4 19  0  0  0  0
/// C  [16  0 20  0  0  0 ]            16  0 20  0  0  0
/// G  [ 0  1  0 20  0 20 ]             0  1  0 20  0 20
/// T  [ 0  0  0  0 20  0 ]             0  0  0  0 20  0
/// ```
///
/// Rows without letters are taken in the order of the codes.
///
/// # Errors
///
/// [`SeqError::MotifText`] where a header or a row is missing, a row has another length than the one before or another letter than its turn, or
/// a count is no number from 0 up.
///
/// ```
/// use hairpin_seq::Dna;
/// use hairpin_seq::motif::read_jaspar;
///
/// let motifs = read_jaspar::<Dna>(">MA0000.1 toy\nA [ 4 0 ]\nC [ 0 1 ]\nG [ 0 0 ]\nT [ 0 3 ]\n")?;
/// assert_eq!((motifs[0].id.as_str(), motifs[0].matrix.row(1)), ("MA0000.1", &[0., 1., 0., 3.][..]));
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub fn read_jaspar<A: Alphabet>(text: &str) -> Result<Vec<Motif<CountMatrix<A>>>, SeqError> {
    let mut text = Text::new("JASPAR", text);
    let mut motifs = Vec::new();
    while let Some(header) = text.next_filled() {
        let Some(names) = header.text.strip_prefix('>') else {
            return Err(header.refuse("a header line \">identifier name\""));
        };
        let mut names = names.split_ascii_whitespace();
        let Some(id) = names.next() else {
            return Err(header.ended("the motif's identifier"));
        };
        let name = names.collect::<Vec<_>>().join(" ");
        let mut columns: Vec<Vec<f64>> = Vec::with_capacity(A::SYMBOLS.len());
        for &symbol in A::SYMBOLS {
            let symbol = char::from(symbol);
            let expected = || format!("the counts of {symbol} of motif {id}");
            let Some(line) = text.next_filled() else {
                return Err(text.ended(expected()));
            };
            let gap = |c: char| c.is_ascii_whitespace() || c == '[' || c == ']';
            let mut fields = line.split(gap).peekable();
            if let Some(letter) = fields
                .peek()
                .filter(|f| f.text.starts_with(char::is_alphabetic))
            {
                if !letter
                    .text
                    .eq_ignore_ascii_case(symbol.encode_utf8(&mut [0; 4]))
                {
                    return Err(letter.refuse(expected()));
                }
                if line.text.contains('[') && !line.text.trim_end().ends_with(']') {
                    return Err(line.ended("] at the end of the counts"));
                }
                fields.next();
            } else if line.text.starts_with('>') {
                return Err(line.refuse(expected()));
            }
            let width = columns.first().map(Vec::len);
            let mut counts = Vec::new();
            for field in fields {
                if width == Some(counts.len()) {
                    return Err(
                        field.refuse(format!("the end of the line after {} counts", counts.len()))
                    );
                }
                counts.push(field.number("a count", COUNT)?);
            }
            if counts.is_empty() || width.is_some_and(|width| counts.len() < width) {
                let number = width.map_or("at least 1".to_owned(), |width| width.to_string());
                return Err(line.ended(format!("{number} counts of {symbol} of motif {id}")));
            }
            columns.push(counts);
        }
        let width = columns.first().map_or(0, Vec::len);
        let values = (0..width).flat_map(|i| columns.iter().map(move |counts| counts[i]));
        motifs.push(Motif {
            id: id.to_owned(),
            name: (!name.is_empty()).then_some(name),
            matrix: CountMatrix::new(values.collect())?,
        });
    }
    if motifs.is_empty() {
        return Err(text.ended("a header line \">identifier name\""));
    }
    Ok(motifs)
}
