//! Where the RNA-binding domains of proteins are: a line of ranges per protein.

use std::ops::Range;
use std::path::Path;

use hairpin_seq::{Protein, Seq};

use crate::TaskError;
use crate::error::shorten;
use crate::lines::Lines;

const REMEDY: &str = "write a line per protein, in the order of the proteins: ranges of residues from 1, such as 12-88,101-176, or - for all of it";

/// Reads the domains of proteins: for each, in their order, a line of ranges `from-to` with commas between them, counted from 1, both ends
/// included, as UniProt and Pfam have them; a line of `-` is a whole protein. The answer counts from 0, without the end.
///
/// # Errors
///
/// If the file cannot be read, a line is none of that, ranges do not ascend or overlap, one ends behind its protein, or there is not one line
/// per protein; with the line.
///
/// ```
/// use hairpin_seq::{Protein, Seq};
/// use hairpin_tasks::rnacompete::read_domains;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("domains.txt");
/// std::fs::write(&path, "2-3,5-5\n-\n")?;
/// let proteins: Vec<Seq<Protein>> = vec!["MKVLA".parse()?, "MW".parse()?];
/// assert_eq!(read_domains(&path, &proteins)?, [vec![1..3, 4..5], vec![0..2]]);
/// std::fs::write(&path, "2-3,5-6\n-\n")?;
/// let error = read_domains(&path, &proteins).unwrap_err().to_string();
/// assert!(error.contains("line 1") && error.contains("5-6") && error.contains("5 residues"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_domains(
    path: &Path,
    proteins: &[Seq<Protein>],
) -> Result<Vec<Vec<Range<usize>>>, TaskError> {
    let mut lines = Lines::open(path, "text", REMEDY)?;
    let file = lines.file().clone();
    let mut domains: Vec<Vec<Range<usize>>> = Vec::new();
    let number_of_lines = |found: String| TaskError::Field {
        place: file.clone(),
        found,
        expected: format!("{} lines, one per protein", proteins.len()),
        remedy: REMEDY,
    };
    while let Some(line) = lines.next()? {
        let next = proteins.get(domains.len());
        let found = next.map(|protein| ranges(line.trim(), protein.len()));
        let expected = domains.len() as u64 + 1;
        if lines.number() != expected {
            return Err(TaskError::Field {
                place: file.line(expected),
                found: "a blank line".to_owned(),
                expected: "ranges of residues, or - for a whole protein".to_owned(),
                remedy: REMEDY,
            });
        }
        let refused = |(found, expected)| TaskError::Field {
            place: lines.place(),
            found,
            expected,
            remedy: REMEDY,
        };
        match found {
            Some(found) => domains.push(found.map_err(refused)?),
            None => return Err(number_of_lines("more lines".to_owned())),
        }
    }
    match domains.len() == proteins.len() {
        true => Ok(domains),
        false => Err(number_of_lines(format!("{} lines", domains.len()))),
    }
}

/// The ranges of a line; or what was found and what was expected.
fn ranges(line: &str, length: usize) -> Result<Vec<Range<usize>>, (String, String)> {
    if line == "-" {
        return Ok(std::iter::once(0..length).collect());
    }
    let mut all: Vec<Range<usize>> = Vec::new();
    for part in line.split(',') {
        let range = part.trim().split_once('-').and_then(|(from, to)| {
            let from: usize = from.trim().parse().ok()?;
            Some(from.checked_sub(1)?..to.trim().parse().ok()?)
        });
        let found = || format!("`{}`", shorten(part));
        let Some(range) = range.filter(|range| !range.is_empty()) else {
            return Err((found(), "a range such as 12-88".to_owned()));
        };
        if range.end > length {
            let expected = format!("a range inside the protein of {length} residues");
            return Err((found(), expected));
        }
        if all.last().is_some_and(|before| before.end > range.start) {
            return Err((found(), "a range behind the one before it".to_owned()));
        }
        all.push(range);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_list_of_domains_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("domains.txt");
        let proteins: Vec<Seq<Protein>> = ["MKVLAMKVLA", "MWMW"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_domains(&path, &proteins)
        };
        let found = read("1-4, 5-10\r\n-\r\n\r\n").unwrap();
        assert_eq!(found[0], [0..4, 4..10]);
        assert!(found[1].len() == 1 && found[1][0] == (0..4));
        for (text, parts) in [
            ("1-4\n", &["1 lines", "2 lines"][..]),
            ("-\n\n-\n", &["line 2", "blank"]),
            ("-\n-\n-\n", &["more lines", "2 lines"]),
            ("-\n0-3\n", &["line 2", "0-3"]),
            ("-\n3-1\n", &["line 2", "3-1"]),
            ("-\n1..3\n", &["line 2", "1..3"]),
            ("-\n1-3,\n", &["line 2", "``"]),
            ("4-6,6-8\n-\n", &["line 1", "6-8", "behind"]),
            ("-\n1-99999999999999999999999\n", &["line 2", "999"]),
        ] {
            let error = read(text).unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{text:?}: no {part:?} in {error}");
            }
        }
    }
}
