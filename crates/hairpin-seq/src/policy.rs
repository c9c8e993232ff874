//! What to do with symbols that are not in the alphabet but could be meant.

/// How to read symbols that are not one of the alphabet's: the default refuses all of them.
///
/// Nothing is changed silently: every leniency is asked for by name. A letter that no policy explains (a `7`, a space, a `U` in
/// DNA) is always an error.
///
/// | field | value | `N` in DNA | `a` in DNA | `n` in DNA |
/// |---|---|---|---|---|
/// | `ambiguous` | [`Refuse`](Ambiguous::Refuse) (default) | error | by `case` | error |
/// | | [`Unknown`](Ambiguous::Unknown) | unknown | by `case` | by `case` |
/// | `case` | [`Refuse`](Case::Refuse) (default) | by `ambiguous` | error | error |
/// | | [`Fold`](Case::Fold) | by `ambiguous` | `A` | by `ambiguous` |
///
/// ```
/// use hairpin_seq::{Ambiguous, Case, Dna, Policy, Seq};
///
/// let policy = Policy { ambiguous: Ambiguous::Unknown, ..Policy::default() };
/// let seq = Seq::<Dna>::parse("ACRN", policy)?;
/// assert_eq!(seq.to_string(), "ACNN"); // which bases R stood for is forgotten
/// assert!(Seq::<Dna>::parse("acgt", policy).is_err());
///
/// let policy = Policy { case: Case::Fold, ..policy };
/// assert_eq!(Seq::<Dna>::parse("acgn", policy)?.to_string(), "ACGN");
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    /// What an ambiguity code becomes.
    pub ambiguous: Ambiguous,
    /// What a lower-case letter becomes.
    pub case: Case,
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
