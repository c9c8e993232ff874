//! [`PerBaseDataset`]: feature matrices that were computed before, as batches for a model that answers at every position.

use super::Dataset;
use crate::TrainError;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_models::PerBaseInput;
use hairpin_seq::augment::GaussianNoise;
use ndarray::{Array2, Array3};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// What is known of a molecule, under one structure of it; cheap to clone.
#[derive(Debug, Clone)]
pub struct PerBaseFeatures {
    /// Features of each position, `[length, channels]`.
    pub x: Arc<Array2<f32>>,
    /// What is known of each pair of positions, `[n_pairs, length, length]`.
    pub pairs: Option<Arc<Array3<f32>>>,
}

impl PerBaseFeatures {
    /// Features without pair matrices.
    pub fn new(x: impl Into<Arc<Array2<f32>>>) -> Self {
        Self {
            x: x.into(),
            pairs: None,
        }
    }

    /// With pair matrices. Structures of one molecule may share them: clone the `Arc`.
    pub fn with_pairs(mut self, pairs: impl Into<Arc<Array3<f32>>>) -> Self {
        self.pairs = Some(pairs.into());
        self
    }

    fn n_pairs(&self) -> usize {
        self.pairs.as_ref().map_or(0, |pairs| pairs.dim().0)
    }
}

/// Molecules for a [`PerBase`](hairpin_models::PerBase) model, padded into batches.
///
/// Prediction sees each molecule's own features in their own order. Training sees, each time, drawn from the batch's stream:
///
/// | set by | what training sees |
/// |---|---|
/// | [`with_alternatives`](Self::with_alternatives) | the molecule under another structure: one of its alternatives or itself, each as often |
/// | [`with_reversal`](Self::with_reversal) | the molecule from its end, with the given probability |
/// | [`with_masking`](Self::with_masking) | positions without any feature, each with the given probability: what a model learns to fill in |
/// | [`with_noise`](Self::with_noise) | Gaussian noise on the features, not on pairs and not on padding |
///
/// A reversed molecule is marked so in the [batch](PerBaseInput::reversed), and the model puts its answers back in order: position 0 of an
/// answer is always position 0 of the targets, so the objective need not know, [`predict_augmented`](crate::predict_augmented) averages
/// what belongs together, and the targets are reversed with the molecule in effect.
///
/// ```
/// use burn::tensor::Device;
/// use hairpin_train::{Dataset, PerBaseDataset, PerBaseFeatures};
/// use ndarray::{Array2, Array3};
///
/// let molecule = |length| {
///     PerBaseFeatures::new(Array2::zeros((length, 14))).with_pairs(Array3::zeros((2, length, length)))
/// };
/// let dataset = PerBaseDataset::new(vec![molecule(107), molecule(130)])?.with_reversal(0.5)?;
/// let batch = dataset.batch(&[0, 1], None, &Device::flex());
/// assert_eq!(batch.x.dims(), [2, 130, 14]);
/// assert_eq!(*batch.lengths, [107, 130]);
/// # Ok::<(), hairpin_train::TrainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PerBaseDataset {
    molecules: Vec<PerBaseFeatures>,
    alternatives: Vec<Vec<PerBaseFeatures>>,
    channels: usize,
    n_pairs: usize,
    reversal: f64,
    masking: f64,
    noise: Option<GaussianNoise>,
}

impl PerBaseDataset {
    /// Molecules as they are.
    ///
    /// # Errors
    ///
    /// [`TrainError::NoRows`] without a molecule; [`TrainError::Example`] for the first with another number of channels or kinds of pairs
    /// than the first of all, pair matrices of another length than the features, or a value that is not finite.
    pub fn new(molecules: Vec<PerBaseFeatures>) -> Result<Self, TrainError> {
        let first = molecules.first();
        let first = first.ok_or(TrainError::NoRows { part: "molecule" })?;
        let (channels, n_pairs) = (first.x.ncols(), first.n_pairs());
        let dataset = Self {
            alternatives: Vec::new(),
            molecules: Vec::new(),
            channels,
            n_pairs,
            reversal: 0.0,
            masking: 0.0,
            noise: None,
        };
        for (row, molecule) in molecules.iter().enumerate() {
            dataset.check(row, molecule, molecule.x.nrows())?;
        }
        Ok(Self {
            alternatives: vec![Vec::new(); molecules.len()],
            molecules,
            ..dataset
        })
    }

    /// Lets training see a molecule under other structures, sampled ones for example: a list for each molecule, which may be empty.
    ///
    /// # Errors
    ///
    /// [`TrainError::RowsDiffer`] when there is not one list for each molecule, [`TrainError::Example`] for an alternative of another
    /// shape than its molecule or with a value that is not finite.
    pub fn with_alternatives(
        mut self,
        alternatives: Vec<Vec<PerBaseFeatures>>,
    ) -> Result<Self, TrainError> {
        if alternatives.len() != self.len() {
            return Err(TrainError::RowsDiffer {
                inputs: self.len(),
                targets: alternatives.len(),
            });
        }
        for (row, alternatives) in alternatives.iter().enumerate() {
            for alternative in alternatives {
                self.check(row, alternative, self.length(row))?;
            }
        }
        self.alternatives = alternatives;
        Ok(self)
    }

    /// Lets training see a molecule from its end with this probability.
    ///
    /// # Errors
    ///
    /// [`TrainError::Augmentation`] when it is none.
    pub fn with_reversal(mut self, probability: f64) -> Result<Self, TrainError> {
        self.reversal = checked("probability of a reversal", probability)?;
        Ok(self)
    }

    /// Lets training see no feature of a position with this probability; pairs stay. For pre-training: a model that is to name the features of
    /// all positions learns which follow from the others (denoising: Vincent et al. 2008, doi:10.1145/1390156.1390294).
    ///
    /// # Errors
    ///
    /// [`TrainError::Augmentation`] when it is none.
    pub fn with_masking(mut self, probability: f64) -> Result<Self, TrainError> {
        self.masking = checked("probability of a mask", probability)?;
        Ok(self)
    }

    /// Adds noise to the features that training sees, after they were reversed. The noise is of one channel or of as many as there are.
    pub fn with_noise(mut self, noise: GaussianNoise) -> Self {
        self.noise = Some(noise);
        self
    }

    /// These molecules, in this order, with their alternatives: a fold. The features are shared, not copied.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    pub fn select(&self, rows: &[usize]) -> Self {
        let molecules = rows.iter().map(|&row| self.molecules[row].clone());
        let alternatives = rows.iter().map(|&row| self.alternatives[row].clone());
        Self {
            molecules: molecules.collect(),
            alternatives: alternatives.collect(),
            noise: self.noise.clone(),
            ..*self
        }
    }

    /// Features of a position: a model's `d_input`.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Kinds of pair matrices: a model's `n_pairs`.
    pub fn n_pairs(&self) -> usize {
        self.n_pairs
    }

    fn check(
        &self,
        row: usize,
        molecule: &PerBaseFeatures,
        length: usize,
    ) -> Result<(), TrainError> {
        let refuse = |what, found: String, expected: String| {
            Err(TrainError::Example {
                row,
                what,
                found,
                expected,
            })
        };
        let (found, expected) = (molecule.x.dim(), (length, self.channels));
        if found != expected {
            let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
            return refuse("shape of the features", found, expected);
        }
        let found = molecule.pairs.as_ref().map(|pairs| pairs.dim());
        let expected = (self.n_pairs, length, length);
        if molecule.n_pairs() != self.n_pairs || found.is_some_and(|found| found != expected) {
            let found = found.map_or("none".to_owned(), |found| format!("{found:?}"));
            return refuse("shape of the pairs", found, format!("{expected:?}"));
        }
        let mut values = molecule
            .x
            .iter()
            .chain(molecule.pairs.iter().flat_map(|p| p.iter()));
        match values.find(|value| !value.is_finite()) {
            Some(value) => refuse(
                "value of a feature",
                value.to_string(),
                "a finite number".to_owned(),
            ),
            None => Ok(()),
        }
    }

    /// What training sees of a molecule this time, and whether from its end.
    fn drawn(&self, row: usize, rng: &mut ChaCha8Rng) -> (&PerBaseFeatures, bool) {
        let alternatives = &self.alternatives[row];
        let seen = match alternatives.len() {
            0 => &self.molecules[row],
            n => match rng.random_range(0..=n) {
                0 => &self.molecules[row],
                at => &alternatives[at - 1],
            },
        };
        let reversed = self.reversal > 0.0 && rng.random::<f64>() < self.reversal;
        (seen, reversed)
    }
}

impl Dataset for PerBaseDataset {
    type Input = PerBaseInput;

    fn len(&self) -> usize {
        self.molecules.len()
    }

    fn length(&self, row: usize) -> usize {
        self.molecules[row].x.nrows()
    }

    fn batch(
        &self,
        rows: &[usize],
        mut augment: Option<&mut ChaCha8Rng>,
        device: &Device,
    ) -> PerBaseInput {
        let lengths: Vec<usize> = rows.iter().map(|&row| self.length(row)).collect();
        let length = lengths.iter().copied().max().unwrap_or(0);
        let (channels, kinds) = (self.channels, self.n_pairs);
        let mut x = vec![0f32; rows.len() * length * channels];
        let mut pairs = vec![0f32; rows.len() * kinds * length * length];
        let mut reversed = Vec::with_capacity(rows.len());
        for (place, &row) in rows.iter().enumerate() {
            let (seen, turned) = match augment.as_deref_mut() {
                Some(rng) => self.drawn(row, rng),
                None => (&self.molecules[row], false),
            };
            let own = lengths[place];
            let from = |position: usize| if turned { own - 1 - position } else { position };
            let start = place * length * channels;
            let out = &mut x[start..start + own * channels];
            for (position, out) in out.chunks_exact_mut(channels.max(1)).enumerate() {
                let features = seen.x.row(from(position));
                out.iter_mut()
                    .zip(features)
                    .for_each(|(out, &own)| *out = own);
            }
            if let (true, Some(rng)) = (self.masking > 0.0, augment.as_deref_mut()) {
                for position in out.chunks_exact_mut(channels.max(1)) {
                    if rng.random::<f64>() < self.masking {
                        position.fill(0.0);
                    }
                }
            }
            if let (Some(noise), Some(rng)) = (&self.noise, augment.as_deref_mut()) {
                noise.add_to(out, rng);
            }
            for (kind, matrix) in seen
                .pairs
                .iter()
                .flat_map(|own| own.outer_iter())
                .enumerate()
            {
                for i in 0..own {
                    let start = ((place * kinds + kind) * length + i) * length;
                    for (j, out) in pairs[start..start + own].iter_mut().enumerate() {
                        *out = matrix[[from(i), from(j)]];
                    }
                }
            }
            reversed.push(turned);
        }
        let x = Tensor::from_data(TensorData::new(x, [rows.len(), length, channels]), device);
        let mut input = PerBaseInput::new(x, lengths);
        if kinds > 0 {
            let pairs = TensorData::new(pairs, [rows.len(), kinds, length, length]);
            input = input.with_pairs(Tensor::from_data(pairs, device));
        }
        match reversed.contains(&true) {
            true => input.with_reversed(reversed),
            false => input,
        }
    }
}

fn checked(name: &'static str, probability: f64) -> Result<f64, TrainError> {
    if (0.0..=1.0).contains(&probability) {
        return Ok(probability);
    }
    Err(TrainError::Augmentation {
        name,
        found: probability.to_string(),
        expected: "a number from 0 to 1",
    })
}
