//! Any RNAs: read from FASTA, folded, predicted, ranked by how long they last.

use crate::features::Shown;
use crate::learn::Answerer;
use anyhow::{Context, Result, ensure};
use hairpin::seq::{Policy, ReadOptions, Rna, fasta};
use hairpin::targets::TargetMatrix;
use hairpin::tasks::open_vaccine::{Molecule, TARGETS};
use hairpin::train::{Device, RunDir};
use std::fmt::Write as _;
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
    let mut bases = format!(
        "id,position,base,structure,loop_type,{}\n",
        TARGETS.join(",")
    );
    let mut sums = Vec::with_capacity(molecules.len());
    for (molecule, answer) in molecules.iter().zip(answers) {
        let id = quoted(&molecule.id);
        let text = molecule.sequence.to_string();
        let brackets = molecule.structure.to_dot_bracket()?;
        let letters = text.chars().zip(brackets.chars()).zip(&molecule.loops);
        for (base, ((letter, bracket), kind)) in letters.enumerate() {
            let values = answer
                .values()
                .row(base)
                .iter()
                .map(f32::to_string)
                .collect::<Vec<_>>();
            writeln!(
                bases,
                "{id},{},{letter},{bracket},{},{}",
                base + 1,
                kind.letter(),
                values.join(",")
            )?;
        }
        let sum = |column: usize| -> f64 {
            answer
                .values()
                .column(column)
                .iter()
                .map(|&v| f64::from(v.max(0.0)))
                .sum()
        };
        sums.push((id, molecule.sequence.len(), RATES.map(sum)));
    }
    let mut order: Vec<usize> = (0..sums.len()).collect();
    order.sort_by(|&a, &b| sums[a].2[0].total_cmp(&sums[b].2[0]));
    let slowest = order.first().map_or(0.0, |&first| sums[first].2[0]);
    let mut table = "rank,id,length".to_owned();
    for column in RATES {
        write!(table, ",sum_{}", TARGETS[column])?;
    }
    table += ",relative_half_life\n";
    for (rank, &at) in order.iter().enumerate() {
        let (id, length, rates) = &sums[at];
        let rates_text: Vec<String> = rates.iter().map(|rate| format!("{rate:.4}")).collect();
        let relative = if rates[0] > 0.0 {
            slowest / rates[0]
        } else {
            1.0
        };
        writeln!(
            table,
            "{},{id},{length},{},{relative:.4}",
            rank + 1,
            rates_text.join(",")
        )?;
    }
    let ranked = beside(path, "-molecules");
    write_file(path, bases.as_bytes())?;
    write_file(&ranked, table.as_bytes())?;
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
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{}: is no name of a file", path.display()))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    Ok(RunDir::open(folder)?.write(name, bytes)?)
}

fn quoted(id: &str) -> String {
    match id.contains([',', '"']) {
        true => format!("\"{}\"", id.replace('"', "\"\"")),
        false => id.to_owned(),
    }
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
