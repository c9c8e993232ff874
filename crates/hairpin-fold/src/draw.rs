//! Drawings of secondary structures.

mod svg;

use std::f64::consts::{PI, TAU};

use crate::{FoldError, Structure};

/// A structure laid out in the plane: every loop a regular polygon, every helix a ladder.
///
/// All bonds and all steps along the backbone have the same length, 1. The exterior loop is a polygon too, with a gap between the two ends of the molecule, and the
/// drawing stands upright on it. Neighbours never overlap; parts that lie far apart along the molecule can, as in every plain radial layout: nothing bends helices
/// out of each other's way.
///
/// ```
/// use hairpin_fold::{Colours, Drawing, Structure};
///
/// let structure: Structure = "((((....))))".parse()?;
/// let drawing = Drawing::new(&structure);
/// let reactivity = [0.1, 0.0, 0.0, 0.1, 0.9, 1.4, 1.1, 0.8, 0.1, 0.0, 0.1, f64::NAN];
/// let svg = drawing.svg(b"GGGGAAAACCCC", Some(&Colours::new("reactivity", &reactivity)))?;
/// assert!(svg.starts_with("<svg ") && svg.contains(">reactivity</text>"));
/// # Ok::<(), hairpin_fold::FoldError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The 5' label, all bases, the 3' label.
    points: Vec<[f64; 2]>,
    pairs: Vec<(usize, usize)>,
}

impl Drawing {
    /// Lays out a structure.
    pub fn new(structure: &Structure) -> Self {
        let n = structure.len();
        let mut points = vec![[0.0; 2]; n + 2];
        // The ends' labels are the two corners of the exterior polygon that no base takes.
        points[0] = [-0.5, 0.0];
        points[n + 1] = [0.5, 0.0];
        let mut centre = None;
        let mut open = vec![(0, n + 1)];
        let mut corners = Vec::new();
        while let Some((i, j)) = open.pop() {
            corners.clear();
            corners.push(i);
            let mut k = i + 1;
            while k < j {
                corners.push(k);
                if let Some(partner) = structure.partner(k) {
                    open.push((k, partner));
                    corners.push(partner);
                    k = partner;
                }
                k += 1;
            }
            corners.push(j);
            let middle = place(&mut points, &corners);
            centre = centre.or(middle);
        }
        if let Some(centre) = centre {
            stand_upright(&mut points, centre);
        }
        Self {
            points,
            pairs: structure.pairs().collect(),
        }
    }

    /// Where each base lies, `[x, y]` with y downwards, in lengths of a bond.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points[1..self.points.len() - 1]
    }

    /// The drawing as an SVG file: backbone, bonds, letters, every tenth number, both ends; the bases in colours with their legend, or white. A base's number,
    /// letter and value show when the mouse rests on it.
    ///
    /// # Errors
    ///
    /// [`FoldError::Length`] if the structure or the values have not one position for each base of the sequence.
    pub fn svg(&self, seq: &[u8], colours: Option<&Colours<'_>>) -> Result<String, FoldError> {
        let check = |what, found| {
            let expected = seq.len();
            if found == expected {
                return Ok(());
            }
            Err(FoldError::Length {
                what,
                expected,
                found,
            })
        };
        check("the structure", self.points().len())?;
        if let Some(colours) = colours {
            check("the list of values", colours.values.len())?;
        }
        Ok(svg::write(self, seq, colours))
    }
}

/// Puts the corners of a regular polygon, whose last and first already have their places, clockwise; gives its centre, if it has an inside.
fn place(points: &mut [[f64; 2]], corners: &[usize]) -> Option<[f64; 2]> {
    let count = corners.len();
    let (&first, &last) = (corners.first()?, corners.last()?);
    if count < 3 {
        return None;
    }
    let ([x0, y0], [x1, y1]) = (points[last], points[first]);
    let turn = TAU / count as f64;
    let radius = 0.5 / (PI / count as f64).sin();
    let apothem = 0.5 / (PI / count as f64).tan();
    // The inside lies to the right of the side from the last corner to the first.
    let centre = [
        (x0 + x1) / 2.0 - (y1 - y0) * apothem,
        (y0 + y1) / 2.0 + (x1 - x0) * apothem,
    ];
    let start = (y1 - centre[1]).atan2(x1 - centre[0]);
    for (step, &corner) in corners.iter().enumerate().take(count - 1).skip(1) {
        let angle = start + turn * step as f64;
        points[corner] = [
            centre[0] + radius * angle.cos(),
            centre[1] + radius * angle.sin(),
        ];
    }
    Some(centre)
}

/// Turns everything so that the middle of all points lies straight above the centre of the exterior loop.
fn stand_upright(points: &mut [[f64; 2]], centre: [f64; 2]) {
    let n = points.len() as f64;
    let mean = |axis: usize| points.iter().map(|point| point[axis]).sum::<f64>() / n;
    let (dx, dy) = (mean(0) - centre[0], mean(1) - centre[1]);
    let length = dx.hypot(dy);
    if length < 1e-9 {
        return;
    }
    let (cos, sin) = (-dy / length, -dx / length);
    for point in points {
        let [x, y] = *point;
        *point = [cos * x - sin * y, sin * x + cos * y];
    }
}

/// A value for every base, and the range that the colours stand for: dark violet over green to yellow (viridis). Grey is for values that are not finite, such as
/// positions that were not measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Colours<'a> {
    title: &'a str,
    values: &'a [f64],
    low: f64,
    high: f64,
}

impl<'a> Colours<'a> {
    /// From the smallest to the largest of the finite values.
    pub fn new(title: &'a str, values: &'a [f64]) -> Self {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let (low, high) = (
            finite().fold(f64::INFINITY, f64::min),
            finite().fold(f64::NEG_INFINITY, f64::max),
        );
        let (low, high) = if low < high {
            (low, high)
        } else if low == high {
            (low - 0.5, high + 0.5)
        } else {
            (0.0, 1.0)
        };
        Self {
            title,
            values,
            low,
            high,
        }
    }

    /// With another range, so that drawings can be compared. Values beyond it have the colour of its end.
    ///
    /// # Errors
    ///
    /// [`FoldError::ColourRange`] unless `low` is below `high` and both are finite.
    pub fn with_range(self, low: f64, high: f64) -> Result<Self, FoldError> {
        if low < high && low.is_finite() && high.is_finite() {
            Ok(Self { low, high, ..self })
        } else {
            Err(FoldError::ColourRange { low, high })
        }
    }
}
