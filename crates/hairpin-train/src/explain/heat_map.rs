//! A matrix as colours.

use super::picture::{check_pixels, open, text, title_width};
use super::refused;
use crate::TrainError;
use crate::report::html::number;
use ndarray::ArrayView2;
use std::fmt::Write as _;

/// Draws a matrix as a grid of colours: from white at 0 to red for what is greatest and to blue for what is least, both as far from 0.
/// A value that is not finite is grey.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `title` | none | a line above |
/// | `rows` | none | a name for each row, at the left; none, or as many as there are |
/// | `columns` | none | a name for each column, below; likewise. Where they have no room only some are written |
/// | `cell` | 14 | pixels of a cell |
///
/// ```
/// use hairpin_train::explain::HeatMap;
/// use ndarray::arr2;
///
/// let map = HeatMap { rows: vec!["A".into(), "C".into()], ..HeatMap::default() };
/// let svg = map.svg(arr2(&[[1.0, 0.0, -0.5], [0.0, 0.0, 0.0]]).view())?;
/// assert!(svg.contains("1.000") && svg.contains("#b2182b")); // the greatest, in full red
/// # Ok::<(), hairpin_train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// A line above.
    pub title: Option<String>,
    /// A name for each row.
    pub rows: Vec<String>,
    /// A name for each column.
    pub columns: Vec<String>,
    /// Pixels of a cell.
    pub cell: f64,
}

impl Default for HeatMap {
    fn default() -> Self {
        Self {
            title: None,
            rows: Vec::new(),
            columns: Vec::new(),
            cell: 14.0,
        }
    }
}

/// More would be a file of several megabytes in which nothing can be seen.
const MOST_CELLS: usize = 65_536;
/// Characters of a name; longer ones are cut.
const MOST_NAME: usize = 24;
const RED: [f64; 3] = [178.0, 24.0, 43.0];
const BLUE: [f64; 3] = [33.0, 102.0, 172.0];

impl HeatMap {
    /// A picture that stands alone; inside another SVG or an HTML page it can be set in as it is.
    ///
    /// # Errors
    ///
    /// [`TrainError::Explanation`] when there are more than 65536 cells, or 0, a number of names does not match, or `cell` is not 1 to 10000
    /// pixels.
    pub fn svg(&self, values: ArrayView2<'_, f32>) -> Result<String, TrainError> {
        check_pixels("cell", self.cell)?;
        let (rows, columns) = values.dim();
        if !(1..=MOST_CELLS).contains(&values.len()) {
            let expected = format!("1 to {MOST_CELLS} cells; draw a part");
            return Err(refused("cells", format!("{rows} x {columns}"), expected));
        }
        for (name, names, count) in [
            ("rows", &self.rows, rows),
            ("columns", &self.columns, columns),
        ] {
            if !names.is_empty() && names.len() != count {
                let expected = format!("{count} names, or none");
                return Err(refused(name, names.len(), expected));
            }
        }
        let longest = |names: &[String]| {
            let characters = names.iter().map(|name| name.chars().count().min(MOST_NAME));
            6.5 * characters.max().unwrap_or(0) as f64
        };
        let (left, above) = (
            10.0 + longest(&self.rows),
            if self.title.is_some() { 22.0 } else { 6.0 },
        );
        let (right, base) = (
            left + columns as f64 * self.cell,
            above + rows as f64 * self.cell,
        );
        let below =
            10.0 + longest(&self.columns).max(if self.columns.is_empty() { 0.0 } else { 8.0 });
        // Beside the grid stands the key: 12 wide, with its two ends in numbers.
        let width = (right + 80.0).max(title_width(self.title.as_deref()));
        let height = (base + below).max(above + 60.0);
        let mut svg = open(width, height, self.title.as_deref());

        let finite = values.iter().copied().filter(|value| value.is_finite());
        let most = f64::from(finite.clone().map(f32::abs).fold(0.0, f32::max));
        for ((row, column), &value) in values.indexed_iter() {
            let (x, y) = (
                left + column as f64 * self.cell,
                above + row as f64 * self.cell,
            );
            // Writing to a string does not fail.
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{0:.1}\" height=\"{0:.1}\" fill=\"{1}\"/>",
                self.cell,
                colour(f64::from(value), most)
            );
        }
        for (row, name) in self.rows.iter().enumerate().step_by(self.every(10.0)) {
            let y = above + (row as f64 + 0.5) * self.cell + 3.5;
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
                left - 4.0,
                text(name, MOST_NAME)
            );
        }
        let upright = self.columns.iter().all(|name| name.chars().count() <= 1);
        for (column, name) in self.columns.iter().enumerate().step_by(self.every(9.0)) {
            let x = left + (column as f64 + 0.5) * self.cell;
            let name = text(name, MOST_NAME);
            let _ = match upright {
                true => writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
                    base + 12.0
                ),
                false => writeln!(
                    svg,
                    "<text transform=\"translate({:.1} {:.1}) rotate(-90)\" text-anchor=\"end\">{name}</text>",
                    x + 3.5,
                    base + 4.0
                ),
            };
        }
        let least = if finite.clone().any(|value| value < 0.0) {
            -most
        } else {
            0.0
        };
        for step in 0..10 {
            let value = most + (least - most) * f64::from(step) / 9.0;
            let _ = writeln!(
                svg,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"12\" height=\"5.1\" fill=\"{}\"/>",
                right + 10.0,
                above + 5.0 * f64::from(step),
                colour(value, most)
            );
        }
        for (value, y) in [(most, above + 8.0), (least, above + 50.0)] {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
                right + 26.0,
                number(value)
            );
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }

    /// Of how many names one is written, so that each has `room` pixels.
    fn every(&self, room: f64) -> usize {
        (room / self.cell).ceil().max(1.0) as usize
    }
}

/// White at 0, red at `most`, blue at `-most`.
fn colour(value: f64, most: f64) -> String {
    if !value.is_finite() {
        return "#999999".to_owned();
    }
    let share = if most > 0.0 { value / most } else { 0.0 };
    let end = if share < 0.0 { BLUE } else { RED };
    let [red, green, blue] = end.map(|end| (255.0 + (end - 255.0) * share.abs()).round() as u8);
    format!("#{red:02x}{green:02x}{blue:02x}")
}
