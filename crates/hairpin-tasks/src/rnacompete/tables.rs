//! The tables that the training files can be made from, and making them.
//!
//! | file | what |
//! |---|---|
//! | `probes.tsv.gz` | `sequence`, `set`: the spots of the array, each of `SetA` or `SetB`; some sequences stand on several |
//! | `intensities.npz` | `milli`: spots by experiments, uint16, the intensity times 1000; `experiment`: the columns' names |
//! | `experiments.tsv` | `experiment`, `family_inferred_from_motif`, `repeat_probe_pearson` and others |
//! | `proteins_info_all.tab` | the constructs of morrislab/RNAcompete: experiment, gene, species, amino-acid sequence and others |
//! | `RNCMPT00001_SetA.txt.gz` | one experiment: an intensity and a probe per line |

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hairpin_seq::{Protein, Rna, Seq};
use hairpin_targets::TargetMatrix;
use ndarray::{Array2, Axis};

use super::sequences::repaired;
use super::{INTENSITIES, PROBES, PROTEINS, Reading};
use crate::error::shorten;
use crate::lines::Lines;
use crate::npz::Npz;
use crate::table::{Table, number};
use crate::ucs4::Text;
use crate::{Place, TaskError, file};

const REMEDY: &str =
    "give a folder with probes.tsv.gz, intensities.npz, experiments.tsv and proteins_info_all.tab";

/// One of the two halves of the array's probes, made so that each holds every 9-mer 16 times: whatever is learned of one can be tested
/// on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProbeSet {
    /// `SetA`, usually to train on.
    A,
    /// `SetB`, usually to test on.
    B,
}

impl FromStr for ProbeSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "SetA" | "A" | "a" => Ok(Self::A),
            "SetB" | "B" | "b" => Ok(Self::B),
            _ => Err(format!(
                "`{}` is no set of probes: SetA or SetB",
                shorten(text)
            )),
        }
    }
}

/// An experiment of the tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// Its name, such as `E01`.
    pub name: String,
    /// The family of proteins whose motif it shows, such as `KHDRBS1/2/3`: a guess, not what was put in.
    pub family: String,
    /// Pearson's correlation of spots with the same sequence.
    pub repeat_correlation: f32,
}

/// Measured intensities of known probes by proteins that are not known.
#[derive(Clone, Debug)]
pub struct Tables {
    /// The spots' sequences.
    pub probes: Vec<Seq<Rna>>,
    /// The half each belongs to.
    pub sets: Vec<ProbeSet>,
    /// The experiments.
    pub experiments: Vec<Experiment>,
    /// `[spots, experiments]`.
    pub intensities: TargetMatrix,
}

/// A protein of `proteins_info_all.tab`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Construct {
    /// The experiment it was used in, such as `RNCMPT00001`.
    pub experiment: String,
    /// Its gene.
    pub gene: String,
    /// The species, `Hs` for human.
    pub species: String,
    /// The domains, such as `RRM,RRM`.
    pub domains: String,
    /// What it is made of.
    pub protein: Seq<Protein>,
    /// The line of the table, from 1, if characters that are no residues were taken out of the sequence.
    pub repaired: Option<u64>,
}

/// What [`prepare`] has made.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// Number of spots written.
    pub n_probes: usize,
    /// The experiments written, in the order of the columns, each with the protein it was given.
    pub columns: Vec<(Experiment, Construct)>,
    /// Experiments left out, because no construct has the name of their family.
    pub left_out: Vec<Experiment>,
}

/// Reads probes, intensities and experiments.
///
/// # Errors
///
/// If a file cannot be read or is not what the [module](super) describes, or two of them do not fit each other.
pub fn read_tables(folder: &Path) -> Result<Tables, TaskError> {
    let (probes, sets) = read_spots(&folder.join("probes.tsv.gz"))?;
    let path = folder.join("intensities.npz");
    let mut npz = Npz::open(&path, || REMEDY.to_owned())?;
    let names: Vec<String> = npz
        .column::<Text>("experiment")?
        .into_iter()
        .map(|t| t.0)
        .collect();
    let milli = npz.matrix::<u16>("milli")?;
    let place = npz.place("milli");
    if milli.nrows() != probes.len() {
        return Err(TaskError::RowCounts {
            first: place,
            first_rows: milli.nrows(),
            second: Place::new(folder.join("probes.tsv.gz")),
            second_rows: probes.len(),
        });
    }
    if milli.ncols() != names.len() {
        return Err(TaskError::Field {
            place,
            found: format!("{} columns", milli.ncols()),
            expected: format!("{}, one for each name in `experiment`", names.len()),
            remedy: "take both arrays from one source",
        });
    }
    let known = read_experiments(&folder.join("experiments.tsv"))?;
    let experiment = |name: &String| {
        known
            .iter()
            .find(|experiment| experiment.name == *name)
            .cloned()
            .ok_or_else(|| TaskError::UnmatchedId {
                place: npz.place("experiment"),
                id: shorten(name),
                other: Box::new(folder.join("experiments.tsv")),
            })
    };
    let experiments = names.iter().map(experiment).collect::<Result<_, _>>()?;
    let values = milli.mapv(|value| f32::from(value) / 1000.0);
    let intensities = TargetMatrix::new(values, names).map_err(|source| TaskError::Targets {
        place: Place::new(&path),
        source: Box::new(source),
    })?;
    Ok(Tables {
        probes,
        sets,
        experiments,
        intensities,
    })
}

fn read_spots(path: &Path) -> Result<(Vec<Seq<Rna>>, Vec<ProbeSet>), TaskError> {
    let mut table = Table::open_separated(path, '\t', REMEDY)?;
    let (sequence, set) = (table.column("sequence")?, table.column("set")?);
    let (mut probes, mut sets) = (Vec::new(), Vec::new());
    while table.next()? {
        probes.push(probe(table.field(sequence), probes.len(), || {
            table.place(sequence)
        })?);
        sets.push(table.field(set).parse().map_err(|found| TaskError::Field {
            place: table.place(set),
            found,
            expected: "SetA or SetB".to_owned(),
            remedy: "correct the row",
        })?);
    }
    match probes.is_empty() {
        true => Err(TaskError::NoRows {
            place: table.file().clone(),
        }),
        false => Ok((probes, sets)),
    }
}

/// A probe of a table, by the same rules as a probe of a line.
fn probe(text: &str, row: usize, place: impl Fn() -> Place) -> Result<Seq<Rna>, TaskError> {
    let seq =
        Seq::parse(text, Reading::default().probes).map_err(|source| TaskError::Sequence {
            place: place(),
            row,
            source: Box::new(source),
        })?;
    match seq.len() {
        0 => Err(TaskError::EmptySequence {
            place: place(),
            row,
        }),
        _ => Ok(seq),
    }
}

fn read_experiments(path: &Path) -> Result<Vec<Experiment>, TaskError> {
    let mut table = Table::open_separated(path, '\t', REMEDY)?;
    let name = table.column("experiment")?;
    let family = table.column("family_inferred_from_motif")?;
    let correlation = table.column("repeat_probe_pearson")?;
    let mut experiments = Vec::new();
    while table.next()? {
        experiments.push(Experiment {
            name: table.field(name).to_owned(),
            family: table.field(family).to_owned(),
            repeat_correlation: number(&table, correlation)?,
        });
    }
    Ok(experiments)
}

/// Reads the constructs of `proteins_info_all.tab`; digits that stand in a sequence there are taken out, and the line is noted.
///
/// # Errors
///
/// If the file cannot be read, lacks a column, or a sequence holds anything else that is no residue; with the line.
pub fn read_constructs(path: &Path) -> Result<Vec<Construct>, TaskError> {
    let mut table = Table::open_separated(path, '\t', REMEDY)?;
    let columns = [
        "Motif_display_ID",
        "Gene_name",
        "Species",
        "Domain_string",
        "AA_seq",
    ];
    let [experiment, gene, species, domains, sequence] = columns.map(|name| table.column(name));
    let (experiment, gene, species) = (experiment?, gene?, species?);
    let (domains, sequence) = (domains?, sequence?);
    let mut constructs = Vec::new();
    while table.next()? {
        let text = table.field(sequence);
        let protein = repaired(text, Reading::default().proteins);
        let protein = protein.map_err(|source| TaskError::Sequence {
            place: table.place(sequence),
            row: constructs.len(),
            source: Box::new(source),
        })?;
        if protein.is_empty() {
            return Err(TaskError::EmptySequence {
                place: table.place(sequence),
                row: constructs.len(),
            });
        }
        constructs.push(Construct {
            experiment: table.field(experiment).to_owned(),
            gene: table.field(gene).to_owned(),
            species: table.field(species).to_owned(),
            domains: table.field(domains).to_owned(),
            repaired: (protein.len() != text.len()).then(|| table.line()),
            protein,
        });
    }
    match constructs.is_empty() {
        true => Err(TaskError::NoRows {
            place: table.file().clone(),
        }),
        false => Ok(constructs),
    }
}

/// Reads one experiment, an intensity and a probe per line, separated by a blank.
///
/// # Errors
///
/// If the file cannot be read, has no line, or a line is anything else; with the line.
pub fn read_experiment(path: &Path) -> Result<(Vec<Seq<Rna>>, Vec<f32>), TaskError> {
    let remedy = "give a file with lines such as `0.25 AGAGAUGACU`";
    let mut lines = Lines::open(path, "text", remedy)?;
    let (mut probes, mut values) = (Vec::new(), Vec::new());
    while let Some(line) = lines.next()? {
        let line = line.to_owned();
        let mut parts = line.split_ascii_whitespace();
        let (value, text) = (parts.next(), parts.next());
        let value = value
            .and_then(|v| v.parse::<f32>().ok())
            .filter(|v| v.is_finite());
        let (Some(value), Some(text), None) = (value, text, parts.next()) else {
            return Err(TaskError::Field {
                place: lines.place(),
                found: format!("`{}`", shorten(&line)),
                expected: "a finite number and a probe".to_owned(),
                remedy: "correct the line or leave it out",
            });
        };
        probes.push(probe(text, probes.len(), || lines.place())?);
        values.push(value);
    }
    match probes.is_empty() {
        true => Err(TaskError::NoRows {
            place: lines.file().clone(),
        }),
        false => Ok((probes, values)),
    }
}

/// Makes the three training files from the tables in a folder, of all spots or one half.
///
/// What protein was put into an experiment of these tables is not known. Each is given the first construct whose gene has the first name
/// of its inferred family (`KHDRBS1/2/3` and `HNRNPA1-like` are looked up as KHDRBS1 and HNRNPA1), human before others: enough to
/// learn what is seen, of no worth for what is not. [`Prepared`] says which.
///
/// # Errors
///
/// If a table cannot be read, there is no experiment whose family has a construct, or a file cannot be written. The files are written
/// one after the other, each whole.
pub fn prepare(tables: &Path, out: &Path, set: Option<ProbeSet>) -> Result<Prepared, TaskError> {
    let read = read_tables(tables)?;
    let constructs = read_constructs(&tables.join("proteins_info_all.tab"))?;
    let (mut columns, mut left_out, mut of_column) = (Vec::new(), Vec::new(), Vec::new());
    let by_gene = first_by_gene(&constructs);
    for (column, experiment) in read.experiments.into_iter().enumerate() {
        match by_gene.get(&gene_of(&experiment.family)) {
            Some(&construct) => {
                columns.push((experiment, construct.clone()));
                of_column.push(column);
            }
            None => left_out.push(experiment),
        }
    }
    if columns.is_empty() {
        return Err(TaskError::NoRows {
            place: Place::new(tables.join("experiments.tsv")),
        });
    }
    let spots: Vec<usize> = (0..read.probes.len())
        .filter(|&spot| set.is_none_or(|set| read.sets[spot] == set))
        .collect();
    if spots.is_empty() {
        return Err(TaskError::NoRows {
            place: Place::new(tables.join("probes.tsv.gz")),
        });
    }
    std::fs::create_dir_all(out).map_err(|source| TaskError::Write {
        path: out.to_owned(),
        source,
    })?;
    let values = read.intensities.values().select(Axis(1), &of_column);
    write_lines(&out.join(PROTEINS), columns.iter().map(|(_, c)| &c.protein))?;
    write_lines(
        &out.join(PROBES),
        spots.iter().map(|&spot| &read.probes[spot]),
    )?;
    write_matrix(&out.join(INTENSITIES), &values, &spots)?;
    Ok(Prepared {
        n_probes: spots.len(),
        columns,
        left_out,
    })
}

/// Makes the three training files of one experiment whose protein is known, from files as `RNCMPT00001_SetA.txt.gz`.
///
/// # Errors
///
/// If a file cannot be read, no construct of `proteins` is of the experiment, or a file cannot be written.
pub fn prepare_experiment(
    files: &[PathBuf],
    proteins: &Path,
    experiment: &str,
    out: &Path,
) -> Result<Construct, TaskError> {
    let constructs = read_constructs(proteins)?;
    let found = constructs.into_iter().find(|c| c.experiment == experiment);
    let construct = found.ok_or_else(|| TaskError::UnmatchedId {
        place: Place::new(files.first().map_or(Path::new(experiment), |file| file)),
        id: shorten(experiment),
        other: Box::new(proteins.to_owned()),
    })?;
    let (mut probes, mut values) = (Vec::new(), Vec::new());
    for file in files {
        let (more_probes, more_values) = read_experiment(file)?;
        probes.extend(more_probes);
        values.extend(more_values);
    }
    std::fs::create_dir_all(out).map_err(|source| TaskError::Write {
        path: out.to_owned(),
        source,
    })?;
    write_lines(&out.join(PROTEINS), std::iter::once(&construct.protein))?;
    write_lines(&out.join(PROBES), probes.iter())?;
    write_lines(&out.join(INTENSITIES), values.iter())?;
    Ok(construct)
}

/// The gene that an inferred family is looked up by.
fn gene_of(family: &str) -> String {
    let end = family.find(['/', ' ', '-']).unwrap_or(family.len());
    family[..end].to_ascii_uppercase()
}

/// The first construct of each gene, human before others.
fn first_by_gene(constructs: &[Construct]) -> HashMap<String, &Construct> {
    let mut found: HashMap<String, &Construct> = HashMap::new();
    for construct in constructs {
        found
            .entry(construct.gene.to_ascii_uppercase())
            .and_modify(|first| {
                if first.species != "Hs" && construct.species == "Hs" {
                    *first = construct;
                }
            })
            .or_insert(construct);
    }
    found
}

fn write_lines<T: std::fmt::Display>(
    path: &Path,
    lines: impl Iterator<Item = T>,
) -> Result<(), TaskError> {
    let mut text = String::new();
    for line in lines {
        text += &format!("{line}\n");
    }
    file::write(path, text.as_bytes())
}

fn write_matrix(path: &Path, values: &Array2<f32>, rows: &[usize]) -> Result<(), TaskError> {
    let line = |&row: &usize| {
        let cells: Vec<String> = values.row(row).iter().map(f32::to_string).collect();
        cells.join("\t")
    };
    write_lines(path, rows.iter().map(line))
}

#[cfg(test)]
mod tests {
    use super::gene_of;

    #[test]
    fn a_family_is_looked_up_by_its_first_gene() {
        for (family, gene) in [
            ("DAZAP1", "DAZAP1"),
            ("KHDRBS1/2/3", "KHDRBS1"),
            ("HNRNPA2B1-like", "HNRNPA2B1"),
            ("hnRNPLL or IGF2BP", "HNRNPLL"),
            ("", ""),
        ] {
            assert_eq!(gene_of(family), gene);
        }
    }
}
