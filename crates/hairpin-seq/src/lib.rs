//! Biological sequences for machine learning: alphabets, one-hot and token encodings, k-mer counts.
//!
//! A [`Seq`] is read once, by a policy you choose, and is right from then on; an [`Encode`] writes it as numbers into a buffer
//! you own. The crate has no network, no tensor and no file format in it, and builds in seconds.
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
//! let policy = Policy { ambiguous: Ambiguous::Unknown, case: Case::Fold };
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
//! | [`Protein`] | `A C D E F G H I K L M N P Q R S T V W Y` | `X` | `X B Z J` |
//!
//! A position is a known symbol or unknown; [`Seq::UNKNOWN_CODE`] is one more than the last symbol's code. A code has a meaning
//! only inside its alphabet: [`Seq::transcribe`] goes by symbol, and so must anything else that crosses.
//!
//! # What is read, and what is refused
//!
//! | in the text | strict (default) | [`Ambiguous::Unknown`] | [`Case::Fold`] | both |
//! |---|---|---|---|---|
//! | `A` | `A` | `A` | `A` | `A` |
//! | `N`, `R` | error | unknown | error | unknown |
//! | `a` | error | error | `A` | `A` |
//! | `n`, `r` | error | error | error | unknown |
//! | `7`, `-`, a space, a line end, `U` in DNA, `é` | error | error | error | error |
//!
//! Any text can be passed, from anywhere: the answer is a sequence or a [`SeqError`] that names the position (in characters, from
//! 1), the symbol and the remedy.
//!
//! # Encodings
//!
//! Every block is row-major `[positions, channels]`; a batch of them is `[batch_size, length, channels]`.
//!
//! | encoder | positions | channels | an unknown position is |
//! |---|---|---|---|
//! | [`OneHot`] | length | one per symbol, in the order of the codes | zeros, or `1 / channels` each |
//! | [`Tokens`] | length, plus begin and end if asked for | 1, the token | token 1 |
//! | [`KmerCounts`] | 1 | `4^k`, in alphabetical order | not counted: every window over it is skipped |
//!
//! # Comparing
//!
//! [`align`] has the edit distance and the identity of the best alignment of two sequences, [`sketch`] the Jaccard index and the Mash
//! distance of their k-mers.
//!
//! # What it does not do
//!
//! It does not read files, does not keep the bases an ambiguity code stood for, does not translate, and does not pad: the caller's buffer is as long as the caller likes, and what is not written is padding.

pub mod align;
mod alphabet;
mod encode;
mod error;
mod kmer;
mod one_hot;
mod policy;
mod seq;
pub mod sketch;
mod tokens;

pub use alphabet::{Alphabet, Dna, Nucleotide, Protein, Rna};
pub use encode::Encode;
pub use error::SeqError;
pub use kmer::{KmerCounts, Kmers, kmers};
pub use one_hot::{OneHot, UnknownRow};
pub use policy::{Ambiguous, Case, Policy};
pub use seq::Seq;
pub use tokens::Tokens;
