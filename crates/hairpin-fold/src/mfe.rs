//! The structure of least free energy.

use crate::choices::{Choice, Choices, Part};
use crate::energy::INFINITE;
use crate::{FoldError, Structure};

/// The structure of least free energy (Zuker and Stiegler 1981, doi:10.1093/nar/9.1.133), and that energy.
///
/// Where several structures share it, this is one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Mfe {
    structure: Structure,
    dcal: i32,
}

impl Mfe {
    pub(crate) fn new(structure: Structure, dcal: i32) -> Self {
        Self { structure, dcal }
    }

    /// The structure.
    pub fn structure(&self) -> &Structure {
        &self.structure
    }

    /// Its energy in dcal/mol (1/100 kcal/mol), with the pseudo-energies if there are any.
    pub fn dcal(&self) -> i32 {
        self.dcal
    }

    /// Its energy in kcal/mol.
    pub fn kcal(&self) -> f64 {
        f64::from(self.dcal) / 100.0
    }
}

/// Reads a structure off the filled arrays: what is still to be explained lies on a stack, and at every step some choice gives exactly the value
/// that stands in the array.
pub(crate) fn trace(choices: &Choices<'_>) -> Result<Mfe, FoldError> {
    let least = choices.state.z3[1];
    if least >= INFINITE / 2 {
        return Err(FoldError::Unsatisfiable);
    }
    let mut structure = Structure::open(choices.bases.len());
    let mut parts = vec![Part::Suffix(1)];
    let mut found: Vec<Choice> = Vec::new();
    while let Some(part) = parts.pop() {
        found.clear();
        choices.of(part, 0, &mut found);
        debug_assert!(!found.is_empty(), "{part:?} has no explanation");
        if let Part::Pair(i, j) = part {
            structure.join(i, j);
        }
        if let Some((_, rest)) = found.first() {
            parts.extend(rest.iter().flatten());
        }
    }
    Ok(Mfe::new(structure, least))
}
