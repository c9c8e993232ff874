//! Secondary structure: dot-bracket text, pair tables, loop types and the features made of them.
//!
//! A [`Structure`] is which base pairs with which. It comes from dot-bracket text, pseudoknot brackets included, or from a
//! pair table, and is checked once: from then on every base has at most one partner and the table reads the same both ways.
//!
//! ```
//! use hairpin_seq::structure::{LoopType, Structure, loop_types, write_loop_types};
//!
//! let structure: Structure = "((..((...)))).".parse()?;
//! assert_eq!(structure.partner(0), Some(12));
//! assert_eq!(structure.partner(12), Some(0));
//! assert_eq!(write_loop_types(&loop_types(&structure)), "SSBBSSHHHSSSSE");
//!
//! // Features for a network, [length, channels], written into the caller's buffer.
//! let mut brackets = [0.0_f32; 14 * 3];
//! structure.one_hot_into(&mut brackets);
//! assert_eq!(brackets[..3], [1., 0., 0.]); // opens
//! let mut loops = [0.0_f32; 14 * 7];
//! LoopType::one_hot_into(&loop_types(&structure), &mut loops);
//! let mut distances = [0.0_f32; 14 * 14];
//! structure.distances_into(&mut distances);
//! assert_eq!(distances[12], 1.0); // bases 0 and 12 pair
//! # Ok::<(), hairpin_seq::SeqError>(())
//! ```
//!
//! Nothing is folded here: energies, partition functions and predicted structures are the business of `hairpin-fold`.

mod dot_bracket;
mod features;
mod loop_type;
mod pairs;
mod pseudoknot;

pub use loop_type::{LoopType, loop_types, parse_loop_types, write_loop_types};
pub use pairs::Structure;
