//! FASTA, read as a whole and checked letter by letter.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use hairpin_fold::FoldError;

use crate::error::{Place, ProgramError};

/// A molecule of this many bases would need years. The limit is for files that unpack without end.
const MOST_BYTES: u64 = 1 << 30;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Molecule {
    /// The header without its `>`.
    pub(crate) header: String,
    /// In the letters `A C G U N`.
    pub(crate) seq: Vec<u8>,
    /// Its place in the file, from 1.
    pub(crate) record: usize,
    /// The line of its header, from 1.
    pub(crate) line: usize,
    /// The line of constraints after its sequence, and its number.
    pub(crate) constraint: Option<(usize, String)>,
}

impl Molecule {
    /// The header up to the first space.
    pub(crate) fn name(&self) -> &str {
        self.header.split_whitespace().next().unwrap_or("no name")
    }

    /// A line of a file that has to do with this molecule.
    pub(crate) fn place(&self, path: &str, line: usize) -> Box<Place> {
        Box::new(Place {
            path: path.to_owned(),
            record: self.record,
            name: self.name().to_owned(),
            line,
        })
    }

    /// What the library refused, with the place in the file.
    pub(crate) fn refused(&self, path: &str, line: usize, source: FoldError) -> ProgramError {
        let place = self.place(path, line);
        match source {
            // With the option that allows it, instead of the library's name for it. The estimate is cut off to whole MiB.
            FoldError::TooLong {
                length,
                needed_mib,
                limit_mib,
            } => ProgramError::TooLong {
                place,
                length,
                needed_mib: needed_mib + 1,
                limit_mib,
            },
            source => ProgramError::Sequence { place, source },
        }
    }
}

/// How a path is called in messages.
pub(crate) fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Reads a file, plain or gzip, or standard input for `-`; `constraints` may stand after the sequences.
pub(crate) fn read(path: &Path, constraints: bool) -> Result<Vec<Molecule>, ProgramError> {
    parse(&bytes(path)?, &shown(path), constraints)
}

/// The bytes of a file, plain or gzip, or of standard input for `-`.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, ProgramError> {
    let shown = shown(path);
    let bytes = (if path == Path::new("-") {
        unpack(io::stdin().lock())
    } else {
        File::open(path).and_then(unpack)
    })
    .map_err(|source| ProgramError::Read {
        path: shown.clone(),
        source,
    })?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(ProgramError::LargeInput {
            path: shown,
            limit_mib: MOST_BYTES >> 20,
        });
    }
    Ok(bytes)
}

/// All bytes, without the gzip around them, but not many more than are allowed.
fn unpack(mut source: impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    source.by_ref().take(2).read_to_end(&mut start)?;
    let packed = start == [0x1f, 0x8b];
    let whole = io::Cursor::new(start).chain(source);
    let mut bytes = Vec::new();
    if packed {
        MultiGzDecoder::new(whole)
            .take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)?;
    } else {
        whole.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn parse(bytes: &[u8], path: &str, constraints: bool) -> Result<Vec<Molecule>, ProgramError> {
    let mut molecules: Vec<Molecule> = Vec::new();
    for (index, text) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let (line, text) = (index + 1, text.trim_ascii_end());
        if let Some(header) = text.strip_prefix(b">") {
            if let Some(before) = molecules.last() {
                check_some(before, path)?;
            }
            molecules.push(Molecule {
                header: String::from_utf8_lossy(header.trim_ascii()).into_owned(),
                seq: Vec::new(),
                record: molecules.len() + 1,
                line,
                constraint: None,
            });
            continue;
        }
        let Some(molecule) = molecules.last_mut() else {
            if text.is_empty() {
                continue;
            }
            let found = String::from_utf8_lossy(text).chars().take(20).collect();
            return Err(ProgramError::NoHeader {
                path: path.to_owned(),
                found,
            });
        };
        if !molecule.seq.is_empty() && text.first().is_some_and(|byte| b".x|<()".contains(byte)) {
            let place = molecule.place(path, line);
            if !constraints {
                return Err(ProgramError::UnaskedConstraint { place });
            }
            if molecule.constraint.is_some() {
                return Err(ProgramError::SecondConstraint { place });
            }
            let text = String::from_utf8_lossy(text).into_owned();
            molecule.constraint = Some((line, text));
            continue;
        }
        for &byte in text {
            match byte.to_ascii_uppercase() {
                b'T' => molecule.seq.push(b'U'),
                base @ (b'A' | b'C' | b'G' | b'U' | b'N') => molecule.seq.push(base),
                _ => {
                    let source = FoldError::Letter {
                        position: molecule.seq.len() + 1,
                        found: char::from(byte),
                    };
                    return Err(molecule.refused(path, line, source));
                }
            }
        }
    }
    let Some(last) = molecules.last() else {
        return Err(ProgramError::EmptyInput {
            path: path.to_owned(),
        });
    };
    check_some(last, path)?;
    Ok(molecules)
}

fn check_some(molecule: &Molecule, path: &str) -> Result<(), ProgramError> {
    if molecule.seq.is_empty() {
        return Err(molecule.refused(path, molecule.line, FoldError::Empty));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_of_any_width_and_case() {
        let molecules = parse(b"\n>a first\r\nacg\r\n\r\nTN\r\n> \nG", "x", false).unwrap();
        assert_eq!(molecules[0].seq, b"ACGUN");
        assert_eq!(
            (molecules[0].header.as_str(), molecules[0].name()),
            ("a first", "a")
        );
        assert_eq!(
            (molecules[1].name(), molecules[1].line, molecules[1].record),
            ("no name", 6, 2)
        );
    }

    #[test]
    fn constraints_stand_after_the_sequence() {
        let text = b">a\nGGGG\nAAACCCC\n((.x...||))\r\n>b\nA\n";
        let molecules = parse(text, "x", true).unwrap();
        assert_eq!(molecules[0].seq, b"GGGGAAACCCC");
        assert_eq!(molecules[0].constraint, Some((4, "((.x...||))".to_owned())));
        assert_eq!(molecules[1].constraint, None);
        let error = parse(text, "x", false).unwrap_err().to_string();
        assert!(
            error.contains("line 4: looks like a line of constraints; -C"),
            "{error}"
        );
    }

    #[test]
    fn says_where_it_is_wrong() {
        let error = |text: &[u8]| parse(text, "x.fa", true).unwrap_err().to_string();
        assert!(error(b"").starts_with("x.fa: the file is empty"));
        assert!(error(b"\n\n").starts_with("x.fa: the file is empty"));
        assert!(error(b"ACGU\n").starts_with("x.fa, line 1: expected '>'"));
        assert!(
            error(b">a\nAC\n>b\nGG\nAXC\n")
                .starts_with("x.fa, record 2 (b), line 5: position 4: 'X' is no RNA base")
        );
        assert!(error(b">a\nA\n.\n.\n").starts_with("x.fa, record 1 (a), line 4: a second line"));
        assert!(
            error(b">a\n>b\nA\n").starts_with("x.fa, record 1 (a), line 1: the sequence is empty")
        );
        assert!(
            error(b">a\nA\n>b").starts_with("x.fa, record 2 (b), line 3: the sequence is empty")
        );
    }
}
