//! [`Ensemble`]: several trained models that answer together; [`out_of_fold`]: predictions for rows that no member was trained on.

use crate::digest::sha256_hex;
use crate::predict::predict_rows;
use crate::{Bundle, Dataset, Objective, Outputs, Predictions, RunDir, TrainError};
use burn::tensor::Device;
use hairpin_models::Model;
use hairpin_targets::split::Fold;
use hairpin_targets::{Folds, TargetError, TargetMatrix};
use ndarray::{Array2, Axis, concatenate};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

/// Another layout is refused.
const FORMAT: u32 = 1;
/// What `ensemble.json` may have at most.
const CAP: u64 = 1 << 20;
/// No ensemble has more members: a wrong number in a file is not to be a million folders.
const MAX_MEMBERS: usize = 10_000;

/// One model of an [`Ensemble`].
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its name, of letters, digits, `-` and `_`: the folder it is saved in.
    pub name: String,
    /// Its share in the answer.
    pub weight: f64,
    /// The model.
    pub bundle: Bundle,
}

/// Trained models that answer together.
///
/// In the run's folder each member is a bundle of its own, `members/NAME/`, and `ensemble.json`, written last, lists them with their
/// weights and the hashes of their `bundle.json`: the ensemble loads whole or is refused.
///
/// ```
/// use hairpin_train::{Bundle, Ensemble, Member, RunDir};
///
/// let member = |name: &str, weight, byte| Member {
///     name: name.into(),
///     weight,
///     bundle: Bundle {
///         model: "sequence_lstm".into(),
///         config_toml: "seed = 0\n".into(),
///         targets: serde_json::json!({}),
///         weights: vec![byte],
///     },
/// };
/// let ensemble = Ensemble { members: vec![member("trial-3", 0.75, 1), member("trial-8", 0.25, 2)] };
/// # let folder = tempfile::tempdir()?;
/// let run = RunDir::create(folder.path())?;
/// ensemble.save(&run)?;
/// assert_eq!(Ensemble::load(&run, "sequence_lstm")?, ensemble);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ensemble {
    /// The members, in the order of their part in blends.
    pub members: Vec<Member>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    format: u32,
    members: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    weight: f64,
    bundle_sha256: String,
}

impl Ensemble {
    /// The list of members in the run's folder.
    pub const FILE: &'static str = "ensemble.json";

    /// The folder of a member.
    fn folder(run: &RunDir, name: &str) -> std::path::PathBuf {
        run.file("members").join(name)
    }

    /// Writes every member, then the list.
    ///
    /// # Errors
    ///
    /// [`EnsembleContent`](TrainError::EnsembleContent) for a name or weight that [`load`](Self::load) would refuse, and what
    /// [`Bundle::save`] refuses.
    pub fn save(&self, run: &RunDir) -> Result<(), TrainError> {
        let mut entries = Vec::with_capacity(self.members.len());
        for member in &self.members {
            entries.push(Entry {
                name: member.name.clone(),
                weight: member.weight,
                bundle_sha256: String::new(),
            });
        }
        check(run, &entries)?;
        for (entry, member) in entries.iter_mut().zip(&self.members) {
            let folder = RunDir::create(Self::folder(run, &member.name))?;
            member.bundle.save(&folder)?;
            entry.bundle_sha256 = sha256_hex(&folder.read(RunDir::BUNDLE, CAP)?);
        }
        let list = List {
            format: FORMAT,
            members: entries,
        };
        let text = serde_json::to_vec_pretty(&list).map_err(|error| content(run, error))?;
        run.write(Self::FILE, &text)
    }

    /// Reads what [`save`](Self::save) wrote, if all of it is there and of this model.
    ///
    /// # Errors
    ///
    /// [`EnsembleContent`](TrainError::EnsembleContent) for a list that is not one, and what [`Bundle::load`] refuses.
    pub fn load(run: &RunDir, expected_model: &str) -> Result<Self, TrainError> {
        let text = run.read(Self::FILE, CAP)?;
        let list: List = serde_json::from_slice(&text).map_err(|error| content(run, error))?;
        if list.format != FORMAT {
            let reason = format!("has format {}, expected {FORMAT}", list.format);
            return Err(content(run, reason));
        }
        check(run, &list.members)?;
        let mut members = Vec::with_capacity(list.members.len());
        for entry in list.members {
            let folder = RunDir::open(Self::folder(run, &entry.name))?;
            if sha256_hex(&folder.read(RunDir::BUNDLE, CAP)?) != entry.bundle_sha256 {
                let reason = format!("member `{}` is another than it lists", entry.name);
                return Err(content(run, reason));
            }
            members.push(Member {
                bundle: Bundle::load(&folder, expected_model)?,
                name: entry.name,
                weight: entry.weight,
            });
        }
        Ok(Self { members })
    }
}

fn content(run: &RunDir, reason: impl ToString) -> TrainError {
    TrainError::EnsembleContent {
        path: run.file(Ensemble::FILE),
        reason: reason.to_string(),
    }
}

fn check(run: &RunDir, entries: &[Entry]) -> Result<(), TrainError> {
    if entries.is_empty() || entries.len() > MAX_MEMBERS {
        let reason = format!("has {} members, expected 1 to {MAX_MEMBERS}", entries.len());
        return Err(content(run, reason));
    }
    let mut names = std::collections::HashSet::new();
    for Entry { name, weight, .. } in entries {
        let plain = |symbol: char| symbol.is_ascii_alphanumeric() || "-_".contains(symbol);
        if name.is_empty() || name.len() > 100 || !name.chars().all(plain) {
            let reason = format!("`{name}` is no name of a member: letters, digits, `-`, `_`");
            return Err(content(run, reason));
        }
        if !names.insert(name) {
            return Err(content(run, format!("two members are named `{name}`")));
        }
        if !weight.is_finite() {
            let reason = format!("the weight of `{name}` is {weight}, expected a number");
            return Err(content(run, reason));
        }
    }
    Ok(())
}

/// Predictions for every row by models that were not trained on it.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfFold<P = Array2<f32>> {
    /// One for each seed: a matrix `[n_rows, n_outputs]`, or a matrix `[positions, n_outputs]` for each row.
    pub by_seed: Vec<P>,
}

impl<P: Predictions> OutOfFold<P> {
    /// Mean over the seeds.
    pub fn mean(&self) -> P {
        let first = &self.by_seed[0];
        let mean = (0..first.n_rows()).map(|row| {
            let mut sum = first.row(row).mapv(f64::from);
            for other in &self.by_seed[1..] {
                sum += &other.row(row).mapv(f64::from);
            }
            (sum / self.by_seed.len() as f64).mapv(|value| value as f32)
        });
        P::from_rows(mean.collect(), first.n_outputs())
    }
}

/// Trains once for each fold (of every repeat) and seed, and puts each fold's predictions in its rows: `train(fold, seed)` is given the
/// rows to learn from and returns predictions of `fold.test`, in that order. Repeats are averaged.
///
/// ```
/// use hairpin_targets::Folds;
/// use hairpin_train::out_of_fold;
/// use ndarray::Array2;
///
/// let folds = Folds::random(10, 5, 1, 7)?;
/// // A "model" that answers with the mean of the rows it was trained on.
/// let found = out_of_fold(&folds, &[1, 2], |fold, _seed| {
///     let mean = fold.train.iter().sum::<usize>() as f32 / fold.train.len() as f32;
///     Ok::<_, hairpin_train::TrainError>(Array2::from_elem((fold.test.len(), 1), mean))
/// })?;
/// assert_eq!(found.by_seed.len(), 2);
/// assert!(found.mean().iter().all(|mean| (2.0..7.0).contains(mean)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// What `train` returns; [`TrainError::RowsDiffer`] when it predicts another number of rows than the fold has.
///
/// # Panics
///
/// Without a seed.
pub fn out_of_fold<P: Predictions, E: From<TrainError>>(
    folds: &Folds,
    seeds: &[u64],
    mut train: impl FnMut(&Fold, u64) -> Result<P, E>,
) -> Result<OutOfFold<P>, E> {
    assert!(!seeds.is_empty(), "out_of_fold: no seed");
    let mut by_seed = Vec::with_capacity(seeds.len());
    for &seed in seeds {
        let mut all: Vec<Array2<f32>> = vec![Array2::zeros((0, 0)); folds.n_rows()];
        let mut n_outputs = 0;
        for fold in folds.iter() {
            let found = train(&fold, seed)?;
            if found.n_rows() != fold.test.len() {
                return Err(E::from(TrainError::RowsDiffer {
                    inputs: fold.test.len(),
                    targets: found.n_rows(),
                }));
            }
            n_outputs = found.n_outputs();
            for (place, &row) in fold.test.iter().enumerate() {
                let found = found.row(place);
                if all[row].is_empty() {
                    all[row] = Array2::zeros(found.dim());
                }
                all[row].scaled_add(1.0 / folds.n_repeats() as f32, &found);
            }
        }
        by_seed.push(P::from_rows(all, n_outputs));
    }
    Ok(OutOfFold { by_seed })
}

/// Test-time augmentation: predictions from `draws` augmented versions of every example (noise, the other strand, windows: what the
/// dataset does for training): their mean and their standard deviation.
///
/// Of a model that answers at every position the versions are to have the example's length.
///
/// # Errors
///
/// As [`predict`](crate::predict).
///
/// # Panics
///
/// When `batch_size` or `draws` is 0.
pub fn predict_augmented<M, D, O, Y>(
    model: &M,
    objective: &O,
    inputs: &D,
    batch_size: usize,
    (draws, seed): (usize, u64),
    device: &Device,
) -> Result<(Y::Predictions, Y::Predictions), TrainError>
where
    M: Model<Y>,
    D: Dataset<Input = M::Input>,
    O: Objective<Y>,
    Y: Outputs,
{
    assert!(draws > 0, "predict_augmented: no draw");
    let mut moments: Vec<(Array2<f64>, Array2<f64>)> = Vec::new();
    for draw in 0..draws {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(draw as u64);
        let found = predict_rows(model, objective, inputs, batch_size, Some(&mut rng), device)?;
        for row in 0..found.n_rows() {
            let found = found.row(row).mapv(f64::from);
            // Welford's way: no large sums of squares.
            let Some((mean, squares)) = moments.get_mut(row) else {
                moments.push((found.clone(), Array2::zeros(found.dim())));
                continue;
            };
            let before = &found - &*mean;
            *mean += &(&before / (draw + 1) as f64);
            *squares += &(&before * &(&found - &*mean));
        }
    }
    let (means, spreads) = moments
        .into_iter()
        .map(|(mean, squares)| {
            let spread = squares / draws as f64;
            (
                mean.mapv(|value| value as f32),
                spread.mapv(|value| value.max(0.0).sqrt() as f32),
            )
        })
        .unzip();
    Ok((
        Y::Predictions::from_rows(means, model.n_outputs()),
        Y::Predictions::from_rows(spreads, model.n_outputs()),
    ))
}

/// Training targets with predictions of unlabelled rows below them, and the weights of all rows: 1 for what was measured, `weight` for
/// what was predicted (pseudo-labels: Lee 2013). The inputs are to be joined in the same order; predictions of rows that a member is
/// validated on have no place here.
///
/// # Errors
///
/// When the predictions have other columns than the targets.
pub fn with_pseudo_labels(
    targets: &TargetMatrix,
    predicted: &Array2<f32>,
    weight: f32,
) -> Result<(TargetMatrix, Vec<f32>), TargetError> {
    let columns = targets.n_columns();
    if predicted.ncols() != columns {
        return Err(TargetError::Shape {
            what: "pseudo-labels",
            expected: (predicted.nrows(), columns),
            found: predicted.dim(),
        });
    }
    let join = |a, b| concatenate(Axis(0), &[a, b]).expect("as many columns");
    let values = join(targets.to_nan().view(), predicted.view());
    let joined = TargetMatrix::from_nan(values, targets.names().to_vec())?;
    let weights = std::iter::repeat_n(1.0, targets.n_rows())
        .chain(std::iter::repeat_n(weight, predicted.nrows()))
        .collect();
    Ok((joined, weights))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn ensemble() -> Ensemble {
        let member = |name: &str, weight, byte| Member {
            name: name.into(),
            weight,
            bundle: Bundle {
                model: "m".into(),
                config_toml: String::new(),
                targets: serde_json::json!({ "byte": byte }),
                weights: vec![byte; 9],
            },
        };
        Ensemble {
            members: vec![member("a", 0.5, 1), member("b", 0.5, 2)],
        }
    }

    #[test]
    fn a_mixture_of_two_ensembles_and_a_list_that_is_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path()).unwrap();
        ensemble().save(&run).unwrap();
        assert_eq!(Ensemble::load(&run, "m").unwrap(), ensemble());
        let other = RunDir::open(run.file("members/b")).unwrap();
        ensemble().members[0].bundle.save(&other).unwrap();
        let error = Ensemble::load(&run, "m").unwrap_err().to_string();
        assert!(error.contains("member `b` is another"), "{error}");
        for list in [
            "",
            "{}",
            r#"{"format":2,"members":[]}"#,
            r#"{"format":1,"members":[]}"#,
            r#"{"format":1,"members":[{"name":"../a","weight":1.0,"bundle_sha256":""}]}"#,
            r#"{"format":1,"members":[{"name":"a","weight":1e999,"bundle_sha256":""}]}"#,
        ] {
            run.write(Ensemble::FILE, list.as_bytes()).unwrap();
            let error = Ensemble::load(&run, "m").unwrap_err();
            let named = error.to_string();
            assert!(named.contains("ensemble.json"), "{list}: {named}");
        }
        let mut twice = ensemble();
        twice.members[1].name = "a".into();
        assert!(twice.save(&run).is_err());
    }

    #[test]
    fn folds_and_seeds_fill_every_row_once() {
        let folds = Folds::random(11, 3, 2, 5).unwrap();
        let mut calls = 0;
        let found = out_of_fold(&folds, &[1, 5], |fold, seed| {
            calls += 1;
            assert!(fold.train.iter().all(|row| !fold.test.contains(row)));
            let rows = fold.test.iter().map(|&row| row as f32 + seed as f32);
            let rows = rows.collect::<Vec<_>>();
            Ok::<_, TrainError>(Array2::from_shape_vec((fold.test.len(), 1), rows).unwrap())
        })
        .unwrap();
        assert_eq!(calls, 12);
        for (row, value) in found.mean().iter().enumerate() {
            assert!((value - (row as f32 + 3.0)).abs() < 1e-5);
        }
        let short = out_of_fold(&folds, &[1], |_, _| {
            Ok::<_, TrainError>(Array2::zeros((1, 1)))
        });
        assert!(matches!(short, Err(TrainError::RowsDiffer { .. })));
    }

    #[test]
    fn pseudo_labels_stand_below_with_their_own_weight() {
        let names = || vec!["a".to_owned(), "b".to_owned()];
        let targets = TargetMatrix::from_nan(array![[1.0, f32::NAN], [2.0, 3.0]], names()).unwrap();
        let (joined, weights) = with_pseudo_labels(&targets, &array![[7.0, 8.0]], 0.25).unwrap();
        assert_eq!(weights, [1.0, 1.0, 0.25]);
        assert_eq!(joined.n_rows(), 3);
        assert!(!joined.measured()[[0, 1]] && joined.measured()[[2, 1]]);
        assert_eq!(joined.values()[[2, 0]], 7.0);
        assert!(with_pseudo_labels(&targets, &array![[7.0]], 0.25).is_err());
    }
}
