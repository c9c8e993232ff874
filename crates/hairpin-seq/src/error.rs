//! What can be wrong with a sequence, said so that the reader knows what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::Place;
use crate::kmer::MAX_K;
use crate::kmer_tokens::MAX_TOKEN_K;

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

    /// A k-mer length out of range for tokens.
    #[error(
        "k-mer length {k} is outside 1 to {MAX_TOKEN_K}; choose a smaller k (a longer one has tokens that f32 cannot hold)"
    )]
    KmerTokenLength {
        /// The length asked for.
        k: usize,
    },

    /// A sequence that does not fit into a row of a batch.
    #[error(
        "sequence {sequence} takes {positions} positions and a row has {length}; \
         make the rows longer, or cut the sequence with Seq::slice"
    )]
    TooLong {
        /// Which sequence of the batch, from 0.
        sequence: usize,
        /// The positions it takes, begin and end tokens included.
        positions: usize,
        /// The positions a row has.
        length: usize,
    },

    /// A number that is not the number of a genetic code.
    #[error(
        "there is no genetic code {table}; NCBI's translation tables are 1 to 6, 9 to 16 and 21 to 33"
    )]
    GeneticCode {
        /// The number asked for.
        table: u8,
    },

    /// A stop codon, and the policy refuses it where it stands.
    #[error(
        "position {position}: {codon} is a stop codon of genetic code {table}; \
         translate with Stop::End to end the protein there, or with Stop::Unknown to write X and go on"
    )]
    StopCodon {
        /// Where the codon starts, in bases from 1.
        position: usize,
        /// The codon, in DNA letters.
        codon: String,
        /// The number of the genetic code.
        table: u8,
    },

    /// An unknown base where a known one is needed.
    #[error("position {position}: the base is unknown, and {needed_by} needs every base")]
    UnknownBase {
        /// Where, in bases from 1.
        position: usize,
        /// What cannot do without.
        needed_by: &'static str,
    },

    /// A sequence too short for what was asked.
    #[error("the sequence has {length} positions, and {needed_by} needs at least {least}")]
    TooShort {
        /// The positions found.
        length: usize,
        /// The positions needed.
        least: usize,
        /// What needs them.
        needed_by: &'static str,
    },

    /// A setting out of its range.
    #[error("{name} is {value}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// The values allowed.
        expected: &'static str,
    },

    /// A k-mer length out of range.
    #[error(
        "k-mer length {k} is outside 1 to {MAX_K}; choose a smaller k (a row of counts has 4^k values)"
    )]
    KmerLength {
        /// The length asked for.
        k: usize,
    },

    /// A k-mer length that does not fit a 64-bit word.
    #[error(
        "k-mer length {k} is outside 1 to 32; choose a smaller k (a word of 64 bits holds 32 bases)"
    )]
    WordLength {
        /// The length asked for.
        k: usize,
    },

    /// A pattern of k-mer positions that cannot be used.
    #[error(
        "k-mer pattern {pattern:?}: {reason}; write 1 for a position that counts and 0 for one that may be anything, such as 11011"
    )]
    Pattern {
        /// The pattern as it was asked for.
        pattern: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// Canonical k-mers of a pattern that the other strand reads differently.
    #[error(
        "k-mer pattern {pattern} is not symmetric, so the two strands see different positions; \
         use a pattern that reads the same from both ends, or count one strand"
    )]
    AsymmetricPattern {
        /// The pattern.
        pattern: String,
    },

    /// A window of k-mers out of range.
    #[error("window of {w} k-mers is outside 1 to 32767; choose a smaller w")]
    Window {
        /// The k-mers asked for.
        w: usize,
    },

    /// A window that cannot tell its two strands apart.
    #[error(
        "a canonical window of {w} k-mers of {k} bases has {} bases, an even number; choose k and w whose sum is even", .k + .w - 1
    )]
    EvenWindow {
        /// Bases of a k-mer.
        k: usize,
        /// k-mers of a window.
        w: usize,
    },

    /// Hashed counts without a bucket.
    #[error("k-mers cannot be hashed into 0 buckets; ask for at least 1")]
    Buckets,
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

    /// A matrix of a motif, or what it is made from, of the wrong shape.
    #[error("a motif needs {expected}; found {found}")]
    MotifShape {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },

    /// A value that a matrix of a motif cannot hold.
    #[error(
        "motif position {position}, symbol {symbol}: the {what} is {value}; expected {expected}"
    )]
    MotifValue {
        /// Which value: a count, a frequency, a score.
        what: &'static str,
        /// The position in the motif, from 1.
        position: usize,
        /// The symbol whose value it is.
        symbol: char,
        /// The value found.
        value: String,
        /// What was expected.
        expected: &'static str,
    },

    /// Frequencies that do not add up to 1.
    #[error(
        "{}: the frequencies add up to {sum}, expected 1 (within 0.01); \
         counts are read as counts, and a position without any needs a pseudocount",
        place(*.position)
    )]
    MotifSum {
        /// The position in the motif, from 1; 0 is the background.
        position: usize,
        /// What they add up to.
        sum: String,
    },

    /// A motif file that is broken, cut short, or of another format or alphabet.
    #[error("{format} text, line {line}, column {column}: expected {expected}, found {found}")]
    MotifText {
        /// The format that was asked for.
        format: &'static str,
        /// The line, from 1.
        line: usize,
        /// The column, in characters from 1.
        column: usize,
        /// What was expected there.
        expected: String,
        /// What stands there.
        found: String,
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

/// Where in a motif a sum was taken.
fn place(position: usize) -> String {
    match position {
        0 => "the background".to_owned(),
        position => format!("motif position {position}"),
    }
}

/// The most likely cause of a foreign symbol, as advice.
fn remedy(symbol: char, alphabet: &str) -> &'static str {
    match (symbol.to_ascii_uppercase(), alphabet) {
        ('U', "DNA" | "IUPAC DNA") => {
            "U belongs to RNA: read as RNA, or with Policy { counterpart: Counterpart::Convert, .. } as T"
        }
        ('T', "RNA" | "IUPAC RNA") => {
            "T belongs to DNA: read as DNA, or with Policy { counterpart: Counterpart::Convert, .. } as U"
        }
        ('U' | 'O', "protein") => {
            "it is one of the two rare amino acids: write X to keep it as unknown"
        }
        ('*', "protein") => "it marks a stop codon: cut the sequence before it",
        ('-' | '.', _) => {
            "it marks a gap: read with Policy { gap: Gap::Drop, .. } to leave it out, or with Gap::Unknown"
        }
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
            "position 4: 'U' is not a symbol of the DNA alphabet (ACGT); \
             U belongs to RNA: read as RNA, or with Policy { counterpart: Counterpart::Convert, .. } as T"
        );
        assert!(message::<Rna>("ACGT").ends_with("as U"));
        assert!(message::<Protein>("MU").ends_with("write X to keep it as unknown"));
        assert!(message::<Protein>("MK*").ends_with("cut the sequence before it"));
        assert!(message::<Dna>("AC-GT").ends_with("or with Gap::Unknown"));
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
