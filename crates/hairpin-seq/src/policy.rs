//! What to do with symbols that are not in the alphabet but could be meant.

/// How to read symbols that are not one of the alphabet's: the default refuses all of them.
///
/// Nothing is changed silently: every leniency is asked for by name. A letter that no policy explains (a `7`, a space) is always an
/// error.
///
/// | field | default | the other choices | concerns |
/// |---|---|---|---|
/// | `ambiguous` | [`Refuse`](Ambiguous::Refuse) | [`Unknown`](Ambiguous::Unknown) | `N`, `R`, ... |
/// | `case` | [`Refuse`](Case::Refuse) | [`Fold`](Case::Fold) | `a`, `n`, ... |
/// | `gap` | [`Refuse`](Gap::Refuse) | [`Drop`](Gap::Drop), [`Unknown`](Gap::Unknown) | `-`, `.` |
/// | `counterpart` | [`Refuse`](Counterpart::Refuse) | [`Convert`](Counterpart::Convert) | `U` in DNA, `T` in RNA |
///
/// The fields do not depend on each other; `n` needs both `ambiguous` and `case`, `u` in DNA both `counterpart` and `case`. A policy is
/// best written with `..Policy::default()`, so that a field added later keeps its strict value.
///
/// ```
/// use hairpin_seq::{Ambiguous, Case, Counterpart, Dna, Gap, Policy, Seq};
///
/// let policy = Policy { ambiguous: Ambiguous::Unknown, ..Policy::default() };
/// let seq = Seq::<Dna>::parse("ACRN", policy)?;
/// assert_eq!(seq.to_string(), "ACNN"); // which bases R stood for is forgotten; IupacDna keeps them
/// assert!(Seq::<Dna>::parse("acgt", policy).is_err());
///
/// let policy = Policy { case: Case::Fold, ..policy };
/// assert_eq!(Seq::<Dna>::parse("acgn", policy)?.to_string(), "ACGN");
///
/// let aligned = Policy { gap: Gap::Drop, counterpart: Counterpart::Convert, ..Policy::default() };
/// assert_eq!(Seq::<Dna>::parse("AC--GU", aligned)?.to_string(), "ACGT");
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    /// What an ambiguity code becomes.
    pub ambiguous: Ambiguous,
    /// What a lower-case letter becomes.
    pub case: Case,
    /// What a gap of an alignment becomes.
    pub gap: Gap,
    /// What a letter of the sister alphabet becomes.
    pub counterpart: Counterpart,
}

/// What an ambiguity code (`N`, `R`, ... in DNA; `X`, `B`, ... in protein) becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ambiguous {
    /// An error that names the position.
    #[default]
    Refuse,
    /// The unknown code; which symbols the letter stood for is forgotten.
    Unknown,
}

/// What a lower-case letter becomes; genome files mark repeats (soft masking) with lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Case {
    /// An error that names the position.
    #[default]
    Refuse,
    /// The letter's upper case; the masking is forgotten.
    Fold,
}

impl Ambiguous {
    /// [`Unknown`](Self::Unknown) if so, else [`Refuse`](Self::Refuse): a switch of a configuration or a command line.
    pub fn unknown_if(allowed: bool) -> Self {
        match allowed {
            true => Self::Unknown,
            false => Self::Refuse,
        }
    }
}

impl Case {
    /// [`Fold`](Self::Fold) if so, else [`Refuse`](Self::Refuse): a switch of a configuration or a command line.
    pub fn fold_if(allowed: bool) -> Self {
        match allowed {
            true => Self::Fold,
            false => Self::Refuse,
        }
    }
}

/// What a gap of an alignment, `-` or `.`, becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Gap {
    /// An error that names the position.
    #[default]
    Refuse,
    /// Nothing: the sequence is read as if unaligned, and is shorter than the text.
    Drop,
    /// The unknown code: the columns of the alignment keep their numbers.
    Unknown,
}

/// What a letter of the sister alphabet becomes: `U` in a DNA text, `T` in an RNA text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Counterpart {
    /// An error that names the position.
    #[default]
    Refuse,
    /// The letter that takes its place: `T` for `U` in DNA, `U` for `T` in RNA.
    Convert,
}
