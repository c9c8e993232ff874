//! The control that grows trees on k-mers and bases.

use std::marker::PhantomData;

use hairpin_seq::{Nucleotide, Seq};

use super::boosted_trees::{BoostedTrees, FittedBoostedTrees};
use super::kmer_features::CountsAndPositions;
use super::regressor::Regressor;
use crate::{Groups, TargetError, TargetMatrix};

/// [`BoostedTrees`] on the counts of all k-mers up to a length and, where all training sequences have the same length, on the base at
/// each position.
///
/// A sequence of another length, which then was not in training, is looked at where it has positions in common. Of an unknown base
/// nothing is known.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `k` | required | longest k-mers counted; there are `4 + ... + 4^k` | 1 to 12, above 6 slow |
/// | `trees` | [`BoostedTrees::default`] | settings of the trees | |
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::control::{BoostedKmers, BoostedTrees, Regressor};
/// use ndarray::Array2;
///
/// // Guides that work when they end in GG, which no count of k-mers tells.
/// let ends = ["GG", "GA", "AG", "AA"];
/// let texts = (0..200).map(|i| format!("{}{}", ["GGA", "AGG", "CGG", "GGT"][i / 4 % 4], ends[i % 4]));
/// let seqs: Vec<Seq<Dna>> = texts.map(|text| text.parse()).collect::<Result<_, _>>()?;
/// let works = seqs.iter().map(|seq| f32::from(seq.to_string().ends_with("GG"))).collect();
/// let works = TargetMatrix::new(Array2::from_shape_vec((200, 1), works)?, vec!["works".to_string()])?;
/// let control = BoostedKmers::new(2, BoostedTrees::default()).fit(&seqs, &works)?;
/// let asked: Vec<Seq<Dna>> = vec!["GGTGG".parse()?, "GGTAG".parse()?];
/// let predicted = control.predict(&asked[..])?;
/// let [ends_so, has_it] = [predicted.values()[[0, 0]], predicted.values()[[1, 0]]];
/// assert!(ends_so - has_it > 0.5, "{ends_so} {has_it}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoostedKmers {
    k: usize,
    trees: BoostedTrees,
}

impl BoostedKmers {
    /// Trees on k-mers of length 1 to `k`; the settings are checked by [`fit`](Self::fit).
    pub fn new(k: usize, trees: BoostedTrees) -> Self {
        Self { k, trees }
    }

    /// Grows the trees.
    ///
    /// # Errors
    ///
    /// If `k` is not one that [`KmerCounts`](hairpin_seq::KmerCounts) takes, or for the reasons of [`BoostedTrees::fit`].
    pub fn fit<A: Nucleotide>(
        &self,
        train: &[Seq<A>],
        targets: &TargetMatrix,
    ) -> Result<FittedBoostedKmers<A>, TargetError> {
        let features = CountsAndPositions::new(self.k, train)?;
        let trees = self.trees.fit(&features.encode(train), targets)?;
        Ok(self.fitted(features, trees))
    }

    /// Grows the trees, the rows set aside being whole groups: for splits by similarity or by gene.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit), and for the reasons of [`BoostedTrees::fit_grouped`].
    pub fn fit_grouped<A: Nucleotide>(
        &self,
        train: &[Seq<A>],
        targets: &TargetMatrix,
        groups: &Groups,
    ) -> Result<FittedBoostedKmers<A>, TargetError> {
        let features = CountsAndPositions::new(self.k, train)?;
        let encoded = features.encode(train);
        let trees = self.trees.fit_grouped(&encoded, targets, groups)?;
        Ok(self.fitted(features, trees))
    }

    fn fitted<A>(
        &self,
        features: CountsAndPositions,
        trees: FittedBoostedTrees,
    ) -> FittedBoostedKmers<A> {
        FittedBoostedKmers {
            k: self.k,
            features,
            trees,
            alphabet: PhantomData,
        }
    }
}

/// [`BoostedKmers`] that have seen their training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedBoostedKmers<A> {
    k: usize,
    features: CountsAndPositions,
    trees: FittedBoostedTrees,
    alphabet: PhantomData<A>,
}

impl<A> FittedBoostedKmers<A> {
    /// The trees: features are the k-mers in the order of [`KmerCounts`](hairpin_seq::KmerCounts), shortest first, then four bases for
    /// each position.
    pub fn trees(&self) -> &FittedBoostedTrees {
        &self.trees
    }
}

impl<A: Nucleotide> Regressor<[Seq<A>]> for FittedBoostedKmers<A> {
    fn name(&self) -> String {
        let positions = if self.features.has_positions() {
            " and positions"
        } else {
            ""
        };
        format!("boosted trees on {}-mers{positions}", self.k)
    }

    fn predict(&self, rows: &[Seq<A>]) -> Result<TargetMatrix, TargetError> {
        self.trees.predict(&self.features.encode(rows))
    }
}
