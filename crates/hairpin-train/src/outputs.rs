//! [`Outputs`]: how many answers a model gives to an example, one or one at every position.

use burn::tensor::Tensor;
use ndarray::{Array2, ArrayView2, Axis, s};

/// The raw outputs of a batch, and what predictions of a whole split are made of.
///
/// | outputs of a batch | | predictions |
/// |---|---|---|
/// | `Tensor<2>` | `[batch_size, n_outputs]` | `Array2<f32>`, `[n_examples, n_outputs]` |
/// | `Tensor<3>` | `[batch_size, length, n_outputs]`, padded | `Vec<Array2<f32>>`, for each example `[its length, n_outputs]` |
///
/// A [`Model`](hairpin_models::Model), an [`Objective`](crate::Objective) and with them [`fit`](crate::fit) and
/// [`predict`](crate::predict) are of the first kind unless they say otherwise.
pub trait Outputs: Sized {
    /// Predictions for many examples, without padding.
    type Predictions: Predictions;

    /// The answers of a batch's examples, which have these `lengths`: each `[1, n_outputs]` or `[length, n_outputs]`.
    ///
    /// # Panics
    ///
    /// When the outputs have fewer positions than an example, or are no `f32`.
    fn rows(self, lengths: &[usize]) -> Vec<Array2<f32>>;
}

/// Predictions for many examples, which are put together from theirs and looked up again.
pub trait Predictions: Sized {
    /// Number of examples.
    fn n_rows(&self) -> usize;

    /// Number of outputs per example, or per position; 0 where nothing says it.
    fn n_outputs(&self) -> usize;

    /// The predictions for one example: `[1, n_outputs]` or `[positions, n_outputs]`.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    fn row(&self, row: usize) -> ArrayView2<'_, f32>;

    /// The predictions of which these are the rows.
    ///
    /// # Panics
    ///
    /// When a row is not `[.., n_outputs]`.
    fn from_rows(rows: Vec<Array2<f32>>, n_outputs: usize) -> Self;
}

impl Outputs for Tensor<2> {
    type Predictions = Array2<f32>;

    fn rows(self, lengths: &[usize]) -> Vec<Array2<f32>> {
        let [rows, outputs] = self.dims();
        assert_eq!(rows, lengths.len(), "outputs: batch_size");
        values(self, (rows, outputs))
            .axis_chunks_iter(Axis(0), 1)
            .map(|row| row.to_owned())
            .collect()
    }
}

impl Predictions for Array2<f32> {
    fn n_rows(&self) -> usize {
        self.nrows()
    }

    fn n_outputs(&self) -> usize {
        self.ncols()
    }

    fn row(&self, row: usize) -> ArrayView2<'_, f32> {
        self.slice(s![row..row + 1, ..])
    }

    fn from_rows(rows: Vec<Array2<f32>>, n_outputs: usize) -> Self {
        let mut all = Vec::with_capacity(rows.len() * n_outputs);
        for row in &rows {
            assert_eq!(row.dim(), (1, n_outputs), "row: [1, n_outputs]");
            all.extend(row);
        }
        Array2::from_shape_vec((rows.len(), n_outputs), all).expect("as many values as rows say")
    }
}

impl Outputs for Tensor<3> {
    type Predictions = Vec<Array2<f32>>;

    fn rows(self, lengths: &[usize]) -> Vec<Array2<f32>> {
        let [rows, positions, outputs] = self.dims();
        assert_eq!(rows, lengths.len(), "outputs: batch_size");
        let values = values(self, (rows * positions, outputs));
        lengths
            .iter()
            .enumerate()
            .map(|(row, &length)| {
                assert!(
                    length <= positions,
                    "outputs: length is {positions}, an example has {length} positions"
                );
                let start = row * positions;
                values.slice(s![start..start + length, ..]).to_owned()
            })
            .collect()
    }
}

impl Predictions for Vec<Array2<f32>> {
    fn n_rows(&self) -> usize {
        self.len()
    }

    fn n_outputs(&self) -> usize {
        self.first().map_or(0, Array2::ncols)
    }

    fn row(&self, row: usize) -> ArrayView2<'_, f32> {
        self[row].view()
    }

    fn from_rows(rows: Vec<Array2<f32>>, n_outputs: usize) -> Self {
        for row in &rows {
            assert_eq!(row.ncols(), n_outputs, "row: [positions, n_outputs]");
        }
        rows
    }
}

fn values<const D: usize>(outputs: Tensor<D>, shape: (usize, usize)) -> Array2<f32> {
    let values = outputs
        .into_data()
        .try_into_vec::<f32>()
        .expect("a model's outputs are f32");
    Array2::from_shape_vec(shape, values).expect("as many values as the shape says")
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use ndarray::array;

    #[test]
    fn padding_is_cut_off_and_rows_are_found_again() {
        let device = Device::flex();
        let data: Vec<f32> = (0..12).map(|value| value as f32).collect();
        let outputs = Tensor::<3>::from_data(TensorData::new(data, [2, 3, 2]), &device);
        let rows = outputs.rows(&[1, 3]);
        let expected = [
            array![[0.0f32, 1.0]],
            array![[6.0, 7.0], [8.0, 9.0], [10.0, 11.0]],
        ];
        assert_eq!(rows, expected);
        let all = Vec::from_rows(rows, 2);
        assert_eq!((all.n_rows(), all.n_outputs()), (2, 2));
        assert_eq!(Predictions::row(&all, 1), expected[1]);

        let outputs = Tensor::<2>::from_data([[1.0f32, 2.0], [3.0, 4.0]], &device);
        let all = Array2::from_rows(outputs.rows(&[5, 1]), 2);
        assert_eq!(all, array![[1.0, 2.0], [3.0, 4.0]]);
        assert_eq!(Predictions::row(&all, 1), array![[3.0, 4.0]]);
    }
}
