//! [`PairVectors`]: the scores of all pairs of two towers, each protein and each RNA read once.

use crate::order::{batch_rng, batches_by_length};
use crate::predict::lengths_of;
use crate::{Dataset, TrainError};
use burn::tensor::{Device, Tensor};
use hairpin_models::{SequenceInput, TwoTower};
use ndarray::{Array2, Axis, concatenate, s};
use std::ops::Range;

/// Proteins and RNAs in the space in which a [`TwoTower`] compares them.
///
/// ```text
/// scores[rna, protein] = s ⟨rna, protein⟩ + c
/// ```
///
/// With `l` proteins and `r` RNAs the towers read `l + r` inputs, and a pair costs one product of `rank` numbers: a network that read pairs
/// would read `l r`.
///
/// ```
/// use hairpin_models::TwoTowerConfig;
/// use hairpin_seq::{Rna, Seq};
/// use hairpin_train::{AnnotatedSequences, Device, PairVectors, Vectors};
/// use ndarray::Array2;
///
/// let device = Device::flex();
/// let model = TwoTowerConfig::new(20, 3).with_d_structure(0).with_d_model(8).with_n_heads(2).init(&device)?;
/// let probes: Vec<Seq<Rna>> = vec!["GAUUACA".parse()?, "ACGU".parse()?];
/// let probes = AnnotatedSequences::new(&probes, &[], 41, 0)?;
/// let proteins = Vectors::new(Array2::zeros((3, 20)));
/// let pairs = PairVectors::new(&model, &proteins, &probes, 64, &device, |_, _| ())?;
/// assert_eq!(pairs.scores(0..3).dim(), (2, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PairVectors {
    /// `[rnas, rank]`.
    rnas: Array2<f32>,
    /// `[proteins, rank]`.
    proteins: Array2<f32>,
    scale: f32,
    bias: f32,
}

impl PairVectors {
    /// Every protein and every RNA through its tower, `batch_size` at a time. `progress` is called with the RNAs done and their number.
    ///
    /// `model` must be in evaluation and on `device`, without autodiff, as for [`predict`](crate::predict()).
    ///
    /// # Errors
    ///
    /// What a dataset [could not read](Dataset::failure).
    ///
    /// # Panics
    ///
    /// When `batch_size` is 0, and as [`TwoTower::proteins`] and [`TwoTower::rnas`] do.
    pub fn new<L, R>(
        model: &TwoTower,
        proteins: &L,
        rnas: &R,
        batch_size: usize,
        device: &Device,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Self, TrainError>
    where
        L: Dataset<Input = Tensor<2>>,
        R: Dataset<Input = SequenceInput>,
    {
        let rank = model.head.rna.weight.dims()[1];
        let mut of_proteins = Array2::zeros((proteins.len(), rank));
        read(
            proteins,
            batch_size,
            device,
            &mut of_proteins,
            |batch, _| model.proteins(batch),
        )?;
        let mut of_rnas = Array2::zeros((rnas.len(), rank));
        let all = rnas.len();
        read(rnas, batch_size, device, &mut of_rnas, |batch, done| {
            progress(done, all);
            model.rnas(batch)
        })?;
        progress(all, all);
        let number = |tensor: Tensor<1>| tensor.into_scalar::<f32>();
        Ok(Self {
            rnas: of_rnas,
            proteins: of_proteins,
            scale: number(model.head.scale.val()),
            bias: number(model.head.bias.val()),
        })
    }

    /// With the mean over `copies` augmented readings of each protein, noise on its vector for example, in the place of each protein.
    ///
    /// A score is linear in the protein's vector here: these are the mean scores of the copies.
    ///
    /// # Errors
    ///
    /// What the dataset [could not read](Dataset::failure).
    ///
    /// # Panics
    ///
    /// When `copies` is 0 or there are other proteins.
    pub fn with_averaged_proteins<L: Dataset<Input = Tensor<2>>>(
        mut self,
        model: &TwoTower,
        proteins: &L,
        copies: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, TrainError> {
        assert!(copies > 0, "PairVectors: copies is 0");
        assert!(
            proteins.len() == self.proteins.nrows(),
            "PairVectors: {} proteins, expected {}",
            proteins.len(),
            self.proteins.nrows()
        );
        let rows: Vec<usize> = (0..proteins.len()).collect();
        let mut sum = Array2::zeros(self.proteins.dim());
        for copy in 0..copies {
            let mut rng = batch_rng(seed, 0, copy);
            let batch = proteins.batch(&rows, Some(&mut rng), device);
            if let Some(error) = proteins.failure() {
                return Err(error);
            }
            sum += &values(model.proteins(batch), sum.dim());
        }
        self.proteins = sum / copies as f32;
        Ok(self)
    }

    /// The mean of what several networks say of the same pairs.
    ///
    /// ```text
    /// 1/n Σ_k (s_k ⟨rna_k, protein_k⟩ + c_k) = ⟨[rna_1 ... rna_n], [s_1/n protein_1 ... s_n/n protein_n]⟩ + 1/n Σ_k c_k
    /// ```
    ///
    /// A pair still costs one product, of the ranks' sum.
    ///
    /// # Panics
    ///
    /// When there is no network, or not all have read as many RNAs and proteins.
    pub fn mean(mut networks: Vec<Self>) -> Self {
        if networks.len() == 1 {
            return networks.remove(0);
        }
        let n = networks.len() as f32;
        let rnas: Vec<_> = networks.iter().map(|one| one.rnas.view()).collect();
        let proteins = networks.iter().map(|one| &one.proteins * (one.scale / n));
        let proteins: Vec<_> = proteins.collect();
        let proteins: Vec<_> = proteins.iter().map(|own| own.view()).collect();
        let joined = |all: &[_]| {
            concatenate(Axis(1), all).expect("PairVectors: networks that read the same pairs")
        };
        Self {
            rnas: joined(&rnas),
            proteins: joined(&proteins),
            scale: 1.0,
            bias: networks.iter().map(|one| one.bias).sum::<f32>() / n,
        }
    }

    /// Number of RNAs.
    pub fn n_rnas(&self) -> usize {
        self.rnas.nrows()
    }

    /// Number of proteins.
    pub fn n_proteins(&self) -> usize {
        self.proteins.nrows()
    }

    /// The scores of every RNA with some of the proteins, `[rnas, proteins.len()]`: as many at a time as there is memory for.
    ///
    /// # Panics
    ///
    /// When there is no such protein.
    pub fn scores(&self, proteins: Range<usize>) -> Array2<f32> {
        let proteins = self.proteins.slice(s![proteins, ..]);
        let mut scores = self.rnas.dot(&proteins.t());
        scores.mapv_inplace(|cosine| cosine * self.scale + self.bias);
        scores
    }
}

/// Every example through a tower, in the place of its row.
fn read<D: Dataset>(
    inputs: &D,
    batch_size: usize,
    device: &Device,
    out: &mut Array2<f32>,
    mut tower: impl FnMut(D::Input, usize) -> Tensor<2>,
) -> Result<(), TrainError> {
    let (mut done, rank) = (0, out.ncols());
    for rows in batches_by_length(&lengths_of(inputs), batch_size) {
        let batch = inputs.batch(&rows, None, device);
        if let Some(error) = inputs.failure() {
            return Err(error);
        }
        let vectors = values(tower(batch, done), (rows.len(), rank));
        for (&row, vector) in rows.iter().zip(vectors.rows()) {
            out.row_mut(row).assign(&vector);
        }
        done += rows.len();
    }
    Ok(())
}

fn values(tensor: Tensor<2>, shape: (usize, usize)) -> Array2<f32> {
    let values = tensor.into_data().iter::<f32>().collect();
    Array2::from_shape_vec(shape, values).expect("as many vectors as were asked for")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AnnotatedSequences, Vectors};
    use burn::module::{Module, Param};
    use hairpin_models::{Model, PairInput, TwoTowerConfig};
    use hairpin_seq::augment::GaussianNoise;
    use hairpin_seq::{Rna, Seq};
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn each_pair_has_the_score_that_the_network_of_pairs_gives() {
        let device = Device::flex();
        let config = TwoTowerConfig::new(6, 4)
            .with_d_structure(1)
            .with_d_model(8)
            .with_d_ff(16)
            .with_n_heads(2);
        let model = config.clone().with_rank(5).init(&device).unwrap().valid();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let probes: Vec<Seq<Rna>> = (0..9)
            .map(|row| {
                let codes = (0..5 + row % 4).map(|_| rng.random_range(0..4));
                Seq::from_codes(codes.collect()).unwrap()
            })
            .collect();
        let paired: Vec<f32> = (0..9 * 8).map(|_| rng.random()).collect();
        let probes = AnnotatedSequences::new(&probes, &paired, 8, 1).unwrap();
        let proteins = Array2::from_shape_fn((4, 6), |_| rng.random_range(-1.0..1.0));
        let proteins = Vectors::new(proteins);
        let mut seen = Vec::new();
        let watch = |done, all| seen.push((done, all));
        let pairs = PairVectors::new(&model, &proteins, &probes, 4, &device, watch).unwrap();
        assert_eq!(seen, [(0, 9), (4, 9), (8, 9), (9, 9)]);
        assert_eq!((pairs.n_rnas(), pairs.n_proteins()), (9, 4));

        let input = PairInput {
            left: proteins.batch(&[0, 1, 2, 3], None, &device),
            right: probes.batch(&Vec::from_iter(0..9), None, &device),
            columns: vec![0, 1, 2, 3],
        };
        let expected = values(model.forward(input), (9, 4));
        for range in [0..4, 1..3, 3..4] {
            let found = pairs.scores(range.clone());
            for (found, expected) in found.iter().zip(expected.slice(s![.., range])) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
        }

        // Networks of different ranks, each with a scale of its own.
        let mut other = config.with_rank(3).init(&device).unwrap().valid();
        other.head.scale = Param::from_tensor(Tensor::from_floats([2.5], &device));
        other.head.bias = Param::from_tensor(Tensor::from_floats([-0.75], &device));
        let other = PairVectors::new(&other, &proteins, &probes, 4, &device, |_, _| ()).unwrap();
        let mean = PairVectors::mean(vec![pairs.clone(), other.clone()]).scores(0..4);
        let expected_mean = (pairs.scores(0..4) + other.scores(0..4)) / 2.0;
        for (found, expected) in mean.iter().zip(&expected_mean) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }

        // Copies without noise are the protein itself; with a little they are near it.
        let same = pairs
            .clone()
            .with_averaged_proteins(&model, &proteins, 3, 1, &device);
        let noisy = proteins
            .clone()
            .with_noise(GaussianNoise::new(0.01).unwrap());
        let near = pairs
            .clone()
            .with_averaged_proteins(&model, &noisy, 3, 1, &device);
        let of = |pairs: Result<PairVectors, TrainError>| pairs.unwrap().scores(0..4);
        let (same, near) = (of(same), of(near));
        let apart = |found: &Array2<f32>| {
            (found - &expected)
                .mapv(f32::abs)
                .fold(0.0, |a, b| f32::max(a, *b))
        };
        assert!(apart(&same) < 1e-5);
        assert!((1e-6..0.05).contains(&apart(&near)), "{}", apart(&near));
    }
}
