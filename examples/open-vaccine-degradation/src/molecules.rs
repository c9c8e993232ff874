//! Any RNAs: read from FASTA, folded, predicted, ranked by how long they last.

use crate::answer::Answerer;
use crate::features::Shown;
use anyhow::{Context, Result, ensure};
use hairpin::seq::{Policy, ReadOptions, Rna, fasta};
use hairpin::targets::TargetMatrix;
use hairpin::tasks::open_vaccine::{Molecule, TARGETS};
use hairpin::tasks::{Column, write_columns};
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
    let ranked = beside(path, "-molecules");
    // Made if missing.
    RunDir::of_file(path)?;
    write_columns(path, &bases(molecules, answers)?)?;
    write_columns(&ranked, &ranking(molecules, answers)?)?;
    Ok(ranked)
}

/// A row for each base.
fn bases(molecules: &[Molecule], answers: &[TargetMatrix]) -> Result<Vec<(&'static str, Column)>> {
    let (mut ids, mut positions, mut values) =
        (Vec::new(), Vec::new(), TARGETS.map(|_| Vec::new()));
    let [mut letters, mut brackets, mut loops] = [Vec::new(), Vec::new(), Vec::new()];
    for (molecule, answer) in molecules.iter().zip(answers) {
        let length = molecule.sequence.len();
        ids.extend(std::iter::repeat_n(molecule.id.clone(), length));
        positions.extend((1..).take(length));
        let text = |letter: char| letter.to_string();
        letters.extend(molecule.sequence.to_string().chars().map(text));
        brackets.extend(molecule.structure.to_dot_bracket()?.chars().map(text));
        loops.extend(molecule.loops.iter().map(|kind| text(kind.letter())));
        for (own, column) in values.iter_mut().zip(answer.values().columns()) {
            own.extend(column);
        }
    }
    let first = [
        ("id", Column::Text(ids)),
        ("position", Column::Whole(positions)),
        ("base", Column::Text(letters)),
        ("structure", Column::Text(brackets)),
        ("loop_type", Column::Text(loops)),
    ];
    let values = values.map(Column::Float);
    Ok(first
        .into_iter()
        .chain(TARGETS.into_iter().zip(values))
        .collect())
}

/// A row for each molecule, the one that lasts longest first.
fn ranking(molecules: &[Molecule], answers: &[TargetMatrix]) -> Result<Vec<(String, Column)>> {
    let sums: Vec<[f64; RATES.len()]> = answers
        .iter()
        .map(|answer| {
            RATES.map(|column| {
                let values = answer.values().column(column);
                values.iter().map(|&v| f64::from(v.max(0.0))).sum()
            })
        })
        .collect();
    let mut order: Vec<usize> = (0..sums.len()).collect();
    order.sort_by(|&a, &b| sums[a][0].total_cmp(&sums[b][0]));
    let slowest = order.first().map_or(0.0, |&first| sums[first][0]);
    let relative = |&at: &usize| match sums[at][0] {
        rate if rate > 0.0 => (slowest / rate) as f32,
        _ => 1.0,
    };
    let length = |&at: &usize| i32::try_from(molecules[at].sequence.len());
    let mut columns = vec![
        (
            "rank".to_owned(),
            Column::Whole((1..).take(order.len()).collect()),
        ),
        (
            "id".to_owned(),
            Column::Text(order.iter().map(|&at| molecules[at].id.clone()).collect()),
        ),
        (
            "length".to_owned(),
            Column::Whole(order.iter().map(length).collect::<Result<_, _>>()?),
        ),
    ];
    for (place, column) in RATES.into_iter().enumerate() {
        let sums = order.iter().map(|&at| sums[at][place] as f32).collect();
        columns.push((format!("sum_{}", TARGETS[column]), Column::Float(sums)));
    }
    let relative = order.iter().map(relative).collect();
    columns.push(("relative_half_life".to_owned(), Column::Float(relative)));
    Ok(columns)
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
