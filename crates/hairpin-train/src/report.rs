//! One run on one page: what data, what split and its leaks, scores beside their controls, curves, predictions, worst cases,
//! explanations, configuration and origin, below one sentence that says whether the model is worth having.
//!
//! The page is a single file that needs no network and no script: style and drawings are inside it. It follows the
//! reader's light or dark theme, prints, and reads on a narrow screen. Every text is escaped, whatever it holds.

mod axis;
mod calibration;
mod chart;
mod classes;
mod confusion;
pub(crate) mod html;
mod plot;
mod predictions;
mod rows;
mod search;
mod svg;
mod table;
mod verdict;

pub use calibration::Calibration;
pub use confusion::ConfusionFigure;
pub use predictions::Predictions;
pub use rows::{Leakage, WorstCase};
pub use search::{RateFinder, SearchSummary};
pub use svg::{Figure, Svg, SvgError};
pub use table::Table;
pub use verdict::{Level, Verdict};

use axis::Scale;
use html::{escape, number};
use plot::{Curve, Plot, Role};

use crate::history::{Epoch, History};
use crate::manifest::{Launch, Manifest};

/// What the page of a run shows; a part that is empty is left out. Of each list of figures at most 24 are shown.
///
/// ```
/// use hairpin_train::report::Report;
///
/// let report = Report {
///     title: "DNA classes <five>".into(),
///     summary: vec![("Validation accuracy".into(), "1.00".into())],
///     config_toml: "epochs = 60\n".into(),
///     ..Report::default()
/// };
/// let html = report.to_html();
/// assert!(html.starts_with("<!DOCTYPE html>"));
/// assert!(html.contains("<h1>DNA classes &lt;five&gt;</h1>"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Headline and title of the page.
    pub title: String,
    /// The first line: how the model stands beside its controls.
    pub verdict: Option<Verdict>,
    /// Key facts as name and value, shown as cards under the headline.
    pub summary: Vec<(String, String)>,
    /// The data as name and value: files, rows, lengths, what was left out and why.
    pub data: Vec<(String, String)>,
    /// How the rows were dealt out, as name and value: kind of split, seed, rows of each part.
    pub split: Vec<(String, String)>,
    /// What the parts of the split have in common.
    pub leakage: Vec<Leakage>,
    /// Epochs of the run, drawn as curves.
    pub history: Option<History>,
    /// The model beside its controls, one table per set of rows.
    pub tables: Vec<Table>,
    /// The learning rates that were tried before the training.
    pub rate_finder: Option<RateFinder>,
    /// Predicted and true numbers.
    pub predictions: Vec<Predictions>,
    /// Whether probabilities and intervals hold what they promise.
    pub calibrations: Vec<Calibration>,
    /// Confusion matrices.
    pub confusions: Vec<ConfusionFigure>,
    /// Predictions that went wrong; the 20 worst are shown.
    pub worst: Vec<WorstCase>,
    /// Why the model predicts what it predicts.
    pub explanations: Vec<Figure>,
    /// Members of an ensemble: score, weight.
    pub ensemble: Option<Table>,
    /// The search that chose the settings.
    pub search: Option<SearchSummary>,
    /// The resolved configuration.
    pub config_toml: String,
    /// What the run was made with.
    pub manifest: Option<Manifest>,
    /// When and how it was started.
    pub launches: Vec<Launch>,
    /// What else there is to say about where the numbers come from, as name and value.
    pub provenance: Vec<(String, String)>,
}

const STYLE: &str = include_str!("report/style.css");
const TALL: u32 = 600;
const SMALL: u32 = 420;
/// Figures of one list: beyond this a page is slow, and nobody reads it.
const MOST_FIGURES: usize = 24;

impl Report {
    /// The page.
    pub fn to_html(&self) -> String {
        let title = escape(&self.title);
        // The policy makes sure of what the page promises: nothing is fetched and nothing runs.
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n"
        );
        if let Some(verdict) = &self.verdict {
            html += &verdict.to_html();
        }
        if !self.summary.is_empty() {
            // Rows of equal length, at most five in each.
            let rows = self.summary.len().div_ceil(5);
            html += &format!(
                "<dl class=\"cards\" style=\"--n:{}\">\n",
                self.summary.len().div_ceil(rows)
            );
            for (name, value) in &self.summary {
                html += &format!(
                    "<div><dt>{}</dt><dd>{}</dd></div>\n",
                    escape(name),
                    escape(value)
                );
            }
            html += "</dl>\n";
        }
        html += "</header>\n";
        html += &section("Data", &facts(&self.data));
        let leaks = figures(&self.leakage, Leakage::to_html);
        html += &section("Split", &(facts(&self.split) + &leaks));
        html += &section(
            "Model against controls",
            &figures(&self.tables, Table::to_html),
        );
        if let Some(history) = &self.history {
            html += &section("Curves", &curves(history));
        }
        if let Some(finder) = &self.rate_finder {
            html += &section("Learning rate", &finder.to_html());
        }
        let mut plots = figures(&self.predictions, Predictions::to_html);
        if !self.calibrations.is_empty() {
            let calibrations = figures(&self.calibrations, Calibration::to_html);
            plots += &format!("<div class=\"plots\">\n{calibrations}</div>\n");
        }
        html += &section("Predictions", &plots);
        let confusions = figures(&self.confusions, ConfusionFigure::to_html);
        html += &section("Confusion", &confusions);
        html += &section("Worst cases", &rows::worst_cases(&self.worst));
        html += &section(
            "Explanations",
            &figures(&self.explanations, Figure::to_html),
        );
        if let Some(members) = &self.ensemble {
            html += &section("Ensemble", &members.to_html());
        }
        if let Some(search) = &self.search {
            html += &section("Search", &search.to_html());
        }
        if !self.config_toml.trim().is_empty() {
            let config = escape(self.config_toml.trim_end());
            let body = format!(
                "<details class=\"panel config\">\n<summary>Resolved configuration</summary>\n\
                 <pre tabindex=\"0\"><code>{config}</code></pre>\n</details>\n"
            );
            html += &section("Configuration", &body);
        }
        let manifest = self.manifest.as_ref().map(Manifest::facts);
        let manifest = facts(&manifest.unwrap_or_default()) + &launches(&self.launches);
        html += &section("Manifest", &manifest);
        html += &section("Provenance", &facts(&self.provenance));
        html + "</main>\n</body>\n</html>\n"
    }
}

/// The first of a list, and how many more there are.
fn figures<T>(list: &[T], to_html: fn(&T) -> String) -> String {
    let mut html: String = list.iter().take(MOST_FIGURES).map(to_html).collect();
    if list.len() > MOST_FIGURES {
        html += &format!(
            "<p class=\"panel\">{} more are not shown.</p>\n",
            list.len() - MOST_FIGURES
        );
    }
    html
}

fn facts(pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let mut html = String::from("<dl class=\"panel facts\">\n");
    for (name, value) in pairs {
        html += &format!(
            "<div><dt>{}</dt><dd>{}</dd></div>\n",
            escape(name),
            escape(value)
        );
    }
    html + "</dl>\n"
}

fn launches(launches: &[Launch]) -> String {
    if launches.is_empty() {
        return String::new();
    }
    Table {
        caption: "Started".into(),
        columns: ["when", "threads", "command"].map(String::from).to_vec(),
        rows: launches
            .iter()
            .map(|launch| {
                vec![
                    launch.started.clone(),
                    launch.threads.to_string(),
                    launch.command.join(" "),
                ]
            })
            .collect(),
        ..Table::default()
    }
    .to_html()
}

fn section(heading: &str, body: &str) -> String {
    if body.is_empty() {
        String::new()
    } else {
        format!("<section>\n<h2>{heading}</h2>\n{body}</section>\n")
    }
}

/// Loss, score, learning rate and gradient over the epochs, and the same numbers as a table.
fn curves(history: &History) -> String {
    let epochs = &history.epochs;
    if epochs.is_empty() {
        return "<p class=\"panel\">No epoch was completed.</p>\n".into();
    }
    let numbers: Vec<usize> = epochs.iter().map(|epoch| epoch.epoch).collect();
    let best = history
        .best()
        .and_then(|best| epochs.iter().position(|epoch| std::ptr::eq(epoch, best)));
    let curve = |name: &str, role, value: fn(&Epoch) -> f64| Curve {
        name: name.into(),
        role,
        values: epochs.iter().map(value).collect(),
    };
    let score = &history.score_name;
    let plot = |title: &str, scale, height, curves| {
        Plot {
            title: title.into(),
            epochs: &numbers,
            curves,
            scale,
            best,
            height,
        }
        .to_html()
    };

    let mut html = lead(history);
    html += "<div class=\"plots\">\n";
    let losses = vec![
        curve("training", Role::Train, |epoch| epoch.train_loss),
        curve("validation", Role::Valid, |epoch| epoch.valid_loss),
    ];
    html += &plot("Loss", None, TALL, losses);
    let scores = vec![curve(score, Role::Valid, |epoch| epoch.valid_score)];
    html += &plot(
        &format!("Validation {score}"),
        Some(Scale::Linear),
        TALL,
        scores,
    );
    let rates = vec![curve("learning rate", Role::Other, |epoch| {
        epoch.learning_rate
    })];
    html += &plot("Learning rate", Some(Scale::Log), SMALL, rates);
    let gradients = vec![curve("gradient norm", Role::Other, |epoch| {
        epoch.gradient_norm
    })];
    html += &plot("Gradient norm", None, SMALL, gradients);
    html += "</div>\n";

    let header = [
        "epoch",
        "training loss",
        "validation loss",
        score,
        "learning rate",
        "gradient norm",
        "seconds",
    ];
    html += "<details class=\"panel\">\n<summary>The numbers behind the curves</summary>\n<div class=\"scroll\" tabindex=\"0\" \
             role=\"region\" aria-label=\"Epochs\">\n<table class=\"data\">\n<thead><tr>";
    for name in header {
        html += &format!("<th scope=\"col\" class=\"num\">{}</th>", escape(name));
    }
    html += "</tr></thead>\n<tbody>\n";
    for (index, e) in epochs.iter().enumerate() {
        html += if best == Some(index) {
            "<tr class=\"model\">"
        } else {
            "<tr>"
        };
        html += &format!("<th scope=\"row\" class=\"num\">{}</th>", e.epoch);
        for value in [e.train_loss, e.valid_loss, e.valid_score] {
            html += &format!("<td class=\"num\">{}</td>", number(value));
        }
        html += &format!(
            "<td class=\"num\">{:e}</td><td class=\"num\">{}</td>",
            e.learning_rate,
            number(e.gradient_norm)
        );
        html += &format!("<td class=\"num\">{:.1}</td></tr>\n", e.seconds);
    }
    html + "</tbody>\n</table>\n</div>\n</details>\n"
}

/// One sentence above the curves.
fn lead(history: &History) -> String {
    let (count, seconds) = (
        history.epochs.len(),
        history
            .epochs
            .iter()
            .map(|epoch| epoch.seconds)
            .sum::<f64>(),
    );
    let plural = if count == 1 { "epoch" } else { "epochs" };
    let mut text = format!("{count} {plural} in {seconds:.1} s");
    if let Some(best) = history.best() {
        let (score, name) = (number(best.valid_score), &history.score_name);
        text += &format!(
            "; the best was epoch {} with a validation {name} of {score}",
            best.epoch
        );
    }
    format!("<p class=\"lead\">{}.</p>\n", escape(&text))
}

#[cfg(test)]
mod tests {
    use hairpin_targets::LeakageReport;

    use super::*;

    fn history(epochs: usize, loss: impl Fn(usize) -> f64) -> History {
        let epoch = |number: usize| Epoch {
            epoch: number,
            train_loss: loss(number),
            valid_loss: loss(number) * 1.5,
            valid_score: 1.0 / loss(number),
            learning_rate: 1e-3,
            gradient_norm: loss(number),
            seconds: 2.0,
            best: number == 1,
        };
        History {
            score_name: "accuracy".into(),
            epochs: (1..=epochs).map(epoch).collect(),
        }
    }

    fn report(history: History) -> Report {
        Report {
            title: "Run".into(),
            history: Some(history),
            ..Report::default()
        }
    }

    fn hostile() -> Report {
        let evil = || "<script>alert(1)</script>\" onload='x' &".to_string();
        let pair = || vec![(evil(), evil())];
        Report {
            title: evil(),
            summary: pair(),
            history: Some(History {
                score_name: evil(),
                ..history(3, |epoch| epoch as f64)
            }),
            tables: vec![Table {
                caption: evil(),
                columns: vec![evil()],
                rows: vec![vec![evil(), evil()]],
                highlight: Some(0),
                note: Some(evil()),
            }],
            confusions: vec![ConfusionFigure {
                caption: evil(),
                classes: vec![evil(), evil()],
                counts: vec![vec![1, 2], vec![3, 4]],
            }],
            config_toml: evil(),
            provenance: pair(),
            verdict: Some(Verdict {
                level: Level::Loses,
                text: evil(),
            }),
            data: pair(),
            split: pair(),
            leakage: vec![Leakage {
                sides: evil(),
                report: LeakageReport {
                    similarity: Some((evil(), 0.5)),
                    ..LeakageReport::between(&[0], &[1])
                },
            }],
            rate_finder: Some(RateFinder {
                rates: vec![1e-4, 1e-3],
                losses: vec![1.0, 0.5],
                suggestion: Some(1e-3),
            }),
            predictions: vec![Predictions {
                caption: evil(),
                truth: vec![1.0, 2.0],
                predicted: vec![1.0, 3.0],
                seed: 0,
            }],
            calibrations: vec![Calibration::Coverage {
                caption: evil(),
                nominal: vec![0.5],
                observed: vec![0.5],
            }],
            worst: vec![WorstCase {
                id: evil(),
                truth: evil(),
                predicted: evil(),
                error: f64::NAN,
                sequence: evil(),
            }],
            explanations: vec![Figure {
                caption: evil(),
                svg: Svg::parse("<svg><text>a</text></svg>").unwrap(),
            }],
            ensemble: Some(Table {
                caption: evil(),
                ..Table::default()
            }),
            search: Some(SearchSummary {
                text: evil(),
                values: vec![Some(1.0)],
                page: Some(evil()),
                ..SearchSummary::default()
            }),
            manifest: Some(Manifest::new(&evil(), &evil())),
            launches: vec![Launch {
                command: vec![evil()],
                ..Launch::default()
            }],
        }
    }

    /// Text of every attribute and whether every tag is closed: a small reader of the HTML we write.
    fn check_nesting(html: &str) {
        let mut open = Vec::new();
        let mut rest = html.split_once("</style>").map_or(html, |(_, body)| body);
        open.push("head");
        while let Some((_, tag)) = rest.split_once('<') {
            let (tag, after) = tag.split_once('>').expect("a tag ends");
            rest = after;
            let name = tag.split([' ', '\n']).next().unwrap_or("");
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            if let Some(name) = name.strip_prefix('/') {
                if name != "html" {
                    assert_eq!(open.pop(), Some(name), "before {rest:.60}");
                }
            } else if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn no_text_becomes_markup() {
        let html = hostile().to_html();
        assert!(!html.contains("<script"));
        assert!(!html.contains("\" onload"));
        assert!(html.contains(
            "<h1>&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp;</h1>"
        ));
        check_nesting(&html);
    }

    #[test]
    fn the_page_fetches_nothing() {
        let html = hostile().to_html();
        for outside in [
            " src=", " href=", "url(", "@import", "<link", "<script", "http:", "https:",
        ] {
            assert!(!html.contains(outside), "{outside}");
        }
    }

    #[test]
    fn parts_without_content_are_left_out() {
        let html = Report {
            title: "Empty".into(),
            ..Report::default()
        }
        .to_html();
        assert!(
            !html.contains("<h2>") && !html.contains("<dl") && !html.contains("class=\"verdict")
        );
        check_nesting(&html);
        assert!(
            report(history(0, |_| 1.0))
                .to_html()
                .contains("No epoch was completed.")
        );
    }

    #[test]
    fn draws_any_history() {
        let spike = |epoch: usize| if epoch == 2 { f64::INFINITY } else { 1e300 };
        for page in [
            report(history(1, |_| 0.5)),
            report(history(2, |_| 0.0)),
            report(history(60, |_| 1.5)),
            report(history(500, |epoch| 1.0 / epoch as f64)),
            report(history(5, |_| f64::NAN)),
            report(history(3, spike)),
        ] {
            let html = page.to_html();
            check_nesting(&html);
            assert_eq!(html.matches("role=\"img\" aria-label=\"").count(), 4);
            assert!(!html.contains("could not be drawn"));
        }
        let html = report(history(60, |epoch| 2.0 / epoch as f64)).to_html();
        assert!(html.contains(
            "60 epochs in 120.0 s; the best was epoch 1 with a validation accuracy of 0.5000."
        ));
        assert_eq!(html.matches("best epoch: 1").count(), 2);
    }

    #[test]
    fn the_verdict_comes_before_everything_else() {
        let html = hostile().to_html();
        let body = html.split_once("</h1>").unwrap().1;
        assert!(
            body.starts_with(
                "\n<p class=\"verdict loses\"><strong>Worse than a control:</strong> "
            )
        );
    }

    #[test]
    fn a_page_is_bounded() {
        let many = Predictions {
            truth: vec![1.0; 100_000],
            predicted: (0..100_000).map(f64::from).collect(),
            ..Predictions::default()
        };
        let html = Report {
            predictions: vec![many; 30],
            ..Report::default()
        }
        .to_html();
        assert!(html.contains("6 more are not shown."));
        assert!(html.len() < 2 << 20, "{}", html.len());
        check_nesting(&html);
    }

    #[test]
    fn a_rate_of_zero_is_not_on_a_log_axis() {
        let mut run = history(3, |epoch| epoch as f64);
        run.epochs[0].learning_rate = 0.0;
        assert!(
            report(run)
                .to_html()
                .contains("Not drawn: learning rate at epoch 1 is 0.")
        );
    }
}
