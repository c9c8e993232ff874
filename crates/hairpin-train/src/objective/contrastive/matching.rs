//! The assignment problem.

use ndarray::ArrayView2;

/// What stands for a value that is not there.
const NOT_THERE: f64 = -1e12;

/// Rows and columns matched one to one, as many as there are of the fewer, so that the sum of the values is the largest; by row.
///
/// The Hungarian method with shortest augmenting paths, `O(n² m)` for `n <= m` (Jonker & Volgenant 1987, doi:10.1007/BF02278710).
pub(super) fn best_matching(values: ArrayView2<'_, f32>) -> Vec<(usize, usize)> {
    let (rows, columns) = values.dim();
    if rows > columns {
        let turned = best_matching(values.t());
        let mut pairs: Vec<(usize, usize)> = turned.into_iter().map(|(a, b)| (b, a)).collect();
        pairs.sort_unstable();
        return pairs;
    }
    let cost = |row: usize, column: usize| -f64::from(values[[row, column]]).max(NOT_THERE);
    // Numbered from 1; 0 is nobody.
    let mut of_row = vec![0.0; rows + 1];
    let mut of_column = vec![0.0; columns + 1];
    let mut matched = vec![0; columns + 1];
    for row in 1..=rows {
        matched[0] = row;
        let mut column = 0;
        let mut least = vec![f64::INFINITY; columns + 1];
        let mut from = vec![0; columns + 1];
        let mut used = vec![false; columns + 1];
        while matched[column] != 0 {
            used[column] = true;
            let (own, mut step, mut next) = (matched[column], f64::INFINITY, 0);
            for other in 1..=columns {
                if used[other] {
                    continue;
                }
                let reduced = cost(own - 1, other - 1) - of_row[own] - of_column[other];
                if reduced < least[other] {
                    (least[other], from[other]) = (reduced, column);
                }
                if least[other] < step {
                    (step, next) = (least[other], other);
                }
            }
            for other in 0..=columns {
                if used[other] {
                    of_row[matched[other]] += step;
                    of_column[other] -= step;
                } else {
                    least[other] -= step;
                }
            }
            column = next;
        }
        while column != 0 {
            matched[column] = matched[from[column]];
            column = from[column];
        }
    }
    let mut pairs: Vec<(usize, usize)> = (1..=columns)
        .filter(|&column| matched[column] != 0)
        .map(|column| (matched[column] - 1, column - 1))
        .collect();
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    /// The largest sum by trying all.
    fn by_trying(values: ArrayView2<'_, f32>, row: usize, taken: &mut Vec<usize>) -> f64 {
        if row == values.nrows() {
            return 0.0;
        }
        let mut best = f64::NEG_INFINITY;
        for column in 0..values.ncols() {
            if taken.contains(&column) {
                continue;
            }
            taken.push(column);
            let rest = by_trying(values, row + 1, taken);
            best = best.max(f64::from(values[[row, column]]) + rest);
            taken.pop();
        }
        best
    }

    #[test]
    fn no_other_matching_has_a_larger_sum() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for trial in 0..200 {
            let (rows, columns) = (1 + trial % 5, 1 + trial / 5 % 6);
            let values = Array2::from_shape_fn((rows, columns), |_| rng.random_range(-3.0..3.0f32));
            let pairs = best_matching(values.view());
            let fewer = rows.min(columns);
            assert_eq!(pairs.len(), fewer);
            let mut seen: Vec<usize> = pairs.iter().map(|pair| pair.1).collect();
            seen.sort_unstable();
            seen.dedup();
            assert!(seen.len() == fewer && pairs.is_sorted());
            let sum: f64 = pairs.iter().map(|&pair| f64::from(values[pair])).sum();
            let wide = match rows <= columns {
                true => values.clone(),
                false => values.t().to_owned(),
            };
            let best = by_trying(wide.view(), 0, &mut Vec::new());
            assert!((sum - best).abs() < 1e-5, "{sum} {best}");
        }
    }

    #[test]
    fn what_is_not_there_is_matched_last() {
        let none = f32::NEG_INFINITY;
        let values = ndarray::array![[none, 1.0], [2.0, none]];
        assert_eq!(best_matching(values.view()), [(0, 1), (1, 0)]);
        assert_eq!(best_matching(Array2::zeros((0, 3)).view()), []);
    }
}
