//! One value against another as an inline SVG: points, lines, bars and whiskers whose colours follow the page.

use std::io;

use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::html::escape;
use super::plot::{Role, WIDTH, label_width, with_classes};

/// What is drawn, in the order given; places that an axis does not have are passed over.
pub(super) enum Mark {
    /// A line through points.
    Line(Role, Vec<(f64, f64)>),
    /// Large dots, of which there are few.
    Dots(Role, Vec<(f64, f64)>),
    /// Small dots, of which there may be thousands.
    Cloud(Vec<(f64, f64)>),
    /// Bars from the bottom: left end, right end, height.
    Bars(Role, Vec<(f64, f64, f64)>),
    /// Vertical intervals: place, low end, high end.
    Whiskers(Role, Vec<(f64, f64, f64)>),
    /// A vertical line over the whole height, with a label above it.
    Rule(f64, String),
}

/// A drawing with two axes.
pub(super) struct Chart {
    pub(super) title: String,
    /// What a reader who does not see the drawing is told.
    pub(super) description: String,
    pub(super) x_name: &'static str,
    pub(super) y_name: &'static str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) marks: Vec<Mark>,
    pub(super) notes: Vec<String>,
    pub(super) height: u32,
}

/// Dots of a cloud lie in this many layers, so that where they crowd it is darker.
const LAYERS: usize = 6;
/// Above this many dots of a cloud they are drawn smaller.
const CROWD: usize = 400;

impl Chart {
    pub(super) fn to_html(&self) -> String {
        let mut html = format!(
            "<figure class=\"panel plot\">\n<figcaption><span>{}</span></figcaption>\n",
            escape(&self.title)
        );
        html += &match self.svg() {
            Ok(svg) => svg,
            Err(error) => format!(
                "<p class=\"note\">This plot could not be drawn: {}</p>\n",
                escape(&error.to_string())
            ),
        };
        for note in &self.notes {
            html += &format!("<p class=\"note\">{}</p>\n", escape(note));
        }
        html + "</figure>\n"
    }

    fn svg(&self) -> Result<String, DrawingAreaErrorKind<io::Error>> {
        let mut svg = String::new();
        let cloud =
            self.draw(SVGBackend::with_string(&mut svg, (WIDTH, self.height)).into_drawing_area())?;
        let body = svg.split_once('>').map_or("", |(_, body)| body);
        let body = with_classes(body);
        let body = body.trim_end().trim_end_matches("</svg>");
        let (height, label) = (self.height, escape(&self.description));
        Ok(format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\">{body}{cloud}</svg>\n"
        ))
    }

    /// Draws all but the cloud, which is returned: as one short path for each layer it is a tenth of the size.
    fn draw(
        &self,
        root: DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    ) -> Result<String, DrawingAreaErrorKind<io::Error>> {
        let text = |role: Role| ("sans-serif", 30).into_font().color(&role.colour());
        let mut chart = ChartBuilder::on(&root)
            .margin_top(52)
            .margin_right(40)
            .margin_bottom(4)
            .x_label_area_size(92)
            .y_label_area_size(label_width(&self.y) + 44)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(Role::Grid.colour().stroke_width(2))
            .axis_style(Role::Grid.colour().stroke_width(2))
            .label_style(text(Role::Text))
            .axis_desc_style(text(Role::Text))
            .set_all_tick_mark_size(8)
            .x_desc(self.x_name)
            .y_desc(self.y_name)
            .draw()?;
        let place = |&(x, y): &(f64, f64)| Some((self.x.place(x)?, self.y.place(y)?));
        let mut layers = vec![String::new(); LAYERS];
        let mut crowd = 0;
        for mark in &self.marks {
            match mark {
                Mark::Line(role, points) => {
                    let places: Vec<_> = points.iter().map(place).collect();
                    // A point that cannot be drawn leaves a gap.
                    for run in places.split(Option::is_none).filter(|run| run.len() > 1) {
                        let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
                        chart
                            .draw_series([PathElement::new(run, role.colour().stroke_width(4))])?;
                    }
                }
                Mark::Dots(role, points) => {
                    let dot = |at| Circle::new(at, 9, role.colour().filled());
                    chart.draw_series(points.iter().filter_map(place).map(dot))?;
                }
                Mark::Cloud(points) => {
                    for (index, at) in points.iter().filter_map(place).enumerate() {
                        let (column, row) = chart.backend_coord(&at);
                        layers[index % LAYERS] += &format!("M{column} {row}h0");
                        crowd += 1;
                    }
                }
                Mark::Bars(role, bars) => {
                    let corners = |&(left, right, top): &(f64, f64, f64)| {
                        Some([
                            (self.x.place(left)?, self.y.place(0.0)?),
                            (self.x.place(right)?, self.y.place(top)?),
                        ])
                    };
                    let bar = |corners| Rectangle::new(corners, role.colour().filled());
                    chart.draw_series(bars.iter().filter_map(corners).map(bar))?;
                }
                Mark::Whiskers(role, whiskers) => {
                    let ends = |&(x, low, high): &(f64, f64, f64)| {
                        Some(vec![place(&(x, low))?, place(&(x, high))?])
                    };
                    let line = |ends| PathElement::new(ends, role.colour().stroke_width(3));
                    chart.draw_series(whiskers.iter().filter_map(ends).map(line))?;
                }
                Mark::Rule(x, label) => {
                    let Some(x) = self.x.place(*x) else { continue };
                    let line = vec![(x, self.y.start), (x, self.y.end)];
                    chart.draw_series([PathElement::new(
                        line,
                        Role::Best.colour().stroke_width(3),
                    )])?;
                    let (column, row) = chart.backend_coord(&(x, self.y.end));
                    let anchor = match f64::from(column) / f64::from(WIDTH) {
                        near if near < 0.35 => HPos::Left,
                        near if near > 0.75 => HPos::Right,
                        _ => HPos::Center,
                    };
                    let style = text(Role::Best).pos(Pos::new(anchor, VPos::Bottom));
                    root.draw_text(label, &style, (column, row - 8))?;
                }
            }
        }
        drop(chart);
        root.present()?;
        let kind = if crowd > CROWD { "cloud fine" } else { "cloud" };
        Ok(layers
            .iter()
            .filter(|layer| !layer.is_empty())
            .map(|layer| format!("<path class=\"{kind}\" fill=\"none\" d=\"{layer}\"/>\n"))
            .collect())
    }
}
