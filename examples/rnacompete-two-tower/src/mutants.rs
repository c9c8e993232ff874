//! What each single change of a probe would do to the probe's predicted intensity.

use crate::learn::Rows;
use anyhow::Result;
use hairpin::models::TwoTower;
use hairpin::targets::TargetMatrix;
use hairpin::train::Device;
use hairpin::train::explain::mutagenesis;
use hairpin::train::report::{Figure, Svg};

/// Mutants that go through the tower at once.
const BATCH: usize = 256;

/// For each of some proteins, columns of `answer`, the probe that is predicted to shine most and all its mutants, each folded anew.
pub(crate) fn figures(
    model: &TwoTower,
    rows: &Rows,
    (answer, proteins): (&TargetMatrix, &[usize]),
    device: &Device,
) -> Result<Vec<Figure>> {
    let mut figures = Vec::with_capacity(proteins.len());
    for &protein in proteins {
        let scores = answer.values().column(protein).to_vec();
        let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let Some(probe) = best else { continue };
        let mut failed = None;
        let found = mutagenesis(rows.probe(probe), BATCH, |mutants| {
            rows.scores(model, protein, mutants, device)
                .unwrap_or_else(|error| {
                    failed.get_or_insert(error);
                    vec![0.0; mutants.len()]
                })
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
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
