//! A few positions that stand for all: minimizers and closed syncmers, by the crate `simd-minimizers`.

use simd_minimizers::packed_seq::{PackedSeqVec, SeqVec};
use simd_minimizers::{
    canonical_closed_syncmers, canonical_minimizers, closed_syncmers, minimizers,
};

use super::MAX_WORD;
use crate::{Nucleotide, Seq, SeqError};

/// The largest window: the crate's positions within a window have 15 bits.
pub(crate) const MAX_WINDOW: usize = (1 << 15) - 1;

/// Windows that are handed over at once, so that a chromosome is not copied whole.
const PIECE: usize = 1 << 18;

/// Picks positions by the smallest k-mer of every window of `w` k-mers, which spans `k + w - 1` bases.
///
/// Sequences that share a window share the position picked in it, so that the positions of both can be compared instead of all k-mers.
/// *Smallest* is by a hash, with ties broken to the left:
///
/// ```text
/// order(s) = upper 16 bits of ntHash(s);    ntHash(s) = xor over i of rotl(h(s[i]), 7 (k - 1 - i)), 32 bits
/// h(A) = 0x95c60474, h(C) = 0x62a02b4c, h(G) = 0x4be24456, h(T) = 0x82572324
/// ```
///
/// `canonical` makes a sequence and its reverse complement pick the same places: the hashes of both strands of the k-mer are added, and
/// ties are broken to the left when the window has more `G` and `T` than `A` and `C`, else to the right; so the window has an odd number of
/// bases. Windows that hold an unknown base are skipped.
///
/// | option | default | meaning | range |
/// |---|---|---|---|
/// | `k` | required | bases of a k-mer | 1 to 32 |
/// | `w` | required | k-mers of a window | 1 to 32767 |
/// | `canonical` | `false` | the same places on both strands | `k + w - 1` odd |
///
/// Minimizers: Roberts et al. 2004 (doi:10.1093/bioinformatics/bth408). Closed syncmers: Edgar 2021 (doi:10.7717/peerj.10805). The hash:
/// Mohamadi et al. 2016 (doi:10.1093/bioinformatics/btw397). The algorithm: Groot Koerkamp and Martayan 2025
/// (doi:10.4230/LIPIcs.SEA.2025.20), which is fastest when the program is compiled for AVX2 (`-C target-cpu=native`).
///
/// ```
/// use hairpin_seq::kmer::Sampler;
/// use hairpin_seq::{Dna, Seq};
///
/// let seq: Seq<Dna> = "ACGTGCTCAGAGACTCAGAGGA".parse()?;
/// let sampler = Sampler::new(5, 7)?.with_canonical(true)?;
/// let here = sampler.minimizers(&seq);
/// assert_eq!(here, [0, 7, 9, 15]);
///
/// // The same 5-mers, seen from the other end.
/// let there = sampler.minimizers(&seq.reverse_complement());
/// assert_eq!(there, [22 - 5 - 15, 22 - 5 - 9, 22 - 5 - 7, 22 - 5 - 0]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sampler {
    k: usize,
    w: usize,
    canonical: bool,
}

impl Sampler {
    /// Windows of `w` k-mers.
    ///
    /// # Errors
    ///
    /// [`SeqError::WordLength`] when `k` is not in `1..=32`; [`SeqError::Window`] when `w` is not in `1..=32767`.
    pub fn new(k: usize, w: usize) -> Result<Self, SeqError> {
        if !(1..=MAX_WORD).contains(&k) {
            return Err(SeqError::WordLength { k });
        }
        if !(1..=MAX_WINDOW).contains(&w) {
            return Err(SeqError::Window { w });
        }
        Ok(Self {
            k,
            w,
            canonical: false,
        })
    }

    /// Whether both strands pick the same places.
    ///
    /// # Errors
    ///
    /// [`SeqError::EvenWindow`] when the window has an even number of bases.
    pub fn with_canonical(self, canonical: bool) -> Result<Self, SeqError> {
        if canonical && self.span().is_multiple_of(2) {
            return Err(SeqError::EvenWindow {
                k: self.k,
                w: self.w,
            });
        }
        Ok(Self { canonical, ..self })
    }

    /// The bases of a window.
    pub fn span(&self) -> usize {
        self.k + self.w - 1
    }

    /// The starts of the k-mers that are smallest in a window, ascending, each once.
    ///
    /// Of any `w` k-mers in a row without an unknown base at least one is picked.
    pub fn minimizers<A: Nucleotide>(&self, seq: &Seq<A>) -> Vec<usize> {
        let (k, w) = (self.k, self.w);
        self.each_piece(seq.codes(), |piece, found| {
            if self.canonical {
                canonical_minimizers(k, w).run(piece.as_slice(), found);
            } else {
                minimizers(k, w).run(piece.as_slice(), found);
            }
        })
    }

    /// The starts of the windows whose smallest k-mer is their first or last one, ascending.
    ///
    /// Edgar's names are k for the window's bases (`k + w - 1` here) and s for the k-mer's (`k` here). Whether a window is picked depends on
    /// its bases alone.
    pub fn closed_syncmers<A: Nucleotide>(&self, seq: &Seq<A>) -> Vec<usize> {
        let (k, w) = (self.k, self.w);
        self.each_piece(seq.codes(), |piece, found| {
            if self.canonical {
                canonical_closed_syncmers(k, w).run(piece.as_slice(), found);
            } else {
                closed_syncmers(k, w).run(piece.as_slice(), found);
            }
        })
    }

    /// What `pick` finds in every stretch of known bases, a piece at a time.
    fn each_piece(&self, codes: &[u8], pick: impl Fn(&PackedSeqVec, &mut Vec<u32>)) -> Vec<usize> {
        let mut positions = Vec::new();
        let mut found = Vec::new();
        let mut text = Vec::new();
        let mut start = 0;
        for stretch in codes.split(|&code| code > 3) {
            let windows = (stretch.len() + 1).saturating_sub(self.span());
            for first in (0..windows).step_by(PIECE) {
                let windows = PIECE.min(windows - first);
                let piece = &stretch[first..first + windows + self.span() - 1];
                text.clear();
                text.extend(piece.iter().map(|&code| b"ACGT"[usize::from(code & 3)]));
                found.clear();
                pick(&PackedSeqVec::from_ascii(&text), &mut found);
                positions.extend(found.iter().map(|&at| start + first + at as usize));
            }
            start += stretch.len() + 1;
        }
        // Canonical minimizers may step back, and pieces share a k-mer.
        positions.sort_unstable();
        positions.dedup();
        positions
    }
}
