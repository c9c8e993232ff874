//! Whether probabilities and intervals hold what they promise.

use super::axis::{Axis, Scale};
use super::chart::{Chart, Mark};
use super::html::short;
use super::plot::Role;
use super::predictions::diagonal;

/// What was promised beside what happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Calibration {
    /// Probabilities of a yes, in ten bins of equal width: the share of yes over the mean probability.
    ///
    /// Of a classifier with several classes, the probability of the class it named and whether that was right.
    Probabilities {
        /// What was predicted.
        caption: String,
        /// Probability of a yes, 0 to 1; a row with another number is left out.
        predicted: Vec<f64>,
        /// Whether it was a yes.
        truth: Vec<bool>,
    },
    /// Intervals at several levels: the share of truths inside over the level.
    Coverage {
        /// What was predicted.
        caption: String,
        /// Level of the intervals, 0 to 1.
        nominal: Vec<f64>,
        /// Share of the truths that lay inside.
        observed: Vec<f64>,
    },
}

const BINS: usize = 10;
const TALL: u32 = 800;

impl Calibration {
    pub(super) fn to_html(&self) -> String {
        match self {
            Self::Probabilities {
                caption,
                predicted,
                truth,
            } => probabilities(caption, predicted, truth).to_html(),
            Self::Coverage {
                caption,
                nominal,
                observed,
            } => coverage(caption, nominal, observed).to_html(),
        }
    }
}

fn probabilities(caption: &str, predicted: &[f64], truth: &[bool]) -> Chart {
    let mut bins = [(0.0, 0usize, 0usize); BINS];
    let mut rows = 0;
    for (&p, &yes) in predicted.iter().zip(truth) {
        if (0.0..=1.0).contains(&p) {
            let bin = &mut bins[((p * BINS as f64) as usize).min(BINS - 1)];
            *bin = (bin.0 + p, bin.1 + usize::from(yes), bin.2 + 1);
            rows += 1;
        }
    }
    let mut points = Vec::new();
    let mut whiskers = Vec::new();
    let mut error = 0.0;
    for &(sum, yes, n) in bins.iter().filter(|bin| bin.2 > 0) {
        let (n, mean, share) = (n as f64, sum / n as f64, yes as f64 / n as f64);
        let (low, high) = wilson(share, n);
        points.push((mean, share));
        whiskers.push((mean, low, high));
        error += (sum - yes as f64).abs();
    }
    let mut facts =
        format!("{rows} rows in {BINS} bins of equal width, with 95\u{a0}% intervals (Wilson)");
    if rows > 0 {
        facts += &format!("; calibration error {}", short(error / f64::from(rows)));
    }
    facts.push('.');
    let mut notes = vec![facts.clone()];
    let left_out = predicted.len().max(truth.len()) - rows as usize;
    if left_out > 0 {
        notes.push(format!("Left out: {left_out} without a probability."));
    }
    let axis = Axis::new(Scale::Linear, 6, [0.0, 1.0].into_iter());
    Chart {
        title: format!("{caption}: reliability"),
        description: format!("{caption}: reliability of the probabilities. {facts}"),
        x_name: "predicted probability",
        y_name: "observed share",
        marks: vec![
            diagonal(&axis),
            Mark::Whiskers(Role::Valid, whiskers),
            Mark::Dots(Role::Valid, points),
        ],
        x: axis.clone(),
        y: axis,
        notes,
        height: TALL,
    }
}

fn coverage(caption: &str, nominal: &[f64], observed: &[f64]) -> Chart {
    let share = |value: f64| (0.0..=1.0).contains(&value);
    let mut points: Vec<(f64, f64)> = nominal
        .iter()
        .zip(observed)
        .map(|(&nominal, &observed)| (nominal, observed))
        .filter(|&(nominal, observed)| share(nominal) && share(observed))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let said: Vec<String> = points
        .iter()
        .take(BINS)
        .map(|(nominal, observed)| {
            format!(
                "{}\u{a0}% at {}\u{a0}%",
                short(100.0 * observed),
                short(100.0 * nominal)
            )
        })
        .collect();
    let note = format!("Share of truths inside the interval: {}.", said.join(", "));
    let axis = Axis::new(Scale::Linear, 6, [0.0, 1.0].into_iter());
    Chart {
        title: format!("{caption}: coverage of the intervals"),
        description: format!("{caption}: coverage of the intervals. {note}"),
        x_name: "level of the interval",
        y_name: "share inside",
        marks: vec![
            diagonal(&axis),
            Mark::Line(Role::Valid, points.clone()),
            Mark::Dots(Role::Valid, points),
        ],
        x: axis.clone(),
        y: axis,
        notes: vec![note],
        height: TALL,
    }
}

/// Wilson's score interval of a share at 95 % (1927, doi:10.1080/01621459.1927.10502953).
fn wilson(share: f64, n: f64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (
        ((middle - half) / scale).max(0.0),
        ((middle + half) / scale).min(1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        // 8 of 10: Brown, Cai and DasGupta (2001) give 0.49 to 0.94.
        let (low, high) = wilson(0.8, 10.0);
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4);
    }

    #[test]
    fn a_bin_says_what_happened_in_it() {
        let html = Calibration::Probabilities {
            caption: "yes".into(),
            predicted: vec![0.25, 0.25, 0.75, 0.75, 1.0, f64::NAN, -0.5],
            truth: vec![false, true, true, true, true, true, true],
        }
        .to_html();
        // |0.5 - 1| + |1.5 - 2| + |1 - 1| over 5 rows.
        assert!(
            html.contains("5 rows in 10 bins") && html.contains("calibration error 0.2"),
            "{html}"
        );
        assert!(html.contains("Left out: 2 without a probability."));
        assert_eq!(html.matches("<circle").count(), 3);
    }

    #[test]
    fn nothing_and_nonsense_are_drawn_too() {
        for (first, second) in [
            (vec![], vec![]),
            (vec![f64::NAN, 0.5, 2.0], vec![0.5, f64::INFINITY]),
        ] {
            let html = Calibration::Coverage {
                caption: "c".into(),
                nominal: first.clone(),
                observed: second,
            }
            .to_html();
            assert!(html.contains("<svg") && !html.contains("NaN"), "{html}");
            let html = Calibration::Probabilities {
                caption: "c".into(),
                predicted: first,
                truth: vec![],
            }
            .to_html();
            assert!(html.contains("0 rows") && html.contains("<svg"), "{html}");
        }
    }
}
