//! What is simple, for the network to be held against.

use crate::learn::Rows;
use anyhow::Result;
use hairpin::seq::{Alphabet, Dna, Nucleotide, Protein, Rna, Seq};
use hairpin::targets::control::{
    BoostedKmers, BoostedTrees, ColumnAverage, LinearKmers, NeighbourKmers, Neighbours, Regressor,
    Strength,
};
use hairpin::targets::{Groups, TargetError, TargetMatrix};

/// Alphabets for which there are controls.
pub(crate) trait Controlled: Alphabet {
    /// All controls, fitted to the training rows. Proteins have the mean alone: their k-mers are too many.
    fn controls(train: &Rows<Self>, groups: &Groups) -> Result<Vec<Control<Self>>>;
}

/// A fitted control.
pub(crate) type Control<A> = Box<dyn Regressor<[Seq<A>]>>;

impl Controlled for Dna {
    fn controls(train: &Rows<Self>, groups: &Groups) -> Result<Vec<Control<Self>>> {
        of_kmers(train, groups)
    }
}

impl Controlled for Rna {
    fn controls(train: &Rows<Self>, groups: &Groups) -> Result<Vec<Control<Self>>> {
        of_kmers(train, groups)
    }
}

impl Controlled for Protein {
    fn controls(train: &Rows<Self>, _: &Groups) -> Result<Vec<Control<Self>>> {
        Ok(vec![mean(train)?])
    }
}

fn mean<A: Alphabet>(train: &Rows<A>) -> Result<Control<A>, TargetError> {
    Ok(Box::new(ColumnAverage::MEAN.fit(&train.targets)?))
}

fn of_kmers<A: Nucleotide>(train: &Rows<A>, groups: &Groups) -> Result<Vec<Control<A>>> {
    let Rows { sequences, targets } = train;
    let strengths = Strength::LeaveOneOut((-6..=2).map(|e| 10f64.powi(e)).collect());
    let neighbours = Neighbours::new(10).with_distance_weights();
    let trees = BoostedKmers::new(4, BoostedTrees::default());
    Ok(vec![
        mean(train)?,
        Box::new(NeighbourKmers::new(neighbours, 4).fit(sequences, targets)?),
        Box::new(LinearKmers::new(4, strengths).fit(sequences, targets)?),
        Box::new(trees.fit_grouped(sequences, targets, groups)?),
    ])
}

/// A control's answers for some rows, under its name.
pub(crate) fn answers<A: Controlled>(
    train: &Rows<A>,
    groups: &Groups,
    asked: &[Seq<A>],
) -> Result<Vec<(String, TargetMatrix)>> {
    A::controls(train, groups)?
        .into_iter()
        .map(|control| Ok((control.name(), control.predict(asked)?)))
        .collect()
}
