//! Text and numbers as HTML shows them.

/// `text` with the five characters that mean something to HTML written as entities, so that it is only ever text.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for symbol in text.chars() {
        match symbol {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // HTML has no place for the other control characters.
            other if other.is_control() && other != '\n' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A number to four significant digits, without zeros at the end.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let exponent = value.abs().log10().floor();
    if !(-4.0..6.0).contains(&exponent) {
        return format!("{value:.3e}");
    }
    let text = format!("{value:.*}", (3.0 - exponent).max(0.0) as usize);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_is_only_text() {
        assert_eq!(
            escape("<b x=\"y\">'&'\u{1b}\0</b>"),
            "&lt;b x=&quot;y&quot;&gt;&#39;&amp;&#39;\u{fffd}\u{fffd}&lt;/b&gt;"
        );
    }

    #[test]
    fn numbers_have_up_to_four_digits() {
        let shown = [0.0, 1.0, 0.123_456, 12_345.6, -0.25, 1e-7, 1e300, 100.0].map(number);
        assert_eq!(
            shown,
            [
                "0",
                "1",
                "0.1235",
                "12346",
                "-0.25",
                "1.000e-7",
                "1.000e300",
                "100"
            ]
        );
    }
}
