//! What can be wrong with a sequence, said so that the reader knows what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::Place;
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

    /// A character that is not dot-bracket notation.
    #[error(
        "position {position}: {symbol:?} is not dot-bracket notation; \
         write . for an unpaired base and (), [], {{}}, <> or Aa to Zz for pairs"
    )]
    StructureSymbol {
        /// Where, in characters from 1.
        position: usize,
        /// The character as it stands in the text.
        symbol: char,
    },

    /// A closing bracket without an opening one before it.
    #[error(
        "position {position}: {symbol:?} closes nothing; \
         write {opening:?} for its partner before it, or . for an unpaired base"
    )]
    UnopenedBracket {
        /// Where, in characters from 1.
        position: usize,
        /// The bracket.
        symbol: char,
        /// The bracket that would open it.
        opening: char,
    },

    /// An opening bracket that is never closed.
    #[error(
        "position {position}: {symbol:?} is never closed; \
         write {closing:?} for its partner after it, or . for an unpaired base (was the text cut?)"
    )]
    UnclosedBracket {
        /// Where, in characters from 1.
        position: usize,
        /// The bracket.
        symbol: char,
        /// The bracket that would close it.
        closing: char,
    },

    /// A pair that is no pair of two bases of the strand.
    #[error(
        "base {position}: its partner is base {partner} of {length}; \
         a pair joins two different bases of the strand (was a table that counts from 1 read as one from 0?)"
    )]
    PairOutOfRange {
        /// The base, from 1.
        position: usize,
        /// Its partner, from 1.
        partner: usize,
        /// The number of bases.
        length: usize,
    },

    /// A base with two partners, or a pair table that does not read the same both ways.
    #[error(
        "base {position}: base {second} pairs with it, but {}; a base has one partner at most",
        match .first { Some(first) => format!("its partner is base {first}"), None => "it is unpaired".to_owned() }
    )]
    PairConflict {
        /// The base, from 1.
        position: usize,
        /// The partner it has, from 1; `None` when it is unpaired.
        first: Option<usize>,
        /// The other base that pairs with it, from 1.
        second: usize,
    },

    /// A structure too tangled for dot-bracket text.
    #[error(
        "base {position}: its pair crosses pairs of all {limit} kinds of brackets; keep the pair table, or take the pseudoknots apart"
    )]
    TooManyPages {
        /// The base, from 1.
        position: usize,
        /// The kinds of brackets there are.
        limit: usize,
    },

    /// A character that is not a loop type.
    #[error(
        "position {position}: {symbol:?} is not a loop type; bpRNA's letters are S M I B H E X"
    )]
    LoopSymbol {
        /// Where, in characters from 1.
        position: usize,
        /// The character as it stands in the text.
        symbol: char,
    },

    /// A sequence in a file was refused; positions in `source` count from the start of the sequence.
    #[error("{place}: {source}")]
    InFile {
        /// Where the symbol stands.
        place: Box<Place>,
        /// What is wrong with it.
        source: Box<SeqError>,
    },

    /// A file is not of its format, or a record breaks it.
    #[error("{place}: {problem}; {remedy}")]
    BadRecord {
        /// Where.
        place: Box<Place>,
        /// What was expected and what was found.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },

    /// A record is larger than the reader was told to accept.
    #[error(
        "{place}: the record has more than {limit} bytes, or too many lines for that; \
         if it is meant to, raise ReadOptions::max_record_bytes"
    )]
    RecordTooLong {
        /// Where the record starts.
        place: Box<Place>,
        /// The limit that it exceeds.
        limit: u64,
    },

    /// Two records of a file have the same id, and the reader was told to refuse that.
    #[error("{place}: the id {id:?} is that of record {first}; rename or remove one of them")]
    DuplicateId {
        /// Where the second one stands.
        place: Box<Place>,
        /// The id.
        id: String,
        /// The number of the first record with this id.
        first: u64,
    },

    /// A file is compressed in a way that this build cannot read.
    #[error(
        "{place}: the data are compressed with {format}; switch on the feature {format:?} of hairpin-seq, or unpack the file first"
    )]
    Compressed {
        /// Which file.
        place: Box<Place>,
        /// The compression, which is also the name of the feature.
        format: &'static str,
    },

    /// Reading failed: the file is missing, unreadable, cut short or damaged.
    #[error("{place}: cannot read: {message}")]
    Read {
        /// Where reading stopped: after the last whole record.
        place: Box<Place>,
        /// The kind of failure.
        kind: io::ErrorKind,
        /// What the system or the decompressor said.
        message: String,
    },

    /// A record cannot be written so that it would be read back.
    #[error("record {record} ({id:?}): {problem}")]
    Unwritable {
        /// The record's number, from 1.
        record: u64,
        /// Its id.
        id: String,
        /// What is wrong.
        problem: &'static str,
    },

    /// Writing failed; a file that was there before is as it was.
    #[error("{}cannot write: {message}", .path.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default())]
    Write {
        /// Which file, when it is one.
        path: Option<PathBuf>,
        /// The kind of failure.
        kind: io::ErrorKind,
        /// What the system said.
        message: String,
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
