//! [`PositionTargets`]: what is known of the positions of examples.

use super::TargetBatch;
use crate::TrainError;
use burn::tensor::{Device, Int, Tensor, TensorData};
use hairpin_targets::{TargetError, TargetMatrix};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use std::ops::Range;

/// Values at the first positions of each example, of which each may count differently.
///
/// Positions behind the scored ones have no target and are left out of loss and score, and so is padding. What was not measured at a
/// scored position is NaN.
///
/// # Shapes
///
/// for each example `[positions_scored, n_columns]`, in the unit of the task; examples may have different numbers of positions, also none
///
/// ```
/// use hairpin_train::PositionTargets;
/// use ndarray::array;
///
/// // Two of the first molecule's bases were scored, three of the second's; one value is missing.
/// let targets = PositionTargets::new(
///     &[array![[0.5], [1.5]], array![[0.1], [f32::NAN], [0.3]]],
///     vec!["reactivity".into()],
/// )?
/// .with_weights(&[array![[1.0], [0.5]], array![[1.0], [1.0], [0.25]]])?;
/// assert_eq!((targets.n_rows(), targets.scored(1)), (2, 3));
/// // All scored positions, one below another: for controls, metrics and blends.
/// assert_eq!(targets.matrix().values().column(0).to_vec(), [0.5, 1.5, 0.1, 0.0, 0.3]);
/// # Ok::<(), hairpin_train::TrainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PositionTargets {
    matrix: TargetMatrix,
    /// 0 for what was not measured.
    weights: Array2<f32>,
    /// Where each example begins in the matrix, and where the last ends.
    starts: Vec<usize>,
}

impl PositionTargets {
    /// Values that count alike, NaN for what was not measured.
    ///
    /// # Errors
    ///
    /// [`TrainError::Example`] for an example with another number of columns than there are names, and what
    /// [`TargetMatrix::from_nan`] refuses, which counts the scored positions of all examples as rows.
    pub fn new(examples: &[Array2<f32>], names: Vec<String>) -> Result<Self, TrainError> {
        let mut starts = vec![0];
        for (row, example) in examples.iter().enumerate() {
            if example.ncols() != names.len() {
                return Err(TrainError::Example {
                    row,
                    what: "number of target columns",
                    found: example.ncols().to_string(),
                    expected: format!("{}, as there are names", names.len()),
                });
            }
            starts.push(starts[row] + example.nrows());
        }
        let views: Vec<_> = examples.iter().map(|own| own.view()).collect();
        let matrix = TargetMatrix::from_nan(stacked(&views, names.len()), names)?;
        let weights = matrix.measured().mapv(|yes| f32::from(u8::from(yes)));
        Ok(Self {
            matrix,
            weights,
            starts,
        })
    }

    /// With how much each value counts in the loss: by its error bar, say. What was not measured weighs nothing, whatever is said here.
    ///
    /// # Errors
    ///
    /// [`TrainError::Example`] for the first example whose weights have another shape than its targets, or are not finite, or below 0
    /// where something was measured.
    pub fn with_weights(mut self, examples: &[Array2<f32>]) -> Result<Self, TrainError> {
        if examples.len() != self.n_rows() {
            return Err(TrainError::RowsDiffer {
                inputs: self.n_rows(),
                targets: examples.len(),
            });
        }
        for (row, example) in examples.iter().enumerate() {
            let range = self.starts[row]..self.starts[row + 1];
            let mut own = self.weights.slice_mut(s![range.clone(), ..]);
            let refuse = |what, found: String, expected: String| TrainError::Example {
                row,
                what,
                found,
                expected,
            };
            if example.dim() != own.dim() {
                return Err(refuse(
                    "shape of the weights",
                    format!("{:?}", example.dim()),
                    format!("{:?}, as of the targets", own.dim()),
                ));
            }
            let measured = self.matrix.measured();
            let measured = measured.slice(s![range, ..]);
            for ((at, own), &measured) in own.indexed_iter_mut().zip(&measured) {
                let weight = example[at];
                if measured && !(weight >= 0.0 && weight.is_finite()) {
                    let expected = "a finite number that is not below 0".to_owned();
                    return Err(refuse("weight of a value", weight.to_string(), expected));
                }
                *own = if measured { weight } else { 0.0 };
            }
        }
        Ok(self)
    }

    /// These examples and below them others, each with its own weights.
    ///
    /// # Errors
    ///
    /// When the others have other columns.
    pub fn followed_by(&self, others: &Self) -> Result<Self, TargetError> {
        let names = self.matrix.names();
        let other_names = others.matrix.names();
        let same = names.iter().zip(other_names).position(|(a, b)| a != b);
        if let Some(column) = same {
            return Err(TargetError::ColumnName {
                column,
                expected: names[column].clone(),
                found: other_names[column].clone(),
            });
        }
        if names.len() != other_names.len() {
            return Err(TargetError::Length {
                what: "columns of the targets below",
                expected: names.len(),
                found: other_names.len(),
            });
        }
        let below = |a: &Array2<f32>, b: &Array2<f32>| stacked(&[a.view(), b.view()], names.len());
        let values = below(&self.matrix.to_nan(), &others.matrix.to_nan());
        let end = self.weights.nrows();
        let starts = others.starts[1..].iter().map(|start| start + end);
        Ok(Self {
            matrix: TargetMatrix::from_nan(values, names.to_vec())?,
            weights: below(&self.weights, &others.weights),
            starts: self.starts.iter().copied().chain(starts).collect(),
        })
    }

    /// Number of examples.
    pub fn n_rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.matrix.n_columns()
    }

    /// How many positions of an example are scored: its first ones.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    pub fn scored(&self, row: usize) -> usize {
        self.starts[row + 1] - self.starts[row]
    }

    /// The scored positions of all examples, one below another, `[positions, n_columns]`.
    pub fn matrix(&self) -> &TargetMatrix {
        &self.matrix
    }

    /// How much each value of [`matrix`](Self::matrix) counts in the loss: 0 for what was not measured.
    pub fn weights(&self) -> &Array2<f32> {
        &self.weights
    }

    /// Predictions at the scored positions, one below another as in [`matrix`](Self::matrix).
    ///
    /// # Errors
    ///
    /// When there is not one matrix for each example, or one has fewer positions than are scored or other columns.
    pub fn stack(&self, predictions: &[Array2<f32>]) -> Result<Array2<f32>, TargetError> {
        if predictions.len() != self.n_rows() {
            return Err(TargetError::Length {
                what: "examples of the predictions",
                expected: self.n_rows(),
                found: predictions.len(),
            });
        }
        let mut all = Vec::with_capacity(self.weights.len());
        for (row, found) in predictions.iter().enumerate() {
            let (scored, columns) = (self.scored(row), self.n_columns());
            if found.nrows() < scored || found.ncols() != columns {
                return Err(TargetError::Shape {
                    what: "the matrix of predictions for an example",
                    expected: (scored, columns),
                    found: found.dim(),
                });
            }
            all.extend(found.slice(s![..scored, ..]));
        }
        Ok(Array2::from_shape_vec(self.weights.dim(), all).expect("as many as are scored"))
    }

    /// These examples, in this order: a fold.
    ///
    /// # Errors
    ///
    /// When there is no such row.
    pub fn select(&self, rows: &[usize]) -> Result<Self, TargetError> {
        let n_rows = self.n_rows();
        if let Some(&row) = rows.iter().find(|&&row| row >= n_rows) {
            return Err(TargetError::Row { row, n_rows });
        }
        Ok(self.positions(
            rows.iter()
                .map(|&row| self.starts[row]..self.starts[row + 1]),
        ))
    }

    /// Of each example the first `positions` scored ones at most; those behind have no target any more.
    ///
    /// ```
    /// use hairpin_train::PositionTargets;
    /// use ndarray::array;
    ///
    /// let targets = PositionTargets::new(&[array![[0.5]], array![[0.1], [0.2], [0.3]]], vec!["reactivity".into()])?;
    /// let first = targets.first(2);
    /// assert_eq!((first.scored(0), first.scored(1)), (1, 2));
    /// # Ok::<(), hairpin_train::TrainError>(())
    /// ```
    pub fn first(&self, positions: usize) -> Self {
        let of = |own: &[usize]| own[0]..own[1].min(own[0].saturating_add(positions));
        self.positions(self.starts.windows(2).map(of))
    }

    /// An example for each of these ranges of scored positions.
    fn positions(&self, examples: impl Iterator<Item = Range<usize>>) -> Self {
        let mut starts = vec![0];
        let mut positions = Vec::new();
        for example in examples {
            positions.extend(example);
            starts.push(positions.len());
        }
        Self {
            matrix: self.matrix.select(&positions).expect("positions there are"),
            weights: self.weights.select(Axis(0), &positions),
            starts,
        }
    }
}

impl TargetBatch<'_, PositionTargets> {
    /// The outputs at the scored positions of the batch, with their targets and weights, all `[positions, n_columns]`.
    ///
    /// # Panics
    ///
    /// When the outputs have fewer positions than are scored.
    pub(super) fn scored(&self, outputs: Tensor<3>) -> [Tensor<2>; 3] {
        let [batch, length, columns] = outputs.dims();
        assert_eq!(batch, self.rows.len(), "outputs: batch_size");
        let device: Device = outputs.device();
        let targets = self.target;
        let (mut places, mut values, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for (place, &row) in self.rows.iter().enumerate() {
            let scored = targets.scored(row);
            assert!(
                scored <= length,
                "outputs: length is {length}, example {row} has {scored} scored positions"
            );
            places.extend((0..scored).map(|position| (place * length + position) as i64));
            let own = targets.starts[row]..targets.starts[row + 1];
            values.extend(targets.matrix.values().slice(s![own.clone(), ..]));
            let weight = self.weight(row);
            let of_values = targets.weights.slice(s![own, ..]);
            weights.extend(of_values.iter().map(|own| own * weight));
        }
        let shape = [places.len(), targets.n_columns()];
        let upload = |values| Tensor::from_data(TensorData::new(values, shape), &device);
        let (values, weights) = (upload(values), upload(weights));
        let places = TensorData::new(places, [shape[0]]);
        let places = Tensor::<1, Int>::from_data(places, &device);
        let outputs = outputs.reshape([batch * length, columns]).select(0, places);
        [outputs, values, weights]
    }
}

fn stacked(examples: &[ArrayView2<'_, f32>], columns: usize) -> Array2<f32> {
    match examples.is_empty() {
        true => Array2::zeros((0, columns)),
        false => concatenate(Axis(0), examples).expect("as many columns"),
    }
}
