//! A table that a terminal and a page both show.

use super::html::{escape, is_numeric};

/// A table of ready-made cells, such as a model's scores above those of its controls.
///
/// Rows may be shorter than the header (the rest is blank) or longer (the extra columns have no name). Columns of
/// numbers are aligned right, all others left.
///
/// ```
/// use hairpin_train::report::Table;
///
/// let table = Table {
///     caption: "Validation".into(),
///     columns: vec!["method".into(), "accuracy".into()],
///     rows: vec![vec!["LSTM".into(), "1.00".into()], vec!["majority class".into(), "0.2".into()]],
///     highlight: Some(0),
///     note: None,
/// };
/// let expected = "\
/// Validation
///   method          accuracy
///   --------------  --------
/// > LSTM                1.00
///   majority class       0.2
/// ";
/// assert_eq!(table.to_text(), expected);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What the table shows.
    pub caption: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The cells, row by row.
    pub rows: Vec<Vec<String>>,
    /// Index of the row to set apart: the model among its controls.
    pub highlight: Option<usize>,
    /// What a reader has to know, below the table.
    pub note: Option<String>,
}

impl Table {
    /// The table as plain text for a terminal, ending in a line break; the highlighted row starts with `>`.
    ///
    /// Control characters become spaces, so no cell can break a row or steer the terminal. A character counts as one
    /// column wide.
    pub fn to_text(&self) -> String {
        let numeric = self.numeric_columns();
        let header: Vec<String> = (0..numeric.len())
            .map(|column| plain(cell(&self.columns, column)))
            .collect();
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                (0..numeric.len())
                    .map(|column| plain(cell(row, column)))
                    .collect()
            })
            .collect();
        let widths: Vec<usize> = (0..numeric.len())
            .map(|column| {
                let cells = std::iter::once(&header)
                    .chain(&rows)
                    .map(|row| row[column].chars().count());
                cells.max().unwrap_or(0)
            })
            .collect();
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();

        let mut text = String::new();
        let mut push = |line: &str| {
            text.push_str(line.trim_end());
            text.push('\n');
        };
        let line = |row: &[String]| {
            let cells = row
                .iter()
                .zip(&widths)
                .zip(&numeric)
                .map(|((cell, &width), &numeric)| {
                    if numeric {
                        format!("{cell:>width$}")
                    } else {
                        format!("{cell:<width$}")
                    }
                });
            cells.collect::<Vec<_>>().join("  ")
        };
        let (blank, mark) = if self.highlight.is_some() {
            ("  ", "> ")
        } else {
            ("", "")
        };
        if !self.caption.is_empty() {
            push(&plain(&self.caption));
        }
        push(&format!("{blank}{}", line(&header)));
        push(&format!("{blank}{}", line(&rule)));
        for (index, row) in rows.iter().enumerate() {
            let start = if self.highlight == Some(index) {
                mark
            } else {
                blank
            };
            push(&format!("{start}{}", line(row)));
        }
        if let Some(note) = &self.note {
            push(&plain(note));
        }
        text
    }

    pub(super) fn to_html(&self) -> String {
        let numeric = self.numeric_columns();
        let class = |column: usize| {
            if numeric[column] {
                " class=\"num\""
            } else {
                ""
            }
        };
        let caption = escape(&self.caption);
        let mut html = format!(
            "<figure class=\"panel\">\n<figcaption>{caption}</figcaption>\n\
             <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\n<table class=\"data\">\n<thead><tr>"
        );
        for column in 0..numeric.len() {
            html += &format!(
                "<th scope=\"col\"{}>{}</th>",
                class(column),
                escape(cell(&self.columns, column))
            );
        }
        html += "</tr></thead>\n<tbody>\n";
        for (index, row) in self.rows.iter().enumerate() {
            html += if self.highlight == Some(index) {
                "<tr class=\"model\" aria-current=\"true\">"
            } else {
                "<tr>"
            };
            for column in 0..numeric.len() {
                let text = escape(cell(row, column));
                html += &match column {
                    0 => format!("<th scope=\"row\"{}>{text}</th>", class(0)),
                    _ => format!("<td{}>{text}</td>", class(column)),
                };
            }
            html += "</tr>\n";
        }
        html += "</tbody>\n</table>\n</div>\n";
        if let Some(note) = &self.note {
            html += &format!("<p class=\"note\">{}</p>\n", escape(note));
        }
        html + "</figure>\n"
    }

    /// For every column, named or not, whether it holds numbers.
    fn numeric_columns(&self) -> Vec<bool> {
        let width = self
            .rows
            .iter()
            .map(Vec::len)
            .chain([self.columns.len()])
            .max()
            .unwrap_or(0);
        let numeric = |column| {
            !self.rows.is_empty() && self.rows.iter().all(|row| is_numeric(cell(row, column)))
        };
        (0..width).map(numeric).collect()
    }
}

fn cell(row: &[String], column: usize) -> &str {
    row.get(column).map_or("", String::as_str)
}

fn plain(text: &str) -> String {
    text.chars()
        .map(|symbol| if symbol.is_control() { ' ' } else { symbol })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[&str], rows: &[&[&str]]) -> Table {
        let owned = |cells: &[&str]| {
            cells
                .iter()
                .map(|cell| cell.to_string())
                .collect::<Vec<_>>()
        };
        Table {
            columns: owned(columns),
            rows: rows.iter().map(|row| owned(row)).collect(),
            ..Table::default()
        }
    }

    #[test]
    fn lines_up_columns_of_any_script() {
        let text = table(&["tâche", "n"], &[&["a", "1"], &["ααααααα", "1000"]]).to_text();
        assert_eq!(
            text,
            "tâche       n\n-------  ----\na           1\nααααααα  1000\n"
        );
    }

    #[test]
    fn pads_short_rows_and_names_no_extra_column() {
        let text = table(&["a", "b"], &[&["x"], &["y", "z", "7"]]).to_text();
        assert_eq!(text, "a  b\n-  -  -\nx\ny  z  7\n");
        assert_eq!(table(&[], &[]).to_text(), "\n\n");
    }

    #[test]
    fn a_cell_cannot_steer_the_terminal() {
        let text = table(&["a\nb"], &[&["\u{1b}[2J\r"]]).to_text();
        assert!(!text.contains('\u{1b}') && !text.contains('\r'));
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn marks_the_model_and_ends_with_the_note() {
        let model = Table {
            highlight: Some(1),
            note: Some("n = 100".into()),
            ..table(&["m"], &[&["a"], &["b"]])
        };
        assert_eq!(model.to_text(), "  m\n  -\n  a\n> b\nn = 100\n");
        let html = model.to_html();
        assert_eq!(html.matches("class=\"model\"").count(), 1);
        assert!(
            html.contains("<tr class=\"model\" aria-current=\"true\"><th scope=\"row\">b</th>")
        );
        let beyond = Table {
            highlight: Some(9),
            ..model
        };
        assert!(!beyond.to_html().contains("class=\"model\""));
    }
}
