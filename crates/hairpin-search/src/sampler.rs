//! What to try next.

mod tpe;

pub use self::tpe::Tpe;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::space::{Domain, Param};
use crate::{Direction, FinishedTrial, Params, SearchError, Space, Value};

/// How the parameters of a trial are chosen.
///
/// Whatever is drawn for a parameter depends on the seed, the number of the trial and the name of the parameter. It depends
/// neither on what else is in the space, nor on which trials ran before, nor on the machine: logarithms are computed by `libm`.
///
/// | sampler | a trial is a function of |
/// |---|---|
/// | [`Random`](Self::Random) | space, seed, number |
/// | [`Tpe`](Self::Tpe) | space, seed, number, and the finished trials that it is given |
///
/// So the trials of a random search may be shared out to any number of machines. Those of TPE may too, but then each machine
/// learns from its own trials alone, and the numbers found differ from those of one machine. TPE takes logarithms and
/// exponentials from the standard library, whose last bits may differ between operating systems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sampler {
    /// Every parameter is drawn from its own range, independently ([Bergstra and Bengio 2012]).
    ///
    /// [Bergstra and Bengio 2012]: https://www.jmlr.org/papers/v13/bergstra12a.html
    #[default]
    Random,
    /// Tree-structured Parzen estimator: what good trials have more often than bad ones.
    Tpe(Tpe),
}

impl Sampler {
    /// The parameters of trial `number`.
    ///
    /// `finished` is what TPE learns from, in any order; the settings are expected to be in their ranges.
    pub fn draw(
        &self,
        space: &Space,
        seed: u64,
        number: usize,
        direction: Direction,
        finished: &[FinishedTrial],
    ) -> Params {
        match self {
            Self::Random => random(space, seed, number),
            Self::Tpe(tpe) => tpe.draw(space, seed, number, direction, finished),
        }
    }

    /// Refuses settings that are out of their range.
    pub(crate) fn check(&self) -> Result<(), SearchError> {
        match self {
            Self::Random => Ok(()),
            Self::Tpe(tpe) => tpe.check(),
        }
    }
}

fn random(space: &Space, seed: u64, number: usize) -> Params {
    fill(space, |param| {
        uniform(&param.domain, &mut rng(seed, number, &param.name, "random"))
    })
}

/// Gives every parameter whose condition holds its value, each after the one that it depends on.
fn fill(space: &Space, mut value: impl FnMut(&Param) -> Value) -> Params {
    let mut values: Vec<Option<Value>> = vec![None; space.params().len()];
    for &i in space.order() {
        let param = &space.params()[i];
        if is_active(space, param, |parent| values[parent].as_ref()) {
            values[i] = Some(value(param));
        }
    }
    let named = space.params().iter().zip(values);
    Params(
        named
            .filter_map(|(param, value)| Some((param.name.clone(), value?)))
            .collect(),
    )
}

/// Whether the condition of a parameter holds, given the values of the parameters above it by index.
pub(crate) fn is_active<'a>(
    space: &Space,
    param: &Param,
    value: impl Fn(usize) -> Option<&'a Value>,
) -> bool {
    let Some(condition) = &param.when else {
        return true;
    };
    let mut params = space.params().iter();
    params
        .position(|other| other.name == condition.param)
        .and_then(value)
        .is_some_and(|value| condition.is.contains(value))
}

/// A generator of its own for every seed, trial, parameter and purpose.
fn rng(seed: u64, number: usize, param: &str, purpose: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update((number as u64).to_le_bytes());
    hash.update(purpose);
    hash.update([0]);
    hash.update(param);
    ChaCha8Rng::from_seed(hash.finalize().into())
}

fn uniform(domain: &Domain, rng: &mut ChaCha8Rng) -> Value {
    let (start, end) = match *domain {
        Domain::Int {
            low,
            high,
            log: false,
        } => return Value::Int(rng.random_range(low..=high)),
        Domain::Categorical { ref choices } => {
            return choices[rng.random_range(0..choices.len())].clone();
        }
        Domain::Float { .. } | Domain::Int { .. } => scaled_bounds(domain),
    };
    let share: f64 = rng.random();
    from_scaled(domain, start + share * (end - start))
}

/// The bounds of a domain where it is uniform: a logarithm on a logarithmic scale, half a step beyond either bound for
/// integers, and `0` to the number of choices.
pub(crate) fn scaled_bounds(domain: &Domain) -> (f64, f64) {
    match domain {
        Domain::Float { low, high, log } => {
            if *log {
                (libm::log(*low), libm::log(*high))
            } else {
                (*low, *high)
            }
        }
        Domain::Int { low, high, log } => {
            let (low, high) = (*low as f64 - 0.5, *high as f64 + 0.5);
            if *log {
                (libm::log(low), libm::log(high))
            } else {
                (low, high)
            }
        }
        Domain::Categorical { choices } => (0.0, choices.len() as f64),
    }
}

/// The value at a place between the [`scaled_bounds`].
fn from_scaled(domain: &Domain, x: f64) -> Value {
    match domain {
        Domain::Float { low, high, log } => {
            let value = if *log { libm::exp(x) } else { x };
            Value::Float(value.clamp(*low, *high))
        }
        Domain::Int { low, high, log } => {
            let value = if *log { libm::exp(x) } else { x };
            Value::Int((value.round() as i64).clamp(*low, *high))
        }
        Domain::Categorical { choices } => {
            choices[(x.max(0.0) as usize).min(choices.len() - 1)].clone()
        }
    }
}

/// Where a value stands between the [`scaled_bounds`]; `None` if the domain does not have it.
pub(crate) fn to_scaled(domain: &Domain, value: &Value) -> Option<f64> {
    let of = |value: f64, log: bool| if log { libm::log(value) } else { value };
    match (domain, value) {
        (Domain::Float { log, .. }, Value::Float(value)) => Some(of(*value, *log)),
        (Domain::Int { log, .. }, Value::Int(value)) => Some(of(*value as f64, *log)),
        (Domain::Categorical { choices }, value) => {
            let index = choices.iter().position(|choice| choice == value)?;
            Some(index as f64)
        }
        _ => None,
    }
}
