//! How often each probe is drawn, by how strongly proteins bind it.

use crate::settings::Pools;
use hairpin::targets::TargetMatrix;

/// Odds of every probe, from its z-scores `[probes, proteins]`: each pool has its share. None where every probe comes once an epoch.
pub(crate) fn odds(targets: &TargetMatrix, pools: Pools) -> Option<Vec<f64>> {
    let shares = [pools.high, pools.hard, pools.mid, pools.low];
    if shares.iter().sum::<f64>() == 0.0 {
        return None;
    }
    let tops: Vec<(f32, f32)> = (0..targets.n_rows())
        .map(|row| two_largest(targets, row))
        .collect();
    let n = tops.len();
    let mut rows: Vec<usize> = (0..n).collect();
    rows.sort_by(|&a, &b| tops[b].0.total_cmp(&tops[a].0));
    let mut others = rows.split_off(n.div_ceil(10));
    let high = rows;
    others.sort_by(|&a, &b| tops[b].1.total_cmp(&tops[a].1));
    let mut rest = others.split_off(n.div_ceil(10).min(others.len()));
    let hard = others;
    rest.sort_by(|&a, &b| tops[b].0.total_cmp(&tops[a].0));
    let low = rest.split_off(rest.len() / 2);
    let mut odds = vec![0.0; n];
    for (rows, share) in [high, hard, rest, low].iter().zip(shares) {
        for &row in rows {
            odds[row] = share / rows.len() as f64;
        }
    }
    Some(odds)
}

/// The largest and the second largest value of what was measured of a row.
fn two_largest(targets: &TargetMatrix, row: usize) -> (f32, f32) {
    let mut top = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    let values = targets.values().row(row).into_iter();
    for (&value, &measured) in values.zip(targets.measured().row(row)) {
        if !measured {
            continue;
        }
        if value > top.0 {
            top = (value, top.0);
        } else if value > top.1 {
            top.1 = value;
        }
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn every_pool_has_its_share() {
        let values = Array2::from_shape_fn((200, 3), |(row, column)| {
            ((row * 37 + column * 71) % 200) as f32 / 50.0
        });
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let targets = TargetMatrix::new(values, names).unwrap();
        let pools = Pools {
            high: 0.6,
            mid: 0.15,
            low: 0.15,
            hard: 0.1,
        };
        let found = odds(&targets, pools).unwrap();
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let is = |wanted: f64| {
            let near = move |own: &&f64| (**own - wanted).abs() < 1e-12;
            found.iter().filter(near).count()
        };
        assert_eq!(
            (is(0.6 / 20.0), is(0.1 / 20.0), is(0.15 / 80.0)),
            (20, 20, 160)
        );
        let highest = (0..200).max_by(|&a, &b| {
            two_largest(&targets, a)
                .0
                .total_cmp(&two_largest(&targets, b).0)
        });
        assert_eq!(found[highest.unwrap()], 0.6 / 20.0);
        let none = Pools {
            high: 0.0,
            mid: 0.0,
            low: 0.0,
            hard: 0.0,
        };
        assert_eq!(odds(&targets, none), None);
    }
}
