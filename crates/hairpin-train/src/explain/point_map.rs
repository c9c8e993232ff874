//! Points in a plane, coloured by class.

use super::picture::{check_pixels, open, text, title_width};
use super::refused;
use crate::TrainError;
use crate::report::html::number;
use std::fmt::Write as _;

/// A point of a [`PointMap`].
#[derive(Debug, Clone, PartialEq)]
pub struct MapPoint {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
    /// What its colour stands for.
    pub class: String,
    /// A ring in place of a disc: another kind of point of the same class, such as a prediction.
    pub hollow: bool,
}

/// Draws points in a plane, such as the two leading components of codes or targets, each class in a colour of its own with a key at the
/// right. Colours are given to classes in the order in which they come and repeat after ten. A point that is not finite is left out.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `title` | none | a line above |
/// | `x_name` | empty | below the plane, with the least and the greatest |
/// | `y_name` | empty | at its left, likewise |
/// | `size` | 420 | pixels of a side of the plane |
///
/// ```
/// use hairpin_train::explain::{MapPoint, PointMap};
///
/// let point = |x, class: &str| MapPoint { x, y: 1.0, class: class.into(), hollow: false };
/// let svg = PointMap::default().svg(&[point(0.0, "B cells"), point(2.0, "T cells")])?;
/// assert_eq!(svg.matches("<circle").count(), 4); // two points, two in the key
/// # Ok::<(), hairpin_train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PointMap {
    /// A line above.
    pub title: Option<String>,
    /// Of the horizontal axis.
    pub x_name: String,
    /// Of the vertical axis.
    pub y_name: String,
    /// Pixels of a side of the plane.
    pub size: f64,
}

impl Default for PointMap {
    fn default() -> Self {
        Self {
            title: None,
            x_name: String::new(),
            y_name: String::new(),
            size: 420.0,
        }
    }
}

/// More would be a file of several megabytes in which nothing can be seen.
const MOST_POINTS: usize = 20_000;
/// Classes of a key.
const MOST_CLASSES: usize = 40;
/// Characters of a name; longer ones are cut.
const MOST_NAME: usize = 32;
/// Told apart by most people with a colour vision deficiency (Okabe & Ito 2008; the last three after Tol 2021).
const COLOURS: [&str; 10] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#882255",
    "#44aa99", "#777777",
];

impl PointMap {
    /// A picture that stands alone; inside another SVG or an HTML page it can be set in as it is.
    ///
    /// # Errors
    ///
    /// [`TrainError::Explanation`] when there is no finite point or more than 20000, there are more than 40 classes, or `size` is not 1 to
    /// 10000 pixels.
    pub fn svg(&self, points: &[MapPoint]) -> Result<String, TrainError> {
        check_pixels("size", self.size)?;
        let finite = |point: &&MapPoint| point.x.is_finite() && point.y.is_finite();
        let shown: Vec<&MapPoint> = points.iter().filter(finite).collect();
        if !(1..=MOST_POINTS).contains(&shown.len()) {
            let expected = format!("1 to {MOST_POINTS} finite points; draw some of them");
            return Err(refused("points", shown.len(), expected));
        }
        let mut classes: Vec<&str> = Vec::new();
        for point in &shown {
            if !classes.contains(&point.class.as_str()) {
                if classes.len() == MOST_CLASSES {
                    let expected = format!("at most {MOST_CLASSES}");
                    return Err(refused("classes", "more", expected));
                }
                classes.push(&point.class);
            }
        }
        let colour = |class: &str| {
            let place = classes.iter().position(|own| *own == class);
            COLOURS[place.unwrap_or(0) % COLOURS.len()]
        };
        let ends = |values: &dyn Fn(&MapPoint) -> f64| {
            let all = shown.iter().map(|point| values(point));
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), own| {
                (low.min(own), high.max(own))
            })
        };
        let (across, along) = (ends(&|point| point.x), ends(&|point| point.y));
        let (left, above) = (40.0, if self.title.is_some() { 22.0 } else { 6.0 });
        let longest = classes.iter().map(|own| own.chars().count().min(MOST_NAME));
        let key = 40.0 + 6.5 * longest.max().unwrap_or(0) as f64;
        let width = (left + self.size + key).max(title_width(self.title.as_deref()));
        let height = above + (self.size + 24.0).max(14.0 * classes.len() as f64 + 10.0);
        let mut svg = open(width, height, self.title.as_deref());
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{above:.1}\" width=\"{0:.1}\" height=\"{0:.1}\" fill=\"none\" stroke=\"#999999\"/>",
            self.size
        );
        // A margin, so that no point lies on the frame.
        let place = |value: f64, (low, high): (f64, f64)| {
            let share = if high > low {
                (value - low) / (high - low)
            } else {
                0.5
            };
            (0.03 + 0.94 * share) * self.size
        };
        for point in &shown {
            let (x, y) = (
                left + place(point.x, across),
                above + self.size - place(point.y, along),
            );
            disc(&mut svg, x, y, colour(&point.class), point.hollow);
        }
        let base = above + self.size + 14.0;
        let centre = left + self.size / 2.0;
        for (x, anchor, label) in [
            (left, "start", number(across.0)),
            (centre, "middle", text(&self.x_name, MOST_NAME)),
            (left + self.size, "end", number(across.1)),
        ] {
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{base:.1}\" text-anchor=\"{anchor}\">{label}</text>"
            );
        }
        for (y, anchor, label) in [
            (above + self.size, "start", number(along.0)),
            (
                above + self.size / 2.0,
                "middle",
                text(&self.y_name, MOST_NAME),
            ),
            (above, "end", number(along.1)),
        ] {
            let _ = writeln!(
                svg,
                "<text transform=\"translate({:.1} {y:.1}) rotate(-90)\" text-anchor=\"{anchor}\">{label}</text>",
                left - 6.0
            );
        }
        for (line, class) in classes.iter().enumerate() {
            let (x, y) = (left + self.size + 14.0, above + 8.0 + 14.0 * line as f64);
            disc(&mut svg, x, y, colour(class), false);
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + 9.0,
                y + 3.5,
                text(class, MOST_NAME)
            );
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }
}

fn disc(svg: &mut String, x: f64, y: f64, colour: &str, hollow: bool) {
    let fill = if hollow { "none" } else { colour };
    // Writing to a string does not fail.
    let _ = writeln!(
        svg,
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{fill}\" stroke=\"{colour}\"/>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Svg;

    fn point(x: f64, y: f64, class: &str) -> MapPoint {
        MapPoint {
            x,
            y,
            class: class.into(),
            hollow: y < 0.0,
        }
    }

    #[test]
    fn points_lie_in_the_plane_and_classes_have_colours() {
        let points = [
            point(-1.0, 5.0, "a<b"),
            point(3.0, -5.0, "c"),
            point(f64::NAN, 0.0, "not drawn"),
        ];
        let svg = PointMap::default().svg(&points).unwrap();
        assert!(Svg::parse(&svg).is_ok());
        assert!(svg.contains("a&lt;b") && !svg.contains("not drawn"));
        // Up is up, right is right: 3 % of 420 pixels from the frame.
        assert!(
            svg.contains("cx=\"52.6\" cy=\"18.6\" r=\"3\" fill=\"#0072b2\""),
            "{svg}"
        );
        assert!(
            svg.contains("cx=\"447.4\" cy=\"413.4\" r=\"3\" fill=\"none\" stroke=\"#d55e00\""),
            "{svg}"
        );
        // One point, or all alike: in the middle.
        let one = PointMap::default().svg(&points[..1]).unwrap();
        assert!(one.contains("cx=\"250.0\" cy=\"216.0\""), "{one}");
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let map = PointMap::default();
        assert!(map.svg(&[]).is_err());
        assert!(map.svg(&[point(f64::INFINITY, 0.0, "a")]).is_err());
        let many: Vec<MapPoint> = (0..41).map(|n| point(0.0, 0.0, &n.to_string())).collect();
        assert!(map.svg(&many).is_err());
        assert!(map.svg(&many[..40]).is_ok());
        let small = PointMap { size: 0.0, ..map };
        assert!(small.svg(&many[..1]).is_err());
    }
}
