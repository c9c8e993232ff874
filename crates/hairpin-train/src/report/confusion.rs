//! A confusion matrix as a coloured table.

use super::html::escape;

/// How often each true class was given each class.
///
/// The page shows the count and its share of the row, so the diagonal reads as recall. Above twelve classes the share
/// is shown by colour (and on pointing) alone, and columns are numbered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfusionFigure {
    /// What was classified, such as `Validation, 100 sequences`.
    pub caption: String,
    /// Names of the classes; a class without one is shown by its index.
    pub classes: Vec<String>,
    /// `counts[truth][predicted]`, square; a missing count is 0.
    pub counts: Vec<Vec<u64>>,
}

/// Beyond this many classes a cell has no room for a percentage.
const MOST_ROOMY: usize = 12;

impl ConfusionFigure {
    pub(super) fn to_html(&self) -> String {
        let n = self
            .counts
            .iter()
            .map(Vec::len)
            .chain([self.counts.len(), self.classes.len()])
            .max()
            .unwrap_or(0);
        let dense = n > MOST_ROOMY;
        let name = |class: usize| {
            self.classes
                .get(class)
                .map_or_else(|| class.to_string(), |name| escape(name))
        };
        let count = |truth: usize, class: usize| {
            self.counts
                .get(truth)
                .and_then(|row| row.get(class))
                .map_or(0, |&count| u128::from(count))
        };
        let rows: Vec<u128> = (0..n)
            .map(|truth| (0..n).map(|class| count(truth, class)).sum())
            .collect();
        let right: u128 = (0..n).map(|class| count(class, class)).sum();
        let all: u128 = rows.iter().sum();

        let caption = escape(&self.caption);
        let mut html = format!(
            "<figure class=\"panel\">\n<figcaption>{caption}<span class=\"sub\">{right} of {all} on the diagonal. Rows are the \
             truth, columns the prediction; {}.</span></figcaption>\n\
             <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Confusion matrix: {caption}\">\n\
             <table class=\"confusion{}\">\n<thead><tr><th scope=\"col\">truth</th>",
            if dense {
                "columns have the numbers of the rows, the colour is the share of the row, a dot is 0"
            } else {
                "the percentage is the share of the row"
            },
            if dense { " dense" } else { "" },
        );
        for class in 0..n {
            let shown = if dense {
                (class + 1).to_string()
            } else {
                name(class)
            };
            html += &format!("<th scope=\"col\" title=\"{}\">{shown}</th>", name(class));
        }
        html += "<th scope=\"col\" class=\"total\">total</th></tr></thead>\n<tbody>\n";
        for (truth, &total) in rows.iter().enumerate() {
            let number = if dense {
                format!("<span class=\"index\">{}</span> ", truth + 1)
            } else {
                String::new()
            };
            html += &format!("<tr><th scope=\"row\">{number}{}</th>", name(truth));
            for class in 0..n {
                let count = count(truth, class);
                if count == 0 {
                    html += if dense {
                        "<td class=\"zero\">·</td>"
                    } else {
                        "<td class=\"zero\">0</td>"
                    };
                    continue;
                }
                let kind = if truth == class { "right" } else { "wrong" };
                let share = count as f64 / total as f64;
                let percent = format!("{:.1}\u{a0}%", 100.0 * share);
                // Full colour for the whole row, but a single error in a large class stays visible.
                html += &format!(
                    "<td class=\"{kind}\" style=\"--p:{:.3}\"",
                    0.12 + 0.88 * share
                );
                html += &if dense {
                    format!(
                        " title=\"truth {}, predicted {}: {percent}\">{count}</td>",
                        name(truth),
                        name(class)
                    )
                } else {
                    format!(">{count}<small>{percent}</small></td>")
                };
            }
            html += &format!("<td class=\"total\">{total}</td></tr>\n");
        }
        html + "</tbody>\n</table>\n</div>\n</figure>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(classes: &[&str], counts: &[&[u64]]) -> ConfusionFigure {
        ConfusionFigure {
            caption: "Validation".into(),
            classes: classes.iter().map(|name| name.to_string()).collect(),
            counts: counts.iter().map(|row| row.to_vec()).collect(),
        }
    }

    #[test]
    fn shows_counts_and_shares_of_the_row() {
        let html = figure(&["a", "b"], &[&[3, 1], &[0, 0]]).to_html();
        assert!(html.contains("3 of 4 on the diagonal"));
        assert!(
            html.contains(
                "<td class=\"right\" style=\"--p:0.780\">3<small>75.0\u{a0}%</small></td>"
            ),
            "{html}"
        );
        assert!(
            html.contains(
                "<td class=\"wrong\" style=\"--p:0.340\">1<small>25.0\u{a0}%</small></td>"
            )
        );
        assert_eq!(
            html.matches("<small>").count(),
            2,
            "a class without rows has no percentages"
        );
    }

    #[test]
    fn a_ragged_matrix_is_filled_with_zeros() {
        let html = figure(&["a"], &[&[1, 2, 3]]).to_html();
        assert_eq!(html.matches("<tr>").count(), 1 + 3);
        assert!(
            html.contains(">2</th>"),
            "a class without a name is shown by its index"
        );
        assert!(figure(&[], &[]).to_html().contains("0 of 0"));
        assert!(
            figure(&["a"], &[&[u64::MAX, u64::MAX]])
                .to_html()
                .contains("36893488147419103230")
        );
    }

    #[test]
    fn many_classes_are_numbered() {
        let names: Vec<String> = (0..50).map(|class| format!("family <{class}>")).collect();
        let counts = (0..50)
            .map(|truth| (0..50).map(|class| u64::from(truth == class)).collect())
            .collect();
        let html = ConfusionFigure {
            caption: String::new(),
            classes: names,
            counts,
        }
        .to_html();
        assert!(html.contains("class=\"confusion dense\""));
        assert!(html.contains("<span class=\"index\">50</span> family &lt;49&gt;"));
        assert!(!html.contains("<small>"));
    }
}
