//! Products of matrices, through the `gemm` crate: the one file with `unsafe` in it.
//!
//! `gemm` takes pointers, sizes and strides. Here they come from slices, and every product checks before it calls that the last
//! element of each matrix lies in its slice; strides are not negative, so all others do. What is written is borrowed mutably and its
//! rows do not overlap, so nothing that is read can be written.

#![allow(unsafe_code)]

/// A matrix in a slice.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    /// Distance of two rows, and of two columns.
    strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// Rows one after another.
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns)
    }

    /// Rows that begin `stride` apart.
    pub(super) fn strided(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        Self {
            values,
            rows,
            columns,
            strides: [stride, 1],
        }
    }

    pub(super) fn transposed(self) -> Self {
        let [row, column] = self.strides;
        Self {
            rows: self.columns,
            columns: self.rows,
            strides: [column, row],
            ..self
        }
    }
}

/// A matrix to write, rows `stride` apart.
pub(super) struct MatrixMut<'a> {
    values: &'a mut [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> MatrixMut<'a> {
    /// Rows one after another.
    pub(super) fn new(values: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns)
    }

    /// Rows that begin `stride` apart.
    pub(super) fn strided(
        values: &'a mut [f32],
        rows: usize,
        columns: usize,
        stride: usize,
    ) -> Self {
        Self {
            values,
            rows,
            columns,
            stride,
        }
    }
}

/// What becomes of the values that stand where a product is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// They are overwritten.
    Drop,
    /// The product is added to them.
    Keep,
}

/// Who computes a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    /// The caller alone, who is one of many.
    One,
    /// All threads of the pool; the result does not depend on their number.
    All,
}

/// `out = scale · left · right`, or that added to `out`.
///
/// # Panics
///
/// When sizes do not fit together, a matrix is larger than its slice, or rows of `out` overlap.
pub(super) fn product(
    out: MatrixMut<'_>,
    before: Before,
    scale: f32,
    left: Matrix<'_>,
    right: Matrix<'_>,
    threads: Threads,
) {
    let (rows, inner, columns) = (left.rows, left.columns, right.columns);
    assert_eq!(inner, right.rows, "the inner sizes of a product");
    assert_eq!(
        [out.rows, out.columns],
        [rows, columns],
        "the size of a product"
    );
    if rows == 0 || columns == 0 {
        return;
    }
    if inner == 0 {
        if before == Before::Drop {
            for row in out.values.chunks_mut(out.stride.max(1)).take(rows) {
                row[..columns].fill(0.0);
            }
        }
        return;
    }
    assert!(
        rows == 1 || out.stride >= columns,
        "rows of a product overlap"
    );
    let fits = |length: usize, [rows, columns]: [usize; 2], [row, column]: [usize; 2]| {
        let last = |count: usize, stride: usize| (count - 1).checked_mul(stride);
        let index = last(rows, row).and_then(|i| i.checked_add(last(columns, column)?));
        index.is_some_and(|index| index < length && isize::try_from(length).is_ok())
    };
    for matrix in [left, right] {
        let inside = fits(
            matrix.values.len(),
            [matrix.rows, matrix.columns],
            matrix.strides,
        );
        assert!(inside, "a factor is larger than its slice");
    }
    let inside = fits(out.values.len(), [rows, columns], [out.stride, 1]);
    assert!(inside, "a product is larger than its slice");
    let parallelism = match threads {
        Threads::One => gemm::Parallelism::None,
        Threads::All => gemm::Parallelism::Rayon(0),
    };
    let keep = before == Before::Keep;
    // Strides below the length of a slice, which is below `isize::MAX`; a stride that is never walked may be anything.
    let stride = |stride: usize| isize::try_from(stride).unwrap_or(0);
    // SAFETY: by the checks above every `r · row + c · column` with `r` and `c` in range is an index of its slice; `out` is borrowed
    // mutably and so is apart from the factors; two of its elements are at one place only if their row and column are equal.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.values.as_mut_ptr(),
            1,
            stride(out.stride),
            keep,
            left.values.as_ptr(),
            stride(left.strides[1]),
            stride(left.strides[0]),
            right.values.as_ptr(),
            stride(right.strides[1]),
            stride(right.strides[0]),
            1.0,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{
        ChaCha8Rng,
        rand_core::{Rng, SeedableRng},
    };

    fn random(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
            .collect()
    }

    #[test]
    fn products_of_strided_and_transposed_matrices_equal_the_naive_loop() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for (rows, inner, columns) in [
            (1, 1, 1),
            (3, 5, 2),
            (17, 33, 9),
            (41, 64, 41),
            (70, 3, 130),
        ] {
            for (pad, before, threads) in [
                (0, Before::Drop, Threads::One),
                (3, Before::Keep, Threads::All),
            ] {
                let a = random(&mut rng, rows * (inner + pad));
                let b = random(&mut rng, columns * (inner + pad));
                let start = random(&mut rng, rows * (columns + pad));
                let mut found = start.clone();
                product(
                    MatrixMut::strided(&mut found, rows, columns, columns + pad),
                    before,
                    0.5,
                    Matrix::strided(&a, rows, inner, inner + pad),
                    Matrix::strided(&b, columns, inner, inner + pad).transposed(),
                    threads,
                );
                for r in 0..rows {
                    for c in 0..columns + pad {
                        let at = r * (columns + pad) + c;
                        let sum: f32 = match c < columns {
                            true => (0..inner)
                                .map(|k| a[r * (inner + pad) + k] * b[c * (inner + pad) + k])
                                .sum(),
                            false => 0.0,
                        };
                        let kept = match before == Before::Keep || c >= columns {
                            true => start[at],
                            false => 0.0,
                        };
                        assert!((found[at] - kept - 0.5 * sum).abs() < 1e-5);
                    }
                }
            }
        }
    }

    #[test]
    fn without_an_inner_size_a_product_is_zero() {
        let mut out = [7.0; 4];
        let none = Matrix::new(&[], 2, 0);
        product(
            MatrixMut::new(&mut out, 2, 2),
            Before::Keep,
            1.0,
            none,
            none.transposed(),
            Threads::One,
        );
        assert_eq!(out, [7.0; 4]);
        product(
            MatrixMut::new(&mut out, 2, 2),
            Before::Drop,
            1.0,
            none,
            none.transposed(),
            Threads::One,
        );
        assert_eq!(out, [0.0; 4]);
    }

    #[test]
    #[should_panic(expected = "a factor is larger than its slice")]
    fn a_factor_that_leaves_its_slice_is_refused() {
        let mut out = [0.0; 4];
        let short = [0.0; 3];
        product(
            MatrixMut::new(&mut out, 2, 2),
            Before::Drop,
            1.0,
            Matrix::new(&short, 2, 2),
            Matrix::new(&[0.0; 4], 2, 2),
            Threads::One,
        );
    }

    #[test]
    #[should_panic(expected = "rows of a product overlap")]
    fn overlapping_rows_are_refused() {
        let mut out = [0.0; 4];
        product(
            MatrixMut::strided(&mut out, 2, 2, 1),
            Before::Drop,
            1.0,
            Matrix::new(&[0.0; 4], 2, 2),
            Matrix::new(&[0.0; 4], 2, 2),
            Threads::One,
        );
    }
}
