//! Intervals from resampled rows.

use std::collections::HashMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::estimate::{Estimate, Interval, check_level};
use super::metric::Direction;
use crate::TargetError;
use crate::normal;

/// The most resamples: their values take 8 MB, and no interval needs more.
const MAX_RESAMPLES: usize = 1_000_000;

/// The most parts that a jackknife leaves out one by one.
const MAX_JACKKNIFE: usize = 1000;

/// Settings of a bootstrap: rows are drawn with replacement, and a metric's spread over the draws is its interval.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `resamples` | 2000 | draws of as many rows as there are | 1 to 1,000,000 |
/// | `level` | 0.95 | share of the draws inside the interval | above 0, below 1 |
/// | `seed` | 0 | seed of the draws (ChaCha with 8 rounds, a stream per draw) | any |
/// | `ends` | percentile | how the ends are read off the draws | [`Ends`] |
///
/// Efron (1979), *Bootstrap methods: another look at the jackknife*,
/// [doi:10.1214/aos/1176344552](https://doi.org/10.1214/aos/1176344552). Rows that belong together (probes of one gene,
/// cells of one donor) are no independent draws: give their groups, and whole groups are drawn instead (Davison and
/// Hinkley (1997), *Bootstrap methods and their application*, section 3.8,
/// [doi:10.1017/CBO9780511802843](https://doi.org/10.1017/CBO9780511802843)).
///
/// Draws on which the metric is undefined are left out of the percentiles, and counted in the estimate's
/// [`method`](Estimate::method). The draws run in parallel and are the same at any number of threads.
///
/// ```
/// use hairpin_targets::metrics::{Bootstrap, Ends};
///
/// let errors = [0.1, 0.4, 0.2, 0.9, 0.3, 0.2, 0.5, 0.1];
/// let median = |rows: &[usize]| {
///     let mut drawn: Vec<f64> = rows.iter().map(|&row| errors[row]).collect();
///     drawn.sort_by(f64::total_cmp);
///     Some(drawn[drawn.len() / 2])
/// };
/// let bootstrap = Bootstrap { ends: Ends::Bca, ..Bootstrap::default() };
/// let estimate = bootstrap.estimate(errors.len(), None, median)?;
/// assert!(estimate.low <= 0.3 && 0.3 <= estimate.high);
/// # Ok::<(), hairpin_targets::TargetError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bootstrap {
    /// Number of draws.
    pub resamples: usize,
    /// Confidence level.
    pub level: f64,
    /// Seed of the draws.
    pub seed: u64,
    /// How the ends of the interval are read off the draws.
    pub ends: Ends,
}

/// How the ends of an interval are read off a metric's values on the resamples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// The percentiles `(1 - level) / 2` and `(1 + level) / 2`, interpolated linearly.
    #[default]
    Percentile,
    /// Percentiles corrected for bias and skewness. With `Φ` the normal distribution, `B` values `t*` on the resamples,
    /// `t` on the rows, `t_(i)` on the rows without part `i` and `t_(.)` their mean:
    ///
    /// ```text
    /// z0 = Φ⁻¹((#{t* < t} + #{t* <= t}) / 2B)                       kept within 1/2B and 1 - 1/2B
    /// a  = Σ(t_(.) - t_(i))³ / (6 (Σ(t_(.) - t_(i))²)^(3/2))        0 if all are equal
    /// q(α) = Φ(z0 + (z0 + Φ⁻¹(α)) / (1 - a (z0 + Φ⁻¹(α))))
    /// ```
    ///
    /// The parts left out are single rows or groups, or 1000 interleaved sets of them if there are more. Efron (1987),
    /// *Better bootstrap confidence intervals*,
    /// [doi:10.1080/01621459.1987.10478410](https://doi.org/10.1080/01621459.1987.10478410).
    Bca,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            resamples: 2000,
            level: 0.95,
            seed: 0,
            ends: Ends::Percentile,
        }
    }
}

/// Two models on the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The first model's metric.
    pub a: f64,
    /// The second model's metric.
    pub b: f64,
    /// `a - b`, with its interval.
    pub difference: Estimate,
    /// Share of the resamples on which the first model is better, a tie counting half.
    pub share_a_better: f64,
}

impl Bootstrap {
    /// A statistic of `n_rows` rows with its interval. `statistic` is given row numbers, some more than once, and
    /// returns `None` where it is undefined; `groups` names each row's group, to draw whole groups.
    ///
    /// # Errors
    ///
    /// If a setting is out of range, there are no rows, there is not one group per row, or the statistic of all rows or
    /// of every resample is undefined or not finite.
    pub fn estimate(
        self,
        n_rows: usize,
        groups: Option<&[usize]>,
        statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Result<Estimate, TargetError> {
        let units = self.units(n_rows, groups)?;
        let statistic = |rows: &[usize]| statistic(rows).filter(|value| value.is_finite());
        let values = self.resample(&units, &statistic);
        self.read_off(n_rows, &units, values, statistic)
    }

    /// Two models' statistics of the same rows and their difference `a - b`, computed on the same resamples.
    ///
    /// # Errors
    ///
    /// As [`estimate`](Self::estimate).
    pub fn compare(
        self,
        n_rows: usize,
        groups: Option<&[usize]>,
        direction: Direction,
        a: impl Fn(&[usize]) -> Option<f64> + Sync,
        b: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Result<Difference, TargetError> {
        let units = self.units(n_rows, groups)?;
        let both = |rows: &[usize]| {
            let (a, b) = (a(rows)?, b(rows)?);
            (a - b).is_finite().then_some((a, b))
        };
        let drawn = self.resample(&units, &both);
        let all: Vec<usize> = (0..n_rows).collect();
        let (of_a, of_b) = both(&all).ok_or(UNDEFINED)?;
        let values: Vec<Option<f64>> = drawn.iter().map(|ab| ab.map(|(a, b)| a - b)).collect();
        let statistic = |rows: &[usize]| both(rows).map(|(a, b)| a - b);
        let difference = self.read_off(n_rows, &units, values, statistic)?;
        let wins = drawn.iter().flatten().map(|&(a, b)| {
            if direction.is_better(a, b) {
                1.0
            } else if direction.is_better(b, a) {
                0.0
            } else {
                0.5
            }
        });
        Ok(Difference {
            a: of_a,
            b: of_b,
            difference,
            share_a_better: wins.sum::<f64>() / drawn.iter().flatten().count() as f64,
        })
    }

    /// What is drawn. Checks the settings.
    fn units(&self, n_rows: usize, groups: Option<&[usize]>) -> Result<Units, TargetError> {
        check_level(self.level)?;
        if self.resamples == 0 {
            return Err(TargetError::NoResamples);
        }
        if self.resamples > MAX_RESAMPLES {
            return Err(TargetError::TooManyResamples {
                resamples: self.resamples,
                max: MAX_RESAMPLES,
            });
        }
        if n_rows == 0 {
            return Err(TargetError::NoRows {
                what: "the list of rows to resample",
            });
        }
        let Some(groups) = groups else {
            return Ok(Units::Rows(n_rows));
        };
        if groups.len() != n_rows {
            return Err(TargetError::Length {
                what: "groups of the rows",
                expected: n_rows,
                found: groups.len(),
            });
        }
        // In the order in which the groups come first, so that their numbers do not matter.
        let (mut units, mut place) = (Vec::new(), HashMap::new());
        for (row, group) in groups.iter().enumerate() {
            let unit = *place.entry(group).or_insert(units.len());
            if unit == units.len() {
                units.push(Vec::new());
            }
            units[unit].push(row);
        }
        Ok(Units::Groups(units))
    }

    /// A statistic of each resample.
    fn resample<T: Send>(
        &self,
        units: &Units,
        statistic: &(impl Fn(&[usize]) -> T + Sync),
    ) -> Vec<T> {
        (0..self.resamples as u64)
            .into_par_iter()
            .map(|draw| {
                let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
                rng.set_stream(draw);
                let mut draw = |n: usize| rng.random_range(0..n);
                let rows: Vec<usize> = match units {
                    Units::Rows(n) => (0..*n).map(|_| draw(*n)).collect(),
                    Units::Groups(groups) => (0..groups.len())
                        .flat_map(|_| &groups[draw(groups.len())])
                        .copied()
                        .collect(),
                };
                statistic(&rows)
            })
            .collect()
    }

    fn read_off(
        &self,
        n_rows: usize,
        units: &Units,
        values: Vec<Option<f64>>,
        statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Result<Estimate, TargetError> {
        let all: Vec<usize> = (0..n_rows).collect();
        let value = statistic(&all).ok_or(UNDEFINED)?;
        let mut defined: Vec<f64> = values.iter().flatten().copied().collect();
        if defined.is_empty() {
            return Err(UNDEFINED);
        }
        let undefined = values.len() - defined.len();
        defined.sort_by(f64::total_cmp);
        let Self {
            resamples, seed, ..
        } = *self;
        let (shares, method) = match self.ends {
            Ends::Percentile => {
                let tail = (1.0 - self.level) / 2.0;
                let method = Interval::PercentileBootstrap {
                    resamples,
                    seed,
                    undefined,
                };
                ((tail, 1.0 - tail), method)
            }
            Ends::Bca => {
                let left_out = jackknife(n_rows, units, &statistic);
                let method = Interval::BcaBootstrap {
                    resamples,
                    seed,
                    undefined,
                };
                (bca_shares(&defined, value, &left_out, self.level), method)
            }
        };
        Ok(Estimate {
            value,
            low: percentile(&defined, shares.0),
            high: percentile(&defined, shares.1),
            level: self.level,
            method,
        })
    }
}

/// What is drawn: rows, or lists of them.
enum Units {
    Rows(usize),
    Groups(Vec<Vec<usize>>),
}

const UNDEFINED: TargetError = TargetError::Undefined { what: "the metric" };

/// The statistic without each unit, or each set of units, where it is defined.
fn jackknife(
    n_rows: usize,
    units: &Units,
    statistic: &(impl Fn(&[usize]) -> Option<f64> + Sync),
) -> Vec<f64> {
    let n_units = match units {
        Units::Rows(n) => *n,
        Units::Groups(groups) => groups.len(),
    };
    let parts = n_units.min(MAX_JACKKNIFE);
    let mut part_of: Vec<usize> = (0..n_rows).map(|row| row % parts).collect();
    if let Units::Groups(groups) = units {
        for (i, group) in groups.iter().enumerate() {
            group.iter().for_each(|&row| part_of[row] = i % parts);
        }
    }
    let left_out =
        |part| -> Vec<usize> { (0..n_rows).filter(|&row| part_of[row] != part).collect() };
    let parts = (0..parts).into_par_iter();
    parts
        .filter_map(|part| statistic(&left_out(part)))
        .collect()
}

/// The percentiles at which the bias-corrected and accelerated interval ends.
fn bca_shares(sorted: &[f64], value: f64, left_out: &[f64], level: f64) -> (f64, f64) {
    let n = sorted.len() as f64;
    let below = sorted.partition_point(|&v| v < value) + sorted.partition_point(|&v| v <= value);
    let z0 = normal::quantile((below as f64 / (2.0 * n)).clamp(0.5 / n, 1.0 - 0.5 / n));
    let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let power = |k| left_out.iter().map(|v| (mean - v).powi(k)).sum::<f64>();
    let acceleration = power(3) / (6.0 * power(2).powf(1.5));
    let acceleration = if acceleration.is_finite() {
        acceleration
    } else {
        0.0
    };
    let share = |alpha: f64| {
        let z = z0 + normal::quantile(alpha);
        normal::probability(z0 + z / (1.0 - acceleration * z))
    };
    let tail = (1.0 - level) / 2.0;
    (share(tail), share(1.0 - tail))
}

/// The value at the share `q` of the sorted values, interpolated linearly.
fn percentile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!(
            [0.0, 0.25, 0.5, 0.75, 1.0].map(|q| percentile(&sorted, q)),
            [1.0, 1.5, 2.0, 3.0, 4.0]
        );
    }

    #[test]
    fn corrected_percentiles_of_scipy() {
        #[derive(Deserialize)]
        struct Case {
            level: f64,
            value: f64,
            resampled: Vec<f64>,
            left_out: Vec<f64>,
            low: f64,
            high: f64,
        }
        let golden: serde_json::Value =
            hairpin_golden::golden_json("hairpin-targets", "metrics_regression.json");
        let cases: Vec<Case> = serde_json::from_value(golden["bca"].clone()).unwrap();
        assert!(cases.len() >= 4);
        for case in cases {
            let mut sorted = case.resampled;
            sorted.sort_by(f64::total_cmp);
            let shares = bca_shares(&sorted, case.value, &case.left_out, case.level);
            for (share, expected) in [(shares.0, case.low), (shares.1, case.high)] {
                let found = percentile(&sorted, share);
                assert!((found - expected).abs() < 1e-10, "{found} {expected}");
            }
        }
    }

    #[test]
    fn groups_are_drawn_whole() {
        let groups = [7, 3, 7, 7, 3, 9];
        let bootstrap = Bootstrap::default();
        let units = bootstrap.units(6, Some(&groups)).unwrap();
        let Units::Groups(lists) = &units else {
            panic!("rows instead of groups")
        };
        assert_eq!(lists, &[vec![0, 2, 3], vec![1, 4], vec![5]]);
        for rows in bootstrap.resample(&units, &|rows: &[usize]| rows.to_vec()) {
            let count = |row| rows.iter().filter(|&&r| r == row).count();
            assert_eq!((count(0), count(1)), (count(2), count(4)));
            assert_eq!(count(2), count(3));
            assert_eq!(count(0) + count(1) + count(5), 3);
        }
    }
}
