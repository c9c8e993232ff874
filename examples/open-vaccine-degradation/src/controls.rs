//! What is simple, for the networks to be held against: position by position, from the base, its loop and its neighbours.

use anyhow::Result;
use hairpin::seq::structure::LoopType;
use hairpin::targets::TargetMatrix;
use hairpin::targets::control::{
    ColumnAverage, Constant, GroupAverage, Regressor, Ridge, Strength,
};
use hairpin::tasks::open_vaccine::Molecule;
use ndarray::Array2;

/// Bases to either side that the ridge regression sees.
const REACH: usize = 12;

/// Symbols of a base and of its loop; an unknown base has none of its own.
const SYMBOLS: usize = 4 + LoopType::ALL.len();

/// The first `scored` bases of molecules, one below another.
pub(crate) struct Positions {
    /// Base and loop, as one number.
    kinds: Vec<usize>,
    /// One-hot bases and loops of the base and of 12 to either side.
    windows: Array2<f32>,
}

impl Positions {
    pub(crate) fn of<'a>(molecules: impl Iterator<Item = (&'a Molecule, usize)>) -> Self {
        let (mut kinds, mut windows) = (Vec::new(), Vec::new());
        let width = (2 * REACH + 1) * SYMBOLS;
        for (molecule, scored) in molecules {
            let codes = molecule.sequence.codes();
            let loop_of = |base: usize| {
                let of = |kind: &LoopType| *kind == molecule.loops[base];
                LoopType::ALL.iter().position(of).unwrap_or(0)
            };
            for base in 0..scored {
                kinds.push(usize::from(codes[base]) * LoopType::ALL.len() + loop_of(base));
                let start = windows.len();
                windows.resize(start + width, 0f32);
                for (at, slot) in windows[start..].chunks_exact_mut(SYMBOLS).enumerate() {
                    let Some(base) = (base + at).checked_sub(REACH).filter(|&b| b < codes.len())
                    else {
                        continue;
                    };
                    if let Some(slot) = slot[..4].get_mut(usize::from(codes[base])) {
                        *slot = 1.0;
                    }
                    slot[4 + loop_of(base)] = 1.0;
                }
            }
        }
        let rows = kinds.len();
        Self {
            kinds,
            windows: Array2::from_shape_vec((rows, width), windows).expect("a window a base"),
        }
    }
}

/// Every control's answers for `asked`, under its name.
pub(crate) fn answers(
    train: &Positions,
    targets: &TargetMatrix,
    asked: &Positions,
) -> Result<Vec<(String, TargetMatrix)>> {
    let named = |name: &str, answer| (name.to_owned(), answer);
    let strengths = Strength::GeneralisedCrossValidation((0..=4).map(|e| 10f64.powi(e)).collect());
    let ridge = Ridge::new(strengths).fit(&train.windows, targets)?;
    let kinds = asked.kinds.as_slice();
    Ok(vec![
        named("zeros", Constant::ZERO.fit(targets).predict(kinds)?),
        named(
            "mean of each column",
            ColumnAverage::MEAN.fit(targets)?.predict(kinds)?,
        ),
        named(
            "mean of base and loop type",
            GroupAverage::MEAN
                .fit(targets, &train.kinds)?
                .predict(kinds)?,
        ),
        named(
            "ridge on 12 bases and loops to either side",
            ridge.predict(&asked.windows)?,
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_by_hand() {
        let molecule = Molecule {
            id: "m".to_owned(),
            sequence: "GAC".parse().unwrap(),
            structure: "(.)".parse().unwrap(),
            loops: hairpin::seq::structure::parse_loop_types("SHS").unwrap(),
            seq_scored: 2,
        };
        let found = Positions::of([(&molecule, 2)].into_iter());
        assert_eq!(found.windows.dim(), (2, 25 * 11));
        assert_eq!(found.kinds.len(), 2);
        assert_ne!(found.kinds[0], found.kinds[1]);
        // Three bases are in reach of both: two symbols each.
        assert_eq!(found.windows.row(0).sum(), 6.0);
        let own = |row: usize, place: usize| {
            let slot = found.windows.row(row).to_vec();
            slot[place * SYMBOLS..(place + 1) * SYMBOLS][..4].to_vec()
        };
        assert_eq!(own(0, REACH), [0.0, 0.0, 1.0, 0.0]); // G itself
        assert_eq!(own(0, REACH + 2), [0.0, 1.0, 0.0, 0.0]); // C, two further
        assert_eq!(own(1, REACH - 1), [0.0, 0.0, 1.0, 0.0]); // G, one before A
    }
}
