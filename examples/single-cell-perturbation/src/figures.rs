//! What the model answers, as pictures.

use crate::pairs::{Pairs, Rows};
use anyhow::Result;
use hairpin::targets::{Recipe, Step, SvdMissing, TargetMatrix};
use hairpin::train::explain::{HeatMap, MapPoint, PointMap};
use hairpin::train::report::{Figure, Svg};
use ndarray::Array2;

/// Genes and pairs of the heat map.
const GENES: usize = 40;
const PAIRS: usize = 24;

/// The genes that answer most, in the pairs that answer most.
pub(crate) fn heat_map(pairs: &Pairs, answer: &TargetMatrix) -> Result<Figure> {
    let values = answer.values();
    let largest = |sizes: Vec<f64>, most: usize| {
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
        order.truncate(most);
        order
    };
    let squares = values.mapv(|own| f64::from(own) * f64::from(own));
    let genes = largest(squares.sum_axis(ndarray::Axis(0)).to_vec(), GENES);
    let mut rows = largest(squares.sum_axis(ndarray::Axis(1)).to_vec(), PAIRS);
    rows.sort_by_key(|&row| pairs.id(row));
    let shown = Array2::from_shape_fn((rows.len(), genes.len()), |(row, gene)| {
        values[[rows[row], genes[gene]]]
    });
    let map = HeatMap {
        rows: rows.iter().map(|&row| pairs.id(row)).collect(),
        columns: genes
            .iter()
            .map(|&gene| answer.names()[gene].clone())
            .collect(),
        ..HeatMap::default()
    };
    Ok(Figure {
        caption: format!(
            "Answers about the {} pairs and {} genes that answer most",
            rows.len(),
            genes.len()
        ),
        svg: Svg::parse(&map.svg(shown.view())?)?,
    })
}

/// Measured and answered pairs in the plane of the two leading components of the measured.
pub(crate) fn latent_map(rows: &Rows, pairs: &Pairs, answer: &TargetMatrix) -> Result<Figure> {
    let recipe = Recipe(vec![
        Step::ZScore,
        Step::TruncatedSvd {
            rank: 2.min(rows.pairs.len()).min(answer.n_columns()),
            missing: SvdMissing::ColumnMean,
        },
    ]);
    let recipe = recipe.fit(&rows.targets)?;
    let mut points = Vec::new();
    for (hollow, own, targets) in [(false, &rows.pairs, &rows.targets), (true, pairs, answer)] {
        let found = recipe.apply(targets)?;
        let second = found.n_columns().saturating_sub(1);
        for (row, cell_type) in own.cell_types.iter().enumerate() {
            let found = found.values();
            points.push(MapPoint {
                x: f64::from(found[[row, 0]]),
                y: f64::from(found[[row, second]]),
                class: cell_type.clone(),
                hollow,
            });
        }
    }
    let map = PointMap {
        x_name: "component 1".to_owned(),
        y_name: "component 2".to_owned(),
        ..PointMap::default()
    };
    Ok(Figure {
        caption: "Pairs by the two leading components of the measured ones (genes z-scored): discs were measured, rings are answers".to_owned(),
        svg: Svg::parse(&map.svg(&points)?)?,
    })
}
