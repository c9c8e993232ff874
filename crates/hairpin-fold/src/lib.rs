//! RNA secondary structure: what a molecule folds into, how sure that is, and in which kind of loop every base lies.
//!
//! Nearest-neighbour energies (Turner 2004, or a file of yours), the structure of least free energy, and the partition function with exact
//! probabilities of every pair and of every base's loop. Pure Rust, no system library, no network in it; the numbers are ViennaRNA's, several times sooner.
//!
//! ```
//! use hairpin_fold::{Folder, LoopContext, Settings, Workspace};
//!
//! let folder = Folder::turner_2004(Settings::default())?; // 37 degrees, both dangles
//! let mut workspace = Workspace::default(); // the arrays, used again for every molecule
//! let seq = b"GGCAUCGAAAGAUGCC";
//!
//! let mfe = folder.mfe(&mut workspace, seq)?;
//! assert_eq!(mfe.structure().to_string(), "((((((....))))))");
//! assert_eq!(mfe.dcal(), -900); // -9 kcal/mol
//!
//! let ensemble = folder.ensemble(&mut workspace, seq)?;
//! assert!((ensemble.free_energy() - -9.016_15).abs() < 1e-5); // kcal/mol
//! assert!(ensemble.pair_probability(2, 15) > 0.999);
//! assert!(ensemble.context(8)[LoopContext::Hairpin as usize] > 0.999);
//!
//! // Channels for a network: [n_sequences, length, 5], on all threads.
//! let seqs: [&[u8]; 2] = [seq, b"ACGUACGU"];
//! let mut channels = vec![0.0_f32; 2 * 16 * 5];
//! folder.contexts_batch(&seqs, 16, &mut channels)?;
//! # Ok::<(), hairpin_fold::FoldError>(())
//! ```
//!
//! # Letters and positions
//!
//! A sequence is bytes: `A C G U`, `T` for `U`, and `N` for a base that pairs with nothing and costs the most that a base could cost. Any other letter,
//! lower case too, is an error with its position. Positions count from 1, as in the field.
//!
//! # The model
//!
//! A hairpin has three unpaired bases at least, bulges and internal loops have thirty at most, pseudoknots do not exist, and a pair may stand alone.
//! [`Constraints`] say what is known of a molecule beforehand, [`Deigan`] what SHAPE reactivities do. [`Parameters`] says what the tables are, [`Dangles`] and [`Boltzmann`] what may be chosen. [`Energy::evaluate`] gives any structure's energy, loop by loop.
//!
//! # Pictures and the program
//!
//! [`Drawing`] lays a structure out and writes it as SVG, its bases coloured by any value. The feature `cli` adds the program `hairpin-fold`, which folds the
//! molecules of a FASTA file (`cargo install hairpin-fold --features cli`, then `hairpin-fold --help`).
//!
//! # Cost
//!
//! Time grows with the cube of the length, memory with its square: about 45 bytes times the square for an ensemble, of which half is touched. A molecule
//! that would need more than [`Settings::memory_limit`] is refused. Long ones are scaled base by base, after their own most stable structure, so that
//! thousands of bases stay within the range of a float. Wide registers are found at run time; without them the answer is the same to 1e-12.
//!
//! Beyond some thousand bases, [`Folder::windows`] folds what is local, exactly, in a time that grows with the length. [`Folder::beam`] folds the whole
//! and keeps the best intervals only: linear too, and an approximation that gets worse with the length. On random molecules of 1,000 bases a beam of
//! 100 missed 1.2 of 330 kcal/mol of ensemble energy on average and some pairs by far, one of 300 missed 0.003.
//!
//! What it does not do: pseudoknots, two strands, coaxial stacking, tertiary structure.

mod accessibility;
mod bases;
mod batch;
mod beam;
mod choices;
mod consensus;
mod constraints;
mod context;
mod diversity;
mod draw;
mod energy;
mod error;
mod folder;
mod mfe;
#[allow(
    clippy::needless_range_loop,
    reason = "a position indexes many arrays at once"
)]
mod partition;
#[allow(
    clippy::needless_range_loop,
    reason = "a position indexes many arrays at once"
)]
mod recursion;
mod sample;
mod shape;
mod sparse;
mod structure;
mod suboptimal;
mod window;

pub use beam::{Beam, BeamEnsemble};
pub use constraints::Constraints;
pub use context::{FineContext, LoopContext};
pub use draw::{Colours, Drawing};
pub use energy::{Boltzmann, Dangles, Energy, Evaluation, Loop, LoopKind, Parameters, Settings};
pub use error::FoldError;
pub use folder::{Folder, Workspace};
pub use mfe::Mfe;
pub use partition::Ensemble;
pub use sample::Samples;
pub use shape::Deigan;
pub use sparse::SparseEnsemble;
pub use structure::Structure;
pub use suboptimal::Suboptimal;
pub use window::Window;
