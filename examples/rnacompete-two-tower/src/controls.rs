//! What is simple, for the network to be held against.

use crate::data::{Division, Material};
use anyhow::Result;
use hairpin::seq::{Rna, Seq};
use hairpin::targets::control::{LinearKmers, Regressor, Strength};
use hairpin::targets::{FittedRecipe, TargetMatrix};
use ndarray::{Array2, Axis};

/// k-mers of the ridge regression on probes.
const K: usize = 5;

/// Controls for proteins that were not measured: from the profiles of those that were, `[probes, learned proteins]`, to those of the judged
/// ones.
pub(crate) fn of_proteins(
    material: &Material,
    division: &Division,
    profiles: &TargetMatrix,
    names: &[String],
) -> Result<Vec<(String, TargetMatrix)>> {
    let _ = (material, division);
    let mean = profiles.values().mean_axis(Axis(1)).unwrap_or_default();
    let n = names.len();
    let same = Array2::from_shape_fn((mean.len(), n), |(probe, _)| mean[probe]);
    Ok(vec![(
        "mean profile".to_owned(),
        TargetMatrix::new(same, names.to_vec())?,
    )])
}

/// Controls for probes that were not measured: ridge regression on their k-mers, protein by protein.
pub(crate) fn of_probes(
    material: &Material,
    division: &Division,
    recipe: &FittedRecipe,
) -> Result<Vec<(String, TargetMatrix)>> {
    let sequences = |rows: &[usize]| -> Vec<Seq<Rna>> {
        rows.iter().map(|&row| material.probes[row].clone()).collect()
    };
    let targets = recipe.apply_owned(material.targets(&division.learn)?)?;
    let strengths = Strength::LeaveOneOut((-6..=2).map(|e| 10f64.powi(e)).collect());
    let ridge = LinearKmers::new(K, strengths).fit(&sequences(&division.learn.probes), &targets)?;
    let answer = ridge.predict(&sequences(&division.judge.probes)[..])?;
    Ok(vec![(format!("ridge on {K}-mers"), answer)])
}
