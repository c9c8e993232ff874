//! Attributions as plain numbers.

use super::attention::below;
use super::mutagenesis::letters;
use super::refused;
use crate::TrainError;
use burn::tensor::Tensor;
use hairpin_seq::{Alphabet, Seq};
use ndarray::{Array2, ArrayView2};
use std::fmt::Write as _;

/// The values of one row of a batch, `[length, channels]` without padding.
///
/// # Errors
///
/// [`TrainError::Explanation`] when there is no such row, or it has fewer than `length` positions.
pub fn of_example(batch: &Tensor<3>, row: usize, length: usize) -> Result<Array2<f32>, TrainError> {
    let [rows, padded, channels] = batch.dims();
    below("row", row, rows)?;
    if length > padded {
        let expected = format!("at most the {padded} positions");
        return Err(refused("length", length, expected));
    }
    let of_row = batch
        .clone()
        .inner()
        .slice([row..row + 1, 0..length, 0..channels]);
    let values: Vec<f32> = of_row.into_data().iter::<f32>().collect();
    Ok(Array2::from_shape_vec((length, channels), values).expect("a value for each channel"))
}

/// Values as CSV: `position` from 1, `symbol`, and a column for each symbol of the alphabet. Numbers read back as the same `f32`.
///
/// # Errors
///
/// [`TrainError::Explanation`] when `values` are not `[length, symbols]`.
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_train::explain::to_csv;
/// use ndarray::arr2;
///
/// let seq: Seq<Dna> = "AC".parse()?;
/// let csv = to_csv(&seq, arr2(&[[0.5, 0.0, 0.0, 0.0], [0.0, -1.25, 0.0, 0.0]]).view())?;
/// assert_eq!(csv, "position,symbol,A,C,G,T\n1,A,0.5,0,0,0\n2,C,0,-1.25,0,0\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn to_csv<A: Alphabet>(
    sequence: &Seq<A>,
    values: ArrayView2<'_, f32>,
) -> Result<String, TrainError> {
    let expected = (sequence.len(), A::SYMBOLS.len());
    if values.dim() != expected {
        let found = format!("{:?}", values.dim());
        return Err(refused("values", found, format!("{expected:?}")));
    }
    let mut csv = "position,symbol".to_owned();
    for &symbol in A::SYMBOLS {
        csv.push(',');
        csv.push(char::from(symbol));
    }
    csv.push('\n');
    for (index, (letter, row)) in letters(sequence).zip(values.rows()).enumerate() {
        // Writing to a string does not fail.
        let _ = write!(csv, "{},{letter}", index + 1);
        for value in row {
            let _ = write!(csv, ",{value}");
        }
        csv.push('\n');
    }
    Ok(csv)
}
