//! What is known of the molecules beforehand: lines of constraints, and the reactivities of a SHAPE experiment.

use std::path::Path;

use hairpin_fold::{Constraints, Deigan, FoldError};

use crate::arguments::Fold;
use crate::error::ProgramError;
use crate::molecules::{self, Molecule};

/// What is known of one molecule, and where that stands, for the message that it cannot be.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) constraints: Constraints,
    pub(crate) path: String,
    pub(crate) line: usize,
}

/// One entry for each molecule, or none at all.
pub(crate) fn read(
    arguments: &Fold,
    path: &str,
    molecules: &[Molecule],
) -> Result<Vec<Known>, ProgramError> {
    let mut known = match &arguments.constraints {
        None => Vec::new(),
        Some(None) => after_sequences(path, molecules)?,
        Some(Some(file)) => lines(file, molecules)?,
    };
    if let Some(file) = &arguments.shape {
        let shown = molecules::shown(file);
        let [molecule] = molecules else {
            return Err(ProgramError::ShapeMolecules {
                path: shown,
                found: molecules.len(),
            });
        };
        let deigan = Deigan {
            slope: arguments.slope,
            intercept: arguments.intercept,
        };
        let kcal = deigan.energies(&reactivities(file, molecule)?);
        match known.pop() {
            Some(before) => known.push(Known {
                constraints: before.constraints.with_stacked_kcal(kcal),
                ..before
            }),
            None => known.push(Known {
                constraints: Constraints::default().with_stacked_kcal(kcal),
                path: path.to_owned(),
                line: molecule.line,
            }),
        }
    }
    Ok(known)
}

fn after_sequences(path: &str, molecules: &[Molecule]) -> Result<Vec<Known>, ProgramError> {
    let known = |molecule: &Molecule| match &molecule.constraint {
        Some((line, text)) => parse(molecule, path, *line, text),
        None => Err(ProgramError::NoConstraint {
            path: path.to_owned(),
            record: molecule.record,
            name: molecule.name().to_owned(),
        }),
    };
    molecules.iter().map(known).collect()
}

fn lines(file: &Path, molecules: &[Molecule]) -> Result<Vec<Known>, ProgramError> {
    let path = molecules::shown(file);
    let bytes = molecules::bytes(file)?;
    let text = String::from_utf8_lossy(&bytes);
    // A first base is not paired with an earlier one: that '>' begins a name.
    let lines: Vec<(usize, &str)> = (text.lines().enumerate())
        .map(|(index, line)| (index + 1, line.trim_end()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', '>']))
        .collect();
    if lines.len() != molecules.len() {
        return Err(ProgramError::ConstraintLines {
            path,
            expected: molecules.len(),
            found: lines.len(),
        });
    }
    (molecules.iter().zip(lines))
        .map(|(molecule, (line, text))| parse(molecule, &path, line, text))
        .collect()
}

fn parse(molecule: &Molecule, path: &str, line: usize, text: &str) -> Result<Known, ProgramError> {
    let refused = |source| molecule.refused(path, line, source);
    let constraints = text.parse().map_err(refused)?;
    let found = text.chars().count();
    if found != molecule.seq.len() {
        return Err(refused(FoldError::Length {
            what: "the constraint",
            expected: molecule.seq.len(),
            found,
        }));
    }
    Ok(Known {
        constraints,
        path: path.to_owned(),
        line,
    })
}

/// One for each base; NaN where nothing was measured.
fn reactivities(file: &Path, molecule: &Molecule) -> Result<Vec<f64>, ProgramError> {
    let path = molecules::shown(file);
    let bytes = molecules::bytes(file)?;
    let n = molecule.seq.len();
    let mut reactivities = vec![None; n];
    for (index, text) in String::from_utf8_lossy(&bytes).lines().enumerate() {
        let refuse = |column: usize, expected: String, found: &str| {
            let found = match found.chars().take(20).collect::<String>() {
                found if found.is_empty() => "the end of the line".to_owned(),
                found => format!("{found:?}"),
            };
            Err(ProgramError::Shape {
                path: path.clone(),
                line: index + 1,
                column,
                expected,
                found,
            })
        };
        let text = text.split('#').next().unwrap_or_default();
        let mut words = words(text);
        let Some((column, word)) = words.next() else {
            continue;
        };
        let position = match word.parse() {
            Ok(position) if (1..=n).contains(&position) => position,
            _ => return refuse(column, format!("a position from 1 to {n}"), word),
        };
        if reactivities[position - 1].is_some() {
            return refuse(column, "each position once".to_owned(), word);
        }
        let end = (text.chars().count() + 1, "");
        let (mut column, mut word) = words.next().unwrap_or(end);
        if let [letter] = word.as_bytes()
            && letter.is_ascii_alphabetic()
        {
            let base = char::from(molecule.seq[position - 1]);
            let letter = match letter.to_ascii_uppercase() {
                b'T' => 'U',
                other => char::from(other),
            };
            if letter != base {
                let expected = format!("{base:?}, base {position} of {}", molecule.name());
                return refuse(column, expected, word);
            }
            (column, word) = words.next().unwrap_or(end);
        }
        let reactivity = match word {
            "NA" => f64::NAN,
            word => match word.parse::<f64>() {
                Ok(reactivity) if !reactivity.is_infinite() => reactivity,
                _ => return refuse(column, "a reactivity, a number or NA".to_owned(), word),
            },
        };
        if let Some((column, word)) = words.next() {
            return refuse(column, "the end of the line".to_owned(), word);
        }
        reactivities[position - 1] = Some(reactivity);
    }
    if reactivities.iter().all(Option::is_none) {
        return Err(ProgramError::Shape {
            path,
            line: 1,
            column: 1,
            expected: "lines of a position and a reactivity".to_owned(),
            found: "none".to_owned(),
        });
    }
    let reactivities = reactivities.into_iter();
    Ok(reactivities.map(|x| x.unwrap_or(f64::NAN)).collect())
}

/// Words with the columns where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut column = 1;
    text.split(char::is_whitespace).filter_map(move |word| {
        let start = column;
        column += word.chars().count() + 1;
        (!word.is_empty()).then_some((start, word))
    })
}
