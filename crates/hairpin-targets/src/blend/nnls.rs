//! Least squares with no weight below 0.

/// Minimises `‖Σ_k w_k columns_k - y‖²` over `w ≥ 0`, by the active sets of Lawson and Hanson (1974), chapter 23.
///
/// The columns are first reduced to a triangle of their own number, so that the time hardly depends on how often the set changes. Of
/// columns that depend on others the first ones count.
pub(super) fn solve(columns: Vec<Vec<f64>>, y: Vec<f64>) -> Vec<f64> {
    let k = columns.len();
    let mut all = columns;
    all.push(y);
    let mut columns = triangle(all);
    let y = columns.pop().unwrap_or_default();
    let lengths: Vec<f64> = columns
        .iter()
        .map(|column| dot(column, column).sqrt())
        .collect();
    let scale = dot(&y, &y).sqrt();

    let mut weights = vec![0.0; k];
    let mut free: Vec<usize> = Vec::new();
    // Columns whose entry would not lower the error but for rounding.
    let mut useless = vec![false; k];
    // Every round but those of a useless column lowers the error, and so no set comes twice; the bound is against rounding.
    for _ in 0..30 * (k + 1) {
        let mut rest = y.clone();
        for (column, weight) in columns.iter().zip(&weights) {
            rest.iter_mut()
                .zip(column)
                .for_each(|(r, c)| *r -= weight * c);
        }
        let slope = |j: usize| dot(&columns[j], &rest);
        let gain = |j: usize| slope(j) / lengths[j].max(f64::MIN_POSITIVE);
        let bound = 1e-13 * scale;
        let next = (0..k)
            .filter(|j| !free.contains(j) && !useless[*j] && gain(*j) > bound)
            .reduce(|a, b| if gain(b) > gain(a) { b } else { a });
        let Some(next) = next else {
            break;
        };
        free.push(next);
        free.sort_unstable();
        let mut solution = on_free(&columns, &y, &free);
        if solution[free.iter().position(|&j| j == next).unwrap_or_default()] <= 0.0 {
            free.retain(|&j| j != next);
            useless[next] = true;
            continue;
        }
        useless.fill(false);
        while solution.iter().any(|&weight| weight <= 0.0) {
            // As far towards the solution as no weight falls below 0; those that reach it leave, at least one.
            let share = |j: usize, s: f64| {
                if s <= 0.0 {
                    weights[j] / (weights[j] - s)
                } else {
                    1.0
                }
            };
            let shares: Vec<f64> = free
                .iter()
                .zip(&solution)
                .map(|(&j, &s)| share(j, s))
                .collect();
            let step = shares.iter().copied().fold(1.0, f64::min);
            for (&j, s) in free.iter().zip(&solution) {
                weights[j] += step * (s - weights[j]);
            }
            let leave = |j: usize, (s, share): (&f64, &f64)| {
                *s <= 0.0 && (*share <= step || weights[j] <= 0.0)
            };
            let reached = free.iter().zip(solution.iter().zip(&shares));
            let reached: Vec<usize> = reached
                .filter(|&(&j, at)| leave(j, at))
                .map(|(&j, _)| j)
                .collect();
            free.retain(|j| !reached.contains(j));
            reached.iter().for_each(|&j| weights[j] = 0.0);
            solution = on_free(&columns, &y, &free);
        }
        for (&j, s) in free.iter().zip(&solution) {
            weights[j] = s.max(0.0);
        }
    }
    weights
}

/// The least squares of the free columns, without bounds.
fn on_free(columns: &[Vec<f64>], y: &[f64], free: &[usize]) -> Vec<f64> {
    let mut chosen: Vec<Vec<f64>> = free.iter().map(|&j| columns[j].clone()).collect();
    chosen.push(y.to_vec());
    let r = triangle(chosen);
    let n = free.len();
    let mut solution = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| r[j][i] * solution[j]).sum();
        // A column that depends on the others has no diagonal.
        solution[i] = if r[i][i] > 0.0 {
            (r[n][i] - known) / r[i][i]
        } else {
            0.0
        };
    }
    solution
}

/// The columns of the upper triangle `R` of `A = QR`, by modified Gram-Schmidt: they have the same products as those of `A`.
///
/// With the right-hand side as the last column, the solution from it is as accurate as from Householder's: Björck (1967),
/// [doi:10.1007/BF01934122](https://doi.org/10.1007/BF01934122).
fn triangle(mut columns: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let k = columns.len();
    let mut r = vec![vec![0.0; k]; k];
    for i in 0..k {
        let (done, rest) = columns.split_at_mut(i + 1);
        let own = &mut done[i];
        let length = dot(own, own).sqrt();
        // What rounding leaves of a column that depends on those before it.
        let before: f64 = r[i].iter().map(|v| v * v).sum::<f64>().sqrt();
        if length <= 1e-13 * before.max(length) || length == 0.0 {
            continue;
        }
        r[i][i] = length;
        own.iter_mut().for_each(|value| *value /= length);
        for (other, r) in rest.iter_mut().zip(&mut r[i + 1..]) {
            let shared = dot(own, other);
            r[i] = shared;
            other
                .iter_mut()
                .zip(own.iter())
                .for_each(|(o, q)| *o -= shared * q);
        }
    }
    r
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
