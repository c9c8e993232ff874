//! Predicted numbers beside the true ones: scatter, residuals, calibration.

use hairpin_targets::metrics::Metric;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::axis::{Axis, Scale};
use super::chart::{Chart, Mark};
use super::html::short;
use super::plot::Role;

/// Predicted and true numbers of the same rows.
///
/// The page shows them three times: predicted against true, the histogram of the errors, and the mean of the truth within tenths of the
/// rows by prediction, which lies on the diagonal where predictions mean what they say. Pairs with a value that is not finite are left out
/// and counted. Above 2,000 pairs the scatter shows 2,000 of them, drawn with the seed; every number is that of all pairs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// What was predicted, such as `Held-out rows, degradation rate`.
    pub caption: String,
    /// The true numbers.
    pub truth: Vec<f64>,
    /// The predicted numbers, one for each true one; what one side has more is left out.
    pub predicted: Vec<f64>,
    /// Chooses the points where there are too many.
    pub seed: u64,
}

/// Dots that a scatter has at most.
pub(super) const MOST_POINTS: usize = 2000;
/// Groups of rows by prediction.
const TENTHS: usize = 10;
/// The scatter is as high as the two others together.
const TALL: u32 = 1100;
const SMALL: u32 = 500;

impl Predictions {
    pub(super) fn to_html(&self) -> String {
        // (predicted, true)
        let pairs: Vec<(f64, f64)> = self
            .predicted
            .iter()
            .zip(&self.truth)
            .map(|(&predicted, &truth)| (predicted, truth))
            .filter(|(predicted, truth)| drawable(*predicted) && drawable(*truth))
            .collect();
        let left_out = self.predicted.len().max(self.truth.len()) - pairs.len();
        let mut html = String::from("<div class=\"plots trio\">\n");
        html += &self.scatter(&pairs, left_out).to_html();
        if !pairs.is_empty() {
            html += &self.residuals(&pairs).to_html();
            html += &self.calibration(pairs).to_html();
        }
        html + "</div>\n"
    }

    fn scatter(&self, pairs: &[(f64, f64)], left_out: usize) -> Chart {
        let (predicted, truth): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let metric = |metric: Metric| {
            metric
                .evaluate(&predicted, &truth)
                .map_or_else(|| "undefined".to_owned(), short)
        };
        let mut facts = format!(
            "{} pairs; Spearman {}, R2 {}, Pearson {}",
            pairs.len(),
            metric(Metric::Spearman),
            metric(Metric::R2),
            metric(Metric::Pearson),
        );
        facts += &match slope(pairs) {
            Some(slope) => format!(
                "; slope of true on predicted {} (1 where predictions mean what they say).",
                short(slope)
            ),
            None => ".".into(),
        };
        let mut notes = vec![facts.clone()];
        let shown: Vec<(f64, f64)> = if pairs.len() > MOST_POINTS {
            notes.push(format!("{MOST_POINTS} pairs are drawn, chosen at random."));
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            let mut chosen = index::sample(&mut rng, pairs.len(), MOST_POINTS).into_vec();
            chosen.sort_unstable();
            chosen.into_iter().map(|row| pairs[row]).collect()
        } else {
            pairs.to_vec()
        };
        if left_out > 0 {
            notes.push(format!(
                "Left out: {left_out} without two numbers that can be drawn."
            ));
        }
        let both = || predicted.iter().chain(&truth).copied();
        let axis = Axis::new(Scale::Linear, 8, both());
        Chart {
            title: format!("{}: predicted against true", self.caption),
            description: format!("{}: predicted against true. {facts}", self.caption),
            x_name: "true",
            y_name: "predicted",
            marks: vec![
                diagonal(&axis),
                Mark::Cloud(
                    shown
                        .iter()
                        .map(|&(predicted, truth)| (truth, predicted))
                        .collect(),
                ),
            ],
            x: axis.clone(),
            y: axis,
            notes,
            height: TALL,
        }
    }

    fn residuals(&self, pairs: &[(f64, f64)]) -> Chart {
        let mut errors: Vec<f64> = pairs
            .iter()
            .map(|(predicted, truth)| predicted - truth)
            .collect();
        errors.sort_by(f64::total_cmp);
        let n = errors.len();
        let (low, high) = (errors[0], errors[n - 1]);
        let quantile = |q: f64| errors[((n - 1) as f64 * q).round() as usize];
        let bars = histogram(&errors, quantile(0.75) - quantile(0.25));
        let mean = errors.iter().sum::<f64>() / n as f64;
        let facts = format!(
            "Median {}, mean {}; the middle half lies from {} to {}, all from {} to {}.",
            short(quantile(0.5)),
            short(mean),
            short(quantile(0.25)),
            short(quantile(0.75)),
            short(low),
            short(high),
        );
        Chart {
            title: format!("{}: errors", self.caption),
            description: format!("{}: histogram of the errors. {facts}", self.caption),
            x_name: "predicted - true",
            y_name: "rows",
            x: Axis::new(
                Scale::Linear,
                6,
                bars.iter().flat_map(|&(left, right, _)| [left, right]),
            ),
            y: Axis::new(
                Scale::Linear,
                4,
                bars.iter().map(|&(.., top)| top).chain([0.0, 1.0]),
            ),
            marks: vec![
                Mark::Bars(Role::Other, bars),
                Mark::Rule(0.0, "no error".into()),
            ],
            notes: vec![facts],
            height: SMALL,
        }
    }

    fn calibration(&self, mut pairs: Vec<(f64, f64)>) -> Chart {
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let n = pairs.len();
        let groups = TENTHS.min(n);
        let mut points = Vec::with_capacity(groups);
        let mut whiskers = Vec::with_capacity(groups);
        for group in 0..groups {
            let rows = &pairs[group * n / groups..(group + 1) * n / groups];
            let mean =
                |of: fn(&(f64, f64)) -> f64| rows.iter().map(of).sum::<f64>() / rows.len() as f64;
            let (x, y) = (mean(|pair| pair.0), mean(|pair| pair.1));
            points.push((x, y));
            if rows.len() > 1 {
                let squares: f64 = rows.iter().map(|pair| (pair.1 - y).powi(2)).sum();
                let error = (squares / (rows.len() - 1) as f64 / rows.len() as f64).sqrt();
                whiskers.push((x, y - 1.96 * error, y + 1.96 * error));
            }
        }
        let ends = whiskers.iter().flat_map(|&(_, low, high)| [low, high]);
        let values = points.iter().flat_map(|&(x, y)| [x, y]);
        let axis = Axis::new(Scale::Linear, 6, values.chain(ends));
        let note = format!(
            "Rows in {groups} groups of equal size by prediction: the mean of the truth over the mean of the prediction, with 95\u{a0}% \
             intervals (1.96 standard errors)."
        );
        Chart {
            title: format!("{}: calibration", self.caption),
            description: format!("{}: calibration. {note}", self.caption),
            x_name: "mean prediction",
            y_name: "mean truth",
            marks: vec![
                diagonal(&axis),
                Mark::Whiskers(Role::Valid, whiskers),
                Mark::Dots(Role::Valid, points),
            ],
            x: axis.clone(),
            y: axis,
            notes: vec![note],
            height: SMALL,
        }
    }
}

/// Where both axes say the same.
pub(super) fn diagonal(axis: &Axis) -> Mark {
    Mark::Line(
        Role::Text,
        vec![(axis.start, axis.start), (axis.end, axis.end)],
    )
}

/// Finite, and no larger than an axis can be.
fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() <= 1e100
}

/// Least squares slope of true on predicted.
fn slope(pairs: &[(f64, f64)]) -> Option<f64> {
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let squares: f64 = pairs.iter().map(|pair| (pair.0 - x).powi(2)).sum();
    let products: f64 = pairs.iter().map(|pair| (pair.0 - x) * (pair.1 - y)).sum();
    let slope = products / squares;
    (squares > 0.0 && slope.is_finite()).then_some(slope)
}

/// Bars of the rule of Freedman and Diaconis (1981, doi:10.1007/BF01025868), `2 IQR / n^(1/3)` wide, and from 5 to 60 of them.
fn histogram(sorted: &[f64], middle_half: f64) -> Vec<(f64, f64, f64)> {
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    // Errors that are all the same have one bar, as wide as they are large.
    let half = if high > low {
        0.0
    } else {
        0.5 * low.abs().max(1e-9)
    };
    let (low, high) = (low - half, high + half);
    let width = 2.0 * middle_half / (sorted.len() as f64).cbrt();
    let wanted = (high - low) / width;
    let bins = if half > 0.0 {
        1
    } else if wanted.is_finite() {
        (wanted.ceil() as usize).clamp(5, 60)
    } else {
        20
    };
    let width = (high - low) / bins as f64;
    let mut counts = vec![0usize; bins];
    for error in sorted {
        counts[(((error - low) / width) as usize).min(bins - 1)] += 1;
    }
    counts
        .into_iter()
        .enumerate()
        .filter(|(_, count)| *count > 0)
        .map(|(bin, count)| {
            let left = low + bin as f64 * width;
            (left, left + width, count as f64)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(truth: Vec<f64>, predicted: Vec<f64>) -> Predictions {
        Predictions {
            caption: "rows".into(),
            truth,
            predicted,
            seed: 1,
        }
    }

    #[test]
    fn the_caption_has_the_numbers_of_all_pairs() {
        // True = 2 predicted + 1: a perfect rank, R2 = 1 - (1 + 4 + 9) / 8.
        let html = predictions(vec![1.0, 3.0, 5.0], vec![0.0, 1.0, 2.0]).to_html();
        assert!(
            html.contains(
                "3 pairs; Spearman 1, R2 -0.75, Pearson 1; slope of true on predicted 2 ("
            ),
            "{html:.600}"
        );
        assert_eq!(html.matches("<figure").count(), 3);
    }

    #[test]
    fn a_large_scatter_is_thinned_by_the_seed_alone() {
        let truth: Vec<f64> = (0..30_000).map(|row| f64::from(row % 977)).collect();
        let big = predictions(truth.clone(), truth.iter().map(|y| y + 1.0).collect());
        let html = big.to_html();
        assert_eq!(html.matches("h0").count(), MOST_POINTS);
        assert!(html.contains("30000 pairs;") && html.contains("2000 pairs are drawn"));
        assert!(html.len() < 100_000, "{}", html.len());
        assert_eq!(html, big.to_html());
        assert_ne!(html, Predictions { seed: 2, ..big }.to_html());
    }

    #[test]
    fn anything_can_be_drawn() {
        let nan = f64::NAN;
        for (truth, predicted) in [
            (vec![], vec![]),
            (vec![1.0], vec![]),
            (vec![nan, f64::INFINITY, 1.0], vec![1.0, 1.0, nan]),
            (vec![1.0], vec![1.0]),
            (vec![0.0; 5], vec![0.0; 5]),
            (vec![2.0; 5], vec![2.5; 5]),
            (vec![1e300, 1.0], vec![1.0, 1.0]),
            (vec![1e99, -1e99], vec![-1e99, 1e99]),
            (vec![1e-300, 2e-300, 3e-300], vec![1e-300, 2e-300, 3e-300]),
            ((0..100).map(f64::from).collect(), vec![3.0; 100]),
        ] {
            let html = predictions(truth, predicted).to_html();
            assert!(!html.contains("could not be drawn"), "{html}");
            assert!(!html.contains("NaN"), "{html}");
        }
    }

    #[test]
    fn every_error_is_in_a_bar() {
        for errors in [
            (0..1000).map(|row| f64::from(row * row % 701)).collect(),
            vec![-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 900.0],
            vec![0.0; 4],
            vec![1e99; 2],
        ] {
            let mut sorted: Vec<f64> = errors;
            sorted.sort_by(f64::total_cmp);
            let bars = histogram(
                &sorted,
                sorted[sorted.len() * 3 / 4] - sorted[sorted.len() / 4],
            );
            let total: f64 = bars.iter().map(|bar| bar.2).sum();
            assert_eq!(total, sorted.len() as f64);
            assert!(bars.len() <= 60 && bars.iter().all(|bar| bar.0 < bar.1));
        }
    }
}
