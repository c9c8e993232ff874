//! Hyperband.

use serde::{Deserialize, Serialize};

use super::{Peer, SuccessiveHalving, at_least};
use crate::{Direction, Report, SearchError};

/// Hyperband ([Li et al. 2018]) with asynchronous brackets.
///
/// Successive halving must choose between many trials that are judged early and few that are judged late. Hyperband does all of
/// it: the first rung of bracket `s = s_max, ..., 0` stands at
///
/// ```text
/// min_step * factor^(s_max - s),   s_max = floor(log_factor(max_step / min_step))
/// ```
///
/// and of the trials a share proportional to
///
/// ```text
/// ceil((s_max + 1) / (s + 1) * factor^s)
/// ```
///
/// belongs to it. Each bracket is a [`SuccessiveHalving`] of its own: trials compete with those of their bracket alone. The
/// bracket of a trial follows from its number, so that every range of trials has some of each: the fractional part of
/// `number * golden ratio` falls into one of the brackets' shares.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `min_step` | 1 | the earliest rung | from 1 |
/// | `max_step` | 81 | the last step of a whole trial | from `min_step` |
/// | `factor` | 3 | one in so many goes on | from 2 |
///
/// [Li et al. 2018]: https://www.jmlr.org/papers/v18/16-558.html
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hyperband {
    /// The earliest rung.
    pub min_step: u64,
    /// The last step of a whole trial.
    pub max_step: u64,
    /// One in so many goes on.
    pub factor: u64,
}

impl Default for Hyperband {
    fn default() -> Self {
        Self {
            min_step: 1,
            max_step: 81,
            factor: 3,
        }
    }
}

/// The fractional part of the golden ratio in 64 bits: multiples of it fill the circle evenly.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hyperband {
    pub(super) fn check(&self) -> Result<(), SearchError> {
        at_least("min_step of Hyperband", 1, "at least 1", self.min_step)?;
        at_least(
            "max_step of Hyperband",
            self.min_step,
            "at least min_step",
            self.max_step,
        )?;
        at_least("factor of Hyperband", 2, "at least 2", self.factor)
    }

    /// How many trials of one round belong to each bracket, from the one with the earliest rung to the one without any before
    /// `max_step`.
    ///
    /// ```
    /// use hairpin_search::Hyperband;
    ///
    /// // Table 1 of the paper: 81 steps, one in three goes on.
    /// assert_eq!(Hyperband::default().brackets(), [81, 34, 15, 8, 5]);
    /// ```
    pub fn brackets(&self) -> Vec<u64> {
        let factor = self.factor.max(2);
        let mut most = 0;
        let mut scale = self.max_step / self.min_step.max(1);
        while scale >= factor {
            scale /= factor;
            most += 1;
        }
        (0..=most)
            .rev()
            .map(|s| {
                let n = u128::from(most + 1) * u128::from(factor).pow(s);
                n.div_ceil(u128::from(s + 1)).try_into().unwrap_or(u64::MAX)
            })
            .collect()
    }

    /// The bracket of a trial, counted as in [`brackets`](Self::brackets).
    pub fn bracket(&self, number: usize) -> usize {
        let brackets = self.brackets();
        let all: u128 = brackets.iter().map(|&n| u128::from(n)).sum();
        let place = u128::from((number as u64).wrapping_mul(GOLDEN));
        // place / 2^64 is below (the brackets up to this one) / all.
        let mut up_to = 0;
        let below = brackets.iter().position(|&n| {
            up_to += u128::from(n);
            (place >> 32) * all < up_to << 32
        });
        below.unwrap_or(brackets.len() - 1)
    }

    pub(super) fn stops(
        &self,
        direction: Direction,
        number: usize,
        reports: &[Report],
        others: &[Peer<'_>],
    ) -> bool {
        let bracket = self.bracket(number);
        let halving = SuccessiveHalving {
            min_step: self.min_step,
            factor: self.factor,
            max_step: Some(self.max_step),
            rate: bracket as u32,
        };
        let same = others
            .iter()
            .filter(|peer| self.bracket(peer.number) == bracket)
            .map(|peer| peer.reports);
        halving.stops(direction, reports, same)
    }
}
