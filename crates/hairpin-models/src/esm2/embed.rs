//! Many proteins to a vector each, in bounded memory.

use super::{Esm2, Esm2Config};
use crate::ModelError;
use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::ops::Range;

/// The token `<cls>`, with which every sequence begins.
const BEGIN: i64 = 0;
/// The token `<eos>`, with which every sequence ends.
const END: i64 = 2;

/// How proteins are read.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `layer` | the last | whose states are taken: 0 the embedding, `n_layers` the last, after its norm | 0 to `n_layers` |
/// | `tokens_per_batch` | 4096 | tokens, padding counted, that are in memory at once; one sequence always is | 1.. |
/// | `overlap` | 256 | residues that neighbouring windows of a long protein share at least | below the residues of a window |
#[derive(Config, Debug)]
pub struct EmbedConfig {
    /// Whose states are taken; the last layer's if not said.
    pub layer: Option<usize>,
    /// Tokens that are in memory at once.
    #[config(default = 4096)]
    pub tokens_per_batch: usize,
    /// Residues that neighbouring windows of a long protein share at least.
    #[config(default = 256)]
    pub overlap: usize,
}

/// Some residues of a protein, read as a sequence of their own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    sequence: usize,
    /// Of its residues.
    residues: Range<usize>,
}

impl Esm2 {
    /// The mean of each protein's states over its residues, without `<cls>`, `<eos>` and padding: `[sequences, d_model]`.
    ///
    /// Sequences of similar length are read together, so that little is padding; how they are put together depends on the lengths alone,
    /// and the number of threads changes no byte of the result. A protein of more residues than
    /// [`Esm2Config::max_residues`](super::Esm2Config::max_residues) is read in windows of that many, at equal steps, each between a
    /// `<cls>` and an `<eos>` of its own; neighbours share at least `overlap` residues, and a residue that several windows hold has the
    /// mean of its states. `progress` is called with the windows done and their number.
    ///
    /// Each sequence is `<cls> residues <eos>` with at least one residue.
    ///
    /// # Errors
    ///
    /// [`ModelError::Tokens`] names the sequence and the token; [`ModelError::OutOfRange`] for the configuration. Nothing is computed
    /// before all is checked.
    pub fn embed<S: AsRef<[i64]>>(
        &self,
        sequences: &[S],
        config: &EmbedConfig,
        progress: impl FnMut(usize, usize),
    ) -> Result<TensorData, ModelError> {
        let d_model = self.config.d_model;
        let mut sums = vec![0f32; sequences.len() * d_model];
        self.windows(sequences, config, progress, |windows, states| {
            add_means(&self.config, sequences, config, windows, states, &mut sums);
        })?;
        Ok(TensorData::new(sums, [sequences.len(), d_model]))
    }

    /// The states of every residue of one protein, `[residues, d_model]`; a long one is read in windows as by [`embed`](Self::embed).
    ///
    /// # Errors
    ///
    /// As [`embed`](Self::embed).
    pub fn embed_residues(
        &self,
        sequence: &[i64],
        config: &EmbedConfig,
    ) -> Result<TensorData, ModelError> {
        let d_model = self.config.d_model;
        let residues = sequence.len().saturating_sub(2);
        let mut means = Vec::new();
        self.windows(
            &[sequence],
            config,
            |_, _| (),
            |windows, states| {
                means.resize(residues * d_model, 0f32);
                let [_, length, _] = states.dims();
                let states = floats(states);
                for (window, states) in windows.iter().zip(states.chunks_exact(length * d_model)) {
                    let rows = means[window.residues.start * d_model..].chunks_exact_mut(d_model);
                    let states = states[d_model..].chunks_exact(d_model);
                    let shares = shares(&self.config, window, residues, config);
                    for ((row, state), share) in rows.zip(states).zip(shares) {
                        let values = row.iter_mut().zip(state);
                        values.for_each(|(mean, value)| *mean += share * value);
                    }
                }
            },
        )?;
        Ok(TensorData::new(means, [residues, d_model]))
    }

    /// Calls `take` with the windows of each batch and their states `[windows, length, d_model]`, as they are outside of training.
    fn windows<S: AsRef<[i64]>>(
        &self,
        sequences: &[S],
        config: &EmbedConfig,
        mut progress: impl FnMut(usize, usize),
        mut take: impl FnMut(&[Window], Tensor<3>),
    ) -> Result<(), ModelError> {
        let layer = config.layer.unwrap_or(self.config.n_layers);
        let batches = batches(&self.config, sequences, config)?;
        let all: usize = batches.iter().map(|batch| batch.windows.len()).sum();
        let model = self.valid();
        let device = model.embedding.weight.val().device();
        let mut done = 0;
        for batch in batches {
            take(
                &batch.windows,
                model.states(batch.tokens(&device), layer, |_| ()),
            );
            done += batch.windows.len();
            progress(done, all);
        }
        Ok(())
    }
}

/// Windows of one length, or filled up to it, that are read together.
pub(super) struct Batch {
    pub(super) windows: Vec<Window>,
    /// Of each window, `length` of them.
    tokens: Vec<i64>,
    length: usize,
}

impl Batch {
    /// `[windows, length]`.
    pub(super) fn tokens(&self, device: &Device) -> Tensor<2, Int> {
        let tokens = TensorData::new(self.tokens.clone(), [self.windows.len(), self.length]);
        Tensor::from_data(tokens, device)
    }
}

/// What is read together; how depends on the lengths alone. Everything is checked here.
pub(super) fn batches<S: AsRef<[i64]>>(
    model: &Esm2Config,
    sequences: &[S],
    config: &EmbedConfig,
) -> Result<Vec<Batch>, ModelError> {
    check(model, config)?;
    let mut windows = Vec::new();
    for (index, sequence) in sequences.iter().enumerate() {
        let tokens = sequence.as_ref();
        check_tokens(model, index, tokens)?;
        let all = starts(tokens.len() - 2, model.max_residues(), config.overlap);
        windows.extend(all.into_iter().map(|residues| Window {
            sequence: index,
            residues,
        }));
    }
    // The longest first: if memory does not suffice, that shows at once.
    windows.sort_by_key(|window| std::cmp::Reverse(window.residues.len()));
    let (mut rest, mut batches) = (&windows[..], Vec::new());
    while let Some(first) = rest.first() {
        let length = first.residues.len() + 2;
        let count = (config.tokens_per_batch / length).clamp(1, rest.len());
        let (batch, others) = rest.split_at(count);
        let mut tokens = vec![model.pad_token; count * length];
        for (window, row) in batch.iter().zip(tokens.chunks_exact_mut(length)) {
            let residues = &sequences[window.sequence].as_ref()[1..][window.residues.clone()];
            row[0] = BEGIN;
            row[1..][..residues.len()].copy_from_slice(residues);
            row[1 + residues.len()] = END;
        }
        batches.push(Batch {
            windows: batch.to_vec(),
            tokens,
            length,
        });
        rest = others;
    }
    Ok(batches)
}

/// Adds to the vector of each sequence what the states `[windows, length, d_model]` of some windows have a share in.
pub(super) fn add_means<S: AsRef<[i64]>>(
    model: &Esm2Config,
    sequences: &[S],
    config: &EmbedConfig,
    windows: &[Window],
    states: Tensor<3>,
    sums: &mut [f32],
) {
    let [count, length, d_model] = states.dims();
    let mut weights = vec![0f32; count * length];
    for (window, row) in windows.iter().zip(weights.chunks_exact_mut(length)) {
        let residues = sequences[window.sequence].as_ref().len() - 2;
        let shares = shares(model, window, residues, config);
        for (weight, share) in row[1..].iter_mut().zip(shares) {
            *weight = share / residues as f32;
        }
    }
    let weights = TensorData::new(weights, [count, length, 1]);
    let weights = Tensor::<3>::from_data(weights, &states.device());
    let means = floats((states * weights).sum_dim(1));
    for (window, mean) in windows.iter().zip(means.chunks_exact(d_model)) {
        let sum = &mut sums[window.sequence * d_model..][..d_model];
        sum.iter_mut()
            .zip(mean)
            .for_each(|(sum, mean)| *sum += mean);
    }
}

/// For each residue of a window, one over the number of windows that hold it.
fn shares(
    model: &Esm2Config,
    window: &Window,
    residues: usize,
    config: &EmbedConfig,
) -> impl Iterator<Item = f32> {
    let all = starts(residues, model.max_residues(), config.overlap);
    window.residues.clone().map(move |residue| {
        let holding = all.iter().filter(|own| own.contains(&residue)).count();
        1.0 / holding as f32
    })
}

fn check(model: &Esm2Config, config: &EmbedConfig) -> Result<(), ModelError> {
    let wrong = |name, found: usize, expected| {
        Err(ModelError::OutOfRange {
            name,
            found: found.to_string(),
            expected,
        })
    };
    if let Some(layer) = config.layer
        && layer > model.n_layers
    {
        return wrong("layer", layer, "at most n_layers");
    }
    if config.tokens_per_batch == 0 {
        return wrong("tokens_per_batch", 0, "at least 1");
    }
    if config.overlap >= model.max_residues() {
        let expected = "fewer residues than a window has";
        return wrong("overlap", config.overlap, expected);
    }
    Ok(())
}

fn check_tokens(model: &Esm2Config, sequence: usize, tokens: &[i64]) -> Result<(), ModelError> {
    let wrong = |position: usize, expected: &str| {
        let found = tokens.get(position);
        Err(ModelError::Tokens {
            sequence,
            position,
            found: found.map_or("nothing".to_owned(), |token| format!("token {token}")),
            expected: expected.to_owned(),
        })
    };
    if tokens.first() != Some(&BEGIN) {
        return wrong(0, "<cls> (0)");
    }
    if tokens.len() < 3 {
        return wrong(2, "<cls>, at least one residue, <eos>");
    }
    let last = tokens.len() - 1;
    if tokens[last] != END {
        return wrong(last, "<eos> (2)");
    }
    for (position, &token) in tokens.iter().enumerate().take(last).skip(1) {
        let known = usize::try_from(token).is_ok_and(|token| token < model.n_tokens);
        if !known || [BEGIN, END, model.pad_token].contains(&token) {
            return wrong(position, "a residue's token, or <mask>");
        }
    }
    Ok(())
}

/// The windows of a protein: one if it fits, else as few as overlap enough, at equal steps from its first residue to its last.
fn starts(residues: usize, window: usize, overlap: usize) -> Vec<Range<usize>> {
    if residues <= window {
        return std::iter::once(0..residues).collect();
    }
    let beyond = residues - window;
    let steps = beyond.div_ceil(window - overlap);
    let start = |index: usize| (index as u128 * beyond as u128 / steps as u128) as usize;
    (0..=steps)
        .map(|index| start(index)..start(index) + window)
        .collect()
}

fn floats(tensor: Tensor<3>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_a_protein_and_overlap_enough() {
        let whole = 0..1022;
        assert_eq!(starts(1022, 1022, 256), std::slice::from_ref(&whole));
        assert_eq!(starts(1023, 1022, 256), [0..1022, 1..1023]);
        assert_eq!(starts(10, 4, 2), [0..4, 2..6, 4..8, 6..10]);
        for residues in 1..60 {
            for (window, overlap) in [(1, 0), (4, 0), (4, 3), (7, 2), (13, 6)] {
                let all = starts(residues, window, overlap);
                assert_eq!((all[0].start, all[all.len() - 1].end), (0, residues));
                for pair in all.windows(2) {
                    assert!(
                        pair[0].end >= pair[1].start + overlap,
                        "{residues} {pair:?}"
                    );
                    assert!(pair[0].start < pair[1].start && pair[1].len() == window);
                }
            }
        }
    }
}
