//! In-silico mutagenesis: what each single change of a sequence would do.

use super::heat_map::HeatMap;
use super::refused;
use crate::predict::check_shortest;
use crate::{Dataset, SequenceDataset, TrainError};
use burn::tensor::Device;
use hairpin_models::{Model, SequenceInput};
use hairpin_seq::{Alphabet, Encode, Seq};
use ndarray::{Array2, ArrayView2};

/// The changes of an output under all single changes of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutagenesis<A: Alphabet> {
    sequence: Seq<A>,
    reference: f32,
    differences: Array2<f32>,
}

impl<A: Alphabet> Mutagenesis<A> {
    /// The sequence as it is.
    pub fn sequence(&self) -> &Seq<A> {
        &self.sequence
    }

    /// Its output.
    pub fn reference(&self) -> f32 {
        self.reference
    }

    /// `[length, symbols]`: the output with this symbol at this position less [`reference`](Self::reference), 0 for the symbol that is
    /// there. At an unknown position every symbol is a change.
    pub fn differences(&self) -> ArrayView2<'_, f32> {
        self.differences.view()
    }

    /// `[length, symbols]`, for a logo: at each position's own symbol minus the mean of the changes there, so that a symbol whose loss lowers
    /// the output stands upwards; 0 elsewhere, and at unknown positions.
    pub fn importance(&self) -> Array2<f32> {
        let mut importance = Array2::zeros(self.differences.dim());
        let others = (A::SYMBOLS.len() - 1).max(1) as f32;
        for (position, &code) in self.sequence.codes().iter().enumerate() {
            if let Some(own) = importance.get_mut((position, usize::from(code))) {
                *own = -self.differences.row(position).sum() / others;
            }
        }
        importance
    }

    /// The differences as a heat map: symbols downwards, positions to the right, each named by the symbol that is there.
    ///
    /// # Errors
    ///
    /// As [`HeatMap::svg`].
    pub fn svg(&self, title: Option<String>) -> Result<String, TrainError> {
        let letter = |&symbol: &u8| char::from(symbol).to_string();
        let map = HeatMap {
            title,
            rows: A::SYMBOLS.iter().map(letter).collect(),
            columns: letters(&self.sequence).collect(),
            ..HeatMap::default()
        };
        map.svg(self.differences.t())
    }
}

/// The letter at each position.
pub(super) fn letters<A: Alphabet>(sequence: &Seq<A>) -> impl Iterator<Item = String> {
    let letter = |&code: &u8| *A::SYMBOLS.get(usize::from(code)).unwrap_or(&A::UNKNOWN);
    sequence
        .codes()
        .iter()
        .map(move |code| char::from(letter(code)).to_string())
}

/// Scores a sequence and all its single changes, at most `batch_size` at a time, by any function from sequences to one number each: a network
/// of two inputs with the other one held, an ensemble, another program.
///
/// # Errors
///
/// [`TrainError::Explanation`] when `batch_size` is 0.
///
/// # Panics
///
/// When `score` gives another number of scores than it got sequences.
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_train::explain::mutagenesis;
///
/// // A score that counts G and C.
/// let gc = |sequences: &[Seq<Dna>]| -> Vec<f32> {
///     let one = |seq: &Seq<Dna>| seq.codes().iter().filter(|&&code| code == 1 || code == 2).count() as f32;
///     sequences.iter().map(one).collect()
/// };
/// let found = mutagenesis(&"AC".parse::<Seq<Dna>>()?, 4, gc)?;
/// assert_eq!(found.reference(), 1.0);
/// assert_eq!(found.differences().row(0).to_vec(), [0.0, 1.0, 1.0, 0.0]);
/// assert_eq!(found.differences().row(1).to_vec(), [-1.0, 0.0, 0.0, -1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn mutagenesis<A: Alphabet>(
    sequence: &Seq<A>,
    batch_size: usize,
    mut score: impl FnMut(&[Seq<A>]) -> Vec<f32>,
) -> Result<Mutagenesis<A>, TrainError> {
    if batch_size == 0 {
        return Err(refused("batch_size", 0, "at least 1"));
    }
    let symbols = A::SYMBOLS.len();
    let codes = sequence.codes();
    // The sequence itself comes first, then every change: position and code.
    let mut changes = std::iter::once(None).chain((0..codes.len() * symbols).filter_map(|cell| {
        let (position, code) = (cell / symbols, cell % symbols);
        (usize::from(codes[position]) != code).then_some(Some((position, code)))
    }));
    let mut reference = 0.0;
    let mut differences = Array2::zeros((codes.len(), symbols));
    loop {
        let batch: Vec<Option<(usize, usize)>> = changes.by_ref().take(batch_size).collect();
        if batch.is_empty() {
            break;
        }
        let sequences: Vec<Seq<A>> = batch
            .iter()
            .map(|change| {
                let mut codes = codes.to_vec();
                if let &Some((position, code)) = change {
                    // An alphabet has fewer than 255 symbols.
                    codes[position] = code as u8;
                }
                Seq::from_codes(codes)
            })
            .collect::<Result<_, _>>()?;
        let scores = score(&sequences);
        assert_eq!(scores.len(), sequences.len(), "mutagenesis: scores");
        for (change, score) in batch.into_iter().zip(scores) {
            match change {
                None => reference = score,
                Some(cell) => differences[cell] = score - reference,
            }
        }
    }
    Ok(Mutagenesis {
        sequence: sequence.clone(),
        reference,
        differences,
    })
}

/// [`mutagenesis`] of column `output` of a model in evaluation, under an encoder; raw outputs, before any softmax.
///
/// # Errors
///
/// [`TrainError::TooShort`] when the model cannot read the sequence; [`TrainError::Explanation`] when `batch_size` is 0 or the model has
/// no column `output`.
pub fn mutagenesis_of_model<M, A, E>(
    model: &M,
    sequence: &Seq<A>,
    encoder: &E,
    output: usize,
    batch_size: usize,
    device: &Device,
) -> Result<Mutagenesis<A>, TrainError>
where
    M: Model<Input = SequenceInput>,
    A: Alphabet,
    E: Encode<A> + Clone,
{
    check_shortest(model, 1, |_| encoder.positions(sequence.len()))?;
    let columns = model.n_outputs();
    if output >= columns {
        let expected = format!("a column of the {columns} outputs, counted from 0");
        return Err(refused("output", output, expected));
    }
    let model = model.valid();
    let device = device.clone().without_autodiff();
    mutagenesis(sequence, batch_size, |sequences| {
        let rows: Vec<usize> = (0..sequences.len()).collect();
        let inputs = SequenceDataset::new(sequences, encoder.clone());
        let outputs = model.forward(inputs.batch(&rows, None, &device));
        let column = outputs.slice_dim(1, output..output + 1);
        column.into_data().iter::<f32>().collect()
    })
}
