//! The nearest-neighbour energy model: what every loop costs.

mod evaluate;
mod loops;
mod par;
mod parameters;
mod sections;
mod tables;

pub use evaluate::{Evaluation, Loop, LoopKind};
pub use parameters::Parameters;

pub(crate) use loops::{Amount, LoopModel};

use crate::FoldError;

/// Zero degrees Celsius, in kelvin.
const KELVIN: f64 = 273.15;
/// The temperature of the tables, in degrees Celsius.
const MEASURED: f64 = 37.0;
/// The gas constant in dcal/(mol K), with the digits that ViennaRNA uses.
const GAS_CONSTANT: f64 = 1.987_17 / 10.0;
/// An energy that stands for "impossible", in dcal/mol.
pub(crate) const INFINITE: i32 = 10_000_000;

/// Which unpaired neighbours of a helix lower its energy, in multiloops and outside of all pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dangles {
    /// None (ViennaRNA's `-d0`).
    None,
    /// Both, whether or not they are paired themselves (ViennaRNA's default, `-d2`).
    #[default]
    Both,
}

/// Which energies the partition function sums over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Boltzmann {
    /// Exactly those of [`Energy::evaluate`] (ViennaRNA's `pf_smooth = 0`).
    #[default]
    Exact,
    /// ViennaRNA's defaults (`pf_smooth = 1`), which make the ensemble a differentiable function of the temperature: energies keep
    /// their fractions of 1/100 kcal/mol, and the terms of dangling bases, which may not be positive, are not cut off at zero but led to it. With
    /// `x = -E` in units of 0.1 kcal/mol
    ///
    /// ```text
    /// smooth(x) = 0                                        x < -1.2283697
    ///           = 0.38490018 (sin(x - 0.34242663) + 1)^2   between
    ///           = x                                        x > 0.8660254
    /// ```
    ///
    /// It applies to dangling ends and to the mismatches of helices in multiloops and outside of all pairs; a term of 0 thus becomes -0.017 kcal/mol. Pair
    /// probabilities move by up to some hundredths.
    Smoothed,
}

/// What the folding is asked for.
///
/// | field | default | meaning | range |
/// |---|---|---|---|
/// | `temperature` | 37 | degrees Celsius; other values go through enthalpies, `G(T) = H - (H - G(37)) T / 310.15 K` | 0 to 100 |
/// | `dangles` | [`Dangles::Both`] | neighbours of helices in multiloops and outside | |
/// | `boltzmann` | [`Boltzmann::Exact`] | energies behind the partition function | |
/// | `memory_limit` | 4 GiB | a molecule that needs more is refused | bytes |
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// Degrees Celsius.
    pub temperature: f64,
    /// Neighbours of helices in multiloops and outside of all pairs.
    pub dangles: Dangles,
    /// Energies behind the partition function.
    pub boltzmann: Boltzmann,
    /// Bytes that one molecule may need.
    pub memory_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            temperature: MEASURED,
            dangles: Dangles::default(),
            boltzmann: Boltzmann::default(),
            memory_limit: 4 << 30,
        }
    }
}

impl Settings {
    /// With another temperature, in degrees Celsius.
    pub fn with_temperature(mut self, celsius: f64) -> Self {
        self.temperature = celsius;
        self
    }

    /// With other dangling neighbours.
    pub fn with_dangles(mut self, dangles: Dangles) -> Self {
        self.dangles = dangles;
        self
    }

    /// With other energies behind the partition function.
    pub fn with_boltzmann(mut self, boltzmann: Boltzmann) -> Self {
        self.boltzmann = boltzmann;
        self
    }

    /// With another limit of memory for one molecule, in bytes.
    pub fn with_memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = bytes;
        self
    }

    fn check(&self) -> Result<(), FoldError> {
        if (0.0..=100.0).contains(&self.temperature) {
            Ok(())
        } else {
            Err(FoldError::Temperature {
                celsius: self.temperature,
            })
        }
    }

    /// The temperature as a multiple of the one of the tables.
    fn relative_temperature(&self) -> f64 {
        (self.temperature + KELVIN) / (MEASURED + KELVIN)
    }

    /// `kT` in dcal/mol.
    fn kt(&self) -> f64 {
        (self.temperature + KELVIN) * GAS_CONSTANT
    }
}

/// The energies of all loops at one temperature, in whole dcal/mol (1/100 kcal/mol), as ViennaRNA counts them.
///
/// ```
/// use hairpin_fold::{Energy, Parameters, Settings, Structure};
///
/// let energy = Energy::new(&Parameters::turner_2004(), &Settings::default())?;
/// let structure: Structure = "((((....))))".parse()?;
/// let evaluation = energy.evaluate(b"GGGGAAAACCCC", &structure)?;
/// assert_eq!(evaluation.dcal(), -540); // -5.4 kcal/mol
///
/// let stack = &evaluation.loops()[1]; // the first is outside of all pairs
/// assert_eq!((stack.closing, stack.dcal), (Some((1, 12)), -330));
/// # Ok::<(), hairpin_fold::FoldError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Energy {
    /// Whole dcal/mol: structures and the minimum free energy.
    pub(crate) whole: LoopModel<i32>,
    /// What the partition function takes, in dcal/mol.
    pub(crate) summed: LoopModel<f64>,
    /// `kT` in dcal/mol.
    pub(crate) kt: f64,
}

impl Energy {
    /// The energies of `parameters` at the temperature, with the dangles and the kind of Boltzmann sum of `settings`.
    ///
    /// # Errors
    ///
    /// [`FoldError::Temperature`] below 0 or above 100 degrees Celsius.
    pub fn new(parameters: &Parameters, settings: &Settings) -> Result<Self, FoldError> {
        settings.check()?;
        Ok(Self {
            whole: parameters.whole(settings),
            summed: parameters.summed(settings),
            kt: settings.kt(),
        })
    }
}
