//! What integrated gradients compare an input with.

use super::refused;
use crate::{Dataset, SequenceDataset, TrainError};
use burn::tensor::{Device, Tensor};
use hairpin_nn::{masked_mean, zero_padded};
use hairpin_seq::augment::{Augment, ShuffleDinucleotides, row_rng};
use hairpin_seq::{Alphabet, Encode, Seq};

/// An input of which nothing is to be explained.
///
/// Each answers another question, and the attributions differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// All zeros: no symbol anywhere. Simple, and like no sequence the network was trained on.
    Zeros,
    /// At every position the mean over the sequence's own positions: its composition, without order.
    MeanComposition,
    /// The sequence itself in other orders with the same neighbours, several of them, over which attributions are averaged: what is left is
    /// what the order of symbols beyond pairs does (as in Shrikumar et al. 2017, arXiv:1704.02685).
    DinucleotideShuffles {
        /// How many orders, 1 to 1000.
        count: usize,
        /// Of the random orders: row `r` draws order `k` from the stream `(seed, k, r)`.
        seed: u64,
    },
}

impl Baseline {
    /// The baselines of these sequences, in the shape of their batch by [`SequenceDataset`]: zeros where padded.
    ///
    /// # Shapes
    ///
    /// each `[n_sequences, longest, channels]`
    ///
    /// # Errors
    ///
    /// [`TrainError::Explanation`] when `count` is outside its range.
    pub fn of_sequences<A: Alphabet, E: Encode<A> + Clone>(
        self,
        sequences: &[Seq<A>],
        encoder: &E,
        device: &Device,
    ) -> Result<Vec<[Tensor<3>; 1]>, TrainError> {
        let rows: Vec<usize> = (0..sequences.len()).collect();
        let batch = |sequences: &[Seq<A>]| {
            SequenceDataset::new(sequences, encoder.clone()).batch(&rows, None, device)
        };
        match self {
            Self::Zeros => Ok(vec![[batch(sequences).x.zeros_like()]]),
            Self::MeanComposition => {
                let input = batch(sequences);
                let dims = input.x.dims();
                let mean = masked_mean(input.x, &input.lengths);
                let everywhere = mean.unsqueeze_dim::<3>(1).expand(dims);
                Ok(vec![[zero_padded(everywhere, &input.lengths)]])
            }
            Self::DinucleotideShuffles { count, seed } => {
                if !(1..=1000).contains(&count) {
                    return Err(refused("count", count, "1 to 1000 shuffles"));
                }
                let shuffled = |order: u64| {
                    let shuffled: Vec<Seq<A>> = (0..)
                        .zip(sequences)
                        .map(|(row, sequence)| {
                            let mut rng = row_rng(seed, order, row);
                            ShuffleDinucleotides.augment(sequence, &mut rng).seq
                        })
                        .collect();
                    [batch(&shuffled).x]
                };
                Ok((0..count as u64).map(shuffled).collect())
            }
        }
    }
}
