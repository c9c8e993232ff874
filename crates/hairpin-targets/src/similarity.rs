//! Which sequences are similar: clusters of them, and nearest neighbours, without comparing every pair.
//!
//! A [`Similarity`] is a number between two sequences, 0 to 1, and a threshold from which on they count as similar.
//!
//! | measure | similarity | pairs are proposed by | misses |
//! |---|---|---|---|
//! | [`edit`](Similarity::edit) | `1 - edit distance / longer length` | a shared piece: cut one into d + 1 pieces, and an other within distance d has one of them | none |
//! | [`kmers`](Similarity::kmers) | Jaccard index of the k-mer sets | a shared k-mer among their rarest | none |
//! | [`aligned`](Similarity::aligned) | identity of the best alignment | shared k-mers, as many as you say | pairs that share fewer |
//!
//! The piece index is that of Li, Deng, Wang, Feng, Pass-Join: a partition-based method for similarity joins, PVLDB 2011
//! (doi:10.14778/2078331.2078340); the rare k-mers are the prefix filter of Chaudhuri, Ganti, Kaushik, A primitive operator for
//! similarity joins in data cleaning, ICDE 2006 (doi:10.1109/ICDE.2006.9). Every proposed pair is then compared in full.
//!
//! How many pairs are proposed depends on how rare a piece or a k-mer is. An identity of t leaves pieces of about `1 / (1 - t)` positions: among
//! nucleotides, 10 (at 0.9) are rare and 5 (at 0.8) are not: the two sides of a shared piece then tell most pairs apart. What all sequences
//! have in common, such as an adapter, makes no piece of its own. Choose `k` so that there are more k-mers than sequences.
//! Work is shared among rayon's threads; the result does not depend on their number.

mod aligned;
mod edit;
mod index;
mod kmers;
mod pieces;
mod union;

use hairpin_seq::align::{Aligner, Per, edit_identity};
use hairpin_seq::sketch::KmerSet;
use hairpin_seq::{Alphabet, Seq};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::aligned::SeedIndex;
use self::edit::PieceIndex;
use self::index::Index;
use self::kmers::PrefixIndex;
pub(crate) use self::union::Components;
use crate::{Groups, TargetError};

/// A measure of similarity between two sequences, and the threshold from which on they count as similar.
///
/// ```
/// use hairpin_seq::{Protein, Seq, align::{Aligner, Ends, Per, Scoring}};
/// use hairpin_targets::similarity::{Similarity, clusters};
///
/// let texts = ["MKWVTFISLLHEAGAWGHEE", "HEAGAWGHE", "PPGPPGPPG"];
/// let proteins: Vec<Seq<Protein>> = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
/// let aligner = Aligner::new(Scoring::blosum62()).with_ends(Ends::Free);
/// let similarity = Similarity::aligned(aligner, Per::Shorter, 0.8).with_seeds(3, 2);
/// assert_eq!(clusters(&proteins, &similarity)?.of_rows(), [0, 0, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Similarity<A> {
    measure: Measure<A>,
    threshold: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Measure<A> {
    Edit,
    Kmers {
        k: usize,
    },
    Aligned {
        aligner: Aligner<A>,
        per: Per,
        k: usize,
        shared: usize,
    },
}

/// Thresholds are met in spite of rounding: 1 - 9/10 counts as 0.1.
pub(crate) const ROUNDING: f64 = 1e-12;

impl<A: Alphabet> Similarity<A> {
    /// [`edit_identity`] of at least `threshold`; an unknown position equals another.
    pub fn edit(threshold: f64) -> Self {
        Self {
            measure: Measure::Edit,
            threshold,
        }
    }

    /// Jaccard index of the sets of k-mers ([`KmerSet::jaccard`]) of at least `threshold`; k-mers over an unknown position are left
    /// out, and two sequences without any are similar.
    pub fn kmers(k: usize, threshold: f64) -> Self {
        Self {
            measure: Measure::Kmers { k },
            threshold,
        }
    }

    /// Identity of the best alignment of at least `threshold`, for any two sequences: every pair is aligned, unless
    /// [`with_seeds`](Self::with_seeds) says which.
    pub fn aligned(aligner: Aligner<A>, per: Per, threshold: f64) -> Self {
        Self {
            measure: Measure::Aligned {
                aligner,
                per,
                k: 1,
                shared: 0,
            },
            threshold,
        }
    }

    /// Aligns only pairs that have at least `shared` distinct k-mers in common; others count as not similar at all.
    ///
    /// Two sequences of n positions with d differences share at least `n - k + 1 - k d` windows of k, so that a small `k` and `shared`
    /// lose only distant or very short pairs. Concerns [`aligned`](Self::aligned) only: the other measures find every pair as they are.
    pub fn with_seeds(mut self, k: usize, shared: usize) -> Self {
        if let Measure::Aligned {
            k: old_k,
            shared: old_shared,
            ..
        } = &mut self.measure
        {
            (*old_k, *old_shared) = (k, shared);
        }
        self
    }

    /// The threshold.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The similarity of two sequences, 0 to 1, however few k-mers they share.
    ///
    /// # Errors
    ///
    /// If `k` is out of range or the sequences are too long to be aligned.
    pub fn between(&self, a: &Seq<A>, b: &Seq<A>) -> Result<f64, TargetError> {
        Ok(match &self.measure {
            Measure::Edit => edit_identity(a, b),
            Measure::Kmers { k } => KmerSet::new(a, *k)?.jaccard(&KmerSet::new(b, *k)?)?,
            Measure::Aligned { aligner, per, .. } => aligner.align(a, b)?.identity(*per),
        })
    }

    /// Whether a similarity reaches the threshold.
    pub fn is_reached_by(&self, similarity: f64) -> bool {
        similarity >= self.threshold - ROUNDING
    }

    /// What the similarity is, in words.
    pub(crate) fn describe(&self) -> String {
        match &self.measure {
            Measure::Edit => "identity (1 - edit distance / longer length)".to_owned(),
            Measure::Kmers { k } => format!("Jaccard index of {k}-mers"),
            Measure::Aligned { per, .. } => match per {
                Per::Columns => "alignment identity (matches / columns)".to_owned(),
                Per::Shorter => "alignment identity (matches / shorter length)".to_owned(),
            },
        }
    }

    fn index<'a>(&self, seqs: Vec<&'a Seq<A>>) -> Result<Box<dyn Index + 'a>, TargetError> {
        if !(self.threshold > 0.0 && self.threshold <= 1.0) {
            return Err(TargetError::Threshold {
                threshold: self.threshold,
            });
        }
        Ok(match &self.measure {
            Measure::Edit => Box::new(PieceIndex::new(seqs, self.threshold)),
            Measure::Kmers { k } => Box::new(PrefixIndex::new(&seqs, *k, self.threshold)?),
            Measure::Aligned {
                aligner,
                per,
                k,
                shared,
            } => Box::new(SeedIndex::new(
                seqs,
                aligner.clone(),
                *per,
                (*k, *shared),
                self.threshold,
            )?),
        })
    }
}

/// Groups sequences that are linked by a chain of similar pairs: connected components (single linkage).
///
/// Two sequences of different clusters are never similar. Two of one cluster need not be.
///
/// # Errors
///
/// If the threshold is not above 0 and at most 1, `k` is out of range, or sequences are too long to be aligned.
pub fn clusters<A: Alphabet>(
    seqs: &[Seq<A>],
    similarity: &Similarity<A>,
) -> Result<Groups, TargetError> {
    // Equal sequences are one.
    let equal = Groups::by(seqs.iter().map(Seq::codes));
    let first: Vec<usize> = equal.members().iter().map(|rows| rows[0]).collect();
    let index = similarity.index(first.iter().map(|&row| &seqs[row]).collect())?;
    let mut components = Components::new(first.len());
    let mut start = 0;
    // The first blocks are small: what they join, later ones need not compare.
    let mut size = 64;
    while start < first.len() {
        let end = (start + size).min(first.len());
        let roots = components.roots();
        let links = (start..end)
            .into_par_iter()
            .map_init(
                || index.scratch(),
                |scratch, item| index.links(item, &roots, scratch),
            )
            .collect::<Result<Vec<_>, TargetError>>()?;
        for (item, links) in (start..end).zip(links) {
            for other in links {
                components.join(item, other as usize);
            }
        }
        start = end;
        size = (size * 2).min(4096);
    }
    let roots = components.roots();
    Ok(Groups::by(equal.of_rows().iter().map(|&item| roots[item])))
}

/// The most similar of some references.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// Which reference; of equally similar ones the first.
    pub reference: usize,
    /// The similarity, 0 to 1.
    pub similarity: f64,
}

/// The most similar reference of each query; nothing if there is no reference, or none that shares enough k-mers
/// ([`Similarity::with_seeds`]).
///
/// Exact, whatever the threshold. By edit distance every pair is looked at, but a pair that cannot be nearer than the nearest so far is
/// given up early.
///
/// # Errors
///
/// If `k` is out of range or sequences are too long to be aligned.
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_targets::similarity::{Nearest, Similarity, nearest};
///
/// let query: [Seq<Dna>; 1] = ["ACGTACGT".parse()?];
/// let references: [Seq<Dna>; 2] = ["ACGGACG".parse()?, "ACGTACGG".parse()?];
/// let found = nearest(&query, &references, &Similarity::edit(0.8))?;
/// assert_eq!(found, [Some(Nearest { reference: 1, similarity: 0.875 })]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn nearest<A: Alphabet>(
    queries: &[Seq<A>],
    references: &[Seq<A>],
    similarity: &Similarity<A>,
) -> Result<Vec<Option<Nearest>>, TargetError> {
    nearest_of(
        &queries.iter().collect::<Vec<_>>(),
        &references.iter().collect::<Vec<_>>(),
        similarity,
    )
}

/// The similarity of each query to each reference, `[queries, references]`, on all threads, whatever the threshold and the seeds.
///
/// # Errors
///
/// As [`Similarity::between`].
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_targets::similarity::{Similarity, between_all};
///
/// let query: [Seq<Dna>; 1] = ["ACGTACGT".parse()?];
/// let references: [Seq<Dna>; 2] = ["ACGTACGT".parse()?, "ACGTACGG".parse()?];
/// let found = between_all(&query, &references, &Similarity::edit(0.8))?;
/// assert_eq!(found, ndarray::array![[1.0, 0.875]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn between_all<A: Alphabet>(
    queries: &[Seq<A>],
    references: &[Seq<A>],
    similarity: &Similarity<A>,
) -> Result<Array2<f64>, TargetError> {
    let pairs = (0..queries.len() * references.len()).into_par_iter();
    let values = pairs.map(|pair| {
        let (query, reference) = (pair / references.len(), pair % references.len());
        similarity.between(&queries[query], &references[reference])
    });
    let values = values.collect::<Result<Vec<f64>, TargetError>>()?;
    let shape = (queries.len(), references.len());
    Ok(Array2::from_shape_vec(shape, values).expect("as many as there are pairs"))
}

/// [`nearest`] of sequences that are not in one slice.
pub(crate) fn nearest_of<A: Alphabet>(
    queries: &[&Seq<A>],
    references: &[&Seq<A>],
    similarity: &Similarity<A>,
) -> Result<Vec<Option<Nearest>>, TargetError> {
    match &similarity.measure {
        Measure::Edit => Ok(edit::nearest(queries, references)),
        Measure::Kmers { k } => kmers::nearest(queries, references, *k),
        Measure::Aligned {
            aligner,
            per,
            k,
            shared,
        } => aligned::nearest(queries, references, aligner, *per, (*k, *shared)),
    }
}
