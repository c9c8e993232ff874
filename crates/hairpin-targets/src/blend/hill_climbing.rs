//! Ensemble selection: members are added, with replacement, as long as they serve a metric.

use ndarray::Array2;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::metrics::{Comparison, Direction, Metric, Over};
use crate::{TargetError, TargetMatrix};

/// Settings of an ensemble selection.
///
/// Starting from nothing, the member is added whose addition makes the mean of all added ones best, again and again, the same member as
/// often as it helps; the state that was best is kept. A member's weight is how often it was added, divided by all additions. To overfit
/// less this is done for several bags, each a random part of the members, and their weights are averaged. If the average is worse than
/// the best member on the rows it was fitted to, one bag of all members is taken instead, which cannot be: its first state is the best
/// member.
///
/// Caruana, Niculescu-Mizil, Crew and Ksikes (2004), *Ensemble selection from libraries of models*,
/// [doi:10.1145/1015330.1015432](https://doi.org/10.1145/1015330.1015432).
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `metric` | required | what is made best | any [`Metric`] |
/// | `over` | required | of what it is computed | [`Over`] |
/// | `steps` | 100 | most additions | 1 to 10,000 |
/// | `bags` | 20 | how often it is done | 1 to 10,000 |
/// | `share` | 0.5 | share of the members in a bag | above 0 to 1 |
/// | `seed` | 0 | of the bags | any |
///
/// Bags are drawn from the members in the order of their scores, so that the order in which they are given does not matter unless two
/// are equally good; then the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HillClimbing {
    /// What is made best.
    pub metric: Metric,
    /// Of what it is computed.
    pub over: Over,
    /// Most additions.
    #[serde(default = "default_steps")]
    pub steps: usize,
    /// How often it is done.
    #[serde(default = "default_bags")]
    pub bags: usize,
    /// Share of the members in a bag.
    #[serde(default = "default_share")]
    pub share: f64,
    /// Seed of the bags.
    #[serde(default)]
    pub seed: u64,
}

fn default_steps() -> usize {
    100
}

fn default_bags() -> usize {
    20
}

fn default_share() -> f64 {
    0.5
}

impl HillClimbing {
    /// Climbs this metric, all else by default.
    pub fn new(metric: Metric, over: Over) -> Self {
        Self {
            metric,
            over,
            steps: default_steps(),
            bags: default_bags(),
            share: default_share(),
            seed: 0,
        }
    }

    fn check(&self) -> Result<(), TargetError> {
        let (count, share) = (1..=10_000, self.share);
        let (setting, value, expected) = if !count.contains(&self.steps) {
            ("steps", self.steps as f64, "1 to 10,000")
        } else if !count.contains(&self.bags) {
            ("bags", self.bags as f64, "1 to 10,000")
        } else if !(share > 0.0 && share <= 1.0) {
            ("share", share, "a number above 0, up to 1")
        } else {
            return Ok(());
        };
        Err(TargetError::Setting {
            what: "hill climbing",
            setting,
            value,
            expected,
        })
    }

    /// The weights of the members, adding up to 1.
    pub(super) fn weights(
        &self,
        members: &[TargetMatrix],
        truth: &TargetMatrix,
    ) -> Result<Vec<f64>, TargetError> {
        self.check()?;
        let climb = Climb {
            settings: self,
            members,
            truth,
        };
        let scores: Result<Vec<Option<f64>>, _> = members
            .iter()
            .map(|member| climb.score(member.values().clone()))
            .collect();
        let scores = scores?;
        let mut ranked: Vec<usize> = (0..members.len())
            .filter(|&m| scores[m].is_some())
            .collect();
        let direction = self.metric.direction();
        let loss = |m: usize| loss(direction, scores[m]);
        ranked.sort_by(|&a, &b| loss(a).total_cmp(&loss(b)));
        let Some(&best) = ranked.first() else {
            return Err(TargetError::Undefined {
                what: "the metric of a blend",
            });
        };
        let mut weights = vec![0.0; members.len()];
        for bag in 0..self.bags {
            let of_bag = climb.run(&self.draw(&ranked, bag))?;
            for (weight, own) in weights.iter_mut().zip(of_bag) {
                *weight += own / self.bags as f64;
            }
        }
        let joined = climb.score(super::weighted(members, &weights, truth.values().dim()))?;
        if joined.is_none_or(|joined| self::loss(direction, Some(joined)) > loss(best)) {
            return climb.run(&ranked);
        }
        Ok(weights)
    }

    /// Some of the members, best first.
    fn draw(&self, ranked: &[usize], bag: usize) -> Vec<usize> {
        let n = ranked.len();
        let amount = ((n as f64 * self.share).ceil() as usize).clamp(1, n);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(bag as u64);
        let mut drawn = index::sample(&mut rng, n, amount).into_vec();
        drawn.sort_unstable();
        drawn.into_iter().map(|rank| ranked[rank]).collect()
    }
}

/// A score as something to make small.
fn loss(direction: Direction, score: Option<f64>) -> f64 {
    match (score, direction) {
        (None, _) => f64::INFINITY,
        (Some(score), Direction::LowerIsBetter) => score,
        (Some(score), Direction::HigherIsBetter) => -score,
    }
}

struct Climb<'a> {
    settings: &'a HillClimbing,
    members: &'a [TargetMatrix],
    truth: &'a TargetMatrix,
}

impl Climb<'_> {
    fn score(&self, predicted: Array2<f32>) -> Result<Option<f64>, TargetError> {
        let predicted = TargetMatrix::new(predicted, self.truth.names().to_vec())?;
        let comparison = Comparison::new(&predicted, self.truth)?;
        Ok(comparison.score(self.settings.metric, self.settings.over))
    }

    /// The weights of all members from those of a bag.
    fn run(&self, bag: &[usize]) -> Result<Vec<f64>, TargetError> {
        let direction = self.settings.metric.direction();
        let mut sum = Array2::<f64>::zeros(self.truth.values().dim());
        let mut added: Vec<usize> = Vec::new();
        let mut best = (f64::INFINITY, 0);
        for step in 1..=self.settings.steps {
            let with = |&member: &usize| {
                let values = self.members[member].values();
                let mut mean = Array2::zeros(sum.dim());
                ndarray::Zip::from(&mut mean)
                    .and(&sum)
                    .and(values)
                    .for_each(|mean, &sum, &value| {
                        *mean = ((sum + f64::from(value)) / step as f64) as f32;
                    });
                self.score(mean).map(|score| loss(direction, score))
            };
            let losses: Result<Vec<f64>, TargetError> = bag.par_iter().map(with).collect();
            let losses = losses?;
            // Of equals the one that is better alone.
            let next = (0..bag.len()).reduce(|a, b| if losses[b] < losses[a] { b } else { a });
            let Some(next) = next else {
                break;
            };
            let values = self.members[bag[next]].values();
            sum.zip_mut_with(values, |sum, &value| *sum += f64::from(value));
            added.push(bag[next]);
            if losses[next] < best.0 {
                best = (losses[next], step);
            }
        }
        let kept = &added[..best.1.max(1).min(added.len())];
        let mut weights = vec![0.0; self.members.len()];
        for &member in kept {
            weights[member] += 1.0 / kept.len() as f64;
        }
        Ok(weights)
    }
}
