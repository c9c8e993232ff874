//! Any RNAs: read from FASTA, folded, predicted, ranked by how long they last.

use crate::features::Shown;
use crate::learn::Answerer;
use anyhow::{Context, Result, ensure};
use hairpin::seq::{Policy, ReadOptions, Rna, fasta};
use hairpin::targets::TargetMatrix;
use hairpin::tasks::open_vaccine::{Molecule, TARGETS};
use hairpin::train::{Device, RunDir};
use std::path::{Path, PathBuf};

/// The longest that is folded here: time and memory grow with the square and more of the length.
const LONGEST: usize = 4000;

/// The columns that are rates of degradation.
const RATES: [usize; 4] = [1, 2, 3, 4];

/// RNAs of a FASTA file in the structures of least free energy.
pub(crate) fn read(path: &Path, policy: Policy, answerer: &Answerer) -> Result<Vec<Molecule>> {
    let options = ReadOptions {
        policy,
        unique_ids: true,
        max_record_bytes: 1 << 20,
        ..ReadOptions::default()
    };
    let mut molecules = Vec::new();
    for record in fasta::Reader::<Rna>::open(path, options)? {
        let record = record?;
        let length = record.seq.len();
        ensure!(
            length <= LONGEST,
            "{}: `{}` has {length} bases, expected {LONGEST} at most; cut it into parts that fold by themselves",
            path.display(),
            record.id
        );
        let folded = answerer.encoder().structure(&record.seq);
        let (structure, loops) =
            folded.with_context(|| format!("{}: `{}`", path.display(), record.id))?;
        molecules.push(Molecule {
            id: record.id,
            sequence: record.seq,
            structure,
            loops,
            seq_scored: length,
        });
    }
    Ok(molecules)
}

/// Writes a table of bases, and beside it one of molecules: the sum over the bases of each rate, and by that of `deg_Mg_pH10` how long the
/// molecule lasts beside the one that lasts longest. A molecule falls apart at any of its bases, so its rate is the sum of theirs
/// (Wayment-Steele et al. 2021, doi:10.1093/nar/gkab764); predictions below 0 count as 0.
pub(crate) fn write(
    path: &Path,
    molecules: &[Molecule],
    answers: &[TargetMatrix],
) -> Result<PathBuf> {
    let mut bases = csv::Writer::from_writer(Vec::new());
    let columns = ["id", "position", "base", "structure", "loop_type"];
    bases.write_record(columns.into_iter().chain(TARGETS))?;
    let mut sums = Vec::with_capacity(molecules.len());
    for (molecule, answer) in molecules.iter().zip(answers) {
        let text = molecule.sequence.to_string();
        let brackets = molecule.structure.to_dot_bracket()?;
        let letters = text.chars().zip(brackets.chars()).zip(&molecule.loops);
        for (base, ((letter, bracket), kind)) in letters.enumerate() {
            bases.write_field(&molecule.id)?;
            bases.write_field((base + 1).to_string())?;
            for letter in [letter, bracket, kind.letter()] {
                bases.write_field(letter.to_string())?;
            }
            bases.write_record(answer.values().row(base).iter().map(f32::to_string))?;
        }
        let sum = |column: usize| -> f64 {
            let values = answer.values().column(column);
            values.iter().map(|&v| f64::from(v.max(0.0))).sum()
        };
        sums.push(RATES.map(sum));
    }
    let mut order: Vec<usize> = (0..sums.len()).collect();
    order.sort_by(|&a, &b| sums[a][0].total_cmp(&sums[b][0]));
    let slowest = order.first().map_or(0.0, |&first| sums[first][0]);
    let mut table = csv::Writer::from_writer(Vec::new());
    let sum_of = RATES.map(|column| format!("sum_{}", TARGETS[column]));
    let columns = ["rank", "id", "length"].map(str::to_owned);
    let last = ["relative_half_life".to_owned()];
    table.write_record(columns.iter().chain(&sum_of).chain(&last))?;
    for (rank, &at) in order.iter().enumerate() {
        let (molecule, rates) = (&molecules[at], sums[at]);
        table.write_field((rank + 1).to_string())?;
        table.write_field(&molecule.id)?;
        table.write_field(molecule.sequence.len().to_string())?;
        let relative = if rates[0] > 0.0 {
            slowest / rates[0]
        } else {
            1.0
        };
        let numbers = rates.into_iter().chain([relative]);
        table.write_record(numbers.map(|number| format!("{number:.4}")))?;
    }
    let ranked = beside(path, "-molecules");
    write_file(path, &bases.into_inner()?)?;
    write_file(&ranked, &table.into_inner()?)?;
    Ok(ranked)
}

/// The path with something before its ending.
pub(crate) fn beside(path: &Path, what: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path
        .extension()
        .map(|own| format!(".{}", own.to_string_lossy()));
    path.with_file_name(format!("{stem}{what}{}", ending.unwrap_or_default()))
}

/// Whole or not at all.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let (folder, name) = RunDir::of_file(path)?;
    Ok(folder.write(&name, bytes)?)
}

/// Predictions of molecules, in their order.
pub(crate) fn answers(
    answerer: &Answerer,
    molecules: &[Molecule],
    device: &Device,
) -> Result<Vec<TargetMatrix>> {
    let shown: Vec<Shown<'_>> = molecules.iter().map(Shown::from).collect();
    answerer.answer(&shown, device)
}
