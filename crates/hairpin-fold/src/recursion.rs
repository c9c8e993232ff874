//! The recursion over all structures, from short intervals to long ones: once as a sum of Boltzmann factors, once as a minimum of energies.
//!
//! With `B` over structures whose ends pair, `M1` over exactly one branch of a multiloop that begins at `i`, `M` over at least one, `M2` over at
//! least two, `Z3` over everything from `i` to the end (McCaskill 1990, doi:10.1002/bip.360290621):
//!
//! ```text
//! B[i,j]  = hairpin(i,j) + sum over (p,q) of interior(i,j,p,q) B[p,q] + closing(i,j) M2[i+1,j-1]
//! M1[i,j] = B[i,j] branch(i,j) + M1[i,j-1] unpaired(j)
//! R[i,j]  = M1[i,j] + unpaired(i) R[i+1,j]
//! M2[i,j] = sum over u of M[i,u-1] M1[u,j]
//! M[i,j]  = R[i,j] + M2[i,j]
//! Z3[i]   = unpaired(i) Z3[i+1] + sum over j of B[i,j] exterior(i,j) Z3[j+1]
//! ```
//!
//! Sum and product are those of a [`Semiring`]. What makes it fast: the energy of a general internal loop is a term of its two lengths plus one
//! term of each pair, so that its sum over (p,q) is a dot product of a fixed table with the rows of `B` times the inner pair's term.

mod inside;
mod lookup;
mod pairs;
mod semiring;
mod state;
mod weights;

pub(crate) use inside::Inside;
pub(crate) use lookup::{LINE, Lookup};
pub(crate) use pairs::Pairs;
pub(crate) use semiring::{Minimum, Semiring, Sum};
pub(crate) use state::{Grid, Loops, Ring, State, first_column, width};
pub(crate) use weights::Weights;
