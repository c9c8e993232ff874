//! Simple controls that every model is held against.
//!
//! A model that is no better than these has learned nothing worth its cost. Each is a pair of types: the settings, whose
//! `fit` is given training rows only, and the fitted one, which is a [`Classifier`] or a [`Regressor`].
//!
//! | settings of a [`Regressor`] | what it knows of a row | good when the targets differ by |
//! |---|---|---|
//! | [`Constant`] | nothing | nothing |
//! | [`ColumnAverage`] | nothing | column |
//! | [`RowAverage`] | its other columns | row |
//! | [`GroupAverage`] | its group | group |
//! | [`TwoWay`] | two groups | group and other group, each for itself |
//! | [`Neighbours`] | what is near | anything smooth |
//! | [`NeighbourKmers`] | what has similar k-mers | anything smooth in composition |
//! | [`BoostedTrees`] | features | some of them, given others |
//! | [`BoostedKmers`] | k-mer counts, bases by position | motifs, and where they stand |
//! | `Ridge` (feature `linalg`) | features | a weighted sum of them |
//! | `LinearKmers` (feature `linalg`) | k-mer frequencies | a weighted sum of them |
//!
//! Of proteins that no measurement has seen, a row of targets is the whole profile of one, and these know it from its sequence:
//!
//! | settings of a [`Regressor`] | what it knows of a protein | good when profiles are |
//! |---|---|---|
//! | [`ColumnAverage`] | nothing | all alike |
//! | [`NeighbourIdentity`] | the nearest by alignment | shared by families |
//! | [`NeighbourCosine`], [`Encoded`] | the nearest by features, such as gapped k-mers | shared by what has similar features |
//! | `AffinityRegression` (feature `linalg`) | features, and the probes' k-mers | a product of the two |
//! | `JointEmbedding` (feature `linalg`) | features that go with profiles | of low rank together with them |
//!
//! | settings of a [`Classifier`] | what it knows of a sequence | good when the classes differ in |
//! |---|---|---|
//! | [`MajorityClass`] | nothing | size |
//! | [`NearestCentroid`] | k-mer frequencies | composition |
//! | [`MarkovChain`] | each base given the ones before it | local context |
//! | [`Neighbours`] | what is near | anything smooth |
//! | `LinearKmers` (feature `linalg`) | k-mer frequencies | composition |

#[cfg(feature = "linalg")]
mod affinity_regression;
mod average;
mod boosted_kmers;
mod boosted_trees;
#[cfg(feature = "linalg")]
mod joint_embedding;
mod kmer_features;
#[cfg(feature = "linalg")]
mod linear_kmers;
mod majority;
mod markov_chain;
#[cfg(feature = "linalg")]
mod mixture;
mod nearest_centroid;
mod neighbour_kmers;
mod neighbours;
mod profile;
mod regressor;
#[cfg(feature = "linalg")]
mod ridge;
#[cfg(feature = "linalg")]
mod spectrum;
mod two_way;

#[cfg(feature = "linalg")]
pub use affinity_regression::{AffinityRegression, FittedAffinityRegression};
pub use average::{
    Centre, ColumnAverage, Constant, FittedColumnAverage, FittedConstant, FittedGroupAverage,
    FittedRowAverage, GroupAverage, RowAverage,
};
pub use boosted_kmers::{BoostedKmers, FittedBoostedKmers};
pub use boosted_trees::{BoostedTrees, FittedBoostedTrees};
#[cfg(feature = "linalg")]
pub use joint_embedding::{FittedJointEmbedding, JointEmbedding};
#[cfg(feature = "linalg")]
pub use linear_kmers::{FittedKmerClasses, FittedLinearKmers, LinearKmers};
pub use majority::{FittedMajorityClass, MajorityClass};
pub use markov_chain::{FittedMarkovChain, MarkovChain};
pub use nearest_centroid::{FittedNearestCentroid, NearestCentroid};
pub use neighbour_kmers::{FittedNeighbourKmers, NeighbourKmers};
pub use neighbours::{FittedNeighbourClasses, FittedNeighbours, Neighbours, euclidean};
pub use profile::{
    Encoded, FittedNeighbourCosine, FittedNeighbourIdentity, NeighbourCosine, NeighbourIdentity,
    features,
};
pub use regressor::{Regressor, Rows};
#[cfg(feature = "linalg")]
pub use ridge::{FittedRidge, Ridge, Strength};
pub use two_way::{FittedTwoWay, TwoWay};

use hairpin_seq::{Alphabet, Seq};
use ndarray::Array2;

use crate::category::argmax;
use crate::{ClassLabels, TargetError};

/// A fitted classifier of sequences.
pub trait Classifier<A: Alphabet> {
    /// What to call it in a table, settings included: `Markov chain of order 2`.
    fn name(&self) -> String;

    /// The probability of each class for each sequence.
    ///
    /// # Shapes
    ///
    /// - result: `[seqs.len(), n_classes]`, each row adding up to 1
    fn predict_proba(&self, seqs: &[Seq<A>]) -> Array2<f32>;

    /// The most likely class of each sequence; ties go to the lowest class.
    fn predict(&self, seqs: &[Seq<A>]) -> Vec<usize> {
        let probabilities = self.predict_proba(seqs);
        probabilities.rows().into_iter().map(argmax).collect()
    }
}

/// Refuses training rows without labels, labels without rows, and no rows at all.
fn check_training<A>(train: &[Seq<A>], labels: &ClassLabels) -> Result<(), TargetError> {
    if train.len() != labels.len() {
        return Err(TargetError::Length {
            what: "labels of the training sequences",
            expected: train.len(),
            found: labels.len(),
        });
    }
    if train.is_empty() {
        return Err(TargetError::NoRows {
            what: "the list of training sequences",
        });
    }
    Ok(())
}

/// The share of each class among the labels, `n_classes` numbers.
fn class_frequencies(labels: &ClassLabels) -> Vec<f64> {
    let n = labels.len() as f64;
    labels
        .counts()
        .iter()
        .map(|&count| count as f64 / n)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hairpin_seq::Dna;
    use proptest::prelude::*;

    const N_CLASSES: usize = 3;

    pub(super) fn seqs(texts: &[&str]) -> Vec<Seq<Dna>> {
        texts
            .iter()
            .map(|text| {
                Seq::parse(
                    text,
                    hairpin_seq::Policy {
                        ambiguous: hairpin_seq::Ambiguous::Unknown,
                        ..Default::default()
                    },
                )
            })
            .collect::<Result<_, _>>()
            .unwrap()
    }

    /// Sequences of 0 to 30 bases, some unknown, with labels.
    pub(super) fn labelled() -> impl Strategy<Value = (Vec<Seq<Dna>>, Vec<usize>)> {
        let codes = prop::collection::vec(prop_oneof![9 => 0u8..4, 1 => Just(4)], 0..30);
        prop::collection::vec((codes, 0..N_CLASSES), 1..12).prop_map(|rows| {
            rows.into_iter()
                .map(|(codes, label)| (Seq::from_codes(codes).unwrap(), label))
                .unzip()
        })
    }

    fn fit_all(train: &[Seq<Dna>], labels: &ClassLabels) -> [Box<dyn Classifier<Dna>>; 3] {
        [
            Box::new(MajorityClass.fit(train, labels).unwrap()),
            Box::new(NearestCentroid::new(2).fit(train, labels).unwrap()),
            Box::new(MarkovChain::new(1).fit(train, labels).unwrap()),
        ]
    }

    #[test]
    fn names_tell_the_settings() {
        let labels = ClassLabels::new(vec![0], 1).unwrap();
        let names: Vec<String> = fit_all(&seqs(&["ACGT"]), &labels)
            .iter()
            .map(|c| c.name())
            .collect();
        assert_eq!(
            names,
            [
                "majority class",
                "nearest centroid of 2-mer frequencies",
                "Markov chain of order 1"
            ]
        );
    }

    #[test]
    fn training_rows_must_have_one_label_each() {
        let labels = ClassLabels::new(vec![0, 1], 2).unwrap();
        let one = seqs(&["ACGT"]);
        assert!(matches!(
            MajorityClass.fit(&one, &labels),
            Err(TargetError::Length { .. })
        ));
        assert!(matches!(
            NearestCentroid::new(2).fit(&one, &labels),
            Err(TargetError::Length { .. })
        ));
        assert!(matches!(
            MarkovChain::new(1).fit(&one, &labels),
            Err(TargetError::Length { .. })
        ));
        let none = ClassLabels::new(vec![], 2).unwrap();
        assert!(matches!(
            MajorityClass.fit(&seqs(&[]), &none),
            Err(TargetError::NoRows { .. })
        ));
    }

    proptest! {
        #[test]
        fn rows_are_probabilities((train, labels) in labelled(), (asked, _) in labelled()) {
            let labels = ClassLabels::new(labels, N_CLASSES).unwrap();
            for control in fit_all(&train, &labels) {
                let probabilities = control.predict_proba(&asked);
                prop_assert_eq!(probabilities.dim(), (asked.len(), N_CLASSES));
                for row in probabilities.rows() {
                    prop_assert!(row.iter().all(|p| (0.0..=1.0).contains(p)));
                    prop_assert!((row.sum() - 1.0).abs() < 1e-5);
                }
                prop_assert_eq!(control.predict(&asked), crate::most_likely(&probabilities).unwrap());
            }
        }

        #[test]
        fn classes_renamed_are_probabilities_renamed((train, labels) in labelled(), (asked, _) in labelled()) {
            // Not the centroid, which breaks ties by class number.
            let rename = |class: usize| (class + 1) % N_CLASSES;
            let before = ClassLabels::new(labels.clone(), N_CLASSES).unwrap();
            let after = ClassLabels::new(labels.into_iter().map(rename).collect(), N_CLASSES).unwrap();
            let [majority, _, chain] = fit_all(&train, &before);
            let [renamed_majority, _, renamed_chain] = fit_all(&train, &after);
            for (before, after) in [(majority, renamed_majority), (chain, renamed_chain)] {
                let (before, after) = (before.predict_proba(&asked), after.predict_proba(&asked));
                for ((row, class), p) in before.indexed_iter() {
                    prop_assert!((p - after[[row, rename(class)]]).abs() < 1e-6);
                }
            }
        }
    }
}
