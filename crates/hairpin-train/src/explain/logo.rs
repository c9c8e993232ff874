//! Attributions as a sequence logo.

use super::picture::{check_pixels, open, title_width};
use super::refused;
use crate::TrainError;
use crate::report::html::number;
use hairpin_seq::Alphabet;
use hairpin_seq::motif::letter_path;
use ndarray::ArrayView2;
use std::fmt::Write as _;

/// Draws values `[length, symbols]` as letters: as high as the value, above the axis where it is positive, below where it is negative, the
/// greatest farthest from the axis.
///
/// For integrated gradients and input x gradient of one-hot rows, and for [`Mutagenesis::importance`](super::Mutagenesis::importance).
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `title` | none | a line above |
/// | `height` | 100 | pixels from the highest stack to the lowest |
/// | `position_width` | 14 | pixels of a position |
/// | `first_position` | 1 | number of the first position, of a part of a sequence |
///
/// ```
/// use hairpin_seq::Rna;
/// use hairpin_train::explain::AttributionLogo;
/// use ndarray::arr2;
///
/// let values = arr2(&[[0.0, 0.8, 0.0, 0.0], [-0.2, 0.0, 0.0, 0.0]]);
/// let logo = AttributionLogo { title: Some("row 3 & more".to_owned()), ..AttributionLogo::default() };
/// let svg = logo.svg::<Rna>(values.view())?;
/// assert!(svg.contains("row 3 &amp; more") && svg.matches("<path transform").count() == 2);
/// # Ok::<(), hairpin_train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AttributionLogo {
    /// A line above.
    pub title: Option<String>,
    /// Pixels from the highest stack to the lowest.
    pub height: f64,
    /// Pixels of a position.
    pub position_width: f64,
    /// Number of the first position.
    pub first_position: usize,
}

impl Default for AttributionLogo {
    fn default() -> Self {
        Self {
            title: None,
            height: 100.0,
            position_width: 14.0,
            first_position: 1,
        }
    }
}

/// More are no picture any more: draw a part of the sequence.
const MOST_POSITIONS: usize = 4096;

impl AttributionLogo {
    /// A picture that stands alone; inside another SVG or an HTML page it can be set in as it is. A value that is not finite is not drawn.
    ///
    /// # Errors
    ///
    /// [`TrainError::Explanation`] when there is not one column per symbol of the alphabet, there are more than 4096 positions, or a size is
    /// not 1 to 10000 pixels.
    pub fn svg<A: Alphabet>(&self, values: ArrayView2<'_, f32>) -> Result<String, TrainError> {
        check_pixels("height", self.height)?;
        check_pixels("position_width", self.position_width)?;
        let (positions, columns) = values.dim();
        if columns != A::SYMBOLS.len() {
            let expected = format!("{}, one per symbol of {}", A::SYMBOLS.len(), A::NAME);
            return Err(refused("columns", columns, expected));
        }
        if positions > MOST_POSITIONS {
            let expected = format!("at most {MOST_POSITIONS}; draw a part");
            return Err(refused("positions", positions, expected));
        }
        // A stack's height on one side of the axis.
        let highest = |sign: f64| {
            values
                .rows()
                .into_iter()
                .map(|row| stack(row.iter(), sign).map(|(_, value)| value).sum())
                .fold(0.0, f64::max)
        };
        let (up, down): (f64, f64) = (highest(1.0), highest(-1.0));
        let scale = match up + down {
            all if all > 0.0 && all.is_finite() => self.height / all,
            _ => 0.0,
        };
        let (left, above) = (48.0, if self.title.is_some() { 22.0 } else { 8.0 });
        let right = left + positions as f64 * self.position_width;
        let axis = above + up * scale;
        let width = (right + 4.0).max(title_width(self.title.as_deref()));
        let mut svg = open(width, above + self.height + 20.0, self.title.as_deref());
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {axis:.2}H{right:.1}\" stroke=\"#888\"/>"
        );
        for (value, y) in [(up, above), (0.0, axis), (-down, above + self.height)] {
            if value != 0.0 || y == axis {
                let (y, value) = (y + 3.5, number(value));
                let _ = writeln!(
                    svg,
                    "<text x=\"{}\" y=\"{y:.1}\" text-anchor=\"end\">{value}</text>",
                    left - 4.0
                );
            }
        }
        for (position, row) in values.rows().into_iter().enumerate() {
            let x = left + (position as f64 + 0.02) * self.position_width;
            for sign in [1.0, -1.0] {
                let mut letters: Vec<(usize, f64)> = stack(row.iter(), sign).collect();
                letters.sort_by(|a, b| a.1.total_cmp(&b.1));
                let mut from = axis;
                for (code, value) in letters {
                    let pixels = value * scale;
                    // The letter's upper edge.
                    let y = if sign > 0.0 { from - pixels } else { from };
                    from -= sign * pixels;
                    // What is lower than this is a hair line that only blurs the stack.
                    if pixels < 0.25 {
                        continue;
                    }
                    let size = [self.position_width * 0.96, pixels];
                    svg.push_str(&letter_path::<A>(A::SYMBOLS[code], [x, y], size));
                    svg.push('\n');
                }
            }
            let number = self.first_position.saturating_add(position);
            if number.is_multiple_of(10) {
                let (x, y) = (x + 0.48 * self.position_width, above + self.height + 14.0);
                let _ = writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{number}</text>"
                );
            }
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }
}

/// The symbols of a position on one side of the axis, with their sizes.
fn stack<'a>(row: impl Iterator<Item = &'a f32>, sign: f64) -> impl Iterator<Item = (usize, f64)> {
    row.enumerate()
        .map(move |(code, &value)| (code, sign * f64::from(value)))
        .filter(|(_, value)| value.is_finite() && *value > 0.0)
}
