//! Drawings that the caller made, checked before they become part of the page.

use std::ops::Range;

use thiserror::Error;

use super::html::escape;

/// A drawing that holds shapes and text and nothing that could run, load or restyle the page.
///
/// Elements and attributes are those below; any other, a comment or a processing instruction is refused, so that a drawing of unknown
/// origin is as harmless as ours.
///
/// | | allowed |
/// |---|---|
/// | elements | `svg` `g` `path` `rect` `line` `polyline` `polygon` `circle` `ellipse` `text` `tspan` `title` `desc` |
/// | attributes | geometry (`x`, `d`, `points`, `transform`, `viewBox`, ...), fill, stroke, opacity and font attributes, `role`, `aria-*` |
///
/// ```
/// use hairpin_train::report::Svg;
///
/// let drawing = "<svg viewBox=\"0 0 10 10\"><circle cx=\"5\" cy=\"5\" r=\"4\" fill=\"#1d6fb8\"/></svg>";
/// assert!(Svg::parse(drawing).is_ok());
///
/// let refused = Svg::parse("<svg><script>alert(1)</script></svg>").unwrap_err();
/// assert_eq!(refused.to_string(), "byte 5: the element `script` is not one of a drawing's; draw with shapes and text");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Svg {
    /// The whole text.
    text: String,
    /// Where the attributes of the outer element stand.
    attributes: Range<usize>,
}

/// A drawing under its caption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What it shows; also what a reader who does not see it is told.
    pub caption: String,
    /// The drawing.
    pub svg: Svg,
}

/// A text that is not a drawing of this kind.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("byte {byte}: {reason}; draw with shapes and text")]
#[non_exhaustive]
pub struct SvgError {
    /// Where in the text, from 0.
    pub byte: usize,
    /// What is not allowed there.
    pub reason: String,
}

/// A page with larger drawings is slow to open.
const CAP: usize = 4 << 20;
/// Drawings within drawings.
const DEPTH: usize = 64;

const ELEMENTS: [&str; 13] = [
    "svg", "g", "path", "rect", "line", "polyline", "polygon", "circle", "ellipse", "text",
    "tspan", "title", "desc",
];
const ATTRIBUTES: [&str; 48] = [
    "x",
    "y",
    "dx",
    "dy",
    "x1",
    "y1",
    "x2",
    "y2",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "d",
    "points",
    "width",
    "height",
    "viewBox",
    "preserveAspectRatio",
    "transform",
    "xmlns",
    "version",
    "role",
    "fill",
    "fill-rule",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-dasharray",
    "stroke-miterlimit",
    "opacity",
    "color",
    "font-family",
    "font-size",
    "font-weight",
    "font-style",
    "text-anchor",
    "dominant-baseline",
    "alignment-baseline",
    "baseline-shift",
    "letter-spacing",
    "rotate",
    "textLength",
    "lengthAdjust",
    "shape-rendering",
];

impl Svg {
    /// Checks a drawing.
    ///
    /// # Errors
    ///
    /// [`SvgError`] for what the type does not allow, for elements that are not closed in order, and above 4 MiB.
    pub fn parse(text: &str) -> Result<Self, SvgError> {
        let refuse = |byte: usize, reason: String| Err(SvgError { byte, reason });
        if text.len() > CAP {
            return refuse(CAP, format!("the drawing has more than {CAP} bytes"));
        }
        let text = text.trim();
        if text.contains(|symbol: char| symbol.is_control() && !symbol.is_ascii_whitespace()) {
            return refuse(0, "the drawing holds control characters".into());
        }
        let mut open: Vec<&str> = Vec::new();
        let mut attributes = None;
        let mut at = 0;
        while let Some(start) = text[at..].find('<').map(|offset| at + offset) {
            if open.is_empty() && !text[at..start].is_empty() {
                return refuse(at, "there is text outside the drawing".into());
            }
            // Quoted values may hold no angle bracket, so the next one ends the tag.
            let Some(end) = text[start..].find('>').map(|offset| start + offset) else {
                return refuse(start, "the element does not end".into());
            };
            at = end + 1;
            if open.is_empty() && attributes.is_some() {
                return refuse(start, "there is more than one drawing".into());
            }
            let tag = &text[start + 1..end];
            if let Some(name) = tag.strip_prefix('/') {
                if open.pop() != Some(name.trim_end()) {
                    return refuse(
                        start,
                        format!("`</{}>` closes nothing", name.escape_debug()),
                    );
                }
                continue;
            }
            let closed = tag.ends_with('/');
            let tag = tag.strip_suffix('/').unwrap_or(tag);
            let name = tag
                .split(|symbol: char| symbol.is_ascii_whitespace())
                .next();
            let name = name.unwrap_or(tag);
            if !ELEMENTS.contains(&name) {
                let name = name.escape_debug();
                return refuse(
                    start,
                    format!("the element `{name}` is not one of a drawing's"),
                );
            }
            if (name == "svg") != open.is_empty() {
                return refuse(
                    start,
                    "a drawing is one `svg` element without another inside".into(),
                );
            }
            check_attributes(&tag[name.len()..], start)?;
            if attributes.is_none() {
                attributes = Some(start + 1 + name.len()..start + 1 + tag.len());
            }
            if !closed {
                open.push(name);
            }
            if open.len() > DEPTH {
                return refuse(
                    start,
                    format!("more than {DEPTH} elements inside each other"),
                );
            }
        }
        let Some(attributes) = attributes.filter(|_| open.is_empty() && at == text.len()) else {
            return refuse(text.len(), "the drawing does not end".into());
        };
        Ok(Self {
            text: text.to_owned(),
            attributes,
        })
    }

    /// The drawing, named for a reader who does not see it.
    fn to_html(&self, label: &str) -> String {
        // An attribute that stands twice is an error of the page; ours come first and win.
        format!(
            "<svg role=\"img\" aria-label=\"{}\"{}",
            escape(label),
            &self.text[self.attributes.start..]
        )
    }
}

/// Checks ` name="value"` pairs.
fn check_attributes(mut rest: &str, byte: usize) -> Result<(), SvgError> {
    let refuse = |reason: String| Err(SvgError { byte, reason });
    loop {
        let trimmed = rest.trim_start_matches(|symbol: char| symbol.is_ascii_whitespace());
        if trimmed.is_empty() {
            return Ok(());
        }
        let pair = trimmed.split_once('=').and_then(|(name, value)| {
            let (value, rest) = value.strip_prefix('"')?.split_once('"')?;
            Some((name, value, rest))
        });
        let Some((name, value, after)) = pair.filter(|_| trimmed.len() < rest.len()) else {
            return refuse("attributes have to be written name=\"value\"".into());
        };
        if !ATTRIBUTES.contains(&name) && !is_aria(name) {
            return refuse(format!(
                "the attribute `{}` is not a drawing's",
                name.escape_debug()
            ));
        }
        // Paints and filters by reference would load them.
        let value = value.to_ascii_lowercase();
        if value.contains(['<', '\\', '&']) && !is_aria(name) || value.contains("url(") {
            return refuse(format!("the value of `{name}` is not a plain one"));
        }
        rest = after;
    }
}

fn is_aria(name: &str) -> bool {
    name.strip_prefix("aria-")
        .is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()))
}

impl Figure {
    pub(super) fn to_html(&self) -> String {
        format!(
            "<figure class=\"panel\">\n<figcaption>{}</figcaption>\n<div class=\"scroll paper\" tabindex=\"0\" role=\"region\" \
             aria-label=\"{}\">\n{}\n</div>\n</figure>\n",
            escape(&self.caption),
            escape(&self.caption),
            self.svg.to_html(&self.caption)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_keeps_its_text_and_gets_a_name() {
        let text = "\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"10\" height=\"5\" role=\"presentation\">\n\
                    <g transform=\"translate(1 2)\"><path d=\"M0 0h1\"/><text x=\"1\">A &lt; B &amp; C</text></g></svg>\n";
        let figure = Figure {
            caption: "A <b>".into(),
            svg: Svg::parse(text).unwrap(),
        };
        let html = figure.to_html();
        assert!(
            html.contains("<svg role=\"img\" aria-label=\"A &lt;b&gt;\" xmlns="),
            "{html}"
        );
        assert!(html.contains("<g transform=\"translate(1 2)\"><path d=\"M0 0h1\"/><text x=\"1\">A &lt; B &amp; C</text></g></svg>"));
        assert!(Svg::parse("<svg/>").is_ok());
    }

    #[test]
    fn what_could_run_or_load_or_restyle_is_refused() {
        for (text, reason) in [
            ("", "does not end"),
            ("text", "does not end"),
            ("<svg>", "does not end"),
            ("<svg", "does not end"),
            ("</svg>", "closes nothing"),
            ("<svg></g></svg>", "closes nothing"),
            ("<svg></svg><svg></svg>", "more than one"),
            ("<svg></svg>text", "does not end"),
            ("text<svg></svg>", "text outside"),
            ("<p></p>", "element `p`"),
            ("<g></g>", "one `svg` element"),
            ("<svg><svg></svg></svg>", "one `svg` element"),
            ("<svg><script>1</script></svg>", "element `script`"),
            ("<svg><SCRIPT>1</SCRIPT></svg>", "element `SCRIPT`"),
            ("<svg><style>p{}</style></svg>", "element `style`"),
            ("<svg><a href=\"x\"></a></svg>", "element `a`"),
            ("<svg><image/></svg>", "element `image`"),
            ("<svg><foreignObject/></svg>", "element `foreignObject`"),
            ("<svg><!-- --></svg>", "element `!--`"),
            ("<?xml?><svg/>", "element `?xml?`"),
            ("<svg onload=\"x\"/>", "attribute `onload`"),
            ("<svg x=\"1\"onload=\"x\"/>", "name=\"value\""),
            ("<svg/onload=\"x\"/>", "element `svg/onload=\\\"x\\\"`"),
            ("<svg class=\"panel\"/>", "attribute `class`"),
            ("<svg style=\"x\"/>", "attribute `style`"),
            ("<svg id=\"x\"/>", "attribute `id`"),
            ("<svg xlink:href=\"x\"/>", "attribute `xlink:href`"),
            ("<svg fill=\"URL(#a)\"/>", "not a plain one"),
            ("<svg fill=\"&#117;rl(#a)\"/>", "not a plain one"),
            ("<svg fill=\"\\75rl(#a)\"/>", "not a plain one"),
            ("<svg x='1'/>", "name=\"value\""),
            ("<svg x=1/>", "name=\"value\""),
            ("<svg x/>", "name=\"value\""),
            ("<svg x=\"1/>", "name=\"value\""),
            ("<svg aria-=\"x\"/>", "attribute `aria-`"),
            ("<svg>\u{7}</svg>", "control characters"),
        ] {
            let error = Svg::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(Svg::parse(&format!("<svg>{}", "<g>".repeat(100))).is_err());
        assert!(Svg::parse(&" ".repeat(CAP + 1)).is_err());
    }

    #[test]
    fn no_cut_of_a_drawing_is_one() {
        let text = "<svg width=\"1\"><g><text>é</text></g></svg>";
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            assert!(Svg::parse(&text[..end]).is_err(), "{end}");
        }
    }
}
