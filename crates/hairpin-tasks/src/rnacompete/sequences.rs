//! Proteins and probes: one sequence per line.

use std::borrow::Cow;
use std::path::Path;

use hairpin_seq::{Alphabet, Policy, Protein, Rna, Seq};

use super::{MOST_PROBE, MOST_PROTEIN, Reading};
use crate::lines::Lines;
use crate::{Place, TaskError};

/// What becomes of characters of a protein that no residue of the twenty is written with, and no
/// [`Policy`] explains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stray {
    /// An error that names line and position.
    #[default]
    Refuse,
    /// Digits and blanks, which a ruler above an alignment leaves behind, are taken out, as is a `*` at the end; selenocysteine `U` and
    /// pyrrolysine `O` become unknown.
    Repair,
}

/// Reads proteins, one amino-acid sequence per line.
///
/// # Errors
///
/// If the file cannot be read, has no line, a line is blank and others follow, a letter is refused by [`Reading::proteins`] and
/// [`Reading::stray`], or a protein has more than [`MOST_PROTEIN`] residues; with the line.
pub fn read_proteins(path: &Path, reading: Reading) -> Result<Vec<Seq<Protein>>, TaskError> {
    read(
        path,
        Kind {
            name: "protein",
            unit: "residues",
            most: MOST_PROTEIN,
            remedy: "give the path of a text file with one amino-acid sequence per line",
        },
        |line| match reading.stray {
            Stray::Refuse => Seq::parse(line, reading.proteins),
            Stray::Repair => repaired(line, reading.proteins),
        },
    )
}

/// Reads probes, one per line, in letters of RNA or, as [`Reading`] has it unless told otherwise, of DNA.
///
/// # Errors
///
/// If the file cannot be read, has no line, a line is blank and others follow, a letter is refused by [`Reading::probes`], or a probe
/// has more than [`MOST_PROBE`] nt; with the line.
pub fn read_probes(path: &Path, reading: Reading) -> Result<Vec<Seq<Rna>>, TaskError> {
    read(
        path,
        Kind {
            name: "probe",
            unit: "nt",
            most: MOST_PROBE,
            remedy: "give the path of a text file with one RNA probe per line",
        },
        |line| Seq::parse(line, reading.probes),
    )
}

/// A protein without what does not belong to it.
pub(super) fn repaired(line: &str, policy: Policy) -> Result<Seq<Protein>, hairpin_seq::SeqError> {
    const UNKNOWN: u8 = 20;
    let line = line.trim_end();
    let line = line.strip_suffix('*').unwrap_or(line);
    let stray = |c: char| c.is_ascii_digit() || c == ' ' || c == '\t';
    let line: Cow<'_, str> = match line.contains(stray) {
        true => line.replace(stray, "").into(),
        false => line.into(),
    };
    let rare = |c: char| matches!(c, 'U' | 'O' | 'u' | 'o');
    if !line.contains(rare) {
        return Seq::parse(&line, policy);
    }
    // The rare ones are read as something known, and then marked; positions stay what they are.
    let known = line.replace(['U', 'O'], "A").replace(['u', 'o'], "a");
    let mut codes = Seq::<Protein>::parse(&known, policy)?.codes().to_vec();
    for (code, _) in codes
        .iter_mut()
        .zip(line.chars().filter(|&c| c != '-' && c != '.'))
        .filter(|(_, c)| rare(*c))
    {
        *code = UNKNOWN;
    }
    Seq::from_codes(codes)
}

/// What a file of sequences holds.
struct Kind {
    name: &'static str,
    unit: &'static str,
    most: usize,
    remedy: &'static str,
}

fn read<A: Alphabet>(
    path: &Path,
    kind: Kind,
    parse: impl Fn(&str) -> Result<Seq<A>, hairpin_seq::SeqError>,
) -> Result<Vec<Seq<A>>, TaskError> {
    let mut lines = Lines::open(path, "text", kind.remedy)?;
    let file = lines.file().clone();
    let mut seqs = Vec::new();
    let wrong_length = |place: Place, length: usize| TaskError::Field {
        place,
        found: format!("a {} of {length} {}", kind.name, kind.unit),
        expected: format!("1 to {} {}", kind.most, kind.unit),
        remedy: "correct the line; every other one keeps its number",
    };
    let mut next = 1;
    while let Some(line) = lines.next()? {
        let row = seqs.len();
        // Refused before it is copied.
        let length = line.len();
        let parsed = (length <= kind.most.saturating_mul(4)).then(|| parse(line));
        let number = lines.number();
        if number != next {
            return Err(wrong_length(file.line(next), 0));
        }
        next = number + 1;
        let seq = match parsed {
            None => return Err(wrong_length(lines.place(), length)),
            Some(Ok(seq)) => seq,
            Some(Err(source)) => {
                return Err(TaskError::Sequence {
                    place: lines.place(),
                    row,
                    source: Box::new(source),
                });
            }
        };
        if seq.is_empty() || seq.len() > kind.most {
            return Err(wrong_length(lines.place(), seq.len()));
        }
        seqs.push(seq);
    }
    if seqs.is_empty() {
        return Err(TaskError::NoRows { place: file });
    }
    Ok(seqs)
}
