//! The gradient of an output by the input, as it is, by its size, and times the input.

use super::refused;
use crate::TrainError;
use burn::tensor::Tensor;

/// `∂f/∂x`: how fast column `output` of `f` grows with each value of each input.
///
/// `f` must treat rows alone, as a network in evaluation does: [`as_function`](super::as_function) makes one of a model.
///
/// # Shapes
///
/// inputs `[batch_size, length, channels]`, of which `f` makes `[batch_size, n_outputs]` -> the inputs' shapes, without autodiff
///
/// # Errors
///
/// [`TrainError::Explanation`] when `f` has no column `output`.
///
/// # Panics
///
/// When `f` gives another number of rows than the inputs have.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_train::explain::{gradient, input_x_gradient};
///
/// let device = Device::flex();
/// // One sequence of two positions and one channel; the output is 2 a b.
/// let f = |[x]: [Tensor<3>; 1]| x.prod_dim(1).reshape([1, 1]) * 2.0;
/// let x = Tensor::<3>::from_data([[[3.0], [5.0]]], &device);
/// let [slopes] = gradient(f, [x.clone()], 0)?;
/// assert_eq!(slopes.into_data().iter::<f32>().collect::<Vec<_>>(), [10.0, 6.0]);
/// let [products] = input_x_gradient(f, [x], 0)?;
/// assert_eq!(products.into_data().iter::<f32>().collect::<Vec<_>>(), [30.0, 30.0]);
/// # Ok::<(), hairpin_train::TrainError>(())
/// ```
pub fn gradient<const N: usize>(
    f: impl Fn([Tensor<3>; N]) -> Tensor<2>,
    inputs: [Tensor<3>; N],
    output: usize,
) -> Result<[Tensor<3>; N], TrainError> {
    differentiate(&f, inputs, output)
}

/// `|∂f/∂x|`: how sensitive the output is to each value (Simonyan et al. 2013, arXiv:1312.6034).
///
/// Shapes, errors and panics as for [`gradient`].
///
/// # Errors
///
/// As [`gradient`].
pub fn saliency<const N: usize>(
    f: impl Fn([Tensor<3>; N]) -> Tensor<2>,
    inputs: [Tensor<3>; N],
    output: usize,
) -> Result<[Tensor<3>; N], TrainError> {
    Ok(differentiate(&f, inputs, output)?.map(Tensor::abs))
}

/// `x ∂f/∂x`: what each value contributes to a linear function with the slopes at `x` (Shrikumar et al. 2016, arXiv:1605.01713).
///
/// Shapes, errors and panics as for [`gradient`].
///
/// # Errors
///
/// As [`gradient`].
pub fn input_x_gradient<const N: usize>(
    f: impl Fn([Tensor<3>; N]) -> Tensor<2>,
    inputs: [Tensor<3>; N],
    output: usize,
) -> Result<[Tensor<3>; N], TrainError> {
    let mut slopes = differentiate(&f, inputs.clone(), output)?.into_iter();
    Ok(inputs.map(|x| x.inner() * slopes.next().expect("a slope for each input")))
}

/// See [`gradient`].
pub(super) fn differentiate<const N: usize>(
    f: &impl Fn([Tensor<3>; N]) -> Tensor<2>,
    inputs: [Tensor<3>; N],
    output: usize,
) -> Result<[Tensor<3>; N], TrainError> {
    let inputs = inputs.map(|x| x.inner().autodiff().require_grad());
    let rows = inputs.first().map_or(0, |x| x.dims()[0]);
    let outputs = f(inputs.clone());
    assert_rows(&outputs, rows);
    let selected = column(&outputs, output);
    // A graph stays in memory until it is walked, so it is walked even when nobody wants what comes out.
    let sum = match &selected {
        Ok(selected) => selected.clone().sum(),
        Err(_) => outputs.sum(),
    };
    let mut grads = sum.is_tracked().then(|| sum.backward());
    let found = inputs.map(|x| {
        let grad = grads.as_mut().and_then(|grads| x.grad_remove(grads));
        // An input that the output does not depend on is not in the graph.
        grad.unwrap_or_else(|| x.inner().zeros_like())
    });
    selected.map(|_| found)
}

fn assert_rows(outputs: &Tensor<2>, rows: usize) {
    let found = outputs.dims()[0];
    assert_eq!(found, rows, "the explained function's batch_size");
}

/// Column `output`, `[batch_size, 1]`.
fn column(outputs: &Tensor<2>, output: usize) -> Result<Tensor<2>, TrainError> {
    let [_, columns] = outputs.dims();
    if output >= columns {
        let expected = format!("a column of the {columns} outputs, counted from 0");
        return Err(refused("output", output, expected));
    }
    Ok(outputs.clone().slice_dim(1, output..output + 1))
}

/// Column `output` of `f`, without a graph.
pub(super) fn evaluate<const N: usize>(
    f: &impl Fn([Tensor<3>; N]) -> Tensor<2>,
    inputs: [Tensor<3>; N],
    output: usize,
) -> Result<Vec<f64>, TrainError> {
    let rows = inputs.first().map_or(0, |x| x.dims()[0]);
    let outputs = f(inputs.map(Tensor::inner)).inner();
    assert_rows(&outputs, rows);
    let column = column(&outputs, output)?;
    Ok(column.into_data().iter::<f32>().map(f64::from).collect())
}
