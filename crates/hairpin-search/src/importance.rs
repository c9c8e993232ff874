//! How much each parameter matters.

mod feature;
mod tree;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{FinishedTrial, SearchError, Space, TrialState};
use feature::Feature;
use tree::Tree;

/// How much one parameter matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// The parameter.
    pub param: String,
    /// The share of the variance of the objective over the space that it explains by itself, 0 to 1.
    pub share: f64,
    /// The standard deviation of the share between trees.
    pub spread: f64,
}

/// How importances are estimated.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `trees` | 64 | trees of the forest | from 1 |
/// | `seed` | 0 | what the rows of each tree are drawn from | any |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImportanceConfig {
    /// Trees of the forest.
    pub trees: usize,
    /// What the rows of each tree are drawn from.
    pub seed: u64,
}

impl Default for ImportanceConfig {
    fn default() -> Self {
        Self { trees: 64, seed: 0 }
    }
}

/// With fewer a forest has nothing to divide.
const LEAST_TRIALS: usize = 4;

/// The importance of every parameter, in the order of the space: functional analysis of variance ([Hutter et al. 2014]).
///
/// A forest of regression trees is fitted to the complete trials. Each tree `f` is constant on boxes of the space, so that its
/// marginals, and their variances under a uniform draw from the space, are sums over its leaves:
///
/// ```text
/// f_i(x) = mean of f over all parameters but i, at i = x
/// share_i = Var f_i / Var f
/// ```
///
/// averaged over the trees. Uniform means as the random sampler draws: in the logarithm on a logarithmic scale. The shares add
/// up to at most 1; what is missing belongs to interactions, or to the noise that the trees have learned.
///
/// Trees are grown to the end on rows that are drawn with replacement, and choices are divided into any two sets. Where the
/// condition of a parameter does not hold, it has a value of its own, as likely as the condition is to fail. The same trials and
/// settings give the same bits.
///
/// ```
/// use hairpin_search::{Budget, ImportanceConfig, Space, Study, StudyConfig, importance};
///
/// let space = Space::builder().float("much", 0.0..=1.0).float("little", 0.0..=1.0).build()?;
/// let study = Study::new(space, StudyConfig::default())?;
/// study.run(Budget::trials(50), |trial| {
///     let params = trial.params();
///     Ok::<_, hairpin_search::SearchError>(4.0 * params.float("much")? + params.float("little")?)
/// })?;
/// // The variances are as 16 to 1.
/// let shares = importance(study.space(), &study.trials(), ImportanceConfig::default())?;
/// assert!(shares[0].share > 0.85 && shares[1].share < 0.1);
/// # Ok::<(), hairpin_search::SearchError>(())
/// ```
///
/// # Errors
///
/// [`TooFew`](SearchError::TooFew) with fewer than four complete trials, [`Setting`](SearchError::Setting) without trees.
///
/// [Hutter et al. 2014]: https://proceedings.mlr.press/v32/hutter14.html
pub fn importance(
    space: &Space,
    trials: &[FinishedTrial],
    config: ImportanceConfig,
) -> Result<Vec<Importance>, SearchError> {
    if config.trees == 0 {
        return Err(SearchError::Setting {
            setting: "trees of the importance",
            expected: "at least 1",
            found: "0".to_owned(),
        });
    }
    let mut complete: Vec<&FinishedTrial> = trials
        .iter()
        .filter(|trial| trial.state == TrialState::Complete)
        .collect();
    // In this order, whatever that of the table.
    complete.sort_by_key(|trial| trial.number);
    let (rows, y): (Vec<_>, Vec<f64>) = complete
        .iter()
        .filter_map(|trial| Some((&trial.params, trial.value?)))
        .unzip();
    if rows.len() < LEAST_TRIALS {
        return Err(SearchError::TooFew {
            expected: LEAST_TRIALS,
            found: rows.len(),
        });
    }
    let features: Vec<Feature> = (0..space.params().len())
        .map(|param| Feature::new(space, param, &rows))
        .collect();
    let y = standardised(&y);

    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let mut shares: Vec<Vec<f64>> = vec![Vec::new(); features.len()];
    for _ in 0..config.trees {
        let drawn = (0..y.len()).map(|_| rng.random_range(0..y.len())).collect();
        // A tree without variance has no shares.
        if let Some(of_tree) = Tree::grow(&features, &y, drawn).shares(&features) {
            for (shares, share) in shares.iter_mut().zip(of_tree) {
                shares.push(share);
            }
        }
    }
    let params = space.params().iter().zip(shares);
    Ok(params
        .map(|(param, shares)| {
            let n = shares.len().max(1) as f64;
            let mean = shares.iter().sum::<f64>() / n;
            let squares: f64 = shares.iter().map(|share| (share - mean).powi(2)).sum();
            Importance {
                param: param.name.clone(),
                share: mean,
                spread: (squares / (n - 1.0).max(1.0)).sqrt(),
            }
        })
        .collect())
}

/// Values between -1 and 1 with mean 0, so that neither squares nor sums overflow; shares do not change.
fn standardised(y: &[f64]) -> Vec<f64> {
    let scaled = |y: &[f64]| -> Vec<f64> {
        let largest = y.iter().fold(0.0, |largest: f64, y| largest.max(y.abs()));
        let by = if largest > 0.0 { largest } else { 1.0 };
        y.iter().map(|y| y / by).collect()
    };
    let y = scaled(y);
    let mean = y.iter().sum::<f64>() / y.len() as f64;
    let centred: Vec<f64> = y.iter().map(|y| y - mean).collect();
    // What is left of a constant is rounding.
    if centred.iter().all(|y| y.abs() < 1e-15) {
        return vec![0.0; y.len()];
    }
    scaled(&centred)
}
