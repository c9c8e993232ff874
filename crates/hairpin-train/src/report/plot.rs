//! Curves over the epochs as an inline SVG whose colours follow the page.

use std::io;

use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::{Axis, Scale};
use super::html::{escape, number};

/// What a line stands for. The style sheet gives each its colour in either theme; the colour here is what a viewer
/// without style sheets shows, and the key by which [`with_classes`] finds the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Text,
    Grid,
    Train,
    Valid,
    Other,
    Best,
}

impl Role {
    const ALL: [Self; 6] = [
        Self::Text,
        Self::Grid,
        Self::Train,
        Self::Valid,
        Self::Other,
        Self::Best,
    ];

    const fn class(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Grid => "grid",
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Other => "other",
            Self::Best => "best",
        }
    }

    pub(super) const fn colour(self) -> RGBColor {
        match self {
            Self::Text => RGBColor(0x47, 0x53, 0x60),
            Self::Grid => RGBColor(0xd8, 0xde, 0xe5),
            Self::Train => RGBColor(0x1d, 0x6f, 0xb8),
            Self::Valid => RGBColor(0xc2, 0x4e, 0x0c),
            Self::Other => RGBColor(0x6b, 0x4f, 0xb3),
            Self::Best => RGBColor(0x1a, 0x7f, 0x4b),
        }
    }
}

/// One line of a plot.
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) role: Role,
    /// One value per epoch.
    pub(super) values: Vec<f64>,
}

/// One or two curves over the same epochs.
pub(super) struct Plot<'a> {
    pub(super) title: String,
    pub(super) epochs: &'a [usize],
    pub(super) curves: Vec<Curve>,
    /// `None` chooses: logarithmic where the values are positive and span more than two decades.
    pub(super) scale: Option<Scale>,
    /// Index of the best epoch.
    pub(super) best: Option<usize>,
    /// Height for a width of [`WIDTH`].
    pub(super) height: u32,
}

/// Plotters places everything on whole pixels, so the drawing is made at twice the size it is shown at.
pub(super) const WIDTH: u32 = 1000;
/// Up to this many epochs each one has a dot.
const MOST_DOTS: usize = 40;
/// Above this many epochs lines are drawn thinner.
const MANY: usize = 200;

impl Plot<'_> {
    /// The plot with its title, legend and notes.
    pub(super) fn to_html(&self) -> String {
        let scale = self.scale.unwrap_or_else(|| self.natural_scale());
        let axis = Axis::new(
            scale,
            self.height / 100,
            self.curves
                .iter()
                .flat_map(|curve| curve.values.iter().copied()),
        );
        let title = escape(&self.title);
        let log = if scale == Scale::Log {
            "<span class=\"unit\">log scale</span>"
        } else {
            ""
        };
        let mut html =
            format!("<figure class=\"panel plot\">\n<figcaption><span>{title} {log}</span>");
        if self.curves.len() > 1 {
            html += "<span class=\"legend\">";
            for curve in &self.curves {
                html += &format!(
                    "<span><i class=\"key {}\"></i>{}</span>",
                    curve.role.class(),
                    escape(&curve.name)
                );
            }
            html += "</span>";
        }
        html += "</figcaption>\n";
        html += &match self.svg(&axis) {
            Ok(svg) => svg,
            Err(error) => format!(
                "<p class=\"note\">This plot could not be drawn: {}</p>\n",
                escape(&error.to_string())
            ),
        };
        for curve in &self.curves {
            if let Some(note) = self.left_out(curve, &axis) {
                html += &format!("<p class=\"note\">{}</p>\n", escape(&note));
            }
        }
        html + "</figure>\n"
    }

    fn natural_scale(&self) -> Scale {
        let finite = || {
            self.curves
                .iter()
                .flat_map(|curve| &curve.values)
                .copied()
                .filter(|value| value.is_finite())
        };
        let (low, high) = (
            finite().fold(f64::INFINITY, f64::min),
            finite().fold(0.0, f64::max),
        );
        if low > 0.0 && high > 100.0 * low {
            Scale::Log
        } else {
            Scale::Linear
        }
    }

    /// Says which epochs of a curve could not be drawn, if any.
    fn left_out(&self, curve: &Curve, axis: &Axis) -> Option<String> {
        let mut missing = self
            .epochs
            .iter()
            .zip(&curve.values)
            .filter(|(_, value)| axis.place(**value).is_none());
        let (first, value) = missing.next()?;
        let more = missing.count();
        let at = if more == 0 {
            format!("at epoch {first} is {value}")
        } else {
            format!("at epoch {first} ({value}) and {more} more")
        };
        Some(format!("Not drawn: {} {at}.", curve.name))
    }

    fn description(&self) -> String {
        let (first, last) = (
            self.epochs.first().unwrap_or(&1),
            self.epochs.last().unwrap_or(&1),
        );
        let mut text = format!("{}, epochs {first} to {last}.", self.title);
        for curve in &self.curves {
            if let (Some(first), Some(last)) = (curve.values.first(), curve.values.last()) {
                text += &format!(
                    " {}: from {} to {}",
                    curve.name,
                    number(*first),
                    number(*last)
                );
                let best = self
                    .best
                    .and_then(|index| Some((self.epochs.get(index)?, curve.values.get(index)?)));
                if let Some((epoch, value)) = best {
                    text += &format!(", {} at the best epoch, {epoch}", number(*value));
                }
                text.push('.');
            }
        }
        text
    }

    fn svg(&self, axis: &Axis) -> Result<String, DrawingAreaErrorKind<io::Error>> {
        let mut svg = String::new();
        self.draw(
            SVGBackend::with_string(&mut svg, (WIDTH, self.height)).into_drawing_area(),
            axis,
        )?;
        // Without its size the drawing fills the figure; inside a page it needs no name space.
        let body = svg.split_once('>').map_or("", |(_, body)| body);
        let (height, label) = (self.height, escape(&self.description()));
        Ok(format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\">{}",
            with_classes(body)
        ))
    }

    fn draw(
        &self,
        root: DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        y: &Axis,
    ) -> Result<(), DrawingAreaErrorKind<io::Error>> {
        let x = Axis::epochs(
            self.epochs.iter().copied().min().unwrap_or(1),
            self.epochs.iter().copied().max().unwrap_or(1),
        );
        let text = |role: Role| ("sans-serif", 30).into_font().color(&role.colour());
        let mut chart = ChartBuilder::on(&root)
            .margin_top(52)
            .margin_right(28)
            .margin_bottom(4)
            .x_label_area_size(92)
            .y_label_area_size(label_width(y))
            .build_cartesian_2d(x, y.clone())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(Role::Grid.colour().stroke_width(2))
            .axis_style(Role::Grid.colour().stroke_width(2))
            .label_style(text(Role::Text))
            .axis_desc_style(text(Role::Text))
            .set_all_tick_mark_size(8)
            .x_desc("epoch")
            .draw()?;

        let best = self
            .best
            .and_then(|index| Some((index, *self.epochs.get(index)? as f64)));
        if let Some((index, epoch)) = best {
            let style = Role::Best.colour().stroke_width(2);
            chart.draw_series([PathElement::new(
                vec![(epoch, y.start), (epoch, y.end)],
                style,
            )])?;
            // The best epoch is chosen on validation: its name and dots belong to those curves.
            if self.curves.iter().any(|curve| curve.role == Role::Valid) {
                let (column, row) = chart.backend_coord(&(epoch, y.end));
                let anchor = match f64::from(column) / f64::from(WIDTH) {
                    near if near < 0.3 => HPos::Left,
                    near if near > 0.8 => HPos::Right,
                    _ => HPos::Center,
                };
                let style = text(Role::Best).pos(Pos::new(anchor, VPos::Bottom));
                root.draw_text(
                    &format!("best epoch: {}", self.epochs[index]),
                    &style,
                    (column, row - 8),
                )?;
            }
        }
        let width = if self.epochs.len() > MANY { 3 } else { 4 };
        for curve in &self.curves {
            let places: Vec<(f64, Option<f64>)> = self
                .epochs
                .iter()
                .zip(&curve.values)
                .map(|(&epoch, &value)| (epoch as f64, y.place(value)))
                .collect();
            // A value that cannot be drawn leaves a gap.
            for run in places
                .split(|(_, place)| place.is_none())
                .filter(|run| !run.is_empty())
            {
                let points: Vec<(f64, f64)> = run
                    .iter()
                    .filter_map(|&(epoch, place)| Some((epoch, place?)))
                    .collect();
                if points.len() == 1 || self.epochs.len() <= MOST_DOTS {
                    let dot = |&point| Circle::new(point, 6, curve.role.colour().filled());
                    chart.draw_series(points.iter().map(dot))?;
                }
                if points.len() > 1 {
                    chart.draw_series([PathElement::new(
                        points,
                        curve.role.colour().stroke_width(width),
                    )])?;
                }
            }
            if let Some((index, epoch)) = best
                && let (Role::Valid, Some((_, Some(place)))) = (curve.role, places.get(index))
            {
                chart.draw_series([Circle::new(
                    (epoch, *place),
                    11,
                    Role::Best.colour().filled(),
                )])?;
            }
        }
        drop(chart);
        root.present()
    }
}

/// Room for the labels of a vertical axis, in the larger letters of a narrow screen.
pub(super) fn label_width(y: &Axis) -> u32 {
    let labels = y.ticks.iter().map(|(_, label)| label.chars().count());
    labels.max().unwrap_or(1) as u32 * 19 + 28
}

/// Gives every element the class of its role, beside the colour that names the role. Quotes are escaped in SVG text, so
/// only attributes can match.
pub(super) fn with_classes(svg: &str) -> String {
    let mut svg = svg.to_string();
    for role in Role::ALL {
        let RGBColor(red, green, blue) = role.colour();
        for attribute in ["fill", "stroke"] {
            let plain = format!(" {attribute}=\"#{red:02X}{green:02X}{blue:02X}\"");
            svg = svg.replace(
                &plain,
                &format!(" class=\"{attribute}-{}\"{plain}", role.class()),
            );
        }
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(epochs: &[usize], values: Vec<f64>) -> Plot<'_> {
        let curve = Curve {
            name: "loss".into(),
            role: Role::Valid,
            values,
        };
        Plot {
            title: "Loss".into(),
            epochs,
            curves: vec![curve],
            scale: None,
            best: None,
            height: 600,
        }
    }

    #[test]
    fn every_drawn_colour_follows_the_theme() {
        let epochs: Vec<usize> = (1..=12).collect();
        let mut drawing = plot(
            &epochs,
            epochs.iter().map(|&epoch| 1.0 / epoch as f64).collect(),
        );
        drawing.best = Some(3);
        let html = drawing.to_html();
        let colours = html.matches("fill=\"#").count() + html.matches("stroke=\"#").count();
        let classes =
            html.matches("class=\"fill-").count() + html.matches("class=\"stroke-").count();
        assert!(colours > 20);
        assert_eq!(colours, classes);
        assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
        assert!(html.contains("best epoch: 4"));
    }

    #[test]
    fn a_value_that_is_not_finite_leaves_a_gap_and_a_note() {
        let html = plot(&[1, 2, 3, 4, 5], vec![1.0, 2.0, f64::NAN, 2.0, 1.0]).to_html();
        assert_eq!(
            html.matches("class=\"stroke-valid\"").count(),
            2,
            "two runs"
        );
        assert!(html.contains("Not drawn: loss at epoch 3 is NaN."));
        let diverged = plot(&[1, 2, 3], vec![f64::INFINITY; 3]).to_html();
        assert!(diverged.contains("Not drawn: loss at epoch 1 (inf) and 2 more."));
        assert!(!diverged.contains("class=\"stroke-valid\""));
    }

    #[test]
    fn a_loss_over_many_decades_is_drawn_on_a_log_scale() {
        let epochs: Vec<usize> = (1..=5).collect();
        assert!(
            plot(&epochs, vec![10.0, 1.0, 0.1, 0.01, 0.001])
                .to_html()
                .contains("log scale")
        );
        assert!(
            !plot(&epochs, vec![10.0, 9.0, 8.0, 7.0, 6.0])
                .to_html()
                .contains("log scale")
        );
        assert!(
            !plot(&epochs, vec![10.0, 1.0, 0.0, 0.1, 0.1])
                .to_html()
                .contains("log scale")
        );
    }

    #[test]
    fn one_epoch_is_a_dot() {
        let html = plot(&[1], vec![0.5]).to_html();
        assert_eq!(html.matches("class=\"fill-valid\"").count(), 1);
        assert_eq!(html.matches("class=\"stroke-valid\"").count(), 0);
    }
}
