//! How the settings of a run were found: the range of learning rates that was tried, and the search over all of them.

use super::axis::{Axis, Scale};
use super::chart::{Chart, Mark};
use super::html::{escape, short};
use super::plot::Role;
use super::table::Table;

/// What a learning-rate finder measured: one loss for each rate (Smith 2017, [doi:10.1109/WACV.2017.58](https://doi.org/10.1109/WACV.2017.58)).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RateFinder {
    /// The rates, ascending.
    pub rates: Vec<f64>,
    /// The loss at each, smoothed if the finder does.
    pub losses: Vec<f64>,
    /// The rate that it suggests.
    pub suggestion: Option<f64>,
}

/// The search that chose a run's settings, in short.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchSummary {
    /// One sentence: how many trials, how many pruned, how long.
    pub text: String,
    /// Value of each trial in the order of their numbers; nothing for one that has none.
    pub values: Vec<Option<f64>>,
    /// Whether a larger value is better.
    pub maximise: bool,
    /// The best settings, or the best few trials.
    pub best: Table,
    /// Name of the search's own page in the same folder, such as `search.html`.
    pub page: Option<String>,
}

const TALL: u32 = 600;
/// Points of a curve that are drawn at most.
const MOST_POINTS: usize = 2000;

impl RateFinder {
    pub(super) fn to_html(&self) -> String {
        let n = self.rates.len().min(self.losses.len());
        let every = n.div_ceil(MOST_POINTS).max(1);
        let points: Vec<(f64, f64)> = (0..n)
            .step_by(every)
            .map(|at| (self.rates[at], self.losses[at]))
            .collect();
        let finite = || {
            points
                .iter()
                .filter(|(rate, loss)| *rate > 0.0 && rate.is_finite() && loss.is_finite())
        };
        let first = finite().next().map_or(1.0, |point| point.1);
        let least = finite().map(|point| point.1).fold(f64::INFINITY, f64::min);
        // Where the loss explodes, the curve leaves the drawing: what matters is the way down.
        let top = first + 2.0 * (first - least).abs().max(1e-3 * first.abs());
        let seen: Vec<(f64, f64)> = points
            .iter()
            .map(|&(rate, loss)| (rate, if loss <= top { loss } else { f64::NAN }))
            .collect();
        let rates = points.iter().map(|point| point.0);
        let mut marks = vec![Mark::Line(Role::Valid, seen.clone())];
        let note = match self.suggestion {
            Some(rate) if rate.is_finite() && rate > 0.0 => {
                marks.push(Mark::Rule(rate, format!("suggested: {}", short(rate))));
                format!("Suggested learning rate: {}.", short(rate))
            }
            _ => "No learning rate is suggested.".to_owned(),
        };
        let chart = Chart {
            title: "Learning-rate finder".into(),
            description: format!(
                "Learning-rate finder: loss against learning rate, log scale. {note}"
            ),
            x_name: "learning rate (log scale)",
            y_name: "loss",
            x: Axis::new(Scale::Log, 6, rates.chain(self.suggestion)),
            y: Axis::new(Scale::Linear, 6, seen.iter().map(|point| point.1)),
            marks,
            notes: vec![note],
            height: TALL,
        };
        format!("<div class=\"plots\">\n{}</div>\n", chart.to_html())
    }
}

impl SearchSummary {
    pub(super) fn to_html(&self) -> String {
        let mut html = String::new();
        if !self.text.is_empty() {
            html += &format!("<p class=\"lead\">{}</p>\n", escape(&self.text));
        }
        if let Some(page) = &self.page {
            let shown = escape(page);
            // A plain name leads nowhere but into the same folder.
            html += &if is_file_name(page) {
                format!("<p class=\"lead\">All trials: <a href=\"{shown}\">{shown}</a></p>\n")
            } else {
                format!("<p class=\"lead\">All trials: {shown}</p>\n")
            };
        }
        if self.values.iter().any(Option::is_some) {
            html += &format!("<div class=\"plots\">\n{}</div>\n", self.chart().to_html());
        }
        if !self.best.rows.is_empty() {
            html += &self.best.to_html();
        }
        html
    }

    fn chart(&self) -> Chart {
        let mut best: Option<f64> = None;
        let mut steps = Vec::new();
        let mut dots = Vec::new();
        for (trial, value) in self.values.iter().enumerate() {
            let Some(value) = value.filter(|value| value.is_finite()) else {
                continue;
            };
            dots.push((trial as f64, value));
            let better = best.is_none_or(|best| {
                if self.maximise {
                    value > best
                } else {
                    value < best
                }
            });
            if better {
                if let Some(before) = best {
                    steps.push((trial as f64, before));
                }
                steps.push((trial as f64, value));
                best = Some(value);
            }
        }
        if let Some(best) = best {
            steps.push((self.values.len().saturating_sub(1) as f64, best));
        }
        if dots.len() > MOST_POINTS {
            let every = dots.len().div_ceil(MOST_POINTS);
            dots = dots.into_iter().step_by(every).collect();
        }
        let said = best.map_or_else(|| "none".to_owned(), short);
        let note = format!("Best of {} trials: {said}.", self.values.len());
        Chart {
            title: "Best so far".into(),
            description: format!("Best value so far over the trials of the search. {note}"),
            x_name: "trial",
            y_name: "value",
            x: Axis::epochs(0, self.values.len().saturating_sub(1)),
            y: Axis::new(Scale::Linear, 6, dots.iter().map(|dot| dot.1)),
            marks: vec![Mark::Cloud(dots), Mark::Line(Role::Valid, steps)],
            notes: vec![note],
            height: TALL,
        }
    }
}

fn is_file_name(text: &str) -> bool {
    let plain = |symbol: char| symbol.is_ascii_alphanumeric() || matches!(symbol, '.' | '-' | '_');
    !text.is_empty() && !text.starts_with('.') && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_so_far_goes_the_way_of_the_search() {
        let mut search = SearchSummary {
            values: vec![Some(3.0), None, Some(f64::NAN), Some(1.0), Some(2.0)],
            ..SearchSummary::default()
        };
        assert!(search.to_html().contains("Best of 5 trials: 1."));
        search.maximise = true;
        assert!(search.to_html().contains("Best of 5 trials: 3."));
        assert_eq!(search.to_html().matches("h0").count(), 3);
        search.values = vec![None; 3];
        assert!(!search.to_html().contains("<svg"));
    }

    #[test]
    fn only_a_plain_name_becomes_a_link() {
        let page = |page: &str| {
            SearchSummary {
                page: Some(page.into()),
                ..SearchSummary::default()
            }
            .to_html()
        };
        assert!(page("search.html").contains("<a href=\"search.html\">"));
        for elsewhere in [
            "https:a",
            "//a",
            "../a",
            "javascript:x",
            "",
            ".",
            "a b",
            "\"x",
        ] {
            assert!(!page(elsewhere).contains("<a"), "{elsewhere}");
        }
    }

    #[test]
    fn a_loss_that_explodes_does_not_flatten_the_rest() {
        let rates: Vec<f64> = (0..60).map(|at| 1e-6 * 1.3f64.powi(at)).collect();
        let mut losses: Vec<f64> = (0..60).map(|at| 1.0 - 0.01 * f64::from(at)).collect();
        losses[58] = 1e30;
        losses[59] = f64::NAN;
        let finder = RateFinder {
            rates,
            losses,
            suggestion: Some(1e-3),
        };
        let html = finder.to_html();
        assert!(
            html.contains("suggested: 0.001") && !html.contains("1e30"),
            "{html}"
        );
        for odd in [
            RateFinder::default(),
            RateFinder {
                suggestion: Some(f64::NAN),
                ..finder.clone()
            },
            RateFinder {
                losses: vec![f64::NAN; 60],
                ..finder.clone()
            },
            RateFinder {
                rates: vec![-1.0, 0.0],
                ..finder
            },
        ] {
            assert!(!odd.to_html().contains("could not be drawn"));
        }
    }
}
