//! What the controls of sequences know of one: its k-mers, and its bases where all sequences have the same length.

use hairpin_seq::{Encode, KmerCounts, Nucleotide, OneHot, Seq};
use ndarray::{Array2, s};

use crate::TargetError;

/// The k-mers of each sequence, `[seqs.len(), channels]`.
pub(super) fn encode<A: Nucleotide>(encoder: &KmerCounts, seqs: &[Seq<A>]) -> Array2<f32> {
    let mut features = Array2::zeros((seqs.len(), Encode::<A>::channels(encoder)));
    for (mut row, seq) in features.rows_mut().into_iter().zip(seqs) {
        if let Some(row) = row.as_slice_mut() {
            encoder.encode_into(seq, row);
        }
    }
    features
}

/// Counts of all k-mers up to a length, and the base at each position.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CountsAndPositions {
    counts: Vec<KmerCounts>,
    /// The length of all training sequences if it is one.
    length: Option<usize>,
}

impl CountsAndPositions {
    /// Of k-mers of length 1 to `k`.
    pub(super) fn new<A: Nucleotide>(k: usize, train: &[Seq<A>]) -> Result<Self, TargetError> {
        // An impossible k is refused before anything of its size is made.
        KmerCounts::new(k)?;
        let counts: Result<Vec<KmerCounts>, _> = (1..=k).map(KmerCounts::new).collect();
        let first = train.first().map(Seq::len);
        Ok(Self {
            counts: counts?,
            length: first.filter(|&length| train.iter().all(|seq| seq.len() == length)),
        })
    }

    pub(super) fn has_positions(&self) -> bool {
        self.length.is_some()
    }

    /// `[seqs.len(), Σ 4^k + 4 length]`; of a sequence of another length, the positions that are in both.
    pub(super) fn encode<A: Nucleotide>(&self, seqs: &[Seq<A>]) -> Array2<f32> {
        let channels = |counts: &KmerCounts| Encode::<A>::channels(counts);
        let positions = self.length.unwrap_or(0);
        let total = self.counts.iter().map(channels).sum::<usize>() + 4 * positions;
        let mut features = Array2::zeros((seqs.len(), total));
        let mut start = 0;
        for counts in &self.counts {
            let end = start + channels(counts);
            features
                .slice_mut(s![.., start..end])
                .assign(&encode(counts, seqs));
            start = end;
        }
        for (mut row, seq) in features.rows_mut().into_iter().zip(seqs) {
            let shown = seq.slice(..seq.len().min(positions));
            let mut bases = vec![0.0; 4 * shown.len()];
            OneHot::default().encode_into(&shown, &mut bases);
            for (place, base) in bases.into_iter().enumerate() {
                row[start + place] = base;
            }
        }
        features
    }
}
