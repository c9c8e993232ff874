//! The controls that predict a constant, or an average of what they were shown.

use std::collections::HashMap;

use ndarray::Array2;

use super::regressor::{Regressor, Rows, check_rows};
use crate::metrics::median;
use crate::{TargetError, TargetMatrix};

/// Which middle of some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Centre {
    /// Their mean, best in squared error.
    Mean,
    /// Their median, best in absolute error; of an even number the mean of the two in the middle.
    Median,
}

impl Centre {
    fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Median => "median",
        }
    }

    /// The middle of the values, which are reordered; `None` if there are none.
    fn of(self, values: &mut [f64]) -> Option<f64> {
        let n = values.len();
        match self {
            _ if n == 0 => None,
            Self::Mean => Some(values.iter().sum::<f64>() / n as f64),
            Self::Median => median(values),
        }
    }
}

/// What was measured of a column in some rows.
fn measured(train: &TargetMatrix, rows: impl Iterator<Item = usize>, column: usize) -> Vec<f64> {
    rows.filter(|&row| train.measured()[[row, column]])
        .map(|row| f64::from(train.values()[[row, column]]))
        .collect()
}

/// The centre of each column over all rows.
fn of_columns(centre: Centre, train: &TargetMatrix) -> Result<Vec<f64>, TargetError> {
    (0..train.n_columns())
        .map(|column| {
            let mut values = measured(train, 0..train.n_rows(), column);
            centre
                .of(&mut values)
                .ok_or_else(|| TargetError::EmptyColumn {
                    name: train.names()[column].clone(),
                })
        })
        .collect()
}

/// Predicts the same number everywhere; [`Constant::ZERO`] is the control of log fold changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant(pub f32);

impl Constant {
    /// Predicts 0: nothing happens.
    pub const ZERO: Self = Self(0.0);

    /// Learns the names of the columns and nothing else.
    pub fn fit(self, train: &TargetMatrix) -> FittedConstant {
        FittedConstant {
            value: self.0,
            names: train.names().to_vec(),
        }
    }
}

/// A [`Constant`] that knows its columns.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedConstant {
    value: f32,
    names: Vec<String>,
}

impl<X: Rows + ?Sized> Regressor<X> for FittedConstant {
    fn name(&self) -> String {
        format!("constant {}", self.value)
    }

    fn predict(&self, rows: &X) -> Result<TargetMatrix, TargetError> {
        let shape = (rows.n_rows(), self.names.len());
        TargetMatrix::new(Array2::from_elem(shape, self.value), self.names.clone())
    }
}

/// Predicts the mean or median of each column over the training rows, whatever the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnAverage(pub Centre);

impl ColumnAverage {
    /// The mean of each column.
    pub const MEAN: Self = Self(Centre::Mean);
    /// The median of each column.
    pub const MEDIAN: Self = Self(Centre::Median);

    /// Averages what was measured of each column.
    ///
    /// # Errors
    ///
    /// If a column has no measured value.
    pub fn fit(self, train: &TargetMatrix) -> Result<FittedColumnAverage, TargetError> {
        Ok(FittedColumnAverage {
            centre: self.0,
            centres: of_columns(self.0, train)?,
            names: train.names().to_vec(),
        })
    }
}

/// A [`ColumnAverage`] that has seen its training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedColumnAverage {
    centre: Centre,
    centres: Vec<f64>,
    names: Vec<String>,
}

impl<X: Rows + ?Sized> Regressor<X> for FittedColumnAverage {
    fn name(&self) -> String {
        format!("column {}", self.centre.name())
    }

    fn predict(&self, rows: &X) -> Result<TargetMatrix, TargetError> {
        let shape = (rows.n_rows(), self.names.len());
        let values = Array2::from_shape_fn(shape, |(_, column)| self.centres[column] as f32);
        TargetMatrix::new(values, self.names.clone())
    }
}

/// Predicts the mean or median of each row over its measured columns: what is known of a row whose other columns are asked
/// for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowAverage(pub Centre);

impl RowAverage {
    /// The mean of each row.
    pub const MEAN: Self = Self(Centre::Mean);
    /// The median of each row.
    pub const MEDIAN: Self = Self(Centre::Median);

    /// Averages what was measured of each row; a row without any gets the average of everything.
    ///
    /// # Errors
    ///
    /// If nothing was measured.
    pub fn fit(self, train: &TargetMatrix) -> Result<FittedRowAverage, TargetError> {
        let of_row = |row: usize| -> Vec<f64> {
            let entries = train
                .values()
                .row(row)
                .into_iter()
                .zip(train.measured().row(row));
            let counted = entries.filter(|&(_, &measured)| measured);
            counted.map(|(&value, _)| f64::from(value)).collect()
        };
        let mut all: Vec<f64> = (0..train.n_rows()).flat_map(of_row).collect();
        let overall = self.0.of(&mut all).ok_or(TargetError::NoRows {
            what: "the matrix of training targets, in what was measured,",
        })?;
        let rows = (0..train.n_rows()).map(|row| self.0.of(&mut of_row(row)).unwrap_or(overall));
        Ok(FittedRowAverage {
            centre: self.0,
            centres: rows.collect(),
            names: train.names().to_vec(),
        })
    }
}

/// A [`RowAverage`] that has seen its training rows, and is asked for some of them by number.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedRowAverage {
    centre: Centre,
    centres: Vec<f64>,
    names: Vec<String>,
}

impl Regressor<[usize]> for FittedRowAverage {
    fn name(&self) -> String {
        format!("row {}", self.centre.name())
    }

    fn predict(&self, rows: &[usize]) -> Result<TargetMatrix, TargetError> {
        crate::matrix::check_rows(rows, self.centres.len())?;
        let shape = (rows.len(), self.names.len());
        let values = Array2::from_shape_fn(shape, |(row, _)| self.centres[rows[row]] as f32);
        TargetMatrix::new(values, self.names.clone())
    }
}

/// Predicts the mean or median of each column over the training rows of the same group, such as the cell type.
///
/// A group that was not in the training rows, or of which a column was not measured, gets the column's average over all
/// rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupAverage(pub Centre);

impl GroupAverage {
    /// The mean of each group.
    pub const MEAN: Self = Self(Centre::Mean);
    /// The median of each group.
    pub const MEDIAN: Self = Self(Centre::Median);

    /// Averages what was measured of each column in each group.
    ///
    /// # Errors
    ///
    /// If there is not one group per row, there are no rows, or a column has no measured value.
    pub fn fit(
        self,
        train: &TargetMatrix,
        groups: &[usize],
    ) -> Result<FittedGroupAverage, TargetError> {
        check_rows("groups of the training rows", groups.len(), train)?;
        let overall = of_columns(self.0, train)?;
        let mut rows_of: HashMap<usize, Vec<usize>> = HashMap::new();
        for (row, &group) in groups.iter().enumerate() {
            rows_of.entry(group).or_default().push(row);
        }
        let centres = rows_of.into_iter().map(|(group, rows)| {
            let columns = overall.iter().enumerate().map(|(column, &overall)| {
                let mut values = measured(train, rows.iter().copied(), column);
                self.0.of(&mut values).unwrap_or(overall)
            });
            (group, columns.collect())
        });
        Ok(FittedGroupAverage {
            centre: self.0,
            centres: centres.collect(),
            overall,
            names: train.names().to_vec(),
        })
    }
}

/// A [`GroupAverage`] that has seen its training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedGroupAverage {
    centre: Centre,
    /// Centres of the columns, by group.
    centres: HashMap<usize, Vec<f64>>,
    overall: Vec<f64>,
    names: Vec<String>,
}

impl Regressor<[usize]> for FittedGroupAverage {
    fn name(&self) -> String {
        format!("group {}", self.centre.name())
    }

    fn predict(&self, rows: &[usize]) -> Result<TargetMatrix, TargetError> {
        let mut values = Array2::zeros((rows.len(), self.names.len()));
        for (mut row, group) in values.rows_mut().into_iter().zip(rows) {
            let centres = self.centres.get(group).unwrap_or(&self.overall);
            for (value, &centre) in row.iter_mut().zip(centres) {
                *value = centre as f32;
            }
        }
        TargetMatrix::new(values, self.names.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middles_by_hand() {
        assert_eq!(Centre::Median.of(&mut [4.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(Centre::Median.of(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(Centre::Mean.of(&mut [4.0, 1.0, 1.0]), Some(2.0));
        assert_eq!(Centre::Mean.of(&mut []), None);
    }
}
