//! What the filters of a first layer look for.

use super::refused;
use crate::order::batches_by_length;
use crate::{Dataset, SequenceDataset, TrainError};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use hairpin_nn::Conv1d;
use hairpin_seq::motif::{Background, CountMatrix, Meme, Motif, write_meme};
use hairpin_seq::{Alphabet, Encode, Seq};
use std::ops::Range;

/// A layer of filters over the positions of an encoded sequence.
pub trait Filters: Module {
    /// The filters' answers at every place, before any threshold.
    ///
    /// # Shapes
    ///
    /// `[batch_size, length, channels]`, zero where padded -> `[batch_size, places, n_filters]`
    fn activate(&self, x: Tensor<3>) -> Tensor<3>;

    /// Which positions of a row of `length` positions the answer at `place` is about; those outside of `0..length` are padding.
    fn window(&self, place: usize, length: usize) -> Range<isize>;
}

impl Filters for Conv1d {
    fn activate(&self, x: Tensor<3>) -> Tensor<3> {
        self.forward(x)
    }

    fn window(&self, place: usize, length: usize) -> Range<isize> {
        self.window(place, length)
    }
}

/// How sites are chosen.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `threshold` | 0.5 | share of a filter's maximum that a site exceeds | 0 up to, not including, 1 |
/// | `batch_size` | 256 | sequences that go through the layer at once | 1.. |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FilterSettings {
    /// Share of a filter's maximum that a site exceeds.
    pub threshold: f32,
    /// Sequences that go through the layer at once.
    pub batch_size: usize,
}

impl Default for FilterSettings {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            batch_size: 256,
        }
    }
}

/// The sites of one filter.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterMotif<A: Alphabet> {
    /// The filter, from 0.
    pub filter: usize,
    /// Its greatest answer over all sequences, `-inf` when no window lies in one.
    pub maximum: f32,
    /// How many windows exceed the threshold.
    pub sites: usize,
    /// The symbols of those windows; `None` for a filter that is never above 0.
    pub counts: Option<CountMatrix<A>>,
}

/// Turns filters into motifs: the windows to which a filter answers with more than `threshold` times its maximum over all sequences, one
/// below another.
///
/// Aligning what activates a filter is DeepBind's (Alipanahi et al. 2015, doi:10.1038/nbt.3300), which takes the best window of each
/// sequence; that all windows above half of the maximum count is Basset's rule (Kelley et al. 2016, doi:10.1101/gr.200535.115). A window that
/// reaches over an end of its sequence is left out, of the maximum too. The layer's own bias stays in: 0 is what its ReLU takes for nothing.
///
/// The encoder must give one position per symbol. Of a model, hand over its first layer: the `conv` in the `front` of a `SequenceLstm`, say.
///
/// # Errors
///
/// [`TrainError::NoRows`] without a sequence, [`TrainError::Explanation`] for a setting out of range or an encoder with other positions.
///
/// ```
/// use burn::tensor::Device;
/// use hairpin_models::SequenceLstmConfig;
/// use hairpin_seq::motif::Background;
/// use hairpin_seq::{Dna, OneHot, Seq};
/// use hairpin_train::explain::{FilterSettings, filter_motifs, filters_to_meme};
///
/// let device = Device::flex();
/// let model = SequenceLstmConfig::new(4, 2).with_conv_channels(8).init(&device)?; // trained, in real life
/// let sequences: Vec<Seq<Dna>> = vec!["GATTACAGATTACA".parse()?, "ACGTACGTGGCA".parse()?];
/// let front = model.front.as_ref().ok_or("no convolution")?;
/// let motifs = filter_motifs(&front.conv, &sequences, &OneHot::default(), FilterSettings::default(), &device)?;
/// assert_eq!(motifs.len(), 8);
/// let text = filters_to_meme(&motifs, 1.0, &Background::uniform())?;
/// assert!(text.starts_with("MEME version 4"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn filter_motifs<F, A, E>(
    filters: &F,
    sequences: &[Seq<A>],
    encoder: &E,
    settings: FilterSettings,
    device: &Device,
) -> Result<Vec<FilterMotif<A>>, TrainError>
where
    F: Filters,
    A: Alphabet,
    E: Encode<A> + Clone,
{
    let FilterSettings {
        threshold,
        batch_size,
    } = settings;
    if !(0.0..1.0).contains(&threshold) {
        let expected = "0 up to, not including, 1";
        return Err(refused("threshold", threshold, expected));
    }
    if batch_size == 0 {
        return Err(refused("batch_size", 0, "at least 1"));
    }
    if sequences.is_empty() {
        return Err(TrainError::NoRows { part: "explained" });
    }
    for sequence in sequences {
        let (found, length) = (encoder.positions(sequence.len()), sequence.len());
        if found != length {
            let expected = format!("{length}, one per symbol");
            return Err(refused("positions", found, expected));
        }
    }
    // Without a graph, wherever the layer lives.
    let filters = filters.valid();
    let device = device.clone().without_autodiff();
    let inputs = SequenceDataset::new(sequences, encoder.clone());
    let lengths: Vec<usize> = sequences.iter().map(Seq::len).collect();
    let batches = batches_by_length(&lengths, batch_size);

    // Answers are made twice rather than kept: they may be larger than memory.
    let mut found: Vec<Sites> = Vec::new();
    for pass in [Pass::Maximum, Pass::Sites] {
        for rows in &batches {
            let input = inputs.batch(rows, None, &device);
            let padded = input.x.dims()[1];
            let answers = filters.activate(input.x);
            let [_, places, n_filters] = answers.dims();
            found.resize_with(n_filters, Sites::default);
            let answers: Vec<f32> = answers.into_data().iter::<f32>().collect();
            let rows = rows.iter().map(|&row| &sequences[row]);
            for (sequence, answers) in rows.zip(answers.chunks((places * n_filters).max(1))) {
                for (place, answers) in answers.chunks(n_filters.max(1)).enumerate() {
                    let window = filters.window(place, padded);
                    let (Ok(start), Ok(end)) =
                        (usize::try_from(window.start), usize::try_from(window.end))
                    else {
                        continue;
                    };
                    let Some(codes) = sequence.codes().get(start..end) else {
                        continue;
                    };
                    for (sites, &answer) in found.iter_mut().zip(answers) {
                        match pass {
                            Pass::Maximum => sites.maximum = sites.maximum.max(answer),
                            Pass::Sites if answer > 0.0 && answer > threshold * sites.maximum => {
                                sites.add(codes, A::SYMBOLS.len());
                            }
                            Pass::Sites => {}
                        }
                    }
                }
            }
        }
    }
    found
        .into_iter()
        .enumerate()
        .map(|(filter, sites)| {
            let counts = match sites.count {
                0 => None,
                _ => Some(CountMatrix::new(sites.counts)?),
            };
            Ok(FilterMotif {
                filter,
                maximum: sites.maximum,
                sites: sites.count,
                counts,
            })
        })
        .collect()
}

#[derive(Clone, Copy)]
enum Pass {
    Maximum,
    Sites,
}

struct Sites {
    maximum: f32,
    count: usize,
    counts: Vec<f64>,
}

impl Default for Sites {
    fn default() -> Self {
        Self {
            maximum: f32::NEG_INFINITY,
            count: 0,
            counts: Vec::new(),
        }
    }
}

impl Sites {
    fn add(&mut self, codes: &[u8], symbols: usize) {
        self.count += 1;
        self.counts.resize(codes.len() * symbols, 0.0);
        for (row, &code) in self.counts.chunks_exact_mut(symbols).zip(codes) {
            // Unknown positions are not counted.
            if let Some(count) = row.get_mut(usize::from(code)) {
                *count += 1.0;
            }
        }
    }
}

/// The motifs as a MEME file, as motif tools read it; `pseudocount` further sites of background are added to each. Filters without a site are
/// left out.
///
/// # Errors
///
/// [`TrainError::Sequence`] for a pseudocount that is negative, or 0 where a position has no known symbol.
pub fn filters_to_meme<A: Alphabet>(
    motifs: &[FilterMotif<A>],
    pseudocount: f64,
    background: &Background<A>,
) -> Result<String, TrainError> {
    let mut meme = Meme {
        background: background.clone(),
        motifs: Vec::with_capacity(motifs.len()),
    };
    for motif in motifs {
        if let Some(counts) = &motif.counts {
            meme.motifs.push(Motif {
                id: format!("filter_{}", motif.filter),
                name: Some(format!("{}_sites", motif.sites)),
                matrix: counts.to_frequencies(pseudocount, background)?,
            });
        }
    }
    Ok(write_meme(&meme)?)
}
