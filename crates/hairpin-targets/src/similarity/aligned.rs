//! Similar pairs by alignment.

use std::collections::HashMap;

use hairpin_seq::align::{Aligner, Per};
use hairpin_seq::sketch::KmerSet;
use hairpin_seq::{Alphabet, Seq};
use rayon::prelude::*;

use super::index::{Index, Scratch};
use super::kmers::{count_shared, postings, sets};
use super::{Nearest, ROUNDING};
use crate::TargetError;

/// Aligns pairs that share k-mers.
pub(super) struct SeedIndex<'a, A> {
    seqs: Vec<&'a Seq<A>>,
    sets: Vec<KmerSet>,
    postings: HashMap<u64, Vec<u32>>,
    shared: u32,
    aligner: Aligner<A>,
    per: Per,
    threshold: f64,
}

impl<'a, A: Alphabet> SeedIndex<'a, A> {
    pub(super) fn new(
        seqs: Vec<&'a Seq<A>>,
        aligner: Aligner<A>,
        per: Per,
        (k, shared): (usize, usize),
        threshold: f64,
    ) -> Result<Self, TargetError> {
        let sets = sets(&seqs, k)?;
        let postings = postings(&sets);
        Ok(Self {
            seqs,
            sets,
            postings,
            shared: u32::try_from(shared).unwrap_or(u32::MAX),
            aligner,
            per,
            threshold,
        })
    }
}

impl<A: Alphabet> Index for SeedIndex<'_, A> {
    fn scratch(&self) -> Scratch {
        Scratch::new(self.seqs.len())
    }

    /// Looks among the sequences before this one.
    fn links(
        &self,
        item: usize,
        roots: &[u32],
        scratch: &mut Scratch,
    ) -> Result<Vec<u32>, TargetError> {
        scratch.next();
        let mut links = Vec::new();
        for other in candidates(&self.sets[item], &self.postings, self.shared, item, scratch) {
            let root = roots[other as usize];
            if root == roots[item] || scratch.is_linked(root) {
                continue;
            }
            let alignment = self
                .aligner
                .align(self.seqs[item], self.seqs[other as usize])?;
            if alignment.identity(self.per) >= self.threshold - ROUNDING {
                scratch.link(root);
                links.push(other);
            }
        }
        Ok(links)
    }
}

/// The first `n` indexed sequences, those of them that share enough k-mers.
fn candidates(
    set: &KmerSet,
    postings: &HashMap<u64, Vec<u32>>,
    shared: u32,
    n: usize,
    scratch: &mut Scratch,
) -> Vec<u32> {
    if shared == 0 {
        return (0..n as u32).collect();
    }
    count_shared(set, postings, scratch);
    let met = scratch.met.iter().copied();
    met.filter(|&other| (other as usize) < n && scratch.counts[other as usize] >= shared)
        .collect()
}

/// The nearest reference of each query.
pub(super) fn nearest<A: Alphabet>(
    queries: &[&Seq<A>],
    references: &[&Seq<A>],
    aligner: &Aligner<A>,
    per: Per,
    (k, shared): (usize, usize),
) -> Result<Vec<Option<Nearest>>, TargetError> {
    let shared = u32::try_from(shared).unwrap_or(u32::MAX);
    let query_sets = sets(queries, k)?;
    let postings = postings(&sets(references, k)?);
    queries
        .par_iter()
        .zip(&query_sets)
        .map_init(
            || Scratch::new(references.len()),
            |scratch, (query, set)| {
                let mut best: Option<Nearest> = None;
                for other in candidates(set, &postings, shared, references.len(), scratch) {
                    let reference = other as usize;
                    let similarity = aligner.align(query, references[reference])?.identity(per);
                    if best.is_none_or(|best| similarity > best.similarity) {
                        best = Some(Nearest {
                            reference,
                            similarity,
                        });
                    }
                }
                Ok(best)
            },
        )
        .collect()
}
