//! What the drawings have in common: a frame, a title, and bounds on their size.

use super::refused;
use crate::TrainError;
use crate::report::html;
use std::fmt::Write as _;

/// The start of a picture with its title; it ends with `</svg>`.
pub(super) fn open(width: f64, height: f64, title: Option<&str>) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"Helvetica,Arial,sans-serif\" font-size=\"10\">\n"
    );
    if let Some(title) = title {
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<text x=\"4\" y=\"14\" font-size=\"12\">{}</text>",
            text(title, MOST_TITLE)
        );
    }
    svg
}

/// Pixels that a title needs: no letter of size 12 is wider than 8 on average.
pub(super) fn title_width(title: Option<&str>) -> f64 {
    title.map_or(0.0, |title| {
        8.0 + 8.0 * title.chars().count().min(MOST_TITLE) as f64
    })
}

/// Longer titles are cut.
const MOST_TITLE: usize = 200;

/// Text that may stand in XML, of at most so many characters.
pub(super) fn text(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    html::escape(&short).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// Refuses a size in pixels that no picture has.
pub(super) fn check_pixels(name: &'static str, pixels: f64) -> Result<(), TrainError> {
    if (1.0..=10_000.0).contains(&pixels) {
        Ok(())
    } else {
        Err(refused(name, pixels, "1 to 10000 pixels"))
    }
}
