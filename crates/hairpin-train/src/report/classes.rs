//! The parts of a page that come from predicted probabilities of classes.

use hairpin_seq::{Alphabet, Seq};
use hairpin_targets::metrics::{Bootstrap, ClassMetric, Difference};
use hairpin_targets::{ClassLabels, TargetError, most_likely};
use ndarray::Array2;

use super::{Calibration, Verdict, WorstCase};

impl Calibration {
    /// The probability of the class that was named, and whether it was right.
    ///
    /// # Errors
    ///
    /// If there is not one row of `probabilities`, `[n_rows, n_classes]`, per label.
    pub fn of_classes(
        caption: impl Into<String>,
        probabilities: &Array2<f32>,
        truth: &ClassLabels,
    ) -> Result<Self, TargetError> {
        check(probabilities, truth)?;
        let named = most_likely(probabilities)?;
        let rows = named.iter().zip(probabilities.rows());
        Ok(Self::Probabilities {
            caption: caption.into(),
            predicted: rows.map(|(&class, row)| f64::from(row[class])).collect(),
            truth: named
                .iter()
                .zip(truth.labels())
                .map(|(named, truth)| named == truth)
                .collect(),
        })
    }
}

impl WorstCase {
    /// Every row, its error being how surprising its true class was: `-ln p`, in nats. The page shows the worst.
    ///
    /// # Errors
    ///
    /// If there is not one sequence and one row of `probabilities`, `[n_rows, n_classes]`, per label.
    pub fn of_classes<A: Alphabet>(
        sequences: &[Seq<A>],
        probabilities: &Array2<f32>,
        truth: &ClassLabels,
    ) -> Result<Vec<Self>, TargetError> {
        check(probabilities, truth)?;
        if sequences.len() != truth.len() {
            return Err(TargetError::Length {
                what: "sequences",
                expected: truth.len(),
                found: sequences.len(),
            });
        }
        let named = most_likely(probabilities)?;
        let rows = named.iter().zip(probabilities.rows()).zip(truth.labels());
        Ok(rows
            .zip(sequences)
            .enumerate()
            .map(|(row, (((&named, p), &class), sequence))| Self {
                id: row.to_string(),
                truth: class.to_string(),
                predicted: format!("{named} ({:.3})", p[named]),
                error: -f64::from(p[class]).ln(),
                sequence: sequence.to_string(),
            })
            .collect())
    }
}

impl Verdict {
    /// The verdict on a classifier by one metric, and its paired difference with each control, in their order: [`ClassMetric::compare`].
    ///
    /// # Errors
    ///
    /// As [`ClassMetric::compare`].
    pub fn of_classes(
        (model, probabilities): (&str, &Array2<f32>),
        controls: &[(&str, &Array2<f32>)],
        truth: &ClassLabels,
        metric: ClassMetric,
        bootstrap: Bootstrap,
    ) -> Result<(Option<Self>, Vec<Difference>), TargetError> {
        let compared = |(name, other): &(&str, &Array2<f32>)| {
            let difference = metric.compare(probabilities, other, truth, bootstrap)?;
            Ok(((*name).to_owned(), difference))
        };
        let controls: Vec<(String, Difference)> = controls
            .iter()
            .map(compared)
            .collect::<Result<_, TargetError>>()?;
        let verdict = Self::of(model, metric.name(), metric.direction(), &controls);
        let differences = controls.into_iter().map(|(_, difference)| difference);
        Ok((verdict, differences.collect()))
    }
}

fn check(probabilities: &Array2<f32>, truth: &ClassLabels) -> Result<(), TargetError> {
    let expected = (truth.len(), truth.n_classes());
    match probabilities.dim() == expected {
        true => Ok(()),
        false => Err(TargetError::Shape {
            what: "the matrix of probabilities",
            expected,
            found: probabilities.dim(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use hairpin_seq::Dna;
    use ndarray::array;

    use super::super::Level;
    use super::*;

    fn truth() -> ClassLabels {
        ClassLabels::new(vec![0, 1, 1], 2).unwrap()
    }

    #[test]
    fn calibration_takes_the_class_that_was_named() {
        let p = array![[0.75f32, 0.25], [0.5, 0.5], [0.25, 0.75]];
        let found = Calibration::of_classes("rows", &p, &truth()).unwrap();
        let expected = Calibration::Probabilities {
            caption: "rows".into(),
            predicted: vec![0.75, 0.5, 0.75],
            truth: vec![true, false, true],
        };
        assert_eq!(found, expected);
        let refused = Calibration::of_classes("rows", &p, &truth().select(&[0]).unwrap());
        assert!(matches!(refused, Err(TargetError::Shape { .. })));
    }

    #[test]
    fn the_worst_case_is_the_least_expected_truth() {
        let p = array![[0.75f32, 0.25], [1.0, 0.0], [0.25, 0.75]];
        let sequences: Vec<Seq<Dna>> = ["A", "C", "G"].map(|text| text.parse().unwrap()).into();
        let found = WorstCase::of_classes(&sequences, &p, &truth()).unwrap();
        assert_eq!(found[0].error, -(0.75f64.ln()));
        assert_eq!(found[1].error, f64::INFINITY);
        let told = (&*found[1].truth, &*found[1].predicted, &*found[1].sequence);
        assert_eq!(told, ("1", "0 (1.000)", "C"));
        let refused = WorstCase::of_classes(&sequences[1..], &p, &truth());
        assert!(matches!(refused, Err(TargetError::Length { found: 2, .. })));
    }

    #[test]
    fn the_verdict_follows_the_paired_differences() {
        let truth = ClassLabels::new((0..60).map(|row| row % 2).collect(), 2).unwrap();
        let right = |share: usize| {
            let p = |(row, class)| {
                let named = if row % 6 < share {
                    row % 2
                } else {
                    1 - row % 2
                };
                f32::from(u8::from(class == named))
            };
            Array2::from_shape_fn((60, 2), p)
        };
        let (good, poor) = (right(6), right(3));
        let on = |model, controls: &[(&str, &Array2<f32>)]| {
            let (metric, bootstrap) = (ClassMetric::Accuracy, Bootstrap::default());
            Verdict::of_classes(("net", model), controls, &truth, metric, bootstrap).unwrap()
        };
        let (verdict, differences) = on(&good, &[("coin", &poor)]);
        assert_eq!(verdict.unwrap().level, Level::Beats);
        assert_eq!(differences[0].difference.value, 0.5);
        let (verdict, _) = on(&poor, &[("same", &poor), ("count", &good)]);
        let verdict = verdict.unwrap();
        assert_eq!(verdict.level, Level::Loses);
        assert!(verdict.text.contains("loses to count in accuracy"));
        assert_eq!(
            on(&good, &[("itself", &good)]).0.unwrap().level,
            Level::Ties
        );
        assert_eq!(on(&good, &[]).0, None);
    }
}
