//! The control that knows a class by its mean k-mer frequencies.

use std::marker::PhantomData;

use hairpin_seq::{Encode, KmerCounts, Nucleotide, Seq};
use ndarray::Array2;

use super::{Classifier, check_training};
use crate::{ClassLabels, TargetError};

/// Labels a sequence with the class whose mean k-mer frequencies are nearest.
///
/// With `f(s)` the k-mer frequencies of a sequence, which add up to 1 whatever its length, and `m_c` the mean of `f` over
/// the training sequences of class `c`:
///
/// ```text
/// label(s) = argmin over c of || f(s) - m_c ||²
/// ```
///
/// Ties go to the lowest class; a class without training sequences is never predicted. A distance is no probability, so
/// the nearest class gets probability 1 and every other one 0. A sequence without a single known window has frequencies
/// of 0. Tibshirani et al. (2002), *Diagnosis of multiple cancer types by shrunken centroids of gene expression*,
/// [doi:10.1073/pnas.082099299](https://doi.org/10.1073/pnas.082099299), here without the shrinking.
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_targets::{ClassLabels, control::{Classifier, NearestCentroid}};
///
/// let train: Vec<Seq<Dna>> = vec!["ACACAC".parse()?, "GTGTGT".parse()?];
/// let labels = ClassLabels::new(vec![0, 1], 2)?;
/// let control = NearestCentroid::new(2).fit(&train, &labels)?;
/// // Fifteen times the length, the same dinucleotides.
/// let long: Seq<Dna> = "GT".repeat(45).parse()?;
/// assert_eq!(control.predict(&[long]), [1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearestCentroid {
    k: usize,
}

impl NearestCentroid {
    /// Centroids of k-mer frequencies, `4^k` numbers per class; `k` is checked by [`fit`](Self::fit).
    pub fn new(k: usize) -> Self {
        Self { k }
    }

    /// Averages the k-mer frequencies of each class.
    ///
    /// # Errors
    ///
    /// If there are no rows, not one label per sequence, or `k` is not one that [`KmerCounts`] takes (1 to 12).
    pub fn fit<A: Nucleotide>(
        &self,
        train: &[Seq<A>],
        labels: &ClassLabels,
    ) -> Result<FittedNearestCentroid<A>, TargetError> {
        check_training(train, labels)?;
        let encoder = KmerCounts::new(self.k)?.with_frequencies(true);
        let counts = labels.counts();
        let width = Encode::<A>::channels(&encoder);
        let mut centroids: Vec<Option<Vec<f64>>> = counts
            .iter()
            .map(|&count| (count > 0).then(|| vec![0.0; width]))
            .collect();
        let mut frequencies = vec![0.0; width];
        for (seq, &label) in train.iter().zip(labels.labels()) {
            encoder.encode_into(seq, &mut frequencies);
            for (mean, &frequency) in centroids[label].iter_mut().flatten().zip(&frequencies) {
                *mean += f64::from(frequency) / counts[label] as f64;
            }
        }
        Ok(FittedNearestCentroid {
            k: self.k,
            encoder,
            centroids,
            alphabet: PhantomData,
        })
    }
}

/// A [`NearestCentroid`] that has seen its training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedNearestCentroid<A> {
    k: usize,
    encoder: KmerCounts,
    /// Mean k-mer frequencies of each class; none for a class without training rows.
    centroids: Vec<Option<Vec<f64>>>,
    alphabet: PhantomData<A>,
}

impl<A: Nucleotide> FittedNearestCentroid<A> {
    /// The class whose centroid is nearest; of equals the lowest.
    fn nearest(&self, frequencies: &[f32]) -> usize {
        let mut best = (0, f64::INFINITY);
        for (class, centroid) in self.centroids.iter().enumerate() {
            let Some(centroid) = centroid else { continue };
            let distance: f64 = frequencies
                .iter()
                .zip(centroid)
                .map(|(&frequency, mean)| (f64::from(frequency) - mean).powi(2))
                .sum();
            if distance < best.1 {
                best = (class, distance);
            }
        }
        best.0
    }
}

impl<A: Nucleotide> Classifier<A> for FittedNearestCentroid<A> {
    fn name(&self) -> String {
        format!("nearest centroid of {}-mer frequencies", self.k)
    }

    fn predict_proba(&self, seqs: &[Seq<A>]) -> Array2<f32> {
        let mut probabilities = Array2::zeros((seqs.len(), self.centroids.len()));
        let mut frequencies = vec![0.0; Encode::<A>::channels(&self.encoder)];
        for (mut row, seq) in probabilities.rows_mut().into_iter().zip(seqs) {
            self.encoder.encode_into(seq, &mut frequencies);
            row[self.nearest(&frequencies)] = 1.0;
        }
        probabilities
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{labelled, seqs};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn mononucleotides_by_hand() {
        // Centroids over A C G T: class 0 (0.75, 0.25, 0, 0), class 2 (0, 0, 0.5, 0.5); class 1 has no rows.
        let labels = ClassLabels::new(vec![0, 0, 2], 3).unwrap();
        let control = NearestCentroid::new(1)
            .fit(&seqs(&["AA", "AC", "GT"]), &labels)
            .unwrap();
        assert_eq!(control.centroids[0], Some(vec![0.75, 0.25, 0.0, 0.0]));
        assert_eq!(control.centroids[1], None);
        // CG, frequencies (0, .5, .5, 0): squared distances .5625 + .0625 + .25 = .875 and .25 + .25 = .5.
        // AG, (.5, 0, .5, 0): .0625 + .0625 + .25 = .375 and .25 + .25 = .5.
        let asked = seqs(&["CG", "AG", "NANGN"]);
        assert_eq!(control.predict(&asked), [2, 0, 0]);
        assert_eq!(
            control.predict_proba(&asked).row(0).to_vec(),
            [0.0, 0.0, 1.0]
        );
    }

    #[test]
    fn ties_go_to_the_lowest_class() {
        let labels = ClassLabels::new(vec![1, 0], 2).unwrap();
        let control = NearestCentroid::new(1)
            .fit(&seqs(&["A", "C"]), &labels)
            .unwrap();
        assert_eq!(control.predict(&seqs(&["AC", "G", ""])), [0, 0, 0]);
    }

    #[test]
    fn a_k_without_a_table_is_refused() {
        let labels = ClassLabels::new(vec![0], 1).unwrap();
        for k in [0, 13] {
            let error = NearestCentroid::new(k)
                .fit(&seqs(&["ACGT"]), &labels)
                .unwrap_err();
            assert!(matches!(error, TargetError::Seq(_)), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_sequence_repeated_keeps_its_label((train, labels) in labelled(), (asked, _) in labelled(), n in 1usize..5) {
            // For k = 1 no window spans the joint, so the frequencies are the same at any length.
            let labels = ClassLabels::new(labels, 3).unwrap();
            let control = NearestCentroid::new(1).fit(&train, &labels).unwrap();
            let repeated: Vec<_> = asked.iter().map(|seq| Seq::from_codes(seq.codes().repeat(n)).unwrap()).collect();
            prop_assert_eq!(control.predict(&asked), control.predict(&repeated));
        }
    }
}
