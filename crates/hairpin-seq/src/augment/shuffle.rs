//! Random orders of the same symbols.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Augment, Augmented, reordered};
use crate::{Alphabet, Seq};

/// A random order of the symbols, every one with the same probability: the counts of the symbols are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shuffle;

impl<A: Alphabet> Augment<A> for Shuffle {
    fn augment(&self, seq: &Seq<A>, rng: &mut ChaCha8Rng) -> Augmented<A> {
        let mut order: Vec<usize> = (0..seq.len()).collect();
        order.shuffle(rng);
        reordered(seq, order.into_iter())
    }
}

/// A random sequence with exactly the same neighbours: how often each symbol follows each other one is kept, and so are the first and the
/// last symbol. Every such sequence has the same probability.
///
/// The sequence is a walk along edges from each symbol to the next, and another order of the same edges is another Eulerian path of
/// the same graph (Altschul and Erickson 1985, doi:10.1093/oxfordjournals.molbev.a040370). A path is fixed by the order in which each symbol
/// uses its edges; an order belongs to a path exactly when the last edges lead from every symbol to the last one. So a random tree of last
/// edges is drawn, and the other edges are put in random order.
///
/// Altschul and Erickson draw trees until one is right, which takes long when a rare symbol ends a repeat. Here it is drawn by
/// Wilson's loop-erased walk (1996, doi:10.1145/237814.237880), as Kandel et al. do (1996, doi:10.1016/S0166-218X(97)81456-4): the
/// law is the same. The unknown symbol counts as one more symbol.
///
/// ```
/// use hairpin_seq::augment::{Augment, ShuffleDinucleotides, row_rng};
/// use hairpin_seq::{Dna, Encode, KmerCounts, Seq};
///
/// let seq: Seq<Dna> = "GATTACAGATTACATTAGACA".parse()?;
/// let shuffled = ShuffleDinucleotides.augment(&seq, &mut row_rng(1, 0, 0)).seq;
/// assert_ne!(seq, shuffled);
/// let pairs = KmerCounts::new(2)?;
/// assert_eq!(pairs.encode(&seq), pairs.encode(&shuffled));
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShuffleDinucleotides;

impl<A: Alphabet> Augment<A> for ShuffleDinucleotides {
    fn augment(&self, seq: &Seq<A>, rng: &mut ChaCha8Rng) -> Augmented<A> {
        let order = eulerian_path(seq.codes(), A::SYMBOLS.len() + 1, rng);
        reordered(seq, order.into_iter())
    }
}

/// The positions of `codes` in the order of a random Eulerian path.
fn eulerian_path(codes: &[u8], symbols: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let Some(&end) = codes.last() else {
        return Vec::new();
    };
    let end = usize::from(end);
    let symbol = |position: usize| usize::from(codes[position]);

    // An edge is the position it leads to. Those that lead elsewhere come first: a tree has no loop.
    let mut edges = vec![Vec::new(); symbols];
    let mut loops = vec![Vec::new(); symbols];
    for position in 1..codes.len() {
        let from = symbol(position - 1);
        if from == symbol(position) {
            loops[from].push(position);
        } else {
            edges[from].push(position);
        }
    }

    // Wilson: from each symbol walk at random to the tree; the last step out of each symbol on the way joins it.
    let mut in_tree = vec![false; symbols];
    in_tree[end] = true;
    let mut last = vec![0; symbols];
    for start in 0..symbols {
        if edges[start].is_empty() {
            continue; // a symbol that is left is the end or does not occur
        }
        let mut at = start;
        while !in_tree[at] {
            last[at] = rng.random_range(0..edges[at].len());
            at = symbol(edges[at][last[at]]);
        }
        at = start;
        while !in_tree[at] {
            in_tree[at] = true;
            at = symbol(edges[at][last[at]]);
        }
    }

    // Edges are taken from the back, so the last one goes to the front.
    for (from, (edges, loops)) in edges.iter_mut().zip(&loops).enumerate() {
        let others = if from == end || edges.is_empty() {
            0
        } else {
            edges.swap(0, last[from]);
            1
        };
        edges.extend(loops);
        edges[others..].shuffle(rng);
    }
    let mut order = Vec::with_capacity(codes.len());
    let mut at = 0;
    order.push(at);
    while let Some(next) = edges[symbol(at)].pop() {
        order.push(next);
        at = next;
    }
    order
}
