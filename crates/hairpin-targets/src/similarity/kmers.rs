//! Similar pairs by the Jaccard index of their k-mers.

use std::collections::HashMap;

use hairpin_seq::sketch::KmerSet;
use hairpin_seq::{Alphabet, Seq};
use rayon::prelude::*;

use super::index::{Index, Scratch};
use super::{Nearest, ROUNDING};
use crate::TargetError;

/// Finds pairs with many k-mers in common by a rare one.
///
/// Sets with a Jaccard index of t or more share at least `ceil(t |x|)` members of either one, so the rarest
/// `|x| - ceil(t |x|) + 1` of both have one in common.
pub(super) struct PrefixIndex {
    /// k-mers numbered from the rarest up.
    sets: Vec<Vec<u32>>,
    /// By k-mer, the sequences that have it among their rarest.
    having: Vec<Vec<u32>>,
    empty: Vec<u32>,
    threshold: f64,
}

impl PrefixIndex {
    pub(super) fn new<A: Alphabet>(
        seqs: &[&Seq<A>],
        k: usize,
        threshold: f64,
    ) -> Result<Self, TargetError> {
        let sets = sets(seqs, k)?;
        let mut counts: HashMap<u64, u32> = HashMap::new();
        for word in sets.iter().flat_map(KmerSet::words) {
            *counts.entry(*word).or_default() += 1;
        }
        let mut order: Vec<(u32, u64)> = counts.into_iter().map(|(word, n)| (n, word)).collect();
        order.sort_unstable();
        let rank: HashMap<u64, u32> = (0..)
            .zip(order)
            .map(|(rank, (_, word))| (word, rank))
            .collect();

        let mut having = vec![Vec::new(); rank.len()];
        let mut empty = Vec::new();
        let mut ranked = Vec::with_capacity(sets.len());
        for (item, set) in (0..).zip(&sets) {
            let mut set: Vec<u32> = set.words().iter().map(|word| rank[word]).collect();
            set.sort_unstable();
            for &word in &set[..prefix(set.len(), threshold)] {
                having[word as usize].push(item);
            }
            if set.is_empty() {
                empty.push(item);
            }
            ranked.push(set);
        }
        Ok(Self {
            sets: ranked,
            having,
            empty,
            threshold,
        })
    }

    fn is_similar(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.sets[a], &self.sets[b]);
        let shared = shared(a, b);
        let union = a.len() + b.len() - shared;
        union == 0 || shared as f64 / union as f64 >= self.threshold - ROUNDING
    }
}

impl Index for PrefixIndex {
    fn scratch(&self) -> Scratch {
        Scratch::new(self.sets.len())
    }

    /// Looks among the sequences before this one.
    fn links(
        &self,
        item: usize,
        roots: &[u32],
        scratch: &mut Scratch,
    ) -> Result<Vec<u32>, TargetError> {
        scratch.next();
        let set = &self.sets[item];
        let rarest = &set[..prefix(set.len(), self.threshold)];
        let lists = rarest.iter().map(|&word| &self.having[word as usize]);
        let mut links = Vec::new();
        for list in lists.chain(set.is_empty().then_some(&self.empty)) {
            for &other in list.iter().take_while(|&&other| (other as usize) < item) {
                let root = roots[other as usize];
                if root == roots[item] || scratch.is_linked(root) || !scratch.mark(other) {
                    continue;
                }
                if self.is_similar(item, other as usize) {
                    scratch.link(root);
                    links.push(other);
                }
            }
        }
        Ok(links)
    }
}

fn prefix(len: usize, threshold: f64) -> usize {
    let needed = ((threshold - ROUNDING) * len as f64).ceil() as usize;
    // At least one must be shared, so the last one never helps alone.
    if len == 0 {
        0
    } else {
        len - needed.clamp(1, len) + 1
    }
}

fn shared(a: &[u32], b: &[u32]) -> usize {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i], b[j]);
        shared += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    shared
}

pub(super) fn sets<A: Alphabet>(seqs: &[&Seq<A>], k: usize) -> Result<Vec<KmerSet>, TargetError> {
    seqs.par_iter()
        .map(|seq| Ok(KmerSet::new(seq, k)?))
        .collect()
}

/// By k-mer, the sequences that have it, ascending.
pub(super) fn postings(sets: &[KmerSet]) -> HashMap<u64, Vec<u32>> {
    let mut postings: HashMap<u64, Vec<u32>> = HashMap::new();
    for (item, set) in (0..).zip(sets) {
        for &word in set.words() {
            postings.entry(word).or_default().push(item);
        }
    }
    postings
}

/// Counts the k-mers that each indexed sequence shares with a set: `scratch.met` are the sequences that share any, ascending, and
/// `scratch.counts` how many. Clear the counts of those met afterwards.
pub(super) fn count_shared(
    set: &KmerSet,
    postings: &HashMap<u64, Vec<u32>>,
    scratch: &mut Scratch,
) {
    for &item in &scratch.met {
        scratch.counts[item as usize] = 0;
    }
    scratch.met.clear();
    for list in set.words().iter().filter_map(|word| postings.get(word)) {
        for &item in list {
            let count = &mut scratch.counts[item as usize];
            if *count == 0 {
                scratch.met.push(item);
            }
            *count += 1;
        }
    }
    scratch.met.sort_unstable();
}

/// The nearest reference of each query.
pub(super) fn nearest<A: Alphabet>(
    queries: &[&Seq<A>],
    references: &[&Seq<A>],
    k: usize,
) -> Result<Vec<Option<Nearest>>, TargetError> {
    let (queries, references) = (sets(queries, k)?, sets(references, k)?);
    let postings = postings(&references);
    let first_empty = references.iter().position(KmerSet::is_empty);
    Ok(queries
        .par_iter()
        .map_init(
            || Scratch::new(references.len()),
            |scratch, query| {
                if query.is_empty()
                    && let Some(reference) = first_empty
                {
                    return Some(Nearest {
                        reference,
                        similarity: 1.0,
                    });
                }
                count_shared(query, &postings, scratch);
                let mut best = (!references.is_empty()).then_some(Nearest {
                    reference: 0,
                    similarity: 0.0,
                });
                for &item in &scratch.met {
                    let reference = item as usize;
                    let shared = scratch.counts[reference] as usize;
                    let union = query.len() + references[reference].len() - shared;
                    let similarity = shared as f64 / union as f64;
                    if best.is_none_or(|best| similarity > best.similarity) {
                        best = Some(Nearest {
                            reference,
                            similarity,
                        });
                    }
                }
                best
            },
        )
        .collect())
}
