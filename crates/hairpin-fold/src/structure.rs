//! Secondary structures: which base pairs with which.

use std::fmt;
use std::str::FromStr;

use crate::FoldError;

/// A secondary structure without pseudoknots.
///
/// ```
/// use hairpin_fold::Structure;
///
/// let structure: Structure = "((...))..".parse()?;
/// assert_eq!(structure.partner(1), Some(7));
/// assert_eq!(structure.pairs().collect::<Vec<_>>(), [(1, 7), (2, 6)]);
/// assert_eq!(structure.to_string(), "((...))..");
/// # Ok::<(), hairpin_fold::FoldError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Structure {
    /// The partner of every position, both from 1; 0 for none. Entry 0 is unused.
    partners: Vec<u32>,
}

impl Structure {
    /// No pair at all, over `length` bases.
    pub fn open(length: usize) -> Self {
        Self {
            partners: vec![0; length + 1],
        }
    }

    /// The structure of these pairs `i < j`, counted from 1, over `length` bases.
    ///
    /// # Errors
    ///
    /// [`FoldError::NoPair`] if a pair does not fit into the length or crosses another, or a base is in two pairs.
    pub fn from_pairs(length: usize, pairs: &[(usize, usize)]) -> Result<Self, FoldError> {
        let mut structure = Self::open(length);
        for &(i, j) in pairs {
            let refuse = |reason| Err(FoldError::NoPair { i, j, reason });
            if i == 0 || i >= j || j > length {
                return refuse("expected 1 <= i < j <= length");
            }
            if structure.partner(i).is_some() || structure.partner(j).is_some() {
                return refuse("one of them is in another pair");
            }
            structure.join(i, j);
        }
        let mut open = Vec::new();
        for position in 1..=length {
            match structure.partner(position) {
                Some(partner) if partner > position => open.push(position),
                Some(partner) if open.pop() != Some(partner) => {
                    return Err(FoldError::NoPair {
                        i: partner,
                        j: position,
                        reason: "the pair crosses another one",
                    });
                }
                _ => {}
            }
        }
        Ok(structure)
    }

    /// Number of bases.
    pub fn len(&self) -> usize {
        self.partners.len() - 1
    }

    /// Whether there is no base.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The position that `position` pairs with, both from 1.
    ///
    /// # Panics
    ///
    /// If `position` is 0 or beyond the last.
    pub fn partner(&self, position: usize) -> Option<usize> {
        assert!(
            (1..=self.len()).contains(&position),
            "position {position} of {} bases",
            self.len()
        );
        match self.partners[position] {
            0 => None,
            partner => Some(partner as usize),
        }
    }

    /// All pairs `(i, j)` with `i < j`, in the order of `i`.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (1..=self.len()).filter_map(|i| self.partner(i).filter(|&j| i < j).map(|j| (i, j)))
    }

    /// Joins two free positions.
    pub(crate) fn join(&mut self, i: usize, j: usize) {
        self.partners[i] = j as u32;
        self.partners[j] = i as u32;
    }
}

impl FromStr for Structure {
    type Err = FoldError;

    /// Reads dot-bracket notation: `(` and `)` for pairs, `.` for the others.
    fn from_str(text: &str) -> Result<Self, FoldError> {
        let mut structure = Self::open(text.chars().count());
        let mut open = Vec::new();
        for (index, symbol) in text.chars().enumerate() {
            let position = index + 1;
            match symbol {
                '.' => {}
                '(' => open.push(position),
                ')' => match open.pop() {
                    Some(partner) => structure.join(partner, position),
                    None => return Err(FoldError::Unbalanced { position }),
                },
                found => return Err(FoldError::Bracket { position, found }),
            }
        }
        match open.pop() {
            None => Ok(structure),
            Some(position) => Err(FoldError::Unbalanced { position }),
        }
    }
}

impl fmt::Display for Structure {
    /// Dot-bracket notation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = (1..=self.len())
            .map(|position| match self.partner(position) {
                None => '.',
                Some(partner) if partner > position => '(',
                Some(_) => ')',
            })
            .collect();
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for text in ["", ".", "()", "((.)(..))..()"] {
            assert_eq!(text.parse::<Structure>().unwrap().to_string(), text);
        }
        let same = Structure::from_pairs(5, &[(2, 4), (1, 5)]).unwrap();
        assert_eq!(same, "((.))".parse().unwrap());
    }

    #[test]
    fn refuses_what_is_no_structure() {
        let error = |text: &str| text.parse::<Structure>().unwrap_err().to_string();
        assert_eq!(error("..)"), "position 3: this bracket has no partner");
        assert_eq!(error("((.)"), "position 1: this bracket has no partner");
        assert!(error(".[").starts_with("position 2: '[' is not dot-bracket"));
        let error =
            |pairs: &[(usize, usize)]| Structure::from_pairs(9, pairs).unwrap_err().to_string();
        assert!(error(&[(1, 6), (3, 9)]).contains("crosses"));
        assert!(error(&[(1, 6), (6, 9)]).contains("in another pair"));
        assert!(error(&[(6, 1)]).contains("expected 1 <= i < j"));
        assert!(error(&[(1, 10)]).contains("expected 1 <= i < j"));
    }
}
