//! Files that appear whole or not at all, and what is written to them.

use std::fs;
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;
use hairpin_fold::LoopContext;

use crate::error::ProgramError;
use crate::folded::Folded;
use crate::molecules::Molecule;
use crate::npy;

/// An output that was begun. Dropped without [`finish`](Self::finish), a file does not appear.
pub(crate) enum Output {
    Stdout(BufWriter<Stdout>),
    File {
        path: PathBuf,
        writer: BufWriter<AtomicWriteFile>,
    },
}

impl Output {
    /// Standard output for `-`, else a file.
    pub(crate) fn open(path: &Path) -> Result<Self, ProgramError> {
        if path == Path::new("-") {
            return Ok(Self::Stdout(BufWriter::new(io::stdout())));
        }
        // A rename would put a file in the place of a device.
        if let Ok(metadata) = fs::metadata(path)
            && !metadata.is_file()
        {
            return Err(ProgramError::NotAFile {
                path: path.to_owned(),
                found: if metadata.is_dir() {
                    "a directory"
                } else {
                    "a pipe or device"
                },
            });
        }
        match AtomicWriteFile::open(path) {
            Ok(file) => Ok(Self::File {
                path: path.to_owned(),
                writer: BufWriter::new(file),
            }),
            Err(source) => Err(ProgramError::Write {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Runs `write` on the writer, and gives its error the name of this output.
    pub(crate) fn write(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), ProgramError> {
        match self {
            // Flushed, for a reader who waits for the molecules that are done.
            Self::Stdout(writer) => write(writer)
                .and_then(|()| writer.flush())
                .map_err(|source| ProgramError::Stdout { source }),
            Self::File { path, writer } => write(writer).map_err(|source| ProgramError::Write {
                path: path.clone(),
                source,
            }),
        }
    }

    /// Syncs the file and gives it its name.
    pub(crate) fn finish(self) -> Result<(), ProgramError> {
        match self {
            Self::Stdout(mut writer) => writer
                .flush()
                .map_err(|source| ProgramError::Stdout { source }),
            Self::File { path, writer } => writer
                .into_inner()
                .map_err(io::IntoInnerError::into_error)
                .and_then(AtomicWriteFile::commit)
                .map_err(|source| ProgramError::Write { path, source }),
        }
    }
}

/// How numbers are written, by the ending of the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Npy,
    Tsv,
}

impl Format {
    pub(crate) fn of(path: &Path) -> Result<Self, ProgramError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => Ok(Self::Npy),
            Some("tsv") => Ok(Self::Tsv),
            _ => Err(ProgramError::Format {
                path: path.to_owned(),
            }),
        }
    }
}

/// Header, sequence, structure with its energies, further structures.
pub(crate) fn structure(
    out: &mut dyn Write,
    molecule: &Molecule,
    folded: &Folded,
) -> io::Result<()> {
    // Windows have none.
    let Some((mfe, free_energy)) = &folded.mfe else {
        return Ok(());
    };
    let seq = String::from_utf8_lossy(&molecule.seq);
    writeln!(out, ">{}\n{seq}", molecule.header)?;
    writeln!(
        out,
        "{} ({:.2}) [{free_energy:.6}]",
        mfe.structure(),
        mfe.kcal()
    )?;
    out.write_all(folded.further.as_bytes())
}

/// The beginning of a file of pair probabilities.
pub(crate) fn begin_probabilities(
    out: &mut dyn Write,
    format: Format,
    molecules: usize,
    longest: usize,
) -> io::Result<()> {
    match format {
        Format::Npy => out.write_all(&npy::header(&[molecules, longest, longest])),
        Format::Tsv => writeln!(out, "name\ti\tj\tprobability"),
    }
}

/// The pair probabilities of one molecule.
pub(crate) fn probabilities(
    out: &mut dyn Write,
    format: Format,
    longest: usize,
    molecule: &Molecule,
    folded: &Folded,
) -> io::Result<()> {
    if format == Format::Tsv {
        for (i, j, p) in &folded.pairs {
            writeln!(out, "{}\t{i}\t{j}\t{p:.9}", molecule.name())?;
        }
        return Ok(());
    }
    let mut square = vec![0.0_f32; longest * longest];
    for &(i, j, p) in &folded.pairs {
        square[(i - 1) * longest + j - 1] = p as f32;
        square[(j - 1) * longest + i - 1] = p as f32;
    }
    numbers(out, square)
}

/// The beginning of a file of loop contexts.
pub(crate) fn begin_contexts(
    out: &mut dyn Write,
    format: Format,
    molecules: usize,
    longest: usize,
) -> io::Result<()> {
    match format {
        Format::Npy => out.write_all(&npy::header(&[molecules, longest, LoopContext::COUNT])),
        Format::Tsv => writeln!(
            out,
            "name\tposition\tbase\tpaired\thairpin\tinternal\tmultiloop\texterior"
        ),
    }
}

/// The loop contexts of one molecule.
pub(crate) fn contexts(
    out: &mut dyn Write,
    format: Format,
    longest: usize,
    molecule: &Molecule,
    folded: &Folded,
) -> io::Result<()> {
    if format == Format::Npy {
        let beyond = (longest - molecule.seq.len()) * LoopContext::COUNT;
        let inside = folded.contexts.iter().flatten().map(|&p| p as f32);
        return numbers(out, inside.chain(std::iter::repeat_n(0.0, beyond)));
    }
    for (index, (context, &base)) in folded.contexts.iter().zip(&molecule.seq).enumerate() {
        write!(
            out,
            "{}\t{}\t{}",
            molecule.name(),
            index + 1,
            char::from(base)
        )?;
        for p in context {
            write!(out, "\t{p:.9}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The beginning of a file of accessibilities.
pub(crate) fn begin_accessibility(
    out: &mut dyn Write,
    format: Format,
    molecules: usize,
    longest: usize,
) -> io::Result<()> {
    match format {
        Format::Npy => out.write_all(&npy::header(&[molecules, longest])),
        Format::Tsv => writeln!(out, "name\tfirst\tlast\tunpaired"),
    }
}

/// The accessibilities of one molecule; none if it is shorter than a stretch.
pub(crate) fn accessibility(
    out: &mut dyn Write,
    format: Format,
    longest: usize,
    molecule: &Molecule,
    folded: &Folded,
) -> io::Result<()> {
    let stretches = &folded.accessibility;
    if format == Format::Npy {
        let beyond = std::iter::repeat_n(0.0, longest - stretches.len());
        return numbers(out, stretches.iter().map(|&p| p as f32).chain(beyond));
    }
    for (index, p) in stretches.iter().enumerate() {
        // As many stretches as there are first bases for them.
        let last = index + 1 + molecule.seq.len() - stretches.len();
        writeln!(out, "{}\t{}\t{last}\t{p:.9}", molecule.name(), index + 1)?;
    }
    Ok(())
}

fn numbers(out: &mut dyn Write, numbers: impl IntoIterator<Item = f32>) -> io::Result<()> {
    numbers
        .into_iter()
        .try_for_each(|number| out.write_all(&number.to_le_bytes()))
}
