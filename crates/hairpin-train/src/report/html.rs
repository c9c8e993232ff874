//! Text and numbers as HTML shows them.

/// `text` with the five characters that mean something to HTML written as entities, so that it is only ever text,
/// between tags as well as inside a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for symbol in text.chars() {
        match symbol {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // HTML has no place for the other control characters.
            other if other.is_control() && !matches!(other, '\n' | '\t' | '\r') => {
                escaped.push('\u{fffd}')
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// A number to four significant digits.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return value.to_string();
    }
    let exponent = value.abs().log10().floor();
    if (-4.0..6.0).contains(&exponent) {
        format!("{value:.*}", (3.0 - exponent).max(0.0) as usize)
    } else {
        format!("{value:.3e}")
    }
}

/// A number to four significant digits at most, for a sentence: no zeros at its end.
pub(super) fn short(value: f64) -> String {
    let text = number(value);
    let (digits, exponent) = match text.split_once('e') {
        Some((digits, exponent)) => (digits, format!("e{exponent}")),
        None => (text.as_str(), String::new()),
    };
    if digits.contains('.') {
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        format!("{digits}{exponent}")
    } else {
        text
    }
}

/// Whether `cell` reads as a number, an interval of numbers, or the absence of one; such columns are right-aligned.
pub(super) fn is_numeric(cell: &str) -> bool {
    let cell = cell.trim();
    matches!(cell, "" | "-" | "–" | "—" | "NaN" | "inf" | "-inf" | "n/a")
        || cell
            .trim_start_matches([
                '+', '-', '−', '±', '[', '(', '<', '>', '≤', '≥', '~', ' ', '.',
            ])
            .starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_is_only_text() {
        assert_eq!(
            escape("<b title=\"x\">Tom & 'Ann'</b>"),
            "&lt;b title=&quot;x&quot;&gt;Tom &amp; &#39;Ann&#39;&lt;/b&gt;"
        );
        assert_eq!(escape("a\u{1b}[31m\0\nb"), "a\u{fffd}[31m\u{fffd}\nb");
        assert_eq!(escape("Zürich 5′→3′"), "Zürich 5′→3′");
    }

    #[test]
    fn numbers_have_four_significant_digits() {
        let shown = [
            0.0,
            1.0,
            0.123_456,
            12_345.6,
            1e-3,
            1.234_56e-7,
            f64::NAN,
            f64::NEG_INFINITY,
        ]
        .map(number);
        assert_eq!(
            shown,
            [
                "0", "1.000", "0.1235", "12346", "0.001000", "1.235e-7", "NaN", "-inf"
            ]
        );
    }

    #[test]
    fn a_sentence_has_no_zeros_to_spare() {
        let shown = [
            0.0,
            1.0,
            0.05,
            1200.0,
            20_000.0,
            2e-7,
            f64::NAN,
            f64::INFINITY,
        ]
        .map(short);
        assert_eq!(
            shown,
            ["0", "1", "0.05", "1200", "20000", "2e-7", "NaN", "inf"]
        );
    }

    #[test]
    fn tells_numbers_from_names() {
        for cell in [
            "0.98",
            "-1",
            "[0.95, 1.00]",
            "98 %",
            "1e-3",
            "–",
            "",
            "≤ 3",
            "NaN",
            "12 s",
        ] {
            assert!(is_numeric(cell), "{cell}");
        }
        for cell in ["majority class", "order 3", "LSTM", "yes", "-x"] {
            assert!(!is_numeric(cell), "{cell}");
        }
    }
}
