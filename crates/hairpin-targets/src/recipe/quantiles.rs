//! Quantiles of every column: some columns at a time are copied out, so that no pass strides down the matrix.

use rayon::prelude::*;

use super::stage::Stage;
use super::step::{FittedStep, Refusal, Way};

/// Columns that are copied out at once: one cache line of `f32`, so that each line of the matrix is read once.
const COLUMNS: usize = 16;
/// Rows that are loaded at once.
const ROWS: usize = 256;

/// The given quantiles, ascending from 0 to 1, of each column's measured values after the steps.
///
/// A column without any has none.
pub(super) fn quantiles(
    stage: &Stage<'_>,
    steps: &[FittedStep],
    at: &[f64],
) -> Result<Vec<Vec<f64>>, Refusal> {
    let all: Vec<usize> = (0..stage.n_rows()).collect();
    let firsts: Vec<usize> = (0..stage.n_columns()).step_by(COLUMNS).collect();
    let found: Vec<Result<Vec<Vec<f64>>, Refusal>> = firsts
        .par_iter()
        .map(|&first| {
            let width = COLUMNS.min(stage.n_columns() - first);
            let mut columns = vec![Vec::with_capacity(all.len()); width];
            let mut values = vec![0.0; ROWS * width];
            for rows in all.chunks(ROWS) {
                let values = &mut values[..rows.len() * width];
                stage.load((steps, Way::Forward), rows, (first, width), values)?;
                for (offset, column) in columns.iter_mut().enumerate() {
                    let values = values.iter().skip(offset).step_by(width);
                    if stage.is_complete() {
                        column.extend(values);
                    } else {
                        column.extend(values.filter(|value| !value.is_nan()));
                    }
                }
            }
            Ok(columns
                .iter_mut()
                .map(|column| of_values(column, at))
                .collect())
        })
        .collect();
    let mut quantiles = Vec::with_capacity(stage.n_columns());
    for found in found {
        quantiles.extend(found?);
    }
    Ok(quantiles)
}

/// Quantiles of values in any order, which are put into another one: linear between the order statistics at
/// `h = (n - 1) q`, rounded up and down.
pub(crate) fn of_values(values: &mut [f64], at: &[f64]) -> Vec<f64> {
    if values.is_empty() {
        return Vec::new();
    }
    let last = values.len() - 1;
    // A selection is linear in the values; beyond a few of them sorting once is less work.
    let sorted = at.len() > 8;
    if sorted {
        values.sort_unstable_by(f64::total_cmp);
    }
    let mut selected = 0;
    at.iter()
        .map(|&q| {
            let h = last as f64 * q;
            let below = (h as usize).min(last);
            let above = (below + 1).min(last);
            if !sorted {
                // Everything before `selected` is already no larger than what follows.
                let (_, _, rest) =
                    values[selected..].select_nth_unstable_by(below - selected, f64::total_cmp);
                if above > below {
                    let next = (0..rest.len()).min_by(|&a, &b| rest[a].total_cmp(&rest[b]));
                    rest.swap(0, next.unwrap_or(0));
                }
                selected = below;
            }
            interpolate(values[below], values[above], h - below as f64)
        })
        .collect()
}

/// From `a` to `b`, monotone in `t` and exact at both ends.
fn interpolate(a: f64, b: f64, t: f64) -> f64 {
    if t < 0.5 {
        a + (b - a) * t
    } else {
        b - (b - a) * (1.0 - t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quartiles_by_hand() {
        // Ranks 0.75, 1.5 and 2.25 of 1, 2, 4, 8.
        assert_eq!(
            of_values(&mut [8.0, 1.0, 4.0, 2.0], &[0.25, 0.5, 0.75]),
            [1.75, 3.0, 5.0]
        );
        assert_eq!(of_values(&mut [3.0], &[0.0, 0.3, 1.0]), [3.0; 3]);
        assert!(of_values(&mut [], &[0.5]).is_empty());
    }

    proptest! {
        #[test]
        fn selecting_finds_what_sorting_finds(
            values in prop::collection::vec(-5i8..5, 1..40),
            mut at in prop::collection::vec(0.0f64..=1.0, 1..6),
        ) {
            at.sort_by(f64::total_cmp);
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let expected: Vec<f64> = at.iter().map(|q| {
                let h = (sorted.len() - 1) as f64 * q;
                let (below, above) = (h.floor() as usize, h.ceil() as usize);
                interpolate(sorted[below], sorted[above], h - h.floor())
            }).collect();
            let found = of_values(&mut values.clone(), &at);
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found - expected).abs() < 1e-12);
            }
        }
    }
}
