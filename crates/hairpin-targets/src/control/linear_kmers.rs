//! The control that is a weighted sum of k-mer frequencies.

use std::marker::PhantomData;

use hairpin_seq::{KmerCounts, Nucleotide, Seq};
use ndarray::Array2;

use super::kmer_features::encode;
use super::regressor::Regressor;
use super::ridge::{FittedRidge, Ridge, Strength};
use super::{Classifier, argmax, check_training};
use crate::{ClassLabels, TargetError, TargetMatrix};

/// [`Ridge`] regression on the k-mer frequencies of a sequence: the strong simple baseline of most tasks on sequences.
///
/// The frequencies of the `4^k` k-mers add up to 1, whatever the length. As a [`Classifier`] it predicts each class's
/// indicator, one against the rest, and answers with the largest; what it predicts is no probability, so that class gets
/// probability 1 and every other one 0.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `k` | required | length of the k-mers; there are `4^k` | 1 to 12, above 6 slow |
/// | `strength` | required | penalty on the weights | [`Strength`] |
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_targets::{ClassLabels, TargetMatrix};
/// use hairpin_targets::control::{Classifier, LinearKmers, Regressor, Strength};
/// use ndarray::array;
///
/// let train: Vec<Seq<Dna>> = vec!["AAAA".parse()?, "AACC".parse()?, "CCCC".parse()?];
/// let share_of_c = TargetMatrix::new(array![[0.], [0.5], [1.]], vec!["C".to_string()])?;
/// let kmers = LinearKmers::new(1, Strength::LeaveOneOut(vec![1e-6, 1.0]));
/// let control = kmers.fit(&train, &share_of_c)?;
/// let predicted = control.predict(&["AAAC".parse()?][..])?;
/// assert!((predicted.values()[[0, 0]] - 0.25).abs() < 1e-3);
///
/// let labels = ClassLabels::new(vec![0, 0, 1], 2)?;
/// let classes = kmers.fit_classes(&train, &labels)?;
/// assert_eq!(classes.predict(&train), [0, 0, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LinearKmers {
    k: usize,
    ridge: Ridge,
}

impl LinearKmers {
    /// Ridge regression on frequencies of k-mers; the settings are checked by [`fit`](Self::fit).
    pub fn new(k: usize, strength: Strength) -> Self {
        Self {
            k,
            ridge: Ridge::new(strength),
        }
    }

    /// Fits the weights of the k-mers in each column.
    ///
    /// # Errors
    ///
    /// If `k` is not one that [`KmerCounts`] takes, or for the reasons of [`Ridge::fit`].
    pub fn fit<A: Nucleotide>(
        &self,
        train: &[Seq<A>],
        targets: &TargetMatrix,
    ) -> Result<FittedLinearKmers<A>, TargetError> {
        let encoder = KmerCounts::new(self.k)?.with_frequencies(true);
        Ok(FittedLinearKmers {
            k: self.k,
            ridge: self.ridge.fit(&encode(&encoder, train), targets)?,
            encoder,
            alphabet: PhantomData,
        })
    }

    /// Fits the weights of the k-mers for each class against the rest.
    ///
    /// # Errors
    ///
    /// If there are no rows, not one label per sequence, or for the reasons of [`fit`](Self::fit).
    pub fn fit_classes<A: Nucleotide>(
        &self,
        train: &[Seq<A>],
        labels: &ClassLabels,
    ) -> Result<FittedKmerClasses<A>, TargetError> {
        check_training(train, labels)?;
        let shape = (labels.len(), labels.n_classes());
        let indicators = Array2::from_shape_fn(shape, |(row, class)| {
            f32::from(u8::from(labels.labels()[row] == class))
        });
        let names = (0..labels.n_classes()).map(|class| class.to_string());
        let targets = TargetMatrix::new(indicators, names.collect())?;
        Ok(FittedKmerClasses {
            scores: self.fit(train, &targets)?,
        })
    }
}

/// [`LinearKmers`] that have seen their training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedLinearKmers<A> {
    k: usize,
    encoder: KmerCounts,
    ridge: FittedRidge,
    alphabet: PhantomData<A>,
}

impl<A> FittedLinearKmers<A> {
    /// The regression: a feature per k-mer, in the order of [`KmerCounts`].
    pub fn ridge(&self) -> &FittedRidge {
        &self.ridge
    }

    fn describe(&self) -> String {
        format!(
            "linear on {}-mers, strength {}",
            self.k,
            self.ridge.strength()
        )
    }
}

impl<A: Nucleotide> Regressor<[Seq<A>]> for FittedLinearKmers<A> {
    fn name(&self) -> String {
        self.describe()
    }

    fn predict(&self, rows: &[Seq<A>]) -> Result<TargetMatrix, TargetError> {
        self.ridge.predict(&encode(&self.encoder, rows))
    }
}

/// [`LinearKmers`] that have seen their training rows and classes.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedKmerClasses<A> {
    scores: FittedLinearKmers<A>,
}

impl<A: Nucleotide> FittedKmerClasses<A> {
    /// The indicator of each class as predicted, `[seqs.len(), n_classes]`: to rank by, not a probability.
    ///
    /// # Errors
    ///
    /// If a score is not finite.
    pub fn scores(&self, seqs: &[Seq<A>]) -> Result<TargetMatrix, TargetError> {
        self.scores.predict(seqs)
    }
}

impl<A: Nucleotide> Classifier<A> for FittedKmerClasses<A> {
    fn name(&self) -> String {
        self.scores.describe()
    }

    fn predict_proba(&self, seqs: &[Seq<A>]) -> Array2<f32> {
        let ridge = &self.scores.ridge;
        let mut probabilities = Array2::zeros((seqs.len(), ridge.intercepts().len()));
        // Frequencies and weights are finite, and so is a sum of 4^k of their products.
        let features = encode(&self.scores.encoder, seqs).mapv(f64::from);
        let scores = features.dot(ridge.weights());
        for (mut row, scores) in probabilities.rows_mut().into_iter().zip(scores.rows()) {
            let scores = scores.iter().zip(ridge.intercepts());
            let scores = scores.map(|(score, intercept)| (score + intercept) as f32);
            let class = argmax(ndarray::Array1::from_iter(scores).view());
            row[class] = 1.0;
        }
        probabilities
    }
}
