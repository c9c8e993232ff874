//! Dot-bracket text: one character per base.

use std::fmt;
use std::str::FromStr;

use super::Structure;
use crate::SeqError;

/// The bracket pairs in the order in which they are used for writing: nested pairs take the first, crossing ones the next.
const BRACKETS: [(u8, u8); 30] = {
    let mut brackets = [(0, 0); 30];
    let special = [(b'(', b')'), (b'[', b']'), (b'{', b'}'), (b'<', b'>')];
    let mut page = 0;
    while page < brackets.len() {
        brackets[page] = match page {
            0..4 => special[page],
            _ => {
                let letter = b'A' + (page - 4) as u8;
                (letter, letter.to_ascii_lowercase())
            }
        };
        page += 1;
    }
    brackets
};

enum Symbol {
    Opens(usize),
    Closes(usize),
}

fn bracket(byte: u8) -> Option<Symbol> {
    let page = |letter: u8| 4 + usize::from(letter - b'A');
    Some(match byte {
        b'(' => Symbol::Opens(0),
        b')' => Symbol::Closes(0),
        b'[' => Symbol::Opens(1),
        b']' => Symbol::Closes(1),
        b'{' => Symbol::Opens(2),
        b'}' => Symbol::Closes(2),
        b'<' => Symbol::Opens(3),
        b'>' => Symbol::Closes(3),
        b'A'..=b'Z' => Symbol::Opens(page(byte)),
        b'a'..=b'z' => Symbol::Closes(page(byte.to_ascii_uppercase())),
        _ => return None,
    })
}

impl FromStr for Structure {
    type Err = SeqError;

    /// Reads dot-bracket text: `.` is unpaired; `()`, `[]`, `{}`, `<>` and `Aa` to `Zz` are pairs, each kind nested within
    /// itself and free to cross the others. The empty text is the empty structure.
    ///
    /// # Errors
    ///
    /// [`SeqError::StructureSymbol`], [`SeqError::UnopenedBracket`], or [`SeqError::UnclosedBracket`] for the first bracket
    /// that is never closed; all with the position in characters from 1. Whitespace is not skipped.
    fn from_str(text: &str) -> Result<Self, SeqError> {
        let mut open: [Vec<usize>; BRACKETS.len()] = Default::default();
        // Exact for what is accepted, which is ASCII; anything else ends in an error.
        let mut structure = Self::unpaired(text.len());
        for (index, symbol) in text.chars().enumerate() {
            let kind = match u8::try_from(symbol) {
                Ok(b'.') => continue,
                Ok(byte) => bracket(byte),
                Err(_) => None,
            };
            match kind {
                Some(Symbol::Opens(page)) => open[page].push(index),
                Some(Symbol::Closes(page)) => match open[page].pop() {
                    Some(start) => structure.join(start, index),
                    None => {
                        return Err(SeqError::UnopenedBracket {
                            position: index + 1,
                            symbol,
                            opening: char::from(BRACKETS[page].0),
                        });
                    }
                },
                None => {
                    return Err(SeqError::StructureSymbol {
                        position: index + 1,
                        symbol,
                    });
                }
            }
        }
        let unclosed = (0..BRACKETS.len())
            .filter_map(|page| open[page].first().map(|&index| (index, page)))
            .min();
        match unclosed {
            None => Ok(structure),
            Some((index, page)) => Err(SeqError::UnclosedBracket {
                position: index + 1,
                symbol: char::from(BRACKETS[page].0),
                closing: char::from(BRACKETS[page].1),
            }),
        }
    }
}

impl Structure {
    /// Dot-bracket text: from left to right, each pair takes the first kind of bracket, in the order `()`, `[]`, `{}`, `<>`,
    /// `Aa` to `Zz`, in which it crosses no earlier pair. Reading it gives the same structure.
    ///
    /// The brackets are the pairs' order, not their history: text that wrote a nested helix as `[]` comes back with `()`.
    ///
    /// ```
    /// use hairpin_seq::structure::Structure;
    ///
    /// let structure: Structure = "<<..[[..>>..]]".parse()?;
    /// assert_eq!(structure.to_dot_bracket()?, "((..[[..))..]]");
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SeqError::TooManyPages`] when the pairs cross so often that 30 kinds of brackets do not suffice.
    pub fn to_dot_bracket(&self) -> Result<String, SeqError> {
        let (text, overflow) = self.write();
        match overflow {
            None => Ok(text),
            Some(base) => Err(SeqError::TooManyPages {
                position: base + 1,
                limit: BRACKETS.len(),
            }),
        }
    }

    /// The text, and the first base whose pair found no kind of bracket (its two ends are written `?`).
    fn write(&self) -> (String, Option<usize>) {
        let mut text = vec!['.'; self.len()];
        let mut overflow = None;
        // The closing ends of each page's open pairs, outermost first; the last is the next to close.
        let mut open: [Vec<usize>; BRACKETS.len()] = Default::default();
        for (i, j) in self.pairs() {
            let free = open.iter_mut().position(|ends| {
                while ends.last().is_some_and(|&end| end < i) {
                    ends.pop();
                }
                ends.last().is_none_or(|&end| j < end)
            });
            let (opening, closing) = match free {
                Some(page) => {
                    open[page].push(j);
                    let (opening, closing) = BRACKETS[page];
                    (char::from(opening), char::from(closing))
                }
                None => {
                    overflow = overflow.or(Some(i));
                    ('?', '?')
                }
            };
            text[i] = opening;
            text[j] = closing;
        }
        (text.into_iter().collect(), overflow)
    }
}

/// [`Structure::to_dot_bracket`], with `?` for both bases of a pair beyond the 30 kinds of brackets; width and alignment apply.
impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.write().0)
    }
}
