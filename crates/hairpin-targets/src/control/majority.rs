//! The control that never looks at the sequence.

use std::marker::PhantomData;

use hairpin_seq::{Alphabet, Seq};
use ndarray::Array2;

use super::{Classifier, check_training, class_frequencies};
use crate::{ClassLabels, TargetError};

/// Predicts the class frequencies of the training rows for every sequence, so the largest class is the most likely one.
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_targets::{ClassLabels, control::{Classifier, MajorityClass}};
///
/// let train: Vec<Seq<Dna>> = vec!["ACGT".parse()?, "GGCA".parse()?, "TTAG".parse()?, "CCAT".parse()?];
/// let labels = ClassLabels::new(vec![1, 0, 1, 1], 2)?;
/// let control = MajorityClass.fit(&train, &labels)?;
/// assert_eq!(control.predict_proba(&train[..1]), ndarray::array![[0.25, 0.75]]);
/// assert_eq!(control.predict(&train), [1, 1, 1, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MajorityClass;

impl MajorityClass {
    /// Counts the classes of the training rows.
    ///
    /// # Errors
    ///
    /// If there are no rows, or not one label per sequence.
    pub fn fit<A: Alphabet>(
        &self,
        train: &[Seq<A>],
        labels: &ClassLabels,
    ) -> Result<FittedMajorityClass<A>, TargetError> {
        check_training(train, labels)?;
        Ok(FittedMajorityClass {
            frequencies: class_frequencies(labels)
                .iter()
                .map(|&p| p as f32)
                .collect(),
            alphabet: PhantomData,
        })
    }
}

/// A [`MajorityClass`] that has seen its training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedMajorityClass<A> {
    frequencies: Vec<f32>,
    alphabet: PhantomData<A>,
}

impl<A: Alphabet> Classifier<A> for FittedMajorityClass<A> {
    fn name(&self) -> String {
        "majority class".to_string()
    }

    fn predict_proba(&self, seqs: &[Seq<A>]) -> Array2<f32> {
        let shape = (seqs.len(), self.frequencies.len());
        Array2::from_shape_fn(shape, |(_, class)| self.frequencies[class])
    }
}
