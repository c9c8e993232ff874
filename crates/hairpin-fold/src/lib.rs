//! RNA secondary structure: what a molecule folds into, how sure that is, and in which kind of loop every base lies.
mod bases;
mod batch;
mod constraints;
mod context;
mod energy;
mod error;
mod folder;
mod mfe;
mod partition;
mod recursion;
mod structure;

pub use constraints::Constraints;
pub use context::{FineContext, LoopContext};
pub use energy::{Boltzmann, Dangles, Energy, Evaluation, Loop, LoopKind, Parameters, Settings};
pub use error::FoldError;
pub use folder::{Folder, Workspace};
pub use mfe::Mfe;
pub use partition::Ensemble;
pub use structure::Structure;
