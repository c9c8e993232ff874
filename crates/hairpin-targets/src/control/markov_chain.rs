//! The control that knows a class by what follows what.

use std::marker::PhantomData;
use std::ops::RangeInclusive;

use hairpin_seq::{Nucleotide, Seq, kmers};
use ndarray::Array2;

use super::{Classifier, check_training, class_frequencies};
use crate::metrics::mean_cross_entropy;
use crate::{ClassLabels, TargetError, most_likely};

/// The highest order: a table of 4^12 numbers per class, 128 MiB.
const MAX_ORDER: usize = 11;

/// Beyond these a sum of four overflows or a quotient is 0, and the logarithms of all classes cancel to NaN.
const PSEUDOCOUNTS: RangeInclusive<f64> = 1e-300..=1e300;

/// Labels a sequence with the class whose Markov chain most likely wrote it.
///
/// With `n_c(w, x)` how often base `x` follows the `order` bases `w` in the training sequences of class `c`, `a` the
/// pseudocount and `π_c` the share of class `c` among the training rows:
///
/// ```text
/// P_c(x | w) = (n_c(w, x) + a) / (sum over y of n_c(w, y) + 4 a)
/// P(c | s)   ∝ π_c * product over i > order of P_c(s_i | s_(i-order) .. s_(i-1))
/// ```
///
/// The first `order` bases are taken as given, and a base counts only if it and the `order` bases before it are known.
/// Order 0 is the base composition. Sums of logarithms are in `f64`. A class without training rows has probability 0.
/// Probabilities of long sequences are close to 0 and 1: bases are treated as independent evidence.
/// Durbin et al. (1998), *Biological sequence analysis*, chapter 3,
/// [doi:10.1017/CBO9780511790492](https://doi.org/10.1017/CBO9780511790492).
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `order` | required | bases of context | 0 to 11 |
/// | `pseudocount` | 1 | added to every count | 1e-300 to 1e300 |
///
/// ```
/// use hairpin_seq::{Dna, Seq};
/// use hairpin_targets::{ClassLabels, control::{Classifier, MarkovChain}};
///
/// let train: Vec<Seq<Dna>> = vec!["ACAC".parse()?, "AAAA".parse()?];
/// let labels = ClassLabels::new(vec![0, 1], 2)?;
/// let control = MarkovChain::new(1).fit(&train, &labels)?;
/// // Class 0: P(C|A) P(A|C) = 3/6 * 2/5. Class 1: 1/7 * 1/4.
/// let probabilities = control.predict_proba(&["ACA".parse()?]);
/// assert!((probabilities[[0, 0]] - 28.0 / 33.0).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarkovChain {
    order: usize,
    pseudocount: f64,
}

impl MarkovChain {
    /// Chains in which a base depends on the `order` bases before it; `order` is checked by [`fit`](Self::fit).
    pub fn new(order: usize) -> Self {
        Self {
            order,
            pseudocount: 1.0,
        }
    }

    /// Another pseudocount than 1; checked by [`fit`](Self::fit).
    pub fn with_pseudocount(self, pseudocount: f64) -> Self {
        Self {
            pseudocount,
            ..self
        }
    }

    /// Counts, class by class, which base follows which.
    ///
    /// # Errors
    ///
    /// If there are no rows, not one label per sequence, or `order` or `pseudocount` is out of range.
    pub fn fit<A: Nucleotide>(
        &self,
        train: &[Seq<A>],
        labels: &ClassLabels,
    ) -> Result<FittedMarkovChain<A>, TargetError> {
        check_training(train, labels)?;
        let Self { order, pseudocount } = *self;
        if order > MAX_ORDER {
            return Err(TargetError::Order {
                order,
                max: MAX_ORDER,
            });
        }
        if !PSEUDOCOUNTS.contains(&pseudocount) {
            return Err(TargetError::Pseudocount { value: pseudocount });
        }
        // A context with its next base is a k-mer of order + 1; the four of one context are neighbours in the table.
        let mut table =
            Array2::from_elem((labels.n_classes(), 1 << (2 * (order + 1))), pseudocount);
        for (seq, &label) in train.iter().zip(labels.labels()) {
            let mut counts = table.row_mut(label);
            kmers(seq, order + 1).for_each(|kmer| counts[kmer] += 1.0);
        }
        for mut context in table.exact_chunks_mut((1, 4)) {
            let sum = context.sum();
            context.mapv_inplace(|count| (count / sum).ln());
        }
        Ok(FittedMarkovChain {
            order,
            log_priors: class_frequencies(labels).iter().map(|p| p.ln()).collect(),
            log_probabilities: table,
            alphabet: PhantomData,
        })
    }

    /// Fits a chain of each order (pseudocount 1) to the training rows and keeps the one that is best on the
    /// validation rows: by accuracy, of equals by cross-entropy, of equals the lowest order.
    ///
    /// The validation rows choose the order and nothing else, so what the chain scores on them is a little flattered.
    ///
    /// # Errors
    ///
    /// If `orders` or one of the two sets is empty, labels do not match their sequences, the two sets have different
    /// numbers of classes, or an order is out of range.
    ///
    /// ```
    /// use hairpin_seq::{Dna, Seq};
    /// use hairpin_targets::{ClassLabels, control::MarkovChain};
    ///
    /// // Both classes are half A and half C: only the order of the bases tells them apart.
    /// let train: Vec<Seq<Dna>> = vec!["ACACACAC".parse()?, "AAAACCCC".parse()?];
    /// let valid: Vec<Seq<Dna>> = vec!["CACACA".parse()?, "CCCAAA".parse()?];
    /// let labels = ClassLabels::new(vec![0, 1], 2)?;
    /// let control = MarkovChain::fit_best_order(0..=1, &train, &labels, &valid, &labels)?;
    /// assert_eq!(control.order(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fit_best_order<A: Nucleotide>(
        orders: impl IntoIterator<Item = usize>,
        train: &[Seq<A>],
        labels: &ClassLabels,
        valid: &[Seq<A>],
        valid_labels: &ClassLabels,
    ) -> Result<FittedMarkovChain<A>, TargetError> {
        let mut best: Option<(usize, f64, FittedMarkovChain<A>)> = None;
        for order in orders {
            let fitted = Self::new(order).fit(train, labels)?;
            let probabilities = fitted.predict_proba(valid);
            let loss = mean_cross_entropy(&probabilities, valid_labels)?;
            let predicted = most_likely(&probabilities)?;
            let pairs = predicted.iter().zip(valid_labels.labels());
            let wrong = pairs.filter(|(a, b)| a != b).count();
            let better = best.as_ref().is_none_or(|(least_wrong, least_loss, kept)| {
                (wrong, loss, order) < (*least_wrong, *least_loss, kept.order)
            });
            if better {
                best = Some((wrong, loss, fitted));
            }
        }
        best.map(|(_, _, fitted)| fitted)
            .ok_or(TargetError::NoOrders)
    }
}

/// A [`MarkovChain`] that has seen its training rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedMarkovChain<A> {
    order: usize,
    /// ln π_c; negative infinity for a class without training rows.
    log_priors: Vec<f64>,
    /// ln P_c(x | w), `[n_classes, 4^(order + 1)]`, columns in the order of k-mers `wx`.
    log_probabilities: Array2<f64>,
    alphabet: PhantomData<A>,
}

impl<A> FittedMarkovChain<A> {
    /// Bases of context.
    pub fn order(&self) -> usize {
        self.order
    }
}

impl<A: Nucleotide> Classifier<A> for FittedMarkovChain<A> {
    fn name(&self) -> String {
        format!("Markov chain of order {}", self.order)
    }

    fn predict_proba(&self, seqs: &[Seq<A>]) -> Array2<f32> {
        let mut probabilities = Array2::zeros((seqs.len(), self.log_priors.len()));
        for (mut row, seq) in probabilities.rows_mut().into_iter().zip(seqs) {
            let mut scores = self.log_priors.clone();
            for kmer in kmers(seq, self.order + 1) {
                for (score, log_p) in scores.iter_mut().zip(self.log_probabilities.column(kmer)) {
                    *score += log_p;
                }
            }
            let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            scores
                .iter_mut()
                .for_each(|score| *score = (*score - best).exp());
            let sum: f64 = scores.iter().sum();
            for (p, score) in row.iter_mut().zip(scores) {
                *p = (score / sum) as f32;
            }
        }
        probabilities
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{labelled, seqs};
    use super::*;
    use crate::metrics::{Bootstrap, accuracy, cross_entropy};
    use hairpin_seq::Dna;
    use proptest::prelude::*;

    fn labels(labels: &[usize], n_classes: usize) -> ClassLabels {
        ClassLabels::new(labels.to_vec(), n_classes).unwrap()
    }

    #[test]
    fn order_one_by_hand() {
        // Class 0, ACAC: P(C|A) = 3/6, P(A|A) = 1/6, P(A|C) = 2/5. Class 1, AAAA: P(A|A) = 4/7, P(C|A) = 1/7.
        let train = seqs(&["ACAC", "AAAA"]);
        let control = MarkovChain::new(1)
            .fit(&train, &labels(&[0, 1], 3))
            .unwrap();
        let probabilities = control.predict_proba(&seqs(&["AANAC", "NNA"]));
        // AA and AC, nothing across the N: 1/6 * 1/2 = 1/12 against 4/7 * 1/7 = 4/49.
        assert!((probabilities[[0, 0]] - 49.0 / 97.0).abs() < 1e-6);
        // Nothing to go by is left: the priors. Class 2 has no rows.
        assert_eq!(probabilities.row(1).to_vec(), [0.5, 0.5, 0.0]);
    }

    #[test]
    fn priors_and_pseudocount_by_hand() {
        // Order 0, a = 1/2: class 0 wrote A twice, C once, so P(A) = 2.5/5; class 1 wrote C once, P(A) = 0.5/3.
        let train = seqs(&["A", "CA", "C"]);
        let control = MarkovChain::new(0)
            .with_pseudocount(0.5)
            .fit(&train, &labels(&[0, 0, 1], 2))
            .unwrap();
        // A: 2/3 * 1/2 = 1/3 against 1/3 * 1/6 = 1/18.
        let probabilities = control.predict_proba(&seqs(&["A"]));
        assert!((probabilities[[0, 0]] - 6.0 / 7.0).abs() < 1e-6);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let (train, of) = (seqs(&["ACGT"]), labels(&[0], 1));
        assert!(matches!(
            MarkovChain::new(12).fit(&train, &of),
            Err(TargetError::Order { order: 12, .. })
        ));
        for pseudocount in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MAX, 5e-324] {
            let chain = MarkovChain::new(0).with_pseudocount(pseudocount);
            assert!(matches!(
                chain.fit(&train, &of),
                Err(TargetError::Pseudocount { .. })
            ));
        }
    }

    #[test]
    fn the_smallest_and_the_largest_pseudocount_give_probabilities() {
        let train = seqs(&["AAAA", "CCCC"]);
        for pseudocount in [1e-300, 1e300] {
            let chain = MarkovChain::new(0).with_pseudocount(pseudocount);
            let control = chain.fit(&train, &labels(&[0, 1], 2)).unwrap();
            let probabilities = control.predict_proba(&seqs(&["AC"]));
            assert_eq!(probabilities.row(0).to_vec(), [0.5, 0.5]);
        }
    }

    #[test]
    fn nothing_to_choose_from_is_refused() {
        let (train, of) = (seqs(&["ACGT"]), labels(&[0], 1));
        let choose = |orders: &[usize], valid: &[Seq<Dna>], valid_labels: &ClassLabels| {
            MarkovChain::fit_best_order(orders.iter().copied(), &train, &of, valid, valid_labels)
                .unwrap_err()
        };
        assert!(matches!(choose(&[], &train, &of), TargetError::NoOrders));
        assert!(matches!(
            choose(&[0], &[], &labels(&[], 1)),
            TargetError::NoRows { .. }
        ));
        assert!(matches!(
            choose(&[0], &train, &labels(&[0], 2)),
            TargetError::Shape { .. }
        ));
    }

    #[test]
    fn of_equal_orders_the_lowest_is_kept() {
        // One class: every order is always right and certain.
        let (train, of) = (seqs(&["ACGT"]), labels(&[0], 1));
        let control = MarkovChain::fit_best_order([3, 1, 2], &train, &of, &train, &of).unwrap();
        assert_eq!(control.order(), 1);
    }

    /// The formula, position by position.
    fn naive(order: usize, train: &[Seq<Dna>], labels: &ClassLabels, seq: &Seq<Dna>) -> Vec<f64> {
        let known = |window: &[u8]| window.iter().all(|&code| code < 4);
        let count = |class: usize, wanted: &[u8]| {
            let of_class = train
                .iter()
                .zip(labels.labels())
                .filter(|&(_, &label)| label == class);
            of_class
                .flat_map(|(seq, _)| seq.codes().windows(order + 1))
                .filter(|window| known(window) && window.starts_with(wanted))
                .count() as f64
        };
        let joint: Vec<f64> = (0..labels.n_classes())
            .map(|class| {
                let windows = seq
                    .codes()
                    .windows(order + 1)
                    .filter(|window| known(window));
                let likelihood: f64 = windows
                    .map(|window| {
                        (count(class, window) + 1.0) / (count(class, &window[..order]) + 4.0)
                    })
                    .product();
                labels.counts()[class] as f64 / labels.len() as f64 * likelihood
            })
            .collect();
        joint
            .iter()
            .map(|p| p / joint.iter().sum::<f64>())
            .collect()
    }

    proptest! {
        #[test]
        fn agrees_with_the_formula((train, of) in labelled(), (asked, _) in labelled(), order in 0usize..4) {
            let of = labels(&of, 3);
            let found = MarkovChain::new(order).fit(&train, &of).unwrap().predict_proba(&asked);
            for (row, seq) in asked.iter().enumerate() {
                for (class, p) in naive(order, &train, &of, seq).into_iter().enumerate() {
                    prop_assert!((f64::from(found[[row, class]]) - p).abs() < 1e-6);
                }
            }
        }

        #[test]
        fn the_order_kept_is_the_best_one(
            (train, of) in labelled(),
            (valid, valid_labels) in labelled(),
            orders in prop::collection::vec(0usize..5, 1..5),
        ) {
            let (of, valid_labels) = (labels(&of, 3), labels(&valid_labels, 3));
            let score = |order: usize| {
                let fitted = MarkovChain::new(order).fit(&train, &of).unwrap();
                let right = accuracy(&fitted.predict(&valid), &valid_labels, 0.95).unwrap().value;
                let bootstrap = Bootstrap { resamples: 1, ..Bootstrap::default() };
                let loss = cross_entropy(&fitted.predict_proba(&valid), &valid_labels, bootstrap).unwrap().value;
                (-right, loss, order)
            };
            let best = orders.iter().map(|&order| score(order)).min_by(|a, b| a.partial_cmp(b).unwrap()).unwrap();
            let kept = MarkovChain::fit_best_order(orders, &train, &of, &valid, &valid_labels).unwrap();
            prop_assert_eq!(kept.order(), best.2);
        }

        #[test]
        fn order_zero_does_not_see_the_order_of_the_bases((train, of) in labelled(), (asked, _) in labelled()) {
            let fitted = MarkovChain::new(0).fit(&train, &labels(&of, 3)).unwrap();
            let sorted: Vec<Seq<Dna>> = asked.iter().map(|seq| {
                let mut codes = seq.codes().to_vec();
                codes.sort_unstable();
                Seq::from_codes(codes).unwrap()
            }).collect();
            let (a, b) = (fitted.predict_proba(&asked), fitted.predict_proba(&sorted));
            prop_assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6));
        }
    }
}
