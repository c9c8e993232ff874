//! The control that answers as the training sequences with the most similar k-mers do.

use std::marker::PhantomData;

use hairpin_seq::{KmerCounts, Nucleotide, Seq};

use super::kmer_features::encode;
use super::neighbours::{FittedNeighbours, Neighbours, euclidean};
use super::regressor::Regressor;
use crate::{TargetError, TargetMatrix};

/// [`Neighbours`] by the Euclidean distance of k-mer frequencies.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `neighbours` | required | how many are asked, and how they are weighted | [`Neighbours`] |
/// | `k` | required | length of the k-mers; there are `4^k` | 1 to 12, above 6 slow |
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::control::{NeighbourKmers, Neighbours, Regressor};
/// use ndarray::array;
///
/// let train: Vec<Seq<Dna>> = vec!["ACACAC".parse()?, "CACACA".parse()?, "GTGTGT".parse()?];
/// let targets = TargetMatrix::new(array![[1.], [3.], [9.]], vec!["intensity".to_string()])?;
/// let control = NeighbourKmers::new(Neighbours::new(2), 2).fit(&train, &targets)?;
/// let asked: Vec<Seq<Dna>> = vec!["ACACA".parse()?];
/// assert_eq!(control.predict(&asked[..])?.values()[[0, 0]], 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourKmers {
    neighbours: Neighbours,
    k: usize,
}

type Row = Vec<f32>;

impl NeighbourKmers {
    /// Asks neighbours by k-mers; the settings are checked by [`fit`](Self::fit).
    pub fn new(neighbours: Neighbours, k: usize) -> Self {
        Self { neighbours, k }
    }

    /// Keeps the k-mers of the training sequences and their targets.
    ///
    /// # Errors
    ///
    /// If `k` is not one that [`KmerCounts`] takes, or for the reasons of [`Neighbours::fit`].
    pub fn fit<A: Nucleotide>(
        &self,
        train: &[Seq<A>],
        targets: &TargetMatrix,
    ) -> Result<FittedNeighbourKmers<A>, TargetError> {
        let encoder = KmerCounts::new(self.k)?.with_frequencies(true);
        let distance: fn(&Row, &Row) -> f64 = |a, b| euclidean(a, b);
        Ok(FittedNeighbourKmers {
            k: self.k,
            neighbours: self
                .neighbours
                .fit(rows(&encoder, train), targets, distance)?,
            encoder,
            alphabet: PhantomData,
        })
    }
}

fn rows<A: Nucleotide>(encoder: &KmerCounts, seqs: &[Seq<A>]) -> Vec<Row> {
    let encoded = encode(encoder, seqs);
    encoded.rows().into_iter().map(|row| row.to_vec()).collect()
}

/// [`NeighbourKmers`] that have seen their training rows.
#[derive(Clone, Debug)]
pub struct FittedNeighbourKmers<A> {
    k: usize,
    encoder: KmerCounts,
    neighbours: FittedNeighbours<Row, fn(&Row, &Row) -> f64>,
    alphabet: PhantomData<A>,
}

impl<A: Nucleotide> Regressor<[Seq<A>]> for FittedNeighbourKmers<A> {
    fn name(&self) -> String {
        format!(
            "{} on {}-mers",
            Regressor::<[Row]>::name(&self.neighbours),
            self.k
        )
    }

    fn predict(&self, seqs: &[Seq<A>]) -> Result<TargetMatrix, TargetError> {
        self.neighbours.predict(&rows(&self.encoder, seqs)[..])
    }
}
