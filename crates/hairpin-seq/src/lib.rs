//! Biological sequences for machine learning: alphabets, operations, and encodings at the speed of memory.
//!
//! A [`Seq`] is read once, by a policy you choose, and is right from then on; an [`Encode`] writes it as numbers into a buffer
//! you own. The crate has no network and no tensor in it, and builds in seconds.
//!
//! ```
//! use hairpin_seq::{Ambiguous, Case, Dna, Encode, KmerCounts, OneHot, Policy, Seq, kmers};
//!
//! // Soft-masked text with an N in it. The default policy refuses both and says where.
//! let text = "GATTaCANGATT";
//! let error = text.parse::<Seq<Dna>>().unwrap_err();
//! assert!(error.to_string().starts_with("position 5: 'a' is lower case"));
//!
//! // A policy that allows them.
//! let policy = Policy { ambiguous: Ambiguous::Unknown, case: Case::Fold, ..Policy::default() };
//! let seq = Seq::<Dna>::parse(text, policy)?;
//! assert_eq!(seq.to_string(), "GATTACANGATT");
//! assert_eq!(seq.count_unknown(), 1);
//!
//! // One-hot rows for a network, [length, channels] = [12, 4], written into the caller's buffer.
//! let mut rows = [0.0_f32; 12 * 4];
//! OneHot::default().encode_into(&seq, &mut rows);
//! assert_eq!(rows[..4], [0., 0., 1., 0.]); // G
//! assert_eq!(rows[7 * 4..8 * 4], [0., 0., 0., 0.]); // N
//!
//! // Dinucleotide frequencies for a simple baseline. The two windows over N are skipped: 11 - 2 = 9 are left.
//! let frequencies = KmerCounts::new(2)?.with_frequencies(true).encode(&seq);
//! assert_eq!(kmers(&seq, 2).count(), 9);
//! assert_eq!(frequencies[3], 2. / 9.); // AT is number 0*4 + 3
//!
//! // The other strand.
//! assert_eq!(seq.reverse_complement().to_string(), "AATCNTGTAATC");
//! # Ok::<(), hairpin_seq::SeqError>(())
//! ```
//!
//! # Symbols and codes
//!
//! | alphabet | symbols, in the order of their codes | unknown | ambiguity codes |
//! |---|---|---|---|
//! | [`Dna`] | `A C G T` | `N` | `N R Y S W K M B D H V` |
//! | [`Rna`] | `A C G U` | `N` | `N R Y S W K M B D H V` |
//! | [`IupacDna`], [`IupacRna`] | `A C G T` (`U`), then `R Y S W K M B D H V` | `N` | `N` |
//! | [`Protein`] | `A C D E F G H I K L M N P Q R S T V W Y` | `X` | `X B Z J` |
//!
//! A position is a known symbol or unknown; [`Seq::UNKNOWN_CODE`] is one more than the last symbol's code. A code has a meaning
//! only inside its alphabet: [`Seq::transcribe`] goes by symbol, and so must anything else that crosses. [`Packed`] holds four bases
//! in a byte.
//!
//! # What is read, and what is refused
//!
//! | in the text | strict (default) | with |
//! |---|---|---|
//! | `A` | `A` | |
//! | `N`, `R` | error | unknown with [`Ambiguous::Unknown`]; [`IupacDna`] keeps `R` |
//! | `a` | error | `A` with [`Case::Fold`] |
//! | `n`, `r` | error | unknown with both |
//! | `-`, `.` | error | left out with [`Gap::Drop`], unknown with [`Gap::Unknown`] |
//! | `U` in DNA, `T` in RNA | error | `T`, `U` with [`Counterpart::Convert`] |
//! | `7`, a space, a line end, `é` | error | |
//!
//! Any text can be passed, from anywhere: the answer is a sequence or a [`SeqError`] that names the position (in characters, from
//! 1), the symbol and the remedy.
//!
//! # Operations
//!
//! | of | operation |
//! |---|---|
//! | any sequence | [`Seq::slice`], [`Seq::reverse`], [`Seq::mask`], [`shannon_entropy`], [`windowed_entropy`], [`low_entropy`] |
//! | nucleic acids | [`Seq::complement`], [`Seq::reverse_complement`], [`Seq::transcribe`], [`Seq::reverse_transcribe`], [`gc_content`], [`kmer_entropy`], [`Dust`] |
//! | to protein | [`GeneticCode`]: all of NCBI's tables, six frames, a [`Stop`] policy |
//! | DNA duplexes | [`MeltingTemperature`] |
//!
//! # Encodings
//!
//! Every block is row-major `[positions, channels]`; a batch of them, made by [`PaddedBatch`] on all threads, is
//! `[batch_size, length, channels]`, or with channels first. [`Encode`] writes `f32`, [`EncodeAs`] `u8` and `i64` where they fit;
//! [`decode_argmax`] and [`Tokens::decode`] go back.
//!
//! | encoder | positions | channels | an unknown position is | types |
//! |---|---|---|---|---|
//! | [`OneHot`] | length | one per symbol, in the order of the codes; 4 for IUPAC codes | zeros, or equal shares of what it may be | `f32` `u8` |
//! | [`Tokens`] | length, plus begin and end if asked for | 1, the token | token 1 | `f32` `u8` `i64` |
//! | [`KmerTokens`] | windows, plus begin and end if asked for | 1, the token of a window | token 1: every window over it | `f32` `u8` `i64` |
//! | [`Esm2Tokens`] | length + 2 | 1, ESM-2's token | token 24, `X` | `f32` `u8` `i64` |
//! | [`KmerCounts`] | 1 | `4^k`, in alphabetical order; or both strands joined, or of a pattern | not counted: every window over it is skipped | `f32` |
//! | [`HashedKmerCounts`](kmer::HashedKmerCounts) | 1 | as many as asked for, for k to 32 | not counted | `f32` |
//! | [`protein::GappedKmers`] | 1 | `20^k`, or `7^k`, for each pattern | not counted | `f32` |
//! | [`protein::PhysicoChemical`] | 1 | 26 and 5 for each lag | left out | `f32` |
//! | [`Sinusoidal`], [`RelativePosition`] | length | sines and cosines; 1 | a position like any other | `f32` |
//! | [`Stacked`] | those of its encoders | theirs, and the caller's, side by side | as theirs | `f32` |
//!
//! k-mers as numbers, spaced patterns, sparse counts and minimizers are in [`kmer`]; seeded changes of sequences for training, with the
//! place every position came from, in [`augment`]; motifs, their scans, comparison, files and logos in [`motif`].
//!
//! # Comparing
//!
//! [`align`] has the edit distance and the identity of the best alignment of two sequences, [`sketch`] the Jaccard index and the Mash
//! distance of their k-mers.
//!
//! # Files and structures
//!
//! [`structure`] reads dot-bracket text and names every base's loop as bpRNA does. `fasta` and `fastq` read and write files, when
//! asked for:
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `fasta` | off | the modules `fasta` and `fastq` |
//! | `gzip` | off | reading gzip and bgzip files |
//! | `zstd` | off | reading zstd files, in pure Rust |
//!
//! # What it does not do
//!
//! It has no tensors, and it changes nothing silently: what does not fit, does not pair or cannot be known is an error, or a choice with
//! a name.

pub mod align;
mod alphabet;
pub mod augment;
mod batch;
mod composition;
mod decode;
mod encode;
mod error;
mod esm2;
mod file;
mod genetic_code;
mod iupac;
pub mod kmer;
mod kmer_tokens;
mod low_complexity;
mod melting;
pub mod motif;
mod one_hot;
mod packed;
mod policy;
mod position;
pub mod protein;
mod read;
mod seq;
pub mod sketch;
mod stack;
pub mod structure;
mod tokens;
mod value;

pub use alphabet::{Alphabet, Dna, NucleicAcid, Nucleotide, Protein, Rna};
pub use batch::{Layout, PaddedBatch};
pub use composition::{gc_content, kmer_entropy, shannon_entropy, windowed_entropy};
pub use decode::decode_argmax;
pub use encode::{Encode, EncodeAs};
pub use error::SeqError;
pub use esm2::Esm2Tokens;
pub use file::Place;
#[cfg(feature = "fasta")]
pub use file::{ReadOptions, fasta, fastq};
pub use genetic_code::{GeneticCode, Stop};
pub use iupac::{IupacDna, IupacRna};
pub use kmer::{KmerCounts, Kmers, kmers};
pub use kmer_tokens::KmerTokens;
pub use low_complexity::{Dust, low_entropy};
pub use melting::MeltingTemperature;
pub use one_hot::{OneHot, UnknownRow};
pub use packed::Packed;
pub use policy::{Ambiguous, Case, Counterpart, Gap, Policy};
pub use position::{Landmark, RelativePosition, Sinusoidal};
pub use seq::Seq;
pub use stack::{Channels, Stacked};
pub use tokens::Tokens;
