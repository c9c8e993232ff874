//! One run on one page: scores beside their controls, curves, confusion matrices, configuration and origin.
//!
//! The page is a single file that needs no network and no script: style and drawings are inside it. It follows the
//! reader's light or dark theme, prints, and reads on a narrow screen. Every text is escaped, whatever it holds.

mod axis;
mod confusion;
pub(crate) mod html;
mod plot;
mod table;

pub use confusion::ConfusionFigure;
pub use table::Table;

use axis::Scale;
use html::{escape, number};
use plot::{Curve, Plot, Role};

use crate::history::{Epoch, History};

/// What the page of a run shows; a part that is empty is left out.
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
    /// Key facts as name and value, shown as cards under the headline.
    pub summary: Vec<(String, String)>,
    /// Epochs of the run, drawn as curves.
    pub history: Option<History>,
    /// The model beside its controls, one table per set of rows.
    pub tables: Vec<Table>,
    /// Confusion matrices.
    pub confusions: Vec<ConfusionFigure>,
    /// The resolved configuration.
    pub config_toml: String,
    /// Where the numbers come from as name and value: version, seed, device, hash of the data, command, times.
    pub provenance: Vec<(String, String)>,
}

const STYLE: &str = include_str!("report/style.css");
const TALL: u32 = 600;
const SMALL: u32 = 420;

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
        let tables: String = self.tables.iter().map(Table::to_html).collect();
        html += &section("Model against controls", &tables);
        if let Some(history) = &self.history {
            html += &section("Curves", &curves(history));
        }
        let confusions: String = self
            .confusions
            .iter()
            .map(ConfusionFigure::to_html)
            .collect();
        html += &section("Confusion", &confusions);
        if !self.config_toml.trim().is_empty() {
            let config = escape(self.config_toml.trim_end());
            let body = format!(
                "<details class=\"panel config\">\n<summary>Resolved configuration</summary>\n\
                 <pre tabindex=\"0\"><code>{config}</code></pre>\n</details>\n"
            );
            html += &section("Configuration", &body);
        }
        if !self.provenance.is_empty() {
            let mut body = String::from("<dl class=\"panel facts\">\n");
            for (name, value) in &self.provenance {
                body += &format!(
                    "<div><dt>{}</dt><dd>{}</dd></div>\n",
                    escape(name),
                    escape(value)
                );
            }
            html += &section("Provenance", &(body + "</dl>\n"));
        }
        html + "</main>\n</body>\n</html>\n"
    }
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
        assert!(!html.contains("<h2>") && !html.contains("<dl"));
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
