//! Similar pairs by edit distance.

use std::collections::HashMap;
use std::ops::Range;

use hairpin_seq::align::EditPattern;
use hairpin_seq::{Alphabet, Seq};
use rayon::prelude::*;

use super::index::{Index, Scratch};
use super::pieces::{cut, entropies};
use super::{Nearest, ROUNDING};
use crate::TargetError;

/// Finds pairs within an edit distance by a piece they share.
///
/// A sequence of length l, which may be edited d times, is cut into d + 1 pieces; d edits touch at most d of them, so one is found
/// unchanged in any sequence within distance d, and near its own place: if it is piece number i from 0, at most i edits can be
/// chosen to lie before it, and d - i behind. So the two sides of a shared piece are compared, and the one with fewer edits first:
/// where it has too many, which is soon known, the other need not be looked at.
pub(super) struct PieceIndex<'a, A> {
    seqs: Vec<&'a Seq<A>>,
    by_length: Vec<OfLength>,
}

/// The pieces of all sequences of one length.
struct OfLength {
    length: usize,
    /// The most edits at which a shorter sequence is still similar.
    max_edits: usize,
    /// Start and length of each piece.
    pieces: Vec<(usize, usize)>,
    /// By piece and content, where its sequences stand in `found`.
    ranges: HashMap<u64, (u32, u32)>,
    /// Numbers of sequences of this length, from 0.
    found: Vec<u32>,
    /// By such a number, the item, and all codes one after the other: what is looked at for every proposed pair lies together.
    items: Vec<u32>,
    codes: Vec<u8>,
}

impl<'a, A: Alphabet> PieceIndex<'a, A> {
    pub(super) fn new(seqs: Vec<&'a Seq<A>>, threshold: f64) -> Self {
        let mut lengths: HashMap<usize, Vec<u32>> = HashMap::new();
        for (item, seq) in seqs.iter().enumerate() {
            lengths.entry(seq.len()).or_default().push(item as u32);
        }
        let mut by_length: Vec<OfLength> = lengths
            .into_par_iter()
            .map(|(length, items)| OfLength::new(length, &items, &seqs, threshold))
            .collect();
        by_length.sort_unstable_by_key(|group| group.length);
        Self { seqs, by_length }
    }
}

impl OfLength {
    fn new<A: Alphabet>(length: usize, items: &[u32], seqs: &[&Seq<A>], threshold: f64) -> Self {
        let max_edits = max_edits(length, threshold);
        let n_pieces = (max_edits + 1).min(length);
        let pieces = cut(&entropies(length, items, seqs), n_pieces);
        let mut keys = Vec::with_capacity(items.len() * n_pieces);
        let mut all = Vec::with_capacity(items.len() * length);
        for (number, &item) in (0..).zip(items) {
            let codes = seqs[item as usize].codes();
            for (piece, &(start, len)) in pieces.iter().enumerate() {
                keys.push((key(piece, &codes[start..start + len]), number));
            }
            all.extend_from_slice(codes);
        }
        keys.sort_unstable();
        let mut ranges = HashMap::new();
        let mut start = 0;
        for chunk in keys.chunk_by(|a, b| a.0 == b.0) {
            let end = start + chunk.len();
            ranges.insert(chunk[0].0, (start as u32, end as u32));
            start = end;
        }
        Self {
            length,
            max_edits,
            pieces,
            ranges,
            found: keys.into_iter().map(|(_, number)| number).collect(),
            items: items.to_vec(),
            codes: all,
        }
    }

    /// The codes of a sequence by its number.
    #[inline]
    fn codes(&self, number: u32) -> &[u8] {
        &self.codes[number as usize * self.length..][..self.length]
    }

    /// The sequences below number `end` that have this piece, or one of the same key, in their order.
    fn having(&self, piece: usize, codes: &[u8], end: usize) -> &[u32] {
        let (from, to) = self
            .ranges
            .get(&key(piece, codes))
            .copied()
            .unwrap_or_default();
        let all = &self.found[from as usize..to as usize];
        &all[..all.partition_point(|&number| (number as usize) < end)]
    }
}

impl<A: Alphabet> Index for PieceIndex<'_, A> {
    fn scratch(&self) -> Scratch {
        Scratch::new(self.seqs.len())
    }

    /// Looks among sequences that are as long, or longer.
    fn links(
        &self,
        item: usize,
        roots: &[u32],
        scratch: &mut Scratch,
    ) -> Result<Vec<u32>, TargetError> {
        scratch.next();
        let codes = self.seqs[item].codes();
        let pattern = EditPattern::new(self.seqs[item]);
        let (mut part, mut rest) = (pattern.clone(), pattern.clone());
        let mut sides = Vec::new();
        let mut links = Vec::new();
        let start = self
            .by_length
            .partition_point(|group| group.length < codes.len());
        for group in &self.by_length[start..] {
            let longer_by = group.length - codes.len();
            let max = group.max_edits;
            if longer_by > max {
                // A still longer one is allowed at most as many edits more as it is longer.
                break;
            }
            // Of two of one length, the later one is compared with the earlier.
            let end = match longer_by {
                0 => group
                    .items
                    .partition_point(|&other| (other as usize) < item),
                _ => group.items.len(),
            };
            let mut link = |number: u32, scratch: &mut Scratch, is_similar: &dyn Fn() -> bool| {
                let other = group.items[number as usize];
                let root = roots[other as usize];
                if root != roots[item] && !scratch.is_linked(root) && is_similar() {
                    scratch.link(root);
                    links.push(other);
                }
            };
            if max >= group.length {
                for number in 0..end as u32 {
                    let is_similar = || pattern.codes_within(group.codes(number), max).is_some();
                    link(number, scratch, &is_similar);
                }
                continue;
            }
            for (piece, &(start, len)) in group.pieces.iter().enumerate() {
                // Place p in the longer one is p - s here, where of the `longer_by` positions too many s lie before it.
                let (before, behind) = (piece, max - piece);
                let low = start
                    .saturating_sub(before)
                    .max(start.saturating_sub(longer_by + behind));
                let high = (start + before)
                    .min((start + behind).saturating_sub(longer_by))
                    .min(codes.len().wrapping_sub(len));
                if len > codes.len() || start + behind < longer_by {
                    continue;
                }
                for place in low..=high {
                    let numbers = group.having(piece, &codes[place..place + len], end);
                    if numbers.is_empty() {
                        continue;
                    }
                    let left = Side {
                        here: 0..place,
                        there: 0..start,
                        max: before,
                    };
                    let right = Side {
                        here: place + len..codes.len(),
                        there: start + len..group.length,
                        max: behind,
                    };
                    let (near, far) = match before <= behind {
                        true => (left, right),
                        false => (right, left),
                    };
                    part.set_part(&pattern, near.here);
                    rest.set_part(&pattern, far.here);
                    // Brought together first: the reads, which miss the cache, do not wait for the comparisons.
                    let width = near.there.len();
                    sides.clear();
                    for &number in numbers {
                        sides.extend_from_slice(&group.codes(number)[near.there.clone()]);
                    }
                    for (at, &number) in numbers.iter().enumerate() {
                        let side = &sides[at * width..(at + 1) * width];
                        if part.codes_within(side, near.max).is_none() {
                            continue;
                        }
                        let other = group.codes(number);
                        let is_similar = || {
                            other[start..start + len] == codes[place..place + len]
                                && rest
                                    .codes_within(&other[far.there.clone()], far.max)
                                    .is_some()
                        };
                        link(number, scratch, &is_similar);
                    }
                }
            }
        }
        Ok(links)
    }
}

/// What lies on one side of a shared piece, in the sequence at hand and in the other, and the most edits between the two.
struct Side {
    here: Range<usize>,
    there: Range<usize>,
    max: usize,
}

/// The most edits between a sequence of this length and a shorter one that are still similar.
fn max_edits(length: usize, threshold: f64) -> usize {
    ((1.0 - threshold + ROUNDING) * length as f64).floor() as usize
}

/// A number for a piece. Two pieces may share one: that proposes a pair too many, and loses none.
fn key(piece: usize, codes: &[u8]) -> u64 {
    let mut key = piece as u64 + 1;
    for &code in codes {
        key = (key ^ u64::from(code)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        key ^= key >> 29;
    }
    key
}

/// The nearest reference of each query.
pub(super) fn nearest<A: Alphabet>(
    queries: &[&Seq<A>],
    references: &[&Seq<A>],
) -> Vec<Option<Nearest>> {
    let mut equal: HashMap<&[u8], usize> = HashMap::with_capacity(references.len());
    for (reference, seq) in references.iter().enumerate() {
        equal.entry(seq.codes()).or_insert(reference);
    }
    queries
        .par_iter()
        .map(|query| {
            if let Some(&reference) = equal.get(query.codes()) {
                return Some(Nearest {
                    reference,
                    similarity: 1.0,
                });
            }
            let pattern = EditPattern::new(query);
            let mut best: Option<Nearest> = None;
            for (reference, other) in references.iter().enumerate() {
                // Not both are empty: they would be equal.
                let longer = query.len().max(other.len());
                let similarity = |edits: usize| 1.0 - edits as f64 / longer as f64;
                let mut max = longer;
                if let Some(best) = best {
                    max = max_edits(longer, best.similarity);
                    while similarity(max) <= best.similarity {
                        match max.checked_sub(1) {
                            Some(less) => max = less,
                            None => break,
                        }
                    }
                }
                if let Some(edits) = pattern.distance_within(other, max)
                    && best.is_none_or(|best| similarity(edits) > best.similarity)
                {
                    best = Some(Nearest {
                        reference,
                        similarity: similarity(edits),
                    });
                }
            }
            best
        })
        .collect()
}
