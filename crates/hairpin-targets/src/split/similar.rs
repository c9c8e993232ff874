//! Similar sequences on one side.

use hairpin_seq::{Alphabet, Seq};

use super::{Folds, Fractions, Split, grouped};
use crate::similarity::{Similarity, clusters};
use crate::{Groups, TargetError};

/// Splits sequences so that no two that are similar are in two parts.
///
/// Sequences that are linked by a chain of similar pairs form one cluster ([`clusters`]), and clusters are placed whole, as in
/// [`grouped`].
///
/// # Errors
///
/// As for [`clusters`] and [`grouped`]; and if one cluster has more rows than the share of the largest part
/// ([`TargetError::ClusterTooLarge`]): then nearly everything is similar to everything by this threshold, and a split would be by
/// far out of proportion. To take it all the same, call the two functions one after the other.
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_targets::similarity::Similarity;
/// use hairpin_targets::{Fractions, split};
///
/// let texts = ["AAAAAAAAAA", "CCCCCCCCCC", "AAAAAAAAAC", "GGGGGGGGGG", "AAAAAAAACC"];
/// let seqs: Vec<Seq<Dna>> = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
/// let fractions = Fractions { train: 0.6, valid: 0.0, test: 0.4 };
/// let split = split::similar(&seqs, &Similarity::edit(0.9), fractions, 7)?;
/// assert_eq!(split.train, [0, 2, 4]); // the first and the last are linked by the one between
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn similar<A: Alphabet>(
    seqs: &[Seq<A>],
    similarity: &Similarity<A>,
    fractions: Fractions,
    seed: u64,
) -> Result<Split, TargetError> {
    let largest = fractions.normalised()?.into_iter().fold(0.0, f64::max);
    let groups = clusters(seqs, similarity)?;
    check_largest(&groups, largest)?;
    grouped(&groups, fractions, seed)
}

/// Folds in which no two similar sequences are on both sides: [`Folds::grouped`] of the [`clusters`].
///
/// # Errors
///
/// As for [`clusters`] and [`Folds::grouped`], and if one cluster has more rows than a fold's share
/// ([`TargetError::ClusterTooLarge`]).
pub fn similar_folds<A: Alphabet>(
    seqs: &[Seq<A>],
    similarity: &Similarity<A>,
    n_folds: usize,
    repeats: usize,
    seed: u64,
) -> Result<Folds, TargetError> {
    let groups = clusters(seqs, similarity)?;
    check_largest(&groups, 1.0 / n_folds.max(1) as f64)?;
    Folds::grouped(&groups, n_folds, repeats, seed)
}

fn check_largest(groups: &Groups, share: f64) -> Result<(), TargetError> {
    let room = (share * groups.len() as f64).ceil() as usize;
    match groups.sizes().into_iter().max() {
        Some(rows) if rows > room => Err(TargetError::ClusterTooLarge { rows, room }),
        _ => Ok(()),
    }
}
