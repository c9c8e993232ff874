//! From the input to all outputs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use hairpin_fold::{Boltzmann, Dangles, Folder, Parameters, Settings, Workspace};
use rayon::prelude::*;

use crate::arguments::{DanglesOption, Fold};
use crate::beforehand::{self, Known};
use crate::draw;
use crate::error::ProgramError;
use crate::folded::{Folded, Request};
use crate::molecules::{self, Molecule};
use crate::output::{self, Format, Output};
use crate::progress::{Progress, work};

/// Molecules in a portion, at most; enough that the threads seldom wait for the last.
const PORTION: usize = 256;
/// Entries of all pair matrices and letters of all structures of a portion, at most, unless it is one molecule.
const PORTION_ENTRIES: usize = 1 << 26;

/// A file of numbers.
struct Table {
    format: Format,
    output: Output,
}

impl Table {
    fn open(path: Option<&PathBuf>) -> Result<Option<Self>, ProgramError> {
        let Some(path) = path else { return Ok(None) };
        Ok(Some(Self {
            format: Format::of(path)?,
            output: Output::open(path)?,
        }))
    }
}

/// Folds everything.
pub(crate) fn run(arguments: &Fold, stop: &AtomicBool) -> Result<(), ProgramError> {
    check_names(arguments)?;
    let folder = folder(arguments)?;
    let mut text = Output::open(&arguments.out)?;
    let mut probabilities = Table::open(arguments.probabilities.as_ref())?;
    let mut contexts = Table::open(arguments.contexts.as_ref())?;
    let mut accessibility = Table::open(arguments.accessibility.as_ref())?;

    // That there is an input is clap's to see to.
    let input = arguments.input.as_deref().unwrap_or(Path::new("-"));
    let path = molecules::shown(input);
    let molecules = molecules::read(input, arguments.constraints == Some(None))?;
    let known = beforehand::read(arguments, &path, &molecules)?;
    if let Some(path) = &arguments.svg {
        fs::create_dir_all(path).map_err(|source| ProgramError::Folder {
            path: path.clone(),
            source,
        })?;
    }
    let lengths = || molecules.iter().map(|molecule| molecule.seq.len());
    let longest = lengths().max().unwrap_or(0);
    if let Some(Table { format, output }) = &mut probabilities {
        output.write(|out| output::begin_probabilities(out, *format, molecules.len(), longest))?;
    }
    if let Some(Table { format, output }) = &mut contexts {
        output.write(|out| output::begin_contexts(out, *format, molecules.len(), longest))?;
    }
    if let Some(Table { format, output }) = &mut accessibility {
        output.write(|out| output::begin_accessibility(out, *format, molecules.len(), longest))?;
    }

    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads.map_or(0, usize::from))
        .build()
        .map_err(|error| ProgramError::Threads(error.to_string()))?;
    let cutoff = match &probabilities {
        None => None,
        Some(Table {
            format: Format::Npy,
            ..
        }) => Some(f64::MIN_POSITIVE),
        Some(_) => Some(arguments.cutoff),
    };
    let with_contexts = contexts.is_some() || arguments.svg.is_some();
    let request = Request::new(arguments, cutoff, with_contexts).map_err(ProgramError::Settings)?;
    let total = lengths().map(work).fold(0, u64::saturating_add);
    let progress = Progress::start(molecules.len(), total, arguments.quiet);
    for portion in portions(&molecules, request.structures()) {
        let folded: Vec<Result<Folded, ProgramError>> = threads.install(|| {
            portion
                .par_iter()
                .map_init(Workspace::default, |workspace, molecule| {
                    if stop.load(Ordering::Relaxed) {
                        return Err(ProgramError::Interrupted);
                    }
                    let known = known.get(molecule.record - 1);
                    let constraints = known.map(|known| &known.constraints);
                    let folded = request
                        .fold(&folder, workspace, &molecule.seq, constraints)
                        .map_err(|source| match known {
                            Some(Known { path, line, .. }) => molecule.refused(path, *line, source),
                            None => molecule.refused(&path, molecule.line, source),
                        });
                    progress.add(work(molecule.seq.len()));
                    folded
                })
                .collect()
        });
        if stop.load(Ordering::Relaxed) {
            return Err(ProgramError::Interrupted);
        }
        // In order, so that the first that is refused is the one to be named.
        let folded: Vec<Folded> = folded.into_iter().collect::<Result<_, _>>()?;
        let both = || portion.iter().zip(&folded);
        for (molecule, _) in both().filter(|(_, folded)| folded.cut_off) {
            let place = molecule.place(&path, molecule.line);
            progress.warn(&format!(
                "{place}: more than {} structures in the band; the lowest are written",
                arguments.limit
            ));
        }
        progress.aside(|| {
            text.write(|out| {
                both().try_for_each(|(molecule, folded)| output::structure(out, molecule, folded))
            })
        })?;
        if let Some(Table { format, output }) = &mut probabilities {
            output.write(|out| {
                both().try_for_each(|(molecule, folded)| {
                    output::probabilities(out, *format, longest, molecule, folded)
                })
            })?;
        }
        if let Some(Table { format, output }) = &mut contexts {
            output.write(|out| {
                both().try_for_each(|(molecule, folded)| {
                    output::contexts(out, *format, longest, molecule, folded)
                })
            })?;
        }
        if let Some(Table { format, output }) = &mut accessibility {
            output.write(|out| {
                both().try_for_each(|(molecule, folded)| {
                    output::accessibility(out, *format, longest, molecule, folded)
                })
            })?;
        }
        if let Some(folder) = &arguments.svg {
            for (molecule, folded) in both() {
                let Some((mfe, _)) = &folded.mfe else {
                    continue;
                };
                let svg = draw::folded(molecule, mfe.structure(), folded)
                    .map_err(|source| molecule.refused(&path, molecule.line, source))?;
                let mut output = Output::open(&folder.join(draw::file_name(molecule)))?;
                output.write(|out| out.write_all(svg.as_bytes()))?;
                // Each is whole at once: nobody can hold thousands of files open.
                output.finish()?;
            }
        }
    }
    for table in [probabilities, contexts, accessibility]
        .into_iter()
        .flatten()
    {
        table.output.finish()?;
    }
    text.finish()?;
    progress.finish();
    Ok(())
}

/// Refuses a file that is named twice, and windows without a table, before anything is read.
fn check_names(arguments: &Fold) -> Result<(), ProgramError> {
    if arguments.window.is_some() {
        match &arguments.probabilities {
            None if arguments.contexts.is_none() => return Err(ProgramError::NoTable),
            Some(path) if Format::of(path)? == Format::Npy => {
                return Err(ProgramError::WindowArray { path: path.clone() });
            }
            _ => {}
        }
    }
    let files = [
        Some(&arguments.out),
        arguments.probabilities.as_ref(),
        arguments.contexts.as_ref(),
        arguments.accessibility.as_ref(),
    ];
    let files: Vec<&PathBuf> = files.into_iter().flatten().collect();
    for (index, path) in files.iter().enumerate() {
        if path.as_path() != Path::new("-") && files[..index].contains(path) {
            return Err(ProgramError::SameFile {
                path: path.to_path_buf(),
            });
        }
    }
    Ok(())
}

fn folder(arguments: &Fold) -> Result<Folder, ProgramError> {
    let settings = Settings::default()
        .with_temperature(arguments.temperature)
        .with_dangles(match arguments.dangles {
            DanglesOption::None => Dangles::None,
            DanglesOption::Both => Dangles::Both,
        })
        .with_boltzmann(if arguments.smooth {
            Boltzmann::Smoothed
        } else {
            Boltzmann::Exact
        })
        .with_memory_limit(arguments.memory_limit.saturating_mul(1 << 20));
    let parameters = match &arguments.parameters {
        None => Parameters::turner_2004(),
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|source| ProgramError::Read {
                path: path.display().to_string(),
                source,
            })?;
            Parameters::from_par(&text).map_err(|source| ProgramError::Parameters {
                path: path.display().to_string(),
                source,
            })?
        }
    };
    Folder::new(&parameters, settings).map_err(ProgramError::Settings)
}

/// Molecules that are folded and then written together.
fn portions(molecules: &[Molecule], structures: usize) -> impl Iterator<Item = &[Molecule]> {
    let mut rest = molecules;
    std::iter::from_fn(move || {
        let mut entries = 0_usize;
        let fits = |molecule: &&Molecule| {
            let n = molecule.seq.len();
            entries = entries.saturating_add(n.saturating_mul(n.saturating_add(structures)));
            entries <= PORTION_ENTRIES
        };
        let count = rest.iter().take(PORTION).take_while(fits).count().max(1);
        let (portion, after) = rest.split_at_checked(count)?;
        rest = after;
        Some(portion)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_hold_every_molecule_once() {
        let molecule = |record: usize, n: usize| Molecule {
            header: String::new(),
            seq: vec![b'A'; n],
            record,
            line: 0,
            constraint: None,
        };
        let lengths = (0..3000).map(|k| if k % 700 == 5 { 9000 } else { 3 });
        let molecules: Vec<Molecule> = (lengths.enumerate()).map(|(k, n)| molecule(k, n)).collect();
        let parts: Vec<&[Molecule]> = portions(&molecules, 0).collect();
        assert_eq!(parts.concat(), molecules);
        assert!(
            parts
                .iter()
                .all(|part| !part.is_empty() && part.len() <= PORTION)
        );
        assert_eq!(portions(&[], 0).count(), 0);
    }
}
