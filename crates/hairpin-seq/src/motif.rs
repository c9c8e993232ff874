//! Motifs: from counts to frequencies to scores, and what is done with them.
//!
//! A motif is a matrix `[width, symbols]` in one of three types, so that what has not been normalised cannot score:
//!
//! ```text
//! CountMatrix --pseudocounts--> FrequencyMatrix --background--> ScoringMatrix --> Scanner, ScoreDistribution
//!                                      |
//!                                      +--> consensus, information, Comparison, Tomtom, Logo, write_meme
//! ```
//!
//! ```
//! use hairpin_seq::motif::{Background, CountMatrix, ScoreDistribution, Scanner};
//! use hairpin_seq::{Dna, Seq};
//!
//! let sites: Vec<Seq<Dna>> = ["TATAAT", "TATAAT", "TACAAT", "TATACT"]
//!     .iter()
//!     .map(|site| site.parse())
//!     .collect::<Result<_, _>>()?;
//! let background = Background::uniform();
//! let frequencies = CountMatrix::from_seqs(&sites)?.to_frequencies(1.0, &background)?;
//! assert_eq!(frequencies.consensus().to_string(), "TATAAT");
//!
//! // Sites whose score a random 6-mer reaches once in a thousand, on both strands.
//! let scores = frequencies.to_scoring(&background);
//! let threshold = ScoreDistribution::new(&scores, 0.001)?.threshold(0.001)?;
//! let seq: Seq<Dna> = "GGCGTATAATGCC".parse()?;
//! let hits = Scanner::both_strands(&scores).scan(&seq, threshold)?;
//! assert_eq!((hits.len(), hits[0].position), (1, 4));
//! # Ok::<(), hairpin_seq::SeqError>(())
//! ```
//!
//! Everything works on DNA, RNA, protein and any alphabet of your own, except what needs a complement. Scores are log2 odds, in bits.
//!
//! # Files
//!
//! | format | read as | function |
//! |---|---|---|
//! | MEME minimal (version 4 and later) | frequencies | [`read_meme`], [`write_meme`] |
//! | JASPAR, raw `.pfm` and 2014+ (`A [ 1 2 ]`) | counts | [`read_jaspar`] |
//! | TRANSFAC | counts | [`read_transfac`] |
//! | CIS-BP and CISBP-RNA text | frequencies | [`read_cisbp`] |
//!
//! A reader takes the whole text, refuses what is broken, cut short or of another alphabet with line and column
//! ([`SeqError::MotifText`](crate::SeqError::MotifText)), and holds no more memory than in proportion to the text, whatever numbers are
//! claimed in it.
//!
//! # What it does not do
//!
//! It does not discover motifs in sequences, and has no gapped or variable-length motif.

mod background;
mod cisbp;
mod compare;
mod consensus;
mod count;
mod distribution;
mod frequency;
mod glyph;
mod information;
mod jaspar;
mod kmer_motif;
mod logo;
mod meme;
mod rows;
mod scan;
mod scoring;
mod text;
mod tomtom;
mod transfac;

pub use background::Background;
pub use cisbp::read_cisbp;
pub use compare::{Alignment, ColumnScore, Comparison, Share, Strand};
pub use count::CountMatrix;
pub use distribution::ScoreDistribution;
pub use frequency::FrequencyMatrix;
pub use glyph::letter_path;
pub use information::small_sample_correction;
pub use jaspar::read_jaspar;
pub use kmer_motif::KmerMotif;
pub use logo::Logo;
pub use meme::{Meme, read_meme, write_meme};
pub use scan::{Hit, Scanner};
pub use scoring::ScoringMatrix;
pub use text::Motif;
pub use tomtom::{Match, Tomtom, Unaligned};
pub use transfac::read_transfac;
