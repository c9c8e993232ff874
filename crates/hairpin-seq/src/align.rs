//! How alike two sequences are: edit distance, and the identity of their best alignment.
//!
//! "80 % identity" means nothing without its definition. Here:
//!
//! | identity | by | for |
//! |---|---|---|
//! | `1 - d / longer`, `d` the edit distance | [`edit_identity`], [`EditPattern`] | nucleotides of similar length; fast |
//! | matches / columns of the best alignment | [`Aligner`] with [`Per::Columns`] | proteins, end to end |
//! | matches / length of the shorter sequence | [`Aligner`] with [`Per::Shorter`], [`Ends::Free`] | a domain inside a protein |
//!
//! All are 1 for equal sequences and symmetric in the two.

mod affine;
mod blosum;
mod edit;

pub use affine::{Aligner, Alignment, Ends, Per, Scoring};
pub use edit::EditPattern;

use crate::{Alphabet, Seq};

/// The identity by edit distance, 0 to 1; two empty sequences are identical.
///
/// ```text
/// identity(a, b) = 1 - d(a, b) / max(|a|, |b|)
/// ```
///
/// ```
/// use hairpin_seq::{Rna, Seq, align::edit_identity};
///
/// let a: Seq<Rna> = "GGGAAACUCC".parse()?;
/// let b: Seq<Rna> = "GGGAAUCUC".parse()?;
/// assert_eq!(edit_identity(&a, &b), 0.8); // A for U, and a C less
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub fn edit_identity<A: Alphabet>(a: &Seq<A>, b: &Seq<A>) -> f64 {
    let longer = a.len().max(b.len());
    if longer == 0 {
        return 1.0;
    }
    1.0 - EditPattern::new(a).distance(b) as f64 / longer as f64
}
