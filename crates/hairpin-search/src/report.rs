//! A search on one page: the best so far, importances, parallel coordinates, one slice for every parameter, all trials.
//!
//! The page is a single file that needs no network and no script: style and drawings are inside it. It follows the reader's
//! light or dark theme and prints. Every text is escaped, whatever it holds.

mod axis;
mod canvas;
mod html;
mod plots;

use html::{escape, number};

use crate::trial::ranked;
use crate::{FinishedTrial, Importance, ImportanceConfig, Space, TrialState, Trials};

const STYLE: &str = include_str!("report/style.css");
/// Beyond this a page is slow; the best trials are shown.
const MOST_ROWS: usize = 2000;

/// The page of a search.
///
/// Importances are left out with fewer than four complete trials.
///
/// ```
/// use hairpin_search::{Budget, Direction, Space, Study, StudyConfig, Trials, report};
///
/// let space = Space::builder().log_float("rate", 1e-4..=1e-1).categorical("cell", ["lstm", "gru"]).build()?;
/// let study = Study::new(space, StudyConfig::default())?;
/// study.run(Budget::trials(20), |trial| {
///     Ok::<_, hairpin_search::SearchError>((trial.params().float("rate")?.log10() + 2.0).powi(2))
/// })?;
/// let trials = Trials { direction: Direction::Minimise, seed: Some(0), trials: study.trials() };
/// let page = report::html("Cells & rates", study.space(), &trials);
/// assert!(page.contains("<h1>Cells &amp; rates</h1>"));
/// assert!(!page.contains("<script"));
/// # Ok::<(), hairpin_search::SearchError>(())
/// ```
pub fn html(title: &str, space: &Space, trials: &Trials) -> String {
    let direction = trials.direction;
    let ranked = ranked(direction, &trials.trials);
    let title = escape(title);
    // The policy makes sure of what the page promises: nothing is fetched and nothing runs.
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    page += &cards(trials);
    if trials.trials.is_empty() {
        page += "<p class=\"panel\">No trial has ended.</p>\n";
    }
    page += &section("Best so far", plots::best_so_far(direction, &trials.trials));
    let shares = crate::importance(space, &trials.trials, ImportanceConfig::default());
    if let Ok(shares) = &shares {
        page += &section("Importance", importances(shares));
    }
    let shares = shares.ok();
    page += &section(
        "Parallel coordinates",
        plots::parallel(space, direction, &ranked),
    );
    let mut params: Vec<usize> = (0..space.params().len()).collect();
    if let Some(shares) = &shares {
        // The most important first.
        params.sort_by(|&a, &b| shares[b].share.total_cmp(&shares[a].share));
    }
    let slices: String = params
        .iter()
        .map(|&param| plots::slice(&space.params()[param], direction, &ranked))
        .collect();
    if !slices.is_empty() {
        page += &section("Slices", format!("<div class=\"plots\">\n{slices}</div>\n"));
    }
    page += &section("Trials", table(space, &ranked));
    let toml = escape(space.to_toml().trim_end());
    page += &section(
        "Space",
        format!("<pre class=\"panel\" tabindex=\"0\"><code>{toml}</code></pre>\n"),
    );
    page + "</main>\n</body>\n</html>\n"
}

fn section(heading: &str, body: String) -> String {
    if body.is_empty() {
        String::new()
    } else {
        format!("<section>\n<h2>{heading}</h2>\n{body}</section>\n")
    }
}

/// Key facts under the headline.
fn cards(trials: &Trials) -> String {
    let count = |state| {
        let of = trials.trials.iter().filter(|trial| trial.state == state);
        of.count().to_string()
    };
    let best = crate::best(trials.direction, &trials.trials);
    let mut facts = vec![
        (
            "Best value",
            best.and_then(|trial| trial.value)
                .map_or_else(|| "none".to_owned(), number),
        ),
        (
            "in trial",
            best.map_or_else(|| "none".to_owned(), |trial| trial.number.to_string()),
        ),
        ("Complete", count(TrialState::Complete)),
        ("Pruned", count(TrialState::Pruned)),
        ("Failed", count(TrialState::Failed)),
        ("Goal", trials.direction.to_string()),
    ];
    facts.extend(trials.seed.map(|seed| ("Seed", seed.to_string())));
    let mut html = String::from("<dl class=\"cards\">\n");
    for (name, value) in facts {
        html += &format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(&value));
    }
    html + "</dl>\n"
}

fn importances(shares: &[Importance]) -> String {
    let mut sorted: Vec<&Importance> = shares.iter().collect();
    sorted.sort_by(|a, b| b.share.total_cmp(&a.share));
    let explained: f64 = shares.iter().map(|share| share.share).sum();
    let mut html = plots::importances(&sorted);
    html += &format!(
        "<p class=\"note\">Share of the variance over the space that each parameter explains by itself, with its standard deviation \
         between trees; together {:.0}\u{a0}%, the rest is interactions and noise.</p>\n",
        100.0 * explained
    );
    html
}

fn table(space: &Space, ranked: &[&FinishedTrial]) -> String {
    if ranked.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<div class=\"panel scroll\" tabindex=\"0\" role=\"region\" aria-label=\"All trials\">\n<table>\n\
         <thead><tr><th scope=\"col\">trial</th><th scope=\"col\">state</th><th scope=\"col\">value</th>",
    );
    for param in space.params() {
        html += &format!("<th scope=\"col\">{}</th>", escape(&param.name));
    }
    html +=
        "<th scope=\"col\">last step</th><th scope=\"col\">message</th></tr></thead>\n<tbody>\n";
    for trial in ranked.iter().take(MOST_ROWS) {
        html += &format!(
            "<tr class=\"{}\"><td class=\"num\">{}</td><td>{}</td><td class=\"num\">{}</td>",
            trial.state,
            trial.number,
            trial.state,
            trial.value.map_or_else(String::new, number)
        );
        for param in space.params() {
            let shown = match trial.params.get(&param.name) {
                Some(crate::Value::Float(value)) => number(*value),
                Some(value) => escape(&value.to_string()),
                None => "\u{2013}".to_owned(),
            };
            html += &format!("<td class=\"num\">{shown}</td>");
        }
        let last = trial.reports.last();
        html += &format!(
            "<td class=\"num\">{}</td><td>{}</td></tr>\n",
            last.map_or_else(String::new, |report| report.step.to_string()),
            escape(&trial.message)
        );
    }
    html += "</tbody>\n</table>\n</div>\n";
    if ranked.len() > MOST_ROWS {
        html += &format!(
            "<p class=\"note\">The best {MOST_ROWS} of {} trials; the table of the search has all.</p>\n",
            ranked.len()
        );
    }
    html
}
