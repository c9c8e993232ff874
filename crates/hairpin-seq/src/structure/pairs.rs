//! Which base pairs with which.

use crate::SeqError;

/// The base pairs of one RNA or DNA strand: each base has at most one partner, and the partner's partner is the base itself.
///
/// Pseudoknots (pairs that cross) are allowed. Positions count from 0, except in errors, which count characters from 1.
///
/// ```
/// use hairpin_seq::structure::Structure;
///
/// let structure = Structure::from_pairs(8, [(0, 7), (1, 6)])?;
/// assert_eq!(structure.to_string(), "((....))");
/// assert_eq!(structure.partner(6), Some(1));
/// assert_eq!(structure.pairs().collect::<Vec<_>>(), [(0, 7), (1, 6)]);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Structure {
    /// The partner of each base; an unpaired base is its own.
    partner: Vec<usize>,
}

impl Structure {
    /// A strand of `len` bases without a pair.
    pub fn unpaired(len: usize) -> Self {
        Self {
            partner: (0..len).collect(),
        }
    }

    /// The structure with these pairs on a strand of `len` bases, positions from 0, in any order and either direction.
    ///
    /// # Errors
    ///
    /// [`SeqError::PairOutOfRange`] for a position past the end or a base paired with itself, and
    /// [`SeqError::PairConflict`] for a base with two partners; a pair may not be given twice.
    pub fn from_pairs(
        len: usize,
        pairs: impl IntoIterator<Item = (usize, usize)>,
    ) -> Result<Self, SeqError> {
        let mut structure = Self::unpaired(len);
        for (i, j) in pairs {
            structure.add(i, j)?;
        }
        Ok(structure)
    }

    /// The structure of a pair table: entry `i` is the partner of base `i`, positions from 0.
    ///
    /// # Errors
    ///
    /// [`SeqError::PairOutOfRange`] for a partner past the end or equal to the base, and [`SeqError::PairConflict`] where
    /// the table does not read the same both ways.
    pub fn from_pair_table(table: &[Option<usize>]) -> Result<Self, SeqError> {
        let mut structure = Self::unpaired(table.len());
        for (i, partner) in table.iter().enumerate() {
            let Some(j) = *partner else { continue };
            match table.get(j) {
                Some(_) if i == j => return Err(out_of_range(i, j, table.len())),
                None => return Err(out_of_range(i, j, table.len())),
                Some(back) if *back == Some(i) => structure.partner[i] = j,
                Some(back) => {
                    return Err(SeqError::PairConflict {
                        position: j + 1,
                        first: back.map(|back| back.saturating_add(1)),
                        second: i + 1,
                    });
                }
            }
        }
        Ok(structure)
    }

    /// The partner of every base, `None` where it has none; the inverse of [`from_pair_table`](Self::from_pair_table).
    pub fn pair_table(&self) -> Vec<Option<usize>> {
        (0..self.len()).map(|base| self.partner(base)).collect()
    }

    /// The number of bases, paired or not.
    pub fn len(&self) -> usize {
        self.partner.len()
    }

    /// Whether there is no base at all.
    pub fn is_empty(&self) -> bool {
        self.partner.is_empty()
    }

    /// The base that `base` pairs with.
    ///
    /// # Panics
    ///
    /// When `base` is not below the length.
    pub fn partner(&self, base: usize) -> Option<usize> {
        let partner = self.partner[base];
        (partner != base).then_some(partner)
    }

    /// The pairs `(i, j)` with `i < j`, by increasing `i`.
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (usize, usize)> + '_ {
        self.partner
            .iter()
            .enumerate()
            .filter(|&(i, &j)| i < j)
            .map(|(i, &j)| (i, j))
    }

    /// The number of pairs.
    pub fn pair_count(&self) -> usize {
        self.pairs().count()
    }

    /// Joins two bases; errors as [`from_pairs`](Self::from_pairs).
    fn add(&mut self, i: usize, j: usize) -> Result<(), SeqError> {
        let len = self.len();
        if i == j || i >= len || j >= len {
            return Err(out_of_range(i, j, len));
        }
        for (base, other) in [(i, j), (j, i)] {
            if let Some(partner) = self.partner(base) {
                return Err(SeqError::PairConflict {
                    position: base + 1,
                    first: Some(partner + 1),
                    second: other + 1,
                });
            }
        }
        self.join(i, j);
        Ok(())
    }

    /// Joins two different bases that have no partner yet.
    pub(super) fn join(&mut self, i: usize, j: usize) {
        self.partner[i] = j;
        self.partner[j] = i;
    }

    /// Takes two paired bases apart.
    pub(super) fn part(&mut self, i: usize, j: usize) {
        self.partner[i] = i;
        self.partner[j] = j;
    }
}

fn out_of_range(i: usize, j: usize, len: usize) -> SeqError {
    SeqError::PairOutOfRange {
        position: i.saturating_add(1),
        partner: j.saturating_add(1),
        length: len,
    }
}
