//! The shapes of the letters of a logo, so that a logo looks the same wherever it is shown.

use crate::Alphabet;

/// A letter of this alphabet, in its colour, as an SVG path in the box whose upper left corner is at `[x, y]`, of `[width, height]`.
///
/// ```
/// use hairpin_seq::Dna;
/// use hairpin_seq::motif::letter_path;
///
/// let path = letter_path::<Dna>(b'T', [10.0, 0.0], [20.0, 50.0]);
/// assert!(path.starts_with("<path transform=\"matrix(0.2000 0 0 0.5000 10.00 0.00)\""));
/// ```
pub fn letter_path<A: Alphabet>(letter: u8, [x, y]: [f64; 2], [width, height]: [f64; 2]) -> String {
    format!(
        "<path transform=\"matrix({:.4} 0 0 {:.4} {x:.2} {y:.2})\" fill=\"{}\" fill-rule=\"evenodd\" d=\"{}\"/>",
        width / 100.0,
        height / 100.0,
        colour::<A>(letter),
        outline(letter)
    )
}

/// The outline of a capital letter as an SVG path that fills the square from (0, 0) to (100, 100), y downwards, by the even-odd
/// rule; a full square for anything else.
fn outline(letter: u8) -> &'static str {
    match letter {
        b'A' => "M0 100L38 0H62L100 100H78L70 77H30L22 100ZM36 59H64L50 19Z",
        b'B' => {
            "M0 0H58C82 0 95 9 95 26C95 37 89 44 78 47C92 50 100 58 100 72C100 90 86 100 60 100H0Z\
             M24 17V40H55C66 40 72 36 72 28C72 21 66 17 55 17ZM24 57V83H57C70 83 76 78 76 70C76 61 70 57 57 57Z"
        }
        b'C' => {
            "M100 34C96 12 78 0 53 0C20 0 0 20 0 50C0 80 20 100 53 100C78 100 96 88 100 64L78 60\
             C76 74 67 82 53 82C34 82 23 70 23 50C23 30 34 18 53 18C67 18 76 25 78 38Z"
        }
        b'D' => {
            "M0 0H45C80 0 100 18 100 50C100 82 80 100 45 100H0ZM23 18V82H44C66 82 77 71 77 50C77 29 66 18 44 18Z"
        }
        b'E' => "M0 0H100V19H24V40H92V58H24V81H100V100H0Z",
        b'F' => "M0 0H100V19H25V42H90V61H25V100H0Z",
        b'G' => {
            "M98 32C94 11 77 0 53 0C20 0 0 20 0 50C0 80 20 100 53 100C73 100 90 93 100 82V46H54V64H78V74\
             C72 79 63 82 53 82C34 82 23 70 23 50C23 30 34 18 53 18C65 18 73 24 76 36Z"
        }
        b'H' => "M0 0H24V39H76V0H100V100H76V58H24V100H0Z",
        b'I' => "M0 0H100V18H62V82H100V100H0V82H38V18H0Z",
        b'J' => {
            "M76 0H100V64C100 88 82 100 50 100C18 100 0 88 0 64V58H24V63C24 76 33 82 50 82C67 82 76 76 76 63Z"
        }
        b'K' => "M0 0H24V40L68 0H98L48 45L100 100H70L33 59L24 67V100H0Z",
        b'L' => "M0 0H25V80H100V100H0Z",
        b'M' => "M0 0H28L50 55L72 0H100V100H79V34L58 86H42L21 34V100H0Z",
        b'N' => "M0 0H26L77 66V0H100V100H75L23 33V100H0Z",
        b'O' => {
            "M50 0C81 0 100 20 100 50C100 80 81 100 50 100C19 100 0 80 0 50C0 20 19 0 50 0Z\
             M50 18C33 18 23 30 23 50C23 70 33 82 50 82C67 82 77 70 77 50C77 30 67 18 50 18Z"
        }
        b'P' => {
            "M0 0H58C86 0 100 11 100 32C100 53 86 64 58 64H24V100H0ZM24 18V46H56C70 46 77 41 77 32C77 23 70 18 56 18Z"
        }
        b'Q' => {
            "M50 0C81 0 100 19 100 48C100 63 95 75 86 83L100 93L87 100L70 92C64 94 57 96 50 96C19 96 0 77 0 48C0 19 19 0 50 0Z\
             M50 18C33 18 23 29 23 48C23 67 33 78 50 78C52 78 54 78 56 77L46 69L58 61L71 71C75 65 77 57 77 48C77 29 67 18 50 18Z"
        }
        b'R' => {
            "M0 0H60C87 0 99 10 99 29C99 44 91 53 76 56L100 100H73L52 59H24V100H0ZM24 18V42H57C70 42 76 38 76 30C76 22 70 18 57 18Z"
        }
        b'S' => {
            "M95 28L73 31C71 22 63 17 50 17C36 17 28 21 28 28C28 34 34 37 50 40C84 46 100 53 100 72C100 90 82 100 51 100\
             C21 100 3 89 0 69L23 66C25 77 35 83 51 83C67 83 76 79 76 72C76 65 69 62 47 58C18 53 4 46 4 29C4 11 21 0 50 0C77 0 92 9 95 28Z"
        }
        b'T' => "M0 0H100V20H61V100H39V20H0Z",
        b'U' => {
            "M0 0H23V60C23 75 33 82 50 82C67 82 77 75 77 60V0H100V62C100 87 81 100 50 100C19 100 0 87 0 62Z"
        }
        b'V' => "M0 0H25L50 74L75 0H100L62 100H38Z",
        b'W' => "M0 0H20L30 66L42 10H58L70 66L80 0H100L82 100H61L50 44L39 100H18Z",
        b'X' => "M0 0H29L50 33L71 0H100L65 49L100 100H71L50 66L29 100H0L35 49Z",
        b'Y' => "M0 0H27L50 40L73 0H100L62 60V100H38V60Z",
        b'Z' => "M0 0H100V18L32 81H100V100H0V82L67 19H0Z",
        _ => "M0 0H100V100H0Z",
    }
}

/// The colour in which logos show a symbol of `A`. Bases as since WebLogo: A green, C blue, G orange, T and U red. Residues, and what
/// is no base, by chemistry: polar green, amide purple, basic blue, acidic red, hydrophobic black.
fn colour<A: Alphabet>(letter: u8) -> &'static str {
    if A::SYMBOLS.len() == 4 {
        base_colour(letter)
    } else {
        residue_colour(letter)
    }
}

fn base_colour(base: u8) -> &'static str {
    match base {
        b'A' => "#109648",
        b'C' => "#255c99",
        b'G' => "#f0a202",
        _ => "#d62839",
    }
}

fn residue_colour(residue: u8) -> &'static str {
    match residue {
        b'G' | b'S' | b'T' | b'Y' | b'C' => "#109648",
        b'N' | b'Q' => "#7b3294",
        b'K' | b'R' | b'H' => "#255c99",
        b'D' | b'E' => "#d62839",
        _ => "#222222",
    }
}
