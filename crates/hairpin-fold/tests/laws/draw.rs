//! What every drawing must keep.

use hairpin_fold::{Colours, Drawing, FoldError, Structure};
use proptest::prelude::*;

/// Any structure: brackets that close, hairpins of no base too.
fn structures() -> impl Strategy<Value = Structure> {
    prop::collection::vec(0..5_u8, 0..120).prop_map(|symbols| {
        let mut depth = 0;
        let mut text: String = symbols
            .into_iter()
            .map(|symbol| match symbol {
                0 | 1 => {
                    depth += 1;
                    '('
                }
                2 | 3 if depth > 0 => {
                    depth -= 1;
                    ')'
                }
                _ => '.',
            })
            .collect();
        text.push_str(&")".repeat(depth));
        text.parse().unwrap()
    })
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

proptest! {
    #[test]
    fn bonds_and_steps_have_length_one(structure in structures()) {
        let drawing = Drawing::new(&structure);
        let points = drawing.points();
        prop_assert_eq!(points.len(), structure.len());
        for (i, j) in structure.pairs() {
            prop_assert!((distance(points[i - 1], points[j - 1]) - 1.0).abs() < 1e-9);
        }
        for step in points.windows(2) {
            prop_assert!((distance(step[0], step[1]) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn bases_of_one_loop_keep_their_distance(structure in structures()) {
        // All corners of a regular polygon of side 1 are at least 1 apart.
        let drawing = Drawing::new(&structure);
        let points = drawing.points();
        for closing in std::iter::once(None).chain(structure.pairs().map(Some)) {
            let (from, to) = closing.unwrap_or((0, structure.len() + 1));
            let mut corners = if closing.is_some() { vec![from, to] } else { vec![] };
            let mut k = from + 1;
            while k < to {
                corners.push(k);
                if let Some(partner) = structure.partner(k) {
                    corners.push(partner);
                    k = partner;
                }
                k += 1;
            }
            for (index, &a) in corners.iter().enumerate() {
                for &b in &corners[..index] {
                    prop_assert!(distance(points[a - 1], points[b - 1]) > 1.0 - 1e-9, "{} {}", a, b);
                }
            }
        }
    }

    #[test]
    fn svg_has_every_base_and_bond_once_and_is_the_same_again(structure in structures()) {
        let n = structure.len();
        let seq: Vec<u8> = (0..n).map(|k| b"ACGU"[k % 4]).collect();
        let values: Vec<f64> = (0..n).map(|k| k as f64).collect();
        let svg = Drawing::new(&structure).svg(&seq, Some(&Colours::new("k", &values))).unwrap();
        prop_assert_eq!(svg.matches("<circle ").count(), n);
        prop_assert_eq!(svg.matches("<line ").count(), structure.pairs().count());
        for (k, &letter) in seq.iter().enumerate() {
            let title = format!("<title>{}{}: {k}</title>", char::from(letter), k + 1);
            prop_assert_eq!(svg.matches(&title).count(), 1);
        }
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
        let again = Drawing::new(&structure).svg(&seq, Some(&Colours::new("k", &values))).unwrap();
        prop_assert_eq!(svg, again);
    }
}

#[test]
fn a_hairpin_stands_upright_with_its_5_end_on_the_left() {
    let drawing = Drawing::new(&"((((....))))".parse().unwrap());
    let points = drawing.points();
    // A ladder of squares: each base straight above the one before, its partner one bond to the right.
    for k in 0..4 {
        let (here, partner) = (points[k], points[11 - k]);
        assert!(
            (here[0] - points[0][0]).abs() < 1e-9
                && (here[1] - points[0][1] + k as f64).abs() < 1e-9
        );
        assert!((partner[0] - here[0] - 1.0).abs() < 1e-9 && (partner[1] - here[1]).abs() < 1e-9);
    }
    assert!(points[5][1] < points[3][1]);
}

#[test]
fn a_very_long_helix_is_drawn_without_recursion() {
    let n = 50_000;
    let text = format!("{}...{}", "(".repeat(n), ")".repeat(n));
    let drawing = Drawing::new(&text.parse().unwrap());
    assert!(
        drawing
            .points()
            .windows(2)
            .all(|step| (distance(step[0], step[1]) - 1.0).abs() < 1e-6)
    );
}

#[test]
fn text_is_escaped() {
    let drawing = Drawing::new(&"...".parse().unwrap());
    let values = [f64::NAN; 3];
    let colours = Colours::new("a < b & \"c\"\u{7}", &values);
    let svg = drawing.svg(b"<&\0", Some(&colours)).unwrap();
    assert!(
        svg.contains(">a &lt; b &amp; &quot;c&quot;\u{fffd}</text>"),
        "{svg}"
    );
    assert!(svg.contains(">&lt;</text>") && svg.contains(">&amp;</text>"));
    assert!(!svg.contains(['\0', '\u{7}']));
}

#[test]
fn refuses_what_does_not_fit() {
    let drawing = Drawing::new(&"(...)".parse().unwrap());
    let error = drawing.svg(b"GAAAAC", None).unwrap_err();
    assert!(matches!(
        error,
        FoldError::Length {
            expected: 6,
            found: 5,
            ..
        }
    ));
    let values = [1.0; 4];
    let colours = Colours::new("", &values);
    let error = drawing.svg(b"GAAAC", Some(&colours)).unwrap_err();
    assert!(matches!(
        error,
        FoldError::Length {
            expected: 5,
            found: 4,
            ..
        }
    ));
    for (low, high) in [
        (1.0, 1.0),
        (2.0, 1.0),
        (f64::NAN, 1.0),
        (0.0, f64::INFINITY),
    ] {
        let refused = colours.clone().with_range(low, high);
        assert!(
            matches!(refused, Err(FoldError::ColourRange { .. })),
            "{low} {high}"
        );
    }
}
