//! What can be wrong with a sequence, said so that the reader knows what to do.

use thiserror::Error;

use crate::kmer::MAX_K;

/// Why a sequence or an encoder was refused.
///
/// Positions count characters from 1.
///
/// ```
/// use hairpin_seq::{Dna, Seq};
///
/// let error = "ACGN".parse::<Seq<Dna>>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "position 4: 'N' is an ambiguity code of the DNA alphabet; \
///      read with Policy { ambiguous: Ambiguous::Unknown, .. } to keep it as unknown"
/// );
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SeqError {
    /// An ambiguity code, and the policy refuses them.
    #[error(
        "position {position}: {symbol:?} is an ambiguity code of the {alphabet} alphabet; \
         read with Policy {{ ambiguous: Ambiguous::Unknown, .. }} to keep it as unknown"
    )]
    AmbiguousSymbol {
        /// Where, in characters from 1.
        position: usize,
        /// The symbol as it stands in the text.
        symbol: char,
        /// The alphabet that was asked for.
        alphabet: &'static str,
    },

    /// A lower-case letter that would be read as upper case, and the policy refuses it.
    #[error(
        "position {position}: {symbol:?} is lower case; \
         read with Policy {{ case: Case::Fold, .. }} to take it as upper-case {alphabet}"
    )]
    LowerCase {
        /// Where, in characters from 1.
        position: usize,
        /// The symbol as it stands in the text.
        symbol: char,
        /// The alphabet that was asked for.
        alphabet: &'static str,
    },

    /// A symbol that the alphabet does not have, under any policy.
    #[error(
        "position {position}: {symbol:?} is not a symbol of the {alphabet} alphabet ({symbols}); {}",
        remedy(*.symbol, .alphabet)
    )]
    ForeignSymbol {
        /// Where, in characters from 1.
        position: usize,
        /// The symbol as it stands in the text.
        symbol: char,
        /// The alphabet that was asked for.
        alphabet: &'static str,
        /// The symbols that would have been right.
        symbols: String,
    },

    /// A code beyond the unknown code.
    #[error(
        "position {position}: code {code} is outside the {alphabet} alphabet; \
         0 to {} are its symbols, {unknown} is unknown: check that the codes were made for this alphabet", .unknown - 1
    )]
    CodeOutOfRange {
        /// Where, in codes from 1.
        position: usize,
        /// The code found.
        code: u8,
        /// The largest code allowed, which stands for an unknown symbol.
        unknown: u8,
        /// The alphabet that was asked for.
        alphabet: &'static str,
    },

    /// A k-mer length out of range.
    #[error(
        "k-mer length {k} is outside 1 to {MAX_K}; choose a smaller k (a row of counts has 4^k values)"
    )]
    KmerLength {
        /// The length asked for.
        k: usize,
    },

    /// A k-mer that does not fit a 64-bit word.
    #[error(
        "k-mer length {k} is outside 1 to {max}, what fits 64 bits of {alphabet}; choose a smaller k"
    )]
    KmerWord {
        /// The length asked for.
        k: usize,
        /// The longest k-mer of the alphabet.
        max: usize,
        /// The alphabet.
        alphabet: &'static str,
    },

    /// A sketch without room for a hash.
    #[error("the sketch has room for 0 hashes: at least 1 is needed, and 1000 are usual")]
    SketchSize,

    /// Two k-mer sets or sketches that cannot be compared.
    #[error("{first} cannot be compared with {second}: make both with the same settings")]
    SketchKind {
        /// What the first one holds.
        first: String,
        /// What the second one holds.
        second: String,
    },

    /// Two sequences too long to be aligned.
    #[error(
        "the two sequences have {positions} positions together, and at most {max} can be aligned; \
         compare their k-mers (sketch) or cut them"
    )]
    AlignmentLength {
        /// Positions of both together.
        positions: usize,
        /// The most there may be.
        max: usize,
    },
}

/// The most likely cause of a foreign symbol, as advice.
fn remedy(symbol: char, alphabet: &str) -> &'static str {
    match (symbol.to_ascii_uppercase(), alphabet) {
        ('U', "DNA") => "U belongs to RNA: read as Seq<Rna>, or write T for U",
        ('T', "RNA") => "T belongs to DNA: read as Seq<Dna>, or write U for T",
        ('U' | 'O', "protein") => {
            "it is one of the two rare amino acids: write X to keep it as unknown"
        }
        ('*', "protein") => "it marks a stop codon: cut the sequence before it",
        ('-' | '.', _) => "it marks a gap: remove the gaps of the alignment first",
        ('>', _) => "it starts a FASTA header: pass the sequence without its header line",
        (symbol, _) if symbol.is_whitespace() => "remove spaces and line ends first",
        ('\0', _) => "the text was padded with zero bytes: cut it at the first one",
        ('\u{feff}', _) => "it is a byte-order mark: save the file as UTF-8 without it",
        _ => "correct or remove it, or choose the alphabet the text is written in",
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dna, KmerCounts, Protein, Rna, Seq};

    fn message<A: crate::Alphabet>(text: &str) -> String {
        text.parse::<Seq<A>>()
            .map_or_else(|e| e.to_string(), |_| String::new())
    }

    #[test]
    fn a_foreign_symbol_says_where_what_and_what_to_do() {
        assert_eq!(
            message::<Dna>("ACGU"),
            "position 4: 'U' is not a symbol of the DNA alphabet (ACGT); U belongs to RNA: read as Seq<Rna>, or write T for U"
        );
        assert!(message::<Rna>("ACGT").ends_with("write U for T"));
        assert!(message::<Protein>("MU").ends_with("write X to keep it as unknown"));
        assert!(message::<Protein>("MK*").ends_with("cut the sequence before it"));
        assert!(message::<Dna>("AC-GT").ends_with("remove the gaps of the alignment first"));
        assert!(message::<Dna>(">seq1").starts_with("position 1: '>'"));
        assert!(message::<Dna>("ACGT\n").starts_with(r"position 5: '\n' is not"));
        assert!(message::<Dna>("ACGT\0\0").starts_with(r"position 5: '\0' is not"));
        assert!(message::<Dna>("\u{feff}ACGT").ends_with("UTF-8 without it"));
        assert!(message::<Dna>("AC7").ends_with("choose the alphabet the text is written in"));
    }

    #[test]
    fn the_other_messages_name_the_remedy() {
        assert_eq!(
            message::<Dna>("Ac"),
            "position 2: 'c' is lower case; read with Policy { case: Case::Fold, .. } to take it as upper-case DNA"
        );
        assert_eq!(
            Seq::<Dna>::from_codes(vec![0, 4, 5]).map_or_else(|e| e.to_string(), |_| String::new()),
            "position 3: code 5 is outside the DNA alphabet; 0 to 3 are its symbols, 4 is unknown: \
             check that the codes were made for this alphabet"
        );
        assert_eq!(
            KmerCounts::new(13).map_or_else(|e| e.to_string(), |_| String::new()),
            "k-mer length 13 is outside 1 to 12; choose a smaller k (a row of counts has 4^k values)"
        );
    }
}
