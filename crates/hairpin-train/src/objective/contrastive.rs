//! [`Contrastive`]: two towers that learn numbers and, beside them, which protein and which RNA belong together.

mod matching;

use super::{Evaluation, InfoNce, Objective, Sampled, TargetBatch};
use crate::{PairPools, Pool};
use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData};
use hairpin_models::{Model, PairInput, SequenceInput, TwoTower};
use hairpin_targets::metrics::Direction;
use hairpin_targets::{TargetError, TargetMatrix};
use matching::best_matching;
use ndarray::Array2;

/// Two towers with the temperature of a contrastive loss: a model for [`Contrastive`].
///
/// Its raw outputs are `[rnas, 2 proteins]`: the scores of [`TwoTower`], and beside them the cosines over the temperature.
#[derive(Module, Debug)]
pub struct ContrastiveTowers {
    /// The towers, which are all that prediction needs.
    pub towers: TwoTower,
    /// The temperature.
    pub contrast: InfoNce,
}

impl Model for ContrastiveTowers {
    type Input = PairInput<Tensor<2>, SequenceInput>;

    /// # Shapes
    ///
    /// Proteins `[l, d_protein]` and RNAs `[r, length, 4 + d_structure]` -> `[r, 2 l]`
    ///
    /// # Panics
    ///
    /// As [`TwoTower::proteins`] and [`TwoTower::rnas`].
    fn forward(&self, input: Self::Input) -> Tensor<2> {
        let rnas = self.towers.rnas(input.right);
        let proteins = self.towers.proteins(input.left);
        let cosines = rnas.clone().matmul(proteins.clone().transpose());
        let scores = self.towers.scores(rnas, proteins);
        Tensor::cat(vec![scores, self.contrast.logits(cosines)], 1)
    }

    fn n_outputs(&self) -> usize {
        self.towers.n_outputs()
    }

    fn min_length(&self) -> usize {
        self.towers.min_length()
    }
}

/// An objective on a block's scores, and a contrastive term on the best pairs of the block.
///
/// ```text
/// loss = objective(scores, targets) + weight * InfoNCE(cosines of the matched pairs)
/// ```
///
/// A block of `r` RNAs and `l` proteins is matched one to one so that the sum of its targets is the largest there is (Kuhn 1955,
/// [doi:10.1002/nav.3800020109](https://doi.org/10.1002/nav.3800020109)). A matched pair whose target is below `least` is none: it is not
/// in the term, neither as a pair nor for others to be told from. With fewer than two pairs the term is 0, and with `pools` in every block
/// that is not of [`Pool::High`]. In prediction there are the scores alone.
///
/// | name | meaning |
/// |---|---|
/// | `objective` | of the scores of a block |
/// | `weight` | of the contrastive term |
/// | `least` | the target from which on a pair belongs together |
/// | `pools` | that the blocks are drawn from, where they are |
#[derive(Debug, Clone, Copy)]
pub struct Contrastive<'a, O> {
    /// Of the scores of a block.
    pub objective: Sampled<O>,
    /// Of the contrastive term.
    pub weight: f64,
    /// The target from which on a pair belongs together.
    pub least: f32,
    /// That the blocks are drawn from, where they are.
    pub pools: Option<&'a PairPools<'a>>,
}

/// The first half of the columns: the scores.
fn scores(outputs: Tensor<2>) -> Tensor<2> {
    let [rows, columns] = outputs.dims();
    outputs.slice([0..rows, 0..columns / 2])
}

impl<O: Objective<Target = TargetMatrix>> Objective for Contrastive<'_, O> {
    type Target = TargetMatrix;

    fn rows(&self, target: &TargetMatrix) -> usize {
        self.objective.rows(target)
    }

    fn n_outputs(&self, target: &TargetMatrix) -> usize {
        self.objective.n_outputs(target)
    }

    fn check(&self, target: &TargetMatrix) -> Result<(), TargetError> {
        self.objective.check(target)
    }

    /// # Panics
    ///
    /// If a row does not exist, or the outputs are not twice as many as a sample has columns.
    fn loss(&self, outputs: Tensor<2>, batch: TargetBatch<'_, TargetMatrix>) -> Tensor<1> {
        let [rows, both] = outputs.dims();
        let sample = self.objective.sample.draw(batch.rows);
        let columns = sample.len();
        assert!(
            both == 2 * columns,
            "outputs: [rows, 2 columns] is [{rows}, {both}], expected 2 x {columns}"
        );
        let of_others = |pools: &PairPools<'_>| pools.pool(batch.rows) != Pool::High;
        if self.pools.is_some_and(of_others) {
            return self.objective.loss(scores(outputs), batch);
        }
        let logits = outputs.clone().slice([0..rows, columns..both]);
        let block = Array2::from_shape_fn((rows, columns), |(row, column)| {
            let at = [batch.rows[row], sample[column]];
            match batch.target.measured()[at] {
                true => batch.target.values()[at],
                false => f32::NEG_INFINITY,
            }
        });
        let loss = self.objective.loss(scores(outputs), batch);
        let mut pairs = best_matching(block.view());
        pairs.retain(|&pair| block[pair] >= self.least);
        if pairs.len() < 2 {
            return loss;
        }
        let device = logits.device();
        let places = |list: Vec<i64>| {
            let n = list.len();
            Tensor::<1, Int>::from_data(TensorData::new(list, [n]), &device)
        };
        let of_rows = places(pairs.iter().map(|pair| pair.0 as i64).collect());
        let of_columns = places(pairs.iter().map(|pair| pair.1 as i64).collect());
        let matched = logits.select(0, of_rows).select(1, of_columns);
        loss + InfoNce::of_logits(matched, None) * self.weight
    }

    fn activate(&self, outputs: Tensor<2>) -> Tensor<2> {
        self.objective.activate(scores(outputs))
    }

    fn evaluate(
        &self,
        predictions: &Array2<f32>,
        target: &TargetMatrix,
    ) -> Result<Evaluation, TargetError> {
        self.objective.evaluate(predictions, target)
    }

    fn score_name(&self) -> &str {
        self.objective.score_name()
    }

    fn direction(&self) -> Direction {
        self.objective.direction()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnSample, PoolShares, Regression};
    use burn::tensor::Device;
    use ndarray::array;

    /// What the cosines say of three RNAs and three proteins, beside scores that are right.
    fn loss(objective: &Contrastive<'_, Regression>, target: &TargetMatrix) -> f32 {
        let outputs = Tensor::<2>::from_data(
            [
                [2.5, 3.0, 0.0, 0.1, 2.0, 9.0],
                [4.0, 3.8, 0.0, 1.0, 0.3, 9.0],
                [0.0, 0.0, 1.0, 9.0, 9.0, 0.0],
            ],
            &Device::flex(),
        );
        let batch = TargetBatch {
            target,
            rows: &[0, 1, 2],
            weights: None,
        };
        objective.loss(outputs, batch).into_scalar::<f32>()
    }

    /// Matched are (0, 1), (1, 0), (2, 2); the last is low.
    fn target() -> TargetMatrix {
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let values = array![[2.5, 3.0, 0.0], [4.0, 3.8, 0.0], [0.0, 0.0, 1.0]];
        TargetMatrix::new(values, names).unwrap()
    }

    fn objective(
        sample: ColumnSample,
        least: f32,
        weight: f64,
    ) -> Contrastive<'static, Regression> {
        Contrastive {
            objective: Sampled {
                objective: Regression {
                    loss: "mse".parse().unwrap(),
                    ..Regression::default()
                },
                sample,
            },
            weight,
            least,
            pools: None,
        }
    }

    /// Of the logits [[2.0, 0.1], [0.3, 1.0]] of the pairs (0, 1) and (1, 0).
    fn expected() -> f32 {
        let surprise = |own: f32, other: f32| (1.0 + (other - own).exp()).ln();
        let forth = (surprise(2.0, 0.1) + surprise(1.0, 0.3)) / 2.0;
        let back = (surprise(2.0, 0.3) + surprise(1.0, 0.1)) / 2.0;
        (forth + back) / 2.0
    }

    #[test]
    fn the_term_is_of_the_matched_pairs_that_are_high_enough() {
        let target = target();
        let sample = ColumnSample::new(3, 3, 1);
        let found = |least: f32, weight: f64| loss(&objective(sample, least, weight), &target);
        assert!((found(2.0, 1.0) - expected()).abs() < 1e-5);
        assert!((found(2.0, 0.5) - expected() / 2.0).abs() < 1e-5);
        assert_eq!(found(3.5, 1.0), 0.0, "one pair is told from nothing");
        assert!(found(0.0, 1.0) > expected());
    }

    #[test]
    fn the_term_is_in_blocks_of_high_pairs_alone() {
        let target = target();
        let sample = ColumnSample::new(3, 3, 1).by_first_row();
        let none = PoolShares::NONE;
        let with = |shares| {
            let pools = PairPools::new(&target, sample, shares).unwrap();
            let objective = Contrastive {
                pools: Some(&pools),
                ..objective(sample, 2.0, 1.0)
            };
            loss(&objective, &target)
        };
        assert!((with(PoolShares { high: 1.0, ..none }) - expected()).abs() < 1e-5);
        assert_eq!(with(PoolShares { mid: 1.0, ..none }), 0.0);
        assert_eq!(with(PoolShares { hard: 1.0, ..none }), 0.0);
    }

    #[test]
    fn a_sample_of_the_columns_is_looked_up() {
        let mut values = Array2::zeros((3, 6));
        let sample = ColumnSample::new(6, 3, 5);
        let columns = sample.draw(&[0, 1, 2]);
        for (place, &column) in columns.iter().enumerate() {
            values
                .column_mut(column)
                .assign(&target().values().column(place));
        }
        let names = (0..6).map(|column| column.to_string()).collect();
        let wide = TargetMatrix::new(values, names).unwrap();
        let found = loss(&objective(sample, 2.0, 1.0), &wide);
        assert!((found - expected()).abs() < 1e-5);
    }
}
