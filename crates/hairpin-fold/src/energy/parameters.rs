//! Parameter sets: the one that comes with the crate, and the step from 37 degrees to another temperature.

use super::loops::LoopModel;
use super::par::Reader;
use super::tables::{DANGLE, INT11, INT21, INT22, LENGTHS, MISMATCH, STACK, Tables, Term};
use super::{Boltzmann, Dangles, INFINITE, Settings};
use crate::FoldError;
use crate::bases::{N_CODES, N_TYPES};

/// The tables of a nearest-neighbour model: free energies at 37 degrees Celsius and enthalpies.
///
/// | table | what | in Turner 2004 |
/// |---|---|---|
/// | stack | two neighbouring pairs | measured; those with two GU pairs partly set to -0.5 kcal/mol |
/// | hairpin, bulge, internal | loops by length | measured up to 9, 6 and 6 bases, then extrapolated with a logarithm |
/// | mismatch_hairpin | first mismatch of a hairpin | **derived**: a terminal mismatch with the bonus of a U-U, G-A or G-G first mismatch added to it |
/// | mismatch_internal | first mismatches of an internal loop | **derived** from rules: 0.7 kcal/mol beside AU and GU, plus -0.8 for A-G, -1.0 for G-A and G-G, -0.6 for U-U |
/// | mismatch_internal_23 | the same of 2x3 loops | **derived**: 0.7 beside AU and GU, plus -1.1 for G-A (-1.2 beside a GC), -0.7 for G-G, -0.3 for U-U, -0.5 for A-G beside a pair whose 5' base is C or U |
/// | mismatch_internal_1n | the same of 1xn loops | **derived**: 0.7 beside AU and GU, no mismatch counts |
/// | int11, int21, int22 | 1x1, 2x1 and 2x2 internal loops | measured where there is an experiment, else **derived** by the published rules |
/// | mismatch_multi, mismatch_exterior | both neighbours of a helix | terminal mismatches, the same numbers in both; beside AU and GU pairs **derived** |
/// | dangle5, dangle3 | one neighbour of a helix, at an end of the molecule | measured; GU as AU |
/// | special | three-, four- and six-base hairpins with an energy of their own, which *replaces* the sum | measured |
///
/// A mismatch X-Y has X on the 3' side of the closing pair's 5' base, and Y on the 5' side of its 3' base. What is derived follows the rules of Mathews et al. 2004
/// as the NNDB (Turner and Mathews 2010) tabulates them.
/// The energy of a base that is not known (N) is the largest of its four: **derived** in every table. Left out, as in ViennaRNA: coaxial stacking, the
/// bonuses for a GU closure and for C-only hairpins, states of a bulge.
///
/// # References
///
/// Mathews, Disney, Childs, Schroeder, Zuker, Turner. PNAS 101:7287 (2004), doi:10.1073/pnas.0401799101.
/// Turner, Mathews. Nucleic Acids Research 38:D280 (2010), doi:10.1093/nar/gkp892.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    pub(super) energy: Tables<i32>,
    pub(super) enthalpy: Tables<i32>,
    /// Largest energy of an asymmetric internal loop, at every temperature.
    pub(super) ninio_max: i32,
    /// Factor of the logarithm beyond 30 bases, at 37 degrees.
    pub(super) log_factor: f64,
}

impl Parameters {
    /// Turner 2004.
    pub fn turner_2004() -> Self {
        match own_layout(include_str!("turner2004.txt")) {
            Ok(parameters) => parameters,
            // The text is part of the program, and a test reads it.
            Err(error) => unreachable!("turner2004.txt: {error}"),
        }
    }

    /// Reads the text of a ViennaRNA parameter file (`## RNAfold parameter file v2.0`, extension `.par`).
    ///
    /// Every table must be there, with its enthalpies. The pair type for "any other pair" is skipped, since such bases do not pair here; so are the
    /// energies of duplexes. `INF`, `DEF` (-50) and `NST` (0) are understood.
    ///
    /// # Errors
    ///
    /// [`FoldError::ParameterFile`] with line and column, or [`FoldError::MissingTable`].
    pub fn from_par(text: &str) -> Result<Self, FoldError> {
        super::par::read(text)
    }

    /// Energies in whole dcal/mol, cut off towards zero as ViennaRNA does.
    pub(super) fn whole(&self, settings: &Settings) -> LoopModel<i32> {
        let t = settings.relative_temperature();
        let tables = self
            .energy
            .combine(&self.enthalpy, |term, energy, enthalpy| {
                let at = rescale(energy, enthalpy, t) as i32;
                match (term, settings.dangles) {
                    (Term::Plain, _) => at,
                    (Term::Dangling, Dangles::None) => 0,
                    (Term::Dangling, Dangles::Both) => at.min(0),
                }
            });
        LoopModel {
            tables,
            ninio_max: self.ninio_max,
            log_factor: self.log_factor * t,
        }
    }

    /// What the partition function sums over.
    pub(super) fn summed(&self, settings: &Settings) -> LoopModel<f64> {
        let t = settings.relative_temperature();
        let tables = self
            .energy
            .combine(&self.enthalpy, |term, energy, enthalpy| {
                let at = rescale(energy, enthalpy, t);
                let at = match settings.boltzmann {
                    Boltzmann::Exact => at.trunc(),
                    Boltzmann::Smoothed => at,
                };
                match (term, settings.dangles, settings.boltzmann) {
                    (Term::Plain, ..) => at,
                    (Term::Dangling, Dangles::None, _) => 0.0,
                    (Term::Dangling, Dangles::Both, Boltzmann::Exact) => at.min(0.0),
                    (Term::Dangling, Dangles::Both, Boltzmann::Smoothed) => -smooth(-at),
                }
            });
        LoopModel {
            tables,
            ninio_max: f64::from(self.ninio_max),
            log_factor: self.log_factor * t,
        }
    }
}

/// The free energy at `t` times 310.15 K.
fn rescale(energy: i32, enthalpy: i32, t: f64) -> f64 {
    let (energy, enthalpy) = (f64::from(energy), f64::from(enthalpy));
    enthalpy - (enthalpy - energy) * t
}

/// See [`Boltzmann::Smoothed`]; in dcal/mol.
fn smooth(x: f64) -> f64 {
    const SCALE: f64 = 10.0;
    let y = x / SCALE;
    if y < -1.228_369_7 {
        0.0
    } else if y > 0.866_025_4 {
        x
    } else {
        SCALE * 0.384_900_18 * ((y - 0.342_426_63).sin() + 1.0).powi(2)
    }
}

/// Reads our own layout: the `.par` text without the bases N, the pairs that are none and the half of symmetric tables.
fn own_layout(text: &str) -> Result<Parameters, FoldError> {
    let mut reader = Reader::new(text)?;
    let energy = own_tables(&mut reader, "")?;
    let enthalpy = own_tables(&mut reader, "_enthalpies")?;
    let mut parameters = Parameters {
        energy,
        enthalpy,
        ninio_max: 0,
        log_factor: 0.0,
    };
    let misc = reader.decimals("Misc", 3, 3)?;
    parameters.energy.terminal_au = misc[0] as i32;
    parameters.enthalpy.terminal_au = misc[1] as i32;
    parameters.log_factor = misc[2];
    reader.loops_and_multiloops(&mut parameters)?;
    Ok(parameters)
}

fn own_tables(reader: &mut Reader<'_>, kind: &str) -> Result<Tables<i32>, FoldError> {
    let read = |name: &str, pairs: usize, bases: usize| {
        let numbers = reader.numbers(
            &format!("{name}{kind}"),
            6_usize.pow(pairs as u32) * 4_usize.pow(bases as u32),
        )?;
        Ok::<_, FoldError>(with_unknown(&numbers, pairs, bases))
    };
    let mut tables = Tables {
        stack: read("stack", 2, 0)?,
        mismatch_hairpin: read("mismatch_hairpin", 1, 2)?,
        mismatch_internal: read("mismatch_internal", 1, 2)?,
        mismatch_internal_1n: read("mismatch_internal_1n", 1, 2)?,
        mismatch_internal_23: read("mismatch_internal_23", 1, 2)?,
        mismatch_multi: read("mismatch_multi", 1, 2)?,
        mismatch_exterior: read("mismatch_exterior", 1, 2)?,
        dangle5: read("dangle5", 1, 1)?,
        dangle3: read("dangle3", 1, 1)?,
        int21: read("int21", 2, 3)?,
        ..Tables::default()
    };
    let int11 = reader.numbers(&format!("int11{kind}"), 21 * 16)?;
    tables.int11 = with_unknown(&both_halves(&int11, 2), 2, 2);
    let int22 = reader.numbers(&format!("int22{kind}"), 21 * 256)?;
    tables.int22 = with_unknown(&both_halves(&int22, 4), 2, 4);
    tables.hairpin = reader.numbers(&format!("hairpin{kind}"), LENGTHS)?;
    tables.bulge = reader.numbers(&format!("bulge{kind}"), LENGTHS)?;
    tables.internal = reader.numbers(&format!("internal{kind}"), LENGTHS)?;
    Ok(tables)
}

/// A loop read from its other pair: the tables of pairs `(b, a)` from those of `(a, b)`, the bases turned by half of their number.
fn both_halves(half: &[i32], bases: u32) -> Vec<i32> {
    let size = 4_usize.pow(bases);
    let turn = 4_usize.pow(bases / 2);
    let mut full = vec![0; 36 * size];
    let mut blocks = half.chunks_exact(size);
    for a in 0..6 {
        for b in a..6 {
            let Some(block) = blocks.next() else {
                continue;
            };
            for (index, &value) in block.iter().enumerate() {
                let turned = index % turn * turn + index / turn;
                full[(a * 6 + b) * size + index] = value;
                full[(b * 6 + a) * size + turned] = value;
            }
        }
    }
    full
}

/// A table over six pairs and four bases, as one over seven types and five codes: type 0 costs nothing, N the most that it can.
pub(super) fn with_unknown(known: &[i32], pairs: usize, bases: usize) -> Vec<i32> {
    let rows = N_TYPES.pow(pairs as u32);
    let width = N_CODES.pow(bases as u32);
    let known_width = 4_usize.pow(bases as u32);
    let mut full = vec![0; rows * width];
    for row in 0..rows {
        let (a, b) = (row / N_TYPES, row % N_TYPES);
        let known_row = match (pairs, a, b) {
            (2, 0, _) | (_, _, 0) => continue,
            (2, a, b) => (a - 1) * 6 + b - 1,
            (_, _, b) => b - 1,
        };
        let values = &known[known_row * known_width..][..known_width];
        let out = &mut full[row * width..][..width];
        out.fill(-INFINITE);
        for (index, &value) in values.iter().enumerate() {
            // Every way to forget some of the bases.
            for forgotten in 0..1 << bases {
                let (mut code, mut rest, mut digit) = (0, index, 1);
                for k in 0..bases {
                    code += if forgotten >> k & 1 == 1 {
                        0
                    } else {
                        rest % 4 + 1
                    } * digit;
                    rest /= 4;
                    digit *= N_CODES;
                }
                out[code] = out[code].max(value);
            }
        }
    }
    full
}

const _: () = assert!(
    STACK == 49
        && DANGLE == 35
        && MISMATCH == 175
        && INT11 == 1225
        && INT21 == 6125
        && INT22 == 30625
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bases::corner;

    #[test]
    fn own_tables_have_every_size() {
        let parameters = Parameters::turner_2004();
        for tables in [&parameters.energy, &parameters.enthalpy] {
            assert_eq!(tables.stack.len(), STACK);
            assert_eq!(tables.mismatch_multi.len(), MISMATCH);
            assert_eq!(tables.dangle5.len(), DANGLE);
            assert_eq!(tables.int11.len(), INT11);
            assert_eq!(tables.int21.len(), INT21);
            assert_eq!(tables.int22.len(), INT22);
            assert_eq!(tables.special.len(), 22);
        }
        assert_eq!(parameters.energy.stack[N_TYPES + 1], -240);
        assert_eq!(parameters.energy.ml_closing, 930);
        assert_eq!(parameters.ninio_max, 300);
    }

    /// What the table of the documentation says of them.
    #[test]
    fn mismatches_of_internal_loops_are_derived() {
        const A: usize = 1;
        const G: usize = 3;
        const U: usize = 4;
        let tables = Parameters::turner_2004().energy;
        for pair in 1..N_TYPES {
            let beside_au_or_gu = if pair > 2 { 70 } else { 0 };
            // GC is the second; CG, UG and UA begin with C or U.
            let (gc, pyrimidine) = (pair == 2, matches!(pair, 1 | 4 | 6));
            for (x, y) in (1..N_CODES).flat_map(|x| (1..N_CODES).map(move |y| (x, y))) {
                let at = corner(pair, x, y);
                let (general, two_three) = match (x, y) {
                    (A, G) => (-80, if pyrimidine { -50 } else { 0 }),
                    (G, A) => (-100, if gc { -120 } else { -110 }),
                    (G, G) => (-100, -70),
                    (U, U) => (-60, -30),
                    _ => (0, 0),
                };
                assert_eq!(tables.mismatch_internal[at], beside_au_or_gu + general);
                assert_eq!(tables.mismatch_internal_23[at], beside_au_or_gu + two_three);
                assert_eq!(tables.mismatch_internal_1n[at], beside_au_or_gu);
            }
        }
        assert_eq!(tables.mismatch_multi, tables.mismatch_exterior);
    }

    #[test]
    fn an_unknown_base_costs_the_most() {
        let mut known = vec![0; 96];
        known[..16].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
        let full = with_unknown(&known, 1, 2);
        let cg = &full[25..50];
        assert_eq!(cg[6], 1); // A A
        assert_eq!(cg[1], 13); // N A
        assert_eq!(cg[5], 4); // A N
        assert_eq!(cg[0], 16);
    }

    #[test]
    fn at_37_degrees_nothing_moves() {
        let parameters = Parameters::turner_2004();
        let whole = parameters.whole(&Settings::default());
        assert_eq!(whole.tables.int22, parameters.energy.int22);
        assert_eq!(whole.tables.hairpin[0], INFINITE);
        let smooth = parameters.summed(&Settings::default());
        assert!(
            (smooth.tables.stack.iter().zip(&whole.tables.stack)).all(|(&a, &b)| a == f64::from(b))
        );
    }

    #[test]
    fn smoothing_joins_its_pieces() {
        assert_eq!(smooth(-13.0), 0.0);
        assert_eq!(smooth(9.0), 9.0);
        assert!(smooth(-12.283).abs() < 1e-6);
        assert!((smooth(8.660_254) - 8.660_254).abs() < 1e-5);
    }
}
