//! What each single change of a probe, or of a protein whose residues are read, would do to the predicted intensity; which residues count.

use crate::networks::Networks;
use crate::rows::Rows;
use anyhow::{Context, Result};
use hairpin::seq::{Alphabet, Protein, Seq};
use hairpin::targets::TargetMatrix;
use hairpin::tasks::Column;
use hairpin::train::Device;
use hairpin::train::explain::{HeatMap, Mutagenesis, mutagenesis};
use hairpin::train::report::{Figure, Svg};
use ndarray::{Array2, s};

/// Mutants that go through the tower at once.
const BATCH: usize = 256;

/// Mutants of a protein at once: each is as long as the protein.
const PIECE: usize = 32;

/// Residues side by side in a drawing.
const LINE: usize = 60;

/// The probe that is predicted to shine most with a protein.
fn best(answer: &TargetMatrix, protein: usize) -> Option<usize> {
    let scores = answer.values().column(protein);
    (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
}

/// Scores a sequence and all its mutants by what may fail.
fn mutants<A: Alphabet>(
    sequence: &Seq<A>,
    batch: usize,
    mut score: impl FnMut(&[Seq<A>]) -> Result<Vec<f32>>,
) -> Result<Mutagenesis<A>> {
    let mut failed = None;
    let found = mutagenesis(sequence, batch, |mutants| {
        score(mutants).unwrap_or_else(|error| {
            failed.get_or_insert(error);
            vec![0.0; mutants.len()]
        })
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok(found),
    }
}

/// For each of some proteins, columns of `answer`, the probe that is predicted to shine most and all its mutants, each folded anew.
pub(crate) fn figures(
    networks: &Networks,
    rows: &Rows,
    (answer, proteins): (&TargetMatrix, &[usize]),
    device: &Device,
) -> Result<Vec<Figure>> {
    let mut figures = Vec::with_capacity(proteins.len());
    for &protein in proteins {
        let Some(probe) = best(answer, protein) else {
            continue;
        };
        let found = mutants(rows.probe(probe), BATCH, |mutants| {
            rows.scores(networks, protein, mutants, device)
        })?;
        let name = &answer.names()[protein];
        let title = format!("change of the prediction for {name}, standard deviations");
        figures.push(Figure {
            caption: format!(
                "{name}: what each single change of the probe that is predicted best, {}, does to its {:.2}",
                found.sequence(),
                found.reference()
            ),
            svg: Svg::parse(&found.svg(Some(title))?)?,
        });
    }
    Ok(figures)
}

/// Of some proteins, columns of `answer`, whose residues are read: how much each residue counts, and, unless that takes vectors of a language
/// model, what each single change of one does to the prediction for the probe that is predicted to shine most.
pub(crate) fn of_residues(
    networks: &Networks,
    rows: &Rows,
    (answer, proteins): (&TargetMatrix, &[usize]),
    device: &Device,
) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let Some(residues) = &rows.proteins.residues else {
        return Ok(figures);
    };
    for &protein in proteins {
        let name = &answer.names()[protein];
        let weights = networks.attention(residues, protein, device)?;
        let (read, positions) = (
            residues.read(protein).to_string(),
            residues.positions(protein),
        );
        let lines = positions.len().div_ceil(LINE);
        let mut map = Array2::from_elem((lines, LINE.min(positions.len())), f32::NAN);
        for (place, weight) in weights.iter().enumerate() {
            map[[place / LINE, place % LINE]] = *weight;
        }
        let first = |line: usize| (positions[line * LINE] + 1).to_string();
        let drawing = HeatMap {
            title: Some(format!("share of the attention, {name}")),
            rows: (0..lines).map(first).collect(),
            ..HeatMap::default()
        };
        let most = (0..weights.len()).max_by(|&a, &b| weights[a].total_cmp(&weights[b]));
        let most = most.map_or(String::new(), |place| {
            let letter = &read[place..=place];
            let share = 100.0 * weights[place];
            format!("; most, {share:.1} %, at {letter}{}", positions[place] + 1)
        });
        figures.push(Figure {
            caption: format!(
                "{name}: how much each of its {} residues that are read counts, {LINE} to a line{most}",
                positions.len()
            ),
            svg: Svg::parse(&drawing.svg(map.view())?)?,
        });

        let Some(probe) = best(answer, protein).filter(|_| residues.can_change()) else {
            continue;
        };
        let found = mutants(residues.read(protein), PIECE, |mutants| {
            let changed = residues.changed(protein, mutants)?;
            let changed = changed.context("proteins that can change")?;
            rows.scores_of_proteins(networks, probe, &changed, device)
        })?;
        // The part of the protein where changes do most, as much as a page has room for.
        let strength: Vec<f32> = found
            .differences()
            .rows()
            .into_iter()
            .map(|row| row.iter().map(|own| own.abs()).sum())
            .collect();
        let width = LINE.min(strength.len());
        let within = |from: usize| strength[from..from + width].iter().sum::<f32>();
        let from = (0..=strength.len() - width)
            .max_by(|&a, &b| within(a).total_cmp(&within(b)))
            .unwrap_or(0);
        let part = found.differences().slice_move(s![from..from + width, ..]);
        let drawing = HeatMap {
            title: Some("change of the prediction, standard deviations".to_owned()),
            rows: letters(Protein::SYMBOLS),
            columns: letters(&read.as_bytes()[from..from + width]),
            ..HeatMap::default()
        };
        figures.push(Figure {
            caption: format!(
                "{name}: what each single change of a residue does to the {:.2} of the probe that is predicted best, {}; the {width} residues \
                 from {} on, where changes do most",
                found.reference(),
                rows.probe(probe),
                positions[from] + 1
            ),
            svg: Svg::parse(&drawing.svg(part.t())?)?,
        });
    }
    Ok(figures)
}

fn letters(symbols: &[u8]) -> Vec<String> {
    let letter = |&symbol: &u8| char::from(symbol).to_string();
    symbols.iter().map(letter).collect()
}

/// The attention of every protein, a row for each residue: protein, position from 1, residue, share; nothing where no residues are read.
pub(crate) fn attention(
    networks: &Networks,
    rows: &Rows,
    names: &[String],
    device: &Device,
) -> Result<Option<[(&'static str, Column); 4]>> {
    let Some(residues) = &rows.proteins.residues else {
        return Ok(None);
    };
    let (mut proteins, mut positions) = (Vec::new(), Vec::new());
    let (mut letters, mut shares) = (Vec::new(), Vec::new());
    for (protein, name) in names.iter().enumerate() {
        let places = residues.positions(protein);
        proteins.extend(std::iter::repeat_n(name.clone(), places.len()));
        positions.extend(places.iter().map(|&place| place as i32 + 1));
        letters.extend(residues.read(protein).to_string().chars().map(String::from));
        shares.extend(networks.attention(residues, protein, device)?);
    }
    Ok(Some([
        ("protein", Column::Text(proteins)),
        ("position", Column::Whole(positions)),
        ("residue", Column::Text(letters)),
        ("share", Column::Float(shares)),
    ]))
}
