//! A drawing as an inline SVG whose colours follow the page.

use std::io;

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::html::escape;

/// What a line or a dot stands for. The style sheet gives each its colour in either theme; the colour here is what a viewer
/// without style sheets shows, and the key by which [`with_classes`] finds the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Text,
    Grid,
    Trial,
    Pruned,
    Failed,
    Best,
    /// The fifths of the trials, from the worst to the best.
    Fifth(usize),
}

impl Role {
    const ALL: [Self; 11] = [
        Self::Text,
        Self::Grid,
        Self::Trial,
        Self::Pruned,
        Self::Failed,
        Self::Best,
        Self::Fifth(0),
        Self::Fifth(1),
        Self::Fifth(2),
        Self::Fifth(3),
        Self::Fifth(4),
    ];

    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Grid => "grid",
            Self::Trial => "trial",
            Self::Pruned => "pruned",
            Self::Failed => "failed",
            Self::Best => "best",
            Self::Fifth(0) => "fifth0",
            Self::Fifth(1) => "fifth1",
            Self::Fifth(2) => "fifth2",
            Self::Fifth(3) => "fifth3",
            Self::Fifth(_) => "fifth4",
        }
    }

    fn colour(self) -> RGBColor {
        match self {
            Self::Text => RGBColor(0x47, 0x53, 0x60),
            Self::Grid => RGBColor(0xd8, 0xde, 0xe5),
            Self::Trial => RGBColor(0x1d, 0x6f, 0xb8),
            Self::Pruned => RGBColor(0xc2, 0x4e, 0x0c),
            Self::Failed => RGBColor(0xb0, 0x1e, 0x3c),
            Self::Best => RGBColor(0x1a, 0x7f, 0x4b),
            Self::Fifth(0) => RGBColor(0xc9, 0xd3, 0xdd),
            Self::Fifth(1) => RGBColor(0xa5, 0xbf, 0xd9),
            Self::Fifth(2) => RGBColor(0x74, 0xa3, 0xd1),
            Self::Fifth(3) => RGBColor(0x3f, 0x83, 0xc3),
            Self::Fifth(_) => RGBColor(0x0f, 0x4c, 0x81),
        }
    }
}

/// Where a text stands beside its point.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Below,
    Left,
    Right,
    Above,
}

pub(super) type Failure = DrawingAreaErrorKind<io::Error>;

/// A drawing in the making.
pub(super) struct Canvas<'a> {
    root: DrawingArea<SVGBackend<'a>, Shift>,
}

impl Canvas<'_> {
    pub(super) fn line(
        &self,
        points: Vec<(i32, i32)>,
        role: Role,
        width: u32,
    ) -> Result<(), Failure> {
        let style = role.colour().stroke_width(width);
        self.root.draw(&PathElement::new(points, style))
    }

    pub(super) fn dot(&self, at: (i32, i32), role: Role, radius: i32) -> Result<(), Failure> {
        self.root
            .draw(&Circle::new(at, radius, role.colour().filled()))
    }

    pub(super) fn bar(&self, from: (i32, i32), to: (i32, i32), role: Role) -> Result<(), Failure> {
        self.root
            .draw(&Rectangle::new([from, to], role.colour().filled()))
    }

    pub(super) fn text(&self, text: &str, at: (i32, i32), side: Side) -> Result<(), Failure> {
        let (horizontal, vertical, shift) = match side {
            Side::Below => (HPos::Center, VPos::Top, (0, 10)),
            Side::Above => (HPos::Center, VPos::Bottom, (0, -10)),
            Side::Left => (HPos::Right, VPos::Center, (-12, 0)),
            Side::Right => (HPos::Left, VPos::Center, (12, 0)),
        };
        let font = ("sans-serif", 28).into_font();
        let style = font.color(&Role::Text.colour());
        let style = style.pos(Pos::new(horizontal, vertical));
        self.root
            .draw_text(text, &style, (at.0 + shift.0, at.1 + shift.1))
    }
}

/// A rectangle of a drawing with an axis below and one on the left.
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Frame {
    /// The pixel of two places.
    pub(super) fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let along = |share: f64, from: i32, to: i32| {
            (f64::from(from) + share * f64::from(to - from)).round() as i32
        };
        (
            along(self.x.share(x), self.left, self.right),
            along(self.y.share(y), self.bottom, self.top),
        )
    }

    /// Lines and labels of both axes.
    pub(super) fn draw(&self, canvas: &Canvas<'_>) -> Result<(), Failure> {
        for (place, label) in &self.y.ticks {
            let (_, y) = self.at(self.x.start, *place);
            canvas.line(vec![(self.left, y), (self.right, y)], Role::Grid, 2)?;
            canvas.text(label, (self.left, y), Side::Left)?;
        }
        canvas.line(
            vec![(self.left, self.bottom), (self.right, self.bottom)],
            Role::Grid,
            2,
        )?;
        for (place, label) in &self.x.ticks {
            let (x, _) = self.at(*place, self.y.start);
            canvas.line(vec![(x, self.bottom), (x, self.bottom + 8)], Role::Grid, 2)?;
            canvas.text(label, (x, self.bottom), Side::Below)?;
        }
        Ok(())
    }
}

/// Draws into a figure with a title. Drawings are made at twice the size at which they are shown, because everything in them
/// stands on whole pixels.
pub(super) fn figure(
    title: &str,
    description: &str,
    legend: &[(Role, &str)],
    (width, height): (u32, u32),
    draw: impl FnOnce(&Canvas<'_>) -> Result<(), Failure>,
) -> String {
    let mut svg = String::new();
    let canvas = Canvas {
        root: SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area(),
    };
    let drawn = draw(&canvas).and_then(|()| canvas.root.present());
    drop(canvas);
    let mut html = format!(
        "<figure class=\"panel plot\">\n<figcaption><span>{}</span>",
        escape(title)
    );
    if !legend.is_empty() {
        html += "<span class=\"legend\">";
        for (role, name) in legend {
            html += &format!(
                "<span><i class=\"key {}\"></i>{}</span>",
                role.class(),
                escape(name)
            );
        }
        html += "</span>";
    }
    html += "</figcaption>\n";
    html += &match drawn {
        Ok(()) => {
            // Without its size the drawing fills the figure; inside a page it needs no name space.
            let body = svg.split_once('>').map_or("", |(_, body)| body);
            format!(
                "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">{}",
                escape(description),
                with_classes(body)
            )
        }
        Err(error) => format!(
            "<p class=\"note\">This plot could not be drawn: {}</p>\n",
            escape(&error.to_string())
        ),
    };
    html + "</figure>\n"
}

/// Gives every element the class of its role, beside the colour that names the role. Quotes are escaped in SVG text, so only
/// attributes can match.
fn with_classes(svg: &str) -> String {
    let mut svg = svg.to_owned();
    for role in Role::ALL {
        let RGBColor(red, green, blue) = role.colour();
        for attribute in ["fill", "stroke"] {
            let plain = format!(" {attribute}=\"#{red:02X}{green:02X}{blue:02X}\"");
            let with_class = format!(" class=\"{attribute}-{}\"{plain}", role.class());
            svg = svg.replace(&plain, &with_class);
        }
    }
    svg
}
