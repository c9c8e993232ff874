//! The kind of loop that each base is in, in bpRNA's letters.

use super::Structure;
use crate::SeqError;
use crate::encode::check_out;

/// The kind of loop a base belongs to.
///
/// | letter | channel | | a base that is |
/// |---|---|---|---|
/// | `S` | 0 | [`Stem`](Self::Stem) | paired |
/// | `M` | 1 | [`Multiloop`](Self::Multiloop) | unpaired in a loop of three or more helices |
/// | `I` | 2 | [`Internal`](Self::Internal) | unpaired between two pairs, with unpaired bases on both strands |
/// | `B` | 3 | [`Bulge`](Self::Bulge) | unpaired between two pairs, the other strand having none |
/// | `H` | 4 | [`Hairpin`](Self::Hairpin) | unpaired in a loop closed by one pair |
/// | `E` | 5 | [`DanglingEnd`](Self::DanglingEnd) | before the first pair or after the last |
/// | `X` | 6 | [`External`](Self::External) | between two helices that no pair encloses |
///
/// The letters and their meaning are bpRNA's: Danaee et al. 2018, Nucleic Acids Research 46:5381 (doi:10.1093/nar/gky285).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum LoopType {
    /// `S`: paired.
    Stem,
    /// `M`: in a multiloop.
    Multiloop,
    /// `I`: in an internal loop.
    Internal,
    /// `B`: in a bulge.
    Bulge,
    /// `H`: in a hairpin loop.
    Hairpin,
    /// `E`: in a dangling end.
    DanglingEnd,
    /// `X`: in the external loop, between helices.
    External,
}

impl LoopType {
    /// All kinds, in the order of their channels.
    pub const ALL: [Self; 7] = [
        Self::Stem,
        Self::Multiloop,
        Self::Internal,
        Self::Bulge,
        Self::Hairpin,
        Self::DanglingEnd,
        Self::External,
    ];

    /// bpRNA's letter.
    pub fn letter(self) -> char {
        match self {
            Self::Stem => 'S',
            Self::Multiloop => 'M',
            Self::Internal => 'I',
            Self::Bulge => 'B',
            Self::Hairpin => 'H',
            Self::DanglingEnd => 'E',
            Self::External => 'X',
        }
    }

    /// The kind with this letter.
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.letter() == letter)
    }

    /// Writes one-hot rows, row-major `[length, 7]`, the channels in the order `S M I B H E X`; what `out` held does not
    /// matter.
    ///
    /// # Panics
    ///
    /// When `out.len()` is not `length * 7`.
    pub fn one_hot_into(loops: &[Self], out: &mut [f32]) {
        const CHANNELS: usize = LoopType::ALL.len();
        check_out("LoopType", out.len(), loops.len(), CHANNELS);
        out.fill(0.0);
        for (row, &kind) in out.chunks_exact_mut(CHANNELS).zip(loops) {
            row[kind as usize] = 1.0;
        }
    }
}

/// The kind of loop each base is in.
///
/// Pseudoknots are taken apart first ([`Structure::without_pseudoknots`]), as bpRNA does; the bases of the pairs that go are
/// named by the loop they then lie in. A strand without pairs is a dangling end throughout.
///
/// ```
/// use hairpin_seq::structure::{Structure, loop_types, write_loop_types};
///
/// let structure: Structure = ".((.((...)).((..))))..(...).".parse()?;
/// let loops = loop_types(&structure);
/// assert_eq!(write_loop_types(&loops), "ESSMSSHHHSSMSSHHSSSSXXSHHHSE");
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub fn loop_types(structure: &Structure) -> Vec<LoopType> {
    let nested = structure.without_pseudoknots();
    let mut loops = vec![LoopType::Stem; nested.len()];
    name_outside(&nested, &mut loops);
    for (i, j) in nested.pairs() {
        name_inside(&nested, i, j, &mut loops);
    }
    loops
}

/// Names the bases that no pair encloses.
fn name_outside(nested: &Structure, loops: &mut [LoopType]) {
    let mut first = None;
    let mut end = 0;
    walk(nested, 0, nested.len(), |step| match step {
        Step::Base(base) => loops[base] = LoopType::External,
        Step::Helix(i, j) => {
            first = first.or(Some(i));
            end = j + 1;
        }
    });
    loops[..first.unwrap_or(0)].fill(LoopType::DanglingEnd);
    loops[end..].fill(LoopType::DanglingEnd);
}

/// Names the unpaired bases of the loop that the pair `(i, j)` closes.
fn name_inside(nested: &Structure, i: usize, j: usize, loops: &mut [LoopType]) {
    let mut helices = 0;
    // Whether there are unpaired bases before the first helix, and after the last.
    let (mut before, mut after) = (false, false);
    walk(nested, i + 1, j, |step| match step {
        Step::Base(_) if helices == 0 => before = true,
        Step::Base(_) => after = true,
        Step::Helix(..) => helices += 1,
    });
    let kind = match helices {
        0 => LoopType::Hairpin,
        1 if before && after => LoopType::Internal,
        1 => LoopType::Bulge,
        _ => LoopType::Multiloop,
    };
    walk(nested, i + 1, j, |step| {
        if let Step::Base(base) = step {
            loops[base] = kind;
        }
    });
}

enum Step {
    Base(usize),
    Helix(usize, usize),
}

/// Visits the unpaired bases and the closing pairs between two bases, without entering the helices.
fn walk(nested: &Structure, from: usize, to: usize, mut visit: impl FnMut(Step)) {
    let mut base = from;
    while base < to {
        match nested.partner(base) {
            Some(partner) => {
                visit(Step::Helix(base, partner));
                base = partner + 1;
            }
            None => {
                visit(Step::Base(base));
                base += 1;
            }
        }
    }
}

/// Reads loop types as letters, such as Kaggle's column `predicted_loop_type`.
///
/// # Errors
///
/// [`SeqError::LoopSymbol`] names the first character that is not one of `S M I B H E X`.
pub fn parse_loop_types(text: &str) -> Result<Vec<LoopType>, SeqError> {
    text.chars()
        .enumerate()
        .map(|(index, symbol)| {
            LoopType::from_letter(symbol).ok_or(SeqError::LoopSymbol {
                position: index + 1,
                symbol,
            })
        })
        .collect()
}

/// Loop types as letters; [`parse_loop_types`] reads them back.
pub fn write_loop_types(loops: &[LoopType]) -> String {
    loops.iter().map(|kind| kind.letter()).collect()
}
