//! A matrix on its way through the steps: blocks of it are brought into the cache, taken through all of them, and left.

use ndarray::{Array2, CowArray, Ix2};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::step::{FittedStep, Refusal, Way};
use crate::{TargetError, TargetMatrix};

/// Values of a block that are worked on at once: 32 KiB of `f64`, which the first cache holds.
const BLOCK_VALUES: usize = 4096;
/// Columns of a block at most, so that a wide matrix still has several rows in one.
const BLOCK_COLUMNS: usize = 512;
/// Values that one thread takes at a time.
const CHUNK_VALUES: usize = 1 << 18;

/// The values that some steps start from.
pub(super) struct Stage<'a> {
    base: Base<'a>,
    /// Mask, unless everything was measured.
    measured: Option<CowArray<'a, bool, Ix2>>,
    /// Group of each row, where a step needs it.
    groups: Option<&'a [usize]>,
    /// What the loops over a block are compiled for: they are plain loops, which widen with the machine's vectors.
    arch: Arch,
    n_rows: usize,
    n_columns: usize,
}

enum Base<'a> {
    Values(CowArray<'a, f32, Ix2>),
    Scores(Array2<f64>),
}

/// A block of rows and columns in the cache, row by row; NaN is what was not measured.
pub(super) struct Block<'a> {
    pub(super) values: &'a mut [f64],
    pub(super) rows: &'a [usize],
    pub(super) first_column: usize,
    pub(super) n_columns: usize,
    pub(super) groups: Option<&'a [usize]>,
}

/// Rows of a block of so many columns.
pub(super) fn block_rows(n_columns: usize) -> usize {
    (BLOCK_VALUES / n_columns.max(1)).max(1)
}

/// First columns and widths of the blocks that cover `n_columns`.
pub(super) fn column_blocks(n_columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n_columns)
        .step_by(BLOCK_COLUMNS)
        .map(move |first| (first, BLOCK_COLUMNS.min(n_columns - first)))
}

impl<'a> Stage<'a> {
    pub(super) fn new(targets: &'a TargetMatrix, groups: Option<&'a [usize]>) -> Self {
        let complete = targets.mask().is_complete();
        Self {
            base: Base::Values(targets.values().as_standard_layout()),
            measured: (!complete).then(|| targets.measured().as_standard_layout()),
            groups,
            arch: Arch::new(),
            n_rows: targets.n_rows(),
            n_columns: targets.n_columns(),
        }
    }

    /// All but the values, which [`overwrite`](Self::overwrite) is given.
    pub(super) fn without_values(
        targets: &'a TargetMatrix,
        (n_rows, n_columns): (usize, usize),
    ) -> Self {
        Self {
            n_rows,
            n_columns,
            ..Self::new(targets, None)
        }
    }

    /// Goes on from scores that an SVD made, or from what it made of scores: all of them measured.
    pub(super) fn from_scores(scores: Array2<f64>, groups: Option<&'a [usize]>) -> Self {
        let (n_rows, n_columns) = scores.dim();
        Self {
            base: Base::Scores(scores),
            measured: None,
            groups,
            arch: Arch::new(),
            n_rows,
            n_columns,
        }
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(super) fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// What the loops over a block run on.
    pub(super) fn arch(&self) -> Arch {
        self.arch
    }

    pub(super) fn groups(&self) -> Option<&'a [usize]> {
        self.groups
    }

    /// Whether every value was measured, so that no NaN can come up.
    pub(super) fn is_complete(&self) -> bool {
        self.measured.is_none()
    }

    /// The values themselves, row by row, where they are those of the matrix and all of them measured.
    pub(super) fn plain_values(&self) -> Option<&[f32]> {
        match &self.base {
            Base::Values(values) if self.is_complete() => values.as_slice(),
            _ => None,
        }
    }

    pub(super) fn is_measured(&self, row: usize, column: usize) -> bool {
        self.measured
            .as_ref()
            .is_none_or(|measured| measured[[row, column]])
    }

    /// Brings the given rows of some columns into `values` and takes them through the steps.
    pub(super) fn load(
        &self,
        steps: (&[FittedStep], Way),
        rows: &[usize],
        (first_column, n_columns): (usize, usize),
        values: &mut [f64],
    ) -> Result<(), Refusal> {
        let columns = first_column..first_column + n_columns;
        for (values, &row) in values.chunks_exact_mut(n_columns).zip(rows) {
            let start = row * self.n_columns;
            let range = start + columns.start..start + columns.end;
            match &self.base {
                Base::Values(base) => {
                    let base = &base.as_slice().expect("standard layout")[range];
                    self.arch.dispatch(Widen { values, base });
                }
                Base::Scores(base) => {
                    let base = base.as_slice().expect("standard layout");
                    values.copy_from_slice(&base[range]);
                }
            }
        }
        self.through(steps, rows, (first_column, n_columns), values)
    }

    /// Takes a block that was brought in through the steps.
    fn through(
        &self,
        (steps, way): (&[FittedStep], Way),
        rows: &[usize],
        (first_column, n_columns): (usize, usize),
        values: &mut [f64],
    ) -> Result<(), Refusal> {
        if let Some(measured) = &self.measured {
            let measured = measured.as_slice().expect("standard layout");
            for (values, &row) in values.chunks_exact_mut(n_columns).zip(rows) {
                let start = row * self.n_columns + first_column;
                let measured = &measured[start..start + n_columns];
                for (value, &measured) in values.iter_mut().zip(measured) {
                    *value = if measured { *value } else { f64::NAN };
                }
            }
        }
        let mut block = Block {
            values,
            rows,
            first_column,
            n_columns,
            groups: self.groups,
        };
        self.arch.dispatch(Through {
            steps,
            way,
            block: &mut block,
        })
    }

    /// Takes everything through the steps and hands each row's piece of each block to `store`, together with the place in
    /// a new matrix of the same shape where it belongs.
    pub(super) fn map<T: Copy + Default + Send + Sync>(
        &self,
        steps: (&[FittedStep], Way),
        store: impl Fn(usize, usize, &[f64], &mut [T]) -> Result<(), Refusal> + Sync,
    ) -> Result<Array2<T>, Refusal> {
        let mut out = Array2::from_elem((self.n_rows, self.n_columns), T::default());
        if self.n_rows == 0 || self.n_columns == 0 {
            return Ok(out);
        }
        let chunk_rows = (CHUNK_VALUES / self.n_columns).max(1);
        let chunks: Vec<Result<(), Refusal>> = out
            .as_slice_mut()
            .expect("a new array is contiguous")
            .par_chunks_mut(chunk_rows * self.n_columns)
            .enumerate()
            .map(|(chunk, out)| {
                let first = chunk * chunk_rows;
                let rows: Vec<usize> = (first..first + out.len() / self.n_columns).collect();
                let mut values = Vec::new();
                for columns in column_blocks(self.n_columns) {
                    let (first_column, width) = columns;
                    for rows in rows.chunks(block_rows(width)) {
                        values.resize(rows.len() * width, 0.0);
                        self.load(steps, rows, columns, &mut values)?;
                        for (values, &row) in values.chunks_exact(width).zip(rows) {
                            let start = (row - first) * self.n_columns + first_column;
                            store(row, first_column, values, &mut out[start..start + width])?;
                        }
                    }
                }
                Ok(())
            })
            .collect();
        // The first in the order of rows, whichever thread was the first to find one.
        chunks.into_iter().collect::<Result<(), Refusal>>()?;
        Ok(out)
    }

    /// Everything after the steps in `f64`, NaN where not measured.
    pub(super) fn to_f64(&self, steps: (&[FittedStep], Way)) -> Result<Array2<f64>, Refusal> {
        self.map(steps, |_, _, values, out| {
            out.copy_from_slice(values);
            Ok(())
        })
    }

    /// Everything after the steps in `f32`, 0 where not measured.
    pub(super) fn to_f32(&self, steps: (&[FittedStep], Way)) -> Result<Array2<f32>, Refusal> {
        self.map(steps, |row, first_column, values, out| {
            self.narrow(row, first_column, values, out)
        })
    }

    /// [`to_f32`](Self::to_f32) of values that are overwritten; this stage says all else of them.
    pub(super) fn overwrite(
        &self,
        steps: (&[FittedStep], Way),
        values: &mut [f32],
    ) -> Result<(), Refusal> {
        if values.is_empty() {
            return Ok(());
        }
        let chunk_rows = (CHUNK_VALUES / self.n_columns).max(1);
        let chunks: Vec<Result<(), Refusal>> = values
            .par_chunks_mut(chunk_rows * self.n_columns)
            .enumerate()
            .map(|(chunk, chunk_values)| {
                let first = chunk * chunk_rows;
                let rows: Vec<usize> =
                    (first..first + chunk_values.len() / self.n_columns).collect();
                let mut block = Vec::new();
                for columns in column_blocks(self.n_columns) {
                    let (first_column, width) = columns;
                    for rows in rows.chunks(block_rows(width)) {
                        block.resize(rows.len() * width, 0.0);
                        let place = |row: usize| {
                            let start = (row - first) * self.n_columns + first_column;
                            start..start + width
                        };
                        for (values, &row) in block.chunks_exact_mut(width).zip(rows) {
                            let base = &chunk_values[place(row)];
                            self.arch.dispatch(Widen { values, base });
                        }
                        self.through(steps, rows, columns, &mut block)?;
                        for (block, &row) in block.chunks_exact(width).zip(rows) {
                            self.narrow(row, first_column, block, &mut chunk_values[place(row)])?;
                        }
                    }
                }
                Ok(())
            })
            .collect();
        chunks.into_iter().collect()
    }

    /// Stores a piece of a row, which must be finite where it was measured.
    fn narrow(
        &self,
        row: usize,
        first_column: usize,
        values: &[f64],
        out: &mut [f32],
    ) -> Result<(), Refusal> {
        if self.arch.dispatch(Narrow { values, out }) {
            return Ok(());
        }
        for (offset, out) in out.iter_mut().enumerate() {
            let column = first_column + offset;
            if !self.is_measured(row, column) {
                *out = 0.0;
            } else if !out.is_finite() {
                return Err(Refusal {
                    step: "the recipe",
                    row,
                    column,
                    value: values[offset],
                    expected: "a result that a 32-bit float can hold",
                });
            }
        }
        Ok(())
    }

    /// What the steps make of standard errors, to first order: the product of the slopes at each value.
    pub(super) fn errors(
        &self,
        (steps, way): (&[FittedStep], Way),
        errors: &Array2<f32>,
    ) -> Result<Array2<f32>, Refusal> {
        let mut out = errors.as_standard_layout().into_owned();
        let slots = out.as_slice_mut().expect("standard layout");
        let all = 0..steps.len();
        let order: Vec<usize> = match way {
            Way::Forward => all.collect(),
            Way::Backward => all.rev().collect(),
        };
        let mut values = Vec::new();
        for row in 0..self.n_rows {
            for columns in column_blocks(self.n_columns) {
                let (first_column, width) = columns;
                values.resize(width, 0.0);
                self.load((&[], way), &[row], columns, &mut values)?;
                let start = row * self.n_columns + first_column;
                let errors = &mut slots[start..start + width];
                for &step in &order {
                    let mut block = Block {
                        values: &mut values,
                        rows: &[row],
                        first_column,
                        n_columns: width,
                        groups: self.groups,
                    };
                    for (offset, error) in errors.iter_mut().enumerate() {
                        let slope = steps[step].slope(&block, offset, way);
                        *error = (f64::from(*error) * slope) as f32;
                    }
                    match way {
                        Way::Forward => steps[step].forward(&mut block)?,
                        Way::Backward => steps[step].backward(&mut block),
                    }
                }
            }
        }
        Ok(out)
    }
}

/// The steps on a block, compiled for each kind of vector: a closure would be, too, but only if it were inlined.
struct Through<'a, 'b> {
    steps: &'a [FittedStep],
    way: Way,
    block: &'a mut Block<'b>,
}

impl WithSimd for Through<'_, '_> {
    type Output = Result<(), Refusal>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        match self.way {
            Way::Forward => {
                for step in self.steps {
                    step.forward(self.block)?;
                }
            }
            Way::Backward => {
                for step in self.steps.iter().rev() {
                    step.backward(self.block);
                }
            }
        }
        Ok(())
    }
}

/// A piece of a row on its way in.
struct Widen<'a> {
    values: &'a mut [f64],
    base: &'a [f32],
}

impl WithSimd for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (value, &base) in self.values.iter_mut().zip(self.base) {
            *value = f64::from(base);
        }
    }
}

/// A piece of a row on its way out, and whether all of it is finite.
struct Narrow<'a> {
    values: &'a [f64],
    out: &'a mut [f32],
}

impl WithSimd for Narrow<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        let mut odd = 0_u32;
        for (out, &value) in self.out.iter_mut().zip(self.values) {
            *out = value as f32;
            odd |= u32::from(out.to_bits() & INFINITE == INFINITE);
        }
        odd == 0
    }
}

/// The exponent of infinity and NaN.
const INFINITE: u32 = f32::INFINITY.to_bits();

impl Refusal {
    /// The error, with the name of the column.
    pub(super) fn into_error(self, names: &[String]) -> TargetError {
        TargetError::StepDomain {
            step: self.step,
            row: self.row,
            name: names.get(self.column).cloned().unwrap_or_default(),
            value: self.value,
            expected: self.expected,
        }
    }
}
