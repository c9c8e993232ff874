//! One drawing of a given structure, and the drawings of folded ones.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use hairpin_fold::{Colours, Drawing, FoldError, LoopContext, Structure};

use crate::arguments::Draw;
use crate::error::ProgramError;
use crate::folded::Folded;
use crate::molecules::{self, Molecule};
use crate::output::Output;

/// Draws what is given.
pub(crate) fn run(arguments: &Draw) -> Result<(), ProgramError> {
    let structure: Structure = arguments.structure.parse().map_err(ProgramError::Drawing)?;
    let values = arguments.values.as_deref().map(values).transpose()?;
    let colours = match (&values, arguments.range.as_deref()) {
        (None, _) => None,
        (Some(values), None) => Some(Colours::new(&arguments.title, values)),
        (Some(values), Some(range)) => {
            let (low, high) = (range.first(), range.last());
            let end = |end: Option<&f64>| end.copied().unwrap_or(f64::NAN);
            let colours = Colours::new(&arguments.title, values).with_range(end(low), end(high));
            Some(colours.map_err(ProgramError::Drawing)?)
        }
    };
    let svg = Drawing::new(&structure)
        .svg(arguments.sequence.as_bytes(), colours.as_ref())
        .map_err(ProgramError::Drawing)?;
    let mut out = Output::open(&arguments.out)?;
    out.write(|out| out.write_all(svg.as_bytes()))?;
    out.finish()
}

fn values(path: &Path) -> Result<Vec<f64>, ProgramError> {
    let shown = molecules::shown(path);
    let mut text = String::new();
    (if path == Path::new("-") {
        io::stdin().lock().read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    })
    .map_err(|source| ProgramError::Read {
        path: shown.clone(),
        source,
    })?;
    let mut values = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for word in line.split_whitespace() {
            values.push(word.parse().map_err(|_| ProgramError::Value {
                path: shown.clone(),
                line: index + 1,
                found: word.chars().take(20).collect(),
            })?);
        }
    }
    Ok(values)
}

/// A structure, coloured by how sure it is; needs the contexts.
pub(crate) fn folded(
    molecule: &Molecule,
    structure: &Structure,
    folded: &Folded,
) -> Result<String, FoldError> {
    let paired: Vec<f64> = (folded.contexts.iter())
        .map(|context| context[LoopContext::Paired as usize])
        .collect();
    let title = format!("{}: probability of being paired", molecule.name());
    let colours = Colours::new(&title, &paired).with_range(0.0, 1.0)?;
    Drawing::new(structure).svg(&molecule.seq, Some(&colours))
}

/// The name of a molecule's file: its place in the input, and those characters of its name that every system allows.
pub(crate) fn file_name(molecule: &Molecule) -> String {
    let name: String = (molecule.name().chars().take(80))
        .map(|symbol| match symbol {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '-' | '_' => symbol,
            _ => '_',
        })
        .collect();
    format!("{}_{name}.svg", molecule.record)
}
