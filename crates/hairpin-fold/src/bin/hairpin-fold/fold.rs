//! From the input to all outputs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use hairpin_fold::{
    Boltzmann, Dangles, FoldError, Folder, LoopContext, Mfe, Parameters, Settings, Workspace,
};
use rayon::prelude::*;

use crate::arguments::{DanglesOption, Fold};
use crate::draw;
use crate::error::ProgramError;
use crate::molecules::{self, Molecule};
use crate::output::{self, Format, Output};
use crate::progress::{Progress, work};

/// Molecules in a portion, at most; enough that the threads seldom wait for the last.
const PORTION: usize = 256;
/// Entries of all pair matrices of a portion, at most, unless it is one molecule.
const PORTION_ENTRIES: usize = 1 << 26;

/// What is asked of one molecule.
pub(crate) struct Folded {
    pub(crate) mfe: Mfe,
    /// Of the ensemble, in kcal/mol.
    pub(crate) free_energy: f64,
    /// Empty unless asked for.
    pub(crate) pairs: Vec<(usize, usize, f64)>,
    /// Empty unless asked for.
    pub(crate) contexts: Vec<[f64; LoopContext::COUNT]>,
}

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

    // That there is an input is clap's to see to.
    let input = arguments.input.as_deref().unwrap_or(Path::new("-"));
    let path = molecules::shown(input);
    let molecules = molecules::read(input)?;
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
    let total = lengths().map(work).fold(0, u64::saturating_add);
    let progress = Progress::start(molecules.len(), total, arguments.quiet);
    for portion in portions(&molecules) {
        let folded: Vec<Result<Folded, ProgramError>> = threads.install(|| {
            portion
                .par_iter()
                .map_init(Workspace::default, |workspace, molecule| {
                    if stop.load(Ordering::Relaxed) {
                        return Err(ProgramError::Interrupted);
                    }
                    let folded = fold(&folder, workspace, &molecule.seq, cutoff, with_contexts)
                        .map_err(|source| molecule.refused(&path, molecule.line, source));
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
        if let Some(folder) = &arguments.svg {
            for (molecule, folded) in both() {
                let svg = draw::folded(molecule, folded)
                    .map_err(|source| molecule.refused(&path, molecule.line, source))?;
                let mut output = Output::open(&folder.join(draw::file_name(molecule)))?;
                output.write(|out| out.write_all(svg.as_bytes()))?;
                // Each is whole at once: nobody can hold thousands of files open.
                output.finish()?;
            }
        }
    }
    for table in [probabilities, contexts].into_iter().flatten() {
        table.output.finish()?;
    }
    text.finish()?;
    progress.finish();
    Ok(())
}

/// Refuses a file that is named twice, before anything is read.
fn check_names(arguments: &Fold) -> Result<(), ProgramError> {
    let files = [
        Some(&arguments.out),
        arguments.probabilities.as_ref(),
        arguments.contexts.as_ref(),
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
fn portions(molecules: &[Molecule]) -> impl Iterator<Item = &[Molecule]> {
    let mut rest = molecules;
    std::iter::from_fn(move || {
        let mut entries = 0_usize;
        let fits = |molecule: &&Molecule| {
            entries = entries.saturating_add(molecule.seq.len().saturating_pow(2));
            entries <= PORTION_ENTRIES
        };
        let count = rest.iter().take(PORTION).take_while(fits).count().max(1);
        let (portion, after) = rest.split_at_checked(count)?;
        rest = after;
        Some(portion)
    })
}

fn fold(
    folder: &Folder,
    workspace: &mut Workspace,
    seq: &[u8],
    cutoff: Option<f64>,
    with_contexts: bool,
) -> Result<Folded, FoldError> {
    let mfe = folder.mfe(workspace, seq)?;
    let ensemble = folder.ensemble(workspace, seq)?;
    Ok(Folded {
        mfe,
        free_energy: ensemble.free_energy(),
        pairs: cutoff.map_or_else(Vec::new, |cutoff| {
            ensemble.pairs().filter(|pair| pair.2 >= cutoff).collect()
        }),
        contexts: if with_contexts {
            (1..=seq.len())
                .map(|position| ensemble.context(position))
                .collect()
        } else {
            Vec::new()
        },
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
        };
        let lengths = (0..3000).map(|k| if k % 700 == 5 { 9000 } else { 3 });
        let molecules: Vec<Molecule> = (lengths.enumerate()).map(|(k, n)| molecule(k, n)).collect();
        let parts: Vec<&[Molecule]> = portions(&molecules).collect();
        assert_eq!(parts.concat(), molecules);
        assert!(
            parts
                .iter()
                .all(|part| !part.is_empty() && part.len() <= PORTION)
        );
        assert_eq!(portions(&[]).count(), 0);
    }
}
