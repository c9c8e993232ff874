//! A motif as a picture.

use std::fmt::Write as _;

use super::background::Background;
use super::frequency::FrequencyMatrix;
use super::glyph::letter_path;
use crate::Alphabet;

/// Draws a sequence logo (Schneider and Stephens 1990, doi:10.1093/nar/18.20.6097) as SVG: a stack of letters for each position, as high as the
/// position's information content in bits, each letter with its share of it, the most frequent on top.
///
/// ```text
/// height[i, s] = f[i, s] * max(0, R[i] - correction)        R[i]: FrequencyMatrix::information, uniform background
/// ```
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `title` | none | a line above the logo |
/// | `height` | 100 | pixels of a full stack, `log2(symbols)` bits |
/// | `position_width` | 30 | pixels of a position |
/// | `axes` | true | bits at the left, positions from 1 below |
/// | `correction` | 0 | bits taken off every stack: [`small_sample_correction`](super::small_sample_correction) |
///
/// Letters are outlines, not text, so that a logo needs no font.
///
/// ```
/// use hairpin_seq::motif::{FrequencyMatrix, Logo};
/// use hairpin_seq::Rna;
///
/// let motif = FrequencyMatrix::<Rna>::new(vec![0.7, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0, 1.0])?;
/// let logo = Logo { title: Some("A & U".to_owned()), ..Logo::default() };
/// assert!(logo.svg(&motif).starts_with("<svg") && logo.svg(&motif).contains("A &amp; U"));
/// assert_eq!(logo.heights(&motif)[4..], [0.0, 0.0, 0.0, 2.0]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Logo {
    /// A line above the logo.
    pub title: Option<String>,
    /// Pixels of a full stack.
    pub height: f64,
    /// Pixels of a position.
    pub position_width: f64,
    /// Whether bits and positions are written at the sides.
    pub axes: bool,
    /// Bits taken off every stack.
    pub correction: f64,
}

impl Default for Logo {
    fn default() -> Self {
        Self {
            title: None,
            height: 100.0,
            position_width: 30.0,
            axes: true,
            correction: 0.0,
        }
    }
}

impl Logo {
    /// The height of every letter in bits, `[width, symbols]`; with no correction they add up to the motif's
    /// [`total_information`](FrequencyMatrix::total_information).
    pub fn heights<A: Alphabet>(&self, motif: &FrequencyMatrix<A>) -> Vec<f64> {
        let information = motif.information(&Background::uniform());
        let rows = motif.values().chunks_exact(A::SYMBOLS.len());
        let heights = rows.zip(information).flat_map(|(row, bits)| {
            let bits = (bits - self.correction).max(0.0);
            row.iter().map(move |f| f * bits)
        });
        heights.collect()
    }

    /// A picture that stands alone; inside another SVG or an HTML page it can be set in as it is.
    pub fn svg<A: Alphabet>(&self, motif: &FrequencyMatrix<A>) -> String {
        let n = A::SYMBOLS.len();
        let most_bits = (n as f64).log2();
        let (left, below) = if self.axes { (34.0, 16.0) } else { (2.0, 2.0) };
        let above = if self.title.is_some() { 22.0 } else { 6.0 };
        // A narrow motif must not cut its title short: no letter of size 12 is wider than this on average.
        let title = self.title.as_ref().map_or(0, |title| title.chars().count());
        let width = (motif.width() as f64 * self.position_width).max(title as f64 * 8.0);
        let width = left + width + 4.0;
        let height = above + self.height + below;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"Helvetica,Arial,sans-serif\">\n"
        );
        // Writing to a string does not fail.
        if let Some(title) = &self.title {
            let title = escape(title);
            let _ = writeln!(
                svg,
                "<text x=\"{left:.0}\" y=\"14\" font-size=\"12\">{title}</text>"
            );
        }
        if self.axes {
            self.write_axes(&mut svg, left, above, motif.width(), most_bits);
        }
        let heights = self.heights(motif);
        for (position, stack) in heights.chunks_exact(n).enumerate() {
            let x = left + (position as f64 + 0.02) * self.position_width;
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&a, &b| stack[a].total_cmp(&stack[b]));
            let mut y = above + self.height;
            for code in order {
                let pixels = stack[code] / most_bits * self.height;
                y -= pixels;
                // What is lower than this is a hair line that only blurs the stack.
                if pixels < 0.25 {
                    continue;
                }
                let size = [self.position_width * 0.96, pixels];
                svg.push_str(&letter_path::<A>(A::SYMBOLS[code], [x, y], size));
                svg.push('\n');
            }
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn write_axes(&self, svg: &mut String, left: f64, above: f64, positions: usize, bits: f64) {
        let base = above + self.height;
        let x = left - 4.0;
        let right = left + positions as f64 * self.position_width;
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {above:.1}V{base:.1}H{right:.1}\" fill=\"none\" stroke=\"#555\"/>"
        );
        for tick in 0..=bits.floor() as usize {
            let y = base - tick as f64 / bits * self.height;
            let _ = writeln!(
                svg,
                "<path d=\"M{:.1} {y:.1}H{x:.1}\" stroke=\"#555\"/><text x=\"{:.1}\" y=\"{:.1}\" font-size=\"10\" text-anchor=\"end\">{tick}</text>",
                x - 4.0,
                x - 6.0,
                y + 3.5
            );
        }
        let middle = above + self.height / 2.0;
        let _ = writeln!(
            svg,
            "<text transform=\"translate(10 {middle:.1}) rotate(-90)\" font-size=\"10\" text-anchor=\"middle\">bits</text>"
        );
        for position in 0..positions {
            let x = left + (position as f64 + 0.5) * self.position_width;
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" font-size=\"10\" text-anchor=\"middle\">{}</text>",
                base + 12.0,
                position + 1
            );
        }
    }
}

/// Text that may stand in XML; characters that XML does not allow at all become `\u{fffd}`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' if !matches!(c, '\t' | '\n' | '\r') => {
                escaped.push('\u{fffd}');
            }
            c => escaped.push(c),
        }
    }
    escaped
}
