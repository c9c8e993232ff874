//! Sites of a motif in a sequence.

use super::compare::Strand;
use super::scoring::ScoringMatrix;
use crate::{Alphabet, Nucleotide, Seq, SeqError};

/// Positions scored at a time: their indices and sums stay in the first-level cache.
const BLOCK: usize = 2048;

/// The most bits of a table's index: 1024 sums, 4 KiB.
const INDEX_BITS: u32 = 10;

/// A place where a motif scores high enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Where the window starts on the strand that was given, from 0.
    pub position: usize,
    /// The strand on which the motif reads.
    pub strand: Strand,
    /// The score, in bits: the sum that [`ScoringMatrix::score_at`] computes.
    pub score: f64,
}

/// A scoring matrix made ready to scan sequences.
///
/// Several neighbouring symbols at a time (five bases, two residues) index a table of their summed scores in `f32`; a window that
/// comes near the threshold is then scored again in `f64`. The hits are those of the plain loop over
/// [`ScoringMatrix::score_at`], to the bit. Windows over unknown positions are no hits.
#[derive(Clone, Debug)]
pub struct Scanner<A> {
    strands: Vec<Tables<A>>,
}

/// One strand's sums.
#[derive(Clone, Debug)]
struct Tables<A> {
    strand: Strand,
    scores: ScoringMatrix<A>,
    /// One table per group of symbols.
    sums: Vec<[f32; 1 << INDEX_BITS]>,
    /// How far a sum in `f32` can be from the score.
    slack: f64,
}

/// Bits per code and codes per index of an alphabet.
const fn layout(symbols: usize) -> (u32, usize) {
    let bits = usize::BITS - (symbols - 1).leading_zeros();
    let bits = if bits == 0 { 1 } else { bits };
    (bits, (INDEX_BITS / bits) as usize)
}

impl<A: Alphabet> Tables<A> {
    fn new(strand: Strand, scores: ScoringMatrix<A>) -> Self {
        let (bits, group) = layout(A::SYMBOLS.len());
        let rows: Vec<&[f64]> = scores.rows().collect();
        let of_group = |rows: &[&[f64]]| {
            std::array::from_fn(|index| {
                let mut sum = 0.0;
                for (i, row) in rows.iter().enumerate() {
                    let code = index >> (bits as usize * (group - 1 - i)) & ((1 << bits) - 1);
                    sum += row.get(code).copied().unwrap_or(f64::NEG_INFINITY);
                }
                sum as f32
            })
        };
        let sums: Vec<_> = rows.chunks(group).map(of_group).collect();
        // Each table entry and each addition of f32 is off by at most one part in 2^24 of what has been added up.
        let finite = |row: &&[f64]| {
            let finite = row.iter().filter(|score| score.is_finite());
            finite.fold(0.0_f64, |most, score| most.max(score.abs()))
        };
        let most: f64 = rows.iter().map(finite).sum();
        let slack = most * f64::from(f32::EPSILON) * (sums.len() + 2) as f64;
        Self {
            strand,
            scores,
            sums,
            slack,
        }
    }

    /// The score in `f32` of every window of a block; `indices` reaches as far past it as the motif does.
    fn sum_into(&self, indices: &[u16], group: usize, out: &mut [f32]) {
        const MASK: usize = (1 << INDEX_BITS) - 1;
        let mut first = true;
        let mut at = 0;
        let mut tables = self.sums.as_slice();
        while let [table, rest @ ..] = tables {
            let n = out.len();
            // Two tables at a time halve the passes over `out`.
            if let [second, rest @ ..] = rest {
                let a = &indices[at..at + n];
                let b = &indices[at + group..at + group + n];
                let values = a
                    .iter()
                    .zip(b)
                    .map(|(&a, &b)| table[usize::from(a) & MASK] + second[usize::from(b) & MASK]);
                if first {
                    out.iter_mut().zip(values).for_each(|(sum, v)| *sum = v);
                } else {
                    out.iter_mut().zip(values).for_each(|(sum, v)| *sum += v);
                }
                tables = rest;
                at += 2 * group;
            } else {
                let values = indices[at..at + n]
                    .iter()
                    .map(|&a| table[usize::from(a) & MASK]);
                if first {
                    out.iter_mut().zip(values).for_each(|(sum, v)| *sum = v);
                } else {
                    out.iter_mut().zip(values).for_each(|(sum, v)| *sum += v);
                }
                tables = rest;
                at += group;
            }
            first = false;
        }
    }
}

impl<A: Alphabet> Scanner<A> {
    /// Scans the sequence as it is given.
    pub fn new(scores: &ScoringMatrix<A>) -> Self {
        Self {
            strands: vec![Tables::new(Strand::Forward, scores.clone())],
        }
    }

    /// Every window that scores at least `threshold`, by position and then strand.
    ///
    /// # Errors
    ///
    /// [`SeqError::Setting`] when the threshold is NaN.
    pub fn scan(&self, seq: &Seq<A>, threshold: f64) -> Result<Vec<Hit>, SeqError> {
        if threshold.is_nan() {
            return Err(SeqError::Setting {
                name: "threshold",
                value: threshold.to_string(),
                expected: "a number of bits",
            });
        }
        let mut hits = Vec::new();
        self.candidates(seq, threshold, |hit| {
            if hit.score >= threshold {
                hits.push(hit);
            }
            None
        });
        if self.strands.len() > 1 {
            hits.sort_by_key(|hit| (hit.position, hit.strand));
        }
        Ok(hits)
    }

    /// The window with the highest score; of equals the first, forward before reverse. `None` when every window is shorter
    /// than the motif, holds an unknown position, or scores minus infinity.
    pub fn best_site(&self, seq: &Seq<A>) -> Option<Hit> {
        let mut best: Option<Hit> = None;
        self.candidates(seq, f64::MIN, |hit| {
            let better = best.is_none_or(|best| {
                let place = (hit.position, hit.strand);
                hit.score > best.score
                    || hit.score == best.score && place < (best.position, best.strand)
            });
            if better && hit.score > f64::NEG_INFINITY {
                best = Some(hit);
                return Some(hit.score);
            }
            None
        });
        best
    }

    /// Calls `visit` with the exact score of every window that may reach `threshold`, which the answer raises.
    fn candidates(&self, seq: &Seq<A>, threshold: f64, mut visit: impl FnMut(Hit) -> Option<f64>) {
        let width = self.strands[0].scores.width();
        let (bits, group) = layout(A::SYMBOLS.len());
        let codes = seq.codes();
        if codes.len() < width {
            return;
        }
        let floors = self.strands.iter().map(|tables| threshold - tables.slack);
        let mut floors: Vec<f64> = floors.collect();
        let windows = codes.len() - width + 1;
        let mut indices = vec![0_u16; BLOCK.min(windows) + width + group];
        let mut sums = [0.0_f32; BLOCK];
        for start in (0..windows).step_by(BLOCK) {
            let n = BLOCK.min(windows - start);
            index_into(&codes[start..], bits, group, &mut indices[..n + width]);
            for (tables, floor) in self.strands.iter().zip(&mut floors) {
                tables.sum_into(&indices, group, &mut sums[..n]);
                visit_above(&sums[..n], floor, |offset, floor| {
                    let position = start + offset;
                    let window = &codes[position..position + width];
                    if let Some(score) = tables.scores.score_codes(window)
                        && let Some(raised) = visit(Hit {
                            position,
                            strand: tables.strand,
                            score,
                        })
                    {
                        *floor = raised - tables.slack;
                    }
                });
            }
        }
    }
}

impl<A: Nucleotide> Scanner<A> {
    /// Scans both strands: a reverse hit is where the reverse complement of the window has the motif.
    pub fn both_strands(scores: &ScoringMatrix<A>) -> Self {
        Self {
            strands: vec![
                Tables::new(Strand::Forward, scores.clone()),
                Tables::new(Strand::Reverse, scores.reverse_complement()),
            ],
        }
    }
}

/// The index of the `group` codes from each position on; past the end, codes are 0 and are not looked at.
fn index_into(codes: &[u8], bits: u32, group: usize, indices: &mut [u16]) {
    let mask = (1_u16 << bits) - 1;
    let whole = indices.len().min((codes.len() + 1).saturating_sub(group));
    let (inner, tail) = indices.split_at_mut(whole);
    match (bits, group) {
        // Written out: this is what lets the compiler take sixteen positions at a time.
        (2, 5) => {
            let from = |i: usize| codes.get(i..).unwrap_or_default();
            let c = |i: usize| from(i).iter().map(|&c| u16::from(c) & 3);
            let codes = c(0).zip(c(1)).zip(c(2)).zip(c(3)).zip(c(4));
            for (index, ((((a, b), c), d), e)) in inner.iter_mut().zip(codes) {
                *index = a << 8 | b << 6 | c << 4 | d << 2 | e;
            }
        }
        _ => {
            for (index, window) in inner.iter_mut().zip(codes.windows(group)) {
                *index = join(window.iter().copied(), bits, mask);
            }
        }
    }
    for (i, index) in tail.iter_mut().enumerate() {
        let rest = codes.get(whole + i..).unwrap_or_default();
        let padded = rest.iter().copied().chain(std::iter::repeat(0));
        *index = join(padded.take(group), bits, mask);
    }
}

fn join(codes: impl Iterator<Item = u8>, bits: u32, mask: u16) -> u16 {
    codes.fold(0, |index, code| index << bits | u16::from(code) & mask)
}

/// Calls `visit` for every sum at or above the floor, a chunk without one passed over in a few instructions.
fn visit_above(sums: &[f32], floor: &mut f64, mut visit: impl FnMut(usize, &mut f64)) {
    for (chunk_index, chunk) in sums.chunks(32).enumerate() {
        let low = floor_f32(*floor);
        if chunk.iter().fold(false, |any, &sum| any | (sum >= low)) {
            for (i, &sum) in chunk.iter().enumerate() {
                if sum >= floor_f32(*floor) {
                    visit(chunk_index * 32 + i, floor);
                }
            }
        }
    }
}

/// The threshold as `f32`, rounded down.
fn floor_f32(floor: f64) -> f32 {
    let near = floor as f32;
    if f64::from(near) > floor {
        near.next_down()
    } else {
        near
    }
}
