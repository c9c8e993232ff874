//! The text of an SVG file.

use std::fmt::{self, Write};

use super::{Colours, Drawing};

/// Pixels in the length of a bond.
const UNIT: f64 = 24.0;
/// Of a base. Two neighbours are `UNIT` apart.
const RADIUS: f64 = 9.5;
const MARGIN: f64 = 36.0;
const LEGEND_WIDTH: f64 = 200.0;
const LEGEND_STEPS: u32 = 50;
const LEGEND_HEIGHT: f64 = 60.0;

/// Viridis (Smith and van der Walt, CC0) at six places, even steps apart.
const VIRIDIS: [[u8; 3]; 6] = [
    [0x44, 0x01, 0x54],
    [0x41, 0x44, 0x87],
    [0x2a, 0x78, 0x8e],
    [0x22, 0xa8, 0x84],
    [0x7a, 0xd1, 0x51],
    [0xfd, 0xe7, 0x25],
];
const MISSING: [u8; 3] = [0xd0, 0xd0, 0xd0];
const WHITE: [u8; 3] = [0xff; 3];

pub(super) fn write(drawing: &Drawing, seq: &[u8], colours: Option<&Colours<'_>>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = try_write(&mut text, drawing, seq, colours);
    text
}

fn try_write(
    out: &mut String,
    drawing: &Drawing,
    seq: &[u8],
    colours: Option<&Colours<'_>>,
) -> fmt::Result {
    let n = seq.len();
    let extent = |axis: usize| {
        let along = || drawing.points.iter().map(|point| point[axis]);
        (
            along().fold(f64::INFINITY, f64::min),
            along().fold(f64::NEG_INFINITY, f64::max),
        )
    };
    let ((left, right), (top, bottom)) = (extent(0), extent(1));
    let drawn = (right - left) * UNIT;
    let inner = if colours.is_some() {
        drawn.max(LEGEND_WIDTH)
    } else {
        drawn
    };
    let legend_top = (bottom - top) * UNIT + 2.0 * MARGIN;
    let width = inner + 2.0 * MARGIN;
    let height = legend_top
        + if colours.is_some() {
            LEGEND_HEIGHT
        } else {
            0.0
        };
    let shift = MARGIN + (inner - drawn) / 2.0;
    let at = |k: usize| {
        let [x, y] = drawing.points[k];
        ((x - left) * UNIT + shift, (y - top) * UNIT + MARGIN)
    };

    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.2} {height:.2}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\" text-anchor=\"middle\">"
    )?;
    writeln!(out, "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>")?;
    write!(
        out,
        "<polyline fill=\"none\" stroke=\"#999\" stroke-width=\"2\" points=\""
    )?;
    for k in 1..=n {
        let (x, y) = at(k);
        let space = if k > 1 { " " } else { "" };
        write!(out, "{space}{x:.2},{y:.2}")?;
    }
    writeln!(out, "\"/>\n<g stroke=\"#333\" stroke-width=\"3\">")?;
    for &(i, j) in &drawing.pairs {
        let ((x1, y1), (x2, y2)) = (at(i), at(j));
        writeln!(
            out,
            "<line x1=\"{x1:.2}\" y1=\"{y1:.2}\" x2=\"{x2:.2}\" y2=\"{y2:.2}\"/>"
        )?;
    }
    writeln!(out, "</g>")?;
    for (index, &letter) in seq.iter().enumerate() {
        let k = index + 1;
        let (x, y) = at(k);
        let value = colours.map(|colours| colours.values[index]);
        let fill = colours.map_or(WHITE, |colours| colours.colour(colours.values[index]));
        let ink = if is_dark(fill) { "white" } else { "black" };
        let letter = Escaped(std::slice::from_ref(&letter)).to_string();
        write!(out, "<g><title>{letter}{k}")?;
        if let Some(value) = value {
            write!(out, ": {value}")?;
        }
        writeln!(
            out,
            "</title><circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"{RADIUS}\" fill=\"{}\" stroke=\"#333\"/>\
             <text x=\"{x:.2}\" y=\"{:.2}\" fill=\"{ink}\">{letter}</text></g>",
            Hex(fill),
            y + 4.0
        )?;
    }
    write_numbers(out, n, at)?;
    if let Some(colours) = colours {
        write_legend(out, colours, (width - LEGEND_WIDTH) / 2.0, legend_top - 8.0)?;
    }
    writeln!(out, "</svg>")
}

/// Every tenth number beside its base, away from its loop, and the two ends.
fn write_numbers(out: &mut String, n: usize, at: impl Fn(usize) -> (f64, f64)) -> fmt::Result {
    writeln!(out, "<g fill=\"#555\" font-size=\"10\">")?;
    for k in (10..=n).step_by(10) {
        let ((x0, y0), (x, y), (x1, y1)) = (at(k - 1), at(k), at(k + 1));
        let (dx, dy) = (x1 - x0, y1 - y0);
        // Where a strand turns back on itself there is no outside; any direction will do.
        let length = dx.hypot(dy).max(1e-9);
        let (x, y) = (x + 20.0 * dy / length, y - 20.0 * dx / length);
        writeln!(out, "<text x=\"{x:.2}\" y=\"{:.2}\">{k}</text>", y + 3.5)?;
    }
    writeln!(out, "</g>\n<g fill=\"#333\" font-weight=\"bold\">")?;
    for (k, label) in [(0, "5\u{2032}"), (n + 1, "3\u{2032}")] {
        let (x, y) = at(k);
        writeln!(
            out,
            "<text x=\"{x:.2}\" y=\"{:.2}\">{label}</text>",
            y + 4.0
        )?;
    }
    writeln!(out, "</g>")
}

fn write_legend(out: &mut String, colours: &Colours<'_>, left: f64, top: f64) -> fmt::Result {
    writeln!(
        out,
        "<text x=\"{:.2}\" y=\"{:.2}\">{}</text>",
        left + LEGEND_WIDTH / 2.0,
        top + 8.0,
        Escaped(colours.title.as_bytes())
    )?;
    // Steps and no gradient, which would need a name that two drawings on one page share.
    let step = LEGEND_WIDTH / f64::from(LEGEND_STEPS);
    for index in 0..LEGEND_STEPS {
        let share = (f64::from(index) + 0.5) / f64::from(LEGEND_STEPS);
        let value = colours.low * (1.0 - share) + colours.high * share;
        writeln!(
            out,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{step:.2}\" height=\"10\" fill=\"{}\"/>",
            left + f64::from(index) * step,
            top + 14.0,
            Hex(colours.colour(value))
        )?;
    }
    writeln!(
        out,
        "<rect x=\"{left:.2}\" y=\"{:.2}\" width=\"{LEGEND_WIDTH}\" height=\"10\" fill=\"none\" stroke=\"#333\"/>",
        top + 14.0
    )?;
    let middle = colours.low / 2.0 + colours.high / 2.0;
    for (share, value) in [(0.0, colours.low), (0.5, middle), (1.0, colours.high)] {
        writeln!(
            out,
            "<text x=\"{:.2}\" y=\"{:.2}\">{}</text>",
            left + share * LEGEND_WIDTH,
            top + 37.0,
            short(value)
        )?;
    }
    Ok(())
}

/// Three significant digits.
fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = if size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else if size >= 0.1 || size == 0.0 {
        2
    } else {
        4
    };
    format!("{value:.decimals$}")
}

impl Colours<'_> {
    fn colour(&self, value: f64) -> [u8; 3] {
        if !value.is_finite() {
            return MISSING;
        }
        // Halves, because the difference of two finite numbers need not be finite.
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        let place = share.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
        let below = (place as usize).min(VIRIDIS.len() - 2);
        let part = place - below as f64;
        std::array::from_fn(|channel| {
            let (from, to) = (VIRIDIS[below][channel], VIRIDIS[below + 1][channel]);
            (f64::from(from) + part * (f64::from(to) - f64::from(from))).round() as u8
        })
    }
}

fn is_dark([red, green, blue]: [u8; 3]) -> bool {
    // The weights of ITU-R BT.601.
    299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue) < 128_000
}

struct Hex([u8; 3]);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// Text that is safe between tags, whatever it holds. XML has no place at all for control characters.
struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for symbol in String::from_utf8_lossy(self.0).chars() {
            match symbol {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                symbol if symbol.is_control() => f.write_char('\u{fffd}')?,
                symbol => f.write_char(symbol)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_from_end_to_end_and_stop_there() {
        let values = [0.0, 1.0];
        let colours = Colours::new("", &values).with_range(0.0, 1.0).unwrap();
        assert_eq!(colours.colour(0.0), VIRIDIS[0]);
        assert_eq!(colours.colour(-5.0), VIRIDIS[0]);
        assert_eq!(colours.colour(0.4), VIRIDIS[2]);
        assert_eq!(colours.colour(1.0), VIRIDIS[5]);
        assert_eq!(colours.colour(9.0), VIRIDIS[5]);
        assert_eq!(colours.colour(f64::NAN), MISSING);
        let wide = colours.with_range(-f64::MAX, f64::MAX).unwrap();
        assert_eq!(wide.colour(f64::MAX), VIRIDIS[5]);
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 0.25, 1.0, 12.34, 1234.5, 0.012, -0.5, 1e9].map(short);
        let expected = [
            "0.00", "0.25", "1.00", "12.3", "1234", "0.0120", "-0.50", "1.00e9",
        ];
        assert_eq!(texts, expected);
    }
}
