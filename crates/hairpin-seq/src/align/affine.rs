//! Optimal alignment with affine gaps, and what its columns hold.

use super::blosum::BLOSUM62;
use crate::{Alphabet, Protein, Seq, SeqError};

/// The most positions two sequences may have together, so that a score, its matches and its columns fit one number.
const MAX_POSITIONS: usize = 1 << 18;

/// What a pair of symbols and a gap are worth.
///
/// | value | [`blosum62`](Scoring::blosum62) | meaning |
/// |---|---|---|
/// | substitution | BLOSUM62, half-bits | for every pair of symbols, unknown included |
/// | `gap_open` | 11 | taken off for every gap, beside its length |
/// | `gap_extend` | 1 | taken off for every position of a gap |
///
/// A gap of `g` positions costs `gap_open + g * gap_extend`, as in BLAST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoring<A> {
    /// `symbols x symbols`, the unknown symbol last.
    substitution: Vec<i64>,
    gap_open: i64,
    gap_extend: i64,
    alphabet: std::marker::PhantomData<A>,
}

impl<A: Alphabet> Scoring<A> {
    /// One score for equal symbols and one for different ones; the unknown symbol equals itself.
    ///
    /// `Scoring::uniform(0, -1, 0, 1)` is the edit distance with its sign turned.
    pub fn uniform(equal: i8, different: i8, gap_open: u8, gap_extend: u8) -> Self {
        let score = |a, b| if a == b { equal } else { different };
        Self::by(score, gap_open, gap_extend)
    }

    fn by(score: impl Fn(usize, usize) -> i8, gap_open: u8, gap_extend: u8) -> Self {
        let symbols = A::SYMBOLS.len() + 1;
        let pairs = (0..symbols).flat_map(|a| (0..symbols).map(move |b| (a, b)));
        Self {
            substitution: pairs.map(|(a, b)| i64::from(score(a, b))).collect(),
            gap_open: i64::from(gap_open),
            gap_extend: i64::from(gap_extend),
            alphabet: std::marker::PhantomData,
        }
    }
}

impl Scoring<Protein> {
    /// BLOSUM62 with gaps of 11 + 1 per residue, BLAST's defaults for proteins.
    ///
    /// S. and J. G. Henikoff, Amino acid substitution matrices from protein blocks, PNAS 1992 (doi:10.1073/pnas.89.22.10915).
    pub fn blosum62() -> Self {
        Self::by(|a, b| BLOSUM62[a][b], 11, 1)
    }
}

/// Whether gaps at the ends of an alignment count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ends {
    /// Both sequences from end to end (Needleman-Wunsch).
    #[default]
    Global,
    /// Gaps before the first and after the last pair cost nothing and are no columns: a short sequence inside a long one, or two that
    /// overlap.
    Free,
}

/// What the matches of an alignment are divided by to give its identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Per {
    /// The columns of the alignment: pairs and gap positions, free end gaps left out.
    #[default]
    Columns,
    /// The length of the shorter sequence, as CD-HIT has it.
    Shorter,
}

/// Aligns pairs of sequences.
///
/// The score is that of the best alignment (Gotoh, An improved algorithm for matching biological sequences, J. Mol. Biol. 1982,
/// doi:10.1016/0022-2836(82)90398-9). Several alignments may reach it; among them the one with most matches counts, and of
/// those the one with fewest columns, so that an identity does not depend on which way a program happens to trace back, nor on which
/// sequence comes first.
///
/// | option | default | meaning |
/// |---|---|---|
/// | `scoring` | required | [`Scoring`] |
/// | `ends` | [`Ends::Global`] | whether gaps at the ends count |
/// | `band` | none | how many diagonals beyond those that join the corners are searched on either side |
///
/// Time is the product of the lengths (with a band: the shorter length times the band), memory the second length.
///
/// ```
/// use hairpin_seq::{Protein, Seq, align::{Aligner, Ends, Per, Scoring}};
///
/// let long: Seq<Protein> = "MKWVTFISLLHEAGAWGHEE".parse()?;
/// let short: Seq<Protein> = "HEAGAWGHE".parse()?;
/// let aligner = Aligner::new(Scoring::blosum62());
/// assert_eq!(aligner.align(&long, &short)?.identity(Per::Columns), 9. / 20.);
///
/// let found = aligner.with_ends(Ends::Free).align(&long, &short)?;
/// assert_eq!((found.matches, found.columns), (9, 9));
/// assert_eq!(found.identity(Per::Shorter), 1.);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aligner<A> {
    scoring: Scoring<A>,
    ends: Ends,
    band: Option<usize>,
}

/// The best alignment of two sequences, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// Sum of the substitution scores less the cost of the gaps.
    pub score: i64,
    /// Columns with the same symbol twice.
    pub matches: usize,
    /// Columns: matches, mismatches and gap positions, free end gaps left out.
    pub columns: usize,
    /// Length of the shorter sequence.
    pub shorter: usize,
}

impl Alignment {
    /// Matches per column or per position of the shorter sequence, 0 to 1.
    ///
    /// With nothing to divide by, 1 per shorter sequence and for two empty sequences, else 0.
    pub fn identity(&self, per: Per) -> f64 {
        match per {
            Per::Columns if self.columns > 0 => self.matches as f64 / self.columns as f64,
            Per::Columns if self.shorter > 0 => 0.0,
            Per::Shorter if self.shorter > 0 => self.matches as f64 / self.shorter as f64,
            Per::Columns | Per::Shorter => 1.0,
        }
    }
}

impl<A: Alphabet> Aligner<A> {
    /// A global aligner without a band.
    pub fn new(scoring: Scoring<A>) -> Self {
        Self {
            scoring,
            ends: Ends::Global,
            band: None,
        }
    }

    /// Whether gaps at the ends count.
    pub fn with_ends(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }

    /// Searches only the diagonals that join the corners of the table, and `band` more on either side.
    ///
    /// The alignment is the best one inside the band. It is the best of all if no more than `band` positions of it are gaps
    /// against the direction of the difference in length.
    pub fn with_band(self, band: usize) -> Self {
        Self {
            band: Some(band),
            ..self
        }
    }

    /// Aligns two sequences.
    ///
    /// # Errors
    ///
    /// [`SeqError::AlignmentLength`] when the two have more than 262,144 positions together.
    pub fn align(&self, a: &Seq<A>, b: &Seq<A>) -> Result<Alignment, SeqError> {
        let (rows, columns) = (a.len(), b.len());
        let positions = rows + columns;
        if positions > MAX_POSITIONS {
            return Err(SeqError::AlignmentLength {
                positions,
                max: MAX_POSITIONS,
            });
        }
        let units = Units::new(positions, rows.min(columns));
        let best = self.best(a.codes(), b.codes(), &units);
        Ok(units.read(best, rows.min(columns)))
    }

    /// The value of the best alignment in `units`: Gotoh's recursion, of which only the row before is kept.
    ///
    /// ```text
    /// E(i, j) = max(E(i, j - 1), H(i, j - 1) - open) - extend       a gap in a
    /// F(i, j) = max(F(i - 1, j), H(i - 1, j) - open) - extend       a gap in b
    /// H(i, j) = max(H(i - 1, j - 1) + s(a[i], b[j]), E(i, j), F(i, j))
    /// ```
    fn best(&self, a: &[u8], b: &[u8], units: &Units) -> i64 {
        let free = self.ends == Ends::Free;
        let symbols = A::SYMBOLS.len() + 1;
        let open = self.scoring.gap_open * units.score;
        let extend = self.scoring.gap_extend * units.score + 1;
        let mut pair = Vec::with_capacity(symbols * symbols);
        for (index, &score) in self.scoring.substitution.iter().enumerate() {
            let matched = i64::from(index / symbols == index % symbols);
            pair.push(score * units.score + matched * units.matched - 1);
        }
        let edge = |gap: usize| match gap {
            0 => 0,
            _ if free => 0,
            _ => -open - extend * gap as i64,
        };
        // The columns of row i inside the band: those with first <= j - i <= last.
        let (len_a, len_b) = (a.len() as i64, b.len() as i64);
        let band = self.band.map_or(len_a + len_b, |band| band as i64);
        let first = (len_b - len_a).min(0).saturating_sub(band);
        let last = (len_b - len_a).max(0).saturating_add(band);
        let inside = |row: usize| {
            (
                (row as i64 + first).max(0),
                (row as i64 + last).min(len_b).max(0),
            )
        };

        let end = inside(0).1 as usize;
        let mut above: Vec<i64> = (0..=b.len())
            .map(|j| if j <= end { edge(j) } else { NEVER })
            .collect();
        let mut gap_b = vec![NEVER; b.len() + 1];
        let mut best = if free { 0 } else { NEVER };
        for (row, &code) in a.iter().enumerate().map(|(row, code)| (row + 1, code)) {
            let (start, end) = inside(row);
            let (start, end) = (start as usize, end as usize);
            let pair = &pair[usize::from(code) * symbols..][..symbols];
            let mut gap_a = NEVER;
            let (mut diagonal, mut left);
            if start == 0 {
                diagonal = above[0];
                left = edge(row);
                above[0] = left;
            } else {
                diagonal = above[start - 1];
                left = NEVER;
                above[start - 1] = NEVER;
            }
            for j in start.max(1)..=end {
                gap_a = gap_a.max(left - open) - extend;
                gap_b[j] = gap_b[j].max(above[j] - open) - extend;
                left = (diagonal + pair[usize::from(b[j - 1])])
                    .max(gap_a)
                    .max(gap_b[j]);
                diagonal = above[j];
                above[j] = left;
            }
            if free && end == b.len() {
                best = best.max(above[b.len()]);
            }
        }
        if free {
            let (start, end) = inside(a.len());
            above[start as usize..=end as usize]
                .iter()
                .fold(best, |best, &value| best.max(value))
        } else {
            above[b.len()]
        }
    }
}

/// Worse than any alignment, and far enough from the end of the numbers to take more off.
const NEVER: i64 = i64::MIN / 2;

/// Score, matches and columns in one number, so that the larger number has the larger score, then more matches, then fewer
/// columns: `score * self.score + matches * self.matched - columns`.
struct Units {
    score: i64,
    matched: i64,
    positions: i64,
}

impl Units {
    fn new(positions: usize, shorter: usize) -> Self {
        let positions = positions as i64;
        // An alignment has at most `positions` columns and `shorter` matches.
        let matched = positions + 1;
        Self {
            score: matched * (shorter as i64 + 1),
            matched,
            positions,
        }
    }

    fn read(&self, value: i64, shorter: usize) -> Alignment {
        // Shifted by the most columns there can be, so that the rest after the score is never negative.
        let shifted = value + self.positions;
        let rest = shifted.rem_euclid(self.score);
        Alignment {
            score: shifted.div_euclid(self.score),
            matches: (rest / self.matched) as usize,
            columns: (self.positions - rest % self.matched) as usize,
            shorter,
        }
    }
}
