//! A pair as numbers.

use crate::pairs::{Names, Pairs, Rows};
use crate::settings::EncodingConfig;
use anyhow::Result;
use hairpin::targets::category::{FittedTargetEncoding, TargetEncoding};
use hairpin::targets::{FittedRecipe, Folds, Recipe, Step, SvdMissing};
use ndarray::{Array2, Array3, Axis, concatenate, s};
use serde::{Deserialize, Serialize};

/// `[rows, cell types + compounds]`: a one for each of both, zeros for what was not seen.
pub(crate) fn one_hot(names: &Names, pairs: &Pairs) -> Array2<f32> {
    let cell_types = names.cell_types.len();
    let mut out = Array2::zeros((pairs.len(), cell_types + names.compounds.len()));
    for (row, (cell_type, compound)) in pairs.cell_types.iter().zip(&pairs.compounds).enumerate() {
        if let Some(at) = names.cell_types.index(cell_type) {
            out[[row, at]] = 1.0;
        }
        if let Some(at) = names.compounds.index(compound) {
            out[[row, cell_types + at]] = 1.0;
        }
    }
    out
}

/// One-hots and, behind them, statistics of the targets by cell type, then by compound.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encoder {
    names: Names,
    /// To components, if statistics are of them.
    recipe: FittedRecipe,
    by_cell_type: FittedTargetEncoding,
    by_compound: FittedTargetEncoding,
    statistics: usize,
}

impl Encoder {
    /// Learns an encoding, and encodes the rows it learns from by what the others say of them: no row is told its own target.
    pub(crate) fn fit(
        config: &EncodingConfig,
        rows: &Rows,
        seed: u64,
    ) -> Result<(Self, Array2<f32>)> {
        let rank = config
            .rank
            .min(rows.pairs.len())
            .min(rows.targets.n_columns());
        let recipe = match rank {
            0 => Recipe::default(),
            rank => Recipe(vec![Step::TruncatedSvd {
                rank,
                missing: SvdMissing::ColumnMean,
            }]),
        };
        let recipe = recipe.fit(&rows.targets)?;
        let targets = recipe.apply(&rows.targets)?;
        let encoding = TargetEncoding::new()
            .with_statistics(config.statistics.clone())
            .with_smoothing(config.smoothing());
        let Pairs {
            cell_types,
            compounds,
        } = &rows.pairs;
        let n_folds = config.folds.min(rows.pairs.len());
        let folds = Folds::random(rows.pairs.len(), n_folds, 1, seed)?;
        let by_cell_type = encoding.cross_fit(cell_types, &targets, folds.of_rows(0))?;
        let by_compound = encoding.cross_fit(compounds, &targets, folds.of_rows(0))?;
        let encoder = Self {
            names: Names::of(&rows.pairs),
            by_cell_type: encoding.fit(cell_types, &targets)?,
            by_compound: encoding.fit(compounds, &targets)?,
            statistics: config.statistics.len(),
            recipe,
        };
        let features = encoder.joined(&rows.pairs, by_cell_type, by_compound)?;
        Ok((encoder, features))
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Values of each statistic: all of cell types, then all of compounds.
    pub(crate) fn widths(&self) -> Vec<usize> {
        vec![self.by_cell_type.names().len(); 2 * self.statistics]
    }

    /// Encodes new rows.
    pub(crate) fn encode(&self, pairs: &Pairs) -> Result<Array2<f32>> {
        let by_cell_type = self.by_cell_type.encode(&pairs.cell_types)?;
        let by_compound = self.by_compound.encode(&pairs.compounds)?;
        self.joined(pairs, by_cell_type, by_compound)
    }

    fn joined(&self, pairs: &Pairs, a: Array3<f32>, b: Array3<f32>) -> Result<Array2<f32>> {
        let mut parts = vec![one_hot(&self.names, pairs)];
        for own in [&a, &b] {
            for statistic in 0..self.statistics {
                parts.push(own.slice(s![.., statistic, ..]).to_owned());
            }
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        Ok(concatenate(Axis(1), &views)?)
    }
}
