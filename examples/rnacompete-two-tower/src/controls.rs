//! What is simple, for the network to be held against.

use crate::data::{Division, Material};
use crate::proteins::aligner;
use anyhow::{Context, Result};
use hairpin::seq::align::Per;
use hairpin::seq::protein::{GappedKmers, Residues};
use hairpin::seq::{Protein, Rna, Seq};
use hairpin::targets::control::{
    AffinityRegression, ColumnAverage, Encoded, JointEmbedding, LinearKmers, NeighbourCosine,
    NeighbourIdentity, Neighbours, Regressor, Strength, features,
};
use hairpin::targets::{FittedRecipe, TargetMatrix};

/// k-mers of probes: of affinity regression, and of the ridge regression.
const K: usize = 5;

/// What the controls know of a protein.
const FEATURES: &str = "gapped 3-mers";

/// Controls for proteins that were not measured: from what was measured of those that were, `[probes, learned proteins]`, to the judged ones
/// on the same probes.
pub(crate) fn of_proteins(
    material: &Material,
    division: &Division,
    measured: &TargetMatrix,
    names: &[String],
) -> Result<Vec<(String, TargetMatrix)>> {
    let sequences = |rows: &[usize]| material.sequences(rows).context("proteins have sequences");
    let train = sequences(&division.learn.proteins)?;
    let asked = sequences(&division.judge.proteins)?;
    let probes = of_rows(material, &division.judge.probes);
    let profiles = measured.transposed();
    let nearest = Neighbours::new(1);
    let kmers = GappedKmers::triples(Residues::Seven);
    let known = features(&kmers, &train);
    let by_identity = NeighbourIdentity::new(nearest, aligner(), Per::Shorter);
    let by_kmers = NeighbourCosine::new(nearest).fit(&known, &profiles)?;
    let affinity = AffinityRegression::new(K).fit(&probes, &known, &profiles)?;
    let joint = JointEmbedding::default().fit(&known, &profiles)?;
    let controls: Vec<Box<dyn Regressor<[Seq<Protein>]>>> = vec![
        Box::new(ColumnAverage::MEAN.fit(&profiles)?),
        Box::new(by_identity.fit(&train, &profiles)?),
        Box::new(Encoded::new(FEATURES, kmers.clone(), by_kmers)),
        Box::new(Encoded::new(FEATURES, kmers.clone(), affinity)),
        Box::new(Encoded::new(FEATURES, kmers, joint)),
    ];
    let mut answers = Vec::with_capacity(controls.len());
    for control in controls {
        let answer = control.predict(&asked[..])?;
        let values = answer.values().t().as_standard_layout().into_owned();
        answers.push((control.name(), TargetMatrix::new(values, names.to_vec())?));
    }
    Ok(answers)
}

/// Controls for probes that were not measured: ridge regression on their k-mers, protein by protein.
pub(crate) fn of_probes(
    material: &Material,
    division: &Division,
    recipe: &FittedRecipe,
) -> Result<Vec<(String, TargetMatrix)>> {
    let targets = recipe.apply_owned(material.targets(&division.learn)?)?;
    let strengths = Strength::LeaveOneOut((-6..=2).map(|e| 10f64.powi(e)).collect());
    let learned = of_rows(material, &division.learn.probes);
    let ridge = LinearKmers::new(K, strengths).fit(&learned, &targets)?;
    let answer = ridge.predict(&of_rows(material, &division.judge.probes)[..])?;
    let name = Regressor::<[Seq<Rna>]>::name(&ridge);
    Ok(vec![(name, answer)])
}

fn of_rows(material: &Material, rows: &[usize]) -> Vec<Seq<Rna>> {
    rows.iter()
        .map(|&row| material.probes[row].clone())
        .collect()
}
