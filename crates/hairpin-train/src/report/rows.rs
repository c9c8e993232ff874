//! Rows that deserve a look: the worst predictions, and what a split has on both sides.

use hairpin_targets::LeakageReport;

use super::html::number;
use super::table::Table;

/// One prediction that went wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorstCase {
    /// Name of the row.
    pub id: String,
    /// The truth, as the reader knows it.
    pub truth: String,
    /// The prediction, likewise.
    pub predicted: String,
    /// How wrong it is: the larger, the worse. NaN is the worst of all.
    pub error: f64,
    /// Its sequence, of which the beginning is shown.
    pub sequence: String,
}

/// Cases that are shown.
const MOST_CASES: usize = 20;
/// Symbols of a sequence that are shown.
const MOST_SYMBOLS: usize = 40;

/// The worst first; of equal ones, in the order given.
pub(super) fn worst_cases(cases: &[WorstCase]) -> String {
    if cases.is_empty() {
        return String::new();
    }
    let mut sorted: Vec<&WorstCase> = cases.iter().collect();
    let badness = |case: &WorstCase| {
        if case.error.is_nan() {
            f64::INFINITY
        } else {
            case.error
        }
    };
    sorted.sort_by(|a, b| badness(b).total_cmp(&badness(a)));
    sorted.truncate(MOST_CASES);
    Table {
        caption: format!("The {} largest errors", sorted.len()),
        columns: ["id", "true", "predicted", "error", "sequence"]
            .map(String::from)
            .to_vec(),
        rows: sorted
            .into_iter()
            .map(|case| {
                vec![
                    shortened(&case.id),
                    shortened(&case.truth),
                    shortened(&case.predicted),
                    number(case.error),
                    shortened(&case.sequence),
                ]
            })
            .collect(),
        ..Table::default()
    }
    .to_html()
}

/// The first symbols of a text, and how long it is.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_SYMBOLS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({})", &text[..end], text.chars().count()),
    }
}

/// What two sides of a split have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Leakage {
    /// Which sides, such as `training and validation`.
    pub sides: String,
    /// What was found.
    pub report: LeakageReport,
}

impl Leakage {
    pub(super) fn to_html(&self) -> String {
        let report = &self.report;
        let text = report.to_string();
        let headline = text.lines().next().unwrap_or_default();
        let row = |what: &str, found: Option<usize>| {
            let found = found.map_or_else(|| "not checked".to_owned(), |count| count.to_string());
            vec![what.to_owned(), found]
        };
        let near = report.nearest.as_ref().map(|_| report.too_near());
        let threshold = match &report.similarity {
            Some((measure, threshold)) => {
                format!("held-out rows with a training row at {threshold} or more by {measure}")
            }
            None => "held-out rows with a similar training row".to_owned(),
        };
        let mut rows = vec![
            row("training rows", Some(report.train.len())),
            row("held-out rows", Some(report.held_out.len())),
            row("rows on both sides", Some(report.shared_rows.len())),
            row(
                "groups on both sides",
                report.shared_groups.as_ref().map(Vec::len),
            ),
            row(
                "held-out rows seen in training",
                report.exact_duplicates.as_ref().map(Vec::len),
            ),
            row(&threshold, near),
        ];
        for (bin, count) in report.histogram().into_iter().flatten().enumerate() {
            if count > 0 {
                let range = match bin {
                    10 => "1".to_owned(),
                    _ => format!("0.{bin} to {:.1}", (bin + 1) as f64 / 10.0),
                };
                rows.push(row(
                    &format!("nearest training row at similarity {range}"),
                    Some(count),
                ));
            }
        }
        Table {
            caption: format!("{}: {headline}", self.sides),
            columns: vec!["check".into(), "found".into()],
            rows,
            highlight: None,
            note: None,
        }
        .to_html()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_come_first_and_few() {
        let case = |id: usize, error: f64| WorstCase {
            id: format!("row-{id}"),
            error,
            sequence: "ACGU".repeat(30),
            ..WorstCase::default()
        };
        let mut cases: Vec<WorstCase> = (0..50).map(|id| case(id, id as f64)).collect();
        cases[7].error = f64::NAN;
        let html = worst_cases(&cases);
        assert!(html.contains("The 20 largest errors"));
        assert!(html.find("row-7<") < html.find("row-49<") && html.contains("row-31<"));
        assert!(!html.contains("row-30<"));
        assert!(html.contains(&format!("<td>{}… (120)</td>", "ACGU".repeat(10))));
        assert_eq!(worst_cases(&[]), "");
    }

    #[test]
    fn a_leak_is_said_in_the_caption() {
        let html = |report| {
            Leakage {
                sides: "train and test".into(),
                report,
            }
            .to_html()
        };
        let leak = html(LeakageReport::between(&[0, 1, 2], &[2, 3]));
        assert!(
            leak.contains("train and test: leaks: 1 row on both sides"),
            "{leak}"
        );
        assert!(
            leak.contains("<th scope=\"row\">groups on both sides</th><td>not checked</td>"),
            "{leak}"
        );
        let none = html(
            LeakageReport::between(&[0], &[1])
                .with_keys(&["a", "b"])
                .unwrap(),
        );
        assert!(none.contains("train and test: no leak found"), "{none}");
        assert!(
            none.contains("<th scope=\"row\">held-out rows seen in training</th><td>0</td>"),
            "{none}"
        );
    }
}
