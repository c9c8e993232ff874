//! Features of whole proteins that need no weights of a language model: gapped k-mers, and physico-chemical properties along the chain.
//!
//! | encoder | channels | says |
//! |---|---|---|
//! | [`GappedKmers`] | classes^k for each pattern | which residues stand near each other |
//! | [`PhysicoChemical`] | 26 + 5 lags | composition, length, and how properties vary along the chain |
//!
//! Both are [`Encode`](crate::Encode)rs with one position, so that [`Stacked`](crate::Stacked) joins them.

mod gapped_kmers;
mod physico_chemical;

pub use gapped_kmers::{GappedKmers, Residues};
pub use physico_chemical::PhysicoChemical;
