//! What all controls of numbers have in common.

use ndarray::Array2;

use crate::{TargetError, TargetMatrix};

/// A fitted control that predicts a row of targets for each row of inputs.
///
/// `X` is what it knows of the rows: `[Seq<A>]` for sequences, `Array2<f32>` for features, `[usize]` for a group each,
/// `[(usize, usize)]` for two groups each. Controls that know nothing take any of them, so that all that can stand beside
/// one model fit into one list:
///
/// ```
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::control::{ColumnAverage, Constant, GroupAverage, Regressor};
/// use hairpin_targets::metrics::Comparison;
/// use ndarray::array;
///
/// let names = || vec!["gene 1".to_string(), "gene 2".to_string()];
/// let train = TargetMatrix::new(array![[1., 4.], [3., 0.], [8., 2.]], names())?;
/// let test = TargetMatrix::new(array![[2., 3.], [7., 2.]], names())?;
/// let (train_cells, test_cells) = ([0, 0, 1], [0, 1]);
///
/// let controls: Vec<Box<dyn Regressor<[usize]>>> = vec![
///     Box::new(Constant::ZERO.fit(&train)),
///     Box::new(ColumnAverage::MEAN.fit(&train)?),
///     Box::new(GroupAverage::MEAN.fit(&train, &train_cells)?),
/// ];
/// let mut table = String::new();
/// for control in &controls {
///     let predicted = control.predict(&test_cells)?;
///     let mrrmse = Comparison::new(&predicted, &test)?.mrrmse().unwrap();
///     table += &format!("{}: {mrrmse:.3}\n", control.name());
/// }
/// assert_eq!(table, "constant 0: 3.849\ncolumn mean: 1.851\ngroup mean: 0.707\n");
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
pub trait Regressor<X: Rows + ?Sized> {
    /// What to call it in a table, settings included: `ridge on 5-mers, strength 0.1`.
    fn name(&self) -> String;

    /// The targets of each row, in the columns that it was fitted to.
    ///
    /// # Errors
    ///
    /// If the rows are not of the kind it was fitted to, or a prediction is not finite.
    fn predict(&self, rows: &X) -> Result<TargetMatrix, TargetError>;
}

/// Anything that has rows.
pub trait Rows {
    /// Number of rows.
    fn n_rows(&self) -> usize;
}

impl<T> Rows for [T] {
    fn n_rows(&self) -> usize {
        self.len()
    }
}

impl<T> Rows for Vec<T> {
    fn n_rows(&self) -> usize {
        self.len()
    }
}

impl<T> Rows for Array2<T> {
    fn n_rows(&self) -> usize {
        self.nrows()
    }
}

/// Refuses training rows that are none, or not one for each row of targets.
pub(super) fn check_rows(
    what: &'static str,
    found: usize,
    train: &TargetMatrix,
) -> Result<(), TargetError> {
    if found != train.n_rows() {
        return Err(TargetError::Length {
            what,
            expected: train.n_rows(),
            found,
        });
    }
    if train.n_rows() == 0 {
        return Err(TargetError::NoRows {
            what: "the matrix of training targets",
        });
    }
    Ok(())
}

/// Refuses features that are NaN or infinite.
pub(super) fn check_finite(features: &Array2<f32>) -> Result<(), TargetError> {
    match features
        .indexed_iter()
        .find(|(_, value)| !value.is_finite())
    {
        Some(((row, feature), &value)) => Err(TargetError::Feature {
            row,
            feature,
            value,
        }),
        None => Ok(()),
    }
}
